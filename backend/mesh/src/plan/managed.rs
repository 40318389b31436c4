//! Who else writes the objects of a change, and may put the old state back.

use crate::change::Step;
use crate::managed::Managed;

/// What the user should know of who else writes these objects.
pub(super) fn managed(steps: &[Step]) -> Vec<String> {
    let seen = steps.iter().filter_map(|step| Managed::of(&step.at, step.before.as_ref()?));
    seen.map(|managed| managed.words(None)).collect()
}
