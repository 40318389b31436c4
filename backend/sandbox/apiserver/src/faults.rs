//! Trouble on request: refused rights, an expired token, dropped watches, a missing kind, a slow server. For
//! tests, and for whoever wants to see how a client takes it.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use http::{Method, Uri};
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

/// What becomes of a write that is caught.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Catch {
    /// It is not carried out, and not answered.
    Hold,
    /// It is carried out, and not answered.
    HoldAnswer,
    /// It is carried out, and the connection breaks before the answer.
    Break,
    /// The same, and every later connection breaks, too, until the server comes back.
    Vanish,
}

/// The switches of a running server. Cheap to clone.
#[derive(Clone)]
pub struct Faults(Arc<Inner>);

struct Inner {
    deny: Mutex<Vec<Deny>>,
    hidden: Mutex<BTreeSet<String>>,
    expired: Mutex<bool>,
    delay: Mutex<Duration>,
    catch: Mutex<Option<(String, Catch)>>,
    caught: watch::Sender<u64>,
    away: Mutex<bool>,
    watches: watch::Sender<u64>,
}

impl Faults {
    pub(crate) fn new(deny: Vec<Deny>) -> Self {
        Self(Arc::new(Inner {
            deny: Mutex::new(deny),
            hidden: Mutex::default(),
            expired: Mutex::default(),
            delay: Mutex::default(),
            catch: Mutex::default(),
            caught: watch::Sender::new(0),
            away: Mutex::default(),
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

    /// Catches the next write of this object: "virtualservices/reviews", or "virtualservices" for one that is
    /// created. What is returned says when it was caught.
    pub fn catch(&self, object: &str, catch: Catch) -> Caught {
        *self.0.catch.lock() = Some((object.to_owned(), catch));
        Caught { count: self.0.caught.subscribe() }
    }

    /// Whether this request is the one to be caught. It is one only: the next is let through.
    pub(crate) fn catches(&self, method: &Method, uri: &Uri) -> Option<Catch> {
        let dry_run = uri.query().is_some_and(|query| query.contains("dryRun"));
        if method.is_safe() || dry_run {
            return None;
        }
        let mut next = self.0.catch.lock();
        let (_, catch) = next.take_if(|(object, _)| uri.path().ends_with(&format!("/{object}")))?;
        Some(catch)
    }

    /// From now on every connection breaks, until the server comes back.
    pub fn vanish(&self) {
        *self.0.away.lock() = true;
    }

    /// The server is there again after [`Catch::Vanish`].
    pub fn come_back(&self) {
        *self.0.away.lock() = false;
    }

    pub(crate) fn caught(&self, catch: Catch) {
        *self.0.away.lock() |= catch == Catch::Vanish;
        self.0.caught.send_modify(|count| *count += 1);
    }

    pub(crate) fn is_away(&self) -> bool {
        *self.0.away.lock()
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

/// A write that is to be caught.
pub struct Caught {
    count: watch::Receiver<u64>,
}

impl Caught {
    /// Waits until it is caught: held, or carried out.
    pub async fn now(mut self) {
        if self.count.changed().await.is_err() {
            tracing::debug!("the server has ended");
        }
    }
}
