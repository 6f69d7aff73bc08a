//! How the laws of broadcast are told, in English and Chinese. The experiments are in `broadcast.rs`;
//! every number here comes from their evidence.

use crate::evidence::Evidence;
use crate::lang::{Say, Text, say};
use crate::law::Law;
use crate::page::Part;

fn calls(seen: &Evidence, name: &str) -> impl Iterator<Item = Part> {
    seen.scene(name).cloned().map(Part::Calls).into_iter()
}

/// See `broadcast.rs`, `fn broadcast_one_many`.
pub(crate) const BROADCAST_ONE_MANY: Law = Law {
    id: "broadcast-one-many",
    group: "broadcast",
    title: Text::new("one sends, many receive", "一点发送，多点接收"),
    from: "S0:181 S1:117 S2:126 S4:93",
    law: Text::new(
        "A datagram to the broadcast address reaches every socket of the network that is bound to \
         the port on any address. Several on one host must share the port (SO_REUSEADDR); one bound \
         to an address of its host gets none.",
        "发往广播地址的数据报，网段里凡是在这个端口上绑定「任意地址」的套接字都能收到。\
         同一台主机上要有好几个，得用 SO_REUSEADDR 共用端口；只绑定了本机某个地址的收不到。",
    ),
    notes: Text::new(
        "One end sends and many receive; sent to the broadcast address, all hosts of the network can \
         receive. True of hosts. They leave out which of their sockets do: the address that a \
         receiver binds decides.",
        "「一端发送多点接收」，「向该地址发送，则网段内所有主机都能接收」。对主机来说没错；\
         笔记没有讲主机上哪些套接字能收到：这取决于接收端绑定的地址。",
    ),
    means: Text::new(
        "A receiver binds (\"\", port), that is 0.0.0.0. One bound to 127.0.0.1, or to the address \
         that the host has in the network, waits for ever: broadcasts are not sent to that address. \
         Set SO_REUSEADDR before bind if a second program may listen too.",
        "接收端要绑定 ('', 端口)，也就是 0.0.0.0。绑定 127.0.0.1 或本机在网段里的地址，\
         就会一直等下去：广播不是发给那个地址的。如果可能有别的程序也要听，在 bind 之前设 SO_REUSEADDR。",
    ),
    framecat: Text::new(
        "broadcast://:PORT listens on any address and shares the port; udp://:PORT says that \
         broadcasts do not arrive there. `framecat lab broadcast --dev IF` shows these laws on a \
         network of yours, and sends there.",
        "broadcast://:端口 绑定任意地址并共用端口；udp://:端口 会提醒那里收不到广播。\
         framecat lab broadcast --dev 网卡 会在你的网段上做这些实验，会真的往那里发。",
    ),
    commands: &[
        "framecat listen broadcast://:9000",
        "framecat ask broadcast://:9000 'who is there?'",
    ],
    observe: super::broadcast_one_many,
    judge: super::judge::broadcast_one_many,
    done: done_broadcast_one_many,
};

fn done_broadcast_one_many(seen: &Evidence) -> Vec<Part> {
    let (to, without) = (seen.word("to"), seen.word("without_reuseaddr"));
    let (heard, alone) = (seen.list("heard").len(), seen.list("heard_alone").len());
    let mut parts = vec![Part::Say(say!(
        "Sockets with SO_REUSEADDR on one port, bound to different addresses, and one without it \
         (C), which bind refused: {without}. Then one sendto to {to}. {heard} of them are asked \
         what they heard, D among them, bound to the broadcast address itself. After a datagram for \
         it alone {alone} more: what it hears first shows whether the broadcast came.",
        "几个套接字设了 SO_REUSEADDR，用同一个端口，绑定的地址不同；C 没有设，bind 得到 {without}。\
         然后向 {to} 只 sendto 一次，看 {heard} 个收到什么（D 绑定的是广播地址本身）。剩下 {alone} 个，再单独发一个数据报给它：\
         它最先收到的是哪个，就知道广播到没到。",
    ))];
    parts.extend(calls(seen, "one_many"));
    parts
}

/// See `broadcast.rs`, `fn broadcast_address`.
pub(crate) const BROADCAST_ADDRESS: Law = Law {
    id: "broadcast-address",
    group: "broadcast",
    title: Text::new("the highest address of the network", "每个网段内最大的地址"),
    from: "S0:182 S1:119 S2:128 S4:94",
    law: Text::new(
        "The broadcast address is the highest of the network: the address with every bit behind the \
         prefix set. 255.255.255.255 is another, the limited one: this network, whatever it is.",
        "广播地址是网段里最大的地址：前缀后面的位全为 1。255.255.255.255 是另一种，叫受限广播地址：\
         「我所在的这个网段」，不管它是哪个。",
    ),
    notes: Text::new(
        "The highest address of each network; 172.60.50.255 → <broadcast>. The first is true of the \
         directed address. The arrow is not: <broadcast>, Python's name, is 255.255.255.255, the \
         limited address. And 172.60.50.255 is the highest of a \
         /24, while in a /16 it is a host like any other.",
        "「广播地址，每个网段内最大的地址」，「172.60.50.255 ----》 <broadcast>」。前一句对，\
         说的是定向广播地址。箭头不对：<broadcast> 是 Python 的写法，指 255.255.255.255，\
         即受限广播地址。而且 172.60.50.255 要看前缀：前缀是 24 时它是最大的，\
         是 16 时它只是一台普通主机的地址。",
    ),
    means: Text::new(
        "Compute it from address and prefix, or ask the system (ip address shows it as brd): an \
         address that ends in 255 need not be one. The limited address never passes a router, and \
         leaves by one interface only: that of the address which the socket is bound to, or that of \
         the default route.",
        "要用地址和前缀算出来，或者问系统（ip address 里的 brd）：以 255 结尾的不一定是广播地址。\
         受限广播不会被路由器转发，而且只从一块网卡出去：套接字绑定了哪个地址就走哪块，没绑定就走默认路由。",
    ),
    framecat: Text::new(
        "broadcast:// computes the directed address of every network of the machine and sends to \
         each; dev=IF takes one.",
        "broadcast:// 会算出本机每个网段的定向广播地址，逐个发送；dev=网卡 只用其中一个。",
    ),
    commands: &[
        "framecat connect broadcast://:9000 -v",
        "framecat connect broadcast://:9000,dev=eth0",
    ],
    observe: super::broadcast_address,
    judge: super::judge::broadcast_address,
    done: done_broadcast_address,
};

fn done_broadcast_address(seen: &Evidence) -> Vec<Part> {
    let prefix = seen.count("prefix");
    let line = |name: &str| {
        let ip = seen.word(name);
        format!("{}   {ip}", seen.word(&format!("{name}_bits")))
    };
    let mut parts = vec![
        Part::Say(say!(
            "The address, the mask of its prefix ({prefix} ones), and the address with ones behind \
             them:",
            "地址，前缀对应的掩码（{prefix} 个 1），以及后面全为 1 的地址：",
        )),
        Part::Bytes(vec![
            (Text::new("address", "地址").into(), line("address")),
            (Text::new("mask", "掩码").into(), line("mask")),
            (Text::new("highest", "最大").into(), line("highest")),
        ]),
        Part::Say(Say::from(Text::new(
            "The address of the notes, under three prefixes:",
            "笔记里的地址，换三种前缀来算：",
        ))),
        Part::Bytes(
            seen.list("notes")
                .iter()
                .map(|row| (Text::new("", "").into(), (*row).into()))
                .collect(),
        ),
    ];
    let receivers = seen.count("receivers");
    parts.push(Part::Say(say!(
        "What does the kernel say? It refuses a broadcast address (EACCES) to a socket without \
         SO_BROADCAST, already at connect, where nothing is sent. And of {receivers} sockets on one \
         port a broadcast reaches all, anything else one:",
        "内核怎么看？没有 SO_BROADCAST 的套接字连向广播地址，connect 时（还没发送）就得到 EACCES。\
         而同一端口上的 {receivers} 个套接字，广播全都收到，别的只有一个收到：",
    )));
    let row = |name: &str, heard: String| {
        let ip = seen.word(name);
        (say!("{ip}", "{ip}"), vec![seen.word(&format!("{name}_asks")).into(), heard])
    };
    let heard = |name: &str| seen.count(&format!("{name}_heard")).to_string();
    parts.push(Part::Counts(
        vec![Text::new("connect gave", "connect 得到"), Text::new("heard it", "收到")],
        vec![
            row("highest", heard("highest")),
            row("limited", heard("limited")),
            row("lookalike", heard("lookalike")),
            row("below", "-".into()),
        ],
    ));
    parts
}

/// See `broadcast.rs`, `fn broadcast_permission`.
pub(crate) const BROADCAST_PERMISSION: Law = Law {
    id: "broadcast-permission",
    group: "broadcast",
    title: Text::new("SO_BROADCAST is for sending", "SO_BROADCAST 只管发送"),
    from: "S4:96",
    law: Text::new(
        "To send to a broadcast address a socket needs SO_BROADCAST, else sendto fails with EACCES. \
         To receive, it needs nothing.",
        "套接字要设 SO_BROADCAST 才能向广播地址发送，否则 sendto 失败，得到 EACCES。接收不需要任何设置。",
    ),
    notes: Text::new(
        "SO_BROADCAST must be set to send and to receive broadcasts. Half of it is wrong: a receiver \
         needs no option.",
        "「设置可以发送接收广播 s.setsockopt(SOL_SOCKET,SO_BROADCAST,1)」。一半不对：接收不用设这个选项。",
    ),
    means: Text::new(
        "The option guards against mistakes: a program that takes an address from a user does not \
         flood a network because somebody typed 255. It can be set at any time and taken back, and \
         no privilege is needed. EACCES from sendto means this option and no file permission.",
        "这个选项是防误用的：程序从用户那里拿到的地址，不会因为末尾打成 255 就淹没整个网段。\
         它随时可以设置、取消，不需要特权。sendto 得到 EACCES，指的是这个选项，跟文件权限无关。",
    ),
    framecat: Text::new(
        "broadcast:// sets it; udp:// does not unless told, so that a wrong address is refused.",
        "broadcast:// 会设它；udp:// 不会，除非明说，所以打错地址时会被拒绝。",
    ),
    commands: &[
        "framecat connect broadcast://:9000",
        "framecat connect udp://127.255.255.255:9000,broadcast",
    ],
    observe: super::broadcast_permission,
    judge: super::judge::broadcast_permission,
    done: done_broadcast_permission,
};

fn done_broadcast_permission(seen: &Evidence) -> Vec<Part> {
    let (without, with, back) = (seen.word("without"), seen.word("with"), seen.word("taken_back"));
    let (off, on) = (seen.word("heard_without"), seen.word("heard_with"));
    let mut parts = vec![Part::Say(say!(
        "A sender as it is made, then with the option, then without it again: {without}, {with}, \
         {back}. Two receivers on one port, A without the option, B with it: they heard {off} and \
         {on}.",
        "发送端先什么都不设，再设选项，再取消：依次得到 {without}、{with}、{back}。\
         同一端口上两个接收端，A 没设选项，B 设了：分别收到 {off} 和 {on}。",
    ))];
    parts.extend(calls(seen, "permission"));
    parts
}
