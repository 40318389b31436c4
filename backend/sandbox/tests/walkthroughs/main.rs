//! The published walk-throughs of the demo applications, by kubectl alone and on real Envoys: what is applied
//! are the manifests in `assets/samples`, what is looked at is what requests get.
//!
//! Envoy is found as the sandbox finds it (`$BINNACLE_ENVOY` first); without one these tests fail.
#![allow(clippy::unwrap_used, reason = "tests")]
#![allow(clippy::print_stdout, reason = "what was seen, for whoever runs them with --nocapture")]

mod bookinfo;
mod ext_authz;
mod faults;
mod synthetic;
mod tutorial;
mod walk;
mod workloads;
