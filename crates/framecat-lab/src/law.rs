//! The table of laws, choosing among them, and running one.
//!
//! A law is `observe`, the system calls in plain sight, and `judge`, which is pure: it concludes from
//! the evidence alone. How a law looks on a page is in `page.rs`.

use std::collections::BTreeSet;
use std::io;
use std::panic::catch_unwind;
use std::time::Instant;

use rustix::io::Errno;
use serde_json::{Map, Value};

use crate::broadcast;
use crate::evidence::{Evidence, Verdict, errno_name};
use crate::lang::{Say, Text, say};
use crate::page::Part;
use crate::udp;
use crate::watch::Missing;
use crate::{connection, http, object, program, receive, send, sticky};

/// One law: what the notes claim, and the experiment that shows what is so.
#[derive(Debug)]
pub struct Law {
    /// Its name, as typed.
    pub id: &'static str,
    /// The group it belongs to, and the file that holds it.
    pub group: &'static str,
    /// A few words, for lists.
    pub title: Text,
    /// Where the notes have it: set and line.
    pub from: &'static str,
    /// The law in one sentence.
    pub law: Text,
    /// What the notes say, and where that differs.
    pub notes: Text,
    /// What it means for a program.
    pub means: Text,
    /// How framecat deals with it.
    pub framecat: Text,
    /// Command lines to try.
    pub commands: &'static [&'static str],
    /// The system calls, and what they returned.
    pub observe: fn() -> io::Result<Evidence>,
    /// What follows from the evidence. Pure.
    pub judge: fn(&Evidence) -> Verdict,
    /// What was done, told from the evidence. Pure.
    pub done: fn(&Evidence) -> Vec<Part>,
}

/// A group of laws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    /// Its name, as typed.
    pub name: &'static str,
    /// What its laws are about.
    pub title: Text,
}

/// Every group, in the order in which the lab shows them.
static GROUPS: &[Group] = &[
    Group {
        name: "receive", title: Text::new("what recv returns, and when", "接收：recv 的特征")
    },
    Group {
        name: "send",
        title: Text::new("what a send that succeeded says", "发送：send 的特征"),
    },
    Group {
        name: "connection",
        title: Text::new("how a connection begins, lives and ends", "连接的建立、维持和结束"),
    },
    Group {
        name: "sticky",
        title: Text::new("where a message ends on a stream", "粘包：字节流里消息的边界"),
    },
    Group {
        name: "udp",
        title: Text::new("datagrams, whole or not at all", "数据报：要么完整，要么没有"),
    },
    Group {
        name: "broadcast",
        title: Text::new("one sends, many receive", "广播：一点发送，多点接收"),
    },
    Group {
        name: "object",
        title: Text::new("what a socket is to a program", "套接字对象：种类、编号、地址、选项"),
    },
    Group {
        name: "http",
        title: Text::new("messages whose head says where they end", "HTTP：由头说明结尾的消息"),
    },
    Group {
        name: "program",
        title: Text::new("what the notes teach beside sockets", "程序：命令行、模板、传文件"),
    },
];

/// Every finished law, by group.
static LAWS: &[Law] = &[
    receive::RECV_EOF,
    receive::RECV_BLOCKS,
    receive::RECV_LEFTOVER,
    receive::BYTES,
    send::SEND_BROKEN_PIPE,
    send::SEND_BLOCKS,
    send::SEND_COUNT,
    send::SEND_ALL,
    send::BUFFERS,
    connection::SOCKET_NAME,
    connection::BIND,
    connection::REUSEADDR,
    connection::ACCEPT_BLOCKS,
    connection::ACCEPT_NEW,
    connection::TWO_SOCKETS,
    connection::LISTEN_MANY,
    connection::HANDSHAKE,
    connection::BACKLOG,
    connection::CLOSE_FOUR_WAY,
    connection::PEER_KILLED,
    connection::SAME_TYPE,
    connection::TURNS,
    connection::TCP_RELIABLE,
    connection::REALTIME,
    connection::SHORT_LONG,
    connection::TELNET,
    connection::LIKE_A_FILE,
    sticky::STICKY,
    sticky::CURE_MARKER,
    sticky::CURE_STRUCT,
    sticky::CURE_DELAY,
    sticky::WHOLE,
    udp::UDP_BOUNDARIES,
    udp::UDP_TRUNCATION,
    udp::UDP_CONNECTIONLESS,
    udp::UDP_UNRELIABLE,
    udp::UDP_COUNT,
    udp::UDP_EMPTY,
    udp::CALLS,
    broadcast::BROADCAST_ONE_MANY,
    broadcast::BROADCAST_ADDRESS,
    broadcast::BROADCAST_PERMISSION,
    object::SOCKET_TRIPLE,
    object::TYPE_FAMILY,
    object::FILENO,
    object::SOCKNAME,
    object::PEERNAME,
    object::SETSOCKOPT,
    object::GETSOCKOPT,
    http::HTTP_ON_TCP,
    http::HTTP_REQUEST,
    http::HTTP_METHODS,
    http::HTTP_RESPONSE,
    http::HTTP_STATUS,
    http::HTTP_STATELESS,
    http::HTTP_PERSISTENT,
    program::ARGV,
    program::FORMAT,
    program::FILE_TRANSFER,
];

/// Every law, by group, in the order in which the lab shows them.
pub fn laws() -> &'static [Law] {
    LAWS
}

/// Every group, in the order in which the lab shows them.
pub fn groups() -> &'static [Group] {
    GROUPS
}

/// A name that is neither a law nor a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownLaw {
    /// The name, as typed.
    pub name: String,
    /// The known name nearest to it.
    pub nearest: &'static str,
    /// What to type instead.
    pub remedy: String,
}

impl std::fmt::Display for UnknownLaw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}` is neither a law nor a group of laws", self.name)
    }
}

impl std::error::Error for UnknownLaw {}

/// The laws that `names` mean, in the order named, each once; all of them if nothing is named. A
/// name that is both a group and a law means the group.
pub fn select(names: &[String]) -> Result<Vec<&'static Law>, UnknownLaw> {
    if names.is_empty() {
        return Ok(LAWS.iter().collect());
    }
    let mut seen = BTreeSet::new();
    let mut chosen = Vec::new();
    for name in names {
        let is_group = GROUPS.iter().any(|group| group.name == name);
        let meant = |law: &&Law| if is_group { law.group == name } else { law.id == name };
        if !LAWS.iter().any(|law| meant(&law)) {
            return Err(unknown(name));
        }
        chosen.extend(LAWS.iter().filter(meant).filter(|law| seen.insert(law.id)));
    }
    Ok(chosen)
}

fn unknown(name: &str) -> UnknownLaw {
    let known = GROUPS.iter().map(|group| group.name).chain(LAWS.iter().map(|law| law.id));
    let nearest = known.min_by_key(|known| distance(name, known)).unwrap_or_default();
    UnknownLaw {
        name: name.into(),
        nearest,
        remedy: format!("the nearest is `{nearest}`; framecat lab --list names them all"),
    }
}

/// Letters to change, add or drop to make one word of the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// One run of one law.
#[derive(Debug)]
pub struct Outcome {
    /// The law.
    pub law: &'static Law,
    /// Whether it held, with the finding or the reason.
    pub result: Verdict,
    /// The figures that the run gave.
    pub evidence: Map<String, Value>,
    /// How long the experiment took, in milliseconds.
    pub millis: f64,
    /// What was done, told from the evidence; empty where the experiment did not end.
    pub done: Vec<Part>,
}

/// Runs the experiment and judges what it saw.
///
/// An error that means "not permitted" or "not there on this machine" is [`Verdict::Skipped`], and so
/// is the lack of a file or program that the experiment needs; any
/// other error or a panic is [`Verdict::NotShown`]. The errno is in the evidence. The calls wait at
/// most a few seconds each, so this always returns.
///
/// A program that is stopped and goes on (SIGSTOP, a debugger, a container that is frozen) finds its
/// waiting calls ended by EINTR, signal(7). That says nothing of any law: the experiment is repeated.
pub fn run(law: &'static Law) -> Outcome {
    const STOPS_MAX: usize = 3;
    for _ in 0..STOPS_MAX {
        let outcome = run_once(law);
        if !was_interrupted(&outcome) {
            return outcome;
        }
    }
    run_once(law)
}

fn was_interrupted(outcome: &Outcome) -> bool {
    let is_eintr = |value: &Value| value == "EINTR";
    let holds_eintr = |value: &Value| match value {
        Value::Array(list) => list.iter().any(is_eintr),
        value => is_eintr(value),
    };
    matches!(outcome.result, Verdict::NotShown(_)) && outcome.evidence.values().any(holds_eintr)
}

fn run_once(law: &'static Law) -> Outcome {
    let begun = Instant::now();
    let observed = catch_unwind(law.observe);
    let millis = begun.elapsed().as_micros() as f64 / 1e3;
    let evidence = match observed {
        Ok(Ok(evidence)) => evidence,
        Ok(Err(error)) => return stopped(law, &error, millis),
        Err(_) => return panicked(law, Map::new(), millis),
    };
    match catch_unwind(|| ((law.judge)(&evidence), (law.done)(&evidence))) {
        Ok((result, done)) => Outcome { law, result, evidence: evidence.figures, millis, done },
        Err(_) => panicked(law, evidence.figures, millis),
    }
}

fn panicked(law: &'static Law, evidence: Map<String, Value>, millis: f64) -> Outcome {
    let why = Text::new("the experiment itself broke off", "实验程序自身出错，中途停止");
    Outcome { law, result: Verdict::NotShown(why.into()), evidence, millis, done: Vec::new() }
}

fn stopped(law: &'static Law, error: &io::Error, millis: f64) -> Outcome {
    let mut evidence = Map::new();
    if let Some(missing) = error.get_ref().and_then(|inner| inner.downcast_ref::<Missing>()) {
        evidence.insert("errno".into(), missing.errno.clone().into());
        let result = Verdict::Skipped(missing.why.clone());
        return Outcome { law, result, evidence, millis, done: Vec::new() };
    }
    let name = match error.raw_os_error() {
        Some(errno) => errno_name(errno).map_or_else(|| format!("errno {errno}"), String::from),
        None => format!("{:?}", error.kind()),
    };
    evidence.insert("errno".into(), name.clone().into());
    let why: Say =
        say!("the experiment was stopped by {name}: {error}", "实验因 {name} 而停止：{error}");
    let result = if not_permitted(error) { Verdict::Skipped(why) } else { Verdict::NotShown(why) };
    Outcome { law, result, evidence, millis, done: Vec::new() }
}

/// Whether the user or the machine does not permit the call, whatever the law says.
fn not_permitted(error: &io::Error) -> bool {
    const NOT_HERE: [Errno; 9] = [
        Errno::PERM,
        Errno::ACCESS,
        Errno::NOSYS,
        Errno::AFNOSUPPORT,
        Errno::PROTONOSUPPORT,
        Errno::SOCKTNOSUPPORT,
        Errno::NOPROTOOPT,
        // A machine without a loopback interface, or with one that is down.
        Errno::ADDRNOTAVAIL,
        Errno::NETUNREACH,
    ];
    NOT_HERE.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(names: &[&str]) -> Result<Vec<&'static str>, UnknownLaw> {
        let names: Vec<String> = names.iter().map(|name| name.to_string()).collect();
        Ok(select(&names)?.iter().map(|law| law.id).collect())
    }

    #[test]
    fn a_name_that_is_a_group_and_a_law_means_the_group() {
        let group = ["sticky", "cure-marker", "cure-struct", "cure-delay", "whole"];
        assert_eq!(ids(&["sticky"]).unwrap(), group);
    }

    #[test]
    fn laws_come_in_the_order_named_and_once() {
        assert_eq!(ids(&["whole", "cure-delay", "whole"]).unwrap(), ["whole", "cure-delay"]);
        assert_eq!(ids(&[]).unwrap().len(), laws().len());
    }

    #[test]
    fn an_unknown_name_is_told_the_nearest() {
        let unknown = ids(&["whole", "cure-dalay"]).unwrap_err();
        assert_eq!((unknown.name.as_str(), unknown.nearest), ("cure-dalay", "cure-delay"));
        assert!(unknown.remedy.contains("cure-delay"), "{}", unknown.remedy);
        assert_eq!(ids(&["stiky"]).unwrap_err().nearest, "sticky");
    }

    #[test]
    fn every_law_has_a_name_of_its_own_and_a_group() {
        let names: BTreeSet<_> = laws().iter().map(|law| law.id).collect();
        assert_eq!(names.len(), laws().len());
        for law in laws() {
            assert!(groups().iter().any(|group| group.name == law.group), "{}", law.id);
        }
    }

    #[test]
    fn an_experiment_that_a_stop_interrupted_is_repeated() {
        use std::sync::atomic::{AtomicUsize, Ordering};
        static RUNS: AtomicUsize = AtomicUsize::new(0);
        static TEXT: Text = Text::new("", "");
        static STOPPED_TWICE: Law = Law {
            id: "stopped-twice",
            group: "none",
            title: TEXT,
            from: "we add",
            law: TEXT,
            notes: TEXT,
            means: TEXT,
            framecat: TEXT,
            commands: &[],
            observe: || {
                let mut seen = Evidence::new();
                match RUNS.fetch_add(1, Ordering::Relaxed) {
                    0 => return Err(Errno::INTR.into()),
                    1 => seen.set("recvs", vec!["0", "EINTR"]),
                    _ => seen.set("recvs", vec!["0", "0"]),
                }
                Ok(seen)
            },
            judge: |seen| match seen.list("recvs")[1] {
                "0" => Verdict::Shown(TEXT.into()),
                _ => Verdict::NotShown(TEXT.into()),
            },
            done: |_| Vec::new(),
        };
        assert!(run(&STOPPED_TWICE).result.is_shown());
        assert_eq!(RUNS.load(Ordering::Relaxed), 3);
    }

    #[test]
    fn what_is_not_permitted_is_skipped_and_what_fails_is_not_shown() {
        for (errno, name) in [(Errno::PERM, "EPERM"), (Errno::NETUNREACH, "ENETUNREACH")] {
            let refused = io::Error::from_raw_os_error(errno.raw_os_error());
            let outcome = stopped(&LAWS[0], &refused, 1.0);
            assert!(matches!(outcome.result, Verdict::Skipped(_)));
            assert_eq!(outcome.evidence["errno"], name);
        }
        let nowhere = crate::watch::read("/nowhere/at/all").unwrap_err();
        let outcome = stopped(&LAWS[0], &nowhere, 1.0);
        assert!(matches!(outcome.result, Verdict::Skipped(_)));
        assert_eq!(outcome.evidence["errno"], "ENOENT");
        let reset = io::Error::from_raw_os_error(Errno::CONNRESET.raw_os_error());
        assert!(matches!(stopped(&LAWS[0], &reset, 1.0).result, Verdict::NotShown(_)));
    }
}
