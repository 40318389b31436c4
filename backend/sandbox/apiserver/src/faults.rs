//! Trouble on request: refused rights, an expired token, dropped watches, a missing kind, a slow server. For tests, and for
//! whoever wants to see how a client takes it.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::sync::watch;

/// A right that nobody has. An empty field means "any".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deny {
    /// As in `list`, `watch`, `patch`.
    pub verb: String,
    /// As in `pods`, `virtualservices`, `pods/portforward`.
    pub resource: String,
    /// Only in this namespace.
    pub namespace: String,
}

impl Deny {
    /// Refuses a verb on a resource everywhere.
    pub fn new(verb: &str, resource: &str) -> Self {
        Self { verb: verb.to_owned(), resource: resource.to_owned(), namespace: String::new() }
    }

    fn matches(&self, verb: &str, resource: &str, namespace: &str) -> bool {
        let fits = |rule: &str, value: &str| rule.is_empty() || rule == "*" || rule == value;
        fits(&self.verb, verb) && fits(&self.resource, resource) && fits(&self.namespace, namespace)
    }
}

/// The switches of a running server. Cheap to clone.
#[derive(Clone)]
pub struct Faults(Arc<Inner>);

struct Inner {
    deny: Mutex<Vec<Deny>>,
    hidden: Mutex<BTreeSet<String>>,
    expired: Mutex<bool>,
    delay: Mutex<Duration>,
    watches: watch::Sender<u64>,
}

impl Faults {
    pub(crate) fn new(deny: Vec<Deny>) -> Self {
        Self(Arc::new(Inner {
            deny: Mutex::new(deny),
            hidden: Mutex::default(),
            expired: Mutex::default(),
            delay: Mutex::default(),
            watches: watch::Sender::new(0),
        }))
    }

    /// Refuses more rights.
    pub fn deny(&self, rule: Deny) {
        self.0.deny.lock().push(rule);
    }

    /// Grants everything again.
    pub fn allow_all(&self) {
        self.0.deny.lock().clear();
    }

    /// The token is no longer good, or good again: requests get 401.
    pub fn expire_token(&self, expired: bool) {
        *self.0.expired.lock() = expired;
    }

    /// Ends all watches that are open now, as a load balancer does.
    pub fn drop_watches(&self) {
        self.0.watches.send_modify(|count| *count += 1);
    }

    /// Makes a kind missing, as on a cluster without its CRD: `virtualservices.networking.istio.io`.
    pub fn hide(&self, qualified: &str) {
        self.0.hidden.lock().insert(qualified.to_owned());
    }

    /// Brings a hidden kind back.
    pub fn unhide(&self, qualified: &str) {
        self.0.hidden.lock().remove(qualified);
    }

    /// Answers every request only after this time.
    pub fn delay(&self, by: Duration) {
        *self.0.delay.lock() = by;
    }

    pub(crate) fn is_denied(&self, verb: &str, resource: &str, namespace: &str) -> bool {
        self.0.deny.lock().iter().any(|rule| rule.matches(verb, resource, namespace))
    }

    pub(crate) fn is_expired(&self) -> bool {
        *self.0.expired.lock()
    }

    pub(crate) fn is_hidden(&self, qualified: &str) -> bool {
        self.0.hidden.lock().contains(qualified)
    }

    pub(crate) fn delayed_by(&self) -> Duration {
        *self.0.delay.lock()
    }

    pub(crate) fn watches(&self) -> watch::Receiver<u64> {
        self.0.watches.subscribe()
    }
}
