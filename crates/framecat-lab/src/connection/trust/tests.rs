use serde_json::{Value, json};

use crate::evidence::Evidence;
use crate::proof;

const LAWS: &[&str] = &["tcp-reliable", "realtime", "short-long"];

fn true_figures(id: &str) -> Value {
    match id {
        "tcp-reliable" => json!({
            "sends": 3, "sent": "1 one;2 two;3 three;", "first_recv": "1 one;",
            "held_recv": "EAGAIN", "received": "1 one;2 two;3 three;", "recvs": 2, "sent_again": 1,
            "udp_lost_send": "6", "udp_dropped": 1,
            "udp_received": "1 one;3 three;", "udp_rest": "EAGAIN",
            "order_sent": 5, "order_unacked": 0, "order_recv": "ECONNRESET",
        }),
        "realtime" => json!({
            "tcp_frames": 4, "tcp_came": 3, "tcp_given_before_repair": 0,
            "tcp_last_recv": "EAGAIN", "tcp_after_repair": "1234", "tcp_sent_again": 2,
            "tcp_second_waited_us": 201_234, "udp_second_waited_us": 12,
            "udp_dropped": 1, "udp_first_recv": "EAGAIN", "udp_received": "234",
        }),
        "short-long" => json!({
            "exchanges": 20, "loop_answer": "200", "loop_recv": "0", "loop_last_send": "EPIPE",
            "short_connections": 20, "short_answers": 20, "short_client_ports": 20,
            "short_segments": 180, "short_us_each": 101_234, "short_left_in_table": "20",
            "long_connections": 1, "long_answers": 20, "long_client_ports": 1,
            "long_segments": 66, "long_us_each": 31_234, "long_left_in_table": "1",
        }),
        _ => panic!("no evidence for {id}"),
    }
}

fn every_lie_is_not_shown(id: &str, lies: &[(&str, Value)]) {
    proof::every_lie_is_not_shown(id, &true_figures(id), lies);
}

#[test]
fn the_promise_is_not_shown_where_bytes_are_lost_or_messages_stay_whole() {
    every_lie_is_not_shown(
        "tcp-reliable",
        &[
            ("first_recv", json!("1 one;3 three;")),
            ("held_recv", json!("8")),
            ("sent_again", json!(0)),
            ("received", json!("1 one;3 three;2 two;")),
            ("received", json!("1 one;3 three;")),
            ("recvs", json!(3)),
            ("udp_received", json!("1 one;2 two;3 three;")),
            ("udp_rest", json!("6")),
            ("udp_lost_send", json!("EAGAIN")),
            ("udp_dropped", json!(0)),
            ("order_sent", json!(0)),
            ("order_unacked", json!(5)),
            ("order_recv", json!("0")),
        ],
    );
}

#[test]
fn the_waiting_is_not_shown_where_tcp_gives_early_or_udp_waits() {
    every_lie_is_not_shown(
        "realtime",
        &[
            ("tcp_came", json!(0)),
            ("tcp_given_before_repair", json!(3)),
            ("tcp_last_recv", json!("1")),
            ("tcp_after_repair", json!("234")),
            ("tcp_came", json!(2)),
            ("udp_dropped", json!(0)),
            ("udp_first_recv", json!("1")),
            ("udp_received", json!("1234")),
            ("udp_received", json!("")),
        ],
    );
}

#[test]
fn the_price_is_not_shown_where_both_cost_the_same_or_the_loop_goes_on() {
    every_lie_is_not_shown(
        "short-long",
        &[
            ("short_answers", json!(19)),
            ("long_answers", json!(1)),
            ("long_connections", json!(20)),
            ("short_connections", json!(1)),
            ("short_client_ports", json!(1)),
            ("short_segments", json!(66)),
            ("loop_answer", json!("")),
            ("loop_recv", json!("3")),
            ("loop_last_send", json!("6")),
        ],
    );
}

#[test]
fn the_promise_and_its_price_are_shown_on_this_machine_twenty_times_in_a_row() {
    proof::laws_are_shown_twenty_times(LAWS);
}

#[test]
fn every_number_of_the_tellings_comes_from_the_evidence() {
    for id in LAWS {
        let figures = true_figures(id);
        proof::the_run_notes_these_figures(id, &figures);
        proof::every_number_is_a_figure(id, &figures, &[], in_millis);
    }
}

/// Microseconds told as milliseconds.
fn in_millis(number: &str, seen: &Evidence) -> bool {
    let mut times = seen.figures.iter().filter(|(name, _)| name.contains("_us"));
    times.any(|(_, us)| {
        let us = us.as_u64().expect("microseconds are a count");
        [us / 1000, us % 1000].iter().any(|part| number.parse() == Ok(*part))
    })
}
