use super::*;

#[track_caller]
fn check(protocol: Protocol, ends: &[(&str, &str, f64)], expect: (Health, &str)) {
    let responses =
        ends.iter().map(|(code, flags, rate)| (((*code).into(), (*flags).into()), *rate)).collect();
    let mut calls = Calls::default();
    calls.add(protocol, &Flow { responses, ..Flow::default() });
    assert_eq!(calls.health(), (expect.0, expect.1.to_owned()));
}

#[test]
fn tolerances() {
    use Health::{Degraded, Failing, Healthy, Idle};
    use Protocol::{Grpc, Http, Tcp};
    check(Http, &[], (Idle, ""));
    check(Http, &[("200", "-", 10.0), ("302", "-", 1.0)], (Healthy, ""));
    check(
        Http,
        &[("200", "-", 999.0), ("503", "FI", 1.0)],
        (Degraded, "0.1 % of calls fail, most with 503 FI"),
    );
    check(Http, &[("200", "-", 9.0), ("500", "-", 1.0)], (Failing, "10 % of calls fail, most with 500"));
    check(
        Http,
        &[("200", "-", 9.0), ("-", "DC", 1.0)],
        (Failing, "10 % of calls fail, most with no response DC"),
    );
    check(Http, &[("200", "-", 91.0), ("404", "-", 9.0)], (Healthy, ""));
    check(Http, &[("200", "-", 9.0), ("404", "-", 1.0)], (Degraded, "10 % of calls end with 4xx"));
    check(Http, &[("200", "-", 8.0), ("403", "-", 2.0)], (Failing, "20 % of calls end with 4xx"));
    check(Grpc, &[("0", "-", 9.5), ("14", "-", 0.5)], (Degraded, "5 % of calls fail, most with 14"));
    check(Tcp, &[("-", "-", 9.0), ("-", "UF", 1.0)], (Failing, "10 % of calls fail, most with UF"));
    check(Tcp, &[("-", "-", 9.0), ("-", "DC", 1.0)], (Healthy, ""));
}

/// Half of three requests is no reason for red; half of three hundred is.
#[test]
fn few_requests_are_not_red() {
    let half = |rps: f64| {
        let responses = [(("200".into(), "-".into()), rps / 2.0), (("500".into(), "-".into()), rps / 2.0)];
        let mut calls = Calls::default();
        calls.add(
            Protocol::Http,
            &Flow { responses: responses.into_iter().collect(), window_secs: 60, ..Flow::default() },
        );
        calls.health()
    };
    assert_eq!(half(0.05), (Health::Degraded, "50 % of calls fail, most with 500".into()));
    assert_eq!(half(5.0).0, Health::Failing);
}

#[test]
fn slow_is_slower_than_its_own_last_hour() {
    #[track_caller]
    fn check(rps: f64, now: f64, usual: Option<f64>, expect: (Health, &str)) {
        let responses = [(("200".into(), "-".into()), rps)].into_iter().collect();
        let usual = usual.map(|p95| crate::traffic::Usual { rps, p95_ms: Some(p95), ..Default::default() });
        let flow = Flow { responses, window_secs: 60, p95_ms: Some(now), usual, ..Flow::default() };
        assert_eq!(Slow::of(&flow).health(), (expect.0, expect.1.to_owned()));
    }
    let well = (Health::Idle, "");
    let failing = (Health::Failing, "95 % of calls take up to 4.7 s, 8 ms before");
    check(10.0, 4_700.0, Some(8.0), failing);
    let degraded = (Health::Degraded, "95 % of calls take up to 90 ms, 20 ms before");
    check(10.0, 90.0, Some(20.0), degraded);
    check(10.0, 12.0, Some(2.0), well); // so little more nobody feels
    check(10.0, 900.0, Some(800.0), well);
    check(10.0, 4_700.0, None, well);
    check(0.1, 4_700.0, Some(8.0), well); // six requests
}

#[test]
fn lost_calls_are_told_in_numbers() {
    assert_eq!(of_lost(0.0, 12.0).1, "no calls any more, 12/s before");
    assert_eq!(of_lost(0.4, 3.0).1, "0.4 calls/s, 3.0/s before");
}

#[test]
fn calls_that_are_sent_to_nobody() {
    let told = |change: &dyn Fn(&mut crate::Objects)| {
        let mut objects = crate::demo::bookinfo_objects();
        change(&mut objects);
        let mesh = Mesh::read(objects, None);
        let service = mesh.service("bookinfo", "reviews").unwrap();
        let health = |astray: Astray| (astray.health(true, &[]).0, astray.subset, astray.percent);
        astray(&mesh, service).into_iter().map(health).collect::<Vec<_>>()
    };
    assert!(told(&|_| {}).is_empty());
    let down = |objects: &mut crate::Objects| {
        let pods: Vec<_> = objects.within(&istio::kinds::POD, "bookinfo").map(|(at, _)| at.clone()).collect();
        for at in pods.iter().filter(|at| at.name.starts_with("reviews-v3")) {
            objects.remove(at);
        }
    };
    assert_eq!(told(&down), [(Health::Failing, "v3".to_owned(), 20.0)]);
}

#[test]
fn pods_say_what_ails_them() {
    let mesh = crate::demo::bookinfo();
    let mut workload = mesh.workload("bookinfo", "reviews-v1").unwrap().clone();
    let pod = &mut workload.pods[0];
    (pod.ready, pod.phase, pod.restarts) = (false, "CrashLoopBackOff".into(), 7);
    let told = "no pod of reviews-v1 is ready: CrashLoopBackOff, 7 restarts";
    assert_eq!(of_workload(&workload), (Health::Failing, told.into()));
}

#[test]
fn pods() {
    let mesh = crate::demo::bookinfo();
    let mut workload = mesh.workload("bookinfo", "reviews-v1").unwrap().clone();
    assert_eq!(of_workload(&workload).0, Health::Healthy);
    workload.wanted = Some(2);
    assert_eq!(of_workload(&workload), (Health::Degraded, "1 of 2 pods of reviews-v1 are ready".into()));
    workload.pods[0].ready = false;
    assert_eq!(of_workload(&workload), (Health::Failing, "no pod of reviews-v1 is ready".into()));
    workload.wanted = Some(0);
    workload.pods.clear();
    assert_eq!(of_workload(&workload).0, Health::Idle);
}
