//! How the laws about names are told.

use super::super::calls;
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

/// See `names.rs`, `fn bind`.
pub(crate) const BIND: Law = Law {
    id: "bind",
    group: "connection",
    title: Text::new("bind gives a socket its name", "bind 给套接字一个名字"),
    from: "S0:35,165 S3:29",
    law: Text::new(
        "bind gives a socket its address and port. One that is taken is refused (EADDRINUSE), one that \
         is not this machine's, too (EADDRNOTAVAIL). Port 0 leaves the choice to the kernel. A Unix \
         socket is bound to a path.",
        "bind 给套接字一个地址和端口。已经有人用的不行（EADDRINUSE），不属于本机的也不行\
         （EADDRNOTAVAIL）；端口写 0，由内核来选。Unix 套接字绑定的是路径。",
    ),
    notes: Text::new(
        "bind binds IP and port to a socket. True. We add what is refused, what port 0 means, and that a \
         socket that was not bound gets its name from connect.",
        "「为socket对象绑定IP和端口号」。对。补充：哪些绑不上；端口 0 是什么意思；\
         没有 bind 过的套接字，connect 时由内核给它名字。",
    ),
    means: Text::new(
        "Check what bind returns: the port may be taken. Tests and helpers bind port 0 and ask \
         getsockname, and so never collide. A client needs no bind. A server on a Unix socket removes the \
         path when it ends, and when it starts finds out whether the one that is there still has an owner.",
        "要检查 bind 的返回值：端口可能被占。测试程序绑端口 0，再用 getsockname 查到底是几，\
         就不会撞车。客户端不用 bind。用 Unix 套接字的服务器，退出时要删掉路径；\
         启动时如果路径已存在，要先弄清楚还有没有人在用。",
    ),
    framecat: Text::new(
        "listen :0 takes any free port and tells which. A port in use is an error that names the address \
         and the remedy. A Unix path whose owner is gone is replaced, one in use is not.",
        "listen :0 由内核选端口，并告诉你选了几；端口被占会报错，说明是哪个地址、怎么办。\
         Unix 路径的主人已经不在，就替换它；还有人用，就不动它。",
    ),
    commands: &["framecat listen :0", "framecat listen unix:///tmp/lab.sock"],
    observe: super::bind,
    judge: super::judge::bind,
    done: done_bind,
};

fn done_bind(seen: &Evidence) -> Vec<Part> {
    let (before, asked, given) = (seen.word("name_before"), seen.word("asked"), seen.word("given"));
    let chosen = seen.word("chosen_by_connect");
    let foreign = seen.word("foreign");
    let mut parts = vec![Part::Say(say!(
        "A new socket has no name ({before}). Bound to {asked} it is called {given}: the kernel chose the \
         port. A second socket asks for the same name, and for one that no machine has ({foreign}, an \
         address for examples); the first asks for another name.",
        "新套接字没有名字（{before}）。绑定 {asked} 之后，它叫 {given}：端口是内核选的。\
         另一个套接字来要同一个名字，再要一个不属于任何机器的（{foreign}，专供举例用的地址）；\
         第一个套接字想再换个名字。",
    ))];
    parts.extend(calls(seen, "bind"));
    parts.push(Part::Say(if seen.flag("nonlocal_bind") {
        say!(
            "This machine lets anybody bind addresses that are not its own (ip_nonlocal_bind). The last \
             socket was never bound: connect gave it {chosen}.",
            "本机允许绑定不属于自己的地址（ip_nonlocal_bind）。最后那个套接字没有 bind：\
             connect 给了它 {chosen}。"
        )
    } else {
        say!(
            "The last socket was never bound: connect gave it {chosen}.",
            "最后那个套接字没有 bind：connect 给了它 {chosen}。"
        )
    }));
    parts.push(Part::Say(say!(
        "The name of a Unix socket is a path in the file system. bind makes the file, and close does not \
         remove it.",
        "Unix 套接字的名字是文件系统里的路径。bind 会建立这个文件，close 却不会删掉它。",
    )));
    parts.extend(calls(seen, "path"));
    parts
}

/// See `names.rs`, `fn reuseaddr`.
pub(crate) const REUSEADDR: Law = Law {
    id: "reuseaddr",
    group: "connection",
    title: Text::new("SO_REUSEADDR: a port in TIME_WAIT", "SO_REUSEADDR：重用 TIME_WAIT 的端口"),
    from: "S0:165",
    law: Text::new(
        "After a server has closed a connection its port stays in TIME_WAIT for a minute. A new server \
         may bind it in that time only if both, the old one and the new one, set SO_REUSEADDR before \
         they called bind.",
        "服务器主动关闭连接以后，端口会在 TIME_WAIT 状态停留一分钟。这段时间里，\
         只有旧服务器和新服务器在 bind 之前都设了 SO_REUSEADDR，新服务器才绑得上。",
    ),
    notes: Text::new(
        "s = socket(SOL_SOCKET, SO_REUSEADDR, 1), then bind. This sets nothing: it opens a socket of \
         another kind. setsockopt(SOL_SOCKET, SO_REUSEADDR, 1) is meant, between socket and bind.",
        "「s = socket(SOL_SOCKET,SO_REUSEADDR,1)」，然后 bind。这样什么选项也没设上，\
         只是打开了另一种套接字。应该是先 s = socket()，再 \
         s.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)，然后 bind。",
    ),
    means: Text::new(
        "Every TCP server sets SO_REUSEADDR before bind, on every start; then it can be restarted at once. \
         On Linux that takes no port from a server that listens. Setting it only when bind has failed is \
         too late: the old server's sockets did not have it.",
        "TCP 服务器每次启动都应该在 bind 之前设 SO_REUSEADDR，这样才能随时重启。在 Linux 上，\
         这抢不走别人正在监听的端口。等到 bind 失败了才想起来设，就晚了：旧的套接字没有设过。",
    ),
    framecat: Text::new(
        "listen sets it always; reuseaddr=off shows what happens without it.",
        "framecat listen 总是设好；加 reuseaddr=off 可以看看不设会怎样。",
    ),
    commands: &["framecat listen :9000", "framecat listen :9000,reuseaddr=off"],
    observe: super::reuseaddr,
    judge: super::judge::reuseaddr,
    done: done_reuseaddr,
};

fn done_reuseaddr(seen: &Evidence) -> Vec<Part> {
    let row = |label: Text, combination: &str| {
        let of = |when: &str| seen.word(&format!("{combination}_{when}")).to_string();
        (Say::from(label), vec![of("while_listening"), of("time_wait")])
    };
    let (level, option) = (seen.count("slip_level"), seen.count("slip_option"));
    let (family, kind) = (seen.word("slip_family"), seen.word("slip_type"));
    let bound = seen.word("slip_bind");
    vec![
        Part::Say(say!(
            "Four old servers, each with a client; each closed the connection first, so that its end went \
             to TIME_WAIT (seen in the kernel's table), and then stopped listening. A new socket called \
             bind with the old server's port, while it listened and in TIME_WAIT:",
            "四个旧服务器，各有一个客户端；都由服务器先关连接，它那一端进入 TIME_WAIT（在内核的表里查到），\
             然后服务器停止监听。新套接字去 bind 旧服务器的端口，一次在它还监听的时候，\
             一次在 TIME_WAIT 的时候：",
        )),
        Part::Counts(
            vec![Text::new("still listening", "还在监听"), Text::new("in TIME_WAIT", "TIME_WAIT")],
            vec![
                row(Text::new("neither has SO_REUSEADDR", "都没设 SO_REUSEADDR"), "neither"),
                row(Text::new("only the old one", "只有旧的设了"), "old"),
                row(Text::new("only the new one", "只有新的设了"), "new"),
                row(Text::new("both", "都设了"), "both"),
            ],
        ),
        Part::Say(say!(
            "And the line of the notes, done as it stands. SOL_SOCKET is {level} and SO_REUSEADDR is \
             {option}; as a family and a type these numbers mean {family} and {kind}. bind to an address \
             and port gave {bound}.",
            "再照笔记里那一行原样做一遍。SOL_SOCKET 是 {level}，SO_REUSEADDR 是 {option}；\
             放在地址族和类型的位置上，就成了 {family} 和 {kind}。再 bind 地址和端口，得到 {bound}。",
        )),
    ]
}
