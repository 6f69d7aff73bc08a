//! RESP: what is one value, what is none, and headers that lie.

use framecat_proto::Framing;
use framecat_proto::framing::{Fault, Framer};
use framecat_proto::limits::{MESSAGE_BYTES, RESP_DEPTH, RESP_INLINE_BYTES};
use framecat_proto::message::{Context, Outbound, Outgoing, Spans};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::laws::{check, decode, pieces};

const SPLITS: [u8; 4] = [0xff, 0x00, 0x12, 0x31];

/// One value each: of RESP2, of RESP3, streamed, typed by a person.
const VALUES: &[&[u8]] = &[
    b"+OK\r\n",
    b"+\r\n",
    b"-ERR no such thing\r\n",
    b":0\r\n",
    b":-9223372036854775808\r\n",
    b":+5\r\n",
    b"$0\r\n\r\n",
    b"$5\r\n\r\n\0\xff\n\r\n",
    b"$-1\r\n",
    b"*-1\r\n",
    b"*0\r\n",
    b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n",
    b"*2\r\n*2\r\n:1\r\n$-1\r\n*1\r\n*0\r\n",
    b"_\r\n",
    b"#t\r\n",
    b"#f\r\n",
    b",1.23\r\n",
    b",-1.5e-9\r\n",
    b",10\r\n",
    b",inf\r\n",
    b",-inf\r\n",
    b",nan\r\n",
    b"(3492890328409238509324850943850943825024385\r\n",
    b"(-1\r\n",
    b"!21\r\nSYNTAX invalid syntax\r\n",
    b"=15\r\ntxt:Some string\r\n",
    b"%2\r\n+first\r\n:1\r\n+second\r\n*1\r\n:2\r\n",
    b"%0\r\n",
    b"~3\r\n+orange\r\n+apple\r\n#t\r\n",
    b">3\r\n+message\r\n+channel\r\n+text\r\n",
    // An attribute belongs to the value behind it, at the top and inside.
    b"|1\r\n+key-popularity\r\n%2\r\n$1\r\na\r\n,0.19\r\n$1\r\nb\r\n,0.006\r\n*2\r\n:2039123\r\n:9543892\r\n",
    b"*3\r\n:1\r\n:2\r\n|1\r\n+ttl\r\n:3600\r\n:3\r\n",
    b"|0\r\n|1\r\n+a\r\n+b\r\n+OK\r\n",
    b"$?\r\n;4\r\nHell\r\n;5\r\no wor\r\n;1\r\nd\r\n;0\r\n",
    b"*?\r\n:1\r\n$?\r\n;0\r\n*?\r\n.\r\n.\r\n",
    b"%?\r\n+a\r\n:1\r\n+b\r\n:2\r\n.\r\n",
    b"~?\r\n.\r\n",
    b"PING\r\n",
    b"set key \"a value\"\n",
];

#[test]
fn every_type_is_one_message_however_it_arrives() {
    for value in VALUES {
        // Empty lines between values are passed over, as Redis does.
        let bytes = [value, b"\r\n\n".as_slice(), value].concat();
        for split in SPLITS {
            let got = decode(&Framing::Resp, MESSAGE_BYTES, pieces(&bytes, split));
            let payloads: Vec<_> = got.messages.iter().map(|(payload, _)| &payload[..]).collect();
            assert_eq!(payloads, [*value, *value], "{}", value.escape_ascii());
            assert_eq!((got.faults, got.cut), (vec![], None), "{}", value.escape_ascii());
        }
        for cut in 1..value.len() {
            let got = decode(&Framing::Resp, MESSAGE_BYTES, [&value[..cut]]);
            assert_eq!((got.messages, got.faults), (vec![], vec![]), "{}", value.escape_ascii());
            assert!(matches!(got.cut, Some(Fault::Cut { have, .. }) if have == cut));
        }
    }
}

/// Bytes, where the fault lies, its number, its words.
const FAULTS: &[(&[u8], u64, u64, &str)] = &[
    (b"\x16\x03\x01", 0, 1, "no value begins with `\\x16` (byte 1)"),
    (b"+OK\r\n{}", 5, 2, "no value begins with `{` (byte 1)"),
    (b"*1\r\nPING\r\n", 0, 1, "no value begins with `P` (byte 5)"),
    (b"\rX", 0, 1, "no value begins with `\\r` (byte 1)"),
    (b"+OK\n", 0, 1, "a line ends in LF without CR: `+OK`"),
    (b"+a\rb\r\n", 0, 1, "a CR stands in its line: `+a\\rb`"),
    (b":\r\n", 0, 1, "it is no integer of 64 bits: `:`"),
    (b":1a\r\n", 0, 1, "it is no integer of 64 bits: `:1a`"),
    (b":9223372036854775808\r\n", 0, 1, "it is no integer of 64 bits: `:9223372036854775808`"),
    (b"$-2\r\n", 0, 1, "it is no length: `$-2`"),
    (b"$+1\r\n", 0, 1, "it is no length: `$+1`"),
    (b"$01\r\n", 0, 1, "it is no length: `$01`"),
    (b"$1e3\r\n", 0, 1, "it is no length: `$1e3`"),
    (b"$\r\n", 0, 1, "it is no length: `$`"),
    (b"*-9223372036854775808\r\n", 0, 1, "it is no length: `*-9223372036854775808`"),
    (b"~-1\r\n", 0, 1, "it is no length: `~-1`"),
    (b"*99999999999999999999\r\n", 0, 1, "it is no length: `*99999999999999999999`"),
    (b"$1\r\nab\r\n", 0, 1, "its string does not end where its length says"),
    (b"*2\r\n$1\r\na\n\n", 0, 1, "its string does not end where its length says"),
    (b"#x\r\n", 0, 1, "a boolean is t or f: `#x`"),
    (b"_x\r\n", 0, 1, "a null has nothing behind it: `_x`"),
    (b",1.2.3\r\n", 0, 1, "it is no double: `,1.2.3`"),
    (b",infinity\r\n", 0, 1, "it is no double: `,infinity`"),
    (b"(1.5\r\n", 0, 1, "it is no number: `(1.5`"),
    (b"=3\r\ntxt\r\n", 0, 1, "its verbatim text has no room for a format"),
    (b"=4\r\ntext\r\n", 0, 1, "its verbatim text does not begin with a format"),
    (b"*1\r\n>1\r\n+a\r\n", 0, 1, "a push stands inside another value"),
    (b";1\r\na\r\n", 0, 1, "a streamed string is made of `;` pieces, and nothing else is: `;1`"),
    (b"$?\r\n$1\r\n", 0, 1, "a streamed string is made of `;` pieces, and nothing else is: `$1`"),
    (b".\r\n", 0, 1, "nothing streamed ends here: `.`"),
    (b"*1\r\n.\r\n", 0, 1, "nothing streamed ends here: `.`"),
    (b"%?\r\n+a\r\n.\r\n", 0, 1, "a map ends behind a key: `.`"),
    (b"*?\r\n.x\r\n", 0, 1, "the end of a stream has nothing behind it: `.x`"),
    (b"PI\0NG\r\n", 0, 1, "a control stands in its inline command: `PI\\x00NG`"),
    // Lengths that no memory holds.
    (
        b"$9223372036854775808\r\n",
        0,
        1,
        "the message has 9223372036854775832 bytes, more than 16777216 bytes",
    ),
    (
        b"$18446744073709551615\r\n",
        0,
        1,
        "the message has 18446744073709551615 bytes, more than 16777216 bytes",
    ),
    (b"*1\r\n$9223372036854775808\r\n", 0, 1, "the message is longer than 16777216 bytes"),
    (b"*9223372036854775808\r\n", 0, 1, "the message is longer than 16777216 bytes"),
    (b"%18446744073709551615\r\n", 0, 1, "the message is longer than 16777216 bytes"),
    (b"*1\r\n*6000000\r\n", 0, 1, "the message is longer than 16777216 bytes"),
];

#[test]
fn what_is_no_value_is_a_fault_that_says_where() {
    for (bytes, offset, message, text) in FAULTS {
        for split in SPLITS {
            let got = decode(&Framing::Resp, MESSAGE_BYTES, pieces(bytes, split));
            let [(at, number, fault)] = got.faults.as_slice() else {
                panic!("{}: {got:?}", bytes.escape_ascii())
            };
            assert_eq!((at, number), (offset, message), "{}", bytes.escape_ascii());
            assert_eq!(fault.to_string(), *text, "{}", bytes.escape_ascii());
        }
    }
}

#[test]
fn nesting_is_bounded_and_a_bomb_is_refused_at_once() {
    for (open, leaf, close) in [("*1\r\n", "_\r\n", ""), ("*?\r\n", "", ".\r\n")] {
        let nested =
            |depth: usize| [open.repeat(depth).as_str(), leaf, &close.repeat(depth)].concat();
        let fine = decode(&Framing::Resp, MESSAGE_BYTES, [nested(RESP_DEPTH).as_bytes()]);
        assert_eq!((fine.messages.len(), fine.faults), (1, vec![]));
        for bomb in [nested(RESP_DEPTH + 1), open.repeat(500_000)] {
            let got = decode(&Framing::Resp, MESSAGE_BYTES, [bomb.as_bytes()]);
            let text = "its values are nested deeper than 128";
            assert_eq!(got.faults, [(0, 1, Fault::Broken(text.into()))]);
        }
    }
}

#[test]
fn lines_that_never_end_are_refused() {
    for (start, longest, text) in [
        ("*", 32, "the line of its `*` is longer than 32 bytes"),
        ("$", 32, "the line of its `$` is longer than 32 bytes"),
        ("GET ", RESP_INLINE_BYTES, "the line of its `G` is longer than 65536 bytes"),
        ("+", MESSAGE_BYTES, "the message is longer than 16777216 bytes"),
    ] {
        let mut framer = Framing::Resp.framer(MESSAGE_BYTES);
        let mut bytes = start.as_bytes().to_vec();
        bytes.resize(longest - 1, b'1');
        let fine = framer.decode(&bytes, &mut Spans::new());
        assert_eq!((fine.consumed, fine.fault), (0, None), "{start}");
        bytes.resize(longest + 1, b'1');
        let over = framer.decode(&bytes, &mut Spans::new()).fault;
        assert_eq!(over.map(|fault| fault.to_string()).as_deref(), Some(text), "{start}");
    }
}

#[test]
fn what_was_scanned_is_not_scanned_again() {
    for (head, more) in
        [("+", "a"), ("*1000\r\n", ":1\r\n"), ("GET ", "a"), ("$?\r\n", ";1\r\na\r\n")]
    {
        let mut framer: Box<dyn Framer> = Framing::Resp.framer(MESSAGE_BYTES);
        let mut seen = head.as_bytes().to_vec();
        for _ in 0..200 {
            seen.extend_from_slice(more.as_bytes());
            let progress = framer.decode(&seen, &mut Spans::new());
            assert_eq!((progress.consumed, progress.fault), (0, None), "{head}");
            // The first byte says what the line is until its end is found.
            seen[1..].fill(0xff);
        }
    }
}

#[test]
fn a_payload_that_is_not_exactly_one_value_is_refused() {
    for (payload, why) in [
        (b"".as_slice(), "it holds no RESP value"),
        (b"+OK", "its value has no end"),
        (b"*2\r\n+a\r\n", "its value has no end"),
        (b"*9\r\n+a\r\n", "its value has no end"),
        (b"+a\r\n+b\r\n", "its value ends after 4 of its 8 bytes"),
        (b"\r\n+a\r\n", "no value begins with `\\r` (byte 1)"),
        (b"*1\r\nfoo\r\n", "no value begins with `f` (byte 5)"),
    ] {
        let message = Outbound { payload, time_ns: None, index: 0, cut: false };
        let mut out = Outgoing::new();
        let refused =
            Framing::Resp.framer(MESSAGE_BYTES).encode(message, &Context::at(0), &mut out);
        assert_eq!(refused.map_err(|error| error.to_string()), Err(why.into()));
        assert!(out.is_empty());
    }
}

/// Values inside values, and now and then bytes that break them.
fn any_value() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        proptest::sample::select(VALUES.to_vec()).prop_map(<[u8]>::to_vec),
        vec(any::<u8>(), 0..9).prop_map(|text| [
            format!("${}\r\n", text.len()).as_bytes(),
            &text,
            b"\r\n"
        ]
        .concat()),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        (proptest::sample::select(vec!['*', '~', '%', '|', '>']), vec(inner, 0..4)).prop_map(
            |(kind, values)| {
                let pairs = matches!(kind, '%' | '|');
                let n = if pairs { values.len() / 2 } else { values.len() };
                [format!("{kind}{n}\r\n").into_bytes(), values.concat()].concat()
            },
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 700, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_laws_hold_on_values_inside_values(
        max in prop_oneof![Just(MESSAGE_BYTES), 0usize..40],
        split: u8,
        values in vec(any_value(), 0..4),
        broken in proptest::option::of((any::<proptest::sample::Index>(), any::<u8>())),
    ) {
        let mut bytes = values.concat();
        if let Some((at, byte)) = broken && !bytes.is_empty() {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        check("resp", max, split, &bytes);
    }
}
