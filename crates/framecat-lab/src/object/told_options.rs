//! How the laws about options are told. The experiments are in `options.rs`; every number here comes
//! from their evidence.

use crate::evidence::Evidence;
use crate::lang::{Text, say};
use crate::law::Law;
use crate::page::Part;

const RESULT: Text = Text::new("result", "结果");

/// See `object/options.rs`, `fn setsockopt`.
pub(crate) const SETSOCKOPT: Law = Law {
    id: "setsockopt",
    group: "object",
    title: Text::new("options change a socket", "setsockopt：改变套接字的行为"),
    from: "S0:172 S4:84",
    law: Text::new(
        "setsockopt changes how a socket behaves. Some options are looked at by one call only (bind, \
         listen, connect) and must be set before it; others count from the moment they are set.",
        "setsockopt 改变套接字的行为。有的选项只在某个调用（bind、listen、connect）时看一眼，必须在它之前设；\
         有的随时可设，设了就生效。",
    ),
    notes: Text::new(
        "Options enrich and change what a socket does; set them right after the socket is made. A \
         good habit, and we add why: it is early enough for every option, while only some take \
         effect later as well.",
        "「创建套接字后立即设置」。是个好习惯。补充原因：这时设，对所有选项都来得及；而晚一点，只有一部分还有效。",
    ),
    means: Text::new(
        "Before bind: SO_REUSEADDR, SO_REUSEPORT, IPV6_V6ONLY. Before listen or connect: SO_RCVBUF, \
         for the window is offered with the first segment. Any time: SO_BROADCAST, TCP_NODELAY, \
         SO_KEEPALIVE, timeouts. Set a server's options on the listener: what accept gives has \
         them from the start. Always look at the result; a refused option changes nothing.",
        "bind 之前：SO_REUSEADDR、SO_REUSEPORT、IPV6_V6ONLY。listen 或 connect 之前：SO_RCVBUF，\
         因为窗口在第一个报文段里就报给对方了。随时：SO_BROADCAST、TCP_NODELAY、SO_KEEPALIVE、各种超时。\
         服务端的选项设在监听套接字上，accept 得到的一开始就有。每次都要看返回值：被拒绝的选项什么也没改。",
    ),
    framecat: Text::new(
        "Options stand behind the address and are set at the moment that each needs; what the kernel \
         refuses ends the program with the option's name. framecat help options says which is set \
         when.",
        "选项写在地址后面，framecat 在各自该设的时刻去设；内核拒绝时报出选项名并退出。\
         framecat help options 列出每个选项何时设。",
    ),
    commands: &[
        "framecat listen :9000,reuseaddr=off,rcvbuf=64KiB",
        "framecat connect :9000,nodelay=off,keepalive",
    ],
    observe: super::options::setsockopt,
    judge: super::judge::setsockopt,
    done: done_setsockopt,
};

fn done_setsockopt(seen: &Evidence) -> Vec<Part> {
    let row = |label: Text, figure: &str| (label.into(), vec![seen.word(figure).to_string()]);
    let small = seen.count("small_bytes");
    let (early, late) =
        (seen.count("window_set_before_listen"), seen.count("window_set_after_accept"));
    let on_off = |figure: String| if seen.flag(&figure) { "on" } else { "off" }.to_string();
    let options = |label: Text, end: &str| {
        let cells = ["nodelay", "keepalive"].map(|option| on_off(format!("{end}_{option}")));
        (label.into(), cells.to_vec())
    };
    vec![
        Part::Say(
            Text::new(
                "One call after the other, with an option set or not set before it:",
                "同样的调用，之前设或不设某个选项：",
            )
            .into(),
        ),
        Part::Counts(
            vec![RESULT],
            vec![
                row(Text::new("bind to a shared port", "bind 到别人共享的端口"), "bind_without"),
                row(
                    Text::new("SO_REUSEADDR on, bind again", "设 SO_REUSEADDR，再 bind"),
                    "bind_with",
                ),
                row(Text::new("sendto a broadcast address", "sendto 广播地址"), "send_before"),
                row(Text::new("SO_BROADCAST on, sendto", "设 SO_BROADCAST，sendto"), "send_on"),
                row(Text::new("SO_BROADCAST off, sendto", "取消 SO_BROADCAST，sendto"), "send_off"),
                row(
                    Text::new("IPV6_V6ONLY on, after bind", "bind 之后设 IPV6_V6ONLY"),
                    "v6only_after_bind",
                ),
                row(Text::new("TCP_NODELAY on, of UDP", "给 UDP 设 TCP_NODELAY"), "nodelay_on_udp"),
            ],
        ),
        Part::Say(say!(
            "A server asks for a receive buffer of {small} bytes. Set before listen, the client sees \
             a window of {early} bytes; set on the accepted socket, it still sees {late}: that had \
             been offered already.",
            "服务端要一个 {small} 字节的接收缓冲区。listen 之前设，客户端看到的窗口是 {early} 字节；\
             accept 之后才设，客户端看到的仍是 {late}：已经报出去的收不回来。",
        )),
        Part::Say(
            Text::new(
                "TCP_NODELAY and SO_KEEPALIVE were set on a listener only. An option is never sent \
                 to the peer:",
                "只在监听套接字上打开 TCP_NODELAY 和 SO_KEEPALIVE。选项只管自己这一端，不会传给对方：",
            )
            .into(),
        ),
        Part::Counts(
            vec![
                Text::new("TCP_NODELAY", "TCP_NODELAY"),
                Text::new("SO_KEEPALIVE", "SO_KEEPALIVE"),
            ],
            vec![
                options(Text::new("from accept", "accept 得到的"), "inherited"),
                options(Text::new("the client", "客户端"), "client"),
            ],
        ),
    ]
}

/// See `object/options.rs`, `fn getsockopt`.
pub(crate) const GETSOCKOPT: Law = Law {
    id: "getsockopt",
    group: "object",
    title: Text::new("options can be read back", "getsockopt：读回选项"),
    from: "S0:176",
    law: Text::new(
        "getsockopt tells what holds, which need not be what was set: Linux doubles SO_RCVBUF, and \
         keeps it between a least and twice net.core.rmem_max.",
        "getsockopt 给出实际生效的值，不一定等于设进去的值：SO_RCVBUF 会被 Linux 翻倍，\
         太小抬到下限，太大只给到 net.core.rmem_max 的两倍。",
    ),
    notes: Text::new(
        "getsockopt gets the value of an option. True; we add that it is the kernel's answer, not an \
         echo, and that some options can only be read, one of them (SO_ERROR) once.",
        "「s.getsockopt(level,optname)：获取套接字选项值」。对。补充：得到的是内核的回答，不是设进去的原样；\
         有的选项只能读，其中 SO_ERROR 读一次就清掉。",
    ),
    means: Text::new(
        "setsockopt succeeds even where the kernel gives less than was asked: who depends on a \
         buffer's size reads it back. The doubling pays for the kernel's bookkeeping. Whoever sets \
         SO_RCVBUF also turns off the tuning that would have enlarged it: leave it alone unless you \
         measured.",
        "内核给得比要的少，setsockopt 照样成功；程序如果在乎缓冲区大小，设完要读回来看。\
         多出的一倍是内核自己记账用的。而且手工设了 SO_RCVBUF，内核就不再自动调大它：没有测量过就别动。",
    ),
    framecat: Text::new(
        "The buffers are left to the kernel's tuning unless rcvbuf= or sndbuf= is typed.",
        "不写 rcvbuf=、sndbuf=，缓冲区就由内核自动调节。",
    ),
    commands: &["framecat listen :9000,rcvbuf=1MiB -v"],
    observe: super::options::getsockopt,
    judge: super::judge::getsockopt,
    done: done_getsockopt,
};

fn done_getsockopt(seen: &Evidence) -> Vec<Part> {
    let default = seen.count("default_bytes");
    let row = |label: Text, run: &str| {
        let cell = |what: &str| seen.count(&format!("{run}_{what}")).to_string();
        (label.into(), vec![cell("asked"), cell("got")])
    };
    let mut parts = vec![
        Part::Say(say!(
            "The receive buffer of a new TCP socket is {default} bytes, and the kernel would enlarge \
             it by itself. Set by hand:",
            "新建的 TCP 套接字，接收缓冲区是 {default} 字节，内核会自己把它调大。手工设置：",
        )),
        Part::Counts(
            vec![Text::new("set", "设置"), Text::new("read back", "读回")],
            vec![
                row(Text::new("SO_RCVBUF", "SO_RCVBUF"), "plain"),
                row(Text::new("SO_RCVBUF, far too small", "SO_RCVBUF，太小"), "tiny"),
                row(Text::new("SO_RCVBUF, far too large", "SO_RCVBUF，太大"), "huge"),
            ],
        ),
    ];
    let most = seen.count("rmem_max");
    parts.push(Part::Say(if seen.flag("rmem_max_known") {
        say!(
            "net.core.rmem_max is {most} here; none of the three calls failed.",
            "这台机器的 net.core.rmem_max 是 {most}；三次 setsockopt 都没有报错。",
        )
    } else {
        say!(
            "net.core.rmem_max cannot be read here; none of the three calls failed.",
            "这里读不到 net.core.rmem_max；三次 setsockopt 都没有报错。",
        )
    }));
    let (first, again) = (seen.word("error_first"), seen.word("error_again"));
    parts.push(Part::Say(say!(
        "A UDP socket sent to a port that nobody has. SO_ERROR, read twice: {first}, {again}.",
        "UDP 套接字向一个没人用的端口发送。SO_ERROR 连读两次：{first}，{again}。",
    )));
    parts
}
