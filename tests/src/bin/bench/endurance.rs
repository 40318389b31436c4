//! A mesh under load for a long time: does memory stay, do requests fail, what does it cost when a part of it
//! dies.

use crate::Row;
use crate::memory::{Memory, envoys};
use crate::running::{load, pushes};
use anyhow::{Context as _, Result};
use harness::Program;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long and how hard.
pub(crate) struct Endurance {
    pub(crate) duration: Duration,
    pub(crate) rps: f64,
}

/// How long the control plane is away.
const AWAY: Duration = Duration::from_secs(15);
/// After this time everything has been used once, and memory should stay as it is.
const WARM_UP: Duration = Duration::from_secs(20);
/// The requests of users, as the gateway counts them.
const BY_GATEWAY: &str = "istio_requests_total{reporter=\"source\",source_workload=\"istio-ingressgateway\"";

impl Endurance {
    /// `endurance [--duration SECONDS] [--rps N]`.
    pub(crate) fn read(args: &[String]) -> Result<Self> {
        let mut wanted = Self { duration: Duration::from_secs(600), rps: 200.0 };
        for pair in args.chunks(2) {
            let [name, value] = pair else { anyhow::bail!("{} needs a value", pair[0]) };
            match name.as_str() {
                "--duration" => wanted.duration = Duration::from_secs(value.trim_end_matches('s').parse()?),
                "--rps" => wanted.rps = value.parse()?,
                _ => anyhow::bail!("unknown: {name}; there are --duration SECONDS and --rps N"),
            }
        }
        Ok(wanted)
    }

    /// Runs a sandbox for that long and measures it.
    pub(crate) fn rows(&self) -> Result<Vec<Row>> {
        let rps = self.rps.to_string();
        let mut sandbox =
            Program::start(&["sandbox", "--rps", &rps], &[("RUST_LOG", "warn,sandbox::load=info")])?;
        let begun = Instant::now();
        let ready: Value = serde_json::from_str(&sandbox.line(Duration::from_secs(60))?)?;
        let mesh = Mesh::of(&ready, sandbox.pid())?;
        let runtime = tokio::runtime::Runtime::new()?;
        let mut rows = vec![Row::new(
            "duration, and rate that was asked for",
            "-",
            format!("{} s, {rps} requests/s", self.duration.as_secs()),
        )];

        let quarter = self.duration / 4;
        let wait = |time: Duration| harness::window::pause(time.as_millis() as u64);
        let until = |part: u32| wait((quarter * part).saturating_sub(begun.elapsed()));
        wait(WARM_UP);
        let first = Memory::of(mesh.pid)?;
        let (asked_at, asked_before) = (Instant::now(), runtime.block_on(mesh.asked())?);

        until(1);
        let away = runtime.block_on(mesh.without_control_plane())?;
        until(2);
        let half = Memory::of(mesh.pid)?;
        let killed = runtime.block_on(mesh.without_a_proxy())?;
        until(3);
        let cpu = load(mesh.pid, Duration::from_secs(10))?;
        let (all, median_ms) = runtime.block_on(pushes(mesh.kubeconfig.clone()))?;
        until(4);

        let made = (runtime.block_on(mesh.asked())? - asked_before) / asked_at.elapsed().as_secs_f64();
        let last = Memory::of(mesh.pid)?;
        rows.push(Row::new("  requests/s that the gateway saw", "-", format!("{made:.1}")));
        for (name, at) in
            [("memory after the warm-up", &first), ("  at half time", &half), ("  at the end", &last)]
        {
            rows.push(Row::new(name, "-", at.text()));
        }
        let growth = (last.sandbox - half.sandbox) / (self.duration.as_secs_f64() / 120.0);
        rows.push(Row::new(
            "  growth of the sandbox's own process in the second half",
            "-",
            format!("{growth:+.2} MB a minute"),
        ));
        rows.push(Row::new(
            "  samples, which are kept for an hour, at the end",
            "-",
            runtime.block_on(mesh.samples())?,
        ));
        rows.push(Row::new("memory per pod, at the end", "-", last.per_pod(mesh.pods)));
        rows.push(Row::new("sandbox's own process, all threads", "-", format!("{cpu:.0} % of a core")));
        rows.push(Row::new("answers other than 200, in all", "-", runtime.block_on(mesh.failed_by_code())?));
        rows.push(Row::new("  while the control plane was away", "0", away));
        rows.push(Row::new("  while a proxy was killed and came back", "-", killed));
        rows.push(Row::new(
            "push → all proxies acked, under load",
            "250 ms",
            format!(
                "{median_ms:.0} ms (median of {}; slowest {:.0} ms)",
                all.len(),
                all.iter().copied().fold(0.0, f64::max)
            ),
        ));
        rows.push(Row::new("a proxy converges on a change", "-", runtime.block_on(mesh.convergence())?));
        rows.push(Row::new("trace store", "-", runtime.block_on(mesh.traces())?));
        sandbox.signal(nix::sys::signal::Signal::SIGTERM)?;
        let told = sandbox.stderr_line("load generator", Duration::from_secs(10))?;
        rows.push(Row::new(
            "load generator",
            "-",
            told.split("load generator").nth(1).unwrap_or(&told).trim_matches([':', ' ']).to_owned(),
        ));
        Ok(rows)
    }
}

/// Where the sandbox is.
struct Mesh {
    http: reqwest::Client,
    prometheus: String,
    istiod: String,
    kubeconfig: PathBuf,
    pid: u32,
    pods: usize,
}

impl Mesh {
    fn of(ready: &Value, pid: u32) -> Result<Self> {
        let text = |key: &str| ready[key].as_str().map(str::to_owned).with_context(|| format!("no {key}"));
        let pods = ready["proxies"].as_u64().context("no proxies")? as usize;
        Ok(Self {
            http: reqwest::Client::new(),
            prometheus: text("prometheus")?,
            istiod: text("istiod")?,
            kubeconfig: text("kubeconfig")?.into(),
            pid,
            pods,
        })
    }

    async fn page(&self, url: &str) -> Result<String> {
        Ok(self.http.get(url).send().await?.error_for_status()?.text().await?)
    }

    /// Series of a query: a label's value and the number.
    async fn query(&self, query: &str, label: &str) -> Result<Vec<(String, f64)>> {
        let request = self.http.get(format!("{}/api/v1/query", self.prometheus)).query(&[("query", query)]);
        let answer: Value = serde_json::from_str(&request.send().await?.text().await?)?;
        let rows = answer["data"]["result"].as_array().with_context(|| format!("{query}: {answer}"))?;
        let row = |row: &Value| {
            let number = row["value"][1].as_str()?.parse().ok()?;
            Some((row["metric"][label].as_str().unwrap_or_default().to_owned(), number))
        };
        Ok(rows.iter().filter_map(row).collect())
    }

    /// Requests that the gateway has seen so far.
    async fn asked(&self) -> Result<f64> {
        Ok(self.query(&format!("sum({BY_GATEWAY}}})"), "").await?.first().map_or(0.0, |(_, number)| *number))
    }

    async fn failed(&self) -> Result<f64> {
        let query = format!("sum({BY_GATEWAY},response_code!=\"200\"}})");
        Ok(self.query(&query, "").await?.first().map_or(0.0, |(_, number)| *number))
    }

    async fn failed_by_code(&self) -> Result<String> {
        let query = format!("sum by (response_code) ({BY_GATEWAY},response_code!=\"200\"}})");
        let rows = self.query(&query, "response_code").await?;
        let words: Vec<String> = rows.iter().map(|(code, count)| format!("{count} × {code}")).collect();
        Ok(if words.is_empty() { "none".to_owned() } else { words.join(", ") })
    }

    /// What came and what failed while something is done.
    async fn during(&self, what: impl Future<Output = Result<()>>) -> Result<String> {
        let (asked, failed, begun) = (self.asked().await?, self.failed().await?, Instant::now());
        what.await?;
        // Counters are sampled once a second.
        tokio::time::sleep(Duration::from_secs(3)).await;
        let (asked, failed) = (self.asked().await? - asked, self.failed().await? - failed);
        Ok(format!("{failed} of {asked} requests in {:.0} s", begun.elapsed().as_secs_f64()))
    }

    /// Scales istiod to 0 for a while; requests go on.
    async fn without_control_plane(&self) -> Result<String> {
        let config = kube::config::Kubeconfig::read_from(&self.kubeconfig)?;
        let config =
            kube::Config::from_custom_kubeconfig(config, &kube::config::KubeConfigOptions::default()).await?;
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("apps", "v1", "Deployment"));
        let deployments: Api<DynamicObject> =
            Api::namespaced_with(kube::Client::try_from(config)?, "istio-system", &resource);
        let scale = async |replicas: u32| {
            let patch = Patch::Merge(json!({"spec": {"replicas": replicas}}));
            deployments.patch("istiod", &PatchParams::default(), &patch).await.map(drop)
        };
        let version = format!("{}/version", self.istiod);
        let answers = async || self.page(&version).await.is_ok();
        self.during(async {
            scale(0).await?;
            let away = Instant::now();
            while answers().await || away.elapsed() < AWAY {
                anyhow::ensure!(away.elapsed() < AWAY * 4, "istiod does not go away");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            scale(1).await?;
            let back = Instant::now();
            while !answers().await {
                anyhow::ensure!(back.elapsed() < AWAY * 4, "istiod does not come back");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            Ok(())
        })
        .await
    }

    /// Kills the proxy of reviews v2 and waits until as many run as before.
    async fn without_a_proxy(&self) -> Result<String> {
        let before = envoys(self.pid)?;
        let is_of_reviews = |pid: &&u32| {
            std::fs::read_to_string(format!("/proc/{pid}/cmdline"))
                .is_ok_and(|line| line.contains("reviews-v2"))
        };
        let victim = *before.iter().find(is_of_reviews).context("reviews v2 has no proxy")?;
        self.during(async {
            let pid = nix::unistd::Pid::from_raw(i32::try_from(victim)?);
            nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL)?;
            let killed = Instant::now();
            loop {
                let now = envoys(self.pid)?;
                if now.len() >= before.len() && !now.contains(&victim) {
                    return Ok(());
                }
                anyhow::ensure!(killed.elapsed() < Duration::from_secs(30), "the proxy does not come back");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        })
        .await
    }

    /// istiod's own measurement.
    async fn convergence(&self) -> Result<String> {
        let page = self.page(&format!("{}/metrics", self.istiod)).await?;
        let value = |name: &str| number(&page, &format!("pilot_proxy_convergence_time{name}"));
        let (sum, count) = (value("_sum"), value("_count"));
        let fast = value("_bucket{le=\"0.1\"}");
        Ok(format!(
            "{:.0} ms (mean of {count}; {:.1} % within 100 ms)",
            sum / count * 1000.0,
            fast / count * 100.0
        ))
    }

    async fn samples(&self) -> Result<String> {
        let page = self.page(&format!("{}/metrics", self.prometheus)).await?;
        Ok(format!("{:.1} MB", number(&page, "binnacle_samples_bytes") / 1e6))
    }

    async fn traces(&self) -> Result<String> {
        let page = self.page(&format!("{}/metrics", self.prometheus)).await?;
        let value = |name: &str| number(&page, name);
        Ok(format!(
            "{} spans of {} traces; {} traces dropped to make room",
            value("binnacle_spans"),
            value("binnacle_traces"),
            value("binnacle_traces_dropped_total")
        ))
    }
}

/// The number behind a series' name and labels on a metrics page.
fn number(page: &str, series: &str) -> f64 {
    let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.and_then(|number| number.parse().ok()).unwrap_or(f64::NAN)
}
