//! Text made from messages.

use framecat_proto::message::Context;
use framecat_proto::template::{Missing, Template};
use proptest::prelude::*;

use crate::{NOW, context};

fn rendered(template: &str, payload: &[u8]) -> Result<Vec<u8>, Missing> {
    let mut out = b"before ".to_vec();
    let parsed = Template::parse(template).unwrap_or_else(|error| panic!("{template}: {error}"));
    let result = parsed.render(payload, &context(), 7, NOW, &mut out);
    if let Err(missing) = result {
        assert_eq!(out, b"before ", "nothing is written of what is missing something");
        return Err(missing);
    }
    Ok(out.split_off(7))
}

#[test]
fn format_gives_the_three_results_of_the_notes() {
    for (payload, template, want) in [
        ("TOm boy", "{} is a {}", "TOm is a boy"),
        ("TOm boy", "{1} is a {0}", "boy is a TOm"),
        ("b=boy a=TOm", "{b} is a {a}", "boy is a TOm"),
    ] {
        assert_eq!(rendered(template, payload.as_bytes()).unwrap(), want.as_bytes(), "{template}");
    }
}

#[test]
fn templates_are_filled_from_the_message_and_the_connection() {
    for (payload, template, want) in [
        ("hi", "", ""),
        ("hi", "no names", "no names"),
        ("hi", "{{}} {{payload}} {{{payload}}}", "{} {payload} {hi}"),
        ("hi there", "<{payload}> {len} {n}", "<hi there> 8 7"),
        ("hi\r", "<{payload}>{len}|{}", "<hi>2|hi"),
        ("", "<{payload}> {len}", "<> 0"),
        ("x", "{peer} {local}", "127.0.0.1:41327 127.0.0.1:9000"),
        ("x", "{time}", "2026-11-22T04:30:00.123456789Z"),
        ("'a b' c", "{0}|{1}", "a b|c"),
        ("a b c", "{} {2} {} {0}", "a c b a"),
        ("x=1 n=2 payload=3", "{x} {n}", "1 7"),
        ("b= c='d e' b=late", "<{b}><{c}>", "<><d e>"),
        ("bb=1 b=2", "{b}", "2"),
        ("名=値", "{名}", "値"),
        ("a b it's", "{0} {1}", "a b"),
        (r#"{"b": "boy", "a":"T\u004fm \"x\""}"#, "{b} is a {a}", r#"boy is a TOm "x""#),
        (
            r#"{"n":1,"v":12345678901234567890.10,"o":{"k":[1, "}"]},"t":true,"z":null}"#,
            "{v} {o} {t} {z} {n}",
            r#"12345678901234567890.10 {"k":[1, "}"]} true null 7"#,
        ),
        (r#"  {"a":1,"\u0061":2 ,"b" : [ ] } "#, "{a}{b}", "2[ ]"),
        (r#"{"a": x} a=1"#, "{a}", "1"),
        (r#"["a=1", a=2"#, "{a}", "2"),
    ] {
        let got = rendered(template, payload.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(got).unwrap(), want, "{template} of {payload}");
    }
    assert_eq!(rendered("<{payload}>", b"\xff\0\n").unwrap(), b"<\xff\0\n>", "binary safe");
    assert_eq!(rendered("<{a}{0}>", b"a=\xff").unwrap(), b"<\xffa=\xff>");
}

#[test]
fn a_message_that_lacks_a_word_or_key_is_told_by_name() {
    for (payload, template, want) in [
        ("one", "{0} {1}", "the message has no {1}: it has 1 word, of index 0"),
        ("a b", "{} {} {}", "the message has no {2}: it has 2 words, of indexes 0 to 1"),
        ("", "{}", "the message has no {0}: it has no words"),
        ("a", "{9} {3}", "the message has no {3}: it has 1 word, of index 0"),
        ("a b=1", "{b} {c}", "the message has no {c}: none of its words begins with c="),
        (r#"{"b":1}"#, "{b} {c}", "the message has no {c}: its JSON object has no such key"),
        ("a it's", "{0} {1}", "the message has no {1}: the quote ' at byte 4 is never closed"),
        ("a it's", "{0} {c}", "the message has no {c}: the quote ' at byte 4 is never closed"),
    ] {
        assert_eq!(
            rendered(template, payload.as_bytes()).unwrap_err().to_string(),
            want,
            "{template}"
        );
    }
}

#[test]
fn a_name_that_no_message_could_have_is_an_error_at_once() {
    for (template, problem) in [
        ("{pay load}", "no message could have what {pay load} names"),
        ("{ }", "no message could have what { } names"),
        ("{a=b}", "no message could have what {a=b} names"),
        ("{0:>5}", "no message could have what {0:>5} names"),
        ("{'a'}", "no message could have what {'a'} names"),
        ("{9999999}", "the word index {9999999} is too large"),
        ("{1000}", "the word index {1000} is too large"),
        ("{99999999999999999999999}", "the word index {99999999999999999999999} is too large"),
        ("ab {", "the { at column 4 is never closed"),
        ("{a", "the { at column 1 is never closed"),
        ("{a{b}", "the { at column 1 is never closed"),
        ("{{{", "the { at column 3 is never closed"),
        ("a}", "the } at column 2 closes nothing"),
        ("{a}}", "the } at column 4 closes nothing"),
        (r#"{"a":1}"#, r#"no message could have what {"a":1} names"#),
    ] {
        let error = Template::parse(template).unwrap_err();
        assert_eq!(error.problem, problem, "{template}");
        assert!(
            error.remedy.contains("{{")
                || error.remedy.contains("}}")
                || error.remedy.contains("0 to 999")
        );
    }
    assert!(Template::parse("{999}").is_ok());
    assert_eq!(
        Template::parse(&"{}".repeat(1_001)).unwrap_err().problem,
        "there are more than 1000 {}"
    );
}

proptest! {
    #[test]
    fn templates_print_back_and_no_message_panics(
        template in "([a{} 01=]|\\{[a-c]?\\}|\\{\\{|\\{payload\\}){0,8}",
        payload in prop_oneof![
            "([ab]=|[{}\":, '\\\\x1\\[\\]]|\"a\":){0,24}".prop_map(String::into_bytes),
            prop::collection::vec(any::<u8>(), 0..40),
        ],
    ) {
        if let Ok(parsed) = Template::parse(&template) {
            prop_assert_eq!(parsed.to_string(), template);
            let mut out = Vec::new();
            let result = parsed.render(&payload, &Context::at(0), 1, 0, &mut out);
            prop_assert!(result.is_ok() || out.is_empty());
        }
    }

    #[test]
    fn values_of_objects_are_what_serde_json_reads(
        values in prop::collection::vec(("[a-c\"\\\\é]{1,2}", any::<Option<String>>(), any::<i64>()), 1..4),
    ) {
        let mut object = serde_json::Map::new();
        for (key, text, number) in values {
            let value = text.map_or(serde_json::json!([number, {"a": key}]), Into::into);
            object.insert(key, value);
        }
        let payload = serde_json::to_vec(&object).unwrap();
        for key in ["a", "b", "c", "é", "aa", "\\"] {
            let got = rendered(&format!("{{{key}}}"), &payload).ok();
            let want = object.get(key).map(|value| match value {
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            });
            prop_assert_eq!(got.map(|got| String::from_utf8(got).unwrap()), want);
        }
    }
}
