//! EnvoyFilter: rate limits and other patches in the shapes of Istio's samples, seen by those who send
//! requests.

use crate::bench::{Answer, Bench, PATIENCE, get};
use crate::{rules, two_versions};
use std::time::Duration;

const WEB: &str = "10.96.0.10:9080";
const MANAGER: &str = "envoy.filters.network.http_connection_manager";

async fn ask(bench: &Bench, path: &str, headers: &[&str]) -> Answer {
    bench.call("client", WEB, &get(path, "web:9080", headers)).await
}

/// Statuses of requests one after the other.
async fn statuses(bench: &Bench, requests: usize, path: &str, headers: &[&str]) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..requests {
        statuses.push(ask(bench, path, headers).await.status);
    }
    statuses
}

/// Requests with `v: 2` to v2, all others to v1.
async fn by_header() -> Bench {
    let mut bench = two_versions().await;
    bench.apply(&rules(
        "[{match: [{headers: {v: {exact: '2'}}}], route: [{destination: {host: web, subset: v2}}]}, \
          {route: [{destination: {host: web, subset: v1}}]}]",
    ));
    bench.settle().await;
    bench
}

/// An EnvoyFilter of the namespace `demo` with these patches.
pub(crate) fn filter(name: &str, more: &str, patches: &str) -> String {
    filter_in("demo", name, more, patches)
}

fn filter_in(namespace: &str, name: &str, more: &str, patches: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\nmetadata: {{name: {name}, namespace: \
            {namespace}}}\n\
         spec: {{{more} configPatches: {patches}}}\n"
    )
}

/// A patch that inserts an HTTP filter.
pub(crate) fn insert(context: &str, operation: &str, before: &str, value: &str) -> String {
    let inner = if before.is_empty() { String::new() } else { format!(", subFilter: {{name: {before}}}") };
    format!(
        "{{applyTo: HTTP_FILTER, match: {{context: {context}, listener: {{filterChain: {{filter: {{name: \
            {MANAGER}{inner}}}}}}}}}, \
          patch: {{operation: {operation}, value: {value}}}}}"
    )
}

/// A local rate limit, written as Istio's sample writes it.
pub(crate) fn bucket(tokens: u32, every: &str) -> String {
    format!(
        "{{name: envoy.filters.http.local_ratelimit, typed_config: {{'@type': \
            type.googleapis.com/udpa.type.v1.TypedStruct, \
           type_url: type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit, \
           value: {{ \
             stat_prefix: http_local_rate_limiter, \
             token_bucket: {{max_tokens: {tokens}, tokens_per_fill: {tokens}, fill_interval: {every}}}, \
             filter_enabled: {{runtime_key: local_rate_limit_enabled, default_value: {{numerator: 100, \
             denominator: HUNDRED}}}}, \
             filter_enforced: {{runtime_key: local_rate_limit_enforced, default_value: {{numerator: 100, \
             denominator: HUNDRED}}}}, \
             response_headers_to_add: [{{append: false, header: {{key: x-local-rate-limit, value: \
             'true'}}}}]}}}}}}"
    )
}

pub(crate) fn lua(code: &str) -> String {
    let code = serde_json::to_string(code).expect("a text");
    format!(
        "{{name: envoy.filters.http.lua, typed_config: {{'@type': \
            type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua, \
           inlineCode: {code}}}}}"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_local_rate_limit_answers_429_refills_and_goes_with_its_object() {
    let mut bench = by_header().await;
    let chosen = "workloadSelector: {labels: {app: web, version: v1}},";
    let limit = |tokens, every| {
        filter(
            "limit",
            chosen,
            &format!("[{}]", insert("SIDECAR_INBOUND", "INSERT_BEFORE", "", &bucket(tokens, every))),
        )
    };
    bench.apply(&limit(3, "600s"));
    bench.settle().await;
    let limited = statuses(&bench, 6, "/", &[]).await;
    let other = statuses(&bench, 6, "/", &["v: 2"]).await;
    let last = ask(&bench, "/", &[]).await;
    let line = bench.log_line("web-v1", "local_rate_limited").await;
    println!("v1, three tokens: {limited:?}; v2, no limit: {other:?}; body {:?}; log: {line}", last.body);
    assert_eq!(limited, [200, 200, 200, 429, 429, 429]);
    assert_eq!(other, [200; 6]);
    assert_eq!(last.body, "local_rate_limited");
    assert!(last.head.contains("x-local-rate-limit: true"), "{}", last.head);
    assert!(
        line.contains("429 RL request_rate_limited") || line.contains("429 RL local_rate_limited"),
        "{line}"
    );

    // One token every second: after a refusal an answer comes again, without any change.
    bench.apply(&limit(1, "1s"));
    bench.settle().await;
    let refused_then_answered = async {
        while ask(&bench, "/", &[]).await.status != 429 {}
        let mut refused = 1;
        while ask(&bench, "/", &[]).await.status != 200 {
            refused += 1;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        refused
    };
    let refused =
        tokio::time::timeout(PATIENCE, refused_then_answered).await.expect("the bucket is refilled");
    println!("refused {refused} times until the bucket was refilled");

    bench.delete("EnvoyFilter", "demo", "limit");
    bench.settle().await;
    // Connections that are open keep to the old listener until it is drained.
    let free = async { while statuses(&bench, 20, "/", &[]).await != [200; 20] {} };
    tokio::time::timeout(PATIENCE, free).await.expect("the limit is gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_path_has_its_own_limit() {
    let mut bench = by_header().await;
    let enabled = "default_value: {numerator: 100, denominator: HUNDRED}";
    let per_route = format!(
        "{{applyTo: HTTP_ROUTE, match: {{context: SIDECAR_INBOUND, routeConfiguration: \
             {{vhost: {{name: 'inbound|http|9080', route: {{action: ANY}}}}}}}}, \
           patch: {{operation: MERGE, value: {{ \
             route: {{rate_limits: [{{actions: [{{request_headers: {{header_name: ':path', descriptor_key: \
             path}}}}]}}]}}, \
             typed_per_filter_config: {{envoy.filters.http.local_ratelimit: {{'@type': \
             type.googleapis.com/udpa.type.v1.TypedStruct, \
               type_url: type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit, value: {{ \
                 stat_prefix: per_route, token_bucket: {{max_tokens: 1000, tokens_per_fill: 1000, \
                 fill_interval: 600s}}, \
                 filter_enabled: {{runtime_key: a, {enabled}}}, filter_enforced: {{runtime_key: b, \
                 {enabled}}}, \
                 descriptors: [{{entries: [{{key: path, value: /dear}}], \
                   token_bucket: {{max_tokens: 2, tokens_per_fill: 2, fill_interval: 600s}}}}]}}}}}}}}}}}}"
    );
    let plain = "{name: envoy.filters.http.local_ratelimit, typed_config: {'@type': \
         type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit, stat_prefix: \
         local}}";
    let patches = format!(
        "[{}, {per_route}]",
        insert("SIDECAR_INBOUND", "INSERT_BEFORE", "envoy.filters.http.router", plain)
    );
    bench.apply(&filter("limit", "workloadSelector: {labels: {app: web}},", &patches));
    bench.settle().await;
    let dear = statuses(&bench, 4, "/dear", &[]).await;
    let cheap = statuses(&bench, 6, "/cheap", &[]).await;
    println!("/dear: {dear:?}; /cheap: {cheap:?}");
    assert_eq!((dear.as_slice(), cheap.as_slice()), (&[200, 200, 429, 429][..], &[200; 6][..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_hold_at_the_gateway_and_at_the_caller() {
    let mut bench = by_header().await;
    bench.apply(
        r"
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: door, namespace: demo}
spec: {selector: {istio: ingressgateway}, servers: [{port: {number: 8080, name: http, protocol: HTTP}, hosts: ['*']}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: door, namespace: demo}
spec: {hosts: ['*'], gateways: [door], http: [{route: [{destination: {host: web, port: {number: 9080}}}]}]}
",
    );
    bench.pod("gate", "istio=ingressgateway", 8080, true).await;
    // Of the root namespace: for all gateways of the mesh.
    bench.apply(&filter_in(
        "istio-system",
        "edge",
        "",
        &format!("[{}]", insert("GATEWAY", "INSERT_FIRST", "", &bucket(2, "600s"))),
    ));
    bench.settle().await;
    let mut through = Vec::new();
    for _ in 0..4 {
        through
            .push(bench.plain("gate", 8080, &get("/", "shop.example", &[])).await.expect("an answer").status);
    }
    let inside = statuses(&bench, 4, "/", &[]).await;
    println!("through the gateway: {through:?}; inside the mesh: {inside:?}");
    assert_eq!((through.as_slice(), inside.as_slice()), (&[200, 200, 429, 429][..], &[200; 4][..]));

    let calls = insert("SIDECAR_OUTBOUND", "ADD", "", &bucket(1, "600s"));
    bench.apply(&filter("calls", "workloadSelector: {labels: {app: client}},", &format!("[{calls}]")));
    bench.settle().await;
    let calls = statuses(&bench, 3, "/", &[]).await;
    println!("limited where the caller is: {calls:?}");
    assert_eq!(calls, [200, 429, 429]);
}

#[tokio::test(flavor = "multi_thread")]
async fn patches_come_in_order_and_everything_can_be_changed() {
    let mut bench = by_header().await;
    let add = |name: &str| {
        lua(&format!(
            "function envoy_on_request(handle)\n  handle:headers():replace(\"x-order\", \
                (handle:headers():get(\"x-order\") or \"\") .. \"{name}\")\nend"
        ))
    };
    let first = |name: &str| {
        format!("[{}]", insert("SIDECAR_OUTBOUND", "INSERT_BEFORE", "envoy.filters.http.router", &add(name)))
    };
    // Each goes right before the router: the later patched is the later asked.
    bench.apply(&filter("late", "priority: 10,", &first("3")));
    bench.apply(&filter("early", "priority: -10,", &first("2")));
    bench.apply(&filter_in("istio-system", "root", "priority: 20,", &first("1")));
    bench.settle().await;
    let order = ask(&bench, "/", &[]).await.body;
    println!("{}", order.lines().find(|line| line.starts_with("x-order")).unwrap_or_default());
    assert!(order.contains("x-order: 123"), "root first, then by priority: {order}");

    bench.apply(&rules(
        "[{fault: {abort: {httpStatus: 555, percentage: {value: 100}}}, route: [{destination: \
        {host: web}}]}]",
    ));
    bench.settle().await;
    assert_eq!(ask(&bench, "/", &[]).await.status, 555);
    let manager = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
    let header = |name: &str| format!("response_headers_to_add: [{{header: {{key: {name}, value: 'yes'}}}}]");
    let vhost = "routeConfiguration: {portNumber: 9080, vhost: {name: 'web.demo.svc.cluster.local:9080'}}";
    let patches = [
        insert("SIDECAR_OUTBOUND", "REMOVE", "envoy.filters.http.fault", "null"),
        format!(
            "{{applyTo: NETWORK_FILTER, match: {{context: SIDECAR_OUTBOUND, listener: {{portNumber: 9080, \
                filterChain: {{filter: {{name: {MANAGER}}}}}}}}}, \
               patch: {{operation: MERGE, value: {{name: {MANAGER}, typed_config: {{'@type': {manager}, \
               serverName: patched}}}}}}}}"
        ),
        format!("{{applyTo: ROUTE_CONFIGURATION, match: {{context: SIDECAR_OUTBOUND, routeConfiguration: \
            {{name: '9080'}}}}, patch: {{operation: MERGE, value: {{{}}}}}}}", header("x-routes")),
        format!("{{applyTo: VIRTUAL_HOST, match: {{context: SIDECAR_OUTBOUND, {vhost}}}, patch: {{operation: \
            MERGE, value: {{{}}}}}}}", header("x-host")),
        format!("{{applyTo: HTTP_ROUTE, match: {{context: SIDECAR_OUTBOUND, {vhost}}}, patch: {{operation: \
            INSERT_FIRST, value: {{match: {{path: /own}}, direct_response: {{status: 418}}}}}}}}"),
        "{applyTo: VIRTUAL_HOST, match: {context: SIDECAR_OUTBOUND, routeConfiguration: {portNumber: 9080}}, \
            patch: {operation: ADD, \
           value: {name: extra, domains: [extra.example], routes: [{match: {prefix: /}, direct_response: \
           {status: 203}}]}}}".to_owned(),
    ];
    bench.apply(&filter(
        "all",
        "workloadSelector: {labels: {app: client}},",
        &format!("[{}]", patches.join(", ")),
    ));
    bench.settle().await;
    let answer = ask(&bench, "/", &[]).await;
    println!("{}", answer.head);
    assert_eq!(answer.status, 200, "the fault filter is gone: {}", answer.head);
    for line in ["server: patched", "x-routes: yes", "x-host: yes"] {
        assert!(answer.head.contains(line), "{line}: {}", answer.head);
    }
    assert_eq!(ask(&bench, "/own", &[]).await.status, 418);
    assert_eq!(bench.call("client", WEB, &get("/", "extra.example", &[])).await.status, 203);

    // No request may wait for a connection any more: the circuit breaker of this one cluster is open.
    let breaker = "[{applyTo: CLUSTER, match: {context: SIDECAR_OUTBOUND, cluster: {service: \
        web.demo.svc.cluster.local, portNumber: 9080}}, \
         patch: {operation: MERGE_AND_REPLACE_LIST, value: {connect_timeout: 3s, \
           circuit_breakers: {thresholds: [{max_connections: 1, max_pending_requests: 0, max_requests: \
           1}]}}}}]";
    bench.apply(&filter("breaker", "workloadSelector: {labels: {app: client}},", breaker));
    bench.settle().await;
    let broken = ask(&bench, "/", &[]).await;
    let line = bench.log_line("client", " UO ").await;
    println!("{} {:?} {line}", broken.status, broken.body);
    assert_eq!(broken.status, 503, "{}", broken.body);
    assert!(line.contains("503 UO"), "{line}");
}
