//! Files that change while they are sent: what arrives is whole, or is told as failed.

use std::os::unix::fs::{FileExt, symlink};
use std::path::Path;

use rustix::fs::{FileType, Mode};

use super::*;

/// More than lies on the way between the two sides at any time.
const LARGE: usize = 24 << 20;

fn content(seed: u8, len: usize) -> Vec<u8> {
    (0..len).map(|n| (n as u8).wrapping_mul(31) ^ (n >> 12) as u8 ^ seed).collect()
}

/// When the first of its content has come.
fn is_first_write(effect: &Effect) -> bool {
    matches!(effect, Effect::Write { offset: 0, .. })
}

/// Sends a file of `before`, and does `change` to it where `when` says so, `times` at most.
async fn sent_changing(
    before: &[u8],
    times: usize,
    mut when: impl FnMut(&Effect) -> bool + Send + 'static,
    mut change: impl FnMut(&Path) + Send + 'static,
) -> (Result<End, Error>, Option<Node>, Vec<String>) {
    let dir = Dir::new();
    fs::write(dir.join("file"), before).unwrap();
    let path = dir.join("file");
    let mut left = times;
    let changes = move |effect: &Effect| {
        if left > 0 && when(effect) {
            left -= 1;
            change(&path);
        }
        None
    };
    let sending = sent_while(paths(&dir, &["file"]), false, Manner::default(), changes);
    let (end, mut taken, told) = sending.await;
    assert!(taken.done, "whatever becomes of a file, both sides come to the end");
    (end, taken.names.remove("file"), told.of("file "))
}

fn looks(effect: &Effect) -> bool {
    matches!(effect, Effect::Look { .. })
}

fn begins(effect: &Effect) -> bool {
    matches!(effect, Effect::Begin { .. })
}

#[tokio::test]
async fn what_changed_before_it_was_read_arrives_as_it_is_now() {
    let sizes = [10, 0, 60_000, 70_000, 3 << 20];
    for before in sizes {
        for after in sizes.map(|size| size + 1) {
            let new = content(1, after);
            let written = new.clone();
            // Of a small file there is no beginning before its content.
            let when = if before <= 64 << 10 { looks } else { begins };
            let (end, node, _) = sent_changing(&content(0, before), 1, when, move |path| {
                fs::write(path, &written).unwrap();
            })
            .await;
            assert_eq!(end.unwrap(), End::Done, "{before} to {after}");
            assert!(node == Some(Node::File(new)), "{before} to {after}");
        }
    }
}

#[tokio::test]
async fn what_changes_once_while_it_is_read_arrives_as_it_is_now() {
    let old = content(0, LARGE);
    let grown = content(0, LARGE + 5);
    let shrunk = content(0, LARGE - 5);
    let mut rewritten = old.clone();
    rewritten[LARGE - 100] ^= 1;
    for (what, new) in [("grows", grown), ("shrinks", shrunk), ("is rewritten", rewritten)] {
        let written = new.clone();
        let (end, node, _) = sent_changing(&old, 1, is_first_write, move |path| {
            let times = fs::metadata(path).unwrap().modified().unwrap();
            let file = fs::File::options().write(true).open(path).unwrap();
            file.set_len(written.len() as u64).unwrap();
            file.write_all_at(&written[LARGE - 200..], LARGE as u64 - 200).unwrap();
            // Its time is put back: the change time is nobody's to set.
            file.set_modified(times).unwrap();
        })
        .await;
        assert_eq!(end.unwrap(), End::Done, "{what}");
        assert!(node == Some(Node::File(new)), "{what}");
    }
}

#[tokio::test]
async fn what_changes_whenever_it_is_read_fails_and_is_told() {
    let old = content(0, LARGE);
    let (end, node, told) = sent_changing(&old, usize::MAX, is_first_write, |path| {
        let file = fs::File::options().write(true).open(path).unwrap();
        file.write_all_at(b"!", LARGE as u64 - 1).unwrap();
    })
    .await;
    assert_eq!(end.unwrap(), End::Partly);
    assert_eq!(node, None);
    let failed = format!("file file {LARGE} failed: it changed while it was read");
    assert_eq!(told, [failed]);
}

#[tokio::test]
async fn what_is_gone_or_something_else_when_it_is_wanted_fails_at_once() {
    type Case = (&'static str, fn(&Path), &'static str);
    let cases: [Case; 4] = [
        ("gone", |_| {}, "it cannot be read (no such file or directory)"),
        ("a folder", |path| fs::create_dir(path).unwrap(), "it is no file or folder"),
        (
            "a pipe",
            |path| {
                let mode = Mode::from_raw_mode(0o600);
                rustix::fs::mknodat(rustix::fs::CWD, path, FileType::Fifo, mode, 0).unwrap();
            },
            "it is no file or folder (it is a pipe (FIFO) by now)",
        ),
        (
            "a link to nothing",
            |path| symlink("nothing", path).unwrap(),
            "it cannot be read (a symbolic link leads to it by now)",
        ),
    ];
    for size in [10, 100_000] {
        for (what, new, why) in cases {
            let (end, node, told) = sent_changing(&content(0, size), 1, looks, move |path| {
                fs::remove_file(path).unwrap();
                new(path);
            })
            .await;
            assert_eq!(end.unwrap(), End::Partly, "{what}");
            assert_eq!(node, None, "{what}");
            assert_eq!(told.len(), 1);
            let failed = format!("failed: {why}");
            assert!(told[0].contains(&failed), "{what}: {told:?}");
        }
    }
}
