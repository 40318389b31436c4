//! The paths by which CRDs say what stands in a column: `.spec.hosts`, `.status.addresses[*].value`,
//! `.status.conditions[?(@.type=="Ready")].status`.

use serde_json::Value;

/// The first value that a path leads to, as Kubernetes shows it.
pub(super) fn first<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    let mut found = vec![object];
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('[') {
            let (inside, after) = after.split_once(']')?;
            rest = after;
            found = found.into_iter().flat_map(|value| inside_brackets(value, inside)).collect();
        } else {
            let name = rest.trim_start_matches('.');
            let end = name.find(['.', '[']).unwrap_or(name.len());
            let (step, after) = name.split_at(end);
            rest = after;
            found = found.into_iter().filter_map(|value| value.get(step)).collect();
        }
    }
    found.into_iter().next()
}

fn inside_brackets<'a>(value: &'a Value, inside: &str) -> Vec<&'a Value> {
    let items = value.as_array().into_iter().flatten();
    if inside == "*" {
        return items.collect();
    }
    let condition = inside.strip_prefix("?(@.").and_then(|rest| rest.strip_suffix(')'));
    if let Some((field, wanted)) = condition.and_then(|condition| condition.split_once("==")) {
        let wanted = wanted.trim().trim_matches(['"', '\'']);
        return items.filter(|item| item.get(field.trim()).is_some_and(|found| found == wanted)).collect();
    }
    let quoted = inside.trim_matches(['"', '\'']);
    let member = || value.get(quoted);
    inside.parse::<usize>().ok().map_or_else(member, |index| value.get(index)).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::first;
    use serde_json::json;

    #[test]
    fn paths_of_columns() {
        let object = json!({"spec": {"hosts": ["a"], "x.y": 2}, "status": {
            "conditions": [{"type": "Accepted", "status": "True"}, {"type": "Ready", "status": "False"}],
            "addresses": [{"value": "10.0.0.1"}]}});
        let at = |path| first(&object, path).cloned().unwrap_or_default();
        assert_eq!(at(".spec.hosts"), json!(["a"]));
        assert_eq!(at(".spec.hosts[0]"), json!("a"));
        assert_eq!(at(".spec['x.y']"), json!(2));
        assert_eq!(at(".status.addresses[*].value"), json!("10.0.0.1"));
        assert_eq!(at(".status.conditions[?(@.type==\"Ready\")].status"), json!("False"));
        assert_eq!(at(".status.conditions[?(@.type=='Gone')].status"), json!(null));
    }
}
