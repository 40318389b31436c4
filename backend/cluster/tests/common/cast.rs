//! Who plays in a test cluster: istiod with its proxies, Prometheus, Jaeger. Each serves real HTTP on
//! 127.0.0.1.

use apiserver::{Store, WatchEvent};
use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::get;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const ISTIOD: u16 = 15014;
pub(crate) const ENVOY: u16 = 15000;

/// How the proxies take a new configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Manner {
    /// Acknowledge it.
    #[default]
    Ack,
    /// Refuse it with these words.
    Nack(String),
    /// Never get it.
    Silence,
    /// Hold it already: istiod has no need to push.
    Known,
    /// Get it, and say nothing until [`Script::answer`].
    Later,
}

/// Which form of syncz istiod gives.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Form {
    #[default]
    Current,
    Older,
}

#[derive(Default)]
pub(crate) struct Script {
    pub(crate) manner: Manner,
    pub(crate) form: Form,
    /// Only this proxy refuses, or says nothing; the others acknowledge.
    pub(crate) refuses: Option<String>,
    /// The others hold what one refuses.
    pub(crate) shows_while_refusing: bool,
    /// This proxy's admin port takes questions and does not answer.
    pub(crate) frozen_proxy: Option<String>,
    /// istiod answers 503.
    pub(crate) away: bool,
    /// Another cluster of the same istiod has proxies of the same names, which refuse everything with these
    /// words.
    pub(crate) elsewhere: Option<String>,
    nonce: u64,
    /// By proxy: sent, acknowledged, refusal.
    proxies: BTreeMap<String, (u64, u64, String)>,
    rejects: u64,
    dump: Value,
    /// What Envoys log of HTTP.
    http_level: Option<String>,
    /// What it will be.
    later: Value,
    /// Prometheus' answers: the first whose text occurs in the query.
    pub(crate) answers: Vec<(String, Value)>,
    /// Queries that Prometheus got.
    pub(crate) asked: Vec<String>,
    /// Who asked proxies, by what they say of themselves.
    pub(crate) agents: Vec<String>,
    /// Prometheus takes queries and does not answer.
    pub(crate) frozen: bool,
}

/// The cast.
pub(crate) struct Cast {
    pub(crate) script: Mutex<Script>,
    pub(crate) istiod_at: SocketAddr,
    pub(crate) envoy_at: SocketAddr,
    pub(crate) prometheus_at: SocketAddr,
    pub(crate) jaeger_at: SocketAddr,
}

impl Cast {
    pub(crate) async fn start(store: Store) -> Arc<Self> {
        let (istiod, istiod_at) = listen().await;
        let (envoy, envoy_at) = listen().await;
        let (prometheus, prometheus_at) = listen().await;
        let (jaeger, jaeger_at) = listen().await;
        let mut script = Script::default();
        for name in mesh::demo::bookinfo().proxies() {
            script.proxies.insert(name, (0, 0, String::new()));
        }
        let cast =
            Arc::new(Self { script: Mutex::new(script), istiod_at, envoy_at, prometheus_at, jaeger_at });
        let routes = Router::new()
            .route("/debug/syncz", get(syncz))
            .route("/metrics", get(metrics))
            .route("/version", get(|| async { "1.29.1-play-Clean" }))
            .with_state(Arc::clone(&cast));
        tokio::spawn(async move { axum::serve(istiod, routes).await });
        let routes = Router::new().route("/api/v1/query", get(query)).with_state(Arc::clone(&cast));
        tokio::spawn(async move { axum::serve(prometheus, routes).await });
        let services = || async { r#"{"data":["reviews.bookinfo","details.bookinfo"]}"# };
        let routes = Router::new().route("/jaeger/api/services", get(services));
        tokio::spawn(async move { axum::serve(jaeger, routes).await });
        tokio::spawn(envoys(envoy, Arc::clone(&cast)));
        tokio::spawn(pilot(store, Arc::clone(&cast)));
        cast
    }

    pub(crate) fn play(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.script.lock());
    }
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

/// Follows VirtualServices and pushes, as the script says.
async fn pilot(store: Store, cast: Arc<Cast>) {
    let mut watch = store.watch();
    loop {
        let object = match watch.next().await {
            WatchEvent::Reset { objects, .. } => objects.iter().find(|object| is_reviews(object)).cloned(),
            WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                Some(object).filter(|object| is_reviews(object))
            }
            WatchEvent::Deleted(_) => None,
        };
        if let Some(object) = object {
            cast.script.lock().push(&object);
        }
    }
}

fn is_reviews(object: &Value) -> bool {
    object["kind"] == "VirtualService" && object["metadata"]["name"] == "reviews"
}

impl Script {
    fn push(&mut self, service: &Value) {
        let manner = self.manner.clone();
        if manner == Manner::Silence {
            return;
        }
        if manner != Manner::Known {
            self.nonce += 1;
        }
        for (name, (sent, acked, error)) in &mut self.proxies {
            *sent = self.nonce;
            let meant = self.refuses.as_ref().is_none_or(|only| only == name);
            match &manner {
                Manner::Nack(words) if meant => {
                    self.rejects += 1;
                    words.clone_into(error);
                }
                Manner::Later if meant => {}
                _ => (*acked, *error) = (self.nonce, String::new()),
            }
        }
        match manner {
            Manner::Nack(_) if !self.shows_while_refusing => {}
            Manner::Later => self.later = routes(service),
            _ => self.dump = routes(service),
        }
    }

    /// All proxies acknowledge what they were sent. As in istiod, that takes away what they had refused
    /// before.
    pub(crate) fn answer(&mut self) {
        for (sent, acked, error) in self.proxies.values_mut() {
            (*acked, *error) = (*sent, String::new());
        }
        self.dump = std::mem::take(&mut self.later);
    }

    /// All proxies hold this VirtualService.
    pub(crate) fn show(&mut self, service: &Value) {
        self.dump = routes(service);
    }

    /// This proxy has refused the last push.
    pub(crate) fn refused(&mut self, proxy: &str, words: &str) {
        self.nonce += 1;
        self.rejects += 1;
        self.proxies.insert(proxy.to_owned(), (self.nonce, 0, words.to_owned()));
    }

    fn syncz(&self) -> Value {
        let nonce = |number: &u64| if *number == 0 { String::new() } else { format!("n{number}") };
        let entries = self.proxies.iter().map(|(name, (sent, acked, error))| {
            let common = json!({ "cluster_id": "Kubernetes", "proxy": name, "istio_version": "1.29.1" });
            let mut entry = common;
            if self.form == Form::Older {
                entry["route_sent"] = nonce(sent).into();
                entry["route_acked"] = nonce(acked).into();
            } else {
                entry["resources"] = json!({ "type.googleapis.com/envoy.config.route.v3.RouteConfiguration":
                    { "sent": nonce(sent), "acked": nonce(acked), "lastError": error } });
            }
            entry
        });
        let mut all: Vec<Value> = entries.collect();
        if let Some(words) = &self.elsewhere {
            let mut others = all.clone();
            for (number, entry) in others.iter_mut().enumerate() {
                entry["cluster_id"] = "west".into();
                if number > 0 {
                    entry["proxy"] = format!("west-{number}.bookinfo").into();
                }
                for resource in
                    entry["resources"].as_object_mut().into_iter().flat_map(|all| all.values_mut())
                {
                    *resource = json!({ "sent": "w2", "acked": "w1", "lastError": words });
                }
            }
            all.extend(others);
        }
        all.into()
    }
}

/// The routes of a VirtualService, as Envoy shows them.
fn routes(service: &Value) -> Value {
    let config = "/apis/networking.istio.io/v1/namespaces/bookinfo/virtual-service/reviews";
    let rules = service["spec"]["http"].as_array().cloned().unwrap_or_default();
    let routes: Vec<Value> = rules
        .iter()
        .map(|rule| {
            let rows = rule["route"].as_array().cloned().unwrap_or_default();
            let cluster = |row: &Value| {
                let subset = row["destination"]["subset"].as_str().unwrap_or_default().to_owned();
                format!("outbound|9080|{subset}|reviews.bookinfo.svc.cluster.local")
            };
            let action = match rows.as_slice() {
                [only] => json!({ "cluster": cluster(only) }),
                rows => {
                    let clusters = rows.iter().map(|row| json!({ "name": cluster(row), "weight": row["weight"] }));
                    json!({ "weighted_clusters": { "clusters": clusters.collect::<Vec<_>>() } })
                }
            };
            let mut wanted = json!({ "prefix": "/" });
            for (name, value) in rule["match"][0]["headers"].as_object().into_iter().flatten() {
                wanted["headers"] = json!([{ "name": name, "string_match": value }]);
            }
            json!({ "match": wanted, "route": action, "metadata": { "filter_metadata": { "istio": { "config": config } } } })
        })
        .collect();
    json!({ "configs": [{ "@type": "type.googleapis.com/envoy.admin.v3.RoutesConfigDump.DynamicRouteConfig",
        "route_config": { "name": "9080", "virtual_hosts": [{ "name": "reviews.bookinfo.svc.cluster.local:9080", "routes": routes }] } }] })
}

async fn syncz(State(cast): State<Arc<Cast>>) -> (StatusCode, String) {
    let script = cast.script.lock();
    if script.away {
        return (StatusCode::SERVICE_UNAVAILABLE, "away".to_owned());
    }
    (StatusCode::OK, script.syncz().to_string())
}

async fn metrics(State(cast): State<Arc<Cast>>) -> String {
    format!("pilot_total_xds_rejects{{type=\"rds\"}} {}\n", cast.script.lock().rejects)
}

async fn query(State(cast): State<Arc<Cast>>, Query(fields): Query<HashMap<String, String>>) -> String {
    let asked = fields.get("query").cloned().unwrap_or_default();
    while cast.script.lock().frozen {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let mut script = cast.script.lock();
    let answer =
        script.answers.iter().find(|(part, _)| asked.contains(part)).map(|(_, answer)| answer.clone());
    script.asked.push(asked);
    // Whatever is played, its clock runs.
    let clock = || {
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_secs_f64();
        json!([{ "metric": {}, "value": [now, now.to_string()] }])
    };
    let nothing = |asked: &str| if asked.contains("vector(time())") { clock() } else { json!([]) };
    let result = answer.unwrap_or_else(|| nothing(script.asked.last().map_or("", String::as_str)));
    json!({ "status": "success", "data": { "resultType": "vector", "result": result } }).to_string()
}

/// Tells the one listener of all Envoys which pod is meant.
pub(crate) async fn announce(stream: &mut TcpStream, pod: &str) -> std::io::Result<()> {
    stream.write_all(format!("{pod}\n").as_bytes()).await
}

/// All Envoys' admin ports: after the pod's name, HTTP.
async fn envoys(listener: TcpListener, cast: Arc<Cast>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let cast = Arc::clone(&cast);
        tokio::spawn(async move {
            let mut name = Vec::new();
            while let Ok(letter) = stream.read_u8().await {
                if letter == b'\n' {
                    break;
                }
                name.push(letter);
            }
            let pod = String::from_utf8_lossy(&name).into_owned();
            let service = hyper::service::service_fn(move |request: http::Request<hyper::body::Incoming>| {
                let (cast, pod) = (Arc::clone(&cast), pod.clone());
                async move {
                    let agent = request.headers().get("user-agent").and_then(|agent| agent.to_str().ok());
                    cast.script.lock().agents.push(agent.unwrap_or_default().to_owned());
                    let is_frozen = || {
                        let script = cast.script.lock();
                        script.frozen_proxy.as_ref().is_some_and(|name| name.starts_with(&pod))
                    };
                    while is_frozen() {
                        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                    }
                    let mut script = cast.script.lock();
                    let body = match request.uri().path() {
                        "/logging" if request.method() == http::Method::POST => {
                            if let Some(level) =
                                request.uri().query().and_then(|asked| asked.strip_prefix("http="))
                            {
                                script.http_level = Some(level.to_owned());
                            }
                            let http = script.http_level.as_deref().unwrap_or("warning");
                            format!("active loggers:\n  admin: warning\n  http: {http}\n")
                        }
                        // `?resource=` gives the bare entries.
                        "/config_dump" => script.dump.to_string(),
                        _ => String::new(),
                    };
                    Ok::<_, std::convert::Infallible>(http::Response::new(body))
                }
            });
            let io = hyper_util::rt::TokioIo::new(stream);
            hyper::server::conn::http1::Builder::new().serve_connection(io, service).await.ok();
        });
    }
}
