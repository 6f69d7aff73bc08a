//! `file:PATH` and `-`: files, FIFOs and devices as peers, and stdin and stdout as an end of a relay.

mod run;

use std::fs;
use std::io::Write;
use std::thread;

use run::peer::{Peer, Random, tcp};
use run::{Finished, Folder, Run, have};

fn frame(folder: &Folder, args: &[&str]) -> Run {
    Run::new(args).in_folder(folder.path())
}

fn fifo(folder: &Folder, name: &str) {
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, folder.file(name), rustix::fs::FileType::Fifo, mode, 0)
        .expect("a FIFO can be made");
}

#[test]
fn a_file_is_read_byte_for_byte_and_ends() {
    let folder = Folder::new();
    let bytes = Random(7).bytes(3_000_000);
    fs::write(folder.file("a, b%"), &bytes).unwrap();
    for file in ["file:a%2C%20b%25", &format!("file://{}", folder.file("a%2c b%25"))] {
        let finished = frame(&folder, &["connect", file]).stdin_null().run("");
        assert!(finished.stdout == bytes, "{file}");
        assert_eq!(finished.code, 0, "{finished}");
    }
    fs::write(folder.file("empty"), "").unwrap();
    frame(&folder, &["connect", "file:empty"]).stdin_null().run("").expect(0, "");
    let hex = ["connect", "file:lines", "-f", "line", "--out", "hex", "--count", "2"];
    fs::write(folder.file("lines"), "ab\n\ncd\n").unwrap();
    frame(&folder, &hex).stdin_null().run("").expect(0, "6162\n\n");
}

#[test]
fn what_is_sent_to_a_file_that_is_read_is_told_and_the_file_untouched() {
    let folder = Folder::new();
    fs::write(folder.file("a"), "kept").unwrap();
    let finished = frame(&folder, &["connect", "file:a"]).run("lost?");
    finished.expect(2, "kept");
    assert!(finished.stderr.contains("send to file:a: it is read"), "{finished}");
    assert!(finished.stderr.contains("file:a,append writes to it"), "{finished}");
    // A client of a relay gets the file all the same.
    let relay = frame(&folder, &["relay", ":0", "file:a"]).start();
    let mut client = Peer::dial(relay.port());
    client.send("GET /");
    assert_eq!(client.rest(), b"kept");
    relay.told("it is read");
    relay.signal(run::Signal::TERM);
    assert_eq!(relay.wait().code, 9);
    assert_eq!(fs::read(folder.file("a")).unwrap(), b"kept");
}

#[test]
fn no_file_is_overwritten_unless_it_is_said() {
    let folder = Folder::new();
    let write = |word: &str, what: &str| frame(&folder, &["connect", word]).run(what);
    let holds = || fs::read_to_string(folder.file("x")).unwrap();
    write("file:x,create", "one\n").expect(0, "");
    let finished = write("file:x,create", "two\n");
    finished.expect(10, "");
    assert!(finished.stderr.contains("write to file:x: file exists"), "{finished}");
    assert!(finished.stderr.contains(",append adds to it, ,replace empties it"), "{finished}");
    assert_eq!(holds(), "one\n");
    write("file:x,append", "two\n").expect(0, "");
    assert_eq!(holds(), "one\ntwo\n");
    write("file:x,replace", "three\n").expect(0, "");
    assert_eq!(holds(), "three\n");
    write("file:x,append=off", "").expect(0, "three\n");
    // A symlink is no way to make a new file elsewhere.
    std::os::unix::fs::symlink("elsewhere", folder.file("link")).unwrap();
    write("file:link,create", "x").expect(10, "");
    assert!(!folder.path().join("elsewhere").exists());
}

#[test]
fn a_silent_stdin_is_waited_for_while_a_file_is_written() {
    let folder = Folder::new();
    fifo(&folder, "news");
    let mut writer = frame(&folder, &["connect", "file:news,append", "-v"]).start();
    let mut reader = frame(&folder, &["connect", "file:news"]).stdin_null().start();
    // Its reader was there first or waits for us: either way none of it is lost.
    writer.stdin_write("first\n");
    assert_eq!(reader.read_line(), "first");
    writer.stdin_write("second\n");
    assert_eq!(reader.read_line(), "second");
    writer.finish().expect(0, "");
    reader.wait().expect(0, "first\nsecond\n");
}

#[test]
fn a_fifo_waits_for_its_other_end() {
    let folder = Folder::new();
    fifo(&folder, "f");
    for word in ["file:f", "file:f,append"] {
        let finished = frame(&folder, &["connect", word, "--wait", "100ms"]).run("");
        finished.expect(5, "");
        assert!(finished.stderr.contains("other end of the FIFO"), "{finished}");
    }
    if have("cat") {
        let reading = frame(&folder, &["connect", "file:f"]).stdin_null().start();
        Run::program("cat", &[])
            .stdout(fs::File::create(folder.file("f")).unwrap())
            .run("by cat\n");
        reading.wait().expect(0, "by cat\n");
        let path = folder.file("f");
        let cat = Run::program("cat", &[path.as_str()]).start();
        frame(&folder, &["connect", "file:f,append"]).run("to cat\n").expect(0, "");
        cat.wait().expect(0, "to cat\n");
    }
}

#[test]
fn devices_are_peers_too() {
    let folder = Folder::new();
    let zeros = ["connect", "file:/dev/zero", "-f", "fixed:3", "--out", "hex", "--count", "2"];
    frame(&folder, &zeros).stdin_null().run("").expect(0, "000000\n000000\n");
    frame(&folder, &["connect", "file:/dev/null,append"]).run("gone").expect(0, "");
    let full = frame(&folder, &["connect", "file:/dev/full,append"]).run("too much");
    full.expect(10, "");
    assert!(full.stderr.contains("no space left on device"), "{full}");
}

#[test]
fn what_is_no_file_to_open_is_told() {
    let folder = Folder::new();
    let _socket = std::os::unix::net::UnixListener::bind(folder.file("sock")).unwrap();
    for (args, code, told) in [
        (&["connect", "file:none"][..], 4, "connect file:none: no such file"),
        (&["connect", "file:none/x,create"], 10, "the folder is not there"),
        (&["connect", "file:."], 4, "is a directory"),
        (&["connect", "file:.,append"], 10, "is a directory"),
        (&["connect", "file:sock"], 4, "a socket is unix://PATH"),
        (&["connect", "file:sock,append"], 10, "a socket is unix://PATH"),
        (&["connect", "-z", "file:x"], 2, "nobody listens on file:x"),
        (&["listen", "file:x"], 2, "nobody comes to it"),
        (&["listen", "-"], 2, "there already"),
        (&["connect", "-"], 2, "stdin and stdout are this end already"),
        (&["ask", "-", "x"], 2, "stdin and stdout are this end already"),
        (&["relay", "-", "-"], 2, "cat does"),
        (&["relay", "-", "file:x,append", "--json"], 2, "--json would write into it"),
        (&["relay", "-", "file:x,append", "--lan"], 2, "--lan"),
    ] {
        let finished = frame(&folder, args).run("");
        assert_eq!(finished.code, code, "{finished}");
        assert!(finished.stderr.contains(told), "{finished}");
    }
    assert!(!folder.path().join("x").exists());
}

#[test]
fn a_relay_of_stdin_and_a_peer_is_one_conversation_exact_to_the_byte() {
    let (there, back) = (Random(3).bytes(2_000_000), Random(4).bytes(2_000_000));
    let (listener, port) = tcp();
    let relay = Run::new(&["relay", "-", &format!(":{port}")]);
    let (sent, answer) = (there.clone(), back.clone());
    let peer = thread::spawn(move || {
        let mut peer = Peer::accept(&listener);
        let writing = peer.0.try_clone().unwrap();
        let write = thread::spawn(move || (&writing).write_all(&answer).map(|()| writing));
        let got = peer.rest();
        write.join().unwrap().unwrap();
        peer.end();
        got
    });
    let finished = relay.run(sent);
    assert_eq!(finished.code, 0, "{finished}");
    assert!(finished.stdout == back);
    assert!(peer.join().unwrap() == there);
}

#[test]
fn stdin_and_stdout_have_a_framing_as_any_end() {
    let (listener, port) = tcp();
    let to = format!(":{port},frame=len:u8");
    let mut relay = Run::new(&["relay", "-,frame=line", &to]).start();
    let mut peer = Peer::accept(&listener);
    relay.stdin_write("one\n\ntwo\n");
    assert_eq!(peer.take(9), b"\x03one\x00\x03two");
    peer.send(b"\x05three");
    assert_eq!(relay.read_line(), "three");
    // The other way round, and the end of one direction ends that one only.
    relay.close_stdin();
    assert_eq!(peer.rest(), b"");
    peer.send(b"\x04four");
    peer.end();
    relay.wait().expect(0, "three\nfour\n");
}

#[test]
fn a_relay_into_stdout_takes_one_connection() {
    let mut relay = Run::new(&["relay", ":0", "-"]).start();
    let mut first = Peer::dial(relay.port());
    first.send("from the left\n");
    assert_eq!(relay.read_line(), "from the left");
    relay.stdin_write("to the left\n");
    assert_eq!(first.line(), "to the left\n");
    first.end();
    relay.close_stdin();
    assert_eq!(first.rest(), b"");
    relay.wait().expect(0, "from the left\n");
}

#[test]
fn the_outcome_of_a_relay_with_one_conversation_is_its_exit_code() {
    let folder = Folder::new();
    let nobody = format!(":{}", run::peer::nobody());
    let finished = Run::new(&["relay", "-", &nobody]).run("x");
    finished.expect(4, "");
    assert!(finished.stderr.contains("connection refused"), "{finished}");
    // A message that the other end cannot hold is told, the rest goes on.
    let args = ["relay", "-,frame=len:u8", "file:out,create,frame=line"];
    let finished = frame(&folder, &args).run(b"\x03a\nb\x02ok");
    finished.expect(9, "");
    assert!(finished.stderr.contains("message 1 from"), "{finished}");
    assert_eq!(fs::read(folder.file("out")).unwrap(), b"ok\n");
    // A stream that ends inside a message.
    let args = ["relay", "-,frame=len:u8", "file:out,append,frame=line"];
    frame(&folder, &args).run(b"\x02yes").expect(7, "");
    // Nobody reads stdout any more: a quiet end, as everywhere.
    let line = "framecat relay file:/dev/zero - | head -c 3 | od -An -c; echo";
    Run::shell(line).run("").expect(0, "  \\0  \\0  \\0\n\n");
    let mut cut = Run::new(&["relay", "-", "file:/dev/null,append"]).start();
    cut.stdin_write("x");
    cut.signal(run::Signal::TERM);
    assert_eq!(cut.wait().code, 143);
    Run::new(&["relay", "-", "file:/dev/null,append", "--deadline", "200ms"])
        .start()
        .wait()
        .expect(5, "");
}

#[test]
fn an_answer_that_nobody_takes_does_not_hold_up_what_is_sent() {
    let folder = Folder::new();
    fs::write(folder.file("a"), "line\n".repeat(500_000)).unwrap();
    for framing in [&[][..], &["-f", "line"]] {
        // cat answers each line, and would wait for ever for somebody to take that.
        let args = [&["relay", "file:a", "exec:tee copy"], framing].concat();
        let finished = frame(&folder, &args).run("");
        finished.expect(9, "");
        assert!(finished.stderr.contains("it is read, and takes nothing"), "{finished}");
        assert_eq!(fs::read(folder.file("copy")).unwrap().len(), 2_500_000);
    }
}

#[test]
fn many_clients_append_whole_lines_to_one_file() {
    const LINES: usize = 500;
    let folder = Folder::new();
    let relay = frame(&folder, &["relay", ":0", "file:log,append", "-f", "line"]).start();
    let port = relay.port();
    let clients: Vec<_> = (0..8)
        .map(|n| {
            thread::spawn(move || {
                let mut client = Peer::dial(port);
                for i in 0..LINES {
                    client.send(format!("{n} says {i} {}\n", "x".repeat(i)));
                }
                client.end();
                assert_eq!(client.rest(), b"");
            })
        })
        .collect();
    clients.into_iter().for_each(|client| client.join().unwrap());
    let log = fs::read_to_string(folder.file("log")).unwrap();
    for n in 0..8 {
        let own = log.lines().filter(|line| line.starts_with(&format!("{n} says ")));
        for (i, line) in own.enumerate() {
            assert_eq!(line, format!("{n} says {i} {}", "x".repeat(i)));
        }
    }
    assert_eq!(log.lines().count(), 8 * LINES);
    relay.signal(run::Signal::TERM);
    let Finished { code, .. } = relay.wait();
    assert_eq!(code, 0);
}

#[test]
fn no_file_is_read_and_written_at_once() {
    let folder = Folder::new();
    fs::write(folder.file("x"), "kept\n").unwrap();
    std::os::unix::fs::symlink("x", folder.file("link")).unwrap();
    for line in [
        "framecat relay file:x file:x,append",
        "framecat relay file:x file:link,replace",
        "framecat relay file:link,append file:x -f line",
        "framecat relay - file:x,append < x",
        "framecat relay file:x - >> x",
        "framecat connect file:x,append < x",
        "framecat connect file:x < /dev/null >> x",
        "framecat connect file:x --record link < /dev/null",
        "framecat listen :0 --record x < x",
    ] {
        let finished = Run::shell(line).in_folder(folder.path()).run("");
        assert_eq!(finished.code, 2, "{line}: {finished}");
        assert!(finished.stderr.contains("are one file"), "{line}: {finished}");
        assert_eq!(fs::read(folder.file("x")).unwrap(), b"kept\n", "{line}");
    }
    // A device is not filled by what it gives; and another file is another file.
    for line in [
        "framecat relay file:/dev/null file:/dev/null,append",
        "framecat relay file:x file:y,create",
    ] {
        Run::shell(line).in_folder(folder.path()).run("").expect(0, "");
    }
}
