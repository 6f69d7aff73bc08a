//! The judges are given false evidence; the parser every cut and every kind of rubbish; the
//! experiments run on this machine's kernel; the tellings hold no number that the evidence does not.

use serde_json::{Value, json};

use super::server::{METHODS, Server, stays_open};
use super::wire::{Kind, Message, Parser, request};
use crate::evidence::Evidence;
use crate::law::select;
use crate::page::Part;
use crate::proof::{self, evidence, law};

/// Evidence as a true run gives it, without the scenes.
fn true_figures(id: &str) -> Value {
    match id {
        "http-on-tcp" => json!({
            "protocol": "TCP", "state_before": "ESTABLISHED", "came_before": ["0", "0"],
            "typed_bytes": 29, "typed_sends": 29, "request_recvs": 1, "came_to_server_bytes": 29,
            "answer_bytes": 78, "came_to_client_bytes": 78, "request_version": "HTTP/1.1",
            "request_target": "/", "status": "200 OK", "page": "<b>hi</b>",
            "page_of_server": "<b>hi</b>", "shown": "hi",
        }),
        "http-request" => {
            let mut figures = json!({
                "typed": ["PUT /a HTTP/1.1\\r\\n", "Host: lab\\r\\n", "content-length: 8\\r\\n",
                    "\\r\\n", "a\\r\\n\\r\\nbc"],
                "sends": 58, "recvs": 12, "request_bytes": 58, "head_bytes": 50, "body_bytes": 8,
                "same_bytes": true, "unfinished_cuts": 58, "method": "PUT", "target": "/a",
                "version": "HTTP/1.1", "fields": ["Host: lab", "content-length: 8"],
                "length_by_other_case": "8", "body": "a\\r\\n\\r\\nbc",
                "next": "GET /note HTTP/1.1", "nothing_left": true,
                "refused": ["a", "b", "c", "d", "e", "f"],
            });
            for name in REFUSED {
                figures[format!("{name}_status")] = json!("400 Bad Request");
            }
            figures
        }
        "http-methods" => methods(),
        "http-response" => {
            let mut figures = json!({
                "reasons": ["OK", ""], "codes_by_reason": ["200", "200"],
                "counted_cut_taken_for": "cut", "chunked_cut_taken_for": "cut",
                "until_close_cut_taken_for": "whole", "until_close_cut_body": "hel",
                "chunked_cut_body": "hel", "counted_cut_body": "hel",
            });
            for (name, bytes, head, wire, fields) in [
                ("counted", 43, 38, 5, json!(["Content-Length: 5"])),
                ("chunked", 62, 47, 15, json!(["Transfer-Encoding: chunked"])),
                ("until_close", 24, 19, 5, json!([])),
            ] {
                let mut set = |what: &str, value: Value| figures[format!("{name}_{what}")] = value;
                set("bytes", json!(bytes));
                set("head_bytes", json!(head));
                set("body_bytes_on_the_wire", json!(wire));
                set("version", json!("HTTP/1.1"));
                set("code", json!("200"));
                set("reason", json!("OK"));
                set("fields", fields);
                set("body", json!("hello"));
                set("body_bytes", json!(5));
            }
            figures
        }
        "http-status" => json!({
            "continue_status": "100 Continue", "continue_body_before": 0,
            "continue_body_sent": 11, "continue_then_status": "201 Created",
            "continue_body_is_kept": true, "refused_status": "413 Content Too Large",
            "refused_body_bytes": 5_000_000, "refused_body_sent": 0, "done_status": "200 OK",
            "odd_status": "299 Something New", "moved_status": "301 Moved Permanently",
            "moved_to": "/note", "moved_then_status": "200 OK", "moved_then_body": "hello",
            "unchanged_status": "304 Not Modified", "unchanged_body_bytes": 0,
            "copy_body": "hello", "missing_status": "404 Not Found",
            "missing_again_status": "404 Not Found", "corrected_status": "200 OK",
            "broken_status": "500 Internal Server Error", "repaired_status": "200 OK",
            "repaired_body": "3", "garbage_status": "400 Bad Request",
        }),
        "http-stateless" => json!({
            "asked": "GET", "requests": 3, "different_requests": 1,
            "ports": ["4001", "4002", "4003"], "answers": ["visit 1", "visit 1", "visit 1"],
            "ann_was_given": "id=a", "ann_brought": "id=a",
            "bob_was_given": "id=b", "bob_brought": "id=b",
            "cookie_ports": ["4004", "4004", "4004"],
            "cookie_answers": ["visit 2", "visit 2", "visit 3"],
            "servers": 2, "reply_of_one": "hello", "reply_of_another": "hello",
        }),
        "http-persistent" => {
            let mut figures = json!({
                "requests": 2, "methods_not_in_1_0": ["PUT"], "before_close_recv": "EAGAIN",
                "close_was_announced": true, "after_close_ended": true, "pipelined_recvs": 1,
                "pipelined_targets": ["/", "/note"], "pipelined_answers": ["page", "hello"],
            });
            for (name, connections, closed, segments, after, state) in [
                ("old", 2, 2, 16, "-", "-"),
                ("kept", 1, 0, 8, "EAGAIN", "ESTABLISHED"),
                ("asked", 1, 0, 9, "EAGAIN", "ESTABLISHED"),
            ] {
                let mut set = |what: &str, value: Value| figures[format!("{name}_{what}")] = value;
                set("connections", json!(connections));
                set("client_ports", json!(connections));
                set("closed_by_server", json!(closed));
                set("codes", json!(["200", "201"]));
                set("reply_bytes", json!(160));
                set("came_bytes", json!(160));
                set("segments", json!(segments));
                set("recv_after", json!(after));
                set("state_after", json!(state));
            }
            figures
        }
        _ => panic!("no evidence for {id}"),
    }
}

const REFUSED: [&str; 6] =
    ["two_words", "lf_alone", "no_colon", "space_in_name", "no_host", "two_lengths"];

fn methods() -> Value {
    let mut figures = json!({
        "get_status": "200 OK", "get_body": "hello", "get_length": "5", "get_body_bytes": 5,
        "head_status": "200 OK", "head_length": "5", "head_body_bytes": 0,
        "head_is_the_same": true, "get_again_is_the_same": true,
        "fetching_changed_nothing": true, "before_put_status": "404 Not Found",
        "notes": "/notes/7 /notes/8",
        "options_thing_status": "204 No Content", "options_thing_body_bytes": 0,
        "options_thing_allow": "GET, PUT", "options_page_status": "204 No Content",
        "options_page_body_bytes": 0, "options_page_allow": "GET, HEAD",
        "page_takes": ["HEAD", "GET"], "page_refuses": ["PUT"],
        "page_refusal_allow": "GET, HEAD", "trace_status": "200 OK",
        "trace_kind": "message/http", "trace_asked": "TRACE", "trace_body": "TRACE",
        "unknown_status": "501 Not Implemented", "tunnel_elsewhere_status": "403 Forbidden",
        "tunnel_status": "200 OK", "tunnel_reply_body_bytes": 0, "tunnel_given": "00 ff",
        "tunnel_arrived": "00 ff", "tunnel_answered": "ff", "tunnel_came_back": "ff",
    });
    for (name, once, twice, content, content_twice, things, things_twice, made) in [
        ("put", "201 Created", "204 No Content", "milk", "milk", 1, 1, ["-", "-"]),
        ("replace", "204 No Content", "204 No Content", "tea", "tea", 1, 1, ["-", "-"]),
        (
            "patch",
            "204 No Content",
            "204 No Content",
            "tea, jam",
            "tea, jam, jam",
            1,
            1,
            ["-", "-"],
        ),
        ("delete", "204 No Content", "404 Not Found", "-", "-", 0, 0, ["-", "-"]),
        ("post", "201 Created", "201 Created", "-", "-", 1, 2, ["/notes/7", "/notes/8"]),
    ] {
        let mut set = |what: &str, value: Value| figures[format!("{name}_{what}")] = value;
        set("once_status", json!(once));
        set("twice_status", json!(twice));
        set("once_content", json!(content));
        set("twice_content", json!(content_twice));
        set("once_things", json!(things));
        set("twice_things", json!(things_twice));
        set("once_made", json!(made[0]));
        set("twice_made", json!(made[1]));
    }
    figures
}

fn every_lie_is_not_shown(id: &str, lies: &[(&str, Value)]) {
    proof::every_lie_is_not_shown(id, &true_figures(id), lies);
}

#[test]
fn http_on_tcp_is_not_shown_where_other_bytes_crossed_or_another_page_came() {
    every_lie_is_not_shown(
        "http-on-tcp",
        &[
            ("protocol", json!("another")),
            ("state_before", json!("SYN-SENT")),
            ("came_before", json!(["3", "0"])),
            ("came_to_server_bytes", json!(30)),
            ("came_to_client_bytes", json!(77)),
            ("request_version", json!("HTTP/3")),
            ("request_target", json!("/other")),
            ("status", json!("404 Not Found")),
            ("page", json!("<b>ho</b>")),
            ("shown", json!("<b>hi")),
            ("shown", json!("")),
        ],
    );
}

#[test]
fn the_request_is_not_shown_where_a_part_differs_or_rubbish_passes() {
    let mut lies = vec![
        ("same_bytes", json!(false)),
        ("method", json!("POST")),
        ("target", json!("/b")),
        ("version", json!("HTTP/1.0")),
        ("fields", json!(["Host: lab"])),
        ("fields", json!(["Host: lab", "content-length: 9"])),
        ("head_bytes", json!(48)),
        ("body_bytes", json!(3)),
        ("length_by_other_case", json!("-")),
        ("body", json!("a")),
        ("unfinished_cuts", json!(57)),
        ("next", json!("bc")),
        ("nothing_left", json!(false)),
    ];
    let statuses = REFUSED.map(|name| format!("{name}_status"));
    lies.extend(statuses.iter().map(|name| (name.as_str(), json!("200 OK"))));
    every_lie_is_not_shown("http-request", &lies);
}

#[test]
fn the_methods_are_not_shown_where_one_does_another_thing() {
    every_lie_is_not_shown(
        "http-methods",
        &[
            ("get_status", json!("404 Not Found")),
            ("get_again_is_the_same", json!(false)),
            ("get_body_bytes", json!(0)),
            ("fetching_changed_nothing", json!(false)),
            ("head_status", json!("404 Not Found")),
            ("head_length", json!("0")),
            ("head_is_the_same", json!(false)),
            ("head_body_bytes", json!(5)),
            // PUT that only updates, adds, makes two, or is another the second time.
            ("before_put_status", json!("200 OK")),
            ("put_once_status", json!("404 Not Found")),
            ("put_twice_status", json!("201 Created")),
            ("put_twice_content", json!("milkmilk")),
            ("put_twice_things", json!(2)),
            ("replace_once_content", json!("milk")),
            ("replace_twice_content", json!("teatea")),
            ("replace_twice_things", json!(2)),
            ("patch_once_content", json!(", jam")),
            ("patch_twice_content", json!("tea, jam")),
            ("patch_once_status", json!("501 Not Implemented")),
            ("delete_once_content", json!("tea")),
            ("delete_twice_content", json!("tea")),
            ("delete_twice_status", json!("204 No Content")),
            ("post_twice_made", json!("/notes/7")),
            ("post_twice_things", json!(1)),
            ("notes", json!("/notes/7")),
            // OPTIONS that tells what is not so.
            ("options_page_status", json!("501 Not Implemented")),
            ("options_page_allow", json!("GET, HEAD, PUT")),
            ("options_thing_allow", json!("GET, HEAD")),
            ("page_takes", json!(["GET", "HEAD", "PUT"])),
            ("page_refuses", json!([])),
            ("page_refusal_allow", json!("GET")),
            ("trace_status", json!("405 Method Not Allowed")),
            ("trace_kind", json!("text/html")),
            ("trace_body", json!("trace")),
            ("unknown_status", json!("200 OK")),
            ("tunnel_status", json!("405 Method Not Allowed")),
            ("tunnel_elsewhere_status", json!("200 OK")),
            ("tunnel_arrived", json!("00")),
            ("tunnel_came_back", json!("00")),
        ],
    );
}

#[test]
fn the_response_is_not_shown_where_the_ends_differ_or_a_cut_is_known_by_close() {
    every_lie_is_not_shown(
        "http-response",
        &[
            ("counted_version", json!("HTTP/1.0")),
            ("chunked_code", json!("404")),
            ("until_close_body", json!("hell")),
            ("chunked_body", json!("5hello0")),
            ("counted_head_bytes", json!(37)),
            ("chunked_body_bytes_on_the_wire", json!(5)),
            ("chunked_body_bytes", json!(15)),
            ("counted_fields", json!([])),
            ("counted_fields", json!(["Content-Length: 6"])),
            ("counted_cut_taken_for", json!("whole")),
            ("chunked_cut_taken_for", json!("whole")),
            ("until_close_cut_taken_for", json!("cut")),
            ("until_close_cut_body", json!("hello")),
            ("codes_by_reason", json!(["200", "404"])),
            ("codes_by_reason", json!(["200"])),
        ],
    );
}

#[test]
fn the_classes_are_not_shown_where_a_code_comes_without_its_reason() {
    every_lie_is_not_shown(
        "http-status",
        &[
            ("continue_status", json!("200 OK")),
            ("continue_body_before", json!(11)),
            ("continue_body_sent", json!(0)),
            ("continue_then_status", json!("100 Continue")),
            ("continue_body_is_kept", json!(false)),
            ("refused_status", json!("100 Continue")),
            ("refused_body_sent", json!(5_000)),
            ("done_status", json!("404 Not Found")),
            ("odd_status", json!("999 Odd")),
            ("moved_status", json!("200 OK")),
            ("moved_then_status", json!("404 Not Found")),
            ("moved_then_body", json!("another")),
            ("unchanged_status", json!("200 OK")),
            ("unchanged_body_bytes", json!(5)),
            ("missing_status", json!("200 OK")),
            ("missing_again_status", json!("200 OK")),
            ("corrected_status", json!("404 Not Found")),
            ("garbage_status", json!("200 OK")),
            ("broken_status", json!("200 OK")),
            ("repaired_status", json!("500 Internal Server Error")),
        ],
    );
}

#[test]
fn statelessness_is_not_shown_where_the_server_knows_its_client_or_a_cookie_tells_nothing() {
    every_lie_is_not_shown(
        "http-stateless",
        &[
            ("different_requests", json!(2)),
            ("requests", json!(1)),
            ("ports", json!(["4001", "4001", "4003"])),
            ("answers", json!(["visit 1", "visit 2", "visit 1"])),
            ("ann_brought", json!("-")),
            ("bob_brought", json!("id=a")),
            ("bob_was_given", json!("id=a")),
            ("cookie_ports", json!(["4004", "4005", "4004"])),
            ("cookie_answers", json!(["visit 2", "visit 3", "visit 4"])),
            ("reply_of_another", json!("who are you?")),
        ],
    );
}

#[test]
fn persistence_is_not_shown_where_1_0_stays_or_1_1_closes() {
    every_lie_is_not_shown(
        "http-persistent",
        &[
            ("old_connections", json!(1)),
            ("old_client_ports", json!(1)),
            ("old_closed_by_server", json!(1)),
            ("old_codes", json!(["200", "400"])),
            ("old_came_bytes", json!(161)),
            ("kept_connections", json!(2)),
            ("kept_client_ports", json!(2)),
            ("kept_closed_by_server", json!(1)),
            ("kept_came_bytes", json!(80)),
            ("kept_segments", json!(16)),
            ("kept_recv_after", json!("0")),
            ("kept_state_after", json!("CLOSE-WAIT")),
            ("kept_codes", json!(["200"])),
            ("asked_connections", json!(2)),
            ("asked_recv_after", json!("0")),
            ("asked_state_after", json!("CLOSE-WAIT")),
            ("methods_not_in_1_0", json!([])),
            ("before_close_recv", json!("0")),
            ("close_was_announced", json!(false)),
            ("after_close_ended", json!(false)),
            ("pipelined_targets", json!(["/note", "/"])),
            ("pipelined_answers", json!(["page"])),
            ("pipelined_answers", json!(["page", "page"])),
        ],
    );
}

/// The whole text as a message of this kind: what was read, and how many bytes it took.
fn read(kind: Kind<'_>, text: &str) -> Result<Option<(Message, usize)>, &'static str> {
    let mut parser = Parser::new(kind);
    for (at, byte) in text.bytes().enumerate() {
        if parser.take(byte)? {
            return Ok(Some((parser.message(), at + 1)));
        }
    }
    Ok(None)
}

#[test]
fn a_message_ends_where_its_head_says_and_no_beginning_of_it_is_one() {
    for (kind, text, body) in [
        (Kind::Request, "GET / HTTP/1.1\r\n\r\n", ""),
        (Kind::Request, "PUT / HTTP/1.1\r\nContent-Length: 3\r\n\r\na\r\n", "a\r\n"),
        (Kind::Request, "PUT / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", ""),
        (Kind::RequestHead, "PUT / HTTP/1.1\r\nContent-Length: 3\r\n\r\n", ""),
        (Kind::ReplyTo("GET"), "HTTP/1.1 200 OK\r\ncontent-LENGTH:\t2 \r\n\r\nok", "ok"),
        (Kind::ReplyTo("GET"), "HTTP/1.1 204 No Content\r\n\r\n", ""),
        (Kind::ReplyTo("GET"), "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", ""),
        (Kind::ReplyTo("HEAD"), "HTTP/1.1 200 \r\nContent-Length: 9\r\n\r\n", ""),
        (Kind::ReplyTo("CONNECT"), "HTTP/1.1 200 OK\r\n\r\n", ""),
        (Kind::ReplyTo("PUT"), "HTTP/1.1 100 Continue\r\n\r\n", ""),
        (
            Kind::ReplyTo("GET"),
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nA\r\n0123456789\r\n\
             0\r\nX: y\r\n\r\n",
            "ok0123456789",
        ),
    ] {
        let more = format!("{text}GET /next");
        let (message, took) = read(kind, &more).unwrap().expect(text);
        assert_eq!(took, text.len(), "{text:?}");
        assert_eq!(message.body, body.as_bytes(), "{text:?}");
        assert_eq!(message.raw, text.as_bytes());
        for cut in 0..text.len() {
            assert_eq!(read(kind, &text[..cut]), Ok(None), "{text:?} cut at {cut}");
        }
    }
    let until_close = "HTTP/1.1 200 OK\r\n\r\nas long as it lasts";
    assert_eq!(read(Kind::ReplyTo("GET"), until_close), Ok(None));
}

#[test]
fn what_breaks_a_rule_is_no_message() {
    let long = format!("GET /{} HTTP/1.1\r\n", "a".repeat(2_000));
    for (text, why) in [
        ("GET /\r\n", "three words"),
        ("GET / a HTTP/1.1\r\n", "three words"),
        ("GET  HTTP/1.1\r\n", "missing"),
        ("\r\n", "three words"),
        ("GET / HTTP/1.1\n", "LF alone"),
        ("GET / HTTP/1.1\r\nA: b\rc\r\n", "control"),
        ("GET / HTTP/1.1\r\nA: \0\r\n", "control"),
        ("GET / HTTP/1.1\r\nA\r\n", "colon"),
        ("GET / HTTP/1.1\r\nA : b\r\n", "name"),
        ("GET / HTTP/1.1\r\n: b\r\n", "name"),
        ("GET / HTTP/1.1\r\n folded: b\r\n", "name"),
        ("PUT / HTTP/1.1\r\nContent-Length: +1\r\n\r\n", "number"),
        ("PUT / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", "number"),
        ("PUT / HTTP/1.1\r\nContent-Length: \r\n\r\n", "number"),
        ("PUT / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", "two lengths"),
        ("PUT / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "Encoding"),
        ("PUT / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", "Encoding"),
        ("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", "size"),
        ("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", "longer"),
        (&long, "without end"),
    ] {
        let wrong = read(Kind::Request, text).unwrap_err();
        assert!(wrong.contains(why), "{text:?}: {wrong}");
    }
    for text in ["HTTP/1.1 OK 200\r\n", "HTTP/1.1 20 OK\r\n", "HTTP/1.1 2000 OK\r\n"] {
        assert!(read(Kind::ReplyTo("GET"), text).is_err(), "{text:?}");
    }
    let flood = format!("PUT / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n{}", "a".repeat(70_000));
    assert_eq!(read(Kind::Request, &flood), Err("too long a body"));
}

#[test]
fn a_body_can_be_asked_for_after_its_head() {
    let (head, _) = read(Kind::RequestHead, "PUT / HTTP/1.1\r\nContent-Length: 2\r\n\r\n")
        .unwrap()
        .expect("a head");
    let mut parser = Parser::body_of(head).unwrap();
    assert_eq!([parser.take(b'o'), parser.take(b'k')], [Ok(false), Ok(true)]);
    assert_eq!(parser.message().body, b"ok");
}

#[test]
fn the_server_keeps_a_connection_as_the_version_has_it() {
    for (version, field, stays) in [
        ("HTTP/1.1", "", true),
        ("HTTP/1.1", "Connection: close\r\n", false),
        ("HTTP/1.1", "connection: Close\r\n", false),
        ("HTTP/1.0", "", false),
        ("HTTP/1.0", "Connection: keep-alive\r\n", true),
    ] {
        let text = format!("GET / {version}\r\n{field}\r\n");
        let (message, _) = read(Kind::Request, &text).unwrap().expect("a request");
        assert_eq!(stays_open(&message), stays, "{text:?}");
    }
}

#[test]
fn every_method_has_an_answer_that_its_client_can_read() {
    for method in METHODS.into_iter().chain(["BREW"]) {
        for target in ["/", "/note", "/notes", "/nothing", "/old", "/sum", "/odd", "/visit"] {
            let bytes = request(method, target, &[], "body");
            let text = String::from_utf8(bytes).unwrap();
            let (asked, _) = read(Kind::Request, &text).unwrap().expect("a request");
            let reply = Server::new().answer(&asked).bytes(method);
            let text = String::from_utf8(reply).unwrap();
            let (_, took) = read(Kind::ReplyTo(method), &text).unwrap().expect(&text);
            assert_eq!(took, text.len(), "{method} {target}: {text}");
        }
    }
}

#[test]
fn every_law_is_shown_on_this_machine_twenty_times_in_a_row() {
    proof::shown_twenty_times("http");
}

#[test]
fn every_number_of_a_telling_comes_from_the_evidence() {
    for law in select(&["http".into()]).unwrap() {
        let figures = true_figures(law.id);
        proof::the_run_notes_these_figures(law.id, &figures);
        // The length of a list.
        let made = |number: &str, seen: &Evidence| {
            let mut lists = seen.figures.values().filter_map(Value::as_array);
            lists.any(|list| list.len().to_string() == number)
        };
        proof::every_number_is_a_figure(law.id, &figures, NAMES_WITH_DIGITS, made);
    }
}

/// Versions, and a name that HTTP gives.
const NAMES_WITH_DIGITS: &[&str] = &["HTTP/1.0", "HTTP/1.1", "100-continue"];

/// The last column of the table of http-response.
fn taken_for_all(seen: &Evidence) -> Vec<String> {
    let parts = (law("http-response").done)(seen);
    let rows = parts.into_iter().find_map(|part| match part {
        Part::Counts(_, rows) => Some(rows),
        _ => None,
    });
    let last = |(_, cells): (_, Vec<String>)| cells.last().cloned().expect("cells");
    rows.expect("a table").into_iter().map(last).collect()
}

#[test]
fn what_a_client_took_for_all_is_told_as_it_was_seen() {
    let mut seen = evidence(true_figures("http-response"));
    assert_eq!(taken_for_all(&seen), ["-", "-", "hel"]);
    seen.set("counted_cut_taken_for", "whole");
    seen.set("until_close_cut_taken_for", "cut");
    assert_eq!(taken_for_all(&seen), ["hel", "-", "-"]);
}
