//! Whether AuthorizationPolicies let a call in.
//!
//! Of a call between two workloads often only who calls whom is known; its method, path, headers and token are
//! another for each request. Then the answer can be that it depends, and on what. Of a request that is known the
//! answer is the proxy's.

mod holds;
mod look;
pub mod patterns;

pub use holds::Holds;
pub use look::{Field, missed, takes};

use crate::precedence::Config;
use crate::route::Request;
use crate::views::AuthorizationPolicy;
use Holds::{Depends, No, Yes};
use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

/// What a policy does with the calls that one of its rules takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Somebody else is asked.
    Custom,
    /// They are noted, and nothing else.
    Audit,
    /// They are refused.
    Deny,
    /// They are let in, and all others that no such policy takes are refused.
    Allow,
}

impl Action {
    /// All of them, in the order in which Istio looks at them.
    pub const ALL: [Self; 4] = [Self::Custom, Self::Audit, Self::Deny, Self::Allow];

    /// As Istio writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Custom => "CUSTOM",
            Self::Audit => "AUDIT",
            Self::Deny => "DENY",
            Self::Allow => "ALLOW",
        }
    }
    /// What is written as a policy's `action`; ALLOW where nothing is. `None` for a word that Istio does not
    /// know.
    pub fn read(word: Option<&str>) -> Option<Self> {
        match word {
            None | Some("") => Some(Self::Allow),
            Some(word) => Self::ALL.into_iter().find(|action| action.name() == word),
        }
    }
}

/// Who calls, as the called proxy sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// A service account, proved by mutual TLS.
    Account {
        /// Its namespace.
        namespace: String,
        /// Its name.
        account: String,
    },
    /// Nobody: it calls in plain text.
    Nobody,
    /// One of these two.
    Unknown,
}

/// A call, as far as it is known.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// Who calls.
    pub identity: &'a Identity,
    /// The mesh's trust domain; policies may also say "cluster.local".
    pub trust_domain: &'a str,
    /// The port of the workload that is called; `None` where it is not known.
    pub port: Option<u32>,
    /// Whether its proxy reads requests there, or passes bytes on.
    pub http: bool,
    /// The request, with the claims of its token if that is believed; `None`: it may be any.
    pub request: Option<&'a Request>,
    /// From where the connection comes.
    pub source: Option<IpAddr>,
    /// From where the request comes, by the word of proxies before.
    pub remote: Option<IpAddr>,
}

impl<'a> Call<'a> {
    /// Any request of this caller.
    pub fn any(identity: &'a Identity, trust_domain: &'a str, port: Option<u32>, http: bool) -> Self {
        Self { identity, trust_domain, port, http, request: None, source: None, remote: None }
    }
}

/// A policy's rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct By {
    /// The policy's namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Which of its rules.
    pub rule: usize,
    /// What it does.
    pub action: Action,
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// What becomes of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it is let in.
    pub may: Holds,
    /// The rule that decides it; `None` where none does.
    pub by: Option<By>,
    /// Providers that are asked before.
    pub asks: Vec<String>,
}

/// Whether policies let a call in: those of them that hold for the called workload and are no dry run.
pub fn admit<C: Config<Spec = AuthorizationPolicy>>(policies: &[C], call: &Call<'_>) -> Verdict {
    let of = |wanted: Action| -> Vec<(By, Holds)> {
        let acts = |one: &&C| Action::read(one.spec().action.as_deref()) == Some(wanted);
        policies.iter().filter(acts).filter_map(|one| taking(one, wanted, call)).collect()
    };
    let first = |found: &[(By, Holds)], sure: bool| {
        found.iter().find(|(_, taken)| (*taken == Yes) == sure).map(|(by, _)| by.clone())
    };
    let (mut open, mut asks) = (BTreeSet::new(), Vec::new());
    let custom = of(Action::Custom);
    for (by, taken) in &custom {
        let named = |one: &&C| (one.namespace(), one.name()) == (by.namespace.as_str(), by.name.as_str());
        let provider =
            policies.iter().find(named).and_then(|one| one.spec().provider.as_ref()?["name"].as_str());
        if let Depends(on) = taken {
            open.extend(on.iter().cloned());
        }
        let provider = provider.unwrap_or("the provider").to_owned();
        open.insert(format!("what {provider} answers"));
        if !asks.contains(&provider) {
            asks.push(provider);
        }
    }
    let mut by = custom.first().map(|(by, _)| by.clone());
    let denying = of(Action::Deny);
    if let Some(denied) = first(&denying, true) {
        return Verdict { may: No, by: Some(denied), asks };
    }
    by = by.or_else(|| first(&denying, false));
    denying.into_iter().for_each(|(_, taken)| open.extend(taken.depends()));
    let any = policies.iter().any(|one| Action::read(one.spec().action.as_deref()) == Some(Action::Allow));
    let allowing = of(Action::Allow);
    match Holds::any(allowing.iter().map(|(_, taken)| taken.clone())) {
        No if any => return Verdict { may: No, by: None, asks },
        Depends(on) => {
            open.extend(on);
            by = by.or_else(|| first(&allowing, false));
        }
        _ if open.is_empty() => return Verdict { may: Yes, by: first(&allowing, true), asks },
        _ => {}
    }
    Verdict { may: Depends(open), by, asks }
}

/// The first rule of a policy that takes a call, or may.
fn taking<C: Config<Spec = AuthorizationPolicy>>(
    one: &C,
    action: Action,
    call: &Call<'_>,
) -> Option<(By, Holds)> {
    let rules = one.spec().rules.iter().map(|rule| takes(rule, action, one.namespace(), call));
    let all: Vec<(usize, Holds)> = rules.enumerate().filter(|(_, taken)| *taken != No).collect();
    let (rule, _) = all.iter().find(|(_, taken)| *taken == Yes).or_else(|| all.first())?;
    let by = By { namespace: one.namespace().to_owned(), name: one.name().to_owned(), rule: *rule, action };
    Some((by, Holds::any(all.into_iter().map(|(_, taken)| taken))))
}

#[cfg(test)]
mod tests;
