//! Findings as they are printed: text, JSON and SARIF, with the ones left out that somebody asked to leave out.

use super::files::Files;
pub use super::row::Row;
use super::world::listed;
use super::{Check, Finding, Judged, NOT_JUDGED, NotJudged, NotMade, Severity, checks};
use crate::{Object, Objects};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// What somebody asked to leave out: a check, for one object or for all.
#[derive(Clone, Debug, PartialEq)]
pub struct Suppress {
    check: &'static Check,
    /// As it was written, with `*` for anything; "" for all.
    object: String,
}

impl Suppress {
    /// Reads "HostNotFound", "IST0101=VirtualService bookinfo/reviews" or istioctl's form of the same,
    /// "IST0101=VirtualService reviews.bookinfo"; `*` stands for anything.
    ///
    /// # Errors
    /// When there is no such check.
    pub fn read(text: &str) -> Result<Vec<Self>, String> {
        let (name, object) = text.split_once('=').unwrap_or((text, ""));
        let of = |check: &&'static Check| {
            check.name.eq_ignore_ascii_case(name)
                || check.codes.iter().any(|code| code.eq_ignore_ascii_case(name))
        };
        let found: Vec<&'static Check> = checks().filter(of).collect();
        match found.is_empty() {
            true => Err(format!("there is no check {name}")),
            false => Ok(found.into_iter().map(|check| Self { check, object: object.to_owned() }).collect()),
        }
    }

    fn takes(&self, row: &Row) -> bool {
        let dotted = || {
            let (kind, name) = row.object.split_once(' ')?;
            let (namespace, name) = name.split_once('/')?;
            Some(format!("{kind} {name}.{namespace}"))
        };
        row.name == self.check.name
            && (self.object.is_empty()
                || fits(&self.object, &row.object)
                || dotted().is_some_and(|other| fits(&self.object, &other)))
    }
}

/// Whether a pattern with `*` fits a text.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|left| {
            (0..=left.len()).filter(|at| left.is_char_boundary(*at)).any(|at| fits(rest, &left[at..]))
        }),
    }
}

/// Whether an object says itself that it is not to be told of this: Kiali's and istioctl's annotations.
pub fn is_ignored(object: &Object, check: &Check) -> bool {
    let among = |said: &str| {
        said.split(',')
            .map(str::trim)
            .any(|code| code == "*" || code == check.name || check.codes.contains(&code))
    };
    let kiali = object.annotation("kiali.io/ignore-validations");
    let istioctl = object.annotation("galley.istio.io/analyze-suppress");
    kiali.is_some_and(|said| said.trim().is_empty() || among(said)) || istioctl.is_some_and(among)
}

/// All that is printed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// What was found, the worst first.
    pub rows: Vec<Row>,
    /// Checks that could not be made.
    pub not_made: Vec<NotMade>,
    /// So many findings were left out because somebody asked for it.
    pub suppressed: usize,
    /// So many objects were looked at.
    pub objects: usize,
}

impl Report {
    /// Of what was found in these objects, some of which stand in files; of `only` these, if they are some.
    pub fn of(
        judged: &Judged,
        objects: &Objects,
        files: &Files,
        suppress: &[Suppress],
        only: &[String],
    ) -> Self {
        let here = |finding: &&Finding| {
            only.is_empty()
                || finding.at.namespace.is_empty()
                || only.iter().any(|name| **name == *finding.at.namespace)
        };
        let mut suppressed = 0;
        let mut rows: Vec<Row> = files.rows().to_vec();
        for finding in judged.findings.iter().filter(here) {
            match objects.get(&finding.at).is_some_and(|object| is_ignored(object, finding.check)) {
                true => suppressed += 1,
                false => rows.push(Row::of(finding, files)),
            }
        }
        let all = rows.len();
        rows.retain(|row| !suppress.iter().any(|one| one.takes(row)));
        suppressed += all - rows.len();
        rows.sort_by(|one, other| {
            let key =
                |row: &Row| (row.severity, row.file.clone(), row.line, row.object.clone(), row.path.clone());
            key(one).cmp(&key(other))
        });
        Self { rows, not_made: judged.not_made.clone(), suppressed, objects: objects.len() }
    }

    /// How bad the worst is.
    pub fn worst(&self) -> Option<Severity> {
        self.rows.iter().map(|row| row.severity).min()
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for row in &self.rows {
            let place = match (&row.file, row.line) {
                (Some(file), Some(line)) => format!("{file}:{line}: "),
                _ => String::new(),
            };
            let (object, path) = (&row.object, &row.path);
            let codes =
                if row.codes.is_empty() { String::new() } else { format!(" ({})", row.codes.join(", ")) };
            let subject = match (object.is_empty(), path.is_empty()) {
                (true, _) => String::new(),
                (false, true) => format!("{object}: "),
                (false, false) => format!("{object} {path}: "),
            };
            writeln!(text, "{place}{}: {subject}{}", row.severity.name(), row.what).ok();
            let fix = row.fix.iter().map(|fix| format!("\n    Here: {fix}.")).collect::<String>();
            writeln!(text, "    {} {}{fix}\n    {}{codes}", row.why, row.next, row.name).ok();
        }
        let count = |severity: Severity| self.rows.iter().filter(|row| row.severity == severity).count();
        let many = |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
        let (errors, warnings, infos) =
            (count(Severity::Error), count(Severity::Warning), count(Severity::Info));
        match self.rows.is_empty() {
            true if self.objects == 0 => writeln!(text, "No object was there to be looked at."),
            true => writeln!(text, "Nothing was found in {}.", many(self.objects, "object")),
            false => writeln!(
                text,
                "{}, {}, {}.",
                many(errors, "error"),
                many(warnings, "warning"),
                many(infos, "remark")
            ),
        }
        .ok();
        if self.suppressed > 0 {
            writeln!(text, "{} left out, as asked.", many(self.suppressed, "finding")).ok();
        }
        for (why, names) in self.reasons() {
            // All are named in JSON: here they would bury the findings.
            writeln!(text, "Not looked for: {}. {why}", listed(names)).ok();
        }
        text.truncate(text.trim_end().len());
        text
    }

    /// Why checks were not made, with their names.
    fn reasons(&self) -> Vec<(String, Vec<&'static str>)> {
        let mut reasons: Vec<(String, Vec<&'static str>)> = Vec::new();
        for one in &self.not_made {
            let why = one.why.to_string();
            match reasons.iter_mut().find(|(other, _)| *other == why) {
                Some((_, names)) => names.push(one.check.name),
                None => reasons.push((why, vec![one.check.name])),
            }
        }
        reasons
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let not_made: Vec<Value> = self
            .not_made
            .iter()
            .map(|one| json!({ "name": one.check.name, "why": one.why.to_string() }))
            .collect();
        json!({ "objects": self.objects, "findings": self.rows, "suppressed": self.suppressed, "not_made": not_made })
    }

    /// For code hosts: SARIF 2.1.0 (OASIS).
    pub fn sarif(&self, version: &str) -> Value {
        let level = |severity: Severity| match severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "note",
        };
        let rules: Vec<Value> = checks()
            .map(|check| {
                json!({
                    "id": check.name,
                    "shortDescription": { "text": check.what },
                    "fullDescription": { "text": check.why },
                    "help": { "text": check.next },
                    "defaultConfiguration": { "level": level(check.severity) },
                    "properties": { "tags": check.codes },
                })
            })
            .collect();
        let results: Vec<Value> = self
            .rows
            .iter()
            .map(|row| {
                let mut location = json!({});
                if let Some(file) = &row.file {
                    location["physicalLocation"] = json!({
                        "artifactLocation": { "uri": file },
                        "region": { "startLine": row.line, "startColumn": row.column },
                    });
                }
                if !row.object.is_empty() {
                    location["logicalLocations"] =
                        json!([{ "name": row.object, "fullyQualifiedName": format!("{} {}", row.object, row.path) }]);
                }
                json!({
                    "ruleId": row.name,
                    "level": level(row.severity),
                    "message": { "text": row.what },
                    "locations": [location],
                })
            })
            .collect();
        json!({
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": { "driver": { "name": "binnacle", "version": version, "rules": rules } },
                "results": results,
            }],
        })
    }
}

/// The manual of the checks, made from their table: `assets/manual/checks.md`.
pub fn manual() -> String {
    let mut text = String::from(
        "# Checks\n\n\
         `binnacle check` looks for these on a context, or with `-f` in files and folders; the panel *Problems* shows them as the mesh\n\
         changes. `binnacle check --explain NAME` prints one, by its name or by a code of istioctl (IST) or Kiali (KIA). An object\n\
         that is not to be told of says so itself, by `kiali.io/ignore-validations` or `galley.istio.io/analyze-suppress`.\n\n\
         | check | codes | severity | what it finds | why it matters | what to do |\n|---|---|---|---|---|---|\n",
    );
    for check in checks() {
        let Check { name, codes, severity, what, why, next, .. } = check;
        writeln!(text, "| {name} | {} | {} | {what} | {why} | {next} |", codes.join(", "), severity.name())
            .ok();
    }
    text.push_str(
        "\n## What is not looked for\n\nCodes of Kiali and istioctl that no check here has, and why.\n\n\
         | code | what it would say | why not |\n|---|---|---|\n",
    );
    for NotJudged { code, what, why } in NOT_JUDGED {
        writeln!(text, "| {code} | {what} | {why} |").ok();
    }
    text
}

/// What a check is, for people who ask for one.
pub fn explained(check: &Check) -> String {
    let codes = match check.codes.is_empty() {
        true => String::new(),
        false => format!("\nAlso known as {}.", check.codes.join(", ")),
    };
    format!(
        "{} ({})\n{}.\n{}\n{}{codes}",
        check.name,
        check.severity.name(),
        check.what,
        check.why,
        check.next
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, text, expect) in [
            ("Pod a.b", "Pod a.b", true),
            ("Pod *", "Pod a.b", true),
            ("*.b", "Pod a.b", true),
            ("Pod *.c", "Pod a.b", false),
            ("*", "", true),
            ("Pod a", "Pod a.b", false),
        ] {
            assert_eq!(fits(pattern, text), expect, "{pattern} {text}");
        }
    }
}
