//! What the change bar and the ledger say about a change: pure words and numbers.

use crate::cx::Cx;
use crate::intent::Intent;
use crate::kit::Status;
use crate::kit::fmt;
use crate::kit::problem::Level;
use crate::pods;
use mesh::evidence::{Figure, Judgement, Measured, Progress, Wanted};
use mesh::journal::FOLLOWED;
use mesh::ledger::{Entry, Instead, Judged, Part};
use mesh::{Change, Edit, Ledger, Moment, Problem, Restore, Stage};

/// What stands at a draft that was written while the window looks at what was before.
pub(crate) const UNSEEN: &str = "pushed, live data is paused";
/// Why nothing can be pushed in a window that was started so.
pub(crate) const READ_ONLY: &str =
    "This window is read-only: changes can be tried by dry run, but not pushed";

/// "1 object · VirtualService bookinfo/reviews", "2 objects · …".
pub fn objects(change: &Change) -> String {
    let names: Vec<String> = change
        .steps
        .iter()
        .map(|step| match step.edit {
            Edit::Patch(_) => step.at.to_string(),
            Edit::Create(_) => format!("new {}", step.at),
            Edit::Delete { .. } => format!("delete {}", step.at),
        })
        .collect();
    format!("{} · {}", fmt::counted(names.len(), "object", "objects"), names.join(", "))
}

/// How far a change has come, in one word, with its health.
pub fn stage(stage: &Stage) -> (Status, &'static str) {
    match stage {
        Stage::Checking => (Status::Idle, "Dry run…"),
        Stage::Checked(_) => (Status::Healthy, "Ready to push"),
        Stage::Sent => (Status::Idle, "Sent"),
        Stage::Unsure(_) => (Status::Degraded, "Not known yet"),
        Stage::CutOff { .. } => (Status::Degraded, "Cut off"),
        Stage::Accepted => (Status::Idle, "Accepted"),
        Stage::Seen => (Status::Idle, "Seen"),
        Stage::Rolling { .. } => (Status::Idle, "Rolling out"),
        Stage::Synced { .. } => (Status::Idle, "Syncing"),
        Stage::Live => (Status::Healthy, "Live"),
        Stage::Measured(measured) if measured.unmeasured.is_empty() => (Status::Healthy, "Measured"),
        Stage::Measured(_) => (Status::Healthy, "Partly measured"),
        Stage::Replaced(_, Instead::Other) => (Status::Idle, "Replaced"),
        Stage::Replaced(_, Instead::Nothing) => (Status::Idle, "Deleted since"),
        Stage::Unknowable(before, _) => match **before {
            Stage::Live => (Status::Healthy, "Live"),
            Stage::Rolling { .. } => (Status::Degraded, "Not all ready"),
            Stage::Synced { acked, of } if acked < of => (Status::Degraded, "Not all synced"),
            Stage::Synced { .. } => (Status::Degraded, "Synced"),
            _ => (Status::Degraded, "Accepted"),
        },
        Stage::Failed(_) => (Status::Failing, "Failed"),
    }
}

/// How far an entry has come: as [`stage`], and whether it was taken back since.
pub fn standing(entry: &Entry, ledger: &Ledger) -> (Status, &'static str) {
    if let Some(undo) = undo_of(entry, ledger) {
        return match &undo.stage {
            Stage::Live | Stage::Measured(_) | Stage::Replaced(..) => (Status::Idle, "Undone"),
            Stage::Unknowable(before, _) if **before == Stage::Live => (Status::Idle, "Undone"),
            Stage::Unknowable(..) | Stage::Unsure(_) | Stage::CutOff { .. } => {
                (Status::Degraded, "Undo not confirmed")
            }
            _ => (Status::Idle, "Being undone"),
        };
    }
    let disagrees = |progress: &Progress| progress.judgement == Judgement::Disagrees;
    match stage(&entry.stage) {
        (Status::Healthy, word) if entry.counted.values().any(disagrees) => (Status::Degraded, word),
        said => said,
    }
}

/// What stands where Push stood: nothing is called pushed that the server has not answered.
pub fn pushed(stage: &Stage) -> &'static str {
    match stage {
        Stage::Sent => "sending…",
        Stage::Unsure(_) => "no answer",
        Stage::Failed(_) | Stage::CutOff { .. } => "",
        _ => "pushed",
    }
}

/// What the stage of a change means, for the hover.
pub fn meaning(entry: &Entry) -> &'static str {
    match &entry.stage {
        Stage::Live if pods::are_told(entry) => {
            "There are as many pods as are wanted, all as they are to be and ready"
        }
        Stage::Rolling { .. } => "The cluster says how many pods are as they are to be, and ready",
        Stage::Checking => {
            "The API server, its schemas and istiod's webhook judge the change; nothing is written"
        }
        Stage::Checked(_) => "The server would take the change. Nothing is written before you push",
        Stage::Sent => "The change is being written",
        Stage::Unsure(_) => "An answer was lost: whether the change was written is being found out",
        Stage::CutOff { .. } => {
            "The program ended while it wrote the change: some of its objects may be missing"
        }
        Stage::Accepted => "The API server has stored the change",
        Stage::Seen => "Our watch shows the change; istiod's watch has had the same news",
        Stage::Synced { .. } => "istiod says which proxies have acknowledged the new configuration",
        Stage::Live => "The configuration of every affected proxy holds the change",
        Stage::Measured(_) => "Real calls made since then show the change, with 99 % confidence",
        Stage::Replaced(_, Instead::Other) => "Something else was written in its place since",
        Stage::Replaced(_, Instead::Nothing) => "Its object was deleted since",
        Stage::Unknowable(..) => "It cannot be seen any further from here",
        Stage::Failed(_) => "Nothing is left half done, unless the text says so",
    }
}

/// How many have the change, of how many that it is about, and who: proxies that have acknowledged it, or pods.
/// `None` before it is written.
pub fn taken(entry: &Entry) -> Option<(usize, usize, &'static str)> {
    if pods::are_told(entry) {
        return pods::ready(entry);
    }
    let of = entry.change.evidence.proxies().len();
    count(&entry.stage, of).filter(|(_, of)| *of > 0).map(|(acked, of)| (acked, of, "proxies"))
}

fn count(stage: &Stage, of: usize) -> Option<(usize, usize)> {
    match stage {
        Stage::Checking | Stage::Checked(_) | Stage::Failed(_) | Stage::CutOff { .. } => None,
        Stage::Sent | Stage::Unsure(_) | Stage::Accepted | Stage::Seen | Stage::Rolling { .. } => {
            Some((0, of))
        }
        Stage::Synced { acked, of } => Some((*acked, *of)),
        Stage::Live | Stage::Measured(_) => Some((of, of)),
        Stage::Replaced(..) => None,
        Stage::Unknowable(before, _) => match **before {
            Stage::Synced { .. } | Stage::Live => count(before, of),
            _ => None,
        },
    }
}

/// What calls showed: "v3 79 % (wanted 80 %), v1 21 % (wanted 20 %) of 300 calls since then", or show so far;
/// "" before there is anything.
pub fn measured(entry: &Entry) -> String {
    if let Stage::Measured(measured) = &entry.stage {
        let all = std::iter::once(measured).chain(&measured.more).map(counted);
        let untold = measured.unmeasured.iter().filter_map(|one| {
            let title = &entry.parts.get(one.part)?.title;
            Some(format!("not measured: {title} ({})", one.why.why))
        });
        return all.chain(untold).collect::<Vec<_>>().join("; ");
    }
    let so_far = entry.counted.values().map(|progress| match progress.judgement {
        Judgement::More(more) => {
            let more = fmt::counted(usize::try_from(more).unwrap_or(usize::MAX), "call", "calls");
            format!("{}, about {more} more to tell", counted(&progress.measured))
        }
        Judgement::Disagrees => format!("{}: not what is wanted", counted(&progress.measured)),
        Judgement::Agrees => counted(&progress.measured),
    });
    so_far.collect::<Vec<_>>().join("; ")
}

/// So many figures are told of one measurement.
const MANY: usize = 6;

fn counted(measured: &Measured) -> String {
    let calls = measured.calls;
    if calls == 0 && measured.lost == 0 {
        return "no calls since then yet".to_owned();
    }
    let part = |part: &Figure| {
        let name = &part.name;
        let got = fmt::percent(part.count as f64 / calls.max(1) as f64 * 100.0);
        let wanted = |share: f64| fmt::percent(share * 100.0);
        match part.wanted {
            Wanted::None if part.count == 0 => format!("none {name}"),
            Wanted::None => format!("{} {name} (wanted none)", part.count),
            Wanted::Share(share) if wanted(share) == got => format!("{name} {got}"),
            Wanted::Share(share) => format!("{name} {got} (wanted {})", wanted(share)),
            Wanted::Any => format!("{name} {got}"),
        }
    };
    // Of many, those that got calls or should have.
    let idle =
        |figure: &&Figure| figure.count == 0 && matches!(figure.wanted, Wanted::Share(share) if share == 0.0);
    let many = measured.parts.len() > MANY;
    let told: Vec<&Figure> = measured.parts.iter().filter(|part| !many || !idle(part)).take(MANY).collect();
    let others = measured.parts.len() - told.len();
    let mut parts: Vec<String> = told.into_iter().map(part).collect();
    if others > 0 {
        parts.push(format!("+ {}", fmt::counted(others, "other", "others")));
    }
    let lost = match measured.lost {
        0 => String::new(),
        lost => format!(", {lost} met no pod"),
    };
    format!("{}{lost} of {} since then", parts.join(", "), fmt::counted(calls as usize, "call", "calls"))
}

/// How long it took to be acknowledged by all proxies, or has taken until now, in milliseconds.
pub fn took(entry: &Entry, now: jiff::Timestamp) -> Option<f64> {
    let sent = entry.sent?;
    let end = entry.acked.or(entry.live);
    let under_way = matches!(
        entry.stage,
        Stage::Sent | Stage::Accepted | Stage::Seen | Stage::Rolling { .. } | Stage::Synced { .. }
    );
    let end = end.or_else(|| under_way.then_some(now))?;
    Some(end.duration_since(sent).as_secs_f64().max(0.0) * 1000.0)
}

/// Time from Push to live, in milliseconds.
pub fn to_live(entry: &Entry) -> Option<f64> {
    Some(entry.live?.duration_since(entry.sent?).as_secs_f64() * 1000.0)
}

/// The problem of a change, if it has one: why it failed, or why no more can be known.
pub fn problem(stage: &Stage) -> Option<&Problem> {
    match stage {
        Stage::Failed(problem) | Stage::Unknowable(_, problem) | Stage::Unsure(problem) => Some(problem),
        _ => None,
    }
}

/// An undo was refused because its place was written again since: then *Restore* is the way back, over all
/// that came later. Where others stand in its way too, why.
pub fn way_back(entry: &Entry, cx: &Cx<'_>) -> Option<Result<Intent, Problem>> {
    let refused = matches!(entry.stage, Stage::Failed(_)) && entry.conflict.is_some();
    let of = cx.changes.get(entry.undoes.filter(|_| refused)?)?;
    let wanted = before(of);
    Some(match cx.changes.no_way_back(&wanted, &cx.scene.mesh) {
        None => Ok(Intent::Restore(wanted)),
        Some(problem) => Err(problem),
    })
}

/// What *Restore* does.
pub(crate) const RESTORE: &str =
    "Takes back what we wrote since, as one change that is judged and shown before anything is written";

/// What *Restore* does with what somebody else wrote.
pub(crate) const TAKE_BACK: &str =
    "Takes it back, as one change that is judged and shown before anything is written";

/// Back to before this entry, of its objects.
fn before(entry: &Entry) -> Restore {
    let only = entry.change.steps.iter().map(|step| step.at.clone()).collect();
    Restore { to: Moment::Before(entry.id), only }
}

/// How bad the problem of a change is. That calls cannot show what is live in every proxy is only worth
/// knowing.
pub fn level(stage: &Stage) -> Level {
    match stage {
        Stage::Failed(_) => Level::Error,
        Stage::Unknowable(before, _) if **before == Stage::Live => Level::Note,
        _ => Level::Warning,
    }
}

/// The way on from a problem of this entry.
pub fn next(entry: &Entry, trouble: &Problem, cx: &Cx<'_>) -> String {
    match way_back(entry, cx) {
        Some(Ok(_)) => {
            "Restore what was there before it: that takes back what we wrote later, too".to_owned()
        }
        Some(Err(Problem { why, next, .. })) => format!("Nor can it be restored. {why}. {next}"),
        None => trouble.next.clone(),
    }
}

/// Whether a change still waits for the user, the server or the proxies.
pub fn is_open(stage: &Stage) -> bool {
    !matches!(
        stage,
        Stage::Live | Stage::Measured(_) | Stage::Replaced(..) | Stage::Unknowable(..) | Stage::Failed(_)
    )
}

/// Whether a change of an earlier run is still on its way to the proxies, and somebody looks.
pub fn is_followed(entry: &Entry, now: jiff::Timestamp) -> bool {
    let recent = entry.sent.is_some_and(|sent| sent.duration_until(now) < FOLLOWED);
    entry.run.is_some()
        && recent
        && matches!(entry.stage, Stage::Accepted | Stage::Seen | Stage::Rolling { .. } | Stage::Synced { .. })
}

/// Whether a change can be pushed now.
pub fn can_push(entry: &Entry) -> bool {
    matches!(entry.stage, Stage::Checked(_)) && entry.sent.is_none()
}

/// Whether a change that failed can be tried again as it is: nothing of it was written, and nobody else was
/// first.
pub fn can_try_again(entry: &Entry) -> bool {
    matches!(entry.stage, Stage::Failed(_))
        && entry.conflict.is_none()
        && entry.undoes.is_none()
        && entry.run.is_none()
        && !entry.clash
        && !entry.is_stored()
}

/// Whether a change can be undone: it was written (proxies may have refused it), was not undone already, and
/// something of it can be taken back.
pub fn can_undo(entry: &Entry, ledger: &Ledger) -> bool {
    entry.is_stored() && !is_undone(entry, ledger) && entry.change.lasts().is_none()
}

/// Whether it was taken back, or is being.
pub fn is_undone(entry: &Entry, ledger: &Ledger) -> bool {
    undo_of(entry, ledger).is_some()
}

/// The change that takes it back, unless that failed.
fn undo_of<'a>(entry: &Entry, ledger: &'a Ledger) -> Option<&'a Entry> {
    let undoes = |other: &&Entry| other.undoes == Some(entry.id) && !matches!(other.stage, Stage::Failed(_));
    ledger.entries().iter().rev().find(undoes)
}

/// Whether an earlier run was cut off while it wrote this, and nobody has finished or undone it since.
pub fn is_cut_off(entry: &Entry, ledger: &Ledger) -> bool {
    entry.run.is_some()
        && matches!(entry.stage, Stage::CutOff { .. } | Stage::Unsure(_))
        && !is_undone(entry, ledger)
}

/// What an entry does in one sentence; of several changes, how many they are.
pub fn sentence(entry: &Entry) -> String {
    match (&entry.stage, entry.parts.len()) {
        (Stage::CutOff { written, of }, _) => {
            format!(
                "A push of {} was cut off: {written} of {of} written",
                fmt::counted(*of, "object", "objects")
            )
        }
        (_, 0 | 1) => entry.change.title.clone(),
        (_, several) => format!("{several} changes: {}", entry.change.title),
    }
}

/// How a change stands, to be read out: "Live 6 / 6 proxies: reviews: v3 34 → 50 %".
pub fn spoken(entry: &Entry, ledger: &Ledger) -> String {
    let (_, word) = standing(entry, ledger);
    let taken = taken(entry).map(|(acked, of, who)| format!(" {acked} / {of} {who}")).unwrap_or_default();
    let trouble = problem(&entry.stage).map(|trouble| format!(". {}: {}", trouble.what, trouble.why));
    format!("{word}{taken}: {}{}", sentence(entry), trouble.unwrap_or_default())
}

/// Who else has written since a push was cut off: "VirtualService bookinfo/reviews was changed by somebody
/// else since".
pub fn foreign(entry: &Entry) -> String {
    let names: Vec<String> = entry.foreign.iter().map(ToString::to_string).collect();
    let were = if names.len() == 1 { "was" } else { "were" };
    format!("{} {were} changed by somebody else since", names.join(", "))
}

/// What the dry run says of one part, as far as it has come.
pub fn judged(entry: &Entry, part: &Part) -> (Status, String) {
    let of: Vec<Option<&Judged>> =
        part.steps.iter().map(|step| entry.judged.get(*step).and_then(Option::as_ref)).collect();
    let refused = of.iter().flatten().find_map(|judged| match judged {
        Judged::Refused(problem) => Some(problem),
        Judged::Passed(_) => None,
    });
    match refused {
        Some(problem) => (Status::Failing, format!("{}: {}", problem.what, problem.why)),
        None if entry.clash => (Status::Failing, "Not judged: two changes write the same place".to_owned()),
        None if of.iter().any(Option::is_none) => (Status::Idle, "Dry run…".to_owned()),
        None => (Status::Healthy, "The server would take it".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mesh::Stored;

    /// The server returns nothing for what it deleted, and yet it can be put back.
    #[test]
    fn a_deletion_can_be_undone_too() {
        let mesh = mesh::demo::bookinfo();
        let strict =
            mesh::edit::mtls(&mesh, &mesh::edit::Scope::Mesh, Some(mesh::edit::Mode::Strict)).unwrap();
        let made = strict.steps[0].after.clone().unwrap();
        let mut ledger = Ledger::default();
        let deletion = strict.inverse(&[Some(Stored::returned(Some(made)))]).unwrap();
        assert!(matches!(deletion.steps[0].edit, Edit::Delete { .. }));
        let id = mesh::ChangeId::fresh();
        ledger.open(id, deletion, None, mesh::demo::NOW);
        ledger.record(id, &mesh::Fact::Checked(Vec::new()), mesh::demo::NOW);
        ledger.sent(id, mesh::demo::NOW);
        assert!(!can_undo(ledger.get(id).unwrap(), &ledger), "nothing is stored yet");
        ledger.record(id, &mesh::Fact::Accepted(vec![Stored::default()]), mesh::demo::NOW);
        let entry = ledger.get(id).unwrap();
        assert!(can_undo(entry, &ledger) && entry.change.inverse(&entry.stored).is_ok());
    }

    #[test]
    fn nothing_is_called_pushed_that_is_not_answered() {
        assert_eq!(pushed(&Stage::Sent), "sending…");
        assert_eq!(pushed(&Stage::Unsure(Problem::new("a", "b", "c"))), "no answer");
        assert_eq!((pushed(&Stage::Accepted), pushed(&Stage::Live)), ("pushed", "pushed"));
        assert_eq!(pushed(&Stage::Failed(Problem::new("a", "b", "c"))), "");
    }

    #[test]
    fn what_was_measured_says_of_how_many_calls() {
        let figure = |name: &str, wanted, count| Figure { name: name.into(), wanted, count };
        let said =
            |calls, parts| counted(&Measured { calls, parts, ..Measured::default() }).replace('\u{a0}', " ");
        let shares = vec![figure("v3", Wanted::Share(0.8), 237), figure("v1", Wanted::Share(0.2), 63)];
        assert_eq!(said(300, shares), "v3 79 % (wanted 80 %), v1 21 % (wanted 20 %) of 300 calls since then");
        assert_eq!(said(0, vec![figure("v3", Wanted::Share(1.0), 0)]), "no calls since then yet");
        assert_eq!(said(37, vec![figure("v3", Wanted::Share(1.0), 37)]), "v3 100 % of 37 calls since then");
        assert_eq!(said(37, vec![figure("delayed", Wanted::None, 0)]), "none delayed of 37 calls since then");
        let lost = Measured { calls: 300, lost: 30, ..Measured::default() };
        assert!(counted(&lost).replace('\u{a0}', " ").contains(", 30 met no pod of 300 calls"));
    }

    #[test]
    fn counts_proxies_as_far_as_is_known() {
        let nothing = Problem::new("a", "b", "c");
        assert_eq!(count(&Stage::Checking, 7), None);
        assert_eq!(count(&Stage::Seen, 7), Some((0, 7)));
        assert_eq!(count(&Stage::Synced { acked: 6, of: 7 }, 7), Some((6, 7)));
        assert_eq!(count(&Stage::Unknowable(Box::new(Stage::Accepted), nothing.clone()), 7), None);
        assert_eq!(count(&Stage::Unknowable(Box::new(Stage::Live), nothing), 7), Some((7, 7)));
    }
}
