//! What earlier runs did in this cluster. A push that was cut off is looked up: what its objects are now says
//! how far it came.

use crate::push::News;
use crate::session::Session;
use crate::{Wake, write};
use mesh::journal::Past;
use mesh::{ChangeId, Fact, Standing};
use std::sync::Arc;
use tokio::sync::mpsc;

/// So many changes of earlier runs are shown.
const SHOWN: usize = 100;

/// Tells what the journal has.
pub(crate) async fn tell(session: Arc<Session>, facts: mpsc::Sender<(ChangeId, Fact)>, wake: Wake) {
    let Some(journal) = session.journal().await else { return };
    let past = journal.past().await;
    let open: Vec<Past> = mesh::journal::cut_off(&past).cloned().collect();
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
