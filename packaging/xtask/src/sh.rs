//! Running other programs, and saying so.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Runs a command with its output shown; an unsuccessful one is an error that names it.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    println!("  $ {}", shown(command));
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{}` failed ({status})", shown(command))),
        Err(error) => Err(format!("`{}` could not be started: {error}", shown(command))),
    }
}

/// What a command prints on stdout, if it succeeds.
pub(crate) fn output(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Where a program is on the PATH.
pub(crate) fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// Cargo, as the one that runs this, in the environment that a shell would give it.
///
/// `cargo xtask` is `cargo run`, which tells us about our own package by variables. ring's build script asks
/// for such variables, so that it, and kube and all that stands on it, would be built again after each change
/// between the two.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(name);
        }
    }
    command.current_dir(root());
    command
}

/// The workspace's folder.
pub(crate) fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).map(PathBuf::from).unwrap_or(here)
}

/// The folder that cargo builds into.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => root().join("target"),
    }
}

/// Bytes that are left where this folder is, or will be; `None` where that cannot be told.
pub(crate) fn room(folder: &Path) -> Option<u64> {
    let there = folder.ancestors().find(|folder| folder.is_dir())?;
    let told = output(Command::new("df").args(["--output=avail", "-B1"]).arg(there))?;
    told.lines().nth(1)?.trim().parse().ok()
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::{cargo, room, root};
    use std::ffi::OsStr;

    #[cfg(target_os = "linux")]
    #[test]
    fn room_is_told_in_bytes() {
        assert!(room(&root()).is_some_and(|left| left > 1 << 20));
        assert!(room(&root().join("no such folder")).is_some(), "there it will be");
    }

    #[test]
    fn cargo_hears_nothing_of_our_own_package() {
        // `cargo test` gives tests what `cargo run` gives programs.
        for name in ["CARGO_MANIFEST_DIR", "CARGO_PKG_NAME", "CARGO_PKG_VERSION_MAJOR"] {
            assert!(std::env::var_os(name).is_some(), "{name} is set here");
            assert!(
                cargo().get_envs().any(|(key, value)| key == OsStr::new(name) && value.is_none()),
                "{name}"
            );
        }
    }
}
