//! A small mesh on this machine: API server, control plane, real Envoy proxies, demo services.
