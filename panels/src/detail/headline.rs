//! How something is, in a word, with its reason.

use crate::cx::Cx;
use crate::kit::{Status, badge, fmt};
use egui::Ui;
use mesh::Remote;
use mesh::graph::Health;

/// The health of the model as a mark.
pub(super) fn status_of(health: Health) -> Status {
    match health {
        Health::Idle => Status::Idle,
        Health::Healthy => Status::Healthy,
        Health::Degraded => Status::Degraded,
        Health::Failing => Status::Failing,
    }
}

/// What a mark means.
pub(super) fn health_of(status: Status) -> Health {
    match status {
        Status::Idle => Health::Idle,
        Status::Healthy => Health::Healthy,
        Status::Degraded => Health::Degraded,
        Status::Failing => Health::Failing,
    }
}

/// How it is; as of when, where that is not now. It takes the same room whether it is old or not, so that
/// what stands below never jumps.
pub(super) fn headline(ui: &mut Ui, cx: &Cx<'_>, status: Status, reason: &str) {
    match &cx.scene.traffic {
        Remote::Stale(_, at, trouble) => {
            let reason = format!("{reason} · as of {}", fmt::ago(cx.now, *at));
            let said = ui.scope(|ui| {
                ui.multiply_opacity(0.6);
                badge::status(ui, status, &reason)
            });
            said.inner.on_hover_text(trouble.to_string());
        }
        traffic if traffic.value().is_none() && status == Status::Idle => {
            badge::said(ui, status, "Not measured", "");
        }
        _ => {
            badge::status(ui, status, reason);
        }
    }
}
