//! What the server fills in where the writer said nothing.

use base64::Engine;
use serde_json::{Value, json};

use super::{node_ports, state::State, time::now};
use crate::kinds::Kind;

/// Fills in the defaults of a kind.
pub(super) fn apply(state: &mut State, kind: &Kind, object: &mut Value) {
    match (kind.group.as_str(), kind.kind.as_str()) {
        ("", "Namespace") => {
            let name = object.pointer("/metadata/name").cloned().unwrap_or_default();
            set(object, &["metadata", "labels", "kubernetes.io/metadata.name"], name);
            set(object, &["spec", "finalizers"], json!(["kubernetes"]));
            set(object, &["status", "phase"], json!("Active"));
        }
        ("", "Service") => service(state, object),
        ("", "Secret") => secret(object),
        ("", "Pod") => pod(object),
        ("apps", "Deployment") => {
            set(object, &["spec", "replicas"], json!(1));
            set(object, &["spec", "strategy", "type"], json!("RollingUpdate"));
            if object.pointer("/spec/strategy/type").is_some_and(|how| how == "RollingUpdate") {
                set(object, &["spec", "strategy", "rollingUpdate", "maxUnavailable"], json!("25%"));
                set(object, &["spec", "strategy", "rollingUpdate", "maxSurge"], json!("25%"));
            }
            set(object, &["spec", "revisionHistoryLimit"], json!(10));
            set(object, &["spec", "progressDeadlineSeconds"], json!(600));
            containers(object, "/spec/template/spec");
        }
        ("apps", "ReplicaSet") => {
            set(object, &["spec", "replicas"], json!(1));
            containers(object, "/spec/template/spec");
        }
        ("apps", "StatefulSet") => {
            set(object, &["spec", "replicas"], json!(1));
            set(object, &["spec", "podManagementPolicy"], json!("OrderedReady"));
            set(object, &["spec", "updateStrategy", "type"], json!("RollingUpdate"));
            set(object, &["spec", "revisionHistoryLimit"], json!(10));
            if object.pointer("/spec/updateStrategy/type").and_then(Value::as_str) == Some("RollingUpdate") {
                set(object, &["spec", "updateStrategy", "rollingUpdate", "partition"], json!(0));
            }
            containers(object, "/spec/template/spec");
        }
        ("apps", "DaemonSet") => {
            set(object, &["spec", "updateStrategy", "type"], json!("RollingUpdate"));
            if object.pointer("/spec/updateStrategy/type").and_then(Value::as_str) == Some("RollingUpdate") {
                set(object, &["spec", "updateStrategy", "rollingUpdate", "maxUnavailable"], json!(1));
                set(object, &["spec", "updateStrategy", "rollingUpdate", "maxSurge"], json!(0));
            }
            set(object, &["spec", "revisionHistoryLimit"], json!(10));
            containers(object, "/spec/template/spec");
        }
        ("apiextensions.k8s.io", "CustomResourceDefinition") => crd(object),
        _ => {}
    }
}

/// Sets a member, unless there is one.
fn set(object: &mut Value, path: &[&str], value: Value) {
    let mut at = object;
    for name in path {
        if at.is_null() {
            *at = json!({});
        }
        let Some(members) = at.as_object_mut() else { return };
        at = members.entry(*name).or_insert(Value::Null);
    }
    if at.is_null() {
        *at = value;
    }
}

/// `stringData` is for writing only: it becomes `data`.
fn secret(object: &mut Value) {
    set(object, &["type"], json!("Opaque"));
    let Some(Value::Object(plain)) = object.as_object_mut().and_then(|object| object.remove("stringData"))
    else {
        return;
    };
    for (key, text) in plain {
        let encoded = base64::engine::general_purpose::STANDARD.encode(text.as_str().unwrap_or_default());
        set(object, &["data"], json!({}));
        object["data"][key] = json!(encoded);
    }
}

fn service(state: &mut State, object: &mut Value) {
    set(object, &["spec", "type"], json!("ClusterIP"));
    set(object, &["spec", "sessionAffinity"], json!("None"));
    if let Some(ports) = object.pointer_mut("/spec/ports").and_then(Value::as_array_mut) {
        for port in ports {
            set(port, &["protocol"], json!("TCP"));
            if let Some(number) = port.get("port").cloned() {
                set(port, &["targetPort"], number);
            }
        }
    }
    node_ports::complete(state, object);
    if object.pointer("/spec/type").and_then(Value::as_str) == Some("ExternalName") {
        // What was a Service with an address gives that back.
        let before = node_ports::before(state, object);
        let address = |service: &Value| service.pointer("/spec/clusterIP").cloned();
        if before.and_then(|before| address(&before)) == address(object)
            && let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut)
        {
            for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"]
            {
                spec.shift_remove(field);
            }
        }
        return;
    }
    if object.pointer("/spec/clusterIP").and_then(Value::as_str).is_none_or(str::is_empty) {
        let address = state.free_service_address();
        object["spec"]["clusterIP"] = json!(address);
    }
    let address = object.pointer("/spec/clusterIP").cloned().unwrap_or_default();
    set(object, &["spec", "clusterIPs"], json!([address]));
    set(object, &["spec", "ipFamilies"], json!(["IPv4"]));
    set(object, &["spec", "ipFamilyPolicy"], json!("SingleStack"));
    set(object, &["spec", "internalTrafficPolicy"], json!("Cluster"));
    set(object, &["status", "loadBalancer"], json!({}));
}

fn pod(object: &mut Value) {
    set(object, &["spec", "restartPolicy"], json!("Always"));
    set(object, &["spec", "serviceAccountName"], json!("default"));
    set(object, &["spec", "terminationGracePeriodSeconds"], json!(30));
    set(object, &["spec", "dnsPolicy"], json!("ClusterFirst"));
    // kubectl debug takes this one for granted.
    set(object, &["spec", "securityContext"], json!({}));
    set(object, &["spec", "schedulerName"], json!("default-scheduler"));
    set(object, &["status", "phase"], json!("Pending"));
    set(object, &["status", "qosClass"], json!("BestEffort"));
    containers(object, "/spec");
}

fn containers(object: &mut Value, spec: &str) {
    for list in ["containers", "initContainers"] {
        for container in
            object.pointer_mut(&format!("{spec}/{list}")).and_then(Value::as_array_mut).into_iter().flatten()
        {
            for port in container.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
                set(port, &["protocol"], json!("TCP"));
            }
            for name in ["readinessProbe", "livenessProbe", "startupProbe"] {
                if let Some(probe) = container.get_mut(name).filter(|probe| probe.is_object()) {
                    probe_defaults(probe);
                }
            }
        }
    }
}

fn probe_defaults(probe: &mut Value) {
    for (name, number) in
        [("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)]
    {
        set(probe, &[name], json!(number));
    }
    if let Some(get) = probe.get_mut("httpGet").filter(|get| get.is_object()) {
        set(get, &["path"], json!("/"));
        set(get, &["scheme"], json!("HTTP"));
    }
}

fn crd(object: &mut Value) {
    let kind = object.pointer("/spec/names/kind").and_then(Value::as_str).unwrap_or_default().to_owned();
    set(object, &["spec", "names", "singular"], json!(kind.to_lowercase()));
    set(object, &["spec", "names", "listKind"], json!(format!("{kind}List")));
    set(object, &["spec", "conversion"], json!({"strategy": "None"}));
    let names = object.pointer("/spec/names").cloned().unwrap_or_default();
    let versions = object.pointer("/spec/versions").and_then(Value::as_array).into_iter().flatten();
    let stored: Vec<Value> = versions
        .filter(|version| version.get("storage").and_then(Value::as_bool) == Some(true))
        .filter_map(|version| version.get("name").cloned())
        .collect();
    if object.get("status").is_none_or(Value::is_null) {
        let since = now();
        object["status"] = json!({
            "acceptedNames": names,
            "storedVersions": stored,
            "conditions": [
                {"type": "NamesAccepted", "status": "True", "reason": "NoConflicts",
                    "message": "no conflicts found", "lastTransitionTime": since},
                {"type": "Established", "status": "True", "reason": "InitialNamesAccepted",
                    "message": "the initial names have been accepted", "lastTransitionTime": since},
            ],
        });
    }
}

impl State {
    /// The next address of 10.96.0.0/16 that no Service has.
    fn free_service_address(&mut self) -> String {
        loop {
            self.next_service_ip = self.next_service_ip.checked_add(1).unwrap_or(2);
            let [high, low] = self.next_service_ip.to_be_bytes();
            let address = format!("10.96.{high}.{low}");
            if low != 0 && low != 255 && !self.service_addresses.contains(&address) {
                return address;
            }
        }
    }
}
