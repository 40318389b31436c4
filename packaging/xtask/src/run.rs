//! `cargo xtask run`: from a clone to the window on a live sandbox.

use crate::display::{self, Xvfb};
use crate::setup::Needs;
use crate::sh::{self, cargo, root, target};
use std::process::Command;

/// Installs, builds, opens the window. Without a display, a virtual one, and a picture of the window kept up
/// to date.
pub(crate) fn run(args: &[String], yes: bool) -> Result<(), String> {
    let has_display = display::is_there();
    println!("1. What this machine needs");
    let tools = Needs { display: !has_display, peers: false }.install(yes)?;
    println!("2. Build (the first time takes some minutes)");
    sh::run(cargo().args(["build", "--release", "--package", "binnacle"]))?;
    println!("3. Window");
    let mut window = Command::new(target().join("release").join("binnacle"));
    window.current_dir(root()).env("BINNACLE_ENVOY", tools.envoy);
    if args.is_empty() {
        window.args(["--sandbox", "bookinfo"]);
    } else {
        window.args(args);
    }
    if has_display {
        return sh::run(&mut window);
    }
    let screen = Xvfb::start("1440x900")?;
    let picture = target().join("binnacle.png");
    println!(
        "No display here: the window opens on a virtual one. Its picture, kept up to date: {}",
        picture.display()
    );
    println!("End it with Ctrl+C.");
    sh::run(
        window.arg("--picture").arg(&picture).env("DISPLAY", &screen.name).env("LIBGL_ALWAYS_SOFTWARE", "1"),
    )
}
