use super::*;
use crate::demo;
use crate::mesh_config::MeshConfig;
use crate::{KINDS, Mesh, Objects};
use istio::Object;
use serde_json::{Value, json};
use std::collections::BTreeSet;

mod cases;

/// Objects of a short form: "Kind namespace/name", and below it, indented, what stands beside its metadata.
fn objects(text: &str) -> Vec<Value> {
    let mut all: Vec<(String, String)> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        match (line.starts_with(' '), all.last_mut()) {
            (true, Some((_, body))) => {
                body.push_str(line);
                body.push('\n');
            }
            _ => all.push((line.to_owned(), String::new())),
        }
    }
    all.into_iter().map(|(title, body)| object(&title, &body)).collect()
}

fn object(title: &str, body: &str) -> Value {
    let (kind, name) = title.split_once(' ').unwrap();
    let row = KINDS.iter().find(|row| row.kind == kind).unwrap_or_else(|| panic!("{kind}"));
    let version = match row.group {
        "" => row.versions[0].to_owned(),
        group => format!("{group}/{}", row.versions[0]),
    };
    let mut value = match body.is_empty() {
        true => json!({}),
        false => istio::yaml::read(body).unwrap_or_else(|error| panic!("{title}: {error}\n{body}")).value,
    };
    let (namespace, name) = name.split_once('/').unwrap_or(("", name));
    value["apiVersion"] = version.into();
    value["kind"] = kind.into();
    value["metadata"]["name"] = name.into();
    if row.namespaced {
        value["metadata"]["namespace"] = namespace.into();
    }
    value
}

/// Bookinfo with these objects added, or in place of its own.
fn bookinfo_with(text: &str) -> Mesh {
    let mut all = demo::bookinfo_objects();
    for value in objects(text) {
        let object = Object::from(value);
        let at = object.at().unwrap();
        match object.label("gone") {
            Some(_) => drop(all.remove(&at)),
            None => drop(all.insert(at, object)),
        }
    }
    Mesh::read(all, None)
}

fn config() -> MeshConfig {
    MeshConfig::read(&json!({ "extensionProviders": [
        { "name": "judge", "envoyExtAuthzGrpc": { "service": "judge.web", "port": 9000 } },
        { "name": "spans", "zipkin": { "service": "zipkin.web", "port": 9411 } },
    ] }))
}

/// The mesh's configuration, where nobody knows it.
fn unknown<'a>() -> Result<&'a MeshConfig, Problem> {
    Err(Problem::new("The mesh's configuration is not known", "nobody has read it", "Read it"))
}

fn found_in(text: &str) -> Vec<Finding> {
    let mesh = bookinfo_with(text);
    let config = config();
    let judged = judge(&World::new(&mesh, Ok(&config)));
    assert!(judged.not_made.is_empty(), "{:?}", judged.not_made);
    judged.findings
}

#[test]
fn bookinfo_is_well() {
    assert_eq!(found_in(""), []);
}

#[test]
fn each_check_finds_what_it_is_for_and_nothing_that_is_near_it() {
    let mut failed = Vec::new();
    for (name, fires, near) in cases::all() {
        let all = found_in(fires);
        let mine: Vec<&Finding> = all.iter().filter(|one| one.check.name == *name).collect();
        match mine.is_empty() {
            true => {
                let others: Vec<String> = all
                    .iter()
                    .map(|one| format!("{} {} {}: {}", one.check.name, one.at, one.path, one.what))
                    .collect();
                failed.push(format!("{name} does not fire in:{fires}found: {others:#?}"));
            }
            false => {
                for one in mine {
                    let object = bookinfo_with(fires).objects().get(&one.at).cloned();
                    if object.is_none() {
                        failed.push(format!("{name} is told of {}, which is not there", one.at));
                    }
                    println!("{name}: {} {}: {}", one.at, one.path, one.what);
                }
            }
        }
        for near in *near {
            let all = found_in(near);
            for one in all.iter().filter(|one| one.check.name == *name) {
                failed.push(format!("{name} fires in:{near}{} {}: {}", one.at, one.path, one.what));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

#[test]
fn every_check_is_tried() {
    let tried: BTreeSet<&str> = cases::all().map(|(name, ..)| *name).collect();
    // Tried with files, with what was written when, and with what cannot be read.
    let elsewhere = ["NotYaml", "GivenTwice", "FaultLeftOn"];
    let names: Vec<&str> = checks().map(|check| check.name).collect();
    let untried: Vec<&&str> =
        names.iter().filter(|name| !tried.contains(**name) && !elsewhere.contains(name)).collect();
    assert!(untried.is_empty(), "{untried:?}");
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "names are told apart");
    assert!(tried.iter().all(|name| names.contains(name)), "{tried:?}");
}

#[test]
fn words_are_whole() {
    for check in checks() {
        for sentence in [check.why, check.next] {
            assert!(sentence.ends_with('.'), "{}: {sentence}", check.name);
        }
        assert!(
            !check.what.ends_with('.') && check.name.chars().all(char::is_alphanumeric),
            "{}",
            check.name
        );
        assert!(
            check
                .codes
                .iter()
                .all(|code| code.starts_with("IST") || code.starts_with("KIA") || *code == "GWAPI")
        );
        assert_eq!(named(&check.name.to_lowercase()), Some(check));
    }
}

/// Of what may not be read nothing is said, but that it was not looked at.
#[test]
fn what_is_not_seen_is_not_judged() {
    let mut unseen = crate::Unseen::default();
    let why = Problem::new("Services are not known", "you may not list them", "Ask for the right");
    unseen.hide(&crate::kinds::SERVICE, crate::Hidden { but: BTreeSet::new(), why: why.clone() });
    let mut objects = demo::bookinfo_objects();
    objects.retain(|at, _| *at.kind != crate::kinds::SERVICE);
    let mesh = Mesh::read(objects, None).seeing_all_but(&std::sync::Arc::new(unseen));
    let judged = judge(&World::new(&mesh, unknown()));
    assert!(judged.findings.iter().all(|one| one.check.name != "HostNotFound"), "{:?}", judged.findings);
    let told = judged.not_made.iter().find(|one| one.check.name == "HostNotFound").unwrap();
    assert_eq!(told.why, why);
    let provider = judged.not_made.iter().find(|one| one.check.name == "ProviderUnknown").unwrap();
    assert_eq!(Some(&provider.why), unknown().err().as_ref());
}

/// A fault is an experiment for an hour; after that somebody has forgotten it.
#[test]
fn a_fault_that_was_left_on() {
    let mesh = bookinfo_with(cases::FAULT);
    let at = mesh.virtual_services().find(|(at, _)| *at.name == *"ratings").unwrap().0.clone();
    let write = |when: &str| crate::writes::Write {
        at: at.clone(),
        by: None,
        when: when.parse().unwrap(),
        heard: demo::NOW,
        deed: crate::writes::Deed::Before,
        what: Vec::new(),
        before: None,
        after: None,
    };
    let names = |when: &str| -> Vec<&str> {
        let writes = [write(when)];
        let judged = judge(&World::new(&mesh, unknown()).watched(&writes, demo::NOW));
        judged.findings.iter().map(|one| one.check.name).collect()
    };
    assert_eq!(names("2025-12-31T22:00:00Z"), ["FaultLeftOn"]);
    assert!(names("2025-12-31T23:30:00Z").is_empty());
    assert!(judge(&World::new(&mesh, unknown())).findings.is_empty(), "nobody knows since when");
}

mod of_files {
    use super::*;
    use crate::check::files::Files;
    use crate::check::report::{Report, Suppress};

    const SHOP: &str = "\
# Two objects, a broken one, and what Helm left.
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: cart
spec:
  hosts: [cart]
  http:
  - route:
    - destination:
        host: nowhere
---
apiVersion: v1
kind: Service
metadata: { name: cart }
spec: { ports: [{ name: http, port: 80 }] }
---
a: \"b
---
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: { name: plug }
spec: {}
---
replicaCount: 1
";

    fn report(texts: &[(&str, &str)], suppress: &[&str]) -> Report {
        let mut files = Files::default();
        texts.iter().for_each(|(file, text)| files.read(file, text, "shop"));
        let mesh = files.mesh(None);
        let judged = judge(&World::new(&mesh, unknown()).from_files());
        let suppress: Vec<Suppress> =
            suppress.iter().flat_map(|text| Suppress::read(text).unwrap()).collect();
        Report::of(&judged, mesh.objects(), &files, &suppress, &[])
    }

    #[test]
    fn findings_have_the_lines_of_their_files() {
        let report = report(&[("shop.yaml", SHOP)], &[]);
        let told: Vec<(&str, &str, Option<usize>)> =
            report.rows.iter().map(|row| (row.name, row.object.as_str(), row.line)).collect();
        assert_eq!(
            told,
            [
                ("HostNotFound", "VirtualService shop/cart", Some(11)),
                ("NotYaml", "", Some(18)),
                ("Invalid", "WasmPlugin shop/plug", Some(23)),
            ]
        );
        assert_eq!(report.rows[0].column, Some(9));
        assert!(
            report.not_made.iter().any(|one| one.check.name == "SubsetWithoutPods"),
            "no pods in the files"
        );
        let text = report.text();
        assert!(text.contains("shop.yaml:11: error: VirtualService shop/cart spec.http[0]"), "{text}");
        assert!(text.contains("3 errors, 0 warnings, 0 remarks."), "{text}");
    }

    #[test]
    fn what_somebody_asked_to_leave_out_is_counted() {
        let all = report(&[("shop.yaml", SHOP)], &["IST0101=VirtualService cart.shop", "NotYaml", "invalid"]);
        assert_eq!((all.rows.len(), all.suppressed), (0, 3));
        assert!(Suppress::read("NoSuchCheck").is_err());
        let ignored = SHOP.replace(
            "  name: cart\nspec",
            "  name: cart\n  annotations: { kiali.io/ignore-validations: KIA1101 }\nspec",
        );
        let all = report(&[("shop.yaml", &ignored)], &[]);
        assert_eq!(
            (all.rows.iter().filter(|row| row.name == "HostNotFound").count(), all.suppressed),
            (0, 1)
        );
    }

    #[test]
    fn an_object_that_stands_twice() {
        let all = report(&[("a.yaml", SHOP), ("b.yaml", SHOP)], &[]);
        let twice: Vec<&str> =
            all.rows.iter().filter(|row| row.name == "GivenTwice").map(|row| row.what.as_str()).collect();
        assert_eq!(twice, [2, 13, 20].map(|line| format!("It stands in a.yaml at line {line} too")));
    }

    #[test]
    fn a_list_is_its_items() {
        let list = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: networking.istio.io/v1\n  kind: VirtualService\n  \
                    metadata: { name: a }\n  spec: { hosts: [a], http: [{ route: [{ destination: { host: gone } }] }] }\n";
        let all = report(&[("list.yaml", list)], &[]);
        assert_eq!(
            all.rows.iter().map(|row| (row.name, row.line)).collect::<Vec<_>>(),
            [("HostNotFound", Some(7))]
        );
    }

    #[test]
    fn files_are_laid_over_a_mesh() {
        let mut files = Files::default();
        files.read("f.yaml", "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: { name: ratings, namespace: bookinfo }\n\
            spec: { hosts: [ratings], http: [{ route: [{ destination: { host: ratings, subset: v9 } }] }] }\n", "default");
        let mesh = files.mesh(Some(&demo::bookinfo()));
        let judged = judge(&World::new(&mesh, unknown()));
        let report = Report::of(&judged, mesh.objects(), &files, &[], &[]);
        assert_eq!(
            report.rows.iter().map(|row| (row.name, row.line)).collect::<Vec<_>>(),
            [("SubsetNotFound", Some(4))]
        );
        assert_eq!(Report::of(&judged, mesh.objects(), &files, &[], &["shop".to_owned()]).rows, []);
    }

    #[test]
    fn sarif_names_every_check_and_every_place() {
        let report = report(&[("shop.yaml", SHOP)], &[]);
        let sarif = report.sarif("1");
        let run = &sarif["runs"][0];
        assert_eq!(run["tool"]["driver"]["rules"].as_array().unwrap().len(), checks().count());
        let place = &run["results"][0]["locations"][0]["physicalLocation"];
        assert_eq!(
            (place["artifactLocation"]["uri"].as_str(), place["region"]["startLine"].as_u64()),
            (Some("shop.yaml"), Some(11))
        );
        let json = report.json();
        assert_eq!(json["findings"][0]["codes"], json!(["IST0101", "KIA1101", "KIA1402"]));
        assert_eq!(json["findings"][0]["severity"], "error");
    }
}

proptest::proptest! {
    /// What makes no sense is judged without a panic.
    #[test]
    fn odd_objects_are_judged(specs in proptest::collection::vec(crate::any_json::any_json(), 1..4)) {
        let mut all = demo::bookinfo_objects();
        for (index, spec) in specs.iter().enumerate() {
            for row in KINDS.iter().filter(|row| row.group.ends_with("k8s.io") || row.group.ends_with("istio.io")) {
                let version = format!("{}/{}", row.group, row.versions[0]);
                let object = Object::from(json!({ "apiVersion": version, "kind": row.kind, "spec": spec, "status": spec,
                    "metadata": { "name": format!("odd-{index}"), "namespace": "bookinfo" } }));
                all.insert(object.at().unwrap(), object);
            }
        }
        let mesh = Mesh::read(all, None);
        judge(&World::new(&mesh, unknown()));
    }
}

#[test]
fn nothing_is_nothing() {
    let mesh = Mesh::read(Objects::new(), None);
    assert_eq!(judge(&World::new(&mesh, unknown())).findings, []);
}
