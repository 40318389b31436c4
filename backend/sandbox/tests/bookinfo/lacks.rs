//! A machine that has no room, no ports or no handles left: the start says so at once, and does not speak of
//! load.

use istio::Problem;
use sandbox::{Options, Sandbox};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::Command;

/// In the environment of a child that tries to start a sandbox.
const CHILD: &str = "BINNACLE_TEST_LACKING_CHILD";

/// Not a test by itself: what the children of the other one do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_tries_to_start() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    rustls::crypto::ring::default_provider().install_default().ok();
    let Err(problem) = Sandbox::start(Options { rps: 0.0, ..Options::default() }, |_| {}).await else {
        panic!("nothing is lacking")
    };
    #[allow(clippy::print_stderr, reason = "the parent waits for this line")]
    {
        let Problem { what, why, next } = problem;
        eprintln!("refused {what}: {why}. {next}.");
    }
}

#[allow(clippy::print_stdout, reason = "a test says what it leaves out")]
/// What a start says in a shell that first does this; nothing where this user may not do it.
async fn refusal(first: &str, within: &[&str]) -> Option<String> {
    let may = Command::new("unshare").args(within).arg("true").stderr(Stdio::null()).status().await;
    if !within.is_empty() && !may.is_ok_and(|status| status.success()) {
        println!("not tried, because this user may not unshare {within:?}: {first}");
        return None;
    }
    let this = std::env::current_exe().unwrap();
    let script = format!("{first}; exec \"$0\" --exact lacks::child_tries_to_start --nocapture");
    let mut command = Command::new(if within.is_empty() { "bash" } else { "unshare" });
    if !within.is_empty() {
        command.args(within).arg("bash");
    }
    let started = Instant::now();
    let output = command.args(["-c", &script]).arg(this).env(CHILD, "1").output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(started.elapsed() < Duration::from_secs(25), "it waited for what could not come: {said}");
    let line = said.lines().find_map(|line| line.strip_prefix("refused "));
    Some(line.unwrap_or_else(|| panic!("{said}")).to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lacks_is_named() {
    let place = tempfile::tempdir().unwrap();
    let full = format!("export TMPDIR={0}; mount -t tmpfs -o size=28k none {0}", place.path().display());
    let ports = "ip link set lo up && echo '40000 40012' > /proc/sys/net/ipv4/ip_local_port_range";
    for (first, within, words) in [
        (full.as_str(), &["-m"][..], "there is no room left in "),
        (ports, &["-n"], "no port of 127.0.0.1 is free any more"),
        ("ulimit -n 60", &[], "may not open any more files"),
    ] {
        let Some(said) = refusal(first, within).await else { continue };
        println!("{first}: {said}");
        assert!(said.contains(words) && !said.contains("load"), "{first}: {said}");
    }
}
