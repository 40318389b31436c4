//! What a field of a form is called, where it stands, and what it means.

/// The column of labels that say more.
pub const WIDE: f32 = 150.0;

/// What stands before the fields of a line.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'s> {
    pub(super) word: &'s str,
    pub(super) width: f32,
    pub(super) name: Option<&'s str>,
    pub(super) means: &'s str,
    pub(super) unset: Option<&'s str>,
    pub(super) path: &'s str,
}

impl<'s> Setting<'s> {
    /// A setting of this name ("Timeout").
    pub const fn of(word: &'s str) -> Self {
        Self { word, width: WIDE, name: None, means: "", unset: None, path: "" }
    }
    /// The width that its name takes.
    #[must_use]
    pub const fn width(self, width: f32) -> Self {
        Self { width, ..self }
    }
    /// What screen readers call its switch.
    #[must_use]
    pub const fn named(self, name: &'s str) -> Self {
        Self { name: Some(name), ..self }
    }
    /// What it does, in a sentence.
    #[must_use]
    pub const fn means(self, means: &'s str) -> Self {
        Self { means, ..self }
    }
    /// Where it stands in the object, as Istio names it: "retries/attempts".
    #[must_use]
    pub const fn path(self, path: &'s str) -> Self {
        Self { path, ..self }
    }
    /// What holds while it is left out.
    #[must_use]
    pub const fn unset(self, unset: &'s str) -> Self {
        Self { unset: Some(unset), ..self }
    }
}
