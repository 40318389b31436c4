//! What is wrong with the configuration: what does nothing, breaks calls or lets in more than it says, each
//! with why it matters, what to do, and the way to the object.

mod beside;

pub(crate) use beside::{beside, found, of as found_in};

use crate::cx::Cx;
use crate::intent::Intent;
use crate::kit::table::{self, Cell, Column, Rows};
use crate::kit::theme::{Weight, size, space};
use crate::kit::{Button, Tokens, badge, button, fmt, icon, remote, text};
use crate::panel::{About, Panel};
use crate::selection::{PanelId, Selected};
use beside::{status, word};
use egui::{Frame, Margin, ScrollArea, Ui, UiBuilder, vec2};
use mesh::check::{Check, Finding, Judged, NotMade, Severity};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

/// Name, icon, summary.
pub const ABOUT: About = About {
    name: "Problems",
    icon: egui_phosphor::regular::WARNING_DIAMOND,
    summary: "What is wrong with the configuration, why it matters and what to do",
};

/// The list of problems.
#[derive(Default)]
pub struct Problems {
    looks: Looks,
    table: table::State,
    /// What is shown in full: the check, and object and place in words.
    chosen: Option<(&'static str, String)>,
}

/// How it is looked at.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Looks {
    by_check: bool,
    only: Option<Only>,
    /// Checks that the user does not want to hear of.
    left_out: BTreeSet<String>,
}

/// Findings of one severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum Only {
    Errors,
    Warnings,
    Remarks,
}

impl Only {
    const ALL: [Self; 3] = [Self::Errors, Self::Warnings, Self::Remarks];

    fn severity(self) -> Severity {
        match self {
            Self::Errors => Severity::Error,
            Self::Warnings => Severity::Warning,
            Self::Remarks => Severity::Info,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Errors => "Errors",
            Self::Warnings => "Warnings",
            Self::Remarks => "Remarks",
        }
    }
}

/// How many errors and warnings there are in the namespaces that are shown.
pub(crate) fn counted(ui: &Ui, cx: &Cx<'_>) -> (usize, usize) {
    let Some(judged) = cx.reads.judged(ui.ctx(), cx.now) else { return (0, 0) };
    let of = |severity| shown(&judged, cx).filter(|finding| finding.severity == severity).count();
    (of(Severity::Error), of(Severity::Warning))
}

/// Those in the namespaces that are shown, and those of no namespace.
fn shown<'a>(judged: &'a Judged, cx: &Cx<'a>) -> impl Iterator<Item = &'a Finding> {
    let namespaces = cx.namespaces;
    judged.findings.iter().filter(move |finding| {
        let of = &*finding.at.namespace;
        namespaces.is_empty() || of.is_empty() || namespaces.iter().any(|name| name == of)
    })
}

const COLUMNS: &[Column] = &[
    Column::text("What", 3.6),
    Column::text("Object", 3.0),
    Column::text("Place", 1.8).spare(),
    Column::text("Check", 1.5).spare(),
];

/// The rows of the table.
struct Lines<'a> {
    all: Vec<&'a Finding>,
    by_check: bool,
}

impl Rows for Lines<'_> {
    fn len(&self) -> usize {
        self.all.len()
    }

    fn cell(&self, row: usize, column: usize) -> Cell {
        let Some(finding) = self.all.get(row) else { return Cell::default() };
        match column {
            0 => Cell { status: Some(status(finding.severity)), ..Cell::text(finding.what.clone()) },
            1 => Cell::text(finding.at.to_string()),
            2 => Cell::text(finding.path.clone()),
            _ => Cell::text(finding.check.name),
        }
    }

    fn group(&self, row: usize) -> Option<&str> {
        let finding = self.all.get(row)?;
        self.by_check.then_some(finding.check.what)
    }

    fn name(&self, row: usize) -> Option<String> {
        let finding = self.all.get(row)?;
        Some(format!("{}: {}, {}", word(finding.severity), finding.at, finding.what))
    }
}

impl Panel for Problems {
    fn ui(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let Some(judged) = cx.reads.judged_closely(ui.ctx(), cx.now) else {
            return remote::waiting(ui, "The configuration is being judged");
        };
        let here: Vec<&Finding> = shown(&judged, cx).collect();
        let lines = Lines { all: self.wanted(&here), by_check: self.looks.by_check };
        let place = self.chosen.as_ref().and_then(|(check, words)| {
            lines.all.iter().position(|one| one.check.name == *check && of(one) == *words)
        });
        let all = ui.available_rect_before_wrap();
        let height = place.map_or(0.0, |_| (all.height() * 0.36).clamp(120.0, 240.0));
        let (list, below) = all.split_top_bottom_at_y((all.bottom() - height).max(all.top()));
        let mut above = ui.new_child(UiBuilder::new().max_rect(list));
        Frame::new().inner_margin(Margin::same(space::L as i8)).show(&mut above, |ui| {
            self.head(ui, &here, &judged.not_made);
            if lines.all.is_empty() {
                return self.nothing(ui, &here, &judged.not_made);
            }
            ui.add_space(4.0);
            let revision = revision(&judged, &self.looks, cx.namespaces);
            let done = table::table(ui, "problems", &mut self.table, COLUMNS, &lines, revision, place);
            if let Some(finding) = done.clicked.and_then(|row| lines.all.get(row)) {
                self.chosen = Some((finding.check.name, of(finding)));
            }
            if let Some(csv) = done.csv {
                cx.intents.send(Intent::Copy(csv, "Problems as CSV".to_owned()));
            }
        });
        if let Some(finding) = place.and_then(|place| lines.all.get(place)) {
            ui.painter().hline(below.x_range(), below.top(), Tokens::of(ui).hairline());
            let mut below = ui.new_child(UiBuilder::new().max_rect(below.shrink2(vec2(space::M, 2.0))));
            ScrollArea::vertical().id_salt("what is chosen").auto_shrink([false, false]).show(
                &mut below,
                |ui| {
                    Frame::new()
                        .inner_margin(Margin::same(space::M as i8))
                        .show(ui, |ui| self.card(ui, cx, finding));
                },
            );
        }
    }

    fn kept(&self) -> Option<serde_json::Value> {
        serde_json::to_value(&self.looks).ok()
    }

    fn recall(&mut self, kept: serde_json::Value) {
        self.looks = serde_json::from_value(kept).unwrap_or_default();
    }
}

/// Object and place, by which a finding is known again.
fn of(finding: &Finding) -> String {
    format!("{} {}", finding.at, finding.path)
}

/// Changes with the rows.
fn revision(judged: &Arc<Judged>, looks: &Looks, namespaces: &[String]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (Arc::as_ptr(judged) as usize, looks.by_check, looks.only, &looks.left_out, namespaces).hash(&mut hasher);
    hasher.finish()
}

impl Problems {
    /// Those that the user wants to see.
    fn wanted<'a>(&self, here: &[&'a Finding]) -> Vec<&'a Finding> {
        let wanted = |finding: &&&Finding| {
            self.looks.only.is_none_or(|only| only.severity() == finding.severity)
                && !self.looks.left_out.contains(finding.check.name)
        };
        here.iter().filter(wanted).copied().collect()
    }

    fn head(&mut self, ui: &mut Ui, here: &[&Finding], not_made: &[NotMade]) {
        let looks = &mut self.looks;
        let told = |severity: Severity| {
            let of = here.iter().filter(|one| one.severity == severity);
            of.filter(|one| !looks.left_out.contains(one.check.name)).count()
        };
        let counts = Only::ALL.map(|only| told(only.severity()));
        ui.horizontal_wrapped(|ui| {
            text::title(ui, ABOUT.name);
            let words = [("error", "errors"), ("warning", "warnings"), ("remark", "remarks")];
            for (count, (one, many)) in counts.into_iter().zip(words) {
                text::muted(ui, fmt::counted(count, one, many));
            }
        });
        ui.horizontal_wrapped(|ui| {
            if ui.add(Button::quiet("By check").selected(looks.by_check)).clicked() {
                looks.by_check = !looks.by_check;
            }
            button::menu(ui, looks.only.map_or("All", Only::name), "Which problems", |ui| {
                if button::choice(ui, looks.only.is_none(), "All") {
                    looks.only = None;
                    ui.close();
                }
                for only in Only::ALL {
                    if button::choice(ui, looks.only == Some(only), only.name()) {
                        looks.only = Some(only);
                        ui.close();
                    }
                }
            });
            if !looks.left_out.is_empty() {
                let words = format!("{} left out", fmt::counted(looks.left_out.len(), "check", "checks"));
                button::menu(ui, &words, "Checks that are left out", |ui| {
                    for name in looks.left_out.clone() {
                        if button::choice(ui, true, &name) {
                            looks.left_out.remove(&name);
                        }
                    }
                });
            }
            if !not_made.is_empty() {
                let words = format!("{} not made", fmt::counted(not_made.len(), "check", "checks"));
                text::muted(ui, words).on_hover_ui(|ui| unmade(ui, not_made));
            }
        });
    }

    fn nothing(&self, ui: &mut Ui, here: &[&Finding], not_made: &[NotMade]) {
        let many = mesh::check::checks().count() - not_made.len();
        let (what, how) = match here.is_empty() {
            true => (
                "No problem was found",
                format!(
                    "{} were made, and are made again with every change.",
                    fmt::counted(many, "check", "checks")
                ),
            ),
            false => (
                "No problem of this kind",
                format!(
                    "{} are not shown as it is looked at now.",
                    fmt::counted(here.len(), "problem", "problems")
                ),
            ),
        };
        remote::empty(ui, icon::CHECK, what, &how, None);
    }

    fn card(&mut self, ui: &mut Ui, cx: &Cx<'_>, finding: &Finding) {
        let Finding { check, at, path, what, severity, fix } = finding;
        let tokens = Tokens::of(ui);
        ui.horizontal_wrapped(|ui| {
            badge::said(ui, status(*severity), word(*severity), check.what);
            let title = text::rich(ui, what, size::TEXT, Weight::Semibold).color(tokens.text);
            ui.label(title);
        });
        ui.label(check.why);
        ui.label(check.next);
        ui.horizontal_wrapped(|ui| {
            text::mono(ui, at.to_string());
            if !path.is_empty() {
                text::mono(ui, path);
            }
            text::muted(ui, known(check));
        });
        ui.horizontal_wrapped(|ui| {
            if let Some(fix) = fix.as_ref().filter(|_| at.kind.editable) {
                let named = format!("{}, in {at}", fix.says);
                if ui.add(Button::primary(&*fix.says).named(named)).clicked() {
                    cx.intents.send(Intent::Mend(at.clone(), fix.clone()));
                }
            }
            let named = format!("Open {at}");
            let open = if fix.is_some() {
                Button::quiet("Open the object")
            } else {
                Button::primary("Open the object")
            };
            if ui.add(open.named(named)).clicked() {
                cx.intents.send(Intent::Open(PanelId::Objects));
                cx.intents.send(Intent::Select(Some(Selected::Object(at.clone()))));
            }
            if ui.add(Button::quiet("Copy").with_icon(icon::COPY)).clicked() {
                let text = format!("{at} {path}: {what}\n{} {}\n{}", check.why, check.next, known(check));
                cx.intents.send(Intent::Copy(text, "The problem".to_owned()));
            }
            let leave = Button::quiet("Leave this check out").named(format!("Leave out {}", check.name));
            if ui.add(leave).on_hover_text(check.what).clicked() {
                self.looks.left_out.insert(check.name.to_owned());
            }
        });
    }
}

/// "SubsetNotFound, IST0101, KIA1107".
fn known(check: &Check) -> String {
    std::iter::once(&check.name).chain(check.codes).copied().collect::<Vec<_>>().join(", ")
}

/// Checks that could not be made, with the reason.
fn unmade(ui: &mut Ui, not_made: &[NotMade]) {
    let mut told: Vec<(String, Vec<&str>)> = Vec::new();
    for one in not_made {
        let why = one.why.to_string();
        match told.iter_mut().find(|(other, _)| *other == why) {
            Some((_, names)) => names.push(one.check.name),
            None => told.push((why, vec![one.check.name])),
        }
    }
    for (why, names) in told {
        ui.label(format!("{}\n{}", why, names.join(", ")));
    }
}
