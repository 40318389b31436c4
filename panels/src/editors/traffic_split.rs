//! Traffic split: moves calls and connections between the versions of a service, or between the services
//! behind a route, one slider each, always 100 in sum.

use super::dragged;
use super::edits::{Chooser, Edits, Scope, Scoped};
use super::form::Form;
use super::gesture::Gesture;
use super::rules::{self, scoped};
use crate::kit::shares::{Moved, Share, Words, shares};
use crate::kit::{Button, Tokens, fmt};
use crate::panel::About;
use crate::subject::Subject;
use egui::{Id, Ui};
use egui_phosphor::regular as icon;
use istio::{ServiceId, WorkloadId};
use mesh::edit::shares::Shared;
use mesh::edit::{self, rules::ALL_VERSIONS};
use mesh::plan::{HttpRule, List, Plan, SharedRule};
use mesh::split::Split;
use mesh::traffic::{self, Flow, MeasuredShare};
use mesh::{Kind, Mesh, Service, kinds};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The destinations of a rule and their weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shares(pub(super) Vec<(String, u32)>);

/// What the editor is called.
pub const NAME: &str = "Traffic split";

/// The rule that shares out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Rule {
    /// One of `http` of a VirtualService.
    Http(HttpRule),
    /// Any other.
    Shared(SharedRule),
}

impl Scope for Rule {
    fn is(&self, now: &Self) -> bool {
        match (self, now) {
            (Self::Http(this), Self::Http(now)) => this.is(now),
            (Self::Shared(this), Self::Shared(now)) => this.is(now),
            _ => false,
        }
    }
    fn whole(&self) -> Option<&ServiceId> {
        Some(match self {
            Self::Http(rule) => &rule.service,
            Self::Shared(rule) => &rule.service,
        })
    }
}

impl Rule {
    fn service<'a>(&self, mesh: &'a Mesh) -> Option<&'a Service> {
        self.whole().and_then(|service| mesh.service(&service.namespace, &service.name))
    }
    /// Whether nobody shares anything out there yet.
    fn is_new(&self) -> bool {
        match self {
            Self::Http(rule) => rule.virtual_service.is_none(),
            Self::Shared(rule) => rule.at.is_none(),
        }
    }
}

/// What is counted of what a rule shares out.
#[derive(Clone)]
struct Counted {
    hosts: Vec<String>,
    behind: Vec<(String, Vec<WorkloadId>)>,
    /// Connections, not calls.
    opened: bool,
    /// Where there is a rule for some calls only, telemetry does not tell what it took.
    told: bool,
}

impl Counted {
    fn of(mesh: &Mesh, at: &Rule) -> Option<Self> {
        let service = at.service(mesh)?;
        Some(match at {
            Rule::Http(rule) => Self {
                hosts: vec![service.host.clone()],
                behind: edit::split::versions(service),
                opened: false,
                // Calls of all rules are counted together: they are shown where most of them go.
                told: rule.key.takes_all()
                    && rule.virtual_service.as_ref() == service.virtual_services.first(),
            },
            Rule::Shared(rule) => {
                let found = edit::shares::rules(mesh, service).into_iter().find(|found| found.at == *rule)?;
                let (hosts, behind) = (found.hosts, found.behind);
                let opened = rule.list != List::Rules;
                Self { hosts, behind, opened, told: rule.key.takes_all() }
            }
        })
    }

    /// What each part got of the last window's calls or connections.
    fn got(&self, form: &mut Form<'_>, at: &Rule) -> Vec<(String, MeasuredShare)> {
        let count = if self.opened { Flow::opened } else { Flow::rps };
        let ask = |_: &Mesh, all: &traffic::Traffic| traffic::shares(all, &self.hosts, &self.behind, count);
        form.measured(&("shares", at), ask).unwrap_or_default()
    }

    /// "over 60 s (594 calls)".
    fn over(&self, form: &mut Form<'_>, at: &Rule) -> String {
        let all: f64 = self.got(form, at).iter().map(|(_, share)| share.count).sum();
        let window = fmt::duration(form.cx().measured_secs() as f64);
        let what = if self.opened { "opened connections" } else { "calls" };
        format!("over {window} ({} {what})", fmt::count(all.round() as usize))
    }
}

impl Edits for Shares {
    type Scope = Rule;
    const ABOUT: About = About {
        name: NAME,
        icon: icon::ARROWS_SPLIT,
        summary: "Move traffic between the versions of a service; the shares always make 100 %",
    };
    const NEEDS: &'static [&'static Kind] = &[&kinds::VIRTUAL_SERVICE, &kinds::DESTINATION_RULE];
    const CHOOSER: Chooser = Chooser::Rules;
    const ALWAYS: bool = true;

    fn applies(service: &Service) -> bool {
        !service.external && service.subsets.len() > 1
    }

    /// For services with at least two versions, for whatever stands behind one, and for routes to several
    /// services.
    fn scopes(mesh: &Mesh, subject: &Subject<'_>) -> Vec<Scoped<Rule, Self>> {
        let Some(service) = subject.service.filter(|service| !service.external) else { return Vec::new() };
        let several =
            |shares: &[(String, u32)]| shares.iter().filter(|(name, _)| name != ALL_VERSIONS).count() > 1;
        let others: Vec<Shared> =
            edit::shares::rules(mesh, service).into_iter().filter(|rule| several(&rule.shares)).collect();
        let routed = others.iter().any(|rule| rule.usual);
        // "All versions" beside the only version is no choice; nor is a rule that would get nothing.
        let http = edit::rules(mesh, service)
            .into_iter()
            .filter(|rule| several(&rule.shares) && !(routed && rule.at.virtual_service.is_none()));
        let http = http.map(|rule| {
            let shares = Self(whole(rule.shares.clone()));
            let object = rule.at.virtual_service.as_ref();
            let object = object.map(|at| format!("{} {} · {}", at.kind, at.name, rule.words));
            let object = object.unwrap_or_else(|| rule.words.clone());
            Scoped { object, ..scoped(&rule, shares, false) }.for_scope(Rule::Http(rule.at.clone()))
        });
        let others = others.into_iter().map(|rule| {
            let object = rule.at.at.as_ref().map(|at| format!("{} {} · {}", at.kind, at.name, rule.words));
            Scoped {
                object: object.unwrap_or_else(|| rule.words.clone()),
                now: Self(whole(rule.shares)),
                present: false,
                usual: rule.usual,
                locked: rule.locked.map(|locked| (format!("→ {}", locked.goes), locked.why)),
                words: rule.words,
                at: Rule::Shared(rule.at),
            }
        });
        // What takes the calls stands first.
        let (http, others): (Vec<_>, Vec<_>) = (http.collect(), others.collect());
        if routed { [others, http].concat() } else { [http, others].concat() }
    }

    fn form(&mut self, was: &Self, at: &Rule, form: &mut Form<'_>) {
        let Some(service) = at.service(&form.cx().scene.mesh) else { return };
        let key = form.ui().id().with(format!("{at:?}"));
        let mut hand = Hand::of(form.ui(), key, self);
        self.follow_edge(at, form, &mut hand);
        let unset = at.is_new() && !form.differs();
        let Some(counted) = form.known(&("counted", at), |mesh| Counted::of(mesh, at)) else { return };
        let said = counted.over(form, at);
        let over =
            if counted.told { Ok(&*said) } else { Err("telemetry does not tell by which rule a call went") };
        let unseen = form.cx().scene.mesh.unseen(&kinds::VIRTUAL_SERVICE, &service.namespace);
        let unknown = unseen.map(|why| format!("Not known: {}", why.why));
        let free = if unknown.is_some() { "not known" } else { "not set: any pod may answer" };
        let words = Words { of: &service.name, over, unset: unset.then_some(free) };
        let measured = if counted.told { counted.got(form, at) } else { Vec::new() };
        let drawn = self.drawn(was, at, Tokens::of(form.ui()), &measured, &hand, unset);
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

    fn plan(&self, was: &Self, at: &Rule, plan: &mut Plan<'_>) {
        let known = |name: &String| was.0.iter().any(|(other, _)| other == name);
        let split = Split::new(self.0.clone()).filter(|_| self.0.iter().any(|(name, _)| known(name)));
        match (split, at) {
            (Some(split), Rule::Http(rule)) => edit::split::plan(plan, rule, &split),
            (Some(split), Rule::Shared(rule)) => edit::shares::plan(plan, rule, &split),
            (None, _) => {}
        }
    }

    fn samples() -> Vec<Self> {
        let of = |names: [&str; 3], weights: [u32; 3]| {
            Self(names.map(str::to_owned).into_iter().zip(weights).collect())
        };
        let all = |names| [[13, 7, 80], [0, 100, 0], [34, 33, 33]].map(|weights| of(names, weights));
        [all(["v1", "v2", "v3"]), all(["reviews-v1", "reviews-v2", "reviews-v3"])].concat()
    }

    fn short(&self) -> String {
        rules::goes(&self.0)
    }
}

/// What is in force, where whole percents do not say it.
fn exactly(mesh: &Mesh, at: &Rule) -> Option<String> {
    let shares = match at {
        Rule::Http(rule) => edit::split::in_force(mesh, rule)?,
        Rule::Shared(rule) => edit::shares::in_force(mesh, rule)?,
    };
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

/// Weights that make 100; weights that are all 0 (nothing routes yet) stay as they are.
fn whole(weights: Vec<(String, u32)>) -> Vec<(String, u32)> {
    if weights.iter().all(|(_, weight)| *weight == 0) {
        return weights;
    }
    Split::new(weights.clone()).map_or(weights, |split| split.weights())
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
    /// Takes in what was moved on an edge of the graph, and tells these what the draft says.
    fn follow_edge(&mut self, at: &Rule, form: &mut Form<'_>, hand: &mut Hand) {
        let Some(service) = at.whole() else { return };
        let ctx = form.ui().ctx().clone();
        if let Some(moved) = dragged::take(&ctx, service)
            && let Some(index) = self.0.iter().position(|(name, _)| *name == moved.part)
        {
            let mut steps = vec![Moved::Set(index, moved.percent)];
            steps.extend(moved.settled.then_some(Moved::Released(index)));
            let gesture = self.moved(&steps, hand);
            form.did(gesture);
        }
        dragged::tell(&ctx, service, &self.0);
    }

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
        at: &Rule,
        tokens: &Tokens,
        measured: &[(String, MeasuredShare)],
        hand: &Hand,
        unset: bool,
    ) -> Vec<Share> {
        let base = (!at.is_new()).then(|| Split::new(was.0.clone())).flatten();
        let Some(split) = hand.split(self) else { return Vec::new() };
        let share = |(index, share): (usize, &mesh::split::Share)| {
            let measured = measured.iter().find(|(name, _)| *name == share.name);
            let color = tokens.version(version(&share.name));
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

/// The version that a part is: "v3" of the Service "reviews-v3".
fn version(name: &str) -> &str {
    name.rsplit_once('-')
        .map(|(_, version)| version)
        .filter(|version| version.starts_with('v'))
        .unwrap_or(name)
}
