//! Fault: makes calls of a service wait or fail on purpose, all of them or those with a header.

use super::edits::{Chooser, Edits, Scope, Scoped};
use super::form::Form;
use super::form::{Number, SWITCH, Setting};
use super::rules::http_rules;
use crate::kit::theme::size;
use crate::kit::{Button, Tokens, fmt, room, window};
use crate::panel::About;
use crate::subject::Subject;
use egui::RichText;
use egui_phosphor::regular as icon;
use mesh::edit::{self, FaultSpec, HeaderIs, Status};
use mesh::lens::{Reading, aimed_at};
use mesh::plan::{HttpRule, Plan};
use mesh::{Kind, Mesh, Service, kinds};
use serde::{Deserialize, Serialize};

/// The fault of a rule; of a rule that is still to be made, the calls that it is for too.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Faults {
    only: HeaderIs,
    spec: FaultSpec,
}

/// Which calls.
#[derive(Clone, Debug)]
pub enum Calls {
    /// Those of a rule.
    Of(HttpRule),
    /// Those among the calls of this rule that carry a header: a rule of their own is put before it.
    WithHeader(HttpRule),
}

impl Scope for Calls {
    fn is(&self, now: &Self) -> bool {
        match (self, now) {
            (Self::Of(this), Self::Of(now)) => this.is(now),
            (Self::WithHeader(_), Self::WithHeader(_)) => true,
            _ => false,
        }
    }
}

impl Edits for Faults {
    type Scope = Calls;
    const ABOUT: About = About {
        name: "Fault",
        icon: icon::LIGHTNING,
        summary: "Make calls wait or fail on purpose, to see how their callers take it",
    };
    const NEEDS: &'static [&'static Kind] = &[&kinds::VIRTUAL_SERVICE];
    const CHOOSER: Chooser = Chooser::Menu("fault calls");

    /// For services that speak HTTP, and for whatever stands behind one.
    fn scopes(mesh: &Mesh, subject: &Subject<'_>) -> Vec<Scoped<Calls, Self>> {
        let read = |rule: &edit::Rule| Self { spec: rule.fault, only: HeaderIs::default() };
        let rules = http_rules(mesh, subject, read);
        let of = |rule: &Scoped<HttpRule, Self>| rule.clone().for_scope(Calls::Of(rule.at.clone()));
        let mut all: Vec<Scoped<Calls, Self>> = rules.iter().map(of).collect();
        if !all.iter().any(|rule| rule.usual)
            && let Some(last) = all.last_mut()
        {
            last.usual = true;
        }
        // The rule that one for calls with a header is made of: the one that takes all other calls.
        let model = rules.iter().find(|rule| rule.usual && rule.at.key.takes_all());
        let model = model.or_else(|| rules.iter().find(|rule| rule.usual)).or(rules.last());
        all.extend(model.filter(|model| model.locked.is_none()).map(|model| Scoped {
            words: "calls with a header…".to_owned(),
            now: Self::default(),
            present: false,
            usual: false,
            ..model.clone().for_scope(Calls::WithHeader(model.at.clone()))
        }));
        all
    }

    fn form(&mut self, was: &Self, at: &Calls, form: &mut Form<'_>) {
        let (Calls::Of(rule) | Calls::WithHeader(rule)) = at;
        if let Calls::WithHeader(_) = at {
            form.line("", 0.0, |line| {
                let width = (line.ui().available_width() - 28.0) / 2.0;
                line.text("header name", "e.g. end-user", &mut self.only.name, Some(width));
                line.word("is");
                line.text("header value", "e.g. jason", &mut self.only.value, Some(width));
            });
        }
        let delay = Setting::of("Delay").named("delay calls").width(SWITCH);
        form.optional(delay, &mut self.spec.delay, (2000, 100.0), |line, (millis, share)| {
            let mut number = *millis as f64;
            let suffix = format!("{}ms", fmt::THIN);
            let field = Number {
                step: 20.0,
                suffix: &suffix,
                ..Number::whole("delay milliseconds", 1.0..=600_000.0)
            };
            line.number(field, &mut number);
            *millis = number.round() as u64;
            line.word("on");
            line.percent("delay percentage", share);
            line.word("of calls");
        });
        let abort = Setting::of("Abort").named("abort calls").width(SWITCH);
        form.optional(abort, &mut self.spec.abort, (Status::Http(503), 100.0), |line, (status, _)| {
            let by = usize::from(matches!(status, Status::Grpc(_)));
            match line.choose("abort by", &["HTTP", "gRPC"], by) {
                Some(0) => *status = Status::Http(503),
                Some(_) => *status = Status::Grpc(14),
                None => {}
            }
            match status {
                Status::Http(status) => {
                    let mut number = f64::from(*status);
                    line.number(Number::whole("abort status", 200.0..=599.0), &mut number);
                    *status = number.round() as u16;
                }
                Status::Grpc(status) => {
                    let chosen = usize::try_from(*status).unwrap_or_default();
                    if let Some(picked) = line.choose("abort status", &istio::grpc::STATUSES, chosen) {
                        *status = picked as u32;
                    }
                }
            }
        });
        if let Some((_, share)) = &mut self.spec.abort {
            form.line("", SWITCH, |line| {
                line.word("on");
                line.percent("abort percentage", share);
                line.word("of calls");
            });
        }
        let never = |share: Option<f64>| share == Some(0.0);
        if never(self.spec.delay.map(|(_, share)| share)) || never(self.spec.abort.map(|(_, share)| share)) {
            form.note("0 % of calls: a fault without a percentage never acts");
        }
        // A fault that is only a draft is taken back by Reset: there is none to remove.
        let there = !was.spec.is_none() && !self.spec.is_none();
        form.buttons(|line| {
            if line.button(Button::quiet("Remove fault").danger(), there) {
                self.spec = FaultSpec::default();
            }
        });
        if let Some(service) = rule.service(&form.cx().scene.mesh) {
            let said = effect(form, service);
            let color = Tokens::of(form.ui()).degraded;
            room::keep(form.ui(), "effect", |ui| {
                said.map(|said| ui.label(RichText::new(said).size(size::SECONDARY).color(color)));
            });
        }
    }

    fn plan(&self, _was: &Self, at: &Calls, plan: &mut Plan<'_>) {
        match at {
            Calls::Of(rule) => edit::fault::plan(plan, rule, None, self.spec),
            Calls::WithHeader(_) if self.spec.is_none() => {}
            Calls::WithHeader(model) => edit::fault::plan(plan, model, Some(&self.only), self.spec),
        }
    }

    fn samples() -> Vec<Self> {
        let only = HeaderIs { name: "End-User".into(), value: "rock and roll, or any path".into() };
        let of = |delay, abort| Self { only: only.clone(), spec: FaultSpec { delay, abort } };
        vec![
            of(Some((2500, 50.0)), None),
            of(None, Some((Status::Http(418), 12.5))),
            of(Some((7, 100.0)), Some((Status::Http(503), 0.0))),
            of(None, Some((Status::Grpc(14), 25.0))),
            of(None, None),
        ]
    }

    /// A rule that was made for calls with a header.
    fn came_true(&self, at: &Calls, now: &Scoped<Calls, Self>) -> bool {
        let only = self.only.tidy();
        let Calls::Of(rule) = &now.at else { return false };
        matches!(at, Calls::WithHeader(_))
            && !self.spec.is_none()
            && now.now.spec == self.spec
            && rule.key.wants(&only.name, &only.value)
    }
}

/// What the fault does, as telemetry tells it.
fn effect(form: &Form<'_>, service: &Service) -> Option<String> {
    let traffic = form.cx().scene.traffic.value()?;
    let calls = Reading::of(Some(traffic), |path| aimed_at(path, service));
    let (delayed, aborted, all) = (calls.flagged("DI"), calls.flagged("FI"), calls.rps());
    if all <= 0.0 || (delayed <= 0.0 && aborted <= 0.0) {
        return None;
    }
    let mut said = Vec::new();
    if delayed > 0.0 {
        said.push(format!("{} of calls delayed", fmt::percent(delayed / all * 100.0)));
    }
    if aborted > 0.0 {
        said.push(format!("{} of calls aborted", fmt::percent(aborted / all * 100.0)));
    }
    let over = window::name(form.cx().measured_secs()).to_lowercase();
    Some(format!("{}  measured in the {over}: {}", icon::LIGHTNING, said.join(", ")))
}
