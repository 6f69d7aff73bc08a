//! How the laws of who talks with whom are told, in English and Chinese. The experiments are in
//! `udp/peers.rs`.

use super::told::calls as scene;
use crate::evidence::Evidence;
use crate::lang::{Text, say};
use crate::law::Law;
use crate::page::Part;

/// See `udp/peers.rs`, `fn udp_connectionless`.
pub(crate) const UDP_CONNECTIONLESS: Law = Law {
    id: "udp-connectionless",
    group: "udp",
    title: Text::new("one socket serves all, unconnected", "不建立连接，一个套接字服务所有人"),
    from: "S0:131 S1:78 S2:96 S3:160 S4:62",
    law: Text::new(
        "UDP has no listen and no accept: recvfrom names the sender of each datagram, and one \
         socket serves all. connect fixes the peer: then refusals are told and strangers kept out.",
        "UDP 没有 listen 和 accept：recvfrom 给出每个数据报的发送方，一个套接字服务所有客户端。\
         也可以 connect 固定对端，这样才能得知拒绝，也只收它的数据报。",
    ),
    notes: Text::new(
        "TCP depends on listen and accept to connect, UDP does not; no new socket for each client. \
         True. They leave out that connect works on UDP too and what it is good for. (S3 calls the \
         address that recvfrom gives \"the next sender's\": it is this datagram's.)",
        "「tcp需要依赖listen accept建立连接，udp不用」，「不像TCP那样, 每次用户连接都会返回一个新的\
         socket对象」。说得对。笔记没有讲 UDP 也可以 connect，以及它的用处。（S3 说 recvfrom 的 addr \
         是「下次发送者的地址」，应当是这个数据报的发送者。）",
    ),
    means: Text::new(
        "A server keeps one socket and a table of peers by address. A client connects its socket: \
         it hears at once that the port is closed, instead of waiting for ever, and nobody else can \
         slip in an answer by guessing the port. The error comes with the next call, not with the \
         send that caused it.",
        "服务端一个套接字就够了，按地址记住各个对端。客户端最好 connect：端口没人监听时马上知道，\
         不会一直等；别人也不能猜中端口就冒充回答。错误由下一次调用返回，不是引起它的那次 send。",
    ),
    framecat: Text::new(
        "listen udp:// tells the peers apart and answers each; connect and ask use a connected \
         socket, so a closed port ends with code 4 and strangers are not heard.",
        "listen udp:// 会区分各个对端并分别回答；connect 和 ask 用 connect 过的套接字，\
         端口没人监听时退出码是 4，也听不到陌生人。",
    ),
    commands: &["framecat listen udp://:9000 --echo", "framecat ask udp://:9000 ping"],
    observe: super::peers::udp_connectionless,
    judge: super::judge::udp_connectionless,
    done: done_udp_connectionless,
};

fn done_udp_connectionless(seen: &Evidence) -> Vec<Part> {
    let (listen, accept) = (seen.word("listen"), seen.word("accept"));
    let (clients, answered) = (seen.count("clients"), seen.count("answered"));
    let mut parts = vec![Part::Say(say!(
        "On a datagram socket listen gives {listen} and accept {accept}. {clients} clients send to \
         the one socket of the server; it answers whom recvfrom named: {answered} had their own \
         answer. (:N is a client's port.)",
        "在数据报套接字上 listen 得到 {listen}，accept 得到 {accept}。{clients} 个客户端发给服务端\
         唯一的套接字；recvfrom 说是谁发的就回给谁：{answered} 个都收到了自己的回答。\
         （:N 是客户端的端口。）",
    ))];
    parts.extend(scene(seen, "clients"));
    let (sent, got) = (seen.count("unconnected_send"), seen.word("unconnected_recv"));
    let error = seen.word("unconnected_error");
    parts.push(Part::Say(say!(
        "To a port that nobody has, from a socket that is not connected: sendto gave {sent}. The \
         kernel there answers that the port is closed (ICMP), and this program never hears of it: \
         recvfrom gave only {got}, sent after it, and the error of the socket is {error}.",
        "没有 connect，发给没人监听的端口：sendto 返回 {sent}。那边的内核会用 ICMP 回答「端口不可达」，\
         但程序不会知道：recvfrom 只得到后来发给自己的 {got}，套接字上的错误是 {error}。",
    )));
    parts.extend(scene(seen, "unconnected"));
    let (sent, got) = (seen.count("connected_send"), seen.word("connected_recv"));
    parts.push(Part::Say(say!(
        "The same from a connected socket: send gave {sent}, the next call {got}.",
        "先 connect 再做同样的事：send 返回 {sent}，下一次调用得到 {got}。",
    )));
    parts.extend(scene(seen, "connected"));
    let (sent, first) = (seen.count("stranger_send"), seen.word("filtered_first"));
    let next = seen.word("filtered_next");
    parts.push(Part::Say(say!(
        "And a connected socket hears its peer alone: a stranger's sendto gave {sent}, but recv \
         gave {first}, and then there was nothing ({next}).",
        "connect 过的套接字只听对端的：陌生人的 sendto 返回 {sent}，可是 recv 得到的是 {first}，\
         再没有别的（{next}）。",
    )));
    parts.extend(scene(seen, "filtered"));
    parts
}

/// See `udp/peers.rs`, `fn calls`.
pub(crate) const CALLS: Law = Law {
    id: "calls",
    group: "udp",
    title: Text::new("any call works on either socket", "收发函数两种套接字都能用"),
    from: "S0:132 S1:79 S2:97 S3:170 S4:63",
    law: Text::new(
        "That TCP uses recv and send, UDP recvfrom and sendto, is a custom: the same calls work on \
         both, and read and write too. What differs is what they give.",
        "TCP 用 recv、send，UDP 用 recvfrom、sendto，只是习惯：这些函数两种套接字都能用，\
         read 和 write 也行。不同的是得到什么。",
    ),
    notes: Text::new(
        "TCP sends and receives with recv and send (sendall), UDP with recvfrom and sendto. Loose: \
         that is how it is mostly done, no rule.",
        "「tcp使用recv  send进行消息收发，udp使用recvfrom和sendto」。不够准确：通常这样写，但不是规定。",
    ),
    means: Text::new(
        "Choose by what you need to know: recvfrom names the sender, which on TCP is no news (the \
         peer is known by getpeername, and no address is given). send needs a peer: connect first, \
         or sendto.",
        "看你需要知道什么：recvfrom 能给出发送方，TCP 上没这个必要（对端用 getpeername 就知道，\
         recvfrom 也不给地址）。send 需要先有对端：要么先 connect，要么用 sendto。",
    ),
    framecat: Text::new(
        "The same verbs serve both: only the endpoint names the protocol.",
        "两种协议用同样的命令，只有端点的写法不同。",
    ),
    commands: &["framecat ask :9000 ping", "framecat ask udp://:9000 ping"],
    observe: super::peers::calls,
    judge: super::judge::calls,
    done: done_calls,
};

fn done_calls(seen: &Evidence) -> Vec<Part> {
    let (sendto, got, from) =
        (seen.word("tcp_sendto"), seen.word("tcp_recvfrom"), seen.word("tcp_address"));
    let (read, lone) = (seen.word("tcp_read"), seen.word("tcp_send_unconnected"));
    let mut parts = vec![Part::Say(say!(
        "On a TCP connection: sendto gave {sendto} (the address, that of somebody else, counts for \
         nothing) and recvfrom {got} at the connection's own end, with the address: {from}. write \
         and read gave {read}. send on a socket without a connection: {lone}.",
        "在 TCP 连接上：sendto 返回 {sendto}（给的是别人的地址，不起作用），recvfrom 在连接的对端得到 \
         {got}，地址是 {from}；write 和 read 得到 {read}。没有连接就 send：{lone}。",
    ))];
    parts.extend(scene(seen, "tcp"));
    let (lone, got, read) =
        (seen.word("udp_send_unconnected"), seen.word("udp_recv"), seen.word("udp_read"));
    parts.push(Part::Say(say!(
        "On UDP: send before connect gave {lone}, after it the peer's recv {got}; write and read \
         gave {read}.",
        "在 UDP 上：connect 之前 send 得到 {lone}，之后对端 recv 得到 {got}；write 和 read 得到 {read}。",
    )));
    parts.extend(scene(seen, "udp"));
    parts
}
