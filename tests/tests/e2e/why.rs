//! The command `why`: on a mesh that runs, and on files.

use crate::check::run;
use crate::mesh::Sandbox;
use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

fn why(args: &[&str]) -> Result<Value> {
    let (code, out, words) = run("why", &[args, &["-o", "json"]].concat())?;
    ensure!(code == 0, "{code} {out} {words}");
    serde_json::from_str(&out).context(out)
}

#[test]
fn what_becomes_of_calls_in_a_mesh_that_runs() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let kubeconfig = sandbox.ready.kubeconfig.to_str().context("an odd path")?;
    let page = ["--kubeconfig", kubeconfig, "--from", "bookinfo/productpage-v1", "--to", "reviews:9080"];
    let seen = why(&page)?;
    ensure!(seen["rule"]["object"] == "VirtualService bookinfo/reviews", "{seen}");
    ensure!(seen["mtls"] == "mutual" && seen["admission"]["verdict"] == "allow", "{seen}");
    ensure!(seen["remarks"] == json!([]), "{seen}");
    let deny = "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\n\
        metadata: { name: nobody, namespace: bookinfo }\nspec: { action: DENY, rules: [{}] }\n";
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("no.yaml");
    std::fs::write(&file, deny)?;
    // As it would be.
    let file = file.to_str().context("an odd path")?;
    let seen = why(&[&page[..], &["-f", file]].concat())?;
    ensure!(
        seen["admission"]["by"] == json!({ "object": "AuthorizationPolicy bookinfo/nobody", "rule": 0 }),
        "{seen}"
    );
    let out =
        ["--kubeconfig", kubeconfig, "--from", "outside", "--to", "localhost", "--path", "/productpage"];
    let seen = why(&out)?;
    ensure!(seen["gateway"] == "istio-system/istio-ingressgateway", "{seen}");
    ensure!(seen["workloads"][0]["workload"] == "bookinfo/productpage-v1", "{seen}");
    let nobody = ["--kubeconfig", kubeconfig, "--from", "bookinfo/nobody", "--to", "reviews"];
    let (code, _, words) = run("why", &nobody)?;
    ensure!(code == 2 && words.contains("there is no workload bookinfo/nobody"), "{code} {words}");
    Ok(())
}

#[test]
fn what_files_say_by_themselves() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let text = "apiVersion: v1\nkind: Service\nmetadata: { name: cart, namespace: shop }\n\
        spec: { selector: { app: cart }, ports: [{ name: http, port: 80 }] }\n---\n\
        apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: { name: cart, namespace: shop }\n\
        spec:\n  hosts: [cart]\n  http:\n  - match: [{ uri: { prefix: /old } }]\n    redirect: { uri: /new }\n";
    std::fs::write(folder.path().join("shop.yaml"), text)?;
    let folder = folder.path().to_str().context("an odd path")?;
    let asked = ["-f", folder, "--from", "shop/front", "--to", "cart", "--path", "/old/a?b=1"];
    let seen = why(&asked)?;
    ensure!(
        seen["rule"] == json!({ "object": "VirtualService shop/cart", "path": "spec.http[0]" }),
        "{seen}"
    );
    ensure!(seen["answer"]["location"] == "http://cart/new?b=1", "{seen}");
    let seen = why(&asked[..6])?;
    ensure!(seen["answer"]["status"] == 404 && seen["rule"].is_null(), "{seen}");
    let (code, text, _) = run("why", &asked[..6])?;
    ensure!(code == 0 && text.contains("path is `/`, wanted `/old…`"), "{text}");
    let (code, ..) = run("why", &["-f", folder, "--from", "front", "--to", "cart"])?;
    ensure!(code == 2, "{code}");
    Ok(())
}
