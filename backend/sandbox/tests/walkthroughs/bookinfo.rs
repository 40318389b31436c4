//! Bookinfo's walk-throughs, as Istio's documentation tells them.

use super::walk::{Got, Walk, eventually, fits, holds, with};
use sandbox::Scenario;
use std::time::Duration;

const PAGE: &str = "/productpage";
const NO_STARS: &str = "Ratings service is currently unavailable";
const NO_REVIEWS: &str = "Sorry, product reviews are currently unavailable for this book.";
const NO_DETAILS: &str = "Sorry, product details are currently unavailable for this book.";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bookinfo() {
    let walk = Walk::open(Scenario::Bookinfo, "bookinfo").await;
    walk.apply("destination-rule-all.yaml").await;
    let jason = signed_in(&walk, "jason").await;
    request_routing(&walk, &jason).await;
    fault_injection(&walk, &jason).await;
    traffic_shifting(&walk).await;
    request_timeouts(&walk).await;
    mirroring(&walk).await;
    circuit_breaking(&walk).await;
    authorization(&walk).await;
    tokens(&walk).await;
    walk.sandbox.stop().await;
}

/// The cookie of somebody who signed in.
async fn signed_in(walk: &Walk, name: &str) -> String {
    let client =
        reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let url = format!("{}/login", walk.sandbox.ready().ingress);
    let answer = client.post(url).form(&[("username", name)]).send().await.unwrap();
    answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned()
}

fn served_by(version: &str) -> String {
    format!("Reviews served by: <u>reviews-{version}-")
}

/// The page for somebody who signed in.
async fn page_for(walk: &Walk, cookie: &str) -> Got {
    walk.get_with(PAGE, &[("cookie", cookie)]).await
}

/// Waits until so many pages in a row all have this.
async fn every_page_has(walk: &Walk, what: &str, part: &str) {
    eventually(what, || async {
        let all = walk.many(PAGE, 10).await;
        holds(with(&all, part) == all.len(), all.last())
    })
    .await;
}

async fn request_routing(walk: &Walk, jason: &str) {
    walk.apply("virtual-service-all-v1.yaml").await;
    every_page_has(walk, "everybody gets v1", &served_by("v1")).await;
    walk.apply("virtual-service-reviews-test-v2.yaml").await;
    eventually("jason gets v2, with black stars", || async {
        let got = page_for(walk, jason).await;
        holds(got.body.contains(&served_by("v2")) && got.body.contains("color: black"), got)
    })
    .await;
    let others = walk.many(PAGE, 10).await;
    assert_eq!(with(&others, &served_by("v1")), 10, "{others:?}");
    println!("routing: jason gets v2, 10 of 10 others v1");
}

/// 7 s for jason: v2 would wait 10 s for ratings, but productpage waits 3 s for reviews, twice.
async fn fault_injection(walk: &Walk, jason: &str) {
    walk.apply("virtual-service-ratings-test-delay.yaml").await;
    let got = eventually("jason's page has no reviews", || async {
        let got = page_for(walk, jason).await;
        if got.body.contains(NO_REVIEWS) { Ok(got) } else { Err(format!("{got:?}")) }
    })
    .await;
    assert!(got.status == 200 && got.took >= Duration::from_secs(6), "two attempts of 3 s each: {got:?}");
    println!("delay: jason's page came without reviews after {:?}", got.took);
    let other = walk.get(PAGE).await;
    assert!(other.body.contains(&served_by("v1")), "{other:?}");

    // The mended version gives up after 2.5 s, before productpage does.
    walk.apply("virtual-service-reviews-v3.yaml").await;
    let got = eventually("jason's page has reviews again", || async {
        let got = page_for(walk, jason).await;
        if got.body.contains(&served_by("v3")) { Ok(got) } else { Err(format!("{got:?}")) }
    })
    .await;
    assert!(got.body.contains(NO_STARS) && got.took >= Duration::from_millis(2500), "{got:?}");
    println!("delay with v3: reviews without stars after {:?}", got.took);

    walk.apply("virtual-service-reviews-test-v2.yaml").await;
    walk.apply("virtual-service-ratings-test-abort.yaml").await;
    let got = eventually("jason's page has no stars", || async {
        let got = page_for(walk, jason).await;
        let right = got.body.contains(&served_by("v2")) && got.body.contains(NO_STARS);
        if right { Ok(got) } else { Err(format!("{got:?}")) }
    })
    .await;
    println!("abort: jason's page came without stars after {:?}", got.took);
    walk.apply("virtual-service-all-v1.yaml").await;
    walk.apply("fault-injection-details-v1.yaml").await;
    every_page_has(walk, "details fails", NO_DETAILS).await;
    let got = walk.get("/api/v1/products/0").await;
    assert_eq!(got.status, 555, "{got:?}");
    walk.apply("virtual-service-all-v1.yaml").await;
    every_page_has(walk, "details is back", "paperback").await;
}

async fn traffic_shifting(walk: &Walk) {
    let shifts = [
        ("80-20", ["v1", "v2"], 0.2),
        ("90-10", ["v1", "v2"], 0.1),
        ("50-v3", ["v1", "v3"], 0.5),
        ("v2-v3", ["v2", "v3"], 0.5),
    ];
    for (sample, versions, share) in shifts {
        walk.apply(&format!("virtual-service-reviews-{sample}.yaml")).await;
        let pages = 100;
        eventually(sample, || async {
            let all = walk.many(PAGE, pages).await;
            let seen = versions.map(|version| with(&all, &served_by(version)));
            println!("{sample}: {seen:?} of {pages}");
            holds(seen[0] + seen[1] == pages && fits(seen[1], pages, share), seen)
        })
        .await;
    }
}

/// reviews is given up after 0.5 s, twice, while ratings takes 2 s.
async fn request_timeouts(walk: &Walk) {
    walk.apply("virtual-service-reviews-timeout.yaml").await;
    let got = eventually("the page has no reviews", || async {
        let got = walk.get(PAGE).await;
        if got.body.contains(NO_REVIEWS) { Ok(got) } else { Err(format!("{got:?}")) }
    })
    .await;
    assert!(got.took >= Duration::from_secs(1), "two attempts of 0.5 s each: {got:?}");
    println!("timeout: no reviews after {:?}", got.took);
    let got = walk.get("/api/v1/products/0/reviews").await;
    assert_eq!(got.status, 504, "{got:?}");
    walk.apply("virtual-service-all-v1.yaml").await;
    every_page_has(walk, "v1 again", &served_by("v1")).await;
}

/// v1 answers; v2 gets a copy, and so asks ratings, which v1 never does.
async fn mirroring(walk: &Walk) {
    let copies = "sum(istio_requests_total{reporter=\"destination\",source_workload=\"productpage-v1\",destination_workload=\"reviews-v2\"})";
    walk.apply("virtual-service-reviews-mirror-v2.yaml").await;
    eventually("copies arrive at v2", || async {
        let before = walk.measured(copies).await;
        walk.many(PAGE, 5).await;
        let after = walk.measured(copies).await;
        holds(after > before, after)
    })
    .await;
    // What is measured arrives late: wait until nothing comes any more.
    let settled = async || {
        let mut last = walk.measured(copies).await;
        loop {
            tokio::time::sleep(Duration::from_secs(2)).await;
            let now = walk.measured(copies).await;
            if now.to_bits() == last.to_bits() {
                return now;
            }
            last = now;
        }
    };
    let before = settled().await;
    let all = walk.many(PAGE, 20).await;
    assert_eq!(with(&all, &served_by("v1")), 20, "{all:?}");
    eventually("a copy of each request", || async {
        let arrived = walk.measured(copies).await - before;
        holds((arrived - 20.0).abs() < 0.5, arrived)
    })
    .await;
    println!("mirror: 20 pages from v1, 20 copies at v2");
    walk.apply("virtual-service-all-v1.yaml").await;
}

/// One connection and one request that waits: who comes besides gets 503 at once.
async fn circuit_breaking(walk: &Walk) {
    let path = "/api/v1/products/0";
    walk.apply("destination-rule-details-circuit-breaker.yaml").await;
    let pod = walk.pods("app=details").await.remove(0);
    walk.kubectl(&["annotate", "pod", &pod, "sandbox.binnacle.dev/latency=1s"]).await;
    let all = eventually("the pool overflows", || async {
        let all = walk.at_once(path, 8).await;
        let overflowed = all.iter().filter(|got| got.status == 503).count();
        if overflowed > 0 { Ok(all) } else { Err(format!("{:?}", all.last())) }
    })
    .await;
    let answered = all.iter().filter(|got| got.status == 200).count();
    println!("circuit breaker: {answered} of 8 at once were answered, {} overflowed", 8 - answered);
    assert!((1..8).contains(&answered), "{all:?}");
    eventually("the overflow is measured", || async {
        let query = "sum(istio_requests_total{reporter=\"source\",source_workload=\"productpage-v1\",destination_service_name=\"details\",response_code=\"503\",response_flags=\"UO\"})";
        let measured = walk.measured(query).await;
        holds(measured >= 1.0, measured)
    })
    .await;
    walk.kubectl(&["annotate", "pod", &pod, "sandbox.binnacle.dev/latency-"]).await;
    walk.apply("destination-rule-all.yaml").await;
}

/// Nobody may call anything, then one more service at a time.
async fn authorization(walk: &Walk) {
    walk.apply("virtual-service-reviews-v3.yaml").await;
    walk.apply("allow-nothing.yaml").await;
    eventually("the page is denied", || async {
        let got = walk.get(PAGE).await;
        holds(got.status == 403 && got.body == "RBAC: access denied", got)
    })
    .await;
    for (allowed, there, missing) in [
        ("productpage", vec![NO_DETAILS, NO_REVIEWS], vec!["paperback"]),
        ("details", vec!["paperback", NO_REVIEWS], vec![NO_DETAILS]),
        ("reviews", vec!["paperback", NO_STARS], vec![NO_REVIEWS]),
        ("ratings", vec!["paperback", "color: red", "★★★★☆"], vec![NO_STARS]),
    ] {
        walk.apply(&format!("{allowed}-viewer.yaml")).await;
        eventually(allowed, || async {
            let got = walk.get(PAGE).await;
            let right = there.iter().all(|part| got.body.contains(part))
                && !missing.iter().any(|part| got.body.contains(part));
            holds(right, got)
        })
        .await;
        println!("allowed up to {allowed}: the page has {there:?}");
    }
    walk.kubectl(&["delete", "authorizationpolicies", "--all"]).await;
}

/// Only members of group1 see the page.
async fn tokens(walk: &Walk) {
    let (member, anybody) = (Walk::bearer("bookinfo/group1.jwt"), Walk::bearer("demo.jwt"));
    walk.apply("jwt-example.yaml").await;
    walk.gets(PAGE, &[("authorization", "Bearer a.b.c")], 401, "Jwt").await;
    walk.gets(PAGE, &[], 200, "paperback").await;
    walk.apply("require-jwt.yaml").await;
    walk.gets(PAGE, &[], 403, "RBAC: access denied").await;
    walk.gets(PAGE, &[("authorization", &anybody)], 403, "RBAC: access denied").await;
    walk.gets(PAGE, &[("authorization", &member)], 200, "paperback").await;
    println!("tokens: a broken one 401, none and one of no group 403, one of group1 200");
    walk.delete("require-jwt.yaml").await;
    walk.delete("jwt-example.yaml").await;
}
