//! Objects that none of us wrote, as they are found in clusters: whatever an editor makes of them keeps the laws.

mod others;

use crate::editors::{check_kept, check_shown, each_of, stored, unknown_everywhere};
use harness::dumps::{after, dumps};
use istio::{Object, kinds};
use mesh::{Change, Objects, Ref, demo};
use panels::Selected;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Name of the case, and what is there in place of Bookinfo's own objects or beside them.
pub(crate) fn cases() -> Vec<(&'static str, Objects)> {
    let all = routes().into_iter().chain(policies()).chain(others::security()).chain(others::more());
    all.map(|(name, more)| (name, world(more))).collect()
}

fn world(more: Vec<Value>) -> Objects {
    let mut objects = demo::bookinfo_objects();
    for (number, mut object) in more.into_iter().enumerate() {
        let meta = &mut object["metadata"];
        if meta["namespace"].is_null() {
            meta["namespace"] = "bookinfo".into();
        }
        meta["uid"] = format!("odd-{number}").into();
        meta["resourceVersion"] = "7".into();
        meta["creationTimestamp"] = format!("2025-12-31T23:00:{number:02}Z").into();
        let kind = object["kind"].as_str().expect("a kind");
        let group = istio::kinds::group(object["apiVersion"].as_str().unwrap_or_default());
        let kind = kinds::kind(group, kind).expect("a known kind");
        let text = |place: &str| object.pointer(place).and_then(Value::as_str).unwrap_or_default().to_owned();
        let at = Ref::new(kind, &text("/metadata/namespace"), &text("/metadata/name"));
        objects.insert(at, Object::from(object));
    }
    objects
}

fn object(version: &str, kind: &str, name: &str, spec: Value) -> Value {
    json!({ "apiVersion": version, "kind": kind, "metadata": { "name": name }, "spec": spec })
}

/// The VirtualService of reviews with these fields.
fn routing(spec: Value) -> Value {
    let mut value = object("networking.istio.io/v1", "VirtualService", "reviews", spec);
    let spec = value["spec"].as_object_mut().expect("fields");
    spec.entry("hosts").or_insert_with(|| json!(["reviews"]));
    value
}

fn rules(http: Value) -> Value {
    routing(json!({ "http": http }))
}

fn to(subset: &str) -> Value {
    json!({ "destination": { "host": "reviews", "subset": subset } })
}

fn rule(spec: Value) -> Value {
    let mut value = object("networking.istio.io/v1", "DestinationRule", "reviews", spec);
    let spec = value["spec"].as_object_mut().expect("fields");
    spec.entry("host").or_insert_with(|| json!("reviews"));
    spec.entry("subsets").or_insert_with(|| {
        let subset = |version: &str| json!({ "name": version, "labels": { "version": version } });
        json!([subset("v1"), subset("v2"), subset("v3")])
    });
    value
}

fn with(mut object: Value, place: &str, fields: Value) -> Value {
    object["metadata"][place] = fields;
    object
}

type Cases = Vec<(&'static str, Vec<Value>)>;

fn routes() -> Cases {
    let weighed = |weights: [i64; 3]| {
        let all = ["v1", "v2", "v3"].iter().zip(weights).map(|(version, weight)| {
            let mut row = to(version);
            row["weight"] = weight.into();
            row
        });
        rules(json!([{ "route": all.collect::<Vec<_>>() }]))
    };
    let sixty = (0..60).map(|number| {
        json!({ "name": format!("tenant-{number}"), "match": [{ "headers": { "x-tenant": { "exact": format!("{number}") } } }],
            "route": [to(["v1", "v2", "v3"][number % 3])] })
    });
    let sixty: Vec<Value> = sixty.chain([json!({ "route": [to("v1")] })]).collect();
    let elsewhere = |export: Value| {
        let mut value = rules(json!([{ "route": [to("v2")] }]));
        value["metadata"] = json!({ "name": "theirs", "namespace": "istio-system" });
        value["spec"]["hosts"] = json!(["reviews.bookinfo.svc.cluster.local"]);
        value["spec"]["http"][0]["route"][0]["destination"]["host"] =
            "reviews.bookinfo.svc.cluster.local".into();
        value["spec"]["exportTo"] = export;
        value
    };
    let second = |hosts: Value| {
        let mut value = rules(json!([{ "route": [to("v3")] }]));
        value["metadata"]["name"] = "reviews-too".into();
        value["spec"]["hosts"] = hosts;
        value
    };
    vec![
        ("no weight on any of two", vec![rules(json!([{ "route": [to("v1"), to("v2")] }]))]),
        (
            "one destination of weight 0",
            vec![rules(json!([{ "route": [{ "destination": { "host": "reviews" }, "weight": 0 }] }]))],
        ),
        ("1:1:1", vec![weighed([1, 1, 1])]),
        ("all weights 0", vec![weighed([0, 0, 0])]),
        ("weights that make 230", vec![weighed([10, 20, 200])]),
        (
            "null everywhere",
            vec![rules(
                json!([{ "match": null, "timeout": null, "retries": null, "fault": null, "headers": null,
                "mirror": null, "mirrors": null, "route": [{ "destination": { "host": "reviews", "subset": null,
                "port": null }, "weight": null, "headers": null }] }]),
            )],
        ),
        (
            "OR of ANDs, by expressions",
            vec![rules(json!([
                { "match": [
                    { "headers": { "cookie": { "regex": "^(.*?;)?(user=j.*)(;.*)?$" }, "x-a": { "exact": "1" } },
                        "uri": { "prefix": "/reviews" } },
                    { "method": { "regex": "GET|HEAD" }, "queryParams": { "debug": { "exact": "on" } } },
                    { "withoutHeaders": { "x-old": {} }, "sourceLabels": { "app": "productpage" } } ],
                    "route": [to("v2")] },
                { "route": [to("v1")] } ]))],
        ),
        ("sixty-one rules", vec![rules(Value::Array(sixty))]),
        (
            "two rules of one name",
            vec![rules(
                json!([{ "name": "a", "match": [{ "uri": { "exact": "/x" } }], "route": [to("v2")] },
                { "name": "a", "route": [to("v1")] }]),
            )],
        ),
        (
            "two rules that ask the same",
            vec![rules(json!([{ "match": [{ "uri": { "exact": "/x" } }], "route": [to("v2")] },
                { "match": [{ "uri": { "exact": "/x" } }], "route": [to("v3")] }, { "route": [to("v1")] }]))],
        ),
        (
            "a catch-all before others",
            vec![rules(json!([{ "route": [to("v1")] },
                { "match": [{ "uri": { "prefix": "/" } }], "route": [to("v3")] }]))],
        ),
        (
            "two hosts in one",
            vec![{
                let mut value = rules(json!([{ "route": [to("v1")] }]));
                value["spec"]["hosts"] = json!(["ratings", "reviews"]);
                value
            }],
        ),
        (
            "by the full name",
            vec![{
                let host = "reviews.bookinfo.svc.cluster.local";
                let mut value = rules(
                    json!([{ "route": [{ "destination": { "host": host, "subset": "v1" }, "weight": 100 }] }]),
                );
                value["spec"]["hosts"] = json!([host]);
                value
            }],
        ),
        (
            "a host of many services",
            vec![{
                let mut value = rules(json!([{ "route": [to("v1")] }]));
                value["spec"]["hosts"] = json!(["*.bookinfo.svc.cluster.local"]);
                value
            }],
        ),
        (
            "two for one host in the mesh",
            vec![rules(json!([{ "route": [to("v1")] }])), second(json!(["reviews"]))],
        ),
        ("theirs, exported to all", vec![elsewhere(json!(["*"]))]),
        ("theirs, exported to none", vec![elsewhere(json!(["~"]))]),
        ("theirs, for their namespace", vec![elsewhere(json!(["."]))]),
        (
            "a delegate of the gateway's",
            vec![
                {
                    let mut value = rules(json!([{ "match": [{ "uri": { "prefix": "/r" } }],
                        "delegate": { "name": "reviews-rules", "namespace": "bookinfo" } }]));
                    value["spec"]["hosts"] = json!(["shop.example"]);
                    value["spec"]["gateways"] = json!(["bookinfo-gateway"]);
                    value
                },
                with(
                    object(
                        "networking.istio.io/v1",
                        "VirtualService",
                        "reviews-rules",
                        json!({ "http": [{ "route": [to("v1")] }] }),
                    ),
                    "labels",
                    json!({ "team": "shop" }),
                ),
            ],
        ),
        (
            "mesh and gateway",
            vec![{
                let mut value = rules(
                    json!([{ "match": [{ "gateways": ["bookinfo-gateway"] }], "route": [to("v3")] },
                { "match": [{ "gateways": ["mesh"], "port": 9080 }], "route": [to("v2")] }, { "route": [to("v1")] }]),
                );
                value["spec"]["gateways"] = json!(["mesh", "bookinfo-gateway"]);
                value
            }],
        ),
        (
            "a gateway only",
            vec![{
                let mut value = rules(json!([{ "route": [to("v1")] }]));
                value["spec"]["gateways"] = json!(["bookinfo/bookinfo-gateway"]);
                value
            }],
        ),
        (
            "answers by itself, and redirects",
            vec![rules(json!([
                { "match": [{ "uri": { "exact": "/old" } }], "redirect": { "uri": "/new", "redirectCode": 308 } },
                { "match": [{ "uri": { "exact": "/gone" } }], "directResponse": { "status": 410, "body": { "bytes": "Z29uZQ==" } } },
                { "route": [to("v1")] } ]))],
        ),
        (
            "copies in the old form",
            vec![rules(
                json!([{ "route": [to("v1")], "mirror": { "host": "reviews", "subset": "v3" }, "mirror_percent": 20,
                "mirrorPercent": 30, "mirrorPercentage": { "value": 40.5 } }]),
            )],
        ),
        (
            "delay and abort, in the old form and the new",
            vec![rules(json!([{ "route": [to("v1")], "fault": {
                "delay": { "fixedDelay": "7s", "percent": 10, "percentage": { "value": 0.5 } },
                "abort": { "grpcStatus": "UNAVAILABLE", "percentage": { "value": 100 } } } }]))],
        ),
        (
            "an abort without a share",
            vec![rules(json!([{ "route": [to("v1")], "fault": { "abort": { "httpStatus": 503 } } }]))],
        ),
        (
            "no retry and no time limit",
            vec![rules(json!([{ "route": [to("v1")], "timeout": "0s", "retries": { "attempts": 0 } }]))],
        ),
        (
            "all that a rule can have",
            vec![rules(
                json!([{ "name": "all", "route": [{ "destination": { "host": "reviews", "subset": "v1", "port": { "number": 9080 } },
                "weight": 100, "headers": { "response": { "set": { "x-from": "v1" } } } }],
                "rewrite": { "uriRegexRewrite": { "match": "^/a/(.*)$", "rewrite": "/\\1" } },
                "corsPolicy": { "allowOrigins": [{ "regex": "https://.*" }], "allowMethods": ["GET"], "maxAge": "24h", "allowCredentials": true },
                "retries": { "attempts": 3, "perTryTimeout": "2s", "backoff": "25ms", "retryOn": "5xx,gateway-error", "retryRemoteLocalities": false },
                "headers": { "request": { "add": { "x-a": "b" }, "remove": ["cookie"] } }, "timeout": "1h2m3s" }]),
            )],
        ),
        (
            "tcp only",
            vec![routing(
                json!({ "tcp": [{ "match": [{ "port": 9080 }], "route": [to("v1"), { "destination": { "host": "reviews", "subset": "v2" }, "weight": 10 }] }] }),
            )],
        ),
        (
            "tls only",
            vec![routing(
                json!({ "tls": [{ "match": [{ "port": 443, "sniHosts": ["reviews"] }], "route": [to("v1")] }] }),
            )],
        ),
        ("hosts, and nothing else", vec![routing(json!({}))]),
        (
            "spec null",
            vec![json!({ "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
            "metadata": { "name": "reviews" }, "spec": null })],
        ),
        (
            "an old version, and others' marks",
            vec![with(
                object(
                    "networking.istio.io/v1alpha3",
                    "VirtualService",
                    "reviews",
                    json!({ "hosts": ["reviews"], "http": [{ "route": [to("v1")] }] }),
                ),
                "annotations",
                json!({ "argocd.argoproj.io/tracking-id": "shop:networking.istio.io/VirtualService:bookinfo/reviews",
                "meta.helm.sh/release-name": "shop", "kubectl.kubernetes.io/last-applied-configuration": "{\"spec\":{}}" }),
            )],
        ),
        (
            "a version and another service together",
            vec![rules(
                json!([{ "route": [{ "destination": { "host": "reviews", "subset": "v1" }, "weight": 60 },
                { "destination": { "host": "ratings" }, "weight": 40 }] }]),
            )],
        ),
        ("a subset that is nowhere", vec![rules(json!([{ "route": [to("v9")] }]))]),
    ]
}

fn policies() -> Cases {
    vec![
        ("no subsets", vec![rule(json!({ "subsets": null }))]),
        ("a policy for many hosts", vec![rule(json!({ "host": "*.bookinfo.svc.cluster.local" }))]),
        (
            "subsets without labels, and with policies",
            vec![rule(json!({ "subsets": [{ "name": "all", "labels": {} }, { "name": "none" },
                { "name": "v1", "labels": { "version": "v1" }, "trafficPolicy": { "connectionPool": { "tcp": { "maxConnections": 1 } },
                    "portLevelSettings": [{ "port": { "number": 9080 }, "outlierDetection": { "consecutive5xxErrors": 0 } }] } },
                { "name": "v2", "labels": { "version": "v2" } }, { "name": "v3", "labels": { "version": "v3" } }] }))],
        ),
        (
            "for some callers",
            vec![rule(json!({ "workloadSelector": { "matchLabels": { "app": "productpage" } },
                "trafficPolicy": { "loadBalancer": { "simple": "LEAST_CONN" } } }))],
        ),
        (
            "two for one host",
            vec![rule(json!({ "trafficPolicy": { "tls": { "mode": "ISTIO_MUTUAL" } } })), {
                let mut value =
                    rule(json!({ "subsets": [{ "name": "canary", "labels": { "version": "v3" } }],
                    "trafficPolicy": { "connectionPool": { "http": { "http2MaxRequests": 5 } } } }));
                value["metadata"]["name"] = "reviews-too".into();
                value
            }],
        ),
        (
            "all that a policy can have",
            vec![rule(json!({ "exportTo": ["."], "trafficPolicy": {
                "loadBalancer": { "localityLbSetting": { "enabled": true, "failoverPriority": ["topology.kubernetes.io/region"] },
                    "consistentHash": { "httpHeaderName": "x-user", "ringHash": { "minimumRingSize": 512 } }, "warmup": { "duration": "30s" } },
                "connectionPool": { "tcp": { "connectTimeout": "30ms", "tcpKeepalive": { "time": "7200s" } },
                    "http": { "h2UpgradePolicy": "DO_NOT_UPGRADE", "maxRetries": 1, "useClientProtocol": null } },
                "outlierDetection": { "splitExternalLocalOriginErrors": true, "consecutiveLocalOriginFailures": 3,
                    "baseEjectionTime": "3m", "maxEjectionPercent": 100, "minHealthPercent": 0 },
                "portLevelSettings": [{ "port": { "number": 9080 }, "tls": { "mode": "DISABLE" } }], "proxyProtocol": { "version": "V2" } } }))],
        ),
        ("a policy that is null", vec![rule(json!({ "trafficPolicy": null }))]),
    ]
}

/// Their samples are whole lists: rows of somebody else give way to new ones, with all that is in them.
const WHOLE_LISTS: [&str; 8] = [
    "Access",
    "End-user identity",
    "Extensions",
    "External service",
    "Route rules",
    "Telemetry",
    "Visibility",
    "Way in",
];

/// What other people and tools wrote: nothing is wanted of it by itself, each change fits once, keeps what nobody
/// knows, and its undo gives back each byte.
#[test]
fn odd_objects_keep_the_laws() {
    let reviews = [Selected::Service("bookinfo".into(), "reviews".into())];
    let mut tried = 0;
    for (case, mut objects) in cases() {
        let ours: Vec<Ref> =
            objects.iter().map(|(at, _)| at.clone()).filter(|at| !at.kind.group.is_empty()).collect();
        for at in ours.iter().filter(|at| at.kind.group.ends_with("istio.io")) {
            let mut value = (*objects.get(at).expect("it is there").0).clone();
            if value["spec"].is_object() {
                unknown_everywhere(&mut value["spec"]);
            }
            objects.insert(at.clone(), value.into());
        }
        tried += each_of(case, &objects, &reviews, |_, editor, change| {
            // Istio's objects say nothing of pods: those have laws of their own.
            if change.is_of_workloads() {
                return;
            }
            let title = format!("{case}, {editor}: {}", change.title);
            let done = after(&objects, &change);
            // Nothing else can differ, and thousands are tried.
            let told = |objects: &Objects| -> Vec<Option<String>> {
                let of = |step: &mesh::Step| objects.get(&step.at).map(|object| object.spec().to_string());
                change.steps.iter().map(of).collect()
            };
            assert_ne!(told(&objects), told(&done), "{title}");
            for step in change.steps.iter().filter(|_| !WHOLE_LISTS.contains(&editor)) {
                if let (Some(before), Some(after)) = (&step.before, &step.after) {
                    check_kept(before.spec(), after.spec(), &title);
                }
            }
            let stored = stored(&objects, &done, &change);
            let undo = change.inverse(&stored).expect("an inverse");
            assert_eq!(told(&objects), told(&after(&done, &undo)), "{title}");
        });
    }
    assert!(tried > 4000, "only {tried} changes were tried");
}

/// What proxies hold tells their changes, too: after them, and not before.
#[test]
fn proxies_show_changes_of_odd_objects() {
    let reviews = [Selected::Service("bookinfo".into(), "reviews".into())];
    for (number, (case, objects)) in cases().into_iter().enumerate() {
        let before = dumps(&objects);
        let mut of_editor: BTreeMap<&str, Vec<Change>> = BTreeMap::new();
        each_of(case, &objects, &reviews, |_, editor, change| {
            of_editor.entry(editor).or_default().push(change);
        });
        // One of each editor, another one in each case: they are thousands.
        for changes in of_editor.into_values() {
            check_shown(&objects, &before, &changes[number % changes.len()]);
        }
    }
}

/// So many are needed for the law to be one.
#[test]
fn there_are_more_than_forty() {
    let cases = cases();
    assert!(cases.len() > 40, "{}", cases.len());
    for (name, objects) in cases {
        assert!(
            objects.len() > demo::bookinfo_objects().len() || objects != demo::bookinfo_objects(),
            "{name}"
        );
        assert!(objects.get(&Ref::new(&kinds::GATEWAY, "bookinfo", "bookinfo-gateway")).is_some(), "{name}");
    }
}
