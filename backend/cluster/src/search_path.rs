//! Where programs are looked for. A desktop starts an app with a short PATH; the login shell knows the one
//! that the user means, where the clouds' login plugins and the programs that they run are.

use std::env;
use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The PATH of this program and, when it was not started from a terminal, that of the login shell. Found
/// once; it may take as long as the shell's start.
pub(crate) fn get() -> &'static OsString {
    static FOUND: OnceLock<OsString> = OnceLock::new();
    FOUND.get_or_init(|| {
        let own = env::var_os("PATH").unwrap_or_default();
        let shell = if std::io::stdin().is_terminal() { None } else { of_login_shell() };
        joined(&own, shell.as_ref())
    })
}

/// Whether a command can be found: a bare name in PATH, anything else where it says.
pub(crate) fn has(command: &str) -> bool {
    find(command).is_some()
}

/// The program that a command means.
pub(crate) fn find(command: &str) -> Option<PathBuf> {
    if command.contains(std::path::MAIN_SEPARATOR) {
        return Some(PathBuf::from(command)).filter(|path| path.exists());
    }
    let names = if cfg!(windows) {
        vec![command.to_owned(), format!("{command}.exe")]
    } else {
        vec![command.to_owned()]
    };
    let in_dir = |dir: PathBuf| names.iter().map(|name| dir.join(name)).find(|path| path.is_file());
    env::split_paths(get()).find_map(in_dir)
}

/// The folders of the first, then those of the second that are not among them.
fn joined(own: &OsString, more: Option<&OsString>) -> OsString {
    let mut all: Vec<PathBuf> = env::split_paths(own).collect();
    for dir in more.into_iter().flat_map(env::split_paths) {
        if !all.contains(&dir) && dir != Path::new("") {
            all.push(dir);
        }
    }
    env::join_paths(all).unwrap_or_else(|_| own.clone())
}

#[cfg(unix)]
fn of_login_shell() -> Option<OsString> {
    use std::io::Read as _;
    use std::os::unix::ffi::OsStringExt as _;
    use std::os::unix::process::CommandExt as _;
    use std::process::{Command, Stdio};
    use std::sync::mpsc;
    use std::time::Duration;

    /// Set apart from what the shell's own files may print.
    const MARK: &[u8] = b"PATH-OF-THE-LOGIN-SHELL=";
    let shell = env::var_os("SHELL").unwrap_or_else(|| "/bin/sh".into());
    let mut command = Command::new(shell);
    command.args(["-l", "-c", "printf 'PATH-OF-THE-LOGIN-SHELL=%s' \"$PATH\""]).process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let stdout = child.stdout.take()?;
    let (said, heard) = mpsc::channel();
    std::thread::spawn(move || {
        let mut text = Vec::new();
        let read = stdout.take(1 << 20).read_to_end(&mut text);
        said.send(read.is_ok().then_some(text)).ok();
    });
    let text = heard.recv_timeout(Duration::from_secs(5)).ok().flatten();
    if text.is_none() {
        tracing::warn!("the login shell did not tell its PATH");
        child.kill().ok();
    }
    child.wait().ok()?;
    let text = text?;
    let at = text.windows(MARK.len()).rposition(|window| window == MARK)?;
    Some(OsString::from_vec(text[at + MARK.len()..].to_vec()))
}

#[cfg(not(unix))]
fn of_login_shell() -> Option<OsString> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn the_shells_folders_come_after_the_own_ones() {
        let text = |own: &str, more: &str| joined(&own.into(), Some(&more.into()));
        assert_eq!(text("/usr/bin:/bin", "/opt/tools:/bin"), "/usr/bin:/bin:/opt/tools");
        assert_eq!(text("/bin", ""), "/bin");
        assert!(has("sh") && has("/bin/sh") && !has("no-such-login") && !has("/nowhere/sh"));
    }
}
