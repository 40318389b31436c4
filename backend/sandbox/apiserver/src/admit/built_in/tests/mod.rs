//! Each row is one object that Kubernetes refuses, and the words in which it does.

use serde_json::{Value, json};

use super::problems;
use crate::kinds::Kinds;

mod others;
mod pods;
mod workloads;

fn said(kind: &str, object: &Value, old: Option<&Value>) -> Vec<String> {
    let (_, kind) = Kinds::built_in().named(kind).unwrap();
    problems(&kind, object, old)
        .into_iter()
        .map(|problem| format!("{}: {}", problem.field, problem.message))
        .collect()
}

/// Sets what stands at a JSON pointer; null takes it away.
fn with(mut object: Value, path: &str, value: Value) -> Value {
    let (parent, name) = path.rsplit_once('/').unwrap();
    let parent = object.pointer_mut(parent).unwrap_or_else(|| panic!("{path}"));
    match (parent, value) {
        (Value::Object(members), Value::Null) => drop(members.shift_remove(name)),
        (Value::Array(items), value) if name == "-" => items.push(value),
        (Value::Array(items), value) => items[name.parse::<usize>().unwrap()] = value,
        (parent, value) => parent[name] = value,
    }
    object
}

#[track_caller]
fn refused(kind: &str, object: Value, rows: &[(&str, Value, &str)]) {
    assert!(said(kind, &object, None).is_empty(), "{:?}", said(kind, &object, None));
    for (path, value, expect) in rows {
        let words = said(kind, &with(object.clone(), path, value.clone()), None);
        assert!(words.iter().any(|words| words.starts_with(expect)), "{kind} {path} = {value}: {words:?}");
        assert_eq!(words.len(), 1, "{kind} {path} = {value}: {words:?}");
    }
}

fn workload(kind: &str) -> Value {
    json!({"kind": kind, "spec": {
        "replicas": 1,
        "selector": {"matchLabels": {"a": "b"}},
        "strategy": {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
        "updateStrategy": {},
        "template": {"metadata": {"labels": {"a": "b", "c": "d"}, "annotations": {}}, "spec": {
            "volumes": [{"name": "data"}],
            "containers": [{"name": "app", "image": "demo:1",
                "ports": [{"containerPort": 80, "name": "http"}],
                "env": [{"name": "A", "value": "b"}], "volumeMounts": [{"name": "data",
                    "mountPath": "/data"}],
                "readinessProbe": {"httpGet": {"path": "/", "port": 80}}}]}},
    }})
}
