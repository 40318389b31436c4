//! Operators and functions.

use serde_json::{Map, Number, Value, json};

use super::error::{EvalError, SyntaxError};

/// The functions, and how many values each takes, the one before the dot included.
const KNOWN: &[(&str, usize)] = &[
    ("size", 1),
    ("contains", 2),
    ("startsWith", 2),
    ("endsWith", 2),
    ("matches", 2),
    ("substring", 2),
    ("substring", 3),
    ("indexOf", 2),
    ("split", 2),
    ("replace", 3),
    ("trim", 1),
    ("lowerAscii", 1),
    ("upperAscii", 1),
    ("join", 1),
    ("join", 2),
    ("int", 1),
    ("uint", 1),
    ("double", 1),
    ("string", 1),
    ("bool", 1),
    ("duration", 1),
    ("isURL", 1),
    ("url", 1),
    ("getScheme", 1),
    ("getHost", 1),
    ("getHostname", 1),
    ("getPort", 1),
    ("getEscapedPath", 1),
    ("isIP", 1),
    ("isCIDR", 1),
    ("isSorted", 1),
    ("sum", 1),
    ("min", 1),
    ("max", 1),
    ("quantity", 1),
];

/// A number of whole or broken kind.
fn number(value: f64) -> Value {
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}

/// The function of this name for so many values.
pub(super) fn known(name: &str, count: usize) -> Result<&'static str, SyntaxError> {
    KNOWN
        .iter()
        .find(|(known, wanted)| *known == name && *wanted == count)
        .map(|(name, _)| *name)
        .ok_or_else(|| SyntaxError::NoFunction { name: name.to_owned(), count })
}

pub(super) fn binary(operator: &str, left: &Value, right: &Value) -> Result<Value, EvalError> {
    let refused = || EvalError::NoOverload(operator.to_owned());
    Ok(match (operator, left, right) {
        ("==", left, right) => json!(equal(left, right)),
        ("!=", left, right) => json!(!equal(left, right)),
        ("in", item, Value::Array(items)) => json!(items.iter().any(|one| equal(one, item))),
        ("in", Value::String(name), Value::Object(members)) => json!(members.contains_key(name)),
        ("+", Value::String(left), Value::String(right)) => json!(format!("{left}{right}")),
        ("+", Value::Array(left), Value::Array(right)) => {
            Value::Array([left.as_slice(), right.as_slice()].concat())
        }
        ("<" | "<=" | ">" | ">=", Value::String(left), Value::String(right)) => {
            json!(ordered(operator, left.cmp(right)))
        }
        (_, Value::Number(a), Value::Number(b)) => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => match operator {
                "+" => json!(a.checked_add(b).ok_or(EvalError::Overflow)?),
                "-" => json!(a.checked_sub(b).ok_or(EvalError::Overflow)?),
                "*" => json!(a.checked_mul(b).ok_or(EvalError::Overflow)?),
                "/" => json!(a.checked_div(b).ok_or(EvalError::Division)?),
                "%" => json!(a.checked_rem(b).ok_or(EvalError::Modulus)?),
                _ => json!(ordered(operator, a.cmp(&b))),
            },
            _ => {
                let (a, b) = (a.as_f64().ok_or_else(refused)?, b.as_f64().ok_or_else(refused)?);
                match operator {
                    "+" => number(a + b),
                    "-" => number(a - b),
                    "*" => number(a * b),
                    "/" => number(a / b),
                    "%" => return Err(refused()),
                    _ => json!(ordered(operator, a.partial_cmp(&b).ok_or_else(refused)?)),
                }
            }
        },
        _ => return Err(refused()),
    })
}

fn ordered(operator: &str, order: std::cmp::Ordering) -> bool {
    match operator {
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        ">" => order.is_gt(),
        _ => order.is_ge(),
    }
}

fn equal(left: &Value, right: &Value) -> bool {
    match (left.as_f64(), right.as_f64()) {
        (Some(left), Some(right)) => left == right,
        _ => left == right,
    }
}

pub(super) fn call(name: &str, values: &[Value]) -> Result<Value, EvalError> {
    let refused = || EvalError::NoOverload(name.to_owned());
    let [of, rest @ ..] = values else { return Err(refused()) };
    if let Value::Array(items) = of {
        return over_list(name, items, rest).ok_or_else(refused)?;
    }
    Ok(match (name, of, rest) {
        ("size", Value::Object(members), _) => json!(members.len()),
        ("getScheme", Value::Object(url), _) => url.get("scheme").cloned().unwrap_or_default(),
        ("getHost" | "getHostname" | "getPort" | "getEscapedPath", Value::Object(url), _) => {
            part_of_url(name, url)
        }
        ("int" | "uint", Value::Number(number), _) => json!(number.as_f64().ok_or_else(refused)? as i64),
        ("double", Value::Number(found), _) => number(found.as_f64().ok_or_else(refused)?),
        ("string", Value::String(_), _) => of.clone(),
        ("string", Value::Number(_) | Value::Bool(_), _) => json!(of.to_string()),
        ("bool", Value::Bool(_), _) => of.clone(),
        (_, Value::String(text), rest) => of_text(name, text, rest)?,
        _ => return Err(refused()),
    })
}

fn over_list(name: &str, items: &[Value], rest: &[Value]) -> Option<Result<Value, EvalError>> {
    let numbers = || items.iter().map(Value::as_f64).collect::<Option<Vec<f64>>>();
    let whole = |found: f64| if found.fract() == 0.0 { json!(found as i64) } else { number(found) };
    Some(Ok(match name {
        "size" => json!(items.len()),
        "isSorted" => json!(items.windows(2).all(|two| binary("<=", &two[0], &two[1]) == Ok(json!(true)))),
        "sum" => whole(numbers()?.iter().sum()),
        "min" => whole(numbers()?.into_iter().reduce(f64::min)?),
        "max" => whole(numbers()?.into_iter().reduce(f64::max)?),
        "join" => {
            let texts: Vec<&str> = items.iter().map(Value::as_str).collect::<Option<_>>()?;
            json!(texts.join(rest.first().and_then(Value::as_str).unwrap_or_default()))
        }
        "indexOf" => {
            json!(items.iter().position(|item| equal(item, &rest[0])).map_or(-1, |index| index as i64))
        }
        _ => return None,
    }))
}

fn of_text(name: &str, text: &str, rest: &[Value]) -> Result<Value, EvalError> {
    let refused = || EvalError::NoOverload(name.to_owned());
    let argument = |index: usize| rest.get(index).and_then(Value::as_str).ok_or_else(refused);
    let place =
        |index: usize| rest.get(index).and_then(Value::as_u64).and_then(|at| usize::try_from(at).ok());
    Ok(match name {
        "size" => json!(text.chars().count()),
        "contains" => json!(text.contains(argument(0)?)),
        "startsWith" => json!(text.starts_with(argument(0)?)),
        "endsWith" => json!(text.ends_with(argument(0)?)),
        "matches" => {
            json!(regex::Regex::new(argument(0)?).map_err(Box::new).map_err(EvalError::Regex)?.is_match(text))
        }
        "substring" => {
            let length = text.chars().count();
            let (from, to) = (place(0).ok_or_else(refused)?, place(1).unwrap_or(length));
            if from > to || to > length {
                return Err(EvalError::OutOfRange(to));
            }
            json!(text.chars().skip(from).take(to - from).collect::<String>())
        }
        "indexOf" => {
            json!(
                text.find(argument(0)?)
                    .map_or(-1, |at| i64::try_from(text[..at].chars().count()).unwrap_or(i64::MAX))
            )
        }
        "split" => json!(text.split(argument(0)?).collect::<Vec<_>>()),
        "replace" => json!(text.replace(argument(0)?, argument(1)?)),
        "trim" => json!(text.trim()),
        "lowerAscii" => json!(text.to_ascii_lowercase()),
        "upperAscii" => json!(text.to_ascii_uppercase()),
        "int" | "uint" => json!(text.parse::<i64>()?),
        "double" => number(text.parse().map_err(|_| refused())?),
        "bool" => json!(text.parse::<bool>()?),
        "duration" => {
            let nanos = istio::Duration::read(text).map(istio::Duration::nanos);
            json!(nanos.ok_or_else(|| EvalError::Duration(text.to_owned()))?)
        }
        "isURL" => json!(url(text).is_some()),
        "url" => url(text).map(Value::Object).ok_or_else(|| EvalError::Url(text.to_owned()))?,
        "isIP" => json!(text.parse::<std::net::IpAddr>().is_ok()),
        "isCIDR" => json!(text.split_once('/').is_some_and(|(address, bits)| {
            address.parse::<std::net::IpAddr>().is_ok() && bits.parse::<u8>().is_ok()
        })),
        "quantity" => json!(text.parse::<f64>().map_err(|_| refused())?),
        _ => return Err(refused()),
    })
}

/// An absolute URL or an absolute path, taken apart as Go does.
fn url(text: &str) -> Option<Map<String, Value>> {
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return None;
    }
    let (scheme, rest) = match text.split_once(':') {
        Some((scheme, rest)) if !scheme.contains('/') => (scheme, rest),
        _ if text.starts_with('/') => ("", text),
        _ => return None,
    };
    let good = scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    if !good
        || (!scheme.is_empty() && !scheme.starts_with(|c: char| c.is_ascii_alphabetic()))
        || !rest.starts_with('/')
    {
        return None;
    }
    let (host, path) = match rest.strip_prefix("//") {
        Some(rest) => rest.find('/').map_or((rest, ""), |at| rest.split_at(at)),
        None => ("", rest),
    };
    let port = host.rsplit_once(':').map(|(_, port)| port);
    if port.is_some_and(|port| !port.ends_with(']') && !port.chars().all(|c| c.is_ascii_digit())) {
        return None;
    }
    let mut parts = Map::new();
    parts.insert("scheme".into(), json!(scheme.to_ascii_lowercase()));
    parts.insert("host".into(), json!(host));
    parts.insert("path".into(), json!(path.split(['?', '#']).next()));
    Some(parts)
}

fn part_of_url(name: &str, url: &Map<String, Value>) -> Value {
    let text = |part: &str| url.get(part).and_then(Value::as_str).unwrap_or_default();
    let host = text("host");
    let (hostname, port) =
        host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).unwrap_or((host, ""));
    json!(match name {
        "getHost" => host,
        "getHostname" => hostname.trim_matches(['[', ']']),
        "getPort" => port,
        _ => text("path"),
    })
}
