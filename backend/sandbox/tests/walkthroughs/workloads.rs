//! Workloads by kubectl: scaling, rollouts, pods that come, go, have faults or no sidecar.

use super::walk::{Got, Walk, eventually, fits, holds, with};
use sandbox::Scenario;
use serde_json::json;
use std::time::Duration;

const PAGE: &str = "/productpage";
const DETAILS: &str = "/api/v1/products/0";
const NO_STARS: &str = "Ratings service is currently unavailable";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deployments_and_pods() {
    let walk = Walk::open(Scenario::All, "bookinfo").await;
    assert_eq!(walk.sandbox.ready().proxies, 11, "the gateway, six of bookinfo, four of the tutorial");
    assert_eq!((walk.get(PAGE).await.status, walk.get("/customer").await.status), (200, 200), "two ways in");
    scale(&walk).await;
    rollouts(&walk).await;
    unknown_image(&walk).await;
    new_versions(&walk).await;
    lone_pods(&walk).await;
    walk.sandbox.stop().await;
}

async fn get(walk: &Walk, what: &str, path: &str) -> String {
    walk.kubectl(&["get", what, "-o", &format!("jsonpath={path}")]).await
}

async fn scale(walk: &Walk) {
    // Only versions that ask ratings.
    walk.apply("destination-rule-all.yaml").await;
    walk.apply("virtual-service-reviews-v3.yaml").await;
    walk.kubectl(&["scale", "deployment/ratings-v1", "--replicas=0"]).await;
    let got = eventually("nobody rates", || async {
        let got = walk.get("/api/v1/products/0/ratings").await;
        if got.status == 503 { Ok(got) } else { Err(format!("{got:?}")) }
    })
    .await;
    eventually("the page has no stars", || async {
        let got = walk.get(PAGE).await;
        holds(got.body.contains(NO_STARS), got)
    })
    .await;
    let endpoints = walk.kubectl(&["get", "endpoints", "ratings"]).await;
    assert!(endpoints.contains("<none>"), "{endpoints}");
    println!("scaled to 0: {} and {endpoints}", got.status);

    walk.kubectl(&["scale", "deployment/ratings-v1", "--replicas=3"]).await;
    walk.rolled_out("ratings-v1").await;
    let slice = walk
        .kubectl(&["get", "endpointslices", "-l", "kubernetes.io/service-name=ratings", "-o", "yaml"])
        .await;
    assert_eq!(slice.matches("ready: true").count(), 3, "{slice}");
    walk.kubectl(&["scale", "deployment/ratings-v1", "--replicas=1"]).await;
    eventually("one is left", || async {
        let pods = walk.pods("app=ratings").await;
        holds(pods.len() == 1, pods)
    })
    .await;
    eventually("the stars are back", || async {
        let got = walk.get(PAGE).await;
        holds(got.body.contains("color: red"), got)
    })
    .await;
    let told = walk.kubectl(&["describe", "deployment", "ratings-v1"]).await;
    for part in ["from 1 to 0", "from 0 to 3", "from 3 to 1"] {
        assert!(told.contains(part), "{part} is missing in {told}");
    }
    let old = walk.pods("app=ratings").await;
    walk.kubectl(&["delete", "pod", &old[0]]).await;
    walk.rolled_out("ratings-v1").await;
    let new = walk.pods("app=ratings").await;
    assert!(new.len() == 1 && new != old, "{old:?}, then {new:?}");
    eventually("it was told that the old pod ends", || async {
        let told = walk
            .kubectl(&["get", "events", "--field-selector", &format!("involvedObject.name={}", old[0])])
            .await;
        holds(told.contains("Killing") && told.contains("Stopping container istio-proxy"), told)
    })
    .await;
}

async fn rollouts(walk: &Walk) {
    let restarted = get(walk, "deployment/details-v1", "{.metadata.generation}").await;
    walk.kubectl(&["rollout", "restart", "deployment/details-v1"]).await;
    walk.rolled_out("details-v1").await;
    assert_ne!(get(walk, "deployment/details-v1", "{.metadata.generation}").await, restarted);
    walk.kubectl(&["annotate", "deployment/details-v1", "kubernetes.io/change-cause=started anew"]).await;
    eventually("the history tells the cause", || async {
        let history = walk.kubectl(&["rollout", "history", "deployment/details-v1"]).await;
        holds(
            history.contains("started anew") && history.contains("\n1 ") && history.contains("\n2 "),
            history,
        )
    })
    .await;

    // Paused, nothing rolls; scaled it can be.
    let image = |deployment: &str| format!("deployment/{deployment}");
    walk.kubectl(&["rollout", "pause", "deployment/reviews-v1"]).await;
    walk.kubectl(&[
        "set",
        "image",
        &image("reviews-v1"),
        "reviews=istio/examples-bookinfo-reviews-v3:1.20.3",
    ])
    .await;
    walk.kubectl(&["scale", "deployment/reviews-v1", "--replicas=2"]).await;
    eventually("scaled while paused", || async {
        let ready =
            get(walk, "deployment/reviews-v1", "{.status.readyReplicas} {.status.updatedReplicas}").await;
        holds(ready.trim() == "2 0" || ready == "2 ", ready)
    })
    .await;
    let sets = walk.kubectl(&["get", "replicasets", "-l", "app=reviews,version=v1", "-o", "name"]).await;
    assert_eq!(sets.lines().count(), 1, "no second template yet: {sets}");
    walk.kubectl(&["rollout", "resume", "deployment/reviews-v1"]).await;
    walk.rolled_out("reviews-v1").await;
    walk.kubectl(&["scale", "deployment/reviews-v1", "--replicas=1"]).await;
    walk.apply("virtual-service-all-v1.yaml").await;
    eventually("reviews-v1 runs the program of v3", || async {
        let got = walk.get(PAGE).await;
        holds(got.body.contains("reviews-v1-") && got.body.contains("color: red"), got)
    })
    .await;
    walk.kubectl(&["rollout", "undo", "deployment/reviews-v1"]).await;
    walk.rolled_out("reviews-v1").await;
    eventually("and its own again", || async {
        let got = walk.get(PAGE).await;
        holds(got.body.contains("reviews-v1-") && !got.body.contains("color: red"), got)
    })
    .await;
    println!("rollouts: {}", walk.kubectl(&["rollout", "history", "deployment/reviews-v1"]).await);
}

async fn unknown_image(walk: &Walk) {
    walk.kubectl(&["set", "image", "deployment/details-v1", "details=example.test/nobody/knows:1"]).await;
    let pods = eventually("the image is not there", || async {
        let pods = walk.kubectl(&["get", "pods", "-l", "app=details"]).await;
        if pods.contains("ImagePullBackOff") && pods.contains("2/2") { Ok(pods) } else { Err(pods) }
    })
    .await;
    println!("{pods}");
    let told = walk.kubectl(&["describe", "pods", "-l", "app=details"]).await;
    for part in
        ["ErrImagePull", "the sandbox has no image", "Back-off pulling image \"example.test/nobody/knows:1\""]
    {
        assert!(told.contains(part), "{part} is missing in {told}");
    }
    assert_eq!(walk.get(DETAILS).await.status, 200, "the old pod goes on");
    // It cannot be told when it will come, only that it is late.
    walk.kubectl(&["patch", "deployment", "details-v1", "-p", r#"{"spec":{"progressDeadlineSeconds":2}}"#])
        .await;
    eventually("the rollout is late", || async {
        let reason =
            get(walk, "deployment/details-v1", "{.status.conditions[?(@.type=='Progressing')].reason}").await;
        holds(reason == "ProgressDeadlineExceeded", reason)
    })
    .await;
    walk.kubectl(&["rollout", "undo", "deployment/details-v1"]).await;
    walk.rolled_out("details-v1").await;
    eventually("the pod without image is gone", || async {
        let pods = walk.pods("app=details").await;
        holds(pods.len() == 1, pods)
    })
    .await;
}

async fn new_versions(walk: &Walk) {
    walk.apply("bookinfo-reviews-v4.yaml").await;
    walk.rolled_out("reviews-v4").await;
    walk.kubectl(&["delete", "virtualservice", "reviews"]).await;
    eventually("v4 is asked like the others", || async {
        let got = walk.get(PAGE).await;
        holds(got.body.contains("Reviews served by: <u>reviews-v4-") && got.body.contains("color: red"), got)
    })
    .await;
    walk.delete("bookinfo-reviews-v4.yaml").await;
    eventually("v4 is gone", || async {
        let pods = walk.pods("version=v4").await;
        holds(pods.is_empty(), pods)
    })
    .await;
    // A version that fails by its image.
    walk.apply("bookinfo-ratings-v-faulty.yaml").await;
    walk.rolled_out("ratings-v-faulty").await;
    walk.kubectl(&["scale", "deployment/ratings-v1", "--replicas=0"]).await;
    walk.kubectl(&["delete", "virtualservice", "ratings"]).await;
    eventually("half of the ratings fail", || async {
        let all = walk.many("/api/v1/products/0/ratings", 60).await;
        let failed = all.iter().filter(|got| got.status == 503).count();
        println!("v-faulty: {failed} of 60 fail");
        holds(fits(failed, 60, 0.5), failed)
    })
    .await;
    walk.kubectl(&["scale", "deployment/ratings-v1", "--replicas=1"]).await;
    walk.rolled_out("ratings-v1").await;
    walk.delete("bookinfo-ratings-v-faulty.yaml").await;
}

/// Pods that no controller made, and one that is taken away from its own.
async fn lone_pods(walk: &Walk) {
    let image = "--image=istio/examples-bookinfo-ratings-v1:1.20.3";
    walk.kubectl(&["run", "lone", image, "--labels=app=ratings,version=v9", "--port=9080"]).await;
    walk.kubectl(&["wait", "--for=condition=Ready", "pod/lone", "--timeout=60s"]).await;
    let endpoints = walk.kubectl(&["get", "endpoints", "ratings", "-o", "yaml"]).await;
    assert!(endpoints.contains("name: lone"), "{endpoints}");
    let told = walk.kubectl(&["describe", "pod", "lone"]).await;
    let mut rest = told.as_str();
    for reason in ["Scheduled", "Pulled", "Created", "Started"] {
        rest = rest
            .split_once(reason)
            .unwrap_or_else(|| panic!("{reason} is missing, or too early, in {told}"))
            .1;
    }
    walk.kubectl(&["delete", "pod", "lone"]).await;

    let pod = walk.pods("app=details").await.remove(0);
    walk.kubectl(&["label", "pod", &pod, "app=under-investigation", "--overwrite"]).await;
    eventually("another pod takes its place", || async {
        let (pods, owner) = (
            walk.pods("app=details").await,
            get(walk, &format!("pod/{pod}"), "{.metadata.ownerReferences}").await,
        );
        holds(pods.len() == 1 && pods[0] != pod && owner.is_empty(), (pods, owner))
    })
    .await;
    walk.kubectl(&["delete", "pod", &pod]).await;
    walk.rolled_out("details-v1").await;
}

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
