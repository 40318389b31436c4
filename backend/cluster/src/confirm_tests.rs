use super::*;
use serde_json::json;

fn object(version: &str, generation: i64) -> Object {
    Object::from(json!({ "metadata": { "resourceVersion": version, "generation": generation } }))
}

#[test]
fn what_is_stored_is_seen_when_the_watch_has_come_so_far() {
    assert!(reached(&object("120", 4), &object("120", 4)));
    assert!(reached(&object("99", 4), &object("1000", 5)), "versions are numbers, not text");
    assert!(!reached(&object("120", 4), &object("119", 3)));
    // Versions that are no numbers can only be the same.
    assert!(reached(&object("a7", 4), &object("a7", 4)));
    assert!(reached(&object("a7", 4), &object("b1", 5)));
    assert!(!reached(&object("a7", 4), &object("b1", 4)));
}
