//! How the laws of the group http are told: who remembers and how long a connection lives here, the
//! parts of messages in `told/parts.rs`, methods and codes in `told/meaning.rs`.

use crate::evidence::Evidence;
use crate::lang::{Say, Text, say};
use crate::law::Law;
use crate::page::Part;

pub(super) mod meaning;
pub(super) mod parts;

/// The calls of a scene, where the experiment noted it.
fn calls(seen: &Evidence, name: &str) -> impl Iterator<Item = Part> {
    seen.scene(name).cloned().map(Part::Calls).into_iter()
}

/// A line of [`Part::Bytes`]: a label, and words of the evidence.
fn line(label: Text, words: impl Into<String>) -> (Say, String) {
    (label.into(), words.into())
}

/// See `http.rs`, `fn http_stateless`.
pub(crate) const HTTP_STATELESS: Law = Law {
    id: "http-stateless",
    group: "http",
    title: Text::new("nothing is remembered between requests", "无状态：请求之间没有记忆"),
    from: "S0:191 S1:137 S2:139 S4:123",
    law: Text::new(
        "HTTP keeps no record between requests: each says all that is needed to answer it, and the \
         same bytes are the same request. Whoever wants to be known again brings a cookie along.",
        "HTTP 协议在请求之间不留记录：每个请求都要把需要的信息带全，字节相同就是同样的请求。\
         想让服务器认出来，得自己带上 cookie。",
    ),
    notes: Text::new(
        "A stateless protocol, which keeps no record of what was said. True. It is the protocol that \
         forgets: a server may keep what it likes, and then needs a mark in the request to find it \
         again.",
        "「无状态协议，不记录用户的通信内容」「协议本身不要求记录传输的数据」。对。\
         不记录的是协议；服务器自己想记什么都行，只是要靠请求里带的标记才能对得上。",
    ),
    means: Text::new(
        "Never take a connection or a client's address for a person: a browser opens several, a proxy \
         sends many people's requests on one. A server without memory of its clients can be \
         restarted or doubled, as any copy answers alike. Whoever knows a cookie passes for its \
         owner: make it of random bytes and send it over TLS only.",
        "不要把连接或客户端地址当成某个人：一个浏览器会开好几个连接，一个代理会把许多人的请求放在\
         一个连接上。服务器不记客户端，就可以随时重启、随时多开几台，哪台回答都一样。\
         谁拿到 cookie，谁就能冒充：要用随机数生成，只走 TLS。",
    ),
    framecat: Text::new(
        "A message is answered by its own bytes: --reply makes the same text of the same message, on \
         whatever connection it came.",
        "framecat 回答消息只看消息本身：--reply 对同样的消息给出同样的文本，从哪个连接来的都一样。",
    ),
    commands: &["framecat listen :9000 -f http --reply 'asked for {1}'"],
    observe: super::http_stateless,
    judge: super::judge::http_stateless,
    done: done_http_stateless,
};

fn done_http_stateless(seen: &Evidence) -> Vec<Part> {
    let (requests, different) = (seen.count("requests"), seen.count("different_requests"));
    let ports = seen.list("ports").join(", ");
    let (asked, answers) = (seen.word("asked"), seen.list("answers").join(", "));
    let mut parts = vec![Part::Say(say!(
        "Ann asks twice and Bob once, each time on a new connection, for a page that counts the \
         visitor's visits: {asked}. The {requests} requests \
         arrived in {different} wording, from the ports {ports}: which of them are Ann's two? (A row is one send: its first line, and how many bytes it was in all.) The answers: {answers}.",
        "Ann 请求两次，Bob 一次，每次都是新连接，请求的页面会数这位访客来了几次：{asked}。到达的 {requests} 个请求，\
         内容有 {different} 种，来自端口 {ports}：哪两个是 Ann 的？\
         （下面一行是一次 send：只写第一行，等号后面是总字节数。）回答是：{answers}。",
    ))];
    parts.extend(calls(seen, "strangers"));
    let (told, port) = (seen.list("cookie_answers").join(", "), seen.list("cookie_ports")[0]);
    parts.push(Part::Say(say!(
        "Each answer brought a cookie. Now the two send theirs back, and both through one proxy, so \
         that all requests come on one connection, from port {port}. The answers: {told}.",
        "每个回答都带了一个 cookie。现在两人各自把它带回来，而且经过同一个代理，全部请求都在一个连接上，\
         来自端口 {port}。回答是：{told}。",
    )));
    parts.extend(calls(seen, "cookies"));
    parts.push(Part::Bytes(vec![
        line(Text::new("Ann", "Ann"), format!("Cookie: {}", seen.word("ann_brought"))),
        line(Text::new("Bob", "Bob"), format!("Cookie: {}", seen.word("bob_brought"))),
    ]));
    let servers = seen.count("servers");
    let same = seen.word("reply_of_one") == seen.word("reply_of_another");
    parts.push(Part::Say(if same {
        say!(
            "And {servers} servers that have never seen the client before, asked for the same thing: \
             their replies are the same, byte for byte.",
            "再换 {servers} 台从没见过这个客户端的服务器，请求同样的东西：回答逐字节相同。",
        )
    } else {
        say!(
            "And {servers} servers that have never seen the client before, asked for the same thing: \
             their replies differ.",
            "再换 {servers} 台从没见过这个客户端的服务器，请求同样的东西：回答不同。",
        )
    }));
    parts
}

/// See `http.rs`, `fn http_persistent`.
pub(crate) const HTTP_PERSISTENT: Law = Law {
    id: "http-persistent",
    group: "http",
    title: Text::new("one connection for many requests", "持久连接：一个连接，多个请求"),
    from: "S2:140 S4:124",
    law: Text::new(
        "In HTTP/1.1 a connection stays for the next request unless one end says close; in HTTP/1.0 \
         the server closes after each answer unless both ask for keep-alive.",
        "HTTP/1.1 的连接默认留着给下一个请求用，除非一方说 close；HTTP/1.0 回答完就关，\
         除非双方说好 keep-alive。",
    ),
    notes: Text::new(
        "HTTP/1.1 supports persistent connections, and enriched the methods. True: 1.0 (RFC 1945) \
         defines GET, HEAD and POST; 1.1 added PUT, DELETE, OPTIONS, TRACE and CONNECT. We add: 1.0 \
         can keep a connection too, where it is asked for, and 1.1 demands a Host in every request.",
        "「http1.1 支持持久连接，丰富了请求类型」。对：1.0（RFC 1945）定义的只有 GET、HEAD、POST；1.1 加上了 PUT、DELETE、\
         OPTIONS、TRACE、CONNECT。补充：1.0 只要提出 keep-alive 也能保持连接；1.1 每个请求都必须有 Host。",
    ),
    means: Text::new(
        "On a connection that stays, the end of the stream no longer ends the answer: its length or \
         its chunks must. A client that waits for recv to give 0 waits until the server loses \
         patience. The server may close at any time between requests, so be ready to send one again \
         on a new connection, if doing it twice does no harm.",
        "连接保持着，「流结束」就不能再当回答的结尾了，只能靠长度或者分块。一直等 recv 返回 0 的客户端，\
         会等到服务器不耐烦为止。服务器在两个请求之间随时可能关闭，客户端要准备好换个新连接重发；\
         前提是这个请求做两次也无妨。",
    ),
    framecat: Text::new(
        "ask keeps one connection for all its messages, as HTTP/1.1 does; --short dials for each, as \
         HTTP/1.0 does.",
        "ask 用一个连接发完所有消息，像 HTTP/1.1；加上 --short 则每条消息单独连接，像 HTTP/1.0。",
    ),
    commands: &["framecat ask :9000 one two", "framecat ask :9000 --short one two"],
    observe: super::http_persistent,
    judge: super::judge::http_persistent,
    done: done_http_persistent,
};

fn done_http_persistent(seen: &Evidence) -> Vec<Part> {
    let requests = seen.count("requests");
    let newer = seen.list("methods_not_in_1_0").join(", ");
    let (many, closed) = (seen.count("old_connections"), seen.count("old_closed_by_server"));
    let mut parts = vec![Part::Say(say!(
        "The same {requests} requests ({newer} among them, that HTTP/1.0 does not define), \
         first as HTTP/1.0: {many} connections, {closed} closed by the server. A row is one \
         send: its first line, and how many bytes it was in all. The middle is the client's end: its state, and the bytes that came to it since it was opened.",
        "同样 {requests} 个请求（其中 {newer} 是 HTTP/1.0 没有定义的），先按 HTTP/1.0 发：{many} 个连接，\
         服务器关闭了 {closed} 个。一行是一次 send：只写第一行，等号后面是总字节数。中间是客户端这一端：状态，以及连接打开以来到达的字节数。",
    ))];
    parts.extend(calls(seen, "old"));
    let (one, after) = (seen.count("kept_connections"), seen.word("kept_recv_after"));
    let (came, sent) = (seen.count("kept_came_bytes"), seen.count("kept_reply_bytes"));
    let state = seen.word("kept_state_after");
    parts.push(Part::Say(say!(
        "Then as HTTP/1.1: {one} connection, on which {came} bytes came, of {sent} that were answered. \
         In the end its state is {state} and recv gives {after}.",
        "再按 HTTP/1.1 发：{one} 个连接，回答共 {sent} 字节，这个连接上共到达 {came} 字节。\
         最后它的状态是 {state}，recv 得到 {after}。",
    )));
    parts.extend(calls(seen, "kept"));
    let row = |label: Text, name: &str| {
        let cell = |what: &str| seen.count(&format!("{name}_{what}")).to_string();
        let cells = ["connections", "client_ports", "closed_by_server", "came_bytes", "segments"];
        (label.into(), cells.map(cell).to_vec())
    };
    parts.push(Part::Counts(
        vec![
            Text::new("connections", "连接"),
            Text::new("ports", "端口"),
            Text::new("closed", "被关闭"),
            Text::new("bytes", "字节"),
            Text::new("segments", "报文段"),
        ],
        vec![
            row(Text::new("HTTP/1.0", "HTTP/1.0"), "old"),
            row(Text::new("HTTP/1.1", "HTTP/1.1"), "kept"),
            row(Text::new("HTTP/1.0, Connection: keep-alive", "HTTP/1.0，带 keep-alive"), "asked"),
        ],
    ));
    let (between, ended) = (seen.word("before_close_recv"), seen.flag("after_close_ended"));
    let close = if ended {
        Text::new("and after it the stream ended", "之后流就结束了")
    } else {
        Text::new("and yet the stream went on", "可流还没有结束")
    };
    let (close_en, close_zh) = (close.en, close.zh);
    let (targets, recvs) = (seen.list("pipelined_targets").len(), seen.count("pipelined_recvs"));
    parts.push(Part::Say(say!(
        "A connection of HTTP/1.1 ends when one says so: after an ordinary request recv gave \
         {between}, the next said Connection: close, {close_en}. Nor need a client wait for an answer: \
         {targets} requests in one send, read by {recvs} recv, and the \
         answers as they came:",
        "HTTP/1.1 的连接，有一方说要关才关：普通请求之后 recv 得到 {between}，下一个请求带了 Connection: close，\
         {close_zh}。客户端也不必等回答：{targets} 个请求放在一次 send 里，服务器 {recvs} 次 recv 读到，回答依次是：",
    )));
    parts.extend(calls(seen, "pipeline"));
    parts
}
