//! Somebody who walks through: a sandbox, kubectl, and requests through its way in.

use sandbox::{Options, Sandbox, Scenario};
use serde_json::Value;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;

/// How soon a change shows on a machine that may be busy.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// A sandbox without load, and one namespace of it.
pub(crate) struct Walk {
    pub(crate) sandbox: Sandbox,
    pub(crate) namespace: &'static str,
    pub(crate) http: reqwest::Client,
}

/// What a request got.
#[derive(Clone, Debug)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) body: String,
    pub(crate) took: Duration,
}

impl Walk {
    /// A new sandbox. `samples` and namespace have the scenario's name.
    pub(crate) async fn open(scenario: Scenario, namespace: &'static str) -> Self {
        Self::open_with(Options { scenario, rps: 0.0, ..Options::default() }, namespace).await
    }

    /// The same with options of the test's own.
    pub(crate) async fn open_with(options: Options, namespace: &'static str) -> Self {
        // What the sandbox says is shown when a test fails, or asked for by RUST_LOG.
        let filter = tracing_subscriber::EnvFilter::try_from_default_env()
            .unwrap_or_else(|_| "warn,sandbox=info".into());
        tracing_subscriber::fmt().with_ansi(false).with_env_filter(filter).with_test_writer().try_init().ok();
        // An error means that another test was faster.
        rustls::crypto::ring::default_provider().install_default().ok();
        let (start, scenario) = (Instant::now(), options.scenario);
        let sandbox = Sandbox::start(options, |_| {}).await.unwrap_or_else(|problem| panic!("{problem}"));
        println!("{scenario}: {} proxies, ready after {:?}", sandbox.ready().proxies, start.elapsed());
        Self { sandbox, namespace, http: reqwest::Client::builder().no_proxy().build().unwrap() }
    }

    /// kubectl in a namespace, with the sandbox's kubeconfig and nothing of the user's.
    fn command(&self, namespace: &str, args: &[&str]) -> Command {
        let kubeconfig: &Path = &self.sandbox.ready().kubeconfig;
        let mut command = Command::new("kubectl");
        command.arg("--kubeconfig").arg(kubeconfig).args(["-n", namespace]).args(args);
        command
            .env("HOME", kubeconfig.parent().unwrap())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.kill_on_drop(true);
        command
    }

    /// What kubectl says in a namespace; it has to succeed.
    pub(crate) async fn kubectl_in(&self, namespace: &str, args: &[&str]) -> String {
        let output = self.command(namespace, args).output().await.unwrap();
        assert!(output.status.success(), "kubectl {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The same in the walk's namespace.
    pub(crate) async fn kubectl(&self, args: &[&str]) -> String {
        self.kubectl_in(self.namespace, args).await
    }

    /// Applies an object of the test's own.
    pub(crate) async fn apply_object(&self, object: &Value) {
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or(self.namespace);
        let mut child = self.command(namespace, &["apply", "-f", "-"]).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(object.to_string().as_bytes()).await.unwrap();
        let output = child.wait_with_output().await.unwrap();
        assert!(output.status.success(), "kubectl apply: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Applies one of the manifests for users.
    pub(crate) async fn apply(&self, sample: &str) {
        let file = samples().join(self.namespace).join(sample);
        self.kubectl(&["apply", "-f", &file.to_string_lossy()]).await;
    }

    /// A token that lies beside them, as a header has it.
    pub(crate) fn bearer(token: &str) -> String {
        format!("Bearer {}", std::fs::read_to_string(samples().join(token)).unwrap().trim())
    }

    /// Waits until a request with these headers gets this status, with this in its body.
    pub(crate) async fn gets(&self, path: &str, headers: &[(&str, &str)], status: u16, part: &str) -> Got {
        eventually(&format!("{status} {part}"), || async {
            let got = self.get_with(path, headers).await;
            if got.status == status && got.body.contains(part) { Ok(got) } else { Err(format!("{got:?}")) }
        })
        .await
    }

    /// Deletes what such a manifest made.
    pub(crate) async fn delete(&self, sample: &str) {
        let file = samples().join(self.namespace).join(sample);
        self.kubectl(&["delete", "-f", &file.to_string_lossy()]).await;
    }

    /// The names of the pods with a label, without those that are on their way out.
    pub(crate) async fn pods(&self, selector: &str) -> Vec<String> {
        self.pods_in(self.namespace, selector).await
    }

    /// The same in another namespace.
    pub(crate) async fn pods_in(&self, namespace: &str, selector: &str) -> Vec<String> {
        let names = "go-template={{range .items}}{{if not .metadata.deletionTimestamp}}{{.metadata.name}} {{end}}{{end}}";
        let names = self.kubectl_in(namespace, &["get", "pods", "-l", selector, "-o", names]).await;
        names.split_whitespace().map(str::to_owned).collect()
    }

    /// Waits until a Deployment's change is complete.
    pub(crate) async fn rolled_out(&self, deployment: &str) {
        self.kubectl(&["rollout", "status", &format!("deployment/{deployment}"), "--timeout=60s"]).await;
    }

    /// What a pod's application itself answers, not its sidecar: through a port-forward.
    pub(crate) async fn inside_in(&self, namespace: &str, pod: &str, port: u16, path: &str) -> String {
        let args = ["port-forward", "--address", "127.0.0.1", &format!("pod/{pod}"), &format!(":{port}")];
        let mut forward = self.command(namespace, &args).spawn().unwrap();
        // Read on until the end: kubectl dies of a line that it cannot write.
        let mut lines = BufReader::new(forward.stdout.take().unwrap()).lines();
        let first = lines.next_line().await.unwrap().unwrap_or_default();
        let local = first.split("127.0.0.1:").nth(1).unwrap_or_else(|| panic!("port-forward said {first:?}"));
        let url = format!("http://127.0.0.1:{}{path}", local.split(' ').next().unwrap());
        let body = self.http.get(url).send().await.unwrap().text().await.unwrap();
        forward.kill().await.unwrap();
        body
    }

    /// The same of a pod in the walk's namespace.
    pub(crate) async fn inside(&self, pod: &str, port: u16, path: &str) -> String {
        self.inside_in(self.namespace, pod, port, path).await
    }

    /// A request through the way in.
    pub(crate) async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Got {
        let start = Instant::now();
        let mut request = self.http.get(format!("{}{path}", self.sandbox.ready().ingress));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let body = answer.text().await.unwrap();
        Got { status, body, took: start.elapsed() }
    }

    pub(crate) async fn get(&self, path: &str) -> Got {
        self.get_with(path, &[]).await
    }

    /// So many requests, one after the other.
    pub(crate) async fn many(&self, path: &str, requests: usize) -> Vec<Got> {
        let mut all = Vec::new();
        for _ in 0..requests {
            all.push(self.get(path).await);
        }
        all
    }

    /// So many requests at once.
    pub(crate) async fn at_once(&self, path: &str, requests: usize) -> Vec<Got> {
        futures::future::join_all((0..requests).map(|_| self.get(path))).await
    }

    /// An instant PromQL query's first value; 0 where there is none.
    pub(crate) async fn measured(&self, query: &str) -> f64 {
        let url = format!("{}/api/v1/query", self.sandbox.ready().prometheus);
        let answer: Value =
            self.http.get(url).query(&[("query", query)]).send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        answer["data"]["result"][0]["value"][1].as_str().and_then(|value| value.parse().ok()).unwrap_or(0.0)
    }

    /// What istiod's page says has no effect.
    pub(crate) async fn untranslated(&self) -> String {
        let url = format!("{}/debug/untranslatedz", self.sandbox.ready().istiod);
        self.http.get(url).send().await.unwrap().text().await.unwrap()
    }
}

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/samples")
}

/// How many of the answers have this in their body.
pub(crate) fn with(all: &[Got], part: &str) -> usize {
    all.iter().filter(|got| got.body.contains(part)).count()
}

/// Asks again until there is an answer, or fails after [`SOON`] with what was seen last.
pub(crate) async fn eventually<T, F: Future<Output = Result<T, String>>>(
    what: &str,
    mut ask: impl FnMut() -> F,
) -> T {
    let start = Instant::now();
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(seen) => assert!(start.elapsed() < SOON, "{what}: not within {SOON:?}; last seen: {seen}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// `Ok` when it holds, else what was seen.
pub(crate) fn holds(holds: bool, seen: impl std::fmt::Debug) -> Result<(), String> {
    if holds { Ok(()) } else { Err(format!("{seen:?}")) }
}

/// Whether a count is what a share of so many independent trials gives, but for less than one run in 100,000.
pub(crate) fn fits(count: usize, trials: usize, share: f64) -> bool {
    // Both tails of the binomial distribution, exactly: the normal one is far off where few are expected.
    #[allow(clippy::cast_precision_loss, reason = "small counts")]
    let probability = |hits: usize| {
        let choose: f64 = (0..hits).map(|k| (trials - k) as f64 / (k + 1) as f64).product();
        choose * share.powi(hits as i32) * (1.0 - share).powi((trials - hits) as i32)
    };
    let (below, above): (f64, f64) =
        ((0..=count).map(probability).sum(), (count..=trials).map(probability).sum());
    below.min(above) > 5e-6
}
