//! The command line.

mod connection;
mod questions;
mod values;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};
pub(crate) use connection::Connection;
use jiff::Timestamp;
pub(crate) use questions::{Check, CheckFormat, FailOn, Of, Why, WhyFormat};
use std::path::PathBuf;
use values::{moment, seconds};

/// See and steer an Istio service mesh: service graph, traces, traffic weights, faults, mutual TLS.
///
/// Without a command it opens the window; without --context, on the connect screen.
#[derive(Debug, Parser)]
#[command(name = "binnacle", version, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) window: Window,
}

impl Cli {
    /// Reads a command line. Options before the command and after it mean the same; one that cannot apply is
    /// an error.
    pub(crate) fn read<I>(words: I) -> Result<Self, clap::Error>
    where
        I: IntoIterator<Item: Into<std::ffi::OsString> + Clone>,
    {
        let mut cli = Self::try_parse_from(words)?;
        let misplaced = |option: &str, command: &str| {
            let words = format!("{option} does not apply to the command {command}");
            Err(Self::command().error(ErrorKind::ArgumentConflict, words))
        };
        let window = std::mem::take(&mut cli.window);
        let of_window = [
            ("--sandbox", window.sandbox.is_some()),
            ("--picture", window.picture.is_some()),
            ("--envoy", window.envoy.is_some()),
        ];
        let of_window = || of_window.into_iter().find_map(|(name, given)| given.then_some(name));
        let connection = match &mut cli.command {
            None => {
                cli.window = window;
                &cli.window.connection
            }
            #[cfg(feature = "sandbox")]
            Some(Command::Sandbox(args)) => {
                let others = of_window().filter(|name| *name != "--envoy");
                let read_only = window.read_only.then_some("--read-only");
                if let Some(option) = others.or(read_only).or(window.connection.given()) {
                    return misplaced(option, "sandbox");
                }
                args.envoy = args.envoy.take().or(window.envoy);
                return Ok(cli);
            }
            Some(Command::Open(open)) => {
                let others = of_window().filter(|name| *name != "--picture");
                let read_only = window.read_only.then_some("--read-only");
                if let Some(option) = others.or(read_only).or(window.connection.given()) {
                    return misplaced(option, "open");
                }
                cli.window = Window { picture: open.picture.take().or(window.picture), ..Window::default() };
                return Ok(cli);
            }
            // These change nothing anyway, as --read-only wants it.
            Some(Command::Graph(Graph { connection, .. })) => {
                if let Some(option) = of_window() {
                    return misplaced(option, "graph");
                }
                *connection = std::mem::take(connection).or(window.connection);
                &*connection
            }
            Some(Command::Proxies(Proxies { connection, .. })) => {
                if let Some(option) = of_window() {
                    return misplaced(option, "proxies");
                }
                *connection = std::mem::take(connection).or(window.connection);
                &*connection
            }
            Some(Command::Check(Check { of: Of { connection, .. }, .. })) => {
                if let Some(option) = of_window() {
                    return misplaced(option, "check");
                }
                *connection = std::mem::take(connection).or(window.connection);
                &*connection
            }
            Some(Command::Why(Why { of: Of { connection, .. }, .. })) => {
                if let Some(option) = of_window() {
                    return misplaced(option, "why");
                }
                *connection = std::mem::take(connection).or(window.connection);
                &*connection
            }
        };
        if let Some((option, why)) = connection.wrong() {
            return Err(Self::command().error(ErrorKind::ValueValidation, format!("{option}: {why}")));
        }
        let without = [
            (connection.prometheus.is_none() && !connection.prometheus_header.is_empty())
                .then_some("--prometheus-header is for the Prometheus of --prometheus, which is not given"),
            (connection.tracing.is_none() && !connection.tracing_header.is_empty())
                .then_some("--tracing-header is for the backend of --tracing, which is not given"),
        ];
        if let Some(words) = without.into_iter().flatten().next() {
            return Err(Self::command().error(ErrorKind::MissingRequiredArgument, words));
        }
        Ok(cli)
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a small mesh on this machine: real Envoy proxies, a Kubernetes API, Prometheus and Jaeger APIs
    #[cfg(feature = "sandbox")]
    Sandbox(Sandbox),
    /// Print the service graph
    Graph(Graph),
    /// Print the proxies and whether they have the newest configuration
    Proxies(Proxies),
    /// Look for what is wrong with the configuration of a mesh, or with what stands in files
    Check(Check),
    /// Open the window on a file of traces, without a cluster
    Open(Open),
    /// Say what becomes of a call: which rule takes it, where it goes, whether it is let in and by whom
    Why(Why),
}

#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Window {
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// Never change anything in the cluster
    #[arg(long)]
    pub(crate) read_only: bool,
    /// Start a sandbox of the window's own and connect to it: bookinfo, tutorial, all or synthetic
    #[arg(long, value_name = "SCENARIO", num_args = 0..=1, default_missing_value = "bookinfo", conflicts_with = "context")]
    pub(crate) sandbox: Option<String>,
    /// Envoy for the sandbox
    /// [default: $BINNACLE_ENVOY, the one that `cargo xtask run` installed, else the PATH]
    #[arg(long, value_name = "FILE")]
    pub(crate) envoy: Option<PathBuf>,
    /// Keep a picture of the window up to date in this PNG file
    #[arg(long, value_name = "FILE")]
    pub(crate) picture: Option<PathBuf>,
}

/// Shown below the options of `sandbox`.
#[cfg(feature = "sandbox")]
const FAULTS: &str = "Annotations give a pod faults while it runs: sandbox.binnacle.dev/error-rate=50 (percent), \
    error-status=500, latency=300ms, latency-jitter=100ms, crash=true, not-ready=true. As in\n  kubectl -n bookinfo \
    annotate pod NAME sandbox.binnacle.dev/latency=300ms\nIn a Deployment's template they hold for the pods that it makes.";

#[cfg(feature = "sandbox")]
#[derive(Debug, Args)]
#[command(after_help = FAULTS)]
pub(crate) struct Sandbox {
    /// What runs in it: bookinfo, tutorial (customer, preference, recommendation), all for both, or
    /// synthetic: many services with nothing behind them, and made-up traffic
    #[arg(long, default_value = "bookinfo")]
    pub(crate) scenario: String,
    /// Requests per second of the load generator
    /// [default: 10; of a large synthetic mesh as many as show every edge]
    #[arg(long)]
    pub(crate) rps: Option<f64>,
    /// Services of the scenario synthetic
    #[arg(long, default_value_t = 100)]
    pub(crate) services: usize,
    /// Pods of the scenario synthetic
    #[arg(long, default_value_t = 200)]
    pub(crate) pods: usize,
    /// Edges for each service of the scenario synthetic
    #[arg(long, default_value_t = 3)]
    pub(crate) edges: usize,
    /// Where to write the kubeconfig [default: a temporary folder]
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig_out: Option<PathBuf>,
    /// Also write the ready line into this file
    #[arg(long, value_name = "FILE")]
    pub(crate) ready_file: Option<PathBuf>,
    /// Seed of the load generator
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Envoy [default: $BINNACLE_ENVOY, the one that `cargo xtask run` installed, else the PATH]
    #[arg(long, value_name = "FILE")]
    pub(crate) envoy: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Graph {
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// Window over which traffic is measured: 60s, 5m, 1h
    #[arg(long, default_value = "60s", value_parser = seconds)]
    pub(crate) duration: u64,
    /// Until when, as far as Prometheus reaches back: 2026-01-31T15:04:05Z, or seconds since 1970 [default: now]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) at: Option<Timestamp>,
    /// What a node stands for
    #[arg(long = "type", value_enum, default_value_t = GraphType::VersionedApp)]
    pub(crate) graph_type: GraphType,
    /// Workloads and services without traffic too
    #[arg(long)]
    pub(crate) idle: bool,
    /// Format
    #[arg(long, short, value_enum, default_value_t = GraphFormat::Json)]
    pub(crate) output: GraphFormat,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum GraphType {
    VersionedApp,
    App,
    Workload,
    Service,
}

impl From<GraphType> for mesh::graph::GraphType {
    fn from(value: GraphType) -> Self {
        match value {
            GraphType::VersionedApp => Self::VersionedApp,
            GraphType::App => Self::App,
            GraphType::Workload => Self::Workload,
            GraphType::Service => Self::Service,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum GraphFormat {
    Json,
    Dot,
    Svg,
}

#[derive(Debug, Args)]
pub(crate) struct Proxies {
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// Format
    #[arg(long, short, value_enum, default_value_t = TableFormat::Table)]
    pub(crate) output: TableFormat,
}

#[derive(Debug, Args)]
pub(crate) struct Open {
    /// Traces as Jaeger's page saves them, OTLP (JSON or protobuf) or Zipkin's JSON; packed by gzip or not
    pub(crate) file: PathBuf,
    /// Keep a picture of the window up to date in this PNG file
    #[arg(long, value_name = "FILE")]
    pub(crate) picture: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum TableFormat {
    Table,
    Json,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    /// What may be a secret is not printed because it is wrong.
    #[test]
    fn wrong_values_that_may_be_secrets_are_not_said() {
        let told = |words: &[&str]| Cli::read(words.iter().copied()).unwrap_err().to_string();
        for words in [
            &["binnacle", "graph", "--prometheus", "http://p", "--prometheus-header", "Foo s3cret"][..],
            &["binnacle", "graph", "--prometheus", "ftp://joe:s3cret@h"],
            &["binnacle", "graph", "--prometheus", "http://p", "--prometheus-header", "A: s3cret\nB: c"],
        ] {
            let told = told(words);
            assert!(told.contains("--prometheus") && !told.contains("s3cret"), "{told}");
        }
        for name in ["A B", "../../version?", "", "a.b", "a-", &"a".repeat(64)] {
            assert!(told(&["binnacle", "graph", "-n", name]).contains("namespace"), "{name}");
        }
    }

    #[test]
    fn options_before_the_command_and_after_it_mean_the_same() {
        let connection = |words: &str| match Cli::read(words.split(' ')).unwrap().command {
            Some(Command::Graph(Graph { connection, .. }) | Command::Proxies(Proxies { connection, .. })) => {
                format!("{connection:?}")
            }
            other => panic!("{other:?}"),
        };
        for command in ["graph", "proxies"] {
            let before = format!("binnacle --context x -n a -n b --istiod u {command}");
            let after = format!("binnacle {command} --context x -n a -n b --istiod u");
            let both = format!("binnacle --context y -n a {command} --context x -n b --istiod u");
            assert_eq!(connection(&before), connection(&after));
            assert_eq!(connection(&both), connection(&after), "the nearer one wins, lists are joined");
        }
        let header = "--prometheus-header a:b";
        assert_eq!(
            connection(&format!("binnacle --prometheus http://p graph {header}")),
            connection(&format!("binnacle graph --prometheus http://p {header}"))
        );
        let refused = |words: &str| Cli::read(words.split(' ')).unwrap_err().to_string();
        for (words, option) in [
            ("binnacle --picture p graph", "--picture does not apply to the command graph"),
            ("binnacle --envoy e proxies", "--envoy does not apply to the command proxies"),
            ("binnacle --prometheus-header a:b graph", "--prometheus-header"),
            ("binnacle --prometheus-header a:b", "--prometheus-header"),
            ("binnacle graph --tracing-header a:b", "--tracing-header"),
            ("binnacle graph --tracing joe", "--tracing"),
        ] {
            assert!(refused(words).contains(option), "{}", refused(words));
        }
        assert!(refused("binnacle -n a open f").contains("--namespace does not apply to the command open"));
        assert!(refused("binnacle --read-only open f").contains("--read-only"));
        for words in ["binnacle --picture p open f", "binnacle open f --picture p"] {
            let cli = Cli::read(words.split(' ')).unwrap();
            assert!(cli.window.picture.is_some() && matches!(cli.command, Some(Command::Open(_))));
        }
        #[cfg(feature = "sandbox")]
        {
            assert!(
                refused("binnacle -n a sandbox")
                    .contains("--namespace does not apply to the command sandbox")
            );
            assert!(refused("binnacle --read-only sandbox").contains("--read-only"));
            let cli = Cli::read("binnacle --envoy e sandbox".split(' ')).unwrap();
            assert!(matches!(cli.command, Some(Command::Sandbox(Sandbox { envoy: Some(_), .. }))));
        }
    }

    #[test]
    fn the_sandbox_option_has_a_default() {
        let cli = Cli::parse_from(["binnacle", "--sandbox"]);
        assert_eq!(cli.window.sandbox.as_deref(), Some("bookinfo"));
    }
}
