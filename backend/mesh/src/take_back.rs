//! Taking back what somebody else has written: what it changed goes back to what it was, as one change that is
//! judged, shown and pushed like any other. What was written there since is never overwritten, and that is said.

use crate::change::Change;
use crate::plan::{Plan, Stop};
use crate::writes::{Deed, Write, differences};
use crate::{Mesh, undo};
use istio::object::shown;
use istio::{Object, Problem};

const ALREADY: &str = "It is as it was then already";

impl Write {
    /// Why it cannot be taken back, whatever the mesh has now: nobody knows what was there before.
    pub fn lasts(&self) -> Option<&'static str> {
        (self.deed == Deed::Before)
            .then_some("What was there before is not known: it was written before this window looked")
    }

    /// The change that takes it back, on what the mesh has now.
    ///
    /// # Errors
    /// When it is not known what was there before, when somebody has written the same since, or when it is as it
    /// was already.
    pub fn taken_back(&self, mesh: &Mesh) -> Result<Change, Problem> {
        let by = self.by.as_deref().unwrap_or("somebody");
        let no = |why: String| {
            Problem::new(
                format!("{} was not put back", self.at),
                why,
                "Look at it in Changes, and edit it by hand",
            )
        };
        if let Some(why) = self.lasts() {
            return Err(no(why.to_owned()));
        }
        let now = mesh.objects().get(&self.at);
        if let (None, Some(why)) = (now, mesh.unseen(self.at.kind, &self.at.namespace)) {
            return Err(no(format!("Whether it is there is not known: {}", why.why)));
        }
        let mut plan = Plan::new(mesh);
        let deed = match (&self.before, &self.after, now) {
            (Some(before), Some(_), Some(now)) if differences(before, now).is_empty() => {
                return Err(no(ALREADY.to_owned()));
            }
            (Some(before), Some(after), Some(now)) => {
                let then = undo::restore(&after.0, &before.0)
                    .and_then(|back| undo::taken_back(&back, &now.0))
                    .ok_or_else(|| no(since(after, now)))?;
                plan.rewrite(&self.at, &shown(&then.into()));
                "changed"
            }
            (None, Some(after), Some(now)) if made_anew(after, now) => {
                return Err(no("It was deleted since, and made anew".to_owned()));
            }
            (None, Some(after), Some(now)) if differences(after, now).is_empty() => {
                plan.delete(&self.at);
                "made"
            }
            (None, Some(after), Some(now)) => return Err(no(since(after, now))),
            (Some(before), None, None) => {
                plan.make(&undo::afresh(before));
                "deleted"
            }
            (Some(_), None, Some(_)) => return Err(no("Somebody has made it anew since".to_owned())),
            (Some(_), Some(_), None) => return Err(no("It was deleted since".to_owned())),
            (None, _, None) | (None, None, Some(_)) => return Err(no("It is gone already".to_owned())),
        };
        plan.title(format!("{} back to before {by} {deed} it", self.at));
        match plan.change() {
            Ok(Some(change)) => Ok(change),
            Ok(None) => Err(no(ALREADY.to_owned())),
            Err(Stop::NotYet(why)) => Err(no(why)),
            Err(Stop::Gone) => Err(no("It is gone".to_owned())),
        }
    }
}

/// Whether it is another object of the same name.
fn made_anew(after: &Object, now: &Object) -> bool {
    let uid = |object: &Object| object.0.pointer("/metadata/uid").cloned();
    uid(after).zip(uid(now)).is_some_and(|(was, is)| was != is)
}

/// What stands in the way.
fn since(after: &Object, now: &Object) -> String {
    let mut places = differences(after, now);
    let more = places.len().saturating_sub(3);
    places.truncate(3);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("It was written again since: {}{rest}", places.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::Edit;
    use crate::{Ref, demo, kinds};
    use serde_json::{Value, json};

    fn reviews() -> Ref {
        Ref::new(&kinds::VIRTUAL_SERVICE, "bookinfo", "reviews")
    }

    /// The object with its last rule's timeout and a retry made another.
    fn with(object: &Object, timeout: &str, attempts: u32) -> Object {
        let mut value = (*object.0).clone();
        let rules = value["spec"]["http"].as_array_mut().unwrap();
        let rule = rules.last_mut().unwrap();
        rule["timeout"] = timeout.into();
        rule["retries"] = json!({ "attempts": attempts });
        value.into()
    }

    fn write(before: Option<&Object>, after: Option<&Object>) -> Write {
        Write {
            at: reviews(),
            by: Some("kubectl-edit".into()),
            when: demo::NOW,
            heard: demo::NOW,
            deed: match (before, after) {
                (None, None) => Deed::Before,
                (None, Some(_)) => Deed::Created,
                (Some(_), None) => Deed::Deleted,
                (Some(_), Some(_)) => Deed::Changed,
            },
            what: Vec::new(),
            before: before.cloned(),
            after: after.cloned(),
        }
    }

    fn mesh(object: Option<&Object>) -> Mesh {
        let mut objects = demo::bookinfo_objects();
        match object {
            Some(object) => drop(objects.insert(reviews(), object.clone())),
            None => drop(objects.remove(&reviews())),
        }
        Mesh::read(objects, None)
    }

    /// What a change makes of the object; what it says instead, where there is none.
    fn after(write: &Write, now: Option<&Object>) -> Result<Option<Value>, String> {
        let change = write.taken_back(&mesh(now)).map_err(|problem| problem.why)?;
        assert_eq!(change.steps.len(), 1);
        assert!(change.title.starts_with("VirtualService bookinfo/reviews back to before kubectl-edit "));
        Ok(change.steps[0].after.as_ref().map(|object| object.spec().clone()))
    }

    #[test]
    fn each_deed_goes_back_to_what_was_there() {
        let first = demo::bookinfo_objects()[&reviews()].clone();
        let second = with(&first, "3s", 2);
        let changed = write(Some(&first), Some(&second));
        let back = after(&changed, Some(&second)).unwrap().unwrap();
        assert_eq!(back.to_string(), first.spec().to_string(), "byte for byte");
        // What was written elsewhere since stays.
        let mut later = (*second.0).clone();
        later["spec"]["exportTo"] = json!(["."]);
        let back = after(&changed, Some(&later.into())).unwrap().unwrap();
        assert_eq!((&back["exportTo"], &back["http"]), (&json!(["."]), &first.spec()["http"]));

        assert_eq!(after(&write(None, Some(&second)), Some(&second)), Ok(None), "what it made is deleted");
        let made = write(Some(&first), None).taken_back(&mesh(None)).unwrap();
        assert!(matches!(&made.steps[0].edit, Edit::Create(object) if object["spec"] == *first.spec()));
    }

    #[test]
    fn nothing_is_overwritten_and_what_is_not_known_is_said() {
        let first = demo::bookinfo_objects()[&reviews()].clone();
        let (second, third) = (with(&first, "3s", 2), with(&first, "5s", 2));
        #[track_caller]
        fn check(write: &Write, now: Option<&Object>, why: &str) {
            let said = after(write, now).unwrap_err();
            assert!(said.starts_with(why), "{said}");
        }
        check(&write(Some(&first), Some(&second)), Some(&third), "It was written again since: ");
        check(&write(None, Some(&second)), Some(&third), "It was written again since: ");
        check(&write(Some(&first), Some(&second)), Some(&first), ALREADY);
        check(&write(Some(&first), Some(&second)), None, "It was deleted since");
        check(&write(Some(&first), None), Some(&second), "Somebody has made it anew since");
        check(&write(None, Some(&second)), None, "It is gone already");
        let noted = |at: &str, note: &str| {
            let mut value = (*second.0).clone();
            value["metadata"][at] = json!(note);
            Object::from(value)
        };
        let mut labelled = (*second.0).clone();
        labelled["metadata"]["labels"]["team"] = "b".into();
        check(&write(None, Some(&second)), Some(&labelled.into()), "It was written again since: label ");
        check(&write(None, Some(&noted("uid", "a"))), Some(&noted("uid", "b")), "It was deleted since, and");
        check(&write(None, None), Some(&first), "What was there before is not known");
    }
}
