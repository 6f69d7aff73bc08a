//! How the laws of the group send are told: the rows of the table, in English and Chinese. The
//! experiments are in `send.rs` and `send/whole.rs`; every number here comes from their evidence.

use crate::evidence::Evidence;
use crate::lang::{Say, Text, say};
use crate::law::Law;
use crate::page::Part;
use crate::watch::NOT_TOLD;

/// The calls of a scene, where the experiment noted it.
fn calls(seen: &Evidence, name: &str) -> impl Iterator<Item = Part> {
    seen.scene(name).cloned().map(Part::Calls).into_iter()
}

/// Microseconds as milliseconds.
pub(super) fn millis(us: u64) -> String {
    format!("{:.2}", us as f64 / 1e3)
}

/// See `send.rs`, `fn send_broken_pipe`.
pub(crate) const SEND_BROKEN_PIPE: Law = Law {
    id: "send-broken-pipe",
    group: "send",
    title: Text::new("sending to a peer that is gone", "对端不在了还 send：BrokenPipe"),
    from: "S0:8 S2:19 S4:3",
    law: Text::new(
        "After a peer closed cleanly the first send still succeeds: its bytes are answered by a \
         reset, and only the second send fails, with EPIPE (BrokenPipeError). If the peer closed \
         with data that it had not read, the first call, send or recv, gets ECONNRESET, and later \
         sends EPIPE.",
        "对端正常关闭之后，第一次 send 仍然成功：发出的字节换来一个重置，到第二次 send 才失败，\
         得到 EPIPE（BrokenPipeError）。如果对端关闭时还有数据没读，那么第一次调用，\
         不论 send 还是 recv，得到 ECONNRESET，之后的 send 才是 EPIPE。",
    ),
    notes: Text::new(
        "Sending to a peer that is not there any more raises BrokenPipeError. Not at the first try: \
         a clean close ends only the direction from the peer to us, so the first send is accepted, \
         and lost. And after a reset the error is ECONNRESET (ConnectionResetError) first.",
        "「如果另一端不存在还试图使用send进行发送则会产生BrokenPipeError异常」。第一次不会：\
         对端正常关闭，只表示它不再发给我们，所以第一次 send 照样成功，数据却丢了。\
         而连接被重置时，先得到的是 ECONNRESET（ConnectionResetError），不是 BrokenPipe。",
    ),
    means: Text::new(
        "A send that succeeded is no delivery. To know that the peer is still there, read: recv \
         tells the end. Handle both errors. A program in C, or one that restores the default, is \
         killed by SIGPIPE at such a send, unless it ignores the signal or sends with \
         MSG_NOSIGNAL; Python and Rust ignore it for you.",
        "send 成功不等于送到。想知道对方还在不在，要靠 recv：结束会在那里告诉你。两种错误都要处理。\
         C 程序遇到这样的 send 会被 SIGPIPE 信号杀死，除非忽略这个信号，或者发送时带 MSG_NOSIGNAL；\
         Python 和 Rust 已经替你忽略了。",
    ),
    framecat: Text::new(
        "A broken pipe and a reset are told as errors, and end with exit code 1. -v tells how many \
         messages and bytes the kernel had taken. A receiver is listened to all the time that we \
         send.",
        "EPIPE 和重置都作为错误报告，退出码为 1。-v 会说明内核已经收下多少条消息、多少字节。\
         framecat 一边发送，一边听着对方。",
    ),
    commands: &["framecat connect :9000 -f line -v"],
    observe: super::send_broken_pipe,
    judge: super::judge::send_broken_pipe,
    done: done_send_broken_pipe,
};

fn done_send_broken_pipe(seen: &Evidence) -> Vec<Part> {
    let (first, second) = (seen.word("clean_first"), seen.word("clean_second"));
    let between = seen.word("clean_recv_between");
    let mut parts = vec![Part::Say(say!(
        "The receiver closes, with nothing unread. The middle is what the sender's kernel knows: \
         the peer has ended (CLOSE-WAIT). The first send gives {first}; its bytes are answered by a \
         reset. A recv in between still gives {between}, as at any end. The second send: {second}.",
        "接收端关闭，没有留下未读的数据。中间是发送端内核掌握的情况：对端已经结束（CLOSE-WAIT）。\
         第一次 send 返回 {first}，这些字节换来一个重置。这中间 recv 仍然返回 {between}，\
         和正常结束一样。第二次 send：{second}。",
    ))];
    parts.extend(calls(seen, "clean"));
    let left = seen.count("unread_left_bytes");
    let (sends, recv) = (seen.list("unread_sends"), seen.list("unread_recv"));
    let (one, two) = (sends[0], sends[1]);
    parts.push(Part::Say(say!(
        "Now the receiver closes with {left} bytes unread: its kernel sends a reset at once. The \
         first send gives {one}, the next one {two}.",
        "这一次，接收端留下 {left} 字节没读就关闭：它的内核马上发来重置。第一次 send 得到 {one}，\
         下一次得到 {two}。",
    )));
    parts.extend(calls(seen, "unread_sends"));
    let (one, two) = (recv[0], recv[1]);
    parts.push(Part::Say(say!(
        "The same, but recv comes first. The reset is told once, to whoever asks first: recv gives \
         {one}, the send after it {two}.",
        "同样的情况，先 recv。重置只报一次，谁先调用就报给谁：recv 得到 {one}，之后 send 得到 {two}。",
    )));
    parts.extend(calls(seen, "unread_recv"));
    parts.push(signals(seen));
    parts
}

fn signals(seen: &Evidence) -> Part {
    let [default, ignored, own] =
        ["signal_default", "signal_ignored", "own_sigpipe"].map(|name| in_words(seen.word(name)));
    Part::Say(Say {
        en: format!(
            "A program in C, the shell, wrote to such a connection. With SIGPIPE as it is by \
             default: {}. With SIGPIPE ignored: {}. In this program (Rust) SIGPIPE is: {}.",
            default.en, ignored.en, own.en
        ),
        zh: format!(
            "让一个 C 程序（shell）往这样的连接里写。SIGPIPE 保持默认：{}；忽略 SIGPIPE：{}。\
             在这个程序（Rust）里，SIGPIPE：{}。",
            default.zh, ignored.zh, own.zh
        ),
    })
}

/// What the evidence says of a signal, in both languages.
fn in_words(word: &str) -> Say {
    match word {
        super::KILLED => Text::new("killed by SIGPIPE", "被 SIGPIPE 杀死").into(),
        super::LIVED_ON => Text::new("lived on", "没有死").into(),
        super::NOT_TRIED => Text::new("not tried, there is no sh", "没有试，这里没有 sh").into(),
        "ignored" => Text::new("ignored", "已忽略").into(),
        "not ignored" => Text::new("not ignored", "没有忽略").into(),
        NOT_TOLD => Text::new("not told by /proc", "/proc 没有说明").into(),
        other => Say { en: other.into(), zh: other.into() },
    }
}

/// See `send.rs`, `fn send_blocks`.
pub(crate) const SEND_BLOCKS: Law = Law {
    id: "send-blocks",
    group: "send",
    title: Text::new("send waits while the buffers are full", "发送缓冲区满，send 阻塞"),
    from: "S0:9",
    law: Text::new(
        "send waits while the send buffer is full, which it is once the receiver's buffer is full \
         too. It goes on when the receiver reads.",
        "发送缓冲区满时，send 会阻塞；而要等到接收端的缓冲区也满了，发送缓冲区才会填满。\
         接收端一读，send 就能继续。",
    ),
    notes: Text::new(
        "send blocks while the send buffer is full. True; we measure how much it takes: two buffers \
         must be full, the sender's and the receiver's.",
        "「当发送缓冲区满时会阻塞」。说得对。我们量一量要多少字节才满：要填满的是两个缓冲区，\
         发送端的和接收端的。",
    ),
    means: Text::new(
        "A receiver that does not read stops its sender: that is how TCP keeps a fast program from \
         drowning a slow one. But two programs that both send before they read can stop each other \
         for ever (see turns). How much fits is the kernel's affair and changes from run to run: \
         never count on it. Set a time limit, or read while you send.",
        "接收端不读，发送端就会停下：TCP 就是这样让快的一方等慢的一方。但如果两端都先发后读，\
         就可能互相等到永远（见 turns）。缓冲区装得下多少由内核决定，每次都可能不同，不能依赖它。\
         要么设超时，要么一边发一边读。",
    ),
    framecat: Text::new(
        "A relay reads the next batch only when the last one was taken, so a reader that pauses \
         slows its sender and costs one buffer. Directions never wait for each other. sndbuf= and \
         rcvbuf= set the buffers.",
        "relay 要等上一批被对方收下，才读下一批：读得慢的一方自然会让发的一方慢下来，只占一个缓冲区。\
         两个方向互不等待。缓冲区大小用 sndbuf=、rcvbuf= 设置。",
    ),
    commands: &["framecat relay :8080 localhost:80", "framecat listen :9000,rcvbuf=32KiB"],
    observe: super::send_blocks,
    judge: super::judge::send_blocks,
    done: done_send_blocks,
};

fn done_send_blocks(seen: &Evidence) -> Vec<Part> {
    let of = |what: &str| seen.count(&format!("default_{what}"));
    let (taken, next) = (of("taken_bytes"), seen.word("default_next"));
    let (kept, unread, more) = (of("kept_bytes"), of("unread_bytes"), of("more_bytes"));
    let thread = seen.word("default_thread");
    let mut parts = vec![Part::Say(say!(
        "Nobody reads. {taken} bytes are taken, and one that may not wait then gives {next}: \
         {kept} bytes are still in the sender's kernel and {unread} in the receiver's. Another \
         thread sends {more} more and may wait; once it sleeps in the call (its state in /proc: \
         {thread}) the receiver begins to read, and the send comes back.",
        "接收端一直不读。内核收下了 {taken} 字节，这时不等待的 send 得到 {next}：{kept} 字节还在\
         发送端的内核里，{unread} 字节在接收端的内核里。另一个线程再 send {more} 字节，允许等待；\
         等它在调用里睡着了（/proc 里的状态：{thread}），接收端才开始读，那次 send 随即返回。",
    ))];
    parts.extend(calls(seen, "default"));
    let small = seen.count("small_buffer_bytes");
    parts.push(Part::Say(say!(
        "How many bytes were taken before send would wait, with the buffers as the kernel chose \
         them and with SO_SNDBUF and SO_RCVBUF set to {small}:",
        "send 要等待之前收下了多少字节：一行是内核自己决定的缓冲区，一行把 SO_SNDBUF 和 SO_RCVBUF \
         设为 {small}：",
    )));
    let row = |label: Text, run: &str| {
        let cell = |what: &str| seen.count(&format!("{run}_{what}_bytes")).to_string();
        (label.into(), vec![cell("taken"), cell("kept"), cell("unread")])
    };
    parts.push(Part::Counts(
        vec![
            Text::new("taken", "收下"),
            Text::new("send buf", "发送缓冲"),
            Text::new("recv buf", "接收缓冲"),
        ],
        vec![
            row(Text::new("the kernel's own choice", "内核自己决定"), "default"),
            row(Text::new("small buffers", "小缓冲区"), "small"),
        ],
    ));
    parts
}

/// See `send.rs`, `fn send_count`.
pub(crate) const SEND_COUNT: Law = Law {
    id: "send-count",
    group: "send",
    title: Text::new("send tells how much was taken", "send 返回发送了多少字节"),
    from: "S3:56",
    law: Text::new(
        "send returns how many bytes the kernel took into its buffer. A send that may not wait, or \
         not for long, can take fewer than it was given; the rest must be sent again.",
        "send 返回的是内核收进缓冲区的字节数。不允许等待、或者只等一段时间的 send，\
         收下的可能比给的少；没收下的要再发。",
    ),
    notes: Text::new(
        "send returns how many bytes were sent. Loosely said: taken by this machine's kernel, not \
         sent, and still less received. And the notes never look at the number: it can be fewer \
         than given.",
        "「返回值: 发送了多少个字节」。说得不够准：是本机内核收下了多少，不是发出了多少，\
         更不是对方收到了多少。笔记也没有提醒要看这个返回值：它可能比给的少。",
    ),
    means: Text::new(
        "Look at the number and go on from there, or use sendall, which does (see send-all). A \
         blocking send without a time limit takes everything, so a program that ignores the number \
         works until somebody gives its socket a timeout or makes it non-blocking.",
        "要看返回值，从那里接着发；或者用 sendall，它就是这么做的（见 send-all）。没有超时的阻塞 send \
         会全部收下，所以不看返回值的程序一直没事，直到有人给套接字设了超时，或者改成非阻塞。",
    ),
    framecat: Text::new(
        "A message is counted as sent once the kernel took all of it. --chop sends in small pieces, \
         to see whether a receiver puts them together.",
        "framecat 在内核收下整条消息之后，才算发送了一条。--chop 故意把消息切成小段发送，\
         看接收端会不会拼起来。",
    ),
    commands: &["framecat connect :9000 -f line --chop 3"],
    observe: super::send_count,
    judge: super::judge::send_count,
    done: done_send_count,
};

fn done_send_count(seen: &Evidence) -> Vec<Part> {
    let (given, once) = (seen.count("given_bytes"), seen.count("once_taken_bytes"));
    let small = seen.count("small_given_bytes");
    let buffer = seen.count("buffer_bytes");
    let mut parts = vec![Part::Say(say!(
        "SO_SNDBUF and SO_RCVBUF are {buffer}, and nobody reads. A send of {small} bytes finds \
         room for all. Then {given} bytes are given to a send that may not wait: it takes {once} \
         and says so. What was taken is in the two buffers, read by nobody.",
        "SO_SNDBUF 和 SO_RCVBUF 都设为 {buffer}，没有人读。send {small} 字节，放得下，全部收下。\
         再把 {given} 字节交给一次不等待的 send：收下 {once}，返回的就是这个数。\
         收下的都在两个缓冲区里，还没有人读过。",
    ))];
    parts.extend(calls(seen, "once"));
    let (limit, timed) = (seen.count("timed_limit_ms"), seen.count("timed_taken_bytes"));
    let (rest, received) = (seen.count("rest_sends"), seen.count("received_bytes"));
    parts.push(Part::Say(say!(
        "A blocking send of as many bytes with a time limit of {limit} ms: {timed} taken when the \
         time was up, and no error. The rest was then sent from there, by {rest} send that could \
         wait while the receiver read: {received} bytes came.",
        "同样多的字节，用阻塞的 send，但只等 {limit} 毫秒：时间到了，收下 {timed}，也不报错。\
         余下的从那里接着发，接收端同时在读，又用了 {rest} 次 send：一共收到 {received} 字节。",
    )));
    parts.push(Part::Say(if seen.flag("same_content") {
        say!("Byte by byte it is what was given.", "逐字节比较，与发送的相同。")
    } else {
        say!("Byte by byte it is not what was given.", "逐字节比较，与发送的不同。")
    }));
    parts
}

/// See `send/whole.rs`, `fn send_all`.
pub(crate) const SEND_ALL: Law = Law {
    id: "send-all",
    group: "send",
    title: Text::new("sendall: all of it, or an exception", "sendall：全部发送，否则抛异常"),
    from: "S0:135 S1:83 S3:172 S4:65",
    law: Text::new(
        "sendall calls send until everything is taken and returns nothing, or fails with an \
         exception. After a failure nobody knows how much had gone out.",
        "sendall 反复调用 send，直到全部收下，成功返回 None，失败抛出异常。\
         失败之后，没有人知道已经发出去了多少。",
    ),
    notes: Text::new(
        "sendall does as send and returns None on success or an exception on failure. True, and \
         better than send, which may take only a part. We add what a failure leaves open: how much \
         was taken, how much arrived, how much was read.",
        "「功能参数： 同send」，「发送成功返回None  发送失败返回异常」。对，而且比 send 可靠，\
         send 可能只收下一部分。补充一点：失败时，内核收下了多少、到了多少、对方读了多少，\
         都无从得知。",
    ),
    means: Text::new(
        "After a failed sendall the connection is of no use any more: close it. Sending all again \
         on a new connection may deliver twice, not sending may deliver nothing. So give messages \
         an identity, or let the receiver acknowledge them, and make receiving twice harmless.",
        "sendall 失败之后，这个连接就不能再用了，应当关闭。换个连接重发一遍，对方可能收到两次；\
         不重发，对方可能一次也没收到。所以要给消息编号，或者由接收方回确认，\
         并且让重复收到也不出错。",
    ),
    framecat: Text::new(
        "framecat sends whole messages. When a connection breaks it says so, and -v tells how many \
         messages the kernel had taken: it knows no more either. ask waits for a reply to each \
         message: that is an acknowledgement.",
        "framecat 总是发送整条消息。连接断开时它会报错，-v 会说明内核收下了多少条：再多它也不知道。\
         ask 每发一条就等一条回复：回复就是确认。",
    ),
    commands: &["framecat ask :9000 hello world"],
    observe: super::whole::send_all,
    judge: super::judge::send_all,
    done: done_send_all,
};

fn done_send_all(seen: &Evidence) -> Vec<Part> {
    let (given, buffer) = (seen.count("given_bytes"), seen.count("buffer_bytes"));
    let (sends, result) = (seen.count("whole_sends"), seen.word("whole_result"));
    let received = seen.count("whole_received_bytes");
    let error = seen.word("failed_result");
    let of = |what: &str| seen.count(&format!("failed_{what}"));
    let (calls, taken, acked) = (of("sends"), of("taken_bytes"), of("acked_bytes"));
    let read = of("read_bytes");
    let line = |label: Text, number: u64| (label.into(), vec![number.to_string()]);
    vec![
        Part::Say(say!(
            "{given} bytes are given to a sendall over buffers of {buffer}, while the receiver \
             reads all: {sends} sends inside, {received} bytes received, and it returns {result}.",
            "把 {given} 字节交给 sendall，缓冲区设为 {buffer}，接收端一直在读：里面调用了 {sends} 次 \
             send，收到 {received} 字节，返回 {result}。",
        )),
        Part::Say(say!(
            "The same, but the receiver reads a part and closes. sendall fails with {error}, and \
             that is all its caller learns. From inside we can see more:",
            "同样的字节，但接收端只读了一部分就关闭。sendall 失败，得到 {error}，\
             调用它的程序只知道这些。在里面可以看到更多：",
        )),
        Part::Counts(
            vec![Text::new("bytes", "字节")],
            vec![
                line(Text::new("given to sendall", "交给 sendall 的"), given),
                line(Text::new("taken by the sender's kernel", "发送端内核收下的"), taken),
                line(Text::new("acknowledged by the receiver's kernel", "接收端内核确认的"), acked),
                line(Text::new("read by the receiver", "接收端程序读走的"), read),
            ],
        ),
        Part::Say(say!(
            "The {calls} sends that succeeded had told how much was taken; how much was read no \
             call of the sender tells.",
            "成功的 {calls} 次 send 只说明了收下多少；对方读走多少，发送端没有任何调用能说明。",
        )),
    ]
}

/// See `send/whole.rs`, `fn buffers`.
pub(crate) const BUFFERS: Law = Law {
    id: "buffers",
    group: "send",
    title: Text::new("send and recv use kernel buffers", "网络收发缓冲区"),
    from: "S0:13 S1:17 S2:31 S3:120 S4:6",
    law: Text::new(
        "send only moves bytes into a buffer of the kernel and recv takes them out of one. That \
         evens out two speeds: a send succeeds before the peer has read, even before it has \
         accepted the connection.",
        "send 只是把字节放进内核的缓冲区，recv 只是从内核的缓冲区取出。收发的快慢因此得到协调：\
         对方还没读，send 就已经成功，甚至对方还没 accept 也一样。",
    ),
    notes: Text::new(
        "The buffers \"coordinate reading and writing speed, and reduce interaction with the disk\"; \
         send and recv work on buffers. The first and the last are true. No disk is involved: the \
         buffers lie in the kernel's memory between two programs.",
        "「缓冲区的功能：协调读写速度，减少和磁盘交互」，「recv和send实际上是从缓冲区接受内容，\
         向缓冲区发送内容」。协调速度、收发都经过缓冲区，是对的。但与磁盘无关：\
         这些缓冲区在内核的内存里，夹在两个程序之间。",
    ),
    means: Text::new(
        "A send that returned says that a kernel has the bytes, not that a program has seen them. \
         If it matters, let the receiver answer. And a burst costs the sender nothing as long as it \
         fits the buffers (see send-blocks for how much that is).",
        "send 返回，只说明字节交给了内核，不说明对方的程序看到了。如果这很重要，就让接收方回一条消息。\
         短时间内多发一些，只要缓冲区放得下，发送方不用等（能放多少见 send-blocks）。",
    ),
    framecat: Text::new(
        "framecat closes a connection only when the peer's kernel has all that was sent, so that no \
         reset throws it away; -v tells how many bytes went each way.",
        "framecat 等对方的内核收到全部已发送的数据之后才关闭连接，免得被重置冲掉；\
         -v 会说明两个方向各传了多少字节。",
    ),
    commands: &["framecat listen :9000,rcvbuf=1MiB -f line -v"],
    observe: super::whole::buffers,
    judge: super::judge::buffers,
    done: done_buffers,
};

fn done_buffers(seen: &Evidence) -> Vec<Part> {
    let (sends, sent) = (seen.count("sends"), seen.count("sent_bytes"));
    let (there, state) = (seen.count("unread_at_accept"), seen.word("state_before_accept"));
    let mut parts = vec![Part::Say(say!(
        "A server listens and does not accept. The client connects (its kernel says {state}), makes \
         {sends} sends of {sent} bytes together, and closes. Only then the server accepts: {there} \
         bytes are there already. It reads them, with a pause before each recv, though the client \
         is long gone.",
        "服务端只 listen，不 accept。客户端连接（它的内核说 {state}），send 了 {sends} 次，\
         共 {sent} 字节，然后关闭。这时服务端才 accept：{there} 字节已经在那里了。\
         它每次 recv 之前停一下，慢慢读完，而客户端早就不在了。",
    ))];
    parts.extend(calls(seen, "burst"));
    let (sending, reading) = (millis(seen.count("sending_us")), millis(seen.count("reading_us")));
    let (recvs, pause) = (seen.count("recvs"), seen.count("pause_ms"));
    let disk = seen.word("disk_bytes");
    parts.push(Part::Say(say!(
        "Sending took {sending} ms, reading {reading} ms in {recvs} recvs with pauses of {pause} ms: \
         the buffer evened it out. Bytes that the disks read or wrote meanwhile for this thread \
         (/proc/thread-self/io): {disk}.",
        "发送用了 {sending} 毫秒，接收用了 {reading} 毫秒，{recvs} 次 recv，每次停 {pause} 毫秒：\
         快慢不同，由缓冲区协调。这期间磁盘为这个线程读写的字节数（/proc/thread-self/io）：{disk}。",
    )));
    parts
}
