//! Fault: makes calls of a service wait or fail on purpose, all of them or those with a header.

use super::rules::{Calls, usual};
use super::{Draft, Gesture, Kept, Standing, gone, label};
use crate::detail::subject::{Subject, aimed_at};
use crate::detail::sums::Sum;
use crate::kit::theme::size;
use crate::kit::{Button, Tokens, field, fmt, text};
use crate::selection::Selected;
use crate::{About, Cx};
use egui::{DragValue, RichText, Ui, WidgetInfo, vec2};
use egui_phosphor::regular as icon;
use mesh::edit::{self, FaultSpec, HeaderIs};
use mesh::{Change, Mesh, Problem, Service};

/// Name, icon, summary.
pub const ABOUT: About = About {
    name: "Fault",
    icon: icon::LIGHTNING,
    summary: "Make calls wait or fail on purpose, to see how their callers take it",
};

/// The scope that is a rule of its own.
const ONLY: &str = "calls with a header…";

/// Offered for services that speak HTTP, and for whatever stands behind one.
pub fn open(mesh: &Mesh, selected: &Selected) -> Option<Box<dyn Draft>> {
    let service = Subject::of(mesh, selected)?.service?;
    let rules: Vec<Rule> =
        edit::rules(mesh, service).into_iter().filter(|rule| rule.locked.is_none()).map(Rule::new).collect();
    let last = rules.len().checked_sub(1)?;
    let faulty = rules.iter().position(|rule| !rule.kept.base().is_none());
    let all = usual(rules.iter().map(|rule| &rule.calls));
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
    calls: Calls,
    kept: Kept<FaultSpec>,
}

impl Rule {
    fn new(rule: edit::Rule) -> Self {
        Self { calls: Calls::of(&rule), kept: Kept::new(rule.fault) }
    }
}

impl FaultDraft {
    fn service<'a>(&self, mesh: &'a Mesh) -> Option<&'a Service> {
        mesh.service(&self.namespace, &self.name)
    }
    /// The rule that a rule for calls with a header is made of: the one that takes all other calls.
    fn model(&self) -> Option<&Rule> {
        let usual = usual(self.rules.iter().map(|rule| &rule.calls));
        usual.and_then(|index| self.rules.get(index)).or_else(|| self.rules.last())
    }
    /// Why there is nothing to push yet of a rule for calls with a header, if so.
    fn half(&self) -> Option<&'static str> {
        let (header, spec) = &self.only.wanted;
        let header = header.tidy();
        let made = format!("calls with {} = {}", header.name, header.value);
        match () {
            () if self.chosen < self.rules.len() || spec.is_none() => None,
            () if header.name.is_empty() => {
                Some("Nothing to push yet: say which header, and the value that calls have")
            }
            () if header.value.is_empty() => Some("Nothing to push yet: say which value of the header"),
            () if self.rules.iter().any(|rule| rule.calls.words == made) => {
                Some("Nothing to push: there is a rule for these calls, choose it above")
            }
            () => None,
        }
    }
    fn spec(&mut self) -> &mut FaultSpec {
        match self.rules.get_mut(self.chosen) {
            Some(rule) => &mut rule.kept.wanted,
            None => &mut self.only.wanted.1,
        }
    }
}

impl Draft for FaultDraft {
    fn ui(&mut self, ui: &mut Ui, cx: &Cx<'_>) -> Gesture {
        let mut gesture = Gesture::Rest;
        ui.horizontal(|ui| {
            label(ui, "For");
            let marked = |rule: &'_ Rule| (rule.calls.words.clone(), rule.kept.standing() != Standing::Same);
            let mut options: Vec<(String, bool)> = self.rules.iter().map(marked).collect();
            options.push((ONLY.to_owned(), !self.only.wanted.1.is_none()));
            let options: Vec<(&str, bool)> =
                options.iter().map(|(words, marked)| (words.as_str(), *marked)).collect();
            if let Some(chosen) = field::choose_marked(ui, "fault calls", &options, self.chosen) {
                self.chosen = chosen;
                gesture.and(Gesture::Settled);
            }
        });
        if self.chosen >= self.rules.len() {
            gesture.and(header(ui, &mut self.only.wanted.0));
        }
        let spec = self.spec();
        gesture.and(delay(ui, spec));
        gesture.and(abort(ui, spec));
        let wanted = *spec;
        let differs = self.standing() != Standing::Same;
        // A fault that is only a draft is taken back by Reset: there is none to remove.
        let there = self.rules.get(self.chosen).is_some_and(|rule| !rule.kept.base().is_none());
        if let Some(half) = self.half() {
            text::note(ui, half);
        }
        ui.horizontal(|ui| {
            if ui.add_enabled(there && !wanted.is_none(), Button::quiet("Remove fault").danger()).clicked() {
                *self.spec() = FaultSpec::default();
                gesture.and(Gesture::Settled);
            }
            if ui.add_enabled(differs, Button::quiet("Reset")).clicked() {
                self.reset();
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
            return Ok(edit::fault(mesh, service, &rule.calls.at, None, rule.kept.wanted));
        }
        if self.half().is_some() {
            return Ok(None);
        }
        let (header, spec) = &self.only.wanted;
        let model = self.model().ok_or_else(|| gone(&self.name))?;
        Ok(edit::fault(mesh, service, &model.calls.at, Some(&header.tidy()), *spec))
    }

    fn follow(&mut self, mesh: &Mesh) {
        let Some(service) = self.service(mesh) else { return };
        let mut now: Vec<edit::Rule> =
            edit::rules(mesh, service).into_iter().filter(|rule| rule.locked.is_none()).collect();
        let (header, spec) = &self.only.wanted;
        let (header, only) = (header.tidy(), self.chosen >= self.rules.len());
        let made = format!("{} = {}", header.name, header.value);
        let says =
            |words: &str| words.trim_start_matches("calls with ").split(" and ").any(|part| part == made);
        let made = now.iter().find(|rule| header.is_whole() && rule.fault == *spec && says(&rule.words));
        // The rule that is shown, where it stands now; the rule that came of the wish for calls with a header.
        let mut shown = None;
        if let Some(made) = made.filter(|_| !spec.is_none()) {
            shown = only.then(|| made.at.clone());
            self.only = Kept::new((HeaderIs::default(), FaultSpec::default()));
        }
        let mut followed = Vec::with_capacity(now.len());
        for (index, mut rule) in std::mem::take(&mut self.rules).into_iter().enumerate() {
            if let Some(found) = rule.calls.position(&now) {
                let new = now.remove(found);
                rule.calls = Calls::of(&new);
                rule.kept.follow(new.fault);
                if index == self.chosen {
                    shown = Some(new.at);
                }
                followed.push(rule);
            }
        }
        followed.extend(now.into_iter().map(Rule::new));
        followed.sort_by_key(|rule| {
            (rule.calls.at.at != service.virtual_services.first().cloned(), rule.calls.at.index)
        });
        let shown = shown.and_then(|at| followed.iter().position(|rule| rule.calls.at == at));
        self.chosen = match shown {
            Some(shown) => shown,
            None if only => followed.len(),
            None => {
                usual(followed.iter().map(|rule| &rule.calls)).unwrap_or(followed.len().saturating_sub(1))
            }
        };
        self.rules = followed;
    }

    fn standing(&self) -> Standing {
        self.rules.get(self.chosen).map_or_else(|| self.only.standing(), |rule| rule.kept.standing())
    }

    fn elsewhere(&self) -> Vec<String> {
        let others = self.rules.iter().enumerate().filter(|(index, _)| *index != self.chosen);
        let differ = others
            .filter(|(_, rule)| rule.kept.standing() != Standing::Same)
            .map(|(_, rule)| rule.calls.words.clone());
        let only = self.chosen < self.rules.len() && !self.only.wanted.1.is_none();
        differ.chain(only.then(|| ONLY.trim_end_matches('…').to_owned())).collect()
    }

    fn rebuild(&mut self) {
        match self.rules.get_mut(self.chosen) {
            Some(rule) => rule.kept.rebuild(),
            None => self.only.rebuild(),
        }
    }

    fn reset(&mut self) {
        match self.rules.get_mut(self.chosen) {
            Some(rule) => rule.kept.reset(),
            None => self.only.reset(),
        }
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn subject(&self) -> String {
        match self.rules.get(self.chosen).and_then(|rule| rule.calls.at.at.as_ref()) {
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
        let name =
            field::text(ui, id.with("name"), "", "e.g. end-user", "header name", &mut header.name, width);
        text::muted(ui, "is");
        let value =
            field::text(ui, id.with("value"), "", "e.g. jason", "header value", &mut header.value, width);
        // The cross of a field empties it at once.
        let emptied =
            (name.changed() && header.name.is_empty()) || (value.changed() && header.value.is_empty());
        gesture = Gesture::settled(name.lost_focus() || value.lost_focus() || emptied);
    });
    gesture
}

fn delay(ui: &mut Ui, spec: &mut FaultSpec) -> Gesture {
    let (mut millis, mut share) = spec.delay.unwrap_or((2000, 100.0));
    let (on, gesture) = row(ui, "Delay", "delay calls", spec.delay.is_some(), |ui| {
        let value =
            DragValue::new(&mut millis).range(1..=600_000).speed(20.0).suffix(format!("{}ms", fmt::THIN));
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
        let value =
            DragValue::new(&mut status).range(200..=599).speed(1.0).prefix(format!("HTTP{}", fmt::THIN));
        let mut gesture = number(ui, value, "abort status", 84.0);
        text::muted(ui, "on");
        gesture.and(percentage(ui, &mut share, "abort percentage"));
        gesture
    });
    spec.abort = on.then_some((status, share));
    gesture
}

/// One kind of fault: its switch, and its numbers while it is on.
fn row(
    ui: &mut Ui,
    word: &str,
    name: &str,
    mut on: bool,
    numbers: impl FnOnce(&mut Ui) -> Gesture,
) -> (bool, Gesture) {
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
    let value = DragValue::new(share)
        .range(0.0..=100.0)
        .speed(0.5)
        .custom_formatter(plain)
        .suffix(format!("{}%", fmt::THIN));
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
