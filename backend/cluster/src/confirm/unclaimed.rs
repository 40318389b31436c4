//! A change of which nobody knows beforehand what proxies show: who was sent something since it was written,
//! and took it or refused it. That is told, and never called live.

use super::before::Before;
use super::{nacked, pods};
use crate::istiod;
use crate::push::News;
use crate::session::Session;
use mesh::evidence::Xds;
use mesh::{Fact, Problem};
use std::time::{Duration, Instant};

/// The types of configuration that are looked at.
pub(super) const TYPES: [Xds; 3] = [Xds::Cds, Xds::Lds, Xds::Rds];
/// So long it is looked who is sent something.
const WATCHED: Duration = Duration::from_secs(4);
/// Once all that were sent something have taken it, nothing more is awaited after so long.
const QUIET: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(100);

/// Tells what the proxies answer to what they are sent since the write.
pub(super) async fn follow(session: &Session, before: &Before, news: &News) -> Fact {
    if let Some(problem) = &before.unasked {
        return Fact::Unknowable(super::cannot_ask(session, problem.clone()).await);
    }
    let (begun, mut moved) = (Instant::now(), Instant::now());
    let mut told = (0, Vec::new());
    while begun.elapsed() < WATCHED {
        if let Ok(istiod::Told { proxies, .. }) = istiod::ask(session).await {
            let (mut acked, mut waiting) = (0, Vec::new());
            for proxy in pods::here(session, proxies).values() {
                let refused = TYPES.iter().find_map(|xds| Some((xds, before.refuses(proxy, *xds)?)));
                if let Some((xds, words)) = refused {
                    return Fact::Refused(nacked(&proxy.name, xds.name(), words));
                }
                if TYPES.iter().any(|xds| before.is_stuck(proxy, *xds)) {
                    waiting.push(proxy.name.clone());
                } else if TYPES.iter().any(|xds| before.settled(proxy, *xds)) {
                    acked += 1;
                }
            }
            if (acked, &waiting) != (told.0, &told.1) {
                moved = Instant::now();
                told = (acked, waiting.clone());
                let of = acked + waiting.len();
                news.send(Fact::Acked { acked, of, waiting }).await;
            }
        }
        if told.0 > 0 && told.1.is_empty() && moved.elapsed() >= QUIET {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    Fact::Unknowable(unseen(told.0, told.0 + told.1.len()))
}

fn unseen(acked: usize, of: usize) -> Problem {
    let what = if of == 0 {
        "It is stored, and what the proxies make of it cannot be seen".to_owned()
    } else {
        format!("It is stored, and {acked} of {of} proxies took what they were sent since")
    };
    Problem::new(
        what,
        "Nothing in the configuration of a proxy that we know of tells this change from what was there before",
        "Watch what it is meant to do in the graph",
    )
}
