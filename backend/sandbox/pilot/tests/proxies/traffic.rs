//! Bytes: TCP routes, and how long connections may live and rest.

use crate::bench::get;
use crate::two_versions;
use crate::world::policy_of;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_lives_and_rests_as_long_as_it_may() {
    let mut bench = two_versions().await;
    bench.apply(
        "apiVersion: v1\nkind: Service\nmetadata: {name: wire, namespace: demo}\n\
         spec: {clusterIP: 10.96.0.12, selector: {app: web}, ports: [{name: tcp, port: 7000, targetPort: \
         9080}]}\n",
    );
    for (what, rests) in [("idleTimeout: 700ms", true), ("maxConnectionDuration: 700ms", false)] {
        bench.apply(&policy_of("wire", &format!("{{connectionPool: {{tcp: {{{what}}}}}}}")));
        bench.settle().await;
        let pod = &bench.pods["client"];
        let mut stream = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, pod.ports["15001"]))
            .await
            .expect("the sidecar");
        let started = Instant::now();
        let line = format!("PROXY TCP4 {} 10.96.0.12 40000 7000\r\n", pod.ip);
        stream.write_all(line.as_bytes()).await.expect("it is written");
        // Bytes now and then keep it from resting, not from growing old.
        let mut used = Instant::now();
        let mut ended = false;
        while !ended && started.elapsed() < Duration::from_secs(4) {
            if !rests || started.elapsed() < Duration::from_millis(900) {
                ended |= stream.write_all(b"GET / HTTP/1.1\r\nhost: wire\r\n\r\n").await.is_err();
                used = Instant::now();
            }
            let mut answer = [0; 4096];
            let read = tokio::time::timeout(Duration::from_millis(100), stream.read(&mut answer)).await;
            ended |= matches!(read, Ok(Ok(0) | Err(_)));
        }
        println!(
            "{what}: ended: {ended}, {:?} after it began, {:?} after its last use",
            started.elapsed(),
            used.elapsed()
        );
        assert!(ended, "{what}");
        assert!(
            if rests {
                used.elapsed() >= Duration::from_millis(500)
            } else {
                started.elapsed() >= Duration::from_millis(690)
            },
            "{what}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_go_where_the_tcp_route_says() {
    let mut bench = two_versions().await;
    bench.apply(
        r"
apiVersion: v1
kind: Service
metadata: {name: wire, namespace: demo}
spec: {clusterIP: 10.96.0.12, selector: {app: web}, ports: [{name: tcp, port: 7000, targetPort: 9080}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: wire, namespace: demo}
spec: {host: wire, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: wire, namespace: demo}
spec:
  hosts: [wire]
  tcp: [{match: [{port: 7000}], route: [{destination: {host: wire, subset: v2}, weight: 50}, {destination: {host: wire, subset: v1}, weight: 50}]}]
",
    );
    bench.settle().await;
    let mut second = 0;
    for _ in 0..60 {
        let answer = bench.call("client", "10.96.0.12:7000", &get("/", "wire", &[])).await;
        assert_eq!(answer.status, 200);
        assert!(answer.body.contains("URI=spiffe://"), "mTLS for bytes too: {}", answer.body);
        second += u32::from(answer.body.starts_with("web-v2"));
    }
    assert!((14..=46).contains(&second), "{second} of 60");
}
