//! What an honest sender brings: it is there, all of it, and nothing else.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::sync::Arc;

use framecat_net::conn::Kind;
use framecat_net::event::Nobody;
use framecat_net::talk::{End, Shutdown};
use framecat_net::transfer::{Consent, Source};
use framecat_net::verb::receive::Taking;
use framecat_net::verb::{receive, send};
use framecat_proto::transfer::Outcome;
use framecat_proto::transfer::receiver::{Conflict, Rules};
use framecat_proto::transfer::record::EntryKind;

use super::peer::{Ear, How, TIME, Thing, exchange, file, folder, link, names, noise, tree};
use crate::sockets::{Dir, pipe, streams, within};

/// Of every kind and size: none, small, one piece, several.
fn things() -> Vec<Thing> {
    vec![
        folder("notes"),
        folder("empty"),
        file("nothing", b""),
        file("small.txt", b"hello"),
        file("one.bin", noise(300_000, 1)),
        file("three.bin", noise((2 << 20) + 12_345, 2)),
        folder("notes/deep"),
        file("notes/a.txt", noise(65_536, 3)),
        file("notes/b.txt", noise(65_537, 4)),
        file("notes/新 建.txt", "文".as_bytes()),
        file("notes/deep/c", noise(1 << 20, 5)),
    ]
}

fn expected(things: &[Thing]) -> Vec<(String, Vec<u8>)> {
    let name = |thing: &Thing| String::from_utf8(thing.path.join(&b'/')).unwrap();
    let mut all: Vec<_> = things
        .iter()
        .map(|thing| match thing.kind {
            EntryKind::Folder => (format!("{}/", name(thing)), Vec::new()),
            _ => (name(thing), thing.bytes.clone()),
        })
        .collect();
    all.sort();
    all
}

#[tokio::test]
async fn files_and_folders_come_as_they_are_and_a_second_time_nothing_moves() {
    for durable in [false, true] {
        let dir = Dir::new();
        let things = things();
        let rules = Rules { durable, ..Rules::default() };
        let how = How { rules, ..How::into(dir.join("")) };
        let (received, sent) = exchange(how, things.clone()).await;
        assert!(matches!(received.end, Ok(End::Done)), "{:?}", received.end);
        assert_eq!(sent.end, Ok(()));
        assert_eq!(tree(&dir.join("")), expected(&things));
        assert_eq!(sent.outcomes.len(), things.len());
        assert!(sent.outcomes.iter().all(|it| it.1 == Outcome::Committed), "{sent:?}");
        let meta = fs::metadata(dir.join("three.bin")).unwrap();
        let ns = meta.mtime() * 1_000_000_000 + meta.mtime_nsec();
        assert_eq!((ns, meta.permissions().mode() & 0o7777), (TIME, 0o644));
        let sums = received.sums();
        let bytes: u64 = things.iter().map(|thing| thing.bytes.len() as u64).sum();
        assert_eq!((sums.committed, sums.failed, sums.bytes), (things.len() as u64, 0, bytes));
        assert_eq!(sums.moved, bytes);

        let how = How { rules, ..How::into(dir.join("")) };
        let (received, sent) = exchange(how, things.clone()).await;
        assert!(matches!(received.end, Ok(End::Done)), "{:?}", received.end);
        assert!(sent.outcomes.iter().all(|it| it.1 == Outcome::Had), "{sent:?}");
        assert_eq!(sent.content, 0);
        assert_eq!(tree(&dir.join("")), expected(&things));
    }
}

#[tokio::test]
async fn five_thousand_small_files_come_in_their_folders() {
    let dir = Dir::new();
    let mut things: Vec<_> = (0..50).map(|n| folder(&format!("{n}"))).collect();
    for n in 0..50 {
        let files = (0..100).map(|m| file(&format!("{n}/{m}"), noise(1 + m * 13, m as u64)));
        things.extend(files);
    }
    let (received, sent) = exchange(How::into(dir.join("")), things.clone()).await;
    assert!(matches!(received.end, Ok(End::Done)), "{:?}", received.end);
    assert_eq!(sent.end, Ok(()));
    assert_eq!(tree(&dir.join("")), expected(&things));
}

#[tokio::test]
async fn many_small_files_are_synced_together_and_replace_what_is_older() {
    let dir = Dir::new();
    let rules = Rules { durable: true, conflict: Conflict::Overwrite, ..Rules::default() };
    for round in 0..2 {
        let mut things = vec![folder("d"), folder("d/e")];
        let files = (0..300).map(|n| Thing {
            mtime: TIME + round,
            ..file(["f", "d/f", "d/e/f"][n % 3], noise(n, round as u64))
        });
        things.extend(files.enumerate().map(|(n, thing)| {
            let mut path = thing.path.clone();
            path.last_mut().unwrap().extend(n.to_string().bytes());
            Thing { path, ..thing }
        }));
        things.sort_by_key(|thing| thing.path.len());
        let how = How { rules, ..How::into(dir.join("")) };
        let (received, sent) = exchange(how, things.clone()).await;
        assert!(matches!(received.end, Ok(End::Done)), "{:?}", received.end);
        assert_eq!(sent.end, Ok(()));
        assert_eq!(tree(&dir.join("")), expected(&things));
    }
}

#[tokio::test]
async fn of_small_files_that_come_together_and_are_synced_a_bounded_number_is_open() {
    let dir = Dir::new();
    let things: Vec<_> = (0..1_500).map(|n| file(&format!("{n}"), format!("{n}"))).collect();
    let rules = Rules { durable: true, ..Rules::default() };
    let how = How { rules, ..How::into(dir.join("")) };
    let (received, _) = exchange(how, things.clone()).await;
    assert!(matches!(received.end, Ok(End::Done)), "{:?}", received.end);
    assert_eq!(tree(&dir.join("")), expected(&things));
    let most = received.ear.unnamed.load(std::sync::atomic::Ordering::Relaxed);
    assert!((1..=512).contains(&most), "{most}");
}

#[tokio::test]
async fn links_are_made_only_where_they_are_asked_for() {
    for links in [false, true] {
        let dir = Dir::new();
        let things = vec![folder("d"), file("d/f", b"x"), link("d/l", "f"), link("out", "../x")];
        let mut rules = Rules::default();
        rules.taste.links = links;
        let (received, _) = exchange(How { rules, ..How::into(dir.join("")) }, things).await;
        assert!(matches!(received.end, Ok(End::Partly)), "{:?}", received.end);
        let found = names(&dir.join(""));
        assert_eq!(found, if links { vec!["d/", "d/f", "d/l@"] } else { vec!["d/", "d/f"] });
    }
}

#[tokio::test]
async fn both_sides_over_a_connection_move_a_tree() {
    let (from, to) = (Dir::new(), Dir::new());
    let things = things();
    for thing in &things {
        let path = from.join(std::str::from_utf8(&thing.path.join(&b'/')).unwrap());
        match thing.kind {
            EntryKind::Folder => fs::create_dir_all(path).unwrap(),
            _ => fs::write(path, &thing.bytes).unwrap(),
        }
    }
    let named = ["notes", "empty", "nothing", "small.txt", "one.bin", "three.bin"];
    let (there, here) = streams(Kind::Tcp).await;
    let source = Source::Paths(named.iter().map(|name| from.join(name)).collect());
    let (_, stdout) = pipe();
    let taking = Taking {
        into: Some(to.join("")),
        rules: Rules::default(),
        consent: Consent::Given,
        stdout,
    };
    let ear = Arc::new(Ear::default());
    let (sent, received) = within(async {
        tokio::join!(
            send::over(there, source, false, Arc::new(Nobody), Shutdown::never()),
            receive::over(here, taking, ear, Shutdown::never())
        )
    })
    .await;
    assert!(matches!((&sent, &received), (Ok(End::Done), Ok(End::Done))), "{sent:?} {received:?}");
    assert_eq!(tree(&to.join("")), expected(&things));
}
