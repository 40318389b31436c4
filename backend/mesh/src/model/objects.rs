//! The watched objects, as they are now. A copy of them is cheap: it shares all kinds and namespaces that do
//! not change.

use istio::{Kind, Object, Ref};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Index;
use std::sync::Arc;

/// When an object is created that is not there yet: nothing is younger.
const YOUNGEST: &str = "9999-12-31T23:59:59Z";

/// Objects of one kind in one namespace.
type Shelf = BTreeMap<Ref, Object>;

/// The watched objects by their names, in the order of kind, namespace and name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Objects(BTreeMap<(&'static Kind, Arc<str>), Arc<Shelf>>);

impl Objects {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }
    /// One of them.
    pub fn get(&self, at: &Ref) -> Option<&Object> {
        self.0.get(&(at.kind, at.namespace.clone()))?.get(at)
    }
    /// Whether there is one of this name.
    pub fn contains(&self, at: &Ref) -> bool {
        self.get(at).is_some()
    }
    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.values().map(|shelf| shelf.len()).sum()
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&Ref, &Object)> {
        self.0.values().flat_map(|shelf| shelf.iter())
    }
    /// The names of all.
    pub fn keys(&self) -> impl Iterator<Item = &Ref> {
        self.iter().map(|(at, _)| at)
    }
    /// Puts an object there as it will be once it is written: it keeps its age, and of one that is new nothing is
    /// younger.
    pub fn lay(&mut self, at: &Ref, object: &Object) {
        let mut object = object.clone();
        if object.created().is_empty() {
            let age = self.get(at).map(Object::created).filter(|age| !age.is_empty());
            object = object.of_age(age.unwrap_or(YOUNGEST));
        }
        self.insert(at.clone(), object);
    }
    /// All of one kind.
    pub fn of_kind(&self, kind: &'static Kind) -> impl Iterator<Item = (&Ref, &Object)> {
        let shelves = self.0.range((kind, "".into())..).take_while(move |((other, _), _)| *other == kind);
        shelves.flat_map(|(_, shelf)| shelf.iter())
    }
    /// All of one kind in one namespace ("" for kinds without).
    pub fn within(&self, kind: &'static Kind, namespace: &str) -> impl Iterator<Item = (&Ref, &Object)> {
        self.shelf(kind, namespace).into_iter().flat_map(|shelf| shelf.iter())
    }
    fn shelf(&self, kind: &'static Kind, namespace: &str) -> Option<&Arc<Shelf>> {
        self.0.get(&(kind, namespace.into()))
    }
    /// Keeps only those for which this holds.
    pub fn retain(&mut self, keep: impl Fn(&Ref, &Object) -> bool) {
        let gone: Vec<Ref> =
            self.iter().filter(|(at, object)| !keep(at, object)).map(|(at, _)| at.clone()).collect();
        gone.iter().for_each(|at| drop(self.remove(at)));
    }
    /// Puts one there; returns what was there before.
    pub fn insert(&mut self, at: Ref, object: Object) -> Option<Object> {
        Arc::make_mut(self.0.entry((at.kind, at.namespace.clone())).or_default()).insert(at, object)
    }
    /// Takes one away, and returns it.
    pub fn remove(&mut self, at: &Ref) -> Option<Object> {
        let key = (at.kind, at.namespace.clone());
        let shelf = self.0.get_mut(&key).filter(|shelf| shelf.contains_key(at))?;
        let gone = Arc::make_mut(shelf).remove(at);
        if shelf.is_empty() {
            self.0.remove(&key);
        }
        gone
    }
    /// Whether both share all kinds but these, told without looking at their objects.
    pub fn same_but(&self, other: &Self, but: &[&'static Kind]) -> bool {
        let counts = |(kind, _): &(&'static Kind, Arc<str>)| !but.contains(kind);
        let of = |objects: &'_ Self| -> Vec<*const Shelf> {
            objects.0.iter().filter(|(key, _)| counts(key)).map(|(_, shelf)| Arc::as_ptr(shelf)).collect()
        };
        of(self) == of(other)
    }
    /// Which came, went or became another since `before`. Costs what changed.
    pub(crate) fn changes<'a>(&'a self, before: &'a Self) -> impl Iterator<Item = &'a Ref> {
        self.changed_since(before).into_iter().map(|change| change.at)
    }
    /// What is different from `before`. Costs what changed: kinds and namespaces that are shared are not
    /// looked at.
    pub(super) fn changed_since<'a>(&'a self, before: &'a Self) -> Vec<Changed<'a>> {
        let mut changes = Vec::new();
        for (was, now) in joined(&before.0, &self.0) {
            match (was, now) {
                (Some((_, was)), Some((_, now))) if Arc::ptr_eq(was, now) => {}
                (was, now) => {
                    let none = &NOTHING;
                    let (was, now) = (was.map_or(none, |(_, was)| was), now.map_or(none, |(_, now)| now));
                    changes.extend(joined(was, now).filter_map(Changed::of));
                }
            }
        }
        changes
    }
    /// Namespaces that objects live in.
    pub(super) fn namespaces(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.keys().map(|(_, namespace)| namespace).filter(|namespace| !namespace.is_empty())
    }
}

static NOTHING: Shelf = Shelf::new();

/// An object that came, went or became another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Changed<'a> {
    pub(super) at: &'a Ref,
    pub(super) was: Option<&'a Object>,
    pub(super) now: Option<&'a Object>,
}

type Entry<'a, K, V> = Option<(&'a K, &'a V)>;

impl<'a> Changed<'a> {
    fn of((was, now): (Entry<'a, Ref, Object>, Entry<'a, Ref, Object>)) -> Option<Self> {
        let (at, _) = now.or(was)?;
        let (was, now) = (was.map(|(_, was)| was), now.map(|(_, now)| now));
        let same = was.zip(now).is_some_and(|(was, now)| Arc::ptr_eq(&was.0, &now.0) || was == now);
        (!same).then_some(Self { at, was, now })
    }
}

/// Goes through two maps side by side.
fn joined<'a, K: Ord, V>(
    one: &'a BTreeMap<K, V>,
    two: &'a BTreeMap<K, V>,
) -> impl Iterator<Item = (Entry<'a, K, V>, Entry<'a, K, V>)> {
    let (mut one, mut two) = (one.iter().peekable(), two.iter().peekable());
    std::iter::from_fn(move || {
        let order = match (one.peek(), two.peek()) {
            (Some((a, _)), Some((b, _))) => a.cmp(b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return None,
        };
        Some((one.next_if(|_| order.is_le()), two.next_if(|_| order.is_ge())))
    })
}

impl Index<&Ref> for Objects {
    type Output = Object;
    fn index(&self, at: &Ref) -> &Object {
        self.get(at).unwrap_or_else(|| panic!("no {at}"))
    }
}

impl Extend<(Ref, Object)> for Objects {
    fn extend<T: IntoIterator<Item = (Ref, Object)>>(&mut self, objects: T) {
        for (at, object) in objects {
            self.insert(at, object);
        }
    }
}

impl FromIterator<(Ref, Object)> for Objects {
    fn from_iter<T: IntoIterator<Item = (Ref, Object)>>(objects: T) -> Self {
        let mut all = Self::default();
        all.extend(objects);
        all
    }
}

impl IntoIterator for Objects {
    type Item = (Ref, Object);
    type IntoIter = std::vec::IntoIter<Self::Item>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter().map(|(at, object)| (at.clone(), object.clone())).collect::<Vec<_>>().into_iter()
    }
}
