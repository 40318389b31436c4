//! Extensions: what runs in proxies beside what Istio puts there: WasmPlugins and EnvoyFilters, in which order
//! they stand, and what the cluster says of them.

use super::edits::{Chooser, Edits, Scope as AnyScope, Scoped};
use super::fields::{FieldRow, Fields, Holds, fields};
use super::form::Form;
use super::policies::has_field;
use crate::kit::{Button, fmt, icon, problem, text};
use crate::panel::About;
use crate::subject::Subject;
use egui_phosphor::regular::PUZZLE_PIECE;
use mesh::edit::Scope;
use mesh::edit::extensions::{self, ExtensionAt};
use mesh::evidence::Measure;
use mesh::plan::Plan;
use mesh::{Kind, Mesh, Ref, Remote, Service, kinds};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

fields! {
    PORT {
        "number" "Port" Holds::Count(80), "" [] "Its number";
    }
    MATCH {
        "mode" "On side" Holds::OneOf(&["CLIENT_AND_SERVER", "CLIENT", "SERVER"]), "both" []
            "Which side of a call runs it";
        "ports" "Ports" Holds::Each("port", PORT), "all" [] "Calls to these ports only";
    }
    LABELS {
        "selector/matchLabels" "Whose" Holds::Pairs("label"), "" [] "Labels of the workloads that it is for";
    }
    TARGET {
        "kind" "Kind" Holds::Text("Gateway"), "" [] "Gateway, Service …";
        "group" "Group" Holds::Text("gateway.networking.k8s.io"), "core" [] "Its API group";
        "name" "Name" Holds::Text("gateway"), "" [] "Its name, in this namespace";
    }
    TARGETS {
        "targetRefs" "Of" Holds::Each("target", TARGET), "" []
            "What it is for instead of labels: a Gateway, a waypoint";
    }
    WASM {
        "url" "Module" Holds::Text("oci://registry.example/filter:1.0"), "" []
            "Where it is fetched: oci://, https://, file://";
        "sha256" "Checksum" Holds::Text(""), "not checked" [] "What the module's SHA-256 must be";
        "imagePullPolicy" "Fetched" Holds::OneOf(&["IfNotPresent", "Always"]), "once, but latest always" []
            "When the module is fetched again";
        "imagePullSecret" "Pull secret" Holds::Text("registry"), "" []
            "The Secret that the registry asks for";
        "pluginName" "Plugin" Holds::Text("plugin"), "" [] "The name that the module knows its plugin by";
        "type" "Type" Holds::OneOf(&["HTTP", "NETWORK"]), "HTTP" [] "Whether it sees requests or connections";
        "phase" "Phase" Holds::OneOf(&["AUTHN", "AUTHZ", "STATS"]), "at the end" []
            "Before which of Istio's own filters it stands";
        "priority" "Priority" Holds::Signed(0), "last" [] "Of several in a phase, the highest comes first";
        "failStrategy" "If it fails"
            Holds::OneOf(&["FAIL_CLOSE", "FAIL_OPEN", "FAIL_RELOAD"]), "FAIL_CLOSE" []
            "Whether calls fail, go on without it, or it is loaded again";
        "match" "Which calls" Holds::Each("match", MATCH), "all that come in" []
            "Sides and ports, any of which must fit";
        "pluginConfig" "Settings" Holds::Yaml, "" [] "What the plugin itself is told";
    }
    PATCH {
        "applyTo" "Changes" Holds::OneOf(&["HTTP_FILTER", "NETWORK_FILTER", "FILTER_CHAIN", "LISTENER",
            "LISTENER_FILTER", "ROUTE_CONFIGURATION", "VIRTUAL_HOST", "HTTP_ROUTE", "CLUSTER",
            "EXTENSION_CONFIG", "BOOTSTRAP"]), "" []
            "Which part of Envoy's configuration";
        "match/context" "On side"
            Holds::OneOf(&["ANY", "SIDECAR_INBOUND", "SIDECAR_OUTBOUND", "GATEWAY"]), "ANY" []
            "Of which sides of which proxies";
        "match/proxy/proxyVersion" "Version" Holds::Text("^1\\.30.*"), "any" []
            "Of proxies whose version fits this regex";
        "match/listener/portNumber" "Listener's port" Holds::Count(9080), "any" []
            "Of listeners at this port";
        "match/listener/filterChain/filter/name" "Beside filter"
            Holds::Text("envoy.filters.network.http_connection_manager"), "" []
            "At this filter of connections";
        "match/listener/filterChain/filter/subFilter/name" "Beside its filter"
            Holds::Text("envoy.filters.http.router"), "" []
            "At this filter of requests within it";
        "match/routeConfiguration/name" "Routes" Holds::Text("9080"), "any" [] "Of routes of this name";
        "match/routeConfiguration/vhost/name" "Virtual host"
            Holds::Text("reviews.bookinfo.svc.cluster.local:9080"), "any" []
            "Of this virtual host";
        "match/cluster/service" "Service" Holds::Text("reviews.bookinfo.svc.cluster.local"), "any" []
            "Of clusters of this host";
        "match/cluster/name" "Cluster"
            Holds::Text("outbound|9080||reviews.bookinfo.svc.cluster.local"), "any" []
            "Of the cluster of this name";
        "patch/operation" "How" Holds::OneOf(&["INSERT_BEFORE", "INSERT_AFTER", "INSERT_FIRST", "ADD",
            "MERGE", "REPLACE", "REMOVE"]), "" [] "What is done there";
        "patch/filterClass" "Class" Holds::OneOf(&["AUTHN", "AUTHZ", "STATS"]), "" []
            "Before which of Istio's own filters it is put";
        "patch/value" "Envoy's settings" Holds::Yaml, "" [] "Envoy's own configuration";
    }
    FILTER {
        "priority" "Priority" Holds::Signed(0), "0" [] "Of several, the lowest is applied first";
        "configPatches" "Patches" Holds::Each("patch", PATCH), "" [] "What is changed, one after the other";
    }
    WHOSE {
        "workloadSelector/labels" "Whose" Holds::Pairs("label"), "" []
            "Labels of the workloads that it is for";
    }
}

/// The tables of a kind: what it says, for whom, and for whom by name.
fn tables(kind: &Kind) -> [&'static [FieldRow]; 3] {
    if kind == &kinds::WASM_PLUGIN { [WASM, LABELS, TARGETS] } else { [FILTER, WHOSE, TARGETS] }
}

/// What an extension says; nothing where there is none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Extension(Option<Fields>);

impl AnyScope for ExtensionAt {
    fn is(&self, now: &Self) -> bool {
        self == now
    }
}

impl Edits for Extension {
    type Scope = ExtensionAt;
    const ABOUT: About = About {
        name: "Extensions",
        icon: PUZZLE_PIECE,
        summary: "Run a WASM plugin in proxies or patch their Envoy, and see in which order filters stand",
    };
    const NEEDS: &'static [&'static Kind] = &[&kinds::ENVOY_FILTER];
    const CHOOSER: Chooser = Chooser::Menu("extension");
    const FIELDS: &'static [&'static [FieldRow]] = &[WASM, LABELS, TARGETS, FILTER, WHOSE];

    fn applies(service: &Service) -> bool {
        !service.workloads.is_empty()
    }

    fn scopes(mesh: &Mesh, subject: &Subject<'_>) -> Vec<Scoped<ExtensionAt, Self>> {
        let Some(first) = subject.workloads.first() else { return Vec::new() };
        let there = extensions::of(mesh, &subject.workloads).into_iter().map(|at| {
            let spec = mesh.objects().get(&at).map(mesh::Object::spec);
            Scoped {
                words: format!("{} {}/{}", at.kind, at.namespace, at.name),
                object: format!("for {}", extensions::for_whom(mesh, &at)),
                now: Self(Some(Fields::of(spec, tables(at.kind).into_iter().flatten()))),
                present: false,
                usual: false,
                locked: None,
                at: ExtensionAt::Of(at),
            }
        });
        let there: Vec<Scoped<ExtensionAt, Self>> = there.collect();
        let none = there.is_empty();
        let wide = [Scope::Namespace(first.namespace.to_string()), Scope::Mesh];
        let own = subject
            .workloads
            .iter()
            .map(|one| Scope::Workload(one.namespace.to_string(), one.name.to_string()));
        let scopes: Vec<Scope> = own.chain(wide).collect();
        let kinds: [&'static Kind; 2] = [&kinds::ENVOY_FILTER, &kinds::WASM_PLUGIN];
        let fresh = kinds.into_iter().flat_map(|kind| {
            scopes.iter().map(move |scope| Scoped {
                words: format!("new {kind} for {}", whose(scope)),
                object: kind.kind.to_owned(),
                now: Self(None),
                present: false,
                usual: false,
                locked: None,
                at: ExtensionAt::New(kind, scope.clone()),
            })
        });
        let mut all: Vec<_> = there.into_iter().chain(fresh).collect();
        if let Some(first) = all.first_mut() {
            first.usual = true;
            first.present = !none;
        }
        all
    }

    fn form(&mut self, was: &Self, at: &ExtensionAt, form: &mut Form<'_>) {
        let kind = at.kind();
        let [said, whose, targets] = tables(kind);
        if form.cx().scene.lacks(kind) {
            form.note(format!("This cluster does not have the kind {kind}"));
            return;
        }
        if let ExtensionAt::Of(object) = at {
            words(object, form);
        }
        if let Some(fields) = &mut self.0 {
            fields.form(said, form);
            if was.0.is_some() {
                fields.form(whose, form);
                if has_field(form, kind, "targetRefs") {
                    fields.form(targets, form);
                }
            }
        } else if was.0.is_some() {
            form.note("It goes when this is pushed");
        }
        let wanted = &mut self.0;
        form.buttons(|line| match wanted {
            None => {
                let word = if was.0.is_some() { "Keep it".to_owned() } else { format!("Make {}", an(kind)) };
                let name = format!("{} of {}", word.to_lowercase(), line.subject());
                if line.button(Button::quiet(word).with_icon(icon::PLUS).named(name), true) {
                    *wanted = Some(was.0.clone().unwrap_or_else(|| start(kind)));
                }
            }
            Some(_) if was.0.is_some() => {
                if line.button(Button::quiet(format!("Delete {kind}")).danger(), true) {
                    *wanted = None;
                }
            }
            Some(_) => {}
        });
        order(at, form);
    }

    fn plan(&self, was: &Self, at: &ExtensionAt, plan: &mut Plan<'_>) {
        if self == was {
            return;
        }
        let kind = at.kind();
        let rows = tables(kind);
        if self.0.as_ref().is_some_and(|fields| !fields.is_of(rows.into_iter().flatten())) {
            return plan.not_yet(format!("Nothing to push yet: these are no fields of {}", an(kind)));
        }
        let object = match (&self.0, at) {
            (None, ExtensionAt::New(..)) => return,
            (None, ExtensionAt::Of(object)) => {
                plan.delete(object);
                plan.title(format!("{object} goes"));
                object.clone()
            }
            (Some(now), at) => {
                now.check(rows[0], plan);
                match at {
                    ExtensionAt::Of(object) => {
                        let before = was.0.clone().unwrap_or_default();
                        now.plan(&before, &mut plan.object(object).within("spec"));
                        plan.title(format!("{object}: {}", now.said(&before, rows.into_iter().flatten())));
                        object.clone()
                    }
                    ExtensionAt::New(_, scope) => {
                        let mut spec = json!({});
                        now.write(&Fields::default(), &mut spec);
                        let Some(made) = extensions::create(plan, kind, scope, spec) else { return };
                        plan.title(format!("{scope} gets {}: {}", an(kind), now.in_short(rows[0])));
                        made
                    }
                }
            }
        };
        extensions::claims(plan, &object);
        let told = Measure::Untold("Calls do not tell what an extension makes of them".to_owned());
        plan.measures(Some(told.clone()), Some(told));
    }

    fn samples() -> Vec<Self> {
        let adds = |value: &str| {
            let code = format!(
                "function envoy_on_response(handle)\n  handle:headers():add('x-sample', '{value}')\nend\n"
            );
            json!({ "name": "sample.header", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
                "default_source_code": { "inline_string": code } } })
        };
        let patch = |context: &str, value: Value| {
            json!({ "applyTo": "HTTP_FILTER",
                "match": { "context": context, "listener": { "filterChain": { "filter": {
                    "name": "envoy.filters.network.http_connection_manager" } } } },
                "patch": { "operation": "INSERT_BEFORE", "value": value } })
        };
        let filter = |spec: &Value| Self(Some(Fields::of(Some(spec), FILTER)));
        let plugin = json!({ "url": "oci://registry.example/header:1.0", "phase": "AUTHN", "priority": 10,
            "failStrategy": "FAIL_OPEN", "pluginConfig": { "header": "x-sample" },
            "match": [{ "mode": "CLIENT_AND_SERVER", "ports": [{ "number": 9080 }] }] });
        vec![
            Self(Some(Fields::of(Some(&plugin), WASM))),
            Self(None),
            filter(
                &json!({ "configPatches": [patch("SIDECAR_INBOUND", adds("in")), patch("SIDECAR_OUTBOUND", adds("out"))],
                "priority": -10 }),
            ),
            filter(&json!({ "configPatches": [patch("ANY", adds("yes"))] })),
        ]
    }

    fn came_true(&self, at: &ExtensionAt, now: &Scoped<ExtensionAt, Self>) -> bool {
        let (ExtensionAt::New(kind, _), ExtensionAt::Of(made)) = (at, &now.at) else { return false };
        let [said, ..] = tables(kind);
        made.kind == *kind
            && self.0.is_some()
            && self.0.as_ref().zip(now.now.0.as_ref()).is_some_and(|(one, other)| !one.differs(other, said))
    }
}

/// "a WasmPlugin".
fn an(kind: &Kind) -> String {
    if kind == &kinds::WASM_PLUGIN { format!("a {kind}") } else { format!("an {kind}") }
}

/// For whom a new one is, in few words: menus are narrow.
fn whose(scope: &Scope) -> String {
    match scope {
        Scope::Workload(_, name) => name.clone(),
        Scope::Namespace(name) => format!("all {name}"),
        Scope::Mesh => "the mesh".to_owned(),
    }
}

/// What a new one begins with.
fn start(kind: &Kind) -> Fields {
    if kind == &kinds::WASM_PLUGIN {
        return Fields::with([("url", json!(""))]);
    }
    let patch = json!({ "applyTo": "HTTP_FILTER",
        "match": { "context": "SIDECAR_INBOUND", "listener": { "filterChain": { "filter": {
            "name": "envoy.filters.network.http_connection_manager" } } } },
        "patch": { "operation": "INSERT_BEFORE", "value": {} } });
    Fields::with([("configPatches", json!([patch]))])
}

/// What the cluster says of it: what was refused, what had nothing to fit to, what has no effect.
fn words(at: &Ref, form: &mut Form<'_>) {
    let told = form.cx().reads.told(at);
    let now = form.cx().now;
    if let Remote::Denied(why) = &told {
        problem::line(
            form.ui(),
            problem::Level::Note,
            "What the cluster says of it is not known",
            &why.why,
            &why.next,
        );
    }
    for word in told.value().into_iter().flat_map(|all| all.iter()).filter(|word| word.warning).take(6) {
        let at: Option<jiff::Timestamp> = word.at.parse().ok();
        let ago = at.map(|at| fmt::ago(now, at)).unwrap_or_default();
        form.warning(&word.message, &format!("{} says so ({}) {ago}", word.who, word.reason), "");
    }
    let status =
        form.known(&("status", at), |mesh| mesh.objects().get(at).map(|object| conditions(object.status())));
    for said in status.into_iter().flatten() {
        form.note(said);
    }
}

/// Conditions that istiod notes in the object's status.
fn conditions(status: &Value) -> Vec<String> {
    let messages = status["validationMessages"].as_array().into_iter().flatten();
    let messages = messages
        .map(|one| format!("{} (istiod's analysis)", one["type"]["name"].as_str().unwrap_or("Flawed")));
    let conditions = status["conditions"].as_array().into_iter().flatten();
    let conditions = conditions.filter_map(|one| {
        let text = |key: &str| one[key].as_str().unwrap_or_default();
        let said = format!("{}: {} {}", text("type"), text("status"), text("message"));
        (!text("type").is_empty()).then(|| said.trim().to_owned())
    });
    messages.chain(conditions).collect()
}

/// The order in which a proxy's filters see a request.
fn order(at: &ExtensionAt, form: &mut Form<'_>) {
    let proxy = form.known(&("proxy", at), |mesh| {
        let of = |workload: &mesh::Workload| workload.proxies().next();
        match at {
            ExtensionAt::New(_, Scope::Workload(namespace, name)) => {
                mesh.workload(namespace, name).and_then(of)
            }
            ExtensionAt::New(_, Scope::Namespace(namespace)) => {
                mesh.workloads().find(|one| *one.namespace == **namespace).and_then(of)
            }
            ExtensionAt::New(_, Scope::Mesh) => mesh.workloads().find_map(of),
            ExtensionAt::Of(object) => extensions::workloads(mesh, object).into_iter().find_map(of),
        }
    });
    let Some(proxy) = proxy else {
        return form.note("No workload that it is for has a proxy");
    };
    let filters = form.cx().reads.filters(&proxy);
    let new = matches!(at, ExtensionAt::New(..));
    form.fold(("Order of filters", 0), new, |form| {
        form.note(format!("As the configuration of {proxy} has it"));
        match &filters {
            Remote::Waiting => form.note("Reading its configuration…"),
            Remote::Denied(why) => {
                problem::line(form.ui(), problem::Level::Note, "It cannot be read", &why.why, &why.next);
            }
            Remote::Live(filters, _) | Remote::Stale(filters, ..) => {
                let sides =
                    [("Calls that come in", &filters.incoming), ("Calls that go out", &filters.outgoing)];
                for (word, orders) in sides {
                    for order in orders {
                        text::muted(form.ui(), word);
                        for (index, name) in order.iter().enumerate() {
                            form.note(format!("{}  {name}", index + 1));
                        }
                    }
                }
            }
        }
    });
}
