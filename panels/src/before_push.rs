//! What is known of a change before it is pushed: whose calls it touches, how many proxies would take it, and who
//! else applies its objects.

use crate::cx::Cx;
use crate::kit::{fmt, problem, text};
use egui::{Id, Ui};
use jiff::Timestamp;
use mesh::check::Finding;
use mesh::managed::{Applied, Managed, SourceKind};
use mesh::touched::{Calls, Over, Touched};
use mesh::{Change, ChangeId, Revision};

/// So many callers are named.
const NAMED: usize = 4;

/// So many things that a change would cause are told.
const MOST_CAUSED: usize = 5;

/// What a change was looked at for.
type Key = (ChangeId, String, Revision, Option<Timestamp>);

/// Whom a change touches; it is looked for again only when the change, the mesh or its traffic is another.
pub(crate) fn touched(ui: &Ui, cx: &Cx<'_>, of: ChangeId, change: &Change) -> String {
    let id = Id::new(("touched", of));
    let key: Key = (of, change.title.clone(), cx.scene.mesh.revision(), cx.scene.traffic.at());
    if let Some((_, said)) =
        ui.data(|data| data.get_temp::<(Key, String)>(id)).filter(|(known, _)| *known == key)
    {
        return said;
    }
    let traffic = cx.scene.traffic.value().map(|traffic| &**traffic);
    let said = words(&Touched::of(&cx.scene.mesh, traffic, change));
    ui.data_mut(|data| data.insert_temp(id, (key, said.clone())));
    said
}

/// "Touches 2 callers (100 % of the recent calls): productpage v1 80 %, cart 20 %; 4 proxies".
fn words(touched: &Touched) -> String {
    let proxies = match touched.proxies {
        Some(proxies) => fmt::counted(proxies, "proxy", "proxies"),
        None => "which proxies take it is not known".to_owned(),
    };
    match &touched.calls {
        None => format!("Whose calls it touches is not known; {proxies}"),
        Some(calls) => format!("{}; {proxies}", callers(calls)),
    }
}

fn callers(calls: &Calls) -> String {
    // How much of the hour there was, nobody says.
    let (all, over) = match calls.over {
        Over::Hour => ("the recent calls".to_owned(), "recently".to_owned()),
        Over::Secs(secs) => (format!("the calls in the last {secs} s"), format!("in the last {secs} s")),
    };
    if calls.callers.is_empty() {
        return format!("Touches no calls: none were counted {over}");
    }
    let share = |part: f64, of: f64| if of > 0.0 { fmt::percent(part / of * 100.0) } else { String::new() };
    let several = calls.callers.len() > 1;
    let mut names: Vec<String> = calls
        .callers
        .iter()
        .take(NAMED)
        .map(|one| {
            if several && calls.rps > 0.0 {
                format!("{} {}", one.name, share(one.rps, calls.rps))
            } else {
                one.name.clone()
            }
        })
        .collect();
    let more = calls.callers.len().saturating_sub(NAMED);
    if more > 0 {
        names.push(format!("{more} more"));
    }
    // No rate: one over an hour says little of a mesh that is minutes old.
    let part = if calls.of > 0.0 {
        format!("{} of {all}", share(calls.rps, calls.of))
    } else {
        format!("connections, no requests {over}")
    };
    let count = fmt::counted(calls.callers.len(), "caller", "callers");
    format!("Touches {count} ({part}): {}", names.join(", "))
}

/// Who else applies the objects of a change: as the change itself says it, and with when that was last.
fn managed(cx: &Cx<'_>, change: &Change) -> Vec<(String, String)> {
    let all = change.steps.iter().filter_map(|step| Managed::of(&step.at, step.before.as_ref()?));
    let said = all.map(|managed| {
        let plain = managed.words(None);
        let said = match &managed.source {
            Some(source) if source.kind != SourceKind::Release => {
                let applied = cx.reads.applied(source);
                let ago = |applied: &Applied| applied.when.map(|when| fmt::ago(cx.now, when));
                managed.words(applied.value().map(|applied| (&**applied, ago(applied))))
            }
            _ => plain.clone(),
        };
        (plain, said)
    });
    said.collect()
}

/// "This would cause: Calls are sent to subset v9 … (VirtualService shop/cart)".
fn caused(ui: &Ui, cx: &Cx<'_>, of: ChangeId, change: &Change) -> Vec<String> {
    let found = cx.reads.caused(ui.ctx(), of, change, cx.now).unwrap_or_default();
    let words = |finding: &Finding| format!("This would cause: {} ({})", finding.what, finding.at);
    // What it is warned of anyway is said once.
    let told = |finding: &&Finding| !change.warnings.iter().any(|warning| warning.contains(&finding.what));
    found.iter().filter(told).take(MOST_CAUSED).map(words).collect()
}

/// What the user should know before the push.
pub(crate) fn warnings(ui: &Ui, cx: &Cx<'_>, of: ChangeId, change: &Change) -> Vec<String> {
    let mut all = caused(ui, cx, of, change);
    all.extend(change.warnings.iter().cloned());
    for (plain, said) in managed(cx, change) {
        all.iter_mut().filter(|warning| **warning == plain).for_each(|warning| warning.clone_from(&said));
    }
    all
}

/// Whom it touches and who else applies its objects, below a draft.
pub(crate) fn below(ui: &mut Ui, cx: &Cx<'_>, of: ChangeId, change: &Change) {
    let said = touched(ui, cx, of, change);
    text::note(ui, said);
    let managed = managed(cx, change).into_iter().map(|(_, said)| said);
    for said in caused(ui, cx, of, change).into_iter().chain(managed) {
        problem::problem(ui, problem::Level::Warning, &said, "", "", None);
    }
}

/// All that is known, above its diff.
pub(crate) fn above(ui: &mut Ui, cx: &Cx<'_>, of: ChangeId, change: &Change) {
    let said = touched(ui, cx, of, change);
    text::note(ui, said);
    for warning in warnings(ui, cx, of, change) {
        problem::problem(ui, problem::Level::Warning, &warning, "", "", None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mesh::touched::Caller;

    #[track_caller]
    fn check(callers: &[(&str, f64)], of: f64, over: Over, proxies: Option<usize>, expect: &str) {
        let callers: Vec<Caller> =
            callers.iter().map(|(name, rps)| Caller { name: (*name).to_owned(), rps: *rps }).collect();
        let rps = callers.iter().map(|caller| caller.rps).sum();
        let said = words(&Touched { proxies, calls: Some(Calls { callers, rps, of, over }) });
        assert_eq!(said.replace([fmt::THIN, '\u{a0}'], " "), expect);
    }

    #[test]
    fn whom_it_touches_in_words() {
        check(
            &[("productpage v1", 12.0)],
            12.0,
            Over::Hour,
            Some(4),
            "Touches 1 caller (100 % of the recent calls): productpage v1; 4 proxies",
        );
        check(
            &[("a", 6.0), ("b", 2.0)],
            10.0,
            Over::Secs(60),
            None,
            "Touches 2 callers (80 % of the calls in the last 60 s): a 75 %, b 25 %; which proxies take it is not known",
        );
        check(
            &[("a", 0.0)],
            0.0,
            Over::Hour,
            Some(1),
            "Touches 1 caller (connections, no requests recently): a; 1 proxy",
        );
        check(&[], 0.0, Over::Hour, Some(1), "Touches no calls: none were counted recently; 1 proxy");
        let unknown = Touched { proxies: Some(2), calls: None };
        assert_eq!(words(&unknown).replace('\u{a0}', " "), "Whose calls it touches is not known; 2 proxies");
    }
}
