//! Answers that are too large, too slow or without an end: how much memory the window takes while it reads
//! them, over what it takes without, and the longest frame that it made meanwhile (without drawing, which is
//! the graphics card's).

mod all;
mod server;

use crate::Row;
use crate::memory::highest_mb;
use anyhow::{Context as _, Result};
use harness::{Display, Program, Window, free_port};
use serde_json::{Value, json};
use server::{Bomb, Real, Server};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// More than without a bomb.
const MEMORY: &str = "300 MB, 16 ms";
/// How long a bomb has its time: sources that are refused are asked again.
const TIME: Duration = Duration::from_secs(40);
const SOON: Duration = Duration::from_secs(60);
/// What is asked for the bomb.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Source {
    Prometheus,
    Istiod,
    Traces,
    Api,
    Proxies,
}

/// Opens the window on a sandbox once for each bomb whose name has these words.
pub(crate) fn rows(words: &str) -> Result<Vec<Row>> {
    let mut sandbox = Program::start(&["sandbox"], &[])?;
    let ready: Value = serde_json::from_str(&sandbox.line(SOON)?)?;
    let world = World::of(&ready)?;
    let (memory, frame, _) = world.during(None, &[])?;
    let mut rows = vec![Row::new(
        "window without a bomb, 40 s",
        "-",
        format!("{memory:.0} MB, longest frame {frame} ms"),
    )];
    let base = memory;
    for (what, source, bombs) in all::bombs()?.into_iter().filter(|(what, ..)| what.contains(words)) {
        let text = match world.during(Some(source), &bombs) {
            Ok((memory, frame, sent)) => {
                format!("{:+.0} MB, longest frame {frame} ms ({} MB were taken)", memory - base, sent >> 20)
            }
            // The others are worth knowing all the same.
            Err(error) => format!("not measured: {}", error.to_string().chars().take(80).collect::<String>()),
        };
        rows.push(Row::new(what, MEMORY, text));
    }
    sandbox.stop(SOON)?;
    Ok(rows)
}

/// The sandbox that the window looks at.
struct World {
    kubeconfig: PathBuf,
    real: Real,
    display: Display,
    folder: TempDir,
}

impl World {
    fn of(ready: &Value) -> Result<Self> {
        let kubeconfig = PathBuf::from(ready["kubeconfig"].as_str().context("no kubeconfig")?);
        let config = kube::config::Kubeconfig::read_from(&kubeconfig)?;
        let user = config.auth_infos.first().and_then(|user| user.auth_info.as_ref()).context("no user")?;
        // Only writing a login tells its secrets.
        let token = serde_json::to_value(user)?["token"].as_str().context("no token")?.to_owned();
        let http = reqwest::blocking::Client::builder()
            .tls_danger_accept_invalid_certs(true)
            .no_proxy()
            .timeout(None);
        let url = ready["apiserver"].as_str().context("no server")?.to_owned();
        let real = Real { url, token, http: http.build()? };
        Ok(Self { kubeconfig, real, display: Display::start(1440, 900)?, folder: tempfile::tempdir()? })
    }

    /// Memory at its highest in MB, the longest frame in ms, and the bytes that were taken.
    fn during(&self, source: Option<Source>, bombs: &[Bomb]) -> Result<(f64, u64, u64)> {
        let real = (source == Some(Source::Api)).then(|| self.real.clone());
        let server = Server::start(bombs.to_vec(), real)?;
        let (url, mut args) = (server.url(), vec!["--context", "sandbox"]);
        let kubeconfig = match source {
            Some(Source::Api) => self.plain(&url)?,
            _ => self.kubeconfig.clone(),
        };
        args.extend(["--kubeconfig", kubeconfig.to_str().context("an odd path")?]);
        match source {
            Some(Source::Prometheus) => args.extend(["--prometheus", &url]),
            Some(Source::Istiod) => args.extend(["--istiod", &url]),
            Some(Source::Traces) => args.extend(["--tracing", &url]),
            _ => {}
        }
        let port = free_port()?;
        let inspection = format!("127.0.0.1:{port}");
        let env = [
            ("DISPLAY", self.display.name.as_str()),
            ("LIBGL_ALWAYS_SOFTWARE", "1"),
            ("EGUI_INSPECTION", &inspection),
            ("RUST_LOG", "binnacle::timing=debug"),
        ];
        let program = Program::start(&args, &env)?;
        let window = Window::connect(port, SOON)?;
        if source != Some(Source::Api) {
            window.wait_for("reviews v3", SOON)?;
        }
        // The first frames make fonts.
        harness::window::pause(500);
        drop(program.stderr_so_far());
        match source {
            Some(Source::Traces) => open_a_trace(&window)?,
            Some(Source::Proxies) => {
                self.lead_proxies_to(&server)?;
                push(&window)?;
            }
            _ => {}
        }
        let begun = Instant::now();
        // Frames are made, also where nothing is new: what stands in their way is seen.
        while begun.elapsed() < TIME {
            window.widgets()?;
            harness::window::pause(20);
        }
        let memory = highest_mb(program.pid())?;
        let frames = program.stderr_so_far();
        let ms = |line: &str| line.split("slow frame ms=").nth(1)?.trim().parse::<u64>().ok();
        let longest = frames.lines().filter_map(ms).max().unwrap_or_default();
        Ok((memory, longest, server.told().0))
    }

    /// Every proxy's admin port of Bookinfo is the server of bombs from now on.
    fn lead_proxies_to(&self, server: &Server) -> Result<()> {
        let Real { url, token, http } = &self.real;
        let pods = format!("{url}/api/v1/namespaces/bookinfo/pods");
        let list: Value = serde_json::from_str(&http.get(&pods).bearer_auth(token).send()?.text()?)?;
        for pod in list["items"].as_array().into_iter().flatten() {
            let name = pod["metadata"]["name"].as_str().context("a pod without a name")?;
            let Some(ports) = pod["metadata"]["annotations"][pilot::PORTS_ANNOTATION].as_str() else {
                continue;
            };
            let mut ports: Value = serde_json::from_str(ports)?;
            ports["15000"] = server.address.port().into();
            let patch =
                json!({ "metadata": { "annotations": { pilot::PORTS_ANNOTATION: ports.to_string() } } });
            let asked = http.patch(format!("{pods}/{name}")).bearer_auth(token).body(patch.to_string());
            asked.header("content-type", "application/merge-patch+json").send()?.error_for_status()?;
        }
        Ok(())
    }

    /// A kubeconfig that leads to the server of bombs.
    fn plain(&self, url: &str) -> Result<PathBuf> {
        let file = self.folder.path().join("plain");
        let config = json!({ "apiVersion": "v1", "kind": "Config", "current-context": "sandbox",
            "clusters": [{ "name": "c", "cluster": { "server": url } }], "users": [],
            "contexts": [{ "name": "sandbox", "context": { "cluster": "c", "user": "" } }] });
        std::fs::write(&file, config.to_string())?;
        Ok(file)
    }
}

/// Searches traces, and opens the first where there is one.
fn open_a_trace(window: &Window) -> Result<()> {
    window.click("Traces")?;
    let found = |name: &str| name.starts_with("trace ab12") || name.contains("cannot be read");
    let first = window.wait_until("an answer", SOON, |widgets| {
        widgets.iter().find(|widget| found(&widget.name)).cloned()
    })?;
    window.click_at(first.rect.center())
}

/// Shifts the weights of reviews.
fn push(window: &Window) -> Result<()> {
    window.click("reviews v3")?;
    window.wait_for("reviews v3 share", SOON)?;
    window.click("reviews v3 share")?;
    window.wait_until("Push, enabled", SOON, |widgets| {
        widgets.iter().find(|widget| widget.name == "Push" && !widget.disabled).cloned()
    })?;
    window.click("Push")
}
