//! What is wrong with a text that is to become an object, with the line of each: what cannot be read as YAML,
//! what does not fit the cluster's schema, what istiod's webhook refuses.

use istio::kinds;
use istio::validation::{Severity, validate};
use istio::yaml::{Document, Unreadable};
use mesh::plan::{capital, dotted};
use mesh::schema::{Misfit, Schema};
use serde_json::Value;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flaw {
    /// Line and letter, from 0.
    pub(super) line: usize,
    pub(super) column: usize,
    /// Whether the server would not take it.
    pub(super) error: bool,
    /// What, and where in the object.
    pub(super) words: String,
}

/// Reads a text and looks for what is wrong with it, from its top to its end.
pub(super) fn judged(text: &str, schema: Option<&Schema>) -> Vec<Flaw> {
    match istio::yaml::read(text) {
        Err(error) => {
            let place = error.place();
            let words = match error {
                // It begins with the name of a field.
                Unreadable::Twice(..) => error.to_string(),
                _ => capital(&error.to_string()),
            };
            vec![Flaw { line: place.line, column: place.column, error: true, words }]
        }
        Ok(document) => of_document(&document, schema),
    }
}

fn of_document(document: &Document, schema: Option<&Schema>) -> Vec<Flaw> {
    let value = &document.value;
    let mut found = Vec::new();
    let mut add = |pointer: &str, error: bool, words: String| {
        let place = document.place(pointer);
        found.push(Flaw { line: place.line, column: place.column, error, words });
    };
    for flaw in schema.map(|schema| schema.check(value)).unwrap_or_default() {
        // The server drops a field that it does not know, and warns.
        let error = !matches!(flaw.misfit, Misfit::Unknown(..));
        let at = dotted(&flaw.at);
        let words = if at.is_empty() { flaw.misfit.to_string() } else { format!("{at}: {}", flaw.misfit) };
        add(&flaw.at, error, words);
    }
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
    for finding in validate(kinds::group(text("apiVersion")), text("kind"), value) {
        let words = format!("{}: istiod says: {finding}", finding.path);
        add(&pointer(&finding.path), finding.severity == Severity::Error, words);
    }
    found.sort_by_key(|flaw| (flaw.line, flaw.column, !flaw.error));
    found
}

/// `/spec/http/0/route` of `spec.http[0].route`.
fn pointer(path: &str) -> String {
    let steps = path.split(['.', '[', ']']).filter(|step| !step.is_empty());
    steps.fold(String::new(), |all, step| all + "/" + step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_flaw_has_its_line() {
        let text = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata:\n  name: a\nspec:\n  hosts:\n  - a\n  http:\n  - route:\n    - destination:\n        host: a\n      weight: -1\n";
        let found = judged(text, None);
        assert!(
            found.iter().any(|flaw| flaw.line == 11
                && flaw.error
                && flaw.words.starts_with("spec.http[0].route[0].weight: istiod says")),
            "{found:?}"
        );
        assert_eq!(judged(&text.replace("-1", "1"), None), []);
        let unread = judged("a: 1\n\tb: 2\n", None);
        assert_eq!(
            (unread[0].line, unread[0].words.as_str()),
            (1, "A tab stands in front of the line: YAML is indented by spaces")
        );
    }
}
