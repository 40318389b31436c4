//! What stands around the text of an object: its name, what it is checked by, how it is copied.

use super::templates;
use crate::cx::Cx;
use crate::intent::Intent;
use crate::kit::theme::{Weight, size};
use crate::kit::{Button, Tokens, icon, remote, text};
use crate::selection::Selected;
use crate::ways_out;
use egui::{Label, RichText, Ui};
use mesh::{Read, Ref, Remote, Schema, SchemaOf};

/// The schema of what the text says it is.
pub(super) fn schema(cx: &Cx<'_>, at: &Ref, text: &str) -> Remote<Schema> {
    let said = text.lines().find_map(|line| line.strip_prefix("apiVersion:"));
    let said = said.map(|version| version.trim().trim_matches(['"', '\'']).to_owned());
    let right = said.filter(|version| istio::kinds::group(version) == at.kind.group);
    let api_version = right.unwrap_or_else(|| templates::api_version(&cx.scene.mesh, at.kind));
    cx.reads.schema(&SchemaOf { kind: at.kind, api_version })
}

/// Against what the text was checked.
pub(super) fn checked(ui: &mut Ui, cx: &Cx<'_>, schema: &Remote<Schema>, at: &Ref) {
    match schema {
        Remote::Waiting => text::note(ui, "This cluster's schema is being read"),
        Remote::Live(..) => {
            text::note(ui, "Checked by this cluster's schema; the server judges it before the push")
        }
        Remote::Stale(_, _, trouble) | Remote::Denied(trouble) => {
            let said =
                format!("Not checked by a schema: {}. The server judges it before the push", trouble.why);
            let label = text::note(ui, said);
            let api_version = templates::api_version(&cx.scene.mesh, at.kind);
            if ui.add(Button::quiet("Read the schema again")).clicked() {
                cx.reads.again(Read::Schema(SchemaOf { kind: at.kind, api_version }));
            }
            label
        }
    };
}

/// What it is.
pub(super) fn head(ui: &mut Ui, cx: &Cx<'_>, at: &Ref) {
    let tokens = Tokens::of(ui);
    ways_out::row(ui, cx, &format!("{} · {}", at.kind, at.namespace));
    ui.add(Label::new(text::rich(ui, &*at.name, size::TITLE, Weight::Semibold).color(tokens.text)).wrap());
    ui.label(RichText::new(at.kind.why).size(size::SECONDARY).color(tokens.muted));
}

/// Its YAML for the clipboard.
pub(super) fn copy(ui: &mut Ui, cx: &Cx<'_>, at: &Ref, yaml: &str) {
    if ui.add(Button::quiet("Copy YAML").with_icon(icon::COPY).named("Copy YAML")).clicked() {
        cx.intents.send(Intent::Copy(yaml.to_owned(), format!("YAML of {at}")));
    }
}

/// It is not there.
pub(super) fn gone(ui: &mut Ui, cx: &Cx<'_>, at: &Ref) {
    let how = "It was deleted, or is not watched any more.";
    if remote::empty(ui, icon::GHOST, &format!("{at} is gone"), how, Some("Select nothing")) {
        cx.intents.send(Intent::Select(None));
    }
}

/// Whether an object is what is selected.
pub(super) fn is_selected(cx: &Cx<'_>, at: &Ref) -> bool {
    matches!(cx.selected, Some(Selected::Object(selected)) if selected == at)
}
