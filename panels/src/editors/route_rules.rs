//! Route rules: the rules of a VirtualService in the order in which they are tried, each with which calls it
//! takes and what becomes of them.

use super::edits::{Chooser, Edits, Scope, Scoped};
use super::fields::{FieldRow, Fields, Holds, fields};
use super::form::Form;
use super::would_take;
use crate::panel::About;
use crate::subject::Subject;
use egui_phosphor::regular as icon;
use istio::ServiceId;
use istio::views::VirtualService;
use mesh::edit::routes;
use mesh::evidence::Measure;
use mesh::plan::{Plan, host, id};
use mesh::{Kind, Mesh, Ref, kinds};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

fields! {
    MATCH {
        "uri" "Path" Holds::Match, "any" [] "The path of the call";
        "method" "Method" Holds::Match, "any" [] "GET, POST …";
        "authority" "Host" Holds::Match, "any" [] "The host that was called";
        "scheme" "Scheme" Holds::Match, "any" [] "http or https";
        "headers" "Headers" Holds::Matches("header"), "" [] "Headers that the call has: all of them";
        "withoutHeaders" "Without headers" Holds::Matches("header"), "" []
            "Headers that the call does not have";
        "queryParams" "Query parameters" Holds::Matches("parameter"), "" [] "Parameters of the path";
        "sourceLabels" "Callers' labels" Holds::Pairs("label"), "" [] "Labels of the caller's pods";
        "sourceNamespace" "Callers' namespace" Holds::Text("default"), "any" [] "Where the caller lives";
        "port" "Port" Holds::Count(80), "any" [] "The port that was called";
        "gateways" "Gateways" Holds::List("mesh"), "those of the whole" []
            "Through which gateways the call came; mesh is from inside";
        "ignoreUriCase" "Any case" Holds::YesOrNo, "no" [] "Whether the path is compared without case";
    }
    DESTINATION {
        "destination/host" "Service" Holds::Text("reviews"), "" [] "Who gets the call";
        "destination/subset" "Subset" Holds::Text("v1"), "any pod" [] "Which of its versions";
        "destination/port/number" "Port" Holds::Count(80), "the only one" [] "Which of its ports";
        "weight" "Weight" Holds::UpTo(100, ""), "all of it" [] "Its share of the calls";
    }
    REDIRECT {
        "redirect/uri" "To path" Holds::Text("/"), "as called" [] "The path of the new place";
        "redirect/authority" "To host" Holds::Text("example.com"), "as called" [] "Its host";
        "redirect/scheme" "To scheme" Holds::OneOf(&["https", "http"]), "as called" [] "Its scheme";
        "redirect/port" "To port" Holds::Count(443), "the scheme's" [] "Its port";
        "redirect/redirectCode" "With code" Holds::Count(301), "301" [] "301, 302, 303, 307 or 308";
    }
    ANSWER {
        "directResponse/status" "Status" Holds::Count(503), "" [] "The status of the answer";
        "directResponse/body/string" "Body" Holds::Text(""), "empty" [] "What the answer says";
    }
    REWRITE {
        "rewrite/uri" "Path becomes" Holds::Text("/"), "as called" []
            "The path, or the part of it that was compared";
        "rewrite/authority" "Host becomes" Holds::Text("example.com"), "as called" [] "The host";
        "rewrite/uriRegexRewrite/match" "Path matches" Holds::Text("^/old/(.*)$"), "" []
            "An expression for the whole path";
        "rewrite/uriRegexRewrite/rewrite" "and becomes" Holds::Text("/new/\\1"), "" []
            "The new path, with what the expression caught";
    }
    HEADERS {
        "headers/request/set" "Set for the service" Holds::Pairs("header"), "" [] "In place of what is there";
        "headers/request/add" "Add for the service" Holds::Pairs("header"), "" [] "Beside what is there";
        "headers/request/remove" "Remove for it" Holds::List("x-internal"), "none" [] "What it does not see";
        "headers/response/set" "Set for the caller" Holds::Pairs("header"), "" [] "In place of what is there";
        "headers/response/add" "Add for the caller" Holds::Pairs("header"), "" [] "Beside what is there";
        "headers/response/remove" "Remove for callers" Holds::List("server"), "none" [] "What they do not see";
    }
    ORIGIN {
        "exact" "Is" Holds::Text("https://example.com"), "" [] "This origin";
        "prefix" "Begins with" Holds::Text("https://"), "" [] "Origins that begin so";
        "regex" "Matches" Holds::Text("https://.*"), "" [] "Origins that match";
    }
    CORS {
        "corsPolicy/allowOrigins" "Origins" Holds::Each("origin", ORIGIN), "" [] "Which pages may ask";
        "corsPolicy/allowMethods" "Methods" Holds::List("GET"), "as asked" [] "What they may do";
        "corsPolicy/allowHeaders" "Headers" Holds::List("content-type"), "none" [] "What they may send";
        "corsPolicy/exposeHeaders" "They see" Holds::List("x-request-id"), "none" [] "Headers they may read";
        "corsPolicy/maxAge" "Remembered for" Holds::Time(86_400_000), "not" [] "How long a browser keeps this";
        "corsPolicy/allowCredentials" "Credentials" Holds::YesOrNo, "no" [] "Whether cookies may come along";
    }
    DELEGATE {
        "delegate/name" "VirtualService" Holds::Text("more"), "" [] "Whose rules go on from here";
        "delegate/namespace" "in namespace" Holds::Text("default"), "its own" [] "Where it is";
    }
    RULE {
        "match" "Which calls" Holds::Each("match", MATCH), "" [] "Any of these; without one, all calls";
        "route" "Destinations" Holds::Each("destination", DESTINATION), "" [] "Who gets the calls";
        "#redirect" "Redirect" Holds::Group(REDIRECT), "" [] "Sends callers elsewhere";
        "#answer" "Direct answer" Holds::Group(ANSWER), "" [] "Answers without any service";
        "#rewrite" "Rewrite" Holds::Group(REWRITE), "" [] "Changes path or host on the way";
        "#headers" "Headers" Holds::Group(HEADERS), "" [] "Changes headers on the way";
        "#cors" "Other sites (CORS)" Holds::Group(CORS), "" [] "Which pages of other sites may ask";
        "#delegate" "Delegate" Holds::Group(DELEGATE), "" [] "Hands over to another VirtualService";
        "name" "Name" Holds::Text("rule"), "none" [] "A name for the rule";
    }
    RULES {
        "http" "Rules" Holds::Each("rule", RULE), "" [] "The first that takes a call decides";
    }
}

/// The rules of one VirtualService.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rules(Fields);

/// The VirtualService of a service whose rules are edited; `None` where it has none yet.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RulesOf {
    service: ServiceId,
    virtual_service: Option<Ref>,
}

impl Scope for RulesOf {
    fn is(&self, now: &Self) -> bool {
        let place = self.virtual_service == now.virtual_service || self.virtual_service.is_none();
        self.service == now.service && place
    }
    fn whole(&self) -> Option<&ServiceId> {
        Some(&self.service)
    }
}

impl Edits for Rules {
    type Scope = RulesOf;
    const ABOUT: About = About {
        name: "Route rules",
        icon: icon::SIGNPOST,
        summary: "Decide which calls go where: matches, order, rewrites, redirects, headers, CORS",
    };
    const NEEDS: &'static [&'static Kind] = &[&kinds::VIRTUAL_SERVICE];
    const CHOOSER: Chooser = Chooser::Menu("route rules of");
    const PLACE: &'static str = "spec";
    const FIELDS: &'static [&'static [FieldRow]] = &[RULES];

    fn scopes(mesh: &Mesh, subject: &Subject<'_>) -> Vec<Scoped<RulesOf, Self>> {
        let Some(service) = subject.service.filter(|service| Self::applies(service)) else {
            return Vec::new();
        };
        let scoped = |at: Option<Ref>| {
            let spec = at.as_ref().and_then(|at| Some(mesh.objects().get(at)?.spec()));
            let now = Self(Fields::of(spec, RULES));
            let entering = at.as_ref().and_then(|at| mesh.virtual_service(at)).is_some_and(|view| {
                !view.gateways.is_empty() && !view.gateways.iter().any(|gateway| gateway == "mesh")
            });
            Scoped {
                words: if entering { "calls that enter by a gateway" } else { "calls inside the mesh" }
                    .to_owned(),
                object: at
                    .as_ref()
                    .map_or_else(|| service.name.to_string(), |at| format!("{} {}", at.kind, at.name)),
                // One rule for all calls is what the other editors show.
                present: now.several(),
                now,
                usual: !entering,
                locked: None,
                at: RulesOf { service: id(service), virtual_service: at },
            }
        };
        let mut all: Vec<_> = routes::routing(mesh, service).into_iter().map(|at| scoped(Some(at))).collect();
        if service.virtual_services.is_empty() {
            all.insert(0, scoped(None));
        }
        all
    }

    fn form(&mut self, was: &Self, at: &RulesOf, form: &mut Form<'_>) {
        if at.virtual_service.is_none() && self.0.is_empty() {
            form.note("No VirtualService routes these calls yet: the first rule makes one");
        }
        self.0.form(RULES, form);
        would_take::show(form, (&*self, was), at, &at.service);
    }

    fn plan(&self, was: &Self, at: &RulesOf, plan: &mut Plan<'_>) {
        let mesh = plan.mesh();
        let Some(service) = mesh.service(&at.service.namespace, &at.service.name) else { return plan.gone() };
        if self == was {
            return;
        }
        self.0.check(RULES, plan);
        let object = match &at.virtual_service {
            Some(object) => {
                self.0.plan(&was.0, &mut plan.object(object).within("spec"));
                object.clone()
            }
            None => {
                let mut spec = json!({ "hosts": [host(service)] });
                self.0.write(&Fields::default(), &mut spec);
                let names = [&*service.name, &format!("{}-mesh", service.name)];
                let Some(made) = plan.create(&kinds::VIRTUAL_SERVICE, &service.namespace, names, spec) else {
                    return;
                };
                made
            }
        };
        routes::claims(plan, &object);
        let view: VirtualService = plan.after(&object).unwrap_or_default();
        match view.http.iter().position(|http| http.r#match.is_empty()) {
            Some(all) if all + 1 < view.http.len() => {
                let (all, next) = (all + 1, all + 2);
                plan.warn(format!(
                    "Rule {next} and what is below it take no call: rule {all} takes all. Move it up"
                ));
            }
            Some(_) => {}
            None => plan.warn("Calls that no rule takes are answered 404: every rule has a match"),
        }
        let told = Measure::Untold("Telemetry does not tell by which rule a call went".to_owned());
        plan.measures(Some(told.clone()), Some(told));
        plan.title(format!("Rules of {}: {}", object.name, differences(was, self)));
    }

    fn samples() -> Vec<Self> {
        let v1 = json!([{ "destination": { "host": "reviews", "subset": "v1" } }]);
        let jason =
            json!([{ "headers": { "end-user": { "exact": "jason" } } }, { "uri": { "prefix": "/new" } }]);
        let all = [
            json!([{ "match": jason, "route": v1, "rewrite": { "uri": "/", "authority": "other" } }, { "match": [{ "method": { "exact": "PUT" } }], "route": v1 },
                { "route": v1 }]),
            json!([{ "route": v1, "headers": { "request": { "set": { "x-b": "1", "x-a": "2" }, "remove": ["x-c"] },
                "response": { "add": { "x-d": "3" } } } }]),
            json!([{ "match": [{ "uri": { "exact": "/gone" } }], "redirect": { "uri": "/", "redirectCode": 302 } },
                { "match": [{ "port": 9080 }], "directResponse": { "status": 418, "body": { "string": "tea" } } },
                { "route": v1, "corsPolicy": { "allowOrigins": [{ "exact": "https://a" }], "maxAge": "60s" } }]),
            json!([{ "route": v1, "rewrite": { "uriRegexRewrite": { "match": "^/a(.*)$", "rewrite": "/b\\1" } } }]),
        ];
        let of = |http: &Value| Self(Fields::of(Some(&json!({ "http": http })), RULES));
        all.iter().map(of).collect()
    }
}

impl Rules {
    /// Whether there is something to put in order.
    fn several(&self) -> bool {
        self.0.value("http").and_then(Value::as_array).is_some_and(|rules| rules.len() > 1)
    }
}

/// "1 added, 2 changed".
fn differences(was: &Rules, now: &Rules) -> String {
    let list = |rules: &Rules| rules.0.value("http").and_then(Value::as_array).cloned().unwrap_or_default();
    let (was, now) = (list(was), list(now));
    let fresh = now.iter().filter(|row| !was.contains(row)).count();
    let gone = was.iter().filter(|row| !now.contains(row)).count();
    let changed = fresh.min(gone);
    let told = [(fresh - changed, "added"), (changed, "changed"), (gone - changed, "removed")];
    let told: Vec<String> =
        told.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    if told.is_empty() { "in another order".to_owned() } else { told.join(", ") }
}
