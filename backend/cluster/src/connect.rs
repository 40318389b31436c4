//! From a kubeconfig context to a client that the API server takes: in visible steps, each with its own failure and way
//! on, and an answer within ten seconds even when the server never answers.

use crate::credentials::Plugin;
use crate::error;
use crate::hub::Hub;
use crate::kubeconfig::Kubeconfigs;
use crate::usable::{Unusable, usable};
use crate::{AGENT, Target};
use ::http::{HeaderValue, header};
use kube::client::ClientBuilder;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use mesh::journal::Cluster;
use mesh::scene::Step;
use mesh::{Observation, Problem};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::path::Path;
use std::time::{Duration, Instant};
use tower::buffer::BufferLayer;
use tower::filter::AsyncFilterLayer;

/// How long the API server may take to answer the first question.
const FIRST_ANSWER: Duration = Duration::from_secs(8);

/// An API server that took us.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) client: Client,
    /// Namespace of the context.
    pub(crate) namespace: String,
    pub(crate) version: Version,
    /// Its address and by which certificates it is known.
    pub(crate) cluster: Cluster,
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

/// Connects; the steps are shown as they are taken, and a failure stands in its step.
pub(crate) async fn connect(target: &Target, hub: &Hub) -> Option<Api> {
    hub.take(Observation::Begun(target.context.clone()));
    if target.own_sandbox {
        hub.take(Observation::OwnSandbox);
    }
    hub.take(Observation::Running(Step::Context));
    let (name, config) = match config(target).await {
        Ok(found) => found,
        Err(problem) => {
            hub.take(Observation::Lost(problem.clone()));
            hub.take(Observation::Failed(Step::Context, problem));
            return None;
        }
    };
    hub.take(Observation::Named(name.clone()));
    let server = config.cluster_url.to_string();
    let found = format!("{name} at {}", server.trim_end_matches('/'));
    hub.take(Observation::Done(Step::Context, found));
    hub.take(Observation::Running(Step::Api));
    match reach(&name, config).await {
        Ok((api, took)) => {
            let version = &api.version.git_version;
            let found = format!("Kubernetes {version}, {} ms", took.as_millis());
            hub.take(Observation::Done(Step::Api, found));
            Some(api)
        }
        Err(problem) => {
            hub.take(Observation::Lost(problem.clone()));
            hub.take(Observation::Failed(Step::Api, problem));
            None
        }
    }
}

/// Name and settings of the wanted context.
async fn config(target: &Target) -> Result<(String, Config), Problem> {
    let (kubeconfig, file) = (target.kubeconfig.clone(), target.file.clone());
    let read = tokio::task::spawn_blocking(move || read(kubeconfig.as_deref(), file.as_deref())).await;
    let (merged, problems) =
        read.map_err(|error| Problem::new("The kubeconfig was not read", error.to_string(), "Retry"))?;
    let current = || merged.current_context.clone().filter(|name| !name.is_empty());
    let Some(name) = target.context.clone().or_else(current) else {
        return Err(problems.first().cloned().unwrap_or_else(|| {
            let why = "The kubeconfig has no current context";
            Problem::new("There is no context to connect to", why, "Choose a context (--context NAME)")
        }));
    };
    if let Err(unusable) = usable(&merged, &name) {
        // A file that cannot be read explains a missing context better than the context's absence.
        let broken = problems.into_iter().next().filter(|_| matches!(unusable, Unusable::Absent(_)));
        return Err(broken.unwrap_or_else(|| unusable.tell(format!("Context {name} cannot be used"))));
    }
    let options = KubeConfigOptions { context: Some(name.clone()), ..KubeConfigOptions::default() };
    let mut config = Config::from_custom_kubeconfig(merged, &options).await.map_err(|error| {
        let why = error::redacted(&error.to_string());
        Problem::new(
            format!("Context {name} cannot be used"),
            why,
            "Correct the kubeconfig, or choose another context",
        )
    })?;
    config.headers.push((header::USER_AGENT, HeaderValue::from_static(AGENT)));
    config.connect_timeout = Some(Duration::from_secs(5));
    // What the server answers is told at once. A write that was carried out, though its answer was an error, must not be
    // sent again unseen: its own guard would refuse it, as if somebody else had changed the object.
    config.default_retry = false;
    Ok((name, config))
}

/// The kubeconfigs as one, seen from the file whose context is meant, and what is wrong with them.
fn read(kubeconfig: Option<&Path>, file: Option<&Path>) -> (Kubeconfig, Vec<Problem>) {
    let files = Kubeconfigs::read(kubeconfig);
    let files = match file {
        Some(file) if !files.has(file) => Kubeconfigs::of(&[file.to_owned()]),
        _ => files,
    };
    (files.merged(file), files.problems())
}

/// Makes the client and asks the server for its version.
async fn reach(name: &str, mut config: Config) -> Result<(Api, Duration), Problem> {
    let what = format!("{} does not answer", config.cluster_url.to_string().trim_end_matches('/'));
    let namespace = config.default_namespace.clone();
    let cluster = cluster(&config);
    let plugin = Plugin::log_in(name, &mut config.auth_info).await?;
    let client = client(config, plugin).map_err(|error| {
        let next = "Look at the certificates and the login of this context in the kubeconfig";
        Problem::new(format!("Context {name} cannot be used"), error::redacted(&error.to_string()), next)
    })?;
    let begun = Instant::now();
    let asked = crate::http::json::<Version>(&client, "/version");
    let answer = tokio::time::timeout(FIRST_ANSWER, asked).await.map_err(|_elapsed| {
        let why = format!("No answer within {} s", FIRST_ANSWER.as_secs());
        Problem::new(
            what.clone(),
            why,
            "Look whether the cluster is running and at your network or VPN, then retry",
        )
    })?;
    let version = answer.map_err(|error| match error::code(&error) {
        Some(404) => not_kubernetes(&what, "it has no /version (404)"),
        None if matches!(error, kube::Error::SerdeError(_)) => {
            not_kubernetes(&what, "its /version is not JSON")
        }
        Some(401 | 403) => {
            error::problem(format!("The API server refuses the login of context {name}"), &error)
        }
        Some(_) => error::problem(format!("The API server of context {name} does not work"), &error),
        None => error::problem(what, &error),
    })?;
    Ok((Api { client, namespace, version, cluster }, begun.elapsed()))
}

fn cluster(config: &Config) -> Cluster {
    let mut hash = Sha256::new();
    config.root_cert.iter().flatten().for_each(|certificate| hash.update(certificate));
    let ca = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Cluster { uid: None, server: config.cluster_url.to_string(), ca }
}

fn not_kubernetes(what: &str, how: &str) -> Problem {
    let why = format!("What answers there is not the Kubernetes API: {how}");
    Problem::new(what, why, "Look at the server's address of this context in the kubeconfig")
}

fn client(config: Config, plugin: Option<Plugin>) -> Result<Client, kube::Error> {
    let builder = ClientBuilder::try_from(config)?;
    Ok(match plugin {
        None => builder.build(),
        Some(plugin) => {
            builder.with_layer(&BufferLayer::new(1024)).with_layer(&AsyncFilterLayer::new(plugin)).build()
        }
    })
}

#[cfg(test)]
#[path = "connect_tests.rs"]
mod tests;
