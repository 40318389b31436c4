//! Services: ports and their protocols, versions, workloads behind them, and the configuration in force.

use super::reach::{by_age, closeness, full, visible_from};
use super::workloads::selects;
use super::{Mesh, Port, Service, Subset, Workload};
use istio::views::{DestinationRule, ServiceEntry, VirtualService};
use istio::{Object, Ref, kinds};
use serde_json::Value;
use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

pub(super) fn read(mesh: &Mesh) -> BTreeMap<(Arc<str>, Arc<str>), Service> {
    let workloads = ByLabel::of(mesh);
    let routes = ByHost::of(mesh, &mesh.virtual_services, |view: &VirtualService| {
        let inside = view.gateways.is_empty() || view.gateways.iter().any(|gateway| gateway == "mesh");
        if inside { view.hosts.as_slice() } else { &[] }
    });
    let rules =
        ByHost::of(mesh, &mesh.destination_rules, |view: &DestinationRule| std::slice::from_ref(&view.host));
    let mut services = BTreeMap::new();
    for (at, object) in mesh.objects.of_kind(&kinds::SERVICE) {
        let host = full(&at.name, &at.namespace);
        let selector = istio::object::strings(object.spec().get("selector"));
        let behind = workloads.selected(&at.namespace, &selector);
        let ports = ports(mesh, object, &behind);
        let bare = Bare { at, name: at.name.clone(), host, ports, selector, external: false };
        services
            .insert((at.namespace.clone(), at.name.clone()), service(mesh, bare, &behind, &routes, &rules));
    }
    for (at, entry) in &mesh.service_entries {
        let selector =
            entry.workload_selector.as_ref().map(|selector| selector.labels.clone()).unwrap_or_default();
        let behind = workloads.selected(&at.namespace, &selector);
        for host in &entry.hosts {
            let name: Arc<str> = host.as_str().into();
            let ports = entry_ports(entry);
            let bare = Bare {
                at,
                name: name.clone(),
                host: host.clone(),
                ports,
                selector: selector.clone(),
                external: true,
            };
            let service = service(mesh, bare, &behind, &routes, &rules);
            services.entry((at.namespace.clone(), name)).or_insert(service);
        }
    }
    services
}

/// What an object itself says of a service.
struct Bare<'a> {
    at: &'a Ref,
    name: Arc<str>,
    host: String,
    ports: Vec<Port>,
    selector: BTreeMap<String, String>,
    external: bool,
}

fn service(
    mesh: &Mesh,
    bare: Bare<'_>,
    behind: &[&Workload],
    routes: &ByHost<'_, VirtualService>,
    rules: &ByHost<'_, DestinationRule>,
) -> Service {
    let Bare { at, name, host, ports, selector, external } = bare;
    let own = &*at.namespace;
    let mut virtual_services = routes.naming(&host);
    // Objects that this namespace cannot see still route calls from their own.
    virtual_services.sort_by_key(|found| {
        (Reverse(found.closeness), !visible_from(&found.view.export_to, &found.at.namespace, own))
    });
    let mut destination_rules = rules.naming(&host);
    destination_rules.retain(|found| found.view.workload_selector.is_none());
    let scope = |namespace: &str| match namespace {
        _ if namespace == own => 0,
        _ if namespace == mesh.root_namespace => 1,
        _ => 2,
    };
    destination_rules.sort_by_key(|found| (scope(&found.at.namespace), Reverse(found.closeness)));
    // In one namespace only the closest host counts; rules for the same host are merged.
    let mut closest: HashMap<&str, usize> = HashMap::new();
    destination_rules
        .retain(|found| *closest.entry(&*found.at.namespace).or_insert(found.closeness) == found.closeness);
    let subsets = subsets(
        destination_rules.iter().filter(|found| scope(&found.at.namespace) < 2).map(|found| found.view),
        behind,
    );
    Service {
        namespace: at.namespace.clone(),
        name,
        host,
        at: at.clone(),
        ports,
        selector,
        subsets,
        workloads: behind
            .iter()
            .map(|workload| format!("{}/{}", workload.namespace, workload.name))
            .collect(),
        virtual_services: virtual_services.iter().map(|found| found.at.clone()).collect(),
        destination_rules: destination_rules.iter().map(|found| found.at.clone()).collect(),
        external,
    }
}

/// Versions: subsets that DestinationRules declare, then what the pods' labels tell beyond them.
fn subsets<'a>(rules: impl Iterator<Item = &'a DestinationRule>, behind: &[&Workload]) -> Vec<Subset> {
    let mut subsets: Vec<Subset> = Vec::new();
    for declared in rules.flat_map(|rule| &rule.subsets) {
        if subsets.iter().any(|subset| subset.name == declared.name) {
            continue;
        }
        let chosen = behind.iter().filter(|workload| selects(&declared.labels, &workload.labels));
        subsets.push(Subset {
            name: declared.name.clone(),
            labels: declared.labels.clone(),
            declared: true,
            workloads: chosen.map(|workload| workload.name.to_string()).collect(),
        });
    }
    for workload in behind {
        let Some((key, version)) = version_label(&workload.labels) else { continue };
        let covered = subsets.iter().any(|subset| subset.declared && subset.labels.get(key) == Some(version));
        if covered {
            continue;
        }
        if let Some(known) = subsets.iter_mut().find(|subset| !subset.declared && &subset.name == version) {
            known.workloads.push(workload.name.to_string());
            continue;
        }
        subsets.push(Subset {
            name: version.clone(),
            labels: BTreeMap::from([(key.to_owned(), version.clone())]),
            declared: false,
            workloads: vec![workload.name.to_string()],
        });
    }
    subsets.sort_by(|a, b| natural(&a.name, &b.name));
    subsets
}

fn version_label(labels: &BTreeMap<String, String>) -> Option<(&'static str, &String)> {
    let keys = ["version", "app.kubernetes.io/version", "service.istio.io/canonical-revision"];
    // "latest" is what Istio calls pods that tell no version.
    keys.into_iter().find_map(|key| {
        Some((key, labels.get(key).filter(|version| !version.is_empty() && *version != "latest")?))
    })
}

/// v1, v2, v10: digits compare as numbers.
pub(crate) fn natural(a: &str, b: &str) -> Ordering {
    let mut one = a.as_bytes();
    let mut two = b.as_bytes();
    loop {
        match (one, two) {
            ([x, ..], [y, ..]) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let (left, rest_one) = number(one);
                let (right, rest_two) = number(two);
                match (left.len(), left).cmp(&(right.len(), right)) {
                    Ordering::Equal => (one, two) = (rest_one, rest_two),
                    unequal => return unequal,
                }
            }
            ([x, rest_one @ ..], [y, rest_two @ ..]) if x == y => (one, two) = (rest_one, rest_two),
            _ => return one.cmp(two).then_with(|| a.cmp(b)),
        }
    }
}

/// Leading digits without leading zeros, and the rest.
fn number(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let zeros = text[..end].iter().position(|byte| *byte != b'0').unwrap_or(end);
    (&text[zeros..end], &text[end..])
}

fn ports(mesh: &Mesh, object: &Object, behind: &[&Workload]) -> Vec<Port> {
    let list = object.spec().get("ports").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let text = |port: &Value, key: &str| port.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let number =
        |value: Option<&Value>| value.and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok());
    let read = |port: &Value| {
        let number_of = number(port.get("port"))?;
        let target = match port.get("targetPort") {
            Some(Value::String(name)) => named_port(mesh, behind, name).unwrap_or(number_of),
            value => number(value).unwrap_or(number_of),
        };
        let name = text(port, "name");
        let protocol = protocol(&text(port, "appProtocol"), &name, &text(port, "protocol"));
        Some(Port { name, number: number_of, target, protocol })
    };
    list.iter().filter_map(read).collect()
}

fn named_port(mesh: &Mesh, behind: &[&Workload], name: &str) -> Option<u32> {
    let pods =
        behind.iter().flat_map(|workload| workload.pods.iter().map(|pod| (&workload.namespace, &pod.name)));
    pods.filter_map(|(namespace, pod)| mesh.objects.get(&Ref::new(&kinds::POD, namespace, pod))).find_map(
        |pod| {
            let containers = pod.spec().get("containers")?.as_array()?;
            let mut ports =
                containers.iter().filter_map(|container| container.get("ports")?.as_array()).flatten();
            let port = ports.find(|port| port.get("name").and_then(Value::as_str) == Some(name))?;
            u32::try_from(port.get("containerPort")?.as_u64()?).ok()
        },
    )
}

fn entry_ports(entry: &ServiceEntry) -> Vec<Port> {
    let read = |port: &istio::views::ServicePort| Port {
        name: port.name.clone(),
        number: port.number,
        target: port.target_port.unwrap_or(port.number),
        protocol: protocol(port.protocol.as_deref().unwrap_or_default(), &port.name, "TCP"),
    };
    entry.ports.iter().map(read).collect()
}

/// Protocol of a port as Istio tells it: `appProtocol`, else the name up to its first dash, else found out on the wire.
fn protocol(app_protocol: &str, name: &str, transport: &str) -> String {
    const KNOWN: [&str; 13] = [
        "http",
        "http2",
        "grpc",
        "grpc-web",
        "https",
        "tls",
        "tcp",
        "mongo",
        "mysql",
        "redis",
        "udp",
        "hbone",
        "http_proxy",
    ];
    if transport.eq_ignore_ascii_case("udp") {
        return "udp".to_owned();
    }
    let said = if app_protocol.is_empty() { name } else { app_protocol }.to_ascii_lowercase();
    let said = match said.as_str() {
        "kubernetes.io/h2c" => "http2",
        "kubernetes.io/ws" | "kubernetes.io/wss" => "http",
        "grpc-web" => "grpc-web",
        said if said.starts_with("grpc-web-") => "grpc-web",
        said => said.split('-').next().unwrap_or_default(),
    };
    KNOWN.iter().find(|known| **known == said).map_or("auto", |known| known).to_owned()
}

/// Workloads by namespace and label, so that selecting is not a walk over all of them.
struct ByLabel<'a>(HashMap<(&'a str, &'a str, &'a str), Vec<&'a Workload>>);

impl<'a> ByLabel<'a> {
    fn of(mesh: &'a Mesh) -> Self {
        let mut found: HashMap<_, Vec<&Workload>> = HashMap::new();
        for workload in mesh.workloads.values() {
            for (key, value) in &workload.labels {
                found.entry((&*workload.namespace, key.as_str(), value.as_str())).or_default().push(workload);
            }
        }
        Self(found)
    }

    fn selected(&self, namespace: &str, selector: &BTreeMap<String, String>) -> Vec<&'a Workload> {
        let lists = selector
            .iter()
            .map(|(key, value)| self.0.get(&(namespace, key, value)).map_or(&[][..], Vec::as_slice));
        let shortest = lists.min_by_key(|list| list.len()).unwrap_or(&[]);
        shortest.iter().copied().filter(|workload| selects(selector, &workload.labels)).collect()
    }
}

/// A configuration object that names a host.
struct Found<'a, T> {
    at: &'a Ref,
    view: &'a T,
    closeness: usize,
}

/// Configuration objects by the hosts that they name, the oldest first.
struct ByHost<'a, T> {
    exact: HashMap<String, Vec<(&'a Ref, &'a T)>>,
    wildcard: Vec<(&'a str, &'a Ref, &'a T)>,
}

impl<'a, T> ByHost<'a, T> {
    fn of(mesh: &'a Mesh, views: &'a BTreeMap<Ref, T>, hosts: impl Fn(&'a T) -> &'a [String]) -> Self {
        let mut all =
            views.iter().filter_map(|(at, view)| Some((at, mesh.objects.get(at)?, view))).collect::<Vec<_>>();
        all.sort_by(|(a, one, _), (b, two, _)| by_age((a, one), (b, two)));
        let mut found = Self { exact: HashMap::new(), wildcard: Vec::new() };
        for (at, _, view) in all {
            for host in hosts(view) {
                if host.starts_with('*') {
                    found.wildcard.push((host, at, view));
                } else {
                    found.exact.entry(full(host, &at.namespace)).or_default().push((at, view));
                }
            }
        }
        found
    }

    fn naming(&self, host: &str) -> Vec<Found<'a, T>> {
        let exact = self.exact.get(host).into_iter().flatten();
        let exact = exact.map(|&(at, view)| Found { at, view, closeness: usize::MAX });
        let near = |&(pattern, at, view): &(&str, &'a Ref, &'a T)| {
            Some(Found { at, view, closeness: closeness(pattern, &at.namespace, host)? })
        };
        let mut found: Vec<Found<'a, T>> = Vec::new();
        for one in exact.chain(self.wildcard.iter().filter_map(near)) {
            if !found.iter().any(|known| known.at == one.at) {
                found.push(one);
            }
        }
        found
    }
}
