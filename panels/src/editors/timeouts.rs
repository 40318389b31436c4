//! Timeouts and retries: how long callers wait, and how often their proxy asks again.

use super::edits::{Chooser, Edits, Scoped};
use super::fields::{FieldRow, Fields, Holds, RETRIED_ON, fields};
use super::form::Form;
use super::form::shown;
use super::in_force;
use super::rules::http_rules;
use crate::panel::About;
use crate::subject::Subject;
use egui_phosphor::regular as icon;
use istio::Duration;
use mesh::evidence::{Mark, Measure, Portion, Wanted};
use mesh::plan::{HttpRule, Plan, capital};
use mesh::{Kind, Mesh, kinds};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const ATTEMPTS: &str = "retries/attempts";
const POLICY: &str = "/route/retry_policy";

fields! {
    ROWS {
        "timeout" "Timeout" Holds::Limit(5_000), "none: callers wait for ever" ["/route/timeout"]
            "How long a call may take, with all its retries";
        "retries/attempts" "Retries" Holds::UpTo(2, POLICY), "2, if none answered" [POLICY, "/num_retries"]
            "How often the proxy asks again; 0 turns retries off";
        "retries/perTryTimeout" "Per try" Holds::Time(2_000), "as the timeout" [POLICY, "/per_try_timeout"]
            "How long each try may take";
        "retries/retryOn" "Retry on" Holds::Words("5xx", RETRIED_ON), "if none answered" [POLICY, "/retry_on"]
            "What is asked for again: conditions of Envoy, or status codes";
        "retries/backoff" "Back-off" Holds::Time(25), "25 ms" [POLICY, "/retry_back_off/base_interval"]
            "The pause before the first retry; the next ones are longer";
        "retries/retryRemoteLocalities" "Other localities" Holds::Adds, "no" [POLICY, "/retry_priority"]
            "Whether retries may go to endpoints in other regions and zones";
        "retries/retryIgnorePreviousHosts" "Others first" Holds::Drops, "yes"
            [POLICY, "/retry_host_predicate"] "Whether retries leave out endpoints that were asked before";
    }
}

/// How long the calls of a rule may take, and how they are tried again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Wait(Fields);

impl Edits for Wait {
    type Scope = HttpRule;
    const ABOUT: About = About {
        name: "Timeouts and retries",
        icon: icon::TIMER,
        summary: "Decide how long callers wait, and how often their proxy asks again",
    };
    const NEEDS: &'static [&'static Kind] = &[&kinds::VIRTUAL_SERVICE];
    const CHOOSER: Chooser = Chooser::Menu("timeout and retry calls");
    const PLACE: &'static str = "spec/http/0";
    const FIELDS: &'static [&'static [FieldRow]] = &[ROWS];

    fn scopes(mesh: &Mesh, subject: &Subject<'_>) -> Vec<Scoped<HttpRule, Self>> {
        http_rules(mesh, subject, |rule| rule.at.raw(mesh).map(Self::of).unwrap_or_default())
    }

    fn form(&mut self, _was: &Self, _at: &HttpRule, form: &mut Form<'_>) {
        self.0.form(&ROWS[..2], form);
        match self.0.get(ATTEMPTS) {
            Some(1u32..) => self.0.form(&ROWS[2..], form),
            Some(0) => form.note("Retries are off"),
            None => {
                self.0.clear("retries/");
                let config = in_force::mesh_config(form);
                form.note(in_force::retries(config.as_deref().map_err(String::as_str)));
            }
        }
        let (said, cut_short) = self.worst_case();
        form.note(said);
        if cut_short {
            form.warning("The timeout cuts the tries short", "", "Give it more time, or the tries less");
        }
    }

    fn plan(&self, was: &Self, at: &HttpRule, plan: &mut Plan<'_>) {
        let (mut now, tries) = (self.clone(), self.0.get::<u32>(ATTEMPTS));
        self.0.check(ROWS, plan);
        if tries.is_none() {
            plan.rule(at).set("retries", Value::Null); // what is left of them would turn retries off
        } else if tries == Some(0) {
            now.0.clear_but("retries/", ATTEMPTS); // Istio takes nothing else of retries that are off
        }
        now.0.plan(&was.0, &mut plan.rule(at));
        let Some(route) = plan.route(at) else { return };
        now.0.shows(Some(&was.0), ROWS, (&route, ""), plan);
        plan.measures(now.measure(was, at, plan.mesh()), was.measure(&now, at, plan.mesh()));
        let said = now.0.said(&was.0, ROWS);
        plan.title(format!("{} to {}: {said}", capital(&at.words(plan.mesh())), at.service.name));
    }

    fn samples() -> Vec<Self> {
        let all = json!({ "timeout": "12s", "retries": { "attempts": 3, "perTryTimeout": "4s",
            "backoff": "0.05s", "retryOn": "5xx,503", "retryRemoteLocalities": true,
            "retryIgnorePreviousHosts": false } });
        let twice = json!({ "timeout": "1.5s", "retries": { "attempts": 2 } }); // as Istio by itself
        [twice, json!({ "retries": { "attempts": 0 } }), all, json!({})].iter().map(Self::of).collect()
    }
}

impl Wait {
    fn of(rule: &Value) -> Self {
        Self(Fields::of(Some(rule), ROWS))
    }

    /// How long a call may take at most; whether the timeout cuts its tries short.
    fn worst_case(&self) -> (String, bool) {
        let time = |path| self.0.get::<Duration>(path).map(Duration::millis);
        let tries = 1 + i64::from(self.0.get::<u32>(ATTEMPTS).unwrap_or(2));
        let up_to = |time| format!("A call may take up to {}", shown(Duration::from_millis(time)));
        match (time("timeout"), time("retries/perTryTimeout")) {
            (None, None) => ("A call may take for ever: nothing ends it".to_owned(), false),
            (Some(timeout), None) => (up_to(timeout), false),
            (timeout, Some(each)) => {
                let all = each * tries;
                let of = format!("{tries} tries of {}", shown(Duration::from_millis(each)));
                let said = format!("{}: {of}", up_to(timeout.unwrap_or(all).min(all)));
                (said, timeout.is_some_and(|timeout| timeout < all))
            }
        }
    }

    /// No call takes longer than the timeout.
    fn measure(&self, was: &Self, rule: &HttpRule, mesh: &Mesh) -> Option<Measure> {
        let (now, was) = (self.0.get::<Duration>("timeout"), was.0.get::<Duration>("timeout"));
        if now == was {
            return Some(Measure::Untold("Telemetry counts calls, not how often they were tried".to_owned()));
        }
        let time = now?;
        let slower = Mark::SlowerThan(time.millis().unsigned_abs());
        let longer = Portion::new(format!("longer than {}", shown(time)), slower, Wanted::None);
        let ended = Portion::new("ended by a timeout (504 UT)", Mark::Flag("UT".to_owned()), Wanted::Any);
        rule.measure(mesh, vec![longer, ended])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_case_is_said() {
        #[track_caller]
        fn check(rule: Value, said: &str, cut_short: bool) {
            let (worst, cut) = Wait::of(&rule).worst_case();
            assert_eq!((&*worst.replace('\u{a0}', " "), cut), (said, cut_short));
        }
        check(json!({}), "A call may take for ever: nothing ends it", false);
        check(json!({ "timeout": "10s" }), "A call may take up to 10 s", false);
        let retries = json!({ "attempts": 2, "perTryTimeout": "4s" });
        check(json!({ "retries": retries }), "A call may take up to 12 s: 3 tries of 4 s", false);
        let both = json!({ "timeout": "10s", "retries": retries });
        check(both, "A call may take up to 10 s: 3 tries of 4 s", true);
    }
}
