//! Why something did not take a call.

use crate::refs::Ref;
use crate::views::StringMatch;
use std::fmt;

/// A part of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Its path, without the query.
    Path,
    /// Its method.
    Method,
    /// The host that it asks for.
    Authority,
    /// "http" or "https".
    Scheme,
    /// One of its headers.
    Header(String),
    /// A parameter of its query.
    Parameter(String),
    /// A claim of its token.
    Claim(String),
    /// A label of the caller.
    Label(String),
    /// The caller's namespace.
    Namespace,
    /// The port that is called.
    Port,
    /// The address that is called.
    Address,
    /// The name that a TLS client asks for.
    ServerName,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path => f.write_str("path"),
            Self::Method => f.write_str("method"),
            Self::Authority => f.write_str("host"),
            Self::Scheme => f.write_str("scheme"),
            Self::Header(name) => write!(f, "header {name}"),
            Self::Parameter(name) => write!(f, "query parameter {name}"),
            Self::Claim(name) => write!(f, "claim {name}"),
            Self::Label(name) => write!(f, "the caller's label {name}"),
            Self::Namespace => f.write_str("the caller's namespace"),
            Self::Port => f.write_str("port"),
            Self::Address => f.write_str("the called address"),
            Self::ServerName => f.write_str("the server name"),
        }
    }
}

/// What was wanted of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Just this.
    Exact(String),
    /// This, whichever letters are capital.
    AnyCase(String),
    /// Something that begins with it.
    Prefix(String),
    /// The same, by whole segments of a path.
    Segments(String),
    /// Something that fits an expression as a whole.
    Fits(String),
    /// Anything.
    Something,
    /// One of these.
    Among(Vec<String>),
}

impl Wanted {
    /// As a rule writes it.
    pub(super) fn of(rule: &StringMatch) -> Self {
        match (&rule.exact, &rule.prefix, rule.regex.as_deref()) {
            (Some(text), ..) => Self::Exact(text.clone()),
            (_, Some(text), _) => Self::Prefix(text.clone()),
            (.., Some(text)) if text != "*" => Self::Fits(text.to_owned()),
            _ => Self::Something,
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(text) => write!(f, "`{text}`"),
            Self::AnyCase(text) => write!(f, "`{text}` in small or capital letters"),
            Self::Prefix(text) => write!(f, "`{text}…`"),
            Self::Segments(text) => write!(f, "`{text}` or what is below it"),
            Self::Fits(text) => write!(f, "what fits the expression `{text}`"),
            Self::Something => f.write_str("any"),
            Self::Among(list) => {
                let list: Vec<String> = list.iter().map(|one| format!("`{one}`")).collect();
                f.write_str(&list.join(" or "))
            }
        }
    }
}

/// Why a rule, or an object with rules, did not take a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Because {
    /// A part of the call is another one.
    Is {
        /// Which.
        part: Part,
        /// What it is; `None` where it is not there.
        is: Option<String>,
        /// What it was to be.
        wanted: Wanted,
    },
    /// A part of the call is just what the rule leaves to others.
    Unwanted {
        /// Which.
        part: Part,
        /// What it is.
        is: Option<String>,
        /// What it must not be.
        unwanted: Wanted,
    },
    /// It is for calls that come by these gateways.
    Gateways(Vec<String>),
    /// Its expression is none, and proxies refuse all that they are told with it.
    NoExpression(String),
    /// It has neither a destination nor an answer.
    LeadsNowhere,
    /// It leaves the call to a VirtualService that is not there.
    NoDelegate(String),
    /// No call fits both the rule and the one of its delegate.
    Contradiction,
    /// It is not exported to this namespace.
    NotExported(String),
    /// A Sidecar leaves it out.
    LeftOut(Ref),
    /// It is for gateways only.
    NotForMesh,
    /// It has no rules for what is spoken there.
    NoRules,
    /// Another one names the host more closely.
    Farther(Ref),
    /// Another one, which names the host as closely, is older, or comes before it by name.
    Younger(Ref),
    /// This one, for the same host, is exported to the caller's namespace itself.
    LessNear(Ref),
    /// Routes of the Gateway API come first.
    AfterRoutes(Ref),
    /// Another route is nearer to the caller, or names the port.
    AfterRoute(Ref),
    /// A route is for callers of its own namespace.
    OtherCallers(String),
    /// It has other ports.
    Ports(Vec<u16>),
    /// A gateway has no such host at this port.
    NoHost(Vec<String>),
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is { part, is: Some(is), wanted: Wanted::Fits(text) } => {
                write!(f, "{part} is `{is}`, which does not fit `{text}`")
            }
            Self::Is { part, is: Some(is), wanted } => write!(f, "{part} is `{is}`, wanted {wanted}"),
            Self::Is { part, is: None, wanted } => write!(f, "{part} is not there, wanted {wanted}"),
            Self::Unwanted { part, is: Some(is), unwanted: Wanted::Something } => {
                write!(f, "{part} is there (`{is}`), wanted none")
            }
            Self::Unwanted { part, is: Some(is), unwanted } => {
                write!(f, "{part} is `{is}`, wanted anything but {unwanted}")
            }
            Self::Unwanted { part, is: None, unwanted } => {
                write!(f, "{part} is not there, wanted anything but {unwanted}")
            }
            Self::Gateways(names) => write!(f, "it is for calls by {}", names.join(" or ")),
            Self::NoExpression(text) => {
                write!(f, "`{text}` is no expression: proxies refuse all that they are told with it")
            }
            Self::LeadsNowhere => f.write_str("it has neither a destination nor an answer"),
            Self::NoDelegate(to) => write!(f, "there is no VirtualService {to} without hosts to leave it to"),
            Self::Contradiction => f.write_str("no call fits both it and the rule that leaves calls to it"),
            Self::NotExported(to) => write!(f, "it is not exported to namespace {to}"),
            Self::LeftOut(sidecar) => write!(f, "{sidecar} leaves it out"),
            Self::NotForMesh => f.write_str("it is for gateways, not for calls inside the mesh"),
            Self::NoRules => f.write_str("it has no rules for what is spoken at this port"),
            Self::Farther(by) => write!(f, "{by} names the host more closely"),
            Self::LessNear(by) => {
                write!(f, "{by} names the host, too, and exportTo gives it to this namespace")
            }
            Self::Younger(by) => write!(f, "{by} names the host, too, and is older or comes first by name"),
            Self::AfterRoutes(by) => write!(f, "{by} of the Gateway API comes before it"),
            Self::AfterRoute(by) => write!(f, "{by} is nearer to the caller or to the port"),
            Self::OtherCallers(from) => write!(f, "it is for callers of namespace {from}"),
            Self::Ports(ports) => {
                let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
                write!(f, "it has no such port, but {}", ports.join(", "))
            }
            Self::NoHost(hosts) => write!(f, "it serves {}", hosts.join(", ")),
        }
    }
}
