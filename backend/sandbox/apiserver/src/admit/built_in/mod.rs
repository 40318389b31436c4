//! What Kubernetes refuses in its own kinds, beyond their types: one row for each kind that has rules of its own.

mod data;
mod endpoints;
mod labels;
mod pods;
mod probes;
mod services;
mod workloads;

use std::fmt::Display;

use serde_json::{Value, json};

use crate::{kinds::Kind, schema::FieldProblem};

pub(crate) use data::NO_BYTES;

/// Holds one object against the rules of its kind.
type Check = fn(&Value, &mut Found);
/// Holds a changed object against what it was before.
type CheckChange = fn(&Value, &Value, &mut Found);

const ROWS: &[(&str, Check, Option<CheckChange>)] = &[
    ("pods", pods::pod, Some(pods::change)),
    ("deployments.apps", workloads::deployment, None),
    ("replicasets.apps", workloads::replica_set, None),
    ("statefulsets.apps", workloads::stateful_set, Some(workloads::stateful_set_change)),
    ("daemonsets.apps", workloads::daemon_set, None),
    ("services", services::service, None),
    ("configmaps", data::config_map, None),
    ("secrets", data::secret, None),
    ("endpoints", endpoints::endpoints, None),
    ("endpointslices.discovery.k8s.io", endpoints::slice, None),
];

/// Everything wrong with an object of one of Kubernetes' own kinds.
pub(crate) fn problems(kind: &Kind, object: &Value, old: Option<&Value>) -> Vec<FieldProblem> {
    let mut found = Found::default();
    let row = (!kind.custom).then(|| ROWS.iter().find(|(name, ..)| *name == kind.qualified())).flatten();
    if let Some((_, check, change)) = row {
        check(object, &mut found);
        if let (Some(change), Some(old)) = (change, old) {
            change(object, old, &mut found);
        }
    }
    found.0
}

/// What was found wrong so far.
#[derive(Default)]
struct Found(Vec<FieldProblem>);

impl Found {
    fn add(&mut self, field: impl Into<String>, reason: &'static str, message: String) {
        let problem = FieldProblem { field: field.into(), reason, message };
        if !self.0.contains(&problem) {
            self.0.push(problem);
        }
    }

    fn invalid(&mut self, field: impl Into<String>, value: &Value, why: impl Display) {
        self.add(field, "FieldValueInvalid", format!("Invalid value: {value}: {why}"));
    }

    /// Adds each thing that is wrong with a text.
    fn each(&mut self, field: impl Into<String>, value: &str, why: Vec<String>) {
        let field = field.into();
        for why in why {
            self.invalid(field.clone(), &json!(value), why);
        }
    }

    fn required(&mut self, field: impl Into<String>, why: &str) {
        let colon = if why.is_empty() { "" } else { ": " };
        self.add(field, "FieldValueRequired", format!("Required value{colon}{why}"));
    }

    fn duplicate(&mut self, field: impl Into<String>, value: &Value) {
        self.add(field, "FieldValueDuplicate", format!("Duplicate value: {value}"));
    }

    fn forbidden(&mut self, field: impl Into<String>, why: &str) {
        self.add(field, "FieldValueForbidden", format!("Forbidden: {why}"));
    }

    fn not_found(&mut self, field: impl Into<String>, value: &str) {
        self.add(field, "FieldValueNotFound", format!("Not found: {}", json!(value)));
    }

    /// Adds that a text is none of the values that there are; an absent one is fine.
    fn one_of(&mut self, field: impl Into<String>, value: &Value, known: &[&str]) {
        if let Some(text) = value.as_str()
            && !known.contains(&text)
        {
            let known: Vec<String> = known.iter().map(|known| format!("\"{known}\"")).collect();
            let message = format!("Unsupported value: {value}: supported values: {}", known.join(", "));
            self.add(field, "FieldValueNotSupported", message);
        }
    }

    /// Adds that a number may not be less than zero; an absent one is fine.
    fn not_negative(&mut self, of: &Value, at: &str, name: &str) {
        if let Some(number) = of[name].as_i64().filter(|number| *number < 0) {
            self.invalid(format!("{at}.{name}"), &json!(number), "must be greater than or equal to 0");
        }
    }

    /// Adds that a number is no port.
    fn port(&mut self, field: impl Into<String>, number: i64) {
        if !(1..=65_535).contains(&number) {
            self.invalid(field, &json!(number), "must be between 1 and 65535, inclusive");
        }
    }
}

fn items<'a>(of: &'a Value, name: &str) -> impl Iterator<Item = (usize, &'a Value)> + use<'a> {
    of[name].as_array().into_iter().flatten().enumerate()
}

fn text<'a>(of: &'a Value, name: &str) -> &'a str {
    of[name].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests;
