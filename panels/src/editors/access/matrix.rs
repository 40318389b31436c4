//! Who may call whom, as a table as narrow as the panel: callers below each other, the called side by side.

use super::super::form::Form;
use super::super::pairs::{self, Pairs};
use super::effect;
use crate::kit::grid::{self, Cell};
use crate::kit::theme::Tokens;
use crate::kit::{icon, text};
use egui::{Color32, Ui};
use mesh::access::{Matrix, May, Policies, matrix};
use mesh::edit::Scope;
use mesh::edit::access::Policy;
use mesh::edit::policy::PolicyAt;
use mesh::{Mesh, Workload};
use std::collections::BTreeSet;

/// What is shown: as it is, as it would be, and how many callers and called there are besides.
#[derive(Clone, Default)]
struct Shown {
    now: Matrix,
    would: Option<Matrix>,
    more: (usize, usize),
}

/// Shows it, with the draft in force.
pub(super) fn show(form: &mut Form<'_>, at: &PolicyAt, wanted: Option<&Policy>) {
    let differs = form.differs();
    let namespace = at.near().unwrap_or_default().to_owned();
    let subject = form.subject().to_owned();
    let columns = grid::columns(form.ui());
    let key = ("matrix", &subject, at, wanted, differs, columns);
    let shown = form.known(&key, |mesh| {
        let place = place(mesh, &subject, at, &namespace);
        let about = Pairs::of(mesh, &place, |workload| is_own(workload, &subject, at), columns);
        let of = |policies: &Policies<'_>| matrix(policies, &about.callers, &about.called);
        Shown {
            now: of(&Policies::of(mesh)),
            would: differs.then(|| effect::after(mesh, at, wanted)).flatten().map(|after| of(&after)),
            more: about.more,
        }
    });
    if shown.now.called.is_empty() {
        return;
    }
    let ui = form.ui();
    ui.add_space(4.0);
    ui.horizontal(|ui| {
        text::strong(ui, "Who may call whom");
        text::muted(ui, if shown.would.is_some() { "as it would be" } else { "as it is" });
    });
    draw(ui, &shown);
    pairs::rest(ui, shown.more);
}

/// Where the workloads are that stand in the table: the scope's namespace, else the subject's.
fn place(mesh: &Mesh, subject: &str, at: &PolicyAt, namespace: &str) -> String {
    match at {
        PolicyAt::Of(at) if &*at.namespace != mesh.root_namespace() => at.namespace.to_string(),
        _ if !namespace.is_empty() => namespace.to_owned(),
        _ => {
            let mut own = mesh.workloads().filter(|workload| is_own(workload, subject, at));
            own.next().map(|one| one.namespace.to_string()).unwrap_or_default()
        }
    }
}

fn is_own(workload: &Workload, subject: &str, at: &PolicyAt) -> bool {
    workload.app == subject
        || matches!(at, PolicyAt::New(Scope::Workload(_, name)) if *workload.name == **name)
}

/// How an answer is drawn.
fn face(tokens: &Tokens, may: May) -> (&'static str, Color32) {
    match may {
        May::Yes => (icon::CHECK, tokens.healthy),
        May::No => (icon::X, tokens.failing),
        May::Depends => (icon::TILDE, tokens.degraded),
        May::Unknown => (icon::QUESTION, tokens.muted),
    }
}

fn draw(ui: &mut Ui, shown: &Shown) {
    let matrix = shown.would.as_ref().unwrap_or(&shown.now);
    let tokens = Tokens::of(ui);
    let heads: Vec<String> = matrix.called.iter().map(|(_, name)| name.clone()).collect();
    let row = |(line, row): (usize, &mesh::access::Row)| {
        let cell = |(index, answer): (usize, &mesh::access::Answer)| {
            let was = shown.now.rows.get(line).and_then(|row| row.may.get(index));
            Cell {
                face: face(tokens, answer.may),
                changed: was.is_some_and(|was| was.may != answer.may),
                same: matrix.called.get(index) == Some(&row.caller),
                why: answer.why.clone(),
            }
        };
        (row.caller.1.clone(), row.may.iter().enumerate().map(cell).collect(), said(matrix, line))
    };
    let rows: Vec<_> = matrix.rows.iter().enumerate().map(row).collect();
    grid::show(ui, &heads, &rows);
}

/// A row in words: "details-v1 may call reviews-v1; not ratings-v1".
fn said(matrix: &Matrix, line: usize) -> String {
    let Some(row) = matrix.rows.get(line) else { return String::new() };
    let of = |may: May| -> String {
        let fits = row.may.iter().zip(&matrix.called).filter(|(answer, _)| answer.may == may);
        let names: BTreeSet<&str> = fits.map(|(_, (_, name))| name.as_str()).collect();
        names.into_iter().collect::<Vec<_>>().join(", ")
    };
    let parts = [
        ("may call", May::Yes),
        ("may not call", May::No),
        ("may make some calls to", May::Depends),
        ("not known for", May::Unknown),
    ];
    let parts = parts.map(|(word, may)| (word, of(may)));
    let said: Vec<String> = parts
        .iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(word, names)| format!("{word} {names}"))
        .collect();
    format!("{} {}", row.caller.1, said.join("; "))
}
