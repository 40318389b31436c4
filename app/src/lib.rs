//! See and steer an Istio service mesh.
