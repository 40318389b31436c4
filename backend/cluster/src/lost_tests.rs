use super::tests::{push_it, session_with};
use crate::mock::{How, Shared, Then, Trouble, http, http_json, kubernetes};
use mesh::{Change, Edit, Fact, Kind, Object, Ref, Step, Stored, kinds};
use serde_json::{Value, json};

const V1: &str = "networking.istio.io/v1";

pub(crate) fn object(kind: &Kind, spec: Value) -> Value {
    json!({ "apiVersion": V1, "kind": kind.kind, "metadata": { "namespace": "shop", "name": "cart" }, "spec": spec })
}

pub(crate) fn path(kind: &Kind) -> String {
    format!("/apis/{V1}/namespaces/shop/{}/cart", kind.plural)
}

fn step(kind: &'static Kind, edit: Edit, before: Option<Value>, after: Option<Value>) -> Step {
    let seen = |spec: Value| Object::from(object(kind, spec));
    let at = Ref::new(kind, "shop", "cart");
    Step { at, api_version: V1.into(), edit, before: before.map(seen), after: after.map(seen) }
}

/// Subsets, and a route to them: without the DestinationRule, the VirtualService leads to nowhere.
fn pair() -> Change {
    let created = |kind: &'static Kind, spec: Value| {
        step(kind, Edit::Create(object(kind, spec.clone())), None, Some(spec))
    };
    let rule = created(&kinds::DESTINATION_RULE, json!({ "host": "cart", "subsets": [{ "name": "v1" }] }));
    let route = json!({ "http": [{ "route": [{ "destination": { "host": "cart", "subset": "v1" } }] }] });
    Change { steps: vec![rule, created(&kinds::VIRTUAL_SERVICE, route)], ..Change::default() }
}

/// Weight 10 becomes 25.
pub(crate) fn weight() -> Change {
    let patch = json!([{ "op": "test", "path": "/spec/weight", "value": 10 },
        { "op": "replace", "path": "/spec/weight", "value": 25 }]);
    let patch = Edit::Patch(serde_json::from_value(patch).unwrap());
    let seen = json!({ "weight": 10 });
    let step = step(&kinds::VIRTUAL_SERVICE, patch, Some(seen), Some(json!({ "weight": 25 })));
    Change { steps: vec![step], ..Change::default() }
}

fn deletion() -> Change {
    let edit = Edit::Delete { uid: String::new(), resource_version: None };
    let step = step(&kinds::VIRTUAL_SERVICE, edit, Some(json!({ "weight": 10 })), None);
    Change { steps: vec![step], ..Change::default() }
}

fn trouble(method: &'static str, done: bool, how: How) -> Trouble {
    Trouble { at: (method, "virtualservices"), done, how, away: 0 }
}

/// The last news of a push to a server with this trouble, and what the server has then.
async fn push(change: &Change, trouble: Trouble) -> (Fact, Shared) {
    let (mut facts, objects) = push_all(change, trouble).await;
    (facts.pop().unwrap(), objects)
}

async fn push_all(change: &Change, trouble: Trouble) -> (Vec<Fact>, Shared) {
    let objects = Shared::default();
    {
        let mut objects = objects.lock();
        if change.steps.len() == 1 {
            let spec = json!({ "weight": 10 });
            objects.all.insert(path(&kinds::VIRTUAL_SERVICE), object(&kinds::VIRTUAL_SERVICE, spec));
        }
        objects.trouble = Some(trouble);
    }
    let mock = kubernetes(&objects).await;
    (push_it(&session_with(mock.client()), change).await, objects)
}

fn is_there(objects: &Shared, kind: &Kind) -> bool {
    objects.lock().all.contains_key(&path(kind))
}

/// Where an answer may break: before anything, in the status line, in the head, between head and body, in the
/// body, and one byte before its end.
const BYTES: [usize; 9] = [0, 1, 9, 14, 40, 90, 120, 200, 300];

/// The worst: the VirtualService was created, nobody hears of it, and its DestinationRule is taken away under
/// it.
#[tokio::test]
async fn a_route_whose_answer_broke_keeps_its_subsets() {
    for then in [Then::Close, Then::Reset] {
        for at in BYTES {
            let trouble = trouble("POST", true, How::Ends(at, then));
            let (fact, objects) = push(&pair(), trouble).await;
            assert!(matches!(&fact, Fact::Accepted(all) if all.len() == 2), "{at} {then:?}: {fact:?}");
            assert!(
                is_there(&objects, &kinds::DESTINATION_RULE) && is_there(&objects, &kinds::VIRTUAL_SERVICE)
            );
            let asked = objects.lock().asked.join("\n");
            assert!(!asked.contains("DELETE"), "{asked}");
        }
    }
}

#[tokio::test]
async fn a_patch_and_a_deletion_whose_answers_broke_are_done() {
    for at in BYTES {
        for (method, change) in [("PATCH", weight()), ("DELETE", deletion())] {
            let how = How::Ends(at.min(100), Then::Reset);
            let (fact, _) = push(&change, trouble(method, true, how)).await;
            let Fact::Accepted(all) = fact else { panic!("{method} {at}: {fact:?}") };
            // What it was right before is what the server had, not what the draft saw.
            let version = |stored: &Stored| stored.before.as_ref().map(|object| object.spec().clone());
            assert_eq!(version(&all[0]), Some(json!({ "weight": 10 })), "{method} {at}");
        }
    }
}

/// Pages of what stands between, and errors of the server: each after the write, and each instead of it.
#[tokio::test]
async fn what_is_no_answer_to_a_write_is_looked_up() {
    let html = || b"<html><h1>Log in</h1></html>".as_slice();
    let failed = |code: u16| json!({ "kind": "Status", "status": "Failure", "code": code, "reason": "InternalError", "message": "etcd is slow" });
    let answers: [(&str, Vec<u8>); 8] = [
        ("a login page", http(200, "text/html", html())),
        ("another object", http_json(200, &json!({ "kind": "Pod", "metadata": { "name": "cart" } }))),
        ("no object", http_json(200, &json!("done"))),
        ("a redirect", b"HTTP/1.1 302 X\r\nlocation: /login\r\ncontent-length: 0\r\n\r\n".to_vec()),
        ("a proxy's 502", http(502, "text/html", html())),
        ("a proxy's 408", http(408, "text/html", html())),
        ("500", http_json(500, &failed(500))),
        ("504", http_json(504, &failed(504))),
    ];
    for (name, answer) in answers {
        for (method, change) in [("POST", pair()), ("PATCH", weight()), ("DELETE", deletion())] {
            let how = How::Says(answer.clone());
            let (fact, _) = push(&change, trouble(method, true, how)).await;
            assert!(matches!(fact, Fact::Accepted(_)), "{name} after {method}: {fact:?}");
        }
    }
}

/// Something on the way sent the request twice, and the answer is that to the second: a conflict with
/// ourselves.
#[tokio::test]
async fn a_conflict_with_our_own_write_is_none() {
    for (method, change) in [("POST", pair()), ("PATCH", weight())] {
        let (fact, objects) = push(&change, trouble(method, true, How::Twice)).await;
        assert!(matches!(fact, Fact::Accepted(_)), "{method}: {fact:?}");
        assert_eq!(is_there(&objects, &kinds::DESTINATION_RULE), method == "POST");
    }
}

/// The server takes the write and is away: not known yet; when it is back, it is found out.
#[tokio::test]
async fn what_is_not_known_yet_is_found_out_when_the_server_is_back() {
    let trouble = Trouble { away: 2, ..trouble("PATCH", true, How::Ends(0, Then::Reset)) };
    let (facts, _) = push_all(&weight(), trouble).await;
    let [Fact::Unsure(problem), Fact::Wrote(..), Fact::Accepted(_)] = &facts[..] else { panic!("{facts:?}") };
    assert_eq!(problem.what, "It is not known yet whether VirtualService shop/cart was changed");
    let words = problem.to_string().to_lowercase();
    for word in ["hyper", "rustls", "serde", "kube", "eof", "os error", "offset", "column"] {
        assert!(!words.contains(word), "{word}: {words}");
    }
}
