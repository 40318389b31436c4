//! The desktop is told when something begins to fail: a session bus of the test's own, with a service on it
//! that takes notifications as a desktop does.

use crate::mesh::Sandbox;
use crate::session::Session;
use anyhow::{Context as _, Result, ensure};
use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::sync::mpsc;

/// Failures show within a few scrapes.
const LATER: Duration = Duration::from_secs(60);

/// No services that start by themselves: nothing is left behind.
const CONFIG: &str = r#"<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen>
<policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy>
</busconfig>"#;

struct Bus(Child, String);

impl Bus {
    fn start() -> Result<Self> {
        let config = tempfile::NamedTempFile::new()?;
        std::fs::write(config.path(), CONFIG)?;
        let mut command = Command::new("dbus-daemon");
        command.arg("--config-file").arg(config.path());
        command.args(["--nofork", "--print-address=1"]).stdout(Stdio::piped());
        let mut child = command.spawn().context("dbus-daemon; `cargo xtask setup` installs it")?;
        let mut address = String::new();
        BufReader::new(child.stdout.take().context("no output")?).read_line(&mut address)?;
        Ok(Self(child, address.trim().to_owned()))
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// What a desktop does with notifications: here it only passes them on.
struct Desktop(mpsc::Sender<(String, String)>);

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Desktop {
    #[allow(clippy::too_many_arguments, reason = "the specification has as many")]
    fn notify(
        &self,
        _app: String,
        _replaces: u32,
        _icon: String,
        summary: String,
        body: String,
        _actions: Vec<String>,
        _hints: HashMap<String, zbus::zvariant::OwnedValue>,
        _expires: i32,
    ) -> u32 {
        self.0.try_send((summary, body)).map_or(0, |()| 1)
    }
}

#[test]
fn the_desktop_hears_of_what_begins_to_fail() -> Result<()> {
    let bus = Bus::start()?;
    let sandbox = Sandbox::start()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let (told, mut heard) = mpsc::channel(16);
    let _desktop = runtime.block_on(async {
        zbus::connection::Builder::address(bus.1.as_str())?
            .name("org.freedesktop.Notifications")?
            .serve_at("/org/freedesktop/Notifications", Desktop(told))?
            .build()
            .await
    })?;
    let session = Session::connect_in(&sandbox, &[("DBUS_SESSION_BUS_ADDRESS", &bus.1)])?;
    session.window.wait_for("details v1", LATER)?;
    ensure!(heard.try_recv().is_err(), "nothing fails yet");
    let pod = sandbox.kubectl(&["get", "pods", "-n", "bookinfo", "-l", "app=details", "-o", "name"])?;
    sandbox.kubectl(&["annotate", "-n", "bookinfo", pod.trim(), "sandbox.binnacle.dev/error-rate=100"])?;
    let first = runtime.block_on(async { tokio::time::timeout(LATER, heard.recv()).await });
    let (what, why) = first.context("the desktop heard nothing")?.context("the bus ended")?;
    println!("{what}: {why}");
    ensure!(what == "details fails" && !why.is_empty(), "{what}: {why}");
    Ok(())
}
