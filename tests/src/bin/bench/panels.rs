//! Budgets of panels: frames of each at three sizes, once everything that it shows has been taken in.

use crate::Row;
use anyhow::{Context as _, Result};
use mesh::dump::Dump;
use mesh::log::{Line, Log, LogOf};
use mesh::reads::{Answer, Read};
use mesh::series::{Measured, Series};
use mesh::traffic::Traffic;
use mesh::{Mesh, Ref, Scene, demo, kinds};
use panels::bench::{Frames, Stage, of_panel, of_scrubbing};
use panels::logs::Logs;
use panels::{Intent, Panel, PanelId, Selected};
use serde_json::json;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// For a frame; the measured one is the slowest of 100 but one.
const FRAME: &str = "8 ms";

/// All of them.
pub(crate) fn rows() -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for services in [100, 1_000, 5_000] {
        let stage = Stage::new(demo::synthetic_scene(services, services * 4), None);
        let frames = of_panel(made(PanelId::Overview)?, stage, None, &|_| None, |_, _| {});
        rows.push(row(format!("overview of {services} services"), frames));
    }
    for objects in [1_000, 5_000, 20_000] {
        let stage = Stage::new(steered(objects), None);
        let frames = of_panel(made(PanelId::Objects)?, stage, None, &|_| None, |_, _| {});
        rows.push(row(format!("list of {objects} objects"), frames));
    }
    for lines in [10_000, 100_000, 1_000_000] {
        rows.extend(log(lines)?);
    }
    for megabytes in [1, 10, 50] {
        rows.extend(dump(megabytes)?);
    }
    for points in [100, 300, 1_000] {
        let stage = Stage::new(demo::scene(), None).of_size(1440.0, 3_000.0);
        let answer = move |read: &Read| matches!(read, Read::Series(_)).then(|| measured(points));
        let frames = of_panel(made(PanelId::Metrics)?, stage, None, &answer, |_, _| {});
        rows.push(row(format!("all charts, each with 8 lines of {points} points"), frames));
    }
    for services in [100, 300, 1_000] {
        rows.push(scrubbing(services)?);
    }
    Ok(rows)
}

/// The graph of so many services, while the moment is dragged over its axis.
fn scrubbing(services: usize) -> Result<Row> {
    let scene = demo::synthetic_scene(services, services * 2);
    let now = scene.traffic.value().context("no traffic")?;
    // Moments differ: at each, others of the calls are not made.
    let then = |moment: usize| {
        let mut traffic = Traffic::clone(now);
        let mut nth = 0;
        traffic.flows.retain(|_, _| {
            nth += 1;
            nth % 8 != moment
        });
        Arc::new(traffic)
    };
    let moments: Vec<Arc<Traffic>> = (0..8).map(then).collect();
    let answer = |read: &Read| match read {
        Read::Traffic(period) => {
            let moment = moments.get(period.until.rem_euclid(40) as usize / 5);
            moment.map(|traffic| Answer::Traffic(Arc::clone(traffic)))
        }
        Read::Series(_) => Some(measured(720)),
        _ => None,
    };
    let (frames, shown) = of_scrubbing(Stage::new(scene.clone(), None), &answer);
    Ok(row(format!("scrubbing the graph of {services} services ({shown} moments)"), frames))
}

fn made(id: PanelId) -> Result<Box<dyn Panel>> {
    Ok((panels::panel(id).context("no such panel")?.make)())
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

fn row(what: impl Into<String>, frames: Frames) -> Row {
    let Frames { first, median, p99, longest } = frames;
    let text = format!(
        "{:.1} ms (median {:.1}, longest {:.1}, the first {:.1})",
        ms(p99),
        ms(median),
        ms(longest),
        ms(first)
    );
    Row::new(what, FRAME, text)
}

/// A mesh with so many VirtualServices and DestinationRules.
fn steered(count: usize) -> Scene {
    let scene = demo::synthetic_scene(500, 1_000);
    let mut objects = scene.mesh.objects().clone();
    for number in 0..count {
        let (kind, spec) = match number % 2 {
            0 => (&kinds::VIRTUAL_SERVICE, json!({ "hosts": [format!("h{number}.example")] })),
            _ => (&kinds::DESTINATION_RULE, json!({ "host": format!("h{number}.example") })),
        };
        let (namespace, name) = (format!("team-{:03}", number % 50), format!("rule-{number:05}"));
        let meta =
            json!({ "namespace": namespace, "name": name, "creationTimestamp": "2026-01-01T00:00:00Z" });
        let version = format!("{}/v1", kind.group);
        let object = json!({ "apiVersion": version, "kind": kind.kind, "metadata": meta, "spec": spec });
        objects.insert(Ref::new(kind, &namespace, &name), object.into());
    }
    Scene { mesh: Arc::new(Mesh::read(objects, None)), ..scene }
}

/// So many lines of ten containers: while one scrolls, and while each frame brings one more line.
fn log(lines: usize) -> Result<Vec<Row>> {
    const CONTAINERS: usize = 10;
    let scene = demo::synthetic_scene(1, CONTAINERS);
    let selected = scene.mesh.services().next().context("no service")?;
    let selected = Selected::Service(selected.namespace.to_string(), selected.name.to_string());
    let pods = scene.mesh.workloads().flat_map(|workload| {
        workload.pods.iter().map(|pod| (workload.namespace.to_string(), pod.name.to_string()))
    });
    let of = |(namespace, pod)| LogOf {
        namespace,
        pod,
        container: "istio-proxy".into(),
        previous: false,
        around: None,
    };
    let containers: Vec<LogOf> = pods.map(of).collect();
    let filled = |from: usize| {
        let mut log = Log::default();
        for number in (from..lines).step_by(CONTAINERS) {
            log.push(line(number));
        }
        Arc::new(log)
    };
    let logs: Vec<(LogOf, Arc<Log>)> =
        containers.iter().enumerate().map(|(at, of)| (of.clone(), filled(at))).collect();
    let answer = |read: &Read| match read {
        Read::Log(of) => logs.iter().find(|(one, _)| one == of).map(|(_, log)| Answer::Log(Arc::clone(log))),
        _ => None,
    };
    let kept: usize = logs.iter().map(|(_, log)| log.len()).sum();
    let panel = || Box::new(Logs::of(selected.clone(), containers.iter().cloned()));
    let stage = || Stage::new(scene.clone(), Some(selected.clone()));
    let still = of_panel(panel(), stage(), None, &answer, |_, _| {});
    let (mut now, of) = (Log::clone(&logs[0].1), logs[0].0.clone());
    let coming = of_panel(panel(), stage(), None, &answer, |scene, frame| {
        now.push(line(lines + frame));
        scene.answers.take(demo::NOW, Read::Log(of.clone()), Ok(Answer::Log(Arc::new(now.clone()))));
    });
    let bytes = logs.iter().map(|(_, log)| log.bytes()).sum::<usize>() as f64 / 1e6;
    Ok(vec![
        row(format!("log of {lines} lines ({kept} kept, {bytes:.0} MB)"), still),
        row("  while lines come", coming),
    ])
}

fn line(number: usize) -> Line {
    Line::read(&format!(
        "2026-11-30T{:02}:{:02}:{:02}.{:06}Z [2026-11-30T10:00:00.000Z] \"GET /items/{} HTTP/1.1\" 200 - via_upstream - \"-\" 0 48 2 1 \"-\" \"load\" \"{number:032x}\" \"front:8080\" \"10.0.0.7:8080\"",
        number / 3_600_000 % 24,
        number / 60_000 % 60,
        number / 1_000 % 60,
        number % 1_000 * 1_000,
        number % 500
    ))
}

/// A proxy that holds so much.
fn dump(megabytes: usize) -> Result<Vec<Row>> {
    let mut text = String::from(
        r#"{"configs":[{"@type":"type.googleapis.com/envoy.admin.v3.ClustersConfigDump","dynamic_active_clusters":["#,
    );
    let mut number = 0;
    while text.len() < megabytes << 20 {
        let comma = if number == 0 { "" } else { "," };
        write!(
            text,
            r#"{comma}{{"version_info":"2026-11-30T10:00:00Z/1","cluster":{{"@type":"type.googleapis.com/envoy.config.cluster.v3.Cluster","name":"outbound|8080||svc-{number}.team.svc.cluster.local","type":"EDS","eds_cluster_config":{{"eds_config":{{"ads":{{}},"resource_api_version":"V3"}},"service_name":"outbound|8080||svc-{number}.team.svc.cluster.local"}},"connect_timeout":"10s","circuit_breakers":{{"thresholds":[{{"max_connections":4294967295,"max_pending_requests":4294967295,"max_requests":4294967295,"max_retries":4294967295,"track_remaining":true}}]}},"metadata":{{"filter_metadata":{{"istio":{{"services":[{{"name":"svc-{number}","namespace":"team","host":"svc-{number}.team.svc.cluster.local"}}]}}}}}}}},"last_updated":"2026-11-30T10:00:00.000Z"}}"#
        )?;
        number += 1;
    }
    text += "]}]}";
    let begun = Instant::now();
    let dump = Arc::new(Dump::read(&text).context("not read")?);
    let read = begun.elapsed();
    let proxy = "front-v1-abc.team".to_owned();
    let answer = |read: &Read| matches!(read, Read::Inside(_)).then(|| Answer::Inside(Arc::clone(&dump)));
    let stage = Stage::new(demo::scene(), None);
    let frames = of_panel(made(PanelId::Proxies)?, stage, Some(&Intent::ProxyOf(proxy)), &answer, |_, _| {});
    Ok(vec![
        Row::new(
            format!("config_dump of {megabytes} MB ({number} clusters), read"),
            if megabytes == 50 { "1 s" } else { "-" },
            format!("{:.2} s", read.as_secs_f64()),
        ),
        row("  frames of it", frames),
    ])
}

fn measured(points: usize) -> Answer {
    let until = demo::NOW.as_second() as f64;
    let series = (0..8).map(|number| Series {
        labels: [("response_code".to_owned(), format!("20{number}"))].into(),
        points: (0..points)
            .map(|at| (until - (points - at) as f64 * 5.0, 10.0 + (at % 17) as f64 + f64::from(number)))
            .collect(),
    });
    Answer::Series(Arc::new(Measured { series: series.collect(), until, remarks: Vec::new() }))
}
