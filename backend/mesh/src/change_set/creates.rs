//! Several drafts that make the same object: what they say of it together, where nobody contradicts.

use serde_json::Value;

/// One object that says what both say; else the place where they say different things.
pub(super) fn together(one: &Value, other: &Value) -> Result<Value, String> {
    meet(one, other).map_err(|place| place.join("."))
}

fn meet(one: &Value, other: &Value) -> Result<Value, Vec<String>> {
    match (one, other) {
        _ if one == other => Ok(one.clone()),
        (Value::Object(one), Value::Object(other)) => {
            let mut both = one.clone();
            for (key, value) in other {
                let met = match one.get(key) {
                    Some(there) => meet(there, value).map_err(|place| under(key, place))?,
                    None => value.clone(),
                };
                both.insert(key.clone(), met);
            }
            Ok(both.into())
        }
        (Value::Array(one), Value::Array(other)) => rows(one, other),
        _ => Err(Vec::new()),
    }
}

/// Rows that have names are known by them; others by their place, where there are as many.
fn rows(one: &[Value], other: &[Value]) -> Result<Value, Vec<String>> {
    let name = |row: &Value| row.get("name").and_then(Value::as_str).map(str::to_owned);
    let mut both = one.to_vec();
    if one.iter().chain(other).all(|row| name(row).is_some()) {
        for row in other {
            match both.iter_mut().find(|there| name(there) == name(row)) {
                Some(there) => *there = meet(there, row)?,
                None => both.push(row.clone()),
            }
        }
        return Ok(both.into());
    }
    if one.len() != other.len() {
        return Err(Vec::new());
    }
    for (index, row) in other.iter().enumerate() {
        // Rules that take other calls, or lead elsewhere, are other rules.
        let differs = |key: &str| one[index].get(key) != row.get(key);
        if let Some(key) = ["match", "route"].into_iter().find(|key| differs(key)) {
            return Err(vec![index.to_string(), key.to_owned()]);
        }
        both[index] = meet(&one[index], row).map_err(|place| under(&index.to_string(), place))?;
    }
    Ok(both.into())
}

fn under(key: &str, place: Vec<String>) -> Vec<String> {
    std::iter::once(key.to_owned()).chain(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_nobody_contradicts_is_said_by_one_object() {
        #[track_caller]
        fn check(one: Value, other: Value, both: Result<Value, &str>) {
            assert_eq!(together(&one, &other), both.map_err(str::to_owned));
        }
        let policy = |what: Value| json!({ "spec": { "host": "web", "trafficPolicy": what } });
        check(
            policy(json!({ "outlierDetection": {} })),
            policy(json!({ "loadBalancer": { "simple": "RANDOM" } })),
            Ok(policy(json!({ "outlierDetection": {}, "loadBalancer": { "simple": "RANDOM" } }))),
        );
        check(
            policy(json!({ "loadBalancer": { "simple": "ROUND_ROBIN" } })),
            policy(json!({ "loadBalancer": { "simple": "RANDOM" } })),
            Err("spec.trafficPolicy.loadBalancer.simple"),
        );
        let subsets = |names: &[&str]| json!({ "subsets": names.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>() });
        check(subsets(&["v1", "v2"]), subsets(&["v2", "v3"]), Ok(subsets(&["v1", "v2", "v3"])));
        let rule = |more: Value| json!({ "http": [more] });
        let route = json!([{ "destination": { "host": "web" } }]);
        check(
            rule(json!({ "route": route, "timeout": "1s" })),
            rule(json!({ "route": route, "fault": {} })),
            Ok(rule(json!({ "route": route, "timeout": "1s", "fault": {} }))),
        );
        check(rule(json!({ "timeout": "1s" })), rule(json!({ "timeout": "2s" })), Err("http.0.timeout"));
        let taken = json!({ "match": [{ "port": 1 }], "route": route });
        check(rule(taken), rule(json!({ "route": route, "timeout": "1s" })), Err("http.0.match"));
        check(json!({ "hosts": ["a"] }), json!({ "hosts": ["a", "b"] }), Err("hosts"));
    }
}
