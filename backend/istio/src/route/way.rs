//! By which way a call comes, and for which ways a match is.

use super::because::{Because, Part, Wanted};
use crate::routing::{self, MESH};
use crate::select::Labels;
use crate::views::{HttpMatch, L4Match};
use std::collections::BTreeMap;

/// Who sends a call: a workload with a proxy.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// Its namespace.
    pub namespace: &'a str,
    /// Its labels.
    pub labels: &'a Labels,
    /// It is a gateway, which sends on what came in by it.
    pub gateway: bool,
}

/// Through what a call comes, as far as matches look at it.
#[derive(Clone, Copy, Debug)]
pub struct Way<'a> {
    /// `mesh`, or `namespace/name` of a Gateway.
    pub gateway: &'a str,
    /// The namespace of the VirtualService, in which short gateway names are meant.
    pub namespace: &'a str,
    /// The port that the call was sent to.
    pub port: u16,
}

impl Way<'_> {
    /// Whether a name in a VirtualService means this gateway: `name`, `./name`, `namespace/name`, or as it was
    /// written once, `name.namespace`, with a domain or without.
    pub fn is_by(&self, name: &str) -> bool {
        match routing::gateway(name, self.namespace) {
            Some(gateway) => self.gateway.split_once('/') == Some(gateway),
            None => self.gateway == MESH,
        }
    }

    fn by_any(&self, names: &[String]) -> Result<(), Because> {
        match names.iter().any(|name| self.is_by(name)) {
            true => Ok(()),
            false => Err(Because::Gateways(names.to_vec())),
        }
    }

    fn at(&self, port: Option<u32>) -> Result<(), Because> {
        let is = Some(self.port.to_string());
        let other = port.filter(|port| *port != u32::from(self.port));
        let wanted = |port: u32| Wanted::Exact(port.to_string());
        other.map_or(Ok(()), |port| Err(Because::Is { part: Part::Port, is, wanted: wanted(port) }))
    }

    /// Whether a request that comes this way, from this workload, can match at all. A match that names its
    /// gateways asks for no caller, as in istiod.
    ///
    /// # Errors
    /// With the reason, when it cannot.
    pub fn may_match(&self, caller: &Caller<'_>, one: &HttpMatch) -> Result<(), Because> {
        if one.gateways.is_empty() {
            labelled(caller, &one.source_labels)?;
            of_namespace(caller, one.source_namespace.as_deref())?;
        } else {
            self.by_any(&one.gateways)?;
        }
        self.at(one.port)
    }

    /// The same of a connection. At a gateway nobody asks for the caller's labels.
    ///
    /// # Errors
    /// With the reason, when it cannot.
    pub fn may_connect(&self, caller: &Caller<'_>, one: &L4Match) -> Result<(), Because> {
        if self.gateway == MESH {
            labelled(caller, &one.source_labels)?;
        }
        self.at(one.port)?;
        of_namespace(caller, one.source_namespace.as_deref())?;
        if one.gateways.is_empty() { Ok(()) } else { self.by_any(&one.gateways) }
    }
}

fn labelled(caller: &Caller<'_>, wanted: &BTreeMap<String, String>) -> Result<(), Because> {
    let differs = |(label, value): &(&String, &String)| caller.labels.get(*label) != Some(*value);
    wanted.iter().find(differs).map_or(Ok(()), |(label, value)| {
        let is = caller.labels.get(label).cloned();
        Err(Because::Is { part: Part::Label(label.clone()), is, wanted: Wanted::Exact(value.clone()) })
    })
}

fn of_namespace(caller: &Caller<'_>, wanted: Option<&str>) -> Result<(), Because> {
    let other = wanted.filter(|namespace| *namespace != caller.namespace);
    other.map_or(Ok(()), |namespace| {
        let is = Some(caller.namespace.to_owned());
        Err(Because::Is { part: Part::Namespace, is, wanted: Wanted::Exact(namespace.to_owned()) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gateways_are_named_with_and_without_their_namespace() {
        let way = Way { gateway: "shop/door", namespace: "shop", port: 0 };
        for name in ["door", "./door", "shop/door", "door.shop", "door.shop.svc.cluster.local"] {
            assert!(way.is_by(name), "{name}");
        }
        for name in ["mesh", "other", "demo/door", "door.demo", "door.demo.svc.cluster.local", "shop"] {
            assert!(!way.is_by(name), "{name}");
        }
        assert!(Way { gateway: "mesh", namespace: "shop", port: 0 }.is_by("mesh"));
    }
}
