use super::*;
use mesh::evidence::Portion;

/// A counter of one proxy; points are (seconds, value).
fn counter(instance: &str, labels: &[(&str, &str)], points: &[(f64, f64)]) -> Series {
    let all = [("job", "pods"), ("instance", instance)].into_iter().chain(labels.iter().copied());
    Series {
        labels: all.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        points: points.to_vec(),
    }
}

fn to(workload: &str) -> [(&'static str, &str); 2] {
    [("destination_workload_namespace", "shop"), ("destination_workload", workload)]
}

fn shares(parts: &[(&str, f64)]) -> Counting {
    let part = |(name, share): &(&str, f64)| {
        Portion::new(*name, Mark::Workloads(vec![("shop".into(), (*name).into())]), Wanted::Share(*share))
    };
    Counting::new(CountedCalls::Routed("web.shop.svc.cluster.local".into()), parts.iter().map(part).collect())
}

#[track_caller]
fn check(counting: &Counting, series: &[Series], since: f64, calls: u64, parts: &[u64]) {
    assert_eq!(count(counting, series, since), Tally { calls, parts: parts.to_vec(), lost: 0 });
}

#[test]
fn only_calls_since_then_count() {
    let both = shares(&[("v1", 0.5), ("v2", 0.5)]);
    // Live at 12: the reading at 10 is before, that at 15 is the base.
    let one = counter("a", &to("v1"), &[(10.0, 900.0), (15.0, 1000.0), (20.0, 1030.0)]);
    let two = counter("a", &to("v2"), &[(15.0, 7.0), (20.0, 7.0), (25.0, 12.0)]);
    check(&both, &[one, two], 12.0, 35, &[30, 5]);
}

#[test]
fn a_counter_that_is_new_since_the_base_counts_whole() {
    let both = shares(&[("v1", 0.5), ("v2", 0.5)]);
    let old = counter("a", &to("v1"), &[(15.0, 100.0), (20.0, 100.0)]);
    let new = counter("a", &to("v2"), &[(20.0, 40.0)]);
    check(&both, &[old, new], 12.0, 40, &[0, 40]);
    // What is new in the base reading itself may be older than the change.
    let at_base = counter("b", &to("v2"), &[(16.0, 40.0), (21.0, 41.0)]);
    check(&both, &[at_base], 12.0, 1, &[0, 1]);
}

#[test]
fn every_proxy_has_a_base_of_its_own_and_may_start_again() {
    let one = shares(&[("v1", 1.0)]);
    let late = counter("a", &to("v1"), &[(14.0, 50.0), (24.0, 60.0)]);
    let early = counter("b", &to("v1"), &[(12.0, 5.0), (22.0, 9.0)]);
    let again = counter("c", &to("v1"), &[(13.0, 500.0), (18.0, 3.0), (23.0, 8.0)]);
    check(&one, &[late, early, again], 12.0, 22, &[22]);
    check(&one, &[counter("d", &to("v1"), &[(11.0, 5.0)])], 12.0, 0, &[0]);
}

#[test]
fn faults_are_told_by_their_flags_and_security_by_its_policy() {
    let flag =
        |flags: &'static str, to: f64| counter("a", &[("response_flags", flags)], &[(15.0, 0.0), (20.0, to)]);
    let parts = vec![
        Portion::new("delayed", Mark::Flag("DI".into()), Wanted::Share(0.1)),
        Portion::new("aborted", Mark::Flag("FI".into()), Wanted::Share(0.4)),
    ];
    let both = Counting::new(CountedCalls::To("web.shop".into()), parts);
    check(&both, &[flag("FI", 30.0), flag("DI,FI", 10.0), flag("-", 60.0)], 12.0, 100, &[10, 40]);

    let at = |workload: &'static str, policy: &'static str| {
        let labels = [to(workload).as_slice(), &[("connection_security_policy", policy)]].concat();
        counter("a", &labels, &[(15.0, 0.0), (20.0, 10.0)])
    };
    let plain = vec![Portion::new("in plain text", Mark::Security("none".into()), Wanted::None)];
    let strict = Counting::new(CountedCalls::At(vec![("shop".into(), "v1".into())]), plain);
    check(&strict, &[at("v1", "none"), at("v1", "mutual_tls"), at("v2", "none")], 12.0, 20, &[10]);
}

#[test]
fn slow_calls_are_those_beyond_the_bucket() {
    let bucket = |le: &'static str, to: f64| counter("a", &[("le", le)], &[(15.0, 1.0), (20.0, to)]);
    let series = [bucket("500", 3.0), bucket("1000", 9.0), bucket("2500", 10.0), bucket("+Inf", 11.0)];
    let slower = |millis| {
        let part = Portion::new("slow", Mark::SlowerThan(millis), Wanted::None);
        Counting::new(CountedCalls::To("web.shop".into()), vec![part])
    };
    check(&slower(1000), &series, 12.0, 10, &[1]);
    check(&slower(400), &series, 12.0, 10, &[8]);
    assert_eq!(too_slow_to_tell(&slower(1000), &series), None);
    assert_eq!(too_slow_to_tell(&slower(9_000), &series), Some(9_000), "no bucket ends above");
    assert_eq!(too_slow_to_tell(&slower(9_000), &[]), None, "there may be some yet");
}

/// Calls to a version without pods were sent there: they are calls, and nobody answered them. Aborts and
/// calls without a route say nothing of versions.
#[test]
fn calls_that_met_no_pod_count() {
    let both = shares(&[("v1", 0.9), ("v3", 0.1)]);
    let to = |workload: &'static str, flags: &'static str, to: f64| {
        let labels = [self::to(workload).as_slice(), &[("response_flags", flags)]].concat();
        counter("a", &labels, &[(15.0, 0.0), (20.0, to)])
    };
    let all = [
        to("v1", "-", 450.0),
        to("unknown", "UH", 50.0),
        to("unknown", "FI", 70.0),
        to("unknown", "NR", 9.0),
    ];
    let tally = count(&both, &all, 12.0);
    assert_eq!(tally, Tally { calls: 500, parts: vec![450, 0], lost: 50 });
    assert_eq!(both.judge(&tally, None), Judgement::Disagrees);
    let told = in_words(Judgement::Disagrees, &both.measured(&tally), PATIENCE);
    assert_eq!(told.what, "Calls meet no pod");
    assert_eq!(
        told.why,
        "Of 500 calls since it is live 50 met no pod; v1: wanted 90 %, measured 90.0 %; v3: wanted 10 %, measured 0.0 %"
    );
    assert_eq!(told.next, "Look at the pods of v3");
}

#[test]
fn of_several_changes_each_is_told() {
    let measured = |calls| Ok(Measured { calls, ..Measured::default() });
    let untold = || Err(Problem::new("not", "known", "here"));
    let Fact::Measured(told) = together(vec![measured(300), untold(), measured(200)]) else { panic!() };
    let parts: Vec<usize> = told.unmeasured.iter().map(|one| one.part).collect();
    assert_eq!((told.calls, told.more.len(), parts), (300, 1, vec![1]));
    assert!(matches!(together(vec![untold(), untold()]), Fact::Unknowable(_)));
}

#[test]
fn a_disagreement_is_told_in_numbers() {
    let counting = shares(&[("v1", 0.2)]);
    let told = |calls, count, judgement, patience| {
        let tally = Tally { calls, parts: vec![count], lost: 0 };
        in_words(judgement, &counting.measured(&tally), patience).why
    };
    assert_eq!(
        told(100, 60, Judgement::Disagrees, PATIENCE),
        "Of 100 calls since it is live: v1: wanted 20 %, measured 60.0 %"
    );
    assert_eq!(
        told(0, 0, Judgement::More(280), LONG_PATIENCE),
        "No call came in 10 minutes since it is live; it takes about 280"
    );
    assert_eq!(
        told(100, 20, Judgement::More(800), LONG_PATIENCE),
        "100 calls in 10 minutes do not contradict it (v1: wanted 20 %, measured 20.0 %), but it takes about 800 more"
    );
}
