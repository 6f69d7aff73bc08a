//! How the laws about the end of a connection are told.

use super::super::wire::calls;
use crate::evidence::Evidence;
use crate::lang::{Text, say};
use crate::law::Law;
use crate::page::Part;

/// See `ends.rs`, `fn close_four_way`.
pub(crate) const CLOSE_FOUR_WAY: Law = Law {
    id: "close-four-way",
    group: "connection",
    title: Text::new("the goodbye has four segments, or three", "四次挥手，也可能是三次"),
    from: "S3:66",
    law: Text::new(
        "Each direction of a connection is ended by its own FIN, and each FIN is acknowledged: four \
         segments. Where the second end closes at once, its FIN carries the ACK: three.",
        "连接的两个方向各自用一个 FIN 结束，每个 FIN 都要得到确认，一共四个报文段。\
         如果另一端马上也关闭，它的 FIN 就捎带着 ACK，只有三个。",
    ),
    notes: Text::new(
        "close() goes through a four-way goodbye. True when one end lingers. Two things are left out: \
         it can be three segments, and who closes first keeps the pair of names in TIME-WAIT for a \
         minute afterwards.",
        "「close() 功能: 关闭套接字, 经历四次挥手」。一端晚一点关闭时，正是四次。补充两点：\
         也可能只有三次；先关闭的一端，事后还要把这对地址在 TIME-WAIT 里保留一分钟。",
    ),
    means: Text::new(
        "recv = 0 says that the peer will send no more; you may still send, until you close too. A \
         socket left open after that stays in CLOSE-WAIT for ever: many of them are a leak of this \
         program, not of the network. Let the client close first and TIME-WAIT gathers there, not at \
         the server.",
        "recv 返回 0 只表示对方不再发送；自己还可以继续发，直到自己也关闭。收到 0 以后忘了 close，\
         套接字就一直停在 CLOSE-WAIT：这种状态一多，就是程序自己有泄漏，不是网络的问题。\
         让客户端先关闭，TIME-WAIT 就留在客户端，不会堆在服务器上。",
    ),
    framecat: Text::new(
        "The end of stdin ends only our direction, so what the peer still has to say arrives; -v \
         tells each end as it comes. --half-open waits for stdin for ever after the peer has ended.",
        "stdin 结束时，framecat 只关闭自己的发送方向，对方没说完的话照样能收到；-v 会说出每一端\
         何时结束。--half-open 在对方结束之后仍然一直等 stdin。",
    ),
    commands: &["framecat connect :9000 -v", "framecat connect :9000 --half-open"],
    observe: super::close_four_way,
    judge: super::judge::close_four_way,
    done: done_close_four_way,
};

fn done_close_four_way(seen: &Evidence) -> Vec<Part> {
    let (half, all) = (seen.count("half_segments"), seen.count("lingering_segments"));
    let (client, server) = (seen.word("half_client"), seen.word("half_server"));
    let mut parts = vec![Part::Say(say!(
        "The client ends its direction; the server takes its time. In the middle is what TCP_INFO \
         says of both ends, and how many segments the client has sent and got since. shutdown(SHUT_WR) \
         ends a direction as close does, and leaves a descriptor to ask.",
        "客户端先结束自己的方向，服务器不急着关。中间是 TCP_INFO 给出的两端状态，\
         以及从那时起客户端收发的报文段数。shutdown(SHUT_WR) 和 close 一样结束一个方向，\
         但描述符还在，可以继续问。",
    ))];
    parts.extend(calls(seen, "lingering"));
    parts.push(Part::Say(say!(
        "FIN and its ACK were {half} segments, and half the connection was open: the client in \
         {client}, the server in {server}. The server's FIN and its ACK made it {all}.",
        "FIN 和对它的 ACK 是 {half} 个报文段，这时连接只关了一半：客户端在 {client}，\
         服务器在 {server}。再加上服务器的 FIN 和对它的 ACK，一共 {all} 个。",
    )));
    let (end, row, other) =
        (seen.word("end_client"), seen.word("table_client"), seen.word("table_server"));
    parts.push(Part::Say(say!(
        "For the client's descriptor it was over: TCP_INFO said {end}. The kernel's own table \
         (/proc/net/tcp) said otherwise: {row} for the client's pair of names, {other} for the \
         server's. Nobody holds that entry, no call can ask a socket for it.",
        "对客户端的描述符来说已经结束，TCP_INFO 说 {end}。但内核自己的表（/proc/net/tcp）里：\
         客户端那对地址是 {row}，服务器那边是 {other}。这一项不属于任何描述符，\
         用套接字是问不到的。",
    )));
    let three = seen.count("at_once_segments");
    parts.push(Part::Say(say!(
        "And both ends at once: the server's kernel had not sent its ACK yet, so the server's FIN \
         took it along: {three} segments.",
        "再看两端同时关闭：服务器的内核还没来得及发 ACK，服务器的 FIN 就把它捎上了：\
         {three} 个报文段。",
    )));
    parts.extend(calls(seen, "at_once"));
    parts
}

/// See `ends.rs`, `fn peer_killed`.
pub(crate) const PEER_KILLED: Law = Law {
    id: "peer-killed",
    group: "connection",
    title: Text::new("the peer is killed, or vanishes", "对方被杀掉，或者失联"),
    from: "S3:58",
    law: Text::new(
        "When a process dies its kernel closes its sockets: FIN, or RST where bytes were left \
         unread. When a host or a cable is gone nothing comes at all, and only a timeout of one's own \
         tells.",
        "进程死掉时，内核替它关闭套接字：发 FIN；还有未读数据，就发 RST。主机断电或网线断开时，\
         什么都不会来，只有自己设的超时才能发现。",
    ),
    notes: Text::new(
        "Ending with Ctrl+C reports a broken pipe at the other end's send. Only in part: first recv \
         gives 0, the first send after it is even accepted, and the second fails with EPIPE; where \
         bytes were left unread it is ECONNRESET. A host that vanished does none of this.",
        "「使用Ctrl + c 结束会报send的pipe管道破裂」。只说对了一部分：先是 recv 返回 0，之后第一次 \
         send 甚至还会成功，第二次才是 EPIPE（Broken pipe）；对方留有未读数据时，则是 \
         ECONNRESET。而主机失联时，这些都不会发生。",
    ),
    means: Text::new(
        "The end of a stream does not say that the peer was done: a killed process ends it too. Only \
         a message that says \"this is all\" does. And set a limit to every wait that matters: \
         SO_RCVTIMEO or poll, TCP_USER_TIMEOUT for bytes that nobody acknowledges, keepalive for a \
         connection at rest. Without one recv waits for ever; unacknowledged bytes are given up \
         after about fifteen minutes.",
        "流结束了，不等于对方把话说完了：进程被杀掉，流也会结束。要靠一条写明「到此为止」的消息\
         才能分清。凡是要紧的等待都要设上限：SO_RCVTIMEO 或 poll；数据没人确认用 \
         TCP_USER_TIMEOUT；空闲的连接用 keepalive。不设的话，recv 会一直等下去；\
         没人确认的数据，要过大约十五分钟才放弃。",
    ),
    framecat: Text::new(
        "A reset ends with its own exit code and message, never as a clean end. --idle ends a silent \
         conversation; the endpoint options keepalive (on by default) and usertimeout let the kernel find \
         the dead peer.",
        "连接被重置时，framecat 有专门的退出码和说明，绝不当作正常结束。--idle 在长时间没有动静时\
         结束；端点选项 keepalive（默认开启）和 usertimeout 让内核去发现失联的对方。",
    ),
    commands: &[
        "framecat connect :9000 --idle 30s",
        "framecat connect :9000,keepalive=10s,usertimeout=30s",
    ],
    observe: super::peer_killed,
    judge: super::judge::peer_killed,
    done: done_peer_killed,
};

fn done_peer_killed(seen: &Evidence) -> Vec<Part> {
    if seen.word("child") != "0" {
        return Vec::new();
    }
    let signal = seen.count("signal");
    let mut parts = vec![Part::Say(say!(
        "The server is a process of its own, cat, that echoes what it reads. It is killed with signal \
         {signal}, which no program can catch: what is sent after that, its kernel sends.",
        "服务器是一个单独的进程 cat，读到什么就送回什么。用信号 {signal} 杀掉它，这个信号任何程序\
         都拦不住：之后发出来的，都是内核替它发的。",
    ))];
    parts.extend(calls(seen, "killed"));
    let (end, first, second) =
        (seen.word("killed_recv"), seen.word("killed_first_send"), seen.word("killed_second_send"));
    parts.push(Part::Say(say!(
        "FIN came: recv gave {end}. The first send returned {first}, for the kernel took the bytes; \
         the answer was RST. Only then did a send give {second}.",
        "来的是 FIN：recv 返回 {end}。第一次 send 返回 {first}，因为内核收下了这些字节；\
         对方的回答是 RST。这以后 send 才得到 {second}。",
    )));
    let (reset, later, broken) =
        (seen.word("unread_recv"), seen.word("unread_later_recv"), seen.word("unread_send"));
    parts.push(Part::Say(say!(
        "A process that left bytes unread: recv gave {reset}, once; a later one {later}, as if all \
         had ended well; send gave {broken}.",
        "留有未读数据的进程：recv 得到 {reset}，只有一次；再 recv 就是 {later}，\
         好像一切正常；send 得到 {broken}。",
    )));
    parts.extend(calls(seen, "unread"));
    let (silent, timeout) = (seen.word("silent_recv"), seen.count("user_timeout_ms"));
    let (again, gone) = (seen.count("vanished_sent_again"), seen.word("vanished_recv"));
    parts.push(Part::Say(say!(
        "A peer out of reach, as behind a pulled cable: IP_MINTTL asks its kernel to drop every \
         segment whose time to live is too small, and all are. recv would wait for ever; its timeout ended it with {silent}, and the connection still \
         looked well. What is sent is accepted and sent again ({again} times), until \
         TCP_USER_TIMEOUT ({timeout} ms) ends it at the kernel's next try: {gone}.",
        "对方失联，就像拔掉了网线：用 IP_MINTTL 让它的内核丢掉 TTL 太小的报文段，也就是全部。recv 会一直等下去，\
         靠超时才以 {silent} 返回，而连接看上去还好好的。send 照样成功，内核重发了 {again} 次；\
         等超过 TCP_USER_TIMEOUT（{timeout} 毫秒），内核下一次重试时放弃：{gone}。",
    )));
    parts.extend(calls(seen, "vanished"));
    parts
}
