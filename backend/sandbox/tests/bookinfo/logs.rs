//! The logs of pods, with kubectl.

use super::kubectl::{kubectl, said};
use super::{Shop, eventually};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};

const SOON: Duration = Duration::from_secs(30);

/// What kubectl says when it fails.
async fn refused(shop: &Shop, args: &[&str]) -> String {
    let output = kubectl(shop, args).output().await.unwrap();
    assert!(!output.status.success(), "kubectl {args:?} succeeds");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_reads_and_follows_the_logs_of_containers() {
    let shop = Shop::open().await;
    let all = said(&shop, &["-n", "bookinfo", "get", "pods", "-l", "app=ratings", "-o", "name"]).await;
    let pod = all.trim();
    // Envoy writes its access log every half second.
    let lines = async || -> Vec<String> {
        shop.page().await;
        let log = said(&shop, &["-n", "bookinfo", "logs", pod, "-c", "istio-proxy", "--timestamps"]).await;
        log.lines().map(str::to_owned).collect()
    };
    let log = eventually("ten lines of access log", SOON, || async {
        let log = lines().await;
        (log.iter().filter(|line| line.contains("GET /ratings/0")).count() >= 10).then_some(log)
    })
    .await;
    let line = log.iter().find(|line| line.contains("GET /ratings/0")).unwrap();
    println!("{line}");
    let (stamp, text) = line.split_once(' ').unwrap();
    assert!(stamp.parse::<jiff::Timestamp>().is_ok(), "{stamp}");
    // Istio's text format, of a callee: protocol, code, flags, details, …, the cluster, the route.
    for part in
        ["HTTP/1.1\" 200 - via_upstream - \"-\" 0 ", "\"ratings:9080\"", " inbound|9080|| ", " default"]
    {
        assert!(text.contains(part), "{part} in {text}");
    }

    let read = async |args: &[&str]| said(&shop, &[&["-n", "bookinfo", "logs"], args].concat()).await;
    assert_eq!(read(&[pod, "-c", "istio-proxy", "--tail=3"]).await.lines().count(), 3);
    assert_eq!(read(&[pod, "-c", "istio-proxy", "--tail=3", "--limit-bytes=20"]).await.len(), 20);
    let ever = read(&[pod, "-c", "istio-proxy", "--since=1h"]).await.lines().count();
    let since = format!("--since-time={}", jiff::Timestamp::now() + jiff::SignedDuration::from_secs(60));
    let later = read(&[pod, "-c", "istio-proxy", &since]).await;
    println!("--since=1h: {ever} lines, {since}: {:?}", later.lines().collect::<Vec<_>>());
    assert!(ever >= 10 && later.is_empty());
    // Which version serves a page is chance.
    eventually("a line of each version", SOON, || async {
        shop.page().await;
        let of_all = read(&["-l", "app=reviews", "-c", "istio-proxy", "--tail=2", "--prefix"]).await;
        ["v1", "v2", "v3"]
            .iter()
            .all(|version| of_all.contains(&format!("[pod/reviews-{version}-")))
            .then_some(())
    })
    .await;
    let app = read(&[pod]).await;
    assert!(app.contains("Server listening"), "kubectl takes the application's container: {app}");

    // The server itself knows no default, and says what there is.
    let path = format!("/api/v1/namespaces/bookinfo/{}/log", pod.replace("pod/", "pods/"));
    let words = refused(&shop, &["get", "--raw", &path]).await;
    println!("{}", words.trim());
    assert!(
        words.contains("a container name must be specified for pod ratings-v1-")
            && words.contains("choose one of: [ratings istio-proxy]")
    );
    let words = refused(&shop, &["get", "--raw", &format!("{path}?container=ratings&tailLines=-1")]).await;
    assert!(words.contains("tailLines: Invalid value: -1: must be greater than or equal to 0"), "{words}");
    let words = refused(&shop, &["-n", "bookinfo", "logs", pod, "-c", "nobody"]).await;
    assert!(words.contains("container nobody is not valid for pod"), "{words}");
    let words = refused(&shop, &["-n", "bookinfo", "logs", pod, "-c", "istio-proxy", "--previous"]).await;
    assert!(words.contains("previous terminated container \"istio-proxy\" in pod \"ratings-v1-"), "{words}");

    // Followed until the proxy dies; then what it wrote is the log before.
    let mut follow = kubectl(&shop, &["-n", "bookinfo", "logs", "-f", "--tail=0", pod, "-c", "istio-proxy"])
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(follow.stdout.take().unwrap()).lines();
    let first = async {
        loop {
            // kubectl may follow only from now on: ask until it has something to show.
            shop.page().await;
            if let Ok(line) = tokio::time::timeout(Duration::from_secs(1), lines.next_line()).await {
                return line.unwrap().unwrap();
            }
        }
    };
    let first = tokio::time::timeout(SOON, first).await.expect("a line in time");
    println!("-f: {first}");
    assert!(first.contains("/ratings/0"), "{first}");
    // Other tests' sandboxes run in this process too: the folder tells which Envoy is ours.
    let folder = shop.sandbox.ready().kubeconfig.parent().unwrap().join(pod.trim_start_matches("pod/"));
    let is_ours = |pid: &i32| {
        std::fs::read_to_string(format!("/proc/{pid}/cmdline"))
            .is_ok_and(|line| line.contains(&*folder.to_string_lossy()))
    };
    let envoy = super::lives::envoys_of(std::process::id()).into_iter().find(is_ours).unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(envoy), nix::sys::signal::Signal::SIGKILL).unwrap();
    let rest = async { while lines.next_line().await.unwrap().is_some() {} };
    tokio::time::timeout(SOON, rest).await.expect("the follower comes to the end when its container does");
    let previous = eventually("the log before", SOON, || async {
        let output = kubectl(&shop, &["-n", "bookinfo", "logs", pod, "-c", "istio-proxy", "-p"])
            .output()
            .await
            .unwrap();
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    })
    .await;
    println!("--previous ends with: {}", previous.lines().last().unwrap_or_default());
    assert!(previous.contains("/ratings/0") && previous.contains("Envoy ended"), "{previous}");
    assert!(!read(&[pod, "-c", "istio-proxy"]).await.contains("Envoy ended"), "a new log");
    shop.sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_describe_shows_what_has_no_effect() {
    let shop = Shop::open().await;
    super::kubectl::apply(
        &shop,
        &serde_json::json!({
            "apiVersion": "extensions.istio.io/v1alpha1", "kind": "WasmPlugin",
            "metadata": {"name": "greeter", "namespace": "bookinfo"},
            "spec": {"url": "oci://registry.example/greeter:1", "selector": {"matchLabels": {"app": "reviews"}}},
        }),
    )
    .await;
    let text = eventually("an Event at the WasmPlugin", SOON, || async {
        let text = said(&shop, &["-n", "bookinfo", "describe", "wasmplugin", "greeter"]).await;
        text.contains("NoEffect").then_some(text)
    })
    .await;
    let told: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("Events:")).collect();
    println!("{}", told.join("\n"));
    assert!(text.contains("its extension is not run by the sandbox's proxies"), "{text}");
    let (status, page) = shop.page().await;
    assert!(status == 200 && page.contains("paperback"), "requests go on: {page}");
    shop.sandbox.stop().await;
}
