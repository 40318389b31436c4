//! What broke below HTTP: names, connections, TLS, streams. Libraries say it in words of their own, which go
//! to the log; the user is told what it means.

use crate::limits::{self, TooLarge};
use mesh::Problem;
use rustls::{AlertDescription, CertificateError};
use std::error::Error;
use std::io;

/// What broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// The server's name leads nowhere.
    Name,
    /// Nothing listens there.
    Refused,
    /// The network leads nowhere.
    Unreachable,
    /// No answer in time.
    Late,
    /// No answer within so many seconds.
    Within(u64),
    /// The server does not take our certificate.
    OurCertificate,
    /// We do not take the server's; why.
    TheirCertificate(&'static str),
    /// The proxy in between does not let us through; what it does.
    Proxy(&'static str),
    /// What answers speaks something else.
    NotTls,
    /// What answers speaks something else.
    NotHttp,
    /// The answer is not what such an answer is.
    Garbled,
    /// The answer is larger than this, and was not read to its end.
    TooLarge(usize),
    /// The connection ended in the middle.
    Dropped,
    /// Something else.
    Other,
}

impl Broken {
    /// Finds it among an error and its causes.
    pub(crate) fn of(error: &(dyn Error + 'static)) -> Self {
        let found = causes(error).into_iter().filter_map(Self::one).next();
        found.unwrap_or_else(|| {
            tracing::warn!(?error, "an unknown failure of the connection");
            Self::Other
        })
    }

    fn one(error: &(dyn Error + 'static)) -> Option<Self> {
        if let Some(error) = error.downcast_ref::<rustls::Error>() {
            return Some(Self::of_tls(error));
        }
        if let Some(error) = error.downcast_ref::<io::Error>()
            && let Some(broken) = Self::of_io(error.kind())
        {
            return Some(broken);
        }
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            return match () {
                () if error.is_timeout() => Some(Self::Late),
                () if error.is_parse() => Some(Self::NotHttp),
                () if error.is_incomplete_message() || error.is_closed() || error.is_canceled() => {
                    Some(Self::Dropped)
                }
                () => None,
            };
        }
        if let Some(TooLarge(limit)) = error.downcast_ref() {
            return Some(Self::TooLarge(*limit));
        }
        if error.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_timeout) {
            return Some(Self::Late);
        }
        if let Some(limits::Late(within)) = error.downcast_ref() {
            return Some(Self::Within(within.as_secs()));
        }
        if error.is::<tokio::time::error::Elapsed>() || error.is::<tower::timeout::error::Elapsed>() {
            return Some(Self::Late);
        }
        if error.is::<serde_json::Error>() {
            return Some(Self::Garbled);
        }
        // The resolver's error has a type that nobody can name.
        let text = error.to_string();
        // So have those of the ways through a proxy.
        if let Some((_, why)) = text.split_once("tunnel error: ").filter(|(before, _)| before.is_empty()) {
            return Some(Self::Proxy(match why {
                "proxy authorization required" => "wants a login",
                "failed to create underlying connection" => "cannot be reached",
                _ => "refuses the way to the server",
            }));
        }
        if text.starts_with("SOCKS error: ") {
            return Some(Self::Proxy(match text.ends_with("underlying connection") {
                true => "cannot be reached",
                false => "refuses the way to the server",
            }));
        }
        (text == "dns error" || text.starts_with("failed to lookup address")).then_some(Self::Name)
    }

    fn of_tls(error: &rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidCertificate(why) => Self::TheirCertificate(match why {
                CertificateError::UnknownIssuer => "nobody whom we trust has signed it",
                CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired",
                CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                    "it is not valid yet: look at the clocks"
                }
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                    "it is for another name"
                }
                CertificateError::Revoked => "it was revoked",
                CertificateError::Other(why) if format!("{why:?}").contains("CaUsedAsEndEntity") => {
                    "it is that of an authority, which is not taken for a server's: have the authority sign one"
                }
                _ => "it is not a sound certificate of a server",
            }),
            rustls::Error::NoCertificatesPresented => Self::TheirCertificate("there is none"),
            rustls::Error::AlertReceived(
                AlertDescription::BadCertificate
                | AlertDescription::CertificateRequired
                | AlertDescription::CertificateUnknown
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateRevoked
                | AlertDescription::UnsupportedCertificate
                | AlertDescription::UnknownCA
                | AlertDescription::AccessDenied,
            ) => Self::OurCertificate,
            rustls::Error::InvalidMessage(_) | rustls::Error::AlertReceived(_) => Self::NotTls,
            _ => Self::NotTls,
        }
    }

    fn of_io(kind: io::ErrorKind) -> Option<Self> {
        use io::ErrorKind as Kind;
        match kind {
            Kind::ConnectionRefused => Some(Self::Refused),
            Kind::TimedOut => Some(Self::Late),
            Kind::NetworkUnreachable | Kind::HostUnreachable | Kind::NetworkDown | Kind::AddrNotAvailable => {
                Some(Self::Unreachable)
            }
            Kind::ConnectionReset
            | Kind::ConnectionAborted
            | Kind::BrokenPipe
            | Kind::NotConnected
            | Kind::UnexpectedEof => Some(Self::Dropped),
            _ => None,
        }
    }

    /// The same for the user.
    pub(crate) fn problem(self, what: impl Into<String>) -> Problem {
        let (why, next) = match self {
            Self::Name => (
                "The server's name cannot be resolved".to_owned(),
                "Look at the server's address and at your network or VPN",
            ),
            Self::Refused => (
                "Nothing listens at this address (connection refused)".into(),
                "Look whether the cluster is running, then retry",
            ),
            Self::Unreachable => {
                ("No way leads to this address".into(), "Look at your network or VPN, then retry")
            }
            Self::Late => ("It did not answer in time".into(), "Look at your network or VPN, then retry"),
            Self::Within(secs) => (
                format!("The server did not answer within {secs} s"),
                "Look at the server and its webhooks, and at your network or VPN, then try again",
            ),
            Self::OurCertificate => (
                "The server does not accept our client certificate, or wants one".into(),
                "Log in to the cluster again, then retry",
            ),
            Self::TheirCertificate(why) => (
                format!("The server's certificate is not trusted: {why}"),
                "Look at certificate-authority-data of this cluster in the kubeconfig",
            ),
            Self::Proxy(does) => (
                format!("The proxy between us and the server {does}"),
                "Look at proxy-url in the kubeconfig, or at HTTPS_PROXY, HTTP_PROXY and NO_PROXY",
            ),
            Self::NotTls => (
                "What answers there does not speak TLS as we do".into(),
                "Look at the server's address (https or http, and the port) in the kubeconfig",
            ),
            Self::NotHttp => (
                "What answers there does not speak HTTP".into(),
                "Look at the server's address and port in the kubeconfig",
            ),
            Self::Garbled => (
                "Its answer cannot be understood".into(),
                "Look whether the address is right, and what stands between you and the cluster",
            ),
            Self::TooLarge(limit) => (
                format!("Its answer is larger than {}, and was not read to its end", limits::in_words(limit)),
                "Look at what answers there, and whether it holds much more than it should",
            ),
            Self::Dropped => (
                "The connection broke before the answer was whole".into(),
                "Retry; if it stays, look at the network between you and the cluster",
            ),
            Self::Other => (
                "The connection failed; the log file has more".into(),
                "Retry; if it stays, look at the network between you and the cluster",
            ),
        };
        Problem::new(what, why, next)
    }
}

/// An error and its causes, also those that an I/O error hides.
pub(crate) fn causes<'a>(error: &'a (dyn Error + 'static)) -> Vec<&'a (dyn Error + 'static)> {
    let mut all: Vec<&'a (dyn Error + 'static)> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        all.push(error);
        let hidden = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = hidden.map(|hidden| hidden as &(dyn Error + 'static)).or_else(|| error.source());
    }
    all
}

/// The cause of this type, if there is one.
pub(crate) fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    causes(error).into_iter().find_map(|error| error.downcast_ref::<T>())
}

/// Whether a request was certainly never sent: its connection was not even there.
pub(crate) fn never_sent(error: &(dyn Error + 'static)) -> bool {
    let unconnected = |error: &hyper_util::client::legacy::Error| error.is_connect();
    find::<hyper_util::client::legacy::Error>(error).is_some_and(unconnected)
        || find::<Problem>(error).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(error: impl Error + 'static, expect: Broken) {
        assert_eq!(Broken::of(&error), expect);
    }

    #[test]
    fn libraries_say_it_their_way() {
        check(io::Error::from(io::ErrorKind::ConnectionRefused), Broken::Refused);
        check(io::Error::from(io::ErrorKind::UnexpectedEof), Broken::Dropped);
        let tls = |error: rustls::Error| io::Error::new(io::ErrorKind::InvalidData, error);
        let issuer = CertificateError::UnknownIssuer;
        check(
            tls(rustls::Error::InvalidCertificate(issuer)),
            Broken::TheirCertificate("nobody whom we trust has signed it"),
        );
        check(
            tls(rustls::Error::AlertReceived(AlertDescription::CertificateRequired)),
            Broken::OurCertificate,
        );
        check(tls(rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType)), Broken::NotTls);
        check(serde_json::from_str::<u8>("x").expect_err("no number"), Broken::Garbled);
        check(
            io::Error::other("failed to lookup address information: Name or service not known"),
            Broken::Name,
        );
        check(io::Error::other("something"), Broken::Other);
    }

    #[test]
    fn no_words_of_a_library_reach_the_user() {
        let issuer = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let error = io::Error::new(io::ErrorKind::InvalidData, issuer);
        let words = Broken::of(&error).problem("It failed").to_string();
        assert_eq!(
            words,
            "It failed: The server's certificate is not trusted: nobody whom we trust has signed it. \
             Look at certificate-authority-data of this cluster in the kubeconfig"
        );
    }
}
