//! Which of stdin, stdout and stderr were open when the process began.
//!
//! Rust's runtime opens /dev/null in place of a closed one before `main`, so that a file opened later
//! cannot land there. That is right, but it makes a closed stdout look like one that takes
//! everything, and messages written there would be lost with exit code 0. So we look before it does:
//! the functions of `.init_array` run when the program is loaded (System V ABI, "Initialization and
//! Termination Functions").

#![allow(unsafe_code)]

use std::sync::atomic::{AtomicU8, Ordering};

/// A standard descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standard {
    /// Descriptor 0.
    In,
    /// Descriptor 1.
    Out,
    /// Descriptor 2.
    Err,
}

/// Bit `fd` is set if that descriptor was closed.
static CLOSED: AtomicU8 = AtomicU8::new(0);

/// Whether a descriptor was open when the process began.
pub fn was_open(fd: Standard) -> bool {
    CLOSED.load(Ordering::Relaxed) & (1 << fd as u8) == 0
}

extern "C" fn look() {
    for fd in 0..3 {
        // SAFETY: F_GETFD takes no third argument and touches no memory of ours; fcntl(2) answers -1
        // for a descriptor that is not open, and is usable before Rust's runtime is.
        if unsafe { libc::fcntl(fd, libc::F_GETFD) } == -1 {
            CLOSED.fetch_or(1 << fd, Ordering::Relaxed);
        }
    }
}

// SAFETY: the section holds pointers to functions of the C ABI that the loader calls once each, in
// one thread, before `main`. `look` is one; the arguments that glibc passes are not read, which the C
// ABI allows. It uses nothing that Rust's runtime sets up: no allocation, no thread local, no panic.
#[used]
#[cfg_attr(
    any(target_os = "linux", target_os = "android", target_os = "freebsd"),
    unsafe(link_section = ".init_array")
)]
#[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__mod_init_func"))]
static LOOK: extern "C" fn() = look;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_is_open_when_the_process_has_it() {
        // What was found before `main` agrees with the system's own list, where /dev/null at a
        // descriptor may be the runtime's doing.
        for (fd, standard) in [(0, Standard::In), (1, Standard::Out), (2, Standard::Err)] {
            let link = std::fs::read_link(format!("/proc/self/fd/{fd}")).unwrap_or_default();
            if link != std::path::Path::new("/dev/null") {
                assert!(was_open(standard), "descriptor {fd} is {}", link.display());
            }
        }
    }
}
