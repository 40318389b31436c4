//! What a port speaks, as Istio reads it from `appProtocol`, the port's name or a ServiceEntry.

use serde::{Serialize, Serializer};
use std::fmt;

/// A protocol that a port can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// HTTP/1.1.
    Http,
    /// HTTP/2.
    Http2,
    /// gRPC.
    Grpc,
    /// gRPC for browsers, over HTTP/1.1.
    GrpcWeb,
    /// HTTP with whatever host is asked for: an egress listener of a Sidecar.
    HttpProxy,
    /// HTTP that the application encrypts itself.
    Https,
    /// Anything that the application encrypts itself.
    Tls,
    /// Bytes.
    Tcp,
    /// Datagrams, which no proxy sees.
    Udp,
    /// MongoDB.
    Mongo,
    /// MySQL.
    Mysql,
    /// Redis.
    Redis,
    /// Istio's tunnel.
    Hbone,
    /// Nothing that Istio knows: proxies look at the first bytes.
    Auto,
}

use Protocol::{
    Auto, Grpc, GrpcWeb, Hbone, Http, Http2, HttpProxy, Https, Mongo, Mysql, Redis, Tcp, Tls, Udp,
};

/// As ports name them, and as istiod's pages do.
const NAMES: [(Protocol, &str, &str); 14] = [
    (Http, "http", "HTTP"),
    (Http2, "http2", "HTTP2"),
    (Grpc, "grpc", "GRPC"),
    (GrpcWeb, "grpc-web", "GRPC-Web"),
    (HttpProxy, "http_proxy", "HTTP_PROXY"),
    (Https, "https", "HTTPS"),
    (Tls, "tls", "TLS"),
    (Tcp, "tcp", "TCP"),
    (Udp, "udp", "UDP"),
    (Mongo, "mongo", "Mongo"),
    (Mysql, "mysql", "MySQL"),
    (Redis, "redis", "Redis"),
    (Hbone, "hbone", "HBONE"),
    (Auto, "auto", "UnsupportedProtocol"),
];

/// Ports of protocols in which the server speaks first, so that waiting for the client's first bytes would
/// never end: SMTP, DNS, MySQL, MongoDB.
const SERVER_SPEAKS_FIRST: [u16; 4] = [25, 53, 3306, 27017];

impl Protocol {
    /// The protocol of this name, in any case; [`Protocol::Auto`] for a name that Istio does not know.
    pub fn named(name: &str) -> Self {
        let known = NAMES.iter().find(|(_, known, _)| *known != "auto" && known.eq_ignore_ascii_case(name));
        known.map_or(Auto, |(protocol, ..)| *protocol)
    }

    /// Of a port of a Kubernetes service: UDP by its transport, else `appProtocol`, else the name up to its
    /// first dash.
    pub fn of_service(transport: &str, app_protocol: Option<&str>, name: &str, number: u16) -> Self {
        if transport.eq_ignore_ascii_case("udp") {
            return Udp;
        }
        let said = match app_protocol {
            Some("kubernetes.io/h2c") => return Http2,
            Some("kubernetes.io/ws") => return Http,
            Some("kubernetes.io/wss") => return Https,
            Some(said) => said,
            None => name,
        };
        if said.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("grpc-web")) {
            return GrpcWeb;
        }
        match Self::named(said.split('-').next().unwrap_or_default()) {
            Auto if SERVER_SPEAKS_FIRST.contains(&number) => Tcp,
            named => named,
        }
    }

    /// As ports name it: "http", "auto".
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(protocol, ..)| *protocol == self).map_or("auto", |(_, name, _)| name)
    }

    /// As istiod's pages name it: "HTTP2", "Mongo"; `None` where the port says nothing.
    pub fn title(self) -> Option<&'static str> {
        NAMES.iter().find(|(protocol, ..)| *protocol == self && self != Auto).map(|(.., title)| *title)
    }

    /// Whether proxies see requests, not only bytes.
    pub fn is_http(self) -> bool {
        matches!(self, Http | Http2 | Grpc | GrpcWeb | HttpProxy)
    }

    /// Whether HTTP/2 is spoken.
    pub fn is_http2(self) -> bool {
        matches!(self, Http2 | Grpc)
    }

    /// Whether the application encrypts itself, so that only the name it asks for can be seen.
    pub fn is_tls(self) -> bool {
        matches!(self, Https | Tls)
    }

    /// Whether proxies see bytes and nothing else.
    pub fn is_bytes(self) -> bool {
        matches!(self, Tcp | Mongo | Mysql | Redis)
    }

    /// Whether rules for requests can hold: HTTP, or what may turn out to be it.
    pub fn may_be_http(self) -> bool {
        self.is_http() || self == Auto
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Protocol {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_of_services() {
        for (app_protocol, name, number, expect) in [
            (None, "http", 80, Http),
            (None, "http-web", 80, Http),
            (None, "HTTP2-x", 80, Http2),
            (None, "grpc-web", 80, GrpcWeb),
            (None, "grpc-web-x", 80, GrpcWeb),
            (None, "grpc-webby", 80, GrpcWeb),
            (None, "grpc-x", 80, Grpc),
            (None, "https-x", 443, Https),
            (None, "tcp", 80, Tcp),
            (None, "mongo", 80, Mongo),
            (None, "", 80, Auto),
            (None, "web", 80, Auto),
            (None, "auto", 80, Auto),
            (None, "httpx", 80, Auto),
            (None, "db", 3306, Tcp),
            (None, "http", 3306, Http),
            (Some("grpc"), "http", 80, Grpc),
            (Some("kubernetes.io/h2c"), "x", 80, Http2),
            (Some("kubernetes.io/ws"), "x", 80, Http),
            (Some("kubernetes.io/wss"), "x", 80, Https),
            (Some("example.com/mine"), "http", 80, Auto),
        ] {
            let got = Protocol::of_service("TCP", app_protocol, name, number);
            assert_eq!(got, expect, "{app_protocol:?} {name:?} {number}");
        }
        assert_eq!(Protocol::of_service("UDP", Some("http"), "http", 80), Udp);
    }

    #[test]
    fn every_protocol_has_its_names() {
        for (protocol, name, title) in NAMES {
            assert_eq!((protocol.name(), Protocol::named(name)), (name, protocol));
            assert_eq!(protocol.title(), (protocol != Auto).then_some(title));
            assert_eq!(Protocol::named(&name.to_uppercase()), protocol);
        }
        assert!(Auto.may_be_http() && !Auto.is_http() && GrpcWeb.is_http() && !GrpcWeb.is_http2());
    }
}
