//! A mesh that asks all of a window: names of 63 letters, 50 versions, 40 rules, 32 contexts, sources that
//! are down.

use super::World;
use mesh::edit;
use mesh::graph::NodeId;
use mesh::scene::{Caution, KindState, Step, StepState};
use mesh::series::Series;
use mesh::split::Split;
use mesh::trace::{Found, Trace};
use mesh::traffic::{Called, Flow, Path, Peer, Protocol, Traffic};
use mesh::{Answer, Change, Ledger, Mesh, Problem, Read, Remote, Scene, demo};
use panels::Selected;
use panels::contexts::{ContextRow, Contexts};
use serde_json::{Value, json};
use std::sync::{Arc, LazyLock};

pub(crate) const VERSIONS: usize = 50;
pub(crate) const RULES: usize = 40;

/// A name of 63 letters, as long as Kubernetes lets one be; names differ at their ends.
pub(crate) fn long(begin: &str, end: &str) -> String {
    let middle = "-of-the-department-of-payments-and-settlements-of-central-europe-and-beyond";
    let middle = &middle[..62 - begin.len() - end.len()];
    // Names do not have two hyphens beside each other.
    format!("{begin}{}{end}", if middle.ends_with('-') { format!("{middle}x") } else { format!("{middle}-") })
}

pub(crate) fn namespace() -> String {
    long("team", "production")
}

/// The service with all the versions.
pub(crate) fn wide() -> String {
    long("checkout", "primary")
}

fn caller() -> String {
    long("checkout", "frontend")
}

pub(crate) fn called() -> String {
    long("ledger", "archive")
}

pub(crate) fn version(number: usize) -> String {
    long("2026", &format!("build-{number:02}"))
}

fn named(kind: &str, api: &str, namespace: &str, name: &str, labels: Value) -> Value {
    let mut object = json!({ "apiVersion": api, "kind": kind, "metadata": {
        "name": name, "uid": format!("uid-{kind}-{name}"), "resourceVersion": "1", "generation": 1,
        "creationTimestamp": "2025-12-31T23:00:00Z", "labels": labels } });
    if !namespace.is_empty() {
        object["metadata"]["namespace"] = namespace.into();
    }
    object
}

fn with(mut object: Value, part: &str, value: Value) -> Value {
    object[part] = value;
    object
}

fn service(namespace: &str, app: &str) -> Value {
    let object = named("Service", "v1", namespace, app, json!({ "app": app }));
    let port = json!({ "name": "http", "protocol": "TCP", "port": 8080, "targetPort": 8080 });
    with(object, "spec", json!({ "ports": [port], "selector": { "app": app }, "type": "ClusterIP" }))
}

/// A Deployment with its one pod.
fn workload(namespace: &str, name: &str, app: &str, version: &str) -> [Value; 2] {
    let labels = json!({ "app": app, "version": version });
    let account = long("account", "everybody");
    let deployment = named("Deployment", "apps/v1", namespace, name, labels.clone());
    let spec = json!({ "replicas": 1, "selector": { "matchLabels": labels },
        "template": { "metadata": { "labels": labels }, "spec": { "serviceAccountName": account } } });
    let deployment = with(deployment, "spec", spec);
    let deployment = with(deployment, "status", json!({ "replicas": 1, "readyReplicas": 1 }));
    let set = format!("{name}-6f8d7c9b4");
    let mut pod = named("Pod", "v1", namespace, &format!("{set}-aaaaa"), labels);
    pod["metadata"]["labels"]["pod-template-hash"] = "6f8d7c9b4".into();
    pod["metadata"]["ownerReferences"] = json!([{ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": set,
        "uid": format!("uid-{set}"), "controller": true }]);
    let containers = json!([{ "name": app }, { "name": "istio-proxy" }]);
    pod["spec"] = json!({ "serviceAccountName": account, "containers": containers });
    pod["status"] = json!({ "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] });
    [deployment, pod]
}

fn routing() -> [Value; 2] {
    let (namespace, wide) = (namespace(), wide());
    let to = |number: usize| json!({ "host": wide, "subset": version(number) });
    let rule = |number: usize| {
        let header = long("x-tenant", &format!("header-{number:02}"));
        json!({ "name": long("rule", &format!("number-{number:02}")),
            "match": [{ "headers": { header: { "exact": long("tenant", &format!("value-{number:02}")) } } }],
            "route": [{ "destination": to(number) }] })
    };
    let rest = |number: usize| json!({ "destination": to(number), "weight": 100 / VERSIONS });
    let all_other = json!({ "route": (0..VERSIONS).map(rest).collect::<Vec<_>>() });
    let http: Vec<Value> = (1..RULES).map(rule).chain([all_other]).collect();
    let api = "networking.istio.io/v1";
    let virtual_service = named("VirtualService", api, &namespace, &wide, json!({}));
    let subset = |number: usize| json!({ "name": version(number), "labels": { "version": version(number) } });
    let subsets: Vec<Value> = (0..VERSIONS).map(subset).collect();
    [
        with(virtual_service, "spec", json!({ "hosts": [wide], "http": http })),
        with(
            named("DestinationRule", api, &namespace, &wide, json!({})),
            "spec",
            json!({ "host": wide, "subsets": subsets }),
        ),
    ]
}

pub(crate) fn mesh() -> Mesh {
    let space = namespace();
    let labels = json!({ "istio-injection": "enabled" });
    let mut all = vec![named("Namespace", "v1", "", &space, labels)];
    for app in [caller(), called(), wide()] {
        all.push(service(&space, &app));
    }
    for app in [caller(), called()] {
        all.extend(workload(&space, &app, &app, &version(0)));
    }
    for number in 0..VERSIONS {
        all.extend(workload(
            &space,
            &long("checkout", &format!("primary-{number:02}")),
            &wide(),
            &version(number),
        ));
    }
    all.extend(routing());
    Mesh::read(demo::by_ref(all), None)
}

fn peer(app: &str, workload: &str, version: &str) -> Peer {
    Peer {
        cluster: "Kubernetes".into(),
        namespace: namespace().into(),
        workload: workload.into(),
        app: app.into(),
        version: version.into(),
        principal: "spiffe://cluster.local/ns/team/sa/everybody".into(),
    }
}

/// Many calls, slow ones, and failures of many sorts.
fn flow(source: Peer, destination: Peer, rps: f64) -> (Path, Flow) {
    let service = Called {
        host: format!("{}.{}.svc.cluster.local", destination.app, destination.namespace).into(),
        name: destination.app.clone(),
        namespace: destination.namespace.clone(),
    };
    let answers =
        [("200", "-", 0.6), ("503", "UH", 0.1), ("503", "UC,URX", 0.1), ("504", "UT", 0.1), ("0", "DC", 0.1)];
    let flow = Flow {
        responses: answers
            .into_iter()
            .map(|(code, flags, part)| ((code.into(), flags.into()), rps * part))
            .collect(),
        p50_ms: Some(59_123.0),
        p95_ms: Some(1_234_567.0),
        p99_ms: Some(3_600_000.0),
        mutual_tls: rps * 0.5,
        plaintext: rps * 0.5,
        ..Flow::default()
    };
    (Path { source, destination, service, protocol: Protocol::Http }, flow)
}

fn traffic() -> Traffic {
    let (front, archive) = (peer(&caller(), &caller(), &version(0)), peer(&called(), &called(), &version(0)));
    let one =
        |number: usize| peer(&wide(), &long("checkout", &format!("primary-{number:02}")), &version(number));
    let flows = (0..VERSIONS).flat_map(|number| {
        [flow(front.clone(), one(number), 123_456.7), flow(one(number), archive.clone(), 123_456.7)]
    });
    Traffic { window_secs: 60, flows: flows.collect(), ..Traffic::default() }
}

/// Nothing of it fits into a line.
pub(crate) fn trouble(number: usize) -> Problem {
    Problem::new(
        format!("{} does not answer", long("source", &format!("number-{number:02}"))),
        format!(
            "connection refused at https://{}.{}.svc.cluster.local:15014/debug/syncz, and what the other side \
             said of it was quite long, too",
            long("istiod", "canary"),
            namespace()
        ),
        "It is asked again in 5 s; install it, or name another one with --prometheus URL".to_owned(),
    )
}

static SCENE: LazyLock<Scene> = LazyLock::new(make_scene);
static CHANGES: LazyLock<Ledger> = LazyLock::new(|| demo::ledger((0..4).map(|_| split(&SCENE.mesh))));

/// Live, and in much trouble.
pub(crate) fn scene() -> Scene {
    SCENE.clone()
}

fn make_scene() -> Scene {
    let calm = demo::scene();
    let mut steps = calm.steps.clone();
    for (number, step) in [Step::Istiod, Step::Prometheus, Step::Traces].into_iter().enumerate() {
        steps.insert(step, StepState::Failed(trouble(number)));
    }
    let denied = |(number, (kind, state)): (usize, (&'static mesh::Kind, KindState))| {
        (kind, if number % 2 == 0 { KindState::Denied(trouble(number)) } else { state })
    };
    Scene {
        context: long("context", "eu-central-1"),
        cautions: vec![Caution::Insecure, Caution::As(long("user", "impersonated"))],
        kinds: calm.kinds.clone().into_iter().enumerate().map(denied).collect(),
        traffic: Remote::Live(Arc::new(traffic()), demo::NOW),
        mesh: Arc::new(mesh()),
        sandbox: false,
        steps,
        ..calm
    }
}

/// On the way there, and held up.
pub(crate) fn connecting() -> World {
    let mut steps = demo::scene().steps;
    steps.insert(Step::Api, StepState::Done(long("Kubernetes", "1.33, 4 ms")));
    steps.insert(Step::Kinds, StepState::Running(demo::NOW));
    for (number, step) in [Step::Istiod, Step::Prometheus].into_iter().enumerate() {
        steps.insert(step, StepState::Failed(trouble(number)));
    }
    let scene = Scene { context: long("context", "eu-central-1"), steps, ..Scene::default() };
    World { contexts: contexts(), ..World::new(scene) }
}

pub(crate) fn contexts() -> Contexts {
    let row = |number: usize| ContextRow {
        name: long("context", &format!("region-{number:02}")),
        cluster: long("cluster", &format!("region-{number:02}")),
        server: format!("https://{}.example.com:6443", long("api", &format!("region-{number:02}"))),
        user: long("oidc", &format!("person-{number:02}")),
        namespace: Some(namespace()),
        file: format!("~/.kube/{}.yaml", long("file", &format!("region-{number:02}"))),
        current: number == 1,
        problem: (number % 7 == 3).then(|| trouble(number)),
    };
    Contexts {
        rows: (1..=32).map(row).collect(),
        problems: vec![trouble(1), trouble(2)],
        ..Contexts::default()
    }
}

/// Moves all calls to the last version.
pub(crate) fn split(mesh: &Mesh) -> Change {
    let service = mesh.service(&namespace(), &wide()).expect("the service");
    let rule = edit::rules(mesh, service).pop().expect("its last rule");
    let names: Vec<String> = (0..VERSIONS).map(version).collect();
    let share = |number: usize| if number + 1 == VERSIONS { 100 } else { 0 };
    let wanted = Split::new(names.iter().enumerate().map(|(number, name)| (name.as_str(), share(number))));
    edit::split(mesh, &rule.at, &wanted.expect("it is all")).expect("a change")
}

/// Everything that can be selected, one of each sort.
pub(crate) fn things() -> Vec<(&'static str, Option<Selected>)> {
    let cluster = mesh::ClusterId::default();
    let id = |app: &str, number: usize| NodeId::app(&cluster, &namespace(), app, Some(&version(number)));
    let object = |kind| Some(Selected::Object(mesh::Ref::new(kind, &namespace(), &wide())));
    vec![
        ("nothing", None),
        ("a service", Some(Selected::Service(namespace(), wide()))),
        ("a version", Some(Selected::App(namespace(), wide(), Some(version(49))))),
        ("a workload", Some(Selected::Workload(namespace(), caller()))),
        ("an edge", Some(Selected::Edge(id(&caller(), 0), id(&wide(), 49)))),
        ("a node outside", Some(Selected::Node(NodeId::Unknown))),
        ("an object", object(&mesh::kinds::VIRTUAL_SERVICE)),
        ("what is gone", Some(Selected::Service(namespace(), long("gone", "for-ever")))),
    ]
}

/// The world of all that.
pub(crate) fn world() -> World {
    World { ledger: CHANGES.clone(), contexts: contexts(), ..World::new(scene()) }
}

/// What all that is asked for is answered.
pub(crate) fn answer(world: &mut World) {
    for read in world.wanted.take().into_keys() {
        let answer = match &read {
            Read::Services => {
                let name =
                    |number: usize| format!("{}.{}", long("checkout", &format!("{number:02}")), namespace());
                Answer::Services(Arc::new((0..40).map(name).collect()))
            }
            Read::Traces(_) => Answer::Traces(Arc::new(found())),
            Read::Trace(id) => {
                let Some(trace) = found().traces.into_iter().find(|trace| trace.trace.id == *id) else {
                    continue;
                };
                Answer::Trace(trace)
            }
            Read::Series(_) => {
                let until = demo::NOW.as_second() as f64;
                let remarks = vec![format!("Prometheus says: {}", long("no", "answer-of-store-1"))];
                let series = (0..VERSIONS).map(series).collect();
                Answer::Series(Arc::new(mesh::series::Measured { series, until, remarks }))
            }
            Read::Inside(_) => Answer::Inside(Arc::new(inside())),
            Read::Log(of) => Answer::Log(Arc::new(log(&of.container))),
            _ => continue,
        };
        world.scene.answers.take(demo::NOW, read, Ok(answer));
    }
}

fn series(number: usize) -> Series {
    let now = demo::NOW.as_second() as f64;
    Series {
        labels: [("destination_version".to_owned(), version(number))].into(),
        points: (0..120_u32).map(|step| (now - f64::from(step) * 5.0, 123_456.7 * number as f64)).collect(),
    }
}

/// Traces between those with the long names.
pub(crate) fn found() -> Found {
    let traces = demo::traces().into_iter().map(|mut trace: Trace| {
        for (number, span) in trace.spans.iter_mut().enumerate() {
            span.service = format!("{}.{}", long("checkout", &format!("span-{number:02}")), namespace());
            span.operation = format!("{}.{}.svc.cluster.local:8080/*", wide(), namespace());
            span.duration_us *= 1000;
        }
        let cluster = format!("outbound|8080|{}|{}", version(1), wide());
        if let Some(span) = trace.spans.first_mut() {
            span.tags = [("upstream_cluster.name", cluster.as_str())].into();
        }
        Arc::new(trace.into())
    });
    Found { traces: traces.collect(), odd: vec![mesh::trace::Odd::UnreadTraces(17)] }
}

/// A proxy that holds much, with the long names, of which something was refused.
fn inside() -> mesh::dump::Dump {
    let cluster = |number: usize| {
        let name = format!("outbound|8080|{}|{}.{}.svc.cluster.local", version(number), wide(), namespace());
        let config =
            format!("/apis/networking.istio.io/v1/namespaces/{}/destination-rule/{}", namespace(), wide());
        let metadata = serde_json::json!({ "filter_metadata": { "istio": { "config": config } } });
        let error = serde_json::json!({ "details": trouble(number).why });
        let error = if number.is_multiple_of(7) { error } else { serde_json::Value::Null };
        serde_json::json!({ "cluster": { "name": name, "type": "EDS", "metadata": metadata }, "error_state": error })
    };
    let clusters: Vec<_> = (0..VERSIONS).map(cluster).collect();
    let sections =
        serde_json::json!([{ "@type": "x.ClustersConfigDump", "dynamic_active_clusters": clusters }]);
    mesh::dump::Dump::read(&serde_json::json!({ "configs": sections }).to_string()).expect("a dump")
}

/// Many lines, long ones, calls among them.
fn log(container: &str) -> mesh::log::Log {
    let mut log = mesh::log::Log::default();
    for number in 0..300_i64 {
        let at = demo::NOW - jiff::SignedDuration::from_secs(300 - number);
        let (path, host) = (long("checkout", "of-everything"), wide());
        let call = format!(
            "[{at}] \"GET /{path} HTTP/1.1\" 503 UF,URX no_healthy_upstream - \"-\" 0 19 3 - \"-\" \"load\" \
             \"b67aa{number}\" \"{host}:9080\" \"-\" outbound|9080||{host} - 10.96.228.9:9080 10.88.0.13:46324 - -"
        );
        let words = format!("line {number} of {container} {}", long("says", "very much"));
        let text = if number % 3 == 0 { words } else { call };
        log.push(mesh::log::Line::read(&format!("{at} {text}")));
    }
    log
}
