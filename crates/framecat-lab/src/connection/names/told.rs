//! How the laws about names are told.

use crate::evidence::Evidence;
use crate::lang::{Say, Text, say};
use crate::law::Law;
use crate::page::Part;

const OWN_NAME: Text = Text::new("its name", "自己的地址");
const PEER_NAME: Text = Text::new("its peer's name", "对方的地址");

/// See `names.rs`, `fn socket_name`.
pub(crate) const SOCKET_NAME: Law = Law {
    id: "socket-name",
    group: "connection",
    title: Text::new("what a connection is called", "一个连接叫什么名字"),
    from: "S3:5",
    law: Text::new(
        "IP address + TCP or UDP + port names one end. A connection is named by both its ends: two \
         connections may share one end's name, never both.",
        "IP 地址 + TCP 或 UDP + 端口，命名的是连接的一端。一个连接要由两端合起来命名：\
         两个连接可以有一端相同，但不能两端都相同。",
    ),
    notes: Text::new(
        "socket = IP address + TCP/UDP + port. True of one end. The notes leave out that the server's \
         end is the same for all its clients; the pair of names tells their connections apart.",
        "「socket = IP address + TCP/UDP + port」。对，但说的只是一端。补充：服务器那一端，\
         对所有客户端都是同一个名字；区分各个连接的，是两端名字的组合。",
    ),
    means: Text::new(
        "A server needs one port for any number of clients. To tell them apart ask accept or \
         getpeername, address and port both: two clients on one machine differ only in the port. A \
         client rarely chooses its own port; one that binds it cannot dial the same server twice at \
         once.",
        "服务器只要一个端口，就能接待任意多个客户端。区分它们要看 accept 或 getpeername 给出的\
         地址加端口：同一台机器上的两个客户端，只有端口不同。客户端一般不自己选端口；\
         如果 bind 死了，就不能同时向同一个服务器建两个连接。",
    ),
    framecat: Text::new(
        "Every connection is told by its peer's address and port; {peer} in a template, and the peer of \
         each --json event, are that name. connect takes bind= where a fixed name is needed.",
        "每个连接都用对方的地址加端口来称呼；模板里的 {peer}、--json 事件里的 peer 就是它。\
         需要固定自己的地址时，connect 可以加 bind=。",
    ),
    commands: &[
        "framecat listen :9000 --format '{peer} {payload}'",
        "framecat connect :9000,bind=127.0.0.1:9100",
    ],
    observe: super::socket_name,
    judge: super::judge::socket_name,
    done: done_socket_name,
};

fn done_socket_name(seen: &Evidence) -> Vec<Part> {
    let word = |name: &str| seen.word(name).to_string();
    let row = |label: Text, who: &str| {
        let cells = vec![word(&format!("{who}_name")), word(&format!("{who}_peer"))];
        (Say::from(label), cells)
    };
    let (one, two) = (word("for_first_heard"), word("for_second_heard"));
    let (first, server) = (word("first_name"), word("first_peer"));
    let (udp, other) = (word("same_port_for_udp"), word("same_name_other_server"));
    let same = word("same_name_same_server");
    vec![
        Part::Say(say!(
            "Two clients dialled one server, which accepted both. Each of the four sockets was asked \
             for its own name (getsockname) and for its peer's (getpeername):",
            "两个客户端连接同一个服务器，服务器都 accept 了。一共四个套接字，逐个问它自己的地址\
             （getsockname）和对方的地址（getpeername）：",
        )),
        Part::Counts(
            vec![OWN_NAME, PEER_NAME],
            vec![
                row(Text::new("the first client", "第一个客户端"), "first"),
                row(Text::new("the server's, for the first", "服务器：对第一个"), "for_first"),
                row(Text::new("the second client", "第二个客户端"), "second"),
                row(Text::new("the server's, for the second", "服务器：对第二个"), "for_second"),
            ],
        ),
        Part::Say(say!(
            "The server's two sockets have the same name, port and all. Even so nothing is mixed up: \
             the first client sent \"one\" and the second \"two\", and the server's sockets heard \
             \"{one}\" and \"{two}\". The kernel looks at both names of every segment.",
            "服务器的两个套接字名字完全一样，端口也一样。但数据不会弄混：第一个客户端发 \"one\"，\
             第二个发 \"two\"，服务器的两个套接字分别收到 \"{one}\" 和 \"{two}\"。\
             内核看的是每个报文段上的两个名字。",
        )),
        Part::Say(say!(
            "TCP or UDP is a part of the name: a UDP socket bound to {server} too: bind = {udp}.",
            "TCP 还是 UDP 也是名字的一部分：再把一个 UDP 套接字绑到 {server}：bind = {udp}。",
        )),
        Part::Say(say!(
            "A third socket took the first client's name, {first} (both with SO_REUSEADDR). To another \
             server: connect = {other}, for that pair is new. To the same server: {same}, for that \
             pair is in use.",
            "第三个套接字用了第一个客户端的名字 {first}（两者都设了 SO_REUSEADDR）。\
             连接另一个服务器：connect = {other}，因为这一对名字还没有。\
             连接同一个服务器：{same}，因为这一对已经在用。",
        )),
    ]
}
