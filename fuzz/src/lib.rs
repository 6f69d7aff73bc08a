//! The laws of every framer as assertions: what the fuzz targets and the tests of framecat-proto
//! run on arbitrary bytes, splits and maxima.
//!
//! `cargo +nightly fuzz run len -- -max_len=4096`; a failure replays in the tests of framecat-proto
//! once its input lies in `fuzz/seeds/`.

use framecat_proto::Framing;
use framecat_proto::framing::{Decoder, Fault, Tail, Tailed};
use framecat_proto::http::{Length, Method, head};
use framecat_proto::limits::HEADER_BYTES;
use framecat_proto::message::{Batch, Context, Outgoing, Spans};

pub mod forms;
pub mod heads;
mod models;
#[cfg_attr(test, allow(dead_code, reason = "the tests of transfers take it in by themselves"))]
pub mod transfer;

/// The rules that a family of targets covers; `framings` covers all.
pub const FAMILIES: &[(&str, &[&str])] = &[
    ("raw", &["raw"]),
    ("gap", &["gap:1ms"]),
    ("eof", &["eof"]),
    ("line", &["line", "line,keep", "line,resync", "line,keep,resync"]),
    ("crlf", &["crlf", "crlf,keep"]),
    ("nul", &["nul", "nul,keep"]),
    (
        "delim",
        &[
            r"delim:\x03",
            "delim:ab,keep",
            "delim:aa",
            "delim:abab",
            "delim:aabaa,keep",
            "delim:ab,any",
            "delim:abc,any,keep",
            "delim:abcde,any",
        ],
    ),
    ("json", &["json"]),
    ("resp", &["resp"]),
    ("lsp", &["lsp", "lsp,keep"]),
    ("syslog", &["syslog", "syslog,keep"]),
    ("dot", &["dot", "dot,keep"]),
    ("ndjson", &["ndjson", "ndjson,resync"]),
    ("json-seq", &["json-seq", "json-seq,resync"]),
    (
        "len",
        &[
            "len:u8",
            "len:u16be",
            "len:u16le,keep",
            "len:u24be",
            "len:u24le,head=4,keep",
            "len:u32be",
            "len:u32le,head=4,counts=total",
            "len:u64be",
            "len:u64le,counts=self",
            "len:varint",
            "len:varint@1,keep",
            "len:qvarint",
            "len:qvarint@2,tail=0a,magic=7e",
            "len:u16be@2,head=4,counts=total,magic=03",
            "len:u16be@4,head=7,counts=rest,keep",
            "len:u32be@3,head=7,tail=ce,keep",
            "len:u8@1,head=5,counts=self,tail=0d0a,magic=aa",
            "len:u64be@8,head=24,counts=total,tail=00,keep",
            "len:u32be,max=7",
        ],
    ),
    ("struct", &["struct", "struct,keep"]),
    ("fixed", &["fixed:1", "fixed:3", "fixed:4096"]),
    ("netstring", &["netstring", "netstring,keep"]),
    ("slip", &["slip", "slip,resync"]),
    ("cobs", &["cobs", "cobs,resync"]),
    ("hdlc", &["hdlc", "hdlc,resync"]),
    ("stx", &["stx", "stx,keep", "stx,resync", "stx,keep,resync", "stx,dle", "stx,dle,resync"]),
    ("postgres", &["postgres"]),
    ("amqp", &["amqp"]),
    ("mllp", &["mllp"]),
    ("fix", &["fix"]),
    ("git", &["git"]),
    ("http", &["http"]),
    ("guess", &["guess"]),
    (
        "preset",
        &[
            "dns",
            "tpkt",
            "modbus",
            "mqtt",
            "kafka",
            "mysql",
            "mongodb",
            "bgp",
            "someip",
            "tls-record",
            "protobuf",
            "transfer",
        ],
    ),
];

/// The maxima that are tried.
const MAXIMA: [usize; 6] = [16 << 20, 64, 7, 1, 0, 4_096];

/// More than any of the rules above puts around a payload.
const AROUND: usize = 64;

/// The most that may wait for the end of a message: framings that stuff bytes escape each at worst.
fn longest(rule: &Framing, max: usize) -> usize {
    match rule {
        Framing::Slip(_) | Framing::Hdlc(_) | Framing::Stx(_) => 2 * max + AROUND,
        Framing::Dot(_) => 2 * max + AROUND,
        Framing::Lsp(_) => max + HEADER_BYTES + AROUND,
        Framing::Cobs(_) => max + max / 254 + AROUND,
        _ => max + AROUND,
    }
}

/// Reads a rule, a maximum and a split pattern from the first bytes of `data` and checks the laws on
/// the others.
pub fn check_family(family: &str, data: &[u8]) {
    let [rule, max, split, bytes @ ..] = data else { return };
    let rules: Vec<&str> = FAMILIES
        .iter()
        .filter(|(name, _)| *name == family || family == "framings")
        .flat_map(|(_, rules)| rules.iter().copied())
        .collect();
    assert!(!rules.is_empty(), "{family} names no rules");
    let rule = rules[usize::from(*rule) % rules.len()];
    check(rule, MAXIMA[usize::from(*max) % MAXIMA.len()], *split, bytes);
}

/// Payloads with the times they brought along.
pub type Messages = Vec<(Vec<u8>, Option<u64>)>;

/// All that came out of one stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// Payloads with the times they brought along.
    pub messages: Messages,
    /// Offset, message number and fault.
    pub faults: Vec<(u64, u64, Fault)>,
    /// Bytes of whole messages and rejected ones.
    pub consumed: usize,
    /// Those of them that belong to no message.
    pub rejected: usize,
    /// What the end of the stream reported.
    pub cut: Option<Fault>,
}

impl Outcome {
    /// The payloads, one after the other.
    pub fn concatenated(&self) -> Vec<u8> {
        self.messages.iter().flat_map(|(payload, _)| payload.iter().copied()).collect()
    }
}

/// Decodes pieces as a connection does: unconsumed bytes stay before those that arrive.
pub fn decode<'a>(
    rule: &Framing,
    max: usize,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Outcome {
    let mut decoder = Decoder::of(rule, max, Some(Tail::Error));
    let mut outcome = Outcome::default();
    let mut pending = Vec::new();
    let mut spans = Spans::new();
    for piece in pieces {
        pending.extend_from_slice(piece);
        loop {
            spans.clear();
            let did = decoder.decode(&pending, &mut spans);
            take(&spans, &pending, &mut outcome);
            pending.drain(..did.consumed);
            outcome.consumed += did.consumed;
            outcome.rejected += did.rejected;
            let Some(error) = did.error else { break };
            assert_eq!(error.offset, outcome.consumed as u64, "{rule}: where the fault lies");
            assert!(pending.starts_with(&error.head), "{rule}: the first bytes of the fault");
            outcome.faults.push((error.offset, error.message, error.fault));
            if !did.resumes {
                return outcome;
            }
        }
        let most = longest(rule, max);
        assert!(pending.len() <= most, "{rule}: {} bytes wait, max {max}", pending.len());
    }
    spans.clear();
    match decoder.end(&pending, &mut spans) {
        Ok(Tailed::Message) => {
            take(&spans, &pending, &mut outcome);
            outcome.consumed += pending.len();
        }
        Ok(_) => assert!(pending.is_empty(), "{rule}: bytes are lost at the end"),
        Err(error) => {
            let Fault::Cut { have, need } = error.fault else {
                panic!("{rule}: {error} at the end")
            };
            assert_eq!(have, pending.len(), "{rule}: the cut tail is all that is left");
            assert!(need.is_none_or(|need| need > have as u64), "{rule}: {have} of {need:?}");
            outcome.cut = Some(error.fault);
        }
    }
    outcome
}

fn take(spans: &Spans, input: &[u8], outcome: &mut Outcome) {
    for i in 0..spans.len() {
        outcome.messages.push((spans.get(i, input).to_vec(), spans.time_ns(i)));
    }
}

/// Encodes messages one after the other. Gives the bytes and whether each was accepted; a refused
/// one leaves nothing behind.
pub fn encode(
    rule: &Framing,
    max: usize,
    messages: &[(Vec<u8>, Option<u64>)],
) -> (Vec<u8>, Vec<bool>) {
    let mut input = Vec::new();
    let mut spans = Spans::new();
    let timed = messages.iter().all(|(_, time)| time.is_some());
    for (payload, time) in messages {
        let start = input.len();
        input.extend_from_slice(payload);
        match time {
            Some(time) if timed => spans.push_timed(start, input.len(), *time),
            _ => spans.push(start, input.len()),
        }
    }
    let batch = Batch { input: &input, spans: &spans };
    let mut framer = rule.framer(max);
    let mut out = Outgoing::new();
    let mut accepted = Vec::new();
    for i in 0..batch.len() {
        let before = out.to_vec(batch);
        let done = framer.encode(batch.outbound(i), &Context::at(42), &mut out);
        if done.is_err() {
            assert_eq!(out.to_vec(batch), before, "{rule}: a refused message leaves bytes");
        }
        accepted.push(done.is_ok());
    }
    (out.to_vec(batch), accepted)
}

/// Cuts `bytes` into pieces of two sizes in turn, told by the halves of `split`.
pub fn pieces(bytes: &[u8], split: u8) -> Vec<&[u8]> {
    let sizes = [usize::from(split & 15) + 1, usize::from(split >> 4) * 5 + 1];
    let mut rest = bytes;
    let mut pieces = Vec::new();
    for size in sizes.into_iter().cycle() {
        if rest.is_empty() {
            return pieces;
        }
        let (piece, after) = rest.split_at(size.min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

/// Checks the laws 1 (encode and decode), 2 (splits), 3 (conservation) and 6 (the maximum).
pub fn check(word: &str, max: usize, split: u8, bytes: &[u8]) {
    let rule: Framing = word.parse().unwrap_or_else(|error| panic!("{word}: {error}"));
    assert_eq!(rule.to_string().parse(), Ok(rule.clone()), "{word} prints back");
    let whole = settled(&rule, decode(&rule, max, [bytes]));
    let chunked = settled(&rule, decode(&rule, max, pieces(bytes, split)));
    let single = settled(&rule, decode(&rule, max, bytes.chunks(1)));
    if rule == Framing::Raw {
        assert!([&whole, &chunked, &single].iter().all(|got| got.concatenated() == bytes));
        return;
    }
    assert_eq!(whole, chunked, "{word}, max {max}: pieces of split {split:02x}");
    assert_eq!(whole, single, "{word}, max {max}: byte by byte");
    for (payload, _) in &decode(&rule, max, [bytes]).messages {
        assert!(payload.len() <= max, "{word}: {} bytes, max {max}", payload.len());
    }
    check_conservation(&rule, max, bytes, &whole);
    check_round_trip(&rule, max, &decode(&rule, max, [bytes]).messages, true);
    if let Framing::Gap(_) = rule {
        // Without its silences several messages are one.
        return;
    }
    let payloads: Vec<_> =
        pieces(bytes, split).into_iter().map(|piece| (piece.to_vec(), None)).collect();
    check_round_trip(&rule, max, &payloads, false);
}

/// What comes behind the place where a rule hands bytes on as they come (a pack of git, an encrypted
/// conversation of postgres) is one piece here: of it the concatenation alone is promised.
pub fn settled(rule: &Framing, mut outcome: Outcome) -> Outcome {
    outcome.messages = settle(rule, outcome.messages);
    outcome
}

fn settle(rule: &Framing, mut messages: Messages) -> Messages {
    let from = match rule {
        Framing::Git => messages.iter().position(|(message, _)| message.starts_with(b"PACK")),
        Framing::Http => messages.iter().enumerate().find_map(|(i, (message, _))| {
            let is_tunnel = |found: Option<bool>| found == Some(true);
            let connects =
                head::request(message).ok().flatten().map(|head| head.method == Method::Connect);
            let switches = head::response(message, Method::Get)
                .ok()
                .flatten()
                .map(|head| head.length == Length::Tunnel);
            let before = i.checked_sub(1).map(|i| messages[i].0.as_slice()).unwrap_or_default();
            let upgraded = head::request(before)
                .ok()
                .flatten()
                .map(|head| head.fields.lists("Connection", "upgrade"));
            let other =
                !message.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'\r');
            if is_tunnel(connects) || is_tunnel(switches) {
                return Some(i + 1);
            }
            (is_tunnel(upgraded) && other).then_some(i)
        }),
        Framing::Postgres => {
            messages.iter().enumerate().find_map(|(i, (message, _))| match message.as_slice() {
                b"S" | b"G" => Some(i + 1),
                [0x16, ..] => Some(i),
                _ => None,
            })
        }
        _ => None,
    };
    if let Some(from) = from.filter(|from| *from < messages.len()) {
        let piece = messages.split_off(from).into_iter().flat_map(|(message, _)| message).collect();
        messages.push((piece, None));
    }
    messages
}

/// The two directions of a connection under framers that know of each other: bytes come now here, now
/// there, and none is lost or made up; what was decoded is accepted by the framers of another pair,
/// which write the same bytes, as a relay does.
pub fn check_pair(word: &str, data: &[u8]) {
    let rule: Framing = word.parse().unwrap_or_else(|error| panic!("{word}: {error}"));
    let [mut near, mut far] = [rule.pair(4_096), rule.pair(4_096)];
    let mut pending = [Vec::new(), Vec::new()];
    let mut dead = [false, false];
    let mut rest = data;
    let mut spans = Spans::new();
    while let [head, bytes @ ..] = rest {
        let (side, len) = (usize::from(head & 1), usize::from(head >> 1).min(bytes.len()));
        let (piece, after) = bytes.split_at(len);
        rest = after;
        if dead[side] {
            continue;
        }
        pending[side].extend_from_slice(piece);
        let input = std::mem::take(&mut pending[side]);
        spans.clear();
        let did = near[side].decode(&input, &mut spans);
        dead[side] = did.fault.is_some();
        let batch = Batch { input: &input, spans: &spans };
        let mut out = Outgoing::new();
        let sent = far[side].encode_batch(batch, 0, &Context::at(42), &mut out);
        assert_eq!(sent, Ok(()), "{word}: a relay refuses what it decoded");
        assert_eq!(out.to_vec(batch), input[..did.consumed], "{word}: the same bytes");
        pending[side] = input[did.consumed..].to_vec();
    }
}

/// What is said to fit does: the rule takes all the bytes for as many messages of those lengths.
pub fn check_guess(bytes: &[u8]) {
    for whole in [true, false] {
        for guess in framecat_proto::framing::guess(bytes, whole).fit {
            let word = guess.rule.to_string();
            assert_eq!(word.parse().as_ref(), Ok(&guess.rule), "{word} parses");
            let got = decode(&guess.rule, 16 << 20, [bytes]);
            assert!(got.faults.is_empty(), "{word}: {:?}", got.faults);
            assert_eq!(got.messages.len(), guess.messages, "{word}");
            let lengths = || got.messages.iter().map(|(message, _)| message.len());
            assert_eq!(lengths().min(), Some(guess.shortest), "{word}");
            assert_eq!(lengths().max(), Some(guess.longest), "{word}");
            let cut = got.cut.as_ref().map_or(0, |fault| match fault {
                Fault::Cut { have, .. } => *have,
                _ => 0,
            });
            assert_eq!(cut, guess.cut, "{word}");
            assert!(guess.refused <= guess.flipped && guess.flipped <= 8 * bytes.len(), "{word}");
        }
    }
}

/// Messages + cut tail + rejected = the input. Where the boundary is not part of the message, the
/// same rule with `,keep` must find the same messages with it.
fn check_conservation(rule: &Framing, max: usize, bytes: &[u8], got: &Outcome) {
    let left = bytes.len() - got.consumed;
    if got.faults.is_empty() {
        let cut = got.cut.as_ref().map_or(0, |cut| match cut {
            Fault::Cut { have, .. } => *have,
            _ => 0,
        });
        assert_eq!(cut, left, "{rule}: what was not consumed is reported");
    }
    let rule = rule.expanded();
    let word = rule.to_string();
    let keeps = word.contains(",keep")
        || matches!(rule, Framing::Fixed(_) | Framing::Eof | Framing::Guess | Framing::Gap(_));
    use Framing::{Amqp, Fix, Git, Http, Mllp, Postgres};
    if *rule == Mllp {
        let around = 3 * got.messages.len();
        assert_eq!(got.concatenated().len() + around, got.consumed, "three bytes a block");
        return;
    }
    if keeps || matches!(rule, Postgres | Amqp | Fix | Git | Http) {
        let all = got.concatenated();
        assert_eq!(all.len() + got.rejected, got.consumed, "{rule}: every byte is somewhere");
        if got.rejected == 0 {
            assert_eq!(all, &bytes[..got.consumed], "{rule}: the messages are the input");
        }
        return;
    }
    if matches!(rule, Framing::Json | Framing::Ndjson(_) | Framing::JsonSeq(_) | Framing::Resp) {
        check_order(rule, bytes, got);
        return;
    }
    if got.rejected > 0 {
        return;
    }
    if let Some((messages, broken)) = models::decode(rule, bytes) {
        let payloads: Vec<_> = got.messages.iter().map(|(payload, _)| payload.clone()).collect();
        if max < bytes.len() && !got.faults.is_empty() {
            assert!(messages.starts_with(&payloads), "{rule}, max {max}: not as the model has it");
        } else {
            let (faults, model) = (!got.faults.is_empty(), (&messages, broken));
            assert_eq!((&payloads, faults), model, "{rule}: not as the model has it");
        }
        return;
    }
    // The rule's own maximum would speak of header and trailer too.
    let unbounded = word.split(",max=").next().unwrap_or_default();
    let twin: Framing =
        format!("{unbounded},keep").parse().unwrap_or_else(|e| panic!("{word}: {e}"));
    let kept = decode(&twin, max + AROUND, [bytes]);
    assert!(kept.messages.len() >= got.messages.len(), "{rule}: fewer messages with keep");
    let trailer = match rule {
        Framing::Len(rule) => rule.trailer().len(),
        Framing::Netstring(_) => 1,
        _ => 0,
    };
    for ((bare, _), (kept, _)) in got.messages.iter().zip(&kept.messages) {
        let same = match rule {
            Framing::Line(_) | Framing::Delim(_) => kept.starts_with(bare),
            Framing::Syslog(_) => {
                kept.strip_suffix(b"\n").unwrap_or(kept).ends_with(bare) || kept.ends_with(bare)
            }
            Framing::Dot(_) => encode(rule, max, &[(bare.clone(), None)]).0 == *kept,
            _ => kept[..kept.len() - trailer].ends_with(bare),
        };
        assert!(same, "{rule}: {bare:02x?} lies not in {kept:02x?}");
    }
}

/// Every message lies in the input as it stands, one behind the other.
fn check_order(rule: &Framing, bytes: &[u8], got: &Outcome) {
    let mut rest = bytes;
    for (payload, _) in &got.messages {
        let found = match payload.len() {
            0 => Some(0),
            len => rest.windows(len).position(|here| here == payload),
        };
        let at = found.unwrap_or_else(|| panic!("{rule}: {payload:02x?} lies not in {rest:02x?}"));
        rest = &rest[at + payload.len()..];
    }
}

/// decode(encode(m)) == m, or `encode` refuses; what was decoded is never refused.
fn check_round_trip(
    rule: &Framing,
    max: usize,
    messages: &[(Vec<u8>, Option<u64>)],
    decoded: bool,
) {
    let (bytes, accepted) = encode(rule, max, messages);
    assert!(!decoded || accepted.iter().all(|accepted| *accepted), "{rule}: refuses its own");
    let sent: Vec<_> =
        messages.iter().zip(&accepted).filter(|(_, ok)| **ok).map(|(message, _)| message).collect();
    if matches!(rule, Framing::Eof | Framing::Guess) && sent.is_empty() {
        // Nothing written and an empty message are the same on the wire.
        return;
    }
    let got = settled(rule, decode(rule, max, [bytes.as_slice()]));
    let sent = settle(rule, sent.into_iter().cloned().collect());
    assert!(got.faults.is_empty() && got.cut.is_none(), "{rule}: {:?} {:?}", got.faults, got.cut);
    assert_eq!(got.messages.len(), sent.len(), "{rule}: as many messages as were written");
    for (got, sent) in got.messages.iter().zip(&sent) {
        assert_eq!(got.0, sent.0, "{rule}: decode(encode(m)) == m");
        assert!(sent.1.is_none() || got.1 == sent.1, "{rule}: a message keeps its time");
    }
}
