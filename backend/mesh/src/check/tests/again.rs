//! What is judged again after a change is what would be judged anew.

use super::*;
use crate::happenings::happening;
use proptest::prelude::*;

/// Of objects alone: nobody measures anything.
fn anew(mesh: &Mesh) -> Judged {
    judge(&World::new(mesh, unknown()))
}

#[test]
fn every_case_is_found_when_it_comes_and_goes_when_it_goes() {
    let config = config();
    let before = demo::bookinfo();
    let at_first = judge(&World::new(&before, Ok(&config)));
    let mut failed = Vec::new();
    for (name, fires, near) in cases::all() {
        for text in std::iter::once(fires).chain(*near) {
            let mut judge_again = Judge::default();
            judge_again.judge(&World::new(&before, Ok(&config)));
            let mut objects = before.objects().clone();
            let mut mesh = before.clone();
            for value in super::objects(text) {
                let object = Object::from(value);
                objects.insert(object.at().unwrap(), object);
                mesh = Mesh::read(objects.clone(), Some(&mesh));
                let (again, whole) = (judge_again.judge(&World::new(&mesh, Ok(&config))), {
                    judge(&World::new(&mesh, Ok(&config)))
                });
                if again != whole {
                    failed.push(format!("{name}: {:?} is not {:?}", again.findings, whole.findings));
                }
            }
            mesh = Mesh::read(before.objects().clone(), Some(&mesh));
            if judge_again.judge(&World::new(&mesh, Ok(&config))) != at_first {
                failed.push(format!("{name} leaves something behind"));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_happens_it_is_judged_as_if_anew(all in prop::collection::vec(happening(), 1..12)) {
        let mut mesh = demo::synthetic(40, 60);
        let mut objects = mesh.objects().clone();
        let mut again = Judge::default();
        again.judge(&World::new(&mesh, unknown()));
        for one in all {
            one.to(&mut objects);
            mesh = Mesh::read(objects.clone(), Some(&mesh));
            prop_assert_eq!(again.judge(&World::new(&mesh, unknown())), anew(&mesh));
        }
    }
}

/// One VirtualService changes among many: what is found of the others is not looked for again.
#[test]
fn another_mesh_is_judged_whole() {
    let mut again = Judge::default();
    again.judge(&World::new(&bookinfo_with(cases::FAULT), unknown()));
    assert_eq!(again.judge(&World::new(&demo::bookinfo(), unknown())), anew(&demo::bookinfo()));
    let config = config();
    let with = again.judge(&World::new(&demo::bookinfo(), Ok(&config)));
    assert!(with.not_made.len() < anew(&demo::bookinfo()).not_made.len());
}
