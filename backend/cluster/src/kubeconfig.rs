//! The kubeconfig files, read by kubectl's rules: the first file to name a thing wins. Only what a context
//! names is looked for in the context's own file first: a token of one file never goes to the server of
//! another that uses the same name.

use kube::config::{AuthInfo, Cluster, Context, Kubeconfig, KubeconfigError, NamedContext};
use mesh::Problem;
use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A kubeconfig larger than this is none.
const MOST: u64 = 32 << 20;

/// Why a kubeconfig, or all of them, cannot be used. The text is the reason; it never has a line of the file,
/// which may be a token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("KUBECONFIG is not set and there is no home folder")]
    Nowhere,
    #[error("{} does not exist", .0.display())]
    Missing(PathBuf),
    #[error("{}: {}", .0.display(), .1)]
    Unreadable(PathBuf, io::Error),
    #[error("{} is {}, not a file", .0.display(), .1)]
    NoFile(PathBuf, &'static str),
    #[error("{} is larger than {} MB", .0.display(), MOST >> 20)]
    TooLarge(PathBuf),
    #[error("{} is not valid YAML of a kubeconfig{}", .file.display(), place(*.line, *.column))]
    Malformed { file: PathBuf, line: Option<u64>, column: Option<u64> },
    #[error("{} says that it is {}", .0.display(), .1)]
    Foreign(PathBuf, String),
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
            _ => Self::Malformed { file, line: None, column: None },
        }
    }

    /// What it means where so many files were to be read.
    pub(crate) fn tell(&self, files: usize) -> Problem {
        let (what, next) = match self {
            Self::Nowhere => ("There is no kubeconfig", "Open a kubeconfig, or start the sandbox"),
            Self::Missing(_) if files > 1 => {
                ("A kubeconfig is missing", "Correct KUBECONFIG: each of its files that is there is read")
            }
            Self::Missing(_) => ("There is no kubeconfig", "Open another kubeconfig, or start the sandbox"),
            Self::Unreadable(..) => {
                ("A kubeconfig cannot be read", "Look at its permissions, or open another kubeconfig")
            }
            Self::Malformed { .. } | Self::Foreign(..) | Self::NoFile(..) | Self::TooLarge(_) => {
                ("A kubeconfig cannot be read", "Correct the file, or open another kubeconfig")
            }
            Self::NoContext(_) => {
                ("There is no context to connect to", "Open another kubeconfig, or start the sandbox")
            }
        };
        Problem::new(what, self.to_string(), next)
    }
}

/// What a context consists of.
#[derive(Clone, Copy)]
pub(crate) struct Chosen<'a> {
    pub(crate) name: &'a str,
    /// The file that it stands in.
    pub(crate) file: &'a Path,
    pub(crate) context: Option<&'a Context>,
    pub(crate) cluster: Option<Entry<'a, Cluster>>,
    /// The name of its user, if it has one.
    pub(crate) user: Option<&'a str>,
    pub(crate) login: Option<Entry<'a, AuthInfo>>,
}

/// A cluster or a user, and the file that it stands in.
pub(crate) struct Entry<'a, T> {
    pub(crate) file: &'a Path,
    pub(crate) value: Option<&'a T>,
    /// The file from which kubectl would take it instead.
    kubectl: Option<&'a Path>,
}

impl<T> Clone for Entry<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Entry<'_, T> {}

impl Chosen<'_> {
    /// What kubectl would do otherwise, if anything.
    pub(crate) fn differs(&self) -> Option<String> {
        let of = |what: &str, file: Option<&Path>| Some(format!("{what} from {}", file?.display()));
        let cluster = of("the cluster", self.cluster.and_then(|entry| entry.kubectl));
        let user = of("the user", self.login.and_then(|entry| entry.kubectl));
        let all: Vec<String> = cluster.into_iter().chain(user).collect();
        (!all.is_empty())
            .then(|| format!("kubectl takes {}, which has the same name there", all.join(" and ")))
    }
}

/// Reads a file, if it is one: a pipe might never end.
fn read(file: &Path) -> Result<Kubeconfig, Fault> {
    let unreadable = |error| Fault::of(file, KubeconfigError::ReadConfig(error, file.to_owned()));
    let about = fs::metadata(file).map_err(unreadable)?;
    if about.is_dir() {
        return Err(Fault::NoFile(file.to_owned(), "a folder"));
    }
    if !about.is_file() {
        return Err(Fault::NoFile(file.to_owned(), "a pipe or a device"));
    }
    if about.len() > MOST {
        return Err(Fault::TooLarge(file.to_owned()));
    }
    let mut config = Kubeconfig::read_from(file).map_err(|error| Fault::of(file, error))?;
    unset(&mut config, file);
    let told =
        |field: &Option<String>, right: &str| field.clone().filter(|told| !told.is_empty() && told != right);
    match told(&config.kind, "Config").or_else(|| told(&config.api_version, "v1")) {
        Some(foreign) => Err(Fault::Foreign(file.to_owned(), foreign)),
        None => Ok(config),
    }
}

/// Paths that are empty were joined to the file's folder when it was read: they are not set.
fn unset(config: &mut Kubeconfig, file: &Path) {
    let Some(nothing) = file.parent().map(|folder| folder.join("")) else { return };
    let clear = |path: &mut Option<String>| drop(path.take_if(|path| nothing.as_os_str() == path.as_str()));
    for cluster in config.clusters.iter_mut().filter_map(|named| named.cluster.as_mut()) {
        clear(&mut cluster.certificate_authority);
    }
    for user in config.auth_infos.iter_mut().filter_map(|named| named.auth_info.as_mut()) {
        [&mut user.client_certificate, &mut user.client_key, &mut user.token_file]
            .into_iter()
            .for_each(clear);
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
            // What it names is told as it is from anywhere.
            let file = std::path::absolute(file).unwrap_or_else(|_| file.clone());
            match read(&file) {
                Ok(config) => all.read.push((file, config)),
                Err(fault) => all.faults.push(fault),
            }
        }
        if files.is_empty() {
            all.faults.push(Fault::Nowhere);
        } else if all.contexts().next().is_none() && all.faults.is_empty() {
            all.faults.push(Fault::NoContext(files.to_vec()));
        }
        all
    }

    /// Every context with its file, in the order of the files.
    pub(crate) fn contexts(&self) -> impl Iterator<Item = (&Path, &NamedContext)> {
        self.read.iter().flat_map(|(file, config)| config.contexts.iter().map(move |named| (&**file, named)))
    }

    /// The current context: the first file that names one tells.
    pub(crate) fn current(&self) -> Option<&str> {
        let mut named = self.read.iter().filter_map(|(_, config)| config.current_context.as_deref());
        named.find(|name| !name.is_empty())
    }

    /// What a context consists of: that of this file, else of the first file that has one of this name.
    pub(crate) fn chosen(&self, name: &str, file: Option<&Path>) -> Option<Chosen<'_>> {
        let mut all = self.contexts().filter(|(_, named)| named.name == name);
        let (file, named) = match file {
            Some(file) => all.find(|(known, _)| *known == file)?,
            None => all.next()?,
        };
        let context = named.context.as_ref();
        let cluster = context.and_then(|context| {
            self.entry(file, |config| {
                let named = config.clusters.iter().find(|named| named.name == context.cluster)?;
                Some(named.cluster.as_ref())
            })
        });
        let user = context.and_then(|context| context.user.as_deref()).filter(|user| !user.is_empty());
        let login = user.and_then(|user| {
            self.entry(file, |config| {
                let named = config.auth_infos.iter().find(|named| named.name == user)?;
                Some(named.auth_info.as_ref())
            })
        });
        Some(Chosen { name: &named.name, file, context, cluster, user, login })
    }

    /// An entry of the context's own file, else of the first that has it.
    fn entry<'a, T>(
        &'a self,
        own: &Path,
        find: impl Fn(&'a Kubeconfig) -> Option<Option<&'a T>>,
    ) -> Option<Entry<'a, T>> {
        let found = |(file, config): &'a (PathBuf, Kubeconfig)| Some((&**file, find(config)?));
        let mut all = self.read.iter().filter_map(found);
        let first = all.next()?;
        let of_own = std::iter::once(first).chain(all).find(|(file, _)| *file == own);
        let (file, value) = of_own.unwrap_or(first);
        Some(Entry { file, value, kubectl: (first.0 != file).then_some(first.0) })
    }

    /// Whether this file is one of them.
    pub(crate) fn has(&self, file: &Path) -> bool {
        self.read.iter().any(|(known, _)| known == file)
    }

    /// What is wrong.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        self.faults.iter().map(|fault| fault.tell(self.wanted)).collect()
    }

    /// Whether there is simply nothing yet: nobody named a file, and there is none in the usual place.
    /// Somebody who has no cluster yet has done nothing wrong.
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
