//! Fields of more than one value that are not lists of parts: parts by names, providers of the mesh, and what
//! is written as YAML.

use super::super::form::{Form, Setting, spoken};
use super::super::gesture::Gesture;
use super::holds::named;
use crate::kit::{Button, field, icon, problem};
use mesh::Remote;
use mesh::mesh_config::Reports;
use serde_json::{Map, Value, json};

/// Parts by names, each with fields of its own; `noun` is what one is called ("tag").
pub(super) fn parts(
    form: &mut Form<'_>,
    noun: &str,
    all: &mut Map<String, Value>,
    draw: &dyn Fn(&mut Form<'_>, &mut Value),
) {
    let mut rows: Vec<(String, Value)> = std::mem::take(all).into_iter().collect();
    let names: Vec<String> = rows.iter().map(|(name, _)| name.clone()).collect();
    let mut gone = None;
    for (index, (name, part)) in rows.iter_mut().enumerate() {
        let of = format!("{noun} {} of {}", index + 1, form.subject());
        form.line("", 0.0, |line| {
            let mut typed = name.clone();
            let room = line.ui().available_width() - 42.0;
            line.text(&format!("name of {of}"), noun, &mut typed, Some(room));
            if !names.contains(&typed) {
                *name = typed;
            }
            if line.button(Button::icon(icon::X, format!("remove {of}")), true) {
                gone = Some(index);
            }
        });
        form.inside(&of, |form| draw(form, part));
    }
    if let Some(index) = gone {
        rows.remove(index);
    }
    let name = format!("add {noun} of {}", form.subject());
    form.line("", 0.0, |line| {
        let free = !rows.iter().any(|(name, _)| name.is_empty());
        if line.button(Button::quiet(format!("Add {noun}")).with_icon(icon::PLUS).named(name), free) {
            rows.push((String::new(), json!({})));
        }
    });
    all.extend(rows);
}

/// Providers of the mesh: picked from those that can be told of this, or typed.
pub(super) fn providers(
    form: &mut Form<'_>,
    setting: Setting<'_>,
    value: &mut Option<Value>,
    reports: Reports,
) {
    let root = form.cx().scene.mesh.root_namespace().to_owned();
    let config = form.cx().reads.mesh_config(&root);
    let mut known: Vec<String> = reports.built_in().map(str::to_owned).into_iter().collect();
    if let Some(config) = config.value() {
        known.extend(
            config
                .told(reports)
                .map(|one| one.name.clone())
                .filter(|name| Some(name.as_str()) != reports.built_in()),
        );
    }
    let start = known.first().cloned().unwrap_or_default();
    let mut names = value.as_ref().map(named);
    form.words(setting, &mut names, &start, &known.join(","));
    let old = value.take();
    *value = names.map(|names| {
        let kept = |name: &str| old.as_ref()?.as_array()?.iter().find(|one| one["name"] == name).cloned();
        let names = names.split(',').filter(|name| !name.is_empty());
        names.map(|name| kept(name).unwrap_or_else(|| json!({ "name": name }))).collect()
    });
    let what = reports.word();
    match &config {
        Remote::Waiting => form.note("Reading the mesh's providers…"),
        Remote::Denied(why) => {
            problem::line(
                form.ui(),
                problem::Level::Note,
                "The mesh's providers are not known",
                &why.why,
                &why.next,
            );
        }
        _ => {
            if known.is_empty() {
                let where_from = format!("extensionProviders of ConfigMap istio in {root}");
                form.note(format!(
                    "This mesh names no provider for {what} ({where_from}): its default is told"
                ));
            }
            let unknown = value.as_ref().and_then(Value::as_array).into_iter().flatten();
            let unknown = unknown.filter_map(|one| one["name"].as_str());
            for name in unknown.filter(|name| !known.iter().any(|known| known == name)) {
                form.warning(
                    &format!("The mesh has no provider {name} for {what}"),
                    &format!(
                        "extensionProviders of ConfigMap istio in {root} does not name one of that kind"
                    ),
                    "Add one there first, or choose another",
                );
            }
        }
    }
}

/// Fields as YAML. What is typed stays as it is typed; while it is none, the draft holds the text, and is not
/// pushed.
pub(super) fn yaml(form: &mut Form<'_>, setting: Setting<'_>, word: &str, value: &mut Option<Value>) {
    let name = format!("{} of {}", spoken(word), form.subject());
    let mut on = value.is_some();
    form.switch(setting, &mut on);
    if !on {
        *value = None;
        return;
    }
    let said = value.get_or_insert_with(|| json!({}));
    let ui = form.ui();
    let id = ui.id().with(&name);
    let shown = |value: &Value| match value {
        Value::String(text) => text.clone(),
        value if value.as_object().is_some_and(Map::is_empty) => String::new(),
        value => istio::object::yaml_of(value),
    };
    let typed = ui.data(|data| data.get_temp::<(String, Value)>(id));
    // Something else than what was typed last may be there now.
    let mut text = typed.filter(|(_, made)| made == said).map_or_else(|| shown(said), |(text, _)| text);
    let before = text.clone();
    let response = field::area(ui, id.with("text"), &name, &mut text);
    if text != before {
        *said = match istio::yaml::read(&text) {
            Ok(document) if document.value.is_object() => document.value,
            _ if text.trim().is_empty() => json!({}),
            _ => Value::String(text.clone()),
        };
    }
    if let Value::String(text) = said {
        problem::line(ui, problem::Level::Error, &unreadable(text), "", "");
    }
    let made = said.clone();
    ui.data_mut(|data| data.insert_temp(id, (text, made)));
    form.did(Gesture::settled(response.lost_focus()));
}

/// Why a text is no fields.
pub(super) fn unreadable(text: &str) -> String {
    match istio::yaml::read(text) {
        Err(why) => format!("Line {} is no YAML: {why}", why.place().line + 1),
        Ok(_) => "Fields are expected here: name, colon, value".to_owned(),
    }
}
