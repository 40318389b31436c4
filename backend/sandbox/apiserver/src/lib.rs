//! A Kubernetes API server in memory, for kube-rs and kubectl.
