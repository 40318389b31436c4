use super::*;
use crate::demo;
use crate::mesh_config::MeshConfig;
use crate::{KINDS, Mesh, Objects};
use istio::Object;
use serde_json::{Value, json};
use std::collections::BTreeSet;

mod again;
mod cases;
mod codes;
mod healthy;
mod live;
mod of_files;

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
    // A group is said where two kinds have one name.
    let (kind, group) = kind.split_once('.').map_or((kind, None), |(kind, group)| (kind, Some(group)));
    let row = KINDS.iter().find(|row| row.kind == kind && group.is_none_or(|group| group == row.group));
    let row = row.unwrap_or_else(|| panic!("{kind}"));
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
    MeshConfig::read(&json!({ "trustDomainAliases": ["old.example"], "extensionProviders": [
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
    let unmade: Vec<&NotMade> = judged
        .not_made
        .iter()
        .filter(|one| one.check.asks().iter().all(|asks| *asks == Asks::MeshConfig))
        .collect();
    assert!(unmade.is_empty(), "{unmade:?}");
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
        if near.is_empty() {
            failed.push(format!("nothing comes near {name}"));
        }
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
    let elsewhere = [
        "NotYaml",
        "UnknownKind",
        "UnknownField",
        "UnknownValue",
        "GivenTwice",
        "NotRendered",
        "StrictWithoutMutualTls",
    ];
    let names: Vec<&str> = checks().map(|check| check.name).collect();
    let untried: Vec<&&str> =
        names.iter().filter(|name| !tried.contains(**name) && !elsewhere.contains(name)).collect();
    let untried: Vec<&&&str> = untried.iter().filter(|name| !live::TRIED.contains(**name)).collect();
    assert!(untried.is_empty(), "{untried:?}");
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "names are told apart");
    assert!(tried.iter().all(|name| names.contains(name)), "{tried:?}");
}

/// What is mended is found no more, and nothing else is found instead.
#[test]
fn what_is_mended_is_well() {
    let config = config();
    let mut mended = BTreeSet::new();
    let mut failed = Vec::new();
    let texts = cases::all().map(|(_, fires, _)| *fires).chain([
        "
VirtualService bookinfo/ratings
  spec: { hosts: [ratings], http: [{ route: [{ destination: { host: ratngs } }] }] }
DestinationRule bookinfo/details
  spec: { host: detials }
DestinationRule bookinfo/reviews
  spec: { host: reviews, subsets: [{ name: stable, labels: { version: v1 } }, { name: canary, labels: { version: v2 } }] }
VirtualService bookinfo/reviews
  spec: { hosts: [reviews], http: [{ route: [{ destination: { host: reviews, subset: stabel }, weight: 100 }] }] }
",
    ]);
    for text in texts {
        let mesh = bookinfo_with(text);
        let before = judge(&World::new(&mesh, Ok(&config))).findings;
        for one in &before {
            let Some(fix) = &one.fix else { continue };
            let mut objects = mesh.objects().clone();
            match fix.on(&objects[&one.at].0) {
                Some(value) => drop(objects.insert(one.at.clone(), value.into())),
                None if fix.deletes() => drop(objects.remove(&one.at)),
                None => failed.push(format!("{} does not fit {}", fix.says, one.at)),
            }
            mended.insert(one.check.name);
            let after = judge(&World::new(&Mesh::read(objects, None), Ok(&config))).findings;
            let same =
                |other: &&Finding| (other.check, &other.at, &other.path) == (one.check, &one.at, &one.path);
            let new = |other: &&Finding| other.severity != Severity::Info && !before.contains(other);
            // A field that was renamed may have others that are old.
            if let Some(still) = after.iter().find(|other| same(other) || new(other)) {
                failed.push(format!(
                    "{} at {} {}: then {} {}",
                    fix.says, one.at, one.path, still.check.name, still.what
                ));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(mended.len() >= 12, "{mended:?}");
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

/// Where proxies do not begin mutual TLS by themselves, somebody has to say that they are to.
#[test]
fn strict_where_nobody_begins_mutual_tls() {
    let strict = "
PeerAuthentication bookinfo/default
  spec: { mtls: { mode: STRICT } }
";
    let names = |auto: bool, text: &str| -> Vec<String> {
        let mesh = bookinfo_with(text);
        let config = MeshConfig::read(&json!({ "enableAutoMtls": auto }));
        let judged = judge(&World::new(&mesh, Ok(&config)));
        let mine = judged.findings.into_iter().filter(|one| one.check.name == "StrictWithoutMutualTls");
        mine.map(|one| one.what).collect()
    };
    assert_eq!(names(false, strict).len(), 4, "each service of bookinfo");
    assert_eq!(names(true, strict), [] as [String; 0]);
    let told = format!(
        "{strict}
DestinationRule bookinfo/all
  spec: {{ host: '*.bookinfo.svc.cluster.local', trafficPolicy: {{ tls: {{ mode: ISTIO_MUTUAL }} }} }}
DestinationRule bookinfo/reviews
  spec: {{ host: reviews, trafficPolicy: {{ tls: {{ mode: ISTIO_MUTUAL }} }} }}
"
    );
    assert_eq!(names(false, &told), [] as [String; 0]);
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
