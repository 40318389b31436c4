//! Two traces beside each other, or one and what is usual: what is there in one only, what takes longer, what
//! fails.

use super::{Mark, Shape, Sum};

/// How calls of one kind differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Differs {
    /// They are there only in the first.
    OnlyHere,
    /// They are there only in the second.
    OnlyThere,
    /// More or fewer of them failed.
    Errors,
    /// There are more or fewer of them.
    Count,
    /// They took longer.
    Slower,
    /// They took less time.
    Faster,
    /// Hardly.
    Alike,
}

/// Calls of one kind in both.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// "reviews.bookinfo".
    pub service: String,
    /// "reviews reviews:9080/*".
    pub name: String,
    /// "server".
    pub kind: String,
    /// 0 for roots.
    pub depth: usize,
    /// In the first.
    pub here: Option<Sum>,
    /// In the second.
    pub there: Option<Sum>,
    /// What stands out most.
    pub differs: Differs,
    /// The row of the first, where it is there.
    pub row: Option<usize>,
    /// What the mesh did to them in the first.
    pub marks: Vec<Mark>,
}

impl Pair {
    /// By how much their own time is longer in the first.
    pub fn longer_us(&self) -> f64 {
        let own = |sum: &Option<Sum>| sum.map_or(0.0, |sum| sum.self_us);
        own(&self.here) - own(&self.there)
    }
}

/// Less than this is no difference: a share of the longer one, and microseconds.
const HARDLY: (f64, f64) = (0.2, 500.0);

/// All kinds of calls of both, those that differ first: what is there in one only or fails, then by time.
pub fn compare(here: &Shape, there: &Shape) -> Vec<Pair> {
    let places = here.places_in(there);
    let mut pairs: Vec<Pair> = Vec::with_capacity(here.nodes.len());
    for (node, place) in here.nodes.iter().zip(&places) {
        let other = place.map(|place| there.nodes[place].sum).filter(|sum| sum.count > 0.0);
        pairs.push(Pair {
            service: node.service.clone(),
            name: node.name(),
            kind: node.kind.clone(),
            depth: node.depth,
            differs: differs(Some(node.sum), other),
            here: Some(node.sum),
            there: other,
            row: Some(node.row),
            marks: node.marks.clone(),
        });
    }
    for (node, place) in there.nodes.iter().zip(there.places_in(here)) {
        if place.is_none() && node.sum.count > 0.0 {
            pairs.push(Pair {
                service: node.service.clone(),
                name: node.name(),
                kind: node.kind.clone(),
                depth: node.depth,
                here: None,
                there: Some(node.sum),
                differs: Differs::OnlyThere,
                row: None,
                marks: Vec::new(),
            });
        }
    }
    let class = |pair: &Pair| match pair.differs {
        Differs::OnlyHere | Differs::OnlyThere | Differs::Errors => 0,
        Differs::Alike => 2,
        _ => 1,
    };
    pairs.sort_by(|one, other| {
        let longer = other.longer_us().abs().total_cmp(&one.longer_us().abs());
        class(one).cmp(&class(other)).then(longer)
    });
    pairs
}

fn differs(here: Option<Sum>, there: Option<Sum>) -> Differs {
    let (Some(here), Some(there)) = (here, there) else {
        return if here.is_some() { Differs::OnlyHere } else { Differs::OnlyThere };
    };
    let longer = here.self_us - there.self_us;
    let least = (here.self_us.max(there.self_us) * HARDLY.0).max(HARDLY.1);
    match () {
        () if here.errors != there.errors => Differs::Errors,
        () if here.count != there.count => Differs::Count,
        () if longer > least => Differs::Slower,
        () if longer < -least => Differs::Faster,
        () => Differs::Alike,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo;
    use crate::trace::Trace;

    fn against(change: impl FnOnce(&mut Trace)) -> Vec<Pair> {
        let mut other = demo::trace();
        change(&mut other);
        compare(&Shape::of(&other.into()), &Shape::of(&demo::trace().into()))
    }

    #[test]
    fn a_trace_is_as_itself() {
        let pairs = against(|_| {});
        assert!(pairs.len() == 8 && pairs.iter().all(|pair| pair.differs == Differs::Alike), "{pairs:?}");
    }

    #[test]
    fn differences_come_first() {
        // The call of reviews is the one that failed.
        let pairs = against(|trace| {
            trace.spans[6].error = false;
            trace.spans[3].duration_us += 3000;
        });
        let told: Vec<_> = pairs.iter().map(|pair| (&*pair.service, pair.differs)).take(2).collect();
        assert_eq!(told, [("reviews.bookinfo", Differs::Errors), ("details.bookinfo", Differs::Slower)]);
        assert_eq!(pairs[1].longer_us(), 3000.0);
        let pairs = against(|trace| trace.spans.truncate(7));
        assert_eq!((pairs[0].differs, pairs[0].here), (Differs::OnlyThere, None));
        let pairs = against(|trace| trace.spans[7].operation = "other".into());
        let told: Vec<_> = pairs.iter().map(|pair| pair.differs).take(3).collect();
        assert!(told.contains(&Differs::OnlyHere) && told.contains(&Differs::OnlyThere), "{told:?}");
    }
}
