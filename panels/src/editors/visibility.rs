//! Visibility: which services the proxies of a workload, a namespace or the mesh are told of, and who sees what
//! is said of a service.

mod shown;

use super::edits::{self, Chooser, Edits, Scoped};
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
use mesh::{Kind, Mesh, Ref, Service, kinds};
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

/// Who sees what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Visible {
    /// What a Sidecar lets proxies see.
    Sees(Fields),
    /// To whom an object is shown.
    Shown(Fields),
}

/// Whose sight it is about.
#[derive(Clone, Debug, PartialEq)]
pub enum SeenAt {
    /// What a scope sees.
    Sees(Scope),
    /// Who sees an object.
    Shown(Ref),
}

impl edits::Scope for SeenAt {
    fn is(&self, now: &Self) -> bool {
        self == now
    }
}

impl Edits for Visible {
    type Scope = SeenAt;
    const ABOUT: About = About {
        name: "Visibility",
        icon: icon::EYE,
        summary: "Decide which services a workload's proxy is told of, and who sees what is said of a service",
    };
    const NEEDS: &'static [&'static Kind] = &[&kinds::SIDECAR];
    const CHOOSER: Chooser = Chooser::Menu("visibility of");
    const FIELDS: &'static [&'static [FieldRow]] = &[ROWS, shown::FIELDS];

    fn applies(service: &Service) -> bool {
        !service.workloads.is_empty() || service.external
    }

    fn scopes(mesh: &Mesh, subject: &Subject<'_>) -> Vec<Scoped<SeenAt, Self>> {
        let workloads = || subject.workloads.iter().filter(|workload| !workload.gateway);
        let shown = shown::scopes(mesh, subject).into_iter().map(|one| {
            let at = SeenAt::Shown(one.at.clone());
            one.saying(Self::Shown).for_scope(at)
        });
        let Some(first) = workloads().next() else { return shown.collect() };
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
                now: Self::Sees(Fields::of(spec, ROWS)),
                present: object.is_some() && matches!(at, Scope::Workload(..)),
                usual: matches!(at, Scope::Workload(..)),
                locked: None,
                at: SeenAt::Sees(at),
            }
        };
        own.chain(wide).map(of).chain(shown).collect()
    }

    fn form(&mut self, _was: &Self, at: &SeenAt, form: &mut Form<'_>) {
        let (fields, at) = match (self, at) {
            (Self::Shown(fields) | Self::Sees(fields), SeenAt::Shown(at)) => {
                return shown::form(fields, at, form);
            }
            (Self::Shown(fields) | Self::Sees(fields), SeenAt::Sees(at)) => (fields, at),
        };
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

    fn plan(&self, was: &Self, at: &SeenAt, plan: &mut Plan<'_>) {
        if self == was {
            return;
        }
        let (own, was, at) = match (self, was, at) {
            (Self::Shown(own), Self::Shown(was), SeenAt::Shown(at)) => {
                return shown::plan(own, was, at, plan);
            }
            (Self::Sees(own), Self::Sees(was), SeenAt::Sees(at)) => (own, was, at),
            // A draft of the other sort says nothing here.
            _ => return,
        };
        let mesh = plan.mesh();
        let object = match visibility::own(mesh, at) {
            Some(object) => {
                own.plan(was, &mut plan.object(&object).within("spec"));
                object
            }
            None => {
                let mut spec = json!({});
                own.write(&Fields::default(), &mut spec);
                let Some(made) = visibility::create(plan, at, spec) else { return };
                made
            }
        };
        visibility::claims(plan, &object);
        let told = Measure::Untold("Calls to what is not seen are not counted as calls to it".to_owned());
        plan.measures(Some(told.clone()), Some(told));
        plan.title(format!("{}: {}", capital(&scope_name(at)), own.said(was, ROWS)));
    }

    fn samples() -> Vec<Self> {
        let some = [
            json!({ "egress": [{ "hosts": ["./*", "istio-system/*"] }] }),
            json!({ "egress": [{ "hosts": ["./ratings.bookinfo.svc.cluster.local", "istio-system/*"] }] }),
            json!({}),
        ];
        let sees = some.iter().map(|spec| Self::Sees(Fields::of(Some(spec), ROWS)));
        sees.chain(shown::samples().into_iter().map(Self::Shown)).collect()
    }
}
