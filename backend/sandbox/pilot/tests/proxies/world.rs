//! Resources that many tests write, and what they ask of answers.

use crate::bench::{Answer, Bench, PATIENCE, get};
use serde_json::{Value, json};
use std::time::Duration;

/// The service of `two_versions`.
pub(crate) const WEB: &str = "10.96.0.10:9080";
/// The host `outside.example` of [`outside`].
pub(crate) const OUTSIDE: &str = "10.96.0.20:9090";

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).expect("YAML")
}

/// A VirtualService for a host with this `http`.
pub(crate) fn rules_of(host: &str, http: &str) -> String {
    json!({
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": {"name": host.trim_start_matches("*."), "namespace": "demo"},
        "spec": {"hosts": [host], "http": yaml(http)},
    })
    .to_string()
}

/// A DestinationRule for a host with this `trafficPolicy`.
pub(crate) fn policy_of(host: &str, policy: &str) -> String {
    let subsets =
        json!([{"name": "v1", "labels": {"version": "v1"}}, {"name": "v2", "labels": {"version": "v2"}}]);
    json!({
        "apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
            "metadata": {"name": host, "namespace": "demo"},
        "spec": {"host": host, "subsets": subsets, "trafficPolicy": yaml(policy)},
    })
    .to_string()
}

/// The same for `web`.
pub(crate) fn policy(policy: &str) -> String {
    policy_of("web", policy)
}

/// A host outside of the mesh, at these ports of this machine.
pub(crate) fn outside(protocol: &str, ports: &[u16]) -> String {
    let endpoint = |port: &u16| json!({"address": "127.0.0.1", "ports": {"main": port}});
    json!({
        "apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry",
            "metadata": {"name": "outside", "namespace": "demo"},
        "spec": {
            "hosts": ["outside.example"], "addresses": ["10.96.0.20"], "location": "MESH_EXTERNAL",
                "resolution": "STATIC",
            "ports": [{"number": 9090, "name": "main", "protocol": protocol}],
            "endpoints": ports.iter().map(endpoint).collect::<Vec<_>>(),
        },
    })
    .to_string()
}

/// The text of ConfigMap `istio`.
pub(crate) fn mesh_config(text: &str) -> String {
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "istio", "namespace": "istio-system"}, "data": {"mesh": text}});
    map.to_string()
}

/// gRPC to the pods of `web`, at 10.96.0.11:7070.
pub(crate) const TALK: &str = "apiVersion: v1\nkind: Service\nmetadata: {name: talk, namespace: demo}\n\
    spec: {clusterIP: 10.96.0.11, selector: {app: web}, ports: [{name: grpc, port: 7070, targetPort: \
    9080}]}\n";

/// Who answered.
pub(crate) fn who(answer: &Answer) -> &str {
    answer.body.lines().next().unwrap_or_default()
}

/// Whether a count is within 4.5 standard deviations of its share: by chance it is not once in 150,000 times.
pub(crate) fn within(count: usize, total: usize, share: f64) -> bool {
    #[allow(clippy::cast_precision_loss, reason = "small counts")]
    let (count, total) = (count as f64, total as f64);
    (count - total * share).abs() <= 4.5 * (total * share * (1.0 - share)).sqrt()
}

impl Bench {
    /// A GET of `web` from the client.
    pub(crate) async fn web(&self, path: &str, headers: &[&str]) -> Answer {
        self.call("client", WEB, &get(path, "web:9080", headers)).await
    }

    /// A gRPC call of `talk` from the client.
    pub(crate) async fn talk(&self, headers: &[(&str, &str)]) -> crate::grpc::GrpcAnswer {
        self.grpc("client", "10.96.0.11:7070", "talk:7070", headers).await
    }

    /// A GET of `outside.example` from the client.
    pub(crate) async fn outside(&self, path: &str, headers: &[&str]) -> Answer {
        self.call("client", OUTSIDE, &get(path, "outside.example", headers)).await
    }

    /// Waits until a proxy has no request under way to anybody.
    pub(crate) async fn idle(&self, pod: &str) {
        let idle = async {
            loop {
                let page = self.admin(pod, "/stats?filter=outbound.*upstream_rq_active").await;
                if !page.is_empty() && page.lines().all(|line| line.ends_with(": 0")) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, idle).await.expect("requests come to an end");
    }

    /// Who answered each of so many requests for `web`.
    pub(crate) async fn answered(&self, requests: usize, headers: &[&str]) -> Vec<String> {
        let mut seen = Vec::new();
        for _ in 0..requests {
            let answer = self.web("/", headers).await;
            seen.push(if answer.status == 200 { who(&answer).to_owned() } else { answer.status.to_string() });
        }
        seen
    }
}

/// How often each name occurs.
pub(crate) fn tally(names: &[String]) -> std::collections::BTreeMap<&str, usize> {
    let mut tally = std::collections::BTreeMap::new();
    names.iter().for_each(|name| *tally.entry(name.as_str()).or_default() += 1);
    tally
}
