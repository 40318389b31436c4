//! Two people: the window and another writer change the same objects two hundred times at random. No update is
//! lost, and every refusal is shown with both versions.

mod other;
mod record;
mod window;

use apiserver::{ApiServer, Logs, Options, PodAccess, PodName, Store, Stream, Unreachable};
use mesh::{demo, kinds};
use other::Other;
use record::Record;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use window::{Came, Window};

const ROUNDS: usize = 200;

/// What both write; of reviews everything is there at first, of details nothing.
const OBJECTS: [(&mesh::Kind, &str); 4] = [
    (&kinds::VIRTUAL_SERVICE, "reviews"),
    (&kinds::DESTINATION_RULE, "reviews"),
    (&kinds::VIRTUAL_SERVICE, "details"),
    (&kinds::DESTINATION_RULE, "details"),
];

/// Nothing runs in the pods of this cluster.
struct NoPods;

#[async_trait::async_trait]
impl PodAccess for NoPods {
    async fn connect(&self, namespace: &str, pod: &str, port: u16) -> Result<Stream, Unreachable> {
        Err(Unreachable::Closed(PodName { namespace: namespace.to_owned(), name: pod.to_owned() }, port))
    }
    fn logs(&self, _namespace: &str, _pod: &str, _container: &str) -> Option<Logs> {
        None
    }
}

/// The same numbers in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

/// An object without what only the server gives.
fn bare(mut object: Value) -> Value {
    for given in ["uid", "resourceVersion", "generation", "creationTimestamp", "managedFields"] {
        object["metadata"].as_object_mut().expect("metadata").shift_remove(given);
    }
    object
}

async fn bookinfo() -> (ApiServer, tempfile::TempDir) {
    let store = Store::new();
    for (at, object) in demo::bookinfo_objects() {
        // Nobody is there to ask for the proxies: what becomes of a write in them is not looked at here.
        if at.kind == &kinds::POD && at.name.starts_with("istiod") {
            continue;
        }
        store.apply(bare((*object.0).clone())).expect("an object of the demo");
    }
    let api = ApiServer::start(store, Options::new(Arc::new(NoPods))).await.expect("an API server");
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("config"), api.kubeconfig("two")).expect("a kubeconfig");
    (api, folder)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_update_is_lost_and_every_refusal_shows_both_versions() {
    let (api, folder) = bookinfo().await;
    let record = Record::begin(api.store()).await;
    let mut window = Window::open(folder.path());
    let mut other = Other::of(folder.path()).await;
    let mut dice = Dice(0x5eed_cafe_f00d_1234);
    let mut told: BTreeMap<Came, usize> = BTreeMap::new();
    let mut rounds = 0;
    while rounds < ROUNDS {
        // The window knows what it saw last; it does not always see the newest.
        if dice.below(3) > 0 {
            window.catch_up(api.store()).await;
        }
        let Some(draft) = window.draft(&mut dice) else { continue };
        rounds += 1;
        for _ in 0..dice.below(3) {
            other.writes(&mut dice, &record).await;
        }
        let came = match window.judged(&draft, &record).await {
            Err(came) => came,
            Ok(judged) => match dice.below(4) {
                0 => {
                    other.writes(&mut dice, &record).await;
                    window.push(judged, &record).await
                }
                1 => tokio::join!(window.push(judged, &record), other.writes(&mut dice, &record)).0,
                _ => window.push(judged, &record).await,
            },
        };
        *told.entry(came).or_default() += 1;
        if came != Came::Written {
            // On what is there now it is made anew, and nobody is in the way.
            window.catch_up(api.store()).await;
            if let Some(judged) = window.again(&draft, &record).await {
                assert_eq!(window.push(judged, &record).await, Came::Written);
            }
        }
    }
    let written = record.end(api.store()).await;
    println!("{told:?}; versions by {written:?}");
    assert!(written["the window"] > 100 && written["the other"] == other.written, "{written:?}");
    let often = |came| told.get(&came).copied().unwrap_or_default();
    assert!(often(Came::Written) > 80 && often(Came::Refused) > 8, "{told:?}");
    assert!(often(Came::RefusedGone) > 1 && often(Came::RefusedMade) > 1, "{told:?}");
}
