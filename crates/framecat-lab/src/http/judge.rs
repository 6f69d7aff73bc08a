//! What follows from the evidence of the group http: bytes, words and counts, never times.

use crate::evidence::{Evidence, Verdict};
use crate::lang::{Say, say};

/// The first claim that is not so, or the finding.
fn all_so(claims: impl IntoIterator<Item = (bool, Say)>, finding: Say) -> Verdict {
    match claims.into_iter().find(|(so, _)| !so) {
        Some((_, why)) => Verdict::NotShown(why),
        None => Verdict::Shown(finding),
    }
}

/// A figure that must have this value, and the sentence where it has another.
fn is(seen: &Evidence, name: &str, wanted: &str) -> (bool, Say) {
    let word = seen.word(name);
    (word == wanted, say!("{name} is {word}, not {wanted}", "{name} 是 {word}，不是 {wanted}"))
}

/// Two figures that must be the same.
fn same(seen: &Evidence, one: &str, other: &str) -> (bool, Say) {
    let (a, b) = (&seen.figures[one], &seen.figures[other]);
    (a == b, say!("{one} is {a}, {other} {b}", "{one} 是 {a}，{other} 是 {b}"))
}

/// A figure that must be so.
fn so(seen: &Evidence, name: &str) -> (bool, Say) {
    (seen.flag(name), say!("{name}: no", "{name}：否"))
}

/// A status that must be of this class, or this very code.
fn status(seen: &Evidence, name: &str, begins: &str) -> (bool, Say) {
    let status = seen.word(name);
    let is_so = status.starts_with(begins);
    (is_so, say!("{name} is {status}, not {begins}", "{name} 是 {status}，不是 {begins}"))
}

/// The connection was there first, and the kernel counted the bytes of the two messages and no others.
pub(super) fn http_on_tcp(seen: &Evidence) -> Verdict {
    let before = seen.list("came_before");
    let (up, down) = (seen.count("came_to_server_bytes"), seen.count("came_to_client_bytes"));
    all_so(
        [
            is(seen, "protocol", "TCP"),
            is(seen, "state_before", "ESTABLISHED"),
            (
                before == ["0", "0"],
                say!("{before:?} bytes came before the request", "请求之前已到达 {before:?} 字节"),
            ),
            same(seen, "typed_bytes", "came_to_server_bytes"),
            same(seen, "answer_bytes", "came_to_client_bytes"),
            is(seen, "request_version", "HTTP/1.1"),
            is(seen, "request_target", "/"),
            status(seen, "status", "200"),
            same(seen, "page", "page_of_server"),
            (
                !seen.word("shown").is_empty() && !seen.word("shown").contains('<'),
                say!("nothing was shown of the page", "页面没有显示出来"),
            ),
        ],
        say!(
            "on one connection {up} B up, {down} B down",
            "一个 TCP 连接：上行 {up}，下行 {down} 字节"
        ),
    )
}

/// Four parts whose lengths are those that were typed, a body that a number ends, and no request
/// where a rule is broken.
pub(super) fn http_request(seen: &Evidence) -> Verdict {
    let typed = seen.list("typed");
    let count = |name: &str| seen.count(name);
    let (all, head, body) = (count("request_bytes"), count("head_bytes"), count("body_bytes"));
    let cuts = count("unfinished_cuts");
    let line = ["method", "target", "version"].map(|word| seen.word(word)).join(" ");
    let fields = seen.list("fields");
    let (announced, content) = (seen.word("length_by_other_case"), seen.word("body"));
    let first = typed.first().copied().unwrap_or_default();
    let mut claims = vec![
        so(seen, "same_bytes"),
        (
            first == format!("{line}\\r\\n"),
            say!(
                "the request line is {line}, typed was {first}",
                "请求行是 {line}，敲的是 {first}"
            ),
        ),
        (
            typed.len() == fields.len() + 3
                && typed[1..].iter().zip(&fields).all(|(t, f)| *t == format!("{f}\\r\\n")),
            say!("the fields are {fields:?}", "请求头是 {fields:?}"),
        ),
        (
            typed.get(fields.len() + 1) == Some(&"\\r\\n"),
            say!("no empty line ended the head", "请求头后面没有空行"),
        ),
        (
            head + body == all && announced == body.to_string(),
            say!(
                "head {head} and body {body} of {all} bytes, announced {announced}",
                "共 {all} 字节，头 {head}，体 {body}，声明 {announced}"
            ),
        ),
        (
            typed.last().copied() == Some(content) && content.contains("\\r\\n\\r\\n"),
            say!("the body is {content}", "请求体是 {content}"),
        ),
        (
            cuts == all,
            say!(
                "{cuts} of {all} beginnings were known for unfinished",
                "{all} 种截断，认出 {cuts} 种"
            ),
        ),
        is(seen, "next", "GET /note HTTP/1.1"),
        so(seen, "nothing_left"),
    ];
    let refused = seen.list("refused").len();
    for name in ["two_words", "lf_alone", "no_colon", "space_in_name", "no_host", "two_lengths"] {
        claims.push(status(seen, &format!("{name}_status"), "400"));
    }
    all_so(
        claims,
        say!(
            "{all} B: head {head}, body {body}; {refused} bad ones: 400",
            "{all} 字节：头 {head}，体 {body}；{refused} 个坏的：400"
        ),
    )
}

/// Each method by what it did, and by what it did the second time.
pub(super) fn http_methods(seen: &Evidence) -> Verdict {
    let mut claims = Vec::new();
    fetching(seen, &mut claims);
    changing(seen, &mut claims);
    asking(seen, &mut claims);
    let posted = seen.count("post_twice_things");
    let put = seen.count("put_twice_things");
    all_so(
        claims,
        say!(
            "twice PUT: {put} thing; twice POST: {posted}",
            "两次 PUT：{put} 个；两次 POST：{posted} 个"
        ),
    )
}

fn fetching(seen: &Evidence, claims: &mut Vec<(bool, Say)>) {
    claims.extend([
        status(seen, "get_status", "200"),
        so(seen, "get_again_is_the_same"),
        status(seen, "head_status", "200"),
        same(seen, "head_length", "get_length"),
        so(seen, "head_is_the_same"),
        so(seen, "fetching_changed_nothing"),
    ]);
    let (head, get) = (seen.count("head_body_bytes"), seen.count("get_body_bytes"));
    claims.push((
        head == 0 && get.to_string() == seen.word("get_length") && get > 0,
        say!(
            "{get} bytes of body by GET, {head} by HEAD",
            "GET 的体 {get} 字节，HEAD 的 {head} 字节"
        ),
    ));
}

fn changing(seen: &Evidence, claims: &mut Vec<(bool, Say)>) {
    let word = |name: &str| seen.word(name);
    let things = |name: &str| seen.count(&format!("{name}_things"));
    claims.extend([
        // PUT makes what is not there, replaces what is, and the second time changes nothing.
        status(seen, "before_put_status", "404"),
        status(seen, "put_once_status", "201"),
        status(seen, "put_twice_status", "204"),
        same(seen, "put_once_content", "put_twice_content"),
        same(seen, "put_once_things", "put_twice_things"),
        status(seen, "replace_once_status", "204"),
        same(seen, "replace_once_content", "replace_twice_content"),
        same(seen, "put_once_things", "replace_twice_things"),
        // PATCH changes a part, and this one again at every repetition.
        status(seen, "patch_once_status", "204"),
        status(seen, "patch_twice_status", "204"),
        // DELETE: the code may differ the second time, what is there may not.
        status(seen, "delete_once_status", "204"),
        status(seen, "delete_twice_status", "404"),
        is(seen, "delete_once_content", "-"),
        is(seen, "delete_twice_content", "-"),
        // POST gives to a thing that knows what to do with it: here it makes one each time.
        status(seen, "post_once_status", "201"),
        status(seen, "post_twice_status", "201"),
    ]);
    let (old, new) = (word("put_twice_content"), word("replace_once_content"));
    claims.push((
        things("put_once") == 1 && !old.is_empty() && old != new,
        say!("PUT {new} over {old} replaced nothing", "用 {new} PUT 到 {old} 上，没有替换"),
    ));
    let (once, twice) = (word("patch_once_content"), word("patch_twice_content"));
    claims.push((
        once.starts_with(new) && once.len() > new.len() && twice.len() > once.len(),
        say!(
            "PATCH made {once} of {new}, then {twice}",
            "PATCH 把 {new} 变成 {once}，再变成 {twice}"
        ),
    ));
    let (one, other, list) = (word("post_once_made"), word("post_twice_made"), word("notes"));
    claims.push((
        one != other
            && list == [one, other].join(" ")
            && things("post_twice") == things("post_once") + 1,
        say!(
            "POST made {one} and {other}, there is {list}",
            "POST 产生 {one} 和 {other}，现有 {list}"
        ),
    ));
}

fn asking(seen: &Evidence, claims: &mut Vec<(bool, Say)>) {
    claims.extend([
        status(seen, "options_thing_status", "2"),
        status(seen, "options_page_status", "2"),
        same(seen, "page_refusal_allow", "options_page_allow"),
        status(seen, "trace_status", "200"),
        is(seen, "trace_kind", "message/http"),
        same(seen, "trace_body", "trace_asked"),
        status(seen, "unknown_status", "501"),
        status(seen, "tunnel_elsewhere_status", "403"),
        status(seen, "tunnel_status", "200"),
        same(seen, "tunnel_arrived", "tunnel_given"),
        same(seen, "tunnel_came_back", "tunnel_answered"),
    ]);
    let (page, thing) = (seen.word("options_page_allow"), seen.word("options_thing_allow"));
    let (mut taken, mut allowed) = (seen.list("page_takes"), page.split(", ").collect::<Vec<_>>());
    taken.sort_unstable();
    allowed.sort_unstable();
    let refused = seen.list("page_refuses");
    claims.push((
        taken == allowed && !refused.is_empty() && page != thing,
        say!("Allow is {page}; taken was {taken:?}", "Allow 是 {page}；实际接受 {taken:?}"),
    ));
}

/// The parts, three ways to the end, and the one that hides a cut.
pub(super) fn http_response(seen: &Evidence) -> Verdict {
    let mut claims = Vec::new();
    for name in ["counted", "chunked", "until_close"] {
        let of = |what: &str| format!("{name}_{what}");
        let (all, head) = (seen.count(&of("bytes")), seen.count(&of("head_bytes")));
        let body = seen.count(&of("body_bytes_on_the_wire"));
        claims.extend([
            is(seen, &of("version"), "HTTP/1.1"),
            is(seen, &of("code"), "200"),
            same(seen, &of("body"), "counted_body"),
            (
                head + body == all,
                say!(
                    "{name}: head {head}, body {body} of {all}",
                    "{name}：{all} 字节，头 {head}，体 {body}"
                ),
            ),
        ]);
    }
    let length = format!("Content-Length: {}", seen.count("counted_body_bytes"));
    let fields = seen.list("counted_fields");
    claims.push((
        fields == [length.as_str()],
        say!("{fields:?} tell of {length}", "{fields:?}，应有 {length}"),
    ));
    let (chunked, bare) =
        (seen.count("chunked_body_bytes_on_the_wire"), seen.count("chunked_body_bytes"));
    claims.push((
        chunked > bare,
        say!("{chunked} bytes of chunks hold {bare}", "{chunked} 字节的块里有 {bare} 字节"),
    ));
    claims.extend([
        is(seen, "counted_cut_taken_for", "cut"),
        is(seen, "chunked_cut_taken_for", "cut"),
        is(seen, "until_close_cut_taken_for", "whole"),
    ]);
    let (whole, less) = (seen.word("until_close_body"), seen.word("until_close_cut_body"));
    claims.push((
        whole.starts_with(less) && less.len() < whole.len(),
        say!("of {whole} {less} came", "{whole} 只到了 {less}"),
    ));
    let codes = seen.list("codes_by_reason");
    let reasons = seen.list("reasons").len();
    claims.push((
        codes.len() == reasons && codes.iter().all(|code| *code == codes[0]),
        say!("the reason changed the code: {codes:?}", "附加信息改变了响应码：{codes:?}"),
    ));
    let bytes = |name: &str| seen.count(&format!("{name}_bytes"));
    let (counted, chunked, until) = (bytes("counted"), bytes("chunked"), bytes("until_close"));
    all_so(
        claims,
        say!(
            "by length {counted} B, in chunks {chunked}, by close {until}",
            "按长度 {counted} 字节，分块 {chunked}，关闭 {until}"
        ),
    )
}

/// Each class by what happened before and after the code.
pub(super) fn http_status(seen: &Evidence) -> Verdict {
    let mut claims = vec![
        // 1xx: the head is here, the body is not, and the true answer comes later.
        status(seen, "continue_status", "100"),
        status(seen, "continue_then_status", "2"),
        so(seen, "continue_body_is_kept"),
        status(seen, "done_status", "200"),
        status(seen, "odd_status", "2"),
        // 3xx: there is more to do, and then it is had.
        status(seen, "moved_status", "301"),
        status(seen, "moved_then_status", "200"),
        same(seen, "moved_then_body", "copy_body"),
        status(seen, "unchanged_status", "304"),
        // 4xx: the same again fails again, another request does not.
        status(seen, "missing_status", "404"),
        same(seen, "missing_again_status", "missing_status"),
        status(seen, "corrected_status", "200"),
        status(seen, "garbage_status", "400"),
        status(seen, "refused_status", "4"),
        // 5xx: the same again succeeds, once the server has changed.
        status(seen, "broken_status", "500"),
        status(seen, "repaired_status", "200"),
    ];
    let (before, sent) = (seen.count("continue_body_before"), seen.count("continue_body_sent"));
    claims.push((
        before == 0 && sent > 0,
        say!(
            "{before} bytes of body before 100, {sent} after",
            "100 之前到了 {before} 字节，之后 {sent}"
        ),
    ));
    let (unchanged, refused) =
        (seen.count("unchanged_body_bytes"), seen.count("refused_body_sent"));
    claims.push((
        unchanged == 0 && refused == 0,
        say!(
            "{unchanged} bytes came with 304, {refused} went to a refusal",
            "304 带来 {unchanged} 字节，被拒绝的发了 {refused} 字节"
        ),
    ));
    let code = |name: &str| seen.word(name).split(' ').next().unwrap_or_default().to_string();
    let (one, two, three) = (code("continue_status"), code("done_status"), code("moved_status"));
    let (four, five) = (code("missing_status"), code("broken_status"));
    all_so(
        claims,
        say!(
            "{one} {two} {three}; {four} again {four}; {five} repaired {two}",
            "{one} {two} {three}；{four} 再来仍 {four}；{five} 修好后 {two}"
        ),
    )
}

/// Equal requests from different ports, that only a cookie tells apart.
pub(super) fn http_stateless(seen: &Evidence) -> Verdict {
    let (requests, different) = (seen.count("requests"), seen.count("different_requests"));
    let distinct = |list: &[&str]| {
        let mut list = list.to_vec();
        list.sort_unstable();
        list.dedup();
        list.len()
    };
    let (ports, answers) = (seen.list("ports"), seen.list("answers"));
    let (one_port, told) = (seen.list("cookie_ports"), seen.list("cookie_answers"));
    all_so(
        [
            (
                different == 1 && requests > 1,
                say!("{different} different requests came", "到达的请求有 {different} 种"),
            ),
            (
                ports.len() as u64 == requests && distinct(&ports) == ports.len(),
                say!("the ports are {ports:?}", "端口是 {ports:?}"),
            ),
            (
                distinct(&answers) == 1,
                say!(
                    "without a cookie the answers were {answers:?}",
                    "不带 cookie 时的回答是 {answers:?}"
                ),
            ),
            (
                distinct(&one_port) == 1 && told.len() == one_port.len(),
                say!("the proxy came from {one_port:?}", "代理来自 {one_port:?}"),
            ),
            (
                seen.word("ann_was_given") != seen.word("bob_was_given"),
                say!("both were given the same cookie", "两人得到同一个 cookie"),
            ),
            same(seen, "ann_brought", "ann_was_given"),
            same(seen, "bob_brought", "bob_was_given"),
            (
                told == ["visit 2", "visit 2", "visit 3"],
                say!("with cookies the answers were {told:?}", "带 cookie 时的回答是 {told:?}"),
            ),
            same(seen, "reply_of_one", "reply_of_another"),
        ],
        say!(
            "{requests} requests, {different} wording; cookies tell who",
            "{requests} 个请求字节相同，靠 cookie 才分得开"
        ),
    )
}

/// A connection for each request, or one for all; who closes and who does not.
pub(super) fn http_persistent(seen: &Evidence) -> Verdict {
    let requests = seen.count("requests");
    let mut claims = Vec::new();
    for (name, connections, closed) in
        [("old", requests, requests), ("kept", 1, 0), ("asked", 1, 0)]
    {
        let count = |what: &str| seen.count(&format!("{name}_{what}"));
        let (is, ports, ends) =
            (count("connections"), count("client_ports"), count("closed_by_server"));
        let codes = seen.list(&format!("{name}_codes"));
        claims.extend([
            (
                is == connections && ports == connections && ends == closed,
                say!(
                    "{name}: {is} connections from {ports} ports, {ends} closed by the server",
                    "{name}：{is} 个连接，{ports} 个端口，服务器关闭 {ends} 个"
                ),
            ),
            same(seen, &format!("{name}_came_bytes"), &format!("{name}_reply_bytes")),
            (
                codes.len() as u64 == requests && codes.iter().all(|code| code.starts_with('2')),
                say!("{name}: the answers were {codes:?}", "{name}：回答是 {codes:?}"),
            ),
        ]);
    }
    for name in ["kept", "asked"] {
        claims.extend([
            is(seen, &format!("{name}_recv_after"), "EAGAIN"),
            is(seen, &format!("{name}_state_after"), "ESTABLISHED"),
        ]);
    }
    let (old, kept) = (seen.count("old_segments"), seen.count("kept_segments"));
    claims.push((
        kept < old,
        say!(
            "{old} segments of HTTP/1.0, {kept} of 1.1",
            "HTTP/1.0 用了 {old} 个报文段，1.1 用了 {kept}"
        ),
    ));
    let newer = seen.list("methods_not_in_1_0");
    claims.extend([
        (!newer.is_empty(), say!("no method was new", "没有新的请求类别")),
        is(seen, "before_close_recv", "EAGAIN"),
        so(seen, "close_was_announced"),
        so(seen, "after_close_ended"),
    ]);
    let (targets, answers) = (seen.list("pipelined_targets"), seen.list("pipelined_answers"));
    claims.push((
        targets == ["/", "/note"] && answers.len() == 2 && answers[0] != answers[1],
        say!("{targets:?} were answered by {answers:?}", "{targets:?} 的回答是 {answers:?}"),
    ));
    let (many, one) = (seen.count("old_connections"), seen.count("kept_connections"));
    all_so(
        claims,
        say!(
            "{requests} requests: {many} connections in 1.0, {one} in 1.1",
            "{requests} 个请求：1.0 用 {many} 个连接，1.1 用 {one} 个"
        ),
    )
}
