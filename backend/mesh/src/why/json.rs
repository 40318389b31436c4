//! What becomes of a call, as JSON.

use super::report::{because, said};
use super::{Admission, Hop, Told};
use istio::admit::Holds;
use istio::route::{Place, Skipped, Split};
use istio::views::Fault;
use serde_json::{Value, json};

/// Of several workloads the one that the answer is about: the first that refuses, else the first.
fn chief(told: &Told) -> Option<&Hop> {
    told.hops.iter().find(|hop| hop.admission.may == Holds::No).or_else(|| told.hops.first())
}

/// Who decides: the gateway, where it refuses; else the one that is called.
fn decides(told: &Told) -> Option<&Admission> {
    let entering = told.gateway.as_ref().map(|(_, admission)| admission);
    let refusing = entering.filter(|admission| admission.may != Holds::Yes);
    refusing.or_else(|| chief(told).map(|hop| &hop.admission)).or(entering)
}

/// As JSON.
pub fn json(told: &Told) -> Value {
    let outcome = &told.taken.outcome;
    json!({
        "from": told.from,
        "gateway": told.gateway.as_ref().map(|(at, _)| at.to_string()),
        "door": told.taken.door.as_ref().map(place),
        "rule": told.taken.rule.as_ref().map(place),
        "skipped": told.taken.skipped.iter().map(skipped).collect::<Vec<_>>(),
        "destinations": outcome.destinations.iter().map(split).collect::<Vec<_>>(),
        "mirrors": outcome.mirrors.iter().map(|(to, percent)| {
            json!({ "host": to.host, "subset": to.subset, "port": to.port, "percent": percent })
        }).collect::<Vec<_>>(),
        "answer": outcome.answer.as_ref().map(|answer| {
            json!({ "status": answer.status, "location": answer.location, "because": said(answer) })
        }),
        "passes": outcome.passes,
        "closed": outcome.closed,
        "fault": outcome.fault.as_ref().map(fault),
        "timeout": outcome.timeout.map(|timeout| timeout.to_string()),
        "retries": outcome.retries.as_ref().map(|retries| retries.attempts),
        "rewritten": rewritten(told),
        "admission": decides(told).map(admission),
        "mtls": chief(told).map(|hop| hop.tls.name()),
        "workloads": told.hops.iter().map(hop).collect::<Vec<_>>(),
        "remarks": told.remarks.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

fn place(place: &Place) -> Value {
    let mut value = json!({ "object": place.object.to_string(), "path": place.path });
    if let Some(through) = &place.through {
        value["through"] = json!(through.to_string());
    }
    value
}

fn skipped(one: &Skipped) -> Value {
    json!({ "object": one.place.object.to_string(), "path": one.place.path, "because": because(one) })
}

fn split(to: &Split) -> Value {
    let mut value = json!({ "host": to.host, "subset": to.subset, "port": to.port, "weight": to.weight });
    if let Some(missing) = to.missing {
        value["because"] = json!(missing.to_string());
    }
    value
}

fn fault(fault: &Fault) -> Value {
    let mut value = json!({});
    if let Some(abort) = fault.abort.as_ref().filter(|abort| abort.share() > 0.0) {
        value["abort"] =
            json!({ "status": abort.http_status, "grpcStatus": abort.grpc_status, "percent": abort.share() });
    }
    if let Some(delay) = fault.delay.as_ref().filter(|delay| delay.share() > 0.0) {
        value["delay"] = json!({ "fixed": delay.fixed_delay, "percent": delay.share() });
    }
    value
}

fn rewritten(told: &Told) -> Value {
    let outcome = &told.taken.outcome;
    match (&outcome.path, &outcome.authority) {
        (None, None) => Value::Null,
        (path, host) => json!({ "path": path, "host": host }),
    }
}

fn verdict(may: &Holds) -> &'static str {
    match may {
        Holds::Yes => "allow",
        Holds::No => "deny",
        Holds::Depends(_) => "depends",
    }
}

fn admission(one: &Admission) -> Value {
    let by = one.by.as_ref().map(|(at, rule)| json!({ "object": at.to_string(), "rule": rule }));
    let mut value = json!({
        "verdict": verdict(&one.may), "status": one.status, "by": by, "because": one.to_string(),
    });
    if !one.asks.is_empty() {
        value["asks"] = json!(one.asks);
    }
    value
}

fn hop(hop: &Hop) -> Value {
    json!({
        "workload": hop.workload.as_ref().map(ToString::to_string),
        "host": hop.to.host,
        "subset": hop.to.subset,
        "mtls": hop.tls.name(),
        "admission": admission(&hop.admission),
    })
}
