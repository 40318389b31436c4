//! A window under a display of its own, and what a person does in it.

use crate::mesh::Sandbox;
use anyhow::{Context as _, Result, ensure};
use egui::{Key, Modifiers, pos2};
use harness::{Display, Program, Window, free_port};
use std::time::Duration;

/// Longer than anything takes that a person waits for, also on a machine that has much else to do.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// An open window.
pub(crate) struct Session {
    pub(crate) window: Window,
    // In this order the program ends before its display.
    pub(crate) program: Program,
    pub(crate) display: Display,
}

impl Session {
    /// Opens the window with these arguments.
    pub(crate) fn open(args: &[&str]) -> Result<Self> {
        Self::open_with(args, &[])
    }

    /// The same, with more variables.
    pub(crate) fn open_with(args: &[&str], more: &[(&str, &str)]) -> Result<Self> {
        let display = Display::start(1440, 900)?;
        let port = free_port()?;
        let inspection = format!("127.0.0.1:{port}");
        let env = [
            ("DISPLAY", display.name.as_str()),
            ("LIBGL_ALWAYS_SOFTWARE", "1"),
            ("EGUI_INSPECTION", &inspection),
        ];
        let program = Program::start(args, &[&env[..], more].concat())?;
        let window = Window::connect(port, SOON)
            .with_context(|| format!("the window said: {}", program.stderr_so_far()))?;
        Ok(Self { window, program, display })
    }

    /// Opens the window on the connect screen and picks the sandbox's context there.
    pub(crate) fn connect(sandbox: &Sandbox) -> Result<Self> {
        Self::connect_with(sandbox, &[])
    }

    /// The same, with more arguments.
    pub(crate) fn connect_with(sandbox: &Sandbox, args: &[&str]) -> Result<Self> {
        Self::connected(sandbox, args, &[])
    }

    /// The same, with more variables.
    pub(crate) fn connect_in(sandbox: &Sandbox, more: &[(&str, &str)]) -> Result<Self> {
        Self::connected(sandbox, &[], more)
    }

    fn connected(sandbox: &Sandbox, args: &[&str], more: &[(&str, &str)]) -> Result<Self> {
        let kubeconfig = sandbox.ready.kubeconfig.to_str().context("an odd path")?;
        let session = Self::open_with(&[&["--kubeconfig", kubeconfig], args].concat(), more)?;
        session.window.wait_for(&sandbox.ready.context, SOON)?;
        session.window.click(&sandbox.ready.context)?;
        session.all_nodes()?;
        Ok(session)
    }

    /// Waits until every workload of bookinfo is in the graph.
    pub(crate) fn all_nodes(&self) -> Result<()> {
        for node in ["productpage v1", "details v1", "reviews v1", "reviews v2", "reviews v3", "ratings v1"] {
            self.window.wait_for(node, Duration::from_secs(20))?;
        }
        Ok(())
    }

    /// Holds if the window still answers and nothing in it has panicked since this was asked last.
    pub(crate) fn is_well(&self) -> Result<()> {
        self.window.widgets().context("the window is gone")?;
        let words = self.program.stderr_so_far();
        ensure!(!words.contains("panicked"), "the window said:\n{words}");
        Ok(())
    }
}

/// Drags a slider's knob to a percentage, then corrects by keyboard what the pixels could not hit.
pub(crate) fn slide(window: &Window, name: &str, percent: i64) -> Result<()> {
    let value = |window: &Window| -> Result<i64> {
        let value = window.find(name)?.value.with_context(|| format!("{name} has no value"))?;
        Ok(value
            .trim_end_matches(['%', ' ', '\u{a0}', '\u{202f}', '\u{2009}'])
            .parse::<f64>()
            .with_context(|| format!("{name}: {value}"))?
            .round() as i64)
    };
    let rect = window.at_rest(name)?.rect;
    let inset = rect.height().min(18.0) / 2.0;
    let at = |percent: i64| {
        pos2(rect.left() + inset + (rect.width() - 2.0 * inset) * percent as f32 / 100.0, rect.center().y)
    };
    window.drag(at(value(window)?), at(percent))?;
    for _ in 0..10 {
        match value(window)? - percent {
            0 => return Ok(()),
            over if over > 0 => window.key(Key::ArrowLeft, Modifiers::NONE)?,
            _ => window.key(Key::ArrowRight, Modifiers::NONE)?,
        }
    }
    ensure!(value(window)? == percent, "{name} stays at {}", value(window)?);
    Ok(())
}

/// Presses Push as soon as the dry run allows it, and waits until the change is live.
pub(crate) fn push_until_live(window: &Window) -> Result<()> {
    push(window)?;
    wait_live(window)
}

/// Presses Push as soon as the dry run allows it.
pub(crate) fn push(window: &Window) -> Result<()> {
    window.wait_until("Push, enabled", SOON, |widgets| {
        widgets.iter().find(|widget| widget.name == "Push" && !widget.disabled).cloned()
    })?;
    window.click("Push")
}

pub(crate) fn wait_live(window: &Window) -> Result<()> {
    window.wait_until("Live", SOON, |widgets| {
        widgets.iter().any(|widget| matches!(widget.name.as_str(), "Live" | "Measured")).then_some(())
    })
}

/// Puts text into a field and leaves it.
pub(crate) fn fill(window: &Window, name: &str, text: &str) -> Result<()> {
    window.click(name)?;
    window.key(Key::A, Modifiers::COMMAND)?;
    window.text(text)?;
    window.key(Key::Enter, Modifiers::NONE)
}

/// Chooses from a list.
pub(crate) fn choose(window: &Window, list: &str, option: &str) -> Result<()> {
    window.click(list)?;
    window.wait_for(option, SOON)?;
    window.click(option)
}
