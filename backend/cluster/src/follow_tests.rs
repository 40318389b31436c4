use super::*;
use crate::mock::{Asked, Mock, Reply, Then, http, http_json};
use axum::Router;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::routing::get;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

const EMPTY: &str = r#"{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"7"},"items":[]}"#;
const GONE: &str = r#"{"kind":"Status","apiVersion":"v1","status":"Failure","message":"too old resource version: 7 (9)","reason":"Expired","code":410}"#;

/// A server whose versions are always too old is said to be so, instead of being asked as fast as it answers.
#[tokio::test]
async fn an_expired_version_is_listed_again_at_once_only_the_first_time() {
    crate::install_crypto();
    let watches = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&watches);
    let answer = get(move |RawQuery(query): RawQuery| async move {
        if !query.unwrap_or_default().contains("watch=") {
            return (StatusCode::OK, EMPTY);
        }
        count.fetch_add(1, Ordering::SeqCst);
        (StatusCode::GONE, GONE)
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server =
        tokio::spawn(async move { axum::serve(listener, Router::new().route("/api/v1/pods", answer)).await });

    let client = Client::try_from(kube::Config::new(url.parse().unwrap())).unwrap();
    let hub = Hub::new(Arc::new(|| {}), 60);
    let kind = &mesh::kinds::POD;
    let looping = Arc::new(Loop {
        kind,
        version: "v1",
        namespace: String::new(),
        hub: Arc::clone(&hub),
        greeting: String::new(),
    });
    let running = tokio::spawn(looping.run(client, false));
    let state = loop {
        hub.dirty.notified().await;
        if let Some(state @ KindState::Stale(_)) = hub.kind(kind) {
            break state;
        }
    };
    assert_eq!(watches.load(Ordering::SeqCst), 2, "{state:?}");
    let KindState::Stale(problem) = state else { unreachable!() };
    assert_eq!(problem.why, "too old resource version: 7 (9)");
    running.abort();
    server.abort();
}

/// A loop that watches pods of this server.
struct Watched {
    hub: Arc<Hub>,
    _running: AbortOnDropHandle<()>,
}

impl Watched {
    fn pods(mock: &Mock) -> Self {
        Self::as_the_server_can(mock, false)
    }

    fn as_the_server_can(mock: &Mock, streams_lists: bool) -> Self {
        let hub = Hub::new(Arc::new(|| {}), 60);
        let (kind, version, greeting) = (&mesh::kinds::POD, "v1", "Kubernetes v1.33.4".to_owned());
        let hub_of_loop = Arc::clone(&hub);
        let looping = Loop { kind, version, namespace: String::new(), hub: hub_of_loop, greeting };
        let running = tokio::spawn(Arc::new(looping).run(mock.client(), streams_lists));
        Self { hub, _running: AbortOnDropHandle::new(running) }
    }

    async fn until(&self, holds: impl Fn(&KindState) -> bool) -> KindState {
        loop {
            if let Some(state) = self.hub.kind(&mesh::kinds::POD).filter(|state| holds(state)) {
                return state;
            }
            self.hub.dirty.notified().await;
        }
    }
}

/// A watch that stays open and says nothing.
fn open() -> Reply {
    Reply(b"HTTP/1.1 200 X\r\ncontent-type: application/json\r\n\r\n".to_vec(), Then::Hang)
}

fn empty() -> Reply {
    Reply(http(200, "application/json", EMPTY.as_bytes()), Then::Close)
}

fn watches(asked: &Asked) -> bool {
    asked.line.contains("watch=")
}

/// The server takes every watch, and never answers: that is no silence of a mesh in which nothing changes.
/// When it has healed, the watch is live again.
#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_is_not_live() {
    let hangs = Arc::new(AtomicBool::new(true));
    let now = Arc::clone(&hangs);
    let mock = Mock::start(move |asked| match (watches(&asked), now.load(Ordering::SeqCst)) {
        (false, _) => empty(),
        (true, true) => Reply(Vec::new(), Then::Hang),
        (true, false) => open(),
    })
    .await;
    let watched = Watched::pods(&mock);
    let KindState::Stale(problem) = watched.until(|state| matches!(state, KindState::Stale(_))).await else {
        unreachable!()
    };
    assert_eq!(problem.why, "The server did not answer within 15 s");
    hangs.store(false, Ordering::SeqCst);
    watched.until(|state| matches!(state, KindState::Live(_))).await;
}

/// Something between closes every watch at once: it is not begun again as fast as it is closed, and that is
/// said.
#[tokio::test]
async fn a_watch_that_is_closed_at_once_is_not_asked_for_again_at_once() {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let mock = Mock::start(move |asked| {
        if !watches(&asked) {
            return empty();
        }
        counted.fetch_add(1, Ordering::SeqCst);
        Reply(http(200, "application/json", b""), Then::Close)
    })
    .await;
    let watched = Watched::pods(&mock);
    let KindState::Stale(problem) = watched.until(|state| matches!(state, KindState::Stale(_))).await else {
        unreachable!()
    };
    assert_eq!(problem.why, "The server ends each watch as soon as it has begun");
    // After seven seconds: pauses of 0.25, 0.5, 1, 2 and 4 s.
    assert!(count.load(Ordering::SeqCst) <= 7, "{count:?}");
}

/// One 401, or one 403, in the middle: the watch goes on, and nobody is told otherwise.
#[tokio::test(start_paused = true)]
async fn a_refusal_that_has_healed_does_not_stick() {
    for code in [401, 403] {
        let count = Arc::new(AtomicUsize::new(0));
        let mock = Mock::start(move |asked| match count.fetch_add(usize::from(watches(&asked)), Ordering::SeqCst) {
            _ if !watches(&asked) => empty(),
            0 => {
                let told = serde_json::json!({ "kind": "Status", "code": code, "message": "no", "reason": "no" });
                Reply(http_json(code, &told), Then::Close)
            }
            _ => open(),
        })
        .await;
        let watched = Watched::pods(&mock);
        watched.until(|state| matches!(state, KindState::Stale(_) | KindState::Denied(_))).await;
        watched.until(|state| matches!(state, KindState::Live(_))).await;
        while matches!(watched.hub.step(Step::Api), Some(StepState::Failed(_))) {
            watched.hub.dirty.notified().await;
        }
    }
}

/// One endless event is cut off, and said.
#[tokio::test]
async fn an_event_without_an_end_is_cut_off() {
    let mock = Mock::start(move |asked| {
        if !watches(&asked) {
            return empty();
        }
        let head = b"HTTP/1.1 200 X\r\ncontent-type: application/json\r\n\r\n{\"type\":\"";
        Reply([&head[..], &vec![b'x'; 40 << 20]].concat(), Then::Close)
    })
    .await;
    let watched = Watched::pods(&mock);
    let KindState::Stale(problem) = watched.until(|state| matches!(state, KindState::Stale(_))).await else {
        unreachable!()
    };
    assert_eq!(problem.why, "Its answer is larger than 16 MB, and was not read to its end");
}

/// So is a page of a list: all of it would be in memory before it is read.
#[tokio::test]
async fn a_page_without_an_end_is_cut_off() {
    let mock = Mock::start(move |_| {
        let head = b"HTTP/1.1 200 X\r\ncontent-type: application/json\r\n\r\n{\"kind\":\"";
        Reply([&head[..], &vec![b'x'; 100 << 20]].concat(), Then::Close)
    })
    .await;
    let watched = Watched::pods(&mock);
    let KindState::Stale(problem) = watched.until(|state| matches!(state, KindState::Stale(_))).await else {
        unreachable!()
    };
    assert_eq!(problem.why, "Its answer is larger than 96 MB, and was not read to its end");
}

/// A server that does not say which kinds it has, and one that names none.
#[tokio::test(start_paused = true)]
async fn discovery_has_an_end() {
    let hangs = Mock::start(|_| Reply(Vec::new(), Then::Hang)).await;
    let problem = discover(&hangs.client()).await.unwrap_err();
    assert_eq!(problem.why, "The server did not answer within 20 s");
    let drips = Mock::start(|asked| match &*asked.line {
        "GET /api" => Reply(
            http_json(200, &serde_json::json!({ "kind": "APIVersions", "versions": ["v1"] })),
            Then::Close,
        ),
        _ => Reply(b"HTTP/1.1 200 X\r\ncontent-type: application/json\r\n\r\n{".to_vec(), Then::Hang),
    })
    .await;
    let problem = discover(&drips.client()).await.unwrap_err();
    assert!(problem.why.contains("did not answer within"), "{problem}");
    let odd = Mock::start(|_| Reply(http_json(200, &serde_json::json!([])), Then::Close)).await;
    let problem = discover(&odd.client()).await.unwrap_err();
    assert!(problem.why.contains("told of none that every cluster has"), "{problem}");
}

/// Over a slow link the server ends the stream before the list is whole, each time: it comes in pages then.
#[tokio::test]
async fn a_streamed_list_that_never_is_whole_is_read_in_pages() {
    let streams = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&streams);
    let mock = Mock::start(move |asked| {
        if asked.line.contains("sendInitialEvents=true") {
            count.fetch_add(1, Ordering::SeqCst);
            let pod = r#"{"type":"ADDED","object":{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a","namespace":"b","resourceVersion":"7"}}}"#;
            return Reply(http(200, "application/json", format!("{pod}\n").as_bytes()), Then::Close);
        }
        if watches(&asked) { open() } else { empty() }
    })
    .await;
    let watched = Watched::as_the_server_can(&mock, true);
    watched.until(|state| matches!(state, KindState::Live(0))).await;
    assert!(streams.load(Ordering::SeqCst) <= 2, "{streams:?}");
}

/// A kind that the cluster does not serve any more is listed anew when it does again.
#[tokio::test(start_paused = true)]
async fn a_kind_that_comes_back_is_listed_again() {
    let asked_before = Arc::new(AtomicUsize::new(0));
    let lists = Arc::clone(&asked_before);
    let mock = Mock::start(move |asked| match (watches(&asked), lists.load(Ordering::SeqCst)) {
        (false, _) => {
            lists.fetch_add(1, Ordering::SeqCst);
            empty()
        }
        (true, 1) => {
            let told =
                serde_json::json!({ "kind": "Status", "code": 404, "message": "no", "reason": "NotFound" });
            Reply(http_json(404, &told), Then::Close)
        }
        (true, _) => open(),
    })
    .await;
    let watched = Watched::pods(&mock);
    watched.until(|state| matches!(state, KindState::Missing)).await;
    watched.until(|state| matches!(state, KindState::Live(_))).await;
    assert_eq!(asked_before.load(Ordering::SeqCst), 2);
}
