//! A running server with one pod behind it that answers HTTP, and the ways to talk to it.

use std::{net::Ipv4Addr, sync::Arc};

use apiserver::{ApiServer, LogRing, Logs, Options, PodAccess, PodName, Store, Unreachable};
use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

/// What the pod answers to everything.
pub(crate) const GREETING: &str = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\nhello\n";

/// Pods that answer on port 80, refuse on any other, and have one log.
pub(crate) struct Pods {
    address: std::net::SocketAddr,
    pub(crate) log: LogRing,
}

#[async_trait]
impl PodAccess for Pods {
    async fn connect(&self, namespace: &str, pod: &str, port: u16) -> Result<wire::Stream, Unreachable> {
        let name = || PodName { namespace: namespace.to_owned(), name: pod.to_owned() };
        if port != 80 {
            return Err(Unreachable::Closed(name(), port));
        }
        wire::Address::Tcp(self.address)
            .connect()
            .await
            .map_err(|error| Unreachable::Refused(name(), port, error))
    }

    fn logs(&self, _: &str, _: &str, container: &str) -> Option<Logs> {
        (container == "web").then(|| self.log.logs())
    }
}

pub(crate) struct Cluster {
    pub(crate) server: ApiServer,
    pub(crate) http: reqwest::Client,
    pub(crate) log: LogRing,
}

/// Starts a server on an empty store.
pub(crate) async fn cluster() -> Cluster {
    cluster_with(Store::new()).await
}

pub(crate) async fn cluster_with(store: Store) -> Cluster {
    // Several tests do this; the first one wins.
    drop(rustls::crypto::ring::default_provider().install_default());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let pods = Arc::new(Pods { address: listener.local_addr().unwrap(), log: LogRing::new(100) });
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                if socket.read(&mut buffer).await.is_ok_and(|count| count > 0) {
                    socket.write_all(GREETING.as_bytes()).await.ok();
                }
            });
        }
    });
    let log = pods.log.clone();
    let server = ApiServer::start(store, Options::new(pods)).await.unwrap();
    let http = reqwest::Client::builder()
        .tls_certs_only([reqwest::Certificate::from_pem(server.ca_pem().as_bytes()).unwrap()])
        .build()
        .unwrap();
    Cluster { server, http, log }
}

/// An answer: its status, its body, its headers.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) headers: reqwest::header::HeaderMap,
}

impl Cluster {
    /// Sends a request with the token; the body goes as this content type.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        content_type: &str,
        body: Option<Value>,
    ) -> Answer {
        let request = self.request(method, path);
        let request = match body {
            Some(body) => request.header("content-type", content_type).body(body.to_string()),
            None => request,
        };
        read(request).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "", None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, "application/json", Some(body)).await
    }

    pub(crate) async fn json_patch(&self, path: &str, body: Value) -> Answer {
        self.send("PATCH", path, "application/json-patch+json", Some(body)).await
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        self.http.request(method, format!("{}{path}", self.server.url())).bearer_auth(self.server.token())
    }

    /// Takes away a pod at once.
    pub(crate) fn end(&self, name: &str) {
        let store = self.server.store();
        let pod = store.get("Pod", "default", name).unwrap();
        assert!(store.ended("default", name, pod["metadata"]["uid"].as_str().unwrap()).unwrap());
    }

    /// Ends pods that are being deleted, as a kubelet does whose containers end at once.
    pub(crate) fn run_kubelet(&self) {
        let store = self.server.store().clone();
        tokio::spawn(async move {
            let mut news = store.watch();
            loop {
                let apiserver::WatchEvent::Modified(object) = news.next().await else { continue };
                if object["kind"] == "Pod" && object["metadata"]["deletionTimestamp"].is_string() {
                    let text = |name: &str| object["metadata"][name].as_str().unwrap();
                    store.ended(text("namespace"), text("name"), text("uid")).unwrap();
                }
            }
        });
    }

    pub(crate) async fn client(&self) -> kube::Client {
        let config: kube::config::Kubeconfig =
            kube::config::Kubeconfig::from_yaml(&self.server.kubeconfig("sandbox")).unwrap();
        let options = kube::config::KubeConfigOptions::default();
        let config = kube::Config::from_custom_kubeconfig(config, &options).await.unwrap();
        kube::Client::try_from(config).unwrap()
    }
}

pub(crate) async fn read(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Answer { status, body, headers }
}

pub(crate) const ROUTES: &str = "/apis/networking.istio.io/v1/namespaces/default/virtualservices";

/// A VirtualService that splits reviews between two versions.
pub(crate) fn routes(name: &str, first: i64, second: i64) -> Value {
    json!({
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
            "metadata": {"name": name, "namespace": "default"},
        "spec": {"hosts": [name], "http": [{"route": [
            {"destination": {"host": name, "subset": "v1"}, "weight": first},
            {"destination": {"host": name, "subset": "v2"}, "weight": second},
        ]}]},
    })
}

/// A running pod of the application `web`.
pub(crate) fn pod(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default",
            "labels": {"app": "web"}},
        "spec": {"nodeName": "sandbox", "containers": [{"name": "web", "image": "web:1",
            "ports": [{"containerPort": 80, "name": "http"}]}]},
        "status": {"phase": "Running", "podIP": "10.244.0.9",
                   "conditions": [{"type": "Ready", "status": "True"}],
                   "containerStatuses": [{"name": "web", "ready": true, "restartCount": 0, "image": "web:1",
                       "imageID": "", "state": {"running": {}}}]},
    })
}
