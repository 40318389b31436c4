//! Who calls, by IP address, on a machine where everything is at 127.0.0.1.
//!
//! Each pod's proxy opens its connections to others from a loopback address of the pod's own: `10.244.3.7`
//! calls from `127.244.3.7`. What a policy says about pods' addresses is said to the callee's proxy about
//! those; a caller that is no pod comes from where it is. So `ipBlocks` and `source.ip` are exact for calls
//! between pods, and for what reaches a gateway. Only Linux has all of 127.0.0.0/8 without being set up for
//! it; elsewhere no address is known.

use crate::registry::workload::Workload;
use crate::registry::{Registry, Service};
use istio::block;
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr};

/// The first half of every pod's address.
const PODS: [u8; 2] = [10, 244];
const PODS_LENGTH: u8 = 16;
/// Whether pods' addresses can be told apart on this machine.
pub(crate) const KNOWN: bool = cfg!(target_os = "linux");

/// An address, or a range of them such as `10.244.0.0/24`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Block(block::Block);

impl Block {
    pub(crate) fn of(text: &str) -> Option<Self> {
        block::Block::of(text).map(Self)
    }

    /// Whether an address lies within.
    pub(crate) fn holds(self, other: IpAddr) -> bool {
        self.0.holds(other)
    }

    /// The pods in it, as the addresses that they call from.
    fn of_pods(self) -> Option<Self> {
        let IpAddr::V4(address) = self.0.address() else { return None };
        let of = |address: Ipv4Addr, length: u8| Self(block::Block::new(address.into(), length));
        let [first, second, third, fourth] = address.octets();
        if self.0.length() < PODS_LENGTH {
            let all = self.holds(Ipv4Addr::new(PODS[0], PODS[1], 0, 0).into());
            return all.then(|| of(Ipv4Addr::new(127, PODS[1], 0, 0), PODS_LENGTH));
        }
        ([first, second] == PODS).then(|| of(Ipv4Addr::new(127, second, third, fourth), self.0.length()))
    }

    fn range(self) -> Value {
        json!({"address_prefix": self.0.address().to_string(), "prefix_len": self.0.length()})
    }

    /// The ranges in which a proxy sees callers of this block; `None` when it cannot tell.
    pub(crate) fn seen(self) -> Option<Vec<Value>> {
        let pods = self.of_pods();
        (KNOWN || pods.is_none()).then(|| [Some(self), pods].into_iter().flatten().map(Self::range).collect())
    }
}

/// Where a pod's proxy opens its connections to other pods.
pub(crate) fn bind(workload: &Workload) -> Option<Value> {
    let pod = Block::of(&workload.ip)?.of_pods().filter(|_| KNOWN)?;
    Some(json!({"source_address": {"address": pod.0.address().to_string(), "port_value": 0}}))
}

/// Whether all that belongs to a service can be called from there; machines elsewhere cannot.
pub(crate) fn all_near(registry: &Registry, service: &Service) -> bool {
    let of_pod = |address: &str| registry.workloads.iter().any(|workload| workload.ip == address);
    let near = |address: &str| address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()) || of_pod(address);
    registry.fixed(service).all(|fixed| near(&fixed.address))
}

#[cfg(test)]
mod tests {
    use super::Block;

    #[test]
    fn pods_are_seen_at_their_own_loopback_addresses() {
        let seen = |text: &str| {
            let ranges = Block::of(text).and_then(Block::seen).unwrap_or_default();
            let words =
                ranges.iter().map(|range| format!("{}/{}", range["address_prefix"], range["prefix_len"]));
            words.collect::<Vec<_>>().join(" ").replace('"', "")
        };
        assert_eq!(seen("10.244.3.7"), "10.244.3.7/32 127.244.3.7/32");
        assert_eq!(seen("10.0.0.0/8"), "10.0.0.0/8 127.244.0.0/16");
        assert_eq!(seen("10.244.3.0/24"), "10.244.3.0/24 127.244.3.0/24");
        assert_eq!(seen("192.168.0.0/16"), "192.168.0.0/16");
        assert_eq!(seen("0.0.0.0/0"), "0.0.0.0/0 127.244.0.0/16");
        assert_eq!(seen("2001:db8::/32"), "2001:db8::/32");
        assert_eq!(seen("10.0.0.0/33"), "");
    }
}
