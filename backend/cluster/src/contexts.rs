//! Which clusters can be connected to: every context of every kubeconfig, and what is wrong with each,
//! without connecting to any. A context is known by its file and its name: two files may each have one called
//! "default".

use crate::error;
use crate::kubeconfig::{Chosen, Kubeconfigs};
use crate::usable::usable;
use mesh::Problem;
use std::path::{Path, PathBuf};

/// One context, as the connect screen shows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContextInfo {
    /// Its name.
    pub name: String,
    /// Name of its cluster.
    pub cluster: String,
    /// The server's URL, without a password.
    pub server: String,
    /// Name of its user.
    pub user: String,
    /// Its namespace, if it has one.
    pub namespace: Option<String>,
    /// The file that it comes from.
    pub file: String,
    /// Whether it is the current context.
    pub current: bool,
    /// Why it cannot be used, if it cannot.
    pub problem: Option<Problem>,
}

/// Reads the contexts of this kubeconfig, or of `$KUBECONFIG`, or of `~/.kube/config`, and of files that were
/// `opened` besides, without connecting.
///
/// What can be read is read: a file that cannot be is a problem of its own, and a context with a missing part
/// is listed together with what it lacks. That an opened file is gone is no problem, nor that there is no
/// kubeconfig yet.
pub fn contexts(kubeconfig: Option<&Path>, opened: &[PathBuf]) -> (Vec<ContextInfo>, Vec<Problem>) {
    let files = Kubeconfigs::read(kubeconfig);
    let mut all = rows(&files);
    for file in opened {
        all.extend(rows(&Kubeconfigs::of(std::slice::from_ref(file))));
    }
    let mut known = std::collections::BTreeSet::new();
    all.retain(|row| known.insert((row.file.clone(), row.name.clone())));
    (all, if files.none_yet() { Vec::new() } else { files.problems() })
}

pub(crate) fn rows(files: &Kubeconfigs) -> Vec<ContextInfo> {
    // The first of a name is the one that kubectl means.
    let mut current = files.current();
    let all = files.contexts().filter_map(|(file, named)| files.chosen(&named.name, Some(file)));
    all.map(|chosen| {
        let is_current = current.take_if(|current| *current == chosen.name).is_some();
        ContextInfo { current: is_current, ..row(&chosen) }
    })
    .collect()
}

fn row(chosen: &Chosen<'_>) -> ContextInfo {
    let name = chosen.name;
    let context = chosen.context.cloned().unwrap_or_default();
    let server = chosen.cluster.and_then(|entry| entry.value?.server.clone()).unwrap_or_default();
    ContextInfo {
        name: name.to_owned(),
        server: error::redacted(&server),
        namespace: context.namespace,
        file: chosen.file.display().to_string(),
        current: false,
        problem: usable(chosen).err().map(|why| why.tell(format!("Context {name} cannot be used"))),
        user: context.user.unwrap_or_default(),
        cluster: context.cluster,
    }
}

#[cfg(test)]
#[path = "contexts_tests.rs"]
mod tests;
