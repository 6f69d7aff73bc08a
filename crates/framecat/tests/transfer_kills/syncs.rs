//! The syncs of a transfer that takes as long as there is one on the way: what one could not keep is not used, and
//! who is killed in one loses nothing.

use std::fs;

use super::run::{self, Finished, Folder, Run, Running};
use super::scene::{can_trace, host, moved};
use super::trees::{bytes, found, logged};

const SIZE: usize = 7 << 20;

fn receive(into: &str, inject: Option<&str>) -> Running {
    let listen = format!("{}:0", host());
    let args = ["receive", into, "--yes", "--plain", "--json", "--listen", &listen];
    let run = match inject {
        None => Run::new(&args),
        Some(inject) => {
            let inject = format!("inject=fdatasync:{inject}");
            let strace = ["-f", "-o", "/dev/null", "-e", "trace=fdatasync", "-e", &inject];
            Run::program("strace", &[&strace[..], &[run::tested()], &args].concat())
        }
    };
    run.stdin_null().start()
}

fn send(file: &str, to: &str) -> Finished {
    Run::new(&["send", file, "--plain", "--json", "--to", to]).stdin_null().start().wait()
}

/// A slow transfer of a file in which this is done to the first sync; how both ended, what the journal tells then,
/// and how much of it crosses the network when the same is done again.
fn synced(inject: &str) -> (Finished, Finished, u64, u64) {
    let (from, into) = (Folder::in_memory(), Folder::in_memory());
    let (file, to) = (from.file("file"), into.path().to_str().unwrap());
    fs::write(&file, bytes(5, SIZE)).unwrap();
    let at = |listener: &Running| listener.endpoint().replace("tcp://", "");
    let receiver = receive(to, Some(inject));
    let relay = Run::new(&["relay", ":0", &at(&receiver), "--rate", "1MiB/s"]).start();
    let sender = send(&file, &at(&relay));
    let receiver = receiver.wait();
    let (there, ours) = found(into.path());
    assert!(there.is_empty(), "{:?}: {receiver}", there.keys());
    let have = logged(&ours);
    let again = receive(to, None);
    let other = send(&file, &at(&again));
    let again = again.wait();
    assert_eq!((again.code, other.code), (0, 0), "{again}\n{other}");
    let (there, ours) = found(into.path());
    assert!(there["file"].as_ref() == Some(&bytes(5, SIZE)));
    assert!(ours.is_empty(), "{ours:?}");
    (receiver, sender, have, moved(&other))
}

#[test]
fn what_a_sync_could_not_keep_is_sent_again() {
    if !can_trace() {
        return;
    }
    let (receiver, sender, have, again) = synced("error=EIO:when=1");
    // Nothing could be had: so it is the disk's fault.
    assert_eq!((receiver.code, sender.code), (10, 9), "{receiver}\n{sender}");
    assert!(receiver.text().contains("input/output error"), "{receiver}");
    // The kernel may take it for written from then on, and give what it was to be when it is read.
    assert_eq!((have, again), (0, SIZE as u64), "{receiver}");
}

#[test]
fn who_is_killed_in_a_sync_on_the_way_loses_nothing() {
    if !can_trace() {
        return;
    }
    let (receiver, sender, have, again) = synced("signal=SIGKILL:when=1");
    assert_eq!((receiver.code, sender.code), (137, 1), "{receiver}\n{sender}");
    assert!(have > 1 << 20 && again == SIZE as u64 - have, "{have} and {again}");
}
