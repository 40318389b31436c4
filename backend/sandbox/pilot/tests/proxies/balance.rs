//! Load balancing: how endpoints take turns.

use crate::bench::{Bench, get};
use crate::world::{WEB, policy, policy_of, tally, who, within};
use crate::{outside, rules, two_versions};
use serde_json::json;
use std::time::{Duration, Instant};

async fn balanced(bench: &mut Bench, balancer: &str) {
    bench.apply(&policy(&format!("{{loadBalancer: {{{balancer}}}}}")));
    bench.settle().await;
}

fn changes(seen: &[String]) -> usize {
    seen.windows(2).filter(|pair| pair[0] != pair[1]).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn round_robin_alternates_and_random_does_not() {
    let mut bench = two_versions().await;
    balanced(&mut bench, "simple: ROUND_ROBIN").await;
    let seen = bench.answered(100, &[]).await;
    println!("ROUND_ROBIN: {:?}, {} changes in 99", tally(&seen), changes(&seen));
    assert_eq!((tally(&seen)["web-v1"], changes(&seen)), (50, 99));
    balanced(&mut bench, "simple: RANDOM").await;
    let seen = bench.answered(400, &[]).await;
    println!("RANDOM: {:?}, {} changes in 399", tally(&seen), changes(&seen));
    assert!(
        within(tally(&seen)["web-v1"], 400, 0.5) && within(changes(&seen), 399, 0.5),
        "{:?}",
        tally(&seen)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn least_request_spares_those_who_are_busy() {
    let mut bench = two_versions().await;
    for (balancer, share) in [("simple: LEAST_REQUEST", 0.75), ("simple: RANDOM", 0.5)] {
        balanced(&mut bench, balancer).await;
        // Requests that stay at v1 make it busy; those that find v2 come back at once.
        let slow = get("/slow", "web:9080", &["sleep-at: web-v1", "sleep-ms: 15000"]);
        let busy = futures::future::join_all((0..8).map(|_| bench.call("client", WEB, &slow)));
        let measured = async {
            while !bench.heard("web-v1").iter().any(|text| text.contains("/slow")) {
                tokio::task::yield_now().await;
            }
            bench.answered(400, &[]).await
        };
        let seen = tokio::select! {
            seen = measured => seen,
            _ = busy => panic!("it took too long"),
        };
        println!("{balancer}: {:?} while v1 is busy", tally(&seen));
        assert!(within(tally(&seen)["web-v2"], 400, share), "{balancer}: {:?}", tally(&seen));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn weights_are_shares_and_nothing_is_nothing() {
    let mut bench = two_versions().await;
    // They need not be percents, and a share of 0 is left out: there is no subset v9.
    bench.apply(&rules(
        "[{route: [{destination: {host: web, subset: v1}, weight: 30}, {destination: {host: web, subset: \
            v2}, weight: 90}, \
           {destination: {host: web, subset: v9}, weight: 0}]}]",
    ));
    bench.settle().await;
    let seen = bench.answered(1000, &[]).await;
    println!("30 to 90 to 0 of 1,000: {:?}", tally(&seen));
    assert!(tally(&seen).len() == 2 && within(tally(&seen)["web-v2"], 1000, 0.75), "{:?}", tally(&seen));
    // A subset that there is not has no cluster.
    bench.apply(&rules("[{route: [{destination: {host: web, subset: v9}}]}]"));
    bench.settle().await;
    let lost = bench.web("/", &[]).await;
    let log = bench.log_line("client", " NC ").await;
    println!("a subset that is not there: {} {log}", lost.status);
    assert!(lost.status == 503 && log.contains("503 NC cluster_not_found"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_endpoint_is_eased_in() {
    const WINDOW: Duration = Duration::from_secs(10);
    let mut bench = Bench::start().await;
    bench.apply(crate::WEB);
    bench.apply(&policy(
        "{loadBalancer: {simple: ROUND_ROBIN, warmup: {duration: 10s, minimumPercent: 5, aggression: 1}}}",
    ));
    bench.pod("client", "app=client,version=v1", 8080, false).await;
    bench.pod("web-v1", "app=web,version=v1", 9080, false).await;
    bench.settle().await;
    let alone = Instant::now();
    // The old one has to be warm itself.
    while alone.elapsed() < WINDOW {
        assert_eq!(bench.answered(1, &[]).await, ["web-v1"]);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bench.pod("web-v2", "app=web,version=v2", 9080, false).await;
    let came = Instant::now();
    bench.settle().await;
    let first = bench.answered(100, &[]).await;
    let measured = came.elapsed();
    while came.elapsed() < WINDOW + Duration::from_secs(2) {
        bench.answered(1, &[]).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let later = bench.answered(100, &[]).await;
    println!("within {measured:?}: {:?}, later: {:?}", tally(&first), tally(&later));
    let share = |seen: &[String]| tally(seen).get("web-v2").copied().unwrap_or_default();
    assert!((45..=55).contains(&share(&later)), "{:?}", tally(&later));
    assert!(share(&first) < share(&later) - 10, "{:?} within {measured:?}", tally(&first));
}

#[tokio::test(flavor = "multi_thread")]
async fn passthrough_goes_where_the_client_meant() {
    let mut bench = two_versions().await;
    let one = outside::http("one", [127, 0, 0, 1]).await;
    let _two = outside::http_at("two", [127, 0, 0, 2], one.port).await;
    let port = one.port;
    let entry = json!({
        "apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry",
            "metadata": {"name": "outside", "namespace": "demo"},
        "spec": {
            "hosts": ["outside.example"], "location": "MESH_EXTERNAL", "resolution": "STATIC",
            "ports": [{"number": port, "name": "http", "protocol": "HTTP"}],
            "endpoints": [{"address": "127.0.0.1"}, {"address": "127.0.0.2"}],
        },
    });
    bench.apply(&entry.to_string());
    for (balancer, expect) in [("ROUND_ROBIN", vec!["one", "two"]), ("PASSTHROUGH", vec!["two"])] {
        bench.apply(&policy_of("outside.example", &format!("{{loadBalancer: {{simple: {balancer}}}}}")));
        bench.settle().await;
        let mut seen = Vec::new();
        for _ in 0..8 {
            let request = get("/", &format!("outside.example:{port}"), &[]);
            seen.push(who(&bench.call("client", &format!("127.0.0.2:{port}"), &request).await).to_owned());
        }
        println!("{balancer}: calls of 127.0.0.2 find {:?}", tally(&seen));
        assert_eq!(tally(&seen).into_keys().collect::<Vec<_>>(), expect, "{balancer}");
    }
}
