//! Writing a change: judged by the server first, then step by step, each step guarded by what the user saw. A failure
//! half-way is undone and said.

use crate::session::Session;
use crate::{error, http, trim};
use ::http::Method;
use bytes::Bytes;
use mesh::{Change, Edit, Fact, Object, Problem, Ref, Step};
use serde_json::{Value, json};
use std::time::Duration;

/// Who writes, in managedFields.
const MANAGER: &str = "binnacle";
const JSON: &str = "application/json";
const JSON_PATCH: &str = "application/json-patch+json";

/// How long the server may take for one step: somewhat longer than the longest that it waits for a webhook.
const ANSWER: Duration = Duration::from_secs(35);

/// Why a step was not done.
pub(crate) enum Failure {
    /// Somebody else was first; the object as it is now.
    Conflict(Option<Object>, Problem),
    /// Refused, or not reached.
    Refused(Problem),
}

impl Failure {
    pub(crate) fn into_fact(self) -> Fact {
        match self {
            Self::Conflict(now, problem) => Fact::Conflict { now, problem },
            Self::Refused(problem) => Fact::Refused(problem),
        }
    }
    fn map(self, change: impl FnOnce(Problem) -> Problem) -> Self {
        match self {
            Self::Conflict(now, problem) => Self::Conflict(now, change(problem)),
            Self::Refused(problem) => Self::Refused(change(problem)),
        }
    }
}

/// Lets the server judge every step without doing it; returns its warnings. Steps that create something which a later
/// step refers to are judged alone: Istio accepts references to things that are not there yet.
pub(crate) async fn check(session: &Session, change: &Change) -> Result<Vec<String>, Failure> {
    let mut warnings = Vec::new();
    for step in &change.steps {
        let done = perform(session, step, Mode::DryRun).await?;
        for warning in done.warnings {
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
    }
    Ok(warnings)
}

/// Does every step in order; returns the objects as the server stored them. When one fails, those before it are undone.
pub(crate) async fn apply(session: &Session, change: &Change) -> Result<Vec<Object>, Failure> {
    let mut stored = Vec::new();
    for (done, step) in change.steps.iter().enumerate() {
        match perform(session, step, Mode::Real).await {
            Ok(outcome) => stored.extend(outcome.object),
            Err(failure) if done == 0 => return Err(failure),
            Err(failure) => {
                let left = undo(session, change, done, &stored).await;
                return Err(failure.map(|problem| half_way(problem, change, done, left)));
            }
        }
    }
    Ok(stored)
}

/// Undoes the first `done` steps; returns what could not be undone.
async fn undo(session: &Session, change: &Change, done: usize, stored: &[Object]) -> Result<(), Problem> {
    let partial = Change { steps: change.steps[..done].to_vec(), ..change.clone() };
    for step in &partial.inverse(stored)?.steps {
        if let Err(Failure::Conflict(_, problem) | Failure::Refused(problem)) =
            perform(session, step, Mode::Real).await
        {
            return Err(problem);
        }
    }
    Ok(())
}

fn half_way(mut problem: Problem, change: &Change, done: usize, left: Result<(), Problem>) -> Problem {
    let names: Vec<String> = change.steps[..done].iter().map(|step| step.at.to_string()).collect();
    let names = names.join(", ");
    match left {
        Ok(()) => problem.why = format!("{}. What was written before it ({names}) was put back", problem.why),
        Err(undo) => {
            problem.why = format!(
                "{}. What was written before it ({names}) could not be put back: {}",
                problem.why, undo.why
            );
            problem.next = format!("Look at {names} and put it back by hand");
        }
    }
    problem
}

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    DryRun,
    Real,
}

struct Done {
    /// The object as the server returned it; `None` after a deletion.
    object: Option<Object>,
    warnings: Vec<String>,
}

async fn perform(session: &Session, step: &Step, mode: Mode) -> Result<Done, Failure> {
    let client = &session.api.client;
    let dry_run = if mode == Mode::DryRun { "&dryRun=All" } else { "" };
    let query = format!("?fieldManager={MANAGER}&fieldValidation=Warn{dry_run}");
    let (method, path, content_type, body) = match &step.edit {
        Edit::Patch(patch) => (
            Method::PATCH,
            path(&step.at, &step.api_version, true) + &query,
            JSON_PATCH,
            bytes(&json!(patch)),
        ),
        Edit::Create(object) => {
            (Method::POST, path(&step.at, &step.api_version, false) + &query, JSON, bytes(object))
        }
        Edit::Delete { uid, resource_version } => {
            let mut options = json!({ "kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {} });
            if !uid.is_empty() {
                options["preconditions"]["uid"] = uid.as_str().into();
            }
            if let Some(version) = resource_version {
                options["preconditions"]["resourceVersion"] = version.as_str().into();
            }
            if mode == Mode::DryRun {
                options["dryRun"] = json!(["All"]);
            }
            (Method::DELETE, path(&step.at, &step.api_version, true), JSON, bytes(&options))
        }
    };
    let sent = http::send(client, method, &path, Some(content_type), JSON, body);
    let Ok(answered) = tokio::time::timeout(ANSWER, sent).await else {
        return late(session, step, mode).await;
    };
    match answered {
        Ok(answer) => {
            let object =
                if matches!(step.edit, Edit::Delete { .. }) { None } else { object(&answer.body, step)? };
            Ok(Done { object, warnings: answer.warnings })
        }
        Err(error) => Err(failure(session, step, &error).await),
    }
}

/// What became of a step that was not answered: it counts as done if the server has it now.
async fn late(session: &Session, step: &Step, mode: Mode) -> Result<Done, Failure> {
    let refused = |why: &str, next: &str| {
        let why = format!("The server did not answer within {} s{why}", ANSWER.as_secs());
        Failure::Refused(Problem::new(title(step), why, next))
    };
    if mode == Mode::DryRun {
        return Err(refused("", "Look at the server and its webhooks, then try again"));
    }
    let now = match tokio::time::timeout(ANSWER, read(session, step)).await {
        Ok(Ok(now)) => now.map(|(value, _)| value),
        Ok(Err(_)) | Err(_) => {
            return Err(refused(
                ", and whether it was written cannot be read",
                "Look at what the cluster has as soon as it answers",
            ));
        }
    };
    let object =
        now.as_ref().map(|value| Object::from(trim::trimmed(value.clone(), &step.api_version, step.at.kind)));
    let done = match (&step.edit, &now) {
        (Edit::Delete { .. }, now) => now.is_none(),
        (Edit::Create(_), now) => now.is_some(),
        (Edit::Patch(patch), Some(now)) => is_done(patch, now),
        (Edit::Patch(_), None) => false,
    };
    if done {
        return Ok(Done { object, warnings: Vec::new() });
    }
    Err(refused(", and has not written it", "Look at the server and its webhooks, then try again"))
}

/// Whether an object is already what a patch makes of it: everything but its guards changes nothing any more.
fn is_done(patch: &json_patch::Patch, now: &Value) -> bool {
    let writes = patch.0.iter().filter(|operation| !matches!(operation, json_patch::PatchOperation::Test(_)));
    let mut tried = now.clone();
    broken_test(patch, now).is_some()
        && json_patch::patch(&mut tried, &writes.cloned().collect::<Vec<_>>()).is_ok()
        && tried == *now
}

fn object(body: &[u8], step: &Step) -> Result<Option<Object>, Failure> {
    let value: Value = serde_json::from_slice(body).map_err(|error| {
        let why = format!("The server's answer cannot be read ({error})");
        Failure::Refused(Problem::new(title(step), why, "Look at what the cluster has now"))
    })?;
    Ok(Some(Object::from(trim::trimmed(value, &step.api_version, step.at.kind))))
}

fn bytes(value: &Value) -> Bytes {
    Bytes::from(value.to_string())
}

/// Path of an object, or of the list that it is created in.
fn path(at: &Ref, api_version: &str, named: bool) -> String {
    let root = if api_version.contains('/') { "apis" } else { "api" };
    let place = if at.namespace.is_empty() { String::new() } else { format!("/namespaces/{}", at.namespace) };
    let name = if named { format!("/{}", at.name) } else { String::new() };
    format!("/{root}/{api_version}{place}/{}{name}", at.kind.plural)
}

fn title(step: &Step) -> String {
    let deed = match &step.edit {
        Edit::Patch(_) => "changed",
        Edit::Create(_) => "created",
        Edit::Delete { .. } => "deleted",
    };
    format!("{} was not {deed}", step.at)
}

/// Tells apart "somebody else was first" and "refused". A failed `test` and a bad patch get the same answer of the
/// server, so the object is read again and the patch tried on it here.
async fn failure(session: &Session, step: &Step, error: &kube::Error) -> Failure {
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
    let now = match read(session, step).await {
        Ok(now) => now,
        Err(problem) => return Failure::Refused(problem),
    };
    let why = match (&step.edit, &now) {
        (Edit::Create(_), None) | (_, Some(_)) if status.code == 404 => return refused(),
        (Edit::Create(_), None) => return refused(),
        (Edit::Create(_), Some((_, who))) => format!("It exists already{who}"),
        (_, None) => "It was deleted meanwhile".to_owned(),
        (Edit::Patch(patch), Some((value, who))) => match broken_test(patch, value) {
            Some(test) => format!("{test}{who}"),
            None if status.code == 409 => format!("It was changed at the same moment{who}"),
            None => return refused(),
        },
        (Edit::Delete { .. }, Some((_, who))) => format!("It is no longer the one that you saw{who}"),
    };
    let problem =
        Problem::new(title(step), why, "Rebuild the change on what the cluster has now, or leave it");
    let now = now.map(|(value, _)| Object::from(trim::trimmed(value, &step.api_version, step.at.kind)));
    Failure::Conflict(now, problem)
}

fn refusal(step: &Step, error: &kube::Error) -> Problem {
    let mut problem = error::problem(title(step), error);
    // A namespace that is not there is named in the answer's details; a kind that is not there has no details.
    if let (Edit::Create(_), kube::Error::Api(status)) = (&step.edit, error)
        && status.code == 404
        && status.details.as_ref().is_none_or(|details| details.kind.is_empty())
    {
        let kind = step.at.kind;
        problem.why = format!("The cluster does not know {}.{}", kind.plural, kind.group);
        problem.next = "Install the CRDs that it belongs to, then retry".into();
    }
    if error::code(error) == Some(403) && !problem.why.contains("admission") {
        let verb = match &step.edit {
            Edit::Patch(_) => "patch",
            Edit::Create(_) => "create",
            Edit::Delete { .. } => "delete",
        };
        let kind = step.at.kind;
        problem.next = format!(
            "Ask for the right to {verb} {}.{} in namespace {}",
            kind.plural, kind.group, step.at.namespace
        );
    }
    problem
}

/// The object as it is now, with who wrote it last (", last written by kubectl-edit at …").
async fn read(session: &Session, step: &Step) -> Result<Option<(Value, String)>, Problem> {
    let path = path(&step.at, &step.api_version, true);
    match http::json::<Value>(&session.api.client, &path).await {
        Ok(value) => {
            let who = last_writer(&value);
            Ok(Some((value, who)))
        }
        Err(error) if error::code(&error) == Some(404) => Ok(None),
        Err(error) => Err(error::problem(title(step), &error)),
    }
}

fn last_writer(object: &Value) -> String {
    let fields = object["metadata"]["managedFields"].as_array().into_iter().flatten();
    let last =
        fields.filter(|entry| entry.get("subresource").is_none()).max_by_key(|entry| entry["time"].as_str());
    match last.map(|entry| (entry["manager"].as_str(), entry["time"].as_str())) {
        Some((Some(manager), Some(time))) => format!(" (last written by {manager} at {time})"),
        Some((Some(manager), None)) => format!(" (last written by {manager})"),
        _ => String::new(),
    }
}

/// The first guard of the patch that the object no longer meets, in words.
fn broken_test(patch: &json_patch::Patch, object: &Value) -> Option<String> {
    let mut tried = object.clone();
    for operation in &patch.0 {
        let alone = json_patch::Patch(vec![operation.clone()]);
        if json_patch::patch(&mut tried, &alone).is_err() {
            let place = operation.path().to_string();
            let field = place.trim_start_matches('/').replace('/', ".");
            return Some(match (operation, object.pointer(&place)) {
                (json_patch::PatchOperation::Test(test), Some(now)) => {
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
#[path = "write_tests.rs"]
mod tests;
