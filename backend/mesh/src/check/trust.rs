//! Checks of identities and mutual TLS that depend on what the mesh as a whole is told.

use super::subsets::without_tls;
use super::world::listed;
use super::{Asks, Check, Found, Look, Severity, World};
use crate::{Ref, kinds};
use istio::destination::Settings;
use istio::hosts::{DOMAIN, is_wildcard};
use istio::mtls::Mode;
use istio::views::{AuthorizationPolicy, DestinationRule};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "CallerOfAnotherDomain",
        codes: &["KIA0108"],
        severity: Severity::Warning,
        what: "A policy names a caller of a trust domain that is not the mesh's",
        why: "Nobody of this mesh has such an identity: as ALLOW it lets nobody in, as DENY it stops nobody.",
        next: "Write cluster.local, which stands for the mesh's own domain, or add the other to trustDomainAliases.",
        of: &[&kinds::AUTHORIZATION_POLICY],
        reads: &[],
        look: Look::Asking(&[Asks::MeshConfig], caller_of_another_domain),
    },
    Check {
        name: "StrictWithoutMutualTls",
        codes: &["KIA0401", "KIA0501"],
        severity: Severity::Error,
        what: "Workloads take mutual TLS only, the mesh does not begin it by itself, and no DestinationRule does",
        why: "Their callers speak plain text: every call is refused.",
        next: "Set enableAutoMtls, or a DestinationRule with tls mode ISTIO_MUTUAL for the hosts.",
        of: &[&kinds::PEER_AUTHENTICATION],
        reads: &[&kinds::DESTINATION_RULE, &kinds::SERVICE, &kinds::POD],
        look: Look::Asking(&[Asks::MeshConfig], strict_without_mutual),
    },
    Check {
        name: "MutualToNoProxy",
        codes: &["KIA0205", "KIA0206"],
        severity: Severity::Error,
        what: "A DestinationRule has calls sent by Istio's mutual TLS to pods without a proxy",
        why: "Nothing there understands it: such calls fail.",
        next: "Take tls out of the rule (Istio then does what the server can), or give the pods a proxy.",
        of: &[&kinds::DESTINATION_RULE],
        reads: &[&kinds::DESTINATION_RULE, &kinds::SERVICE, &kinds::POD, &kinds::NAMESPACE],
        look: Look::Each(mutual_to_no_proxy),
    },
    Check {
        name: "TlsOfWiderRuleLost",
        codes: &["KIA0204"],
        severity: Severity::Warning,
        what: "A DestinationRule for a host says no TLS, and a wider one for its domain does",
        why: "Only the closest rule counts: what the wider one says of TLS does not hold for this host.",
        next: "Say the TLS settings in the closer rule too.",
        of: &[&kinds::DESTINATION_RULE],
        reads: &[&kinds::DESTINATION_RULE],
        look: Look::Each(wider_rule_lost),
    },
];

fn caller_of_another_domain(world: &World<'_>, found: &mut Found) {
    let Ok(config) = world.config else { return };
    let own = config.trust_domain.as_deref().unwrap_or(DOMAIN);
    let ours = |domain: &str| {
        domain.contains('*')
            || domain == DOMAIN
            || domain == own
            || config.trust_aliases.iter().any(|alias| alias == domain)
    };
    for (at, _, view) in world.read::<AuthorizationPolicy>(&kinds::AUTHORIZATION_POLICY) {
        for (rule, of) in view.rules.iter().enumerate() {
            for (index, from) in of.from.iter().enumerate() {
                for (place, principal) in from.source.principals.iter().enumerate() {
                    let Some((domain, _)) = principal.split_once("/ns/").filter(|(domain, _)| !ours(domain))
                    else {
                        continue;
                    };
                    let path = format!("spec.rules[{rule}].from[{index}].source.principals[{place}]");
                    let what = format!("{domain} is not this mesh's trust domain, which is {own}");
                    found.add(at, path, what);
                }
            }
        }
    }
}

fn strict_without_mutual(world: &World<'_>, found: &mut Found) {
    if !world.config.as_ref().is_ok_and(|config| config.no_auto_mtls) {
        return;
    }
    for service in world.mesh.services().filter(|service| !service.external) {
        let Some(workload) = world.mesh.workloads_of(service).find(|one| one.mtls.0 == Mode::Strict) else {
            continue;
        };
        let mutual = |port: u32| {
            let port = u16::try_from(port).unwrap_or_default();
            let (_, rule) = world.rule_in_force(service)?;
            Settings::of(rule.traffic_policy.as_ref(), None, port).tls_mode().map(str::to_owned)
        };
        let bare = service.ports.iter().find(|port| mutual(port.number).as_deref() != Some("ISTIO_MUTUAL"));
        if let (Some(port), Some(policy)) = (bare, &workload.mtls.1) {
            let what = format!("Callers of {}:{} are told of no mutual TLS", service.host, port.number);
            found.add(policy, "spec.mtls.mode", what);
        }
    }
}

fn mutual_to_no_proxy(world: &World<'_>, at: &Ref, found: &mut Found) {
    let Some(rule) = world.mesh.destination_rule(at) else { return };
    for service in world.services_under(&rule.host, &at.namespace) {
        let counts = !service.external && world.rule_in_force(service).is_some_and(|(other, _)| other == at);
        let mutual = |port: u32| {
            let port = u16::try_from(port).unwrap_or_default();
            Settings::of(rule.traffic_policy.as_ref(), None, port).tls_mode() == Some("ISTIO_MUTUAL")
        };
        if !counts || !service.ports.iter().any(|port| mutual(port.number)) {
            continue;
        }
        let bare = world.mesh.workloads_of(service).filter(|one| {
            !one.pods.is_empty()
                && !one.pods.iter().any(|pod| pod.sidecar)
                && !super::ambient::captured(world, one)
        });
        let names: Vec<&str> = bare.map(|one| &*one.name).collect();
        // Nobody calls the control plane that way.
        if !names.is_empty() && *service.namespace != *world.mesh.root_namespace() {
            let what = format!("{} of {} has no proxy", listed(names), service.name);
            found.mended(at, "spec.trafficPolicy.tls.mode", what, without_tls(rule));
        }
    }
}

fn wider_rule_lost(world: &World<'_>, at: &Ref, found: &mut Found) {
    let Some(rule) = world.mesh.destination_rule(at) else { return };
    let tls = |rule: &DestinationRule| {
        rule.traffic_policy.as_ref().and_then(|policy| policy.tls.as_ref()).map(|tls| tls.mode.clone())
    };
    let host = crate::fqdn(&rule.host, &at.namespace);
    let set = rule.traffic_policy.is_some() || !rule.subsets.is_empty();
    if is_wildcard(&host) || tls(rule).is_some() || !set {
        return;
    }
    // By itself Istio does what ISTIO_MUTUAL asks for.
    let lost = world.rules_covering(&host).into_iter().find_map(|(other, wide)| {
        let mode = tls(wide).filter(|mode| mode != "ISTIO_MUTUAL")?;
        (is_wildcard(&wide.host) && other.namespace == at.namespace).then_some((other, mode))
    });
    if let Some((other, mode)) = lost {
        found.add(
            at,
            "spec.trafficPolicy",
            format!("{other} sets TLS mode {mode}, which does not hold here"),
        );
    }
}
