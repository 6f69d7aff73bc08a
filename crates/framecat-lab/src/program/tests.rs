//! The judges are given false evidence; the experiments run on this machine's kernel; the tellings
//! hold no number that the evidence does not.

use std::process::Command;

use serde_json::{Value, json};

use crate::evidence::Evidence;
use crate::law::select;
use crate::proof::{self, evidence, law};
use crate::watch::Missing;

/// Evidence as a true run gives it, without the scenes.
fn true_figures(id: &str) -> Value {
    match id {
        "argv" => json!({
            "line": "cat a 'two words'",
            "by_shell": ["cat", "a", "two words"], "by_rule": ["cat", "a", "two words"],
            "by_kernel": ["cat", "f", "a b"],
            "good_line": "argv.py 127.0.0.1 0", "good": "127.0.0.1:4001",
            "short_line": "argv.py", "short": "usage: argv.py HOST PORT",
            "word_line": "argv.py a b", "word": "usage: argv.py HOST PORT: `b` is no port",
        }),
        "format" => json!({
            "in_order": "TOm is a boy", "by_index": "boy is a TOm", "by_name": "boy is a TOm",
            "quoted": "TOm Sawyer is a boy", "too_few": "error: no second word", "cases": 5,
        }),
        "file-transfer" => json!({
            "text_bytes": 90, "text_promised_bytes": 90, "text_arrived_bytes": 90,
            "text_sends": 3, "text_recvs": 2, "text_sent_crc": "0a", "text_arrived_crc": "0a",
            "text_is_utf8": true,
            "picture_bytes": 70, "picture_promised_bytes": 70, "picture_arrived_bytes": 70,
            "picture_sends": 3, "picture_recvs": 2,
            "picture_sent_crc": "0b", "picture_arrived_crc": "0b", "picture_is_utf8": false,
            "cut_promised_bytes": 90, "cut_arrived_bytes": 40,
        }),
        _ => panic!("no evidence for {id}"),
    }
}

fn every_lie_is_not_shown(id: &str, lies: &[(&str, Value)]) {
    proof::every_lie_is_not_shown(id, &true_figures(id), lies);
}

#[test]
fn the_list_is_not_shown_where_it_is_split_otherwise_or_a_short_one_passes() {
    every_lie_is_not_shown(
        "argv",
        &[
            ("by_shell", json!(["cat", "a", "two", "words"])),
            ("by_rule", json!(["cat", "a", "'two", "words'"])),
            ("by_kernel", json!(["cat", "f", "a", "b"])),
            ("line", json!("dog a 'two words'")),
            ("good", json!("127.0.0.2:4001")),
            ("good", json!("usage: argv.py HOST PORT")),
            ("short", json!("127.0.0.1:4001")),
            ("word", json!("127.0.0.1:4001")),
        ],
    );
    let mut split = evidence(true_figures("argv"));
    for name in ["by_shell", "by_rule"] {
        split.set(name, json!(["cat", "a", "two", "words"]));
    }
    assert!(!(law("argv").judge)(&split).is_shown());
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let error = super::list_that_arrives(&mut Command::new("/nowhere/cat")).unwrap_err();
    let missing = error.get_ref().and_then(|inner| inner.downcast_ref::<Missing>());
    assert_eq!(missing.expect("the law is skipped").why.en, "needs /nowhere/cat: ENOENT");
}

#[test]
fn the_template_is_not_shown_where_a_text_is_another_or_has_a_hole() {
    every_lie_is_not_shown(
        "format",
        &[
            ("in_order", json!("boy is a TOm")),
            ("by_index", json!("TOm is a boy")),
            ("by_name", json!("TOm is a boy")),
            ("quoted", json!("'TOm is a Sawyer'")),
            ("too_few", json!("TOm is a ")),
        ],
    );
}

#[test]
fn the_transfer_is_not_shown_where_a_byte_differs_or_a_cut_is_not_seen() {
    every_lie_is_not_shown(
        "file-transfer",
        &[
            ("text_arrived_bytes", json!(89)),
            ("text_promised_bytes", json!(91)),
            ("text_arrived_crc", json!("0c")),
            ("text_is_utf8", json!(false)),
            ("picture_arrived_bytes", json!(71)),
            ("picture_arrived_crc", json!("0c")),
            ("picture_is_utf8", json!(true)),
            ("cut_arrived_bytes", json!(90)),
        ],
    );
}

#[test]
fn the_checksum_is_the_one_that_everybody_has() {
    // The check value of CRC-32/ISO-HDLC.
    assert_eq!(super::transfer::crc32(b"123456789"), 0xcbf4_3926);
}

#[test]
fn every_law_is_shown_on_this_machine_twenty_times_in_a_row() {
    proof::shown_twenty_times("program");
}

#[test]
fn every_number_of_a_telling_comes_from_the_evidence() {
    for law in select(&["program".into()]).unwrap() {
        let figures = true_figures(law.id);
        proof::the_run_notes_these_figures(law.id, &figures);
        // What recv returns at the end of a stream.
        let names = ["the same 0", "返回 0"];
        proof::every_number_is_a_figure(law.id, &figures, &names, |_, _: &Evidence| false);
    }
}
