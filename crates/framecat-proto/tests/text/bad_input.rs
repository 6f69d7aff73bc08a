//! What reading refuses, and how it says so.

use framecat_proto::text::Form;

use crate::{MAX, read, read_pieces};

/// Form, a bad line, the error's last part.
const BAD: &[(Form, &[u8], &str)] = &[
    (
        Form::Quoted,
        br"a\q",
        r"`\q` at column 2 is no escape; they are \\ \n \r \t \0 and \xHH with two hex digits, and a backslash itself is \\",
    ),
    (Form::Quoted, br"\x4", r"`\x4` at column 1 is no escape; they are"),
    (Form::Quoted, br"ok\\\xg0", r"`\xg0` at column 5 is no escape; they are"),
    (Form::Quoted, b"\\\x1b", r"`\\x1b` at column 1 is no escape; they are"),
    (Form::Quoted, "\\é".as_bytes(), r"`\é` at column 1 is no escape"),
    (Form::Quoted, b"end\\", r"the line ends in a single backslash at column 4; write \\"),
    (Form::Hex, b"48 6", "the hex digit at column 4 stands alone; write two digits a byte"),
    (Form::Hex, b"4 86", "the hex digit at column 1 stands alone"),
    (Form::Hex, b"486", "the hex digit at column 3 stands alone"),
    (Form::Hex, b"0x48", "`x` at column 2 is no hex digit; write 0 to 9 and a to f, two a byte"),
    (Form::Hex, "4é".as_bytes(), "`é` at column 2 is no hex digit"),
    (Form::Hex, b"4\r8", r"`\r` at column 2 is no hex digit"),
    (
        Form::Jsonl,
        b"hello",
        "the line is no JSON: expected value at column 1; write {\"text\":\"…\"}",
    ),
    (Form::Jsonl, b"[1]", "the line is no JSON object; write {\"text\":\"…\"}"),
    (Form::Jsonl, br#"{"text":"a"} x"#, "the line is no JSON: trailing characters at column 14;"),
    (Form::Jsonl, br#"{"text":"\ud800"}"#, "the line is no JSON: "),
    (Form::Jsonl, b"{\"text\":\"\xff\"}", "the line is no JSON: "),
    (
        Form::Jsonl,
        br#"{"text":"a","base64":"YQ=="}"#,
        "the object has both `text` and `base64`; a message is one of them",
    ),
    (
        Form::Jsonl,
        br#"{"event":"message"}"#,
        "the object has neither `text` nor `base64`; give one of them",
    ),
    (Form::Jsonl, br#"{"text":5}"#, "the value of `text` is no string; put it in quotes"),
    (Form::Jsonl, br#"{"base64":null}"#, "the value of `base64` is no string; put it in quotes"),
    (Form::Jsonl, br#"{"base64":"YQ"}"#, "the value of `base64` is no base64: "),
    (
        Form::Jsonl,
        br#"{"base64":"Y!=="}"#,
        "the value of `base64` is no base64: Invalid symbol 33, offset 1",
    ),
];

#[test]
fn a_bad_line_is_told_with_its_number_its_place_and_the_remedy() {
    for (form, bad, why) in BAD {
        let good: &[u8] = match form {
            Form::Jsonl => b"{\"text\":\"ok\"}\n",
            _ => b"6f\n",
        };
        for ending in ["", "\n", "\nmore\n"] {
            let text = [good, bad, ending.as_bytes()].concat();
            let error = read(form, &text).unwrap_err();
            assert_eq!((error.message, error.offset), (2, good.len() as u64), "{form}: {bad:?}");
            assert_eq!(error.framing, form.to_string());
            assert!(error.fault.to_string().starts_with(why), "{form}: {}", error.fault);
        }
    }
}

#[test]
fn a_bad_line_is_the_same_error_however_it_arrives() {
    for (form, bad, _) in BAD {
        let text = [bad, &b"\n"[..]].concat();
        let whole = read(form, &text).unwrap_err();
        for cut in 0..text.len() {
            let split = read_pieces(form, MAX, &[&text[..cut], &text[cut..]]).unwrap_err();
            assert_eq!((&split.fault, split.offset), (&whole.fault, 0), "{form} cut at {cut}");
        }
    }
}

#[test]
fn messages_before_a_bad_line_are_good() {
    let mut decoder = Form::Quoted.decoder(MAX).unwrap();
    let mut spans = framecat_proto::message::Spans::new();
    let input = b"a\\n\nb\n\\q\nc\n";
    let decoded = decoder.decode(input, &mut spans);
    assert_eq!((decoded.consumed, decoded.resumes), (6, false));
    assert_eq!([spans.get(0, input), spans.get(1, input)], [b"a\n".as_slice(), b"b"]);
    assert_eq!(spans.len(), 2);
}

#[test]
fn a_line_that_never_ends_is_stopped_at_the_longest_a_message_can_need() {
    for (form, longest) in
        [(Form::Line, 4), (Form::Quoted, 16), (Form::Hex, 1036), (Form::Jsonl, 65_560)]
    {
        let line = match form {
            Form::Jsonl => vec![b' '; longest + 1],
            Form::Hex => vec![b' '; longest + 1],
            _ => vec![b'0'; longest + 1],
        };
        let mut reader = form.reader(4).unwrap();
        let mut spans = framecat_proto::message::Spans::new();
        assert_eq!(reader.decode(&line[..longest], &mut spans).fault, None, "{form}");
        let unended = reader.decode(&line, &mut spans).fault.expect("stopped before its LF");
        let ended = form.reader(4).unwrap().decode(&[&line[..], b"\n"].concat(), &mut spans).fault;
        assert_eq!(ended, Some(unended), "{form}: with its LF it is the same error");
    }
}

#[test]
fn a_message_over_the_maximum_is_refused() {
    for (form, fits, over) in [
        (Form::Line, "1234", "12345"),
        (Form::Quoted, "1234", "12345"),
        (Form::Quoted, r"\x00\x00\x00\x00", r"\0\0\0\0\0"),
        (Form::Hex, "31 32 33 34", "3132333435"),
        (Form::Jsonl, r#"{"text":"1234"}"#, r#"{"text":"12345"}"#),
        (Form::Jsonl, r#"{"base64":"MTIzNA=="}"#, r#"{"base64":"MTIzNDU="}"#),
    ] {
        for ending in ["", "\n"] {
            let text = |line: &str| format!("{line}{ending}").into_bytes();
            assert_eq!(read_pieces(&form, 4, &[&text(fits)]).unwrap().len(), 1, "{form}");
            let error = read_pieces(&form, 4, &[&text(over)]).unwrap_err();
            assert_eq!(error.fault.to_string(), "the message is longer than 4 bytes", "{form}");
        }
    }
}

#[test]
fn deep_nesting_is_an_error_and_not_the_end_of_the_stack() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let depth = 100_000;
        let text =
            format!("{{\"text\":\"x\",\"a\":{}1{}}}", open.repeat(depth), close.repeat(depth));
        let error = read(&Form::Jsonl, text.as_bytes()).unwrap_err();
        assert!(error.fault.to_string().contains("recursion limit"), "{}", error.fault);
    }
    let text = format!("{{\"text\":\"x\",\"a\":{}1{}}}", "[".repeat(100), "]".repeat(100));
    assert_eq!(read(&Form::Jsonl, text.as_bytes()).unwrap(), [b"x"]);
}
