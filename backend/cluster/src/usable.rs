//! Whether a context can be used at all, as far as that can be known without connecting.

use kube::config::{AuthInfo, Cluster, ExecConfig, Kubeconfig};
use mesh::Problem;
use std::env;
use std::path::Path;

/// Why a context cannot be used. The text is the reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("{}", absent(.0))]
    Absent(Vec<String>),
    #[error("Its entry is empty")]
    Empty,
    #[error("Its cluster {0} is not in the kubeconfig")]
    NoCluster(String),
    #[error("Cluster {0} has no server")]
    NoServer(String),
    #[error("The server of cluster {0} is no URL")]
    BadServer(String),
    #[error("The file {0} (certificate authority) does not exist")]
    NoAuthority(String),
    #[error("Its user {0} is not in the kubeconfig")]
    NoUser(String),
    #[error("The file {0} (login) does not exist")]
    NoLogin(String),
    #[error("Its login plugin has no command")]
    NoCommand,
    #[error("Its login plugin {command} is not found")]
    NoPlugin { command: String, hint: Option<String> },
}

fn absent(known: &[String]) -> String {
    match known {
        [] => "The kubeconfig has no contexts".to_owned(),
        known => format!("The kubeconfig does not have it; it has {}", known.join(", ")),
    }
}

impl Unusable {
    /// The login plugin's program is not installed (or not on this program's PATH).
    pub(crate) fn no_plugin(exec: &ExecConfig) -> Self {
        let hint = exec.install_hint.as_deref().map(str::trim).filter(|hint| !hint.is_empty());
        Self::NoPlugin { command: exec.command.clone().unwrap_or_default(), hint: hint.map(str::to_owned) }
    }

    /// What it means for something that was tried ("Context prod cannot be used").
    pub(crate) fn tell(&self, what: impl Into<String>) -> Problem {
        let next = match self {
            Self::Absent(_) => "Choose another context, or open another kubeconfig".to_owned(),
            Self::NoLogin(_) => "Log in to the cluster again, or correct the kubeconfig".to_owned(),
            Self::NoCommand => "Correct the kubeconfig".to_owned(),
            Self::NoPlugin { hint: Some(hint), .. } => hint.clone(),
            Self::NoPlugin { command, hint: None } => {
                format!("Install {command} and make sure that it is on the PATH")
            }
            _ => "Correct the kubeconfig, or choose another context".to_owned(),
        };
        Problem::new(what, self.to_string(), next)
    }
}

/// The cluster of this name.
pub(crate) fn cluster<'a>(config: &'a Kubeconfig, name: &str) -> Option<&'a Cluster> {
    config.clusters.iter().find(|cluster| cluster.name == name)?.cluster.as_ref()
}

/// Whether this context can be used.
pub(crate) fn usable(config: &Kubeconfig, name: &str) -> Result<(), Unusable> {
    let Some(entry) = config.contexts.iter().find(|context| context.name == name) else {
        let known = config.contexts.iter().map(|context| context.name.clone());
        return Err(Unusable::Absent(known.collect()));
    };
    let context = entry.context.as_ref().ok_or(Unusable::Empty)?;
    let named = || context.cluster.clone();
    let cluster = cluster(config, &context.cluster).ok_or_else(|| Unusable::NoCluster(named()))?;
    match cluster.server.as_deref() {
        None | Some("") => return Err(Unusable::NoServer(named())),
        Some(server) => match url::Url::parse(server) {
            Ok(url) if url.has_host() && matches!(url.scheme(), "https" | "http") => {}
            _ => return Err(Unusable::BadServer(named())),
        },
    }
    if let Some(missing) = missing_file(&[&cluster.certificate_authority]) {
        return Err(Unusable::NoAuthority(missing));
    }
    let Some(user) = context.user.as_deref().filter(|user| !user.is_empty()) else { return Ok(()) };
    let info = config.auth_infos.iter().find(|entry| entry.name == user);
    let info = info.ok_or_else(|| Unusable::NoUser(user.to_owned()))?;
    info.auth_info.as_ref().map_or(Ok(()), can_log_in)
}

fn can_log_in(info: &AuthInfo) -> Result<(), Unusable> {
    if let Some(missing) = missing_file(&[&info.client_certificate, &info.client_key, &info.token_file]) {
        return Err(Unusable::NoLogin(missing));
    }
    let Some(exec) = &info.exec else { return Ok(()) };
    match exec.command.as_deref().unwrap_or_default() {
        "" => Err(Unusable::NoCommand),
        command if found(command) => Ok(()),
        _ => Err(Unusable::no_plugin(exec)),
    }
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
