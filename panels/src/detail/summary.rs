//! The mesh as a whole, while nothing is selected: how it is, what is worst, and what is known of it.

use super::headline::{headline, health_of};
use super::rows::{fact, fold, thing};
use super::view::reason;
use crate::condition::{self, Row};
use crate::cx::Cx;
use crate::figures::Figures;
use crate::intent::Intent;
use crate::kit::{Button, Status, Tokens, fmt, icon, problem, remote, text, tiles};
use egui::{RichText, Ui};
use mesh::Remote;
use mesh::charts::Board;
use mesh::scene::Proxy;

pub(super) fn ui(ui: &mut Ui, cx: &Cx<'_>) {
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
    let told = cx.traffic();
    let traffic = told.value().map(|traffic| &**traffic);
    let whole = condition::then(ui, cx).unwrap_or_default();
    let rows = &whole.rows;
    let shown =
        |row: &&Row| cx.namespaces.is_empty() || cx.namespaces.iter().any(|name| **name == *row.namespace);
    let ill = |row: &&Row| row.status > Status::Healthy;
    let (status, why) = match rows.first() {
        Some(row) if ill(&row) => {
            let hidden = rows.iter().filter(ill).filter(|row| !shown(row)).count();
            let hidden = match hidden {
                0 => String::new(),
                hidden => format!(", {} of them in other namespaces", fmt::count(hidden)),
            };
            (row.status, condition::words(rows) + &hidden)
        }
        Some(row) => (row.status, reason(traffic, health_of(row.status), String::new())),
        None => (Status::Idle, String::new()),
    };
    headline(ui, cx, status, &why);
    ui.add_space(6.0);
    ui.scope(|ui| figures(ui, cx, whole.all.as_ref()));
    let listed: Vec<&Row> = rows.iter().filter(shown).collect();
    fold(ui, "Services", "the worst first", true, |ui| {
        for row in listed.iter().take(12) {
            let about = if ill(row) { row.reason.as_str() } else { "" };
            let rate = if traffic.is_some() { rate_of(row.rps) } else { "–".to_owned() };
            if thing(ui, row.status, &row.name, about, rate).clicked() {
                cx.intents.send(Intent::Select(Some(row.selected.clone())));
            }
        }
        if listed.len() > 12 {
            text::note(ui, format!("and {} more: press Ctrl K to find one", fmt::count(listed.len() - 12)));
        }
    });
    fold(ui, "Control plane", "", true, |ui| {
        proxies(ui, cx);
        ui.horizontal_wrapped(|ui| {
            for board in Board::ALL.into_iter().filter(|board| board.is_of_mesh()) {
                let named = format!("Charts: {}", board.name());
                let open = Button::bare(board.name()).with_icon(icon::CHART_LINE).named(named);
                if ui.add(open).clicked() {
                    cx.intents.send(Intent::ChartsOf(board));
                }
            }
        });
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

fn figures(ui: &mut Ui, cx: &Cx<'_>, all: Option<&Figures>) {
    let told = cx.traffic();
    match &told {
        Remote::Waiting => remote::waiting(ui, "Waiting for the first measurements"),
        Remote::Denied(trouble) => {
            if remote::denied(ui, &trouble.what, &trouble.why, &trouble.next, Some("Retry")) {
                cx.intents.send(Intent::Retry);
            }
        }
        Remote::Live(..) | Remote::Stale(..) => {
            let none = || "–".to_owned();
            // Many are counted beside the window's thread.
            let Some(all) = all else { return remote::waiting(ui, "Counting") };
            let errors = all.error_percent.map_or_else(none, fmt::percent);
            let p95 = all.p95_ms.map_or_else(none, fmt::ms);
            let mtls = all.mtls_percent.map_or_else(none, fmt::percent);
            if matches!(told, Remote::Stale(..)) {
                ui.multiply_opacity(0.6);
            }
            tiles(
                ui,
                &[
                    (&fmt::rate(all.rps), "calls / s"),
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
                let next = "Look at what it holds, and at istiod's log";
                let look = Some("Look inside");
                if problem::problem(ui, problem::Level::Warning, &what, lag, next, look) {
                    cx.intents.send(Intent::ProxyOf(proxy.name.clone()));
                }
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
