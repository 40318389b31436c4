//! VirtualServices that istiod refuses.

use serde_json::Value;

use super::{
    Problems, Subject,
    faults::fault,
    unused,
    values::{
        destination, duration, entries, export_to, has, header_name, is_address, is_label, is_subset, items,
        label_set, overlap, port, regex, subnet, text, texts, whole, wildcard_domain,
    },
};

pub(super) fn virtual_service(subject: &Subject<'_>, problems: &mut Problems) {
    let spec = subject.spec;
    let hosts: Vec<&str> = texts(spec, "/hosts").collect();
    let gateways: Vec<&str> = texts(spec, "/gateways").collect();
    let delegate = hosts.is_empty();
    if delegate {
        problems.unless(gateways.is_empty(), || {
            "delegate virtual service must have no gateways specified".into()
        });
        for kind in ["tls", "tcp"] {
            problems.unless(!has(spec, &format!("/{kind}")), || {
                format!("delegate virtual service must have no {kind} route specified")
            });
        }
    }
    gateway_names(spec, "/gateways", problems);
    let at_gateway = !gateways.is_empty() && !gateways.contains(&"mesh");
    names_of_hosts(spec, &hosts, at_gateway, problems);
    let routes: usize = ["/http", "/tcp", "/tls"].iter().map(|kind| items(spec, kind).count()).sum();
    problems.unless(routes > 0, || "http, tcp or tls must be provided in virtual service".into());
    for route in items(spec, "/http") {
        if !at_gateway {
            for (key, _) in items(route, "/match")
                .flat_map(|one| entries(one, "/headers").chain(entries(one, "/withoutHeaders")))
            {
                problems.unless(!is_claim(key), || {
                    format!("JWT claim based routing (key: {key}) is only supported for gateway, found no gateways: {gateways:?}")
                });
            }
        }
        http_route(route, delegate, problems);
    }
    for route in items(spec, "/tls") {
        tls_route(route, &hosts, problems);
    }
    for route in items(spec, "/tcp") {
        items(route, "/match").for_each(|one| l4_match(one, problems));
        problems.unless(items(route, "/route").next().is_some(), || "TCP route is required".into());
        weights(route, problems);
    }
    export_to(spec, subject.namespace, false, problems);
    unused::rules(spec, problems);
}

fn names_of_hosts(spec: &Value, hosts: &[&str], at_gateway: bool, problems: &mut Problems) {
    // Between clusters a gateway matches names like `outbound_.80_._.reviews.default.svc`.
    let by_sni = items(spec, "/tls").any(|route| items(route, "/match").any(|one| has(one, "/sniHosts")));
    let mut good = true;
    for host in hosts {
        let name = if at_gateway && by_sni { host.replace('_', "") } else { (*host).to_owned() };
        match wildcard_domain(&name) {
            Err(words) if !is_address(host) => {
                good = false;
                problems.add(words);
            }
            Ok(()) if !at_gateway && *host == "*" => {
                good = false;
                problems.add("wildcard host * is not allowed for virtual services bound to the mesh gateway");
            }
            _ => {}
        }
    }
    if good {
        for (index, first) in hosts.iter().enumerate() {
            for second in hosts.iter().skip(index + 1).filter(|second| overlap(first, second)) {
                problems.add(format!("duplicate hosts in virtual service: {first} & {second}"));
            }
        }
    }
}

pub(super) fn gateway_names(value: &Value, path: &str, problems: &mut Problems) {
    for name in texts(value, path) {
        let Some((namespace, gateway)) = name.split_once('/') else {
            if let [gateway, namespace, ..] = name.split('.').collect::<Vec<_>>().as_slice() {
                problems.warn(format!(
                    "using legacy gatewayName format \"{name}\"; prefer the <namespace>/<name> format: \"{namespace}/{gateway}\""
                ));
            }
            problems.note(super::values::fqdn(name));
            continue;
        };
        problems.unless(!namespace.is_empty() && !gateway.is_empty(), || {
            "config namespace and gateway name cannot be empty".into()
        });
        problems.unless(is_label(namespace), || format!("invalid value for namespace: \"{namespace}\""));
        problems.unless(is_label(gateway), || format!("invalid value for gateway name: \"{gateway}\""));
    }
}

/// What of a route cannot stand beside what else.
fn conflicts(route: &Value, delegate: bool, problems: &mut Problems) {
    let there = |name: &str| has(route, &format!("/{name}"));
    if there("delegate") {
        problems.unless(!delegate, || "delegate HTTP route cannot contain delegate".into());
        for field in ["route", "redirect", "directResponse"] {
            problems.unless(!there(field), || {
                format!("root HTTP route must not contain {field} beside delegate")
            });
        }
        return;
    }
    let way = if there("directResponse") {
        Some("direct_response")
    } else {
        there("redirect").then_some("redirect")
    };
    match way {
        Some(way) => {
            problems.unless(items(route, "/route").next().is_none(), || {
                format!("HTTP route cannot contain both route and {way}")
            });
            problems.unless(!there("fault"), || format!("HTTP route cannot contain both fault and {way}"));
            problems.unless(!there("rewrite"), || {
                format!("HTTP route rule cannot contain both rewrite and {way}")
            });
            problems.unless(way == "redirect" || !there("redirect"), || {
                "HTTP route cannot contain both redirect and direct_response".into()
            });
        }
        None => problems.unless(items(route, "/route").next().is_some(), || {
            "HTTP route, redirect or direct_response is required".into()
        }),
    }
    problems.unless(!(there("mirror") && there("mirrors")), || {
        "HTTP route cannot contain both mirror and mirrors".into()
    });
}

/// A root and its delegate ask for both matches, which cannot be told of expressions.
fn no_expressions(one: &Value, problems: &mut Problems) {
    let mut add = |what: String| problems.add(format!("{what} does not support regex match for delegating"));
    for (field, word) in
        [("uri", "url"), ("scheme", "scheme"), ("method", "method"), ("authority", "authority")]
    {
        if has(one, &format!("/{field}/regex")) {
            add(format!("{word} match"));
        }
    }
    for (field, word) in
        [("headers", "header"), ("queryParams", "query param"), ("withoutHeaders", "withoutHeaders")]
    {
        for (name, _) in entries(one, &format!("/{field}")).filter(|(_, value)| has(value, "/regex")) {
            add(format!("{word} match {name}"));
        }
    }
}

fn http_route(route: &Value, delegate: bool, problems: &mut Problems) {
    conflicts(route, delegate, problems);
    if delegate || has(route, "/delegate") {
        items(route, "/match").for_each(|one| no_expressions(one, problems));
    }
    items(route, "/match").for_each(|one| http_match(one, problems));
    headers(route, problems);
    cors(route, problems);
    fault(route, problems);
    mirrors(route, problems);
    redirect(route, problems);
    direct_response(route, problems);
    retries(route, problems);
    rewrite(route, problems);
    items(route, "/route").for_each(|way| headers(way, problems));
    weights(route, problems);
    duration(route, "/timeout", problems);
}

fn is_claim(header: &str) -> bool {
    header.starts_with("@request.auth.claims")
}

fn http_match(one: &Value, problems: &mut Problems) {
    for field in ["uri", "scheme", "method", "authority"] {
        if let Some(value) = one.get(field) {
            string_match(value, field, problems);
        }
    }
    for field in ["headers", "withoutHeaders"] {
        for (name, value) in entries(one, &format!("/{field}")) {
            if !is_claim(name) {
                problems.note(header_name(name));
            }
            string_match(value, "headers", problems);
        }
    }
    for (_, value) in entries(one, "/queryParams") {
        string_match(value, "queryParams", problems);
    }
    if whole(one, "/port") != 0 {
        port(one, "/port", problems);
    }
    label_set(one, "/sourceLabels", problems);
    gateway_names(one, "/gateways", problems);
}

fn string_match(value: &Value, place: &str, problems: &mut Problems) {
    problems.unless(!has(value, "/prefix") || !text(value, "/prefix").is_empty(), || {
        format!("\"{place}\": prefix string match should not be empty")
    });
    if has(value, "/regex") {
        problems.note(regex(text(value, "/regex"), place));
    }
}

/// Headers that are set, added, removed.
fn headers(value: &Value, problems: &mut Problems) {
    for side in ["request", "response"] {
        for how in ["add", "set"] {
            for (name, value) in entries(value, &format!("/headers/{side}/{how}")) {
                // The authority may be changed on the way there.
                let authority = side == "request"
                    && (name.eq_ignore_ascii_case("host") || name.eq_ignore_ascii_case(":authority"));
                if !authority {
                    problems.note(changed_header(name));
                }
                problems.note(header_value(value.as_str().unwrap_or_default()));
            }
        }
        for name in texts(value, &format!("/headers/{side}/remove")) {
            problems.note(changed_header(name));
        }
    }
}

fn changed_header(name: &str) -> Result<(), String> {
    match name {
        "" => Err("header name cannot be empty".into()),
        name if name.eq_ignore_ascii_case("host") => {
            Err(format!("invalid header \"{name}\": cannot set Host header"))
        }
        name if name.starts_with(':') => {
            Err(format!("invalid header \"{name}\": header cannot have \":\" prefix"))
        }
        _ => Ok(()),
    }
}

/// Envoy replaces what stands between two `%`; a lone one is a mistake.
fn header_value(value: &str) -> Result<(), String> {
    if value.chars().any(|c| c.is_control() && c != '\t') {
        return Err(format!("header value configuration {value} is invalid"));
    }
    let lone = value.matches('%').count() % 2 == 1;
    if lone {
        return Err("header value configuration: single % not allowed.  Escape by doubling to %% or encase Envoy variable name in pair of %".into());
    }
    Ok(())
}

fn cors(route: &Value, problems: &mut Problems) {
    const METHODS: &[&str] =
        &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE"];
    for origin in items(route, "/corsPolicy/allowOrigins") {
        let given = ["/exact", "/prefix", "/regex"].iter().any(|how| !text(origin, how).is_empty());
        problems.unless(given, || "'' is not a valid match type for CORS allow origins".into());
        if !text(origin, "/regex").is_empty() {
            problems.note(regex(text(origin, "/regex"), "corsPolicy.allowOrigins"));
        }
    }
    for method in texts(route, "/corsPolicy/allowMethods") {
        problems.unless(METHODS.contains(&method), || format!("\"{method}\" is not a supported HTTP method"));
    }
    for name in texts(route, "/corsPolicy/allowHeaders")
        .chain(texts(route, "/corsPolicy/exposeHeaders"))
        .filter(|name| *name != "*")
    {
        problems.note(header_name(name));
    }
    duration(route, "/corsPolicy/maxAge", problems);
    let age = crate::duration::parse(text(route, "/corsPolicy/maxAge")).unwrap_or(0);
    problems
        .unless(age % 1_000_000_000 == 0, || "max_age duration is accurate only to seconds precision".into());
    problems.warn_if(has(route, "/corsPolicy/allowOrigin"), || {
        "corsPolicy.allowOrigin is deprecated; use allowOrigins".into()
    });
}

fn mirrors(route: &Value, problems: &mut Problems) {
    for field in ["mirrorPercent", "mirror_percent"] {
        let share = whole(route, &format!("/{field}"));
        problems
            .unless(share <= 100, || format!("mirror_percent must have a max value of 100 (it has {share})"));
        problems.warn_if(has(route, &format!("/{field}")), || {
            format!("{field} is deprecated; use mirrorPercentage")
        });
    }
    let share = route.pointer("/mirrorPercentage/value").and_then(Value::as_f64).unwrap_or(0.0);
    problems.unless(share <= 100.0, || {
        format!("mirror_percentage must have a max value of 100 (it has {share:.6})")
    });
    problems
        .unless(share >= 0.0, || format!("mirror_percentage must have a min value of 0 (it has {share:.6})"));
    if let Some(mirror) = route.get("mirror") {
        destination(mirror, problems);
    }
    for mirror in items(route, "/mirrors") {
        match mirror.get("destination") {
            Some(to) => destination(to, problems),
            None => problems.add("destination is required for mirrors"),
        }
        let share = mirror.pointer("/percentage/value").and_then(Value::as_f64).unwrap_or(0.0);
        problems.unless(share <= 100.0, || {
            format!("mirror percentage must have a max value of 100 (it has {share:.6})")
        });
        problems.unless(share >= 0.0, || {
            format!("mirror percentage must have a min value of 0 (it has {share:.6})")
        });
    }
}

fn redirect(route: &Value, problems: &mut Problems) {
    let Some(redirect) = route.get("redirect") else { return };
    let given = ["uri", "authority", "port", "derivePort", "scheme"]
        .iter()
        .any(|field| has(redirect, &format!("/{field}")));
    problems.unless(given, || "redirect must specify URI, authority, scheme, or port".into());
    let code = whole(redirect, "/redirectCode");
    problems.unless(code == 0 || (300..=399).contains(&code), || {
        format!("{code} is not a valid redirect code, must be 3xx")
    });
    problems.unless(matches!(text(redirect, "/scheme"), "" | "http" | "https"), || {
        "invalid redirect scheme, must be \"http\" or \"https\"".into()
    });
    if whole(redirect, "/port") > 0 {
        port(redirect, "/port", problems);
    }
}

fn direct_response(route: &Value, problems: &mut Problems) {
    let Some(response) = route.get("directResponse") else { return };
    let size = text(response, "/body/string").len().max(text(response, "/body/bytes").len() / 4 * 3);
    problems.unless(size <= 1024 * 1024, || {
        "large direct_responses may impact control plane performance, must be less than 1MB".into()
    });
    problems
        .warn_if(size > 100 * 1024, || "large direct_responses may impact control plane performance".into());
    problems.note(super::faults::http_status(whole(response, "/status")));
}

fn retries(route: &Value, problems: &mut Problems) {
    let Some(retries) = route.get("retries") else { return };
    let attempts = whole(retries, "/attempts");
    problems.unless(attempts >= 0, || "attempts cannot be negative".into());
    let more = ["perTryTimeout", "retryOn", "retryRemoteLocalities"]
        .iter()
        .any(|field| has(retries, &format!("/{field}")));
    problems.unless(attempts != 0 || !more, || {
        "http retry policy configured when attempts are set to 0 (disabled)".into()
    });
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
    for on in text(retries, "/retryOn").split(',').filter(|on| !on.is_empty()) {
        let status = on.parse::<u16>().ok().and_then(|code| http::StatusCode::from_u16(code).ok());
        problems.unless(
            KNOWN.contains(&on) || status.is_some_and(|status| status.canonical_reason().is_some()),
            || format!("\"{on}\" is not a valid retryOn policy"),
        );
    }
}

fn rewrite(route: &Value, problems: &mut Problems) {
    let Some(rewrite) = route.get("rewrite") else { return };
    let (uri, pattern, authority) = (
        !text(rewrite, "/uri").is_empty(),
        has(rewrite, "/uriRegexRewrite"),
        !text(rewrite, "/authority").is_empty(),
    );
    problems.unless(!(uri && pattern), || "rewrite may only contain one of URI or UriRegexRewrite".into());
    problems.unless(uri || pattern || authority, || {
        "rewrite must specify at least one of URI, UriRegexRewrite, or authority. Only one of URI or UriRegexRewrite may be specified".into()
    });
    if pattern {
        let (from, to) = (text(rewrite, "/uriRegexRewrite/match"), text(rewrite, "/uriRegexRewrite/rewrite"));
        if from.is_empty() || to.is_empty() {
            problems.add("UriRegexRewrite requires both Rewrite and Match fields to be specified");
        } else {
            problems.note(regex(from, "HTTPRewrite.UriRegexRewrite.Match"));
        }
    }
    let set = ["set", "add"].iter().any(|how| {
        entries(route, &format!("/headers/request/{how}"))
            .any(|(name, _)| name.eq_ignore_ascii_case("host") || name.eq_ignore_ascii_case(":authority"))
    });
    problems.unless(!(authority && set), || {
        "the authority can be set by rewrite or by headers, not by both".into()
    });
}

/// Shares: none below zero, and together more than nothing.
pub(super) fn weights(route: &Value, problems: &mut Problems) {
    let mut total = 0;
    for way in items(route, "/route") {
        match way.get("destination") {
            Some(to) => destination(to, problems),
            None => problems.add("destination is required"),
        }
        let weight = whole(way, "/weight");
        problems.unless(weight >= 0, || format!("weight {weight} < 0"));
        total += weight;
    }
    problems
        .unless(items(route, "/route").count() < 2 || total != 0, || "total destination weight = 0".into());
}

fn tls_route(route: &Value, hosts: &[&str], problems: &mut Problems) {
    problems.unless(items(route, "/match").next().is_some(), || {
        "TLS route must have at least one match condition".into()
    });
    for one in items(route, "/match") {
        problems.unless(items(one, "/sniHosts").next().is_some(), || {
            "TLS match must have at least one SNI host".into()
        });
        for sni in texts(one, "/sniHosts") {
            if is_address(sni) {
                problems
                    .warn(format!("using an IP address (\"{sni}\") goes against SNI spec and most clients do not support this"));
                continue;
            }
            match wildcard_domain(&sni.replace('_', "")) {
                Err(words) => problems.add(words),
                Ok(()) => problems.unless(hosts.iter().any(|host| is_subset(sni, host)), || {
                    format!(
                        "SNI host \"{sni}\" is not a compatible subset of any of the virtual service hosts: [{}]",
                        hosts.join(", ")
                    )
                }),
            }
        }
        l4_match(one, problems);
    }
    problems.unless(items(route, "/route").next().is_some(), || "TLS route is required".into());
    weights(route, problems);
}

fn l4_match(one: &Value, problems: &mut Problems) {
    for network in texts(one, "/destinationSubnets") {
        problems.note(subnet(network));
    }
    if whole(one, "/port") != 0 {
        port(one, "/port", problems);
    }
    label_set(one, "/sourceLabels", problems);
    gateway_names(one, "/gateways", problems);
}
