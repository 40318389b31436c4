//! Boxes of the graph that are folded into one node each.

use super::{AppId, GraphOptions, NodeId};
use std::sync::Arc;

/// A box.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Folded {
    /// The versions of an app: its namespace and name.
    App(Arc<str>, Arc<str>),
    /// All of a namespace.
    Namespace(Arc<str>),
}

impl GraphOptions {
    /// The node that something is drawn as: itself, or the box that it is folded into.
    pub(super) fn drawn_as(&self, id: NodeId) -> NodeId {
        if self.folded.is_empty() {
            return id;
        }
        let folded = |whole: &NodeId| self.folded.contains(&Folded::Namespace(whole.namespace().into()));
        if let Some(whole) = id.whole_namespace().filter(folded) {
            return whole;
        }
        match &id {
            NodeId::App(app)
                if self.folded.contains(&Folded::App(app.namespace.clone(), app.app.clone())) =>
            {
                NodeId::App(AppId { version: None, ..app.clone() })
            }
            _ => id,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo;
    use crate::graph::{Builder, Graph, Health};
    use crate::traffic::Path;

    fn graph(folded: &[Folded]) -> Graph {
        let traffic = Arc::new(demo::bookinfo_traffic());
        let options = GraphOptions { folded: folded.iter().cloned().collect(), ..GraphOptions::default() };
        Graph::build(&demo::bookinfo(), Some(&traffic), &options, demo::NOW)
    }

    #[test]
    fn a_folded_app_is_one_node_with_the_calls_of_all_its_versions() {
        let (open, folded) = (graph(&[]), graph(&[Folded::App("bookinfo".into(), "reviews".into())]));
        let reviews = |graph: &Graph| -> Vec<(String, f64)> {
            let own = graph.nodes.iter().filter(|node| node.name == "reviews");
            own.map(|node| (node.id.title(), node.rps_in)).collect()
        };
        let (versions, one) = (reviews(&open), reviews(&folded));
        assert_eq!((versions.len(), one.len(), one[0].0.as_str()), (3, 1, "reviews"));
        assert!((versions.iter().map(|(_, rps)| rps).sum::<f64>() - one[0].1).abs() < 1e-9);
        let ends = |graph: &Graph| graph.ends().iter().filter(|ends| ends.is_none()).count();
        assert_eq!((ends(&folded), folded.edges.len() < open.edges.len()), (0, true));
    }

    #[test]
    fn a_folded_namespace_keeps_its_inner_calls_as_one_edge_to_itself() {
        let (open, folded) = (graph(&[]), graph(&[Folded::Namespace("bookinfo".into())]));
        let names: Vec<String> = folded.nodes.iter().map(|node| node.id.to_string()).collect();
        assert!(names.contains(&"namespace/bookinfo".to_owned()), "{names:?}");
        assert!(!names.iter().any(|name| name.contains("reviews")), "{names:?}");
        let sum = |graph: &Graph| graph.edges.iter().map(|edge| edge.rps).sum::<f64>();
        assert!((sum(&open) - sum(&folded)).abs() < 1e-9, "no call is lost");
        assert!(folded.edges.iter().any(|edge| edge.source == edge.target));
        let node = folded.nodes.iter().find(|node| node.name == "bookinfo").unwrap();
        assert_eq!((&node.app, &node.version, &node.service, &node.workload), (&None, &None, &None, &None));
    }

    #[test]
    fn what_fails_inside_shows_on_the_box() {
        let mut traffic = demo::bookinfo_traffic();
        let inside = |path: &Path| &*path.destination.app == "ratings";
        for (_, flow) in traffic.flows.iter_mut().filter(|(path, _)| inside(path)) {
            flow.responses = [(("503".into(), "UF".into()), 9.0)].into_iter().collect();
        }
        let folded = [Folded::Namespace("bookinfo".into())].into_iter().collect();
        let options = GraphOptions { folded, ..GraphOptions::default() };
        let graph = Graph::build(&demo::bookinfo(), Some(&Arc::new(traffic)), &options, demo::NOW);
        let node = graph.nodes.iter().find(|node| node.name == "bookinfo").unwrap();
        assert!(node.health > Health::Healthy && node.error_percent_in > 5.0, "{:?}", node.health_reason);
    }

    #[test]
    fn one_pod_that_changes_changes_the_box_that_it_is_in() {
        let folded = [Folded::Namespace("team-001".into())].into_iter().collect();
        let options = GraphOptions { folded, idle: true, ..GraphOptions::default() };
        let scene = demo::synthetic_scene(120, 165);
        let mut builder = Builder::default();
        builder.build(&scene.mesh, scene.traffic.value(), &options, demo::NOW);
        let mut objects = scene.mesh.objects().clone();
        let (at, pod) = objects.within(&crate::kinds::POD, "team-001").next().unwrap();
        let (at, mut pod) = (at.clone(), (*pod.0).clone());
        pod["status"]["conditions"][0]["status"] = "False".into();
        objects.insert(at, pod.into());
        let mesh = crate::Mesh::read(objects, Some(&scene.mesh));
        let patched = builder.build(&mesh, scene.traffic.value(), &options, demo::NOW);
        let whole = Graph::build(&mesh, scene.traffic.value(), &options, demo::NOW);
        assert!(patched.nodes == whole.nodes, "a box that is patched is the box that is made anew");
        let node = |graph: &Graph| graph.nodes.iter().find(|node| node.name == "team-001").unwrap().health;
        assert!(node(&whole) > Health::Healthy);
    }
}
