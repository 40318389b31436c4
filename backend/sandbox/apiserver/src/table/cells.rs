//! What stands in each cell, kind by kind.

use serde_json::{Value, json};

use super::{header::Header, json_path};
use crate::kinds::Kind;

/// The one kind whose name comes last.
const EVENTS: &str = "events";

/// The columns of Kubernetes' own kinds after the name; `+` marks those that only `-o wide` shows.
fn built_in(kind: &str) -> &'static [&'static str] {
    match kind {
        "pods" => {
            &["Ready", "Status", "Restarts", "Age", "+IP", "+Node", "+Nominated Node", "+Readiness Gates"]
        }
        "services" => &["Type", "Cluster-IP", "External-IP", "Port(s)", "Age", "+Selector"],
        "deployments.apps" => {
            &["Ready", "Up-to-date", "Available", "Age", "+Containers", "+Images", "+Selector"]
        }
        "replicasets.apps" => &["Desired", "Current", "Ready", "Age", "+Containers", "+Images", "+Selector"],
        "daemonsets.apps" => &[
            "Desired",
            "Current",
            "Ready",
            "Up-to-date",
            "Available",
            "Node Selector",
            "Age",
            "+Containers",
            "+Images",
            "+Selector",
        ],
        "statefulsets.apps" => &["Ready", "Age", "+Containers", "+Images"],
        "namespaces" => &["Status", "Age"],
        "nodes" => &[
            "Status",
            "Roles",
            "Age",
            "Version",
            "+Internal-IP",
            "+External-IP",
            "+OS-Image",
            "+Kernel-Version",
            "+Container-Runtime",
        ],
        "endpoints" => &["Endpoints", "Age"],
        "endpointslices.discovery.k8s.io" => &["AddressType", "Ports", "Endpoints", "Age"],
        EVENTS => &[
            "Last Seen",
            "Type",
            "Reason",
            "Object",
            "+Subobject",
            "+Source",
            "Message",
            "+First Seen",
            "+Count",
            "+Name",
        ],
        "configmaps" => &["Data", "Age"],
        "secrets" => &["Type", "Data", "Age"],
        "serviceaccounts" => &["Secrets", "Age"],
        "leases.coordination.k8s.io" => &["Holder", "Age"],
        "customresourcedefinitions.apiextensions.k8s.io" => &["Created At"],
        _ => &["Age"],
    }
}

/// The columns of a kind.
pub(super) fn headers(kind: &Kind, version: &str) -> Vec<Header> {
    let qualified = kind.qualified();
    let mut headers = Vec::new();
    if qualified != EVENTS {
        headers.push(Header::new("Name", "string").described(&qualified));
    }
    let own = kind.version(version).map(|version| version.columns.as_slice()).unwrap_or_default();
    if own.is_empty() {
        headers.extend(
            built_in(&qualified).iter().map(|name| Header::new(name, "string").described(&qualified)),
        );
        return headers;
    }
    for column in own {
        let ty = match column.ty.as_str() {
            "date" => "date",
            "integer" => "integer",
            "number" => "number",
            "boolean" => "boolean",
            _ => "string",
        };
        headers.push(Header {
            name: column.name.clone(),
            ty,
            wide: column.priority > 0,
            description: column.description.clone(),
        });
    }
    headers
}

/// The cells of one object, in the order of the columns.
pub(super) fn cells(kind: &Kind, version: &str, object: &Value) -> Vec<Value> {
    let name = text(object, "/metadata/name");
    let own = kind.version(version).map(|version| version.columns.as_slice()).unwrap_or_default();
    let mut cells = vec![json!(name)];
    if !own.is_empty() {
        cells.extend(own.iter().map(|column| match column.ty.as_str() {
            "date" => {
                json!(age(json_path::first(object, &column.path).and_then(Value::as_str).unwrap_or_default()))
            }
            _ => printed(json_path::first(object, &column.path)),
        }));
        return cells;
    }
    if kind.qualified() == EVENTS {
        return event(object, &name);
    }
    let age = json!(age(&text(object, "/metadata/creationTimestamp")));
    match kind.qualified().as_str() {
        "pods" => cells.extend(pod(object, age)),
        "services" => cells.extend(service(object, age)),
        "deployments.apps" => {
            let ready =
                format!("{}/{}", count(object, "/status/readyReplicas"), count(object, "/spec/replicas"));
            cells.extend([
                json!(ready),
                json!(count(object, "/status/updatedReplicas")),
                json!(count(object, "/status/availableReplicas")),
                age,
            ]);
            cells.extend(template(object));
        }
        "replicasets.apps" => {
            cells.extend(
                ["/spec/replicas", "/status/replicas", "/status/readyReplicas"]
                    .map(|path| json!(count(object, path))),
            );
            cells.push(age);
            cells.extend(template(object));
        }
        "statefulsets.apps" => {
            cells.push(json!(format!(
                "{}/{}",
                count(object, "/status/readyReplicas"),
                count(object, "/spec/replicas")
            )));
            cells.push(age);
            cells.extend(template(object).into_iter().take(2));
        }
        "daemonsets.apps" => {
            let numbers = [
                "desiredNumberScheduled",
                "currentNumberScheduled",
                "numberReady",
                "updatedNumberScheduled",
                "numberAvailable",
            ];
            cells.extend(numbers.map(|name| json!(count(object, &format!("/status/{name}")))));
            cells.extend([json!(selector(object, "/spec/template/spec/nodeSelector")), age]);
            cells.extend(template(object));
        }
        "namespaces" => cells.extend([json!(text(object, "/status/phase")), age]),
        "nodes" => cells.extend(node(object, age)),
        "endpoints" => cells.extend([json!(endpoints(object)), age]),
        "endpointslices.discovery.k8s.io" => cells.extend(slice(object, age)),
        "configmaps" => cells.extend([json!(members(object, "/data")), age]),
        "secrets" => cells.extend([json!(text(object, "/type")), json!(members(object, "/data")), age]),
        "serviceaccounts" => cells.extend([json!(list(object, "/secrets").count()), age]),
        "leases.coordination.k8s.io" => cells.extend([json!(text(object, "/spec/holderIdentity")), age]),
        "customresourcedefinitions.apiextensions.k8s.io" => {
            cells.push(json!(text(object, "/metadata/creationTimestamp")));
        }
        _ => cells.push(age),
    }
    cells
}

fn printed(value: Option<&Value>) -> Value {
    match value {
        None | Some(Value::Null) => Value::Null,
        Some(Value::Array(_) | Value::Object(_)) => json!(value.map(ToString::to_string)),
        Some(other) => other.clone(),
    }
}

fn text(object: &Value, path: &str) -> String {
    object.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn or(text: String, otherwise: &str) -> String {
    if text.is_empty() { otherwise.to_owned() } else { text }
}

fn count(object: &Value, path: &str) -> i64 {
    object.pointer(path).and_then(Value::as_i64).unwrap_or(0)
}

fn members(object: &Value, path: &str) -> usize {
    object.pointer(path).and_then(Value::as_object).map_or(0, serde_json::Map::len)
}

fn list<'a>(object: &'a Value, path: &str) -> impl Iterator<Item = &'a Value> {
    object.pointer(path).and_then(Value::as_array).into_iter().flatten()
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    or(parts.collect::<Vec<_>>().join(","), "<none>")
}

fn selector(object: &Value, path: &str) -> String {
    let labels = object.pointer(path).and_then(Value::as_object).into_iter().flatten();
    joined(labels.map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default())))
}

fn template(object: &Value) -> Vec<Value> {
    let all = |field: &str| {
        joined(
            list(object, "/spec/template/spec/containers")
                .map(|container| text(container, &format!("/{field}"))),
        )
    };
    vec![json!(all("name")), json!(all("image")), json!(selector(object, "/spec/selector/matchLabels"))]
}

fn pod(object: &Value, age: Value) -> Vec<Value> {
    let statuses: Vec<&Value> = list(object, "/status/containerStatuses").collect();
    let ready =
        statuses.iter().filter(|status| status.get("ready").and_then(Value::as_bool) == Some(true)).count();
    let containers = list(object, "/spec/containers").count();
    let waiting = statuses.iter().find_map(|status| status.pointer("/state/waiting/reason")?.as_str());
    let ended = statuses.iter().find_map(|status| status.pointer("/state/terminated/reason")?.as_str());
    let status = if object.pointer("/metadata/deletionTimestamp").is_some() {
        "Terminating".to_owned()
    } else {
        waiting.or(ended).map_or_else(|| or(text(object, "/status/phase"), "Unknown"), str::to_owned)
    };
    let restarts = statuses.iter().map(|status| count(status, "/restartCount")).fold(0, i64::saturating_add);
    vec![
        json!(format!("{ready}/{containers}")),
        json!(status),
        json!(restarts.to_string()),
        age,
        json!(or(text(object, "/status/podIP"), "<none>")),
        json!(or(text(object, "/spec/nodeName"), "<none>")),
        json!("<none>"),
        json!("<none>"),
    ]
}

fn service(object: &Value, age: Value) -> Vec<Value> {
    let ports = list(object, "/spec/ports").map(|port| {
        let node = match count(port, "/nodePort") {
            0 => String::new(),
            node => format!(":{node}"),
        };
        format!("{}{node}/{}", count(port, "/port"), or(text(port, "/protocol"), "TCP"))
    });
    let kind = text(object, "/spec/type");
    let ingress = list(object, "/status/loadBalancer/ingress")
        .map(|ingress| or(text(ingress, "/ip"), &text(ingress, "/hostname")));
    let own = list(object, "/spec/externalIPs").filter_map(Value::as_str).map(str::to_owned);
    let external = match (kind.as_str(), joined(ingress.chain(own))) {
        ("LoadBalancer", none) if none == "<none>" => "<pending>".to_owned(),
        ("ExternalName", _) => text(object, "/spec/externalName"),
        (_, addresses) => addresses,
    };
    vec![
        json!(or(kind, "ClusterIP")),
        json!(or(text(object, "/spec/clusterIP"), "<none>")),
        json!(external),
        json!(joined(ports)),
        age,
        json!(selector(object, "/spec/selector")),
    ]
}

fn node(object: &Value, age: Value) -> Vec<Value> {
    let ready = list(object, "/status/conditions")
        .any(|condition| text(condition, "/type") == "Ready" && text(condition, "/status") == "True");
    let labels = object.pointer("/metadata/labels").and_then(Value::as_object).into_iter().flatten();
    let roles = joined(
        labels.filter_map(|(name, _)| name.strip_prefix("node-role.kubernetes.io/").map(str::to_owned)),
    );
    let address = |of: &str| {
        let found = list(object, "/status/addresses").find(|address| text(address, "/type") == of);
        or(found.map(|address| text(address, "/address")).unwrap_or_default(), "<none>")
    };
    let info = |name: &str| or(text(object, &format!("/status/nodeInfo/{name}")), "<unknown>");
    let closed = object.pointer("/spec/unschedulable").and_then(Value::as_bool) == Some(true);
    let status = if ready { "Ready" } else { "NotReady" };
    vec![
        json!(if closed { format!("{status},SchedulingDisabled") } else { status.to_owned() }),
        json!(roles),
        age,
        json!(text(object, "/status/nodeInfo/kubeletVersion")),
        json!(address("InternalIP")),
        json!(address("ExternalIP")),
        json!(info("osImage")),
        json!(info("kernelVersion")),
        json!(info("containerRuntimeVersion")),
    ]
}

fn endpoints(object: &Value) -> String {
    joined(list(object, "/subsets").flat_map(|subset| {
        let ports: Vec<i64> = list(subset, "/ports").map(|port| count(port, "/port")).collect();
        let addresses: Vec<String> = list(subset, "/addresses").map(|address| text(address, "/ip")).collect();
        ports
            .into_iter()
            .flat_map(move |port| {
                addresses.clone().into_iter().map(move |address| format!("{address}:{port}"))
            })
            .collect::<Vec<_>>()
    }))
}

fn slice(object: &Value, age: Value) -> Vec<Value> {
    vec![
        json!(text(object, "/addressType")),
        json!(joined(list(object, "/ports").map(|port| count(port, "/port").to_string()))),
        json!(joined(list(object, "/endpoints").flat_map(|endpoint| {
            list(endpoint, "/addresses").filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
        }))),
        age,
    ]
}

fn event(object: &Value, name: &str) -> Vec<Value> {
    let last = or(
        text(object, "/lastTimestamp"),
        &or(text(object, "/eventTime"), &text(object, "/metadata/creationTimestamp")),
    );
    let about = format!(
        "{}/{}",
        text(object, "/involvedObject/kind").to_lowercase(),
        text(object, "/involvedObject/name")
    );
    let first = or(text(object, "/firstTimestamp"), &last);
    let source = or(text(object, "/source/component"), &text(object, "/reportingComponent"));
    vec![
        json!(age(&last)),
        json!(text(object, "/type")),
        json!(text(object, "/reason")),
        json!(about),
        json!(text(object, "/involvedObject/fieldPath")),
        json!(source),
        json!(text(object, "/message").trim()),
        json!(age(&first)),
        json!(count(object, "/count").max(1)),
        json!(name),
    ]
}

/// As kubectl writes how long ago something was: `45s`, `5m3s`, `3h`, `12d`.
fn age(since: &str) -> String {
    let Ok(since) = since.parse::<jiff::Timestamp>() else { return "<unknown>".into() };
    let seconds = jiff::Timestamp::now().duration_since(since).as_secs().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let with = |whole: i64, unit: &str, rest: i64, small: &str| {
        if rest == 0 { format!("{whole}{unit}") } else { format!("{whole}{unit}{rest}{small}") }
    };
    match seconds {
        0..120 => format!("{seconds}s"),
        120..600 => with(minutes, "m", seconds % 60, "s"),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => with(hours, "h", minutes % 60, "m"),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => with(days, "d", hours % 24, "h"),
        _ => format!("{days}d"),
    }
}
