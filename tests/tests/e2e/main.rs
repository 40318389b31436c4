//! The real binary: its window under a virtual display, its commands, its bad days.
#![allow(clippy::print_stdout, reason = "what was measured belongs into the log")]

mod access;
mod check;
mod commands;
mod evidence;
mod extensions;
mod first_light;
mod forms;
mod found;
mod journal;
mod keyboard;
mod limits;
mod looking_back;
mod measured;
mod mesh;
mod notified;
mod problems;
mod rate_limits;
mod rows;
mod secrets;
mod secrets_world;
mod session;
mod shares;
mod steering;
mod strict;
mod synthetic;
mod telemetry;
mod trace_drop;
mod trace_files;
mod trace_odd;
mod trouble;
mod trouble_in_the_window;
mod ways;
mod why;
mod workload;
mod yaml;
