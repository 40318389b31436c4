//! How a call is carried to a workload, and whether the proxy there lets it in.

use super::tokens::{self, Refused};
use super::{Calls, has_proxy, inner_port};
use crate::edit::policy::{self, Read};
use crate::{Mesh, Problem, Service, Workload};
use istio::admit::{Action, By, Call, Field, Holds, Identity, admit, missed};
use istio::mtls::Mode;
use istio::route::{Request, Split, Taken};
use istio::views::AuthorizationPolicy;
use istio::{Config, Protocol, Ref, kinds};
use std::fmt;
use std::net::IpAddr;

/// As meshes are called that nobody gave a name.
const TRUST_DOMAIN: &str = "cluster.local";

/// How a call is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// By mutual TLS of the mesh.
    Mutual,
    /// In plain text.
    Plaintext,
    /// By TLS to somebody outside of the mesh.
    Own,
    /// By the caller's own TLS, which no proxy opens.
    Passed,
    /// Both sides want something else.
    Refused,
}

impl Tls {
    /// "mutual".
    pub fn name(self) -> &'static str {
        match self {
            Self::Mutual => "mutual",
            Self::Plaintext => "plaintext",
            Self::Own => "tls",
            Self::Passed => "passthrough",
            Self::Refused => "refused",
        }
    }
}

/// Whether a call is let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// Whether it is.
    pub may: Holds,
    /// With what it is answered; with nothing, where the connection is reset.
    pub status: Option<u16>,
    /// The object and the rule of it that decide.
    pub by: Option<(Ref, Option<usize>)>,
    /// Why.
    pub ground: Ground,
    /// Who is asked before.
    pub asks: Vec<String>,
}

/// Why a call is let in or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ground {
    /// Nothing is there that could refuse it.
    NoProxy,
    /// It goes to somebody outside of the mesh.
    Outside,
    /// No workload is known there.
    Nobody,
    /// Its labels choose no pod.
    NoEndpoint,
    /// No policy holds for it.
    NoPolicy,
    /// No policy refuses it.
    NotDenied,
    /// A rule lets it in.
    Allowed,
    /// A rule refuses it.
    Denied,
    /// There are rules that let others in: for each the fields that do not fit.
    NotAllowed(Vec<(Ref, usize, Vec<Field>)>),
    /// Its token is refused.
    Token(Refused),
    /// It comes in plain text, and mutual TLS is wanted.
    PlainText,
    /// It comes by TLS that nothing there ends.
    NoTls,
    /// That depends on what is not known.
    Depends,
    /// Policies may not be read.
    Unseen(Problem),
}

impl Admission {
    fn yes(ground: Ground) -> Self {
        Self { may: Holds::Yes, status: Some(200), by: None, ground, asks: Vec::new() }
    }

    fn no(status: u16, ground: Ground) -> Self {
        Self { may: Holds::No, status: Some(status), by: None, ground, asks: Vec::new() }
    }

    /// The same of a caller whose own proxy does not answer in the other's stead.
    fn bare(self, caller: Option<&Workload>) -> Self {
        let status = self.status.filter(|_| caller.is_some_and(has_proxy));
        Self { status, ..self }
    }
}

/// How a call is carried to a workload behind a destination, and whether it is let in.
pub(super) fn of(
    calls: &Calls<'_>,
    caller: Option<&Workload>,
    service: &Service,
    callee: Option<&Workload>,
    (taken, to): (&Taken, &Split),
    request: &Request,
    now: i64,
) -> (Tls, Admission) {
    let plain = if speaks_tls(service, to.port) { Tls::Passed } else { Tls::Plaintext };
    let Some(callee) = callee else {
        let own = matches!(to.tls.as_deref(), Some("SIMPLE" | "MUTUAL"));
        // Of files alone, and of a Service whose endpoints are written by hand, nobody knows who is behind.
        let seen = calls.mesh.unseen(&kinds::POD, &service.namespace).is_none();
        let known = seen && calls.mesh.workload_count() > 0 && !service.selector.is_empty();
        let admission = match (service.external, known) {
            (true, _) => Admission::yes(Ground::Outside),
            (false, true) => Admission::no(503, Ground::NoEndpoint),
            (false, false) => Admission::yes(Ground::Nobody),
        };
        return (if own { Tls::Own } else { plain }, admission);
    };
    let port = inner_port(service, to.port);
    let proxied = has_proxy(callee);
    let peers = calls.mesh.mtls_policies();
    let (mode, strict) = match proxied {
        true => peers.mode_at(&callee.namespace, &callee.labels, port),
        false => (Mode::Disable, None),
    };
    let strict = strict.map(|one| one.at.clone());
    let sends = caller.is_some_and(has_proxy);
    let auto = !calls.config.is_some_and(|config| config.no_auto_mtls);
    let tls = match to.tls.as_deref().filter(|_| sends) {
        Some("ISTIO_MUTUAL") if mode == Mode::Disable => Tls::Refused,
        Some("SIMPLE" | "MUTUAL") if mode == Mode::Disable => Tls::Own,
        Some("SIMPLE" | "MUTUAL") => Tls::Refused,
        Some("ISTIO_MUTUAL") => Tls::Mutual,
        None if sends && auto && mode != Mode::Disable => Tls::Mutual,
        _ if mode == Mode::Strict => Tls::Refused,
        _ => plain,
    };
    let admission = match tls {
        Tls::Refused if mode == Mode::Strict => {
            let no = Admission::no(503, Ground::PlainText).bare(caller);
            Admission { by: strict.map(|at| (at, None)), ..no }
        }
        Tls::Refused => Admission::no(503, Ground::NoTls),
        _ if !proxied => Admission::yes(Ground::NoProxy),
        _ => {
            let identity = identity(caller.filter(|_| tls == Tls::Mutual), tls);
            let mut asked = request.clone();
            rewritten(&mut asked, taken);
            let source = caller.and_then(|caller| address(calls.mesh, caller));
            judged(calls, callee, &Asking { identity, port, http: !taken.bytes, source }, &asked, now)
        }
    };
    (tls, admission)
}

/// Whether a port speaks TLS by itself.
fn speaks_tls(service: &Service, port: u16) -> bool {
    let found = service.ports.iter().find(|one| one.number == u32::from(port));
    found.is_some_and(|port| matches!(port.protocol, Protocol::Tls | Protocol::Https))
}

/// Whether a gateway lets in what comes from outside.
pub(super) fn at_gateway(
    calls: &Calls<'_>,
    gateway: &Workload,
    request: &Request,
    taken: &Taken,
    now: i64,
) -> Admission {
    let of = |service: &&Service| service.workloads.iter().any(|at| *at == calls.mesh.workload_id(gateway));
    let port =
        calls.mesh.services().find(of).map_or(request.port, |service| inner_port(service, request.port));
    let asking = Asking { identity: Identity::Nobody, port, http: !taken.bytes, source: None };
    judged(calls, gateway, &asking, request, now)
}

/// The request as the called proxy sees it.
fn rewritten(request: &mut Request, taken: &Taken) {
    if let Some(path) = &taken.outcome.path {
        let (path, query) =
            path.split_once('?').map_or((path.as_str(), None), |(path, query)| (path, Some(query)));
        path.clone_into(&mut request.path);
        request.query = query.map(str::to_owned);
    }
    if let Some(authority) = &taken.outcome.authority {
        request.authority.clone_from(authority);
    }
}

fn identity(caller: Option<&Workload>, tls: Tls) -> Identity {
    match caller {
        Some(caller) => {
            let account = caller.service_account.as_str();
            let account = if account.is_empty() { "default" } else { account }.to_owned();
            Identity::Account { namespace: caller.namespace.to_string(), account }
        }
        None if tls == Tls::Mutual => Identity::Unknown,
        None => Identity::Nobody,
    }
}

/// The address of its pod, where it has one only.
fn address(mesh: &Mesh, workload: &Workload) -> Option<IpAddr> {
    let [pod] = workload.pods.as_slice() else { return None };
    let object = mesh.objects().get(&Ref::new(&kinds::POD, &workload.namespace, &pod.name))?;
    object.status().get("podIP")?.as_str()?.parse().ok()
}

/// What the called proxy knows of a call beside the request.
struct Asking {
    identity: Identity,
    port: u16,
    http: bool,
    source: Option<IpAddr>,
}

fn judged(calls: &Calls<'_>, callee: &Workload, asking: &Asking, request: &Request, now: i64) -> Admission {
    let mesh = calls.mesh;
    let near = [&*callee.namespace, mesh.root_namespace()];
    if let Some(why) = near.iter().find_map(|of| mesh.unseen(&kinds::AUTHORIZATION_POLICY, of)) {
        let may = Holds::on("policies that may not be read");
        return Admission { may, ..Admission::yes(Ground::Unseen(why.clone())) };
    }
    let mut read = request.as_read(&calls.world.settings);
    let looked = tokens::look(calls, callee, &read, now);
    let all: Vec<Read<AuthorizationPolicy>> = policy::all(mesh, &kinds::AUTHORIZATION_POLICY);
    let holding: Vec<&Read<AuthorizationPolicy>> =
        all.iter().filter(|read| !read.is_dry_run() && read.holds(mesh, callee)).collect();
    if let Some((why, at)) = looked.refused.filter(|_| asking.http) {
        return Admission { by: Some((at, None)), ..Admission::no(why.status(), Ground::Token(why)) };
    }
    read.claims = looked.claims;
    let remote = asking.source.filter(|_| read.header("x-forwarded-for").is_empty());
    let domain = calls.config.and_then(|config| config.trust_domain.as_deref()).unwrap_or(TRUST_DOMAIN);
    let call = Call {
        request: Some(&read),
        source: asking.source,
        remote,
        ..Call::any(&asking.identity, domain, Some(u32::from(asking.port)), asking.http)
    };
    let verdict = admit(&holding, &call);
    let of = |by: &By| Ref::new(&kinds::AUTHORIZATION_POLICY, &by.namespace, &by.name);
    let by = verdict.by.as_ref().map(|by| (of(by), Some(by.rule)));
    let acting = |action: Action| verdict.by.as_ref().is_some_and(|by| by.action == action);
    let mut may = verdict.may;
    if looked.unsigned {
        may = may.unless("whether the token is signed by its issuer");
    }
    let (status, ground) = match &may {
        Holds::Yes if acting(Action::Allow) => (200, Ground::Allowed),
        Holds::Yes if holding.is_empty() => (200, Ground::NoPolicy),
        Holds::Yes => (200, Ground::NotDenied),
        Holds::No if acting(Action::Deny) => (403, Ground::Denied),
        Holds::No => (403, Ground::NotAllowed(misses(&holding, &call))),
        Holds::Depends(_) => (200, Ground::Depends),
    };
    // A connection that is refused is closed.
    let status = Some(status).filter(|status| asking.http || *status == 200);
    Admission { may, status, by, ground, asks: verdict.asks }
}

/// Why no rule lets a call in.
fn misses(holding: &[&Read<AuthorizationPolicy>], call: &Call<'_>) -> Vec<(Ref, usize, Vec<Field>)> {
    let allows =
        holding.iter().filter(|read| Action::read(read.spec.action.as_deref()) == Some(Action::Allow));
    let each = allows
        .flat_map(|read| read.spec.rules.iter().enumerate().map(move |(index, rule)| (read, index, rule)));
    each.map(|(read, index, rule)| {
        (read.at.clone(), index, missed(rule, Action::Allow, read.namespace(), call))
    })
    .collect()
}

impl fmt::Display for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.asks.is_empty() && self.may != Holds::No {
            write!(f, "asks {}: ", self.asks.join(" and "))?;
        }
        match (&self.ground, &self.may) {
            (Ground::NoProxy, _) => f.write_str("no proxy is there that could refuse it"),
            (Ground::Outside, _) => {
                f.write_str("it leaves the mesh, and nobody here knows what is said there")
            }
            (Ground::NoEndpoint, _) => f.write_str("no pod is behind it"),
            (Ground::Nobody, _) => f.write_str("no workload is known behind it"),
            (Ground::NoPolicy, _) => f.write_str("no policy holds there"),
            (Ground::NotDenied, _) => f.write_str("no policy refuses it"),
            (Ground::Allowed, _) => f.write_str("a rule lets it in"),
            (Ground::Denied, _) => f.write_str("a rule refuses it"),
            (Ground::NotAllowed(misses), _) => {
                f.write_str("no rule that lets calls in takes it")?;
                for (at, rule, fields) in misses {
                    write!(f, "; {at} spec.rules[{rule}]")?;
                    for field in fields {
                        write!(f, " wants {} {}", field.name, field.values.join(", "))?;
                    }
                }
                Ok(())
            }
            (Ground::Token(why), _) => write!(f, "{why}"),
            (Ground::PlainText, _) => f.write_str("it comes in plain text, and mutual TLS is STRICT"),
            (Ground::NoTls, _) => f.write_str("the caller's proxy speaks TLS that nothing there understands"),
            (Ground::Depends, Holds::Depends(on)) => {
                let on: Vec<&str> = on.iter().map(String::as_str).collect();
                write!(f, "it depends on {}", on.join(", "))
            }
            (Ground::Depends, _) => f.write_str("it depends"),
            (Ground::Unseen(why), _) => write!(f, "policies may not be read: {}", why.why),
        }
    }
}
