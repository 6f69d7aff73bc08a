//! `guess`: every captured conversation is found out, and nothing that is said to fit does not.

use framecat_proto::framing::{Guess, guess};
use proptest::prelude::*;

use crate::conversations::conversations;
use crate::laws::check_guess;

fn names(guess: &Guess) -> Vec<String> {
    std::iter::once(&guess.rule).chain(&guess.also).map(ToString::to_string).collect()
}

#[test]
fn every_conversation_is_found_out() {
    for conversation in conversations() {
        for client in [true, false] {
            let side = conversation.side(client);
            let (file, want) = (&conversation.file, conversation.rule.to_string());
            // Four bytes may be anything.
            if side.concat().len() < 16 {
                continue;
            }
            let fit = guess(&side.concat(), true).fit;
            let place = fit.iter().position(|guess| names(guess).contains(&want));
            assert!(place.is_some(), "{file}, client: {client}: {want} is not among {fit:?}");
            // A handful of TLS records behind one byte looks like nothing in particular.
            if *file != "postgres-3" || client {
                assert_eq!(place, Some(0), "{file}, client: {client}: {:?} is first", fit[0]);
                assert!(fit[0].messages >= side.len().min(2), "{file}: {:?}", fit[0]);
            }
        }
    }
}

#[test]
fn what_is_known_from_text_comes_before_what_fits_by_chance() {
    for (want, bytes) in [
        ("line", &b"hello\nworld\nthere are lines\n"[..]),
        ("crlf", b"hello\r\nworld\r\nthere are lines\r\n"),
        ("nul", b"./a\0./b/c\0./d\0"),
        ("ndjson", b"{\"a\":1}\n{\"a\":2}\n{\"b\":[]}\n"),
        ("netstring", b"5:hello,2:ab,0:,"),
        ("resp", b"*1\r\n$4\r\nPING\r\n+PONG\r\n"),
        ("cobs", b"\x03ab\x02c\0\x06hello\0\x01\0"),
        ("kafka", b"\0\0\0\x05hello\0\0\0\x02ab\0\0\0\x01c"),
        ("len:u24le@1", b"x\x05\0\0helloy\x02\0\0abz\x01\0\0c"),
    ] {
        let fit = guess(bytes, true).fit;
        let first = fit.first().map(names).unwrap_or_default();
        assert!(first.contains(&want.to_string()), "{want}: {fit:#?}");
    }
}

#[test]
fn what_no_rule_takes_is_none_and_a_cut_end_is_told() {
    let cut = b"\0\0\0\x05hello\0\0\0\x02ab\0\0\0\x09c";
    let whole = guess(cut, true);
    assert!(whole.fit.iter().all(|guess| !names(guess).contains(&"kafka".into())), "{whole:?}");
    let begun = guess(cut, false);
    let kafka = begun.fit.iter().find(|guess| names(guess).contains(&"kafka".into())).unwrap();
    assert_eq!((kafka.messages, kafka.cut), (2, 5));
    assert!(guess(b"", true).fit.is_empty());
    assert!(guess(b"", true).tried > 300);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_said_to_fit_does(
        bytes in proptest::collection::vec(proptest::sample::select(b"\0\0\0\x01\x02\x03\n\r{}\"a1:,".to_vec()), 0..40),
    ) {
        check_guess(&bytes);
    }
}

#[test]
fn what_is_said_to_fit_a_conversation_that_went_wrong_does() {
    for conversation in conversations() {
        let wire = conversation.side(true).concat();
        check_guess(&wire[..wire.len().min(200)]);
        check_guess(&wire[wire.len().min(7)..wire.len().min(200)]);
    }
}
