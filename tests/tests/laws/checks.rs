//! What our editors write gives no finding, and what was found does not go away by it without a reason.

use crate::editors::each;
use harness::dumps::after;
use mesh::check::{Finding, Judge, Severity, World};
use mesh::mesh_config::MeshConfig;
use mesh::{Mesh, Objects, demo};
use serde_json::json;
use std::collections::BTreeSet;

/// A finding by what it says, and where.
fn words(finding: &Finding) -> String {
    format!("{} {} {}: {}", finding.check.name, finding.at, finding.path, finding.what)
}

/// The mesh's configuration, with the providers that samples name.
fn config() -> MeshConfig {
    MeshConfig::read(&json!({ "accessLogFile": "/dev/stdout", "extensionProviders": [
        { "name": "judge", "envoyExtAuthzGrpc": { "service": "judge.web", "port": 9000 } },
        { "name": "sample-ext-authz-http", "envoyExtAuthzHttp": { "service": "judge.web", "port": 8000 } },
        { "name": "spans", "zipkin": { "service": "zipkin.web", "port": 9411 } },
        { "name": "jaeger", "zipkin": { "service": "zipkin.web", "port": 9411 } },
    ] }))
}

fn found(judge: &mut Judge, mesh: &Mesh, config: &MeshConfig) -> BTreeSet<String> {
    let judged = judge.judge(&World::new(mesh, Ok(config)));
    let told = judged.findings.iter().filter(|finding| finding.severity != Severity::Info);
    told.map(words).collect()
}

/// What samples of editors ask for by themselves: editor, check, and what the samples name.
const MEANT: &[(&str, &str, &str)] = &[
    ("Access", "CallerNamespaceNotFound", "callers who are not there"),
    ("Access", "CallerNotFound", "callers who are not there"),
    ("Seen calls only", "CallerNotFound", "callers who are not there"),
    ("External service", "EntryForNoWorkload", "machines that are told of later"),
    ("External service", "SelectsNothing", "machines that are told of later"),
    ("Visibility", "ExportToNowhere", "a namespace that is not there"),
    ("Visibility", "Doubtful", "a host twice"),
    ("Visibility", "SidecarHostNotFound", "a host of another namespace"),
    ("Way in", "GatewayNotFound", "nothing: the Gateway is taken away under a rule that names it"),
    ("Way in", "GatewayPortClosed", "ports that the gateway's Service does not have"),
    ("Way in", "RedirectWithoutTls", "HTTPS that nobody opens"),
    ("Way in", "ConflictingGateways", "what another Gateway opens already"),
];

#[test]
fn what_editors_write_gives_no_finding() {
    let config = config();
    let objects: Objects = demo::bookinfo_objects();
    let before = Mesh::read(objects.clone(), None);
    let mut judge = Judge::default();
    let there = found(&mut judge, &before, &config);
    assert!(there.is_empty(), "{there:?}");
    let mut failed: BTreeSet<String> = BTreeSet::new();
    let mut meant: BTreeSet<(&str, &str)> = BTreeSet::new();
    let tried = each(&objects, |_, editor, change| {
        let mesh = Mesh::read(after(&objects, &change), Some(&before));
        for one in found(&mut judge, &mesh, &config) {
            let check = one.split(' ').next().unwrap_or_default();
            match MEANT.iter().find(|(of, name, _)| (*of, *name) == (editor, check)) {
                Some((of, name, _)) => drop(meant.insert((of, name))),
                None => drop(failed.insert(format!("{editor}: {}\n  {one}", change.title))),
            }
        }
    });
    assert!(tried > 50, "only {tried} changes were tried");
    assert!(failed.is_empty(), "{}", failed.into_iter().collect::<Vec<_>>().join("\n"));
    let all: BTreeSet<(&str, &str)> = MEANT.iter().map(|(of, name, _)| (*of, *name)).collect();
    assert_eq!(meant, all, "what is meant is found");
}
