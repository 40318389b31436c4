//! What came of EnvoyFilters' patches at the proxies that are connected.

use super::state::Session;
use crate::registry::{Registry, Untranslated, title};
use crate::translate::envoy_filter::state::{Outcome, PatchId};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What has no effect of the mesh's EnvoyFilters, as the connected proxies took them.
pub(crate) fn untranslated(registry: &Registry, sessions: &[Arc<Mutex<Session>>]) -> Vec<Untranslated> {
    let mut applied = BTreeSet::new();
    let mut failed: BTreeMap<PatchId, BTreeSet<String>> = BTreeMap::new();
    let mut met = BTreeSet::new();
    for session in sessions {
        let session = session.lock();
        for (id, outcome) in session.patches.outcomes() {
            met.insert(id.clone());
            match outcome {
                Outcome::Applied(_) => drop(applied.insert(id.clone())),
                Outcome::Failed(why) => drop(failed.entry(id.clone()).or_default().insert(why.to_string())),
                Outcome::Nothing => {}
            }
        }
    }
    let mut found = Vec::new();
    for config in &registry.envoy_filters {
        for (index, patch) in config.spec.config_patches.iter().enumerate() {
            let id = PatchId::new(title(&config.object), index, patch);
            let mut add = |words: &str| {
                found.push(Untranslated {
                    object: id.object.clone(),
                    reason: format!("configPatches[{index}]: {words}"),
                });
            };
            for words in failed.get(&id).into_iter().flatten() {
                add(words);
            }
            if failed.contains_key(&id) || applied.contains(&id) {
                continue;
            }
            if met.contains(&id) {
                add("nothing in the configuration of any proxy fits its match");
            } else {
                add("no connected proxy is selected by its context, workloadSelector and namespace");
            }
        }
    }
    found
}
