//! Tokens of ServiceAccounts, as `kubectl create token` asks for them: JSON Web Tokens that say whose they
//! are and until when. The API itself knows no other user than the one of its kubeconfig, so that it does not
//! let anybody in by them.

use axum::body::Body;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{Method, Response, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::body::object_of;
use crate::answers::json_answer;
use crate::target::Place;
use crate::{
    api::Api,
    kinds::Kind,
    schema::FieldProblem,
    status::{ApiError, Result},
};

/// Who may take a token when the request does not say it.
const AUDIENCE: &str = "https://kubernetes.default.svc.cluster.local";
/// How long a token holds when the request does not say it, and how short it may.
const HOLDS: i64 = 3600;
const SHORTEST: i64 = 600;

pub(super) fn answer(
    api: &Api,
    at: &Place,
    method: &Method,
    content_type: &str,
    body: &[u8],
) -> Result<Response<Body>> {
    if method != Method::POST {
        return Err(ApiError::method_not_allowed());
    }
    let mut request = object_of("TokenRequest", content_type, body)?;
    let account = api.store.read(|state| state.get(&at.key(at.name())).cloned());
    let account = account.ok_or_else(|| ApiError::not_found(&at.kind, at.name()))?;
    let spec = &request["spec"];
    let holds = spec["expirationSeconds"].as_i64().unwrap_or(HOLDS);
    if holds < SHORTEST {
        let problem = FieldProblem::invalid(
            "spec.expirationSeconds",
            &json!(holds),
            "may not specify a duration less than 10 minutes",
        );
        let kind = Kind {
            kind: "TokenRequest".into(),
            group: "authentication.k8s.io".into(),
            ..Kind::clone(&at.kind)
        };
        return Err(ApiError::invalid(&kind, "", &[problem]));
    }
    let audiences = spec["audiences"].as_array().filter(|audiences| !audiences.is_empty()).cloned();
    let audiences = audiences.unwrap_or_else(|| vec![json!(AUDIENCE)]);
    let bound = spec["boundObjectRef"].clone();
    let now = Timestamp::now();
    let until = now + SignedDuration::from_secs(holds);
    let namespace = at.target.namespace.as_deref().unwrap_or_default();
    let claims = json!({
        "aud": audiences,
        "exp": until.as_second(),
        "iat": now.as_second(),
        "nbf": now.as_second(),
        "iss": AUDIENCE,
        "jti": uuid::Uuid::new_v4().to_string(),
        "kubernetes.io": {"namespace": namespace,
            "serviceaccount": {"name": at.name(), "uid": account["metadata"]["uid"]}},
        "sub": format!("system:serviceaccount:{namespace}:{}", at.name()),
    });
    let token = signed(&claims, api.token.as_bytes());
    request["apiVersion"] = json!("authentication.k8s.io/v1");
    request["kind"] = json!("TokenRequest");
    request["metadata"] = json!({"name": at.name(), "namespace": namespace, "creationTimestamp": time(now)});
    request["spec"] = json!({"audiences": audiences, "expirationSeconds": holds, "boundObjectRef": bound});
    request["status"] = json!({"token": token, "expirationTimestamp": time(until)});
    Ok(json_answer(StatusCode::CREATED, &request))
}

fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A JSON Web Token, signed with a secret of this server.
fn signed(claims: &Value, secret: &[u8]) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(&json!({"alg": "HS256", "typ": "JWT"})), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(hmac(secret, text.as_bytes()));
    format!("{text}.{signature}")
}

/// HMAC with SHA-256, for a key of at most one block.
fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let pad = |with: u8| {
        let mut block = [with; 64];
        block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        block
    };
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(text).finalize();
    Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::hmac;

    #[test]
    fn hmac_is_that_of_rfc_4231() {
        let words = hmac(b"Jefe", b"what do ya want for nothing?").map(|byte| format!("{byte:02x}")).concat();
        assert_eq!(words, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }
}
