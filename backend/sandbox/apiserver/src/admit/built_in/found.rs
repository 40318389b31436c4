//! What is found wrong with an object, in Kubernetes' words.

use std::fmt::Display;

use serde_json::{Value, json};

use crate::schema::FieldProblem;

/// What was found wrong so far.
#[derive(Default)]
pub(super) struct Found(Vec<FieldProblem>);

impl Found {
    pub(super) fn into_problems(self) -> Vec<FieldProblem> {
        self.0
    }

    pub(super) fn add(&mut self, field: impl Into<String>, reason: &'static str, message: String) {
        let problem = FieldProblem { field: field.into(), reason, message };
        if !self.0.contains(&problem) {
            self.0.push(problem);
        }
    }

    pub(super) fn invalid(&mut self, field: impl Into<String>, value: &Value, why: impl Display) {
        self.add(field, "FieldValueInvalid", format!("Invalid value: {value}: {why}"));
    }

    /// Adds each thing that is wrong with a text.
    pub(super) fn each(&mut self, field: impl Into<String>, value: &str, why: Vec<String>) {
        let field = field.into();
        for why in why {
            self.invalid(field.clone(), &json!(value), why);
        }
    }

    pub(super) fn required(&mut self, field: impl Into<String>, why: &str) {
        let colon = if why.is_empty() { "" } else { ": " };
        self.add(field, "FieldValueRequired", format!("Required value{colon}{why}"));
    }

    pub(super) fn duplicate(&mut self, field: impl Into<String>, value: &Value) {
        self.add(field, "FieldValueDuplicate", format!("Duplicate value: {value}"));
    }

    pub(super) fn forbidden(&mut self, field: impl Into<String>, why: &str) {
        self.add(field, "FieldValueForbidden", format!("Forbidden: {why}"));
    }

    pub(super) fn not_found(&mut self, field: impl Into<String>, value: &str) {
        self.add(field, "FieldValueNotFound", format!("Not found: {}", json!(value)));
    }

    /// Adds that a text is none of the values that there are; an absent one is fine.
    pub(super) fn one_of(&mut self, field: impl Into<String>, value: &Value, known: &[&str]) {
        if let Some(text) = value.as_str()
            && !known.contains(&text)
        {
            let known: Vec<String> = known.iter().map(|known| format!("\"{known}\"")).collect();
            let message = format!("Unsupported value: {value}: supported values: {}", known.join(", "));
            self.add(field, "FieldValueNotSupported", message);
        }
    }

    /// Adds that a number may not be less than zero; an absent one is fine.
    pub(super) fn not_negative(&mut self, of: &Value, at: &str, name: &str) {
        if let Some(number) = of[name].as_i64().filter(|number| *number < 0) {
            self.invalid(format!("{at}.{name}"), &json!(number), "must be greater than or equal to 0");
        }
    }

    /// Adds that a number is no port.
    pub(super) fn port(&mut self, field: impl Into<String>, number: i64) {
        if !(1..=65_535).contains(&number) {
            self.invalid(field, &json!(number), "must be between 1 and 65535, inclusive");
        }
    }
}

pub(super) fn items<'a>(of: &'a Value, name: &str) -> impl Iterator<Item = (usize, &'a Value)> + use<'a> {
    of[name].as_array().into_iter().flatten().enumerate()
}

pub(super) fn text<'a>(of: &'a Value, name: &str) -> &'a str {
    of[name].as_str().unwrap_or_default()
}
