//! Services: ports and their protocols, versions, workloads behind them, and the configuration in force.

use super::hosts::Found;
use super::part::Part;
use super::read::Reading;
use super::{Configured, Objects, Port, Service, Subset, Workload};
use istio::hosts::{self, Closeness, of_service};
use istio::precedence::by_age;
use istio::views::{DestinationRule, ServiceEntry, ServicePort};
use istio::visibility::exported;
use istio::{Object, Protocol, Ref, Selects, WorkloadId, destination, kinds};
use serde_json::Value;
use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Makes services of one namespace of what is known of its workloads and of Istio's objects.
pub(super) struct Maker<'a> {
    reading: &'a Reading<'a>,
    namespace: &'a Arc<str>,
    workloads: Vec<&'a Workload>,
    by_label: Option<ByLabel<'a>>,
}

impl<'a> Maker<'a> {
    /// For so many services of a namespace.
    pub(super) fn new(
        reading: &'a Reading<'a>,
        (namespace, part): (&'a Arc<str>, &'a Part),
        many: usize,
    ) -> Self {
        let workloads: Vec<&Workload> = part.workloads().map(|workload| &**workload).collect();
        // A few selectors are held against all workloads sooner than an index is made of them.
        let by_label = (many > 4).then(|| ByLabel::of(&workloads));
        Self { reading, namespace, workloads, by_label }
    }

    /// The service of this name: a Kubernetes service, else what ServiceEntries have it as a host. Those that
    /// have the host of a Kubernetes service are no service of their own.
    pub(super) fn service(&self, name: &Arc<str>) -> Option<Service> {
        let at = Ref::new(&kinds::SERVICE, self.namespace, name);
        if let Some(object) = self.reading.objects.get(&at) {
            let selector = istio::object::strings(object.spec().get("selector"));
            let behind = self.selected(&selector);
            let ports = ports(self.reading.objects, object, &behind);
            let host = of_service(name, self.namespace);
            let entries = self.oldest_first(self.reading.config.service_entries.iter(), &host);
            let entries = entries.into_iter().map(|entry| entry.at.clone()).collect();
            let bare = Bare { at, name, host, ports, selector, entries, external: false };
            return Some(self.make(bare, &behind));
        }
        let is_service =
            |(name, namespace)| self.reading.objects.contains(&Ref::new(&kinds::SERVICE, namespace, name));
        if hosts::service(name).is_some_and(is_service) {
            return None;
        }
        // Several ServiceEntries of a host are one service: the oldest counts, and each adds what it has.
        let entries = self.oldest_first(self.reading.config.entries(self.namespace), name);
        let first = entries.first()?;
        let selectors = entries.iter().filter_map(|entry| entry.spec.workload_selector.as_ref());
        let selector = selectors.map(|selector| selector.labels.clone()).next().unwrap_or_default();
        let behind = self.selected(&selector);
        let mut ports: Vec<Port> = Vec::new();
        for port in entries.iter().flat_map(|entry| entry_ports(entry.spec)) {
            if ports.iter().all(|known| known.number != port.number) {
                ports.push(port);
            }
        }
        let (at, host) = (first.at.clone(), name.to_string());
        let entries = entries.iter().map(|entry| entry.at.clone()).collect();
        Some(self.make(Bare { at, name, host, ports, selector, entries, external: true }, &behind))
    }

    /// The ServiceEntries that have this host.
    fn oldest_first(
        &self,
        all: impl Iterator<Item = (&'a Ref, &'a Arc<ServiceEntry>)>,
        host: &str,
    ) -> Vec<Configured<'a, ServiceEntry>> {
        let having = all.filter(|(_, entry)| entry.hosts.iter().any(|other| other == host));
        let mut entries: Vec<_> =
            having.filter_map(|(at, entry)| Configured::of(self.reading.objects, at, &**entry)).collect();
        entries.sort_by(by_age);
        entries
    }

    fn id(&self, workload: &Workload) -> WorkloadId {
        WorkloadId::new(self.reading.before.cluster(), workload.namespace.clone(), workload.name.clone())
    }

    fn selected(&self, selector: &BTreeMap<String, String>) -> Vec<&'a Workload> {
        match &self.by_label {
            Some(by_label) => by_label.selected(selector),
            None => {
                let selects = Selects::gathering(selector);
                let all = self.workloads.iter().copied();
                all.filter(|workload| selects.takes(&workload.labels)).collect()
            }
        }
    }

    fn make(&self, bare: Bare<'_>, behind: &[&Workload]) -> Service {
        let Bare { at, name, host, ports, selector, entries, external } = bare;
        let own = &**self.namespace;
        let mut routes = self.reading.config.routes.naming(&host, self.reading.objects);
        // Objects that this namespace cannot see still route calls from their own.
        routes.sort_by_key(|found| {
            let view = self.reading.config.virtual_services.get(found.at);
            let seen = view.is_some_and(|view| exported(&view.export_to, &[], &found.at.namespace, own));
            (Reverse(found.closeness), !seen)
        });
        let scope = |namespace: &str| match namespace {
            _ if namespace == own => 0,
            _ if namespace == self.reading.root => 1,
            _ => 2,
        };
        let view = |found: &Found<'_>| self.reading.config.destination_rules.get(found.at);
        let mut rules = self.reading.config.rules.naming(&host, self.reading.objects);
        rules.retain(|found| view(found).is_some_and(|view| !destination::selects(view).is_narrow()));
        rules.sort_by_key(|found| (scope(&found.at.namespace), Reverse(found.closeness)));
        // In one namespace only the closest host counts; rules for the same host are merged.
        let mut closest: HashMap<&str, Closeness> = HashMap::new();
        rules.retain(|found| {
            *closest.entry(&*found.at.namespace).or_insert(found.closeness) == found.closeness
        });
        let in_force = rules.iter().filter(|found| scope(&found.at.namespace) < 2).filter_map(view);
        Service {
            namespace: self.namespace.clone(),
            name: name.clone(),
            host,
            at,
            ports,
            selector,
            subsets: subsets(in_force.map(|view| &**view), behind, |workload| self.id(workload)),
            workloads: behind.iter().map(|workload| self.id(workload)).collect(),
            virtual_services: routes.iter().map(|found| found.at.clone()).collect(),
            destination_rules: rules.iter().map(|found| found.at.clone()).collect(),
            entries,
            external,
        }
    }
}

/// What an object itself says of a service.
struct Bare<'a> {
    at: Ref,
    name: &'a Arc<str>,
    host: String,
    ports: Vec<Port>,
    selector: BTreeMap<String, String>,
    entries: Vec<Ref>,
    external: bool,
}

/// Versions: subsets that DestinationRules declare, then what the pods' labels tell beyond them.
fn subsets<'a>(
    rules: impl Iterator<Item = &'a DestinationRule>,
    behind: &[&Workload],
    id: impl Fn(&Workload) -> WorkloadId,
) -> Vec<Subset> {
    let mut subsets: Vec<Subset> = Vec::new();
    for declared in rules.flat_map(|rule| &rule.subsets) {
        if subsets.iter().any(|subset| subset.name == declared.name) {
            continue;
        }
        let selects = Selects::narrowing(Some(&declared.labels));
        let chosen = behind.iter().filter(|workload| selects.takes(&workload.labels));
        subsets.push(Subset {
            name: declared.name.clone(),
            labels: declared.labels.clone(),
            declared: true,
            workloads: chosen.map(|workload| id(workload)).collect(),
        });
    }
    for workload in behind {
        let Some((key, version)) = version_label(&workload.labels) else { continue };
        let covered = subsets.iter().any(|subset| subset.declared && subset.labels.get(key) == Some(version));
        if covered {
            continue;
        }
        if let Some(known) = subsets.iter_mut().find(|subset| !subset.declared && &subset.name == version) {
            known.workloads.push(id(workload));
            continue;
        }
        subsets.push(Subset {
            name: version.clone(),
            labels: BTreeMap::from([(key.to_owned(), version.clone())]),
            declared: false,
            workloads: vec![id(workload)],
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

fn ports(objects: &Objects, object: &Object, behind: &[&Workload]) -> Vec<Port> {
    let list = object.spec().get("ports").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let text = |port: &Value, key: &str| port.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let number =
        |value: Option<&Value>| value.and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok());
    let read = |port: &Value| {
        let number_of = number(port.get("port"))?;
        let target = match port.get("targetPort") {
            Some(Value::String(name)) => named_port(objects, behind, name).unwrap_or(number_of),
            value => number(value).unwrap_or(number_of),
        };
        let name = text(port, "name");
        let app_protocol = port.get("appProtocol").and_then(Value::as_str);
        let service_port = u16::try_from(number_of).unwrap_or_default();
        let protocol = Protocol::of_service(&text(port, "protocol"), app_protocol, &name, service_port);
        Some(Port { name, number: number_of, target, protocol })
    };
    list.iter().filter_map(read).collect()
}

fn named_port(objects: &Objects, behind: &[&Workload], name: &str) -> Option<u32> {
    let pods =
        behind.iter().flat_map(|workload| workload.pods.iter().map(|pod| (&workload.namespace, &pod.name)));
    pods.filter_map(|(namespace, pod)| objects.get(&Ref::new(&kinds::POD, namespace, pod))).find_map(|pod| {
        let containers = pod.spec().get("containers")?.as_array()?;
        let mut ports =
            containers.iter().filter_map(|container| container.get("ports")?.as_array()).flatten();
        let port = ports.find(|port| port.get("name").and_then(Value::as_str) == Some(name))?;
        u32::try_from(port.get("containerPort")?.as_u64()?).ok()
    })
}

fn entry_ports(entry: &ServiceEntry) -> Vec<Port> {
    let read = |port: &ServicePort| Port {
        name: port.name.clone(),
        number: port.number,
        target: port.target_port.unwrap_or(port.number),
        protocol: Protocol::named(port.protocol.as_deref().unwrap_or_default()),
    };
    entry.ports.iter().map(read).collect()
}

/// Workloads of one namespace by label, so that selecting is not a walk over all of them.
struct ByLabel<'a>(HashMap<(&'a str, &'a str), Vec<&'a Workload>>);

impl<'a> ByLabel<'a> {
    fn of(workloads: &[&'a Workload]) -> Self {
        let mut found: HashMap<_, Vec<&Workload>> = HashMap::new();
        for workload in workloads {
            for (key, value) in &workload.labels {
                found.entry((key.as_str(), value.as_str())).or_default().push(workload);
            }
        }
        Self(found)
    }

    fn selected(&self, selector: &BTreeMap<String, String>) -> Vec<&'a Workload> {
        let lists = selector
            .iter()
            .map(|(key, value)| self.0.get(&(key.as_str(), value.as_str())).map_or(&[][..], Vec::as_slice));
        let shortest = lists.min_by_key(|list| list.len()).unwrap_or(&[]);
        let selects = Selects::gathering(selector);
        shortest.iter().copied().filter(|workload| selects.takes(&workload.labels)).collect()
    }
}
