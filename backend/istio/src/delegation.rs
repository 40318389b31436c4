//! Delegation: a VirtualService leaves some of its HTTP rules to another, which has no hosts of its own.
//!
//! As in istiod, a rule that delegates becomes the rules of the other VirtualService, each narrowed by its
//! matches and filled up with its settings. Rules whose matches contradict each other are left out.

use crate::hosts::fqdn;
use crate::views::{HttpMatch, HttpRoute, StringMatch, VirtualService};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A rule of a VirtualService with what it delegates written out.
#[derive(Clone, Debug, PartialEq)]
pub struct Written<'a> {
    /// Position of the rule that it comes from, in the VirtualService itself.
    pub index: usize,
    /// The VirtualService that it was left to, and its position there.
    pub delegate: Option<Delegated>,
    /// What holds: as it stands, where nothing is delegated.
    pub rule: Cow<'a, HttpRoute>,
}

/// Where a rule of another VirtualService stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delegated {
    /// Namespace of the VirtualService.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Position among its rules.
    pub index: usize,
}

/// A rule that delegates to what is not there, or may not be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Its position.
    pub index: usize,
    /// Namespace of the VirtualService that it names.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// The HTTP rules of a VirtualService of a namespace with those that it delegates. `find` gives the
/// VirtualService without hosts of a namespace and name, if it may be seen from there.
pub fn written_out<'a>(
    root: &'a VirtualService,
    namespace: &str,
    find: impl Fn(&str, &str) -> Option<&'a VirtualService>,
) -> (Vec<Written<'a>>, Vec<Missing>) {
    let (mut rules, mut missing) = (Vec::new(), Vec::new());
    for (index, rule) in root.http.iter().enumerate() {
        let Some(to) = &rule.delegate else {
            rules.push(Written { index, delegate: None, rule: Cow::Borrowed(rule) });
            continue;
        };
        let of = to.namespace.as_deref().filter(|of| !of.is_empty()).unwrap_or(namespace);
        let Some(found) = find(of, &to.name) else {
            missing.push(Missing { index, namespace: of.to_owned(), name: to.name.clone() });
            continue;
        };
        rules.extend(found.http.iter().enumerate().filter_map(|(place, own)| {
            let delegate = Delegated { namespace: of.to_owned(), name: to.name.clone(), index: place };
            Some(Written { index, delegate: Some(delegate), rule: Cow::Owned(narrowed(rule, own, of)?) })
        }));
    }
    (rules, missing)
}

/// The rule of a delegate as its root has it; `None` when no request can match both.
fn narrowed(root: &HttpRoute, own: &HttpRoute, namespace: &str) -> Option<HttpRoute> {
    let mut rule = own.clone();
    rule.r#match = match (root.r#match.as_slice(), own.r#match.as_slice()) {
        ([], own) => own.to_vec(),
        (root, []) => root.to_vec(),
        (roots, own) => {
            let pairs = roots.iter().flat_map(|root| own.iter().map(move |own| (root, own)));
            let both: Vec<HttpMatch> = pairs.filter_map(|(root, own)| joined(root, own)).collect();
            if both.is_empty() {
                return None;
            }
            both
        }
    };
    rule.name = name(root.name.as_deref(), own.name.as_deref());
    rule.delegate = None;
    let full = |host: &mut String| *host = fqdn(host, namespace);
    rule.route.iter_mut().for_each(|split| full(&mut split.destination.host));
    rule.mirror.iter_mut().for_each(|to| full(&mut to.host));
    rule.mirrors.iter_mut().for_each(|mirror| full(&mut mirror.destination.host));
    macro_rules! inherit {
        ($($field:ident),*) => { $(if rule.$field.is_none() { rule.$field.clone_from(&root.$field); })* };
    }
    inherit!(
        rewrite,
        direct_response,
        timeout,
        retries,
        fault,
        mirror,
        mirror_percentage,
        cors_policy,
        headers
    );
    if rule.mirrors.is_empty() {
        rule.mirrors.clone_from(&root.mirrors);
    }
    Some(rule)
}

fn name(root: Option<&str>, own: Option<&str>) -> Option<String> {
    let names: Vec<&str> = [root, own].into_iter().flatten().filter(|name| !name.is_empty()).collect();
    (!names.is_empty()).then(|| names.join("-"))
}

/// One match that asks for what both ask for; `None` when they contradict each other.
fn joined(root: &HttpMatch, own: &HttpMatch) -> Option<HttpMatch> {
    let texts = [
        (&root.uri, &own.uri),
        (&root.scheme, &own.scheme),
        (&root.method, &own.method),
        (&root.authority, &own.authority),
    ];
    let maps = [
        (&root.headers, &own.headers),
        (&root.without_headers, &own.without_headers),
        (&root.query_params, &own.query_params),
    ];
    let among = |(root, own): (&BTreeMap<String, StringMatch>, &BTreeMap<String, StringMatch>)| {
        root.iter().any(|(key, value)| own.get(key).is_some_and(|own| contradict(value, own)))
    };
    let labels = root
        .source_labels
        .iter()
        .any(|(key, value)| own.source_labels.get(key).is_some_and(|own| own != value));
    let differ = |one: Option<&String>, other: Option<&String>| {
        one.zip(other).is_some_and(|(one, other)| one != other)
    };
    let contradiction = texts
        .into_iter()
        .any(|(root, own)| matches!((root, own), (Some(root), Some(own)) if contradict(root, own)))
        || maps.into_iter().any(among)
        || labels
        || root.uri.is_some() && own.uri.is_some() && root.ignore_uri_case != own.ignore_uri_case
        || matches!((root.port, own.port), (Some(one), Some(other)) if one != other)
        || differ(root.source_namespace.as_ref(), own.source_namespace.as_ref());
    if contradiction {
        return None;
    }
    let mut both = own.clone();
    both.name = name(root.name.as_deref(), own.name.as_deref());
    both.uri = own.uri.clone().or_else(|| root.uri.clone());
    both.ignore_uri_case = root.ignore_uri_case || own.ignore_uri_case;
    both.scheme = own.scheme.clone().or_else(|| root.scheme.clone());
    both.method = own.method.clone().or_else(|| root.method.clone());
    both.authority = own.authority.clone().or_else(|| root.authority.clone());
    both.port = own.port.or(root.port);
    both.source_namespace = own.source_namespace.clone().or_else(|| root.source_namespace.clone());
    let union = |own: &mut BTreeMap<String, StringMatch>, root: &BTreeMap<String, StringMatch>| {
        for (key, value) in root {
            own.entry(key.clone()).or_insert_with(|| value.clone());
        }
    };
    union(&mut both.headers, &root.headers);
    union(&mut both.without_headers, &root.without_headers);
    union(&mut both.query_params, &root.query_params);
    for (key, value) in &root.source_labels {
        both.source_labels.insert(key.clone(), value.clone());
    }
    if both.gateways.is_empty() {
        both.gateways.clone_from(&root.gateways);
    }
    Some(both)
}

/// As istiod: expressions always, exact texts that differ, and prefixes that the root's is no beginning of.
fn contradict(root: &StringMatch, own: &StringMatch) -> bool {
    if root.regex.is_some() || own.regex.is_some() {
        return true;
    }
    match (&root.exact, &root.prefix) {
        (Some(exact), _) => own.prefix.is_some() || own.exact.as_ref().is_some_and(|own| own != exact),
        (None, Some(prefix)) => {
            own.exact.iter().chain(&own.prefix).any(|own| !own.starts_with(prefix.as_str()))
        }
        (None, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rules(spec: serde_json::Value) -> VirtualService {
        serde_json::from_value(spec).unwrap()
    }

    #[test]
    fn rules_of_the_other_are_narrowed_and_filled_up() {
        let root = rules(json!({ "hosts": ["shop.example"], "http": [
            { "name": "pay", "match": [{ "uri": { "prefix": "/pay" } }], "timeout": "3s",
              "delegate": { "name": "pay", "namespace": "money" } },
            { "name": "rest", "route": [{ "destination": { "host": "web" } }] },
            { "delegate": { "name": "nobody" } },
        ] }));
        let pay = rules(json!({ "http": [
            { "name": "card", "match": [{ "uri": { "prefix": "/pay/card" } }], "timeout": "1s",
              "route": [{ "destination": { "host": "card" } }] },
            { "match": [{ "uri": { "prefix": "/other" } }],
              "route": [{ "destination": { "host": "never" } }] },
            { "route": [{ "destination": { "host": "cash" } }] },
        ] }));
        let find = |namespace: &str, name: &str| (namespace == "money" && name == "pay").then_some(&pay);
        let (written, missing) = written_out(&root, "shop", find);
        let told: Vec<String> = written
            .iter()
            .map(|one| {
                let rule = &one.rule;
                let place =
                    one.delegate.as_ref().map(|to| format!("{}/{}[{}]", to.namespace, to.name, to.index));
                let path = rule.r#match.first().and_then(|one| one.uri.clone()?.prefix).unwrap_or_default();
                format!(
                    "{} {} {} {path} {} {}",
                    one.index,
                    place.as_deref().unwrap_or("-"),
                    rule.name.as_deref().unwrap_or("-"),
                    rule.timeout.as_deref().unwrap_or("-"),
                    rule.route[0].destination.host
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                "0 money/pay[0] pay-card /pay/card 1s card.money.svc.cluster.local",
                "0 money/pay[2] pay /pay 3s cash.money.svc.cluster.local",
                "1 - rest  - web",
            ]
        );
        assert_eq!(missing, [Missing { index: 2, namespace: "shop".into(), name: "nobody".into() }]);
    }

    #[test]
    fn texts_that_no_request_has_both_of() {
        let exact = |text: &str| StringMatch { exact: Some(text.into()), ..StringMatch::default() };
        let prefix = |text: &str| StringMatch { prefix: Some(text.into()), ..StringMatch::default() };
        let regex = |text: &str| StringMatch { regex: Some(text.into()), ..StringMatch::default() };
        for (root, own, expect) in [
            (exact("/a"), exact("/a"), false),
            (exact("/a"), exact("/b"), true),
            (exact("/a"), prefix("/a"), true),
            (prefix("/a"), prefix("/a/b"), false),
            (prefix("/a"), exact("/a/b"), false),
            (prefix("/a"), prefix("/b"), true),
            (prefix("/a/b"), prefix("/a"), true),
            (regex("/a.*"), prefix("/a"), true),
            (StringMatch::default(), prefix("/a"), false),
        ] {
            assert_eq!(contradict(&root, &own), expect, "{root:?} {own:?}");
        }
    }
}
