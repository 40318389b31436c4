//! The addresses of pods: each has one of its own out of 10.244.0.0/16 as long as it is there.

use super::snapshot::uid;
use istio::Object;
use std::collections::{HashMap, HashSet};
use std::net::Ipv4Addr;

/// Which addresses are taken, and by whom.
#[derive(Default)]
pub(super) struct Addresses {
    /// By namespace and the pod's uid.
    given: HashMap<String, HashMap<String, Ipv4Addr>>,
    taken: HashSet<Ipv4Addr>,
    last: u16,
}

impl Addresses {
    /// Takes note of the addresses that these pods say they have, and takes back those of pods that are no
    /// more. `pods` are all of the namespace.
    pub(super) fn keep(&mut self, namespace: &str, pods: &[Object]) {
        let mut given = self.given.remove(namespace).unwrap_or_default();
        let mut kept = HashMap::new();
        for pod in pods {
            let said = pod.status()["podIP"].as_str().and_then(|ip| ip.parse().ok());
            kept.extend(given.remove(uid(pod)).or(said).map(|ip| (uid(pod).to_owned(), ip)));
        }
        let gone: HashSet<Ipv4Addr> = given.into_values().collect();
        self.taken.retain(|ip| !gone.contains(ip));
        self.taken.extend(kept.values());
        self.given.insert(namespace.to_owned(), kept);
    }

    /// The address of a pod; a new one for a pod that has none.
    pub(super) fn of(&mut self, pod: &Object) -> Ipv4Addr {
        let known = self.given.entry(pod.namespace().to_owned()).or_default();
        if let Some(known) = known.get(uid(pod)) {
            return *known;
        }
        loop {
            self.last = self.last.wrapping_add(1);
            let [high, low] = self.last.to_be_bytes();
            let ip = Ipv4Addr::new(10, 244, high, low);
            // .1 is the node.
            if self.last > 1 && low != 0 && low != 255 && self.taken.insert(ip) {
                known.insert(uid(pod).to_owned(), ip);
                return ip;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(uid: &str, ip: Option<&str>) -> Object {
        let metadata = json!({"name": uid, "namespace": "n", "uid": uid});
        Object::from(json!({"kind": "Pod", "metadata": metadata, "status": {"podIP": ip}}))
    }

    #[test]
    fn each_pod_has_an_address_of_its_own_as_long_as_it_is_there() {
        let mut addresses = Addresses::default();
        let (one, two) = (pod("one", None), pod("two", Some("10.244.0.3")));
        addresses.keep("n", &[one.clone(), two.clone()]);
        assert_eq!(addresses.of(&one), Ipv4Addr::new(10, 244, 0, 2));
        assert_eq!(addresses.of(&pod("three", None)), Ipv4Addr::new(10, 244, 0, 4), "the next is taken");
        assert_eq!(addresses.of(&one), Ipv4Addr::new(10, 244, 0, 2), "the same as long as it is there");
        assert_eq!(addresses.of(&two), Ipv4Addr::new(10, 244, 0, 3));
        addresses.keep("other", &[]);
        assert_eq!(addresses.taken.len(), 3, "another namespace takes nothing back");
        addresses.keep("n", &[two]);
        assert_eq!(addresses.taken, HashSet::from([Ipv4Addr::new(10, 244, 0, 3)]));
    }

    #[test]
    fn addresses_go_round() {
        let mut addresses = Addresses { last: u16::MAX - 2, ..Addresses::default() };
        let mut next = |uid: &str| addresses.of(&pod(uid, None)).to_string();
        assert_eq!([next("a"), next("b"), next("c")], ["10.244.255.254", "10.244.0.2", "10.244.0.3"]);
    }
}
