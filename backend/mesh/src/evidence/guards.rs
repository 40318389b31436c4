//! What proxies show of an AuthorizationPolicy: rules by the names that istiod gives them, each with the
//! words of the policy in it. How istiod writes a rule for Envoy is another in each version; that its values
//! stand in it, negated or not, is so in all of them.

use istio::Ref;
use istio::admit::Action;
use istio::views::{AuthorizationRule, Condition, Operation, Source};
use serde::{Deserialize, Serialize};

/// Filters that refuse calls, of requests and of connections.
pub const RBAC: [&str; 2] = ["envoy.filters.http.rbac", "envoy.filters.network.rbac"];

/// The rules of one policy in a proxy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Guards {
    /// With what the names of its rules begin: "ns\[bookinfo\]-policy\[viewer\]".
    pub named: String,
    /// What they do; `None`: there are none.
    pub shown: Option<Shown>,
}

/// Rules of a policy, in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    /// What they do.
    pub acts: Acts,
    /// What stands in each.
    pub rules: Vec<Words>,
}

/// What a rule does in a proxy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Acts {
    /// It lets in.
    Allow,
    /// It refuses.
    Deny,
    /// It notes.
    Log,
    /// It only counts what it would let in.
    WouldAllow,
    /// It only counts what it would refuse.
    WouldDeny,
    /// The provider of this name is asked.
    Ask(String),
}

/// What stands in a rule, and what does not.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Words {
    /// These do.
    pub has: Vec<Word>,
    /// These do not.
    pub lacks: Vec<Word>,
}

/// A value of a policy's field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Word {
    /// What stands there; with `*` where it may go on.
    pub text: String,
    /// Whether it stands in a negation.
    pub not: bool,
    /// Whether only rules for requests have it.
    pub http: bool,
}

impl Guards {
    /// That a policy's rules are not there.
    pub fn none(of: &Ref) -> Self {
        Self { named: format!("ns[{}]-policy[{}]", of.namespace, of.name), shown: None }
    }

    /// That they are there, with what tells them from those of another time.
    pub fn of(of: &Ref, acts: Acts, rules: &[AuthorizationRule], others: &[AuthorizationRule]) -> Self {
        let one = |(index, rule): (usize, &AuthorizationRule)| {
            let has = words(rule);
            let mut lacks = others.get(index).map(words).unwrap_or_default();
            // What is a part of something that is there cannot be missed.
            let part = |lack: &Word| {
                has.iter()
                    .any(|word| word.not == lack.not && crate::confirm::stands_in(&word.text, &lack.text))
            };
            lacks.retain(|lack| !part(lack));
            Words { has, lacks }
        };
        let mut rules: Vec<Words> = rules.iter().enumerate().map(one).collect();
        if rules.is_empty() && matches!(acts, Acts::Allow | Acts::WouldAllow) {
            rules.push(Words::default()); // Istio makes one that takes nothing
        }
        Self { shown: Some(Shown { acts, rules }), ..Self::none(of) }
    }
}

impl Acts {
    /// What the rules of a policy do.
    pub fn of(action: Action, dry_run: bool, provider: &str) -> Self {
        match (action, dry_run) {
            (Action::Allow, false) => Self::Allow,
            (Action::Allow, true) => Self::WouldAllow,
            (Action::Deny, false) => Self::Deny,
            (Action::Deny, true) => Self::WouldDeny,
            (Action::Audit, _) => Self::Log,
            (Action::Custom, _) => Self::Ask(provider.to_owned()),
        }
    }
}

/// All values of a rule, as they stand in a proxy.
fn words(rule: &AuthorizationRule) -> Vec<Word> {
    let mut all = Vec::new();
    rule.from.iter().for_each(|from| source(&from.source, &mut all));
    rule.to.iter().for_each(|to| operation(&to.operation, &mut all));
    rule.when.iter().for_each(|when| condition(when, &mut all));
    all.retain(|word| !word.text.trim_matches('*').is_empty());
    all.sort();
    all.dedup();
    all
}

fn put(all: &mut Vec<Word>, http: bool, [values, not]: [&[String]; 2], shown: fn(&str) -> Vec<String>) {
    for (values, not) in [(values, false), (not, true)] {
        let texts = values.iter().flat_map(|value| shown(value));
        all.extend(texts.map(|text| Word { text, not, http }));
    }
}

fn source(of: &Source, all: &mut Vec<Word>) {
    put(all, false, [&of.principals, &of.not_principals], principal);
    put(all, true, [&of.request_principals, &of.not_request_principals], token);
    put(all, false, [&of.namespaces, &of.not_namespaces], namespace);
    put(all, false, [&of.service_accounts, &of.not_service_accounts], account);
    put(all, false, [&of.trust_domains, &of.not_trust_domains], |value| vec![format!("spiffe://{value}/")]);
    put(all, false, [&of.ip_blocks, &of.not_ip_blocks], block);
    put(all, false, [&of.remote_ip_blocks, &of.not_remote_ip_blocks], block);
}

fn operation(of: &Operation, all: &mut Vec<Word>) {
    let plain = |value: &str| vec![value.to_owned()];
    put(all, true, [&of.hosts, &of.not_hosts], plain);
    put(all, true, [&of.methods, &of.not_methods], plain);
    put(all, true, [&of.paths, &of.not_paths], path);
    put(all, false, [&of.ports, &of.not_ports], port);
}

fn condition(when: &Condition, all: &mut Vec<Word>) {
    let both = [when.values.as_slice(), &when.not_values];
    match when.key.as_str() {
        "source.namespace" => put(all, false, both, namespace),
        "source.principal" => put(all, false, both, principal),
        "source.serviceAccount" => put(all, false, both, account),
        "source.trustDomain" => put(all, false, both, |value| vec![format!("spiffe://{value}/")]),
        "source.ip" | "remote.ip" => put(all, false, both, block),
        "destination.port" => put(all, false, both, port),
        "destination.ip" => {}
        "request.auth.principal" => put(all, true, both, token),
        key => put(all, key.starts_with("request."), both, |value| {
            vec![value.trim_matches(['[', ']']).to_owned()]
        }),
    }
    if let Some(name) = when.key.strip_prefix("request.headers[").and_then(|key| key.strip_suffix(']')) {
        for (values, not) in [(&when.values, false), (&when.not_values, true)] {
            if !values.is_empty() {
                all.push(Word { text: name.to_owned(), not, http: true });
            }
        }
    }
}

/// Whichever trust domain it is told of.
fn principal(value: &str) -> Vec<String> {
    let begins = value.find("/ns/").filter(|_| !value.starts_with('*'));
    vec![begins.map_or_else(|| value.to_owned(), |at| format!("*{}", &value[at..]))]
}

/// Issuer and subject.
fn token(value: &str) -> Vec<String> {
    let (issuer, subject) = value.rsplit_once('/').unwrap_or(("", value));
    [issuer, subject].map(str::to_owned).to_vec()
}

fn namespace(value: &str) -> Vec<String> {
    let end = if value.ends_with('*') { "" } else { "/" };
    vec![format!("*/ns/{value}{end}")]
}

fn account(value: &str) -> Vec<String> {
    let (namespace, account) = value.split_once('/').unwrap_or(("", value));
    let of = if namespace.is_empty() { Vec::new() } else { self::namespace(namespace) };
    [of, vec![format!("sa/{account}")]].concat()
}

fn block(value: &str) -> Vec<String> {
    let whole = if value.contains(':') { 128 } else { 32 };
    vec![if value.contains('/') { value.to_owned() } else { format!("{value}/{whole}") }]
}

fn port(value: &str) -> Vec<String> {
    vec![format!("destination_port={value}")]
}

/// Of a template, what stands before its first variable.
fn path(value: &str) -> Vec<String> {
    vec![value.split_once('{').map_or_else(|| value.to_owned(), |(begin, _)| format!("{begin}*"))]
}
