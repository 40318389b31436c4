//! Which nodes of a graph what was found is about.

use super::{Finding, Judged, Severity};
use crate::graph::{Badge, Graph};
use crate::{Mesh, Ref, kinds};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Services and workloads, by namespace and name.
#[derive(Default)]
struct About<'a> {
    services: BTreeSet<(&'a str, &'a str)>,
    workloads: BTreeSet<(&'a str, &'a str)>,
}

impl Judged {
    /// Marks the nodes whose configuration something is wrong with; remarks are no reason to.
    pub fn mark(&self, mesh: &Mesh, graph: &mut Graph) {
        let wrong: BTreeSet<&Ref> =
            self.findings.iter().filter(|one| is_wrong(one)).map(|one| &one.at).collect();
        if wrong.is_empty() {
            return;
        }
        let about = About::of(mesh, &wrong);
        for node in &mut graph.nodes {
            let named = |name: &Option<String>, all: &BTreeSet<(&str, &str)>| {
                name.as_deref().is_some_and(|name| all.contains(&(node.namespace.as_str(), name)))
            };
            if named(&node.service, &about.services) || named(&node.workload, &about.workloads) {
                // Before all else: there is room for three.
                Arc::make_mut(node).badges.insert(0, Badge::Problem);
            }
        }
    }
}

fn is_wrong(finding: &Finding) -> bool {
    finding.severity != Severity::Info
}

impl<'a> About<'a> {
    fn of(mesh: &'a Mesh, wrong: &BTreeSet<&'a Ref>) -> Self {
        let mut about = Self::default();
        for service in mesh.services() {
            let own = [&service.at].into_iter().chain(&service.virtual_services);
            let mut all = own.chain(&service.destination_rules).chain(&service.entries);
            if all.any(|at| wrong.contains(at)) {
                about.services.insert((&service.namespace, &service.name));
            }
        }
        for at in wrong {
            if *at.kind == kinds::DEPLOYMENT || *at.kind == kinds::STATEFUL_SET {
                about.workloads.insert((&at.namespace, &at.name));
            }
            // What is for all pods of a namespace is about none of them.
            let selects = mesh.objects().get(at).and_then(|object| at.kind.selects(object));
            let selects = selects.filter(|selects| selects.is_narrow() && *at.kind != kinds::SERVICE);
            let near = mesh.part(&at.namespace).into_iter().flat_map(|part| part.workloads());
            for workload in near {
                let own = *at.kind == kinds::POD && workload.pods.iter().any(|pod| pod.name == at.name);
                if own || selects.as_ref().is_some_and(|selects| selects.takes(&workload.labels)) {
                    about.workloads.insert((&workload.namespace, &workload.name));
                }
            }
        }
        about
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo;
    use crate::graph::{Builder, GraphOptions};
    use crate::{Kind, check};
    use Severity as Bad;

    fn marked(kind: &'static Kind, name: &str, severity: Bad) -> Vec<String> {
        let (mesh, check) = (demo::bookinfo(), check::named("HostNotFound").unwrap());
        let at = Ref::new(kind, "bookinfo", name);
        let finding = Finding { check, severity, at, path: String::new(), what: String::new(), fix: None };
        let judged = Judged { findings: vec![finding], not_made: Vec::new() };
        let options = GraphOptions { idle: true, ..GraphOptions::default() };
        let mut graph = Builder::default().build(&mesh, None, &options, demo::NOW);
        judged.mark(&mesh, &mut graph);
        let mine = graph.nodes.iter().filter(|node| node.badges.contains(&Badge::Problem));
        mine.map(|node| format!("{} {}", node.name, node.version.as_deref().unwrap_or_default())).collect()
    }

    #[test]
    fn nodes_are_marked_by_what_their_objects_say() {
        let reviews = ["reviews v1", "reviews v2", "reviews v3"];
        assert_eq!(marked(&kinds::VIRTUAL_SERVICE, "reviews", Bad::Error), reviews);
        assert_eq!(marked(&kinds::DESTINATION_RULE, "reviews", Bad::Warning), reviews);
        assert_eq!(marked(&kinds::SERVICE, "ratings", Bad::Warning), ["ratings v1"]);
        assert_eq!(marked(&kinds::DEPLOYMENT, "details-v1", Bad::Warning), ["details v1"]);
        assert_eq!(marked(&kinds::VIRTUAL_SERVICE, "reviews", Bad::Info), [] as [&str; 0]);
    }
}
