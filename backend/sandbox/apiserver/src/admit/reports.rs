//! Telemetry, extensions and proxy settings that istiod refuses.

use serde_json::Value;

use super::{
    Problems,
    security::attachment,
    values::{entries, has, items, selector, text, whole},
};

pub(super) fn telemetry(spec: &Value, problems: &mut Problems) {
    attachment(spec, problems);
    for metrics in items(spec, "/metrics") {
        providers(metrics, problems);
        for one in items(metrics, "/overrides") {
            for (name, tag) in entries(one, "/tagOverrides") {
                problems.warn_if(name.is_empty(), || "tagOverrides.name may not be empty".into());
                let value = !text(tag, "/value").is_empty();
                match text(tag, "/operation") {
                    "REMOVE" => problems.unless(!value, || {
                        "tagOverrides.value may only be set when operation is UPSERT".into()
                    }),
                    _ => problems
                        .unless(value, || "tagOverrides.value must be set when operation is UPSERT".into()),
                }
            }
            problems.unless(
                !has(one, "/match/customMetric") || !text(one, "/match/customMetric").is_empty(),
                || "customMetric may not be empty".into(),
            );
        }
    }
    problems.warn_if(items(spec, "/tracing").count() > 1, || {
        "multiple tracing is not currently supported".into()
    });
    for tracing in items(spec, "/tracing") {
        problems.warn_if(items(tracing, "/providers").count() > 1, || {
            "multiple providers is not currently supported".into()
        });
        providers(tracing, problems);
        let share = tracing.get("randomSamplingPercentage").and_then(Value::as_f64).unwrap_or(0.0);
        problems.unless((0.0..=100.0).contains(&share), || {
            "randomSamplingPercentage must be in range [0.0, 100.0]".into()
        });
        for (name, tag) in entries(tracing, "/customTags") {
            problems.unless(!name.is_empty(), || "tag name may not be empty".into());
            for (field, inner, words) in [
                ("literal", "value", "literal tag value may not be empty"),
                ("header", "name", "header tag name may not be empty"),
                ("environment", "name", "environment tag name may not be empty"),
            ] {
                let empty = tag.get(field).is_some_and(|of| text(of, &format!("/{inner}")).is_empty());
                problems.unless(!empty, || words.into());
            }
        }
    }
    for logging in items(spec, "/accessLogging") {
        providers(logging, problems);
        let filter = text(logging, "/filter/expression");
        problems.unless(!has(logging, "/filter") || balanced(filter), || {
            format!("expression is not valid: failed to parse CEL expression: `{filter}` does not end")
        });
    }
}

/// Whether quotes and brackets are closed; what the proxies cannot read beyond that is found when they are told.
fn balanced(expression: &str) -> bool {
    let (mut open, mut quote, mut closed) = (Vec::new(), None, true);
    let mut chars = expression.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(_), '\\') => drop(chars.next()),
            (Some(end), c) if c == end => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '(' | '[' | '{') => open.push(c),
            (None, ')' | ']' | '}') => {
                closed &= matches!((open.pop(), c), (Some('('), ')') | (Some('['), ']') | (Some('{'), '}'));
            }
            _ => {}
        }
    }
    closed && !expression.trim().is_empty() && open.is_empty() && quote.is_none()
}

fn providers(of: &Value, problems: &mut Problems) {
    let named = items(of, "/providers").all(|provider| !text(provider, "/name").is_empty());
    problems.unless(named, || "providers.name may not be empty".into());
}

pub(super) fn wasm_plugin(spec: &Value, problems: &mut Problems) {
    attachment(spec, problems);
    module(spec, problems);
    ports(spec, problems);
}

pub(super) fn traffic_extension(spec: &Value, problems: &mut Problems) {
    attachment(spec, problems);
    problems
        .unless(has(spec, "/wasm") != has(spec, "/lua"), || "exactly one of wasm or lua must be set".into());
    if let Some(wasm) = spec.get("wasm") {
        module(wasm, problems);
    }
    problems.unless(!has(spec, "/lua") || !text(spec, "/lua/inlineCode").is_empty(), || {
        "lua.inlineCode must be set".into()
    });
    ports(spec, problems);
}

/// Where a module comes from and how it runs.
fn module(spec: &Value, problems: &mut Problems) {
    let url = text(spec, "/url");
    problems.unless(!url.is_empty(), || "url field needs to be set".into());
    if let Some((scheme, _)) = url.split_once("://") {
        problems.unless(matches!(scheme, "file" | "http" | "https" | "oci"), || {
            format!("url contains unsupported scheme: {scheme}")
        });
    }
    let checksum = text(spec, "/sha256");
    if !checksum.is_empty() {
        let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        problems.unless(checksum.len() == 64, || "sha256 field must be 64 characters long".into());
        problems.unless(checksum.chars().all(hex), || "sha256 field must match [a-f0-9]{64} pattern".into());
    }
    problems.unless(text(spec, "/imagePullSecret").len() <= 253, || {
        "imagePullSecret field must be less than 253 characters long".into()
    });
    problems.unless(text(spec, "/pluginName").len() <= 256, || {
        "pluginName field must be less than 255 characters long".into()
    });
    let mut names = Vec::new();
    for variable in items(spec, "/vmConfig/env") {
        let name = text(variable, "/name");
        problems.unless(!name.is_empty(), || "spec.vmConfig.env invalid".into());
        problems.unless(!names.contains(&name), || "duplicate env".into());
        names.push(name);
        problems.unless(text(variable, "/valueFrom") != "HOST" || !has(variable, "/value"), || {
            "value may only be set when valueFrom is INLINE".into()
        });
    }
}

fn ports(spec: &Value, problems: &mut Problems) {
    for one in items(spec, "/match") {
        for port in items(one, "/ports") {
            problems.note(super::values::port_number(whole(port, "/number")));
        }
    }
}

pub(super) fn proxy_config(spec: &Value, problems: &mut Problems) {
    selector(spec, "/selector", "/matchLabels", "", problems);
    problems
        .unless(whole(spec, "/concurrency") >= 0, || "concurrency must be greater than or equal to 0".into());
}
