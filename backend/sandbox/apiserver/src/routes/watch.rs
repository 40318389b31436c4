//! Watching: a stream of JSON lines that may begin with what is there, goes on with what changes, and says
//! how far it is.

use std::{sync::Arc, time::Duration};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::{Response, StatusCode};
use rand::Rng as _;
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::Instant};
use tokio_stream::wrappers::ReceiverStream;

use super::read::{form, metadata_only};
use crate::answers::typed_answer;
use crate::query::Form;
use crate::query::Query;
use crate::target::Place;
use crate::{
    api::Api,
    selector::Selector,
    status::{ApiError, Result},
    store::{Change, Entry, State},
    table,
};

/// How often a quiet watch says how far it is.
const BOOKMARK_EVERY: Duration = Duration::from_secs(60);
/// Lines go out together up to about this size.
const CHUNK: usize = 64 * 1024;

struct Watching {
    at: Place,
    selector: Selector,
    form: Form,
    include_object: String,
    bookmarks: bool,
    /// Column headers go with the first row only.
    headed: bool,
}

pub(super) fn answer(api: &Arc<Api>, at: &Place, query: &Query, accept: &str) -> Result<Response<Body>> {
    options(query)?;
    let initial = query.flag("sendInitialEvents");
    let watching = Watching {
        at: at.clone(),
        selector: Selector::parse(&at.kind, query.get("labelSelector"), query.get("fieldSelector"))?,
        form: form(accept)?,
        include_object: query.get("includeObject").to_owned(),
        bookmarks: query.flag("allowWatchBookmarks"),
        headed: false,
    };
    let wanted = query.get("resourceVersion");
    let from = match wanted {
        // Nothing of what is there, only what comes.
        "" | "0" if query.has("sendInitialEvents") && !initial => Some(api.store.revision()),
        "" | "0" => None,
        text => Some(text.parse::<u64>().map_err(|_| {
            ApiError::bad_request(format!("Invalid value: \"{text}\": must be a resource version"))
        })?),
    };
    let lasts = match query
        .number("timeoutSeconds")
        .and_then(|seconds| u64::try_from(seconds).ok())
        .filter(|seconds| *seconds > 0)
    {
        Some(seconds) => Duration::from_secs(seconds),
        // Unasked, the real server ends a watch after half an hour to an hour, so that clients spread.
        None => Duration::from_secs(rand::rng().random_range(1800..3600)),
    };
    let (sender, receiver) = mpsc::channel(16);
    let (api_for_task, closing) = (api.clone(), api.closing.clone());
    api.tasks.spawn(async move {
        let mut dropped = api_for_task.faults.watches();
        tokio::select! {
            () = follow(api_for_task, watching, from, initial, lasts, &sender) => {}
            () = sender.closed() => {}
            () = closing.cancelled() => {}
            _ = dropped.changed() => {}
            // One that does not read keeps its connection no longer than the others.
            () = tokio::time::sleep(lasts + Duration::from_secs(30)) => {}
        }
    });
    let stream = tokio_stream::StreamExt::map(ReceiverStream::new(receiver), Ok::<Bytes, std::io::Error>);
    Ok(typed_answer(StatusCode::OK, "application/json", Body::from_stream(stream)))
}

/// What of the options of a watch goes together.
fn options(query: &Query) -> Result<()> {
    let (initial, matching) = (query.has("sendInitialEvents"), query.get("resourceVersionMatch"));
    let why = match matching {
        "NotOlderThan" if initial => return Ok(()),
        "" if !initial => return Ok(()),
        "" => "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
        _ if initial => "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
        _ => "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
    };
    Err(ApiError::invalid_options("ListOptions", "resourceVersionMatch", &format!("Forbidden: {why}")))
}

async fn follow(
    api: Arc<Api>,
    mut watching: Watching,
    from: Option<u64>,
    initial: bool,
    lasts: Duration,
    out: &mpsc::Sender<Bytes>,
) {
    let ends = Instant::now() + lasts;
    let mut signal = api.store.signal();
    let mut buffer = BytesMut::new();
    let mut seen = match from {
        Some(revision) if !initial => revision,
        _ => {
            let (lines, revision) = api.store.read(|state| watching.everything(state));
            for object in &lines {
                watching.line(&mut buffer, "ADDED", object);
                if buffer.len() > CHUNK && out.send(buffer.split().freeze()).await.is_err() {
                    return;
                }
            }
            if initial {
                watching.bookmark(&mut buffer, revision, true);
            }
            revision
        }
    };
    let mut next_bookmark = Instant::now() + BOOKMARK_EVERY;
    loop {
        signal.borrow_and_update();
        let read = api.store.read(|state| {
            if seen > state.revision {
                return Err((seen, state.revision));
            }
            let entries = state.history.since(seen).map_err(|too_old| (seen, too_old.oldest))?;
            Ok((
                entries.filter(|entry| watching.concerns(entry)).cloned().collect::<Vec<_>>(),
                state.revision,
            ))
        });
        match read {
            Ok((entries, revision)) => {
                seen = revision;
                for entry in &entries {
                    watching.entry(&mut buffer, entry);
                    if buffer.len() > CHUNK && out.send(buffer.split().freeze()).await.is_err() {
                        return;
                    }
                }
            }
            Err((wanted, oldest)) => {
                let error = ApiError::expired(format!("too old resource version: {wanted} ({oldest})"));
                push(&mut buffer, "ERROR", &error.to_status());
                // A client that is gone needs no last word.
                drop(out.send(buffer.freeze()).await);
                return;
            }
        }
        if !buffer.is_empty() && out.send(buffer.split().freeze()).await.is_err() {
            return;
        }
        tokio::select! {
            changed = signal.changed() => if changed.is_err() { return },
            () = tokio::time::sleep_until(next_bookmark), if watching.bookmarks => {
                watching.bookmark(&mut buffer, seen, false);
                next_bookmark = Instant::now() + BOOKMARK_EVERY;
            }
            () = tokio::time::sleep_until(ends) => {
                if watching.bookmarks {
                    watching.bookmark(&mut buffer, seen, false);
                    drop(out.send(buffer.freeze()).await);
                }
                return;
            }
        }
    }
}

impl Watching {
    fn everything(&self, state: &State) -> (Vec<Arc<Value>>, u64) {
        let objects = state.range(self.at.id, self.at.target.namespace.as_deref()).map(|(_, object)| object);
        (objects.filter(|object| self.wants(object)).cloned().collect(), state.revision)
    }

    /// Whether an object is in the collection and selected; a watch may also be on one name.
    fn wants(&self, object: &Value) -> bool {
        self.selector.matches(object)
    }

    fn concerns(&self, entry: &Entry) -> bool {
        entry.key.kind == self.at.id
            && self.at.target.namespace.as_ref().is_none_or(|namespace| entry.key.namespace == *namespace)
    }

    fn entry(&mut self, buffer: &mut BytesMut, entry: &Entry) {
        let now = entry.change != Change::Deleted && self.wants(&entry.object);
        let before = entry.previous.as_ref().is_some_and(|previous| self.wants(previous));
        let event = match (before, now) {
            (false, false) => return,
            (false, true) => "ADDED",
            (true, true) => "MODIFIED",
            (true, false) => "DELETED",
        };
        self.line(buffer, event, &entry.object);
    }

    fn line(&mut self, buffer: &mut BytesMut, event: &str, object: &Arc<Value>) {
        match self.form {
            Form::Plain => {
                let mut written = Vec::new();
                self.at.write(object, &mut written);
                push_written(buffer, event, &written);
            }
            Form::Metadata => push(buffer, event, &metadata_only(object)),
            Form::Table => {
                let shown = self.at.show(object);
                let mut row = table::one(&self.at, &shown, &self.include_object, !self.headed);
                row["metadata"]["resourceVersion"] =
                    shown.pointer("/metadata/resourceVersion").cloned().unwrap_or_default();
                self.headed = true;
                push(buffer, event, &row);
            }
        }
    }

    fn bookmark(&self, buffer: &mut BytesMut, revision: u64, initial: bool) {
        let mut metadata = json!({"resourceVersion": revision.to_string()});
        if initial {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let object = match self.form {
            Form::Plain => {
                json!({"kind": self.at.kind.kind, "apiVersion": self.at.api_version(), "metadata": metadata})
            }
            Form::Metadata => {
                json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata})
            }
            Form::Table => {
                json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
                    "columnDefinitions": null, "rows": []})
            }
        };
        push(buffer, "BOOKMARK", &object);
    }
}

fn push(buffer: &mut BytesMut, event: &str, object: &Value) {
    push_written(buffer, event, object.to_string().as_bytes());
}

fn push_written(buffer: &mut BytesMut, event: &str, object: &[u8]) {
    buffer.extend_from_slice(b"{\"type\":\"");
    buffer.extend_from_slice(event.as_bytes());
    buffer.extend_from_slice(b"\",\"object\":");
    buffer.extend_from_slice(object);
    buffer.extend_from_slice(b"}\n");
}
