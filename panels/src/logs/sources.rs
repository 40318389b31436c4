//! Whose logs there are of what is selected: containers of its pods, and which of them are read at first.

use crate::selection::Selected;
use crate::subject;
use istio::kinds;
use mesh::lens::Subject;
use mesh::log::LogOf;
use mesh::{Mesh, Ref, Workload};
use serde_json::Value;

/// So many are read at first; more are a choice.
const AT_FIRST: usize = 6;

/// A container, and how its pod is called for tracing.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Source {
    pub(super) of: LogOf,
    /// "reviews.bookinfo", as spans name it.
    pub(super) service: String,
}

/// All containers of what is selected; of an edge, of both its ends.
pub(super) fn sources(mesh: &Mesh, selected: Option<&Selected>) -> Vec<Source> {
    let Some(selected) = selected else { return Vec::new() };
    let mut nodes = Vec::new();
    if let Selected::Edge(from, _) = selected {
        nodes.push(from.clone());
    }
    nodes.extend(subject::node(mesh, selected));
    let subjects: Vec<Subject<'_>> = nodes.iter().map(|node| Subject::of(mesh, node)).collect();
    let mut all: Vec<Source> = Vec::new();
    for workload in subjects.iter().flat_map(|subject| subject.workloads.iter()) {
        for source in of_workload(mesh, workload) {
            if !all.contains(&source) {
                all.push(source);
            }
        }
    }
    all
}

fn of_workload(mesh: &Mesh, workload: &Workload) -> Vec<Source> {
    let service = format!("{}.{}", workload.app, workload.namespace);
    let of_pod = |pod: &mesh::Pod| {
        let at = Ref::new(&kinds::POD, &workload.namespace, &pod.name);
        let names = mesh.objects().get(&at).map(|object| containers(&object.0)).unwrap_or_default();
        // Where its containers are not told, it may still have a proxy.
        let names = if names.is_empty() && pod.sidecar { vec!["istio-proxy".to_owned()] } else { names };
        let of = |container| LogOf {
            namespace: workload.namespace.to_string(),
            pod: pod.name.to_string(),
            container,
            previous: false,
            around: None,
        };
        let source = |container| Source { of: of(container), service: service.clone() };
        names.into_iter().map(source).collect::<Vec<_>>()
    };
    workload.pods.iter().flat_map(of_pod).collect()
}

/// The containers of a pod, those that run beside them from the beginning, too.
fn containers(pod: &Value) -> Vec<String> {
    let list =
        |path: &str| pod.pointer(path).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let stays = |container: &&Value| container["restartPolicy"] == "Always";
    let all = list("/spec/containers").iter().chain(list("/spec/initContainers").iter().filter(stays));
    all.filter_map(|container| Some(container["name"].as_str()?.to_owned())).collect()
}

/// Those that are read where nothing was chosen: all where they are few, else proxies first.
pub(super) fn at_first(all: &[Source]) -> Vec<LogOf> {
    let mut first: Vec<LogOf> = all.iter().map(|source| source.of.clone()).collect();
    if first.len() > AT_FIRST {
        first.sort_by_key(|of| !of.is_proxy());
        first.truncate(AT_FIRST);
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_come_first_where_there_are_many() {
        let source = |number: usize| Source {
            of: LogOf {
                namespace: "shop".into(),
                pod: format!("cart-{}", number / 2),
                container: if number.is_multiple_of(2) { "cart" } else { "istio-proxy" }.into(),
                previous: false,
                around: None,
            },
            service: "cart.shop".into(),
        };
        let few: Vec<Source> = (0..4).map(source).collect();
        assert_eq!(at_first(&few).len(), 4);
        let many: Vec<Source> = (0..20).map(source).collect();
        let first = at_first(&many);
        assert!(first.len() == AT_FIRST && first.iter().all(LogOf::is_proxy), "{first:?}");
        let pod = serde_json::json!({ "spec": { "containers": [{ "name": "cart" }], "initContainers": [
            { "name": "istio-init" }, { "name": "istio-proxy", "restartPolicy": "Always" }] } });
        assert_eq!(containers(&pod), ["cart", "istio-proxy"]);
    }

    #[test]
    fn an_edge_has_both_its_ends() {
        let mesh = mesh::demo::bookinfo();
        let node =
            |app: &str, version| mesh::graph::NodeId::app(mesh.cluster(), "bookinfo", app, Some(version));
        let edge = Selected::Edge(node("reviews", "v3"), node("ratings", "v1"));
        let all = sources(&mesh, Some(&edge));
        let services: Vec<&str> = all.iter().map(|source| source.service.as_str()).collect();
        assert!(
            services.contains(&"reviews.bookinfo") && services.contains(&"ratings.bookinfo"),
            "{services:?}"
        );
        assert!(all.iter().any(|source| source.of.is_proxy()));
        assert!(sources(&mesh, None).is_empty());
    }
}
