//! The names of forms, and messages given as words of the command line.

use framecat_proto::framing::{Framing, Line};
use framecat_proto::text::{Form, NAMES};

use crate::MAX;

#[test]
fn every_form_prints_back_what_it_was_parsed_from() {
    for (name, form) in NAMES {
        assert_eq!(name.parse::<Form>().as_ref(), Ok(&form));
        assert_eq!(form.to_string(), name);
    }
    for name in ["eof", "native", "line,keep", "line,resync"] {
        let form: Form = name.parse().unwrap();
        assert!(matches!(form, Form::Framing(_)), "{name}");
        assert_eq!(form.to_string(), name);
    }
}

#[test]
fn a_word_that_is_no_form_is_told_the_nearest_one() {
    for (word, problem, remedy) in [
        (
            "jsnl",
            "`jsnl` is no message form and no framing",
            "the nearest is `jsonl`; the forms are raw",
        ),
        ("qoted", "`qoted` is no message form and no framing", "the nearest is `quoted`; "),
        ("liine", "`liine` is no message form and no framing", "the nearest is `line`; "),
        ("banana-split", "`banana-split` is no", "the forms are raw line quoted hex dump jsonl"),
        ("", "`` is no message form", "the forms are"),
        ("hex:2", "the form `hex` takes nothing after its name", "write `hex` alone"),
        ("raw,x", "the framing `raw` takes no argument", "write `raw` alone"),
        ("line,bogus", "`bogus` means nothing to the framing `line`", "the grammar is line"),
    ] {
        let error = word.parse::<Form>().unwrap_err();
        assert!(error.problem.starts_with(problem), "{word}: {}", error.problem);
        assert!(error.remedy.starts_with(remedy), "{word}: {}", error.remedy);
    }
}

#[test]
fn messages_of_a_framing_have_the_form_that_shows_them_best() {
    assert_eq!(Form::default_for(&Framing::Raw), Form::Raw);
    assert_eq!(Form::default_for(&Framing::line()), Form::Line);
    assert_eq!(Form::default_for(&Framing::Line(Line { keep: true, resync: false })), Form::Line);
    assert_eq!(Form::default_for(&Framing::Native), Form::Line);
    assert_eq!(Form::default_for(&Framing::Eof), Form::Quoted);
}

#[test]
fn a_word_of_the_command_line_is_one_message() {
    for (form, word, payload) in [
        ("raw", "a\nb\n", &b"a\nb\n"[..]),
        ("line", "a\nb", b"a\nb"),
        ("line", "", b""),
        ("quoted", r"a\nb\xff", b"a\nb\xff"),
        ("hex", "00 FF", b"\x00\xff"),
        ("jsonl", r#"{"base64":"AA=="}"#, b"\0"),
        ("eof", "a\nb", b"a\nb"),
        ("line,keep", "a\n", b"a\n"),
        ("line,resync", "a\n", b"a"),
        ("line,resync", "a", b"a"),
    ] {
        let form: Form = form.parse().unwrap();
        assert_eq!(form.one(word, MAX).unwrap(), payload, "{form}: {word:?}");
    }
}

#[test]
fn a_word_that_is_not_one_message_is_refused_with_the_reason() {
    for (form, word, why) in [
        ("hex", "0g", "`0g` is no hex message: `g` at column 2 is no hex digit"),
        ("quoted", r"\q", r"`\\q` is no quoted message: `\q` at column 1 is no escape"),
        ("jsonl", "", "`` is no jsonl message: it holds no message"),
        (
            "jsonl",
            r#"{"event":"closed"}"#,
            r#"`{"event":"closed"}` is no jsonl message: it holds no"#,
        ),
        ("dump", "x", "`x` is no dump message: this form is for output only"),
        ("line,resync", "a\nb", r"`a\nb` is no line,resync message: it holds more than one"),
        ("line,keep", "", "`` is no line,keep message: it holds no message"),
    ] {
        let error = form.parse::<Form>().unwrap().one(word, MAX).unwrap_err();
        assert!(error.starts_with(why), "{form}: {error}");
    }
    for form in ["raw", "line", "quoted", "hex", "jsonl", "eof"] {
        let form: Form = form.parse().unwrap();
        let word = match form {
            Form::Hex => "3132333435",
            Form::Jsonl => r#"{"text":"12345"}"#,
            _ => "12345",
        };
        let error = form.one(word, 4).unwrap_err();
        assert!(error.ends_with("is longer than 4 bytes"), "{form}: {error}");
    }
}
