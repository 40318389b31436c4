//! Proxies that die, and a sandbox that is killed.

use super::{Shop, eventually};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// In the environment of a child that shall run a sandbox until it is killed; names the test to run.
const CHILD: &str = "BINNACLE_TEST_SANDBOX_CHILD";

/// Envoys whose parent is this process.
pub(crate) fn envoys_of(parent: u32) -> Vec<i32> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_string_lossy().parse::<i32>().ok());
    pids.filter(|pid| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // "pid (name) state ppid …"
        let Some((name, rest)) = stat.split_once(") ") else { return false };
        name.ends_with("(envoy")
            && rest.split(' ').nth(1) == Some(&parent.to_string())
            && !rest.starts_with('Z')
    })
    .collect()
}

fn alive(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[tokio::test]
async fn without_envoy_the_way_on_is_told() {
    let options = sandbox::Options { envoy: Some("/nowhere/envoy".into()), ..Default::default() };
    let Err(problem) = sandbox::Sandbox::start(options, |_| {}).await else {
        panic!("there is no Envoy at that path")
    };
    assert!(problem.why.contains("/nowhere/envoy") && problem.next.contains("cargo xtask run"), "{problem}");
}

/// Not a test by itself: what the child of [`in_a_process_of_its_own`] does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_runs_a_sandbox() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let shop = Shop::open().await;
    #[allow(clippy::print_stderr, reason = "the parent waits for this line")]
    {
        eprintln!("ready {}", serde_json::to_string(shop.sandbox.ready()).unwrap());
    }
    std::future::pending::<()>().await;
}

/// A sandbox in a process where nothing else runs, and where it is found.
pub(crate) async fn in_a_process_of_its_own() -> (Child, Value) {
    let this: PathBuf = std::env::current_exe().unwrap();
    let mut child = Command::new(this)
        .args(["--exact", "lives::child_runs_a_sandbox", "--nocapture"])
        .env(CHILD, "1")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    loop {
        let line = lines.next_line().await.unwrap().expect("the child gets ready");
        if let Some(ready) = line.strip_prefix("ready ") {
            return (child, serde_json::from_str(ready).unwrap());
        }
    }
}

/// Ends a sandbox's process without a word, and removes what it leaves.
pub(crate) async fn kill(mut child: Child, ready: &Value) {
    child.kill().await.unwrap();
    // A killed process cannot clean up its files; this test does, where no other sandbox that starts was
    // faster.
    let kubeconfig = Path::new(ready["kubeconfig"].as_str().unwrap());
    match std::fs::remove_dir_all(kubeconfig.parent().unwrap()) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => panic!("{error}"),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_outlives_a_killed_sandbox() {
    let (child, ready) = in_a_process_of_its_own().await;
    let envoys = envoys_of(child.id().unwrap());
    assert_eq!(envoys.len(), 7, "{envoys:?}");
    kill(child, &ready).await;
    eventually("all Envoys are gone", Duration::from_secs(5), || async {
        (!envoys.iter().any(|pid| alive(*pid))).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_proxy_comes_back_within_two_seconds() {
    // Other tests' sandboxes run in this process too: the folder tells which Envoy is ours.
    let shop = Shop::open().await;
    let api = kube_client(&shop).await;
    let pods: kube::Api<k8s_openapi::api::core::v1::Pod> = kube::Api::namespaced(api, "bookinfo");
    let all = pods.list(&kube::api::ListParams::default().labels("app=details")).await.unwrap();
    let pod = &all.items[0];
    let name = pod.metadata.name.clone().unwrap();
    let folder = shop.sandbox.ready().kubeconfig.parent().unwrap().to_owned();
    let config = format!("{}/{name}.", folder.display());
    let process = || {
        let is_its = |pid: &i32| {
            std::fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.contains(&config))
        };
        envoys_of(std::process::id()).into_iter().find(is_its)
    };
    let pid = process().unwrap();

    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).unwrap();
    // That it runs again is ours; how soon it is ready is this machine's, which may be busy with other tests.
    eventually("the proxy runs again", Duration::from_secs(2), || async {
        process().filter(|again| *again != pid)
    })
    .await;
    eventually("its pod counts the restart and is ready", Duration::from_secs(10), || async {
        let pod = pods.get(&name).await.unwrap();
        let statuses = pod.status.unwrap().container_statuses.unwrap();
        let proxy = statuses.into_iter().find(|status| status.name == "istio-proxy").unwrap();
        (proxy.restart_count == 1 && proxy.ready).then_some(())
    })
    .await;
    eventually("the page has its details again", Duration::from_secs(10), || async {
        let (status, page) = shop.page().await;
        (status == 200 && page.contains("paperback")).then_some(())
    })
    .await;
    let stopping = Instant::now();
    shop.sandbox.stop().await;
    assert!(stopping.elapsed() < Duration::from_secs(5), "stopping took {:?}", stopping.elapsed());
    assert!(!folder.exists(), "the temporary folder is removed");
}

async fn kube_client(shop: &Shop) -> kube::Client {
    let kubeconfig = kube::config::Kubeconfig::read_from(&shop.sandbox.ready().kubeconfig).unwrap();
    let config =
        kube::Config::from_custom_kubeconfig(kubeconfig, &kube::config::KubeConfigOptions::default())
            .await
            .unwrap();
    kube::Client::try_from(config).unwrap()
}
