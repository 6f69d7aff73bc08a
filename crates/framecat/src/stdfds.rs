//! Which of stdin, stdout and stderr were open when the process began.
//!
//! Rust's runtime opens /dev/null in place of a closed one before `main`, so that a file opened later
//! cannot land there. That is right, but it makes a closed stdout look like one that takes
//! everything, and messages written there would be lost with exit code 0. So we look before it does:
//! the functions of `.init_array` run when the program is loaded (System V ABI, "Initialization and
//! Termination Functions").

#![allow(unsafe_code)]

use std::os::fd::{FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

/// A standard descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(test), expect(dead_code, reason = "only stdout is asked for outside the tests"))]
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

/// The first descriptor that whoever starts a program may leave to it (sd_listen_fds(3)).
const HANDED: i32 = 3;

/// [`HANDED`], where it was open when the process began. `None` the second time.
pub fn handed() -> Option<OwnedFd> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    if CLOSED.load(Ordering::Relaxed) & (1 << HANDED) != 0 || TAKEN.swap(true, Ordering::Relaxed) {
        return None;
    }
    // SAFETY: it was open before anything in this process could open a descriptor, so nobody here owns
    // it but the one who calls this first; whether it still is open is for the kernel to say.
    Some(unsafe { OwnedFd::from_raw_fd(HANDED) })
}

extern "C" fn look() {
    for fd in 0..=HANDED {
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

    /// Set in the process that the test starts: which descriptors it must find open.
    const EXPECTED: &str = "FRAMECAT_TEST_OPEN";

    #[test]
    fn a_descriptor_closed_from_the_start_is_known_to_be() {
        let found = [Standard::In, Standard::Out, Standard::Err].map(was_open);
        if let Ok(expected) = std::env::var(EXPECTED) {
            assert_eq!(format!("{found:?}"), expected);
            return;
        }
        let this = std::env::current_exe().unwrap();
        let name = "stdfds::tests::a_descriptor_closed_from_the_start_is_known_to_be";
        for (redirected, expected) in [
            ("< /dev/null > /dev/null 2> /dev/null", [true, true, true]),
            ("<&-", [false, true, true]),
            (">&-", [true, false, true]),
            ("<&- >&- 2>&-", [false, false, false]),
        ] {
            let status = std::process::Command::new("sh")
                .args(["-c", &format!("exec \"$0\" --exact {name} {redirected}")])
                .arg(&this)
                .env(EXPECTED, format!("{expected:?}"))
                .stdout(std::process::Stdio::null())
                .status()
                .unwrap();
            assert!(status.success(), "{redirected}");
        }
    }
}
