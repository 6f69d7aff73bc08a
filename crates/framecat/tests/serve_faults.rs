//! The server is killed, or the disk fails it, at every call by which a file comes, goes or is moved: strace's
//! `inject` does both. Whatever happens, what is served is what it was or what it was to be, nothing of ours
//! is left behind the next start, and nobody is told that something was done which was not.

mod run;
mod served;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Instant;

use run::{Folder, PATIENCE, Run, Running, have, skipped};

/// Calls before which the server is killed.
const CALLS: &[&str] = &[
    "openat",
    "openat2",
    "pwrite64",
    "write",
    "ftruncate",
    "fallocate",
    "fchmod",
    "utimensat",
    "fsync",
    "linkat",
    "renameat",
    "renameat2",
    "unlinkat",
    "mkdirat",
    "flock",
    "sendto",
];

/// Calls that fail, by what a disk says.
const FAILURES: &[(&str, &[&str])] = &[
    ("openat", &["ENOSPC", "EIO", "EMFILE"]),
    ("openat2", &["EIO", "EMFILE"]),
    ("pwrite64", &["ENOSPC", "EDQUOT", "EIO"]),
    ("ftruncate", &["EIO"]),
    ("fallocate", &["ENOSPC", "EDQUOT", "EIO"]),
    ("fchmod", &["EIO"]),
    ("fsync", &["ENOSPC", "EDQUOT", "EIO"]),
    ("linkat", &["ENOSPC", "EDQUOT", "EIO"]),
    ("renameat", &["ENOSPC", "EDQUOT", "EIO"]),
    ("renameat2", &["ENOSPC", "EDQUOT", "EIO"]),
    ("unlinkat", &["EIO"]),
    ("mkdirat", &["ENOSPC", "EDQUOT", "EIO"]),
];

/// What is in a folder by its path, but for names of ours; a folder has nothing.
type Tree = BTreeMap<String, Option<Vec<u8>>>;

/// What a client does, and what may be there behind it.
struct Deed {
    args: &'static [&'static str],
    before: fn(&Path),
    /// Does it; the status of the last reply, if one came whole.
    act: fn(&Client) -> Option<u16>,
    /// What it changes, step by step. The last one is all of it.
    steps: &'static [fn(&mut Tree)],
    between: Between,
    /// What came is kept: how the client goes on with it, once the folder is served again.
    kept: Option<fn(&Client) -> Option<u16>>,
}

/// What may be seen where it was not done.
#[derive(Clone, Copy, PartialEq)]
enum Between {
    /// Nothing of it, or all.
    Nothing,
    /// Steps in their order.
    Order,
    /// Any of the steps, and the client is told which.
    Any,
}

struct Client {
    address: String,
    /// Where it was told to go on.
    place: RefCell<Option<String>>,
}

impl Client {
    /// Sends it, whole or until nobody takes it, and reads all that is said.
    fn said(&self, request: &[u8]) -> String {
        let Ok(mut stream) = TcpStream::connect(&self.address) else { return String::new() };
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut sending = stream.try_clone().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(move || drop(sending.write_all(request)));
            let mut said = Vec::new();
            // The end may be a reset.
            let _ = stream.read_to_end(&mut said);
            let _ = stream.shutdown(std::net::Shutdown::Both);
            String::from_utf8_lossy(&said).into_owned()
        })
    }

    fn status(&self, request: &[u8]) -> Option<u16> {
        status(&self.said(request))
    }
}

/// Of the last reply that came whole.
fn status(said: &str) -> Option<u16> {
    let said = said.rsplit("HTTP/1.1 ").find(|reply| !reply.starts_with("100"))?;
    said.contains("\r\n\r\n").then(|| said.get(..3)?.parse().ok())?
}

/// A request with content.
fn request(line: &str, fields: &str, content: &[u8]) -> Vec<u8> {
    let head = format!(
        "{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{fields}Content-Length: {}\r\n\r\n",
        content.len()
    );
    [head.as_bytes(), content].concat()
}

/// The same in chunks.
fn chunked(line: &str, content: &[u8]) -> Vec<u8> {
    let head = format!(
        "{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    let mut all = head.into_bytes();
    for chunk in content.chunks(200_000) {
        all.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        all.extend_from_slice(chunk);
        all.extend_from_slice(b"\r\n");
    }
    all.extend_from_slice(b"0\r\n\r\n");
    all
}

/// The content of a new file: more than goes in one piece.
fn new() -> Vec<u8> {
    (0..500_000_u32).flat_map(u32::to_le_bytes).collect()
}

const OLD: &[u8] = b"what was there before";

fn tree(folder: &Path) -> Tree {
    fn read(folder: &Path, inside: &str, tree: &mut Tree) {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            let path = format!("{inside}{name}");
            if name.starts_with(".framecat-") {
                continue;
            }
            if entry.file_type().unwrap().is_dir() {
                tree.insert(path.clone(), None);
                read(&entry.path(), &format!("{path}/"), tree);
            } else {
                tree.insert(path, Some(fs::read(entry.path()).unwrap()));
            }
        }
    }
    let mut all = Tree::new();
    read(folder, "", &mut all);
    all
}

/// Names of ours, wherever they are.
fn ours(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            if name.starts_with(".framecat-") {
                found.insert(name);
            } else if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            }
        }
    }
    found
}

/// For people: files by their length.
fn shown(tree: &Tree) -> String {
    let rows = tree.iter().map(|(path, content)| match content {
        Some(content) => format!("{path} ({} bytes)", content.len()),
        None => format!("{path}/"),
    });
    rows.collect::<Vec<_>>().join(", ")
}

fn start(folder: &Path, args: &[&str]) -> (Running, Client) {
    let listen = ["serve", ".", "--listen", "127.0.0.1:0", "--log", "none"];
    let server = Run::new(&[&listen, args].concat()).in_folder(folder).start();
    let told = server.told_when(|told| told.contains("/\n"));
    let (_, url) = told.split_once(" at http://").expect("it was waited for");
    let address = url.lines().next().unwrap().trim_end_matches('/').into();
    (server, Client { address, place: RefCell::default() })
}

/// What strace does to the server from now on.
fn fault(server: &Running, args: &[&str]) -> Running {
    let pid = server.id().to_string();
    let strace = Run::program("strace", &[&["-f", "-p", &pid], args].concat()).stdin_null().start();
    strace.told("attached");
    strace
}

/// Whether there is a strace that may look at our own processes.
fn can_trace() -> bool {
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

impl Deed {
    /// Each thing that may be seen, from what was there to all of it.
    fn states(&self, before: &Tree) -> Vec<Tree> {
        let mut states = vec![before.clone()];
        for step in self.steps {
            let mut with = states.clone();
            with.iter_mut().for_each(step);
            match self.between {
                Between::Any => states.append(&mut with),
                Between::Order => states.extend(with.pop()),
                Between::Nothing => states = vec![before.clone(), with.remove(with.len() - 1)],
            }
        }
        states
    }

    /// How often a thread of the server makes each call for it, at most.
    fn calls(&self) -> BTreeMap<String, u32> {
        let folder = Folder::new();
        (self.before)(folder.path());
        let (server, client) = start(folder.path(), self.args);
        let log = Folder::new();
        let (to, trace) = (log.file("trace"), format!("trace={}", CALLS.join(",")));
        let strace = fault(&server, &["-o", &to, "-e", &trace]);
        let done = (self.act)(&client);
        assert!(done.is_some_and(|status| status < 300), "it is done if nothing fails: {done:?}");
        server.signal(run::Signal::KILL);
        strace.wait();
        let mut counts: BTreeMap<(String, String), u32> = BTreeMap::new();
        for line in fs::read_to_string(&to).unwrap().lines() {
            let mut words = line.splitn(2, ' ');
            let (Some(thread), Some(rest)) = (words.next(), words.next()) else { continue };
            let Some((call, _)) = rest.trim_start().split_once('(') else { continue };
            *counts.entry((thread.into(), call.into())).or_default() += 1;
        }
        let mut most = BTreeMap::new();
        for ((_, call), count) in counts {
            let known: &mut u32 = most.entry(call).or_default();
            *known = count.max(*known);
        }
        most
    }

    /// Does it while `inject` is at work, and looks what is there then, and once the folder is served anew. The
    /// status that was told, and whether it is done.
    fn under(&self, inject: &str) -> (Option<u16>, bool) {
        let folder = Folder::new();
        (self.before)(folder.path());
        let states = self.states(&tree(folder.path()));
        let (server, client) = start(folder.path(), self.args);
        let strace = fault(&server, &["-o", "/dev/null", "-e", &format!("inject={inject}")]);
        let status = (self.act)(&client);
        let now = tree(folder.path());
        let last = &states[states.len() - 1];
        let whole = match status {
            Some(200..300) => now == *last,
            _ => states.contains(&now),
        };
        assert!(whole, "{inject}: {status:?} and {}", shown(&now));
        server.signal(run::Signal::KILL);
        drop((server, strace));
        let (_server, mut again) = start(folder.path(), self.args);
        let none_left = |besides: usize| {
            let begun = Instant::now();
            let mut left = ours(folder.path());
            while left.len() > besides && begun.elapsed() < PATIENCE {
                std::thread::yield_now();
                left = ours(folder.path());
            }
            assert!(left.len() <= besides, "{inject}: {left:?} is left");
            assert!(left.iter().all(|name| name.ends_with(".part")), "{inject}: {left:?}");
        };
        none_left(usize::from(self.kept.is_some()));
        assert!(tree(folder.path()) == now, "{inject}: the next start changed it");
        // One that was never told its place does not come back for it: a part of that is left for a day.
        if let (Some(go_on), Some(_)) = (self.kept, client.place.borrow().as_ref())
            && now != *last
        {
            again.place.clone_from(&client.place);
            let went_on = go_on(&again);
            assert!(matches!(went_on, Some(200..300)), "{inject}: it goes on: {went_on:?}");
            assert!(tree(folder.path()) == *last, "{inject}: {}", shown(&tree(folder.path())));
            none_left(0);
        }
        (status, now == *last)
    }

    /// Kills at every call there is.
    fn killed(&self, name: &str) {
        if !can_trace() {
            return;
        }
        let mut kills = 0;
        for (call, most) in self.calls() {
            for n in 1..=most {
                let (status, _) = self.under(&format!("{call}:signal=SIGKILL:when={n}"));
                // Threads share the work as it comes: not each run has a thread that comes so far.
                assert!(matches!(status, None | Some(200..300)), "{call} {n}: {status:?}");
                kills += u32::from(status.is_none());
            }
        }
        told(&format!("{name}: killed {kills} times"));
        assert!(kills > 2, "{name}: {kills}");
    }

    /// Every call there is fails.
    fn failed(&self, name: &str) {
        if !can_trace() {
            return;
        }
        let calls = self.calls();
        let mut failures = 0;
        for (call, errors) in FAILURES {
            for error in *errors {
                for n in 1..=calls.get(*call).copied().unwrap_or(0) {
                    let (status, done) = self.under(&format!("{call}:error={error}:when={n}"));
                    let right = match (*error, status) {
                        (_, Some(200..300)) => continue,
                        ("ENOSPC" | "EDQUOT", Some(507)) => true,
                        ("EMFILE", Some(503)) | ("EIO", Some(500)) => true,
                        // What was deleted is gone, and still takes room.
                        (_, Some(500)) => done,
                        _ => false,
                    };
                    assert!(right, "{call} {n} {error}: {status:?}");
                    failures += 1;
                }
            }
        }
        told(&format!("{name}: {failures} failures told"));
        assert!(failures > 2, "{name}: {failures}");
    }
}

/// Past the capturing of tests, so that it is seen how much was tried.
fn told(what: &str) {
    let _ = writeln!(std::io::stderr(), "{what}");
}

macro_rules! deeds {
    ($($name:ident: $deed:expr;)*) => {
        $(mod $name {
            use super::*;

            const DEED: Deed = $deed;

            #[test]
            fn killed() {
                DEED.killed(stringify!($name));
            }

            #[test]
            fn failed() {
                DEED.failed(stringify!($name));
            }
        })*
    };
}

/// A folder with what a folder may hold.
fn lay_out(folder: &Path) {
    fs::create_dir_all(folder.join("d/in/deep")).unwrap();
    for (name, content) in
        [("a.bin", OLD), ("d/one", b"1"), ("d/in/two", b"2"), ("d/in/deep/three", b"3")]
    {
        fs::write(folder.join(name), content).unwrap();
    }
}

fn gone(tree: &mut Tree, name: &str) {
    tree.retain(|path, _| path != name && !path.starts_with(&format!("{name}/")));
}

fn moved(tree: &mut Tree, from: &str, to: &str) {
    let all = std::mem::take(tree);
    *tree = all
        .into_iter()
        .map(|(path, content)| match path.strip_prefix(from) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => {
                (format!("{to}{rest}"), content)
            }
            _ => (path, content),
        })
        .collect();
}

/// One that is done by one request without content.
fn asked(client: &Client, line: &str) -> Option<u16> {
    client.status(&request(line, "", b""))
}

/// Brings what is missing of an upload in pieces of at most 700,000 bytes.
fn pieces(client: &Client, path: &str) -> Option<u16> {
    let content = new();
    if client.place.borrow().is_none() {
        let said = client.said(&request(&format!("POST {path}?upload"), "", b""));
        let Some((_, place)) = said.split_once("\r\nLocation: ") else { return status(&said) };
        *client.place.borrow_mut() = Some(place.lines().next()?.into());
    }
    let place = client.place.borrow().clone()?;
    let said = client.said(&request(&format!("HEAD {place}"), "", b""));
    let Some((_, offset)) = said.split_once("\r\nUpload-Offset: ") else { return status(&said) };
    let mut at: usize = offset.lines().next()?.parse().ok()?;
    loop {
        let piece = &content[at..content.len().min(at + 700_000)];
        let end = at + piece.len();
        let range = match piece.len() {
            0 => format!("Content-Range: bytes */{}\r\n", content.len()),
            _ => format!("Content-Range: bytes {at}-{}/{}\r\n", end - 1, content.len()),
        };
        match client.status(&request(&format!("PUT {place}"), &range, piece)) {
            Some(202) => at = end,
            other => return other,
        }
    }
}

fn form(files: &[(&str, &[u8])]) -> Vec<u8> {
    form_at("/d/", files)
}

fn form_at(place: &str, files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut content = Vec::new();
    for (name, file) in files {
        let head = format!(
            "--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"{name}\"\r\n\r\n"
        );
        content.extend_from_slice(head.as_bytes());
        content.extend_from_slice(file);
        content.extend_from_slice(b"\r\n");
    }
    content.extend_from_slice(b"--B--\r\n");
    request(&format!("POST {place}"), "Content-Type: multipart/form-data; boundary=B\r\n", &content)
}

deeds! {
    upload_in_pieces: Deed {
        args: &["--upload"],
        before: lay_out,
        act: |client| pieces(client, "/d/new.bin"),
        steps: &[|tree| drop(tree.insert("d/new.bin".into(), Some(new())))],
        between: Between::Nothing,
        kept: Some(|client| pieces(client, "/d/new.bin")),
    };
    upload_in_pieces_in_place_of_a_file: Deed {
        args: &["--full", "--durable"],
        before: lay_out,
        act: |client| pieces(client, "/a.bin"),
        steps: &[|tree| drop(tree.insert("a.bin".into(), Some(new())))],
        between: Between::Nothing,
        kept: Some(|client| pieces(client, "/a.bin")),
    };
    upload_that_is_given_up: Deed {
        args: &["--upload"],
        before: lay_out,
        act: |client| {
            let said = client.said(&request("POST /d/new.bin?upload", "", b""));
            let Some((_, place)) = said.split_once("\r\nLocation: ") else { return status(&said) };
            asked(client, &format!("DELETE {}", place.lines().next()?))
        },
        steps: &[],
        between: Between::Nothing,
        // Nobody was told, or nobody comes back for it.
        kept: Some(|_| None),
    };
    form_of_two_files: Deed {
        args: &["--full"],
        before: lay_out,
        act: |client| client.status(&form(&[("one", &new()), ("x.txt", b"hello")])),
        // All of it came before any of it has its name; then they get them one by one.
        steps: &[
            |tree| drop(tree.insert("d/one".into(), Some(new()))),
            |tree| drop(tree.insert("d/x.txt".into(), Some(b"hello".into()))),
        ],
        between: Between::Any,
        kept: None,
    };
    put_of_a_new_file: Deed {
        args: &["--upload"],
        before: lay_out,
        act: |client| client.status(&request("PUT /new.bin", "", &new())),
        steps: &[|tree| drop(tree.insert("new.bin".into(), Some(new())))],
        between: Between::Nothing,
        kept: None,
    };
    put_in_chunks: Deed {
        args: &["--upload"],
        before: lay_out,
        act: |client| client.status(&chunked("PUT /d/new.bin", &new())),
        steps: &[|tree| drop(tree.insert("d/new.bin".into(), Some(new())))],
        between: Between::Nothing,
        kept: None,
    };
    put_into_folders_that_are_not_there: Deed {
        args: &["--upload", "--durable"],
        before: lay_out,
        act: |client| client.status(&request("PUT /x/y/new.bin", "", b"new")),
        // They are made at the end, and before the file.
        steps: &[
            |tree| drop(tree.insert("x".into(), None)),
            |tree| drop(tree.insert("x/y".into(), None)),
            |tree| drop(tree.insert("x/y/new.bin".into(), Some(b"new".into()))),
        ],
        between: Between::Order,
        kept: None,
    };
    put_in_place_of_a_file: Deed {
        args: &["--full"],
        before: lay_out,
        act: |client| client.status(&request("PUT /a.bin", "", &new())),
        steps: &[|tree| drop(tree.insert("a.bin".into(), Some(new())))],
        between: Between::Nothing,
        kept: None,
    };
    put_in_place_of_a_file_for_good: Deed {
        args: &["--full", "--durable"],
        before: lay_out,
        act: |client| client.status(&chunked("PUT /a.bin", &new())),
        steps: &[|tree| drop(tree.insert("a.bin".into(), Some(new())))],
        between: Between::Nothing,
        kept: None,
    };
    put_beside_a_taken_name: Deed {
        args: &["--upload", "--rename"],
        before: lay_out,
        act: |client| client.status(&request("PUT /a.bin", "", &new())),
        steps: &[|tree| drop(tree.insert("a (1).bin".into(), Some(new())))],
        between: Between::Nothing,
        kept: None,
    };
    delete_of_a_file: Deed {
        args: &["--full"],
        before: lay_out,
        act: |client| asked(client, "DELETE /d/one"),
        steps: &[|tree| gone(tree, "d/one")],
        between: Between::Nothing,
        kept: None,
    };
    delete_of_a_folder: Deed {
        args: &["--full", "--durable"],
        before: lay_out,
        act: |client| asked(client, "DELETE /d/"),
        steps: &[|tree| gone(tree, "d")],
        between: Between::Nothing,
        kept: None,
    };
    rename_of_a_file: Deed {
        args: &["--full"],
        before: lay_out,
        act: |client| asked(client, "POST /a.bin?rename=/d/b.bin"),
        steps: &[|tree| moved(tree, "a.bin", "d/b.bin")],
        between: Between::Nothing,
        kept: None,
    };
    rename_of_a_folder: Deed {
        args: &["--full", "--durable"],
        before: lay_out,
        act: |client| asked(client, "POST /d/in?rename=out"),
        steps: &[|tree| moved(tree, "d/in", "d/out")],
        between: Between::Nothing,
        kept: None,
    };
    a_folder_made: Deed {
        args: &["--upload", "--durable"],
        before: lay_out,
        act: |client| asked(client, "POST /d/new/?mkdir"),
        steps: &[|tree| drop(tree.insert("d/new".into(), None))],
        between: Between::Nothing,
        kept: None,
    };
}

#[test]
fn a_name_that_is_taken_in_the_last_moment_is_told_beside_those_that_were_not() {
    if !can_trace() {
        return;
    }
    let folder = Folder::new();
    lay_out(folder.path());
    let mut want = tree(folder.path());
    want.insert("d/new.bin".into(), Some(new()));
    let (server, client) = start(folder.path(), &["--upload"]);
    // The second of three files finds its name taken, each time that it was free a moment ago.
    let inject = "inject=linkat:error=EEXIST:when=2+";
    let _strace = fault(&server, &["-o", "/dev/null", "-e", inject]);
    let said = client.said(&form(&[("new.bin", &new()), ("x.txt", b"hello"), ("y.txt", b"")]));
    let lines = "saved d/new.bin\nnot saved d/x.txt: its name was taken meanwhile\n\
                 not saved d/y.txt: one before it was not\n";
    assert!(status(&said) == Some(409) && said.ends_with(lines), "{said}");
    assert_eq!(shown(&tree(folder.path())), shown(&want));
}

/// A server of a folder on a file system of its own, of 1 MiB, that ends with it; and that folder as we see it.
fn on_a_small_disk(args: &str) -> Option<(Running, Client, std::path::PathBuf, Folder)> {
    if !rustix::process::geteuid().is_root() {
        skipped("only root may mount a small disk");
        return None;
    }
    if !have("unshare") || !have("mount") {
        return None;
    }
    let at = Folder::new();
    let here = at.path().display();
    let line = format!(
        "exec unshare -m sh -c 'mount -t tmpfs -o size=1m,mode=755 tmpfs {here} && \
         exec framecat serve {here} --listen 127.0.0.1:0 --log none {args}'"
    );
    let server = Run::shell(&line).start();
    let told = server.told_when(|told| {
        told.contains("/\n") || told.contains("unshare: ") || told.contains("mount: ")
    });
    let Some((_, url)) = told.split_once(" at http://") else {
        skipped(&format!("no file system of our own: {told}"));
        return None;
    };
    let address = url.lines().next().unwrap().trim_end_matches('/').into();
    // Nobody but the server's own namespace sees what is mounted there.
    let inside = std::path::PathBuf::from(format!("/proc/{}/root{here}", server.id()));
    Some((server, Client { address, place: RefCell::default() }, inside, at))
}

#[test]
fn a_full_disk_is_told_and_takes_nothing_with_it() {
    let Some((_server, client, inside, _at)) = on_a_small_disk("--full") else { return };
    let large = vec![b'x'; 2 << 20];
    let kept = vec![b'y'; 600 << 10];
    assert_eq!(client.status(&request("PUT /kept", "", &kept)), Some(201));
    for n in 0..20 {
        // Known before it comes; noticed while it comes, the room for a first half being there.
        for (line, content) in [
            (request("PUT /a", "", &large), "told"),
            (chunked("PUT /a", &large), "chunked"),
            (chunked("PUT /kept", &large), "in place of a file"),
            (form_at("/", &[("b", &large[..90 << 10]), ("kept", &large)]), "a form"),
        ] {
            assert_eq!(client.status(&line), Some(507), "round {n}: {content}");
        }
        // Room that was taken for them is had again at once.
        let name = format!("PUT /little{n}");
        assert_eq!(client.status(&request(&name, "", &[b'z'; 10_000])), Some(201), "round {n}");
    }
    let seen = tree(&inside);
    assert_eq!(seen.len(), 21, "{}", shown(&seen));
    assert!(seen["kept"].as_ref() == Some(&kept) && ours(&inside).is_empty());
    assert!(client.said(b"GET /kept HTTP/1.0\r\n\r\n").ends_with("yyyy"));
}
