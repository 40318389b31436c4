//! How something is, in a word, with its reason.

use crate::cx::Cx;
use crate::kit::theme::{Weight, family, size};
use crate::kit::{Status, badge, fmt, text};
use egui::text::{LayoutJob, TextFormat};
use egui::{Color32, FontId, Ui};
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
    let when = |age: &str| format!("{reason} · as of {age}");
    let below = match &cx.traffic() {
        Remote::Stale(_, at, trouble) => {
            let reason = when(&fmt::ago(cx.now, *at));
            let said = ui.scope(|ui| {
                ui.multiply_opacity(0.6);
                badge::status(ui, status, &reason)
            });
            said.inner.on_hover_text(trouble.to_string());
            return;
        }
        traffic if traffic.value().is_none() && status == Status::Idle => {
            badge::said(ui, status, "Not measured", "");
            return;
        }
        _ => {
            // A reason of live calls becomes longer and shorter: two lines are always its own.
            let room = lines(ui, status, &when("59 s ago")).max(lines(ui, status, "\n"));
            room - lines(ui, status, reason)
        }
    };
    badge::status(ui, status, reason);
    ui.add_space(below.max(0.0));
}

/// How high the lines of a reason are behind its mark and word.
fn lines(ui: &Ui, status: Status, reason: &str) -> f32 {
    let before = 12.0 + 6.0 + text::width(ui, status.word(), &medium(ui)) + 6.0;
    let mut job = LayoutJob::default();
    let format = TextFormat::simple(FontId::proportional(size::SECONDARY), Color32::WHITE);
    job.append(reason, before, format);
    job.wrap.max_width = ui.available_width();
    ui.painter().layout_job(job).size().y
}

fn medium(ui: &Ui) -> FontId {
    FontId::new(size::TEXT, family(ui.ctx(), Weight::Medium))
}
