//! A row for every framing, and every way its bytes can arrive.

use framecat_proto::Framing;
use framecat_proto::framing::{Decoder, EncodeError, Fault, Tail, Tailed};
use framecat_proto::limits::{COPY_BYTES, MESSAGE_BYTES};
use framecat_proto::message::{Batch, Context, Outbound, Outgoing, Spans};

use crate::laws::{decode, encode};

type Case = (&'static str, &'static [u8], &'static [&'static [u8]]);

const CASES: &[Case] = &[
    ("eof", b"all\nof\0it", &[b"all\nof\0it"]),
    ("line", b"hello\r\n\nworld\n", &[b"hello\r", b"", b"world"]),
    ("line,keep", b"hello\r\n\nworld\n", &[b"hello\r\n", b"\n", b"world\n"]),
    ("line,resync", b"a\nb\n", &[b"a", b"b"]),
    ("crlf", b"a\nb\r\n\r\n\r\r\n", &[b"a\nb", b"", b"\r"]),
    ("crlf,keep", b"ab\r\n\r\n", &[b"ab\r\n", b"\r\n"]),
    ("nul", b"a\0\0b\nc\0", &[b"a", b"", b"b\nc"]),
    ("nul,keep", b"a\0\0", &[b"a\0", b"\0"]),
    (r"delim:\x03", b"one\x03\x03two\x03", &[b"one", b"", b"two"]),
    (r"delim:\r\n\r\n", b"GET /\r\n\r\n\r\n\r\nx\r\n\r\n", &[b"GET /", b"", b"x"]),
    // The marker is found where it first appears, so the third `a` begins the next message.
    ("delim:aa", b"baaabaa", &[b"b", b"ab"]),
    ("delim:---,keep", b"a---b-c---", &[b"a---", b"b-c---"]),
    ("delim:;,any", b"a;b;", &[b"a", b"b"]),
    (r"delim:;\n,any", b"a;b\n\n", &[b"a", b"b", b""]),
    (r"delim:;:\n,any,keep", b"a;b:c\n", &[b"a;", b"b:", b"c\n"]),
    (r"delim:;:.\n,any", b"a;b:c.\n", &[b"a", b"b", b"c", b""]),
    (
        "json",
        b"{\"a\":1}\n[2,\n3]\n\"x\\\"\xc3\xa9\"\n12\n",
        &[b"{\"a\":1}", b"[2,\n3]", b"\"x\\\"\xc3\xa9\"", b"12"],
    ),
    (
        "resp",
        b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n+OK\r\n$-1\r\n$11\r\nhello world\r\n*2\r\n*1\r\n:-1\r\n*0\r\n",
        &[b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", b"+OK\r\n", b"$-1\r\n", b"$11\r\nhello world\r\n", b"*2\r\n*1\r\n:-1\r\n*0\r\n"],
    ),
    ("lsp", b"Content-Length: 7\r\n\r\n{\"a\":1}Content-Length: 0\r\n\r\n", &[b"{\"a\":1}", b""]),
    (
        "lsp,keep",
        b"Content-Length: 0\r\n\r\nA:b\r\nCONTENT-LENGTH:2\r\n\r\nab",
        &[b"Content-Length: 0\r\n\r\n", b"A:b\r\nCONTENT-LENGTH:2\r\n\r\nab"],
    ),
    ("syslog", b"11 <13>1 hello3 a\nb", &[b"<13>1 hello", b"a\nb"]),
    ("syslog,keep", b"5 <1>hi<13>old\n", &[b"5 <1>hi", b"<13>old\n"]),
    ("dot", b"Hi\r\n..dot\r\nbye\r\n.\r\n.\r\n\r\n.\r\n", &[b"Hi\r\n.dot\r\nbye", b"", b"\r\n"]),
    ("dot,keep", b"Hi\r\n..\r\n.\r\n.\r\n", &[b"Hi\r\n..\r\n.\r\n", b".\r\n"]),
    ("ndjson", b"{\"a\":1}\n[2,3]\ntrue\n", &[b"{\"a\":1}", b"[2,3]", b"true"]),
    ("ndjson,resync", b"[]\n-1.5e3\n", &[b"[]", b"-1.5e3"]),
    ("json-seq", b"\x1e{\"a\":1}\n\x1e[2,\n3]\n\x1etrue\n", &[b"{\"a\":1}", b"[2,\n3]", b"true"]),
    ("json-seq,resync", b"\x1e\"\"\n\x1e12\n", &[b"\"\"", b"12"]),
    ("len:u8", b"\x05hello\x00\x01x", &[b"hello", b"", b"x"]),
    ("len:u16be", b"\x00\x0bHello world\x00\x00", &[b"Hello world", b""]),
    ("len:u16le", b"\x02\x00ab\x00\x00", &[b"ab", b""]),
    ("len:u24be", b"\x00\x00\x02ab\x00\x00\x00", &[b"ab", b""]),
    ("len:u24le", b"\x02\x00\x00ab\x00\x00\x00", &[b"ab", b""]),
    ("len:u32be", b"\x00\x00\x00\x02ab\x00\x00\x00\x00", &[b"ab", b""]),
    ("len:u32le", b"\x02\x00\x00\x00ab\x00\x00\x00\x00", &[b"ab", b""]),
    ("len:u64be", b"\x00\x00\x00\x00\x00\x00\x00\x02ab", &[b"ab"]),
    ("len:u64le", b"\x02\x00\x00\x00\x00\x00\x00\x00ab", &[b"ab"]),
    ("len:u16be,keep", b"\x00\x02ab\x00\x00", &[b"\x00\x02ab", b"\x00\x00"]),
    // A header that the length follows, and bytes behind the length.
    ("len:u16be@1,head=4", b"\x00\x00\x02\x00ab\x00\x00\x00\x00", &[b"ab", b""]),
    // modbus
    (
        "len:u16be@4,head=7,counts=rest,keep",
        b"\x00\x01\x00\x00\x00\x03\x11\x03\x00",
        &[b"\x00\x01\x00\x00\x00\x03\x11\x03\x00"],
    ),
    ("len:u16be,head=3,counts=rest", b"\x00\x03\x00ab\x00\x01\x00", &[b"ab", b""]),
    // postgres, typed messages
    ("len:u32be@1,head=5,counts=self,keep", b"Z\x00\x00\x00\x05I", &[b"Z\x00\x00\x00\x05I"]),
    ("len:u8@1,counts=self", b"\x00\x03ab\x00\x01", &[b"ab", b""]),
    // tpkt
    ("len:u16be@2,counts=total,magic=03", b"\x03\x00\x00\x06ab\x03\x00\x00\x04", &[b"ab", b""]),
    // amqp
    ("len:u32be@3,tail=ce", b"\x00\x00\x00\x00\x00\x00\x02ab\xce", &[b"ab"]),
    ("len:u8,counts=rest,tail=0d0a", b"\x02ab\r\n\x00\r\n", &[b"ab", b""]),
    ("len:u8,counts=total,tail=0a", b"\x04ab\n\x02\n", &[b"ab", b""]),
    ("len:u8,counts=total,tail=0a,keep", b"\x04ab\n\x02\n", &[b"\x04ab\n", b"\x02\n"]),
    ("len:varint", b"\x02ab\x00\x01c", &[b"ab", b"", b"c"]),
    // mqtt
    ("len:varint@1,keep", b"\xc0\x00\x30\x02ab", &[b"\xc0\x00", b"\x30\x02ab"]),
    ("len:qvarint", b"\x02ab\x00\x40\x01c", &[b"ab", b"", b"c"]),
    ("len:varint@1,tail=0a,magic=7e", b"~\x02ab\n~\x00\n", &[b"ab", b""]),
    ("len:u8,max=2", b"\x02ab", &[b"ab"]),
    ("struct", b"\0\0\0\0\0\0\0\x01\0\0\0\x02ab\0\0\0\0\0\0\0\x02\0\0\0\0", &[b"ab", b""]),
    ("struct,keep", b"\0\0\0\0\0\0\0\x01\0\0\0\x01a", &[b"\0\0\0\0\0\0\0\x01\0\0\0\x01a"]),
    ("fixed:1", b"abc", &[b"a", b"b", b"c"]),
    ("fixed:3", b"abcdef", &[b"abc", b"def"]),
    ("netstring", b"5:hello,0:,12:hello world!,", &[b"hello", b"", b"hello world!"]),
    ("netstring,keep", b"2:,:,0:,", &[b"2:,:,", b"0:,"]),
    (
        "slip",
        b"\xc0a\xdb\xdcb\xdb\xdd\xc0\xc0hello\xc0\xc0\xdb\xdd\xdb\xdc\xc0",
        &[b"a\xc0b\xdb", b"hello", b"\xdb\xc0"],
    ),
    ("slip,resync", b"\xc0a\xc0\xc0b\xc0", &[b"a", b"b"]),
    ("cobs", b"\x02a\x03bc\0\x01\0\x01\x01\0\x06hello\0", &[b"a\0bc", b"", b"\0", b"hello"]),
    ("cobs,resync", b"\x02a\0\x01\x01\x02b\0", &[b"a", b"\0\0b"]),
    // The check sequence of the third has a flag in it.
    ("hdlc", b"~\xff\x03}^a}]\xcc[~~hello\xbd4~~ 1}^\x0c~", &[b"\xff\x03~a}", b"hello", b" 1"]),
    ("stx", b"\x02hello\x03\x02\x03\x02\x10\x03", &[b"hello", b"", b"\x10"]),
    ("stx,keep", b"\x02a\x03\x02\x03", &[b"\x02a\x03", b"\x02\x03"]),
    ("stx,resync", b"\x02a\x03\x02b\x03", &[b"a", b"b"]),
    ("stx,keep,resync", b"\x02a\x03", &[b"\x02a\x03"]),
    (
        "stx,dle",
        b"\x10\x02a\x10\x10\x03\x10\x03\x10\x02\x10\x03\x10\x02\x10\x10\x10\x10\x02\x10\x10\x10\x03\x10\x02hi\x10\x03",
        &[b"a\x10\x03", b"", b"\x10\x10\x02\x10", b"hi"],
    ),
    ("stx,dle,resync", b"\x10\x02a\x10\x03", &[b"a"]),
    ("hdlc,resync", b"~hello\xbd4~", &[b"hello"]),
    ("dns", b"\x00\x02ab\x00\x00", &[b"ab", b""]),
    ("tpkt", b"\x03\x00\x00\x07\x02\xf0\x80\x03\x00\x00\x04", &[b"\x02\xf0\x80", b""]),
    ("modbus", b"\x00\x01\x00\x00\x00\x03\x11\x03\x00\x00\x02\x00\x00\x00\x02\x11\x07", &[b"\x00\x01\x00\x00\x00\x03\x11\x03\x00", b"\x00\x02\x00\x00\x00\x02\x11\x07"]),
    ("mqtt", b"\xc0\x000\x02ab", &[b"\xc0\x00", b"0\x02ab"]),
    ("kafka", b"\x00\x00\x00\x02ab\x00\x00\x00\x00", &[b"ab", b""]),
    ("mysql", b"\x01\x00\x00\x00\x0e\x00\x00\x00\x01", &[b"\x01\x00\x00\x00\x0e", b"\x00\x00\x00\x01"]),
    ("mongodb", b"\x06\x00\x00\x00ab\x04\x00\x00\x00", &[b"ab", b""]),
    ("bgp", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x13\x04\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x15\x03\x06\x02", &[b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x13\x04", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x15\x03\x06\x02"]),
    ("someip", b"\x124\x00!\x00\x00\x00\x0a\x00\x07\x00\x01\x01\x01\x00\x00ab", &[b"\x124\x00!\x00\x00\x00\x0a\x00\x07\x00\x01\x01\x01\x00\x00ab"]),
    ("tls-record", b"\x16\x03\x03\x00\x02ab\x14\x03\x03\x00\x01\x01", &[b"\x16\x03\x03\x00\x02ab", b"\x14\x03\x03\x00\x01\x01"]),
    ("protobuf", b"\x02ab\x00", &[b"ab", b""]),
    ("transfer", b"fc\x01S\x00\x00\x00\x00\x25\x00\x00\x00\x00\x00\x00\x03\xa1\x00\x01", &[b"fc\x01S\x00\x00\x00\x00", b"\x25\x00\x00\x00\x00\x00\x00\x03\xa1\x00\x01"]),
    ("len:varint4", b"\x02ab\x00", &[b"ab", b""]),
    ("postgres", b"R\x00\x00\x00\x08\x00\x00\x00\x00Z\x00\x00\x00\x05I", &[b"R\x00\x00\x00\x08\x00\x00\x00\x00", b"Z\x00\x00\x00\x05I"]),
    ("amqp", b"\x08\x00\x00\x00\x00\x00\x00\xce\x03\x00\x01\x00\x00\x00\x02ab\xce", &[b"\x08\x00\x00\x00\x00\x00\x00\xce", b"\x03\x00\x01\x00\x00\x00\x02ab\xce"]),
    ("mllp", b"\x0bMSH\x0d\x1c\x0d\x0b\x1c\x0d\x0b\x0b\x1c\x1c\x0d", &[b"MSH\x0d", b"", b"\x0b\x1c"]),
    ("fix", b"8=FIX.4.4\x019=5\x0135=0\x0110=163\x018=FIXT.1.1\x019=11\x0135=0\x01112=x\x0110=104\x01", &[b"8=FIX.4.4\x019=5\x0135=0\x0110=163\x01", b"8=FIXT.1.1\x019=11\x0135=0\x01112=x\x0110=104\x01"]),
    ("git", b"0009hello00000001000200040008\x0a\x00\x01\x02", &[b"0009hello", b"0000", b"0001", b"0002", b"0004", b"0008\x0a\x00\x01\x02"]),
    ("http", b"POST /a?b HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi\r\nGET / HTTP/1.0\r\n\r\n", &[b"POST /a?b HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi", b"\r\nGET / HTTP/1.0\r\n\r\n"]),
    ("http", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x\r\nhi\r\n0\r\nT: u\r\n\r\nHTTP/1.1 304 \r\nContent-Length: 9\r\n\r\n", &[b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x\r\nhi\r\n0\r\nT: u\r\n\r\n", b"HTTP/1.1 304 \r\nContent-Length: 9\r\n\r\n"]),
];

fn framing(word: &str) -> Framing {
    word.parse().unwrap_or_else(|error| panic!("{word}: {error}"))
}

/// A flag stands on both sides of each message.
fn begins_with_a_flag(rule: &Framing) -> bool {
    matches!(rule, Framing::Slip(_) | Framing::Hdlc(_))
}

fn messages(word: &str, pieces: &[&[u8]]) -> Vec<Vec<u8>> {
    let outcome = decode(&framing(word), MESSAGE_BYTES, pieces.iter().copied());
    assert_eq!((&outcome.faults, &outcome.cut), (&vec![], &None), "{word} {pieces:02x?}");
    outcome.messages.into_iter().map(|(payload, _)| payload).collect()
}

#[test]
fn every_framing_survives_every_split() {
    for (word, bytes, want) in CASES {
        assert_eq!(messages(word, &[bytes]), *want, "{word} in one piece");
        for cut in 0..=bytes.len() {
            let (a, b) = bytes.split_at(cut);
            assert_eq!(messages(word, &[a, b]), *want, "{word} cut at {cut}");
            for cut_again in 0..=b.len() {
                let (b, c) = b.split_at(cut_again);
                assert_eq!(messages(word, &[a, b, c]), *want, "{word} cut at {cut}, {cut_again}");
            }
        }
    }
}

#[test]
fn every_framing_survives_bytes_that_come_one_by_one() {
    for (word, bytes, want) in CASES {
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(messages(word, &single), *want, "{word}");
    }
}

#[test]
fn one_buffer_yields_all_of_its_many_messages() {
    for (word, bytes, want) in CASES.iter().filter(|(word, ..)| *word != "eof") {
        let got = messages(word, &[&bytes.repeat(500)]);
        assert_eq!(got.len(), want.len() * 500, "{word}");
        assert!(got.chunks(want.len()).all(|round| round == *want), "{word}");
    }
}

#[test]
fn the_end_of_the_stream_at_every_offset_loses_nothing() {
    // The ends of JSON values have their own test: white space between them is in no message.
    let ends = |word: &str| word != "eof" && !word.contains("json");
    for (word, bytes, want) in CASES.iter().filter(|(word, ..)| ends(word)) {
        let rule = framing(word);
        let boundaries: Vec<usize> = (0..=bytes.len())
            .filter(|upto| decode(&rule, MESSAGE_BYTES, [&bytes[..*upto]]).cut.is_none())
            .collect();
        // Behind a flag that begins a message, nothing of it is there yet.
        let flags = if begins_with_a_flag(&rule) { want.len() } else { 0 };
        let count = want.len() + 1 + flags;
        assert_eq!(boundaries.len(), count, "{word}: a boundary after each message");
        for upto in 0..=bytes.len() {
            let got = decode(&rule, MESSAGE_BYTES, [&bytes[..upto]]);
            let last = boundaries.iter().rposition(|at| *at <= upto).unwrap();
            let whole = if flags > 0 { last / 2 } else { last };
            assert_eq!(got.messages.len(), whole, "{word} ends after {upto}");
            let Some(Fault::Cut { have, need }) = got.cut else {
                assert_eq!(upto, boundaries[last], "{word} ends after {upto}, and all is whole");
                continue;
            };
            assert_eq!(boundaries[last] + have, upto, "{word} ends after {upto}");
            if let Some(need) = need {
                let due = boundaries[last] + need as usize;
                assert_eq!(due, boundaries[last + 1], "{word} ends after {upto}");
            }
        }
    }
}

#[test]
fn the_longest_message_passes_and_one_byte_more_does_not() {
    for (word, bytes, want) in CASES {
        let rule = framing(word);
        let longest = want.iter().map(|message| message.len()).max().unwrap();
        let number = want.iter().position(|message| message.len() == longest).unwrap();
        let passed = decode(&rule, longest, [*bytes]);
        assert_eq!(passed.messages.len(), want.len(), "{word}, max {longest}");
        assert_eq!((passed.faults, passed.cut), (vec![], None), "{word}, max {longest}");
        for pieces in [vec![*bytes], bytes.chunks(1).collect()] {
            let got = decode(&rule, longest - 1, pieces);
            let (_, message, fault) = &got.faults[0];
            assert_eq!(*message, number as u64 + 1, "{word}, max {}", longest - 1);
            let told = matches!(fault, Fault::TooLong { len, max }
                if len.is_none_or(|len| len == longest as u64) && *max == longest - 1);
            assert!(told, "{word}: {fault:?}");
        }
        let message = Outbound { payload: want[number], time_ns: None, index: 0, cut: false };
        let written = |max| rule.framer(max).encode(message, &Context::at(0), &mut Outgoing::new());
        assert_eq!(written(longest), Ok(()), "{word} writes its longest");
        let refused = EncodeError::DoesNotFit { len: longest, max: longest as u64 - 1 };
        assert_eq!(written(longest - 1), Err(refused), "{word} writes no more");
    }
}

#[test]
fn what_was_decoded_is_written_back() {
    for (word, _, want) in CASES {
        let rule = framing(word);
        let sent: Vec<_> = want.iter().map(|message| (message.to_vec(), Some(7))).collect();
        let (bytes, accepted) = encode(&rule, MESSAGE_BYTES, &sent);
        assert!(accepted.iter().all(|accepted| *accepted), "{word}");
        assert_eq!(messages(word, &[&bytes]), *want, "{word}");
    }
}

#[test]
fn written_bytes_are_the_bytes_of_the_table() {
    // Those whose header says nothing but the length, in its only form, and no time.
    let exact = |word: &str| {
        let several = word.contains("any") && !word.contains("keep");
        !several && !word.starts_with("len:qvarint") && word != "struct"
    };
    for (word, bytes, want) in CASES.iter().filter(|(word, ..)| exact(word)) {
        let sent: Vec<_> = want.iter().map(|message| (message.to_vec(), None)).collect();
        assert_eq!(encode(&framing(word), MESSAGE_BYTES, &sent).0, *bytes, "{word}");
    }
}

#[test]
fn large_payloads_by_reference_give_the_same_bytes() {
    let big = vec![b'x'; COPY_BYTES + 1];
    for word in [
        "line",
        "crlf",
        "nul",
        r"delim:\x03",
        "len:u32be",
        "len:varint@1,tail=0a",
        "netstring",
        "slip",
        "hdlc",
        "stx",
        "stx,dle",
    ] {
        let sent = vec![(b"small".to_vec(), None), (big.clone(), None), (b"l".to_vec(), None)];
        let rule = framing(word);
        let mut spans = Spans::new();
        let input = [b"small".as_slice(), &big].concat();
        [(0, 5), (5, input.len()), (3, 4)].iter().for_each(|(from, to)| spans.push(*from, *to));
        let batch = Batch { input: &input, spans: &spans };
        let mut out = Outgoing::new();
        rule.framer(MESSAGE_BYTES).encode_batch(batch, 0, &Context::at(0), &mut out).unwrap();
        assert_eq!(out.pieces(batch).count(), 3, "{word}: the large payload is not copied");
        assert_eq!(decode(&rule, MESSAGE_BYTES, out.pieces(batch)).messages, sent, "{word}");
    }
}

#[test]
fn a_message_keeps_its_time_and_a_new_one_gets_now() {
    let rule = framing("struct");
    let sent = vec![(b"a".to_vec(), Some(1)), (Vec::new(), Some(u64::MAX))];
    let (bytes, _) = encode(&rule, MESSAGE_BYTES, &sent);
    assert_eq!(decode(&rule, MESSAGE_BYTES, [bytes.as_slice()]).messages, sent);
    let (bytes, _) = encode(&rule, MESSAGE_BYTES, &[(b"new".to_vec(), None)]);
    let got = decode(&rule, MESSAGE_BYTES, [bytes.as_slice()]).messages;
    assert_eq!(got, [(b"new".to_vec(), Some(42))], "the context of `encode` says 42");
}

#[test]
fn raw_gives_each_read_and_divides_what_is_over_the_maximum() {
    let got = decode(&Framing::Raw, 4, [b"abcdefghij".as_slice(), b"", b"kl"]);
    let payloads: Vec<_> = got.messages.iter().map(|(payload, _)| payload.as_slice()).collect();
    assert_eq!(payloads, [b"abcd".as_slice(), b"efgh", b"ij", b"kl"]);
}

/// Proto has no clock: whoever reads says when it was silent.
#[test]
fn a_gap_ends_a_message_when_it_is_told_to_be_silent() {
    let rule = framing("gap:50ms");
    let mut decoder = Decoder::of(&rule, 9, None);
    assert_eq!(decoder.silence(), Some(std::time::Duration::from_millis(50)));
    assert_eq!(Decoder::of(&Framing::line(), 9, None).silence(), None);
    let mut spans = Spans::new();
    for (n, (pieces, want)) in
        [(["he", "hello"], "hello"), (["\0", "\0"], "\0")].into_iter().enumerate()
    {
        for piece in pieces {
            let did = decoder.decode(piece.as_bytes(), &mut spans);
            assert_eq!((did.consumed, did.error, spans.len()), (0, None, n), "{want}");
        }
        let rest = want.as_bytes();
        assert_eq!(decoder.silent(rest, &mut spans), Ok(true), "{want}");
        assert_eq!((spans.get(n, rest), decoder.messages()), (rest, n as u64 + 1), "{want}");
    }
    // More silence, and the end behind it, are no messages.
    assert_eq!(decoder.silent(b"", &mut spans), Ok(false));
    assert_eq!(decoder.end(b"", &mut spans), Ok(Tailed::Nothing));
    assert_eq!(spans.len(), 2);
    // The maximum is one while it is not silent, too; and the error counts from where the stream began.
    let error = decoder.decode(b"0123456789", &mut spans).error.unwrap();
    assert_eq!((error.offset, error.message), (6, 3));
    assert_eq!(error.fault, Fault::TooLong { len: None, max: 9 });
}

#[test]
fn the_end_is_silence_and_an_empty_message_would_be_nothing() {
    let rule = framing("gap:1s");
    assert_eq!(decode(&rule, 9, [b"ab".as_slice(), b"c"]).messages, [(b"abc".to_vec(), None)]);
    assert_eq!(decode(&rule, 9, []).messages, []);
    let sent = [(b"a".to_vec(), None), (Vec::new(), None), (b"0123456789".to_vec(), None)];
    assert_eq!(encode(&rule, 9, &sent), (b"a".to_vec(), vec![true, false, false]));
    assert_eq!(rule.tail(), Tail::Keep);
}

#[test]
fn eof_holds_one_message_and_an_empty_stream_is_an_empty_message() {
    let rule = Framing::Eof;
    assert_eq!(decode(&rule, 9, []).messages, [(Vec::new(), None)]);
    let (bytes, accepted) = encode(&rule, 9, &[(b"a".to_vec(), None), (b"b".to_vec(), None)]);
    assert_eq!(
        (bytes.as_slice(), accepted.as_slice()),
        (b"a".as_slice(), [true, false].as_slice())
    );
}

#[test]
fn framings_that_end_at_a_marker_keep_a_cut_tail_and_others_do_not() {
    for (word, _, _) in CASES.iter().filter(|(word, ..)| *word != "eof") {
        let marked = ["line", "crlf", "nul", "delim"].iter().any(|name| word.starts_with(name));
        let want = if marked { Tail::Keep } else { Tail::Error };
        assert_eq!(framing(word).tail(), want, "{word}");
    }
}

#[test]
fn a_cut_tail_is_written_without_an_ending() {
    for word in ["line", "line,keep", "crlf", "crlf,keep", "nul", "delim:ab", "delim:ab,any"] {
        let message = Outbound { payload: b"tail", time_ns: None, index: 0, cut: true };
        let mut out = Outgoing::new();
        // A marker that is in the payload cannot have been cut off it.
        framing(word).framer(9).encode(message, &Context::at(0), &mut out).ok();
        let want: &[u8] = if word == "delim:ab,any" { b"" } else { b"tail" };
        let batch = Batch { input: b"", spans: &Spans::new() };
        assert_eq!(out.to_vec(batch), want, "{word}");
    }
}

/// The proof that bytes arriving one by one cost linear time: what a framer has seen is replaced by
/// markers, and it does not notice, because it does not look there again.
#[test]
fn a_framer_never_looks_again_at_bytes_that_it_has_searched() {
    for (word, marker) in [
        ("line", b"\n".as_slice()),
        ("line,keep", b"\n"),
        ("nul", b"\0"),
        ("crlf", b"\r\n"),
        ("delim:abcabd", b"abcabd"),
        ("delim:ab,any", b"b"),
        ("delim:abc,any", b"c"),
        ("delim:abcd,any,keep", b"d"),
        ("slip", b"\xc0"),
        ("hdlc", b"~"),
        ("stx", b"\x03"),
        ("stx,dle", b"\x10\x03"),
        ("cobs", b"\0"),
    ] {
        let mut framer = framing(word).framer(MESSAGE_BYTES);
        let mut spans = Spans::new();
        let overlap = if word.contains("any") { 0 } else { marker.len() - 1 };
        let begin: &[u8] = match word {
            "stx" => b"\x02",
            "stx,dle" => b"\x10\x02",
            _ => b"",
        };
        let mut seen = begin.to_vec();
        for _ in 0..200 {
            // In cobs it is a code byte, too: it says that 44 bytes follow.
            seen.push(b'-');
            let progress = framer.decode(&seen, &mut spans);
            assert_eq!((progress.consumed, progress.fault), (0, None), "{word}");
            assert!(spans.is_empty(), "{word}: it found a marker among the bytes before");
            let searched = (seen.len() - begin.len()).saturating_sub(overlap);
            let markers = marker.iter().cycle().take(searched);
            seen = begin.iter().chain(markers).copied().collect();
            seen.resize(begin.len() + searched + overlap.min(200), b'-');
        }
    }
}

#[test]
fn a_rule_that_remembers_nothing_writes_a_message_the_same_every_time() {
    let write = |framer: &mut dyn framecat_proto::framing::Framer, message: &[u8]| {
        let mut spans = Spans::new();
        spans.push(0, message.len());
        let batch = Batch { input: message, spans: &spans };
        let mut out = Outgoing::new();
        framer.encode_batch(batch, 0, &Context::at(1), &mut out).map(|()| out.to_vec(batch))
    };
    let mut remember = Vec::new();
    for (word, _, messages) in CASES {
        let rule: Framing = word.parse().unwrap();
        let mut used = rule.framer(MESSAGE_BYTES);
        let twice = messages.iter().chain(*messages);
        let same = twice.filter(|message| {
            write(&mut *used, message) == write(&mut *rule.framer(MESSAGE_BYTES), message)
        });
        match rule.remembers() {
            true => remember.push(*word),
            false => assert_eq!(same.count(), 2 * messages.len(), "{word}"),
        }
    }
    assert!(remember.contains(&"eof"), "{remember:?}");
}
