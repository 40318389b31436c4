//! Load balancing: hashes, warm-up, and preference for near endpoints.

use super::at::At;
use super::found::{Found, rules};
use super::malformed::{Malformed, duration};
use crate::duration::Duration;

rules! {
    /// What is wrong with load balancing.
    Balance {
        Warning LeastConn "LEAST_CONN is deprecated; use LEAST_REQUEST";
        Error CookieWithoutName "name required for HttpCookie";
        Warning OldRingSize
            "consistent hash MinimumRingSize is deprecated, use ConsistentHashLB's RingHash configuration instead";
        Error OldRingSizeBesideNew "only one of MinimumRingSize or Maglev/Ringhash can be specified";
        Error NoTableSize "tableSize must be set for maglev";
        Error LargeTableSize "tableSize must be less than 5000011 for maglev";
        Error TableSizeNotPrime "tableSize must be a prime number for maglev";
        Warning OldWarmup "warmupDurationSecs is deprecated; use warmup";
        Error DistributeBesideFailover "can not simultaneously specify 'distribute' and 'failover'";
        Error FailoverBesideTopology(label: String)
            "can not simultaneously set 'failover' and topology label '{label}' in 'failover_priority'";
        Error BadLocalityWeight "locality weight must be in range [1, 100]";
        Error LocalityWeightsNot100(total: i64) "total locality weight {total} != 100";
        Warning FailoverWithoutOutliers "outlier detection policy must be provided for failover";
        Error FailoverToItself "locality lb failover settings must specify different regions";
        Error FailoverOfZone "locality lb failover only specify region";
        Error FailoverWildcard "locality lb failover region should not contain '*' wildcard";
        Error LocalityWildcard(place: String)
            "locality {place} wildcard '*' number can not exceed 1 and must be in the end";
        Error EmptyLocalityPart(place: String) "locality {place} must not contain empty region/zone/subzone info";
        Error LocalitiesOverlap(place: String) "locality {place} overlaps with other localities";
    }
}

pub(super) fn load_balancer(policy: At<'_>, found: &mut Found) {
    let Some(balancer) = policy.get("loadBalancer") else { return };
    found.when(balancer.text("simple") == "LEAST_CONN", balancer.at("simple"), Balance::LeastConn);
    if let Some(hash) = balancer.get("consistentHash") {
        consistent_hash(hash, found);
    }
    locality(balancer, policy.has("outlierDetection"), found);
    duration(&balancer, "warmupDurationSecs", found);
    duration(&balancer, "warmup/duration", found);
    found.when(balancer.has("warmupDurationSecs"), balancer.at("warmupDurationSecs"), Balance::OldWarmup);
}

fn consistent_hash(hash: At<'_>, found: &mut Found) {
    let nameless = hash.has("httpCookie") && !hash.says("httpCookie/name");
    found.when(nameless, hash.at("httpCookie"), Balance::CookieWithoutName);
    let ttl = hash.text("httpCookie/ttl");
    if !ttl.is_empty() && Duration::read(ttl).is_none_or(|ttl| ttl.nanos() < 0) {
        found.add(hash.at("httpCookie/ttl"), Malformed::BadDuration { text: ttl.to_owned() });
    }
    let old = hash.whole("minimumRingSize") != 0;
    found.when(old, hash.at("minimumRingSize"), Balance::OldRingSize);
    let both = old && (hash.has("ringHash") || hash.has("maglev"));
    found.when(both, hash.at("minimumRingSize"), Balance::OldRingSizeBesideNew);
    if hash.has("maglev") {
        let (at, size) = (hash.at("maglev/tableSize"), hash.whole("maglev/tableSize"));
        found.when(size == 0, at, Balance::NoTableSize);
        found.when(size >= 5_000_011, at, Balance::LargeTableSize);
        found.when(!is_prime(size), at, Balance::TableSizeNotPrime);
    }
}

fn is_prime(number: i64) -> bool {
    // A table that is too large is refused anyway.
    (2..5_000_011).contains(&number)
        && (2..).take_while(|factor| factor * factor <= number).all(|factor| number % factor != 0)
}

fn locality(balancer: At<'_>, outlier: bool, found: &mut Found) {
    let Some(setting) = balancer.get("localityLbSetting") else { return };
    if setting.some("distribute") && setting.some("failover") {
        return found.add(setting, Balance::DistributeBesideFailover);
    }
    if setting.some("failover") {
        for at in setting.items("failoverPriority") {
            let label = at.str();
            let topology = matches!(
                label,
                "topology.kubernetes.io/region" | "topology.kubernetes.io/zone" | "topology.istio.io/subzone"
            );
            if topology {
                found.add(at, Balance::FailoverBesideTopology { label: label.to_owned() });
            }
        }
    }
    for one in setting.items("distribute") {
        let shares: Vec<i64> =
            one.entries("to").map(|(_, share)| share.value().as_i64().unwrap_or(0)).collect();
        let good = shares.iter().all(|share| (1..=100).contains(share));
        found.when(!good, one.at("to"), Balance::BadLocalityWeight);
        let total = shares.iter().copied().fold(0, i64::saturating_add);
        found.when(total != 100, one.at("to"), Balance::LocalityWeightsNot100 { total });
        places(&one.entries("to").collect::<Vec<_>>(), found);
    }
    let from: Vec<(&str, At<'_>)> = setting.items("distribute").map(|one| (one.text("from"), one)).collect();
    places(&from, found);
    let some = setting.some("failover") || setting.some("failoverPriority");
    found.when(some && !outlier, setting, Balance::FailoverWithoutOutliers);
    for one in setting.items("failover") {
        let (from, to) = (one.text("from"), one.text("to"));
        found.when(from == to, one, Balance::FailoverToItself);
        found.when(from.contains('/') || to.contains('/'), one, Balance::FailoverOfZone);
        found.when(from.contains('*') || to.contains('*'), one, Balance::FailoverWildcard);
    }
}

/// Localities: wildcards only at their end, no empty parts, none inside another.
fn places(localities: &[(&str, At<'_>)], found: &mut Found) {
    for (index, (place, at)) in localities.iter().enumerate() {
        let told = || (*place).to_owned();
        let stars = place.matches('*').count();
        if stars > 1 || (stars == 1 && !place.ends_with('*')) {
            found.add(*at, Balance::LocalityWildcard { place: told() });
        }
        if place.split('/').any(str::is_empty) {
            found.add(*at, Balance::EmptyLocalityPart { place: told() });
        }
        let root = place.trim_end_matches('*').trim_end_matches('/');
        let inside = localities.iter().enumerate().any(|(other, (one, _))| {
            other != index
                && (one == place || (place.ends_with('*') && one.starts_with(root)) || *place == "*")
        });
        if inside {
            found.add(*at, Balance::LocalitiesOverlap { place: told() });
        }
    }
}
