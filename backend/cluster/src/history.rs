//! What earlier runs did in this cluster. A push that was cut off is looked up: what its objects are now says
//! how far it came.

use crate::confirm::{self, Before};
use crate::push::News;
use crate::session::Session;
use crate::{Wake, write};
use jiff::Timestamp;
use mesh::journal::{FOLLOWED, Past};
use mesh::{ChangeId, Fact, Standing};
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
    for past in open {
        let news = News { id: past.id, facts: facts.clone(), wake: Arc::clone(&wake), journal: None };
        let fact = found(&session, &past).await;
        news.send(fact).await;
    }
    let follow = |past: Past| {
        let (id, facts, wake) = (past.id, facts.clone(), Arc::clone(&wake));
        let news = News { id, facts, wake, journal: Some(Arc::clone(&journal)) };
        let session = &session;
        async move { confirm::follow(session, &past.change, &[], &Before::unknown(session), &news).await }
    };
    futures::future::join_all(unconfirmed.into_iter().map(follow)).await;
}

async fn found(session: &Session, past: &Past) -> Fact {
    let mut standings = Vec::new();
    for step in &past.change.steps {
        match write::look(session, step).await {
            Ok(now) => standings.push(Standing::of(step, now.as_ref())),
            Err(problem) => return Fact::Unsure(problem),
        }
    }
    Fact::CutOff(standings)
}
