//! The notation of the files. One type is
//!
//! ```text
//! type VirtualService.HTTPRoute   What a rule does with the requests that it takes.
//!   match []VirtualService.Match  Any of these has to hold.
//!   timeout duration              How long to wait; none when absent.
//! ```
//!
//! `!` after a field's name makes it required. Types are `string int32 int64 uint32 uint64 number bool any
//! object time quantity bytes intstr duration port`, `enum(A|B)`, `[]T` (one value), `[set]T`, `[key,key]T`
//! (keyed), `{}T` (free keys), or the name of another type; `?` behind allows null, and `(1..256)` bounds
//! value, length or number. `alias NAME NOTATION` gives a notation a name. A line `rule NAME` adds a rule to
//! the type, `one A|B` says that at most one of these fields may be there, `pattern REGEX` what a text has to
//! look like, `default VALUE` what stands there otherwise.

use std::collections::BTreeMap;

/// Types by name.
#[derive(Debug, Default)]
pub struct Types(BTreeMap<&'static str, TypeText>);

/// What is said of one type.
#[derive(Debug, Default)]
pub struct TypeText {
    /// What it is for.
    pub description: &'static str,
    /// The notation that it is another name of.
    pub alias: Option<&'static str>,
    /// Its fields.
    pub fields: Vec<Field>,
    /// Names of the rules that hold for it.
    pub rules: Vec<&'static str>,
    /// Fields of which one may be there: `A|B`.
    pub one_of: Vec<&'static str>,
    /// What a text has to look like.
    pub pattern: Option<&'static str>,
    /// What stands there otherwise, as JSON.
    pub default: Option<&'static str>,
}

/// One field.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Whether it must be there.
    pub required: bool,
    /// What it holds.
    pub notation: &'static str,
    /// What it is for.
    pub description: &'static str,
}

impl Types {
    /// Reads files; a later one may describe what an earlier one lists.
    pub fn read(files: &[&'static str]) -> Self {
        let mut types: BTreeMap<&'static str, TypeText> = BTreeMap::new();
        let mut current: Option<&'static str> = None;
        for line in files.iter().flat_map(|file| file.lines()) {
            let trimmed = line.trim();
            if trimmed.is_empty() || trimmed.starts_with('#') {
                continue;
            }
            let (first, rest) = split(trimmed);
            let (second, description) = split(rest);
            if line.starts_with(' ') {
                if let Some(text) = current.and_then(|name| types.get_mut(name)) {
                    text.take(first, rest);
                }
                continue;
            }
            let text = types.entry(second).or_default();
            match first {
                "alias" => text.alias = Some(description),
                _ if !description.is_empty() => text.description = description,
                _ => {}
            }
            current = Some(second);
        }
        Self(types)
    }

    /// The type of this name.
    pub fn get(&self, name: &str) -> Option<(&'static str, &TypeText)> {
        self.0.get_key_value(name).map(|(name, text)| (*name, text))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &TypeText)> {
        self.0.iter().map(|(name, text)| (*name, text))
    }
}

impl TypeText {
    /// The field of this name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    fn take(&mut self, first: &'static str, rest: &'static str) {
        let (second, description) = split(rest);
        match first {
            "rule" => return self.rules.push(second),
            "one" => return self.one_of.push(second),
            "pattern" => return self.pattern = Some(rest),
            "default" => return self.default = Some(rest),
            _ => {}
        }
        let name = first.trim_end_matches('!');
        match self.fields.iter_mut().find(|field| field.name == name) {
            Some(field) => {
                if second != "=" {
                    field.notation = second;
                }
                field.description = description;
            }
            None => {
                let required = name.len() != first.len();
                self.fields.push(Field { name, required, notation: second, description });
            }
        }
    }
}

/// A notation, read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notation<'n> {
    /// What it is.
    pub shape: Shape<'n>,
    /// `null` is a value.
    pub nullable: bool,
    /// "1..256".
    pub bounds: Option<&'n str>,
}

/// What a notation stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape<'n> {
    /// A type that needs no description: "string".
    Plain(&'n str),
    /// One of these texts: "A|B".
    Enum(&'n str),
    /// Free keys, and what stands below each.
    Map(&'n str),
    /// A list: by which keys it is merged ("", "set", "name,port"), and of what.
    List(&'n str, &'n str),
    /// A type of this name.
    Named(&'n str),
}

impl<'n> Notation<'n> {
    /// Reads one.
    pub fn read(text: &'n str) -> Self {
        let (bare, nullable) = text.strip_suffix('?').map_or((text, false), |bare| (bare, true));
        let bounds = bare
            .strip_suffix(')')
            .and_then(|bare| bare.rsplit_once('('))
            .filter(|(_, inner)| inner.contains(".."));
        let (bare, bounds) = bounds.map_or((bare, None), |(bare, bounds)| (bare, Some(bounds)));
        Self { shape: Shape::read(bare), nullable, bounds }
    }
}

impl<'n> Shape<'n> {
    fn read(bare: &'n str) -> Self {
        if let Some(values) = bare.strip_prefix("enum(").and_then(|rest| rest.strip_suffix(')')) {
            return Self::Enum(values);
        }
        if let Some(of) = bare.strip_prefix("{}") {
            return Self::Map(of);
        }
        if let Some((keys, of)) = bare.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            return Self::List(keys, of);
        }
        match bare.starts_with(char::is_lowercase) && !bare.contains('.') {
            true => Self::Plain(bare),
            false => Self::Named(bare),
        }
    }
}

fn split(text: &'static str) -> (&'static str, &'static str) {
    let (first, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (first, rest.trim_start())
}

#[cfg(test)]
mod tests {
    use super::super::{GATEWAY_API, ISTIO};
    use super::*;

    #[test]
    fn notations() {
        let read = Notation::read;
        let plain = |shape| Notation { shape, nullable: false, bounds: None };
        assert_eq!(read("string"), plain(Shape::Plain("string")));
        assert_eq!(read("enum(A|B)"), plain(Shape::Enum("A|B")));
        assert_eq!(
            read("Istio.Percent?"),
            Notation { nullable: true, ..plain(Shape::Named("Istio.Percent")) }
        );
        assert_eq!(read("core.v1.PodSpec"), plain(Shape::Named("core.v1.PodSpec")));
        assert_eq!(
            read("[name,port]Port(..8)"),
            Notation { bounds: Some("..8"), ..plain(Shape::List("name,port", "Port")) }
        );
        assert_eq!(read("{}string"), plain(Shape::Map("string")));
        assert_eq!(read("[]enum(A|B)"), plain(Shape::List("", "enum(A|B)")));
    }

    /// Every name that a field mentions is described.
    #[test]
    fn the_files_hang_together() {
        fn known(types: &Types, notation: &str) -> bool {
            match Notation::read(notation).shape {
                Shape::Plain(_) | Shape::Enum(_) => true,
                Shape::Map(of) | Shape::List(_, of) => known(types, of),
                Shape::Named(name) => types.get(name).is_some(),
            }
        }
        for types in [&*ISTIO, &*GATEWAY_API] {
            for (name, text) in types.iter() {
                for notation in text.fields.iter().map(|field| field.notation).chain(text.alias) {
                    assert!(known(types, notation), "{name}: {notation}");
                }
            }
        }
    }
}
