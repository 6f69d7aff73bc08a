//! Every endpoint joined with every other by a relay, under a framing of each kind: 1,000 random
//! messages (200 where each is answered in turn), empty ones and the longest come out as they went in,
//! and the end of one direction is carried on where there is one.
//!
//! Who speaks and who hears are framecat itself, which the other tests hold against foreign programs.
//! A scheme without a row fails.

mod run;

use std::{fs, thread};

use framecat_proto::endpoint::SCHEMES;
use run::peer::Random;
use run::{Folder, Run, Running, Signal};

/// How a scheme takes part.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    /// A stream that is listened on and dialled, with an end each way.
    Stream(&'static str),
    /// The same, with boundaries of its own: no framing there.
    Boundaries(&'static str),
    /// Messages that have no end: each is asked and answered in turn.
    Datagrams(&'static str),
    /// Datagrams on the loopback interface to whoever listens on a port that many may share: asked in
    /// turn through the relay, which waits for no second answer; paced by who speaks to it.
    Many(&'static str),
    /// A program: `cat` on the right, `cat FILE` on the left.
    Program,
    /// A file: read on the left, written on the right.
    File,
    /// Stdin and stdout of the relay.
    Stdio,
}
use Part::{Boundaries, Datagrams, File, Many, Program, Stdio, Stream};

const ROWS: &[(&str, Part)] = &[
    ("tcp", Stream("tcp://:0")),
    ("udp", Datagrams("udp://:0")),
    ("unix", Stream("unix://")),
    ("unixgram", Datagrams("unixgram://")),
    ("unixseq", Boundaries("unixseq://")),
    ("exec", Program),
    ("file", File),
    ("-", Stdio),
    ("broadcast", Many("broadcast://lo:0")),
    ("multicast", Many("multicast://239.77.0.9:0,dev=lo")),
    ("tls", Stream("tls://127.0.0.1:0,self-signed")),
];

/// A framing that ends messages by a marker, one that counts, one that stuffs.
const FRAMINGS: &[&str] = &["line", "len:u32be", "cobs"];

/// The longest message of these tests on a stream.
const LONGEST: usize = 300_000;
/// The longest UDP datagram over IPv4; what Unix sockets keep whole may be longer.
const LONGEST_DATAGRAM: usize = 65_507;

#[test]
fn every_scheme_has_a_row() {
    for scheme in SCHEMES {
        assert!(ROWS.iter().any(|(name, _)| *name == scheme.name), "{} has no row", scheme.name);
    }
}

/// What is sent, each with its length before it: the form in which stdin and stdout carry it.
fn messages(rule: &str, count: usize, longest: usize) -> Vec<u8> {
    let mut random = Random(2026);
    let mut all = Vec::new();
    for n in 0..count {
        let len = match n {
            _ if n == count / 2 => longest,
            // Empty ones: first, last and in a row.
            0 | 70 | 71 => 0,
            _ if n == count - 1 => 0,
            _ => random.below(600),
        };
        let mut message = random.bytes(len);
        if rule == "line" {
            // A line cannot hold its own ending; a CR in front of it belongs to the message.
            message.iter_mut().filter(|byte| **byte == b'\n').for_each(|byte| *byte = b' ');
        }
        all.extend_from_slice(&(len as u32).to_be_bytes());
        all.extend_from_slice(&message);
    }
    all
}

const FORMS: [&str; 4] = ["--in", "len:u32be", "--out", "len:u32be"];

/// An endpoint to listen on: on a port or in the folder.
fn place(part: Part, folder: &Folder, name: &str) -> String {
    match part {
        Stream(at) | Boundaries(at) | Datagrams(at) | Many(at) => match at.contains(":0") {
            true => at.to_string(),
            false => format!("{at}{}", folder.file(name)),
        },
        _ => unreachable!("nobody listens there"),
    }
}

/// How to dial who listens there. A certificate of its own is known by the pin that is told.
fn dialled(part: Part, listening: &Running, rule: &str) -> String {
    const PIN: &str = ",pin=";
    let at = match part {
        Many(at) => at.replace(":0", &format!(":{}", listening.port())),
        Stream(at) if at.ends_with(",self-signed") => {
            let told = listening.told_when(|told| {
                told.split_once(PIN).is_some_and(|(_, rest)| rest.contains('\n'))
            });
            let (_, pin) = told.split_once(PIN).expect("it was waited for");
            listening.endpoint() + PIN + pin.split_whitespace().next().unwrap_or_default()
        }
        _ => listening.endpoint(),
    };
    at + &framed(part, rule)
}

/// Whether an end keeps messages by itself.
fn keeps(part: Part) -> bool {
    matches!(part, Boundaries(_) | Datagrams(_) | Many(_))
}

/// Whether messages there have no end.
fn endless(part: Part) -> bool {
    matches!(part, Datagrams(_) | Many(_))
}

/// The framing of an end as its option; none where it keeps messages itself.
fn framed(part: Part, rule: &str) -> String {
    if keeps(part) { String::new() } else { format!(",frame={rule}") }
}

fn stop(running: Option<Running>) {
    if let Some(running) = running {
        running.signal(Signal::TERM);
        let finished = running.wait();
        assert_eq!(finished.code, 0, "{finished}");
    }
}

/// One pair under one framing.
fn pair(left: Part, right: Part, rule: &str) {
    let folder = Folder::new();
    let one_way = matches!(left, File | Program) || right == File;
    let datagrams = endless(left) || endless(right);
    let longest = if keeps(left) || keeps(right) { LONGEST_DATAGRAM } else { LONGEST };
    // Where both directions end, the whole goes at once and the end comes back.
    let asks = datagrams && !one_way && left != Stdio;
    let count = if asks { 200 } else { 1_002 };
    let sent = messages(rule, count, longest);
    let count = count.to_string();
    // What a file holds or a program says is framed already.
    let wire = folder.file("wire");
    let framing =
        Run::new(&["relay", "-,frame=len:u32be", &format!("file:{wire},create,frame={rule}")]);
    framing.run(sent.clone()).expect(0, "");

    // The right: who answers with the same, or only hears.
    let mut server = None;
    let written = folder.file("written");
    let to = match right {
        Program if one_way => format!("exec:sh -c 'cat > {written}'"),
        Program => "exec:cat".to_string(),
        File => format!("file:{written},create,frame={rule}"),
        Stdio => return,
        _ => {
            let at = place(right, &folder, "r") + &framed(right, rule);
            let mut args = vec!["listen", at.as_str()];
            match one_way {
                true => args.extend(["--count", &count, "--out", "len:u32be"]),
                false => args.push("--echo"),
            }
            let running = match one_way {
                true => Run::new(&args).stdin_null().start(),
                false => Run::new(&args).stdout(std::process::Stdio::null()).start(),
            };
            let to = dialled(right, &running, rule);
            server = Some(running);
            to
        }
    };
    let what = format!("{to} under {rule}");
    let mut relaying: Vec<String> = vec!["relay".into()];
    let mut came = None;
    match left {
        File | Program | Stdio => {
            let from = match left {
                File => format!("file:{wire},frame={rule}"),
                Program => format!("exec:cat {wire}"),
                _ => "-,frame=len:u32be".into(),
            };
            relaying.extend([from, to, "-f".into(), rule.into()]);
            if datagrams {
                // Messages that have no end are waited for so long after the last one.
                relaying.extend(["--idle".into(), "1s".into()]);
            }
            let args: Vec<&str> = relaying.iter().map(String::as_str).collect();
            let stdin = if left == Stdio { sent.clone() } else { Vec::new() };
            let finished = Run::new(&args).run(stdin);
            assert_eq!(finished.code, 0, "{what}: {finished}");
            if !one_way {
                came = Some(finished.stdout);
            }
        }
        _ => {
            let from = place(left, &folder, "l") + &framed(left, rule);
            relaying.extend([from, to, "-f".into(), rule.into()]);
            let args: Vec<&str> = relaying.iter().map(String::as_str).collect();
            let relay = Run::new(&args).stdin_null().start();
            let at = dialled(left, &relay, rule);
            let verb = if asks { "ask" } else { "connect" };
            let mut args = vec![verb, at.as_str(), "--wait", "20s"];
            args.extend(FORMS);
            if !one_way && matches!(left, Many(_)) {
                // Others may answer too, so none is waited for before the next is sent.
                args[0] = "connect";
                args.extend(["--delay", "1ms", "--count", &count]);
            }
            if one_way && endless(left) {
                args =
                    vec![verb, at.as_str(), "--wait", "1s", "--in", "len:u32be", "--delay", "1ms"];
            }
            let finished = Run::new(&args).run(sent.clone());
            match one_way && endless(left) {
                // Nobody answers there.
                true => assert_eq!(finished.code, 5, "{what}: {finished}"),
                false => assert_eq!(finished.code, 0, "{what}: {finished}"),
            }
            if !one_way {
                came = Some(finished.stdout);
            }
            stop(Some(relay));
        }
    }
    if right == File || (right == Program && one_way) {
        assert!(fs::read(&written).unwrap() == fs::read(&wire).unwrap(), "{what}: the file");
        return;
    }
    if one_way {
        let heard = server.take().expect("it listens").wait();
        assert_eq!(heard.code, 0, "{what}: {heard}");
        came = Some(heard.stdout);
    }
    if let Some(came) = came {
        assert!(came == sent, "{what}: {} bytes came of {}", came.len(), sent.len());
    }
    stop(server);
}

fn row(name: &str) {
    let part = |name: &str| ROWS.iter().find(|row| row.0 == name).expect("it has a row").1;
    for (_, right) in ROWS {
        // Where both ends keep messages there is nothing to frame.
        let both = keeps(part(name)) && keeps(*right);
        let rules = &FRAMINGS[..if both { 1 } else { FRAMINGS.len() }];
        // They mostly wait, each for its own.
        thread::scope(|scope| {
            for rule in rules {
                scope.spawn(|| pair(part(name), *right, rule));
            }
        });
    }
}

/// A test a left end.
macro_rules! rows {
    ($($test:ident: $scheme:literal;)*) => {
        $(#[test]
        fn $test() {
            row($scheme);
        })*
    };
}

rows! {
    tcp_to_every_other: "tcp";
    udp_to_every_other: "udp";
    unix_to_every_other: "unix";
    unixgram_to_every_other: "unixgram";
    unixseq_to_every_other: "unixseq";
    a_program_to_every_other: "exec";
    a_file_to_every_other: "file";
    stdin_and_stdout_to_every_other: "-";
    broadcast_to_every_other: "broadcast";
    multicast_to_every_other: "multicast";
    tls_to_every_other: "tls";
}
