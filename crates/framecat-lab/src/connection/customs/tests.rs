use serde_json::{Value, json};

use super::protocol::{Parsed, take_commands};
use crate::evidence::Evidence;
use crate::proof;

const LAWS: &[&str] = &["same-type", "turns", "telnet", "like-a-file"];

fn true_figures(id: &str) -> Value {
    match id {
        "same-type" => json!({
            "tcp_to_tcp": "0", "tcp_to_udp": "ECONNREFUSED", "udp_to_udp": "5",
            "udp_to_tcp_send": "5", "udp_to_tcp_recv": "ECONNREFUSED", "unix_made": "0",
            "unix_stream_to_stream": "0", "unix_stream_to_datagram": "EPROTOTYPE",
            "unix_datagram_to_stream": "EPROTOTYPE", "unix_datagram_to_datagram": "0",
        }),
        "turns" => json!({
            "client_recv": "EAGAIN", "server_recv": "EAGAIN", "then_heard": "hello",
            "given_bytes": 4_194_304, "client_taken": 200_000, "server_taken": 190_000,
            "client_send": "EAGAIN", "server_send": "EAGAIN",
            "client_unread": 65_000, "server_unread": 64_000, "then_read": 65_536, "then_sent": 8,
        }),
        "telnet" => json!({
            "answer_hex": "ff fd 01", "answer_without_lf": "x", "answer_is_text": false,
            "line_hex": "68 65 6c 6c 6f 0d 0a", "line_without_lf": r"hello\r", "line_is_text": true,
            "doubled_hex": "61 ff ff 7a 0d 0a", "doubled_without_lf": "x", "doubled_is_text": false,
            "interrupt_hex": "ff f4 ff fd 06", "interrupt_without_lf": "x",
            "interrupt_is_text": false,
            "data": r"hello\r\na\xffz\r\n", "commands": ["ff fd 01", "ff f4", "ff fd 06"],
            "received_bytes": 21, "data_bytes": 12,
        }),
        "like-a-file" => json!({
            "write": "5", "peer_heard": "hello", "read": "world", "lseek": "ESPIPE",
            "pread": "ESPIPE", "fstat": "socket", "peer_end": "0", "file_fstat": "file",
            "file_lseek": "0", "file_pread": "0", "file_send": "ENOTSOCK",
        }),
        _ => panic!("no evidence for {id}"),
    }
}

fn every_lie_is_not_shown(id: &str, lies: &[(&str, Value)]) {
    proof::every_lie_is_not_shown(id, &true_figures(id), lies);
}

#[test]
fn types_are_not_shown_where_unlike_ones_connect_or_like_ones_do_not() {
    every_lie_is_not_shown(
        "same-type",
        &[
            ("tcp_to_tcp", json!("ECONNREFUSED")),
            ("tcp_to_udp", json!("0")),
            ("udp_to_udp", json!("ECONNREFUSED")),
            ("udp_to_tcp_send", json!("ECONNREFUSED")),
            ("udp_to_tcp_recv", json!("EAGAIN")),
            ("unix_made", json!("EROFS")),
            ("unix_stream_to_stream", json!("EPROTOTYPE")),
            ("unix_stream_to_datagram", json!("0")),
            ("unix_datagram_to_stream", json!("0")),
            ("unix_datagram_to_datagram", json!("ECONNREFUSED")),
        ],
    );
}

#[test]
fn turns_are_not_shown_where_nobody_is_stuck_or_nothing_frees_them() {
    every_lie_is_not_shown(
        "turns",
        &[
            ("client_recv", json!("5")),
            ("server_recv", json!("0")),
            ("then_heard", json!("")),
            ("client_taken", json!(4_194_304)),
            ("server_taken", json!(4_194_304)),
            ("client_send", json!("all")),
            ("server_send", json!("EPIPE")),
            ("client_unread", json!(0)),
            ("server_unread", json!(0)),
            ("then_sent", json!(0)),
        ],
    );
}

#[test]
fn telnet_is_not_shown_where_lines_or_commands_differ() {
    every_lie_is_not_shown(
        "telnet",
        &[
            ("line_hex", json!("68 65 6c 6c 6f 0a")),
            ("line_without_lf", json!("hello")),
            ("line_is_text", json!(false)),
            ("answer_is_text", json!(true)),
            ("interrupt_is_text", json!(true)),
            ("doubled_hex", json!("61 ff 7a 0d 0a")),
            ("interrupt_hex", json!("03")),
            ("commands", json!(["ff fd 01"])),
            ("data", json!(r"hello\r\n")),
            ("data_bytes", json!(21)),
        ],
    );
}

#[test]
fn the_likeness_is_not_shown_where_a_socket_has_a_position_or_no_read() {
    every_lie_is_not_shown(
        "like-a-file",
        &[
            ("write", json!("EBADF")),
            ("peer_heard", json!("")),
            ("read", json!("")),
            ("lseek", json!("0")),
            ("pread", json!("0")),
            ("fstat", json!("file")),
            ("peer_end", json!("EAGAIN")),
            ("file_fstat", json!("socket")),
            ("file_lseek", json!("ESPIPE")),
            ("file_pread", json!("ESPIPE")),
            ("file_send", json!("5")),
        ],
    );
}

#[test]
fn commands_are_taken_out_of_any_bytes_and_none_is_lost() {
    let parsed = |data: &[u8], commands: &[&[u8]], rest: &[u8]| Parsed {
        data: data.to_vec(),
        commands: commands.iter().map(|command| command.to_vec()).collect(),
        rest: rest.to_vec(),
    };
    assert_eq!(take_commands(b""), parsed(b"", &[], b""));
    assert_eq!(take_commands(b"a\xff\xffz"), parsed(b"a\xffz", &[], b""));
    assert_eq!(take_commands(b"a\xff\xf4b"), parsed(b"ab", &[b"\xff\xf4"], b""));
    assert_eq!(take_commands(b"\xff\xfd"), parsed(b"", &[], b"\xff\xfd"));
    assert_eq!(take_commands(b"a\xff"), parsed(b"a", &[], b"\xff"));
    let size = b"\xff\xfa\x1f\x00P\x00\x18\xff\xf0";
    assert_eq!(take_commands(&[&size[..], b"x"].concat()), parsed(b"x", &[size], b""));
    assert_eq!(take_commands(&size[..7]), parsed(b"", &[], &size[..7]));
}

#[test]
fn the_customs_are_shown_on_this_machine_twenty_times_in_a_row() {
    proof::laws_are_shown_twenty_times(LAWS);
}

#[test]
fn every_number_of_the_tellings_comes_from_the_evidence() {
    // The telling of telnet speaks of a byte's value and of a standard.
    let names = ["UTF-8", "RFC 854", "byte 255", "字节 255"];
    for id in LAWS {
        let figures = true_figures(id);
        proof::the_run_notes_these_figures(id, &figures);
        proof::every_number_is_a_figure(id, &figures, &names, lengths);
    }
}

/// Lengths of lists.
fn lengths(number: &str, seen: &Evidence) -> bool {
    let lists = seen.figures.values().filter_map(Value::as_array).map(Vec::len);
    lists.into_iter().any(|len| len.to_string() == number)
}
