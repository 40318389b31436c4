//! WorkloadEntries and WorkloadGroups, and the endpoints of ServiceEntries, which are the same.

use super::at::At;
use super::found::{Found, rules};
use super::malformed::{fqdn, header_name, is_address, is_label, port_number, socket};
use super::shared::label_set;

rules! {
    /// What is wrong with where a workload is.
    Address {
        Error NoAddress "address is required";
        Warning AddressOfNetwork(network: String) "address is unset with network \"{network}\"";
        Error SocketWithPorts(address: String) "unix endpoint {address} must not include ports";
        Error SocketOfManyPorts "exactly 1 service port required for unix endpoints";
        Error NotAnAddress(address: String) "endpoint address \"{address}\" is not a valid IP address";
        Error BadName(address: String) "endpoint address \"{address}\" is not a valid FQDN or an IP address";
        Error ForeignPort(number: String) "endpoint port {number} is not defined by the service entry";
        Error BadEndpointPortName(name: String) "invalid port name: {name}";
    }
}

rules! {
    /// What is wrong with a WorkloadGroup.
    Group {
        Error NoTemplate "template is required";
        Error NegativeProbeSetting(field: &'static str) "{field} must be non-negative";
        Error BadProbeScheme "httpGet.scheme must be one of \"HTTPS\", \"HTTP\"";
        Error NoCommand "exec.command is required";
        Error NoProbe "unknown health check method <nil>";
    }
}

pub(super) fn ports_of(entry: At<'_>, known: Option<&[String]>, found: &mut Found) {
    for (name, at) in entry.entries("ports") {
        if known.is_some_and(|known| !known.iter().any(|known| known == name)) {
            found.add(at, Address::ForeignPort { number: at.value().to_string() });
        }
        if !is_label(name) {
            found.add(at, Address::BadEndpointPortName { name: name.to_owned() });
        }
        found.note(at, port_number(at.value().as_i64().unwrap_or(0)));
    }
}

/// `known`: the ports of the service that this is an instance of, when there is one. `names`: a name will do
/// for an address.
pub(super) fn workload_entry(entry: At<'_>, known: Option<&[String]>, names: bool, found: &mut Found) {
    let (address, network) = (entry.text("address"), entry.text("network"));
    let at = entry.at("address");
    if address.is_empty() {
        if network.is_empty() {
            return found.add(entry, Address::NoAddress);
        }
        found.add(at, Address::AddressOfNetwork { network: network.to_owned() });
    }
    let told = || address.to_owned();
    if let Some(path) = address.strip_prefix("unix://") {
        found.note(at, socket(path));
        if entry.entries("ports").next().is_some() {
            found.add(entry.at("ports"), Address::SocketWithPorts { address: told() });
        }
        let many = known.is_some_and(|known| known.len() != 1);
        found.when(many, at, Address::SocketOfManyPorts);
    } else if !address.is_empty() && !is_address(address) {
        if !names {
            found.add(at, Address::NotAnAddress { address: told() });
        } else if fqdn(address).is_err() {
            found.add(at, Address::BadName { address: told() });
        }
    }
    ports_of(entry, known, found);
    label_set(entry, "labels", found);
}

pub(super) fn workload_group(spec: At<'_>, found: &mut Found) {
    found.when(!spec.has("template"), spec, Group::NoTemplate);
    label_set(spec, "metadata/labels", found);
    let Some(probe) = spec.get("probe") else { return };
    for field in
        ["periodSeconds", "initialDelaySeconds", "timeoutSeconds", "successThreshold", "failureThreshold"]
    {
        found.when(probe.whole(field) < 0, probe.at(field), Group::NegativeProbeSetting { field });
    }
    if let Some(get) = probe.get("httpGet") {
        found.note(get.at("port"), port_number(get.whole("port")));
        let good = matches!(get.text("scheme"), "" | "HTTP" | "HTTPS");
        found.when(!good, get.at("scheme"), Group::BadProbeScheme);
        for header in get.items("httpHeaders") {
            found.note(header.at("name"), header_name(header.text("name")));
        }
    } else if let Some(socket) = probe.get("tcpSocket") {
        found.note(socket.at("port"), port_number(socket.whole("port")));
    } else if let Some(exec) = probe.get("exec") {
        found.when(exec.texts("command").next().is_none(), exec, Group::NoCommand);
    } else {
        found.when(!probe.has("grpc"), probe, Group::NoProbe);
    }
}
