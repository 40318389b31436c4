//! Laws of changes of workloads: what is kept of them on disk, and what that is enough for.

use crate::editors::{bytes, each, stored};
use harness::dumps::after;
use mesh::demo;

/// What the journal keeps of a change is enough to take it back, and no more of a workload than that.
#[test]
fn what_is_kept_of_workloads_takes_them_back() {
    let objects = demo::bookinfo_objects();
    let mut tried = 0;
    each(&objects, |_, editor, change| {
        if !change.is_of_workloads() || change.lasts().is_some() {
            return;
        }
        assert!(change.steps.iter().all(mesh::Step::is_ours), "{editor}: {}", change.title);
        let done = after(&objects, &change);
        let (began, id) = (demo::NOW, mesh::ChangeId::fresh());
        let opening =
            mesh::journal::Opening { journal: 1, cluster: mesh::journal::Cluster::default(), began };
        let sent = mesh::journal::Record::sent(id, began, &change, &[], None).expect("a change of ours");
        let told = stored(&objects, &done, &change).into_iter().flatten().enumerate();
        let told = told.map(|(step, stored)| mesh::Fact::Wrote(step, Box::new(stored)));
        let told = told.filter_map(|fact| mesh::journal::Record::told(id, began, &fact));
        let mut file = line(&opening) + &line(&sent);
        file.extend(told.map(|record| line(&record)));
        assert!(!file.contains("serviceAccountName") && !file.contains("matchLabels"), "{file}");
        let past = mesh::journal::past(&[mesh::journal::Run::read(&file).expect("a journal")]).remove(0);
        let kept = past.facts.into_iter().map(|(_, fact)| match fact {
            mesh::Fact::Wrote(_, stored) => Some(*stored),
            other => panic!("{other:?}"),
        });
        let undo = past.change.inverse(&kept.collect::<Vec<_>>()).expect("an inverse");
        assert_eq!(bytes(&objects), bytes(&after(&done, &undo)), "{editor}: {}", change.title);
        tried += 1;
    });
    assert!(tried > 5, "{tried}");
}

fn line(record: &impl serde::Serialize) -> String {
    mesh::journal::line(record).expect("a line")
}
