//! One version of each thing that must not exist twice in one program, and one TLS stack.

use crate::root;

fn versions(lock: &str, name: &str) -> Vec<String> {
    let wanted = format!("name = \"{name}\"");
    let mut lines = lock.lines();
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        if line == wanted {
            found.extend(lines.next().map(str::to_owned));
        }
    }
    found
}

#[test]
fn one_version_of_each() {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).expect("the lock file is committed");
    for name in [
        "egui",
        "eframe",
        "accesskit",
        "kube",
        "kube-core",
        "k8s-openapi",
        "rustls",
        "ring",
        "reqwest",
        "hyper",
        "tonic",
        "prost",
        "json-patch",
        "tokio",
    ] {
        assert_eq!(versions(&lock, name).len(), 1, "{name}: {:?}", versions(&lock, name));
    }
}

#[test]
fn one_tls_stack() {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).expect("the lock file is committed");
    for name in ["aws-lc-rs", "aws-lc-sys", "openssl-sys", "native-tls", "serde_yaml"] {
        assert!(versions(&lock, name).is_empty(), "{name} came in");
    }
}
