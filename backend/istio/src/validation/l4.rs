//! TLS and TCP rules of VirtualServices, and the shares of any rule.

use super::at::At;
use super::found::{Found, rules};
use super::malformed::{is_address, port, subnet, wildcard_domain};
use super::shared::{destination, gateway_names, label_set};
use crate::hosts::covers;

rules! {
    /// What is wrong with a rule for bytes, or with the shares of a rule.
    Route {
        Error TlsRouteMatchesNothing "TLS route must have at least one match condition";
        Error TlsMatchWithoutName "TLS match must have at least one SNI host";
        Warning AddressAsServerName(sni: String)
            "using an IP address (\"{sni}\") goes against SNI spec and most clients do not support this";
        Error ForeignServerName(sni: String, hosts: String)
            "SNI host \"{sni}\" is not a compatible subset of any of the virtual service hosts: [{hosts}]";
        Error TlsRouteLeadsNowhere "TLS route is required";
        Error TcpRouteLeadsNowhere "TCP route is required";
        Error NoDestination "destination is required";
        Error NegativeWeight(weight: i64) "weight {weight} < 0";
        Error NoWeight "total destination weight = 0";
    }
}

/// Shares: none below zero, and together more than nothing.
pub(super) fn weights(route: At<'_>, found: &mut Found) {
    let mut total = 0;
    for way in route.items("route") {
        match way.get("destination") {
            Some(to) => destination(to, found),
            None => found.add(way, Route::NoDestination),
        }
        let weight = way.whole("weight");
        found.when(weight < 0, way.at("weight"), Route::NegativeWeight { weight });
        total += weight;
    }
    found.when(route.items("route").len() > 1 && total == 0, route.at("route"), Route::NoWeight);
}

pub(super) fn tls_route(route: At<'_>, hosts: &[&str], found: &mut Found) {
    found.when(!route.some("match"), route, Route::TlsRouteMatchesNothing);
    for one in route.items("match") {
        found.when(!one.some("sniHosts"), one, Route::TlsMatchWithoutName);
        for at in one.items("sniHosts") {
            server_name(at, hosts, found);
        }
        l4_match(one, found);
    }
    found.when(!route.some("route"), route, Route::TlsRouteLeadsNowhere);
    weights(route, found);
}

fn server_name(at: At<'_>, hosts: &[&str], found: &mut Found) {
    let Some(sni) = at.value().as_str() else { return };
    if is_address(sni) {
        return found.add(at, Route::AddressAsServerName { sni: sni.to_owned() });
    }
    if let Err(wrong) = wildcard_domain(&sni.replace('_', "")) {
        found.add(at, wrong);
    } else if !hosts.iter().any(|host| covers(host, sni)) {
        found.add(at, Route::ForeignServerName { sni: sni.to_owned(), hosts: hosts.join(", ") });
    }
}

pub(super) fn tcp_route(route: At<'_>, found: &mut Found) {
    route.items("match").for_each(|one| l4_match(one, found));
    found.when(!route.some("route"), route, Route::TcpRouteLeadsNowhere);
    weights(route, found);
}

fn l4_match(one: At<'_>, found: &mut Found) {
    for at in one.items("destinationSubnets") {
        if let Some(network) = at.value().as_str() {
            found.note(at, subnet(network));
        }
    }
    if one.whole("port") != 0 {
        port(&one, "port", found);
    }
    label_set(one, "sourceLabels", found);
    gateway_names(one, "gateways", found);
}
