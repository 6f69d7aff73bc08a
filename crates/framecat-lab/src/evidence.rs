//! What an experiment saw: figures by name, and the calls of both ends in time order. A verdict
//! follows from them alone.

use std::time::Instant;

use serde_json::{Map, Value};

use crate::lang::{Say, Text};

/// Everything one run of an experiment saw. Every number in its telling comes from here.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Evidence {
    /// Counts, bytes, names of errors, by name; what `--json` prints.
    pub figures: Map<String, Value>,
    /// The calls, for the telling.
    pub scenes: Vec<Scene>,
}

impl Evidence {
    /// Nothing seen yet.
    pub fn new() -> Evidence {
        Evidence::default()
    }

    /// Notes a figure; a figure of that name is replaced.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.figures.insert(name.into(), value.into());
    }

    /// A count. Panics where the experiment notes no such count: that is a mistake of the lab, and
    /// [`run`](crate::law::run) reports it as "not shown".
    pub fn count(&self, name: &str) -> u64 {
        self.figure(name).as_u64().unwrap_or_else(|| panic!("`{name}` is no count"))
    }

    /// A word. Panics as [`count`](Self::count) does.
    pub fn word(&self, name: &str) -> &str {
        self.figure(name).as_str().unwrap_or_else(|| panic!("`{name}` is no word"))
    }

    /// A list of words. Panics as [`count`](Self::count) does.
    pub fn list(&self, name: &str) -> Vec<&str> {
        let list = self.figure(name).as_array().unwrap_or_else(|| panic!("`{name}` is no list"));
        list.iter().map(|word| word.as_str().expect("lists hold words")).collect()
    }

    /// Yes or no. Panics as [`count`](Self::count) does.
    pub fn flag(&self, name: &str) -> bool {
        self.figure(name).as_bool().unwrap_or_else(|| panic!("`{name}` is neither yes nor no"))
    }

    /// The scene of that name, if the experiment came so far.
    pub fn scene(&self, name: &str) -> Option<&Scene> {
        self.scenes.iter().find(|scene| scene.name == name)
    }

    fn figure(&self, name: &str) -> &Value {
        self.figures.get(name).unwrap_or_else(|| panic!("the experiment noted no `{name}`"))
    }
}

/// Calls of two ends in time order, with what the kernel held between them after each.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// How the telling finds it.
    pub name: &'static str,
    /// Who acts on the left.
    pub left: Text,
    /// Who acts on the right.
    pub right: Text,
    /// What is watched in the kernel between them: a column each.
    pub kernel: &'static [Text],
    /// The calls.
    pub rows: Vec<Row>,
    begun: Instant,
}

/// One call.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Microseconds since the scene began.
    pub at_us: u64,
    /// The call with its result, if the left end made it.
    pub left: Say,
    /// What the kernel held after it, a cell a column; empty where it was not looked at, and `0` where
    /// it held nothing.
    pub kernel: Vec<String>,
    /// The call with its result, if the right end made it.
    pub right: Say,
}

impl Scene {
    /// A scene that begins now, between a sender and a receiver.
    pub fn new(name: &'static str, kernel: &'static [Text]) -> Scene {
        Scene {
            name,
            left: Text::new("SENDER", "发送端"),
            right: Text::new("RECEIVER", "接收端"),
            kernel,
            rows: Vec::new(),
            begun: Instant::now(),
        }
    }

    /// Microseconds since the scene began.
    pub fn now_us(&self) -> u64 {
        self.begun.elapsed().as_micros() as u64
    }

    /// The left end called; `kernel` is what the kernel held after it.
    pub fn left(&mut self, call: String, kernel: Vec<String>) {
        self.left_said(call.into(), kernel);
    }

    /// As [`left`](Self::left), for what is no call and so has a language.
    pub fn left_said(&mut self, what: Say, kernel: Vec<String>) {
        let at_us = self.now_us();
        self.rows.push(Row { at_us, left: what, kernel, right: Say::default() });
    }

    /// The left end called, beginning at `at_us`. Where two threads act, the beginning of a send
    /// comes before the recv that it wakes, and its end may not.
    pub fn left_at(&mut self, at_us: u64, call: String) {
        let left = call.into();
        self.rows.push(Row { at_us, left, kernel: Vec::new(), right: Say::default() });
    }

    /// The right end called; `kernel` is what the kernel held after it.
    pub fn right(&mut self, call: String, kernel: Vec<String>) {
        self.right_said(call.into(), kernel);
    }

    /// As [`right`](Self::right), for what is no call and so has a language.
    pub fn right_said(&mut self, what: Say, kernel: Vec<String>) {
        let at_us = self.now_us();
        self.rows.push(Row { at_us, left: Say::default(), kernel, right: what });
    }

    /// Adds the calls that another thread noted on a copy of this scene, in time order.
    pub fn merge(&mut self, other: Scene) {
        self.rows.extend(other.rows);
        self.rows.sort_by_key(|row| row.at_us);
    }
}

/// What follows from the evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The law held; the finding with its figures, short enough for one line.
    Shown(Say),
    /// It did not hold here, and why.
    NotShown(Say),
    /// The user or the machine does not permit the experiment, and why.
    Skipped(Say),
}

impl Verdict {
    /// Whether the law held.
    pub fn is_shown(&self) -> bool {
        matches!(self, Verdict::Shown(_))
    }

    /// The finding or the reason.
    pub fn why(&self) -> &Say {
        match self {
            Verdict::Shown(why) | Verdict::NotShown(why) | Verdict::Skipped(why) => why,
        }
    }
}

/// Bytes as the tellings show them: ASCII as it is, the rest as `\n`, `\0`, `\xHH`, in quotes.
pub fn quoted(bytes: &[u8]) -> String {
    format!("\"{}\"", bytes.escape_ascii())
}

/// Bytes in hex, two digits each, with spaces between.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

/// The C name of an error number that sockets give, from errno(3) and socket(7).
pub fn errno_name(errno: i32) -> Option<&'static str> {
    use rustix::io::Errno;
    const NAMES: &[(Errno, &str)] = &[
        (Errno::ACCESS, "EACCES"),
        (Errno::ADDRINUSE, "EADDRINUSE"),
        (Errno::ADDRNOTAVAIL, "EADDRNOTAVAIL"),
        (Errno::AFNOSUPPORT, "EAFNOSUPPORT"),
        (Errno::AGAIN, "EAGAIN"),
        (Errno::BADF, "EBADF"),
        (Errno::CONNABORTED, "ECONNABORTED"),
        (Errno::CONNREFUSED, "ECONNREFUSED"),
        (Errno::CONNRESET, "ECONNRESET"),
        (Errno::DESTADDRREQ, "EDESTADDRREQ"),
        (Errno::HOSTUNREACH, "EHOSTUNREACH"),
        (Errno::INPROGRESS, "EINPROGRESS"),
        (Errno::INTR, "EINTR"),
        (Errno::INVAL, "EINVAL"),
        (Errno::ISCONN, "EISCONN"),
        (Errno::MFILE, "EMFILE"),
        (Errno::MSGSIZE, "EMSGSIZE"),
        (Errno::NETDOWN, "ENETDOWN"),
        (Errno::NETUNREACH, "ENETUNREACH"),
        (Errno::NOBUFS, "ENOBUFS"),
        (Errno::NOENT, "ENOENT"),
        (Errno::NOMEM, "ENOMEM"),
        (Errno::NOPROTOOPT, "ENOPROTOOPT"),
        (Errno::NOSYS, "ENOSYS"),
        (Errno::NOTCONN, "ENOTCONN"),
        (Errno::NOTSOCK, "ENOTSOCK"),
        (Errno::OPNOTSUPP, "EOPNOTSUPP"),
        (Errno::PERM, "EPERM"),
        (Errno::PIPE, "EPIPE"),
        (Errno::PROTONOSUPPORT, "EPROTONOSUPPORT"),
        (Errno::PROTOTYPE, "EPROTOTYPE"),
        (Errno::SOCKTNOSUPPORT, "ESOCKTNOSUPPORT"),
        (Errno::SPIPE, "ESPIPE"),
        (Errno::TIMEDOUT, "ETIMEDOUT"),
    ];
    NAMES.iter().find(|(known, _)| known.raw_os_error() == errno).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_without_loss() {
        assert_eq!(quoted(b"one;\n\0\xff"), "\"one;\\n\\x00\\xff\"");
        assert_eq!(hex(&[0, 3, 255]), "00 03 ff");
    }

    #[test]
    fn an_errno_has_the_name_that_c_gives_it() {
        assert_eq!(errno_name(rustix::io::Errno::PIPE.raw_os_error()), Some("EPIPE"));
        assert_eq!(errno_name(-1), None);
    }
}
