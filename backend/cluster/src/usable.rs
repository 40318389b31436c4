//! Whether a context can be used at all, as far as that can be known without connecting.

use crate::kubeconfig::{Chosen, Entry, Kubeconfigs};
use crate::search_path;
use kube::config::{AuthInfo, Cluster, ExecConfig, ExecInteractiveMode};
use mesh::Problem;
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
    #[error("The file {0} (certificate authority), which {1} names, does not exist")]
    NoAuthority(String, String),
    #[error(
        "Cluster {0} has a certificate authority and says that none is to be asked for (insecure-skip-tls-verify)"
    )]
    Insecure(String),
    #[error("The certificate authority of its cluster {0}")]
    BadAuthority(&'static str),
    #[error("The proxy of its cluster is no URL of a proxy (http, https or socks5)")]
    BadProxy,
    #[error("Its user {0} is not in the kubeconfig")]
    NoUser(String),
    #[error("The file {0} (login), which {1} names, does not exist")]
    NoLogin(String, String),
    #[error("Its client certificate or key {0}")]
    BadIdentity(&'static str),
    #[error("Its login cannot be used as the kubeconfig tells it")]
    BadLogin,
    #[error("Its server or its proxy cannot be used as the kubeconfig tells it")]
    BadSettings,
    #[error("Its token has a line break or a sign that no HTTP header can hold")]
    BadToken,
    #[error("Its token file {0} cannot be read")]
    BadTokenFile(String),
    #[error("Its token file {0} is empty")]
    EmptyTokenFile(String),
    #[error("Its login (auth-provider {0}) is of a sort that is not known here")]
    Provider(String),
    #[error("Its login plugin {0} wants to be answered on a terminal (interactiveMode: Always)")]
    Interactive(String),
    #[error("Its login plugin {0} is asked for {1}, which kubectl no longer takes")]
    OldPlugin(String, String),
    #[error("Its login plugin {0} has no interactiveMode, without which kubectl does not run it")]
    NoMode(String),
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
            Self::NoLogin(..)
            | Self::BadToken
            | Self::BadTokenFile(_)
            | Self::EmptyTokenFile(_)
            | Self::BadIdentity(_) => "Log in to the cluster again, or correct the kubeconfig".to_owned(),
            Self::OldPlugin(command, _) => {
                format!(
                    "Update {command}, and write apiVersion {PLUGINS}v1 into the kubeconfig; often it writes that itself"
                )
            }
            Self::NoMode(_) => "Write interactiveMode: IfAvailable beside it into the kubeconfig".to_owned(),
            Self::NoCommand => "Correct the kubeconfig".to_owned(),
            Self::Insecure(_) => "Take one of the two out of the kubeconfig".to_owned(),
            Self::Provider(_) => "Use a login plugin (exec) in the kubeconfig instead".to_owned(),
            Self::Interactive(_) => "Log in on a terminal, and let the plugin use what it keeps".to_owned(),
            Self::NoPlugin { command, hint } => {
                let install = || format!("Install {command}, or write its whole path into the kubeconfig");
                let next = hint.clone().unwrap_or_else(install);
                format!("{next}. It was looked for in PATH: {}", search_path::get().display())
            }
            _ => "Correct the kubeconfig, or choose another context".to_owned(),
        };
        Problem::new(what, self.to_string(), next)
    }
}

/// Whether this context can be used.
pub(crate) fn usable(chosen: &Chosen<'_>) -> Result<(), Unusable> {
    let context = chosen.context.ok_or(Unusable::Empty)?;
    let named = || context.cluster.clone();
    let entry = chosen.cluster.ok_or_else(|| Unusable::NoCluster(named()))?;
    let cluster = entry.value.ok_or_else(|| Unusable::NoServer(named()))?;
    match cluster.server.as_deref() {
        None | Some("") => return Err(Unusable::NoServer(named())),
        Some(server) => match url::Url::parse(server) {
            Ok(url) if url.has_host() && matches!(url.scheme(), "https" | "http") => {}
            _ => return Err(Unusable::BadServer(named())),
        },
    }
    if cluster.insecure_skip_tls_verify == Some(true) && has_authority(cluster) {
        return Err(Unusable::Insecure(named()));
    }
    if let Some(missing) = missing_file(&[&cluster.certificate_authority]) {
        return Err(Unusable::NoAuthority(missing, entry.file.display().to_string()));
    }
    let Some(user) = chosen.user else { return Ok(()) };
    let login = chosen.login.ok_or_else(|| Unusable::NoUser(user.to_owned()))?;
    can_log_in(login)
}

/// Why a context of this name is not there.
pub(crate) fn absent_from(files: &Kubeconfigs) -> Unusable {
    Unusable::Absent(files.contexts().map(|(_, named)| named.name.clone()).collect())
}

fn has_authority(cluster: &Cluster) -> bool {
    let set = |field: &Option<String>| field.as_ref().is_some_and(|text| !text.is_empty());
    set(&cluster.certificate_authority) || set(&cluster.certificate_authority_data)
}

fn can_log_in(entry: Entry<'_, AuthInfo>) -> Result<(), Unusable> {
    let Some(info) = entry.value else { return Ok(()) };
    if let Some(missing) = missing_file(&[&info.client_certificate, &info.client_key, &info.token_file]) {
        return Err(Unusable::NoLogin(missing, entry.file.display().to_string()));
    }
    let Some(exec) = &info.exec else { return Ok(()) };
    match exec.command.as_deref().unwrap_or_default() {
        "" => Err(Unusable::NoCommand),
        command if !search_path::has(command) => Err(Unusable::no_plugin(exec)),
        command if exec.interactive_mode == Some(ExecInteractiveMode::Always) => {
            Err(Unusable::Interactive(command.to_owned()))
        }
        command => speaks(command, exec),
    }
}

/// What plugins and programs agree on, before its version.
const PLUGINS: &str = "client.authentication.k8s.io/";

/// As client-go judges (`clientcmd`, `validateAuthInfo`; `plugin/pkg/client/auth/exec`).
fn speaks(command: &str, exec: &ExecConfig) -> Result<(), Unusable> {
    let version = exec.api_version.as_deref().unwrap_or_default();
    match version.strip_prefix(PLUGINS) {
        Some("v1") if exec.interactive_mode.is_none() => Err(Unusable::NoMode(command.to_owned())),
        Some("v1" | "v1beta1") => Ok(()),
        _ if version.is_empty() => Err(Unusable::OldPlugin(command.to_owned(), "no apiVersion".to_owned())),
        _ => Err(Unusable::OldPlugin(command.to_owned(), version.to_owned())),
    }
}

/// The first of these files that is named and not there.
fn missing_file(files: &[&Option<String>]) -> Option<String> {
    let named = files.iter().filter_map(|file| file.as_ref()).filter(|file| !file.is_empty());
    named.into_iter().find(|file| !Path::new(file).exists()).cloned()
}
