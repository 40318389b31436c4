//! Validation rules: CEL expressions that hold over a value, and what is said when they do not.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use serde_json::{Value, json};

use super::{cel::Program, problem::FieldProblem};

/// One rule.
#[derive(Clone)]
pub(crate) struct Rule(Arc<Inner>);

struct Inner {
    expression: String,
    /// What is said when it does not hold; "failed rule: …" where the rule does not say.
    message: Option<String>,
    /// Says what is wrong in place of the message.
    message_expression: Option<(String, Program)>,
    reason: &'static str,
    /// Which field the words are about, below the one that the rule stands at.
    field: String,
    program: Program,
}

/// The rules that the schema files name: name, expression, message.
const ROWS: &[(&str, &str, &str)] = &[
    ("duration", "duration(self) >= duration('1ms')", "must be a valid duration greater than 1ms"),
    ("port", "0 < self && self <= 65535", "port must be between 1-65535"),
    (
        "port-name",
        "self.all(key, size(key) < 63 && key.matches('^[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?$'))",
        "port name must be valid",
    ),
    (
        "service-port",
        "((!has(self.kind) || self.kind == 'Service') && (!has(self.group) || self.group == '')) ? \
            has(self.port) : true",
        "Must have port for Service reference",
    ),
    (
        "absolute-path",
        "!has(self.value) || (has(self.type) && self.type == 'RegularExpression') || \
            self.value.startsWith('/')",
        "value must be an absolute path and start with '/' when type one of ['Exact', 'PathPrefix']",
    ),
    (
        "filter-part",
        "has(self.requestHeaderModifier) == (self.type == 'RequestHeaderModifier') && \
            has(self.responseHeaderModifier) == (self.type == 'ResponseHeaderModifier') && \
            has(self.requestMirror) == (self.type == 'RequestMirror') && has(self.requestRedirect) == \
            (self.type == 'RequestRedirect') && has(self.urlRewrite) == (self.type == 'URLRewrite') && \
            has(self.cors) == (self.type == 'CORS') && has(self.extensionRef) == (self.type == \
            'ExtensionRef')",
        "the part that filter.type names must be specified, and no other",
    ),
    (
        "redirect-or-backends",
        "(has(self.backendRefs) && size(self.backendRefs) > 0) ? (!has(self.filters) || self.filters.all(f, \
            !has(f.requestRedirect))) : true",
        "RequestRedirect filter must not be used together with backendRefs",
    ),
    (
        "prefix-to-replace",
        "(has(self.filters) && self.filters.exists(f, (has(f.urlRewrite) && has(f.urlRewrite.path) && \
            has(f.urlRewrite.path.replacePrefixMatch)) || (has(f.requestRedirect) && \
            has(f.requestRedirect.path) && has(f.requestRedirect.path.replacePrefixMatch)))) ? \
            (has(self.matches) && size(self.matches) == 1 && has(self.matches[0].path) && \
            (!has(self.matches[0].path.type) || self.matches[0].path.type == 'PathPrefix')) : true",
        "with path.replacePrefixMatch, exactly one PathPrefix match must be specified",
    ),
    (
        "replaced-path",
        "self.type == 'ReplaceFullPath' ? has(self.replaceFullPath) && !has(self.replacePrefixMatch) : \
            has(self.replacePrefixMatch) && !has(self.replaceFullPath)",
        "the path that type names must be specified, and no other",
    ),
    (
        "try-within-request",
        "!(has(self.request) && has(self.backendRequest) && duration(self.request) != duration('0s') && \
            duration(self.backendRequest) > duration(self.request))",
        "backendRequest timeout cannot be longer than request timeout",
    ),
    ("port-keys", "self.all(key, 0 < int(key) && int(key) <= 65535)", "port must be between 1-65535"),
    (
        "port-level-mtls-needs-selector",
        "(has(self.selector) && has(self.selector.matchLabels) && self.selector.matchLabels.size() > 0) || \
            !has(self.portLevelMtls)",
        "portLevelMtls requires selector",
    ),
    (
        "one-target",
        "(has(self.selector)?1:0)+(has(self.targetRef)?1:0)+(has(self.targetRefs)?1:0)<=1",
        "only one of targetRefs or selector can be set",
    ),
    (
        "one-workload",
        "(has(self.workloadSelector)?1:0)+(has(self.targetRefs)?1:0)<=1",
        "only one of targetRefs or workloadSelector can be set",
    ),
    ("no-wildcard-key", "self.all(key, !key.contains('*'))", "wildcard not allowed in label key match"),
    ("no-empty-key", "self.all(key, key.size() != 0)", "key must not be empty"),
    ("no-wildcard-value", "!self.contains('*')", "wildcard not allowed in label value match"),
    ("no-wildcard", "!self.contains('*')", "wildcard is not supported in selector"),
    ("same-namespace", "self.size() == 0", "cross namespace referencing is not currently supported"),
    (
        "endpoints-or-selector",
        "(has(self.workloadSelector)?1:0)+(has(self.endpoints)?1:0)<=1",
        "only one of WorkloadSelector or Endpoints can be set",
    ),
    (
        "no-cidr-addresses-with-dns",
        "!(has(self.addresses) && self.addresses.exists(a, a.contains('/')) && has(self.resolution) && \
            !(self.resolution in ['STATIC', 'NONE']))",
        "CIDR addresses are allowed only for NONE/STATIC resolution types",
    ),
    (
        "none-has-no-endpoints",
        "!(has(self.endpoints) && (!has(self.resolution) || self.resolution == 'NONE'))",
        "NONE mode cannot set endpoints",
    ),
    (
        "round-robin-has-one-endpoint",
        "!(has(self.resolution) && self.resolution == 'DNS_ROUND_ROBIN' && has(self.endpoints) && \
            self.endpoints.size() > 1)",
        "DNS_ROUND_ROBIN mode cannot have multiple endpoints",
    ),
    (
        "unique-port-numbers",
        "self.all(a, self.exists_one(b, b.number == a.number))",
        "port number cannot be duplicated",
    ),
    ("no-full-wildcard-host", "self != '*'", "hostname cannot be wildcard"),
    ("address-or-network", "has(self.address) || has(self.network)", "Address is required"),
    (
        "socket-has-no-ports",
        "!(has(self.address) && self.address.startsWith('unix://') && has(self.ports))",
        "UDS may not include ports",
    ),
    (
        "socket-path",
        "!self.startsWith('unix://') || self.substring(7, 8) in ['/', '@']",
        "UDS must be an absolute path or abstract socket",
    ),
    ("socket-is-no-directory", "!self.startsWith('unix://') || !self.endsWith('/')", "UDS may not be a dir"),
    (
        "one-jwks",
        "(has(self.jwksUri)?1:0)+(has(self.jwks_uri)?1:0)+(has(self.jwks)?1:0)<=1",
        "only one of jwks or jwksUri can be set",
    ),
    (
        "http-url",
        "isURL(self) && url(self).getScheme() in ['http', 'https']",
        "url must have scheme http:// or https://",
    ),
    (
        "module-url",
        "isURL(self) ? url(self).getScheme() in ['', 'http', 'https', 'file', 'oci'] : isURL('http://' + \
            self)",
        "url must have schema one of [http, https, file, oci]",
    ),
    (
        "inline-value",
        "!has(self.valueFrom) || self.valueFrom != 'HOST' || !has(self.value)",
        "value may only be set when valueFrom is INLINE",
    ),
    ("wasm-or-lua", "has(self.wasm) != has(self.lua)", "exactly one of wasm or lua must be set"),
    (
        "accounts-or-principals",
        "!(has(self.serviceAccounts) || has(self.notServiceAccounts)) || !(has(self.principals) || \
            has(self.notPrincipals) || has(self.namespaces) || has(self.notNamespaces))",
        "Cannot set serviceAccounts with namespaces or principals",
    ),
    (
        "upsert-needs-value",
        "!has(self.operation) || self.operation != 'UPSERT' || (has(self.value) && self.value != '')",
        "value must be set when operation is UPSERT",
    ),
    (
        "remove-has-no-value",
        "!has(self.operation) || self.operation != 'REMOVE' || !has(self.value)",
        "value must not be set when operation is REMOVE",
    ),
    (
        "names-or-certificates",
        "(has(self.tlsCertificates)?1:0)+(has(self.credentialNames)?1:0)<=1",
        "only one of credentialNames or tlsCertificates can be set",
    ),
    (
        "name-or-names",
        "(has(self.credentialName)?1:0)+(has(self.credentialNames)?1:0)<=1",
        "only one of credentialName or credentialNames can be set",
    ),
    (
        "name-or-certificates",
        "(has(self.credentialName)?1:0)+(has(self.tlsCertificates)?1:0)<=1",
        "only one of credentialName or tlsCertificates can be set",
    ),
    (
        "waypoint-in-waypoints",
        "has(self.context) && self.context == 'WAYPOINT' ? has(self.waypoint) : !has(self.waypoint)",
        "only support waypointMatch when context is WAYPOINT",
    ),
    ("http-or-https", "self in ['', 'HTTP', 'HTTPS']", "scheme must be one of [HTTP, HTTPS]"),
    (
        "one-warmup",
        "(has(self.warmupDurationSecs)?1:0)+(has(self.warmup)?1:0)<=1",
        "only one of warmupDurationSecs or warmup can be set",
    ),
];

/// The same, read once: every store has them.
static KNOWN: LazyLock<HashMap<&str, Rule>> = LazyLock::new(|| {
    let rule = |(name, expression, message): &(&'static str, &str, &str)| {
        Some((*name, Rule::parse(&json!({"rule": expression, "message": message}))?))
    };
    ROWS.iter().filter_map(rule).collect()
});

impl Rule {
    /// The rule with this name in the schema files.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let rule = KNOWN.get(name);
        if rule.is_none() {
            tracing::error!(name, "the schema files name a rule that has no meaning here");
        }
        rule.cloned()
    }

    /// A rule as a CRD writes it. One that is not understood is not enforced, and the log says so.
    pub(crate) fn read(written: &Value) -> Option<Self> {
        KNOWN.values().find(|rule| rule.is_written(written)).cloned().or_else(|| Self::parse(written))
    }

    fn parse(written: &Value) -> Option<Self> {
        let text = |name: &str| written.get(name).and_then(Value::as_str).map(str::to_owned);
        let expression = text("rule")?;
        let parse = |expression: &str| {
            Program::parse(expression)
                .inspect_err(|why| {
                    tracing::warn!(%expression, %why,
                    "a validation rule is not understood and not enforced");
                })
                .ok()
        };
        let program = parse(&expression)?;
        Some(Self(Arc::new(Inner {
            message: text("message"),
            message_expression: text("messageExpression")
                .and_then(|words| Some((words.clone(), parse(&words)?))),
            reason: match text("reason").as_deref() {
                Some("FieldValueRequired") => "FieldValueRequired",
                Some("FieldValueForbidden") => "FieldValueForbidden",
                Some("FieldValueDuplicate") => "FieldValueDuplicate",
                _ => "FieldValueInvalid",
            },
            field: text("fieldPath").unwrap_or_default(),
            expression,
            program,
        })))
    }

    /// Whether a CRD means this rule, word for word.
    fn is_written(&self, written: &Value) -> bool {
        let text = |name: &str| written.get(name).and_then(Value::as_str).unwrap_or_default();
        text("rule") == self.0.expression
            && text("message") == self.0.message.as_deref().unwrap_or_default()
            && written.as_object().is_some_and(|members| members.len() == 2)
    }

    fn message(&self) -> String {
        let unsaid = || format!("failed rule: {}", self.0.expression.trim());
        self.0.message.clone().unwrap_or_else(unsaid)
    }

    /// As a CRD writes it.
    pub(crate) fn to_json(&self) -> Value {
        let mut written = json!({"rule": self.0.expression, "message": self.message()});
        if let Some((expression, _)) = &self.0.message_expression {
            written["messageExpression"] = json!(expression);
        }
        if self.0.reason != "FieldValueInvalid" {
            written["reason"] = json!(self.0.reason);
        }
        if !self.0.field.is_empty() {
            written["fieldPath"] = json!(self.0.field);
        }
        written
    }

    /// What is wrong with a value by this rule, given what it was before.
    pub(crate) fn problem(&self, path: &str, value: &Value, old: Option<&Value>) -> Option<FieldProblem> {
        if self.0.program.is_transition() && old.is_none() {
            return None;
        }
        let message = match (self.0.program.run(value, old), &self.0.message) {
            (Ok(Value::Bool(true)), _) => return None,
            (Ok(_), _) => {
                let said =
                    self.0.message_expression.as_ref().and_then(|(_, words)| words.run(value, old).ok());
                said.as_ref().and_then(Value::as_str).map_or_else(|| self.message(), str::to_owned)
            }
            // A duration that is none, a member that is not there: the real server refuses these, too.
            (Err(_), Some(message)) => message.clone(),
            (Err(error), None) => format!("{error} evaluating rule: {}", self.0.expression),
        };
        let problem = FieldProblem::invalid(&format!("{path}{}", self.0.field), value, &message);
        Some(FieldProblem { reason: self.0.reason, ..problem })
    }
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0.expression)
    }
}
