//! Machines that answer for a service: WorkloadEntries that its ServiceEntry chooses by their labels.

use super::super::edits::Scoped;
use super::super::fields::{Fields, Holds, fields};
use super::super::form::Form;
use crate::kit::Button;
use egui_phosphor::regular as icon;
use istio::views::WorkloadEntry;
use mesh::edit::external::{ExternalAt, machines};
use mesh::plan::Plan;
use mesh::{Mesh, Ref};
use serde_json::{Value, json};

fields! {
    ENDPOINT {
        "address" "Address" Holds::Text("192.0.2.1"), "" [] "An address, or a name to look up";
        "ports" "Ports" Holds::Numbers("port"), "the target port" []
            "The endpoint's port, by the name of the service's port";
        "labels" "Labels" Holds::Pairs("label"), "" [] "By which subsets choose it";
        "weight" "Weight" Holds::Count(1), "1" [] "Its part of the calls, beside the others";
        "locality" "Locality" Holds::Text("region/zone"), "unknown" [] "Where it stands: region/zone/subzone";
        "network" "Network" Holds::Text("vm-net"), "the mesh's" [] "The network that it is reached in";
        "serviceAccount" "Service account" Holds::Text("default"), "none" []
            "Who it is, where it has a sidecar";
    }
}

/// The machines of an entry, and a new one.
pub(super) fn scopes(mesh: &Mesh, entry: &Ref) -> Vec<Scoped<ExternalAt, Option<Fields>>> {
    if !machines::choosing(mesh, entry) {
        return Vec::new();
    }
    let of = |at: ExternalAt, words: String, object: String| Scoped {
        words,
        object,
        now: of(mesh, &at),
        present: false,
        usual: false,
        locked: None,
        at,
    };
    let there = machines::machines(mesh, entry).into_iter().map(|machine| {
        let (words, object) =
            (format!("machine {}", machine.name), format!("WorkloadEntry {}", machine.name));
        of(ExternalAt::Machine(machine, entry.clone()), words, object)
    });
    let new = of(
        ExternalAt::NewMachine(entry.clone()),
        format!("a new machine for {}…", entry.name),
        "WorkloadEntry".to_owned(),
    );
    there.chain([new]).collect()
}

/// What the cluster has there.
fn of(mesh: &Mesh, at: &ExternalAt) -> Option<Fields> {
    let ExternalAt::Machine(machine, _) = at else { return None };
    Some(Fields::of(Some(mesh.objects().get(machine)?.spec()), ENDPOINT))
}

/// Draws it; `was` is what the cluster has.
pub(super) fn form(wanted: &mut Option<Fields>, was: Option<&Fields>, entry: &Ref, form: &mut Form<'_>) {
    let Some(fields) = wanted else {
        form.note(if was.is_some() { "It goes when this is pushed" } else { NONE });
        let labels = form.known(&("labels", entry), |mesh| machines::labels(mesh, entry));
        let name = format!("add machine of {}", form.subject());
        form.buttons(|line| {
            if line.button(Button::quiet("Add machine").with_icon(icon::PLUS).named(name), true) {
                let new = || Fields::with([("address", "192.0.2.1".into()), ("labels", labels)]);
                *wanted = Some(was.cloned().unwrap_or_else(new));
            }
        });
        return;
    };
    fields.form(ENDPOINT, form);
    let (view, draft) = (view(fields), format!("{fields:?}"));
    for doubt in form.known(&("doubts", entry, draft), |mesh| machines::doubts(mesh, entry, &view)) {
        form.warning(&doubt, "", "");
    }
    let mut delete = false;
    form.buttons(|line| {
        delete = was.is_some() && line.button(Button::quiet("Delete machine").danger(), true);
    });
    if delete {
        *wanted = None;
    }
}

pub(super) fn plan(wanted: Option<&Fields>, was: Option<&Fields>, at: &ExternalAt, plan: &mut Plan<'_>) {
    let (machine, entry) = match at {
        ExternalAt::Machine(machine, entry) => (Some(machine), entry),
        ExternalAt::NewMachine(entry) => (None, entry),
        _ => return,
    };
    let made = match (machine, wanted, was) {
        (Some(machine), None, _) => {
            plan.delete(machine);
            plan.title(format!("{machine} answers no more for {}", entry.name));
            machine.clone()
        }
        (Some(machine), Some(fields), Some(before)) => {
            fields.plan(before, &mut plan.object(machine).within("spec"));
            plan.title(format!("{machine}: {}", fields.said(before, ENDPOINT)));
            machine.clone()
        }
        (None, Some(fields), _) => {
            let address = fields.get::<String>("address").unwrap_or_default();
            if address.is_empty() {
                return plan.not_yet("Nothing to push yet: a machine needs an address");
            }
            let Some(made) = machines::create(plan, entry, json(fields)) else { return };
            plan.title(format!("{address} answers for {}", entry.name));
            made
        }
        _ => return,
    };
    machines::claims(plan, &made);
    if let Some(fields) = wanted {
        let doubts = machines::doubts(plan.mesh(), entry, &view(fields));
        doubts.into_iter().for_each(|doubt| plan.warn(doubt));
    }
}

pub(super) fn samples() -> Vec<Fields> {
    let some = [
        json!({ "address": "192.0.2.21", "labels": { "app": "machines" }, "serviceAccount": "vm" }),
        json!({ "address": "192.0.2.22", "labels": { "app": "machines", "version": "v2" }, "weight": 3,
            "locality": "eu/a", "ports": { "http": 8081 }, "network": "vm-net" }),
    ];
    some.iter().map(|spec| Fields::of(Some(spec), ENDPOINT)).collect()
}

fn json(fields: &Fields) -> Value {
    let mut spec = json!({});
    fields.write(&Fields::default(), &mut spec);
    spec
}

fn view(fields: &Fields) -> WorkloadEntry {
    serde_json::from_value(json(fields)).unwrap_or_default()
}

const NONE: &str = "Pods and machines with the labels of the entry answer for it";
