//! What the CRDs' validation rules mean. A rule is written in the CRD as CEL, for those who read it there; here is its
//! meaning in Rust.

use serde_json::Value;

/// One rule of the schema files.
#[derive(Clone, Copy)]
pub(crate) struct Rule(&'static Row);

struct Row {
    name: &'static str,
    expression: &'static str,
    message: &'static str,
    holds: fn(&Value) -> bool,
}

const ROWS: &[Row] = &[
    Row {
        name: "duration",
        expression: "duration(self) >= duration('1ms')",
        message: "must be a valid duration greater than 1ms",
        holds: |value| value.as_str().and_then(crate::duration::parse).is_some_and(|nanos| nanos >= 1_000_000),
    },
    Row {
        name: "port",
        expression: "0 < self && self <= 65535",
        message: "port must be between 1-65535",
        holds: |value| value.as_u64().is_some_and(|port| (1..=65_535).contains(&port)),
    },
    Row {
        name: "port-level-mtls-needs-selector",
        expression: "(has(self.selector) && has(self.selector.matchLabels) && self.selector.matchLabels.size() > 0) || !has(self.portLevelMtls)",
        message: "portLevelMtls requires selector",
        holds: |value| value.get("portLevelMtls").is_none() || has_members(value.pointer("/selector/matchLabels")),
    },
    Row {
        name: "one-target",
        expression: "(has(self.selector)?1:0)+(has(self.targetRef)?1:0)+(has(self.targetRefs)?1:0)<=1",
        message: "only one of targetRefs or selector can be set",
        holds: |value| ["selector", "targetRef", "targetRefs"].iter().filter(|name| value.get(**name).is_some()).count() <= 1,
    },
    Row {
        name: "no-wildcard-labels",
        expression: "self.all(key, !key.contains('*') && !self[key].contains('*'))",
        message: "wildcard is not supported in selector",
        holds: |value| {
            value.as_object().is_none_or(|labels| {
                labels.iter().all(|(key, value)| {
                    !key.is_empty() && !key.contains('*') && !value.as_str().is_some_and(|value| value.contains('*'))
                })
            })
        },
    },
    Row {
        name: "endpoints-or-selector",
        expression: "(has(self.workloadSelector)?1:0)+(has(self.endpoints)?1:0)<=1",
        message: "only one of WorkloadSelector or Endpoints can be set",
        holds: |value| value.get("workloadSelector").is_none() || value.get("endpoints").is_none(),
    },
    Row {
        name: "no-cidr-addresses-with-dns",
        expression: "!(has(self.addresses) && self.addresses.exists(a, a.contains('/')) && has(self.resolution) && self.resolution != 'STATIC' && self.resolution != 'NONE')",
        message: "CIDR addresses are allowed only for NONE/STATIC resolution types",
        holds: |value| {
            let cidr = list(value, "addresses").any(|address| address.as_str().is_some_and(|address| address.contains('/')));
            let resolution = value.get("resolution").and_then(Value::as_str).unwrap_or("NONE");
            !cidr || matches!(resolution, "NONE" | "STATIC")
        },
    },
    Row {
        name: "none-has-no-endpoints",
        expression: "!(has(self.endpoints) && (!has(self.resolution) || self.resolution == 'NONE'))",
        message: "NONE mode cannot set endpoints",
        holds: |value| {
            let resolution = value.get("resolution").and_then(Value::as_str).unwrap_or("NONE");
            resolution != "NONE" || value.get("endpoints").is_none()
        },
    },
    Row {
        name: "unique-port-numbers",
        expression: "self.all(a, self.exists_one(b, b.number == a.number))",
        message: "port number cannot be duplicated",
        holds: |value| {
            let numbers: Vec<_> = value.as_array().into_iter().flatten().filter_map(|port| port.get("number")).collect();
            numbers.iter().enumerate().all(|(index, number)| !numbers[..index].contains(number))
        },
    },
    Row {
        name: "no-full-wildcard-host",
        expression: "self.all(host, host != '*')",
        message: "wildcard host is not allowed here",
        holds: |value| value.as_array().is_none_or(|hosts| hosts.iter().all(|host| host.as_str() != Some("*"))),
    },
    Row {
        name: "one-load-balancer",
        expression: "(has(self.simple)?1:0)+(has(self.consistentHash)?1:0)<=1",
        message: "only one of simple or consistentHash can be set",
        holds: |value| value.get("simple").is_none() || value.get("consistentHash").is_none(),
    },
    Row {
        name: "one-jwks",
        expression: "(has(self.jwksUri)?1:0)+(has(self.jwks_uri)?1:0)+(has(self.jwks)?1:0)<=1",
        message: "only one of jwks or jwksUri can be set",
        holds: |value| ["jwksUri", "jwks_uri", "jwks"].iter().filter(|name| value.get(**name).is_some()).count() <= 1,
    },
    Row {
        name: "accounts-or-principals",
        expression: "(has(self.serviceAccounts) || has(self.notServiceAccounts)) ? !has(self.principals) && !has(self.notPrincipals) && !has(self.namespaces) && !has(self.notNamespaces) : true",
        message: "Cannot set serviceAccounts with namespaces or principals",
        holds: |value| {
            let has = |names: &[&str]| names.iter().any(|name| value.get(*name).is_some());
            !has(&["serviceAccounts", "notServiceAccounts"])
                || !has(&["principals", "notPrincipals", "namespaces", "notNamespaces"])
        },
    },
    Row {
        name: "upsert-needs-value",
        expression: "((has(self.operation) ? self.operation : '') == 'UPSERT') ? ((has(self.value) ? self.value : '') != '') : true",
        message: "value must be set when operation is UPSERT",
        holds: |value| {
            value.get("operation").and_then(Value::as_str) != Some("UPSERT")
                || value.get("value").and_then(Value::as_str).is_some_and(|value| !value.is_empty())
        },
    },
];

fn list<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}

fn has_members(value: Option<&Value>) -> bool {
    value.and_then(Value::as_object).is_some_and(|members| !members.is_empty())
}

impl Rule {
    /// The rule with this name in the schema files.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let row = ROWS.iter().find(|row| row.name == name);
        if row.is_none() {
            tracing::error!(name, "the schema files name a rule that has no meaning here");
        }
        row.map(Self)
    }

    /// The rule that a CRD writes so, if we know it.
    pub(crate) fn written(expression: &str) -> Option<Self> {
        ROWS.iter().find(|row| row.expression == expression).map(Self)
    }

    pub(crate) fn expression(self) -> &'static str {
        self.0.expression
    }

    pub(crate) fn message(self) -> &'static str {
        self.0.message
    }

    pub(crate) fn holds(self, value: &Value) -> bool {
        (self.0.holds)(value)
    }
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.0.name)
    }
}
