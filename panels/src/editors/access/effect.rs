//! What a draft would do to calls that were measured: which callers of the last minutes would be refused.

use super::super::form::Form;
use crate::kit::theme::size;
use crate::kit::{Tokens, fmt, icon, problem, window};
use egui::RichText;
use mesh::access::{May, Policies, Touched, touched};
use mesh::edit::access::{self, Policy};
use mesh::edit::policy::PolicyAt;
use mesh::plan::Plan;
use mesh::{Mesh, Object, Ref};
use std::fmt::Debug;

/// Rows that are shown.
const MOST: usize = 8;

/// The policies as they would be.
pub(super) fn after<'a>(mesh: &'a Mesh, at: &PolicyAt, wanted: Option<&Policy>) -> Option<Policies<'a>> {
    let (of, object) = outcome(mesh, at, wanted)?;
    Some(Policies::of(mesh).with(&of, object.as_ref()))
}

/// The object that a draft makes; `None` while it makes none.
fn outcome(mesh: &Mesh, at: &PolicyAt, wanted: Option<&Policy>) -> Option<(Ref, Option<Object>)> {
    let mut plan = Plan::new(mesh);
    access::plan(&mut plan, at, wanted);
    let step = plan.change().ok()??.steps.pop()?;
    Some((step.at, step.after))
}

/// Shows who is touched by a policy.
pub(super) fn show(form: &mut Form<'_>, at: &PolicyAt, wanted: Option<&Policy>) {
    shown(form, &(at, wanted), |mesh| after(mesh, at, wanted));
}

/// Shows who is touched where the policies become these; `of` tells a draft from others.
pub(super) fn shown(form: &mut Form<'_>, of: &impl Debug, after: impl Fn(&Mesh) -> Option<Policies<'_>>) {
    if !form.differs() {
        return;
    }
    let window = window::name(form.cx().measured_secs()).to_lowercase();
    let found = form.measured(&("touched", of), |mesh, traffic| {
        let after = after(mesh)?;
        Some(touched(&Policies::of(mesh), &after, traffic))
    });
    let Some(found) = found else {
        let what = "Who would be touched is not known: nothing is measured";
        problem::line(form.ui(), problem::Level::Warning, what, "", "");
        return;
    };
    let Some(found) = found else { return };
    let rows = |wanted: May| -> Vec<String> {
        let of = found.iter().filter(|one| one.now.may == wanted);
        of.map(|one: &Touched| format!("{} → {}  {} ({})", one.from, one.to, fmt::rps(one.rps), one.now.why))
            .collect()
    };
    let told = format!("Measured in the {window}");
    let listed = |rows: &[String]| {
        let more = rows.len().saturating_sub(MOST);
        let more = if more > 0 { format!("\nand {more} more") } else { String::new() };
        rows.iter().take(MOST).cloned().collect::<Vec<_>>().join("\n") + &more
    };
    for (may, what) in [
        (May::No, "These callers would be refused"),
        (May::Depends, "Some calls of these would be refused"),
        (May::Yes, "These callers would be let in"),
    ] {
        let rows = rows(may);
        let level = if may == May::Yes { problem::Level::Note } else { problem::Level::Warning };
        if !rows.is_empty() {
            problem::problem(form.ui(), level, what, &listed(&rows), &told, None);
        }
    }
    if found.is_empty() {
        let said = format!("{}  No caller of the {window} would notice", icon::CHECK_CIRCLE);
        let color = Tokens::of(form.ui()).healthy;
        form.ui().label(RichText::new(said).size(size::SECONDARY).color(color));
    }
}
