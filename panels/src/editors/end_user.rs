//! End-user identity: whose tokens are believed, where they are looked for, and what one of them would give.

use super::edits::{Chooser, Edits, Scoped};
use super::form::{Form, NARROW, Setting, WIDE};
use super::gesture::Gesture;
use super::policies::{and_new_ones, cannot_name, is_made};
use crate::kit::{Button, icon, problem, text};
use crate::panel::About;
use crate::subject::Subject;
use egui::{TextEdit, WidgetInfo};
use istio::Duration;
use mesh::edit::policy::{PolicyAt, for_whom};
use mesh::edit::tokens::{self, Tokens};
use mesh::plan::{Field as _, Plan, Readable};
use mesh::token::{Judged, Signed, Token, judge, signed};
use mesh::{Kind, Mesh, Service, kinds};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What a policy says; nothing where there is none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EndUser(Option<Tokens>);

/// Fields that hold one text: name, hint, what they mean.
const TEXTS: [(&str, &str, &str); 3] = [
    ("jwksUri", "https://issuer.example/jwks.json", "Where the issuer's keys are fetched"),
    ("jwks", "{\"keys\": […]}", "The issuer's keys themselves"),
    ("outputPayloadToHeader", "x-claims", "The header in which the application gets all claims, as Base64"),
];
/// Fields that hold words.
const WORDS: [&str; 3] = ["audiences", "fromParams", "fromCookies"];
/// Fields that hold pairs: the words of each.
const PAIRS: [(&str, [&str; 2], [&str; 2]); 2] = [
    ("fromHeaders", ["name", "prefix"], ["authorization", "Bearer "]),
    ("outputClaimToHeaders", ["header", "claim"], ["x-user", "sub"]),
];

impl Edits for EndUser {
    type Scope = PolicyAt;
    const ABOUT: About = About {
        name: "End-user identity",
        icon: icon::IDENTIFICATION_CARD,
        summary: "Decide whose tokens are believed, and see what a token would give",
    };
    const NEEDS: &'static [&'static Kind] = &[&kinds::REQUEST_AUTHENTICATION];
    const CHOOSER: Chooser = Chooser::Menu("end-user identity policy");
    const PLACE: &'static str = "spec";

    fn applies(service: &Service) -> bool {
        !service.workloads.is_empty()
    }

    fn scopes(mesh: &Mesh, subject: &Subject<'_>) -> Vec<Scoped<PolicyAt, Self>> {
        let service = subject.service.map(|service| (&*service.namespace, &*service.name));
        let there = tokens::policies(mesh, &subject.workloads, service).into_iter().map(|policy| {
            let attached = policy.attached();
            Scoped {
                words: format!("{}/{}", policy.at.namespace, policy.at.name),
                object: format!("for {}", for_whom(&attached, mesh.root_namespace())),
                present: attached.selects().is_narrow() || attached.targets().next().is_some(),
                usual: false,
                locked: None,
                now: Self(Some(Tokens::of(&policy.object))),
                at: PolicyAt::Of(policy.at),
            }
        });
        and_new_ones(mesh, there.collect(), subject, &kinds::REQUEST_AUTHENTICATION, &Self(None))
    }

    fn form(&mut self, was: &Self, at: &PolicyAt, form: &mut Form<'_>) {
        if cannot_name(at, form) {
            return;
        }
        let Some(tokens) = &mut self.0 else {
            form.note(if was.0.is_some() { "The policy goes when this is pushed" } else { NOBODY });
            let wanted = &mut self.0;
            form.buttons(|line| {
                if line.button(Button::quiet("Believe an issuer").with_icon(icon::PLUS), true) {
                    *wanted = Some(
                        was.0.clone().unwrap_or_else(|| Tokens { rules: vec![json!({ "issuer": "" })] }),
                    );
                }
            });
            return;
        };
        let mut gone = None;
        for (index, rule) in tokens.rules.iter_mut().enumerate() {
            if one(rule, index + 1, form) {
                gone = Some(index);
            }
        }
        if let Some(index) = gone {
            tokens.rules.remove(index);
            form.did(Gesture::Settled);
        }
        let rules = &mut tokens.rules;
        let mut delete = false;
        form.buttons(|line| {
            if line.button(Button::quiet("Add issuer").with_icon(icon::PLUS), true) {
                rules.push(json!({ "issuer": "" }));
            }
            delete = was.0.is_some() && line.button(Button::quiet("Delete policy").danger(), true);
        });
        form.note("Requests without a token pass: an Access rule with requestPrincipals asks for one");
        try_token(form, tokens);
        if delete {
            self.0 = None;
        }
    }

    fn plan(&self, _was: &Self, at: &PolicyAt, plan: &mut Plan<'_>) {
        tokens::plan(plan, at, self.0.as_ref());
    }

    fn samples() -> Vec<Self> {
        let keys = "{\"keys\":[]}";
        let of = |rules: Vec<Value>| Self(Some(Tokens { rules }));
        let full = json!({ "issuer": "https://c.example", "jwks": keys, "audiences": ["x", "y"],
            "fromHeaders": [{ "name": "x-token", "prefix": "T " }],
            "fromParams": ["token"], "fromCookies": ["c"],
            "outputPayloadToHeader": "x-claims", "forwardOriginalToken": true,
            "outputClaimToHeaders": [{ "header": "x-user", "claim": "sub" }] });
        vec![
            of(vec![json!({ "issuer": "https://a.example", "jwks": keys })]),
            of(vec![
                json!({ "issuer": "https://a.example", "jwks": keys, "audiences": ["z"] }),
                full.clone(),
            ]),
            of(vec![full]),
            Self(None),
        ]
    }

    fn came_true(&self, at: &PolicyAt, now: &Scoped<PolicyAt, Self>) -> bool {
        self.0.is_some() && *self == now.now && is_made(at, &now.at)
    }
}

const NOBODY: &str = "Where no policy holds, tokens are not looked at";

/// One issuer; returns whether it shall go.
fn one(rule: &mut Value, number: usize, form: &mut Form<'_>) -> bool {
    let Some(fields) = rule.as_object_mut() else {
        form.note("A rule stays as it is written: change it as YAML");
        return false;
    };
    let of = format!("issuer {number} of {}", form.subject());
    let mut gone = false;
    let said = |fields: &serde_json::Map<String, Value>, key: &str| {
        fields.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let before = said(fields, "issuer");
    let mut issuer = before.clone();
    form.line("Issuer", NARROW, |line| {
        let room = line.ui().available_width() - 42.0;
        line.text(&of, "https://issuer.example", &mut issuer, Some(room));
        gone = line.button(Button::icon(icon::TRASH, format!("Delete {of}")), true);
    });
    if issuer != before {
        fields.insert("issuer".into(), issuer.into());
    }
    for (key, hint, means) in TEXTS {
        let before = said(fields, key);
        let mut value = Some(before.clone()).filter(|value| !value.is_empty() || fields.contains_key(key));
        let name = format!("{key} of {of}");
        let setting = Setting::of(key).means(means).path(key).unset("").named(&name);
        form.optional(setting, &mut value, String::new(), |line, value| {
            line.text(&format!("{name}, text"), hint, value, None);
        });
        put(fields, key, value.map(Value::from), &before.into());
    }
    for key in WORDS {
        let list = fields.get(key).cloned();
        let texts: Vec<String> =
            <Words as Readable>::read(list.as_ref().unwrap_or(&Value::Null)).unwrap_or_default().0;
        let before = texts.join(",");
        let mut value = list.is_some().then(|| before.clone());
        let name = format!("{key} of {of}");
        let setting = Setting::of(key).path(key).unset("").named(&name);
        form.optional(setting, &mut value, String::new(), |line, value| {
            line.words(&format!("{name}, words"), value, "");
        });
        let words = |value: &str| -> Value {
            value.split(',').filter(|one| !one.is_empty()).map(Value::from).collect()
        };
        match value {
            None => drop(fields.shift_remove(key)),
            Some(value) if list.is_none() || value != before => {
                drop(fields.insert(key.into(), words(&value)));
            }
            Some(_) => {}
        }
    }
    for (key, words, start) in PAIRS {
        pairs(fields, key, words, start, &of, form);
    }
    let mut forward = fields.get("forwardOriginalToken").and_then(Value::as_bool).unwrap_or(false);
    let before = forward;
    let means = "Whether the application gets the token too";
    let name = format!("forwardOriginalToken of {of}");
    form.switch(
        Setting::of("forwardOriginalToken").means(means).path("forwardOriginalToken").named(&name),
        &mut forward,
    );
    if forward != before {
        let value = forward.then_some(Value::Bool(true));
        put(fields, "forwardOriginalToken", value, &Value::Bool(before));
    }
    let written = fields.get("timeout").cloned().unwrap_or_default();
    let mut time = <Duration as Readable>::read(&written);
    let before = time;
    let setting =
        Setting::of("timeout").means("How long fetching the keys may take").path("timeout").unset("5 s");
    form.duration(setting.width(WIDE), &mut time, 5_000);
    if time != before {
        put(fields, "timeout", time.and_then(|time| time.json()), &written);
    }
    if fields.contains_key("jwks") && fields.contains_key("jwksUri") {
        form.note("jwks counts, jwksUri does not: only one of them is looked at");
    }
    gone
}

/// A list of words.
#[derive(Default)]
struct Words(Vec<String>);

impl Readable for Words {
    fn read(value: &Value) -> Option<Self> {
        Some(Self(value.as_array()?.iter().filter_map(Value::as_str).map(str::to_owned).collect()))
    }
}

/// Gives a field a value, or takes it away; what says the same stays as it is.
fn put(fields: &mut serde_json::Map<String, Value>, key: &str, value: Option<Value>, before: &Value) {
    match value {
        None => drop(fields.shift_remove(key)),
        Some(value) if fields.contains_key(key) && value == *before => {}
        Some(value) => drop(fields.insert(key.to_owned(), value)),
    }
}

/// A list of pairs, each in a line.
fn pairs(
    fields: &mut serde_json::Map<String, Value>,
    key: &str,
    words: [&str; 2],
    start: [&str; 2],
    of: &str,
    form: &mut Form<'_>,
) {
    let mut rows = fields.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let before = rows.clone();
    let mut gone = None;
    for (index, row) in rows.iter_mut().enumerate() {
        let Some(row) = row.as_object_mut() else { continue };
        form.line("", 0.0, |line| {
            let width = (line.ui().available_width() - 52.0) / 2.0;
            for (word, hint) in words.into_iter().zip(start) {
                let before = row.get(word).and_then(Value::as_str).unwrap_or_default().to_owned();
                let mut value = before.clone();
                let name = format!("{word} of {key} {} of {of}", index + 1);
                line.text(&name, hint, &mut value, Some(width));
                if value != before {
                    row.insert(word.to_owned(), value.into());
                }
            }
            if line.button(Button::icon(icon::X, format!("Remove {key} {} of {of}", index + 1)), true) {
                gone = Some(index);
            }
        });
    }
    if let Some(index) = gone {
        rows.remove(index);
    }
    form.line("", 0.0, |line| {
        if line.button(Button::bare(key).with_icon(icon::PLUS).named(format!("Add {key} to {of}")), true) {
            rows.push(json!({ words[0]: start[0], words[1]: start[1] }));
        }
    });
    if rows != before {
        if rows.is_empty() {
            fields.shift_remove(key);
        } else {
            fields.insert(key.to_owned(), rows.into());
        }
    }
}

/// A field for a token, and what it would give. It is held in memory until the field is emptied: no
/// draft, no disk and no log has it, and screen readers hear dots.
fn try_token(form: &mut Form<'_>, tokens: &Tokens) {
    let name = format!("token to try on {}", form.subject());
    let now = form.cx().now.as_second();
    form.ui().add_space(4.0);
    text::strong(form.ui(), "Try a token");
    let ui = form.ui();
    let id = ui.id().with("token");
    let mut pasted = ui.data(|data| data.get_temp::<String>(id)).unwrap_or_default();
    let width = ui.available_width();
    let field = ui.add(
        TextEdit::singleline(&mut pasted).password(true).hint_text("paste a token").desired_width(width),
    );
    field.widget_info(|| {
        let mut info = WidgetInfo::text_edit(true, "", "", "paste a token");
        info.label = Some(name.clone());
        info
    });
    if field.changed() {
        if pasted.is_empty() {
            ui.data_mut(|data| data.remove_temp::<String>(id));
        } else {
            ui.data_mut(|data| data.insert_temp(id, pasted.clone()));
        }
    }
    if pasted.is_empty() {
        text::note(ui, "It is neither stored nor logged, and is no part of the draft");
        return;
    }
    let token = match Token::read(&pasted) {
        Ok(token) => token,
        Err(why) => {
            problem::line(ui, problem::Level::Error, &format!("This is no token: {why}"), "", "");
            return;
        }
    };
    let (level, said, signature) = said(&token, tokens, now);
    problem::problem(ui, level, &said, &given(&token), &signature, None);
}

/// What becomes of requests with a token, and what is known of its signature.
fn said(token: &Token, tokens: &Tokens, now: i64) -> (problem::Level, String, String) {
    let views = tokens.views();
    let time = |seconds: i64| super::form::shown(Duration::from_millis(seconds.saturating_mul(1000)));
    let issuer = |at: usize| views.get(at).map_or("", |rule| rule.issuer.as_str()).to_owned();
    let refused = |why: String| (problem::Level::Warning, format!("Refused ({why}"), NOT_CHECKED.to_owned());
    match judge(token, &views, now) {
        Judged::Believed(at) => {
            let signature = views.get(at).map_or(Signed::Elsewhere(None), |rule| signed(token, rule));
            let of = |name: &str| token.header[name].as_str().unwrap_or("none").to_owned();
            let number = at + 1;
            let why = match &signature {
                Signed::No => format!("401): no key of issuer {number} has signed it"),
                Signed::NoKey => {
                    let key = format!("“{}” for {}", of("kid"), of("alg"));
                    format!("401): issuer {number} has no key {key}")
                }
                Signed::Algorithm => format!("401): proxies take no token that is signed by {}", of("alg")),
                Signed::Unreadable => format!("401): the jwks of issuer {number} cannot be read"),
                Signed::Yes | Signed::Elsewhere(_) => {
                    let said = format!("Believed as a token of issuer {number} ({})", issuer(at));
                    let about = match signature {
                        Signed::Elsewhere(Some(uri)) => {
                            format!("Signature not checked: the keys are not in the policy, but at {uri}")
                        }
                        Signed::Elsewhere(None) => {
                            format!("Signature not checked: Istio finds the keys of {} itself", issuer(at))
                        }
                        _ => format!("Signed by a key of issuer {number}"),
                    };
                    return (problem::Level::Note, said, about);
                }
            };
            let (level, said, _) = refused(why);
            (level, said, "Signature checked with the jwks of the policy".to_owned())
        }
        Judged::NoIssuer => refused(format!("401): nobody believes its issuer “{}”", token.issuer())),
        Judged::Expired(ago) => refused(format!("401): it expired {} ago", time(ago))),
        Judged::Early(left) => refused(format!("401): it counts only in {}", time(left))),
        Judged::Audience(at) => refused(format!(
            "403): it is for “{}”, not for an audience of issuer {}",
            token.audiences().join(", "),
            at + 1
        )),
    }
}

const NOT_CHECKED: &str = "Signature not checked: it is refused without it";

/// Header, principal and claims of a token.
fn given(token: &Token) -> String {
    let mut lines = Vec::new();
    if let Some(principal) = token.principal() {
        lines.push(format!("request.auth.principal = {principal}"));
    }
    let of = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    for (key, value) in token.claims.as_object().into_iter().flatten() {
        lines.push(format!("{key} = {}", of(value)));
    }
    for (key, value) in token.header.as_object().into_iter().flatten() {
        lines.push(format!("header {key} = {}", of(value)));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `{"alg":"RS256"}` and `{"iss":"https://a.example","sub":"joe","aud":["x"],"exp":2000,"nbf":1000}`.
    const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.\
        eyJpc3MiOiJodHRwczovL2EuZXhhbXBsZSIsInN1YiI6ImpvZSIsImF1ZCI6WyJ4Il0sImV4cCI6MjAwMCwibmJmIjoxMDAwfQ.c2ln";

    #[test]
    fn a_token_says_what_it_would_give() {
        let token = Token::read(TOKEN).unwrap();
        let plain = |text: String| text.replace('\u{a0}', " ");
        let of = |rule: Value, now| {
            let (_, said, signature) = said(&token, &Tokens { rules: vec![rule] }, now);
            (plain(said), signature)
        };
        let from = |issuer: &str| json!({ "issuer": issuer });
        let (said, signature) = of(from("https://a.example"), 1500);
        assert_eq!(said, "Believed as a token of issuer 1 (https://a.example)");
        assert_eq!(signature, "Signature not checked: Istio finds the keys of https://a.example itself");
        let fetched = json!({ "issuer": "https://a.example", "jwksUri": "https://a.example/keys" });
        let (_, signature) = of(fetched, 1500);
        assert_eq!(
            signature,
            "Signature not checked: the keys are not in the policy, but at https://a.example/keys"
        );
        let keys = |keys: &str| json!({ "issuer": "https://a.example", "jwks": keys });
        assert_eq!(of(keys("{\"keys\":[]}"), 1500).0, "Refused (401): issuer 1 has no key “none” for RS256");
        let other = r#"{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}"#;
        assert_eq!(of(keys(other), 1500).0, "Refused (401): no key of issuer 1 has signed it");
        assert_eq!(of(keys("{"), 1500).0, "Refused (401): the jwks of issuer 1 cannot be read");
        assert_eq!(of(from("https://a.example"), 2060).0, "Refused (401): it expired 1 min ago");
        assert_eq!(of(from("b"), 1500).0, "Refused (401): nobody believes its issuer “https://a.example”");
        assert!(
            given(&token)
                .starts_with("request.auth.principal = https://a.example/joe\niss = https://a.example")
        );
    }
}
