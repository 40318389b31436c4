//! EnvoyFilter on whole listeners, their chains, and filters of connections.

use crate::bench::{Bench, PATIENCE, get};
use crate::envoy_filter::filter;
use crate::two_versions;
use std::net::{Ipv4Addr, TcpListener};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// What somebody is told who only connects.
async fn greeting(port: u16) -> String {
    let read = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await.ok()?;
        Some(text)
    };
    tokio::time::timeout(PATIENCE, read).await.ok().flatten().unwrap_or_default()
}

async fn until(port: u16, wanted: &str) {
    let told = async {
        loop {
            let said = greeting(port).await;
            if said == wanted {
                println!("told {said:?}");
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, told).await.unwrap_or_else(|_| panic!("nobody says {wanted:?}"));
}

fn greets(text: &str) -> String {
    format!(
        "{{name: hello, typed_config: {{'@type': \
            type.googleapis.com/envoy.extensions.filters.network.direct_response.v3.Config, \
           response: {{inline_string: {text}}}}}}}"
    )
}

async fn apply(bench: &mut Bench, patches: &[String]) {
    bench.apply(&filter(
        "own",
        "workloadSelector: {labels: {app: client}},",
        &format!("[{}]", patches.join(", ")),
    ));
    bench.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn listeners_chains_and_filters_of_connections() {
    let mut bench = two_versions().await;
    let port =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port").local_addr().expect("an address").port();
    let add = format!(
        "{{applyTo: LISTENER, match: {{context: SIDECAR_OUTBOUND}}, patch: {{operation: ADD, value: {{name: \
            own, \
           address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}, filter_chains: [{{name: \
           one, filters: [{}]}}]}}}}}}",
        greets("first")
    );
    apply(&mut bench, std::slice::from_ref(&add)).await;
    until(port, "first").await;

    // Later patches see what earlier ones made.
    let on = "context: ANY, listener: {name: own";
    let merge = format!(
        "{{applyTo: LISTENER, match: {{{on}}}}}, patch: {{operation: MERGE_AND_REPLACE_LIST, value: \
           {{filter_chains: [{{name: two, filters: [{}]}}]}}}}}}",
        greets("second")
    );
    apply(&mut bench, &[add.clone(), merge]).await;
    until(port, "second").await;

    let replace = format!(
        "{{applyTo: NETWORK_FILTER, match: {{{on}, filterChain: {{name: one, filter: {{name: hello}}}}}}}}, \
           patch: {{operation: REPLACE, value: {}}}}}",
        greets("third")
    );
    let elsewhere = replace.replace("name: one", "name: none").replace("third", "wrong");
    apply(&mut bench, &[add.clone(), replace, elsewhere]).await;
    until(port, "third").await;

    let swap = [
        add,
        format!(
            "{{applyTo: FILTER_CHAIN, match: {{{on}}}}}, patch: {{operation: ADD, value: {{name: other, \
                filter_chain_match: {{source_type: EXTERNAL}}, filters: [{}]}}}}}}",
            greets("far")
        ),
        format!(
            "{{applyTo: FILTER_CHAIN, match: {{{on}, filterChain: {{name: one}}}}}}, patch: {{operation: \
                MERGE_AND_REPLACE_LIST, value: {{filters: [{}]}}}}}}",
            greets("fourth")
        ),
    ];
    apply(&mut bench, &swap).await;
    until(port, "fourth").await;

    // Gone: nobody listens any more, and calls are answered as before.
    bench.delete("EnvoyFilter", "demo", "own");
    bench.settle().await;
    let closed = async { while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_ok() {} };
    tokio::time::timeout(PATIENCE, closed).await.expect("the listener is gone");
    assert_eq!(bench.call("client", "10.96.0.10:9080", &get("/", "web:9080", &[])).await.status, 200);
}

/// Without the listener filter that reads where a call was meant to go, it goes nowhere.
#[tokio::test(flavor = "multi_thread")]
async fn filters_of_listeners_can_be_taken_away() {
    let mut bench = two_versions().await;
    // TLS is no longer looked for at the called: what is encrypted is taken for bytes, and refused.
    let patch = "{applyTo: LISTENER_FILTER, match: {context: SIDECAR_INBOUND, listener: {name: \
        virtualInbound, portNumber: 9080, \
         listenerFilter: envoy.filters.listener.tls_inspector}}, patch: {operation: REMOVE}}";
    bench.apply(&filter("blind", "workloadSelector: {labels: {app: web}},", &format!("[{patch}]")));
    bench.settle().await;
    let refused = async {
        loop {
            let answer = bench.call("client", "10.96.0.10:9080", &get("/", "web:9080", &[])).await;
            if answer.status == 503 {
                return answer.body;
            }
        }
    };
    let body = tokio::time::timeout(PATIENCE, refused).await.expect("calls are refused");
    println!("503 {body:?}");
    bench.delete("EnvoyFilter", "demo", "blind");
    bench.settle().await;
    let well = async {
        while bench.call("client", "10.96.0.10:9080", &get("/", "web:9080", &[])).await.status != 200 {}
    };
    tokio::time::timeout(PATIENCE, well).await.expect("calls are answered again");
}

/// istiod's `virtualInbound` has chains for each port.
#[tokio::test(flavor = "multi_thread")]
async fn chains_of_called_ports_are_told_apart() {
    let mut bench = two_versions().await;
    let named = |port: u16, name: &str| {
        let manager = "envoy.filters.network.http_connection_manager";
        format!(
            "{{applyTo: NETWORK_FILTER, match: {{context: SIDECAR_INBOUND, listener: {{name: virtualInbound, \
                filterChain: {{destinationPort: {port}, filter: {{name: {manager}}}}}}}}}, \
               patch: {{operation: MERGE, value: {{typed_config: {{'@type': \
               type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager, server_name: {name}}}}}}}}}"
        )
    };
    for (name, port, expect) in [("mine", 9080, true), ("other", 9081, false)] {
        bench.apply(&filter(
            "named",
            "workloadSelector: {labels: {app: web}},",
            &format!("[{}]", named(port, name)),
        ));
        bench.settle().await;
        let header = format!("server: {name}");
        let met = async {
            loop {
                let head =
                    bench.plain("web-v1", 9080, &get("/", "web:9080", &[])).await.map(|answer| answer.head);
                let head = head.unwrap_or_default().to_ascii_lowercase();
                if !head.is_empty()
                    && (head.contains(&header) == expect
                        && !(name == "other" && head.contains("server: mine")))
                {
                    return head;
                }
            }
        };
        let head = tokio::time::timeout(PATIENCE, met)
            .await
            .unwrap_or_else(|_| panic!("{header} at {port}: not {expect}"));
        println!("{port}: {head}");
        let said = bench.debug("/debug/untranslatedz").await.to_string();
        assert_eq!(said.contains("EnvoyFilter demo/named"), !expect, "{said}");
    }
}
