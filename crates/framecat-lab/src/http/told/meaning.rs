//! How the laws about methods and codes are told.

use super::{calls, line};
use crate::evidence::Evidence;
use crate::lang::{Say, Text, say};
use crate::law::Law;
use crate::page::Part;

/// See `http/meaning.rs`, `fn http_methods`.
pub(crate) const HTTP_METHODS: Law = Law {
    id: "http-methods",
    group: "http",
    title: Text::new("what each method asks for", "请求类别各做什么"),
    from: "S2:163 S4:139",
    law: Text::new(
        "GET fetches and HEAD fetches the head alone; PUT creates or replaces; POST hands over to be \
         worked on; PATCH changes a part; DELETE removes; OPTIONS tells what may be asked; TRACE \
         sends back what came; CONNECT opens a tunnel.",
        "GET 取内容，HEAD 只取头；PUT 新建或整个替换；POST 提交给服务器处理；PATCH 改一部分；DELETE 删除；\
         OPTIONS 问能做什么；TRACE 把收到的原样送回；CONNECT 打通一条隧道。",
    ),
    notes: Text::new(
        "GET fetch, POST submit, HEAD only the head, DELETE, TRACE test: true. PUT is more than \
         \"update\": it also creates, and it replaces the whole. OPTIONS tells nothing of the server's \
         performance but its communication options: the field Allow. CONNECT, left empty in the notes, \
         opens a tunnel to another host. PATCH is not in the notes; it came later (RFC 5789, 2010).",
        "「GET 获取网络资源」「POST 提交一定的信息，得到反馈」「HEAD 只获取网络资源的响应头」「TRACE 测试」，对，还有 DELETE。\
         「PUT 更新服务器资源」不全：没有就新建，有就整个替换。「OPTIONS 获取服务器性能信息」不对，\
         问的是通信选项，答在 Allow 里，与性能无关。CONNECT 笔记空着：它打通一条到别的主机的隧道。\
         PATCH 笔记没有，它出现得晚（RFC 5789，2010 年）。",
    ),
    means: Text::new(
        "Safe methods (GET, HEAD, OPTIONS, TRACE) must change nothing: crawlers and browsers send them \
         unasked. Idempotent ones (those, PUT and DELETE) may be sent again when no answer came; a \
         POST may not, or it is done twice. A server that offers TRACE must not send back cookies, and \
         one that offers CONNECT to everybody is everybody's hiding place.",
        "安全的方法（GET、HEAD、OPTIONS、TRACE）不能改任何东西：爬虫和浏览器会自己发。幂等的方法（上面几个，加上 \
         PUT、DELETE）没等到回答可以重发；POST 不行，重发就做了两次。提供 TRACE 时不要把 cookie 送回去；\
         CONNECT 对谁都开放，谁都能借它藏身。",
    ),
    framecat: Text::new(
        "A method is the first word of the first line: fetch sends any, -f crlf a request typed line by \
         line. serve reads for all and changes nothing, and says so in Allow.",
        "请求类别就是第一行的第一个词：fetch 哪种都能发，-f crlf 可以一行行自己敲。serve 只读不改，\
         并在 Allow 里说明。",
    ),
    commands: &[
        "framecat fetch :8000 --method OPTIONS --show",
        "framecat connect 127.0.0.1:8000 -f crlf",
    ],
    observe: crate::http::meaning::http_methods,
    judge: crate::http::judge::http_methods,
    done: done_http_methods,
};

fn done_http_methods(seen: &Evidence) -> Vec<Part> {
    let (length, get, head) =
        (seen.word("head_length"), seen.count("get_body_bytes"), seen.count("head_body_bytes"));
    let mut parts = vec![Part::Say(say!(
        "A row is one send: the first line of what was sent, and how many bytes it was in all. GET, \
         HEAD, and GET again. Both tell Content-Length: {length}; behind the head came {get} bytes \
         for GET and {head} for HEAD.",
        "下面一行是一次 send：只写第一行，等号后面是总字节数。GET、HEAD，再来一次 GET。两种都写着 Content-Length: {length}；头后面，GET 来了 {get} 字节，HEAD {head} 字节。",
    ))];
    parts.extend(calls(seen, "fetch"));
    let before = seen.word("before_put_status");
    parts.push(Part::Say(say!(
        "What changes something, each done twice with the same bytes; PATCH puts its body at the end. \
         Before the first PUT a GET gave {before}. In the table: the code, what the request leaves, and \
         how many things there are, after once and after twice. Where nothing changes from once to \
         twice, a request without an answer may be sent again.",
        "会改东西的，每种用同样的字节做两次。第一次 PUT 之前，GET 得到 {before}。PATCH 在这里是把内容接到末尾。\
         表里是做一次、做两次之后的响应码、留下的内容和资源个数。一次和两次没有区别的，没等到回答就可以重发。",
    )));
    parts.extend(calls(seen, "change"));
    parts.push(counts_of_methods(seen));
    let (page, thing) = (seen.word("options_page_allow"), seen.word("options_thing_allow"));
    let (refused, told) = (seen.list("page_refuses").join(", "), seen.word("page_refusal_allow"));
    parts.push(Part::Say(say!(
        "What OPTIONS says of the page: Allow: {page}; of the thing: {thing}. Each method was tried on the page: {refused} were refused, with Allow: {told}.",
        "OPTIONS 问页面：Allow: {page}；问另一个资源：{thing}。然后在页面上把每种都试一遍：{refused} 被拒绝，\
         附带 Allow: {told}。",
    )));
    parts.push(Part::Bytes(vec![
        line(Text::new("TRACE sent", "TRACE 发出"), seen.word("trace_asked")),
        line(Text::new("its body", "响应体"), seen.word("trace_body")),
        line(Text::new("BREW, no method", "没有的 BREW"), seen.word("unknown_status")),
    ]));
    let (elsewhere, opened) = (seen.word("tunnel_elsewhere_status"), seen.word("tunnel_status"));
    let back = seen.word("tunnel_came_back");
    let (given, arrived) = (seen.word("tunnel_given"), seen.word("tunnel_arrived"));
    parts.push(Part::Say(say!(
        "CONNECT to a target that the server does not allow: {elsewhere}; to one that it does: {opened}. \
         After that no byte is HTTP: {given} arrived as {arrived}, and {back} came back.",
        "CONNECT 到服务器不允许的目标：{elsewhere}；到允许的：{opened}。从此每个字节都不再是 HTTP：{given} 到达时是 {arrived}，\
         回来的是 {back}。",
    )));
    parts.extend(calls(seen, "tunnel"));
    parts
}

fn counts_of_methods(seen: &Evidence) -> Part {
    let row = |label: Text, name: &str| {
        let word = |what: &str| seen.word(&format!("{name}_{what}")).to_string();
        let code = |time: &str| {
            let status = word(&format!("{time}_status"));
            status.split(' ').next().unwrap_or_default().to_string()
        };
        let things = |time: &str| seen.count(&format!("{name}_{time}_things")).to_string();
        let left = |time: &str| match name {
            // What POST made is not where it was sent.
            "post" => word(&format!("{time}_made")),
            _ => word(&format!("{time}_content")),
        };
        let time = |time: &str| [code(time), left(time), things(time)];
        (label.into(), [time("once"), time("twice")].concat())
    };
    let (once, twice) = (Text::new("once", "一次"), Text::new("twice", "两次"));
    let (left, things) = (Text::new("leaves", "留下"), Text::new("things", "个数"));
    Part::Counts(
        vec![once, left, things, twice, left, things],
        vec![
            row(Text::new("PUT, new", "PUT，新的"), "put"),
            row(Text::new("PUT, another", "PUT，换内容"), "replace"),
            row(Text::new("PATCH", "PATCH"), "patch"),
            row(Text::new("DELETE", "DELETE"), "delete"),
            row(Text::new("POST", "POST"), "post"),
        ],
    )
}

/// See `http/meaning.rs`, `fn http_status`.
pub(crate) const HTTP_STATUS: Law = Law {
    id: "http-status",
    group: "http",
    title: Text::new("the first digit says whose turn it is", "响应码：第一位说明该谁动"),
    from: "S2:195",
    law: Text::new(
        "The first digit of the code is the answer: 1 received, go on; 2 done; 3 the client has more \
         to do; 4 the client's fault; 5 the server's.",
        "响应码第一位就是结论：1 收到了，继续；2 做好了；3 客户端还要再走一步；4 客户端的错；5 服务器的错。",
    ),
    notes: Text::new(
        "1xx received, 2xx done, 3xx further action, 4xx client's error, 5xx server's error. True. We \
         add that a 1xx is not yet the answer, which still follows, and that a client need not know \
         every code: by its first digit an unknown one is as good as x00 (RFC 9110).",
        "「1xx 提示信息，表示请求被接收」「2xx 响应成功」「3xx 响应需要进一步操作，重定向」「4xx 客户端错误」「5xx 服务器错误」。\
         对。补充两点：1xx 还不是最终的响应，真正的在后面；客户端不必认识所有的码，不认识的看第一位，\
         按 x00 处理（RFC 9110）。",
    ),
    means: Text::new(
        "After a 5xx the same request may be sent again later, after a 4xx it is to be changed first; \
         a 3xx names the place or means the copy that the client has. And a 200 is no promise: \
         the code comes before the body, and the body can still be cut.",
        "遇到 5xx，过一会儿可以原样重发；遇到 4xx，要先改请求。3xx 要么给出新地址，要么表示客户端手里的副本还能用。\
         得到 200 也别急着相信：响应码在体之前，体照样可能中断。",
    ),
    framecat: Text::new(
        "fetch ends with 1 on 4xx and 5xx if asked (--fail); serve names the octet and the rule of a \
         request that it answers with 400 (framecat help exit has the other codes).",
        "fetch 加 --fail 时遇到 4xx、5xx 以 1 退出；serve 回答 400 时会说明是哪个字节违反了哪条规则\
         （其余退出码见 framecat help exit）。",
    ),
    commands: &["framecat fetch :8000/missing --fail", "framecat serve --show"],
    observe: crate::http::meaning::http_status,
    judge: crate::http::judge::http_status,
    done: done_http_status,
};

fn done_http_status(seen: &Evidence) -> Vec<Part> {
    let (interim, last) = (seen.word("continue_status"), seen.word("continue_then_status"));
    let (before, sent) = (seen.count("continue_body_before"), seen.count("continue_body_sent"));
    let (refused, bytes) = (seen.word("refused_status"), seen.count("refused_body_bytes"));
    let spared = seen.count("refused_body_sent");
    let mut parts = vec![Part::Say(say!(
        "A row is one send: the first line of what was sent, and how many bytes it was in all. The \
         client sends the head of a PUT and waits (Expect: 100-continue). With {before} bytes of \
         the body there, the server answers {interim}; then the client sends {sent}, and gets {last}. \
         With a body of {bytes} bytes in view the server answers {refused}, and {spared} of them \
         were sent.",
        "下面一行是一次 send：只写第一行，等号后面是总字节数。客户端先只发 PUT 的头，等着（Expect: 100-continue）。体还只到了 {before} 字节，服务器就回答 {interim}；\
         客户端接着发 {sent} 字节，得到 {last}。如果体有 {bytes} 字节，服务器回答 {refused}，\
         这时体发了 {spared} 字节。",
    ))];
    parts.extend(calls(seen, "continue"));
    parts.push(Part::Say(Say::from(Text::new(
        "Then requests of every kind over one connection, each with the code that the server had \
         reason to give.",
        "然后在一个连接上发各种请求，服务器该给什么码就给什么码。",
    ))));
    parts.extend(calls(seen, "classes"));
    let word = |name: &str| seen.word(name).to_string();
    let then = |name: &str, other: &str| format!("{} -> {}", word(name), word(other));
    let copy = format!("{} -> \"{}\"", word("unchanged_status"), word("copy_body"));
    let moved = format!("{} -> {}", then("moved_status", "moved_to"), word("moved_then_status"));
    parts.push(Part::Bytes(vec![
        line(Text::new("1 received", "1 收到"), then("continue_status", "continue_then_status")),
        line(Text::new("2 done", "2 完成"), word("done_status")),
        line(Text::new("2 unknown", "2 不认识的码"), word("odd_status")),
        line(Text::new("3 elsewhere", "3 换地方"), moved),
        line(Text::new("3 take your copy", "3 用手里的副本"), copy),
        line(
            Text::new("4 the same again", "4 原样再发"),
            then("missing_status", "missing_again_status"),
        ),
        line(Text::new("4 corrected", "4 改正以后"), then("missing_status", "corrected_status")),
        line(Text::new("4 no request", "4 不是请求"), word("garbage_status")),
        line(Text::new("5, then repaired", "5 修好以后"), then("broken_status", "repaired_status")),
    ]));
    parts
}
