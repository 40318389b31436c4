//! Access and End-user identity as the user meets them in the detail.
#![allow(clippy::unwrap_used)]

mod support;

use egui_kittest::kittest::{NodeT as _, Queryable as _};
use support::detail::{Bench, detail, frames};
use support::{World, service};

/// The detail of ratings with one editor unfolded.
fn open<'a>(editor: &str) -> Bench<'a> {
    let mut bench = detail(World::bookinfo().select(service("ratings")));
    bench.get_by_label(editor).click();
    frames(&mut bench);
    bench
}

fn choose(bench: &mut Bench<'_>, menu: &str, option: &str) {
    bench.get_by_label(menu).click();
    frames(bench);
    bench.get_by_label(option).click();
    frames(bench);
}

fn fill(bench: &mut Bench<'_>, field: &str, text: &str) {
    bench.get_by_label(field).focus();
    frames(bench);
    bench.get_by_label(field).type_text(text);
    frames(bench);
    bench.key_press(egui::Key::Enter);
    frames(bench);
}

#[test]
fn a_policy_is_made_and_says_whom_it_touches() {
    let mut bench = open("Access");
    choose(&mut bench, "access action", "DENY");
    assert!(bench.state_mut().0.checks().is_empty(), "a rule that says nothing is not judged");
    let field = "principals of source 1 of rule 1 of ratings";
    fill(&mut bench, field, "cluster.local/ns/bookinfo/sa/bookinfo-reviews");
    let checks = bench.state_mut().0.checks();
    let titles: Vec<&str> = checks.iter().map(|change| change.title.as_str()).collect();
    assert_eq!(titles, ["ratings-v1: DENY calls from bookinfo/bookinfo-reviews"]);
    bench.get_by_label("These callers would be refused");
    let row = |caller: &str| {
        bench.get_by_label_contains(&format!("{caller} may")).accesskit_node().value().unwrap()
    };
    assert!(row("reviews-v2").contains("may not call ratings-v1"), "{}", row("reviews-v2"));
    assert!(!row("details-v1").contains("not"), "{}", row("details-v1"));
}

#[test]
fn a_token_is_tried_and_is_no_part_of_the_draft() {
    /// `{"alg":"RS256"}` and `{"iss":"https://a.example","sub":"joe",…}` of 1970.
    const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.\
        eyJpc3MiOiJodHRwczovL2EuZXhhbXBsZSIsInN1YiI6ImpvZSIsImF1ZCI6WyJ4Il0sImV4cCI6MjAwMCwibmJmIjoxMDAwfQ.c2ln";
    let mut bench = open("End-user identity");
    bench.get_by_label("Believe an issuer").click();
    frames(&mut bench);
    fill(&mut bench, "issuer 1 of ratings", "https://a.example");
    let before = bench.state_mut().0.checks().len();
    assert_eq!(before, 1);
    fill(&mut bench, "token to try on ratings", TOKEN);
    bench.get_by_label_contains("Refused (401): it expired");
    bench.get_by_label_contains("request.auth.principal = https://a.example/joe");
    bench.get_by_label("Signature not checked");
    let draft = format!("{:?}", bench.state_mut().0.checks());
    assert!(!draft.contains("eyJ"), "the token is nowhere in what is judged");
}
