//! What shows one side of a change and not the other.

use super::super::{Probe, Want};
use std::collections::BTreeSet;

/// What has less in it than on the other side holds there too: then it is no longer what stood there.
pub(super) fn no_longer(probes: &mut Vec<Probe>, others: &[Probe]) {
    let more = |probe: &Probe| {
        let same_place = others.iter().filter(|other| other.owner == probe.owner && other.path == probe.path);
        let implies = |other: &&Probe| match (&probe.want, &other.want) {
            (Want::Is(less), Want::Is(more)) => less != more && crate::confirm::says(less, more),
            _ => false,
        };
        let then = same_place.filter(implies).map(|other| Want::Not(Box::new(other.want.clone())));
        then.map(|want| Probe { want, ..probe.clone() }).collect::<Vec<_>>()
    };
    let all: Vec<Probe> = probes.iter().flat_map(more).collect();
    probes.extend(all);
}

/// Takes from probes what proxies hold on the other side too.
pub(super) fn without(probes: &mut Vec<Probe>, others: &[Probe]) {
    for probe in probes.iter_mut() {
        let same = |other: &&Probe| {
            (&other.owner, &other.path, &other.want) == (&probe.owner, &probe.path, &probe.want)
        };
        let known: BTreeSet<&String> =
            others.iter().filter(same).flat_map(|other| other.proxies.iter()).collect();
        if probe.proxies.iter().any(|proxy| known.contains(proxy)) {
            probe.proxies = probe.proxies.iter().filter(|proxy| !known.contains(proxy)).cloned().collect();
        }
    }
    probes.retain(|probe| !probe.proxies.is_empty());
}
