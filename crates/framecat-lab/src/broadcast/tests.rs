//! The judges are given false evidence; the experiments run on this machine's kernel.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::Place;
use crate::law::select;
use crate::proof;

fn true_figures(id: &str) -> Value {
    match id {
        "broadcast-one-many" => json!({
            "to": "127.255.255.255", "sends": 1, "without_reuseaddr": "EADDRINUSE",
            "heard": ["\"to all\"", "\"to all\"", "\"to all\""], "heard_alone": ["\"to you\""],
        }),
        "broadcast-address" => json!({
            "address": "127.0.0.1", "address_bits": "0", "mask": "255.0.0.0", "mask_bits": "1",
            "highest": "127.255.255.255", "highest_bits": "1", "prefix": 8,
            "below": "127.255.255.254", "lookalike": "127.0.0.255",
            "limited": "255.255.255.255", "notes": ["a"], "receivers": 2,
            "highest_asks": "EACCES", "highest_heard": 2,
            "limited_asks": "EACCES", "limited_heard": 2,
            "lookalike_asks": "0", "lookalike_heard": 1, "below_asks": "0",
        }),
        "broadcast-permission" => json!({
            "sender_at_first": false, "without": "EACCES", "with": "5", "taken_back": "EACCES",
            "receiver_has_it": false, "other_receiver_has_it": true,
            "heard_without": "\"hello\"", "heard_with": "\"hello\"",
        }),
        _ => panic!("no evidence for {id}"),
    }
}

fn every_lie_is_not_shown(id: &str, lies: &[(&str, Value)]) {
    proof::every_lie_is_not_shown(id, &true_figures(id), lies);
}

#[test]
fn one_to_many_is_not_shown_where_one_hears_nothing_or_a_wrong_one_hears() {
    every_lie_is_not_shown(
        "broadcast-one-many",
        &[
            ("heard", json!(["\"to all\"", "EAGAIN", "\"to all\""])),
            ("heard", json!(["\"to all\""])),
            ("heard_alone", json!(["\"to all\""])),
            ("heard_alone", json!([])),
            ("without_reuseaddr", json!("0")),
        ],
    );
}

#[test]
fn the_address_is_not_shown_where_the_kernel_takes_another_for_it() {
    every_lie_is_not_shown(
        "broadcast-address",
        &[
            ("highest_asks", json!("0")),
            ("highest_heard", json!(1)),
            ("limited_asks", json!("ENETUNREACH")),
            ("limited_heard", json!(0)),
            ("lookalike_asks", json!("EACCES")),
            ("lookalike_heard", json!(2)),
            ("below_asks", json!("EACCES")),
        ],
    );
}

#[test]
fn the_permission_is_not_shown_where_sending_needs_none_or_receiving_does() {
    every_lie_is_not_shown(
        "broadcast-permission",
        &[
            ("sender_at_first", json!(true)),
            ("without", json!("5")),
            ("with", json!("EACCES")),
            ("taken_back", json!("5")),
            ("receiver_has_it", json!(true)),
            ("other_receiver_has_it", json!(false)),
            ("heard_without", json!("EAGAIN")),
            ("heard_with", json!("EAGAIN")),
        ],
    );
}

#[test]
fn every_law_is_shown_on_this_machine_twenty_times_in_a_row() {
    proof::shown_twenty_times("broadcast");
}

#[test]
fn every_number_of_a_telling_comes_from_the_evidence() {
    for law in select(&["broadcast".into()]).unwrap() {
        let figures = true_figures(law.id);
        proof::the_run_notes_these_figures(law.id, &figures);
        let length = |number: &str, seen: &crate::Evidence| {
            let lists = seen.figures.values().filter_map(Value::as_array);
            lists.map(Vec::len).any(|len| len.to_string() == number)
        };
        let names = ["个 1）", "全为 1 "];
        proof::every_number_is_a_figure(law.id, &figures, &names, length);
    }
}

#[test]
fn the_highest_address_follows_from_address_and_prefix() {
    for (ip, prefix, mask, highest) in [
        ([127, 0, 0, 1], 8, [255, 0, 0, 0], [127, 255, 255, 255]),
        ([172, 60, 50, 1], 24, [255, 255, 255, 0], [172, 60, 50, 255]),
        ([172, 60, 50, 1], 16, [255, 255, 0, 0], [172, 60, 255, 255]),
        ([172, 60, 50, 1], 26, [255, 255, 255, 192], [172, 60, 50, 63]),
        ([10, 0, 0, 5], 30, [255, 255, 255, 252], [10, 0, 0, 7]),
        ([1, 2, 3, 4], 0, [0, 0, 0, 0], [255, 255, 255, 255]),
    ] {
        let place = Place { ip: Ipv4Addr::from(ip), prefix };
        assert_eq!(place.mask(), Ipv4Addr::from(mask));
        assert_eq!(place.highest(), Ipv4Addr::from(highest));
    }
}

#[test]
fn an_interface_that_is_not_there_is_told() {
    assert!(super::on("nosuch0").unwrap_err().contains("nosuch0"));
}
