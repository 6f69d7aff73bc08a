//! `words`: RESP values as people type and read them.

use framecat_proto::Framing;
use framecat_proto::framing::Decoder;
use framecat_proto::message::Spans;
use framecat_proto::text::{Form, reply, seen};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::{FILE, MAX, TERMINAL, read, read_pieces, written};

#[test]
fn a_line_is_a_command_and_a_simple_value_is_itself() {
    for (line, value) in [
        ("GET k", "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"),
        (
            "  SET\tk  'a b' \"\" x\"y z\"",
            "*5\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\na b\r\n$0\r\n\r\n$4\r\nxy z\r\n",
        ),
        ("PING\r", "*1\r\n$4\r\nPING\r\n"),
        ("ECHO 你", "*2\r\n$4\r\nECHO\r\n$3\r\n你\r\n"),
        // A word that stands first in quotes is a word, whatever it begins with.
        ("\"+OK\"", "*1\r\n$3\r\n+OK\r\n"),
        ("+OK", "+OK\r\n"),
        ("+Background saving started", "+Background saving started\r\n"),
        ("-ERR no", "-ERR no\r\n"),
        (":12", ":12\r\n"),
        ("_", "_\r\n"),
        ("#t", "#t\r\n"),
        (",1.5", ",1.5\r\n"),
        ("(99999999999999999999", "(99999999999999999999\r\n"),
    ] {
        let got = read(&Form::Words, line.as_bytes()).unwrap();
        assert_eq!(got, [value.as_bytes()], "{line}");
        assert_eq!(Form::Words.one(line, MAX).unwrap(), value.as_bytes(), "{line}");
    }
    // An empty line asks nothing.
    let lines = b"\nGET a\n \t\nGET b";
    assert_eq!(read(&Form::Words, lines).unwrap().len(), 2);
    let single: Vec<&[u8]> = lines.chunks(1).collect();
    assert_eq!(read_pieces(&Form::Words, MAX, &single).unwrap().len(), 2);
}

#[test]
fn a_line_that_is_no_value_says_why() {
    for (line, why) in [
        ("GET 'k", "the quote ' at byte 4 is never closed"),
        (":x", "it is no integer of 64 bits: `:x`"),
        ("_x", "a null has nothing behind it: `_x`"),
        ("+a\rb", "a CR stands in its line: `+a\\rb`"),
    ] {
        let error = read(&Form::Words, line.as_bytes()).unwrap_err();
        assert_eq!(error.fault.to_string(), why, "{line}");
        assert!(Form::Words.one(line, MAX).unwrap_err().contains(why), "{line}");
    }
    assert!(Form::Words.one("", MAX).unwrap_err().contains("it holds no message"));
    let over = read_pieces(&Form::Words, 20, &[b"GET a-key-of-some-length"]).unwrap_err();
    assert!(over.fault.to_string().contains("longer than 20 bytes"), "{over}");
}

/// A value, as it is shown, and as templates see it.
const SHOWN: &[(&[u8], &str, &str)] = &[
    (b"+OK\r\n", "OK", "OK"),
    (b"+Background saving started\r\n", "Background saving started", "Background saving started"),
    (b"$1\r\nv\r\n", "v", "v"),
    (b"$11\r\nhello world\r\n", "\"hello world\"", "hello world"),
    (b"$0\r\n\r\n", "\"\"", ""),
    (b"$5\r\n(nil)\r\n", "\"(nil)\"", "(nil)"),
    (b"$8\r\nit's \"x\"\r\n", "'it'\"'s \"'\"x\"'", "it's \"x\""),
    (b"$6\r\na\x1b[2J\n\r\n", "\"a\\x1b[2J\\n\"", "a\x1b[2J\n"),
    (b"$2\r\n\xff\\\r\n", "\\xff\\\\", ""),
    (b":1\r\n", "(integer) 1", "1"),
    (b"$-1\r\n", "(nil)", "(nil)"),
    (b"*-1\r\n", "(nil)", "(nil)"),
    (b"_\r\n", "(nil)", "(nil)"),
    (b"#t\r\n", "(true)", "(true)"),
    (b",1.5\r\n", "(double) 1.5", "1.5"),
    (b"(12345\r\n", "(big number) 12345", "12345"),
    (b"-ERR no\r\n", "(error) ERR no", "ERR no"),
    (b"!8\r\nERR a\nno\r\n", "(error) ERR a\\nno", "ERR a\nno"),
    (b"=8\r\ntxt:a\nb \r\n", "\"a\\nb \"", "a\nb "),
    (b"*0\r\n", "(empty)", ""),
    (b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\na b\r\n", "SET k \"a b\"", "SET k \"a b\""),
    (
        b"*4\r\n$1\r\na\r\n*2\r\n:1\r\n*0\r\n$-1\r\n+b c\r\n",
        "a [(integer) 1 []] (nil) \"b c\"",
        "a [1 []] (nil) \"b c\"",
    ),
    (
        b"%2\r\n+k\r\n~2\r\n+a\r\n+b\r\n+l\r\n%0\r\n",
        "{k => ~[a b], l => {}}",
        "{k => ~[a b], l => {}}",
    ),
    (b">2\r\n+message\r\n+hi\r\n", "(push) message hi", "message hi"),
    (
        b"|1\r\n+ttl\r\n:9\r\n+v\r\n",
        "(attribute) {ttl => (integer) 9} v",
        "(attribute) {ttl => 9} v",
    ),
    (
        b"*2\r\n+a\r\n|1\r\n+k\r\n+l\r\n+b\r\n",
        "a (attribute) {k => l} b",
        "a (attribute) {k => l} b",
    ),
    (b"$?\r\n;2\r\nhe\r\n;3\r\nllo\r\n;0\r\n", "hello", "hello"),
    (b"*?\r\n+a\r\n:1\r\n.\r\n", "a (integer) 1", "a 1"),
    (b"PING  \"a\"\r\n", "PING  \"a\"", "PING  \"a\""),
    // What the end of the stream cut.
    (b"*2\r\n+a\r\n", "*2\\r\\n+a\\r\\n", "*2\r\n+a\r\n"),
];

#[test]
fn a_value_is_shown_on_one_line_and_templates_see_its_text() {
    for (value, shown, raw) in SHOWN {
        for look in [FILE, TERMINAL] {
            let line = written(&Form::Words, look, &[value]);
            assert_eq!(String::from_utf8(line).unwrap(), format!("{shown}\n"));
        }
        if !raw.is_empty() {
            assert_eq!(
                seen(&Framing::Resp, value).escape_ascii().to_string(),
                raw.as_bytes().escape_ascii().to_string()
            );
        }
        assert_eq!(&*seen(&Framing::line(), value), *value);
    }
}

#[test]
fn a_template_makes_a_string_unless_its_own_text_says_otherwise() {
    for (first, text, value) in [
        (Some(b'{'), "+OK", "$3\r\n+OK\r\n"),
        (Some(b'h'), "hello", "$5\r\nhello\r\n"),
        (None, "", "$0\r\n\r\n"),
        (Some(b'+'), "+PONG", "+PONG\r\n"),
        (Some(b':'), ":7", ":7\r\n"),
        (Some(b'-'), "-ERR no such", "-ERR no such\r\n"),
    ] {
        let mut out = format!("before{text}").into_bytes();
        reply(&Framing::Resp, first, 6, &mut out);
        assert_eq!(out, format!("before{value}").as_bytes());
        let mut out = text.as_bytes().to_vec();
        reply(&Framing::line(), first, 0, &mut out);
        assert_eq!(out, text.as_bytes());
    }
}

fn word() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![3 => prop::sample::select(b"ab '\"\\(+".to_vec()), 1 => 0x20u8..0x7f];
    vec(byte, 0..9)
}

proptest! {
    /// A command of printable words reads back from what is shown of it, unless an escape is shown.
    #[test]
    fn a_command_that_is_shown_can_be_typed(words in vec(word(), 1..5)) {
        let mut command = format!("*{}\r\n", words.len()).into_bytes();
        for word in &words {
            command.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
            command.extend_from_slice(word);
            command.extend_from_slice(b"\r\n");
        }
        let text = seen(&Framing::Resp, &command).into_owned();
        let again: Vec<Vec<u8>> =
            framecat_proto::words::split(&text).map(|word| word.unwrap().into_owned()).collect();
        prop_assert_eq!(&again, &words, "templates see the words");
        let line = written(&Form::Words, FILE, &[&command]);
        if !line.contains(&b'\\') && !words[0].first().is_none_or(|first| b"+-:_#,(".contains(first)) {
            prop_assert_eq!(read(&Form::Words, &line).unwrap(), vec![command]);
        }
    }

    #[test]
    fn whatever_is_typed_is_one_whole_value_or_an_error(line in prop_oneof![any::<Vec<u8>>(), vec(prop::sample::select(b"+-:_#,( 'a1\r".to_vec()), 0..12)]) {
        if line.contains(&b'\n') {
            return Ok(());
        }
        if let Ok(values) = read(&Form::Words, &line) {
            for value in values {
                let mut spans = Spans::new();
                let did = Decoder::of(&Framing::Resp, MAX, None).decode(&value, &mut spans);
                prop_assert_eq!((did.consumed, did.error, spans.len()), (value.len(), None, 1));
            }
        }
    }
}
