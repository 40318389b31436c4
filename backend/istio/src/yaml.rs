//! YAML as people write it: read into a value, with the place of every field, or with the line where it
//! cannot be read and why.

use serde_json::Value;
use serde_saphyr::granit_parser::{Event, Parser};
use std::collections::BTreeMap;
use std::fmt;

/// A place in a text; both count from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Line.
    pub line: usize,
    /// Letter in the line.
    pub column: usize,
}

/// One document.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// What it says.
    pub value: Value,
    /// Where each field and each row of a list begins, by its JSON pointer.
    places: BTreeMap<String, Place>,
}

/// Why a text cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// Nothing stands there.
    Empty,
    /// More than one document.
    Several(Place),
    /// A tab in front of a line.
    Tab(Place),
    /// A quote that does not end.
    Quote(Place),
    /// A key without a space behind its colon.
    Colon(Place),
    /// A field that stands there twice.
    Twice(String, Place),
    /// Anything else.
    Line(Place),
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "there is nothing here",
            Self::Several(_) => "one object at a time: a second begins here",
            Self::Tab(_) => "a tab stands in front of the line: YAML is indented by spaces",
            Self::Quote(_) => "a quote begins here and does not end",
            Self::Colon(_) => "a space is missing behind the colon",
            Self::Twice(name, _) => return write!(f, "{name} stands here twice"),
            Self::Line(_) => {
                "this line does not fit what stands above it: look at its indentation, colons and brackets"
            }
        })
    }
}

impl Unreadable {
    /// Where.
    pub fn place(&self) -> Place {
        match self {
            Self::Empty => Place::default(),
            Self::Several(place)
            | Self::Tab(place)
            | Self::Quote(place)
            | Self::Colon(place)
            | Self::Twice(_, place)
            | Self::Line(place) => *place,
        }
    }
}

impl Document {
    /// Where a field or a row stands, by its JSON pointer; else what it would stand in.
    pub fn place(&self, pointer: &str) -> Place {
        let mut pointer = pointer;
        loop {
            if let Some(place) = self.places.get(pointer) {
                return *place;
            }
            match pointer.rsplit_once('/') {
                Some((above, _)) => pointer = above,
                None => return Place::default(),
            }
        }
    }
}

/// Reads a text that is one document.
///
/// # Errors
/// When it is none, with the place.
pub fn read(text: &str) -> Result<Document, Unreadable> {
    let places = places(text)?;
    match serde_saphyr::from_str::<Value>(text) {
        Ok(Value::Null) => Err(Unreadable::Empty),
        Ok(value) => Ok(Document { value, places }),
        Err(error) => {
            let at = error.location().map(|at| Place {
                line: (at.line() as usize).saturating_sub(1),
                column: (at.column() as usize).saturating_sub(1),
            });
            Err(Unreadable::Line(at.unwrap_or_default()))
        }
    }
}

/// One of the documents of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece<'t> {
    /// The line on which it begins.
    pub line: usize,
    /// As it is written.
    pub text: &'t str,
    /// What it is, with places that count from that line; or why it cannot be read.
    pub document: Result<Document, Unreadable>,
}

/// Reads every document of a text by itself, so that one which cannot be read costs only itself. Those in
/// which nothing stands are left out.
pub fn documents(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut put = |line: usize, text| match read(text) {
        Err(Unreadable::Empty) => {}
        document => pieces.push(Piece { line, text, document }),
    };
    let (mut begins, mut first) = (0, 0);
    let mut at = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        // At the margin these three letters part documents whatever stands around them.
        let rest = line.strip_prefix("---");
        if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n'])) {
            put(first, &text[begins..at]);
            // What stands behind them on the line is a part of the document.
            (begins, first) = (at, number);
        }
        at += line.len();
    }
    put(first, &text[begins..]);
    pieces
}

/// A mapping or a list that is open, with its pointer.
enum Open {
    Map { at: String, key: Option<String> },
    List { at: String, rows: usize },
}

fn places(text: &str) -> Result<BTreeMap<String, Place>, Unreadable> {
    let mut found = BTreeMap::new();
    let mut open: Vec<Open> = Vec::new();
    let mut documents = 0;
    for event in Parser::new_from_str(text) {
        let Ok((event, span)) = event.as_ref() else {
            let at = event.err().map(|error| *error.marker());
            return Err(guess(text, at.map(|at| Place { line: at.line().max(1) - 1, column: at.col() })));
        };
        let place = Place { line: span.start.line().max(1) - 1, column: span.start.col() };
        match event {
            Event::DocumentStart(..) => documents += 1,
            Event::Scalar(..) | Event::MappingStart(..) | Event::SequenceStart(..) | Event::Alias(_) => {
                if documents > 1 {
                    return Err(Unreadable::Several(place));
                }
                node(event, place, &mut open, &mut found)?;
            }
            Event::MappingEnd | Event::SequenceEnd => drop(open.pop()),
            _ => {}
        }
    }
    if found.is_empty() { Err(Unreadable::Empty) } else { Ok(found) }
}

fn node(
    event: &Event<'_>,
    place: Place,
    open: &mut Vec<Open>,
    found: &mut BTreeMap<String, Place>,
) -> Result<(), Unreadable> {
    let at = match open.last_mut() {
        None => String::new(),
        Some(Open::List { at, rows }) => {
            *rows += 1;
            format!("{at}/{}", *rows - 1)
        }
        Some(Open::Map { at, key: key @ None }) => {
            // A key; one that is no text names no field.
            let Event::Scalar(name, ..) = event else { return Err(Unreadable::Line(place)) };
            let pointer = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
            if found.insert(pointer, place).is_some() {
                return Err(Unreadable::Twice(name.to_string(), place));
            }
            *key = Some(name.to_string());
            return Ok(());
        }
        Some(Open::Map { at, key }) => {
            let name = key.take().unwrap_or_default();
            format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"))
        }
    };
    found.entry(at.clone()).or_insert(place);
    match event {
        Event::MappingStart(..) => open.push(Open::Map { at, key: None }),
        Event::SequenceStart(..) => open.push(Open::List { at, rows: 0 }),
        _ => {}
    }
    Ok(())
}

/// What is most likely wrong, by what stands in the line.
fn guess(text: &str, at: Option<Place>) -> Unreadable {
    let lines: Vec<&str> = text.lines().collect();
    let tab = lines.iter().position(|line| line.trim_start_matches(' ').starts_with('\t'));
    if let Some(line) = tab {
        return Unreadable::Tab(Place { line, column: lines[line].find('\t').unwrap_or_default() });
    }
    if let Some(place) = open_quote(&lines) {
        return Unreadable::Quote(place);
    }
    let at = at.unwrap_or_default();
    // A key that swallowed its value makes a text of it; what is refused is the next line.
    let above = (0..=at.line.min(lines.len().saturating_sub(1))).rev();
    let near = above.filter(|line| lines.get(*line).is_some_and(|line| !line.trim().is_empty())).take(2);
    for line in near {
        let body = lines[line].trim_start_matches([' ', '-']);
        let key = body.find(|letter: char| !(letter.is_alphanumeric() || "_-./".contains(letter)));
        if let Some(end) = key
            && end > 0
            && body[end..].starts_with(':')
            && body[end + 1..].starts_with(|next: char| !next.is_whitespace() && next != '/')
        {
            let column = lines[line].len() - body.len() + end;
            return Unreadable::Colon(Place { line, column });
        }
    }
    Unreadable::Line(Place { line: at.line.min(lines.len().saturating_sub(1)), ..at })
}

/// A value that begins with a quote and has none at its end, where no later line ends it.
fn open_quote(lines: &[&str]) -> Option<Place> {
    lines.iter().enumerate().find_map(|(line, text)| {
        let value = text.split_once(": ").map_or(text.trim_start_matches([' ', '-']), |(_, value)| value);
        let value = value.trim();
        let quote = value.chars().next().filter(|first| matches!(first, '"' | '\''))?;
        let ends = value.matches(quote).count() % 2 == 0 || value.contains('\\');
        let later = || lines[line + 1..].iter().any(|text| text.matches(quote).count() % 2 == 1);
        (!ends && !later()).then(|| Place { line, column: text.find(quote).unwrap_or_default() })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::{Object, yaml};
    use serde_json::json;

    #[test]
    fn every_field_has_its_place() {
        let text =
            "spec:\n  hosts:\n  - reviews\n  http:\n  - name: a\n    route: [{ weight: 7 }]\n  odd/~key: 1\n";
        let document = read(text).unwrap();
        assert_eq!(document.value["spec"]["http"][0]["route"][0]["weight"], 7);
        let at = |pointer| {
            let Place { line, column } = document.place(pointer);
            (line, column)
        };
        assert_eq!(at("/spec"), (0, 0));
        assert_eq!(at("/spec/hosts/0"), (2, 4));
        assert_eq!(at("/spec/http/0/name"), (4, 4));
        assert_eq!(at("/spec/http/0/route/0/weight"), (5, 14));
        assert_eq!(at("/spec/odd~1~0key"), (6, 2));
        assert_eq!(at("/spec/http/0/timeout"), (4, 4), "what is missing is missing in its row");
    }

    #[track_caller]
    fn check(text: &str, line: usize, words: &str) {
        let error = read(text).unwrap_err();
        assert_eq!((error.place().line + 1, error.to_string().contains(words)), (line, true), "{error}");
    }

    #[test]
    fn what_cannot_be_read_says_where_and_why() {
        check("a: 1\nb:\n\t- c\n", 3, "tab");
        check("a: 1\nb: \"c\nd: 2\n", 2, "quote");
        check("a:\n  b:1\n  c: 2\n", 2, "space is missing");
        check("a: 1\nb: 2\na: 3\n", 3, "a stands here twice");
        check("a: 1\n---\nb: 2\n", 3, "second");
        check("a:\n  b: 1\n c: 2\n", 3, "indentation");
        check("a: [1, 2\nb: 3\n", 2, "brackets");
        check("", 1, "nothing");
        check("# only a comment\n", 1, "nothing");
    }

    #[test]
    fn one_document_that_cannot_be_read_costs_only_itself() {
        let text = "# first\na: 1\n---\n\nb: \"c\n---\n# nothing\n--- # third\nc: |\n  ---\n  text\n";
        let pieces = documents(text);
        let told: Vec<(usize, Option<usize>)> = pieces
            .iter()
            .map(|one| (one.line, one.document.as_ref().err().map(|why| why.place().line)))
            .collect();
        assert_eq!(told, [(0, None), (2, Some(2)), (7, None)]);
        let last = pieces[2].document.as_ref().unwrap();
        assert_eq!((last.value["c"].as_str(), last.place("/c").line), (Some("---\ntext\n"), 1));
        assert_eq!(documents("{\"a\": 1}").len(), 1);
        assert!(documents("---\n---\n").is_empty());
    }

    /// Whatever text an object holds, its YAML reads back as it was.
    #[test]
    fn what_is_shown_reads_back() {
        let odd = [
            "",
            " a",
            "a ",
            "true",
            "no",
            "null",
            "~",
            "1",
            "1.0",
            "1e3",
            "0x1f",
            "012",
            "12:30:00",
            "- a",
            "a: b",
            "a #b",
            "#a",
            "*",
            "&a",
            "!a",
            "%a",
            "@a",
            "`a",
            "{a}",
            "[a]",
            "'a",
            "\"a",
            "a\\b",
            "a\nb",
            "a\n",
            "\na",
            "\ta",
            "é",
            "\u{202e}",
            "2026-01-01",
            ".nan",
            ".inf",
            "y",
            "=",
            "<<",
            "? a",
            "|",
            ">",
        ];
        let map: serde_json::Map<String, Value> =
            odd.iter().map(|text| ((*text).to_owned(), json!(text))).collect();
        let value = json!({ "spec": { "list": odd.to_vec(), "map": map, "numbers": [0, -1, 1.5, 18446744073709551615u64, 1e-7],
            "others": [null, true, {}, [], [[1]], [{ "a": [] }]] } });
        let text = yaml(&Object::from(value.clone()));
        let read = read(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(read.value, value, "{text}");
        assert_eq!(read.value.to_string(), value.to_string(), "in the same order");
    }
}
