//! Since when something is not well, and what was written near then.

use crate::ledger::Ledger;
use crate::series::Series;
use crate::writes::{Deed, Write};
use istio::Ref;
use jiff::{SignedDuration, Timestamp};

/// What was written so long before something went wrong may be why.
const BEFORE: SignedDuration = SignedDuration::from_mins(5);
/// Rates tell of a moment only as it passes, and clocks differ.
const AFTER: SignedDuration = SignedDuration::from_mins(1);
/// More is no hint any more.
const MOST: usize = 3;

/// Since when values are above a level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Since {
    /// Since this second of 1970.
    At(f64),
    /// For longer than was looked at.
    Before(f64),
}

impl Since {
    /// The second that is known of.
    pub fn secs(self) -> f64 {
        match self {
            Self::At(at) | Self::Before(at) => at,
        }
    }
}

/// Since when a series has been above a level, until its end; `None` where it is not. A gap ends it: what was
/// before that is not known.
pub fn above(series: &Series, level: f64, step_secs: u64) -> Option<Since> {
    let last = series.pieces(step_secs).pop()?;
    let over = last.iter().rev().take_while(|(_, value)| *value > level).count();
    let (at, _) = last[last.len().checked_sub(over)?..].first()?;
    // All of what is there: it may have begun before.
    Some(if over == last.len() { Since::Before(*at) } else { Since::At(*at) })
}

/// What somebody wrote near a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Near {
    /// What it did: the change's own words, or the object and what was done to it.
    pub what: String,
    /// When.
    pub when: Timestamp,
    /// Who, where that is told.
    pub by: String,
    /// The object.
    pub at: Ref,
    /// Whether the object concerns what is looked at; else it is only in its namespace.
    pub concerns: bool,
}

/// What was written shortly before a moment: what concerns the thing first, then what is in its namespace;
/// the nearest first.
pub fn near(
    writes: &[Write],
    ledger: &Ledger,
    moment: Timestamp,
    config: &[Ref],
    namespace: &str,
) -> Vec<Near> {
    let close = |when: Timestamp| when >= moment - BEFORE && when <= moment + AFTER;
    let here = |near: &Near| near.concerns || *near.at.namespace == *namespace;
    let mut all: Vec<Near> = told(writes, ledger, close, config).filter(here).collect();
    all.sort_by_key(|near| (!near.concerns, near.when.duration_since(moment).abs()));
    all.truncate(MOST);
    all
}

/// What was written in a time, the newest first: what concerns the thing; all, where nothing is looked at.
pub fn between(
    writes: &[Write],
    ledger: &Ledger,
    [from, to]: [Timestamp; 2],
    config: Option<&[Ref]>,
) -> Vec<Near> {
    let within = |when: Timestamp| when >= from && when <= to;
    let all = told(writes, ledger, within, config.unwrap_or_default());
    let mut all: Vec<Near> = all.filter(|near| near.concerns || config.is_none()).collect();
    all.sort_by_key(|near| std::cmp::Reverse(near.when));
    all
}

fn told<'a>(
    writes: &'a [Write],
    ledger: &'a Ledger,
    close: impl Fn(Timestamp) -> bool + Copy + 'a,
    config: &'a [Ref],
) -> impl Iterator<Item = Near> + 'a {
    let concerns = move |at: &Ref| config.contains(at);
    let ours = ledger.entries().iter().filter_map(move |entry| {
        let sent = entry.sent.filter(|sent| close(*sent))?;
        let steps = || entry.change.steps.iter().map(|step| &step.at);
        let at = steps().find(|at| concerns(at)).or_else(|| steps().next())?;
        let (what, by) = (entry.change.title.clone(), "this program".to_owned());
        Some(Near { what, when: sent, by, at: at.clone(), concerns: concerns(at) })
    });
    let theirs =
        writes.iter().filter(move |write| close(write.when) && !write.is_ours(ledger)).map(move |write| {
            let deed = match write.deed {
                Deed::Created => "was made",
                Deed::Changed | Deed::Before => "was written",
                Deed::Deleted => "was deleted",
            };
            Near {
                what: format!("{} {deed}", write.at),
                when: write.when,
                by: write.by.clone().unwrap_or_default(),
                at: write.at.clone(),
                concerns: concerns(&write.at),
            }
        });
    ours.chain(theirs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use istio::kinds;

    fn series(values: &[(f64, f64)]) -> Series {
        Series { points: values.to_vec(), ..Series::default() }
    }

    #[test]
    fn since_when() {
        #[track_caller]
        fn check(values: &[(f64, f64)], expect: Option<Since>) {
            assert_eq!(above(&series(values), 1.0, 5), expect);
        }
        check(&[(0.0, 0.0), (5.0, 2.0), (10.0, 3.0)], Some(Since::At(5.0)));
        check(&[(0.0, 2.0), (5.0, 2.0)], Some(Since::Before(0.0)));
        check(&[(0.0, 2.0), (5.0, 0.5)], None);
        check(&[(0.0, 0.0), (5.0, 0.0), (60.0, 2.0), (65.0, 2.0)], Some(Since::Before(60.0)));
        check(&[], None);
    }

    #[test]
    fn what_concerns_it_comes_first() {
        let moment = crate::demo::NOW;
        let write = |name: &str, namespace: &str, secs: i64| Write {
            at: Ref::new(&kinds::VIRTUAL_SERVICE, namespace, name),
            by: Some("kubectl-edit".into()),
            when: moment + SignedDuration::from_secs(secs),
            heard: moment,
            deed: Deed::Changed,
            what: Vec::new(),
            before: None,
            after: None,
        };
        let writes = [
            write("other", "shop", -1),
            write("cart", "shop", -100),
            write("cart", "shop", -4000),
            write("far", "bank", -1),
            write("later", "shop", 200),
        ];
        let config = [Ref::new(&kinds::VIRTUAL_SERVICE, "shop", "cart")];
        let found = near(&writes, &Ledger::default(), moment, &config, "shop");
        let said: Vec<String> =
            found.iter().map(|near| format!("{} by {} {}", near.what, near.by, near.concerns)).collect();
        assert_eq!(
            said,
            [
                "VirtualService shop/cart was written by kubectl-edit true",
                "VirtualService shop/other was written by kubectl-edit false"
            ]
        );
        let within = |config: Option<&[Ref]>| {
            let time = [moment - SignedDuration::from_mins(10), moment];
            between(&writes, &Ledger::default(), time, config)
                .iter()
                .map(|near| near.at.name.to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(within(Some(&config)), ["cart"]);
        assert_eq!(within(None), ["other", "far", "cart"]);
    }
}
