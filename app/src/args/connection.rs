//! Which cluster is meant, and where its parts are that are not found in it.

use super::values::{Unsaid, address, header, namespace};
use clap::Args;
use std::path::PathBuf;

/// Which cluster, and where its parts are.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Connection {
    /// Kubeconfig file [default: $KUBECONFIG, else ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig
    #[arg(long)]
    pub(crate) context: Option<String>,
    /// Only this namespace (may be repeated)
    #[arg(long, short = 'n', value_name = "NAMESPACE", value_parser = namespace)]
    pub(crate) namespace: Vec<String>,
    /// Prometheus, where it is not to be found in the cluster
    #[arg(long, value_name = "URL", value_parser = address)]
    pub(crate) prometheus: Option<Unsaid<String>>,
    /// A header of every request to the Prometheus of --prometheus, as in "X-Scope-OrgID: shop" (may be
    /// repeated)
    #[arg(long, value_name = "NAME: VALUE", value_parser = header)]
    pub(crate) prometheus_header: Vec<Unsaid<(String, String)>>,
    /// Jaeger, Tempo or Zipkin, where it is not to be found in the cluster
    #[arg(long, value_name = "URL", value_parser = address)]
    pub(crate) tracing: Option<Unsaid<String>>,
    /// A header of every request to the tracing backend of --tracing, as in "X-Scope-OrgID: shop" (may be
    /// repeated)
    #[arg(long, value_name = "NAME: VALUE", value_parser = header)]
    pub(crate) tracing_header: Vec<Unsaid<(String, String)>>,
    /// istiod's monitoring port, where it is not to be found in the cluster
    #[arg(long, value_name = "URL")]
    pub(crate) istiod: Option<String>,
}

impl Connection {
    /// What stands after the command, and what stands before it where nothing does after.
    pub(super) fn or(self, before: Self) -> Self {
        Self {
            kubeconfig: self.kubeconfig.or(before.kubeconfig),
            context: self.context.or(before.context),
            namespace: before.namespace.into_iter().chain(self.namespace).collect(),
            prometheus: self.prometheus.or(before.prometheus),
            prometheus_header: before.prometheus_header.into_iter().chain(self.prometheus_header).collect(),
            tracing: self.tracing.or(before.tracing),
            tracing_header: before.tracing_header.into_iter().chain(self.tracing_header).collect(),
            istiod: self.istiod.or(before.istiod),
        }
    }

    /// The first value that is none, with its option.
    pub(super) fn wrong(&self) -> Option<(&'static str, &str)> {
        let urls = [("--prometheus", &self.prometheus), ("--tracing", &self.tracing)];
        let headers =
            [("--prometheus-header", &self.prometheus_header), ("--tracing-header", &self.tracing_header)];
        let mut urls = urls.into_iter().filter_map(|(option, url)| Some((option, url.as_ref()?.wrong()?)));
        let mut headers = headers
            .into_iter()
            .flat_map(|(option, all)| all.iter().filter_map(move |one| Some((option, one.wrong()?))));
        urls.next().or_else(|| headers.next())
    }

    /// The first option that is given.
    pub(super) fn given(&self) -> Option<&'static str> {
        let all = [
            ("--kubeconfig", self.kubeconfig.is_some()),
            ("--context", self.context.is_some()),
            ("--namespace", !self.namespace.is_empty()),
            ("--prometheus", self.prometheus.is_some()),
            ("--prometheus-header", !self.prometheus_header.is_empty()),
            ("--tracing", self.tracing.is_some()),
            ("--tracing-header", !self.tracing_header.is_empty()),
            ("--istiod", self.istiod.is_some()),
        ];
        all.into_iter().find_map(|(name, given)| given.then_some(name))
    }

    pub(crate) fn target(&self, read_only: bool) -> cluster::Target {
        cluster::Target {
            kubeconfig: self.kubeconfig.clone(),
            context: self.context.clone(),
            namespaces: self.namespace.clone(),
            prometheus: self.prometheus.as_ref().and_then(Unsaid::get).cloned(),
            prometheus_headers: self.prometheus_header.iter().filter_map(|one| one.get().cloned()).collect(),
            tracing: self.tracing.as_ref().and_then(Unsaid::get).cloned(),
            tracing_headers: self.tracing_header.iter().filter_map(|one| one.get().cloned()).collect(),
            istiod: self.istiod.clone(),
            read_only,
            ..cluster::Target::default()
        }
    }
}
