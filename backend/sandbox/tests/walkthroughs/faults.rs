//! Pods' faults by kubectl, probes, and pods without a sidecar.

use super::walk::{Got, Walk, eventually, fits, holds, with};
use super::workloads::get;
use sandbox::Scenario;
use serde_json::json;
use std::time::Duration;

const PAGE: &str = "/productpage";
const DETAILS: &str = "/api/v1/products/0";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_and_sidecars() {
    let walk = Walk::open(Scenario::Bookinfo, "bookinfo").await;
    errors_and_latency(&walk).await;
    not_ready(&walk).await;
    crash(&walk).await;
    by_template(&walk).await;
    probes(&walk).await;
    sidecars(&walk).await;
    walk.sandbox.stop().await;
}

async fn annotate(walk: &Walk, pod: &str, annotation: &str) {
    let key = annotation.split('=').next().unwrap();
    let value = annotation.strip_prefix(key).unwrap();
    walk.kubectl(&["annotate", "--overwrite", "pod", pod, &format!("sandbox.binnacle.dev/{key}{value}")])
        .await;
}

/// Waits until so many requests in a row all have this status.
async fn every_answer_is(walk: &Walk, status: u16) -> Vec<Got> {
    eventually(&format!("{status}"), || async {
        let all = walk.many(DETAILS, 10).await;
        if all.iter().all(|got| got.status == status) { Ok(all) } else { Err(format!("{:?}", all.last())) }
    })
    .await
}

async fn errors_and_latency(walk: &Walk) {
    let pod = walk.pods("app=details").await.remove(0);
    annotate(walk, &pod, "error-rate=100").await;
    every_answer_is(walk, 503).await;
    annotate(walk, &pod, "error-status=418").await;
    every_answer_is(walk, 418).await;
    annotate(walk, &pod, "error-rate=50%").await;
    eventually("half of the answers are errors", || async {
        let failed = walk.many(DETAILS, 60).await.iter().filter(|got| got.status == 418).count();
        println!("error-rate 50%: {failed} of 60");
        holds(fits(failed, 60, 0.5), failed)
    })
    .await;
    annotate(walk, &pod, "error-rate=many").await;
    eventually("the mistake is told", || async {
        let told = walk.kubectl(&["describe", "pod", &pod]).await;
        holds(
            told.contains("AnnotationIgnored")
                && told.contains("\"many\" is ignored: expected a percentage from 0 to 100"),
            told,
        )
    })
    .await;
    every_answer_is(walk, 200).await;
    annotate(walk, &pod, "latency=300ms").await;
    let all = eventually("it is slow", || async {
        let all = walk.many(DETAILS, 3).await;
        if all.iter().all(|got| got.took >= Duration::from_millis(300)) {
            Ok(all)
        } else {
            Err(format!("{all:?}"))
        }
    })
    .await;
    println!("latency 300ms: {:?}", all.iter().map(|got| got.took).collect::<Vec<_>>());
    for gone in ["latency-", "error-rate-", "error-status-"] {
        annotate(walk, &pod, gone).await;
    }
    assert_eq!(walk.pods("app=details").await, [pod], "all without a restart");
}

async fn not_ready(walk: &Walk) {
    let pod = walk.pods("app=details").await.remove(0);
    annotate(walk, &pod, "not-ready=true").await;
    every_answer_is(walk, 503).await;
    let (pods, told) = (
        walk.kubectl(&["get", "pods", "-l", "app=details"]).await,
        walk.kubectl(&["describe", "pod", &pod]).await,
    );
    assert!(
        pods.contains("1/2") && told.contains("Unhealthy") && told.contains("Readiness probe failed"),
        "{pods}{told}"
    );
    let endpoints = walk.kubectl(&["get", "endpoints", "details", "-o", "yaml"]).await;
    assert!(endpoints.contains("notReadyAddresses"), "{endpoints}");
    annotate(walk, &pod, "not-ready-").await;
    every_answer_is(walk, 200).await;
    println!("not-ready: {pods}");
}

async fn crash(walk: &Walk) {
    let pod = walk.pods("app=details").await.remove(0);
    annotate(walk, &pod, "crash=true").await;
    every_answer_is(walk, 503).await;
    let pods = eventually("it is started again and again", || async {
        let restarts = get(walk, &format!("pod/{pod}"), "{.status.containerStatuses[0].restartCount}").await;
        let pods = walk.kubectl(&["get", "pods", "-l", "app=details"]).await;
        let looping = pods.contains("CrashLoopBackOff") && pods.contains("1/2");
        if looping && restarts.parse().unwrap_or(0) >= 2 { Ok(pods) } else { Err(pods) }
    })
    .await;
    println!("{pods}");
    let told = walk.kubectl(&["describe", "pod", &pod]).await;
    assert!(
        told.contains("Back-off restarting failed container details in pod")
            && told.contains("Exit Code:    1"),
        "{told}"
    );
    annotate(walk, &pod, "crash-").await;
    every_answer_is(walk, 200).await;
}

/// In a Deployment's template it holds for the pods that it makes from then on.
async fn by_template(walk: &Walk) {
    let patch = json!({"spec": {"template": {"metadata": {"annotations": {"sandbox.binnacle.dev/error-rate": "100"}}}}});
    walk.kubectl(&["patch", "deployment", "details-v1", "-p", &patch.to_string()]).await;
    walk.rolled_out("details-v1").await;
    every_answer_is(walk, 503).await;
    walk.kubectl(&["rollout", "undo", "deployment/details-v1"]).await;
    walk.rolled_out("details-v1").await;
    every_answer_is(walk, 200).await;
}

/// A container that says how it is to be asked is asked: it loses its requests, or is started again.
async fn probes(walk: &Walk) {
    let probe =
        json!({"httpGet": {"path": "/health", "port": 9080}, "periodSeconds": 1, "failureThreshold": 2});
    let with_probe = |name: &str| {
        json!({"spec": {"template": {"spec": {"containers": [{"name": "details", name: probe}]}}}})
            .to_string()
    };
    walk.kubectl(&["patch", "deployment", "details-v1", "-p", &with_probe("readinessProbe")]).await;
    walk.rolled_out("details-v1").await;
    let pod = walk.pods("app=details").await.remove(0);
    annotate(walk, &pod, "error-rate=100").await;
    annotate(walk, &pod, "error-status=500").await;
    eventually("it is not ready", || async {
        let (got, told) = (walk.get(DETAILS).await, walk.kubectl(&["describe", "pod", &pod]).await);
        // No longer its own 500: nobody is asked any more.
        holds(
            got.status == 503
                && told.contains("Readiness probe failed: HTTP probe failed with statuscode: 500"),
            (got, told),
        )
    })
    .await;
    annotate(walk, &pod, "error-rate-").await;
    every_answer_is(walk, 200).await;
    walk.kubectl(&["patch", "deployment", "details-v1", "-p", &with_probe("livenessProbe")]).await;
    walk.rolled_out("details-v1").await;
    let pod = walk.pods("app=details").await.remove(0);
    annotate(walk, &pod, "error-rate=100").await;
    eventually("it is started again", || async {
        let told = walk.kubectl(&["describe", "pod", &pod]).await;
        let restarts = get(walk, &format!("pod/{pod}"), "{.status.containerStatuses[0].restartCount}").await;
        let killed = told.contains("Container details failed liveness probe, will be restarted");
        holds(killed && restarts.parse().unwrap_or(0) >= 1, told)
    })
    .await;
    annotate(walk, &pod, "error-rate-").await;
    every_answer_is(walk, 200).await;
}

/// Labels decide who has a sidecar; who has none calls, and is called, in plain text.
async fn sidecars(walk: &Walk) {
    walk.apply("destination-rule-all.yaml").await;
    walk.apply("virtual-service-reviews-v3.yaml").await;
    let without =
        json!({"spec": {"template": {"metadata": {"labels": {"sidecar.istio.io/inject": "false"}}}}});
    walk.kubectl(&["patch", "deployment", "ratings-v1", "-p", &without.to_string()]).await;
    walk.rolled_out("ratings-v1").await;
    eventually("ratings has no sidecar", || async {
        let pods = walk.kubectl(&["get", "pods", "-l", "app=ratings"]).await;
        holds(pods.contains("1/1") && !pods.contains("2/2"), pods)
    })
    .await;

    let outside = |words: &'static str| async move {
        walk.kubectl_in("outside", &words.split(' ').collect::<Vec<_>>()).await
    };
    walk.kubectl(&["create", "namespace", "outside"]).await;
    walk.apply_object(
        &json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "visitor", "namespace": "outside"},
        "spec": {"selector": {"matchLabels": {"app": "visitor"}}, "template": {"metadata": {"labels": {"app": "visitor"}},
            "spec": {"containers": [{"name": "visitor", "image": "istio/examples-bookinfo-productpage-v1:1.20.3",
                "env": [{"name": "SERVICES_DOMAIN", "value": "bookinfo.svc.cluster.local"}]}]}}}}),
    )
    .await;
    outside("rollout status deployment/visitor --timeout=60s").await;
    let visitor = async || {
        let pod = walk.pods_in("outside", "app=visitor").await.remove(0);
        (walk.inside_in("outside", &pod, 9080, PAGE).await, outside("get pods").await)
    };
    let (page, pods) = visitor().await;
    assert!(
        pods.contains("1/1") && page.contains("paperback") && page.contains("Reviews served by"),
        "{pods}{page}"
    );
    eventually("the visitor's calls are seen as plain text", || async {
        let query = "sum(istio_requests_total{reporter=\"destination\",destination_workload=\"details-v1\",connection_security_policy=\"none\",response_code=\"200\"})";
        let measured = walk.measured(query).await;
        holds(measured >= 1.0, measured)
    })
    .await;

    walk.apply_object(&json!({"apiVersion": "security.istio.io/v1", "kind": "PeerAuthentication",
        "metadata": {"name": "default", "namespace": "bookinfo"}, "spec": {"mtls": {"mode": "STRICT"}}}))
        .await;
    eventually("the visitor is refused", || async {
        let (page, _) = visitor().await;
        holds(!page.contains("paperback"), page)
    })
    .await;
    let got = walk.get(PAGE).await;
    assert!(
        got.body.contains("color: red"),
        "reviews still asks ratings, which has no sidecar: {}",
        got.body
    );

    outside("label namespace outside istio-injection=enabled").await;
    outside("rollout restart deployment/visitor").await;
    outside("rollout status deployment/visitor --timeout=60s").await;
    eventually("with a sidecar the visitor is let in", || async {
        let (page, pods) = visitor().await;
        holds(pods.contains("2/2") && page.contains("paperback"), (pods, page))
    })
    .await;
    println!("without sidecar 1/1 and plain text, refused by STRICT; with it 2/2 and let in");
    assert_eq!(with(&walk.many(PAGE, 5).await, "paperback"), 5);
}
