//! A listener of many peers that is asked to end: what is finished, and what is told of the rest.

mod run;

use std::io::Write;

use run::peer::Peer;
use run::{Run, Running, Signal};

fn listen(args: &[&str]) -> Running {
    Run::new(&[&["listen"], args].concat()).start()
}

fn ends(running: Running, code: i32) -> run::Finished {
    running.signal(Signal::TERM);
    let finished = running.wait();
    assert_eq!(finished.code, code, "{finished}");
    finished
}

#[test]
fn what_a_peer_had_begun_to_say_at_a_signal_is_told() {
    let mut listener = listen(&[":0", "-f", "line"]);
    let mut peer = Peer::dial(listener.port());
    peer.send("one\ntw");
    assert_eq!(listener.read_line(), "one");
    let finished = ends(listener, 9);
    assert!(finished.stderr.contains("2 bytes from 127.0.0.1:"), "{finished}");
}

#[test]
fn a_signal_before_the_count_is_met_is_told_by_the_code() {
    let mut listener = listen(&[":0", "--count", "3"]);
    let mut peer = Peer::dial(listener.port());
    peer.send("one\n");
    assert_eq!(listener.read_line(), "one");
    ends(listener, 143);
}

#[test]
fn a_message_begun_in_a_read_of_its_own_is_told_at_a_signal_too() {
    let mut listener = listen(&[":0", "-f", "line", "--json"]);
    let mut peer = Peer::dial(listener.port());
    peer.send("one\n");
    listener.read_until(b"\"one\"}\n");
    peer.send("half");
    let finished = ends(listener, 9);
    assert!(finished.text().contains("\"event\":\"unfinished\""), "{finished}");
}

#[test]
fn a_signal_ends_a_listener_whose_stdout_takes_nothing() {
    let (_unread, stdout) = std::io::pipe().unwrap();
    let listener = Run::new(&["listen", ":0", "-f", "line"]).stdout(stdout).start();
    let mut peer = Peer::dial(listener.port());
    // More than every buffer on the way holds: the listener waits for stdout when all of it is sent,
    // or the peer waits for the listener.
    peer.0.set_nonblocking(true).unwrap();
    let lines = vec![b'\n'; 1 << 20];
    let mut full = 0;
    while full < 200 {
        match peer.0.write(&lines) {
            Ok(_) => full = 0,
            Err(_) => full += 1,
        }
        std::thread::yield_now();
    }
    listener.signal(Signal::TERM);
    let finished = listener.wait();
    assert_eq!(finished.code, 9, "{}", finished.stderr);
}
