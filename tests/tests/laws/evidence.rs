//! The evidence of a change is false before it and true after it, in every proxy that it names; and so is its
//! inverse's.

use harness::dumps::{after, dumps};
use istio::{Object, kinds};
use mesh::confirm::{Held, holds};
use mesh::edit::{FaultSpec, HeaderIs, Mode, Rule, Scope, Status, fault, mtls, rules, split};
use mesh::evidence::{Evidence, Probe, route};
use mesh::split::Split;
use mesh::{Change, Mesh, Objects, Ref, Service, demo};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Probes that a proxy does not hold.
fn missing(probes: &[Probe], dumps: &BTreeMap<String, Value>) -> Vec<String> {
    let mut missing = Vec::new();
    for probe in probes {
        for proxy in probe.proxies.iter() {
            let dump = dumps.get(proxy).unwrap_or_else(|| panic!("{proxy} is no proxy: {:?}", dumps.keys()));
            if holds(probe, dump) == Held::No {
                missing.push(format!("{proxy}: {} {:?} of {:?}", probe.path, probe.want, probe.owner));
            }
        }
    }
    missing
}

/// Every proxy shows the change, and none showed it before: of all probes of one proxy some was false.
#[track_caller]
fn check_sides(
    title: &str,
    evidence: &Evidence,
    before: &BTreeMap<String, Value>,
    after: &BTreeMap<String, Value>,
) {
    assert_eq!(missing(&evidence.probes, after), [""; 0], "{title}: not there after it");
    for proxy in evidence.proxies() {
        let all: Vec<Probe> = evidence.for_proxy(proxy).cloned().collect();
        let held = all.iter().all(|probe| holds(probe, &before[proxy]) == Held::Yes);
        assert!(!held, "{title}: {proxy} shows it before it was done: {all:#?}");
    }
}

#[track_caller]
pub(crate) fn check(objects: &Objects, before: &BTreeMap<String, Value>, change: &Change) {
    let done = after(objects, change);
    let now = dumps(&done);
    assert!(!change.evidence.probes.is_empty(), "{}: nothing shows it", change.title);
    check_sides(&change.title, &change.evidence, before, &now);
    let stored = |step: &mesh::Step| Some(mesh::Stored::returned(done.get(&step.at).cloned()));
    let applied: Vec<_> = change.steps.iter().map(stored).collect();
    let undo = change.inverse(&applied).expect("an inverse");
    check_sides(&undo.title, &undo.evidence, &now, before);
}

fn objects(change: impl FnOnce(&mut Value)) -> Objects {
    let mut objects = demo::bookinfo_objects();
    let at = Ref::new(&kinds::VIRTUAL_SERVICE, "bookinfo", "reviews");
    let mut value = (*objects.get(&at).expect("reviews").0).clone();
    change(&mut value);
    objects.insert(at, value.into());
    objects
}

/// Everything that the editors can do to a service.
fn changes(mesh: &Mesh, service: &Service) -> Vec<Change> {
    let header = HeaderIs { name: "end-user".into(), value: "tester".into() };
    let faults = [
        FaultSpec { delay: Some((7000, 50.0)), abort: None },
        FaultSpec { delay: Some((500, 100.0)), abort: Some((Status::Http(503), 12.5)) },
        FaultSpec::default(),
    ];
    let of = |rule: &Rule| {
        let mut all = Vec::new();
        if let Some(mut shares) = split::current(mesh, &rule.at) {
            shares.set(0, 37);
            all.extend(split::split(mesh, &rule.at, &shares));
            let last = shares.shares().len() - 1;
            let only = shares.shares().iter().enumerate();
            let only = Split::new(only.map(|(at, share)| (share.name.clone(), u32::from(at == last) * 100)));
            all.extend(only.and_then(|only| split::split(mesh, &rule.at, &only)));
        }
        for wanted in faults {
            all.extend(fault(mesh, &rule.at, None, wanted));
            all.extend(fault(mesh, &rule.at, Some(&header), wanted));
        }
        all
    };
    rules(mesh, service).iter().flat_map(of).collect()
}

fn check_all(objects: &Objects, least: usize) {
    let (mesh, before) = (Mesh::read(objects.clone(), None), dumps(objects));
    let mut tried = 0;
    for name in ["productpage", "details", "reviews", "ratings"] {
        let service = mesh.service("bookinfo", name).expect("a service");
        for change in changes(&mesh, service) {
            check(objects, &before, &change);
            tried += 1;
        }
    }
    assert!(tried >= least, "only {tried} changes were tried");
}

#[test]
fn of_splits_and_faults() {
    check_all(&demo::bookinfo_objects(), 20);
}

/// A fault is taken away again, and with it the rule that was made for it.
#[test]
fn of_what_was_there_already() {
    let fault = json!({ "abort": { "httpStatus": 503, "percentage": { "value": 10.5 } },
        "delay": { "fixedDelay": "1.5s", "percentage": { "value": 100 } } });
    check_all(&objects(|value| value["spec"]["http"][1]["fault"] = fault.clone()), 20);
    let for_tester = objects(|value| {
        let mut rule = value["spec"]["http"][1].clone();
        rule["match"] = json!([{ "headers": { "end-user": { "exact": "tester" } } }]);
        rule["fault"] = fault;
        value["spec"]["http"].as_array_mut().expect("rules").insert(1, rule);
    });
    check_all(&for_tester, 20);
}

/// Rules that are for some callers only, or for some ports, or only outside the mesh.
#[test]
fn where_rules_do_not_apply_everywhere() {
    for wanted in [
        json!([{ "sourceLabels": { "app": "productpage" } }]),
        json!([{ "sourceNamespace": "istio-system" }, { "uri": { "prefix": "/reviews" } }]),
        json!([{ "port": 9080, "uri": { "regex": "/reviews/.*" } }, { "port": 80 }]),
        json!([{ "gateways": ["bookinfo-gateway"] }, { "method": { "exact": "GET" }, "withoutHeaders": { "x": {} } }]),
    ] {
        check_all(&objects(|value| value["spec"]["http"][0]["match"] = wanted), 15);
    }
    let both = objects(|value| {
        value["spec"]["gateways"] = json!(["mesh", "bookinfo-gateway"]);
        value["spec"]["hosts"] = json!(["reviews", "ratings"]);
    });
    check_all(&both, 15);
}

/// Routing for a service that has none: a DestinationRule and a VirtualService come, and go again.
#[test]
fn where_there_was_no_routing() {
    let mut objects = demo::bookinfo_objects();
    for kind in [&kinds::VIRTUAL_SERVICE, &kinds::DESTINATION_RULE] {
        objects.remove(&Ref::new(kind, "bookinfo", "reviews"));
    }
    check_all(&objects, 15);
}

#[test]
fn of_mutual_tls() {
    let scopes = [
        Scope::Mesh,
        Scope::Namespace("bookinfo".into()),
        Scope::Workload("bookinfo".into(), "ratings-v1".into()),
    ];
    let policy = |at: &Ref, spec: Value| {
        Object::from(json!({ "apiVersion": "security.istio.io/v1", "kind": "PeerAuthentication",
            "metadata": { "namespace": &*at.namespace, "name": &*at.name, "uid": "u", "resourceVersion": "1" }, "spec": spec }))
    };
    let own = Ref::new(&kinds::PEER_AUTHENTICATION, "bookinfo", "ratings");
    let with_ports = json!({ "selector": { "matchLabels": { "app": "ratings" } }, "mtls": { "mode": "PERMISSIVE" },
        "portLevelMtls": { "8080": { "mode": "DISABLE" } } });
    let strict = Ref::new(&kinds::PEER_AUTHENTICATION, "istio-system", "default");
    for more in [vec![], vec![(own, with_ports)], vec![(strict, json!({ "mtls": { "mode": "STRICT" } }))]] {
        let mut objects = demo::bookinfo_objects();
        for (at, spec) in more {
            let object = policy(&at, spec);
            objects.insert(at, object);
        }
        let (mesh, before) = (Mesh::read(objects.clone(), None), dumps(&objects));
        let wanted = [None, Some(Mode::Strict), Some(Mode::Permissive), Some(Mode::Disable)];
        let mut tried = 0;
        for change in scopes.iter().flat_map(|scope| wanted.map(|mode| mtls(&mesh, scope, mode))).flatten() {
            // A mode that is in force already, said once more, changes nothing in the proxies.
            if !change.evidence.probes.is_empty() {
                check(&objects, &before, &change);
                tried += 1;
            }
        }
        assert!(tried >= 3, "only {tried}");
    }
}

/// What an editor does not claim is not shown; what it claims wrongly never holds.
#[test]
fn a_wrong_claim_fails() {
    let objects = demo::bookinfo_objects();
    let mesh = Mesh::read(objects.clone(), None);
    let service = mesh.service("bookinfo", "reviews").expect("reviews");
    let mut change = changes(&mesh, service).remove(0);
    let at = change.steps[0].at.clone();
    let claim = route(&at, 1).at("/route/timeout").is("9s");
    change.evidence = Evidence::of(&mesh, &change.steps, &[claim], &[]);
    let done = dumps(&after(&objects, &change));
    assert!(!missing(&change.evidence.probes, &done).is_empty());
}
