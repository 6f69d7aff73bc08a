use std::io::{self, Write};
use std::sync::mpsc;

use framecat_net::Error;
use framecat_net::error::Op;
use framecat_net::error::Unmet;
use framecat_net::event::{Moving, Place, Reach, Totals, Transferred};
use framecat_net::fast::Path;
use framecat_proto::framing::{EncodeError, Fault, FramingError};
use framecat_proto::http::plan::Rights;
use framecat_proto::limits::{QUEUE_BYTES, SHOW_QUEUE, TOLD_BYTES};
use framecat_proto::message::Spans;
use framecat_proto::template::Missing;
use framecat_proto::transfer::why::{Cause, Why};

use super::show::ShowForm;
use super::*;

mod moved;

const PEER: &str = "127.0.0.1:50112";
/// A title, a line of its own, text from right to left, and a line that is overwritten.
const HOSTILE: &str = "\x1b]0;owned\x07\nframecat: all is well\u{202e}\u{9b}31m\rx";
/// 2026-11-22T04:30:00.123456789Z
const NOW_NS: u64 = 1_795_321_800_123_456_789;

/// What a sink was given.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A sink that says when it is written to and does not go on before it may.
struct Gate {
    entered: mpsc::Sender<()>,
    may_go: mpsc::Receiver<()>,
    written: Written,
}

impl Write for Gate {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Both fail once the test has opened the gate for good.
        let _ = self.entered.send(());
        let _ = self.may_go.recv();
        self.written.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A voice whose thread is stuck in its first write, what it wrote, and what lets it go on.
fn stuck(manner: Manner) -> (Arc<Voice>, Written, mpsc::Sender<()>) {
    let (entered, is_in) = mpsc::channel();
    let (go, may_go) = mpsc::channel();
    let written = Written::default();
    let voice = Voice::on(manner, Box::new(Gate { entered, may_go, written: written.clone() }));
    voice.say("first", None);
    is_in.recv().unwrap();
    (voice, written, go)
}

/// The whole time that a test may take; nothing is measured.
fn finish(voice: &Voice) {
    voice.desk.finish(Duration::from_secs(600));
}

fn said(manner: Manner, speak: impl FnOnce(&Voice)) -> String {
    let written = Written::default();
    let voice = Voice::on(manner, Box::new(written.clone()));
    speak(&voice);
    finish(&voice);
    written.text()
}

fn shown(words: &str, dir: Dir, peer: &str, payloads: &[&[u8]]) -> String {
    let manner = Manner { show: Some(words.parse().unwrap()), ..Manner::default() };
    said(manner, |voice| tell(voice, dir, peer, payloads))
}

fn tell(voice: &Voice, dir: Dir, peer: &str, payloads: &[&[u8]]) {
    let input = payloads.concat();
    let (mut spans, mut at) = (Spans::new(), 0);
    for payload in payloads {
        spans.push(at, at + payload.len());
        at += payload.len();
    }
    let context = Context { conn: 1, peer, dir, first: 3, ..Context::at(NOW_NS) };
    voice.messages(Batch { input: &input, spans: &spans }, &context);
}

/// Calls with every event there is, each naming `peer`.
fn every_event(peer: &str, mut tell: impl FnMut(Event<'_>)) {
    let conn = 1;
    let addresses = Reach::Network(vec![format!("tcp://{peer}"), "tcp://192.0.2.7:9000".into()]);
    let error = Error::io(Op::Receive, peer, io::Error::from_raw_os_error(libc::ECONNRESET));
    let refusal = Error::io(Op::Send, peer, io::Error::from_raw_os_error(libc::ECONNREFUSED));
    let framing = FramingError {
        framing: "line".into(),
        fault: Fault::Broken(format!("not {peer}")),
        offset: 12,
        message: 2,
        head: b"\x1b[2J".to_vec(),
    };
    let missing = Missing { name: "1".into(), cause: format!("it is {peer}") };
    let full = io::Error::from_raw_os_error(libc::EMFILE);
    let totals = Totals { messages_in: 3, messages_out: 1, bytes_in: 15, bytes_out: 1 };
    let ms = Duration::from_micros(350);
    for reach in [
        Reach::ThisMachine { udp: false },
        Reach::ThisMachine { udp: true },
        addresses,
        Reach::Network(Vec::new()),
        Reach::Cast(vec![
            ("192.0.2.255".into(), "eth0".into()),
            ("127.255.255.255".into(), "lo".into()),
        ]),
        Reach::Cast(Vec::new()),
        Reach::Path,
    ] {
        tell(Event::Listening { endpoint: &format!("tcp://{peer}"), reach: &reach, pin: None });
    }
    tell(Event::Connected { conn, peer, local: "127.0.0.1:9000" });
    tell(Event::Closed { conn, peer, totals });
    tell(Event::Closed { conn, peer, totals: Totals { bytes_in: 9, ..Totals::default() } });
    tell(Event::Failed { conn, error: &error });
    for (dir, by, error) in [
        (Dir::In, "line", EncodeError::WouldSplit { at: 5 }),
        (Dir::Out, "line", EncodeError::WouldSplit { at: 5 }),
        (Dir::Out, "native", EncodeError::DoesNotFit { len: 70_000, max: 65_507 }),
        (Dir::Out, "len:u8", EncodeError::DoesNotFit { len: 300, max: 255 }),
        (Dir::In, "len:u32be", EncodeError::DoesNotFit { len: 17 << 20, max: 16 << 20 }),
        (Dir::In, "fixed:4", EncodeError::WrongLength { len: 3, want: 4 }),
        (Dir::Out, "line,keep", EncodeError::Lacks("it does not end in LF".into())),
        (Dir::Out, "slip", EncodeError::Empty),
        (Dir::Out, "eof", EncodeError::OnlyOne),
    ] {
        let place = if dir == Dir::In { Place::Stdout } else { Place::Peer };
        tell(Event::Refused { conn, peer, dir, n: 3, place, by, error: &error });
    }
    tell(Event::TooLong { conn, peer, len: 2000, max: 1000 });
    tell(Event::LineBreak { conn, peer });
    tell(Event::Cut { conn, peer, len: 7, delivered: true });
    tell(Event::Cut { conn, peer, len: 1, delivered: false });
    tell(Event::Resynchronised { conn, peer, error: &framing });
    tell(Event::Unanswered { conn, peer, n: 4, missing: &missing });
    tell(Event::LooksMerged { conn, peer, n: 5, count: 1 });
    tell(Event::Prompted { conn, peer });
    tell(Event::Dropped { conn, peer, count: 12 });
    tell(Event::Unreachable { conn, error: &refusal });
    tell(Event::Retrying { error: &refusal, time: Duration::from_secs(30) });
    let told = Unmet::Stranger { said: peer.into() };
    tell(Event::WrongCode { peer, why: &Unmet::WrongCode, left: 2 });
    tell(Event::WrongCode { peer, why: &Unmet::Left { why: None }, left: 1 });
    tell(Event::WrongCode { peer, why: &Unmet::Late(Duration::from_secs(10)), left: 0 });
    tell(Event::NotMet { peer, why: &told, count: 4 });
    tell(Event::NotMet { peer, why: &Unmet::BothSend, count: 1 });
    tell(Event::AcceptDelayed { error: &full, wait: Duration::from_millis(10) });
    tell(Event::Path { conn, dir: Dir::In, path: Path::Splice });
    tell(Event::Replied { n: 1, peer, rtt: ms, among: false });
    tell(Event::Replied { n: 2, peer, rtt: ms, among: true });
    tell(Event::Open { endpoint: &format!("tcp://{peer}"), took: Duration::from_micros(12_340) });
    of_a_transfer(peer, tell);
}

/// Every event of a transfer, each naming `peer` as a file or the other side.
fn of_a_transfer(peer: &str, mut tell: impl FnMut(Event<'_>)) {
    let (unreadable, kept) = (Why::new(Cause::Unreadable, peer), Why::from(Cause::Kept));
    tell(Event::Met { peer, secured: true });
    tell(Event::Met { peer, secured: false });
    tell(Event::Swept { count: 1 });
    tell(Event::Swept { count: 3 });
    tell(Event::Offered { count: 5_002, bytes: 1 << 31 });
    let moving = Moving { bytes: 1 << 30, of: 1 << 31, rate: 9 << 20, ..Moving::default() };
    tell(Event::Moving(moving));
    for outcome in [
        Outcome::Committed,
        Outcome::Had,
        Outcome::Skipped(kept),
        Outcome::Failed(unreadable.clone()),
        Outcome::Failed(unreadable.clone()),
    ] {
        tell(Event::File { name: peer, bytes: 2_200_000, outcome: &outcome });
    }
    tell(Event::LeftOut { path: peer, why: &Why::from(Cause::Kind), missing: false });
    tell(Event::LeftOut { path: peer, why: &unreadable, missing: true });
    let took = Duration::from_millis(12_100);
    let (committed, had, skipped, failed) = (5_000, 1, 1, 2);
    let (moved, bytes) = (1 << 30, 1 << 31);
    let carries = Carries::Files;
    tell(Event::Transferred(Transferred {
        carries,
        committed,
        had,
        skipped,
        failed,
        moved,
        bytes,
        took,
    }));
}

/// Whether nothing in it acts on a terminal, line feeds apart.
fn is_harmless(text: &str) -> bool {
    let acts = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    !text.contains(acts)
}

fn all_said(manner: Manner, peer: &str) -> String {
    said(manner, |voice| every_event(peer, |event| voice.event(event)))
}

#[test]
fn every_event_is_a_sentence_with_what_to_try() {
    let manner = Manner { verbose: 1, asking: true, ..Manner::default() };
    let text = all_said(manner, PEER);
    insta::assert_snapshot!(text);
}

#[test]
fn connections_ways_and_round_trips_are_told_only_where_asked_for() {
    let quiet = all_said(Manner::default(), PEER);
    for absent in ["is open, our end", "is closed", "bytes move by", "reply to message"] {
        assert!(!quiet.contains(absent), "{absent}");
    }
    assert!(quiet.contains("framecat: listening on tcp://127.0.0.1:50112\n"));
    assert!(quiet.contains("left out"));
}

#[test]
fn a_hostile_peer_adds_no_line_and_no_control_to_any_sentence() {
    let manner = || Manner { verbose: 1, asking: true, ..Manner::default() };
    let hostile = all_said(manner(), HOSTILE);
    assert!(is_harmless(&hostile), "{hostile}");
    assert_eq!(hostile.lines().count(), all_said(manner(), PEER).lines().count());
    for line in hostile.lines() {
        assert!(line.starts_with("framecat: ") || line.starts_with("          "), "{line}");
        assert!(!line.starts_with("framecat: all is well"), "{line}");
    }
    let told = said(Manner::default(), |voice| voice.say(HOSTILE, Some(HOSTILE)));
    assert!(is_harmless(&told) && told.lines().count() == 2, "{told}");
}

#[test]
fn every_event_is_a_line_of_json() {
    let mut text = String::new();
    every_event(PEER, |event| {
        text += std::str::from_utf8(&json::line(&event, NOW_NS)).unwrap();
    });
    for line in text.lines() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(value["event"].is_string(), "{line}");
        assert_eq!(value["time"], "2026-11-22T04:30:00.123456789Z");
    }
    insta::assert_snapshot!(text);
}

#[test]
fn a_hostile_peer_is_a_string_of_json() {
    every_event(HOSTILE, |event| {
        let line = String::from_utf8(json::line(&event, NOW_NS)).unwrap();
        assert!(is_harmless(&line), "{line}");
        assert_eq!(line.matches('\n').count(), 1, "{line}");
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        if let Some(peer) = value["peer"].as_str() {
            assert_eq!(peer, HOSTILE, "{line}");
        }
    });
}

#[test]
fn with_json_only_listening_is_a_sentence_too() {
    let lines = Arc::new(Lines::default());
    let manner =
        Manner { verbose: 2, asking: true, json: Some(lines.clone()), ..Manner::default() };
    let text = all_said(manner, PEER);
    assert_eq!(text.matches("framecat: ").count(), text.matches("listening on").count());
    assert!(text.starts_with("framecat: listening on tcp://"), "{text}");
    assert!(lines.waiting() > 0);
}

#[test]
fn json_has_incoming_messages_only_where_nobody_else_prints_them() {
    for (both_ways, dir, told) in
        [(false, Dir::In, false), (false, Dir::Out, true), (true, Dir::In, true)]
    {
        let lines = Arc::new(Lines::default());
        let manner =
            Manner { json: Some(lines.clone()), json_both_ways: both_ways, ..Manner::default() };
        let voice = Voice::on(manner, Box::new(Written::default()));
        assert!(voice.wants_messages());
        tell(&voice, dir, PEER, &[b"hello", b"you"]);
        assert_eq!(lines.waiting() > 0, told, "both ways {both_ways}, {dir:?}");
    }
}

#[test]
fn events_that_stdout_has_no_room_for_are_counted() {
    let lines = Arc::new(Lines::default());
    let manner = Manner { json: Some(lines.clone()), ..Manner::default() };
    let voice = Voice::on(manner, Box::new(Written::default()));
    lines.tell(&vec![b' '; TOLD_BYTES]);
    for _ in 0..3 {
        voice.event(Event::Connected { conn: 1, peer: PEER, local: "here" });
    }
    assert_eq!(lines.waiting(), TOLD_BYTES, "nothing on top");
    let mut voice = Arc::into_inner(voice).unwrap();
    let lines = Arc::new(Lines::default());
    voice.manner.json = Some(lines.clone());
    voice.event(Event::Connected { conn: 2, peer: PEER, local: "here" });
    let told = lines.waiting();
    voice.event(Event::Connected { conn: 2, peer: PEER, local: "here" });
    assert!(told > lines.waiting() - told, "the first says also that three were not told");
}

#[test]
fn messages_are_shown_as_fields_and_payload() {
    let long = "ü".repeat(200);
    let payloads: [&[u8]; 4] = [b"hello world", b"", b"\x1b[2J\n\xff", long.as_bytes()];
    let mut text = shown("quoted", Dir::In, PEER, &payloads);
    text += &shown("hex", Dir::Out, PEER, &payloads);
    text += &shown("dump", Dir::Out, PEER, &payloads[..3]);
    text += &shown("all", Dir::In, HOSTILE, &payloads[3..]);
    assert!(is_harmless(&text), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn a_shown_payload_is_cut_between_characters() {
    let odd = format!("x{}", "ü".repeat(200));
    let text = shown("quoted", Dir::In, PEER, &[odd.as_bytes()]);
    assert!(text.ends_with("ü… 146 more bytes\n"), "{text}");
    let all = shown("all,quoted", Dir::In, PEER, &[odd.as_bytes()]);
    assert!(all.ends_with(&format!(" 401B {odd}\n")), "{all}");
}

#[test]
fn colour_is_for_terminals() {
    let text = |terminal| {
        let manner =
            Manner { colour: true, terminal, show: Some(Show::default()), ..Manner::default() };
        said(manner, |voice| {
            voice.say("so it is", Some("try"));
            tell(voice, Dir::In, PEER, &[b"hello"]);
        })
    };
    assert!(text(true).contains("\x1b[1mframecat: \x1b[0mso it is\n"), "{}", text(true));
    assert!(is_harmless(&text(false)), "{}", text(false));
}

#[test]
fn a_code_is_for_a_terminal_and_a_network() {
    let text = |terminal, reach: Reach| {
        said(Manner { terminal, ..Manner::default() }, |voice| {
            voice.event(Event::Serving {
                folder: Some("/share"),
                urls: &["http://192.0.2.7:8000/".into(), "http://[2001:db8::1]:8000/".into()],
                reach: &reach,
                hidden: false,
                rights: Rights::READ,
                passwords: None,
                taken: None,
                pin: None,
            });
        })
    };
    let network = || Reach::Network(vec!["tcp://192.0.2.7:8000".into()]);
    assert!(text(true, network()).contains('▀'));
    assert!(!text(false, network()).contains('▀'), "a log is read by nobody's camera");
    assert!(!text(true, Reach::ThisMachine { udp: false }).contains('▀'), "no phone reaches it");
}

#[test]
fn what_show_takes_is_told_by_what_it_does_not() {
    let parsed = |words: &str| words.parse::<Show>();
    assert_eq!(parsed("hex,all"), Ok(Show { form: ShowForm::Hex, all: true, records: false }));
    assert_eq!(parsed("all"), Ok(Show { form: ShowForm::Quoted, all: true, records: false }));
    assert_eq!(parsed("dump"), Ok(Show { form: ShowForm::Dump, all: false, records: false }));
    let error = parsed("hexdump").unwrap_err();
    assert_eq!(error, "`hexdump` is no way to show messages: quoted, hex, dump or all");
    assert!(parsed("hex,dump").is_err());
}

#[test]
fn messages_that_lag_are_counted_and_told_when_there_is_room() {
    let manner = Manner { show: Some(Show::default()), ..Manner::default() };
    let (voice, written, go) = stuck(manner);
    tell(&voice, Dir::In, PEER, &vec![b"x".as_slice(); SHOW_QUEUE + 5]);
    tell(&voice, Dir::In, PEER, &[b"y"; 3].map(|text| text.as_slice()));
    voice.say("a sentence has its own room", None);
    drop(go);
    finish(&voice);
    let text = written.text();
    assert_eq!(text.matches("1B x\n").count(), SHOW_QUEUE);
    assert_eq!(text.matches("1B y\n").count(), 0);
    let told = "framecat: a sentence has its own room\nframecat: 8 not shown: ";
    assert!(text.contains(told), "{}", &text[text.len() - 200..]);
    tell(&voice, Dir::In, PEER, &[b"there is room again"]);
    finish(&voice);
    assert!(written.text().ends_with("19B there is room again\n"));
}

#[test]
fn sentences_that_lag_are_counted_and_told() {
    let (voice, written, go) = stuck(Manner::default());
    for i in 0..SHOW_QUEUE + 2 {
        voice.say(&format!("sentence {i}"), None);
    }
    // Nobody waits for a stderr that takes nothing.
    voice.desk.finish(Duration::ZERO);
    assert_eq!(written.text(), "");
    drop(go);
    finish(&voice);
    let text = written.text();
    assert_eq!(text.matches("framecat: sentence ").count(), SHOW_QUEUE);
    assert!(text.contains("framecat: 2 events not told: "), "{}", &text[text.len() - 200..]);
}

#[test]
fn whole_messages_are_shown_within_a_bound_of_bytes() {
    let show = Some(Show { all: true, ..Show::default() });
    let (voice, written, go) = stuck(Manner { show, ..Manner::default() });
    let large = vec![b'x'; QUEUE_BYTES + 1];
    tell(&voice, Dir::In, PEER, &[&large, b"no room", b"no room"]);
    drop(go);
    finish(&voice);
    let text = written.text();
    assert!(text.contains(&format!(" {}B xxx", QUEUE_BYTES + 1)));
    assert!(!text.contains("no room"));
    assert!(text.contains("framecat: 2 not shown: "));
}

#[test]
fn errors_of_stderr_are_nobodys() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::from_raw_os_error(libc::ENOSPC))
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let voice = Voice::on(Manner::default(), Box::new(Full));
    voice.say("nobody hears", None);
    finish(&voice);
    voice.say("nor this", None);
    finish(&voice);
    assert!(!voice.wants_messages());
}
