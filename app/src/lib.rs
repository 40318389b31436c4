//! The program: window, command line, carrying out what the user asks for.

mod args;
mod background;
mod check;
mod commands;
mod connection;
mod connections;
mod dialogs;
mod disk;
mod dock;
mod drafts;
mod exports;
mod farewell;
mod kept;
mod logging;
mod notify;
#[cfg_attr(not(feature = "sandbox"), path = "no_sandbox.rs")]
mod own_sandbox;
mod perform;
mod picture;
mod runtime;
mod scripts;
mod settings;
mod shell;
mod signals;
mod start;
mod steering;
mod trace_file;
mod why;
mod window;

use mesh::Problem;
use std::process::ExitCode;

/// Reads the command line and does what it says.
pub fn main() -> ExitCode {
    let cli = match args::Cli::read(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let _guard = logging::init(cli.command.as_ref());
    // One TLS stack for everything: reqwest, kube and our own servers find it here.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        tracing::debug!("a TLS provider was installed before");
    }
    let done = match cli.command {
        None => start::window(cli.window, None),
        Some(args::Command::Open(open)) => start::window(cli.window, Some(open.file)),
        #[cfg(feature = "sandbox")]
        Some(args::Command::Sandbox(args)) => commands::sandbox(args),
        Some(args::Command::Graph(args)) => commands::graph(&args),
        Some(args::Command::Proxies(args)) => commands::proxies(&args),
        Some(args::Command::Check(args)) => return check::check(&args),
        Some(args::Command::Why(args)) => return why::why(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            complain(&problem);
            ExitCode::FAILURE
        }
    }
}

/// One line: what, why, next.
#[expect(clippy::print_stderr, reason = "the command line's own words to the user")]
fn complain(problem: &Problem) {
    eprintln!("binnacle: {}", harmless(&problem.to_string().replace('\n', " ")));
}

/// Text for a terminal: names and messages of others may hold sequences that would steer it.
fn harmless(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '\n' | '\t' => plain.push(sign),
            sign if sign.is_control() || turns(sign) => plain.extend(sign.escape_unicode()),
            sign => plain.push(sign),
        }
    }
    plain
}

/// Whether a sign changes the order in which others are shown.
fn turns(sign: char) -> bool {
    matches!(sign, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Help and version as clap writes them; a mistake as one line.
#[expect(clippy::print_stderr, reason = "the command line's own words to the user")]
fn usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        // Nobody may be reading (`binnacle --help | head`).
        error.print().ok();
        return ExitCode::SUCCESS;
    }
    let text = error.to_string();
    let lines: Vec<&str> =
        text.lines().map(str::trim).take_while(|line| !line.starts_with("Usage:")).collect();
    let words = lines.join(" ");
    let words = words
        .trim()
        .trim_start_matches("error: ")
        .trim_end_matches("For more information, try '--help'.")
        .trim();
    eprintln!("binnacle: {words}. See binnacle --help");
    ExitCode::from(2)
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests {
    #[test]
    fn sequences_that_steer_a_terminal_are_written_out() {
        assert_eq!(super::harmless("a\tb\n\u{1b}[31mred\u{9b}2J\r"), "a\tb\n\\u{1b}[31mred\\u{9b}2J\\u{d}");
        assert_eq!(super::harmless("a\u{202e}b\u{2066}"), "a\\u{202e}b\\u{2066}");
        assert_eq!(super::harmless("评价 ✓"), "评价 ✓");
    }
}
