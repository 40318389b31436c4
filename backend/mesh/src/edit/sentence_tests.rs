use super::*;
use crate::demo;
use crate::plan::HttpRule;
use crate::split::Split;
use crate::{Mesh, Ref};
use istio::kinds;
use serde_json::json;

fn at(mesh: &Mesh, service: &str, number: usize) -> HttpRule {
    rules(mesh, mesh.service("bookinfo", service).unwrap())[number].at.clone()
}

/// Every share that moves is named, those that stay are not.
#[test]
fn the_sentence_names_every_share_that_moves() {
    let mesh = demo::bookinfo();
    #[track_caller]
    fn check(mesh: &Mesh, wanted: [u32; 3], expect: &str) {
        let wanted = Split::new(["v1", "v2", "v3"].into_iter().zip(wanted)).unwrap();
        let change = split::split(mesh, &at(mesh, "reviews", 1), &wanted).unwrap();
        assert_eq!(change.title, format!("{expect} of all other calls"));
    }
    check(&mesh, [50, 50, 0], "v2 of reviews gets 50 % instead of 30 %, v3 0 % instead of 20 %");
    check(&mesh, [30, 30, 40], "v3 of reviews gets 40 % instead of 20 %, v1 30 % instead of 50 %");
    check(&mesh, [63, 37, 0], "reviews: v1 50 → 63 %, v2 30 → 37 %, v3 20 → 0 %");
    check(&mesh, [0, 0, 100], "reviews: v1 50 → 0 %, v2 30 → 0 %, v3 20 → 100 %");
}

/// Of many only those that move most are named.
#[test]
fn a_sentence_of_fifty_versions_is_short() {
    let mut objects = demo::bookinfo_objects();
    let at_of = Ref::new(&kinds::VIRTUAL_SERVICE, "bookinfo", "reviews");
    let mut object = (*objects[&at_of].0).clone();
    let row = |number: usize| json!({ "destination": { "host": "reviews", "subset": format!("v{number}") }, "weight": 2 });
    object["spec"]["http"][1]["route"] = (1..=50).map(row).collect();
    objects.insert(at_of, object.into());
    let mesh = Mesh::read(objects, None);
    let share = |number: usize| if number == 50 { 100 } else { 0 };
    let wanted = Split::new((1..=50).map(|number| (format!("v{number}"), share(number)))).unwrap();
    let change = split::split(&mesh, &at(&mesh, "reviews", 1), &wanted).unwrap();
    assert_eq!(change.title, "reviews: v50 2 → 100 %, v1 2 → 0 %, v2 2 → 0 % + 47 others of all other calls");
}
