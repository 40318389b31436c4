//! A running `binnacle sandbox`, asked from outside as kubectl and a browser would.

use anyhow::{Context as _, Result, ensure};
use harness::Program;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// The line that `binnacle sandbox` prints when it is ready.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Ready {
    pub(crate) kubeconfig: PathBuf,
    pub(crate) context: String,
    pub(crate) apiserver: String,
    pub(crate) prometheus: String,
    pub(crate) tracing: String,
    pub(crate) istiod: String,
    pub(crate) ingress: String,
    pub(crate) proxies: usize,
    pub(crate) envoy: String,
}

/// A sandbox of one test.
pub(crate) struct Sandbox {
    pub(crate) program: Program,
    pub(crate) ready: Ready,
    http: reqwest::blocking::Client,
}

impl Sandbox {
    pub(crate) fn start() -> Result<Self> {
        Self::start_with(&[])
    }

    /// The same, with more arguments.
    pub(crate) fn start_with(args: &[&str]) -> Result<Self> {
        harness::tls();
        let mut program = Program::start(&[&["sandbox", "--seed", "7"], args].concat(), &[])?;
        let line = program.line(Duration::from_secs(60))?;
        let ready = serde_json::from_str(&line).with_context(|| format!("the ready line: {line}"))?;
        let http =
            reqwest::blocking::Client::builder().timeout(Duration::from_secs(15)).no_proxy().build()?;
        Ok(Self { program, ready, http })
    }

    /// Status and body of a GET through the ingress gateway.
    pub(crate) fn get(&self, path: &str) -> Result<(u16, String)> {
        let answer = self.http.get(format!("{}{path}", self.ready.ingress)).send()?;
        Ok((answer.status().as_u16(), answer.text()?))
    }

    /// The same for a host of this name.
    pub(crate) fn get_at(&self, host: &str, path: &str) -> Result<(u16, String)> {
        let ask = self.http.get(format!("{}{path}", self.ready.ingress)).header("host", host);
        let answer = ask.send()?;
        Ok((answer.status().as_u16(), answer.text()?))
    }

    /// What a header says of the answer to a GET through the ingress gateway; "" where it is missing.
    pub(crate) fn header(&self, path: &str, name: &str) -> Result<String> {
        let answer = self.http.get(format!("{}{path}", self.ready.ingress)).send()?;
        let value = answer.headers().get(name).and_then(|value| value.to_str().ok());
        Ok(value.unwrap_or_default().to_owned())
    }

    /// What one of the sandbox's own pages answers: its metrics, its traces.
    pub(crate) fn page(&self, url: &str, query: &[(&str, &str)]) -> Result<Value> {
        let answer = self.http.get(url).query(query).send()?;
        ensure!(answer.status().is_success(), "{url} {query:?}: {}", answer.status());
        Ok(answer.json()?)
    }

    /// Status of a GET through the ingress gateway with a token, or without one.
    pub(crate) fn get_with_token(&self, path: &str, token: Option<&str>) -> Result<u16> {
        let mut ask = self.http.get(format!("{}{path}", self.ready.ingress));
        if let Some(token) = token {
            ask = ask.bearer_auth(token);
        }
        Ok(ask.send()?.status().as_u16())
    }

    /// Which version of reviews answered each of `count` requests.
    pub(crate) fn reviews_versions(&self, count: usize) -> Result<BTreeMap<String, usize>> {
        let mut seen = BTreeMap::new();
        for _ in 0..count {
            let (status, body) = self.get("/api/v1/products/0/reviews")?;
            ensure!(status == 200, "reviews answered {status}: {body}");
            let pod =
                serde_json::from_str::<Value>(&body)?["podname"].as_str().context("no podname")?.to_owned();
            let version = pod.split('-').nth(1).context("a pod without a version")?.to_owned();
            *seen.entry(version).or_default() += 1;
        }
        Ok(seen)
    }

    /// What kubectl prints on stdout.
    pub(crate) fn kubectl(&self, args: &[&str]) -> Result<String> {
        let output = self
            .kubectl_command(args)
            .output()
            .context("kubectl could not be started; `cargo xtask setup` installs it")?;
        ensure!(output.status.success(), "kubectl {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?)
    }

    /// kubectl with a home folder of its own, on this sandbox.
    pub(crate) fn kubectl_command(&self, args: &[&str]) -> Command {
        let home = self.program.home.path();
        let mut command = Command::new("kubectl");
        command.env("HOME", home).env_remove("KUBECONFIG").arg("--kubeconfig").arg(&self.ready.kubeconfig);
        command.arg("--cache-dir").arg(home.join("kubectl")).args(args);
        command
    }

    /// Makes these objects, or makes them what they are here.
    pub(crate) fn apply(&self, objects: &[Value]) -> Result<()> {
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": objects });
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), list.to_string())?;
        self.kubectl(&["apply", "-f", &file.path().to_string_lossy()]).map(drop)
    }

    /// Who asks, for threads of a test.
    pub(crate) fn http(&self) -> reqwest::blocking::Client {
        self.http.clone()
    }

    /// What Prometheus answers: the rows of an instant query.
    pub(crate) fn measured(&self, query: &str) -> Result<Value> {
        let ask = self.http.get(format!("{}/api/v1/query", self.ready.prometheus)).query(&[("query", query)]);
        let answer: Value = serde_json::from_str(&ask.send()?.text()?)?;
        Ok(answer["data"]["result"].clone())
    }

    /// The `spec` of an object, its bytes as the server keeps them.
    pub(crate) fn spec(&self, kind: &str, name: &str) -> Result<String> {
        let object: Value =
            serde_json::from_str(&self.kubectl(&["get", kind, name, "-n", "bookinfo", "-o", "json"])?)?;
        Ok(object["spec"].to_string())
    }

    /// The real port behind a port of a pod.
    pub(crate) fn real_port(&self, app: &str, port: &str) -> Result<u16> {
        let pods =
            self.kubectl(&["get", "pods", "-n", "bookinfo", "-l", &format!("app={app}"), "-o", "json"])?;
        let pods: Value = serde_json::from_str(&pods)?;
        let ports = pods["items"][0]["metadata"]["annotations"]["sandbox.binnacle.dev/ports"]
            .as_str()
            .context("no ports annotation")?;
        // Those of the proxy itself are sockets in the sandbox's folder.
        let ports: BTreeMap<String, Value> = serde_json::from_str(ports)?;
        let real = ports.get(port).and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok());
        real.with_context(|| format!("{app} has no port {port}"))
    }
}

/// Processes that this one has started.
pub(crate) fn children_of(parent: u32) -> Result<Vec<u32>> {
    let mut children = Vec::new();
    for task in std::fs::read_dir(format!("/proc/{parent}/task"))?.flatten() {
        let listed = std::fs::read_to_string(task.path().join("children"))?;
        children.extend(listed.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
    }
    Ok(children)
}

/// Running, and not merely waiting for its parent to ask how it ended.
pub(crate) fn is_running(pid: u32) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = state.rsplit(')').next().unwrap_or_default().trim_start().chars().next();
    !matches!(state, None | Some('Z' | 'X'))
}
