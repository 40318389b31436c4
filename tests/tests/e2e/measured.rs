//! What is called measured, on real proxies: calls that meet no pod show no share, and a change that another
//! one has replaced is measured no further.

use crate::mesh::Sandbox;
use anyhow::{Context as _, Result, bail, ensure};
use cluster::{Cluster, Command, Of, Target};
use mesh::evidence::{Judgement, Progress};
use mesh::split::Split;
use mesh::{Change, ChangeId, Fact, Scene};
use std::sync::Arc;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(60);

fn split(scene: &Scene, shares: [u32; 3]) -> Option<Change> {
    let reviews = scene.mesh.service("bookinfo", "reviews")?;
    let rule = mesh::edit::rules(&scene.mesh, reviews).into_iter().find(|rule| rule.takes_all)?;
    let wanted = Split::new(["v1", "v2", "v3"].into_iter().zip(shares))?;
    mesh::edit::split(&scene.mesh, &rule.at, &wanted)
}

/// Pushes these shares, once they can be.
async fn push(cluster: &mut Cluster, shares: [u32; 3]) -> Result<ChangeId> {
    let ready = |scene: &Arc<Scene>| scene.ready() && split(scene, shares).is_some();
    let scene = tokio::time::timeout(SOON, cluster.scene.wait_for(ready)).await??.clone();
    let change = split(&scene, shares).context("no change")?;
    let id = ChangeId::fresh();
    cluster.commands.send(Command::Push(id, Box::new(change), Of::default())).await?;
    Ok(id)
}

async fn fact(cluster: &mut Cluster) -> Result<(ChangeId, Fact)> {
    tokio::time::timeout(SOON, cluster.facts.recv()).await?.context("no more facts")
}

#[test]
fn a_share_that_meets_no_pod_is_never_measured() -> Result<()> {
    let sandbox = Sandbox::start()?;
    sandbox.kubectl(&["scale", "deployment", "reviews-v3", "-n", "bookinfo", "--replicas", "0"])?;
    let faster = r#"{"data":{"rps":"40"}}"#;
    sandbox.kubectl(&["patch", "configmap", "load-generator", "-n", "istio-system", "-p", faster])?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let kubeconfig = Some(sandbox.ready.kubeconfig.clone());
        let mut cluster = Cluster::connect(Target { kubeconfig, ..Target::default() }, Arc::new(|| {}));
        let empty = |scene: &Arc<Scene>| {
            scene.mesh.workload("bookinfo", "reviews-v3").is_some_and(|workload| workload.pods.is_empty())
        };
        tokio::time::timeout(SOON, cluster.scene.wait_for(empty)).await??;
        let gone = push(&mut cluster, [85, 5, 10]).await?;
        let measured = loop {
            match fact(&mut cluster).await? {
                (_, Fact::Measured(measured)) => bail!("measured: {measured:?}"),
                (_, Fact::Counted(_, Progress { measured, judgement: Judgement::Disagrees })) => {
                    break measured;
                }
                (_, Fact::Refused(problem) | Fact::Unknowable(problem)) => bail!("{problem}"),
                _ => {}
            }
        };
        let v3 = measured.parts.iter().find(|part| part.name == "v3").context("v3")?;
        ensure!(v3.count == 0 && measured.lost > 0, "{measured:?}");
        println!("{} of {} calls met no pod", measured.lost, measured.calls);
        let whole = push(&mut cluster, [100, 0, 0]).await?;
        let mut replaced = false;
        loop {
            match fact(&mut cluster).await? {
                (id, Fact::Replaced(_)) if id == gone => replaced = true,
                (id, Fact::Measured(measured)) => {
                    ensure!(id == whole && replaced && measured.lost == 0, "{measured:?}");
                    println!("measured by {} calls", measured.calls);
                    return Ok(());
                }
                (_, Fact::Refused(problem) | Fact::Unknowable(problem)) => bail!("{problem}"),
                _ => {}
            }
        }
    })
}
