//! Services outside of the mesh: ServiceEntries, who answers for them, and how proxies speak TLS to them, which
//! DestinationRules say.

pub mod machines;

use crate::confirm::endpoint;
use crate::evidence::{Claim, Reach, Want, endpoints, host, service};
use crate::plan::{Plan, own_rule};
use crate::traffic::Traffic;
use crate::{Mesh, Ref, Workload};
use istio::destination::Settings;
use istio::views::{ClientTls, DestinationRule, ServiceEntry, ServicePort, WorkloadEntry};
use istio::{Protocol, fqdn, kinds};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// A place in a cluster where its TLS is said.
const TLS: &str = "/transport_socket/typed_config";
const PAIR: &str = "/transport_socket/typed_config/common_tls_context/tls_certificate_sds_secret_configs";
const AUTHORITY: &str = "/transport_socket/typed_config/common_tls_context/combined_validation_context\
    /validation_context_sds_secret_config/name";

/// A ServiceEntry, or the place of one that is still to be made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ExternalAt {
    /// One that is there, and the host of it whose TLS is meant.
    Of(Ref, String),
    /// One in this namespace, for a host that is called, if that is known.
    New(String, Option<String>),
    /// A WorkloadEntry, and the ServiceEntry that it answers for.
    Machine(Ref, Ref),
    /// A new one for a ServiceEntry.
    NewMachine(Ref),
}

/// ServiceEntries of a namespace, or of all.
pub fn entries(mesh: &Mesh, namespace: Option<&str>) -> Vec<ExternalAt> {
    let near = |at: &&Ref| namespace.is_none_or(|namespace| *at.namespace == *namespace);
    let of =
        |(at, view): (&Ref, &ServiceEntry)| Some(ExternalAt::Of(at.clone(), view.hosts.first()?.clone()));
    mesh.service_entries().filter(|(at, _)| near(at)).filter_map(of).collect()
}

/// The DestinationRule that is for a host of an entry alone.
pub fn rule_of<'a>(mesh: &'a Mesh, entry: &Ref, host: &str) -> Option<&'a Ref> {
    own_rule(mesh, mesh.service(&entry.namespace, host)?)
}

/// The name of an object for a host: "api-example-com".
pub fn named(host: &str) -> String {
    let plain: String = host
        .trim_start_matches("*.")
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' })
        .collect();
    let name = plain.trim_matches('-');
    if name.is_empty() { "external".to_owned() } else { name.chars().take(60).collect() }
}

/// Hosts outside of the mesh that were called, with the calls each second, the most called first. Only calls
/// to `node` count, where it names one.
pub fn called(traffic: &Traffic, node: Option<&str>) -> Vec<(String, f64)> {
    let mut all: BTreeMap<String, f64> = BTreeMap::new();
    for (path, flow) in &traffic.flows {
        let called = &path.service;
        let passes = called.name.ends_with("Cluster")
            || called.namespace.is_empty()
            || &*called.namespace == "unknown";
        let of_node = node.is_none_or(|node| *called.name == *node || *called.host == *node);
        let (name, _) = istio::hosts::host_and_port(&called.host);
        let says =
            name.contains('.') && !name.ends_with(istio::hosts::DOMAIN) && name.parse::<IpAddr>().is_err();
        if passes && of_node && says {
            *all.entry(name.to_owned()).or_default() += flow.responses.values().sum::<f64>();
        }
    }
    let mut all: Vec<(String, f64)> = all.into_iter().collect();
    all.sort_by(|one, other| other.1.total_cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    all
}

/// What is odd about an entry as it will be, and what its TLS will not do.
pub fn doubts(entry: &ServiceEntry, tls: Option<&ClientTls>) -> Vec<String> {
    let mut told = Vec::new();
    let begins = tls.is_some_and(|tls| matches!(tls.mode.as_str(), "SIMPLE" | "MUTUAL"));
    let resolution = entry.resolution.as_deref().unwrap_or("NONE");
    for port in &entry.ports {
        let spoken = protocol(port);
        if begins && spoken.is_tls() {
            told.push(format!(
                "Port {0} is encrypted by its callers, and would be encrypted once more: declare port 80 as \
                 HTTP with targetPort {0}, and let them call that",
                port.number
            ));
        }
        if resolution == "NONE" && entry.addresses.is_empty() && !spoken.is_http() && !spoken.is_tls() {
            told.push(format!(
                "Port {} takes all calls to any address at that port: say addresses, or a resolution",
                port.number
            ));
        }
    }
    if tls.is_some_and(|tls| begins && tls.credential_name.is_some()) {
        told.push(
            "credentialName counts at gateways only: sidecars would call without TLS. Give files of theirs \
             instead"
                .to_owned(),
        );
    }
    told
}

/// Says what proxies are told of the hosts of an entry once all is done, and what they were told before.
/// `made` is the DestinationRule of one of them, as the plan has it.
pub fn claims(plan: &mut Plan<'_>, at: &Ref, made: Option<(&Ref, &str)>) {
    let mesh = plan.mesh();
    let (now, was): (Option<ServiceEntry>, Option<ServiceEntry>) = (plan.after(at), plan.before(at));
    let hosts: BTreeSet<String> =
        [&now, &was].into_iter().flatten().flat_map(|view| view.hosts.iter().cloned()).collect();
    let reach = Reach::of(mesh);
    for name in hosts {
        let other = mesh.services().find(|service| service.host == name).and_then(|service| {
            let mut others = service.entries.iter().chain((!service.external).then_some(&service.at));
            others.find(|other| *other != at)
        });
        if let Some(other) = other {
            plan.warn(format!("{other} has the host {name} too: what proxies make of both is not told"));
            continue;
        }
        let own = made.filter(|(_, of)| *of == name).map(|(rule, _)| rule);
        let rule = own.or_else(|| rule_of(mesh, at, &name)).cloned();
        // Where some other rule holds, what it says of TLS is none of this.
        let ruled = mesh.destination_rules().any(|(other, view)| {
            Some(other) != rule.as_ref() && istio::hosts::covers(&fqdn(&view.host, &other.namespace), &name)
        });
        let side = |plan: &Plan<'_>, view: &Option<ServiceEntry>, after: bool| -> Side {
            let Some(entry) = view.clone().filter(|entry| entry.hosts.contains(&name)) else {
                return Side::default();
            };
            let seeing = reach.seeing(&name, &at.namespace, &entry.export_to);
            let rule = rule.as_ref().and_then(|at| {
                let view: DestinationRule = if after { plan.after(at)? } else { plan.before(at)? };
                Some((at.clone(), view))
            });
            let taking =
                rule.as_ref().map(|(rule, view)| reach.taking(rule, view, (&name, &at.namespace), ""));
            Side {
                gateways: proxies(seeing.iter().filter(|workload| workload.gateway)),
                proxies: proxies(seeing.iter()),
                rule: rule.map(|(_, view)| view),
                taking: taking.unwrap_or_default().into_iter().collect(),
                ruled,
                entry: Some(entry),
            }
        };
        let (now, was) = (side(plan, &now, true), side(plan, &was, false));
        let claims = |one: &Side, other: &Side| one.claims(&name, other);
        plan.claims(claims(&now, &was), claims(&was, &now));
    }
}

fn proxies<'a>(workloads: impl Iterator<Item = &'a &'a Workload>) -> BTreeSet<String> {
    workloads.flat_map(|workload| workload.proxies()).collect()
}

/// What holds for a host before a plan, or after it.
#[derive(Default)]
struct Side {
    entry: Option<ServiceEntry>,
    proxies: BTreeSet<String>,
    gateways: BTreeSet<String>,
    rule: Option<DestinationRule>,
    /// Proxies that take what the rule says.
    taking: BTreeSet<String>,
    /// Whether there are other rules for the host.
    ruled: bool,
}

impl Side {
    /// What proxies hold of a host; `other` is what is there before or after it.
    fn claims(&self, name: &str, other: &Self) -> Vec<Claim> {
        let lost = other.proxies.difference(&self.proxies).cloned();
        let mut claims = vec![host(self.proxies.iter().cloned(), name), host(lost, name).wants(Want::Absent)];
        let Some(entry) = &self.entry else { return claims };
        let of = |port: u32| service(self.proxies.iter().cloned(), name, port);
        for port in &entry.ports {
            let place = of(port.number);
            claims.push(place.clone());
            claims.extend(self.resolved(name, entry, port, &place));
            claims.extend(self.encrypted(name, port.number));
        }
        let gone = other.entry.iter().flat_map(|entry| &entry.ports);
        let gone = gone.filter(|port| entry.ports.iter().all(|own| own.number != port.number));
        claims.extend(gone.map(|port| of(port.number).wants(Want::Absent)));
        claims
    }

    /// How endpoints are found, and which.
    fn resolved(&self, name: &str, entry: &ServiceEntry, port: &ServicePort, place: &Claim) -> Vec<Claim> {
        let at = |path: &str| place.clone().at(path);
        let policy = self.rule.as_ref().and_then(|rule| rule.traffic_policy.as_ref());
        let passes = policy
            .and_then(|policy| policy.load_balancer.as_ref())
            .is_some_and(|it| it["simple"] == "PASSTHROUGH");
        if passes || self.ruled {
            return Vec::new();
        }
        let resolution = entry.resolution.as_deref().unwrap_or("NONE");
        let kind = match resolution {
            "STATIC" => "EDS",
            "DNS" => "STRICT_DNS",
            "DNS_ROUND_ROBIN" => "LOGICAL_DNS",
            "NONE" | "" => "ORIGINAL_DST",
            _ => return Vec::new(),
        };
        let mut claims = vec![at("/type").is(kind)];
        // Those of pods and WorkloadEntries are not told by the entry.
        if entry.workload_selector.is_some() {
            return claims;
        }
        let itself = [WorkloadEntry { address: Some(name.to_owned()), ..WorkloadEntry::default() }];
        let told = Want::Endpoints(match kind {
            "STRICT_DNS" | "LOGICAL_DNS" if entry.endpoints.is_empty() => shown(&itself, port),
            _ => shown(&entry.endpoints, port),
        });
        match kind {
            "EDS" => claims.push(endpoints(self.proxies.iter().cloned(), name, port.number).wants(told)),
            "ORIGINAL_DST" => {}
            _ => claims.push(at("/load_assignment/endpoints").wants(told)),
        }
        claims
    }

    /// How TLS is spoken to it.
    fn encrypted(&self, name: &str, port: u32) -> Vec<Claim> {
        let none = DestinationRule::default();
        if self.ruled {
            return Vec::new();
        }
        let rule = self.rule.as_ref().unwrap_or(&none);
        let number = u16::try_from(port).unwrap_or_default();
        let tls = Settings::of(rule.traffic_policy.as_ref(), None, number).tls;
        let mode = tls.map_or("", |tls| tls.mode.as_str());
        let credential = tls.and_then(|tls| tls.credential_name.as_ref()).filter(|name| !name.is_empty());
        let place =
            |proxies: &BTreeSet<String>, path: &str| service(proxies.iter().cloned(), name, port).at(path);
        if mode == "ISTIO_MUTUAL" || mode == "DISABLE" || mode.is_empty() {
            let inside = mode == "ISTIO_MUTUAL";
            let want = if inside { Want::Present } else { Want::Absent };
            let whose = if self.rule.is_some() && inside { &self.taking } else { &self.proxies };
            return vec![place(whose, "/transport_socket").wants(want)];
        }
        let counting: BTreeSet<String> = match credential {
            Some(_) => self.taking.intersection(&self.gateways).cloned().collect(),
            None => self.taking.clone(),
        };
        tls.map(|tls| originated(&|path| place(&counting, path), tls)).unwrap_or_default()
    }
}

/// What a cluster shows of TLS with other certificates than the mesh's.
pub(super) fn originated(at: &dyn Fn(&str) -> Claim, tls: &ClientTls) -> Vec<Claim> {
    let said = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let file = said(&tls.ca_certificates).map(|file| format!("file-root:{file}"));
    let authority = said(&tls.credential_name).map(|name| format!("kubernetes://{name}-cacert")).or(file);
    let pair = if tls.mode == "MUTUAL" { Want::Present } else { Want::Absent };
    vec![
        at("/transport_socket").wants(Want::Present),
        match said(&tls.sni) {
            Some(sni) => at(&format!("{TLS}/sni")).is(sni),
            None => at(&format!("{TLS}/sni")).absent(),
        },
        at(PAIR).wants(pair),
        at(AUTHORITY).is(authority.map_or(Value::Null, Value::from)),
    ]
}

/// Endpoints of an entry at a port, as proxies show them.
fn shown(all: &[WorkloadEntry], port: &ServicePort) -> BTreeSet<String> {
    let target = port.target_port.filter(|target| *target != 0).unwrap_or(port.number);
    let of = |one: &WorkloadEntry| {
        let address =
            one.address.as_deref().filter(|address| !address.is_empty() && !address.starts_with("unix:"))?;
        let number = one.ports.get(&port.name).copied().unwrap_or(target);
        let mut parts = one.locality.as_deref().unwrap_or_default().splitn(3, '/').map(str::to_owned);
        let locality = std::array::from_fn(|_| parts.next().unwrap_or_default());
        let weight = one.weight.unwrap_or(1).max(1);
        Some(endpoint(address, number.into(), weight.into(), &locality))
    };
    all.iter().filter_map(of).collect()
}

/// What a port of an entry speaks.
fn protocol(port: &ServicePort) -> Protocol {
    match port.protocol.as_deref().filter(|said| !said.is_empty()) {
        Some(said) => Protocol::named(said),
        None => Protocol::of_service("TCP", None, &port.name, u16::try_from(port.number).unwrap_or_default()),
    }
}

/// Makes an entry, and the DestinationRule for its first host where TLS is said; their names.
pub fn create(
    plan: &mut Plan<'_>,
    namespace: &str,
    spec: &Value,
    tls: Option<Value>,
) -> Option<(Ref, Option<Ref>)> {
    let first = spec.pointer("/hosts/0").and_then(Value::as_str).unwrap_or_default().to_owned();
    let name = named(&first);
    let names = [name.as_str(), &format!("{name}-external")];
    let entry = plan.create(&kinds::SERVICE_ENTRY, namespace, names, spec.clone())?;
    let rule = match tls {
        None => None,
        Some(tls) => {
            let spec = json!({ "host": first, "trafficPolicy": { "tls": tls } });
            Some(plan.create(&kinds::DESTINATION_RULE, namespace, names, spec)?)
        }
    };
    Some((entry, rule))
}
