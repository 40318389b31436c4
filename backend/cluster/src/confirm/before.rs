//! How the proxies stood before a write: what istiod says afterwards is read by it. An old refusal stands
//! until the proxy takes something, whatever is pushed meanwhile.

use crate::confirm::pods;
use crate::confirm::unclaimed::TYPES;
use crate::istiod;
use crate::session::Session;
use crate::syncz::{Push, Synced};
use mesh::evidence::{Probe, Xds};
use mesh::scene::SyncState;
use mesh::{Change, Problem, Step};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// How long istiod may take to say it: the write waits for that.
const WITHIN: Duration = Duration::from_secs(3);

/// How the proxies stood before the write.
#[derive(Clone, Default)]
pub(crate) struct Before {
    /// The last push of each type, by proxy.
    pushes: BTreeMap<String, BTreeMap<String, Push>>,
    /// Refusals that istiod had counted, by type.
    rejects: BTreeMap<Xds, f64>,
    /// When istiod was asked for them.
    asked: Option<Instant>,
    /// Why istiod could not be asked: then only refusals are known, as it told them the last time.
    pub(super) unasked: Option<Problem>,
}

/// Notes how the affected proxies stand.
pub(crate) async fn before(session: &Session, change: &Change) -> Before {
    // Proxies have no part in what only changes pods.
    if change.steps.iter().all(Step::is_of_workload) {
        return Before::default();
    }
    let mut types: BTreeSet<Xds> = change.evidence.probes.iter().map(Probe::xds).collect();
    if types.is_empty() {
        types.extend(TYPES);
    }
    match tokio::time::timeout(WITHIN, asked(session, types)).await {
        Ok(Ok(before)) => before,
        Ok(Err(problem)) => last_known(session, problem),
        Err(_elapsed) => {
            let why = format!("No answer within {} s", WITHIN.as_secs());
            let problem = Problem::new("istiod does not answer", why, "Look at the Deployment istiod");
            last_known(session, problem)
        }
    }
}

async fn asked(session: &Session, types: BTreeSet<Xds>) -> Result<Before, Problem> {
    let asked = Some(Instant::now());
    let proxies = istiod::ask(session).await?.proxies;
    // Istiods that do not tell refusals at least count them.
    let silent = proxies.iter().any(|proxy| !proxy.tells_refusals);
    let mut rejects = BTreeMap::new();
    for xds in types.into_iter().filter(|_| silent) {
        rejects.insert(xds, istiod::rejects(session, xds.name()).await);
    }
    let here = pods::here(session, proxies);
    let pushes = here.into_iter().map(|(name, proxy)| (name, proxy.types)).collect();
    Ok(Before { pushes, rejects, asked, unasked: None })
}

/// What istiod said when it could be asked the last time.
fn last_known(session: &Session, problem: Problem) -> Before {
    let scene = session.hub.scene.borrow().clone();
    let proxies = scene.proxies.value().map(|proxies| proxies.as_slice()).unwrap_or_default();
    let types = |states: &BTreeMap<String, SyncState>| {
        let error = |state: &SyncState| match state {
            SyncState::Nacked(words) => words.clone(),
            _ => String::new(),
        };
        let push = |state: &SyncState| Push { error: error(state), ..Push::default() };
        states.iter().map(|(name, state)| (name.clone(), push(state))).collect()
    };
    let pushes = proxies.iter().map(|proxy| (proxy.name.clone(), types(&proxy.types))).collect();
    Before { pushes, unasked: Some(problem), ..Before::default() }
}

impl Before {
    /// How they stood before a write that an earlier connection has done.
    pub(crate) fn unknown(session: &Session) -> Self {
        let why = "The connection was lost while the proxies were asked";
        last_known(session, Problem::new("It is not known yet", why, "Nothing: they are asked again"))
    }

    fn push(&self, proxy: &str, xds: Xds) -> Option<&Push> {
        self.pushes.get(proxy)?.get(xds.name())
    }

    /// The words of a refusal of what was pushed since. The same words as before are of the old refusal: it
    /// stands until the proxy takes something, and comes again while its reason is there.
    pub(super) fn refuses<'a>(&self, proxy: &'a Synced, xds: Xds) -> Option<&'a str> {
        let now = proxy.types.get(xds.name()).filter(|push| !push.error.is_empty())?;
        match self.push(&proxy.name, xds) {
            Some(old) => (old.error != now.error).then_some(&now.error),
            // Nobody knows since when it refuses.
            None => self.unasked.is_none().then_some(&now.error),
        }
    }

    /// Whether something was pushed since, and acknowledged.
    pub(super) fn settled(&self, proxy: &Synced, xds: Xds) -> bool {
        let now = proxy.types.get(xds.name());
        self.unasked.is_none() && now.is_some_and(|push| push.settled() && self.is_new(proxy, xds, push))
    }

    /// Whether something was pushed since, and is neither acknowledged nor known to be refused.
    pub(super) fn is_stuck(&self, proxy: &Synced, xds: Xds) -> bool {
        let now = proxy.types.get(xds.name());
        now.is_some_and(|push| push.sent != push.acked && self.is_new(proxy, xds, push))
    }

    fn is_new(&self, proxy: &Synced, xds: Xds, push: &Push) -> bool {
        self.push(&proxy.name, xds).is_none_or(|old| old.sent != push.sent)
    }

    /// How long ago that was: what is older in a log is none of the change's doing.
    pub(super) fn age(&self) -> Duration {
        self.asked.map_or(Duration::ZERO, |asked| asked.elapsed())
    }

    /// Refusals that istiod had counted; `None` when that is not known.
    pub(super) fn rejects(&self, xds: Xds) -> Option<f64> {
        self.rejects.get(&xds).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(sent: &str, acked: &str, error: &str) -> Push {
        Push { sent: sent.into(), acked: acked.into(), error: error.into(), sent_at: None }
    }

    #[track_caller]
    fn check(before: Option<Push>, now: Push, refused: Option<&str>, settled: bool) {
        let of = |push: Push| BTreeMap::from([("RDS".to_owned(), push)]);
        let pushes = before.into_iter().map(|push| ("cart.shop".to_owned(), of(push))).collect();
        let before = Before { pushes, ..Before::default() };
        let proxy = Synced { name: "cart.shop".into(), types: of(now), ..Synced::default() };
        assert_eq!((before.refuses(&proxy, Xds::Rds), before.settled(&proxy, Xds::Rds)), (refused, settled));
    }

    #[test]
    fn an_old_refusal_is_none_of_ours() {
        check(Some(push("n1", "n1", "")), push("n2", "n2", ""), None, true);
        check(Some(push("n1", "n1", "")), push("n1", "n1", ""), None, false);
        check(Some(push("n1", "n1", "")), push("n2", "n1", "bad regex"), Some("bad regex"), false);
        // It stands until the next acknowledgement, and the next push may be refused for the old reason, too.
        check(Some(push("n1", "n0", "bad regex")), push("n1", "n0", "bad regex"), None, false);
        check(Some(push("n1", "n0", "bad regex")), push("n2", "n0", "bad regex"), None, false);
        check(Some(push("n1", "n0", "bad regex")), push("n2", "n2", ""), None, true);
        check(Some(push("n1", "n0", "bad regex")), push("n2", "n0", "no cluster"), Some("no cluster"), false);
        check(None, push("n2", "", "no cluster"), Some("no cluster"), false);
    }

    #[test]
    fn where_istiod_could_not_be_asked_nobody_is_blamed_and_nothing_acknowledged() {
        let problem = Problem::new("what", "why", "next");
        let before = Before { unasked: Some(problem), ..Before::default() };
        let of = |push: Push| BTreeMap::from([("RDS".to_owned(), push)]);
        let proxy = |push: Push| Synced { name: "cart.shop".into(), types: of(push), ..Synced::default() };
        assert_eq!(before.refuses(&proxy(push("n2", "", "no cluster")), Xds::Rds), None);
        assert!(!before.settled(&proxy(push("n2", "n2", "")), Xds::Rds));
    }
}
