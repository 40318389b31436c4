//! Fields of Istio that an editor shows as they are, one row of a table each: where it stands, what it is
//! called, what holds while it is left out, and where proxies show it. Only fields that the user changed are
//! written, and what is written in another form ("1m" for "60s") stays as it is.

use super::form::{Form, Setting};
use istio::Duration;
use mesh::evidence::{Claim, Want};
use mesh::plan::{Field, Part, Plan, Readable};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// One field.
pub struct FieldRow {
    /// Where it stands in its part of the object: "connectionPool/tcp/maxConnections".
    pub path: &'static str,
    /// "Connections".
    pub word: &'static str,
    /// What it is, and what it begins with when it is switched on.
    pub holds: Holds,
    /// What holds while it is left out: "no limit".
    pub unset: &'static str,
    /// Where proxies show it, from one part of the path to the next; nothing where they do not tell.
    pub shows: &'static [&'static str],
    /// What it does, in a sentence.
    pub means: &'static str,
}

/// What proxies can retry on, as Istio takes it; beside these, status codes.
pub const RETRIED_ON: &str = "5xx,gateway-error,reset,reset-before-request,connect-failure,refused-stream,\
    retriable-4xx,retriable-status-codes,retriable-headers,envoy-ratelimited,http3-post-connect-failure,\
    cancelled,deadline-exceeded,internal,resource-exhausted,unavailable";

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub enum Holds {
    /// A duration; milliseconds to begin with.
    Time(i64),
    /// A duration that proxies show in whole seconds.
    Seconds(i64),
    /// A whole number of at least 1.
    Count(u32),
    /// A whole number. Where a place in proxies is given, nothing stands there at 0, and Istio writes the
    /// number to begin with when the field is left out.
    UpTo(u32, &'static str),
    /// A share in percent.
    Percent(u32),
    /// Yes or no.
    YesOrNo,
    /// Yes or no: with yes something stands there in proxies that is not there otherwise.
    Adds,
    /// Yes or no: with no nothing stands there in proxies.
    Drops,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Words separated by commas, of these or status codes.
    Words(&'static str, &'static str),
    /// A text: a name, a path.
    Text(&'static str),
    /// Texts in a list.
    List(&'static str),
    /// A number with a fraction, of at least 1.
    Factor(u32),
    /// Status codes.
    Codes,
    /// Rows that the editor draws itself.
    Rows,
    /// A block of other fields, which means something even when it is empty.
    Block,
}

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
        let read = |row: &FieldRow| {
            let place = format!("/{}", row.path);
            let block = place.rsplit_once('/').and_then(|(block, _)| part?.pointer(block));
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
            let setting = Setting::of(row.word).unset(row.unset).means(row.means).path(row.path);
            match row.holds {
                Holds::Time(start) | Holds::Seconds(start) => {
                    self.edit(row.path, |value| form.duration(setting, value, start));
                }
                Holds::Count(start) => {
                    self.edit(row.path, |value| form.count(setting, value, start, 1..=i32::MAX as u32));
                }
                Holds::UpTo(start, _) => {
                    self.edit(row.path, |value| form.count(setting, value, start, 0..=i32::MAX as u32));
                }
                Holds::Percent(start) => {
                    self.edit(row.path, |value| form.count(setting, value, start, 0..=100));
                }
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
            }
        }
    }

    fn edit<F: Field + Readable>(&mut self, path: &str, draw: impl FnOnce(&mut Option<F>)) {
        let mut value = self.get::<F>(path);
        draw(&mut value);
        self.put(path, &value);
    }

    /// Refuses words that Istio would refuse.
    pub fn check(&self, rows: &[FieldRow], plan: &mut Plan<'_>) {
        for row in rows {
            let (Holds::Words(_, known), Some(words)) = (row.holds, self.get::<String>(row.path)) else {
                continue;
            };
            let odd = words.split(',').map(str::trim).find(|word| {
                !known.split(',').any(|known| known == *word)
                    && !word.parse().is_ok_and(|code: u16| (100..600).contains(&code))
            });
            if let Some(odd) = odd {
                plan.not_yet(format!("Nothing to push yet: “{odd}” is no condition and no status code"));
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
        tables.iter().flat_map(|rows| rows.iter()).filter(|row| self.0.contains_key(row.path)).count()
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
                && row.holds.default().as_ref() == Some(value)
            {
                let name = super::form::spoken(row.word);
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

impl Holds {
    /// Whether a field of this kind can hold this value.
    fn takes(self, value: &Value) -> bool {
        match self {
            Self::Time(_) | Self::Seconds(_) => <Duration as Readable>::read(value).is_some(),
            Self::Count(_) | Self::UpTo(..) | Self::Percent(_) => u32::read(value).is_some(),
            Self::YesOrNo | Self::Adds | Self::Drops => value.is_boolean(),
            Self::OneOf(words) => value.as_str().is_some_and(|word| words.contains(&word)),
            Self::Words(..) | Self::Text(_) => value.is_string(),
            Self::List(_) => value.as_array().is_some_and(|all| all.iter().all(Value::is_string)),
            Self::Factor(_) => value.is_number(),
            Self::Rows => value.is_array(),
            Self::Block => value.is_object(),
            Self::Codes => value.as_array().is_some_and(|codes| codes.iter().all(Value::is_u64)),
        }
    }

    /// What Istio writes for proxies when the field is left out, if that is known.
    fn default(self) -> Option<Value> {
        match self {
            Self::UpTo(number, off) if !off.is_empty() => Some(number.into()),
            _ => None,
        }
    }

    /// What proxies show of a value; of one that is left out, that it is another than with a value.
    fn claims(self, place: &Claim, shows: &str, value: Option<&Value>) -> Vec<Claim> {
        let at = |path: &str| place.clone().at(path);
        let one = match (self, value) {
            (Self::UpTo(_, off), Some(value)) if !off.is_empty() && value == 0 => at(off).absent(),
            (Self::UpTo(_, off), None) => return vec![at(shows).is(Value::Null), at(off).is(Value::Null)],
            (Self::Block, Some(_)) => at(shows).wants(Want::Present),
            (Self::Block, None) => at(shows).absent(),
            (Self::Adds, Some(Value::Bool(true))) => at(shows).wants(Want::Present),
            (Self::Drops, Some(Value::Bool(false))) => at(shows).absent(),
            (Self::Adds | Self::Drops, _) | (_, None) => at(shows).is(Value::Null),
            (Self::Seconds(_), Some(value)) => {
                at(shows).is(<Duration as Readable>::read(value).map(|time| time.millis() / 1000))
            }
            // As Istio: 0 is as good as nothing.
            (Self::Count(_) | Self::Percent(_), Some(value)) if value == 0 => at(shows).is(Value::Null),
            (Self::Words(..), Some(Value::String(words))) => {
                let words = words.split(',').map(str::trim).filter(|word| !word.is_empty());
                let (codes, mut words): (Vec<_>, Vec<_>) =
                    words.partition(|word| word.parse::<u16>().is_ok());
                if !codes.is_empty() && !words.contains(&"retriable-status-codes") {
                    words.push("retriable-status-codes");
                }
                at(shows).wants(Want::Words(words.into_iter().map(str::to_owned).collect()))
            }
            (_, Some(value)) => at(shows).is(value.clone()),
        };
        vec![one]
    }

    /// A value in words.
    fn say(self, value: &Value) -> String {
        match (self, value) {
            (Self::Time(_) | Self::Seconds(_), value) => {
                <Duration as Readable>::read(value).map_or_else(String::new, super::form::shown)
            }
            (Self::Percent(_), value) => format!("{value} %"),
            (Self::YesOrNo | Self::Adds | Self::Drops, value) => {
                if *value == true { "yes" } else { "no" }.to_owned()
            }
            (Self::Codes, value) => listed(value),
            (Self::List(_), value) => joined(value),
            (Self::Rows, value) => super::form::rows(value.as_array().map_or(0, Vec::len)),
            (Self::Block, _) => "on".to_owned(),
            (_, Value::String(words)) => words.clone(),
            (_, value) => value.to_string(),
        }
    }
}

fn listed(codes: &Value) -> String {
    let codes = codes.as_array().into_iter().flatten().map(Value::to_string);
    codes.collect::<Vec<_>>().join(",")
}

fn joined(texts: &Value) -> String {
    texts.as_array().into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join(",")
}

fn parted(texts: &str) -> Value {
    texts.split(',').map(str::trim).filter(|text| !text.is_empty()).collect()
}

fn numbers(codes: &str) -> Value {
    codes.split(',').filter_map(|code| code.trim().parse::<u16>().ok()).collect()
}
