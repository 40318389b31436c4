//! Fields of Istio that an editor shows as they are, one row of a table each: where it stands, what it is
//! called, what holds while it is left out, and where proxies show it. Only fields that the user changed are
//! written, and what is written in another form ("1m" for "60s") stays as it is.

mod each;
mod holds;
mod more;

pub use holds::{FieldRow, Holds};
use holds::{joined, listed};

use super::form::{Form, Setting, Told};
use mesh::evidence::Claim;
use mesh::plan::{Field, Part, Plan, Readable};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What proxies can retry on, as Istio takes it; beside these, status codes.
pub const RETRIED_ON: &str = "5xx,gateway-error,reset,reset-before-request,connect-failure,refused-stream,\
    retriable-4xx,retriable-status-codes,retriable-headers,envoy-ratelimited,http3-post-connect-failure,\
    cancelled,deadline-exceeded,internal,resource-exhausted,unavailable";

/// A table of [`FieldRow`]s.
macro_rules! fields {
    ($($(#[$doc:meta])* $name:ident { $(
        $path:literal $word:literal $holds:expr, $unset:literal [$($shows:expr),*] $means:literal;
    )* })*) => {$(
        $(#[$doc])*
        pub(crate) const $name: &[$crate::editors::fields::FieldRow] = &[$($crate::editors::fields::FieldRow {
            path: $path, word: $word, holds: $holds, unset: $unset, shows: &[$($shows),*], means: $means,
        }),*];
    )*};
}
pub(crate) use fields;

/// What fields hold, by their paths, as it is written. What no row of the editor's table can hold is left
/// out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Fields(BTreeMap<String, Value>);

impl Fields {
    /// What the fields of a table hold in a part of an object.
    pub fn of<'r>(part: Option<&Value>, rows: impl IntoIterator<Item = &'r FieldRow>) -> Self {
        let rows: Vec<&FieldRow> = rows.into_iter().flat_map(flat).collect();
        let read = |row: &FieldRow| {
            let place = format!("/{}", row.path);
            let block = place.rsplit_once('/').and_then(|(block, _)| part?.pointer(block));
            let block = block.filter(|block| !block.is_null());
            let value = match (row.holds, part?.pointer(&place)) {
                (Holds::Block, Some(_)) => json!({}),
                // A block that does not say how often says never.
                (Holds::UpTo(_, off), None) if !off.is_empty() && block.is_some() => json!(0),
                (_, value) => value?.clone(),
            };
            row.holds.takes(&value).then(|| (row.path.to_owned(), value))
        };
        Self(rows.into_iter().filter_map(read).collect())
    }

    /// These values; for samples.
    pub fn with<const N: usize>(values: [(&str, Value); N]) -> Self {
        Self(values.into_iter().map(|(path, value)| (path.to_owned(), value)).collect())
    }

    /// Whether all that is said belongs to these rows.
    pub fn is_of<'r>(&self, rows: impl IntoIterator<Item = &'r FieldRow>) -> bool {
        let rows: Vec<&FieldRow> = rows.into_iter().flat_map(flat).collect();
        self.0.keys().all(|path| rows.iter().any(|row| row.path == path))
    }

    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What a field holds.
    pub fn get<F: Readable>(&self, path: &str) -> Option<F> {
        F::read(self.0.get(path)?)
    }

    /// What a field holds, as it is written.
    pub fn value(&self, path: &str) -> Option<&Value> {
        self.0.get(path)
    }

    /// Gives a field a value, or takes it away.
    pub fn put(&mut self, path: &str, value: &(impl Field + ?Sized)) {
        match value.json() {
            None => drop(self.0.remove(path)),
            Some(_) if self.0.get(path).is_some_and(|there| value.says(there)) => {}
            Some(json) => drop(self.0.insert(path.to_owned(), json)),
        }
    }

    /// Takes away all fields below a path.
    pub fn clear(&mut self, below: &str) {
        self.0.retain(|path, _| !path.starts_with(below));
    }

    /// The same, but one of them stays.
    pub fn clear_but(&mut self, below: &str, kept: &str) {
        self.0.retain(|path, _| !path.starts_with(below) || path == kept);
    }

    /// Draws the fields of a table.
    pub fn form(&mut self, rows: &[FieldRow], form: &mut Form<'_>) {
        for row in rows {
            let grouped = matches!(row.holds, Holds::Group(_));
            let known = form.schema().filter(|_| !grouped);
            let told = known.map_or(Told::Nothing, |known| known.tells(row.path));
            if let (Told::Missing, Some(known)) = (&told, known) {
                if !self.0.contains_key(row.path) {
                    continue;
                }
                // What the draft holds all the same is shown, so that it can be taken out.
                form.warning(&known.missing(row.path), "", "Take it out: the server would drop it");
            }
            let means = told.help(row.means);
            let setting = Setting::of(row.word).unset(row.unset).means(&means).path(row.path);
            match row.holds {
                Holds::Time(start) | Holds::Limit(start) | Holds::Seconds(start) => {
                    self.edit(row.path, |value| form.duration(setting, value, start));
                }
                Holds::Count(start) => {
                    self.edit(row.path, |value| form.count(setting, value, start, 1..=i32::MAX as u32));
                }
                Holds::UpTo(start, _) => {
                    self.edit(row.path, |value| form.count(setting, value, start, 0..=i32::MAX as u32));
                }
                Holds::Percent(start) => {
                    self.edit(row.path, |value| form.percent(setting, value, start));
                }
                Holds::Share(start) => self.edit(row.path, |value| form.share(setting, value, start)),
                Holds::Signed(start) => {
                    self.edit(row.path, |value| form.signed(setting, value, start));
                }
                Holds::Providers(reports) => {
                    let mut value = self.0.get(row.path).cloned();
                    more::providers(form, setting, &mut value, reports);
                    self.put(row.path, &value.unwrap_or_default());
                }
                Holds::Yaml => self.edit(row.path, |value| more::yaml(form, setting, row.word, value)),
                Holds::YesOrNo | Holds::Adds | Holds::Drops => {
                    self.edit(row.path, |value| form.yes_or_no(setting, value));
                }
                Holds::OneOf(words) => self.edit(row.path, |value| form.one_of(setting, value, words)),
                Holds::Words(start, known) => {
                    self.edit(row.path, |value| form.words(setting, value, start, known));
                }
                Holds::Block => {
                    let mut on = self.0.contains_key(row.path);
                    form.switch(setting, &mut on);
                    self.put(row.path, &if on { json!({}) } else { Value::Null });
                    if !on {
                        self.clear(&format!("{}/", row.path));
                    }
                }
                Holds::Codes => {
                    let mut codes = self.0.get(row.path).map(listed);
                    form.words(setting, &mut codes, "500", "");
                    self.put(row.path, &codes.map_or(Value::Null, |codes| numbers(&codes)));
                }
                Holds::Text(start) => self.edit(row.path, |value| form.text(setting, value, start)),
                Holds::List(start) => {
                    let mut texts = self.0.get(row.path).map(joined);
                    form.words(setting, &mut texts, start, "");
                    self.put(row.path, &texts.map_or(Value::Null, |texts| parted(&texts)));
                }
                Holds::Factor(start) => {
                    self.edit(row.path, |value| form.factor(setting, value, f64::from(start)));
                }
                Holds::Rows => {}
                Holds::Group(table) => {
                    form.section(row.word, self.said_in(&[table]), |form| self.form(table, form));
                }
                Holds::Match => self.edit(row.path, |value| form.condition(setting, value)),
                Holds::Each(..)
                | Holds::Matches(_)
                | Holds::Pairs(_)
                | Holds::Numbers(_)
                | Holds::Named(..) => {
                    self.several(row, form);
                }
            }
        }
    }

    /// Fields of which there can be several.
    fn several(&mut self, row: &FieldRow, form: &mut Form<'_>) {
        let mut value = self.0.get(row.path).cloned().unwrap_or_default();
        let said = value.as_array().map_or_else(|| value.as_object().map_or(0, Map::len), Vec::len);
        let draw = |form: &mut Form<'_>, part: &mut Value, table: &[FieldRow]| {
            let was = Self::of(Some(part), table);
            let mut now = was.clone();
            now.form(table, form);
            now.write(&was, part);
        };
        form.section(row.word, said, |form| match row.holds {
            Holds::Each(noun, table) => {
                let mut list = value.as_array().cloned().unwrap_or_default();
                let says = |part: &Value| Self::of(Some(part), table).in_short(table);
                let draw = |form: &mut Form<'_>, part: &mut Value| draw(form, part, table);
                form.part(&format!("{}/0", row.path), |form| {
                    each::each(form, noun, &mut list, (&says, &draw));
                });
                value = list.into();
            }
            Holds::Named(noun, table) => {
                let mut all = value.as_object().cloned().unwrap_or_default();
                more::parts(form, noun, &mut all, &|form, part| draw(form, part, table));
                value = all.into();
            }
            Holds::Matches(noun) | Holds::Pairs(noun) | Holds::Numbers(noun) => {
                let mut all = value.as_object().cloned().unwrap_or_default();
                // There may be several of one noun: headers that are set, and that are added.
                let of = format!("{} of {}", super::form::spoken(row.word), form.subject());
                form.inside(&of, |form| each::named(form, noun, row.holds, &mut all));
                value = all.into();
            }
            _ => {}
        });
        let empty =
            value.as_array().is_some_and(Vec::is_empty) || value.as_object().is_some_and(Map::is_empty);
        self.put(row.path, &if empty { Value::Null } else { value });
    }

    /// Writes what differs from what was read into the part that it was read from.
    pub fn write(&self, was: &Self, part: &mut Value) {
        for path in self.0.keys().chain(was.0.keys().filter(|path| !self.0.contains_key(*path))) {
            if self.0.get(path) != was.0.get(path) {
                write(part, &path.split('/').collect::<Vec<_>>(), self.0.get(path));
            }
        }
    }

    /// What the fields of a table say, in a few words.
    pub fn in_short(&self, rows: &[FieldRow]) -> String {
        let said = rows.iter().flat_map(flat).filter_map(|row| {
            let value = self.0.get(row.path)?;
            Some(match row.holds {
                Holds::Each(noun, table) => {
                    let one = |part| Self::of(Some(part), table).in_short(table);
                    let all: Vec<String> = value.as_array().into_iter().flatten().map(one).collect();
                    if all.iter().all(String::is_empty) {
                        format!("{} {noun}", all.len())
                    } else {
                        all.join(if noun == "match" { " or " } else { "; " })
                    }
                }
                holds => format!("{} {}", super::form::spoken(row.word), holds.say(value)),
            })
        });
        said.collect::<Vec<_>>().join(", ")
    }

    fn edit<F: Field + Readable>(&mut self, path: &str, draw: impl FnOnce(&mut Option<F>)) {
        let mut value = self.get::<F>(path);
        draw(&mut value);
        self.put(path, &value);
    }

    /// Refuses words that Istio would refuse, and texts that are no YAML.
    pub fn check(&self, rows: &[FieldRow], plan: &mut Plan<'_>) {
        for row in rows.iter().flat_map(flat) {
            match (row.holds, self.0.get(row.path)) {
                (Holds::Words(_, known), Some(Value::String(words))) => {
                    let odd = words.split(',').map(str::trim).find(|word| {
                        !known.split(',').any(|known| known == *word)
                            && !word.parse().is_ok_and(|code: u16| (100..600).contains(&code))
                    });
                    if let Some(odd) = odd {
                        let why = format!("“{odd}” is no condition and no status code");
                        plan.not_yet(format!("Nothing to push yet: {why}"));
                    }
                }
                (Holds::Yaml, Some(Value::String(text))) => {
                    plan.not_yet(format!("Nothing to push yet: {}. {}", row.word, more::unreadable(text)));
                }
                (Holds::Each(_, table), Some(Value::Array(parts))) => {
                    parts.iter().for_each(|part| Self::of(Some(part), table).check(table, plan));
                }
                _ => {}
            }
        }
    }

    /// Writes what differs from what the user saw into its part of the object.
    pub fn plan(&self, was: &Self, part: &mut Part<'_>) {
        for path in self.0.keys().chain(was.0.keys().filter(|path| !self.0.contains_key(*path))) {
            let value = self.0.get(path).cloned().unwrap_or_default();
            // A block stays when the last thing in it goes.
            let block = self.0.iter().find_map(|(block, value)| {
                Some((
                    block,
                    path.strip_prefix(block.as_str()).filter(|_| value.is_object())?.strip_prefix('/')?,
                ))
            });
            match block {
                _ if self.0.get(path) == was.0.get(path) => {}
                None if value.is_array() || value.is_object() => {
                    part.follow(path, was.0.get(path).unwrap_or(&Value::Null), &value);
                }
                Some((block, rest)) => drop(part.within(block).set(rest, value)),
                None => drop(part.set(path, value)),
            }
        }
    }

    /// Whether one of these fields says something.
    pub fn says(&self, rows: &[FieldRow]) -> bool {
        self.said_in(&[rows]) > 0
    }

    /// How many fields of these tables say something.
    pub fn said_in(&self, tables: &[&[FieldRow]]) -> usize {
        tables
            .iter()
            .flat_map(|rows| rows.iter().flat_map(flat))
            .filter(|row| self.0.contains_key(row.path))
            .count()
    }

    /// Whether one of these fields says something else.
    pub fn differs(&self, was: &Self, rows: &[FieldRow]) -> bool {
        rows.iter().any(|row| self.0.get(row.path) != was.0.get(row.path))
    }

    /// Says where proxies show what differs, below a place in their configuration; `was` is nothing where
    /// that place was not there before.
    pub fn shows<'r>(
        &self,
        was: Option<&Self>,
        rows: impl IntoIterator<Item = &'r FieldRow>,
        (place, below): (&Claim, &str),
        plan: &mut Plan<'_>,
    ) {
        let before = |row: &FieldRow| was.and_then(|was| was.0.get(row.path));
        let differ = rows.into_iter().filter(|row| self.0.get(row.path) != before(row));
        for row in differ.filter(|row| !row.shows.is_empty()) {
            let shows = format!("{below}{}", row.shows.concat());
            let (now, then) = (self.0.get(row.path), before(row));
            if let (None, Some(value)) | (Some(value), None) = (now, then)
                && row.holds.goes_without_saying(value)
            {
                let name = super::form::spoken(row.word);
                let value = row.holds.say(value);
                plan.warn(format!(
                    "{value} {name} is what Istio does by itself: for proxies nothing changes"
                ));
                continue;
            }
            let claims = |fields: &Self| row.holds.claims(place, &shows, fields.0.get(row.path));
            plan.claims(claims(self), was.map(claims).unwrap_or_default());
        }
    }

    /// What differs, in words: "timeout 5 s instead of unset".
    pub fn said<'r>(&self, was: &Self, rows: impl IntoIterator<Item = &'r FieldRow>) -> String {
        let differ = rows.into_iter().filter(|row| self.0.get(row.path) != was.0.get(row.path));
        let say = |row: &FieldRow, fields: &Self| {
            fields.0.get(row.path).map_or_else(
                || if matches!(row.holds, Holds::Block) { "off" } else { "unset" }.to_owned(),
                |value| row.holds.say(value),
            )
        };
        differ
            .map(|row| {
                format!("{} {} instead of {}", super::form::spoken(row.word), say(row, self), say(row, was))
            })
            .collect::<Vec<_>>()
            .join(", ")
    }
}

/// Gives a place in a part this value; without one, takes it away with all that becomes empty above it.
fn write(part: &mut Value, path: &[&str], value: Option<&Value>) {
    let [first, rest @ ..] = path else { return };
    if !part.is_object() {
        *part = json!({});
    }
    let Some(fields) = part.as_object_mut() else { return };
    match (rest, value) {
        ([], Some(value)) => drop(fields.insert((*first).to_owned(), value.clone())),
        ([], None) => drop(fields.shift_remove(*first)),
        (_, Some(_)) => write(fields.entry(*first).or_insert(Value::Null), rest, value),
        (_, None) => {
            if let Some(below) = fields.get_mut(*first) {
                write(below, rest, None);
                if below.as_object().is_some_and(Map::is_empty) {
                    fields.shift_remove(*first);
                }
            }
        }
    }
}

/// A row, or those of the group that it is.
fn flat(row: &FieldRow) -> Vec<&FieldRow> {
    match row.holds {
        Holds::Group(table) => table.iter().collect(),
        _ => vec![row],
    }
}

fn parted(texts: &str) -> Value {
    texts.split(',').map(str::trim).filter(|text| !text.is_empty()).collect()
}

fn numbers(codes: &str) -> Value {
    codes.split(',').filter_map(|code| code.trim().parse::<u16>().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fields! {
        INNER {
            "uri/prefix" "Path" Holds::Text(""), "" [] "";
            "port" "Port" Holds::Count(1), "" [] "";
        }
    }

    /// What no table knows stays where it is, and what becomes empty goes.
    #[test]
    fn a_part_keeps_what_nobody_knows() {
        #[track_caller]
        fn check(part: Value, put: &[(&str, Value)], then: Value) {
            let was = Fields::of(Some(&part), INNER);
            let (mut now, mut written) = (was.clone(), part);
            put.iter().for_each(|(path, value)| now.put(path, value));
            now.write(&was, &mut written);
            assert_eq!(written, then);
        }
        let part = || json!({ "uri": { "prefix": "/a", "x": 1 }, "y": [2] });
        check(
            part(),
            &[("port", json!(80))],
            json!({ "uri": { "prefix": "/a", "x": 1 }, "y": [2], "port": 80 }),
        );
        check(part(), &[("uri/prefix", json!("/b"))], json!({ "uri": { "prefix": "/b", "x": 1 }, "y": [2] }));
        check(part(), &[("uri/prefix", Value::Null)], json!({ "uri": { "x": 1 }, "y": [2] }));
        check(json!({ "uri": { "prefix": "/a" } }), &[("uri/prefix", Value::Null)], json!({}));
        check(json!({}), &[("uri/prefix", json!("/"))], json!({ "uri": { "prefix": "/" } }));
    }
}
