//! Checks of who is let in: AuthorizationPolicies, PeerAuthentications, RequestAuthentications.

use super::fix::Fix;
use super::world::listed;
use super::{Asks, Check, Found, Look, Severity, World};
use crate::{Ref, Workload, kinds};
use istio::Protocol;
use istio::attach::Attach;
use istio::hosts::{DOMAIN, host_and_port};
use istio::mtls::Mode;
use istio::validation::validate;
use istio::views::{AuthorizationPolicy, AuthorizationRule, Operation, PeerAuthentication, Source};
use istio::{Object, Selects};
use serde_json::json;

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "CallerNamespaceNotFound",
        codes: &["KIA0101"],
        severity: Severity::Warning,
        what: "A policy names callers of a namespace that is not there",
        why: "Nobody calls from there: as ALLOW it lets nobody in, as DENY it stops nobody.",
        next: "Correct the namespace.",
        of: &[&kinds::AUTHORIZATION_POLICY],
        reads: &[&kinds::NAMESPACE],
        look: Look::Each(caller_namespace),
    },
    Check {
        name: "CallerNotFound",
        codes: &["KIA0106", "KIA0107"],
        severity: Severity::Warning,
        what: "A policy names a service account under which no pod runs",
        why: "Nobody calls with that identity.",
        next: "Write cluster.local/ns/NAMESPACE/sa/ACCOUNT with the account of the caller's pods.",
        of: &[&kinds::AUTHORIZATION_POLICY],
        reads: &[&kinds::POD],
        look: Look::Each(caller_not_found),
    },
    Check {
        name: "CallersNeedMutualTls",
        codes: &["KIA0105"],
        severity: Severity::Error,
        what: "A policy asks who calls, and its workloads take no mutual TLS",
        why: "Without mutual TLS no caller has an identity: ALLOW lets nobody in, DENY stops nobody.",
        next: "Let the workloads take mutual TLS.",
        of: &[&kinds::AUTHORIZATION_POLICY],
        reads: &[&kinds::PEER_AUTHENTICATION, &kinds::POD],
        look: Look::Each(needs_mutual_tls),
    },
    Check {
        name: "MethodUnknown",
        codes: &["KIA0102"],
        severity: Severity::Warning,
        what: "A policy names a method that HTTP does not have",
        why: "No call has it; methods are written in capitals.",
        next: "Write GET, POST, … or for gRPC POST.",
        of: &[&kinds::AUTHORIZATION_POLICY],
        reads: &[],
        look: Look::Each(method_unknown),
    },
    Check {
        name: "PolicyHostNotFound",
        codes: &["KIA0104"],
        severity: Severity::Warning,
        what: "A policy names a host of this cluster that the mesh does not have",
        why: "No call asks for it.",
        next: "Correct the host.",
        of: &[&kinds::AUTHORIZATION_POLICY],
        reads: &[&kinds::SERVICE, &kinds::SERVICE_ENTRY],
        look: Look::Each(policy_host),
    },
    Check {
        name: "RequestFieldsOnBytes",
        codes: &[],
        severity: Severity::Warning,
        what: "A policy asks for methods, paths, hosts or tokens of workloads that speak no HTTP",
        why: "There is nothing to ask: an ALLOW rule lets nobody in, and a DENY rule stops every call of its port.",
        next: "Ask for ports and callers only, or name the service's port http-….",
        of: &[&kinds::AUTHORIZATION_POLICY],
        reads: &[&kinds::SERVICE, &kinds::POD],
        look: Look::Each(request_fields_on_bytes),
    },
    Check {
        name: "DenyTakesBytes",
        codes: &["IST0133"],
        severity: Severity::Warning,
        what: "A DENY rule asks for what only requests have, and its workloads have ports that speak no HTTP",
        why: "There is nothing to ask of bytes: every connection to such a port is refused.",
        next: "Name the ports that are meant under to.operation.ports.",
        of: &[&kinds::AUTHORIZATION_POLICY],
        reads: &[&kinds::SERVICE, &kinds::POD, &kinds::GATEWAY],
        look: Look::Each(deny_takes_bytes),
    },
    Check {
        name: "ProviderUnknown",
        codes: &[],
        severity: Severity::Error,
        what: "A CUSTOM policy asks a provider that the mesh does not have",
        why: "Every call of its workloads is refused.",
        next: "Add the provider to extensionProviders of the mesh, or name one that is there.",
        of: &[&kinds::AUTHORIZATION_POLICY],
        reads: &[],
        look: Look::Asking(&[Asks::MeshConfig], provider_unknown),
    },
    Check {
        name: "PortModeAtServicePort",
        codes: &[],
        severity: Severity::Warning,
        what: "portLevelMtls names a port of the Service, not of its pods",
        why: "Modes hold for ports inside the pod: this one holds for none.",
        next: "Write the targetPort.",
        of: &[&kinds::PEER_AUTHENTICATION],
        reads: &[&kinds::POD, &kinds::SERVICE],
        look: Look::Each(port_mode),
    },
];

/// An AuthorizationPolicy that can be read.
pub(super) struct Policy<'a> {
    at: &'a Ref,
    object: &'a Object,
    pub(super) view: AuthorizationPolicy,
}

pub(super) fn policy<'a>(world: &'a World<'_>, at: &'a Ref) -> Option<Policy<'a>> {
    Some(Policy { at, object: world.mesh.objects().get(at)?, view: world.view(at)? })
}

impl Policy<'_> {
    pub(super) fn action(&self) -> &str {
        self.view.action.as_deref().filter(|action| !action.is_empty()).unwrap_or("ALLOW")
    }

    pub(super) fn workloads<'w>(&self, world: &World<'w>) -> Vec<&'w Workload> {
        let attached = self.view.attached(&self.at.namespace);
        let root = world.mesh.root_namespace();
        world.mesh.workloads().filter(|one| attached.holds(root, &one.namespace, &one.labels)).collect()
    }

    /// The sources of its rules, with their places.
    fn sources(&self) -> impl Iterator<Item = (String, &Source)> {
        self.view.rules.iter().enumerate().flat_map(|(rule, of)| {
            let each = of.from.iter().enumerate();
            each.map(move |(index, from)| (format!("spec.rules[{rule}].from[{index}].source"), &from.source))
        })
    }

    /// The operations of its rules, with their places.
    pub(super) fn operations(&self) -> impl Iterator<Item = (String, &Operation)> {
        self.view.rules.iter().enumerate().flat_map(|(rule, of)| {
            let each = of.to.iter().enumerate();
            each.map(move |(index, to)| (format!("spec.rules[{rule}].to[{index}].operation"), &to.operation))
        })
    }
}

fn caller_namespace(world: &World<'_>, at: &Ref, found: &mut Found) {
    let Some(policy) = policy(world, at) else { return };
    for (path, source) in policy.sources() {
        for (index, name) in source.namespaces.iter().enumerate() {
            if !name.contains('*') && !world.has_namespace(name) {
                found.add(
                    policy.at,
                    format!("{path}.namespaces[{index}]"),
                    format!("There is no namespace {name}"),
                );
            }
        }
    }
}

/// Namespace and account of "cluster.local/ns/shop/sa/cart".
fn identity(principal: &str) -> Option<(&str, &str, &str)> {
    let (domain, rest) = principal.split_once("/ns/")?;
    let (namespace, account) = rest.split_once("/sa/")?;
    (!principal.contains('*')).then_some((domain, namespace, account))
}

fn caller_not_found(world: &World<'_>, at: &Ref, found: &mut Found) {
    let accounts = world.accounts();
    let Some(policy) = policy(world, at) else { return };
    for (path, source) in policy.sources() {
        for (index, principal) in source.principals.iter().enumerate() {
            let Some((domain, namespace, account)) = identity(principal) else { continue };
            // Identities of other trust domains are of other clusters.
            let known = domain == DOMAIN && world.knows_pods(namespace);
            if known && !accounts.contains(&(namespace, account)) {
                let what = format!("No pod of {namespace} runs under service account {account}");
                found.add_here(world, policy.at, format!("{path}.principals[{index}]"), what);
            }
        }
    }
}

/// Whether a rule asks who calls.
fn asks_who(rule: &AuthorizationRule) -> bool {
    let source = |source: &Source| {
        !(source.principals.is_empty()
            && source.not_principals.is_empty()
            && source.namespaces.is_empty()
            && source.not_namespaces.is_empty()
            && source.service_accounts.is_empty()
            && source.not_service_accounts.is_empty())
    };
    let keys = ["source.namespace", "source.principal", "source.serviceAccount", "connection.sni"];
    rule.from.iter().any(|from| source(&from.source))
        || rule.when.iter().any(|when| keys.contains(&when.key.as_str()))
}

fn needs_mutual_tls(world: &World<'_>, at: &Ref, found: &mut Found) {
    let Some(policy) = policy(world, at) else { return };
    let Some(rule) = policy.view.rules.iter().position(asks_who) else { return };
    // Policies say nothing to pods without a proxy.
    let proxied = |one: &&Workload| one.pods.iter().any(|pod| pod.sidecar);
    let all = policy.workloads(world).into_iter().filter(proxied);
    let plain = all.filter(|one| one.mtls.0 == Mode::Disable);
    let names: Vec<&str> = plain.map(|one| &*one.name).collect();
    if !names.is_empty() {
        let what = format!("It asks who calls, and {} takes plain text only", listed(names));
        found.add(policy.at, format!("spec.rules[{rule}]"), what);
    }
}

/// Methods of HTTP.
const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

fn method_unknown(world: &World<'_>, at: &Ref, found: &mut Found) {
    let Some(policy) = policy(world, at) else { return };
    for (path, operation) in policy.operations() {
        let all = [("methods", &operation.methods), ("notMethods", &operation.not_methods)];
        for (field, methods) in all {
            for (index, method) in methods.iter().enumerate() {
                if !method.contains('*') && !METHODS.contains(&method.as_str()) {
                    let path = format!("{path}.{field}[{index}]");
                    let capital = method.to_uppercase();
                    let fix = METHODS.contains(&capital.as_str());
                    let fix = fix.then(|| Fix::set(format!("Write {capital}"), &path, capital.clone()));
                    found.mended(policy.at, path, format!("{method} is no method of HTTP"), fix);
                }
            }
        }
    }
}

fn policy_host(world: &World<'_>, at: &Ref, found: &mut Found) {
    let Some(policy) = policy(world, at) else { return };
    for (path, operation) in policy.operations() {
        for (index, host) in operation.hosts.iter().enumerate() {
            let (name, _) = host_and_port(host);
            // Other hosts are what clients ask a gateway for.
            if name.ends_with(&format!(".svc.{DOMAIN}")) && !world.has_host(name) {
                found.add(policy.at, format!("{path}.hosts[{index}]"), format!("There is no service {name}"));
            }
        }
    }
}

/// What of a rule only requests have.
pub(super) fn request_field(rule: &AuthorizationRule) -> Option<&'static str> {
    let to = |operation: &Operation| {
        [
            ("methods", &operation.methods),
            ("paths", &operation.paths),
            ("hosts", &operation.hosts),
            ("notMethods", &operation.not_methods),
            ("notPaths", &operation.not_paths),
            ("notHosts", &operation.not_hosts),
        ]
        .into_iter()
        .find_map(|(name, list)| (!list.is_empty()).then_some(name))
    };
    let from = |source: &Source| (!source.request_principals.is_empty()).then_some("requestPrincipals");
    let when = |key: &str| key.starts_with("request.").then_some("request.*");
    let operations = rule.to.iter().find_map(|one| to(&one.operation));
    let sources = || rule.from.iter().find_map(|one| from(&one.source));
    operations.or_else(sources).or_else(|| rule.when.iter().find_map(|one| when(&one.key)))
}

fn request_fields_on_bytes(world: &World<'_>, at: &Ref, found: &mut Found) {
    let Some(policy) = policy(world, at) else { return };
    let Some((index, field)) =
        policy.view.rules.iter().enumerate().find_map(|(index, rule)| Some((index, request_field(rule)?)))
    else {
        return;
    };
    let bytes = |one: &&Workload| {
        let all = protocols(world, one);
        !all.is_empty() && all.iter().all(|protocol| !protocol.may_be_http())
    };
    // A policy for many may well mean those that speak HTTP.
    let all = policy.workloads(world);
    if !all.is_empty()
        && policy.view.attached(&policy.at.namespace).selects().is_narrow()
        && all.iter().all(bytes)
    {
        let names = listed(all.iter().map(|one| &*one.name));
        let what =
            format!("{names} speaks no HTTP, and rule {} asks for {field} ({})", index + 1, policy.action());
        found.add(policy.at, format!("spec.rules[{index}]"), what);
    }
}

/// What the ports of the Services of a workload speak.
fn protocols(world: &World<'_>, of: &Workload) -> Vec<Protocol> {
    let own = world.mesh.part(&of.namespace).into_iter().flat_map(|part| part.services());
    let fronts = own.filter(|service| !service.external);
    let gathering = fronts.filter(|service| Selects::gathering(&service.selector).takes(&of.labels));
    gathering.flat_map(|service| service.ports.iter().map(|port| port.protocol)).collect()
}

fn deny_takes_bytes(world: &World<'_>, at: &Ref, found: &mut Found) {
    let Some(policy) = policy(world, at) else { return };
    let warned = validate(at.kind.group, at.kind.kind, &policy.object.0);
    let Some(rule) = warned.iter().find(|one| one.code == "DeniesAllBytes") else { return };
    // A gateway speaks what its servers say.
    let servers = |one: &Workload| -> Vec<&str> {
        let mut all = Vec::new();
        for (_, gateway) in world.mesh.gateways() {
            if Selects::narrowing(Some(&gateway.selector)).takes(&one.labels) {
                all.extend(gateway.servers.iter().map(|server| server.port.protocol.as_str()));
            }
        }
        all
    };
    let bytes = |one: &&Workload| match one.gateway {
        true => servers(one).into_iter().any(|name| !Protocol::named(name).may_be_http()),
        false => protocols(world, one).iter().any(|protocol| !protocol.may_be_http()),
    };
    let hurt: Vec<&str> = policy.workloads(world).into_iter().filter(bytes).map(|one| &*one.name).collect();
    if !hurt.is_empty() {
        let what =
            format!("{} has ports that speak no HTTP: every connection to them is denied", listed(hurt));
        found.add(at, rule.path.clone(), what);
    }
}

fn provider_unknown(world: &World<'_>, found: &mut Found) {
    let Ok(config) = &world.config else { return };
    for (at, _) in world.mesh.objects().of_kind(&kinds::AUTHORIZATION_POLICY) {
        let Some(policy) = policy(world, at).filter(|policy| policy.action() == "CUSTOM") else { continue };
        let name = policy.object.spec()["provider"]["name"].as_str().unwrap_or_default();
        if !name.is_empty() && !config.authorizing().any(|provider| provider.name == name) {
            let what = format!("The mesh has no authorizing provider {name}");
            found.add(at, "spec.provider.name", what);
        }
    }
}

fn port_mode(world: &World<'_>, at: &Ref, found: &mut Found) {
    let Some(view) = world.view::<PeerAuthentication>(at) else { return };
    let selects = Selects::narrowing(view.selector.as_ref().map(|selector| &selector.match_labels));
    if !selects.is_narrow() {
        return;
    }
    let chosen: Vec<&Workload> =
        world.within(&at.namespace).filter(|one| selects.takes(&one.labels)).collect();
    let ports = || {
        let fronts = world.mesh.services().filter(|service| {
            !service.external
                && *service.namespace == *at.namespace
                && chosen.iter().any(|one| Selects::gathering(&service.selector).takes(&one.labels))
        });
        fronts.flat_map(|service| &service.ports)
    };
    for name in view.port_level_mtls.keys() {
        let Ok(number) = name.parse::<u32>() else { continue };
        let inside = ports().any(|port| port.target == number);
        if let Some(port) = ports().find(|port| port.number == number && !inside) {
            let what = format!("Port {number} is the Service's; its pods have {}", port.target);
            let path = format!("spec.portLevelMtls.{name}");
            let target = format!("spec.portLevelMtls.{}", port.target);
            let mode = json!(view.port_level_mtls.get(name));
            let fix = Fix::remove(format!("Say it of port {}", port.target), &path).and(&target, mode);
            found.mended(at, path, what, (port.target != 0).then_some(fix));
        }
    }
}
