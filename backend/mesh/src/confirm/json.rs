//! JSON of a proto, as several programs write it: fields by their proto or their JSON name, 64 bits as text.

use serde_json::Value;

/// A field by its proto name, or by its JSON name: both forms are in use.
pub(crate) fn field<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let found = value.get(name).or_else(|| {
        let mut parts = name.split('_');
        let mut camel = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let mut letters = part.chars();
            camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
            camel.push_str(letters.as_str());
        }
        value.get(&camel)
    });
    // What people write may have the JSON name where a proxy shows the other.
    found.or_else(|| {
        let mut snake = String::new();
        for letter in name.chars() {
            if letter.is_ascii_uppercase() {
                snake.push('_');
            }
            snake.push(letter.to_ascii_lowercase());
        }
        if snake == name { None } else { value.get(&snake) }
    })
}

/// A list; empty where there is none.
pub(crate) fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    field(value, name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A text; "" where there is none.
pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    field(value, name).and_then(Value::as_str).unwrap_or_default()
}

/// A whole number, which JSON of a proto writes as a text where it has 64 bits.
pub(crate) fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok()).or_else(|| {
        let number = value.as_f64()?;
        (number >= 0.0 && number.fract() == 0.0).then_some(number as u64)
    })
}

/// What stands at a path: field names, positions, or `[name=x]` for the element of a list or map whose `name` is x.
/// A typed config that Envoy does not know stands in a `value` of its own.
pub(crate) fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('/').skip(1).try_fold(value, |value, step| {
        let step = step.replace("~1", "/").replace("~0", "~");
        let wanted = step.strip_prefix('[').and_then(|step| step.strip_suffix(']'));
        if let Some((name, wanted)) = wanted.and_then(|wanted| wanted.split_once('=')) {
            let is = |one: &&'a Value| text(one, name) == wanted;
            return match value {
                Value::Object(entries) => entries.values().find(is),
                list => list.as_array()?.iter().find(is),
            };
        }
        if let (Value::Array(list), Ok(index)) = (value, step.parse::<usize>()) {
            return list.get(index);
        }
        field(value, &step).or_else(|| field(field(value, "value")?, &step))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths() {
        let value = json!({ "route": { "retryPolicy": { "num_retries": 3 } },
            "headers": [{ "name": "a", "x": 1 }, { "name": "b", "x": 2 }],
            "typed": { "envoy.filters.http.fault": { "value": { "fixed_delay": "7s" } }, "a/b": 4 } });
        let found = |path| at(&value, path).cloned().unwrap_or_default();
        assert_eq!(found("/route/retry_policy/num_retries"), 3);
        assert_eq!((found("/headers/1/x"), found("/headers/[name=b]/x")), (json!(2), json!(2)));
        assert_eq!(found("/typed/envoy.filters.http.fault/fixed_delay"), "7s");
        assert_eq!(found("/typed/a~1b"), 4);
        let map = json!({ "providers": { "origins-0": { "issuer": "https://a/b", "forward": true } } });
        assert_eq!(at(&map, "/providers/[issuer=https:~1~1a~1b]/forward"), Some(&json!(true)));
        assert_eq!((found(""), found("/no/such")), (value.clone(), Value::Null));
    }

    #[test]
    fn numbers() {
        let all = [json!(3), json!("3"), json!(3.0), json!(3.5), json!(-1), json!("x")];
        assert_eq!(all.map(|value| number(&value)), [Some(3), Some(3), Some(3), None, None, None]);
    }
}
