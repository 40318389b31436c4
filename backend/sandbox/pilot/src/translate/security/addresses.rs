//! Who calls, by IP address, on a machine where everything is at 127.0.0.1.
//!
//! Each pod's proxy opens its connections to others from a loopback address of the pod's own: `10.244.3.7`
//! calls from `127.244.3.7`. What a policy says about pods' addresses is said to the callee's proxy about
//! those; a caller that is no pod comes from where it is. So `ipBlocks` and `source.ip` are exact for calls
//! between pods, and for what reaches a gateway. Only Linux has all of 127.0.0.0/8 without being set up for
//! it; elsewhere no address is known.

use crate::registry::workload::Workload;
use crate::registry::{Registry, Service};
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr};

/// The first half of every pod's address.
const PODS: [u8; 2] = [10, 244];
const PODS_LENGTH: u8 = 16;
/// Whether pods' addresses can be told apart on this machine.
pub(crate) const KNOWN: bool = cfg!(target_os = "linux");

/// An address, or a range of them such as `10.244.0.0/24`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Block {
    address: IpAddr,
    length: u8,
}

impl Block {
    pub(crate) fn of(text: &str) -> Option<Self> {
        let (address, length) =
            text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
        let address: IpAddr = address.parse().ok()?;
        let whole = if address.is_ipv4() { 32 } else { 128 };
        let length = length.map_or(Some(whole), |length| length.parse().ok())?;
        (length <= whole).then_some(Self { address, length })
    }

    /// Whether an address lies within.
    pub(crate) fn holds(self, other: IpAddr) -> bool {
        match (self.address, other) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.length)).unwrap_or(0);
                u32::from(own) & mask == u32::from(other) & mask
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.length)).unwrap_or(0);
                u128::from(own) & mask == u128::from(other) & mask
            }
            _ => false,
        }
    }

    /// The pods in it, as the addresses that they call from.
    fn of_pods(self) -> Option<Self> {
        let IpAddr::V4(address) = self.address else { return None };
        let [first, second, third, fourth] = address.octets();
        if self.length < PODS_LENGTH {
            let all = self.holds(Ipv4Addr::new(PODS[0], PODS[1], 0, 0).into());
            return all
                .then_some(Self { address: Ipv4Addr::new(127, PODS[1], 0, 0).into(), length: PODS_LENGTH });
        }
        ([first, second] == PODS)
            .then(|| Self { address: Ipv4Addr::new(127, second, third, fourth).into(), length: self.length })
    }

    fn range(self) -> Value {
        json!({"address_prefix": self.address.to_string(), "prefix_len": self.length})
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
    Some(json!({"source_address": {"address": pod.address.to_string(), "port_value": 0}}))
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

    #[test]
    fn a_block_holds_its_addresses() {
        let holds = |block: &str, address: &str| {
            Block::of(block).is_some_and(|block| block.holds(address.parse().unwrap()))
        };
        assert!(holds("10.244.0.0/24", "10.244.0.9") && !holds("10.244.0.0/24", "10.244.1.9"));
        assert!(holds("0.0.0.0/0", "1.2.3.4") && !holds("0.0.0.0/0", "::1"));
        assert!(holds("::1", "::1"));
    }
}
