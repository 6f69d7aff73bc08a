//! How the laws of the group receive are told: the rows of the table, in English and Chinese. The
//! experiments are in `receive.rs`; every number here comes from their evidence.

use super::judge::millis;
use crate::evidence::Evidence;
use crate::lang::{Text, say};
use crate::law::Law;
use crate::page::Part;

/// The calls of a scene, where the experiment noted it.
fn calls(seen: &Evidence, name: &str) -> impl Iterator<Item = Part> {
    seen.scene(name).cloned().map(Part::Calls).into_iter()
}

/// See `receive.rs`, `fn recv_eof`.
pub(crate) const RECV_EOF: Law = Law {
    id: "recv-eof",
    group: "receive",
    title: Text::new("recv gives 0 when the peer has closed", "对端关闭，recv 返回 0 字节"),
    from: "S0:3 S2:17 S4:2",
    law: Text::new(
        "When the peer closes, a waiting recv returns at once with 0 bytes, and so does every later \
         one: 0 is the end of the stream. If the peer closed without having read all that we sent it, \
         recv fails with ECONNRESET, once, and gives 0 after that.",
        "对端关闭时，正在等待的 recv 立即返回 0 字节，以后每次 recv 也都是 0：0 表示流结束了。\
         如果对端没读完我们发的数据就关闭，recv 会报 ECONNRESET，但只报一次，之后同样返回 0。",
    ),
    notes: Text::new(
        "\"If the connection breaks, a waiting recv returns at once with an empty string.\" Right where \
         the peer closes in order. But \"breaks\" is too wide: a peer that closes without having read \
         all we sent resets the connection (ECONNRESET); and a pulled cable, or a host that vanishes, \
         ends no recv at all (an experiment of its own: framecat lab peer-killed).",
        "「如果连接断开 ，recv会立即结束阻塞返回空字符串」；「当一端退出时，如果另一端阻塞在recv，\
         此时recv会立即结束阻塞返回空字串」。对端正常关闭时确实如此，但「断开」说得太宽：\
         对端没读完我们发的数据就关闭，连接会被重置（ECONNRESET）；拔掉网线、对端主机消失，\
         recv 则一直等下去（另有一个实验：framecat lab peer-killed）。",
    ),
    means: Text::new(
        "0 from recv (Python: b'') is no empty message: leave the loop and close, or the loop reads 0 \
         for ever. Nor does 0 say that the peer had said everything: it may have been killed halfway, \
         and if an earlier send or recv already got the error of a reset, what follows is a plain 0. Whether a \
         message is whole only the message itself can tell, by a length or a marker in its bytes. \
         Against a silent peer only a time limit of your own helps.",
        "recv 返回 0（Python 里是 b''）不是收到一条空消息：应该退出循环、关闭套接字，否则会死循环，\
         每次都读到 0。返回 0 也不等于对方已经说完：它可能说到一半就被杀掉了；如果重置的错误已经被\
         前面某次调用拿走，后面得到的也只是普通的 0。消息完不完整，只能靠消息自带的边界\
         （长度、结尾标志）判断。对方不出声，只能自己设超时。",
    ),
    framecat: Text::new(
        "The end of the stream, a reset and a message cut off by the end are told as three \
         different things, with different exit codes (framecat help exit). --idle gives up on a \
         silent peer.",
        "流正常结束、连接被重置、消息没收完流就断了，framecat 分别报告，退出码也不同\
         （见 framecat help exit）。--idle 可以限定对方沉默的时间。",
    ),
    commands: &["framecat listen :9000 -f line -v", "framecat connect :9000 --idle 30s"],
    observe: super::recv_eof,
    judge: super::judge::recv_eof,
    done: done_recv_eof,
};

fn done_recv_eof(seen: &Evidence) -> Vec<Part> {
    let clean = seen.list("clean_recvs");
    let (first, later) = (clean[0], clean[1..].join(", "));
    let mut parts = vec![Part::Say(say!(
        "The receiver calls recv, and it does not return, for the peer has sent nothing. Then the peer \
         closes, and its kernel sends FIN, a segment that says: no more will come. The recv that waited \
         gives {first}, the next ones {later}. In the middle: bytes that lie unread at the peer, what \
         the receiver's kernel calls its end of the connection, and bytes that lie unread there. \
         ESTABLISHED is connected; CLOSE-WAIT is: the peer has closed, and our end is still open.",
        "接收端调用 recv，没有返回，因为对端什么也没发。然后对端关闭，它的内核发来 FIN，\
         意思是「我不再发了」。等着的 recv 返回 {first}，再调用几次，返回 {later}。中间三栏：\
         对端有多少字节没读，接收端内核把自己这头的连接叫做什么状态，接收端有多少字节没读。\
         ESTABLISHED 是已连接；CLOSE-WAIT 是对端已经关闭，等我们也关闭。",
    ))];
    parts.extend(calls(seen, "clean"));
    let left = seen.count("unread_left_bytes");
    let reset = seen.list("unread_recvs");
    let (first, later) = (reset[0], reset[1..].join(", "));
    parts.push(Part::Say(say!(
        "Now the receiver first sends {left} bytes, and the peer closes without having read them. Its \
         kernel has to throw them away, and does not hide it: instead of FIN it sends RST, a reset, \
         which ends the connection at once (CLOSED). recv gives {first}; but only once, the next ones \
         give {later}, as if it had ended well.",
        "这一次接收端先发了 {left} 字节，对端一个也没读就关闭。对端的内核只好丢掉它们，\
         但要让我们知道数据没被读到：于是不发 FIN，改发 RST（重置），连接立刻作废（CLOSED）。recv \
         得到 {first}，但只有一次，后面几次得到 {later}，看起来像正常结束。",
    )));
    parts.extend(calls(seen, "unread"));
    let (silence, limit) = (seen.word("silent_recv"), seen.count("silent_limit_ms"));
    let state = seen.word("silent_state");
    parts.push(Part::Say(say!(
        "Last, a peer that neither sends nor closes. No cable was pulled here, but of a pulled one this \
         end would see the same: nothing. A plain recv would wait for ever; this one was given a time \
         limit of {limit} ms (SO_RCVTIMEO), and gave {silence} when it was over. The kernel still calls \
         the connection {state}.",
        "最后，对端既不发送也不关闭。这里没有真去拔网线，但真拔了，这边看到的也一样：什么都没有。\
         普通的 recv 会一直等下去；这里给它设了 {limit} 毫秒的时限（SO_RCVTIMEO），等满之后返回 \
         {silence}。内核里连接的状态仍是 {state}。",
    )));
    parts.extend(calls(seen, "silent"));
    parts
}

/// See `receive.rs`, `fn recv_blocks`.
pub(crate) const RECV_BLOCKS: Law = Law {
    id: "recv-blocks",
    group: "receive",
    title: Text::new("recv waits while the buffer is empty", "接收缓冲区为空，recv 阻塞"),
    from: "S0:4 S2:32",
    law: Text::new(
        "recv waits while the receive buffer is empty. If it holds anything, recv returns at once \
         with what is there, however much more was asked for.",
        "接收缓冲区为空时，recv 会阻塞；只要缓冲区里有数据，recv 就立即返回已有的部分，\
         不会等到凑够要求的长度。",
    ),
    notes: Text::new(
        "recv blocks while the receive buffer is empty, and does not when it holds anything. True.",
        "「当接收缓冲区为空时会阻塞」；「当缓冲区不为空recv就不会阻塞」。说得对。",
    ),
    means: Text::new(
        "The number given to recv is the most it may return, not how much to wait for. A thread \
         that waits in recv costs no processor time, but it does nothing else either: to watch \
         several connections use a thread for each, or poll.",
        "传给 recv 的长度是上限，不是要等够的数量。线程等在 recv 里不占 CPU，但也做不了别的事：\
         要同时照看几个连接，就每个连接一个线程，或者用 poll。",
    ),
    framecat: Text::new(
        "framecat waits for all its connections and for stdin at once, in one thread. --idle \
         bounds the wait for a peer.",
        "framecat 用一个线程同时等所有连接和标准输入。--idle 限定等对方的时间。",
    ),
    commands: &["framecat listen :9000 --idle 30s"],
    observe: super::recv_blocks,
    judge: super::judge::recv_blocks,
    done: done_recv_blocks,
};

fn done_recv_blocks(seen: &Evidence) -> Vec<Part> {
    let (waited, delay) = (millis(seen.count("waited_us")), millis(seen.count("delay_us")));
    let thread = seen.word("thread");
    let mut parts = vec![Part::Say(say!(
        "A thread calls recv while nothing is there. Once the kernel says that it sleeps (its \
         state in /proc: {thread}), the sender lets {delay} ms pass and sends. recv waited \
         {waited} ms, no less.",
        "一个线程在缓冲区为空时调用 recv。等内核说它睡着了（/proc 里的状态：{thread}），\
         发送端过了 {delay} 毫秒才发送。recv 等了 {waited} 毫秒，没有提前返回。",
    ))];
    parts.extend(calls(seen, "empty"));
    let (there, asked) = (seen.count("there_bytes"), seen.count("asked_bytes"));
    let (got, empty) = (seen.word("there_recv"), seen.word("empty_dontwait"));
    parts.push(Part::Say(say!(
        "Now {there} bytes are there and {asked} are asked for: recv gives {got} and does not wait \
         for the rest. Then the buffer is empty again, and a recv that is told not to wait gives \
         {empty}.",
        "现在缓冲区里有 {there} 字节，recv 要 {asked} 字节：得到 {got}，不等其余的。\
         取完之后缓冲区又空了，这时用不等待的方式 recv，得到 {empty}。",
    )));
    parts.extend(calls(seen, "something"));
    parts
}

/// See `receive.rs`, `fn recv_leftover`.
pub(crate) const RECV_LEFTOVER: Law = Law {
    id: "recv-leftover",
    group: "receive",
    title: Text::new("the next recv gets what one left", "一次收不完，下次接着收"),
    from: "S0:5 S3:121",
    law: Text::new(
        "On a stream, what one recv did not take stays in the buffer and the next one gets it; \
         nothing is lost, even if the peer is gone by then.",
        "对字节流来说，一次 recv 没取走的数据留在缓冲区里，下一次 recv 接着取，不会丢；\
         哪怕对端这时已经关闭了。",
    ),
    notes: Text::new(
        "If one recv cannot take all the buffer holds, the next goes on, so that no data is lost. \
         True of streams. Of datagrams it is not: what did not fit is thrown away (see \
         udp-truncation).",
        "「如果recv一次接受不完缓冲区内容，下次会继续接受，确保数据不丢失」。对字节流是对的。\
         数据报则不然：一次没收完的部分直接丢掉（见 udp-truncation）。",
    ),
    means: Text::new(
        "The size of your buffer changes the number of calls, never the bytes. So a program must \
         work with any size, 1 as well: that is a good test. Call recv in a loop until you have a \
         whole message.",
        "缓冲区开多大，只影响 recv 要调用几次，不影响收到的字节。所以程序不管用多大的缓冲区都该正确，\
         1 字节也一样，这是个很好的测试。要循环 recv，直到收齐一条完整的消息。",
    ),
    framecat: Text::new(
        "A framing keeps what is left over of a read for the next message, and works the same \
         whatever the reads gave.",
        "-f 指定的成帧方式会把读剩下的字节留给下一条消息，不管每次读到多少，结果都一样。",
    ),
    commands: &["framecat listen :9000 -f fixed:3"],
    observe: super::recv_leftover,
    judge: super::judge::recv_leftover,
    done: done_recv_leftover,
};

fn done_recv_leftover(seen: &Evidence) -> Vec<Part> {
    let (sent, asked) = (seen.count("sent_bytes"), seen.count("asked_bytes"));
    let recvs = seen.count("recvs");
    let mut parts = vec![Part::Say(say!(
        "One send of {sent} bytes, then the sender closes. The receiver asks for {asked} at a \
         time. The middle is what still waits in its kernel: {recvs} recvs take it down to \
         nothing, and only then the end is told.",
        "一次 send 了 {sent} 字节，随后发送端关闭。接收端每次只要 {asked} 字节。\
         中间一栏是还留在内核里的字节数：{recvs} 次 recv 把它取空，然后才看到流的结束。",
    ))];
    parts.extend(calls(seen, "leftover"));
    let (given, got) = (seen.word("sent"), seen.word("received"));
    let left = seen.list("left").join(", ");
    parts.push(Part::Say(say!(
        "Sent {given}, received {got}; left after each recv, the beginning first: {left}.",
        "发送 {given}，收到 {got}；从一开始到每次 recv 之后，剩下的字节数依次是 {left}。",
    )));
    parts
}

/// See `receive.rs`, `fn bytes`.
pub(crate) const BYTES: Law = Law {
    id: "bytes",
    group: "receive",
    title: Text::new("only bytes travel", "网络上传的只有字节"),
    from: "S0:48,93 S2:73 S4:39",
    law: Text::new(
        "Only bytes travel: text is encoded before it is sent and decoded after it came. A \
         character can take several bytes and arrive in two pieces, so decode whole messages, not \
         what a recv gave.",
        "网络上传的只有字节：文字发送前要编码，收到后要解码。一个字可能占好几个字节，\
         还可能分两次到达，所以要等消息收齐再解码，不能拿一次 recv 的内容直接解码。",
    ),
    notes: Text::new(
        "What is sent must be bytes; text is encoded with encode() and decoded with decode(). True. \
         We add: on TCP what one recv gives may end inside a character, and then decoding it fails; \
         a datagram comes whole.",
        "「data  要发送的内容  bytes」；示例里写 '收到你的消息'.encode()、data.decode()。对。\
         补充一点：TCP 上一次 recv 收到的内容可能正好断在一个字的中间，这时 decode() 会报错；\
         数据报则总是完整的。",
    ),
    means: Text::new(
        "Gather a whole message, then decode it. Both ends must agree on the encoding, for the \
         bytes do not say which it was: use UTF-8. A length in front of a message counts bytes, \
         not characters.",
        "先收齐一条消息，再解码。两端用的编码要事先约定，因为字节本身不说明自己是什么编码：\
         用 UTF-8。消息前面写的长度，数的是字节，不是字。",
    ),
    framecat: Text::new(
        "framecat moves bytes and decodes nothing; for a person it shows whole messages, and bytes \
         that are no UTF-8 as escapes. --show=hex shows the bytes themselves.",
        "framecat 只搬字节，不解码；给人看的时候，显示的是完整的消息，不是 UTF-8 的字节用转义写出。\
         --show=hex 可以看到字节本身。",
    ),
    commands: &["framecat listen :9000 -f line --show"],
    observe: super::bytes,
    judge: super::judge::bytes,
    done: done_bytes,
};

fn done_bytes(seen: &Evidence) -> Vec<Part> {
    let (text, characters) = (seen.word("text"), seen.count("characters"));
    let (sent, asked) = (seen.count("sent_bytes"), seen.count("asked_bytes"));
    let mut parts = vec![Part::Say(say!(
        "The text {text} is {characters} characters, and {sent} bytes in UTF-8. One send; the \
         receiver takes at most {asked} bytes at a time and decodes what each recv gave, as a \
         program with a larger buffer does to a longer text.",
        "文字 {text} 是 {characters} 个字，按 UTF-8 编码是 {sent} 字节。一次 send；\
         接收端每次最多取 {asked} 字节，取到多少就解码多少。缓冲区更大、文字更长时也会这样。",
    ))];
    parts.extend(calls(seen, "bytes"));
    let pieces = seen.list("pieces_decoded");
    let failed = pieces.iter().filter(|piece| **piece == super::NOT_UTF8).count();
    let (recvs, whole) = (seen.count("recvs"), seen.word("whole_decoded"));
    let latin = seen.word("as_latin1");
    parts.push(Part::Say(say!(
        "{failed} of the {recvs} pieces are no text by themselves; all bytes together give \
         {whole} again. Taken for another encoding, a byte a character (Latin-1), they read {latin}: \
         nothing in the bytes says that this is wrong.",
        "{recvs} 段里有 {failed} 段单独解不出来；全部字节合在一起，解码得到 {whole}。\
         如果当成另一种编码，一个字节一个字符（Latin-1），读出来就是 {latin}：\
         字节里没有任何东西能说明这样读是错的。",
    )));
    parts
}
