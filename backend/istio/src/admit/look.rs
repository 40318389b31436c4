//! Whether a rule of a policy takes a call.

use super::holds::Holds::{self, No, Yes};
use super::{Action, Call, Identity, patterns};
use crate::block::Block;
use crate::views::{AuthorizationRule, Condition, Operation, Source};
use regex::Regex;
use std::net::IpAddr;

/// A field of a rule, with its values as they are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// "paths", "notPaths", `request.headers[x]`.
    pub name: String,
    /// What it says.
    pub values: Vec<String>,
}

/// Whether a rule of a policy of a namespace takes a call.
pub fn takes(rule: &AuthorizationRule, action: Action, namespace: &str, call: &Call<'_>) -> Holds {
    let look = Look { call, namespace, denies: action == Action::Deny };
    let from = match rule.from.as_slice() {
        [] => Yes,
        from => Holds::any(from.iter().map(|from| all(look.source(&from.source)))),
    };
    let to = match rule.to.as_slice() {
        [] => Yes,
        to => Holds::any(to.iter().map(|to| all(look.operation(&to.operation)))),
    };
    from.and(to).and(Holds::all(rule.when.iter().map(|when| look.condition(when).1)))
}

/// The fields for which a rule does not take a call: of several sources and operations those of the first.
pub fn missed(rule: &AuthorizationRule, action: Action, namespace: &str, call: &Call<'_>) -> Vec<Field> {
    let look = Look { call, namespace, denies: action == Action::Deny };
    let from: Vec<Vec<Part>> = rule.from.iter().map(|from| look.source(&from.source)).collect();
    let to: Vec<Vec<Part>> = rule.to.iter().map(|to| look.operation(&to.operation)).collect();
    let failing = |alternatives: Vec<Vec<Part>>| {
        let fails = |parts: &Vec<Part>| parts.iter().any(|(_, holds)| *holds == No);
        if alternatives.iter().all(fails) {
            alternatives.into_iter().next().unwrap_or_default()
        } else {
            Vec::new()
        }
    };
    let when = rule.when.iter().map(|when| look.condition(when)).collect();
    let parts = [failing(from), failing(to), when].concat();
    parts.into_iter().filter(|(_, holds)| *holds == No).map(|(field, _)| field).collect()
}

type Part = (Field, Holds);

fn all(parts: Vec<Part>) -> Holds {
    Holds::all(parts.into_iter().map(|(_, holds)| holds))
}

struct Look<'a> {
    call: &'a Call<'a>,
    /// The policy's own.
    namespace: &'a str,
    denies: bool,
}

impl Look<'_> {
    fn source(&self, source: &Source) -> Vec<Part> {
        let account = |value: &str| self.account(value);
        let direct = |value: &str| address(value, self.call.source);
        let remote = |value: &str| address(value, self.call.remote);
        let token = |value: &str| self.token(value);
        let mut parts = Vec::new();
        let mut add = |name: &str, holds: Holds, values: &[String], not: &[String]| {
            push(&mut parts, name, holds, values, not);
        };
        let Source { principals, not_principals, namespaces, not_namespaces, .. } = source;
        let of = |value: &str| self.principal(value);
        add("principals", field(principals, not_principals, of), principals, not_principals);
        let (values, not) = (&source.request_principals, &source.not_request_principals);
        add("requestPrincipals", self.http(values, not, token), values, not);
        let of = |value: &str| self.fits(&patterns::namespace(value));
        add("namespaces", field(namespaces, not_namespaces, of), namespaces, not_namespaces);
        let (values, not) = (&source.service_accounts, &source.not_service_accounts);
        add("serviceAccounts", field(values, not, account), values, not);
        let (values, not) = (&source.trust_domains, &source.not_trust_domains);
        add("trustDomains", field(values, not, |value| self.trust_domain(value)), values, not);
        let (values, not) = (&source.ip_blocks, &source.not_ip_blocks);
        add("ipBlocks", field(values, not, direct), values, not);
        let (values, not) = (&source.remote_ip_blocks, &source.not_remote_ip_blocks);
        add("remoteIpBlocks", field(values, not, remote), values, not);
        parts
    }

    fn operation(&self, operation: &Operation) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut add = |name: &str, holds: Holds, values: &[String], not: &[String]| {
            push(&mut parts, name, holds, values, not);
        };
        let (values, not) = (&operation.hosts, &operation.not_hosts);
        let small = |value: &str| value.to_ascii_lowercase();
        let host = |value: &str| {
            self.of_request("the host", value, |request| text(&small(value), &small(&request.authority)))
        };
        add("hosts", self.http(values, not, host), values, not);
        let (values, not) = (&operation.methods, &operation.not_methods);
        let method =
            |value: &str| self.of_request("the method", value, |request| text(value, &request.method));
        add("methods", self.http(values, not, method), values, not);
        let (values, not) = (&operation.paths, &operation.not_paths);
        let path = |value: &str| self.of_request("the path", value, |request| path(value, &request.path));
        add("paths", self.http(values, not, path), values, not);
        let (values, not) = (&operation.ports, &operation.not_ports);
        add("ports", field(values, not, |value| self.port(value)), values, not);
        parts
    }

    fn condition(&self, when: &Condition) -> Part {
        let (values, not) = (&when.values, &when.not_values);
        let holds = match when.key.as_str() {
            "source.namespace" => field(values, not, |value| self.fits(&patterns::namespace(value))),
            "source.principal" => field(values, not, |value| self.principal(value)),
            "source.serviceAccount" => field(values, not, |value| self.account(value)),
            "source.trustDomain" => field(values, not, |value| self.trust_domain(value)),
            "destination.port" => field(values, not, |value| self.port(value)),
            "source.ip" => field(values, not, |value| address(value, self.call.source)),
            "remote.ip" => field(values, not, |value| address(value, self.call.remote)),
            "request.auth.principal" => self.http(values, not, |value| self.token(value)),
            "request.auth.audiences" => self.claim(when, &["aud"]),
            "request.auth.presenter" => self.claim(when, &["azp"]),
            key => match (
                patterns::bracketed(key, "request.headers"),
                patterns::bracketed(key, "request.auth.claims"),
            ) {
                (Some(name), _) => self.header(when, name.first().copied().unwrap_or_default()),
                (_, Some(claim)) => self.claim(when, &claim),
                _ => field(values, not, |_| Holds::on(key)),
            },
        };
        (Field { name: when.key.clone(), values: [values.clone(), not.clone()].concat() }, holds)
    }

    /// What only a request has. Where bytes are passed on, Istio is stricter: a rule that allows takes nothing,
    /// one that denies takes all the same.
    fn http(&self, values: &[String], not: &[String], fits: impl Fn(&str) -> Holds) -> Holds {
        match values.is_empty() && not.is_empty() {
            false if !self.call.http => Holds::of(self.denies),
            _ => field(values, not, fits),
        }
    }

    fn of_request(&self, what: &str, value: &str, fits: impl Fn(&crate::route::Request) -> bool) -> Holds {
        match self.call.request {
            Some(request) => Holds::of(fits(request)),
            None if matches!(value, "*" | "/*") => Yes,
            None => Holds::on(what),
        }
    }

    fn header(&self, when: &Condition, name: &str) -> Holds {
        let of = |value: &str| match self.call.request {
            Some(request) => Holds::of(request.header(name).iter().any(|is| value == "*" || text(value, is))),
            None => Holds::on(&when.key),
        };
        self.http(&when.values, &when.not_values, of)
    }

    fn claim(&self, when: &Condition, path: &[&str]) -> Holds {
        let of = |value: &str| match self.call.request {
            Some(request) => Holds::of(request.claim(path).iter().any(|is| some(value, is))),
            None => Holds::on(&when.key),
        };
        self.http(&when.values, &when.not_values, of)
    }

    /// A token's `issuer/subject`. Both may have slashes, so each may be the one between them.
    fn token(&self, value: &str) -> Holds {
        let Some(request) = self.call.request else { return Holds::on("the request's token") };
        let of = |name: &str| request.claim(&[name]).into_iter().next();
        let (Some(issuer), Some(subject)) = (of("iss"), of("sub")) else { return No };
        let both = |one: &str, other: &str| some(one, &issuer) && some(other, &subject);
        let splits = value.match_indices('/').any(|(at, _)| both(&value[..at], &value[at + 1..]));
        let wide = value == "*"
            || value.starts_with('*') && some(value, &subject)
            || value.ends_with('*') && some(value, &issuer);
        Holds::of(wide || splits)
    }

    fn port(&self, value: &str) -> Holds {
        let is = |port: u32| Holds::of(value.parse::<u32>() == Ok(port));
        self.call.port.map_or_else(|| Holds::on("the port"), is)
    }

    /// What is true of an identity, as it stands in its certificate; nothing is true of nobody.
    fn identity(&self, fits: impl Fn(&str) -> bool) -> Holds {
        match self.call.identity {
            Identity::Account { namespace, account } => {
                let domain = self.call.trust_domain;
                Holds::of(fits(&format!("spiffe://{domain}/ns/{namespace}/sa/{account}")))
            }
            Identity::Nobody => No,
            Identity::Unknown => Holds::on("whether mutual TLS is used"),
        }
    }

    fn fits(&self, pattern: &str) -> Holds {
        let read = Regex::new(&format!("^(?:{pattern})$"));
        self.identity(|is| read.as_ref().is_ok_and(|read| read.is_match(is)))
    }

    fn principal(&self, value: &str) -> Holds {
        let domain = self.call.trust_domain;
        let wanted = match value.split_once('/') {
            _ if value.starts_with('*') => value.to_owned(),
            Some(("cluster.local", rest)) => format!("spiffe://{domain}/{rest}"),
            _ => format!("spiffe://{value}"),
        };
        self.identity(|is| text(&wanted, is))
    }

    /// `account` of the policy's own namespace, or `namespace/account`.
    fn account(&self, value: &str) -> Holds {
        self.fits(&patterns::account(value, self.namespace))
    }

    fn trust_domain(&self, value: &str) -> Holds {
        match value {
            "cluster.local" => self.identity(|_| true),
            value => self.fits(&patterns::trust_domain(value)),
        }
    }
}

fn push(parts: &mut Vec<Part>, name: &str, holds: Holds, values: &[String], not: &[String]) {
    let name = match (values, not) {
        ([], []) => return,
        ([], _) => format!("not{}{}", name[..1].to_uppercase(), &name[1..]),
        _ => name.to_owned(),
    };
    parts.push((Field { name, values: [values, not].concat() }, holds));
}

/// One of the values, and none of the others.
fn field(values: &[String], not: &[String], fits: impl Fn(&str) -> Holds) -> Holds {
    let any = |values: &[String]| Holds::any(values.iter().map(|value| fits(value)));
    let of = if values.is_empty() { Yes } else { any(values) };
    if not.is_empty() { of } else { of.and(any(not).not()) }
}

fn address(block: &str, is: Option<IpAddr>) -> Holds {
    is.map_or_else(
        || Holds::on("the caller's address"),
        |is| Holds::of(Block::of(block).is_some_and(|block| block.holds(is))),
    )
}

fn path(wanted: &str, is: &str) -> bool {
    match patterns::path(wanted) {
        None => text(wanted, is),
        Some(pattern) => Regex::new(&format!("^(?:{pattern})$")).is_ok_and(|read| read.is_match(is)),
    }
}

/// As [`text`], of what is not empty.
fn some(wanted: &str, value: &str) -> bool {
    text(wanted, value) && !(wanted == "*" && value.is_empty())
}

/// Text as policies write it: all of it, `prefix*`, `*suffix`, or `*` for anything.
fn text(wanted: &str, value: &str) -> bool {
    match (wanted.strip_prefix('*'), wanted.strip_suffix('*')) {
        (Some(end), _) => value.ends_with(end),
        (_, Some(begin)) => value.starts_with(begin),
        _ => wanted == value,
    }
}
