//! The manual of the editors, made from their table: `assets/manual/editors.md`.

use super::fields::{FieldRow, Holds};
use super::table::EDITORS;
use std::fmt::Write as _;

/// The text.
pub fn manual() -> String {
    let mut text = String::from(
        "# Editors\n\n\
         Every editor takes the same road: a draft beside what the cluster has, the server's dry run, the diff, the push, the\n\
         proxies that took it, what calls show since then, and undo. Only fields that differ are written; what an editor does not\n\
         know stays as it is. Select something in the graph, then choose an editor in the detail, in its menu or by Ctrl+K.\n",
    );
    for row in EDITORS {
        let kinds: Vec<&str> = row.needs.iter().map(|kind| kind.kind).collect();
        let (name, summary) = (row.about.name, row.about.summary);
        writeln!(text, "\n## {name}\n\n{summary}. It writes {}.", kinds.join(", ")).ok();
        writeln!(text, "\n![{name}]({})", picture_of(name)).ok();
        if !row.fields.is_empty() {
            text.push_str("\n| field | in the object | what it does | left out |\n|---|---|---|---|\n");
            row.fields.iter().for_each(|table| rows(&mut text, table, ""));
        }
    }
    text
}

/// The file of an editor's picture, beside the manual: "traffic-split.png".
pub fn picture_of(name: &str) -> String {
    format!("{}.png", name.to_lowercase().replace(' ', "-"))
}

fn rows(text: &mut String, table: &[FieldRow], above: &str) {
    for row in table {
        match row.holds {
            Holds::Group(table) => rows(text, table, above),
            Holds::Each(_, table) => {
                line(text, row, above);
                rows(text, table, &format!("{above}{}[].", row.path.replace('/', ".")));
            }
            Holds::Named(_, table) => {
                line(text, row, above);
                rows(text, table, &format!("{above}{}.*.", row.path.replace('/', ".")));
            }
            _ => line(text, row, above),
        }
    }
}

fn line(text: &mut String, row: &FieldRow, above: &str) {
    let path = row.path.replace('/', ".");
    let unset = if row.unset.is_empty() { "–" } else { row.unset };
    writeln!(text, "| {} | `{above}{path}` | {} | {unset} |", row.word, row.means.replace('|', "\\|")).ok();
}
