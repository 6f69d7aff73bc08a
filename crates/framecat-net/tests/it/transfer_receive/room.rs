//! Disks that are full, get full, or take nothing.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use framecat_net::error::Cause as ErrorCause;
use framecat_net::talk::End;
use framecat_net::transfer::{Consent, Question};
use framecat_proto::transfer::Outcome;
use framecat_proto::transfer::error::TransferError;
use framecat_proto::transfer::record::{Carries, Record};
use framecat_proto::transfer::why::Cause;
use tokio::sync::mpsc;

use super::peer::{
    Hostile, How, Way, exchange, exchange_by, file, flow, names, noise, receive, skipped,
};
use crate::sockets::Dir;

/// Does it in a folder that is a disk of its own, of 1 MiB, in a mount namespace that ends with it.
#[allow(unsafe_code, reason = "no call of rustix makes a mount namespace")]
fn on_a_small_disk<F: Future<Output = ()>>(options: &str, act: impl FnOnce(Disk) -> F + Send) {
    let dir = Dir::new();
    let at = std::ffi::CString::new(dir.join("").display().to_string()).unwrap();
    let options = std::ffi::CString::new(options).unwrap();
    std::thread::scope(|scope| {
        let alone = scope.spawn(|| {
            let (none, none_at) = (c"none", c"/");
            // SAFETY: this thread shares its file system's root with nobody who is unshared here, and all strings
            // end in NUL.
            let mounted = unsafe {
                libc::unshare(libc::CLONE_NEWNS) == 0
                    && libc::mount(
                        none.as_ptr(),
                        none_at.as_ptr(),
                        std::ptr::null(),
                        libc::MS_REC | libc::MS_PRIVATE,
                        std::ptr::null(),
                    ) == 0
                    && libc::mount(
                        none.as_ptr(),
                        at.as_ptr(),
                        c"tmpfs".as_ptr(),
                        0,
                        options.as_ptr().cast(),
                    ) == 0
            };
            if !mounted {
                return skipped("no disk can be mounted here");
            }
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(act(Disk(dir.join(""))));
        });
        alone.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
}

struct Disk(std::path::PathBuf);

impl Disk {
    fn at(&self) -> &Path {
        &self.0
    }
}

/// Takes all the room that there is.
fn fill(at: &Path) {
    let mut filler = fs::File::create(at.join("filler")).unwrap();
    while filler.write_all(&[7; 4_096]).is_ok() {}
}

#[test]
fn what_has_no_room_is_refused_before_anything_moves() {
    on_a_small_disk("size=1m", |disk| async move {
        let things = vec![file("fits", b"x"), file("not", noise(3 << 20, 1))];
        let (received, sent) = exchange(How::into(disk.at()), things).await;
        let error = received.end.unwrap_err();
        assert!(
            matches!(&error.cause,
            ErrorCause::Transfer(TransferError::Ended(why)) if why.cause == Cause::Full),
            "{error}"
        );
        assert!(matches!(&sent.end,
            Err(TransferError::Cancelled(why)) if why.cause == Cause::Full && why.says().contains("room for")));
        assert_eq!(sent.content, 0);
        assert_eq!(names(disk.at()), [""; 0]);
        // As many bytes, and most of them are there already.
        let things: Vec<_> = (0..3).map(|n| file(&format!("{n}"), noise(230_000, n))).collect();
        let (received, _) = exchange(How::into(disk.at()), things.clone()).await;
        assert!(matches!(received.end, Ok(End::Done)), "{:?}", received.end);
        let (received, sent) = exchange(How::into(disk.at()), things).await;
        assert!(matches!(received.end, Ok(End::Done)), "{:?}", received.end);
        assert_eq!(sent.content, 0);
    });
}

#[test]
fn whoever_takes_what_has_no_room_gets_what_has() {
    on_a_small_disk("size=1m", |disk| async move {
        let (ask, mut asked) = mpsc::unbounded_channel::<Question>();
        let answering = tokio::spawn(async move {
            let question = asked.recv().await.unwrap();
            let offer = question.offer;
            question.answer.send(true).unwrap();
            (offer.summary.bytes, offer.room.unwrap())
        });
        let things = vec![
            file("not", noise(3 << 20, 1)),
            file("small", noise(50_000, 2)),
            file("large", noise(300_000, 3)),
        ];
        let how = How { consent: Consent::Ask(ask), ..How::into(disk.at()) };
        let (received, sent) = exchange(how, things).await;
        let (bytes, room) = answering.await.unwrap();
        assert!(room <= 1 << 20 && bytes > room, "{room}");
        assert!(matches!(received.end, Ok(End::Partly)), "{:?}", received.end);
        let Outcome::Failed(why) = sent.of("not") else { panic!("{sent:?}") };
        assert_eq!((why.cause, why.says()), (Cause::Full, "no space left on device"));
        assert_eq!(sent.content, 350_000);
        assert_eq!(names(disk.at()), ["large", "small"]);
    });
}

#[test]
fn a_disk_that_gets_full_meanwhile_costs_what_has_no_room_yet() {
    on_a_small_disk("size=1m", |disk| async move {
        let at = disk.at().to_path_buf();
        let things = [file("large", noise(300_000, 1)), file("small", noise(50_000, 2))];
        let (received, failed) = receive(How::into(disk.at()), move |conn| {
            let mut peer = Hostile::new(conn);
            peer.offer(things.iter().map(|thing| thing.entry()).collect());
            let mut needed = 0;
            while needed < 2 {
                needed += peer.needs().len();
            }
            fill(&at);
            peer.small(1, &things[1].bytes);
            // Its room was taken before.
            peer.data(0, 0, &things[0].bytes);
            let hash = *blake3::hash(&things[0].bytes).as_bytes();
            peer.say(&Record::FileEnd { entry: 0, size: 300_000, hash });
            let (mut failed, mut committed) = (None, false);
            while failed.is_none() || !committed {
                match peer.hear() {
                    Some(Record::Failed(some)) => failed = Some(some[0].clone()),
                    Some(Record::Committed(some)) => committed |= some == [0],
                    other => assert!(other.is_some(), "it ended"),
                }
            }
            peer.say(&Record::Bye(Default::default()));
            peer.rest();
            failed.unwrap()
        })
        .await;
        assert!(matches!(received.end, Ok(End::Partly)), "{:?}", received.end);
        assert_eq!((failed.0, failed.1.cause), (1, Cause::Full));
        assert_eq!(names(disk.at()), ["filler", "large"]);
        assert_eq!(fs::read(disk.at().join("large")).unwrap(), noise(300_000, 1));
        fs::remove_file(disk.at().join("filler")).unwrap();

        let way = Way { carries: Carries::Stream, ..Way::files() };
        let (received, sent) =
            exchange_by(way, How::into(disk.at()), vec![flow("dump", noise(3 << 20, 3))]).await;
        assert!(matches!(received.end, Ok(End::Partly)), "{:?}", received.end);
        let Outcome::Failed(why) = &sent.outcomes[0].1 else { panic!("{sent:?}") };
        assert_eq!(why.cause, Cause::Full);
        assert_eq!(names(disk.at()), ["large"]);
    });
}

#[test]
fn a_disk_that_takes_nothing_is_told_file_by_file() {
    on_a_small_disk("size=1m,ro", |disk| async move {
        let things = vec![file("large", noise(100_000, 1)), file("small", b"x")];
        let (received, sent) = exchange(How::into(disk.at()), things).await;
        assert!(matches!(received.end, Ok(End::Partly)), "{:?}", received.end);
        for name in ["large", "small"] {
            let Outcome::Failed(why) = sent.of(name) else { panic!("{sent:?}") };
            assert_eq!((why.cause, why.says()), (Cause::Disk, "read-only file system"));
        }
    });
}
