//! What the detail of the selected thing says, as plain data.

use super::pods::{PodRow, pod_rows};
use super::touching::{ConfigRow, config};
use crate::figures::Figures;
use crate::intent::TracesOf;
use crate::selection::Selected;
use crate::subject;
use mesh::graph::{Health, NodeId};
use mesh::lens::{Answered, Ends, Lens, Reading, Subject, aimed_at, asked_for};
use mesh::trace::{Call, End};
use mesh::traffic::{Path, Peer, Traffic};
use mesh::{Mesh, Workload, kinds};
use serde::Serialize;
use std::collections::BTreeMap;

/// The detail of one thing.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct View {
    /// "Service · bookinfo".
    pub kind: String,
    /// "reviews".
    pub title: String,
    /// How it is.
    pub health: Health,
    /// Why: the worst thing that was measured or seen.
    pub reason: String,
    /// "requests / s", "errors", "p95", "mutual TLS": what arrives.
    pub figures: Figures,
    /// Whether the figures are of the calls that it makes, because nobody in the mesh calls it: a gateway.
    pub makes: bool,
    /// Who calls it.
    pub callers: Vec<PeerRow>,
    /// Whom it calls.
    pub called: Vec<PeerRow>,
    /// Its versions.
    pub versions: Vec<VersionRow>,
    /// Its pods.
    pub pods: Vec<PodRow>,
    /// Istio's objects that touch it.
    pub config: Vec<ConfigRow>,
    /// How calls are answered.
    pub answers: Vec<Answered>,
    /// Its traces.
    pub traces: Option<TracesOf>,
    /// Its failed ones, looked for at the worst caller: a call that never arrived (an injected abort, nobody
    /// there) left its span with the caller only.
    pub failed_traces: Option<TracesOf>,
}

/// One caller or callee.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PeerRow {
    /// "productpage".
    pub name: String,
    /// "v1", "" when there is none.
    pub version: String,
    /// What to select when it is clicked.
    #[serde(skip)]
    pub selected: Option<Selected>,
    /// Figures of the calls.
    pub figures: Figures,
}

/// One version.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VersionRow {
    /// "v3".
    pub name: String,
    /// Percentage of the service's requests that it took; `None` without requests.
    pub share: Option<f64>,
    /// Requests per second; `None` when nothing was measured.
    pub rps: Option<f64>,
    /// Percentage of failed requests.
    pub error_percent: Option<f64>,
    /// Ready and wanted pods.
    pub pods: (usize, usize),
    /// Whether a DestinationRule declares it; `None` where those may not be read.
    pub declared: Option<bool>,
}

impl Figures {
    /// What goes wrong with most calls, and what that is called: refusals where they are many, else errors.
    pub fn wrong(&self) -> (Option<f64>, &'static str) {
        let many =
            |refused: &f64| *refused >= 10.0 && self.error_percent.is_none_or(|errors| *refused > errors);
        match self.refused_percent.filter(many) {
            Some(refused) => (Some(refused), "4xx"),
            None => (self.error_percent, "errors"),
        }
    }
}

impl View {
    /// The detail of a selection; `None` when it is gone, and for objects (those have a face of their own).
    pub fn of(mesh: &Mesh, traffic: Option<&Traffic>, selected: &Selected) -> Option<Self> {
        if let Selected::Edge(source, target) = selected {
            return Some(Self::edge(mesh, traffic, source, target));
        }
        let Some(subject) = subject::of(mesh, selected) else {
            let Selected::Node(node) = selected else { return None };
            return Some(Self::outside(mesh, traffic, node));
        };
        let lens = Lens::of(traffic, &subject);
        let (kind, title) = name(selected, &subject);
        let traces = traced(selected, &subject);
        Some(Self {
            kind: match subject.is_namespace() {
                true => kind.to_owned(),
                false => format!("{kind} · {}", subject.namespace()),
            },
            title,
            versions: versions(mesh, traffic, &subject),
            pods: subject.workloads.iter().flat_map(|workload| pod_rows(workload)).collect(),
            config: config(mesh, &subject),
            failed_traces: traces
                .as_ref()
                .map(|end| failed(end, None, worst_caller(traffic, |path| subject.called_by(path)))),
            traces: traces.map(|end| TracesOf { end, ..TracesOf::default() }),
            ..Self::measured(mesh, traffic, &lens, &subject)
        })
    }

    /// How a thing is, and its calls.
    fn measured(mesh: &Mesh, traffic: Option<&Traffic>, lens: &Lens, subject: &Subject<'_>) -> Self {
        Self {
            health: lens.health,
            reason: reason(traffic, lens.health, lens.reason.clone()),
            figures: Figures::of(lens.main()),
            makes: lens.makes(),
            callers: peers(traffic, |path| subject.called_by(path).then(|| end(&path.source))),
            called: peers(traffic, |path| subject.calls(path).then(|| callee(mesh, path))),
            answers: lens.input.answers(),
            ..Self::default()
        }
    }

    fn edge(mesh: &Mesh, traffic: Option<&Traffic>, source: &NodeId, target: &NodeId) -> Self {
        let [caller, called] = [source, target].map(|node| Subject::of(mesh, node));
        let lens = Lens::between(traffic, &caller, &called);
        let fits = |path: &Path| caller.calls(path) && called.called_by(path);
        let there = |subject: &Subject<'_>| {
            (!subject.is_only_a_name()).then(|| traced(&(&subject.id).into(), subject)).flatten()
        };
        let [from, to] = [&caller, &called].map(there);
        let call = |to: &End| Call { from: from.clone(), to: to.clone() };
        Self {
            kind: "Calls".to_owned(),
            title: format!("{} → {}", source.title(), target.title()),
            health: lens.health,
            reason: reason(traffic, lens.health, lens.reason.clone()),
            figures: Figures::of(&lens.input),
            callers: peers(traffic, |path| fits(path).then(|| end(&path.source))),
            called: peers(traffic, |path| fits(path).then(|| callee(mesh, path))),
            answers: lens.input.answers(),
            failed_traces: to.as_ref().map(|to| failed(to, from.clone(), worst_caller(traffic, fits))),
            traces: to.map(|to| TracesOf { call: Some(call(&to)), end: to, failed: false }),
            ..Self::default()
        }
    }

    fn outside(mesh: &Mesh, traffic: Option<&Traffic>, id: &NodeId) -> Self {
        let subject = Subject::of(mesh, id);
        let lens = Lens::of(traffic, &subject);
        let outside = matches!(id, NodeId::External(_));
        let kind = if outside { "Outside the mesh" } else { "Not named by telemetry" };
        Self { kind: kind.to_owned(), title: id.title(), ..Self::measured(mesh, traffic, &lens, &subject) }
    }
}

fn name(selected: &Selected, subject: &Subject<'_>) -> (&'static str, String) {
    match selected {
        Selected::Service(_, name) => ("Service", name.clone()),
        Selected::Workload(_, name) => ("Workload", name.clone()),
        Selected::App(_, app, Some(version)) if version != "latest" => {
            ("Version", format!("{app} {version}"))
        }
        Selected::App(_, app, _) => ("App", app.clone()),
        _ if subject.is_namespace() => ("Namespace", subject.id.title()),
        _ => match (subject.service, subject.workloads.first()) {
            (_, Some(workload)) => ("App", workload.app.clone()),
            (Some(service), None) => ("Service", service.name.to_string()),
            (None, None) => ("App", String::new()),
        },
    }
}

/// How tracing backends name it: by its app, and by its version where one is meant.
fn traced(selected: &Selected, subject: &Subject<'_>) -> Option<End> {
    if subject.is_namespace() {
        return None;
    }
    let workload = subject.workloads.first();
    let of_workload = workload.map(|workload| format!("{}.{}", workload.app, workload.namespace));
    let service = of_workload
        .or_else(|| subject.service.map(|service| format!("{}.{}", service.name, service.namespace)))?;
    let version = match selected {
        Selected::App(_, _, version) => version.clone(),
        Selected::Workload(..) => workload.map(|workload| workload.version.to_string()),
        _ => None,
    };
    Some(End { service, version: version.filter(|version| !version.is_empty() && version != "latest") })
}

/// Failed calls to one end: from this caller, else from the worst one, else wherever they are known.
fn failed(to: &End, from: Option<End>, worst: Option<String>) -> TracesOf {
    let caller = from.or_else(|| worst.map(End::service));
    let end = caller.clone().unwrap_or_else(|| to.clone());
    TracesOf { end, call: Some(Call { from: caller, to: to.clone() }), failed: true }
}

/// Who has the most failed calls among these, as tracing backends name it.
fn worst_caller(traffic: Option<&Traffic>, fits: impl Fn(&Path) -> bool) -> Option<String> {
    let mut failed: BTreeMap<String, f64> = BTreeMap::new();
    for (path, flow) in traffic.into_iter().flat_map(|traffic| &traffic.flows).filter(|(path, _)| fits(path))
    {
        let mut ends = Ends::default();
        ends.add(path.protocol, flow);
        let errors = ends.failed();
        if errors > 0.0 && &*path.source.app != "unknown" {
            *failed.entry(format!("{}.{}", path.source.app, path.source.namespace)).or_default() += errors;
        }
    }
    failed.into_iter().max_by(|one, other| one.1.total_cmp(&other.1)).map(|(caller, _)| caller)
}

/// Why a thing is as it is, also where nothing is wrong.
pub(super) fn reason(traffic: Option<&Traffic>, health: Health, why: String) -> String {
    let missing = traffic.and_then(|traffic| traffic.coverage.words());
    match health {
        _ if !why.is_empty() => why,
        Health::Idle => match (traffic, missing) {
            (None, _) => "nothing is measured".to_owned(),
            (_, None) => "no traffic in this window".to_owned(),
            (_, Some(missing)) => missing,
        },
        Health::Healthy => match missing {
            None => "all calls succeed".to_owned(),
            Some(missing) => format!("all calls succeed; {missing}"),
        },
        _ => why,
    }
}

/// One end of a call, as a row.
fn end(peer: &Peer) -> (String, String, Option<Selected>) {
    if &*peer.workload == "unknown" || peer.workload.is_empty() {
        return ("unknown".to_owned(), String::new(), Some(Selected::Node(NodeId::Unknown)));
    }
    let version = if &*peer.version == "latest" || &*peer.version == "unknown" {
        String::new()
    } else {
        peer.version.to_string()
    };
    let selected = Selected::App(
        peer.namespace.to_string(),
        peer.app.to_string(),
        (!version.is_empty()).then(|| version.clone()),
    );
    (peer.app.to_string(), version, Some(selected))
}

/// The called end: the workload that answered, or the service when none did.
fn callee(mesh: &Mesh, path: &Path) -> (String, String, Option<Selected>) {
    if &*path.destination.workload != "unknown" && !path.destination.workload.is_empty() {
        return end(&path.destination);
    }
    match asked_for(mesh, path) {
        Some(service) => {
            let selected = Selected::Service(service.namespace.to_string(), service.name.to_string());
            (service.name.to_string(), "not reached".to_owned(), Some(selected))
        }
        None => (
            path.service.host.to_string(),
            String::new(),
            Some(Selected::Node(NodeId::External(path.service.host.clone()))),
        ),
    }
}

fn peers(
    traffic: Option<&Traffic>,
    row: impl Fn(&Path) -> Option<(String, String, Option<Selected>)>,
) -> Vec<PeerRow> {
    let mut sums: BTreeMap<(String, String), (Option<Selected>, Reading)> = BTreeMap::new();
    for (path, flow) in traffic.into_iter().flat_map(|traffic| &traffic.flows) {
        let Some((name, version, selected)) = row(path) else { continue };
        let (at, sum) = sums.entry((name, version)).or_default();
        *at = selected;
        sum.add(path.protocol, flow);
    }
    let row = |((name, version), (selected, sum)): (_, (_, Reading))| PeerRow {
        name,
        version,
        selected,
        figures: Figures::of(&sum),
    };
    let mut rows: Vec<PeerRow> = sums.into_iter().map(row).collect();
    rows.sort_by(|a, b| b.figures.rps.total_cmp(&a.figures.rps));
    rows
}

/// All versions of the service, whichever of them is selected.
fn versions(mesh: &Mesh, traffic: Option<&Traffic>, subject: &Subject<'_>) -> Vec<VersionRow> {
    let Some(service) = subject.service else { return Vec::new() };
    let behind: Vec<&Workload> = mesh.workloads_of(service).collect();
    let all = Reading::of(traffic, |path| aimed_at(path, service)).rps();
    let row = |subset: &mesh::Subset| {
        let workloads: Vec<&&Workload> = behind
            .iter()
            .filter(|workload| subset.workloads.iter().any(|at| at.name == workload.name))
            .collect();
        let sum = Reading::of(traffic, |path| {
            aimed_at(path, service) && subset.workloads.iter().any(|at| at.name == path.destination.workload)
        });
        let pods = workloads.iter().flat_map(|workload| &workload.pods);
        let wanted = workloads
            .iter()
            .map(|workload| workload.wanted.map_or(workload.pods.len(), |wanted| wanted as usize))
            .sum();
        VersionRow {
            name: subset.name.clone(),
            share: (all > 0.0).then(|| sum.rps() / all * 100.0),
            rps: traffic.map(|_| sum.rps()),
            error_percent: sum.error_percent(),
            pods: (pods.filter(|pod| pod.ready).count(), wanted),
            declared: match subset.declared {
                true => Some(true),
                false if mesh.unseen(&kinds::DESTINATION_RULE, &service.namespace).is_some() => None,
                false => Some(false),
            },
        }
    };
    service.subsets.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use mesh::demo;
    use mesh::traffic::{Called, Flow, Peer};

    fn node(app: &str, version: &str) -> NodeId {
        NodeId::app(&mesh::ClusterId::default(), "bookinfo", app, Some(version))
    }

    #[test]
    fn versions_have_their_pods_and_rates_whichever_is_selected() {
        let (mesh, traffic) = (demo::bookinfo(), demo::bookinfo_traffic());
        let of = |selected: Selected| View::of(&mesh, Some(&traffic), &selected).unwrap().versions;
        let service = of(Selected::Service("bookinfo".into(), "reviews".into()));
        assert!(service.len() == 3 && service.iter().all(|version| version.pods == (1, 1)), "{service:?}");
        assert_eq!(of(Selected::App("bookinfo".into(), "reviews".into(), Some("v2".into()))), service);
        assert_eq!(of(Selected::Workload("bookinfo".into(), "reviews-v1".into())), service);
        let unmeasured =
            View::of(&mesh, None, &Selected::Service("bookinfo".into(), "reviews".into())).unwrap().versions;
        assert!(unmeasured.iter().all(|version| version.rps.is_none() && version.share.is_none()));
    }

    #[test]
    fn traces_are_those_of_the_version_and_of_the_edge() {
        let (mesh, traffic) = (demo::bookinfo(), demo::bookinfo_traffic());
        let of = |selected: Selected| View::of(&mesh, Some(&traffic), &selected).unwrap();
        let end =
            |service: &str, version: &str| End { service: service.into(), version: Some(version.into()) };
        let version = of(Selected::App("bookinfo".into(), "reviews".into(), Some("v3".into())));
        let reviews = end("reviews.bookinfo", "v3");
        assert_eq!(version.traces, Some(TracesOf { end: reviews.clone(), call: None, failed: false }));
        let service = of(Selected::Service("bookinfo".into(), "reviews".into()));
        assert_eq!(service.traces.unwrap().end, End::service("reviews.bookinfo"));
        let edge = of(Selected::Edge(node("productpage", "v1"), node("reviews", "v3")));
        let productpage = end("productpage.bookinfo", "v1");
        let call = Some(Call { from: Some(productpage.clone()), to: reviews.clone() });
        assert_eq!(edge.traces, Some(TracesOf { end: reviews, call: call.clone(), failed: false }));
        assert_eq!(edge.failed_traces, Some(TracesOf { end: productpage, call, failed: true }));
    }

    /// An injected abort never leaves its caller's proxy: telemetry knows the callee only by the host as it
    /// was written.
    #[test]
    fn calls_that_reached_nobody_belong_to_whom_they_were_for() {
        let (mesh, mut traffic) = (demo::bookinfo(), demo::bookinfo_traffic());
        let (from_reviews, _) =
            traffic.flows.iter().find(|(path, _)| &*path.service.name == "ratings").unwrap();
        let unknown: std::sync::Arc<str> = "unknown".into();
        let service =
            Called { host: "ratings:9080".into(), name: unknown.clone(), namespace: unknown.clone() };
        let destination = Peer { workload: unknown.clone(), namespace: unknown, ..Peer::default() };
        let path = Path { service, destination, ..from_reviews.clone() };
        let responses = [(("503".into(), "FI".into()), 5.0)].into_iter().collect();
        traffic.flows.insert(path, Flow { responses, ..Flow::default() });
        let version = Selected::App("bookinfo".into(), "ratings".into(), Some("v1".into()));
        for selected in [version, Selected::Service("bookinfo".into(), "ratings".into())] {
            let view = View::of(&mesh, Some(&traffic), &selected).unwrap();
            assert_eq!((view.figures.rps, view.health), (10.0, Health::Failing), "{selected:?}");
        }
        let reviews =
            View::of(&mesh, Some(&traffic), &Selected::App("bookinfo".into(), "reviews".into(), None))
                .unwrap();
        assert!(reviews.called.iter().any(|row| row.name == "ratings" && row.version == "not reached"));
    }

    #[test]
    fn many_refusals_are_what_goes_wrong() {
        #[track_caller]
        fn check(errors: f64, refused: f64, wrong: (f64, &str)) {
            let (error_percent, refused_percent) = (Some(errors), Some(refused));
            let figures = Figures { error_percent, refused_percent, ..Figures::default() };
            assert_eq!(figures.wrong(), (Some(wrong.0), wrong.1));
        }
        check(0.0, 0.0, (0.0, "errors"));
        check(0.0, 9.0, (0.0, "errors"));
        check(0.0, 47.0, (47.0, "4xx"));
        check(60.0, 30.0, (60.0, "errors"));
    }
}
