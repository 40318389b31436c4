//! Whether AuthorizationPolicies let a call in, as far as that is decided by who calls whom.
//!
//! Of a call between two workloads the identities and the port are known; its method, path, headers and token
//! are another for each request. So the answer can be that it depends, and on what.

use crate::precedence::Config;
use crate::views::{AuthorizationPolicy, AuthorizationRule, Condition, Operation, Source};
use std::collections::BTreeSet;

/// What a policy does with the calls that one of its rules takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Somebody else is asked.
    Custom,
    /// They are noted, and nothing else.
    Audit,
    /// They are refused.
    Deny,
    /// They are let in, and all others that no such policy takes are refused.
    Allow,
}

impl Action {
    /// All of them, in the order in which Istio looks at them.
    pub const ALL: [Self; 4] = [Self::Custom, Self::Audit, Self::Deny, Self::Allow];

    /// As Istio writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Custom => "CUSTOM",
            Self::Audit => "AUDIT",
            Self::Deny => "DENY",
            Self::Allow => "ALLOW",
        }
    }
    /// What is written as a policy's `action`; ALLOW where nothing is. `None` for a word that Istio does not
    /// know.
    pub fn read(word: Option<&str>) -> Option<Self> {
        match word {
            None | Some("") => Some(Self::Allow),
            Some(word) => Self::ALL.into_iter().find(|action| action.name() == word),
        }
    }
}

/// Who calls, as the called proxy sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// A service account, proved by mutual TLS.
    Account {
        /// Its namespace.
        namespace: String,
        /// Its name.
        account: String,
    },
    /// Nobody: it calls in plain text.
    Nobody,
    /// One of these two.
    Unknown,
}

/// A call of which only this is known.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// Who calls.
    pub identity: &'a Identity,
    /// The mesh's trust domain; policies may also say "cluster.local".
    pub trust_domain: &'a str,
    /// The port of the workload that is called; `None` where it is not known.
    pub port: Option<u32>,
    /// Whether its proxy reads requests there, or passes bytes on.
    pub http: bool,
}

/// Whether something holds of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holds {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// That depends on these ("paths").
    Depends(BTreeSet<String>),
}

use Holds::{Depends, No, Yes};

impl Holds {
    fn on(what: &str) -> Self {
        Depends(BTreeSet::from([what.to_owned()]))
    }
    fn of(holds: bool) -> Self {
        if holds { Yes } else { No }
    }
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (No, _) | (_, No) => No,
            (Yes, other) | (other, Yes) => other,
            (Depends(mut one), Depends(other)) => {
                one.extend(other);
                Depends(one)
            }
        }
    }
    fn or(self, other: Self) -> Self {
        self.not().and(other.not()).not()
    }
    fn not(self) -> Self {
        match self {
            Yes => No,
            No => Yes,
            depends => depends,
        }
    }
    fn any(all: impl Iterator<Item = Self>) -> Self {
        all.fold(No, Self::or)
    }
    fn all(all: impl Iterator<Item = Self>) -> Self {
        all.fold(Yes, Self::and)
    }
}

/// What becomes of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it is let in.
    pub may: Holds,
    /// The policy that decides it, as "namespace/name"; `None` where none does.
    pub by: Option<String>,
}

/// Whether policies let a call in: those of them that hold for the called workload and are no dry run.
pub fn admit<C: Config<Spec = AuthorizationPolicy>>(policies: &[C], call: &Call<'_>) -> Verdict {
    let of = |wanted: Action| {
        let acts = move |one: &&C| Action::read(one.spec().action.as_deref()) == Some(wanted);
        policies.iter().filter(acts).map(|one| (one, takes(one.spec(), one.namespace(), call)))
    };
    let name = |one: &C| Some(format!("{}/{}", one.namespace(), one.name()));
    let first = |found: Option<(&C, Holds)>| found.and_then(|(one, _)| name(one));
    let mut open = BTreeSet::new();
    let mut by = None;
    for (one, taken) in of(Action::Custom) {
        let on = match taken {
            No => continue,
            Yes => BTreeSet::new(),
            Depends(on) => on,
        };
        let provider = one.spec().provider.as_ref().and_then(|provider| provider["name"].as_str());
        open.extend(on);
        open.insert(format!("what {} answers", provider.unwrap_or("the provider")));
        by = by.or_else(|| name(one));
    }
    if let Some(denied) = of(Action::Deny).find(|(_, taken)| *taken == Yes) {
        return Verdict { may: No, by: name(denied.0) };
    }
    for (one, taken) in of(Action::Deny) {
        if let Depends(on) = taken {
            open.extend(on);
            by = by.or_else(|| name(one));
        }
    }
    let allowing: Vec<(&C, Holds)> = of(Action::Allow).collect();
    let allowed = Holds::any(allowing.iter().map(|(_, taken)| taken.clone()));
    match allowed {
        No if !allowing.is_empty() => return Verdict { may: No, by: None },
        Depends(on) => {
            open.extend(on);
            by = by.or_else(|| first(allowing.into_iter().find(|(_, taken)| matches!(taken, Depends(_)))));
        }
        _ if open.is_empty() => {
            return Verdict { may: Yes, by: first(allowing.into_iter().find(|(_, taken)| *taken == Yes)) };
        }
        _ => {}
    }
    Verdict { may: Depends(open), by }
}

/// Whether one of a policy's rules takes a call.
pub fn takes(policy: &AuthorizationPolicy, namespace: &str, call: &Call<'_>) -> Holds {
    let action = Action::read(policy.action.as_deref());
    let look = Look { call, namespace, denies: action == Some(Action::Deny) };
    Holds::any(policy.rules.iter().map(|rule| look.rule(rule)))
}

struct Look<'a> {
    call: &'a Call<'a>,
    /// The policy's own.
    namespace: &'a str,
    denies: bool,
}

impl Look<'_> {
    fn rule(&self, rule: &AuthorizationRule) -> Holds {
        let from = match rule.from.as_slice() {
            [] => Yes,
            from => Holds::any(from.iter().map(|from| self.source(&from.source))),
        };
        let to = match rule.to.as_slice() {
            [] => Yes,
            to => Holds::any(to.iter().map(|to| self.operation(&to.operation))),
        };
        from.and(to).and(Holds::all(rule.when.iter().map(|when| self.condition(when))))
    }

    fn source(&self, source: &Source) -> Holds {
        let account = |value: &str| self.account(value);
        let address = |_: &str| Holds::on("the caller's address");
        Holds::all(
            [
                field(&source.principals, &source.not_principals, |value| self.principal(value)),
                self.http(&source.request_principals, &source.not_request_principals, |_| {
                    Holds::on("the request's token")
                }),
                field(&source.namespaces, &source.not_namespaces, |value| self.of_namespace(value)),
                field(&source.service_accounts, &source.not_service_accounts, account),
                field(&source.trust_domains, &source.not_trust_domains, |value| self.trust_domain(value)),
                field(&source.ip_blocks, &source.not_ip_blocks, address),
                field(&source.remote_ip_blocks, &source.not_remote_ip_blocks, address),
            ]
            .into_iter(),
        )
    }

    fn operation(&self, operation: &Operation) -> Holds {
        let on = |what: &'static str| {
            move |value: &str| if matches!(value, "*" | "/*") { Yes } else { Holds::on(what) }
        };
        Holds::all(
            [
                self.http(&operation.hosts, &operation.not_hosts, on("the host")),
                self.http(&operation.methods, &operation.not_methods, on("the method")),
                self.http(&operation.paths, &operation.not_paths, on("the path")),
                field(&operation.ports, &operation.not_ports, |value| self.port(value)),
            ]
            .into_iter(),
        )
    }

    fn condition(&self, when: &Condition) -> Holds {
        let (values, not) = (&when.values, &when.not_values);
        match when.key.as_str() {
            "source.namespace" => field(values, not, |value| self.of_namespace(value)),
            "source.principal" => field(values, not, |value| self.principal(value)),
            "source.serviceAccount" => field(values, not, |value| self.account(value)),
            "source.trustDomain" => field(values, not, |value| self.trust_domain(value)),
            "destination.port" => field(values, not, |value| self.port(value)),
            "source.ip" | "remote.ip" => field(values, not, |_| Holds::on("the caller's address")),
            key if key.starts_with("request.") => self.http(values, not, |_| Holds::on(key)),
            key => field(values, not, |_| Holds::on(key)),
        }
    }

    /// What only a request has. Where bytes are passed on, Istio is stricter: a rule that allows takes
    /// nothing, one that denies takes all the same.
    fn http(&self, values: &[String], not: &[String], fits: impl Fn(&str) -> Holds) -> Holds {
        match values.is_empty() && not.is_empty() {
            false if !self.call.http => Holds::of(self.denies),
            _ => field(values, not, fits),
        }
    }

    fn port(&self, value: &str) -> Holds {
        self.call
            .port
            .map_or_else(|| Holds::on("the port"), |port| Holds::of(value.parse::<u32>() == Ok(port)))
    }

    /// What is true of an identity; nothing is true of nobody.
    fn identity(&self, fits: impl Fn(&str, &str) -> bool) -> Holds {
        match self.call.identity {
            Identity::Account { namespace, account } => Holds::of(fits(namespace, account)),
            Identity::Nobody => No,
            Identity::Unknown => Holds::on("whether mutual TLS is used"),
        }
    }

    fn principal(&self, value: &str) -> Holds {
        let domain = self.call.trust_domain;
        let value = match value.split_once('/') {
            Some(("cluster.local", rest)) => format!("{domain}/{rest}"),
            _ => value.to_owned(),
        };
        self.identity(|namespace, account| text(&value, &format!("{domain}/ns/{namespace}/sa/{account}")))
    }

    fn of_namespace(&self, value: &str) -> Holds {
        self.identity(|namespace, _| text(value, namespace))
    }

    /// `account` of the policy's own namespace, or `namespace/account`.
    fn account(&self, value: &str) -> Holds {
        let (of, name) = value.split_once('/').unwrap_or((self.namespace, value));
        self.identity(|namespace, account| (of, name) == (namespace, account))
    }

    fn trust_domain(&self, value: &str) -> Holds {
        let own = self.call.trust_domain;
        self.identity(|_, _| text(value, own) || value == "cluster.local")
    }
}

/// One of the values, and none of the others.
fn field(values: &[String], not: &[String], fits: impl Fn(&str) -> Holds) -> Holds {
    let any = |values: &[String]| Holds::any(values.iter().map(|value| fits(value)));
    let of = if values.is_empty() { Yes } else { any(values) };
    if not.is_empty() { of } else { of.and(any(not).not()) }
}

/// Text as policies write it: all of it, `prefix*`, `*suffix`, or `*` for anything.
pub fn text(wanted: &str, value: &str) -> bool {
    match (wanted.strip_prefix('*'), wanted.strip_suffix('*')) {
        (Some(end), _) => value.ends_with(end),
        (_, Some(begin)) => value.starts_with(begin),
        _ => wanted == value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::precedence::tests::Made;
    use serde_json::{Value, json};

    fn policies(all: &[Value]) -> Vec<Made<AuthorizationPolicy>> {
        all.iter().map(|spec| Made::new("shop/p", "1", spec.clone())).collect()
    }

    /// What becomes of a call of `web/front` to port 80 (HTTP) or 3306 (bytes).
    #[track_caller]
    fn check(all: &[Value], http: bool, expect: &str) {
        let identity = Identity::Account { namespace: "web".into(), account: "front".into() };
        check_from(&identity, all, http, expect);
    }

    #[track_caller]
    fn check_from(identity: &Identity, all: &[Value], http: bool, expect: &str) {
        let call =
            Call { identity, trust_domain: "td.example", port: Some(if http { 80 } else { 3306 }), http };
        let verdict = admit(&policies(all), &call);
        let said = match verdict.may {
            Yes => "yes".to_owned(),
            No => "no".to_owned(),
            Depends(on) => on.into_iter().collect::<Vec<_>>().join(", "),
        };
        assert_eq!(said, expect, "{all:?}");
    }

    #[test]
    fn the_order_of_actions() {
        let of = |action: &str, rules: Value| json!({ "action": action, "rules": rules });
        let web = json!([{ "from": [{ "source": { "namespaces": ["web"] } }] }]);
        check(&[], true, "yes");
        check(&[json!({})], true, "no");
        check(&[json!({ "rules": [{}] })], true, "yes");
        check(&[of("ALLOW", web.clone())], true, "yes");
        check(&[of("DENY", web.clone())], true, "no");
        check(&[of("DENY", web.clone()), of("ALLOW", web.clone())], true, "no");
        check(&[of("AUDIT", web.clone())], true, "yes");
        let other = json!([{ "from": [{ "source": { "namespaces": ["other"] } }] }]);
        check(&[of("ALLOW", other.clone())], true, "no");
        check(&[of("ALLOW", other.clone()), of("ALLOW", web.clone())], true, "yes");
        check(&[of("DENY", other)], true, "yes");
        let asked = json!({ "action": "CUSTOM", "provider": { "name": "judge" }, "rules": [{}] });
        check(std::slice::from_ref(&asked), true, "what judge answers");
        check(&[asked, of("DENY", web)], true, "no");
    }

    #[test]
    fn who_calls() {
        let from = |source: Value| json!({ "rules": [{ "from": [{ "source": source }] }] });
        for (source, expect) in [
            (json!({ "principals": ["cluster.local/ns/web/sa/front"] }), "yes"),
            (json!({ "principals": ["td.example/ns/web/sa/front"] }), "yes"),
            (json!({ "principals": ["other/ns/web/sa/front"] }), "no"),
            (json!({ "principals": ["cluster.local/ns/web/*"] }), "yes"),
            (json!({ "principals": ["*/sa/front"] }), "yes"),
            (json!({ "principals": ["*"] }), "yes"),
            (json!({ "notPrincipals": ["*"] }), "no"),
            (json!({ "namespaces": ["w*"] }), "yes"),
            (json!({ "namespaces": ["web"], "notNamespaces": ["web"] }), "no"),
            (json!({ "serviceAccounts": ["web/front"] }), "yes"),
            (json!({ "serviceAccounts": ["front"] }), "no"),
            (json!({ "ipBlocks": ["10.0.0.0/8"] }), "the caller's address"),
            (json!({ "requestPrincipals": ["*"] }), "the request's token"),
            (json!({ "namespaces": ["other"], "requestPrincipals": ["*"] }), "no"),
        ] {
            check(&[from(source)], true, expect);
        }
        let plain = |source: Value, expect| check_from(&Identity::Nobody, &[from(source)], true, expect);
        plain(json!({ "principals": ["*"] }), "no");
        plain(json!({ "notPrincipals": ["a"] }), "yes");
        let unknown = [from(json!({ "namespaces": ["web"] }))];
        check_from(&Identity::Unknown, &unknown, true, "whether mutual TLS is used");
    }

    #[test]
    fn what_is_called() {
        let to = |action: &str, operation: Value| json!({ "action": action, "rules": [{ "to": [{ "operation": operation }] }] });
        let get = json!({ "methods": ["GET"], "paths": ["/a*"] });
        check(&[to("ALLOW", get.clone())], true, "the method, the path");
        check(&[to("DENY", get.clone())], true, "the method, the path");
        // Bytes have neither: stricter both ways.
        check(&[to("ALLOW", get.clone())], false, "no");
        check(&[to("DENY", get)], false, "no");
        check(&[to("ALLOW", json!({ "ports": ["80"] }))], true, "yes");
        check(&[to("ALLOW", json!({ "ports": ["80"] }))], false, "no");
        check(&[to("DENY", json!({ "notPorts": ["3306"] }))], false, "yes");
        check(&[to("ALLOW", json!({ "paths": ["/*"] }))], true, "yes");
        let when = |key: &str| json!({ "rules": [{ "when": [{ "key": key, "values": ["web"] }] }] });
        check(&[when("source.namespace")], true, "yes");
        check(&[when("request.headers[x-team]")], true, "request.headers[x-team]");
        check(&[when("request.headers[x-team]")], false, "no");
    }
}
