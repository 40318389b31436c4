//! RequestAuthentications: whose tokens are believed, where they are looked for, and what becomes of their
//! claims.

use super::policy::{self, PolicyAt, Read};
use crate::evidence::{Claim, CountedCalls, Counting, Mark, Measure, Portion, Want, Wanted, filters};
use crate::plan::Plan;
use crate::{Mesh, Object, Ref, Workload};
use istio::kinds;
use istio::views::{JwtRule, RequestAuthentication};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const FILTER: &str = "envoy.filters.http.jwt_authn";
/// What a policy says. Its rules are as they are written, with whatever no editor knows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tokens {
    /// Its rules.
    pub rules: Vec<Value>,
}

impl Tokens {
    /// What an object says.
    pub fn of(object: &Object) -> Self {
        Self { rules: object.spec().get("jwtRules").and_then(Value::as_array).cloned().unwrap_or_default() }
    }

    /// Its rules, as far as they can be read.
    pub fn views(&self) -> Vec<JwtRule> {
        self.rules.iter().map(|rule| serde_json::from_value(rule.clone()).unwrap_or_default()).collect()
    }
}

/// Policies that concern these workloads, the oldest first.
pub fn policies(
    mesh: &Mesh,
    workloads: &[&Workload],
    service: Option<(&str, &str)>,
) -> Vec<Read<RequestAuthentication>> {
    policy::concerning(mesh, &kinds::REQUEST_AUTHENTICATION, workloads, service)
}

/// Makes a policy say this, or (`None`) takes it away.
pub fn plan(plan: &mut Plan<'_>, at: &PolicyAt, wanted: Option<&Tokens>) {
    let mesh = plan.mesh();
    let made = match (at, wanted) {
        (PolicyAt::New(_) | PolicyAt::For(_), None) => return,
        (PolicyAt::Of(at), None) => {
            plan.delete(at);
            plan.title(format!("{at} is deleted"));
            at.clone()
        }
        (PolicyAt::Of(at), Some(tokens)) => {
            let Some(was) = mesh.objects().get(at).map(Tokens::of) else { return plan.gone() };
            if was != *tokens {
                let mut object = plan.object(at);
                // Rules of one policy are believed together: it is judged as a whole.
                object.saw("spec");
                if tokens.rules.is_empty() {
                    object.within("spec").remove("jwtRules");
                } else {
                    policy::rows(&mut object, "spec/jwtRules", &tokens.rules);
                }
            }
            plan.title(format!("{at}: {}", said(tokens)));
            at.clone()
        }
        (PolicyAt::New(_) | PolicyAt::For(_), Some(tokens)) => {
            let spec = json!({ "jwtRules": tokens.rules });
            let whom = at.whom();
            let fresh = policy::made(plan, &kinds::REQUEST_AUTHENTICATION, at, "tokens", spec);
            let Some(at) = fresh else { return plan.gone() };
            plan.title(format!("{whom}: {}", said(tokens)));
            at
        }
    };
    evidence(plan, &made);
}

/// "tokens of https://a.example are believed".
fn said(tokens: &Tokens) -> String {
    let issuers: Vec<String> = tokens.views().into_iter().map(|rule| rule.issuer).collect();
    if issuers.is_empty() {
        return "no token is believed".to_owned();
    }
    format!("tokens of {} are believed", issuers.join(", "))
}

/// What a proxy shows of a rule, by its place there. Keys it keeps to itself.
fn shown(rule: &JwtRule) -> Vec<(&'static str, Value)> {
    let list = |all: &[String]| if all.is_empty() { Value::Null } else { json!(all) };
    let headers: Vec<Value> = rule
        .from_headers
        .iter()
        .map(|from| match from.prefix.as_deref() {
            None | Some("") => json!({ "name": from.name }),
            Some(prefix) => json!({ "name": from.name, "value_prefix": prefix }),
        })
        .collect();
    let claims: Vec<Value> = rule
        .output_claim_to_headers
        .iter()
        .map(|to| json!({ "header_name": to.header, "claim_name": to.claim }))
        .collect();
    let some = |all: Vec<Value>| if all.is_empty() { Value::Null } else { all.into() };
    let text =
        |text: &Option<String>| text.clone().filter(|text| !text.is_empty()).map_or(Value::Null, Value::from);
    vec![
        ("/audiences", list(&rule.audiences)),
        ("/from_headers", some(headers)),
        ("/from_params", list(&rule.from_params)),
        ("/from_cookies", list(&rule.from_cookies)),
        ("/forward", if rule.forward_original_token { json!(true) } else { Value::Null }),
        ("/forward_payload_header", text(&rule.output_payload_to_header)),
        ("/claim_to_headers", some(claims)),
    ]
}

struct Side<'a> {
    workloads: Vec<&'a Workload>,
    rules: Vec<JwtRule>,
}

impl<'a> Side<'a> {
    fn of(mesh: &'a Mesh, at: &Ref, object: Option<&Object>) -> Self {
        let read = object.and_then(|object| Read::<RequestAuthentication>::of(at, object));
        let workloads = read.as_ref().map(|read| read.workloads(mesh)).unwrap_or_default();
        Self { workloads, rules: read.map(|read| read.spec.jwt_rules).unwrap_or_default() }
    }
    fn rule(&self, issuer: &str) -> Option<&JwtRule> {
        self.rules.iter().find(|rule| rule.issuer == issuer)
    }
}

fn evidence(plan: &mut Plan<'_>, at: &Ref) {
    let mesh = plan.mesh();
    let after = plan.object_after(at);
    let now = Side::of(mesh, at, after.as_ref());
    let was = Side::of(mesh, at, mesh.objects().get(at));
    let guarded = if now.workloads.is_empty() { &was.workloads } else { &now.workloads };
    let others: Vec<Read<RequestAuthentication>> = policy::all(mesh, &kinds::REQUEST_AUTHENTICATION);
    let elsewhere = |issuer: &str| {
        let mut others = others.iter().filter(|other| other.at != *at);
        others.any(|other| {
            other.spec.jwt_rules.iter().any(|rule| rule.issuer == issuer)
                && guarded.iter().any(|workload| other.holds(mesh, workload))
        })
    };
    let mut issuers: Vec<&str> =
        now.rules.iter().chain(&was.rules).map(|rule| rule.issuer.as_str()).collect();
    issuers.sort_unstable();
    issuers.dedup();
    let mut untold = false;
    for issuer in issuers {
        let twice = |side: &Side<'_>| side.rules.iter().filter(|rule| rule.issuer == issuer).count() > 1;
        // Of several rules for one issuer, proxies do not tell which is which.
        if elsewhere(issuer) || twice(&now) || twice(&was) {
            untold = true;
            continue;
        }
        let key = issuer.replace('~', "~0").replace('/', "~1");
        let place = |path: &str| -> Claim {
            let proxies = policy::proxies(guarded);
            filters(proxies, &[FILTER]).at(&format!("/providers/[issuer={key}]{path}"))
        };
        match (now.rule(issuer), was.rule(issuer)) {
            (Some(rule), Some(old)) => {
                for ((path, now), (_, was)) in shown(rule).into_iter().zip(shown(old)) {
                    plan.shows(&place(path), now, was);
                }
            }
            (Some(rule), None) => plan.claims(all(rule, &place), vec![place("").absent()]),
            (None, Some(old)) => plan.claims(vec![place("").absent()], all(old, &place)),
            (None, None) => {}
        }
    }
    // But how many there are they tell.
    for workload in guarded.iter().filter(|_| untold) {
        let others = others.iter().filter(|other| other.at != *at && other.holds(mesh, workload));
        let others: usize = others.map(|other| other.spec.jwt_rules.len()).sum();
        let count = |side: &Side<'_>| {
            let own = side.workloads.iter().any(|one| one.name == workload.name);
            others + if own { side.rules.len() } else { 0 }
        };
        let place = filters(workload.proxies(), &[FILTER]).at("/providers");
        let many = |count: usize| {
            if count == 0 { place.clone().absent() } else { place.clone().wants(Want::Many(count)) }
        };
        if count(&now) != count(&was) {
            plan.claims(vec![many(count(&now))], vec![many(count(&was))]);
        }
    }
    let at = guarded.iter().map(|one| (one.namespace.to_string(), one.name.to_string())).collect();
    let refused = Portion::new("refused (401)", Mark::Code("401".to_owned()), Wanted::Any);
    let measure = Measure::Counted(Counting::new(CountedCalls::At(at), vec![refused]));
    plan.measures(Some(measure.clone()), Some(measure));
}

/// All that a proxy shows of a rule.
fn all(rule: &JwtRule, place: &dyn Fn(&str) -> Claim) -> Vec<Claim> {
    let said = shown(rule).into_iter().filter(|(_, value)| !value.is_null());
    std::iter::once(place("")).chain(said.map(|(path, value)| place(path).is(value))).collect()
}
