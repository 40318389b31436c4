//! Istio's Gateways.

use super::at::At;
use super::found::{Found, rules};
use super::malformed::{
    address, host_of_namespace, is_http, is_label, is_protocol, is_tls, port_number, socket,
};
use super::{Subject, tls};

rules! {
    /// What is wrong with a Gateway.
    Server {
        Error BadNameOfGateway(name: String) "invalid gateway name: \"{name}\"";
        Error NoServers "gateway must have at least one server";
        Error ServerPortNameTwice(name: String) "port names in servers must be unique: duplicate name {name}";
        Warning RedirectOfTls "tls.httpsRedirect should only be used with http servers";
        Warning DefaultEndpointOfGateway "defaultEndpoint has no effect on Gateways";
        Error ServerWithoutHosts "server config must contain at least one host";
        Error ServerWithoutPort "port is required";
        Error BadServerProtocol(protocol: String)
            "invalid protocol \"{protocol}\", supported protocols are HTTP, HTTP2, GRPC, GRPC-WEB, MONGO, REDIS, \
             MYSQL, TCP";
        Error PortOfSocket(port: String) "port number must be 0 for unix domain socket: {port}";
        Error TargetPortOfGateway "targetPort has no impact on Gateways";
        Error NamelessServerPort(port: String) "port name must be set: {port}";
        Error NoTls "server must have TLS settings for HTTPS/TLS protocols";
        Error TlsOfPlainHttp "server cannot have TLS settings for plain text HTTP ports";
        Error TlsOfPlainBytes "server cannot have TLS settings for non HTTPS/TLS ports";
    }
}

pub(super) fn gateway(subject: &Subject<'_>, found: &mut Found) {
    let spec = subject.spec;
    if !subject.name.is_empty() && !is_label(subject.name) {
        found.add(
            subject.object.at("metadata/name"),
            Server::BadNameOfGateway { name: subject.name.to_owned() },
        );
    }
    found.when(!spec.some("servers"), spec, Server::NoServers);
    let mut names = Vec::new();
    for one in spec.items("servers") {
        server(one, found);
        let name = one.text("port/name");
        if names.contains(&name) {
            found.add(one.at("port/name"), Server::ServerPortNameTwice { name: name.to_owned() });
        }
        names.push(name);
        let redirects = !is_http(one.text("port/protocol")) && one.flag("tls/httpsRedirect");
        found.when(redirects, one.at("tls/httpsRedirect"), Server::RedirectOfTls);
        let default = one.has("defaultEndpoint");
        found.when(default, one.at("defaultEndpoint"), Server::DefaultEndpointOfGateway);
    }
}

fn server(one: At<'_>, found: &mut Found) {
    found.when(!one.some("hosts"), one, Server::ServerWithoutHosts);
    for at in one.items("hosts") {
        if let Some(host) = at.value().as_str() {
            found.note(at, host_of_namespace(host, true));
        }
    }
    let Some(port) = one.get("port") else { return found.add(one, Server::ServerWithoutPort) };
    let (protocol, number, bind) = (port.text("protocol"), port.whole("number"), one.text("bind"));
    let told = || port.value().to_string();
    if !is_protocol(protocol) {
        found.add(port.at("protocol"), Server::BadServerProtocol { protocol: protocol.to_owned() });
    }
    match bind.strip_prefix("unix://") {
        Some(path) => {
            found.note(one.at("bind"), socket(path));
            if number != 0 {
                found.add(port.at("number"), Server::PortOfSocket { port: told() });
            }
        }
        None => {
            found.note(port.at("number"), port_number(number));
            if !bind.is_empty() {
                found.note(one.at("bind"), address(bind));
            }
        }
    }
    found.when(port.whole("targetPort") != 0, port.at("targetPort"), Server::TargetPortOfGateway);
    if !port.says("name") {
        found.add(port.at("name"), Server::NamelessServerPort { port: told() });
    }
    let Some(settings) = one.get("tls") else {
        return found.when(is_tls(protocol), one, Server::NoTls);
    };
    tls::server(settings, found);
    if is_http(protocol) {
        let passes = matches!(settings.text("mode"), "" | "PASSTHROUGH" | "AUTO_PASSTHROUGH");
        let files = ["caCertificates", "privateKey", "serverCertificate"];
        let files = files.iter().any(|field| settings.says(field));
        found.when(!passes || files, settings, Server::TlsOfPlainHttp);
    } else {
        found.when(!is_tls(protocol), settings, Server::TlsOfPlainBytes);
    }
}
