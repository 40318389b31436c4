//! Holding a value against the bounds of its schema.

use serde_json::Value;

use super::{field::Schema, problem::FieldProblem};

/// Holds a value against the bounds of its schema.
pub(super) fn check(schema: &Schema, value: &Value, path: &str, problems: &mut Vec<FieldProblem>) {
    let bounds = &schema.bounds;
    if !schema.options.is_empty() && !value.is_null() && !schema.options.contains(value) {
        let options: Vec<String> = schema.options.iter().map(Value::to_string).collect();
        problems.push(FieldProblem {
            field: path.to_owned(),
            reason: "FieldValueNotSupported",
            message: format!("Unsupported value: {value}: supported values: {}", options.join(", ")),
        });
    }
    let mut refuse =
        |words: String| problems.push(FieldProblem::invalid(path, value, &format!("{path} in body {words}")));
    if let Some(number) = value.as_f64() {
        if let Some(least) =
            bounds.minimum.filter(|least| number < *least || (bounds.above && number == *least))
        {
            refuse(format!(
                "should be greater than {}{least}",
                if bounds.above { "" } else { "or equal to " }
            ));
        }
        if let Some(most) = bounds.maximum.filter(|most| number > *most || (bounds.below && number == *most))
        {
            refuse(format!("should be less than {}{most}", if bounds.below { "" } else { "or equal to " }));
        }
        let fits = match schema.format.as_deref() {
            Some("int32") => value.as_i64().is_none_or(|number| i32::try_from(number).is_ok()),
            Some("int64") => value.as_u64().is_none_or(|number| i64::try_from(number).is_ok()),
            _ => true,
        };
        if !fits {
            refuse(format!("must be of type {}: \"{value}\"", schema.format.as_deref().unwrap_or_default()));
        }
    }
    if let (Some(pattern), Some(text)) = (&bounds.pattern, value.as_str())
        && !pattern.is_match(text)
    {
        refuse(format!("should match '{pattern}'"));
    }
    let too_many = |count: usize, most: usize| FieldProblem {
        field: path.to_owned(),
        reason: "FieldValueTooMany",
        message: format!("Too many: {count}: must have at most {most} items"),
    };
    match value {
        Value::Array(items) => {
            if let Some(most) = bounds.max_items.filter(|most| items.len() > *most) {
                problems.push(too_many(items.len(), most));
            }
            if let Some(least) = bounds.min_items.filter(|least| items.len() < *least) {
                let words = format!("{path} in body should have at least {least} items");
                problems.push(FieldProblem::invalid(path, &Value::from(items.len()), &words));
            }
        }
        Value::Object(members) => {
            if let Some(most) = bounds.max_properties.filter(|most| members.len() > *most) {
                problems.push(too_many(members.len(), most));
            }
            if let Some(least) = bounds.min_properties.filter(|least| members.len() < *least) {
                let words = format!("{path} in body should have at least {least} properties");
                problems.push(FieldProblem::invalid(path, &Value::from(members.len()), &words));
            }
        }
        Value::String(text) => {
            let length = text.chars().count();
            if let Some(most) = bounds.max_length.filter(|most| length > *most) {
                problems.push(FieldProblem {
                    field: path.to_owned(),
                    reason: "FieldValueTooLong",
                    message: format!("Too long: may not be more than {most} bytes"),
                });
            }
            if let Some(least) = bounds.min_length.filter(|least| length < *least) {
                let words = format!("{path} in body should be at least {least} chars long");
                problems.push(FieldProblem::invalid(path, value, &words));
            }
        }
        _ => {}
    }
}
