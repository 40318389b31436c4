//! Label sets, as Prometheus knows them: sorted by name, and an empty value means that the label is not
//! there.

use std::{fmt, sync::Arc};

/// The label that holds a series' metric name.
pub(crate) const NAME: &str = "__name__";

type Pair = (Arc<str>, Arc<str>);

/// A sorted set of labels, cheap to copy.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Labels(Arc<[Pair]>);

impl Labels {
    /// Sorts the pairs, leaves empty values out; of two pairs with one name the later wins.
    pub(crate) fn new(pairs: impl IntoIterator<Item = Pair>) -> Self {
        let mut list: Vec<Pair> = pairs.into_iter().collect();
        list.sort_by(|a, b| a.0.cmp(&b.0));
        let mut unique: Vec<Pair> = Vec::with_capacity(list.len());
        for pair in list {
            match unique.last_mut() {
                Some(last) if last.0 == pair.0 => *last = pair,
                _ => unique.push(pair),
            }
        }
        unique.retain(|(_, value)| !value.is_empty());
        Self(unique.into())
    }

    #[cfg(test)]
    pub(crate) fn of(pairs: &[(&str, &str)]) -> Self {
        Self::new(pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())))
    }

    pub(crate) fn empty() -> Self {
        Self(Arc::from([]))
    }

    /// The label's value; empty when it is not there.
    pub(crate) fn get(&self, name: &str) -> &str {
        match self.0.binary_search_by(|(own, _)| (**own).cmp(name)) {
            Ok(at) => &self.0[at].1,
            Err(_) => "",
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    pub(crate) fn pairs(&self) -> &[Pair] {
        &self.0
    }

    /// Where the labels stand in memory: the same for copies.
    pub(crate) fn address(&self) -> usize {
        self.0.as_ptr().addr()
    }

    /// Only the named labels.
    pub(crate) fn only(&self, names: &[String]) -> Self {
        self.filtered(|name| names.iter().any(|wanted| wanted == name))
    }

    /// All but the named labels.
    pub(crate) fn without(&self, names: &[String]) -> Self {
        self.filtered(|name| names.iter().all(|unwanted| unwanted != name))
    }

    /// All but the named labels and the metric's name.
    pub(crate) fn without_name_and(&self, names: &[String]) -> Self {
        self.filtered(|name| name != NAME && names.iter().all(|unwanted| unwanted != name))
    }

    pub(crate) fn without_name(&self) -> Self {
        if self.get(NAME).is_empty() { self.clone() } else { self.filtered(|name| name != NAME) }
    }

    /// The same labels with one set, or taken away when the value is empty.
    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        Self::new(self.0.iter().cloned().chain([(name.into(), value.into())]))
    }

    fn filtered(&self, keep: impl Fn(&str) -> bool) -> Self {
        Self(self.0.iter().filter(|(name, _)| keep(name)).cloned().collect())
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// `{app="reviews", version="v1"}`, with the metric's name in front, as Prometheus prints it in messages.
impl fmt::Display for Labels {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.get(NAME))?;
        out.write_str("{")?;
        for (at, (name, value)) in self.iter().filter(|(name, _)| *name != NAME).enumerate() {
            write!(out, "{}{name}={value:?}", if at > 0 { ", " } else { "" })?;
        }
        out.write_str("}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_sorted_and_empty_values_are_absent() {
        let labels = Labels::of(&[("version", "v1"), ("app", "reviews"), ("gone", ""), ("version", "v2")]);
        assert_eq!(labels.to_string(), r#"{app="reviews", version="v2"}"#);
        assert_eq!(labels.get("gone"), "");
        assert_eq!(labels.with("app", "").to_string(), r#"{version="v2"}"#);
        assert_eq!(labels.with(NAME, "up").to_string(), r#"up{app="reviews", version="v2"}"#);
        assert_eq!(labels.with(NAME, "up").without_name(), labels);
    }

    #[test]
    fn projections() {
        let labels = Labels::of(&[(NAME, "m"), ("a", "1"), ("b", "2"), ("c", "3")]);
        let names = ["a".to_owned(), "b".to_owned()];
        assert_eq!(labels.only(&names), Labels::of(&[("a", "1"), ("b", "2")]));
        assert_eq!(labels.without(&names), Labels::of(&[(NAME, "m"), ("c", "3")]));
        assert_eq!(labels.without_name_and(&names), Labels::of(&[("c", "3")]));
    }
}
