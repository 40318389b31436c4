//! The head of a column.

use serde_json::{Value, json};

/// A line for each column, of one kind or of all, with what it is about.
const DESCRIPTIONS: &str = include_str!("../../assets/columns.txt");

/// A column: its header, its type, whether it is only shown by `-o wide`.
pub(crate) struct Header {
    pub(super) name: String,
    pub(super) ty: &'static str,
    pub(super) wide: bool,
    pub(super) description: String,
}

impl Header {
    pub(super) fn new(name: &str, ty: &'static str) -> Self {
        let (name, wide) = match name.strip_prefix('+') {
            Some(name) => (name, true),
            None => (name, false),
        };
        Self { name: name.to_owned(), ty, wide, description: String::new() }
    }

    /// With what the real server says of this column of a kind.
    pub(super) fn described(mut self, kind: &str) -> Self {
        let (of_kind, of_all) = (format!("{kind}/{}", self.name), self.name.as_str());
        let words = |name: &str| {
            DESCRIPTIONS.lines().find_map(|line| line.split_once('\t').filter(|(of, _)| *of == name))
        };
        if let Some((_, words)) = words(&of_kind).or_else(|| words(of_all)) {
            self.description = words.replace("\\n", "\n");
        }
        self
    }

    pub(super) fn to_json(&self) -> Value {
        let format = if self.name == "Name" { "name" } else { "" };
        json!({"name": self.name, "type": self.ty, "format": format, "description": self.description,
            "priority": i32::from(self.wide)})
    }
}
