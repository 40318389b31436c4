use super::mtls::state;
use super::tests::{after, check_undo, patch};
use super::{Mode, Scope, mtls};
use crate::Mesh;
use crate::demo::{self, by_ref};
use crate::evidence::{Connections, Probe, Want};
use istio::{Ref, kinds};
use serde_json::json;

#[test]
fn mutual_tls_of_each_scope() {
    let mesh = demo::bookinfo();
    let made = |scope: &Scope| {
        let change = mtls(&mesh, scope, Some(Mode::Strict)).unwrap();
        check_undo(&mesh, &change);
        let object = change.steps[0].after.clone().unwrap();
        format!(
            "{} | {} {} | {} proxies",
            change.title,
            change.steps[0].at,
            object.spec(),
            change.evidence.proxies().len()
        )
    };
    assert_eq!(
        made(&Scope::Mesh),
        r#"Mutual TLS of the mesh becomes STRICT instead of PERMISSIVE | PeerAuthentication istio-system/default {"mtls":{"mode":"STRICT"}} | 6 proxies"#
    );
    assert_eq!(
        made(&Scope::Namespace("bookinfo".into())),
        r#"Mutual TLS of namespace bookinfo becomes STRICT instead of PERMISSIVE | PeerAuthentication bookinfo/default {"mtls":{"mode":"STRICT"}} | 6 proxies"#
    );
    assert_eq!(
        made(&Scope::Workload("bookinfo".into(), "ratings-v1".into())),
        r#"Mutual TLS of ratings-v1 becomes STRICT instead of PERMISSIVE | PeerAuthentication bookinfo/ratings-v1 {"selector":{"matchLabels":{"app":"ratings","version":"v1"}},"mtls":{"mode":"STRICT"}} | 1 proxies"#
    );
    assert_eq!(mtls(&mesh, &Scope::Mesh, None), None);
}

#[test]
fn mutual_tls_edits_the_policy_in_force_and_takes_it_away() {
    let mesh = demo::bookinfo();
    let scope = Scope::Namespace("bookinfo".into());
    let strict = after(&mesh, &mtls(&mesh, &scope, Some(Mode::Strict)).unwrap());
    assert_eq!(mtls(&strict, &scope, Some(Mode::Strict)), None);
    let relaxed = mtls(&strict, &scope, Some(Mode::Permissive)).unwrap();
    assert_eq!(
        patch(&relaxed, 0)[1],
        json!({ "op": "replace", "path": "/spec/mtls/mode", "value": "PERMISSIVE" })
    );
    check_undo(&strict, &relaxed);
    let gone = mtls(&strict, &scope, None).unwrap();
    assert_eq!(
        gone.title,
        "Mutual TLS of namespace bookinfo becomes PERMISSIVE again, as the wider scope says, instead of STRICT"
    );
    let wants = |probes: &[Probe]| probes.iter().map(|probe| probe.want.clone()).collect::<Vec<_>>();
    assert_eq!(wants(&gone.evidence.probes), [Want::Takes(Connections::Both)]);
    assert_eq!(wants(&gone.evidence.was), [Want::Takes(Connections::Mutual)]);
    check_undo(&strict, &gone);
}

#[test]
fn calls_that_a_mode_breaks_are_told() {
    let mut objects = demo::bookinfo_objects();
    let rule = Ref::new(&kinds::DESTINATION_RULE, "bookinfo", "reviews");
    let mut value = (*objects[&rule].0).clone();
    value["spec"]["trafficPolicy"]["tls"] = json!({ "mode": "DISABLE" });
    objects.insert(rule, value.into());
    objects.extend(by_ref([json!({ "kind": "Pod", "metadata": { "namespace": "tools", "name": "old-client" }, "spec": { "containers": [{ "name": "app" }] } })]));
    let mesh = Mesh::read(objects, None);
    let told = |scope: Scope, mode| mtls(&mesh, &scope, Some(mode)).unwrap().warnings;
    assert_eq!(
        told(Scope::Mesh, Mode::Strict),
        [
            "old-client without a sidecar: plain text calls from there will be refused",
            "DestinationRule bookinfo/reviews makes callers of reviews use TLS mode DISABLE: their calls will fail"
        ]
    );
    assert_eq!(told(Scope::Workload("bookinfo".into(), "ratings-v1".into()), Mode::Disable), [""; 0]);
}

#[test]
fn ports_with_a_mode_of_their_own_are_told() {
    let mut objects = demo::bookinfo_objects();
    let at = Ref::new(&istio::kinds::PEER_AUTHENTICATION, "bookinfo", "ratings");
    let policy = serde_json::json!({ "apiVersion": "security.istio.io/v1", "kind": "PeerAuthentication",
        "metadata": { "namespace": "bookinfo", "name": "ratings" }, "spec": {
            "selector": { "matchLabels": { "app": "ratings" } }, "mtls": { "mode": "STRICT" },
            "portLevelMtls": { "9080": { "mode": "DISABLE" }, "15020": { "mode": "UNSET" } } } });
    objects.insert(at, policy.into());
    let mesh = Mesh::read(objects, None);
    let of = |scope: Scope| state(&mesh, &scope).unwrap().ports;
    assert_eq!(of(Scope::Workload("bookinfo".into(), "ratings-v1".into())), [(9080, Mode::Disable)].into());
    assert!(of(Scope::Namespace("bookinfo".into())).is_empty());
}
