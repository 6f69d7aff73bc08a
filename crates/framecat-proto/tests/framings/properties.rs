//! The laws on arbitrary bytes, payloads, splits and maxima.

use framecat_proto::Framing;
use framecat_proto::framing::Width;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::conversations::conversations;
use crate::laws::{FAMILIES, check, check_family, check_pair, encode};

fn any_rule() -> impl Strategy<Value = &'static str> {
    let rules: Vec<&str> = FAMILIES.iter().flat_map(|(_, rules)| rules.iter().copied()).collect();
    proptest::sample::select(rules)
}

/// Bytes in which markers, small lengths and magics are frequent.
fn eventful_byte() -> impl Strategy<Value = u8> {
    let frequent = b"\0\0\0\x01\x02\x03\x07\x08\n\r\x0a~\xaa\xceab";
    let less = b"012:,\x10\xc0\xdb\xdc\xdd}^]";
    prop_oneof![
        6 => proptest::sample::select(frequent.to_vec()),
        3 => proptest::sample::select(less.to_vec()),
        1 => any::<u8>(),
    ]
}

fn eventful_bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(eventful_byte(), 0..120)
}

/// A word for every part of the grammar of `len`; not all of them are rules.
fn any_len_word() -> impl Strategy<Value = String> {
    let width = proptest::sample::select(Width::ALL.map(Width::word).to_vec());
    let counts = proptest::sample::select(vec!["payload", "rest", "self", "total"]);
    (
        width,
        proptest::option::of(0usize..9),
        proptest::option::of(0usize..20),
        proptest::option::of(counts),
        proptest::option::of(vec(any::<u8>(), 1..4)),
        proptest::option::of(vec(any::<u8>(), 1..4)),
        any::<bool>(),
        proptest::option::of(0usize..99),
    )
        .prop_map(|(width, at, head, counts, tail, magic, keep, max)| {
            let hex = |bytes: Vec<u8>| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
            [
                format!("len:{width}"),
                at.map_or(String::new(), |at| format!("@{at}")),
                head.map_or(String::new(), |head| format!(",head={head}")),
                counts.map_or(String::new(), |counts| format!(",counts={counts}")),
                tail.map_or(String::new(), |tail| format!(",tail={}", hex(tail))),
                magic.map_or(String::new(), |magic| format!(",magic={}", hex(magic))),
                String::from(if keep { ",keep" } else { "" }),
                max.map_or(String::new(), |max| format!(",max={max}")),
            ]
            .concat()
        })
}

fn any_delim_word() -> impl Strategy<Value = String> {
    (vec(any::<u8>(), 1..9), any::<bool>(), any::<bool>()).prop_map(|(marker, keep, any)| {
        let marker: String = marker.iter().map(|byte| format!("\\x{byte:02X}")).collect();
        let [keep, any] =
            [(keep, ",keep"), (any, ",any")].map(|(on, word)| if on { word } else { "" });
        format!("delim:{marker}{any}{keep}")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_laws_hold_for_every_rule_on_arbitrary_bytes(
        word in any_rule(),
        max in prop_oneof![Just(16usize << 20), 0usize..40],
        split: u8,
        bytes in eventful_bytes(),
    ) {
        check(word, max, split, &bytes);
    }

    /// Bytes that a rule wrote, and one of them changed: where rules are hard to meet by chance.
    #[test]
    fn the_laws_hold_for_messages_that_were_written_and_damaged(
        word in any_rule(),
        split: u8,
        payloads in vec(eventful_bytes(), 0..5),
        damage in proptest::option::of((any::<prop::sample::Index>(), eventful_byte())),
    ) {
        let rule: Framing = word.parse().unwrap();
        let sent: Vec<_> = payloads.into_iter().map(|payload| (payload, None)).collect();
        let (mut bytes, _) = encode(&rule, 1 << 20, &sent);
        if let (Some((at, byte)), false) = (damage, bytes.is_empty()) {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        check(word, 1 << 20, split, &bytes);
    }

    #[test]
    fn the_laws_hold_for_every_rule_that_the_grammar_of_len_spells(
        word in any_len_word(),
        split: u8,
        bytes in eventful_bytes(),
    ) {
        if let Ok(rule) = word.parse::<Framing>() {
            prop_assert_eq!(rule.to_string().parse(), Ok(rule));
            check(&word, 1 << 20, split, &bytes);
        }
    }

    #[test]
    fn the_laws_hold_for_every_marker(
        word in any_delim_word(),
        split: u8,
        parts in vec(vec(any::<u8>(), 0..9), 0..9),
    ) {
        let rule: Framing = word.parse().unwrap();
        prop_assert_eq!(rule.to_string().parse(), Ok(rule.clone()));
        let Framing::Delim(delim) = rule else { panic!("{word}") };
        check(&word, 1 << 20, split, &parts.join(delim.marker()));
    }

    #[test]
    fn the_laws_hold_for_two_directions_that_know_of_each_other(
        data in vec(prop_oneof![
            4 => proptest::sample::select(vec![
                b"\x10\0\0\0\x08\x04\xd2\x16\x2f".to_vec(),
                b"\x10\0\0\0\x08\x04\xd2\x16\x30".to_vec(),
                b"\x12\0\0\0\x09\0\x03\0\0\0".to_vec(),
                b"\x03S".to_vec(),
                b"\x03G".to_vec(),
                b"\x03N".to_vec(),
                b"\x0bE\0\0\0\x04".to_vec(),
                b"\x0aQ\0\0\0\x04".to_vec(),
                b"\x06\x16\x03\x01".to_vec(),
            ]),
            1 => vec(any::<u8>(), 0..9),
        ], 0..12),
    ) {
        check_pair("postgres", &data.concat());
    }

    /// Pieces of conversations of HTTP, for both directions.
    #[test]
    fn the_two_directions_of_http_lose_nothing(
        data in vec(prop_oneof![
            9 => proptest::sample::select(vec![
                b"\x34GET / HTTP/1.1\r\nHost: a\r\n".to_vec(),
                b"\x26HEAD / HTTP/1.0\r\n\r\n".to_vec(),
                b"\x46CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
                b"\x04\r\n".to_vec(),
                b"\x05\r\n".to_vec(),
                b"\x23HTTP/1.1 200 OK\r\n".to_vec(),
                b"\x23HTTP/1.1 101 OK\r\n".to_vec(),
                b"\x27Content-Length: 2\r\n".to_vec(),
                b"\x28Content-Length: 99\r\n".to_vec(),
                b"\x39Transfer-Encoding: chunked\r\n".to_vec(),
                b"\x38Transfer-Encoding: chunked\r\n".to_vec(),
                b"\x0a0\r\n\r\n".to_vec(),
                b"\x0b0\r\n\r\n".to_vec(),
                b"\x05hi".to_vec(),
                b"\x04hi".to_vec(),
            ]),
            1 => vec(any::<u8>(), 0..9),
        ], 0..16),
    ) {
        check_pair("http", &data.concat());
    }

    #[test]
    fn no_word_makes_the_parser_fail(word in r"(line|crlf|nul|delim|len|struct|fixed|raw|netstring|slip|cobs|hdlc|stx|gap|dns|git)?[:,@=\\a-z0-9é]{0,20}") {
        if let Ok(rule) = word.parse::<Framing>() {
            prop_assert_eq!(rule.to_string().parse(), Ok(rule));
        }
    }
}

/// Real conversations with a byte changed, left out or put in: what arbitrary bytes hardly reach.
#[test]
fn the_laws_hold_for_conversations_that_went_wrong() {
    for conversation in conversations() {
        let word = conversation.rule.to_string();
        for client in [true, false] {
            let wire = conversation.side(client).concat();
            let wire = &wire[..wire.len().min(600)];
            for at in 0..wire.len() {
                let changed = |mid: &[u8]| [&wire[..at], mid, &wire[at + 1..]].concat();
                let (byte, split) = (wire[at], at as u8);
                let max = if at % 2 == 0 { 16 << 20 } else { 40 };
                match at % 3 {
                    0 => check(&word, max, split, &changed(&[byte ^ 0x41])),
                    1 => check(&word, max, split, &changed(&[])),
                    _ => check(&word, max, split, &changed(&[byte, byte])),
                }
            }
        }
    }
}

#[test]
fn inputs_that_a_fuzzer_found_worth_keeping_pass() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/seeds");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let seed = std::fs::read(entry.unwrap().path()).unwrap();
        for (family, _) in FAMILIES {
            check_family(family, &seed);
        }
        check_family("framings", &seed);
        check_pair("postgres", &seed);
        check_pair("http", &seed);
        crate::laws::heads::check_heads(&seed);
        crate::laws::heads::check_chunked(&seed);
        crate::laws::forms::check_form(&seed);
        crate::laws::forms::check_fields(&seed);
        count += 1;
    }
    assert!(count >= 10, "{count} seeds in {folder}");
}

#[test]
fn a_form_changed_in_any_octet_reads_alike_however_it_comes() {
    let head = "Content-Disposition: form-data; name=\"f\"; filename=\"a\"\r\n";
    let form = format!("x\r\n--B\r\n{head}\r\n1\r\n--\r\n--B \r\n{head}\r\n\r\n--B--\r\ny");
    for at in 0..form.len() {
        for new in [&b""[..], b"\r", b"\n", b"-", b"B", b"\"", b"\\", b"\r\n--B", b"\0"] {
            let bytes = [&[0, at as u8], &form.as_bytes()[..at], new, &form.as_bytes()[at + 1..]];
            crate::laws::forms::check_form(&bytes.concat());
        }
    }
}

/// What forms are made of.
fn form_piece() -> impl Strategy<Value = Vec<u8>> {
    let pieces: [&[u8]; 16] = [
        b"\r\n",
        b"--",
        b"B",
        b"aaa",
        b"\r\n--B",
        b"--B\r\n",
        b"\r\n--B--",
        b"\r\n--aaa\r\n",
        b"\r",
        b"\n",
        b"-",
        b" ",
        b"Content-Disposition: form-data; name=\"f\"; filename=\"a\"\r\n\r\n",
        b"Content-Disposition: form-data; name=f\r\n\r\n",
        b"content",
        b"\xff",
    ];
    proptest::sample::select(pieces.to_vec()).prop_map(<[u8]>::to_vec)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn forms_made_of_pieces_that_matter(which in 0..5u8, split: u8, pieces in vec(form_piece(), 0..24)) {
        crate::laws::forms::check_form(&[&[which, split], &pieces.concat()[..]].concat());
    }
}
