//! What access logs say of the calls in a namespace: beside the caller and the port also method and path.

use super::{Allowed, Called, Callers, Operation, Ports, has_proxy, measured_calls, paths};
use crate::log::{Access, Log, LogOf};
use crate::traffic::Traffic;
use crate::why::Addresses;
use crate::{Mesh, Ref, Workload};
use istio::cluster_name::Outbound;
use istio::kinds;
use jiff::Timestamp;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

/// So many logs are read at once.
const MOST_LOGS: usize = 60;
/// And so many lines of each, the newest.
const MOST_LINES: usize = 5_000;
/// Where nothing tells another one.
const TRUST_DOMAIN: &str = "cluster.local";

/// What of a call counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum By {
    /// Who calls, and the port.
    #[default]
    Port,
    /// The method, too.
    Method,
    /// And the path.
    Path,
}

impl By {
    /// What such rules go by.
    pub fn of(allowed: &[Allowed]) -> Self {
        let rules = || allowed.iter().flat_map(|allowed| &allowed.rules);
        let operations = || {
            let all = |rule: &Value| rule["to"].as_array().cloned().unwrap_or_default();
            rules().flat_map(all).map(|to| to["operation"].clone())
        };
        let says = |field: &str| operations().any(|operation| operation[field].is_array());
        match (says("paths"), says("methods")) {
            (true, _) => Self::Path,
            (false, true) => Self::Method,
            (false, false) => Self::Port,
        }
    }
}

/// Why a service stays by less than was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stays {
    /// The logs of these pods are not read.
    Unread(Vec<String>),
    /// Nothing is logged there.
    Silent,
    /// Nothing is logged of the calls of these.
    Callers(Vec<String>),
    /// It changes paths on the way, and logs have them as they were before.
    Rewritten(Ref),
}

impl fmt::Display for Stays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unread(pods) => {
                write!(f, "by caller and port, for the log of {} is not read", pods.join(", "))
            }
            Self::Silent => f.write_str(
                "by caller and port, for its proxies log no call. The editor Telemetry switches access logs on",
            ),
            Self::Callers(callers) => {
                write!(f, "{} by port, for no line of a call of theirs was found", callers.join(", "))
            }
            Self::Rewritten(at) => {
                write!(f, "by method, for {at} rewrites paths, and logs have them as they were before")
            }
        }
    }
}

/// What was found in logs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Logged {
    /// What would be let in.
    pub allowed: Vec<Allowed>,
    /// In so many lines.
    pub lines: usize,
    /// The oldest of them.
    pub since: Option<Timestamp>,
    /// Which services stay by less, and why.
    pub stays: Vec<(String, Stays)>,
    /// Lines from addresses that are nobody's, by address and service: they count for nobody.
    pub unknown: BTreeMap<(String, String), usize>,
}

/// What is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Looked<'a> {
    /// The namespace.
    pub namespace: &'a str,
    /// What counts.
    pub by: By,
    /// Whether its Istio knows templates in paths: 1.22 and newer ones do.
    pub templates: bool,
    /// The logs; `None` for those that cannot be read.
    pub logs: &'a [(LogOf, Option<Arc<Log>>)],
}

/// Whose logs tell it: those of the pods with a sidecar, and of the gateways that call them.
pub fn logs_of(mesh: &Mesh, traffic: &Traffic, namespace: &str) -> Vec<LogOf> {
    let calls = |workload: &&Workload| {
        let hour = traffic.hour.iter().flat_map(|hour| hour.keys());
        let mut paths = traffic.flows.keys().chain(hour);
        paths.any(|path| {
            *path.destination.namespace == *namespace
                && path.source.namespace == workload.namespace
                && path.source.workload == workload.name
        })
    };
    let gateways = mesh.workloads().filter(|workload| workload.gateway).filter(calls);
    let sidecars = behind(mesh, namespace);
    let pods = |workload: &Workload| {
        let of = |pod: &crate::Pod| LogOf {
            namespace: workload.namespace.to_string(),
            pod: pod.name.to_string(),
            container: "istio-proxy".to_owned(),
            previous: false,
            around: None,
        };
        workload.pods.iter().filter(|pod| pod.sidecar || workload.gateway).map(of).collect::<Vec<_>>()
    };
    gateways.chain(sidecars).flat_map(pods).take(MOST_LOGS).collect()
}

/// The workloads with sidecars.
fn behind<'a>(mesh: &'a Mesh, namespace: &str) -> impl Iterator<Item = &'a Workload> {
    let namespace = namespace.to_owned();
    let in_it = move |workload: &&Workload| *workload.namespace == *namespace && !workload.gateway;
    mesh.workloads().filter(in_it).filter(|workload| has_proxy(workload))
}

/// What was seen to be called in a namespace, as far as logs say more than metrics do.
pub fn logged(mesh: &Mesh, traffic: &Traffic, looked: Looked<'_>) -> Logged {
    let (mut calls, _) = measured_calls(mesh, traffic, looked.namespace);
    let mut all: BTreeMap<Called, Vec<&Workload>> = BTreeMap::new();
    for workload in behind(mesh, looked.namespace) {
        all.entry(Called::of(mesh, workload)).or_default().push(workload);
    }
    let sight = Sight { addresses: Addresses::of(mesh), sent: sent(mesh, looked), names: names(traffic) };
    let mut told = Logged::default();
    let principals = calls.values().flat_map(|callers| callers.of.keys());
    let domain = principals.filter_map(|principal| principal.split_once("/ns/")).map(|(domain, _)| domain);
    let domain = domain.max().unwrap_or(TRUST_DOMAIN).to_owned();
    for (called, workloads) in all {
        let unread: Vec<String> = unread(&workloads, looked);
        if !unread.is_empty() {
            told.stays.push((called.service, Stays::Unread(unread)));
            continue;
        }
        let lines = sight.lines(&workloads, looked, &called.service, &mut told);
        let callers = calls.entry(called).or_default();
        // Metrics do not reach back as far as logs do.
        for caller in lines.iter().filter(|(_, of)| of.named).map(|(caller, _)| caller) {
            let known = callers.of.keys().any(|principal| principal.ends_with(caller));
            if !known {
                callers.of.insert(format!("{domain}{caller}"), Ports::default());
            }
        }
        callers.logged = Some(lines);
    }
    for (called, mut callers) in calls {
        let lines = callers.logged.take();
        let rules = match lines {
            Some(lines) if !callers.everyone => narrowed(mesh, looked, &called, &callers, &lines, &mut told),
            _ => callers.rules(),
        };
        told.allowed.extend(called.allowed(rules));
    }
    told
}

fn narrowed(
    mesh: &Mesh,
    looked: Looked<'_>,
    called: &Called,
    callers: &Callers,
    lines: &Lines,
    told: &mut Logged,
) -> Vec<Value> {
    let service = called.service.clone();
    let of =
        |principal: &str| lines.iter().find(|(caller, _)| principal.ends_with(*caller)).map(|(_, of)| of);
    let http = |(principal, ports): (&String, &Ports)| {
        let short =
            || principal.split_once("/ns/").map_or(&**principal, |(_, rest)| rest).replace("/sa/", "/");
        (of(principal).is_none() && !ports.http.is_empty()).then(short)
    };
    let silent: Vec<String> = callers.of.iter().filter_map(http).collect();
    if lines.is_empty() && !silent.is_empty() {
        told.stays.push((service, Stays::Silent));
        return callers.rules();
    }
    let mut by = looked.by;
    if let Some(at) = (by == By::Path).then(|| rewriting(mesh, looked.namespace, &service)).flatten() {
        by = By::Method;
        told.stays.push((service.clone(), Stays::Rewritten(at)));
    }
    if !silent.is_empty() {
        told.stays.push((service, Stays::Callers(silent)));
    }
    callers.rules_by(|principal, ports| match of(principal) {
        None => vec![ports.operation()],
        Some(calls) => {
            let mut may = calls.operations(by, looked.templates);
            may.extend((!ports.tcp.is_empty()).then(|| Operation::at(ports.tcp.clone())));
            may
        }
    })
}

/// Pods whose logs are not read.
fn unread(workloads: &[&Workload], looked: Looked<'_>) -> Vec<String> {
    let read = |namespace: &str, pod: &str| {
        let is = |(of, log): &&(LogOf, Option<Arc<Log>>)| {
            of.namespace == namespace && of.pod == pod && log.is_some()
        };
        looked.logs.iter().any(|log| is(&log))
    };
    let pods = |one: &&Workload| {
        let with = one.pods.iter().filter(|pod| pod.sidecar);
        let left = with.filter(|pod| !read(&one.namespace, &pod.name)).map(|pod| pod.name.to_string());
        left.collect::<Vec<_>>()
    };
    workloads.iter().flat_map(pods).collect()
}

/// What was logged of each caller, by "/ns/web/sa/front".
pub(super) type Lines = BTreeMap<String, Calls>;

/// Calls of somebody: paths by port and method.
#[derive(Debug, Default)]
pub(super) struct Calls {
    paths: BTreeMap<(u32, String), BTreeSet<String>>,
    /// Whether it came over mutual TLS, as far as the line says: then it has a name.
    named: bool,
}

impl Calls {
    fn operations(&self, by: By, templates: bool) -> Vec<Operation> {
        // Of what is no path, such as the "*" of OPTIONS, only the method can be said.
        let paths = |seen: &BTreeSet<String>| match by {
            By::Path if seen.iter().all(|path| paths::of_call(path).is_some()) => {
                paths::general(seen.iter().map(String::as_str), templates)
            }
            _ => BTreeSet::new(),
        };
        let mut alike: BTreeMap<(BTreeSet<String>, u32), BTreeSet<String>> = BTreeMap::new();
        for ((port, method), seen) in &self.paths {
            alike.entry((paths(seen), *port)).or_default().insert(method.clone());
        }
        let mut at: BTreeMap<(BTreeSet<String>, BTreeSet<String>), BTreeSet<u32>> = BTreeMap::new();
        for ((paths, port), methods) in alike {
            at.entry((methods, paths)).or_default().insert(port);
        }
        at.into_iter().map(|((methods, paths), ports)| Operation { ports, methods, paths }).collect()
    }
}

/// What tells who called.
struct Sight<'m> {
    addresses: Addresses<'m>,
    /// Which gateway sent a request on, by the request's id.
    sent: HashMap<String, &'m Workload>,
    names: Names<'m>,
}

/// What telemetry calls workloads: "/ns/web/sa/front", by namespace and name.
type Names<'m> = HashMap<(&'m str, &'m str), &'m str>;

fn names(traffic: &Traffic) -> Names<'_> {
    let hour = traffic.hour.iter().flat_map(|hour| hour.keys());
    let sources = traffic.flows.keys().chain(hour).map(|path| &path.source);
    let named = sources.filter_map(|peer| Some((peer, peer.principal.find("/ns/")?)));
    named.map(|(peer, at)| ((&*peer.namespace, &*peer.workload), &peer.principal[at..])).collect()
}

/// What gateways sent to services of the namespace.
fn sent<'m>(mesh: &'m Mesh, looked: Looked<'_>) -> HashMap<String, &'m Workload> {
    let mut sent = HashMap::new();
    for workload in mesh.workloads().filter(|workload| workload.gateway) {
        for access in accesses(std::slice::from_ref(&workload), looked) {
            let to = Outbound::read(access.1.get("upstream_cluster"));
            let here = to.is_some_and(|to| to.host.split('.').nth(1) == Some(looked.namespace));
            if here && !access.1.get("request_id").is_empty() {
                sent.insert(access.1.get("request_id").to_owned(), workload);
            }
        }
    }
    sent
}

/// The lines of calls in the logs of these.
fn accesses<'a>(
    workloads: &'a [&Workload],
    looked: Looked<'a>,
) -> impl Iterator<Item = (Timestamp, Access)> + 'a {
    let theirs = move |of: &LogOf| {
        let has = |one: &&Workload| {
            *one.namespace == *of.namespace && one.pods.iter().any(|pod| *pod.name == *of.pod)
        };
        workloads.iter().any(has)
    };
    let logs = looked.logs.iter().filter(move |(of, _)| theirs(of)).filter_map(|(_, log)| log.as_deref());
    logs.flat_map(|log| log.last(MOST_LINES)).filter_map(|line| Some((line.at, Access::read(&line.text)?)))
}

impl Sight<'_> {
    fn name(&self, caller: &Workload) -> String {
        let told = self.names.get(&(&*caller.namespace, &*caller.name));
        let account = if caller.service_account.is_empty() { "default" } else { &caller.service_account };
        told.map_or_else(|| format!("/ns/{}/sa/{account}", caller.namespace), |name| (*name).to_owned())
    }

    /// What was logged where it came in.
    fn lines(&self, at: &[&Workload], looked: Looked<'_>, service: &str, told: &mut Logged) -> Lines {
        let mut lines = Lines::new();
        for (when, access) in accesses(at, looked) {
            let Some(port) = inbound_port(&access) else { continue };
            let details = access.get("response_code_details");
            let refused = ["rbac_", "jwt_", "ext_authz"].iter().any(|by| details.starts_with(by));
            if refused || access.get("method").is_empty() {
                continue;
            }
            told.lines += 1;
            told.since = Some(told.since.map_or(when, |since| since.min(when)));
            let sent = || self.sent.get(access.get("request_id")).copied();
            let Some(caller) = self.addresses.caller(&access).or_else(sent) else {
                let from = access.get("downstream_remote_address");
                let ip = from.rsplit_once(':').map_or(from, |(ip, _)| ip).to_owned();
                *told.unknown.entry((ip, service.to_owned())).or_default() += 1;
                continue;
            };
            let of = lines.entry(self.name(caller)).or_default();
            of.named |= access.get("requested_server_name").starts_with("outbound");
            let path = access.get("path");
            let path = paths::of_call(path).unwrap_or(path).to_owned();
            of.paths.entry((port, access.get("method").to_owned())).or_default().insert(path);
        }
        lines
    }
}

/// The port of the pod that a call came to; `None` where it went out.
fn inbound_port(access: &Access) -> Option<u32> {
    let cluster = access.get("upstream_cluster");
    match cluster.strip_prefix("inbound|") {
        Some(rest) => rest.split('|').next()?.parse().ok(),
        None if cluster == "InboundPassthroughCluster" => {
            access.get("downstream_local_address").rsplit_once(':')?.1.parse().ok()
        }
        None => None,
    }
}

/// A rule that changes paths of calls to a service.
fn rewriting(mesh: &Mesh, namespace: &str, service: &str) -> Option<Ref> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let is = |host: &Value, near: &str| {
        let host = host.as_str().unwrap_or_default();
        istio::fqdn(host, near) == istio::fqdn(service, namespace)
    };
    let of_istio = |at: &Ref, rule: &Value| {
        let changes = rule["rewrite"]["uri"].is_string() || rule["rewrite"]["uriRegexRewrite"].is_object();
        changes && list(&rule["route"]).iter().any(|to| is(&to["destination"]["host"], &at.namespace))
    };
    let of_gateway_api = |at: &Ref, rule: &Value| {
        let changes = list(&rule["filters"]).iter().any(|filter| filter["urlRewrite"]["path"].is_object());
        let near = |to: &Value| to["namespace"].as_str().unwrap_or(&at.namespace).to_owned();
        changes && list(&rule["backendRefs"]).iter().any(|to| is(&to["name"], &near(to)))
    };
    let objects = || mesh.objects();
    let mut routes = objects().of_kind(&kinds::VIRTUAL_SERVICE);
    let istio =
        routes.find(|(at, object)| list(&object.spec()["http"]).iter().any(|rule| of_istio(at, rule)));
    let mut routes = objects().of_kind(&kinds::HTTP_ROUTE);
    let other = || {
        routes.find(|(at, object)| list(&object.spec()["rules"]).iter().any(|rule| of_gateway_api(at, rule)))
    };
    istio.or_else(other).map(|(at, _)| at.clone())
}

#[cfg(test)]
#[path = "logged_tests.rs"]
mod tests;
