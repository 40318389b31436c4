//! The real binary: its window under a virtual display, its commands, its bad days.

mod commands;
mod first_light;
mod mesh;
mod trouble;
