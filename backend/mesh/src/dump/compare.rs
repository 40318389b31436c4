//! Two readings beside each other, of two proxies or of one at two moments: what only one of them has, and in which
//! fields the rest differs, the worst first. What passes (when something came, which number it had) and the order of
//! what has none are no difference.

mod plain;

use super::entry::NAMELESS;
use super::{Dump, Entry, Part};
use crate::difference::told;
use plain::plain;
pub use plain::text;
use serde_json::json;
use std::collections::{BTreeMap, HashMap};

/// So many places of an entry are told.
const PLACES: usize = 100;

/// What is compared. Counters always differ, and so do certificates: each proxy has one of its own.
pub const PARTS: [Part; 6] =
    [Part::Clusters, Part::Endpoints, Part::Listeners, Part::Routes, Part::Secrets, Part::Other];

/// How an entry differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Is {
    /// Only the first has it.
    OnlyFirst,
    /// Only the second has it.
    OnlySecond,
    /// Both have it, with other fields.
    Other,
    /// Both have the same, in another order, which decides.
    Ordered,
}

/// One difference.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// What differs.
    pub part: Part,
    /// What it is called, for reading.
    pub title: String,
    /// How.
    pub is: Is,
    /// Whether one of them refuses it or waits for it, and the other does not.
    pub troubled: bool,
    /// The fields, each with both values.
    pub places: Vec<String>,
    /// Others of the part that differ in the same fields by the same values.
    pub also: Vec<String>,
    /// Where it stands among the entries of each.
    pub at: [Option<usize>; 2],
}

impl Difference {
    /// How many entries it is of.
    pub fn count(&self) -> usize {
        1 + self.also.len()
    }
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Compared {
    /// The worst first.
    pub differences: Vec<Difference>,
    /// How many entries are the same.
    pub same: usize,
    /// Parts that one of them does not tell: which, and why.
    pub unknown: Vec<(Part, String)>,
    /// Entries of either that could not be read.
    pub unread: usize,
}

impl Compared {
    /// Compares two readings.
    pub fn of(first: &Dump, second: &Dump) -> Self {
        let mut all = Self { unread: first.unread + second.unread, ..Self::default() };
        for part in PARTS {
            if let Some(why) = first.unknown.get(&part).or_else(|| second.unknown.get(&part)) {
                all.unknown.push((part, why.clone()));
                continue;
            }
            all.part(part, [first, second]);
        }
        all.differences.sort_by_cached_key(|one| (rank(one), one.part, one.title.clone()));
        all.differences = alike(all.differences);
        all
    }

    fn part(&mut self, part: Part, dumps: [&Dump; 2]) {
        let [first, second] = dumps.map(|dump| by_name(dump, part));
        for (name, at) in &first {
            let entry = &dumps[0].entries[*at];
            let Some(other) = second.get(name) else {
                self.differences.push(difference(entry, Is::OnlyFirst, [Some(*at), None], Vec::new()));
                continue;
            };
            let pair = [entry, &dumps[1].entries[*other]];
            let places = places(pair);
            if places.is_empty() {
                self.same += 1;
            } else {
                let at = [Some(*at), Some(*other)];
                let troubled = pair[0].trouble != pair[1].trouble;
                self.differences.push(Difference { troubled, ..difference(entry, Is::Other, at, places) });
            }
        }
        let news = second.iter().filter(|(name, _)| !first.contains_key(*name));
        for (_, at) in news {
            let entry = &dumps[1].entries[*at];
            self.differences.push(difference(entry, Is::OnlySecond, [None, Some(*at)], Vec::new()));
        }
        if part == Part::Routes {
            self.differences.extend(order(dumps, &first, &second));
        }
    }
}

/// What differs in many entries alike (an address of their own, a version) is told once.
fn alike(all: Vec<Difference>) -> Vec<Difference> {
    let mut firsts: HashMap<(Part, Vec<String>), usize> = HashMap::new();
    let mut told: Vec<Difference> = Vec::new();
    for one in all {
        let first = match one.is {
            Is::Other if !one.troubled => *firsts.entry((one.part, one.places.clone())).or_insert(told.len()),
            _ => told.len(),
        };
        match told.get_mut(first) {
            Some(first) => first.also.push(one.title),
            None => told.push(one),
        }
    }
    told
}

/// A name, and the how manieth of that name it is: what is replaced stands there twice for a while.
type Name<'a> = (&'a str, usize);

fn by_name(dump: &Dump, part: Part) -> BTreeMap<Name<'_>, usize> {
    let mut count: HashMap<&str, usize> = HashMap::new();
    let of = dump.entries.iter().enumerate().filter(|(_, entry)| entry.part == part);
    // Endpoints as they were told stand there a second time, with how well each is.
    let of = of.filter(|(_, entry)| &*entry.name != "EndpointsConfigDump");
    of.map(|(at, entry)| {
        let count = count.entry(&entry.name).or_default();
        *count += 1;
        ((&*entry.name, *count), at)
    })
    .collect()
}

fn difference(entry: &Entry, is: Is, at: [Option<usize>; 2], places: Vec<String>) -> Difference {
    let troubled = entry.trouble.is_some() && matches!(is, Is::OnlyFirst | Is::OnlySecond);
    Difference { part: entry.part, title: title(entry), is, troubled, places, also: Vec::new(), at }
}

/// What an entry is called, for reading.
fn title(entry: &Entry) -> String {
    let [one, two, three, four] = entry.cells.each_ref().map(String::as_str);
    let some = |parts: &[&str]| {
        let parts: Vec<&str> = parts.iter().copied().filter(|part| !part.is_empty()).collect();
        parts.join(" ")
    };
    match entry.part {
        Part::Clusters => match &*entry.name {
            name if name.starts_with("inbound|") => some(&[one, two, three, "(inbound)"]),
            _ => some(&[one, two, three]),
        },
        Part::Endpoints => some(&[one, "of", two, three]),
        Part::Listeners if one != &*entry.name => two.to_owned(),
        Part::Routes => some(&[one, three_of(two), "at", four]),
        Part::Other if one == "BootstrapConfigDump" => "How it was started".to_owned(),
        _ => one.to_owned(),
    }
}

/// A match, or that there is none.
fn three_of(matches: &str) -> &str {
    if matches.is_empty() { "without a match" } else { matches }
}

/// The fields in which they differ.
fn places([first, second]: [&Entry; 2]) -> Vec<String> {
    let mut places = match (first.trouble.is_some(), second.trouble.is_some()) {
        (false, true) => {
            vec![format!("as it was wanted → {}", second.trouble.as_deref().unwrap_or_default())]
        }
        (true, false) => vec![format!("{} → as it was wanted", first.trouble.as_deref().unwrap_or_default())],
        (true, true) if first.trouble != second.trouble => {
            let [was, is] = [first, second].map(|entry| entry.trouble.as_deref().unwrap_or_default());
            vec![format!("{was} → {is}")]
        }
        _ => Vec::new(),
    };
    if first.part == Part::Secrets {
        let told_of = |entry: &Entry| json!({ "state": entry.cells[1], "holds": entry.cells[2] });
        places.extend(told(&told_of(first), &told_of(second)));
        return places;
    }
    places.extend(domains(&first.domains, &second.domains));
    if first.raw != second.raw {
        let [first, second] = [first, second].map(plain);
        let mut fields = told(&first, &second);
        fields.sort_by_key(|place| !is_of_version(place));
        let more = fields.len().saturating_sub(PLACES);
        fields.truncate(PLACES);
        places.extend(fields);
        places.extend((more > 0).then(|| format!("and {more} more")));
    }
    places
}

/// Domains that come and go.
fn domains(first: &str, second: &str) -> Option<String> {
    let sorted = |all: &str| {
        let mut all: Vec<String> = all.split(' ').map(str::to_owned).collect();
        all.sort_unstable();
        all
    };
    let (first, second) = (sorted(first), sorted(second));
    let without = |all: &[String], others: &[String], sign: &str| {
        let gone = all.iter().filter(|one| !others.contains(one) && !one.is_empty());
        gone.map(|one| format!("{sign}{one}")).collect::<Vec<_>>()
    };
    let signs = [without(&first, &second, "−"), without(&second, &first, "+")].concat();
    (!signs.is_empty()).then(|| format!("domains {}", signs.join(" ")))
}

/// Routes of one host that both have, where another one comes first: the first that fits takes a call.
fn order(
    dumps: [&Dump; 2],
    first: &BTreeMap<Name<'_>, usize>,
    second: &BTreeMap<Name<'_>, usize>,
) -> Vec<Difference> {
    let mut hosts: BTreeMap<&str, Vec<(usize, usize)>> = BTreeMap::new();
    for (name, at) in first {
        // Of those without a name nobody knows which is which.
        if name.0.starts_with(NAMELESS) {
            continue;
        }
        if let (Some(other), Some((host, _))) = (second.get(name), name.0.rsplit_once('\n')) {
            hosts.entry(host).or_default().push((*at, *other));
        }
    }
    let mut found = Vec::new();
    for pairs in hosts.into_values() {
        let mut by_first = pairs.clone();
        by_first.sort_unstable();
        let mut by_second = pairs;
        by_second.sort_unstable_by_key(|(_, second)| *second);
        let moved = by_first.iter().zip(&by_second).position(|(one, other)| one != other);
        let Some(moved) = moved else { continue };
        let entry = |at: usize| &dumps[0].entries[at];
        let (was, is) = (entry(by_first[moved].0), entry(by_second[moved].0));
        let place = format!("route {}: {} → {}", moved + 1, three_of(&was.cells[1]), three_of(&is.cells[1]));
        let at = [Some(by_first[moved].0), Some(by_first[moved].1)];
        let title = format!("Order of {} at {}", was.cells[0], was.cells[3]);
        found.push(Difference { title, ..difference(was, Is::Ordered, at, vec![place]) });
    }
    found
}

/// Whether a field says which version of Istio it is.
fn is_of_version(place: &str) -> bool {
    place.contains(".ISTIO_VERSION ") || place.contains("istio.io/rev ")
}

/// How bad it is: what is refused, another version, what is missing, what differs; endpoints come and go by
/// themselves.
fn rank(one: &Difference) -> u8 {
    let only = matches!(one.is, Is::OnlyFirst | Is::OnlySecond);
    match one.part {
        _ if one.troubled => 0,
        Part::Other if one.places.first().is_some_and(|place| is_of_version(place)) => 1,
        Part::Clusters | Part::Listeners | Part::Routes if only => 2,
        Part::Clusters | Part::Listeners | Part::Routes => 3,
        Part::Endpoints => 4,
        Part::Secrets => 5,
        _ => 6,
    }
}

#[cfg(test)]
mod tests;
