//! VirtualServices that istiod refuses.

use serde_json::Value;

use super::{
    Problems,
    values::{destination, duration, export_to, has, http_status, is_host, is_subnet, items, percent, port, text, texts},
};

pub(super) fn virtual_service(spec: &Value, problems: &mut Problems) {
    let delegate = items(spec, "/hosts").next().is_none();
    let gateways: Vec<&str> = texts(spec, "/gateways").collect();
    if delegate {
        // Without hosts it is one that others delegate to: only HTTP routes, no gateways.
        problems.unless(gateways.is_empty(), || "delegate virtual service must have no gateways specified".into());
        problems
            .unless(!has(spec, "/tls") && !has(spec, "/tcp"), || "delegate virtual service cannot have tls or tcp routes".into());
    }
    let on_mesh = gateways.is_empty() || gateways.contains(&"mesh");
    let mut seen = Vec::new();
    for host in texts(spec, "/hosts") {
        problems.unless(is_host(host), || format!("domain name \"{host}\" invalid"));
        problems.unless(!(on_mesh && host == "*"), || {
            "wildcard host * is not allowed for virtual services bound to the mesh gateway".into()
        });
        problems.unless(!seen.contains(&host), || format!("duplicate hosts in virtual service: {host}"));
        seen.push(host);
    }
    for gateway in &gateways {
        problems.unless(!gateway.is_empty(), || "gateway name is empty".into());
    }
    let routes = ["http", "tcp", "tls"].iter().map(|kind| items(spec, &format!("/{kind}")).count()).sum::<usize>();
    problems.unless(routes > 0, || "http, tcp or tls must be provided in virtual service".into());
    for route in items(spec, "/http") {
        http_route(route, problems);
    }
    for kind in ["/tls", "/tcp"] {
        for route in items(spec, kind) {
            weights(route, problems);
            problems
                .unless(items(route, "/route").next().is_some(), || format!("{} route is required", &kind[1..].to_uppercase()));
            for one in items(route, "/match") {
                port(one, "/port", problems);
                for subnet in texts(one, "/destinationSubnets") {
                    problems.unless(is_subnet(subnet), || format!("{subnet} is not a valid CIDR block"));
                }
                if kind == "/tls" {
                    problems
                        .unless(items(one, "/sniHosts").next().is_some(), || "TLS match must have at least one SNI host".into());
                }
            }
            if kind == "/tls" {
                problems.unless(items(route, "/match").next().is_some(), || {
                    "TLS route must have at least one match condition".into()
                });
            }
        }
    }
    export_to(spec, problems);
}

fn http_route(route: &Value, problems: &mut Problems) {
    let ways = ["route", "redirect", "directResponse", "delegate"].map(|way| has(route, &format!("/{way}")));
    match ways {
        [false, false, false, false] => problems.add("HTTP route, redirect or direct_response is required"),
        [true, true, _, _] => problems.add("HTTP route cannot contain both route and redirect"),
        [true, _, true, _] => problems.add("HTTP route cannot contain both route and direct_response"),
        [_, true, true, _] => problems.add("HTTP route cannot contain both redirect and direct_response"),
        [true, _, _, true] => problems.add("root HTTP route and delegate cannot be set at the same time"),
        _ => {}
    }
    if ways[1] {
        for (field, words) in [("/fault", "fault"), ("/rewrite", "rewrite")] {
            problems.unless(!has(route, field), || format!("HTTP route rule cannot contain both {words} and redirect"));
        }
        let code = route.pointer("/redirect/redirectCode").and_then(Value::as_i64);
        problems.unless(code.is_none_or(|code| (300..=399).contains(&code)), || {
            format!("{} is not a valid redirect response code", code.unwrap_or_default())
        });
    }
    http_status(route, "/directResponse/status", problems);
    for one in items(route, "/match") {
        http_match(one, problems);
    }
    weights(route, problems);
    for mirror in [route.pointer("/mirror")].into_iter().flatten() {
        destination(mirror, problems);
    }
    problems.unless(!(has(route, "/mirror") && has(route, "/mirrors")), || {
        "HTTP route cannot contain both mirror and mirrors".into()
    });
    for mirror in items(route, "/mirrors") {
        destination(mirror.get("destination").unwrap_or(&Value::Null), problems);
        percent(mirror, "/percentage/value", problems);
    }
    percent(route, "/mirrorPercentage/value", problems);
    percent(route, "/mirrorPercent", problems);
    percent(route, "/mirror_percent", problems);
    duration(route, "/timeout", problems);
    retries(route, problems);
    fault(route, problems);
    if let Some(rewrite) = route.get("rewrite") {
        let any = ["/uri", "/authority", "/uriRegexRewrite"].iter().any(|field| has(rewrite, field));
        problems.unless(any, || "rewrite must specify path rewrite, authority rewrite, or both".into());
        problems.unless(!(has(rewrite, "/uri") && has(rewrite, "/uriRegexRewrite")), || {
            "rewrite may only contain one of URI or URI regex rewrite".into()
        });
    }
    for method in texts(route, "/corsPolicy/allowMethods") {
        const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE", "*"];
        problems.unless(METHODS.contains(&method), || format!("\"{method}\" is not a supported HTTP method"));
    }
    duration(route, "/corsPolicy/maxAge", problems);
}

fn http_match(one: &Value, problems: &mut Problems) {
    for field in ["uri", "scheme", "method", "authority"] {
        if let Some(value) = one.get(field) {
            string_match(value, field, problems);
        }
    }
    for field in ["headers", "withoutHeaders", "queryParams"] {
        for (name, value) in one.get(field).and_then(Value::as_object).into_iter().flatten() {
            problems.unless(!name.is_empty(), || "header name cannot be empty".into());
            string_match(value, name, problems);
        }
    }
    port(one, "/port", problems);
}

fn string_match(value: &Value, name: &str, problems: &mut Problems) {
    let given = ["exact", "prefix", "regex"].iter().filter(|how| has(value, &format!("/{how}"))).count();
    problems.unless(given <= 1, || format!("\"{name}\": only one of exact, prefix or regex can be set"));
    let regex = text(value, "/regex");
    if !regex.is_empty()
        && let Err(error) = regex::Regex::new(regex)
    {
        let words = error.to_string();
        let last = words.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        problems.add(format!(
            "\"{name}\": {last}; Istio uses RE2 style regex-based match (https://github.com/google/re2/wiki/Syntax)"
        ));
    }
}

/// Shares: none below zero, and together more than nothing.
fn weights(route: &Value, problems: &mut Problems) {
    let weights: Vec<i64> = items(route, "/route").map(|way| way.get("weight").and_then(Value::as_i64).unwrap_or(0)).collect();
    for way in items(route, "/route") {
        match way.get("destination") {
            Some(to) => destination(to, problems),
            None => problems.add("destination is required"),
        }
    }
    for weight in &weights {
        problems.unless(*weight >= 0, || format!("weight {weight} < 0"));
    }
    if weights.len() > 1 && weights.iter().sum::<i64>() == 0 {
        problems.add("total destination weight = 0");
    }
}

fn retries(route: &Value, problems: &mut Problems) {
    let Some(retries) = route.get("retries") else { return };
    let attempts = retries.get("attempts").and_then(Value::as_i64).unwrap_or(0);
    problems.unless(attempts >= 0, || "attempts cannot be negative".into());
    if attempts == 0 && (has(retries, "/retryOn") || has(retries, "/perTryTimeout")) {
        problems.add("http retry policy configured when attempts are set to 0 (disabled)");
    }
    duration(retries, "/perTryTimeout", problems);
    duration(retries, "/backoff", problems);
    const KNOWN: &[&str] = &[
        "5xx",
        "gateway-error",
        "reset",
        "reset-before-request",
        "connect-failure",
        "retriable-4xx",
        "refused-stream",
        "retriable-status-codes",
        "retriable-headers",
        "envoy-ratelimited",
        "http3-post-connect-failure",
        "cancelled",
        "deadline-exceeded",
        "internal",
        "resource-exhausted",
        "unavailable",
    ];
    for on in text(retries, "/retryOn").split(',').map(str::trim).filter(|on| !on.is_empty()) {
        problems.unless(KNOWN.contains(&on) || on.parse::<u16>().is_ok_and(|code| (100..600).contains(&code)), || {
            format!("unsupported retry_on policy {on}")
        });
    }
}

fn fault(route: &Value, problems: &mut Problems) {
    let Some(fault) = route.get("fault") else { return };
    let (delay, abort) = (fault.get("delay"), fault.get("abort"));
    problems.unless(delay.is_some() || abort.is_some(), || "HTTP fault injection must have an abort and/or a delay".into());
    if let Some(delay) = delay {
        percent(delay, "/percentage/value", problems);
        percent(delay, "/percent", problems);
        problems.unless(has(delay, "/fixedDelay") || has(delay, "/exponentialDelay"), || {
            "exponentialDelay is not supported; fixedDelay is required".into()
        });
        duration(delay, "/fixedDelay", problems);
    }
    if let Some(abort) = abort {
        percent(abort, "/percentage/value", problems);
        let given = ["httpStatus", "grpcStatus", "http2Error"].iter().filter(|how| has(abort, &format!("/{how}"))).count();
        problems.unless(given > 0, || "abort configuration is missing error type".into());
        http_status(abort, "/httpStatus", problems);
        let grpc = text(abort, "/grpcStatus");
        const KNOWN: &[&str] = &[
            "OK",
            "CANCELLED",
            "UNKNOWN",
            "INVALID_ARGUMENT",
            "DEADLINE_EXCEEDED",
            "NOT_FOUND",
            "ALREADY_EXISTS",
            "PERMISSION_DENIED",
            "UNAUTHENTICATED",
            "RESOURCE_EXHAUSTED",
            "FAILED_PRECONDITION",
            "ABORTED",
            "OUT_OF_RANGE",
            "UNIMPLEMENTED",
            "INTERNAL",
            "UNAVAILABLE",
            "DATA_LOSS",
        ];
        problems.unless(grpc.is_empty() || KNOWN.contains(&grpc) || grpc.parse::<u8>().is_ok_and(|code| code <= 16), || {
            format!("gRPC status \"{grpc}\" is not supported. See https://github.com/grpc/grpc/blob/master/doc/statuscodes.md for a list of supported codes, e.g. UNAVAILABLE or 14")
        });
    }
}
