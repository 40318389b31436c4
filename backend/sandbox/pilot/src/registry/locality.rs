//! Where workloads stand: region, zone and subzone, by which endpoints are near or far.

use std::collections::BTreeMap;

/// The label of a region.
pub(crate) const REGION: &str = "topology.kubernetes.io/region";
/// The label of a zone.
pub(crate) const ZONE: &str = "topology.kubernetes.io/zone";
/// The label of a subzone.
pub(crate) const SUBZONE: &str = "topology.istio.io/subzone";
/// The label of a node.
pub(crate) const HOSTNAME: &str = "kubernetes.io/hostname";
/// The label of a cluster.
pub(crate) const CLUSTER: &str = "topology.istio.io/cluster";
/// The label of a network.
pub(crate) const NETWORK: &str = "topology.istio.io/network";

/// Region, zone and subzone; what is not known is "".
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Locality {
    /// The widest.
    pub region: String,
    /// A part of the region.
    pub zone: String,
    /// A part of the zone.
    pub subzone: String,
}

/// Where somebody stands of whom nothing is known.
pub(crate) static UNKNOWN: Locality =
    Locality { region: String::new(), zone: String::new(), subzone: String::new() };

impl Locality {
    /// `region/zone/subzone`.
    pub fn parse(text: &str) -> Self {
        let mut parts = text.split('/').map(str::to_owned);
        let mut next = || parts.next().unwrap_or_default();
        Self { region: next(), zone: next(), subzone: next() }
    }

    /// The pod's label `istio-locality`: dots stand for slashes, which a label cannot hold.
    pub fn of_label(text: &str) -> Self {
        if text.contains('/') { Self::parse(text) } else { Self::parse(&text.replace('.', "/")) }
    }

    /// From the labels of a Node.
    pub fn of_node(labels: &BTreeMap<String, String>) -> Self {
        let label = |key: &str| labels.get(key).cloned().unwrap_or_default();
        Self { region: label(REGION), zone: label(ZONE), subzone: label(SUBZONE) }
    }

    /// 0 for the same subzone, 1 for the same zone, 2 for the same region, else 3.
    pub fn distance(&self, other: &Self) -> u32 {
        match (self.region == other.region, self.zone == other.zone, self.subzone == other.subzone) {
            (true, true, true) => 0,
            (true, true, false) => 1,
            (true, false, _) => 2,
            (false, ..) => 3,
        }
    }

    /// Whether it lies in `region/zone/subzone`, where `*` and what is left out stand for anything.
    pub fn is_in(&self, pattern: &str) -> bool {
        let pattern = Self::parse(pattern);
        let narrower = |wanted: &str, part: &str| wanted.is_empty() || wanted == "*" || wanted == part;
        (pattern.region == "*" || pattern.region == self.region)
            && narrower(&pattern.zone, &self.zone)
            && narrower(&pattern.subzone, &self.subzone)
    }
}

impl std::fmt::Display for Locality {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = [&self.region, &self.zone, &self.subzone].map(String::as_str);
        out.write_str(parts.join("/").trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_and_far() {
        let here = Locality::of_label("r1.z1.s1");
        assert_eq!(here, Locality::parse("r1/z1/s1"));
        assert_eq!((here.to_string(), Locality::parse("r1").to_string()), ("r1/z1/s1".into(), "r1".into()));
        let distances = ["r1/z1/s1", "r1/z1/s2", "r1/z2/s1", "r2/z1/s1", ""]
            .map(|there| here.distance(&Locality::parse(there)));
        assert_eq!(distances, [0, 1, 2, 3, 3]);
        let inside = ["r1/z1/*", "r1", "*", "r1/*/s1", "r1/z2/*", "r2"].map(|pattern| here.is_in(pattern));
        assert_eq!(inside, [true, true, true, true, false, false]);
    }
}
