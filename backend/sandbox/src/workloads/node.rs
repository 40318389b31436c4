//! The one node of the sandbox: this machine, as a kubelet tells about it.

use super::inject::now;
use super::status::{NODE, NODE_IP};
use apiserver::Store;
use serde_json::{Value, json};
use std::time::Duration;

/// The namespace in which nodes show that they live.
const LEASES: &str = "kube-node-lease";
/// How often the node does so.
pub(crate) const RENEW: Duration = Duration::from_secs(10);
/// After how many seconds of silence it would count as lost.
const LEASE_SECONDS: u64 = 40;

/// The labels of the node.
pub(crate) fn labels() -> Value {
    let (os, arch) = (std::env::consts::OS, architecture());
    json!({"kubernetes.io/hostname": NODE, "kubernetes.io/os": os, "kubernetes.io/arch": arch,
        "beta.kubernetes.io/os": os, "beta.kubernetes.io/arch": arch})
}

/// As Go names it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// The node itself.
pub(crate) fn node() -> Value {
    let version = env!("CARGO_PKG_VERSION");
    let condition = |kind: &str, status: &str, reason: &str, message: &str| {
        json!({"type": kind, "status": status, "reason": reason, "message": message,
            "lastHeartbeatTime": now(), "lastTransitionTime": now()})
    };
    let has = json!({"cpu": processors().to_string(), "memory": format!("{}Ki", memory()), "pods": "20000", "ephemeral-storage": "0"});
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": NODE, "labels": labels()},
        "spec": {"podCIDR": "10.244.0.0/16", "podCIDRs": ["10.244.0.0/16"]},
        "status": {
            "capacity": has,
            "allocatable": has,
            "addresses": [{"type": "InternalIP", "address": NODE_IP}, {"type": "Hostname", "address": NODE}],
            "conditions": [
                condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
                condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
                condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
                condition("Ready", "True", "KubeletReady", "the sandbox runs"),
            ],
            "nodeInfo": {"kubeletVersion": format!("v{version}-sandbox"), "osImage": "Binnacle sandbox", "architecture": architecture(),
                "operatingSystem": std::env::consts::OS, "containerRuntimeVersion": format!("sandbox://{version}"),
                "kernelVersion": line("/proc/sys/kernel/osrelease"), "bootID": line("/proc/sys/kernel/random/boot_id"),
                "machineID": "", "systemUUID": "", "kubeProxyVersion": ""},
        },
    })
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, Into::into)
}

/// This machine's memory in KiB; some, where it cannot be known.
fn memory() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    total.and_then(|total| total.split_whitespace().next()?.parse().ok()).unwrap_or(4 * 1024 * 1024)
}

fn line(path: &str) -> String {
    std::fs::read_to_string(path).map_or_else(|_| String::new(), |text| text.trim().to_owned())
}

/// Shows that the node lives.
pub(crate) fn renew(store: &Store) {
    let at = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string();
    let known = store.modify("Lease", LEASES, NODE, |lease| lease["spec"]["renewTime"] = json!(at));
    if matches!(known, Ok(Some(_))) {
        return;
    }
    let node = store.get("Node", "", NODE);
    let uid = node.as_ref().map(|node| node["metadata"]["uid"].clone()).unwrap_or_default();
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": NODE, "namespace": LEASES,
            "ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": NODE, "uid": uid}]},
        "spec": {"holderIdentity": NODE, "leaseDurationSeconds": LEASE_SECONDS, "renewTime": at},
    });
    if let Err(error) = store.apply(lease) {
        tracing::warn!(%error, "the node's lease could not be written");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_says_what_it_has_and_that_it_lives() {
        let node = node();
        assert!(node["status"]["allocatable"]["cpu"].as_str().unwrap().parse::<u32>().unwrap() > 0);
        assert!(node["status"]["capacity"]["memory"].as_str().unwrap().ends_with("Ki"));
        let store = Store::new();
        store.apply(node).unwrap();
        renew(&store);
        renew(&store);
        let lease = store.get("Lease", LEASES, NODE).unwrap();
        assert_eq!(lease["spec"]["holderIdentity"], NODE);
        assert_eq!(
            lease["metadata"]["ownerReferences"][0]["uid"],
            store.get("Node", "", NODE).unwrap()["metadata"]["uid"]
        );
    }
}
