//! Rules of a VirtualService that nothing can reach: istiod warns of them.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{
    Problems,
    values::{entries, items, text, whole},
};

pub(super) fn rules(spec: &Value, problems: &mut Problems) {
    for kind in ["/http", "/tcp", "/tls"] {
        of_kind(&items(spec, kind).collect::<Vec<_>>(), problems);
    }
    overlaps(&items(spec, "/http").collect::<Vec<_>>(), problems);
}

/// As istiod calls it: by its name, or else by its number.
fn called(value: &Value, number: usize) -> String {
    match text(value, "/name") {
        "" => format!("#{number}"),
        name => format!("\"{name}\""),
    }
}

fn of_kind(routes: &[&Value], problems: &mut Problems) {
    let unreachable = |route: String, why: &str| format!("virtualService rule {route} not used ({why})");
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut for_all = false;
    for (number, route) in routes.iter().enumerate() {
        let matches: Vec<&Value> = items(route, "/match").collect();
        if matches.is_empty() {
            problems.warn_if(for_all, || {
                unreachable(called(route, number), "only the last rule can have no matches")
            });
            for_all = true;
            continue;
        }
        let mut twice = 0;
        for (index, one) in matches.iter().enumerate() {
            let mut nameless = (*one).clone();
            if let Some(members) = nameless.as_object_mut() {
                members.shift_remove("name");
                members.sort_keys();
            }
            match seen.get(&nameless.to_string()) {
                Some(first) => {
                    twice += 1;
                    problems.warn(ineffective(
                        &called(route, number),
                        &called(one, index),
                        &called(routes[*first], *first),
                    ));
                }
                None => drop(seen.insert(nameless.to_string(), number)),
            }
        }
        problems.warn_if(twice == matches.len(), || {
            unreachable(called(route, number), "all matches used by prior rules")
        });
    }
}

fn ineffective(route: &str, one: &str, first: &str) -> String {
    format!(
        "virtualService rule {route} match {one} is not used (duplicate/overlapping match in rule {first})"
    )
}

/// A match by prefix, and what else it asks for.
struct ByPrefix<'a> {
    route: String,
    called: String,
    prefix: &'a str,
    port: i64,
    method: String,
    authority: String,
    maps: [HashMap<&'a str, String>; 3],
}

fn overlaps(routes: &[&Value], problems: &mut Problems) {
    let how = |value: &Value| match (text(value, "/exact"), text(value, "/prefix")) {
        ("", "") => String::new(),
        ("", prefix) => format!("prefix:{prefix}"),
        (exact, _) => format!("exact:{exact}"),
    };
    let nothing = Value::Object(Map::new());
    let mut found = Vec::new();
    for (number, route) in routes.iter().enumerate() {
        for (index, one) in items(route, "/match").enumerate() {
            let prefix = text(one, "/uri/prefix");
            if prefix.is_empty() {
                continue;
            }
            let method = how(one.get("method").unwrap_or(&nothing));
            found.push(ByPrefix {
                route: called(route, number),
                called: called(one, index),
                prefix,
                port: whole(one, "/port"),
                method: if method.is_empty() { "exact:GET".into() } else { method },
                authority: how(one.get("authority").unwrap_or(&nothing)),
                maps: ["/headers", "/queryParams", "/withoutHeaders"].map(|path| {
                    entries(one, path).map(|(name, value)| (name.as_str(), how(value))).collect()
                }),
            });
        }
    }
    for (index, first) in found.iter().enumerate() {
        for later in
            found.iter().skip(index + 1).filter(|later| later.prefix != first.prefix && covers(first, later))
        {
            problems.warn(ineffective(
                &later.route,
                &format!("{} of prefix {}", later.called, later.prefix),
                &format!("{} of prefix {} on {}", first.called, first.prefix, first.route),
            ));
        }
    }
}

fn covers(first: &ByPrefix<'_>, later: &ByPrefix<'_>) -> bool {
    let maps = first.maps.iter().zip(&later.maps).all(|(first, later)| {
        first.len() == later.len()
            && first
                .iter()
                .all(|(name, value)| later.get(name).is_some_and(|other| value.starts_with(other.as_str())))
    });
    later.prefix.starts_with(first.prefix)
        && later.port == first.port
        && first.method.starts_with(&later.method)
        && first.authority.starts_with(&later.authority)
        && maps
}
