//! Which endpoints of a service the proxies of its callers have left out just now.

use super::form::Form;
use crate::kit::{fmt, icon, problem, text};
use istio::{ServiceId, kinds};
use mesh::endpoints::{Endpoints, EndpointsQuery, MOST_ASKED};
use mesh::lens::aimed_at;
use mesh::traffic::Traffic;
use mesh::{Mesh, Ref, Remote};
use std::collections::BTreeSet;

/// Says it below the fields.
pub(super) fn ejected(form: &mut Form<'_>, service: &ServiceId) {
    let asked = form.measured(&("callers", service), |mesh, traffic| callers(mesh, traffic, service));
    let Some(query) = asked.flatten() else {
        form.note("Which endpoints are left out is not known: no caller was seen in this time");
        return;
    };
    match form.cx().reads.endpoints(&query) {
        Remote::Waiting => form.note("Asking the callers' proxies which endpoints they leave out…"),
        Remote::Denied(trouble) => {
            let what = "Which endpoints are left out cannot be seen";
            problem::line(form.ui(), problem::Level::Note, what, &trouble.why, &trouble.next);
        }
        Remote::Live(endpoints, _) => told(form, service, &endpoints, ""),
        Remote::Stale(endpoints, at, _) => {
            let old = format!(" · as of {}", fmt::ago(form.cx().now, at));
            told(form, service, &endpoints, &old);
        }
    }
}

fn told(form: &mut Form<'_>, service: &ServiceId, endpoints: &Endpoints, old: &str) {
    let by = fmt::counted(endpoints.asked.len(), "caller's proxy", "callers' proxies");
    let unread = if endpoints.unread.is_empty() {
        String::new()
    } else {
        format!(", {} could not be asked", endpoints.unread.len())
    };
    let ejected = endpoints.ejected();
    if ejected.is_empty() {
        let all = fmt::counted(endpoints.count(), "endpoint", "endpoints");
        form.note(format!("{}  None of {all} is left out by {by}{unread}{old}", icon::CHECK_CIRCLE));
        return;
    }
    let of = format!("{} of {}", ejected.len(), fmt::counted(endpoints.count(), "endpoint", "endpoints"));
    let what = format!("{of} left out{old}");
    problem::line(form.ui(), problem::Level::Warning, &what, "", "");
    for (address, proxies) in ejected {
        let name = pod(&form.cx().scene.mesh, service, address).unwrap_or_else(|| address.to_owned());
        let line = text::note(form.ui(), format!("{name} by {} of {by}", proxies.len()));
        line.on_hover_text(format!("{address}\n{}", proxies.join("\n")));
    }
}

/// Whom to ask: proxies of those that called it in the last window.
fn callers(mesh: &Mesh, traffic: &Traffic, service: &ServiceId) -> Option<EndpointsQuery> {
    let of = mesh.service(&service.namespace, &service.name)?;
    let sources = traffic.flows.keys().filter(|path| aimed_at(path, of)).map(|path| &path.source);
    let workloads = sources.filter_map(|peer| mesh.workload(&peer.namespace, &peer.workload));
    let proxies: BTreeSet<String> = workloads.flat_map(mesh::Workload::proxies).collect();
    let proxies: Vec<String> = proxies.into_iter().take(MOST_ASKED).collect();
    (!proxies.is_empty()).then(|| EndpointsQuery { host: of.host.to_string(), proxies })
}

/// The pod that has this address.
fn pod(mesh: &Mesh, service: &ServiceId, address: &str) -> Option<String> {
    let ip = address.rsplit_once(':')?.0;
    let of = mesh.service(&service.namespace, &service.name)?;
    let pods =
        mesh.workloads_of(of).flat_map(|workload| workload.pods.iter().map(move |pod| (workload, pod)));
    let mut found = pods.filter(|(workload, pod)| {
        let at = Ref::new(&kinds::POD, &workload.namespace, &pod.name);
        mesh.objects().get(&at).is_some_and(|object| object.0["status"]["podIP"] == ip)
    });
    found.next().map(|(_, pod)| pod.name.to_string())
}
