//! What a sender may say, and somebody on the receiver's own machine may do, that would lead elsewhere.

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use framecat_net::talk::End;
use framecat_proto::path::SafePath;
use framecat_proto::transfer::Outcome;
use framecat_proto::transfer::receiver::{Conflict, Rules};
use framecat_proto::transfer::record::{Entry, EntryKind, Record};
use framecat_proto::transfer::resume::id;
use framecat_proto::transfer::why::Cause;
use rustix::fs::{FileType, Mode};

use super::peer::{
    Hostile, How, Received, TIME, Thing, exchange, file, folder, link, names, noise, receive,
    skipped, tree,
};
use crate::sockets::Dir;

/// A folder to receive into, and beside it what is nobody's business.
pub struct Scene {
    dir: Dir,
    before: Vec<(String, Vec<u8>)>,
}

impl Scene {
    pub fn new() -> Scene {
        let dir = Dir::new();
        fs::create_dir(dir.join("outside")).unwrap();
        fs::write(dir.join("outside/secret"), "secret").unwrap();
        fs::create_dir(dir.join("in")).unwrap();
        let before = tree(&dir.join("outside"));
        Scene { dir, before }
    }

    pub fn inside(&self) -> PathBuf {
        self.dir.join("in")
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.inside().join(name)
    }

    pub fn outside(&self, name: &str) -> PathBuf {
        self.dir.join("outside").join(name)
    }

    /// Nothing beside the folder has changed.
    pub fn check(&self) {
        assert_eq!(tree(&self.dir.join("outside")), self.before);
        let beside: Vec<_> = fs::read_dir(self.dir.join(""))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(beside.len(), 2, "{beside:?}");
    }
}

fn raw(path: &[&[u8]], size: u64) -> Entry {
    let path = path.iter().map(|part| part.to_vec()).collect();
    Entry { path, kind: EntryKind::File, size, mtime: TIME, mode: 0o644, target: Vec::new() }
}

fn part(scene: &Scene, thing: &Thing, what: &str) -> PathBuf {
    let path = SafePath::new(thing.path.iter().map(Vec::as_slice)).unwrap();
    let id = id(&path, thing.bytes.len() as u64, thing.mtime);
    let above = scene.at(&path.folders().join("/"));
    above.join(format!(".framecat-{id:016x}.{what}"))
}

#[tokio::test]
async fn names_that_lead_elsewhere_or_deceive_are_refused_alone_and_shown_so_that_nothing_acts() {
    let long = [b'a'; 256];
    let deep = vec![b"d".as_slice(); 65];
    let wide = [b'w'; 255];
    let much = vec![wide.as_slice(); 17];
    let cases: &[(&[&[u8]], Cause)] = &[
        (&[b"..", b"..", b".ssh", b"authorized_keys"], Cause::Name),
        (&[b"..", b"outside", b"secret"], Cause::Name),
        (&[b"../outside/secret"], Cause::Name),
        (&[b"/etc/x"], Cause::Name),
        (&[b"", b"etc", b"x"], Cause::Name),
        (&[b"a/../../b"], Cause::Name),
        (&[b"a", b"..", b"..", b"b"], Cause::Name),
        (&[b""], Cause::Name),
        (&[b"."], Cause::Name),
        (&[b".."], Cause::Name),
        (&[b"a\0b"], Cause::Name),
        (&[&long], Cause::Name),
        (&deep, Cause::Name),
        (&much, Cause::Name),
        (&[b"\xff\xfe"], Cause::Name),
        (&[b"\x1b[2J"], Cause::Name),
        (&[b"a\rb"], Cause::Name),
        (&[b"a\nb"], Cause::Name),
        (&["gpj\u{202e}exe".as_bytes()], Cause::Name),
        (&[b".framecat-0000000000000001.part"], Cause::Name),
        (&[b".FrameCat-x"], Cause::Name),
        (&[b"not", b"announced"], Cause::Name),
        (&[b".bashrc"], Cause::Hidden),
        (&[b".ssh", b"authorized_keys"], Cause::Hidden),
    ];
    let scene = Scene::new();
    let mut entries: Vec<Entry> = cases.iter().map(|(path, _)| raw(path, 3)).collect();
    entries.push(raw(&[b"good"], 3));
    let good = cases.len() as u32;
    let (received, skipped) = receive(How::into(scene.inside()), move |conn| {
        let mut peer = Hostile::new(conn);
        peer.offer(entries);
        let mut skipped = Vec::new();
        peer.until(|record| match record {
            Record::Skip(some) => {
                skipped.extend(some);
                None
            }
            Record::Need(needs) => {
                assert_eq!(needs.len(), 1);
                assert_eq!(needs[0].entry, good);
                Some(())
            }
            _ => None,
        });
        while skipped.len() < good as usize {
            match peer.hear() {
                Some(Record::Skip(some)) => skipped.extend(some),
                other => panic!("{other:?}"),
            }
        }
        peer.small(good, b"yes");
        peer.until(|record| matches!(record, Record::Committed(_)).then_some(()));
        peer.say(&Record::Bye(Default::default()));
        peer.until(|record| matches!(record, Record::Bye(_)).then_some(()));
        skipped
    })
    .await;
    assert!(matches!(received.end, Ok(End::Partly)), "{:?}", received.end);
    for (entry, why) in &skipped {
        let (path, cause) = cases[*entry as usize];
        assert_eq!(why.cause, cause, "{path:?}: {why}");
    }
    assert_eq!(skipped.len(), cases.len());
    assert_eq!(tree(&scene.inside()), [("good".to_string(), b"yes".to_vec())]);
    scene.check();
    for line in received.ear.lines.lock().unwrap().iter() {
        assert!(!line.contains(|c: char| c.is_control() || c == '\u{202e}'), "{line:?}");
    }
}

#[tokio::test]
async fn names_that_come_twice_or_differ_by_letters_only_where_those_do_not_count_are_refused() {
    for folds in [false, true] {
        let scene = Scene::new();
        let mut rules = Rules::default();
        rules.taste.folds = folds;
        let things = vec![
            folder("d"),
            file("one", b"1"),
            file("one", b"2"),
            file("ONE", b"3"),
            file("d/e\u{301}", b"4"),
            file("d/\u{e9}", b"5"),
        ];
        let how = How { rules, ..How::into(scene.inside()) };
        let (received, _) = exchange(how, things).await;
        assert!(matches!(received.end, Ok(End::Partly)), "{:?}", received.end);
        let found = names(&scene.inside());
        let expected: &[&str] = match folds {
            true => &["d/", "d/e\u{301}", "one"],
            false => &["ONE", "d/", "d/e\u{301}", "d/\u{e9}", "one"],
        };
        assert_eq!(found, expected);
        assert_eq!(fs::read(scene.at("one")).unwrap(), b"1");
    }
}

/// A file to be sent that has a part, and one that has none.
fn large_and_small(name: &str) -> [Thing; 2] {
    [file(name, noise(200_000, 7)), file(name, b"small")]
}

#[tokio::test]
async fn no_link_is_written_through_where_the_name_the_part_the_journal_or_the_folder_is_one() {
    for thing in large_and_small("d/name") {
        for planted in ["target", "dangling", "part", "journal", "folder"] {
            for conflict in [Conflict::Rename, Conflict::Overwrite, Conflict::Newer] {
                let scene = Scene::new();
                if planted == "folder" {
                    symlink(scene.outside(""), scene.at("d")).unwrap();
                } else {
                    fs::create_dir(scene.at("d")).unwrap();
                }
                match planted {
                    "target" => symlink(scene.outside("secret"), scene.at("d/name")).unwrap(),
                    "dangling" => symlink(scene.outside("new"), scene.at("d/name")).unwrap(),
                    "folder" => {}
                    what => symlink(scene.outside("secret"), part(&scene, &thing, what)).unwrap(),
                }
                let rules = Rules { conflict, ..Rules::default() };
                let how = How { rules, ..How::into(scene.inside()) };
                let (received, sent) = exchange(how, vec![folder("d"), thing.clone()]).await;
                scene.check();
                let what = format!("{planted} {conflict:?}: {sent:?}");
                assert!(received.end.is_ok(), "{what}");
                let there = match (planted, conflict) {
                    ("folder", _) => None,
                    ("target" | "dangling", Conflict::Rename) => Some("d/name (1)"),
                    ("target" | "dangling", _) => None,
                    _ => Some("d/name"),
                };
                match there {
                    Some(name) => {
                        assert_eq!(fs::read(scene.at(name)).unwrap(), thing.bytes, "{what}");
                        assert_eq!(*sent.of("d/name"), Outcome::Committed);
                    }
                    None => assert!(
                        matches!(sent.of("d/name"), Outcome::Skipped(_) | Outcome::Failed(_)),
                        "{what}"
                    ),
                }
                if planted != "folder" {
                    let ours =
                        names(&scene.inside()).into_iter().filter(|it| it.contains(".framecat"));
                    // A small file has no part: what is called like one is not looked at.
                    let left = usize::from(
                        thing.bytes.len() < 1_000 && matches!(planted, "part" | "journal"),
                    );
                    assert_eq!(ours.count(), left, "{what}");
                }
            }
        }
    }
}

/// Whatever happens, the flipper ends.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_folder_that_is_swapped_for_a_link_all_the_time_leads_nowhere() {
    let scene = Scene::new();
    fs::create_dir(scene.at("d")).unwrap();
    symlink(scene.outside(""), scene.at("l")).unwrap();
    let stop = AtomicBool::new(false);
    let (folder_at, link_at) = (scene.at("d"), scene.at("l"));
    std::thread::scope(|scope| {
        let flipper = scope.spawn(|| {
            let mut flips = 0u64;
            while !stop.load(Ordering::Relaxed) {
                let flags = rustix::fs::RenameFlags::EXCHANGE;
                let cwd = rustix::fs::CWD;
                rustix::fs::renameat_with(cwd, &folder_at, cwd, &link_at, flags).unwrap();
                flips += 1;
            }
            flips
        });
        let stop = Stop(&stop);
        // Each transfer opens the folder for its look and for its files; whatever it finds is right, but outside.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut became = [0, 0];
        for round in 0..120 {
            let things: Vec<_> = (0..20)
                .map(|n| {
                    file(&format!("d/{round}-{n}"), noise(if n % 4 == 0 { 70_000 } else { 9 }, n))
                })
                .collect();
            let things = [vec![folder("d")], things].concat();
            let (received, sent) = runtime.block_on(exchange(How::into(scene.inside()), things));
            assert!(received.end.is_ok(), "{:?}", received.end);
            let there = sent.outcomes.iter().filter(|it| it.1 == Outcome::Committed).count();
            became[usize::from(there > 0)] += 1;
        }
        drop(stop);
        let flips = flipper.join().unwrap();
        assert!(flips > 1_000, "{flips}");
        assert!(became[0] > 0 && became[1] > 0, "it met both: {became:?}");
    });
    scene.check();
}

fn plant(at: &Path, what: &str) -> bool {
    match what {
        "folder" => fs::create_dir(at).unwrap(),
        "fifo" => {
            rustix::fs::mknodat(rustix::fs::CWD, at, FileType::Fifo, Mode::from_raw_mode(0o600), 0)
                .unwrap();
        }
        "device" => {
            // /dev/null has 1 and 3.
            let device = rustix::fs::makedev(1, 3);
            let mode = Mode::from_raw_mode(0o600);
            let made =
                rustix::fs::mknodat(rustix::fs::CWD, at, FileType::CharacterDevice, mode, device);
            if made.is_err() {
                skipped("no device can be made here");
                return false;
            }
        }
        other => panic!("{other}"),
    }
    true
}

#[tokio::test]
async fn what_is_no_file_is_never_replaced_and_never_written_to() {
    for thing in large_and_small("name") {
        for what in ["folder", "fifo", "device"] {
            for conflict in [
                Conflict::Rename,
                Conflict::Overwrite,
                Conflict::Newer,
                Conflict::Skip,
                Conflict::Refuse,
            ] {
                let scene = Scene::new();
                if !plant(&scene.at("name"), what) {
                    continue;
                }
                let kind = fs::symlink_metadata(scene.at("name")).unwrap().file_type();
                let rules = Rules { conflict, ..Rules::default() };
                let how = How { rules, ..How::into(scene.inside()) };
                let (received, sent) = exchange(how, vec![thing.clone()]).await;
                assert!(received.end.is_ok());
                assert_eq!(fs::symlink_metadata(scene.at("name")).unwrap().file_type(), kind);
                match conflict {
                    Conflict::Rename => {
                        assert_eq!(fs::read(scene.at("name (1)")).unwrap(), thing.bytes);
                    }
                    _ => {
                        let Outcome::Skipped(why) = sent.of("name") else { panic!("{sent:?}") };
                        let skips = conflict == Conflict::Skip;
                        assert_eq!(why.cause, if skips { Cause::Kept } else { Cause::Taken });
                        assert_eq!(names(&scene.inside()).len(), 1);
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn a_file_that_has_another_name_loses_one_name_and_not_its_content() {
    for thing in large_and_small("name") {
        let scene = Scene::new();
        fs::write(scene.at("other"), "old").unwrap();
        fs::hard_link(scene.at("other"), scene.at("name")).unwrap();
        let rules = Rules { conflict: Conflict::Overwrite, ..Rules::default() };
        let how = How { rules, ..How::into(scene.inside()) };
        exchange(how, vec![thing.clone()]).await;
        assert_eq!(fs::read(scene.at("name")).unwrap(), thing.bytes);
        assert_eq!(fs::read(scene.at("other")).unwrap(), b"old");
    }
}

#[tokio::test]
async fn a_part_that_is_not_ours_is_not_written_to_and_begun_anew() {
    let thing = file("name", noise(200_000, 7));
    for what in ["linked", "fifo", "folder", "foreign"] {
        for ours in ["part", "journal"] {
            let scene = Scene::new();
            let at = part(&scene, &thing, ours);
            match what {
                "linked" => {
                    fs::write(scene.at("other"), "old").unwrap();
                    fs::hard_link(scene.at("other"), &at).unwrap();
                }
                "foreign" => {
                    fs::write(&at, "theirs").unwrap();
                    if std::os::unix::fs::chown(&at, Some(12_345), None).is_err() {
                        skipped("not root");
                        continue;
                    }
                }
                what => assert!(plant(&at, what)),
            }
            let (received, sent) = exchange(How::into(scene.inside()), vec![thing.clone()]).await;
            assert!(received.end.is_ok());
            match (what, sent.of("name")) {
                // Nobody removes a folder that is in the way: there may be something in it.
                ("folder", Outcome::Failed(why)) => {
                    assert_eq!(why.cause, Cause::Disk, "{why}");
                    assert!(why.says().starts_with("a folder has the name of its part"), "{why}");
                    assert!(at.is_dir());
                }
                (_, outcome) => {
                    assert_eq!(*outcome, Outcome::Committed, "{what} {ours}");
                    assert_eq!(fs::read(scene.at("name")).unwrap(), thing.bytes);
                    assert_eq!(sent.content, thing.bytes.len() as u64);
                    assert!(!names(&scene.inside()).iter().any(|name| name.contains(".framecat")));
                }
            }
            if what == "linked" {
                assert_eq!(fs::read(scene.at("other")).unwrap(), b"old");
            }
        }
    }
}

#[tokio::test]
async fn what_somebody_puts_in_the_place_of_a_part_gets_no_name_and_what_is_changed_meanwhile_stays()
 {
    for what in ["part", "newer", "older"] {
        let scene = Scene::new();
        let bytes = noise(200_000, 7);
        let thing = file("name", &bytes);
        let part = part(&scene, &thing, "part");
        let at = scene.at("name");
        let rules = Rules { conflict: Conflict::Newer, ..Rules::default() };
        if what != "part" {
            fs::write(&at, "old").unwrap();
            let opened = fs::File::options().write(true).open(&at).unwrap();
            opened.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        }
        let how = How { rules, ..How::into(scene.inside()) };
        let (received, _) = receive(how, move |conn| {
            let mut peer = Hostile::new(conn);
            peer.offer(vec![thing.entry()]);
            peer.needs();
            peer.data(0, 0, &bytes[..199_999]);
            match what {
                "part" => {
                    fs::rename(&part, part.with_extension("away")).unwrap();
                    fs::write(&part, "theirs").unwrap();
                }
                "newer" => fs::write(&at, "edited").unwrap(),
                _ => {}
            }
            peer.data(0, 199_999, &bytes[199_999..]);
            let hash = *blake3::hash(&bytes).as_bytes();
            peer.say(&Record::FileEnd { entry: 0, size: 200_000, hash });
            peer.until(|record| {
                matches!(record, Record::Committed(_) | Record::Failed(_)).then_some(())
            });
            peer.say(&Record::Bye(Default::default()));
            peer.rest();
        })
        .await;
        match (what, received.of("name")) {
            ("part", Outcome::Failed(why)) => {
                assert_eq!((why.cause, why.says()), (Cause::Disk, "its part was taken away"));
                assert!(!scene.at("name").exists());
            }
            ("newer", Outcome::Failed(why)) => {
                assert_eq!(why.cause, Cause::Taken);
                assert_eq!(fs::read(scene.at("name")).unwrap(), b"edited");
            }
            ("older", Outcome::Committed) => {
                assert_eq!(fs::read(scene.at("name")).unwrap().len(), 200_000);
            }
            other => panic!("{other:?}"),
        }
    }
}

/// What the receiver told before it ended, and how that was.
async fn attack(
    scene: &Scene,
    act: impl FnOnce(&mut Hostile) + Send + 'static,
) -> (Received, Vec<Record>) {
    receive(How::into(scene.inside()), move |conn| {
        let mut peer = Hostile::new(conn);
        act(&mut peer);
        peer.rest()
    })
    .await
}

#[tokio::test]
async fn more_or_less_than_was_offered_ends_the_transfer_and_makes_no_file() {
    type Act = fn(&mut Hostile);
    let acts: &[(&str, Act)] = &[
        ("more", |peer| peer.data(0, 0, &[1; 200_001])),
        ("beyond", |peer| {
            peer.data(0, 0, &[1; 200_000]);
            peer.data(0, 200_000, b"x");
        }),
        ("elsewhere", |peer| peer.data(0, 7, b"x")),
        ("far", |peer| peer.data(0, u64::MAX - 1, b"xx")),
        ("less", |peer| {
            peer.data(0, 0, &[1; 199_999]);
            peer.say(&Record::FileEnd { entry: 0, size: 199_999, hash: [0; 32] });
        }),
        ("less than it says", |peer| {
            peer.data(0, 0, &[1; 199_999]);
            peer.say(&Record::FileEnd { entry: 0, size: 200_000, hash: [0; 32] });
        }),
        ("as a small one", |peer| peer.small(0, &[1; 3])),
        ("of nothing", |peer| peer.data(5, 0, b"x")),
        ("junk", |peer| peer.raw(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")),
        ("a length", |peer| peer.raw(&[4, 0, 0, 0, 255, 255, 255, 255])),
        ("an end", |peer| peer.say(&Record::Bye(Default::default()))),
    ];
    for (what, act) in acts {
        let scene = Scene::new();
        let act = *act;
        let (received, told) = attack(&scene, move |peer| {
            peer.offer(vec![raw(&[b"name"], 200_000)]);
            peer.needs();
            act(peer);
        })
        .await;
        let error = received.end.unwrap_err().to_string();
        assert!(error.contains("of the transfer"), "{what}: {error}");
        assert!(matches!(told.last(), Some(Record::Cancel(_))), "{what}: {told:?}");
        let left = names(&scene.inside());
        assert!(left.iter().all(|name| name.starts_with(".framecat-")), "{what}: {left:?}");
        scene.check();
    }
}

#[tokio::test]
async fn content_that_is_not_what_its_hash_says_makes_no_file() {
    let scene = Scene::new();
    let (received, _) = attack(&scene, |peer| {
        peer.offer(vec![raw(&[b"name"], 200_000), raw(&[b"small"], 3)]);
        peer.needs();
        peer.data(0, 0, &[1; 200_000]);
        peer.say(&Record::FileEnd { entry: 0, size: 200_000, hash: [9; 32] });
        let small = framecat_proto::transfer::record::SmallFile {
            entry: 1,
            hash: [9; 32],
            bytes: b"abc".to_vec(),
        };
        peer.say(&Record::Small(vec![small]));
        peer.until(|record| matches!(record, Record::AskPieces { entry: 0 }).then_some(()));
        // It sticks to its hash, and so it cannot be right.
        peer.say(&Record::Pieces { entry: 0, first: 0, hashes: vec![[9; 32]] });
        let needs = peer.needs();
        assert_eq!(needs[0].entry, 0);
        peer.data(0, 0, &[1; 200_000]);
        peer.say(&Record::FileEnd { entry: 0, size: 200_000, hash: [9; 32] });
        peer.until(|record| match record {
            Record::Failed(some) => some.iter().any(|it| it.0 == 0).then_some(()),
            _ => None,
        });
        peer.say(&Record::Bye(Default::default()));
    })
    .await;
    assert!(matches!(received.end, Ok(End::Partly)), "{:?}", received.end);
    for name in ["name", "small"] {
        let Outcome::Failed(why) = received.of(name) else { panic!("{name}") };
        assert_eq!(why.cause, Cause::Differs);
    }
    assert_eq!(names(&scene.inside()), [""; 0]);
}

#[tokio::test]
async fn sizes_that_no_disk_has_are_refused_before_anything_moves() {
    for size in [1 << 50, i64::MAX as u64, 1 << 63, u64::MAX] {
        let scene = Scene::new();
        let (received, told) = attack(&scene, move |peer| {
            peer.offer(vec![raw(&[b"name"], size)]);
            peer.until(|record| match record {
                Record::Cancel(why) => {
                    assert_eq!(why.cause, Cause::Full, "{why}");
                    Some(())
                }
                Record::Skip(some) => {
                    assert_eq!(some[0].1.cause, Cause::Limit);
                    Some(())
                }
                _ => None,
            });
            peer.say(&Record::Bye(Default::default()));
        })
        .await;
        match size > i64::MAX as u64 {
            true => assert!(matches!(received.end, Ok(End::Partly)), "{:?}", received.end),
            false => {
                let error = received.end.unwrap_err().to_string();
                assert!(error.contains("there is room for"), "{error}");
            }
        }
        assert!(!told.iter().any(|record| matches!(record, Record::Need(_))));
        assert_eq!(names(&scene.inside()), [""; 0], "{size}");
    }
}

#[tokio::test]
async fn no_file_runs_as_its_owner_and_none_gets_more_than_new_files_have() {
    let scene = Scene::new();
    let mut things = Vec::new();
    for (n, mode) in [0o4755u16, 0o2755, 0o1777, 0o666, 0o600, 0o000].into_iter().enumerate() {
        for (kind, len) in [("large", 70_000), ("small", 5)] {
            things.push(Thing { mode, ..file(&format!("{kind}{n}"), noise(len, 1)) });
        }
        things.push(Thing { mode, ..folder(&format!("folder{n}")) });
    }
    let future = Thing { mtime: i64::MAX, ..file("future", b"x") };
    let past = Thing { mtime: -1, ..file("past", noise(70_000, 2)) };
    let (received, _) =
        exchange(How::into(scene.inside()), [things.clone(), vec![future, past]].concat()).await;
    assert!(matches!(received.end, Ok(End::Done)), "{:?}", received.end);
    // What the umask of this process leaves of 0777.
    fs::create_dir(scene.at("new")).unwrap();
    let umask = !fs::metadata(scene.at("new")).unwrap().mode() & 0o777;
    for thing in things {
        let name = String::from_utf8(thing.path.concat()).unwrap();
        let meta = fs::metadata(scene.at(&name)).unwrap();
        let mode = meta.permissions().mode() & 0o7777;
        let asked = u32::from(thing.mode) & 0o777 & !umask;
        let folder = thing.kind == EntryKind::Folder;
        assert_eq!(mode, if folder { asked | 0o700 } else { asked }, "{name}");
        assert_eq!(meta.uid(), rustix::process::geteuid().as_raw());
        assert!(!meta.file_type().is_fifo());
    }
    let time = fs::metadata(scene.at("past")).unwrap();
    assert_eq!((time.mtime(), time.mtime_nsec()), (-1, 999_999_999));
    assert!(fs::metadata(scene.at("future")).unwrap().mtime() > 4_000_000_000);
}

#[tokio::test]
async fn a_link_that_leads_out_is_refused_and_nothing_is_written_through_one_that_was_sent() {
    let scene = Scene::new();
    let mut rules = Rules::default();
    rules.taste.links = true;
    let out = scene.outside("").display().to_string();
    let things = vec![
        folder("d"),
        link("abs", &out),
        link("up", "../outside"),
        link("in", "d"),
        link("chain", "in/../.."),
        // Through links, each of which stays inside, up and out.
        link("here", "."),
        link("chained", "here/here/../../outside"),
        // Through one that was there before.
        link("theirs", "before/secret"),
        link("hidden", ".bashrc"),
        link("later", "d/not/yet"),
        // It is a link by now.
        file("in/x", b"x"),
        file("d/y", b"y"),
    ];
    symlink(&out, scene.at("before")).unwrap();
    let how = How { rules, ..How::into(scene.inside()) };
    let (received, _) = exchange(how, things).await;
    assert!(matches!(received.end, Ok(End::Partly)), "{:?}", received.end);
    assert_eq!(names(&scene.inside()), ["before@", "d/", "d/y", "here@", "in@", "later@"]);
    scene.check();
}
