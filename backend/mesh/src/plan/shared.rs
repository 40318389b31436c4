//! Rules that share calls or connections out and are none of `http`: those of `tcp` and `tls`, and those of
//! routes of the Gateway API.

use super::{Part, Plan, host};
use crate::rule_key::{List, RuleKey};
use crate::{Mesh, Ref, Service};
use istio::{ServiceId, kinds};
use serde::Serialize;
use serde_json::{Value, json};

/// One such rule.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SharedRule {
    /// The service whose calls or connections it shares out.
    pub service: ServiceId,
    /// Its VirtualService, HTTPRoute or GRPCRoute; `None` where nobody shares these connections out yet.
    pub at: Option<Ref>,
    /// The list that it stands in.
    pub list: List,
    /// Which of its rules.
    pub key: RuleKey,
}

impl SharedRule {
    /// Its position in its list, as things stand.
    pub fn position(&self, mesh: &Mesh) -> Option<usize> {
        let object = mesh.objects().get(self.at.as_ref()?)?;
        RuleKey::of(object.spec(), self.list).iter().position(|key| *key == self.key)
    }

    /// The rule, as it is written now.
    pub fn raw<'a>(&self, mesh: &'a Mesh) -> Option<&'a Value> {
        let spec = mesh.objects().get(self.at.as_ref()?)?.spec();
        spec.get(self.list.name())?.get(self.position(mesh)?)
    }

    /// Whether this is the same rule, later. The first object that shares connections out takes the place of
    /// the rule that was not there.
    pub fn is(&self, now: &Self) -> bool {
        let place = self.at == now.at || (self.at.is_none() && self.key.takes_all());
        self.service == now.service && self.list == now.list && self.key == now.key && place
    }

    /// Its service.
    pub fn service<'a>(&self, mesh: &'a Mesh) -> Option<&'a Service> {
        mesh.service(&self.service.namespace, &self.service.name)
    }
}

impl Plan<'_> {
    /// Where such a rule stands once this is done: its object, and its position there. Where nobody shares
    /// the connections out yet, a VirtualService is made that does.
    pub fn shared_place(&mut self, rule: &SharedRule) -> Option<(Ref, usize)> {
        if let Some(at) = &rule.at {
            return Some((at.clone(), rule.position(self.mesh)?));
        }
        let service = rule.service(self.mesh)?;
        let route = json!([{ "destination": { "host": host(service) } }]);
        let spec = json!({ "hosts": [host(service)], rule.list.name(): [{ "route": route }] });
        Some((self.scaffold(&kinds::VIRTUAL_SERVICE, service, spec)?, 0))
    }

    /// Such a rule.
    pub fn shared_rule(&mut self, rule: &SharedRule) -> Part<'_> {
        let Some((at, index)) = self.shared_place(rule) else { return self.nothing() };
        let mut part = self.object(&at);
        part.prefix = format!("/spec/{}/{index}", rule.list.name());
        part.saw(rule.list.matches()).saw(rule.list.shares());
        part
    }
}
