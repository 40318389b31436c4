//! Checks of which VirtualService, and which rule of it, gets to see a call.

use super::world::listed;
use super::{Check, Found, Look, Severity, World};
use crate::roles::{Before, Deed, Missed};
use crate::{Ref, fqdn, kinds};
use istio::routing::in_mesh;
use istio::shadow::takes_all;
use istio::validation::validate;
use istio::views::HttpMatch;

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "Overruled",
        codes: &["IST0109", "KIA1106"],
        severity: Severity::Error,
        what: "Another VirtualService, or a route of the Gateway API, has the same host inside the mesh",
        why: "Istio merges them at gateways only: inside the mesh one takes the calls, and the other does nothing.",
        next: "Put the rules of both into one, hand some over to a delegate, or part them by exportTo.",
        of: &[&kinds::VIRTUAL_SERVICE],
        reads: &[&kinds::VIRTUAL_SERVICE, &kinds::HTTP_ROUTE, &kinds::GRPC_ROUTE],
        look: Look::All(|world, found| {
            deeds(world, found, |deed| match deed {
                Deed::Overruled { before: Before::Older | Before::Named | Before::Route, .. } => {
                    Some(deed.words())
                }
                _ => None,
            });
        }),
    },
    Check {
        name: "Hidden",
        codes: &[],
        severity: Severity::Warning,
        what: "The exportTo of a VirtualService shows it to no caller",
        why: "It does nothing.",
        next: "Export it to the namespaces whose calls it is for.",
        of: &[&kinds::VIRTUAL_SERVICE],
        reads: &[&kinds::NAMESPACE],
        look: Look::All(|world, found| {
            deeds(world, found, |deed| (*deed == Deed::Hidden).then(|| deed.words()));
        }),
    },
    Check {
        name: "UnreachableRule",
        codes: &["IST0130"],
        severity: Severity::Warning,
        what: "Calls that a rule is for are taken by one before it",
        why: "The rule does nothing.",
        next: "Put the narrower rule first, or take the rule away.",
        of: &[&kinds::VIRTUAL_SERVICE],
        reads: &[&kinds::VIRTUAL_SERVICE],
        look: Look::All(|world, found| {
            deeds(world, found, |deed| match deed {
                Deed::NeverReached { .. } => Some(deed.words()),
                _ => None,
            });
        }),
    },
    Check {
        name: "IneffectiveMatch",
        codes: &["IST0131"],
        severity: Severity::Info,
        what: "One of the matches of a rule takes only calls that a rule before it has taken",
        why: "That match does nothing; the others of the rule do.",
        next: "Take the match away, or put its rule first.",
        of: &[&kinds::VIRTUAL_SERVICE],
        reads: &[],
        look: Look::Each(ineffective_match),
    },
    Check {
        name: "NoRuleForTheRest",
        codes: &[],
        severity: Severity::Info,
        what: "The rules for a service of the mesh leave calls over that none of them takes",
        why: "Such calls get 404; without any rules they would reach the service.",
        next: "Add a rule without match at the end, if they are to reach it.",
        of: &[&kinds::VIRTUAL_SERVICE],
        reads: &[&kinds::SERVICE],
        look: Look::Each(no_rule_for_the_rest),
    },
    Check {
        name: "DelegateNotFound",
        codes: &["IST0101"],
        severity: Severity::Error,
        what: "A rule hands over to a VirtualService that is not there, has hosts of its own, or is not exported here",
        why: "The rule is left out: its calls go on to the next one, or get 404.",
        next: "Make the delegate, take its hosts away, or export it to this namespace.",
        of: &[&kinds::VIRTUAL_SERVICE],
        reads: &[&kinds::VIRTUAL_SERVICE],
        look: Look::All(|world, found| {
            deeds(world, found, |deed| match deed {
                Deed::HandsOverToNobody { .. } => Some(deed.words()),
                _ => None,
            });
        }),
    },
    Check {
        name: "NobodysDelegate",
        codes: &[],
        severity: Severity::Warning,
        what: "A VirtualService has no hosts, and none hands over to it",
        why: "It does nothing.",
        next: "Give it hosts, or name it as a delegate.",
        of: &[&kinds::VIRTUAL_SERVICE],
        reads: &[&kinds::VIRTUAL_SERVICE],
        look: Look::All(|world, found| {
            deeds(world, found, |deed| (*deed == Deed::NobodysDelegate).then(|| deed.words()));
        }),
    },
    Check {
        name: "GatewayNotFound",
        codes: &["IST0101", "KIA1102"],
        severity: Severity::Error,
        what: "A VirtualService names a Gateway that is not there",
        why: "No call enters by it.",
        next: "Correct the name (namespace/name), or make the Gateway.",
        of: &[&kinds::VIRTUAL_SERVICE],
        reads: &[&kinds::GATEWAY],
        look: Look::All(|world, found| {
            deeds(world, found, |deed| match deed {
                Deed::Missed { why: Missed::Gone, .. } => Some(deed.words()),
                _ => None,
            });
        }),
    },
    Check {
        name: "HostNotInGateway",
        codes: &["IST0132"],
        severity: Severity::Warning,
        what: "No server of a Gateway is for a host of the VirtualService that names it",
        why: "Calls for that host do not enter.",
        next: "Add the host to a server of the Gateway, or correct it.",
        of: &[&kinds::VIRTUAL_SERVICE],
        reads: &[&kinds::GATEWAY],
        look: Look::All(|world, found| {
            deeds(world, found, |deed| match deed {
                Deed::Missed { why: Missed::Host(_), .. } => Some(deed.words()),
                _ => None,
            });
        }),
    },
    Check {
        name: "HiddenFromGateway",
        codes: &[],
        severity: Severity::Warning,
        what: "The exportTo of a VirtualService does not show it to the namespace in which its gateway runs",
        why: "The gateway is never told of it.",
        next: "Export it to that namespace too.",
        of: &[&kinds::VIRTUAL_SERVICE],
        reads: &[&kinds::GATEWAY, &kinds::POD],
        look: Look::All(|world, found| {
            deeds(world, found, |deed| match deed {
                Deed::Missed { why: Missed::Export(_), .. } => Some(deed.words()),
                _ => None,
            });
        }),
    },
];

/// The deeds of VirtualServices of which `words` says something.
fn deeds(world: &World<'_>, found: &mut Found, words: impl Fn(&Deed) -> Option<String>) {
    for (at, deed) in world.failures() {
        if let Some(what) = words(deed) {
            found.add(at, path(deed), what);
        }
    }
}

/// Where in the object a deed stands.
fn path(deed: &Deed) -> String {
    let field = match deed {
        Deed::NeverReached { index, .. } => return format!("spec.http[{index}]"),
        Deed::HandsOverToNobody { index, .. } => return format!("spec.http[{index}].delegate"),
        Deed::Overruled { .. } | Deed::Missed { why: Missed::Host(_), .. } => "spec.hosts",
        Deed::Hidden | Deed::Missed { why: Missed::Export(_), .. } => "spec.exportTo",
        Deed::Missed { .. } => "spec.gateways",
        _ => "",
    };
    field.to_owned()
}

fn no_rule_for_the_rest(world: &World<'_>, at: &Ref, found: &mut Found) {
    let Some(view) = world.mesh.virtual_service(at) else { return };
    let inside = |one: &HttpMatch| in_mesh(&one.gateways);
    // What a delegate takes is not looked at.
    let all = view.http.iter().any(|rule| {
        let mut matches = rule.r#match.iter().filter(|one| inside(one));
        rule.r#match.is_empty() || matches.any(|one| takes_all(one) || rule.delegate.is_some())
    });
    if view.http.is_empty() || all || !in_mesh(&view.gateways) {
        return;
    }
    let own = |host: &&String| {
        let services = world.services(&fqdn(host, &at.namespace));
        services
            .iter()
            .any(|service| !service.external && service.ports.iter().any(|port| port.protocol.may_be_http()))
    };
    let names = listed(view.hosts.iter().filter(own).map(String::as_str));
    if !names.is_empty() {
        let what = format!("Calls to {names} that fit none of its rules get 404");
        found.add(at, "spec.http", what);
    }
}

fn ineffective_match(world: &World<'_>, at: &Ref, found: &mut Found) {
    let Some(object) = world.mesh.objects().get(at) else { return };
    let all = validate(at.kind.group, at.kind.kind, &object.0);
    let whole: Vec<&str> =
        all.iter().filter(|one| one.code == "RuleUnreachable").map(|one| one.path.as_str()).collect();
    for one in all.iter().filter(|one| one.code == "MatchIneffective") {
        if !whole.iter().any(|rule| one.path.starts_with(rule)) {
            found.add(at, one.path.clone(), "A rule before it takes all that this match is for".to_owned());
        }
    }
}
