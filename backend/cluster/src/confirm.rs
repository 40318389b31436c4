//! After a push: is it stored, do we see it, has every affected proxy acknowledged it, does its configuration
//! hold it? Nothing is called done because a server answered 200. What cannot be known is said, and looked
//! for all the same: it goes on when istiod, a proxy, or the connection is back.

mod before;
pub(crate) mod pods;
mod progress;
mod rollout;
mod seen;
mod unclaimed;

pub(crate) use before::{Before, before};
pub(crate) use seen::watched;

use crate::envoy::{self, Looked};
use crate::measure;
use crate::push::News;
use crate::session::Session;
use crate::syncz::{self, Synced};
use crate::{access, istiod};
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use mesh::evidence::{Evidence, Xds};
use mesh::journal::FOLLOWED;
use mesh::ledger::Instead;
use mesh::{Change, Fact, Object, Problem};
use progress::Progress;
use seen::Unseen;
use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::time::{Duration, Instant};

/// After so long without anything new it is said what is not known.
const DOUBT_WITHIN: Duration = Duration::from_secs(30);
/// Pause between two questions to istiod while a push is followed: at first, and when it takes long.
const PAUSES: [Duration; 2] = [Duration::from_millis(30), Duration::from_secs(5)];
/// Proxies that are looked into at once.
const LOOKS_AT_ONCE: usize = 16;
/// When no proxy can be looked into for so long, that is said.
const BLIND_AFTER: Duration = Duration::from_secs(3);
/// A push that is sent and not acknowledged for so long may have been refused (older istiods do not say so).
const DOUBT_AFTER: Duration = Duration::from_secs(1);

/// Follows a stored change as far as it can be known.
pub(crate) async fn follow(
    session: &Session,
    change: &Change,
    applied: &[Object],
    before: &Before,
    news: &News,
) {
    let seen = seen::seen(session, change, applied).await;
    // What an earlier connection has stored may have been replaced while nobody looked.
    let is_seen = seen.is_ok() || applied.is_empty() && matches!(seen, Err(Unseen::Late(_)));
    // The proxies may tell more than our own watch.
    news.send(seen.map_or_else(|unseen| Fact::Unknowable(unseen.into_problem()), |()| Fact::Seen)).await;
    let evidence = &change.evidence;
    if change.is_of_workloads() {
        let rolled = tokio::select! {
            rolled = rollout::follow(session, change, news) => rolled,
            instead = measure::replaced(session, change), if is_seen => Some(Fact::Replaced(instead)),
        };
        // Where Istio's objects are changed too, the proxies have the last word.
        let last = evidence.probes.is_empty() || matches!(rolled, Some(Fact::Replaced(_)));
        if let Some(fact) = rolled.filter(|_| last) {
            news.send(fact).await;
        }
        if last {
            return;
        }
    }
    if evidence.probes.is_empty() {
        let fact = unclaimed::follow(session, before, news).await;
        news.send(fact).await;
        return;
    }
    let doubt = match &before.unasked {
        Some(problem) => Some(cannot_ask(session, problem.clone()).await),
        None => None,
    };
    if let Some(problem) = &doubt {
        news.send(Fact::Unknowable(problem.clone())).await;
    }
    let follow = Follow { session, evidence, types: evidence.types(), news, before };
    let verdict = tokio::select! {
        verdict = follow.until_live(Progress::new(doubt)) => verdict,
        instead = measure::replaced(session, change), if is_seen => Verdict::Replaced(instead),
    };
    envoy::close(session);
    match verdict {
        Verdict::Live => {
            news.send(Fact::Live).await;
            measure::follow(session, change, news).await;
        }
        Verdict::Refused(problem) => news.send(Fact::Refused(problem)).await,
        Verdict::Replaced(instead) => news.send(Fact::Replaced(instead)).await,
        Verdict::Nobody => news.send(Fact::Unknowable(nobody())).await,
        Verdict::Left(problem) => news.send(Fact::Unknowable(problem)).await,
    }
}

fn nobody() -> Problem {
    Problem::new(
        "It is stored, and no proxy has to do with it",
        "Every proxy that could hold it is gone, or is not told of the service",
        "Look which workloads call the service, and whether they have a sidecar",
    )
}

/// Nobody waits for it any more.
fn left(problem: Problem) -> Problem {
    let hours = FOLLOWED.as_hours();
    Problem { next: format!("{}; after {hours} h it is not looked for any more", problem.next), ..problem }
}

/// The exact right that is missing says more than a failed port-forward.
async fn cannot_ask(session: &Session, problem: Problem) -> Problem {
    let mut told = problem;
    if let Ok(Some(at)) = crate::find::istiods(&session.hub).map(|all| all.into_iter().next())
        && let Err(missing) = access::may_forward(&session.api.client, &at.namespace).await
    {
        told = missing;
    }
    Problem::new(
        "The proxies cannot be asked whether they took it",
        format!("{}: {}", told.what, told.why),
        told.next,
    )
}

enum Verdict {
    Live,
    Refused(Problem),
    /// What it wrote does not stand there any more.
    Replaced(Instead),
    /// No proxy has to do with it.
    Nobody,
    /// It took too long: what is not known.
    Left(Problem),
}

struct Follow<'a> {
    session: &'a Session,
    evidence: &'a Evidence,
    /// The types of configuration that each affected proxy shows it in.
    types: BTreeMap<&'a str, BTreeSet<Xds>>,
    news: &'a News,
    before: &'a Before,
}

impl Follow<'_> {
    async fn until_live(&self, mut progress: Progress) -> Verdict {
        let mut doubted = progress.begun;
        let mut looks = FuturesUnordered::new();
        loop {
            if progress.begun.elapsed() >= FOLLOWED.unsigned_abs() {
                return Verdict::Left(left(self.late(&progress)));
            }
            let mut connected = BTreeMap::new();
            match istiod::ask(self.session).await {
                Ok(told) => {
                    progress.partly = told.partly();
                    if progress.unasked.take().is_some() {
                        progress.looked.clear();
                        progress.moved();
                    }
                    connected = pods::here(self.session, told.proxies);
                }
                Err(problem) => progress.unasked = Some(problem),
            }
            if let Some(problem) = self.take(&connected, &mut progress) {
                return Verdict::Refused(problem);
            }
            let stuck: Vec<(&str, Xds)> = connected.values().filter_map(|proxy| self.stuck(proxy)).collect();
            if !stuck.is_empty() && doubted.elapsed() >= DOUBT_AFTER {
                doubted = Instant::now();
                if let Some(problem) = self.silent_refusal(&stuck).await {
                    return Verdict::Refused(problem);
                }
            }
            let room = LOOKS_AT_ONCE.saturating_sub(looks.len());
            let due = self.types.iter().filter(|(name, _)| progress.is_due(name)).take(room);
            let due: Vec<(String, &BTreeSet<Xds>)> =
                due.map(|(name, types)| ((*name).to_owned(), types)).collect();
            for (name, types) in due {
                progress.looking.insert(name.clone());
                looks.push(self.look(name, types));
            }
            // A proxy that does not answer holds up nobody else.
            let mut pause = pin!(tokio::time::sleep(progress.pace(PAUSES)));
            loop {
                let all = |done: &BTreeSet<String>| {
                    self.types.keys().all(|name| done.contains(*name) || progress.excused(name))
                };
                let (live, acked) = (all(&progress.live), all(&progress.acked));
                self.tell(&mut progress, acked && !live).await;
                if live {
                    return if progress.live.is_empty() { Verdict::Nobody } else { Verdict::Live };
                }
                tokio::select! {
                    Some((name, held)) = looks.next() => progress.has(name, held),
                    () = &mut pause => break,
                }
            }
        }
    }

    async fn look(&self, proxy: String, types: &BTreeSet<Xds>) -> (String, Result<Looked, Problem>) {
        let held = envoy::held(self.session, &proxy, types.iter().copied(), self.evidence).await;
        (proxy, held)
    }

    /// Takes in what istiod says, and what has become of the pods; a refusal ends it.
    fn take(&self, connected: &BTreeMap<String, Synced>, progress: &mut Progress) -> Option<Problem> {
        for (name, types) in &self.types {
            let proxy = connected.get(*name);
            if pods::is_excused(self.session, name, proxy.is_some()) {
                progress.gone.insert((*name).to_owned());
                continue;
            }
            progress.gone.remove(*name);
            let Some(proxy) = proxy else { continue };
            progress.refuses.remove(*name);
            for xds in types {
                if let Some(words) = self.before.refuses(proxy, *xds) {
                    return Some(nacked(name, xds.name(), words));
                }
                if let Some(push) = proxy.types.get(xds.name()).filter(|push| !push.error.is_empty()) {
                    progress.refuses.insert((*name).to_owned(), push.error.clone());
                }
            }
            if types.iter().all(|xds| self.before.settled(proxy, *xds)) {
                progress.acknowledged(name);
            }
        }
        None
    }

    /// A proxy that was pushed to since the write and has not acknowledged it, and the type.
    fn stuck<'p>(&self, proxy: &'p Synced) -> Option<(&'p str, Xds)> {
        let types = self.types.get(proxy.name.as_str())?;
        let xds = types.iter().copied().find(|xds| self.before.is_stuck(proxy, *xds))?;
        Some((&proxy.name, xds))
    }

    /// Older istiods do not tell a refusal: their metrics count it and their log has the words.
    async fn silent_refusal(&self, stuck: &[(&str, Xds)]) -> Option<Problem> {
        let mut counted = None;
        for xds in stuck.iter().map(|(_, xds)| *xds).collect::<BTreeSet<_>>() {
            let before = self.before.rejects(xds)?;
            if istiod::rejects(self.session, xds.name()).await > before {
                counted = stuck.iter().find(|(_, stuck)| *stuck == xds);
            }
        }
        let (proxy, xds) = counted?;
        let logs = istiod::logs(self.session, self.before.age()).await;
        if logs.is_empty() {
            let words = "istiod counts a refusal, and its log could not be read for the words";
            return Some(nacked(proxy, xds.name(), words));
        }
        // Another proxy may have refused something.
        stuck.iter().find_map(|(proxy, xds)| {
            let words = logs.iter().find_map(|log| syncz::refusal_in_log(log, proxy, xds.name()))?;
            Some(nacked(proxy, xds.name(), &words))
        })
    }

    /// Tells how far it has come; what was said that is not known is lifted by it. `unseen`: all have
    /// acknowledged it.
    async fn tell(&self, progress: &mut Progress, unseen: bool) {
        let affected = self.types.keys().filter(|name| !progress.excused(name));
        let (acked, waiting): (Vec<&str>, Vec<&str>) =
            affected.partition(|name| progress.acked.contains(**name));
        let waiting: Vec<String> = waiting.into_iter().map(str::to_owned).collect();
        let now = (acked.len(), acked.len() + waiting.len(), waiting);
        let blind = progress.blind_since.is_some_and(|since| since.elapsed() > BLIND_AFTER);
        let doubt = match progress.quiet_since {
            None => progress.doubted.clone(),
            Some(since) => (since.elapsed() > DOUBT_WITHIN || (unseen && blind)).then(|| self.late(progress)),
        };
        let lifted = progress.doubted.is_some() && doubt.is_none();
        let known = progress.quiet_since.is_some();
        if known && (progress.told.as_ref() != Some(&now) || lifted) {
            let (acked, of, waiting) = now.clone();
            self.news.send(Fact::Acked { acked, of, waiting }).await;
            (progress.told, progress.doubted) = (Some(now), None);
        }
        if let Some(problem) = doubt.clone().filter(|doubt| progress.doubted.as_ref() != Some(doubt)) {
            self.news.send(Fact::Unknowable(problem)).await;
        }
        progress.doubted = doubt;
    }

    fn late(&self, progress: &Progress) -> Problem {
        let missing = |done: &BTreeSet<String>| -> Vec<&str> {
            let open = self.types.keys().filter(|name| !done.contains(**name) && !progress.excused(name));
            open.copied().collect()
        };
        let secs = DOUBT_WITHIN.as_secs();
        let (waiting, unseen) = (missing(&progress.acked), missing(&progress.live));
        if let Some(problem) = progress.unasked.as_ref().or(progress.unlooked.as_ref()) {
            let why = format!("{}: {}", problem.what, problem.why);
            return Problem::new("It is not known whether all proxies took it", why, problem.next.clone());
        }
        if let Some(problem) = progress.partly.as_ref().filter(|_| !waiting.is_empty()) {
            let why = format!("{}. No answer from {}", problem.what, waiting.join(", "));
            return Problem::new("It is not known whether all proxies took it", why, problem.next.clone());
        }
        if let Some((name, words)) = waiting.iter().find_map(|name| progress.refuses.get_key_value(*name)) {
            let what = format!("{name} has refused its configuration since before this change");
            let next = "Find what it refuses: until then it may not take this change either";
            return Problem::new(what, format!("Envoy says: {words}"), next);
        }
        if let Some((name, words)) = unseen.iter().find_map(|name| progress.complaints.get_key_value(*name)) {
            let why = format!("Its configuration does not show it after {secs} s, and Envoy says: {words}");
            return Problem::new(
                format!("{name} has not taken it"),
                why,
                "Correct what it names, or undo it",
            );
        }
        if waiting.is_empty() {
            let why = format!("After {secs} s the configuration of {} does not show it", unseen.join(", "));
            let next = "Another resource may overrule it: look at the routes of the proxy";
            return Problem::new("All proxies acknowledged, but it does not show", why, next);
        }
        let why = format!("After {secs} s there is no answer from {}", waiting.join(", "));
        Problem::new("Not all proxies acknowledged it", why, "Look at these proxies and at istiod's log")
    }
}

fn nacked(proxy: &str, xds: &str, words: &str) -> Problem {
    Problem::new(
        format!("{proxy} refuses the new configuration"),
        format!("Envoy says to {xds}: {words}"),
        "The cluster has stored the change, but this proxy goes on with its old configuration: undo it",
    )
}

#[cfg(test)]
mod tests;
