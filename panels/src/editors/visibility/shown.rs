//! Who sees an object: its `exportTo`, and what becomes of those that see it no more.

use super::super::edits::Scoped;
use super::super::fields::{FieldRow, Fields, Holds, fields};
use super::super::form::Form;
use crate::subject::Subject;
use mesh::edit::visibility::shown::{self, Audience};
use mesh::evidence::Measure;
use mesh::plan::Plan;
use mesh::{Mesh, Ref, kinds};
use serde_json::json;

fields! {
    EXPORT {
        "exportTo" "Shown to" Holds::List("."), "as the mesh says, without that all namespaces" []
            "Namespaces that see it: . is its own, * is all, ~ is none";
    }
}

/// What says who sees it: the objects of a service, and the service itself.
pub(super) fn scopes(mesh: &Mesh, subject: &Subject<'_>) -> Vec<Scoped<Ref, Fields>> {
    let Some(service) = subject.service else { return Vec::new() };
    let of = |at: Ref| {
        let spec = mesh.objects().get(&at).map(mesh::Object::spec);
        Scoped {
            words: format!("who sees {} {}", at.kind, at.name),
            object: format!("{} {}", at.kind, at.name),
            now: Fields::of(spec, EXPORT),
            present: false,
            usual: false,
            locked: None,
            at,
        }
    };
    let own = (!service.external).then(|| service.at.clone());
    shown::objects(mesh, service).into_iter().chain(own).map(of).collect()
}

pub(super) fn form(fields: &mut Fields, at: &Ref, form: &mut Form<'_>) {
    let said: Vec<String> = if at.kind == &kinds::SERVICE {
        form.known(&("said", at), |mesh| shown::said(mesh, at))
    } else {
        fields.form(EXPORT, form);
        listed(fields)
    };
    let Audience { seen, hidden, nobody } =
        form.known(&("audience", at, &said), |mesh| shown::audience(mesh, at, &said));
    let names = |all: &[String]| if all.is_empty() { "nobody".to_owned() } else { all.join(", ") };
    form.note(format!("Seen in {}", names(&seen)));
    if !hidden.is_empty() {
        form.note(format!("Out of sight of {}", names(&hidden)));
    }
    for name in nobody {
        form.warning(&format!("There is no namespace {name} to show it to"), "", "");
    }
    if at.kind == &kinds::SERVICE {
        let now = if said.is_empty() { ".".to_owned() } else { said.join(",") };
        form.warning(
            "A Service is none of Istio's objects: it is not written here",
            &format!("Its annotation {} says who sees it", shown::ANNOTATION),
            &format!(
                "kubectl annotate service {} -n {} --overwrite {}={now}",
                at.name,
                at.namespace,
                shown::ANNOTATION
            ),
        );
    }
}

pub(super) fn plan(fields: &Fields, was: &Fields, at: &Ref, plan: &mut Plan<'_>) {
    if at.kind == &kinds::SERVICE {
        return;
    }
    fields.plan(was, &mut plan.object(at).within("spec"));
    shown::shown(plan, at);
    let told = Measure::Untold("Calls to what is not seen are not counted as calls to it".to_owned());
    plan.measures(Some(told.clone()), Some(told));
    plan.title(format!("{at}: {}", fields.said(was, EXPORT)));
}

pub(super) fn samples() -> Vec<Fields> {
    let some = [json!({ "exportTo": ["."] }), json!({ "exportTo": ["bookinfo", "nowhere"] }), json!({})];
    some.iter().map(|spec| Fields::of(Some(spec), EXPORT)).collect()
}

fn listed(fields: &Fields) -> Vec<String> {
    let list = fields.value("exportTo").and_then(|value| value.as_array());
    list.into_iter().flatten().filter_map(|one| one.as_str()).map(str::to_owned).collect()
}

/// Its fields.
pub(super) const FIELDS: &[FieldRow] = EXPORT;
