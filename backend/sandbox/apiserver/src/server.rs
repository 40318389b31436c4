//! Listening, TLS, who is asking; each request then goes to [`crate::routes`].

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Duration,
};

use axum::body::Body;
use futures::FutureExt as _;
use http::{HeaderValue, Request, Response, header};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    answers,
    api::{Api, Caller},
    faults::{Catch, Deny, Faults},
    kubeconfig, openapi,
    origin::is_foreign,
    pods::PodAccess,
    routes,
    status::ApiError,
    store::Store,
    tls,
};

/// How to serve.
pub struct Options {
    /// What runs inside the pods.
    pub pods: Arc<dyn PodAccess>,
    /// What `/version` says, as `v1.36.2`.
    pub kubernetes_version: String,
    /// Who the bearer of the token is.
    pub user: String,
    /// Rights that this user does not have.
    pub deny: Vec<Deny>,
}

impl Options {
    /// The usual: Kubernetes 1.36, an administrator.
    pub fn new(pods: Arc<dyn PodAccess>) -> Self {
        Self { pods, kubernetes_version: "v1.36.2".into(), user: "kubernetes-admin".into(), deny: Vec::new() }
    }
}

/// Why the server could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No port could be had.
    #[error("the sandbox's API server could not open a port on 127.0.0.1")]
    Listen(#[source] std::io::Error),
    /// No certificate could be made.
    #[error("the sandbox's API server could not make its certificate")]
    Certificate(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A running API server. Ends when [`ApiServer::stop`] is called or the value is dropped.
pub struct ApiServer {
    url: String,
    ca_pem: String,
    api: Arc<Api>,
}

impl ApiServer {
    /// Serves the store on a free port of 127.0.0.1.
    pub async fn start(store: Store, options: Options) -> Result<Self, StartError> {
        let identity = tls::identity().map_err(StartError::Certificate)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(StartError::Listen)?;
        let address = listener.local_addr().map_err(StartError::Listen)?;
        let api = Arc::new(Api {
            store,
            address,
            pods: options.pods,
            faults: Faults::new(options.deny),
            version: options.kubernetes_version,
            user: options.user,
            openapi: openapi::Cache::default(),
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
            token: format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple()),
        });
        api.tasks.spawn(accept(api.clone(), listener, identity.acceptor));
        Ok(Self { url: format!("https://{address}"), ca_pem: identity.ca_pem, api })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.api.address
    }

    /// As `https://127.0.0.1:41234`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The certificate authority to trust.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The bearer token.
    pub fn token(&self) -> &str {
        &self.api.token
    }

    /// The objects that are served.
    pub fn store(&self) -> &Store {
        &self.api.store
    }

    /// The switches for trouble.
    pub fn faults(&self) -> &Faults {
        &self.api.faults
    }

    /// A kubeconfig in YAML with one context of this name, certificate authority and token embedded.
    pub fn kubeconfig(&self, context_name: &str) -> String {
        kubeconfig::render(context_name, &self.url, &self.ca_pem, &self.api.token)
    }

    /// Ends all connections, watches and tunnels, and waits for them.
    pub async fn stop(self) {
        self.api.closing.cancel();
        self.api.tasks.close();
        self.api.tasks.wait().await;
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        self.api.closing.cancel();
    }
}

async fn accept(api: Arc<Api>, listener: TcpListener, acceptor: tokio_rustls::TlsAcceptor) {
    loop {
        let socket = tokio::select! {
            accepted = listener.accept() => accepted,
            () = api.closing.cancelled() => return,
        };
        let socket = match socket {
            Ok((socket, _)) => socket,
            Err(error) => {
                // Out of file handles, most likely: let some be given back.
                tracing::warn!(%error, "the API server cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let (api, acceptor) = (api.clone(), acceptor.clone());
        api.tasks.clone().spawn(async move {
            let closing = api.closing.clone();
            tokio::select! {
                () = serve(api, socket, acceptor) => {}
                () = closing.cancelled() => {}
            }
        });
    }
}

async fn serve(api: Arc<Api>, socket: TcpStream, acceptor: tokio_rustls::TlsAcceptor) {
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    let stream = match tokio::time::timeout(Duration::from_secs(10), acceptor.accept(socket)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::debug!(%error, "TLS handshake failed"),
        Err(_) => return tracing::debug!("TLS handshake took too long"),
    };
    let service = service_fn(move |request: Request<Incoming>| {
        let api = api.clone();
        async move { answer(api, request).await }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http2().max_concurrent_streams(1000);
    if let Err(error) = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "a connection to the API server ended badly");
    }
}

/// Answers a request; an error breaks the connection.
async fn answer(api: Arc<Api>, request: Request<Incoming>) -> io::Result<Response<Body>> {
    let broken = || Err(io::Error::from(io::ErrorKind::ConnectionAborted));
    let faults = api.faults.clone();
    if faults.is_away() {
        return broken();
    }
    let Some(catch) = faults.catches(request.method(), request.uri()) else {
        return Ok(carry_out(api, request).await);
    };
    if catch == Catch::Hold {
        faults.caught(catch);
        return std::future::pending().await;
    }
    let _unheard = carry_out(api, request).await;
    faults.caught(catch);
    if catch == Catch::HoldAnswer { std::future::pending().await } else { broken() }
}

async fn carry_out(api: Arc<Api>, request: Request<Incoming>) -> Response<Body> {
    let delay = api.faults.delayed_by();
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    let asked = if is_foreign(request.headers(), request.uri()) {
        Err(ApiError::new(
            403,
            "Forbidden",
            "only requests to this machine in its own name are answered".to_owned(),
        ))
    } else {
        caller(&api, &request)
    };
    let answered = match asked {
        Ok(caller) => {
            // A fault of ours must not cost the client its connection.
            let answered = AssertUnwindSafe(routes::answer(api, caller, request)).catch_unwind().await;
            answered.unwrap_or_else(|_| {
                Err(ApiError::internal("Internal error occurred: the request made the server fail"))
            })
        }
        Err(error) => Err(error),
    };
    let mut response = answered.unwrap_or_else(|error| answers::error(&error));
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache, private"));
    if let Ok(id) = HeaderValue::from_str(&uuid::Uuid::new_v4().to_string()) {
        headers.insert("audit-id", id);
    }
    response
}

fn caller(api: &Api, request: &Request<Incoming>) -> Result<Caller, ApiError> {
    let Some(given) = request.headers().get(header::AUTHORIZATION) else { return Ok(Caller::Anonymous) };
    let token = given.to_str().ok().and_then(|text| text.strip_prefix("Bearer ")).map(str::trim);
    if token != Some(api.token.as_str()) || api.faults.is_expired() {
        return Err(ApiError::unauthorized());
    }
    // There is one user here, and no other to speak for.
    match request.headers().get("impersonate-user").and_then(|name| name.to_str().ok()) {
        Some(other) => Err(ApiError::forbidden(&api.user, "impersonate", "", "users", Some(other), None)),
        None => Ok(Caller::User(api.user.clone())),
    }
}
