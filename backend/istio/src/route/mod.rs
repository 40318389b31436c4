//! Which rule takes a call, and where it goes: what istiod makes of VirtualServices, Gateways and routes of the
//! Gateway API, and what Envoy then does with a request, told with reasons.
//!
//! Held against real Envoys by random objects and random requests (`proxies` of the control plane). What is not
//! followed: EnvoyFilters and extensions, which may do anything; addresses of endpoints; protocols that proxies
//! detect by the first bytes, which are taken for HTTP.

mod api;
mod because;
mod bytes;
mod entering;
mod inside;
mod list;
mod matching;
mod opened;
mod outcome;
mod request;
mod scope;
mod service;
mod way;
mod world;

pub use because::{Because, Part, Wanted};
pub use matching::claim;
pub use opened::{Taking, serves};
pub use request::Request;
pub use service::{Port, Service, alias};
pub use way::{Caller, Way};
pub use world::{Item, Settings, World};

use crate::duration::Duration;
use crate::refs::Ref;
use crate::select::Labels;
use crate::views::{Fault, Retries};
use scope::Scope;
use std::fmt;

/// Where a rule stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// In which object.
    pub object: Ref,
    /// Where there: `spec.http[2]`.
    pub path: String,
    /// The VirtualService that left its rule to this one.
    pub through: Option<Ref>,
}

impl Place {
    fn at(object: &Ref, path: impl Into<String>) -> Self {
        Self { object: object.clone(), path: path.into(), through: None }
    }
    fn http(object: &Ref, index: usize) -> Self {
        Self::at(object, format!("spec.http[{index}]"))
    }
    fn whole(object: &Ref) -> Self {
        Self::at(object, "spec")
    }
}

/// A rule, or an object, that does not take the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Which.
    pub place: Place,
    /// Why: for each of its alternatives.
    pub because: Vec<Because>,
}

impl Skipped {
    fn new(place: Place, because: Because) -> Self {
        Self { place, because: vec![because] }
    }
}

/// What a destination lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// There is no such service, as far as the caller sees.
    Service,
    /// It has no such port.
    Port,
    /// No DestinationRule that holds for the caller has such a subset.
    Subset,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Service => "there is no such service, as far as the caller sees",
            Self::Port => "the service has no such port",
            Self::Subset => "no DestinationRule that holds for the caller has such a subset",
        })
    }
}

/// A place that a call goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// The full host.
    pub host: String,
    /// A part of its endpoints.
    pub subset: Option<String>,
    /// The service's port.
    pub port: u16,
    /// Its share; the only one has 100.
    pub weight: u32,
    /// Why calls to it fail.
    pub missing: Option<Missing>,
    /// Labels of the endpoints that are meant; of all, where there are none.
    pub labels: Labels,
    /// The TLS mode that a DestinationRule asks of the caller's proxy.
    pub tls: Option<String>,
}

impl Split {
    fn new(scope: &Scope<'_>, host: String, subset: Option<String>, port: u16, weight: u32) -> Self {
        let (told, missing) = match scope.told(&host, port, subset.as_deref()) {
            Ok(told) => (told, None),
            Err(missing) => (scope::Told::default(), Some(missing)),
        };
        Self { host, subset, port, weight, missing, labels: told.labels, tls: told.tls }
    }
}

/// Who answers in place of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// The rule itself.
    Rule,
    /// The proxy: no rule takes the call.
    NoRule,
    /// The proxy: the destinations are not there.
    NoDestination,
    /// The proxy: no service has the host, and nothing else may pass.
    Blocked,
    /// The gateway: this host is for HTTPS.
    HttpsOnly,
    /// The gateway: nothing is served for the host.
    NoHost,
}

/// An answer that no service gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// "404".
    pub status: u16,
    /// Where the caller is sent.
    pub location: Option<String>,
    /// Whose answer it is.
    pub by: Said,
}

/// What becomes of a call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Where it goes.
    pub destinations: Vec<Split>,
    /// Who gets a copy of which percentage.
    pub mirrors: Vec<(Split, f64)>,
    /// What is answered without asking any of them.
    pub answer: Option<Answer>,
    /// What is done to it on purpose.
    pub fault: Option<Fault>,
    /// How long the caller's proxy waits for an answer.
    pub timeout: Option<Duration>,
    /// How often it tries again.
    pub retries: Option<Retries>,
    /// The path that the service is asked for, where it is another one.
    pub path: Option<String>,
    /// The host that the service is asked for, where it is another one.
    pub authority: Option<String>,
    /// No service is known for it: it goes on to the address that it was sent to.
    pub passes: bool,
    /// Nobody takes the connection.
    pub closed: bool,
}

/// Which rule takes a call, and where it goes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Taken {
    /// The rule; `None` where the call goes to a service without any, or to nobody.
    pub rule: Option<Place>,
    /// What comes before it, or might have taken the call.
    pub skipped: Vec<Skipped>,
    /// What becomes of it.
    pub outcome: Outcome,
    /// Its proxy sees bytes, not requests.
    pub bytes: bool,
    /// Where it comes in: a Gateway, and its server or listener.
    pub door: Option<Place>,
}

impl Taken {
    fn answered(status: u16, by: Said, skipped: Vec<Skipped>) -> Self {
        let answer = Some(Answer { status, location: None, by });
        Self { skipped, outcome: Outcome { answer, ..Outcome::default() }, ..Self::default() }
    }
}

/// Where a call goes that somebody without a proxy sends: no rule holds for it.
pub fn unproxied(world: &World, caller: Caller<'_>, request: &Request) -> Taken {
    inside::unproxied(&Scope::of(world, caller), request)
}

/// Whether a gateway takes TLS at a port, which ends there.
pub fn is_secured(world: &World, caller: Caller<'_>, port: u16) -> bool {
    let all = opened::at(&Scope::of(world, caller), port);
    !all.iter().any(|one| one.taking == Taking::Http) && all.iter().any(|one| one.taking == Taking::Https)
}

/// Which rule takes a call of this caller, and where it goes.
pub fn route(world: &World, caller: Caller<'_>, request: &Request) -> Taken {
    let scope = Scope::of(world, caller);
    let read = request.as_read(&world.settings);
    if caller.gateway { entering::take(&scope, &read) } else { inside::take(&scope, &read) }
}

#[cfg(test)]
mod tests;
