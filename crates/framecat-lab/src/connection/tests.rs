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
        "bind" => json!({
            "name_before": "0.0.0.0:0", "asked": "127.0.0.1:0", "given": "127.0.0.1:1111",
            "in_use": "EADDRINUSE", "second_bind": "EINVAL", "foreign": "192.0.2.1:0",
            "not_ours": "EADDRNOTAVAIL", "nonlocal_bind": false,
            "chosen_by_connect": "127.0.0.1:2222", "path_is_a_socket": true,
            "path_in_use": "EADDRINUSE", "path_left_over": "EADDRINUSE", "path_removed": "0",
        }),
        "reuseaddr" => json!({
            "neither_while_listening": "EADDRINUSE", "neither_time_wait": "EADDRINUSE",
            "old_while_listening": "EADDRINUSE", "old_time_wait": "EADDRINUSE",
            "new_while_listening": "EADDRINUSE", "new_time_wait": "EADDRINUSE",
            "both_while_listening": "EADDRINUSE", "both_time_wait": "0",
            "slip_level": 1, "slip_option": 2, "slip_family": "AF_UNIX",
            "slip_type": "SOCK_DGRAM", "slip_reuses": false, "slip_bind": "EINVAL",
        }),
        "accept-blocks" => json!({
            "thread_before": "sleeping", "accept_called_us": 10, "connect_called_us": 200,
            "accept_returned_us": 300, "nobody_there": "EAGAIN", "somebody_there": "0",
        }),
        "accept-new" => json!({
            "listening_fd": 3, "new_fd": 5, "client_name": "127.0.0.1:1111",
            "address_given": "127.0.0.1:1111", "listening_accepts": true, "new_accepts": false,
            "same_own_name": true, "send_on_listening": "EPIPE",
            "recv_on_listening": "ENOTCONN", "heard_from_new": "hi",
        }),
        "two-sockets" => json!({
            "server_heard": "still there?", "client_heard": "yes",
            "not_yet_accepted": "ECONNRESET", "new_client": "ECONNREFUSED",
            "sockets_of_the_server": ["3", "5"], "sockets_of_the_client": ["4"],
        }),
        "listen-many" => json!({
            "at_once_given": ["from 1", "from 2"], "at_once_came_back": ["from 1", "from 2"],
            "at_once_sockets": ["6", "7"], "later_clients": 4, "later_echoed": 4,
            "listening_fd": 3, "still_listening": true,
        }),
        "handshake" => json!({
            "connect_before_listen": "ECONNREFUSED", "connect_after_listen": "0",
            "client_state": "ESTABLISHED", "server_state": "ESTABLISHED", "segments_out": 2,
            "segments_in": 1, "segments_again": 0, "queue_before_accept": 1,
            "queue_after_accept": 0, "connected_us": 100, "accept_called_us": 200,
            "accepted_the_client": true, "heard": "hello",
        }),
        "backlog" => json!({
            "full_n": 2, "full_limit": 2, "full_tried": 5, "full_queue": 3,
            "full_established": 3, "full_no_answer": 2, "full_first": "A",
            "full_accepted": "A", "full_heard": "hello", "full_late": "ESTABLISHED",
            "full_longest": "SYN-SENT", "full_inside": "A B C", "full_outside": "D E",
            "answer_within_ms": 20, "two_first_before": 1, "two_second_before": 0,
            "two_accept_before": "EAGAIN", "two_first_after": 0, "two_second_after": 1,
            "two_accept_after": "0", "somaxconn": 4096, "short_n": 1, "short_limit": 1,
            "short_tried": 3, "short_fit": 2, "short_no_answer": 1, "long_n": 4,
            "long_limit": 4, "long_tried": 6, "long_fit": 5, "long_no_answer": 1,
            "again_n_before": 1, "again_n": 3, "again_limit": 3, "again_tried": 5,
            "again_fit": 4, "again_no_answer": 1, "huge_n": 5096, "huge_limit": 4096,
        }),
        _ => panic!("no evidence for {id}"),
    }
}

/// The laws of this half of the group.
const LAWS: &[&str] = &[
    "socket-name",
    "bind",
    "reuseaddr",
    "accept-blocks",
    "accept-new",
    "two-sockets",
    "listen-many",
    "handshake",
    "backlog",
];

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

#[test]
fn bind_is_not_shown_where_a_name_is_had_twice_or_port_0_gives_none() {
    every_lie_is_not_shown(
        "bind",
        &[
            ("name_before", json!("0.0.0.0:5")),
            ("given", json!("127.0.0.1:0")),
            ("chosen_by_connect", json!("127.0.0.1:0")),
            ("in_use", json!("0")),
            ("second_bind", json!("0")),
            ("not_ours", json!("0")),
            ("path_is_a_socket", json!(false)),
            ("path_in_use", json!("0")),
            ("path_left_over", json!("0")),
            ("path_removed", json!("EADDRINUSE")),
        ],
    );
}

#[test]
fn reuseaddr_is_not_shown_where_any_of_the_four_ends_otherwise() {
    every_lie_is_not_shown(
        "reuseaddr",
        &[
            ("neither_time_wait", json!("0")),
            ("old_time_wait", json!("0")),
            ("new_time_wait", json!("0")),
            ("both_time_wait", json!("EADDRINUSE")),
            ("neither_while_listening", json!("0")),
            ("old_while_listening", json!("0")),
            ("new_while_listening", json!("0")),
            ("both_while_listening", json!("0")),
            ("slip_reuses", json!(true)),
            ("slip_bind", json!("0")),
        ],
    );
}

#[test]
fn accept_blocks_is_not_shown_where_it_was_awake_or_came_back_before_the_client() {
    every_lie_is_not_shown(
        "accept-blocks",
        &[
            ("thread_before", json!("R")),
            ("accept_called_us", json!(250)),
            ("accept_returned_us", json!(150)),
            ("nobody_there", json!("0")),
            ("somebody_there", json!("EAGAIN")),
        ],
    );
}

#[test]
fn accept_new_is_not_shown_where_the_socket_is_the_old_one_or_the_address_a_stranger() {
    every_lie_is_not_shown(
        "accept-new",
        &[
            ("new_fd", json!(3)),
            ("address_given", json!("127.0.0.1:2222")),
            ("listening_accepts", json!(false)),
            ("new_accepts", json!(true)),
            ("same_own_name", json!(false)),
            ("send_on_listening", json!("0")),
            ("recv_on_listening", json!("0")),
            ("heard_from_new", json!("")),
        ],
    );
}

#[test]
fn two_sockets_is_not_shown_where_the_talk_ends_or_the_door_stays_open() {
    every_lie_is_not_shown(
        "two-sockets",
        &[
            ("server_heard", json!("")),
            ("client_heard", json!("")),
            ("not_yet_accepted", json!("0")),
            ("new_client", json!("0")),
            ("sockets_of_the_client", json!(["4", "6"])),
        ],
    );
}

#[test]
fn listen_many_is_not_shown_where_words_are_mixed_up_or_a_client_is_left_out() {
    every_lie_is_not_shown(
        "listen-many",
        &[
            ("at_once_came_back", json!(["from 2", "from 1"])),
            ("at_once_sockets", json!(["6", "6"])),
            ("listening_fd", json!(6)),
            ("later_echoed", json!(3)),
            ("still_listening", json!(false)),
        ],
    );
}

#[test]
fn handshake_is_not_shown_where_accept_was_needed() {
    every_lie_is_not_shown(
        "handshake",
        &[
            ("connect_before_listen", json!("0")),
            ("connect_after_listen", json!("EINPROGRESS")),
            ("client_state", json!("SYN-SENT")),
            ("server_state", json!("SYN-RECEIVED")),
            ("segments_out", json!(1)),
            ("segments_in", json!(0)),
            ("queue_before_accept", json!(0)),
            ("queue_after_accept", json!(1)),
            ("accept_called_us", json!(50)),
            ("accepted_the_client", json!(false)),
            ("heard", json!("")),
        ],
    );
}

#[test]
fn backlog_is_not_shown_where_another_number_fits_or_there_is_one_queue() {
    every_lie_is_not_shown(
        "backlog",
        &[
            ("full_limit", json!(128)),
            ("full_queue", json!(2)),
            ("full_established", json!(5)),
            ("full_no_answer", json!(0)),
            ("full_accepted", json!("B")),
            ("full_heard", json!("")),
            ("two_first_before", json!(0)),
            ("two_second_before", json!(1)),
            ("two_accept_before", json!("0")),
            ("two_second_after", json!(0)),
            ("two_accept_after", json!("EAGAIN")),
            ("short_fit", json!(3)),
            ("long_limit", json!(4096)),
            ("long_no_answer", json!(0)),
            ("again_limit", json!(1)),
            ("again_fit", json!(2)),
            ("huge_limit", json!(5096)),
        ],
    );
}
