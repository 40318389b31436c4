//! All of the main job by keyboard alone, with real keys: from the connect screen to a running sandbox, a
//! share moved, looked at, pushed, seen live and undone; a fault and its traces; strict mutual TLS. The
//! window is read by its port, and never pressed by it.

use crate::session::{SOON, Session, wait_live};
use anyhow::{Context as _, Result, bail, ensure};
use harness::window::Widget;
use harness::{Hands, Window};
use std::time::Duration;

/// A sandbox starts.
const START: Duration = Duration::from_secs(60);
/// So many stops the window has at most.
const STOPS: usize = 150;

struct Keyboard {
    session: Session,
    hands: Hands,
}

impl Keyboard {
    fn window(&self) -> &Window {
        &self.session.window
    }

    fn press(&self, chord: &str) -> Result<()> {
        self.hands.press(chord)
    }

    /// Goes by Tab from where the focus is to the stop of this name (or with this in its name).
    fn go_to(&self, name: &str) -> Result<Widget> {
        self.go(name, "Tab")
    }

    fn go(&self, name: &str, by: &str) -> Result<Widget> {
        let mut passed: Vec<String> = Vec::new();
        for _ in 0..STOPS {
            let now = self.step(by).with_context(|| format!("on the way to {name:?}, past {passed:?}"))?;
            if now.name == name || now.name.contains(name) && name.len() > 8 {
                return Ok(now);
            }
            passed.push(now.name);
        }
        bail!("no stop is called {name:?}: {}", passed.join(" | "))
    }

    /// To the next stop. Where what had the focus goes in the very frame of the key, the key is lost, and a
    /// person presses it again.
    fn step(&self, by: &str) -> Result<Widget> {
        let before = self.window().focus()?;
        let next = |now: Option<Widget>| now.filter(|now| before.as_ref().is_none_or(|before| before != now));
        for _ in 0..3 {
            self.press(by)?;
            let within = Duration::from_secs(3);
            if let Ok(now) = self.window().until("the next stop", within, |window| Ok(next(window.focus()?)))
            {
                return Ok(now);
            }
        }
        bail!("{by} leads nowhere from {before:?}")
    }

    /// Goes to a button and presses it.
    fn use_(&self, name: &str) -> Result<()> {
        let stop = self.go_to(name)?;
        ensure!(!stop.disabled, "{name:?} is disabled: {}", stop.description);
        self.press("Enter")
    }

    /// Finds a thing by Ctrl K, so fast that its letters and Enter may come with one frame.
    fn find(&self, words: &str, title: &str) -> Result<()> {
        self.press("Ctrl k")?;
        self.until(words, |widgets| widgets.iter().any(|widget| widget.name == "Find or do what"))?;
        self.hands.text(words)?;
        self.press("Enter")?;
        self.until(title, |widgets| widgets.iter().any(|widget| widget.name == title))
    }

    fn until(&self, what: &str, test: impl Fn(&[Widget]) -> bool) -> Result<()> {
        self.window().wait_until(what, SOON, |widgets| test(widgets).then_some(()))
    }

    /// Pushes by its key as soon as the dry run allows it, and waits until it is live.
    fn push(&self) -> Result<()> {
        self.until("Push, enabled", |widgets| {
            widgets.iter().any(|widget| widget.name == "Push" && !widget.disabled)
        })?;
        self.press("Ctrl Enter")?;
        self.until("pushed", |widgets| {
            widgets.iter().any(|widget| widget.name == "Undo" && !widget.disabled)
        })?;
        wait_live(self.window())
    }

    fn value(&self, name: &str) -> Result<f64> {
        let value = self.window().find(name)?.value.with_context(|| format!("{name} has no value"))?;
        Ok(value.parse()?)
    }
}

#[test]
fn the_whole_road_by_keyboard_alone() -> Result<()> {
    let session = Session::open(&[])?;
    session.window.wait_for("Start sandbox", SOON)?;
    let hands = Hands::on(&session.display.name, "Binnacle")?;
    let keyboard = Keyboard { session, hands };
    keyboard.use_("Start sandbox")?;
    keyboard.window().wait_for("edge productpage to reviews v3", START)?;
    split(&keyboard)?;
    fault(&keyboard)?;
    strict(&keyboard)?;
    keyboard.session.is_well()
}

/// All of reviews to v3: moved, looked at, pushed, live, undone.
fn split(keyboard: &Keyboard) -> Result<()> {
    keyboard.use_("app reviews")?;
    keyboard.window().wait_for("reviews v3 share", SOON)?;
    let before = keyboard.value("reviews v3 share")?;
    keyboard.go_to("reviews v3 share")?;
    keyboard.press("End")?;
    keyboard.until("a hundred percent", |widgets| {
        widgets
            .iter()
            .any(|widget| widget.name == "reviews v3 share" && widget.value.as_deref() == Some("100"))
    })?;
    keyboard.use_("Diff")?;
    keyboard.window().wait_for("Diff of VirtualService", SOON)?;
    keyboard.press("Escape")?;
    keyboard.until("the diff is closed", |widgets| {
        !widgets.iter().any(|widget| widget.name.starts_with("Diff of VirtualService"))
    })?;
    keyboard.push()?;
    keyboard.use_("Undo")?;
    keyboard.window().until("the old share", SOON, |_| {
        Ok((keyboard.value("reviews v3 share")? == before).then_some(()))
    })?;
    wait_live(keyboard.window())
}

/// Ratings fail, the graph and a trace say so, and the fault goes again.
fn fault(keyboard: &Keyboard) -> Result<()> {
    keyboard.find("ratings v1", "ratings-v1")?;
    keyboard.use_("Fault")?;
    keyboard.go_to("abort calls")?;
    keyboard.press("Space")?;
    keyboard.go_to("abort percentage")?;
    keyboard.press("Ctrl a")?;
    keyboard.hands.text("100")?;
    keyboard.press("Tab")?;
    keyboard.until("a hundred percent", |widgets| {
        let all = |widget: &Widget| {
            widget.name == "abort percentage"
                && widget.value.as_deref().is_some_and(|value| value.starts_with("100"))
        };
        widgets.iter().any(all)
    })?;
    keyboard.push()?;
    let failing = |widget: &Widget| {
        widget.name.starts_with("edge reviews v3 to ratings") && widget.description.contains("Health Failing")
    };
    let window = keyboard.window();
    window.wait_until("a red edge", Duration::from_secs(40), |widgets| {
        widgets.iter().any(failing).then_some(())
    })?;
    keyboard.use_("edge reviews v3 to ratings")?;
    window.wait_for("Failed traces", SOON)?;
    keyboard.use_("Failed traces")?;
    let error = |widget: &Widget| widget.name.starts_with("trace ") && widget.name.contains("error");
    let found = window
        .wait_until("a failed trace", SOON, |widgets| widgets.iter().find(|widget| error(widget)).cloned())?;
    keyboard.use_(&found.name)?;
    window.wait_for("span ratings", SOON).or_else(|_| window.wait_for("503", SOON))?;
    let down = || (0..3).try_for_each(|_| keyboard.press("Down"));
    down()?;
    // Keys that came before the spans were drawn went nowhere.
    if window.wait_for("Close span detail", Duration::from_secs(3)).is_err() {
        down()?;
        window.wait_for("Close span detail", SOON)?;
    }
    keyboard.press("Escape")?;
    keyboard.press("Escape")?;
    window.wait_for("Search traces", SOON)?;
    keyboard.go("Graph", "Shift Tab")?;
    keyboard.press("Enter")?;
    keyboard.find("ratings v1", "ratings-v1")?;
    keyboard.use_("Remove fault")?;
    keyboard.push()
}

/// Only mutual TLS in a namespace, and back.
fn strict(keyboard: &Keyboard) -> Result<()> {
    keyboard.use_("Mutual TLS")?;
    for (menu, choice) in [("mTLS scope", "namespace bookinfo"), ("mTLS mode", "STRICT")] {
        keyboard.use_(menu)?;
        keyboard.use_(choice)?;
        keyboard.until(choice, |widgets| !widgets.iter().any(|widget| widget.name == choice))?;
    }
    keyboard.push()?;
    keyboard.use_("Undo")?;
    keyboard.until("an undo", |widgets| {
        widgets.iter().any(|widget| widget.name.starts_with("Undo of “Mutual"))
    })?;
    wait_live(keyboard.window())
}
