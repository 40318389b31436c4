use super::*;

fn counted(parts: &[(&str, f64)]) -> Counts {
    let counts: BTreeMap<String, f64> =
        parts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
    let all = parts.iter().map(|(_, count)| count).sum();
    (counts, all)
}

fn wanted(parts: &[(&str, f64)]) -> Expected {
    Expected { parts: parts.iter().map(|(name, fraction)| ((*name).to_owned(), *fraction)).collect() }
}

#[test]
fn shares_agree_within_their_error_bar() {
    let expected = wanted(&[("v1", 0.2), ("v3", 0.8)]);
    assert!(agrees(&expected, &counted(&[("v1", 19.0), ("v3", 81.0)])));
    assert!(agrees(&expected, &counted(&[("v1", 30.0), ("v3", 70.0)])), "2.5 deviations of 100 requests");
    assert!(
        !agrees(&expected, &counted(&[("v1", 300.0), ("v3", 700.0)])),
        "the same share of 1,000 requests is too far off"
    );
    assert!(!agrees(&expected, &counted(&[("v1", 4.0), ("v3", 16.0)])), "too few");
    assert!(!agrees(&expected, &counted(&[])));
}

#[test]
fn nothing_means_nothing() {
    let expected = wanted(&[("v1", 0.0), ("v3", 1.0)]);
    assert!(agrees(&expected, &counted(&[("v3", 50.0)])));
    assert!(agrees(&expected, &counted(&[("v1", 1.0), ("v3", 50.0)])), "a straggler");
    assert!(!agrees(&expected, &counted(&[("v1", 5.0), ("v3", 50.0)])));
}

#[test]
fn a_disagreement_is_told_in_numbers() {
    let problem = disagreement(&wanted(&[("v1", 0.2)]), &counted(&[("v1", 60.0), ("v2", 40.0)]));
    assert_eq!(problem.why, "Of 100 requests: v1: wanted 20 %, measured 60.0 %");
    assert_eq!(disagreement(&wanted(&[]), &counted(&[("v1", 3.0)])).why, "Only 3 requests came in 3 minutes");
}

#[test]
fn faults_are_told_by_their_flags() {
    let sample = |flags: &str, value| Sample {
        labels: [("response_flags".to_owned(), flags.to_owned())].into(),
        value,
    };
    let (counts, all) = faults(&[sample("FI", 30.0), sample("DI,FI", 10.0), sample("-", 60.0)]);
    assert_eq!((counts["FI"], counts["DI"], all), (40.0, 10.0, 100.0));
    let both = mesh::edit::FaultSpec { delay: Some((7000, 10.0)), abort: Some((503, 40.0)) };
    assert!(agrees(&of_fault(&both), &(counts, all)));
}
