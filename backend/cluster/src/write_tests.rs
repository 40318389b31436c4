use crate::connect::{Api, Version};
use crate::hub::Hub;
use crate::program;
use crate::push::{self, News};
use crate::session::{Newest, Session};
use crate::tunnel::Tunnel;
use crate::{Target, install_crypto};
use ::http::{Request, Response};
use http_body_util::BodyExt as _;
use kube::Client;
use kube::client::Body;
use mesh::journal::Record;
use mesh::program::Push;
use mesh::{Change, ChangeId, Edit, Fact, Object, Ref, Step, Theirs};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::mpsc;
use tower_test::mock::{self, Handle};

type Server = Handle<Request<Body>, Response<Body>>;

fn session() -> (Arc<Session>, Server) {
    let (service, server) = mock::pair::<Request<Body>, Response<Body>>();
    (session_with(Client::new(service, "default")), server)
}

pub(crate) fn session_with(client: Client) -> Arc<Session> {
    install_crypto();
    let hub = Hub::new(Arc::new(|| {}), 60);
    let tunnel = Tunnel::new(client.clone());
    let (version, cluster) = (Version::default(), Default::default());
    let api = Api { client, namespace: "default".into(), version, cluster, greeting: String::new() };
    Arc::new(Session::new(api, Target::default(), hub, tunnel))
}

fn object(name: &str, weight: u32) -> Object {
    json!({ "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": { "namespace": "shop", "name": name, "resourceVersion": "7" },
        "spec": { "http": [{ "route": [{ "weight": weight }] }] } })
    .into()
}

fn step(name: &str, edit: Edit) -> Step {
    Step {
        at: Ref::new(&mesh::kinds::VIRTUAL_SERVICE, "shop", name),
        api_version: "networking.istio.io/v1".into(),
        edit,
        before: Some(object(name, 10)),
        after: Some(object(name, 25)),
    }
}

fn patch() -> Edit {
    let operations = json!([
        { "op": "test", "path": "/spec/http/0/route/0/weight", "value": 10 },
        { "op": "replace", "path": "/spec/http/0/route/0/weight", "value": 25 }
    ]);
    Edit::Patch(serde_json::from_value(operations).expect("a patch"))
}

fn change(steps: Vec<Step>) -> Change {
    Change { steps, ..Change::default() }
}

pub(crate) fn news() -> (News, mpsc::Receiver<(ChangeId, Fact)>) {
    let (facts, told) = mpsc::channel(64);
    (News { id: ChangeId(1), facts, wake: Arc::new(|| {}), journal: None }, told)
}

/// What a channel has when nobody sends any more.
async fn all(mut told: mpsc::Receiver<(ChangeId, Fact)>) -> Vec<Fact> {
    let mut facts = Vec::new();
    while let Some((_, fact)) = told.recv().await {
        facts.push(fact);
    }
    facts
}

/// The last news of a dry run.
async fn check(session: &Session, change: &Change) -> Fact {
    let (news, told) = news();
    push::check(session, change, &news).await;
    drop(news);
    all(told).await.pop().expect("news")
}

/// All news of a push until it is stored or has failed.
pub(super) async fn push_it(session: &Arc<Session>, change: &Change) -> Vec<Fact> {
    let (news, told) = news();
    let record = Record::sent(news.id, jiff::Timestamp::now(), change, &[], None).expect("a record");
    let mut newest = Newest::only(Arc::clone(session));
    program::run(&mut newest, &mut Push::new(change.clone()), record, &news).await;
    drop(news);
    all(told).await
}

async fn apply(session: &Arc<Session>, change: &Change) -> Fact {
    push_it(session, change).await.pop().expect("news")
}

/// Answers one request; returns it as "METHOD path content-type body".
async fn answer(server: &mut Server, status: u16, warning: Option<&str>, body: Value) -> String {
    let (request, reply) = server.next_request().await.expect("a request");
    let (parts, request_body) = request.into_parts();
    let sent = request_body.collect().await.expect("a body").to_bytes();
    let mut response = Response::builder().status(status);
    if let Some(warning) = warning {
        response = response.header("warning", warning);
    }
    reply.send_response(response.body(Body::from(body.to_string().into_bytes())).expect("a response"));
    let content_type = parts.headers.get("content-type").map_or("", |value| value.to_str().unwrap_or(""));
    format!("{} {} {content_type} {}", parts.method, parts.uri, String::from_utf8_lossy(&sent))
        .trim_end()
        .to_owned()
}

fn stored(name: &str, weight: u32, version: &str) -> Value {
    json!({ "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": { "namespace": "shop", "name": name, "resourceVersion": version, "managedFields": [
            { "manager": "kubectl-edit", "time": "2026-02-03T04:05:06Z" }, { "manager": "argocd", "time": "2026-01-01T00:00:00Z" }] },
        "spec": { "http": [{ "route": [{ "weight": weight }] }] } })
}

fn status(code: u16, reason: &str, message: &str) -> Value {
    json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": reason, "message": message,
        "details": {}, "code": code })
}

const VAGUE: &str = "the server rejected our request due to an error in our request";

#[tokio::test]
async fn a_dry_run_as_the_server_sees_it() {
    let (session, mut server) = session();
    let change = change(vec![step("cart", patch())]);
    let warning = "299 - \"unknown field \\\"spec.weather\\\"\"";
    let (told, request) = tokio::join!(
        check(&session, &change),
        answer(&mut server, 200, Some(warning), stored("cart", 25, "8"))
    );
    assert_eq!(
        request,
        "PATCH /apis/networking.istio.io/v1/namespaces/shop/virtualservices/cart\
         ?fieldManager=binnacle&fieldValidation=Warn&dryRun=All application/json-patch+json \
         [{\"op\":\"test\",\"path\":\"/spec/http/0/route/0/weight\",\"value\":10},\
         {\"op\":\"replace\",\"path\":\"/spec/http/0/route/0/weight\",\"value\":25}]"
    );
    assert_eq!(told, Fact::Checked(vec!["unknown field \"spec.weather\"".to_owned()]));
}

#[tokio::test]
async fn creating_and_deleting_as_the_server_sees_it() {
    let (session, mut server) = session();
    let delete = Edit::Delete { uid: "u-1".into(), resource_version: Some("7".into()) };
    let change =
        change(vec![step("cart", Edit::Create(json!({ "kind": "VirtualService" }))), step("pay", delete)]);
    let script = async {
        let created = answer(&mut server, 201, None, stored("cart", 25, "8")).await;
        answer(&mut server, 200, None, stored("pay", 10, "7")).await;
        let deleted = answer(&mut server, 200, None, json!({ "kind": "Status", "status": "Success" })).await;
        (created, deleted)
    };
    let (told, (created, deleted)) = tokio::join!(apply(&session, &change), script);
    assert_eq!(
        created,
        "POST /apis/networking.istio.io/v1/namespaces/shop/virtualservices?fieldManager=binnacle&fieldValidation=Warn \
         application/json {\"kind\":\"VirtualService\"}"
    );
    assert_eq!(
        deleted,
        "DELETE /apis/networking.istio.io/v1/namespaces/shop/virtualservices/pay application/json \
         {\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\",\"preconditions\":{\"uid\":\"u-1\",\"resourceVersion\":\"7\"}}"
    );
    let Fact::Accepted(all) = told else { panic!("{told:?}") };
    let objects: Vec<&Object> = all.iter().filter_map(|stored| stored.after.as_ref()).collect();
    assert_eq!(objects.len(), 1, "a deletion leaves no object");
    assert!(objects[0].0["metadata"].get("managedFields").is_none());
}

/// A controller that writes the status of an object is nobody who was faster; whoever writes its spec is.
#[tokio::test]
async fn a_status_is_no_change_of_what_goes() {
    let delete = Edit::Delete { uid: String::new(), resource_version: Some("7".into()) };
    let (session, mut server) = session();
    let change = change(vec![step("pay", delete)]);
    let script = async {
        let mut now = stored("pay", 10, "9");
        now["status"] = json!({ "conditions": [] });
        answer(&mut server, 200, None, now.clone()).await;
        answer(&mut server, 409, None, status(409, "Conflict", "the precondition failed")).await;
        answer(&mut server, 200, None, now).await;
        answer(&mut server, 200, None, json!({ "kind": "Status", "status": "Success" })).await
    };
    let (told, deleted) = tokio::join!(apply(&session, &change), script);
    assert!(deleted.contains("\"resourceVersion\":\"9\""), "{deleted}");
    assert!(matches!(told, Fact::Accepted(_)), "{told:?}");
    let (session, mut server) = self::session();
    let script = async {
        answer(&mut server, 200, None, stored("pay", 99, "9")).await;
        answer(&mut server, 409, None, status(409, "Conflict", "the precondition failed")).await;
        answer(&mut server, 200, None, stored("pay", 99, "9")).await;
    };
    let (told, ()) = tokio::join!(apply(&session, &change), script);
    assert!(matches!(told, Fact::Conflict { .. }), "{told:?}");
}

#[tokio::test]
async fn a_failed_guard_is_a_conflict_and_says_who() {
    let (session, mut server) = session();
    let change = change(vec![step("cart", patch())]);
    let script = async {
        answer(&mut server, 200, None, stored("cart", 10, "7")).await;
        answer(&mut server, 422, None, status(422, "Invalid", VAGUE)).await;
        answer(&mut server, 200, None, stored("cart", 60, "9")).await
    };
    let (told, read) = tokio::join!(apply(&session, &change), script);
    assert_eq!(read, "GET /apis/networking.istio.io/v1/namespaces/shop/virtualservices/cart");
    let Fact::Conflict { theirs: Theirs { now: Some(now), .. }, problem } = told else {
        panic!("no conflict: {told:?}")
    };
    assert_eq!(now.resource_version(), "9");
    assert_eq!(
        problem.to_string(),
        "VirtualService shop/cart was not changed: spec.http.0.route.0.weight was 10, now it is 60 (last written by \
         kubectl-edit at 2026-02-03T04:05:06Z). Make it anew on what the cluster has now, or leave it"
    );
}

#[tokio::test]
async fn a_vague_refusal_of_a_patch_whose_guards_hold_is_no_conflict() {
    let (session, mut server) = session();
    let change = change(vec![step("cart", patch())]);
    let script = async {
        answer(&mut server, 200, None, stored("cart", 10, "7")).await;
        answer(&mut server, 422, None, status(422, "Invalid", VAGUE)).await;
        answer(&mut server, 200, None, stored("cart", 10, "9")).await;
    };
    let (told, ()) = tokio::join!(apply(&session, &change), script);
    assert!(matches!(told, Fact::Refused(problem) if problem.why == VAGUE));
}

#[tokio::test]
async fn what_istio_refuses_is_told_in_its_words() {
    let (session, mut server) = session();
    let change = change(vec![step("cart", patch())]);
    let message = "admission webhook \"validation.istio.io\" denied the request: configuration is invalid: weight 250 is too much";
    let (told, _) =
        tokio::join!(check(&session, &change), answer(&mut server, 400, None, status(400, "", message)));
    let Fact::Refused(problem) = told else { panic!("not refused: {told:?}") };
    assert_eq!(problem.what, "VirtualService shop/cart was not changed");
    assert_eq!(problem.why, "Istio's validation (validation.istio.io) refuses it: weight 250 is too much");
}

#[tokio::test]
async fn what_exists_already_is_a_conflict() {
    let (session, mut server) = session();
    let change = change(vec![step("cart", Edit::Create(json!({})))]);
    let script = async {
        answer(
            &mut server,
            409,
            None,
            status(409, "AlreadyExists", "virtualservices \"cart\" already exists"),
        )
        .await;
        answer(&mut server, 200, None, stored("cart", 10, "9")).await;
    };
    let (told, ()) = tokio::join!(check(&session, &change), script);
    let Fact::Conflict { theirs: Theirs { now: Some(_), .. }, problem } = told else {
        panic!("no conflict: {told:?}")
    };
    assert!(problem.why.starts_with("It exists already (last written by kubectl-edit"), "{problem}");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_put_back_is_said() {
    let (session, mut server) = session();
    let change = change(vec![step("cart", patch()), step("pay", patch())]);
    let script = async {
        answer(&mut server, 200, None, stored("cart", 10, "7")).await;
        answer(&mut server, 200, None, stored("cart", 25, "8")).await;
        answer(&mut server, 200, None, stored("pay", 10, "7")).await;
        answer(&mut server, 403, None, status(403, "Forbidden", "no")).await;
        answer(&mut server, 200, None, stored("cart", 25, "8")).await;
        let undo = answer(&mut server, 500, None, status(500, "InternalError", "etcd is away")).await;
        for _ in 0..LOOKS {
            answer(&mut server, 200, None, stored("cart", 25, "8")).await;
        }
        assert!(
            undo.starts_with("PATCH ") && undo.contains("\"value\":25}") && undo.contains("\"value\":10}"),
            "{undo}"
        );
    };
    let (told, ()) = tokio::join!(apply(&session, &change), script);
    let Fact::Refused(problem) = told else { panic!("not refused: {told:?}") };
    assert_eq!(
        problem.why,
        "no. What was written before it (VirtualService shop/cart) could not be put back: The server answered 500: \
         etcd is away, and has not written it"
    );
    assert_eq!(problem.next, "Look at VirtualService shop/cart and put it back by hand");
}

/// So often an object is looked at until a step may not be done any more.
const LOOKS: usize = 8;

/// Something between answers in the place of the server, which may still be at it: only when it has had its
/// time, what was not written is said so, and what was before it goes back; no library's words are in it.
#[tokio::test(start_paused = true)]
async fn what_was_not_written_is_said_when_the_server_has_had_its_time() {
    let (session, mut server) = session();
    let change = change(vec![step("cart", Edit::Create(json!({}))), step("pay", patch())]);
    let begun = tokio::time::Instant::now();
    let script = async {
        answer(&mut server, 201, None, stored("cart", 25, "7")).await;
        answer(&mut server, 200, None, stored("pay", 10, "7")).await;
        let (_, reply) = server.next_request().await.expect("a request");
        reply.send_error(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
        for _ in 0..LOOKS {
            answer(&mut server, 200, None, stored("pay", 10, "7")).await;
        }
        let late = begun.elapsed();
        assert!(late >= mesh::program::STEP_TAKES, "{late:?}");
        answer(&mut server, 200, None, stored("cart", 25, "7")).await;
        answer(&mut server, 200, None, json!({ "kind": "Status", "status": "Success" })).await
    };
    let (told, undo) = tokio::join!(push_it(&session, &change), script);
    assert!(undo.starts_with("DELETE "), "{undo}");
    let [Fact::Wrote(0, _), Fact::Unsure(unsure), Fact::PutBack(0), Fact::Refused(problem)] = &told[..]
    else {
        panic!("{told:?}")
    };
    assert_eq!(unsure.what, "It is not known yet whether VirtualService shop/pay was changed");
    assert_eq!(
        problem.to_string(),
        "VirtualService shop/pay was not changed: The connection broke before the answer was whole, and has not \
         written it. What was written before it (VirtualService shop/cart) was put back. Look at the server and its \
         webhooks, then try again"
    );
}

/// The login ends while a lost answer is looked up: the next connection finds it.
#[tokio::test]
async fn a_lost_write_is_looked_up_by_the_next_connection() {
    use super::lost_tests::{object, path, weight};
    use crate::mock::{Shared, kubernetes};
    let (old, new) = (Shared::default(), Shared::default());
    old.lock().away = usize::MAX;
    let there = object(&mesh::kinds::VIRTUAL_SERVICE, json!({ "weight": 25 }));
    new.lock().all.insert(path(&mesh::kinds::VIRTUAL_SERVICE), there);
    let (one, two) = (kubernetes(&old).await, kubernetes(&new).await);
    let session = session_with(one.client());
    let sessions = tokio::sync::watch::Sender::new(Some(Arc::clone(&session)));
    let mut newest = Newest::new(session, sessions.subscribe());
    let (news, mut told) = news();
    let change = weight();
    let record = Record::sent(news.id, jiff::Timestamp::now(), &change, &[], None).expect("a record");
    let mut push = Push::resumed(change);
    let next = async {
        let Some((_, Fact::Unsure(_))) = told.recv().await else { panic!("it is not known") };
        sessions.send_replace(Some(session_with(two.client())));
        loop {
            if let (_, Fact::Accepted(all)) = told.recv().await.expect("an end") {
                return all.len();
            }
        }
    };
    let (stored, all) = tokio::join!(program::run(&mut newest, &mut push, record, &news), next);
    assert_eq!((stored.map(|stored| stored.len()), all), (Some(1), 1));
}

/// Takes a request and never answers it.
async fn silence(server: &mut Server) -> (Request<Body>, mock::SendResponse<Response<Body>>) {
    server.next_request().await.expect("a request")
}

#[tokio::test(start_paused = true)]
async fn a_step_without_an_answer_is_looked_for() {
    for (found, expect) in [
        (None, Err("did not answer within 35 s")),
        (Some(25), Ok(())),
        (Some(10), Err("did not answer within 35 s, and has not written it")),
    ] {
        let (session, mut server) = session();
        let change = change(vec![step("cart", patch())]);
        let script = async {
            if found.is_some() {
                answer(&mut server, 200, None, stored("cart", 10, "7")).await;
            }
            let _kept = silence(&mut server).await;
            let looks = if found == Some(10) { LOOKS } else { 1 };
            for weight in found.iter().flat_map(|weight| std::iter::repeat_n(*weight, looks)) {
                let read = answer(&mut server, 200, None, stored("cart", weight, "8")).await;
                assert!(
                    read.starts_with("GET /apis/networking.istio.io/v1/namespaces/shop/virtualservices/cart"),
                    "{read}"
                );
            }
            std::future::pending::<()>().await;
        };
        let told = async {
            match found {
                None => check(&session, &change).await,
                Some(_) => apply(&session, &change).await,
            }
        };
        let told = tokio::select! { told = told => told, () = script => unreachable!("the script waits") };
        match (told, expect) {
            (Fact::Accepted(_), Ok(())) => {}
            (Fact::Refused(problem), Err(part)) => assert!(problem.why.contains(part), "{problem}"),
            (told, expect) => panic!("{told:?} instead of {expect:?}"),
        }
    }
}

/// An error without a status: the server took the request, and the connection broke.
#[tokio::test(start_paused = true)]
async fn a_connection_that_breaks_leaves_nothing_unknown() {
    let (session, mut server) = session();
    let change = change(vec![step("cart", patch())]);
    let script = async {
        answer(&mut server, 200, None, stored("cart", 10, "7")).await;
        for kind in [std::io::ErrorKind::ConnectionReset, std::io::ErrorKind::ConnectionRefused] {
            let (_, reply) = server.next_request().await.expect("a request");
            reply.send_error(std::io::Error::from(kind));
        }
        answer(&mut server, 200, None, stored("cart", 25, "8")).await;
    };
    let (told, ()) = tokio::join!(push_it(&session, &change), script);
    let [Fact::Unsure(problem), Fact::Wrote(0, _), Fact::Accepted(_)] = &told[..] else { panic!("{told:?}") };
    assert_eq!(
        problem.to_string(),
        "It is not known yet whether VirtualService shop/cart was changed: The connection broke before the answer \
         was whole. It is looked up as soon as the server answers"
    );
}

/// What the object was right before the write is read, and told with what it became.
#[tokio::test]
async fn both_versions_are_told() {
    let (session, mut server) = session();
    let change = change(vec![step("cart", patch())]);
    let script = async {
        answer(&mut server, 200, None, stored("cart", 10, "8")).await;
        answer(&mut server, 200, None, stored("cart", 25, "9")).await;
    };
    let (told, ()) = tokio::join!(apply(&session, &change), script);
    let Fact::Accepted(all) = told else { panic!("{told:?}") };
    let version = |object: &Option<Object>| object.as_ref().expect("an object").resource_version().to_owned();
    assert_eq!((version(&all[0].before), version(&all[0].after)), ("8".into(), "9".into()));
}
