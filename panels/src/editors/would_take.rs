//! How many of the calls of the last hour each rule would take, by traces.

use super::edits::Edits;
use super::form::{Form, beside};
use crate::judge::SMALL;
use crate::kit::fmt;
use istio::ServiceId;
use jiff::Timestamp;
use mesh::plan::Plan;
use mesh::trace::{Found, TraceQuery};
use mesh::why::{Foreseen, Takes, foreseen};
use mesh::{Mesh, Remote, Scene, kinds};
use std::sync::Arc;

/// So many traces are asked for.
const MOST: usize = 200;
/// So many of them are looked through within a frame.
const FEW: usize = 50;
/// So many rules are told of.
const RULES: usize = 8;
const HOUR_US: u64 = 3_600_000_000;
const MINUTE_US: u64 = 60_000_000;

/// Says it below the rules of a draft.
pub(super) fn show<E>(form: &mut Form<'_>, (draft, was): (&E, &E), at: &E::Scope, of: &ServiceId)
where
    E: Edits<Scope: Send> + Send + std::fmt::Debug,
{
    if !form.differs() {
        return;
    }
    let cx = form.cx();
    let Some(query) = query(&cx.scene.mesh, of, cx.now) else { return };
    let traces = match cx.reads.traces(&query) {
        Remote::Waiting => None,
        Remote::Live(found, _) | Remote::Stale(found, ..) => Some(found),
        Remote::Denied(trouble) => {
            return form.note(format!("Which calls a rule would take is not known: {}", trouble.why));
        }
    };
    let config = cx.reads.mesh_config(cx.scene.mesh.root_namespace()).value().cloned();
    let full = traces.as_ref().is_some_and(|found| found.traces.len() >= MOST);
    let found = match traces {
        None => None,
        Some(traces) => {
            let mesh = &cx.scene.mesh;
            let small = mesh.workload_count() <= SMALL && traces.traces.len() <= FEW;
            let key =
                (mesh.config_revision(), mesh.service_count(), query, format!("{draft:?}"), config.is_some());
            let (draft, was, at, of) = (draft.clone(), was.clone(), at.clone(), of.clone());
            let scene: Scene = cx.scene.clone();
            let make = move || {
                let config = config.as_deref();
                found(&scene.mesh, config, (&draft, &was, &at), &of, &traces).map(Arc::new)
            };
            beside(form.ui(), &"takes", key, small, make)
        }
    };
    match found {
        None => form.note("Looking through traces of the last hour"),
        // What is not whole yet would take nothing.
        Some((None, _)) => {}
        Some((Some(found), _)) => said(&found, full).into_iter().for_each(|said| form.note(said)),
    }
}

/// The traces of the last hour in which the service was called; the same for a minute.
fn query(mesh: &Mesh, of: &ServiceId, now: Timestamp) -> Option<TraceQuery> {
    let service = mesh.service(&of.namespace, &of.name)?;
    let workload = mesh.workloads_of(service).next()?;
    let now = u64::try_from(now.as_microsecond()).unwrap_or_default();
    let end_us = now.next_multiple_of(MINUTE_US);
    let service = format!("{}.{}", workload.app, workload.namespace);
    Some(TraceQuery { service, start_us: end_us - HOUR_US, end_us, limit: MOST, ..TraceQuery::default() })
}

fn found<E: Edits>(
    mesh: &Mesh,
    config: Option<&mesh::mesh_config::MeshConfig>,
    (draft, was, at): (&E, &E, &E::Scope),
    of: &ServiceId,
    traces: &Found,
) -> Option<Foreseen> {
    let host = &mesh.service(&of.namespace, &of.name)?.host;
    let mut plan = Plan::new(mesh);
    draft.plan(was, at, &mut plan);
    let change = plan.change().ok()??;
    let of_rules = change.steps.iter().find(|step| *step.at.kind == kinds::VIRTUAL_SERVICE)?;
    let after = Mesh::read(change.done(mesh.objects()), Some(mesh));
    Some(foreseen((mesh, &after), config, (&of_rules.at, host), &traces.traces))
}

/// "Of 40 calls seen in traces of the last hour rule 1 would take 12, and took 9 before".
fn said(found: &Foreseen, full: bool) -> Vec<String> {
    let newest = if full { format!(" (the newest {MOST} of them)") } else { String::new() };
    let nobody = match found.nobody {
        0 => String::new(),
        count => format!("; of {} more nobody knows who called", fmt::count(count)),
    };
    if found.calls == 0 {
        return vec![format!(
            "No such call was seen in traces of the last hour{newest}{nobody}: what a rule would take is not known"
        )];
    }
    let calls = fmt::counted(found.calls, "call", "calls");
    let mut told = vec![format!("Of {calls} seen in traces of the last hour{newest}{nobody}:")];
    let differs = |takes: &Takes| takes.changed || takes.perhaps > 0 || takes.before != Some(takes.takes);
    let rules = found.rules.iter().enumerate();
    let rules: Vec<String> = rules
        .filter_map(|(place, takes)| {
            let takes = takes.as_ref().filter(|takes| differs(takes))?;
            let before = match takes.before {
                Some(before) => format!(", and took {} before", fmt::count(before)),
                None => String::new(),
            };
            let perhaps = match takes.perhaps {
                0 => String::new(),
                count => format!("; of {} more headers decide, which are not in traces", fmt::count(count)),
            };
            Some(format!("rule {} would take {}{before}{perhaps}", place + 1, fmt::count(takes.takes)))
        })
        .collect();
    let more = rules.len().saturating_sub(RULES);
    told.extend(rules.into_iter().take(RULES));
    told.extend((more > 0).then(|| format!("and {more} more rules would take others")));
    if told.len() == 1 {
        return vec![format!(
            "Of {calls} seen in traces of the last hour{newest}{nobody} no rule would take others"
        )];
    }
    // One rule is one sentence.
    if told.len() == 2 {
        return vec![told.join(" ").replacen(": ", " ", 1)];
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(takes: usize, perhaps: usize, before: Option<usize>, changed: bool) -> Option<Takes> {
        Some(Takes { takes, perhaps, before, changed })
    }

    #[test]
    fn what_a_rule_would_take_in_words() {
        let of = |rules: Vec<Option<Takes>>| Foreseen { calls: 40, nobody: 0, rules };
        let one = of(vec![takes(12, 0, Some(9), true), takes(28, 0, Some(28), false)]);
        assert_eq!(
            said(&one, false),
            ["Of 40 calls seen in traces of the last hour rule 1 would take 12, and took 9 before"]
        );
        let some = of(vec![takes(0, 3, None, true), None, takes(37, 0, Some(40), false)]);
        assert_eq!(
            said(&some, true),
            [
                "Of 40 calls seen in traces of the last hour (the newest 200 of them):",
                "rule 1 would take 0; of 3 more headers decide, which are not in traces",
                "rule 3 would take 37, and took 40 before",
            ]
        );
        let same = of(vec![takes(40, 0, Some(40), false)]);
        assert_eq!(
            said(&same, false),
            ["Of 40 calls seen in traces of the last hour no rule would take others"]
        );
        let none = Foreseen { nobody: 2, ..Foreseen::default() };
        assert_eq!(
            said(&none, false),
            ["No such call was seen in traces of the last hour; of 2 more nobody knows who called: \
              what a rule would take is not known"]
        );
    }
}
