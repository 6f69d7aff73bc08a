//! The judges of names, of the queues and of what holds a connection are given false evidence; the
//! experiments run on this machine's kernel.

use serde_json::{Value, json};

use crate::evidence::Evidence;
use crate::law::{run, select};
use crate::proof;

/// Evidence as a true run gives it, without the scenes.
fn true_figures(id: &str) -> Value {
    match id {
        "socket-name" => json!({
            "first_name": "127.0.0.1:1111", "first_peer": "127.0.0.1:9000",
            "second_name": "127.0.0.1:2222", "second_peer": "127.0.0.1:9000",
            "for_first_name": "127.0.0.1:9000", "for_first_peer": "127.0.0.1:1111",
            "for_second_name": "127.0.0.1:9000", "for_second_peer": "127.0.0.1:2222",
            "for_first_heard": "one", "for_second_heard": "two",
            "same_port_for_udp": "0", "same_name_other_server": "0",
            "same_name_same_server": "EADDRNOTAVAIL",
        }),
        _ => panic!("no evidence for {id}"),
    }
}

/// The laws of this half of the group.
const LAWS: &[&str] = &["socket-name"];

fn every_lie_is_not_shown(id: &str, lies: &[(&str, Value)]) {
    proof::every_lie_is_not_shown(id, &true_figures(id), lies);
}

#[test]
fn the_laws_are_shown_on_this_machine_twenty_times_in_a_row() {
    for law in select(&LAWS.iter().map(|id| id.to_string()).collect::<Vec<_>>()).unwrap() {
        for n in 1..=20 {
            let outcome = run(law);
            assert!(outcome.result.is_shown(), "{} run {n}: {:?}", law.id, outcome.result);
        }
    }
}

#[test]
fn every_number_of_a_telling_comes_from_the_evidence() {
    for id in LAWS {
        let figures = true_figures(id);
        proof::the_run_notes_these_figures(id, &figures);
        proof::every_number_is_a_figure(id, &figures, &[], made);
    }
}

/// Lengths of lists.
fn made(number: &str, seen: &Evidence) -> bool {
    let lists = seen.figures.values().filter_map(Value::as_array).map(Vec::len);
    lists.into_iter().any(|len| len.to_string() == number)
}

#[test]
fn a_name_is_not_shown_where_pairs_do_not_tell_connections_apart() {
    every_lie_is_not_shown(
        "socket-name",
        &[
            ("first_name", json!("127.0.0.1:2222")),
            ("second_peer", json!("127.0.0.1:9001")),
            ("for_second_name", json!("127.0.0.1:9001")),
            ("for_first_peer", json!("127.0.0.1:2222")),
            ("for_first_heard", json!("two")),
            ("for_second_heard", json!("one")),
            ("same_port_for_udp", json!("EADDRINUSE")),
            ("same_name_other_server", json!("EADDRNOTAVAIL")),
            ("same_name_same_server", json!("0")),
        ],
    );
}
