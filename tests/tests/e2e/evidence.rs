//! Evidence of every editor on real proxies: what each Envoy itself shows is false before a change and true
//! after it, and the other way round for its undo.

use crate::mesh::Sandbox;
use anyhow::{Context as _, Result, bail, ensure};
use cluster::{Cluster, Command, Of, Target};
use mesh::confirm::{Held, holds};
use mesh::evidence::Evidence;
use mesh::{Change, ChangeId, Fact, Mesh, Stored};
use panels::Selected;
use panels::editors::EDITORS;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(40);

/// The whole config dump of every Envoy, from its own admin page, by the proxy's name.
async fn dumps(sandbox: &Sandbox) -> Result<BTreeMap<String, Value>> {
    let pods = sandbox.kubectl(&["get", "pods", "--all-namespaces", "-o", "json"])?;
    let pods: Value = serde_json::from_str(&pods)?;
    let mut dumps = BTreeMap::new();
    for pod in pods["items"].as_array().context("no pods")? {
        let meta = &pod["metadata"];
        let Some(ports) = meta["annotations"]["sandbox.binnacle.dev/ports"].as_str() else { continue };
        let ports: BTreeMap<String, Value> = serde_json::from_str(ports)?;
        if !ports.contains_key("15000") {
            continue;
        }
        let [name, namespace] = ["name", "namespace"].map(|key| meta[key].as_str().unwrap_or_default());
        let page = format!("/api/v1/namespaces/{namespace}/pods/{name}:15000/proxy/config_dump");
        let dump = sandbox.kubectl(&["get", "--raw", &page])?;
        dumps.insert(format!("{name}.{namespace}"), serde_json::from_str(&dump)?);
    }
    ensure!(dumps.len() == sandbox.ready.proxies, "{} of {} proxies", dumps.len(), sandbox.ready.proxies);
    Ok(dumps)
}

/// Proxies that show a change, of those that it affects.
fn showing(evidence: &Evidence, dumps: &BTreeMap<String, Value>) -> Result<(usize, usize)> {
    let mut showing = 0;
    let proxies = evidence.proxies();
    for proxy in &proxies {
        let dump = dumps.get(*proxy).with_context(|| format!("{proxy} is no proxy"))?;
        showing += usize::from(evidence.for_proxy(proxy).all(|probe| holds(probe, dump) == Held::Yes));
    }
    Ok((showing, proxies.len()))
}

/// Pushes a change; what the server stored, once it is live.
pub(crate) async fn push(cluster: &mut Cluster, change: &Change) -> Result<Vec<Option<Stored>>> {
    let id = ChangeId::fresh();
    cluster.commands.send(Command::Push(id, Box::new(change.clone()), Of::default())).await?;
    let mut stored = Vec::new();
    loop {
        let fact = tokio::time::timeout(SOON, cluster.facts.recv()).await.context(change.title.clone())?;
        match fact.context("no more facts")? {
            (of, Fact::Accepted(written)) if of == id => stored = written.into_iter().map(Some).collect(),
            (of, Fact::Live) if of == id => return Ok(stored),
            (of, Fact::Refused(problem) | Fact::Unknowable(problem)) if of == id => {
                bail!("{}: {problem}", change.title);
            }
            _ => {}
        }
    }
}

/// The change that an editor makes of one of its samples for reviews, or for the gateway, the last that changes
/// something.
fn change(mesh: &Mesh, editor: usize) -> Option<Change> {
    let service = |namespace: &str, name: &str| Selected::Service(namespace.to_owned(), name.to_owned());
    let reviews = service("bookinfo", "reviews");
    change_of(mesh, editor, &reviews)
        .or_else(|| change_of(mesh, editor, &service("istio-system", "istio-ingressgateway")))
}

fn change_of(mesh: &Mesh, editor: usize, of: &Selected) -> Option<Change> {
    let row = &EDITORS[editor];
    let mut last = None;
    for sample in 0.. {
        let mut sheet = (row.open)(mesh, of)?;
        if !sheet.try_on(sample) {
            return last;
        }
        last = sheet.change(mesh).ok().flatten().or(last);
    }
    last
}

#[test]
fn of_every_editor_on_real_proxies() -> Result<()> {
    let sandbox = Sandbox::start()?;
    // Whom External authorization asks.
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/samples/extauthz/ext-authz.yaml");
    sandbox.kubectl(&["apply", "-n", "istio-system", "-f", &file.to_string_lossy()])?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let kubeconfig = Some(sandbox.ready.kubeconfig.clone());
        let mut cluster = Cluster::connect(Target { kubeconfig, ..Target::default() }, Arc::new(|| {}));
        for (editor, row) in EDITORS.iter().enumerate() {
            // What was undone before must be seen, or the next change is made of what is no more.
            let ready = |scene: &Arc<mesh::Scene>| scene.ready() && change(&scene.mesh, editor).is_some();
            let scene = tokio::time::timeout(SOON, cluster.scene.wait_for(ready)).await??.clone();
            let change = change(&scene.mesh, editor).context(row.about.name)?;
            if change.is_of_workloads() {
                continue; // Its evidence is that pods are new and ready, which no proxy shows.
            }
            let before = dumps(&sandbox).await?;
            let (shown, of) = showing(&change.evidence, &before)?;
            ensure!(
                of > 0 && shown == 0,
                "{}: {shown} of {of} proxies show it before it is done",
                change.title
            );
            let stored = push(&mut cluster, &change).await?;
            let after = dumps(&sandbox).await?;
            let (shown, of) = showing(&change.evidence, &after)?;
            println!("{}: {} shown by {shown} of {of} proxies", row.about.name, change.title);
            ensure!(shown == of, "{}: only {shown} of {of} proxies show it", change.title);
            let undo = change.inverse(&stored).map_err(|problem| anyhow::anyhow!("{problem}"))?;
            let (shown, _) = showing(&undo.evidence, &after)?;
            ensure!(shown == 0, "{}: {shown} proxies show its undo before it is done", change.title);
            push(&mut cluster, &undo).await?;
            let (shown, of) = showing(&undo.evidence, &dumps(&sandbox).await?)?;
            ensure!(shown == of, "{}: only {shown} of {of} proxies show its undo", change.title);
        }
        Ok(())
    })
}
