//! Shares of traffic that always make 100: moving one takes from the others, or gives to them.

/// One version's part of the traffic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// "v3".
    pub name: String,
    /// 0 to 100.
    pub percent: u32,
    /// Whether it stays when others move.
    pub locked: bool,
}

/// Shares that add up to 100. A drag calls [`Split::set`] on the split as it was when the drag began, so that
/// passing over 100 and coming back loses nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    shares: Vec<Share>,
}

impl Split {
    /// The shares of these weights, whatever they add up to; weights that are all 0 are taken as equal.
    /// `None` without any.
    pub fn new(weights: impl IntoIterator<Item = (impl Into<String>, u32)>) -> Option<Self> {
        let (names, weights): (Vec<String>, Vec<u32>) =
            weights.into_iter().map(|(name, weight)| (name.into(), weight)).unzip();
        let percents = apportion(100, &weights);
        let share = |(name, percent)| Share { name, percent, locked: false };
        let shares: Vec<Share> = names.into_iter().zip(percents).map(share).collect();
        (!shares.is_empty()).then_some(Self { shares })
    }

    /// The shares, in the order given.
    pub fn shares(&self) -> &[Share] {
        &self.shares
    }

    /// Names and percentages, in the order given: what an edit writes.
    pub fn weights(&self) -> Vec<(String, u32)> {
        self.shares.iter().map(|share| (share.name.clone(), share.percent)).collect()
    }

    /// The most that this share can reach, given what is locked.
    pub fn limit(&self, index: usize) -> u32 {
        let locked = self.shares.iter().enumerate().filter(|(other, share)| *other != index && share.locked);
        100 - locked.map(|(_, share)| share.percent).sum::<u32>()
    }

    /// Gives one version this share and takes it from (or gives it to) the others that are not locked, in
    /// proportion to what they have. A locked share, or one whose others are all locked, stays.
    pub fn set(&mut self, index: usize, percent: u32) {
        let free = |(other, share): &(usize, &Share)| *other != index && !share.locked;
        let others: Vec<usize> =
            self.shares.iter().enumerate().filter(free).map(|(other, _)| other).collect();
        let limit = self.limit(index);
        let Some(share) = self.shares.get_mut(index).filter(|share| !share.locked) else { return };
        if others.is_empty() {
            return;
        }
        share.percent = percent.min(limit);
        let rest = limit - share.percent;
        let before: Vec<u32> = others.iter().map(|other| self.shares[*other].percent).collect();
        for (other, percent) in others.into_iter().zip(apportion(rest, &before)) {
            self.shares[other].percent = percent;
        }
    }

    /// Moves one share by so many points: arrow keys 1, with Shift 10.
    pub fn step(&mut self, index: usize, points: i32) {
        if let Some(share) = self.shares.get(index) {
            let percent = share.percent.saturating_add_signed(points);
            self.set(index, percent);
        }
    }

    /// Keeps a share where it is, or lets it go.
    pub fn lock(&mut self, index: usize, locked: bool) {
        if let Some(share) = self.shares.get_mut(index) {
            share.locked = locked;
        }
    }

    /// Shares out evenly what is not locked; the first get what does not divide.
    pub fn even(&mut self) {
        let open: Vec<usize> = (0..self.shares.len()).filter(|index| !self.shares[*index].locked).collect();
        let total = open.iter().map(|index| self.shares[*index].percent).sum();
        for (index, percent) in open.iter().zip(apportion(total, &vec![1; open.len()])) {
            self.shares[*index].percent = percent;
        }
    }
}

/// Shares out a total in proportion to the weights, by largest remainder (on a tie the first gets it).
pub(crate) fn apportion(total: u32, weights: &[u32]) -> Vec<u32> {
    let sum: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
    if sum == 0 {
        return if weights.is_empty() { Vec::new() } else { apportion(total, &vec![1; weights.len()]) };
    }
    let exact = |weight: &u32| u64::from(total) * u64::from(*weight);
    // The quotient is at most `total`, so it fits.
    let mut parts: Vec<u32> = weights.iter().map(|weight| (exact(weight) / sum) as u32).collect();
    let missing = total - parts.iter().sum::<u32>();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|index| std::cmp::Reverse(exact(&weights[*index]) % sum));
    for index in order.into_iter().take(missing as usize) {
        parts[index] += 1;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(percents: &[u32]) -> Split {
        Split::new(percents.iter().enumerate().map(|(index, percent)| (format!("v{}", index + 1), *percent)))
            .unwrap()
    }

    fn percents(split: &Split) -> Vec<u32> {
        split.shares().iter().map(|share| share.percent).collect()
    }

    #[track_caller]
    fn check(from: &[u32], index: usize, drag_to: u32, expect: &[u32]) {
        let mut split = split(from);
        split.set(index, drag_to);
        assert_eq!(percents(&split), expect);
    }

    #[test]
    fn moving_one_takes_from_the_others_in_proportion() {
        check(&[90, 10], 1, 25, &[75, 25]);
        check(&[90, 10], 1, 120, &[0, 100]);
        check(&[50, 30, 20], 2, 80, &[13, 7, 80]);
        check(&[50, 30, 20], 2, 0, &[63, 37, 0]);
        check(&[0, 0, 100], 2, 40, &[30, 30, 40]);
        check(&[100], 0, 20, &[100]);
    }

    #[test]
    fn any_weights_make_100() {
        assert_eq!(percents(&split(&[1, 1, 1])), [34, 33, 33]);
        assert_eq!(percents(&split(&[0, 0])), [50, 50]);
        assert_eq!(percents(&split(&[u32::MAX, u32::MAX])), [50, 50]);
        assert_eq!(Split::new(Vec::<(String, u32)>::new()), None);
    }

    #[test]
    fn locked_shares_stay() {
        let mut split = split(&[50, 30, 20]);
        split.lock(0, true);
        split.set(2, 100);
        assert_eq!(percents(&split), [50, 0, 50]);
        split.set(0, 10);
        assert_eq!(percents(&split), [50, 0, 50], "a locked share does not move itself");
        split.even();
        assert_eq!(percents(&split), [50, 25, 25]);
        split.lock(1, true);
        split.set(2, 0);
        assert_eq!(percents(&split), [50, 25, 25], "there is nobody to give it to");
    }

    #[test]
    fn keys() {
        let mut split = split(&[95, 5]);
        split.step(1, -10);
        assert_eq!(percents(&split), [100, 0]);
        split.step(1, 1);
        assert_eq!(percents(&split), [99, 1]);
        split.step(7, 1);
        split.even();
        assert_eq!(percents(&split), [50, 50]);
    }

    proptest! {
        #[test]
        fn always_100(
            weights in prop::collection::vec(0..1000u32, 1..8),
            moves in prop::collection::vec((0..8usize, 0..130u32, 0..4u8), 0..30),
        ) {
            let mut split = split(&weights);
            for (index, to, what) in moves {
                let before = split.clone();
                match what {
                    0 => split.lock(index, to % 2 == 0),
                    1 => split.even(),
                    2 => split.step(index, to as i32 - 65),
                    _ => split.set(index, to),
                }
                prop_assert_eq!(percents(&split).iter().sum::<u32>(), 100);
                for (old, new) in before.shares().iter().zip(split.shares()) {
                    prop_assert!(what == 0 || !old.locked || old.percent == new.percent);
                }
            }
        }

        #[test]
        fn setting_what_is_there_changes_nothing(weights in prop::collection::vec(0..1000u32, 1..8), index in 0..8usize) {
            let mut split = split(&weights);
            let before = split.clone();
            if let Some(share) = before.shares().get(index) {
                split.set(index, share.percent);
                prop_assert_eq!(split, before);
            }
        }
    }
}
