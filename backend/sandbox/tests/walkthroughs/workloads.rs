//! Workloads by kubectl: scaling, rollouts, pods that come and go.

use super::walk::{Walk, eventually, fits, holds};
use sandbox::Scenario;

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

pub(super) async fn get(walk: &Walk, what: &str, path: &str) -> String {
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
