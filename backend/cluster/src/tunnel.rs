//! HTTP to pods through the API server's port-forward, over connections that are kept and reused, and to URLs
//! that were given instead.

use crate::find::PodPort;
use crate::limits::{self, Limit, Turn};
use crate::{AGENT, Target, error};
use ::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header};
use bytes::Bytes;
use http_body_util::Empty;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client};
use mesh::Problem;
use parking_lot::Mutex;
use reqwest::redirect::Policy;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(15);
/// How long the way to a pod may take.
const OPEN: Duration = Duration::from_secs(8);
/// Idle connections that are kept for one port.
const KEPT: usize = 6;

/// Where something can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    /// By port-forward.
    Pod(PodPort),
    /// Directly.
    Url(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pod(at) => write!(f, "{}/{}:{}", at.namespace, at.pod, at.port),
            Self::Url(url) => f.write_str(&error::redacted(url)),
        }
    }
}

type Connection = SendRequest<Empty<Bytes>>;
type Unanswered = limits::Unread<hyper::Error>;

/// Asks pods and URLs.
#[derive(Clone)]
pub(crate) struct Tunnel(Arc<Inner>);

struct Inner {
    /// `None`: there is no cluster, and no pod to be reached.
    client: Option<Client>,
    idle: Mutex<HashMap<PodPort, Vec<Connection>>>,
    direct: reqwest::Client,
    /// For this machine itself, which no proxy stands before.
    local: reqwest::Client,
    /// Headers that go to this URL only: a tenant, a login.
    headers: Vec<(String, HeaderMap)>,
}

/// An answer of any HTTP status.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
    /// Held while this answer is read, where large ones are read one after the other.
    pub(crate) turn: Turn,
}

impl Answer {
    /// The body of a good answer.
    pub(crate) fn ok(self, what: &str, place: &Place) -> Result<Bytes, Problem> {
        self.body_of(what, place).cloned()
    }

    /// The same, for as long as this answer is there.
    pub(crate) fn body_of(&self, what: &str, place: &Place) -> Result<&Bytes, Problem> {
        if self.status < 400 {
            return Ok(&self.body);
        }
        let said: String = String::from_utf8_lossy(&self.body).chars().take(200).collect();
        let why = format!("{place} answered {}: {}", self.status, said.trim());
        Err(Problem::new(what, why, "Retry; if it stays, look at its logs"))
    }
}

/// How redirects are followed. What was asked with headers of the user's stays where they belong: they may be
/// a login.
fn redirects(headers_of: &[String]) -> Policy {
    let own = headers_of.iter().filter_map(|url| url::Url::parse(url).ok()).map(|url| url.origin());
    let own: Vec<url::Origin> = own.collect();
    Policy::custom(move |attempt| {
        let from = attempt.previous().first().map(url::Url::origin).filter(|from| own.contains(from));
        let leaves = from.is_some_and(|from| attempt.url().origin() != from);
        if leaves { attempt.stop() } else { Policy::default().redirect(attempt) }
    })
}

impl Tunnel {
    /// With the headers that the user gave for Prometheus and for the tracing backend.
    pub(crate) fn to(client: Option<Client>, target: &Target) -> Self {
        let read = |(name, value): &(String, String)| {
            let mut value = HeaderValue::try_from(value).ok()?;
            value.set_sensitive(true);
            Some((HeaderName::try_from(name).ok()?, value))
        };
        let given =
            [(&target.prometheus, &target.prometheus_headers), (&target.tracing, &target.tracing_headers)];
        let given = given.into_iter().filter(|(_, headers)| !headers.is_empty());
        let headers =
            given.filter_map(|(url, all)| Some((url.clone()?, all.iter().filter_map(read).collect())));
        Self::with(client, headers.collect())
    }

    #[cfg(test)]
    pub(crate) fn new(client: Client) -> Self {
        Self::with(Some(client), Vec::new())
    }

    fn with(client: Option<Client>, headers: Vec<(String, HeaderMap)>) -> Self {
        let headers_of: Vec<String> = headers.iter().map(|(url, _)| url.clone()).collect();
        let build = |builder: reqwest::ClientBuilder| {
            let builder = builder
                .redirect(redirects(&headers_of))
                .user_agent(AGENT)
                .connect_timeout(Duration::from_secs(5))
                .timeout(ANSWER);
            builder.build().unwrap_or_else(|error| {
                tracing::error!(%error, "direct requests use default settings");
                reqwest::Client::default()
            })
        };
        let direct = build(reqwest::Client::builder());
        let local = build(reqwest::Client::builder().no_proxy());
        Self(Arc::new(Inner { client, idle: Mutex::default(), direct, local, headers }))
    }

    /// Reads a path. `what` opens the problem when it fails.
    pub(crate) async fn get(&self, place: &Place, path: &str, what: &str) -> Result<Answer, Problem> {
        self.get_some(place, path, what, Limit::of(limits::ANSWER)).await
    }

    /// The same, of an answer that is not larger than this.
    pub(crate) async fn get_some(
        &self,
        place: &Place,
        path: &str,
        what: &str,
        limit: Limit,
    ) -> Result<Answer, Problem> {
        self.send(Method::GET, place, path, what, limit).await
    }

    /// Tells something that may be told twice. `what` opens the problem when it fails.
    pub(crate) async fn post(&self, place: &Place, path: &str, what: &str) -> Result<Answer, Problem> {
        self.send(Method::POST, place, path, what, Limit::of(limits::ANSWER)).await
    }

    async fn send(
        &self,
        method: Method,
        place: &Place,
        path: &str,
        what: &str,
        limit: Limit,
    ) -> Result<Answer, Problem> {
        match place {
            Place::Url(url) => self.send_direct(method, url, path, what, limit).await,
            Place::Pod(at) => {
                let asked = self.send_to_pod(method, at, path, what, limit);
                tokio::time::timeout(ANSWER + OPEN, asked).await.unwrap_or_else(|_elapsed| {
                    let why = format!("{place} did not answer within {} s", (ANSWER + OPEN).as_secs());
                    Err(Problem::new(what, why, "Retry; if it stays, look at its logs"))
                })
            }
        }
    }

    /// Closes the kept connections to this port of all pods: after a question to many proxies, none stays
    /// open.
    pub(crate) fn close(&self, port: u16) {
        self.0.idle.lock().retain(|at, _| at.port != port);
    }

    async fn send_direct(
        &self,
        method: Method,
        url: &str,
        path: &str,
        what: &str,
        limit: Limit,
    ) -> Result<Answer, Problem> {
        let given = error::redacted(url);
        let failed = |error: &(dyn std::error::Error + 'static)| {
            let Problem { what, why, .. } = error::of_network(what, error);
            Problem::new(
                what,
                format!("{given}: {why}"),
                "Look whether the URL that was given is right, then retry",
            )
        };
        let client = if error::is_local(url) { &self.0.local } else { &self.0.direct };
        let mut asked = client.request(method, format!("{}{path}", url.trim_end_matches('/')));
        if let Some((_, headers)) = self.0.headers.iter().find(|(of, _)| of == url) {
            asked = asked.headers(headers.clone());
        }
        let response = asked.send().await.map_err(|error| failed(&error.without_url()))?;
        let status = response.status();
        if status.is_redirection() && response.headers().contains_key(header::LOCATION) {
            let why =
                format!("{given} leads to another address, which is not to have the headers that were given");
            return Err(Problem::new(what, why, "Give the URL that it leads to, if that is trusted"));
        }
        let body = limits::read(reqwest::Body::from(response), limit).await;
        let (body, turn) = body.map_err(|error| match error {
            limits::Unread::Broke(error) => failed(&error.without_url()),
            larger => failed(&larger),
        })?;
        Ok(Answer { status: status.as_u16(), body, turn })
    }

    async fn send_to_pod(
        &self,
        method: Method,
        at: &PodPort,
        path: &str,
        what: &str,
        limit: Limit,
    ) -> Result<Answer, Problem> {
        let broken = |error: Unanswered| error::of_network(what, &error);
        // A kept connection may have died meanwhile: then a new one is tried, once.
        while let Some(kept) = self.kept(at) {
            match self.ask(&method, at, kept, path, limit).await {
                Ok(answer) => return Ok(answer),
                Err(error @ limits::Unread::TooLarge(_)) => return Err(broken(error)),
                Err(error) => tracing::debug!(%error, pod = at.pod, "a kept connection had ended"),
            }
        }
        let fresh = self.open(at, what).await?;
        self.ask(&method, at, fresh, path, limit).await.map_err(broken)
    }

    fn kept(&self, at: &PodPort) -> Option<Connection> {
        let mut idle = self.0.idle.lock();
        let connections = idle.get_mut(at)?;
        while let Some(connection) = connections.pop() {
            if !connection.is_closed() {
                return Some(connection);
            }
        }
        None
    }

    async fn ask(
        &self,
        method: &Method,
        at: &PodPort,
        mut connection: Connection,
        path: &str,
        limit: Limit,
    ) -> Result<Answer, Unanswered> {
        connection.ready().await.map_err(Unanswered::Broke)?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, format!("localhost:{}", at.port))
            .header(header::USER_AGENT, AGENT);
        let request = match request.body(Empty::new()) {
            Ok(request) => request,
            Err(error) => {
                tracing::warn!(%error, path, "a path that is no path");
                return Ok(Answer { status: 400, body: Bytes::from_static(b"not a path"), turn: None });
            }
        };
        let response = connection.send_request(request).await.map_err(Unanswered::Broke)?;
        let status = response.status().as_u16();
        let (body, turn) = limits::read(response.into_body(), limit).await?;
        let mut idle = self.0.idle.lock();
        let connections = idle.entry(at.clone()).or_default();
        if connections.len() < KEPT && !connection.is_closed() {
            connections.push(connection);
        }
        Ok(Answer { status, body, turn })
    }

    async fn open(&self, at: &PodPort, what: &str) -> Result<Connection, Problem> {
        let next = "Retry; if it stays, look whether the pod runs";
        let Some(client) = self.0.client.clone() else {
            return Err(Problem::new(what, "There is no cluster whose pods could be reached", "Give a URL"));
        };
        let pods: Api<Pod> = Api::namespaced(client, &at.namespace);
        let ports = [at.port];
        let opening = tokio::time::timeout(OPEN, pods.portforward(&at.pod, &ports)).await;
        let mut forward = match opening {
            Ok(Ok(forward)) => forward,
            Ok(Err(error)) => return Err(self.refused(at, what, &error)),
            Err(_elapsed) => {
                let why = format!("The port-forward to {} did not open within {} s", at.pod, OPEN.as_secs());
                return Err(Problem::new(what, why, next));
            }
        };
        let (Some(stream), said) = (forward.take_stream(at.port), forward.take_error(at.port)) else {
            return Err(Problem::new(what, "The port-forward gave no stream", next));
        };
        if let Some(said) = said {
            let (pod, port) = (at.pod.clone(), at.port);
            tokio::spawn(async move {
                if let Some(error) = said.await {
                    tracing::debug!(pod, port, error, "port-forward");
                }
            });
        }
        let shake = http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = shake.map_err(|error| error::of_network(what, &error))?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a forwarded connection ended");
            }
        });
        Ok(sender)
    }

    fn refused(&self, at: &PodPort, what: &str, error: &kube::Error) -> Problem {
        match error::code(error) {
            Some(401 | 403) => Problem::new(
                what,
                format!("This login may not create pods/portforward in namespace {}", at.namespace),
                "Ask for the right to create pods/portforward there, or give a URL that can be reached directly",
            ),
            Some(404) => {
                Problem::new(what, format!("Pod {} is gone", at.pod), "Nothing: another one is looked for")
            }
            Some(400) => Problem::new(
                what,
                "The way to the API server lets no port-forward through: it does not pass the upgrade to WebSocket",
                "Look for a proxy in between, or give a URL that can be reached directly",
            ),
            Some(_) => error::problem(what, error),
            None => {
                let Problem { what, why, next } = error::problem(what, error);
                Problem::new(what, format!("The API server cannot be reached. {why}"), next)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mock::{Asked, Mock, Reply, Then, http};
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn has_key(asked: &Asked) -> bool {
        asked.head.to_lowercase().contains("x-api-key: secret")
    }

    /// Headers that the user gave may be a login: they go to nobody else, wherever the server leads.
    #[tokio::test]
    async fn headers_go_to_their_own_server_only() {
        let stolen = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&stolen);
        let other = Mock::start(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
            Reply(http(200, "text/plain", b"other"), Then::Close)
        })
        .await;
        let to = format!(
            "HTTP/1.1 302 X\r\nlocation: {}/x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            other.url
        );
        let own = Mock::start(move |asked| match asked.line.as_str() {
            "GET /away" => Reply(to.clone().into_bytes(), Then::Close),
            "GET /home" => {
                let head =
                    b"HTTP/1.1 302 X\r\nlocation: /there\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                Reply(head.to_vec(), Then::Close)
            }
            _ => {
                Reply(http(200, "text/plain", if has_key(&asked) { b"key" } else { b"no key" }), Then::Close)
            }
        })
        .await;
        let headers = vec![("X-Api-Key".to_owned(), "secret".to_owned())];
        let url = Some(own.url.clone());
        for target in [
            Target { prometheus: url.clone(), prometheus_headers: headers.clone(), ..Target::default() },
            Target { tracing: url, tracing_headers: headers, ..Target::default() },
        ] {
            let tunnel = Tunnel::to(Some(own.client()), &target);
            let place = Place::Url(own.url.clone());
            let home = tunnel.get(&place, "/home", "It failed").await.unwrap();
            assert_eq!(home.body, "key");
            let problem = tunnel.get(&place, "/away", "It failed").await.err().unwrap();
            assert!(problem.why.ends_with("which is not to have the headers that were given"), "{problem}");
            assert_eq!(stolen.load(Ordering::SeqCst), 0);
        }
        let tunnel = Tunnel::new(own.client());
        let place = Place::Url(own.url.clone());
        let small = tunnel.get_some(&place, "/", "It failed", Limit::of(2)).await.err().unwrap();
        assert!(small.why.contains("larger than"), "{small}");
    }
}
