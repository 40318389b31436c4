//! A part of an object that shall become another value.

use super::Part;
use super::rewrite::rewrite;
use serde_json::Value;

impl Part<'_> {
    /// Makes of what the user saw at a path what it shall be, in as few and as small edits as that takes. What
    /// becomes empty goes, as with [`Part::remove`].
    pub fn follow(&mut self, path: &str, was: &Value, now: &Value) -> &mut Self {
        let empty = now.is_null() || now.as_array().is_some_and(Vec::is_empty);
        if was == now {
            return self;
        }
        if empty {
            return self.remove(path);
        }
        let place = self.path(path);
        match &mut self.work {
            Some(work) if !was.is_null() => drop(rewrite(work, &place, was, now)),
            _ => {
                self.set(path, now.clone());
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use crate::demo;
    use crate::plan::Plan;
    use crate::{Edit, Mesh, Ref};
    use istio::kinds;
    use serde_json::{Value, json};

    /// The patch of the rules of reviews, without its guards; it does what it shall.
    #[track_caller]
    fn check(change: impl FnOnce(&mut Vec<Value>), ops: &[&str]) {
        let at = Ref::new(&kinds::VIRTUAL_SERVICE, "bookinfo", "reviews");
        let mesh = Mesh::read(demo::bookinfo_objects(), None);
        let before = mesh.objects().get(&at).unwrap().spec()["http"].clone();
        let mut after = before.as_array().unwrap().clone();
        change(&mut after);
        let mut plan = Plan::new(&mesh);
        plan.object(&at).follow("spec/http", &before, &after.clone().into());
        let made = plan.change().unwrap().unwrap();
        let Edit::Patch(patch) = &made.steps[0].edit else { panic!("a patch") };
        let mut object = (*mesh.objects().get(&at).unwrap().0).clone();
        json_patch::patch(&mut object, patch).unwrap();
        assert_eq!(object["spec"]["http"], Value::Array(after));
        let patch = serde_json::to_value(patch).unwrap();
        let all = patch.as_array().unwrap().iter().filter(|op| op["op"] != "test");
        let told: Vec<String> =
            all.map(|op| format!("{} {}", op["op"], op["path"]).replace('"', "")).collect();
        assert_eq!(told, ops);
    }

    #[test]
    fn only_what_differs_is_written() {
        check(|rules| rules[1]["timeout"] = "3s".into(), &["replace /spec/http/1/timeout"]);
        check(|rules| rules[0]["rewrite"] = json!({ "uri": "/" }), &["add /spec/http/0/rewrite"]);
        check(|rules| drop(rules.remove(0)), &["remove /spec/http/0"]);
        let fresh = json!({ "match": [{ "uri": { "prefix": "/x" } }], "directResponse": { "status": 418 } });
        check(|rules| rules.insert(0, fresh.clone()), &["add /spec/http/0"]);
        check(|rules| rules.insert(1, fresh.clone()), &["add /spec/http/1"]);
    }

    /// A rule that nothing tells from its neighbours is guarded whole: put above it, another could have the same
    /// shares.
    #[test]
    fn another_row_in_its_place_is_not_met() {
        let at = Ref::new(&kinds::VIRTUAL_SERVICE, "bookinfo", "reviews");
        let mut objects = demo::bookinfo_objects();
        let mut object = (*objects[&at].0).clone();
        object["spec"]["http"][1].as_object_mut().unwrap().remove("name");
        objects.insert(at.clone(), object.clone().into());
        let before = object["spec"]["http"].clone();
        let mut after = before.clone();
        after[1]["route"][0]["weight"] = 99.into();
        let mesh = Mesh::read(objects, None);
        let mut plan = Plan::new(&mesh);
        plan.object(&at).follow("spec/http", &before, &after);
        let Edit::Patch(patch) = &plan.change().unwrap().unwrap().steps[0].edit else { panic!("a patch") };
        let mut twin = before[1].clone();
        twin["match"] = json!([{ "uri": { "prefix": "/twin" } }]);
        let rules = object["spec"]["http"].as_array_mut().unwrap();
        rules.insert(1, twin);
        assert!(json_patch::patch(&mut object, patch).is_err());
    }

    #[test]
    fn a_row_that_moved_is_taken_out_and_put_in() {
        check(|rules| rules.swap(0, 1), &["remove /spec/http/0", "add /spec/http/-"]);
        let more = |rules: &mut Vec<Value>| {
            rules.extend((0..3).map(|status| json!({ "directResponse": { "status": 400 + status } })));
        };
        let all = ["add /spec/http/-"; 3];
        check(more, &all);
    }
}
