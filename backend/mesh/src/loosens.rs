//! What a change makes less strict: plain text that is taken again, requests that are refused no more, tokens
//! that nobody looks at. Told where a change is made of others (a restore, an undo), whose titles do not.

use crate::change::Step;
use istio::{Kind, Object, kinds};
use serde_json::{Value, json};

/// Looks at one kind: what was there, what will be there.
type Look = fn(&Value, &Value) -> Vec<String>;

const LOOKS: [(&Kind, Look); 5] = [
    (&kinds::PEER_AUTHENTICATION, modes),
    (&kinds::AUTHORIZATION_POLICY, rules),
    (&kinds::REQUEST_AUTHENTICATION, issuers),
    (&kinds::DESTINATION_RULE, origination),
    (&kinds::GATEWAY, servers),
];

/// What the steps of a change loosen, each with its object.
pub fn loosened(steps: &[Step]) -> Vec<String> {
    let of = |step: &Step| -> Vec<String> {
        let Some((_, look)) = LOOKS.iter().find(|(kind, _)| *kind == step.at.kind) else {
            return Vec::new();
        };
        let spec = |object: &Option<Object>| object.as_ref().map_or(Value::Null, read);
        let told = look(&spec(&step.before), &spec(&step.after));
        told.into_iter().map(|what| format!("Loosens security: {} {what}", step.at)).collect()
    };
    steps.iter().flat_map(of).collect()
}

/// The spec, with whether it is only tried.
fn read(object: &Object) -> Value {
    let mut spec = object.spec().clone();
    if object.annotation("istio.io/dry-run") == Some("true") && spec.is_object() {
        spec["dryRun"] = true.into();
    }
    if spec.is_null() { json!({}) } else { spec }
}

/// How strict a mode of mutual TLS is; one that is not set follows what is above it.
fn strictness(mode: &str) -> Option<u8> {
    ["DISABLE", "PERMISSIVE", "STRICT"].iter().position(|one| *one == mode).map(|at| at as u8)
}

fn modes(before: &Value, after: &Value) -> Vec<String> {
    let mode =
        |spec: &Value, at: &str| spec.pointer(at).and_then(Value::as_str).unwrap_or("UNSET").to_owned();
    let ports = before["portLevelMtls"].as_object().into_iter().flatten();
    let ports = ports.map(|(port, _)| (format!(" at port {port}"), format!("/portLevelMtls/{port}/mode")));
    let all = std::iter::once((String::new(), "/mtls/mode".to_owned())).chain(ports);
    let told = all.filter_map(|(place, at)| {
        let (was, now) = (mode(before, &at), mode(after, &at));
        let looser = match (strictness(&was), strictness(&now)) {
            (Some(was), Some(now)) => now < was,
            (Some(was), None) => was > 0,
            (None, now) => now == Some(0),
        };
        let now = if now == "UNSET" { "what is set above it".to_owned() } else { now };
        looser.then(|| format!("goes from {was} to {now}{place}"))
    });
    told.collect()
}

fn rules(before: &Value, after: &Value) -> Vec<String> {
    let action = |spec: &Value| spec["action"].as_str().unwrap_or("ALLOW").to_owned();
    let all = |spec: &Value| spec["rules"].as_array().cloned().unwrap_or_default();
    if before.is_null() {
        return Vec::new();
    }
    let was = action(before);
    if before["dryRun"] == true || was == "AUDIT" {
        return Vec::new(); // it refused nothing
    }
    let one = |words: &str| vec![words.to_owned()];
    match was.as_str() {
        _ if after.is_null() => {
            one(&format!("({was}) goes: what it refused passes, if no other policy refuses it"))
        }
        _ if after["dryRun"] == true => one(&format!("({was}) is only tried: it refuses nothing any more")),
        _ if action(after) != was => one(&format!("becomes {} instead of {was}", action(after))),
        _ if before["selector"] != after["selector"] || before["targetRefs"] != after["targetRefs"] => {
            one(&format!("({was}) is for other workloads"))
        }
        "ALLOW" => {
            let known = all(before);
            let more = all(after).into_iter().filter(|rule| !known.contains(rule)).count();
            let told = format!("allows what it did not: {more} rules of it are others");
            (more > 0).then_some(told).into_iter().collect()
        }
        _ => {
            let kept = all(after);
            let less = all(before).into_iter().filter(|rule| !kept.contains(rule)).count();
            let told = format!("({was}) no longer holds for all: {less} of its rules go");
            (less > 0).then_some(told).into_iter().collect()
        }
    }
}

fn issuers(before: &Value, after: &Value) -> Vec<String> {
    let all = |spec: &Value| -> Vec<String> {
        let rules = spec["jwtRules"].as_array().into_iter().flatten();
        rules.filter_map(|rule| rule["issuer"].as_str()).map(str::to_owned).collect()
    };
    let kept = all(after);
    let gone: Vec<String> = all(before).into_iter().filter(|issuer| !kept.contains(issuer)).collect();
    let told = format!("no longer looks at tokens of {}", gone.join(", "));
    (!gone.is_empty()).then_some(told).into_iter().collect()
}

fn origination(before: &Value, after: &Value) -> Vec<String> {
    let parts = |spec: &Value| -> Vec<(String, Value)> {
        let subsets = spec["subsets"].as_array().into_iter().flatten();
        let subsets = subsets.map(|subset| {
            let name = subset["name"].as_str().unwrap_or_default();
            (format!(" of subset {name}"), subset["trafficPolicy"]["tls"].clone())
        });
        std::iter::once((String::new(), spec["trafficPolicy"]["tls"].clone())).chain(subsets).collect()
    };
    let secures = |tls: &Value| !matches!(tls["mode"].as_str(), None | Some("DISABLE"));
    let now = parts(after);
    let told = parts(before).into_iter().filter_map(|(place, was)| {
        let now = now.iter().find(|(other, _)| *other == place).map_or(&Value::Null, |(_, tls)| tls);
        let mode = now["mode"].as_str();
        match () {
            () if secures(&was) && !secures(now) => {
                let mode = mode.unwrap_or("no TLS of its own");
                Some(format!(
                    "goes from {} to {mode} for calls{place}",
                    was["mode"].as_str().unwrap_or_default()
                ))
            }
            () if now["insecureSkipVerify"] == true && was["insecureSkipVerify"] != true => {
                Some(format!("no longer looks at the certificates of those who are called{place}"))
            }
            () => None,
        }
    });
    told.collect()
}

fn servers(before: &Value, after: &Value) -> Vec<String> {
    let all = |spec: &Value| spec["servers"].as_array().cloned().unwrap_or_default();
    let now = all(after);
    let told = all(before).into_iter().filter_map(|was| {
        let now = now
            .iter()
            .find(|one| one["port"]["number"] == was["port"]["number"] && one["hosts"] == was["hosts"])?;
        let port = &was["port"]["number"];
        let mutual = |server: &Value| {
            matches!(server["tls"]["mode"].as_str(), Some("MUTUAL" | "ISTIO_MUTUAL" | "OPTIONAL_MUTUAL"))
        };
        match () {
            () if mutual(&was) && !mutual(now) => {
                Some(format!("asks for no client certificate any more at port {port}"))
            }
            () if !was["tls"].is_null() && now["tls"].is_null() => {
                Some(format!("takes plain text at port {port}"))
            }
            () if was["tls"]["httpsRedirect"] == true && now["tls"]["httpsRedirect"] != true => {
                Some(format!("no longer sends plain text at port {port} on to HTTPS"))
            }
            () => None,
        }
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::Edit;
    use istio::Ref;

    #[track_caller]
    fn check(kind: &'static Kind, before: Value, after: Value, expect: &[&str]) {
        let object = |spec: Value| (!spec.is_null()).then(|| Object::from(json!({ "spec": spec })));
        let at = Ref::new(kind, "shop", "one");
        let edit = Edit::Create(Value::Null);
        let api_version = String::new();
        let step = Step { at: at.clone(), api_version, edit, before: object(before), after: object(after) };
        let expect: Vec<String> =
            expect.iter().map(|what| format!("Loosens security: {at} {what}")).collect();
        assert_eq!(loosened(&[step]), expect);
    }

    #[test]
    fn modes_of_mutual_tls() {
        let mode = |mode: &str| json!({ "mtls": { "mode": mode } });
        let kind = &kinds::PEER_AUTHENTICATION;
        check(kind, mode("STRICT"), mode("PERMISSIVE"), &["goes from STRICT to PERMISSIVE"]);
        check(kind, mode("STRICT"), Value::Null, &["goes from STRICT to what is set above it"]);
        check(kind, mode("PERMISSIVE"), mode("STRICT"), &[]);
        check(kind, Value::Null, mode("STRICT"), &[]);
        check(kind, Value::Null, mode("DISABLE"), &["goes from UNSET to DISABLE"]);
        let port =
            |mode: &str| json!({ "mtls": { "mode": "STRICT" }, "portLevelMtls": { "80": { "mode": mode } } });
        check(kind, port("STRICT"), port("DISABLE"), &["goes from STRICT to DISABLE at port 80"]);
    }

    #[test]
    fn policies() {
        let kind = &kinds::AUTHORIZATION_POLICY;
        let of = |action: &str, rules: Value| json!({ "action": action, "rules": rules });
        let (one, two) = (json!({ "from": [] }), json!({ "to": [] }));
        let goes = "goes: what it refused passes, if no other policy refuses it";
        check(kind, of("DENY", json!([one])), Value::Null, &[&format!("(DENY) {goes}")]);
        check(
            kind,
            of("ALLOW", json!([one])),
            of("ALLOW", json!([one, two])),
            &["allows what it did not: 1 rules of it are others"],
        );
        check(kind, of("ALLOW", json!([one, two])), of("ALLOW", json!([one])), &[]);
        check(
            kind,
            of("DENY", json!([one, two])),
            of("DENY", json!([two])),
            &["(DENY) no longer holds for all: 1 of its rules go"],
        );
        check(kind, of("DENY", json!([one])), of("AUDIT", json!([one])), &["becomes AUDIT instead of DENY"]);
        check(kind, Value::Null, of("DENY", json!([one])), &[]);
        check(kind, of("AUDIT", json!([one])), Value::Null, &[]);
    }

    #[test]
    fn tokens_originated_tls_and_servers() {
        let of = |issuers: &[&str]| json!({ "jwtRules": issuers.iter().map(|one| json!({ "issuer": one })).collect::<Vec<_>>() });
        check(
            &kinds::REQUEST_AUTHENTICATION,
            of(&["a", "b"]),
            of(&["b"]),
            &["no longer looks at tokens of a"],
        );
        let tls = |mode: &str| json!({ "trafficPolicy": { "tls": { "mode": mode } } });
        check(
            &kinds::DESTINATION_RULE,
            tls("MUTUAL"),
            tls("DISABLE"),
            &["goes from MUTUAL to DISABLE for calls"],
        );
        check(&kinds::DESTINATION_RULE, tls("DISABLE"), tls("ISTIO_MUTUAL"), &[]);
        let server =
            |tls: Value| json!({ "servers": [{ "port": { "number": 443 }, "hosts": ["*"], "tls": tls }] });
        let (mutual, simple) = (server(json!({ "mode": "MUTUAL" })), server(json!({ "mode": "SIMPLE" })));
        check(
            &kinds::GATEWAY,
            mutual,
            simple.clone(),
            &["asks for no client certificate any more at port 443"],
        );
        check(&kinds::GATEWAY, simple, server(Value::Null), &["takes plain text at port 443"]);
    }
}
