//! Budget of one question about a call in a mesh of many rules: which one takes it, and who lets it in.

use crate::{Row, median};
use mesh::mesh_config::MeshConfig;
use mesh::why::{Asked, Calls};
use mesh::{Mesh, demo};
use serde_json::{Value, json};
use std::time::Instant;

const TIMES: usize = 31;

/// Asked of a mesh that was just read, and asked again.
pub(crate) fn rows() -> Vec<Row> {
    let mesh = Mesh::read(demo::by_ref(objects()), None);
    let config = MeshConfig::default();
    let asked = Asked {
        from: mesh::why::From::Workload { namespace: "shop-3".into(), name: "front".into() },
        to: "service-103:80".to_owned(),
        method: "GET".to_owned(),
        path: "/nine/a".to_owned(),
        headers: vec![("x".to_owned(), "y".to_owned())],
        now: demo::NOW.as_second(),
    };
    let mut calls = Calls::of(&mesh, Some(&config));
    let taken = calls.ask(&asked).ok().and_then(|told| told.taken.rule);
    let timed = |ask: &mut dyn FnMut()| {
        let once = |_| {
            let start = Instant::now();
            ask();
            start.elapsed().as_secs_f64() * 1000.0
        };
        format!("{:.2} ms", median((0..TIMES).map(once).collect()))
    };
    let whole = timed(&mut || {
        calls = Calls::of(&mesh, Some(&config));
        std::hint::black_box(calls.ask(&asked).is_ok());
    });
    let again = timed(&mut || {
        std::hint::black_box(calls.ask(&asked).is_ok());
    });
    let rule = taken.map_or("no rule".to_owned(), |rule| format!("{} {}", rule.object, rule.path));
    vec![
        Row::new("why, 1,000 VirtualServices + 1,000 DestinationRules + 500 services", "5 ms", whole),
        Row::new("  once more, of the same mesh", "-", format!("{again} ({rule})")),
    ]
}

fn objects() -> Vec<Value> {
    let object = |version: &str, kind: &str, at: (&str, &str), spec: Value| {
        json!({ "apiVersion": version, "kind": kind, "spec": spec, "metadata": { "namespace": at.0, "name": at.1,
            "creationTimestamp": "2025-12-31T23:00:00Z" } })
    };
    let istio = "networking.istio.io/v1";
    let mut all = vec![json!({ "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "namespace": "shop-3", "name": "front" },
        "spec": { "template": { "metadata": { "labels": { "app": "front" } }, "spec": {} } } })];
    for number in 0..500 {
        let (namespace, name) = (format!("shop-{}", number % 20), format!("service-{number}"));
        let host = format!("{name}.{namespace}.svc.cluster.local");
        let ports = json!([{ "name": "http", "port": 80 }]);
        let spec = json!({ "selector": { "app": name }, "ports": ports, "clusterIP": "10.0.0.1" });
        all.push(object("v1", "Service", (&namespace, &name), spec));
        let rule = |path: &str| {
            json!({ "match": [{ "uri": { "prefix": path }, "headers": { "x": { "regex": "[a-z]" } } }],
                "route": [{ "destination": { "host": host, "subset": "v1" } }] })
        };
        let paths = ["/one", "/two", "/three", "/four", "/five", "/six", "/seven", "/eight", "/nine", "/ten"];
        let http: Vec<Value> = paths.into_iter().map(rule).collect();
        for suffix in ["", "-more"] {
            let at = format!("{name}{suffix}");
            let spec = json!({ "hosts": [host], "http": http });
            all.push(object(istio, "VirtualService", (&namespace, &at), spec));
            let subsets = json!([{ "name": format!("v1{suffix}"), "labels": { "version": "v1" } }]);
            all.push(object(
                istio,
                "DestinationRule",
                (&namespace, &at),
                json!({ "host": host, "subsets": subsets }),
            ));
        }
    }
    all
}
