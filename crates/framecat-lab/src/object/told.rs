//! How the laws of the group object are told, but for options, which are in `told_options.rs`. Every
//! number here comes from the evidence of the experiments.

use crate::evidence::Evidence;
use crate::lang::{Say, Text, say};
use crate::law::Law;
use crate::page::Part;

/// The calls of a scene, where the experiment noted it.
pub(super) fn calls(seen: &Evidence, name: &str) -> impl Iterator<Item = Part> {
    seen.scene(name).cloned().map(Part::Calls).into_iter()
}

/// See `object.rs`, `fn socket_triple`.
pub(crate) const SOCKET_TRIPLE: Law = Law {
    id: "socket-triple",
    group: "object",
    title: Text::new("family, type, protocol", "地址族、类型、协议三个参数"),
    from: "S3:18",
    law: Text::new(
        "socket(family, type, protocol) makes a socket of one kind. Protocol 0 means the default of \
         the other two, and not every three fit together.",
        "socket(地址族, 类型, 协议) 三个参数定下套接字的种类。协议写 0，表示用前两个参数的默认协议；\
         三个参数也不是随便怎么配都行。",
    ),
    notes: Text::new(
        "Family INET, INET6 or UNIX; type STREAM, DGRAM or RAW; protocol usually 0, since \"TCP and \
         UDP have no sub-protocol\". Not so: 0 only stands for the default, and the kernel then \
         says which it took. TCP and UDP are the protocols, and each has a sibling (MPTCP, \
         UDP-Lite). The constants are SOCK_STREAM and SOCK_DGRAM; SOCKET_STREAM does not exist.",
        "「proto=0，通常为0，表示的是选择子协议，TCP和UDP没有子协议」。不是这样：0 只是「用默认的」，\
         建好以后内核会说出它选了哪个。TCP、UDP 自己就是这里的协议，而且各有兄弟：MPTCP 和 UDP-Lite。\
         另外，笔记里的 SOCKET_STREAM、SOCKET_DGRAM 应为 SOCK_STREAM、SOCK_DGRAM。",
    ),
    means: Text::new(
        "Ask for INET or INET6 with STREAM or DGRAM and protocol 0, and name the protocol only \
         where you mean another than TCP or UDP. RAW needs a protocol and a privilege \
         (CAP_NET_RAW): a program that must run for everybody cannot count on it.",
        "平常用 INET 或 INET6，配 STREAM 或 DGRAM，协议写 0；想要 TCP、UDP 以外的协议时才写明。\
         RAW 必须写明协议，还要有权限（CAP_NET_RAW），给普通用户用的程序不能依赖它。",
    ),
    framecat: Text::new(
        "The scheme of an endpoint is the triple: tcp:// and udp:// are INET or INET6 by their \
         address, unix:// unixgram:// and unixseq:// the three types of UNIX.",
        "端点前面的 scheme 就是这三个参数：tcp:// 和 udp:// 按地址选 INET 或 INET6；unix://、\
         unixgram://、unixseq:// 是 UNIX 的三种类型。",
    ),
    commands: &["framecat listen udp://:9000", "framecat listen unixseq://@demo"],
    observe: super::socket_triple,
    judge: super::judge::socket_triple,
    done: done_socket_triple,
};

fn done_socket_triple(seen: &Evidence) -> Vec<Part> {
    let (opened, refused) = (seen.count("opened"), seen.count("refused"));
    let row = |asked: &super::Triple| {
        let label = Say { en: asked.label.into(), zh: asked.label.into() };
        let answer = seen.word(asked.figure);
        let (kind, protocol) = answer.split_once(' ').unwrap_or((answer, ""));
        (label, vec![kind.to_string(), protocol.to_string()])
    };
    let (plain, raw) = (seen.word("inet_stream_0"), seen.word("unix_raw_0"));
    vec![
        Part::Say(say!(
            "This user asked this kernel for each of these, and asked what it got (SO_TYPE, \
             SO_PROTOCOL): {opened} opened, {refused} were refused.",
            "以当前用户向这个内核逐个申请，打开后再问它到底是什么（SO_TYPE、SO_PROTOCOL）：\
             打开 {opened} 种，拒绝 {refused} 种。",
        )),
        Part::Counts(
            vec![Text::new("type, or errno", "类型或 errno"), Text::new("protocol", "协议")],
            super::TRIPLES.iter().map(row).collect(),
        ),
        Part::Say(say!(
            "With protocol 0 an INET STREAM socket became {plain}. UNIX RAW is no raw socket: it \
             became {raw}. EPROTONOSUPPORT: no such protocol for that type here; EPERM, EACCES: \
             not for this user; EAFNOSUPPORT: not in this kernel.",
            "协议写 0，INET STREAM 成了 {plain}。UNIX RAW 并不是原始套接字，它成了 {raw}。\
             EPROTONOSUPPORT 是这种类型没有这个协议；EPERM、EACCES 是当前用户没有权限；\
             EAFNOSUPPORT 是内核没有这个地址族。",
        )),
    ]
}

/// See `object.rs`, `fn type_family`.
pub(crate) const TYPE_FAMILY: Law = Law {
    id: "type-family",
    group: "object",
    title: Text::new("type and family can be read", "类型和地址族可以读出"),
    from: "S0:141 S2:102",
    law: Text::new(
        "The kernel knows of what family, type and protocol a socket is, and tells whoever holds \
         the descriptor.",
        "套接字是什么地址族、什么类型、什么协议，内核都记着；谁拿着描述符，谁就能问出来。",
    ),
    notes: Text::new(
        "s.type and s.family tell the type and the family; socket() alone gives STREAM and INET. \
         True, and the defaults are Python's: in C all three words must be given. Python remembers \
         the words; the kernel can be asked as well, of a socket that somebody else made.",
        "「s.type: 获取套接字类型」「s.family: 获取地址族类型」，socket() 不带参数就是 SOCK_STREAM、AF_INET。\
         对；不过默认值是 Python 给的，C 里三个参数都要写。s.type 是 Python 自己记下的；\
         别人建的套接字，也可以直接问内核。",
    ),
    means: Text::new(
        "A program that is handed a descriptor (as standard input, from a supervisor, over a Unix \
         socket) should ask what it is instead of assuming: SO_DOMAIN, SO_TYPE, SO_PROTOCOL, and \
         SO_ACCEPTCONN whether it listens. SOCK_NONBLOCK and SOCK_CLOEXEC go in with the type and \
         do not come back with it.",
        "程序从别处拿到描述符时（标准输入、监管进程、Unix 套接字传来），不要猜，用 SO_DOMAIN、SO_TYPE、\
         SO_PROTOCOL 问一下，SO_ACCEPTCONN 还能问它是否在监听。SOCK_NONBLOCK、SOCK_CLOEXEC 跟类型写在一起传进去，\
         读类型时不会带回来。",
    ),
    framecat: Text::new(
        "The kind follows from the scheme that was typed, and no flag is needed for it.",
        "种类由端点的 scheme 决定，不用另外的开关。",
    ),
    commands: &["framecat connect tcp://127.0.0.1:9000", "framecat connect udp://127.0.0.1:9000"],
    observe: super::type_family,
    judge: super::judge::type_family,
    done: done_type_family,
};

fn done_type_family(seen: &Evidence) -> Vec<Part> {
    let row = |label: Text, figure: &str| {
        let cells = seen.word(figure).split(' ').map(String::from).collect();
        (label.into(), cells)
    };
    let of_pipe = vec![String::new(), seen.word("pipe").to_string(), String::new()];
    vec![
        Part::Say(
            Text::new(
                "Five sockets and a pipe, and what the kernel says of each descriptor:",
                "五个套接字和一个管道，内核对每个描述符的回答：",
            )
            .into(),
        ),
        Part::Counts(
            vec![
                Text::new("SO_DOMAIN", "SO_DOMAIN"),
                Text::new("SO_TYPE", "SO_TYPE"),
                Text::new("SO_PROTOCOL", "SO_PROTOCOL"),
            ],
            vec![
                row(Text::new("INET, STREAM", "INET，STREAM"), "plain"),
                row(
                    Text::new("INET, STREAM|NONBLOCK|CLOEXEC", "INET，STREAM|NONBLOCK|CLOEXEC"),
                    "with_flags",
                ),
                row(Text::new("INET, DGRAM", "INET，DGRAM"), "datagram"),
                row(Text::new("UNIX, SEQPACKET", "UNIX，SEQPACKET"), "packets"),
                row(Text::new("what accept gave", "accept 得到的"), "accepted"),
                (Text::new("a pipe", "管道").into(), of_pipe),
            ],
        ),
    ]
}

/// See `object.rs`, `fn fileno`.
pub(crate) const FILENO: Law = Law {
    id: "fileno",
    group: "object",
    title: Text::new("a descriptor is a number", "文件描述符是一个编号"),
    from: "S0:151 S1 S4",
    law: Text::new(
        "A descriptor is the lowest number that is free in its process, counted from 0. It names an \
         open socket or file; the same one may have several, and in another process others.",
        "文件描述符是本进程里空着的最小编号，从 0 数起。它只是打开的套接字或文件的一个名字：\
         同一个套接字可以有几个编号，在别的进程里又是别的编号。",
    ),
    notes: Text::new(
        "Every open I/O has its own positive integer; stdin is 0. Nearly: 0 is not positive, and \
         numbers are given again after close, are private to a process, and are not one each: dup \
         gives a second. The sample's 1404 is no Linux descriptor of so small a program; there it \
         would be 3 or so.",
        "「每一个IO操作系统都会为其分配一个不同的正整数」。差不多：0 不是正整数；编号关闭后会再分给别人；\
         编号只在本进程里有效；同一个 IO 也可以有两个编号（dup）。例子里的 1404 \
         不像 Linux 上的结果，这么小的程序通常得到 3。",
    ),
    means: Text::new(
        "After close the number belongs to whoever opens next: a program that keeps a number and \
         uses it after close talks into another's conversation. A connection ends for the peer when \
         the last number that names it is closed, in every process: close what you do not hand on.",
        "close 之后，这个编号归下一个打开的人。把编号记下来、关闭后还用，就会把话说进别人的连接里。\
         指向同一个连接的所有编号（包括别的进程里的）都关闭了，对方才知道结束：不打算交出去的要关掉。",
    ),
    framecat: Text::new(
        "exec: starts a program whose 0 and 1 are the connection, as inetd did, and keeps none of \
         our other numbers open in it.",
        "exec: 启动的程序，它的 0 和 1 就是这个连接，和 inetd 一样；我们的其他编号不会留给它。",
    ),
    commands: &["framecat listen :9000 --exec cat"],
    observe: super::fileno,
    judge: super::judge::fileno,
    done: done_fileno,
};

fn done_fileno(seen: &Evidence) -> Vec<Part> {
    let (free, first, second) = (seen.count("free"), seen.count("first"), seen.count("second"));
    let (again, copy) = (seen.count("again"), seen.count("copy"));
    let mut parts = vec![Part::Say(say!(
        "The lowest free number was {free}; two sockets got {first} and {second}. {first} was \
         closed, and the next socket, another kind, got {again}. dup gave the second socket another \
         number, {copy}.",
        "空着的最小编号是 {free}；两个套接字分到 {first} 和 {second}。关闭 {first}，再开一个别的种类的，\
         分到 {again}。dup 又给第二个套接字一个编号 {copy}。",
    ))];
    let attempts = seen.count("attempts");
    if attempts > 1 {
        parts.push(Part::Say(say!(
            "(This was try {attempts}: before, other threads of this program took numbers too.)",
            "（这是第 {attempts} 次试：之前本程序的其他线程也在取编号。）",
        )));
    }
    parts.extend(calls(seen, "numbers"));
    let (ours, theirs) = (seen.count("ours"), seen.word("their_socket"));
    let socket = seen.word("our_socket");
    parts.push(Part::Say(if theirs == socket {
        say!(
            "One end of a pair of sockets was handed to another process as its standard input. \
             Here it is {ours}, there it is 0, and both lead to {theirs}.",
            "一对套接字中的一端，交给另一个进程当标准输入。在这里它是 {ours}，在那里它是 0，\
             两个编号都指向 {theirs}。",
        )
    } else {
        say!(
            "No other process could be looked at beside this one: {theirs}.",
            "没能看另一个进程里的编号：{theirs}。",
        )
    }));
    parts
}

/// See `object/names.rs`, `fn sockname`.
pub(crate) const SOCKNAME: Law = Law {
    id: "sockname",
    group: "object",
    title: Text::new("getsockname: its own address", "getsockname：自己的地址"),
    from: "S0:160",
    law: Text::new(
        "getsockname tells a socket's own address: what bind asked for, and whatever the kernel \
         chose where nothing was asked.",
        "getsockname 给出套接字自己的地址：bind 指定的部分照旧，没有指定的部分是内核选的。",
    ),
    notes: Text::new(
        "getsockname gives the bound address. True; and also the address of a socket that was never \
         bound: connect binds it, to a port and an address of the kernel's choice.",
        "「s.getsockname():获取套接字绑定地址」。对。补充：没有 bind 过的也有地址，connect 时内核会替它选好地址和端口。",
    ),
    means: Text::new(
        "Bind to port 0 and ask, instead of guessing a free port: no other program can take it in \
         between. A socket bound to 0.0.0.0 learns only from a connection which of the machine's \
         addresses it is spoken to by; a UDP server that must answer from that very address needs \
         IP_PKTINFO.",
        "需要空闲端口时，bind 端口 0 再问内核，不要自己猜：中间不会被别的程序抢走。绑定 0.0.0.0 的套接字，\
         要等有了连接才知道对方用的是本机哪个地址；UDP 服务端要从那个地址回复，得用 IP_PKTINFO。",
    ),
    framecat: Text::new(
        "Port 0 lets the kernel choose, and the address that it really has is told on stderr. In a \
         template {local} is it.",
        "端口写 0 由内核选，实际的地址写在标准错误上；模板里的 {local} 也是它。",
    ),
    commands: &["framecat listen 127.0.0.1:0", "framecat listen :9000 -f line --format '{local}'"],
    observe: super::names::sockname,
    judge: super::judge::sockname,
    done: done_sockname,
};

fn done_sockname(seen: &Evidence) -> Vec<Part> {
    let (client, from) = (seen.word("client_after"), seen.word("accepted_from"));
    let mut parts = vec![Part::Say(say!(
        "The server asks for any port, the client asks for nothing. The client calls itself \
         {client}, and accept says {from}.",
        "服务端只要求「随便一个端口」，客户端什么都没要求。客户端自己的地址是 {client}，accept 得到的是 {from}。",
    ))];
    parts.extend(calls(seen, "sockname"));
    let (wide, narrow) = (seen.word("datagrams_bound"), seen.word("datagrams_connected"));
    parts.push(Part::Say(say!(
        "A UDP socket bound to all addresses of the machine is {wide}; once it is connected it is \
         {narrow}: the kernel took the address that leads to the peer.",
        "UDP 套接字绑定本机全部地址时，名字是 {wide}；connect 之后是 {narrow}：内核换成了通向对方的那个地址。",
    )));
    parts
}

/// See `object/names.rs`, `fn peername`.
pub(crate) const PEERNAME: Law = Law {
    id: "peername",
    group: "object",
    title: Text::new("getpeername: the peer's address", "getpeername：对方的地址"),
    from: "S0:161",
    law: Text::new(
        "getpeername tells the other end's address, as long as there is a connection; before it, and \
         after a reset, it fails with ENOTCONN.",
        "getpeername 给出连接另一端的地址，前提是有连接；连接之前，或连接被重置之后，都是 ENOTCONN。",
    ),
    notes: Text::new(
        "getpeername gives the address of the connected end. True at both ends: at the client it is \
         the server's (one set of the notes says it is always the client's). It is told of a \
         connection, so a listening socket has none.",
        "「s.getpeername(): 获取连接端的地址」。对，两端都能用：在客户端得到的是服务端的地址（S2 写成「客户端地址」，\
         只在服务端才是）。它说的是连接，所以监听套接字没有。",
    ),
    means: Text::new(
        "Take the address from accept and keep it: when a connection was reset there is nobody left \
         to ask, and a log line without the address helps no one. ENOTCONN right after accept means \
         that the client has already reset.",
        "地址在 accept 时就拿到并留着：连接一旦被重置就问不到了，没有地址的日志帮不上忙。\
         刚 accept 完就 ENOTCONN，说明客户端已经重置了连接。",
    ),
    framecat: Text::new(
        "The peer is remembered when it comes: -v names it at the beginning and the end of its \
         connection, and {peer} in a template for each message.",
        "对方一连上就记住它的地址：-v 在连接开始和结束时写出，模板里的 {peer} 每条消息都可以写。",
    ),
    commands: &["framecat listen :9000 -v", "framecat listen :9000 -f line --format '{peer} {n}'"],
    observe: super::names::peername,
    judge: super::judge::peername,
    done: done_peername,
};

fn done_peername(seen: &Evidence) -> Vec<Part> {
    let (end, reset) = (seen.word("after_end"), seen.word("after_reset"));
    let mut parts = vec![Part::Say(say!(
        "Before there is a connection, while there is one, after the client closed cleanly (still \
         {end}), and after another one reset ({reset}).",
        "连接之前；连接期间；客户端正常关闭之后（仍是 {end}）；另一个客户端重置连接之后（{reset}）。",
    ))];
    parts.extend(calls(seen, "peername"));
    let (before, after) = (seen.word("datagrams_before"), seen.word("datagrams_after"));
    parts.push(Part::Say(say!(
        "On UDP connect sends nothing, it only notes the peer: before it {before}, after it {after}.",
        "UDP 的 connect 什么也不发，只记下对方：之前 {before}，之后 {after}。",
    )));
    parts
}
