//! Faults: delays and aborts on the calls of one rule, or of those among them that carry a header.

use super::rules::fault_of;
use super::split::untold;
use super::{FaultSpec, Status};
use crate::change::Change;
use crate::evidence::{Claim, CountedCalls, Counting, Mark, Measure, Portion, Wanted, route, routes};
use crate::plan::{Field as _, HttpRule, Plan, RuleKey, capital, percent};
use crate::{Mesh, Ref, Service};
use istio::Duration;
use istio::views::{Fault, VirtualService};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Calls that carry this header with exactly this value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderIs {
    /// "end-user".
    pub name: String,
    /// "jason".
    pub value: String,
}

impl HeaderIs {
    /// Without spaces around, and the name as proxies write it: in lower case.
    #[must_use]
    pub fn tidy(&self) -> Self {
        Self { name: self.name.trim().to_lowercase(), value: self.value.trim().to_owned() }
    }
}

/// The change that gives a rule this fault; `None` when it has it, or when it cannot be made.
pub fn fault(mesh: &Mesh, rule: &HttpRule, only: Option<&HeaderIs>, wanted: FaultSpec) -> Option<Change> {
    let mut made = Plan::new(mesh);
    plan(&mut made, rule, only, wanted);
    made.change().ok()?
}

/// Gives a rule this fault (an empty one takes it away). With `only`, a new rule for calls with that header
/// is put before it, which copies its route and gets the fault; taking that rule's fault away removes it
/// again.
pub fn plan(plan: &mut Plan<'_>, rule: &HttpRule, only: Option<&HeaderIs>, wanted: FaultSpec) {
    let Some(service) = rule.service(plan.mesh()) else { return plan.gone() };
    match only {
        None => in_place(plan, service, rule, wanted),
        Some(_) if wanted.is_none() => {}
        Some(header) => inserted(plan, service, rule, header, wanted),
    }
}

fn in_place(plan: &mut Plan<'_>, service: &Service, rule: &HttpRule, wanted: FaultSpec) {
    let now = rule.view(plan.mesh()).map(fault_of).unwrap_or_default();
    if now == wanted {
        return;
    }
    let Some((at, index)) = plan.place(rule) else { return plan.gone() };
    let path = |index: usize| format!("spec/http/{index}");
    let mut object = plan.object(&at);
    let next = object.get(&path(index + 1));
    let made_for_header = |own| next.is_some_and(|next| copied_for_header(own, next));
    if wanted.is_none() && object.get(&path(index)).is_some_and(made_for_header) {
        object.remove(&path(index));
    } else {
        let mut part = plan.rule(rule);
        let new = written(part.get("fault"), now, wanted);
        part.set("fault", new.unwrap_or_default());
    }
    plan.title(title(service, &rule.words(plan.mesh()), wanted));
    evidence(plan, service, &at, index);
}

fn inserted(plan: &mut Plan<'_>, service: &Service, model: &HttpRule, only: &HeaderIs, wanted: FaultSpec) {
    let header = only.tidy();
    match (header.name.is_empty(), header.value.is_empty()) {
        (true, _) => {
            return plan.not_yet("Nothing to push yet: say which header, and the value that calls have");
        }
        // "exact: ''" would mean calls whose header is there and empty: nobody means that.
        (_, true) => return plan.not_yet("Nothing to push yet: say which value of the header"),
        (false, false) => {}
    }
    let Some((at, index)) = plan.place(model) else { return plan.gone() };
    let part = plan.rule(model);
    let Some(copy) = part.get("").and_then(|rule| copied(rule, &header, wanted)) else { return plan.gone() };
    let matches = copy.get("match").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let rules = plan.object(&at).get("spec").map(RuleKey::all).unwrap_or_default();
    if rules.iter().any(|key| key.takes(matches)) {
        return plan.not_yet("Nothing to push: there is a rule for these calls, choose it above");
    }
    plan.object(&at).insert(&format!("spec/http/{index}"), copy.into());
    plan.title(title(service, &format!("calls with {} = {}", only.name.trim(), header.value), wanted));
    evidence(plan, service, &at, index);
}

/// A rule over again, for those of its calls that have a header.
fn copied(rule: &Value, header: &HeaderIs, wanted: FaultSpec) -> Option<Map<String, Value>> {
    let mut copy = rule.as_object()?.clone();
    let matches = copy.get("match").and_then(Value::as_array).filter(|list| !list.is_empty()).cloned();
    let mut matches = matches.unwrap_or_else(|| vec![json!({})]);
    for one in &mut matches {
        let headers = one.as_object_mut()?.entry("headers").or_insert_with(|| json!({}));
        headers.as_object_mut()?.insert(header.name.clone(), json!({ "exact": header.value }));
    }
    if let Some(name) = copy.get("name").and_then(Value::as_str) {
        let name = format!("{name}-fault");
        copy.insert("name".into(), name.into());
    }
    let fault = written(None, FaultSpec::default(), wanted)?;
    copy.shift_insert(0, "match".into(), matches.into());
    copy.shift_remove("fault");
    copy.shift_insert(1.min(copy.len()), "fault".into(), fault);
    Some(copy)
}

/// What shows that a rule has its fault. Where rules came or went, the routes as a whole show that.
fn evidence(plan: &mut Plan<'_>, service: &Service, at: &Ref, index: usize) {
    let (after, before): (Option<VirtualService>, Option<VirtualService>) = (plan.after(at), plan.before(at));
    let rules = |view: &Option<VirtualService>| view.as_ref().map_or(0, |view| view.http.len());
    let (there, was_there) = (rules(&after) >= rules(&before), rules(&before) >= rules(&after));
    let rule = |view: &Option<VirtualService>| view.as_ref()?.http.get(index).cloned();
    let faults = [&after, &before].map(|view| rule(view).map(|http| fault_of(&http)).unwrap_or_default());
    let claims = |there: bool, fault| if there { claims(at, index, fault) } else { vec![routes(at)] };
    let [fault, was] = faults;
    plan.claims(claims(there, fault), claims(was_there, was));
    // Where there is no VirtualService, there is no fault either: that is measured, too.
    let measure_of = |view: Option<VirtualService>, fault, was| {
        Some(measure(service, &view.unwrap_or_default(), index, fault, was))
    };
    plan.measures(measure_of(after, fault, was), measure_of(before, was, fault));
}

const FILTER: &str = "/typed_per_filter_config/envoy.filters.http.fault";

/// Where proxies show the fault of a rule.
pub(super) fn claims(at: &Ref, index: usize, fault: FaultSpec) -> Vec<Claim> {
    let there = |path: &str| route(at, index).at(&format!("{FILTER}/{path}"));
    let mut claims = Vec::new();
    match fault.delay {
        Some((millis, share)) => claims.extend([
            there("delay/fixed_delay").is(duration(millis).to_string()),
            there("delay/percentage").percent(share),
        ]),
        None => claims.push(there("delay").absent()),
    }
    match fault.abort {
        Some((status, share)) => {
            let (field, number) = match status {
                Status::Http(status) => ("abort/http_status", status.into()),
                Status::Grpc(status) => ("abort/grpc_status", status),
            };
            claims.extend([there(field).is(number), there("abort/percentage").percent(share)]);
        }
        None => claims.push(there("abort").absent()),
    }
    claims
}

/// How many calls a fault is wanted to hit; none where it is taken away. Telemetry does not tell which rule
/// took a call: the fault of a rule for special calls, or one that is gone while others of its sort stay,
/// cannot be measured.
fn measure(
    service: &Service,
    view: &VirtualService,
    index: usize,
    fault: FaultSpec,
    other: FaultSpec,
) -> Measure {
    let mut parts = Vec::new();
    for (name, flag) in [("delayed", "DI"), ("aborted", "FI")] {
        let share = |fault: &FaultSpec| match flag {
            "DI" => fault.delay.map(|(_, share)| share),
            _ => fault.abort.map(|(_, share)| share),
        };
        let wanted = match share(&fault) {
            Some(percent) => Wanted::Share(percent / 100.0),
            None if share(&other).is_some() => Wanted::None,
            None => continue,
        };
        let of_others = active(view).any(|(rule, fault)| rule != index && share(&fault).is_some());
        let special = view.http.get(index).is_some_and(|http| !http.r#match.is_empty());
        if of_others || (special && wanted != Wanted::None) {
            return untold();
        }
        parts.push(Portion::new(name, Mark::Flag(flag.to_owned()), wanted));
    }
    let mut counting = Counting::new(CountedCalls::To(service.host.clone()), parts);
    // Calls that are being delayed were made before.
    counting.under_way_ms += other.delay.map_or(0, |(millis, _)| millis);
    Measure::Counted(counting)
}

/// The fault as Istio writes it, on top of what is there: only what the draft changes is touched.
fn written(old: Option<&Value>, now: FaultSpec, wanted: FaultSpec) -> Option<Value> {
    let mut fault = old.and_then(Value::as_object).cloned().unwrap_or_default();
    let part = |fault: &Map<String, Value>, key: &str| {
        fault.get(key).and_then(Value::as_object).cloned().unwrap_or_default()
    };
    if now.delay != wanted.delay {
        match wanted.delay {
            None => drop(fault.shift_remove("delay")),
            Some((millis, share)) => {
                let mut delay = part(&fault, "delay");
                delay.shift_remove("percent");
                delay.shift_remove("exponentialDelay");
                share_of_calls(&mut delay, share);
                delay.insert("fixedDelay".into(), duration(millis).to_string().into());
                fault.insert("delay".into(), delay.into());
            }
        }
    }
    if now.abort != wanted.abort {
        match wanted.abort {
            None => drop(fault.shift_remove("abort")),
            Some((status, share)) => {
                let mut abort = part(&fault, "abort");
                abort.shift_remove("http2Error");
                share_of_calls(&mut abort, share);
                let (field, other, value): (&str, &str, Value) = match status {
                    Status::Http(status) => ("httpStatus", "grpcStatus", status.into()),
                    Status::Grpc(_) => ("grpcStatus", "httpStatus", status.to_string().into()),
                };
                abort.shift_remove(other);
                abort.insert(field.into(), value);
                fault.insert("abort".into(), abort.into());
            }
        }
    }
    (!fault.is_empty()).then(|| fault.into())
}

fn duration(millis: u64) -> Duration {
    Duration::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}

fn share_of_calls(part: &mut Map<String, Value>, share: f64) {
    let mut percentage = part.get("percentage").and_then(Value::as_object).cloned().unwrap_or_default();
    percentage.insert("value".into(), share.json().unwrap_or_default());
    part.insert("percentage".into(), percentage.into());
}

/// Whether a rule is the next one over again, for calls with one more header, and with a fault.
fn copied_for_header(rule: &Value, next: &Value) -> bool {
    let rest = |rule: &Value| {
        let mut fields = rule.as_object().cloned().unwrap_or_default();
        ["match", "fault", "name"].into_iter().for_each(|key| drop(fields.shift_remove(key)));
        fields
    };
    let matches = |rule: &Value| {
        let list = rule.get("match").and_then(Value::as_array).cloned().unwrap_or_default();
        if list.is_empty() { vec![json!({})] } else { list }
    };
    let headers = |one: &Value| one.get("headers").and_then(Value::as_object).cloned().unwrap_or_default();
    let one_more = |(one, other): (&Value, &Value)| {
        let (mut more, less) = (headers(one), headers(other));
        more.retain(|name, value| less.get(name) != Some(value));
        let without = |one: &Value| {
            let mut fields = one.as_object().cloned().unwrap_or_default();
            fields.shift_remove("headers");
            fields
        };
        more.len() == 1 && headers(one).len() == less.len() + 1 && without(one) == without(other)
    };
    let (own, others) = (matches(rule), matches(next));
    rule.get("fault").is_some()
        && rest(rule) == rest(next)
        && own.len() == others.len()
        && own.iter().zip(&others).all(one_more)
}

/// "All other calls to reviews wait 7 s; 50 % of them fail with 503".
fn title(service: &Service, calls: &str, fault: FaultSpec) -> String {
    let some = |share: f64| (share < 100.0).then(|| percent(share));
    let calls = format!("{calls} to {}", service.name);
    let wait = |millis: u64| duration(millis).to_string().replace('s', " s");
    match (fault.delay, fault.abort) {
        (Some((millis, share)), None) => match some(share) {
            Some(part) => format!("{part} of {calls} wait {}", wait(millis)),
            None => format!("{} wait {}", capital(&calls), wait(millis)),
        },
        (None, Some((status, share))) => match some(share) {
            Some(part) => format!("{part} of {calls} fail with {status}"),
            None => format!("{} fail with {status}", capital(&calls)),
        },
        (Some((millis, slow)), Some((status, failed))) => {
            let (slow, failed) = (percent(slow), percent(failed));
            format!("{slow} of {calls} wait {}, {failed} fail with {status}", wait(millis))
        }
        (None, None) => format!("{} lose their fault", capital(&calls)),
    }
}

/// Rules of a VirtualService that have a fault now: the badge of a graph node, and what a list of faults
/// shows.
pub fn active(view: &VirtualService) -> impl Iterator<Item = (usize, FaultSpec)> {
    view.http
        .iter()
        .enumerate()
        .filter(|(_, http)| http.fault.as_ref().is_some_and(Fault::acts))
        .map(|(index, http)| (index, fault_of(http)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo;

    /// "exact: ''" would mean calls whose header is there and empty: nobody means that.
    #[test]
    fn half_a_header_is_no_scope() {
        let mesh = demo::bookinfo();
        let wanted = FaultSpec { delay: None, abort: Some((Status::Http(503), 100.0)) };
        for (name, value) in [("", ""), ("end-user", ""), ("end-user", "  "), ("", "jason")] {
            let header = HeaderIs { name: name.into(), value: value.into() };
            for service in ["reviews", "ratings"] {
                let service = mesh.service("bookinfo", service).unwrap();
                let last = super::super::rules(&mesh, service).pop().unwrap().at;
                assert_eq!(fault(&mesh, &last, Some(&header), wanted), None, "{name:?} = {value:?}");
            }
        }
        let typed = HeaderIs { name: " End-User ".into(), value: " Jason ".into() };
        assert_eq!(typed.tidy(), HeaderIs { name: "end-user".into(), value: "Jason".into() });
    }
}
