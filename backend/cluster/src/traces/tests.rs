//! Each backend against answers as its server gives them.

use super::search::fits;
use super::*;
use crate::Target;
use crate::connect::{Api, Version};
use crate::hub::Hub;
use crate::mock::{Mock, Reply, Then, http};
use crate::tunnel::Tunnel;
use mesh::trace::{Found, Odd, TraceQuery};

/// "service operation kind": the spans of each trace.
fn lines(found: &Found) -> Vec<String> {
    let line = |opened: &Arc<Opened>| {
        let spans = opened.trace.spans.told();
        let spans: Vec<String> =
            spans.iter().map(|span| format!("{} {} {}", span.service, span.operation, span.kind)).collect();
        format!("{}: {}", opened.trace.id, spans.join(", "))
    };
    found.traces.iter().map(line).collect()
}

/// A session whose tracing backend answers these paths; every other one as a server does that has no such page.
struct World {
    session: Session,
    asked: Arc<Mutex<Vec<String>>>,
    _mock: Mock,
}

impl World {
    async fn new(answers: &'static [(&'static str, u16, &'static str)]) -> Self {
        Self::below("", answers).await
    }

    async fn below(prefix: &str, answers: &'static [(&'static str, u16, &'static str)]) -> Self {
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let log = Arc::clone(&asked);
        let mock = Mock::start(move |asked| {
            let path = asked.line.trim_start_matches("GET ").to_owned();
            log.lock().push(path.clone());
            let answer = answers.iter().find(|(begins, ..)| path.split('?').next() == Some(*begins));
            let (status, body) =
                answer.map_or((404, "404 page not found"), |(_, status, body)| (*status, *body));
            Reply(http(status, "application/json", body.as_bytes()), Then::Close)
        })
        .await;
        let target = Target { tracing: Some(format!("{}{prefix}", mock.url)), ..Target::default() };
        let client = mock.client();
        let tunnel = Tunnel::to(Some(client.clone()), &target);
        let (version, cluster) = (Version::default(), Default::default());
        let api = Api { client, namespace: "default".into(), version, cluster, greeting: String::new() };
        let session = Session::new(api, target, Hub::new(Arc::new(|| {}), 60), tunnel);
        Self { session, asked, _mock: mock }
    }

    fn asked(&self) -> Vec<String> {
        let begins = |path: String| path.split('?').next().unwrap_or_default().to_owned();
        std::mem::take(&mut *self.asked.lock()).into_iter().map(begins).collect()
    }
}

fn query() -> TraceQuery {
    TraceQuery {
        service: "cart.shop".into(),
        start_us: 1_699_999_000_000_000,
        end_us: 1_700_001_000_000_000,
        limit: 20,
        ..TraceQuery::default()
    }
}

const JAEGER_TRACES: &str = r#"{"data":[{"traceID":"ab12","spans":[{"traceID":"ab12","spanID":"01","operationName":"pay","startTime":1700000000000000,"duration":9,
  "tags":[{"key":"span.kind","type":"string","value":"server"}],"processID":"p1"}],"processes":{"p1":{"serviceName":"cart.shop","tags":[]}}}],"total":0,"errors":null}"#;

#[tokio::test]
async fn jaeger() {
    let world = World::new(&[
        ("/jaeger/api/services", 200, r#"{"data":["pay.shop","cart.shop"],"total":2,"errors":null}"#),
        ("/jaeger/api/traces", 200, JAEGER_TRACES),
        ("/jaeger/api/traces/ab12", 200, JAEGER_TRACES),
        ("/jaeger/api/traces/ab13", 404, r#"{"data":null,"errors":[{"code":404,"msg":"trace not found"}]}"#),
    ])
    .await;
    let (name, services) = services(&world.session).await.unwrap();
    assert_eq!(
        (name, services),
        (world.session.target.tracing.clone().unwrap(), vec!["cart.shop".into(), "pay.shop".into()])
    );
    let ql = TraceQuery { ql: Some("{}".into()), ..query() };
    assert!(
        search(&world.session, &ql).await.unwrap_err().why.ends_with(" is Jaeger, which takes no TraceQL")
    );
    world.asked();
    assert_eq!(lines(&search(&world.session, &query()).await.unwrap()), ["ab12: cart.shop pay server"]);
    assert_eq!(trace(&world.session, "AB12").await.unwrap().trace.id, "ab12");
    assert_eq!(trace(&world.session, "ab13").await.unwrap_err().what, "The trace is not there");
    let asked = ["/jaeger/api/traces", "/jaeger/api/traces/ab12", "/jaeger/api/traces/ab13"];
    assert_eq!(world.asked(), asked, "who answers is asked once");
}

const SUMMARIES: &str = r#"{"summaries":[{"traceId":"ab13","rootServiceName":"web.shop","rootOperationName":"pay","minStartTimeUnixNano":"1700000000000000000",
  "maxEndTimeUnixNano":"1700000000000009000","spanCount":3,"errorSpanCount":1,"services":[{"name":"cart.shop","spanCount":3,"errorSpanCount":1}]},
  {"traceId":"ab14","rootServiceName":"web.shop","rootOperationName":"pay","minStartTimeUnixNano":"1700000001000000000","maxEndTimeUnixNano":"1700000001000009000","spanCount":2}]}"#;

/// A line of each will do for a list; what is asked of spans is asked with them.
#[tokio::test]
async fn jaeger_tells_lines_where_it_can() {
    let answers: &'static [_] = Box::leak(Box::new([
        ("/api/services", 200, r#"{"data":["cart.shop"],"total":1,"errors":null}"#),
        ("/api/v3/trace-summaries", 200, SUMMARIES),
        ("/api/traces", 200, JAEGER_TRACES),
    ]));
    let world = World::new(answers).await;
    let brief = TraceQuery { brief: true, ..query() };
    let found = search(&world.session, &brief).await.unwrap();
    let told: Vec<_> =
        found.traces.iter().map(|one| (&*one.trace.id, one.summary.errors, one.is_whole())).collect();
    assert_eq!(told, [("ab13", 1, false), ("ab14", 0, false)]);
    let failed = search(&world.session, &TraceQuery { errors_only: true, ..brief.clone() }).await.unwrap();
    assert_eq!(failed.traces.len(), 1, "which ones failed stands in their lines");
    world.asked();
    let call = mesh::trace::Call { from: None, to: mesh::trace::End::service("cart.shop") };
    search(&world.session, &TraceQuery { call: Some(call), ..brief }).await.unwrap();
    search(&world.session, &query()).await.unwrap();
    assert_eq!(world.asked(), ["/api/traces", "/api/traces"]);
}

/// Without such a page it answers 404, 501, or its own page for every path; then it is asked once.
#[tokio::test]
async fn an_older_jaeger_is_asked_for_spans() {
    for (status, body) in [
        (404, "404 page not found"),
        (501, r#"{"error":{"httpCode":501,"message":"unknown method FindTraceSummaries"}}"#),
        (200, "<!doctype html><title>Jaeger UI</title>"),
    ] {
        let answers: &'static [_] = Box::leak(Box::new([
            ("/api/services", 200, r#"{"data":["cart.shop"],"total":1,"errors":null}"#),
            ("/api/v3/trace-summaries", status, body),
            ("/api/traces", 200, JAEGER_TRACES),
        ]));
        let world = World::new(answers).await;
        let brief = TraceQuery { brief: true, ..query() };
        for asked in [&["/api/services", "/api/v3/trace-summaries", "/api/traces"][..], &["/api/traces"]] {
            let found = search(&world.session, &brief).await.unwrap();
            assert_eq!(lines(&found), ["ab12: cart.shop pay server"], "{status}");
            assert_eq!(world.asked(), asked, "{status}");
        }
    }
    // Version 3 alone.
    let otlp: &'static str = format!("{{\"result\":{OTLP}}}").leak();
    let answers: &'static [_] = Box::leak(Box::new([
        ("/api/v3/services", 200, r#"{"services":["cart.shop"]}"#),
        ("/api/v3/traces", 200, otlp),
    ]));
    let world = World::new(answers).await;
    let brief = TraceQuery { brief: true, ..query() };
    assert_eq!(
        lines(&search(&world.session, &brief).await.unwrap()),
        ["000000000000ab12: cart.shop pay server"]
    );
}

/// What it refuses is said, and is no reason to ask for more.
#[tokio::test]
async fn a_refusal_of_lines_is_told() {
    let world = World::new(&[
        ("/api/services", 200, r#"{"data":["cart.shop"],"total":1,"errors":null}"#),
        ("/api/v3/trace-summaries", 500, r#"{"error":{"httpCode":500,"message":"storage is away"}}"#),
    ])
    .await;
    let problem = search(&world.session, &TraceQuery { brief: true, ..query() }).await.unwrap_err();
    assert!(problem.why.ends_with(" answered 500: storage is away"), "{problem}");
    let none = World::new(&[
        ("/api/services", 200, r#"{"data":["cart.shop"],"total":1,"errors":null}"#),
        ("/api/v3/trace-summaries", 404, r#"{"error":{"httpCode":404,"message":"No traces found"}}"#),
    ])
    .await;
    let found = search(&none.session, &TraceQuery { brief: true, ..query() }).await.unwrap();
    assert_eq!((found, none.asked().len()), (Found::default(), 2), "nothing is found, and that is all");
}

const OTLP: &str = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"cart.shop"}}]},"scopeSpans":[{"spans":[
  {"traceId":"0000000000000000000000000000ab12","spanId":"0000000000000001","name":"pay","kind":2,"startTimeUnixNano":"1700000000000000000","endTimeUnixNano":"1700000000000009000",
   "attributes":[{"key":"http.method","value":{"stringValue":"GET"}}]}]}]}]}"#;

/// It streams several answers, and does not filter by tags.
#[tokio::test]
async fn jaeger_by_its_version_3_where_there_is_no_other() {
    let both: &'static str = format!(
        "{{\"result\":{OTLP}}}\n{{\"result\":{}}}",
        OTLP.replace("ab12", "ab13").replace("GET", "POST")
    )
    .leak();
    let one: &'static str = format!("{{\"result\":{OTLP}}}").leak();
    let answers: &'static [_] = Box::leak(Box::new([
        ("/api/v3/services", 200, r#"{"services":["cart.shop"]}"#),
        ("/api/v3/traces", 200, both),
        ("/api/v3/traces/000000000000ab12", 200, one),
        ("/api/v3/traces/ab14", 404, r#"{"error":{"httpCode":404,"message":"trace not found"}}"#),
    ]));
    let world = World::new(answers).await;
    assert_eq!(services(&world.session).await.unwrap().1, ["cart.shop"]);
    let found = search(&world.session, &query()).await.unwrap();
    assert_eq!(
        lines(&found),
        ["000000000000ab12: cart.shop pay server", "000000000000ab13: cart.shop pay server"]
    );
    let tags = [("http.method".to_owned(), "POST".to_owned())].into();
    let found = search(&world.session, &TraceQuery { tags, ..query() }).await.unwrap();
    assert_eq!(lines(&found), ["000000000000ab13: cart.shop pay server"]);
    assert_eq!(trace(&world.session, "000000000000ab12").await.unwrap().trace.id, "000000000000ab12");
    assert_eq!(trace(&world.session, "ab14").await.unwrap_err().what, "The trace is not there");
}

#[tokio::test]
async fn tempo() {
    let v2: &'static str = format!(r#"{{"trace":{OTLP},"metrics":{{}}}}"#).leak();
    let v1: &'static str = OTLP
        .replace("resourceSpans", "batches")
        .replace("0000000000000000000000000000ab12", "AAAAAAAAAAAAAAAAAACrEw==")
        .leak();
    let answers: &'static [_] = Box::leak(Box::new([
        (
            "/api/search/tag/service.name/values",
            200,
            r#"{"tagValues":["pay.shop","cart.shop"],"metrics":{"inspectedBytes":"1"}}"#,
        ),
        (
            "/api/search",
            200,
            r#"{"traces":[{"traceID":"ab13","startTimeUnixNano":"1"},{"traceID":"ab12","rootServiceName":"cart.shop","startTimeUnixNano":"1700000000000000000","durationMs":1},{"traceID":"ab14"}],"metrics":{}}"#,
        ),
        ("/api/v2/traces/ab12", 200, v2),
        // An older one.
        ("/api/traces/ab13", 200, v1),
    ]));
    let world = World::new(answers).await;
    let (name, services) = services(&world.session).await.unwrap();
    assert!(name.ends_with(" (Tempo)"), "{name}");
    assert_eq!(services, ["cart.shop", "pay.shop"]);
    let found = search(&world.session, &TraceQuery { errors_only: true, ..query() }).await.unwrap();
    assert_eq!(
        lines(&found),
        ["000000000000ab12: cart.shop pay server", "000000000000ab13: cart.shop pay server"]
    );
    assert_eq!(found.odd, [Odd::UnreadTraces(1)], "one is not there any more");
    let ql = Some("{ name = \"pay\" }".to_owned());
    assert_eq!(search(&world.session, &TraceQuery { ql, ..query() }).await.unwrap().traces.len(), 2);
    let asked = world.asked.lock().iter().find(|path| path.starts_with("/api/search?")).cloned();
    assert!(asked.is_some_and(|asked| asked.contains("status+%3D+error")), "the failure may be in any span");
    assert_eq!(trace(&world.session, "ab14").await.unwrap_err().what, "The trace is not there");
}

#[tokio::test]
async fn zipkin() {
    const TRACE: &str = r#"[{"traceId":"ab12","id":"1","kind":"SERVER","name":"pay","timestamp":1700000000000000,"duration":9,"localEndpoint":{"serviceName":"cart.shop"}}]"#;
    let list: &'static str = format!("[{TRACE}]").leak();
    let answers: &'static [_] = Box::leak(Box::new([
        ("/zipkin/api/v2/services", 200, r#"["cart.shop","pay.shop"]"#),
        ("/zipkin/api/v2/traces", 200, list),
        ("/zipkin/api/v2/trace/ab12", 200, TRACE),
        ("/zipkin/api/v2/trace/ab13", 404, "ab13 not found"),
    ]));
    for prefix in ["", "/zipkin"] {
        let world = World::below(prefix, answers).await;
        let (name, services) = services(&world.session).await.unwrap();
        assert_eq!((name.to_lowercase().contains("zipkin"), services.len()), (true, 2));
        assert_eq!(lines(&search(&world.session, &query()).await.unwrap()), ["ab12: cart.shop pay server"]);
        assert_eq!(
            lines(&Found { traces: vec![trace(&world.session, "ab12").await.unwrap()], odd: vec![] }).len(),
            1
        );
        assert_eq!(trace(&world.session, "ab13").await.unwrap_err().what, "The trace is not there");
    }
}

#[tokio::test]
async fn others_are_refused_with_what_they_say() {
    let login = World::new(&[("/api/services", 401, r#"{"message":"who are you"}"#)]).await;
    let problem = services(&login.session).await.unwrap_err();
    assert!(problem.why.ends_with(" wants a login (401)"), "{problem}");
    assert_eq!(login.asked().len(), 1, "whoever stands before it is not asked for every path");
    let tenant = World::new(&[("/api/search/tag/service.name/values", 401, "no org id")]).await;
    assert!(services(&tenant.session).await.unwrap_err().next.contains("--tracing-header"));
    let other = World::new(&[("/api/services", 200, r#"{"message":"hello"}"#)]).await;
    let problem = search(&other.session, &query()).await.unwrap_err();
    assert!(problem.why.ends_with(" answered 200, and not as Jaeger, Tempo or Zipkin do"), "{problem}");
    let broken = World::new(&[(
        "/api/services",
        500,
        r#"{"data":null,"errors":[{"code":500,"msg":"storage is away"}]}"#,
    )])
    .await;
    let problem = services(&broken.session).await.unwrap_err();
    assert!(problem.why.ends_with(" answered 500: storage is away"), "{problem}");
    // A backend that answered, and says no.
    let refused = World::new(&[
        ("/api/search/tag/service.name/values", 200, r#"{"tagValues":[]}"#),
        ("/api/search", 400, "invalid TraceQL query: parse error at line 1, col 3"),
    ])
    .await;
    let problem = search(&refused.session, &query()).await.unwrap_err();
    assert!(
        problem.why.ends_with(" answered 400: invalid TraceQL query: parse error at line 1, col 3"),
        "{problem}"
    );
}

/// A failure between two services further on is one of the trace, whoever was asked for.
#[test]
fn errors_only_is_about_whole_traces() {
    let query = |errors_only| TraceQuery {
        service: "istio-ingressgateway.istio-system".into(),
        errors_only,
        ..TraceQuery::default()
    };
    let found = mesh::demo::found();
    let fitting =
        |errors_only| found.traces.iter().filter(|one| fits(&query(errors_only), one, false)).count();
    let failed = found.traces.iter().filter(|one| one.summary.errors > 0).count();
    assert!(failed > 0 && failed < found.traces.len());
    assert_eq!((fitting(false), fitting(true)), (found.traces.len(), failed));
}
