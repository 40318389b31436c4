//! ServiceEntries, WorkloadEntries and WorkloadGroups that istiod refuses.

use serde_json::Value;

use super::{
    Problems, Subject,
    values::{
        entries, export_to, fqdn, has, header_name, is_address, is_http, is_label, is_protocol, is_tls,
        items, label_set, port_number, selector, socket, subnet, text, texts, whole, wildcard_domain,
    },
};

pub(super) fn service_entry(subject: &Subject<'_>, problems: &mut Problems) {
    let spec = subject.spec;
    selector(spec, "/workloadSelector", "/labels", "service entry", problems);
    problems.unless(!(has(spec, "/workloadSelector") && has(spec, "/endpoints")), || {
        "only one of WorkloadSelector or Endpoints is allowed in Service Entry".into()
    });
    let hosts: Vec<&str> = texts(spec, "/hosts").collect();
    let resolution = Some(text(spec, "/resolution")).filter(|text| !text.is_empty()).unwrap_or("NONE");
    problems.unless(!hosts.is_empty(), || "service entry must have at least one host".into());
    for host in &hosts {
        problems.note(if *host == "*" { Err("invalid host *".into()) } else { wildcard_domain(host) });
        problems.warn_if(host.contains('*') && *host != "*" && !host.starts_with("*."), || {
            format!("partial wildcard \"{host}\" not recommended")
        });
    }
    let mut cidr = false;
    for address in texts(spec, "/addresses") {
        cidr |= address.contains('/');
        problems.note(subnet(address));
    }
    problems.unless(!cidr || matches!(resolution, "NONE" | "STATIC"), || {
        "CIDR addresses are allowed only for NONE/STATIC resolution types".into()
    });
    let names = ports(spec, resolution, problems);
    endpoints(spec, resolution, &hosts, &names, problems);
    let plain = items(spec, "/ports").any(|port| {
        let protocol = text(port, "/protocol");
        !is_http(protocol) && !is_tls(protocol)
    });
    problems.unless(resolution == "NONE" || hosts.len() < 2 || !plain, || {
        "multiple hosts provided with non-HTTP, non-TLS ports".into()
    });
    export_to(spec, subject.namespace, true, problems);
}

fn ports<'a>(spec: &'a Value, resolution: &str, problems: &mut Problems) -> Vec<&'a str> {
    let (mut names, mut numbers) = (Vec::new(), Vec::new());
    for port in items(spec, "/ports") {
        let (name, number, protocol) = (text(port, "/name"), whole(port, "/number"), text(port, "/protocol"));
        problems
            .unless(!names.contains(&name), || format!("service entry port name \"{name}\" already defined"));
        names.push(name);
        problems
            .unless(!numbers.contains(&number), || format!("service entry port {number} already defined"));
        numbers.push(number);
        if whole(port, "/targetPort") != 0 {
            problems.note(port_number(whole(port, "/targetPort")));
            problems.warn_if(resolution == "NONE", || {
                "targetPort has no effect when resolution mode is NONE".into()
            });
        }
        problems.unless(is_label(name), || format!("invalid port name: {name}"));
        problems.unless(protocol.is_empty() || is_protocol(protocol), || {
            format!("unsupported protocol: {protocol}")
        });
        problems.note(port_number(number));
    }
    names
}

fn endpoints(spec: &Value, resolution: &str, hosts: &[&str], names: &[&str], problems: &mut Problems) {
    let selected = has(spec, "/workloadSelector");
    let count = items(spec, "/endpoints").count();
    match resolution {
        "NONE" => {
            problems.unless(count == 0, || "no endpoints should be provided for resolution type none".into());
            problems.warn_if(selected, || {
                "workloadSelector should not be set when resolution mode is NONE".into()
            });
        }
        "STATIC" => {
            for endpoint in items(spec, "/endpoints") {
                workload_entry(endpoint, Some(names), false, problems);
            }
        }
        "DNS" | "DNS_ROUND_ROBIN" => {
            problems.unless(count > 0 || hosts.iter().all(|host| fqdn(host).is_ok()), || {
                format!("hosts must be FQDN if no endpoints are provided for resolution mode {resolution}")
            });
            problems.unless(resolution == "DNS" || count <= 1, || {
                format!("there must only be 0 or 1 endpoint for resolution mode {resolution}")
            });
            for endpoint in items(spec, "/endpoints") {
                let address = text(endpoint, "/address");
                problems.unless(is_address(address) || fqdn(address).is_ok(), || {
                    format!("endpoint address \"{address}\" is not a valid FQDN or an IP address")
                });
                label_set(endpoint, "/labels", problems);
                ports_of(endpoint, Some(names), problems);
            }
            problems.warn_if(selected, || {
                format!("workloadSelector should not be set when resolution mode is {resolution}")
            });
            let tcp = items(spec, "/ports").any(|port| text(port, "/protocol").eq_ignore_ascii_case("TCP"));
            problems.warn_if(has(spec, "/addresses") && tcp && hosts.len() > 1, || {
                "service entry can not have more than one host specified simultaneously with address and tcp port".into()
            });
        }
        // DYNAMIC_DNS: names are looked up when they are asked for.
        _ => problems.unless(count == 0, || {
            format!("no endpoints should be provided for resolution type {resolution}")
        }),
    }
}

fn ports_of(entry: &Value, known: Option<&[&str]>, problems: &mut Problems) {
    for (name, number) in entries(entry, "/ports") {
        problems.unless(known.is_none_or(|known| known.contains(&name.as_str())), || {
            format!("endpoint port {number} is not defined by the service entry")
        });
        problems.unless(is_label(name), || format!("invalid port name: {name}"));
        problems.note(port_number(number.as_i64().unwrap_or(0)));
    }
}

/// `known`: the ports of the service that this is an instance of, when there is one.
pub(super) fn workload_entry(entry: &Value, known: Option<&[&str]>, names: bool, problems: &mut Problems) {
    let (address, network) = (text(entry, "/address"), text(entry, "/network"));
    if address.is_empty() {
        if network.is_empty() {
            return problems.add("address is required");
        }
        problems.warn(format!("address is unset with network \"{network}\""));
    }
    if let Some(path) = address.strip_prefix("unix://") {
        problems.note(socket(path));
        problems.unless(entries(entry, "/ports").next().is_none(), || {
            format!("unix endpoint {address} must not include ports")
        });
        problems.unless(known.is_none_or(|known| known.len() == 1), || {
            "exactly 1 service port required for unix endpoints".into()
        });
    } else if !address.is_empty() && !is_address(address) {
        if !names {
            problems.add(format!("endpoint address \"{address}\" is not a valid IP address"));
        } else if fqdn(address).is_err() {
            problems.add(format!("endpoint address \"{address}\" is not a valid FQDN or an IP address"));
        }
    }
    ports_of(entry, known, problems);
    label_set(entry, "/labels", problems);
}

pub(super) fn workload_group(spec: &Value, problems: &mut Problems) {
    problems.unless(has(spec, "/template"), || "template is required".into());
    label_set(spec, "/metadata/labels", problems);
    let Some(probe) = spec.get("probe") else { return };
    for field in
        ["periodSeconds", "initialDelaySeconds", "timeoutSeconds", "successThreshold", "failureThreshold"]
    {
        problems.unless(whole(probe, &format!("/{field}")) >= 0, || format!("{field} must be non-negative"));
    }
    if let Some(get) = probe.get("httpGet") {
        problems.note(port_number(whole(get, "/port")));
        problems.unless(matches!(text(get, "/scheme"), "" | "HTTP" | "HTTPS"), || {
            "httpGet.scheme must be one of \"HTTPS\", \"HTTP\"".into()
        });
        for header in items(get, "/httpHeaders") {
            problems.note(header_name(text(header, "/name")));
        }
    } else if let Some(socket) = probe.get("tcpSocket") {
        problems.note(port_number(whole(socket, "/port")));
    } else if let Some(exec) = probe.get("exec") {
        problems.unless(texts(exec, "/command").next().is_some(), || "exec.command is required".into());
    } else if !has(probe, "/grpc") {
        problems.add("unknown health check method <nil>");
    }
}
