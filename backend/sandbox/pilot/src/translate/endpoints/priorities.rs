//! Which endpoints come first: near ones before far ones, shares by place, or those whose labels are like the
//! caller's.

use super::endpoint::{Endpoint, Place};
use crate::registry::Service;
use crate::registry::locality::{HOSTNAME, Locality, NETWORK, REGION, SUBZONE, ZONE};
use crate::registry::mesh_config::{Distribute, Failover, LocalityLbSetting, MeshConfig};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What holds for one cluster.
pub(crate) struct Preference {
    setting: LocalityLbSetting,
    /// Whether far endpoints wait until the near ones fail: an endpoint must be seen to fail, or be gone.
    fails_over: bool,
}

impl Preference {
    /// The DestinationRule's, else the Service's, else the mesh's; `None` when it is switched off.
    pub(crate) fn of(
        mesh: &MeshConfig,
        service: &Service,
        balancer: Option<&Value>,
        ejects: bool,
    ) -> Option<Self> {
        let own = balancer.and_then(|balancer| balancer.get("localityLbSetting"));
        let own = own.map(|own| LocalityLbSetting::deserialize(own).unwrap_or_default());
        let near = || {
            let labels: &[&str] = match service.distribution.as_deref()? {
                "PreferClose" | "PreferSameZone" => &[NETWORK, REGION, ZONE],
                "PreferSameNode" => &[NETWORK, REGION, ZONE, SUBZONE, HOSTNAME],
                _ => return None,
            };
            let failover_priority = labels.iter().map(|label| (*label).to_owned()).collect();
            Some(LocalityLbSetting { failover_priority, ..LocalityLbSetting::default() })
        };
        let (setting, fails_over) = match (own, near()) {
            (Some(own), _) => (own, ejects),
            (None, Some(near)) => (near, true),
            (None, None) => (mesh.locality_lb_setting.clone(), ejects),
        };
        (setting.enabled != Some(false)).then_some(Self { setting, fails_over })
    }
}

/// Endpoints of one place and one priority.
struct Group<'a> {
    locality: Locality,
    endpoints: Vec<Endpoint<'a>>,
    weight: u32,
    priority: u32,
}

impl<'a> Group<'a> {
    fn of(locality: Locality, endpoints: Vec<Endpoint<'a>>, priority: u32) -> Self {
        let weight = endpoints.iter().map(|endpoint| endpoint.weight).fold(0, u32::saturating_add);
        Self { locality, endpoints, weight, priority }
    }

    fn json(self) -> Value {
        let mut locality = json!({});
        let parts = [
            ("region", &self.locality.region),
            ("zone", &self.locality.zone),
            ("sub_zone", &self.locality.subzone),
        ];
        for (key, part) in parts.into_iter().filter(|(_, part)| !part.is_empty()) {
            locality[key] = json!(part);
        }
        let endpoints: Vec<Value> = self.endpoints.into_iter().map(|endpoint| endpoint.value).collect();
        let mut group =
            json!({"locality": locality, "lb_endpoints": endpoints, "load_balancing_weight": self.weight});
        if self.priority > 0 {
            group["priority"] = json!(self.priority);
        }
        group
    }
}

/// The localities of a load assignment, as the caller at `here` shall use them.
pub(crate) fn localities(
    endpoints: Vec<Endpoint<'_>>,
    here: &Place<'_>,
    preference: Option<&Preference>,
) -> Vec<Value> {
    let mut places: BTreeMap<Locality, Vec<Endpoint<'_>>> = BTreeMap::new();
    for endpoint in endpoints {
        places.entry(endpoint.place.locality.clone().into_owned()).or_default().push(endpoint);
    }
    let mut groups: Vec<Group<'_>> =
        places.into_iter().map(|(locality, endpoints)| Group::of(locality, endpoints, 0)).collect();
    if let Some(Preference { setting, fails_over }) = preference {
        if !setting.distribute.is_empty() {
            distribute(&mut groups, &here.locality, &setting.distribute);
        } else if *fails_over {
            if !setting.failover_priority.is_empty() {
                groups = groups
                    .into_iter()
                    .flat_map(|group| by_labels(group, here, &setting.failover_priority))
                    .collect();
            }
            if setting.failover_priority.is_empty() || !setting.failover.is_empty() {
                by_distance(&mut groups, &here.locality, &setting.failover);
            }
            // Without gaps, as Envoy wants them.
            let used: BTreeSet<u32> = groups.iter().map(|group| group.priority).collect();
            let ranks: BTreeMap<u32, u32> = used.into_iter().zip(0..).collect();
            groups.iter_mut().for_each(|group| group.priority = ranks[&group.priority]);
        }
    }
    groups.into_iter().map(Group::json).collect()
}

/// Shares by place; places that are not named get nothing.
fn distribute(groups: &mut Vec<Group<'_>>, here: &Locality, rules: &[Distribute]) {
    let Some(rule) = rules.iter().find(|rule| here.is_in(&rule.from)) else { return };
    let mut named = vec![false; groups.len()];
    let mut shares: Vec<(&String, &u32)> = rule.to.iter().collect();
    // The narrowest first, so that `*` takes what is left.
    shares.sort_by_key(|(to, _)| to.matches('*').count());
    for (to, share) in shares {
        let inside: Vec<usize> =
            (0..groups.len()).filter(|index| !named[*index] && groups[*index].locality.is_in(to)).collect();
        let total: u64 = inside.iter().map(|index| u64::from(groups[*index].weight)).sum();
        for index in inside {
            named[index] = true;
            let weight = (u64::from(groups[index].weight) * u64::from(*share)).div_ceil(total.max(1));
            groups[index].weight = u32::try_from(weight).unwrap_or(u32::MAX).max(1);
        }
    }
    let mut named = named.into_iter();
    groups.retain(|_| named.next() == Some(true));
}

/// Near before far; of the far ones the region that shall take over before the others.
fn by_distance(groups: &mut [Group<'_>], here: &Locality, rules: &[Failover]) {
    let heir = rules.iter().find(|rule| rule.from == here.region).map(|rule| &rule.to);
    for group in groups {
        let distance = match here.distance(&group.locality) {
            3 if heir.is_some_and(|heir| *heir != group.locality.region) => 4,
            distance => distance,
        };
        group.priority = group.priority * 5 + distance;
    }
}

/// The more of the labels, in their order, an endpoint shares with the caller, the earlier its turn;
/// `label=value` asks for a value whatever the caller's is.
fn by_labels<'a>(group: Group<'a>, here: &Place<'_>, labels: &[String]) -> Vec<Group<'a>> {
    let mut ranks: BTreeMap<usize, Vec<Endpoint<'a>>> = BTreeMap::new();
    for endpoint in group.endpoints {
        let unlike = labels.iter().position(|label| {
            let (key, wanted) = label
                .split_once('=')
                .map_or_else(|| (label.as_str(), here.label(label)), |(key, value)| (key, value));
            endpoint.place.label(key) != wanted
        });
        ranks.entry(unlike.map_or(0, |index| labels.len() - index)).or_default().push(endpoint);
    }
    let locality = group.locality;
    let rank = |(rank, endpoints): (usize, _)| {
        Group::of(locality.clone(), endpoints, u32::try_from(rank).unwrap_or(u32::MAX))
    };
    ranks.into_iter().map(rank).collect()
}
