use serde_json::{Value, json};

use crate::proof;

const LAWS: &[&str] = &["close-four-way", "peer-killed"];

fn true_figures(id: &str) -> Value {
    match id {
        "close-four-way" => json!({
            "half_client": "FIN-WAIT-2", "half_server": "CLOSE-WAIT", "half_segments": 2,
            "server_recv": "0", "lingering_segments": 4, "lingering_runs": 1,
            "end_client": "CLOSED", "end_server": "CLOSED",
            "table_client": "TIME-WAIT", "table_server": "none",
            "at_once_segments": 3, "at_once_runs": 1,
        }),
        "peer-killed" => json!({
            "child": "0", "echo": "hello", "signal": 9,
            "killed_recv": "0", "killed_first_send": "5", "killed_second_send": "EPIPE",
            "unread_recv": "ECONNRESET", "unread_later_recv": "0", "unread_send": "EPIPE",
            "silent_recv": "EAGAIN", "silent_state": "ESTABLISHED", "user_timeout_ms": 20,
            "vanished_send": "5", "vanished_unacked": 5, "vanished_sent_again": 2,
            "vanished_recv": "ETIMEDOUT", "vanished_state": "CLOSED",
        }),
        _ => panic!("no evidence for {id}"),
    }
}

#[test]
fn the_goodbye_is_not_shown_where_segments_or_states_differ() {
    proof::every_lie_is_not_shown(
        "close-four-way",
        &true_figures("close-four-way"),
        &[
            ("half_client", json!("FIN-WAIT-1")),
            ("half_server", json!("ESTABLISHED")),
            ("half_segments", json!(1)),
            ("server_recv", json!("EAGAIN")),
            ("lingering_segments", json!(3)),
            ("lingering_segments", json!(5)),
            ("end_client", json!("TIME-WAIT")),
            ("end_server", json!("LAST-ACK")),
            ("table_client", json!("none")),
            ("table_client", json!("ESTABLISHED")),
            ("table_client", json!("EACCES")),
            ("table_server", json!("TIME-WAIT")),
            ("at_once_segments", json!(4)),
        ],
    );
}

#[test]
fn death_is_not_shown_where_it_is_told_otherwise() {
    proof::every_lie_is_not_shown(
        "peer-killed",
        &true_figures("peer-killed"),
        &[
            ("child", json!("ENOENT")),
            ("echo", json!("")),
            ("signal", json!(2)),
            ("killed_recv", json!("ECONNRESET")),
            ("killed_first_send", json!("EPIPE")),
            ("killed_second_send", json!("5")),
            ("unread_recv", json!("0")),
            ("unread_later_recv", json!("ECONNRESET")),
            ("unread_send", json!("5")),
            ("silent_recv", json!("0")),
            ("silent_state", json!("CLOSE-WAIT")),
            ("vanished_send", json!("EPIPE")),
            ("vanished_unacked", json!(0)),
            ("vanished_sent_again", json!(0)),
            ("vanished_recv", json!("0")),
            ("vanished_state", json!("ESTABLISHED")),
        ],
    );
}

#[test]
fn the_ends_are_shown_on_this_machine_twenty_times_in_a_row() {
    proof::laws_are_shown_twenty_times(LAWS);
}

#[test]
fn every_number_of_the_tellings_comes_from_the_evidence() {
    for id in LAWS {
        let figures = true_figures(id);
        proof::the_run_notes_these_figures(id, &figures);
        proof::every_number_is_a_figure(id, &figures, &[], |_, _| false);
    }
}
