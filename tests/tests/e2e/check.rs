//! The command `check`: on a mesh that runs, and on files.

use crate::mesh::Sandbox;
use anyhow::{Context as _, Result, ensure};
use harness::Program;
use serde_json::Value;
use std::time::Duration;

fn check(args: &[&str]) -> Result<(i32, String, String)> {
    run("check", args)
}

/// The exit status of a command, and what it prints.
pub(crate) fn run(command: &str, args: &[&str]) -> Result<(i32, String, String)> {
    let all: Vec<&str> = std::iter::once(command).chain(args.iter().copied()).collect();
    let mut program = Program::start(&all, &[])?;
    let status = program.wait(Duration::from_secs(60))?;
    let words = program.stderr_to_end();
    let mut out = Vec::new();
    while let Ok(line) = program.line(Duration::from_millis(200)) {
        out.push(line);
    }
    Ok((status.code().unwrap_or(-1), out.join("\n"), words))
}

fn names(json: &str) -> Result<Vec<String>> {
    let value: Value = serde_json::from_str(json).with_context(|| json.to_owned())?;
    let all = value["findings"].as_array().context("no findings")?;
    Ok(all.iter().map(|one| format!("{} {}", one["name"], one["object"]).replace('"', "")).collect())
}

#[test]
fn a_mesh_that_is_well_and_one_that_is_broken() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let kubeconfig = sandbox.ready.kubeconfig.to_str().context("an odd path")?;
    let (code, json, words) = check(&["--kubeconfig", kubeconfig, "-o", "json"])?;
    ensure!(code == 0 && names(&json)?.is_empty(), "{code} {json} {words}");
    let value: Value = serde_json::from_str(&json)?;
    // Of a mesh that is minutes old, the last hour may not be known; all else is.
    let unmade = value["not_made"].as_array().context("no list")?;
    let hour = |one: &Value| one["why"].as_str().is_some_and(|why| why.contains("last hour"));
    ensure!(unmade.iter().all(hour), "{json}");

    let patch = r#"[{"op":"replace","path":"/spec/http/0/route/0/destination/subset","value":"v9"}]"#;
    sandbox.kubectl(&["-n", "bookinfo", "patch", "vs", "reviews", "--type=json", "-p", patch])?;
    let (code, json, words) = check(&["--kubeconfig", kubeconfig, "-o", "json"])?;
    ensure!(code == 1, "{code} {json} {words}");
    ensure!(names(&json)? == ["SubsetNotFound VirtualService bookinfo/reviews"], "{json}");
    let (code, text, words) = check(&["--kubeconfig", kubeconfig, "-S", "IST0101=VirtualService reviews.*"])?;
    ensure!(code == 0 && text.contains("1 finding left out"), "{code} {text} {words}");
    let (code, text, words) = check(&["--kubeconfig", kubeconfig, "-n", "istio-system"])?;
    ensure!(code == 0 && text.contains("Nothing was found in "), "{code} {text} {words}");
    Ok(())
}

#[test]
fn files_by_themselves() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("shop.yaml");
    std::fs::write(
        &file,
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: { name: cart, namespace: shop }\nspec:\n  \
         hosts: [cart]\n  http:\n  - route:\n    - destination: { host: nowhere }\n---\nb: \"c\n",
    )?;
    let service = "apiVersion: v1\nkind: Service\nmetadata: { name: cart, namespace: shop }\nspec: {}\n";
    std::fs::write(folder.path().join("web.yaml"), service)?;
    let folder = folder.path().to_str().context("an odd path")?;
    let (code, text, words) = check(&["-f", folder])?;
    ensure!(
        code == 1 && text.contains("shop.yaml:8: error: VirtualService shop/cart"),
        "{code} {text} {words}"
    );
    ensure!(text.contains("shop.yaml:10: error: a quote begins here"), "{text}");
    ensure!(text.contains("Not looked for: ") && text.contains("Pods are not known"), "{text}");
    let (code, json, words) = check(&["-f", folder, "-o", "sarif", "--fail-on", "never"])?;
    let sarif: Value = serde_json::from_str(&json)?;
    ensure!(code == 0 && sarif["runs"][0]["results"][0]["ruleId"] == "HostNotFound", "{code} {json} {words}");
    for (args, wanted) in [
        (&["-f", "/no/such/file"][..], "there is no such file"),
        (&["-f", folder, "-S", "NoSuch"][..], "There is no check NoSuch"),
        (&["--explain", "NoSuch"][..], "There is no check NoSuch"),
    ] {
        let (code, _, words) = check(args)?;
        ensure!(
            code == 2 && words.contains(wanted) && words.lines().count() == 1,
            "{args:?}: {code} {words}"
        );
    }
    let (code, text, _) = check(&["--explain", "kia1107"])?;
    ensure!(code == 0 && text.starts_with("SubsetNotFound (error)"), "{code} {text}");
    Ok(())
}
