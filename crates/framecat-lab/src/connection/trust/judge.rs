//! What follows from loss, from delay and from counted segments.

use super::super::wire::{must_count, must_exceed};
use super::super::{all_so, must_be};
use crate::evidence::{Evidence, Verdict};
use crate::lang::say;

/// Whole and in order on TCP though a segment was lost; not so on UDP; and a send that nobody read.
pub(super) fn tcp_reliable(seen: &Evidence) -> Verdict {
    let mut figures = seen.clone();
    figures.set("nothing", 0);
    let sent = seen.word("sent");
    let claims = [
        must_be(seen, "first_recv", "1 one;"),
        must_be(seen, "held_recv", "EAGAIN"),
        must_exceed(&figures, "sent_again", "nothing"),
        must_be(seen, "received", sent),
        must_exceed(seen, "sends", "recvs"),
        must_be(seen, "udp_lost_send", "6"),
        must_count(seen, "udp_dropped", 1),
        must_be(seen, "udp_received", "1 one;3 three;"),
        must_be(seen, "udp_rest", "EAGAIN"),
        must_count(seen, "order_sent", 5),
        must_count(seen, "order_unacked", 0),
        must_be(seen, "order_recv", "ECONNRESET"),
    ];
    let again = seen.count("sent_again");
    let (order, told) = (seen.count("order_sent"), seen.word("order_recv"));
    all_so(
        claims,
        say!(
            "resent {again}: whole; {order} B unread: {told}",
            "重发 {again} 次收全；发 {order} 字节没人读：{told}"
        ),
    )
}

/// TCP had given nothing of what came behind the lost frame, UDP all of it.
pub(super) fn realtime(seen: &Evidence) -> Verdict {
    let frames = seen.count("tcp_frames");
    let mut figures = seen.clone();
    figures.set("frames_before_the_last", frames.saturating_sub(2));
    let claims = [
        must_exceed(&figures, "tcp_came", "frames_before_the_last"),
        must_count(seen, "tcp_given_before_repair", 0),
        must_be(seen, "tcp_last_recv", "EAGAIN"),
        must_be(seen, "tcp_after_repair", "1234"),
        must_count(seen, "udp_dropped", 1),
        must_be(seen, "udp_first_recv", "EAGAIN"),
        must_be(seen, "udp_received", "234"),
    ];
    let given = seen.count("tcp_given_before_repair");
    let udp = seen.word("udp_received").len();
    all_so(
        claims,
        say!(
            "{frames} frames, the first lost: TCP gave {given}, UDP {udp}",
            "{frames} 帧丢了第一帧：TCP 交出 {given} 帧，UDP 交出 {udp} 帧"
        ),
    )
}

/// More segments and more ports for the same exchanges; and the notes' loop closes after one.
pub(super) fn short_long(seen: &Evidence) -> Verdict {
    let exchanges = seen.count("exchanges");
    let claims = [
        must_count(seen, "short_answers", exchanges),
        must_count(seen, "long_answers", exchanges),
        must_count(seen, "long_connections", 1),
        must_exceed(seen, "short_connections", "long_connections"),
        must_exceed(seen, "short_client_ports", "long_client_ports"),
        must_exceed(seen, "short_segments", "long_segments"),
        must_be(seen, "loop_answer", "200"),
        must_be(seen, "loop_recv", "0"),
        must_be(seen, "loop_last_send", "EPIPE"),
    ];
    let (short, long) = (seen.count("short_segments"), seen.count("long_segments"));
    all_so(
        claims,
        say!(
            "{exchanges} exchanges: {short} segments short, {long} long",
            "{exchanges} 次问答：短连接 {short} 个报文段，长连接 {long} 个"
        ),
    )
}
