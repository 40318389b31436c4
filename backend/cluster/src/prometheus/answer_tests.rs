use super::*;

/// A series between cart and pay, with some labels changed.
fn sample(value: f64, changes: &[(&str, &str)]) -> Sample {
    let mut labels: HashMap<String, String> = HashMap::new();
    for side in ["source", "destination"] {
        let app = if side == "source" { "cart" } else { "pay" };
        for (label, value) in
            [("cluster", "Kubernetes"), ("workload_namespace", "shop"), ("canonical_revision", "v1")]
        {
            labels.insert(format!("{side}_{label}"), value.into());
        }
        labels.insert(format!("{side}_workload"), format!("{app}-v1"));
        labels.insert(format!("{side}_canonical_service"), app.into());
    }
    for (label, value) in [
        ("destination_service", "pay.shop.svc.cluster.local"),
        ("destination_service_name", "pay"),
        ("destination_service_namespace", "shop"),
        ("request_protocol", "http"),
        ("response_code", "200"),
        ("response_flags", "-"),
    ]
    .iter()
    .chain(changes)
    {
        labels.insert((*label).into(), (*value).into());
    }
    Sample { labels, value }
}

fn traffic(answers: &[(Question, Vec<Sample>)]) -> Traffic {
    let mut gathered = Gathered::default();
    for (question, samples) in answers {
        samples.iter().for_each(|sample| gathered.take(*question, sample));
    }
    gathered.traffic(60)
}

fn lines(answers: &[(Question, Vec<Sample>)]) -> Vec<String> {
    let traffic = traffic(answers);
    let lines = traffic.flows.iter().map(|(path, flow)| {
        let codes = flow.responses.iter().map(|((code, flags), rate)| format!(" {code}/{flags}={rate}"));
        format!(
            "{}>{} {:?}{} p95={:?} mtls={}/{} bytes={}/{} {}",
            path.source.workload,
            path.destination.workload,
            path.protocol,
            codes.collect::<String>(),
            flow.p95_ms,
            flow.mutual_tls,
            flow.plaintext,
            flow.bytes_sent,
            flow.bytes_received,
            path.source.principal,
        )
    });
    lines.collect()
}

const MTLS: (&str, &str) = ("connection_security_policy", "mutual_tls");
const ANN: (&str, &str) = ("source_principal", "spiffe://x/ns/shop/sa/cart");

#[test]
fn each_call_counts_once_and_the_caller_knows_best() {
    let client = vec![sample(4.0, &[]), sample(1.0, &[("response_code", "503"), ("response_flags", "UF")])];
    let server = vec![sample(4.1, &[MTLS, ANN])];
    assert_eq!(
        lines(&[(Question::Client, client), (Question::Server, server)]),
        ["cart-v1>pay-v1 Http 200/-=4 503/UF=1 p95=None mtls=4.1/0 bytes=0/0 spiffe://x/ns/shop/sa/cart"]
    );
}

#[test]
fn a_caller_without_a_proxy_is_counted_by_the_called_side() {
    let outside = [("source_workload", "unknown"), ("connection_security_policy", "none")];
    assert_eq!(
        lines(&[(Question::Client, vec![]), (Question::Server, vec![sample(2.0, &outside)])]),
        ["unknown>pay-v1 Http 200/-=2 p95=None mtls=0/2 bytes=0/0 unknown"]
    );
}

#[test]
fn security_is_a_sum_over_all_series() {
    let plain = ("connection_security_policy", "none");
    let server =
        vec![sample(3.0, &[MTLS]), sample(1.0, &[plain]), sample(1.0, &[plain, ("response_code", "404")])];
    assert_eq!(
        lines(&[(Question::Server, server)]),
        ["cart-v1>pay-v1 Http 200/-=4 404/-=1 p95=None mtls=3/2 bytes=0/0 unknown"]
    );
}

#[test]
fn grpc_counts_by_its_own_status_unless_http_failed() {
    let grpc = ("request_protocol", "grpc");
    let client = vec![
        sample(1.0, &[grpc, ("grpc_response_status", "14")]),
        sample(2.0, &[grpc, ("grpc_response_status", "0")]),
        sample(3.0, &[grpc, ("grpc_response_status", "0"), ("response_code", "500")]),
        sample(4.0, &[grpc, ("response_code", "0"), ("response_flags", "DC")]),
    ];
    assert_eq!(
        lines(&[(Question::Client, client)]),
        ["cart-v1>pay-v1 Grpc -/DC=4 0/-=2 14/-=1 500/-=3 p95=None mtls=0/0 bytes=0/0 unknown"]
    );
}

#[test]
fn the_callers_latency_wins() {
    let times = vec![
        sample(9.0, &[("reporter", "destination")]),
        sample(30.0, &[("reporter", "source")]),
        sample(8.0, &[("reporter", "destination")]),
    ];
    assert_eq!(
        lines(&[(Question::Client, vec![sample(1.0, &[])]), (Question::P95, times)]),
        ["cart-v1>pay-v1 Http 200/-=1 p95=Some(30.0) mtls=0/0 bytes=0/0 unknown"]
    );
}

#[test]
fn latency_without_calls_is_no_traffic() {
    assert_eq!(lines(&[(Question::P95, vec![sample(9.0, &[])])]), Vec::<String>::new());
}

#[test]
fn tcp_bytes_as_the_client_sees_them() {
    let tcp = ("request_protocol", "tcp");
    let by = |side, value| sample(value, &[tcp, ("reporter", side), MTLS]);
    let answers = [
        (Question::TcpSent, vec![by("source", 10.0), by("destination", 11.0)]),
        (Question::TcpReceived, vec![by("source", 500.0)]),
    ];
    assert_eq!(lines(&answers), ["cart-v1>pay-v1 Tcp p95=None mtls=521/0 bytes=10/500 unknown"]);
}

#[test]
fn bytes_of_requests_are_the_callers() {
    let by = |side, value| sample(value, &[("reporter", side)]);
    let sizes = |answers: &[(Question, Vec<Sample>)]| {
        let flows = traffic(answers).flows.into_values();
        flows.map(|flow| (flow.request_bytes, flow.response_bytes)).collect::<Vec<_>>()
    };
    let mut answers = vec![
        (Question::RequestBytes, vec![by("destination", 9.0), by("source", 10.0), by("waypoint", 1.0)]),
        (Question::ResponseBytes, vec![by("destination", 400.0)]),
    ];
    assert_eq!(sizes(&answers), [], "bytes without calls are no traffic");
    answers.push((Question::Client, vec![sample(1.0, &[])]));
    assert_eq!(sizes(&answers), [(Some(11.0), Some(400.0))]);
    let without = [(Question::Client, vec![sample(1.0, &[])])];
    assert_eq!(sizes(&without), [(None, None)]);
}

#[test]
fn leftovers_of_deleted_pods_are_left_out() {
    let ghost = sample(1.0, &[("destination_workload", "unknown"), ("destination_service", "10.8.0.4:9080")]);
    let aborted = sample(
        1.0,
        &[("destination_workload", "unknown"), ("response_flags", "FI"), ("response_code", "503")],
    );
    assert_eq!(
        lines(&[(Question::Client, vec![ghost, aborted])]),
        ["cart-v1>unknown Http 503/FI=1 p95=None mtls=0/0 bytes=0/0 unknown"]
    );
}

#[test]
fn a_missing_cluster_of_the_destination_is_the_callers() {
    let traffic = traffic(&[(Question::Client, vec![sample(1.0, &[("destination_cluster", "unknown")])])]);
    let path = traffic.flows.keys().next().expect("a path");
    assert_eq!(&*path.destination.cluster, "Kubernetes");
}

/// More paths than are kept are told; those that are kept go on being counted.
#[test]
fn paths_without_end_are_counted_to_an_end() {
    let mut gathered = Gathered::default();
    let of = |number: usize| sample(1.0, &[("source_workload", &format!("cart-{number}"))]);
    for question in [Question::Client, Question::Server] {
        (0..PATHS + 3).for_each(|number| gathered.take(question, &of(number)));
    }
    let traffic = gathered.traffic(60);
    assert_eq!(traffic.flows.len(), PATHS);
    assert_eq!(traffic.remarks, ["6 series are of paths beyond the first 20000, and not counted"]);
}

#[test]
fn series_without_labels_are_lost_aloud() {
    let nameless = || Sample { labels: HashMap::new(), value: 0.7 };
    let traffic = traffic(&[
        (Question::Client, vec![sample(1.0, &[]), nameless()]),
        (Question::Server, vec![nameless()]),
        (Question::Unreported, vec![nameless()]),
    ]);
    assert_eq!(traffic.flows.len(), 1);
    assert_eq!(
        traffic.remarks,
        ["1.4 requests/s could not be placed: their series lack the labels of Istio"]
    );
}

#[test]
fn what_no_bucket_holds_is_not_measured_and_nothing_is_below_zero() {
    let calls = vec![sample(2.0, &[]), sample(-1.0, &[("response_code", "503")]), sample(f64::INFINITY, &[])];
    let times = vec![sample(f64::INFINITY, &[("reporter", "source")])];
    assert_eq!(
        lines(&[(Question::Client, calls), (Question::P95, times)]),
        ["cart-v1>pay-v1 Http 200/-=2 p95=None mtls=0/0 bytes=0/0 unknown"]
    );
}

#[test]
fn what_came_past_every_service_is_of_no_service() {
    let past = [
        ("destination_service", "InboundPassthroughCluster"),
        ("destination_service_name", "InboundPassthroughCluster"),
    ];
    let traffic = traffic(&[(Question::Server, vec![sample(1.0, &past)])]);
    let path = traffic.flows.keys().next().expect("a path");
    assert_eq!((&*path.service.name, &*path.destination.workload), ("unknown", "pay-v1"));
}

/// What callers count is what they wait; a caller without a proxy is counted by the called side.
#[test]
fn what_was_usual_is_told_by_path() {
    let of = |reporter: &'static str, value: f64| sample(value, &[("reporter", reporter)]);
    let bare = |value: f64| sample(value, &[("reporter", "destination"), ("source_workload", "old")]);
    let mut usual = UsualOf::default();
    let rates = [of("source", 12.0), of("destination", 11.0), bare(3.0), of("source", f64::NAN)];
    rates.iter().for_each(|sample| usual.take(OfHour::Rate, sample));
    [of("source", 8.0), of("destination", 5.0)].iter().for_each(|sample| usual.take(OfHour::Time, sample));
    usual.take(OfHour::Plaintext, &bare(7.0));
    let usual = usual.paths();
    let told: Vec<_> = usual
        .iter()
        .map(|(path, usual)| (&*path.source.workload, usual.rps, usual.p95_ms, usual.plaintext))
        .collect();
    assert_eq!(told, [("cart-v1", 12.0, Some(8.0), 0.0), ("old", 3.0, None, 7.0)]);
}

/// A proxy that refuses a call before it knows who calls counts it too: the caller's proxy has counted it.
#[test]
fn what_a_proxy_refused_early_is_counted_once() {
    let nobody = [("source_workload", "unknown"), ("source_workload_namespace", "unknown")];
    let answered = |code: &'static str, security: &'static str| {
        let labels =
            [&nobody[..], &[("response_code", code), ("connection_security_policy", security)]].concat();
        [
            (Question::Client, vec![sample(3.0, &[("response_code", code)])]),
            (Question::Server, vec![sample(3.0, &labels)]),
        ]
    };
    let callers = |code, security| -> Vec<String> {
        traffic(&answered(code, security)).flows.keys().map(|path| path.source.workload.to_string()).collect()
    };
    assert_eq!(callers("429", "mutual_tls"), ["cart-v1"]);
    assert_eq!(callers("429", "none"), ["cart-v1", "unknown"], "somebody without a proxy");
    assert_eq!(
        callers("200", "mutual_tls"),
        ["cart-v1", "unknown"],
        "it was answered: its caller lost its label"
    );
}
