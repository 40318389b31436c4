//! Checks of weights, time limits, retries and faults of a VirtualService's rules.

use super::fix::Fix;
use super::{Asks, Check, Found, Look, Severity, World};
use crate::{Ref, fqdn, kinds};
use istio::Duration;
use istio::views::{Destination, Fault, RouteDestination};
use std::collections::BTreeSet;

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "WeightOfOne",
        codes: &["KIA1104"],
        severity: Severity::Info,
        what: "A rule's only destination has a weight below 100",
        why: "It gets all calls all the same; whoever reads the weight will think that some go elsewhere.",
        next: "Take the weight away, or add the destination that is missing.",
        of: &[&kinds::VIRTUAL_SERVICE],
        reads: &[],
        look: Look::Each(weight_of_one),
    },
    Check {
        name: "DestinationTwice",
        codes: &["KIA1105"],
        severity: Severity::Warning,
        what: "A rule names one destination twice",
        why: "Its shares add up; a change of one of them changes less than it says.",
        next: "Make one row of them.",
        of: &[&kinds::VIRTUAL_SERVICE],
        reads: &[],
        look: Look::Each(destination_twice),
    },
    Check {
        name: "RetriesOutOfTime",
        codes: &[],
        severity: Severity::Warning,
        what: "A rule's timeout ends a call before its retries can begin",
        why: "The first try may take as long as all together: a slow call is never tried again.",
        next: "Make perTryTimeout shorter than the timeout, or the timeout longer.",
        of: &[&kinds::VIRTUAL_SERVICE],
        reads: &[],
        look: Look::Each(retries_out_of_time),
    },
    Check {
        name: "FaultLeftOn",
        codes: &[],
        severity: Severity::Warning,
        what: "A fault has been injected for longer than an hour",
        why: "Experiments end; this one still hurts calls.",
        next: "Take the fault away when it is no longer wanted.",
        of: &[&kinds::VIRTUAL_SERVICE],
        reads: &[],
        look: Look::Asking(&[Asks::Writes], fault_left_on),
    },
];

fn weight_of_one(world: &World<'_>, at: &Ref, found: &mut Found) {
    let Some(view) = world.mesh.virtual_service(at) else { return };
    let mut look = |path: String, rows: &[RouteDestination]| {
        if let [only] = rows
            && let Some(weight @ 1..=99) = only.weight
        {
            let what = format!("The only destination has weight {weight}, and gets every call");
            let path = format!("{path}.route[0].weight");
            let fix = Fix::remove("Take the weight away", &path);
            found.mended(at, path, what, Some(fix));
        }
    };
    view.http.iter().enumerate().for_each(|(index, rule)| look(format!("spec.http[{index}]"), &rule.route));
    view.tls.iter().enumerate().for_each(|(index, rule)| look(format!("spec.tls[{index}]"), &rule.route));
    view.tcp.iter().enumerate().for_each(|(index, rule)| look(format!("spec.tcp[{index}]"), &rule.route));
}

fn destination_twice(world: &World<'_>, at: &Ref, found: &mut Found) {
    let Some(view) = world.mesh.virtual_service(at) else { return };
    for (index, rule) in view.http.iter().enumerate() {
        let mut seen: BTreeSet<(String, &str, u32)> = BTreeSet::new();
        for (row, to) in rule.route.iter().enumerate() {
            let Destination { host, subset, port } = &to.destination;
            let port = port.as_ref().map_or(0, |port| port.number);
            let subset = subset.as_deref().unwrap_or_default();
            // Rows that set other headers are meant to be apart.
            if to.headers.is_none() && !seen.insert((fqdn(host, &at.namespace), subset, port)) {
                let named = if subset.is_empty() { host.clone() } else { format!("{host} {subset}") };
                let path = format!("spec.http[{index}].route[{row}].destination");
                found.add(at, path, format!("{named} stands twice in this rule"));
            }
        }
    }
}

fn retries_out_of_time(world: &World<'_>, at: &Ref, found: &mut Found) {
    let Some(view) = world.mesh.virtual_service(at) else { return };
    for (index, rule) in view.http.iter().enumerate() {
        let Some(retries) = rule.retries.as_ref().filter(|retries| retries.attempts > 0) else {
            continue;
        };
        let read = |text: &Option<String>| text.as_deref().and_then(|text| text.parse::<Duration>().ok());
        let (Some(whole), Some(one)) = (read(&rule.timeout), read(&retries.per_try_timeout)) else {
            continue;
        };
        if whole.millis() > 0 && one >= whole {
            let what = format!(
                "A try may take {one}, and all tries together only {whole}: none is repeated for being slow"
            );
            let path = format!("spec.http[{index}].retries.perTryTimeout");
            let tries = retries.attempts.saturating_add(1);
            let each = whole.millis() / tries;
            let fix = (each > 0)
                .then(|| Fix::set(format!("Let each try take {each} ms"), &path, format!("{each}ms")));
            found.mended(at, path, what, fix);
        }
    }
}

fn fault_left_on(world: &World<'_>, found: &mut Found) {
    for (at, view) in world.mesh.virtual_services() {
        let Some(hours) = world.unchanged_hours(at).filter(|hours| *hours > 0) else { continue };
        for (index, rule) in view.http.iter().enumerate() {
            if rule.fault.as_ref().is_some_and(Fault::acts) {
                let what =
                    format!("A fault is injected here, and nobody has changed the object for {hours} h");
                let path = format!("spec.http[{index}].fault");
                let fix = Fix::remove("Take the fault away", &path);
                found.mended(at, path, what, Some(fix));
            }
        }
    }
}
