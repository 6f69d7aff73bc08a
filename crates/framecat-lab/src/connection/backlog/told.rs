//! How the law `backlog` is told: to people who have never written a server, too.

use super::super::calls;
use crate::evidence::Evidence;
use crate::lang::{Say, Text, say};
use crate::law::Law;
use crate::page::Part;

/// See `backlog.rs`, `fn backlog`.
pub(crate) const BACKLOG: Law = Law {
    id: "backlog",
    group: "connection",
    title: Text::new("where clients wait to be accepted", "没被 accept 的客户端在哪里等"),
    from: "S3:35,39",
    law: Text::new(
        "A client that the server has not taken yet waits in a queue in the kernel. listen(n) says how \
         long it may be: n + 1 fit, and never more than the machine allows (somaxconn). Whoever comes \
         then is not turned away: it gets no answer, and keeps trying.",
        "服务器还没接走的客户端，在内核的一个队列里等着。listen(n) 规定队列有多长：能排 n+1 个，\
         并且不超过系统的上限（somaxconn）。再来的客户端不会被拒绝，而是得不到回音，只好反复再试。",
    ),
    notes: Text::new(
        "listen(n) sets the maximum of the queue that holds requests still shaking hands or not yet \
         handled; Linux has its own default, and setting it changes nothing. Not so: there are two \
         queues, one for each of these, n bounds the second, and on Linux too it does what it says, as \
         the counts below show.",
        "「n表示监听队列的最大值；什么队列: 还处在握手中或还未来得及处理的请求」，「linux系有默认的, \
         设置了等于没设置」。不对：「握手中」和「未处理」是两个队列，n 管的是后一个；\
         在 Linux 上设置了就管用，看下面的计数。",
    ),
    means: Text::new(
        "The queue only bridges a moment in which the server is busy. Accept in a loop, do the work \
         elsewhere, and give listen a generous n: one that is too small makes clients slow, not the \
         server safe. A connect that succeeds does not mean that any program has noticed you: wait for \
         its first answer, and set a time limit on connect. ss -ltn shows both figures of every \
         listener: Recv-Q is how many wait now, Send-Q the limit.",
        "这个队列只能应付服务器一时忙不过来。正确的写法是：循环 accept，把活儿交给别处去做，\
         n 给得大方一些；n 太小只会让客户端变慢，并不能保护服务器。connect 成功，\
         不等于对面的程序已经知道你来了：要等到它的第一个回答；connect 也要设超时。\
         ss -ltn 能看到每个监听套接字的这两个数：Recv-Q 是正在等的，Send-Q 是上限。",
    ),
    framecat: Text::new(
        "listen asks for a long queue and accepts at once; backlog=N asks for another. connect gives up \
         after --wait, and says so, instead of hanging for minutes.",
        "framecat listen 默认要一个很长的队列，并且来一个接一个；backlog=N 可以改。\
         framecat connect 等到 --wait 就放弃，并说明原因，不会一声不响地卡上几分钟。",
    ),
    commands: &["framecat listen :9000,backlog=2", "framecat connect :9000 --wait 3s"],
    observe: super::backlog,
    judge: super::judge,
    done: done_backlog,
};

fn done_backlog(seen: &Evidence) -> Vec<Part> {
    let mut parts = vec![Part::Say(opening(seen))];
    parts.extend(calls(seen, "full"));
    parts.push(Part::Say(who_fits(seen)));
    parts.push(Part::Say(outside(seen)));
    parts.push(Part::Say(say!(
        "Now the assistant comes back and calls accept, and one more client, F, happens to come in:",
        "现在店员回来了，调用 accept；这时正好又来了一个客户端 F：",
    )));
    parts.extend(calls(seen, "free"));
    parts.push(Part::Say(a_place_is_free(seen)));
    parts.push(Part::Say(say!(
        "That was the second queue. The first holds those whose handshake is not finished, usually for \
         too short a time to be seen. Here the server's kernel was told (TCP_DEFER_ACCEPT) to leave it \
         unfinished until the client speaks. Each box is one client:",
        "上面是第二个队列。第一个队列里是握手还没完成的，平时时间太短，看不见。这里让服务器的内核\
         （TCP_DEFER_ACCEPT）等客户端开口说话才算握手完成。一个方块是一个客户端：",
    )));
    parts.extend(calls(seen, "two"));
    let (early, late) = (seen.word("two_accept_before"), seen.word("two_accept_after"));
    parts.push(Part::Say(say!(
        "While the client was only in the first queue accept found nobody ({early}). Its first bytes \
         moved it into the second, and accept took it from there ({late}).",
        "客户端还在第一个队列时，accept 找不到人（{early}）；它一发数据，就进了第二个队列，\
         accept 才把它取走（{late}）。",
    )));
    let somaxconn = seen.count("somaxconn");
    parts.push(Part::Say(say!(
        "Does n change anything? Other lengths, counted. In the last row but one listen was called a \
         second time on the same socket, with a larger n; in the last, n is larger than this machine's \
         somaxconn, {somaxconn}:",
        "n 到底管不管用？换几个长度，数一数。倒数第二行是对同一个套接字再调用一次 listen，把 n 改大；\
         最后一行的 n 比本机的 somaxconn（{somaxconn}）还大：",
    )));
    parts.push(lengths(seen));
    parts
}

fn opening(seen: &Evidence) -> Say {
    let (n, tried) = (seen.count("full_n"), seen.count("full_tried"));
    say!(
        "Think of a shop. listen opens the door; connect is a customer who comes in; accept is the \
         assistant who turns to the next one; between door and counter people stand in line. Here the \
         assistant is away: the server calls listen({n}) and no accept, while {tried} clients come, one \
         after the other. Time runs down. On the left is what the clients called and what they got: \
         connect gives 0 when it is connected, and EINPROGRESS when nobody has answered so far. Each \
         box in the middle is one client in the line.",
        "好比一家店：listen 是开门，connect 是顾客进门，accept 是店员招呼下一位；从门口到柜台之间，\
         大家排队。现在店员不在：服务器调用了 listen({n})，却一直不 accept，这时 {tried} 个客户端\
         一个接一个地来。时间从上往下走。左边是客户端的调用和结果：connect 得到 0 就是连上了，\
         得到 EINPROGRESS 就是到现在还没人应。中间每个方块，就是队列里的一个客户端。",
    )
}

fn who_fits(seen: &Evidence) -> Say {
    let (n, queue) = (seen.count("full_n"), seen.count("full_queue"));
    let (first, heard) = (seen.word("full_first"), seen.word("full_heard"));
    say!(
        "{queue} fit, though n was {n}: the kernel lets in whoever finds at most n in the line before. \
         These {queue} are ESTABLISHED, that is connected, and yet the server's program has done \
         nothing: its kernel opened to them. {first} has even begun to talk, and what it said waits with \
         it (further down recv gives \"{heard}\").",
        "n 是 {n}，却排进了 {queue} 个：只要前面排着的不超过 n 个，内核就放人进来。\
         这 {queue} 个的状态是 ESTABLISHED，也就是已经连上了，可服务器的程序什么都没做，\
         是它的内核开的门。{first} 甚至已经开口说话，说的话也一起排着队（下面 recv 会得到 \
         \"{heard}\"）。",
    )
}

fn outside(seen: &Evidence) -> Say {
    let no_answer = seen.count("full_no_answer");
    let retries = match seen.figures.get("syn_retries").and_then(|retries| retries.as_u64()) {
        Some(times) => say!(
            "up to {times} times on this machine, after longer and longer pauses",
            "本机最多再敲 {times} 次，间隔越来越长"
        ),
        None => say!("after longer and longer pauses", "间隔越来越长"),
    };
    let (en, zh) = (retries.en, retries.zh);
    say!(
        "The other {no_answer} are SYN-SENT: they have knocked (a segment called SYN is the knock), and \
         nobody came to the door. Nobody said no, either; a refusal would be an error at once. Their own \
         kernel will knock again, {en}, and only then does connect fail. To a person this looks like a \
         server that hangs.",
        "另外 {no_answer} 个的状态是 SYN-SENT：敲了门（SYN 就是敲门的那个报文段），没人来开。\
         但也没有人说「不」，要是拒绝，connect 会立即报错。它们自己的内核过一会儿会再敲，{zh}，\
         都没人应，connect 才失败。在用户看来，就像服务器卡死了。",
    )
}

fn a_place_is_free(seen: &Evidence) -> Say {
    let (late, longest) = (seen.word("full_late"), seen.word("full_longest"));
    let accepted = seen.word("full_accepted");
    if late == "ESTABLISHED" && longest == "SYN-SENT" {
        say!(
            "accept gave {accepted} to the server, the first that came, and one place was free. F got \
             it: it knocked at the right moment, while those who came earlier were between two knocks. \
             Inside the queue clients are served in order; outside there is no queue.",
            "accept 取走了最先来的 {accepted}，空出一个位置，被 F 占了：它敲得正是时候，\
             比它来得早的那几个还没到再敲门的时间。队列里讲先来后到，队列外面没有队可排。"
        )
    } else {
        say!(
            "accept gave {accepted} to the server, the first that came. Of those outside, the one that \
             knocks first once there is room gets in: F is {late}, who waited longest is {longest}.",
            "accept 取走了最先来的 {accepted}。队列外面的，谁先敲到门谁进来：F 是 {late}，\
             等得最久的那个是 {longest}。"
        )
    }
}

fn lengths(seen: &Evidence) -> Part {
    let row = |label: Say, name: &str| {
        let cell = |what: &str| match seen.figures.get(&format!("{name}_{what}")) {
            Some(value) => value.to_string(),
            None => String::new(),
        };
        (label, vec![cell("limit"), cell("tried"), cell("fit"), cell("no_answer")])
    };
    let n = |name: &str| seen.count(&format!("{name}_n"));
    let (short, long, again, huge) = (n("short"), n("long"), n("again"), n("huge"));
    let before = seen.count("again_n_before");
    Part::Counts(
        vec![
            Text::new("limit", "上限"),
            Text::new("clients", "来了"),
            Text::new("fit", "排进"),
            Text::new("no answer", "没有回音"),
        ],
        vec![
            row(say!("listen({short})", "listen({short})"), "short"),
            row(say!("listen({long})", "listen({long})"), "long"),
            row(
                say!(
                    "listen({before}), then listen({again})",
                    "listen({before})，再 listen({again})"
                ),
                "again",
            ),
            row(say!("listen({huge})", "listen({huge})"), "huge"),
        ],
    )
}
