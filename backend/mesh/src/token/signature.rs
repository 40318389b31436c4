//! Whether a token is signed by a key of its issuer, as far as the keys stand in the policy itself.

use super::{Token, decoded};
use istio::views::JwtRule;
use ring::hmac;
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};
use serde::Deserialize;
use serde_json::Value;

/// What is known of a token's signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signed {
    /// It is of a key of the issuer.
    Yes,
    /// It is of none of the keys that it could be of.
    No,
    /// The issuer has no key of this name and algorithm.
    NoKey,
    /// Proxies take no token that is signed like this.
    Algorithm,
    /// The keys stand elsewhere: at this address, or where the issuer says.
    Elsewhere(Option<String>),
    /// The policy's own keys cannot be read.
    Unreadable,
}

/// Keys as a policy has them.
#[derive(Deserialize)]
struct Keys {
    keys: Vec<Value>,
}

/// One key; what it is made of is read where its kind is known.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Key {
    kty: String,
    kid: String,
    alg: String,
    crv: String,
    n: String,
    e: String,
    x: String,
    y: String,
    k: String,
}

/// Holds a token's signature against the keys of the rule that believes it.
pub fn signed(token: &Token, rule: &JwtRule) -> Signed {
    let said = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let Some(keys) = said(&rule.jwks) else { return Signed::Elsewhere(said(&rule.jwks_uri)) };
    let Ok(Keys { keys }) = serde_json::from_str(&keys) else { return Signed::Unreadable };
    let of = |name: &str| token.header[name].as_str().unwrap_or_default();
    let (algorithm, name) = (of("alg"), of("kid"));
    if !ALGORITHMS.contains(&algorithm) {
        return Signed::Algorithm;
    }
    // As Envoy: what either side leaves out fits everything.
    let fits = |own: &str, asked: &str| own.is_empty() || asked.is_empty() || own == asked;
    let keys = keys.into_iter().filter_map(|key| serde_json::from_value::<Key>(key).ok());
    let mut could = keys
        .filter(|key| fits(&key.kid, name) && fits(&key.alg, algorithm) && key.kty == kind(algorithm))
        .peekable();
    if could.peek().is_none() {
        return Signed::NoKey;
    }
    let (message, signature) = (token.signed.as_bytes(), &*token.signature);
    if could.any(|key| key.signed(algorithm, message, signature).is_some()) {
        Signed::Yes
    } else {
        Signed::No
    }
}

/// How tokens can be signed.
const ALGORITHMS: [&str; 12] = [
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "HS256", "HS384", "HS512",
    "EdDSA",
];

/// The kind of keys for an algorithm.
fn kind(algorithm: &str) -> &'static str {
    match algorithm.get(..2) {
        Some("RS" | "PS") => "RSA",
        Some("ES") => "EC",
        Some("HS") => "oct",
        _ => "OKP",
    }
}

impl Key {
    /// Something where a signature is of this key.
    fn signed(&self, algorithm: &str, message: &[u8], signature: &[u8]) -> Option<()> {
        let rsa = |how: &'static signature::RsaParameters| {
            let (n, e) = (decoded(&self.n)?, decoded(&self.e)?);
            RsaPublicKeyComponents { n, e }.verify(how, message, signature).ok()
        };
        let point = |curve: &str, how: &'static dyn signature::VerificationAlgorithm| {
            let key = [vec![4], decoded(&self.x)?, decoded(&self.y)?].concat();
            let key = UnparsedPublicKey::new(how, key);
            if self.crv == curve { key.verify(message, signature).ok() } else { None }
        };
        let shared = |how: hmac::Algorithm| {
            hmac::verify(&hmac::Key::new(how, &decoded(&self.k)?), message, signature).ok()
        };
        match algorithm {
            "RS256" => rsa(&signature::RSA_PKCS1_2048_8192_SHA256),
            "RS384" => rsa(&signature::RSA_PKCS1_2048_8192_SHA384),
            "RS512" => rsa(&signature::RSA_PKCS1_2048_8192_SHA512),
            "PS256" => rsa(&signature::RSA_PSS_2048_8192_SHA256),
            "PS384" => rsa(&signature::RSA_PSS_2048_8192_SHA384),
            "PS512" => rsa(&signature::RSA_PSS_2048_8192_SHA512),
            "ES256" => point("P-256", &signature::ECDSA_P256_SHA256_FIXED),
            "ES384" => point("P-384", &signature::ECDSA_P384_SHA384_FIXED),
            "HS256" => shared(hmac::HMAC_SHA256),
            "HS384" => shared(hmac::HMAC_SHA384),
            "HS512" => shared(hmac::HMAC_SHA512),
            "EdDSA" if self.crv == "Ed25519" => {
                UnparsedPublicKey::new(&signature::ED25519, decoded(&self.x)?).verify(message, signature).ok()
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Issuer https://a.example, subject joe, audience x, from 1000 to 2000; of keys that were made for this.
    const CLAIMS: &str =
        "eyJpc3MiOiJodHRwczovL2EuZXhhbXBsZSIsInN1YiI6ImpvZSIsImF1ZCI6WyJ4Il0sImV4cCI6MjAwMCwibmJmIjoxMDAwfQ";
    const RS256: (&str, &str) = (
        "eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIn0",
        "S30blLrCosHzQ3AKk-jvUTPSETx1qS3GP0YD9FrT1eBNGptWeNUI1Mkbl1uwCEowHVn8z4kRFwws33QoUBLnPXCd7uGCzwn4OBPR\
         yU9CucAgs3B8NJqVGR6LXT-V8IsWpUXkgwebU3m7cVoHP5nWHAzS5-Dyp7gjMod1oF_fZC8F3BxdYWBlKkHIv_AWbkEF0X3pKFtH\
         6R-tWTK4Rf01no_yzdFzmFnsJuKu6lQdfAyBW6ItVgpwLHRMvD-8jqd5sSf7cb7w-R4-s-RrDgxULHnewe8nyXLLN24_tjeo-TAr\
         xxZXqhyDKn3z2JoMLsfb5sfaO5mvxlOlNCvtgaEvpA",
    );
    const PS256: (&str, &str) = (
        "eyJhbGciOiJQUzI1NiIsImtpZCI6InIxIn0",
        "ARYZbIwNEa6c-s6cfddz7DsOo_iEGiDzCScMgRFxLdJtm8ivDR7lKUpm0YIeNjcP55tH_Wwr307oyuDd0mJUFtNoiCfl5j1SwnmjD98b\
         JwzHMfyuX8qoN48OT5H1IrtXIiTpMYH8Y1T3WzPxSYtdeWIH1yLGY97V1Ullp4o-eSnO4FzX94nbYX5uMVtMXTFZa0VJ4UDfEmTIkftr\
         BSV_-TvvdcpmncGItOcPs-Fo4tlNsz_cqZMzAOJxun5fbkALJ1m8ZMkaKVnGta5YMyy-G5CePsS5CxV4qjJiUpjOR4XmmQeSylsm5kaG\
         qExAgnKw26qz_Q-0zsOO20eYKrxzQg",
    );
    const ES256: (&str, &str) = (
        "eyJhbGciOiJFUzI1NiJ9",
        "TNxrn_THvkMmVd15LKlgvN0RfsgO1twzUnUxQQgn0xm19u9PcTXctTjVHRyRI0HWIJWhlWgAJDFkXzXz9kNwgw",
    );
    const N: &str = "p0n4Szpq72_jp4SKXoYXZ8d7oXKF2AWf4KwV8YJSdzaAVEhgiTCsIy3yo1illeKHnRAF7QlyRBRI9g37X_RrGL-YVGDOB66HAegO\
         S7w_qb8HE48ec2p1A9M85ZjVdlF4vGhdtVCX3NbO0tLsj-CgRqzIqIusQL_z5BvMh1XZa19WNfBtzEF_xT7tYENfsLYEgh-TfIJY\
         5X_97EAnZZSH9BceQaN5CcxSxj9SFR__SeqOJoFBUH0t-Zapd8-BNcAHJNwT3hdBsC8GPVQN5gia3zeCef9IzCSATfmqDwFrP5QA\
         eGm2T0eoLJjMpzlY_0jtfn3IkdidNj9VNoyPKZxCuQ";

    fn token((header, signature): (&str, &str)) -> Token {
        Token::read(&format!("{header}.{CLAIMS}.{signature}")).unwrap()
    }

    fn rsa(kid: &str) -> Value {
        json!({ "kty": "RSA", "kid": kid, "n": N, "e": "AQAB" })
    }

    fn point() -> Value {
        json!({ "kty": "EC", "crv": "P-256", "x": "rYiH06S0T_xKvrhQNiIt32d0Nq-ULtSurTMQagV49bk",
            "y": "_dbgi2OurcxbD-s0fO8rTRWR3Xxzv2-AwexUYzMuFV0" })
    }

    fn rule(keys: &Value) -> JwtRule {
        JwtRule { jwks: Some(json!({ "keys": keys }).to_string()), ..JwtRule::default() }
    }

    #[test]
    fn a_signature_is_held_against_the_keys() {
        let check = |signature: (&str, &str), keys: Value, expect: Signed| {
            assert_eq!(signed(&token(signature), &rule(&keys)), expect, "{}: {keys}", signature.0);
        };
        for each in [RS256, PS256] {
            check(each, json!([rsa("r1")]), Signed::Yes);
            check(each, json!([point(), rsa("")]), Signed::Yes);
            check(each, json!([rsa("r2")]), Signed::NoKey);
            check(each, json!([point()]), Signed::NoKey);
        }
        check(ES256, json!([rsa("r1"), point()]), Signed::Yes);
        check(ES256, json!([rsa("r1")]), Signed::NoKey);
        let mut other = point();
        other["x"] = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU".into();
        check(ES256, json!([other, { "kty": 1 }]), Signed::No);
        let mut of_another = rsa("r1");
        of_another["alg"] = "RS512".into();
        check(RS256, json!([of_another]), Signed::NoKey);
        check((RS256.0, ES256.1), json!([rsa("r1")]), Signed::No);
        check(("eyJhbGciOiJub25lIn0", ""), json!([rsa("r1")]), Signed::Algorithm);
        check(RS256, json!([]), Signed::NoKey);
    }

    /// A shared key of the policy, and a claim that was changed on the way.
    #[test]
    fn a_shared_key_signs_too() {
        let message = format!("eyJhbGciOiJIUzI1NiJ9.{CLAIMS}");
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b"abc"), message.as_bytes());
        let mut token = Token::read(&format!("{message}.")).unwrap();
        tag.as_ref().clone_into(&mut token.signature);
        let keys = rule(&json!([{ "kty": "oct", "k": "YWJj" }]));
        assert_eq!(signed(&token, &keys), Signed::Yes);
        token.signed.push(' ');
        assert_eq!(signed(&token, &keys), Signed::No);
    }

    #[test]
    fn keys_that_are_not_there_are_not_held_against_it() {
        let of = |jwks: Option<&str>, uri: Option<&str>| {
            let (jwks, jwks_uri) = (jwks.map(str::to_owned), uri.map(str::to_owned));
            signed(&token(ES256), &JwtRule { jwks, jwks_uri, ..JwtRule::default() })
        };
        assert_eq!(of(None, Some("https://a/keys")), Signed::Elsewhere(Some("https://a/keys".into())));
        assert_eq!(of(Some(""), None), Signed::Elsewhere(None));
        assert_eq!(of(Some("{"), Some("https://a/keys")), Signed::Unreadable);
    }
}
