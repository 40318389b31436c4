//! What the server's refusal of a step means: somebody else was first, or it does not take it.

use crate::error;
use crate::session::Session;
use crate::write::{self, Mode, Unread};
use json_patch::{Patch, PatchOperation};
use mesh::program::{Failure, not_done};
use mesh::writes::MANAGER;
use mesh::{Edit, Object, Problem, Standing, Step, Theirs};
use serde_json::Value;

/// Tells apart "somebody else was first" and "refused". A failed `test` and a bad patch get the same answer
/// of the server, so the object is read again and the patch tried on it here.
pub(crate) async fn failure(session: &Session, step: &Step, mode: Mode, error: &kube::Error) -> Failure {
    let refused = || Failure::Refused(refusal(step, error));
    let kube::Error::Api(status) = error else { return refused() };
    let vague = status.details.as_ref().is_none_or(|details| details.causes.is_empty());
    let maybe_conflict = match (&step.edit, status.code) {
        (_, 409) => true,
        (Edit::Patch(_) | Edit::Delete { .. }, 404) => true,
        (Edit::Patch(_), 422) => vague,
        _ => false,
    };
    if !maybe_conflict {
        return refused();
    }
    let now = match write::read(session, step).await {
        Ok(now) => now,
        Err(Unread::Refused(problem) | Unread::Away(problem)) => return Failure::Refused(problem),
    };
    // Something between may have sent it twice: then the answer is that to the second one.
    let ours = |now: &&Value| last(now).is_some_and(|(manager, _)| manager == MANAGER);
    if let Some(now) = now.as_ref().filter(ours).filter(|_| mode == Mode::Real)
        && let Standing::Written(_) = Standing::of(step, Some(&write::trimmed(now.clone(), step)))
    {
        return Failure::Lost(None, error::problem(not_done(step), error));
    }
    let who = now.as_ref().map(last_writer).unwrap_or_default();
    let why = match (&step.edit, &now) {
        (Edit::Create(_), None) | (_, Some(_)) if status.code == 404 => return refused(),
        (Edit::Create(_), None) => return refused(),
        (Edit::Create(_), Some(_)) => format!("It exists already{who}"),
        (_, None) => return deleted(step),
        (Edit::Patch(patch), Some(value)) => match broken_test(patch, value) {
            Some(test) => format!("{test}{who}"),
            None if status.code == 409 => format!("It was changed at the same moment{who}"),
            None => return refused(),
        },
        (Edit::Delete { .. }, Some(_)) => format!("It is no longer the one that you saw{who}"),
    };
    conflict(step, now.map(|value| write::trimmed(value, step)), why)
}

/// It is gone.
pub(crate) fn deleted(step: &Step) -> Failure {
    conflict(step, None, "It was deleted meanwhile".into())
}

fn conflict(step: &Step, now: Option<Object>, why: String) -> Failure {
    let problem = Problem::new(not_done(step), why, "Make it anew on what the cluster has now, or leave it");
    Failure::Conflict(Theirs { at: step.at.clone(), now }, problem)
}

fn refusal(step: &Step, error: &kube::Error) -> Problem {
    let mut problem = error::problem(not_done(step), error);
    let kube::Error::Api(status) = error else { return problem };
    let kind = step.at.kind;
    // A namespace that is not there is named in the answer's details; a kind that is not there has no
    // details.
    if matches!(step.edit, Edit::Create(_))
        && status.code == 404
        && status.details.as_ref().is_none_or(|details| details.kind.is_empty())
    {
        problem.why = format!("The cluster does not know {}.{}", kind.plural, kind.group);
        problem.next = "Install the CRDs that it belongs to, then retry".into();
    }
    if status.code == 403 && error::denial(status).is_none() {
        let verb = match &step.edit {
            Edit::Patch(_) => "patch",
            Edit::Create(_) => "create",
            Edit::Delete { .. } => "delete",
        };
        problem.next = format!(
            "Ask for the right to {verb} {}.{} in namespace {}",
            kind.plural, kind.group, step.at.namespace
        );
    }
    problem
}

/// Who wrote it last, and when.
fn last(object: &Value) -> Option<(&str, Option<&str>)> {
    let fields = object["metadata"]["managedFields"].as_array().into_iter().flatten();
    let last =
        fields.filter(|entry| entry.get("subresource").is_none()).max_by_key(|entry| entry["time"].as_str());
    last.and_then(|entry| Some((entry["manager"].as_str()?, entry["time"].as_str())))
}

pub(crate) fn last_writer(object: &Value) -> String {
    match last(object) {
        Some((manager, Some(time))) => format!(" (last written by {manager} at {time})"),
        Some((manager, None)) => format!(" (last written by {manager})"),
        None => String::new(),
    }
}

/// The first guard of the patch that the object no longer meets, in words.
pub(crate) fn broken_test(patch: &Patch, object: &Value) -> Option<String> {
    let mut tried = object.clone();
    for operation in &patch.0 {
        let alone = Patch(vec![operation.clone()]);
        if json_patch::patch(&mut tried, &alone).is_err() {
            let place = operation.path().to_string();
            let field = place.trim_start_matches('/').replace('/', ".");
            return Some(match (operation, object.pointer(&place)) {
                (PatchOperation::Test(test), Some(now)) => {
                    let (inner, was, now) = first_difference(&test.value, now);
                    format!("{field}{inner} was {}, now it is {}", brief(was), brief(now))
                }
                _ => format!("{field} is no longer there"),
            });
        }
    }
    None
}

/// Where two values differ first, as deep as both have it: ".0.weight", 50, 40.
fn first_difference<'a>(was: &'a Value, now: &'a Value) -> (String, &'a Value, &'a Value) {
    let deeper = match (was, now) {
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).position(|(a, b)| a != b).map(|at| (at.to_string(), &a[at], &b[at]))
        }
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            a.iter().find(|(key, value)| b[*key] != **value).map(|(key, value)| (key.clone(), value, &b[key]))
        }
        _ => None,
    };
    let Some((at, was, now)) = deeper else { return (String::new(), was, now) };
    let (inner, was, now) = first_difference(was, now);
    (format!(".{at}{inner}"), was, now)
}

fn brief(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 80 { text } else { text.chars().take(77).chain("…".chars()).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_told_where_it_is() {
        let routes = |weight: u32, port: u32| serde_json::json!([{"weight": 50}, {"to": {"host": "a", "port": port}, "weight": weight}]);
        let told = |was: &Value, now: &Value| {
            let (at, was, now) = first_difference(was, now);
            format!("{at} {was} {now}")
        };
        assert_eq!(told(&routes(50, 1), &routes(40, 1)), ".1.weight 50 40");
        assert_eq!(told(&routes(50, 1), &routes(40, 2)), ".1.to.port 1 2");
        assert_eq!(told(&serde_json::json!([1]), &serde_json::json!([1, 2])), " [1] [1,2]");
    }
}
