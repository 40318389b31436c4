//! What one proxy holds, asked at its admin port: all of its configuration, and what it tells on other pages.

use crate::envoy::{WHAT, admin};
use crate::limits::{self, Limit};
use crate::session::Session;
use crate::tunnel::Place;
use jiff::Timestamp;
use mesh::Problem;
use mesh::dump::{Dump, PAGES};
use std::time::Duration;
use tokio::sync::Semaphore;

const ANSWER: Duration = Duration::from_secs(20);
/// Only one large answer is in memory at a time.
static LANE: Semaphore = Semaphore::const_new(1);

/// What a proxy ("pod.namespace") holds. Where a page is not answered, the rest is told all the same, and why.
pub(crate) async fn read(session: &Session, proxy: &str) -> Result<Dump, Problem> {
    let place = admin(proxy)?;
    let ask = async |path| {
        let limit = Limit { bytes: limits::ANSWER, lane: Some(&LANE) };
        let asked = session.tunnel.get_some(&place, path, WHAT, limit);
        let late = |_elapsed| late(proxy);
        tokio::time::timeout(ANSWER, asked).await.map_err(late)?
    };
    let answer = ask("/config_dump").await?;
    let body = answer.body_of(WHAT, &place)?.clone();
    // Held while it is read: what is made of it takes several times as much.
    let dump = tokio::task::spawn_blocking(move || Dump::read(&String::from_utf8_lossy(&body))).await;
    drop(answer);
    let mut dump = dump.ok().flatten().ok_or_else(|| foreign(proxy, &place))?;
    for (page, part) in PAGES {
        let told = match ask(page).await {
            Ok(answer) => answer.body_of(WHAT, &place).cloned(),
            Err(problem) => Err(problem),
        };
        match told {
            Ok(body) => {
                let taken = tokio::task::spawn_blocking(move || {
                    dump.take(part, &String::from_utf8_lossy(&body), Timestamp::now());
                    dump
                });
                dump = taken.await.map_err(|_broke| foreign(proxy, &place))?;
            }
            Err(problem) => drop(dump.unknown.insert(part, problem.why)),
        }
    }
    Ok(dump)
}

fn late(proxy: &str) -> Problem {
    let why = format!("{proxy} did not answer within {} s", ANSWER.as_secs());
    Problem::new(WHAT, why, "Look whether its pod runs")
}

fn foreign(proxy: &str, place: &Place) -> Problem {
    let why = format!("What {proxy} answered at {place} is no configuration");
    Problem::new(WHAT, why, "Look at the proxy and its version")
}
