//! Checks of fields that do nothing where they stand, or are old.

use super::subsets::policies;
use super::{Check, Found, Look, Severity, World};
use crate::{Ref, fqdn, kinds};
use istio::views::{AuthorizationPolicy, PeerAuthentication, StringMatch};
use serde_json::Value;

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "StarMeansItself",
        codes: &[],
        severity: Severity::Warning,
        what: "A path or host has a * where it stands for nothing but itself",
        why: "No call has a star there: the rule takes none.",
        next: "Use a * at the beginning or the end only ({*} and {**} for parts of a policy's path), a prefix or a \
               regex.",
        of: &[&kinds::VIRTUAL_SERVICE, &kinds::AUTHORIZATION_POLICY],
        reads: &[],
        look: Look::Each(star_means_itself),
    },
    Check {
        name: "PortModeForAll",
        codes: &[],
        severity: Severity::Warning,
        what: "portLevelMtls stands in a PeerAuthentication that is for a whole namespace or mesh",
        why: "Modes of ports count only where the policy selects workloads.",
        next: "Give it a selector, or say the mode for all ports.",
        of: &[&kinds::PEER_AUTHENTICATION],
        reads: &[],
        look: Look::Each(|world, at, found| {
            let Some(view) = world.view::<PeerAuthentication>(at) else { return };
            let narrow = view.selector.as_ref().is_some_and(|selector| !selector.match_labels.is_empty());
            if !narrow && !view.port_level_mtls.is_empty() {
                found.add(
                    at,
                    "spec.portLevelMtls",
                    "It selects no workloads: the modes of ports do not count",
                );
            }
        }),
    },
    Check {
        name: "HttpSettingsOnBytes",
        codes: &[],
        severity: Severity::Warning,
        what: "A DestinationRule limits requests of a host of which no port speaks HTTP",
        why: "Proxies see only bytes there: limits of requests and 5xx are never reached.",
        next: "Set tcp.maxConnections and consecutiveLocalOriginFailures, or name the port http-….",
        of: &[&kinds::DESTINATION_RULE],
        reads: &[&kinds::SERVICE, &kinds::SERVICE_ENTRY],
        look: Look::Each(http_settings),
    },
    Check {
        name: "OldField",
        codes: &["IST0002"],
        severity: Severity::Info,
        what: "A field of an object is deprecated",
        why: "A later Istio no longer reads it.",
        next: "Write what stands in its place.",
        of: &[&kinds::VIRTUAL_SERVICE, &kinds::SIDECAR],
        reads: &[],
        look: Look::Each(old_fields),
    },
];

fn star_means_itself(world: &World<'_>, at: &Ref, found: &mut Found) {
    if let Some(view) = world.mesh.virtual_service(at) {
        for (rule, of) in view.http.iter().enumerate() {
            for (index, one) in of.r#match.iter().enumerate() {
                for (field, how) in [("uri", &one.uri), ("authority", &one.authority)] {
                    let Some(text) = how.as_ref().and_then(literal).filter(|text| text.contains('*')) else {
                        continue;
                    };
                    let path = format!("spec.http[{rule}].match[{index}].{field}");
                    found.add(at, path, format!("{text} is taken as it stands, with its star"));
                }
            }
        }
    }
    let Some(view) =
        Some(at).filter(|at| *at.kind == kinds::AUTHORIZATION_POLICY).and_then(|at| world.view(at))
    else {
        return;
    };
    let view: AuthorizationPolicy = view;
    for (rule, of) in view.rules.iter().enumerate() {
        for (index, to) in of.to.iter().enumerate() {
            let operation = &to.operation;
            let lists = [
                ("paths", &operation.paths),
                ("notPaths", &operation.not_paths),
                ("hosts", &operation.hosts),
                ("notHosts", &operation.not_hosts),
                ("methods", &operation.methods),
            ];
            for (field, list) in lists {
                for (place, text) in list.iter().enumerate().filter(|(_, text)| has_inner_star(text)) {
                    let path = format!("spec.rules[{rule}].to[{index}].operation.{field}[{place}]");
                    found.add(at, path, format!("The star inside {text} stands for itself only"));
                }
            }
        }
    }
}

/// What a match compares letter by letter.
fn literal(how: &StringMatch) -> Option<&str> {
    how.exact.as_deref().or(how.prefix.as_deref())
}

/// Whether a star stands neither at one of the ends nor in a part of a path in braces.
fn has_inner_star(text: &str) -> bool {
    if text.contains("{*}") || text.contains("{**}") {
        return false;
    }
    // At one end it stands for anything; at both, one of them does not.
    let rest = text.strip_prefix('*').unwrap_or_else(|| text.strip_suffix('*').unwrap_or(text));
    rest.contains('*')
}

fn http_settings(world: &World<'_>, at: &Ref, found: &mut Found) {
    let Some(rule) = world.mesh.destination_rule(at) else { return };
    let services = world.services(&fqdn(&rule.host, &at.namespace));
    let mut ports = services.iter().flat_map(|service| &service.ports).peekable();
    if ports.peek().is_none() || ports.any(|port| port.protocol.may_be_http()) {
        return;
    }
    for (path, policy) in policies(rule) {
        let pool = policy.connection_pool.as_ref().is_some_and(|pool| pool["http"].is_object());
        if pool {
            let what = format!("No port of {} speaks HTTP: its requests are not counted", rule.host);
            found.add(at, format!("{path}.connectionPool.http"), what);
        }
    }
}

/// Fields that are deprecated, with what stands in their place.
const OLD: [(&str, &str, &str); 5] = [
    ("VirtualService", "/spec/http/*/mirrorPercent", "mirrorPercentage"),
    ("VirtualService", "/spec/http/*/mirror_percent", "mirrorPercentage"),
    ("VirtualService", "/spec/http/*/corsPolicy/allowOrigin", "allowOrigins"),
    ("VirtualService", "/spec/http/*/fault/delay/percent", "percentage"),
    ("Sidecar", "/spec/outboundTrafficPolicy/egressProxy", "a route by an egress gateway"),
];

fn old_fields(world: &World<'_>, at: &Ref, found: &mut Found) {
    let Some(object) = world.mesh.objects().get(at) else { return };
    for (_, place, instead) in OLD.iter().filter(|(kind, ..)| *kind == at.kind.kind) {
        let mut told = Vec::new();
        standing(&object.0, &place.split('/').skip(1).collect::<Vec<_>>(), String::new(), &mut told);
        for path in told {
            let name = path.rsplit('.').next().unwrap_or_default().to_owned();
            found.add(at, path, format!("{name} is old: write {instead}"));
        }
    }
}

/// The places that fit a pattern, of which `*` is every entry of a list.
fn standing(value: &Value, pattern: &[&str], path: String, told: &mut Vec<String>) {
    match pattern {
        [] if !value.is_null() => told.push(path),
        [] => {}
        ["*", rest @ ..] => {
            for (index, one) in value.as_array().into_iter().flatten().enumerate() {
                standing(one, rest, format!("{path}[{index}]"), told);
            }
        }
        [field, rest @ ..] => {
            let path = if path.is_empty() { (*field).to_owned() } else { format!("{path}.{field}") };
            standing(&value[*field], rest, path, told);
        }
    }
}
