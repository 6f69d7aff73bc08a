//! `--record FILE`, seen from outside: both directions, complete, or an error.

mod run;

use std::fs::{self, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::thread;

use run::peer::{Peer, Random, nobody, tcp};
use run::{Finished, Folder, Run, Signal, have};
use serde_json::Value;

/// The lines of a recording.
fn lines(path: &str) -> Vec<Value> {
    let text = fs::read_to_string(path).expect("it was recorded");
    assert!(text.ends_with('\n'), "the last line is whole");
    text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

/// `in:a` for each message, `in` for the end of a direction.
fn steps(lines: &[Value], conn: u64) -> Vec<String> {
    let of = |line: &&Value| line["conn"] == conn;
    let step = |line: &Value| {
        let dir = line["dir"].as_str().expect("it went somewhere");
        match line["event"].as_str() {
            Some("message") => format!("{dir}:{}", line["text"].as_str().expect("it is text")),
            Some("ended") => dir.to_string(),
            other => panic!("{other:?} in a recording"),
        }
    };
    lines.iter().filter(of).map(step).collect()
}

#[test]
fn both_sides_of_a_conversation_are_recorded_as_each_saw_it() {
    let folder = Folder::new();
    let (ours, theirs) = (folder.file("listen.jsonl"), folder.file("ask.jsonl"));
    let args = ["listen", ":0", "--reply", "got {payload}", "--record", &ours];
    let listener = Run::new(&args).start();
    let endpoint = format!(":{}", listener.port());
    Run::new(&["ask", &endpoint, "--record", &theirs, "a", "b"])
        .run("")
        .expect(0, "got a\ngot b\n");
    Run::new(&["connect", &endpoint, "-f", "line"]).run("c\n").expect(0, "got c\n");
    listener.signal(Signal::TERM);
    listener.wait().expect(0, "a\nb\nc\n");
    let ours = lines(&ours);
    assert_eq!(ours[0]["event"], "recording");
    assert_eq!(ours[0]["side"], "listen");
    assert_eq!(ours[0]["client_frame"], "line");
    assert_eq!(steps(&ours, 1), ["in:a", "out:got a", "in:b", "out:got b", "in", "out"]);
    assert_eq!(steps(&ours, 2), ["in:c", "out:got c", "in", "out"]);
    let theirs = lines(&theirs);
    assert_eq!(theirs[0]["side"], "connect");
    assert_eq!(steps(&theirs, 1), ["out:a", "in:got a", "out:b", "in:got b", "out"]);
    let times: Vec<_> = ours.iter().map(|line| line["time"].as_str().unwrap()).collect();
    assert!(times.is_sorted(), "{times:?}");
}

#[test]
fn a_relay_records_what_went_through_it() {
    let folder = Folder::new();
    let file = folder.file("relay.jsonl");
    let server = Run::new(&["listen", ":0", "-f", "len:u32be", "--reply", "got {payload}"]).start();
    let right = format!(":{}", server.port());
    let args = ["relay", ":0", &right, "-f", "line", "-f", "len:u32be", "--record", &file];
    let relay = Run::new(&args).start();
    let endpoint = format!(":{}", relay.port());
    Run::new(&["ask", &endpoint, "x", "y"]).run("").expect(0, "got x\ngot y\n");
    relay.signal(Signal::TERM);
    assert_eq!(relay.wait().code, 0);
    let lines = lines(&file);
    assert_eq!(lines[0]["side"], "listen");
    assert_eq!(lines[0]["client_frame"], "line");
    assert_eq!(lines[0]["dialled_frame"], "len:u32be");
    assert_eq!(steps(&lines, 1), ["in:x", "out:got x", "in:y", "out:got y", "in", "out"]);
}

#[test]
fn raw_bytes_are_recorded_and_stay_what_they_are() {
    let folder = Folder::new();
    let file = folder.file("raw.jsonl");
    let bytes = Random(7).bytes(3_000_000);
    let (listener, port) = tcp();
    let back = bytes.clone();
    let peer = thread::spawn(move || {
        let mut peer = Peer::accept(&listener);
        let heard = peer.rest();
        peer.send(&back);
        heard
    });
    let endpoint = format!(":{port}");
    let sent = Run::new(&["connect", &endpoint, "--record", &file]).run(bytes.clone());
    assert_eq!(sent.code, 0, "{sent}");
    assert!(sent.stdout == bytes && peer.join().unwrap() == bytes);
    if !have("python3") {
        return;
    }
    // Put together by a program that is not ours, each direction is the stream.
    let script = "import sys, json, base64, hashlib\n\
        whole = {'in': b'', 'out': b''}\n\
        for line in open(sys.argv[1]):\n\
        \x20   o = json.loads(line)\n\
        \x20   if o['event'] == 'message':\n\
        \x20       b = base64.b64decode(o['base64']) if 'base64' in o else o['text'].encode()\n\
        \x20       assert len(b) == o['length']\n\
        \x20       whole[o['dir']] += b\n\
        assert whole['in'] == whole['out'] == sys.stdin.buffer.read()\n";
    Run::program("python3", &["-c", script, &file]).run(bytes).expect(0, "");
}

#[test]
fn every_message_of_many_connections_is_there_once_and_in_order() {
    let folder = Folder::new();
    let file = folder.file("many.jsonl");
    let args = ["listen", ":0", "-f", "line", "--echo", "--record", &file];
    let listener = Run::new(&args).start();
    let port = listener.port();
    let clients: Vec<_> = (0..8)
        .map(|client| {
            thread::spawn(move || {
                let mut peer = Peer::dial(port);
                let text: String = (0..1000).map(|n| format!("{client} {n}\n")).collect();
                peer.send(&text);
                peer.end();
                assert!(peer.rest() == text.as_bytes());
            })
        })
        .collect();
    clients.into_iter().for_each(|client| client.join().unwrap());
    listener.signal(Signal::TERM);
    assert_eq!(listener.wait().code, 0);
    let lines = lines(&file);
    for conn in 1..=8 {
        let steps = steps(&lines, conn);
        for dir in ["in", "out"] {
            let said: Vec<_> =
                steps.iter().filter_map(|step| step.strip_prefix(&format!("{dir}:"))).collect();
            let client = said[0].split(' ').next().unwrap();
            assert!(said.iter().copied().eq((0..1000).map(|n| format!("{client} {n}"))), "{conn}");
        }
    }
}

#[test]
fn a_full_disk_ends_with_10_and_is_told() {
    let server = Run::new(&["listen", ":0", "--echo"]).start();
    let endpoint = format!(":{}", server.port());
    let full = |finished: &Finished| {
        assert_eq!(finished.code, 10, "{finished}");
        let told = "framecat: write to /dev/full: no space left on device";
        assert!(finished.stderr.contains(told), "{finished}");
        assert!(finished.stderr.contains("make room"), "{finished}");
    };
    full(&Run::new(&["ask", &endpoint, "x", "--record", "/dev/full"]).run(""));
    full(&Run::new(&["connect", &endpoint, "--record", "/dev/full"]).run("x\n"));
    for verb in [&["listen", ":0", "-f", "line"][..], &["relay", ":0", &endpoint]] {
        let recording = Run::new(&[verb, &["--record", "/dev/full"]].concat()).start();
        let mut peer = Peer::dial(recording.port());
        peer.send("x\n");
        // It ends by itself, whatever the peer does.
        full(&recording.wait());
    }
}

#[test]
fn a_file_that_cannot_be_written_is_told_before_anything_opens() {
    let folder = Folder::new();
    let nowhere = folder.file("none/x.jsonl");
    let nowhere = Run::new(&["connect", &format!(":{}", nobody()), "--record", &nowhere]).run("");
    nowhere.expect(10, "");
    assert!(nowhere.stderr.contains("no such file or directory"), "{nowhere}");
    assert!(nowhere.stderr.contains("the folder is not there"), "{nowhere}");
    let at = folder.path().to_str().unwrap();
    let is_folder = Run::new(&["listen", ":0", "--record", at]).run("");
    is_folder.expect(10, "");
    assert!(is_folder.stderr.contains("it is a folder"), "{is_folder}");
    let stdout = Run::new(&["listen", ":0", "--record", "-"]).run("");
    stdout.expect(2, "");
    assert!(stdout.stderr.contains("--json"), "{stdout}");
}

#[test]
fn an_earlier_recording_goes_when_there_is_something_to_record() {
    let folder = Folder::new();
    let file = folder.file("x.jsonl");
    fs::write(&file, "an earlier recording, longer than what comes\n".repeat(100)).unwrap();
    let earlier = fs::read(&file).unwrap();
    let refused = Run::new(&["ask", &format!(":{}", nobody()), "x", "--record", &file]).run("");
    refused.expect(4, "");
    assert!(fs::read(&file).unwrap() == earlier, "it destroyed nothing");
    let listener = Run::new(&["listen", ":0", "--count", "1", "--record", &file]).start();
    Peer::dial(listener.port()).send("x\n");
    listener.wait().expect(0, "x\n");
    assert_eq!(steps(&lines(&file), 1)[0], "in:x");
}

#[test]
fn a_slow_recording_slows_the_conversation_and_holds_little() {
    let folder = Folder::new();
    let file = folder.file("fifo");
    rustix::fs::mkfifoat(
        rustix::fs::CWD,
        Path::new(&file),
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
    )
    .unwrap();
    // Open for reading, so that opening it for writing does not wait; nobody reads yet.
    let mut reader = OpenOptions::new()
        .read(true)
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32)
        .open(&file)
        .unwrap();
    let args = ["listen", ":0", "-f", "line", "--echo", "--record", &file];
    let mut listener = Run::new(&args).start();
    let line = format!("{}\n", "x".repeat(9_999));
    let mut peer = Peer::dial(listener.port());
    let sending = peer.0.try_clone().unwrap();
    // 40 MB, of which only what fits into queues goes through.
    let sent = thread::spawn(move || Peer(sending).send(line.repeat(4_000)));
    let _ = listener.read_until("\n");
    rustix::io::ioctl_fionbio(&reader, false).unwrap();
    let reading = thread::spawn(move || {
        let mut whole = String::new();
        reader.read_to_string(&mut whole).unwrap();
        whole
    });
    let mut echoed = vec![0; 40_000_000];
    peer.0.read_exact(&mut echoed).unwrap();
    sent.join().unwrap();
    let peak = listener.peak_memory();
    assert!(peak < 64 << 20, "it held {peak} bytes");
    listener.signal(Signal::TERM);
    assert_eq!(listener.wait().code, 0);
    let whole = reading.join().unwrap();
    let messages = |dir: &str| whole.matches(&format!("\"dir\":\"{dir}\",\"n\"")).count();
    assert_eq!((messages("in"), messages("out")), (4_000, 4_000));
}

#[test]
fn what_a_peer_says_cannot_forge_a_line() {
    let folder = Folder::new();
    let file = folder.file("x.jsonl");
    let args = ["listen", ":0", "-f", "len:u8", "--once", "--record", &file];
    let listener = Run::new(&args).stdin_null().start();
    let mut peer = Peer::dial(listener.port());
    let forged = b"\"}\n{\"event\":\"ended\",\"dir\":\"in\"}\n";
    peer.send([&[forged.len() as u8], &forged[..], b"\x02\xff\n"].concat());
    peer.end();
    peer.rest();
    assert_eq!(listener.wait().code, 0);
    let lines = lines(&file);
    assert_eq!(lines.len(), 5, "head, two messages, two ends");
    // Our own end is stdin's, and may come before anything that is heard.
    let said: Vec<_> = lines.iter().filter(|line| line["event"] == "message").collect();
    assert_eq!(said[0]["text"].as_str().unwrap().as_bytes(), forged);
    assert_eq!(said[1]["base64"], "/wo=");
}
