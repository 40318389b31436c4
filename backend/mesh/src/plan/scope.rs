//! What an editor can be for: a rule, a traffic policy. Each is known by what makes it what it is, so that it
//! is found again when others come and go around it.

use crate::edit::split::untold;
use crate::evidence::{CountedCalls, Counting, Measure, Portion};
use crate::rule_key::RuleKey;
use crate::{Mesh, Ref, Service};
use istio::views::HttpRoute;
use istio::{ClusterId, ServiceId, fqdn};
use serde::Serialize;
use serde_json::Value;

/// A rule of `http` that takes calls of a service.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HttpRule {
    /// The service.
    pub service: ServiceId,
    /// Its VirtualService; `None` when no VirtualService routes these calls yet.
    pub virtual_service: Option<Ref>,
    /// Which of its rules.
    pub key: RuleKey,
}

impl HttpRule {
    /// Its position among the rules of its VirtualService, as things stand.
    pub fn position(&self, mesh: &Mesh) -> Option<usize> {
        let object = mesh.objects().get(self.virtual_service.as_ref()?)?;
        RuleKey::all(object.spec()).iter().position(|key| *key == self.key)
    }

    /// The rule, as it is written now.
    pub fn raw<'a>(&self, mesh: &'a Mesh) -> Option<&'a Value> {
        mesh.objects().get(self.virtual_service.as_ref()?)?.spec().get("http")?.get(self.position(mesh)?)
    }

    /// What calls to its service must show, told apart by these parts. Telemetry does not tell which of
    /// several rules took a call.
    pub fn measure(&self, mesh: &Mesh, parts: Vec<Portion>) -> Option<Measure> {
        let view = self.virtual_service.as_ref().and_then(|at| mesh.virtual_service(at));
        if view.is_some_and(|view| view.http.len() > 1) {
            return Some(untold());
        }
        Some(Measure::Counted(Counting::new(CountedCalls::To(self.service(mesh)?.host.clone()), parts)))
    }

    /// The rule, as it stands now.
    pub fn view<'a>(&self, mesh: &'a Mesh) -> Option<&'a HttpRoute> {
        mesh.virtual_service(self.virtual_service.as_ref()?)?.http.get(self.position(mesh)?)
    }

    /// Whether this is the same rule, later. The first VirtualService of a service takes the place of the
    /// rule that was not there; "all calls" become "all other calls" with the first rule above.
    pub fn is(&self, now: &Self) -> bool {
        let calls = self.key == now.key || (self.key.takes_all() && now.key.takes_all());
        let place = self.virtual_service == now.virtual_service || self.virtual_service.is_none();
        self.service == now.service && calls && place
    }

    /// Its service.
    pub fn service<'a>(&self, mesh: &'a Mesh) -> Option<&'a Service> {
        mesh.service(&self.service.namespace, &self.service.name)
    }
}

/// The traffic policy of a service, of one of its subsets or of one of its ports.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PolicyOf {
    /// The service.
    pub service: ServiceId,
    /// Which of its policies.
    pub level: Level,
}

/// What a traffic policy is for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Level {
    /// All calls to the service.
    Service,
    /// Calls to a subset of it.
    Subset(String),
    /// Calls to one of its ports.
    Port(u32),
}

impl PolicyOf {
    /// All that a service can have: its own, those of its subsets, those of its ports.
    pub fn all(service: &Service) -> Vec<Self> {
        let subsets = service.subsets.iter().map(|subset| Level::Subset(subset.name.clone()));
        let ports = service.ports.iter().map(|port| Level::Port(port.number));
        let levels = std::iter::once(Level::Service).chain(subsets).chain(ports);
        levels.map(|level| Self { service: id(service), level }).collect()
    }

    /// Which calls it is for, in words.
    pub fn words(&self) -> String {
        let name = &self.service.name;
        match &self.level {
            Level::Service => format!("all calls to {name}"),
            Level::Subset(subset) => format!("calls to {subset} of {name}"),
            Level::Port(port) => format!("calls to port {port} of {name}"),
        }
    }

    /// Its service.
    pub fn service<'a>(&self, mesh: &'a Mesh) -> Option<&'a Service> {
        mesh.service(&self.service.namespace, &self.service.name)
    }

    /// The policy, as it stands in the service's own DestinationRule.
    pub fn now<'a>(&self, mesh: &'a Mesh) -> Option<&'a Value> {
        let spec = mesh.objects().get(own_rule(mesh, self.service(mesh)?)?)?.spec();
        let list = |value: &'a Value, key: &str| value.get(key)?.as_array();
        match &self.level {
            Level::Service => spec.get("trafficPolicy"),
            Level::Subset(name) => {
                list(spec, "subsets")?.iter().find(|row| row["name"] == **name)?.get("trafficPolicy")
            }
            Level::Port(port) => list(spec.get("trafficPolicy")?, "portLevelSettings")?
                .iter()
                .find(|row| row.pointer("/port/number").and_then(Value::as_u64) == Some(u64::from(*port))),
        }
    }
}

/// The name of a service.
pub fn id(service: &Service) -> ServiceId {
    ServiceId::new(&ClusterId::default(), service.namespace.clone(), service.name.clone())
}

/// The DestinationRule that is for this service alone, in its own namespace.
pub fn own_rule<'a>(mesh: &Mesh, service: &'a Service) -> Option<&'a Ref> {
    service.destination_rules.iter().find(|at| {
        let rule = mesh.destination_rule(at);
        at.namespace == service.namespace
            && rule.is_some_and(|rule| fqdn(&rule.host, &at.namespace) == service.host)
    })
}
