//! `exec:WORDS`: a program as a peer. Whatever it does, it hears the end, is heard out, and is gone
//! when we are.

mod run;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Instant;

use run::peer::{Peer, Random};
use run::{Finished, PATIENCE, Run, Running, Signal, have, have_python};

/// A relay on a free port that starts this program for each connection.
fn relay(command: &str, args: &[&str]) -> Running {
    Run::new(&[&["relay", ":0", command], args].concat()).start()
}

fn ends(relay: Running, code: i32) -> Finished {
    relay.signal(Signal::TERM);
    let finished = relay.wait();
    assert_eq!(finished.code, code, "{finished}");
    finished
}

/// Waits until it is so.
#[track_caller]
fn until(what: &str, so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        thread::yield_now();
    }
}

#[test]
fn a_program_hears_the_end_and_is_heard_out() {
    let bytes = Random(5).bytes(3_000_000);
    let finished = Run::new(&["connect", "exec:cat"]).run(bytes.clone());
    assert_eq!(finished.code, 0, "{finished}");
    assert!(finished.stdout == bytes, "there and back");
    Run::new(&["connect", "exec:wc -c"]).run(bytes).expect(0, "3000000\n");
    Run::new(&["connect", "exec:sort -r"]).run("a\nb\nc\n").expect(0, "c\nb\na\n");
    // It may say its last word long after it heard the end.
    let late =
        "exec:sh -c 'cat > /dev/null; i=0; while [ $i -lt 3000 ]; do i=$((i+1)); done; echo late'";
    Run::new(&["connect", late]).run("x").expect(0, "late\n");
}

#[test]
fn words_are_split_without_a_shell() {
    for (command, said) in [
        ("exec:printf %s|  a  'b  c' d\"e\"f ''", "a|b  c|def||"),
        ("exec:echo $HOME * ; a,b | c", "$HOME * ; a,b | c\n"),
        ("exec:sh -c 'echo $0 $1' 'x y' z", "x y z\n"),
    ] {
        Run::new(&["connect", command]).stdin_null().run("").expect(0, said);
    }
}

#[test]
fn a_program_asked_message_by_message_answers_in_lockstep() {
    if !have("bc") {
        return;
    }
    let asked = Run::new(&["ask", "exec:bc", "1+2", "3*4", "2^100"]).run("");
    asked.expect(0, "3\n12\n1267650600228229401496703205376\n");
    if have_python(&["struct"]) {
        let server = "exec:python3 -c '
import sys, struct
while head := sys.stdin.buffer.read(4):
    payload = sys.stdin.buffer.read(struct.unpack(\"!I\", head)[0])
    sys.stdout.buffer.write(struct.pack(\"!I\", len(payload)) + payload[::-1])
    sys.stdout.flush()'";
        let args = ["ask", server, "-f", "len:u32be", "--wait", "20s", "abc", "xyz"];
        Run::new(&args).run("").expect(0, "cba\nzyx\n");
    }
}

#[test]
fn the_standard_names_of_its_descriptors_can_be_opened() {
    // They are pipes: a socket could not be opened by these names.
    let command = "exec:sh -c 'cat /dev/stdin > /dev/stdout'";
    Run::new(&["connect", command]).run("through").expect(0, "through");
    let both = "exec:sh -c 'test -p /dev/stdin && test -p /dev/stdout && echo pipes'";
    Run::new(&["connect", both]).stdin_null().run("").expect(0, "pipes\n");
}

#[test]
fn how_a_program_ends_decides_the_exit_code() {
    for (command, code, told) in [
        ("exec:true", 0, ""),
        ("exec:sh -c 'cat; exit 3'", 1, "run exec:sh -c 'cat; exit 3': it ended with exit code 3"),
        ("exec:sh -c 'kill -SEGV $$'", 1, "it ended by SIGSEGV"),
        ("exec:framecat-test-no-such", 2, "no such file or directory"),
        ("exec:/none/x", 2, "no such file or directory"),
        ("exec:/etc/passwd", 2, "permission denied"),
        ("exec:/", 2, "permission denied"),
        ("exec:cat,frame=line", 2, "-f RULE names the framing"),
        ("exec:", 2, "the program to run is missing"),
        ("exec:sh -c 'x", 2, "is never closed"),
    ] {
        let finished = Run::new(&["connect", command]).stdin_null().run("");
        assert_eq!(finished.code, code, "{finished}");
        assert!(finished.stderr.contains(told), "{finished}");
        let relayed = Run::new(&["relay", command, "-"]).stdin_null().run("");
        assert_eq!(relayed.code, code, "{relayed}");
    }
    // What it said before it failed is printed, and its stderr is ours.
    let finished = Run::new(&["connect", "exec:sh -c 'echo said; echo why >&2; exit 9'"]).run("");
    finished.expect(1, "said\n");
    assert!(finished.stderr.starts_with("why\n"), "{finished}");
    // One that takes no more and fails is told as failed, not as a broken pipe.
    let finished = Run::new(&["connect", "exec:sh -c 'exit 4'"]).run(vec![b'x'; 1 << 20]);
    finished.expect(1, "");
    assert!(finished.stderr.contains("it ended with exit code 4"), "{finished}");
    // Who ends first does not care.
    Run::new(&["connect", "exec:yes", "--count", "2"]).stdin_null().run("").expect(0, "y\ny\n");
    Run::new(&["relay", "exec:yes", "-", "--count", "2"]).run("").expect(0, "y\ny\n");
    // Nor is what it said beyond the count a loss, with our stdin still open.
    let mut relay = Run::new(&["relay", "exec:yes", "-", "--count", "2"]).start();
    let _stdin = relay.take_stdin();
    relay.wait().expect(0, "y\ny\n");
    let none = Run::new(&["ask", "exec:sh -c 'read x; exit 7'", "hello"]).run("");
    none.expect(1, "");
    assert!(none.stderr.contains("it ended with exit code 7"), "{none}");
    Run::new(&["listen", "exec:cat"]).run("").expect(2, "");
    Run::new(&["connect", "-z", "exec:cat"]).run("").expect(2, "");
    // Known before anybody connects.
    let finished = Run::new(&["relay", ":0", "exec:framecat-test-no-such"]).run("");
    finished.expect(2, "");
    assert!(!finished.stderr.contains("listening"), "{finished}");
}

#[test]
fn a_program_of_a_relay_knows_its_peer() {
    let relay = relay("exec:sh -c 'echo $FRAMECAT_PEER $FRAMECAT_LOCAL; cat'", &["-v"]);
    let mut client = Peer::dial(relay.port());
    let own = client.0.local_addr().unwrap();
    assert_eq!(client.line(), format!("{own} 127.0.0.1:{}\n", relay.port()));
    client.send("and back");
    client.end();
    assert_eq!(client.rest(), b"and back");
    relay.told("connection 1 with 127.0.0.1");
    ends(relay, 0);
}

#[test]
fn all_peers_of_a_shared_relay_talk_to_one_program() {
    let relay = relay(
        "exec:sh -c 'while read x; do n=$((n+1)); echo $n $x; done'",
        &["--shared", "-f", "line"],
    );
    let (mut one, mut two) = (Peer::dial(relay.port()), Peer::dial(relay.port()));
    one.send("a\n");
    assert_eq!((one.line(), two.line()), ("1 a\n".into(), "1 a\n".into()));
    two.send("b\n");
    assert_eq!((one.line(), two.line()), ("2 b\n".into(), "2 b\n".into()));
    let pid = relay.id();
    assert_eq!(children(pid).len(), 1);
    ends(relay, 0);
}

#[test]
fn messages_reach_a_program_as_its_framing_has_them() {
    let relay = relay("exec:cat", &["-f", "len:u16be", "-f", "line"]);
    let mut client = Peer::dial(relay.port());
    client.send(b"\0\x03one\0\x00\0\x03a\nb\0\x03two");
    assert_eq!(client.take(12), b"\0\x03one\0\x00\0\x03two");
    relay.told("message 3 from 127.0.0.1");
    client.end();
    assert_eq!(client.rest(), b"");
    ends(relay, 9);
}

#[test]
fn a_listener_starts_a_program_for_each_connection() {
    let args = ["listen", ":0", "--exec", "sh -c 'echo $FRAMECAT_PEER; cat'", "--show"];
    let listener = Run::new(&args).start();
    let clients: Vec<_> = (0..10).map(|_| Peer::dial(listener.port())).collect();
    for (n, mut client) in clients.into_iter().enumerate() {
        assert_eq!(client.line(), format!("{}\n", client.0.local_addr().unwrap()));
        client.send(format!("bytes of {n}"));
        client.end();
        assert_eq!(client.rest(), format!("bytes of {n}").into_bytes());
    }
    listener.told("bytes of 9");
    let finished = ends(listener, 0);
    assert_eq!(finished.text(), "", "what peers say goes to the program");
    let once = Run::new(&["listen", ":0", "--exec", "false", "--once"]).start();
    assert_eq!(Peer::dial(once.port()).rest(), b"");
    once.told("run exec:false: it ended with exit code 1");
    assert_eq!(once.wait().code, 9);
    for (args, told) in [
        (&["--exec", "framecat-test-no-such"][..], "no such file"),
        (&["--exec", ""], "the program to run is missing"),
        (&["--exec", "cat", "--echo"], "cannot be used with"),
        (&["--exec", "cat", "--out", "hex"], "cannot be used with"),
    ] {
        let finished = Run::new(&[&["listen", ":0"], args].concat()).run("");
        finished.expect(2, "");
        assert!(finished.stderr.contains(told), "{finished}");
        assert!(!finished.stderr.contains("listening"), "{finished}");
    }
    let datagrams = Run::new(&["listen", "udp://:0", "--exec", "cat"]).run("");
    datagrams.expect(2, "");
    assert!(datagrams.stderr.contains("-f line"), "{datagrams}");
}

#[test]
fn a_program_that_fails_for_one_peer_leaves_the_others_alone() {
    let relay = relay("exec:sh -c 'read x; [ \"$x\" = die ] && exit 5; echo got $x; cat'", &[]);
    let mut first = Peer::dial(relay.port());
    first.send("hello\n");
    assert_eq!(first.line(), "got hello\n");
    let mut second = Peer::dial(relay.port());
    second.send("die\n");
    assert_eq!(second.rest(), b"");
    relay.told("connection 2: run exec:sh");
    first.send("still here\n");
    assert_eq!(first.line(), "still here\n");
    first.end();
    assert_eq!(first.rest(), b"");
    ends(relay, 9);
}

/// The listing without SIGINT and SIGTERM: framecat handles them, so a program has their default though
/// whoever runs the tests ignores one (as a shell does for a command in the background).
fn without_ours(listing: &str) -> String {
    let line = |line: &str| match line.strip_prefix("SigIgn:") {
        Some(set) => {
            let set = u64::from_str_radix(set.trim(), 16).unwrap();
            format!("SigIgn:\t{:016x}\n", set & !(1 << (2 - 1) | 1 << (15 - 1)))
        }
        None => format!("{line}\n"),
    };
    listing.lines().map(line).collect()
}

#[test]
fn no_descriptor_and_no_signal_of_ours_reaches_a_program() {
    let listing = "exec:sh -c 'ls /proc/$$/fd; grep -E Sig[IB] /proc/self/status'";
    let here = Run::program("sh", &["-c", &listing["exec:sh -c '".len()..listing.len() - 1]]);
    let here = without_ours(&here.stdin_null().run("").text());
    // With other connections open, and their programs.
    let relay = relay(listing, &["-v"]);
    let others: Vec<_> = (0..5).map(|_| Peer::dial(relay.port())).collect();
    for mut other in others {
        let there = String::from_utf8(other.rest()).unwrap();
        assert_eq!(without_ours(&there), here);
    }
    let ignored = here.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
    let ignored = u64::from_str_radix(ignored.trim(), 16).unwrap();
    assert_eq!(ignored & (1 << (13 - 1)), 0, "SIGPIPE ends a program that nobody reads: {here}");
    drop(relay);
}

#[test]
fn a_program_that_will_not_end_is_ended_by_force_when_we_are_told_to_end() {
    let stubborn = "exec:sh -c 'trap \"\" TERM; echo $$; while :; do read x || :; done'";
    let mut framecat = Run::new(&["connect", stubborn]).start();
    let pid = framecat.read_line();
    let status = format!("/proc/{pid}/status");
    assert!(Path::new(&status).exists());
    framecat.signal(Signal::TERM);
    assert_eq!(framecat.wait().code, 143);
    until("it is gone", || !Path::new(&status).exists());
    // One that closed its output and stays is told.
    let stays = "exec:sh -c 'echo $$; exec >&-; while :; do sleep 1; done'";
    let finished = Run::new(&["connect", stays]).stdin_null().run("");
    assert_eq!(finished.code, 1, "{finished}");
    assert!(finished.stderr.contains("did not end within 5 s"), "{finished}");
    assert!(!Path::new(&format!("/proc/{}/status", finished.text().trim())).exists());
}

/// The children of a program, ended or not (proc_pid_task_children(5)).
fn children(of: u32) -> BTreeSet<String> {
    let path = format!("/proc/{of}/task/{of}/children");
    let children = fs::read_to_string(path).unwrap_or_default();
    children.split_whitespace().map(Into::into).collect()
}

#[test]
fn a_thousand_conversations_leave_no_child_and_no_descriptor_behind() {
    let relay = relay("exec:cat", &["--max-clients", "20"]);
    let (pid, port) = (relay.id(), relay.port());
    let open = || fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
    let one = move |n: usize| {
        let mut client = Peer::dial(port);
        client.send(format!("hello {n}"));
        match n % 3 {
            // A reset, with the program in the middle of it all.
            0 => client.reset(),
            // Gone without a word.
            1 => drop(client),
            _ => {
                client.end();
                assert_eq!(client.rest(), format!("hello {n}").into_bytes());
            }
        }
    };
    one(2);
    until("the first child is gone", || children(pid).is_empty());
    let before = open();
    let clients = (0..4).map(|t| thread::spawn(move || (0..250).for_each(|n| one(n * 4 + t))));
    clients.collect::<Vec<_>>().into_iter().for_each(|t| t.join().unwrap());
    until("every child is gone", || children(pid).is_empty());
    until("every descriptor is closed", || open() <= before);
    relay.signal(Signal::TERM);
    relay.wait();
}

#[test]
fn a_program_is_not_started_for_who_cannot_come() {
    for (end, why) in [
        ("exec:cat", "a program is started, and nobody comes to it"),
        ("file:/dev/null", "a file is opened, and nobody comes to it"),
        ("-", "stdin and stdout are there already"),
    ] {
        let finished = Run::new(&["listen", end, "--exec", "cat"]).run("");
        assert_eq!(finished.code, 2, "{finished}");
        assert!(finished.stderr.contains(why), "{finished}");
    }
}
