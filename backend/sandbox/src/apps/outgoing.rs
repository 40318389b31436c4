//! How a demo service calls another one: through its own sidecar, as if its connections were redirected
//! there.
//!
//! A pod's network would send every outgoing connection to the sidecar, which then asks the kernel where it
//! was meant to go. Without such a network the service says so itself: it opens the connection to its
//! sidecar's outbound port and begins with one line of the PROXY protocol that names the destination. A pod
//! without sidecar connects directly.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// Bodies larger than this are refused; the demo services' own are a few kilobytes.
const LARGEST_BODY: usize = 4 << 20;

/// Finds services by name, as the cluster's DNS does, and a machine's real address behind them.
pub(crate) trait Names: Send + Sync {
    /// The service's virtual address, seen from `namespace`.
    fn cluster_ip(&self, host: &str, namespace: &str) -> Option<Ipv4Addr>;
    /// A pod that a name of a Service without an address of its own leads to: its address, and the real one of
    /// its port.
    fn pod(&self, host: &str, namespace: &str, port: u16) -> Option<(Ipv4Addr, SocketAddr)>;
    /// The real address of one ready endpoint of the service.
    fn endpoint(&self, host: &str, namespace: &str, port: u16) -> Option<SocketAddr>;
}

/// Says to a sidecar where a pod's port is on this machine, when a pod is called by its own address.
const ORIGINAL_DST: HeaderName = HeaderName::from_static("x-envoy-original-dst-host");

/// One pod's way out.
#[derive(Clone)]
pub(crate) struct Caller {
    /// The pod's address.
    pub(crate) pod_ip: Ipv4Addr,
    /// The pod's namespace, where short names are looked up.
    pub(crate) namespace: String,
    /// The real port of the sidecar's outbound listener; `None` in a pod without sidecar.
    pub(crate) sidecar: Option<u16>,
    /// The cluster's DNS.
    pub(crate) names: Arc<dyn Names>,
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Caller({} in {})", self.pod_ip, self.namespace)
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Status code.
    pub(crate) status: StatusCode,
    /// Body, whole.
    pub(crate) body: Bytes,
}

/// Why nothing came back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// The name means nothing here.
    #[error("{0}: name or service not known")]
    UnknownName(String),
    /// The time was up.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// No connection.
    #[error("no connection: {0}")]
    Connect(#[from] std::io::Error),
    /// The connection broke, or what came was not HTTP.
    #[error("no usable answer: {0}")]
    Broken(String),
}

impl Caller {
    /// GETs `http://host:port/path` on a connection of its own.
    pub(crate) async fn get(
        &self,
        host: &str,
        port: u16,
        path: &str,
        mut headers: HeaderMap,
        within: Duration,
    ) -> Result<Answer, CallError> {
        let pod = self.names.pod(host, &self.namespace, port);
        let real = pod.and_then(|(_, real)| HeaderValue::from_str(&real.to_string()).ok());
        headers.extend(real.filter(|_| self.sidecar.is_some()).map(|real| (ORIGINAL_DST, real)));
        let call = async {
            let stream = self.connect(host, port, pod).await?;
            exchange(stream, request(Method::GET, &format!("{host}:{port}"), path, headers)?).await
        };
        tokio::time::timeout(within, call).await.map_err(|_| CallError::Timeout(within))?
    }

    /// A connection to a service, through the sidecar where there is one.
    async fn connect(
        &self,
        host: &str,
        port: u16,
        pod: Option<(Ipv4Addr, SocketAddr)>,
    ) -> Result<TcpStream, CallError> {
        let unknown = || CallError::UnknownName(host.to_owned());
        let Some(sidecar) = self.sidecar else {
            let at = pod.map(|(_, real)| real).or_else(|| self.names.endpoint(host, &self.namespace, port));
            let at = at.ok_or_else(unknown)?;
            return Ok(TcpStream::connect(at).await?);
        };
        let to = pod.map(|(ip, _)| ip).or_else(|| self.names.cluster_ip(host, &self.namespace));
        let to = to.ok_or_else(unknown)?;
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, sidecar)).await?;
        stream.set_nodelay(true)?;
        let from = stream.local_addr()?.port();
        stream.write_all(format!("PROXY TCP4 {} {to} {from} {port}\r\n", self.pod_ip).as_bytes()).await?;
        Ok(stream)
    }
}

/// Whether nobody listens there.
pub(crate) fn refused(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::ConnectionRefused
}

/// A request without body. An `authority` or path that is no such thing is the caller's error.
pub(crate) fn request(
    method: Method,
    authority: &str,
    path: &str,
    headers: HeaderMap,
) -> Result<Request<Full<Bytes>>, CallError> {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(http::header::HOST, authority)
        .body(Full::default())
        .map_err(|error| CallError::Broken(error.to_string()))?;
    request.headers_mut().extend(headers);
    Ok(request)
}

/// Sends one request on a fresh connection, reads the whole answer, and lets the connection end.
pub(crate) async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> Result<Answer, CallError> {
    let broken = |error: hyper::Error| CallError::Broken(error.to_string());
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let answer = async move {
        let (head, body) = sender.send_request(request).await.map_err(broken)?.into_parts();
        let body = Limited::new(body, LARGEST_BODY).collect().await;
        let body = body.map_err(|error| CallError::Broken(error.to_string()))?.to_bytes();
        Ok(Answer { status: head.status, body })
    };
    tokio::pin!(answer);
    tokio::select! {
        answer = &mut answer => answer,
        // The connection is done when it was closed; then what was read of the answer decides.
        _ended = connection => answer.await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
    use tokio::net::TcpListener;

    struct OneService;
    impl Names for OneService {
        fn cluster_ip(&self, host: &str, namespace: &str) -> Option<Ipv4Addr> {
            (host == "reviews" && namespace == "bookinfo").then_some(Ipv4Addr::new(10, 96, 0, 7))
        }
        fn endpoint(&self, _: &str, _: &str, _: u16) -> Option<SocketAddr> {
            None
        }
        fn pod(&self, _: &str, _: &str, _: u16) -> Option<(Ipv4Addr, SocketAddr)> {
            None
        }
    }

    fn caller(sidecar: Option<u16>) -> Caller {
        Caller {
            pod_ip: Ipv4Addr::new(10, 244, 0, 9),
            namespace: "bookinfo".into(),
            sidecar,
            names: Arc::new(OneService),
        }
    }

    #[tokio::test]
    async fn a_call_names_its_destination_to_the_sidecar_first() {
        let sidecar = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = sidecar.local_addr().unwrap().port();
        let served = tokio::spawn(async move {
            let (stream, from) = sidecar.accept().await.unwrap();
            let mut stream = BufReader::new(stream);
            let mut first = String::new();
            stream.read_line(&mut first).await.unwrap();
            let mut head = vec![0; 1024];
            let read = stream.read(&mut head).await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").await.unwrap();
            (first, from.port(), String::from_utf8_lossy(&head[..read]).into_owned())
        });
        let within = Duration::from_secs(5);
        let answer =
            caller(Some(port)).get("reviews", 9080, "/reviews/0", HeaderMap::new(), within).await.unwrap();
        assert_eq!((answer.status, &answer.body[..]), (StatusCode::OK, &b"hi"[..]));
        let (first, from, head) = served.await.unwrap();
        assert_eq!(first, format!("PROXY TCP4 10.244.0.9 10.96.0.7 {from} 9080\r\n"));
        assert!(head.starts_with("GET /reviews/0 HTTP/1.1\r\nhost: reviews:9080\r\n"), "{head}");
    }

    #[tokio::test]
    async fn an_unknown_name_and_a_silent_service_are_told_apart() {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let caller = caller(Some(silent.local_addr().unwrap().port()));
        let within = Duration::from_millis(50);
        let unknown = caller.get("nobody", 80, "/", HeaderMap::new(), within).await.unwrap_err();
        assert!(matches!(unknown, CallError::UnknownName(_)), "{unknown}");
        let late = caller.get("reviews", 80, "/", HeaderMap::new(), within).await.unwrap_err();
        assert!(matches!(late, CallError::Timeout(_)), "{late}");
    }
}
