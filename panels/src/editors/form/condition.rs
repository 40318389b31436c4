//! Conditions on texts, as Istio's StringMatch has them.

use super::line::Line;
use serde_json::{Value, json};

/// How a text is compared, as Istio names it and as it reads.
const WAYS: [(&str, &str); 3] = [("exact", "is"), ("prefix", "begins with"), ("regex", "matches")];

/// A condition on a text.
pub fn condition(line: &mut Line<'_>, name: &str, value: &mut Value) {
    let way = WAYS.iter().position(|(way, _)| value.get(way).is_some());
    let words = ["is", "begins with", "matches", "is there"];
    let picked = line.choose(&format!("how {name} is compared"), &words, way.unwrap_or(WAYS.len()));
    let mut text = way.and_then(|way| value[WAYS[way].0].as_str()).unwrap_or_default().to_owned();
    let before = text.clone();
    let way = picked.or(way);
    if let Some((way, _)) = way.and_then(|way| WAYS.get(way)) {
        line.text(name, "", &mut text, None);
        if picked.is_some() || text != before {
            *value = json!({ *way: text });
        }
    } else if picked.is_some() {
        *value = json!({});
    }
}

/// "begins with /api".
pub fn compared(value: &Value) -> String {
    let way = WAYS.iter().find_map(|(way, word)| Some((word, value.get(way)?.as_str()?)));
    way.map_or_else(|| "is there".to_owned(), |(word, text)| format!("{word} {text}"))
}
