//! What follows from the evidence of the group object: names, numbers and errno.

use std::net::SocketAddr;

use crate::evidence::{Evidence, Verdict};
use crate::lang::say;

/// The first figure that is not the word it should be.
fn first_other(seen: &Evidence, wanted: &[(&str, &str)]) -> Option<Verdict> {
    let (name, want) = wanted.iter().find(|(name, want)| seen.word(name) != *want)?;
    let got = seen.word(name);
    Some(Verdict::NotShown(say!("{name}: {got}, not {want}", "{name}：得到 {got}，不是 {want}")))
}

/// Whether a figure holds what was wanted, or an errno because the machine or the user has it not.
fn is_or_is_refused(seen: &Evidence, name: &str, want: &str) -> bool {
    seen.word(name) == want || is_errno(seen.word(name))
}

fn is_errno(word: &str) -> bool {
    word.starts_with('E') && !word.contains(' ')
}

/// The default protocols and the two refusals decide. What needs privilege, IPv6 or a protocol that
/// this kernel may lack is told; where it opened, it must have become what was asked for.
pub(super) fn socket_triple(seen: &Evidence) -> Verdict {
    let wanted = [
        ("inet_stream_0", "STREAM TCP"),
        ("inet_dgram_0", "DGRAM UDP"),
        ("inet_stream_tcp", "STREAM TCP"),
        ("inet_stream_udp", "EPROTONOSUPPORT"),
        ("inet_raw_0", "EPROTONOSUPPORT"),
        ("unix_stream_0", "STREAM 0"),
        ("unix_dgram_0", "DGRAM 0"),
        ("unix_raw_0", "DGRAM 0"),
    ];
    if let Some(other) = first_other(seen, &wanted) {
        return other;
    }
    for (name, want) in [
        ("inet_stream_mptcp", "STREAM MPTCP"),
        ("inet_dgram_udplite", "DGRAM UDPLITE"),
        ("inet_dgram_icmp", "DGRAM ICMP"),
        ("inet_raw_icmp", "RAW ICMP"),
        ("inet6_stream_0", "STREAM TCP"),
        ("inet6_dgram_0", "DGRAM UDP"),
        ("unix_seqpacket_0", "SEQPACKET 0"),
    ] {
        if !is_or_is_refused(seen, name, want) {
            let got = seen.word(name);
            return Verdict::NotShown(say!(
                "{name}: opened as {got}, not {want}",
                "{name}：打开后是 {got}，不是 {want}"
            ));
        }
    }
    let (opened, refused) = (seen.count("opened"), seen.count("refused"));
    let raw = seen.word("inet_raw_0");
    Verdict::Shown(say!(
        "{opened} open, {refused} not; RAW 0: {raw}",
        "打开 {opened}，拒绝 {refused}；RAW 0：{raw}"
    ))
}

/// Every kind read back as it was asked for, and a pipe is no socket.
pub(super) fn type_family(seen: &Evidence) -> Verdict {
    let wanted = [
        ("plain", "INET STREAM TCP"),
        ("with_flags", "INET STREAM TCP"),
        ("datagram", "INET DGRAM UDP"),
        ("packets", "UNIX SEQPACKET 0"),
        ("accepted", "INET STREAM TCP"),
        ("pipe", "ENOTSOCK"),
    ];
    if let Some(other) = first_other(seen, &wanted) {
        return other;
    }
    let (accepted, pipe) = (seen.word("accepted"), seen.word("pipe"));
    Verdict::Shown(say!(
        "from accept: {accepted}; a pipe: {pipe}",
        "accept 得到 {accepted}；管道 {pipe}"
    ))
}

/// Each number the lowest free one, a closed one given again, two numbers for one socket. Another
/// process is told where it could be started, and then it has the same socket.
pub(super) fn fileno(seen: &Evidence) -> Verdict {
    let (free, first, again) = (seen.count("free"), seen.count("first"), seen.count("again"));
    for (free, got) in
        [(free, first), (seen.count("next_free"), seen.count("second")), (first, again)]
    {
        if free != got {
            return Verdict::NotShown(say!(
                "{free} was the lowest free number, and {got} was given",
                "空着的最小编号是 {free}，得到的却是 {got}"
            ));
        }
    }
    if first >= seen.count("second") || seen.count("copy") == seen.count("second") {
        return Verdict::NotShown(say!(
            "two open descriptors have one number",
            "两个打开的描述符编号相同"
        ));
    }
    if !seen.flag("copy_is_the_same") {
        return Verdict::NotShown(say!("dup gave another socket", "dup 得到的是另一个套接字"));
    }
    let (ours, theirs) = (seen.word("our_socket"), seen.word("their_socket"));
    if theirs.contains(':') && ours != theirs {
        return Verdict::NotShown(say!(
            "the other process has {theirs}, not {ours}",
            "另一个进程里是 {theirs}，不是 {ours}"
        ));
    }
    Verdict::Shown(say!(
        "{first} was free and given, closed, given again",
        "空着的 {first} 被分到，关闭，又被分到"
    ))
}

/// The address in a figure.
fn address(seen: &Evidence, name: &str) -> SocketAddr {
    seen.word(name).parse().unwrap_or_else(|_| panic!("`{name}` is no address"))
}

/// Nothing before, what was bound or chosen after; the same name from both ends.
pub(super) fn sockname(seen: &Evidence) -> Verdict {
    for name in ["unbound", "client_before"] {
        let name = address(seen, name);
        if !name.ip().is_unspecified() || name.port() != 0 {
            return Verdict::NotShown(say!(
                "a new socket already has the address {name}",
                "新建的套接字已经有地址 {name}"
            ));
        }
    }
    let (asked, listening) = (address(seen, "bind_asked"), address(seen, "listening"));
    if listening.ip() != asked.ip() || listening.port() == 0 {
        return Verdict::NotShown(say!(
            "bound to {asked}, getsockname says {listening}",
            "绑定 {asked}，getsockname 却是 {listening}"
        ));
    }
    let (client, from) = (address(seen, "client_after"), address(seen, "accepted_from"));
    if client != from || client.port() == 0 || client.ip().is_unspecified() {
        return Verdict::NotShown(say!(
            "the client's own name is {client}, and accept says {from}",
            "客户端自己的地址是 {client}，accept 得到的却是 {from}"
        ));
    }
    let conversation = address(seen, "conversation");
    if conversation != listening {
        return Verdict::NotShown(say!(
            "the conversation's own name is {conversation}, the listener's {listening}",
            "通信套接字的地址是 {conversation}，监听套接字的是 {listening}"
        ));
    }
    let (wide, narrow) = (address(seen, "datagrams_bound"), address(seen, "datagrams_connected"));
    if !wide.ip().is_unspecified() || narrow.ip() != listening.ip() || narrow.port() != wide.port()
    {
        return Verdict::NotShown(say!(
            "a UDP socket had the name {wide}, after connect {narrow}",
            "UDP 套接字的地址原是 {wide}，connect 之后是 {narrow}"
        ));
    }
    let (asked, port) = (asked.port(), listening.port());
    let client = client.port();
    Verdict::Shown(say!(
        "port {asked} became {port}; unbound client: {client}",
        "端口 {asked} 变成 {port}；没有 bind 的：{client}"
    ))
}

/// Each end names the other; ENOTCONN before, and after a reset.
pub(super) fn peername(seen: &Evidence) -> Verdict {
    let wanted = [
        ("of_listener", "ENOTCONN"),
        ("before", "ENOTCONN"),
        ("client_peer", seen.word("server_name")),
        ("server_peer", seen.word("client_name")),
        ("after_end", seen.word("client_name")),
        ("recv_after_reset", "ECONNRESET"),
        ("after_reset", "ENOTCONN"),
        ("datagrams_before", "ENOTCONN"),
        ("datagrams_after", seen.word("datagrams_target")),
    ];
    if let Some(other) = first_other(seen, &wanted) {
        return other;
    }
    let end = seen.count("recv_after_end");
    if end != 0 {
        return Verdict::NotShown(say!(
            "recv gave {end} bytes after the peer closed",
            "对端关闭后 recv 还得到 {end} 字节"
        ));
    }
    let (before, after) = (seen.word("before"), seen.word("after_reset"));
    Verdict::Shown(say!(
        "{before}, then a name, after a reset {after}",
        "{before}，然后有地址，重置后 {after}"
    ))
}

/// Refused and permitted by the same option, in both orders; a window that did not shrink.
pub(super) fn setsockopt(seen: &Evidence) -> Verdict {
    let wanted = [
        ("bind_without", "EADDRINUSE"),
        ("bind_with", "done"),
        ("send_before", "EACCES"),
        ("send_on", "done"),
        ("send_off", "EACCES"),
        ("nodelay_on_udp", "ENOPROTOOPT"),
    ];
    if let Some(other) = first_other(seen, &wanted) {
        return other;
    }
    // Where there is no IPv6 the refusal says that, and is only told.
    if seen.word("v6only_after_bind") == "done" {
        return Verdict::NotShown(say!(
            "IPV6_V6ONLY was accepted after bind",
            "bind 之后仍可设置 IPV6_V6ONLY"
        ));
    }
    let (early, late) =
        (seen.count("window_set_before_listen"), seen.count("window_set_after_accept"));
    if early >= late {
        return Verdict::NotShown(say!(
            "the window is {early} with an early SO_RCVBUF, {late} with a late one",
            "提前设 SO_RCVBUF 时窗口 {early}，晚设时 {late}"
        ));
    }
    if !seen.flag("inherited_nodelay") || !seen.flag("inherited_keepalive") {
        return Verdict::NotShown(say!(
            "what accept gave has not the listener's options",
            "accept 得到的套接字没有监听套接字的选项"
        ));
    }
    if seen.flag("client_nodelay") || seen.flag("client_keepalive") {
        return Verdict::NotShown(say!(
            "the client has options that only the server set",
            "只有服务端设了选项，客户端却也有"
        ));
    }
    let without = seen.word("bind_without");
    Verdict::Shown(say!(
        "{without} till set; window {early}, late {late}",
        "没设 {without}；窗口 {early}，晚设 {late}"
    ))
}

/// Set and read back; doubled, raised to a least, cut to twice the most; an error told once.
pub(super) fn getsockopt(seen: &Evidence) -> Verdict {
    if seen.flag("nodelay_at_first") || !seen.flag("nodelay_set") || !seen.flag("type_is_stream") {
        return Verdict::NotShown(say!(
            "an option that was set was not read back",
            "设置的选项没有读回来"
        ));
    }
    let (asked, got) = (seen.count("plain_asked"), seen.count("plain_got"));
    if got != asked * 2 {
        return Verdict::NotShown(say!(
            "SO_RCVBUF {asked} is read back as {got}, not as its double",
            "SO_RCVBUF 设 {asked}，读回 {got}，不是两倍"
        ));
    }
    let (tiny_asked, tiny) = (seen.count("tiny_asked"), seen.count("tiny_got"));
    if tiny <= tiny_asked * 2 {
        return Verdict::NotShown(say!(
            "SO_RCVBUF {tiny_asked} was not raised: {tiny}",
            "SO_RCVBUF 设 {tiny_asked}，没有被抬高：{tiny}"
        ));
    }
    let (huge_asked, huge) = (seen.count("huge_asked"), seen.count("huge_got"));
    let most = seen.count("rmem_max");
    let cut = if seen.flag("rmem_max_known") { huge == most * 2 } else { huge < huge_asked * 2 };
    if !cut {
        return Verdict::NotShown(say!(
            "SO_RCVBUF {huge_asked} gave {huge}, and net.core.rmem_max is {most}",
            "SO_RCVBUF 设 {huge_asked}，得到 {huge}，而 net.core.rmem_max 是 {most}"
        ));
    }
    let wanted = [("error_first", "ECONNREFUSED"), ("error_again", "none")];
    if let Some(other) = first_other(seen, &wanted) {
        return other;
    }
    Verdict::Shown(say!(
        "{asked} -> {got}, {tiny_asked} -> {tiny}, most {huge}",
        "{asked} → {got}，{tiny_asked} → {tiny}，最多 {huge}"
    ))
}
