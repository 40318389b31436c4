//! What a container is told of its pod. Telemetry's custom tags may read what the proxy is told.

use istio::Object;
use serde_json::Value;
use std::collections::BTreeMap;

/// A container's variables, those that are fields of its pod looked up as the kubelet does.
pub(super) fn environment(pod: &Object, container: &Value) -> BTreeMap<String, String> {
    let variables = container["env"].as_array().into_iter().flatten();
    let value = |variable: &Value| {
        let said = variable["value"].as_str().map(str::to_owned);
        said.or_else(|| field(pod, variable.pointer("/valueFrom/fieldRef/fieldPath")?.as_str()?))
    };
    variables.filter_map(|variable| Some((variable["name"].as_str()?.to_owned(), value(variable)?))).collect()
}

/// A field of the pod, by the names that Kubernetes knows for this.
fn field(pod: &Object, path: &str) -> Option<String> {
    if let Some((of, key)) = path.strip_suffix("']").and_then(|path| path.split_once("['")) {
        return match of {
            "metadata.labels" => pod.label(key).map(str::to_owned),
            "metadata.annotations" => pod.annotation(key).map(str::to_owned),
            _ => None,
        };
    }
    let value = pod.0.pointer(&format!("/{}", path.replace('.', "/"))).and_then(Value::as_str);
    value.or_else(|| (path == "spec.serviceAccountName").then_some("default")).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_of_the_pod_are_looked_up() {
        let from =
            |name: &str, path: &str| json!({"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}});
        let pod = Object::from(json!({
            "metadata": {"name": "web-1", "namespace": "demo", "labels": {"app": "web"}},
            "status": {"podIP": "10.244.0.7"},
        }));
        let container = json!({"env": [
            from("POD_NAME", "metadata.name"), from("INSTANCE_IP", "status.podIP"), from("APP", "metadata.labels['app']"),
            from("SERVICE_ACCOUNT", "spec.serviceAccountName"), from("NONE", "metadata.labels['none']"),
            {"name": "TRUST_DOMAIN", "value": "cluster.local"},
        ]});
        let found: Vec<String> = environment(&pod, &container)
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(
            found,
            [
                "APP=web",
                "INSTANCE_IP=10.244.0.7",
                "POD_NAME=web-1",
                "SERVICE_ACCOUNT=default",
                "TRUST_DOMAIN=cluster.local"
            ]
        );
    }
}
