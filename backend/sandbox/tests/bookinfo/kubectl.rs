//! What somebody with kubectl sees and can do.

use super::Shop;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;

/// kubectl with the sandbox's kubeconfig and nothing of the user's.
pub(crate) fn kubectl(shop: &Shop, args: &[&str]) -> Command {
    let kubeconfig: &Path = &shop.sandbox.ready().kubeconfig;
    let mut command = Command::new("kubectl");
    command.arg("--kubeconfig").arg(kubeconfig).args(args).env("HOME", kubeconfig.parent().unwrap());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// What kubectl says; it has to succeed.
pub(crate) async fn said(shop: &Shop, args: &[&str]) -> String {
    let output = kubectl(shop, args).output().await.unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "kubectl {args:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Applies one object.
pub(crate) async fn apply(shop: &Shop, object: &serde_json::Value) {
    let mut child = kubectl(shop, &["apply", "-f", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(object.to_string().as_bytes()).await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    assert!(output.status.success(), "kubectl apply: {}", String::from_utf8_lossy(&output.stderr));
}

/// Applies one object that is refused; what kubectl says.
pub(crate) async fn refused(shop: &Shop, object: &serde_json::Value) -> String {
    let mut child = kubectl(shop, &["apply", "-f", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(object.to_string().as_bytes()).await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    assert!(!output.status.success(), "kubectl apply: {}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_sees_the_mesh_and_steers_it() {
    let shop = Shop::open().await;
    let all = said(&shop, &["get", "vs,dr,pods,svc", "-A"]).await;
    for part in [
        "virtualservice.networking.istio.io/reviews",
        "destinationrule.networking.istio.io/reviews",
        "pod/ratings-v1-",
        "service/tracing",
    ] {
        assert!(all.contains(part), "{part} is missing in {all}");
    }
    assert_eq!(all.matches("2/2").count(), 6, "six pods with application and sidecar: {all}");

    // Weights: the requests follow within a second.
    let weights = r#"[{"op":"replace","path":"/spec/http/0/route/0/weight","value":0},
        {"op":"replace","path":"/spec/http/0/route/1/weight","value":20},
        {"op":"replace","path":"/spec/http/0/route/2/weight","value":80}]"#;
    said(&shop, &["-n", "bookinfo", "patch", "vs", "reviews", "--type=json", "-p", weights]).await;
    tokio::time::sleep_until((Instant::now() + Duration::from_secs(1)).into()).await;
    shop.expect_shares(200, [0.0, 0.2, 0.8]).await;

    // The sidecar's own page, through a port-forward.
    let pods = said(&shop, &["-n", "bookinfo", "get", "pods", "-l", "app=ratings", "-o", "name"]).await;
    let mut forward =
        kubectl(&shop, &["-n", "bookinfo", "port-forward", "--address", "127.0.0.1", pods.trim(), ":15000"])
            .spawn()
            .unwrap();
    let mut lines = BufReader::new(forward.stdout.take().unwrap()).lines();
    let first = lines.next_line().await.unwrap().unwrap();
    let port = first.split("127.0.0.1:").nth(1).unwrap().split(' ').next().unwrap();
    let dump: serde_json::Value = shop
        .http
        .get(format!("http://127.0.0.1:{port}/config_dump"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert!(dump["configs"].as_array().unwrap().len() > 3, "{dump}");
    assert!(
        dump.to_string().contains("outbound|443||kubernetes.default.svc.cluster.local"),
        "as in every cluster"
    );
    forward.kill().await.unwrap();

    // Logs of the application and of its sidecar, and what Service leads to.
    let pod = pods.trim();
    let log = said(&shop, &["-n", "bookinfo", "logs", pod, "-c", "ratings"]).await;
    assert!(log.contains("Server listening"), "{log}");
    let proxy = said(&shop, &["-n", "bookinfo", "logs", pod, "-c", "istio-proxy"]).await;
    assert!(proxy.contains("/ratings/0"), "the access log: {proxy}");
    shop.sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_pod_is_replaced_and_a_deployment_can_grow() {
    let shop = Shop::open().await;
    let names =
        async |app: &str| said(&shop, &["-n", "bookinfo", "get", "pods", "-l", app, "-o", "name"]).await;
    let before = names("app=details").await;
    said(&shop, &["-n", "bookinfo", "delete", before.trim()]).await;
    said(&shop, &["-n", "bookinfo", "rollout", "status", "deployment/details-v1", "--timeout=20s"]).await;
    assert_ne!(names("app=details").await, before);
    said(&shop, &["-n", "bookinfo", "scale", "deployment/ratings-v1", "--replicas=2"]).await;
    said(&shop, &["-n", "bookinfo", "rollout", "status", "deployment/ratings-v1", "--timeout=20s"]).await;
    assert_eq!(names("app=ratings").await.lines().count(), 2);
    let endpoints = said(&shop, &["-n", "bookinfo", "get", "endpoints", "ratings"]).await;
    assert_eq!(endpoints.matches(":9080").count(), 2, "{endpoints}");
    let (status, page) = shop.page().await;
    assert!(status == 200 && page.contains("paperback"), "the new pod answers: {page}");
    shop.sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollout_fails_no_page() {
    let shop = Shop::open().await;
    let (done, mut over) = tokio::sync::oneshot::channel();
    let rollout = async {
        said(&shop, &["-n", "bookinfo", "rollout", "restart", "deployment/details-v1"]).await;
        said(&shop, &["-n", "bookinfo", "rollout", "status", "deployment/details-v1", "--timeout=20s"]).await;
        // The old pod goes on serving for a moment after its object is gone.
        let gone =
            async || said(&shop, &["-n", "bookinfo", "get", "pods", "-l", "app=details", "-o", "name"]).await;
        super::eventually("one pod is left", Duration::from_secs(10), || async {
            (gone().await.lines().count() == 1).then_some(())
        })
        .await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        done.send(()).unwrap();
    };
    let pages = async {
        let mut pages = 0;
        while over.try_recv().is_err() {
            let (status, page) = shop.page().await;
            assert!(status == 200 && page.contains("paperback"), "page {pages}: {status} {page}");
            pages += 1;
        }
        pages
    };
    let ((), pages) = tokio::join!(rollout, pages);
    assert!(pages > 20, "only {pages} pages were asked for");
    shop.sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_way_in_stays_when_the_gateway_is_replaced() {
    let shop = Shop::open().await;
    said(&shop, &["-n", "istio-system", "rollout", "restart", "deployment/istio-ingressgateway"]).await;
    said(
        &shop,
        &["-n", "istio-system", "rollout", "status", "deployment/istio-ingressgateway", "--timeout=20s"],
    )
    .await;
    super::eventually("the new gateway answers where the old one did", Duration::from_secs(5), || async {
        let pods = said(
            &shop,
            &["-n", "istio-system", "get", "pods", "-l", "app=istio-ingressgateway", "-o", "name"],
        )
        .await;
        let url = format!("{}/productpage", shop.sandbox.ready().ingress);
        let answer = shop.http.get(url).send().await.ok()?;
        (pods.lines().count() == 1 && answer.status().as_u16() == 200).then_some(())
    })
    .await;
    shop.sandbox.stop().await;
}
