//! The journal in a real window: what others wrote beside what we did, the way back over later changes, and
//! what is asked before a mesh is left.

use crate::mesh::Sandbox;
use crate::session::{SOON, Session, push, slide};
use anyhow::{Result, ensure};
use egui::{Key, Modifiers};
use harness::Window;

/// Moves v3's share, pushes that, and waits until it is written.
fn move_share(window: &Window, sandbox: &Sandbox, percent: i64) -> Result<()> {
    slide(window, "reviews v3 share", percent)?;
    push(window)?;
    let wanted = format!("\"weight\":{percent}");
    window.wait_until("the share is written", SOON, |_| {
        sandbox.spec("virtualservice", "reviews").ok()?.contains(&wanted).then_some(())
    })
}

/// Clicks the line of the journal whose name contains all of this.
fn choose_line(window: &Window, words: &[&str]) -> Result<()> {
    let line = window.wait_until(&format!("a line with {words:?}"), SOON, |widgets| {
        widgets.iter().find(|widget| words.iter().all(|word| widget.name.contains(word))).cloned()
    })?;
    window.click_at(line.rect.center())
}

#[test]
fn an_earlier_state_comes_back_and_a_draft_is_not_lost_by_leaving() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let session = Session::connect(&sandbox)?;
    let window = &session.window;
    let begin = sandbox.spec("virtualservice", "reviews")?;
    window.click("reviews v3")?;
    window.wait_for("reviews v3 share", SOON)?;
    for percent in [83, 41] {
        move_share(window, &sandbox, percent)?;
    }
    sandbox.kubectl(&["annotate", "virtualservice", "reviews", "-n", "bookinfo", "note=theirs"])?;

    window.click("Changes")?;
    choose_line(window, &["annotation note none → theirs", "VirtualService bookinfo/reviews"])?;
    window.wait_for("kubectl-annotate changed VirtualService bookinfo/reviews", SOON)?;
    // The older of the two, which an undo alone would not reach any more.
    choose_line(window, &["reviews: ", "→ 83", "Binnacle"])?;
    window.wait_for("Restore to reviews", SOON)?;
    window.click("Restore to reviews")?;
    window.wait_for("Everything as it was before this change", SOON)?;
    window.click("Everything as it was before this change")?;
    push(window)?;
    window.wait_until("what was there before", SOON, |_| {
        (sandbox.spec("virtualservice", "reviews").ok()? == begin).then_some(())
    })?;

    // A draft is asked about before its mesh is left, and Escape stays.
    slide(window, "reviews v3 share", 62)?;
    window.wait_until("a checked draft", SOON, |widgets| {
        widgets.iter().find(|widget| widget.name == "Push" && !widget.disabled).cloned()
    })?;
    for (answer, stays) in [(None, true), (Some("Stay"), true), (Some("Leave anyway"), false)] {
        window.click("Context and namespaces")?;
        window.wait_for("Disconnect", SOON)?;
        window.click("Disconnect")?;
        window.wait_for("A change was not pushed", SOON)?;
        match answer {
            None => window.key(Key::Escape, Modifiers::NONE)?,
            Some(answer) => window.click(answer)?,
        }
        if stays {
            window.wait_until("the question is gone", SOON, |widgets| {
                let asked = widgets.iter().any(|widget| widget.name == "Leave anyway");
                let kept = widgets.iter().any(|widget| widget.name == "Push" && !widget.disabled);
                (!asked && kept).then_some(())
            })?;
        }
    }
    window.wait_for(&sandbox.ready.context, SOON)?;
    ensure!(sandbox.spec("virtualservice", "reviews")? == begin, "nothing was written by leaving");
    session.is_well()
}
