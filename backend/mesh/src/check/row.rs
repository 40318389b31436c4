//! One line of a report: a finding, or what is wrong with a file itself.

use super::files::{Files, Source};
use super::fix::meant;
use super::world::listed;
use super::{Check, Finding, Severity, checks};
use crate::Ref;
use istio::fields::{Odd, What};
use istio::kinds;
use istio::views::gateway_api::GROUP as GATEWAY_API;
use serde::Serialize;

/// One finding, as it is printed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// What was looked for.
    pub name: &'static str,
    /// istioctl's and Kiali's codes for it.
    pub codes: &'static [&'static str],
    /// How bad it is.
    pub severity: Severity,
    /// "VirtualService bookinfo/reviews"; "" for a file that cannot be read.
    pub object: String,
    /// Where in the object.
    pub path: String,
    /// The file, where it stands in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line in the file, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The column in the line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// What it is.
    pub what: String,
    /// Why it matters.
    pub why: &'static str,
    /// What to do.
    pub next: &'static str,
    /// How it is mended here, where that is plain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Row {
    fn new(check: &Check, severity: Severity, object: String, path: &str, what: String) -> Self {
        let Check { name, codes, why, next, .. } = *check;
        let path = path.to_owned();
        Self {
            name,
            codes,
            severity,
            object,
            path,
            file: None,
            line: None,
            column: None,
            what,
            why,
            next,
            fix: None,
        }
    }

    /// Of a check by its name, which is in the table.
    fn named(name: &str, object: String, path: &str, what: String) -> Self {
        let check = checks().find(|check| check.name == name).unwrap_or(&super::written::CHECKS[0]);
        Self::new(check, check.severity, object, path, what)
    }

    fn at(mut self, source: &Source) -> Self {
        let (line, column) = source.place(&self.path);
        (self.file, self.line, self.column) = (Some(source.file.to_string()), Some(line), Some(column));
        self
    }

    /// A document that cannot be read.
    pub(super) fn unreadable(file: &str, (line, column): (usize, usize), what: String) -> Self {
        let mut row = Self::named("NotYaml", String::new(), "", what);
        (row.file, row.line, row.column) = (Some(file.to_owned()), Some(line), Some(column));
        row
    }

    /// A document that is a template.
    pub(super) fn template(file: &str, (line, column): (usize, usize)) -> Self {
        let mut row = Self::named("NotRendered", String::new(), "", "A placeholder stands here".to_owned());
        (row.file, row.line, row.column) = (Some(file.to_owned()), Some(line), Some(column));
        row
    }

    /// A rule of istiod's that an object of another kind breaks.
    pub(super) fn of_rule(invalid: bool, object: &str, path: &str, what: &str, source: &Source) -> Self {
        let name = if invalid { "Invalid" } else { "Doubtful" };
        Self::named(name, object.to_owned(), path, what.to_owned()).at(source)
    }

    /// An object of a kind that there is not.
    pub(super) fn of_kind(object: &str, what: String, source: &Source) -> Self {
        Self::named("UnknownKind", object.to_owned(), "kind", what).at(source)
    }

    /// What an object has that its kind does not have. Of the Gateway API not all is known: of its fields
    /// only those are told that are nearly written as others.
    pub(super) fn odd(object: &str, version: &str, odd: &Odd, source: &Source) -> Option<Self> {
        let (check, name, known) = match &odd.what {
            What::Field(name, known) => ("UnknownField", name, known),
            What::Text(text, known) => ("UnknownValue", text, known),
        };
        let all = listed(known.iter().copied());
        let near = meant(name, known.iter().copied());
        if near.is_none() && kinds::group(version) == GATEWAY_API {
            return None;
        }
        let what = match (&odd.what, near) {
            (What::Field(..), _) if known.contains(&name.as_str()) => {
                format!("{name} stands beside spec, and belongs below it")
            }
            (What::Field(..), Some(near)) => format!("There is no field {name}: {near} will be meant"),
            (What::Field(..), None) => format!("There is no field {name} here: there are {all}"),
            (What::Text(..), _) => format!("{name} is none of {}", known.join(", ")),
        };
        Some(Self::named(check, object.to_owned(), &odd.path, what).at(source))
    }

    /// An object that stood in a file before.
    pub(super) fn twice(at: &Ref, before: &Source, source: &Source) -> Self {
        let (line, _) = before.place("");
        let what = format!("It stands in {} at line {line} too", before.file);
        Self::named("GivenTwice", at.to_string(), "", what).at(source)
    }

    pub(super) fn of(finding: &Finding, files: &Files) -> Self {
        let Finding { check, severity, at, path, what, fix } = finding;
        let mut row = Self::new(check, *severity, at.to_string(), path, what.clone());
        row.fix = fix.as_ref().map(|fix| fix.says.clone());
        match files.source(at) {
            Some(source) => row.at(source),
            None => row,
        }
    }
}
