//! After a push: is it stored, do we see it, has every affected proxy acknowledged it, does its configuration hold it?
//! Nothing is called done because a server answered 200.

use crate::measure;
use crate::push::News;
use crate::session::Session;
use crate::syncz::{Push, Synced};
use crate::{access, envoy, istiod};
use futures::StreamExt as _;
use futures::stream;
use mesh::confirm::{self, Held};
use mesh::evidence::{Evidence, Probe, Xds};
use mesh::scene::KindState;
use mesh::{Change, Edit, Fact, Object, Problem};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// How long our own watch may take to show what was stored.
const SEEN_WITHIN: Duration = Duration::from_secs(10);
/// How long the proxies may take.
const LIVE_WITHIN: Duration = Duration::from_secs(30);
/// Pause between two questions to istiod while a push is followed.
const PAUSE: Duration = Duration::from_millis(30);
/// A proxy that was not pushed to after so long is asked for its configuration: it may have held it already.
const LOOK_AFTER: Duration = Duration::from_millis(400);
/// Pause between two looks at one proxy's configuration.
const LOOK_AGAIN: Duration = Duration::from_millis(150);
/// Proxies that are looked into at once.
const DUMPS_AT_ONCE: usize = 16;
/// When no proxy can be looked into for so long, there is no use in trying on.
const BLIND_AFTER: Duration = Duration::from_secs(3);
/// A push that is sent and not acknowledged for so long may have been refused (older istiods do not say so).
const DOUBT_AFTER: Duration = Duration::from_secs(1);

/// How the proxies stood before the write.
#[derive(Default)]
pub(crate) struct Before {
    /// The last push of each type, by proxy.
    pushes: BTreeMap<String, BTreeMap<String, Push>>,
    /// Refusals that istiod had counted, by type.
    rejects: BTreeMap<Xds, f64>,
}

/// Notes how the affected proxies stand. `Err`: istiod cannot be asked, and why.
pub(crate) async fn before(session: &Session, change: &Change) -> Result<Before, Problem> {
    let types: BTreeSet<Xds> = change.evidence.probes.iter().map(Probe::xds).collect();
    if types.is_empty() {
        return Ok(Before::default());
    }
    let asked = async {
        let (_, proxies) = istiod::ask(session).await?;
        // Istiods that do not tell refusals at least count them.
        let silent = proxies.iter().any(|proxy| !proxy.tells_refusals);
        let mut rejects = BTreeMap::new();
        for xds in types.into_iter().filter(|_| silent) {
            rejects.insert(xds, istiod::rejects(session, xds.name()).await);
        }
        Ok((proxies, rejects))
    };
    let (proxies, rejects) =
        tokio::time::timeout(Duration::from_secs(3), asked).await.unwrap_or_else(|_elapsed| {
            Err(Problem::new(
                "istiod does not answer",
                "No answer within 3 s",
                "Look at the Deployment istiod",
            ))
        })?;
    let pushes = proxies.into_iter().map(|proxy| (proxy.name, proxy.types)).collect();
    Ok(Before { pushes, rejects })
}

/// Follows a stored change as far as it can be known.
pub(crate) async fn follow(
    session: &Session,
    change: &Change,
    applied: &[Object],
    before: Result<Before, Problem>,
    news: &News,
) {
    if let Err(problem) = seen(session, change, applied).await {
        news.send(Fact::Unknowable(problem)).await;
        return;
    }
    news.send(Fact::Seen).await;
    if change.evidence.probes.is_empty() {
        news.send(Fact::Unknowable(unseen())).await;
        return;
    }
    let told = match before {
        Ok(before) => {
            let evidence = &change.evidence;
            let follow = Follow { session, evidence, types: evidence.types(), news, before };
            let verdict = follow.until_live().await;
            envoy::close(session);
            verdict
        }
        Err(problem) => Verdict::Unknowable(cannot_ask(session, problem).await),
    };
    match told {
        Verdict::Live => news.send(Fact::Live).await,
        Verdict::Refused(problem) => {
            news.send(Fact::Refused(problem)).await;
            return;
        }
        Verdict::Unknowable(problem) => news.send(Fact::Unknowable(problem)).await,
    }
    measure::follow(session, change, news).await;
}

fn unseen() -> Problem {
    Problem::new(
        "It is stored, and what the proxies make of it cannot be seen",
        "Nothing in the configuration of a proxy that we know of tells this change from what was there before",
        "Watch what it is meant to do in the graph",
    )
}

fn nobody() -> Problem {
    Problem::new(
        "It is stored, and no proxy has to do with it",
        "Every proxy that could hold it is gone, or is not told of the service",
        "Look which workloads call the service, and whether they have a sidecar",
    )
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

/// Waits until our own watches show every stored object.
async fn seen(session: &Session, change: &Change, applied: &[Object]) -> Result<(), Problem> {
    let hub = &session.hub;
    let watched =
        |step: &&mesh::Step| matches!(hub.kind(step.at.kind), Some(KindState::Live(_) | KindState::Stale(_)));
    let shown = || {
        change.steps.iter().filter(watched).all(|step| {
            let now = hub.object(&step.at);
            match (&step.edit, now) {
                (Edit::Delete { uid, .. }, Some(now)) => now.0["metadata"]["uid"] != uid.as_str(),
                (Edit::Delete { .. }, None) => true,
                (_, None) => false,
                (_, Some(now)) => {
                    let stored = applied.iter().rev().find(|object| object.at().as_ref() == Some(&step.at));
                    stored.is_none_or(|stored| reached(stored, &now))
                }
            }
        })
    };
    let mut revision = hub.revision.subscribe();
    let waited = tokio::time::timeout(SEEN_WITHIN, revision.wait_for(|_| shown())).await;
    match waited {
        Ok(Ok(_)) => Ok(()),
        _ => Err(Problem::new(
            "The change is stored but not seen yet",
            format!("Our own watch did not show it within {} s", SEEN_WITHIN.as_secs()),
            "Look at the state of the connection, then at the object",
        )),
    }
}

/// Whether `now` is what was stored, or newer.
fn reached(stored: &Object, now: &Object) -> bool {
    let number = |object: &Object| object.resource_version().parse::<u64>().ok();
    match (number(stored), number(now)) {
        (Some(stored), Some(now)) => now >= stored,
        _ => now.resource_version() == stored.resource_version() || now.generation() > stored.generation(),
    }
}

enum Verdict {
    Live,
    Refused(Problem),
    Unknowable(Problem),
}

struct Follow<'a> {
    session: &'a Session,
    evidence: &'a Evidence,
    /// The types of configuration that each affected proxy shows it in.
    types: BTreeMap<&'a str, BTreeSet<Xds>>,
    news: &'a News,
    before: Before,
}

/// How far the affected proxies have come.
#[derive(Default)]
struct Progress {
    acked: BTreeSet<String>,
    live: BTreeSet<String>,
    /// Their pod is gone.
    gone: BTreeSet<String>,
    /// They have nothing of what it is about.
    elsewhere: BTreeSet<String>,
    looked: BTreeMap<String, Instant>,
    told: Option<(usize, usize, Vec<String>)>,
    /// Since when no proxy lets us look into its configuration.
    blind_since: Option<Instant>,
    /// Why istiod could not be asked, the last time.
    unasked: Option<Problem>,
    /// Why proxies could not be looked into.
    unlooked: Option<Problem>,
}

impl Progress {
    /// Whether a proxy need not show the change.
    fn excused(&self, proxy: &str) -> bool {
        self.gone.contains(proxy) || self.elsewhere.contains(proxy)
    }
}

impl Follow<'_> {
    async fn until_live(self) -> Verdict {
        let begun = Instant::now();
        let mut progress = Progress::default();
        let mut doubted = begun;
        loop {
            match istiod::ask(self.session).await {
                Ok((_, proxies)) => {
                    progress.unasked = None;
                    if let Some(problem) = self.take(&proxies, &mut progress) {
                        return Verdict::Refused(problem);
                    }
                    let stuck = proxies.iter().find_map(|proxy| Some((proxy, self.stuck(proxy)?)));
                    if let Some((proxy, xds)) = stuck.filter(|_| doubted.elapsed() >= DOUBT_AFTER) {
                        doubted = Instant::now();
                        if let Some(problem) = self.silent_refusal(proxy, xds).await {
                            return Verdict::Refused(problem);
                        }
                    }
                }
                Err(problem) => progress.unasked = Some(problem),
            }
            self.look(begun, &mut progress).await;
            self.tell(&mut progress).await;
            let all = |done: &BTreeSet<String>| {
                self.types.keys().all(|name| done.contains(*name) || progress.excused(name))
            };
            if all(&progress.live) {
                return if progress.live.is_empty() { Verdict::Unknowable(nobody()) } else { Verdict::Live };
            }
            let all_acked = all(&progress.acked);
            let blind = progress.blind_since.is_some_and(|since| since.elapsed() > BLIND_AFTER);
            if begun.elapsed() > LIVE_WITHIN || (all_acked && blind) {
                return Verdict::Unknowable(self.late(&progress));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Takes in what istiod says; a refusal ends it.
    fn take(&self, proxies: &[Synced], progress: &mut Progress) -> Option<Problem> {
        let now: BTreeMap<&str, &Synced> = proxies.iter().map(|proxy| (proxy.name.as_str(), proxy)).collect();
        for (name, types) in &self.types {
            let Some(proxy) = now.get(name) else {
                if !self.pod_exists(name) {
                    progress.gone.insert((*name).to_owned());
                }
                continue;
            };
            progress.gone.remove(*name);
            for xds in types {
                let Some(push) = proxy.types.get(xds.name()) else { continue };
                let old = self.pushed_before(name, *xds);
                if !push.error.is_empty()
                    && old.is_none_or(|old| (&old.sent, &old.error) != (&push.sent, &push.error))
                {
                    return Some(nacked(name, xds.name(), &push.error));
                }
            }
            let settled = |xds: &Xds| {
                let old = self.pushed_before(name, *xds);
                let push = proxy.types.get(xds.name());
                push.is_some_and(|push| push.settled() && old.is_none_or(|old| old.sent != push.sent))
            };
            if types.iter().all(settled) {
                progress.acked.insert((*name).to_owned());
            }
        }
        None
    }

    fn pushed_before(&self, proxy: &str, xds: Xds) -> Option<&Push> {
        self.before.pushes.get(proxy)?.get(xds.name())
    }

    fn pod_exists(&self, proxy: &str) -> bool {
        let Some((pod, namespace)) = proxy.rsplit_once('.') else { return true };
        self.session.hub.object(&mesh::Ref::new(&mesh::kinds::POD, namespace, pod)).is_some()
    }

    /// The type that was pushed to a proxy since the write, and is not acknowledged.
    fn stuck(&self, proxy: &Synced) -> Option<Xds> {
        let waits = |xds: &Xds| {
            let old = self.pushed_before(&proxy.name, *xds);
            let push = proxy.types.get(xds.name());
            push.is_some_and(|push| push.sent != push.acked && old.is_none_or(|old| old.sent != push.sent))
        };
        self.types.get(proxy.name.as_str())?.iter().copied().find(waits)
    }

    /// Older istiods do not tell a refusal: their metrics count it and their log has the words.
    async fn silent_refusal(&self, proxy: &Synced, xds: Xds) -> Option<Problem> {
        let before = self.before.rejects.get(&xds).copied().unwrap_or_default();
        if istiod::rejects(self.session, xds.name()).await <= before {
            return None;
        }
        let words = istiod::refusal(self.session, &proxy.name, xds.name()).await;
        let words = words
            .unwrap_or_else(|| "istiod counts a refusal, and its log could not be read for the words".into());
        Some(nacked(&proxy.name, xds.name(), &words))
    }

    /// Looks into the configuration of proxies that acknowledged, or that were not pushed to at all.
    async fn look(&self, begun: Instant, progress: &mut Progress) {
        let unpushed = begun.elapsed() >= LOOK_AFTER;
        let due = self
            .types
            .iter()
            .filter(|(name, _)| !progress.live.contains(**name) && !progress.excused(name))
            .filter(|(name, _)| unpushed || progress.acked.contains(**name))
            .filter(|(name, _)| {
                progress.looked.get(**name).is_none_or(|looked| looked.elapsed() >= LOOK_AGAIN)
            });
        let due: Vec<(String, BTreeSet<Xds>)> =
            due.map(|(name, types)| ((*name).to_owned(), types.clone())).collect();
        let look = |(name, types): (String, BTreeSet<Xds>)| async move {
            let dump = envoy::dump(self.session, &name, types).await;
            (name, dump)
        };
        let dumps: Vec<_> = stream::iter(due).map(look).buffer_unordered(DUMPS_AT_ONCE).collect().await;
        if dumps.iter().any(|(_, dump)| dump.is_ok()) {
            progress.blind_since = None;
            progress.unlooked = None;
        } else if !dumps.is_empty() {
            progress.blind_since.get_or_insert_with(Instant::now);
        }
        for (name, dump) in dumps {
            progress.looked.insert(name.clone(), Instant::now());
            match dump {
                Ok(dump) => {
                    let held: Vec<Held> =
                        self.evidence.for_proxy(&name).map(|probe| confirm::holds(probe, &dump)).collect();
                    if held.contains(&Held::No) {
                        continue;
                    }
                    if held.contains(&Held::Yes) {
                        progress.live.insert(name.clone());
                    } else {
                        progress.elsewhere.insert(name.clone());
                    }
                    progress.acked.insert(name);
                }
                Err(problem) => progress.unlooked = Some(problem),
            }
        }
    }

    async fn tell(&self, progress: &mut Progress) {
        let affected = self.types.keys().filter(|name| !progress.excused(name));
        let (acked, waiting): (Vec<&str>, Vec<&str>) =
            affected.partition(|name| progress.acked.contains(**name));
        let waiting: Vec<String> = waiting.into_iter().map(str::to_owned).collect();
        let now = (acked.len(), acked.len() + waiting.len(), waiting);
        if progress.told.as_ref() != Some(&now) {
            let (acked, of, waiting) = now.clone();
            self.news.send(Fact::Acked { acked, of, waiting }).await;
            progress.told = Some(now);
        }
    }

    fn late(&self, progress: &Progress) -> Problem {
        let missing = |done: &BTreeSet<String>| -> Vec<&str> {
            let open = self.types.keys().filter(|name| !done.contains(**name) && !progress.excused(name));
            open.copied().collect()
        };
        let secs = LIVE_WITHIN.as_secs();
        let (waiting, unseen) = (missing(&progress.acked), missing(&progress.live));
        if let Some(problem) = progress.unasked.as_ref().or(progress.unlooked.as_ref()) {
            let why = format!("{}: {}", problem.what, problem.why);
            return Problem::new("It is not known whether all proxies took it", why, problem.next.clone());
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
#[path = "confirm_tests.rs"]
mod tests;
