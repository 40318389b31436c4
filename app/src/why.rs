//! The command `why`: which rule takes a call and where it goes, and whether it is let in and by whom.

use crate::args::{Why, WhyFormat};
use crate::{check, commands, complain};
use cluster::Needs;
use jiff::Timestamp;
use mesh::Problem;
use mesh::why::{Asked, Calls, NoAnswer, json, text};
use std::process::ExitCode;
use std::sync::Arc;

/// Nothing can be said.
const NOT_DONE: u8 = 2;

/// Asks, and prints the answer.
pub(crate) fn why(args: &Why) -> ExitCode {
    match done(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            complain(&problem);
            ExitCode::from(NOT_DONE)
        }
    }
}

fn done(args: &Why) -> Result<(), Problem> {
    let looked = check::look_at(&args.of, Needs::default())?;
    let config = looked.config.ok();
    let asked = Asked {
        from: args.from.clone(),
        to: args.to.clone(),
        method: args.method.clone(),
        path: args.path.clone(),
        headers: args.header.clone(),
        now: Timestamp::now().as_second(),
    };
    let mesh = Arc::clone(&looked.mesh);
    let told = Calls::of(&mesh, config.as_deref()).ask(&asked).map_err(|why| unanswered(&why))?;
    match args.output {
        WhyFormat::Text => commands::print(&text(&told)),
        WhyFormat::Json => {
            let text = serde_json::to_string_pretty(&json(&told))
                .map_err(|error| commands::unwritable("the answer", &error.into()))?;
            commands::print(&text)
        }
    }
}

fn unanswered(why: &NoAnswer) -> Problem {
    Problem::new(
        "It cannot be said what becomes of this call",
        why.to_string(),
        "Give --from one of them, or outside",
    )
}
