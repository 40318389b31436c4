//! The kubeconfig files, read and merged by kubectl's rules: the first file to name a thing wins. Seen from the context of
//! another file, what that file says comes first.

use kube::config::{Kubeconfig, KubeconfigError};
use mesh::Problem;
use std::env;
use std::io;
use std::path::{Path, PathBuf};

/// Why a kubeconfig, or all of them, cannot be used. The text is the reason; it never has a line of the file, which may be
/// a token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("KUBECONFIG is not set and there is no home folder")]
    Nowhere,
    #[error("{} does not exist", .0.display())]
    Missing(PathBuf),
    #[error("{}: {}", .0.display(), .1)]
    Unreadable(PathBuf, io::Error),
    #[error("{} is not valid YAML of a kubeconfig{}", .file.display(), place(*.line, *.column))]
    Malformed { file: PathBuf, line: Option<u64>, column: Option<u64> },
    #[error("{}: {}", .0.display(), .1)]
    Foreign(PathBuf, KubeconfigError),
    #[error("{} names none", names(.0))]
    NoContext(Vec<PathBuf>),
}

fn place(line: Option<u64>, column: Option<u64>) -> String {
    line.zip(column).map_or_else(String::new, |(line, column)| format!(" at line {line}, column {column}"))
}

fn names(files: &[PathBuf]) -> String {
    files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ")
}

impl Fault {
    fn of(file: &Path, error: KubeconfigError) -> Self {
        let file = file.to_owned();
        match error {
            KubeconfigError::ReadConfig(error, _) if error.kind() == io::ErrorKind::NotFound => {
                Self::Missing(file)
            }
            KubeconfigError::ReadConfig(error, _) => Self::Unreadable(file, error),
            KubeconfigError::Parse(error) => {
                let at = error.location();
                let (line, column) = (at.map(|at| at.line()), at.map(|at| at.column()));
                Self::Malformed { file, line, column }
            }
            other => Self::Foreign(file, other),
        }
    }

    /// What it means where so many files were to be read.
    pub(crate) fn tell(&self, files: usize) -> Problem {
        let (what, next) = match self {
            Self::Nowhere => ("There is no kubeconfig", "Open a kubeconfig, or start the sandbox"),
            Self::Missing(_) if files > 1 => {
                ("A kubeconfig is missing", "Correct KUBECONFIG; the contexts of the other files are there")
            }
            Self::Missing(_) => ("There is no kubeconfig", "Open another kubeconfig, or start the sandbox"),
            Self::Unreadable(..) => {
                ("A kubeconfig cannot be read", "Look at its permissions, or open another kubeconfig")
            }
            Self::Malformed { .. } | Self::Foreign(..) => {
                ("A kubeconfig cannot be read", "Correct the file, or open another kubeconfig")
            }
            Self::NoContext(_) => {
                ("There is no context to connect to", "Open another kubeconfig, or start the sandbox")
            }
        };
        Problem::new(what, self.to_string(), next)
    }
}

/// All files that could be read, and what is wrong with the others.
#[derive(Default)]
pub(crate) struct Kubeconfigs {
    read: Vec<(PathBuf, Kubeconfig)>,
    faults: Vec<Fault>,
    wanted: usize,
    /// Whether nobody named the files: the usual place was looked at.
    usual: bool,
}

impl Kubeconfigs {
    /// Reads this file, or those of `$KUBECONFIG`, or `~/.kube/config`.
    pub(crate) fn read(kubeconfig: Option<&Path>) -> Self {
        match kubeconfig {
            Some(file) => Self::of(&[file.to_owned()]),
            None => {
                let variable = env::var_os("KUBECONFIG").filter(|files| !files.is_empty());
                Self { usual: variable.is_none(), ..Self::of(&files(variable, home())) }
            }
        }
    }

    pub(crate) fn of(files: &[PathBuf]) -> Self {
        let mut all = Self { wanted: files.len(), ..Self::default() };
        for file in files {
            let added = Kubeconfig::read_from(file).and_then(|config| all.add(file, config));
            all.faults.extend(added.err().map(|error| Fault::of(file, error)));
        }
        if files.is_empty() {
            all.faults.push(Fault::Nowhere);
        } else if all.contexts().next().is_none() && all.faults.is_empty() {
            all.faults.push(Fault::NoContext(files.to_vec()));
        }
        all
    }

    /// Takes a file in, if it can be merged with those before it.
    fn add(&mut self, file: &Path, config: Kubeconfig) -> Result<(), KubeconfigError> {
        self.merged(None).merge(config.clone())?;
        self.read.push((file.to_owned(), config));
        Ok(())
    }

    /// Every context with its file, in the order of the files.
    pub(crate) fn contexts(&self) -> impl Iterator<Item = (&Path, &str)> {
        self.read.iter().flat_map(|(file, config)| {
            config.contexts.iter().map(move |context| (file.as_path(), context.name.as_str()))
        })
    }

    /// All files as one; what `first` says comes before what the others say.
    pub(crate) fn merged(&self, first: Option<&Path>) -> Kubeconfig {
        let is_first = |file: &Path| first == Some(file);
        let before = self.read.iter().filter(|(file, _)| is_first(file));
        let after = self.read.iter().filter(|(file, _)| !is_first(file));
        before.chain(after).fold(Kubeconfig::default(), |merged, (_, config)| {
            // Files that contradict each other were not taken in.
            merged.clone().merge(config.clone()).unwrap_or(merged)
        })
    }

    /// Whether this file is one of them.
    pub(crate) fn has(&self, file: &Path) -> bool {
        self.read.iter().any(|(known, _)| known == file)
    }

    /// What is wrong.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        self.faults.iter().map(|fault| fault.tell(self.wanted)).collect()
    }

    /// Whether there is simply nothing yet: nobody named a file, and there is none in the usual place. Somebody who has no
    /// cluster yet has done nothing wrong.
    pub(crate) fn none_yet(&self) -> bool {
        self.usual && matches!(self.faults[..], [Fault::Missing(_) | Fault::Nowhere])
    }
}

fn home() -> Option<PathBuf> {
    env::var_os("HOME").or_else(|| env::var_os("USERPROFILE")).map(PathBuf::from)
}

/// The files to read; with nothing set, the default one.
fn files(variable: Option<std::ffi::OsString>, home: Option<PathBuf>) -> Vec<PathBuf> {
    let listed: Vec<PathBuf> =
        variable.iter().flat_map(env::split_paths).filter(|path| !path.as_os_str().is_empty()).collect();
    if listed.is_empty() {
        home.map(|home| home.join(".kube").join("config")).into_iter().collect()
    } else {
        listed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_files_are_read() {
        let home = || Some(PathBuf::from("/home/ann"));
        let joined = env::join_paths(["/a", "/b"]).unwrap();
        assert_eq!(files(Some(joined), home()), [PathBuf::from("/a"), PathBuf::from("/b")]);
        assert_eq!(files(Some("".into()), home()), [PathBuf::from("/home/ann/.kube/config")]);
        assert_eq!(files(None, None), Vec::<PathBuf>::new());
    }
}
