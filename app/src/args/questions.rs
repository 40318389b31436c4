//! What `check` and `why` are asked.

use super::connection::Connection;
use super::values::{called, caller, pair, path};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// What a question is about: a mesh, files, or files laid over a mesh.
#[derive(Debug, Args)]
pub(crate) struct Of {
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// File, folder or - for standard input (may be repeated); alone, or laid over the mesh of --context
    #[arg(long, short = 'f', value_name = "FILE")]
    pub(crate) file: Vec<PathBuf>,
    /// What the mesh as a whole is told (MeshConfig), where it is not to be read from the cluster
    #[arg(long, value_name = "FILE")]
    pub(crate) mesh_config: Option<PathBuf>,
}

/// Shown below the options of `check`.
const STATUS: &str =
    "Exit status: 0 nothing as bad as --fail-on was found, 1 something was, 2 it could not be looked for.";

#[derive(Debug, Args)]
#[command(after_help = STATUS)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) of: Of,
    /// Format
    #[arg(long, short, value_enum, default_value_t = CheckFormat::Text)]
    pub(crate) output: CheckFormat,
    /// How bad a finding makes the exit status 1
    #[arg(long, value_enum, default_value_t = FailOn::Error)]
    pub(crate) fail_on: FailOn,
    /// Leave out a check, or one for some objects: NAME, or NAME="Kind namespace/name" with * for anything
    /// (may be repeated)
    #[arg(long, short = 'S', value_name = "NAME[=OBJECT]")]
    pub(crate) suppress: Vec<String>,
    /// Say what a check is about: by its name, or by istioctl's or Kiali's code; "all" lists every check
    #[arg(long, value_name = "NAME")]
    pub(crate) explain: Option<String>,
}

/// Shown below the options of `why`.
const ANSWERED: &str = "Exit status: 0 it was answered, whatever the answer is; 2 it could not be.";

#[derive(Debug, Args)]
#[command(after_help = ANSWERED)]
pub(crate) struct Why {
    #[command(flatten)]
    pub(crate) of: Of,
    /// Who calls: a workload, a gateway that sends on what came in by it, or outside
    #[arg(long, value_name = "NAMESPACE/WORKLOAD", value_parser = caller)]
    pub(crate) from: mesh::why::From,
    /// Whom: a host as it is asked for, with a port or without
    #[arg(long, value_name = "HOST[:PORT]", value_parser = called)]
    pub(crate) to: String,
    /// The request's method
    #[arg(long, value_name = "METHOD", default_value = "GET")]
    pub(crate) method: String,
    /// The request's path, with its query
    #[arg(long, value_name = "PATH", default_value = "/", value_parser = path)]
    pub(crate) path: String,
    /// One of its headers (may be repeated)
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) header: Vec<(String, String)>,
    /// Format
    #[arg(long, short, value_enum, default_value_t = WhyFormat::Text)]
    pub(crate) output: WhyFormat,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum WhyFormat {
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum CheckFormat {
    Text,
    Json,
    Sarif,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    Error,
    Warning,
    Info,
    Never,
}
