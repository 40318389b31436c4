//! What can be connected to: contexts of kubeconfigs, and the sandbox.

use mesh::Problem;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What the connect screen offers.
#[derive(Clone, Debug, Default)]
pub struct Contexts {
    /// Contexts of the merged kubeconfigs.
    pub rows: Vec<ContextRow>,
    /// Why there are none, or why a file could not be read.
    pub problems: Vec<Problem>,
    /// What was connected to last.
    pub last: Option<Destination>,
    /// Why no sandbox can be started here (no Envoy, …), if none can.
    pub sandbox: Option<Problem>,
    /// What is connected to, or being connected to: the screen shows the scene's steps.
    pub connecting: Option<Destination>,
}

impl Contexts {
    /// Whether it was used last; a context of the same name in another file was not.
    pub fn is_last(&self, row: &ContextRow) -> bool {
        matches!(&self.last, Some(Destination::Context(id)) if id.is(row))
    }
    /// Contexts that can be connected to instead of the present one.
    pub fn others(&self) -> impl Iterator<Item = &ContextRow> {
        let here =
            |row: &&ContextRow| matches!(&self.connecting, Some(Destination::Context(id)) if id.is(row));
        self.rows.iter().filter(move |row| row.problem.is_none() && !here(row))
    }
    /// What a context is called: with its file where another one has the same name.
    pub fn name(&self, row: &ContextRow) -> String {
        let alone = !self.rows.iter().any(|other| other.name == row.name && other.file != row.file);
        if alone { row.name.clone() } else { format!("{} of {}", row.name, row.file) }
    }
}

/// What can be connected to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Destination {
    /// A sandbox of this window's own, with this scenario.
    Sandbox(String),
    /// A context of a kubeconfig.
    Context(ContextId),
}

impl Destination {
    /// The scenario of a sandbox.
    pub fn scenario(&self) -> Option<&str> {
        match self {
            Self::Sandbox(scenario) => Some(scenario),
            Self::Context(_) => None,
        }
    }
}

impl fmt::Display for Destination {
    /// "sandbox", or the context's name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sandbox(_) => "sandbox",
            Self::Context(id) => &id.name,
        })
    }
}

/// Names a context: several files may have one of the same name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextId {
    /// Its name.
    pub name: String,
    /// The file that it is in; "" for the first that has one of this name.
    pub file: String,
}

impl ContextId {
    fn is(&self, row: &ContextRow) -> bool {
        self.name == row.name && (self.file.is_empty() || self.file == row.file)
    }
}

/// One context.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContextRow {
    /// Its name.
    pub name: String,
    /// Cluster name.
    pub cluster: String,
    /// Server URL.
    pub server: String,
    /// User name.
    pub user: String,
    /// Namespace of the context.
    pub namespace: Option<String>,
    /// File that it comes from.
    pub file: String,
    /// Whether it is the current context of the kubeconfig.
    pub current: bool,
    /// Why it cannot be used.
    pub problem: Option<Problem>,
}

impl ContextRow {
    /// Its name and file.
    pub fn id(&self) -> ContextId {
        ContextId { name: self.name.clone(), file: self.file.clone() }
    }
}
