//! Many services with nothing behind them: objects, series and traces are there, proxies are not.

use super::walk::{Walk, eventually, holds};
use sandbox::{Options, Sandbox, Scenario, Size};
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use tokio::sync::watch;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn synthetic_scale() {
    let size = Size { services: 60, pods: 150, edges: 3 };
    let options = Options { scenario: Scenario::Synthetic, rps: 0.0, size, ..Options::default() };
    let walk = Walk::open_with(options, "synthetic-01").await;
    assert_eq!(walk.sandbox.ready().proxies, 1, "the gateway's is the only one");
    let pods = walk.kubectl(&["get", "pods", "-A", "-l", "sandbox.binnacle.dev/synthetic=true"]).await;
    assert_eq!(pods.matches("1/1     Running").count(), 150, "{pods}");
    let calls = "sum(istio_requests_total{reporter=\"source\"})";
    assert_eq!(walk.measured(calls).await.to_bits(), 0.0_f64.to_bits(), "nobody asks yet");
    walk.kubectl_in(
        "istio-system",
        &["patch", "configmap", "load-generator", "-p", "{\"data\":{\"rps\":\"50\"}}"],
    )
    .await;
    let edges = "count(sum by (source_workload, destination_workload) (istio_requests_total{reporter=\"source\"}) > 0)";
    eventually("every edge is measured", || async {
        let measured = walk.measured(edges).await;
        println!("synthetic: {measured} of 171 edges");
        holds((measured - 171.0).abs() < 0.5, measured)
    })
    .await;
    eventually("traces are there, marked as made up", || async {
        let url = format!(
            "{}/api/traces?service=service-0001.synthetic-01&lookback=1h&limit=1",
            walk.sandbox.ready().tracing
        );
        let answer = walk.http.get(url).send().await.unwrap().text().await.unwrap();
        holds(answer.contains("sandbox.binnacle.dev/synthetic"), answer)
    })
    .await;
    walk.kubectl(&["scale", "deployment/service-0001-v1", "--replicas=7"]).await;
    walk.rolled_out("service-0001-v1").await;
    walk.sandbox.stop().await;
}

/// How long one step of a start keeps whoever waits for something else, be it the signal to end: in a large
/// mesh many steps look at everything there is, and none may do so in one go.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_start_can_be_given_up_at_every_moment() {
    rustls::crypto::ring::default_provider().install_default().ok();
    let size = Size { services: 1000, pods: 4000, edges: 1 };
    let options = Options { scenario: Scenario::Synthetic, size, rps: 0.0, ..Options::default() };
    let step = Mutex::new(String::new());
    let start = Sandbox::start(options, |what| what.clone_into(&mut step.lock().unwrap()));
    tokio::pin!(start);
    let mut longest: BTreeMap<String, Duration> = BTreeMap::new();
    let sandbox = poll_fn(|context| {
        let (before, began) = (step.lock().unwrap().clone(), Instant::now());
        let polled = start.as_mut().poll(context);
        let of_step = longest.entry(before).or_default();
        *of_step = began.elapsed().max(*of_step);
        polled
    })
    .await
    .unwrap();
    println!("the longest that each step kept others waiting: {longest:#?}");
    assert!(longest.values().all(|took| *took < Duration::from_secs(1)), "{longest:?}");
    sandbox.stop().await;
}

/// Given up in the middle, a start ends with everything that it began.
#[test]
fn a_start_that_is_given_up_ends_at_once() {
    rustls::crypto::ring::default_provider().install_default().ok();
    let left_over = || -> Vec<PathBuf> {
        let all = std::fs::read_dir(std::env::temp_dir()).unwrap().flatten().map(|entry| entry.path());
        all.filter(|path| path.to_string_lossy().contains("binnacle-sandbox-")).collect()
    };
    for moment in ["Making the cluster's objects", "Waiting for the proxies"] {
        let size = Size { services: 1000, pods: 4000, edges: 1 };
        let options = Options { scenario: Scenario::Synthetic, size, rps: 0.0, ..Options::default() };
        let before = left_over();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (step, mut reached) = watch::channel(String::new());
        let given_up = runtime.block_on(async {
            let start = Sandbox::start(options, |what| drop(step.send_replace(what.to_owned())));
            let given_up = async {
                reached.wait_for(|step| step == moment).await.unwrap();
                Instant::now()
            };
            tokio::select! {
                _ = start => panic!("it was not to come so far"),
                given_up = given_up => given_up,
            }
        });
        // As the command does at SIGTERM: nothing waits for what is under way.
        runtime.shutdown_background();
        println!("{moment}: ended {:?} after it was given up", given_up.elapsed());
        assert!(given_up.elapsed() < Duration::from_secs(2), "{moment}: it took {:?}", given_up.elapsed());
        let new: Vec<_> = left_over().into_iter().filter(|path| !before.contains(path)).collect();
        assert!(new.iter().all(|path| path.join("lock").exists()), "{moment}: left behind {new:?}");
    }
}
