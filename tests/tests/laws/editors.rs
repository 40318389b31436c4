//! Laws of every editor: they walk the table with each editor's own samples, on every scope of every service
//! and workload.

use crate::policies::policies;
use crate::{evidence, ways};
use harness::dumps::{after, dumps};
use istio::{Object, kinds};
use mesh::{Change, Edit, Mesh, Objects, Ref, Stored, demo};
use panels::Selected;
use panels::editors::{EDITORS, EditorRow};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What is written of each object, byte for byte. Labels have no order.
pub(crate) fn bytes(objects: &Objects) -> Vec<(Ref, String)> {
    let written = |(at, object): (&Ref, &Object)| {
        let mut spec = object.spec().clone();
        if let Some(labels) = spec.pointer_mut("/template/metadata/labels") {
            *labels = sorted(&istio::object::strings(Some(labels)));
        }
        let labels = at.kind.operates.map(|_| sorted(&object.labels()));
        (at.clone(), format!("{spec} {}", labels.unwrap_or_default()))
    };
    objects.iter().map(written).collect()
}

fn sorted(labels: &std::collections::BTreeMap<String, String>) -> Value {
    json!(labels)
}

/// Bookinfo with these specs merged into its VirtualService and DestinationRule of reviews.
fn bookinfo(route: &Value, policy: &Value) -> Objects {
    let mut objects = demo::bookinfo_objects();
    let mut put = |kind, path: &str, more: &Value| {
        let at = Ref::new(kind, "bookinfo", "reviews");
        let mut value = (*objects.get(&at).expect("reviews").0).clone();
        let place = value.pointer_mut(path).and_then(Value::as_object_mut).expect("an object");
        place.extend(more.as_object().expect("fields").clone());
        objects.insert(at, value.into());
    };
    put(&kinds::VIRTUAL_SERVICE, "/spec/http/1", route);
    put(&kinds::DESTINATION_RULE, "/spec/trafficPolicy", policy);
    objects
}

/// The meshes that laws are tried on: plain, with everything set that the new editors know, and with what
/// shares out and is no rule of HTTP.
fn meshes() -> [Objects; 3] {
    let retries = json!({ "attempts": 3, "perTryTimeout": "2s", "retryOn": "5xx", "x": 1 });
    let mirrors = json!([{ "destination": { "host": "reviews", "subset": "v2" }, "percentage": { "value": 5, "x": 1 } },
        { "destination": { "host": "details" } }]);
    let policy = json!({
        "connectionPool": { "tcp": { "maxConnections": 5, "x": 1 }, "http": { "idleTimeout": "1m" } },
        "loadBalancer": { "consistentHash": { "httpCookie": { "name": "c", "ttl": "1m" }, "x": 1 } },
        "outlierDetection": { "consecutiveErrors": 7, "interval": "30s", "consecutive5xxErrors": 9 },
        "portLevelSettings": [{ "port": { "number": 9080 }, "loadBalancer": { "simple": "RANDOM" } }],
    });
    let mut full = bookinfo(&json!({ "timeout": "1m0s", "retries": retries, "mirrors": mirrors }), &policy);
    full.extend(policies());
    full.extend(ways::objects());
    [demo::bookinfo_objects(), full, shared()]
}

/// Services of single versions, of bytes, of TLS and of gRPC, with what shares out their calls.
fn shared() -> Objects {
    let mut objects = demo::bookinfo_objects();
    let mut put = |kind: &'static istio::Kind, api: &str, name: &str, spec: Value| {
        let meta = json!({ "namespace": "bookinfo", "name": name, "uid": name, "resourceVersion": "1" });
        let object = json!({ "apiVersion": api, "kind": kind.kind, "metadata": meta, "spec": spec });
        objects.insert(Ref::new(kind, "bookinfo", name), object.into());
    };
    for version in ["v1", "v2", "v3"] {
        let spec = json!({ "selector": { "app": "reviews", "version": version },
            "ports": [{ "name": "http", "port": 9080 }, { "name": "grpc", "port": 7070, "targetPort": 9080 }] });
        put(&kinds::SERVICE, "v1", &format!("reviews-{version}"), spec);
    }
    for (name, port) in [("wire", "tcp"), ("sealed", "tls"), ("talk", "grpc")] {
        let ports = json!([{ "name": port, "port": 7070, "targetPort": 9080 }]);
        put(&kinds::SERVICE, "v1", name, json!({ "selector": { "app": "reviews" }, "ports": ports }));
    }
    let subset = |version: &str| json!({ "name": version, "labels": { "version": version } });
    for name in ["wire", "sealed"] {
        let subsets = ["v1", "v2", "v3"].map(subset);
        let spec = json!({ "host": name, "subsets": subsets });
        put(&kinds::DESTINATION_RULE, "networking.istio.io/v1", name, spec);
    }
    let row = |host: &str, version: &str, weight: u32| {
        let to = json!({ "host": host, "subset": version });
        json!({ "destination": to, "weight": weight })
    };
    let tcp = json!([{ "match": [{ "port": 7070, "sourceLabels": { "app": "productpage" } }],
            "route": [row("wire", "v1", 90), row("wire", "v2", 10)] },
        { "route": [row("wire", "v2", 100)] }]);
    put(&kinds::VIRTUAL_SERVICE, "networking.istio.io/v1", "wire", json!({ "hosts": ["wire"], "tcp": tcp }));
    let tls = json!([{ "match": [{ "port": 7070, "sniHosts": ["sealed.example"] }],
        "route": [row("sealed", "v1", 50), row("sealed", "v3", 50)] }]);
    put(
        &kinds::VIRTUAL_SERVICE,
        "networking.istio.io/v1",
        "sealed",
        json!({ "hosts": ["sealed"], "tls": tls }),
    );
    let backends = |port: u32| {
        json!([{ "name": "reviews-v1", "port": port, "weight": 3 }, { "name": "reviews-v2", "port": port },
            { "name": "reviews-v3", "port": port, "weight": 0 }])
    };
    let on = |name: &str| json!([{ "group": "", "kind": "Service", "name": name }]);
    let some = json!([{ "path": { "type": "PathPrefix", "value": "/reviews" }, "method": "GET" }]);
    let rules = json!([{ "matches": some, "backendRefs": backends(9080) },
        { "name": "rest", "backendRefs": backends(9080) }]);
    let spec = json!({ "parentRefs": on("reviews"), "rules": rules });
    put(&kinds::HTTP_ROUTE, "gateway.networking.k8s.io/v1", "reviews", spec);
    let spec = json!({ "parentRefs": on("talk"), "rules": [
        { "matches": [{ "method": { "service": "a.B" } }], "backendRefs": backends(7070) }] });
    // It has the name of the HTTPRoute.
    put(&kinds::GRPC_ROUTE, "gateway.networking.k8s.io/v1", "reviews", spec);
    objects
}

/// Every change that an editor makes of a sample, with the editor's name; each editor makes some.
pub(crate) fn each(objects: &Objects, mut look: impl FnMut(&Mesh, &'static str, Change)) -> usize {
    let things = [
        Selected::Service("bookinfo".into(), "reviews".into()),
        Selected::Service("bookinfo".into(), "ratings".into()),
        Selected::Service("bookinfo".into(), "wire".into()),
        Selected::Service("bookinfo".into(), "sealed".into()),
        Selected::Service("bookinfo".into(), "talk".into()),
        Selected::Workload("bookinfo".into(), "details-v1".into()),
    ];
    let mut made = BTreeSet::new();
    let mut tried = each_of("Bookinfo", objects, &things, |mesh, editor, change| {
        made.insert(editor);
        look(mesh, editor, change);
    });
    // Samples of the others are for services of Bookinfo.
    tried += each_of("Ways", objects, &ways::things(), |mesh, editor, change| {
        if ways::EDITORS.contains(&editor) {
            made.insert(editor);
            look(mesh, editor, change);
        }
    });
    for row in EDITORS {
        assert!(made.contains(row.about.name), "{} has samples that change something", row.about.name);
    }
    tried
}

/// The same for what may be locked for some editors.
pub(crate) fn each_of(
    case: &str,
    objects: &Objects,
    things: &[Selected],
    mut look: impl FnMut(&Mesh, &'static str, Change),
) -> usize {
    let mesh = Mesh::read(objects.clone(), None);
    EDITORS.iter().map(|row| each_by(row, case, &mesh, things, &mut look)).sum()
}

/// The same of one editor.
pub(crate) fn each_by(
    row: &'static EditorRow,
    case: &str,
    mesh: &Mesh,
    things: &[Selected],
    look: &mut dyn FnMut(&Mesh, &'static str, Change),
) -> usize {
    let mut tried = 0;
    for thing in things {
        let Some(sheet) = (row.open)(mesh, thing) else { continue };
        // Sixty rules are sixty scopes of one kind: some of them tell.
        let scopes = sheet.scopes().len();
        for scope in (0..scopes).step_by(1 + scopes / 16) {
            for sample in 0.. {
                let mut sheet = (row.open)(mesh, thing).expect("as before");
                sheet.choose(scope);
                assert_eq!(sheet.change(mesh), Ok(None), "{case}, {}: nobody wants anything", row.about.name);
                if !sheet.try_on(sample) {
                    break;
                }
                if let Ok(Some(change)) = sheet.change(mesh) {
                    look(mesh, row.about.name, change);
                    tried += 1;
                }
            }
        }
    }
    tried
}

/// What the server had of each object before a change, and after it.
pub(crate) fn stored(before: &Objects, after: &Objects, change: &Change) -> Vec<Option<Stored>> {
    let of = |objects: &Objects, step: &mesh::Step| objects.get(&step.at).cloned();
    change
        .steps
        .iter()
        .map(|step| Some(Stored { before: of(before, step), after: of(after, step) }))
        .collect()
}

#[test]
fn undo_restores_the_bytes() {
    for objects in meshes() {
        let mut lasting = 0;
        let tried = each(&objects, |_, editor, change| {
            let done = after(&objects, &change);
            if change.lasts().is_some() {
                let refused =
                    change.inverse(&stored(&objects, &done, &change)).expect_err("nothing to take back");
                assert_eq!(Some(&*refused.why), change.lasts(), "{editor}: {}", change.title);
                lasting += 1;
                return;
            }
            assert_ne!(bytes(&objects), bytes(&done), "{editor}: {}", change.title);
            let stored = stored(&objects, &done, &change);
            let undo = change.inverse(&stored).expect("an inverse");
            assert_eq!(bytes(&objects), bytes(&after(&done, &undo)), "{editor}: {}", change.title);
        });
        assert!(tried > 50, "only {tried} changes were tried");
        assert!(lasting > 2, "restarts and deleted pods: {lasting}");
    }
}

/// Whoever was faster: a change that was made on what is no more does not fit.
#[test]
fn a_stale_draft_is_refused() {
    for objects in meshes() {
        each(&objects, |_, editor, change| {
            let done = after(&objects, &change);
            let refused = |step: &mesh::Step| match (&step.edit, done.get(&step.at)) {
                (Edit::Patch(patch), Some(object)) => {
                    json_patch::patch(&mut (*object.0).clone(), patch).is_err()
                }
                (Edit::Create(_), there) => there.is_some(),
                (Edit::Delete { .. }, there) => there.is_none(),
                (Edit::Patch(_), None) => true,
            };
            assert!(change.steps.iter().all(refused), "{editor}: {} fits twice", change.title);
        });
    }
}

/// Proxies show a change; where none of them tells it, none of them changes.
#[track_caller]
pub(crate) fn check_shown(objects: &Objects, before: &BTreeMap<String, Value>, change: &Change) {
    let plugin = |step: &mesh::Step| step.at.kind == &kinds::WASM_PLUGIN;
    if change.is_of_workloads() {
        // What becomes of pods no proxy tells: their controllers do.
        assert!(change.evidence.probes.is_empty(), "{}", change.title);
    } else if change.evidence.probes.is_empty() || change.steps.iter().all(plugin) {
        // The sandbox's proxies run no plugins. A mode that is in force already; a policy where every port has its own.
        assert!(dumps(&after(objects, change)) == *before, "{}: nothing shows it", change.title);
    } else {
        evidence::check(objects, before, change);
    }
}

/// Puts a field that nobody knows into every object; maps from names to values are left alone.
pub(crate) fn unknown_everywhere(value: &mut Value) {
    // What Envoy itself is told is Envoy's.
    const MAPS: [&str; 9] = [
        "labels",
        "headers",
        "withoutHeaders",
        "selector",
        "matchLabels",
        "customTags",
        "tagOverrides",
        "value",
        "env",
    ];
    match value {
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut().filter(|(name, _)| !MAPS.contains(&name.as_str())) {
                if name != "port" {
                    unknown_everywhere(value);
                }
            }
            fields.insert("xUnknown".into(), json!({ "kept": [1, { "a": null }] }));
        }
        Value::Array(rows) => rows.iter_mut().for_each(unknown_everywhere),
        _ => {}
    }
}

/// Every object that is still there still says what nobody knows.
pub(crate) fn check_kept(before: &Value, after: &Value, at: &str) {
    if let (Some(before), Some(after)) = (before.as_object(), after.as_object()) {
        assert_eq!(before.get("xUnknown"), after.get("xUnknown"), "{at}");
        for (name, value) in before {
            if let Some(after) = after.get(name) {
                check_kept(value, after, &format!("{at}/{name}"));
            }
        }
    }
    // Rows of a list may come and go; those of one that is as long as before are the same.
    if let (Some(before), Some(after)) = (before.as_array(), after.as_array())
        && before.len() == after.len()
    {
        for (index, (before, after)) in before.iter().zip(after).enumerate() {
            check_kept(before, after, &format!("{at}/{index}"));
        }
    }
}

#[test]
fn unknown_fields_survive() {
    for mut objects in meshes() {
        for kind in [
            &kinds::VIRTUAL_SERVICE,
            &kinds::DESTINATION_RULE,
            &kinds::AUTHORIZATION_POLICY,
            &kinds::REQUEST_AUTHENTICATION,
            &kinds::SERVICE_ENTRY,
            &kinds::GATEWAY,
            &kinds::API_GATEWAY,
            &kinds::HTTP_ROUTE,
            &kinds::GRPC_ROUTE,
            &kinds::TELEMETRY,
            &kinds::ENVOY_FILTER,
            &kinds::WASM_PLUGIN,
        ] {
            let name = match kind.kind {
                "ServiceEntry" => "pay",
                "Gateway" if kind == &kinds::API_GATEWAY => "edge",
                "Gateway" => "old",
                _ => "reviews",
            };
            let at = Ref::new(kind, "bookinfo", name);
            let Some(object) = objects.get(&at) else { continue };
            let mut value = (*object.0).clone();
            unknown_everywhere(&mut value["spec"]);
            objects.insert(at, value.into());
        }
        each(&objects, |_, editor, change| {
            for step in &change.steps {
                if let (Some(before), Some(after)) = (&step.before, &step.after) {
                    check_kept(before.spec(), after.spec(), &format!("{editor}: {}", change.title));
                }
            }
            let done = after(&objects, &change);
            let stored = stored(&objects, &done, &change);
            if change.lasts().is_some() {
                return;
            }
            let undone = after(&done, &change.inverse(&stored).expect("an inverse"));
            assert_eq!(bytes(&objects), bytes(&undone), "{editor}: {}", change.title);
        });
    }
}

#[test]
fn proxies_show_every_change_after_it_and_not_before() {
    for objects in meshes() {
        let before = dumps(&objects);
        each(&objects, |_, _, change| check_shown(&objects, &before, &change));
    }
}

/// The old form of a field is left as it is, and the new one is written.
#[test]
fn consecutive_errors_stay_as_they_are() {
    let [_, objects, _] = meshes();
    let mut seen = 0;
    each(&objects, |_, editor, change| {
        for step in change.steps.iter().filter(|_| editor == "Circuit breaker") {
            let old = "/trafficPolicy/outlierDetection/consecutiveErrors";
            let before = step.before.as_ref().and_then(|object| object.spec().pointer(old));
            let after = step.after.as_ref().map(Object::spec);
            let ejects = after.is_some_and(|spec| spec.pointer("/trafficPolicy/outlierDetection").is_some());
            if before.is_some() && ejects {
                assert_eq!(after.and_then(|spec| spec.pointer(old)), before, "{}", change.title);
                seen += 1;
            }
        }
    });
    assert!(seen > 3, "{seen}");
}
