//! Looking back: what was measured at a moment of the past, and at another one that it is compared with. One
//! question for each is under way at a time, whatever is wished for meanwhile; what was seen is kept for a while,
//! so that scrubbing back to it is immediate.

use crate::kit::{fmt, let_go, window};
use crate::looked::Looked;
use jiff::Timestamp;
use mesh::traffic::Traffic;
use mesh::{Period, Problem, Remote};
use std::collections::BTreeMap;
use std::sync::Arc;

/// So many paths of traffic are kept of all moments together; the one that is looked at is kept in any case.
const KEPT: usize = 60_000;
/// And so many moments.
const MOMENTS: usize = 400;
/// Of a moment that is so near, Prometheus may not have read all proxies yet.
const NEAR_SECS: i64 = 60;

/// Looking back, as the window keeps it.
#[derive(Default)]
pub struct Past {
    looked: Looked,
    shown: Slot,
    against: Slot,
    known: Known,
}

/// What is shown of a moment of the past.
#[derive(Clone, Debug)]
pub struct Then {
    /// What is wished for.
    pub wish: Period,
    /// What was measured: at the moment that is wished for, or as long as that is being read, at the one before.
    pub traffic: Remote<Traffic>,
}

impl Then {
    /// Whether another moment is shown than the one that is wished for.
    pub fn reading(&self) -> bool {
        matches!(self.traffic, Remote::Waiting | Remote::Live(..))
            && self.traffic.at() != Some(self.wish.at())
    }
}

impl Then {
    /// Which moment what is shown is of, and which one is being read.
    pub fn shown(&self, now: Timestamp) -> String {
        let wish = when(self.wish.until, now);
        match self.traffic.at() {
            None if self.traffic.problem().is_some() => format!("Not known: {wish}"),
            None => format!("Reading {wish}"),
            Some(at) if at == self.wish.at() => {
                format!("As of {wish}, {}", window::name(self.wish.secs).to_lowercase())
            }
            Some(at) if self.reading() => format!("As of {}; reading {wish}", when(at.as_second(), now)),
            Some(at) => format!("As of {}; not known: {wish}", when(at.as_second(), now)),
        }
    }
}

/// What is not of the past, whatever moment is looked at.
pub const OF_NOW: &str = "Calls and their health are of then; objects, badges and editors are of now";

/// "15:02:10 UTC, 12 min ago"; with the day where that is not today.
pub fn when(secs: i64, now: Timestamp) -> String {
    let at = Timestamp::from_second(secs).unwrap_or_default();
    let today = at.as_second().div_euclid(86_400) == now.as_second().div_euclid(86_400);
    let time = at.strftime(if today { "%H:%M:%S UTC" } else { "%b %-d, %H:%M:%S UTC" }).to_string();
    format!("{time}, {}", fmt::ago(now, at))
}

impl Past {
    /// Looks at other moments.
    pub fn look(&mut self, at: Looked) {
        self.looked = at;
    }

    /// The moments that are looked at.
    pub fn looked(&self) -> Looked {
        self.looked
    }

    /// The moment that is shown, over so many seconds; `None`: now. `ask` puts a question.
    pub fn shown(
        &mut self,
        secs: u64,
        now: Timestamp,
        ask: impl FnMut(Period) -> Remote<Traffic>,
    ) -> Option<Then> {
        let wish = self.looked.until.map(|until| Period { until, secs });
        self.shown.look(wish, &mut self.known, now, ask)
    }

    /// The moment that it is compared with.
    pub fn against(
        &mut self,
        secs: u64,
        now: Timestamp,
        ask: impl FnMut(Period) -> Remote<Traffic>,
    ) -> Option<Then> {
        let wish = self.looked.against.map(|until| Period { until, secs });
        self.against.look(wish, &mut self.known, now, ask)
    }
}

/// One moment: what is wished for, asked and shown.
#[derive(Default)]
struct Slot {
    asked: Option<Period>,
    shown: Option<(Period, Arc<Traffic>)>,
}

impl Slot {
    fn look(
        &mut self,
        wish: Option<Period>,
        known: &mut Known,
        now: Timestamp,
        mut ask: impl FnMut(Period) -> Remote<Traffic>,
    ) -> Option<Then> {
        let Some(wish) = wish else {
            std::mem::take(self).shown.into_iter().for_each(let_go);
            return None;
        };
        let here = self.shown.as_ref().is_some_and(|(period, _)| *period == wish);
        match known.get(wish) {
            Some(traffic) if !here => self.show(wish, traffic),
            // What is still under way is of an older wish: nobody waits for it.
            Some(_) => self.asked = None,
            None if !here => return Some(Then { wish, traffic: self.ask(wish, known, now, &mut ask) }),
            None => {}
        }
        Some(Then { wish, traffic: self.remote(None) })
    }

    fn ask(
        &mut self,
        wish: Period,
        known: &mut Known,
        now: Timestamp,
        ask: &mut impl FnMut(Period) -> Remote<Traffic>,
    ) -> Remote<Traffic> {
        loop {
            let asked = *self.asked.get_or_insert(wish);
            let answer = ask(asked);
            if let Some(traffic) = answer.value() {
                known.put(asked, traffic, now);
                self.show(asked, Arc::clone(traffic));
            }
            if asked == wish || matches!(answer, Remote::Waiting) {
                let problem = answer.problem().filter(|_| asked == wish);
                return self.remote(problem.cloned());
            }
            // Its turn has come.
            self.asked = Some(wish);
        }
    }

    fn show(&mut self, period: Period, traffic: Arc<Traffic>) {
        self.asked = None;
        self.shown.replace((period, traffic)).into_iter().for_each(let_go);
    }

    fn remote(&self, problem: Option<Problem>) -> Remote<Traffic> {
        let shown = self.shown.as_ref().map(|(period, traffic)| (Arc::clone(traffic), period.at()));
        match (shown, problem) {
            (Some((traffic, at)), None) => Remote::Live(traffic, at),
            (Some((traffic, at)), Some(problem)) => Remote::Stale(traffic, at, problem),
            (None, None) => Remote::Waiting,
            (None, Some(problem)) => Remote::Denied(problem),
        }
    }
}

/// What was seen, until there is too much of it.
#[derive(Default)]
struct Known {
    all: BTreeMap<Period, (u64, Arc<Traffic>)>,
    /// Counts looks: what was looked at longest ago goes first.
    looks: u64,
    paths: usize,
}

impl Known {
    fn get(&mut self, period: Period) -> Option<Arc<Traffic>> {
        let (look, traffic) = self.all.get_mut(&period)?;
        self.looks += 1;
        *look = self.looks;
        Some(Arc::clone(traffic))
    }

    fn put(&mut self, period: Period, traffic: &Arc<Traffic>, now: Timestamp) {
        if now.as_second() - period.until < NEAR_SECS || self.all.contains_key(&period) {
            return;
        }
        self.looks += 1;
        self.paths += traffic.flows.len();
        self.all.insert(period, (self.looks, Arc::clone(traffic)));
        while (self.paths > KEPT || self.all.len() > MOMENTS) && self.all.len() > 1 {
            let oldest = self.all.iter().min_by_key(|(_, (look, _))| *look).map(|(period, _)| *period);
            let Some((_, gone)) = oldest.and_then(|oldest| self.all.remove(&oldest)) else { break };
            self.paths -= gone.flows.len();
            let_go(gone);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    const NOW: i64 = 1_000_000;

    /// Prometheus, which answers when it is told to.
    #[derive(Default)]
    struct Asked(RefCell<Vec<i64>>, RefCell<BTreeMap<i64, Remote<Traffic>>>);

    impl Asked {
        fn ask(&self, period: Period) -> Remote<Traffic> {
            self.0.borrow_mut().push(period.until);
            self.1.borrow().get(&period.until).cloned().unwrap_or_default()
        }
        fn answers(&self, until: i64) {
            let traffic = Traffic { window_secs: until as u64, ..Traffic::default() };
            self.1.borrow_mut().insert(until, Remote::Live(Arc::new(traffic), Timestamp::UNIX_EPOCH));
        }
        fn refuses(&self, until: i64) {
            self.1.borrow_mut().insert(until, Remote::Denied(Problem::new("no", "why", "next")));
        }
    }

    /// What is shown of a wish, and what was asked for it.
    fn look(past: &mut Past, asked: &Asked, until: Option<i64>) -> (Option<(u64, bool)>, Vec<i64>) {
        past.look(Looked { until, against: None });
        let now = Timestamp::from_second(NOW).unwrap();
        let then = past.shown(60, now, |period| asked.ask(period));
        let shown =
            then.map(|then| (then.traffic.value().map_or(0, |traffic| traffic.window_secs), then.reading()));
        (shown, asked.0.take())
    }

    #[test]
    fn one_question_at_a_time_and_the_newest_wish_wins() {
        let (mut past, asked) = (Past::default(), Asked::default());
        assert_eq!(look(&mut past, &asked, None), (None, vec![]));
        assert_eq!(look(&mut past, &asked, Some(100)), (Some((0, true)), vec![100]));
        // Others are wished for while the first is under way.
        assert_eq!(look(&mut past, &asked, Some(200)), (Some((0, true)), vec![100]));
        assert_eq!(look(&mut past, &asked, Some(300)), (Some((0, true)), vec![100]));
        asked.answers(100);
        assert_eq!(look(&mut past, &asked, Some(300)), (Some((100, true)), vec![100, 300]));
        asked.answers(300);
        assert_eq!(look(&mut past, &asked, Some(300)), (Some((300, false)), vec![300]));
        assert_eq!(look(&mut past, &asked, Some(300)), (Some((300, false)), vec![]));
        // Back to what was just seen, at once; and what is late replaces nothing.
        assert_eq!(look(&mut past, &asked, Some(400)), (Some((300, true)), vec![400]));
        assert_eq!(look(&mut past, &asked, Some(100)), (Some((100, false)), vec![]));
        asked.answers(400);
        assert_eq!(look(&mut past, &asked, Some(100)), (Some((100, false)), vec![]));
        assert_eq!(look(&mut past, &asked, None), (None, vec![]));
    }

    #[test]
    fn what_cannot_be_read_is_said_beside_what_was() {
        let (mut past, asked) = (Past::default(), Asked::default());
        asked.answers(100);
        look(&mut past, &asked, Some(100));
        asked.refuses(200);
        past.look(Looked { until: Some(200), against: None });
        let now = Timestamp::from_second(NOW).unwrap();
        let then = past.shown(60, now, |period| asked.ask(period)).unwrap();
        assert!(
            matches!(&then.traffic, Remote::Stale(traffic, at, _) if traffic.window_secs == 100
            && at.as_second() == 100)
                && !then.reading()
        );
        let alone = Past::default().shown(60, now, |period| asked.ask(period));
        assert!(alone.is_none());
    }

    #[test]
    fn what_may_not_be_complete_is_read_again() {
        let (mut past, asked) = (Past::default(), Asked::default());
        let near = NOW - 5;
        asked.answers(near);
        asked.answers(100);
        look(&mut past, &asked, Some(near));
        look(&mut past, &asked, Some(100));
        assert_eq!(look(&mut past, &asked, Some(near)).1, [near]);
    }
}
