//! Bad input: one line on stderr with what, why and next; never a panic.

use anyhow::{Context as _, Result, ensure};
use harness::Program;
use std::time::{Duration, Instant};

/// Runs a command that must fail; returns its one line on stderr.
fn failing(args: &[&str]) -> Result<String> {
    let mut program = Program::start(args, &[])?;
    let status = program.wait(Duration::from_secs(30))?;
    let words = loop {
        let words = program.stderr_so_far();
        if !words.is_empty() {
            break words;
        }
        harness::window::pause(10);
    };
    ensure!(!status.success(), "{args:?} succeeded");
    let own: Vec<&str> = words.lines().filter(|line| !line.contains(" WARN ")).collect();
    ensure!(own.len() == 1 && own[0].starts_with("binnacle: "), "{args:?} said:\n{words}");
    ensure!(!words.contains("panicked"), "{words}");
    Ok(own[0].to_owned())
}

#[test]
fn bad_arguments() -> Result<()> {
    for args in
        [&["--nonsense"][..], &["graph", "-o", "bmp"], &["graph", "--duration", "soon"], &["frobnicate"]]
    {
        let line = failing(args)?;
        ensure!(line.contains("binnacle --help"), "{line}");
    }
    Ok(())
}

#[test]
fn bad_kubeconfigs() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = |name: &str, text: &str| -> Result<String> {
        let path = folder.path().join(name);
        std::fs::write(&path, text)?;
        Ok(path.to_str().context("an odd path")?.to_owned())
    };
    let missing = folder.path().join("missing.yaml");
    let missing = missing.to_str().context("an odd path")?;
    ensure!(failing(&["graph", "--kubeconfig", missing])?.contains("missing.yaml"));
    let malformed = file("malformed.yaml", "clusters: [}")?;
    ensure!(failing(&["graph", "--kubeconfig", &malformed])?.contains("malformed.yaml"));
    let empty = file("empty.yaml", "apiVersion: v1\nkind: Config\n")?;
    ensure!(failing(&["proxies", "--kubeconfig", &empty])?.contains("empty.yaml"));
    let other = "clusters: [{name: c, cluster: {server: \"https://127.0.0.1:1\"}}]\nusers: [{name: u, user: {}}]\ncontexts: [{name: here, context: {cluster: c, user: u}}]\n";
    let other = file("other.yaml", other)?;
    ensure!(failing(&["proxies", "--kubeconfig", &other, "--context", "nowhere"])?.contains("nowhere"));
    // Nothing at all: the home folder of the test is empty.
    failing(&["graph"])?;
    Ok(())
}

#[test]
fn an_unreachable_server_is_told_within_ten_seconds() -> Result<()> {
    // Bound, but nobody accepts: connections are opened and never answered.
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("config");
    let server = format!("https://{}", listener.local_addr()?);
    std::fs::write(
        &path,
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: far\ncontexts: [{{name: far, context: {{cluster: far, user: me}}}}]\n\
             clusters: [{{name: far, cluster: {{server: \"{server}\", insecure-skip-tls-verify: true}}}}]\nusers: [{{name: me, user: {{token: secret-token}}}}]\n"
        ),
    )?;
    let begun = Instant::now();
    let line = failing(&["graph", "--kubeconfig", path.to_str().context("an odd path")?])?;
    ensure!(begun.elapsed() < Duration::from_secs(12), "it took {:?}", begun.elapsed());
    ensure!(!line.contains("secret-token"), "a secret was shown");
    Ok(())
}

#[test]
fn an_envoy_of_another_version_or_none() -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir()?;
    let fake = folder.path().join("envoy");
    std::fs::write(&fake, "#!/bin/sh\necho 'envoy  version: 0123/1.12.0/Clean/RELEASE/BoringSSL'\n")?;
    std::fs::set_permissions(&fake, std::fs::Permissions::from_mode(0o755))?;
    let mut program =
        Program::start(&["sandbox"], &[("BINNACLE_ENVOY", fake.to_str().context("an odd path")?)])?;
    let status = program.wait(Duration::from_secs(20))?;
    let words = program.stderr_line("1.12.0", Duration::from_secs(2))?;
    ensure!(!status.success() && words.contains("1.40"), "{words}");
    let nowhere = failing(&["sandbox", "--envoy", "/nowhere/envoy"])?;
    ensure!(nowhere.contains("/nowhere/envoy"), "{nowhere}");
    Ok(())
}

#[test]
fn an_unknown_scenario() -> Result<()> {
    let line = failing(&["sandbox", "--scenario", "titanic"])?;
    ensure!(line.contains("titanic") && line.contains("bookinfo"), "{line}");
    Ok(())
}
