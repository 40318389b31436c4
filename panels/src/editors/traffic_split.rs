//! Traffic split: moves traffic between the versions of a service, one slider per version, always 100 in sum.

use super::edits::{Chooser, Edits, Scoped};
use super::form::Form;
use super::gesture::Gesture;
use super::rules::{self, scoped};
use crate::kit::shares::{Moved, Share, Words, shares};
use crate::kit::{Button, Tokens, fmt};
use crate::panel::About;
use crate::subject::Subject;
use egui::{Id, Ui};
use egui_phosphor::regular as icon;
use mesh::edit::{self, rules::ALL_VERSIONS};
use mesh::plan::{HttpRule, Plan};
use mesh::split::Split;
use mesh::traffic::{MeasuredShare, share_of};
use mesh::{Kind, Mesh, Service, kinds};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The destinations of a rule and their weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shares(Vec<(String, u32)>);

impl Edits for Shares {
    type Scope = HttpRule;
    const ABOUT: About = About {
        name: "Traffic split",
        icon: icon::ARROWS_SPLIT,
        summary: "Move traffic between the versions of a service; the shares always make 100 %",
    };
    const NEEDS: &'static [&'static Kind] = &[&kinds::VIRTUAL_SERVICE, &kinds::DESTINATION_RULE];
    const CHOOSER: Chooser = Chooser::Rules;
    const ALWAYS: bool = true;

    fn applies(service: &Service) -> bool {
        !service.external && service.subsets.len() > 1
    }

    /// For services with at least two versions, and for whatever stands behind one.
    fn scopes(mesh: &Mesh, subject: &Subject<'_>) -> Vec<Scoped<HttpRule, Self>> {
        let Some(service) = subject.service.filter(|service| !service.external) else { return Vec::new() };
        let of = |rule: edit::Rule| {
            let shares = Self(whole(rule.shares.clone()));
            let object = rule.at.virtual_service.as_ref();
            let object = object.map(|at| format!("{} {} · {}", at.kind, at.name, rule.words));
            Scoped { object: object.unwrap_or_else(|| rule.words.clone()), ..scoped(&rule, shares, false) }
        };
        edit::rules(mesh, service).into_iter().filter(can_split).map(of).collect()
    }

    fn form(&mut self, was: &Self, at: &HttpRule, form: &mut Form<'_>) {
        let Some(service) = at.service(&form.cx().scene.mesh) else { return };
        let key = form.ui().id().with(format!("{at:?}"));
        let mut hand = Hand::of(form.ui(), key, self);
        let unset = at.virtual_service.is_none() && !form.differs();
        // Telemetry counts the calls of all rules together, so it is shown where most of them go.
        let most = at.key.takes_all() && at.virtual_service.as_ref() == service.virtual_services.first();
        let counted = counted(form, service);
        let over =
            if most { Ok(&*counted) } else { Err("telemetry does not tell by which rule a call went") };
        let unseen = form.cx().scene.mesh.unseen(&kinds::VIRTUAL_SERVICE, &service.namespace);
        let unknown = unseen.map(|why| format!("Not known: {}", why.why));
        let free = if unknown.is_some() { "not known" } else { "not set: any pod may answer" };
        let words = Words { of: &service.name, over, unset: unset.then_some(free) };
        let drawn = self.drawn(was, at, form, service, &hand, (unset, most));
        let moved = shares(form.ui(), &words, &drawn);
        form.did(self.moved(&moved, &mut hand));
        form.buttons(|line| {
            if line.button(Button::quiet("Even"), true)
                && let Some(mut split) = hand.split(self)
            {
                split.even();
                self.0 = split.weights();
                hand.grabbed = None;
            }
        });
        let exact = if form.differs() { None } else { form.known(at, |mesh| exactly(mesh, at)) };
        if let Some(exact) = exact {
            form.note(&exact);
        }
        match unknown {
            Some(unknown) if unset => form.note(&unknown),
            None if unset => {
                form.note("No routing yet: the sliders begin from even shares, and a push makes the routing");
            }
            _ => {}
        }
        hand.keep(form.ui(), key, self);
    }

    fn plan(&self, _was: &Self, at: &HttpRule, plan: &mut Plan<'_>) {
        if let Some(split) = Split::new(self.0.clone()) {
            edit::split::plan(plan, at, &split);
        }
    }

    fn samples() -> Vec<Self> {
        let of = |weights: [u32; 3]| {
            Self(["v1", "v2", "v3"].map(str::to_owned).into_iter().zip(weights).collect())
        };
        vec![of([13, 7, 80]), of([0, 100, 0]), of([34, 33, 33])]
    }

    fn short(&self) -> String {
        rules::goes(&self.0)
    }
}

/// What is in force, where whole percents do not say it.
fn exactly(mesh: &Mesh, at: &HttpRule) -> Option<String> {
    let shares = edit::split::in_force(mesh, at)?;
    if shares.iter().all(|(_, percent)| *percent == 0.0) {
        return Some(
            "All weights are 0: Istio takes no such rule, and proxies hold what they had before".to_owned(),
        );
    }
    let whole = |(_, percent): &(String, f64)| (percent - percent.round()).abs() < 1e-9;
    let each = |(name, percent): &(String, f64)| format!("{name} {percent:.1} %");
    let told = || format!("In force: {}", shares.iter().map(each).collect::<Vec<_>>().join(", "));
    (!shares.iter().all(whole)).then(told)
}

/// Whether there is anything to choose between: "all versions" beside the only version is no choice.
fn can_split(rule: &edit::Rule) -> bool {
    rule.shares.iter().filter(|(name, _)| name != ALL_VERSIONS).count() > 1
}

/// Weights that make 100; weights that are all 0 (nothing routes yet) stay as they are.
fn whole(weights: Vec<(String, u32)>) -> Vec<(String, u32)> {
    if weights.iter().all(|(_, weight)| *weight == 0) {
        return weights;
    }
    Split::new(weights.clone()).map_or(weights, |split| split.weights())
}

/// What each version got of the last window's calls.
fn got(form: &mut Form<'_>, service: &Service) -> Vec<(String, MeasuredShare)> {
    form.measured(&("shares", &service.host), |_, traffic| share_of(traffic, service)).unwrap_or_default()
}

/// "over 60 s (594 calls)".
fn counted(form: &mut Form<'_>, service: &Service) -> String {
    let calls: f64 = got(form, service).iter().map(|(_, share)| share.count).sum();
    let window = fmt::duration(form.cx().window_secs as f64);
    format!("over {window} ({} calls)", fmt::count(calls.round() as usize))
}

/// What the user holds: locks, and the share that is being moved with all shares as they were when that
/// began. So passing over 100 and coming back loses nothing, by mouse or by keyboard.
#[derive(Clone, Default)]
struct Hand {
    locks: BTreeSet<String>,
    grabbed: Option<(usize, Split)>,
    /// What the shares were when it was put down; others by now are not of this hand.
    left: Vec<(String, u32)>,
}

impl Hand {
    fn of(ui: &Ui, key: Id, shares: &Shares) -> Self {
        let mut hand: Self = ui.data(|data| data.get_temp(key)).unwrap_or_default();
        if hand.left != shares.0 {
            hand.grabbed = None;
        }
        hand
    }
    fn keep(mut self, ui: &Ui, key: Id, shares: &Shares) {
        self.left.clone_from(&shares.0);
        ui.data_mut(|data| data.insert_temp(key, self));
    }
    fn split(&self, shares: &Shares) -> Option<Split> {
        let mut split = Split::new(shares.0.clone())?;
        for index in 0..split.shares().len() {
            let locked = self.locks.contains(&split.shares()[index].name);
            split.lock(index, locked);
        }
        Some(split)
    }
}

impl Shares {
    fn moved(&mut self, moved: &[Moved], hand: &mut Hand) -> Gesture {
        let mut gesture = Gesture::Rest;
        for step in moved {
            match *step {
                Moved::Set(index, percent) => {
                    let held = hand.grabbed.take().filter(|(held, _)| *held == index).map(|(_, split)| split);
                    let Some(mut split) = held.or_else(|| hand.split(self)) else { continue };
                    hand.grabbed = Some((index, split.clone()));
                    split.set(index, percent);
                    self.0 = split.weights();
                    gesture.and(Gesture::Moving);
                }
                Moved::Lock(index, locked) => {
                    hand.grabbed = None;
                    let Some((name, _)) = self.0.get(index) else { continue };
                    if locked {
                        hand.locks.insert(name.clone())
                    } else {
                        hand.locks.remove(name)
                    };
                }
                Moved::Released(_) => gesture.and(Gesture::Settled),
            }
        }
        gesture
    }

    /// The shares as the sliders show them.
    fn drawn(
        &self,
        was: &Self,
        at: &HttpRule,
        form: &mut Form<'_>,
        service: &Service,
        hand: &Hand,
        (unset, most): (bool, bool),
    ) -> Vec<Share> {
        let tokens = Tokens::of(form.ui());
        let measured = if most { got(form, service) } else { Vec::new() };
        let base = at.virtual_service.as_ref().and_then(|_| Split::new(was.0.clone()));
        let Some(split) = hand.split(self) else { return Vec::new() };
        let share = |(index, share): (usize, &mesh::split::Share)| {
            let measured = measured.iter().find(|(name, _)| *name == share.name);
            let color = tokens.version(&share.name);
            let current = base.as_ref().and_then(|base| base.shares().get(index));
            Share {
                name: share.name.clone(),
                wanted: share.percent,
                current: current.map_or(share.percent, |share| share.percent),
                measured: measured.map(|(_, measured)| (measured.percent, measured.plus_minus())),
                locked: share.locked,
                color: if unset { color.lerp_to_gamma(tokens.line, 0.5) } else { color },
            }
        };
        split.shares().iter().enumerate().map(share).collect()
    }
}
