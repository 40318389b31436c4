//! What of a call counts: who calls and the port, or what access logs say besides.

use super::super::super::form::{Form, beside};
use super::super::super::gesture::Gesture;
use crate::kit::fmt;
use mesh::edit::seen::{By, Found, Logged, Looked, MOST_PATHS, logged, logs_of};
use mesh::log::{Log, LogOf};
use mesh::{Remote, edit::seen::Allowed};
use std::sync::Arc;

const BY: [(By, &str); 3] =
    [(By::Port, "caller and port"), (By::Method, "and method"), (By::Path, "and method and path")];
/// So many lines are looked through within a frame.
const AT_ONCE: usize = 2_000;
/// Every so many seconds.
const PACE: i64 = 2;

/// So many services, callers and workloads are named.
pub(super) const MOST: usize = 12;

/// What was chosen.
#[derive(Clone, Copy, Default)]
struct Choice {
    by: By,
    /// What is found by it has not been taken yet.
    due: bool,
}

/// What is to be let in, by what was chosen.
pub(super) struct Chosen {
    /// `None` until logs are read.
    pub(super) allowed: Option<Vec<Allowed>>,
    /// What logs told, where they were wanted.
    logged: Option<Arc<Logged>>,
    /// Of so many logs, so many are still read.
    reading: (usize, usize),
    by: By,
}

/// Draws the choice, and finds what is let in by it; it is taken as soon as it is found.
pub(super) fn choose(
    form: &mut Form<'_>,
    namespace: &str,
    found: &Found,
    allowed: &mut Vec<Allowed>,
) -> Chosen {
    let id = form.ui().id().with(("seen by", namespace));
    let before: Option<Choice> = form.ui().data(|data| data.get_temp(id));
    let mut choice = before.unwrap_or_else(|| Choice { by: By::of(allowed), due: false });
    form.line("", 0.0, |line| {
        let options = BY.map(|(_, name)| name);
        let at = BY.iter().position(|(by, _)| *by == choice.by).unwrap_or_default();
        line.word("Seen by");
        if let Some(picked) = line.choose("seen by", &options, at) {
            choice = Choice { by: BY[picked].0, due: true };
        }
    });
    let chosen = match choice.by {
        By::Port => {
            let allowed = Some(found.allowed.clone());
            Chosen { allowed, logged: None, reading: (0, 0), by: By::Port }
        }
        by => by_logs(form, namespace, by),
    };
    if let Some(made) = chosen.allowed.as_ref().filter(|_| choice.due && chosen.reading.0 == 0) {
        allowed.clone_from(made);
        choice.due = false;
        form.did(Gesture::Settled);
    }
    form.ui().data_mut(|data| data.insert_temp(id, choice));
    chosen
}

fn by_logs(form: &mut Form<'_>, namespace: &str, by: By) -> Chosen {
    let cx = form.cx();
    let wanted = form.measured(&("logs", namespace), |mesh, traffic| logs_of(mesh, traffic, namespace));
    let mut waiting = 0;
    let mut read = |of: LogOf| {
        let log = match cx.reads.log(&of) {
            Remote::Waiting => {
                waiting += 1;
                None
            }
            Remote::Live(log, _) | Remote::Stale(log, ..) => Some(log),
            Remote::Denied(_) => None,
        };
        (of, log)
    };
    let logs: Vec<(LogOf, Option<Arc<Log>>)> =
        wanted.unwrap_or_default().into_iter().map(&mut read).collect();
    let reading = (waiting, logs.len());
    let version = cx.reads.control_plane();
    let templates = version.value().is_some_and(|version| knows_templates(version));
    let lines: usize = logs.iter().filter_map(|(_, log)| Some(log.as_ref()?.len())).sum();
    let read = logs.iter().filter(|(_, log)| log.is_some()).count();
    // Logs never stand still: they are looked through anew every few seconds.
    let of = ("logged", namespace, by as u8, templates, read, logs.len());
    let key = (cx.scene.mesh.revision(), cx.now.as_second() / PACE);
    let (scene, own) = (cx.scene.clone(), namespace.to_owned());
    let find = move || {
        let looked = Looked { namespace: &own, by, templates, logs: &logs };
        scene.traffic.value().map(|traffic| Arc::new(logged(&scene.mesh, traffic, looked)))
    };
    let ready = waiting == 0 && version != Remote::Waiting;
    let told = if ready { beside(form.ui(), &of, key, lines <= AT_ONCE, find) } else { None };
    let logged = told.and_then(|(logged, _)| logged);
    Chosen { allowed: logged.as_ref().map(|logged| logged.allowed.clone()), logged, reading, by }
}

/// Istio takes `{*}` in paths from 1.22 on; a version that nobody knows may be an older one.
fn knows_templates(version: &str) -> bool {
    let mut numbers = version.split(['.', '-']).map(|part| part.parse::<u32>().ok());
    let version = numbers.next().flatten().zip(numbers.next().flatten());
    version.is_some_and(|version| version >= (1, 22))
}

/// What logs told, what they did not, and of whom.
pub(super) fn told(form: &mut Form<'_>, chosen: &Chosen) {
    if chosen.by == By::Port {
        return;
    }
    let (waiting, all) = chosen.reading;
    if waiting > 0 {
        return form.note(format!("Reading access logs: {waiting} of {all} pods are left"));
    }
    let Some(logged) = &chosen.logged else { return form.note("Looking through access logs") };
    let since = logged.since.map(|since| format!(", the oldest {}", fmt::ago(form.cx().now, since)));
    form.note(format!(
        "Methods{} as in {} of {}{}",
        if chosen.by == By::Path { " and paths" } else { "" },
        fmt::counted(logged.lines, "line", "lines"),
        fmt::counted(all, "pod's access log", "pods' access logs"),
        since.unwrap_or_default()
    ));
    if chosen.by == By::Path {
        form.note(format!(
            "Ids that differ are one path; of more than {MOST_PATHS} paths only what they begin with counts"
        ));
    }
    for (service, stays) in logged.stays.iter().take(MOST) {
        form.note(format!("{service}: {stays}"));
    }
    if logged.stays.len() > MOST {
        form.note(format!("and {} more services", logged.stays.len() - MOST));
    }
    if !logged.unknown.is_empty() {
        let line = |((address, service), lines): (&(String, String), &usize)| {
            format!("{address} → {service}, {}", fmt::counted(*lines, "call", "calls"))
        };
        form.warning(
            "Nobody knows who called from these addresses",
            &listed(logged.unknown.iter().map(line).collect()),
            "Their calls count for nobody: their pods have gone, or they are not in the mesh",
        );
    }
}

/// The first few.
pub(super) fn listed(all: Vec<String>) -> String {
    let more = all.len().saturating_sub(MOST);
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    all.into_iter().take(MOST).collect::<Vec<_>>().join(", ") + &more
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_known_from_1_22_on() {
        for (version, knows) in [
            ("1.22.0", true),
            ("1.30-alpha.1", true),
            ("1.21.6", false),
            ("2.0", true),
            ("", false),
            ("unknown", false),
        ] {
            assert_eq!(knows_templates(version), knows, "{version}");
        }
    }
}
