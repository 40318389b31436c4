//! A display for the window: the user's own, or a virtual one where there is none.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

/// A virtual display; it ends with this value.
pub(crate) struct Xvfb {
    child: Child,
    /// ":7", for `DISPLAY`.
    pub(crate) name: String,
}

/// Whether the user has a display.
pub(crate) fn is_there() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    cfg!(target_os = "macos") || cfg!(windows) || set("DISPLAY") || set("WAYLAND_DISPLAY")
}

impl Xvfb {
    /// Starts Xvfb on a free display number of its own choice, which it tells by `-displayfd`.
    pub(crate) fn start(size: &str) -> Result<Self, String> {
        let mut child = Command::new("Xvfb")
            .args(["-displayfd", "1", "-nolisten", "tcp", "-screen", "0", &format!("{size}x24")])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("Xvfb could not be started: {error}"))?;
        let stdout = child.stdout.take().ok_or("Xvfb has no output")?;
        let mut number = String::new();
        BufReader::new(stdout)
            .read_line(&mut number)
            .map_err(|error| format!("Xvfb did not answer: {error}"))?;
        match number.trim() {
            "" => Err("Xvfb ended before it had a display".to_owned()),
            number => Ok(Self { name: format!(":{number}"), child }),
        }
    }
}

impl Drop for Xvfb {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to end.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
