//! The mesh as a whole, while nothing is selected: how it is, what is worst, and what is known of it.

use super::headline::{headline, status_of};
use super::rows::{fact, fold, thing};
use super::view::reason;
use crate::cx::Cx;
use crate::intent::Intent;
use crate::kit::{Memo, Status, Tokens, fmt, icon, problem, remote, text, tiles};
use crate::selection::Selected;
use egui::{RichText, Ui};
use jiff::Timestamp;
use mesh::health::{astray, judged};
use mesh::lens::{self, Ends, Reading, asked_for};
use mesh::scene::Proxy;
use mesh::traffic::{Flow, Protocol, Traffic};
use mesh::{Mesh, Remote, Revision, Service, Workload};
use std::collections::BTreeMap;

pub(super) fn ui(ui: &mut Ui, cx: &Cx<'_>, worst: &mut Worst) {
    let mesh = &cx.scene.mesh;
    ui.add_space(6.0);
    text::muted(ui, if cx.scene.sandbox { "Mesh · sandbox on this machine" } else { "Mesh" });
    text::title(ui, &cx.scene.context);
    if mesh.service_count() == 0 && mesh.workload_count() == 0 {
        ui.add_space(12.0);
        problem::problem(
            ui,
            problem::Level::Note,
            "No services in these namespaces",
            "Nothing runs here, or it may not be read.",
            "Choose other namespaces in the top bar",
            None,
        );
        kinds(ui, cx);
        return;
    }
    let (worst, all) = worst.get(cx);
    let ill = worst.iter().filter(|row| row.status > Status::Healthy).count();
    let (status, why) = match worst.first() {
        Some(row) if ill > 0 => {
            (row.status, format!("{} not well", fmt::counted(ill, "service is", "services are")))
        }
        Some(row) => (row.status, row.reason.clone()),
        None => (Status::Idle, String::new()),
    };
    headline(ui, cx, status, &why);
    ui.add_space(6.0);
    ui.scope(|ui| figures(ui, cx, all));
    fold(ui, "Services", "the worst first", true, |ui| {
        for row in worst.iter().take(12) {
            let about = if row.status > Status::Healthy { row.reason.as_str() } else { "" };
            let rate = if cx.scene.traffic.value().is_some() { rate_of(row.rps) } else { "–".to_owned() };
            if thing(ui, row.status, &row.name, about, rate).clicked() {
                cx.intents
                    .send(Intent::Select(Some(Selected::Service(row.namespace.clone(), row.name.clone()))));
            }
        }
        if worst.len() > 12 {
            text::note(ui, format!("and {} more: press Ctrl K to find one", fmt::count(worst.len() - 12)));
        }
    });
    fold(ui, "Control plane", "", true, |ui| {
        proxies(ui, cx);
        fact(ui, "Namespaces", &fmt::count(mesh.namespaces().len()));
        fact(ui, "Workloads", &fmt::count(mesh.workload_count()));
        let unreadable = mesh.problems().count();
        if unreadable > 0 {
            fact(ui, "Objects with problems", &fmt::count(unreadable));
        }
    });
    kinds(ui, cx);
    ui.add_space(16.0);
    let hint = "Select a service, a version or an edge of the graph to see and change it";
    ui.label(RichText::new(format!("{}  {hint}", icon::CURSOR_CLICK)).color(Tokens::of(ui).muted));
}

fn rate_of(rps: f64) -> String {
    if rps > 0.0 { fmt::rps(rps) } else { "idle".to_owned() }
}

fn figures(ui: &mut Ui, cx: &Cx<'_>, all: &Reading) {
    match &cx.scene.traffic {
        Remote::Waiting => remote::waiting(ui, "Waiting for the first measurements"),
        Remote::Denied(trouble) => {
            if remote::denied(ui, &trouble.what, &trouble.why, &trouble.next, Some("Retry")) {
                cx.intents.send(Intent::Retry);
            }
        }
        Remote::Live(..) | Remote::Stale(..) => {
            let none = || "–".to_owned();
            let errors = all.error_percent().map_or_else(none, fmt::percent);
            let p95 = all.latency_ms(0.95).map_or_else(none, fmt::ms);
            let mtls = all.mtls_percent().map_or_else(none, fmt::percent);
            if matches!(cx.scene.traffic, Remote::Stale(..)) {
                ui.multiply_opacity(0.6);
            }
            tiles(
                ui,
                &[
                    (&fmt::rate(all.rps()), "calls / s"),
                    (&errors, "errors"),
                    (&p95, "p95"),
                    (&mtls, "mutual TLS"),
                ],
            );
        }
    }
}

/// So many proxies that are not in sync are named.
const LAGGING: usize = 5;

/// One service of the summary.
#[derive(Clone, Debug)]
struct Row {
    status: Status,
    reason: String,
    rps: f64,
    namespace: String,
    name: String,
}

/// Every service with its health, the worst first; derived when something changed.
#[derive(Default)]
pub(super) struct Worst(Memo<Of, (Vec<Row>, Reading)>);

/// What it is derived of: the mesh's revision, when traffic was measured, which namespaces are shown.
type Of = (Revision, Option<Timestamp>, Vec<String>);

impl Worst {
    fn get(&mut self, cx: &Cx<'_>) -> &(Vec<Row>, Reading) {
        let key = (cx.scene.mesh.revision(), cx.scene.traffic.at(), cx.namespaces.to_vec());
        let traffic = cx.scene.traffic.value().map(|traffic| &**traffic);
        self.0.get(key, |(_, _, namespaces)| {
            (worst(&cx.scene.mesh, traffic, namespaces), Reading::of(traffic, |_| true))
        })
    }
}

fn worst(mesh: &Mesh, traffic: Option<&Traffic>, namespaces: &[String]) -> Vec<Row> {
    // One pass over what was measured, however many services there are.
    let mut calls_in: BTreeMap<&str, Ends> = BTreeMap::new();
    let mut calls_out: BTreeMap<(&str, &str), Vec<(Protocol, &Flow)>> = BTreeMap::new();
    for (path, flow) in traffic.into_iter().flat_map(|traffic| &traffic.flows) {
        if let Some(service) = asked_for(mesh, path) {
            calls_in.entry(&service.host).or_default().add(path.protocol, flow);
        }
        calls_out
            .entry((&path.source.namespace, &path.source.workload))
            .or_default()
            .push((path.protocol, flow));
    }
    let nothing = Ends::default();
    let row = |service: &Service| {
        let workloads: Vec<&Workload> = mesh.workloads_of(service).collect();
        let mut output = Ends::default();
        let sent =
            workloads.iter().filter_map(|workload| calls_out.get(&(&*workload.namespace, &*workload.name)));
        sent.flatten().for_each(|(protocol, flow)| output.add(*protocol, flow));
        let input = calls_in.get(service.host.as_str()).unwrap_or(&nothing);
        let (health, why) =
            lens::health(input, &output, true, &judged(mesh, &workloads), &astray(mesh, service));
        let reason = reason(traffic, health, why);
        let (namespace, name) = (service.namespace.to_string(), service.name.to_string());
        // Of a gateway telemetry sees the calls that it passes on.
        let rps = if input.is_silent() { output.rps() } else { input.rps() };
        Row { status: status_of(health), reason, rps, namespace, name }
    };
    let shown = |service: &&Service| {
        namespaces.is_empty() || namespaces.iter().any(|name| **name == *service.namespace)
    };
    let mut rows: Vec<Row> = mesh.services().filter(shown).map(row).collect();
    // By health and then by name: rates would swap places while one reads.
    rows.sort_by(|a, b| {
        b.status.cmp(&a.status).then_with(|| (&a.name, &a.namespace).cmp(&(&b.name, &b.namespace)))
    });
    rows
}

fn proxies(ui: &mut Ui, cx: &Cx<'_>) {
    match &cx.scene.proxies {
        Remote::Waiting => fact(ui, "Proxies", "waiting for istiod"),
        Remote::Denied(trouble) => fact(ui, "Proxies", &trouble.what),
        Remote::Live(proxies, _) | Remote::Stale(proxies, _, _) => {
            let lagging: Vec<(&Proxy, String)> =
                proxies.iter().filter_map(|proxy| Some((proxy, proxy.lag()?))).collect();
            // Those that istiod does not know of just now are not in sync either.
            let all = cx.scene.mesh.workloads().map(|workload| workload.proxies().count()).sum::<usize>();
            let of = all.max(proxies.len());
            fact(ui, "Proxies in sync", &format!("{} / {of}", proxies.len() - lagging.len()));
            for (proxy, lag) in lagging.iter().take(LAGGING) {
                let what = format!("{} is out of sync", proxy.name);
                problem::problem(
                    ui,
                    problem::Level::Warning,
                    &what,
                    lag,
                    "Look at its log and at istiod's",
                    None,
                );
            }
            if lagging.len() > LAGGING {
                fact(ui, "Others that are not", &fmt::count(lagging.len() - LAGGING));
            }
        }
    }
}

/// Kinds that are not there, and kinds that cannot be read, each with the right that is missing.
fn kinds(ui: &mut Ui, cx: &Cx<'_>) {
    if let Some(missing) = cx.scene.not_installed() {
        fold(ui, "Not installed", "", true, |ui| {
            problem::problem(ui, problem::Level::Warning, &missing.what, &missing.why, &missing.next, None);
        });
    }
    let troubled: Vec<_> = cx
        .scene
        .kinds
        .iter()
        .filter_map(|(kind, state)| match state {
            mesh::scene::KindState::Denied(problem) | mesh::scene::KindState::Stale(problem) => {
                Some((kind, problem))
            }
            _ => None,
        })
        .collect();
    if troubled.is_empty() {
        return;
    }
    fold(ui, "Not readable", &fmt::counted(troubled.len(), "kind", "kinds"), true, |ui| {
        ui.spacing_mut().item_spacing.y = 6.0;
        for (kind, trouble) in troubled {
            let what = format!("{}: {}", kind, trouble.what);
            problem::problem(ui, problem::Level::Warning, &what, &trouble.why, &trouble.next, None);
        }
    });
}
