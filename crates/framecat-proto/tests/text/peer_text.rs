//! Text from a peer is harmless where a person reads it.

use framecat_proto::text::{Form, visible};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::{TERMINAL, written};

/// Nothing that could act on a terminal: valid UTF-8, of the C0 controls tab and LF only, no DEL, no
/// C1, no override of text direction.
fn harmless(shown: &[u8]) -> Result<(), TestCaseError> {
    let text =
        std::str::from_utf8(shown).map_err(|error| TestCaseError::fail(error.to_string()))?;
    let harmful = text.chars().find(|c| match *c {
        '\t' | '\n' => false,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        c => c.is_control(),
    });
    prop_assert_eq!(harmful, None, "in {:?}", text);
    Ok(())
}

fn peer_bytes() -> impl Strategy<Value = Vec<u8>> {
    let control =
        prop_oneof![0..0x20u32, Just(0x7fu32), 0x80..0xa0u32, 0x2020..0x2070u32, 0x20..0x7fu32,];
    let controls = vec(control, 0..40)
        .prop_map(|points| points.into_iter().filter_map(char::from_u32).collect::<String>());
    prop_oneof![
        vec(any::<u8>(), 0..100),
        controls.prop_map(String::into_bytes),
        any::<String>().prop_map(String::into_bytes),
        // Characters cut in the middle.
        ("\\PC*", 0..8usize)
            .prop_map(|(text, cut)| text.as_bytes()[cut.min(text.len())..].to_vec()),
    ]
}

proptest! {
    #[test]
    fn no_form_lets_a_peer_act_on_a_terminal(message in peer_bytes()) {
        for form in [Form::Raw, Form::Line, Form::Quoted, Form::Hex, Form::Dump, Form::Jsonl] {
            harmless(&written(&form, TERMINAL, &[&message]))?;
        }
    }

    #[test]
    fn visible_text_is_one_harmless_line(message in peer_bytes(), max in 0..40usize) {
        let text = visible(&message, max);
        harmless(text.as_bytes())?;
        prop_assert!(!text.contains(['\n', '\t']));
        prop_assert_eq!(text.contains("more byte"), message.len() > max);
    }
}

#[test]
fn a_terminal_gets_text_as_it_is_and_the_rest_in_escapes() {
    for (payload, shown) in [
        ("plain \\ text\tand 你好", "plain \\ text\tand 你好\n"),
        ("two\r\nlines\r\n", "two\nlines\n"),
        ("a\rb\r", "a\\rb\n"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07\n"),
        ("\0\x7f\u{9b}2J\u{202e}", "\\0\\x7f\\xc2\\x9b2J\\xe2\\x80\\xae\n"),
    ] {
        let got = written(&Form::Line, TERMINAL, &[payload]);
        assert_eq!(String::from_utf8(got).unwrap(), shown, "{payload:?}");
    }
    let cut_character = written(&Form::Line, TERMINAL, &[&b"caf\xc3"[..], b"\xff\n"]);
    assert_eq!(String::from_utf8(cut_character).unwrap(), "caf\\xc3\n\\xff\n");
    let raw = written(&Form::Raw, TERMINAL, &["a\x1b", "\r\nb\n"]);
    assert_eq!(String::from_utf8(raw).unwrap(), "a\\x1b\nb\n");
}

#[test]
fn visible_shows_so_many_bytes_and_counts_the_rest() {
    for (bytes, max, want) in [
        (&b"hello"[..], 5, "hello"),
        (b"hello", 4, "hell… 1 more byte"),
        (b"hello", 0, "… 5 more bytes"),
        (b"", 0, ""),
        (b"a\x1b\n\xff", 4, r"a\x1b\n\xff"),
        ("a你好".as_bytes(), 7, "a你好"),
        ("a你好".as_bytes(), 6, "a你… 3 more bytes"),
        ("a你好".as_bytes(), 5, "a你… 3 more bytes"),
        ("a你好".as_bytes(), 4, "a你… 3 more bytes"),
        ("😀!".as_bytes(), 3, "… 5 more bytes"),
        (b"ab\xe4\xbd", 3, r"ab\xe4… 1 more byte"),
        (b"ab\xe4xx", 3, r"ab\xe4… 2 more bytes"),
        (b"\x80\x80\x80\x80", 3, r"\x80\x80\x80… 1 more byte"),
    ] {
        assert_eq!(visible(bytes, max), want, "{bytes:x?} at most {max}");
    }
}
