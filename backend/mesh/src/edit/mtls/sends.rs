//! What callers of a service send: TLS of its DestinationRule, whether those who are called take it, and where
//! proxies show it.

use super::Mode;
use crate::edit::external::originated;
use crate::evidence::{Claim, Want, cluster};
use crate::plan::{Level, Plan, PolicyOf};
use crate::{Mesh, Service, Workload};
use istio::destination::Settings;
use istio::views::{ClientTls, DestinationRule};

/// What those who are called with such a TLS mode do not take, by workload and port.
pub fn contradicted(mesh: &Mesh, of: &PolicyOf, mode: &str) -> Vec<String> {
    let Some(service) = of.service(mesh) else { return Vec::new() };
    let mut told = Vec::new();
    for (workload, target, takes, by) in taken(mesh, service, of) {
        let name = &workload.name;
        let refused = match (mode, takes) {
            ("DISABLE", Some(Mode::Strict)) => "only mutual TLS: calls in plain text are refused",
            ("SIMPLE" | "MUTUAL", Some(Mode::Strict)) => {
                "only mutual TLS with certificates of the mesh: these calls are refused"
            }
            ("ISTIO_MUTUAL", Some(Mode::Disable)) => "only plain text: mutual TLS fails",
            ("ISTIO_MUTUAL", None) => {
                told.push(format!("{name} has no proxy that could take mutual TLS: these calls fail"));
                continue;
            }
            _ => continue,
        };
        told.push(format!("{name} takes at port {target} {refused} ({by})"));
    }
    told.sort();
    told.dedup();
    told
}

/// What those who are called take: "reviews-v1: PERMISSIVE at port 9080".
pub fn heard(mesh: &Mesh, of: &PolicyOf) -> Vec<String> {
    let Some(service) = of.service(mesh) else { return Vec::new() };
    let one = |(workload, target, takes, by): (&Workload, u32, Option<Mode>, String)| match takes {
        Some(mode) => format!("{} takes {mode} at port {target} ({by})", workload.name),
        None => format!("{} has no proxy: it takes plain text", workload.name),
    };
    let mut all: Vec<String> = taken(mesh, service, of).into_iter().map(one).collect();
    all.dedup();
    all
}

/// Workloads that such calls reach, with the port of their pods, what they take there (nothing without a proxy)
/// and who says so.
fn taken<'a>(
    mesh: &'a Mesh,
    service: &'a Service,
    of: &PolicyOf,
) -> Vec<(&'a Workload, u32, Option<Mode>, String)> {
    let policies = mesh.mtls_policies();
    let chosen = |workload: &&Workload| match &of.level {
        Level::Subset(name) => {
            let mut subsets = service.subsets.iter().filter(|subset| subset.name == *name);
            subsets.any(|subset| subset.workloads.iter().any(|one| one.name == workload.name))
        }
        Level::Service | Level::Port(_) => true,
    };
    let ports = service.ports.iter().filter(|port| match of.level {
        Level::Port(number) => port.number == number,
        Level::Service | Level::Subset(_) => true,
    });
    let ports: Vec<u32> = ports.map(|port| port.target).collect();
    let mut all = Vec::new();
    for workload in mesh.workloads_of(service).filter(|workload| !workload.gateway).filter(chosen) {
        let proxy = workload.pods.is_empty() || workload.pods.iter().any(|pod| pod.sidecar);
        for target in &ports {
            let number = u16::try_from(*target).unwrap_or_default();
            let (mode, by) = policies.mode_at(&workload.namespace, &workload.labels, number);
            let by = by.map_or_else(|| "Istio's default".to_owned(), |by| by.at.to_string());
            all.push((workload, *target, proxy.then_some(mode), by));
        }
    }
    all
}

/// Says what proxies show of the TLS that they begin to a service, once its rule is as planned, and before.
pub fn sent(plan: &mut Plan<'_>, of: &PolicyOf) {
    let mesh = plan.mesh();
    let Some(service) = of.service(mesh) else { return plan.gone() };
    let Some(rule) = plan.rule_of(service) else { return };
    let object = mesh.objects().get(&service.at);
    // Of calls pod by pod istiod decides by itself what is sent where nothing is said.
    let by_pod = object.is_some_and(|object| object.spec()["clusterIP"] == "None");
    let side = |view: Option<DestinationRule>| -> Vec<Claim> {
        let view = view.unwrap_or_default();
        let subsets = std::iter::once(None).chain(view.subsets.iter().map(Some));
        let mut claims = Vec::new();
        for subset in subsets {
            for port in &service.ports {
                let number = u16::try_from(port.number).unwrap_or_default();
                let tls = Settings::of(view.traffic_policy.as_ref(), subset, number).tls;
                let name = subset.map_or("", |subset| subset.name.as_str());
                let place = cluster(&rule, &service.host).subset(name).port(port.number);
                claims.push(place.clone());
                claims.extend(shown(&place, tls, by_pod));
            }
        }
        claims
    };
    let (now, was) = (side(plan.after(&rule)), side(plan.before(&rule)));
    plan.claims(now, was);
}

/// What a cluster shows of TLS.
fn shown(place: &Claim, tls: Option<&ClientTls>, by_pod: bool) -> Vec<Claim> {
    let at = |path: &str| place.clone().at(path);
    let (own, matches) = ("/transport_socket", "/transport_socket_matches");
    match tls.map_or("", |tls| tls.mode.as_str()) {
        "" if by_pod => Vec::new(),
        "" => vec![at(own).absent(), at(matches).wants(Want::Present)],
        "DISABLE" => vec![at(own).absent(), at(matches).absent()],
        "ISTIO_MUTUAL" => {
            let certificate = "/transport_socket/typed_config/common_tls_context\
                /tls_certificate_sds_secret_configs/0/name";
            vec![at(own).wants(Want::Present), at(matches).absent(), at(certificate).is("default")]
        }
        _ => {
            // At sidecars a credentialName is nothing.
            let counts = tls.filter(|tls| tls.credential_name.as_ref().is_none_or(String::is_empty));
            counts.map(|tls| originated(&at, tls)).unwrap_or_default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Object, Objects, Ref, demo, kinds};
    use serde_json::json;

    fn world(mode: &str) -> Mesh {
        let mut objects: Objects = demo::bookinfo_objects();
        let meta = json!({ "namespace": "bookinfo", "name": "default", "uid": "d", "resourceVersion": "1" });
        let policy = json!({ "apiVersion": "security.istio.io/v1", "kind": "PeerAuthentication", "metadata": meta,
            "spec": { "mtls": { "mode": mode } } });
        objects.insert(Ref::new(&kinds::PEER_AUTHENTICATION, "bookinfo", "default"), Object::from(policy));
        Mesh::read(objects, None)
    }

    #[test]
    fn what_is_sent_is_held_against_what_is_taken() {
        let check = |mode: &str, sent: &str, expect: Option<&str>| {
            let mesh = world(mode);
            let service = mesh.service("bookinfo", "ratings").unwrap();
            let of = PolicyOf { service: crate::plan::id(service), level: Level::Service };
            let told = contradicted(&mesh, &of, sent);
            assert_eq!(told.len(), usize::from(expect.is_some()), "{mode}, {sent}: {told:?}");
            assert!(told.iter().all(|said| said.contains(expect.unwrap())), "{mode}, {sent}: {told:?}");
        };
        check("STRICT", "DISABLE", Some("ratings-v1 takes at port 9080 only mutual TLS"));
        check("STRICT", "SIMPLE", Some("certificates of the mesh"));
        check("STRICT", "ISTIO_MUTUAL", None);
        check("PERMISSIVE", "DISABLE", None);
        check("DISABLE", "ISTIO_MUTUAL", Some("only plain text: mutual TLS fails"));
        check("DISABLE", "", None);
    }
}
