//! Pods that are deleted: what is told of it, and what those notice who use the application.

use super::Shop;
use super::kubectl::{kubectl, said};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How many ask for pages.
const READERS: usize = 4;
/// Between two pages of one of them, so that a slow machine has time for the pods.
const PAUSE: Duration = Duration::from_millis(20);

/// Ask for pages until told to stop; tell how many there were, and how those ended that failed.
struct Readers {
    done: Arc<AtomicBool>,
    pages: Arc<AtomicUsize>,
    tasks: Vec<tokio::task::JoinHandle<Vec<String>>>,
}

impl Readers {
    fn start(shop: &Shop) -> Self {
        let (done, pages) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let read = |_| {
            let (done, pages, http) = (done.clone(), pages.clone(), shop.http.clone());
            let url = format!("{}/productpage", shop.sandbox.ready().ingress);
            tokio::spawn(async move {
                let mut failed = Vec::new();
                while !done.load(Ordering::Relaxed) {
                    match http.get(&url).send().await {
                        Ok(answer) if answer.status() == 200 => {
                            let page = answer.text().await.unwrap_or_default();
                            // productpage answers 200 and says so when it cannot have its reviews.
                            if page.contains("Error fetching") || page.contains("currently unavailable") {
                                failed.push(page);
                            }
                        }
                        Ok(answer) => failed.push(answer.status().to_string()),
                        Err(error) => failed.push(error.to_string()),
                    }
                    pages.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(PAUSE).await;
                }
                failed
            })
        };
        let tasks = (0..READERS).map(read).collect();
        Self { done, pages, tasks }
    }

    async fn stop(self) -> (usize, Vec<String>) {
        self.done.store(true, Ordering::Relaxed);
        let mut failed = Vec::new();
        for task in self.tasks {
            failed.extend(task.await.unwrap());
        }
        (self.pages.load(Ordering::Relaxed), failed)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_while_pods_are_replaced() {
    let shop = Shop::open().await;
    // All reviews come from the one version that is restarted.
    let only = r#"[{"op":"replace","path":"/spec/http/0/route/0/weight","value":100},
        {"op":"replace","path":"/spec/http/0/route/1/weight","value":0},
        {"op":"replace","path":"/spec/http/0/route/2/weight","value":0}]"#;
    said(&shop, &["-n", "bookinfo", "patch", "vs", "reviews", "--type=json", "-p", only]).await;
    let readers = Readers::start(&shop);
    for deployment in ["deploy/reviews-v1", "deploy/details-v1", "deploy/productpage-v1"] {
        said(&shop, &["-n", "bookinfo", "rollout", "restart", deployment]).await;
        said(&shop, &["-n", "bookinfo", "rollout", "status", deployment, "--timeout=60s"]).await;
    }
    // The last of the old pods end a little later.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (pages, failed) = readers.stop().await;
    assert!(pages > 20 && failed.is_empty(), "{} of {pages} failed: {:?}", failed.len(), failed.first());
    shop.sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_pod_is_shown_as_leaving_until_its_processes_have_ended() {
    let shop = Shop::open().await;
    let pod = said(&shop, &["-n", "bookinfo", "get", "pods", "-l", "app=ratings", "-o", "name"])
        .await
        .trim()
        .to_owned();
    let watch = ["-n", "bookinfo", "get", "--watch-only", "--output-watch-events", "-o", "json", &pod];
    let mut seen = kubectl(&shop, &watch).spawn().unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let begun = Instant::now();
    said(&shop, &["-n", "bookinfo", "delete", &pod]).await;
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(6), "kubectl waited {took:?}");
    tokio::time::sleep(Duration::from_millis(300)).await;
    seen.start_kill().unwrap();
    let lines = seen.wait_with_output().await.unwrap().stdout;
    let events: Vec<serde_json::Value> =
        serde_json::Deserializer::from_slice(&lines).into_iter().flatten().collect();
    let told: Vec<(&str, u64, &str)> = events
        .iter()
        .map(|event| {
            let (kind, object) = (event["type"].as_str().unwrap(), &event["object"]);
            assert!(object["metadata"]["deletionTimestamp"].is_string(), "{event}");
            let grace = object["metadata"]["deletionGracePeriodSeconds"].as_u64().unwrap();
            (kind, grace, object["status"]["phase"].as_str().unwrap())
        })
        .collect();
    let expect = [
        ("MODIFIED", 30, "Running"),
        ("MODIFIED", 30, "Running"),
        ("MODIFIED", 30, "Succeeded"),
        ("MODIFIED", 0, "Succeeded"),
        ("DELETED", 0, "Succeeded"),
    ];
    assert_eq!(told, expect);
    let containers = events[4]["object"]["status"]["containerStatuses"].as_array().unwrap();
    assert!(
        containers.iter().all(|container| container["state"]["terminated"]["reason"] == "Completed"),
        "{containers:?}"
    );

    // By force, at once.
    let pod = said(&shop, &["-n", "bookinfo", "get", "pods", "-l", "app=details", "-o", "name"])
        .await
        .trim()
        .to_owned();
    let begun = Instant::now();
    said(&shop, &["-n", "bookinfo", "delete", &pod, "--force", "--grace-period=0"]).await;
    let took = begun.elapsed();
    let left = said(&shop, &["-n", "bookinfo", "get", "pods", "-o", "name"]).await;
    assert!(took < Duration::from_secs(3) && !left.contains(pod.trim()), "{took:?}: {left}");

    // A namespace goes with all that is in it, and takes no new things meanwhile.
    let begun = Instant::now();
    said(&shop, &["delete", "ns", "bookinfo", "--timeout=60s"]).await;
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(15), "the namespace took {took:?}");
    let left = said(&shop, &["get", "pods", "-A", "-o", "name"]).await;
    assert!(!left.contains("reviews"), "{left}");
    shop.sandbox.stop().await;
}
