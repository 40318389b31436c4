//! What an editor keeps: what the cluster had when the user began, what the user wants, and what somebody
//! else made of it meanwhile. New data never overwrites a draft.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A draft beside the facts it was made on.
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
    Superseded,
}

impl<F: Clone + PartialEq + Serialize + DeserializeOwned> Kept<F> {
    /// Begins with what the cluster has.
    pub fn new(now: F) -> Self {
        Self { wanted: now.clone(), base: now, theirs: None }
    }
    /// Goes on with a draft that was made on what the cluster had then.
    pub fn again(base: F, wanted: F, now: F) -> Self {
        let mut kept = Self { base, wanted, theirs: None };
        kept.follow(now);
        kept
    }
    /// What the draft was made on.
    pub fn base(&self) -> &F {
        &self.base
    }
    /// How the draft stands to the facts.
    pub fn standing(&self) -> Standing {
        match () {
            () if self.theirs.is_some() => Standing::Superseded,
            () if self.wanted != self.base => Standing::Differs,
            () => Standing::Same,
        }
    }
    /// Takes in what the cluster has now. What the user did not touch follows; of what both changed, the
    /// draft stays.
    pub fn follow(&mut self, now: F) {
        if now == self.base {
            self.theirs = None;
        } else if self.wanted == self.base || now == self.wanted {
            *self = Self::new(now);
        } else if let (wanted, false) = self.merged(&now) {
            *self = Self { base: now, wanted, theirs: None };
        } else {
            self.theirs = Some(now);
        }
    }
    /// Keeps what the user changed, and makes it on what the cluster has now.
    pub fn rebuild(&mut self) {
        if let Some(now) = self.theirs.take() {
            self.wanted = self.merged(&now).0;
            self.base = now;
        }
    }
    /// Forgets the draft.
    pub fn reset(&mut self) {
        if let Some(now) = self.theirs.take() {
            self.base = now;
        }
        self.wanted = self.base.clone();
    }

    /// The draft on top of other facts, and whether both had changed the same thing.
    fn merged(&self, now: &F) -> (F, bool) {
        let json = |value: &F| serde_json::to_value(value).unwrap_or_default();
        let mut clash = false;
        let merged = merge(&json(&self.base), &json(&self.wanted), json(now), &mut clash);
        match serde_json::from_value(merged) {
            Ok(merged) => (merged, clash),
            Err(_) => (self.wanted.clone(), true),
        }
    }
}

/// Field by field: what is as it was follows, what was changed stays.
fn merge(base: &Value, mine: &Value, theirs: Value, clash: &mut bool) -> Value {
    match (base, mine, theirs) {
        (Value::Object(base), Value::Object(mine), Value::Object(mut theirs)) => {
            for (key, mine) in mine {
                let of =
                    |fields: &serde_json::Map<String, Value>| fields.get(key).cloned().unwrap_or_default();
                let merged = merge(&of(base), mine, of(&theirs), clash);
                theirs.insert(key.clone(), merged);
            }
            theirs.into()
        }
        (base, mine, theirs) if mine == base => theirs,
        (base, mine, theirs) => {
            *clash |= theirs != *base && theirs != *mine;
            mine.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

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
    fn a_draft_stays() {
        check(1, 5, 1, (1, 5, Standing::Differs));
    }
    #[test]
    fn a_draft_stays_when_somebody_else_was_faster() {
        check(1, 5, 2, (1, 5, Standing::Superseded));
    }
    #[test]
    fn a_draft_come_true_is_none_any_more() {
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

    #[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
    struct Two {
        one: Option<u8>,
        two: Option<u8>,
    }

    #[test]
    fn what_the_user_did_not_touch_follows() {
        let mut kept = Kept::new(Two { one: Some(1), two: None });
        kept.wanted.one = Some(5);
        kept.follow(Two { one: Some(1), two: Some(2) });
        assert_eq!((kept.wanted, kept.standing()), (Two { one: Some(5), two: Some(2) }, Standing::Differs));
        kept.follow(Two { one: Some(3), two: None });
        assert_eq!(kept.standing(), Standing::Superseded);
        kept.rebuild();
        assert_eq!(kept.wanted, Two { one: Some(5), two: None }, "their second field counts");
    }
}
