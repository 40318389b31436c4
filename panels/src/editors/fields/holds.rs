//! What a field holds: which values it takes, how each reads, and where proxies show it.

use super::super::form::{self, compared};
use istio::Duration;
use mesh::evidence::{Claim, Want};
use mesh::mesh_config::Reports;
use mesh::plan::Readable;
use serde_json::Value;

/// One field.
#[derive(Debug)]
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

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub enum Holds {
    /// A duration; milliseconds to begin with.
    Time(i64),
    /// A duration that ends something: 0 is as good as leaving it out.
    Limit(i64),
    /// A duration that proxies show in whole seconds.
    Seconds(i64),
    /// A whole number of at least 1.
    Count(u32),
    /// A whole number. Where a place in proxies is given, nothing stands there at 0, and Istio writes the
    /// number to begin with when the field is left out.
    UpTo(u32, &'static str),
    /// A share in percent.
    Percent(u32),
    /// A share in percent that may have a fraction.
    Share(u32),
    /// A whole number that may be below 0.
    Signed(i32),
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
    /// A list of parts with fields of their own, and what one of them is called: "match".
    Each(&'static str, &'static [FieldRow]),
    /// Fields of the same part that belong together; the path of such a row says nothing.
    Group(&'static [FieldRow]),
    /// A condition on a text.
    Match,
    /// Conditions by names, and what one is called: "header".
    Matches(&'static str),
    /// Texts by names, and what one is called.
    Pairs(&'static str),
    /// Whole numbers by names, and what one is called.
    Numbers(&'static str),
    /// Parts by names, with fields of their own, and what one is called.
    Named(&'static str, &'static [FieldRow]),
    /// Providers of the mesh, by their names in a list.
    Providers(Reports),
    /// Anything, written as YAML.
    Yaml,
    /// A block of other fields, which means something even when it is empty.
    Block,
}

impl Holds {
    /// Whether a field of this kind can hold this value.
    pub(super) fn takes(self, value: &Value) -> bool {
        match self {
            Self::Time(_) | Self::Limit(_) | Self::Seconds(_) => {
                <Duration as Readable>::read(value).is_some()
            }
            Self::Count(_) | Self::UpTo(..) | Self::Percent(_) => u32::read(value).is_some(),
            Self::YesOrNo | Self::Adds | Self::Drops => value.is_boolean(),
            Self::OneOf(words) => value.as_str().is_some_and(|word| words.contains(&word)),
            Self::Words(..) | Self::Text(_) => value.is_string(),
            Self::List(_) => value.as_array().is_some_and(|all| all.iter().all(Value::is_string)),
            Self::Factor(_) | Self::Share(_) => value.is_number(),
            Self::Signed(_) => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
            Self::Yaml => !value.is_null(),
            Self::Group(_) => false,
            Self::Rows | Self::Each(..) | Self::Providers(_) => {
                value.as_array().is_some_and(|all| all.iter().all(Value::is_object))
            }
            Self::Match | Self::Matches(_) | Self::Pairs(_) | Self::Named(..) => value.is_object(),
            Self::Numbers(_) => value.as_object().is_some_and(|all| all.values().all(Value::is_u64)),
            Self::Block => value.is_object(),
            Self::Codes => value.as_array().is_some_and(|codes| codes.iter().all(Value::is_u64)),
        }
    }

    /// Whether a value is what Istio does by itself when the field is left out.
    pub(super) fn goes_without_saying(self, value: &Value) -> bool {
        match self {
            Self::UpTo(number, off) if !off.is_empty() => *value == number,
            Self::Limit(_) => <Duration as Readable>::read(value).is_some_and(|time| time.millis() == 0),
            _ => false,
        }
    }

    /// What proxies show of a value; of one that is left out, that it is another than with a value.
    pub(super) fn claims(self, place: &Claim, shows: &str, value: Option<&Value>) -> Vec<Claim> {
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
    pub(super) fn say(self, value: &Value) -> String {
        match (self, value) {
            (Self::Time(_) | Self::Limit(_) | Self::Seconds(_), value) => {
                <Duration as Readable>::read(value).map_or_else(String::new, form::shown)
            }
            (Self::Percent(_) | Self::Share(_), value) => format!("{value} %"),
            (Self::Providers(_), value) => named(value),
            (Self::Named(..), Value::Object(all)) => {
                all.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
            }
            (Self::Yaml, value) => value["name"].as_str().unwrap_or("as written").to_owned(),
            (Self::YesOrNo | Self::Adds | Self::Drops, value) => {
                if *value == true { "yes" } else { "no" }.to_owned()
            }
            (Self::Codes, value) => listed(value),
            (Self::List(_), value) => joined(value),
            (Self::Rows, value) => form::rows(value.as_array().map_or(0, Vec::len)),
            (Self::Each(..), value) => form::rows(value.as_array().map_or(0, Vec::len)),
            (Self::Match, value) => compared(value),
            (Self::Matches(_), Value::Object(all)) => all
                .iter()
                .map(|(name, value)| format!("{name} {}", compared(value)))
                .collect::<Vec<_>>()
                .join(", "),
            (Self::Pairs(_), Value::Object(all)) => {
                let one = |(name, value): (&String, &Value)| {
                    format!("{name}: {}", value.as_str().unwrap_or_default())
                };
                all.iter().map(one).collect::<Vec<_>>().join(", ")
            }
            (Self::Numbers(_), Value::Object(all)) => {
                all.iter().map(|(name, number)| format!("{name}: {number}")).collect::<Vec<_>>().join(", ")
            }
            (Self::Block, _) => "on".to_owned(),
            (_, Value::String(words)) => words.clone(),
            (_, value) => value.to_string(),
        }
    }
}

/// The names of a list of things with names.
pub(super) fn named(things: &Value) -> String {
    let names = things.as_array().into_iter().flatten().filter_map(|thing| thing["name"].as_str());
    names.collect::<Vec<_>>().join(",")
}

pub(super) fn joined(texts: &Value) -> String {
    texts.as_array().into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join(",")
}

pub(super) fn listed(codes: &Value) -> String {
    let codes = codes.as_array().into_iter().flatten().map(Value::to_string);
    codes.collect::<Vec<_>>().join(",")
}
