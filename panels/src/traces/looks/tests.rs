use super::usual::{head, sentence};
use super::*;
use crate::kit::fmt;
use mesh::demo;
use mesh::trace::{Mark, Reason};

#[test]
fn reasons_are_sentences() {
    let reason = |usual_us, marks: &[Mark]| Reason {
        name: "details details:9080/*".into(),
        row: 3,
        waited_us: 34_000.0,
        usual_us,
        marks: marks.to_vec(),
    };
    let told = |reason: &Reason, usual| sentence(reason, 68_000, usual).replace(fmt::THIN, " ");
    assert_eq!(
        told(&reason(Some(4000.0), &[Mark::Delay]), true),
        "details details:9080/* was waited for 34 ms, 30 ms longer than usual. By the mesh: a fault rule held it up"
    );
    assert_eq!(
        told(&reason(None, &[]), true),
        "details details:9080/* was waited for 34 ms, and is usually not called"
    );
    assert_eq!(
        told(&reason(None, &[]), false),
        "details details:9080/* was waited for 34 ms, 50 % of the whole"
    );
}

#[test]
fn parts_are_derived_once_and_say_what_is_usual() {
    let (ctx, found) = (egui::Context::default(), Arc::new(demo::found()));
    let opened: Arc<Opened> = found.traces[0].clone();
    let mut derived = Derived::default();
    let parts = derived.of(&ctx, &opened, Some(&found)).unwrap();
    assert!(Arc::ptr_eq(&parts, &derived.of(&ctx, &opened, Some(&found)).unwrap()));
    let said = head(&opened, &parts);
    assert!(said.contains("usual is") && parts.usual.is_some(), "{said}");
    let alone = derived.of(&ctx, &opened, None).unwrap();
    assert!(alone.usual.is_none() && alone.revision > parts.revision && !alone.reasons.is_empty());
}
