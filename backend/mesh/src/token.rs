//! What a token would give: its header and claims as they stand in it, which rule of a
//! RequestAuthentication believes it, and whether a key of that rule has signed it. A token is looked at and
//! let go: nothing of this module keeps, stores or logs one.

mod signature;

pub use signature::{Signed, signed};

use istio::views::JwtRule;
use serde_json::Value;
use std::fmt;

/// The parts of a token.
#[derive(Clone, PartialEq)]
pub struct Token {
    /// How it is signed.
    pub header: Value,
    /// What it says.
    pub claims: Value,
    /// The text that is signed.
    signed: String,
    signature: Vec<u8>,
}

// What a token says is nobody else's business: it never gets into a log.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// Why a text is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Odd {
    /// It has no three parts.
    #[error("a token has three parts with dots between")]
    Parts,
    /// A part is not Base64.
    #[error("its parts are not Base64")]
    Letters,
    /// A part is no JSON object.
    #[error("its parts are not JSON objects")]
    Words,
}

impl Token {
    /// Reads a token as it is sent, with or without "Bearer".
    ///
    /// # Errors
    /// When it is none.
    pub fn read(text: &str) -> Result<Self, Odd> {
        let text = text.trim();
        let text = text.strip_prefix("Bearer ").unwrap_or(text).trim();
        let parts: Vec<&str> = text.split('.').collect();
        let [header, claims, signature] = parts[..] else { return Err(Odd::Parts) };
        let part = |part: &str| {
            let bytes = decoded(part).ok_or(Odd::Letters)?;
            let value: Value = serde_json::from_slice(&bytes).map_err(|_| Odd::Words)?;
            if value.is_object() { Ok(value) } else { Err(Odd::Words) }
        };
        let signed = format!("{header}.{claims}");
        let signature = decoded(signature).ok_or(Odd::Letters)?;
        Ok(Self { header: part(header)?, claims: part(claims)?, signed, signature })
    }

    /// Whose it is.
    pub fn issuer(&self) -> &str {
        self.claims["iss"].as_str().unwrap_or_default()
    }

    /// For whom it is.
    pub fn audiences(&self) -> Vec<&str> {
        match &self.claims["aud"] {
            Value::String(one) => vec![one],
            list => list.as_array().into_iter().flatten().filter_map(Value::as_str).collect(),
        }
    }

    /// `request.auth.principal` of requests with it.
    pub fn principal(&self) -> Option<String> {
        Some(format!("{}/{}", self.issuer(), self.claims["sub"].as_str()?))
    }
}

/// What becomes of requests with a token, but for its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judged {
    /// The rule at this place believes it.
    Believed(usize),
    /// No rule is for its issuer.
    NoIssuer,
    /// It has expired, so many seconds ago.
    Expired(i64),
    /// It counts only in so many seconds.
    Early(i64),
    /// The rule at this place is for other audiences.
    Audience(usize),
}

/// Holds a token against rules, at a time in seconds since 1970.
pub fn judge(token: &Token, rules: &[JwtRule], now: i64) -> Judged {
    let time = |claim: &str| token.claims[claim].as_f64().map(|seconds| seconds as i64);
    let own = || rules.iter().enumerate().filter(|(_, rule)| rule.issuer == token.issuer());
    let Some((first, _)) = own().next() else { return Judged::NoIssuer };
    if let Some(expired) = time("exp").map(|at| now - at).filter(|ago| *ago >= 0) {
        return Judged::Expired(expired);
    }
    if let Some(early) = time("nbf").map(|at| at - now).filter(|left| *left > 0) {
        return Judged::Early(early);
    }
    let audiences = token.audiences();
    let fits = |rule: &JwtRule| {
        rule.audiences.is_empty() || rule.audiences.iter().any(|one| audiences.contains(&one.as_str()))
    };
    own().find(|(_, rule)| fits(rule)).map_or(Judged::Audience(first), |(at, _)| Judged::Believed(at))
}

/// Base64 as tokens have it: with `-` and `_`, without `=`.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut held) = (0_u32, 0);
    for letter in text.trim_end_matches('=').bytes() {
        let six = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'-' | b'+' => 62,
            b'_' | b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(six);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// `{"alg":"RS256"}` and `{"iss":"https://a.example","sub":"joe","aud":["x"],"exp":2000,"nbf":1000}`.
    const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.\
        eyJpc3MiOiJodHRwczovL2EuZXhhbXBsZSIsInN1YiI6ImpvZSIsImF1ZCI6WyJ4Il0sImV4cCI6MjAwMCwibmJmIjoxMDAwfQ.c2ln";

    fn rule(issuer: &str, audiences: Value) -> JwtRule {
        serde_json::from_value(json!({ "issuer": issuer, "audiences": audiences })).unwrap()
    }

    #[test]
    fn what_becomes_of_a_token() {
        let token = Token::read(&format!("Bearer {TOKEN}")).unwrap();
        assert_eq!(
            (token.header["alg"].as_str(), token.principal().unwrap().as_str()),
            (Some("RS256"), "https://a.example/joe")
        );
        let other = || rule("https://b.example", json!([]));
        for (rules, now, expect) in [
            (vec![other(), rule("https://a.example", json!([]))], 1500, Judged::Believed(1)),
            (
                vec![rule("https://a.example", json!(["y"])), rule("https://a.example", json!(["x"]))],
                1500,
                Judged::Believed(1),
            ),
            (vec![rule("https://a.example", json!(["y"]))], 1500, Judged::Audience(0)),
            (vec![other()], 1500, Judged::NoIssuer),
            (vec![rule("https://a.example", json!([]))], 2060, Judged::Expired(60)),
            (vec![rule("https://a.example", json!([]))], 990, Judged::Early(10)),
        ] {
            assert_eq!(judge(&token, &rules, now), expect);
        }
        assert_eq!(format!("{token:?}"), "Token", "nothing of it gets into a log");
    }

    #[test]
    fn what_is_no_token() {
        for (text, expect) in
            [("", Odd::Parts), ("a.b", Odd::Parts), ("?.e30.x", Odd::Letters), ("MQ.e30.x", Odd::Words)]
        {
            assert_eq!(Token::read(text), Err(expect), "{text}");
        }
        assert!(Token::read("e30.e30.").is_ok());
    }
}
