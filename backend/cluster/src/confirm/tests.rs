use super::*;
use crate::write::tests::{news, session_with};
use tower_test::mock;

fn tell_of<'a>(
    session: &'a Session,
    evidence: &'a Evidence,
    news: &'a News,
    before: &'a Before,
) -> Follow<'a> {
    Follow { session, evidence, types: [("cart.shop", BTreeSet::from([Xds::Rds]))].into(), news, before }
}

/// After half a minute without anything new it is said what is not known, once; anything new lifts it.
#[tokio::test]
async fn a_doubt_is_said_once_and_lifted_by_what_is_new() {
    let (service, _server) =
        mock::pair::<http::Request<kube::client::Body>, http::Response<kube::client::Body>>();
    let session = session_with(kube::Client::new(service, "default"));
    let (news, mut told) = news();
    let (evidence, before) = (Evidence::default(), Before::default());
    let follow = tell_of(&session, &evidence, &news, &before);
    let mut progress = Progress::new(None);
    let mut next = || told.try_recv().ok().map(|(_, fact)| fact);
    follow.tell(&mut progress, false).await;
    assert!(matches!(next(), Some(Fact::Acked { acked: 0, of: 1, .. })));
    progress.quiet_since = Instant::now().checked_sub(DOUBT_WITHIN + Duration::from_secs(1));
    for again in [false, true] {
        follow.tell(&mut progress, false).await;
        let Some(Fact::Unknowable(problem)) = next() else {
            assert!(again, "it is said");
            continue;
        };
        assert!(!again, "it is said once");
        assert_eq!(problem.why, "After 30 s there is no answer from cart.shop");
    }
    progress.moved();
    follow.tell(&mut progress, false).await;
    assert!(matches!(next(), Some(Fact::Acked { acked: 0, of: 1, .. })));
    // A refusal that stands since before the change is named as what it is.
    progress.refuses.insert("cart.shop".into(), "bad regex".into());
    progress.quiet_since = Instant::now().checked_sub(DOUBT_WITHIN + Duration::from_secs(1));
    follow.tell(&mut progress, false).await;
    let Some(Fact::Unknowable(problem)) = next() else { panic!("it is said") };
    assert_eq!(problem.what, "cart.shop has refused its configuration since before this change");
    // So is what Envoy says of an update that it did not take.
    let complaint = Some("filter chains overlap".to_owned());
    progress.has("cart.shop".into(), Ok(Looked { held: vec![mesh::confirm::Held::No], complaint }));
    progress.refuses.clear();
    follow.tell(&mut progress, false).await;
    let Some(Fact::Unknowable(problem)) = next() else { panic!("it is said") };
    assert!(problem.why.ends_with("Envoy says: filter chains overlap"), "{problem}");
    progress.acknowledged("cart.shop");
    follow.tell(&mut progress, false).await;
    assert!(matches!(next(), Some(Fact::Acked { acked: 1, of: 1, .. })));
}
