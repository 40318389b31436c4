//! Who wrote a span: the workload, and its pod.

use crate::trace::{REVISION, SpanRef};
use crate::{Mesh, Pod, Workload};

/// Who wrote a span.
#[derive(Clone, Copy, Debug)]
pub struct Wrote<'m> {
    /// The workload.
    pub workload: &'m Workload,
    /// Its pod: the one that is told, if it is still there, else the only one.
    pub pod: Option<&'m Pod>,
}

impl<'m> Wrote<'m> {
    /// By the proxy's node ("sidecar~10.1.0.4~pod.namespace~…"), by the pod that it names, else by the service and
    /// version.
    pub fn span(mesh: &'m Mesh, span: SpanRef<'_>) -> Option<Self> {
        let node = span.tag(&["node_id"]).and_then(|node| node.split('~').nth(2)?.rsplit_once('.'));
        let told = |name: &str| span.tags().get(name).or_else(|| span.process().get(name));
        let (app, namespace) = span.service().split_once('.').unzip();
        let named = told("k8s.pod.name").zip(told("k8s.namespace.name").or(namespace));
        let pod = node.or(named);
        let of_pod = |(pod, namespace): (&str, &str)| {
            let mut all = mesh.part(namespace)?.workloads();
            all.find_map(|one| Some((&**one, one.pods.iter().find(|known| *known.name == *pod)?)))
        };
        if let Some((workload, pod)) = pod.and_then(of_pod) {
            return Some(Self { workload, pod: Some(pod) });
        }
        let version = span.tag(&[REVISION]);
        let mut all = mesh.part(namespace?)?.workloads().filter(|one| app.is_some_and(|app| one.app == app));
        let workload = all.find(|one| version.is_none_or(|version| one.version == version))?;
        // Of a pod that was told and has gone, another one tells nothing.
        let only = workload.pods.first().filter(|_| workload.pods.len() == 1 && pod.is_none());
        Some(Self { workload, pod: only })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo;
    use crate::trace::{Opened, Span, Trace};

    #[test]
    fn a_pod_that_is_told_or_the_only_one() {
        let mesh = demo::bookinfo();
        let pod = mesh.workloads().find(|one| *one.name == *"reviews-v1").unwrap().pods[0].name.to_string();
        let wrote = |tags: &[(&str, &str)]| {
            let tags = tags.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            let span = Span { service: "reviews.bookinfo".into(), tags, ..Span::default() };
            let opened = Opened::from(Trace { id: "t".into(), spans: vec![span] });
            let found = Wrote::span(&mesh, opened.span(0).unwrap());
            found.map(|one| (one.workload.name.to_string(), one.pod.map(|pod| pod.name.to_string())))
        };
        let all = Some(("reviews-v1".to_owned(), Some(pod.clone())));
        assert_eq!(wrote(&[("node_id", &format!("sidecar~10.1.0.4~{pod}.bookinfo~x"))]), all);
        assert_eq!(wrote(&[("k8s.pod.name", &pod)]), all);
        assert_eq!(wrote(&[(REVISION, "v1")]), all, "it has one pod only");
        let gone = wrote(&[("k8s.pod.name", "reviews-v1-gone"), (REVISION, "v1")]);
        assert_eq!(gone, Some(("reviews-v1".to_owned(), None)));
    }
}
