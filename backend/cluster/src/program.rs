//! Carries out a program: asks it what to do, does that, and tells it what came of it. Nothing is sent before
//! the journal has it. Each act takes the newest connection: a login that has ended does not come back.

use crate::push::News;
use crate::session::Newest;
use crate::write;
use mesh::journal::Record;
use mesh::program::{Act, Came, Push};
use mesh::{Fact, Stored};

/// Runs a program until it ends. Returns what was stored, if all of it was.
pub(crate) async fn run(
    newest: &mut Newest,
    program: &mut Push,
    record: Record,
    news: &News,
) -> Option<Vec<Stored>> {
    let mut came = None;
    let mut all = None;
    loop {
        let acts = program.next(came.take());
        if acts.is_empty() {
            return all;
        }
        for act in acts {
            match act {
                Act::Journal => {
                    came = Some(match news.note(record.clone()).await {
                        Ok(()) => Came::Journaled,
                        Err(problem) => Came::Unwritable(problem),
                    });
                }
                Act::Write(step) => {
                    let session = newest.get().await;
                    came = Some(Came::Answered(write::write(&session, &step).await.map(Box::new)));
                }
                Act::Look(step) => {
                    let session = newest.get().await;
                    came = Some(Came::Found(write::look(&session, &step).await));
                }
                Act::Wait(pause) => came = Some(Came::Rested(newest.rest(pause).await)),
                Act::Tell(fact) => {
                    if let Fact::Accepted(stored) = &fact {
                        all = Some(stored.clone());
                    }
                    news.send(fact).await;
                }
            }
        }
    }
}
