//! One endpoint, and where it stands.

use crate::identity::CLUSTER_ID;
use crate::registry::locality::{CLUSTER, HOSTNAME, Locality, REGION, SUBZONE, ZONE};
use crate::registry::{FixedEndpoint, Registry, Workload};
use istio::Selects;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Where somebody stands, and what is written on them.
pub(crate) struct Place<'a> {
    pub(crate) locality: Cow<'a, Locality>,
    labels: Cow<'a, BTreeMap<String, String>>,
    node: &'a str,
}

impl<'a> Place<'a> {
    pub(crate) fn of(registry: &'a Registry, workload: &'a Workload) -> Self {
        let locality = Cow::Borrowed(registry.locality(workload));
        Self { locality, labels: Cow::Borrowed(&workload.labels), node: &workload.node }
    }

    pub(super) fn of_fixed(fixed: FixedEndpoint) -> Self {
        Self { locality: Cow::Owned(fixed.locality), labels: Cow::Owned(fixed.labels), node: "" }
    }

    /// Whether it is among those that labels narrow to; where it stands counts as labels of its own, as in
    /// istiod.
    pub(crate) fn is_of(&self, labels: &BTreeMap<String, String>) -> bool {
        Selects::narrowing(Some(labels)).fits(|key| Some(self.label(key)).filter(|value| !value.is_empty()))
    }

    /// A label, or what the place says under a topology label; "" when neither is there.
    pub(crate) fn label(&self, key: &str) -> &str {
        let known = match key {
            REGION => &self.locality.region,
            ZONE => &self.locality.zone,
            SUBZONE => &self.locality.subzone,
            HOSTNAME => self.node,
            CLUSTER => CLUSTER_ID,
            _ => "",
        };
        if known.is_empty() { self.labels.get(key).map_or("", String::as_str) } else { known }
    }
}

/// One endpoint, and where it stands.
pub(crate) struct Endpoint<'a> {
    pub(crate) value: Value,
    pub(crate) weight: u32,
    pub(crate) place: Place<'a>,
}

pub(crate) fn endpoint(address: &Value, weight: u32, metadata: Value) -> Value {
    json!({
        "endpoint": {"address": address},
        "health_status": "HEALTHY",
        "metadata": {"filter_metadata": metadata},
        "load_balancing_weight": weight,
    })
}
