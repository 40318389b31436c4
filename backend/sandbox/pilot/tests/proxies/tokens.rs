//! Issuers of tokens, for tests: their keys as JWKS, and tokens that they sign.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, SigningKey};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// Made for these tests, and used nowhere else: nothing that is here can make RSA keys.
const RSA_KEY: &str = "\
    MIIEvwIBADANBgkqhkiG9w0BAQEFAASCBKkwggSlAgEAAoIBAQCt4avDpIY1lEOzbqld45T/ADlN/k2NnTfwlKZXxHVrI7sLRALTsRC6DNZSPhGK\
    gJL0fNSVcJXFopiBktj6dbRNjv1EowA5C97bNz7n0AKI29vqUCgaz8NvkEatHvfdSTRyKl2sqfpAYpqK7n2RVWfAeJoPnpsy32k9W6svhSKzd3HO\
    OhPGT8/1PC3sU3YkUjkzfDh4bDpQ3FWlIHKevnVIwd2duxe6SncWGCjHW9jlUPC66uNLvHRCI4/AQ9u1oibhq/qBsekwbm/tTzvkCN5Z9bBU/omQ\
    Sm5XPhXxH6IVF7EyxmPDP6UVo0JWAvzKp2z41QrTp70zYDcs+BLbJCCdAgMBAAECggEAE89anNMBMVh/cBFi/V3gyz6QyMh4uHIZffDJlMU+pWKw\
    PCPW+Jw7Lh8pSbxljjSAyZbxN0dY4OfZ3SVIUByZ2p44T5oMe/NUw//izFFAAKyfvO296/QQrYSv8KhPD+h3r6wQ+QtyheRV/A8YwjaLN/vlfXMR\
    9nVKjaGEesj9v5ljed6Fqg2yZxvfu6UhfeV189IvJzNvCt7jXyo/b5uBdERc/KdeQhvmI8D/bl/nvKQN5CZy8nkNA5SwYFX5cS8AksvKJY/xyD+I\
    fbjJPBKW/g5x8iqL/lXB7AIzVeQWkCpmWxhOt3sbrswJQWb0ryzVqgH6tD5GuvssXX8rXnTyxwKBgQDe20cqAkkz/6oMkFwYN3hRUg6RtS3WwdRl\
    VsSMNAvVJlik7Vbd4T4Ob2gktR4qrDhwIKLvUXt1Qs4JNSRV/XZmeZYMZ6ndmxM2kWPJZrvFYftqYKynAh93x6lKTnGsBtjEPXzsKbNKWqnQJpR2\
    ot1+nI0hh4HD+F2eBiWgaZFgOwKBgQDHvcmqVUkGDFyhtcRpmUvyowoVmP/x43siCWwC4SjX25TXn5iaAUuf4aNxjWdRUn30d4C+yOYI1UZWjwUP\
    kBMkaPb0R0COAKmGs1ud724CpKV/9pmkH6vJKAyL3Aa6/Q1qSuUMbXHYaSRnuuJ+vrv/yI19DCLauU7FW7UwKd6NBwKBgQCfYUdV3eiojZH6Bkw2\
    7YTY88yDnIW570mNaC6M7rP/rrr6yNq1OF9/R2G9zuJSNnTujAi7CxU2WZ6sqxrffLPuucn7+S9c04k8H2K0KQrlMRvzikwv7K7ApUSHZe6ZzxO7\
    1RXAeFpHNOv5d336EqRB5ohwkE7X7opVd6P1Q0q6/QKBgQCeKrNeplpE59USWJVH6ZQydtitcZJ7QN9ofH2DajildcPPWxnEGfKAkHSUnpyJ0QDc\
    bSUN7pf5tqkUMfyX7ka6NkQX+7Qqvmt/ttd9oPNENIy5X9UaGdo2V/hXZ8wMlgXhfZ0S0jesXtXtLhfctby5N16S/uE6wjKWJaC8musYUQKBgQC1\
    iNK7hfjSFGkzZDssaHgPpjHop6ooQP/4PSh2QWqAxDgdIad0hRXb4UPhqKP4h0E4Uc1MVwN15XdfdHm9+PMEPoNc1kYU5dLHHoXaDeW14BMcB+/t\
    KdEGI+phrtxNHxwulH5q+twyXOVNUR+oubZcc2S8umnCCJ1y0Etnttz6BQ==";

/// Somebody whose tokens are believed.
pub(crate) struct Issuer {
    name: String,
    key: KeyPair,
    rsa: bool,
}

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The two numbers of a DER sequence, without leading zeros.
fn numbers(der: &[u8]) -> [Vec<u8>; 2] {
    fn length(der: &[u8]) -> (usize, &[u8]) {
        match der[0] {
            short @ ..0x80 => (usize::from(short), &der[1..]),
            long => {
                let bytes = usize::from(long - 0x80);
                (der[1..=bytes].iter().fold(0, |sum, byte| sum * 256 + usize::from(*byte)), &der[1 + bytes..])
            }
        }
    }
    let (_, mut rest) = length(&der[1..]);
    [(); 2].map(|()| {
        let (size, after) = length(&rest[1..]);
        let (number, next) = after.split_at(size);
        rest = next;
        number[number.iter().take_while(|byte| **byte == 0).count()..].to_vec()
    })
}

impl Issuer {
    /// Signs with ES256.
    pub(crate) fn elliptic(name: &str) -> Self {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key");
        Self { name: name.to_owned(), key, rsa: false }
    }

    /// Signs with RS256.
    pub(crate) fn rsa(name: &str) -> Self {
        let key = STANDARD.decode(RSA_KEY).expect("base64");
        let key =
            KeyPair::from_pkcs8_der_and_sign_algo(&key.as_slice().into(), &PKCS_RSA_SHA256).expect("a key");
        Self { name: name.to_owned(), key, rsa: true }
    }

    /// As tokens and rules name it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its public key.
    pub(crate) fn jwks(&self) -> String {
        let raw = self.key.public_key_raw();
        let key = if self.rsa {
            let [modulus, exponent] = numbers(raw);
            json!({"kty": "RSA", "alg": "RS256", "kid": self.name, "n": encoded(modulus),
                "e": encoded(exponent)})
        } else {
            let (x, y) = raw[1..].split_at(32);
            json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "kid": self.name, "x": encoded(x),
                "y": encoded(y)})
        };
        json!({"keys": [key]}).to_string()
    }

    /// A token with these claims, of this issuer and for an hour unless they say otherwise.
    pub(crate) fn token(&self, claims: Value) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_secs();
        let mut all = json!({"iss": self.name, "sub": "anna", "iat": now, "exp": now + 3600});
        let claims = claims.as_object().expect("claims").clone();
        all.as_object_mut().expect("claims").extend(claims);
        let head = json!({"alg": if self.rsa { "RS256" } else { "ES256" }, "typ": "JWT", "kid": self.name});
        let said = format!("{}.{}", encoded(head.to_string()), encoded(all.to_string()));
        let signature = self.key.sign(said.as_bytes()).expect("a signature");
        let signature = if self.rsa {
            signature
        } else {
            // Two numbers of 32 bytes each.
            numbers(&signature)
                .iter()
                .flat_map(|number| [vec![0; 32 - number.len()], number.clone()].concat())
                .collect()
        };
        format!("{said}.{}", encoded(signature))
    }

    /// The same as a header line.
    pub(crate) fn bearer(&self, claims: Value) -> String {
        format!("authorization: Bearer {}", self.token(claims))
    }
}
