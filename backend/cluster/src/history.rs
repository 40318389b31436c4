//! What earlier runs did in this cluster. A push that was cut off is looked up: what its objects are now says
//! how far it came. Until they can be read, that is not known.

use crate::confirm::{self, Before};
use crate::push::News;
use crate::session::{Newest, Session};
use crate::{Wake, program};
use jiff::Timestamp;
use mesh::journal::{FOLLOWED, Past, Record};
use mesh::program::Push;
use mesh::{ChangeId, Fact};
use std::sync::Arc;
use tokio::sync::mpsc;

/// So many changes of earlier runs are shown.
const SHOWN: usize = 100;

/// Tells what the journal has, and goes on following what nobody has followed to its end.
pub(crate) async fn tell(session: Arc<Session>, facts: mpsc::Sender<(ChangeId, Fact)>, wake: Wake) {
    let Some(journal) = session.journal().await else { return };
    let past = journal.past().await;
    let open: Vec<Past> = mesh::journal::cut_off(&past).cloned().collect();
    // A connection that was lost, or a window that was closed, while a change was followed.
    let recent = |past: &&Past| past.sent.duration_until(Timestamp::now()) < FOLLOWED;
    let unconfirmed: Vec<Past> = mesh::journal::unconfirmed(&past).filter(recent).cloned().collect();
    let shown = past.len().saturating_sub(SHOWN);
    for (number, past) in past.into_iter().enumerate() {
        if number >= shown || open.iter().any(|open| open.id == past.id) {
            let news = News { id: past.id, facts: facts.clone(), wake: Arc::clone(&wake), journal: None };
            news.send(Fact::Remembered(Box::new(past))).await;
        }
    }
    let look = |past: Past| {
        let news = News { id: past.id, facts: facts.clone(), wake: Arc::clone(&wake), journal: None };
        let session = Arc::clone(&session);
        async move { look_up(session, &past, &news).await }
    };
    let looked_up = futures::future::join_all(open.into_iter().map(look));
    let follow = |past: Past| {
        let (id, facts, wake) = (past.id, facts.clone(), Arc::clone(&wake));
        let news = News { id, facts, wake, journal: Some(Arc::clone(&journal)) };
        let session = &session;
        async move { confirm::follow(session, &past.change, &[], &Before::unknown(session), &news).await }
    };
    let followed = futures::future::join_all(unconfirmed.into_iter().map(follow));
    futures::future::join(looked_up, followed).await;
}

/// Tells how far a push has come that was cut off.
async fn look_up(session: Arc<Session>, past: &Past, news: &News) {
    let Some(record) = Record::sent(past.id, past.sent, &past.change, &past.parts, past.undoes) else {
        return;
    };
    let mut push = Push::looked_up(past.change.clone());
    program::run(&mut Newest::only(session), &mut push, record, news).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mock::{Shared, kubernetes};
    use crate::write::lost_tests::{object, path, weight};
    use crate::write::tests::{news, session_with};
    use mesh::{Standing, kinds};
    use serde_json::json;

    /// A server that does not answer has refused nothing; nor is it asked once and never again.
    #[tokio::test]
    async fn what_cannot_be_looked_up_is_not_known_and_looked_up_again() {
        let objects = Shared::default();
        let there = object(&kinds::VIRTUAL_SERVICE, json!({ "weight": 25 }));
        objects.lock().all.insert(path(&kinds::VIRTUAL_SERVICE), there);
        objects.lock().away = 2;
        let mock = kubernetes(&objects).await;
        let (news, mut told) = news();
        let (sent, run) = (Timestamp::now(), Timestamp::now());
        let past = Past {
            id: news.id,
            run,
            change: weight(),
            parts: Vec::new(),
            undoes: None,
            sent,
            facts: Vec::new(),
        };
        look_up(session_with(mock.client()), &past, &news).await;
        let Some((_, Fact::Unsure(problem))) = told.recv().await else { panic!("it is not known") };
        assert_eq!(problem.what, "It is not known yet whether VirtualService shop/cart was changed");
        let Some((_, Fact::CutOff(found))) = told.recv().await else { panic!("it is found out") };
        assert!(matches!(found[..], [Standing::Written(_)]), "{found:?}");
    }
}
