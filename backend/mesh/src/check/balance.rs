//! Checks of weights, time limits, retries and faults of a VirtualService's rules.

use super::fix::Fix;
use super::{Asks, Check, Found, Look, Severity, World};
use crate::{Ref, fqdn, kinds};
use istio::Duration;
use istio::views::{Destination, Fault, RouteDestination, VirtualService};
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
        name: "WeightMissing",
        codes: &[],
        severity: Severity::Warning,
        what: "A destination has no weight beside others that have one",
        why: "It gets no call: a weight that is not there is 0.",
        next: "Give it a weight; write 0 if it is to get none.",
        of: &[&kinds::VIRTUAL_SERVICE],
        reads: &[],
        look: Look::Each(weight_missing),
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

/// The destinations of each rule, with the place where they stand.
fn shares(view: &VirtualService) -> impl Iterator<Item = (String, &[RouteDestination])> {
    let http = view.http.iter().map(|rule| &rule.route).enumerate().map(|(at, rows)| ("http", at, rows));
    let tls = view.tls.iter().map(|rule| &rule.route).enumerate().map(|(at, rows)| ("tls", at, rows));
    let tcp = view.tcp.iter().map(|rule| &rule.route).enumerate().map(|(at, rows)| ("tcp", at, rows));
    http.chain(tls).chain(tcp).map(|(list, at, rows)| (format!("spec.{list}[{at}].route"), rows.as_slice()))
}

fn weight_of_one(world: &World<'_>, at: &Ref, found: &mut Found) {
    let Some(view) = world.mesh.virtual_service(at) else { return };
    for (path, rows) in shares(view) {
        if let [only] = rows
            && let Some(weight @ 0..=99) = only.weight
        {
            let what = format!("The only destination has weight {weight}, and gets every call");
            let path = format!("{path}[0].weight");
            let fix = Fix::remove("Take the weight away", &path);
            found.mended(at, path, what, Some(fix));
        }
    }
}

fn weight_missing(world: &World<'_>, at: &Ref, found: &mut Found) {
    let Some(view) = world.mesh.virtual_service(at) else { return };
    for (path, rows) in shares(view).filter(|(_, rows)| rows.len() > 1) {
        let all: i64 = rows.iter().filter_map(|row| row.weight).fold(0, i64::saturating_add);
        let missing = rows.iter().filter(|row| row.weight.is_none()).count();
        // Where nobody has one istiod refuses the object.
        if all == 0 || missing == 0 {
            continue;
        }
        let rest = (missing == 1).then(|| 100 - all).filter(|rest| (1..100).contains(rest));
        for (row, to) in rows.iter().enumerate().filter(|(_, to)| to.weight.is_none()) {
            let path = format!("{path}[{row}]");
            let fix = rest
                .map(|rest| Fix::set(format!("Give it the other {rest}"), &format!("{path}.weight"), rest));
            found.mended(
                at,
                path,
                format!("{} has no weight, and gets no call", named(&to.destination)),
                fix,
            );
        }
    }
}

/// "reviews v2".
fn named(to: &Destination) -> String {
    match to.subset.as_deref().unwrap_or_default() {
        "" => to.host.clone(),
        subset => format!("{} {subset}", to.host),
    }
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
                let path = format!("spec.http[{index}].route[{row}].destination");
                found.add(at, path, format!("{} stands twice in this rule", named(&to.destination)));
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
        let path = format!("spec.http[{index}].retries.perTryTimeout");
        if whole.millis() > 0 && one < whole {
            // The first try, and those for which time is left when all before them took theirs.
            let each = one.millis().max(1);
            let begun = whole.millis().saturating_add(each - 1) / each;
            let meant = retries.attempts.saturating_add(1);
            if begun < meant {
                let what =
                    format!("Of {meant} tries that may take {one} each, {begun} can begin within {whole}");
                found.add_as(Severity::Info, at, path, what);
            }
        } else if whole.millis() > 0 {
            let what = format!(
                "A try may take {one}, and all tries together only {whole}: none is repeated for being slow"
            );
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
