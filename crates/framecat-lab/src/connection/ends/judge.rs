//! What follows from how connections ended.

use super::super::wire::{must_count, must_exceed};
use super::super::{all_so, must_be};
use crate::evidence::{Evidence, Verdict};
use crate::lang::say;

/// Four segments with a pause between, three without, and the states on the way.
pub(super) fn close_four_way(seen: &Evidence) -> Verdict {
    let row = seen.word("table_client");
    if row.starts_with('E') && row != "ESTABLISHED" {
        return Verdict::Skipped(say!(
            "the kernel's table of TCP sockets cannot be read: {row}",
            "读不到内核的 TCP 表：{row}"
        ));
    }
    let claims = [
        must_be(seen, "half_client", "FIN-WAIT-2"),
        must_be(seen, "half_server", "CLOSE-WAIT"),
        must_count(seen, "half_segments", 2),
        must_be(seen, "server_recv", "0"),
        must_count(seen, "lingering_segments", 4),
        must_be(seen, "end_client", "CLOSED"),
        must_be(seen, "end_server", "CLOSED"),
        must_be(seen, "table_client", "TIME-WAIT"),
        must_be(seen, "table_server", "none"),
        must_count(seen, "at_once_segments", 3),
    ];
    let (four, three) = (seen.count("lingering_segments"), seen.count("at_once_segments"));
    all_so(
        claims,
        say!(
            "{four} segments, both at once {three}; then {row}",
            "{four} 个报文段，同时关 {three} 个；之后 {row}"
        ),
    )
}

/// FIN for the killed, RST where bytes were left, silence for the vanished.
pub(super) fn peer_killed(seen: &Evidence) -> Verdict {
    let child = seen.word("child");
    if child != "0" {
        return Verdict::Skipped(say!(
            "no process could be started to be killed: {child}",
            "没有可以用来杀掉的进程：{child}"
        ));
    }
    let mut figures = seen.clone();
    figures.set("nothing", 0);
    let claims = [
        must_be(seen, "echo", "hello"),
        must_count(seen, "signal", 9),
        must_be(seen, "killed_recv", "0"),
        must_be(seen, "killed_first_send", "5"),
        must_be(seen, "killed_second_send", "EPIPE"),
        must_be(seen, "unread_recv", "ECONNRESET"),
        must_be(seen, "unread_later_recv", "0"),
        must_be(seen, "unread_send", "EPIPE"),
        must_be(seen, "silent_recv", "EAGAIN"),
        must_be(seen, "silent_state", "ESTABLISHED"),
        must_be(seen, "vanished_send", "5"),
        must_count(seen, "vanished_unacked", 5),
        must_exceed(&figures, "vanished_sent_again", "nothing"),
        must_be(seen, "vanished_recv", "ETIMEDOUT"),
        must_be(seen, "vanished_state", "CLOSED"),
    ];
    let (end, reset) = (seen.word("killed_recv"), seen.word("unread_recv"));
    let gone = seen.word("vanished_recv");
    all_so(
        claims,
        say!("killed: {end} or {reset}; vanished: {gone}", "被杀：{end} 或 {reset}；失联：{gone}"),
    )
}
