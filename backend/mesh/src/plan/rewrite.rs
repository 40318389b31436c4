//! Whole documents: what somebody made of an object as a text, as the smallest edit of the object. What the
//! document does not show (status, what the server gives) stays; fields that nobody knows are fields like all
//! others.
//!
//! Rows of lists that were left alone are found again by what they say; between them, rows are paired by what
//! tells them apart. Where rows come or go, the whole list is what the user saw.

use super::work::Work;
use serde_json::{Map, Value};

/// What tells a row of a list from its neighbours.
const IDENTITY: [&str; 5] = ["name", "match", "destination", "port", "host"];
/// Rows are compared one by one up to so many comparisons.
const MOST_COMPARED: usize = 250_000;

/// A place that was changed: its path, and what stood and stands there.
pub(super) type Changed = (String, Option<Value>, Option<Value>);

/// Turns `was`, as it was shown, into `wanted`, at a place of the object under edit ("" is all of it). Returns
/// what changed.
pub(super) fn rewrite(work: &mut Work, place: &str, was: &Value, wanted: &Value) -> Vec<Changed> {
    let mut writer = Writer { work, changed: Vec::new() };
    writer.level(place, was, wanted);
    writer.changed
}

struct Writer<'w> {
    work: &'w mut Work,
    changed: Vec<Changed>,
}

impl Writer<'_> {
    fn level(&mut self, path: &str, was: &Value, wanted: &Value) {
        match (was, wanted) {
            (Value::Object(was), Value::Object(wanted)) => self.fields(path, was, wanted),
            (Value::Array(was), Value::Array(wanted)) => self.rows(path, was, wanted),
            (was, wanted) if was == wanted => {}
            (was, wanted) => self.set(path, Some(was), wanted),
        }
    }

    fn set(&mut self, path: &str, was: Option<&Value>, wanted: &Value) {
        self.work.set(path, wanted.clone());
        self.changed.push((path.to_owned(), was.cloned(), Some(wanted.clone())));
    }

    fn fields(&mut self, path: &str, was: &Map<String, Value>, wanted: &Map<String, Value>) {
        let below = |key: &str| format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"));
        for (key, old) in was.iter().filter(|(key, _)| !wanted.contains_key(*key)) {
            let path = below(key);
            match old {
                // Something in it was not shown, and stays.
                Value::Object(old)
                    if self.work.get(&path).is_some_and(|there| there.as_object() != Some(old)) =>
                {
                    self.fields(&path, old, &Map::new());
                }
                _ => {
                    self.work.remove(&path, &path);
                    self.changed.push((path, Some(old.clone()), None));
                }
            }
        }
        for (key, new) in wanted {
            let path = below(key);
            match (was.get(key), self.work.get(&path), new) {
                (Some(old), ..) => self.level(&path, old, new),
                (None, Some(Value::Object(_)), Value::Object(new)) => self.fields(&path, &Map::new(), new),
                (None, ..) => self.set(&path, None, new),
            }
        }
    }

    fn rows(&mut self, path: &str, was: &[Value], wanted: &[Value]) {
        let plan = aligned(was, wanted);
        if plan.iter().any(|row| matches!(row, Row::Goes(_) | Row::Comes(_))) {
            self.work.saw(path);
        }
        let mut at = 0;
        for row in plan {
            let place = format!("{path}/{at}");
            match row {
                Row::Stays => at += 1,
                Row::Changes(old, new) => {
                    let (old, new) = (&was[old], &wanted[new]);
                    let stays = |key: &&&str| old.get(**key).is_some() && old.get(**key) == new.get(**key);
                    let known: Vec<&&str> = IDENTITY.iter().filter(stays).collect();
                    known.iter().for_each(|key| self.work.saw(&format!("{place}/{key}")));
                    if known.is_empty() {
                        self.work.saw(&place); // else the edit could meet another row by then
                    }
                    self.level(&place, old, new);
                    at += 1;
                }
                Row::Goes(old) => {
                    self.work.remove(&place, &place);
                    self.changed.push((place, Some(was[old].clone()), None));
                }
                Row::Comes(new) => {
                    let end = self.work.get(path).and_then(Value::as_array).map_or(0, Vec::len);
                    let to = if at < end { place.clone() } else { format!("{path}/-") };
                    self.work.insert(&to, wanted[new].clone());
                    self.changed.push((place, None, Some(wanted[new].clone())));
                    at += 1;
                }
            }
        }
    }
}

/// What becomes of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Row {
    Stays,
    /// From which to which.
    Changes(usize, usize),
    Goes(usize),
    Comes(usize),
}

/// How one list becomes the other, from its beginning to its end.
fn aligned(was: &[Value], wanted: &[Value]) -> Vec<Row> {
    let begin = was.iter().zip(wanted).take_while(|(old, new)| old == new).count();
    let (was_rest, wanted_rest) = (&was[begin..], &wanted[begin..]);
    let end = was_rest.iter().rev().zip(wanted_rest.iter().rev()).take_while(|(old, new)| old == new).count();
    let (old, new) = (&was_rest[..was_rest.len() - end], &wanted_rest[..wanted_rest.len() - end]);
    let mut plan = vec![Row::Stays; begin];
    let (mut from, mut to) = (0, 0);
    for (same_old, same_new) in common(old, new) {
        between(old, new, (from, same_old), (to, same_new), begin, &mut plan);
        plan.push(Row::Stays);
        (from, to) = (same_old + 1, same_new + 1);
    }
    between(old, new, (from, old.len()), (to, new.len()), begin, &mut plan);
    plan.extend(vec![Row::Stays; end]);
    plan
}

/// The rows that both have, in order: as many as there are.
fn common(old: &[Value], new: &[Value]) -> Vec<(usize, usize)> {
    if old.len() * new.len() > MOST_COMPARED {
        return Vec::new();
    }
    let width = new.len() + 1;
    let mut longest = vec![0_usize; (old.len() + 1) * width];
    for (i, one) in old.iter().enumerate().rev() {
        for (j, other) in new.iter().enumerate().rev() {
            longest[i * width + j] = if one == other {
                longest[(i + 1) * width + j + 1] + 1
            } else {
                longest[(i + 1) * width + j].max(longest[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j, mut found) = (0, 0, Vec::new());
    while i < old.len() && j < new.len() {
        if old[i] == new[j] {
            found.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if longest[(i + 1) * width + j] >= longest[i * width + j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    found
}

/// Rows between two that stay: as many as before are the same ones changed; else they are paired by what
/// tells them apart, and the others come and go.
fn between(
    old: &[Value],
    new: &[Value],
    (mut from, old_end): (usize, usize),
    (to, new_end): (usize, usize),
    begin: usize,
    plan: &mut Vec<Row>,
) {
    let as_many = old_end - from == new_end - to;
    for (at, wanted) in new.iter().enumerate().take(new_end).skip(to) {
        let same =
            |row: &usize| as_many || identity(&old[*row]).is_some_and(|one| identity(wanted) == Some(one));
        match (from..old_end).find(same) {
            Some(row) => {
                plan.extend((from..row).map(|row| Row::Goes(begin + row)));
                plan.push(Row::Changes(begin + row, begin + at));
                from = row + 1;
            }
            None => plan.push(Row::Comes(begin + at)),
        }
    }
    plan.extend((from..old_end).map(|row| Row::Goes(begin + row)));
}

fn identity(row: &Value) -> Option<(&'static str, &Value)> {
    IDENTITY.iter().find_map(|key| Some((*key, row.get(key)?)))
}

/// Changed places as one says them: `spec.http[1].timeout is 3s instead of 2s`,
/// `spec.hosts[0] and spec.http[2].retries change`.
pub(super) fn words(changed: &[Changed]) -> String {
    match changed {
        [] => String::new(),
        [(path, was, now)] => {
            let place = dotted(path);
            match (was.as_ref().map(short), now.as_ref().map(short)) {
                (Some(Some(was)), Some(Some(now))) => format!("{place} is {now} instead of {was}"),
                (None, Some(Some(now))) => format!("{place} is {now}"),
                (None, _) => format!("{place} comes"),
                (_, None) => format!("{place} goes"),
                _ => format!("{place} changes"),
            }
        }
        [(one, ..), (two, ..)] => format!("{} and {} change", dotted(one), dotted(two)),
        [(one, ..), (two, ..), more @ ..] => {
            format!("{}, {} and {} more change", dotted(one), dotted(two), more.len())
        }
    }
}

/// A value that is worth showing in a sentence.
fn short(value: &Value) -> Option<String> {
    match value {
        Value::String(text)
            if text.len() <= 32 && !text.contains(char::is_whitespace) && !text.is_empty() =>
        {
            Some(text.clone())
        }
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

/// `spec.http[1].route[0].weight`.
pub fn dotted(pointer: &str) -> String {
    let mut all = String::new();
    for token in pointer.split('/').skip(1) {
        if token.parse::<usize>().is_ok() {
            all += &format!("[{token}]");
        } else {
            let dot = if all.is_empty() { "" } else { "." };
            all += &format!("{dot}{}", super::work::unescape(token));
        }
    }
    all
}

#[cfg(test)]
#[path = "rewrite_tests.rs"]
mod tests;
