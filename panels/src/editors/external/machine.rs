//! Machines that answer for a service: WorkloadEntries that its ServiceEntry chooses by their labels.

use super::super::edits::Scoped;
use super::super::fields::Fields;
use super::super::form::Form;
use super::{ENDPOINT, External};
use crate::kit::Button;
use egui_phosphor::regular as icon;
use istio::views::WorkloadEntry;
use mesh::edit::external::{ExternalAt, machines};
use mesh::plan::Plan;
use mesh::{Mesh, Ref};
use serde_json::{Value, json};

/// The machines of an entry, and a new one.
pub(super) fn scopes(mesh: &Mesh, entry: &Ref) -> Vec<Scoped<ExternalAt, External>> {
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
pub(super) fn of(mesh: &Mesh, at: &ExternalAt) -> External {
    let ExternalAt::Machine(machine, _) = at else { return External::Unknown };
    let spec = mesh.objects().get(machine).map(mesh::Object::spec);
    spec.map_or(External::Unknown, |spec| External::Machine(Fields::of(Some(spec), ENDPOINT)))
}

/// Draws it; `was` is whether the cluster has one.
pub(super) fn form(wanted: &mut External, was: &External, entry: &Ref, form: &mut Form<'_>) {
    let External::Machine(fields) = wanted else {
        form.note(if *was == External::Unknown { NONE } else { "It goes when this is pushed" });
        let labels = form.known(&("labels", entry), |mesh| machines::labels(mesh, entry));
        let name = format!("add machine of {}", form.subject());
        form.buttons(|line| {
            if line.button(Button::quiet("Add machine").with_icon(icon::PLUS).named(name), true) {
                *wanted = match was {
                    External::Unknown => {
                        External::Machine(Fields::with([("address", "192.0.2.1".into()), ("labels", labels)]))
                    }
                    was => was.clone(),
                };
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
        delete = *was != External::Unknown && line.button(Button::quiet("Delete machine").danger(), true);
    });
    if delete {
        *wanted = External::Unknown;
    }
}

pub(super) fn plan(wanted: &External, was: &External, at: &ExternalAt, plan: &mut Plan<'_>) {
    let (machine, entry) = match at {
        ExternalAt::Machine(machine, entry) => (Some(machine), entry),
        ExternalAt::NewMachine(entry) => (None, entry),
        _ => return,
    };
    let made = match (machine, wanted, was) {
        (Some(machine), External::Unknown, _) => {
            plan.delete(machine);
            plan.title(format!("{machine} answers no more for {}", entry.name));
            machine.clone()
        }
        (Some(machine), External::Machine(fields), External::Machine(before)) => {
            fields.plan(before, &mut plan.object(machine).within("spec"));
            plan.title(format!("{machine}: {}", fields.said(before, ENDPOINT)));
            machine.clone()
        }
        (None, External::Machine(fields), _) => {
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
    if let External::Machine(fields) = wanted {
        let doubts = machines::doubts(plan.mesh(), entry, &view(fields));
        doubts.into_iter().for_each(|doubt| plan.warn(doubt));
    }
}

pub(super) fn samples() -> Vec<External> {
    let some = [
        json!({ "address": "192.0.2.21", "labels": { "app": "machines" }, "serviceAccount": "vm" }),
        json!({ "address": "192.0.2.22", "labels": { "app": "machines", "version": "v2" }, "weight": 3,
            "locality": "eu/a", "ports": { "http": 8081 }, "network": "vm-net" }),
    ];
    some.iter().map(|spec| External::Machine(Fields::of(Some(spec), ENDPOINT))).collect()
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
