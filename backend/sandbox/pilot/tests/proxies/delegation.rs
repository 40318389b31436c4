//! A VirtualService leaves parts of a host to others.

use crate::bench::get;
use crate::outside::seen;
use crate::two_versions;

fn virtual_service(name: &str, namespace: &str, spec: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: {name}, namespace: \
            {namespace}}}\nspec: {spec}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn delegates_decide_within_what_they_are_left() {
    let mut bench = two_versions().await;
    bench.apply(&virtual_service(
        "web",
        "demo",
        "{hosts: [web], http: [{match: [{uri: {prefix: /two}}], timeout: 0.3s, delegate: {name: two, \
            namespace: team}}, {match: [{uri: {prefix: /gone}}], delegate: {name: nobody}}, {route: \
            [{destination: {host: web, subset: v1}}]}]}",
    ));
    bench.apply(&virtual_service(
        "two",
        "team",
        "{http: [{match: [{uri: {prefix: /two/fault}}], fault: {abort: {percentage: {value: 100}, \
            httpStatus: 418}}, route: [{destination: {host: web.demo.svc.cluster.local, subset: v2}}]}, \
            {match: [{uri: {prefix: /else}}], directResponse: {status: 500}}, {route: [{destination: {host: \
            web.demo.svc.cluster.local, subset: v2}}]}]}",
    ));
    bench.settle().await;
    let call = async |bench: &crate::bench::Bench, path: &str| {
        seen(bench, "client", "10.96.0.10:9080", &get(path, "web:9080", &["sleep-ms: 1"])).await
    };
    assert_eq!(call(&bench, "/").await, "200 web-v1");
    assert_eq!(call(&bench, "/two").await, "200 web-v2");
    assert_eq!(call(&bench, "/two/fault").await, "418 fault filter abort");
    assert_eq!(call(&bench, "/else").await, "200 web-v1", "outside of what it is left");
    assert_eq!(call(&bench, "/gone").await, "200 web-v1", "a delegate that is not there leaves its rule out");
    let slow = seen(&bench, "client", "10.96.0.10:9080", &get("/two", "web:9080", &["sleep-ms: 1500"])).await;
    assert_eq!(slow, "504 upstream request timeout", "the root's timeout");
    let said = bench.debug("/debug/untranslatedz").await.to_string();
    assert!(said.contains("there is no VirtualService demo/nobody without hosts to delegate to"), "{said}");
    bench.apply(&virtual_service(
        "two",
        "team",
        "{exportTo: ['.'], http: [{directResponse: {status: 500}}]}",
    ));
    bench.settle().await;
    assert_eq!(call(&bench, "/two").await, "200 web-v1", "not exported");
}
