//! See and steer an Istio service mesh.
fn main() {}
