//! From a mesh and one window of traffic to nodes and edges.

use super::quantiles::Quantiles;
use super::{Edge, Graph, GraphOptions, GraphType, Health, Node, NodeKind, badges};
use crate::health::{Calls, of_workload, worse};
use crate::traffic::{Called, Flow, Path, Peer, Protocol, Traffic};
use crate::{Mesh, Service, Workload};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What a node stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Key<'a> {
    /// Namespace, app, version.
    App(&'a str, &'a str, Option<&'a str>),
    Workload(&'a str, &'a str),
    Service(&'a str, &'a str),
    External(&'a str),
    Unknown,
}

impl Graph {
    /// The graph of a mesh and what was measured on it. Without traffic there are nodes and no edges: what may talk is not
    /// told from what does. `at` is when the traffic was measured.
    pub fn build(mesh: &Mesh, traffic: Option<&Traffic>, options: &GraphOptions, at: Timestamp) -> Self {
        let names = Names::of(mesh);
        let flows = traffic.into_iter().flat_map(|traffic| &traffic.flows);
        let mut edges: BTreeMap<(Key<'_>, Key<'_>, Protocol), Merged> = BTreeMap::new();
        for (path, flow) in flows {
            let source = names.peer(&path.source, options.graph_type, None);
            let target = names.peer(
                &path.destination,
                options.graph_type,
                Some((&path.service, &path.source.namespace)),
            );
            if shown(options, path) {
                edges.entry((source, target, path.protocol)).or_default().add(path.protocol, flow);
            }
        }
        let mut keys: BTreeSet<Key<'_>> =
            edges.keys().flat_map(|(source, target, _)| [*source, *target]).collect();
        if traffic.is_none() || options.idle {
            keys.extend(names.quiet(options));
        }
        let mut sides: HashMap<Key<'_>, Sides> = HashMap::new();
        for ((source, target, protocol), merged) in &edges {
            sides.entry(*source).or_default().sent.entry(*protocol).or_default().add(*protocol, &merged.flow);
            sides.entry(*target).or_default().got.entry(*protocol).or_default().add(*protocol, &merged.flow);
        }
        let none = Sides::default();
        let mut nodes: Vec<Node> =
            keys.into_iter().map(|key| names.node(key, options, sides.get(&key).unwrap_or(&none))).collect();
        nodes.sort_by(|a, b| a.id.cmp(&b.id));
        let mut edges: Vec<Edge> = edges
            .into_iter()
            .map(|((source, target, protocol), merged)| merged.edge(source, target, protocol))
            .collect();
        edges.sort_by(|a, b| (&a.source, &a.target, &a.protocol).cmp(&(&b.source, &b.target, &b.protocol)));
        Self {
            at: at.to_string(),
            duration_s: traffic.map_or(0, |traffic| traffic.window_secs),
            nodes,
            edges,
        }
    }
}

fn known(name: &str) -> Option<&str> {
    Some(name).filter(|name| !name.is_empty() && *name != "unknown")
}

/// A version that says something: Istio calls pods without one "latest".
fn version(name: &str) -> Option<&str> {
    known(name).filter(|name| *name != "latest")
}

fn shown(options: &GraphOptions, path: &Path) -> bool {
    let wanted = |namespace: &str| options.namespaces.iter().any(|name| name == namespace);
    let ends = [&path.source.namespace, &path.destination.namespace, &path.service.namespace];
    options.namespaces.is_empty() || ends.into_iter().any(|namespace| wanted(namespace))
}

/// The mesh by the names that telemetry uses.
struct Names<'a> {
    mesh: &'a Mesh,
    /// Services in front of a workload, the one named as its app first.
    services: HashMap<(&'a str, &'a str), Vec<&'a Service>>,
    apps: HashMap<(&'a str, &'a str), Vec<&'a Workload>>,
    by_service: HashMap<(&'a str, &'a str), &'a Service>,
    by_host: HashMap<&'a str, &'a Service>,
    by_workload: HashMap<(&'a str, &'a str), &'a Workload>,
    /// Namespaces with a proxy.
    meshed: BTreeSet<&'a str>,
}

impl<'a> Names<'a> {
    fn of(mesh: &'a Mesh) -> Self {
        let mut services: HashMap<(&str, &str), Vec<&Service>> = HashMap::new();
        for service in mesh.services() {
            for workload in service.workloads.iter().filter_map(|at| at.split_once('/')) {
                services.entry(workload).or_default().push(service);
            }
        }
        let mut apps: HashMap<(&str, &str), Vec<&Workload>> = HashMap::new();
        let mut meshed = BTreeSet::new();
        for workload in mesh.workloads() {
            apps.entry((&*workload.namespace, &*workload.app)).or_default().push(workload);
            if workload.pods.iter().any(|pod| pod.sidecar) {
                meshed.insert(&*workload.namespace);
            }
            if let Some(list) = services.get_mut(&(&*workload.namespace, &*workload.name)) {
                list.sort_by_key(|service| *service.name != *workload.app);
            }
        }
        let by_service =
            mesh.services().map(|service| ((&*service.namespace, &*service.name), service)).collect();
        let by_workload =
            mesh.workloads().map(|workload| ((&*workload.namespace, &*workload.name), workload)).collect();
        let by_host = mesh.services().map(|service| (&*service.host, service)).collect();
        Self { mesh, services, apps, by_service, by_host, by_workload, meshed }
    }

    /// The node of one end of a flow; `called` is what was asked for at the far end, and from which namespace.
    fn peer<'b>(&self, peer: &'b Peer, graph_type: GraphType, called: Option<(&'b Called, &str)>) -> Key<'b>
    where
        'a: 'b,
    {
        if let (Some((called, from)), GraphType::Service) = (called, graph_type) {
            return self.called(called, from);
        }
        let Some(workload) = known(&peer.workload) else {
            // Calls that reached nobody belong to whom they were for, if there is only one.
            return called.map_or(Key::Unknown, |(called, from)| {
                self.alone(called, from, graph_type).unwrap_or_else(|| self.called(called, from))
            });
        };
        self.key(&peer.namespace, workload, known(&peer.app), version(&peer.version), graph_type)
    }

    fn key<'b>(
        &self,
        namespace: &'b str,
        workload: &'b str,
        app: Option<&'b str>,
        version: Option<&'b str>,
        graph_type: GraphType,
    ) -> Key<'b>
    where
        'a: 'b,
    {
        match (graph_type, app) {
            (GraphType::Service, _) => {
                match self.services.get(&(namespace, workload)).and_then(|list| list.first()) {
                    Some(service) => Key::Service(&service.namespace, &service.name),
                    None => Key::Workload(namespace, workload),
                }
            }
            (GraphType::VersionedApp, Some(app)) => Key::App(namespace, app, version),
            (GraphType::App, Some(app)) => Key::App(namespace, app, None),
            _ => Key::Workload(namespace, workload),
        }
    }

    fn called<'b>(&self, called: &'b Called, from: &str) -> Key<'b>
    where
        'a: 'b,
    {
        if let Some(service) = self.meant(called, from) {
            return if service.external {
                Key::External(&service.host)
            } else {
                Key::Service(&service.namespace, &service.name)
            };
        }
        match (known(&called.namespace), known(&called.name), known(&called.host)) {
            (Some(namespace), Some(name), _) => Key::Service(namespace, name),
            // Passthrough and the like: the cluster's name says more than whatever host was asked for.
            (_, Some(name), _) if name.ends_with("Cluster") => Key::External(name),
            (_, _, Some(host)) | (_, Some(host), None) => Key::External(host),
            _ => Key::Unknown,
        }
    }

    /// The service that was asked for. Calls that never left their proxy (no route, an injected fault) may be told only by
    /// the host as the caller wrote it, perhaps with a port.
    fn meant(&self, called: &Called, from: &str) -> Option<&'a Service> {
        if let Some(service) = self.by_service.get(&(&*called.namespace, &*called.name)) {
            return Some(service);
        }
        if known(&called.namespace).is_some() {
            return None;
        }
        let (host, _) = istio::hosts::host_and_port(&called.host);
        let meant = [istio::fqdn(host, from), istio::hosts::dialled(host, from)];
        meant.iter().find_map(|host| self.by_host.get(host.as_str()).copied())
    }

    /// The only node behind a service, if there is just one.
    fn alone<'b>(&self, called: &Called, from: &str, graph_type: GraphType) -> Option<Key<'b>>
    where
        'a: 'b,
    {
        let service = self.meant(called, from)?;
        let nodes: BTreeSet<Key<'_>> =
            self.mesh.workloads_of(service).map(|workload| self.of_workload(workload, graph_type)).collect();
        nodes.first().copied().filter(|_| nodes.len() == 1)
    }

    fn of_workload<'b>(&self, workload: &'a Workload, graph_type: GraphType) -> Key<'b>
    where
        'a: 'b,
    {
        self.key(
            &workload.namespace,
            &workload.name,
            known(&workload.app),
            version(&workload.version),
            graph_type,
        )
    }

    /// Everything that could have traffic.
    fn quiet(&self, options: &GraphOptions) -> Vec<Key<'a>> {
        let wanted = |namespace: &str| {
            if options.namespaces.is_empty() {
                self.meshed.contains(namespace)
            } else {
                options.namespaces.iter().any(|name| name == namespace)
            }
        };
        let control_plane = |workload: &&Workload| {
            *workload.namespace == *self.mesh.root_namespace() && workload.pods.iter().all(|pod| !pod.sidecar)
        };
        let workloads =
            self.mesh.workloads().filter(|workload| wanted(&workload.namespace) && !control_plane(workload));
        let keys = workloads.map(|workload| self.of_workload(workload, options.graph_type));
        let outside = self.mesh.services().filter(|service| service.external && wanted(&service.namespace));
        keys.chain(outside.map(|service| Key::External(&service.host))).collect()
    }

    /// Workloads that a node stands for.
    fn workloads(&self, key: Key<'_>) -> Vec<&'a Workload> {
        match key {
            Key::App(namespace, app, wanted) => {
                let all = self.apps.get(&(namespace, app)).map_or(&[][..], Vec::as_slice).iter().copied();
                all.filter(|workload| wanted.is_none() || version(&workload.version) == wanted).collect()
            }
            Key::Workload(namespace, name) => {
                self.by_workload.get(&(namespace, name)).into_iter().copied().collect()
            }
            Key::Service(namespace, name) => self
                .by_service
                .get(&(namespace, name))
                .map_or_else(Vec::new, |service| self.mesh.workloads_of(service).collect()),
            Key::External(_) | Key::Unknown => Vec::new(),
        }
    }

    fn node(&self, key: Key<'_>, options: &GraphOptions, sides: &Sides) -> Node {
        let workloads = self.workloads(key);
        let mut services: Vec<&Service> = Vec::new();
        if let Key::Service(namespace, name) = key {
            services.extend(self.by_service.get(&(namespace, name)));
        }
        for service in workloads
            .iter()
            .filter_map(|workload| self.services.get(&(&*workload.namespace, &*workload.name)))
            .flatten()
        {
            if !services.iter().any(|known| known.at == service.at) {
                services.push(service);
            }
        }
        let only =
            |names: BTreeSet<&str>| names.first().filter(|_| names.len() == 1).map(|name| (*name).to_owned());
        let mut app = only(workloads.iter().map(|workload| &*workload.app).collect());
        let mut told_version =
            only(workloads.iter().filter_map(|workload| version(&workload.version)).collect());
        let workload = only(workloads.iter().map(|workload| &*workload.name).collect());
        let (kind, namespace, name) = match key {
            Key::App(namespace, name, own) => {
                app = Some(name.to_owned());
                told_version = own.map(str::to_owned);
                (NodeKind::App, namespace, name)
            }
            Key::Workload(namespace, name) => (NodeKind::Workload, namespace, name),
            Key::Service(namespace, name) => (NodeKind::Service, namespace, name),
            Key::External(host) => (NodeKind::External, "", host),
            Key::Unknown => (NodeKind::Unknown, "", "unknown"),
        };
        let service = if kind == NodeKind::Service {
            Some(name.to_owned())
        } else {
            services.first().map(|service| service.name.to_string())
        };
        let mut badges: Vec<String> =
            badges::of(self.mesh, &services, &workloads).into_iter().map(str::to_owned).collect();
        if sides.got.is_empty() && sides.sent.is_empty() {
            badges.push("idle".into());
        }
        if !options.namespaces.is_empty()
            && !namespace.is_empty()
            && !options.namespaces.iter().any(|wanted| wanted == namespace)
        {
            badges.push("outside".into());
        }
        let workload = if let Key::Workload(_, name) = key { Some(name.to_owned()) } else { workload };
        let (health, health_reason) = sides.health(&workloads);
        Node {
            id: id(key),
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            app,
            version: told_version,
            service,
            workload,
            health,
            health_reason,
            badges,
            rps_in: requests(&sides.got),
            error_percent_in: error_percent(&sides.got),
            rps_out: requests(&sides.sent),
        }
    }
}

fn id(key: Key<'_>) -> String {
    match key {
        Key::App(namespace, app, Some(version)) => format!("app/{namespace}/{app}/{version}"),
        Key::App(namespace, app, None) => format!("app/{namespace}/{app}"),
        Key::Workload(namespace, name) => format!("workload/{namespace}/{name}"),
        Key::Service(namespace, name) => format!("service/{namespace}/{name}"),
        Key::External(host) => format!("external/{host}"),
        Key::Unknown => "unknown".to_owned(),
    }
}

/// Calls that a node got and sent.
#[derive(Default)]
struct Sides {
    got: BTreeMap<Protocol, Calls>,
    sent: BTreeMap<Protocol, Calls>,
}

impl Sides {
    /// How well a node serves, and whether its pods are there. One that nobody calls is judged by what it calls: that is
    /// what the users of a gateway see. A failing callee degrades its caller; it does not make it fail.
    fn health(&self, workloads: &[&Workload]) -> (Health, String) {
        let of = |side: &BTreeMap<Protocol, Calls>| {
            side.values().map(Calls::health).fold((Health::Idle, String::new()), worse)
        };
        let calls = match (self.got.values().any(|calls| calls.total > 0.0), of(&self.sent)) {
            (false, sent) => sent,
            (true, (health, reason)) if health > Health::Healthy => worse(
                of(&self.got),
                (Health::Degraded, reason.replacen("of calls", "of calls that it makes", 1)),
            ),
            (true, _) => of(&self.got),
        };
        let pods =
            workloads.iter().map(|workload| of_workload(workload)).fold((Health::Idle, String::new()), worse);
        match (calls.0, pods.0) {
            (Health::Idle, Health::Healthy) => calls, // ready, and nobody calls
            _ => worse(calls, pods),
        }
    }
}

fn requests(side: &BTreeMap<Protocol, Calls>) -> f64 {
    side.iter().filter(|(protocol, _)| **protocol != Protocol::Tcp).map(|(_, calls)| calls.total).sum()
}

fn error_percent(side: &BTreeMap<Protocol, Calls>) -> f64 {
    let sum = |part: fn(&Calls) -> f64| side.values().map(part).sum::<f64>();
    let total = sum(|calls| calls.total);
    if total > 0.0 { sum(|calls| calls.failed) / total * 100.0 } else { 0.0 }
}

/// Flows that are one edge.
#[derive(Default)]
struct Merged {
    flow: Flow,
    calls: Calls,
    quantiles: Quantiles,
}

impl Merged {
    fn add(&mut self, protocol: Protocol, flow: &Flow) {
        for (end, rate) in &flow.responses {
            *self.flow.responses.entry(end.clone()).or_default() += rate;
        }
        self.calls.add(protocol, flow);
        self.flow.mutual_tls += flow.mutual_tls;
        self.flow.plaintext += flow.plaintext;
        self.flow.bytes_sent += flow.bytes_sent;
        self.flow.bytes_received += flow.bytes_received;
        self.quantiles.add(flow);
    }

    fn edge(self, source: Key<'_>, target: Key<'_>, protocol: Protocol) -> Edge {
        let [p50_ms, p95_ms, p99_ms] = [0.5, 0.95, 0.99].map(|quantile| self.quantiles.of(quantile));
        let (health, health_reason) = self.calls.health();
        let secured = self.flow.mutual_tls + self.flow.plaintext;
        let bytes = self.flow.bytes_sent + self.flow.bytes_received;
        let quiet_tcp = protocol == Protocol::Tcp && health == Health::Idle && bytes > 0.0;
        let mut responses: BTreeMap<String, BTreeMap<String, f64>> = BTreeMap::new();
        for ((code, flags), rate) in &self.flow.responses {
            *responses.entry(code.to_string()).or_default().entry(flags.to_string()).or_default() += rate;
        }
        Edge {
            source: id(source),
            target: id(target),
            protocol: match protocol {
                Protocol::Http => "http",
                Protocol::Grpc => "grpc",
                Protocol::Tcp => "tcp",
            }
            .to_owned(),
            rps: if protocol == Protocol::Tcp { 0.0 } else { self.calls.total },
            error_percent: self.calls.error_percent(),
            p50_ms,
            p95_ms,
            p99_ms,
            mtls_percent: (secured > 0.0).then(|| self.flow.mutual_tls / secured * 100.0),
            responses,
            bytes,
            health: if quiet_tcp { Health::Healthy } else { health },
            health_reason,
        }
    }
}
