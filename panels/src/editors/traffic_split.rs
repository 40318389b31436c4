//! Traffic split: moves traffic between the versions of a service, one slider per version, always 100 in sum.

use super::rules::{self, RuleRow};
use super::{Draft, Gesture, Kept, Standing, gone};
use crate::detail::subject::Subject;
use crate::kit::shares::{Moved, Share, shares};
use crate::kit::{Button, Tokens, fmt, problem, text};
use crate::selection::Selected;
use crate::{About, Cx};
use egui::Ui;
use egui_phosphor::regular as icon;
use mesh::edit::rules::ALL_VERSIONS;
use mesh::edit::{self, RuleAt};
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
    // The rule that takes all other calls is the one that people mean, and it stands last inside the mesh.
    let chosen = rules.iter().position(|rule| rule.takes_all()).unwrap_or(last);
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
    at: RuleAt,
    words: String,
    refused: Option<String>,
    kept: Kept<Weights>,
    locks: BTreeSet<String>,
    /// The shares as they were when the drag began: passing over 100 and coming back loses nothing.
    grabbed: Option<Split>,
}

impl Rule {
    fn new(rule: edit::Rule) -> Self {
        let kept = Kept::new(whole(rule.shares));
        Self { at: rule.at, words: rule.words, refused: rule.locked, kept, locks: BTreeSet::new(), grabbed: None }
    }
    fn takes_all(&self) -> bool {
        matches!(self.words.as_str(), "all calls" | "all other calls")
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
                    let Some(mut split) = self.grabbed.clone().or_else(|| self.split()) else { continue };
                    self.grabbed.get_or_insert_with(|| split.clone());
                    split.set(index, percent);
                    self.kept.wanted = split.weights();
                    gesture.and(Gesture::Moving);
                }
                Moved::Lock(index, locked) => {
                    let Some((name, _)) = self.kept.wanted.get(index) else { continue };
                    if locked {
                        self.locks.insert(name.clone())
                    } else {
                        self.locks.remove(name)
                    };
                }
                Moved::Released(_) => {
                    self.grabbed = None;
                    gesture.and(Gesture::Settled);
                }
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
        mesh.services.get(&(self.namespace.as_str().into(), self.name.as_str().into()))
    }

    /// "over 60 s (594 calls)".
    fn counted(&self, cx: &Cx<'_>) -> String {
        let measured = self.service(&cx.scene.mesh).zip(cx.scene.traffic.value());
        let calls: f64 =
            measured.map_or(0.0, |(service, traffic)| share_of(traffic, service).iter().map(|(_, share)| share.count).sum());
        format!("over {} ({} calls)", fmt::duration(cx.window_secs as f64), fmt::count(calls.round() as usize))
    }

    fn shares(&self, ui: &Ui, cx: &Cx<'_>, rule: &Rule) -> Vec<Share> {
        let tokens = Tokens::of(ui);
        let measured = match (self.service(&cx.scene.mesh), cx.scene.traffic.value()) {
            // Telemetry counts the calls of all rules together, so it is shown where most of them go.
            (Some(service), Some(traffic)) if rule.takes_all() => share_of(traffic, service),
            _ => Vec::new(),
        };
        let base = Split::new(rule.kept.base().clone());
        let Some(split) = rule.split() else { return Vec::new() };
        let share = |(index, share): (usize, &mesh::split::Share)| {
            let measured = measured.iter().find(|(name, _)| *name == share.name);
            Share {
                name: share.name.clone(),
                wanted: share.percent,
                current: base.as_ref().and_then(|base| base.shares().get(index)).map_or(share.percent, |share| share.percent),
                measured: measured.map(|(_, measured)| (measured.percent, measured.plus_minus())),
                locked: share.locked,
                color: tokens.version(&share.name),
            }
        };
        split.shares().iter().enumerate().map(share).collect()
    }
}

impl Draft for TrafficSplit {
    fn ui(&mut self, ui: &mut Ui, cx: &Cx<'_>) -> Gesture {
        self.chosen = self.chosen.min(self.rules.len().saturating_sub(1));
        let Some(rule) = self.rules.get(self.chosen) else { return Gesture::Rest };
        let rows = self.shares(ui, cx, rule);
        let absent = rule.at.at.is_none() && rule.kept.standing() == Standing::Same;
        let refused = rule.refused.clone();
        // Calls are not told apart by the rule that took them.
        let over = if rule.takes_all() { self.counted(cx) } else { "apart from the other rules".to_owned() };
        let moved = shares(ui, &self.name, &over, &rows, refused.is_none());
        if let Some(why) = &refused {
            problem::line(ui, problem::Level::Note, &format!("This rule has no shares: {why}"), "", "");
        }
        let mut gesture = Gesture::Rest;
        let rule = &mut self.rules[self.chosen];
        gesture.and(rule.moved(&moved));
        ui.horizontal(|ui| {
            if ui.add_enabled(refused.is_none(), Button::quiet("Even")).clicked() {
                if let Some(mut split) = rule.split() {
                    split.even();
                    rule.kept.wanted = split.weights();
                }
                gesture.and(Gesture::Settled);
            }
            let differs = rule.kept.standing() != Standing::Same;
            if ui.add_enabled(differs, Button::quiet("Reset")).clicked() {
                rule.kept.reset();
                gesture.and(Gesture::Settled);
            }
            if absent {
                text::note(ui, "No routing yet: any pod may answer. A push creates it");
            }
        });
        if self.rules.len() > 1 {
            let row = |rule: &Rule| RuleRow {
                words: rule.words.clone(),
                goes: rules::goes(&rule.kept.wanted),
                differs: rule.kept.standing() != Standing::Same,
            };
            let list: Vec<RuleRow> = self.rules.iter().map(row).collect();
            if let Some(clicked) = rules::list(ui, &list, self.chosen) {
                self.chosen = clicked;
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
        Ok(rule.split().and_then(|split| edit::split(mesh, service, &rule.at, &split)))
    }

    fn follow(&mut self, mesh: &Mesh) {
        let Some(service) = self.service(mesh) else { return };
        let mut now: Vec<edit::Rule> = edit::rules(mesh, service).into_iter().filter(can_split).collect();
        let mut followed = Vec::with_capacity(now.len());
        let chosen = self.rules.get(self.chosen).map(|rule| (rule.at.clone(), rule.words.clone()));
        for mut rule in std::mem::take(&mut self.rules) {
            // A rule is known by its words first: rules above it may have come or gone. The first VirtualService of a
            // service takes the place of the rule that was not there.
            let same_words = |new: &edit::Rule| new.words == rule.words && (new.at.at == rule.at.at || rule.at.at.is_none());
            let found = now.iter().position(same_words).or_else(|| now.iter().position(|new| new.at == rule.at));
            if let Some(found) = found {
                let new = now.remove(found);
                rule.at = new.at;
                rule.words = new.words;
                rule.refused = new.locked;
                rule.kept.follow(whole(new.shares));
                followed.push(rule);
            }
        }
        followed.extend(now.into_iter().map(Rule::new));
        followed.sort_by_key(|rule| (rule.at.at != service.virtual_services.first().cloned(), rule.at.index));
        self.chosen = chosen.and_then(|chosen| followed.iter().position(|rule| rule.words == chosen.1)).unwrap_or(self.chosen);
        self.rules = followed;
    }

    fn standing(&self) -> Standing {
        let all = self.rules.iter().map(|rule| rule.kept.standing());
        all.max_by_key(|standing| *standing as u8).unwrap_or(Standing::Same)
    }

    fn rebuild(&mut self) {
        self.rules.iter_mut().for_each(|rule| rule.kept.rebuild());
    }

    fn reset(&mut self) {
        for rule in &mut self.rules {
            rule.kept.reset();
            rule.grabbed = None;
        }
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn subject(&self) -> String {
        let Some(rule) = self.rules.get(self.chosen) else { return String::new() };
        match &rule.at.at {
            Some(at) => format!("{} {} · {}", at.kind, at.name, rule.words),
            None => rule.words.clone(),
        }
    }

    fn present(&self) -> bool {
        true
    }
}
