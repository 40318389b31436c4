//! From a kubeconfig context to a client that the API server takes: in visible steps, each with its own
//! failure and way on, and an answer within ten seconds even when the server never answers.

use crate::broken::Broken;
use crate::error;
use crate::http::{self, Ask};
use crate::hub::Hub;
use crate::kubeconfig::Kubeconfigs;
use crate::limits;
use crate::login::{LoggedIn, Login};
use crate::patience::Patience;
use crate::settings::settings;
use crate::usable::{Unusable, absent_from};
use crate::{AGENT, Target, own_authority};
use ::http::{HeaderValue, header};
use kube::{Client, Config};
use mesh::journal::Cluster;
use mesh::scene::{Caution, Step};
use mesh::{Observation, Problem};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::time::{Duration, Instant};
use tower::buffer::BufferLayer;
use tower::layer::layer_fn;
use tower::retry::RetryLayer;

/// How long the API server may take to answer the first question.
const FIRST_ANSWER: Duration = Duration::from_secs(8);
/// How long it may take then to say which cluster it is.
const IDENTITY: Duration = Duration::from_secs(3);

/// An API server that took us.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) client: Client,
    /// Namespace of the context.
    pub(crate) namespace: String,
    pub(crate) version: Version,
    /// What tells it from other clusters, whatever the context is called.
    pub(crate) cluster: Cluster,
    /// What it says of itself ("Kubernetes v1.36.0, 5 ms").
    pub(crate) greeting: String,
}

/// What `/version` says.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Version {
    pub(crate) minor: String,
    pub(crate) git_version: String,
}

impl Version {
    /// Whether a watch can start with the list (`sendInitialEvents`): on by default since 1.34.
    pub(crate) fn streams_lists(&self) -> bool {
        self.minor.trim_end_matches('+').parse::<u32>().is_ok_and(|minor| minor >= 34)
    }
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum Unconnected {
    /// The context or the login is not good: that is for the user to mend.
    Settings,
    /// The server does not answer as it should: it may come back by itself.
    Away,
}

/// Connects; the steps are shown as they are taken, and a failure stands in its step. `quietly`: nothing is
/// shown as long as the server is away.
pub(crate) async fn connect(target: &Target, hub: &Hub, quietly: bool) -> Result<Api, Unconnected> {
    if !quietly {
        return attempt(target, |observation| hub.take(observation)).await;
    }
    let mut shown = Vec::new();
    let found = attempt(target, |observation| shown.push(observation)).await;
    if !matches!(found, Err(Unconnected::Away)) {
        shown.into_iter().for_each(|observation| hub.take(observation));
    }
    found
}

async fn attempt(target: &Target, mut show: impl FnMut(Observation)) -> Result<Api, Unconnected> {
    show(Observation::Begun(target.context.clone()));
    if target.own_sandbox.is_some() {
        show(Observation::OwnSandbox);
    }
    show(Observation::Running(Step::Context));
    let Meant { name, config, cautions } = match meant(target).await {
        Ok(found) => found,
        Err(problem) => {
            show(Observation::Lost(problem.clone()));
            show(Observation::Failed(Step::Context, problem));
            return Err(Unconnected::Settings);
        }
    };
    show(Observation::Named(name.clone()));
    show(Observation::Cautions(cautions));
    show(Observation::Done(Step::Context, format!("{name} at {}", server(&config))));
    show(Observation::Running(Step::Api));
    match reach(&name, config).await {
        Ok(api) => {
            let own = target.own_sandbox.as_deref().map(Cluster::sandbox);
            show(Observation::Identified(own.unwrap_or_else(|| api.cluster.clone())));
            show(Observation::Done(Step::Api, api.greeting.clone()));
            Ok(api)
        }
        Err((problem, why)) => {
            show(Observation::Lost(problem.clone()));
            show(Observation::Failed(Step::Api, problem));
            Err(why)
        }
    }
}

/// The server's address as it may be shown.
fn server(config: &Config) -> String {
    error::redacted(config.cluster_url.to_string().trim_end_matches('/'))
}

/// The wanted context.
struct Meant {
    name: String,
    config: Config,
    cautions: Vec<Caution>,
}

async fn meant(target: &Target) -> Result<Meant, Problem> {
    let target = target.clone();
    // Files are read, and the login shell may be asked.
    let read = tokio::task::spawn_blocking(move || read(&target)).await;
    let mut meant =
        read.map_err(|error| Problem::new("The kubeconfig was not read", error.to_string(), "Retry"))??;
    let config = &mut meant.config;
    config.headers.push((header::USER_AGENT, HeaderValue::from_static(AGENT)));
    config.connect_timeout = Some(Duration::from_secs(5));
    // What the server answers is told at once. A write that was carried out, though its answer was an error,
    // must not be sent again unseen: its own guard would refuse it, as if somebody else had changed the
    // object.
    config.default_retry = false;
    Ok(meant)
}

fn read(target: &Target) -> Result<Meant, Problem> {
    let file = target.file.as_deref();
    let files = Kubeconfigs::read(target.kubeconfig.as_deref());
    let files = match file {
        Some(file) if !files.has(file) => Kubeconfigs::of(&[file.to_owned()]),
        _ => files,
    };
    let mut problems = files.problems().into_iter();
    let Some(name) = target.context.as_deref().or_else(|| files.current()) else {
        return Err(problems.next().unwrap_or_else(|| {
            let why = "The kubeconfig has no current context";
            Problem::new("There is no context to connect to", why, "Choose a context (--context NAME)")
        }));
    };
    let what = || format!("Context {name} cannot be used");
    let Some(chosen) = files.chosen(name, file) else {
        // A file that cannot be read explains a missing context better than the context's absence.
        return Err(problems.next().unwrap_or_else(|| absent_from(&files).tell(what())));
    };
    let config =
        settings(&chosen, |name| std::env::var(name).ok()).map_err(|unusable| unusable.tell(what()))?;
    let insecure = config.accept_invalid_certs.then_some(Caution::Insecure);
    let acting = config.auth_info.impersonate.clone().map(Caution::As);
    let otherwise = chosen.differs().map(Caution::Otherwise);
    let missing = problems.map(|problem| Caution::Kubeconfig(problem.why));
    let cautions = insecure.into_iter().chain(acting).chain(otherwise).chain(missing).collect();
    Ok(Meant { name: name.to_owned(), config, cautions })
}

/// Makes the client and asks the server for its version.
async fn reach(name: &str, mut config: Config) -> Result<Api, (Problem, Unconnected)> {
    let what = format!("{} does not answer", server(&config));
    let proxy = config.proxy_url.as_ref().map(|url| error::redacted(url.to_string().trim_end_matches('/')));
    let namespace = config.default_namespace.clone();
    let cluster = cluster(&config);
    let settings = |problem: Problem| (problem, Unconnected::Settings);
    let login = Login::of(name, &mut config.auth_info).await.map_err(settings)?;
    if config.root_cert.as_ref().is_some_and(Vec::is_empty) {
        let why = Unusable::BadAuthority("has no sound certificate in it");
        return Err(settings(why.tell(format!("Context {name} cannot be used"))));
    }
    let client = client(config, login).map_err(|error| {
        tracing::warn!(error = error::redacted(&error.to_string()), "no client of this context");
        let why = match error {
            kube::Error::Auth(_) => Unusable::BadLogin,
            kube::Error::RustlsTls(_) => Unusable::BadIdentity("is not sound, or does not fit the other"),
            _ => Unusable::BadSettings,
        };
        settings(why.tell(format!("Context {name} cannot be used")))
    })?;
    let begun = Instant::now();
    let ask = Ask { limit: limits::VERSION, ..Ask::get("/version") };
    let asked = http::read::<Version>(&client, ask);
    let answer = tokio::time::timeout(FIRST_ANSWER, asked).await.map_err(|_elapsed| {
        let why = format!("No answer within {} s", FIRST_ANSWER.as_secs());
        let next = "Look whether the cluster is running and at your network or VPN, then retry";
        (Problem::new(what.clone(), why, next), Unconnected::Away)
    })?;
    let version = answer.map_err(|error| match error::code(&error) {
        Some(404) => settings(not_kubernetes(&what, "it has no /version (404)")),
        None if matches!(error, kube::Error::SerdeError(_)) => {
            settings(not_kubernetes(&what, "its /version is not JSON"))
        }
        Some(401 | 403) => {
            settings(error::problem(format!("The API server refuses the login of context {name}"), &error))
        }
        Some(_) => {
            let what = format!("The API server of context {name} does not work");
            (error::problem(what, &error), Unconnected::Away)
        }
        None => {
            let problem = error::problem(what, &error);
            let problem = match (Broken::of(&error), proxy) {
                (Broken::Proxy(_), Some(proxy)) => {
                    Problem { why: format!("{} ({proxy})", problem.why), ..problem }
                }
                _ => problem,
            };
            (problem, Unconnected::Away)
        }
    })?;
    let greeting = format!("Kubernetes {}, {} ms", version.git_version, begun.elapsed().as_millis());
    let cluster = Cluster { uid: uid(&client).await, ..cluster };
    Ok(Api { client, namespace, version, cluster, greeting })
}

/// What stays as long as the cluster does, if it may be read.
pub(crate) async fn uid(client: &Client) -> Option<String> {
    let namespace = http::json::<Value>(client, "/api/v1/namespaces/kube-system");
    let namespace = tokio::time::timeout(IDENTITY, namespace).await.ok()?.ok()?;
    Some(namespace["metadata"]["uid"].as_str()?.to_owned())
}

fn cluster(config: &Config) -> Cluster {
    let mut hash = Sha256::new();
    config.root_cert.iter().flatten().for_each(|certificate| hash.update(certificate));
    let ca = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Cluster { uid: None, server: error::redacted(&config.cluster_url.to_string()), ca }
}

fn not_kubernetes(what: &str, how: &str) -> Problem {
    let why = format!("What answers there is not the Kubernetes API: {how}");
    Problem::new(what, why, "Look at the server's address of this context in the kubeconfig")
}

fn client(config: Config, login: Option<Login>) -> Result<Client, kube::Error> {
    let builder = own_authority::builder(config)?.with_layer(&BufferLayer::new(1024));
    let patient = RetryLayer::new(Patience::default());
    Ok(match login {
        None => builder.with_layer(&patient).build(),
        Some(login) => {
            let logged_in = layer_fn(move |inner| LoggedIn { inner, login: login.clone() });
            builder.with_layer(&logged_in).with_layer(&patient).build()
        }
    })
}

#[cfg(test)]
#[path = "connect_tests.rs"]
mod tests;
