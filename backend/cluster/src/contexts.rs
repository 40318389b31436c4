//! Which clusters can be connected to: the contexts of the merged kubeconfigs, and what is wrong with each, without
//! connecting to any.

use kube::config::{AuthInfo, Cluster, ExecConfig, Kubeconfig, KubeconfigError};
use mesh::Problem;
use std::env;
use std::path::{Path, PathBuf};

/// One context, as the connect screen shows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContextInfo {
    /// Its name.
    pub name: String,
    /// Name of its cluster.
    pub cluster: String,
    /// The server's URL.
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

/// Reads the contexts of this kubeconfig, or of `$KUBECONFIG`, or of `~/.kube/config`, without connecting.
///
/// What can be read is read: a file that cannot be is a problem of its own, and a context with a missing part is listed
/// together with what it lacks.
pub fn contexts(kubeconfig: Option<&Path>) -> (Vec<ContextInfo>, Vec<Problem>) {
    let merged = Merged::read(kubeconfig);
    let rows = merged.origins.iter().map(|(name, file)| row(&merged.config, name, file)).collect();
    (rows, merged.problems)
}

/// The kubeconfig files merged by kubectl's rules: the first file to name a thing wins.
#[derive(Default)]
pub(crate) struct Merged {
    pub(crate) config: Kubeconfig,
    /// Context and file, in the order of the files.
    pub(crate) origins: Vec<(String, PathBuf)>,
    pub(crate) problems: Vec<Problem>,
}

impl Merged {
    pub(crate) fn read(kubeconfig: Option<&Path>) -> Self {
        match kubeconfig {
            Some(file) => Self::of(&[file.to_owned()]),
            None => Self::of(&files(env::var_os("KUBECONFIG"), home())),
        }
    }

    fn of(files: &[PathBuf]) -> Self {
        let mut merged = Self::default();
        for file in files {
            match Kubeconfig::read_from(file) {
                Ok(config) => merged.add(file, config),
                Err(error) => {
                    let mut problem = unreadable(file, &error);
                    if files.len() > 1 && problem.what == MISSING {
                        problem.what = "A kubeconfig is missing".into();
                        problem.next = "Correct KUBECONFIG; the contexts of the other files are there".into();
                    }
                    merged.problems.push(problem);
                }
            }
        }
        if files.is_empty() {
            merged.problems.push(nowhere());
        } else if merged.origins.is_empty() && merged.problems.is_empty() {
            let what = "There is no context to connect to";
            let why = format!("{} names none", names(files));
            merged.problems.push(Problem::new(what, why, "Open another kubeconfig, or start the sandbox"));
        }
        merged
    }

    fn add(&mut self, file: &Path, config: Kubeconfig) {
        let before = self.config.clone();
        let contexts: Vec<String> = config.contexts.iter().map(|context| context.name.clone()).collect();
        match std::mem::take(&mut self.config).merge(config) {
            Ok(config) => {
                self.config = config;
                for name in contexts {
                    if !self.origins.iter().any(|(known, _)| *known == name) {
                        self.origins.push((name, file.to_owned()));
                    }
                }
            }
            Err(error) => {
                self.config = before;
                self.problems.push(unreadable(file, &error));
            }
        }
    }
}

/// No file at all.
const MISSING: &str = "There is no kubeconfig";

fn names(files: &[PathBuf]) -> String {
    files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ")
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

fn nowhere() -> Problem {
    Problem::new(
        MISSING,
        "KUBECONFIG is not set and there is no home folder",
        "Open a kubeconfig, or start the sandbox",
    )
}

fn unreadable(file: &Path, error: &KubeconfigError) -> Problem {
    let file = file.display();
    match error {
        KubeconfigError::ReadConfig(io, _) if io.kind() == std::io::ErrorKind::NotFound => Problem::new(
            MISSING,
            format!("{file} does not exist"),
            "Open another kubeconfig, or start the sandbox",
        ),
        KubeconfigError::ReadConfig(io, _) => Problem::new(
            "A kubeconfig cannot be read",
            format!("{file}: {io}"),
            "Look at its permissions, or open another kubeconfig",
        ),
        // Only the place of the mistake: the text around it may be a token.
        KubeconfigError::Parse(error) => {
            let place = error.location().map(|at| format!(" at line {}, column {}", at.line(), at.column()));
            let why = format!("{file} is not valid YAML of a kubeconfig{}", place.unwrap_or_default());
            Problem::new("A kubeconfig cannot be read", why, "Correct the file, or open another kubeconfig")
        }
        other => Problem::new(
            "A kubeconfig cannot be read",
            format!("{file}: {other}"),
            "Correct the file, or open another kubeconfig",
        ),
    }
}

fn row(config: &Kubeconfig, name: &str, file: &Path) -> ContextInfo {
    let entry = config.contexts.iter().find(|context| context.name == name);
    let context = entry.and_then(|entry| entry.context.clone()).unwrap_or_default();
    let cluster = cluster(config, &context.cluster);
    let user = context.user.clone().unwrap_or_default();
    ContextInfo {
        name: name.to_owned(),
        server: cluster.and_then(|cluster| cluster.server.clone()).unwrap_or_default(),
        namespace: context.namespace.clone(),
        file: file.display().to_string(),
        current: config.current_context.as_deref() == Some(name),
        problem: unusable(config, name).err(),
        cluster: context.cluster,
        user,
    }
}

fn cluster<'a>(config: &'a Kubeconfig, name: &str) -> Option<&'a Cluster> {
    config.clusters.iter().find(|cluster| cluster.name == name)?.cluster.as_ref()
}

/// Says why this context cannot be used, as far as that can be known without connecting.
pub(crate) fn unusable(config: &Kubeconfig, name: &str) -> Result<(), Problem> {
    let fail =
        |why: String, next: &str| Err(Problem::new(format!("Context {name} cannot be used"), why, next));
    let edit = "Correct the kubeconfig, or choose another context";
    let Some(entry) = config.contexts.iter().find(|context| context.name == name) else {
        let known: Vec<&str> = config.contexts.iter().map(|context| context.name.as_str()).collect();
        let why = if known.is_empty() {
            "The kubeconfig has no contexts".to_owned()
        } else {
            format!("The kubeconfig does not have it; it has {}", known.join(", "))
        };
        return fail(why, "Choose another context, or open another kubeconfig");
    };
    let Some(context) = &entry.context else { return fail("Its entry is empty".into(), edit) };
    let Some(cluster) = cluster(config, &context.cluster) else {
        return fail(format!("Its cluster {} is not in the kubeconfig", context.cluster), edit);
    };
    match cluster.server.as_deref() {
        None | Some("") => return fail(format!("Cluster {} has no server", context.cluster), edit),
        Some(server) => match url::Url::parse(server) {
            Ok(url) if url.has_host() && matches!(url.scheme(), "https" | "http") => {}
            _ => return fail(format!("The server of cluster {} is no URL", context.cluster), edit),
        },
    }
    if let Some(missing) = missing_file(&[&cluster.certificate_authority]) {
        return fail(format!("The file {missing} (certificate authority) does not exist"), edit);
    }
    let Some(user) = context.user.as_deref().filter(|user| !user.is_empty()) else { return Ok(()) };
    let Some(info) = config.auth_infos.iter().find(|entry| entry.name == user) else {
        return fail(format!("Its user {user} is not in the kubeconfig"), edit);
    };
    info.auth_info.as_ref().map_or(Ok(()), |info| login_missing(name, info))
}

fn login_missing(name: &str, info: &AuthInfo) -> Result<(), Problem> {
    let what = format!("Context {name} cannot be used");
    if let Some(missing) = missing_file(&[&info.client_certificate, &info.client_key, &info.token_file]) {
        let why = format!("The file {missing} (login) does not exist");
        return Err(Problem::new(what, why, "Log in to the cluster again, or correct the kubeconfig"));
    }
    let Some(exec) = &info.exec else { return Ok(()) };
    let command = exec.command.as_deref().unwrap_or_default();
    if command.is_empty() {
        return Err(Problem::new(what, "Its login plugin has no command", "Correct the kubeconfig"));
    }
    if found(command) { Ok(()) } else { Err(no_plugin(what, exec)) }
}

/// The login plugin's program is not installed (or not on this program's PATH).
pub(crate) fn no_plugin(what: impl Into<String>, exec: &ExecConfig) -> Problem {
    let command = exec.command.as_deref().unwrap_or_default();
    let hint = exec.install_hint.as_deref().map(str::trim).filter(|hint| !hint.is_empty());
    let next =
        hint.map_or_else(|| format!("Install {command} and make sure that it is on the PATH"), str::to_owned);
    Problem::new(what, format!("Its login plugin {command} is not found"), next)
}

fn missing_file(files: &[&Option<String>]) -> Option<String> {
    files.iter().filter_map(|file| file.as_ref()).find(|file| !Path::new(file).exists()).cloned()
}

fn found(command: &str) -> bool {
    if command.contains(std::path::MAIN_SEPARATOR) {
        return Path::new(command).exists();
    }
    let names = if cfg!(windows) {
        vec![command.to_owned(), format!("{command}.exe")]
    } else {
        vec![command.to_owned()]
    };
    env::var_os("PATH").is_some_and(|path| {
        env::split_paths(&path).any(|dir| names.iter().any(|name| dir.join(name).is_file()))
    })
}

#[cfg(test)]
#[path = "contexts_tests.rs"]
mod tests;
