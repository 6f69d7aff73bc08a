//! The judges are given false evidence, the experiments run on this machine's kernel, and the tellings
//! hold no number that the evidence does not.

use serde_json::{Value, json};

use crate::evidence::Evidence;
use crate::law::select;
use crate::proof;

/// Evidence as a true run gives it, without the scenes.
fn true_figures(id: &str) -> Value {
    match id {
        "recv-eof" => json!({
            "clean_thread": "S", "clean_begun_us": 10, "clean_closed_us": 90,
            "clean_returned_us": 120, "clean_recvs": ["0", "0", "0"],
            "unread_left_bytes": 8, "unread_recvs": ["ECONNRESET", "0", "0"],
            "silent_recv": "EAGAIN", "silent_limit_ms": 20, "silent_state": "ESTABLISHED",
        }),
        "recv-blocks" => json!({
            "thread": "S", "begun_us": 10, "sent_us": 30_100, "returned_us": 30_200,
            "waited_us": 30_190, "delay_us": 30_050, "sent_bytes": 4, "received_bytes": 4,
            "asked_bytes": 1024, "there_bytes": 3, "there_recv": "3", "empty_dontwait": "EAGAIN",
        }),
        "recv-leftover" => json!({
            "asked_bytes": 3, "sent_bytes": 5, "recvs": 2, "taken": ["3", "2"],
            "left": ["5", "2", "0"], "sent": "abcde", "received": "abcde",
        }),
        "bytes" => json!({
            "text": "ab", "characters": 2, "sent_bytes": 6, "asked_bytes": 4, "recvs": 2,
            "pieces_decoded": ["not UTF-8", "not UTF-8"], "whole_decoded": "ab",
            "as_latin1": "xy", "hex": "00",
        }),
        _ => panic!("no evidence for {id}"),
    }
}

fn every_lie_is_not_shown(id: &str, lies: &[(&str, Value)]) {
    proof::every_lie_is_not_shown(id, &true_figures(id), lies);
}

#[test]
fn the_end_is_not_shown_where_recv_did_not_wait_or_gave_something_else() {
    every_lie_is_not_shown(
        "recv-eof",
        &[
            ("clean_returned_us", json!(80)),
            ("clean_begun_us", json!(100)),
            ("clean_thread", json!("R")),
            ("clean_recvs", json!(["0", "0", "ECONNRESET"])),
            ("clean_recvs", json!(["EAGAIN", "0", "0"])),
            ("unread_recvs", json!(["0", "0", "0"])),
            ("unread_recvs", json!(["ECONNRESET", "ECONNRESET", "0"])),
            ("silent_recv", json!("0")),
        ],
    );
}

#[test]
fn blocking_is_not_shown_where_recv_came_back_early_or_waited_for_more() {
    every_lie_is_not_shown(
        "recv-blocks",
        &[
            ("returned_us", json!(20_000)),
            ("begun_us", json!(30_150)),
            ("waited_us", json!(20_000)),
            ("thread", json!("R")),
            ("received_bytes", json!(3)),
            ("there_recv", json!("EAGAIN")),
            ("there_bytes", json!(1024)),
            ("empty_dontwait", json!("0")),
        ],
    );
}

#[test]
fn the_leftover_is_not_shown_where_a_byte_is_lost_or_one_recv_took_all() {
    every_lie_is_not_shown(
        "recv-leftover",
        &[
            ("received", json!("abc")),
            ("recvs", json!(1)),
            ("taken", json!(["4", "1"])),
            ("left", json!(["5", "0", "0"])),
            ("left", json!(["5", "2"])),
            ("asked_bytes", json!(5)),
        ],
    );
}

#[test]
fn bytes_are_not_shown_where_no_character_was_cut_or_the_whole_differs() {
    every_lie_is_not_shown(
        "bytes",
        &[
            ("whole_decoded", json!("not UTF-8")),
            ("pieces_decoded", json!(["a", "b"])),
            ("as_latin1", json!("ab")),
            ("characters", json!(6)),
        ],
    );
}

#[test]
fn without_proc_the_order_of_the_calls_is_enough() {
    let mut evidence = proof::evidence(true_figures("recv-eof"));
    evidence.set("clean_thread", "?");
    assert!((proof::law("recv-eof").judge)(&evidence).is_shown());
}

#[test]
fn every_law_is_shown_on_this_machine_twenty_times_in_a_row() {
    proof::shown_twenty_times("receive");
}

#[test]
fn every_number_of_a_telling_comes_from_the_evidence() {
    for law in select(&["receive".into()]).unwrap() {
        let figures = true_figures(law.id);
        proof::the_run_notes_these_figures(law.id, &figures);
        proof::every_number_is_a_figure(law.id, &figures, &["UTF-8", "Latin-1"], is_made);
    }
}

/// Microseconds told as milliseconds with a tenth, and how many pieces could not be decoded.
fn is_made(number: &str, seen: &Evidence) -> bool {
    let mut figures = seen.figures.iter();
    figures.any(|(name, value)| match value {
        Value::Number(us) if name.ends_with("_us") => {
            let told = super::judge::millis(us.as_u64().expect("microseconds are a count"));
            told.split('.').any(|part| part == number)
        }
        Value::Array(list) if name == "pieces_decoded" => list.len().to_string() == number,
        _ => false,
    })
}
