//! A gRPC client behind a sidecar.

use crate::bench::{Bench, PATIENCE};
use axum::body::Bytes;
use axum::http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// What a gRPC client sees.
#[derive(Debug)]
pub(crate) struct GrpcAnswer {
    pub(crate) http: u16,
    /// `grpc-status`, from the headers or the trailers.
    pub(crate) status: String,
    pub(crate) message: String,
    pub(crate) body: String,
    pub(crate) took: Duration,
}

impl Bench {
    /// A unary call with an empty message.
    pub(crate) async fn grpc(
        &self,
        from: &str,
        to: &str,
        authority: &str,
        headers: &[(&str, &str)],
    ) -> GrpcAnswer {
        let started = Instant::now();
        let call = async {
            let mut stream =
                TcpStream::connect((Ipv4Addr::LOCALHOST, self.pods[from].ports["15001"])).await?;
            let (address, port) = to.split_once(':').expect("address:port");
            stream
                .write_all(format!("PROXY TCP4 {} {address} 40000 {port}\r\n", self.pods[from].ip).as_bytes())
                .await?;
            let (mut sender, connection) =
                hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
            let driver = tokio::spawn(connection);
            let mut request = Request::post(format!("http://{authority}/demo.Echo/Say"))
                .header("content-type", "application/grpc")
                .header("te", "trailers");
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let request = request.body(Full::new(Bytes::from_static(&[0; 5])))?;
            let (head, body) = sender.send_request(request).await?.into_parts();
            let body = body.collect().await?;
            driver.abort();
            let trailers = body.trailers().cloned().unwrap_or_default();
            let said = |name: &str| {
                let of = |from: &HeaderMap| {
                    from.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
                };
                of(&head.headers).or_else(|| of(&trailers)).unwrap_or_default()
            };
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(GrpcAnswer {
                http: head.status.as_u16(),
                status: said("grpc-status"),
                message: said("grpc-message"),
                body: String::from_utf8_lossy(&body.to_bytes()).into_owned(),
                took: started.elapsed(),
            })
        };
        tokio::time::timeout(PATIENCE, call).await.expect("an answer in time").expect("the sidecar answers")
    }
}
