//! What a proxy says of its configuration, in which the evidence of changes is looked for.

use crate::{Reader, Seeds, Target};
use mesh::edit::{self, Mode, Scope};
use mesh::evidence::Evidence;
use mesh::split::Split;

const NAME: &str = "config_dump";
pub(super) const TARGET: Target = Target { name: NAME, reader, seeds: || Seeds::Json(Seeds::json(NAME)) };

fn reader() -> Reader {
    let evidence = evidence();
    Box::new(move |input| cluster::fuzz::config_dump(input, &evidence) > 0)
}

/// Of a shift of weights and of mutual TLS: routes, clusters and listeners.
fn evidence() -> Evidence {
    let mesh = mesh::demo::bookinfo();
    let rules = mesh.service("bookinfo", "reviews").map(|reviews| edit::rules(&mesh, reviews));
    let rule = rules.and_then(|mut rules| rules.pop());
    let split = Split::new(["v1", "v2", "v3"].into_iter().zip([20, 0, 80]));
    let weights = rule.zip(split).and_then(|(rule, split)| edit::split(&mesh, &rule.at, &split));
    let strict = edit::mtls(&mesh, &Scope::Namespace("bookinfo".into()), Some(Mode::Strict));
    let mut all = Evidence::default();
    for change in weights.into_iter().chain(strict) {
        all.probes.extend(change.evidence.probes);
        all.probes.extend(change.evidence.was);
    }
    all
}
