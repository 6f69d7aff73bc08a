//! The judges are given false evidence, the experiments run on this machine's kernel, and the tellings
//! hold no number that the evidence does not.

use serde_json::{Value, json};

use crate::evidence::Evidence;
use crate::law::select;
use crate::proof;

/// Evidence as a true run gives it, without the scenes.
fn true_figures(id: &str) -> Value {
    match id {
        "send-broken-pipe" => json!({
            "clean_given_bytes": 3, "clean_first": "3", "clean_recv_between": "0",
            "clean_second": "EPIPE", "unread_left_bytes": 6,
            "unread_sends": ["ECONNRESET", "EPIPE"], "unread_recv": ["ECONNRESET", "EPIPE"],
            "signal_default": "killed by SIGPIPE", "signal_ignored": "lived on",
            "own_sigpipe": "ignored",
        }),
        "send-blocks" => {
            let mut figures = json!({"small_buffer_bytes": 32});
            for run in ["default", "small"] {
                for (what, number) in [
                    ("sends", 5),
                    ("taken_bytes", 100),
                    ("kept_bytes", 70),
                    ("unread_bytes", 30),
                    ("begun_us", 10),
                    ("read_us", 90),
                    ("returned_us", 95),
                    ("more_bytes", 8),
                    ("received_bytes", 108),
                ] {
                    figures[format!("{run}_{what}")] = json!(number);
                }
                figures[format!("{run}_next")] = json!("EAGAIN");
                figures[format!("{run}_more")] = json!("8");
                figures[format!("{run}_thread")] = json!("S");
            }
            figures
        }
        "send-count" => json!({
            "given_bytes": 1000, "buffer_bytes": 32, "small_given_bytes": 3, "small_taken_bytes": 3,
            "once_taken_bytes": 90, "once_kept_bytes": 60, "once_unread_bytes": 33,
            "timed_limit_ms": 20, "timed_taken_bytes": 95, "rest_sends": 1,
            "received_bytes": 1000, "same_content": true,
        }),
        "send-all" => json!({
            "given_bytes": 1000, "buffer_bytes": 32, "whole_result": "None", "whole_sends": 20,
            "whole_received_bytes": 1000, "whole_same_content": true,
            "failed_result": "ECONNRESET", "failed_sends": 7, "failed_taken_bytes": 300,
            "failed_acked_bytes": 250, "failed_read_bytes": 100,
        }),
        "buffers" => json!({
            "state_before_accept": "ESTABLISHED", "kept_before_accept": 0, "unread_at_accept": 600,
            "sends": 6, "sent_bytes": 600, "sending_us": 50, "sent_us": 60, "accepted_us": 80,
            "pause_ms": 2, "recvs": 6, "received_bytes": 600, "reading_us": 15_000, "end": 0,
            "disk_bytes": "0",
        }),
        _ => panic!("no evidence for {id}"),
    }
}

fn every_lie_is_not_shown(id: &str, lies: &[(&str, Value)]) {
    proof::every_lie_is_not_shown(id, &true_figures(id), lies);
}

#[test]
fn the_broken_pipe_is_not_shown_where_the_errors_come_otherwise() {
    every_lie_is_not_shown(
        "send-broken-pipe",
        &[
            ("clean_first", json!("EPIPE")),
            ("clean_first", json!("2")),
            ("clean_recv_between", json!("ECONNRESET")),
            ("clean_second", json!("3")),
            ("clean_second", json!("ECONNRESET")),
            ("unread_sends", json!(["EPIPE", "EPIPE"])),
            ("unread_sends", json!(["4", "ECONNRESET"])),
            ("unread_recv", json!(["0", "EPIPE"])),
            ("signal_default", json!("lived on")),
            ("signal_ignored", json!("killed by SIGPIPE")),
            ("own_sigpipe", json!("not ignored")),
        ],
    );
}

#[test]
fn without_a_shell_the_signal_is_told_as_not_tried() {
    let mut evidence = proof::evidence(true_figures("send-broken-pipe"));
    evidence.set("signal_default", "not tried");
    evidence.set("signal_ignored", "not tried");
    assert!((proof::law("send-broken-pipe").judge)(&evidence).is_shown());
}

#[test]
fn blocking_is_not_shown_where_there_was_room_or_send_came_back_early() {
    for run in ["default", "small"] {
        let lies = [
            ("next", json!("16384")),
            ("taken_bytes", json!(0)),
            ("kept_bytes", json!(60)),
            ("unread_bytes", json!(40)),
            ("returned_us", json!(80)),
            ("read_us", json!(5)),
            ("thread", json!("R")),
            ("more", json!("EAGAIN")),
            ("received_bytes", json!(100)),
        ];
        let lies: Vec<_> = lies.map(|(what, lie)| (format!("{run}_{what}"), lie)).into();
        let lies: Vec<_> = lies.iter().map(|(name, lie)| (name.as_str(), lie.clone())).collect();
        every_lie_is_not_shown("send-blocks", &lies);
    }
}

#[test]
fn the_count_is_not_shown_where_all_was_taken_or_the_count_is_wrong() {
    every_lie_is_not_shown(
        "send-count",
        &[
            ("small_taken_bytes", json!(2)),
            ("once_taken_bytes", json!(1000)),
            ("once_taken_bytes", json!(0)),
            ("once_taken_bytes", json!(89)),
            ("once_kept_bytes", json!(0)),
            ("timed_taken_bytes", json!(1000)),
            ("timed_taken_bytes", json!(0)),
            ("received_bytes", json!(999)),
            ("same_content", json!(false)),
        ],
    );
}

#[test]
fn sendall_is_not_shown_where_it_took_a_part_or_its_failure_lost_nothing() {
    every_lie_is_not_shown(
        "send-all",
        &[
            ("whole_result", json!("EAGAIN")),
            ("whole_sends", json!(1)),
            ("whole_received_bytes", json!(900)),
            ("whole_same_content", json!(false)),
            ("failed_result", json!("None")),
            ("failed_taken_bytes", json!(1000)),
            ("failed_read_bytes", json!(300)),
        ],
    );
}

#[test]
fn buffers_are_not_shown_where_nothing_came_before_accept_or_a_disk_was_used() {
    every_lie_is_not_shown(
        "buffers",
        &[
            ("unread_at_accept", json!(0)),
            ("kept_before_accept", json!(600)),
            ("state_before_accept", json!("SYN-SENT")),
            ("sent_us", json!(90)),
            ("received_bytes", json!(500)),
            ("end", json!(1)),
            ("disk_bytes", json!("4096")),
        ],
    );
}

#[test]
fn every_law_is_shown_on_this_machine_twenty_times_in_a_row() {
    proof::shown_twenty_times("send");
}

#[test]
fn every_number_of_a_telling_comes_from_the_evidence() {
    for law in select(&["send".into()]).unwrap() {
        let figures = true_figures(law.id);
        proof::the_run_notes_these_figures(law.id, &figures);
        proof::every_number_is_a_figure(law.id, &figures, &[], is_made);
    }
}

/// Microseconds told as milliseconds.
fn is_made(number: &str, seen: &Evidence) -> bool {
    let mut times = seen.figures.iter().filter(|(name, _)| name.ends_with("_us"));
    times.any(|(_, us)| {
        let told = super::told::millis(us.as_u64().expect("microseconds are a count"));
        told.split('.').any(|part| part == number)
    })
}
