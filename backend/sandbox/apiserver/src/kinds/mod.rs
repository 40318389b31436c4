//! The kinds that the server knows: Kubernetes' own from a table, Istio's, the Gateway API's and everybody
//! else's from their CRDs.

mod built_in;
mod crd;
mod gateway_api;
mod istio;
mod kind;

use std::{collections::HashMap, sync::Arc};

use serde_json::Value;

pub(crate) use crd::{problems as definition_problems, registration};
pub(crate) use kind::{Kind, ScalePaths, Version};

/// The CRDs that every mesh has: Istio's and the Gateway API's.
pub(crate) fn custom_resource_definitions() -> impl Iterator<Item = Value> {
    istio::custom_resource_definitions().chain(gateway_api::custom_resource_definitions())
}

/// Where a kind stands in the table; stays the same as long as the server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct KindId(pub(crate) usize);

/// All kinds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kinds {
    /// In the order in which they came; a removed CRD leaves a hole, so that ids stay true.
    rows: Vec<Option<Arc<Kind>>>,
    by_plural: HashMap<(String, String), KindId>,
    by_kind: HashMap<(String, String), KindId>,
}

impl Kinds {
    /// Kubernetes' own kinds.
    pub(crate) fn built_in() -> Self {
        let mut kinds = Self::default();
        for kind in built_in::kinds() {
            kinds.register(kind);
        }
        kinds
    }

    pub(crate) fn register(&mut self, kind: Kind) -> KindId {
        let key = (kind.group.clone(), kind.plural.clone());
        let by_kind = (kind.group.clone(), kind.kind.clone());
        let id = *self.by_plural.entry(key).or_insert_with(|| {
            self.rows.push(None);
            KindId(self.rows.len() - 1)
        });
        self.by_kind.insert(by_kind, id);
        self.rows[id.0] = Some(Arc::new(kind));
        id
    }

    pub(crate) fn unregister(&mut self, group: &str, plural: &str) -> Option<KindId> {
        let id = self.by_plural.remove(&(group.to_owned(), plural.to_owned()))?;
        self.by_kind.retain(|_, other| *other != id);
        self.rows[id.0] = None;
        Some(id)
    }

    pub(crate) fn get(&self, id: KindId) -> Option<&Arc<Kind>> {
        self.rows.get(id.0)?.as_ref()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (KindId, &Arc<Kind>)> {
        self.rows.iter().enumerate().filter_map(|(id, kind)| Some((KindId(id), kind.as_ref()?)))
    }

    /// By group and plural, as in a URL.
    pub(crate) fn by_plural(&self, group: &str, plural: &str) -> Option<(KindId, Arc<Kind>)> {
        let id = *self.by_plural.get(&(group.to_owned(), plural.to_owned()))?;
        Some((id, self.get(id)?.clone()))
    }

    /// By apiVersion and kind, as in an object.
    pub(crate) fn of_object(&self, object: &Value) -> Option<(KindId, Arc<Kind>)> {
        let api_version = object.get("apiVersion")?.as_str()?;
        let kind = object.get("kind")?.as_str()?;
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        let id = *self.by_kind.get(&(group.to_owned(), kind.to_owned()))?;
        Some((id, self.get(id)?.clone()))
    }

    /// By the name that in-process callers use: `Pod`, or `Gateway.networking.istio.io` where two groups have
    /// one.
    pub(crate) fn named(&self, name: &str) -> Option<(KindId, Arc<Kind>)> {
        let (kind, group) = name.split_once('.').map_or((name, None), |(kind, group)| (kind, Some(group)));
        self.iter()
            .find(|(_, row)| row.kind == kind && group.is_none_or(|group| row.group == group))
            .map(|(id, row)| (id, row.clone()))
    }
}
