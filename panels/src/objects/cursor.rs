//! Where in a YAML text the cursor is: in which object, at a key or at a value. The text may be unfinished;
//! lines are read as people write them, one key or row each.

use super::highlight::split_key;

/// Where the cursor is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct At {
    /// Keys and row numbers from the top down to what holds the cursor: the object whose key is typed, or the
    /// value that is typed.
    pub(super) path: Vec<String>,
    /// Whether it is a value behind its key.
    pub(super) value: bool,
    /// What was typed of it before the cursor.
    pub(super) typed: String,
    /// Where that begins, in letters of the text.
    pub(super) from: usize,
    /// Column of the keys here.
    pub(super) indent: usize,
    /// What else stands in the same object, with its value where it is in the same line.
    pub(super) beside: Vec<(String, String)>,
}

/// One step down: the column where it begins, and its name or number.
#[derive(Clone, Debug)]
enum Step {
    Key(usize, String),
    Row(usize, usize),
}

impl Step {
    fn column(&self) -> usize {
        match self {
            Self::Key(column, _) | Self::Row(column, _) => *column,
        }
    }
}

/// A line, taken apart.
struct Line<'a> {
    /// Columns of the dashes before it.
    dashes: Vec<usize>,
    /// Where what follows begins.
    column: usize,
    key: Option<&'a str>,
    value: &'a str,
}

impl<'a> Line<'a> {
    /// `None` where it says nothing.
    fn of(text: &'a str) -> Option<Self> {
        let body = text.trim_start_matches(' ');
        if body.trim().is_empty() || body.starts_with('#') {
            return None;
        }
        let mut column = text.len() - body.len();
        let (mut rest, mut dashes) = (body, Vec::new());
        while rest == "-" || rest.starts_with("- ") {
            dashes.push(column);
            let inner = rest[1..].trim_start_matches(' ');
            column += rest.len() - inner.len();
            rest = inner;
        }
        let (key, value) = split_key(rest);
        let key = (!key.is_empty()).then_some(key);
        let value = if key.is_some() { value.trim_start_matches(':') } else { value };
        Some(Self { dashes, column, key, value: value.trim() })
    }

    fn enter(&self, way: &mut Vec<Step>) {
        for dash in &self.dashes {
            way.retain(|step| step.column() <= *dash);
            match way.last_mut() {
                Some(Step::Row(column, number)) if column == dash => *number += 1,
                _ => way.push(Step::Row(*dash, 0)),
            }
        }
        if let Some(key) = self.key {
            way.retain(|step| step.column() < self.column);
            way.push(Step::Key(self.column, key.trim_matches(['"', '\'']).to_owned()));
        }
    }
}

/// Where the cursor is, `cursor` letters into a text; `None` in comments and in `{…}` and `[…]`.
pub(super) fn at(text: &str, cursor: usize) -> Option<At> {
    let end = text.char_indices().nth(cursor).map_or(text.len(), |(byte, _)| byte);
    let begin = text[..end].rfind('\n').map_or(0, |line| line + 1);
    let (above, typed) = (&text[..begin], &text[begin..end]);
    if typed.contains(['{', '[', '#']) {
        return None;
    }
    let mut way = Vec::new();
    let mut block: Option<usize> = None;
    for line in above.lines() {
        let indent = line.len() - line.trim_start_matches(' ').len();
        if block.is_some_and(|column| indent > column || line.trim().is_empty()) {
            continue;
        }
        block = None;
        let Some(line) = Line::of(line) else { continue };
        line.enter(&mut way);
        if line.value.starts_with(['|', '>']) {
            block = Some(line.column);
        }
    }
    if block.is_some_and(|column| typed.len() - typed.trim_start().len() > column) {
        return None;
    }
    let here =
        Line::of(typed).unwrap_or(Line { dashes: Vec::new(), column: typed.len(), key: None, value: "" });
    here.enter(&mut way);
    if here.key.is_none() {
        way.retain(|step| step.column() < here.column);
    }
    let length = |text: &str| text.chars().count();
    let path = way.iter().map(|step| match step {
        Step::Key(_, name) => name.clone(),
        Step::Row(_, number) => number.to_string(),
    });
    let value = here.key.is_some();
    // A key without a space behind its colon is not done yet.
    if value && !typed.contains(": ") {
        return None;
    }
    Some(At {
        path: path.collect(),
        value,
        typed: here.value.to_owned(),
        from: cursor - length(here.value).min(cursor),
        indent: here.column,
        beside: beside(text, begin, here.column, &here.dashes),
    })
}

/// Keys in the same object, above and below the line that begins at `begin`.
fn beside(text: &str, begin: usize, column: usize, dashes: &[usize]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    // Whether to look on.
    let mut look = |line: &str, down: bool| {
        let Some(line) = Line::of(line) else { return true };
        let starts = line.dashes.first().copied().unwrap_or(line.column);
        if down && (starts < column) {
            return false;
        }
        if line.column == column
            && let Some(key) = line.key
        {
            found.push((key.to_owned(), line.value.to_owned()));
        }
        line.column > column || line.column == column && line.dashes.is_empty() || (down && starts >= column)
    };
    if dashes.is_empty() {
        for line in text[..begin].lines().rev() {
            if !look(line, false) {
                break;
            }
        }
    }
    for line in text[begin..].lines().skip(1) {
        if !look(line, true) {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `‸` is the cursor.
    #[track_caller]
    fn check(text: &str, path: &str, value: bool, typed: &str, beside: &[&str]) {
        let cursor = text.find('‸').map(|byte| text[..byte].chars().count()).unwrap();
        let found = at(&text.replace('‸', ""), cursor).unwrap();
        let names: Vec<&str> = found.beside.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!((found.path.join("/").as_str(), found.value, found.typed.as_str()), (path, value, typed));
        assert_eq!(names, beside);
        assert_eq!(found.from, cursor - typed.chars().count());
    }

    #[test]
    fn keys_and_values_are_told_apart() {
        check("‸", "", false, "", &[]);
        check("ki‸", "", false, "ki", &[]);
        check("kind: A\nspec:\n  ho‸", "spec", false, "ho", &[]);
        check("kind: A\nspec:\n  host: rev‸", "spec/host", true, "rev", &[]);
        check("kind: A\n‸\nspec:\n  host: a\n", "", false, "", &["kind", "spec"]);
        check("spec:\n  hosts:\n  - a\n  - re‸\n", "spec/hosts/1", false, "re", &[]);
        check("spec:\n  hosts:\n    - a\n    - ‸\n", "spec/hosts/1", false, "", &[]);
    }

    #[test]
    fn rows_have_fields_of_their_own() {
        let rows = "spec:\n  http:\n  - name: a\n    route:\n    - destination:\n        host: reviews\n";
        check(&format!("{rows}        su‸"), "spec/http/0/route/0/destination", false, "su", &["host"]);
        check(
            &format!("{rows}        subset: v‸"),
            "spec/http/0/route/0/destination/subset",
            true,
            "v",
            &["host"],
        );
        check(&format!("{rows}      we‸"), "spec/http/0/route/0", false, "we", &["destination"]);
        check(
            &format!("{rows}    ti‸\n    retries: 1\n"),
            "spec/http/0",
            false,
            "ti",
            &["route", "name", "retries"],
        );
        check(&format!("{rows}  - ma‸\n    name: b\n  - name: c\n"), "spec/http/1", false, "ma", &["name"]);
        check(&format!("{rows}  - name: b\n    ma‸\n  - name: c\n"), "spec/http/1", false, "ma", &["name"]);
        check(&format!("{rows}  ga‸\n"), "spec", false, "ga", &["http"]);
        check(&format!("{rows}‸"), "", false, "", &["spec"]);
    }

    #[test]
    fn where_nothing_can_be_told_nothing_is() {
        for text in ["a: {b‸", "# c‸", "a: |\n  text\n  more‸", "a:‸"] {
            let cursor = text.find('‸').unwrap();
            assert_eq!(at(&text.replace('‸', ""), cursor), None, "{text}");
        }
        // Behind a text of several lines.
        check("a: |\n  text: 1\n\n  more\nb‸", "", false, "b", &["a"]);
    }
}
