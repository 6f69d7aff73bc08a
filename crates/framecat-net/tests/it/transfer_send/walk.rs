//! What is named and what lies in it: every kind of thing that there may be.

use std::ffi::{CString, OsStr};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rustix::fs::{CWD, FileType, Mode, OFlags};

use super::*;

fn make(dir: &Dir, files: &[&str]) {
    for name in files {
        let path = dir.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, *name).unwrap();
    }
}

fn pipe(path: &Path) {
    rustix::fs::mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
}

/// Runs on a thread of its own with its own runtime, as a user who may not read everything.
#[allow(unsafe_code, reason = "a system call of one thread")]
fn as_an_ordinary_user(test: impl Future<Output = ()> + Send + 'static) {
    let thread = std::thread::spawn(|| {
        if rustix::process::geteuid().is_root() {
            // The system call itself: of this thread alone, and of those that it starts.
            let ids = [-1_i64, 65_534, -1];
            // SAFETY: it takes three numbers.
            let done = unsafe { libc::syscall(libc::SYS_setresuid, ids[0], ids[1], ids[2]) };
            assert_eq!(done, 0);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(test);
    });
    thread.join().unwrap();
}

/// The names that a receiver was asked about, in the order in which they came.
async fn order(source: Source) -> Vec<String> {
    let names = Arc::new(Mutex::new(Vec::new()));
    let heard = names.clone();
    let hears = move |effect: &Effect| {
        if let Effect::Look { path, .. } | Effect::MakeFolder { path, .. } = effect {
            let path = path.to_string();
            let mut names = heard.lock().unwrap();
            if !names.contains(&path) {
                names.push(path);
            }
        }
        None
    };
    let (end, ..) = sent_while(source, false, Manner::default(), hears).await;
    assert_eq!(end.unwrap(), End::Done);
    Arc::into_inner(names).unwrap().into_inner().unwrap()
}

#[tokio::test]
async fn names_come_folder_by_folder_in_the_order_of_their_bytes() {
    let dir = Dir::new();
    make(&dir, &["z", "b/2/x", "b/1/y", "b/1/x", "b/a", "b/c", "b/B", "a/q"]);
    let source = || paths(&dir, &["z", "b", "a"]);
    let want = ["z", "b", "a", "b/1", "b/2", "b/B", "b/a", "b/c", "b/1/x", "b/1/y", "b/2/x", "a/q"];
    assert_eq!(order(source()).await, want);
    assert_eq!(order(source()).await, want);
}

#[tokio::test]
async fn of_a_folder_with_very_many_names_all_are_offered() {
    let dir = Dir::new();
    fs::create_dir(dir.join("d")).unwrap();
    // Names of 250 bytes: more than are sorted at once.
    let long = "n".repeat(241);
    for n in 0..20_000 {
        fs::write(dir.join(&format!("d/{long}-{n:08}")), "").unwrap();
    }
    let (end, taken, told) = sent(paths(&dir, &["d"]), false, Manner::default()).await;
    assert_eq!(end.unwrap(), End::Done);
    assert_eq!(taken.names.len(), 20_001);
    assert_eq!(told.of("offered"), ["offered 20001 0"]);
}

#[tokio::test]
async fn what_is_no_file_or_folder_is_left_out_and_told() {
    let dir = Dir::new();
    make(&dir, &["d/file", "d/.framecat-0123456789abcdef.part"]);
    pipe(&dir.join("d/pipe"));
    let _listens = UnixListener::bind(dir.join("d/socket")).unwrap();
    symlink("file", dir.join("d/link")).unwrap();
    symlink("/nowhere", dir.join("d/dangling")).unwrap();
    let (end, taken, told) = sent(paths(&dir, &["d"]), false, Manner::default()).await;
    assert_eq!(end.unwrap(), End::Partly);
    assert_eq!(taken.names.keys().collect::<Vec<_>>(), ["d", "d/file"]);
    // Links are left out because nobody asked for them; the others are missing.
    let no_file = "it is no file or folder";
    assert_eq!(
        told.of("left out"),
        [
            "left out d/.framecat-0123456789abcdef.part: its name is none for a file there (it is part of \
             a file that has not wholly come); missing: false"
                .to_string(),
            format!("left out d/dangling: {no_file} (a symbolic link); missing: false"),
            format!("left out d/link: {no_file} (a symbolic link); missing: false"),
            format!("left out d/pipe: {no_file} (a pipe (FIFO)); missing: true"),
            format!("left out d/socket: {no_file} (a socket); missing: true"),
        ]
    );
    let ended = told.ended.lock().unwrap().unwrap();
    assert_eq!((ended.committed, ended.failed), (2, 2));
    assert_eq!((taken.totals.missing, taken.totals.left_out), (0, 2), "and the other side knows");
}

#[tokio::test]
async fn links_go_as_links_where_they_are_asked_for() {
    let dir = Dir::new();
    make(&dir, &["d/file", "outside"]);
    symlink("file", dir.join("d/link")).unwrap();
    symlink("d", dir.join("named")).unwrap();
    symlink("/etc/passwd", dir.join("d/away")).unwrap();
    let (end, taken, told) = sent(paths(&dir, &["d"]), true, Manner::default()).await;
    assert_eq!(end.unwrap(), End::Partly);
    assert_eq!(taken.names["d/link"], Node::Link("file".into()));
    assert!(!taken.names.contains_key("d/away"));
    let away =
        "file d/away 0 skipped: it is no file or folder (the link leads out of what is sent)";
    assert!(told.has(away), "{:?}", told.lines());
    // One that is named is what it leads to.
    let (end, taken, _) = sent(paths(&dir, &["named"]), true, Manner::default()).await;
    assert_eq!(end.unwrap(), End::Partly);
    assert_eq!(taken.names["named/file"], file(b"d/file"));
}

#[tokio::test]
async fn a_name_that_is_no_text_is_refused_alone_and_shown_in_bytes() {
    let dir = Dir::new();
    make(&dir, &["d/fine"]);
    fs::write(dir.join("d").join(OsStr::from_bytes(b"caf\xe9")), "x").unwrap();
    fs::write(dir.join("d/\u{1b}[2J"), "x").unwrap();
    let (end, taken, told) = sent(paths(&dir, &["d"]), false, Manner::default()).await;
    assert_eq!(end.unwrap(), End::Partly);
    assert_eq!(taken.names.keys().collect::<Vec<_>>(), ["d", "d/fine"]);
    let refused = told.of("file d/caf\\xe9 1 skipped: its name is none for a file there");
    assert_eq!(refused.len(), 1, "{:?}", told.lines());
    assert_eq!(told.of("file d/\u{1b}[2J 1 skipped").len(), 1);
    assert_eq!(taken.totals.missing, 2);
}

#[test]
fn what_may_not_be_read_is_told_and_the_rest_arrives() {
    let dir = Dir::new();
    make(&dir, &["d/fine", "d/secret", "d/private/x", "d/also"]);
    fs::set_permissions(dir.join("d/secret"), PermissionsExt::from_mode(0o000)).unwrap();
    fs::set_permissions(dir.join("d/private"), PermissionsExt::from_mode(0o000)).unwrap();
    let dir = Arc::new(dir);
    let held = dir.clone();
    as_an_ordinary_user(async move {
        let (end, taken, told) = sent(paths(&held, &["d"]), false, Manner::default()).await;
        assert_eq!(end.unwrap(), End::Partly);
        let names: Vec<_> = taken.names.keys().collect();
        assert_eq!(names, ["d", "d/also", "d/fine", "d/private"]);
        let failed = "file d/secret 8 failed: it cannot be read (permission denied)";
        assert!(told.has(failed), "{:?}", told.lines());
        let left = "left out d/private: it cannot be read (permission denied); missing: true";
        assert!(told.has(left), "{:?}", told.lines());
        assert_eq!((taken.totals.missing, taken.totals.left_out), (1, 1));
        // Named, it is an error before anybody hears of it.
        for name in ["d/secret", "d/private"] {
            let error = refused(paths(&held, &[name])).await;
            assert!(error.ends_with(": permission denied"), "{error}");
        }
    });
    fs::set_permissions(dir.join("d/private"), PermissionsExt::from_mode(0o700)).unwrap();
}

/// What is said of a source that is refused before a word is said.
async fn refused(source: Source) -> String {
    let (here, mut there) = pair();
    let told = Arc::new(Told::default());
    let end = within(send::over(here, source, false, told, Shutdown::never())).await;
    let mut said = Vec::new();
    std::io::Read::read_to_end(&mut there, &mut said).unwrap();
    assert!(said.is_empty());
    end.unwrap_err().to_string()
}

#[tokio::test]
async fn what_is_named_is_looked_at_before_anything_is_said() {
    let dir = Dir::new();
    make(&dir, &["a", "d/a", "d/e/f"]);
    pipe(&dir.join("pipe"));
    symlink("nowhere", dir.join("dangling")).unwrap();
    let at = |name: &str| dir.join(name).display().to_string();
    for (names, place, want) in [
        (vec!["a", "none"], "none", "no such file or directory"),
        (vec!["a/x"], "a/x", "not a directory"),
        (vec!["dangling"], "dangling", "no such file or directory"),
        (vec!["pipe"], "pipe", "it is a pipe (FIFO)"),
        (vec!["a", "d/a"], "d/a", "another of what is sent is called `a` too"),
        (vec!["d", "d/e/.."], "d/e/..", "another of what is sent is called `d` too"),
    ] {
        let error = refused(paths(&dir, &names)).await;
        assert_eq!(error, format!("open {}: {want}", at(place)));
    }
    let error = refused(Source::Paths(vec![PathBuf::from("/")])).await;
    assert_eq!(error, "open /: it has no name under which it could arrive");
    let error = refused(Source::Paths(vec![PathBuf::new()])).await;
    assert_eq!(error, "open : the path is empty");
    // The name is that of the folder itself.
    let (end, taken, _) = sent(paths(&dir, &["d/e/.."]), false, Manner::default()).await;
    assert_eq!(end.unwrap(), End::Done);
    assert_eq!(taken.names["d/e/f"], file(b"d/e/f"));
}

#[tokio::test]
async fn what_has_no_size_is_not_taken_for_empty() {
    let source = Source::Paths(vec![PathBuf::from("/proc/self/status")]);
    let (end, taken, told) = sent(source, false, Manner::default()).await;
    assert_eq!(end.unwrap(), End::Partly);
    assert!(taken.names.is_empty());
    let failed = "file status 0 failed: it cannot be read (it has no size until it is read;";
    assert_eq!(told.of(failed).len(), 1, "{:?}", told.lines());
}

#[tokio::test]
async fn what_lies_too_deep_is_told_and_the_rest_arrives() {
    let dir = Dir::new();
    let deep = |n: usize| std::iter::repeat_n("d", n).collect::<Vec<_>>().join("/");
    fs::create_dir_all(dir.join(&deep(70))).unwrap();
    for n in [1, 63, 64, 66] {
        fs::write(dir.join(&deep(n)).join("file"), "x").unwrap();
    }
    let (end, taken, told) = sent(paths(&dir, &["d"]), false, Manner::default()).await;
    assert_eq!(end.unwrap(), End::Partly);
    assert_eq!(taken.names[&format!("{}/file", deep(63))], file(b"x"));
    let left = told.of("left out ");
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(left[0].starts_with(&format!("left out {}: ", deep(65))), "{left:?}");
    assert!(left[1].starts_with(&format!("left out {}/file: ", deep(64))), "{left:?}");
}

#[tokio::test]
async fn a_path_that_is_too_long_for_anybody_is_told_and_the_rest_arrives() {
    let dir = Dir::new();
    let name = "n".repeat(250);
    fs::create_dir(dir.join("d")).unwrap();
    let how = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut at = rustix::fs::open(dir.join("d"), how, Mode::empty()).unwrap();
    for _ in 0..20 {
        rustix::fs::mkdirat(&at, &*name, Mode::from_raw_mode(0o700)).unwrap();
        at = rustix::fs::openat(&at, &*name, how, Mode::empty()).unwrap();
        let file = OFlags::CREATE | OFlags::WRONLY | OFlags::CLOEXEC;
        rustix::fs::openat(&at, "f", file, Mode::from_raw_mode(0o600)).unwrap();
    }
    let (end, taken, told) = sent(paths(&dir, &["d"]), false, Manner::default()).await;
    assert_eq!(end.unwrap(), End::Partly);
    // 16 names of 250 bytes and a slash are 4,016; one more is too many.
    assert_eq!(taken.names.len(), 1 + 16 * 2);
    assert_eq!(told.of("left out").len(), 1);
    // What is so deep is not removed by its path.
    drop(at);
    let _ = std::process::Command::new("rm").arg("-rf").arg(dir.join("d")).status();
}

#[tokio::test]
async fn a_folder_that_was_put_aside_for_a_link_leads_nowhere() {
    let dir = Dir::new();
    make(&dir, &["d/e/file", "d/small", "outside/file"]);
    fs::write(dir.join("d/e/file"), vec![b'a'; 100_000]).unwrap();
    fs::write(dir.join("outside/file"), vec![b'b'; 100_000]).unwrap();
    let (from, to, outside) = (dir.join("d/e"), dir.join("gone"), dir.join("outside"));
    let swap = move |effect: &Effect| {
        if let Effect::Begin { .. } = effect {
            fs::rename(&from, &to).unwrap();
            symlink(&outside, &from).unwrap();
        }
        None
    };
    let (end, taken, told) = sent_while(paths(&dir, &["d"]), false, Manner::default(), swap).await;
    assert_eq!(end.unwrap(), End::Partly);
    assert!(!taken.names.contains_key("d/e/file"));
    assert_eq!(told.of("file d/e/file 100000 failed: it cannot be read").len(), 1);
}

#[tokio::test]
async fn what_was_named_and_put_aside_for_a_link_leads_nowhere() {
    for (name, size) in [("file", 100_000), ("file", 10), ("d", 100_000)] {
        let dir = Dir::new();
        fs::create_dir_all(dir.join("outside")).unwrap();
        fs::create_dir_all(dir.join("d")).unwrap();
        for at in ["file", "d/file"] {
            fs::write(dir.join(at), vec![b'a'; size]).unwrap();
        }
        fs::write(dir.join("outside/file"), vec![b'b'; size]).unwrap();
        let secret = if name == "d" { "outside" } else { "outside/file" };
        let (from, to, secret) = (dir.join(name), dir.join("gone"), dir.join(secret));
        let mut first = true;
        let swap = move |effect: &Effect| {
            if matches!(effect, Effect::Look { .. }) && std::mem::take(&mut first) {
                fs::rename(&from, &to).unwrap();
                symlink(&secret, &from).unwrap();
            }
            None
        };
        let (end, taken, told) =
            sent_while(paths(&dir, &[name]), false, Manner::default(), swap).await;
        assert_eq!(end.unwrap(), End::Partly, "{name}");
        assert!(!taken.names.values().any(|node| matches!(node, Node::File(_))), "{name}");
        let failed = told
            .lines()
            .iter()
            .filter(|line| line.contains("(a symbolic link leads to it by now)"))
            .count();
        assert_eq!(failed, 1, "{:?}", told.lines());
    }
}

#[tokio::test]
async fn a_tree_that_changes_all_the_while_does_no_harm() {
    let dir = Dir::new();
    for n in 0..40 {
        make(&dir, &[&format!("d/{n}/x/file"), &format!("d/{n}/y"), &format!("d/{n}/z/z/z")]);
    }
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (stopped, root) = (stop.clone(), dir.join("d"));
    let mover = std::thread::spawn(move || {
        let mut dice = crate::sockets::Dice::new(7);
        while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
            let mut one = || root.join(dice.below(40).to_string());
            let (a, b) = (one(), one());
            // Folders move into each other and back, and some are gone for a while.
            let _ = fs::rename(a.join("x"), b.join("z"));
            let _ = fs::rename(&a, b.join("moved"));
            let _ = fs::rename(b.join("moved"), &a);
            let _ = fs::rename(b.join("z"), b.join("x"));
        }
    });
    for _ in 0..20 {
        let (end, taken, _) = sent(paths(&dir, &["d"]), false, Manner::default()).await;
        assert!(matches!(end.unwrap(), End::Done | End::Partly));
        assert!(taken.done);
        for (name, node) in &taken.names {
            assert!(!matches!(node, Node::File(bytes) if bytes.is_empty()), "{name}");
        }
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    mover.join().unwrap();
}

#[allow(
    unsafe_code,
    clippy::print_stderr,
    reason = "system calls of one thread; it may be skipped"
)]
#[test]
fn a_mount_of_a_folder_inside_itself_is_not_gone_into() {
    let dir = Arc::new(Dir::new());
    make(&dir, &["d/e/file"]);
    fs::create_dir(dir.join("d/e/loop")).unwrap();
    let thread = std::thread::spawn({
        let dir = dir.clone();
        move || {
            // A view of the mounts that this thread alone has, and those that it starts.
            let path = |name: &str| CString::new(dir.join(name).as_os_str().as_bytes()).unwrap();
            let (from, to, none) = (path("d"), path("d/e/loop"), std::ptr::null());
            let private = libc::MS_PRIVATE | libc::MS_REC;
            // SAFETY: all texts end with a zero byte and outlive the calls.
            let own = unsafe {
                libc::unshare(libc::CLONE_NEWNS) == 0
                    && libc::mount(none, c"/".as_ptr(), none, private, none.cast()) == 0
                    && libc::mount(from.as_ptr(), to.as_ptr(), none, libc::MS_BIND, none.cast())
                        == 0
            };
            if !own {
                eprintln!("skipped: nothing may be mounted here");
                return;
            }
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let (end, taken, told) = sent(paths(&dir, &["d"]), false, Manner::default()).await;
                assert_eq!(end.unwrap(), End::Done);
                assert_eq!(taken.names.keys().collect::<Vec<_>>(), ["d", "d/e", "d/e/file"]);
                assert_eq!(told.of("left out d/e/loop: it is no file or folder").len(), 1);
            });
        }
    });
    thread.join().unwrap();
}
