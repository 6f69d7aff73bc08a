//! How the laws about HTTP's way and the parts of its messages are told.

use super::{calls, line};
use crate::evidence::Evidence;
use crate::lang::{Say, Text, say};
use crate::law::Law;
use crate::page::Part;

/// See `http/parts.rs`, `fn http_on_tcp`.
pub(crate) const HTTP_ON_TCP: Law = Law {
    id: "http-on-tcp",
    group: "http",
    title: Text::new("HTTP is text on a TCP connection", "HTTP 走在 TCP 上"),
    from: "S0:190 S2:137 S4:121",
    law: Text::new(
        "HTTP/1.1 is an agreement on the bytes of a TCP connection: the client connects and asks, the \
         server parses, works and answers, the client parses and shows.",
        "HTTP/1.1 是对 TCP 连接里那些字节的约定：客户端连接、请求，服务器解析、处理、回答，\
         客户端再解析、显示。",
    ),
    notes: Text::new(
        "An application protocol that uses TCP: the browser sends a request over TCP, the server \
         parses it, makes an answer and sends it in HTTP's form, the browser parses and shows it. \
         True of HTTP/1.0, 1.1 and 2. HTTP/3 means the same and travels on UDP (QUIC, RFC 9114).",
        "「应用层协议，传输层使用tcp传输」；网页请求过程：浏览器通过 TCP 发送请求，服务端解析、处理、按响应格式\
         发回，浏览器解析展示。对，HTTP/1.0、1.1、2 都是如此。HTTP/3 意思不变，\
         但走的是 UDP（QUIC，RFC 9114）。",
    ),
    means: Text::new(
        "Any program that can send and recv speaks HTTP; nothing in the kernel knows of it. And all \
         that is so of TCP is so of HTTP: one recv is not one request, a send is no delivery, and \
         nobody but the bytes themselves says where a message ends.",
        "能 send、recv 的程序就能讲 HTTP；内核并不知道 HTTP 是什么。TCP 的规律在这里全都成立：\
         一次 recv 不等于一个请求，send 成功不等于送到，消息到哪里结束只有字节自己能说明。",
    ),
    framecat: Text::new(
        "serve --echo shows a browser what it sent: open its address. A request can be typed, too, a \
         line a message: -f crlf ends each by CR LF.",
        "serve --echo 把浏览器发来的请求原样给它看：打开它报出的地址即可。也可以自己敲请求：\
         一行一条消息，-f crlf 以 CR LF 结尾。",
    ),
    commands: &["framecat serve --echo", "framecat connect 127.0.0.1:8000 -f crlf"],
    observe: crate::http::parts::http_on_tcp,
    judge: crate::http::judge::http_on_tcp,
    done: done_http_on_tcp,
};

fn done_http_on_tcp(seen: &Evidence) -> Vec<Part> {
    let (typed, sends) = (seen.count("typed_bytes"), seen.count("typed_sends"));
    let (recvs, state) = (seen.count("request_recvs"), seen.word("state_before"));
    let mut parts = vec![Part::Say(say!(
        "A request is typed by hand, {typed} bytes with a send for each: {sends} sends. The server had \
         them by {recvs} recv and knew the end by the empty line alone. In the middle is what the \
         kernel counted: the bytes that came to the server (up) and to the browser (down). Before the \
         first of them the connection was {state} already. CR and LF are seen as \\r and \\n.",
        "手工敲一个请求，{typed} 个字节，一个字节 send 一次，共 {sends} 次。服务器 {recvs} 次 recv 收到，\
         只凭空行知道请求完了。中间是内核的统计：到达服务器的字节（上行）和到达浏览器的字节（下行）。\
         还没有一个字节的时候，连接已经是 {state}。CR、LF 显示为 \\r、\\n。",
    ))];
    parts.extend(calls(seen, "on_tcp"));
    let (up, down) = (seen.count("came_to_server_bytes"), seen.count("came_to_client_bytes"));
    let answer = seen.count("answer_bytes");
    parts.push(Part::Say(say!(
        "{typed} bytes were typed and {answer} answered; the kernel carried {up} one way and {down} the \
         other. Whatever else HTTP were, it would have to be in these.",
        "敲了 {typed} 字节，回答 {answer} 字节；内核运过去 {up} 字节，运回来 {down} 字节。\
         HTTP 的一切都只能在这些字节里。",
    )));
    parts
}

/// See `http/parts.rs`, `fn http_request`.
pub(crate) const HTTP_REQUEST: Law = Law {
    id: "http-request",
    group: "http",
    title: Text::new("what a request is made of", "请求：请求行、头、空行、体"),
    from: "S2:151 S4:133",
    law: Text::new(
        "A request is a line of method, target and version, then fields, an empty line, and a body. \
         The empty line ends the head; the body ends after as many bytes as the head says.",
        "请求由请求行（类别、内容、版本）、请求头、空行、请求体组成。空行表示头结束；\
         体有多少字节由头里的长度说了算。",
    ),
    notes: Text::new(
        "Request line (method, target, version), headers as key: value, an empty line, a body. True. \
         We add: lines end by CR LF, names of fields do not tell A from a, the body may hold empty \
         lines of its own, HTTP/1.1 demands Host, and parameters of a GET stand in the target, not in \
         the body.",
        "「请求行：具体的请求类别和请求内容」「请求头：对请求的进一步解释和描述，以 key:value 形式」「空行」「请求体：\
         请求参数或者提交内容」。对。补充：行尾是 CR LF；头的名字不分大小写；体里可以有空行；HTTP/1.1 \
         必须有 Host；GET 的参数写在请求行里，不在体里。",
    ),
    means: Text::new(
        "Read until the empty line, then count; never search the body for its end. Bound both. Keep \
         what came behind the last byte: it is the next request. And refuse what breaks the rules \
         with 400 and close: where two programs read the same bytes differently (two lengths, a bare \
         LF, a space before the colon), an attacker hides a request inside another.",
        "先读到空行，再按长度数字节，不要在体里找结尾；两者都要有上限。最后一个字节后面的内容要留着，那是下一个请求。\
         不合规则的一律回 400 并关闭：同样的字节两个程序读法不同（两个长度、单独的 LF、冒号前的空格），\
         攻击者就能把一个请求藏进另一个里。",
    ),
    framecat: Text::new(
        "-f http makes a request or a reply one message, and a relay shows them whole; -f crlf takes a \
         head apart into its lines; -f raw with --show=dump shows every byte.",
        "-f http 把一个请求或响应当作一条消息，relay 能完整地显示它们；-f crlf 把头按行拆开；\
         -f raw 加 --show=dump 可以看到每个字节。",
    ),
    commands: &[
        "framecat relay :9000 127.0.0.1:8000 -f http --show",
        "framecat relay :9000 127.0.0.1:8000 -f raw --show=dump",
    ],
    observe: crate::http::parts::http_request,
    judge: crate::http::judge::http_request,
    done: done_http_request,
};

fn done_http_request(seen: &Evidence) -> Vec<Part> {
    let (all, sends, recvs) =
        (seen.count("request_bytes"), seen.count("sends"), seen.count("recvs"));
    let mut parts = vec![Part::Say(say!(
        "A request of {all} bytes, typed byte by byte in {sends} sends, with the next one right behind \
         it. The server takes a few bytes at a time, {recvs} recvs, and gives each byte to a parser.",
        "一个 {all} 字节的请求，逐字节敲，共 {sends} 次 send，后面紧跟着下一个请求。\
         服务器每次只取几个字节，{recvs} 次 recv，逐字节交给解析程序。",
    ))];
    parts.extend(calls(seen, "request"));
    let typed = seen.list("typed");
    let quote = |text: &str| format!("\"{text}\"");
    let mut rows = vec![line(Text::new("request line", "请求行"), quote(typed[0]))];
    let fields = typed.len().saturating_sub(2);
    for field in typed.get(1..fields).unwrap_or_default() {
        rows.push(line(Text::new("field", "请求头"), quote(field)));
    }
    rows.push(line(Text::new("empty line", "空行"), quote(typed[typed.len() - 2])));
    rows.push(line(Text::new("body", "请求体"), quote(typed[typed.len() - 1])));
    rows.push(line(Text::new("next request", "下一个请求"), seen.word("next")));
    parts.push(Part::Bytes(rows));
    let (head, body, cuts) =
        (seen.count("head_bytes"), seen.count("body_bytes"), seen.count("unfinished_cuts"));
    let length = seen.word("length_by_other_case");
    parts.push(Part::Say(say!(
        "Head {head} bytes, body {body}; content-length had said {length}, and the body holds \
         an empty line of its own. Cut off before each of its {all} bytes in turn, the request was known to be \
         unfinished {cuts} times. And what the server answered to what is no request:",
        "头 {head} 字节，体 {body} 字节，content-length 写的是 {length}；体里也有一个空行。在 {all} 个字节的每一个之前\
         截断一次，{cuts} 次看出没收完。下面这些不是请求，服务器的回答：",
    )));
    let refused = seen.list("refused");
    let why = [
        ("two_words", Text::new("no version", "没有版本")),
        ("lf_alone", Text::new("lines end by LF alone", "行尾只有 LF")),
        ("no_colon", Text::new("a field without a colon", "请求头没有冒号")),
        ("space_in_name", Text::new("a space before the colon", "冒号前有空格")),
        ("no_host", Text::new("no Host", "没有 Host")),
        ("two_lengths", Text::new("two lengths", "两个长度")),
    ];
    let rows = refused.iter().zip(why).map(|(bytes, (name, why))| {
        let code = seen.word(&format!("{name}_status")).split(' ').next().unwrap_or_default();
        let (bytes, Text { en, zh }) = (quote(bytes), why);
        (say!("{en}: {bytes}", "{zh}：{bytes}"), vec![code.to_string()])
    });
    parts.push(Part::Counts(vec![Text::new("answer", "回答")], rows.collect()));
    parts
}

/// See `http/parts.rs`, `fn http_response`.
pub(crate) const HTTP_RESPONSE: Law = Law {
    id: "http-response",
    group: "http",
    title: Text::new("what a response is made of", "响应：响应行、头、空行、体"),
    from: "S2:182",
    law: Text::new(
        "A response is a line of version, code and reason, then fields, an empty line, and a body. \
         The body ends by its length, by its last chunk, or by the end of the connection.",
        "响应由响应行（版本、响应码、附加信息）、响应头、空行、响应体组成。体的结尾靠长度、\
         靠最后一块，或者靠连接关闭来判断。",
    ),
    notes: Text::new(
        "Status line (version, code, text), headers, an empty line, a body. True. We add how the body \
         ends, and that the text after the code may be anything or nothing: only the code counts.",
        "「响应格式：响应行，响应头，空行，响应体」；响应行是「版本信息 响应码 附加信息」。对。补充两点：\
         响应体怎样才算结束；附加信息可以随便写，也可以不写，起作用的只有响应码。",
    ),
    means: Text::new(
        "Compare codes, never reasons. An answer without length or chunks cannot be told from one \
         whose server died half way, so give a length, or chunks where it is not known beforehand; \
         and where fewer bytes come than were promised, that is an error and not a short answer.",
        "判断用响应码，不要用附加信息。既没有长度也没有分块的响应，服务器中途死了也看不出来；\
         所以要么给长度，事先不知道长度就分块。到的字节比声明的少，是出错，不是「短一点的响应」。",
    ),
    framecat: Text::new(
        "fetch --show says of each message why it ends where it ends; a body that is cut is an error \
         (7), and a file is whole or not there. -f eof takes everything until the end of the \
         connection for one message, and is blind to a cut, as shown here.",
        "fetch --show 对每条消息都说明它为什么在那里结束；内容中途断了就是错误（7），文件要么完整，\
         要么没有。-f eof 把直到连接结束的全部内容当作一条消息，像这里看到的，断了它也不知道。",
    ),
    commands: &[
        "framecat connect 127.0.0.1:8000 -f eof --send-frame crlf",
        "framecat fetch :8000 --show",
    ],
    observe: crate::http::parts::http_response,
    judge: crate::http::judge::http_response,
    done: done_http_response,
};

fn done_http_response(seen: &Evidence) -> Vec<Part> {
    let body = seen.word("counted_body");
    let mut parts = vec![Part::Say(say!(
        "The same body ({body}) three times over one connection: with its length, in chunks that each \
         tell their size in hex, and with nothing that tells, so that the server must close.",
        "同样的响应体（{body}），在一个连接上发三次：带长度；分块，每块前面用十六进制写明大小；\
         什么都不带，服务器只好关闭连接。",
    ))];
    parts.extend(calls(seen, "response"));
    let word = |name: &str| seen.word(&format!("counted_{name}")).to_string();
    parts.push(Part::Bytes(vec![
        line(Text::new("version", "版本信息"), word("version")),
        line(Text::new("code", "响应码"), word("code")),
        line(Text::new("reason", "附加信息"), word("reason")),
        line(Text::new("fields", "响应头"), seen.list("counted_fields").join("; ")),
        line(Text::new("body", "响应体"), word("body")),
    ]));
    parts.push(Part::Say(Say::from(Text::new(
        "And each again from a server that dies before the last bytes are sent; in the last column is \
         what the client took for all of the answer, where it did not know better:",
        "再来一次，服务器没发完就死了。最后一列：客户端不知道断了，把收到的这些当成了全部：",
    ))));
    let row = |label: Text, name: &str| {
        let count = |what: &str| seen.count(&format!("{name}_{what}")).to_string();
        // What was known to be cut is no answer.
        let taken = match seen.word(&format!("{name}_cut_taken_for")) {
            "whole" => seen.word(&format!("{name}_cut_body")).to_string(),
            _ => "-".into(),
        };
        let cells = ["bytes", "head_bytes", "body_bytes_on_the_wire", "body_bytes"].map(count);
        (label.into(), [cells.to_vec(), vec![taken]].concat())
    };
    parts.push(Part::Counts(
        vec![
            Text::new("bytes", "字节"),
            Text::new("head", "头"),
            Text::new("body", "体"),
            Text::new("content", "内容"),
            Text::new("cut: taken for all", "中断后当成全部"),
        ],
        vec![
            row(Text::new("Content-Length", "长度"), "counted"),
            row(Text::new("chunked", "分块"), "chunked"),
            row(Text::new("until the end", "到连接结束"), "until_close"),
        ],
    ));
    let less = seen.word("until_close_cut_body");
    let (reasons, codes) = (seen.list("reasons"), seen.list("codes_by_reason").join(", "));
    let reasons: Vec<String> = reasons.iter().map(|reason| format!("\"{reason}\"")).collect();
    let reasons = reasons.join(", ");
    parts.push(Part::Say(say!(
        "The last gave \"{less}\" and nothing said that it was not all. The reasons {reasons} gave the \
         codes {codes}.",
        "最后一种得到 \"{less}\"，没有什么能说明这不是全部。附加信息分别写 {reasons}，响应码分别是 {codes}。",
    )));
    parts
}
