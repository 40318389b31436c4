//! Visibility: which services the proxies of a workload, a namespace or the mesh are told of.

use super::edits::{Chooser, Edits, Scoped};
use super::fields::{FieldRow, Fields, Holds, fields};
use super::form::Form;
use super::mtls::scope_name;
use crate::kit::Button;
use crate::panel::About;
use crate::subject::Subject;
use egui_phosphor::regular as icon;
use mesh::edit::{Scope, visibility};
use mesh::evidence::Measure;
use mesh::plan::{Plan, capital};
use mesh::{Kind, Mesh, Service, kinds};
use serde::{Deserialize, Serialize};
use serde_json::json;

fields! {
    EGRESS {
        "hosts" "Hosts" Holds::List("./*"), "" []
            "namespace/host of what is seen: ./* is all of the own namespace, */* everything, ~/* nothing";
        "port/number" "Port" Holds::Count(80), "any" [] "For calls to this port only";
        "port/protocol" "Protocol" Holds::Text("HTTP"), "" [] "What is spoken there";
        "port/name" "Port's name" Holds::Text("http"), "" [] "Its name";
        "bind" "Address" Holds::Text("127.0.0.1"), "any" [] "The address that is listened at";
    }
    ROWS {
        "egress" "What it sees" Holds::Each("part", EGRESS), "" [] "Without a part, everything";
        "outboundTrafficPolicy/mode" "Unknown hosts" Holds::OneOf(&["ALLOW_ANY", "REGISTRY_ONLY"]),
            "as the mesh says" [] "Whether hosts can be called that the mesh does not know";
    }
}

/// What a Sidecar lets proxies see.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sees(Fields);

impl Edits for Sees {
    type Scope = Scope;
    const ABOUT: About = About {
        name: "Visibility",
        icon: icon::EYE,
        summary: "Decide which services a workload's proxy is told of, and whether it may call others",
    };
    const NEEDS: &'static [&'static Kind] = &[&kinds::SIDECAR];
    const CHOOSER: Chooser = Chooser::Menu("visibility of");
    const FIELDS: &'static [&'static [FieldRow]] = &[ROWS];

    fn applies(service: &Service) -> bool {
        !service.workloads.is_empty()
    }

    fn scopes(mesh: &Mesh, subject: &Subject<'_>) -> Vec<Scoped<Scope, Self>> {
        let workloads = || subject.workloads.iter().filter(|workload| !workload.gateway);
        let Some(first) = workloads().next() else { return Vec::new() };
        let wide = [Scope::Mesh, Scope::Namespace(first.namespace.to_string())];
        let own = workloads().map(|one| Scope::Workload(one.namespace.to_string(), one.name.to_string()));
        let of = |at: Scope| {
            let object = visibility::own(mesh, &at);
            let spec = object.as_ref().and_then(|at| Some(mesh.objects().get(at)?.spec()));
            Scoped {
                words: scope_name(&at),
                object: object
                    .as_ref()
                    .map_or_else(|| "Sidecar".to_owned(), |at| format!("{} {}", at.kind, at.name)),
                now: Self(Fields::of(spec, ROWS)),
                present: object.is_some() && matches!(at, Scope::Workload(..)),
                usual: matches!(at, Scope::Workload(..)),
                locked: None,
                at,
            }
        };
        own.chain(wide).map(of).collect()
    }

    fn form(&mut self, _was: &Self, at: &Scope, form: &mut Form<'_>) {
        let fields = &mut self.0;
        fields.form(ROWS, form);
        let called = form.measured(&("called", at), |mesh, traffic| visibility::called(mesh, traffic, at));
        let name = format!("see what was called by {at}");
        form.line("", 0.0, |line| {
            let button = Button::quiet("What it called").with_icon(icon::MAGIC_WAND).named(name);
            if line.button(button, called.is_some())
                && let Some(hosts) = called
            {
                fields.put("egress", &json!([{ "hosts": hosts }]));
            }
        });
        form.note("What it called in this time, and nothing else: rarer calls would fail");
    }

    fn plan(&self, was: &Self, at: &Scope, plan: &mut Plan<'_>) {
        if self == was {
            return;
        }
        let mesh = plan.mesh();
        let object = match visibility::own(mesh, at) {
            Some(object) => {
                self.0.plan(&was.0, &mut plan.object(&object).within("spec"));
                object
            }
            None => {
                let mut spec = json!({});
                self.0.write(&Fields::default(), &mut spec);
                let Some(made) = visibility::create(plan, at, spec) else { return };
                made
            }
        };
        visibility::claims(plan, &object);
        let told = Measure::Untold("Calls to what is not seen are not counted as calls to it".to_owned());
        plan.measures(Some(told.clone()), Some(told));
        plan.title(format!("{}: {}", capital(&scope_name(at)), self.0.said(&was.0, ROWS)));
    }

    fn samples() -> Vec<Self> {
        let some = [
            json!({ "egress": [{ "hosts": ["./*", "istio-system/*"] }] }),
            json!({ "egress": [{ "hosts": ["./ratings.bookinfo.svc.cluster.local", "istio-system/*"] }] }),
            json!({}),
        ];
        some.iter().map(|spec| Self(Fields::of(Some(spec), ROWS))).collect()
    }
}
