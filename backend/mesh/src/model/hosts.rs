//! Configuration objects by the hosts that they name.

use super::objects::Changed;
use super::{Configured, Objects};
use istio::hosts::{Closeness, is_wildcard};
use istio::precedence::by_age;
use istio::{Ref, fqdn};
use std::collections::HashMap;
use std::sync::Arc;

/// Configuration objects of one kind by the hosts that they name.
#[derive(Clone, Debug, Default)]
pub(crate) struct ByHost {
    exact: HashMap<String, Vec<Ref>>,
    /// With the host as it is written.
    wildcard: Vec<(String, Ref)>,
}

/// An object that names a host, and how closely.
pub(super) struct Found<'a> {
    pub(super) at: &'a Ref,
    pub(super) closeness: Closeness,
}

impl ByHost {
    /// Takes in that an object changed, and returns the hosts that it named and names.
    pub(super) fn moved<T>(
        self: &mut Arc<Self>,
        change: &Changed<'_>,
        (was, now): (Option<Arc<T>>, Option<Arc<T>>),
        hosts: impl Fn(&T) -> Vec<String>,
    ) -> Vec<String> {
        let named = |view: Option<Arc<T>>| {
            let hosts = view.map(|view| hosts(&view)).unwrap_or_default();
            let mut named: Vec<String> = hosts.iter().map(|host| fqdn(host, &change.at.namespace)).collect();
            named.sort_unstable();
            named.dedup();
            named
        };
        let (mut was, now) = (named(was), named(now));
        if was != now {
            let all = Arc::make_mut(self);
            was.iter().for_each(|host| all.remove(host, change.at));
            now.iter().for_each(|host| all.insert(host, change.at));
        }
        was.extend(now);
        was
    }

    fn insert(&mut self, host: &str, at: &Ref) {
        if is_wildcard(host) {
            self.wildcard.push((host.to_owned(), at.clone()));
        } else {
            self.exact.entry(host.to_owned()).or_default().push(at.clone());
        }
    }

    fn remove(&mut self, host: &str, at: &Ref) {
        self.wildcard.retain(|(other, of)| other != host || of != at);
        if let Some(list) = self.exact.get_mut(host) {
            list.retain(|of| of != at);
            if list.is_empty() {
                self.exact.remove(host);
            }
        }
    }

    /// The objects that name a fully qualified host: each once, by its closest host, the oldest first.
    pub(super) fn naming<'a>(&'a self, host: &str, objects: &Objects) -> Vec<Found<'a>> {
        let exact = self.exact.get(host).into_iter().flatten();
        let mut found: Vec<Found<'_>> = exact.map(|at| Found { at, closeness: Closeness::EXACT }).collect();
        for (pattern, at) in &self.wildcard {
            let Some(closeness) = Closeness::of(pattern, host) else { continue };
            match found.iter_mut().find(|known| known.at == at) {
                Some(known) => known.closeness = known.closeness.max(closeness),
                None => found.push(Found { at, closeness }),
            }
        }
        let config = |found: &Found<'a>| Configured::of(objects, found.at, &());
        found.sort_by(|a, b| match (config(a), config(b)) {
            (Some(one), Some(two)) => by_age(&one, &two),
            _ => a.at.cmp(b.at),
        });
        found
    }
}
