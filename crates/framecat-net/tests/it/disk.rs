//! Files from a peer: the final name has the old file or the whole new one, and nothing leaves the folder.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use framecat_net::disk::{CommitError, Finish, Folder, Journal, Part, Taken};
use framecat_proto::limits::{EMPTY_PARTS_KEPT, PARTS_KEPT};
use framecat_proto::path::SafePath;
use rustix::io::Errno;

use crate::sockets::Dir;

fn open(dir: &Dir) -> Folder {
    Folder::open(&dir.join("")).unwrap()
}

fn names(dir: &Dir) -> Vec<String> {
    let entries = fs::read_dir(dir.join("")).unwrap().map(Result::unwrap);
    let mut names: Vec<_> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn path(text: &str) -> SafePath {
    SafePath::new(text.split('/').map(str::as_bytes)).unwrap()
}

/// Both kinds of parts, with `content` in them.
fn parts(folder: &Folder, content: &[u8]) -> [Part; 2] {
    let parts = [Part::unnamed(folder, 1).unwrap(), Part::open(folder, 2, true).unwrap()];
    for part in &parts {
        part.write_at(content, 0).unwrap();
    }
    parts
}

#[test]
fn a_name_has_nothing_until_the_commit_and_all_of_it_after() {
    let scratch = Dir::new();
    let folder = open(&scratch);
    for (part, name) in parts(&folder, b"content").into_iter().zip(["one", "two"]) {
        assert!(!names(&scratch).iter().any(|found| found == name));
        part.commit(name, Taken::Refuse, Finish::default()).unwrap();
        assert_eq!(fs::read(scratch.join(name)).unwrap(), b"content");
    }
    assert_eq!(names(&scratch), ["one", "two"], "and no part is left");
}

#[test]
fn a_taken_name_is_refused_or_replaced_and_never_half_of_either() {
    let scratch = Dir::new();
    let folder = open(&scratch);
    fs::write(scratch.join("taken"), "old").unwrap();
    fs::create_dir(scratch.join("folder")).unwrap();
    for part in parts(&folder, b"new") {
        let refused = part.commit("taken", Taken::Refuse, Finish::default());
        assert!(matches!(refused, Err(CommitError::Taken)), "{refused:?}");
        assert_eq!(fs::read(scratch.join("taken")).unwrap(), b"old");
    }
    // The named part was kept for another try.
    let part = Part::open(&folder, 2, false).unwrap();
    part.commit("taken", Taken::Replace, Finish::default()).unwrap();
    assert_eq!(fs::read(scratch.join("taken")).unwrap(), b"new");

    for (n, part) in parts(&folder, b"newer").into_iter().enumerate() {
        let refused = part.commit("folder", Taken::Replace, Finish::default());
        assert!(matches!(refused, Err(CommitError::Taken)), "{n}: {refused:?}");
    }
    let mut part = Part::open(&folder, 2, false).unwrap();
    part.keep(false);
    drop(part);
    for part in parts(&folder, b"newest") {
        part.commit("taken", Taken::Replace, Finish::default()).unwrap();
        assert_eq!(fs::read(scratch.join("taken")).unwrap(), b"newest");
    }
    assert_eq!(names(&scratch), ["folder", "taken"], "and no part is left");
}

#[test]
fn what_a_killed_one_left_is_no_hindrance() {
    let scratch = Dir::new();
    let folder = open(&scratch);
    fs::write(scratch.join("taken"), "old").unwrap();
    let part = Part::unnamed(&folder, 1).unwrap();
    part.write_at(b"new", 0).unwrap();
    // As if an earlier process with this inode had been killed between its two names.
    let inode = rustix::fs::fstat(&part).unwrap().st_ino;
    fs::write(scratch.join(&format!(".framecat-{inode:016x}.new")), "stray").unwrap();
    part.commit("taken", Taken::Replace, Finish::default()).unwrap();
    assert_eq!(fs::read(scratch.join("taken")).unwrap(), b"new");
    assert_eq!(names(&scratch), ["taken"]);
}

#[test]
fn a_dropped_part_leaves_nothing_and_a_kept_one_is_taken_up_again() {
    let scratch = Dir::new();
    let folder = open(&scratch);
    let [unnamed, mut named] = parts(&folder, b"half");
    drop(unnamed);
    named.keep(false);
    drop(named);
    assert!(names(&scratch).is_empty(), "{:?}", names(&scratch));

    drop(parts(&folder, b"half"));
    let again = Part::open(&folder, 2, false).unwrap();
    assert_eq!(again.written().unwrap(), 4);
    again.write_at(b" and half", 4).unwrap();
    again.commit("whole", Taken::Refuse, Finish::default()).unwrap();
    assert_eq!(fs::read(scratch.join("whole")).unwrap(), b"half and half");
}

#[test]
fn two_never_write_one_part() {
    let scratch = Dir::new();
    let folder = open(&scratch);
    let first = Part::open(&folder, 7, true).unwrap();
    let second = Part::open(&folder, 7, true).unwrap_err();
    assert_eq!(second.kind(), ErrorKind::AlreadyExists);
    let second = Part::open(&folder, 7, false).unwrap_err();
    assert_eq!(second.raw_os_error(), Some(Errno::WOULDBLOCK.raw_os_error()));
    drop(first);
    Part::open(&folder, 7, false).unwrap();
    assert_eq!(Part::open(&folder, 8, false).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn what_is_planted_at_a_parts_name_is_not_written() {
    let scratch = Dir::new();
    let folder = open(&scratch);
    let outside = Dir::new();
    let victim = outside.join("victim");
    fs::write(&victim, "precious").unwrap();
    symlink(&victim, scratch.join(&Part::name_of(1))).unwrap();
    fs::hard_link(&victim, scratch.join(&Part::name_of(2))).unwrap();
    fs::create_dir(scratch.join(&Part::name_of(3))).unwrap();
    let fifo = scratch.join(&Part::name_of(4));
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RWXU).unwrap();
    for id in 1..=4 {
        assert!(Part::open(&folder, id, false).is_err(), "{id}");
        assert!(Part::open(&folder, id, true).is_err(), "{id}");
    }
    assert_eq!(fs::read(&victim).unwrap(), b"precious");
}

#[test]
fn mode_and_time_are_as_asked_and_the_umask_holds_else() {
    let scratch = Dir::new();
    let folder = open(&scratch);
    let mtime = SystemTime::UNIX_EPOCH + Duration::new(1_000_000_000, 123_456_789);
    for (n, part) in parts(&folder, b"x").into_iter().enumerate() {
        let name = format!("asked-{n}");
        // The set-uid bit is not for a peer to give.
        let finish =
            Finish { mode: Some(0o4751), mtime: Some(mtime), durable: true, ..Finish::default() };
        part.commit(&name, Taken::Refuse, finish).unwrap();
        let found = fs::metadata(scratch.join(&name)).unwrap();
        assert_eq!(found.permissions().mode() & 0o7777, 0o751);
        assert_eq!((found.mtime(), found.mtime_nsec()), (1_000_000_000, 123_456_789));
    }
    let usual = scratch.join("usual");
    fs::write(&usual, "").unwrap();
    for (n, part) in parts(&folder, b"x").into_iter().enumerate() {
        let name = format!("else-{n}");
        part.commit(&name, Taken::Refuse, Finish::default()).unwrap();
        let modes = [&usual, &scratch.join(&name)].map(|at| fs::metadata(at).unwrap().mode());
        assert_eq!(modes[0], modes[1]);
    }
}

#[test]
fn folders_on_the_way_are_made_and_links_are_not_followed() {
    let scratch = Dir::new();
    let folder = open(&scratch);
    let outside = Dir::new();
    assert_eq!(folder.parent_of(&path("a/b/c"), false).unwrap_err().kind(), ErrorKind::NotFound);
    let parent = folder.parent_of(&path("a/b/c"), true).unwrap();
    Part::unnamed(&parent, 1).unwrap().commit("c", Taken::Refuse, Finish::default()).unwrap();
    assert!(scratch.join("a/b/c").is_file());

    symlink(outside.join(""), scratch.join("out")).unwrap();
    symlink("a", scratch.join("in")).unwrap();
    for link in ["out/x", "in/x", "out/deep/x"] {
        let refused = folder.parent_of(&path(link), true).unwrap_err();
        assert_eq!(refused.raw_os_error(), Some(Errno::LOOP.raw_os_error()), "{link}");
    }
    let in_the_way = folder.parent_of(&path("a/b/c/d"), true).unwrap_err();
    assert_eq!(in_the_way.kind(), ErrorKind::NotADirectory);
    assert!(names(&outside).is_empty());
    // A link is looked at itself, so that a name which a link has counts as taken.
    assert!(folder.look("out").unwrap().is_some());
    assert!(folder.look("nothing").unwrap().is_none());
    for part in parts(&folder, b"new") {
        assert!(matches!(
            part.commit("out", Taken::Refuse, Finish::default()),
            Err(CommitError::Taken)
        ));
    }
    Part::open(&folder, 2, false)
        .unwrap()
        .commit("out", Taken::Replace, Finish::default())
        .unwrap();
    assert!(names(&outside).is_empty(), "the link itself was replaced");
    assert_eq!(fs::read(scratch.join("out")).unwrap(), b"new");
}

#[test]
fn a_folder_swapped_for_a_link_leads_nowhere() {
    let scratch = Dir::new();
    let outside = Dir::new();
    let folder = open(&scratch);
    let stop = AtomicBool::new(false);
    let [real, link, at] = ["real", "link", "at"].map(|name| scratch.join(name));
    fs::create_dir(&real).unwrap();
    symlink(outside.join(""), &link).unwrap();
    fs::create_dir(&at).unwrap();
    let swap = |a: &Path, b: &Path| {
        let cwd = rustix::fs::CWD;
        rustix::fs::renameat_with(cwd, a, cwd, b, rustix::fs::RenameFlags::EXCHANGE).unwrap();
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                swap(&at, &link);
                swap(&at, &link);
            }
        });
        let mut written = 0;
        for n in 0..20_000 {
            let parent = match folder.parent_of(&path(&format!("at/{n}")), true) {
                Ok(parent) => parent,
                Err(error) => {
                    assert_eq!(error.raw_os_error(), Some(Errno::LOOP.raw_os_error()), "{error}");
                    continue;
                }
            };
            if n % 100 == 0 {
                let part = Part::unnamed(&parent, n).unwrap();
                part.commit(&n.to_string(), Taken::Replace, Finish::default()).unwrap();
                written += 1;
            }
        }
        stop.store(true, Ordering::Relaxed);
        assert!(written > 0, "the folder was reached at times");
    });
    assert!(names(&outside).is_empty(), "{:?}", names(&outside));
}

#[test]
fn parts_that_nobody_goes_on_with_are_swept() {
    let scratch = Dir::new();
    let folder = open(&scratch);
    let part = Part::open(&folder, 1, true).unwrap();
    part.write_at(b"x", 0).unwrap();
    drop(part);
    let writing = Part::open(&folder, 2, true).unwrap();
    // Who brought nothing at all is not waited for as long.
    drop(Part::open(&folder, 4, true).unwrap());
    fs::write(scratch.join("file"), "").unwrap();
    fs::write(scratch.join(".framecat-notes"), "").unwrap();
    symlink("file", scratch.join(&Part::name_of(3))).unwrap();
    // What was between two system calls when its process ended goes at once; what still is, stays.
    fs::write(scratch.join(".framecat-0.new"), "").unwrap();
    fs::write(scratch.join(".framecat-1.new"), "").unwrap();
    let held = fs::File::open(scratch.join(".framecat-1.new")).unwrap();
    rustix::fs::flock(&held, rustix::fs::FlockOperation::LockExclusive).unwrap();
    fs::create_dir_all(scratch.join(".framecat-0.gone/a/b")).unwrap();
    fs::write(scratch.join(".framecat-0.gone/a/b/c"), "").unwrap();
    let mut swept = folder.sweep(SystemTime::now()).unwrap();
    swept.sort();
    assert_eq!(swept, [".framecat-0.gone", ".framecat-0.new"]);
    drop(held);
    assert_eq!(folder.sweep(SystemTime::now()).unwrap(), [".framecat-1.new"]);
    let now = SystemTime::now();
    assert!(folder.sweep(now + EMPTY_PARTS_KEPT / 2).unwrap().is_empty());
    assert_eq!(folder.sweep(now + PARTS_KEPT / 2).unwrap(), [Part::name_of(4)]);
    let late = now + PARTS_KEPT + Duration::from_secs(60);
    assert_eq!(folder.sweep(late).unwrap(), [Part::name_of(1)]);
    drop(writing);
    assert_eq!(folder.sweep(late).unwrap(), [Part::name_of(2)]);
    assert_eq!(names(&scratch), [Part::name_of(3), ".framecat-notes".into(), "file".into()]);
}

#[test]
fn a_part_that_has_the_time_of_its_file_already_is_as_old_as_its_journal() {
    let scratch = Dir::new();
    let folder = open(&scratch);
    let part = Part::open(&folder, 1, true).unwrap();
    part.write_at(b"x", 0).unwrap();
    let _ = Journal::new(&folder, 1, b"header").unwrap();
    // Whoever is killed now has it whole, and no name for it yet.
    part.seal(Some(0o644), 1_000_000_000).unwrap();
    drop(part);
    let now = SystemTime::now();
    assert!(folder.sweep(now + PARTS_KEPT / 2).unwrap().is_empty());
    assert_eq!(folder.sweep(now + 2 * PARTS_KEPT).unwrap(), [Part::name_of(1)]);
    assert!(names(&scratch).is_empty());
}

#[test]
fn room_that_is_not_there_is_known_at_once() {
    let scratch = Dir::new();
    let folder = open(&scratch);
    let room = folder.room().unwrap();
    let part = Part::unnamed(&folder, 1).unwrap();
    part.reserve(0).unwrap();
    part.reserve(1 << 16).unwrap();
    assert_eq!(part.written().unwrap(), 0, "its length is what was written");
    assert!(room > 0);
    // More than any file may have; less would fill the disk for a moment, and others write to it.
    let refused = part.reserve(1 << 62);
    let errno = refused.unwrap_err().raw_os_error().map(Errno::from_raw_os_error);
    assert!(matches!(errno, Some(Errno::NOSPC | Errno::FBIG | Errno::DQUOT)), "{errno:?}");
}

#[test]
fn a_part_is_given_a_name_in_another_folder_and_folders_are_taken_back() {
    let scratch = Dir::new();
    let folder = open(&scratch);
    fs::create_dir(scratch.join("a")).unwrap();
    let (near, missing) = folder.nearest(path("a/b/c/d").folders()).unwrap();
    assert_eq!(missing, 2);
    for (part, name) in parts(&near, b"content").into_iter().zip(["d", "e"]) {
        let (deep, made) = folder.make_parent_of(&path("a/b/c/d"), true).unwrap();
        part.commit_to(&deep, name, Taken::Refuse, Finish::default()).unwrap();
        assert_eq!(fs::read(scratch.join(&format!("a/b/c/{name}"))).unwrap(), b"content");
        // One that is used stays.
        made.take_back(());
    }
    assert!(scratch.join("a/b/c/d").is_file() && scratch.join("a/b/c/e").is_file());
    let (_, made) = folder.make_parent_of(&path("x/y/z"), false).unwrap();
    assert!(scratch.join("x/y").is_dir());
    made.take_back(());
    assert!(!scratch.join("x").exists());
    // A refused part can be tried again under another name.
    for part in parts(&folder, b"again") {
        for name in ["a", "again", "again (1)"] {
            match part.commit_to(&folder, name, Taken::Refuse, Finish::default()) {
                Err(CommitError::Taken) => {}
                done => {
                    done.unwrap();
                    break;
                }
            }
        }
    }
    assert_eq!(names(&scratch), ["a", "again", "again (1)"]);
    // A file is in the way.
    assert_eq!(
        folder.make_parent_of(&path("again/x"), false).unwrap_err().kind(),
        ErrorKind::NotADirectory
    );
}

#[test]
fn a_folder_is_removed_with_all_that_is_in_it_and_nothing_else() {
    let scratch = Dir::new();
    let outside = Dir::new();
    let folder = open(&scratch);
    fs::write(outside.join("precious"), "precious").unwrap();
    // Deeper than a path may be.
    let mut at =
        rustix::fs::open(scratch.join(""), rustix::fs::OFlags::RDONLY, rustix::fs::Mode::empty())
            .unwrap();
    let long = "d".repeat(250);
    for depth in 0..300 {
        rustix::fs::mkdirat(&at, &long, rustix::fs::Mode::RWXU).unwrap();
        let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::DIRECTORY;
        at = rustix::fs::openat(&at, &long, flags, rustix::fs::Mode::empty()).unwrap();
        rustix::fs::symlinkat(outside.join(""), &at, "link").unwrap();
        if depth % 100 == 0 {
            for n in 0..50 {
                let flags = rustix::fs::OFlags::CREATE | rustix::fs::OFlags::WRONLY;
                let mode = rustix::fs::Mode::RWXU;
                rustix::fs::openat(&at, format!("{n}"), flags, mode).unwrap();
            }
        }
    }
    fs::write(scratch.join("stays"), "").unwrap();
    symlink(outside.join(""), scratch.join("out")).unwrap();
    symlink("stays", scratch.join("in")).unwrap();
    let gone = folder.take_away(long.as_bytes(), 1).unwrap().expect("it was a folder");
    assert!(!scratch.join(&long).exists(), "it is gone at once");
    gone.remove().unwrap();
    for link in ["out", "in"] {
        assert!(folder.take_away(link.as_bytes(), 2).unwrap().is_none());
    }
    assert_eq!(names(&scratch), ["stays"]);
    assert_eq!(fs::read(outside.join("precious")).unwrap(), b"precious");
    assert!(folder.take_away(b"stays", 3).unwrap().is_none());
    assert_eq!(folder.take_away(b"none", 4).unwrap_err().kind(), ErrorKind::NotFound);
    assert!(names(&scratch).is_empty());
}

#[test]
fn nothing_is_replaced_by_a_rename() {
    let scratch = Dir::new();
    let folder = open(&scratch);
    fs::create_dir_all(scratch.join("full/x")).unwrap();
    fs::create_dir(scratch.join("empty")).unwrap();
    fs::write(scratch.join("file"), "file").unwrap();
    symlink("nowhere", scratch.join("link")).unwrap();
    for from in ["full", "file", "link"] {
        for to in ["full", "empty", "file", "link"] {
            let refused = folder.rename(from.as_bytes(), &folder, to).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::AlreadyExists, "{from} {to}");
        }
    }
    let inner = folder.at(b"full").unwrap();
    folder.rename(b"link", &inner, "moved").unwrap();
    assert_eq!(fs::read_link(scratch.join("full/moved")).unwrap(), Path::new("nowhere"));
    folder.rename(b"full", &folder, "renamed").unwrap();
    assert_eq!(names(&scratch), ["empty", "file", "renamed"]);
    assert!(folder.at(b"renamed/moved").is_err(), "no link is followed");
}
