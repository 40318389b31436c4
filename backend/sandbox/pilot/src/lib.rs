//! The control plane: Istio resources in, Envoy configuration out.
