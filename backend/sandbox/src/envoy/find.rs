//! Finding Envoy on this machine.

use istio::Problem;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The version that the sandbox is made for.
pub const WANTED_VERSION: &str = "1.40.0";

/// The way on, wherever Envoy is missing or wrong.
const HOW_TO_GET_IT: &str = "`cargo xtask run` installs it; or name one with --envoy or $BINNACLE_ENVOY";

/// An Envoy that can be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envoy {
    /// The program.
    pub path: PathBuf,
    /// What it says it is: "1.40.0".
    pub version: String,
}

/// Finds Envoy: the one named, else `$BINNACLE_ENVOY`, else the one that `cargo xtask run` installs, else the
/// one in `$PATH`. Another minor version than [`WANTED_VERSION`] is refused, except for one that was named:
/// then it is only said in the log.
pub fn find_envoy(explicit: Option<&Path>) -> Result<Envoy, Problem> {
    let from_environment =
        std::env::var_os("BINNACLE_ENVOY").filter(|path| !path.is_empty()).map(PathBuf::from);
    let installed = directories::BaseDirs::new()
        .map(|dirs| dirs.cache_dir().join(format!("binnacle/tools/envoy-{WANTED_VERSION}/envoy")));
    let in_path = std::env::var_os("PATH").and_then(|path| {
        std::env::split_paths(&path).map(|dir| dir.join("envoy")).find(|program| program.is_file())
    });
    choose(explicit, from_environment, [installed, in_path])
}

/// A path that was asked for is the answer, good or bad; of the others the first that exists.
fn choose(
    explicit: Option<&Path>,
    from_environment: Option<PathBuf>,
    usual: [Option<PathBuf>; 2],
) -> Result<Envoy, Problem> {
    if let Some(path) = explicit {
        let envoy = ask(path, "--envoy")?;
        if !wanted(&envoy.version) {
            tracing::warn!(
                found = envoy.version,
                wanted = WANTED_VERSION,
                "another Envoy than the sandbox is made for"
            );
        }
        return Ok(envoy);
    }
    let path = match from_environment {
        Some(path) => path,
        None => usual.into_iter().flatten().find(|path| path.is_file()).ok_or_else(|| {
            Problem::new(
                "The sandbox cannot start",
                format!("Envoy {WANTED_VERSION} is not on this machine"),
                HOW_TO_GET_IT,
            )
        })?,
    };
    let envoy = ask(&path, "$BINNACLE_ENVOY or $PATH")?;
    if !wanted(&envoy.version) {
        let why = format!(
            "it needs Envoy {WANTED_VERSION}, and {} is Envoy {}",
            envoy.path.display(),
            envoy.version
        );
        return Err(Problem::new("The sandbox cannot start", why, HOW_TO_GET_IT));
    }
    Ok(envoy)
}

/// Whether it is of the wanted major and minor version.
fn wanted(version: &str) -> bool {
    let minor = |version: &str| version.rsplit_once('.').map(|(minor, _)| minor.to_owned());
    minor(version) == minor(WANTED_VERSION)
}

/// Runs `envoy --version`.
fn ask(path: &Path, named_by: &str) -> Result<Envoy, Problem> {
    let refuse = |why: String| Problem::new("The sandbox cannot start", why, HOW_TO_GET_IT);
    let output = Command::new(path)
        .arg("--version")
        .output()
        .map_err(|error| refuse(format!("{} (from {named_by}) cannot be run: {error}", path.display())))?;
    let said = String::from_utf8_lossy(&output.stdout);
    let version = version_in(&said).ok_or_else(|| {
        refuse(format!("{} (from {named_by}) does not say which Envoy it is", path.display()))
    })?;
    Ok(Envoy { path: path.to_owned(), version: version.to_owned() })
}

/// The version in "envoy  version: 9e55809…/1.40.0/Clean/RELEASE/BoringSSL".
fn version_in(said: &str) -> Option<&str> {
    let build = said.lines().find_map(|line| line.split_once("version:"))?.1.trim();
    let version = build.split('/').nth(1)?;
    let version = version.split('-').next()?;
    let numbers = version.split('.').filter(|part| part.parse::<u32>().is_ok()).count();
    (numbers == 3).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_version_is_read_from_what_envoy_says() {
        for (said, expect) in [
            ("\n/usr/bin/envoy  version: 9e55809/1.40.0/Clean/RELEASE/BoringSSL\n\n", Some("1.40.0")),
            ("envoy  version: abc/1.41.0-dev/Modified/DEBUG/BoringSSL", Some("1.41.0")),
            ("envoy", None),
            ("version: x/latest/y", None),
        ] {
            assert_eq!(version_in(said), expect, "{said}");
        }
    }

    /// A program that says it is such an Envoy.
    fn fake(dir: &Path, version: &str) -> PathBuf {
        let path = dir.join(format!("envoy-{version}"));
        std::fs::write(
            &path,
            format!("#!/bin/sh\necho 'envoy  version: 0/{version}/Clean/RELEASE/BoringSSL'\n"),
        )
        .unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[test]
    fn a_missing_or_wrong_envoy_is_told_with_the_way_on() {
        let dir = tempfile::tempdir().unwrap();
        let (old, good) = (fake(dir.path(), "1.22.0"), fake(dir.path(), "1.40.2"));
        let absent = dir.path().join("absent");

        let none = choose(None, None, [Some(absent.clone()), None]).unwrap_err();
        assert!(none.why.contains("Envoy 1.40.0 is not on this machine"), "{none}");
        let gone = choose(None, Some(absent.clone()), [None, None]).unwrap_err();
        assert!(gone.why.contains("absent") && gone.why.contains("cannot be run"), "{gone}");
        let wrong = choose(None, Some(old.clone()), [None, None]).unwrap_err();
        assert!(wrong.why.contains("needs Envoy 1.40.0") && wrong.why.contains("is Envoy 1.22.0"), "{wrong}");
        assert!(wrong.next.contains("cargo xtask run"), "{wrong}");

        assert_eq!(
            choose(Some(&old), None, [None, None]).unwrap().version,
            "1.22.0",
            "named outright: taken"
        );
        assert_eq!(choose(None, None, [Some(absent), Some(good)]).unwrap().version, "1.40.2");
    }
}
