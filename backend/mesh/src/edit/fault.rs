//! Faults: delays and aborts on the calls of one rule, or of those among them that carry a header.

use super::FaultSpec;
use super::build::{Ops, managed, number, percent};
use super::rules::{RuleAt, fault_of, speaks_http, words};
use super::split::{fresh_route, unread, untold};
use crate::change::{Change, Step};
use crate::evidence::{Calls, Claim, Counting, Evidence, Mark, Measure, Part, Wanted, route, routes};
use crate::{Mesh, Ref, Service};
use istio::Duration;
use istio::views::{Fault, VirtualService};
use serde_json::{Map, Value, json};

/// Calls that carry this header with exactly this value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    /// Whether it says which calls: one without a value would mean calls whose header is there, and empty.
    pub fn is_whole(&self) -> bool {
        !self.name.trim().is_empty() && !self.value.trim().is_empty()
    }
}

/// The change that gives a rule this fault (an empty one takes it away). With `only`, a new rule for calls with that
/// header is put before it, which copies its route and gets the fault; taking that rule's fault away removes it again.
pub fn fault(
    mesh: &Mesh,
    service: &Service,
    rule: &RuleAt,
    only: Option<&HeaderIs>,
    wanted: FaultSpec,
) -> Option<Change> {
    if only.is_some_and(|header| !header.is_whole()) {
        return None;
    }
    match (&rule.at, only) {
        (None, only) => fresh(mesh, service, only, wanted),
        (Some(at), None) => in_place(mesh, service, at, rule.index, wanted),
        (Some(at), Some(header)) => inserted(mesh, service, at, rule.index, header, wanted),
    }
}

fn in_place(mesh: &Mesh, service: &Service, at: &Ref, index: usize, wanted: FaultSpec) -> Option<Change> {
    let view = mesh.virtual_service(at)?;
    let now = fault_of(view.http.get(index)?);
    if now == wanted {
        return None;
    }
    let spec = mesh.objects().get(at)?.spec();
    let rule = spec.pointer(&format!("/http/{index}"))?;
    let path = format!("/spec/http/{index}");
    let mut ops = Ops::default();
    let next = spec.pointer(&format!("/http/{}", index + 1));
    let made_for_header = wanted.is_none() && next.is_some_and(|next| copied_for_header(rule, next));
    if made_for_header {
        ops.saw(&path, rule);
        ops.remove(&path);
    } else {
        ops = super::split::guarded(spec, index, rule.get("route")?);
        let fault = format!("{path}/fault");
        match (rule.get("fault"), written(rule.get("fault"), now, wanted)) {
            (Some(old), Some(new)) => {
                ops.saw(&fault, old);
                ops.replace(&fault, new);
            }
            (Some(old), None) => {
                ops.saw(&fault, old);
                ops.remove(&fault);
            }
            (None, Some(new)) => {
                ops.saw(&path, rule);
                ops.add(&fault, new);
            }
            (None, None) => return None,
        }
    }
    let calls = words(view, index);
    let title = if wanted.is_none() {
        format!("{} to {} lose their fault", capital(&calls), service.name)
    } else {
        title(service, &calls, wanted)
    };
    change(mesh, service, at, index, title, ops)
}

fn inserted(
    mesh: &Mesh,
    service: &Service,
    at: &Ref,
    index: usize,
    header: &HeaderIs,
    wanted: FaultSpec,
) -> Option<Change> {
    if wanted.is_none() {
        return None;
    }
    let rule = mesh.objects().get(at)?.spec().pointer(&format!("/http/{index}"))?;
    let mut copy = rule.as_object()?.clone();
    let mut matches = rule
        .get("match")
        .and_then(Value::as_array)
        .filter(|list| !list.is_empty())
        .cloned()
        .unwrap_or_else(|| vec![json!({})]);
    for one in &mut matches {
        let headers = one.as_object_mut()?.entry("headers").or_insert_with(|| json!({}));
        headers.as_object_mut()?.insert(header.name.to_lowercase(), json!({ "exact": header.value }));
    }
    if let Some(name) = copy.get("name").and_then(Value::as_str) {
        let name = format!("{name}-fault");
        copy.insert("name".into(), name.into());
    }
    let fault = written(None, FaultSpec::default(), wanted)?;
    copy.shift_insert(0, "match".into(), matches.into());
    let after_match = copy.keys().position(|key| key == "match").map_or(0, |place| place + 1);
    copy.shift_remove("fault");
    copy.shift_insert(after_match.min(copy.len()), "fault".into(), fault);
    let path = format!("/spec/http/{index}");
    let mut ops = Ops::default();
    ops.saw(&path, rule);
    ops.add(&path, copy.into());
    let calls = format!("calls with {} = {}", header.name, header.value);
    change(mesh, service, at, index, title(service, &calls, wanted), ops)
}

fn fresh(mesh: &Mesh, service: &Service, only: Option<&HeaderIs>, wanted: FaultSpec) -> Option<Change> {
    let fault = written(None, FaultSpec::default(), wanted)?;
    if !speaks_http(service) {
        return None;
    }
    let host: &str = if service.external { &service.host } else { &service.name };
    let route = json!([{ "destination": { "host": host } }]);
    let (http, calls) = match only {
        None => (json!([{ "fault": fault, "route": route }]), "all calls".to_owned()),
        Some(header) => {
            let condition = json!([{ "headers": { header.name.to_lowercase(): { "exact": header.value } } }]);
            let http = json!([{ "match": condition, "fault": fault, "route": route }, { "route": route }]);
            (http, format!("calls with {} = {}", header.name, header.value))
        }
    };
    let steps = vec![fresh_route(mesh, service, http)?];
    let at = steps.first()?.at.clone();
    let evidence = evidence(mesh, service, &steps, &at, 0);
    Some(Change { title: title(service, &calls, wanted), warnings: unread(mesh, service), evidence, steps })
}

fn change(mesh: &Mesh, service: &Service, at: &Ref, index: usize, title: String, ops: Ops) -> Option<Change> {
    let steps = vec![ops.step(mesh, at)?];
    let evidence = evidence(mesh, service, &steps, at, index);
    Some(Change { title, warnings: managed(&steps), evidence, steps })
}

/// What shows that a rule has its fault. Where rules came or went, the routes as a whole show that.
fn evidence(mesh: &Mesh, service: &Service, steps: &[Step], at: &Ref, index: usize) -> Evidence {
    let view = |object: fn(&Step) -> Option<&crate::Object>| -> Option<VirtualService> {
        istio::views::read(object(steps.iter().find(|step| step.at == *at)?)?).ok()
    };
    let (after, before) = (view(|step| step.after.as_ref()), view(|step| step.before.as_ref()));
    let rules = |view: &Option<VirtualService>| view.as_ref().map_or(0, |view| view.http.len());
    let (there, was_there) = (rules(&after) >= rules(&before), rules(&before) >= rules(&after));
    let rule = |view: &Option<VirtualService>| view.as_ref()?.http.get(index).cloned();
    let faults = [&after, &before].map(|view| rule(view).map(|http| fault_of(&http)).unwrap_or_default());
    let claims = |there: bool, fault| if there { claims(at, index, fault) } else { vec![routes(at)] };
    let [fault, was] = faults;
    Evidence {
        measure: after.as_ref().map(|view| measure(service, view, index, fault, was)),
        was_measure: before.as_ref().map(|view| measure(service, view, index, was, fault)),
        ..Evidence::of(mesh, steps, &claims(there, fault), &claims(was_there, was))
    }
}

const FILTER: &str = "/typed_per_filter_config/envoy.filters.http.fault";

fn claims(at: &Ref, index: usize, fault: FaultSpec) -> Vec<Claim> {
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
            claims.extend([there("abort/http_status").is(status), there("abort/percentage").percent(share)])
        }
        None => claims.push(there("abort").absent()),
    }
    claims
}

/// How many calls a fault is wanted to hit; none where it is taken away. Telemetry does not tell which rule took a call: the
/// fault of a rule for special calls, or one that is gone while others of its sort stay, cannot be measured.
fn measure(
    service: &Service,
    view: &VirtualService,
    index: usize,
    fault: FaultSpec,
    other: FaultSpec,
) -> Measure {
    let mut parts = Vec::new();
    let sorts: [(&str, &str, fn(&FaultSpec) -> Option<f64>); 2] = [
        ("delayed", "DI", |fault| fault.delay.map(|(_, share)| share)),
        ("aborted", "FI", |fault| fault.abort.map(|(_, share)| share)),
    ];
    for (name, flag, share) in sorts {
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
        parts.push(Part::new(name, Mark::Flag(flag.to_owned()), wanted));
    }
    let mut counting = Counting::new(Calls::To(service.host.clone()), parts);
    // Calls that are being delayed were made before.
    counting.under_way_ms += other.delay.map_or(0, |(millis, _)| millis);
    Measure::Counted(counting)
}

/// The fault as Istio writes it, on top of what is there: only what the wish changes is touched.
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
                abort.shift_remove("grpcStatus");
                abort.shift_remove("http2Error");
                share_of_calls(&mut abort, share);
                abort.insert("httpStatus".into(), status.into());
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
    percentage.insert("value".into(), number(share));
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

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Rules of a VirtualService that have a fault now: the badge of a graph node, and what a list of faults shows.
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
        let wanted = FaultSpec { delay: None, abort: Some((503, 100.0)) };
        for (name, value) in [("", ""), ("end-user", ""), ("end-user", "  "), ("", "jason")] {
            let header = HeaderIs { name: name.into(), value: value.into() };
            for service in ["reviews", "ratings"] {
                let service = mesh.service("bookinfo", service).unwrap();
                let last = super::super::rules(&mesh, service).pop().unwrap().at;
                assert_eq!(fault(&mesh, service, &last, Some(&header), wanted), None, "{name:?} = {value:?}");
            }
        }
        let typed = HeaderIs { name: " End-User ".into(), value: " Jason ".into() };
        assert_eq!(typed.tidy(), HeaderIs { name: "end-user".into(), value: "Jason".into() });
    }
}
