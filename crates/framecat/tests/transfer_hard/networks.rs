//! Networks that break for good at a byte, and programs that are halted for a while.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;
use rustix::process::{Pid, kill_process};

use super::run::{Folder, Signal};
use super::trees::{changed, found, lay, logged, size, what};
use super::{at, both, receive, send, tell, told};

/// What happens at a byte.
pub enum At {
    /// Both connections end in the middle of everything.
    Ends,
    /// Both are reset.
    Resets,
    /// This process is halted, and goes on when what was under way has been passed on.
    Halts(mpsc::Receiver<Pid>),
    /// This is done, and what comes behind that byte comes later.
    Does(Box<dyn FnOnce() + Send>),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Way {
    There,
    Back,
}

/// Takes one connection and passes it on to `to`. When so many bytes have gone one way, something happens. How
/// many went there and back, if nothing did.
pub fn proxy(to: &str, way: Way, byte: u64, happens: At) -> (String, JoinHandle<(u64, u64)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let to: SocketAddr = to.parse().unwrap();
    let passing = thread::spawn(move || {
        let (client, _) = listener.accept().unwrap();
        let server = TcpStream::connect(to).unwrap();
        let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
        let backward = way == Way::Back;
        let (one, other) = if backward { (&back.0, &back.1) } else { (&client, &server) };
        let (free, to_free) = if backward { (&client, &server) } else { (&back.0, &back.1) };
        let broken = AtomicBool::new(false);
        let (counted, counted_free) = thread::scope(|scope| {
            let freely = scope.spawn(|| pass(free, to_free, None, &broken));
            let counted = pass(one, other, Some((byte, happens)), &broken);
            (counted, freely.join().unwrap())
        });
        if backward { (counted_free, counted) } else { (counted, counted_free) }
    });
    (address, passing)
}

/// Passes on what comes; how much that was.
fn pass(
    mut from: &TcpStream,
    mut to: &TcpStream,
    mut due: Option<(u64, At)>,
    broken: &AtomicBool,
) -> u64 {
    let mut buffer = vec![0; 64 << 10];
    let mut passed = 0;
    loop {
        let left = due.as_ref().map_or(u64::MAX, |(byte, _)| byte - passed);
        if left == 0 {
            match due.take() {
                Some((_, At::Halts(process))) => {
                    let process = process.recv().unwrap();
                    kill_process(process, Signal::STOP).unwrap();
                    // What the kernel takes meanwhile is on its way to or from one that does not run.
                    let read = from.read(&mut buffer).unwrap_or(0);
                    let _ = to.write_all(&buffer[..read]);
                    kill_process(process, Signal::CONT).unwrap();
                    passed += read as u64;
                    continue;
                }
                Some((_, At::Does(act))) => {
                    act();
                    continue;
                }
                Some((_, At::Resets)) => {
                    broken.store(true, Ordering::Relaxed);
                    for end in [from, to] {
                        set_socket_linger(end, Some(Duration::ZERO)).unwrap();
                        // Who reads on the other thread wakes up; nothing of it is seen elsewhere.
                        let _ = end.shutdown(Shutdown::Read);
                    }
                }
                _ => {
                    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
                }
            }
            return passed;
        }
        let most = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        match from.read(&mut buffer[..most]) {
            Ok(0) if broken.load(Ordering::Relaxed) => return passed,
            Ok(0) => {
                let _ = to.shutdown(Shutdown::Write);
                return passed;
            }
            Ok(read) if to.write_all(&buffer[..read]).is_ok() => passed += read as u64,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Ok(_) | Err(_) => {
                let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
                return passed;
            }
        }
    }
}

/// Breaks the connection there, and does the same again. Whether some of it was there in between.
fn broken(secured: bool, from: &Path, (way, byte, resets): (Way, u64, bool)) -> bool {
    let into = Folder::in_memory();
    let context = format!("secured {secured}, {way:?}, {byte}, resets {resets}");
    let mut receiver = receive(secured, into.path(), &[]);
    let happens = if resets { At::Resets } else { At::Ends };
    let (address, passing) = proxy(&at(&receiver), way, byte, happens);
    let sender = send(secured, from, &address).wait();
    // One whom a connection left before it was a transfer waits for another one.
    let mut waits = byte < 8 || secured;
    while !waits && let Some(line) = receiver.next_line() {
        waits = line.contains(r#""event":"not_met""#);
    }
    if waits {
        receiver.signal(Signal::INT);
    }
    let receiver = receiver.wait();
    passing.join().unwrap();
    let (there, ours) = found(into.path());
    let what = what();
    for it in &there {
        assert!(what.get(it.0) == Some(it.1), "{context}: {} is not whole", it.0);
    }
    let all = there.len() == what.len() && ours.is_empty();
    assert!(sender.code != 0 || all, "{context}: {sender}");
    assert!(receiver.code != 0 || all, "{context}: {receiver}");
    let have = size(&there) + logged(&ours);
    let (receiver, sender) = both(secured, from, into.path());
    assert_eq!((receiver.code, sender.code), (0, 0), "{context}: {receiver}\n{sender}");
    let (there, ours) = found(into.path());
    assert!(there == what, "{context}: {:?}", there.keys());
    assert!(ours.is_empty(), "{context}: {ours:?}");
    assert_eq!(told(&sender, "moved"), size(&what) - have, "{context}: {sender}");
    have > 0 && have < size(&what)
}

/// How many bytes a whole transfer takes, there and back.
fn bytes_of(secured: bool, from: &Path) -> (u64, u64) {
    let into = Folder::in_memory();
    let receiver = receive(secured, into.path(), &[]);
    let (address, passing) = proxy(&at(&receiver), Way::There, u64::MAX, At::Ends);
    let (sender, receiver) = (send(secured, from, &address).wait(), receiver.wait());
    assert_eq!((receiver.code, sender.code), (0, 0), "{receiver}\n{sender}");
    passing.join().unwrap()
}

fn broken_anywhere(secured: bool, parts: u64) {
    let from = Folder::in_memory();
    lay(&what(), from.path(), changed());
    let (there, back) = bytes_of(secured, &from.path().join("src"));
    let (mut cuts, mut midst) = (0, 0);
    for (way, all) in [(Way::There, there), (Way::Back, back)] {
        let near = [0, 1, 7, 8, 9, 15, 16, 17, 100];
        let far = (1..parts).map(|part| all * part / parts).chain([all - 1]);
        for (nth, byte) in near.into_iter().chain(far).filter(|byte| *byte < all).enumerate() {
            let at = (way, byte, nth % 2 == 1);
            midst += u32::from(broken(secured, &from.path().join("src"), at));
            cuts += 1;
        }
    }
    tell(&format!("secured {secured}: {cuts} networks broken, {midst} in the midst"));
    assert!(midst > 5, "{midst}");
}

#[test]
fn a_network_that_breaks_anywhere_costs_only_what_was_under_way() {
    broken_anywhere(false, 24);
}

#[test]
fn a_network_with_a_code_that_breaks_anywhere_costs_only_what_was_under_way() {
    broken_anywhere(true, 8);
}

#[test]
fn a_side_that_is_halted_goes_on() {
    let from = Folder::in_memory();
    lay(&what(), from.path(), changed());
    let src = from.path().join("src");
    for (secured, halts_sender, way, byte) in [
        (false, false, Way::There, 20),
        (false, false, Way::There, 1_000_000),
        (false, true, Way::There, 1_000_000),
        (false, true, Way::Back, 20),
        (true, false, Way::There, 1_000_000),
        (true, true, Way::There, 100),
    ] {
        let into = Folder::in_memory();
        let (halt, halts) = mpsc::channel();
        let receiver = receive(secured, into.path(), &[]);
        let (address, passing) = proxy(&at(&receiver), way, byte, At::Halts(halts));
        let sender = send(secured, &src, &address);
        let process = if halts_sender { &sender } else { &receiver };
        halt.send(Pid::from_raw(process.id().cast_signed()).unwrap()).unwrap();
        let (sender, receiver) = (sender.wait(), receiver.wait());
        passing.join().unwrap();
        assert_eq!((receiver.code, sender.code), (0, 0), "{receiver}\n{sender}");
        assert!(found(into.path()).0 == what());
    }
}
