//! What once was a fault, and a short run of every target.
#![allow(clippy::print_stdout, reason = "names the input that panics")]

use fuzz::{Plan, TARGETS, run};
use std::time::Duration;

/// So many inputs at most, and for so long at most: a slow machine tries fewer. What is too long is five times
/// what it is in `cargo xtask fuzz`, which optimises.
const PLAN: Plan = Plan {
    seed: 1,
    from: 0,
    inputs: 20_000,
    within: Duration::from_secs(6),
    long: Duration::from_secs(5),
    tell: false,
};

fn check(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target");
    for file in target.regressions() {
        println!("{}", file.display());
        (target.reader)()(&std::fs::read(&file).expect("it can be read"));
    }
    let told = run(target, PLAN).expect("it ends");
    let failures = told.failures.iter().map(|failure| {
        let input = String::from_utf8_lossy(&failure.input);
        format!("input {} {}: {}", failure.number, failure.what, input.chars().take(2000).collect::<String>())
    });
    let failures: Vec<_> = failures.collect();
    assert!(failures.is_empty(), "{name}:\n{}", failures.join("\n"));
    assert!(told.read * 50 > told.inputs, "{name}: {} of {} had something in them", told.read, told.inputs);
}

macro_rules! targets {
    ($($name:ident)*) => {
        $(#[test] fn $name() { check(stringify!($name)); })*
        #[test]
        fn all_are_run() {
            let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(names, [$(stringify!($name)),*]);
        }
    };
}

targets! { kubeconfig prometheus jaeger otlp otlp_protobuf zipkin tempo traceql trace_file syncz config_dump lists watch cel promql }
