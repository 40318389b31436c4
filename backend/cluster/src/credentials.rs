//! Logging in by an exec plugin (EKS, GKE, AKS, OIDC …): never interactive, with a time limit, and with the plugin's own
//! words in the problem when it fails. What a plugin returns is kept in memory only and renewed before it ends.

use crate::usable::Unusable;
use base64::Engine as _;
use http::{HeaderValue, Request, header::AUTHORIZATION};
use jiff::{SignedDuration, Timestamp};
use kube::client::Body;
use kube::config::{AuthInfo, ExecAuthCluster, ExecConfig};
use mesh::Problem;
use serde::Deserialize;
use serde_json::json;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::process::Command;
use tokio::sync::Mutex;
use tower::BoxError;
use tower::filter::AsyncPredicate;

/// How long a plugin may take. Those of the clouds take one or two seconds.
const TIME_LIMIT: Duration = Duration::from_secs(20);
/// A token is renewed when it has less than this left.
const RENEW_BEFORE: SignedDuration = SignedDuration::from_secs(60);

/// What a plugin returned.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Credential {
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
    expiration_timestamp: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Answer {
    status: Option<Credential>,
}

/// A plugin and what it returned last.
#[derive(Clone)]
pub(crate) struct Plugin(Arc<Inner>);

struct Inner {
    context: String,
    exec: ExecConfig,
    credential: Mutex<Credential>,
    time_limit: Duration,
}

impl Plugin {
    /// Runs the plugin of this user, if it has one, and takes it out of `info`, which gets the certificate when the
    /// plugin returned one. A token is added to every request by the returned plugin instead, so that it can be renewed.
    pub(crate) async fn log_in(context: &str, info: &mut AuthInfo) -> Result<Option<Self>, Problem> {
        Self::log_in_within(context, info, TIME_LIMIT).await
    }

    async fn log_in_within(
        context: &str,
        info: &mut AuthInfo,
        limit: Duration,
    ) -> Result<Option<Self>, Problem> {
        let Some(exec) = info.exec.take() else { return Ok(None) };
        let credential = run(context, &exec, limit).await?;
        if let (Some(certificate), Some(key)) =
            (&credential.client_certificate_data, &credential.client_key_data)
        {
            let base64 = base64::engine::general_purpose::STANDARD;
            info.client_certificate_data = Some(base64.encode(certificate));
            info.client_key_data = Some(base64.encode(key).into());
        }
        let inner = Inner {
            context: context.to_owned(),
            exec,
            credential: Mutex::new(credential),
            time_limit: limit,
        };
        Ok(Some(Self(Arc::new(inner))))
    }

    async fn header(&self) -> Result<Option<HeaderValue>, BoxError> {
        let mut credential = self.0.credential.lock().await;
        if credential.expiration_timestamp.is_some_and(|end| end < Timestamp::now() + RENEW_BEFORE) {
            *credential = run(&self.0.context, &self.0.exec, self.0.time_limit).await?;
        }
        let Some(token) = &credential.token else { return Ok(None) };
        let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_invalid| {
            let why = "Its login plugin returned a token that no HTTP header can hold";
            Problem::new(
                format!("Context {} cannot be used", self.0.context),
                why,
                "Look at the plugin's settings",
            )
        })?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

impl AsyncPredicate<Request<Body>> for Plugin {
    type Request = Request<Body>;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Request<Body>, BoxError>> + Send>>;

    fn check(&mut self, mut request: Request<Body>) -> Self::Future {
        let plugin = self.clone();
        Box::pin(async move {
            if let Some(value) = plugin.header().await? {
                request.headers_mut().insert(AUTHORIZATION, value);
            }
            Ok(request)
        })
    }
}

/// What the plugin is told about the cluster, if it asks for it.
fn exec_info(exec: &ExecConfig, cluster: Option<&ExecAuthCluster>) -> String {
    let mut spec = json!({ "interactive": false });
    if exec.provide_cluster_info
        && let Some(cluster) = cluster
        && let Ok(cluster) = serde_json::to_value(cluster)
    {
        spec["cluster"] = cluster;
    }
    json!({ "kind": "ExecCredential", "apiVersion": exec.api_version, "spec": spec }).to_string()
}

async fn run(context: &str, exec: &ExecConfig, limit: Duration) -> Result<Credential, Problem> {
    let what = || format!("Logging in to {context} failed");
    let name = exec.command.clone().unwrap_or_default();
    let mut command = Command::new(&name);
    command.args(exec.args.iter().flatten());
    for variable in exec.env.iter().flatten() {
        if let (Some(name), Some(value)) = (variable.get("name"), variable.get("value")) {
            command.env(name, value);
        }
    }
    command.env("KUBERNETES_EXEC_INFO", exec_info(exec, exec.cluster.as_ref()));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    // A group of its own, so that what the plugin starts ends with it.
    #[cfg(unix)]
    command.process_group(0);
    #[cfg(windows)]
    command.creation_flags(0x0800_0000); // no console window

    let child = command.spawn().map_err(|error| {
        if error.kind() == std::io::ErrorKind::NotFound {
            Unusable::no_plugin(exec).tell(what())
        } else {
            Problem::new(
                what(),
                format!("Its login plugin {name} does not start: {error}"),
                "Look at its permissions",
            )
        }
    })?;
    let group = child.id();
    let Ok(output) = tokio::time::timeout(limit, child.wait_with_output()).await else {
        end_group(group);
        let why = format!("Its login plugin {name} did not finish within {} s", limit.as_secs_f32().ceil());
        let next = "It may wait for input: log in on a terminal first, then retry";
        return Err(Problem::new(what(), why, next));
    };
    let output = output.map_err(|error| {
        Problem::new(what(), format!("Its login plugin {name} cannot be read: {error}"), "Retry")
    })?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        let why = format!("Its login plugin {name} ended with {}: {}", output.status, last_lines(&said));
        return Err(Problem::new(what(), why, "Do what the plugin says (often: log in again), then retry"));
    }
    // What it printed to stdout may be a secret and is never shown.
    let answer: Answer = serde_saphyr::from_slice(&output.stdout).map_err(|_error| {
        let why = format!("Its login plugin {name} did not print an ExecCredential: {}", last_lines(&said));
        Problem::new(what(), why, "Look at the plugin's settings in the kubeconfig")
    })?;
    answer.status.ok_or_else(|| {
        let why = format!("Its login plugin {name} printed no credentials: {}", last_lines(&said));
        Problem::new(what(), why, "Look at the plugin's settings in the kubeconfig")
    })
}

#[cfg(unix)]
fn end_group(leader: Option<u32>) {
    use nix::sys::signal::{Signal, killpg};
    let Some(id) = leader.and_then(|id| i32::try_from(id).ok()) else { return };
    if let Err(error) = killpg(nix::unistd::Pid::from_raw(id), Signal::SIGKILL) {
        tracing::debug!(%error, "the login plugin had already ended");
    }
}

#[cfg(not(unix))]
fn end_group(_leader: Option<u32>) {}

/// The end of what a plugin said, short enough for one line.
fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if lines.is_empty() {
        return "it said nothing".into();
    }
    let text = lines[lines.len().saturating_sub(3)..].join(" · ");
    text.chars().take(400).collect()
}

#[cfg(test)]
#[path = "credentials_tests.rs"]
mod tests;
