//! How the laws of loss are told, in English and Chinese. The experiments are in `udp/loss.rs`.

use super::told::calls;
use crate::evidence::Evidence;
use crate::lang::{Say, Text, say};
use crate::law::Law;
use crate::page::Part;

/// See `udp/loss.rs`, `fn udp_unreliable`.
pub(crate) const UDP_UNRELIABLE: Law = Law {
    id: "udp-unreliable",
    group: "udp",
    title: Text::new("datagrams can be lost, untold", "数据报会丢，而且没人告知"),
    from: "S0:129 S1:77 S2:95 S3:168 S4:61",
    law: Text::new(
        "A datagram for which the receiver's kernel has no room is dropped, even on loopback, and \
         neither end is told.",
        "接收端的内核放不下的数据报会被丢弃，回环上也一样，两端的程序都不会得到通知。",
    ),
    notes: Text::new(
        "TCP guarantees reliability; UDP takes one datagram at a time and does not guarantee \
         completeness. True, with a distinction: each datagram is whole or not there at all; it is \
         the sequence of them that may have holes.",
        "「tcp……保证传输的可靠性，而udp一次接受一个数据报，不保证完整性」。对，但要分清：\
         单个数据报要么完整、要么没有；会缺的是一串数据报里的某几个。",
    ),
    means: Text::new(
        "Number the datagrams: a hole in the numbers is the only thing that the receiver's program \
         sees. Answer those that matter, and send again what was not answered. Read quickly and set \
         a larger SO_RCVBUF: that makes loss rarer, not impossible.",
        "给数据报编号：号码断了，是接收程序唯一能看到的迹象。重要的要回答，没等到回答就重发。\
         读得快一些、把 SO_RCVBUF 设大一些，能少丢，但不能不丢。",
    ),
    framecat: Text::new(
        "It asks the kernel how many datagrams were dropped at its socket (SO_MEMINFO), tells, and \
         ends with code 9; option rcvbuf makes more room.",
        "framecat 会问内核这个套接字丢了多少个数据报（SO_MEMINFO），说出来，并以退出码 9 结束；\
         选项 rcvbuf 可以加大缓冲区。",
    ),
    commands: &["framecat listen udp://:9000,rcvbuf=4M"],
    observe: super::loss::udp_unreliable,
    judge: super::judge::udp_unreliable,
    done: done_udp_unreliable,
};

fn done_udp_unreliable(seen: &Evidence) -> Vec<Part> {
    let (sends, taken) = (seen.count("late_sends"), seen.count("late_taken_whole"));
    let (bytes, buffer) = (seen.count("each_bytes"), seen.count("buffer_bytes"));
    let (arrived, lost) = (seen.count("late_arrived"), seen.count("late_lost"));
    let dropped = seen.count("late_dropped");
    let mut parts = vec![Part::Say(say!(
        "A receiver with the smallest buffer that the kernel gives ({buffer} bytes by SO_RCVBUF, its \
         own bookkeeping included) reads late. {sends} numbered datagrams of {bytes} bytes: {taken} \
         sendtos said that all was taken. {arrived} arrived; {lost} did not, and {dropped} is what \
         the receiver's kernel counted as dropped (SO_MEMINFO).",
        "接收端用内核允许的最小缓冲区（SO_RCVBUF 读出 {buffer} 字节，内核自己的记录也算在内），\
         读得晚。发 {sends} 个编了号的数据报，每个 {bytes} 字节：{taken} 次 sendto 都说全部收下了。\
         到了 {arrived} 个，少了 {lost} 个；接收端内核自己记下丢弃了 {dropped} 个（SO_MEMINFO）。",
    ))];
    parts.extend(calls(seen, "late"));
    let (last, later) = (seen.word("late_last"), seen.word("late_later"));
    let (prompt, all) = (seen.count("prompt_arrived"), seen.count("prompt_sends"));
    parts.push(Part::Say(say!(
        "Number {last} was followed by number {later}: the hole is all that the receiver sees. The \
         same {all} to a receiver that reads each at once: {prompt} arrived. The way was never at \
         fault; there was no room.",
        "{last} 号后面就是 {later} 号：接收端能看到的只有这个缺口。同样的 {all} 个，\
         来一个读一个：到了 {prompt} 个。路上没有问题，是地方不够。",
    )));
    let row = |label: Text, run: &str, lost: u64| {
        let cell = |what: &str| seen.count(&format!("{run}_{what}")).to_string();
        (Say::from(label), vec![cell("sends"), cell("arrived"), lost.to_string()])
    };
    parts.push(Part::Counts(
        vec![
            Text::new("sendtos", "sendto 次数"),
            Text::new("arrived", "到达"),
            Text::new("dropped", "丢弃"),
        ],
        vec![
            row(Text::new("read late", "晚读"), "late", dropped),
            row(Text::new("read at once", "及时读"), "prompt", seen.count("prompt_dropped")),
        ],
    ));
    parts
}

/// See `udp/loss.rs`, `fn udp_count`.
pub(crate) const UDP_COUNT: Law = Law {
    id: "udp-count",
    group: "udp",
    title: Text::new("sendto counts what the kernel took", "sendto 返回内核收下的字节数"),
    from: "S0:50 S1:55 S2:75 S3:154",
    law: Text::new(
        "sendto gives the number of bytes that this kernel took: all or none of the datagram. It \
         says nothing of arrival.",
        "sendto 返回本机内核收下的字节数：要么是整个数据报，要么失败。它不说明对方是否收到。",
    ),
    notes: Text::new(
        "sendto returns the number of bytes sent. True, if \"sent\" means handed to the kernel; they \
         do not say that it is the same number when nobody receives it.",
        "「返回值：发送的字节」。如果「发送」指交给内核，这话没错；笔记没有说，没人收到时也是这个数。",
    ),
    means: Text::new(
        "Nothing can be concluded from the count, and it need not be looked at: a datagram is never \
         taken in part. Whether it arrived only an answer tells. The count is of bytes, not of \
         characters: encode first.",
        "从这个返回值推不出任何东西，也不必检查它：数据报不会只收下一部分。到没到，只有对方的回答能说明。\
         数的是字节，不是字符：先编码再发。",
    ),
    framecat: Text::new(
        "ask waits for the answer and ends with code 5 if none comes, 4 where the port is closed: \
         its sockets are connected, so refusals are heard.",
        "ask 会等回答：没有回答退出码是 5，端口没人监听是 4。它的套接字 connect 过，所以听得到拒绝。",
    ),
    commands: &["framecat ask udp://:9000 ping --wait 500ms"],
    observe: super::loss::udp_count,
    judge: super::judge::udp_count,
    done: done_udp_count,
};

fn done_udp_count(seen: &Evidence) -> Vec<Part> {
    let (characters, given) = (seen.count("characters"), seen.count("given_bytes"));
    let returned = seen.count("reads_returned");
    let mut parts = vec![Part::Say(say!(
        "A text of {characters} Chinese characters is {given} bytes in UTF-8. To one who reads: \
         sendto gave {returned}.",
        "{characters} 个汉字，按 UTF-8 是 {given} 字节。发给会读的接收端：sendto 返回 {returned}。",
    ))];
    parts.extend(calls(seen, "reads"));
    let (returned, answer) = (seen.count("closed_returned"), seen.word("closed_answer"));
    parts.push(Part::Say(say!(
        "To a port that nobody has: {returned} again. Only the next call, on a socket that is \
         connected so that it may hear, gives {answer}.",
        "发给没人监听的端口：还是 {returned}。因为先 connect 过，听得到拒绝，下一次调用才得到 {answer}。",
    )));
    parts.extend(calls(seen, "closed"));
    let (returned, dropped) = (seen.count("full_returned"), seen.count("full_dropped"));
    parts.push(Part::Say(say!(
        "To one whose buffer is full: {returned} again, and its kernel dropped {dropped} more \
         (SO_MEMINFO).",
        "发给缓冲区已满的接收端：还是 {returned}，而对方内核又多丢弃了 {dropped} 个（SO_MEMINFO）。",
    )));
    parts.extend(calls(seen, "full"));
    let (bytes, over) = (seen.count("over_bytes"), seen.word("over"));
    parts.push(Part::Say(say!(
        "More than a datagram can hold, {bytes} bytes: {over}. Not a part of it was taken. Side by \
         side:",
        "超过一个数据报能装的长度，{bytes} 字节：{over}，一点也没有收下。放在一起看：",
    )));
    let row = |label: Text, run: &str| {
        let cell = |what: &str| seen.count(&format!("{run}_{what}")).to_string();
        (Say::from(label), vec![cell("returned"), cell("arrived_bytes")])
    };
    parts.push(Part::Counts(
        vec![Text::new("sendto gave", "sendto 返回"), Text::new("bytes arrived", "到达字节")],
        vec![
            row(Text::new("to a reader", "会读的接收端"), "reads"),
            row(Text::new("to a closed port", "没人监听的端口"), "closed"),
            row(Text::new("to a full buffer", "缓冲区满的接收端"), "full"),
        ],
    ));
    parts
}
