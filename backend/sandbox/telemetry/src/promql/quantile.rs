//! Quantiles: of values, and of histograms with bucket counts.

use std::cmp::Ordering;

/// Orders numbers with NaN before all others.
pub(crate) fn nan_first(a: f64, b: f64) -> Ordering {
    match (a.is_nan(), b.is_nan()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
    }
}

/// The quantile of values, between two neighbours in proportion.
pub(crate) fn of_values(q: f64, mut values: Vec<f64>) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    values.sort_by(|a, b| nan_first(*a, *b));
    let rank = q * (values.len() as f64 - 1.0);
    let lower = (rank.floor().max(0.0) as usize).min(values.len() - 1);
    let upper = (lower + 1).min(values.len() - 1);
    let weight = rank - rank.floor();
    values[lower] * (1.0 - weight) + values[upper] * weight
}

/// A bucket's upper bound and how many observations lie below it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bucket {
    pub(crate) bound: f64,
    pub(crate) count: f64,
}

/// The quantile of a histogram, assuming that observations spread evenly within a bucket.
pub(crate) fn of_buckets(q: f64, mut buckets: Vec<Bucket>) -> f64 {
    if q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    buckets.sort_by(|a, b| a.bound.partial_cmp(&b.bound).unwrap_or(Ordering::Equal));
    if buckets.last().is_none_or(|last| last.bound != f64::INFINITY) {
        return f64::NAN;
    }
    let buckets = cumulative(buckets);
    let last = buckets.len() - 1;
    let observations = buckets[last].count;
    if buckets.len() < 2 || observations == 0.0 {
        return f64::NAN;
    }
    let mut rank = q * observations;
    let at = buckets[..last].iter().position(|bucket| bucket.count >= rank).unwrap_or(last);
    if at == last {
        return buckets[last - 1].bound;
    }
    if at == 0 && buckets[0].bound <= 0.0 {
        return buckets[0].bound;
    }
    let (mut start, mut count) = (0.0, buckets[at].count);
    if at > 0 {
        start = buckets[at - 1].bound;
        count -= buckets[at - 1].count;
        rank -= buckets[at - 1].count;
    }
    start + (buckets[at].bound - start) * (rank / count)
}

/// Adds up buckets of one bound, and raises counts that fall (which happens when buckets are scraped at
/// different times).
fn cumulative(sorted: Vec<Bucket>) -> Vec<Bucket> {
    let mut merged: Vec<Bucket> = Vec::with_capacity(sorted.len());
    for bucket in sorted {
        match merged.last_mut() {
            Some(last) if last.bound == bucket.bound => last.count += bucket.count,
            _ => merged.push(bucket),
        }
    }
    let mut highest = merged.first().map_or(0.0, |bucket| bucket.count);
    for bucket in &mut merged {
        if bucket.count > highest {
            highest = bucket.count;
        } else if bucket.count < highest {
            bucket.count = highest;
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_values() {
        for (q, values, expected) in [
            (0.5, vec![1.0, 2.0, 3.0], 2.0),
            (0.5, vec![4.0, 1.0, 3.0, 2.0], 2.5),
            (0.0, vec![5.0, 7.0], 5.0),
            (1.0, vec![5.0, 7.0], 7.0),
            (1.1, vec![5.0], f64::INFINITY),
            (-0.1, vec![5.0], f64::NEG_INFINITY),
        ] {
            assert_eq!(of_values(q, values.clone()), expected, "{q} of {values:?}");
        }
        assert!(of_values(0.5, vec![]).is_nan());
        assert!(of_values(f64::NAN, vec![1.0]).is_nan());
    }

    #[test]
    fn quantiles_of_histograms() {
        let of = |q: f64, list: &[(f64, f64)]| {
            of_buckets(q, list.iter().map(|&(bound, count)| Bucket { bound, count }).collect())
        };
        let inf = f64::INFINITY;
        for (q, buckets, expected) in [
            (0.5, vec![(10.0, 10.0), (20.0, 20.0), (inf, 20.0)], 10.0),
            (0.75, vec![(10.0, 10.0), (20.0, 20.0), (inf, 20.0)], 15.0),
            (0.25, vec![(inf, 20.0), (20.0, 20.0), (10.0, 10.0)], 5.0),
            (0.9, vec![(10.0, 1.0), (inf, 10.0)], 10.0),
            (0.5, vec![(10.0, 10.0), (20.0, 5.0), (inf, 12.0)], 6.0),
            (0.5, vec![(-1.0, 5.0), (inf, 5.0)], -1.0),
        ] {
            assert_eq!(of(q, &buckets), expected, "{q} of {buckets:?}");
        }
        for buckets in [vec![], vec![(10.0, 1.0)], vec![(inf, 1.0)], vec![(1.0, 0.0), (inf, 0.0)]] {
            assert!(of(0.5, &buckets).is_nan(), "{buckets:?}");
        }
    }
}
