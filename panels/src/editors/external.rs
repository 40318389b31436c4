//! External service: hosts outside of the mesh that it shall know, the machines that answer for them, and the TLS
//! that proxies begin for them.

mod machine;

use super::edits::{Chooser, Edits, Scope, Scoped};
use super::fields::{FieldRow, Fields, Holds, fields};
use super::form::Form;
use super::gesture::Gesture;
use crate::kit::{Button, fmt};
use crate::panel::About;
use crate::subject::Subject;
use egui_phosphor::regular as icon;
use istio::views::{ClientTls, ServiceEntry};
use mesh::edit::external::{self, ExternalAt};
use mesh::evidence::Measure;
use mesh::graph::NodeId;
use mesh::plan::{Level, Plan, PolicyOf, id};
use mesh::{Kind, Mesh, Service, Workload, kinds};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const HOSTS: &str = "hosts";
/// Hosts that were called are offered, so many.
const OFFERED: usize = 4;

fields! {
    PORT {
        "number" "Number" Holds::Count(443), "" [] "The port that callers call";
        "name" "Name" Holds::Text("https"), "" [] "Its name; of all ports it is the only one of this name";
        "protocol" "Protocol"
            Holds::OneOf(&["HTTP", "HTTPS", "HTTP2", "GRPC", "TLS", "TCP", "MONGO", "MYSQL", "REDIS"]),
            "as its name says" [] "What callers speak there";
        "targetPort" "Target port" Holds::Count(443), "the same" [] "The port of the endpoints";
    }
    ENTRY {
        "hosts" "Hosts" Holds::List("api.example.com"), "" [] "The names by which it is called";
        "ports" "Ports" Holds::Each("port", PORT), "" [] "What is open there";
        "resolution" "Found by" Holds::OneOf(&["NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS"]),
            "NONE: where the caller meant to go" [] "How proxies find who answers";
        "location" "Location" Holds::OneOf(&["MESH_EXTERNAL", "MESH_INTERNAL"]), "MESH_EXTERNAL" []
            "Whether it is part of the mesh: then calls are mutual TLS where it can be";
        "addresses" "Addresses" Holds::List("192.0.2.0/24"), "given by Istio's DNS" []
            "Virtual addresses by which it is called";
        "endpoints" "Endpoints" Holds::Each("endpoint", machine::ENDPOINT), "the hosts themselves" []
            "Who answers; for STATIC by address, for DNS by name";
        "workloadSelector/labels" "Chosen by" Holds::Pairs("label"), "the endpoints" []
            "Pods and machines (WorkloadEntries) of its namespace with these labels answer, in place of endpoints";
        "subjectAltNames" "Proven names" Holds::List("api.example.com"), "its host" []
            "Names of which its certificate must have one";
        "exportTo" "Seen by" Holds::List("*"), "all namespaces" []
            "Namespaces that know it: . is its own, * is all";
    }
    TLS {
        "tls/mode" "TLS" Holds::OneOf(&["SIMPLE", "MUTUAL", "ISTIO_MUTUAL", "DISABLE"]), "as callers speak" []
            "What proxies do with calls that are plain text: SIMPLE encrypts them, MUTUAL also shows a certificate";
        "tls/sni" "SNI" Holds::Text("api.example.com"), "the host that is called" []
            "The name that the server is asked for";
        "tls/credentialName" "Secret" Holds::Text("client-credential"), "none" []
            "A Secret with the client's certificate; gateways only";
        "tls/caCertificates" "CA file" Holds::Text("/etc/ssl/certs/ca.crt"), "the system's" []
            "A file in the proxy with the authorities that are believed";
        "tls/clientCertificate" "Certificate file" Holds::Text("/etc/certs/client.crt"), "none" []
            "A file in the proxy with its certificate, for MUTUAL";
        "tls/privateKey" "Key file" Holds::Text("/etc/certs/client.key"), "none" []
            "A file in the proxy with its private key, for MUTUAL";
        "tls/subjectAltNames" "Names to prove" Holds::List("api.example.com"), "those of the service" []
            "Names of which the server's certificate must have one";
        "tls/insecureSkipVerify" "Believe anybody" Holds::YesOrNo, "no" []
            "Whether any certificate is believed";
    }
}

/// A service outside of the mesh, if the mesh is told of it, or a machine that answers for one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum External {
    /// Nobody has told of it.
    #[default]
    Unknown,
    /// A service.
    Known(Said),
    /// A machine.
    Machine(Fields),
}

/// What is said of a service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Said {
    /// Its ServiceEntry.
    entry: Fields,
    /// How proxies speak TLS to it: its DestinationRule.
    tls: Fields,
}

impl Scope for ExternalAt {
    fn is(&self, now: &Self) -> bool {
        match (self, now) {
            (Self::Of(one, _), Self::Of(other, _)) => one == other,
            (Self::New(one, _), Self::New(other, _)) => one == other,
            (Self::Machine(one, _), Self::Machine(other, _)) => one == other,
            (Self::NewMachine(one), Self::NewMachine(other)) => one == other,
            _ => false,
        }
    }
}

impl Edits for External {
    type Scope = ExternalAt;
    const ABOUT: About = About {
        name: "External service",
        icon: icon::GLOBE_HEMISPHERE_WEST,
        summary: "Tell the mesh of a service outside of it, and let proxies speak TLS to it",
    };
    const NEEDS: &'static [&'static Kind] = &[&kinds::SERVICE_ENTRY, &kinds::DESTINATION_RULE];
    const CHOOSER: Chooser = Chooser::Menu("external service");
    const FIELDS: &'static [&'static [FieldRow]] = &[ENTRY, TLS, machine::ENDPOINT];

    fn applies(service: &Service) -> bool {
        service.external
    }

    fn scopes(mesh: &Mesh, subject: &Subject<'_>) -> Vec<Scoped<ExternalAt, Self>> {
        let scoped = |at: ExternalAt, present: bool| {
            let (words, object) = match &at {
                ExternalAt::Of(entry, host) => (
                    format!("{host}, by {}/{}", entry.namespace, entry.name),
                    format!("ServiceEntry {}", entry.name),
                ),
                ExternalAt::New(namespace, _) => {
                    (format!("a new one for namespace {namespace}…"), "ServiceEntry".to_owned())
                }
                ExternalAt::Machine(at, _) | ExternalAt::NewMachine(at) => (at.to_string(), at.to_string()),
            };
            let usual = present || matches!(at, ExternalAt::New(..));
            Scoped { words, object, now: Self::of(mesh, &at), present, usual, locked: None, at }
        };
        if let Some(service) = subject.service.filter(|service| service.external) {
            let of = |at: &mesh::Ref| scoped(ExternalAt::Of(at.clone(), service.host.clone()), true);
            let machines = service.entries.iter().flat_map(|entry| machine::scopes(mesh, entry));
            let machines = machines.map(|one| one.saying(Self::of_machine));
            return service.entries.iter().map(of).chain(machines).collect();
        }
        let calls = |workload: &Workload| !workload.gateway && workload.proxies().next().is_some();
        let new = |namespace: &str, host: Option<String>| {
            scoped(ExternalAt::New(namespace.to_owned(), host), false)
        };
        let there = |namespace| external::entries(mesh, namespace).into_iter().map(|at| scoped(at, false));
        if let NodeId::External(name) = &subject.id {
            let (host, _) = istio::hosts::host_and_port(name);
            let host = (!is_passed_on(name)).then(|| host.to_owned());
            let calling = mesh.parts().filter(|(_, part)| part.workloads().any(|one| calls(one)));
            let news = calling.map(|(namespace, _)| new(namespace, host.clone()));
            return news.chain(there(None)).collect();
        }
        if !subject.workloads.iter().any(|workload| calls(workload)) {
            return Vec::new();
        }
        let namespace = subject.namespace();
        std::iter::once(new(namespace, None)).chain(there(Some(namespace))).collect()
    }

    fn form(&mut self, was: &Self, at: &ExternalAt, form: &mut Form<'_>) {
        if let ExternalAt::Machine(_, entry) | ExternalAt::NewMachine(entry) = at {
            let mut wanted = self.machine().cloned();
            machine::form(&mut wanted, was.machine(), entry, form);
            if wanted.as_ref() != self.machine() {
                *self = Self::of_machine(wanted);
            }
            return;
        }
        let node = match at {
            ExternalAt::New(_, Some(host)) => Some(host.clone()),
            _ if is_passed_on(form.subject()) => Some(form.subject().to_owned()),
            _ => None,
        };
        let called =
            form.measured(&("called outside", at), |_, traffic| external::called(traffic, node.as_deref()));
        let Self::Known(said) = self else {
            form.note(if *was == Self::Unknown { UNKNOWN } else { "It goes when this is pushed" });
            let host = match at {
                ExternalAt::New(_, Some(host)) => host.clone(),
                _ => called.into_iter().flatten().next().map(|(host, _)| host).unwrap_or_default(),
            };
            let name = format!("add external service of {}", form.subject());
            form.buttons(|line| {
                let add = Button::quiet("Add external service").with_icon(icon::PLUS).named(name);
                if line.button(add, true) {
                    *self = match was {
                        Self::Unknown => Self::Known(Said::begin(&host)),
                        was => was.clone(),
                    };
                }
            });
            return;
        };
        said.entry.form(ENTRY, form);
        if matches!(at, ExternalAt::New(..)) {
            offer(&mut said.entry, called.unwrap_or_default(), form);
        }
        form.section("TLS to it", said.tls.said_in(&[TLS]), |form| said.tls.form(TLS, form));
        let (entry, tls) = said.views();
        for doubt in external::doubts(&entry, Some(&tls)) {
            form.warning(&doubt, "", "");
        }
        let mut delete = false;
        form.buttons(|line| {
            delete = *was != Self::Unknown && line.button(Button::quiet("Delete entry").danger(), true);
        });
        if delete {
            *self = Self::Unknown;
        }
    }

    fn plan(&self, was: &Self, at: &ExternalAt, plan: &mut Plan<'_>) {
        if self == was {
            return;
        }
        match (at, self) {
            (ExternalAt::Machine(..) | ExternalAt::NewMachine(_), _) => {
                // A draft of a service says nothing of a machine.
                if !matches!(self, Self::Known(_)) {
                    machine::plan(self.machine(), was.machine(), at, plan);
                }
            }
            (ExternalAt::New(..), Self::Unknown) | (_, Self::Machine(_)) => return,
            (ExternalAt::New(namespace, _), Self::Known(said)) => {
                let (entry, tls) = said.json();
                let tls = (!said.tls.is_empty()).then_some(tls["tls"].clone());
                let host = said.host();
                let Some((made, rule)) = external::create(plan, namespace, &entry, tls) else { return };
                external::claims(plan, &made, rule.as_ref().map(|rule| (rule, host.as_str())));
                plan.title(format!("{host} is known in {namespace}{}", said.secured()));
            }
            (ExternalAt::Of(entry, host), Self::Unknown) => {
                plan.delete(entry);
                if let Some(rule) = external::rule_of(plan.mesh(), entry, host) {
                    plan.warn(format!("{rule} stays: it is for a host that is not known any more"));
                }
                external::claims(plan, entry, None);
                plan.title(format!("{host} is no longer known as a service"));
            }
            (ExternalAt::Of(entry, host), Self::Known(said)) => {
                let none = Said::default();
                let before = if let Self::Known(was) = was { was } else { &none };
                said.entry.plan(&before.entry, &mut plan.object(entry).within("spec"));
                let mut rule = None;
                if said.tls != before.tls {
                    let Some(service) = plan.mesh().service(&entry.namespace, host) else {
                        return plan.gone();
                    };
                    let policy = PolicyOf { service: id(service), level: Level::Service };
                    said.tls.plan(&before.tls, &mut plan.policy(&policy));
                    rule = plan.rule_of(service);
                }
                external::claims(plan, entry, rule.as_ref().map(|rule| (rule, host.as_str())));
                let all = [said.entry.said(&before.entry, ENTRY), said.tls.said(&before.tls, TLS)];
                let all: Vec<&str> = all.iter().map(String::as_str).filter(|said| !said.is_empty()).collect();
                plan.title(format!("{host}: {}", all.join(", ")));
            }
        }
        if let Self::Known(said) = self {
            let (entry, tls) = said.views();
            external::doubts(&entry, Some(&tls)).into_iter().for_each(|doubt| plan.warn(doubt));
        }
        let told = Measure::Untold("it is counted under its host, once somebody calls it".to_owned());
        plan.measures(Some(told.clone()), Some(told));
    }

    fn samples() -> Vec<Self> {
        let of = |entry: Value, policy: Value| {
            let (entry, tls) = (Fields::of(Some(&entry), ENTRY), Fields::of(Some(&policy), TLS));
            Self::Known(Said { entry, tls })
        };
        let web = json!({ "hosts": ["api.example"], "location": "MESH_EXTERNAL", "resolution": "DNS",
            "ports": [{ "number": 443, "name": "https", "protocol": "HTTPS" }],
            "endpoints": [{ "address": "localhost" }] });
        let store = json!({ "hosts": ["db.example"], "addresses": ["10.9.0.7"], "resolution": "STATIC",
            "ports": [{ "number": 3306, "name": "mysql", "protocol": "TCP", "targetPort": 3307 }],
            "endpoints": [{ "address": "192.0.2.7", "ports": { "mysql": 3308 }, "weight": 3, "locality": "eu/a" },
                { "address": "192.0.2.8" }] });
        let own = json!({ "hosts": ["own.example", "*.own.example"], "exportTo": ["."],
            "ports": [{ "number": 80, "name": "http", "protocol": "HTTP" }] });
        let pay = json!({ "hosts": ["pay.example"], "location": "MESH_EXTERNAL", "resolution": "DNS",
            "ports": [{ "number": 80, "name": "http", "protocol": "HTTP", "targetPort": 8443 }],
            "endpoints": [{ "address": "localhost" }] });
        let simple = json!({ "tls": { "mode": "SIMPLE", "sni": "pay.example" } });
        let chosen = json!({ "hosts": ["fleet.example"], "location": "MESH_INTERNAL", "resolution": "STATIC",
            "ports": [{ "number": 80, "name": "http", "protocol": "HTTP" }],
            "workloadSelector": { "labels": { "app": "machines" } } });
        let mut all = vec![
            of(web, json!({})),
            of(store, json!({})),
            of(own, json!({})),
            Self::Unknown,
            of(pay, simple),
            of(chosen, json!({})),
        ];
        all.extend(machine::samples().into_iter().map(Self::Machine));
        all
    }

    fn came_true(&self, at: &ExternalAt, now: &Scoped<ExternalAt, Self>) -> bool {
        let made = match (at, &now.at) {
            (ExternalAt::New(namespace, _), ExternalAt::Of(made, _)) => *made.namespace == **namespace,
            (ExternalAt::NewMachine(entry), ExternalAt::Machine(_, of)) => entry == of,
            _ => false,
        };
        made && *self != Self::Unknown && *self == now.now
    }
}

const UNKNOWN: &str = "Calls to hosts that nobody has told the mesh of pass as they are, or are refused: as the \
    mesh's outboundTrafficPolicy says";

/// Whether a node is where calls to unknown hosts end: "PassthroughCluster", "BlackHoleCluster".
fn is_passed_on(name: &str) -> bool {
    name.ends_with("Cluster") && !name.contains('.')
}

impl External {
    fn of_machine(fields: Option<Fields>) -> Self {
        fields.map_or(Self::Unknown, Self::Machine)
    }

    fn machine(&self) -> Option<&Fields> {
        match self {
            Self::Machine(fields) => Some(fields),
            Self::Unknown | Self::Known(_) => None,
        }
    }

    fn of(mesh: &Mesh, at: &ExternalAt) -> Self {
        let ExternalAt::Of(entry, host) = at else { return Self::Unknown };
        let spec = mesh.objects().get(entry).map(mesh::Object::spec);
        let rule = external::rule_of(mesh, entry, host).and_then(|rule| mesh.objects().get(rule));
        let policy = rule.and_then(|rule| rule.spec().get("trafficPolicy"));
        spec.map_or(Self::Unknown, |spec| {
            Self::Known(Said { entry: Fields::of(Some(spec), ENTRY), tls: Fields::of(policy, TLS) })
        })
    }
}

impl Said {
    /// What a new one begins with.
    fn begin(host: &str) -> Self {
        let hosts: Vec<&str> = Some(host).filter(|host| !host.is_empty()).into_iter().collect();
        let ports = json!([{ "number": 80, "name": "http", "protocol": "HTTP" },
            { "number": 443, "name": "https", "protocol": "HTTPS" }]);
        let mut entry = Fields::with([
            ("ports", ports),
            ("resolution", "DNS".into()),
            ("location", "MESH_EXTERNAL".into()),
        ]);
        entry.put(HOSTS, &json!(hosts));
        Self { entry, tls: Fields::default() }
    }

    /// The `spec` of a ServiceEntry and the traffic policy of a DestinationRule that say this and no more.
    fn json(&self) -> (Value, Value) {
        let (mut entry, mut policy) = (json!({}), json!({}));
        self.entry.write(&Fields::default(), &mut entry);
        self.tls.write(&Fields::default(), &mut policy);
        (entry, policy)
    }

    fn views(&self) -> (ServiceEntry, ClientTls) {
        let (entry, policy) = self.json();
        let tls = serde_json::from_value(policy["tls"].clone()).unwrap_or_default();
        (serde_json::from_value(entry).unwrap_or_default(), tls)
    }

    fn host(&self) -> String {
        self.views().0.hosts.into_iter().next().unwrap_or_default()
    }

    fn secured(&self) -> String {
        let mode = self.tls.get::<String>("tls/mode").filter(|mode| mode != "DISABLE");
        mode.map(|mode| format!(", and proxies call it over TLS ({mode})")).unwrap_or_default()
    }
}

/// Hosts that were called and that nobody has told the mesh of, each a press away.
fn offer(entry: &mut Fields, called: Vec<(String, f64)>, form: &mut Form<'_>) {
    let hosts = entry.value(HOSTS).cloned().unwrap_or_default();
    let said = |host: &str| hosts.as_array().is_some_and(|all| all.iter().any(|one| one == host));
    let mut picked = None;
    for (host, rate) in called.into_iter().filter(|(host, _)| !said(host)).take(OFFERED) {
        let name = format!("use {host} for {}", form.subject());
        form.line("", 0.0, |line| {
            let button = Button::quiet(host.as_str()).with_icon(icon::ARROW_ELBOW_RIGHT_UP).named(name);
            if line.button(button, true) {
                picked = Some(host.clone());
            }
            line.word(&format!("was called, {}", fmt::rps(rate)));
        });
    }
    if let Some(host) = picked {
        entry.put(HOSTS, &json!([host]));
        form.did(Gesture::Settled);
    }
}
