//! The menu of what a proxy can be compared with: what it held before, and other proxies.

use super::beside::With;
use super::kept::{Kept, Reading};
use crate::cx::Cx;
use crate::kit::{button, field, fmt, text};
use egui::{Id, Ui};

/// So many proxies are offered; more are searched for.
const SHOWN: usize = 12;

/// Draws it. Returns what was chosen.
pub(super) fn ui(
    ui: &mut Ui,
    cx: &Cx<'_>,
    proxy: &str,
    now: &Reading,
    kept: &mut Kept,
    search: &mut String,
) -> Option<With> {
    let mut chosen = None;
    button::menu(ui, "Compare with…", "Compare this proxy", |ui| {
        ui.set_min_width(280.0);
        let earlier: Vec<Reading> = kept.of(proxy).filter(|reading| reading.at < now.at).cloned().collect();
        for reading in earlier {
            let time = reading.at.strftime("%H:%M:%S");
            if button::item(ui, &format!("Itself {} ({time} UTC)", fmt::ago(cx.now, reading.at))) {
                chosen = Some(With::Earlier(reading));
            }
        }
        if kept.of(proxy).any(|reading| reading.at == now.at) {
            text::note(ui, "This reading is kept, to be compared with later ones");
        } else if button::item(ui, "Keep this reading, to compare with it later") {
            kept.keep(proxy, now.clone());
        }
        ui.separator();
        let id = Id::new("proxies to compare with");
        field::search(ui, id, "Another proxy", "Search a proxy to compare with", search, 260.0);
        let (names, more) = others(cx, proxy, &search.trim().to_lowercase());
        for name in names {
            if button::item(ui, name) {
                chosen = Some(With::Proxy(name.to_owned()));
            }
        }
        if more > 0 {
            text::note(ui, format!("and {} more", fmt::count(more)));
        }
    });
    chosen
}

/// The others, those that are named like it first, and how many more there are.
fn others<'a>(cx: &'a Cx<'_>, proxy: &str, search: &str) -> (Vec<&'a str>, usize) {
    let all = cx.scene.proxies.value().map_or(&[][..], |all| all.as_slice());
    let fits = |name: &&str| *name != proxy && (search.is_empty() || name.to_lowercase().contains(search));
    let mut names: Vec<&str> = all.iter().map(|one| one.name.as_str()).filter(fits).collect();
    let alike = |name: &str| name.chars().zip(proxy.chars()).take_while(|(one, other)| one == other).count();
    names.sort_by_key(|name| (std::cmp::Reverse(alike(name)), *name));
    names.dedup();
    let more = names.len().saturating_sub(SHOWN);
    names.truncate(SHOWN);
    (names, more)
}
