//! Where the sandbox's kubeconfig goes when somebody names a file: never over what is not a sandbox's own, for
//! that may be the only copy of somebody's logins.

use istio::Problem;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The file that is to be written, told before anything is started.
///
/// # Errors
/// When its folder is not there, or something else than a sandbox's kubeconfig stands in its place.
pub(crate) fn place(wanted: &Path, context: &str) -> Result<PathBuf, Problem> {
    // Others read it from their own folders; what a link leads to is written, not the link.
    let path = std::path::absolute(wanted).unwrap_or_else(|_| wanted.to_owned());
    let path = path.canonicalize().unwrap_or(path);
    let refused = |why: &str, next: &str| {
        Err(Problem::new(format!("The kubeconfig cannot be written to {}", path.display()), why, next))
    };
    if !path.parent().is_some_and(Path::is_dir) {
        return refused("its folder is not there", "Make the folder, or name another file");
    }
    let taken = match fs::metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Ok(there) if there.is_file() => !fs::read_to_string(&path).is_ok_and(|text| is_ours(&text, context)),
        _ => true,
    };
    match taken {
        true => refused(
            "a file is there that is no kubeconfig of a sandbox",
            "Name another file, or move that one away",
        ),
        false => Ok(path),
    }
}

/// Whether a text is empty, or a kubeconfig with the context of a sandbox and no other.
fn is_ours(text: &str, context: &str) -> bool {
    let lines = || text.lines().map(|line| line.trim_start_matches([' ', '-']));
    let current = lines().find_map(|line| line.strip_prefix("current-context:"));
    let current = current.map(|name| name.trim().trim_matches('"'));
    let contexts = lines().filter(|line| line.starts_with("context:")).count();
    text.trim().is_empty() || (current == Some(context) && contexts == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_sandboxs_own_file_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let may = |path: &Path| place(path, "sandbox").is_ok();
        let ours = "apiVersion: v1\nkind: Config\ncurrent-context: \"sandbox\"\nclusters:\n- name: \"sandbox\"\n  \
                    cluster:\n    server: https://127.0.0.1:1\ncontexts:\n- name: \"sandbox\"\n  context:\n    \
                    cluster: \"sandbox\"\n";
        assert!(may(&file("ours", ours)) && may(&file("empty", "")) && may(&folder.path().join("new")));
        assert!(!may(&file("precious", "precious\n")));
        let two = ours.replace("contexts:\n", "contexts:\n- name: prod\n  context: { cluster: prod }\n");
        assert!(two != ours && !may(&file("two", &two)));
        assert!(!may(&file("other", &ours.replace("sandbox", "prod"))));
        assert!(!may(folder.path()) && !may(&folder.path().join("none/file")));
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(folder.path().join("ours"), &link).unwrap();
        assert!(place(&link, "sandbox").unwrap().ends_with("ours"));
    }
}
