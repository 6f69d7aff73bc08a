//! Watching an experiment without being a part of it: waiting until the kernel says that something is
//! so, and seeing that a thread sleeps in its call. No call that a law is about is made here.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;

use crate::evidence::errno_name;
use crate::lang::{Say, say};

/// The longest that one call or one wait takes. Never reached unless something is wrong.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// Asks again and again until it is so: no guess by a pause.
///
/// # Errors
/// What `so` gives, and TimedOut after [`PATIENCE`].
pub(crate) fn until(mut so: impl FnMut() -> io::Result<bool>) -> io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !so()? {
        if Instant::now() > deadline {
            return Err(io::ErrorKind::TimedOut.into());
        }
        thread::sleep(Duration::from_micros(50));
    }
    Ok(())
}

/// What an experiment needs and this machine does not have: then its law is skipped, not "not shown".
#[derive(Debug)]
pub(crate) struct Missing {
    /// The sentence with the reason.
    pub(crate) why: Say,
    /// The name of the error.
    pub(crate) errno: String,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why.en)
    }
}

impl std::error::Error for Missing {}

/// An error by which the law is skipped: `what` (a file or a program) is not to be had.
pub(crate) fn missing(what: &str, error: &io::Error) -> io::Error {
    let errno = match error.raw_os_error().and_then(errno_name) {
        Some(name) => name.into(),
        None => format!("{:?}", error.kind()),
    };
    let why = say!("needs {what}: {errno}", "需要 {what}：{errno}");
    io::Error::new(error.kind(), Missing { why, errno })
}

/// Opens a file that the kernel keeps, such as those under /proc.
///
/// # Errors
/// [`Missing`].
pub(crate) fn open(path: &str) -> io::Result<File> {
    File::open(path).map_err(|error| missing(path, &error))
}

/// Reads a text that the kernel keeps.
///
/// # Errors
/// [`Missing`].
pub(crate) fn read(path: &str) -> io::Result<String> {
    let mut text = Vec::new();
    open(path)?.read_to_end(&mut text).map_err(|error| missing(path, &error))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The file of this very program.
pub(crate) const OWN_PROGRAM: &str = "/proc/self/exe";

/// A thread as another one finds it in /proc.
#[derive(Debug, Clone)]
pub(crate) struct Watched(Option<PathBuf>);

/// The calling thread. Nothing in it where /proc is not to be read.
pub(crate) fn this_thread() -> Watched {
    let link = fs::read_link("/proc/thread-self").ok();
    Watched(link.map(|thread| PathBuf::from("/proc").join(thread).join("stat")))
}

/// What the kernel says of a thread that waits in a call: "S", interruptible sleep (proc_pid_stat(5)).
pub(crate) const ASLEEP: &str = "S";
/// Where /proc does not tell.
pub(crate) const NOT_TOLD: &str = "?";

/// Waits until the thread sleeps, and gives its state. A thread that only computes between its last
/// word and its call can sleep nowhere but in the call. Where /proc does not tell, this waits a little
/// and gives [`NOT_TOLD`].
///
/// # Errors
/// TimedOut: it did not sleep for [`PATIENCE`].
pub(crate) fn until_asleep(thread: &Watched) -> io::Result<&'static str> {
    let state = || {
        let stat = fs::read_to_string(thread.0.as_ref()?).ok()?;
        // "PID (NAME) STATE …", and a name may hold anything.
        stat.rsplit_once(')')?.1.split_whitespace().next().map(String::from)
    };
    if state().is_none() {
        thread::sleep(Duration::from_millis(20));
        return Ok(NOT_TOLD);
    }
    until(|| Ok(state().is_none_or(|state| state == ASLEEP)))?;
    Ok(ASLEEP)
}

/// What a call returned, as a word: the number, or the error's C name.
pub(crate) fn returned(result: Result<usize, Errno>) -> String {
    match result {
        Ok(number) => number.to_string(),
        Err(errno) => match errno_name(errno.raw_os_error()) {
            Some(name) => name.into(),
            None => format!("errno {}", errno.raw_os_error()),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_thread_that_waits_is_seen_asleep() {
        let (tell, told) = mpsc::channel();
        let (wake, woken) = mpsc::channel::<()>();
        let sleeper = thread::spawn(move || {
            tell.send(this_thread()).unwrap();
            let _ = woken.recv();
        });
        assert_eq!(until_asleep(&told.recv().unwrap()).unwrap(), ASLEEP);
        drop(wake);
        sleeper.join().unwrap();
        assert_eq!(until_asleep(&Watched(None)).unwrap(), NOT_TOLD);
    }

    #[test]
    fn what_is_not_there_is_named_with_the_reason() {
        let error = read("/nowhere/at/all").unwrap_err();
        let missing = error.get_ref().and_then(|inner| inner.downcast_ref::<Missing>());
        let missing = missing.expect("it says that something is missing");
        assert_eq!(missing.why.en, "needs /nowhere/at/all: ENOENT");
        assert_eq!(missing.why.zh, "需要 /nowhere/at/all：ENOENT");
        assert_eq!(missing.errno, "ENOENT");
    }

    #[test]
    fn a_result_is_a_number_or_the_name_of_the_error() {
        assert_eq!(returned(Ok(3)), "3");
        assert_eq!(returned(Err(Errno::PIPE)), "EPIPE");
    }
}
