//! What becomes of a request that a rule took.

use super::list::Candidate;
use super::request::Request;
use super::scope::Scope;
use super::{Answer, Outcome, Said, Split};
use crate::api_routes::PREFIX;
use crate::duration::Duration;
use crate::hosts::{fqdn, host_and_port};
use crate::views::{Destination, HttpRoute, Redirect, Rewrite, RouteDestination};
use regex::Regex;

/// Of the rule that took it.
pub(super) fn of(scope: &Scope<'_>, took: &Candidate, request: &Request) -> Outcome {
    let rule = &*took.rule;
    let mut outcome = Outcome {
        timeout: rule.timeout.as_deref().and_then(Duration::read).filter(|timeout| timeout.nanos() > 0),
        fault: rule.fault.clone().filter(|fault| fault.acts()),
        retries: rule.retries.clone(),
        ..Outcome::default()
    };
    if let Some(redirect) = &rule.redirect {
        outcome.answer = Some(redirected(redirect, took, request));
    } else if let Some(response) = &rule.direct_response {
        let status = u16::try_from(response.status).unwrap_or_default();
        outcome.answer = Some(Answer { status, location: None, by: Said::Rule });
    } else {
        outcome.destinations = splits(scope, took);
        outcome.mirrors = mirrors(scope, took);
        if outcome.destinations.iter().all(|split| split.missing.is_some()) {
            let status = if took.made { 500 } else { 503 };
            outcome.answer = Some(Answer { status, location: None, by: Said::NoDestination });
        }
        outcome.path = rule.rewrite.as_ref().and_then(|rewrite| rewritten(rewrite, took, request));
        outcome.authority = authority(rule);
    }
    outcome
}

fn splits(scope: &Scope<'_>, took: &Candidate) -> Vec<Split> {
    let split = |to: &RouteDestination, weight: u32| split(scope, took, &to.destination, weight);
    match took.rule.route.as_slice() {
        [only] => vec![split(only, 100)],
        // As istiod: a share of nothing is left out.
        several => {
            let weight = |to: &RouteDestination| u32::try_from(to.weight.unwrap_or(0)).unwrap_or_default();
            several.iter().filter(|to| weight(to) > 0).map(|to| split(to, weight(to))).collect()
        }
    }
}

fn mirrors(scope: &Scope<'_>, took: &Candidate) -> Vec<(Split, f64)> {
    let rule = &*took.rule;
    let old = rule.mirror.iter().map(|to| (to, rule.mirror_share()));
    let new = rule.mirrors.iter().map(|mirror| (&mirror.destination, mirror.share()));
    let shared = old.chain(new).filter(|(_, share)| *share > 0.0);
    shared.map(|(to, share)| (split(scope, took, to, 100), share)).collect()
}

/// A destination as it is meant: without a port it is the service's only one, else the one that was called.
pub(super) fn split(scope: &Scope<'_>, took: &Candidate, to: &Destination, weight: u32) -> Split {
    meant(scope, &took.namespace, took.port, to, weight)
}

pub(super) fn meant(scope: &Scope<'_>, namespace: &str, way: u16, to: &Destination, weight: u32) -> Split {
    let host = fqdn(&to.host, namespace);
    let host = scope.world.aliases.get(&host).cloned().unwrap_or(host);
    let said = to.port.as_ref().and_then(|port| u16::try_from(port.number).ok());
    let only = || match scope.service(&host).map(|service| service.ports.as_slice()) {
        Some([port]) => Some(port.number),
        _ => None,
    };
    let port = said.or_else(only).unwrap_or(way);
    let subset = to.subset.clone().filter(|subset| !subset.is_empty());
    Split::new(scope, host, subset, port, weight)
}

/// Of several wishes for the host the outermost holds, and a rewrite before them.
fn authority(rule: &HttpRoute) -> Option<String> {
    let rewritten = rule.rewrite.as_ref().and_then(|rewrite| rewrite.authority.clone());
    let only = match rule.route.as_slice() {
        [only] => only.headers.as_ref(),
        _ => None,
    };
    let set = [rule.headers.as_ref(), only].into_iter().flatten().find_map(|headers| {
        let request = headers.request.as_ref()?;
        let host = |name: &str| name.eq_ignore_ascii_case("host") || name.eq_ignore_ascii_case(":authority");
        let mut all = request.set.iter().chain(&request.add);
        all.find(|(name, _)| host(name)).map(|(_, value)| value.clone())
    });
    rewritten.or(set)
}

/// The path that the service is asked for, where it is another one.
fn rewritten(rewrite: &Rewrite, took: &Candidate, request: &Request) -> Option<String> {
    let path = if let Some(regex) = &rewrite.uri_regex_rewrite {
        let pattern = Regex::new(&regex.r#match).ok()?;
        // \1 is a group, as RE2 writes it.
        let text = regex.rewrite.replace('$', "$$");
        let groups = Regex::new(r"\\([0-9])").ok()?;
        pattern.replace_all(&request.path, groups.replace_all(&text, "$${$1}").as_ref()).into_owned()
    } else {
        replaced(took, request, rewrite.uri.as_ref()?)
    };
    Some(request.query.as_ref().map_or_else(|| path.clone(), |query| format!("{path}?{query}")))
}

/// The path with what the rule wanted of it replaced: a prefix, or all of it.
fn replaced(took: &Candidate, request: &Request, by: &str) -> String {
    let path = request.path.as_str();
    let uri = took.one.uri.as_ref();
    let whole = uri.is_some_and(|uri| uri.exact.is_some() || uri.prefix.is_none() && uri.regex.is_some());
    if whole {
        return by.to_owned();
    }
    let prefix = uri.and_then(|uri| uri.prefix.as_deref()).unwrap_or("/");
    if !took.made {
        return format!("{by}{}", path.get(prefix.len()..).unwrap_or_default());
    }
    let (prefix, by) = (prefix.trim_end_matches('/'), by.trim_end_matches('/'));
    let rest = path.get(prefix.len()..).unwrap_or_default();
    match (prefix.is_empty(), by.is_empty()) {
        (true, _) => format!("{by}{path}"),
        (_, true) => format!("/{}", rest.trim_start_matches('/')),
        _ => format!("{by}{rest}"),
    }
}

fn redirected(rule: &Redirect, took: &Candidate, request: &Request) -> Answer {
    let status = rule.redirect_code.and_then(|code| u16::try_from(code).ok());
    let status = status.filter(|code| [302, 303, 307, 308].contains(code)).unwrap_or(301);
    let scheme = rule.scheme.as_deref().filter(|scheme| !scheme.is_empty()).unwrap_or(&request.scheme);
    let derived = rule.derive_port.as_deref() == Some("FROM_REQUEST_PORT");
    let port = rule.port.or_else(|| derived.then(|| u32::from(took.port)));
    // The scheme's own port is left out.
    let own = if rule.scheme.as_deref() == Some("https") { 443 } else { 80 };
    let port = port.filter(|port| *port != own);
    let host = match rule.authority.as_deref().filter(|host| !host.is_empty()) {
        Some(host) => host.to_owned(),
        None => host_of(request, scheme, port.is_some()),
    };
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    let query = request.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
    let path = match rule.uri.as_deref().filter(|uri| !uri.is_empty()) {
        None => request.whole_path(),
        Some(uri) => match uri.strip_prefix(PREFIX) {
            Some(prefix) => format!("{}{query}", replaced(took, request, prefix)),
            // A query of its own takes the place of the request's.
            None if uri.contains('?') => uri.to_owned(),
            None => format!("{uri}{query}"),
        },
    };
    let location = Some(format!("{scheme}://{host}{port}{path}"));
    Answer { status, location, by: Said::Rule }
}

/// The host of the request, without a port where another one is said or where it was the scheme's own.
fn host_of(request: &Request, scheme: &str, ported: bool) -> String {
    let (host, port) = host_and_port(&request.authority);
    let own = match request.scheme.as_str() {
        "https" => 443,
        _ => 80,
    };
    let drops = ported || scheme != request.scheme && port == Some(own);
    if drops && port.is_some() { host.to_owned() } else { request.authority.clone() }
}

/// To HTTPS, as a gateway's server asks for.
pub(super) fn to_https(request: &Request) -> Outcome {
    let location = Some(format!("https://{}{}", request.authority, request.whole_path()));
    Outcome { answer: Some(Answer { status: 301, location, by: Said::HttpsOnly }), ..Outcome::default() }
}
