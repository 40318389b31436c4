//! Memory that goes back to the system: what is free stays with the allocator otherwise.

/// Has the allocator return what is free: it keeps it for later otherwise.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "malloc_trim: the only way to have glibc give free memory back")]
pub(crate) fn trim() {
    // SAFETY: it takes a number, may be called by any thread at any time, and touches free memory only.
    unsafe { nix::libc::malloc_trim(0) };
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn trim() {}
