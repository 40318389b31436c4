//! Tokens of ServiceAccounts.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::harness::cluster;

const ACCOUNTS: &str = "/api/v1/namespaces/default/serviceaccounts";

#[tokio::test]
async fn a_token_says_whose_it_is() {
    let cluster = cluster().await;
    let request = |seconds: i64| {
        json!({"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1",
        "spec": {"expirationSeconds": seconds}})
    };
    assert_eq!(cluster.post(&format!("{ACCOUNTS}/reviews/token"), request(900)).await.status, 404);
    cluster
        .post(
            ACCOUNTS,
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "reviews"}}),
        )
        .await;
    let made = cluster.post(&format!("{ACCOUNTS}/reviews/token"), request(900)).await;
    assert_eq!((made.status, &made.body["kind"]), (201, &json!("TokenRequest")), "{}", made.body);
    let token = made.body["status"]["token"].as_str().unwrap();
    let claims: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap();
    assert_eq!(claims["sub"], "system:serviceaccount:default:reviews");
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 900);
    let short = cluster.post(&format!("{ACCOUNTS}/reviews/token"), request(5)).await;
    assert_eq!(
        short.body["message"],
        "TokenRequest.authentication.k8s.io \"\" is invalid: spec.expirationSeconds: Invalid value: 5: may \
            not specify a duration less than 10 minutes"
    );
}
