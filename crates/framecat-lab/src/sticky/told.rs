//! How the laws of the group sticky are told: the rows of the table, in English and Chinese. The
//! experiments are in `sticky.rs`; every number here comes from their evidence.

use crate::evidence::Evidence;
use crate::lang::{Say, Text, say};
use crate::law::Law;
use crate::page::Part;

const SENDS: Text = Text::new("sends", "send 次数");
const RECVS: Text = Text::new("recvs", "recv 次数");

/// The calls of a scene, where the experiment noted it.
fn calls(seen: &Evidence, name: &str) -> impl Iterator<Item = Part> {
    seen.scene(name).cloned().map(Part::Calls).into_iter()
}

/// See `sticky.rs`, `fn sticky`.
pub(crate) const STICKY: Law = Law {
    id: "sticky",
    group: "sticky",
    title: Text::new("sends stick together, and come apart", "粘包：多次发送粘成一次接收"),
    from: "S0:17 S1 S2 S3 S4",
    law: Text::new(
        "A TCP connection carries a stream of bytes, not messages. Sends that follow each other \
         quickly, or faster than the receiver reads, arrive as one piece, and one send can arrive \
         in several.",
        "TCP 传的是字节流，不是消息。发得快，或者收得慢，多次 send 的内容就会被一次 recv \
         收到；反过来，一次 send 的内容也可能要多次 recv 才能收完。",
    ),
    notes: Text::new(
        "\"A stream has no boundaries between messages; if sending and receiving differ in speed, \
         what several sends sent is received at once.\" Right, but half of it: one send can also \
         arrive split.",
        "「tcp传输采用字节流方式，消息之间没有边界，如果发送和接受速度不匹配，会造成多次发的内容被\
         一次接受」。说得对，但只说了一半：一次发送的内容也可能被拆成几次收到。",
    ),
    means: Text::new(
        "One recv is not one message: it is whatever waits in the buffer at that moment, up to the \
         size asked for. A program that takes it for a message works on an idle machine and fails \
         under load. The receiver must find the boundaries itself, in bytes that the sender put \
         there for it, and keep what is left over for the next recv.",
        "一次 recv 不等于一条消息：它只是取走缓冲区里此刻已有的字节，最多取到要求的长度。\
         把一次 recv 当作一条消息的程序，空闲时看着正常，一忙就出错。边界要由发送方写进字节里，\
         由接收方自己找出来；多读到的部分留着，接到下一次 recv 的前面。",
    ),
    framecat: Text::new(
        "A framing says where a message ends, whatever the sends and the segments were; bytes of \
         an unfinished message are kept until the rest arrives. -f raw shows what each read gave, \
         as nc does.",
        "用 -f 说明消息在哪里结束，与 send 几次、分成几个报文段都无关；没收完的消息先留着，\
         等后面的字节到齐。-f raw 则和 nc 一样，每次读到什么就是什么。",
    ),
    commands: &["framecat listen :9000 -f line", "framecat listen :9000 -f raw"],
    observe: super::sticky,
    judge: super::judge::sticky,
    done: done_sticky,
};

fn done_sticky(seen: &Evidence) -> Vec<Part> {
    let mut parts = vec![Part::Say(first_words(seen))];
    parts.extend(calls(seen, "at_once"));
    parts.push(Part::Say(nagle(seen)));
    parts.extend(calls(seen, "nagle"));
    let (sends, segments) = (seen.count("corked_sends"), seen.count("corked_segments"));
    let recvs = seen.count("corked_recvs");
    parts.push(Part::Say(say!(
        "And with TCP_CORK, which keeps back everything small until it is taken off, as a cork does: \
         {sends} sends, {segments} segment, {recvs} recv.",
        "再用 TCP_CORK（像塞上瓶塞，拔掉之前小数据一律不发）：{sends} 次 send，{segments} 个\
         报文段，{recvs} 次 recv。",
    )));
    parts.extend(calls(seen, "corked"));
    let (bytes, pieces) = (seen.count("split_sent_bytes"), seen.count("split_recvs"));
    let room = seen.count("split_room_bytes");
    parts.push(Part::Say(say!(
        "The other half, one send in pieces: {bytes} bytes, and a receiver with room for {room} at a \
         time needs {pieces} recvs.",
        "另一半，一次 send 被拆开：共 {bytes} 字节，接收端每次最多收 {room} 字节，{pieces} 次 recv \
         才取完。",
    )));
    parts.extend(calls(seen, "split"));
    parts.push(Part::Say(large(seen)));
    parts.push(Part::Say(fast(seen)));
    parts.push(counts_of_sticky(seen));
    let sends = seen.count("at_once_sends");
    let segments = |run: &str| seen.count(&format!("{run}_segments"));
    let (once, nagle, corked) = (segments("at_once"), segments("nagle"), segments("corked"));
    let read = seen.word("at_once_read");
    parts.push(Part::Say(say!(
        "The receiver sees neither of the first two columns, only what its recvs gave. The same \
         {sends} sends went in {once}, {nagle} and {corked} segments; it read {read}. Nothing in that \
         says how many messages it is, or where one ends.",
        "前两列接收端是看不到的，它只有 recv 得到的字节。同样 {sends} 次 send，报文段分别是 \
         {once}、{nagle}、{corked} 个，它读到的只是 {read}。\
         光看这些字节，既不知道这是几条消息，也不知道一条到哪里为止。",
    )));
    parts
}

fn first_words(seen: &Evidence) -> Say {
    let (sends, segments) = (seen.count("at_once_sends"), seen.count("at_once_segments"));
    let recvs = seen.count("at_once_recvs");
    say!(
        "A receiver that reads late: {sends} sends, each told to leave at once (TCP_NODELAY), went \
         in {segments} segments and were read by {recvs} recv. The middle is the kernel. KEPT: bytes \
         that are in the sender's kernel, for it keeps a copy until the other side has acknowledged \
         them, that is, said that it has them. SEGMENTS: how many with data went out so far. \
         WAITING: what lies in the receiver's kernel until a recv takes it.",
        "接收端读得晚：{sends} 次 send（设了 TCP_NODELAY，立即发出），分成 {segments} 个报文段，\
         {recvs} 次 recv 就全部收到。中间是内核。留底：发送端内核里还存着的字节数，\
         对方确认（回话说「收到了」）之前都要存着，以便重发。报文段：已经发出几个带数据的。\
         等待接收：已经在接收端内核里、等 recv 来取的内容。",
    )
}

fn nagle(seen: &Evidence) -> Say {
    let (sends, segments) = (seen.count("nagle_sends"), seen.count("nagle_segments"));
    let (recvs, waited) = (seen.count("nagle_recvs"), seen.count("nagle_waited_ms"));
    say!(
        "The same without TCP_NODELAY. Now Nagle's rule holds, as it does by default: a small piece \
         waits while an earlier one is not acknowledged. And once a connection has carried some data the \
         receiver's kernel likes to put off its acknowledgement (ACK), hoping that an answer will \
         carry it; calling recv does not hasten it. It came after {waited} ms here, and what had waited left as \
         one: {sends} sends, {segments} segments, {recvs} recv. Until then \"one\" is in both \
         kernels: it has arrived, but the sender does not know.",
        "再来一次，不设 TCP_NODELAY。这时默认的 Nagle 算法起作用：前面的数据还没得到确认，\
         后面的小数据就先扣下。而连接上传过一些数据以后，接收端的内核喜欢把确认（ACK）拖一会儿，\
         盼着能搭应答的便车；它与 recv 无关。这里拖了 {waited} 毫秒才到，扣下的就合成一个发出：\
         {sends} 次 send，{segments} 个报文段，{recvs} 次 recv。在这之前 one 两边的内核里都有：\
         已经到了，只是发送端还不知道。",
    )
}

fn large(seen: &Evidence) -> Say {
    let (bytes, first) = (seen.count("large_sent_bytes"), seen.count("large_first_bytes"));
    let (segments, pieces) = (seen.count("large_segments"), seen.count("large_recvs"));
    say!(
        "Is it only for want of room? One send of {bytes} bytes, and recvs with room for all of it: \
         they went in {segments} segments, for each has a largest size, and the first recv gave the \
         {first} that had come by then; {pieces} recvs took all.",
        "是不是地方不够大的缘故？一次 send 了 {bytes} 字节，recv 的缓冲区也有这么大：\
         一个报文段装不下，分成了 {segments} 个；第一次 recv 只得到那时已经到的 {first} 字节，\
         共 {pieces} 次收完。",
    )
}

fn fast(seen: &Evidence) -> Say {
    let (sends, each) = (seen.count("fast_sends"), seen.count("fast_each_bytes"));
    let (recvs, merged) = (seen.count("fast_recvs"), seen.count("fast_merged_recvs"));
    let (largest, messages) =
        (seen.count("fast_largest_bytes"), seen.count("fast_largest_messages"));
    say!(
        "Is it only for reading late? One thread makes {sends} sends of {each} bytes, another does \
         nothing but recv: {recvs} recvs, {merged} of them with more than one message, the largest \
         with {largest} bytes, {messages} messages. The threads share the processors with everything \
         else here, and what is sent while the reader is not running heaps up: how much is chance. \
         All runs beside each other:",
        "是不是读得晚的缘故？一个线程 send 了 {sends} 次，每次 {each} 字节；另一个线程什么也不做，\
         一直 recv：共 {recvs} 次，其中 {merged} 次不止一条消息，最大的一次 {largest} 字节，\
         合 {messages} 条。两个线程和别的程序轮流用处理器，轮不到接收的时候，发来的就越积越多；\
         积多少全凭运气。放在一起看：",
    )
}

fn counts_of_sticky(seen: &Evidence) -> Part {
    let row = |label: Text, run: &str| {
        let cell = |what: &str| seen.count(&format!("{run}_{what}")).to_string();
        (label.into(), vec![cell("sends"), cell("segments"), cell("recvs")])
    };
    Part::Counts(
        vec![SENDS, Text::new("segments", "报文段"), RECVS],
        vec![
            row(Text::new("read late, TCP_NODELAY", "晚读，TCP_NODELAY"), "at_once"),
            row(Text::new("read late, Nagle", "晚读，Nagle"), "nagle"),
            row(Text::new("read late, TCP_CORK", "晚读，TCP_CORK"), "corked"),
            row(Text::new("read as fast as possible", "一直在读"), "fast"),
            row(Text::new("one send, a small buffer", "一次发送，小缓冲区"), "split"),
            row(Text::new("one large send, a large buffer", "一次大发送，大缓冲区"), "large"),
        ],
    )
}

/// See `sticky/cures.rs`, `fn cure_marker`.
pub(crate) const CURE_MARKER: Law = Law {
    id: "cure-marker",
    group: "sticky",
    title: Text::new("cure 1: a marker ends each message", "处理方法一：结尾标志"),
    from: "S0:23",
    law: Text::new(
        "A marker after each message gives the boundaries back, if no payload can hold the marker \
         or the sender escapes it.",
        "每条消息后面加一个结尾标志，就能找回边界；前提是消息内容里不会出现这个标志，\
         或者出现时先转义。",
    ),
    notes: Text::new(
        "\"Add an end marker after each send, and the receiver judges by the marker.\" Right, on one \
         condition that they leave out: the payload must not hold the same bytes.",
        "「每次发送后加一个结尾标志，接收端通过标志进行判断」。对，但少说了一个条件：\
         消息内容里不能正好有同样的字节。",
    ),
    means: Text::new(
        "A marker suits text, where a line cannot hold the end of a line. For any other payload \
         refuse what holds the marker, or escape it, and escape the escape too. Look for the \
         marker in all bytes gathered so far, not in one recv: it may be cut off from its message.",
        "标志适合文本，比如一行里不会有换行符。别的内容，要么拒绝发送含标志的消息，要么转义；\
         转义符自己也要转义。找标志要在已经收到的全部字节里找，不能只看一次 recv 的内容：\
         标志和消息可能分两次到达。",
    ),
    framecat: Text::new(
        "-f line ends a message at the end of a line, -f delim:BYTES at any marker. A payload that \
         holds the marker is refused, with the place, rather than sent to arrive as two.",
        "-f line 以换行为标志，-f delim:BYTES 可以指定任何标志。消息内容里含有标志时，\
         framecat 拒绝发送并指出位置，不会让一条消息变成两条。",
    ),
    commands: &["framecat listen :9000 -f line", "framecat listen :9000 -f 'delim:;'"],
    observe: super::cures::cure_marker,
    judge: super::judge::cure_marker,
    done: done_cure_marker,
};

fn done_cure_marker(seen: &Evidence) -> Vec<Part> {
    let marker = seen.word("marker");
    let len = |name: &str| seen.list(name).len();
    let (given, found) = (len("plain_given"), len("plain_found"));
    let mut parts = vec![Part::Say(say!(
        "The marker is {marker} and the receiver takes a few bytes at a time, so a recv may end \
         anywhere; after -> stand the messages that are whole by then. Payloads without the marker: \
         {given} sent, {found} found.",
        "标志是「{marker}」。接收端每次只取几个字节，断在哪里都有可能；-> 后面是到这时已经收齐的消息。\
         内容里没有标志时：发送 {given} 条，找到 {found} 条。",
    ))];
    parts.extend(calls(seen, "plain"));
    let (given, found) = (len("bare_given"), len("bare_found"));
    parts.push(Part::Say(say!(
        "One payload holds the marker, and nothing is done about it: {given} sent, {found} found.",
        "有一条消息的内容里含有标志，不作处理：发送 {given} 条，却找到 {found} 条。",
    )));
    parts.extend(calls(seen, "bare"));
    let (given, found) = (len("escaped_given"), len("escaped_found"));
    let (as_marker, as_percent) = (seen.word("escaped_marker"), seen.word("escaped_percent"));
    parts.push(Part::Say(say!(
        "The same payloads, but escaped: a marker inside one is sent as % and its code in hex, \
         {as_marker}, and so is the percent sign itself, {as_percent}; the receiver turns them back. \
         {given} sent, {found} found.",
        "内容不变，但先转义：内容里的标志写成 % 加它的十六进制编码，即 {as_marker}，百分号本身写成 \
         {as_percent}，接收端再还原。发送 {given} 条，找到 {found} 条。",
    )));
    parts.extend(calls(seen, "escaped"));
    parts
}

/// See `sticky/cures.rs`, `fn cure_struct`.
pub(crate) const CURE_STRUCT: Law = Law {
    id: "cure-struct",
    group: "sticky",
    title: Text::new("cure 2: a structure with the length", "处理方法二：带长度的结构"),
    from: "S0:24",
    law: Text::new(
        "A head of fixed size that tells the length of what follows gives the boundaries back for \
         any payload, if both ends agree on the head's bytes.",
        "在内容前面放一个固定大小的头，写明内容的长度，任何内容都能找回边界；\
         前提是两端对头部的每个字节理解一致。",
    ),
    notes: Text::new(
        "\"Send a data structure (such as time + byte data + content) and parse it at the receiver (C \
         language).\" Right, but not as it lies in a C program's memory: the order of a number's \
         bytes and the gaps between fields (padding) are the machine's.",
        "「发送一个数据结构（如：时间+字节数据+发送的内容，接收端解析（C语言））」。对，\
         但不能把 C 结构在内存里的样子直接发出去：一个数的几个字节谁先谁后，字段之间空出多少\
         （填充），都随机器而变。",
    ),
    means: Text::new(
        "Write the head field by field in network byte order, as Python's struct.pack('!QI', ..) \
         does: no padding, the same bytes on every machine. Gather the whole head first, then as \
         many bytes as it says, and set a maximum: a wrong length must not make you wait for \
         bytes that never come, or reserve memory for them.",
        "按网络字节序逐个字段写出头部，像 Python 的 struct.pack('!QI', ..) 那样：没有填充，\
         在哪台机器上都一样。接收时先收齐头部，再按长度收齐内容。长度要有上限：\
         错误的长度不能让程序一直等不会来的字节，也不能让它照着长度先去分配内存（长度可能谎报得极大）。",
    ),
    framecat: Text::new(
        "-f struct is this structure: time and length as !QI, then the content. It carries any \
         bytes, the empty message too, and refuses a length over --max-message before it \
         reserves memory.",
        "-f struct 就是这个结构：按 !QI 写时间和长度，后面是内容。任何字节都能传，空消息也行；\
         长度超过 --max-message 时直接拒绝，不会先分配内存。",
    ),
    commands: &["framecat listen :9000 -f struct"],
    observe: super::cures::cure_struct,
    judge: super::judge::cure_struct,
    done: done_cure_struct,
};

fn done_cure_struct(seen: &Evidence) -> Vec<Part> {
    let (sends, recvs) = (seen.count("sends"), seen.count("recvs"));
    let found = seen.list("found").len();
    let zeros = seen.list("given").last().copied().unwrap_or_default();
    let (time, length) = (seen.count("time_bytes"), seen.count("length_bytes"));
    let mut parts = vec![Part::Say(say!(
        "{sends} messages, each a head and the content. The head is the time T (in nanoseconds; what \
         it is does not matter here) and the length, written as !QI, so Python's struct calls it: ! \
         the most significant byte of a number first (network byte order) and no padding, Q a number of {time} \
         bytes, I one of {length}. Among the messages one with the marker of cure-marker, an empty one \
         and one with zero bytes, {zeros}. Read by {recvs} recvs that may end anywhere: {found} found.",
        "{sends} 条消息，每条由头部和内容组成。头部是时间 T（单位纳秒，这里不关心它的值）和内容的长度，\
         按 !QI 写成。这是 Python 的 struct 模块的记法：! 表示一个数的高位字节在前（网络字节序）、\
         没有填充，Q 是 {time} 字节的数，I 是 {length} 字节的数。其中一条含有 cure-marker \
         用的标志，一条是空的，一条里有值为零的字节 {zeros}。{recvs} 次 recv，断在哪里都有可能：\
         找到 {found} 条（-> 后面）。",
    ))];
    parts.extend(calls(seen, "network"));
    let (network, native) = (seen.count("head_bytes"), seen.count("native_head_bytes"));
    parts.push(Part::Say(say!(
        "The head of the first message, {network} bytes as !QI, and the same values as the C \
         struct {{ uint64_t time; uint32_t length; }} lies in this machine's memory, {native} \
         bytes with its padding, in hex:",
        "第一条消息的头部：按 !QI 是 {network} 字节；同样的值，按 C 的 \
         struct {{ uint64_t time; uint32_t length; }} 放在这台机器的内存里，连填充共 {native} 字节。\
         用十六进制写出来：",
    )));
    // The field of a head from one of its bytes to another.
    let field = |head: &str, from: u64, bytes: u64| {
        let (from, bytes) = (from as usize, bytes as usize);
        seen.word(head).split(' ').skip(from).take(bytes).collect::<Vec<_>>().join(" ")
    };
    let native_length = field("native_head", time, length);
    parts.push(Part::Bytes(vec![
        (say!("!QI       time", "!QI     时间"), field("network_head", 0, time)),
        (say!("          length", "        长度"), field("network_head", time, length)),
        (say!("C struct  time", "C 结构  时间"), field("native_head", 0, time)),
        (say!("          length", "        长度"), native_length.clone()),
        (say!("          padding", "        填充"), field("native_head", network, native)),
    ]));
    let (sent, read) = (seen.count("native_length_sent"), seen.count("native_length_read"));
    let (bytes, left) = (
        seen.count("native_read_bytes"),
        seen.count("native_head_bytes").saturating_sub(seen.count("native_read_bytes")),
    );
    parts.push(Part::Say(say!(
        "Sent as the C struct and read as !QI: the length {sent} lies there as {native_length}, and \
         with its first byte taken for the largest that is {read}. {bytes} bytes were taken for the \
         head, and the {left} of padding would be taken for content.",
        "按 C 结构发送、按 !QI 读取：长度 {sent} 在内存里是 {native_length}，把第一个字节当作高位来读，\
         就成了 {read}。取走 {bytes} 字节当作头部，剩下的 {left} 字节填充会被当成内容。",
    )));
    parts
}

/// See `sticky/cures.rs`, `fn cure_delay`.
pub(crate) const CURE_DELAY: Law = Law {
    id: "cure-delay",
    group: "sticky",
    title: Text::new("cure 3: a pause between sends", "处理方法三：发送之间停顿"),
    from: "S0:25 S2:43 S3 S4:22",
    law: Text::new(
        "A pause between sends only seems to keep messages apart: it does while the receiver is \
         quicker than the pause, and no longer.",
        "发送之间停顿一下，只是看起来不粘包：接收端比停顿快时才行，慢一点就又粘上了。",
    ),
    notes: Text::new(
        "\"A short delay between sends\" (sleep(0.1)), \"control the speed of sending\". It only seems \
         to work, while both ends are idle: the sender cannot know when the receiver reads.",
        "「每次发送中间有一个短暂的延迟」（sleep(0.1)），「控制发送速度」。两端都空闲时看着有效；\
         但发送端没法知道接收端什么时候去读。",
    ),
    means: Text::new(
        "A pause makes no boundary: nothing of it is in the bytes. A receiver that is late by one \
         scheduling, one slow line or one lost segment merges what the pause kept apart, and every \
         message pays for the pause. Use cure 1 or 2.",
        "停顿不会在字节里留下任何记号，所以不是边界。接收端被调度晚一点、处理慢一点、\
         网络丢一个包，停顿隔开的消息照样粘在一起；而每条消息都要为停顿付出时间。\
         应该用方法一或方法二。",
    ),
    framecat: Text::new(
        "Put the boundary into the bytes: -f line for text, -f struct for anything.",
        "把边界写进字节里：文本用 -f line，任意内容用 -f struct。",
    ),
    commands: &["framecat listen :9000 -f line", "framecat listen :9000 -f struct"],
    observe: super::cures::cure_delay,
    judge: super::judge::cure_delay,
    done: done_cure_delay,
};

fn done_cure_delay(seen: &Evidence) -> Vec<Part> {
    let (sends, recvs) = (seen.count("prompt_sends"), seen.count("prompt_recvs"));
    let pause = seen.count("pause_ms");
    // A busy machine can make even this receiver late: what is said follows the counts.
    let mut parts = vec![Part::Say(if recvs == sends {
        say!(
            "{sends} sends with a pause of {pause} ms, to a receiver that waits in recv: {recvs} \
             recvs, the messages came apart. So far it seems to work.",
            "send {sends} 次，每次停顿 {pause} 毫秒，接收端一直等在 recv 里：recv 了 {recvs} 次，\
             消息是分开的。到这里看着有效。",
        )
    } else {
        say!(
            "{sends} sends with a pause of {pause} ms, to a receiver that waits in recv: {recvs} \
             recvs. Even now not one for one: the machine was busy.",
            "send {sends} 次，每次停顿 {pause} 毫秒，接收端一直等在 recv 里：recv 了 {recvs} 次。\
             机器一忙，这样也对不上。",
        )
    })];
    parts.extend(calls(seen, "prompt"));
    let (sends, recvs) = (seen.count("late_sends"), seen.count("late_recvs"));
    parts.push(Part::Say(say!(
        "The same sends with the same pauses, to a receiver that is busy until they are all there: \
         {sends} sends, {recvs} recv.",
        "同样的 send，同样的停顿，但接收端先忙别的，等全部到齐才读：send {sends} 次，\
         recv {recvs} 次。",
    )));
    parts.extend(calls(seen, "late"));
    let (sends, recvs) = (seen.count("unpaused_sends"), seen.count("unpaused_recvs"));
    parts.push(Part::Say(say!(
        "And without a pause, to a receiver that waits in recv: {sends} sends, recvs: {recvs}. The \
         first message wakes it, but it takes what is there when its turn on a processor comes; by \
         then more may have arrived.",
        "再看不停顿，接收端一直等在 recv 里：send {sends} 次，recv {recvs} 次。第一条消息就把它唤醒了，\
         但要等轮到它用处理器才去取，这时后面的可能也到了。",
    )));
    parts.extend(calls(seen, "unpaused"));
    parts.push(Part::Say(Say::from(Text::new(
        "What the pause costs, and what it bought. The time is from the first send to the end of the \
         last:",
        "停顿的代价和效果。时间从第一次 send 算到最后一次 send 结束：",
    ))));
    let row = |label: Text, run: &str| {
        let cell = |what: &str| seen.count(&format!("{run}_{what}")).to_string();
        let ms = format!("{:.2}", seen.count(&format!("{run}_us")) as f64 / 1e3);
        (label.into(), vec![cell("sends"), cell("recvs"), ms])
    };
    parts.push(Part::Counts(
        vec![SENDS, RECVS, Text::new("ms in all", "共用毫秒")],
        vec![
            row(Text::new("no pause, waiting receiver", "不停顿，一直等着收"), "unpaused"),
            row(Text::new("pause, waiting receiver", "停顿，一直等着收"), "prompt"),
            row(Text::new("pause, late receiver", "停顿，读得晚"), "late"),
        ],
    ));
    parts
}

/// See `sticky.rs`, `fn whole`.
pub(crate) const WHOLE: Law = Law {
    id: "whole",
    group: "sticky",
    title: Text::new("one whole needs no cure", "连续的整体不需要处理"),
    from: "S0:20 S1 S2 S4",
    law: Text::new(
        "Where all sends together are one whole, such as a file, sticking does no harm: nothing has to \
         be taken apart, and the end of the stream says that nothing more will come.",
        "如果多次发送的内容本来就是一个整体（比如一个文件），粘在一起也没有影响：不需要再拆开，\
         流的结束说明后面不会再有了。",
    ),
    notes: Text::new(
        "\"If what is sent several times is one continuous whole, nothing needs to be done.\" Right. We \
         add what marks its end: the sender closes its sending half, and recv returns 0.",
        "「如果多次发送的内容本身就是一个连续的整体，此时就不需要处理」。对。补充一点：\
         整体到哪里为止，是靠发送端关闭发送方向、recv 返回 0 来表示的。",
    ),
    means: Text::new(
        "Read until recv gives 0; that the buffer is empty for the moment (EAGAIN) says nothing. But 0 \
         says \"no more will come\", not \"that was all\": a sender that is killed halfway ends its \
         stream, too. Where a half file must not pass for a whole one, or where a second follows on the \
         same connection, send the length in front, as in cure 2.",
        "要一直读到 recv 返回 0；缓冲区暂时空了（EAGAIN）不说明任何问题。但 0 的意思是「后面没有了」，\
         不是「已经全了」：发送端传到一半被杀掉，流也会结束。如果不能把半个文件当成整个，\
         或者同一个连接上还要传第二个，就像方法二那样先发长度。",
    ),
    framecat: Text::new(
        "-f eof makes one message of everything until the stream ends; with no framing at all \
         bytes pass through unchanged, as with nc.",
        "-f eof 把直到流结束的全部字节当作一条消息；不指定时，字节原样通过，和 nc 一样。",
    ),
    commands: &["framecat listen :9000 -f eof > file", "framecat connect :9000 -f eof < file"],
    observe: super::whole,
    judge: super::judge::whole,
    done: done_whole,
};

fn done_whole(seen: &Evidence) -> Vec<Part> {
    let (bytes, sends) = (seen.count("sent_bytes"), seen.count("sends"));
    let (recvs, before, end) = (seen.count("recvs"), seen.word("before_end"), seen.count("end"));
    let (room, least, most) =
        (seen.count("room_bytes"), seen.count("least_bytes"), seen.count("most_bytes"));
    let mut parts = vec![Part::Say(say!(
        "A file of {bytes} bytes (the beginning of this program's own file) goes in {sends} sends. The \
         receiver takes it in {recvs} recvs with room for {room} each; they gave between {least} and \
         {most} bytes, what was there at the moment. shutdown(SHUT_WR) says: I send no more.",
        "一个 {bytes} 字节的文件（framecat 这个程序自身文件的前一段），{sends} 次 send。接收端 {recvs} \
         次 recv 收完，每次最多收 {room} 字节，实际得到 {least} 到 {most} 字节，当时有多少就是多少。\
         shutdown(SHUT_WR) 的意思是：我不再发送了。",
    ))];
    parts.extend(calls(seen, "whole"));
    parts.push(Part::Say(if seen.flag("same_content") {
        say!(
            "Byte by byte the two are the same. When the last byte was there, another recv gave \
             {before}: nothing yet said that it was the last. The end of the stream did: {end}.",
            "逐字节比较，两边相同。最后一个字节到了以后，再 recv 得到 {before}：\
             这时还没有什么能说明它是最后一个。流结束时 recv 得到 {end}，才算知道。",
        )
    } else {
        say!("Byte by byte the two differ.", "逐字节比较，两边不同。")
    }));
    parts
}
