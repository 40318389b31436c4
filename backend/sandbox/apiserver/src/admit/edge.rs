//! Gateways that istiod refuses.

use serde_json::Value;

use super::{
    Problems, Subject, tls,
    values::{
        address, flag, has, host_of_namespace, is_http, is_label, is_protocol, is_tls, items, port_number,
        socket, text, texts, whole,
    },
};

pub(super) fn gateway(subject: &Subject<'_>, problems: &mut Problems) {
    problems.unless(subject.name.is_empty() || is_label(subject.name), || {
        format!("invalid gateway name: \"{}\"", subject.name)
    });
    problems.unless(items(subject.spec, "/servers").next().is_some(), || {
        "gateway must have at least one server".into()
    });
    let mut names = Vec::new();
    for one in items(subject.spec, "/servers") {
        server(one, problems);
        let name = text(one, "/port/name");
        problems.unless(!names.contains(&name), || {
            format!("port names in servers must be unique: duplicate name {name}")
        });
        names.push(name);
        problems.warn_if(!is_http(text(one, "/port/protocol")) && flag(one, "/tls/httpsRedirect"), || {
            "tls.httpsRedirect should only be used with http servers".into()
        });
        problems.warn_if(has(one, "/defaultEndpoint"), || "defaultEndpoint has no effect on Gateways".into());
    }
}

fn server(one: &Value, problems: &mut Problems) {
    problems.unless(items(one, "/hosts").next().is_some(), || {
        "server config must contain at least one host".into()
    });
    for host in texts(one, "/hosts") {
        problems.note(host_of_namespace(host, true));
    }
    let Some(port) = one.get("port") else { return problems.add("port is required") };
    let (protocol, number, bind) = (text(port, "/protocol"), whole(port, "/number"), text(one, "/bind"));
    problems.unless(is_protocol(protocol), || {
        format!("invalid protocol \"{protocol}\", supported protocols are HTTP, HTTP2, GRPC, GRPC-WEB, MONGO, REDIS, MYSQL, TCP")
    });
    match bind.strip_prefix("unix://") {
        Some(path) => {
            problems.note(socket(path));
            problems.unless(number == 0, || format!("port number must be 0 for unix domain socket: {port}"));
        }
        None => {
            problems.note(port_number(number));
            if !bind.is_empty() {
                problems.note(address(bind));
            }
        }
    }
    problems.unless(whole(port, "/targetPort") == 0, || "targetPort has no impact on Gateways".into());
    problems.unless(!text(port, "/name").is_empty(), || format!("port name must be set: {port}"));
    let settings = one.get("tls");
    if let Some(settings) = settings {
        tls::server(settings, problems);
    }
    match settings {
        None => problems
            .unless(!is_tls(protocol), || "server must have TLS settings for HTTPS/TLS protocols".into()),
        Some(settings) if is_http(protocol) => {
            let passes = matches!(text(settings, "/mode"), "" | "PASSTHROUGH" | "AUTO_PASSTHROUGH");
            let files = ["/caCertificates", "/privateKey", "/serverCertificate"]
                .iter()
                .any(|path| !text(settings, path).is_empty());
            problems.unless(passes && !files, || {
                "server cannot have TLS settings for plain text HTTP ports".into()
            });
        }
        Some(_) => problems
            .unless(is_tls(protocol), || "server cannot have TLS settings for non HTTPS/TLS ports".into()),
    }
}
