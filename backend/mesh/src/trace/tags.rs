//! Tags: names and values, of which a name may stand there more than once.

use super::texts::{Text, Texts};

/// Names and values, sorted by name. What a span says twice stands there twice, in the order in which it was
/// said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags(Vec<(String, String)>);

impl Tags {
    /// The first value of this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }
    /// All values of this name.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let from = self.0.partition_point(|(known, _)| known.as_str() < name);
        let same = self.0.get(from..).unwrap_or_default().iter();
        same.take_while(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }
    /// All names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Tags of a packed span.
#[derive(Clone, Copy)]
pub struct TagsRef<'a> {
    pub(super) texts: &'a Texts,
    pub(super) pairs: &'a [(Text, Text)],
}

impl<'a> TagsRef<'a> {
    /// The first value of this name.
    pub fn get(self, name: &str) -> Option<&'a str> {
        self.all(name).next()
    }
    /// All values of this name.
    pub fn all(self, name: &str) -> impl Iterator<Item = &'a str> {
        let from = self.pairs.partition_point(|(known, _)| self.texts.get(*known) < name);
        let same = self.pairs.get(from..).unwrap_or_default().iter();
        same.take_while(move |(known, _)| self.texts.get(*known) == name)
            .map(move |(_, value)| self.texts.get(*value))
    }
    /// All names and values.
    pub fn iter(self) -> impl ExactSizeIterator<Item = (&'a str, &'a str)> {
        self.pairs.iter().map(move |(name, value)| (self.texts.get(*name), self.texts.get(*value)))
    }
    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.pairs.is_empty()
    }
    /// As they were told.
    pub fn told(self) -> Tags {
        Tags(self.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

impl PartialEq for TagsRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl FromIterator<(String, String)> for Tags {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        let mut pairs: Vec<(String, String)> = pairs.into_iter().collect();
        pairs.sort_by(|one, other| one.0.cmp(&other.0));
        Self(pairs)
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Tags {
    fn from(pairs: [(&str, &str); N]) -> Self {
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_stands_there_twice_keeps_both_values() {
        let tags = Tags::from([("b", "2"), ("a", "1"), ("b", "1")]);
        assert_eq!(tags.iter().collect::<Vec<_>>(), [("a", "1"), ("b", "2"), ("b", "1")]);
        assert_eq!((tags.get("b"), tags.get("c")), (Some("2"), None));
        assert_eq!(tags.all("b").collect::<Vec<_>>(), ["2", "1"]);
    }
}
