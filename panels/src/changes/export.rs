//! The journal as a file: CSV for a table, JSON for a program.

use super::lines::{self, Of};
use super::view::Row;
use crate::cx::Cx;
use crate::intent::{Export, ListFormat};
use crate::kit::table::csv_field;
use mesh::incidents::Incidents;
use serde::Serialize;
use std::sync::Arc;

/// One line of the file.
#[derive(Clone, Debug, Default, Serialize)]
struct Told {
    time: String,
    who: String,
    objects: Vec<String>,
    what: String,
    state: String,
    proxies: String,
    took: String,
    measured: String,
    trouble: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    undoes: Option<String>,
}

const HEADS: &str = "time,who,objects,what,state,proxies,took,measured,trouble,id,undoes";

/// These lines as a file that is still to be written.
pub(super) fn export(
    cx: &Cx<'_>,
    of: &[Of],
    incidents: Option<&Arc<Incidents>>,
    format: ListFormat,
) -> Export {
    let mut seen: Vec<Of> = Vec::new();
    for one in of {
        if !seen.contains(one) {
            seen.push(*one);
        }
    }
    let told: Vec<Told> = seen.iter().filter_map(|of| told(cx, *of, incidents)).collect();
    Export::Journal(format, Arc::new(move || write(&told, format)))
}

fn told(cx: &Cx<'_>, of: Of, incidents: Option<&Arc<Incidents>>) -> Option<Told> {
    Some(match of {
        Of::Change(id) => {
            let entry = cx.changes.get(id)?;
            let row = Row::of(entry, cx);
            Told {
                time: entry.sent.unwrap_or(entry.asked).to_string(),
                who: "binnacle".to_owned(),
                objects: entry.change.steps.iter().map(|step| step.at.to_string()).collect(),
                what: entry.change.title.clone(),
                state: row.stage.to_owned(),
                proxies: row.proxies,
                took: row.took,
                measured: row.measured,
                trouble: row.trouble,
                id: Some(id.to_string()),
                undoes: entry.undoes.map(|id| id.to_string()),
            }
        }
        Of::Incident(which) => {
            let one = incidents?.all.iter().find(|one| lines::which(one) == which)?;
            Told {
                time: one.when.to_string(),
                who: one.by.clone(),
                objects: vec![one.object.clone()],
                what: one.what.clone(),
                ..Told::default()
            }
        }
        Of::Write(place) => {
            let write = cx.scene.writes.get(place)?;
            Told {
                time: write.when.to_string(),
                who: lines::who(write),
                objects: vec![write.at.to_string()],
                what: if write.what.is_empty() { lines::deed(write) } else { write.what.join(", ") },
                ..Told::default()
            }
        }
    })
}

fn write(told: &[Told], format: ListFormat) -> String {
    if format == ListFormat::Json {
        return serde_json::to_string_pretty(told).unwrap_or_default() + "\n";
    }
    let mut text = format!("{HEADS}\n");
    for one in told {
        let objects = one.objects.join("; ");
        let id = |id: &Option<String>| id.clone().unwrap_or_default();
        let fields = [
            &one.time,
            &one.who,
            &objects,
            &one.what,
            &one.state,
            &one.proxies,
            &one.took,
            &one.measured,
            &one.trouble,
            &id(&one.id),
            &id(&one.undoes),
        ];
        let fields: Vec<String> = fields.into_iter().map(|field| csv_field(field)).collect();
        text += &(fields.join(",") + "\n");
    }
    text
}
