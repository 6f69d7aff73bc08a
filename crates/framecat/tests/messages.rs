//! Messages, seen from outside: they arrive one by one and unchanged, however the bytes are cut on the
//! way and however they are written down in between; and bytes that lie do no harm.

mod run;

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};

use run::peer::{Peer, Random, tcp, udp};
use run::{Finished, Run, Running, Signal};

/// Messages as `len:u32be` writes them: what the tests hand in and compare.
fn counted<'a>(messages: impl IntoIterator<Item = &'a Vec<u8>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for message in messages {
        bytes.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(message);
    }
    bytes
}

/// What is hard to write down, and then many of every size and byte.
fn awkward() -> Vec<Vec<u8>> {
    let mut random = Random(4711);
    let mut messages: Vec<Vec<u8>> = vec![
        vec![],
        (0..=255).collect(),
        "收到你的消息 ✓ é \u{7f}\u{85}\u{202e}\u{feff}".into(),
        b"\n".into(),
        b"\r\n".into(),
        b"a\r\nb\n\nc\r".into(),
        br"\n \\ \xff \ ".into(),
        br#"{"event":"message","text":"\u0000"}"#.into(),
        b"\xf0\x9f\x98".into(),
        b" leading, trailing \t".into(),
        b"\0".into(),
        vec![],
        random.bytes(100_000),
        "字".repeat(40_000).into(),
    ];
    messages.extend((0..500).map(|_| {
        let n = random.below(300);
        random.bytes(n)
    }));
    messages
}

/// A peer sends `messages`; one framecat prints them as `form`, the next one reads that and sends
/// them on. What arrives at the other end.
fn through(form: &str, messages: &[Vec<u8>]) -> Vec<u8> {
    let ((source, source_port), (sink, sink_port)) = (tcp(), tcp());
    let line = format!(
        "framecat connect :{source_port} -f len:u32be --out '{form}' < /dev/null |
         framecat connect :{sink_port} -f len:u32be --in '{form}'"
    );
    let running = Run::shell(&line).start();
    let bytes = counted(messages);
    let sending = thread::spawn(move || Peer::accept(&source).send(bytes));
    let came = Peer::accept(&sink).rest();
    sending.join().unwrap();
    running.finish().expect(0, "");
    came
}

#[test]
fn messages_written_out_and_read_in_again_are_the_same() {
    let messages = awkward();
    let forms = ["quoted", "hex", "jsonl", "len:u32be", "len:varint", "len:u64le", "struct"];
    for form in forms.into_iter().chain(["netstring", "cobs", "stx,dle"]) {
        assert!(through(form, &messages) == counted(&messages), "{form}");
    }
    let free: Vec<Vec<u8>> =
        messages.iter().map(|m| m.iter().copied().filter(|byte| *byte != 4).collect()).collect();
    let marker = r"delim:\x03\x04";
    assert!(through(marker, &free) == counted(&free), "{marker}");
    let same: Vec<Vec<u8>> = (0..1000).map(|i| Random(i + 1).bytes(33)).collect();
    assert!(through("fixed:33", &same) == counted(&same), "fixed");
}

#[test]
fn datagrams_written_out_and_read_in_again_are_the_same() {
    for form in ["quoted", "hex", "jsonl", "len:u32be"] {
        let messages: Vec<_> =
            awkward().into_iter().filter(|m| m.len() < 60_000).take(50).collect();
        let listener = Run::new(&["listen", "udp://:0", "--out", form, "--count", "50"]).start();
        let (socket, _) = udp();
        // All of them fit into the socket's receive buffer at once, so none is lost.
        let to = ("127.0.0.1", listener.port());
        for message in &messages {
            socket.send_to(message, to).unwrap();
        }
        let printed = listener.wait();
        assert_eq!(printed.code, 0, "{printed}");
        let (sink, port) = tcp();
        let sending =
            Run::new(&["connect", &format!(":{port}"), "-f", "len:u32be", "--in", form]).start();
        let taking = thread::spawn(move || Peer::accept(&sink).rest());
        feed(sending, printed.stdout).expect(0, "");
        assert!(taking.join().unwrap() == counted(&messages), "{form}");
    }
}

/// Gives it all of its stdin, then waits for its end.
fn feed(mut running: Running, stdin: Vec<u8>) -> Finished {
    running.stdin_write(stdin);
    running.finish()
}

/// Carries one connection, and cuts and merges its bytes at will.
fn chop(listener: TcpListener, to: u16, seed: u64) -> JoinHandle<()> {
    thread::spawn(move || {
        let from = Peer::accept(&listener).0;
        let mut to = TcpStream::connect(("127.0.0.1", to)).unwrap();
        to.set_nodelay(true).unwrap();
        let mut from = std::io::BufReader::with_capacity(1 << 20, from);
        let mut random = Random(seed);
        let mut buffer = vec![0; 10_000];
        loop {
            let most = match random.below(8) {
                0 => 1,
                1 => 1 + random.below(10),
                _ => 1 + random.below(buffer.len()),
            };
            match from.read(&mut buffer[..most]).unwrap() {
                0 => break,
                taken => to.write_all(&buffer[..taken]).unwrap(),
            }
        }
        to.shutdown(Shutdown::Write).unwrap();
        // Closing before the other end has read all would be our fault, not framecat's.
        let _ = to.read(&mut [0]);
    })
}

#[test]
fn messages_cut_and_merged_on_the_way_arrive_one_by_one_under_every_framing() {
    const MESSAGES: usize = 100_000;
    // A framing, and the byte that its messages cannot hold.
    for (i, (framing, without)) in [
        ("line", Some(b'\n')),
        ("crlf", Some(b'\n')),
        ("nul", Some(0)),
        ("delim:;", Some(b';')),
        (r"delim:\x03\x04\x05", Some(5)),
        ("len:u8", None),
        ("len:u16be", None),
        ("len:u24le", None),
        ("len:u32le,counts=total", None),
        ("len:u64be,counts=self", None),
        ("len:varint", None),
        ("len:qvarint", None),
        ("len:u16be@2,counts=total,magic=03,tail=0d0a", None),
        ("struct", None),
        ("fixed:40", None),
    ]
    .into_iter()
    .enumerate()
    {
        let seed = 1 + i as u64;
        let mut random = Random(seed);
        let messages: Vec<Vec<u8>> = (0..MESSAGES)
            .map(|_| {
                let n = if framing == "fixed:40" { 40 } else { random.below(80) };
                let bytes = random.bytes(n).into_iter();
                bytes.map(|byte| if Some(byte) == without { b'x' } else { byte }).collect()
            })
            .collect();
        let args = ["listen", ":0", "-f", framing, "--once", "--out", "len:u32be"];
        let listener = Run::new(&args).start();
        let (proxy, port) = tcp();
        let chopping = chop(proxy, listener.port(), seed);
        let to = format!(":{port}");
        let sending = Run::new(&["connect", &to, "-f", framing, "--in", "len:u32be"]).start();
        let all = counted(&messages);
        let feeding = thread::spawn({
            let all = all.clone();
            move || feed(sending, all)
        });
        let printed = listener.finish();
        assert!(printed.stdout == all, "{framing}: {} of {}", printed.stdout.len(), all.len());
        assert_eq!((printed.code, printed.stderr.lines().count()), (0, 2), "{framing}");
        chopping.join().unwrap();
        feeding.join().unwrap().expect(0, "");
    }
}

#[test]
fn raw_shows_how_a_stream_merges_messages() {
    let listener = Run::new(&["listen", ":0", "-f", "raw", "--out", "quoted", "--once"]).start();
    // Three sends on one side may be one read on the other, as here.
    Peer::dial(listener.port()).send("one\ntwo\nthree\n");
    listener.wait().expect(0, "one\\ntwo\\nthree\\n\n");
}

/// Runs `connect` with these arguments against a peer that sends `bytes` and ends.
fn hear(args: &[&str], bytes: &[u8]) -> Finished {
    let (listener, port) = tcp();
    let bytes = bytes.to_vec();
    let sending = thread::spawn(move || {
        let mut peer = Peer::accept(&listener);
        // A peer that breaks the framing may be left before it has said all.
        let _ = peer.0.write_all(&bytes);
        let _ = peer.0.shutdown(Shutdown::Write);
        let _ = peer.0.read(&mut [0]);
    });
    let to = format!(":{port}");
    let finished = Run::new(&[&["connect", &to], args].concat()).stdin_null().run("");
    sending.join().unwrap();
    finished
}

#[test]
fn a_message_that_a_form_cannot_hold_is_reported_with_its_peer_and_skipped() {
    let bytes = b"\0\0\0\x02ok\0\0\0\x03a\0b\0\0\0\x01z";
    for (form, printed) in [
        ("nul", &b"ok\0z\0"[..]),
        ("fixed:2", b"ok"),
        ("delim:a", b"okaza"),
        ("len:u8,max=2", b"\x02ok\x01z"),
    ] {
        let finished = hear(&["-f", "len:u32be", "--out", form], bytes);
        finished.expect(9, printed);
        assert!(finished.stderr.contains("message 2 from 127.0.0.1:"), "{form}: {finished}");
        assert!(finished.stderr.contains(&format!("{form} cannot hold it")), "{form}: {finished}");
    }
    // On a listening verb it never ends the listener.
    let mut listener = Run::new(&["listen", ":0", "-f", "len:u32be", "--out", "nul"]).start();
    let port = listener.port();
    let mut first = Peer::dial(port);
    first.send(bytes);
    assert_eq!(listener.read_until("z\0"), b"ok\0z\0");
    Peer::dial(port).send(b"\0\0\0\x01y");
    assert_eq!(listener.read_until("y\0"), b"y\0");
    listener.signal(Signal::TERM);
    assert_eq!(listener.wait().code, 9);
}

#[test]
fn stdin_that_the_framing_cannot_hold_is_reported_and_skipped() {
    let (sink, port) = tcp();
    let taking = thread::spawn(move || Peer::accept(&sink).rest());
    let to = format!(":{port}");
    let finished = Run::new(&["connect", &to, "-f", "line", "--in", "quoted"]).run("a\nb\\nc\nd\n");
    finished.expect(9, "");
    assert!(finished.stderr.contains(&format!("message 2 to 127.0.0.1:{port}")), "{finished}");
    assert_eq!(taking.join().unwrap(), b"a\nd\n");
}

#[test]
fn a_carriage_return_stays_in_the_payload() {
    hear(&["-f", "line"], b"a\r\nb\n").expect(0, "a\r\nb\n");
    hear(&["-f", "line", "--out", "quoted"], b"a\r\nb\n").expect(0, "a\\r\nb\n");
    hear(&["-f", "crlf"], b"a\r\nb\r\n").expect(0, "a\nb\n");
}

#[test]
fn a_line_without_its_end_is_marked_cut() {
    let finished = hear(&["-f", "line", "--json"], b"whole\nhal");
    let cut: Vec<bool> = finished
        .text()
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|object| object["event"] == "message")
        .map(|object| object["cut"] == true)
        .collect();
    assert_eq!(cut, [false, true], "{finished}");
}

#[test]
fn a_stream_that_ends_after_a_header_is_cut() {
    for bytes in [&b"\0\0\0\x02ok\0\0\0\x05"[..], b"\0\0\0\x02ok\0\0\0\x05hal", b"\0\0\0\x02ok\0"] {
        let finished = hear(&["-f", "len:u32be"], bytes);
        finished.expect(7, "ok\n");
    }
}

#[test]
fn an_error_of_framing_says_where() {
    let finished = hear(&["-f", "len:u16be@2,magic=0303"], b"\x03\x03\0\x02ok\x03\x04\0\x01x");
    finished.expect(7, "ok\n");
    assert!(finished.stderr.contains("message 2"), "{finished}");
    assert!(finished.stderr.contains("byte 6"), "{finished}");
}

#[test]
fn an_empty_message_is_a_message() {
    hear(&["-f", "len:u32be", "--count", "2"], b"\0\0\0\0\0\0\0\0\0\0\0\x01x").expect(0, "\n\n");
    hear(&["-f", "line", "--out", "hex"], b"\n\nx\n").expect(0, "\n\n78\n");
}

#[test]
fn memory_follows_what_arrived_and_not_what_a_header_claims() {
    for (framing, header) in [
        ("len:u32be", &b"\0\xff\xff\xf0"[..]),
        ("len:varint", b"\xf0\xff\xff\x07"),
        ("struct", b"\0\0\0\0\0\0\0\0\0\xff\xff\xf0"),
    ] {
        let listener = Run::new(&["listen", ":0", "-f", framing, "--show"]).start();
        let port = listener.port();
        let before = listener.peak_memory();
        // Each claims nearly 16 MiB, which is allowed, and sends one byte of it.
        let mut liars: Vec<_> = (0..40).map(|_| Peer::dial(port)).collect();
        for liar in &mut liars {
            liar.send([header, b"x"].concat());
        }
        for liar in &liars {
            liar.end();
        }
        listener.told_when(|told| told.matches("stream ended").count() == 40);
        let grown = listener.peak_memory() - before;
        assert!(grown < 8 << 20, "{framing}: it grew by {grown} bytes");
        // One over the maximum is refused at once, and the listener goes on.
        let mut liar = Peer::dial(port);
        liar.send(if framing == "len:varint" { &b"\xff\xff\xff\xff\x0f"[..] } else { &[0xff; 12] });
        assert_eq!(liar.rest(), b"");
        listener.told("connection 41: ");
        listener.signal(Signal::TERM);
        assert_eq!(listener.wait().code, 9);
    }
}

#[test]
fn a_line_that_never_ends_is_refused_at_the_maximum() {
    for framing in ["line", "crlf", "nul", "delim:;"] {
        let endless = vec![b'x'; 1 << 20];
        let finished = hear(&["-f", framing, "--max-message", "64KiB"], &endless);
        finished.expect(7, "");
        assert!(finished.stderr.contains("--max-message"), "{framing}: {finished}");
    }
    let whole = ["x".repeat(1000), "y".repeat(1001)];
    let finished =
        hear(&["-f", "line", "--max-message", "1000"], (whole.join("\n") + "\n").as_bytes());
    assert_eq!(finished.code, 7, "{finished}");
    assert_eq!(finished.text(), whole[0].clone() + "\n", "{finished}");
}

#[test]
fn one_byte_at_a_time_is_as_good_as_all_at_once() {
    for (framing, bytes) in [
        ("line", &b"hello\n\nworld\n"[..]),
        ("crlf", b"hello\r\n\r\nworld\r\n"),
        ("len:u32be", b"\0\0\0\x05hello\0\0\0\0\0\0\0\x05world"),
        ("delim:<>", b"hello<><>world<>"),
    ] {
        let listener = Run::new(&["listen", ":0", "-f", framing, "--once"]).start();
        let mut peer = Peer::dial(listener.port());
        for byte in bytes {
            peer.send([*byte]);
        }
        peer.end();
        let mut expected = String::new();
        ["hello", "", "world"].iter().for_each(|text| writeln!(expected, "{text}").unwrap());
        listener.finish().expect(0, expected);
    }
}
