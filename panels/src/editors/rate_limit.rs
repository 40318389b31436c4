//! Rate limit: how many calls a workload takes in a time; each of its proxies counts for itself.

use super::edits::{Chooser, Edits, Scope, Scoped};
use super::fields::{FieldRow, Fields, Holds, fields};
use super::form::{Form, Setting};
use crate::kit::fmt;
use crate::panel::About;
use crate::subject::Subject;
use egui_phosphor::regular as icon;
use mesh::edit::rate_limit::{self, LimitOf};
use mesh::evidence::{Measure, Want};
use mesh::plan::Plan;
use mesh::traffic::Traffic;
use mesh::{Kind, Mesh, Service, kinds};
use serde::{Deserialize, Serialize};
use serde_json::json;

const CALLS: &str = "token_bucket/tokens_per_fill";
const EVERY: &str = "token_bucket/fill_interval";
const AT_ONCE: &str = "token_bucket/max_tokens";
const CODE: &str = "status/code";

fields! {
    HEADER {
        "header/key" "Name" Holds::Text("x-local-rate-limit"), "" [] "Its name";
        "header/value" "Value" Holds::Text("true"), "" [] "What it says";
    }
    ROWS {
        "token_bucket/tokens_per_fill" "Calls" Holds::Count(100), "1" ["/token_bucket/tokens_per_fill"]
            "How many calls are let through in each interval";
        "token_bucket/fill_interval" "Every" Holds::Time(60_000), "" ["/token_bucket/fill_interval"]
            "The interval";
        "token_bucket/max_tokens" "At once" Holds::Count(100), "" ["/token_bucket/max_tokens"]
            "How many calls may come in one burst, after a quiet time";
        "status/code" "Answered with" Holds::Count(429), "429" ["/status/code"]
            "The status of calls that are refused; below 400 Envoy answers 429";
        "filter_enforced/default_value/numerator" "Enforced for" Holds::Percent(100), "0 %"
            ["/filter_enforced/default_value/numerator"]
            "The share of calls that are refused once the limit is reached; 0 only counts them";
        "response_headers_to_add" "Headers of refusals" Holds::Each("header", HEADER), "" []
            "Headers that tell callers why";
    }
}

/// The limit of a workload, if it has one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Limit(Option<Fields>);

impl Scope for LimitOf {
    fn is(&self, now: &Self) -> bool {
        self.workload == now.workload && (self.patch == now.patch || self.patch.is_none())
    }
}

impl Edits for Limit {
    type Scope = LimitOf;
    const ABOUT: About = About {
        name: "Rate limit",
        icon: icon::SPEEDOMETER,
        summary: "Let a workload take so many calls in a time, and refuse the others with 429",
    };
    const NEEDS: &'static [&'static Kind] = &[&kinds::ENVOY_FILTER];
    const CHOOSER: Chooser = Chooser::Menu("rate limit of calls");
    const FIELDS: &'static [&'static [FieldRow]] = &[ROWS];

    fn applies(service: &Service) -> bool {
        !service.workloads.is_empty()
    }

    fn scopes(mesh: &Mesh, subject: &Subject<'_>) -> Vec<Scoped<LimitOf, Self>> {
        let with_proxy = subject.workloads.iter().filter(|workload| workload.proxies().next().is_some());
        let all = with_proxy.flat_map(|workload| rate_limit::limits(mesh, workload));
        all.map(|at| {
            let now = Self(at.config(mesh).map(|config| Fields::of(Some(config), ROWS)));
            Scoped {
                words: format!("calls to {}", at.workload.name),
                object: at.patch.as_ref().map_or_else(
                    || at.workload.name.to_string(),
                    |(object, _)| format!("{} {}", object.kind, object.name),
                ),
                present: at.patch.is_some(),
                now,
                usual: false,
                locked: at.wider(mesh).map(|count| {
                    let why = format!("This EnvoyFilter is for {count} workloads: edit it as an object");
                    ("limited together with others".to_owned(), why)
                }),
                at,
            }
        })
        .collect()
    }

    fn form(&mut self, _was: &Self, at: &LimitOf, form: &mut Form<'_>) {
        let mut on = self.0.is_some();
        form.switch(Setting::of("Limit calls").means("Whether calls are counted and refused"), &mut on);
        match (&mut self.0, on) {
            (Some(_), false) => self.0 = None,
            (None, true) => {
                let start = [(CALLS, json!(100)), (EVERY, json!("60s")), (AT_ONCE, json!(100))];
                let mut fields = Fields::with(start);
                fields.put("filter_enforced/default_value/numerator", &100_u32);
                self.0 = Some(fields);
            }
            _ => {}
        }
        let Some(fields) = &mut self.0 else { return };
        fields.form(ROWS, form);
        let pods =
            form.known(&("pods", at), |mesh| at.workload(mesh).map_or(0, |workload| workload.pods.len()));
        if pods > 1 {
            form.note(format!("Each proxy counts for itself: {pods} pods let through {pods} times as many"));
        }
        refused(form, at, fields.get(CODE).unwrap_or(429));
    }

    fn plan(&self, was: &Self, at: &LimitOf, plan: &mut Plan<'_>) {
        if self == was {
            return;
        }
        let mesh = plan.mesh();
        let name = at.workload.name.clone();
        let Some(place) = rate_limit::shown(mesh, at) else { return plan.gone() };
        if let Some(fields) = &self.0 {
            for path in [CALLS, EVERY, AT_ONCE] {
                if fields.value(path).is_none() {
                    return plan.not_yet(
                        "Nothing to push yet: say how many calls, in which time, and how many at once",
                    );
                }
            }
        }
        let inner = at.place(mesh);
        let below = inner.as_deref().map_or("", rate_limit::below);
        let there =
            |fields: &Fields| vec![place.clone().at(&format!("{below}/token_bucket")).is(bucket(fields))];
        let none = vec![place.clone().wants(Want::Absent)];
        let object = at.patch.as_ref().map(|(object, _)| object);
        match (&self.0, &was.0, inner.as_ref().zip(object)) {
            (Some(now), Some(before), Some((inner, object))) => {
                now.plan(before, &mut plan.object(object).within(inner));
                now.shows(Some(before), ROWS, (&place, below), plan);
                plan.title(format!("Calls to {name}: {}", now.said(before, ROWS)));
            }
            (Some(now), None, _) => {
                let mut config = json!({});
                now.write(&Fields::default(), &mut config);
                rate_limit::create(plan, at, config);
                plan.claims(there(now), none);
                plan.title(format!("{name} takes at most {}", in_words(now)));
            }
            (None, Some(before), _) => {
                rate_limit::remove(plan, at);
                plan.claims(none, there(before));
                plan.title(format!("{name} takes any number of calls, no longer {}", in_words(before)));
            }
            _ => return plan.gone(),
        }
        let told =
            Measure::Untold("Calls are refused once there are too many; the form says how many".to_owned());
        plan.measures(Some(told.clone()), Some(told));
    }

    fn samples() -> Vec<Self> {
        let some = [
            json!({ "token_bucket": { "tokens_per_fill": 5, "fill_interval": "10s", "max_tokens": 7 } }),
            json!({ "token_bucket": { "tokens_per_fill": 50, "fill_interval": "0.5s", "max_tokens": 50 },
                "status": { "code": 503 }, "filter_enforced": { "default_value": { "numerator": 50 } } }),
        ];
        let some = some.iter().map(|config| Self(Some(Fields::of(Some(config), ROWS))));
        std::iter::once(Self(None)).chain(some).collect()
    }
}

fn bucket(fields: &Fields) -> serde_json::Value {
    json!({ "tokens_per_fill": fields.value(CALLS), "fill_interval": fields.value(EVERY),
        "max_tokens": fields.value(AT_ONCE) })
}

/// "100 calls every 60 s".
fn in_words(fields: &Fields) -> String {
    let every = fields.get::<istio::Duration>(EVERY).map(super::form::shown).unwrap_or_default();
    format!("{} every {every}", fmt::counted(fields.get::<u32>(CALLS).unwrap_or(0) as usize, "call", "calls"))
}

/// How many calls are refused just now.
fn refused(form: &mut Form<'_>, at: &LimitOf, code: u32) {
    let rate = |_: &Mesh, traffic: &Traffic| {
        let to = |path: &&mesh::traffic::Path| {
            path.destination.workload == at.workload.name
                && path.destination.namespace == at.workload.namespace
        };
        let flows = traffic.flows.iter().filter(|(path, _)| to(path));
        let (mut all, mut refused) = (0.0, 0.0);
        for ((answer, _), rps) in flows.flat_map(|(_, flow)| &flow.responses) {
            all += rps;
            if **answer == *code.to_string() {
                refused += rps;
            }
        }
        (all, refused)
    };
    let said = match form.measured(&("refused", at, code), rate) {
        Some((all, refused)) => {
            format!("{} of {} are answered with {code} just now", fmt::rps(refused), fmt::rps(all))
        }
        None => format!("How many calls are answered with {code} is not known: nothing is measured"),
    };
    form.note(said);
}
