//! Telemetry: what proxies report of calls, and to whom: traces, access logs and metrics, for the mesh, a
//! namespace or one workload.

use super::edits::{Chooser, Edits, Scoped};
use super::fields::{FieldRow, Fields, Holds, fields};
use super::form::Form;
use super::mtls::scope_name;
use super::policies::has_field;
use crate::kit::{Button, icon, problem};
use crate::panel::About;
use crate::subject::Subject;
use mesh::edit::{Scope, telemetry};
use mesh::evidence::Measure;
use mesh::mesh_config::Reports;
use mesh::plan::{Plan, capital};
use mesh::{Kind, Mesh, Service, kinds};
use serde::{Deserialize, Serialize};
use serde_json::json;

const MODES: &[&str] = &["CLIENT_AND_SERVER", "CLIENT", "SERVER"];

fields! {
    TAG {
        "literal/value" "Says" Holds::Text("value"), "" [] "The same for every call";
        "header/name" "Of header" Holds::Text("x-user"), "" [] "The request's header that has it";
        "header/defaultValue" "Without it" Holds::Text("none"), "" []
            "What it says where the header is missing";
        "environment/name" "Of variable" Holds::Text("REGION"), "" []
            "The proxy's environment variable that has it";
        "environment/defaultValue" "Without that" Holds::Text("none"), "" []
            "What it says where the variable is missing";
        "formatter/value" "Written as" Holds::Text("%REQ(:PATH)%"), "" [] "A format of Envoy's access logs";
    }
    TRACING {
        "match/mode" "On side" Holds::OneOf(MODES), "both" [] "Which side of a call reports so";
        "providers" "Told to" Holds::Providers(Reports::Traces), "as the mesh says" []
            "To whom spans are reported; of several only the first counts";
        "randomSamplingPercentage" "Sampled" Holds::Share(100), "as the mesh says" []
            "The share of new requests that are traced; those that are traced already stay so";
        "customTags" "Tags" Holds::Named("tag", TAG), "" [] "What each span says, too";
        "disableSpanReporting" "No spans" Holds::YesOrNo, "no" [] "Reports none at all";
        "useRequestIdForTraceSampling" "By request id" Holds::YesOrNo, "yes" []
            "Whether the request's id decides who is traced, so that all proxies of a call agree";
        "enableIstioTags" "Istio's tags" Holds::YesOrNo, "yes" []
            "Whether spans say service, revision and mesh";
        "disableContextPropagation" "Keep context" Holds::YesOrNo, "no" []
            "Whether calls do not say which trace they belong to";
    }
    LOGGING {
        "match/mode" "On side" Holds::OneOf(MODES), "both" [] "Which side of a call writes so";
        "providers" "Written to" Holds::Providers(Reports::Logs), "as the mesh says" []
            "Who gets the logs; with names here, nobody else";
        "filter/expression" "Only where" Holds::Text("response.code >= 400"), "always" []
            "Calls that are written, in CEL: response.code, request.headers['x'], connection.mtls …";
        "disabled" "Off" Holds::YesOrNo, "no" [] "Writes none";
    }
    TAG_CHANGE {
        "operation" "What" Holds::OneOf(&["UPSERT", "REMOVE"]), "UPSERT" []
            "Whether the tag gets a value, or goes";
        "value" "Value" Holds::Text("request.host"), "" [] "What it says, in CEL; a text stands in quotes";
    }
    OVERRIDE {
        "match/metric" "Metric" Holds::OneOf(&["ALL_METRICS", "REQUEST_COUNT", "REQUEST_DURATION", "REQUEST_SIZE",
            "RESPONSE_SIZE", "TCP_OPENED_CONNECTIONS", "TCP_CLOSED_CONNECTIONS", "TCP_SENT_BYTES",
            "TCP_RECEIVED_BYTES", "GRPC_REQUEST_MESSAGES", "GRPC_RESPONSE_MESSAGES"]), "all" []
            "Which of Istio's metrics";
        "match/customMetric" "Other metric" Holds::Text("my_metric"), "" []
            "One that is not Istio's, by its name";
        "match/mode" "On side" Holds::OneOf(MODES), "both" [] "Which side of a call counts so";
        "disabled" "Off" Holds::YesOrNo, "no" [] "Does not count it";
        "tagOverrides" "Tags" Holds::Named("tag", TAG_CHANGE), "" [] "Tags that come, change or go";
    }
    METRICS {
        "providers" "Told to" Holds::Providers(Reports::Metrics), "as the mesh says" []
            "Whose metrics these are; with names here, nobody else's are counted";
        "overrides" "Changes" Holds::Each("change", OVERRIDE), "" [] "What is counted otherwise";
        "reportingInterval" "Every" Holds::Time(5_000), "5 s" []
            "How often connections that last are reported";
    }
    TARGET {
        "kind" "Kind" Holds::Text("Gateway"), "" [] "Gateway, Service …";
        "group" "Group" Holds::Text("gateway.networking.k8s.io"), "core" [] "Its API group";
        "name" "Name" Holds::Text("gateway"), "" [] "Its name, in this namespace";
    }
    ROWS {
        "tracing" "Traces" Holds::Each("trace rule", TRACING), "" [] "How calls are traced";
        "accessLogging" "Access logs" Holds::Each("log rule", LOGGING), "" [] "Which calls are written";
        "metrics" "Metrics" Holds::Each("metrics rule", METRICS), "" [] "What is counted";
    }
    WHOSE {
        "selector/matchLabels" "Whose" Holds::Pairs("label"), "" [] "Labels of the workloads that it is for";
    }
    TARGETS {
        "targetRefs" "Of" Holds::Each("target", TARGET), "" []
            "What it is for instead of labels: a Gateway, a waypoint";
    }
}

/// What a Telemetry says; nothing where there is none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Telemetry(Option<Fields>);

fn every() -> impl Iterator<Item = &'static FieldRow> {
    ROWS.iter().chain(WHOSE).chain(TARGETS)
}

impl Edits for Telemetry {
    type Scope = Scope;
    const ABOUT: About = About {
        name: "Telemetry",
        icon: icon::WAVEFORM,
        summary: "Decide what proxies report of calls, and to whom: traces, access logs, metrics",
    };
    const NEEDS: &'static [&'static Kind] = &[&kinds::TELEMETRY];
    const CHOOSER: Chooser = Chooser::Menu("telemetry of");
    const FIELDS: &'static [&'static [FieldRow]] = &[ROWS, WHOSE, TARGETS];

    fn applies(service: &Service) -> bool {
        !service.workloads.is_empty()
    }

    fn scopes(mesh: &Mesh, subject: &Subject<'_>) -> Vec<Scoped<Scope, Self>> {
        let Some(first) = subject.workloads.first() else { return Vec::new() };
        let wide = [Scope::Mesh, Scope::Namespace(first.namespace.to_string())];
        let workloads = subject.workloads.iter();
        let own = workloads.map(|one| Scope::Workload(one.namespace.to_string(), one.name.to_string()));
        let of = |at: Scope| {
            let object = telemetry::of_scope(mesh, &at).into_iter().next();
            let spec = object.as_ref().and_then(|at| Some(mesh.objects().get(at)?.spec()));
            Scoped {
                words: scope_name(&at),
                object: object
                    .as_ref()
                    .map_or_else(|| "none of its own".to_owned(), |at| format!("{} {}", at.kind, at.name)),
                now: Self(spec.map(|spec| Fields::of(Some(spec), every()))),
                present: object.is_some() && matches!(at, Scope::Workload(..)),
                usual: matches!(at, Scope::Workload(..)),
                locked: None,
                at,
            }
        };
        own.chain(wide).map(of).collect()
    }

    fn form(&mut self, was: &Self, at: &Scope, form: &mut Form<'_>) {
        let others = form.known(&("several", at), |mesh| telemetry::of_scope(mesh, at));
        if let [counts, rest @ ..] = others.as_slice()
            && !rest.is_empty()
        {
            let rest: Vec<String> = rest.iter().map(ToString::to_string).collect();
            let why = format!("{counts} is older. Not in force: {}", rest.join(", "));
            form.warning(
                &format!("Of several for {at} only the oldest counts"),
                &why,
                "Put them together, and delete the others",
            );
        }
        if let Some(fields) = &mut self.0 {
            fields.form(ROWS, form);
            if matches!(at, Scope::Workload(..)) && was.0.is_some() {
                fields.form(WHOSE, form);
                if has_field(form, &kinds::TELEMETRY, "targetRefs") {
                    fields.form(TARGETS, form);
                }
            }
        } else if was.0.is_some() {
            form.note("It goes when this is pushed: the wider ones count then");
        }
        for line in form.known(&("in force", at), |mesh| telemetry::in_force(mesh, at)) {
            form.note(line);
        }
        let wanted = &mut self.0;
        form.buttons(|line| match wanted {
            None => {
                let word = if was.0.is_some() { "Keep it" } else { "Make a Telemetry" };
                let name = format!("{} of {}", word.to_lowercase(), line.subject());
                if line.button(Button::quiet(word).with_icon(icon::PLUS).named(name), true) {
                    *wanted = Some(was.0.clone().unwrap_or_default());
                }
            }
            Some(_) if was.0.is_some() => {
                if line.button(Button::quiet("Delete Telemetry").danger(), true) {
                    *wanted = None;
                }
            }
            Some(_) => {}
        });
        if let Some(why) = form.known(&("unseen", at), |mesh| unseen(mesh, at)) {
            problem::line(
                form.ui(),
                problem::Level::Note,
                "What is in force is not known for certain",
                &why,
                "",
            );
        }
    }

    fn plan(&self, was: &Self, at: &Scope, plan: &mut Plan<'_>) {
        if self == was {
            return;
        }
        let mesh = plan.mesh();
        let own = telemetry::of_scope(mesh, at).into_iter().next();
        let scope = capital(&scope_name(at));
        let object = match (&self.0, own) {
            (None, None) => return,
            (None, Some(object)) => {
                plan.delete(&object);
                plan.title(format!("{scope} reports as the wider scope says: {object} goes"));
                object
            }
            (Some(now), own) => {
                now.check(ROWS, plan);
                if !now.says(ROWS) && was.0.is_none() {
                    return plan.not_yet("Nothing to push yet: say what is reported");
                }
                plan.title(format!("{scope} reports: {}", now.in_short(ROWS)));
                match own {
                    Some(object) => {
                        let before = was.0.clone().unwrap_or_default();
                        now.plan(&before, &mut plan.object(&object).within("spec"));
                        let others = telemetry::shared(mesh, &object, at);
                        if !others.is_empty() {
                            plan.warn(format!("{object} is for {}, too", others.join(", ")));
                        }
                        object
                    }
                    None => {
                        let mut spec = json!({});
                        now.write(&Fields::default(), &mut spec);
                        let Some(made) = telemetry::create(plan, at, spec) else { return };
                        made
                    }
                }
            }
        };
        telemetry::claims(plan, &object);
        let told = Measure::Untold("What is reported is what calls are measured by".to_owned());
        plan.measures(Some(told.clone()), Some(told));
    }

    fn samples() -> Vec<Self> {
        let tags = json!({ "team": { "literal": { "value": "shop" } },
            "user": { "header": { "name": "end-user", "defaultValue": "nobody" } },
            "zone": { "environment": { "name": "NO_SUCH", "defaultValue": "here" } } });
        let changes = json!([
            { "match": { "metric": "REQUEST_SIZE" }, "disabled": true },
            { "match": { "metric": "REQUEST_COUNT", "mode": "CLIENT" }, "tagOverrides": {
                "source_app": { "operation": "REMOVE" }, "host": { "value": "request.host" } } },
        ]);
        let some = [
            json!({ "tracing": [{ "randomSamplingPercentage": 12.5, "customTags": tags, "providers": [{ "name": "jaeger" }],
                "useRequestIdForTraceSampling": false }] }),
            json!({ "tracing": [{ "match": { "mode": "CLIENT" }, "disableSpanReporting": true }],
                "accessLogging": [{ "match": { "mode": "SERVER" }, "disabled": true }] }),
            json!({ "accessLogging": [{ "providers": [{ "name": "envoy" }],
                "filter": { "expression": "response.code >= 400" } }],
                "metrics": [{ "overrides": changes, "reportingInterval": "10s" }] }),
        ];
        let some = some.iter().map(|spec| Self(Some(Fields::of(Some(spec), ROWS))));
        std::iter::once(Self(None)).chain(some).collect()
    }
}

/// Why it is not known what else is there.
fn unseen(mesh: &Mesh, at: &Scope) -> Option<String> {
    let root = mesh.root_namespace();
    let own = match at {
        Scope::Mesh => root,
        Scope::Namespace(namespace) | Scope::Workload(namespace, _) => namespace,
    };
    let why = mesh.unseen(&kinds::TELEMETRY, own).or_else(|| mesh.unseen(&kinds::TELEMETRY, root))?;
    Some(why.why.clone())
}
