//! Pushing: translate for one proxy, find what changed for it, send that in the order in which Envoy wants
//! it.

use super::shared::Shared;
use super::state::{Sent, Session, Watch};
use crate::ca::Identity;
use crate::log;
use crate::registry::workload::Workload;
use crate::translate::target::Target;
use crate::translate::{self, envoy_filter};
use crate::xds::{ResourceType, Resources};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::SystemTime;
use tokio::sync::mpsc;
use wire::ads::{DiscoveryResponse, StreamEnd};

/// Where a stream's answers go.
pub(super) type Responses = mpsc::Sender<Result<DiscoveryResponse, StreamEnd>>;

pub(super) struct Push {
    pub(super) shared: Arc<Shared>,
    pub(super) session: Arc<Mutex<Session>>,
    pub(super) responses: Responses,
}

impl Push {
    /// Sends everything that changed for this proxy; false when the stream is to end.
    pub(super) async fn all(&mut self) -> bool {
        self.some(&ResourceType::ALL, false).await
    }

    /// Sends these types as far as they changed, or in any case when `asked` for.
    pub(super) async fn some(&mut self, kinds: &[ResourceType], asked: bool) -> bool {
        let made = match self.make(kinds, asked) {
            Ok(made) => made,
            Err(end) => {
                tracing::warn!(proxy = self.session.lock().proxy, "{}", end.message());
                // When the proxy is gone already, nobody needs the reason.
                let _told = self.responses.send(Err(end)).await;
                return false;
            }
        };
        for response in made {
            self.say(asked, &response);
            tracing::trace!(
                proxy = self.session.lock().proxy,
                nonce = response.nonce,
                type_url = response.type_url,
                "told"
            );
            if self.responses.send(Ok(response)).await.is_err() {
                return false;
            }
        }
        self.shared.tell(&self.session);
        self.shared.say_patches();
        true
    }

    fn say(&self, asked: bool, response: &DiscoveryResponse) {
        let kind =
            ResourceType::of(&response.type_url).map(ResourceType::short).unwrap_or_default().to_uppercase();
        let size = response.resources.iter().map(|resource| resource.value.len()).sum();
        self.shared.options.info(&format!(
            "{kind}: PUSH{} for node:{} resources:{} size:{}",
            if asked { " request" } else { "" },
            self.session.lock().proxy,
            response.resources.len(),
            log::size(size),
        ));
    }

    fn make(&self, kinds: &[ResourceType], asked: bool) -> Result<Vec<DiscoveryResponse>, StreamEnd> {
        let snapshot = self.shared.snapshot();
        let mut session = self.session.lock();
        let (namespace, name) = match session.proxy.split_once('.') {
            Some((name, namespace)) => (namespace, name),
            None => return Ok(Vec::new()), // it has not said who it is
        };
        // A proxy may be there before its pod is: it is answered as soon as the pod is known.
        let Some(workload) =
            snapshot.registry.workload(namespace, name).filter(|workload| workload.proxy.is_some())
        else {
            return Ok(Vec::new());
        };
        if workload.node_id() != session.node_id {
            let text = format!("Pod {namespace}/{name} is {}, not {}", workload.node_id(), session.node_id);
            return Err(StreamEnd::permission_denied(text));
        }
        let identity = self.identity(&mut session, workload)?;
        let target = Target::new(&snapshot.registry, workload);
        let mut resources = translate::translate(&target);
        envoy_filter::apply(&target, &mut resources, &mut session.patches);
        session.expected =
            [(ResourceType::Endpoint, &resources.endpoints), (ResourceType::Route, &resources.routes)]
                .map(|(kind, list)| (kind, list.iter().map(|json| name_of(json).to_owned()).collect()))
                .into();
        let mut secrets = secrets(&identity, self.shared.options.ca.root());
        secrets.append(&mut resources.secrets);
        let mut responses = Vec::new();
        let mut clusters_sent = false;
        for kind in kinds {
            let Some(watch) = session.watches.get_mut(kind) else { continue };
            let wanted = take(&mut resources, *kind, &secrets);
            // Envoy holds a new or changed cluster back until it is told its endpoints again.
            let forced = asked || (*kind == ResourceType::Endpoint && clusters_sent);
            if !asked && nothing_left(watch, *kind, &wanted) {
                continue;
            }
            if let Some(response) = self.response(watch, *kind, wanted, forced) {
                clusters_sent |= *kind == ResourceType::Cluster;
                responses.push(response);
            }
        }
        if !asked {
            session.pushed = snapshot.registry.revision;
            if !responses.is_empty() {
                session.since.get_or_insert(snapshot.seen);
            } else if session.synced() {
                session.confirmed = session.pushed;
            }
        } else if session.pushed == 0 {
            session.pushed = snapshot.registry.revision;
        }
        Ok(responses)
    }

    /// The certificate of the pod, made or renewed when it is time.
    fn identity(&self, session: &mut Session, workload: &Workload) -> Result<Arc<Identity>, StreamEnd> {
        match &session.identity {
            Some(identity) if identity.renew_at > SystemTime::now() => Ok(identity.clone()),
            _ => {
                let made = self.shared.options.ca.issue(&workload.identity());
                let made = Arc::new(made.map_err(|error| StreamEnd::internal(error.to_string()))?);
                session.identity = Some(made.clone());
                Ok(made)
            }
        }
    }

    fn response(
        &self,
        watch: &mut Watch,
        kind: ResourceType,
        wanted: Vec<Value>,
        forced: bool,
    ) -> Option<DiscoveryResponse> {
        let all = watch.names.is_empty() && matches!(kind, ResourceType::Cluster | ResourceType::Listener);
        watch.left_out.clear();
        let mut resources = BTreeMap::new();
        let mut hash = DefaultHasher::new();
        for json in wanted {
            let name = name_of(&json).to_owned();
            if !all && !watch.names.contains("*") && !watch.names.contains(&name) {
                continue;
            }
            let known = watch.resources.remove(&name).filter(|known| known.json == json);
            let sent = match known {
                Some(sent) => sent,
                None => match wire::any(&json) {
                    Ok(packed) => Sent { json, packed },
                    Err(error) => {
                        tracing::error!(kind = kind.short(), name, %error,
                            "a resource cannot be encoded and is left out");
                        watch.left_out.insert(name, error.to_string());
                        continue;
                    }
                },
            };
            (&name, &sent.packed.value).hash(&mut hash);
            resources.insert(name, sent);
        }
        watch.resources = resources;
        let version = format!("{:016x}", hash.finish());
        if !forced && watch.version == version {
            return None;
        }
        watch.version.clone_from(&version);
        watch.nonce = format!("{version}-{}", self.shared.number());
        watch.sent_at = Some(jiff::Timestamp::now());
        let packed: Vec<_> = watch.resources.values().map(|sent| sent.packed.clone()).collect();
        self.shared.metrics.pushed(kind, packed.iter().map(|resource| resource.value.len()).sum());
        Some(DiscoveryResponse {
            version_info: version,
            resources: packed,
            type_url: kind.type_url().to_owned(),
            nonce: watch.nonce.clone(),
            ..DiscoveryResponse::default()
        })
    }
}

/// Whether the last of what a proxy needed for its clusters or listeners is gone: it forgets that with them,
/// and confirms no news about it.
fn nothing_left(watch: &mut Watch, kind: ResourceType, wanted: &[Value]) -> bool {
    let gone = !matches!(kind, ResourceType::Cluster | ResourceType::Listener)
        && !wanted.iter().any(|json| watch.names.contains(name_of(json)));
    if gone {
        watch.resources.clear();
        watch.version.clear();
    }
    gone
}

/// A load assignment's name is its cluster's.
fn name_of(json: &Value) -> &str {
    json.get("cluster_name").or_else(|| json.get("name")).and_then(Value::as_str).unwrap_or_default()
}

fn take(resources: &mut Resources, kind: ResourceType, secrets: &[Value]) -> Vec<Value> {
    match kind {
        ResourceType::Cluster => std::mem::take(&mut resources.clusters),
        ResourceType::Endpoint => std::mem::take(&mut resources.endpoints),
        ResourceType::Listener => std::mem::take(&mut resources.listeners),
        ResourceType::Route => std::mem::take(&mut resources.routes),
        ResourceType::Secret => secrets.to_vec(),
    }
}

/// The workload's certificate and the root to believe in.
fn secrets(identity: &Identity, root: &str) -> Vec<Value> {
    let kind = ResourceType::Secret.type_url();
    vec![
        json!({"@type": kind, "name": "default", "tls_certificate": {
            "certificate_chain": {"inline_string": identity.chain},
            "private_key": {"inline_string": identity.key}}}),
        json!({"@type": kind, "name": "ROOTCA",
            "validation_context": {"trusted_ca": {"inline_string": root}}}),
    ]
}
