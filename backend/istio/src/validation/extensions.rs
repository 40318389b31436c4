//! WasmPlugins, TrafficExtensions and ProxyConfigs.

use super::at::At;
use super::found::{Found, rules};
use super::malformed::port_number;
use super::policies::attachment;
use super::shared::selector;

rules! {
    /// What is wrong with an extension.
    Extension {
        Error NotOneExtension "exactly one of wasm or lua must be set";
        Error NoLua "lua.inlineCode must be set";
        Error NoUrl "url field needs to be set";
        Error BadUrlScheme(scheme: String) "url contains unsupported scheme: {scheme}";
        Error BadChecksumLength "sha256 field must be 64 characters long";
        Error BadChecksum "sha256 field must match [a-f0-9]{{64}} pattern";
        Error LongSecret "imagePullSecret field must be less than 253 characters long";
        Error LongPluginName "pluginName field must be less than 255 characters long";
        Error NamelessVariable "spec.vmConfig.env invalid";
        Error VariableTwice "duplicate env";
        Error ValueOfHostVariable "value may only be set when valueFrom is INLINE";
        Error NegativeConcurrency "concurrency must be greater than or equal to 0";
    }
}

pub(super) fn wasm_plugin(spec: At<'_>, found: &mut Found) {
    attachment(spec, found);
    module(spec, found);
    ports(spec, found);
}

pub(super) fn traffic_extension(spec: At<'_>, found: &mut Found) {
    attachment(spec, found);
    found.when(spec.has("wasm") == spec.has("lua"), spec, Extension::NotOneExtension);
    if let Some(wasm) = spec.get("wasm") {
        module(wasm, found);
    }
    found.when(spec.has("lua") && !spec.says("lua/inlineCode"), spec.at("lua"), Extension::NoLua);
    ports(spec, found);
}

/// Where a module comes from and how it runs.
fn module(spec: At<'_>, found: &mut Found) {
    let url = spec.text("url");
    found.when(url.is_empty(), spec.at("url"), Extension::NoUrl);
    if let Some((scheme, _)) = url.split_once("://")
        && !matches!(scheme, "file" | "http" | "https" | "oci")
    {
        found.add(spec.at("url"), Extension::BadUrlScheme { scheme: scheme.to_owned() });
    }
    let checksum = spec.text("sha256");
    if !checksum.is_empty() {
        let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        found.when(checksum.len() != 64, spec.at("sha256"), Extension::BadChecksumLength);
        found.when(!checksum.chars().all(hex), spec.at("sha256"), Extension::BadChecksum);
    }
    let secret = spec.text("imagePullSecret").len();
    found.when(secret > 253, spec.at("imagePullSecret"), Extension::LongSecret);
    found.when(spec.text("pluginName").len() > 256, spec.at("pluginName"), Extension::LongPluginName);
    let mut names = Vec::new();
    for variable in spec.items("vmConfig/env") {
        let name = variable.text("name");
        found.when(name.is_empty(), variable, Extension::NamelessVariable);
        found.when(names.contains(&name), variable, Extension::VariableTwice);
        names.push(name);
        let of_host = variable.text("valueFrom") == "HOST" && variable.has("value");
        found.when(of_host, variable.at("value"), Extension::ValueOfHostVariable);
    }
}

fn ports(spec: At<'_>, found: &mut Found) {
    for one in spec.items("match") {
        for port in one.items("ports") {
            found.note(port.at("number"), port_number(port.whole("number")));
        }
    }
}

pub(super) fn proxy_config(spec: At<'_>, found: &mut Found) {
    selector(spec, "selector", "matchLabels", None, found);
    found.when(spec.whole("concurrency") < 0, spec.at("concurrency"), Extension::NegativeConcurrency);
}
