//! Who may call whom, as a table as narrow as the panel: callers below each other, the called side by side.

use super::super::form::Form;
use super::effect;
use crate::kit::theme::{Tokens, size};
use crate::kit::{icon, text};
use egui::epaint::TextShape;
use egui::{Align2, Color32, FontId, Sense, Ui, WidgetInfo, WidgetType, pos2, vec2};
use mesh::access::{Matrix, May, Policies, matrix};
use mesh::edit::Scope;
use mesh::edit::access::Policy;
use mesh::edit::policy::PolicyAt;
use mesh::{Mesh, Workload};
use std::collections::BTreeSet;

/// Rows at most; more are told.
const ROWS: usize = 20;
const CELL: f32 = 20.0;
const NAMES: f32 = 118.0;
const HEAD: f32 = 84.0;

/// What is shown: as it is, as it would be, and how many callers and called there are.
#[derive(Clone, Default)]
struct Shown {
    now: Matrix,
    would: Option<Matrix>,
    callers: usize,
    called: usize,
}

/// Shows it, with the draft in force.
pub(super) fn show(form: &mut Form<'_>, at: &PolicyAt, wanted: Option<&Policy>) {
    let differs = form.differs();
    let namespace = match at {
        PolicyAt::New(Scope::Namespace(of) | Scope::Workload(of, _)) => of.clone(),
        PolicyAt::New(Scope::Mesh) | PolicyAt::Of(_) => String::new(),
    };
    let subject = form.subject().to_owned();
    let columns = ((form.ui().available_width() - NAMES) / CELL).floor().max(1.0) as usize;
    let key = ("matrix", &subject, at, wanted, differs, columns);
    let shown = form.known(&key, |mesh| {
        let about = About::of(mesh, &subject, at, &namespace, columns);
        let of = |policies: &Policies<'_>| matrix(policies, &about.callers, &about.called);
        Shown {
            now: of(&Policies::of(mesh)),
            would: differs.then(|| effect::after(mesh, at, wanted)).flatten().map(|after| of(&after)),
            callers: about.all_callers,
            called: about.all_called,
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
    let more =
        |all: usize, here: usize, what: &str| (all > here).then(|| format!("{} more {what}", all - here));
    let rest: Vec<String> = [
        more(shown.callers, shown.now.rows.len(), "callers"),
        more(shown.called, shown.now.called.len(), "called"),
    ]
    .into_iter()
    .flatten()
    .collect();
    if !rest.is_empty() {
        text::note(ui, format!("and {}: select them to see theirs", rest.join(", ")));
    }
}

/// Who stands in the table.
struct About<'a> {
    callers: Vec<&'a Workload>,
    called: Vec<&'a Workload>,
    all_callers: usize,
    all_called: usize,
}

impl<'a> About<'a> {
    /// The workloads of the subject's namespace, its own first; of callers the gateways too.
    fn of(mesh: &'a Mesh, subject: &str, at: &PolicyAt, namespace: &str, columns: usize) -> Self {
        let own = |workload: &&Workload| {
            workload.app == subject
                || matches!(at, PolicyAt::New(Scope::Workload(_, name)) if *workload.name == **name)
        };
        let place = match at {
            PolicyAt::Of(at) if &*at.namespace != mesh.root_namespace() => at.namespace.to_string(),
            _ if !namespace.is_empty() => namespace.to_owned(),
            _ => mesh.workloads().find(own).map(|one| one.namespace.to_string()).unwrap_or_default(),
        };
        let mut called: Vec<&Workload> =
            mesh.workloads().filter(|one| *one.namespace == *place && !one.gateway).collect();
        let mut callers: Vec<&Workload> =
            mesh.workloads().filter(|one| *one.namespace == *place || one.gateway).collect();
        called.sort_by_key(|one| !own(one));
        callers.sort_by_key(|one| !one.gateway);
        let (all_callers, all_called) = (callers.len(), called.len());
        callers.truncate(ROWS);
        called.truncate(columns);
        Self { callers, called, all_callers, all_called }
    }
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
    let width = NAMES + CELL * matrix.called.len() as f32;
    ui.spacing_mut().item_spacing.y = 0.0;
    let (rect, _) = ui.allocate_exact_size(vec2(width, HEAD), Sense::hover());
    let font = FontId::proportional(size::NOTE);
    for (index, (_, name)) in matrix.called.iter().enumerate() {
        let shown = text::middle(ui, name, &font, HEAD - 4.0);
        let galley = ui.painter().layout_no_wrap(shown, font.clone(), tokens.muted);
        let left = rect.left() + NAMES + CELL * index as f32 + (CELL - galley.size().y) / 2.0;
        let shape = TextShape::new(pos2(left, rect.bottom() - 2.0), galley, tokens.muted);
        ui.painter().add(shape.with_angle(-std::f32::consts::FRAC_PI_2));
    }
    for (line, row) in matrix.rows.iter().enumerate() {
        let (rect, response) = ui.allocate_exact_size(vec2(width, CELL), Sense::hover());
        let painter = ui.painter();
        painter.hline(rect.x_range(), rect.top(), tokens.hairline());
        let name = text::middle(ui, &row.caller.1, &font, NAMES - 6.0);
        painter.text(rect.left_center(), Align2::LEFT_CENTER, name, font.clone(), tokens.text);
        for (index, answer) in row.may.iter().enumerate() {
            let center = pos2(rect.left() + NAMES + CELL * (index as f32 + 0.5), rect.center().y);
            let was = shown.now.rows.get(line).and_then(|row| row.may.get(index));
            let (symbol, color) = face(tokens, answer.may);
            if was.is_some_and(|was| was.may != answer.may) {
                let cell = egui::Rect::from_center_size(center, vec2(CELL - 3.0, CELL - 3.0));
                painter.rect_filled(cell, 4.0, tokens.tint(tokens.accent));
            }
            let same = matrix.called.get(index) == Some(&row.caller);
            let color = if same { tokens.faint } else { color };
            painter.text(center, Align2::CENTER_CENTER, symbol, FontId::proportional(14.0), color);
        }
        response.widget_info(|| WidgetInfo::labeled(WidgetType::Label, true, said(matrix, line)));
        let column = response.hover_pos().map(|at| ((at.x - rect.left() - NAMES) / CELL).floor());
        let under = column.filter(|column| *column >= 0.0).map(|column| column as usize);
        if let Some((answer, called)) = under.and_then(|at| Some((row.may.get(at)?, matrix.called.get(at)?)))
        {
            response.on_hover_text_at_pointer(format!("{} → {}: {}", row.caller.1, called.1, answer.why));
        }
    }
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
