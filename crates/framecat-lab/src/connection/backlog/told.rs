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
         long it may be: the limit is n, or what the machine allows (somaxconn) if that is less, and \
         one more than the limit fits. Whoever comes then is not turned away: it gets no answer, and \
         keeps trying.",
        "服务器还没接走的客户端，在内核的一个队列里等着。listen(n) 规定队列有多长：上限是 n，\
         n 超过系统的限制（somaxconn）时就以系统的为准；实际能排进的比上限多一个。\
         再来的客户端不会被拒绝，而是得不到回音，只好反复再试。",
    ),
    notes: Text::new(
        "\"listen(n) sets the maximum of the queue\", in which are \"requests still shaking hands or not \
         yet handled\"; and \"Linux has a default, setting it is as good as not setting it\". Neither is \
         so: these are two queues, n bounds the second, and on Linux setting it has its effect (with one more than n), as the \
         counts below show.",
        "「n表示监听队列的最大值；什么队列: 还处在握手中或还未来得及处理的请求」，「linux系有默认的, \
         设置了等于没设置」。两句都不对：「握手中」和「未处理」是两个队列，n 管的是后一个；\
         在 Linux 上设置了就管用，看下面的计数。",
    ),
    means: Text::new(
        "The queue only bridges a moment in which the server is busy. Accept in a loop, do the work \
         elsewhere, and give listen a large n: a small one does not protect the server, it only makes \
         clients wait. A connect that succeeds does not mean that any program has noticed you: only \
         its first answer does. And set a time limit on connect. ss -ltn shows both figures of every \
         listener: Recv-Q is how many wait now, Send-Q the limit.",
        "这个队列只能应付服务器一时忙不过来。正确的写法是：循环 accept，把活儿交给别处去做，\
         n 设大一些；n 太小保护不了服务器，只会让客户端干等。connect 成功，\
         不等于对面的程序已经知道你来了，收到它的第一个回答才算；connect 也要设超时。\
         ss -ltn 能看到每个监听套接字的这两个数：Recv-Q 是正在等的，Send-Q 是上限。",
    ),
    framecat: Text::new(
        "listen asks for a long queue and accepts at once; backlog=N asks for another. connect gives up \
         after --wait, and says so, instead of hanging for minutes.",
        "framecat listen 默认要一个很长的队列，并且来一个就接走一个；backlog=N 可以改。\
         framecat connect 等到 --wait 就放弃，并说明原因，不会一声不响地卡上几分钟。",
    ),
    commands: &["framecat listen :9000,backlog=2", "framecat connect :9000 --wait 3s"],
    observe: super::backlog,
    judge: super::judge,
    done: done_backlog,
};

fn done_backlog(seen: &Evidence) -> Vec<Part> {
    let mut parts = vec![Part::Say(Say::from(Text::new(
        "First, how a connection comes about: the two kernels shake hands, with three segments. The \
         programs take no part in it; connect only waits for the second. So the client holds itself \
         connected one step before the server does, and the server's kernel has a queue for each of the \
         last two steps. Where the clients of the experiment below came to stand is in the last column:",
        "先说连接是怎么建立的：两边的内核用三个报文段「握手」，程序并不参与，connect 只是等第二个段到来。\
         所以客户端比服务器早一步认为已经连上；服务器的内核则为后两步各设了一个队列。\
         下面实验里的客户端各自走到了哪一步，看最后一栏：",
    )))];
    parts.push(handshake(seen));
    parts.push(Part::Say(opening(seen)));
    parts.extend(calls(seen, "full"));
    parts.push(Part::Say(who_fits(seen)));
    parts.push(Part::Say(outside(seen)));
    parts.push(Part::Say(Say::from(Text::new(
        "Now the server calls accept, and one more client, F, happens to come:",
        "现在服务器调用 accept；这时正好又来了一个客户端 F：",
    ))));
    parts.extend(calls(seen, "free"));
    parts.push(Part::Say(a_place_is_free(seen)));
    parts.push(Part::Say(Say::from(Text::new(
        "That was the second queue. Clients are in the first one, SHAKING HANDS, for too short a time to \
         be seen, so here the server's kernel is told (TCP_DEFER_ACCEPT) to take the handshake for \
         unfinished until the client speaks:",
        "上面是第二个队列。客户端在第一个队列（握手中）里的时间太短，平时看不见，所以这里让服务器的内核\
         （TCP_DEFER_ACCEPT）等客户端开口说话，才算握手完成：",
    ))));
    parts.extend(calls(seen, "two"));
    let (early, first) = (seen.word("two_accept_before"), seen.count("two_first_before"));
    let second = seen.count("two_second_after");
    parts.push(Part::Say(say!(
        "connect gave 0, for the client's side is done; the server's kernel still had it in the first \
         queue ({first} there), and accept found nobody ({early}). Its first bytes moved it into the \
         second queue ({second} there), from which accept took it.",
        "connect 得到 0，因为客户端这边已经完成；服务器的内核还把它放在第一个队列里（有 {first} 个），\
         accept 找不到人（{early}）。它一发数据，就进了第二个队列（有 {second} 个），\
         accept 才把它取走。",
    )));
    let somaxconn = seen.count("somaxconn");
    parts.push(Part::Say(say!(
        "Does n change anything? Other lengths, filled in the same way; the limit is what the kernel \
         says (ss -ltn has it, too), and one more fits each time, for it lets in whoever finds no more \
         than the limit before it. In the last row but one listen was called again on the same socket, \
         with a larger n. In the last n is larger than this machine's somaxconn, {somaxconn}: there the \
         limit was only read, and nothing filled.",
        "n 到底管不管用？换几个长度，同样排满。上限是内核报的数（ss -ltn 里也有），每次都能多排进一个：\
         只要前面排着的不超过上限，内核就放人进来。倒数第二行是对同一个套接字再调用一次 listen，\
         把 n 改大；最后一行的 n 比本机的 somaxconn（{somaxconn}）还大，只看了上限，没有去排满。",
    )));
    parts.push(lengths(seen));
    parts
}

/// The three steps, and who came how far.
fn handshake(seen: &Evidence) -> Part {
    let step = |label: Say, client: &str, server: &str, who: &str| {
        (label, vec![client.into(), server.into(), who.into()])
    };
    Part::Counts(
        vec![
            Text::new("CLIENT IS", "客户端状态"),
            Text::new("SERVER'S KERNEL", "服务器内核"),
            Text::new("HERE", "走到这步"),
        ],
        vec![
            step(
                say!("SYN ->      may I?", "SYN ->      可以吗"),
                "SYN-SENT",
                "-",
                seen.word("full_outside"),
            ),
            step(
                say!("<- SYN+ACK  yes, and I?", "<- SYN+ACK  可以，我呢"),
                "ESTABLISHED",
                "SYN-RECEIVED",
                "-",
            ),
            step(
                say!("ACK ->      yes", "ACK ->      可以"),
                "ESTABLISHED",
                "ESTABLISHED",
                seen.word("full_inside"),
            ),
        ],
    )
}

fn opening(seen: &Evidence) -> Say {
    let (n, tried) = (seen.count("full_n"), seen.count("full_tried"));
    let within = seen.count("answer_within_ms");
    say!(
        "SYN-RECEIVED is the first queue (shaking hands). At the last step the connection moves into \
         the second, QUEUE below, and waits there for accept. Think of a shop: the kernel is the \
         doorkeeper who lets people in to stand in line, accept is the assistant who takes the next one. \
         Here the assistant is away: the server calls listen({n}) and no accept, and {tried} clients \
         come, one after the other. connect gives 0 when the client is connected. By itself it would \
         wait minutes for an answer; once the queue is full we gave it {within} ms (SO_SNDTIMEO), then \
         it gives EINPROGRESS: no answer so far. Only our call has ended; the kernel goes on trying.",
        "SYN-RECEIVED 就是第一个队列（握手中）；走完最后一步，连接进入第二个队列（下图的「队列」），\
         等 accept 来取。好比一家店：内核是门口的接待员，放人进来排队；accept 是店员，招呼下一位。\
         现在店员不在：服务器调用了 listen({n})，却一直不 accept，这时 {tried} 个客户端一个接一个地来。\
         connect 得到 0 就是客户端连上了。得不到回音时，它本来会等上几分钟；队列排满之后，\
         我们只让它等 {within} 毫秒（SO_SNDTIMEO），时间一到就返回 EINPROGRESS：还没有回音。结束的只是我们这次调用，内核还在继续尝试。",
    )
}

fn who_fits(seen: &Evidence) -> Say {
    let (n, queue) = (seen.count("full_n"), seen.count("full_queue"));
    let (first, heard) = (seen.word("full_first"), seen.word("full_heard"));
    say!(
        "{queue} fit, though n was {n}: the kernel lets in whoever finds at most n in the line before. \
         These {queue} are ESTABLISHED, and yet the server's program has done nothing, only its kernel. \
         {first} has even begun to talk, and what it said waits with it (further down recv gives \
         \"{heard}\").",
        "n 是 {n}，却排进了 {queue} 个：只要前面排着的不超过 n 个，内核就放人进来。\
         这 {queue} 个的状态是 ESTABLISHED，已经连上了，可服务器的程序什么都没做，都是内核办的。\
         {first} 甚至已经开口说话，说的话也一起排着队（下面 recv 会得到 \"{heard}\"）。",
    )
}

fn outside(seen: &Evidence) -> Say {
    let (no_answer, who) = (seen.count("full_no_answer"), seen.word("full_outside"));
    let retries = match seen.figures.get("syn_retries").and_then(|retries| retries.as_u64()) {
        Some(times) => say!(
            "up to {times} times on this machine, after longer and longer pauses",
            "本机最多再发 {times} 次，间隔越来越长"
        ),
        None => say!("after longer and longer pauses", "间隔越来越长"),
    };
    let (en, zh) = (retries.en, retries.zh);
    say!(
        "The other {no_answer}, {who}, are SYN-SENT: their SYN was dropped at the door. They are in \
         neither queue; the server's kernel has forgotten them. Nobody said no, either: a refusal would \
         be an error at once. Their own kernel sends SYN again, {en}, and only if none is answered does \
         a connect without a time limit fail. To a person this looks like a server that hangs.",
        "另外 {no_answer} 个（{who}）的状态是 SYN-SENT：它们的 SYN 到了门口就被丢掉了。\
         它们不在任何一个队列里，服务器的内核根本没记下它们。但也没有人说「不」，要是拒绝，connect \
         会立即报错。它们自己的内核过一会儿会再发 SYN，{zh}；次次都没有回音，不设时限的 connect \
         才失败。在用户看来，就像服务器卡死了。",
    )
}

fn a_place_is_free(seen: &Evidence) -> Say {
    let (late, longest) = (seen.word("full_late"), seen.word("full_longest"));
    let (accepted, who) = (seen.word("full_accepted"), seen.word("full_outside"));
    if late == "ESTABLISHED" && longest == "SYN-SENT" {
        say!(
            "accept gave {accepted} to the server, the first that came, and one place was free. F got \
             it: its SYN came at the right moment, while {who} were between two tries. They go on \
             trying, and get in if there is room just then. Inside the queue clients are served in the \
             order in which they came; those outside stand in no line at all.",
            "accept 取走了最先来的 {accepted}，空出一个位置，被 F 占了：它的 SYN 来得正是时候，{who} \
             虽然来得早，这时还没到再试的时间。它们会接着试，哪次正好有空位，哪次进来。\
             队列里面先来后到；还在外面的，根本没有排队。"
        )
    } else {
        say!(
            "accept gave {accepted} to the server, the first that came. Of those outside, the one whose \
             SYN comes first once there is room gets in: F is {late}, who waited longest is {longest}.",
            "accept 取走了最先来的 {accepted}。还在外面的，有了空位之后谁的 SYN 先到谁进来：F 是 \
             {late}，等得最久的那个是 {longest}。"
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
