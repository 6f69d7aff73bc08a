//! The judges are given false evidence; the experiments run on this machine's kernel; the tellings
//! hold no number that the evidence does not.

use serde_json::{Value, json};

use crate::evidence::Evidence;
use crate::law::select;
use crate::proof::{self, evidence, law};

/// Evidence as a true run gives it, without the scenes.
fn true_figures(id: &str) -> Value {
    match id {
        "socket-triple" => json!({
            "inet_stream_0": "STREAM TCP", "inet_dgram_0": "DGRAM UDP",
            "inet_stream_tcp": "STREAM TCP", "inet_stream_udp": "EPROTONOSUPPORT",
            "inet_stream_mptcp": "STREAM MPTCP", "inet_dgram_udplite": "DGRAM UDPLITE",
            "inet_dgram_icmp": "EACCES", "inet_raw_0": "EPROTONOSUPPORT", "inet_raw_icmp": "EPERM",
            "inet6_stream_0": "STREAM TCP", "inet6_dgram_0": "EAFNOSUPPORT",
            "unix_stream_0": "STREAM 0", "unix_dgram_0": "DGRAM 0",
            "unix_seqpacket_0": "SEQPACKET 0", "unix_raw_0": "DGRAM 0",
            "opened": 11, "refused": 4,
        }),
        "type-family" => json!({
            "plain": "INET STREAM TCP", "with_flags": "INET STREAM TCP",
            "datagram": "INET DGRAM UDP", "packets": "UNIX SEQPACKET 0",
            "accepted": "INET STREAM TCP", "pipe": "ENOTSOCK",
        }),
        "fileno" => json!({
            "free": 3, "first": 3, "next_free": 4, "second": 4, "again": 3, "copy": 5,
            "copy_is_the_same": true, "attempts": 1, "ours": 4,
            "our_socket": "socket:[77]", "their_socket": "socket:[77]",
        }),
        "sockname" => json!({
            "unbound": "0.0.0.0:0", "bind_asked": "127.0.0.1:0", "listening": "127.0.0.1:4001",
            "client_before": "0.0.0.0:0", "client_after": "127.0.0.1:4002",
            "accepted_from": "127.0.0.1:4002", "conversation": "127.0.0.1:4001",
            "datagrams_bound": "0.0.0.0:4003", "datagrams_connected": "127.0.0.1:4003",
        }),
        "peername" => json!({
            "of_listener": "ENOTCONN", "before": "ENOTCONN",
            "client_name": "127.0.0.1:4002", "client_peer": "127.0.0.1:4001",
            "server_name": "127.0.0.1:4001", "server_peer": "127.0.0.1:4002",
            "recv_after_end": 0, "after_end": "127.0.0.1:4002",
            "recv_after_reset": "ECONNRESET", "after_reset": "ENOTCONN",
            "datagrams_before": "ENOTCONN", "datagrams_target": "127.0.0.1:4003",
            "datagrams_after": "127.0.0.1:4003",
        }),
        "setsockopt" => json!({
            "bind_without": "EADDRINUSE", "bind_with": "done",
            "send_before": "EACCES", "send_on": "done", "send_off": "EACCES",
            "nodelay_on_udp": "ENOPROTOOPT", "v6only_after_bind": "EINVAL",
            "small_bytes": 4096, "window_set_before_listen": 4096,
            "window_set_after_accept": 65536,
            "inherited_nodelay": true, "inherited_keepalive": true,
            "client_nodelay": false, "client_keepalive": false,
        }),
        "getsockopt" => json!({
            "nodelay_at_first": false, "nodelay_set": true, "type_is_stream": true,
            "default_bytes": 131072, "plain_asked": 10000, "plain_got": 20000,
            "tiny_asked": 1, "tiny_got": 2304, "huge_asked": 1_u64 << 30, "huge_got": 425984,
            "rmem_max_known": true, "rmem_max": 212992,
            "error_first": "ECONNREFUSED", "error_again": "none",
        }),
        _ => panic!("no evidence for {id}"),
    }
}

fn every_lie_is_not_shown(id: &str, lies: &[(&str, Value)]) {
    proof::every_lie_is_not_shown(id, &true_figures(id), lies);
}

#[test]
fn the_triple_is_not_shown_where_a_default_or_a_refusal_is_another() {
    every_lie_is_not_shown(
        "socket-triple",
        &[
            ("inet_stream_0", json!("STREAM MPTCP")),
            ("inet_dgram_0", json!("DGRAM 0")),
            ("inet_stream_tcp", json!("EPERM")),
            ("inet_stream_udp", json!("STREAM UDP")),
            ("inet_raw_0", json!("RAW 0")),
            ("inet_stream_mptcp", json!("STREAM TCP")),
            ("inet_dgram_udplite", json!("DGRAM UDP")),
            ("inet6_stream_0", json!("DGRAM UDP")),
            ("unix_raw_0", json!("RAW 0")),
        ],
    );
}

#[test]
fn what_the_machine_has_not_is_told_and_changes_no_verdict() {
    let mut figures = evidence(true_figures("socket-triple"));
    figures.set("inet_stream_mptcp", "ENOPROTOOPT");
    figures.set("inet_dgram_udplite", "EPROTONOSUPPORT");
    figures.set("inet_raw_icmp", "RAW ICMP");
    figures.set("inet6_stream_0", "EAFNOSUPPORT");
    assert!((law("socket-triple").judge)(&figures).is_shown());
    let mut figures = evidence(true_figures("setsockopt"));
    figures.set("v6only_after_bind", "EADDRNOTAVAIL");
    assert!((law("setsockopt").judge)(&figures).is_shown());
    let mut figures = evidence(true_figures("getsockopt"));
    figures.set("rmem_max_known", false);
    figures.set("rmem_max", 0);
    assert!((law("getsockopt").judge)(&figures).is_shown());
    let mut figures = evidence(true_figures("fileno"));
    figures.set("their_socket", "ENOENT");
    assert!((law("fileno").judge)(&figures).is_shown());
}

#[test]
fn the_kind_is_not_shown_where_it_is_read_back_otherwise() {
    every_lie_is_not_shown(
        "type-family",
        &[
            ("plain", json!("INET DGRAM UDP")),
            ("with_flags", json!("INET 526337 TCP")),
            ("datagram", json!("INET6 DGRAM UDP")),
            ("packets", json!("UNIX STREAM 0")),
            ("accepted", json!("ENOTSOCK")),
            ("pipe", json!("STREAM")),
        ],
    );
}

#[test]
fn a_number_is_not_shown_where_it_is_not_the_lowest_or_not_given_again() {
    every_lie_is_not_shown(
        "fileno",
        &[
            ("first", json!(1404)),
            ("second", json!(9)),
            ("again", json!(5)),
            ("copy", json!(4)),
            ("copy_is_the_same", json!(false)),
            ("their_socket", json!("socket:[78]")),
        ],
    );
}

#[test]
fn the_own_name_is_not_shown_where_the_ends_disagree() {
    every_lie_is_not_shown(
        "sockname",
        &[
            ("unbound", json!("127.0.0.1:1")),
            ("client_before", json!("0.0.0.0:9")),
            ("listening", json!("127.0.0.1:0")),
            ("listening", json!("127.0.0.2:4001")),
            ("client_after", json!("127.0.0.1:4009")),
            ("accepted_from", json!("127.0.0.1:4009")),
            ("conversation", json!("127.0.0.1:4009")),
            ("datagrams_bound", json!("127.0.0.1:4003")),
            ("datagrams_connected", json!("0.0.0.0:4003")),
            ("datagrams_connected", json!("127.0.0.1:4009")),
        ],
    );
}

#[test]
fn the_peers_name_is_not_shown_where_it_is_another_or_told_without_a_connection() {
    every_lie_is_not_shown(
        "peername",
        &[
            ("of_listener", json!("done")),
            ("before", json!("done")),
            ("client_peer", json!("127.0.0.1:4002")),
            ("server_peer", json!("127.0.0.1:4001")),
            ("recv_after_end", json!(3)),
            ("after_end", json!("ENOTCONN")),
            ("recv_after_reset", json!("done")),
            ("after_reset", json!("done")),
            ("datagrams_before", json!("done")),
            ("datagrams_after", json!("127.0.0.1:4001")),
        ],
    );
}

#[test]
fn setting_is_not_shown_where_the_option_or_its_moment_makes_no_difference() {
    every_lie_is_not_shown(
        "setsockopt",
        &[
            ("bind_without", json!("done")),
            ("bind_with", json!("EADDRINUSE")),
            ("send_before", json!("done")),
            ("send_on", json!("EACCES")),
            ("send_off", json!("done")),
            ("nodelay_on_udp", json!("done")),
            ("v6only_after_bind", json!("done")),
            ("window_set_after_accept", json!(4096)),
            ("inherited_nodelay", json!(false)),
            ("inherited_keepalive", json!(false)),
            ("client_nodelay", json!(true)),
            ("client_keepalive", json!(true)),
        ],
    );
}

#[test]
fn reading_back_is_not_shown_where_the_answer_is_an_echo() {
    every_lie_is_not_shown(
        "getsockopt",
        &[
            ("nodelay_at_first", json!(true)),
            ("nodelay_set", json!(false)),
            ("type_is_stream", json!(false)),
            ("plain_got", json!(10000)),
            ("tiny_got", json!(2)),
            ("huge_got", json!(1_u64 << 31)),
            ("rmem_max", json!(1)),
            ("error_first", json!("none")),
            ("error_again", json!("ECONNREFUSED")),
        ],
    );
}

#[test]
fn every_law_is_shown_on_this_machine_twenty_times_in_a_row() {
    proof::shown_twenty_times("object");
}

#[test]
fn every_number_of_a_telling_comes_from_the_evidence() {
    // Names with digits in them, the protocol that asks for the default, and where stdin is.
    let names = ["INET6", "IPV6", "V6ONLY", "DGRAM 0", "STREAM 0", "RAW 0", "SEQPACKET 0"];
    let names = [&names[..], &["protocol 0", "协议写 0", "there it is 0", "在那里它是 0"]].concat();
    for law in select(&["object".into()]).unwrap() {
        let figures = true_figures(law.id);
        proof::the_run_notes_these_figures(law.id, &figures);
        proof::every_number_is_a_figure(law.id, &figures, &names, |_, _: &Evidence| false);
    }
}
