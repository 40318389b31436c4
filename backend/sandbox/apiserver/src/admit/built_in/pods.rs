//! Pods, and the templates of pods.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    found::{Found, items, text},
    probes,
};
use crate::names;

const PROTOCOLS: [&str; 3] = ["SCTP", "TCP", "UDP"];

pub(super) fn pod(object: &Value, found: &mut Found) {
    spec(&object["spec"], "spec", found);
    found.one_of("spec.restartPolicy", &object["spec"]["restartPolicy"], &["Always", "Never", "OnFailure"]);
}

/// A pod is what it was made as, but for its images and what is said about its end.
pub(super) fn change(object: &Value, old: &Value, found: &mut Found) {
    let fixed = |object: &Value| {
        let mut spec = object["spec"].clone();
        for list in ["containers", "initContainers"] {
            for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
                container["image"] = Value::Null;
            }
        }
        if let Some(members) = spec.as_object_mut() {
            for name in ["activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds"] {
                members.shift_remove(name);
            }
        }
        spec
    };
    if fixed(object) != fixed(old) {
        found.forbidden(
            "spec",
            "pod updates may not change fields other than \
                `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
        );
    }
}

/// What runs in a pod.
pub(super) fn spec(spec: &Value, at: &str, found: &mut Found) {
    let volumes: BTreeSet<&str> = items(spec, "volumes").map(|(_, volume)| text(volume, "name")).collect();
    let mut seen = BTreeSet::new();
    for (index, volume) in items(spec, "volumes") {
        named(volume, &format!("{at}.volumes[{index}]"), &mut seen, found);
    }
    if items(spec, "containers").next().is_none() {
        found.required(format!("{at}.containers"), "");
    }
    let mut seen = BTreeSet::new();
    for list in ["containers", "initContainers"] {
        for (index, one) in items(spec, list) {
            let at = format!("{at}.{list}[{index}]");
            named(one, &at, &mut seen, found);
            container(one, &at, &volumes, found);
        }
    }
    let policies = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
    found.one_of(format!("{at}.dnsPolicy"), &spec["dnsPolicy"], &policies);
    found.not_negative(spec, at, "terminationGracePeriodSeconds");
    let account = text(spec, "serviceAccountName");
    if !account.is_empty() {
        found.each(format!("{at}.serviceAccountName"), account, names::subdomain(account));
    }
}

/// A name of its own.
fn named<'a>(of: &'a Value, at: &str, seen: &mut BTreeSet<&'a str>, found: &mut Found) {
    let (field, name) = (format!("{at}.name"), text(of, "name"));
    if name.is_empty() {
        found.required(field, "");
    } else if !names::label(name).is_empty() {
        found.each(field, name, names::label(name));
    } else if !seen.insert(name) {
        found.duplicate(field, &json!(name));
    }
}

fn container(of: &Value, at: &str, volumes: &BTreeSet<&str>, found: &mut Found) {
    let image = text(of, "image");
    if image.is_empty() {
        found.required(format!("{at}.image"), "");
    } else if image.trim() != image {
        found.invalid(format!("{at}.image"), &json!(image), "must not have leading or trailing whitespace");
    }
    found.one_of(
        format!("{at}.imagePullPolicy"),
        &of["imagePullPolicy"],
        &["Always", "IfNotPresent", "Never"],
    );
    let mut seen = BTreeSet::new();
    for (index, port) in items(of, "ports") {
        let at = format!("{at}.ports[{index}]");
        let name = text(port, "name");
        if !name.is_empty() {
            let wrong = names::port(name);
            if wrong.is_empty() && !seen.insert(name) {
                found.duplicate(format!("{at}.name"), &json!(name));
            }
            found.each(format!("{at}.name"), name, wrong);
        }
        match port["containerPort"].as_i64() {
            None | Some(0) => found.required(format!("{at}.containerPort"), ""),
            Some(number) => found.port(format!("{at}.containerPort"), number),
        }
        if let Some(number) = port["hostPort"].as_i64().filter(|number| *number != 0) {
            found.port(format!("{at}.hostPort"), number);
        }
        found.one_of(format!("{at}.protocol"), &port["protocol"], &PROTOCOLS);
    }
    environment(of, at, found);
    mounts(of, at, volumes, found);
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        probes::probe(&of[probe], &format!("{at}.{probe}"), probe != "readinessProbe", found);
    }
}

fn environment(of: &Value, at: &str, found: &mut Found) {
    for (index, variable) in items(of, "env") {
        let at = format!("{at}.env[{index}]");
        let name = text(variable, "name");
        if name.is_empty() {
            found.required(format!("{at}.name"), "");
        } else if !name.chars().all(|c| matches!(c, ' '..='~') && c != '=') {
            let why = "a valid environment variable name must consist only of printable ASCII characters \
                other than '='";
            found.invalid(format!("{at}.name"), &json!(name), why);
        }
        let from = &variable["valueFrom"];
        if !from.is_null() && !text(variable, "value").is_empty() {
            found.invalid(
                format!("{at}.valueFrom"),
                &json!(""),
                "may not be specified when `value` is not empty",
            );
        } else if from.as_object().is_some_and(serde_json::Map::is_empty) {
            let why =
                "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`";
            found.invalid(format!("{at}.valueFrom"), &json!(""), why);
        }
    }
}

fn mounts(of: &Value, at: &str, volumes: &BTreeSet<&str>, found: &mut Found) {
    let mut paths = BTreeSet::new();
    for (index, mount) in items(of, "volumeMounts") {
        let at = format!("{at}.volumeMounts[{index}]");
        let (name, path) = (text(mount, "name"), text(mount, "mountPath"));
        if name.is_empty() {
            found.required(format!("{at}.name"), "");
        } else if !volumes.contains(name) {
            found.not_found(format!("{at}.name"), name);
        }
        if path.is_empty() {
            found.required(format!("{at}.mountPath"), "");
        } else if !paths.insert(path) {
            found.invalid(format!("{at}.mountPath"), &json!(path), "must be unique");
        }
    }
}
