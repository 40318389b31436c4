//! Connection pools: each limit and its own symptom. The peer's port in an echo's answer tells one connection
//! from another.

use crate::bench::{Answer, Bench, get};
use crate::two_versions;
use crate::world::{OUTSIDE, outside, policy_of, rules_of};
use futures::future::join_all;
use std::collections::BTreeSet;
use std::time::Duration;

async fn bench(protocol: &str) -> Bench {
    let mut bench = two_versions().await;
    let port = bench.outsider("far");
    bench.apply(&outside(protocol, &[port]));
    bench.apply(&rules_of(
        "outside.example",
        "[{retries: {attempts: 0}, route: [{destination: {host: outside.example}}]}]",
    ));
    bench.settle().await;
    bench
}

async fn limited(bench: &mut Bench, pool: &str) {
    bench.apply(&policy_of("outside.example", &format!("{{connectionPool: {pool}}}")));
    bench.settle().await;
}

/// Requests at once, each of which takes a while.
async fn at_once(bench: &Bench, count: usize) -> Vec<Answer> {
    let request = get("/", "outside.example", &["sleep-ms: 500"]);
    join_all((0..count).map(|_| bench.call("client", OUTSIDE, &request))).await
}

/// "HTTP/1.1 from port 40123": the connection that an answer came over.
fn connection(answer: &Answer) -> &str {
    answer.body.lines().find(|line| line.contains(" from port ")).unwrap_or_default()
}

fn connections(answers: &[Answer]) -> BTreeSet<&str> {
    answers.iter().filter(|answer| answer.status == 200).map(connection).collect()
}

fn refused(answers: &[Answer]) -> usize {
    answers.iter().filter(|answer| answer.status == 503).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_and_those_who_wait_are_limited() {
    let mut bench = bench("HTTP").await;
    let free = at_once(&bench, 6).await;
    println!("no limits: {} refused, {} connections", refused(&free), connections(&free).len());
    assert_eq!((refused(&free), connections(&free).len()), (0, 6));
    limited(&mut bench, "{tcp: {maxConnections: 2}}").await;
    let few = at_once(&bench, 6).await;
    println!("maxConnections 2: {} refused, {} connections", refused(&few), connections(&few).len());
    assert_eq!((refused(&few), connections(&few).len()), (0, 2), "the others wait");
    limited(&mut bench, "{tcp: {maxConnections: 1}, http: {http1MaxPendingRequests: 1}}").await;
    let full = at_once(&bench, 6).await;
    let log = bench.log_line("client", " UO ").await;
    println!("and http1MaxPendingRequests 1: {} refused: {log}", refused(&full));
    // Whoever comes before the first connection stands finds its request waiting.
    assert!(matches!(refused(&full), 4 | 5) && connections(&full).len() == 1, "{}", refused(&full));
    assert!(log.contains("503 UO upstream_reset_before_response_started{overflow}"), "{log}");
    let overflow = full.iter().find(|answer| answer.status == 503).expect("one");
    assert!(overflow.head.contains("x-envoy-overloaded: true"), "{}", overflow.head);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_limited_in_number_and_per_connection() {
    let mut bench = bench("HTTP2").await;
    limited(&mut bench, "{http: {http2MaxRequests: 2}}").await;
    let full = at_once(&bench, 6).await;
    println!("http2MaxRequests 2: {} refused, over {:?}", refused(&full), connections(&full));
    assert_eq!((refused(&full), connections(&full).len()), (4, 1));
    limited(&mut bench, "{http: {maxConcurrentStreams: 2}}").await;
    let spread = at_once(&bench, 6).await;
    println!("maxConcurrentStreams 2: {} refused, over {:?}", refused(&spread), connections(&spread));
    assert_eq!((refused(&spread), connections(&spread).len()), (0, 3));
    for (limit, expect) in [(0, 1), (1, 6), (3, 2)] {
        limited(&mut bench, &format!("{{http: {{maxRequestsPerConnection: {limit}}}}}")).await;
        let mut answers = Vec::new();
        for _ in 0..6 {
            answers.push(bench.outside("/", &[]).await);
        }
        println!("maxRequestsPerConnection {limit}: six requests over {:?}", connections(&answers));
        assert_eq!(connections(&answers).len(), expect, "{limit}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_end_when_they_rest_or_grow_old() {
    let mut bench = bench("HTTP").await;
    for (pool, counter) in [
        ("{http: {idleTimeout: 300ms}}", "upstream_cx_idle_timeout"),
        ("{tcp: {idleTimeout: 300ms}}", "upstream_cx_idle_timeout"),
        ("{tcp: {maxConnectionDuration: 300ms}}", "upstream_cx_max_duration_reached"),
    ] {
        limited(&mut bench, pool).await;
        let name = format!("cluster.outbound|9090||outside.example.{counter}");
        let before = bench.stat("client", &name).await;
        let first = bench.outside("/", &[]).await;
        let ended = async {
            while bench.stat("client", &name).await == before {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(crate::bench::PATIENCE, ended).await.expect("the connection ends");
        let second = bench.outside("/", &[]).await;
        println!("{pool}: {} and then {}", connection(&first), connection(&second));
        assert_ne!(connection(&first), connection(&second), "{pool}");
    }
    limited(&mut bench, "{}").await;
    let answers = [bench.outside("/", &[]).await, bench.outside("/", &[]).await];
    assert_eq!(connections(&answers).len(), 1, "and last without a limit");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_protocol_follows_the_policy() {
    let mut bench = bench("HTTP").await;
    for (pool, expect) in [
        ("{}", "HTTP/1.1"),
        ("{http: {h2UpgradePolicy: DO_NOT_UPGRADE}}", "HTTP/1.1"),
        ("{http: {h2UpgradePolicy: UPGRADE}}", "HTTP/2.0"),
        ("{http: {useClientProtocol: true}}", "HTTP/1.1"),
    ] {
        limited(&mut bench, pool).await;
        bench.apply(&policy_of("web", &format!("{{connectionPool: {pool}}}")));
        bench.settle().await;
        let (out, mesh) = (bench.outside("/", &[]).await, bench.web("/", &[]).await);
        println!("{pool}: {}, in the mesh {}", connection(&out), connection(&mesh));
        assert!(connection(&out).starts_with(expect) && connection(&mesh).starts_with(expect), "{pool}");
    }
    let spoken = bench.grpc("client", OUTSIDE, "outside.example", &[]).await;
    println!("useClientProtocol, HTTP/2: {:?}", spoken.body.lines().last());
    assert!(spoken.body.contains("HTTP/2.0"), "{spoken:?}");
    bench.apply(&crate::world::mesh_config("h2UpgradePolicy: UPGRADE"));
    limited(&mut bench, "{}").await;
    let out = bench.outside("/", &[]).await;
    println!("meshConfig.h2UpgradePolicy: {}", connection(&out));
    assert!(connection(&out).starts_with("HTTP/2.0"));
}

/// Somebody who lets callers wait at the door: nobody is let in, and the queue is full.
#[cfg(target_os = "linux")]
async fn crowded() -> (std::net::SocketAddr, Vec<tokio::net::TcpStream>, tokio::net::TcpListener) {
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
    let listener = socket.listen(1).expect("it listens");
    let address = listener.local_addr().expect("an address");
    let mut queue = Vec::new();
    while let Ok(Ok(stream)) =
        tokio::time::timeout(Duration::from_millis(300), tokio::net::TcpStream::connect(address)).await
    {
        queue.push(stream);
    }
    (address, queue, listener)
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn connecting_takes_as_long_as_it_may() {
    let mut bench = bench("HTTP").await;
    let (address, _queue, _listener) = crowded().await;
    bench.apply(&outside("HTTP", &[address.port()]));
    limited(&mut bench, "{tcp: {connectTimeout: 400ms}}").await;
    let answer = bench.outside("/", &[]).await;
    let log = bench.log_line("client", " UF ").await;
    println!("connectTimeout 400ms: {} after {:?}: {log}", answer.status, answer.took);
    assert_eq!(answer.status, 503);
    assert!(
        answer.took >= Duration::from_millis(390) && answer.took < Duration::from_secs(8),
        "{:?}",
        answer.took
    );
    assert!(log.contains("503 UF upstream_reset_before_response_started{connection_timeout"), "{log}");
    bench.apply(&crate::world::mesh_config("connectTimeout: 1s"));
    limited(&mut bench, "{}").await;
    let answer = bench.outside("/", &[]).await;
    println!("meshConfig.connectTimeout 1s: {} after {:?}", answer.status, answer.took);
    assert!(
        answer.took >= Duration::from_millis(990) && answer.took < Duration::from_secs(8),
        "{:?}",
        answer.took
    );
}

/// Seconds until the kernel looks whether the other side of a connection to a port still lives.
#[cfg(target_os = "linux")]
fn keepalive(port: u16) -> Option<f64> {
    let table = std::fs::read_to_string("/proc/net/tcp").expect("the kernel's table");
    let to = format!(":{port:04X} 01 ");
    let timer = table.lines().find(|line| line.contains(&to))?.split_whitespace().nth(5)?.to_owned();
    let ticks = timer.strip_prefix("02:").and_then(|ticks| u32::from_str_radix(ticks, 16).ok())?;
    Some(f64::from(ticks) / 100.0)
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_are_probed() {
    let mut bench = two_versions().await;
    let port = bench.outsider("far");
    bench.apply(&outside("HTTP", &[port]));
    limited(&mut bench, "{}").await;
    bench.outside("/", &[]).await;
    let without = keepalive(port);
    limited(&mut bench, "{tcp: {tcpKeepalive: {time: 100s, interval: 10s, probes: 3}}}").await;
    bench.outside("/", &[]).await;
    let with = async {
        loop {
            if let Some(seconds) = keepalive(port) {
                return seconds;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let with = tokio::time::timeout(crate::bench::PATIENCE, with).await.expect("a timer");
    println!("the kernel's keepalive timer: {without:?} s without, {with} s with tcpKeepalive.time 100s");
    assert_eq!(without, None);
    assert!((50.0..=100.0).contains(&with), "{with}");
}
