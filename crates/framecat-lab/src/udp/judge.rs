//! What follows from the evidence of the group udp: counts, content, addresses and errors, no times.

use crate::evidence::{Evidence, Verdict};
use crate::lang::{Say, say};

fn not(why: Say) -> Verdict {
    Verdict::NotShown(why)
}

/// A list without its order: UDP promises none.
fn sorted<'a>(seen: &'a Evidence, name: &str) -> Vec<&'a str> {
    let mut list = seen.list(name);
    list.sort_unstable();
    list
}

/// As many recvs as sends, each with its own message, where a stream gave fewer.
pub(super) fn udp_boundaries(seen: &Evidence) -> Verdict {
    let (sends, recvs) = (seen.count("udp_sends"), seen.count("udp_recvs"));
    if seen.list("udp_found") != seen.list("udp_given") || sends != recvs {
        return not(say!(
            "{sends} datagrams did not come back one for one from {recvs} recvfroms",
            "{sends} 个数据报没有由 {recvs} 次 recvfrom 一一收到"
        ));
    }
    let left = seen.word("udp_left");
    if !left.is_empty() {
        return not(say!("{left} was left behind", "还剩下 {left}"));
    }
    let (tcp_sends, tcp_recvs) = (seen.count("tcp_sends"), seen.count("tcp_recvs"));
    if tcp_recvs >= tcp_sends {
        return not(say!(
            "TCP kept {tcp_sends} sends apart too, in {tcp_recvs} recvs",
            "TCP 的 {tcp_sends} 次 send 也用了 {tcp_recvs} 次 recv"
        ));
    }
    let (many, whole) = (seen.count("many_sends"), seen.count("many_whole"));
    if whole != many {
        return not(say!(
            "{whole} of {many} datagrams came whole",
            "{many} 个数据报里只有 {whole} 个完整"
        ));
    }
    let (sent, received) = (seen.count("largest_sent_bytes"), seen.count("largest_received_bytes"));
    let (over_bytes, over) = (seen.count("over_bytes"), seen.word("over"));
    if sent != received || sent >= over_bytes || over != "EMSGSIZE" {
        return not(say!(
            "of {sent} bytes {received} came in one recvfrom; {over_bytes} gave {over}",
            "{sent} 字节一次 recvfrom 得到 {received}；{over_bytes} 字节得到 {over}"
        ));
    }
    Verdict::Shown(say!(
        "{sends} sendtos, {recvs} recvfroms; TCP: {tcp_sends}, {tcp_recvs}",
        "sendto {sends} 次，recvfrom {recvs} 次；TCP {tcp_sends} 次，{tcp_recvs} 次"
    ))
}

/// The beginning, then the next datagram; the rest nowhere; MSG_TRUNC told, and TCP lost nothing.
pub(super) fn udp_truncation(seen: &Evidence) -> Verdict {
    let found = seen.list("found");
    if found != [seen.word("begins"), seen.word("second")] || seen.word("after") != "EAGAIN" {
        let found = found.join(" ");
        return not(say!(
            "recvfrom gave {found}: the rest was not lost",
            "recvfrom 得到 {found}：剩下的没有丢"
        ));
    }
    let (sent, room) = (seen.count("sent_bytes"), seen.count("room_bytes"));
    let lost = seen.count("lost_bytes");
    let peeked = seen.count("peeked_bytes");
    let (long, fitting) = (seen.word("long_flag"), seen.word("fitting_flag"));
    if long != "MSG_TRUNC" || fitting == "MSG_TRUNC" || peeked != sent {
        return not(say!(
            "MSG_TRUNC did not tell the cut from the whole: {long}, {fitting}; {peeked} of {sent}",
            "MSG_TRUNC 没能区分截断与完整：{long}、{fitting}；{sent} 字节得到 {peeked}"
        ));
    }
    let (tcp_lost, recvs) = (seen.count("tcp_lost_bytes"), seen.count("tcp_recvs"));
    if tcp_lost != 0 || recvs < 2 {
        return not(say!(
            "TCP lost {tcp_lost} bytes in {recvs} recvs",
            "TCP 在 {recvs} 次 recv 里丢了 {tcp_lost} 字节"
        ));
    }
    Verdict::Shown(say!(
        "{sent} bytes, room for {room}: {lost} gone, MSG_TRUNC tells",
        "{sent} 字节只取 {room}：丢 {lost}，只有 MSG_TRUNC 会说"
    ))
}

/// Neither call is taken; each sender was named and answered; connect told refusals and kept others out.
pub(super) fn udp_connectionless(seen: &Evidence) -> Verdict {
    let (listen, accept) = (seen.word("listen"), seen.word("accept"));
    if listen != "EOPNOTSUPP" || accept != "EOPNOTSUPP" {
        return not(say!(
            "UDP took listen ({listen}) or accept ({accept})",
            "UDP 竟接受 listen（{listen}）或 accept（{accept}）"
        ));
    }
    let (clients, answered) = (seen.count("clients"), seen.count("answered"));
    if seen.list("named") != seen.list("senders") || answered != clients || clients < 2 {
        return not(say!(
            "recvfrom did not name every sender, {answered} of {clients} had their answer",
            "recvfrom 没有认出每个发送方，{clients} 个里 {answered} 个得到回答"
        ));
    }
    let error = seen.word("unconnected_error");
    let got = seen.word("unconnected_recv");
    if got != "\"to myself\"" || error != "0" || seen.count("unconnected_send") == 0 {
        return not(say!(
            "an unconnected socket was told of the refusal: {got}, SO_ERROR {error}",
            "没有 connect 的套接字也得知了拒绝：{got}，SO_ERROR {error}"
        ));
    }
    let refusal = seen.word("connected_recv");
    if refusal != "ECONNREFUSED" || !seen.flag("has_peer") || seen.count("connected_send") == 0 {
        return not(say!(
            "a connected socket was not told of the refusal: {refusal}",
            "connect 过的套接字没有得知拒绝：{refusal}"
        ));
    }
    let (first, next) = (seen.word("filtered_first"), seen.word("filtered_next"));
    if first != seen.word("from_peer") || next != "EAGAIN" {
        return not(say!(
            "a connected socket heard others: {first}, then {next}",
            "connect 过的套接字收到了别人的：{first}，然后 {next}"
        ));
    }
    Verdict::Shown(say!(
        "{clients} clients, no accept; connected: {refusal}",
        "答 {clients} 个客户端；connect 后得 {refusal}"
    ))
}

/// Every sendto was told that all was taken, and the kernel counted as many dropped as are missing.
pub(super) fn udp_unreliable(seen: &Evidence) -> Verdict {
    let (sends, taken) = (seen.count("late_sends"), seen.count("late_taken_whole"));
    if taken != sends {
        return not(say!(
            "only {taken} of {sends} sendtos succeeded: the sender was told",
            "{sends} 次 sendto 只成功 {taken} 次：发送方是知道的"
        ));
    }
    let (arrived, lost) = (seen.count("late_arrived"), seen.count("late_lost"));
    if lost == 0 {
        return not(say!("all {arrived} of {sends} arrived", "{sends} 个全部到达（{arrived}）"));
    }
    let dropped = seen.count("late_dropped");
    if dropped != lost || arrived + lost != sends {
        return not(say!(
            "{lost} are missing and the kernel dropped {dropped}",
            "少了 {lost} 个，而内核丢弃了 {dropped} 个"
        ));
    }
    let (prompt, all) = (seen.count("prompt_arrived"), seen.count("prompt_sends"));
    if prompt != all || seen.count("prompt_dropped") != 0 {
        return not(say!(
            "a receiver that read at once had {prompt} of {all} too",
            "马上就读的接收端也只收到 {all} 个里的 {prompt} 个"
        ));
    }
    if seen.word("late_later") <= seen.word("late_last") {
        return not(say!("nothing arrived after the loss", "丢失之后再发的也没有到"));
    }
    Verdict::Shown(say!(
        "{taken} sendtos succeeded, {arrived} arrived, {lost} gone",
        "sendto 成功 {taken} 次，到 {arrived} 个，丢 {lost} 个"
    ))
}

/// The same count for one that arrived and two that did not; and never a part.
pub(super) fn udp_count(seen: &Evidence) -> Verdict {
    let given = seen.count("given_bytes");
    for (run, zh) in [("reads", "会读"), ("closed", "没人监听"), ("full", "缓冲区满")] {
        let returned = seen.count(&format!("{run}_returned"));
        if returned != given {
            return not(say!(
                "{run}: sendto of {given} bytes gave {returned}",
                "{zh}：{given} 字节的 sendto 得到 {returned}"
            ));
        }
    }
    let characters = seen.count("characters");
    if characters >= given {
        return not(say!(
            "{characters} characters are {given} bytes: the count could be either",
            "{characters} 个字符就是 {given} 字节，看不出数的是什么"
        ));
    }
    let arrived = seen.count("reads_arrived_bytes");
    if arrived != given {
        return not(say!("{arrived} of {given} arrived", "{given} 字节只到了 {arrived}"));
    }
    let (answer, dropped) = (seen.word("closed_answer"), seen.count("full_dropped"));
    let lost = seen.count("closed_arrived_bytes") + seen.count("full_arrived_bytes") == 0;
    if answer != "ECONNREFUSED" || dropped != 1 || !lost {
        return not(say!(
            "the datagrams that should be lost were not: {answer}, {dropped} dropped",
            "应当丢失的没有丢：{answer}，丢弃 {dropped} 个"
        ));
    }
    let (bytes, over) = (seen.count("over_bytes"), seen.word("over"));
    if over != "EMSGSIZE" {
        return not(say!("sendto of {bytes} bytes: {over}", "{bytes} 字节的 sendto：{over}"));
    }
    Verdict::Shown(say!(
        "{given} if it arrived, {given} if refused or dropped",
        "到达返回 {given}，被拒绝、被丢弃也返回 {given}"
    ))
}

/// Zero bytes with a sender, between messages, and nothing at all where TCP was given as much.
pub(super) fn udp_empty(seen: &Evidence) -> Verdict {
    let (sends, recvs) = (seen.count("sends"), seen.count("recvs"));
    if sorted(seen, "found") != sorted(seen, "given") || seen.count("from_sender") != sends {
        return not(say!(
            "{sends} datagrams did not come back as they were sent in {recvs} recvfroms",
            "{sends} 个数据报没有原样由 {recvs} 次 recvfrom 收到"
        ));
    }
    let sent = seen.count("empty_send");
    let empties = seen.list("found").iter().filter(|found| **found == "\"\"").count();
    if sent != 0 || empties == 0 || empties as u64 == recvs {
        return not(say!(
            "no empty datagram stood between others: {sent} bytes, {empties} empty",
            "没有夹在中间的空数据报：{sent} 字节，{empties} 个空的"
        ));
    }
    let (before, after) = (seen.word("before"), seen.word("after"));
    if before != "EAGAIN" || after != "EAGAIN" {
        return not(say!(
            "where nothing waited recvfrom gave {before} and {after}",
            "没有数据报时 recvfrom 得到 {before} 和 {after}"
        ));
    }
    if seen.flag("readable_before") || !seen.flag("readable_after") {
        return not(say!(
            "poll does not tell an empty datagram from none",
            "poll 分不清空数据报和没有数据报"
        ));
    }
    let (tcp, first) = (seen.count("tcp_empty_send"), seen.count("tcp_first"));
    let (end, again) = (seen.count("tcp_end"), seen.count("tcp_end_again"));
    if tcp != 0 || first == 0 || end != 0 || again != 0 {
        return not(say!(
            "on TCP the empty send was seen: recv {first}, then {end}, {again}",
            "TCP 上能看到空的 send：recv {first}，然后 {end}、{again}"
        ));
    }
    Verdict::Shown(say!(
        "{recvs} recvfroms, {empties} empty, then {after}: no end",
        "recvfrom {recvs} 次，{empties} 次为空，之后 {after}：不是结束"
    ))
}

/// Each call gave, on the other kind of socket, what was sent.
pub(super) fn calls(seen: &Evidence) -> Verdict {
    for (call, sent) in [
        ("tcp_recvfrom", "sendto"),
        ("tcp_read", "write"),
        ("udp_recv", "send"),
        ("udp_read", "write"),
    ] {
        let got = seen.word(call);
        if got != format!("\"{sent}\"") {
            return not(say!("{call} gave {got}, not {sent}", "{call} 得到 {got}，不是 {sent}"));
        }
    }
    let from = seen.word("tcp_address");
    if from != "none" {
        return not(say!("recvfrom on TCP named {from}", "TCP 上 recvfrom 给出地址 {from}"));
    }
    let (udp, tcp) = (seen.word("udp_send_unconnected"), seen.word("tcp_send_unconnected"));
    if udp != "EDESTADDRREQ" || !["EPIPE", "ENOTCONN"].contains(&tcp) {
        return not(say!(
            "send without a peer gave {udp} on UDP, {tcp} on TCP",
            "没有对端时 send 在 UDP 上得到 {udp}，在 TCP 上得到 {tcp}"
        ));
    }
    Verdict::Shown(say!(
        "sendto, recvfrom on TCP; send, recv on UDP",
        "TCP 用 sendto、recvfrom，UDP 用 send、recv"
    ))
}
