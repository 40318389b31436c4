//! What a rule of a VirtualService or of a route is known by, so that it is found again when others come and go around it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Which list of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum List {
    /// `http` of a VirtualService.
    Http,
    /// `tcp` of a VirtualService.
    Tcp,
    /// `tls` of a VirtualService.
    Tls,
    /// `rules` of an HTTPRoute or a GRPCRoute.
    Rules,
}

impl List {
    /// Its field below the spec.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Rules => "rules",
        }
    }

    /// The field of a rule that says which calls or connections it takes.
    pub fn matches(self) -> &'static str {
        if self == Self::Rules { "matches" } else { "match" }
    }

    /// The field of a rule that shares them out.
    pub fn shares(self) -> &'static str {
        if self == Self::Rules { "backendRefs" } else { "route" }
    }
}

/// What a rule is known by among those of its VirtualService: the calls that it takes, and its name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RuleKey {
    matches: Vec<Value>,
    name: Option<String>,
    /// Which of those with the same matches and name: the first takes all their calls.
    nth: usize,
}

impl RuleKey {
    /// The keys of all rules of `http` of a VirtualService, in their order.
    pub fn all(spec: &Value) -> Vec<Self> {
        Self::of(spec, List::Http)
    }

    /// The keys of all rules of a list, in their order.
    pub fn of(spec: &Value, list: List) -> Vec<Self> {
        let mut keys: Vec<Self> = Vec::new();
        for rule in spec.get(list.name()).and_then(Value::as_array).into_iter().flatten() {
            let matches = rule.get(list.matches()).and_then(Value::as_array).cloned().unwrap_or_default();
            let name = rule.get("name").and_then(Value::as_str).map(str::to_owned);
            let equal = |key: &&Self| key.matches == matches && key.name == name;
            let nth = keys.iter().filter(equal).count();
            keys.push(Self { matches, name, nth });
        }
        keys
    }

    /// Whether it takes every call that no rule before it takes.
    pub fn takes_all(&self) -> bool {
        self.matches.is_empty()
    }

    /// Whether it takes exactly the calls of these matches.
    pub fn takes(&self, matches: &[Value]) -> bool {
        self.matches == matches
    }

    /// Whether all calls that it takes carry this header with exactly this value.
    pub fn wants(&self, header: &str, value: &str) -> bool {
        let exact = |one: &Value| Some(one.get("headers")?.get(header)?.get("exact")? == value);
        !self.takes_all() && self.matches.iter().all(|one| exact(one) == Some(true))
    }
}
