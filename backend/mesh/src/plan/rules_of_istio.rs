//! What istiod would say of an object, before anything is sent: its refusals stop a plan while the user still
//! types, its warnings stand beside the draft. What was wrong with the object before is no news.

use crate::change::Step;
use istio::validation::{Finding, Severity, validate};

/// New refusals and new warnings, in istiod's words with the field.
pub(super) fn findings(step: &Step) -> (Vec<String>, Vec<String>) {
    let kind = step.at.kind;
    let of = |object: Option<&istio::Object>| -> Vec<Finding> {
        object.map(|object| validate(kind.group, kind.kind, &object.0)).unwrap_or_default()
    };
    let before = of(step.before.as_ref());
    let known = |finding: &Finding| {
        before.iter().any(|one| one.code == finding.code && one.to_string() == finding.to_string())
    };
    let news = of(step.after.as_ref()).into_iter().filter(|finding| !known(finding));
    let (errors, warnings): (Vec<_>, Vec<_>) = news.partition(|one| one.severity == Severity::Error);
    let said = |found: Vec<Finding>| found.into_iter().map(|one| format!("{one} ({})", one.path)).collect();
    (said(errors), said(warnings))
}
