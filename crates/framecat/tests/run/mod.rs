//! Runs programs for the tests: framecat itself, and the programs it talks to.
//!
//! Nothing here sleeps. Each wait is for a line, for bytes or for the end of a program, and fails the
//! test after [`PATIENCE`], showing what the program said until then.
//!
//! ```ignore
//! let mut listener = Run::new(&["listen", ":0", "-f", "line"]).start();
//! let port = listener.port();
//! // … a peer sends "hello\n" …
//! assert_eq!(listener.read_line(), "hello");
//! let finished = listener.finish();
//! assert_eq!(finished.code, 0, "{finished}");
//! ```
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::fmt;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

pub use rustix::process::Signal;

pub mod network;
pub mod sockets;
pub mod terminal;

/// The longest that anything is waited for. Never reached unless something is wrong.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The program under test: the one that cargo built, or, so that a release can be tested as it is
/// shipped, the one whose absolute path stands in `FRAMECAT_TESTED`.
pub fn tested() -> &'static str {
    static TESTED: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    let built = env!("CARGO_BIN_EXE_framecat");
    TESTED.get_or_init(|| std::env::var("FRAMECAT_TESTED").unwrap_or(built.into()))
}

/// A program about to be started.
pub struct Run {
    command: Command,
    name: String,
    stdin_given: bool,
    stdout_given: bool,
    group: bool,
}

impl Run {
    /// framecat with these arguments. Stdin is a pipe held open until told otherwise.
    pub fn new(args: &[&str]) -> Run {
        Run::program(tested(), args)
    }

    /// Another program, found in PATH.
    pub fn program(program: &str, args: &[&str]) -> Run {
        let mut command = Command::new(program);
        command.args(args).env("LC_ALL", "C").env_remove("NO_COLOR").env_remove("FRAMECAT_PEER");
        let name = Path::new(program).file_name().map_or(program.into(), |n| n.to_string_lossy());
        let name = format!("{name} {}", args.join(" "));
        Run { command, name, stdin_given: false, stdout_given: false, group: false }
    }

    /// A line for `sh`; `framecat` in it is ours.
    pub fn shell(line: &str) -> Run {
        let mut run = Run::program("sh", &["-c", line]);
        let ours = Path::new(tested()).parent().expect("it lies in a folder");
        let mut path = std::ffi::OsString::from(ours);
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        // What the shell starts is killed with it.
        run.command.env("PATH", path).process_group(0);
        run.group = true;
        run
    }

    /// Sets a variable of its environment.
    pub fn env(mut self, name: &str, value: &str) -> Run {
        self.command.env(name, value);
        self
    }

    /// Starts it in this folder.
    pub fn in_folder(mut self, folder: &Path) -> Run {
        self.command.current_dir(folder);
        self
    }

    /// Its stdin is `/dev/null`.
    pub fn stdin_null(self) -> Run {
        self.stdin(Stdio::null())
    }

    /// Its stdin is this: a file, an end of a pipe, a socket, a terminal.
    pub fn stdin(mut self, stdin: impl Into<Stdio>) -> Run {
        self.command.stdin(stdin);
        self.stdin_given = true;
        self
    }

    /// Its stdout is this, and is not heard.
    pub fn stdout(mut self, stdout: impl Into<Stdio>) -> Run {
        self.command.stdout(stdout);
        self.stdout_given = true;
        self
    }

    /// Starts it.
    pub fn start(mut self) -> Running {
        if !self.stdin_given {
            self.command.stdin(Stdio::piped());
        }
        if !self.stdout_given {
            self.command.stdout(Stdio::piped());
        }
        self.command.stderr(Stdio::piped());
        let mut child = match self.command.spawn() {
            Ok(child) => child,
            Err(error) => panic!("{} does not start: {error}", self.name),
        };
        let stdout = match child.stdout.take() {
            Some(pipe) => Heard::from(pipe),
            None => Heard::from(std::io::empty()),
        };
        let stderr = Heard::from(child.stderr.take().expect("it is a pipe"));
        let stdin = child.stdin.take();
        Running { name: self.name, child, stdin, stdout, stderr, read: 0, group: self.group }
    }

    /// Starts it, gives it `stdin`, ends stdin, and waits for its end.
    pub fn run(self, stdin: impl Into<Vec<u8>>) -> Finished {
        let mut running = self.start();
        let bytes = stdin.into();
        // On a thread of its own: a program that writes before it reads would wait for us.
        let feeding = running.stdin.take().map(|mut pipe| {
            thread::spawn(move || {
                // A program may end before it has read all; its exit code tells whether it should.
                let _ = pipe.write_all(&bytes);
            })
        });
        let finished = running.finish();
        if let Some(feeding) = feeding {
            feeding.join().expect("feeding stdin does not panic");
        }
        finished
    }
}

/// A program that runs. It is killed when this is dropped.
pub struct Running {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Heard,
    stderr: Heard,
    /// How much of stdout the test has taken.
    read: usize,
    /// It leads a group of processes.
    group: bool,
}

impl Running {
    /// What is bound, as told on stderr: `tcp://127.0.0.1:41327`.
    pub fn endpoint(&self) -> String {
        const TOLD: &str = "listening on ";
        let heard = self.heard_on_stderr(|text| {
            text.split_once(TOLD).is_some_and(|(_, rest)| rest.contains('\n'))
        });
        let (_, rest) = heard.split_once(TOLD).expect("it was waited for");
        rest.split_whitespace().next().unwrap_or_default().into()
    }

    /// The port that is bound, as told on stderr.
    pub fn port(&self) -> u16 {
        let endpoint = self.endpoint();
        let port = endpoint.rsplit(':').next().and_then(|port| port.parse().ok());
        port.unwrap_or_else(|| panic!("{}: no port in {endpoint}", self.name))
    }

    /// The port that is bound, or `None` where it ends before it tells one.
    pub fn port_if_told(&self) -> Option<u16> {
        const TOLD: &str = "listening on ";
        let rest = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes).into_owned();
            text.split_once(TOLD)
                .map(|(_, rest)| rest.to_owned())
                .filter(|rest| rest.contains('\n'))
        };
        let heard = self.stderr.wait(|bytes| rest(bytes).is_some())?;
        let endpoint = rest(&heard)?.split_whitespace().next()?.to_owned();
        endpoint.rsplit(':').next()?.parse().ok()
    }

    /// Waits until stderr holds `text`, and gives all of stderr until now.
    pub fn told(&self, text: &str) -> String {
        self.heard_on_stderr(|heard| heard.contains(text))
    }

    fn heard_on_stderr(&self, enough: impl Fn(&str) -> bool) -> String {
        let heard = self.stderr.wait(|bytes| enough(&String::from_utf8_lossy(bytes)));
        heard.map(lossy).unwrap_or_else(|| self.fail("was not told on stderr what was waited for"))
    }

    /// Writes to its stdin.
    pub fn stdin_write(&mut self, bytes: impl AsRef<[u8]>) {
        let stdin = self.stdin.as_mut().expect("stdin is open");
        stdin.write_all(bytes.as_ref()).and_then(|()| stdin.flush()).expect("stdin is read");
    }

    /// Its stdin, for a thread that writes while the test reads.
    pub fn take_stdin(&mut self) -> ChildStdin {
        self.stdin.take().expect("stdin is open")
    }

    /// Ends its stdin.
    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// The next line of stdout, without its LF.
    pub fn read_line(&mut self) -> String {
        let mut line = self.read_until(b"\n");
        line.pop();
        lossy(line)
    }

    /// The next line of stdout, without its LF, or `None` where it ends before that.
    pub fn next_line(&mut self) -> Option<String> {
        let from = self.read;
        let end = |bytes: &[u8]| bytes[from..].iter().position(|byte| *byte == b'\n');
        let heard = self.stdout.wait(|bytes| end(bytes).is_some())?;
        let line = heard[from..from + end(&heard)?].to_vec();
        self.read += line.len() + 1;
        Some(lossy(line))
    }

    /// Stdout from where the last read ended up to `marker`, which is the last of it.
    pub fn read_until(&mut self, marker: impl AsRef<[u8]>) -> Vec<u8> {
        let (from, marker) = (self.read, marker.as_ref());
        let end = |bytes: &[u8]| {
            let found = bytes[from..].windows(marker.len()).position(|here| here == marker);
            found.map(|at| from + at + marker.len())
        };
        let Some(heard) = self.stdout.wait(|bytes| end(bytes).is_some()) else {
            self.fail(&format!("did not print {:?}", String::from_utf8_lossy(marker)))
        };
        self.read = end(&heard).expect("it was waited for");
        heard[from..self.read].to_vec()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("it still runs");
    }

    /// Gives it `stdin`, ends stdin, and waits for its end, which must be a good one.
    #[track_caller]
    pub fn feed_and_leave(mut self, stdin: impl AsRef<[u8]>) {
        self.stdin_write(stdin);
        let finished = self.finish();
        assert_eq!(finished.code, 0, "{finished}");
    }

    /// Ends its stdin and waits for its end.
    pub fn finish(mut self) -> Finished {
        self.close_stdin();
        self.wait()
    }

    /// Waits for its end while its stdin stays open.
    pub fn wait(self) -> Finished {
        self.wait_within(PATIENCE)
    }

    /// As [`wait`](Self::wait), for what takes longer than anything else does.
    pub fn wait_within(mut self, patience: Duration) -> Finished {
        let deadline = Instant::now() + patience;
        // Both pipes end when the program does, so waiting for them is waiting for it; a child that
        // outlives it may hold them, and is not waited for.
        let _ = self.stdout.wait_end(deadline) && self.stderr.wait_end(deadline);
        let status = loop {
            match self.child.try_wait().expect("it is our child") {
                Some(status) => break status,
                None if Instant::now() > deadline => self.fail("did not end"),
                None => thread::yield_now(),
            }
        };
        let (stdout, stderr) = (self.stdout.now(), lossy(self.stderr.now()));
        assert!(!stderr.contains("panicked"), "`{}` panicked\n{stderr}", self.name);
        Finished { name: self.name.clone(), code: code(status), stdout, stderr }
    }

    fn fail(&self, what: &str) -> ! {
        let (stdout, stderr) = (lossy(self.stdout.now()), lossy(self.stderr.now()));
        panic!("`{}` {what}\nstdout: {stdout:?}\nstderr: {stderr}", self.name)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // All of these fail where it has ended, which is as well.
        if self.group {
            let group = rustix::process::Pid::from_child(&self.child);
            let _ = rustix::process::kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a program left behind.
#[derive(Debug, Clone)]
pub struct Finished {
    name: String,
    /// Its exit code; 128 and the number for a program that a signal ended, as a shell tells it.
    pub code: i32,
    /// All of its stdout.
    pub stdout: Vec<u8>,
    /// All of its stderr.
    pub stderr: String,
}

impl Finished {
    /// All of its stdout as text.
    pub fn text(&self) -> String {
        lossy(self.stdout.clone())
    }

    /// The command, its exit code and stderr for a snapshot, with `names` in place of what is another
    /// at each run.
    pub fn told(&self, names: &[(&str, &str)]) -> String {
        let mut told = format!("$ {}\n{}exit {}\n\n", self.name, self.stderr, self.code);
        for (found, name) in names {
            told = told.replace(found, name);
        }
        told
    }

    /// Fails unless it ended with `code` and printed exactly `stdout`.
    #[track_caller]
    pub fn expect(&self, code: i32, stdout: impl AsRef<[u8]>) -> &Finished {
        assert_eq!(self.text(), String::from_utf8_lossy(stdout.as_ref()), "{self}");
        assert_eq!(self.stdout, stdout.as_ref(), "{self}");
        assert_eq!(self.code, code, "{self}");
        self
    }
}

impl fmt::Display for Finished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stdout = String::from_utf8_lossy(&self.stdout);
        write!(f, "`{}` ended with {}\nstdout: {stdout:?}\n", self.name, self.code)?;
        write!(f, "stderr: {}", self.stderr)
    }
}

/// What a program printed on one of its pipes, collected by a thread so that it is never slowed.
struct Heard {
    shared: Arc<(Mutex<Bytes>, Condvar)>,
    _thread: JoinHandle<()>,
}

#[derive(Default)]
struct Bytes {
    bytes: Vec<u8>,
    ended: bool,
}

impl Heard {
    fn from(mut pipe: impl Read + Send + 'static) -> Heard {
        let shared = Arc::new((Mutex::new(Bytes::default()), Condvar::new()));
        let ours = shared.clone();
        let collect = move || {
            let mut buffer = vec![0; 64 << 10];
            loop {
                let taken = pipe.read(&mut buffer).unwrap_or(0);
                let mut heard = ours.0.lock().expect("no holder panics");
                heard.bytes.extend_from_slice(&buffer[..taken]);
                heard.ended = taken == 0;
                ours.1.notify_all();
                if heard.ended {
                    return;
                }
            }
        };
        Heard { shared, _thread: thread::spawn(collect) }
    }

    /// What was heard, as soon as it is `enough`; `None` if it ends or takes too long before.
    fn wait(&self, enough: impl Fn(&[u8]) -> bool) -> Option<Vec<u8>> {
        let (mutex, changed) = &*self.shared;
        let heard = mutex.lock().expect("no holder panics");
        let waiting = |heard: &mut Bytes| !heard.ended && !enough(&heard.bytes);
        let (heard, _) =
            changed.wait_timeout_while(heard, PATIENCE, waiting).expect("no holder panics");
        enough(&heard.bytes).then(|| heard.bytes.clone())
    }

    fn wait_end(&self, deadline: Instant) -> bool {
        let (mutex, changed) = &*self.shared;
        let heard = mutex.lock().expect("no holder panics");
        let left = deadline.saturating_duration_since(Instant::now());
        let waited = changed.wait_timeout_while(heard, left, |heard| !heard.ended);
        !waited.expect("no holder panics").1.timed_out()
    }

    fn now(&self) -> Vec<u8> {
        self.shared.0.lock().expect("no holder panics").bytes.clone()
    }
}

/// Whether python3 is on this machine and has these modules (.ci/peers.txt). If not, says that the
/// test is skipped.
pub fn have_python(modules: &[&str]) -> bool {
    if !have("python3") {
        return false;
    }
    let import = format!("import {}", modules.join(", "));
    let found = Command::new("python3").args(["-c", &import]).output();
    let there = found.is_ok_and(|output| output.status.success());
    if !there {
        let modules = modules.join(", ");
        let _ = writeln!(std::io::stderr(), "skipped: python3 has no {modules} (.ci/peers.txt)");
    }
    there
}

/// Whether a foreign program is on this machine. If not, says that the test is skipped.
pub fn have(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    if !found {
        // Told past the capturing of tests, so that a skipped test is seen.
        let _ = writeln!(std::io::stderr(), "skipped: {program} is not on this machine");
    }
    found
}

/// Says that a test is skipped, and why.
pub fn skipped(why: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}

/// A foreign server that can neither be told to choose its port and say it, nor take a socket: it gets a
/// port that was free a moment ago. Somebody else may take it in between, so the server is then started
/// again with another. The last resort: Unix sockets and inherited ones come first.
pub fn at_a_free_port<F: FnMut(u16) -> Running>(start: F) -> AtFreePort<F> {
    AtFreePort(start)
}

/// See [`at_a_free_port`].
pub struct AtFreePort<F>(F);

impl<F: FnMut(u16) -> Running> AtFreePort<F> {
    /// The server once it said `ready` on stderr, and its port.
    pub fn until(mut self, ready: &str) -> (Running, u16) {
        let mut said = String::new();
        for _ in 0..5 {
            let port = peer::nobody();
            let server = (self.0)(port);
            let heard = server.stderr.wait(|bytes| String::from_utf8_lossy(bytes).contains(ready));
            if heard.is_some() {
                return (server, port);
            }
            said = lossy(server.stderr.now());
        }
        panic!("five times it was not ready; it said {said}")
    }
}

/// A folder of its own for one test, removed with all in it when dropped.
pub struct Folder(PathBuf);

impl Folder {
    /// A new one. Its path is short, as the path of a Unix socket must be (108 bytes).
    pub fn new() -> Folder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("framecat-{}-{n}", std::process::id()));
        std::fs::create_dir(&path).expect("the folder for temporary files can be written");
        Folder(path)
    }

    /// A new one that costs no disk: in memory where there is such a place, and it can be written.
    pub fn in_memory() -> Folder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = Path::new("/dev/shm").join(format!("framecat-{}-{n}", std::process::id()));
        match std::fs::create_dir(&path) {
            Ok(()) => Folder(path),
            Err(_) => Folder::new(),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The path of a file in it, as text.
    pub fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("its path is plain text").into()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1)
}

fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}

pub mod peer;

impl Running {
    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The most memory that it has held until now, in bytes (VmHWM of proc_pid_status(5)).
    pub fn peak_memory(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("it still runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes =
            line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        kilobytes.expect("the kernel tells it") << 10
    }

    /// Waits until stderr satisfies `enough`, and gives all of it until now.
    pub fn told_when(&self, enough: impl Fn(&str) -> bool) -> String {
        self.heard_on_stderr(enough)
    }
}
