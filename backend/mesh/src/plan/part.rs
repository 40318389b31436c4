//! A part of an object, as editors read and write it.

use super::field::Field;
use super::work::Work;
use serde_json::Value;

/// A part of an object under edit; paths are relative to it ("retries/attempts").
pub struct Part<'p> {
    pub(super) work: Option<&'p mut Work>,
    /// Where it stands: "/spec/http/1".
    pub(super) prefix: String,
    /// What stays, even when it becomes empty: the part itself if nothing else is said.
    pub(super) floor: Option<String>,
}

impl Part<'_> {
    /// What stands there now.
    pub fn get(&self, path: &str) -> Option<&Value> {
        self.work.as_ref()?.get(&self.path(path))
    }

    /// The change holds only for as long as this is what the user saw. Fields that are written need no
    /// saying.
    pub fn saw(&mut self, path: &str) -> &mut Self {
        let path = self.path(path);
        if let Some(work) = &mut self.work {
            work.saw(&path);
        }
        self
    }

    /// Gives a field this value, or takes it away; what says the same already stays as it is written.
    pub fn set(&mut self, path: &str, value: impl Field) -> &mut Self {
        let there = self.get(path).filter(|there| !there.is_null());
        match (value.json(), there) {
            (None, None) => self,
            (_, None) if value.is_zero() => self,
            (_, Some(there)) if value.says(there) => self,
            (None, Some(_)) => self.remove(path),
            (Some(value), _) => self.put(path, value),
        }
    }

    /// Takes a field away, and what becomes empty above it in this part.
    pub fn remove(&mut self, path: &str) -> &mut Self {
        let path = self.path(path);
        let floor = self.floor.as_ref().unwrap_or(&self.prefix);
        if let Some(work) = &mut self.work {
            work.remove(&path, floor);
        }
        self
    }

    /// Puts a row into a list, before the one at the end of the path ("spec/http/0").
    pub fn insert(&mut self, path: &str, value: Value) -> &mut Self {
        let path = self.path(path);
        if let Some(work) = &mut self.work {
            work.saw(&path);
            work.insert(&path, value);
        }
        self
    }

    /// Puts a row at the end of a list, which is made where it is missing.
    pub fn push(&mut self, list: &str, value: Value) -> &mut Self {
        if self.get(list).is_some_and(Value::is_array) {
            let path = self.path(list);
            if let Some(work) = &mut self.work {
                work.saw(&path);
                work.insert(&format!("{path}/-"), value);
            }
            return self;
        }
        self.put(list, Value::Array(vec![value]))
    }

    /// A part of this part. What becomes empty in it stays.
    pub fn within(&mut self, path: &str) -> Part<'_> {
        Part { prefix: self.path(path), work: self.work.as_deref_mut(), floor: None }
    }

    /// Goes to the row of a list that is known by one of its fields; the row comes to be when something is
    /// said in it.
    pub(super) fn enter(&mut self, list: &str, identity: &str, row: Value) {
        let Some(work) = &mut self.work else { return };
        let rows = work.get(list).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let there = rows.iter().position(|one| one.get(identity) == row.get(identity));
        self.prefix = format!("{list}/{}", there.unwrap_or(rows.len()));
        match there {
            Some(_) => work.saw(&format!("{}/{identity}", self.prefix)),
            None => work.expect(self.prefix.clone(), list.to_owned(), row),
        }
    }

    pub(super) fn path(&self, path: &str) -> String {
        if path.is_empty() { self.prefix.clone() } else { format!("{}/{path}", self.prefix) }
    }

    fn put(&mut self, path: &str, value: Value) -> &mut Self {
        let path = self.path(path);
        if let Some(work) = &mut self.work {
            work.set(&path, value);
        }
        self
    }
}
