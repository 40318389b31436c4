//! A file of traces that is looked at, beside a mesh or without one.

use mesh::Remote;
use mesh::trace::Found;

/// The file, and what is in it.
pub struct TraceFile {
    /// As it is called, without its folder.
    pub name: String,
    /// How much of it is read, and of how much, in bytes.
    pub read: (u64, u64),
    /// Its traces, once they are read; or why they are not.
    pub traces: Remote<Found>,
}
