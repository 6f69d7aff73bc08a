//! How the laws about types, turns, telnet and files are told.

use super::super::wire::calls;
use crate::evidence::Evidence;
use crate::lang::{Say, Text, say};
use crate::law::Law;
use crate::page::Part;

/// See `customs.rs`, `fn same_type`.
pub(crate) const SAME_TYPE: Law = Law {
    id: "same-type",
    group: "connection",
    title: Text::new("only like talks to like", "相同类型的套接字才能通信"),
    from: "S2:5",
    law: Text::new(
        "Only sockets of the same type can talk: a TCP connect to a UDP port is refused, and a Unix \
         stream socket finds that a datagram one is of the wrong type.",
        "只有相同类型的套接字才能通信：用 TCP 连 UDP 的端口会被拒绝；Unix 流式套接字去连数据报\
         套接字，得到的是类型不对。",
    ),
    notes: Text::new(
        "Only sockets of the same type can talk to each other. True.",
        "「只有相同类型的套接字才能进行通信」。对。",
    ),
    means: Text::new(
        "ECONNREFUSED can mean that the server runs, but with the other of TCP and UDP. A UDP send to \
         such a port even succeeds; the refusal comes to the next call on a connected socket, and to \
         none at all on one that is not connected.",
        "得到 ECONNREFUSED 时，服务器也可能在运行，只是一个用 TCP、一个用 UDP。向这样的端口发 \
         UDP，send 甚至会成功；connect 过的 UDP 套接字在下一次调用时才得知被拒绝，\
         没有 connect 过的则始终不知道。",
    ),
    framecat: Text::new(
        "The scheme says the type: tcp (or none), udp, unix, unixgram, unixseq. A refusal says what \
         was tried, and what to look for.",
        "类型由协议名说明：tcp（可省略）、udp、unix、unixgram、unixseq。被拒绝时会说出试了什么，\
         该检查什么。",
    ),
    commands: &["framecat listen udp://:9000", "framecat connect udp://:9000"],
    observe: super::same_type,
    judge: super::judge::same_type,
    done: done_same_type,
};

fn done_same_type(seen: &Evidence) -> Vec<Part> {
    let row = |label: Text, same: &str, other: &str| {
        let cells = vec![seen.word(same).to_string(), seen.word(other).to_string()];
        (Say::from(label), cells)
    };
    let heads =
        vec![Text::new("to its own kind", "同类"), Text::new("to the other kind", "另一类")];
    let taken = seen.word("udp_to_tcp_send");
    vec![
        Part::Say(say!(
            "A UDP socket, a TCP listener, a Unix stream listener and a Unix datagram socket were \
             bound; each kind of client tried both. Nobody listened with TCP on the UDP socket's port.",
            "绑定了一个 UDP 套接字、一个 TCP 监听套接字、一个 Unix 流式监听套接字、一个 Unix 数据报\
             套接字；每类客户端两种都试一遍。UDP 那个端口上没有 TCP 在监听。",
        )),
        Part::Counts(
            heads,
            vec![
                row(Text::new("TCP: connect", "TCP：connect"), "tcp_to_tcp", "tcp_to_udp"),
                row(
                    Text::new("UDP: send, or the recv after it", "UDP：send，或之后的 recv"),
                    "udp_to_udp",
                    "udp_to_tcp_recv",
                ),
                row(
                    Text::new("Unix stream: connect", "Unix 流式：connect"),
                    "unix_stream_to_stream",
                    "unix_stream_to_datagram",
                ),
                row(
                    Text::new("Unix datagram: connect", "Unix 数据报：connect"),
                    "unix_datagram_to_datagram",
                    "unix_datagram_to_stream",
                ),
            ],
        ),
        Part::Say(say!(
            "The UDP send to TCP's port had returned {taken}, as if all were well: the refusal, an \
             ICMP message, came after it.",
            "向 TCP 端口发 UDP 时，send 返回的是 {taken}，好像一切正常：拒绝是随后由 ICMP 带回来的。",
        )),
    ]
}

/// See `customs.rs`, `fn turns`.
pub(crate) const TURNS: Law = Law {
    id: "turns",
    group: "connection",
    title: Text::new("one speaks while the other listens", "收发要配合，不能两端都阻塞"),
    from: "S2:17 S3:108",
    law: Text::new(
        "Two ends that both wait in recv wait for ever. Two that both send without reading are stuck \
         as well, once the buffers are full.",
        "两端都等在 recv 里，就永远等下去。两端都只顾 send 不去读，缓冲区满了以后同样卡死。",
    ),
    notes: Text::new(
        "Take care that the two ends do not both block, recv and send must match; the server first \
         receives, the client first sends. True. The notes name only the first half: both sending is \
         as bad.",
        "「防止两端都阻塞，recv send要配合」，服务器「应该先写recv方法, 在send, 客户端则相反」。对。\
         补充另一半：两端都在 send，一样会卡死。",
    ),
    means: Text::new(
        "A protocol says whose turn it is. Where either may speak at any time read and write must not \
         wait for each other: two threads, or poll. It works in every test with short messages, and \
         locks up on the first long one.",
        "协议要规定轮到谁说。如果双方随时都可以说，读和写就不能互相等：用两个线程，或者 poll。\
         否则短消息怎么测都正常，第一条长消息就卡死。",
    ),
    framecat: Text::new(
        "Reading and writing go on beside each other: a peer that does not read never stops what it \
         says from being printed. ask keeps turns, and gives up after --wait.",
        "收和发同时进行：对方不读，也不妨碍把对方说的显示出来。ask 按一问一答轮流来，\
         超过 --wait 就放弃。",
    ),
    commands: &["framecat ask :9000 --wait 2s hello", "framecat connect :9000 -f line"],
    observe: super::turns,
    judge: super::judge::turns,
    done: done_turns,
};

fn done_turns(seen: &Evidence) -> Vec<Part> {
    let (client, server) = (seen.word("client_recv"), seen.word("server_recv"));
    let mut parts = vec![Part::Say(say!(
        "Both ends in recv, each with a timeout, for nothing else would end it: {client} and \
         {server}. Between them, the bytes that wait unread at either end. Then one begins.",
        "两端都在 recv，各设了超时，否则没有什么能让它结束：{client} 和 {server}。\
         中间是两端各自等着被读的字节数。然后一端先开口。",
    ))];
    parts.extend(calls(seen, "both_receive"));
    let given = seen.count("given_bytes");
    let (client, server) = (seen.count("client_taken"), seen.count("server_taken"));
    let (why, read, sent) =
        (seen.word("client_send"), seen.count("then_read"), seen.count("then_sent"));
    parts.push(Part::Say(say!(
        "Both ends in send, {given} bytes each, and neither reads. The kernels took {client} and \
         {server}; then all buffers were full, and only the timeouts ended it ({why}). Once the \
         client had read {read} bytes the server could send {sent} more.",
        "两端都在 send，各 {given} 字节，谁都不读。内核分别收下 {client} 和 {server} 字节，\
         然后缓冲区全满，只有超时才让它结束（{why}）。等客户端读了 {read} 字节，\
         服务器又能发出 {sent} 字节。",
    )));
    parts.extend(calls(seen, "both_send"));
    parts
}

/// See `customs.rs`, `fn telnet`.
pub(crate) const TELNET: Law = Law {
    id: "telnet",
    group: "connection",
    title: Text::new("trying a server with telnet", "用 telnet 测试服务器"),
    from: "S3:68",
    law: Text::new(
        "A server can be tried with telnet: a typed line comes as its bytes and CR LF. Commands of \
         telnet's own come among them, each begun by the byte 255.",
        "可以用 telnet 测试服务器：敲的一行，到服务器那里是这些字节加 CR LF。其中还可能夹着 \
         telnet 自己的命令，每个都以字节 255 开头。",
    ),
    notes: Text::new(
        "The command telnet 127.0.0.1 12345 can test the connection. True. The notes leave out what \
         the server gets: lines end in CR LF, and Ctrl+C or an offer of options brings bytes that are \
         no text.",
        "「使用 telnet 127.0.0.1 12345 命令可以测试连接」。对。补充服务器会收到什么：\
         每行以 CR LF 结尾；按 Ctrl+C 或协商选项时，还会来一些不是文本的字节。",
    ),
    means: Text::new(
        "Take off CR LF, not LF alone, or every word has a carriage return at its end that nobody \
         sees. Do not decode what came before you know that it is text: the byte 255 is never valid \
         UTF-8, and decode() raises an exception. A server that people reach by telnet takes the \
         commands out first.",
        "去掉行尾要去掉 CR LF，不能只去 LF，否则每个词后面都带着一个看不见的回车。\
         没确认是文本之前不要 decode：字节 255 在 UTF-8 里永远不合法，decode() 会抛异常。\
         要让人用 telnet 来连的服务器，应先把命令挑出来。",
    ),
    framecat: Text::new(
        "-f crlf sends and expects CR LF, as telnet does, and says nothing of its own: the byte 255 is \
         a byte. --show=hex lets you see what really came.",
        "-f crlf 和 telnet 一样以 CR LF 收发，但不会插入自己的命令：字节 255 就是字节 255。\
         --show=hex 可以看到真正收到的字节。",
    ),
    commands: &["framecat connect :9000 -f crlf", "framecat listen :9000 -f crlf --show=hex"],
    observe: super::telnet,
    judge: super::judge::telnet,
    done: done_telnet,
};

fn done_telnet(seen: &Evidence) -> Vec<Part> {
    let mut parts = vec![Part::Say(Say::from(Text::new(
        "What telnet sends (RFC 854), replayed byte by byte in hex: its answer to a server that \
         offers to echo, a typed line, a line that holds the byte 255, and Ctrl+C.",
        "把 telnet 发送的内容（RFC 854）逐字节重放，以十六进制显示：对服务器「由我来回显」的回答、\
         敲的一行、含有字节 255 的一行、Ctrl+C。",
    )))];
    parts.extend(calls(seen, "telnet"));
    let line = seen.word("line_without_lf");
    let yes_no = |name: &str| {
        let text = seen.flag(&format!("{name}_is_text"));
        if text { "UTF-8" } else { "-" }.to_string()
    };
    parts.push(Part::Say(say!(
        "Of the typed line a server that takes off LF alone has \"{line}\". Which of the four can be \
         decoded as text:",
        "敲的那一行，只去掉 LF 的服务器得到的是 \"{line}\"。四次里哪些能当文本解码：",
    )));
    let row = |label: Text, name: &str| {
        (Say::from(label), vec![seen.word(&format!("{name}_hex")).to_string(), yes_no(name)])
    };
    parts.push(Part::Counts(
        vec![Text::new("bytes", "字节"), Text::new("text", "文本")],
        vec![
            row(Text::new("answer to an offer", "对协商的回答"), "answer"),
            row(Text::new("a typed line", "敲的一行"), "line"),
            row(Text::new("a line with a doubled byte", "含有双写字节的一行"), "doubled"),
            row(Text::new("Ctrl+C", "Ctrl+C"), "interrupt"),
        ],
    ));
    let (received, data) = (seen.count("received_bytes"), seen.count("data_bytes"));
    let (commands, typed) = (seen.list("commands").len(), seen.word("data"));
    parts.push(Part::Say(say!(
        "With {commands} commands taken out and the doubled byte made one, {received} bytes are \
         {data}: \"{typed}\".",
        "挑出 {commands} 个命令、把双写的字节还原成一个，{received} 字节变成 {data} 字节：\
         \"{typed}\"。",
    )));
    parts
}

/// See `customs.rs`, `fn like_a_file`.
pub(crate) const LIKE_A_FILE: Law = Law {
    id: "like-a-file",
    group: "connection",
    title: Text::new("a socket is used like a file", "套接字像文件一样使用"),
    from: "S3:174",
    law: Text::new(
        "read, write and close work on a socket's descriptor as on a file's. It has no position: \
         lseek fails with ESPIPE.",
        "套接字的描述符和文件的一样，可以 read、write、close。但它没有读写位置：lseek 得到 ESPIPE。",
    ),
    notes: Text::new(
        "Programming sockets is like opening files, both use what the system's API offers. True as \
         far as reading, writing and closing go. There is no place to go back to, and the end of what \
         can be read is decided by the peer.",
        "「套接字编程如同文件打开一样, 都是使用系统中的所给的API进行」。读、写、关闭确实一样。\
         不同的是没有位置可以退回去，而且读到哪里为止由对方决定。",
    ),
    means: Text::new(
        "What takes a descriptor and only reads or writes takes a socket: stdin of a program, fdopen, \
         makefile() in Python. What seeks or asks for a size does not. What was read is gone from the \
         kernel: keep it. And write on a socket whose peer is gone raises SIGPIPE in a C program, \
         where send can be told not to (MSG_NOSIGNAL).",
        "只读写描述符的代码都能用套接字：程序的 stdin、fdopen、Python 的 makefile()。要定位、\
         要问大小的就不行。读过的内容内核里就没有了，要自己留着。另外，对方已关闭时，\
         C 程序用 write 会收到 SIGPIPE，用 send 则可以用 MSG_NOSIGNAL 避免。",
    ),
    framecat: Text::new(
        "A relay joins sockets, files, and the standard input and output alike: file: and - are \
         endpoints as tcp is.",
        "relay 可以把套接字、文件、标准输入输出随意相接：file: 和 - 也是端点，和 tcp 一样。",
    ),
    commands: &["framecat relay file:/etc/hostname :9000", "framecat relay - :9000"],
    observe: super::like_a_file,
    judge: super::judge::like_a_file,
    done: done_like_a_file,
};

fn done_like_a_file(seen: &Evidence) -> Vec<Part> {
    let mut parts = vec![Part::Say(Say::from(Text::new(
        "A connected socket's descriptor is taken for a file's, and only calls for files are made on \
         it.",
        "把已连接套接字的描述符当作文件的，只用文件的那些调用。",
    )))];
    parts.extend(calls(seen, "like_a_file"));
    parts.push(Part::Say(Say::from(Text::new(
        "Beside a true file (this very program):",
        "和真正的文件（就是这个程序自己）对照：",
    ))));
    let row = |label: &'static str, socket: &str, file: &str| {
        let cells = vec![seen.word(socket).to_string(), seen.word(file).to_string()];
        (Say::from(Text::new(label, label)), cells)
    };
    parts.push(Part::Counts(
        vec![Text::new("socket", "套接字"), Text::new("file", "文件")],
        vec![
            row("fstat", "fstat", "file_fstat"),
            row("lseek", "lseek", "file_lseek"),
            row("pread", "pread", "file_pread"),
        ],
    ));
    let send = seen.word("file_send");
    parts.push(Part::Say(say!(
        "The other way round it does not hold: send on the file gave {send}.",
        "反过来不成立：对文件用 send，得到 {send}。",
    )));
    parts
}
