use super::mtls::{Heard, Says, Speak, pairs, plan, ports, state};
use super::tests::{after, check_undo, patch};
use super::{Mode, Scope, mtls};
use crate::Mesh;
use crate::demo::{self, by_ref};
use crate::evidence::{Connections, Probe, Want};
use crate::plan::Plan;
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
    let of = |scope: Scope| state(&mesh, &scope).unwrap().own.ports;
    assert_eq!(of(Scope::Workload("bookinfo".into(), "ratings-v1".into())), [(9080, Mode::Disable)].into());
    assert!(of(Scope::Namespace("bookinfo".into())).is_empty());
}

#[test]
fn ports_have_modes_of_their_own() {
    let mesh = demo::bookinfo();
    let scope = Scope::Workload("bookinfo".into(), "ratings-v1".into());
    assert_eq!(ports(&mesh, &scope).into_iter().collect::<Vec<_>>(), [9080]);
    assert!(ports(&mesh, &Scope::Mesh).is_empty());
    let change = |mesh: &Mesh, mode, port: Option<Mode>| {
        let mut made = Plan::new(mesh);
        let ports = port.map(|mode| (9080, mode)).into_iter().collect();
        plan(&mut made, &scope, &Says { mode, ports });
        made.change().unwrap().unwrap()
    };
    // The port alone: proxies show it there, and calls do not tell it.
    let made = change(&mesh, None, Some(Mode::Strict));
    assert_eq!(made.title, "Mutual TLS of ratings-v1: port 9080 becomes STRICT instead of PERMISSIVE");
    assert_eq!(
        made.steps[0].after.as_ref().unwrap().spec().to_string(),
        r#"{"selector":{"matchLabels":{"app":"ratings","version":"v1"}},"portLevelMtls":{"9080":{"mode":"STRICT"}}}"#
    );
    assert_eq!(made.evidence.probes.len(), 1);
    assert_eq!(made.evidence.probes[0].want, Want::Takes(Connections::Mutual));
    check_undo(&mesh, &made);
    let strict = after(&mesh, &made);
    // The only port that is called does not follow the workload: for proxies nothing changes.
    let apart = change(&strict, Some(Mode::Disable), Some(Mode::Strict));
    assert!(apart.evidence.probes.is_empty(), "{:?}", apart.evidence.probes);
    let back = change(&strict, Some(Mode::Disable), None);
    assert_eq!(
        back.title,
        "Mutual TLS of ratings-v1 becomes DISABLE instead of PERMISSIVE, port 9080 becomes DISABLE again, as the \
         workload says, instead of STRICT"
    );
    check_undo(&strict, &back);
    let mut gone = Plan::new(&strict);
    plan(&mut gone, &scope, &Says::default());
    let gone = gone.change().unwrap().unwrap();
    assert!(gone.steps[0].after.is_none(), "nothing is left of it");
    check_undo(&strict, &gone);
}

#[test]
fn how_every_pair_speaks() {
    let mut objects = demo::bookinfo_objects();
    // Callers of ratings are told to use no TLS, and details-v1 has lost its proxy.
    let rule = json!({ "apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
        "metadata": { "name": "ratings", "namespace": "bookinfo" },
        "spec": { "host": "ratings", "trafficPolicy": { "tls": { "mode": "DISABLE" } } } });
    objects.insert(Ref::new(&kinds::DESTINATION_RULE, "bookinfo", "ratings"), rule.into());
    let pod = objects.of_kind(&crate::kinds::POD).find(|(at, _)| at.name.starts_with("details")).unwrap();
    let (at, mut value) = (pod.0.clone(), (*pod.1.0).clone());
    value["spec"]["containers"].as_array_mut().unwrap().retain(|one| one["name"] != "istio-proxy");
    objects.insert(at, value.into());
    let mesh = Mesh::read(objects, None);
    let of = |name: &str| mesh.workload("bookinfo", name).unwrap();
    let (callers, called) =
        ([of("reviews-v2"), of("details-v1")], [of("ratings-v1"), of("productpage-v1"), of("details-v1")]);
    let scope = Scope::Namespace("bookinfo".into());
    let strict = Says { mode: Some(Mode::Strict), ..Says::default() };
    let told = pairs(&mesh, (&callers, &called), &scope, &strict);
    let how =
        |all: &[Vec<Heard>]| all.iter().map(|row| row.iter().map(|heard| heard.speak).collect()).collect();
    let (now, would): (Vec<Vec<Speak>>, Vec<Vec<Speak>>) = (how(&told.now), how(&told.would));
    assert_eq!(now, [[Speak::Plain, Speak::Mutual, Speak::Plain], [Speak::Plain; 3]]);
    assert_eq!(
        would,
        [[Speak::Refused, Speak::Mutual, Speak::Plain], [Speak::Refused, Speak::Refused, Speak::Plain]]
    );
    assert_eq!(
        told.would[0][0].why,
        "mutual TLS is STRICT, DestinationRule bookinfo/ratings says TLS DISABLE"
    );
}
