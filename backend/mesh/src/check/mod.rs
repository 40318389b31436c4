//! What is wrong with a mesh's configuration: what Istio accepts and what does nothing, breaks calls, or lets
//! in more than it says.
//!
//! A check is a row of a table: its name, the codes by which Kiali and istioctl know it, how bad it is, what it
//! finds, why that matters and what to do. A family of checks is a file. Nothing is judged on what is not seen:
//! a check whose kinds are partly hidden, or whose measurements are missing, is named among those that were not
//! made. [`Judge`] remembers what was found, and looks again only at what a change touches.

mod again;
mod ambient;
mod annotations;
mod balance;
mod codes;
mod entries;
mod fields;
pub mod files;
mod filters;
mod fix;
mod gateway_api;
mod gateway_routes;
mod gateways;
mod injection;
mod live;
mod mark;
mod measured;
mod order;
mod pods;
mod policies;
pub mod report;
mod requests;
mod routes;
mod row;
mod scope;
mod services;
mod sidecars;
mod subsets;
mod telemetry;
mod trust;
mod world;
mod written;

pub use again::Judge;
pub use codes::{NOT_JUDGED, NotJudged};
pub use fix::Fix;
pub use live::{Asks, Live, questions};
pub use world::World;

use crate::{Kind, Problem, Ref, kinds};
use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Calls fail, or it can never do what it says.
    Error,
    /// It does something else than it looks like, or nothing.
    Warning,
    /// Worth to know.
    Info,
}

impl Severity {
    /// "error".
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// One thing that is looked for.
#[derive(Debug)]
pub struct Check {
    /// Its name, which stays: "HostNotFound".
    pub name: &'static str,
    /// Codes of istioctl (IST…) and Kiali (KIA…) that say the same.
    pub codes: &'static [&'static str],
    /// How bad it is, unless a finding says otherwise.
    pub severity: Severity,
    /// What it finds, in a sentence.
    pub what: &'static str,
    /// Why that matters.
    pub why: &'static str,
    /// What to do.
    pub next: &'static str,
    /// The kinds of the objects that it looks at.
    pub of: &'static [&'static Kind],
    /// The kinds that it compares them with: they have to be seen whole, or nothing can be said.
    pub reads: &'static [&'static Kind],
    look: Look,
}

/// Looks at one object.
type EachOf = fn(&World<'_>, &Ref, &mut Found);

/// How something is looked for.
#[derive(Clone, Copy, Debug)]
enum Look {
    /// At one object after the other: what is found at one changes with it, or with what it is compared with.
    Each(EachOf),
    /// At all of them together.
    All(fn(&World<'_>, &mut Found)),
    /// At all of them, beside what objects do not say.
    Asking(&'static [Asks], fn(&World<'_>, &mut Found)),
    /// When files are read.
    Files,
}

impl Check {
    /// What it has to know besides objects.
    pub fn asks(&self) -> &'static [Asks] {
        match self.look {
            Look::Asking(asks, _) => asks,
            _ => &[],
        }
    }

    /// Why nothing can be said here, if so.
    fn hindered(&self, world: &World<'_>) -> Option<Problem> {
        let kinds = self.reads.iter().find_map(|kind| world.unseen(kind));
        // They compare hosts.
        let hosts = self.reads.iter().any(|kind| [&kinds::SERVICE, &kinds::DESTINATION_RULE].contains(kind));
        let kinds = kinds.or_else(|| world.other_domain().filter(|_| hosts));
        kinds.or_else(|| self.asks().iter().find_map(|asks| world.lacks(*asks)))
    }

    /// What it finds at one object.
    fn one(&'static self, look: EachOf, world: &World<'_>, at: &Ref) -> Vec<Finding> {
        let mut found = Found { check: self, all: Vec::new() };
        look(world, at, &mut found);
        found.all
    }

    /// All that it finds.
    fn findings(&'static self, world: &World<'_>) -> Vec<Finding> {
        let mut found = Found { check: self, all: Vec::new() };
        match self.look {
            Look::Each(look) => {
                let all = self.of.iter().flat_map(|kind| world.mesh.objects().of_kind(kind));
                all.for_each(|(at, _)| look(world, at, &mut found));
            }
            Look::All(look) | Look::Asking(_, look) => look(world, &mut found),
            Look::Files => {}
        }
        found.all
    }
}

impl PartialEq for Check {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// What was looked for.
    pub check: &'static Check,
    /// How bad it is here.
    pub severity: Severity,
    /// The object that is to be mended.
    pub at: Ref,
    /// Where in it: `spec.http[0].route[1].destination.host`; "" for the whole object.
    pub path: String,
    /// What it is, in a sentence with the names.
    pub what: String,
    /// How the object can be mended, where that is plain.
    pub fix: Option<Fix>,
}

/// A check that was not made, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct NotMade {
    /// Which.
    pub check: &'static Check,
    /// What of the mesh is not seen.
    pub why: Problem,
}

/// All that was found, the worst first, and what was not looked at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judged {
    /// What is wrong: by severity, object and place.
    pub findings: Vec<Finding>,
    /// Checks that could not be made.
    pub not_made: Vec<NotMade>,
}

/// What a check finds.
pub(crate) struct Found {
    check: &'static Check,
    all: Vec<Finding>,
}

impl Found {
    /// Here is one.
    fn add(&mut self, at: &Ref, path: impl Into<String>, what: impl Into<String>) {
        self.add_as(self.check.severity, at, path, what);
    }

    /// Here is one, and how it is mended, where that is plain.
    fn mended(&mut self, at: &Ref, path: impl Into<String>, what: impl Into<String>, fix: Option<Fix>) {
        self.add(at, path, what);
        if let Some(last) = self.all.last_mut() {
            last.fix = fix;
        }
    }

    /// Something is not in this cluster. Where the mesh has others, it may be there.
    fn add_here(&mut self, world: &World<'_>, at: &Ref, path: impl Into<String>, what: String) {
        match world.has_other_clusters() {
            true => {
                self.add_as(Severity::Info, at, path, format!("{what} in this cluster; others may have it"));
            }
            false => self.add(at, path, what),
        }
    }

    /// Here is one that is as bad as this.
    fn add_as(&mut self, severity: Severity, at: &Ref, path: impl Into<String>, what: impl Into<String>) {
        let (check, at) = (self.check, at.clone());
        self.all.push(Finding { check, severity, at, path: path.into(), what: what.into(), fix: None });
    }
}

/// Every check, in the order of the manual.
pub fn checks() -> impl Iterator<Item = &'static Check> {
    [
        files::CHECKS,
        written::CHECKS,
        routes::CHECKS,
        order::CHECKS,
        balance::CHECKS,
        subsets::CHECKS,
        gateways::CHECKS,
        gateway_routes::CHECKS,
        gateway_api::CHECKS,
        entries::CHECKS,
        sidecars::CHECKS,
        policies::CHECKS,
        requests::CHECKS,
        trust::CHECKS,
        scope::CHECKS,
        services::CHECKS,
        injection::CHECKS,
        pods::CHECKS,
        annotations::CHECKS,
        ambient::CHECKS,
        telemetry::CHECKS,
        filters::CHECKS,
        fields::CHECKS,
        measured::CHECKS,
    ]
    .into_iter()
    .flatten()
}

/// The check of this name, in any case, or with this code.
pub fn named(name: &str) -> Option<&'static Check> {
    let is = |other: &str| other.eq_ignore_ascii_case(name);
    checks()
        .find(|check| is(check.name))
        .or_else(|| checks().find(|check| check.codes.iter().any(|code| is(code))))
}

/// Looks for everything.
pub fn judge(world: &World<'_>) -> Judged {
    let mut judged = Judged::default();
    for check in checks() {
        match check.hindered(world) {
            Some(why) => judged.not_made.push(NotMade { check, why }),
            None => judged.findings.append(&mut check.findings(world)),
        }
    }
    judged.sorted()
}

impl Judged {
    /// The worst first, each once.
    fn sorted(mut self) -> Self {
        self.findings.sort_by(|one, other| {
            let places = one.severity.cmp(&other.severity).then_with(|| one.at.cmp(&other.at));
            places.then_with(|| one.path.cmp(&other.path)).then_with(|| one.check.name.cmp(other.check.name))
        });
        self.findings.dedup();
        self
    }
}

#[cfg(test)]
mod tests;
