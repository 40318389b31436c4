//! ServiceEntries.

use super::Subject;
use super::at::At;
use super::found::{Found, rules};
use super::malformed::{
    fqdn, is_address, is_http, is_label, is_protocol, is_tls, port_number, subnet, wildcard_domain,
};
use super::shared::{export_to, label_set, selector};
use super::workloads::{Address, ports_of, workload_entry};

rules! {
    /// What is wrong with a ServiceEntry.
    Entry {
        Error SelectorBesideEndpoints "only one of WorkloadSelector or Endpoints is allowed in Service Entry";
        Error NoHosts "service entry must have at least one host";
        Error EveryHost "invalid host *";
        Warning PartialWildcard(host: String) "partial wildcard \"{host}\" not recommended";
        Error CidrLookedUp "CIDR addresses are allowed only for NONE/STATIC resolution types";
        Error ManyHostsOfBytes "multiple hosts provided with non-HTTP, non-TLS ports";
        Error EntryPortNameTwice(name: String) "service entry port name \"{name}\" already defined";
        Error EntryPortTwice(number: i64) "service entry port {number} already defined";
        Warning TargetPortUnresolved "targetPort has no effect when resolution mode is NONE";
        Error BadEntryPortName(name: String) "invalid port name: {name}";
        Error BadEntryProtocol(protocol: String) "unsupported protocol: {protocol}";
        Error EndpointsUnresolved "no endpoints should be provided for resolution type none";
        Error EndpointsNotTaken(resolution: String) "no endpoints should be provided for resolution type {resolution}";
        Warning SelectorUnused(resolution: String)
            "workloadSelector should not be set when resolution mode is {resolution}";
        Error HostsNotFull(resolution: String)
            "hosts must be FQDN if no endpoints are provided for resolution mode {resolution}";
        Error ManyEndpoints(resolution: String)
            "there must only be 0 or 1 endpoint for resolution mode {resolution}";
        Warning ManyHostsOfTcp
            "service entry can not have more than one host specified simultaneously with address and tcp port";
    }
}

pub(super) fn service_entry(subject: &Subject<'_>, found: &mut Found) {
    let spec = subject.spec;
    selector(spec, "workloadSelector", "labels", Some("service entry"), found);
    let both = spec.has("workloadSelector") && spec.has("endpoints");
    found.when(both, spec.at("endpoints"), Entry::SelectorBesideEndpoints);
    let resolution = Some(spec.text("resolution")).filter(|text| !text.is_empty()).unwrap_or("NONE");
    let count = spec.texts("hosts").count();
    found.when(count == 0, spec, Entry::NoHosts);
    for at in spec.items("hosts") {
        let Some(host) = at.value().as_str() else { continue };
        if host == "*" {
            found.add(at, Entry::EveryHost);
            continue;
        }
        found.note(at, wildcard_domain(host));
        if host.contains('*') && !host.starts_with("*.") {
            found.add(at, Entry::PartialWildcard { host: host.to_owned() });
        }
    }
    for at in spec.items("addresses") {
        if let Some(address) = at.value().as_str() {
            found.note(at, subnet(address));
        }
    }
    let cidr = spec.texts("addresses").any(|address| address.contains('/'));
    let told = matches!(resolution, "NONE" | "STATIC");
    found.when(cidr && !told, spec.at("addresses"), Entry::CidrLookedUp);
    let names = ports(spec, resolution, found);
    endpoints(spec, resolution, &names, found);
    let bytes = |protocol: &str| !is_http(protocol) && !is_tls(protocol);
    let plain = spec.items("ports").any(|port| bytes(port.text("protocol")));
    found.when(resolution != "NONE" && count > 1 && plain, spec.at("hosts"), Entry::ManyHostsOfBytes);
    export_to(spec, subject.namespace, true, found);
}

fn ports(spec: At<'_>, resolution: &str, found: &mut Found) -> Vec<String> {
    let (mut names, mut numbers) = (Vec::new(), Vec::new());
    for port in spec.items("ports") {
        let (name, number, protocol) = (port.text("name"), port.whole("number"), port.text("protocol"));
        if names.iter().any(|known| known == name) {
            found.add(port.at("name"), Entry::EntryPortNameTwice { name: name.to_owned() });
        }
        names.push(name.to_owned());
        found.when(numbers.contains(&number), port.at("number"), Entry::EntryPortTwice { number });
        numbers.push(number);
        if port.whole("targetPort") != 0 {
            found.note(port.at("targetPort"), port_number(port.whole("targetPort")));
            found.when(resolution == "NONE", port.at("targetPort"), Entry::TargetPortUnresolved);
        }
        if !is_label(name) {
            found.add(port.at("name"), Entry::BadEntryPortName { name: name.to_owned() });
        }
        if !protocol.is_empty() && !is_protocol(protocol) {
            found.add(port.at("protocol"), Entry::BadEntryProtocol { protocol: protocol.to_owned() });
        }
        found.note(port.at("number"), port_number(number));
    }
    names
}

fn endpoints(spec: At<'_>, resolution: &str, names: &[String], found: &mut Found) {
    let told = || resolution.to_owned();
    let (list, count) = (spec.at("endpoints"), spec.items("endpoints").len());
    let unused = |found: &mut Found| {
        if spec.has("workloadSelector") {
            found.add(spec.at("workloadSelector"), Entry::SelectorUnused { resolution: told() });
        }
    };
    match resolution {
        "NONE" => {
            found.when(count > 0, list, Entry::EndpointsUnresolved);
            unused(found);
        }
        "STATIC" => {
            for endpoint in spec.items("endpoints") {
                workload_entry(endpoint, Some(names), false, found);
            }
        }
        "DNS" | "DNS_ROUND_ROBIN" => {
            if count == 0 && spec.texts("hosts").any(|host| fqdn(host).is_err()) {
                found.add(spec.at("hosts"), Entry::HostsNotFull { resolution: told() });
            }
            if resolution != "DNS" && count > 1 {
                found.add(list, Entry::ManyEndpoints { resolution: told() });
            }
            for endpoint in spec.items("endpoints") {
                let address = endpoint.text("address");
                if !is_address(address) && fqdn(address).is_err() {
                    found.add(endpoint.at("address"), Address::BadName { address: address.to_owned() });
                }
                label_set(endpoint, "labels", found);
                ports_of(endpoint, Some(names), found);
            }
            unused(found);
            let tcp = spec.items("ports").any(|port| port.text("protocol").eq_ignore_ascii_case("TCP"));
            let many = spec.texts("hosts").count() > 1;
            found.when(spec.has("addresses") && tcp && many, spec.at("hosts"), Entry::ManyHostsOfTcp);
        }
        // DYNAMIC_DNS: names are looked up when they are asked for.
        _ => {
            if count > 0 {
                found.add(list, Entry::EndpointsNotTaken { resolution: told() });
            }
        }
    }
}
