//! The commands without a window, and the sandbox seen by kubectl.

use crate::mesh::{Sandbox, children_of, is_running};
use anyhow::{Context as _, Result, ensure};
use harness::Program;
use harness::window::pause;
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Everything that a program prints until it ends.
fn run(args: &[&str]) -> Result<(bool, String, String)> {
    let mut program = Program::start(args, &[])?;
    let status = program.wait(Duration::from_secs(40))?;
    let words = program.stderr_to_end();
    let mut out = Vec::new();
    while let Ok(line) = program.line(Duration::from_millis(200)) {
        out.push(line);
    }
    Ok((status.success(), out.join("\n"), words))
}

#[test]
fn the_sandbox_is_a_mesh_for_kubectl_and_for_our_commands() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let ready = &sandbox.ready;
    ensure!(ready.proxies == 7 && ready.envoy.starts_with("1.40."), "{ready:?}");
    for url in [&ready.apiserver, &ready.prometheus, &ready.tracing, &ready.istiod, &ready.ingress] {
        ensure!(url.contains("127.0.0.1:"), "{url} is not on this machine");
    }

    let listed = sandbox.kubectl(&["get", "vs,dr,pods,svc", "-A"])?;
    for name in [
        "virtualservice.networking.istio.io/reviews",
        "destinationrule.networking.istio.io/reviews",
        "service/productpage",
        "2/2",
    ] {
        ensure!(listed.contains(name), "{name} is not in:\n{listed}");
    }
    weights_follow_kubectl(&sandbox)?;
    config_dump_by_port_forward(&sandbox)?;

    let kubeconfig = ready.kubeconfig.to_str().context("an odd path")?;
    every_edge_is_measured(kubeconfig)?;
    let (ok, dot, _) = run(&["graph", "--kubeconfig", kubeconfig, "--type", "workload", "-o", "dot"])?;
    ensure!(ok && dot.starts_with("digraph") && dot.contains("reviews-v3"), "{dot}");
    let (ok, svg, _) = run(&["graph", "--kubeconfig", kubeconfig, "-o", "svg"])?;
    ensure!(ok && svg.starts_with("<svg") && svg.contains("productpage"), "{svg}");
    let (ok, table, words) = run(&["proxies", "--kubeconfig", kubeconfig])?;
    ensure!(ok && table.matches("synced").count() >= 7 * 3, "{table}\n{words}");

    let status = sandbox.program.stop(Duration::from_secs(5))?;
    ensure!(status.success(), "SIGTERM ends it with {status}");
    Ok(())
}

/// `binnacle graph` shows every call of bookinfo with its figures; the first seconds of a sandbox have no
/// rates yet.
fn every_edge_is_measured(kubeconfig: &str) -> Result<()> {
    let wanted = [
        ("istio-ingressgateway", "productpage"),
        ("productpage", "details"),
        ("productpage", "reviews"),
        ("reviews", "ratings"),
    ];
    let begun = Instant::now();
    loop {
        let (ok, json, words) =
            run(&["graph", "--kubeconfig", kubeconfig, "--duration", "60s", "-o", "json"])?;
        ensure!(ok || words.contains("The graph has no traffic"), "binnacle graph: {words}");
        let graph: Value = serde_json::from_str(&json)?;
        let measured = |(source, target): &(&str, &str)| {
            graph["edges"].as_array().into_iter().flatten().any(|edge| {
                let figure = |name: &str| edge[name].as_f64();
                let figures = figure("rps") > Some(0.0)
                    && figure("p95_ms").is_some()
                    && figure("mtls_percent").is_some();
                let is = |end: &str, name: &str| edge[end].as_str().is_some_and(|id| id.contains(name));
                is("source", source) && is("target", target) && figures
            })
        };
        match wanted.iter().find(|edge| !measured(edge)) {
            None => return Ok(()),
            Some(edge) => {
                ensure!(begun.elapsed() < Duration::from_secs(30), "no figures for {edge:?} in {json}");
            }
        }
        pause(200);
    }
}

/// A patch by kubectl shifts real requests.
fn weights_follow_kubectl(sandbox: &Sandbox) -> Result<()> {
    let route = |subset: &str, weight: u32| {
        format!(r#"{{"destination":{{"host":"reviews","subset":"{subset}"}},"weight":{weight}}}"#)
    };
    let patch = format!(
        r#"{{"spec":{{"http":[{{"route":[{},{},{}]}}]}}}}"#,
        route("v1", 0),
        route("v2", 0),
        route("v3", 100)
    );
    sandbox.kubectl(&["patch", "vs", "reviews", "-n", "bookinfo", "--type=merge", "-p", &patch])?;
    let patched = Instant::now();
    loop {
        let seen = sandbox.reviews_versions(10)?;
        if seen.get("v3") == Some(&10) {
            println!("v3 took every request {:?} after kubectl returned", patched.elapsed());
            return Ok(());
        }
        // How fast it is, the log shows; a busy machine is no failure.
        ensure!(patched.elapsed() < Duration::from_secs(5), "after five seconds still {seen:?}");
        pause(10);
    }
}

fn config_dump_by_port_forward(sandbox: &Sandbox) -> Result<()> {
    let pods = sandbox.kubectl(&["get", "pods", "-n", "bookinfo", "-l", "app=ratings", "-o", "name"])?;
    let pod = pods.lines().next().context("no ratings pod")?;
    let mut forward = sandbox
        .kubectl_command(&["port-forward", "-n", "bookinfo", pod, ":15000"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut first = String::new();
    // Kept open: kubectl writes a line for each connection, and would end if nobody could read it.
    let mut said = BufReader::new(forward.stdout.take().context("no stdout")?);
    said.read_line(&mut first)?;
    // "Forwarding from 127.0.0.1:40123 -> 15000"
    let port = first.split(':').nth(1).and_then(|rest| rest.split(' ').next()).map(str::to_owned);
    let answer = port.context("no port").and_then(|port| {
        let answer = reqwest::blocking::get(format!("http://127.0.0.1:{port}/config_dump"))?;
        Ok(answer.json::<Value>()?)
    });
    forward.kill()?;
    forward.wait()?;
    let mut words = String::new();
    forward.stderr.take().context("no stderr")?.read_to_string(&mut words)?;
    let dump = answer.with_context(|| format!("kubectl said {first:?}, {words:?}"))?;
    ensure!(
        dump["configs"].as_array().is_some_and(|configs| configs.len() >= 4),
        "an odd config_dump: {dump}"
    );
    Ok(())
}

#[test]
fn help_and_version_name_everything() -> Result<()> {
    let (ok, help, _) = run(&["--help"])?;
    for word in [
        "sandbox",
        "graph",
        "proxies",
        "--kubeconfig",
        "--context",
        "--namespace",
        "--read-only",
        "--sandbox",
    ] {
        ensure!(ok && help.contains(word), "{word} is not in the help:\n{help}");
    }
    let (ok, version, _) = run(&["--version"])?;
    ensure!(ok && version.starts_with("binnacle 0."), "{version}");
    Ok(())
}

#[test]
fn no_envoy_outlives_a_killed_sandbox() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let parent = sandbox.program.pid();
    let children = children_of(parent)?;
    ensure!(children.len() >= 7, "{} children", children.len());
    drop(sandbox); // SIGKILL
    let killed = Instant::now();
    while children.iter().any(|pid| is_running(*pid)) {
        ensure!(killed.elapsed() < Duration::from_secs(3), "some of {children:?} still run");
        pause(20);
    }
    Ok(())
}
