//! `label_replace` and `label_join`.

use regex::Regex;

use super::value::{Refusal, Sample, Value, distinct};

fn is_label_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|character| character.is_ascii_alphanumeric() || character == '_')
}

/// `label_replace(v, target, replacement, source, pattern)`: the pattern must match the whole source.
pub(crate) fn replace(list: Vec<Sample>, texts: &[String]) -> Result<Value, Refusal> {
    let [target, replacement, source, pattern] = texts else {
        return Err(Refusal::Execution("label_replace() takes four texts".to_owned()));
    };
    let regex = Regex::new(&format!("^(?:{pattern})$")).map_err(|_| {
        Refusal::Execution(format!("invalid regular expression in label_replace(): {pattern}"))
    })?;
    if !is_label_name(target) {
        return Err(Refusal::Execution(format!(
            "invalid destination label name in label_replace(): {target}"
        )));
    }
    let replaced = list.into_iter().map(|sample| {
        let Some(found) = regex.captures(sample.labels.get(source)) else { return sample };
        let mut value = String::new();
        found.expand(replacement, &mut value);
        Sample { labels: sample.labels.with(target, &value), v: sample.v }
    });
    Ok(Value::Vector(distinct(replaced.collect())?))
}

/// `label_join(v, target, separator, sources…)`.
pub(crate) fn join(list: Vec<Sample>, texts: &[String]) -> Result<Value, Refusal> {
    let [target, separator, sources @ ..] = texts else {
        return Err(Refusal::Execution("label_join() takes a target and a separator".to_owned()));
    };
    for (name, what) in sources.iter().map(|name| (name, "source")).chain([(target, "destination")]) {
        if !is_label_name(name) {
            return Err(Refusal::Execution(format!("invalid {what} label name in label_join(): {name}")));
        }
    }
    let joined = list.into_iter().map(|sample| {
        let values: Vec<&str> = sources.iter().map(|name| sample.labels.get(name)).collect();
        Sample { labels: sample.labels.with(target, &values.join(separator)), v: sample.v }
    });
    Ok(Value::Vector(distinct(joined.collect())?))
}
