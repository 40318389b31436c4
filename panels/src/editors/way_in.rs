//! Way in: the ports and hosts that a gateway opens, with their TLS, and the routes that lead on from there.

use super::edits::{Chooser, Edits, Scope, Scoped};
use super::fields::{FieldRow, Fields, Holds, fields};
use super::form::Form;
use crate::intent::Intent;
use crate::kit::{Button, fmt};
use crate::panel::About;
use crate::selection::Selected;
use crate::subject::Subject;
use egui_phosphor::regular as icon;
use istio::views::Gateway;
use mesh::certificate::{Credential, SecretOf};
use mesh::edit::way_in::{self, Bound, WayAt};
use mesh::evidence::Measure;
use mesh::plan::Plan;
use mesh::{Kind, Mesh, Ref, Remote, Service, Workload, kinds};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A certificate that holds for no longer than this is warned of.
const SOON: i64 = 14 * 86_400;

fields! {
    TLS {
        "tls/httpsRedirect" "Send on to HTTPS" Holds::YesOrNo, "no" []
            "Whether plain calls are only sent on to HTTPS, with 301";
        "tls/mode" "Mode"
            Holds::OneOf(&["SIMPLE", "MUTUAL", "OPTIONAL_MUTUAL", "ISTIO_MUTUAL", "PASSTHROUGH", "AUTO_PASSTHROUGH"]),
            "PASSTHROUGH" [] "SIMPLE ends TLS here; MUTUAL also asks callers for a certificate; PASSTHROUGH passes it on";
        "tls/credentialName" "Secret" Holds::Text("shop-credential"), "none" []
            "The Secret with the certificate and its key, in the namespace of the gateway's pods";
        "tls/credentialNames" "Secrets" Holds::List("shop-rsa,shop-ecdsa"), "none" []
            "Several Secrets, for certificates of several kinds";
        "tls/minProtocolVersion" "From version" Holds::OneOf(&["TLSV1_0", "TLSV1_1", "TLSV1_2", "TLSV1_3"]),
            "TLSV1_2" [] "The oldest version of TLS that is taken";
        "tls/maxProtocolVersion" "To version" Holds::OneOf(&["TLSV1_0", "TLSV1_1", "TLSV1_2", "TLSV1_3"]),
            "TLSV1_3" [] "The newest version of TLS that is taken";
        "tls/cipherSuites" "Ciphers" Holds::List("ECDHE-RSA-AES256-GCM-SHA384"), "Envoy's" []
            "The ciphers that are taken";
        "tls/subjectAltNames" "Callers' names" Holds::List("spiffe://cluster.local/ns/web/sa/front"), "any" []
            "Names of which a caller's certificate must have one, for MUTUAL";
    }
    SERVER {
        "port/number" "Port" Holds::Count(80), "" [] "The port of the gateway's Service";
        "port/name" "Port's name" Holds::Text("http"), "" [] "Its name; of all servers it is the only one of this name";
        "port/protocol" "Protocol"
            Holds::OneOf(&["HTTP", "HTTPS", "HTTP2", "GRPC", "GRPC-WEB", "TLS", "TCP", "MONGO"]), "" []
            "What callers speak there";
        "hosts" "Hosts" Holds::List("shop.example"), "" []
            "Hosts that are taken; namespace/host takes routes of that namespace only, * is any";
        "tls" "TLS" Holds::Group(TLS), "" [] "How connections are secured";
        "bind" "Address" Holds::Text("0.0.0.0"), "all" [] "The address that is listened at";
        "name" "Name" Holds::Text("shop"), "none" [] "A name of the server, for metrics";
    }
    GATEWAY {
        "servers" "Servers" Holds::Each("server", SERVER), "" [] "What is open";
        "selector" "Pods" Holds::Pairs("label"), "every gateway" [] "Labels of the gateway's pods that open it";
    }
}

/// What a Gateway opens, if there is one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WayIn(Option<Fields>);

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
    const FIELDS: &'static [&'static [FieldRow]] = &[GATEWAY];

    fn applies(service: &Service) -> bool {
        service.selector.values().any(|value| value.contains("gateway"))
    }

    fn scopes(mesh: &Mesh, subject: &Subject<'_>) -> Vec<Scoped<WayAt, Self>> {
        let of = |at: WayAt, present: bool| {
            let name = &at.workload().name;
            let (words, object) = match &at {
                WayAt::Of(at, _) => (format!("{}/{}", at.namespace, at.name), format!("Gateway {}", at.name)),
                WayAt::New(_) => (format!("a new one for {name}…"), "Gateway".to_owned()),
            };
            Scoped { words, object, now: Self::of(mesh, &at), present, usual: present, locked: None, at }
        };
        let all =
            subject.workloads.iter().filter(|workload| workload.gateway).flat_map(|workload: &&Workload| {
                let id = mesh.workload_id(workload);
                let there = way_in::ways(mesh, workload).into_iter();
                let there: Vec<WayAt> = there.map(|at| WayAt::Of(at, id.clone())).collect();
                there.into_iter().chain([WayAt::New(id)])
            });
        all.map(|at| of(at.clone(), matches!(at, WayAt::Of(..)))).collect()
    }

    fn form(&mut self, was: &Self, at: &WayAt, form: &mut Form<'_>) {
        let Some(fields) = &mut self.0 else {
            form.note(if was.0.is_some() { "It is closed when this is pushed" } else { CLOSED });
            let selector = form.known(&("selector", at), |mesh| {
                let workload = mesh.workload(&at.workload().namespace, &at.workload().name);
                workload.map(|workload| way_in::selector(mesh, workload)).unwrap_or_default()
            });
            let name = format!("open a way in of {}", form.subject());
            let wanted = &mut self.0;
            form.buttons(|line| {
                let open = Button::quiet("Open a way in").with_icon(icon::PLUS).named(name);
                if line.button(open, true) {
                    *wanted = Some(was.0.clone().unwrap_or_else(|| begin(selector)));
                }
            });
            return;
        };
        fields.form(GATEWAY, form);
        let view = view(fields);
        let draft = json(fields).to_string();
        let (doubts, unrouted) = form.known(&("doubts", at, draft), |mesh| {
            (way_in::doubts(mesh, at, &view), way_in::unrouted(mesh, at, &view))
        });
        for doubt in doubts.into_iter().chain(without_route(&unrouted)) {
            form.warning(&doubt, "", "");
        }
        credentials(&view, at, form);
        if let WayAt::Of(at, _) = at {
            let routes = form.known(&("bound", at), |mesh| way_in::bound(mesh, at));
            bound(&routes, form);
        }
        astray(form);
        let mut delete = false;
        form.buttons(|line| {
            delete = was.0.is_some() && line.button(Button::quiet("Delete Gateway").danger(), true);
        });
        if delete {
            self.0 = None;
        }
    }

    fn plan(&self, was: &Self, at: &WayAt, plan: &mut Plan<'_>) {
        if self == was {
            return;
        }
        match (at, &self.0) {
            (WayAt::New(_), None) => return,
            (WayAt::New(workload), Some(fields)) => {
                let Some(made) = way_in::create(plan, workload, json(fields)) else { return };
                way_in::claims(plan, &made);
                plan.title(format!("{made} opens {}", in_words(fields)));
            }
            (WayAt::Of(gateway, _), None) => {
                plan.delete(gateway);
                way_in::claims(plan, gateway);
                let closed = was.0.as_ref().map(in_words).unwrap_or_default();
                plan.title(format!("{gateway} is closed: {closed}"));
            }
            (WayAt::Of(gateway, _), Some(fields)) => {
                let none = Fields::default();
                fields.plan(was.0.as_ref().unwrap_or(&none), &mut plan.object(gateway).within("spec"));
                way_in::claims(plan, gateway);
                plan.title(format!("{gateway} opens {}", in_words(fields)));
            }
        }
        if let Some(fields) = &self.0 {
            let (mesh, view) = (plan.mesh(), view(fields));
            let unrouted = way_in::unrouted(mesh, at, &view);
            let all = way_in::doubts(mesh, at, &view).into_iter().chain(without_route(&unrouted));
            all.for_each(|doubt| plan.warn(doubt));
        }
        let told = Measure::Untold("calls that enter are counted at the services that they go to".to_owned());
        plan.measures(Some(told.clone()), Some(told));
    }

    fn samples() -> Vec<Self> {
        let of = |servers: Value| {
            let spec = json!({ "selector": { "istio": "ingressgateway" }, "servers": servers });
            Self(Some(Fields::of(Some(&spec), GATEWAY)))
        };
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
            Self(None),
            of(json!([any, { "port": https, "hosts": ["shop.example"], "name": "shop",
                "tls": { "mode": "SIMPLE", "credentialName": "shop", "minProtocolVersion": "TLSV1_3" } }])),
        ]
    }

    fn came_true(&self, at: &WayAt, now: &Scoped<WayAt, Self>) -> bool {
        let (WayAt::New(workload), WayAt::Of(_, of)) = (at, &now.at) else { return false };
        self.0.is_some() && *self == now.now && workload == of
    }
}

const CLOSED: &str = "Nothing of this is open: who calls it from outside is not answered";

impl WayIn {
    fn of(mesh: &Mesh, at: &WayAt) -> Self {
        let WayAt::Of(at, _) = at else { return Self(None) };
        Self(mesh.objects().get(at).map(|object| Fields::of(Some(object.spec()), GATEWAY)))
    }
}

/// What a new one begins with.
fn begin(selector: Value) -> Fields {
    let port = json!({ "number": 80, "name": "http", "protocol": "HTTP" });
    Fields::with([("selector", selector), ("servers", json!([{ "port": port, "hosts": ["*"] }]))])
}

/// The `spec` of a Gateway that says this and no more.
fn json(fields: &Fields) -> Value {
    let mut spec = json!({});
    fields.write(&Fields::default(), &mut spec);
    spec
}

fn view(fields: &Fields) -> Gateway {
    serde_json::from_value(json(fields)).unwrap_or_default()
}

/// "80 (HTTP) for *, 443 (HTTPS) for shop.example".
fn in_words(fields: &Fields) -> String {
    let servers = view(fields).servers;
    let one = |server: &istio::views::Server| {
        format!("{} ({}) for {}", server.port.number, server.port.protocol, server.hosts.join(" and "))
    };
    let all: Vec<String> = servers.iter().map(one).collect();
    if all.is_empty() { "nothing".to_owned() } else { all.join(", ") }
}

fn without_route(hosts: &[String]) -> Option<String> {
    let says = format!("No route takes calls for {}: they are answered with 404", hosts.join(", "));
    (!hosts.is_empty()).then_some(says)
}

/// Until when the certificates of the servers hold, as far as their Secrets may be read.
fn credentials(view: &Gateway, at: &WayAt, form: &mut Form<'_>) {
    let now = form.cx().now.as_second();
    for (named, namespace, name) in way_in::credentials(view, &at.workload().namespace) {
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
fn bound(routes: &[Bound], form: &mut Form<'_>) {
    if routes.is_empty() {
        return form.note("No VirtualService names this Gateway: its calls are answered with 404");
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
