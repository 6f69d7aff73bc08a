//! How the laws about TCP's promise and its price are told.

use super::super::wire::calls;
use crate::evidence::Evidence;
use crate::lang::{Say, Text, say};
use crate::law::Law;
use crate::page::Part;

/// See `trust.rs`, `fn tcp_reliable`.
pub(crate) const TCP_RELIABLE: Law = Law {
    id: "tcp-reliable",
    group: "connection",
    title: Text::new("what TCP promises, and what it does not", "TCP 可靠，可靠到什么程度"),
    from: "S0:129 S1 S2:95 S3:168 S4:61",
    law: Text::new(
        "While the connection lives TCP brings every byte, once and in order. It does not promise \
         that a sent byte is read, nor that messages stay whole.",
        "只要连接还在，TCP 就把每个字节按顺序、不多不少地送到。但它不保证发出的字节被对方读到，\
         也不保证消息保持完整。",
    ),
    notes: Text::new(
        "TCP rests on a connection and guarantees reliable transmission, UDP does not. True of the \
         bytes. The notes leave out two limits: a successful send is no delivery, and it is the bytes \
         that are whole, not the messages.",
        "「tcp传输是建立在连接的基础上，保证传输的可靠性」，「udp则不保证」。对字节来说是对的。\
         笔记少说了两条限度：send 成功不等于送达；完整的是字节，不是消息。",
    ),
    means: Text::new(
        "No return value of send says that anybody read it, and neither does an empty send buffer: \
         only an answer from the program at the other end does. What must not be lost is numbered, \
         answered, and sent again on the next connection by the program itself.",
        "send 的返回值不能说明有人读了，发送缓冲区空了也不能说明；只有对方程序的回答才算数。\
         不能丢的东西，要由程序自己编号、等对方回答，连接断了就在下一个连接上重发。",
    ),
    framecat: Text::new(
        "ask waits for the reply to each message and exits with an error where none comes. A reset is \
         never taken for an end.",
        "ask 对每条消息都等回答，等不到就以错误码退出。连接被重置绝不当作正常结束。",
    ),
    commands: &["framecat ask :9000 hello", "framecat listen :9000 --echo"],
    observe: super::tcp_reliable,
    judge: super::judge::tcp_reliable,
    done: done_tcp_reliable,
};

fn done_tcp_reliable(seen: &Evidence) -> Vec<Part> {
    let (sends, held) = (seen.count("sends"), seen.word("held_recv"));
    let mut parts = vec![Part::Say(say!(
        "{sends} messages, a segment each. The second is lost, and so is what is sent again: those \
         segments have a time to live that the receiving kernel refuses (IP_MINTTL), as if they had \
         gone astray. Between the ends: segments sent and segments that came.",
        "{sends} 条消息，各占一个报文段。第二条丢了，重发也丢：这些报文段的 TTL 太小，接收端内核\
         不收（IP_MINTTL），就像半路丢了一样。中间是已发的报文段数和到达的报文段数。",
    ))];
    parts.extend(calls(seen, "segment"));
    let (again, recvs) = (seen.count("sent_again"), seen.count("recvs"));
    parts.push(Part::Say(say!(
        "The third had come, yet recv gave {held}: order is kept. Once nothing was refused \
         the kernel sent {again} segments again, and all bytes came, in order. But {sends} sends took {recvs} recvs: the messages did \
         not stay apart.",
        "第三条早就到了，recv 却是 {held}：顺序不能乱。不再丢弃以后，内核重发了 {again} 个报文段，\
         所有字节都按顺序收到了。但 {sends} 次 send 变成 {recvs} 次 recv：消息没有保持原样。",
    )));
    let (received, rest, taken) =
        (seen.word("udp_received"), seen.word("udp_rest"), seen.word("udp_lost_send"));
    parts.push(Part::Say(say!(
        "On UDP the second is lost in a receive buffer that others have filled: {received} came, then \
         {rest}. Its send had returned {taken} all the same, and no call told either end.",
        "换成 UDP，第二条因接收缓冲区被别的数据报占满而丢失：收到 {received}，之后是 {rest}。\
         丢的那次 send 照样返回 {taken}，没有任何调用告诉过哪一端。",
    )));
    parts.extend(calls(seen, "datagram"));
    let (order, unacked) = (seen.count("order_sent"), seen.count("order_unacked"));
    let told = seen.word("order_recv");
    parts.push(Part::Say(say!(
        "And a send that succeeded: {order} bytes were taken, and acknowledged by the peer's kernel \
         ({unacked} unacknowledged). Its program closed without reading them. All the sender learns \
         is {told}.",
        "再看一次成功的 send：{order} 字节被收下，对方内核也确认了（未确认 {unacked}）。\
         对方的程序没有读就关闭了。发送端能知道的只有 {told}。",
    )));
    parts.extend(calls(seen, "undelivered"));
    parts
}

/// See `trust.rs`, `fn realtime`.
pub(crate) const REALTIME: Law = Law {
    id: "realtime",
    group: "connection",
    title: Text::new("one lost segment holds back the rest", "丢一段，后面的都得等"),
    from: "S3:167",
    law: Text::new(
        "On TCP what came after a lost segment is held back until the lost one has been sent again. \
         On UDP each datagram is given as it comes, and what is lost stays lost.",
        "TCP 上丢了一个报文段，它后面已经到达的也要等它重发到了才能交给程序。UDP 上每个数据报\
         到了就给，丢了的就丢了。",
    ),
    notes: Text::new(
        "TCP asks much of the network, UDP suits real time better. True of a network that loses: the \
         reason is this waiting, not speed. On one that loses nothing TCP is no slower.",
        "「tcp对网络条件要求高, udp更适合实时传输」。网络会丢包时确实如此；原因是后面的要排队等，\
         并不是 TCP 本身慢。不丢包的网络上，TCP 并不比 UDP 慢。",
    ),
    means: Text::new(
        "Where an old message is worthless once a newer one exists (a position, a voice) use \
         datagrams with a number in each, and let the old ones go. Where every message counts use \
         TCP, and expect a pause of a retransmission now and then.",
        "如果新消息一到，旧消息就没用了（位置、语音），就用数据报，每个带上编号，旧的不要了。\
         如果每条都不能少，就用 TCP，并接受偶尔因重发而停顿。",
    ),
    framecat: Text::new(
        "The same messages go over either: only the endpoint changes. --format '{time} {payload}' \
         shows when each one came.",
        "同样的消息走哪一种都行，只换端点。--format '{time} {payload}' 显示每条消息到达的时间。",
    ),
    commands: &[
        "framecat listen udp://:9000 --format '{time} {payload}'",
        "framecat listen :9000 --format '{time} {payload}'",
    ],
    observe: super::realtime,
    judge: super::judge::realtime,
    done: done_realtime,
};

/// Microseconds as milliseconds with three decimals.
fn millis(us: u64) -> String {
    format!("{:.3}", us as f64 / 1e3)
}

fn done_realtime(seen: &Evidence) -> Vec<Part> {
    let frames = seen.count("tcp_frames");
    let mut parts = vec![Part::Say(say!(
        "{frames} frames over TCP, each in a segment of its own, asked for after each send. The first \
         is lost: its time to live is one that the receiving kernel refuses (IP_MINTTL).",
        "用 TCP 发 {frames} 帧，每帧一个报文段，每次 send 之后都去 recv 一次。第一帧丢了：\
         它的 TTL 太小，接收端内核不收（IP_MINTTL）。",
    ))];
    parts.extend(calls(seen, "tcp"));
    let (came, given) = (seen.count("tcp_came"), seen.count("tcp_given_before_repair"));
    let again = seen.count("tcp_sent_again");
    parts.push(Part::Say(say!(
        "{came} segments had come behind the lost one, and {given} frames were given out. Once the \
         first had been sent again ({again} in all) the others followed in the same moment.",
        "丢的那帧后面到了 {came} 个报文段，交给程序的却是 {given} 帧。等第一帧重发到了\
         （共重发 {again} 次），其余的才跟着一起出来。",
    )));
    parts.push(Part::Say(Say::from(Text::new(
        "The same frames over UDP; the first is lost in a receive buffer that others have filled:",
        "同样的帧，换成 UDP；第一帧因接收缓冲区被占满而丢失：",
    ))));
    parts.extend(calls(seen, "udp"));
    let cell = |name: &str| vec![millis(seen.count(name))];
    parts.push(Part::Counts(
        vec![Text::new("ms until the program had it", "多少毫秒后交给程序")],
        vec![
            (Text::new("second frame, TCP", "第二帧，TCP").into(), cell("tcp_second_waited_us")),
            (Text::new("second frame, UDP", "第二帧，UDP").into(), cell("udp_second_waited_us")),
        ],
    ));
    parts
}

/// See `trust.rs`, `fn short_long`.
pub(crate) const SHORT_LONG: Law = Law {
    id: "short-long",
    group: "connection",
    title: Text::new("a connection for each exchange, or one for all", "短连接和长连接"),
    from: "S3:181",
    law: Text::new(
        "A short connection serves one exchange, a long one as many as the client wants. A short one \
         pays for a handshake and a goodbye each time, and leaves a name in TIME-WAIT.",
        "短连接只做一次交换，长连接做多少次由客户端决定。短连接每次都要付出握手和挥手的代价，\
         还在 TIME-WAIT 里留下一对地址。",
    ),
    notes: Text::new(
        "Short: one exchange. Long: the server does not close, the client decides how long it lives. \
         True. But the loop shown for \"long\" closes after each exchange: that is short. What repeats \
         in it is accept, not the conversation.",
        "「短连接 客户端与服务器只交换依次」，「长连接 服务器端不主动关闭, 长连接生命周期取决于\
         客户端」。对。但笔记给出的「长连接」循环，每次交换后都 conn.close()，其实是短连接：\
         循环里重复的是 accept，不是同一个连接上的对话。",
    ),
    means: Text::new(
        "For a long connection the loop goes around recv and send, inside the one around accept, and \
         ends when recv gives 0. Then one slow client holds up the others: a thread each, or poll. \
         And messages need boundaries, which a short connection gets from its end.",
        "长连接的循环要套在 recv 和 send 外面，放在 accept 的循环里面，recv 返回 0 时才结束。\
         这样一个慢的客户端会拖住别人，所以每个连接一个线程，或者用 poll。另外，长连接上的消息\
         要有边界；短连接的边界就是连接的结束。",
    ),
    framecat: Text::new(
        "connect and ask keep one connection for all messages; ask --short dials for each. listen \
         serves many connections at once, each for as long as the client wants.",
        "connect 和 ask 用同一个连接发全部消息；ask --short 每条消息重新连接。listen 同时接待\
         许多连接，每个都由客户端决定何时结束。",
    ),
    commands: &["framecat ask :9000 --short one two", "framecat listen :9000 --echo"],
    observe: super::short_long,
    judge: super::judge::short_long,
    done: done_short_long,
};

fn done_short_long(seen: &Evidence) -> Vec<Part> {
    let exchanges = seen.count("exchanges");
    let mut parts = vec![Part::Say(say!(
        "{exchanges} exchanges of a question and an answer, once with a connection for each and once \
         over a single one. Segments of all kinds, as the client's kernel counted them; what stayed \
         in the kernel's table in TIME-WAIT; the time of one exchange.",
        "{exchanges} 次一问一答，一遍每次新建连接，一遍全用同一个连接。报文段是客户端内核数的，\
         各种都算；TIME-WAIT 是留在内核表里的；最后是每次交换的用时。",
    ))];
    let row = |label: Text, name: &str| {
        let of = |what: &str| seen.count(&format!("{name}_{what}"));
        let left = seen.word(&format!("{name}_left_in_table")).to_string();
        let cells = vec![
            of("connections").to_string(),
            of("client_ports").to_string(),
            of("segments").to_string(),
            left,
            millis(of("us_each")),
        ];
        (Say::from(label), cells)
    };
    parts.push(Part::Counts(
        vec![
            Text::new("connections", "连接"),
            Text::new("client ports", "客户端端口"),
            Text::new("segments", "报文段"),
            Text::new("TIME-WAIT", "TIME-WAIT"),
            Text::new("ms each", "每次毫秒"),
        ],
        vec![row(Text::new("short", "短连接"), "short"), row(Text::new("long", "长连接"), "long")],
    ));
    let (answer, end, last) =
        (seen.word("loop_answer"), seen.word("loop_recv"), seen.word("loop_last_send"));
    parts.push(Part::Say(say!(
        "And the loop of the notes: accept, recv, send, close. The client would like to ask twice. It \
         gets {answer}, then recv gives {end}, and in the end send gives {last}.",
        "再看笔记里的循环：accept、recv、send、close。客户端想问两次：先得到 {answer}，\
         再 recv 就是 {end}，最后 send 得到 {last}。",
    )));
    parts.extend(calls(seen, "loop"));
    parts
}
