//! The manual of the panels, made from their table: `assets/manual/panels.md`.

use crate::table::PANELS;
use std::fmt::Write as _;

/// What is shown beside the panels, with what it is.
pub const BESIDE: [(&str, &str); 1] = [(
    "Time",
    "Any moment of the last hours, played at any speed, or two moments compared; what was written, and restarts, \
     rollouts and warnings, as marks on one axis. It opens below the graph by “Look back in time”",
)];

/// The manual, as Markdown.
pub fn manual() -> String {
    let mut text = String::from(
        "# Panels\n\n\
         Each panel is one press away in the rail, or by Ctrl+K; several stand beside each other. What is old, what may not be read\n\
         and what is not measured says so in each of them. What is selected is in the detail on the right.\n",
    );
    let panels = PANELS.iter().map(|row| (row.about.name, row.about.summary));
    for (name, summary) in panels.chain(BESIDE) {
        writeln!(text, "\n## {name}\n\n{summary}.\n\n![{name}]({})", picture_of(name)).ok();
    }
    text
}

/// The file of a panel's picture, beside the manual: "panel-overview.png".
pub fn picture_of(name: &str) -> String {
    format!("panel-{}.png", name.to_lowercase().replace(' ', "-"))
}
