use super::*;
use std::fs;
use tempfile::TempDir;

const TWO: &str = "
apiVersion: v1
kind: Config
current-context: east
clusters:
- {name: east, cluster: {server: 'https://east.example:6443'}}
- {name: west, cluster: {server: 'https://west.example'}}
users:
- {name: ann, user: {token: not-for-your-eyes}}
contexts:
- {name: east, context: {cluster: east, user: ann, namespace: shop}}
- {name: west, context: {cluster: west, user: ann}}
";

fn folder(files: &[(&str, &str)]) -> (TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let paths = files.iter().map(|(name, text)| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    });
    let paths = paths.collect();
    (folder, paths)
}

/// One line per context and problem.
#[track_caller]
fn check(files: &[(&str, &str)], expect: &[&str]) {
    let (folder, paths) = folder(files);
    let files = Kubeconfigs::of(&paths);
    let rows = rows(&files).into_iter().map(|row| {
        let current = if row.current { "*" } else { "" };
        let problem = row.problem.map_or_else(String::new, |problem| format!(" — {}", problem.why));
        format!("{}{current} {} {}{problem}", row.name, row.server, row.namespace.unwrap_or_default())
    });
    let problems = files.problems();
    let problems = problems.iter().map(|problem| format!("! {}", problem.why));
    let here = folder.path().display().to_string() + "/";
    let told: Vec<String> =
        rows.chain(problems).map(|line| line.replace(&here, "").trim_end().to_owned()).collect();
    assert_eq!(told, expect);
    assert!(!told.iter().any(|line| line.contains("not-for-your-eyes")), "a token was shown");
}

#[test]
fn contexts_of_one_file() {
    check(&[("config", TWO)], &["east* https://east.example:6443 shop", "west https://west.example"]);
}

#[test]
fn files_are_merged_and_none_hides_a_context_of_the_same_name() {
    let other = "
current-context: north
clusters: [{name: east, cluster: {server: 'https://other.example'}}, {name: north, cluster: {server: 'https://north.example'}}]
contexts: [{name: east, context: {cluster: north}}, {name: north, context: {cluster: north}}]
";
    check(
        &[("a", TWO), ("b", other)],
        &[
            "east* https://east.example:6443 shop",
            "west https://west.example",
            "east https://north.example",
            "north https://north.example",
        ],
    );
}

#[test]
fn a_broken_file_does_not_hide_the_others() {
    let broken = "users:\n- name: ann\n  user: {token: not-for-your-eyes\ncontexts: [";
    check(
        &[("a", broken), ("b", TWO)],
        &[
            "east* https://east.example:6443 shop",
            "west https://west.example",
            "! a is not valid YAML of a kubeconfig at line 4, column 9",
        ],
    );
}

#[test]
fn another_kind_of_yaml_is_no_kubeconfig() {
    check(&[("a", "- not-for-your-eyes\n")], &["! a is not valid YAML of a kubeconfig at line 1, column 1"]);
}

#[test]
fn what_a_context_lacks_is_said_beside_it() {
    let config = "
clusters:
- {name: bare, cluster: {}}
- {name: typo, cluster: {server: '10.0.0.1:6443/x y'}}
- {name: good, cluster: {server: 'https://good.example'}}
users:
- {name: cert, user: {client-certificate: /nowhere/ann.crt, client-key: /nowhere/ann.key}}
- {name: cloud, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: no-such-login, installHint: Install it from example.com}}}
contexts:
- {name: no-cluster, context: {cluster: gone, user: cert}}
- {name: no-server, context: {cluster: bare}}
- {name: bad-server, context: {cluster: typo}}
- {name: no-user, context: {cluster: good, user: nobody}}
- {name: no-cert, context: {cluster: good, user: cert}}
- {name: no-plugin, context: {cluster: good, user: cloud}}
- {name: anonymous, context: {cluster: good, user: ''}}
";
    check(
        &[("config", config)],
        &[
            "no-cluster   — Its cluster gone is not in the kubeconfig",
            "no-server   — Cluster bare has no server",
            "bad-server 10.0.0.1:6443/x y  — The server of cluster typo is no URL",
            "no-user https://good.example  — Its user nobody is not in the kubeconfig",
            "no-cert https://good.example  — The file /nowhere/ann.crt (login), which config names, does not exist",
            "no-plugin https://good.example  — Its login plugin no-such-login is not found",
            "anonymous https://good.example",
        ],
    );
}

#[test]
fn an_empty_file_has_no_contexts() {
    check(&[("config", "")], &["! config names none"]);
}

#[test]
fn a_missing_file_is_said() {
    let (rows, problems) = contexts(Some(Path::new("/nowhere/config")), &[]);
    assert!(rows.is_empty());
    assert_eq!(
        problems[0].to_string(),
        "There is no kubeconfig: /nowhere/config does not exist. Open another kubeconfig, or start the sandbox"
    );
}

#[test]
fn opened_files_are_listed_besides_and_may_be_gone() {
    let (_folder, paths) = folder(&[("a", TWO), ("b", TWO)]);
    let opened = [paths[1].clone(), paths[0].clone(), PathBuf::from("/nowhere/config")];
    let (rows, problems) = contexts(Some(&paths[0]), &opened);
    let told: Vec<_> = rows.iter().map(|row| (row.name.as_str(), Path::new(&row.file))).collect();
    let [a, b] = [paths[0].as_path(), paths[1].as_path()];
    assert_eq!(told, [("east", a), ("west", a), ("east", b), ("west", b)]);
    assert_eq!(problems, []);
}

#[test]
fn a_context_takes_what_it_names_from_its_own_file_and_says_where_kubectl_would_not() {
    let one = "
clusters: [{name: prod, cluster: {server: 'https://one.example'}}]
users: [{name: ann, user: {token: one}}]
";
    let other = "
current-context: ''
clusters: [{name: prod, cluster: {server: 'https://me:pa%2Fss@other.example'}}]
users: [{name: ann, user: {token: other}}]
contexts: [{name: here, context: {cluster: prod, user: ann}}]
";
    let last = "current-context: here\n";
    check(&[("a", one), ("b", other), ("c", last)], &["here* https://other.example"]);
    let (folder, paths) = folder(&[("a", one), ("b", other), ("c", last)]);
    let files = Kubeconfigs::of(&[paths[0].clone(), paths[1].clone(), folder.path().join("gone")]);
    let differs = files.chosen("here", None).and_then(|chosen| chosen.differs()).unwrap();
    let a = paths[0].display();
    assert_eq!(
        differs,
        format!("kubectl takes the cluster from {a} and the user from {a}, which has the same name there")
    );
    let problems = files.problems();
    assert!(
        problems[0].why.ends_with("gone does not exist")
            && problems[0].next.contains("that is there is read")
    );
}

#[test]
fn what_is_no_file_of_a_kubeconfig_is_said_at_once() {
    check(&[("a", "kind: Pod\napiVersion: v1\n")], &["! a says that it is Pod"]);
    let folder = tempfile::tempdir().unwrap();
    let files = Kubeconfigs::of(&[folder.path().to_owned()]);
    assert!(files.problems()[0].why.ends_with("is a folder, not a file"), "{:?}", files.problems());
    #[cfg(unix)]
    {
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let problems = Kubeconfigs::of(std::slice::from_ref(&pipe)).problems();
        assert!(problems[0].why.ends_with("pipe is a pipe or a device, not a file"), "{problems:?}");
    }
}

#[test]
fn an_authority_beside_none_wanted_and_plugins_that_kubectl_refuses_are_refused() {
    let config = "
clusters:
- {name: both, cluster: {server: 'https://a.example', insecure-skip-tls-verify: true, certificate-authority-data: QQ==}}
- {name: empty, cluster: {server: 'https://a.example', insecure-skip-tls-verify: true, certificate-authority-data: ''}}
users:
- {name: asks, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: sh, interactiveMode: Always}}}
- {name: old, user: {exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: sh, interactiveMode: Never}}}
- {name: silent, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: sh}}}
- {name: usual, user: {exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: sh}}}
contexts:
- {name: old, context: {cluster: empty, user: old}}
- {name: silent, context: {cluster: empty, user: silent}}
- {name: usual, context: {cluster: empty, user: usual}}
- {name: both, context: {cluster: both}}
- {name: empty, context: {cluster: empty}}
- {name: asks, context: {cluster: empty, user: asks}}
";
    check(
        &[("config", config)],
        &[
            "old https://a.example  — Its login plugin sh is asked for client.authentication.k8s.io/v1alpha1, which kubectl no longer takes",
            "silent https://a.example  — Its login plugin sh has no interactiveMode, without which kubectl does not run it",
            "usual https://a.example",
            "both https://a.example  — Cluster both has a certificate authority and says that none is to be asked for (insecure-skip-tls-verify)",
            "empty https://a.example",
            "asks https://a.example  — Its login plugin sh wants to be answered on a terminal (interactiveMode: Always)",
        ],
    );
}
