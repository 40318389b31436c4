//! Servers that are not of the mesh, and what a caller sees of them.

use crate::bench::{Answer, Bench, exchange};
use std::net::Ipv4Addr;
use tokio_util::task::AbortOnDropHandle;

/// A server outside of the mesh, at a loopback address.
pub(crate) struct Outside {
    pub(crate) port: u16,
    _serving: AbortOnDropHandle<()>,
}

/// Echoes requests at this address of the loopback network, at a port that the system chooses.
pub(crate) async fn http(name: &str, address: [u8; 4]) -> Outside {
    http_at(name, address, 0).await
}

pub(crate) async fn http_at(name: &str, address: [u8; 4], port: u16) -> Outside {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::from(address), port)).await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let app = crate::echo::router(name);
    let serving = tokio::spawn(async move { axum::serve(listener, app).await.expect("it serves") });
    Outside { port, _serving: AbortOnDropHandle::new(serving) }
}

/// A request by way of the sidecar; an error when the connection is closed without an answer.
pub(crate) async fn tried(bench: &Bench, from: &str, to: &str, request: &str) -> std::io::Result<Answer> {
    let pod = &bench.pods[from];
    let (address, port) = to.split_once(':').expect("address:port");
    let line = format!("PROXY TCP4 {} {address} 40000 {port}\r\n", pod.ip);
    exchange(pod.ports["15001"], &line, request).await
}

/// Status and first line of the body; `closed` when there is no answer.
pub(crate) async fn seen(bench: &Bench, from: &str, to: &str, request: &str) -> String {
    match tried(bench, from, to, request).await {
        Ok(answer) => format!("{} {}", answer.status, answer.body.lines().next().unwrap_or_default())
            .trim_end()
            .to_owned(),
        Err(_) => "closed".to_owned(),
    }
}

/// Mesh-wide settings.
pub(crate) fn mesh_config(text: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: istio, namespace: istio-system}}\ndata: {{mesh: \
            '{text}'}}\n"
    )
}

/// The address by which a host is called, as istiod tells it.
pub(crate) async fn address_of(bench: &Bench, host: &str) -> String {
    let services = bench.debug("/debug/registryz").await;
    let mut services = services.as_array().expect("services").iter();
    let service = services.find(|service| service["hostname"] == host).expect("the host");
    service["defaultAddress"].as_str().expect("an address").to_owned()
}
