//! Calls from outside: by which gateway they come in.

use super::admission;
use super::{Asked, Calls, Remark, Told};
use crate::Workload;
use istio::hosts::host_and_port;
use istio::route::{Caller, Request, Said, Taken, route, unproxied};

/// Ports of the web, where none is said.
const WEB: [u16; 2] = [80, 443];

/// By the gateway that has the host; where none has, a service is called straight.
pub(super) fn outside(calls: &Calls<'_>, asked: &Asked, remarks: &mut Vec<Remark>) -> Told {
    let mut gateways: Vec<&Workload> = calls.mesh.workloads().filter(|one| one.gateway).collect();
    gateways.sort_by_key(|one| (&one.namespace, &one.name));
    let all: Vec<(&Workload, Request, Taken)> =
        gateways.into_iter().flat_map(|gateway| at(calls, asked, gateway)).collect();
    let serves = |taken: &Taken| {
        let nobody = taken.outcome.answer.as_ref().is_some_and(|answer| answer.by == Said::NoHost);
        !nobody && !taken.outcome.closed
    };
    let straight = straight(calls, asked, remarks);
    let found = all.iter().position(|(.., taken)| serves(taken));
    match (found, straight) {
        (None, Some(told)) => told,
        (found, _) => match all.into_iter().nth(found.unwrap_or_default()) {
            Some((gateway, request, taken)) => by(calls, asked, gateway, request, taken),
            None => nobody(calls, asked),
        },
    }
}

/// By this gateway.
pub(super) fn entering(
    calls: &Calls<'_>,
    asked: &Asked,
    gateway: &Workload,
    remarks: &mut Vec<Remark>,
) -> Told {
    let mut all = at(calls, asked, gateway);
    let serves = all.iter().position(|(.., taken)| taken.door.is_some() && !taken.outcome.closed);
    let (_, request, taken) = all.swap_remove(serves.unwrap_or_default());
    if host_and_port(&asked.to).1.is_none() {
        remarks.push(Remark::Port(request.port));
    }
    by(calls, asked, gateway, request, taken)
}

fn at<'w>(calls: &Calls<'_>, asked: &Asked, gateway: &'w Workload) -> Vec<(&'w Workload, Request, Taken)> {
    let (host, port) = host_and_port(&asked.to);
    let ports = port.map_or(WEB.to_vec(), |port| vec![port]);
    let caller = Caller { namespace: &gateway.namespace, labels: &gateway.labels, gateway: true };
    let one = |port: u16| {
        let mut request = calls.sent(asked, host, port);
        request.scheme = scheme(calls, &caller, &request);
        let taken = route(&calls.world, caller, &request);
        (gateway, request, taken)
    };
    ports.into_iter().map(one).collect()
}

/// Gateways believe nobody's word about it: it is what their server speaks.
fn scheme(calls: &Calls<'_>, caller: &Caller<'_>, request: &Request) -> String {
    let secured = istio::route::is_secured(&calls.world, *caller, request.port);
    if secured { "https" } else { "http" }.to_owned()
}

fn by(calls: &Calls<'_>, asked: &Asked, gateway: &Workload, request: Request, taken: Taken) -> Told {
    let admission = admission::at_gateway(calls, gateway, &request, &taken, asked.now);
    let from = "outside".to_owned();
    let mut told = calls.told(from, Some(gateway), taken, request, asked.now);
    told.gateway = Some((calls.mesh.workload_id(gateway), admission));
    told
}

/// A service of the mesh, called by somebody without a proxy.
fn straight(calls: &Calls<'_>, asked: &Asked, remarks: &mut Vec<Remark>) -> Option<Told> {
    let labels = istio::Labels::new();
    let request = calls.request(asked, "", &mut Vec::new());
    let taken = unproxied(&calls.world, Caller { namespace: "", labels: &labels, gateway: false }, &request);
    (!taken.outcome.passes).then(|| {
        remarks.push(Remark::NoProxy);
        calls.told("outside".to_owned(), None, taken, request, asked.now)
    })
}

fn nobody(calls: &Calls<'_>, asked: &Asked) -> Told {
    let request = calls.request(asked, "", &mut Vec::new());
    let mut taken = Taken::default();
    taken.outcome.closed = true;
    calls.told("outside".to_owned(), None, taken, request, asked.now)
}
