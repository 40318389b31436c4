use super::*;

const CALL: &str = r#"[2026-11-22T07:26:54.470Z] "GET /reviews/0?a b HTTP/1.1" 503 UF,URX upstream_reset_before_response_started{connection_failure} - "TLS error: x y" 0 302 12 - "-" "load gen" "b67aa804-ddd0" "reviews:9080" "10.88.0.17:9080" outbound|9080|v1|reviews.bookinfo.svc.cluster.local 10.88.0.13:60476 10.96.228.9:9080 10.88.0.13:46324 - default"#;

fn line(at: i64, text: &str) -> Line {
    Line { at: Timestamp::from_second(at).unwrap(), text: text.into(), end: None }
}

#[test]
fn istios_text_is_read() {
    let access = Access::read(CALL).unwrap();
    let said: Vec<String> = access.said().map(|(name, value)| format!("{name}: {value}")).collect();
    insta::assert_snapshot!(said.join("\n"), @r"
    Begun: 2026-11-22T07:26:54.470Z
    Method: GET
    Path: /reviews/0?a b
    Protocol: HTTP/1.1
    Code: 503
    Flags: UF,URX
    Because: upstream_reset_before_response_started{connection_failure}
    Connection failed because: TLS error: x y
    Bytes received: 0
    Bytes sent: 302
    Took, ms: 12
    User agent: load gen
    Request id: b67aa804-ddd0
    Host asked for: reviews:9080
    Sent to: 10.88.0.17:9080
    Cluster: outbound|9080|v1|reviews.bookinfo.svc.cluster.local
    Sent from: 10.88.0.13:60476
    Came to: 10.96.228.9:9080
    Came from: 10.88.0.13:46324
    Route: default
    ");
    assert_eq!((access.end(), access.trace()), (End::Failed, None));
    assert_eq!(
        details(access.get("response_code_details")),
        "the connection broke before the callee answered"
    );
    assert_eq!(details("rbac_access_denied_matched_policy[none]"), "refused by an AuthorizationPolicy");
}

#[test]
fn json_is_read_and_other_lines_are_none() {
    let access =
        Access::read(r#"{"response_code":404,"path":"/x","trace_id":"4bf9","mine":true,"flags":null}"#)
            .unwrap();
    assert_eq!((access.end(), access.trace(), access.get("path")), (End::Refused, Some("4bf9"), "/x"));
    assert!(access.said().any(|said| said == ("mine", "true")));
    let before = format!("[pod/a/istio-proxy] 2026-11-22T07:26:54Z {CALL}");
    assert_eq!((Access::read(&before), Access::find(&before)), (None, Access::read(CALL)));
    assert_eq!(Access::find("nothing"), None);
    for other in [
        "",
        r#"{"level":"info","msg":"started"}"#,
        "[2026-11-22T07:26:54.470Z] \"GET",
        "[info] started",
        "[2026-11-22] \"a b c\" x y",
        "2026-11-22T07:26:54Z\tinfo\tEnvoy proxy is ready",
    ] {
        assert_eq!(Access::read(other), None, "{other}");
    }
    let ended = |code: &str, flags: &str, request: &str| {
        let line = CALL
            .replace(" 503 UF,URX ", &format!(" {code} {flags} "))
            .replace("GET /reviews/0?a b HTTP/1.1", request);
        Access::read(&line).unwrap().end()
    };
    assert_eq!(ended("200", "-", "GET / HTTP/2"), End::Well);
    assert_eq!(ended("0", "DC", "GET / HTTP/2"), End::Failed);
    assert_eq!(ended("0", "-", "- - -"), End::Well, "a connection");
    assert_eq!(ended("0", "UF", "- - -"), End::Failed);
}

#[test]
fn lines_have_their_times() {
    let read = Line::read(&format!("2026-11-22T07:26:54.5Z {CALL}"));
    assert_eq!((read.at.to_string().as_str(), read.end), ("2026-11-22T07:26:54.5Z", Some(End::Failed)));
    assert_eq!(&*read.text, CALL);
    assert_eq!(&*Line::read("no time here").text, "no time here");
    let long = "ä".repeat(LONGEST);
    assert!(Line::read(&format!("2026-11-22T07:26:54Z {long}")).text.len() < LONGEST + 20);
}

#[test]
fn what_is_dropped_is_counted() {
    let mut log = Log::default();
    for number in 0..(MOST_LINES as i64 + 700) {
        log.push(line(number, "x"));
    }
    assert!(log.len() <= MOST_LINES && log.len() > MOST_LINES - CHUNK);
    assert_eq!(log.len() as u64 + log.dropped, MOST_LINES as u64 + 700);
    let first = log.places().next().unwrap().1.at.as_second();
    assert_eq!((first as u64, log.newest().unwrap().as_second()), (log.dropped, MOST_LINES as i64 + 699));
    let mut big = Log::default();
    (0..3000).for_each(|number| big.push(line(number, &"x".repeat(LONGEST))));
    assert!(big.dropped > 0 && big.bytes <= MOST_BYTES + CHUNK * (LONGEST + 100), "{}", big.bytes);
}

#[test]
fn several_are_merged_by_time_and_searched() {
    let mut logs = [Log::default(), Log::default()];
    for number in 0..1000 {
        logs[number as usize % 2].push(line(number, &format!("line {number}")));
    }
    logs[0].push(Line { end: Some(End::Failed), ..line(5, "GET /pay 503") });
    let logs = logs.map(Arc::new);
    let found = |words: &str, failed| {
        let places = merged(&logs, &Sought { words: words.to_owned(), failed, ..Sought::default() });
        places
            .iter()
            .map(|(log, place)| logs[*log as usize].line(*place).unwrap().clone())
            .collect::<Vec<_>>()
    };
    let all = found("", false);
    assert!(all.len() == 1001 && all.is_sorted_by_key(|line| line.at));
    let words =
        |lines: Vec<Line>| lines.iter().map(|line| line.text.to_string()).collect::<Vec<_>>().join(", ");
    assert_eq!(
        words(found("LINE 77 -770 -779", false)),
        "line 77, line 177, line 277, line 377, line 477, line 577, line 677, line 771, line 772, line 773, line 774, line 775, line 776, line 777, line 778, line 877, line 977"
    );
    assert_eq!(words(found("", true)), "GET /pay 503");
    assert!(found("pay nowhere", false).is_empty());
}

#[test]
fn of_one_moment_and_one_request() {
    let mut log = Log::default();
    for (number, text) in
        ["before", "GET /pay b67aa804", "other", "b67aa804 done", "after"].into_iter().enumerate()
    {
        log.push(line(number as i64, text));
    }
    let log = Arc::new(log);
    let at = |secs| Timestamp::from_second(secs).unwrap();
    let found = |any: &[&str]| {
        let any = any.iter().map(|word| (*word).to_owned()).collect();
        let sought = Sought { between: Some((at(1), at(3))), any, ..Sought::default() };
        let places = merged(std::slice::from_ref(&log), &sought);
        places.iter().map(|(_, place)| log.line(*place).unwrap().text.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(found(&[]), ["GET /pay b67aa804", "other", "b67aa804 done"]);
    assert_eq!(found(&["4bf9", "b67aa804"]), ["GET /pay b67aa804", "b67aa804 done"]);
}
