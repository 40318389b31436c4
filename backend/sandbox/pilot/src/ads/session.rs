//! One proxy's stream: its requests, confirmations and refusals in, pushes out.

use super::push::{Push, Responses};
use super::shared::{Shared, Snapshot};
use super::state::Session;
use crate::log;
use crate::xds::ResourceType;
use parking_lot::Mutex;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::sync::watch;
use wire::ads::{DiscoveryRequest, Requests};
use wire::envoy::config::core::v3::Node;

/// Runs until the proxy goes away, or the control plane stops.
pub(super) async fn run(
    shared: Arc<Shared>,
    mut requests: Requests,
    from: String,
    responses: Responses,
    mut snapshots: watch::Receiver<Arc<Snapshot>>,
) {
    let session = Arc::new(Mutex::new(Session::new(shared.number(), from)));
    let number = shared.open(&session);
    let stop = shared.stop.clone();
    let mut push = Push { shared: shared.clone(), session: session.clone(), responses };
    loop {
        let open = tokio::select! {
            () = stop.cancelled() => break,
            request = requests.message() => match request {
                Ok(Some(request)) => push.answer(&request).await,
                Ok(None) => break,
                Err(error) => {
                    tracing::debug!(proxy = session.lock().proxy, %error, "a proxy's stream ended");
                    break;
                }
            },
            changed = snapshots.changed() => match changed {
                Ok(()) => {
                    snapshots.mark_unchanged();
                    push.all().await
                }
                Err(_) => break,
            },
            () = renewal(&session) => push.all().await,
        };
        if !open {
            break;
        }
    }
    {
        let session = session.lock();
        if !session.proxy.is_empty() {
            shared.options.info(&format!("ADS: {:?} {} terminated", session.from, session.id()));
        }
    }
    shared.close(number);
}

/// Ready when the session's certificate is to be replaced.
async fn renewal(session: &Mutex<Session>) {
    let at = session.lock().identity.as_ref().map(|identity| identity.renew_at);
    match at {
        Some(at) => tokio::time::sleep(at.duration_since(SystemTime::now()).unwrap_or_default()).await,
        None => std::future::pending().await,
    }
}

impl Push {
    /// Takes one request; false when the stream is to end.
    async fn answer(&mut self, request: &DiscoveryRequest) -> bool {
        if let Some(node) = &request.node
            && self.session.lock().proxy.is_empty()
        {
            introduce(&self.session, node);
            self.shared.options.info(&format!("ADS: new connection for node:{}", self.session.lock().id()));
            tracing::debug!(node = node.id, "a proxy came");
        }
        let Some(kind) = ResourceType::of(&request.type_url) else {
            tracing::debug!(type_url = request.type_url, "a proxy asks for a type that is not served");
            return true;
        };
        let wants_more = self.note(kind, request);
        let (names, nonce) = (request.resource_names.len(), &request.response_nonce);
        tracing::trace!(
            proxy = self.session.lock().proxy,
            kind = kind.short(),
            nonce,
            names,
            wants_more,
            "asked"
        );
        if wants_more {
            return self.some(&[kind], true).await;
        }
        self.shared.tell(&self.session);
        true
    }

    /// Notes what a request confirms, refuses or newly asks for; true when it is to be answered.
    fn note(&self, kind: ResourceType, request: &DiscoveryRequest) -> bool {
        let mut session = self.session.lock();
        let first = !session.watches.contains_key(&kind);
        let watch = session.watches.entry(kind).or_default();
        let names: BTreeSet<String> = request.resource_names.iter().cloned().collect();
        if first || request.response_nonce.is_empty() {
            watch.names = names;
            return true;
        }
        if request.response_nonce != watch.nonce {
            self.shared.metrics.expired(kind);
            return false;
        }
        if let Some(error) = &request.error_detail {
            let words = error.message.trim_end();
            let (short, code) = (kind.short().to_uppercase(), log::code(error.code));
            self.shared
                .options
                .warn("ads", &format!("ADS:{short}: ACK ERROR {} {code}:{words}", session.id()));
            tracing::warn!(proxy = session.proxy, kind = kind.short(), "refused: {words}");
            self.shared.metrics.refused(kind);
            if let Some(watch) = session.watches.get_mut(&kind) {
                watch.refused = Some(words.to_owned());
            }
            // Without the patches that may be to blame, the rest is worth another try.
            return session.patches.blame(kind, &error.message);
        }
        // The first request under a nonce confirms it. A further one, or one that keeps to an older version
        // without a complaint, asks: the proxy has made a cluster or listener anew and holds it back until it
        // is told again what that needs, by the same names as before.
        let confirms = request.version_info == watch.version && watch.acked != watch.nonce;
        let anew = !confirms && !names.is_empty() && names.is_superset(&watch.names);
        let mut more = anew || !watch.names.is_superset(&names);
        if request.version_info == watch.version {
            watch.acked.clone_from(&watch.nonce);
            watch.refused = None;
        }
        watch.names = names;
        if confirms && session.patches.confirm(kind) {
            more = true;
        }
        if session.synced() {
            session.confirmed = session.pushed;
            if let Some(since) = session.since.take() {
                let took = since.elapsed();
                tracing::debug!(
                    proxy = session.proxy,
                    revision = session.confirmed,
                    ?took,
                    "runs on what has changed"
                );
                self.shared.metrics.converged(took);
            }
        }
        more
    }
}

fn introduce(session: &Mutex<Session>, node: &Node) {
    let mut session = session.lock();
    session.node_id.clone_from(&node.id);
    // type~address~pod.namespace~domain
    let mut parts = node.id.split('~').skip(1);
    let address = parts.next().unwrap_or_default();
    if session.from.is_empty() {
        // It came through a socket, which tells nothing of it.
        address.clone_into(&mut session.from);
    }
    session.proxy = parts.next().unwrap_or(&node.id).to_owned();
    let metadata = node.metadata.as_ref().map(|metadata| &metadata.fields).into_iter().flatten();
    session.metadata =
        metadata.map(|(key, value)| (key.clone(), plain(value))).collect::<serde_json::Map<_, _>>().into();
}

/// A protobuf value as JSON.
fn plain(value: &wire::protobuf::Value) -> Value {
    use wire::protobuf::value::Kind as Of;
    match &value.kind {
        None | Some(Of::NullValue(_)) => Value::Null,
        // As istiod writes them: 15000, not 15000.0.
        #[allow(clippy::cast_possible_truncation, reason = "it is whole and small")]
        Some(Of::NumberValue(number)) if number.fract() == 0.0 && number.abs() < 9e15 => {
            Value::from(*number as i64)
        }
        Some(Of::NumberValue(number)) => Value::from(*number),
        Some(Of::StringValue(text)) => Value::from(text.as_str()),
        Some(Of::BoolValue(yes)) => Value::from(*yes),
        Some(Of::StructValue(fields)) => fields
            .fields
            .iter()
            .map(|(key, value)| (key.clone(), plain(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Some(Of::ListValue(list)) => list.values.iter().map(plain).collect(),
    }
}
