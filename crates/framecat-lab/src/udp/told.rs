//! How the laws of one datagram are told, in English and Chinese. The experiments are in `udp.rs`;
//! every number here comes from their evidence.

use crate::evidence::Evidence;
use crate::lang::{Text, say};
use crate::law::Law;
use crate::page::Part;

/// The calls of a scene, where the experiment noted it.
pub(super) fn calls(seen: &Evidence, name: &str) -> impl Iterator<Item = Part> {
    seen.scene(name).cloned().map(Part::Calls).into_iter()
}

/// See `udp.rs`, `fn udp_boundaries`.
pub(crate) const UDP_BOUNDARIES: Law = Law {
    id: "udp-boundaries",
    group: "udp",
    title: Text::new("datagrams keep their boundaries", "数据报有边界，不会粘包"),
    from: "S0:128 S1:76 S2:94 S3:166 S4:60",
    law: Text::new(
        "One recvfrom gives what one sendto sent: datagrams never merge and never come in pieces, \
         however late they are read.",
        "一次 recvfrom 收到的就是一次 sendto 发的：数据报不会粘在一起，也不会拆成几段，读得再晚也一样。",
    ),
    notes: Text::new(
        "TCP sticks together; UDP messages have boundaries and do not. True. We add what it costs: \
         a message must fit into one datagram.",
        "「tcp会产生粘包现象，udp消息是有边界的不会粘包」。说得对。补充一点代价：\
         一条消息必须装得进一个数据报。",
    ),
    means: Text::new(
        "No framing is needed: a datagram is a message. But there is a largest one, and in a network \
         one larger than a frame (about 1500 bytes) travels in fragments, of which the loss of one \
         loses all. Keep messages small, or use TCP and a framing.",
        "不需要另外划分边界：一个数据报就是一条消息。但它有最大长度；在真实网络里，\
         比一帧（约 1500 字节）大的数据报会分片传送，丢一片就等于全丢。消息要短，\
         长的就用 TCP，自己划分边界。",
    ),
    framecat: Text::new(
        "On udp:// each datagram is a message and -f is not needed. A message that no datagram can \
         hold is refused with its length before it is sent.",
        "在 udp:// 上一个数据报就是一条消息，不用写 -f。装不进数据报的消息不会发出，会报出它的长度。",
    ),
    commands: &["framecat listen udp://:9000", "framecat connect udp://:9000"],
    observe: super::udp_boundaries,
    judge: super::judge::udp_boundaries,
    done: done_udp_boundaries,
};

fn done_udp_boundaries(seen: &Evidence) -> Vec<Part> {
    let (sends, recvs) = (seen.count("udp_sends"), seen.count("udp_recvs"));
    let mut parts = vec![Part::Say(say!(
        "A receiver that reads late: {sends} datagrams wait in its kernel, each in brackets, and \
         {recvs} recvfroms take one each, though there is room for all in the buffer.",
        "接收端读得晚：{sends} 个数据报在内核里排队（每个用方括号括起），{recvs} 次 recvfrom \
         各取一个，尽管缓冲区放得下全部。",
    ))];
    parts.extend(calls(seen, "datagrams"));
    let (sends, recvs) = (seen.count("tcp_sends"), seen.count("tcp_recvs"));
    parts.push(Part::Say(say!(
        "The same on a TCP connection: {sends} sends, and in the kernel nothing lies between them; \
         {recvs} recv takes all.",
        "换成 TCP 连接做同样的事：{sends} 次 send，内核里的字节之间没有任何分隔，{recvs} 次 recv \
         就全部取走。",
    )));
    parts.extend(calls(seen, "stream"));
    let (many, whole) = (seen.count("many_sends"), seen.count("many_whole"));
    let (sent, received) = (seen.count("largest_sent_bytes"), seen.count("largest_received_bytes"));
    let (bytes, over) = (seen.count("over_bytes"), seen.word("over"));
    parts.push(Part::Say(say!(
        "{many} datagrams, each of another length, sent without a pause: {whole} came whole, none \
         merged, none in two. The largest, {sent} bytes: one recvfrom gave {received}. One of \
         {bytes}: sendto gave {over}, and nothing was sent.",
        "长度各不相同的 {many} 个数据报，中间不停顿地发：{whole} 个完整收到，没有粘的，也没有断的。\
         最大的一个 {sent} 字节：一次 recvfrom 得到 {received} 字节。再大一点，{bytes} 字节：\
         sendto 得到 {over}，什么都没有发出。",
    )));
    parts
}

/// See `udp.rs`, `fn udp_truncation`.
pub(crate) const UDP_TRUNCATION: Law = Law {
    id: "udp-truncation",
    group: "udp",
    title: Text::new("what does not fit is lost", "装不下的部分会丢失"),
    from: "S3:149",
    law: Text::new(
        "One recvfrom takes one datagram off the queue, whole: what does not fit into its buffer is \
         lost, and the next recvfrom gives the next datagram, not the rest.",
        "一次 recvfrom 从队列里取走整整一个数据报：缓冲区装不下的部分就丢了，下一次 recvfrom \
         得到的是下一个数据报，不是剩下的内容。",
    ),
    notes: Text::new(
        "\"recvfrom takes one datagram at a time; what was not taken of it is lost.\" Right. They leave \
         out how a program could know: a plain recvfrom does not say that it cut something off, but one \
         can ask before, or have it told after, as below.",
        "「recvfrom 一次接收一个数据包, 如果数据报一次没有接收完则会丢失没有接收的内容」。说得对。\
         笔记没说怎么才能知道丢了：普通的 recvfrom 截断了也不吭声；但可以事先问，也可以事后看，见下。",
    ),
    means: Text::new(
        "A count equal to the room you gave may be a whole datagram or the beginning of a longer one. \
         Give more room than the longest message of your protocol has, or use recvmsg and look at its \
         flags (Python: recvmsg(n)[2] & MSG_TRUNC).",
        "返回的字节数正好等于缓冲区大小时，可能是完整的数据报，也可能只是一个更长的数据报的开头。\
         缓冲区要比协议里最长的消息大；或者用 recvmsg 看返回的标志（Python 里是 \
         recvmsg(n)[2] & MSG_TRUNC）。",
    ),
    framecat: Text::new(
        "It has room for the largest datagram there is (over IPv4 65507 bytes of content: 65535 less 20 of the IP header and 8 of the UDP header). One that is \
         longer than --max-message allows is told with its real length; never is a beginning taken for \
         the whole.",
        "framecat 的缓冲区放得下最大的数据报（IPv4 上内容最多 65507 字节：65535 减去 IP 头 20 字节、UDP 头 8 字节）。超过 --max-message \
         的会报出真实长度，不会把开头当成全部。",
    ),
    commands: &["framecat listen udp://:9000 --max-message 512"],
    observe: super::udp_truncation,
    judge: super::judge::udp_truncation,
    done: done_udp_truncation,
};

fn done_udp_truncation(seen: &Evidence) -> Vec<Part> {
    let (sent, room, lost) =
        (seen.count("sent_bytes"), seen.count("room_bytes"), seen.count("lost_bytes"));
    let (second, after) = (seen.word("second"), seen.word("after"));
    let mut parts = vec![Part::Say(say!(
        "UDP sends datagrams: each sendto makes one packet, which travels, waits and is taken as a unit. \
         Here one of {sent} bytes and a short one wait, each in brackets; the receiver has a buffer of \
         {room}. The first recvfrom takes the beginning, and the whole datagram leaves the queue: the \
         second gives {second}, then there is nothing ({after}). {lost} bytes are nowhere.",
        "UDP 发的是数据报：每次 sendto 就是一个包，整个传送，整个排队，整个取走。这里一个 {sent} \
         字节的数据报和一个短的在等着（每个用方括号括起），接收端用 {room} 字节的缓冲区。第一次 \
         recvfrom 拿到开头，整个数据报随即离开队列；第二次得到的是 {second}；\
         再没有了（{after}）。另外 {lost} 字节哪里都找不到。",
    ))];
    parts.extend(calls(seen, "plain"));
    let (peeked, long, fitting) =
        (seen.count("peeked_bytes"), seen.word("long_flag"), seen.word("fitting_flag"));
    parts.push(Part::Say(say!(
        "How could a program know? MSG_TRUNC is two things with one name. Passed in with a call it \
         asks: give the datagram's real length, even if it is more than the room. Together with \
         MSG_PEEK, look but take nothing, recvfrom says {peeked}. Coming out of a call it says: this \
         one was cut. Only recvmsg has that way out: it is recvfrom with flags as a further result, \
         {long} for the datagram that was cut, {fitting} for one that fits. (recv is recvfrom without \
         the sender's address.)",
        "程序怎么才能知道？MSG_TRUNC 这个名字有两种用法。调用时传进去，是在问：请返回数据报的真实长度，\
         哪怕比缓冲区大。和 MSG_PEEK（只看，不取走）一起用（竖线 | 是把两个标志合在一起），recvfrom 回答 {peeked}。作为结果返回时，\
         是在说：这个被截断了。只有 recvmsg 能返回它：recvmsg 就是多返回一组标志的 recvfrom，\
         被截断的数据报得到 {long}，装得下的得到 {fitting}。（recv 则是不返回发送方地址的 recvfrom。）",
    )));
    parts.extend(calls(seen, "told"));
    let (recvs, lost) = (seen.count("tcp_recvs"), seen.count("tcp_lost_bytes"));
    parts.push(Part::Say(say!(
        "The same bytes over TCP, where there are no datagrams: the rest waits for the next recv. \
         {recvs} recvs, bytes lost: {lost}.",
        "同样的字节改用 TCP，没有数据报，剩下的留给下一次 recv：{recvs} 次 recv，丢失的字节数：{lost}。",
    )));
    parts.extend(calls(seen, "stream"));
    parts
}

/// See `udp.rs`, `fn udp_empty`.
pub(crate) const UDP_EMPTY: Law = Law {
    id: "udp-empty",
    group: "udp",
    title: Text::new("an empty datagram is a message", "空数据报也是一条消息"),
    from: "we add",
    law: Text::new(
        "A datagram without a byte of payload travels and arrives like any other: recvfrom gives 0 \
         bytes and a sender, and it is no end.",
        "没有内容的数据报照样发送、照样到达：recvfrom 返回 0 字节和发送方地址，这不是结束。",
    ),
    notes: Text::new(
        "Nothing. They teach for TCP that empty bytes from recv mean that the peer has ended; on \
         UDP the same test is a mistake.",
        "没有提到。笔记讲 TCP 时说 recv 返回空就是对方断开了；把同样的判断搬到 UDP 上就错了。",
    ),
    means: Text::new(
        "`if not data: break`, right on TCP, lets anyone end a UDP server with one empty datagram. \
         On UDP there is no end to wait for: agree on a message that says it, or on a time. \
         FIONREAD cannot tell an empty datagram from none; poll can.",
        "`if not data: break` 在 TCP 上是对的，写进 UDP 服务端，任何人发一个空数据报就能让它退出。\
         UDP 没有「结束」可等：要么约定一条表示结束的消息，要么约定时间。\
         FIONREAD 分不清空数据报和没有数据报，poll 分得清。",
    ),
    framecat: Text::new(
        "An empty datagram is a message: it is counted, printed as an empty line, and answered. An \
         end of datagrams is by --count, --until or time.",
        "空数据报算一条消息：计数，打印成空行，也会回答。什么时候结束，由 --count、--until 或时间决定。",
    ),
    commands: &["framecat listen udp://:9000 --count 3", "framecat ask udp://:9000 '' again"],
    observe: super::udp_empty,
    judge: super::judge::udp_empty,
    done: done_udp_empty,
};

fn done_udp_empty(seen: &Evidence) -> Vec<Part> {
    let (sends, recvs) = (seen.count("sends"), seen.count("recvs"));
    let (before, after) = (seen.word("before"), seen.word("after"));
    let mut parts = vec![Part::Say(say!(
        "{sends} datagrams, the first and the last of them empty, read by {recvs} recvfroms. Where \
         none waits the answer is {before} before them and {after} after them: not 0.",
        "{sends} 个数据报，第一个和最后一个是空的，{recvs} 次 recvfrom 收完。没有数据报在等时，\
         之前得到 {before}，之后得到 {after}，都不是 0。",
    ))];
    parts.extend(calls(seen, "datagrams"));
    let (bytes, named) = (seen.count("empty_unread_bytes"), seen.count("from_sender"));
    let poll = |name: &str| if seen.flag(name) { ("yes", "可读") } else { ("no", "不可读") };
    let ((was, was_zh), (is, is_zh)) = (poll("readable_before"), poll("readable_after"));
    parts.push(Part::Say(say!(
        "With only an empty one there FIONREAD said {bytes}, as for none. poll told them apart: \
         readable before, {was}; with it, {is}. recvfrom named the sender of all {named}.",
        "队列里只有一个空数据报时，FIONREAD 得到 {bytes}，和没有一样；poll 分得清：\
         来之前{was_zh}，来之后{is_zh}。{named} 个数据报，recvfrom 都给出了发送方。",
    )));
    let (empty, first) = (seen.count("tcp_empty_send"), seen.count("tcp_first"));
    let (end, again) = (seen.count("tcp_end"), seen.count("tcp_end_again"));
    parts.push(Part::Say(say!(
        "On TCP an empty send is taken ({empty}) and is nothing: the first recv gives the {first} \
         bytes sent later. There 0 is the end, and it stays: {end}, {again}.",
        "TCP 上空的 send 也成功（{empty}），却等于什么都没发：第一次 recv 得到的是后来发的 {first} \
         字节。在那里 0 才是结束，而且一直是：{end}、{again}。",
    )));
    parts.extend(calls(seen, "stream"));
    parts
}
