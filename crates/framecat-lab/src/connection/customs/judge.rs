//! What follows from types, turns, typed lines and files.

use super::super::wire::must_exceed;
use super::super::{all_so, must_be};
use crate::evidence::{Evidence, Verdict};
use crate::lang::say;

/// Like to like connects; TCP to UDP is refused both ways, stream to datagram is EPROTOTYPE.
pub(super) fn same_type(seen: &Evidence) -> Verdict {
    let made = seen.word("unix_made");
    if made != "0" {
        return Verdict::Skipped(say!(
            "no Unix socket could be bound to a path: {made}",
            "无法把 Unix 套接字绑定到路径：{made}"
        ));
    }
    let claims = [
        must_be(seen, "tcp_to_tcp", "0"),
        must_be(seen, "udp_to_udp", "5"),
        must_be(seen, "tcp_to_udp", "ECONNREFUSED"),
        must_be(seen, "udp_to_tcp_send", "5"),
        must_be(seen, "udp_to_tcp_recv", "ECONNREFUSED"),
        must_be(seen, "unix_stream_to_stream", "0"),
        must_be(seen, "unix_datagram_to_datagram", "0"),
        must_be(seen, "unix_stream_to_datagram", "EPROTOTYPE"),
        must_be(seen, "unix_datagram_to_stream", "EPROTOTYPE"),
    ];
    let (tcp, unix) = (seen.word("tcp_to_udp"), seen.word("unix_stream_to_datagram"));
    all_so(claims, say!("TCP to UDP: {tcp}; Unix: {unix}", "TCP 连 UDP：{tcp}；Unix：{unix}"))
}

/// Both in recv: nothing came. Both in send: buffers full at both ends. And each ends once one gives way.
pub(super) fn turns(seen: &Evidence) -> Verdict {
    let mut figures = seen.clone();
    figures.set("nothing", 0);
    let claims = [
        must_be(seen, "client_recv", "EAGAIN"),
        must_be(seen, "server_recv", "EAGAIN"),
        must_be(seen, "then_heard", "hello"),
        must_be(seen, "client_send", "EAGAIN"),
        must_be(seen, "server_send", "EAGAIN"),
        must_exceed(seen, "given_bytes", "client_taken"),
        must_exceed(seen, "given_bytes", "server_taken"),
        must_exceed(&figures, "client_unread", "nothing"),
        must_exceed(&figures, "server_unread", "nothing"),
        must_exceed(&figures, "then_sent", "nothing"),
    ];
    let (client, server) = (seen.count("client_taken"), seen.count("server_taken"));
    let waited = seen.word("client_recv");
    all_so(
        claims,
        say!(
            "recv: {waited}; send: stuck, {client}+{server} B",
            "recv：{waited}；send：{client}+{server} 字节卡住"
        ),
    )
}

/// The line ends in CR LF, the commands are no text, and without them the data is what was typed.
pub(super) fn telnet(seen: &Evidence) -> Verdict {
    let text = |name: &str, wanted: bool| {
        let is = seen.flag(&format!("{name}_is_text"));
        (is == wanted, say!("{name}: text is {is}", "{name}：是不是文本：{is}"))
    };
    let commands = seen.list("commands").join("; ");
    let wanted = "ff fd 01; ff f4; ff fd 06";
    let claims = [
        must_be(seen, "line_hex", "68 65 6c 6c 6f 0d 0a"),
        must_be(seen, "line_without_lf", r"hello\r"),
        text("line", true),
        must_be(seen, "doubled_hex", "61 ff ff 7a 0d 0a"),
        must_be(seen, "interrupt_hex", "ff f4 ff fd 06"),
        text("answer", false),
        text("interrupt", false),
        (commands == wanted, say!("the commands are {commands}", "命令是 {commands}")),
        must_be(seen, "data", r"hello\r\na\xffz\r\n"),
        must_exceed(seen, "received_bytes", "data_bytes"),
    ];
    let (received, data) = (seen.count("received_bytes"), seen.count("data_bytes"));
    let line = seen.word("line_hex");
    all_so(
        claims,
        say!(
            "line {line}; of {received} B {data} are data",
            "{line}；{received} 字节中数据 {data}"
        ),
    )
}

/// read, write and close as on a file; no position, and send only on a socket.
pub(super) fn like_a_file(seen: &Evidence) -> Verdict {
    let claims = [
        must_be(seen, "write", "5"),
        must_be(seen, "peer_heard", "hello"),
        must_be(seen, "read", "world"),
        must_be(seen, "peer_end", "0"),
        must_be(seen, "lseek", "ESPIPE"),
        must_be(seen, "pread", "ESPIPE"),
        must_be(seen, "fstat", "socket"),
        must_be(seen, "file_fstat", "file"),
        must_be(seen, "file_lseek", "0"),
        must_be(seen, "file_pread", "0"),
        must_be(seen, "file_send", "ENOTSOCK"),
    ];
    let (write, read, lseek) = (seen.word("write"), seen.word("read"), seen.word("lseek"));
    all_so(
        claims,
        say!(
            "write {write}, read \"{read}\", lseek {lseek}",
            "write {write}，read \"{read}\"，lseek {lseek}"
        ),
    )
}
