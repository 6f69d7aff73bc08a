//! How the laws about accept are told.

use super::super::calls;
use crate::evidence::Evidence;
use crate::lang::{Text, say};
use crate::law::Law;
use crate::page::Part;

/// See `queue.rs`, `fn accept_blocks`.
pub(crate) const ACCEPT_BLOCKS: Law = Law {
    id: "accept-blocks",
    group: "connection",
    title: Text::new("accept waits for a client", "accept 会一直等客户端"),
    from: "S3:43,107",
    law: Text::new(
        "accept sleeps until a client has connected. Where one waits already, it returns at once.",
        "没有客户端时，accept 一直睡着等；已经有客户端连上，就立即返回。",
    ),
    notes: Text::new(
        "accept blocks and waits for a client to connect. True. We add: it waits for the queue of \
         finished handshakes, so clients that came before it was called cost it no wait; and a socket \
         told not to block (O_NONBLOCK) gives EAGAIN instead.",
        "「功能: 阻塞等待客户端连接」。对。补充：它等的是「握手已完成」的队列，\
         调用之前就连上的客户端，不用再等；设成非阻塞的套接字则不等，直接返回 EAGAIN。",
    ),
    means: Text::new(
        "A thread in accept does nothing else. A server that must also talk meanwhile needs a thread a \
         client, or poll/epoll and non-blocking sockets: a listening socket is readable when accept \
         would not wait.",
        "线程停在 accept 里，就做不了别的事。服务器要一边等新客户端一边收发，要么每个客户端一个线程，\
         要么用 poll/epoll 加非阻塞套接字：监听套接字「可读」，就表示 accept 不用等。",
    ),
    framecat: Text::new(
        "listen never blocks in accept: it waits for all its sockets and stdin at once; --deadline bounds \
         how long.",
        "framecat listen 不会卡在 accept 里：它同时等所有套接字和标准输入；--deadline 规定最多等多久。",
    ),
    commands: &["framecat listen :9000 --once --deadline 5s"],
    observe: super::accept_blocks,
    judge: super::judge::accept_blocks,
    done: done_accept_blocks,
};

fn done_accept_blocks(seen: &Evidence) -> Vec<Part> {
    let state = match seen.word("thread_before") {
        "sleeping" => Text::new("sleeping", "睡眠"),
        _ => Text::new("not asleep", "没有睡着"),
    };
    let (en, zh) = (state.en, state.zh);
    let mut parts = vec![Part::Say(say!(
        "The server's thread calls accept when nobody is there. The kernel's list of threads has it as: \
         {en}. Only then does a client connect.",
        "还没有客户端，服务器的线程就调用 accept。查内核的线程表，它的状态是：{zh}。\
         这时客户端才来连接。",
    ))];
    parts.extend(calls(seen, "blocks"));
    let (called, connect, back) = (
        seen.count("accept_called_us"),
        seen.count("connect_called_us"),
        seen.count("accept_returned_us"),
    );
    parts.push(Part::Say(say!(
        "In microseconds: accept called at {called}, connect called at {connect}, accept returned at \
         {back}.",
        "按微秒算：accept 在 {called} 调用，connect 在 {connect} 调用，accept 在 {back} 返回。",
    )));
    let (nobody, somebody) = (seen.word("nobody_there"), seen.word("somebody_there"));
    parts.push(Part::Say(say!(
        "The same socket, told not to block. With nobody there: {nobody}, at once. With a client in \
         the queue: {somebody}, at once too.",
        "同一个套接字，设成非阻塞。没有客户端：立即返回 {nobody}；队列里有客户端：也立即返回，\
         结果是 {somebody}。",
    )));
    parts.extend(calls(seen, "nonblocking"));
    parts
}

/// See `queue.rs`, `fn accept_new`.
pub(crate) const ACCEPT_NEW: Law = Law {
    id: "accept-new",
    group: "connection",
    title: Text::new("accept gives a new socket", "accept 返回一个新的套接字"),
    from: "S3:43,60",
    law: Text::new(
        "accept gives a new socket for talking to one client, and that client's address. The listening \
         socket stays as it was, and cannot talk.",
        "accept 返回一个新的套接字，专门和这个客户端通信，同时返回客户端的地址。\
         监听套接字保持原样，它自己不能收发。",
    ),
    notes: Text::new(
        "It returns a tuple: first a new socket to talk with the client, second the address of the \
         client. True.",
        "「返回值: 具有两个元素的元组. 第一个, 返回一个新的套接字用来和客户端通信. 第二个, \
         返回连接的客户端的地址」。对。",
    ),
    means: Text::new(
        "Talk through what accept returned, and close it when that client is done: each one that is \
         forgotten stays open, until the process may open no more (EMFILE) and accept fails.",
        "收发都用 accept 返回的那个套接字，客户端走了就把它关掉：忘了关的会越积越多，\
         直到进程不能再打开文件（EMFILE），accept 也就失败了。",
    ),
    framecat: Text::new(
        "Each connection has its own socket and its own framing, and is told by the address that accept \
         gave (-v).",
        "每个连接有自己的套接字、自己的消息边界状态，并用 accept 给出的地址来称呼（-v 可以看到）。",
    ),
    commands: &["framecat listen :9000 -v"],
    observe: super::accept_new,
    judge: super::judge::accept_new,
    done: done_accept_new,
};

fn done_accept_new(seen: &Evidence) -> Vec<Part> {
    let (listening, new) = (seen.count("listening_fd"), seen.count("new_fd"));
    let (name, given) = (seen.word("client_name"), seen.word("address_given"));
    let yes_no = |flag: &str| match seen.flag(flag) {
        true => Text::new("yes", "是"),
        false => Text::new("no", "否"),
    };
    let (old_listens, new_listens) = (yes_no("listening_accepts"), yes_no("new_accepts"));
    let (old_en, old_zh) = (old_listens.en, old_listens.zh);
    let (new_en, new_zh) = (new_listens.en, new_listens.zh);
    let (send, recv) = (seen.word("send_on_listening"), seen.word("recv_on_listening"));
    let mut parts = vec![Part::Say(say!(
        "A socket is a number in a program (its descriptor), here in front of each of the server's calls. It \
         listens with {listening}; the middle shows how many clients wait in its queue.",
        "在程序里，一个套接字就是一个数字（文件描述符），图里写在服务器每次调用的前面。服务器用 {listening} 号监听；\
         中间是它的队列里等着的客户端数。",
    ))];
    parts.extend(calls(seen, "new"));
    parts.push(Part::Say(say!(
        "accept gave another number, {new}, and the address {given}; the client calls itself {name}. Does \
         it accept (SO_ACCEPTCONN)? {listening}: {old_en}; {new}: {new_en}. Talking on {listening} gave \
         {send} for send and {recv} for recv; on {new} it worked.",
        "accept 给了另一个数字 {new}，以及地址 {given}；客户端自己的地址是 {name}。\
         能 accept 吗（SO_ACCEPTCONN）？{listening} 号：{old_zh}；{new} 号：{new_zh}。\
         用 {listening} 号收发，send 得 {send}，recv 得 {recv}；用 {new} 号就通了。",
    )));
    parts
}

/// See `queue.rs`, `fn two_sockets`.
pub(crate) const TWO_SOCKETS: Law = Law {
    id: "two-sockets",
    group: "connection",
    title: Text::new("two layers of socket, one at the client", "服务器两层套接字，客户端一层"),
    from: "S3:60,105",
    law: Text::new(
        "A server has two layers of socket: one that listens and one for each conversation. A client \
         has one. Closing the one that listens leaves the conversations alive.",
        "服务器有两层套接字：一个负责监听，另外每个对话各一个；客户端只有一个。\
         关掉监听的那个，正在进行的对话不受影响。",
    ),
    notes: Text::new(
        "The server must set up two layers of socket, the outer one for the door, the inner one, which \
         accept returns, for the client it serves; the client needs only one. True. We add what becomes \
         of those who stand in the door when it closes: they were connected, and are reset.",
        "「服务器需要建立两层socket, 一层用于维持对外管道, 里面的一层, 即通过accept返回的新的socket对象, \
         是连接的具体的客户端」，「客户端只需要创建一个socket对象」。对。补充：\
         外层关闭时，已经连上、但还没被 accept 的客户端，会被重置（RST）。",
    ),
    means: Text::new(
        "To stop a server gently close the listening socket first and let the conversations end. Accept \
         what waits before: a client in the queue thinks it is connected and gets ECONNRESET.",
        "要平稳地停掉服务器，先关监听套接字，再等各个对话自己结束。关之前先把队列里的接走：\
         那些客户端以为已经连上了，会得到 ECONNRESET。",
    ),
    framecat: Text::new(
        "listen --once closes its listening socket as soon as it has its connection: the next client is \
         refused at once instead of waiting for nothing.",
        "listen --once 接到一个连接后，就关掉监听套接字：后来的客户端立即被拒绝，不会白等。",
    ),
    commands: &["framecat listen :9000 --once"],
    observe: super::two_sockets,
    judge: super::judge::two_sockets,
    done: done_two_sockets,
};

fn done_two_sockets(seen: &Evidence) -> Vec<Part> {
    let (server, client) = (seen.list("sockets_of_the_server"), seen.list("sockets_of_the_client"));
    let (of_server, of_client) = (server.len(), client.len());
    let (listening, new) = (server[0], server[server.len() - 1]);
    let mut parts = vec![Part::Say(say!(
        "The server has {of_server} sockets by now: {listening} listens, {new} talks with the first client, \
         which has {of_client}. A second client has connected and was not accepted yet. Then the server \
         closes {listening}.",
        "这时服务器有 {of_server} 个套接字：{listening} 号在监听，{new} 号和第一个客户端对话；\
         客户端只有 {of_client} 个。第二个客户端连上了，还没有被 accept。然后服务器关掉 {listening} 号。",
    ))];
    parts.extend(calls(seen, "two"));
    let (heard, waiting) = (seen.word("client_heard"), seen.word("not_yet_accepted"));
    let new = seen.word("new_client");
    parts.push(Part::Say(say!(
        "The conversation goes on (\"{heard}\"). The second client, connected but never accepted, got \
         {waiting}; a third, that came later, {new}.",
        "对话照常进行（\"{heard}\"）。第二个客户端连上了却没被 accept，得到 {waiting}；\
         后来的第三个，得到 {new}。",
    )));
    parts
}

/// See `queue.rs`, `fn listen_many`.
pub(crate) const LISTEN_MANY: Law = Law {
    id: "listen-many",
    group: "connection",
    title: Text::new("one listening socket, many clients", "一个监听套接字，许多客户端"),
    from: "S2:20 S4:4",
    law: Text::new(
        "One listening socket serves many clients, several at once and again and again.",
        "一个监听套接字可以同时接待多个客户端，也可以反复接待。",
    ),
    notes: Text::new(
        "A listening socket can be connected to many clients at once, and again later. True, if it is \
         taken rightly: it is never itself connected to any. Each accept makes a socket for one client, \
         and it stays free.",
        "「一个监听套接字可以同时连接多个客户端，也能够重复被连接」。对，但要理解正确：\
         监听套接字自己并不和任何客户端相连，每次 accept 都另生成一个套接字，它自己一直空着。",
    ),
    means: Text::new(
        "That many can be connected does not mean that all are served: a loop of accept, recv, send, \
         close serves one while the others wait. To serve them at once takes a thread each, or poll.",
        "能同时连上，不等于能同时得到服务：按 accept、recv、send、close 循环的程序，\
         一次只服务一个，别的都在等。要同时服务，得每个客户端一个线程，或者用 poll。",
    ),
    framecat: Text::new(
        "listen serves all its clients at once, up to --max-clients; --chat lets them hear each other.",
        "framecat listen 同时服务所有客户端，上限是 --max-clients；加 --chat 客户端之间也能互相听到。",
    ),
    commands: &["framecat listen :9000 --echo --max-clients 100", "framecat listen :9000 --chat"],
    observe: super::listen_many,
    judge: super::judge::listen_many,
    done: done_listen_many,
};

fn done_listen_many(seen: &Evidence) -> Vec<Part> {
    let clients = seen.list("at_once_given").len();
    let listening = seen.count("listening_fd");
    let sockets = seen.list("at_once_sockets").join(", ");
    let mut parts = vec![Part::Say(say!(
        "{clients} clients at once, all connected before the first is served, and the last speaks first. The \
         middle is the queue of the listening socket, {listening}.",
        "{clients} 个客户端同时在：全部连上以后才开始服务，并且最后来的先说话。\
         中间是监听套接字 {listening} 号的队列。",
    ))];
    parts.extend(calls(seen, "many"));
    let (later, echoed) = (seen.count("later_clients"), seen.count("later_echoed"));
    parts.push(Part::Say(say!(
        "Each was answered on a socket of its own ({sockets}) with its own words. All of them left. {later} \
         more came one after the other to the same listening socket: {echoed} were answered.",
        "每个客户端都有自己的套接字（{sockets}），收到的也是自己的话。它们都走了以后，\
         又有 {later} 个先后来连同一个监听套接字：{echoed} 个得到了回答。",
    )));
    parts
}

/// See `queue.rs`, `fn handshake`.
pub(crate) const HANDSHAKE: Law = Law {
    id: "handshake",
    group: "connection",
    title: Text::new("the kernel shakes hands, not accept", "握手由内核完成，不等 accept"),
    from: "S3:107",
    law: Text::new(
        "connect makes the three-way handshake with the server's kernel. It is complete before the \
         server calls accept, and without it; listen is what it needs.",
        "connect 是和服务器的内核做三次握手。不必等服务器调用 accept，握手就已经完成；\
         需要的只是 listen。",
    ),
    notes: Text::new(
        "While the server blocks in accept a client's connect sets off the three-way handshake. It does, \
         but accept has no part in it; and the comment on accept in the sample loop, \"makes the \
         handshake\" (S3:188), is wrong: accept only takes what is finished.",
        "「在服务器端accpt()阻塞等待时, 客户端以connet()连接该服务器端, TCP三次握手便发生」。\
         握手确实由 connect 引起，但和 accept 无关；示例里 accept 旁边的注释「进行三次握手」\
         （S3:188）不对：accept 只是把已经握完手的连接取走。",
    ),
    means: Text::new(
        "A connect that succeeds says that a kernel listens, not that a program is alive behind it: one \
         that hangs still gets clients. Only an answer tells. In turn a server may find, when it accepts, \
         that a client has long sent its data, or is gone.",
        "connect 成功只说明对面的内核在监听，不说明程序还活着：程序卡死了，客户端照样连得上。\
         收到回答才算数。反过来，服务器 accept 的时候，客户端可能早就发完了数据，甚至已经走了。",
    ),
    framecat: Text::new(
        "ask waits for an answer, not only for the connection, and its exit code tells the two apart; \
         connect -v tells when the handshake was done.",
        "framecat ask 要等到回答，而不只是连上，退出码能区分两者；connect -v 会说明何时连上。",
    ),
    commands: &["framecat ask :9000 'are you there?'", "framecat connect :9000 -v"],
    observe: super::handshake,
    judge: super::judge::handshake,
    done: done_handshake,
};

fn done_handshake(seen: &Evidence) -> Vec<Part> {
    let early = seen.word("connect_before_listen");
    let mut parts = vec![Part::Say(say!(
        "The server has a port (bind) and does not listen yet: connect = {early}. Then it listens, and never \
         calls accept until the end. The middle is the queue of connections that are complete and not \
         accepted.",
        "服务器有了端口（bind），还没有 listen：connect = {early}。然后它 listen，\
         但直到最后才调用 accept。中间是「已完成、还没被 accept」的连接队列。",
    ))];
    parts.extend(calls(seen, "handshake"));
    let (out, back) = (seen.count("segments_out"), seen.count("segments_in"));
    let state = seen.word("client_state");
    let (connected, accept) = (seen.count("connected_us"), seen.count("accept_called_us"));
    let heard = seen.word("heard");
    parts.push(Part::Say(say!(
        "The handshake, as the client counts it: {out} segments out (SYN, ACK), {back} in (SYN+ACK). After \
         that it is {state}. connect was done at {connected} us, accept was called at {accept} us. What the \
         client sent between the two was kept for the program: \"{heard}\".",
        "客户端这边数到的握手：发出 {out} 个报文段（SYN、ACK），收到 {back} 个（SYN+ACK），\
         之后状态是 {state}。connect 在 {connected} 微秒完成，accept 在 {accept} 微秒才调用。\
         客户端在这中间发的数据，内核替程序留着：\"{heard}\"。",
    )));
    parts
}
