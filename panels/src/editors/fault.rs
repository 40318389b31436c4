//! Fault: makes calls of a service wait or fail on purpose, all of them or those with a header.

use super::{Draft, Gesture, Kept, Standing, gone, label};
use crate::detail::subject::{Subject, aimed_at};
use crate::detail::sums::Sum;
use crate::kit::theme::size;
use crate::kit::{Button, Tokens, field, fmt, text};
use crate::selection::Selected;
use crate::{About, Cx};
use egui::{DragValue, RichText, Ui, WidgetInfo, vec2};
use egui_phosphor::regular as icon;
use mesh::edit::{self, FaultSpec, HeaderIs, RuleAt};
use mesh::{Change, Mesh, Problem, Service};

/// Name, icon, summary.
pub const ABOUT: About = About {
    name: "Fault",
    icon: icon::LIGHTNING,
    summary: "Make calls wait or fail on purpose, to see how their callers take it",
};

/// Offered for services that speak HTTP, and for whatever stands behind one.
pub fn open(mesh: &Mesh, selected: &Selected) -> Option<Box<dyn Draft>> {
    let service = Subject::of(mesh, selected)?.service?;
    let rules: Vec<Rule> = edit::rules(mesh, service).into_iter().filter(|rule| rule.locked.is_none()).map(Rule::new).collect();
    let last = rules.len().checked_sub(1)?;
    let faulty = rules.iter().position(|rule| !rule.kept.base().is_none());
    let all = rules.iter().position(|rule| matches!(rule.words.as_str(), "all calls" | "all other calls"));
    Some(Box::new(FaultDraft {
        id: format!("fault of {}/{}", service.namespace, service.name),
        namespace: service.namespace.to_string(),
        name: service.name.to_string(),
        chosen: faulty.or(all).unwrap_or(last),
        rules,
        only: Kept::new((HeaderIs::default(), FaultSpec::default())),
    }))
}

struct FaultDraft {
    id: String,
    namespace: String,
    name: String,
    rules: Vec<Rule>,
    /// A rule, or behind the last one: a rule of its own for calls with a header.
    chosen: usize,
    only: Kept<(HeaderIs, FaultSpec)>,
}

struct Rule {
    at: RuleAt,
    words: String,
    kept: Kept<FaultSpec>,
}

impl Rule {
    fn new(rule: edit::Rule) -> Self {
        Self { at: rule.at, words: rule.words, kept: Kept::new(rule.fault) }
    }
}

impl FaultDraft {
    fn service<'a>(&self, mesh: &'a Mesh) -> Option<&'a Service> {
        mesh.services.get(&(self.namespace.as_str().into(), self.name.as_str().into()))
    }
    /// The rule that a rule for calls with a header is made of: the one that takes all other calls.
    fn model(&self) -> Option<&Rule> {
        let all = self.rules.iter().find(|rule| matches!(rule.words.as_str(), "all calls" | "all other calls"));
        all.or_else(|| self.rules.last())
    }
    fn spec(&mut self) -> &mut FaultSpec {
        match self.rules.get_mut(self.chosen) {
            Some(rule) => &mut rule.kept.wanted,
            None => &mut self.only.wanted.1,
        }
    }
    fn chosen_standing(&self) -> Standing {
        self.rules.get(self.chosen).map_or_else(|| self.only.standing(), |rule| rule.kept.standing())
    }
}

impl Draft for FaultDraft {
    fn ui(&mut self, ui: &mut Ui, cx: &Cx<'_>) -> Gesture {
        let mut gesture = Gesture::Rest;
        ui.horizontal(|ui| {
            label(ui, "For");
            let mut options: Vec<&str> = self.rules.iter().map(|rule| rule.words.as_str()).collect();
            options.push("calls with a header…");
            if let Some(chosen) = field::choose(ui, "fault calls", &options, self.chosen) {
                self.chosen = chosen;
            }
        });
        if self.chosen >= self.rules.len() {
            gesture.and(header(ui, &mut self.only.wanted.0));
        }
        let spec = self.spec();
        gesture.and(delay(ui, spec));
        gesture.and(abort(ui, spec));
        let (nothing, differs) = (spec.is_none(), self.chosen_standing() != Standing::Same);
        if !nothing && self.chosen >= self.rules.len() && self.only.wanted.0.name.trim().is_empty() {
            text::note(ui, "Say which header: its name, and the value that calls have");
        }
        ui.horizontal(|ui| {
            if ui.add_enabled(!nothing, Button::quiet("Remove fault").danger()).clicked() {
                *self.spec() = FaultSpec::default();
                gesture.and(Gesture::Settled);
            }
            if ui.add_enabled(differs, Button::quiet("Reset")).clicked() {
                match self.rules.get_mut(self.chosen) {
                    Some(rule) => rule.kept.reset(),
                    None => self.only.reset(),
                }
                gesture.and(Gesture::Settled);
            }
        });
        if let Some(service) = self.service(&cx.scene.mesh) {
            effect(ui, cx, service);
        }
        gesture
    }

    fn change(&self, mesh: &Mesh) -> Result<Option<Change>, Problem> {
        let service = self.service(mesh).ok_or_else(|| gone(&self.name))?;
        if let Some(rule) = self.rules.get(self.chosen) {
            return Ok(edit::fault(mesh, service, &rule.at, None, rule.kept.wanted));
        }
        let (header, spec) = &self.only.wanted;
        if header.name.trim().is_empty() || spec.is_none() {
            // Half a wish: nothing to judge yet.
            return Ok(None);
        }
        let model = self.model().ok_or_else(|| gone(&self.name))?;
        Ok(edit::fault(mesh, service, &model.at, Some(header), *spec))
    }

    fn follow(&mut self, mesh: &Mesh) {
        let Some(service) = self.service(mesh) else { return };
        let mut now: Vec<edit::Rule> = edit::rules(mesh, service).into_iter().filter(|rule| rule.locked.is_none()).collect();
        let (header, spec) = &self.only.wanted;
        let made =
            now.iter().find(|rule| rule.fault == *spec && rule.words.ends_with(&format!("{} = {}", header.name, header.value)));
        let mut chosen = self.rules.get(self.chosen).map(|rule| rule.words.clone());
        if let Some(made) = made.filter(|_| !spec.is_none()) {
            chosen = chosen.or_else(|| Some(made.words.clone()));
            self.only = Kept::new((HeaderIs::default(), FaultSpec::default()));
        }
        let mut followed = Vec::with_capacity(now.len());
        for mut rule in std::mem::take(&mut self.rules) {
            let same_words = |new: &edit::Rule| new.words == rule.words && (new.at.at == rule.at.at || rule.at.at.is_none());
            let found =
                now.iter().position(same_words).or_else(|| now.iter().position(|new| rule.at.at.is_none() && new.at.index == 0));
            if let Some(found) = found {
                let new = now.remove(found);
                rule.at = new.at;
                rule.words = new.words;
                rule.kept.follow(new.fault);
                followed.push(rule);
            }
        }
        followed.extend(now.into_iter().map(Rule::new));
        followed.sort_by_key(|rule| (rule.at.at != service.virtual_services.first().cloned(), rule.at.index));
        self.chosen = match chosen {
            Some(words) => followed.iter().position(|rule| rule.words == words).unwrap_or(followed.len().saturating_sub(1)),
            None => followed.len(),
        };
        self.rules = followed;
    }

    fn standing(&self) -> Standing {
        let all = self.rules.iter().map(|rule| rule.kept.standing());
        all.chain([self.only.standing()]).max_by_key(|standing| *standing as u8).unwrap_or(Standing::Same)
    }

    fn rebuild(&mut self) {
        self.rules.iter_mut().for_each(|rule| rule.kept.rebuild());
    }

    fn reset(&mut self) {
        self.rules.iter_mut().for_each(|rule| rule.kept.reset());
        self.only.reset();
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn subject(&self) -> String {
        match self.rules.get(self.chosen).and_then(|rule| rule.at.at.as_ref()) {
            Some(at) => format!("{} {}", at.kind, at.name),
            None => self.name.clone(),
        }
    }

    fn present(&self) -> bool {
        self.rules.iter().any(|rule| !rule.kept.base().is_none())
    }
}

fn header(ui: &mut Ui, header: &mut HeaderIs) -> Gesture {
    let mut gesture = Gesture::Rest;
    ui.horizontal(|ui| {
        let width = (ui.available_width() - 28.0) / 2.0;
        let id = ui.id().with("header");
        let name = field::text(ui, id.with("name"), "", "end-user", "header name", &mut header.name, width);
        text::muted(ui, "is");
        let value = field::text(ui, id.with("value"), "", "jason", "header value", &mut header.value, width);
        gesture = Gesture::settled(name.lost_focus() || value.lost_focus());
    });
    gesture
}

fn delay(ui: &mut Ui, spec: &mut FaultSpec) -> Gesture {
    let (mut millis, mut share) = spec.delay.unwrap_or((2000, 100.0));
    let (on, gesture) = row(ui, "Delay", "delay calls", spec.delay.is_some(), |ui| {
        let value = DragValue::new(&mut millis).range(1..=600_000).speed(20.0).suffix(format!("{}ms", fmt::THIN));
        let mut gesture = number(ui, value, "delay milliseconds", 84.0);
        text::muted(ui, "on");
        gesture.and(percentage(ui, &mut share, "delay percentage"));
        gesture
    });
    spec.delay = on.then_some((millis, share));
    gesture
}

fn abort(ui: &mut Ui, spec: &mut FaultSpec) -> Gesture {
    let (mut status, mut share) = spec.abort.unwrap_or((503, 100.0));
    let (on, gesture) = row(ui, "Abort", "abort calls", spec.abort.is_some(), |ui| {
        let value = DragValue::new(&mut status).range(200..=599).speed(1.0).prefix(format!("HTTP{}", fmt::THIN));
        let mut gesture = number(ui, value, "abort status", 84.0);
        text::muted(ui, "on");
        gesture.and(percentage(ui, &mut share, "abort percentage"));
        gesture
    });
    spec.abort = on.then_some((status, share));
    gesture
}

/// One kind of fault: its switch, and its numbers while it is on.
fn row(ui: &mut Ui, word: &str, name: &str, mut on: bool, numbers: impl FnOnce(&mut Ui) -> Gesture) -> (bool, Gesture) {
    let mut gesture = Gesture::Rest;
    ui.horizontal(|ui| {
        let left = ui.cursor().left();
        let switch = ui.checkbox(&mut on, word);
        let (enabled, checked) = (ui.is_enabled(), on);
        switch.widget_info(|| WidgetInfo::selected(egui::WidgetType::Checkbox, enabled, checked, name));
        gesture.and(Gesture::settled(switch.changed()));
        ui.add_space((left + 84.0 - ui.cursor().left()).max(0.0));
        let numbers = ui.add_enabled_ui(on, |ui| ui.horizontal(numbers).inner).inner;
        gesture.and(numbers);
    });
    (on, gesture)
}

fn percentage(ui: &mut Ui, share: &mut f64, name: &str) -> Gesture {
    let plain = |value: f64, _| format!("{}", (value * 1e4).round() / 1e4);
    let value = DragValue::new(share).range(0.0..=100.0).speed(0.5).custom_formatter(plain).suffix(format!("{}%", fmt::THIN));
    let gesture = number(ui, value, name, 72.0);
    text::muted(ui, "of calls");
    gesture
}

fn number(ui: &mut Ui, value: DragValue<'_>, name: &str, width: f32) -> Gesture {
    let response = ui.add_sized(vec2(width, 28.0), value);
    // The value is said by the field itself; only the name is added.
    ui.ctx().accesskit_node_builder(response.id, |node| node.set_label(name));
    Gesture::of(&response)
}

/// What the fault does, as telemetry tells it.
fn effect(ui: &mut Ui, cx: &Cx<'_>, service: &Service) {
    let Some(traffic) = cx.scene.traffic.value() else { return };
    let sum = Sum::of(Some(traffic), |path| aimed_at(path, service));
    let flagged = |flag: &str| -> f64 {
        let fits = |flags: &String| flags.split(',').any(|one| one == flag);
        sum.responses.iter().filter(|((_, flags), _)| fits(flags)).map(|(_, rps)| rps).sum()
    };
    let (delayed, aborted) = (flagged("DI"), flagged("FI"));
    if sum.rps <= 0.0 || (delayed <= 0.0 && aborted <= 0.0) {
        return;
    }
    let mut said = Vec::new();
    if delayed > 0.0 {
        said.push(format!("{} of calls delayed", fmt::percent(delayed / sum.rps * 100.0)));
    }
    if aborted > 0.0 {
        said.push(format!("{} of calls aborted", fmt::percent(aborted / sum.rps * 100.0)));
    }
    let color = Tokens::of(ui).degraded;
    let said = format!("{}  measured: {}", icon::LIGHTNING, said.join(", "));
    ui.label(RichText::new(said).size(size::SECONDARY).color(color));
}
