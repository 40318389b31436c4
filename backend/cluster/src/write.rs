//! Writing one step of a change: judged by the server first, then done, guarded by what the user saw. What
//! the object was right before is read, so that an undo takes back our part of it and no one else's.

use crate::http::{self, Ask, JSON};
use crate::session::Session;
use crate::{broken, error, refusal, trim};
use ::http::Method;
use bytes::Bytes;
use mesh::program::{Failure, STEP_TAKES, not_done};
use mesh::writes::MANAGER;
use mesh::{Edit, Object, Problem, Ref, Step, Stored};
use serde_json::{Value, json};

const JSON_PATCH: &str = "application/json-patch+json";

/// Lets the server judge a step without doing it; returns its warnings. One that refers to what another step
/// creates is judged alone: Istio accepts references to things that are not there yet.
pub(crate) async fn dry_run(session: &Session, step: &Step) -> Result<Vec<String>, Failure> {
    match request(session, step, Mode::DryRun).await {
        Ok((_, warnings)) => Ok(warnings),
        // Nothing was to be written, so nothing is in doubt.
        Err(Failure::Lost(_, problem)) => Err(Failure::Refused(Problem {
            next: "Look at the server and its webhooks, then try again".into(),
            ..problem
        })),
        Err(failure) => Err(failure),
    }
}

/// Does a step.
pub(crate) async fn write(session: &Session, step: &Step) -> Result<Stored, Failure> {
    let before = match &step.edit {
        Edit::Create(_) => None,
        Edit::Patch(_) | Edit::Delete { .. } => before(session, step).await?,
    };
    match request(session, step, Mode::Real).await {
        Ok((after, _)) => Ok(Stored { before, after }),
        Err(Failure::Lost(_, problem)) => Err(Failure::Lost(before, problem)),
        Err(failure) => Err(failure),
    }
}

/// The object right before a step. Who may write it but not read it goes on without.
async fn before(session: &Session, step: &Step) -> Result<Option<Object>, Failure> {
    match read(session, step).await {
        Ok(Some(now)) => Ok(Some(trimmed(now, step))),
        Ok(None) if matches!(step.edit, Edit::Patch(_)) => Err(refusal::deleted(step)),
        Ok(None) => Ok(None),
        Err(Unread::Refused(_)) => Ok(None),
        Err(Unread::Away(problem)) => Err(Failure::Refused(problem)),
    }
}

/// The object of a step as it is now; `None` when there is none.
pub(crate) async fn look(session: &Session, step: &Step) -> Result<Option<Object>, Problem> {
    match read(session, step).await {
        Ok(now) => Ok(now.map(|value| trimmed(value, step))),
        Err(Unread::Refused(problem) | Unread::Away(problem)) => Err(problem),
    }
}

/// Whether a request is to be carried out.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Mode {
    DryRun,
    Real,
}

/// What the server made of a step, or would make of it, and its warnings.
async fn request(
    session: &Session,
    step: &Step,
    mode: Mode,
) -> Result<(Option<Object>, Vec<String>), Failure> {
    match sent(session, step, mode, None).await {
        Err(Failure::Conflict(theirs, problem)) => match only_its_status(step, theirs.now.as_ref()) {
            Some(version) => sent(session, step, mode, Some(&version)).await,
            None => Err(Failure::Conflict(theirs, problem)),
        },
        done => done,
    }
}

/// The version of an object that shall go and of which its controller has only written the status since: it
/// says what the user saw.
fn only_its_status(step: &Step, now: Option<&Object>) -> Option<String> {
    let Edit::Delete { resource_version: Some(seen), .. } = &step.edit else { return None };
    let (before, now) = (step.before.as_ref()?, now?);
    let same = |place: &&str| before.0.pointer(place) == now.0.pointer(place);
    let says = ["/metadata/uid", "/metadata/labels", "/metadata/annotations", "/spec"].iter().all(same);
    let version = now.resource_version();
    (says && version != seen).then(|| version.to_owned())
}

/// One request for a step; `version` is that of an object which shall go, in place of the one that was seen.
async fn sent(
    session: &Session,
    step: &Step,
    mode: Mode,
    version: Option<&str>,
) -> Result<(Option<Object>, Vec<String>), Failure> {
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
            if let Some(version) = version.or(resource_version.as_deref()) {
                options["preconditions"]["resourceVersion"] = version.into();
            }
            if mode == Mode::DryRun {
                options["dryRun"] = json!(["All"]);
            }
            (Method::DELETE, path(&step.at, &step.api_version, true), JSON, bytes(&options))
        }
    };
    let content_type = Some(content_type);
    let ask = Ask { method, content_type, body, within: STEP_TAKES, ..Ask::get(&path) };
    match http::send(&session.api.client, ask).await {
        Ok(answer) => Ok((made(&answer.body, step)?, answer.warnings)),
        Err(error) if in_doubt(&error) => Err(Failure::Lost(None, error::problem(not_done(step), &error))),
        Err(error) => Err(refusal::failure(session, step, mode, &error).await),
    }
}

/// Whether an error leaves open what became of the request: it was sent, and the server has not refused it.
fn in_doubt(error: &kube::Error) -> bool {
    match error {
        kube::Error::Api(status) => {
            // A webhook is asked before anything is written.
            (status.code >= 500 || status.code == 408) && !error::unasked_webhook(status)
        }
        other => !broken::never_sent(other),
    }
}

/// What an answer says that the server made of a step; nothing of one that deletes. An answer of another kind
/// (the page of a proxy between) says nothing.
fn made(body: &[u8], step: &Step) -> Result<Option<Object>, Failure> {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    let deletes = matches!(step.edit, Edit::Delete { .. });
    if deletes && (is_of(&value, step) || value["kind"] == "Status" && value["status"] == "Success") {
        return Ok(None);
    }
    if !deletes && is_of(&value, step) {
        return Ok(Some(trimmed(value, step)));
    }
    tracing::warn!(at = %step.at, "an answer that is not the API server's");
    Err(Failure::Lost(None, foreign(step)))
}

/// Whether this is the object of a step.
fn is_of(value: &Value, step: &Step) -> bool {
    let meta = &value["metadata"];
    value["kind"] == step.at.kind.kind
        && meta["name"] == *step.at.name
        && meta["namespace"].as_str().unwrap_or_default() == &*step.at.namespace
}

fn foreign(step: &Step) -> Problem {
    Problem::new(
        not_done(step),
        "What answered is not the API server: its answer cannot be understood",
        "Look at what stands between you and the cluster",
    )
}

/// An object of the server as it is kept.
pub(crate) fn trimmed(value: Value, step: &Step) -> Object {
    Object::from(trim::trimmed(value, &step.api_version, step.at.kind))
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

/// Why an object could not be read.
pub(crate) enum Unread {
    /// The server does not let us.
    Refused(Problem),
    /// It does not answer.
    Away(Problem),
}

/// The whole object as it is now, with who wrote what.
pub(crate) async fn read(session: &Session, step: &Step) -> Result<Option<Value>, Unread> {
    let path = path(&step.at, &step.api_version, true);
    match http::json::<Value>(&session.api.client, &path).await {
        Ok(value) if is_of(&value, step) => Ok(Some(value)),
        Ok(_) => Err(Unread::Away(foreign(step))),
        Err(error) => match &error {
            kube::Error::Api(status) if status.code == 404 && status.reason == "NotFound" => Ok(None),
            kube::Error::Api(status) if matches!(status.code, 401 | 403) => {
                Err(Unread::Refused(error::problem(not_done(step), &error)))
            }
            _ => Err(Unread::Away(error::problem(not_done(step), &error))),
        },
    }
}

#[cfg(test)]
#[path = "lost_tests.rs"]
pub(crate) mod lost_tests;
#[cfg(test)]
#[path = "write_tests.rs"]
pub(crate) mod tests;
