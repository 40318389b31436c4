//! The rules of a policy: callers, requests and conditions, each with the fields that say something. OR
//! stands between rules and between callers, AND between fields.

use super::super::form::{Form, NARROW, Told, label};
use super::super::gesture::Gesture;
use crate::kit::{Button, button, end, icon, text};
use egui::Ui;
use mesh::Mesh;
use mesh::edit::access::{OPERATIONS, Policy, SOURCES, negated, rule_said};
use mesh::edit::policy::PolicyAt;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const METHODS: &str = "GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS";
/// More than these nobody picks from a menu.
const MOST: usize = 60;
/// The column of fields' names.
const NAMES: f32 = 84.0;
const KEYS: [&str; 13] = [
    "request.headers[name]",
    "request.auth.claims[name]",
    "request.auth.principal",
    "request.auth.audiences",
    "request.auth.presenter",
    "source.ip",
    "remote.ip",
    "source.namespace",
    "source.principal",
    "source.serviceAccount",
    "destination.ip",
    "destination.port",
    "connection.sni",
];

/// What can be picked for a field.
#[derive(Clone, Default)]
struct Known {
    principals: String,
    accounts: String,
    namespaces: String,
    ports: String,
}

impl Known {
    fn of(mesh: &Mesh, at: &PolicyAt) -> Self {
        let joined = |all: BTreeSet<String>| all.into_iter().take(MOST).collect::<Vec<_>>().join(",");
        let account = |workload: &mesh::Workload| {
            let account = Some(&workload.service_account).filter(|account| !account.is_empty());
            account.map_or_else(|| "default".to_owned(), Clone::clone)
        };
        let of_workloads =
            |say: &dyn Fn(&mesh::Workload) -> String| joined(mesh.workloads().map(say).collect());
        let namespace = match at {
            PolicyAt::Of(at) => at.namespace.to_string(),
            at => at.near().unwrap_or_default().to_owned(),
        };
        let near = mesh.services().filter(|service| *service.namespace == *namespace);
        let ports: BTreeSet<u32> = near.flat_map(|service| &service.ports).map(|port| port.target).collect();
        Self {
            principals: of_workloads(&|one| {
                format!("cluster.local/ns/{}/sa/{}", one.namespace, account(one))
            }),
            accounts: of_workloads(&|one| format!("{}/{}", one.namespace, account(one))),
            namespaces: joined(mesh.namespaces().iter().map(|one| one.to_string()).collect()),
            ports: ports.iter().map(u32::to_string).collect::<Vec<_>>().join(","),
        }
    }

    fn for_field(&self, field: &str) -> &str {
        let field = field.trim_start_matches("not").to_lowercase();
        match field.as_str() {
            "principals" | "source.principal" => &self.principals,
            "serviceaccounts" | "source.serviceaccount" => &self.accounts,
            "namespaces" | "source.namespace" => &self.namespaces,
            "ports" | "destination.port" => &self.ports,
            "methods" => METHODS,
            _ => "",
        }
    }
}

/// What was asked of a rule.
enum Wish {
    Copy,
    Delete,
}

/// Fields of callers that this cluster's policies have.
pub(super) fn sources(form: &Form<'_>) -> Vec<&'static str> {
    let there = |field: &&'static str| {
        let known = form.schema();
        known.is_none_or(|known| known.tells(&format!("rules/0/from/0/source/{field}")) != Told::Missing)
    };
    SOURCES.into_iter().filter(there).collect()
}

/// Draws all rules, and what adds one.
pub(super) fn show(policy: &mut Policy, at: &PolicyAt, form: &mut Form<'_>, sources: &[&str]) {
    let known = form.known(&("rules", at), |mesh| Known::of(mesh, at));
    let folds = policy.rules.len() > 2;
    let mut wish = None;
    for (index, rule) in policy.rules.iter_mut().enumerate() {
        let number = index + 1;
        let name = format!("rule {number} of {}", form.subject());
        let id = form.ui().id().with(("rule", number));
        let open = form.ui().data(|data| data.get_temp(id)).unwrap_or(!folds);
        form.ui().add_space(2.0);
        form.ui().horizontal(|ui| {
            let caret = if open { icon::CARET_DOWN } else { icon::CARET_RIGHT };
            let head = Button::bare(format!("Rule {number}")).with_icon(caret).named(&*name).selected(open);
            if ui.add(head).clicked() {
                ui.data_mut(|data| data.insert_temp(id, !open));
            }
            end(ui, "what is done with it", |ui| {
                if ui.add(Button::icon(icon::COPY, format!("Duplicate {name}"))).clicked() {
                    wish = Some((index, Wish::Copy));
                }
                if ui.add(Button::icon(icon::TRASH, format!("Delete {name}"))).clicked() {
                    wish = Some((index, Wish::Delete));
                }
            });
        });
        text::note(form.ui(), rule_said(rule));
        if open {
            one(rule, &name, &known, form, sources);
        }
    }
    form.line("", 0.0, |line| {
        if line.button(Button::quiet("Add rule").with_icon(icon::PLUS).named("Add access rule"), true) {
            policy.rules.push(json!({}));
        }
    });
    if let Some((index, wish)) = wish {
        match wish {
            Wish::Delete => drop(policy.rules.remove(index)),
            Wish::Copy => policy.rules.insert(index + 1, policy.rules[index].clone()),
        }
        form.did(Gesture::Settled);
    }
}

/// Rows of a list in a rule.
fn rows<'v>(rule: &'v mut Value, key: &str) -> &'v mut [Value] {
    rule.get_mut(key).and_then(Value::as_array_mut).map_or(&mut [], Vec::as_mut_slice)
}

fn one(rule: &mut Value, name: &str, known: &Known, form: &mut Form<'_>, sources: &[&str]) {
    for (list, block, fields) in [("from", "source", sources), ("to", "operation", &OPERATIONS)] {
        let mut gone = None;
        for (index, row) in rows(rule, list).iter_mut().enumerate() {
            if index > 0 {
                text::muted(form.ui(), format!("or {list}"));
            }
            let of = format!("{block} {} of {name}", index + 1);
            let Some(said) = row.get_mut(block).filter(|said| said.is_object()) else {
                as_written(form, block);
                continue;
            };
            let before = said.as_object().map_or(0, serde_json::Map::len);
            fields_of(said, &of, fields, known, form);
            if before > 0 && said.as_object().is_some_and(serde_json::Map::is_empty) {
                gone = Some(index);
            }
        }
        if let Some(index) = gone {
            take(rule, list, index);
        }
    }
    let mut gone = None;
    for (index, when) in rows(rule, "when").iter_mut().enumerate() {
        if condition(when, &format!("condition {} of {name}", index + 1), known, form) {
            gone = Some(index);
        }
    }
    if let Some(index) = gone {
        take(rule, "when", index);
    }
    let picked = {
        let ui = form.ui();
        add(ui, rule, name, sources)
    };
    if picked {
        form.did(Gesture::Settled);
    }
}

/// Takes a row away, and the list with its last one: an empty list would say nothing, as none does.
fn take(rule: &mut Value, list: &str, index: usize) {
    let Some(rows) = rule.get_mut(list).and_then(Value::as_array_mut) else { return };
    rows.remove(index);
    if rows.is_empty()
        && let Some(fields) = rule.as_object_mut()
    {
        fields.shift_remove(list);
    }
}

/// The fields of a block that say something.
fn fields_of(block: &mut Value, name: &str, fields: &[&str], known: &Known, form: &mut Form<'_>) {
    let all: Vec<String> = fields.iter().flat_map(|field| [(*field).to_owned(), negated(field)]).collect();
    let said: Vec<String> = block.as_object().into_iter().flatten().map(|(key, _)| key.clone()).collect();
    for field in said {
        if !all.contains(&field) {
            as_written(form, &field);
        } else if values(
            &mut block[&field],
            &field,
            &format!("{field} of {name}"),
            known.for_field(&field),
            form,
        ) && let Some(fields) = block.as_object_mut()
        {
            fields.shift_remove(&field);
        }
    }
}

/// A line of values; returns whether they shall go.
fn values(list: &mut Value, word: &str, name: &str, known: &str, form: &mut Form<'_>) -> bool {
    let texts: Option<Vec<String>> =
        list.as_array().and_then(|list| list.iter().map(|one| one.as_str().map(str::to_owned)).collect());
    let Some(texts) = texts.filter(|texts| !texts.iter().any(|text| text.contains(','))) else {
        as_written(form, word);
        return false;
    };
    let before = texts.join(",");
    let mut now = before.clone();
    let mut gone = false;
    form.line("", 0.0, |line| {
        label(line.ui(), word, NAMES);
        let room = line.ui().available_width() - 52.0;
        line.words_in(name, &mut now, known, room);
        gone = line.button(Button::icon(icon::X, format!("Remove {name}")), true);
    });
    if now != before {
        *list = now.split(',').map(str::trim).filter(|one| !one.is_empty()).map(Value::from).collect();
    }
    gone
}

/// A condition: its key, the values that it asks for and those that it refuses. Returns whether it shall go.
fn condition(when: &mut Value, name: &str, known: &Known, form: &mut Form<'_>) -> bool {
    let mut gone = false;
    if !when.is_object() {
        as_written(form, "a condition");
        return gone;
    }
    let before = when["key"].as_str().unwrap_or_default().to_owned();
    let mut key = before.clone();
    form.line("", 0.0, |line| {
        label(line.ui(), "when", NARROW);
        let room = line.ui().available_width() - 96.0;
        line.text(&format!("key of {name}"), "request.headers[name]", &mut key, Some(room));
        let picked = button::menu(line.ui(), "", &format!("pick key of {name}"), |ui| {
            KEYS.into_iter().find(|known| button::item(ui, known))
        });
        if let Some(picked) = picked.inner.flatten() {
            picked.clone_into(&mut key);
        }
        gone = line.button(Button::icon(icon::X, format!("Remove {name}")), true);
    });
    if key != before {
        when["key"] = key.clone().into();
        form.did(Gesture::Moving);
    }
    for (field, word) in [("values", "is one of"), ("notValues", "is none of")] {
        let mut list = when.get(field).cloned().unwrap_or_else(|| json!([]));
        let there = when.get(field).is_some();
        if values(&mut list, word, &format!("{field} of {name}"), known.for_field(&key), form) {
            list = json!([]);
        }
        let empty = list.as_array().is_some_and(Vec::is_empty);
        match when.as_object_mut() {
            Some(fields) if empty && there => drop(fields.shift_remove(field)),
            Some(fields) if !empty => drop(fields.insert(field.to_owned(), list)),
            _ => {}
        }
    }
    gone
}

/// What can be added to a rule; returns whether something was.
fn add(ui: &mut Ui, rule: &mut Value, name: &str, sources: &[&str]) -> bool {
    let last = |rule: &Value, list: &str, block: &str| -> Vec<String> {
        let row = rule.get(list).and_then(Value::as_array).and_then(|rows| rows.last());
        let fields = row.and_then(|row| row[block].as_object());
        fields.into_iter().flatten().map(|(key, _)| key.clone()).collect()
    };
    let parts = [("from", "source", sources), ("to", "operation", &OPERATIONS[..])];
    let menu = button::menu(ui, "Add", &format!("add to {name}"), |ui| {
        let mut picked = None;
        for (list, block, fields) in parts {
            text::muted(ui, if list == "from" { "From callers by" } else { "To" });
            let there = last(rule, list, block);
            for field in fields.iter().flat_map(|field| [(*field).to_owned(), negated(field)]) {
                if !there.contains(&field) && button::item(ui, &field) {
                    picked = Some((list, block, Some(field)));
                }
            }
            if !there.is_empty() && button::item(ui, &format!("or another {block}")) {
                picked = Some((list, block, None));
            }
        }
        text::muted(ui, "When");
        if button::item(ui, "a condition") {
            picked = Some(("when", "", None));
        }
        picked
    });
    let Some((list, block, field)) = menu.inner.flatten() else { return false };
    if !rule.is_object() {
        *rule = json!({});
    }
    if rule.get(list).is_none_or(|rows| !rows.is_array()) {
        rule[list] = json!([]);
    }
    let Some(rows) = rule[list].as_array_mut() else { return false };
    let first = if block == "source" { sources[0] } else { "methods" };
    let fits = |row: &&mut Value| row.is_object() && row.get(block).is_none_or(Value::is_object);
    match (field, rows.last_mut().filter(fits)) {
        (Some(field), Some(row)) => row[block][&field] = json!([]),
        (Some(field), None) => rows.push(json!({ block: { field: [] } })),
        (None, _) if list == "when" => rows.push(json!({ "key": "" })),
        (None, _) => rows.push(json!({ block: { first: [] } })),
    }
    true
}

/// A line that says that something holds as it is written, because it cannot be shown in fields.
fn as_written(form: &mut Form<'_>, what: &str) {
    text::note(form.ui(), format!("{what} stays as it is written: change it as YAML"));
}
