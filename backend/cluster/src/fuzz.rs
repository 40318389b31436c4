//! What other programs send, read by the code that reads it in a connection: for fuzz targets, which stand
//! outside of this crate. Nothing that is sent may break these off, or take long.

use crate::kubeconfig::Kubeconfigs;
use crate::prometheus::answer::{self, OfHour};
use crate::prometheus::{query, vector};
use crate::settings::settings;
use crate::traces::backend::{Backend as _, Hits};
use crate::traces::read::{self, jaeger, otlp, summaries, zipkin};
use crate::traces::tempo::Tempo;
use crate::trim::Raw;
use crate::{contexts, envoy, syncz};
use kube::core::{ObjectList, WatchEvent};
use mesh::evidence::{Evidence, Xds};
use mesh::trace::Found;
use mesh::{Kind, Object, confirm};
use std::path::Path;

/// Reads a kubeconfig and judges each of its contexts; how many can be used.
pub fn kubeconfig(file: &Path) -> usize {
    let files = Kubeconfigs::of(&[file.to_owned()]);
    let named = files.contexts().filter_map(|(file, named)| files.chosen(&named.name, Some(file)));
    let usable = named.filter(|chosen| settings(chosen, |_| None).is_ok() && chosen.differs().is_none());
    let usable = usable.count();
    std::hint::black_box((contexts::rows(&files), files.problems(), files.current()));
    usable
}

/// Reads an answer of Prometheus as the answer to every question of the graph; how many paths it shows.
pub fn prometheus(body: &[u8]) -> usize {
    drop(vector::series(body));
    let (mut usual, mut gathered) = (answer::UsualOf::default(), answer::Gathered::default());
    for of in [OfHour::Rate, OfHour::Time, OfHour::Plaintext] {
        let taken = vector::each(body, |sample| usual.take(of, &sample));
        if taken.is_err() {
            return 0;
        }
    }
    drop(usual.paths());
    for question in query::QUESTIONS {
        drop(gathered.add(question, body));
    }
    gathered.traffic(60).flows.len()
}

/// Reads traces of Jaeger and opens each, or lines of them; how many spans they have.
pub fn jaeger(body: &[u8]) -> usize {
    drop(jaeger::services(body));
    let lines = summaries::parse(body).map_or(0, |found| found.traces.len());
    spans(jaeger::parse(body)).max(lines)
}

/// The same of OTLP's JSON.
pub fn otlp(body: &[u8]) -> usize {
    spans(otlp::parse(body))
}

/// The same of OTLP's protobuf.
pub fn otlp_protobuf(body: &[u8]) -> usize {
    spans(otlp::parse(body))
}

/// The same of Zipkin.
pub fn zipkin(body: &[u8]) -> usize {
    drop(zipkin::names(body));
    spans(zipkin::parse(body))
}

/// Reads what Tempo says that it has and finds; how many services or traces that are.
pub fn tempo(body: &[u8]) -> usize {
    let services = Tempo.read_services(body).map_or(0, |services| services.len());
    match Tempo.read_found(body) {
        Ok(Hits::Ids(ids)) => ids.len().max(services),
        _ => services,
    }
}

/// The same of a file in any form.
pub fn trace_file(bytes: &[u8]) -> usize {
    // What is small and says much is not what this looks for.
    spans(read::open(bytes, 1 << 20))
}

fn spans<E>(found: Result<Found, E>) -> usize {
    found.map_or(0, |found| found.traces.iter().map(|opened| opened.trace.spans.len()).sum())
}

/// Reads an answer of istiod about its proxies; how many it names.
pub fn syncz(body: &[u8]) -> usize {
    let text = String::from_utf8_lossy(body);
    drop(syncz::refusal_in_log(&text, "reviews-v3-7d5f.bookinfo", "RDS"));
    let rejects = syncz::rejects_in_metrics(&text, "RDS");
    let Ok((read, _)) = syncz::parse(body, "istiod") else { return usize::from(rejects > 0.0) };
    syncz::merge(vec![read.clone(), read]).iter().map(syncz::Synced::proxy).count()
}

/// Looks for evidence in what a proxy says of its configuration; how much of it is there.
pub fn config_dump(body: &[u8], evidence: &Evidence) -> usize {
    let mut held = 0;
    for xds in [Xds::Cds, Xds::Lds, Xds::Rds] {
        let probes: Vec<_> = evidence.probes.iter().filter(|probe| probe.xds() == xds).collect();
        let Ok(kept) = envoy::concerned(body, &probes, xds) else { return 0 };
        held += probes.iter().filter(|probe| confirm::holds(probe, &kept.dump) == confirm::Held::Yes).count();
    }
    held
}

/// The objects of a list, as a watch takes them in.
pub fn list(body: &[u8], kind: &'static Kind) -> Vec<Object> {
    let Ok(list) = serde_json::from_slice::<ObjectList<Raw>>(body) else { return Vec::new() };
    list.items.into_iter().map(|raw| raw.into_object(&api_version(kind), kind)).collect()
}

/// The object of one event of a watch.
pub fn event(line: &[u8], kind: &'static Kind) -> Option<Object> {
    match serde_json::from_slice(line).ok()? {
        WatchEvent::Added(raw) | WatchEvent::Modified(raw) | WatchEvent::Deleted(raw) => {
            let raw: Raw = raw;
            Some(raw.into_object(&api_version(kind), kind))
        }
        WatchEvent::Bookmark(_) | WatchEvent::Error(_) => None,
    }
}

fn api_version(kind: &Kind) -> String {
    let version = kind.versions.first().copied().unwrap_or_default();
    if kind.group.is_empty() { version.to_owned() } else { format!("{}/{version}", kind.group) }
}
