//! Traffic split: moves traffic between the versions of a service, one slider per version, always 100 in sum.

use super::rules::{self, Calls, RuleRow, usual};
use super::{Draft, Gesture, Kept, Standing, gone};
use crate::detail::subject::Subject;
use crate::kit::shares::{Moved, Share, Words, shares};
use crate::kit::{Button, Tokens, fmt, problem, text};
use crate::selection::Selected;
use crate::{About, Cx};
use egui::Ui;
use egui_phosphor::regular as icon;
use mesh::edit;
use mesh::edit::rules::{ALL_VERSIONS, Locked};
use mesh::split::Split;
use mesh::traffic::share_of;
use mesh::{Change, Mesh, Problem, Service};
use std::collections::BTreeSet;

/// Name, icon, summary.
pub const ABOUT: About = About {
    name: "Traffic split",
    icon: icon::ARROWS_SPLIT,
    summary: "Move traffic between the versions of a service; the shares always make 100 %",
};

/// Names of destinations and their weights.
type Weights = Vec<(String, u32)>;

/// Offered for services with at least two versions, and for whatever stands behind one.
pub fn open(mesh: &Mesh, selected: &Selected) -> Option<Box<dyn Draft>> {
    let subject = Subject::of(mesh, selected)?;
    let service = subject.service.filter(|service| !service.external)?;
    let rules: Vec<Rule> = edit::rules(mesh, service).into_iter().filter(can_split).map(Rule::new).collect();
    let last = rules.len().checked_sub(1)?;
    let chosen = usual(rules.iter().map(|rule| &rule.calls)).unwrap_or(last);
    Some(Box::new(TrafficSplit {
        id: format!("traffic split of {}/{}", service.namespace, service.name),
        namespace: service.namespace.to_string(),
        name: service.name.to_string(),
        rules,
        chosen,
    }))
}

/// Whether there is anything to choose between: "all versions" beside the only version is no choice.
fn can_split(rule: &edit::Rule) -> bool {
    rule.shares.iter().filter(|(name, _)| name != ALL_VERSIONS).count() > 1
}

struct TrafficSplit {
    id: String,
    namespace: String,
    name: String,
    rules: Vec<Rule>,
    chosen: usize,
}

struct Rule {
    calls: Calls,
    locked: Option<Locked>,
    kept: Kept<Weights>,
    locks: BTreeSet<String>,
    /// The share that is being moved, and all as they were when that began: passing over 100 and coming back loses nothing,
    /// by mouse or by keyboard.
    grabbed: Option<(usize, Split)>,
}

impl Rule {
    fn new(rule: edit::Rule) -> Self {
        let calls = Calls::of(&rule);
        let kept = Kept::new(whole(rule.shares));
        Self { calls, locked: rule.locked, kept, locks: BTreeSet::new(), grabbed: None }
    }
    /// Whether nothing routes these calls, and the user wants nothing else.
    fn unset(&self) -> bool {
        self.calls.at.at.is_none() && self.kept.standing() == Standing::Same
    }
    fn reset(&mut self) {
        self.kept.reset();
        self.grabbed = None;
    }
    /// Takes in what the rule is now. Once its shares are others, a slider begins from those.
    fn follow(&mut self, new: edit::Rule) {
        let before = self.kept.base().clone();
        self.calls = Calls::of(&new);
        self.locked = new.locked;
        self.kept.follow(whole(new.shares));
        if *self.kept.base() != before {
            self.grabbed = None;
        }
    }
    fn split(&self) -> Option<Split> {
        let mut split = Split::new(self.kept.wanted.clone())?;
        for index in 0..split.shares().len() {
            let locked = self.locks.contains(&split.shares()[index].name);
            split.lock(index, locked);
        }
        Some(split)
    }
    fn moved(&mut self, moved: &[Moved]) -> Gesture {
        let mut gesture = Gesture::Rest;
        for step in moved {
            match *step {
                Moved::Set(index, percent) => {
                    let held = self.grabbed.take().filter(|(held, _)| *held == index).map(|(_, split)| split);
                    let Some(mut split) = held.or_else(|| self.split()) else { continue };
                    self.grabbed = Some((index, split.clone()));
                    split.set(index, percent);
                    self.kept.wanted = split.weights();
                    gesture.and(Gesture::Moving);
                }
                Moved::Lock(index, locked) => {
                    self.grabbed = None;
                    let Some((name, _)) = self.kept.wanted.get(index) else { continue };
                    if locked {
                        self.locks.insert(name.clone())
                    } else {
                        self.locks.remove(name)
                    };
                }
                Moved::Released(_) => gesture.and(Gesture::Settled),
            }
        }
        gesture
    }
}

/// Weights that make 100; weights that are all 0 (nothing routes yet) stay as they are.
fn whole(weights: Weights) -> Weights {
    if weights.iter().all(|(_, weight)| *weight == 0) {
        return weights;
    }
    Split::new(weights.clone()).map_or(weights, |split| split.weights())
}

impl TrafficSplit {
    fn service<'a>(&self, mesh: &'a Mesh) -> Option<&'a Service> {
        mesh.service(&self.namespace, &self.name)
    }

    /// "over 60 s (594 calls)".
    fn counted(&self, cx: &Cx<'_>) -> String {
        let measured = self.service(&cx.scene.mesh).zip(cx.scene.traffic.value());
        let calls: f64 = measured.map_or(0.0, |(service, traffic)| {
            share_of(traffic, service).iter().map(|(_, share)| share.count).sum()
        });
        format!(
            "over {} ({} calls)",
            fmt::duration(cx.window_secs as f64),
            fmt::count(calls.round() as usize)
        )
    }

    /// Telemetry counts the calls of all rules together, so it is shown where most of them go.
    fn is_measured(&self) -> bool {
        usual(self.rules.iter().map(|rule| &rule.calls)) == Some(self.chosen)
    }

    fn shares(&self, ui: &Ui, cx: &Cx<'_>, rule: &Rule) -> Vec<Share> {
        let tokens = Tokens::of(ui);
        let measured = match (self.service(&cx.scene.mesh), cx.scene.traffic.value()) {
            (Some(service), Some(traffic)) if self.is_measured() => share_of(traffic, service),
            _ => Vec::new(),
        };
        let base = rule.calls.at.at.as_ref().and_then(|_| Split::new(rule.kept.base().clone()));
        let Some(split) = rule.split() else { return Vec::new() };
        let share = |(index, share): (usize, &mesh::split::Share)| {
            let measured = measured.iter().find(|(name, _)| *name == share.name);
            let color = tokens.version(&share.name);
            Share {
                name: share.name.clone(),
                wanted: share.percent,
                current: base
                    .as_ref()
                    .and_then(|base| base.shares().get(index))
                    .map_or(share.percent, |share| share.percent),
                measured: measured.map(|(_, measured)| (measured.percent, measured.plus_minus())),
                locked: share.locked,
                color: if rule.unset() { color.lerp_to_gamma(tokens.line, 0.5) } else { color },
            }
        };
        split.shares().iter().enumerate().map(share).collect()
    }

    /// The shares of the rule that is shown.
    fn sliders(&mut self, ui: &mut Ui, cx: &Cx<'_>) -> Gesture {
        let mut gesture = Gesture::Rest;
        let Some(rule) = self.rules.get(self.chosen) else { return gesture };
        let unset = rule.unset();
        let counted = self.counted(cx);
        let over = if self.is_measured() {
            Ok(&*counted)
        } else {
            Err("telemetry does not tell by which rule a call went")
        };
        let words = Words { of: &self.name, over, unset: unset.then_some("not set: any pod may answer") };
        let moved = shares(ui, &words, &self.shares(ui, cx, rule));
        let rule = &mut self.rules[self.chosen];
        gesture.and(rule.moved(&moved));
        ui.horizontal(|ui| {
            if ui.add(Button::quiet("Even")).clicked() {
                rule.grabbed = None;
                if let Some(mut split) = rule.split() {
                    split.even();
                    rule.kept.wanted = split.weights();
                }
                gesture.and(Gesture::Settled);
            }
            let differs = rule.kept.standing() != Standing::Same;
            if ui.add_enabled(differs, Button::quiet("Reset")).clicked() {
                rule.reset();
                gesture.and(Gesture::Settled);
            }
        });
        if unset {
            text::note(
                ui,
                "No routing yet: the sliders begin from even shares, and a push makes the routing",
            );
        }
        gesture
    }
}

impl Draft for TrafficSplit {
    fn ui(&mut self, ui: &mut Ui, cx: &Cx<'_>) -> Gesture {
        let mut gesture = Gesture::Rest;
        let Some(rule) = self.rules.get(self.chosen) else { return gesture };
        if let Some(Locked { goes, why }) = &rule.locked {
            problem::problem(
                ui,
                problem::Level::Note,
                &format!("→ {goes}"),
                &format!("This rule has no shares: {why}"),
                "",
                None,
            );
        } else {
            gesture = self.sliders(ui, cx);
        }
        if self.rules.len() > 1 {
            let row = |rule: &Rule| RuleRow {
                words: rule.calls.words.clone(),
                goes: rules::goes(rule.locked.as_ref(), &rule.kept.wanted),
                differs: rule.kept.standing() != Standing::Same,
            };
            let list: Vec<RuleRow> = self.rules.iter().map(row).collect();
            if let Some(clicked) = rules::list(ui, &list, self.chosen) {
                self.chosen = clicked;
                gesture.and(Gesture::Settled);
            }
        }
        gesture
    }

    fn change(&self, mesh: &Mesh) -> Result<Option<Change>, Problem> {
        let service = self.service(mesh).ok_or_else(|| gone(&self.name))?;
        let Some(rule) = self.rules.get(self.chosen) else { return Ok(None) };
        if rule.kept.standing() == Standing::Same {
            return Ok(None);
        }
        Ok(rule.split().and_then(|split| edit::split(mesh, service, &rule.calls.at, &split)))
    }

    fn follow(&mut self, mesh: &Mesh) {
        let Some(service) = self.service(mesh) else { return };
        let mut now: Vec<edit::Rule> = edit::rules(mesh, service).into_iter().filter(can_split).collect();
        let mut followed = Vec::with_capacity(now.len());
        let mut shown = None;
        for (index, mut rule) in std::mem::take(&mut self.rules).into_iter().enumerate() {
            // Where somebody else gave a rule other conditions, it is known by its place.
            let in_place =
                |new: &edit::Rule| new.at == rule.calls.at && !new.takes_all && !rule.calls.takes_all;
            if let Some(found) = rule.calls.position(&now).or_else(|| now.iter().position(in_place)) {
                rule.follow(now.remove(found));
                if index == self.chosen {
                    shown = Some(rule.calls.at.clone());
                }
                followed.push(rule);
            }
        }
        followed.extend(now.into_iter().map(Rule::new));
        followed.sort_by_key(|rule| {
            (rule.calls.at.at != service.virtual_services.first().cloned(), rule.calls.at.index)
        });
        let shown = shown.and_then(|at| followed.iter().position(|rule| rule.calls.at == at));
        let shown = shown.or_else(|| usual(followed.iter().map(|rule| &rule.calls)));
        self.chosen = shown.unwrap_or(followed.len().saturating_sub(1));
        self.rules = followed;
    }

    fn standing(&self) -> Standing {
        self.rules.get(self.chosen).map_or(Standing::Same, |rule| rule.kept.standing())
    }

    fn elsewhere(&self) -> Vec<String> {
        let others = self.rules.iter().enumerate().filter(|(index, _)| *index != self.chosen);
        others
            .filter(|(_, rule)| rule.kept.standing() != Standing::Same)
            .map(|(_, rule)| rule.calls.words.clone())
            .collect()
    }

    fn rebuild(&mut self) {
        if let Some(rule) = self.rules.get_mut(self.chosen) {
            rule.kept.rebuild();
        }
    }

    fn reset(&mut self) {
        if let Some(rule) = self.rules.get_mut(self.chosen) {
            rule.reset();
        }
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn subject(&self) -> String {
        let Some(rule) = self.rules.get(self.chosen) else { return String::new() };
        match &rule.calls.at.at {
            Some(at) => format!("{} {} · {}", at.kind, at.name, rule.calls.words),
            None => rule.calls.words.clone(),
        }
    }

    fn present(&self) -> bool {
        true
    }
}
