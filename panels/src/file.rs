//! A file of traces that is looked at, beside a mesh or without one.

use mesh::Remote;
use mesh::trace::Found;

/// The file, and what is in it.
pub struct TraceFile {
    /// As it is called, without its folder.
    pub name: String,
    /// Its traces, once they are read; or why they are not.
    pub traces: Remote<Found>,
}
