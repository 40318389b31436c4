//! The mesh as a whole, while nothing is selected: how it is, what is worst, and what is known of it.

use super::rows::{fact, fold, thing};
use super::sums::Sum;
use super::{View, status_of};
use crate::Cx;
use crate::intent::Intent;
use crate::kit::{Status, Tokens, badge, fmt, icon, problem, remote, text, tiles};
use crate::selection::Selected;
use egui::{RichText, Ui};
use mesh::scene::SyncState;
use mesh::{Mesh, Remote};

pub(super) fn ui(ui: &mut Ui, cx: &Cx<'_>) {
    let mesh = &cx.scene.mesh;
    ui.add_space(6.0);
    text::muted(ui, if cx.scene.sandbox { "Mesh · sandbox on this machine" } else { "Mesh" });
    text::title(ui, &cx.scene.context);
    if mesh.services.is_empty() && mesh.workloads.is_empty() {
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
    let worst = worst(cx, mesh);
    let ill = worst.iter().filter(|(status, _, _)| *status > Status::Healthy).count();
    let (status, why) = match worst.first() {
        Some((status @ (Status::Degraded | Status::Failing), _, _)) => {
            (*status, format!("{} not well", fmt::counted(ill, "service is", "services are")))
        }
        Some((Status::Healthy, _, _)) => (Status::Healthy, "all calls succeed".to_owned()),
        Some((_, _, view)) => (Status::Idle, view.reason.clone()),
        None => (Status::Idle, String::new()),
    };
    badge::status(ui, status, &why);
    ui.add_space(6.0);
    figures(ui, cx);
    fold(ui, "Services", "the worst first", true, |ui| {
        for (status, selected, view) in worst.iter().take(12) {
            let about = if *status > Status::Healthy { view.reason.as_str() } else { "" };
            let rate = if cx.scene.traffic.value().is_some() { fmt::rps(view.figures.rps) } else { "–".to_owned() };
            if thing(ui, *status, &view.title, about, rate).clicked() {
                cx.intents.send(Intent::Select(Some(selected.clone())));
            }
        }
    });
    fold(ui, "Control plane", "", true, |ui| {
        proxies(ui, cx);
        fact(ui, "Namespaces", &fmt::count(mesh.namespaces.len()));
        fact(ui, "Workloads", &fmt::count(mesh.workloads.len()));
        let unreadable = mesh.problems.len();
        if unreadable > 0 {
            fact(ui, "Objects with problems", &fmt::count(unreadable));
        }
    });
    kinds(ui, cx);
    ui.add_space(16.0);
    let hint = "Select a service, a version or an edge of the graph to see and change it";
    ui.label(RichText::new(format!("{}  {hint}", icon::CURSOR_CLICK)).color(Tokens::of(ui).muted));
}

fn figures(ui: &mut Ui, cx: &Cx<'_>) {
    let traffic = cx.scene.traffic.value().map(|traffic| &**traffic);
    match &cx.scene.traffic {
        Remote::Waiting => remote::waiting(ui, "Waiting for the first measurements"),
        Remote::Denied(trouble) => {
            if remote::denied(ui, &trouble.what, &trouble.why, &trouble.next, Some("Retry")) {
                cx.intents.send(Intent::Retry);
            }
        }
        Remote::Live(..) | Remote::Stale(..) => {
            if let Remote::Stale(_, at, trouble) = &cx.scene.traffic {
                remote::stale(ui, &fmt::ago(cx.now, *at), &trouble.what, &trouble.why, &trouble.next);
            }
            let all = Sum::of(traffic, |_| true);
            let none = || "–".to_owned();
            let errors = all.error_percent().map_or_else(none, fmt::percent);
            let p95 = all.p95_ms.map_or_else(none, fmt::ms);
            let mtls = all.mtls_percent().map_or_else(none, fmt::percent);
            tiles(ui, &[(&fmt::rate(all.rps), "calls / s"), (&errors, "errors"), (&p95, "p95, worst"), (&mtls, "mutual TLS")]);
        }
    }
}

/// Every service with its health, the worst and busiest first.
fn worst(cx: &Cx<'_>, mesh: &Mesh) -> Vec<(Status, Selected, View)> {
    let traffic = cx.scene.traffic.value().map(|traffic| &**traffic);
    let shown = |namespace: &str| cx.namespaces.is_empty() || cx.namespaces.iter().any(|name| name == namespace);
    // A mesh of thousands is not looked through here in every frame: the graph and the search are for that.
    let services = mesh.services.values().filter(|service| shown(&service.namespace)).take(200);
    let mut all: Vec<(Status, Selected, View)> = services
        .filter_map(|service| {
            let selected = Selected::Service(service.namespace.to_string(), service.name.to_string());
            let view = View::of(mesh, traffic, &selected)?;
            Some((status_of(view.health), selected, view))
        })
        .collect();
    all.sort_by(|(a, _, left), (b, _, right)| b.cmp(a).then(right.figures.rps.total_cmp(&left.figures.rps)));
    all
}

fn proxies(ui: &mut Ui, cx: &Cx<'_>) {
    match &cx.scene.proxies {
        Remote::Waiting => fact(ui, "Proxies", "waiting for istiod"),
        Remote::Denied(trouble) => fact(ui, "Proxies", &trouble.what),
        Remote::Live(proxies, _) | Remote::Stale(proxies, _, _) => {
            let synced = |state: &SyncState| matches!(state, SyncState::Synced | SyncState::NotSent);
            let in_sync = proxies.iter().filter(|proxy| proxy.types.values().all(synced)).count();
            fact(ui, "Proxies in sync", &format!("{in_sync} / {}", proxies.len()));
            let nacks =
                proxies.iter().filter(|proxy| proxy.types.values().any(|state| matches!(state, SyncState::Nacked(_)))).count();
            if nacks > 0 {
                fact(ui, "Proxies that refuse their configuration", &fmt::count(nacks));
            }
        }
    }
}

/// Kinds that cannot be read, each with the right that is missing.
fn kinds(ui: &mut Ui, cx: &Cx<'_>) {
    let troubled: Vec<_> = cx
        .scene
        .kinds
        .iter()
        .filter_map(|(kind, state)| match state {
            mesh::scene::KindState::Denied(problem) | mesh::scene::KindState::Stale(problem) => Some((kind, problem)),
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
