//! How everything in the mesh is, by services: counted in the top bar and listed in the overview, from one
//! reading.

use crate::cx::Cx;
use crate::figures::Figures;
use crate::graph::MOST_NODES;
use crate::graph::view;
use crate::kit::aside::{Aside, FEW_PATHS, alone, paths};
use crate::kit::{Status, fmt};
use crate::selection::Selected;
use egui::{Id, Ui};
use mesh::graph::{Builder, GraphOptions, GraphType, Node, NodeId};
use mesh::health::{astray, judged};
use mesh::lens::{self, Ends, Reading};
use mesh::traffic::Traffic;
use mesh::{Mesh, Remote, Revision, Service, Workload};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How one thing is: a service, a workload without one, a host outside.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) status: Status,
    /// Why it is not well; empty when it is.
    pub(crate) reason: String,
    /// Calls per second that it gets; of a gateway, those that it passes on.
    pub(crate) rps: f64,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) selected: Selected,
}

/// How the mesh is.
#[derive(Default)]
pub(crate) struct Whole {
    /// Services and what else is not well, the worst first, then by name.
    pub(crate) rows: Vec<Row>,
    /// All calls together; nothing where none were measured.
    pub(crate) all: Option<Figures>,
}

/// What it is derived from: the mesh, and when and over which window its traffic was measured.
type Key = (Revision, Option<(jiff::Timestamp, u64)>);

/// Larger meshes than this are looked through by a thread.
const SMALL: usize = 150;

/// How everything is, kept while nothing changed, for all that show it.
#[derive(Default)]
struct Condition {
    found: Aside<Key, Arc<Whole>>,
    /// Builds each graph on the last one; only one thread at a time does.
    builder: Arc<Mutex<Builder>>,
}

/// How everything is; nothing where it is not known yet.
pub(crate) fn of_all(ui: &Ui, cx: &Cx<'_>) -> Option<Arc<Whole>> {
    of(ui, cx, Id::new("how everything is"), &cx.scene.traffic)
}

/// The same as of the moment of the past that is looked at.
pub(crate) fn then(ui: &Ui, cx: &Cx<'_>) -> Option<Arc<Whole>> {
    match cx.then() {
        Some(then) => of(ui, cx, Id::new("how everything was"), &then.traffic),
        None => of_all(ui, cx),
    }
}

fn of(ui: &Ui, cx: &Cx<'_>, id: Id, told: &Remote<Traffic>) -> Option<Arc<Whole>> {
    let condition: Arc<Mutex<Condition>> = ui.data_mut(|data| Arc::clone(data.get_temp_mut_or_default(id)));
    let mut condition = condition.lock().unwrap_or_else(PoisonError::into_inner);
    let mesh = Arc::clone(&cx.scene.mesh);
    let traffic = told.value().cloned();
    let at = told.at();
    let measured = at.zip(traffic.as_ref().map(|traffic| traffic.window_secs));
    let paths = paths(told);
    let (small, now) = (mesh.workload_count() <= SMALL && paths <= FEW_PATHS, at.unwrap_or(cx.now));
    let builder = Arc::clone(&condition.builder);
    let look = move || {
        let mut builder = builder.lock().unwrap_or_else(PoisonError::into_inner);
        let _alone = (paths > MOST_NODES / 2).then(alone);
        let all = traffic.as_deref().map(|traffic| Figures::of(&Reading::of(Some(traffic), |_| true)));
        Arc::new(Whole { rows: rows(&mut builder, &mesh, traffic.as_ref(), now), all })
    };
    let found = condition.found.get(ui.ctx(), (cx.scene.mesh.revision(), measured), small, look);
    found.map(|found| Arc::clone(found))
}

fn rows(
    builder: &mut Builder,
    mesh: &Mesh,
    traffic: Option<&Arc<Traffic>>,
    now: jiff::Timestamp,
) -> Vec<Row> {
    let options = GraphOptions { graph_type: GraphType::Service, idle: true, ..GraphOptions::default() };
    let graph = builder.build(mesh, traffic, &options, now);
    if graph.nodes.len() > MOST_NODES {
        // What is so large is not kept twice.
        *builder = Builder::default();
    }
    let mut nodes: BTreeMap<&NodeId, &Node> = graph.nodes.iter().map(|node| (&node.id, &**node)).collect();
    let of_service = |service: &Service| {
        let own = NodeId::Service(mesh.service_id(service));
        let outside = NodeId::External(service.host.as_str().into());
        let node = nodes.remove(&own);
        let node = node.or_else(|| if service.external { nodes.remove(&outside) } else { None });
        let selected = Selected::Service(service.namespace.to_string(), service.name.to_string());
        match node {
            Some(node) => Row { selected, ..Row::of(node) },
            None => Row::silent(mesh, service),
        }
    };
    let mut rows: Vec<Row> = mesh.services().map(of_service).collect();
    // What leads to no service counts when something is wrong with it.
    rows.extend(nodes.into_values().map(Row::of).filter(|row| row.status > Status::Healthy));
    // By health and then by name: rates would swap places while one reads.
    rows.sort_by(|a, b| {
        b.status.cmp(&a.status).then_with(|| (&a.name, &a.namespace).cmp(&(&b.name, &b.namespace)))
    });
    rows
}

impl Row {
    fn of(node: &Node) -> Self {
        Self {
            status: view::status(node.health),
            reason: node.health_reason.clone(),
            rps: if node.rps_in > 0.0 { node.rps_in } else { node.rps_out },
            namespace: node.namespace.clone(),
            name: node.name.clone(),
            selected: view::selects(node),
        }
    }

    /// Of a service that the graph does not show: nothing behind it has a proxy, or is there at all.
    fn silent(mesh: &Mesh, service: &Service) -> Self {
        let workloads: Vec<&Workload> = mesh.workloads_of(service).collect();
        let none = Ends::default();
        let (health, reason) =
            lens::health(&none, &none, true, &judged(mesh, &workloads), &astray(mesh, service));
        let (namespace, name) = (service.namespace.to_string(), service.name.to_string());
        let selected = Selected::Service(namespace.clone(), name.clone());
        Self { status: view::status(health), reason, rps: 0.0, namespace, name, selected }
    }
}

/// "2 failing, 1 degraded"; nothing where all is well.
pub(crate) fn words(rows: &[Row]) -> String {
    let count = |status: Status| {
        let number = rows.iter().filter(|row| row.status == status).count();
        (number > 0).then(|| format!("{} {}", fmt::count(number), status.word().to_lowercase()))
    };
    [Status::Failing, Status::Degraded].into_iter().filter_map(count).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use mesh::demo;

    #[test]
    fn the_worst_come_first_and_then_the_names() {
        let (mesh, traffic) = (demo::bookinfo(), Arc::new(demo::bookinfo_traffic()));
        let mut all = rows(&mut Builder::default(), &mesh, Some(&traffic), demo::NOW);
        let order: Vec<_> =
            all.iter().map(|row| (std::cmp::Reverse(row.status), row.name.as_str())).collect();
        assert!(order.is_sorted() && order.len() > 3, "{order:?}");
        // Each service is there once, whether it is called or not.
        for service in mesh.services() {
            let own = Selected::Service(service.namespace.to_string(), service.name.to_string());
            let found = all.iter().filter(|row| row.selected == own).count();
            assert_eq!(found, 1, "{}", service.name);
        }
        all.iter_mut().for_each(|row| row.status = Status::Healthy);
        assert_eq!(words(&all), "");
        (all[0].status, all[1].status, all[2].status) = (Status::Failing, Status::Degraded, Status::Failing);
        assert_eq!(words(&all), "2 failing, 1 degraded");
    }
}
