//! Who sees an object: `exportTo` of VirtualServices, DestinationRules and ServiceEntries, and what Services say
//! of it in an annotation.

use super::super::external;
use crate::evidence::{Reach, Want, routes, service};
use crate::plan::Plan;
use crate::{Mesh, Ref, Service};
use istio::hosts::covers;
use istio::views::DestinationRule;
use istio::visibility::exported;
use istio::{fqdn, kinds};
use serde_json::Value;
use std::collections::BTreeSet;

/// The annotation by which a Service says who sees it.
pub const ANNOTATION: &str = "networking.istio.io/exportTo";
/// Where a cluster of a proxy says which DestinationRule it is made by.
const MADE_BY: &str = "/metadata/filter_metadata/istio/config";

/// Objects of a service that say who sees them, of Istio's kinds. Rules of connections alone are not among
/// them: what becomes of those proxies do not tell.
pub fn objects(mesh: &Mesh, of: &Service) -> Vec<Ref> {
    let http = |at: &&Ref| mesh.virtual_service(at).is_some_and(|view| !view.http.is_empty());
    let routes = of.virtual_services.iter().filter(http);
    routes.chain(&of.destination_rules).chain(&of.entries).cloned().collect()
}

/// Namespaces of workloads, by whether an object is shown to them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Audience {
    /// Those that see it.
    pub seen: Vec<String>,
    /// Those that do not.
    pub hidden: Vec<String>,
    /// Names that it is shown to, and that are no namespace.
    pub nobody: Vec<String>,
}

/// To whom an object is shown that says this.
pub fn audience(mesh: &Mesh, at: &Ref, said: &[String]) -> Audience {
    let inhabited = mesh.parts().filter(|(_, part)| part.workloads().next().is_some());
    let all = inhabited.map(|(namespace, _)| namespace.to_string());
    let (seen, hidden) = all.partition(|of| exported(said, &[], &at.namespace, of));
    let known = |name: &str| mesh.namespaces().iter().any(|of| **of == *name);
    let names = said.iter().filter(|name| !matches!(name.as_str(), "." | "*" | "~"));
    let unseen = mesh.unseen(&kinds::NAMESPACE, "").is_some();
    let nobody = names.filter(|name| !unseen && !known(name)).cloned().collect();
    Audience { seen, hidden, nobody }
}

/// To whom an object is shown, as it is.
pub fn said(mesh: &Mesh, at: &Ref) -> Vec<String> {
    let Some(object) = mesh.objects().get(at) else { return Vec::new() };
    let listed = object.spec().get("exportTo").and_then(Value::as_array);
    let of_service = || {
        let said = object.annotation(ANNOTATION).filter(|_| at.kind == &kinds::SERVICE)?;
        Some(said.split(',').map(|one| one.trim().to_owned()).filter(|one| !one.is_empty()).collect())
    };
    match listed {
        Some(list) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        None => of_service().unwrap_or_default(),
    }
}

/// Says which proxies see an object once it is as planned, and which do no more.
pub fn shown(plan: &mut Plan<'_>, at: &Ref) {
    let mesh = plan.mesh();
    if at.kind == &kinds::VIRTUAL_SERVICE {
        plan.claims(vec![routes(at)], vec![routes(at)]);
    } else if at.kind == &kinds::DESTINATION_RULE {
        ruled(plan, at);
    } else {
        external::claims(plan, at, None);
    }
    let lists = |object: Option<&istio::Object>| -> Vec<String> {
        let list = object.and_then(|object| object.spec().get("exportTo")?.as_array());
        list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let now = audience(mesh, at, &lists(plan.object_after(at).as_ref()));
    let was = audience(mesh, at, &lists(mesh.objects().get(at)));
    let lost: Vec<String> = was.seen.into_iter().filter(|of| !now.seen.contains(of)).collect();
    if !lost.is_empty() {
        let becomes = if at.kind == &kinds::VIRTUAL_SERVICE {
            "its rules count for no call from there"
        } else if at.kind == &kinds::DESTINATION_RULE {
            "its subsets and policies count for no call from there; calls by its subsets fail"
        } else {
            "calls from there go to a host that the mesh does not know"
        };
        plan.warn(format!("Out of sight of {}: {becomes}", lost.join(", ")));
    }
    for name in now.nobody {
        plan.warn(format!("There is no namespace {name} to show it to"));
    }
}

/// The clusters that a DestinationRule makes what they are.
fn ruled(plan: &mut Plan<'_>, at: &Ref) {
    let mesh = plan.mesh();
    let (now, was): (Option<DestinationRule>, Option<DestinationRule>) = (plan.after(at), plan.before(at));
    let (Some(now), Some(was)) = (now, was) else { return };
    let reach = Reach::of(mesh);
    let host = fqdn(&now.host, &at.namespace);
    // Whatever version of the API its name carries.
    let link = Want::Ends(format!("/namespaces/{}/destination-rule/{}", at.namespace, at.name));
    for of in mesh.services().filter(|of| covers(&host, &of.host)) {
        let led = |view: &DestinationRule| -> BTreeSet<String> {
            reach.led(at, view, (&of.host, &of.namespace)).into_iter().collect()
        };
        let (then, before) = (led(&now), led(&was));
        for port in &of.ports {
            let place = |proxies: BTreeSet<String>| service(proxies, &of.host, port.number).at(MADE_BY);
            let side = |has: &BTreeSet<String>, other: &BTreeSet<String>| {
                let lost: BTreeSet<String> = other.difference(has).cloned().collect();
                let gone = Want::Not(Box::new(link.clone()));
                vec![place(has.clone()).wants(link.clone()), place(lost).wants(gone)]
            };
            plan.claims(side(&then, &before), side(&before, &then));
        }
    }
}
