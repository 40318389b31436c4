use super::*;
use crate::Wake;
use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use mesh::scene::StepState;
use serde_json::json;
use std::io::Write as _;
use std::sync::Arc;
use tempfile::NamedTempFile;
use tokio::net::TcpListener;

fn kubeconfig(server: &str, user: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    write!(
        file,
        "
current-context: here
clusters: [{{name: c, cluster: {{server: '{server}'}}}}]
users: [{{name: u, user: {user}}}]
contexts: [{{name: here, context: {{cluster: c, user: u, namespace: shop}}}}]
"
    )
    .unwrap();
    file
}

/// Serves `/version` to whoever brings the token "good".
async fn server() -> String {
    let version = get(|headers: HeaderMap| async move {
        match headers.get("authorization").and_then(|value| value.to_str().ok()) {
            Some("Bearer good") => {
                (StatusCode::OK, r#"{"major":"1","minor":"35+","gitVersion":"v1.35.1-gke.1"}"#)
            }
            _ => (
                StatusCode::UNAUTHORIZED,
                r#"{"kind":"Status","status":"Failure","message":"Unauthorized","reason":"Unauthorized","code":401}"#,
            ),
        }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/version", version)).await });
    format!("http://{address}")
}

/// Connects; returns the namespace, or the step that failed and why.
async fn attempt(target: Target) -> Result<String, (Step, Problem)> {
    crate::install_crypto();
    let wake: Wake = Arc::new(|| {});
    let hub = Hub::new(wake, 60);
    if let Ok(api) = connect(&target, &hub, false).await {
        assert!(api.version.streams_lists());
        return Ok(api.namespace);
    }
    for step in [Step::Context, Step::Api] {
        if let Some(StepState::Failed(problem)) = hub.step(step) {
            return Err((step, problem));
        }
    }
    panic!("neither connected nor told why");
}

fn target(file: &NamedTempFile) -> Target {
    Target { kubeconfig: Some(file.path().to_owned()), ..Target::default() }
}

#[tokio::test]
async fn a_token_is_taken() {
    let file = kubeconfig(&server().await, "{token: good}");
    assert_eq!(attempt(target(&file)).await, Ok("shop".into()));
}

#[tokio::test]
async fn a_token_file_is_taken() {
    let mut token = NamedTempFile::new().unwrap();
    write!(token, "good").unwrap();
    let file = kubeconfig(&server().await, &format!("{{tokenFile: '{}'}}", token.path().display()));
    assert_eq!(attempt(target(&file)).await, Ok("shop".into()));
}

#[cfg(unix)]
#[tokio::test]
async fn a_plugins_token_is_taken() {
    let user = r#"{exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: echo, args: ['{"status":{"token":"good"}}']}}"#;
    let file = kubeconfig(&server().await, user);
    assert_eq!(attempt(target(&file)).await, Ok("shop".into()));
}

#[tokio::test]
async fn an_expired_token_is_said_and_not_shown() {
    let file = kubeconfig(&server().await, "{token: my-old-secret}");
    let (step, problem) = attempt(target(&file)).await.unwrap_err();
    assert_eq!(step, Step::Api);
    assert_eq!(problem.what, "The API server refuses the login of context here");
    assert_eq!(problem.why, "The server does not accept the login (401 Unauthorized)");
    assert!(!problem.to_string().contains("my-old-secret"));
}

#[tokio::test]
async fn a_failing_plugin_fails_the_step() {
    let user =
        "{exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: /bin/false}}";
    let file = kubeconfig("http://127.0.0.1:9", user);
    let (step, problem) = attempt(target(&file)).await.unwrap_err();
    assert_eq!((step, problem.what.as_str()), (Step::Api, "Logging in to here failed"));
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up_within_ten_seconds() {
    let deaf = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = deaf.local_addr().unwrap();
    let attempts = ["http", "https"].map(|scheme| async move {
        let file = kubeconfig(&format!("{scheme}://{address}"), "{token: good}");
        let begun = Instant::now();
        let (step, problem) = attempt(target(&file)).await.unwrap_err();
        assert!(begun.elapsed() < Duration::from_secs(10), "{scheme} took {:?}", begun.elapsed());
        assert_eq!(step, Step::Api);
        assert!(problem.what.ends_with("does not answer"), "{problem}");
        assert!(problem.next.ends_with("retry"), "{problem}");
    });
    futures::future::join_all(attempts).await;
}

#[tokio::test]
async fn nobody_listens() {
    let file = kubeconfig("https://127.0.0.1:9", "{token: good}");
    let (_, problem) = attempt(target(&file)).await.unwrap_err();
    assert_eq!(problem.why, "Nothing listens at this address (connection refused)");
}

#[tokio::test]
async fn a_missing_context_names_those_that_are_there() {
    let file = kubeconfig("http://127.0.0.1:9", "{}");
    let (step, problem) =
        attempt(Target { context: Some("there".into()), ..target(&file) }).await.unwrap_err();
    assert_eq!(step, Step::Context);
    assert_eq!(problem.why, "The kubeconfig does not have it; it has here");
}

#[tokio::test]
async fn a_malformed_kubeconfig_is_the_reason() {
    let mut file = NamedTempFile::new().unwrap();
    write!(file, "contexts: {{").unwrap();
    let (step, problem) =
        attempt(Target { context: Some("here".into()), ..target(&file) }).await.unwrap_err();
    assert_eq!((step, problem.what.as_str()), (Step::Context, "A kubeconfig cannot be read"));
}

#[tokio::test]
async fn no_kubeconfig_is_the_reason() {
    let target = Target { kubeconfig: Some("/nowhere/config".into()), ..Target::default() };
    let (step, problem) = attempt(target).await.unwrap_err();
    assert_eq!((step, problem.what.as_str()), (Step::Context, "There is no kubeconfig"));
}

/// What a server answers is told, not that it did not answer; and what is no Kubernetes is called so.
#[tokio::test]
async fn other_answers_are_told_as_they_are() {
    const FULL: &str = r#"{"kind":"Status","status":"Failure","message":"too many requests","code":429}"#;
    for (code, body, why) in [
        (429, FULL, "The server has too many requests (429)"),
        (503, "upstream is down", "The server answered 503: upstream is down"),
        (504, "", "The server answered 504: no reason given"),
        (404, "not here", "What answers there is not the Kubernetes API: it has no /version (404)"),
        (200, "<html>", "What answers there is not the Kubernetes API: its /version is not JSON"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let answer = move || async move { (StatusCode::from_u16(code).unwrap(), body) };
        let server =
            tokio::spawn(async move { axum::serve(listener, Router::new().fallback(get(answer))).await });
        let file = kubeconfig(&format!("http://{address}"), "{token: good}");
        let (step, problem) = attempt(target(&file)).await.unwrap_err();
        assert_eq!((step, problem.why.as_str()), (Step::Api, why));
        server.abort();
    }
}

/// Two files may each have a context of one name: the file says which is meant, and the other files still
/// help out.
#[tokio::test]
async fn a_context_is_known_by_its_file_and_name() {
    let [dead, live] =
        [kubeconfig("https://127.0.0.1:9", "{}"), kubeconfig(&server().await, "{token: good}")];
    let of = |file: &NamedTempFile, other: &NamedTempFile| Target {
        file: Some(file.path().to_owned()),
        context: Some("here".into()),
        ..target(other)
    };
    assert_eq!(attempt(of(&live, &dead)).await, Ok("shop".into()));
    assert_eq!(attempt(of(&live, &live)).await, Ok("shop".into()));
    let (step, _) = attempt(of(&dead, &live)).await.unwrap_err();
    assert_eq!(step, Step::Api);
}

/// Audit logs tell by it who asked.
#[tokio::test]
async fn every_request_says_who_asks() {
    use crate::mock::{Mock, Reply, Then, http_json};
    let (heads, told) = (Arc::new(parking_lot::Mutex::new(Vec::new())), json!({ "gitVersion": "v1.33.4" }));
    let seen = Arc::clone(&heads);
    let mock = Mock::start(move |asked| {
        seen.lock().push(asked.head);
        Reply(http_json(200, &told), Then::Close)
    })
    .await;
    let file = kubeconfig(&mock.url, "{token: good}");
    crate::install_crypto();
    let hub = Hub::new(Arc::new(|| {}), 60);
    let target = Target { kubeconfig: Some(file.path().to_owned()), ..Target::default() };
    let api = connect(&target, &hub, false).await.unwrap();
    crate::access::root_namespace(&api.client).await;
    let tunnel = crate::tunnel::Tunnel::new(api.client);
    let place = crate::tunnel::Place::Url(mock.url.clone());
    tunnel.get(&place, "/debug/syncz", "It cannot be asked").await.unwrap();
    let agent = format!("user-agent: binnacle/{}", env!("CARGO_PKG_VERSION"));
    let heads = heads.lock();
    assert!(heads.len() >= 4 && heads.iter().all(|head| head.to_lowercase().contains(&agent)), "{heads:#?}");
}

/// Serves `/version` to whoever brings the token that is in the file.
async fn guarded(token: std::path::PathBuf) -> String {
    let version = get(move |headers: HeaderMap| async move {
        let wanted = std::fs::read_to_string(&token).unwrap();
        let told = headers.get("authorization").and_then(|value| value.to_str().ok());
        match told == Some(&format!("Bearer {}", wanted.trim())) {
            true => (StatusCode::OK, r#"{"minor":"35","gitVersion":"v1.35.1"}"#),
            false => (StatusCode::UNAUTHORIZED, "{}"),
        }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/version", version)).await });
    format!("http://{address}")
}

/// A token that was changed on disk is taken at once when the server refuses the old one.
#[tokio::test]
async fn a_refused_token_is_read_again_and_the_request_goes_once_more() {
    crate::install_crypto();
    let mut token = NamedTempFile::new().unwrap();
    writeln!(token, "first").unwrap();
    let server = guarded(token.path().to_owned()).await;
    let file = kubeconfig(&server, &format!("{{token: old, tokenFile: '{}'}}", token.path().display()));
    let wake: Wake = Arc::new(|| {});
    let api = connect(&target(&file), &Hub::new(wake, 60), false).await.expect("connected");
    std::fs::write(token.path(), "second").unwrap();
    let version: Version = crate::http::json(&api.client, "/version").await.unwrap();
    assert_eq!(version.git_version, "v1.35.1");
}

#[tokio::test]
async fn a_proxy_in_between_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let refuse = axum::Router::new().fallback(|| async { StatusCode::PROXY_AUTHENTICATION_REQUIRED });
    tokio::spawn(async move { axum::serve(listener, refuse).await });
    for (proxy, why) in
        [(address.to_string(), "wants a login"), ("127.0.0.1:9".to_owned(), "cannot be reached")]
    {
        let config = format!("'https://kube.example:6443', proxy-url: 'http://me:secret@{proxy}");
        let file = kubeconfig(config.trim_matches('\''), "{token: good}");
        let (_, problem) = attempt(target(&file)).await.unwrap_err();
        assert_eq!(problem.why, format!("The proxy between us and the server {why} (http://{proxy})"));
    }
}

#[tokio::test]
async fn what_is_to_be_kept_in_mind_is_told() {
    crate::install_crypto();
    let server = server().await;
    let config = format!("'{server}', insecure-skip-tls-verify: true, tls-server-name: 'x");
    let file = kubeconfig(config.trim_matches('\''), "{token: good, as: bob}");
    let wake: Wake = Arc::new(|| {});
    let hub = Hub::new(wake, 60);
    connect(&target(&file), &hub, false).await.expect("connected");
    let cautions = hub.with(|board| board.scene(&hub.cluster)).cautions;
    let short: Vec<String> = cautions.iter().map(Caution::short).collect();
    assert_eq!(short, ["TLS not verified", "acting as bob"]);
}

#[tokio::test]
async fn a_token_with_a_line_break_fails_the_step() {
    let file = kubeconfig("http://127.0.0.1:9", r#"{token: "top\nsecret"}"#);
    let (step, problem) = attempt(target(&file)).await.unwrap_err();
    assert_eq!(step, Step::Api);
    assert!(problem.why.starts_with("Its token has a line break"), "{problem}");
}

/// Two megabytes on the wire become 300: as much of it is read as is stated, and the source says so.
#[tokio::test]
async fn a_packed_answer_without_an_end_is_cut_off() {
    use crate::mock::{Mock, Reply, Then, bomb};
    let answer = bomb();
    let mock = Mock::start(move |_| Reply(answer.clone(), Then::Close)).await;
    let file = kubeconfig(&mock.url, "{token: good}");
    let target = Target { kubeconfig: Some(file.path().to_owned()), ..Target::default() };
    let (step, problem) = attempt(target).await.unwrap_err();
    assert_eq!(
        (step, &*problem.why),
        (Step::Api, "Its answer is larger than 1 MB, and was not read to its end")
    );
    let tunnel = crate::tunnel::Tunnel::new(mock.client());
    let place = crate::tunnel::Place::Url(mock.url.clone());
    let limit = crate::limits::Limit::of(crate::limits::VERSION);
    let problem = tunnel.get_some(&place, "/version", "It cannot be asked", limit).await.err().unwrap();
    let why = "Its answer is larger than 1 MB, and was not read to its end";
    assert_eq!(problem.why, format!("{}: {why}", mock.url));
}

/// A server whose discovery is empty, or something else, is told about: nothing is shown as an empty mesh.
#[tokio::test]
async fn a_server_that_tells_of_no_kinds_is_a_failure() {
    crate::install_crypto();
    for body in [
        "{}",
        "null",
        r#"{"kind":"APIGroupDiscoveryList","items":null}"#,
        r#"{"kind":"APIVersions","versions":["v1"]}"#,
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let version = get(|| async { r#"{"minor":"35","gitVersion":"v1.35.1"}"# });
        let router = Router::new().route("/version", version).fallback(get(move || async move { body }));
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        let file = kubeconfig(&format!("http://{address}"), "{token: good}");
        let once = crate::once(target(&file), crate::Needs::default());
        let problem = tokio::time::timeout(Duration::from_secs(20), once).await.unwrap().unwrap_err();
        assert_eq!(problem.what, "The cluster does not say which kinds it has", "{body}");
        server.abort();
    }
}

/// Which cluster it is stands in the scene before anything that was read from it; one that was made anew at the
/// same address is another.
#[tokio::test]
async fn a_cluster_says_which_it_is() {
    use crate::mock::{Mock, Reply, Then, http_json};
    crate::install_crypto();
    let mock = Mock::start(|asked| {
        let told = match asked.line.ends_with("/api/v1/namespaces/kube-system") {
            true => json!({ "metadata": { "uid": "f7a0" } }),
            false => json!({ "gitVersion": "v1.33.4" }),
        };
        Reply(http_json(200, &told), Then::Close)
    })
    .await;
    let file = kubeconfig(&mock.url, "{token: good}");
    let hub = Hub::new(Arc::new(|| {}), 60);
    let api = connect(&target(&file), &hub, false).await.unwrap();
    assert_eq!(api.cluster.uid.as_deref(), Some("f7a0"));
    let scene = || hub.with(|board| board.scene(&hub.cluster));
    assert_eq!(scene().cluster, Some(api.cluster));
    let own = Target { own_sandbox: Some("bookinfo".into()), ..target(&file) };
    let api = connect(&own, &hub, false).await.unwrap();
    assert_eq!(scene().cluster, Some(Cluster::sandbox("bookinfo")), "each is as good as another");
    assert_eq!(api.cluster.uid.as_deref(), Some("f7a0"), "a push that was cut off was in one of them");
}
