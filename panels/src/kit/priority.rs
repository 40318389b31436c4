//! Whose turn it is where there are few processors: the window's frames come first.

/// Has the present thread give way to the window's.
#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "setpriority: nothing safe asks the kernel for it")]
pub fn give_way() {
    const NICE: libc::c_int = 5;
    // SAFETY: it takes numbers only; 0 is the calling thread, as Linux has it. Where it is refused, all stays as
    // it was.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICE) };
}

/// Has the present thread give way to the window's: only where one thread can.
#[cfg(not(target_os = "linux"))]
pub fn give_way() {}
