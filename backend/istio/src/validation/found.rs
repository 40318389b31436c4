//! What is wrong with an object, and the table of rules that it breaks.

use super::at::At;
use std::fmt::{self, Display};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It is taken, but is not what it looks like.
    Warning,
    /// istiod refuses it.
    Error,
}

/// One thing that is wrong with an object. It shows as istiod's own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule that is broken: `NegativeWeight`. It stays the same whatever the words are.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Where: `spec.http[0].route[1].weight`.
    pub path: String,
    words: String,
}

impl Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

/// A rule that an object breaks, with what its words need.
pub(super) trait Rule: Display {
    /// Every rule of this table.
    const ALL: &'static [(&'static str, Severity)];
    /// Its name.
    fn code(&self) -> &'static str;
    /// How bad it is to break it.
    fn severity(&self) -> Severity;
}

/// A table of rules: `Error NegativeWeight(weight: i64) "weight {weight} < 0";`.
macro_rules! rules {
    ($(#[$doc:meta])* $name:ident {
        $($severity:ident $rule:ident $(($($field:ident: $type:ty),+))? $words:literal;)+
    }) => {
        $(#[$doc])*
        #[allow(clippy::enum_variant_names, reason = "a code stands alone")]
        pub(super) enum $name { $($rule $({ $($field: $type),+ })?),+ }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self { $(Self::$rule $({ $($field),+ })? => write!(f, $words)),+ }
            }
        }

        impl $crate::validation::found::Rule for $name {
            const ALL: &'static [(&'static str, $crate::validation::Severity)] =
                &[$((stringify!($rule), $crate::validation::Severity::$severity)),+];

            fn code(&self) -> &'static str {
                match self { $(Self::$rule { .. } => stringify!($rule)),+ }
            }

            fn severity(&self) -> $crate::validation::Severity {
                match self { $(Self::$rule { .. } => $crate::validation::Severity::$severity),+ }
            }
        }
    };
}
pub(super) use rules;

/// What was found so far.
#[derive(Default)]
pub(super) struct Found {
    findings: Vec<Finding>,
}

impl Found {
    /// A rule is broken here.
    pub(super) fn add(&mut self, at: At<'_>, rule: impl Rule) {
        let (code, severity) = (rule.code(), rule.severity());
        self.findings.push(Finding { code, severity, path: at.path(), words: rule.to_string() });
    }

    /// A rule is broken here if this holds.
    pub(super) fn when(&mut self, holds: bool, at: At<'_>, rule: impl Rule) {
        if holds {
            self.add(at, rule);
        }
    }

    /// What an examination of a value found, if anything.
    pub(super) fn note(&mut self, at: At<'_>, found: Result<(), impl Rule>) {
        if let Err(rule) = found {
            self.add(at, rule);
        }
    }

    /// What `look` finds, its errors told with these words before them.
    pub(super) fn told(&mut self, before: &str, look: impl FnOnce(&mut Self)) {
        let mut own = Self::default();
        look(&mut own);
        for mut finding in own.findings {
            if finding.severity == Severity::Error {
                finding.words.insert_str(0, before);
            }
            self.findings.push(finding);
        }
    }

    /// All of it.
    pub(super) fn all(self) -> Vec<Finding> {
        self.findings
    }
}
