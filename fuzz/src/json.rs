//! JSON that is broken element by element, and written with what a `serde_json::Value` cannot hold: keys that
//! stand twice, numbers beyond every type, depth beyond every stack.

use rand::Rng as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value, json};

/// A text that begins with it is written as it is.
const RAW: char = '\u{1}';
/// A key that begins with it is written without it, so that it stands there twice.
const AGAIN: char = '\u{2}';

/// Puts something in the place of an element of one of the seeds, some times.
pub(crate) fn broken(seeds: &[Value], random: &mut ChaCha8Rng) -> String {
    let Some(mut value) = seeds.choose(random).cloned() else { return String::new() };
    for _ in 0..random.random_range(1..5) {
        let all = count(&value);
        let other = nth(&mut value, random.random_range(0..all)).map_or(Value::Null, |found| found.clone());
        let at = random.random_range(0..all);
        if let Some(element) = nth(&mut value, at) {
            change(element, other, random);
        }
    }
    let mut text = String::new();
    write(&value, &mut text);
    text
}

/// How many elements there are in it, with itself.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(list) => list.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum(),
        _ => 0,
    }
}

/// The element of this number, as they are written.
fn nth(value: &mut Value, mut number: usize) -> Option<&mut Value> {
    if number == 0 {
        return Some(value);
    }
    number -= 1;
    let inner: Box<dyn Iterator<Item = &mut Value>> = match value {
        Value::Array(list) => Box::new(list.iter_mut()),
        Value::Object(fields) => Box::new(fields.values_mut()),
        _ => return None,
    };
    for element in inner {
        let size = count(element);
        if number < size {
            return nth(element, number);
        }
        number -= size;
    }
    None
}

fn change(element: &mut Value, other: Value, random: &mut ChaCha8Rng) {
    match random.random_range(0..8) {
        0 => *element = Value::Null,
        1 | 2 => *element = odd(random),
        3 => *element = other,
        _ => match element {
            Value::Object(fields) => of_object(fields, other, random),
            Value::Array(list) => of_list(list, other, random),
            Value::String(text) => *element = of_text(text, random),
            Value::Number(number) => *element = of_number(number, random),
            _ => *element = odd(random),
        },
    }
}

/// What nobody expects.
fn odd(random: &mut ChaCha8Rng) -> Value {
    const TEXTS: [&str; 22] = [
        "",
        " ",
        "x",
        "0",
        "-1",
        "NaN",
        "+Inf",
        "1e999",
        "true",
        "null",
        "/",
        ".",
        "..",
        "*",
        "|",
        ":",
        "\u{0}",
        "\n",
        "\u{202e}",
        "💥",
        "2026-01-01T00:00:00Z",
        "outbound|80|v1|reviews.bookinfo.svc.cluster.local",
    ];
    const RAWS: [&str; 10] = [
        "1e999",
        "-1e999",
        "1e-999",
        "-0",
        "-0.0",
        "9223372036854775807",
        "-9223372036854775808",
        "18446744073709551616",
        "123456789012345678901234567890.5",
        "0.1e308",
    ];
    match random.random_range(0..10) {
        0..4 => TEXTS.choose(random).map_or(Value::Null, |text| (*text).into()),
        4 | 5 => RAWS.choose(random).map_or(Value::Null, |text| format!("{RAW}{text}").into()),
        6 => {
            let depth = *[20, 126, 127, 128, 200, 5000].choose(random).unwrap_or(&1);
            let (open, close) = *[("[", "]"), ("{\"a\":", "}")].choose(random).unwrap_or(&("[", "]"));
            format!("{RAW}{}1{}", open.repeat(depth), close.repeat(depth)).into()
        }
        7 => "long ".repeat(random.random_range(1..400)).into(),
        _ => [
            json!(true),
            json!(false),
            json!(0),
            json!(-1),
            json!(1.5),
            json!([]),
            json!({}),
            json!([null]),
            json!([[]]),
            json!({ "": null }),
        ]
        .choose(random)
        .cloned()
        .unwrap_or_default(),
    }
}

fn of_object(fields: &mut Map<String, Value>, other: Value, random: &mut ChaCha8Rng) {
    let keys: Vec<String> = fields.keys().cloned().collect();
    let (Some(key), Some(second)) = (keys.choose(random), keys.choose(random)) else {
        fields.insert("x".into(), other);
        return;
    };
    match random.random_range(0..6) {
        0 => drop(fields.shift_remove(key)),
        1 => drop(fields.insert(format!("{AGAIN}{key}"), other)),
        2 => {
            let value = fields.shift_remove(key).unwrap_or_default();
            fields.insert(second.clone(), value);
        }
        3 => {
            let value = fields.shift_remove(key).unwrap_or_default();
            fields.insert(format!("{key}x").to_uppercase(), value);
        }
        4 => fields.values_mut().for_each(|value| *value = Value::Null),
        _ => drop(fields.insert(key.clone(), other)),
    }
}

fn of_list(list: &mut Vec<Value>, other: Value, random: &mut ChaCha8Rng) {
    let at = random.random_range(0..=list.len());
    match (random.random_range(0..5), list.get(at).cloned()) {
        (0, Some(_)) => drop(list.remove(at)),
        (1, Some(element)) => list.insert(at, element),
        (2, Some(element)) => list.extend(std::iter::repeat_n(element, random.random_range(1..20))),
        (3, _) => list.reverse(),
        _ => list.insert(at, other),
    }
}

fn of_text(text: &str, random: &mut ChaCha8Rng) -> Value {
    let cut = |at: usize| text.chars().take(at).collect::<String>();
    let at = random.random_range(0..=text.chars().count());
    let sign =
        ["|", ".", "/", ":", "*", "%", "\"", "\n", "-", "=", "9", "é", "\u{0}"].choose(random).unwrap_or(&"");
    match random.random_range(0..7) {
        0 => cut(at).into(),
        1 => text.chars().skip(at).collect::<String>().into(),
        2 => format!("{text}{text}").into(),
        3 => format!("{}{sign}{}", cut(at), text.chars().skip(at).collect::<String>()).into(),
        4 => text.to_uppercase().into(),
        5 => {
            text.chars().map(|sign| if sign.is_ascii_digit() { '9' } else { sign }).collect::<String>().into()
        }
        _ => text.parse::<f64>().map_or_else(|_| json!([text]), |_| format!("{RAW}{}", text.trim()).into()),
    }
}

fn of_number(number: &serde_json::Number, random: &mut ChaCha8Rng) -> Value {
    let told = number.as_f64().unwrap_or_default();
    match random.random_range(0..5) {
        0 => json!(-told),
        1 => json!(told * 1e6),
        2 => json!(told + 0.5),
        3 => number.to_string().into(),
        _ => format!("{RAW}{number}{}", "0".repeat(random.random_range(1..25))).into(),
    }
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::String(raw) if raw.starts_with(RAW) => text.push_str(raw.trim_start_matches(RAW)),
        Value::Array(list) => {
            text.push('[');
            for (at, element) in list.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                write(element, text);
            }
            text.push(']');
        }
        Value::Object(fields) => {
            text.push('{');
            for (at, (key, element)) in fields.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                text.push_str(&Value::from(key.trim_start_matches(AGAIN)).to_string());
                text.push(':');
                write(element, text);
            }
            text.push('}');
        }
        plain => text.push_str(&plain.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng as _;

    #[test]
    fn what_no_value_holds_is_written() {
        let mut text = String::new();
        write(&json!({ "a": format!("{RAW}1e999"), (format!("{AGAIN}a")): [null, "x\n"] }), &mut text);
        assert_eq!(text, r#"{"a":1e999,"a":[null,"x\n"]}"#);
    }

    #[test]
    fn every_element_is_reached_and_most_of_what_is_made_is_json() {
        let mut value = json!({ "a": [1, { "b": "x" }], "c": null });
        assert_eq!(count(&value), 6);
        let all: Vec<String> =
            (0..7).map(|at| nth(&mut value, at).map_or("-".into(), |found| found.to_string())).collect();
        assert_eq!(all[1..], [r#"[1,{"b":"x"}]"#, "1", r#"{"b":"x"}"#, "\"x\"", "null", "-"]);
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let made: Vec<String> = (0..2000).map(|_| broken(&[value.clone()], &mut random)).collect();
        let sound = made.iter().filter(|text| serde_json::from_str::<Value>(text).is_ok()).count();
        assert!(sound > 1200 && sound < 2000, "{sound}");
    }
}
