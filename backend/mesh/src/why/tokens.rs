//! Tokens of a request, as RequestAuthentications judge them.

use super::Calls;
use crate::Workload;
use crate::edit::policy::{self, Read};
use crate::token::{Judged, Signed, Token, judge, signed};
use istio::kinds;
use istio::route::Request;
use istio::views::{JwtRule, RequestAuthentication};
use serde_json::Value;
use std::fmt;

/// Why a token is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is none.
    NoToken,
    /// Nobody believes its issuer.
    Issuer(String),
    /// It has expired.
    Expired,
    /// It does not count yet.
    Early,
    /// It is for others.
    Audience,
    /// No key of its issuer has signed it.
    Signature,
}

impl Refused {
    /// With what it is answered.
    pub fn status(&self) -> u16 {
        if *self == Self::Audience { 403 } else { 401 }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoToken => f.write_str("what stands in place of a token is none"),
            Self::Issuer(issuer) => write!(f, "no RequestAuthentication believes tokens of `{issuer}`"),
            Self::Expired => f.write_str("the token has expired"),
            Self::Early => f.write_str("the token does not count yet"),
            Self::Audience => f.write_str("the token is for another audience"),
            Self::Signature => f.write_str("the token is not signed by a key of its issuer"),
        }
    }
}

/// What a workload's proxy makes of a request's token: what it says, and the object that believes or refuses it.
pub(super) struct Looked {
    /// What a believed token says.
    pub(super) claims: Option<Value>,
    /// Why it is refused, and by which object.
    pub(super) refused: Option<(Refused, istio::Ref)>,
    /// The token is believed by what stands in it: nobody has its issuer's keys here.
    pub(super) unsigned: bool,
}

/// Of the token that a request has.
pub(super) fn look(calls: &Calls<'_>, callee: &Workload, request: &Request, now: i64) -> Looked {
    let all: Vec<Read<RequestAuthentication>> = policy::all(calls.mesh, &kinds::REQUEST_AUTHENTICATION);
    let holding = all.into_iter().filter(|read| read.holds(calls.mesh, callee));
    let rules: Vec<(istio::Ref, JwtRule)> = holding
        .flat_map(|read| read.spec.jwt_rules.into_iter().map(move |rule| (read.at.clone(), rule)))
        .collect();
    let mut looked = Looked { claims: None, refused: None, unsigned: false };
    let Some((at, text)) = rules.iter().find_map(|(at, rule)| Some((at, found(rule, request)?))) else {
        return looked;
    };
    let refuse = |why: Refused| Some((why, at.clone()));
    let Ok(token) = Token::read(&text) else {
        looked.refused = refuse(Refused::NoToken);
        return looked;
    };
    // Each rule with the place that the token was found at.
    let views: Vec<JwtRule> = rules.iter().map(|(_, rule)| rule.clone()).collect();
    match judge(&token, &views, now) {
        Judged::NoIssuer => looked.refused = refuse(Refused::Issuer(token.issuer().to_owned())),
        Judged::Expired(_) => looked.refused = refuse(Refused::Expired),
        Judged::Early(_) => looked.refused = refuse(Refused::Early),
        Judged::Audience(_) => looked.refused = refuse(Refused::Audience),
        Judged::Believed(index) => match signed(&token, &views[index]) {
            Signed::Yes => looked.claims = Some(token.claims),
            Signed::Elsewhere(_) => {
                looked.unsigned = true;
                looked.claims = Some(token.claims);
            }
            _ => looked.refused = Some((Refused::Signature, rules[index].0.clone())),
        },
    }
    looked
}

/// Where a rule looks for tokens: where it says, else in `Authorization` and in `access_token`.
fn found(rule: &JwtRule, request: &Request) -> Option<String> {
    let header = |name: &str, prefix: &str| {
        let values = request.header(name);
        values.iter().find_map(|value| Some(value.strip_prefix(prefix)?.to_owned()))
    };
    let said = !rule.from_headers.is_empty() || !rule.from_params.is_empty() || !rule.from_cookies.is_empty();
    if !said {
        return header("authorization", "Bearer ")
            .or_else(|| request.parameter("access_token").map(str::to_owned));
    }
    let cookie = |name: &String| {
        let cookies = request.header("cookie").join("; ");
        cookies
            .split("; ")
            .find_map(|pair| Some(pair.strip_prefix(name.as_str())?.strip_prefix('=')?.to_owned()))
    };
    let mut headers = rule.from_headers.iter();
    let by_header = headers.find_map(|from| header(&from.name, from.prefix.as_deref().unwrap_or_default()));
    let by_param = || rule.from_params.iter().find_map(|name| request.parameter(name).map(str::to_owned));
    by_header.or_else(by_param).or_else(|| rule.from_cookies.iter().find_map(cookie))
}
