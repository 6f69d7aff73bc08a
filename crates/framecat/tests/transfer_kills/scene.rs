//! A transfer between two programs of which one is killed, or its disk fails it, and the same again.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use super::run::{self, Finished, Folder, Run, Running, have, skipped};
use super::trees::{FOLDERS, Tree, changed, copy, found, lay, logged, numbered, size, what};

/// The code of transfers that have one.
const CODE: &str = "417-blaze-otter-quilt";

/// A call, how it is told from calls of the same name that a program makes before it is at work, and what is
/// done to it.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    pub name: &'static str,
    /// Only of files and folders that are sent or received: strace counts calls by thread, and those of a
    /// program that is being loaded would hide the first ones of each other thread.
    pub ours: bool,
}

/// One that is made for nothing but files that come and go.
const fn any(name: &'static str) -> Call {
    Call { name, ours: false }
}

const fn ours(name: &'static str) -> Call {
    Call { name, ours: true }
}

/// Calls before which one that receives is killed.
const RECEIVES: &[Call] = &[
    ours("openat"),
    ours("openat2"),
    ours("newfstatat"),
    any("pwrite64"),
    any("ftruncate"),
    any("fallocate"),
    any("fchmod"),
    any("utimensat"),
    any("fsync"),
    any("fdatasync"),
    any("syncfs"),
    any("linkat"),
    any("renameat"),
    any("renameat2"),
    any("unlinkat"),
    any("mkdirat"),
    any("flock"),
    any("pread64"),
    any("sendto"),
    any("sendmsg"),
    any("recvfrom"),
    any("writev"),
];

/// Calls before which one that sends is killed.
const SENDS: &[Call] = &[
    ours("openat"),
    ours("openat2"),
    ours("pread64"),
    ours("read"),
    ours("fstat"),
    ours("statx"),
    ours("newfstatat"),
    ours("getdents64"),
    any("sendto"),
    any("sendmsg"),
    any("recvfrom"),
    any("writev"),
];

/// Calls of one that receives that fail, by what a disk says.
const UNWRITABLE: &[(Call, &[&str])] = &[
    (ours("openat"), &["ENOSPC", "EMFILE"]),
    (ours("openat2"), &["EIO", "EMFILE"]),
    (any("pwrite64"), &["ENOSPC", "EDQUOT", "EIO"]),
    (any("ftruncate"), &["EIO"]),
    (any("fallocate"), &["ENOSPC", "EIO"]),
    (any("fchmod"), &["EIO", "EPERM"]),
    (any("utimensat"), &["EIO"]),
    (any("fsync"), &["EIO"]),
    (any("fdatasync"), &["EIO"]),
    (any("syncfs"), &["EIO"]),
    (any("linkat"), &["ENOSPC"]),
    (any("renameat"), &["EIO"]),
    (any("renameat2"), &["ENOSPC", "EIO"]),
    (any("unlinkat"), &["EIO"]),
    (any("mkdirat"), &["ENOSPC"]),
    (any("pread64"), &["EIO"]),
];

/// Calls of one that sends that fail.
const UNREADABLE: &[(Call, &[&str])] = &[
    (ours("openat"), &["EIO", "EMFILE"]),
    (ours("openat2"), &["EIO", "EMFILE"]),
    (ours("pread64"), &["EIO"]),
    (ours("statx"), &["EIO"]),
    (ours("newfstatat"), &["EIO"]),
    (ours("getdents64"), &["EIO"]),
];

/// A transfer, and how it begins.
#[derive(Clone, Copy)]
pub struct Scene {
    pub name: &'static str,
    pub receive: &'static [&'static str],
    pub secured: bool,
    /// What is there before.
    pub before: fn(&Scene, &Path, &Path),
    /// Other files have the names, and keep them.
    pub numbered: bool,
    /// How many of all calls of a name are tried, from the first to the last.
    pub most: usize,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Side {
    Sends,
    Receives,
}

/// What came of a trial.
struct Tried {
    listener: Finished,
    dialler: Option<Finished>,
    /// Everything was there.
    all: bool,
    /// Some of it was, and not all.
    some: bool,
}

/// What lies around during the trials of a scene.
struct Stage {
    from: Folder,
    what: Tree,
    /// As what is to be there at last.
    goal: Tree,
    before: Folder,
}

impl Scene {
    fn stage(&self) -> Stage {
        let (from, before, what) = (Folder::in_memory(), Folder::in_memory(), what());
        lay(&what, from.path(), changed());
        (self.before)(self, from.path(), before.path());
        let goal = if self.numbered { numbered(&what) } else { what.clone() };
        Stage { from, what, goal, before }
    }

    fn run(&self, under: Option<&[&str]>, args: &[&str]) -> Running {
        let guard = if self.secured { "--json" } else { "--plain" };
        let args = [args, &["--json", guard][..if self.secured { 1 } else { 2 }]].concat();
        let mut run = match under {
            None => Run::new(&args),
            Some(strace) => {
                // Not with --seccomp-bpf: strace 6.1 sends no signal then.
                let all = [&["-f"], strace, &[run::tested()], &args].concat();
                Run::program("strace", &all)
            }
        };
        if self.secured {
            run = run.env("FRAMECAT_CODE", CODE);
        }
        run.stdin_null().start()
    }

    /// Both sides to their ends; whoever listens may be under strace. Without the other side: it ended before
    /// it told where.
    pub fn pass(
        &self,
        listens: Side,
        under: Option<&[&str]>,
        (from, into): (&Path, &Path),
    ) -> (Finished, Option<Finished>) {
        let (src, into) = (from.join("src"), into.to_str().unwrap().to_owned());
        let src = src.to_str().unwrap();
        let receive = [&["receive", &into, "--yes"], self.receive].concat();
        let send = ["send", src];
        let (first, second, to): (&[&str], &[&str], _) = match listens {
            Side::Receives => (&receive, &send, "--to"),
            Side::Sends => (&send, &receive, "--from"),
        };
        let host = host();
        let listener = self.run(under, &[first, &["--listen", &format!("{host}:0")]].concat());
        let Some(port) = listener.port_if_told() else { return (listener.wait(), None) };
        let at = format!("{host}:{port}");
        let dialler = self.run(None, &[second, &[to, &at]].concat()).wait();
        (listener.wait(), Some(dialler))
    }

    /// Both sides while `inject` is at work on one of them, then the same commands again.
    fn trial(&self, side: Side, call: Call, inject: &str, stage: &Stage) -> Tried {
        let Stage { from, what, goal, before } = stage;
        let into = Folder::in_memory();
        copy(before.path(), into.path());
        let places = (from.path(), into.path());
        let (before, begun) = found(into.path());
        let begun = logged(&begun);
        let name = self.name;
        let (trace, inject) =
            (format!("trace={}", call.name), format!("inject={}:{inject}", call.name));
        let of = of(call, side, stage, &into);
        let strace = ["-o", "/dev/null", "-e", &trace, "-e", &inject];
        let strace: Vec<&str> = strace.into_iter().chain(of.iter().map(String::as_str)).collect();
        let (listener, dialler) = self.pass(side, Some(&strace), places);
        let (there, ours) = found(into.path());
        let new = |it: &(&String, &Option<Vec<u8>>)| goal.get(it.0) == Some(it.1);
        for it in &there {
            let path = it.0;
            let whole = new(&it) || before.get(path) == Some(it.1);
            assert!(whole, "{name}, {inject}: {path} is neither old nor new");
        }
        for path in before.keys() {
            assert!(there.contains_key(path), "{name}, {inject}: {path} is gone");
        }
        let all = goal.iter().all(|(path, content)| there.get(path) == Some(content));
        for finished in [Some(&listener), dialler.as_ref()].into_iter().flatten() {
            let lies = finished.code == 0 && !all;
            assert!(!lies, "{name}, {inject}: it says that all is done\n{finished}");
        }
        // Those that are there in full are not sent again, and of the others no piece that is there.
        let whole = there.iter().filter(new).filter_map(|it| it.1.as_ref());
        let have = whole.map(|content| content.len() as u64).sum::<u64>() + logged(&ours);
        assert!(
            listener.code != 137 || have >= begun,
            "{name}, {inject}: {have} of {begun} is left"
        );
        let (again, Some(other)) = self.pass(side, None, places) else {
            panic!("{name}, {inject}: no port")
        };
        let context = || format!("{name}, {inject}\n{again}\n{other}\nafter\n{listener}");
        assert_eq!((again.code, other.code), (0, 0), "again: {}", context());
        let (there, ours) = found(into.path());
        for (path, content) in goal {
            assert!(there.get(path) == Some(content), "{path} is not whole: {}", context());
        }
        for (path, content) in before.iter().filter(|it| !goal.contains_key(it.0)) {
            assert!(there.get(path) == Some(content), "{path} is not as it was: {}", context());
        }
        let names = goal.keys().chain(before.keys()).collect::<std::collections::BTreeSet<_>>();
        assert_eq!(there.len(), names.len(), "{:?}: {}", there.keys(), context());
        assert!(ours.is_empty(), "{ours:?} is left: {}", context());
        assert_eq!(moved(&other), size(what) - have, "bytes sent again: {}", context());
        let some = have > 0 && have < size(what);
        Tried { listener, dialler, all, some }
    }

    /// Kills `side` at every call; so many times at least.
    pub fn killed(&self, side: Side, least: u32) {
        if !can_trace() {
            return;
        }
        let stage = self.stage();
        let (mut kills, mut midst) = (0, 0);
        let calls = match side {
            Side::Receives => RECEIVES,
            Side::Sends => SENDS,
        };
        for (call, all) in self.calls(side, calls, &stage) {
            for n in spread(all, self.most) {
                let tried = self.trial(side, call, &format!("signal=SIGKILL:when={n}"), &stage);
                kills += u32::from(tried.listener.code == 137);
                midst += u32::from(tried.some);
            }
        }
        told(&format!(
            "{}, {side:?}: killed {kills} times, {midst} of them in the midst",
            self.name
        ));
        assert!(kills >= least && midst > 0, "{}, {side:?}: {kills}, {midst}", self.name);
    }

    /// Every call by which something is read or written fails: once, and from then on.
    pub fn failed(&self, side: Side, least: u32) {
        if !can_trace() {
            return;
        }
        let stage = self.stage();
        let all = match side {
            Side::Receives => UNWRITABLE,
            Side::Sends => UNREADABLE,
        };
        let calls: Vec<Call> = all.iter().map(|(call, _)| *call).collect();
        let mut failures = 0;
        for ((call, most), (_, errors)) in self.calls(side, &calls, &stage).into_iter().zip(all) {
            for (nth, error) in errors.iter().enumerate() {
                for n in spread(most, self.most) {
                    let on = if (n as usize + nth).is_multiple_of(2) { "+" } else { "" };
                    let inject = format!("error={error}:when={n}{on}");
                    let Tried { listener, dialler, all, .. } =
                        self.trial(side, call, &inject, &stage);
                    let codes = (listener.code, dialler.as_ref().map(|dialler| dialler.code));
                    // Before the two met the program may fail by itself.
                    let right = match codes {
                        (_, None) => true,
                        (0, Some(0)) => all,
                        (first, Some(second)) => first != 137 && first != 0 && second != 0,
                    };
                    let name = self.name;
                    assert!(
                        right,
                        "{name}, {call:?}, {inject}: {codes:?}\n{listener}\n{dialler:?}"
                    );
                    failures += u32::from(codes.0 != 0);
                }
            }
        }
        told(&format!("{}, {side:?}: {failures} failures told", self.name));
        assert!(failures >= least, "{}, {side:?}: {failures}", self.name);
    }

    /// How often a thread makes each call, at most.
    fn calls(&self, side: Side, calls: &[Call], stage: &Stage) -> Vec<(Call, u32)> {
        let count = |calls: &[Call]| -> BTreeMap<String, u32> {
            let (into, log) = (Folder::in_memory(), Folder::in_memory());
            copy(stage.before.path(), into.path());
            let names: Vec<&str> = calls.iter().map(|call| call.name).collect();
            let (to, trace) = (log.file("trace"), format!("trace={}", names.join(",")));
            let of = of(calls[0], side, stage, &into);
            let strace = ["-o", &to, "-e", &trace];
            let strace: Vec<&str> =
                strace.into_iter().chain(of.iter().map(String::as_str)).collect();
            let places = (stage.from.path(), into.path());
            let (listener, dialler) = self.pass(side, Some(&strace), places);
            assert_eq!(listener.code, 0, "it is done if nobody is killed\n{listener}");
            assert_eq!(dialler.map(|dialler| dialler.code), Some(0));
            most(&fs::read_to_string(&to).unwrap())
        };
        let (ours, any): (Vec<Call>, Vec<Call>) = calls.iter().partition(|call| call.ours);
        let mut counts = count(&ours);
        if !any.is_empty() {
            counts.extend(count(&any));
        }
        let count = |call: &Call| (*call, counts.get(call.name).copied().unwrap_or(0));
        calls.iter().map(count).collect()
    }
}

/// How often a thread made each call, at most, by what strace wrote.
fn most(trace: &str) -> BTreeMap<String, u32> {
    let mut counts: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    for line in trace.lines() {
        let mut words = line.splitn(2, ' ');
        let (Some(thread), Some(rest)) = (words.next(), words.next()) else { continue };
        let Some((call, _)) = rest.trim_start().split_once('(') else { continue };
        *counts.entry((thread, call)).or_default() += 1;
    }
    let mut most = BTreeMap::new();
    for ((_, call), count) in counts {
        let known: &mut u32 = most.entry(call.to_owned()).or_default();
        *known = count.max(*known);
    }
    most
}

/// What strace is to be told for it to heed only these calls.
fn of(call: Call, side: Side, stage: &Stage, into: &Folder) -> Vec<String> {
    if !call.ours {
        return Vec::new();
    }
    let place = if side == Side::Sends { &stage.from } else { into };
    let mut paths = vec![place.path().to_str().unwrap().to_owned()];
    match side {
        Side::Sends => paths.extend(stage.what.keys().map(|name| place.file(name))),
        Side::Receives => paths.extend(FOLDERS.iter().map(|name| place.file(name))),
    }
    paths.into_iter().flat_map(|path| ["-P".to_owned(), path]).collect()
}

/// So many of the numbers from 1 on, the first and the last among them, evenly between.
fn spread(last: u32, most: usize) -> Vec<u32> {
    let last = last as usize;
    let all: Vec<usize> = match last <= most {
        true => (1..=last).collect(),
        false => (0..most).map(|nth| 1 + nth * (last - 1) / (most - 1)).collect(),
    };
    all.into_iter().map(|n| n as u32).collect()
}

/// An address of this machine of which nobody else makes use just now: the port of who was killed may be given
/// to another one the next moment.
pub fn host() -> String {
    static NEXT: OnceLock<AtomicU32> = OnceLock::new();
    let next = NEXT.get_or_init(|| AtomicU32::new(std::process::id().wrapping_mul(7_919)));
    let n = next.fetch_add(1, Ordering::Relaxed);
    format!("127.{}.{}.{}", 1 + (n >> 16) % 250, (n >> 8) % 256, 1 + n % 250)
}

/// Bytes of content that crossed the network, as one side tells.
pub fn moved(finished: &Finished) -> u64 {
    let text = finished.text();
    let told = text.lines().find(|line| line.contains(r#""event":"transferred""#));
    let (_, rest) = told.and_then(|line| line.split_once(r#""moved":"#)).expect(&text);
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap()
}

/// Whether there is a strace that may look at our own processes.
pub fn can_trace() -> bool {
    if !have("strace") {
        return false;
    }
    let traced =
        Run::program("strace", &["-e", "inject=getpid:error=ENOSYS:when=1", "true"]).run("");
    if traced.code != 0 {
        skipped(&format!("strace may not trace here: {}", traced.stderr.trim()));
    }
    traced.code == 0
}

/// Past the capturing of tests, so that it is seen how much was tried.
pub fn told(what: &str) {
    let _ = writeln!(std::io::stderr(), "{what}");
}
