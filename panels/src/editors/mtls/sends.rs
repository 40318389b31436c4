//! What callers of a service send: the TLS that its DestinationRule says, beside what those who are called take.

use super::super::edits::Scoped;
use super::super::external::TLS;
use super::super::fields::Fields;
use super::super::form::Form;
use super::super::in_force;
use super::super::rules::policies;
use crate::subject::Subject;
use mesh::Mesh;
use mesh::edit::mtls::sends;
use mesh::evidence::Measure;
use mesh::plan::{Plan, PolicyOf, capital};
use serde_json::json;

const MODE: &str = "tls/mode";

pub(super) fn scopes(mesh: &Mesh, subject: &Subject<'_>) -> Vec<Scoped<PolicyOf, Fields>> {
    let inside = subject.service.is_some_and(|service| !service.external);
    let all = policies(mesh, subject, |policy| Fields::of(policy, TLS)).into_iter().filter(|_| inside);
    let of = |one: Scoped<PolicyOf, Fields>| Scoped {
        words: format!("TLS of {}", one.at.words()),
        present: false,
        usual: false,
        ..one
    };
    all.map(of).collect()
}

pub(super) fn form(fields: &mut Fields, at: &PolicyOf, form: &mut Form<'_>) {
    fields.form(&TLS[..1], form);
    let mode = fields.get::<String>(MODE).unwrap_or_default();
    match mode.as_str() {
        "" => {
            let wider = form.known(&("wider TLS", at), |mesh| {
                in_force::inherited(mesh, at, &Fields::default(), &[("tls", &[TLS])])
            });
            match wider.first() {
                Some(said) => form.note(said.clone()),
                None => form.note(BY_ITSELF),
            }
        }
        "DISABLE" => form.note("Calls go in plain text: nobody who is called knows who calls"),
        "ISTIO_MUTUAL" => {
            fields.form(&TLS[1..2], form);
            form.note("Calls go over mutual TLS with the certificates of the mesh");
        }
        _ => {
            fields.form(&TLS[1..], form);
            form.note("The application itself has to speak TLS: its proxy passes it on as bytes");
        }
    }
    let (against, heard) = form
        .known(&("heard", at, &mode), |mesh| (sends::contradicted(mesh, at, &mode), sends::heard(mesh, at)));
    for why in &against {
        form.warning(why, "", "Change what is sent here, or the mode of those who are called");
    }
    for said in heard.into_iter().filter(|_| against.is_empty()) {
        form.note(said);
    }
}

const BY_ITSELF: &str =
    "In force: mutual TLS where those who are called have a proxy that takes it, by Istio itself";

pub(super) fn plan(fields: &Fields, was: &Fields, at: &PolicyOf, plan: &mut Plan<'_>) {
    fields.plan(was, &mut plan.policy(at));
    sends::sent(plan, at);
    let mode = fields.get::<String>(MODE).unwrap_or_default();
    sends::contradicted(plan.mesh(), at, &mode).into_iter().for_each(|why| plan.warn(why));
    let told = Measure::Untold("how callers speak is told by the called side alone".to_owned());
    plan.measures(Some(told.clone()), Some(told));
    plan.title(format!("{}: {}", capital(&at.words()), fields.said(was, TLS)));
}

pub(super) fn samples() -> Vec<Fields> {
    let some = [
        json!({ "tls": { "mode": "DISABLE" } }),
        json!({ "tls": { "mode": "ISTIO_MUTUAL" } }),
        json!({ "tls": { "mode": "SIMPLE", "sni": "reviews.example", "caCertificates": "/etc/ca.crt" } }),
        json!({ "tls": { "mode": "MUTUAL", "clientCertificate": "/c.pem", "privateKey": "/k.pem" } }),
        json!({}),
    ];
    some.iter().map(|policy| Fields::of(Some(policy), TLS)).collect()
}
