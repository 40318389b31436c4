//! Checks of what is measured, written and told.

use super::*;
use crate::Scene;
use crate::certificate::{Credential, SecretOf};
use crate::reads::{Answer, Read};
use crate::remote::Remote;
use crate::scene::{Proxy, SyncState};
use crate::told::Word;
use crate::traffic::{Path, Traffic, Usual};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is tried here.
pub(super) const TRIED: [&str; 10] = [
    "FaultLeftOn",
    "ProxyRefuses",
    "PlainTextSeen",
    "DeniesCalls",
    "RuleNotTaken",
    "RetriesMultiply",
    "CertificateMissing",
    "CertificateEnds",
    "FilterNotTaken",
    "HidesCalledServices",
];

/// A fault is an experiment for an hour; after that somebody has forgotten it.
#[test]
fn a_fault_that_was_left_on() {
    let mesh = bookinfo_with(cases::FAULT);
    let at = mesh.virtual_services().find(|(at, _)| *at.name == *"ratings").unwrap().0.clone();
    let write = |when: &str| crate::writes::Write {
        at: at.clone(),
        by: None,
        when: when.parse().unwrap(),
        heard: demo::NOW,
        deed: crate::writes::Deed::Before,
        what: Vec::new(),
        before: None,
        after: None,
    };
    let names = |when: &str| -> Vec<&str> {
        let writes = [write(when)];
        let scene = crate::Scene { writes: std::sync::Arc::new(writes.to_vec()), ..Default::default() };
        let judged = judge(&World::new(&mesh, unknown()).watched(Live::of(&scene, demo::NOW)));
        judged.findings.iter().map(|one| one.check.name).collect()
    };
    assert_eq!(names("2025-12-31T22:00:00Z"), ["FaultLeftOn"]);
    assert!(names("2025-12-31T23:30:00Z").is_empty());
    assert!(judge(&World::new(&mesh, unknown())).findings.is_empty(), "nobody knows since when");
}

/// Bookinfo with these objects, as it was called in the last hour; its objects were written so long ago.
fn lived(text: &str, hours: i64) -> Scene {
    let mesh = bookinfo_with(text);
    let usual: BTreeMap<Path, Usual> = demo::bookinfo_traffic()
        .flows
        .iter()
        .map(|(path, flow)| (path.clone(), Usual { rps: flow.rps(), ..Usual::default() }))
        .collect();
    let when = demo::NOW - SignedDuration::from_hours(hours);
    let write = |at: &crate::Ref| crate::writes::Write {
        at: at.clone(),
        by: None,
        when,
        heard: demo::NOW,
        deed: crate::writes::Deed::Before,
        what: Vec::new(),
        before: None,
        after: None,
    };
    let writes = mesh.virtual_services().map(|(at, _)| write(at)).collect();
    Scene {
        traffic: Remote::Live(Arc::new(demo::bookinfo_traffic().beside(&Arc::new(usual))), demo::NOW),
        proxies: Remote::Live(Arc::default(), demo::NOW),
        writes: Arc::new(writes),
        mesh: Arc::new(mesh),
        ..Scene::default()
    }
}

fn told(scene: &Scene) -> Vec<(&'static str, String)> {
    let config = config();
    let judged = judge(&World::new(&scene.mesh, Ok(&config)).watched(Live::of(scene, demo::NOW)));
    assert_eq!(judged.not_made, [], "all is known");
    judged
        .findings
        .into_iter()
        .map(|one| (one.check.name, format!("{} {}: {}", one.at, one.path, one.what)))
        .collect()
}

#[test]
fn bookinfo_as_it_is_called_is_well() {
    assert_eq!(told(&lived("", 2)), []);
}

#[test]
fn a_proxy_that_refuses() {
    let mut scene = lived("", 2);
    let proxy = |state: SyncState| Proxy {
        name: "reviews-v1-6f8d7c9b4-aaaaa.bookinfo".into(),
        cluster: "Kubernetes".into(),
        version: String::new(),
        istiod: String::new(),
        types: [("LDS".to_owned(), state)].into(),
        since: None,
    };
    scene.proxies =
        Remote::Live(Arc::new(vec![proxy(SyncState::Nacked("no such filter".into()))]), demo::NOW);
    assert_eq!(
        told(&scene),
        [(
            "ProxyRefuses",
            "Pod bookinfo/reviews-v1-6f8d7c9b4-aaaaa : Its proxy refuses LDS: no such filter".to_owned()
        )]
    );
    scene.proxies = Remote::Live(Arc::new(vec![proxy(SyncState::Stale)]), demo::NOW);
    assert_eq!(told(&scene), [], "one that is late refuses nothing");
}

/// Pods that are not here may be in another cluster.
#[test]
fn a_mesh_of_several_clusters() {
    const THERE: &str = "
AuthorizationPolicy bookinfo/a
  spec: { rules: [{ from: [{ source: { principals: [cluster.local/ns/bookinfo/sa/elsewhere, cluster.local/ns/bookinfo/sa/bookinfo-reviews,
    cluster.local/ns/bookinfo/sa/bookinfo-productpage, cluster.local/ns/istio-system/sa/istio-ingressgateway] } }] }, { to: [{ operation: { paths: ['/x'] } }] }] }
DestinationRule bookinfo/ratings
  spec: { host: ratings, subsets: [{ name: v2, labels: { version: v2 } }] }
VirtualService bookinfo/ratings
  spec: { hosts: [ratings], http: [{ route: [{ destination: { host: ratings, subset: v2 } }] }] }
";
    let severities = |clusters: &[&str]| -> Vec<(&'static str, Severity)> {
        let mut scene = lived(THERE, 2);
        let proxies = clusters.iter().map(|cluster| Proxy {
            name: "a.b".into(),
            cluster: (*cluster).into(),
            version: String::new(),
            istiod: String::new(),
            types: BTreeMap::new(),
            since: None,
        });
        scene.proxies = Remote::Live(Arc::new(proxies.collect()), demo::NOW);
        let config = config();
        let judged = judge(&World::new(&scene.mesh, Ok(&config)).watched(Live::of(&scene, demo::NOW)));
        let mine = judged
            .findings
            .iter()
            .filter(|one| ["CallerNotFound", "SubsetWithoutPods"].contains(&one.check.name));
        mine.map(|one| (one.check.name, one.severity)).collect()
    };
    let alone = [("SubsetWithoutPods", Severity::Error), ("CallerNotFound", Severity::Warning)];
    assert_eq!(severities(&["east", "east"]), alone);
    let one_of_two = [("SubsetWithoutPods", Severity::Info), ("CallerNotFound", Severity::Info)];
    assert_eq!(severities(&["east", "west"]), one_of_two);
}

/// The same, where calls of ratings came without mutual TLS.
fn in_plain_text(text: &str) -> Scene {
    let mut scene = lived(text, 2);
    let Some(traffic) = scene.traffic.value() else { panic!() };
    let mut traffic = Traffic::clone(traffic);
    let mut hour = BTreeMap::clone(traffic.hour.as_ref().unwrap());
    for (path, usual) in &mut hour {
        if &*path.destination.app == "ratings" {
            usual.plaintext = 60.0;
        }
    }
    // Somebody without a proxy, beside those of the mesh, who speak mutual TLS by themselves.
    let ratings = hour.iter().find(|(path, _)| &*path.destination.app == "ratings");
    let (mut path, usual) = ratings.map(|(path, usual)| (path.clone(), *usual)).unwrap();
    path.source = crate::traffic::Peer { workload: "unknown".into(), ..Default::default() };
    hour.insert(path, usual);
    traffic.hour = Some(Arc::new(hour));
    scene.traffic = Remote::Live(Arc::new(traffic), demo::NOW);
    scene
}

#[test]
fn plain_text_where_mutual_tls_is_asked_for() {
    const STRICT: &str = "
PeerAuthentication bookinfo/default
  spec: { mtls: { mode: STRICT } }
";
    let all = told(&in_plain_text(STRICT));
    assert_eq!(
        all,
        [(
            "PlainTextSeen",
            "PeerAuthentication bookinfo/default spec.mtls.mode: ratings-v1 was called 60 times in plain text, by unknown"
                .to_owned()
        )]
    );
    assert_eq!(told(&lived(STRICT, 2)), [], "nobody called in plain text");
    assert_eq!(told(&in_plain_text("")), [], "PERMISSIVE takes it");
    let open = "
PeerAuthentication bookinfo/ratings
  spec: { selector: { matchLabels: { app: ratings } }, mtls: { mode: STRICT }, portLevelMtls: { 9080: { mode: DISABLE } } }
";
    assert_eq!(told(&in_plain_text(open)), [], "its port takes it");
}

#[test]
fn policies_that_deny_what_was_called() {
    let policy = |callers: &str| {
        format!(
            "
AuthorizationPolicy bookinfo/ratings
  spec: {{ selector: {{ matchLabels: {{ app: ratings }} }}, rules: [{{ from: [{{ source: {{ principals: [{callers}] }} }}] }}] }}
"
        )
    };
    let page = policy("cluster.local/ns/bookinfo/sa/bookinfo-productpage");
    assert_eq!(
        told(&lived(&page, 2)),
        [(
            "DeniesCalls",
            "AuthorizationPolicy bookinfo/ratings spec.rules: ratings-v1 was called by reviews-v2, reviews-v3 in the \
             last hour, and lets it in no more"
                .to_owned()
        )]
    );
    assert_eq!(told(&lived(&policy("cluster.local/ns/bookinfo/sa/bookinfo-reviews"), 2)), []);
    let depends = "
AuthorizationPolicy bookinfo/ratings
  spec: { selector: { matchLabels: { app: ratings } }, rules: [{ to: [{ operation: { paths: ['/ratings/*'] } }] }] }
";
    assert_eq!(told(&lived(depends, 2)), [], "what depends on the path is not said");
}

const SPLIT: &str = "
VirtualService bookinfo/reviews
  spec: { hosts: [reviews], http: [
    { match: [{ headers: { x: { exact: a } } }], route: [{ destination: { host: reviews, subset: v1 } }] },
    { route: [{ destination: { host: reviews, subset: v2 } }] }] }
";

#[test]
fn a_rule_that_no_call_took() {
    let mut scene = lived(SPLIT, 2);
    let Some(traffic) = scene.traffic.value() else { panic!() };
    let mut traffic = Traffic::clone(traffic);
    let mut hour = BTreeMap::clone(traffic.hour.as_ref().unwrap());
    hour.retain(|path, _| &*path.destination.workload != "reviews-v1");
    traffic.hour = Some(Arc::new(hour));
    scene.traffic = Remote::Live(Arc::new(traffic), demo::NOW);
    assert_eq!(
        told(&scene),
        [(
            "RuleNotTaken",
            "VirtualService bookinfo/reviews spec.http[0]: No call of the last hour was seen at reviews v1"
                .to_owned()
        )]
    );
    let mut young = scene.clone();
    young.writes = lived(SPLIT, 0).writes;
    assert_eq!(told(&young), [], "it has not had its hour");
    assert_eq!(told(&lived(SPLIT, 2)), [], "calls reach it");
}

#[test]
fn retries_along_a_chain() {
    let chain = |attempts: u32| {
        format!(
            "
VirtualService bookinfo/reviews
  spec: {{ hosts: [reviews], http: [{{ retries: {{ attempts: {attempts} }}, route: [{{ destination: {{ host: reviews }} }}] }}] }}
VirtualService bookinfo/ratings
  spec: {{ hosts: [ratings], http: [{{ retries: {{ attempts: {attempts} }}, route: [{{ destination: {{ host: ratings }} }}] }}] }}
"
        )
    };
    assert_eq!(
        told(&lived(&chain(3), 2)),
        [(
            "RetriesMultiply",
            "VirtualService bookinfo/ratings spec.http[0].retries: One call may become 16 here: retries multiply along \
             reviews → ratings"
                .to_owned()
        )]
    );
    assert_eq!(told(&lived(&chain(2), 2)), []);
    let apart = chain(3).replace("hosts: [reviews]", "hosts: [details]");
    assert_eq!(told(&lived(&apart, 2)), [], "details does not call ratings");
}

const SECURE: &str = "
Service istio-system/istio-ingressgateway
  spec: { selector: { app: istio-ingressgateway }, ports: [{ name: http2, port: 80, targetPort: 80 }, { name: https, port: 443, targetPort: 443 }] }
Gateway bookinfo/secure
  spec: { selector: { istio: ingressgateway }, servers: [{ port: { number: 443, name: https, protocol: HTTPS }, hosts: [a.example], tls: { mode: SIMPLE, credentialName: cert } }] }
";

fn with_certificate(credential: Credential) -> Vec<(&'static str, String)> {
    let mut scene = lived(SECURE, 2);
    let of = SecretOf { namespace: "istio-system".into(), name: "cert".into() };
    scene.answers.take(demo::NOW, Read::Certificate(of), Ok(Answer::Certificate(Arc::new(credential))));
    told(&scene)
}

#[test]
fn certificates_that_end() {
    let at = |hours: i64| -> Timestamp { demo::NOW + SignedDuration::from_hours(hours) };
    assert_eq!(with_certificate(Credential::Until(at(24 * 30))), []);
    let place = "Gateway bookinfo/secure spec.servers[0].tls.credentialName";
    for (credential, name, words) in [
        (Credential::Until(at(50)), "CertificateEnds", "The certificate in cert ends in 2 days"),
        (Credential::Until(at(-1)), "CertificateEnds", "The certificate in cert has ended"),
        (Credential::Absent, "CertificateMissing", "There is no Secret istio-system/cert"),
        (Credential::Without, "CertificateMissing", "Secret istio-system/cert has no certificate with a key"),
    ] {
        assert_eq!(with_certificate(credential), [(name, format!("{place}: {words}"))]);
    }
    let scene = lived(SECURE, 2);
    let judged = judge(&World::new(&scene.mesh, unknown()).watched(Live::of(&scene, demo::NOW)));
    assert!(judged.not_made.iter().any(|one| one.check.name == "CertificateEnds"), "nobody has asked");
}

#[test]
fn a_filter_without_effect() {
    const FILTER: &str = "
EnvoyFilter bookinfo/f
  spec: { priority: 5, configPatches: [{ applyTo: HTTP_FILTER, patch: { operation: INSERT_BEFORE, value: { name: a } } }] }
";
    let scene = |words: Vec<Word>| {
        let mut scene = lived(FILTER, 2);
        let at = crate::Ref::new(&crate::kinds::ENVOY_FILTER, "bookinfo", "f");
        scene.answers.take(demo::NOW, Read::Told(at), Ok(Answer::Told(Arc::new(words))));
        told(&scene)
    };
    let word = Word {
        warning: true,
        reason: "NoEffect".into(),
        message: "it fits nowhere".into(),
        ..Word::default()
    };
    assert_eq!(scene(Vec::new()), []);
    assert_eq!(
        scene(vec![word]),
        [("FilterNotTaken", "EnvoyFilter bookinfo/f : it fits nowhere".to_owned())]
    );
}

/// A Sidecar that names too little is told of by what was called.
#[test]
fn a_sidecar_that_hides_what_is_called() {
    let sidecar = |hosts: &str, more: &str| {
        let text = format!(
            "\nSidecar bookinfo/reviews\n  spec: {{ workloadSelector: {{ labels: {{ app: reviews }} }}, \
             egress: [{{ hosts: [{hosts}] }}]{more} }}\n"
        );
        told(&lived(&text, 2))
            .into_iter()
            .filter(|(name, _)| *name == "HidesCalledServices")
            .collect::<Vec<_>>()
    };
    let hidden = "Sidecar bookinfo/reviews spec.egress: Hides ratings.bookinfo.svc.cluster.local, which reviews-v2, \
                  reviews-v3 called in the last hour: calls";
    let details = "./details.bookinfo.svc.cluster.local";
    assert_eq!(
        sidecar(details, ""),
        [("HidesCalledServices", format!("{hidden} pass without rules and mutual TLS"))]
    );
    assert_eq!(
        sidecar(details, ", outboundTrafficPolicy: { mode: REGISTRY_ONLY }"),
        [("HidesCalledServices", format!("{hidden} get 502"))]
    );
    assert_eq!(sidecar("./ratings.bookinfo.svc.cluster.local", ""), []);
    assert_eq!(sidecar("./*", ""), []);
}

/// What nobody has measured is not judged, and named.
#[test]
fn what_is_not_measured_is_not_judged() {
    let judged = judge(&World::new(&bookinfo_with(SECURE), unknown()));
    for name in TRIED {
        assert!(judged.not_made.iter().any(|one| one.check.name == name), "{name}");
    }
}
