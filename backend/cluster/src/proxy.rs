//! Which proxy stands before a server: that of the kubeconfig, else that of the environment, by the rules of
//! Go's programs. None ever stands before this machine itself.

use crate::error;
use crate::usable::Unusable;
use http::Uri;
use std::net::IpAddr;

/// The proxy for a server; `told` is the one that the kubeconfig names, `variable` reads the environment.
pub(crate) fn proxy(
    told: Option<&str>,
    server: &str,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<Uri>, Unusable> {
    if let Some(told) = told.filter(|told| !told.is_empty()) {
        return url(told).map(Some).ok_or(Unusable::BadProxy);
    }
    let names = match server.split("://").next() {
        Some("http") => ["HTTP_PROXY", "http_proxy"],
        _ => ["HTTPS_PROXY", "https_proxy"],
    };
    let set = |names: [&str; 2]| names.iter().filter_map(|name| variable(name)).find(|told| !told.is_empty());
    let Some(told) = set(names) else { return Ok(None) };
    let spared = set(["NO_PROXY", "no_proxy"]).unwrap_or_default();
    if error::is_local(server) || is_spared(server, &spared) {
        return Ok(None);
    }
    url(&told).map(Some).ok_or(Unusable::BadProxy)
}

/// A proxy's URL; without a scheme it is meant to be http.
fn url(told: &str) -> Option<Uri> {
    let whole = if told.contains("://") { told.to_owned() } else { format!("http://{told}") };
    let url: Uri = whole.replacen("socks5h://", "socks5://", 1).parse().ok()?;
    (matches!(url.scheme_str(), Some("http" | "https" | "socks5")) && url.host().is_some()).then_some(url)
}

/// Whether NO_PROXY spares a server: by its name, a domain above it, its address or a range of addresses.
fn is_spared(server: &str, spared: &str) -> bool {
    let Ok(server) = url::Url::parse(server) else { return false };
    let host = server.host_str().unwrap_or_default().trim_matches(['[', ']']).to_ascii_lowercase();
    let port = server.port_or_known_default().unwrap_or_default().to_string();
    let address: Option<IpAddr> = host.parse().ok();
    spared.split(',').map(|entry| entry.trim().to_ascii_lowercase()).filter(|entry| !entry.is_empty()).any(
        |entry| {
            if entry == "*" {
                return true;
            }
            if let Some(address) = address {
                if let Some((range, bits)) = entry.split_once('/') {
                    return in_range(address, range, bits).unwrap_or_default();
                }
                return entry.trim_matches(['[', ']']).parse() == Ok(address)
                    || entry == format!("{host}:{port}");
            }
            let (name, wanted) = entry.split_once(':').unwrap_or((&entry, &port));
            let below = name.strip_prefix("*.").or_else(|| name.strip_prefix('.'));
            let is_below = |domain: &str| host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
            wanted == port && below.map_or_else(|| host == name || is_below(name), is_below)
        },
    )
}

fn in_range(address: IpAddr, range: &str, bits: &str) -> Option<bool> {
    let bits: u32 = bits.parse().ok()?;
    let (range, width) = match range.parse().ok()? {
        IpAddr::V4(range) => (u128::from(range.to_bits()), 32),
        IpAddr::V6(range) => (range.to_bits(), 128),
    };
    let (address, of) = match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()), 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    };
    let shift = u32::checked_sub(width, bits)?;
    Some(width == of && address.checked_shr(shift) == range.checked_shr(shift))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(told: &str, server: &str, environment: &[(&str, &str)], expect: &str) {
        let variable = |name: &str| {
            let found = environment.iter().find(|(known, _)| *known == name)?;
            Some(found.1.to_owned())
        };
        let proxy = proxy(Some(told), server, variable);
        let proxy = proxy.map(|proxy| proxy.map_or_else(String::new, |url| url.to_string()));
        assert_eq!(proxy.unwrap_or_else(|error| error.to_string()), expect);
    }

    #[test]
    fn the_kubeconfig_then_the_environment() {
        let both = [("HTTPS_PROXY", "proxy:3128"), ("http_proxy", "http://plain:1")];
        check("", "https://kube.example", &both, "http://proxy:3128/");
        check("", "http://kube.example", &both, "http://plain:1/");
        check("socks5://own:1080", "https://kube.example", &both, "socks5://own:1080/");
        check("socks5://own:1080", "https://127.0.0.1", &both, "socks5://own:1080/");
        check("ftp://own", "https://kube.example", &both, &Unusable::BadProxy.to_string());
        check("", "https://kube.example", &[], "");
    }

    #[test]
    fn never_for_this_machine() {
        for server in ["https://127.0.0.1:6443", "https://localhost:6443", "https://[::1]:6443"] {
            check("", server, &[("HTTPS_PROXY", "proxy:3128")], "");
        }
    }

    #[test]
    fn what_no_proxy_spares() {
        for (spared, server, is) in [
            ("*", "https://kube.example", true),
            ("a.example, kube.example", "https://kube.example:6443", true),
            ("example", "https://kube.example", true),
            (".example", "https://kube.example", true),
            (".kube.example", "https://kube.example", false),
            ("be.example", "https://kube.example", false),
            ("kube.example:6443", "https://kube.example", false),
            ("10.0.0.0/8,,x/y", "https://10.1.2.3:6443", true),
            ("10.0.0.0/8", "https://11.1.2.3", false),
            ("0.0.0.0/0", "https://11.1.2.3", true),
            ("fd00::/8", "https://[fd12::1]:6443", true),
            ("10.1.2.3", "https://10.1.2.3", true),
        ] {
            assert_eq!(is_spared(server, spared), is, "{spared} {server}");
        }
    }
}
