//! Closing the window, or leaving its mesh, while something is not finished: that is asked first.

use egui::ViewportCommand;
use panels::Intent;
use panels::shell::leaving::Answer;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What was wanted, and waits for an answer.
#[derive(Clone, Debug)]
pub(crate) enum Leaving {
    /// The window closes.
    Close,
    /// Another mesh, or none.
    For(Intent),
}

/// Whether somebody is asked, and what was answered.
#[derive(Default)]
pub(crate) struct Farewell {
    asking: Option<Leaving>,
    /// It was said that the window closes all the same.
    agreed: bool,
    /// The system wants the program to end, and nobody may be there to answer.
    told_to: Arc<AtomicBool>,
}

impl Farewell {
    /// What is asked now.
    pub(crate) fn asking(&self) -> Option<&Leaving> {
        self.asking.as_ref()
    }

    /// Set when the system ends the program: then nobody is asked.
    pub(crate) fn told_to(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.told_to)
    }

    /// Keeps the window open while something is not finished, until the user has answered.
    pub(crate) fn hold(&mut self, ctx: &egui::Context, unfinished: bool) {
        let wanted = ctx.input(|input| input.viewport().close_requested());
        if wanted && unfinished && !self.agreed && !self.told_to.load(Ordering::Relaxed) {
            ctx.send_viewport_cmd(ViewportCommand::CancelClose);
            self.ask(Leaving::Close);
            ctx.request_repaint();
        }
    }

    /// Asks before this is done.
    pub(crate) fn ask(&mut self, leaving: Leaving) {
        self.asking = Some(leaving);
    }

    /// Takes the answer; returns what is to be done now.
    pub(crate) fn answered(&mut self, ctx: &egui::Context, answer: Answer) -> Option<Intent> {
        let leaving = self.asking.take()?;
        match (answer, leaving) {
            (Answer::Stay, _) => None,
            (Answer::Leave, Leaving::Close) => {
                self.agreed = true;
                ctx.send_viewport_cmd(ViewportCommand::Close);
                None
            }
            (Answer::Leave, Leaving::For(intent)) => Some(intent),
        }
    }
}
