//! What of an object has no effect here, and the words for it.

use istio::Object;

/// Something in an object that this control plane does not translate.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Untranslated {
    /// "VirtualService bookinfo/reviews".
    pub object: String,
    /// Which part, and why.
    pub reason: String,
}

/// "VirtualService bookinfo/reviews".
pub(crate) fn title(object: &Object) -> String {
    match object.namespace() {
        "" => format!("{} {}", object.kind(), object.name()),
        namespace => format!("{} {namespace}/{}", object.kind(), object.name()),
    }
}

/// `part has no effect in the sandbox`.
pub(crate) fn not_yet(part: &str) -> String {
    format!("{part} has no effect in the sandbox")
}

/// The parts that are there, in words.
pub(crate) fn parts(list: &[(bool, &str)]) -> Vec<String> {
    list.iter().filter(|(there, _)| *there).map(|(_, part)| not_yet(part)).collect()
}

/// Whether a text is set and not empty.
pub(crate) fn given(text: &Option<String>) -> bool {
    text.as_deref().is_some_and(|text| !text.is_empty())
}
