//! How far the proxies have come that a change affects.

use crate::envoy::Looked;
use mesh::Problem;
use mesh::confirm::Held;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// A proxy that was not pushed to after so long is asked for its configuration: it may have held it already.
const LOOK_AFTER: Duration = Duration::from_millis(400);
/// Pause between two looks at one proxy's configuration: at first, and when it takes long.
const LOOKS: [Duration; 2] = [Duration::from_millis(150), Duration::from_secs(60)];

/// How far the affected proxies have come.
pub(super) struct Progress {
    pub(super) begun: Instant,
    pub(super) acked: BTreeSet<String>,
    pub(super) live: BTreeSet<String>,
    /// Their pod is gone, or will be.
    pub(super) gone: BTreeSet<String>,
    /// They have nothing of what it is about.
    pub(super) elsewhere: BTreeSet<String>,
    /// What they have refused since before the write, in their words.
    pub(super) refuses: BTreeMap<String, String>,
    /// What those that do not show it say of an update that they did not take.
    pub(super) complaints: BTreeMap<String, String>,
    /// Proxies that are being looked into.
    pub(super) looking: BTreeSet<String>,
    /// When each was looked into the last time.
    pub(super) looked: BTreeMap<String, Instant>,
    /// What was told: how many have acknowledged it, of how many, and who has not.
    pub(super) told: Option<(usize, usize, Vec<String>)>,
    /// What was said that is not known.
    pub(super) doubted: Option<Problem>,
    /// Since when nothing was new; `None` when nothing was ever known.
    pub(super) quiet_since: Option<Instant>,
    /// Since when no proxy lets us look into its configuration.
    pub(super) blind_since: Option<Instant>,
    /// Why istiod could not be asked, the last time.
    pub(super) unasked: Option<Problem>,
    /// Why istiod has not told of all proxies, the last time.
    pub(super) partly: Option<Problem>,
    /// Why proxies could not be looked into.
    pub(super) unlooked: Option<Problem>,
}

impl Progress {
    /// `doubt`: why nothing was known of the proxies before the write.
    pub(super) fn new(doubt: Option<Problem>) -> Self {
        Self {
            begun: Instant::now(),
            acked: BTreeSet::new(),
            live: BTreeSet::new(),
            gone: BTreeSet::new(),
            elsewhere: BTreeSet::new(),
            refuses: BTreeMap::new(),
            complaints: BTreeMap::new(),
            looking: BTreeSet::new(),
            looked: BTreeMap::new(),
            told: None,
            quiet_since: doubt.is_none().then(Instant::now),
            unasked: doubt.clone(),
            doubted: doubt,
            blind_since: None,
            partly: None,
            unlooked: None,
        }
    }

    /// Whether a proxy need not show the change.
    pub(super) fn excused(&self, proxy: &str) -> bool {
        self.gone.contains(proxy) || self.elsewhere.contains(proxy)
    }

    /// Something is new: what was doubted is looked for once more.
    pub(super) fn moved(&mut self) {
        self.quiet_since = Some(Instant::now());
    }

    /// A pause that grows with the time that it takes.
    pub(super) fn pace(&self, [first, last]: [Duration; 2]) -> Duration {
        (self.begun.elapsed() / 20).clamp(first, last)
    }
    /// A proxy has taken what it was sent: now it is looked into at once.
    pub(super) fn acknowledged(&mut self, proxy: &str) {
        if self.acked.insert(proxy.to_owned()) {
            self.looked.remove(proxy);
            self.moved();
        }
    }

    /// Whether it is time to look into a proxy.
    pub(super) fn is_due(&self, proxy: &str) -> bool {
        let pushed = self.acked.contains(proxy) || self.begun.elapsed() >= LOOK_AFTER;
        let again = || self.looked.get(proxy).is_none_or(|looked| looked.elapsed() >= self.pace(LOOKS));
        let open = !self.live.contains(proxy) && !self.excused(proxy) && !self.looking.contains(proxy);
        open && pushed && again()
    }

    /// Takes in what a proxy's configuration says.
    pub(super) fn has(&mut self, proxy: String, looked: Result<Looked, Problem>) {
        self.looking.remove(&proxy);
        self.looked.insert(proxy.clone(), Instant::now());
        let Looked { held, complaint } = match looked {
            Ok(looked) => looked,
            Err(problem) => {
                self.unlooked = Some(problem);
                self.blind_since.get_or_insert_with(Instant::now);
                return;
            }
        };
        self.unlooked = None;
        if self.blind_since.take().is_some() {
            self.moved();
        }
        self.complaints.remove(&proxy);
        if held.contains(&Held::No) {
            self.complaints.extend(complaint.map(|words| (proxy, words)));
            return;
        }
        let of = if held.contains(&Held::Yes) { &mut self.live } else { &mut self.elsewhere };
        of.insert(proxy.clone());
        self.acked.insert(proxy);
        self.moved();
    }
}
