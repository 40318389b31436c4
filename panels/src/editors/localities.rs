//! Rows about localities: which region takes over when another fails, and what share each locality gets.

use super::fields::Fields;
use super::form::Form;
use crate::kit::Button;
use egui_phosphor::regular as icon;
use serde_json::{Map, Value, json};

const FAILOVER: &str = "loadBalancer/localityLbSetting/failover";
const DISTRIBUTE: &str = "loadBalancer/localityLbSetting/distribute";
const PRIORITY: &str = "loadBalancer/localityLbSetting/failoverPriority";

/// Whether something takes over where endpoints fail.
pub(super) fn fails_over(fields: &Fields) -> bool {
    [FAILOVER, PRIORITY].iter().any(|path| !list(fields, path).is_empty())
}

/// Draws the rows; Istio takes either shares or failover.
pub(super) fn form(fields: &mut Fields, form: &mut Form<'_>) {
    let (mut over, mut shares) = (list(fields, FAILOVER), list(fields, DISTRIBUTE));
    if shares.is_empty() {
        failover(&mut over, form);
        put(fields, FAILOVER, over);
    }
    if list(fields, FAILOVER).is_empty() {
        distribute(&mut shares, form);
        put(fields, DISTRIBUTE, shares);
    }
}

fn list(fields: &Fields, path: &str) -> Vec<Value> {
    fields.value(path).and_then(Value::as_array).cloned().unwrap_or_default()
}

fn put(fields: &mut Fields, path: &str, rows: Vec<Value>) {
    if list(fields, path) != rows {
        fields.put(path, &if rows.is_empty() { Value::Null } else { rows.into() });
    }
}

fn failover(rows: &mut Vec<Value>, form: &mut Form<'_>) {
    let mut gone = None;
    for (index, row) in rows.iter_mut().enumerate() {
        form.line("", 0.0, |line| {
            let of = format!("{} of {}", index + 1, line.subject());
            line.word("when");
            text(line, row, "from", "region", &format!("failing region {of}"));
            line.word("fails, to");
            text(line, row, "to", "region", &format!("region that takes over {of}"));
            if line.button(Button::icon(icon::X, format!("remove failover {of}")), true) {
                gone = Some(index);
            }
        });
    }
    gone.map(|index| rows.remove(index));
    let name = format!("add failover of {}", form.subject());
    form.line("", 0.0, |line| {
        if line.button(Button::quiet("Add failover").with_icon(icon::PLUS).named(name), true) {
            rows.push(json!({ "from": "", "to": "" }));
        }
    });
}

fn distribute(rows: &mut Vec<Value>, form: &mut Form<'_>) {
    let mut gone = None;
    for (index, row) in rows.iter_mut().enumerate() {
        let of = format!("{} of {}", index + 1, form.subject());
        form.line("", 0.0, |line| {
            line.word("calls from");
            text(line, row, "from", "region/zone/*", &format!("locality of callers {of}"));
            if line.button(Button::icon(icon::X, format!("remove shares {of}")), true) {
                gone = Some(index);
            }
        });
        let mut to: Vec<(String, u32)> =
            row["to"].as_object().map(|to| to.iter().map(share).collect()).unwrap_or_default();
        let before = to.clone();
        let mut left = None;
        for (at, (place, weight)) in to.iter_mut().enumerate() {
            form.line("", 16.0, |line| {
                line.count(&format!("share of locality {} {of}", at + 1), weight, 1..=100);
                line.word("% to");
                line.text(&format!("locality {} {of}", at + 1), "region/zone/*", place, Some(150.0));
                if line.button(Button::icon(icon::X, format!("remove locality {} {of}", at + 1)), true) {
                    left = Some(at);
                }
            });
        }
        left.map(|at| to.remove(at));
        form.line("", 16.0, |line| {
            let name = format!("add locality {of}");
            let free = !to.iter().any(|(place, _)| place.is_empty());
            if line.button(Button::quiet("Add locality").with_icon(icon::PLUS).named(name), free) {
                let rest = to.iter().map(|(_, weight)| *weight).fold(0, u32::saturating_add);
                to.push((String::new(), 100_u32.saturating_sub(rest).max(1)));
            }
        });
        let twice =
            to.iter().enumerate().any(|(at, (place, _))| to[..at].iter().any(|(one, _)| one == place));
        if to != before && !twice && row.is_object() {
            row["to"] =
                to.into_iter().map(|(place, weight)| (place, weight.into())).collect::<Map<_, _>>().into();
        }
    }
    gone.map(|index| rows.remove(index));
    let name = format!("add shares of {}", form.subject());
    form.line("", 0.0, |line| {
        if line.button(Button::quiet("Add shares").with_icon(icon::PLUS).named(name), true) {
            rows.push(json!({ "from": "", "to": { "": 100 } }));
        }
    });
}

fn share((place, weight): (&String, &Value)) -> (String, u32) {
    (place.clone(), weight.as_u64().and_then(|weight| u32::try_from(weight).ok()).unwrap_or(0))
}

fn text(line: &mut super::form::Line<'_>, row: &mut Value, key: &str, hint: &str, name: &str) {
    let mut value = row[key].as_str().unwrap_or_default().to_owned();
    line.text(name, hint, &mut value, Some(110.0));
    if row.is_object() && row[key].as_str().unwrap_or_default() != value {
        row[key] = value.into();
    }
}
