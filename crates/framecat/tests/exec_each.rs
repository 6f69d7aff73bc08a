//! `listen --exec-each`: a program for each message. Whatever programs and peers do, answers stay whole
//! and in order, what has none is told, and nothing is left running.

use std::fs;
use std::net::UdpSocket;
use std::path::Path;
use std::thread;
use std::time::Instant;

mod run;

use run::peer::{Peer, Random, datagram, udp};
use run::{Finished, Folder, PATIENCE, Run, Running, Signal, have};

fn listen(args: &[&str]) -> Running {
    Run::new(&[&["listen"], args].concat()).start()
}

fn ends(listener: Running, code: i32) -> Finished {
    listener.signal(Signal::TERM);
    let finished = listener.wait();
    assert_eq!(finished.code, code, "{finished}");
    finished
}

#[track_caller]
fn until(what: &str, so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        thread::yield_now();
    }
}

/// The children of a program, ended or not (proc_pid_task_children(5)).
fn children(of: u32) -> usize {
    let path = format!("/proc/{of}/task/{of}/children");
    fs::read_to_string(path).unwrap_or_default().split_whitespace().count()
}

fn open_descriptors(of: u32) -> usize {
    fs::read_dir(format!("/proc/{of}/fd")).unwrap().count()
}

#[test]
fn each_message_has_a_program_and_each_program_its_answer() {
    let listener = listen(&[":0", "--exec-each", "tr a-z A-Z"]);
    let mut peer = Peer::dial(listener.port());
    // In whatever pieces they come; CR LF is answered with CR LF.
    for piece in ["on", "e\ntwo\n\nthr", "ee\r\n", "four"] {
        peer.send(piece);
    }
    peer.end();
    assert_eq!(peer.rest(), b"ONE\nTWO\n\nTHREE\r\nFOUR\n");
    let finished = ends(listener, 0);
    assert_eq!(finished.text(), "one\ntwo\n\nthree\r\nfour\n", "{finished}");
}

#[test]
fn a_program_gets_lines_as_lines_and_bytes_as_bytes() {
    for (args, sent, heard) in [
        (&["-f", "line"][..], &b"ab\n\n"[..], &b"3\n1\n"[..]),
        (&["-f", "crlf"], b"ab\r\n", b"3\r\n"),
        (&["-f", "nul"], b"ab\0", b"3\0"),
        (&["-f", "len:u8"], b"\x02ab\x00", b"\x022\n\x020\n"),
        (&["-f", "netstring"], b"2:ab,", b"2:2\n,"),
        (&["-f", "len:u8", "--send-frame", "line"], b"\x02ab", b"2\n"),
    ] {
        let args = [&[":0", "--exec-each", "wc -c", "--once"], args].concat();
        let listener = listen(&args);
        let mut peer = Peer::dial(listener.port());
        peer.send(sent);
        peer.end();
        assert_eq!(peer.rest(), heard, "{args:?}");
        assert_eq!(listener.wait().code, 0);
    }
}

#[test]
fn what_a_program_is_given_comes_back_the_same() {
    let listener =
        listen(&[":0", "-f", "len:u32be", "--exec-each", "cat", "--max-message", "4MiB"]);
    let mut peer = Peer::dial(listener.port());
    let mut random = Random(11);
    for size in [0, 1, 2, 4095, 65_536, 65_537, 3_000_000, 0, 4 << 20] {
        let bytes = random.bytes(size);
        let mut framed = (size as u32).to_be_bytes().to_vec();
        framed.extend_from_slice(&bytes);
        peer.send(&framed);
        assert!(peer.take(framed.len()) == framed, "{size} bytes");
    }
    ends(listener, 0);
    // Datagrams with an LF of their own, as nc sends them, and without.
    let listener = listen(&["udp://:0", "--exec-each", "cat"]);
    let (socket, _) = udp();
    socket.connect(("127.0.0.1", listener.port())).unwrap();
    for text in [&b"plain"[..], b"line\n", b"", b"\n", b"two\nlines", b"\0\xff\r\n"] {
        socket.send(text).unwrap();
        assert_eq!(datagram(&socket), text);
    }
    ends(listener, 0);
}

#[test]
fn a_program_knows_its_peer() {
    let listener = listen(&[":0", "--exec-each", "sh -c 'echo $FRAMECAT_PEER $FRAMECAT_LOCAL'"]);
    let mut peer = Peer::dial(listener.port());
    let own = peer.0.local_addr().unwrap();
    peer.send("?\n?\n");
    for _ in 0..2 {
        assert_eq!(peer.line(), format!("{own} 127.0.0.1:{}\n", listener.port()));
    }
    ends(listener, 0);
}

#[test]
fn what_has_no_answer_is_told_and_the_next_goes_on() {
    let script = "sh -c 'read x; case $x in
        fail) echo half; exit 3;;
        die) kill -9 $$;;
        long) head -c 5000 /dev/zero;;
        flood) cat /dev/zero;;
        two) echo a; echo b;;
        none) ;;
        empty) echo;;
        *) echo got $x;; esac'";
    let listener = listen(&[":0", "--exec-each", script, "--max-message", "1000"]);
    let mut peer = Peer::dial(listener.port());
    peer.send("one\nfail\ndie\nlong\nflood\ntwo\nnone\nempty\nnine\n");
    peer.end();
    assert_eq!(peer.rest(), b"got one\n\ngot nine\n");
    for told in [
        "message 2 from 127.0.0.1",
        "it ended with exit code 3",
        "it ended by SIGKILL",
        "message 4 from 127.0.0.1",
        "it said more than the longest message has, 1000 bytes",
        "message 5 from 127.0.0.1",
        "line cannot hold what it said, its byte 1 would end it early",
    ] {
        listener.told(told);
    }
    let pid = listener.id();
    until("every program is gone", || children(pid) == 0);
    let finished = ends(listener, 9);
    assert_eq!(finished.stderr.matches("is not answered").count(), 5, "{finished}");
}

#[test]
fn programs_that_behave_badly_harm_nobody() {
    for (script, told) in [
        // It reads nothing of much, and answers.
        ("echo fine", ""),
        // It closes its output first, and reads on.
        ("echo fine; exec >&-; cat > /dev/null", ""),
        // It says much before it reads.
        ("head -c 300000 /dev/zero | tr -d \"\\0\"; echo fine; cat > /dev/null", ""),
        // What it started keeps its output.
        ("sleep 1000 & echo $! > pid; echo never", "keeps its stdout open"),
    ] {
        let folder = Folder::new();
        let command = format!("sh -c '{script}'");
        let args = ["listen", ":0", "--exec-each", &command, "--once"];
        let listener = Run::new(&args).in_folder(folder.path()).start();
        let mut peer = Peer::dial(listener.port());
        let mut line = vec![b'x'; 200_000];
        line.push(b'\n');
        peer.send(&line);
        peer.end();
        let (code, heard) = if told.is_empty() { (0, &b"fine\n"[..]) } else { (9, &b""[..]) };
        assert_eq!(peer.rest(), heard, "{script}");
        listener.told(told);
        if let Ok(pid) = fs::read_to_string(folder.file("pid")) {
            Run::program("kill", &[pid.trim()]).run("").expect(0, "");
        }
        let finished = listener.wait();
        assert_eq!(finished.code, code, "{finished}");
    }
}

#[test]
fn a_slow_program_holds_up_its_own_peer_alone() {
    let folder = Folder::new();
    Run::program("mkfifo", &[&folder.file("gate")]).run("").expect(0, "");
    let script = "sh -c 'read x; if [ $x = slow ]; then cat gate; else echo $x; fi'";
    let args = ["listen", ":0", "--exec-each", script];
    let listener = Run::new(&args).in_folder(folder.path()).start();
    let (mut slow, mut quick) = (Peer::dial(listener.port()), Peer::dial(listener.port()));
    slow.send("slow\nafter\n");
    for n in 0..20 {
        quick.send(format!("{n}\n"));
        assert_eq!(quick.line(), format!("{n}\n"));
    }
    fs::write(folder.file("gate"), "late\n").unwrap();
    assert_eq!((slow.line(), slow.line()), ("late\n".into(), "after\n".into()));
    ends(listener, 0);
}

#[test]
fn so_many_programs_run_and_no_more_for_datagrams_too() {
    let folder = Folder::new();
    Run::program("mkfifo", &[&folder.file("gate")]).run("").expect(0, "");
    let args = ["listen", "udp://:0", "--max-clients", "3", "--exec-each", "sh -c 'cat gate; cat'"];
    let listener = Run::new(&args).in_folder(folder.path()).start();
    let (pid, port) = (listener.id(), listener.port());
    let peers: Vec<UdpSocket> = (0..50).map(|_| udp().0).collect();
    for (n, peer) in peers.iter().enumerate() {
        peer.connect(("127.0.0.1", port)).unwrap();
        peer.send(format!("{n}").as_bytes()).unwrap();
    }
    until("three run", || children(pid) == 3);
    // Whoever opens it for writing lets all of them go.
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let gate = folder.file("gate");
    let opener = thread::spawn(move || {
        while stopped.try_recv().is_err() {
            // No reader (ENXIO) is no error: the next one comes.
            let how = rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::NONBLOCK;
            let _ = rustix::fs::open(&*gate, how, rustix::fs::Mode::empty());
            thread::yield_now();
        }
    });
    for (n, peer) in peers.iter().enumerate() {
        assert_eq!(datagram(peer), format!("{n}").as_bytes());
        assert!(children(pid) <= 3);
    }
    stop.send(()).unwrap();
    opener.join().unwrap();
    until("every program is gone", || children(pid) == 0);
    ends(listener, 0);
}

#[test]
fn hundreds_of_conversations_leave_no_program_and_no_descriptor_behind() {
    let listener = listen(&[":0", "--exec-each", "cat", "--max-clients", "10"]);
    let (pid, port) = (listener.id(), listener.port());
    let one = move |n: usize| {
        let mut peer = Peer::dial(port);
        peer.send(format!("hello {n}\n"));
        match n % 3 {
            0 => peer.reset(),
            1 => drop(peer),
            _ => {
                peer.end();
                assert_eq!(peer.rest(), format!("hello {n}\n").into_bytes());
            }
        }
    };
    one(2);
    until("the first is gone", || children(pid) == 0);
    let before = open_descriptors(pid);
    let clients = (0..4).map(|t| thread::spawn(move || (0..50).for_each(|n| one(n * 4 + t))));
    clients.collect::<Vec<_>>().into_iter().for_each(|client| client.join().unwrap());
    until("every program is gone", || children(pid) == 0);
    until("every descriptor is closed", || open_descriptors(pid) <= before);
    listener.signal(Signal::TERM);
    listener.wait();
}

#[test]
fn a_signal_lets_a_program_finish_and_ends_one_that_does_not() {
    let folder = Folder::new();
    Run::program("mkfifo", &[&folder.file("gate")]).run("").expect(0, "");
    let script = "sh -c 'echo $$ > pid; cat gate'";
    let args = ["listen", ":0", "--exec-each", script];
    let started = |listener: &Running, folder: &Folder| {
        let mut peer = Peer::dial(listener.port());
        peer.send("now\nnever\n");
        until("it runs", || {
            fs::read_to_string(folder.file("pid")).is_ok_and(|pid| pid.ends_with('\n'))
        });
        peer
    };
    let listener = Run::new(&args).in_folder(folder.path()).start();
    let mut peer = started(&listener, &folder);
    listener.signal(Signal::TERM);
    fs::write(folder.file("gate"), "done\n").unwrap();
    assert_eq!(peer.line(), "done\n");
    // The second message was in our hands or the kernel's, and not begun.
    let finished = listener.wait();
    assert_eq!(finished.code, 9, "{finished}");
    let _ = peer.rest();

    let folder = Folder::new();
    let args =
        ["listen", ":0", "--exec-each", "sh -c 'trap \"\" TERM; echo $$ > pid; exec sleep 1000'"];
    let listener = Run::new(&args).in_folder(folder.path()).start();
    let peer = started(&listener, &folder);
    let pid = fs::read_to_string(folder.file("pid")).unwrap();
    listener.signal(Signal::TERM);
    let finished = listener.wait();
    assert_eq!(finished.code, 9, "{finished}");
    until("it is gone", || {
        let status = fs::read_to_string(format!("/proc/{}/status", pid.trim()));
        // Whoever inherits it may take its time to reap it.
        !status.is_ok_and(|status| !status.contains("State:\tZ"))
    });
    drop(peer);
}

#[test]
fn foreign_programs_talk_to_it() {
    if have("ncat") {
        let listener = listen(&[":0", "--exec-each", "rev"]);
        let port = listener.port().to_string();
        Run::program("ncat", &["127.0.0.1", &port]).run("abc\ndef\n").expect(0, "cba\nfed\n");
        ends(listener, 0);
    }
    if have("socat") {
        let folder = Folder::new();
        let path = folder.file("x.sock");
        let listener = listen(&[&format!("unix://{path}"), "--exec-each", "sort -r"]);
        listener.endpoint();
        assert!(Path::new(&path).exists());
        let to = format!("UNIX-CONNECT:{path}");
        Run::program("socat", &["-t", "20", "-", &to]).run("a\nb\n").expect(0, "a\nb\n");
        ends(listener, 0);
    }
}

#[test]
fn what_cannot_be_meant_is_told_before_anything_is_bound() {
    for (args, told) in [
        (&["--exec-each", "framecat-test-no-such"][..], "no such file"),
        (&["--exec-each", ""], "the program to run is missing"),
        (&["--exec-each", "sh -c 'x"], "is never closed"),
        (&["--exec-each", "cat", "--exec", "cat"], "cannot be used with"),
        (&["--exec-each", "cat", "--echo"], "cannot be used with"),
        (&["--exec-each", "cat", "--reply", "x"], "cannot be used with"),
        (&["--exec-each", "cat", "--chat"], "cannot be used with"),
        (&["--exec-each", "cat", "--replay", "x"], "cannot be used with"),
    ] {
        let finished = Run::new(&[&["listen", ":0"], args].concat()).run("");
        finished.expect(2, "");
        assert!(finished.stderr.contains(told), "{finished}");
        assert!(!finished.stderr.contains("listening"), "{finished}");
    }
}
