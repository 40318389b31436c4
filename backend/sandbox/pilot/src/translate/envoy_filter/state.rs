//! What came of each patch at one proxy, and which the proxy refused: those are left out until they are
//! changed, so that everything else still reaches it.

use crate::xds::ResourceType;
use istio::views::envoy_filter::ConfigPatch;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use wire::NotEncodable;
use wire::patch::Unpatchable;

/// One patch as it is written now.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PatchId {
    pub(crate) object: String,
    index: usize,
    /// Changes with what is written.
    version: u64,
}

impl PatchId {
    pub(crate) fn new(object: String, index: usize, patch: &ConfigPatch) -> Self {
        let mut hash = DefaultHasher::new();
        serde_json::to_string(patch).unwrap_or_default().hash(&mut hash);
        Self { object, index, version: hash.finish() }
    }
}

/// Why a patch was left out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Failure {
    #[error("Envoy refuses it: {0}")]
    Refused(String),
    #[error("{0}")]
    Unpatchable(#[from] Unpatchable),
    #[error("match.proxy.metadata is not carried out in the sandbox; use workloadSelector")]
    ProxyMetadata,
    #[error("patch.value cannot be read as {message}: {error}")]
    Unreadable { message: &'static str, error: NotEncodable },
    #[error("operation {0} needs patch.value")]
    NoValue(String),
    #[error("patch.value needs a name")]
    NoName,
    #[error("{name} could not be encoded with it: {error}")]
    Spoils { name: String, error: NotEncodable },
    #[error("{name} cannot be encoded: {error}")]
    NotEncodable { name: String, error: NotEncodable },
    #[error("there is a {kind} named {name:?} already", kind = .kind.short())]
    Exists { kind: ResourceType, name: String },
}

/// What came of a patch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It changed these resources.
    Applied(BTreeSet<(ResourceType, String)>),
    /// There was nothing that it fits.
    Nothing,
    /// It was left out, and why.
    Failed(Failure),
}

/// The patches of one proxy.
#[derive(Debug, Default)]
pub(crate) struct State {
    outcomes: BTreeMap<PatchId, Outcome>,
    refused: BTreeMap<PatchId, String>,
    /// In force in what the proxy confirmed last.
    confirmed: BTreeMap<ResourceType, BTreeSet<PatchId>>,
    /// Left out because one of them is to blame; tried again one by one.
    suspects: BTreeMap<ResourceType, Vec<PatchId>>,
}

impl State {
    /// What came of each patch.
    pub(crate) fn outcomes(&self) -> &BTreeMap<PatchId, Outcome> {
        &self.outcomes
    }

    pub(crate) fn refusal(&self, id: &PatchId) -> Option<&String> {
        self.refused.get(id)
    }

    /// Takes what came of all patches now.
    pub(crate) fn renew(&mut self, outcomes: BTreeMap<PatchId, Outcome>) {
        self.refused.retain(|id, _| outcomes.contains_key(id));
        self.outcomes = outcomes;
    }

    fn in_force(
        &self,
        kind: ResourceType,
    ) -> impl Iterator<Item = (&PatchId, &BTreeSet<(ResourceType, String)>)> {
        self.outcomes.iter().filter_map(move |(id, outcome)| match outcome {
            Outcome::Applied(touched) if touched.iter().any(|(of, _)| *of == kind) => Some((id, touched)),
            _ => None,
        })
    }

    /// The proxy runs on what it was sent of this kind. True when one of those that were under suspicion is
    /// to be tried.
    pub(crate) fn confirm(&mut self, kind: ResourceType) -> bool {
        let now = self.in_force(kind).map(|(id, _)| id.clone()).collect();
        self.confirmed.insert(kind, now);
        let suspects = self.suspects.entry(kind).or_default();
        while let Some(next) = suspects.pop() {
            if self.refused.remove(&next).is_some() {
                return true;
            }
        }
        false
    }

    /// The proxy refused what it was sent of this kind: patches that are new in it are to blame, those of the
    /// resources that it names before others. True when there are any, and everything is worth sending
    /// without them.
    pub(crate) fn blame(&mut self, kind: ResourceType, words: &str) -> bool {
        let known = self.confirmed.get(&kind);
        let new: Vec<_> =
            self.in_force(kind).filter(|(id, _)| known.is_none_or(|known| !known.contains(id))).collect();
        let named = |touched: &BTreeSet<(ResourceType, String)>| {
            touched.iter().any(|(_, name)| words.contains(name.as_str()))
        };
        let mut to_blame: Vec<PatchId> =
            new.iter().filter(|(_, touched)| named(touched)).map(|(id, _)| (*id).clone()).collect();
        if to_blame.is_empty() {
            to_blame = new.iter().map(|(id, _)| (*id).clone()).collect();
        }
        let any = !to_blame.is_empty();
        if to_blame.len() > 1 {
            self.suspects.entry(kind).or_default().extend(to_blame.iter().cloned());
        }
        self.refused.extend(to_blame.into_iter().map(|id| (id, reason(words))));
        any
    }
}

/// Envoy's own reason, without the configuration that it shows before it.
fn reason(words: &str) -> String {
    const LONGEST: usize = 500;
    let at = words.find("Proto constraint validation failed").unwrap_or_default();
    words[at..].trim().chars().take(LONGEST).collect()
}
