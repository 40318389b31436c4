//! The commands without a window: `sandbox`, `graph`, `proxies`.

use crate::{args, complain, harmless, runtime, signals};
use cluster::Needs;
use jiff::Timestamp;
use mesh::graph::{Graph, GraphOptions};
use mesh::scene::{KindState, Proxy, SyncState};
use mesh::traffic::Traffic;
use mesh::{Answer, Mesh, Period, Problem, Read, Remote, Scene, kinds};
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

/// So long the end of a command waits for what it had under way.
const GOODBYE: Duration = Duration::from_secs(2);
/// The exit status of a command that was interrupted, as shells have it.
const INTERRUPTED: i32 = 130;

/// Runs a sandbox until SIGINT or SIGTERM. Prints one JSON line when it is ready.
#[cfg(feature = "sandbox")]
pub(crate) fn sandbox(args: args::Sandbox) -> Result<(), Problem> {
    let scenario = args.scenario.parse()?;
    let size = sandbox::Size { services: args.services, pods: args.pods, edges: args.edges };
    let options = sandbox::Options {
        scenario,
        rps: args.rps.unwrap_or_else(|| sandbox::Options::rps_of(scenario, &size)),
        seed: args.seed,
        size,
        envoy: args.envoy,
        kubeconfig_out: args.kubeconfig_out,
    };
    let runtime = runtime::start()?;
    let ready_file = args.ready_file.clone();
    // One of an earlier run would be taken for this one's.
    let forget = move || {
        if let Some(file) = ready_file.as_deref().filter(|file| file.is_file()) {
            std::fs::remove_file(file).ok();
        }
    };
    forget();
    let told = runtime.block_on(async move {
        let stop = signals::stop()?;
        let running = sandbox::Sandbox::start(options, |step| tracing::info!("{step}"));
        let running = tokio::select! {
            running = running => running?,
            () = stop_now() => return Ok(()),
        };
        let line = serde_json::to_string(running.ready())
            .map_err(|error| unwritable("the ready line", &error.into()))?;
        let told = match &args.ready_file {
            // Its URLs open the sandbox to whoever reads them.
            Some(file) => sandbox::write_private(file, &format!("{line}\n"))
                .map_err(|error| unwritable(&file.display().to_string(), &error)),
            None => Ok(()),
        };
        let told = told.and_then(|()| print(&line));
        if told.is_ok() {
            stop.await;
        }
        running.stop().await;
        told
    });
    forget();
    // What a start that was given up has under way has nothing to lose; in a large mesh it would take seconds
    // to wait for.
    runtime.shutdown_background();
    told
}

/// Prints the service graph.
pub(crate) fn graph(args: &args::Graph) -> Result<(), Problem> {
    let Seen { mesh, traffic: told, at } = seen(args)?;
    // The graph is printed all the same; what it lacks is said beside it.
    let asked = !args.idle || args.connection.prometheus.is_some();
    let missing = unmeasured(&told).filter(|_| asked);
    told.problem().filter(|_| missing.is_none()).into_iter().for_each(complain);
    let traffic = told.value();
    for remark in traffic.iter().flat_map(|traffic| &traffic.remarks) {
        complain(&Problem::new("Not all was measured", remark.as_str(), "Ask again a little later"));
    }
    let silent = traffic.is_none_or(|traffic| traffic.flows.is_empty());
    let options = GraphOptions {
        graph_type: args.graph_type.into(),
        namespaces: args.connection.namespace.clone(),
        idle: args.idle || silent,
        ..GraphOptions::default()
    };
    let graph = Graph::build(&mesh, traffic, &options, at);
    let text = match args.output {
        args::GraphFormat::Json => {
            serde_json::to_string_pretty(&graph).map_err(|error| unwritable("the graph", &error.into()))?
        }
        args::GraphFormat::Dot => graph.to_dot(),
        args::GraphFormat::Svg => panels::graph::svg(&graph, &panels::graph::place(&graph), false),
    };
    print(&text)?;
    missing.map_or(Ok(()), Err)
}

/// What a graph is made of.
struct Seen {
    mesh: Arc<Mesh>,
    traffic: Remote<Traffic>,
    /// When it was measured.
    at: Timestamp,
}

/// The mesh with its traffic, now or at the moment that is asked for. Where Prometheus was given and no cluster
/// was, traffic alone will do.
fn seen(args: &args::Graph) -> Result<Seen, Problem> {
    let connection = &args.connection;
    let past = args.at.map(|at| Period { until: at.as_second(), secs: args.duration });
    let needs = Needs { traffic: past.is_none(), past, window_secs: args.duration, ..Needs::default() };
    let alone =
        connection.prometheus.is_some() && connection.kubeconfig.is_none() && connection.context.is_none();
    let scene = match look(connection, needs) {
        Err(problem) if alone => {
            let Problem { what, why, next } = problem;
            let what = format!("The graph is of traffic alone: {what}");
            complain(&Problem::new(what, why, next));
            return traffic_alone(args);
        }
        looked => looked?,
    };
    known(&scene, connection)?;
    scene.kinds.values().filter_map(unread).for_each(complain);
    let (traffic, at) = match past {
        None => (scene.traffic.clone(), Timestamp::now()),
        Some(past) => {
            let told = scene.answers.get(&Read::Traffic(past)).part(|answer| match answer {
                Answer::Traffic(traffic) => Some(Arc::clone(traffic)),
                _ => None,
            });
            (told, past.at())
        }
    };
    Ok(Seen { mesh: Arc::clone(&scene.mesh), traffic, at })
}

fn traffic_alone(args: &args::Graph) -> Result<Seen, Problem> {
    let target = args.connection.target(true);
    let runtime = runtime::start()?;
    let told = runtime.block_on(cluster::traffic_alone(&target, args.at, args.duration));
    runtime.shutdown_timeout(GOODBYE);
    let (traffic, at) = told?;
    Ok(Seen { mesh: Arc::default(), traffic: Remote::Live(Arc::new(traffic), at), at })
}

/// One look at the mesh of a connection. What is to be kept in mind of it is said.
pub(crate) fn once(connection: &args::Connection, needs: Needs) -> Result<Arc<Scene>, Problem> {
    let scene = look(connection, needs)?;
    known(&scene, connection)?;
    Ok(scene)
}

fn look(connection: &args::Connection, needs: Needs) -> Result<Arc<Scene>, Problem> {
    let runtime = runtime::start()?;
    let looked = runtime.block_on(async {
        let stop = signals::stop()?;
        tokio::select! {
            scene = cluster::once(connection.target(true), needs) => scene.map(Some),
            () = stop => Ok(None),
        }
    });
    // What a login has under way ends with it.
    runtime.shutdown_timeout(GOODBYE);
    looked.map(|scene| scene.unwrap_or_else(|| std::process::exit(INTERRUPTED)))
}

/// Whether what was asked for is there; what is to be kept in mind is said.
fn known(scene: &Scene, connection: &args::Connection) -> Result<(), Problem> {
    nowhere(scene, &connection.namespace)?;
    warn(scene);
    Ok(())
}

/// What a graph lacks whose traffic is not known.
fn unmeasured(traffic: &Remote<Traffic>) -> Option<Problem> {
    let next = "Try again a little later, or look at Prometheus' targets";
    match traffic.value() {
        Some(traffic) if traffic.flows.is_empty() => {
            Some(Problem::new("The graph has no traffic", traffic.coverage.words()?, next))
        }
        Some(_) => None,
        None => Some(traffic.problem().cloned().unwrap_or_else(|| {
            Problem::new("The graph has no traffic", "Prometheus did not answer in time", next)
        })),
    }
}

/// Says what is to be kept in mind of the connection.
fn warn(scene: &Scene) {
    for caution in &scene.cautions {
        complain(&Problem::new(
            caution.short(),
            caution.detail(),
            "Correct the kubeconfig if that is not meant",
        ));
    }
}

fn unread(state: &KindState) -> Option<&Problem> {
    match state {
        KindState::Denied(problem) | KindState::Stale(problem) => Some(problem),
        KindState::Waiting | KindState::Live(_) | KindState::Missing => None,
    }
}

/// Namespaces that were asked for and that the cluster does not have, where that can be known.
fn nowhere(scene: &Scene, wanted: &[String]) -> Result<(), Problem> {
    let all_known = matches!(scene.kinds.get(&kinds::NAMESPACE), Some(KindState::Live(_)));
    let missing = wanted.iter().find(|name| !scene.mesh.namespaces().iter().any(|known| **known == ***name));
    let Some(name) = missing.filter(|_| all_known) else { return Ok(()) };
    let known: Vec<&str> = scene.mesh.namespaces().iter().map(|name| &**name).collect();
    let why = format!("the cluster has {}", known.join(", "));
    Err(Problem::new(format!("There is no namespace {name}"), why, "Choose one of them with --namespace"))
}

/// Prints the proxies and their sync state.
pub(crate) fn proxies(args: &args::Proxies) -> Result<(), Problem> {
    let needs = Needs { proxies: true, ..Needs::default() };
    let scene = once(&args.connection, needs)?;
    let proxies = match (scene.proxies.value(), scene.proxies.problem()) {
        (Some(proxies), _) => proxies,
        (None, Some(problem)) => return Err(problem.clone()),
        (None, None) => {
            return Err(Problem::new(
                "istiod did not answer",
                "it took too long",
                "Try again, or give --istiod URL",
            ));
        }
    };
    let proxies = within(proxies, &args.connection.namespace);
    match args.output {
        args::TableFormat::Json => print(
            &serde_json::to_string_pretty(&proxies)
                .map_err(|error| unwritable("the proxies", &error.into()))?,
        ),
        args::TableFormat::Table => print(&table(&proxies)),
    }
}

/// Those of these namespaces; of all, where none is named. istiod calls a proxy "pod.namespace".
fn within(proxies: &[Proxy], namespaces: &[String]) -> Vec<Proxy> {
    let here = |proxy: &&Proxy| {
        let of = proxy.name.rsplit_once('.').map_or("", |(_, namespace)| namespace);
        namespaces.is_empty() || namespaces.iter().any(|name| name == of)
    };
    proxies.iter().filter(here).cloned().collect()
}

const TYPES: [&str; 4] = ["CDS", "LDS", "EDS", "RDS"];

fn table(proxies: &[Proxy]) -> String {
    // A pod of another cluster may have the same name.
    let mut clusters: Vec<&str> = proxies.iter().map(|proxy| proxy.cluster.as_str()).collect();
    clusters.sort_unstable();
    clusters.dedup();
    let named = |proxy: &Proxy| match clusters.len() {
        0 | 1 => proxy.name.clone(),
        _ => format!("{} ({})", proxy.name, proxy.cluster),
    };
    let mut rows =
        vec![["PROXY", "VERSION", "ISTIOD", "CDS", "LDS", "EDS", "RDS"].map(str::to_owned).to_vec()];
    for proxy in proxies {
        let mut row = vec![named(proxy), proxy.version.clone(), proxy.istiod.clone()];
        row.extend(TYPES.map(|xds| match proxy.types.get(xds) {
            Some(SyncState::Synced) => "synced".to_owned(),
            Some(SyncState::Stale) => "stale".to_owned(),
            Some(SyncState::NeverAcked) => "never acknowledged".to_owned(),
            // A cell is one line.
            Some(SyncState::Nacked(words)) => {
                format!("refused: {}", words.split_whitespace().collect::<Vec<_>>().join(" "))
            }
            Some(SyncState::NotSent) | None => "not sent".to_owned(),
        }));
        rows.push(row);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..7).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

pub(crate) fn print(text: &str) -> Result<(), Problem> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{}", harmless(text)).and_then(|()| out.flush()) {
        // The reader has seen enough (`binnacle graph | head`).
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(|error| unwritable("the output", &error)),
    }
}

pub(crate) fn unwritable(what: &str, error: &std::io::Error) -> Problem {
    Problem::new(
        format!("{what} could not be written"),
        error.to_string(),
        "Check the path and the space on the disk",
    )
}

#[cfg(feature = "sandbox")]
async fn stop_now() {
    match signals::stop() {
        Ok(stop) => stop.await,
        Err(_) => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_of_a_namespace() {
        let proxy = |name: &str| Proxy {
            name: name.to_owned(),
            cluster: String::new(),
            version: String::new(),
            istiod: String::new(),
            types: std::collections::BTreeMap::new(),
            since: None,
        };
        let all = ["a.shop", "b.bank", "c.d.shop", "odd"].map(proxy);
        let named = |namespaces: &[&str]| -> Vec<String> {
            let namespaces: Vec<String> = namespaces.iter().map(ToString::to_string).collect();
            within(&all, &namespaces).into_iter().map(|proxy| proxy.name).collect()
        };
        assert_eq!(named(&["shop"]), ["a.shop", "c.d.shop"]);
        assert_eq!(named(&["shop", "bank"]), ["a.shop", "b.bank", "c.d.shop"]);
        assert_eq!(named(&[]).len(), 4);
        assert!(named(&["nowhere"]).is_empty());
    }

    /// A graph without its traffic is not what was asked for.
    #[test]
    fn a_prometheus_that_is_dead_fails_the_graph() {
        let dead = Problem::new("Prometheus does not answer", "refused", "Look at --prometheus");
        let words = |traffic: &Remote<Traffic>| unmeasured(traffic).map(|problem| problem.to_string());
        assert!(words(&Remote::Denied(dead)).unwrap().contains("Prometheus does not answer"));
        assert!(words(&Remote::Waiting).is_some());
        let traffic = std::sync::Arc::new(mesh::demo::bookinfo_traffic());
        assert_eq!(words(&Remote::Live(traffic, Timestamp::now())), None);
    }
}
