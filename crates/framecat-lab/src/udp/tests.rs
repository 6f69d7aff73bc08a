//! The judges are given false evidence; the experiments run on this machine's kernel.

use serde_json::{Value, json};

use crate::law::select;
use crate::proof;

fn true_figures(id: &str) -> Value {
    match id {
        "udp-boundaries" => json!({
            "udp_sends": 3, "udp_recvs": 3, "udp_left": "",
            "udp_given": ["a", "b", "c"], "udp_found": ["a", "b", "c"],
            "tcp_sends": 3, "tcp_recvs": 1, "many_sends": 64, "many_whole": 64,
            "largest_sent_bytes": 65507, "largest_received_bytes": 65507,
            "over_bytes": 65508, "over": "EMSGSIZE",
        }),
        "udp-truncation" => json!({
            "sent_bytes": 10, "room_bytes": 4, "lost_bytes": 6,
            "begins": "\"abcd\"", "second": "\"next\"", "found": ["\"abcd\"", "\"next\""],
            "after": "EAGAIN", "long_flag": "MSG_TRUNC", "fitting_flag": "0",
            "peeked_bytes": 10, "tcp_recvs": 3, "tcp_lost_bytes": 0,
        }),
        "udp-connectionless" => json!({
            "listen": "EOPNOTSUPP", "accept": "EOPNOTSUPP", "clients": 3, "answered": 3,
            "senders": ["a", "b", "c"], "named": ["a", "b", "c"],
            "unconnected_send": 5, "unconnected_recv": "\"to myself\"", "unconnected_error": "0",
            "connected_send": 5, "connected_recv": "ECONNREFUSED", "has_peer": true,
            "stranger_send": 8, "from_peer": "\"peer\"", "filtered_first": "\"peer\"",
            "filtered_next": "EAGAIN",
        }),
        "udp-unreliable" => json!({
            "late_sends": 12, "late_taken_whole": 12, "late_arrived": 3, "late_lost": 9,
            "late_dropped": 9, "late_last": "03", "late_later": "13", "buffer_bytes": 2304,
            "each_bytes": 600, "prompt_sends": 12, "prompt_arrived": 12, "prompt_dropped": 0,
        }),
        "udp-count" => json!({
            "characters": 2, "given_bytes": 6, "reads_returned": 6, "reads_arrived_bytes": 6,
            "closed_returned": 6, "closed_answer": "ECONNREFUSED", "closed_arrived_bytes": 0,
            "full_returned": 6, "full_dropped": 1, "full_arrived_bytes": 0,
            "over_bytes": 65535, "over": "EMSGSIZE",
        }),
        "udp-empty" => json!({
            "sends": 3, "recvs": 3, "from_sender": 3, "given": ["\"\"", "\"one\"", "\"\""],
            "found": ["\"\"", "\"one\"", "\"\""], "before": "EAGAIN", "after": "EAGAIN",
            "empty_send": 0, "empty_unread_bytes": 0, "readable_before": false,
            "readable_after": true, "tcp_empty_send": 0, "tcp_first": 3, "tcp_end": 0,
            "tcp_end_again": 0,
        }),
        "calls" => json!({
            "tcp_sendto": "6", "tcp_recvfrom": "\"sendto\"", "tcp_address": "none",
            "tcp_read": "\"write\"", "tcp_send_unconnected": "EPIPE",
            "udp_send_unconnected": "EDESTADDRREQ", "udp_recv": "\"send\"",
            "udp_read": "\"write\"",
        }),
        _ => panic!("no evidence for {id}"),
    }
}

fn every_lie_is_not_shown(id: &str, lies: &[(&str, Value)]) {
    proof::every_lie_is_not_shown(id, &true_figures(id), lies);
}

#[test]
fn boundaries_are_not_shown_where_datagrams_merge_split_or_vanish() {
    every_lie_is_not_shown(
        "udp-boundaries",
        &[
            ("udp_found", json!(["ab", "c"])),
            ("udp_recvs", json!(2)),
            ("udp_left", json!("[c]")),
            ("tcp_recvs", json!(3)),
            ("many_whole", json!(63)),
            ("largest_received_bytes", json!(1472)),
            ("over", json!("65508")),
        ],
    );
}

#[test]
fn truncation_is_not_shown_where_the_rest_comes_later_or_nobody_tells() {
    every_lie_is_not_shown(
        "udp-truncation",
        &[
            ("found", json!(["\"abcd\"", "\"efgh\""])),
            ("after", json!("4")),
            ("long_flag", json!("0")),
            ("fitting_flag", json!("MSG_TRUNC")),
            ("peeked_bytes", json!(4)),
            ("tcp_lost_bytes", json!(6)),
        ],
    );
}

#[test]
fn connectionless_is_not_shown_where_a_claim_of_it_fails() {
    every_lie_is_not_shown(
        "udp-connectionless",
        &[
            ("listen", json!("0")),
            ("accept", json!("0")),
            ("named", json!(["a", "a", "c"])),
            ("answered", json!(2)),
            ("unconnected_recv", json!("ECONNREFUSED")),
            ("unconnected_error", json!("ECONNREFUSED")),
            ("connected_recv", json!("EAGAIN")),
            ("has_peer", json!(false)),
            ("filtered_first", json!("\"stranger\"")),
            ("filtered_next", json!("8")),
        ],
    );
}

#[test]
fn unreliable_is_not_shown_where_all_arrives_or_the_sender_is_told() {
    every_lie_is_not_shown(
        "udp-unreliable",
        &[
            ("late_taken_whole", json!(3)),
            ("late_lost", json!(0)),
            ("late_arrived", json!(12)),
            ("late_dropped", json!(0)),
            ("late_later", json!("")),
            ("prompt_arrived", json!(11)),
            ("prompt_dropped", json!(1)),
        ],
    );
}

#[test]
fn the_count_is_not_shown_where_it_tells_of_arrival() {
    every_lie_is_not_shown(
        "udp-count",
        &[
            ("reads_returned", json!(2)),
            ("closed_returned", json!(0)),
            ("full_returned", json!(0)),
            ("reads_arrived_bytes", json!(0)),
            ("closed_answer", json!("EAGAIN")),
            ("closed_arrived_bytes", json!(6)),
            ("full_dropped", json!(0)),
            ("full_arrived_bytes", json!(6)),
            ("characters", json!(6)),
            ("over", json!("65507")),
        ],
    );
}

#[test]
fn the_empty_datagram_is_not_shown_where_it_is_no_message_or_an_end() {
    every_lie_is_not_shown(
        "udp-empty",
        &[
            ("found", json!(["\"one\""])),
            ("from_sender", json!(1)),
            ("before", json!("0")),
            ("after", json!("0")),
            ("readable_before", json!(true)),
            ("readable_after", json!(false)),
            ("empty_send", json!(1)),
            ("tcp_first", json!(0)),
            ("tcp_end_again", json!(3)),
        ],
    );
}

#[test]
fn the_calls_are_not_shown_where_one_fails_or_tells_otherwise() {
    every_lie_is_not_shown(
        "calls",
        &[
            ("tcp_recvfrom", json!("EOPNOTSUPP")),
            ("tcp_read", json!("\"\"")),
            ("tcp_address", json!("127.0.0.1:9")),
            ("tcp_send_unconnected", json!("1")),
            ("udp_recv", json!("\"\"")),
            ("udp_read", json!("EINVAL")),
            ("udp_send_unconnected", json!("4")),
        ],
    );
}

#[test]
fn every_law_is_shown_on_this_machine_twenty_times_in_a_row() {
    proof::shown_twenty_times("udp");
}

#[test]
fn every_number_of_a_telling_comes_from_the_evidence() {
    for law in select(&["udp".into()]).unwrap() {
        let figures = true_figures(law.id);
        proof::the_run_notes_these_figures(law.id, &figures);
        proof::every_number_is_a_figure(
            law.id,
            &figures,
            &["UTF-8", "not 0", "都不是 0", "There 0", "在那里 0"],
            |_, _| false,
        );
    }
}

#[test]
fn looking_at_waiting_datagrams_takes_none() {
    let (receiver, sender) = (super::udp().unwrap(), super::udp().unwrap());
    for (n, message) in [&b"a"[..], &[b'b'; 40], b"cd"].iter().enumerate() {
        sender.send_to(message, receiver.local_addr().unwrap()).unwrap();
        super::wait_until_waiting(&receiver, n + 1).unwrap();
    }
    for _ in 0..2 {
        assert_eq!(super::waiting(&receiver).unwrap(), ["[a]", "[40 B]", "[cd]"]);
    }
    assert_eq!(receiver.recv(&mut [0; 64]).unwrap(), 1);
    assert_eq!(super::waiting(&receiver).unwrap(), ["[40 B]", "[cd]"]);
}
