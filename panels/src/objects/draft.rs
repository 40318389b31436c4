//! A draft of one object: the text that the user makes of it, what it was made of, and the change that comes
//! of both. What others write meanwhile is taken in line by line; of what both changed, the draft stays, and
//! says so.

use super::merge::merged;
use crate::cx::Cx;
use crate::held::Why;
use crate::intent::Intent;
use crate::words;
use istio::object::{yaml, yaml_of};
use mesh::check::Fix;
use mesh::plan::{Plan, Stop};
use mesh::{Change, ChangeId, Mesh, Object, Ref, Standing, Step};
use serde_json::Value;

/// What the user wants of an object.
pub(super) struct Draft {
    /// The object, by the name that it had when the draft began.
    pub(super) at: Ref,
    /// What the user saw; `None` of one that is new.
    base: Option<Object>,
    base_text: String,
    /// What the user makes of it.
    pub(super) text: String,
    /// Whether it shall be deleted.
    pub(super) deletes: bool,
    /// What somebody else made of the same lines.
    theirs: Option<Object>,
    /// The change that was made of the draft last.
    asked: Option<(ChangeId, Change)>,
    /// Why no change can be made of it.
    pub(super) stop: Option<Stop>,
    /// When it was typed in last, in the window's time, while it is not judged since.
    pub(super) typed: Option<f64>,
    /// What the user wanted when all rested last.
    settled: Wish,
}

/// What is wanted of an object: a text, or that it is deleted.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wish {
    text: String,
    deletes: bool,
}

impl Draft {
    /// Begins with what the cluster has.
    pub(super) fn of(at: &Ref, object: &Object) -> Self {
        let text = yaml(object);
        let mut draft = Self::new(at.clone(), text.clone());
        draft.rests();
        Self { base: Some(object.clone()), base_text: text, ..draft }
    }

    /// One of an earlier run, on what the cluster has now. `base` is the text that it was made of.
    pub(super) fn again(at: &Ref, now: &Object, base: &str, text: &str, deletes: bool) -> Self {
        let mut draft = Self::of(at, now);
        let (text, clash) = merged(base, text, &draft.base_text);
        if clash {
            // Somebody changed the same lines since.
            draft.theirs = Some(now.clone());
            draft.base_text = base.to_owned();
        }
        let mut draft = Self { text, deletes, ..draft };
        draft.rests();
        draft
    }

    /// One of an earlier run whose object is there no more; `None` where nobody can read what it was made of.
    pub(super) fn of_gone(at: &Ref, uid: &str, base: &str, text: &str) -> Option<Self> {
        let mut object = istio::yaml::read(base).ok()?.value;
        object.get_mut("metadata")?.as_object_mut()?.insert("uid".into(), uid.into());
        let mut draft = Self::new(at.clone(), text.to_owned());
        draft.rests();
        let stop = Some(Stop::Gone);
        Some(Self { base: Some(object.into()), base_text: base.to_owned(), stop, ..draft })
    }

    /// Begins one that is not there yet.
    pub(super) fn new(at: Ref, text: String) -> Self {
        Self {
            at,
            base: None,
            base_text: String::new(),
            text,
            deletes: false,
            theirs: None,
            asked: None,
            stop: None,
            typed: None,
            // Nothing was wanted before it was made.
            settled: Wish { text: String::new(), deletes: false },
        }
    }

    /// What is wanted.
    fn wish(&self) -> Wish {
        Wish { text: self.text.clone(), deletes: self.deletes }
    }

    /// What it is now is no deed of the user.
    fn rests(&mut self) {
        self.settled = self.wish();
    }

    /// Wants what was found to be mended, beside what is wanted already.
    pub(super) fn mend(&mut self, fix: &Fix) {
        self.deletes |= fix.deletes();
        let document = istio::yaml::read(&self.text).ok();
        if let Some(value) = document.and_then(|document| fix.on(&document.value)) {
            (self.text, self.typed) = (yaml_of(&value), None);
        }
    }

    /// What was wanted before the user's last deed, if there was one since this was asked last.
    pub(super) fn deed(&mut self) -> Option<Wish> {
        let done =
            self.typed.is_none() && (self.settled.text != self.text || self.settled.deletes != self.deletes);
        done.then(|| {
            let wish = self.wish();
            std::mem::replace(&mut self.settled, wish)
        })
    }

    /// Wants this instead of what was wanted.
    pub(super) fn swap(&mut self, wish: &mut Wish, cx: &Cx<'_>) {
        let now = std::mem::replace(wish, self.wish());
        (self.text, self.deletes, self.typed) = (now.text, now.deletes, None);
        self.rests();
        self.check(cx);
    }

    /// Whether a wish is one for an object that is not there.
    pub(super) fn makes(wish: &Wish) -> bool {
        !wish.text.is_empty()
    }

    /// Whether it wants something else than what is there.
    pub(super) fn differs(&self) -> bool {
        self.deletes || self.text != self.base_text
    }

    /// Whether it is of an object that is not there yet.
    pub(super) fn is_new(&self) -> bool {
        self.base.is_none()
    }

    /// Whether the object that it changes is gone.
    pub(super) fn is_gone(&self, cx: &Cx<'_>) -> bool {
        self.base.is_some() && !cx.scene.mesh.objects().contains(&self.at)
    }

    /// Whether somebody else changed the same lines.
    pub(super) fn is_superseded(&self) -> bool {
        self.theirs.is_some()
    }

    /// The uid of the object that it changes; "" of one that is new.
    pub(super) fn uid(&self) -> String {
        let uid = self.base.as_ref().and_then(|base| base.0.pointer("/metadata/uid")?.as_str());
        uid.unwrap_or_default().to_owned()
    }

    /// The text that it was made of.
    pub(super) fn before(&self) -> &str {
        &self.base_text
    }

    /// Takes in what the cluster has now. Returns whether the draft is there no more: it came true, or what
    /// it was for is gone and it wanted nothing.
    pub(super) fn follow(&mut self, cx: &Cx<'_>) -> bool {
        let now = cx.scene.mesh.objects().get(&self.target());
        match (&self.base, now) {
            (None, None) => false,
            (None, Some(_)) => {
                let ours = self.sent(cx);
                if ours {
                    self.asked = None;
                }
                ours
            }
            (Some(_), None) => {
                let done = !self.differs() || self.deletes;
                if done {
                    self.dismiss(cx);
                } else {
                    self.stop = Some(Stop::Gone);
                }
                done
            }
            (Some(base), Some(now)) => {
                if base.resource_version() != now.resource_version() || base != now {
                    self.take(now.clone(), cx);
                }
                false
            }
        }
    }

    fn take(&mut self, now: Object, cx: &Cx<'_>) {
        let rested = self.settled == self.wish();
        self.taken(now, cx);
        if rested {
            self.rests();
        }
    }

    fn taken(&mut self, now: Object, cx: &Cx<'_>) {
        let text = yaml(&now);
        if self.stop == Some(Stop::Gone) {
            self.stop = None;
        }
        let differed = self.differs();
        if self.deletes {
            (self.base, self.base_text, self.theirs) = (Some(now), text.clone(), None);
            self.text = text;
            self.check(cx);
            return;
        }
        if self.came_true(&now) {
            self.dismiss(cx);
            (self.base, self.base_text, self.theirs) = (Some(now), text.clone(), None);
            (self.text, self.stop) = (text, None);
            return;
        }
        let (merged, clash) = merged(&self.base_text, &self.text, &text);
        if !differed || !clash || self.text == text {
            let moved = self.base_text != text;
            (self.base, self.base_text, self.theirs) = (Some(now), text, None);
            self.text = merged;
            // It is said of the newer version now, or it came true.
            if differed && moved {
                self.check(cx);
            }
        } else if self.base_text != text {
            self.theirs = Some(now);
            self.stop = None;
        }
    }

    /// Whether the object says by now what the draft wants, however that is written.
    fn came_true(&self, now: &Object) -> bool {
        let written = self.asked.as_ref().and_then(|(_, change)| change.steps.first());
        let done = |step: &Step| matches!(Standing::of(step, Some(now)), Standing::Written(_));
        let says = || istio::yaml::read(&self.text).is_ok_and(|it| it.value == istio::object::shown(now));
        self.differs() && (says() || self.typed.is_none() && written.is_some_and(done))
    }

    /// Makes the draft on what somebody else made of the object: of what both changed, the draft stays.
    pub(super) fn rebuild(&mut self, cx: &Cx<'_>) {
        if let Some(now) = self.theirs.take() {
            let text = yaml(&now);
            self.text = merged(&self.base_text, &self.text, &text).0;
            (self.base, self.base_text) = (Some(now), text);
            self.rests();
        }
        self.check(cx);
    }

    /// Makes the object again that is gone, with what was wanted of it.
    pub(super) fn create_again(&mut self, cx: &Cx<'_>) {
        let mut anew = Self::new(self.at.clone(), self.text.clone());
        anew.rests();
        anew.check(cx);
        *self = anew;
    }

    /// Why it cannot be pushed, if it wants something and cannot.
    pub(super) fn held(&self, cx: &Cx<'_>) -> Option<Why> {
        match &self.stop {
            _ if !self.differs() || self.sent(cx) => None,
            Some(Stop::Gone) => Some(Why::Gone { again: !self.deletes }),
            _ if self.is_superseded() => Some(Why::Superseded),
            Some(Stop::NotYet(why)) => Some(Why::NotYet(why.clone())),
            None => None,
        }
    }

    /// Forgets what the user wanted.
    pub(super) fn reset(&mut self) {
        if let Some(now) = self.theirs.take() {
            self.base_text = yaml(&now);
            self.base = Some(now);
        }
        self.text.clone_from(&self.base_text);
        (self.deletes, self.stop, self.typed) = (false, None, None);
    }

    /// The object that the text names; the one it began as while it names none.
    pub(super) fn target(&self) -> Ref {
        if self.base.is_some() {
            return self.at.clone();
        }
        let named = istio::yaml::read(&self.text).ok().and_then(|it| mesh::plan::named(&it.value).ok());
        named.map_or_else(|| self.at.clone(), |(at, _)| at)
    }

    /// The change that makes the draft true; `None` when it is true.
    ///
    /// # Errors
    /// When there is none yet, and why.
    pub(super) fn change(&self, mesh: &Mesh) -> Result<Option<Change>, Stop> {
        if !self.differs() {
            return Ok(None);
        }
        let mut plan = Plan::new(mesh);
        if self.deletes {
            plan.title(format!("{} is deleted", self.at));
            plan.delete(&self.at);
            return plan.change();
        }
        let wanted: Value = match istio::yaml::read(&self.text) {
            Ok(document) => document.value,
            Err(error) => {
                let why = format!("Line {} cannot be read: {error}", error.place().line + 1);
                return Err(Stop::NotYet(why));
            }
        };
        if self.base.is_none() {
            if let Some(at) = plan.make(&wanted) {
                plan.title(format!("{at} is created"));
            }
        } else {
            let words = plan.rewrite(&self.at, &wanted);
            plan.title(format!("{}: {words}", self.at));
        }
        plan.change()
    }

    /// Whether the change that was made of it was sent.
    fn sent(&self, cx: &Cx<'_>) -> bool {
        let entry = self.asked.as_ref().and_then(|(id, _)| cx.changes.of_draft(*id));
        entry.is_some_and(|entry| entry.sent.is_some())
    }

    /// Whether it is on its way to the proxies.
    pub(super) fn under_way(&self, cx: &Cx<'_>) -> bool {
        let entry = self.asked.as_ref().and_then(|(id, _)| cx.changes.of_draft(*id));
        entry.is_some_and(|entry| entry.sent.is_some() && words::is_open(&entry.stage))
    }

    /// Whether it was written, and nothing shows it yet: live data is paused.
    pub(super) fn unseen(&self, cx: &Cx<'_>) -> bool {
        let entry = self.asked.as_ref().and_then(|(id, _)| cx.changes.of_draft(*id));
        cx.paused && entry.is_some_and(|entry| entry.sent.is_some() && entry.is_stored())
    }

    /// Its name, while it is in the set that is not pushed yet.
    fn pending(&self, cx: &Cx<'_>) -> Option<ChangeId> {
        self.asked.as_ref().map(|(id, _)| *id).filter(|id| cx.changes.set().has(*id))
    }

    /// The change that was made of it, while it waits for Push.
    pub(super) fn waits(&self, cx: &Cx<'_>) -> Option<(ChangeId, &Change)> {
        let (id, change) = self.asked.as_ref()?;
        self.pending(cx).map(|_| (*id, change))
    }

    /// Whether a change is made of this draft, alone or with others.
    pub(super) fn is_in(&self, change: ChangeId, cx: &Cx<'_>) -> bool {
        let Some((id, _)) = &self.asked else { return false };
        *id == change || cx.changes.of_draft(*id).is_some_and(|entry| entry.id == change)
    }

    /// Takes back what was asked before.
    pub(super) fn dismiss(&mut self, cx: &Cx<'_>) {
        if let Some(id) = self.pending(cx) {
            cx.intents.send(Intent::Dismiss(id));
        }
        self.asked = None;
    }

    /// Forgets the change that was asked for: somebody else has dismissed it.
    pub(super) fn unask(&mut self) {
        self.asked = None;
    }

    /// Has it judged; when there is nothing to push of it, takes back what was asked before.
    pub(super) fn check(&mut self, cx: &Cx<'_>) {
        self.typed = None;
        if self.is_superseded() {
            return;
        }
        let wanted = self.change(&cx.scene.mesh);
        self.stop = wanted.as_ref().err().cloned();
        let Ok(Some(change)) = wanted else {
            self.dismiss(cx);
            return;
        };
        let pending = self.pending(cx);
        let same = self.asked.as_ref().is_some_and(|(_, asked)| *asked == change);
        if !same || pending.is_none() {
            let id = pending.unwrap_or_else(ChangeId::fresh);
            self.asked = Some((id, change.clone()));
            cx.intents.send(Intent::Check(id, Box::new(change)));
        }
    }
}
