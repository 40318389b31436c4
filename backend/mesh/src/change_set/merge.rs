//! Several edits of one object become one: their guards first, because they state what the user saw, then
//! their edits, each where it was meant. Edits of one place are a clash.

use super::creates;
use crate::change::{Edit, Step};
use json_patch::{Patch, PatchOperation};
use serde_json::Value;

/// Two of the steps cannot be done together: their positions, and the place that both write.
#[derive(Debug, PartialEq)]
pub(super) struct Overlap {
    pub(super) first: usize,
    pub(super) second: usize,
    /// "spec.http.1.fault"; empty for the whole object.
    pub(super) place: String,
}

/// The one step that does what all these steps on one object do.
pub(super) fn merge(steps: &[&Step]) -> Result<Step, Overlap> {
    let [first, more @ ..] = steps else { unreachable!("an object of a set is in one of its steps") };
    if more.iter().all(|step| step.edit == first.edit) {
        return Ok((*first).clone());
    }
    if let Some(made) = create(steps) {
        return made;
    }
    let mut edits = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        let (Edit::Patch(patch), Some(before)) = (&step.edit, &step.before) else {
            return Err(Overlap { first: 0, second: number.max(1), place: String::new() });
        };
        edits.push(Edits::of(patch, &before.0));
    }
    let order = order(&edits)?;
    let mut operations: Vec<PatchOperation> = Vec::new();
    for guard in edits.iter().flat_map(|edits| &edits.guards) {
        if !operations.contains(guard) {
            operations.push(guard.clone());
        }
    }
    for (place, number) in order.iter().enumerate() {
        for edit in &edits[*number].writes {
            // Two drafts may want the same: a subset that both need is declared once.
            let before =
                |other: &usize| edits[*other].writes.iter().any(|one| one.operation == edit.operation);
            if !order[..place].iter().any(before) {
                operations.push(edit.operation.clone());
            }
        }
    }
    let patch = Patch(operations);
    // Drafts may be of different age; the set holds where it fits one of the objects that were seen, the
    // newest first.
    let fits = |step: &&Step| {
        let before = step.before.clone()?;
        let mut after = (*before.0).clone();
        json_patch::patch(&mut after, &patch).ok()?;
        Some((before, after))
    };
    let Some((before, after)) = steps.iter().rev().find_map(fits) else {
        return Err(Overlap { first: 0, second: 1, place: String::new() });
    };
    Ok(Step { edit: Edit::Patch(patch), before: Some(before), after: Some(after.into()), ..(*first).clone() })
}

/// The object that all of them make, if that is what they do.
fn create(steps: &[&Step]) -> Option<Result<Step, Overlap>> {
    let made = steps.iter().map(|step| match &step.edit {
        Edit::Create(object) => Some(object),
        Edit::Patch(_) | Edit::Delete { .. } => None,
    });
    let made: Vec<&Value> = made.collect::<Option<_>>()?;
    let mut whole = made[0].clone();
    for (second, object) in made.iter().enumerate().skip(1) {
        match creates::together(&whole, object) {
            Ok(both) => whole = both,
            Err(place) => return Some(Err(Overlap { first: 0, second, place })),
        }
    }
    Some(Ok(Step { edit: Edit::Create(whole.clone()), after: Some(whole.into()), ..(*steps[0]).clone() }))
}

/// A patch in two halves: what the user saw, and what is written.
struct Edits {
    guards: Vec<PatchOperation>,
    writes: Vec<Write>,
}

struct Write {
    operation: PatchOperation,
    path: Vec<String>,
    list: Option<InList>,
}

/// What a write does to the list that its last token is in.
#[derive(Clone, Copy, PartialEq)]
enum InList {
    Append,
    Insert(usize),
    Remove(usize),
}

/// What doing one write first means for another.
#[derive(Clone, Copy, PartialEq)]
enum Disturbs {
    No,
    /// The other's place is somewhere else then.
    Moves,
    Clashes,
}

impl Edits {
    fn of(patch: &Patch, before: &Value) -> Self {
        let is_guard = |operation: &&PatchOperation| matches!(operation, PatchOperation::Test(_));
        let guards: Vec<_> = patch.0.iter().take_while(is_guard).cloned().collect();
        let mut writes: Vec<Write> = Vec::new();
        for operation in patch.0.iter().skip(guards.len()) {
            let mut path = tokens(operation);
            let mut list = in_list(operation, &path, before);
            // Behind an element that came or went, positions are no longer those that the others mean.
            let moved = writes.iter().find_map(|write| {
                let of = &write.path[..write.path.len().saturating_sub(1)];
                let shifts = matches!(write.list, Some(InList::Insert(_) | InList::Remove(_)));
                (shifts && path.starts_with(of)).then(|| of.to_vec())
            });
            if let Some(whole) = moved {
                (path, list) = (whole, None);
            }
            writes.push(Write { operation: operation.clone(), path, list });
        }
        Self { guards, writes }
    }
}

fn tokens(operation: &PatchOperation) -> Vec<String> {
    operation.path().tokens().map(|token| token.decoded().into_owned()).collect()
}

fn in_list(operation: &PatchOperation, path: &[String], before: &Value) -> Option<InList> {
    let (last, parent) = path.split_last()?;
    let list = parent.iter().try_fold(before, |value, token| match value {
        Value::Array(list) => list.get(token.parse::<usize>().ok()?),
        other => other.get(token),
    });
    let list = list?.as_array()?;
    match operation {
        PatchOperation::Add(_) if last == "-" => Some(InList::Append),
        PatchOperation::Add(_) => {
            let at = last.parse().ok()?;
            Some(if at < list.len() { InList::Insert(at) } else { InList::Append })
        }
        PatchOperation::Remove(_) => Some(InList::Remove(last.parse().ok()?)),
        _ => None,
    }
}

impl Write {
    /// What it means for `other`, made for the same object, that this write is done first.
    fn disturbs(&self, other: &Self) -> Disturbs {
        if self.operation == other.operation && !matches!(self.list, Some(InList::Insert(_))) {
            return Disturbs::No;
        }
        let parent = &self.path[..self.path.len().saturating_sub(1)];
        let clash = |clashes: bool| if clashes { Disturbs::Clashes } else { Disturbs::No };
        let at = match (self.list, other.list) {
            (Some(InList::Append), Some(InList::Append)) => return Disturbs::No,
            (None | Some(InList::Append), Some(InList::Insert(_))) => {
                return clash(other.path[..other.path.len() - 1].starts_with(&self.path));
            }
            (None | Some(InList::Append), _) => {
                return clash(self.path.starts_with(&other.path) || other.path.starts_with(&self.path));
            }
            (Some(InList::Insert(at) | InList::Remove(at)), _) => at,
        };
        if parent.starts_with(&other.path) {
            return Disturbs::Clashes;
        }
        let inside = other.path.strip_prefix(parent).and_then(|rest| rest.first()?.parse::<usize>().ok());
        let inserts = matches!(other.list, Some(InList::Insert(_))) && other.path.len() == self.path.len();
        match inside {
            Some(position) if position > at => Disturbs::Moves,
            Some(position) if position == at && !inserts => match self.list {
                Some(InList::Remove(_)) => Disturbs::Clashes,
                _ => Disturbs::Moves,
            },
            _ => Disturbs::No,
        }
    }
}

/// The order in which patches can be applied so that each finds the places that it means.
fn order(edits: &[Edits]) -> Result<Vec<usize>, Overlap> {
    // `before[b]` holds every `a` that must come before `b`.
    let mut before: Vec<Vec<usize>> = vec![Vec::new(); edits.len()];
    for first in 0..edits.len() {
        for second in first + 1..edits.len() {
            for write in &edits[first].writes {
                for other in &edits[second].writes {
                    match (write.disturbs(other), other.disturbs(write)) {
                        (Disturbs::No, Disturbs::No) => {}
                        (Disturbs::No, Disturbs::Moves) => before[second].push(first),
                        (Disturbs::Moves, Disturbs::No) => before[first].push(second),
                        _ => {
                            let longer =
                                if write.path.len() > other.path.len() { &write.path } else { &other.path };
                            return Err(Overlap { first, second, place: longer.join(".") });
                        }
                    }
                }
            }
        }
    }
    let mut order: Vec<usize> = Vec::new();
    while order.len() < edits.len() {
        let ready = |number: &usize| {
            !order.contains(number) && before[*number].iter().all(|needed| order.contains(needed))
        };
        let Some(next) = (0..edits.len()).find(ready) else {
            let stuck: Vec<usize> = (0..edits.len()).filter(|number| !order.contains(number)).collect();
            let place = edits[stuck[0]].writes.first().map(|write| write.path.join("."));
            return Err(Overlap { first: stuck[0], second: stuck[1], place: place.unwrap_or_default() });
        };
        order.push(next);
    }
    Ok(order)
}

#[cfg(test)]
#[path = "merge_tests.rs"]
mod tests;
