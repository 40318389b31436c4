//! Memory of traces goes back to the system when nobody looks at them any more.

use mesh::trace::Found;
use std::sync::Arc;

/// Lets go of traces that may be large. It takes a while: not on a thread that draws.
pub fn give_back(found: Arc<Found>) {
    drop(found);
    trim();
}

/// Has the allocator return what is free: it keeps it for later otherwise.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "malloc_trim: the only way to have glibc give free memory back")]
fn trim() {
    // SAFETY: it takes a number, may be called by any thread at any time, and touches free memory only.
    unsafe { nix::libc::malloc_trim(0) };
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn trim() {}
