//! Names of Envoy's clusters as istiod gives them.

use std::fmt;

/// A service as a proxy calls it: `outbound|9080|v1|reviews.bookinfo.svc.cluster.local`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Outbound<'a> {
    /// The service's port.
    pub port: u16,
    /// The subset, "" for all of the service.
    pub subset: &'a str,
    /// The full host.
    pub host: &'a str,
}

impl<'a> Outbound<'a> {
    /// Reads a cluster's name; `None` for other clusters.
    pub fn read(name: &'a str) -> Option<Self> {
        let mut parts = name.strip_prefix("outbound|")?.splitn(3, '|');
        let (port, subset, host) = (parts.next()?.parse().ok()?, parts.next()?, parts.next()?);
        Some(Self { port, subset, host })
    }
}

impl fmt::Display for Outbound<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "outbound|{}|{}|{}", self.port, self.subset, self.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written() {
        for (name, expect) in [
            (
                "outbound|9080|v1|reviews.shop.svc.cluster.local",
                Some((9080, "v1", "reviews.shop.svc.cluster.local")),
            ),
            ("outbound|80||api.example.com", Some((80, "", "api.example.com"))),
            ("inbound|9080||", None),
            ("outbound|http||a", None),
            ("outbound|80|v1", None),
            ("BlackHoleCluster", None),
        ] {
            let read = Outbound::read(name);
            assert_eq!(read.map(|read| (read.port, read.subset, read.host)), expect, "{name}");
            assert_eq!(read.map(|read| read.to_string()), expect.map(|_| name.to_owned()));
        }
    }
}
