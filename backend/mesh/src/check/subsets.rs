//! Checks of DestinationRules: their hosts, subsets and TLS.

use super::fix::Fix;
use super::routes::destinations;
use super::world::listed;
use super::{Check, Found, Look, Severity, World};
use crate::{Ref, Service, Workload, fqdn, kinds};
use istio::Selects;
use istio::destination::Settings;
use istio::hosts::is_wildcard;
use istio::mtls::Mode;
use istio::views::{ClientTls, DestinationRule, TrafficPolicy};
use std::cell::OnceCell;
use std::collections::BTreeSet;

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "RuleForNoHost",
        codes: &["IST0174", "KIA0202"],
        severity: Severity::Warning,
        what: "A DestinationRule is for a host that the mesh does not have",
        why: "It does nothing.",
        next: "Correct the host, or make the Service or ServiceEntry that it means.",
        of: &[&kinds::DESTINATION_RULE],
        reads: &[&kinds::SERVICE, &kinds::SERVICE_ENTRY],
        look: Look::Each(rule_for_no_host),
    },
    Check {
        name: "SubsetWithoutPods",
        codes: &["IST0173", "KIA0203"],
        severity: Severity::Error,
        what: "The labels of a subset select no workload of its host",
        why: "Calls that are sent there get 503.",
        next: "Correct the labels, or deploy the version; until then send no calls to it.",
        of: &[&kinds::DESTINATION_RULE],
        reads: &[&kinds::POD, &kinds::SERVICE, &kinds::SERVICE_ENTRY, &kinds::VIRTUAL_SERVICE],
        look: Look::All(subset_without_pods),
    },
    Check {
        name: "SubsetNotReady",
        codes: &[],
        severity: Severity::Warning,
        what: "No pod of a subset is ready, and calls are sent to it",
        why: "They get 503 until one is.",
        next: "See why the pods are not ready, or send the calls elsewhere meanwhile.",
        of: &[&kinds::DESTINATION_RULE],
        reads: &[&kinds::POD, &kinds::SERVICE, &kinds::VIRTUAL_SERVICE],
        look: Look::All(subset_not_ready),
    },
    Check {
        name: "SubsetWithoutLabels",
        codes: &["KIA0209"],
        severity: Severity::Warning,
        what: "A subset names no labels",
        why: "It holds all pods of the host, of every version.",
        next: "Give it the labels of the pods that it means.",
        of: &[&kinds::DESTINATION_RULE],
        reads: &[],
        look: Look::Each(subset_without_labels),
    },
    Check {
        name: "RulesForOneHost",
        codes: &["KIA0201"],
        severity: Severity::Warning,
        what: "Two DestinationRules of a namespace say different things of one host or subset",
        why: "istiod merges them: what the older one says counts, and the younger one's word is left out.",
        next: "Put both into one.",
        of: &[&kinds::DESTINATION_RULE],
        reads: &[&kinds::DESTINATION_RULE],
        look: Look::All(rules_for_one_host),
    },
    Check {
        name: "PlainTextToStrict",
        codes: &["KIA0207", "KIA0208"],
        severity: Severity::Error,
        what: "A DestinationRule has calls sent in plain text to workloads that take mutual TLS only",
        why: "Every such call is refused.",
        next: "Take tls out of the rule (Istio then does what the server asks for), or make the server PERMISSIVE.",
        of: &[&kinds::DESTINATION_RULE],
        reads: &[&kinds::DESTINATION_RULE, &kinds::POD, &kinds::SERVICE, &kinds::PEER_AUTHENTICATION],
        look: Look::Each(|world, at, found| {
            against_servers(world, at, found, &["DISABLE"], Mode::Strict);
        }),
    },
    Check {
        name: "MutualToPlainText",
        codes: &["KIA0505", "KIA0506"],
        severity: Severity::Error,
        what: "A DestinationRule has calls sent by mutual TLS to workloads that take plain text only",
        why: "Every such call fails.",
        next: "Take tls out of the rule, or let the server take mutual TLS.",
        of: &[&kinds::DESTINATION_RULE],
        reads: &[&kinds::DESTINATION_RULE, &kinds::POD, &kinds::SERVICE, &kinds::PEER_AUTHENTICATION],
        look: Look::Each(|world, at, found| {
            against_servers(world, at, found, &["ISTIO_MUTUAL", "MUTUAL"], Mode::Disable);
        }),
    },
    Check {
        name: "ServerNotVerified",
        codes: &["IST0128", "IST0129"],
        severity: Severity::Warning,
        what: "A DestinationRule begins TLS and is told not to verify whom it speaks to",
        why: "Whoever stands in between can read and change the calls.",
        next: "Name the authority in caCertificates or credentialName, and take insecureSkipVerify away.",
        of: &[&kinds::DESTINATION_RULE],
        reads: &[],
        look: Look::Each(server_not_verified),
    },
];

fn rule_for_no_host(world: &World<'_>, at: &Ref, found: &mut Found) {
    let Some(rule) = world.mesh.destination_rule(at) else { return };
    let host = fqdn(&rule.host, &at.namespace);
    if !host.is_empty() && !world.has_host(&host) {
        let meant = istio::hosts::dialled(&rule.host, &at.namespace);
        let hint = match meant != host && world.has_host(&meant) {
            true => format!(": a host with a dot is meant as it stands, so write {meant}"),
            false => String::new(),
        };
        let fix = match world.host_meant(&rule.host, &at.namespace) {
            Some(host) => Fix::set(format!("Make it a rule for {host}"), "spec.host", host),
            None => Fix::delete("Delete it, since it does nothing"),
        };
        found.mended(at, "spec.host", format!("No service has the host {}{hint}", rule.host), Some(fix));
    }
}

fn subset_without_labels(world: &World<'_>, at: &Ref, found: &mut Found) {
    let Some(rule) = world.mesh.destination_rule(at) else { return };
    for (index, subset) in rule.subsets.iter().enumerate() {
        if subset.labels.is_empty() && rule.subsets.len() > 1 {
            let what = format!("Subset {} names no labels: it is every pod of {}", subset.name, rule.host);
            found.add(at, format!("spec.subsets[{index}].labels"), what);
        }
    }
}

/// A subset of a DestinationRule for Kubernetes' pods, and what it selects.
struct Subset<'a> {
    at: &'a Ref,
    index: usize,
    name: &'a str,
    service: &'a Service,
    pods: Vec<&'a Workload>,
}

/// The subsets of all DestinationRules, and those to which rules send calls.
#[derive(Default)]
pub(super) struct Subsets<'a> {
    all: Vec<Subset<'a>>,
    /// Only asked for where a subset is odd.
    sent: OnceCell<BTreeSet<(String, String)>>,
}

impl Subsets<'_> {
    fn is_used(&self, world: &World<'_>, subset: &Subset<'_>) -> bool {
        let sent = self.sent.get_or_init(|| sent_to(world));
        sent.contains(&(subset.service.host.clone(), subset.name.to_owned()))
    }
}

fn subsets<'w, 'a>(world: &'w World<'a>) -> &'w Subsets<'a> {
    world.subsets.get_or_init(|| Subsets { all: declared(world), sent: OnceCell::new() })
}

fn declared<'a>(world: &World<'a>) -> Vec<Subset<'a>> {
    let mut all = Vec::new();
    for (at, rule) in world.mesh.destination_rules() {
        let host = fqdn(&rule.host, &at.namespace);
        if is_wildcard(&host) {
            continue;
        }
        for service in world.services(&host) {
            // Endpoints that stand in an entry itself have labels of their own.
            let gathers = !service.selector.is_empty() && (!service.external || of_pods(world, service));
            for (index, subset) in rule.subsets.iter().enumerate().filter(|_| gathers) {
                // By topology: told by nodes, which are not read.
                if subset.labels.is_empty() || subset.labels.keys().any(|key| key.starts_with("topology.")) {
                    continue;
                }
                let selects = Selects::narrowing(Some(&subset.labels));
                let behind = world.mesh.workloads_of(service).filter(|one| selects.takes(&one.labels));
                all.push(Subset { at, index, name: &subset.name, service, pods: behind.collect() });
            }
        }
    }
    all
}

/// Whether an entry gathers pods, and not machines that WorkloadEntries tell of.
fn of_pods(world: &World<'_>, service: &Service) -> bool {
    world.mesh.workloads_of(service).next().is_some()
}

/// Subsets to which rules send calls: full host and name. Rows without weight get none.
fn sent_to(world: &World<'_>) -> BTreeSet<(String, String)> {
    let mut all = BTreeSet::new();
    for (at, view) in world.mesh.virtual_services() {
        for to in destinations(view) {
            if let Some(subset) = &to.destination.subset {
                all.insert((fqdn(&to.destination.host, &at.namespace), subset.clone()));
            }
        }
        for rule in &view.http {
            for row in rule.route.iter().filter(|row| rule.route.len() > 1 && row.weight.unwrap_or(0) == 0) {
                let subset = row.destination.subset.clone().unwrap_or_default();
                let key = (fqdn(&row.destination.host, &at.namespace), subset);
                let elsewhere = view
                    .http
                    .iter()
                    .flat_map(|rule| &rule.route)
                    .any(|other| other.weight.unwrap_or(0) > 0 && other.destination == row.destination);
                if !elsewhere {
                    all.remove(&key);
                }
            }
        }
    }
    all
}

fn subset_without_pods(world: &World<'_>, found: &mut Found) {
    let subsets = subsets(world);
    // Pods of another cluster may stand behind it.
    let others = world.has_other_clusters();
    for subset in subsets.all.iter().filter(|subset| world.knows_pods(&subset.service.namespace)) {
        if subset.pods.is_empty() {
            let used = subsets.is_used(world, subset);
            let severity = if used && !others { Severity::Error } else { Severity::Info };
            let what = match used {
                true => format!("Calls are sent to subset {}, whose labels select no workload", subset.name),
                false => {
                    format!("The labels of subset {} select no workload; no route leads there", subset.name)
                }
            };
            found.add_as(severity, subset.at, format!("spec.subsets[{}].labels", subset.index), what);
        }
    }
}

fn subset_not_ready(world: &World<'_>, found: &mut Found) {
    let subsets = subsets(world);
    for subset in &subsets.all {
        if subset.pods.is_empty() || subset.pods.iter().any(|one| one.ready() > 0) {
            continue;
        }
        let pods: usize = subset.pods.iter().map(|one| one.pods.len()).sum();
        // Of workloads without any pod the word is the wanted number of replicas.
        let known = pods > 0 || subset.pods.iter().any(|one| one.wanted == Some(0));
        if known && subsets.is_used(world, subset) {
            let names = listed(subset.pods.iter().map(|one| &*one.name));
            let what = format!(
                "Calls are sent to subset {}, and none of its {pods} pods is ready: {names}",
                subset.name
            );
            found.add(subset.at, format!("spec.subsets[{}]", subset.index), what);
        }
    }
}

fn rules_for_one_host(world: &World<'_>, found: &mut Found) {
    for (_, rules) in world.ruled_hosts().filter(|(_, rules)| rules.len() > 1) {
        for (index, (at, rule)) in rules.iter().enumerate() {
            for (other_at, other) in &rules[..index] {
                let apart = at.namespace != other_at.namespace
                    || rule.workload_selector != other.workload_selector
                    || rule.export_to != other.export_to;
                if apart {
                    continue;
                }
                let twice = rule.subsets.iter().enumerate().find_map(|(place, one)| {
                    let same = other.subsets.iter().find(|same| same.name == one.name)?;
                    (same != one).then_some((place, &one.name))
                });
                if let Some((place, name)) = twice {
                    let what = format!("{other_at} declares subset {name} of this host in another way");
                    found.add(at, format!("spec.subsets[{place}]"), what);
                } else if rule.traffic_policy.is_some() && other.traffic_policy.is_some() {
                    let what = format!("{other_at} has a traffic policy for this host too");
                    found.add(at, "spec.trafficPolicy", what);
                }
            }
        }
    }
}

fn against_servers(world: &World<'_>, at: &Ref, found: &mut Found, asked: &[&str], refused: Mode) {
    let Some(rule) = world.mesh.destination_rule(at) else { return };
    for service in world.services_under(&rule.host, &at.namespace) {
        // Of a wider rule nothing holds where there is a closer one.
        if world.rule_in_force(service).is_some_and(|(other, closer)| other != at && closer.host != rule.host)
        {
            continue;
        }
        for port in &service.ports {
            let Ok(target) = u16::try_from(port.target) else { continue };
            let Ok(number) = u16::try_from(port.number) else { continue };
            let settings = Settings::of(rule.traffic_policy.as_ref(), None, number);
            let Some(mode) = settings.tls_mode().filter(|mode| asked.contains(mode)) else { continue };
            let odd = |one: &&Workload| {
                world.has_sidecar(one)
                    && world.policies().mode_at(&one.namespace, &one.labels, target).0 == refused
            };
            let hurt: Vec<&str> =
                world.mesh.workloads_of(service).filter(odd).map(|one| &*one.name).collect();
            if !hurt.is_empty() {
                let what = format!(
                    "Calls to {}:{} are sent with TLS mode {mode}, and {} takes {refused}",
                    service.name,
                    port.number,
                    listed(hurt)
                );
                found.mended(at, "spec.trafficPolicy.tls.mode", what, without_tls(rule));
            }
        }
    }
}

/// A rule that says nothing of TLS for all ports; a policy in which nothing else stands goes with it.
pub(super) fn without_tls(rule: &DestinationRule) -> Option<Fix> {
    let policy = rule.traffic_policy.as_ref().filter(|policy| policy.tls.is_some())?;
    let rest = TrafficPolicy { tls: None, ..policy.clone() };
    let place = match rest == TrafficPolicy::default() {
        true => "spec.trafficPolicy",
        false => "spec.trafficPolicy.tls",
    };
    Some(Fix::remove("Let Istio choose what the server takes", place))
}

fn server_not_verified(world: &World<'_>, at: &Ref, found: &mut Found) {
    let Some(rule) = world.mesh.destination_rule(at) else { return };
    let blind = |tls: Option<&ClientTls>| tls.is_some_and(|tls| tls.insecure_skip_verify == Some(true));
    let what = "The server's certificate is not verified";
    for (path, policy) in policies(rule) {
        if blind(policy.tls.as_ref()) {
            let path = format!("{path}.tls.insecureSkipVerify");
            let fix = Fix::remove("Have the certificate verified", &path);
            found.mended(at, path, what, Some(fix));
        }
        for (index, port) in policy.port_level_settings.iter().enumerate() {
            if blind(port.tls.as_ref()) {
                found.add(at, format!("{path}.portLevelSettings[{index}].tls.insecureSkipVerify"), what);
            }
        }
    }
}

/// The traffic policies of a rule and of its subsets, with their places.
pub(super) fn policies(rule: &DestinationRule) -> Vec<(String, &istio::views::TrafficPolicy)> {
    let whole = rule.traffic_policy.iter().map(|policy| ("spec.trafficPolicy".to_owned(), policy));
    let subsets = rule.subsets.iter().enumerate().filter_map(|(index, subset)| {
        Some((format!("spec.subsets[{index}].trafficPolicy"), subset.traffic_policy.as_ref()?))
    });
    whole.chain(subsets).collect()
}
