//! A part of an object that shall become another value, in as few and as small edits as that takes: fields one
//! by one, rows of a list where they came or went. Who changes something else beside it is not in the way.

use super::Part;
use serde_json::{Map, Value};

impl Part<'_> {
    /// Makes of what the user saw at a path what it shall be.
    pub fn follow(&mut self, path: &str, was: &Value, now: &Value) -> &mut Self {
        match (was, now) {
            _ if was == now => {}
            (Value::Object(before), Value::Object(after)) => self.fields(path, before, after),
            (Value::Array(before), Value::Array(after)) => self.rows(path, before, after),
            (_, Value::Null) => {
                self.remove(path);
            }
            _ => {
                self.set(path, now.clone());
            }
        }
        self
    }

    fn fields(&mut self, path: &str, was: &Map<String, Value>, now: &Map<String, Value>) {
        for key in was.keys().filter(|key| !now.contains_key(*key)) {
            self.within(path).remove(&escaped(key));
        }
        for (key, value) in now {
            let place = format!("{path}/{}", escaped(key));
            match was.get(key) {
                Some(before) => self.follow(&place, before, value),
                None => self.set(&place, value.clone()),
            };
        }
    }

    /// A row that moved is taken out and put in. Else, where as many rows are there as were, each becomes what
    /// it shall be; and where rows came or went, those that are the same at both ends stay.
    fn rows(&mut self, path: &str, was: &[Value], now: &[Value]) {
        if now.is_empty() {
            self.remove(path);
        } else if let Some((from, to)) = moved(was, now) {
            self.within(path).remove(&from.to_string());
            self.put_in(path, to, was.len() - 1, now);
        } else if was.len() == now.len() {
            for (index, (before, after)) in was.iter().zip(now).enumerate().filter(|(_, (a, b))| a != b) {
                self.saw(&format!("{path}/{index}")); // else the edit could meet another row by then
                self.follow(&format!("{path}/{index}"), before, after);
            }
        } else {
            let same = was.iter().zip(now).take_while(|(before, after)| before == after).count();
            let room = was.len().min(now.len()) - same;
            let behind = was.iter().rev().zip(now.iter().rev()).take(room);
            let behind = behind.take_while(|(before, after)| before == after).count();
            for index in (same..was.len() - behind).rev() {
                self.within(path).remove(&index.to_string());
            }
            for index in same..now.len() - behind {
                self.put_in(path, index, index + behind, now);
            }
        }
    }

    /// Puts a row into a list that has so many.
    fn put_in(&mut self, path: &str, index: usize, count: usize, now: &[Value]) {
        let Some(row) = now.get(index) else { return };
        if index >= count {
            self.push(path, row.clone());
        } else {
            self.insert(&format!("{path}/{index}"), row.clone());
        }
    }
}

/// From where to where the only row that moved did, if that is all that happened.
fn moved(was: &[Value], now: &[Value]) -> Option<(usize, usize)> {
    let first = was.iter().zip(now).position(|(before, after)| before != after)?;
    let last = was.iter().zip(now).rposition(|(before, after)| before != after)?;
    if was.len() != now.len() || first == last {
        return None;
    }
    let down = was[first + 1..=last] == now[first..last] && was[first] == now[last];
    let up = was[first..last] == now[first + 1..=last] && was[last] == now[first];
    if down { Some((first, last)) } else { up.then_some((last, first)) }
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
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
