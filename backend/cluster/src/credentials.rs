//! Logging in by an exec plugin (EKS, GKE, AKS, OIDC …): never interactive, with limits on time and size, and
//! with the plugin's own words in the problem when it fails.

use crate::search_path;
use crate::usable::Unusable;
use jiff::Timestamp;
use kube::config::{ExecAuthCluster, ExecConfig};
use mesh::Problem;
use serde::Deserialize;
use serde_json::json;
use std::io;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};

/// How long a plugin may take: some wait for a browser or a telephone.
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(60);
/// How many bytes it may print.
const MOST: u64 = 1 << 20;

/// What a plugin returned.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Credential {
    pub(crate) token: Option<String>,
    pub(crate) client_certificate_data: Option<String>,
    pub(crate) client_key_data: Option<String>,
    pub(crate) expiration_timestamp: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Answer {
    status: Option<Credential>,
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

/// Runs the plugin of a context.
pub(crate) async fn run(context: &str, exec: &ExecConfig, limit: Duration) -> Result<Credential, Problem> {
    let what = || format!("Logging in to {context} failed");
    let name = exec.command.clone().unwrap_or_default();
    let wanted = name.clone();
    let look = move || (search_path::find(&wanted), search_path::get());
    // The login shell may be asked for its PATH, which takes a while.
    let (program, path) = tokio::task::spawn_blocking(look)
        .await
        .map_err(|error| Problem::new(what(), error.to_string(), "Retry"))?;
    let program = program.ok_or_else(|| Unusable::no_plugin(exec).tell(what()))?;
    let mut command = Command::new(program);
    command.args(exec.args.iter().flatten()).env("PATH", path);
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
        let why = format!("Its login plugin {name} does not start: {error}");
        Problem::new(what(), why, "Look at its permissions")
    })?;
    let _group = Group(child.id());
    let output = match tokio::time::timeout(limit, heard(child)).await {
        Ok(output) => output.map_err(|why| {
            let why = format!("Its login plugin {name} {why}");
            Problem::new(what(), why, "Look at the plugin's settings in the kubeconfig")
        })?,
        Err(_elapsed) => {
            let seconds = limit.as_secs_f32().ceil();
            let why = format!("Its login plugin {name} did not finish within {seconds} s");
            let next = "It may wait for input: log in on a terminal first, then retry";
            return Err(Problem::new(what(), why, next));
        }
    };
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
    let printed =
        |credential: &Credential| credential.token.is_some() || credential.client_certificate_data.is_some();
    answer.status.filter(printed).ok_or_else(|| {
        let why = format!("Its login plugin {name} printed no credentials: {}", last_lines(&said));
        Problem::new(what(), why, "Look at the plugin's settings in the kubeconfig")
    })
}

/// What a plugin prints until it ends, if that is not too much.
async fn heard(mut child: Child) -> Result<std::process::Output, String> {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (stdout, stderr) = tokio::try_join!(some(stdout), some(stderr))?;
    let status = child.wait().await.map_err(|error| unreadable(&error))?;
    Ok(std::process::Output { status, stdout, stderr })
}

async fn some(stream: Option<impl AsyncRead + Unpin>) -> Result<Vec<u8>, String> {
    let mut text = Vec::new();
    if let Some(stream) = stream {
        stream.take(MOST + 1).read_to_end(&mut text).await.map_err(|error| unreadable(&error))?;
    }
    match text.len() as u64 > MOST {
        true => Err(format!("printed more than {} MB", MOST >> 20)),
        false => Ok(text),
    }
}

fn unreadable(error: &io::Error) -> String {
    format!("cannot be read: {error}")
}

/// A plugin and all that it started; they end when nobody waits for them any more, however that comes.
struct Group(Option<u32>);

#[cfg(unix)]
impl Drop for Group {
    fn drop(&mut self) {
        use nix::sys::signal::{Signal, killpg};
        let Some(id) = self.0.and_then(|id| i32::try_from(id).ok()) else { return };
        if let Err(error) = killpg(nix::unistd::Pid::from_raw(id), Signal::SIGKILL) {
            tracing::debug!(%error, "the login plugin had already ended");
        }
    }
}

/// The end of what a plugin said, short enough for one line.
fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if lines.is_empty() {
        return "it said nothing of it".into();
    }
    let text = lines[lines.len().saturating_sub(3)..].join(" · ");
    text.chars().take(400).collect()
}
