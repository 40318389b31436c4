//! What an editor keeps: what the cluster had when the user began, what the user wants, and what somebody else made of it
//! meanwhile. New data never overwrites a wish.

/// A wish beside the facts it was made on.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept<F> {
    base: F,
    /// What the user wants.
    pub wanted: F,
    theirs: Option<F>,
}

/// How a draft stands to the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The user wants what the cluster has.
    Same,
    /// The user wants something else.
    Differs,
    /// The user wants something else, and somebody else changed the same thing meanwhile.
    Underneath,
}

impl<F: Clone + PartialEq> Kept<F> {
    /// Begins with what the cluster has.
    pub fn new(now: F) -> Self {
        Self { wanted: now.clone(), base: now, theirs: None }
    }
    /// What the wish was made on.
    pub fn base(&self) -> &F {
        &self.base
    }
    /// How the wish stands to the facts.
    pub fn standing(&self) -> Standing {
        match () {
            () if self.theirs.is_some() => Standing::Underneath,
            () if self.wanted != self.base => Standing::Differs,
            () => Standing::Same,
        }
    }
    /// Takes in what the cluster has now.
    pub fn follow(&mut self, now: F) {
        if now == self.base {
            self.theirs = None;
        } else if self.wanted == self.base || now == self.wanted {
            *self = Self::new(now);
        } else if self.theirs.as_ref() != Some(&now) {
            self.theirs = Some(now);
        }
    }
    /// Keeps the wish, and makes it on what the cluster has now.
    pub fn rebuild(&mut self) {
        if let Some(now) = self.theirs.take() {
            self.base = now;
        }
    }
    /// Forgets the wish.
    pub fn reset(&mut self) {
        self.rebuild();
        self.wanted = self.base.clone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(base: u8, wanted: u8, now: u8, expect: (u8, u8, Standing)) {
        let mut kept = Kept::new(base);
        kept.wanted = wanted;
        kept.follow(now);
        assert_eq!((*kept.base(), kept.wanted, kept.standing()), expect);
    }

    #[test]
    fn untouched_follows() {
        check(1, 1, 2, (2, 2, Standing::Same));
    }
    #[test]
    fn a_wish_stays() {
        check(1, 5, 1, (1, 5, Standing::Differs));
    }
    #[test]
    fn a_wish_stays_when_somebody_else_was_faster() {
        check(1, 5, 2, (1, 5, Standing::Underneath));
    }
    #[test]
    fn a_wish_come_true_is_none_any_more() {
        check(1, 5, 5, (5, 5, Standing::Same));
    }
    #[test]
    fn rebuilt_on_theirs() {
        let mut kept = Kept::new(1);
        kept.wanted = 5;
        kept.follow(2);
        kept.rebuild();
        assert_eq!((*kept.base(), kept.wanted, kept.standing()), (2, 5, Standing::Differs));
        kept.reset();
        assert_eq!((kept.wanted, kept.standing()), (2, Standing::Same));
    }
    #[test]
    fn taken_back_by_the_other() {
        let mut kept = Kept::new(1);
        kept.wanted = 5;
        kept.follow(2);
        kept.follow(1);
        assert_eq!(kept.standing(), Standing::Differs);
    }
}
