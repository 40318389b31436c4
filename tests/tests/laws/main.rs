//! Laws about every change, tried on what the control plane really makes of it.

mod checks;
mod editors;
mod evidence;
mod limits;
mod odd;
mod policies;
mod two_writers;
mod ways;
mod workloads;
