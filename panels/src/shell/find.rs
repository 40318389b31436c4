//! Everything that can be found or done by typing: panels, services, workloads, objects, actions.

use crate::barred;
use crate::cx::Cx;
use crate::editors::EDITORS;
use crate::intent::{ExportFormat, Intent, ThemeChoice};
use crate::kit::window;
use crate::objects;
use crate::selection::Selected;
use crate::table::PANELS;
use crate::words;
use egui_phosphor::regular as icon;
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

/// One thing that can be chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// "Service", "Panel", "Action", …
    pub kind: &'static str,
    /// A glyph of the icon font.
    pub icon: &'static str,
    /// "reviews".
    pub name: String,
    /// "bookinfo".
    pub place: String,
    /// What it is about: found by that where no name fits.
    pub about: &'static str,
    /// What happens when it is chosen.
    pub intent: Intent,
}

impl Found {
    fn new(
        kind: &'static str,
        icon: &'static str,
        name: impl Into<String>,
        place: impl Into<String>,
        intent: Intent,
    ) -> Self {
        Self { kind, icon, name: name.into(), place: place.into(), about: "", intent }
    }
}

/// Everything there is, in the order in which it is offered before anything is typed.
pub fn everything(cx: &Cx<'_>) -> Vec<Found> {
    let mut all: Vec<Found> = PANELS
        .iter()
        .map(|row| {
            Found::new("Panel", row.about.icon, row.about.name, row.about.summary, Intent::Open(row.id))
        })
        .collect();
    let mesh = &cx.scene.mesh;
    for service in mesh.services() {
        let selected = Selected::Service(service.namespace.to_string(), service.name.to_string());
        all.push(Found::new(
            "Service",
            icon::CUBE,
            &*service.name,
            &*service.namespace,
            Intent::Select(Some(selected)),
        ));
    }
    for workload in mesh.workloads() {
        let selected = Selected::Workload(workload.namespace.to_string(), workload.name.to_string());
        all.push(Found::new(
            "Workload",
            icon::STACK,
            &*workload.name,
            &*workload.namespace,
            Intent::Select(Some(selected)),
        ));
    }
    for at in mesh.objects().keys().filter(|at| at.kind.editable) {
        let selected = Intent::Select(Some(Selected::Object(at.clone())));
        all.push(Found::new(at.kind.kind, icon::FILE_TEXT, &*at.name, &*at.namespace, selected));
    }
    for service in mesh.services() {
        let selected = Selected::Service(service.namespace.to_string(), service.name.to_string());
        for row in EDITORS.iter().filter(|row| (row.applies)(service) && row.lacks(cx).is_none()) {
            let name = format!("{} of {}…", row.about.name, service.name);
            let edit = Intent::Edit(selected.clone(), row.about.name);
            let found = Found::new("Editor", row.about.icon, name, &*service.namespace, edit);
            all.push(Found { about: row.about.summary, ..found });
        }
    }
    all.extend(actions(cx));
    all
}

fn actions(cx: &Cx<'_>) -> Vec<Found> {
    let act = |icon, name: &str, place: &str, intent| Found::new("Action", icon, name, place, intent);
    let mut all = vec![
        match cx.paused {
            true => act(icon::PLAY, "Resume live data", "", Intent::Pause(false)),
            false => act(icon::PAUSE, "Pause live data", "", Intent::Pause(true)),
        },
        act(icon::MOON, "Use the dark theme", "", Intent::Theme(ThemeChoice::Dark)),
        act(icon::SUN, "Use the light theme", "", Intent::Theme(ThemeChoice::Light)),
        act(icon::CIRCLE_HALF, "Use the system's theme", "", Intent::Theme(ThemeChoice::System)),
        match cx.workloads {
            true => act(
                icon::CUBE,
                "Do not allow workload changes",
                &cx.scene.context,
                Intent::AllowWorkloads(false),
            ),
            false => {
                act(icon::CUBE, "Allow workload changes", &cx.scene.context, Intent::AllowWorkloads(true))
            }
        },
        act(icon::FOLDER_OPEN, "Open a file of traces…", "", Intent::OpenFile(None)),
        act(icon::BELL, "Notify the desktop when something fails", "", Intent::Notifications(true)),
        act(icon::BELL_SLASH, "Do not notify the desktop", "", Intent::Notifications(false)),
    ];
    for (seconds, name) in window::WINDOWS {
        all.push(act(
            icon::CLOCK,
            &format!("Measure over the {}", name.to_lowercase()),
            "",
            Intent::Window(*seconds),
        ));
    }
    let mut newest_first = cx.changes.entries().iter().rev();
    if let Some(entry) = newest_first
        .find(|entry| words::can_undo(entry, cx.changes) && barred::barred(&entry.change, cx).is_none())
    {
        all.push(act(
            icon::ARROW_U_UP_LEFT,
            "Undo the last change",
            &entry.change.title,
            Intent::Undo(entry.id),
        ));
    }
    all.extend(of_object(cx));
    for kind in objects::kinds() {
        if let Some(intent) = objects::create(cx, kind) {
            all.push(act(icon::FILE_PLUS, &format!("Create {kind}…"), "", intent));
        }
    }
    all.extend([
        act(icon::FILE_SVG, "Save the graph as SVG…", "", Intent::ExportGraph(ExportFormat::Svg)),
        act(icon::FILE_PNG, "Save the graph as PNG…", "", Intent::ExportGraph(ExportFormat::Png)),
        act(icon::X_CIRCLE, "Select nothing", "", Intent::Select(None)),
        act(icon::ARROWS_CLOCKWISE, "Try again what failed", "", Intent::Retry),
        act(icon::PLUGS, "Disconnect", &cx.scene.context, Intent::Disconnect),
    ]);
    for context in cx.contexts.others() {
        all.push(act(
            icon::PLUGS_CONNECTED,
            &format!("Connect to {}", cx.contexts.name(context)),
            "",
            Intent::Connect(context.id()),
        ));
    }
    all
}

/// What can be done with the object that is selected.
fn of_object(cx: &Cx<'_>) -> Vec<Found> {
    let Some(Selected::Object(at)) = cx.selected.filter(|_| !cx.read_only) else { return Vec::new() };
    let Some(clone) = objects::clone(cx, at) else { return Vec::new() };
    let delete = Intent::Edit(Selected::Object(at.clone()), objects::DELETE);
    let act = |icon, what: &str, intent| Found::new("Action", icon, format!("{what} {at}…"), "", intent);
    vec![act(icon::COPY_SIMPLE, "Clone", clone), act(icon::TRASH, "Delete", delete)]
}

/// The rows of `all` that fit what was typed, the best first; everything in its own order when nothing was
/// typed.
pub fn search(all: &[Found], typed: &str, at_most: usize) -> Vec<usize> {
    if typed.trim().is_empty() {
        return (0..all.len().min(at_most)).collect();
    }
    let whole = typed.trim().to_lowercase();
    let pattern = Pattern::parse(typed, CaseMatching::Ignore, Normalization::Smart);
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut buffer = Vec::new();
    let mut hits: Vec<(u32, usize)> = all
        .iter()
        .enumerate()
        .filter_map(|(index, found)| {
            let mut score_of = |text: &str| pattern.score(Utf32Str::new(text, &mut buffer), &mut matcher);
            let score = score_of(&format!("{} {}", found.name, found.place));
            // The kind counts only where name and place alone do not fit: "service rev".
            let score = score
                .or_else(|| score_of(&format!("{} {}", found.kind, found.name)).map(|score| score / 2))
                .or_else(|| found.about.to_lowercase().contains(&whole).then_some(0))?;
            // A name that begins with what was typed is what people mean.
            let begins = found.name.to_lowercase().starts_with(&typed.trim().to_lowercase());
            Some((score + if begins { 1000 } else { 0 }, index))
        })
        .collect();
    // Letters scattered over a long name are a guess; where names hold what was typed as it stands, guesses
    // only stand about.
    let named =
        |index: usize| format!("{} {}", all[index].name, all[index].place).to_lowercase().contains(&whole);
    let about = |index: usize| all[index].about.to_lowercase().contains(&whole);
    if hits.iter().any(|(_, index)| named(*index)) {
        hits.retain(|(_, index)| named(*index));
    } else if hits.iter().any(|(_, index)| about(*index)) {
        hits.retain(|(_, index)| about(*index));
    }
    hits.sort_by_key(|(score, index)| (std::cmp::Reverse(*score), *index));
    hits.into_iter().take(at_most).map(|(_, index)| index).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, place: &str) -> Found {
        Found::new("Service", "", name, place, Intent::Palette)
    }

    #[track_caller]
    fn check(typed: &str, expect: &[&str]) {
        let all = [
            found("details", "bookinfo"),
            found("ratings", "bookinfo"),
            found("reviews", "bookinfo"),
            found("preview", "shop"),
        ];
        let names: Vec<&str> =
            search(&all, typed, 3).into_iter().map(|index| all[index].name.as_str()).collect();
        assert_eq!(names, expect);
    }

    #[test]
    fn nothing_typed_offers_the_first() {
        check("", &["details", "ratings", "reviews"]);
    }
    #[test]
    fn letters_in_order_are_enough() {
        check("rtng", &["ratings"]);
    }
    #[test]
    fn names_that_begin_so_come_first() {
        check("revi", &["reviews", "preview"]);
    }
    #[test]
    fn name_and_place_together() {
        check("pre shop", &["preview"]);
    }
    #[test]
    fn no_hit() {
        check("zzz", &[]);
    }
    #[test]
    fn what_an_editor_is_about_finds_it_where_no_name_does() {
        let all = [
            found("strange trick", "shop"),
            Found {
                about: "Plain text is taken (PERMISSIVE) or not (STRICT)",
                ..found("Mutual TLS", "shop")
            },
        ];
        assert_eq!(search(&all, "strict", 3), [1]);
        assert_eq!(search(&all, "strange", 3), [0]);
    }
    #[test]
    fn the_kind_helps() {
        check("service details", &["details"]);
    }
}
