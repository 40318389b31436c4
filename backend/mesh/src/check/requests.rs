//! Checks of what rules ask of requests and no request has: tokens that nobody reads, paths without a slash.

use super::ambient::captured;
use super::fix::Fix;
use super::policies::{Policy, policy};
use super::world::listed;
use super::{Check, Found, Look, Severity, World};
use crate::why::has_proxy;
use crate::{Ref, Workload, kinds};
use istio::attach::Attach;
use istio::views::{AuthorizationRule, RequestAuthentication, Source, StringMatch};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "TokensNotRead",
        codes: &[],
        severity: Severity::Error,
        what: "A policy asks for a token, and no RequestAuthentication is for its workloads",
        why: "Nobody reads tokens there, and no call has one: an ALLOW rule lets nobody in, a DENY rule stops nobody; \
              one that is for calls without a token stops everybody.",
        next: "Make a RequestAuthentication for the same workloads.",
        of: &[&kinds::AUTHORIZATION_POLICY],
        reads: &[&kinds::REQUEST_AUTHENTICATION, &kinds::POD],
        look: Look::Each(tokens_not_read),
    },
    Check {
        name: "PathWithoutSlash",
        codes: &[],
        severity: Severity::Warning,
        what: "A rule asks for a path that does not begin with a slash",
        why: "The path of every request does: the rule takes none.",
        next: "Write the slash; a * before a text stands for all paths that end so.",
        of: &[&kinds::VIRTUAL_SERVICE, &kinds::AUTHORIZATION_POLICY],
        reads: &[],
        look: Look::Each(path_without_slash),
    },
];

/// Where a rule asks for a token, and what calls without one then are.
struct Asked {
    path: String,
    /// It takes calls that have none.
    without: bool,
}

/// Whether every call that a rule takes has a token, or takes those that have none.
fn asks_for_token(rule: &AuthorizationRule, index: usize) -> Option<Asked> {
    let (with, without) = ("requestPrincipals", "notRequestPrincipals");
    let source = |field: &str, which: fn(&Source) -> bool| {
        let place = rule.from.iter().position(|from| which(&from.source))?;
        Some(format!("spec.rules[{index}].from[{place}].source.{field}"))
    };
    let asks = |source: &Source| !source.request_principals.is_empty();
    if rule.from.iter().all(|from| asks(&from.source))
        && let Some(path) = source(with, asks)
    {
        return Some(Asked { path, without: false });
    }
    let when =
        rule.when.iter().position(|when| when.key.starts_with("request.auth.") && !when.values.is_empty());
    if let Some(place) = when {
        return Some(Asked { path: format!("spec.rules[{index}].when[{place}]"), without: false });
    }
    let path = source(without, |source| !source.not_request_principals.is_empty())?;
    Some(Asked { path, without: true })
}

fn tokens_not_read(world: &World<'_>, at: &Ref, found: &mut Found) {
    let Some(policy) = policy(world, at) else { return };
    let rules = policy.view.rules.iter().enumerate();
    let asked: Vec<Asked> = rules.filter_map(|(index, rule)| asks_for_token(rule, index)).collect();
    let allows = policy.action() == "ALLOW";
    if asked.is_empty() || !(allows || policy.action() == "DENY") {
        return;
    }
    let bare = unread(world, &policy);
    for Asked { path, without } in asked {
        let then = match (allows, without) {
            (true, false) => "lets nobody in",
            (false, false) => "stops nobody",
            (false, true) => "stops everybody",
            (true, true) => continue,
        };
        if !bare.is_empty() {
            let names = listed(bare.iter().map(|one| &*one.name));
            found.add(at, path, format!("No RequestAuthentication is for {names}: the rule {then}"));
        }
    }
}

/// The workloads of a policy, if nobody reads tokens at any of them.
fn unread<'w>(world: &World<'w>, policy: &Policy<'_>) -> Vec<&'w Workload> {
    let proxied = |one: &&Workload| has_proxy(one) && !captured(world, one);
    let all: Vec<&Workload> = policy.workloads(world).into_iter().filter(proxied).collect();
    let root = world.mesh.root_namespace();
    let readers = world.read::<RequestAuthentication>(&kinds::REQUEST_AUTHENTICATION);
    let read = |one: &&Workload| {
        let mut readers = readers.iter().filter(|(.., view)| !view.jwt_rules.is_empty());
        readers.any(|(of, _, view)| view.attached(&of.namespace).holds(root, &one.namespace, &one.labels))
    };
    if all.iter().any(read) { Vec::new() } else { all }
}

fn path_without_slash(world: &World<'_>, at: &Ref, found: &mut Found) {
    if *at.kind == kinds::VIRTUAL_SERVICE {
        return uri_without_slash(world, at, found);
    }
    let Some(policy) = policy(world, at) else { return };
    for (path, operation) in policy.operations() {
        for (field, paths) in [("paths", &operation.paths), ("notPaths", &operation.not_paths)] {
            for (index, text) in
                paths.iter().enumerate().filter(|(_, text)| !text.starts_with(['/', '*', '{']))
            {
                slash(at, format!("{path}.{field}[{index}]"), text, found);
            }
        }
    }
}

fn uri_without_slash(world: &World<'_>, at: &Ref, found: &mut Found) {
    let Some(view) = world.mesh.virtual_service(at) else { return };
    for (rule, of) in view.http.iter().enumerate() {
        for (index, one) in of.r#match.iter().enumerate() {
            let (how, text) = match &one.uri {
                Some(StringMatch { exact: Some(text), .. }) => ("exact", text),
                Some(StringMatch { prefix: Some(text), .. }) => ("prefix", text),
                _ => continue,
            };
            // OPTIONS may ask for `*`.
            if !text.starts_with('/') && !text.is_empty() && text != "*" {
                slash(at, format!("spec.http[{rule}].match[{index}].uri.{how}"), text, found);
            }
        }
    }
}

fn slash(at: &Ref, path: String, text: &str, found: &mut Found) {
    let fix = (!text.is_empty() && !text.contains("://"))
        .then(|| Fix::set(format!("Write /{text}"), &path, format!("/{text}")));
    found.mended(at, path, format!("No path is {text}: all begin with a slash"), fix);
}
