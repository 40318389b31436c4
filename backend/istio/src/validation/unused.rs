//! Rules of a VirtualService that nothing can reach: istiod warns of them.

use super::at::At;
use super::found::{Found, rules};
use serde_json::Value;
use std::collections::HashMap;

rules! {
    /// What of a VirtualService is never asked.
    Unused {
        Warning RuleUnreachable(route: String, why: &'static str) "virtualService rule {route} not used ({why})";
        Warning MatchIneffective(route: String, one: String, first: String)
            "virtualService rule {route} match {one} is not used (duplicate/overlapping match in rule {first})";
    }
}

pub(super) fn rules(spec: At<'_>, found: &mut Found) {
    for kind in ["http", "tcp", "tls"] {
        of_kind(&spec.items(kind).collect::<Vec<_>>(), found);
    }
    overlaps(&spec.items("http").collect::<Vec<_>>(), found);
}

/// As istiod calls it: by its name, or else by its number.
fn called(value: At<'_>, number: usize) -> String {
    match value.text("name") {
        "" => format!("#{number}"),
        name => format!("\"{name}\""),
    }
}

fn of_kind(routes: &[At<'_>], found: &mut Found) {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut for_all = false;
    for (number, route) in routes.iter().enumerate() {
        let unreachable = |why| Unused::RuleUnreachable { route: called(*route, number), why };
        let count = route.items("match").len();
        if count == 0 {
            if for_all {
                found.add(*route, unreachable("only the last rule can have no matches"));
            }
            for_all = true;
            continue;
        }
        let mut twice = 0;
        for (index, one) in route.items("match").enumerate() {
            let mut nameless = one.value().clone();
            if let Some(members) = nameless.as_object_mut() {
                members.shift_remove("name");
                members.sort_keys();
            }
            match seen.get(&nameless.to_string()) {
                Some(first) => {
                    twice += 1;
                    let [route, first] =
                        [(*route, number), (routes[*first], *first)].map(|(at, n)| called(at, n));
                    found.add(one, Unused::MatchIneffective { route, one: called(one, index), first });
                }
                None => drop(seen.insert(nameless.to_string(), number)),
            }
        }
        if twice == count {
            found.add(*route, unreachable("all matches used by prior rules"));
        }
    }
}

/// A match by prefix, and what else it asks for.
struct ByPrefix<'a> {
    at: &'a At<'a>,
    route: String,
    called: String,
    prefix: &'a str,
    port: i64,
    method: String,
    authority: String,
    maps: [HashMap<&'a str, String>; 3],
}

fn overlaps(routes: &[At<'_>], found: &mut Found) {
    let how = |value: &Value| match (value["exact"].as_str(), value["prefix"].as_str()) {
        (Some(exact), _) if !exact.is_empty() => format!("exact:{exact}"),
        (_, Some(prefix)) if !prefix.is_empty() => format!("prefix:{prefix}"),
        _ => String::new(),
    };
    let matches = routes.iter().enumerate().flat_map(|(number, route)| {
        route
            .items("match")
            .enumerate()
            .map(move |(index, one)| (called(*route, number), called(one, index), one))
    });
    let matches: Vec<(String, String, At<'_>)> = matches.filter(|(.., one)| one.says("uri/prefix")).collect();
    let by_prefix = matches.iter().map(|(route, called, at)| {
        let method = how(at.at("method").value());
        ByPrefix {
            at,
            route: route.clone(),
            called: called.clone(),
            prefix: at.text("uri/prefix"),
            port: at.whole("port"),
            method: if method.is_empty() { "exact:GET".into() } else { method },
            authority: how(at.at("authority").value()),
            maps: ["headers", "queryParams", "withoutHeaders"]
                .map(|path| at.entries(path).map(|(name, value)| (name, how(value.value()))).collect()),
        }
    });
    let by_prefix: Vec<ByPrefix<'_>> = by_prefix.collect();
    for (index, first) in by_prefix.iter().enumerate() {
        let later = by_prefix.iter().skip(index + 1).filter(|later| later.prefix != first.prefix);
        for later in later.filter(|later| covers(first, later)) {
            let one = format!("{} of prefix {}", later.called, later.prefix);
            let first = format!("{} of prefix {} on {}", first.called, first.prefix, first.route);
            found.add(*later.at, Unused::MatchIneffective { route: later.route.clone(), one, first });
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
