//! HTTPRoutes and GRPCRoutes, on Services and on Gateways: each does what the VirtualService of the same
//! meaning does.

use crate::bench::{Answer, Bench, PATIENCE, get};
use crate::tls::{Ca, Client, tls_secret};
use crate::{rules, two_versions};
use serde_json::{Value, json};

const WEB: &str = "10.96.0.10:9080";
/// A Service for each version, as the Gateway API has no subsets.
const VERSIONS: &str = r"
apiVersion: v1
kind: Service
metadata: {name: web-v1, namespace: demo}
spec: {clusterIP: 10.96.0.11, selector: {app: web, version: v1}, ports: [{name: http, port: 9080, targetPort: 9080}]}
---
apiVersion: v1
kind: Service
metadata: {name: web-v2, namespace: demo}
spec: {clusterIP: 10.96.0.12, selector: {app: web, version: v2}, ports: [{name: http, port: 9080, targetPort: 9080}]}
";
const ON_SERVICE: &str = "[{group: '', kind: Service, name: web, port: 9080}]";

async fn bench() -> Bench {
    let mut bench = two_versions().await;
    bench.apply(VERSIONS);
    bench.settle().await;
    bench
}

fn route(name: &str, parents: &str, more: &str, rules: &str) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{name: {name}, namespace: \
            demo, generation: 3}}\n\
         spec: {{parentRefs: {parents}, {more} rules: {rules}}}\n"
    )
}

async fn ask(bench: &Bench, path: &str, headers: &[&str]) -> Answer {
    bench.call("client", WEB, &get(path, "web:9080", headers)).await
}

/// What an answer tells of how the request was treated, without what differs each time.
fn seen(answer: &Answer) -> Value {
    let lines = |text: &str, wanted: &[&str]| -> Vec<String> {
        text.lines()
            .filter(|line| wanted.iter().any(|start| line.starts_with(start)))
            .map(str::to_owned)
            .collect()
    };
    let who = if answer.status == 200 {
        answer.body.lines().take(2).map(str::to_owned).collect()
    } else {
        Vec::new()
    };
    json!({
        "status": answer.status,
        "who and what": who,
        "head": lines(&answer.head, &["location", "x-",
            "access-control"]).into_iter().filter(|line| !line.starts_with("x-envoy")).collect::<Vec<_>>(),
        "body": lines(&answer.body, &["x-set", "x-add", "x-gone", "host"]),
    })
}

/// The same requests under a VirtualService and under an HTTPRoute.
#[tokio::test(flavor = "multi_thread")]
async fn a_route_on_a_service_does_what_the_virtual_service_does() {
    let mut bench = bench().await;
    let pairs = [
        (
            "headers, parameters, methods and paths",
            "[{match: [{headers: {end-user: {exact: jason}}}, {headers: {end-user: {regex: 'a.*'}}}, \
                {queryParams: {v: {exact: '2'}}}, \
                {method: {exact: DELETE}}, {uri: {exact: /two}}, {uri: {regex: '/t[0-9]+'}}], route: \
                [{destination: {host: web-v2}}]}, \
              {route: [{destination: {host: web-v1}}]}]",
            "[{matches: [{headers: [{name: end-user, value: jason}]}, {headers: [{name: end-user, type: \
                RegularExpression, value: 'a.*'}]}, \
                {queryParams: [{name: v, value: '2'}]}, {method: DELETE}, {path: {type: Exact, value: \
                /two}}, \
                {path: {type: RegularExpression, value: '/t[0-9]+'}}], backendRefs: [{name: web-v2, port: \
                9080}]}, \
              {backendRefs: [{name: web-v1, port: 9080}]}]",
        ),
        (
            "headers that are changed",
            "[{headers: {request: {set: {x-set: a}, add: {x-add: b}, remove: [x-gone]}, response: {set: \
                {x-answer: c}}}, route: [{destination: {host: web-v1}}]}]",
            "[{filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-set, value: \
                a}], add: [{name: x-add, value: b}], remove: [x-gone]}}, \
                {type: ResponseHeaderModifier, responseHeaderModifier: {set: [{name: x-answer, value: \
                c}]}}], backendRefs: [{name: web-v1, port: 9080}]}]",
        ),
        (
            "a prefix and a host that are rewritten",
            "[{match: [{uri: {prefix: /two}}], rewrite: {uri: /new, authority: other.example}, route: \
                [{destination: {host: web-v1}}]}]",
            "[{matches: [{path: {value: /two}}], filters: [{type: URLRewrite, urlRewrite: {hostname: \
                other.example, \
                path: {type: ReplacePrefixMatch, replacePrefixMatch: /new}}}], backendRefs: [{name: web-v1, \
                port: 9080}]}]",
        ),
        (
            "a redirect",
            "[{match: [{uri: {prefix: /two}}], redirect: {uri: /elsewhere, authority: other.example, \
                redirectCode: 302}}]",
            "[{matches: [{path: {value: /two}}], filters: [{type: RequestRedirect, requestRedirect: \
                {hostname: other.example, scheme: http, \
                path: {type: ReplaceFullPath, replaceFullPath: /elsewhere}}}]}]",
        ),
        (
            "a timeout",
            "[{timeout: 300ms, route: [{destination: {host: web-v1}}]}]",
            "[{timeouts: {request: 300ms}, backendRefs: [{name: web-v1, port: 9080}]}]",
        ),
    ];
    let requests: [(&str, &[&str]); 8] = [
        ("/", &[]),
        ("/", &["end-user: jason"]),
        ("/", &["end-user: anna"]),
        ("/?v=2", &[]),
        ("/two", &["x-gone: yes"]),
        ("/two/x?y=1", &[]),
        ("/t22", &[]),
        ("/slow", &["sleep-ms: 1500"]),
    ];
    for (about, virtual_service, http_route) in pairs {
        let mut all = Vec::new();
        // The route comes before the rules that are still there.
        for yaml in [rules(virtual_service), route("web", ON_SERVICE, "", http_route)] {
            bench.apply(&yaml);
            bench.settle().await;
            let mut answers = Vec::new();
            for (path, headers) in requests {
                answers.push(seen(&ask(&bench, path, headers).await));
            }
            let delete = get("/", "web:9080", &[]).replacen("GET", "DELETE", 1);
            answers.push(seen(&bench.call("client", WEB, &delete).await));
            all.push(answers);
        }
        println!("{about}: {}", Value::from(all[1].clone()));
        assert_eq!(all[0], all[1], "{about}");
        bench.delete("HTTPRoute", "demo", "web");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn shares_mirrors_precedence_and_what_is_not_there() {
    let mut bench = bench().await;
    // It comes before a VirtualService for the same host.
    bench.apply(&rules("[{directResponse: {status: 299}}]"));
    bench.apply(&route(
        "web",
        ON_SERVICE,
        "",
        "[{backendRefs: [{name: web-v1, port: 9080, weight: 90}, {name: web-v2, port: 9080, weight: 10}]}]",
    ));
    bench.settle().await;
    let mut second = 0;
    for _ in 0..400 {
        let answer = ask(&bench, "/", &[]).await;
        assert_eq!(answer.status, 200);
        second += u32::from(answer.body.starts_with("web-v2"));
    }
    println!("90/10: {second} of 400 by v2");
    // 10 % of 400, give or take 4.6 standard deviations.
    assert!((12..=68).contains(&second), "{second}");

    // /a is a whole segment; the longer path and the exact one come first, in whatever order they are
    // written.
    bench.apply(&route(
        "web",
        ON_SERVICE,
        "",
        "[{matches: [{path: {value: /a}}], backendRefs: [{name: web-v1, port: 9080}]}, \
          {matches: [{path: {value: /a/b}}], backendRefs: [{name: web-v2, port: 9080}]}, \
          {matches: [{path: {value: /gone}}], backendRefs: [{name: missing, port: 9080}]}, \
          {matches: [{path: {value: /half}}], backendRefs: [{name: missing, port: 9080}, {name: web-v1, \
          port: 9080}]}, \
          {matches: [{path: {value: /nobody}}]}, \
          {matches: [{path: {value: /root}}], filters: [{type: URLRewrite, urlRewrite: {path: {type: \
          ReplacePrefixMatch, replacePrefixMatch: /}}}], backendRefs: [{name: web-v1, port: 9080}]}, \
          {matches: [{path: {value: /full}}], filters: [{type: URLRewrite, urlRewrite: {path: {type: \
          ReplaceFullPath, replaceFullPath: /one}}}], backendRefs: [{name: web-v1, port: 9080}]}, \
          {matches: [{path: {value: /moved}}], filters: [{type: RequestRedirect, requestRedirect: \
          {statusCode: 301, path: {type: ReplacePrefixMatch, replacePrefixMatch: /to}}}]}, \
          {matches: [{path: {value: /copied}}], filters: [{type: RequestMirror, requestMirror: {backendRef: \
          {name: web-v2, port: 9080}}}], backendRefs: [{name: web-v1, port: 9080}]}, \
          {matches: [{path: {value: /cors}}], filters: [{type: CORS, cors: {allowOrigins: \
          ['https://*.example'], allowMethods: [GET], maxAge: 60}}], backendRefs: [{name: web-v1, port: \
          9080}]}]",
    ));
    bench.settle().await;
    let who = async |path: &str| {
        let answer = ask(&bench, path, &[]).await;
        let first = answer.body.lines().take(2).collect::<Vec<_>>().join(" ");
        let place = answer.head.lines().find(|line| line.starts_with("location")).unwrap_or_default();
        println!("{path}: {} {first} {place}", answer.status);
        (answer.status, first, place.to_owned())
    };
    assert_eq!(who("/a/x").await.1, "web-v1 GET /a/x");
    assert_eq!(who("/a/b/c").await.1, "web-v2 GET /a/b/c");
    assert_eq!(who("/ax").await.0, 404);
    assert_eq!(who("/gone").await.0, 500);
    assert_eq!(who("/nobody").await.0, 500);
    assert_eq!(who("/root/x?y=1").await.1, "web-v1 GET /x?y=1");
    assert_eq!(who("/full/x?y=1").await.1, "web-v1 GET /one?y=1");
    let moved = who("/moved/x").await;
    assert!(moved.0 == 301 && moved.2.contains("/to/x"), "{moved:?}");
    let line = bench.log_line("client", "cluster_not_found").await;
    println!("{line}");
    assert!(line.contains("500 NC cluster_not_found"), "{line}");
    let mut half = [0, 0];
    for _ in 0..60 {
        half[usize::from(ask(&bench, "/half", &[]).await.status == 500)] += 1;
    }
    println!("half of the backends there: {half:?} of 200 and 500");
    // None of one kind among 60: less than once in 10^17 runs.
    assert!(half[0] > 0 && half[1] > 0, "{half:?}");
    assert_eq!(who("/copied").await.1, "web-v1 GET /copied");
    let copy = bench.log_line("web-v2", "/copied").await;
    assert!(copy.contains("200"), "mirrored: {copy}");
    let cors = ask(&bench, "/cors", &["origin: https://shop.example"]).await;
    assert!(cors.head.contains("access-control-allow-origin: https://shop.example"), "{}", cors.head);
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_routes_choose_by_service_and_method() {
    let mut bench = bench().await;
    bench.apply(
        r"
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: {name: web, namespace: demo}
spec:
  parentRefs: [{group: '', kind: Service, name: web}]
  rules:
  - {matches: [{method: {service: shop.Cart, method: Add}}], backendRefs: [{name: web-v2, port: 9080}]}
  - {backendRefs: [{name: web-v1, port: 9080}]}
",
    );
    bench.settle().await;
    assert!(ask(&bench, "/shop.Cart/Add", &[]).await.body.starts_with("web-v2"));
    assert!(ask(&bench, "/shop.Cart/Remove", &[]).await.body.starts_with("web-v1"));
}

const GATEWAY: &str = r"
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: istio}
spec: {controllerName: istio.io/gateway-controller}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: door, namespace: demo, generation: 2}
spec:
  gatewayClassName: istio
  listeners:
  - {name: shop, port: 8080, protocol: HTTP, hostname: shop.example}
  - {name: any, port: 8080, protocol: HTTP, hostname: '*.other.example', allowedRoutes: {namespaces: {from: All}}}
";

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_lets_in_what_its_routes_say() {
    let mut bench = bench().await;
    bench.apply(GATEWAY);
    bench.pod("gate", "istio=ingressgateway", 8080, true).await;
    bench.apply(&route(
        "shop",
        "[{name: door}]",
        "hostnames: [shop.example],",
        "[{matches: [{path: {value: /page}}], backendRefs: [{name: web-v1, port: 9080}]}]",
    ));
    // Of another namespace: only one listener takes it, and its backend needs a grant.
    let far = route(
        "far",
        "[{name: door, namespace: demo, sectionName: any}, {name: door, namespace: demo, sectionName: shop}, \
            {name: none, namespace: demo}]",
        "hostnames: [a.other.example],",
        "[{backendRefs: [{name: web-v2, namespace: demo, port: 9080}]}]",
    );
    bench.apply(&far.replacen("namespace: demo", "namespace: far", 1));
    bench.settle().await;
    let through = async |bench: &Bench, path: &str, host: &str| {
        let answer = bench.plain("gate", 8080, &get(path, host, &[])).await.expect("an answer");
        let first = answer.body.lines().next().unwrap_or_default().to_owned();
        println!("{host}{path}: {} {first}", answer.status);
        (answer.status, first)
    };
    assert_eq!(through(&bench, "/page/1", "shop.example").await, (200, "web-v1".into()));
    assert_eq!(through(&bench, "/other", "shop.example").await.0, 404);
    assert_eq!(through(&bench, "/page", "unknown.example").await.0, 404);
    assert_eq!(through(&bench, "/", "a.other.example").await.0, 500, "no grant");

    let said = |bench: &Bench, kind: &str, name: &str| {
        let all = bench.pilot().object_statuses().borrow().clone();
        let found = all
            .iter()
            .find(|status| status.kind == kind && status.name == name)
            .expect("a status")
            .status
            .clone();
        println!("{kind} {name}: {found}");
        found
    };
    let condition = |list: &Value, about: &str| {
        let found = list["conditions"]
            .as_array()
            .and_then(|list| list.iter().find(|one| one["type"] == about))
            .cloned();
        let found = found.expect("the condition");
        format!(
            "{} {}",
            found["status"].as_str().unwrap_or_default(),
            found["reason"].as_str().unwrap_or_default()
        )
    };
    let far = said(&bench, "HTTPRoute", "far");
    assert_eq!(condition(&far["parents"][0], "Accepted"), "True Accepted");
    assert_eq!(condition(&far["parents"][0], "ResolvedRefs"), "False RefNotPermitted");
    assert_eq!(condition(&far["parents"][1], "Accepted"), "False NotAllowedByListeners");
    assert_eq!(
        far["parents"].as_array().map(Vec::len),
        Some(2),
        "of what is not there nothing is said there"
    );
    let words = bench.debug("/debug/untranslatedz").await.to_string();
    assert!(words.contains("parentRefs: there is no Gateway demo/none"), "{words}");
    let shop = said(&bench, "HTTPRoute", "shop");
    assert_eq!(condition(&shop["parents"][0], "ResolvedRefs"), "True ResolvedRefs");
    assert_eq!(shop["parents"][0]["conditions"][0]["observedGeneration"], 3);
    let door = said(&bench, "Gateway", "door");
    assert_eq!(condition(&door, "Programmed"), "True Programmed");
    assert_eq!(
        (&door["listeners"][0]["attachedRoutes"], &door["listeners"][1]["attachedRoutes"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(condition(&said(&bench, "GatewayClass", "istio"), "Accepted"), "True Accepted");

    bench.apply(
        r"
apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: {name: far, namespace: demo}
spec: {from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: far}], to: [{group: '', kind: Service}]}
",
    );
    bench.settle().await;
    assert_eq!(through(&bench, "/", "a.other.example").await, (200, "web-v2".into()));
    assert_eq!(
        condition(&said(&bench, "HTTPRoute", "far")["parents"][0], "ResolvedRefs"),
        "True ResolvedRefs"
    );
    bench.delete("HTTPRoute", "demo", "shop");
    bench.settle().await;
    assert_eq!(through(&bench, "/page/1", "shop.example").await.0, 404);
}

/// What is said at a Gateway's first listener of its certificate.
fn certificate(bench: &Bench) -> String {
    let all = bench.pilot().object_statuses().borrow().clone();
    let status = &all.iter().find(|status| status.kind == "Gateway").expect("a status").status;
    let conditions = status["listeners"][0]["conditions"].as_array().expect("conditions");
    let found = conditions.iter().find(|one| one["type"] == "ResolvedRefs").expect("the condition");
    format!("{} {}: {}", found["status"], found["reason"], found["message"])
}

#[tokio::test(flavor = "multi_thread")]
async fn https_ends_at_the_listener() {
    let mut bench = bench().await;
    bench.pod_with("gate", "istio=ingressgateway", &[8080, 8443], None);
    bench.apply(
        r"
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: door, namespace: demo}
spec:
  gatewayClassName: istio
  listeners: [{name: https, port: 8443, protocol: HTTPS, hostname: shop.example, tls: {certificateRefs: [{name: shop}]}}]
",
    );
    bench.apply(&route("shop", "[{name: door}]", "", "[{backendRefs: [{name: web-v1, port: 9080}]}]"));
    bench.settle().await;
    println!("{}", certificate(&bench));
    assert!(certificate(&bench).contains("InvalidCertificateRef"), "{}", certificate(&bench));
    let ca = Ca::new();
    bench.apply(&tls_secret("shop", &ca.issue("shop.example")));
    bench.settle().await;
    println!("{}", certificate(&bench));
    let port = bench.pods["gate"].ports["8443"];
    let asked = async {
        loop {
            if let Ok(answer) =
                Client::new(&ca).ask(port, "shop.example", &get("/", "shop.example", &[])).await
            {
                return answer;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    let answer = tokio::time::timeout(PATIENCE, asked).await.expect("an answer over TLS");
    println!("{} {} {}", answer.version, answer.status, answer.body.lines().next().unwrap_or_default());
    assert_eq!(answer.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_of_the_callers_namespace_come_before_those_of_the_service() {
    let mut bench = bench().await;
    bench.apply(&route("web", ON_SERVICE, "", "[{backendRefs: [{name: web-v1, port: 9080}]}]"));
    // The same for callers of another namespace only.
    let away = route(
        "away",
        "[{group: '', kind: Service, name: web, namespace: demo}]",
        "",
        "[{filters: [{type: RequestRedirect, requestRedirect: {hostname: away.example}}]}]",
    );
    bench.apply(&away.replacen("namespace: demo", "namespace: other", 1));
    bench.pod("caller.other", "app=caller,version=v1", 8080, false).await;
    bench.settle().await;
    assert!(ask(&bench, "/", &[]).await.body.starts_with("web-v1"));
    let answer = bench.call("caller.other", WEB, &get("/", "web.demo:9080", &[])).await;
    println!("{} {}", answer.status, answer.head);
    assert_eq!(answer.status, 302);
}
