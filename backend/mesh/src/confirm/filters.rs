//! Filters of a proxy's listeners: whether they hold what a policy must have brought.

use super::json::{self, field, list, text};
use super::{Held, port_of, resources, want};
use crate::evidence::{Acts, Guards, Want, Word, Words, Xds};
use serde_json::Value;
use std::collections::BTreeMap;

const REQUESTS: &str = "envoy.filters.network.http_connection_manager";

/// The filters of one chain, by name.
struct Chain<'a> {
    /// Whether it reads requests.
    http: bool,
    filters: Vec<(&'a str, &'a Value)>,
}

/// Chains of what comes in, at a sidecar those of the workload's own ports, or of one of them; or of what goes
/// out. At a gateway all.
fn chains(dump: &Value, out: bool, port: Option<u32>) -> Vec<Chain<'_>> {
    let listeners: Vec<&Value> = resources(dump, Xds::Lds)
        .filter_map(|listener| field(field(listener, "active_state")?, "listener"))
        .collect();
    let comes_in = |listener: &&&Value| text(listener, "traffic_direction") == "INBOUND";
    let sidecar = listeners.iter().any(|listener| comes_in(&listener));
    let guarded = listeners.iter().filter(|listener| !sidecar || comes_in(listener) != out);
    let all = guarded.flat_map(|listener| {
        list(listener, "filter_chains").iter().chain(field(listener, "default_filter_chain"))
    });
    let meant = |chain: &&Value| port.is_none_or(|port| port_of(chain) == Some(port));
    all.filter(|chain| !text(chain, "name").contains("blackhole")).filter(meant).map(Chain::of).collect()
}

impl<'a> Chain<'a> {
    fn of(chain: &'a Value) -> Self {
        // What is discovered apart (a plugin of Istio's) is there all the same.
        let of = |filter| field(filter, "typed_config").or_else(|| field(filter, "config_discovery"));
        let named = |filter: &'a Value| Some((text(filter, "name"), of(filter)?));
        let mut filters: Vec<(&str, &Value)> = list(chain, "filters").iter().filter_map(named).collect();
        let requests = filters.iter().find(|(name, _)| *name == REQUESTS).map(|(_, config)| *config);
        let inner = requests.and_then(|config| json::at(config, "/http_filters")).and_then(Value::as_array);
        filters.extend(inner.into_iter().flatten().filter_map(named));
        Self { http: requests.is_some(), filters }
    }

    fn named<'b>(&'b self, names: &'b [String]) -> impl Iterator<Item = &'a Value> + 'b {
        self.filters.iter().filter(|(name, _)| names.iter().any(|wanted| wanted == name)).map(|(_, of)| *of)
    }
}

/// What chains hold in filters of these names.
pub(super) fn held(
    dump: &Value,
    (names, out, port): (&[String], bool, Option<u32>),
    path: &str,
    wanted: &Want,
) -> Held {
    let chains = chains(dump, out, port);
    let http: Vec<&Chain<'_>> = chains.iter().filter(|chain| chain.http).collect();
    if let Want::Guards(guards) = wanted {
        // Connections tell less than requests: they are asked where there are no others.
        let asked = if http.is_empty() { chains.iter().collect() } else { http };
        return of_guards(&asked, names, guards);
    }
    if http.is_empty() {
        return Held::Elsewhere;
    }
    let holds = |chain: &&Chain<'_>| {
        want::holds(wanted, chain.named(names).find_map(|config| json::at(config, path)))
    };
    http.iter().all(holds).into()
}

fn of_guards(chains: &[&Chain<'_>], names: &[String], guards: &Guards) -> Held {
    if chains.is_empty() {
        return Held::Elsewhere;
    }
    let found = |chain: &Chain<'_>| -> BTreeMap<usize, Vec<(Option<Acts>, Value)>> {
        let mut all: BTreeMap<usize, Vec<_>> = BTreeMap::new();
        for (index, acts, rule) in chain.named(names).flat_map(|config| rules(config, &guards.named)) {
            all.entry(index).or_default().push((acts, rule.clone()));
        }
        all
    };
    let Some(shown) = &guards.shown else {
        return chains.iter().all(|chain| found(chain).is_empty()).into();
    };
    let http = chains[0].http;
    let mut seen = false;
    for chain in chains {
        let found = found(chain);
        seen |= !found.is_empty();
        // A rule about requests only is none of connections.
        let whole = !http || found.len() == shown.rules.len();
        let holds = |(index, rules): (&usize, &Vec<(Option<Acts>, Value)>)| {
            let words = shown.rules.get(*index);
            rules.iter().all(|(acts, rule)| {
                acts.as_ref() == Some(&shown.acts) && words.is_some_and(|words| says(rule, words, http))
            })
        };
        if !whole || !found.iter().all(holds) {
            return Held::No;
        }
    }
    if seen || http { Held::from(seen) } else { Held::Elsewhere }
}

/// The rules of a policy in one filter: their place, what they do (if that is known here), and all of them.
fn rules<'a>(config: &'a Value, named: &'a str) -> impl Iterator<Item = (usize, Option<Acts>, &'a Value)> {
    let both = [("rules", false), ("shadow_rules", true)];
    both.into_iter().flat_map(move |(part, shadow)| {
        let part = field(config, part);
        let denies = part.map_or("", |part| text(part, "action"));
        let policies = part.and_then(|part| field(part, "policies")).and_then(Value::as_object);
        policies.into_iter().flatten().filter_map(move |(name, rule)| {
            let (before, after) = name.split_once(named)?;
            let (index, end) = after.strip_prefix("-rule[")?.split_once(']')?;
            let asked = before.strip_prefix("istio-ext-authz-").map(|asked| asked.trim_end_matches('-'));
            let acts = match (shadow, asked, denies) {
                (true, Some(provider), _) => Some(Acts::Ask(provider.to_owned())),
                (true, None, "DENY") => Some(Acts::WouldDeny),
                (true, None, _) => Some(Acts::WouldAllow),
                // Refused because nobody can be asked.
                (false, _, _) if !end.is_empty() => None,
                (false, _, "DENY") => Some(Acts::Deny),
                (false, _, "LOG") => Some(Acts::Log),
                (false, ..) => Some(Acts::Allow),
            };
            Some((index.parse().ok()?, acts, rule))
        })
    })
}

fn says(rule: &Value, words: &Words, http: bool) -> bool {
    let mut said = Vec::new();
    leaves(rule, "", false, &mut said);
    let there = |word: &Word| said.iter().any(|(not, leaf)| *not == word.not && contains(leaf, &word.text));
    let asked = |word: &&Word| http || !word.http;
    words.has.iter().filter(asked).all(there) && !words.lacks.iter().filter(asked).any(there)
}

/// All texts and numbers of a rule, and whether each stands in a negation.
fn leaves(value: &Value, key: &str, not: bool, into: &mut Vec<(bool, String)>) {
    match value {
        Value::Object(fields) => {
            if let Some(address) = field(value, "address_prefix").and_then(Value::as_str) {
                let length = field(value, "prefix_len").and_then(json::number).unwrap_or(0);
                return into.push((not, format!("{address}/{length}")));
            }
            for (key, value) in fields {
                let turned = matches!(key.as_str(), "not_id" | "notId" | "not_rule" | "notRule");
                leaves(value, key, not != turned, into);
            }
        }
        Value::Array(rows) => rows.iter().for_each(|row| leaves(row, key, not, into)),
        // Regular expressions mask what means something in them.
        Value::String(text) => into.push((not, text.replace('\\', ""))),
        Value::Number(number) => {
            let key = if key == "destinationPort" { "destination_port" } else { key };
            into.push((not, format!("{key}={number}")));
        }
        _ => {}
    }
}

/// Whether a word stands in a text by itself: where it has a `*`, it may go on.
pub(crate) fn contains(leaf: &str, word: &str) -> bool {
    let (begins, ends) = (!word.starts_with('*'), !word.ends_with('*'));
    let word = word.trim_matches('*');
    let inside =
        |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || "-_".contains(letter));
    leaf.match_indices(word).any(|(at, _)| {
        let before = leaf[..at].chars().next_back();
        let after = leaf[at + word.len()..].chars().next();
        // A word that begins or ends with a sign stands by itself.
        (!begins || !inside(before) || !inside(word.chars().next()))
            && (!ends || !inside(after) || !inside(word.chars().next_back()))
    })
}

#[cfg(test)]
mod tests {
    use super::contains;

    #[test]
    fn words_stand_by_themselves() {
        for (leaf, word, expect) in [
            ("spiffe://cluster.local/ns/web/sa/front", "*/ns/web/sa/front", true),
            ("spiffe://cluster.local/ns/web/sa/front-2", "*/ns/web/sa/front", false),
            (".*/ns/web/.*", "*/ns/web/", true),
            (".*/ns/web-2/.*", "*/ns/web/", false),
            (".*/ns/we.*/.*", "*/ns/we*", true),
            ("GET", "GET", true),
            ("TARGET", "GET", false),
            ("destination_port=9080", "destination_port=908", false),
            ("spiffe://.+/ns/web/(.+/|)sa/front(/.+)?", "sa/front", true),
            ("/admin", "/admin*", true),
        ] {
            assert_eq!(contains(leaf, word), expect, "{leaf} {word}");
        }
    }
}
