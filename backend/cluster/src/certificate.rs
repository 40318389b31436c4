//! Reads until when the certificate in a Secret holds. Its key is never read into a value, and nothing of the
//! Secret is kept or told but that time.

use crate::session::Session;
use crate::{error, http};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use mesh::Problem;
use mesh::certificate::{Credential, SecretOf};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// Tags of ASN.1.
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERAL_TIME: u8 = 0x18;

/// As much of a Secret as is looked at.
#[derive(Default, Deserialize)]
struct Secret {
    #[serde(default)]
    data: Option<Data>,
}

#[derive(Default, Deserialize)]
struct Data {
    #[serde(rename = "tls.crt", alias = "cert", default)]
    certificate: Option<String>,
    #[serde(rename = "tls.key", alias = "key", default)]
    key: Option<IgnoredAny>,
}

/// Until when the certificate in a Secret holds.
pub(crate) async fn read(session: &Session, of: &SecretOf) -> Result<Credential, Problem> {
    let SecretOf { namespace, name } = of;
    let path = format!("/api/v1/namespaces/{namespace}/secrets/{name}");
    match http::json::<Secret>(&session.api.client, &path).await {
        Ok(secret) => Ok(credential(secret)),
        Err(error) if error::code(&error) == Some(404) => Ok(Credential::Absent),
        Err(error) if error::code(&error) == Some(403) => Err(Problem::new(
            format!("Secret {name} is not known"),
            format!("You may not read Secrets in {namespace}"),
            "Ask for the right to get Secrets there, if you want to see until when its certificate holds",
        )),
        Err(error) => Err(error::problem(format!("Secret {namespace}/{name} cannot be read"), &error)),
    }
}

fn credential(secret: Secret) -> Credential {
    let data = secret.data.unwrap_or_default();
    let found = data.certificate.filter(|_| data.key.is_some());
    found
        .and_then(|encoded| until(&STANDARD.decode(encoded).ok()?))
        .map_or(Credential::Without, Credential::Until)
}

/// When the first certificate of a PEM ends to hold.
fn until(pem: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(pem).ok()?;
    let (_, rest) = text.split_once("-----BEGIN CERTIFICATE-----")?;
    let (body, _) = rest.split_once("-----END CERTIFICATE-----")?;
    let plain: String = body.chars().filter(|letter| !letter.is_whitespace()).collect();
    not_after(&STANDARD.decode(plain).ok()?)
}

/// `notAfter` of a certificate in DER: the second time of its `validity`, which stands behind its version, its
/// number, how it is signed, and by whom.
fn not_after(der: &[u8]) -> Option<Timestamp> {
    let (SEQUENCE, whole, _) = part(der)? else { return None };
    let (SEQUENCE, mut rest, _) = part(whole)? else { return None };
    if rest.first() == Some(&VERSION) {
        rest = part(rest)?.2;
    }
    for _ in 0..3 {
        rest = part(rest)?.2;
    }
    let (SEQUENCE, validity, _) = part(rest)? else { return None };
    let (_, _, rest) = part(validity)?;
    let (tag, time, _) = part(rest)?;
    let time = std::str::from_utf8(time).ok()?;
    let full = match tag {
        UTC_TIME => format!("{}{time}", if time.get(..2)?.parse::<u8>().ok()? < 50 { "20" } else { "19" }),
        GENERAL_TIME => time.to_owned(),
        _ => return None,
    };
    let at = |from: usize, to: usize| full.get(from..to);
    let (date, hour) = ((at(0, 4)?, at(4, 6)?, at(6, 8)?), (at(8, 10)?, at(10, 12)?, at(12, 14)?));
    format!("{}-{}-{}T{}:{}:{}Z", date.0, date.1, date.2, hour.0, hour.1, hour.2).parse().ok()
}

/// The first part of some DER: its tag, what is in it, and what comes behind it.
fn part(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        short @ 0..=0x7f => (usize::from(short), rest),
        long @ 0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(long & 0x7f))?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (inside, behind) = rest.split_at_checked(length)?;
    Some((tag, inside, behind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn pem(year: i32) -> String {
        let mut params = rcgen::CertificateParams::new(vec!["shop.example".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(year, 3, 4);
        params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().pem()
    }

    #[track_caller]
    fn check(data: Value, expect: Credential) {
        assert_eq!(credential(serde_json::from_value(json!({ "data": data })).unwrap()), expect);
    }

    #[test]
    fn a_certificate_says_until_when_it_holds() {
        for (year, time) in [(2031, "2031-03-04T00:00:00Z"), (2075, "2075-03-04T00:00:00Z")] {
            let encoded = STANDARD.encode(pem(year));
            let until = Credential::Until(time.parse().unwrap());
            check(json!({ "tls.crt": encoded, "tls.key": "eA==" }), until.clone());
            check(json!({ "cert": encoded, "key": "eA==" }), until);
            check(json!({ "tls.crt": encoded }), Credential::Without);
        }
    }

    /// Whatever stands there, it is no reason to break off.
    #[test]
    fn odd_secrets() {
        check(json!(null), Credential::Without);
        check(json!({ "tls.crt": "!", "tls.key": "" }), Credential::Without);
        check(
            json!({ "tls.crt": STANDARD.encode("-----BEGIN CERTIFICATE-----"), "tls.key": "" }),
            Credential::Without,
        );
        let whole = pem(2031);
        for end in 0..whole.len() {
            until(&whole.as_bytes()[..end]);
        }
        let (_, body) = whole.split_once("-----BEGIN CERTIFICATE-----").unwrap();
        let (body, _) = body.split_once("-----END").unwrap();
        let der = STANDARD.decode(body.split_whitespace().collect::<String>()).unwrap();
        for at in 0..der.len().min(200) {
            let mut odd = der.clone();
            odd[at] ^= 0xff;
            not_after(&odd);
            not_after(&der[..at]);
        }
    }
}
