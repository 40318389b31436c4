//! Way in: the ports and hosts that a gateway opens, with their TLS, and the routes that lead on from there;
//! as Istio's Gateway says it, and as the Gateway API's.

mod rows;

use super::edits::{Chooser, Edits, Scope, Scoped};
use super::fields::{FieldRow, Fields};
use super::form::Form;
use crate::intent::Intent;
use crate::kit::{Button, fmt};
use crate::panel::About;
use crate::selection::Selected;
use crate::subject::Subject;
use egui_phosphor::regular as icon;
use mesh::certificate::{Credential, SecretOf};
use mesh::edit::way_in::{self, Bound, Said, WayAt};
use mesh::evidence::Measure;
use mesh::plan::Plan;
use mesh::{Kind, Mesh, Ref, Remote, Service, Workload, kinds};
use rows::{API, GATEWAY};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A certificate that holds for no longer than this is warned of.
const SOON: i64 = 14 * 86_400;

/// What a Gateway opens, if there is one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum WayIn {
    /// There is none.
    #[default]
    Closed,
    /// Istio's.
    Istio(Fields),
    /// One of the Gateway API.
    Api(Fields),
}

impl Scope for WayAt {
    fn is(&self, now: &Self) -> bool {
        self == now
    }
}

impl Edits for WayIn {
    type Scope = WayAt;
    const ABOUT: About = About {
        name: "Way in",
        icon: icon::SIGN_IN,
        summary: "Open ports and hosts of a gateway, with their TLS, and see which routes lead on from there",
    };
    const NEEDS: &'static [&'static Kind] = &[&kinds::GATEWAY];
    const CHOOSER: Chooser = Chooser::Menu("way in");
    const FIELDS: &'static [&'static [FieldRow]] = &[GATEWAY, API];

    fn applies(service: &Service) -> bool {
        service.selector.iter().any(|(key, value)| key.contains("gateway") || value.contains("gateway"))
    }

    fn scopes(mesh: &Mesh, subject: &Subject<'_>) -> Vec<Scoped<WayAt, Self>> {
        let of = |at: WayAt, present: bool| {
            let name = &at.workload().name;
            let by = if at.is_of_api() { " (Gateway API)" } else { "" };
            let (words, object) = match &at {
                WayAt::Of(at, _) => {
                    (format!("{}/{}{by}", at.namespace, at.name), format!("Gateway {}{by}", at.name))
                }
                WayAt::New(..) => (format!("a new one for {name}{by}…"), format!("Gateway{by}")),
            };
            let usual = present || !at.is_of_api();
            Scoped { words, object, now: Self::of(mesh, &at), present, usual, locked: None, at }
        };
        let all =
            subject.workloads.iter().filter(|workload| workload.gateway).flat_map(|workload: &&Workload| {
                let id = mesh.workload_id(workload);
                let there = way_in::ways(mesh, workload).into_iter();
                let there: Vec<WayAt> = there.map(|at| WayAt::Of(at, id.clone())).collect();
                let new = [&kinds::GATEWAY, &kinds::API_GATEWAY].map(|kind| WayAt::New(kind, id.clone()));
                there.into_iter().chain(new)
            });
        all.map(|at| of(at.clone(), matches!(at, WayAt::Of(..)))).collect()
    }

    fn form(&mut self, was: &Self, at: &WayAt, form: &mut Form<'_>) {
        let Some((fields, table)) = self.fields() else {
            form.note(if *was == Self::Closed { CLOSED } else { "It is closed when this is pushed" });
            if at.is_of_api() && form.cx().scene.lacks(&kinds::API_GATEWAY) {
                return form.note("This cluster has no Gateways of the Gateway API");
            }
            let begun = form.known(&("begin", at), |mesh| Self::begin(mesh, at));
            let name = format!("open a way in of {}", form.subject());
            form.buttons(|line| {
                let open = Button::quiet("Open a way in").with_icon(icon::PLUS).named(name);
                if line.button(open, true) {
                    *self = if *was == Self::Closed { begun } else { was.clone() };
                }
            });
            return;
        };
        fields.form(table, form);
        let Some(said) = self.said() else { return };
        let draft = format!("{said:?}");
        let (doubts, unrouted) = form.known(&("doubts", at, draft), |mesh| {
            (way_in::doubts(mesh, at, &said), way_in::unrouted(mesh, at, &said))
        });
        for doubt in doubts.into_iter().chain(without_route(&unrouted)) {
            form.warning(&doubt, "", "");
        }
        credentials(&said, at, form);
        if let WayAt::Of(at, _) = at {
            let routes = form.known(&("bound", at), |mesh| way_in::bound(mesh, at));
            bound(&routes, at, form);
        }
        astray(form);
        let mut delete = false;
        form.buttons(|line| {
            delete = *was != Self::Closed && line.button(Button::quiet("Delete Gateway").danger(), true);
        });
        if delete {
            *self = Self::Closed;
        }
    }

    fn plan(&self, was: &Self, at: &WayAt, plan: &mut Plan<'_>) {
        if self == was || !self.fits(at) {
            return;
        }
        match (at, self.json()) {
            (WayAt::New(..), None) => return,
            (WayAt::New(kind, workload), Some(spec)) => {
                let Some(made) = way_in::create(plan, kind, workload, spec) else { return };
                way_in::claims(plan, &made);
                plan.title(format!("{made} opens {}", self.in_words()));
            }
            (WayAt::Of(gateway, _), None) => {
                plan.delete(gateway);
                way_in::claims(plan, gateway);
                plan.title(format!("{gateway} is closed: {}", was.in_words()));
            }
            (WayAt::Of(gateway, _), Some(_)) => {
                if let Self::Istio(fields) | Self::Api(fields) = self {
                    let none = Fields::default();
                    let before = match was {
                        Self::Closed => &none,
                        Self::Istio(fields) | Self::Api(fields) => fields,
                    };
                    fields.plan(before, &mut plan.object(gateway).within("spec"));
                }
                way_in::claims(plan, gateway);
                plan.title(format!("{gateway} opens {}", self.in_words()));
            }
        }
        if let Some(said) = self.said() {
            let mesh = plan.mesh();
            let unrouted = way_in::unrouted(mesh, at, &said);
            let all = way_in::doubts(mesh, at, &said).into_iter().chain(without_route(&unrouted));
            all.for_each(|doubt| plan.warn(doubt));
        }
        let told = Measure::Untold("calls that enter are counted at the services that they go to".to_owned());
        plan.measures(Some(told.clone()), Some(told));
    }

    fn samples() -> Vec<Self> {
        let of = |servers: Value| {
            let spec = json!({ "selector": { "istio": "ingressgateway" }, "servers": servers });
            Self::Istio(Fields::of(Some(&spec), GATEWAY))
        };
        let api = |listeners: Value| {
            let host = "istio-ingressgateway.istio-system.svc.cluster.local";
            let addresses = json!([{ "type": "Hostname", "value": host }]);
            let spec = json!({ "gatewayClassName": "istio", "addresses": addresses, "listeners": listeners });
            Self::Api(Fields::of(Some(&spec), API))
        };
        let web = json!({ "name": "web", "port": 80, "protocol": "HTTP" });
        let shop = json!({ "name": "shop", "port": 80, "protocol": "HTTP", "hostname": "shop.example",
            "allowedRoutes": { "namespaces": { "from": "All" }, "kinds": [{ "kind": "HTTPRoute" }] } });
        let sealed = json!({ "name": "sealed", "port": 443, "protocol": "TLS", "hostname": "sealed.example",
            "tls": { "mode": "Passthrough" } });
        let http = json!({ "number": 80, "name": "http", "protocol": "HTTP" });
        let https = json!({ "number": 443, "name": "https", "protocol": "HTTPS" });
        let any = json!({ "port": http, "hosts": ["*"] });
        vec![
            of(
                json!([{ "port": http, "hosts": ["bookinfo/shop.example", "books.example"], "tls": { "httpsRedirect": true } }]),
            ),
            of(
                json!([any, { "port": https, "hosts": ["*"], "tls": { "mode": "MUTUAL", "credentialName": "shop",
                "subjectAltNames": ["spiffe://cluster.local/ns/web/sa/front"],
                "cipherSuites": ["ECDHE-RSA-AES256-GCM-SHA384"] } }]),
            ),
            Self::Closed,
            api(json!([web])),
            api(json!([shop, sealed])),
            of(json!([any, { "port": https, "hosts": ["shop.example"], "name": "shop",
                "tls": { "mode": "SIMPLE", "credentialName": "shop", "minProtocolVersion": "TLSV1_3" } }])),
        ]
    }

    fn came_true(&self, at: &WayAt, now: &Scoped<WayAt, Self>) -> bool {
        let (WayAt::New(_, workload), WayAt::Of(_, of)) = (at, &now.at) else { return false };
        *self != Self::Closed && *self == now.now && workload == of
    }
}

const CLOSED: &str = "Nothing of this is open: who calls it from outside is not answered";

impl WayIn {
    fn of(mesh: &Mesh, at: &WayAt) -> Self {
        let WayAt::Of(gateway, _) = at else { return Self::Closed };
        let spec = mesh.objects().get(gateway).map(mesh::Object::spec);
        match spec {
            None => Self::Closed,
            Some(spec) if at.is_of_api() => Self::Api(Fields::of(Some(spec), API)),
            Some(spec) => Self::Istio(Fields::of(Some(spec), GATEWAY)),
        }
    }

    /// What a new one begins with.
    fn begin(mesh: &Mesh, at: &WayAt) -> Self {
        let Some(workload) = mesh.workload(&at.workload().namespace, &at.workload().name) else {
            return Self::Closed;
        };
        if at.is_of_api() {
            let mut spec = way_in::addressed(mesh, workload);
            spec["listeners"] = json!([{ "name": "http", "port": 80, "protocol": "HTTP" }]);
            return Self::Api(Fields::of(Some(&spec), API));
        }
        let port = json!({ "number": 80, "name": "http", "protocol": "HTTP" });
        let servers = json!([{ "port": port, "hosts": ["*"] }]);
        Self::Istio(Fields::with([("selector", way_in::selector(mesh, workload)), ("servers", servers)]))
    }

    /// Its fields, with their table.
    fn fields(&mut self) -> Option<(&mut Fields, &'static [FieldRow])> {
        match self {
            Self::Closed => None,
            Self::Istio(fields) => Some((fields, GATEWAY)),
            Self::Api(fields) => Some((fields, API)),
        }
    }

    /// Whether it can be said by what stands there.
    fn fits(&self, at: &WayAt) -> bool {
        match self {
            Self::Closed => true,
            Self::Istio(_) => !at.is_of_api(),
            Self::Api(_) => at.is_of_api(),
        }
    }

    /// The `spec` of a Gateway that says this and no more.
    fn json(&self) -> Option<Value> {
        let (Self::Istio(fields) | Self::Api(fields)) = self else { return None };
        let mut spec = json!({});
        fields.write(&Fields::default(), &mut spec);
        Some(spec)
    }

    fn said(&self) -> Option<Said> {
        let spec = self.json()?;
        Some(match self {
            Self::Api(_) => Said::Api(serde_json::from_value(spec).unwrap_or_default()),
            _ => Said::Istio(serde_json::from_value(spec).unwrap_or_default()),
        })
    }

    /// "80 (HTTP) for *, 443 (HTTPS) for shop.example".
    fn in_words(&self) -> String {
        let one = |port: u32, protocol: &str, hosts: &str| format!("{port} ({protocol}) for {hosts}");
        let all: Vec<String> = match self.said() {
            None => Vec::new(),
            Some(Said::Istio(view)) => {
                let servers = view.servers.iter();
                servers
                    .map(|server| one(server.port.number, &server.port.protocol, &server.hosts.join(" and ")))
                    .collect()
            }
            Some(Said::Api(view)) => {
                let listeners = view.listeners.iter();
                listeners.map(|listener| one(listener.port, &listener.protocol, listener.host())).collect()
            }
        };
        if all.is_empty() { "nothing".to_owned() } else { all.join(", ") }
    }
}

fn without_route(hosts: &[String]) -> Option<String> {
    let says = format!("No route takes calls for {}: they are answered with 404", hosts.join(", "));
    (!hosts.is_empty()).then_some(says)
}

/// Until when the certificates of the servers hold, as far as their Secrets may be read.
fn credentials(said: &Said, at: &WayAt, form: &mut Form<'_>) {
    let now = form.cx().now.as_second();
    for (named, namespace, name) in way_in::credentials(said, at) {
        let secret = SecretOf { namespace: namespace.clone(), name: name.clone() };
        let answer = form.cx().reads.certificate(&secret);
        let known = answer.value().map(|credential| (**credential).clone());
        match (known, &answer) {
            (Some(Credential::Absent), _) => form.warning(
                &format!("There is no Secret {namespace}/{name}"),
                &format!("{named} names it: connections that need its certificate fail"),
                &format!("kubectl create secret tls {name} -n {namespace} --cert=… --key=…"),
            ),
            (Some(Credential::Without), _) => form.warning(
                &format!("Secret {namespace}/{name} has no certificate with a key"),
                "Connections that need it fail",
                "Give it tls.crt and tls.key",
            ),
            (Some(Credential::Until(until)), _) => {
                let (left, day) = (until.as_second() - now, until.strftime("%Y-%m-%d"));
                let time = |seconds: i64| {
                    fmt::counted(usize::try_from(seconds / 86_400).unwrap_or(0), "day", "days")
                };
                match left {
                    i64::MIN..=0 => {
                        let ago = time(-left);
                        form.warning(
                            &format!("The certificate of {name} ended on {day}"),
                            &format!("{ago} ago: callers refuse it"),
                            "",
                        );
                    }
                    1..SOON => form.warning(
                        &format!("The certificate of {name} ends on {day}"),
                        &format!("In {}", time(left)),
                        "",
                    ),
                    _ => form.note(format!("Certificate of {name}: until {day}, {} from now", time(left))),
                }
            }
            (None, Remote::Denied(why)) => {
                let why = crate::editors::form::spoken(&why.why);
                form.note(format!("Until when the certificate of {name} holds is not known: {why}"));
            }
            (None, _) => form.note(format!("Reading Secret {namespace}/{name}…")),
        }
    }
}

/// The routes that lead on, with a way to each.
fn bound(routes: &[Bound], at: &Ref, form: &mut Form<'_>) {
    if routes.is_empty() {
        let route = if at.kind == &kinds::API_GATEWAY { "route" } else { "VirtualService" };
        return form.note(format!("No {route} names this Gateway: its calls are answered with 404"));
    }
    form.section("Routes bound to it", 0, |form| {
        for Bound { at, hosts, missed } in routes {
            let of = if hosts.is_empty() { "none of its hosts".to_owned() } else { hosts.join(", ") };
            jump(at, &of, form);
            missed.iter().for_each(|why| form.note(why.clone()));
        }
    });
}

/// Routes that name Gateways which are not there.
fn astray(form: &mut Form<'_>) {
    let lost = form.known(&"routes without a gateway", way_in::astray);
    for (at, gateway) in lost {
        let what = format!("{at} names Gateway {gateway}, which is not there");
        form.warning(&what, "What it says of calls that enter there counts for nothing", "");
        jump(&at, "", form);
    }
}

/// An object to go to.
fn jump(at: &Ref, says: &str, form: &mut Form<'_>) {
    let intents = form.cx().intents;
    form.line("", 0.0, |line| {
        let short = format!("{}/{}", at.namespace, at.name);
        let button = Button::bare(short).with_icon(icon::ARROW_RIGHT).named(format!("go to {at}"));
        if line.ui().add(button).clicked() {
            intents.send(Intent::Select(Some(Selected::Object(at.clone()))));
        }
        line.word(says);
    });
}
