//! The tutorial's walk-throughs: customer → preference → recommendation.

use super::walk::{Got, Walk, eventually, fits, holds, with};
use sandbox::Scenario;
use std::time::Duration;

const V1: &str = "recommendation v1 from";
const V2: &str = "recommendation v2 from";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tutorial() {
    let walk = Walk::open(Scenario::Tutorial, "tutorial").await;
    the_chain(&walk).await;
    walk.apply("destination-rule-recommendation-v1-v2.yaml").await;
    canary(&walk).await;
    mirror(&walk).await;
    by_browser(&walk).await;
    faults(&walk).await;
    timeout_and_pool(&walk).await;
    misbehaviour(&walk).await;
    who_may_call_whom(&walk).await;
    end_users(&walk).await;
    third_version(&walk).await;
    walk.sandbox.stop().await;
}

/// What somebody who looks once sees: both versions.
fn versions(all: &[Got]) -> [usize; 2] {
    [with(all, V1), with(all, V2)]
}

/// Waits until so many requests in a row are all answered with this.
async fn everybody_gets(walk: &Walk, what: &str, part: &str) {
    eventually(what, || async {
        let all = walk.many("/customer", 10).await;
        holds(with(&all, part) == all.len(), all.last())
    })
    .await;
}

/// Each service puts its name before what it was told, and recommendation counts for each pod.
async fn the_chain(walk: &Walk) {
    assert_eq!(walk.sandbox.ready().proxies, 5, "the gateway, customer, preference and two recommendations");
    let pod = walk.pods("app=recommendation,version=v1").await.remove(0);
    let pods = walk.kubectl(&["get", "pods"]).await;
    assert_eq!(pods.matches("2/2").count(), 4, "{pods}");
    let count = async || {
        let got = walk.get("/customer").await;
        let told =
            got.body.strip_prefix(&format!("customer => preference => recommendation v1 from '{pod}': "));
        told.and_then(|count| count.strip_suffix('\n')?.parse::<u64>().ok()).ok_or_else(|| format!("{got:?}"))
    };
    let first = eventually("v1 answers", count).await;
    let second = eventually("v1 answers again", count).await;
    assert!(second == first + 1, "{first}, then {second}");
    eventually("v2 answers too", || async {
        let got = walk.get("/customer").await;
        holds(got.body.contains("recommendation v2 from 'recommendation-v2-"), got)
    })
    .await;
    println!("the chain: v1 counts {first}, {second}; v2 answers too");
}

async fn canary(walk: &Walk) {
    walk.apply("virtual-service-recommendation-v1.yaml").await;
    everybody_gets(walk, "everybody gets v1", V1).await;
    for (sample, share) in [("v1_and_v2", 0.1), ("v1_and_v2_75_25", 0.25), ("v1_and_v2_50_50", 0.5)] {
        walk.apply(&format!("virtual-service-recommendation-{sample}.yaml")).await;
        let requests = 120;
        eventually(sample, || async {
            let seen = versions(&walk.many("/customer", requests).await);
            println!("{sample}: {seen:?} of {requests}");
            holds(seen[0] + seen[1] == requests && fits(seen[1], requests, share), seen)
        })
        .await;
    }
    walk.apply("virtual-service-recommendation-v2.yaml").await;
    everybody_gets(walk, "everybody gets v2", V2).await;
}

/// v1 answers, and v2 counts each request although nobody sees its answers.
async fn mirror(walk: &Walk) {
    walk.apply("virtual-service-recommendation-v1-mirror-v2.yaml").await;
    everybody_gets(walk, "everybody gets v1", V1).await;
    let pod = walk.pods("app=recommendation,version=v2").await.remove(0);
    let heard = async || {
        let log = walk.kubectl(&["logs", &pod, "-c", "recommendation"]).await;
        log.matches("recommendation request from").count()
    };
    let before = heard().await;
    let all = walk.many("/customer", 20).await;
    assert_eq!(versions(&all), [20, 0]);
    let seen = eventually("v2 hears the 20 requests too", || async {
        let heard = heard().await - before;
        holds(heard == 20, heard).map(|()| heard)
    })
    .await;
    println!("mirror: v1 answered 20, v2 heard {seen}");
}

/// customer tells which browser its user has, and preference's sidecar routes by that.
async fn by_browser(walk: &Walk) {
    for (sample, browser) in
        [("safari", "Mozilla/5.0 Safari/605.1"), ("firefox", "Mozilla/5.0 Firefox/130"), ("mobile", "Mobile")]
    {
        walk.apply(&format!("virtual-service-{sample}-recommendation-v2.yaml")).await;
        eventually(sample, || async {
            let theirs = walk.get_with("/customer", &[("user-agent", browser)]).await;
            let others = walk.get_with("/customer", &[("user-agent", "curl/8")]).await;
            holds(theirs.body.contains(V2) && others.body.contains(V1), (theirs.body, others.body))
        })
        .await;
    }
    println!("by browser: Safari, Firefox and Mobile get v2, curl gets v1");
}

async fn faults(walk: &Walk) {
    walk.apply("virtual-service-recommendation-v2_503.yaml").await;
    let words = "customer => Error: 503 - preference => Error: 503 - fault filter abort\n";
    let got = eventually("every request fails", || async {
        let got = walk.get("/customer").await;
        if got.body == words { Ok(got) } else { Err(got.body) }
    })
    .await;
    assert_eq!(got.status, 503);
    walk.apply("virtual-service-recommendation-503.yaml").await;
    eventually("half of the requests fail", || async {
        let failed = with(&walk.many("/customer", 60).await, "fault filter abort");
        println!("503: {failed} of 60");
        holds(fits(failed, 60, 0.5), failed)
    })
    .await;
    walk.apply("virtual-service-recommendation-delay.yaml").await;
    // Nobody or everybody late in a fair lot of 20 happens once in half a million runs.
    let all = eventually("delayed, no longer failing", || async {
        let all = walk.at_once("/customer", 20).await;
        let failed = all.iter().filter(|got| got.status != 200).count();
        if failed == 0 { Ok(all) } else { Err(format!("{failed} failed")) }
    })
    .await;
    let late = all.iter().filter(|got| got.took >= Duration::from_secs(7)).count();
    println!("delay: {late} of 20 took 7 s or longer");
    assert!((1..20).contains(&late), "half of 20 requests wait 7 s, not {late}");
}

/// v2 takes 3 s for each answer: who waits 1 s gets 504, and a pool of one connection overflows.
async fn timeout_and_pool(walk: &Walk) {
    walk.apply("Deployment-v2-timeout.yaml").await;
    walk.rolled_out("recommendation-v2").await;
    walk.apply("virtual-service-recommendation-v2.yaml").await;
    let got = eventually("v2 is slow", || async {
        let got = walk.get("/customer").await;
        if got.body.contains(V2) && got.took >= Duration::from_secs(3) {
            Ok(got)
        } else {
            Err(format!("{got:?}"))
        }
    })
    .await;
    println!("v2-timeout took {:?}", got.took);

    walk.apply("destination-rule-recommendation_cb_policy_version_v2.yaml").await;
    let overflow = "preference => Error: 503 - upstream connect error or disconnect/reset before headers. reset reason: overflow";
    let all = eventually("v2's pool overflows", || async {
        let all = walk.at_once("/customer", 6).await;
        if with(&all, overflow) > 0 { Ok(all) } else { Err(format!("{:?}", all.last())) }
    })
    .await;
    println!(
        "circuit breaker: {} of 6 at once were answered, {} overflowed",
        with(&all, V2),
        with(&all, overflow)
    );
    assert!(with(&all, V2) >= 1, "one is under way, one waits: {all:?}");
    eventually("the overflow is measured", || async {
        let query = "sum(istio_requests_total{reporter=\"source\",source_workload=\"preference-v1\",response_flags=\"UO\"})";
        let measured = walk.measured(query).await;
        holds(measured >= 1.0, measured)
    })
    .await;

    walk.apply("destination-rule-recommendation-v1-v2.yaml").await;
    walk.apply("virtual-service-recommendation-timeout.yaml").await;
    let words = "customer => Error: 503 - preference => Error: 504 - upstream request timeout\n";
    eventually("v2 is too slow, v1 is not", || async {
        let all = walk.at_once("/customer", 8).await;
        println!("timeout: {} too slow, {} from v1", with(&all, words), with(&all, V1));
        holds(with(&all, words) > 0 && with(&all, V1) > 0 && with(&all, V2) == 0, all)
    })
    .await;
    walk.kubectl(&["rollout", "undo", "deployment/recommendation-v2"]).await;
    walk.rolled_out("recommendation-v2").await;
}

/// One of the two pods fails: without retries that is seen, with them it is not, and outlier detection leaves
/// the pod out.
async fn misbehaviour(walk: &Walk) {
    walk.apply("virtual-service-no-retries.yaml").await;
    let pod = walk.pods("app=recommendation,version=v2").await.remove(0);
    let said = walk.inside(&pod, 8080, "/misbehave").await;
    assert_eq!(said, "Following requests to / will return a 503\n");
    let words = format!(
        "customer => Error: 503 - preference => Error: 503 - recommendation misbehavior from '{pod}'\n"
    );
    eventually("some requests fail", || async {
        let all = walk.many("/customer", 20).await;
        holds(with(&all, &words) > 0 && with(&all, V1) > 0, all.last())
    })
    .await;
    // Since 1.24 Istio leaves answers of 503 alone where retryOn does not ask for them: the service may have
    // done its work.
    walk.apply("virtual-service-recommendation-v2_retry.yaml").await;
    let all = walk.many("/customer", 40).await;
    println!("retries as published: {} of 40 fail", with(&all, &words));
    assert!(with(&all, &words) > 0, "{:?}", all.last());
    walk.apply("virtual-service-recommendation-v2_retry_5xx.yaml").await;
    eventually("retries hide it", || async {
        let all = walk.many("/customer", 40).await;
        println!("retries on 5xx: {} of 40 from v1", with(&all, V1));
        holds(with(&all, V1) == 40, all.iter().find(|got| got.status != 200))
    })
    .await;
    let log = walk.kubectl(&["logs", &pod, "-c", "recommendation"]).await;
    assert!(log.matches("recommendation request from").count() > 0, "the first tries arrive at v2: {log}");

    // What the tutorial publishes asks for ejection after one error in a field that nobody reads any more,
    // and istiod's page says so. What holds is the default: five in a row.
    walk.apply("virtual-service-no-retries.yaml").await;
    walk.apply("destination-rule-recommendation_cb_policy_pool_ejection.yaml").await;
    eventually("consecutiveErrors is said to have no effect", || async {
        let said = walk.untranslated().await;
        holds(said.contains("consecutiveErrors"), said)
    })
    .await;
    let failed = with(&walk.many("/customer", 40).await, &words);
    println!("consecutiveErrors: {failed} of 40 fail");
    assert!(failed >= 5, "one error ejects nobody: {failed} of 40");
    walk.apply("destination-rule-recommendation_cb_policy_pool_ejection_5xx.yaml").await;
    let start = std::time::Instant::now();
    eventually("v2 is ejected", || async {
        let all = walk.many("/customer", 30).await;
        println!("consecutive5xxErrors: {} of 30 fail after {:?}", with(&all, &words), start.elapsed());
        holds(with(&all, V1) == 30, with(&all, &words))
    })
    .await;
    assert_eq!(walk.inside(&pod, 8080, "/behave").await, "Following requests to / will return 200\n");
    walk.delete("virtual-service-no-retries.yaml").await;
    walk.apply("destination-rule-recommendation_lb_policy_app.yaml").await;
    eventually("both answer again", || async {
        let seen = versions(&walk.many("/customer", 30).await);
        println!("RANDOM: {seen:?} of 30");
        holds(seen[0] > 0 && seen[1] > 0 && seen[0] + seen[1] == 30, seen)
    })
    .await;
}

/// Nobody may call anything, then one more service at a time.
async fn who_may_call_whom(walk: &Walk) {
    let denied = "RBAC: access denied";
    walk.apply("authorization-policy-deny-all.yaml").await;
    for (allowed, words) in [
        (None, denied.to_owned()),
        (Some("customer"), format!("customer => Error: 403 - {denied}\n")),
        (Some("preference"), format!("customer => Error: 503 - preference => Error: 403 - {denied}\n")),
        (Some("recommendation"), "customer => preference => recommendation v".to_owned()),
    ] {
        if let Some(service) = allowed {
            walk.apply(&format!("authorization-policy-allow-{service}.yaml")).await;
        }
        let got = eventually(&words, || async {
            let got = walk.get("/customer").await;
            if got.body.starts_with(&words) { Ok(got) } else { Err(got.body) }
        })
        .await;
        println!("allowed up to {allowed:?}: {} {:?}", got.status, got.body);
    }
    walk.kubectl(&["delete", "authorizationpolicies", "--all"]).await;
}

/// Who has a token is believed, if it is good; and then only customers get in.
async fn end_users(walk: &Walk) {
    let (customer, anybody) = (Walk::bearer("tutorial/customer.jwt"), Walk::bearer("demo.jwt"));
    // A customer's words under somebody else's signature.
    let forged = format!("{}.{}", customer.rsplit_once('.').unwrap().0, anybody.rsplit_once('.').unwrap().1);
    let chain = "customer => preference => recommendation";
    walk.apply("enduser-authentication-jwt.yaml").await;
    let refused = walk.gets("/customer", &[("authorization", &forged)], 401, "Jwt").await;
    walk.gets("/customer", &[], 200, chain).await;
    walk.apply("authorization-policy-jwt.yaml").await;
    walk.gets("/customer", &[], 403, "RBAC: access denied").await;
    walk.gets("/customer", &[("authorization", &anybody)], 403, "RBAC: access denied").await;
    walk.gets("/customer", &[("authorization", &customer)], 200, chain).await;
    println!(
        "end users: a forged token {} {:?}; none and one without the role 403; a customer's 200",
        refused.status, refused.body
    );
    walk.delete("authorization-policy-jwt.yaml").await;
    walk.delete("enduser-authentication-jwt.yaml").await;
    walk.gets("/customer", &[], 200, chain).await;
}

/// A version of one's own choice, and who gets it.
async fn third_version(walk: &Walk) {
    walk.apply("Deployment-v3.yaml").await;
    walk.rolled_out("recommendation-v3").await;
    walk.apply("destination-rule-recommendation-v1-v2-v3.yaml").await;
    walk.apply("virtual-service-promotion-v1-v2-v3.yaml").await;
    for (preference, version) in [("123", "recommendation v3 "), ("12", V2), ("9", V1)] {
        let got = eventually(version, || async {
            let got = walk.get_with("/customer", &[("user-preference", preference)]).await;
            if got.body.contains(version) { Ok(got) } else { Err(got.body) }
        })
        .await;
        println!("user-preference {preference}: {:?}", got.body);
    }
}
