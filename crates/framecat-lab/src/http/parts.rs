//! What HTTP travels on, and what its messages are made of. Judged in `judge.rs`, told in
//! `told/parts.rs`.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;

use framecat_net::sockopt::{protocol, tcp_info};
use rustix::net::sockopt::set_tcp_nodelay;
use rustix::net::{RecvFlags, SendFlags, ipproto, recv, send};

use super::PATIENCE;
use super::server::{PAGE, Server, bad_request};
use super::wire::{Got, Kind, Message, Parser, client_and_server, connected, first_line};
use crate::evidence::{Evidence, Scene, quoted};
use crate::lang::{Text, say};

/// What is watched in the kernel: the bytes that came to the server and to the browser (TCP_INFO).
const BYTES_CAME: &[Text] = &[Text::new("UP", "上行"), Text::new("DOWN", "下行")];

/// Law `http-on-tcp`: connect, ask, answer, show; and nothing crosses but those bytes.
pub(super) fn http_on_tcp() -> io::Result<Evidence> {
    let mut seen = Evidence::new();
    let mut scene = client_and_server("on_tcp", BYTES_CAME);
    scene.left = Text::new("BROWSER", "浏览器");
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let browser = TcpStream::connect(listener.local_addr()?)?;
    let (at_server, _) = listener.accept()?;
    for end in [&browser, &at_server] {
        end.set_read_timeout(Some(PATIENCE))?;
        end.set_write_timeout(Some(PATIENCE))?;
    }
    set_tcp_nodelay(&browser, true)?;
    let kernel = || {
        let (client, server) = (tcp_info(browser.as_fd())?, tcp_info(at_server.as_fd())?);
        let came = [server.bytes_received, client.bytes_received];
        Ok::<_, io::Error>(came.map(|bytes| bytes.to_string()).to_vec())
    };
    scene.left("connect() = 0".into(), kernel()?);
    scene.right("accept() = conn".into(), kernel()?);
    let over_tcp = protocol(browser.as_fd())? == Some(ipproto::TCP);
    seen.set("protocol", if over_tcp { "TCP" } else { "another" });
    seen.set("state_before", tcp_info(browser.as_fd())?.state.to_string());
    seen.set("came_before", kernel()?);

    // Typed by hand: a send for each byte.
    let (mut typed, mut sends) = (0, 0);
    for line in ["GET / HTTP/1.1\r\n", "Host: lab\r\n", "\r\n"] {
        let begun = scene.now_us();
        for byte in line.as_bytes() {
            typed += send(&browser, &[*byte], SendFlags::NOSIGNAL)?;
            sends += 1;
        }
        scene.left_at(begun, format!("{} x send: {}", line.len(), quoted(line.as_bytes())));
    }
    seen.set("typed_bytes", typed);
    seen.set("typed_sends", sends);

    // The server parses, byte by byte, until the empty line.
    let mut parser = Parser::new(Kind::Request);
    let mut unused = Vec::new();
    let (mut recvs, mut buffer) = (0, [0; 1024]);
    let request = loop {
        let (taken, _) = recv(&at_server, &mut buffer[..], RecvFlags::empty())?;
        recvs += 1;
        scene.right(format!("recv(1024) = {taken}"), kernel()?);
        if taken == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        unused.extend_from_slice(&buffer[..taken]);
        if let Some(request) = take_all(&mut parser, &mut unused)? {
            break request;
        }
    };
    seen.set("request_recvs", recvs);
    seen.set("request_version", request.start[2].clone());
    seen.set("request_target", request.start[1].clone());
    seen.set("came_to_server_bytes", tcp_info(at_server.as_fd())?.bytes_received);
    let words = request.start.join(", ");
    scene.right_said(say!("parsed: {words}", "解析：{words}"), Vec::new());

    // It works, and answers.
    let answer = Server::new().answer(&request).bytes(&request.start[0]);
    let mut sent = 0;
    while sent < answer.len() {
        sent += send(&at_server, &answer[sent..], SendFlags::NOSIGNAL)?;
    }
    answered(&mut scene, &answer);
    seen.set("answer_bytes", sent);

    // The browser parses, and shows.
    let mut parser = Parser::new(Kind::ReplyTo("GET"));
    let reply = loop {
        let (taken, _) = recv(&browser, &mut buffer[..], RecvFlags::empty())?;
        scene.left(format!("recv(1024) = {taken}"), kernel()?);
        if taken == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        unused.extend_from_slice(&buffer[..taken]);
        if let Some(reply) = take_all(&mut parser, &mut unused)? {
            break reply;
        }
    };
    let shown = without_tags(&reply.text());
    let status = reply.status();
    scene.left_said(say!("parsed: {status}", "解析：{status}"), Vec::new());
    scene.left_said(say!("shown: {shown}", "显示：{shown}"), Vec::new());
    seen.set("came_to_client_bytes", tcp_info(browser.as_fd())?.bytes_received);
    seen.set("status", reply.status());
    seen.set("page", reply.text());
    seen.set("page_of_server", PAGE);
    seen.set("shown", shown);
    seen.scenes.push(scene);
    Ok(seen)
}

/// One send of the server, shown line by line.
fn answered(scene: &mut Scene, answer: &[u8]) {
    scene.right(format!("send() = {}", answer.len()), Vec::new());
    for line in answer.split_inclusive(|byte| *byte == b'\n') {
        scene.right(quoted(line), Vec::new());
    }
}

/// Gives every byte to the parser; the message, once it is whole.
fn take_all(parser: &mut Parser<'_>, unused: &mut Vec<u8>) -> io::Result<Option<Message>> {
    for byte in unused.drain(..) {
        if parser.take(byte).map_err(io::Error::other)? {
            return Ok(Some(parser.message()));
        }
    }
    Ok(None)
}

/// As much of a browser as the page needs.
fn without_tags(page: &str) -> String {
    let mut inside = false;
    let visible = page.chars().filter(|letter| match letter {
        '<' => {
            inside = true;
            false
        }
        '>' => {
            inside = false;
            false
        }
        _ => !inside,
    });
    visible.collect()
}

/// A request with everything in it. The name in small letters is the same name; the body holds an empty
/// line of its own, and is none the shorter for it.
const TYPED: [&str; 6] = [
    "POST /notes?lang=en HTTP/1.1\r\n",
    "Host: lab\r\n",
    "Content-Type: text/plain\r\n",
    "content-length: 12\r\n",
    "\r\n",
    "one\r\n\r\nthree",
];

/// The next request, in the same stream without a gap.
const NEXT: &str = "GET /note HTTP/1.1\r\nHost: lab\r\n\r\n";

/// What is no request, and ends the conversation.
const NO_REQUESTS: [(&str, &str); 6] = [
    ("two_words", "GET /note\r\n\r\n"),
    ("lf_alone", "GET /note HTTP/1.1\nHost: lab\n\n"),
    ("no_colon", "GET /note HTTP/1.1\r\nHost lab\r\n\r\n"),
    ("space_in_name", "GET /note HTTP/1.1\r\nHost : lab\r\n\r\n"),
    ("no_host", "GET /note HTTP/1.1\r\n\r\n"),
    (
        "two_lengths",
        "PUT /a HTTP/1.1\r\nHost: lab\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    ),
];

/// Law `http-request`: request line, fields, an empty line, a body; each ends by a rule.
pub(super) fn http_request() -> io::Result<Evidence> {
    const FEW_BYTES: usize = 5;
    let mut seen = Evidence::new();
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let (at_client, mut at_server) = connected(&listener)?;
    set_tcp_nodelay(&at_client.socket, true)?;
    let mut scene = client_and_server("request", &[]);
    let mut sends = 0;
    for line in TYPED {
        let begun = scene.now_us();
        for byte in line.as_bytes() {
            sends += at_client.send(&[*byte])?;
        }
        scene.left_at(begun, format!("{} x send: {}", line.len(), quoted(line.as_bytes())));
    }
    let typed = TYPED.concat();
    at_client.send(NEXT.as_bytes())?;
    scene.left(format!("send({}) = {}", quoted(NEXT.as_bytes()), NEXT.len()), Vec::new());
    at_client.socket.shutdown(std::net::Shutdown::Write)?;

    let request = at_server.receive(Parser::new(Kind::Request), FEW_BYTES)?.whole()?;
    let recvs = at_server.recvs;
    scene.right(format!("{recvs} x recv({FEW_BYTES})"), Vec::new());
    let (words, body) = (request.start.join(", "), quoted(&request.body));
    scene.right_said(say!("parsed: {words}; {body}", "解析：{words}；{body}"), Vec::new());
    let next = at_server.receive(Parser::new(Kind::Request), FEW_BYTES)?.whole()?;
    let words = next.start.join(", ");
    scene.right_said(say!("parsed: {words}", "解析：{words}"), Vec::new());
    let then = at_server.receive(Parser::new(Kind::Request), FEW_BYTES)?;
    scene.right(format!("recv({FEW_BYTES}) = {}", then.word()), Vec::new());
    seen.scenes.push(scene);

    seen.set("typed", TYPED.map(|part| part.as_bytes().escape_ascii().to_string()).to_vec());
    seen.set("sends", sends);
    seen.set("recvs", recvs);
    seen.set("request_bytes", request.raw.len());
    seen.set("head_bytes", request.head_bytes);
    seen.set("body_bytes", request.body.len());
    seen.set("same_bytes", request.raw == typed.as_bytes());
    seen.set("unfinished_cuts", unfinished_cuts(typed.as_bytes()));
    seen.set("method", request.start[0].clone());
    seen.set("target", request.start[1].clone());
    seen.set("version", request.start[2].clone());
    let fields = request.fields.iter();
    seen.set("fields", fields.map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>());
    seen.set("length_by_other_case", request.field("CONTENT-LENGTH").unwrap_or("-"));
    seen.set("body", request.text());
    seen.set("next", next.start.join(" "));
    seen.set("nothing_left", then == Got::End);

    let mut refused = Vec::new();
    for (name, bytes) in NO_REQUESTS {
        let (mut at_client, mut at_server) = connected(&listener)?;
        at_client.send(bytes.as_bytes())?;
        let answer = match at_server.receive(Parser::new(Kind::Request), FEW_BYTES)? {
            Got::Wrong(why) => bad_request(why),
            got => Server::new().answer(&got.whole()?),
        };
        at_server.send(&answer.bytes("GET"))?;
        let reply = at_client.receive(Parser::new(Kind::ReplyTo("GET")), FEW_BYTES)?.whole()?;
        seen.set(&format!("{name}_status"), reply.status());
        seen.set(&format!("{name}_why"), reply.text());
        refused.push(bytes.as_bytes().escape_ascii().to_string());
    }
    seen.set("refused", refused);
    Ok(seen)
}

/// Of all beginnings of a message, how many does the parser know for unfinished?
fn unfinished_cuts(whole: &[u8]) -> usize {
    let unfinished = |cut: &usize| {
        let mut parser = Parser::new(Kind::Request);
        whole[..*cut].iter().all(|byte| parser.take(*byte) == Ok(false))
    };
    (0..whole.len()).filter(unfinished).count()
}

/// A reply whose end is told by a length, by chunks, and by nothing but the end of the stream.
const COUNTED: &str = "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                       5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n";
const UNTIL_CLOSE: &str = "HTTP/1.1 200 OK\r\n\r\nhello world";

/// Law `http-response`: status line, fields, an empty line, a body; three ways for the body to end.
pub(super) fn http_response() -> io::Result<Evidence> {
    const FEW_BYTES: usize = 7;
    let mut seen = Evidence::new();
    let listener = TcpListener::bind("127.0.0.1:0")?;

    // On one connection: the first two say where they end, the third needs the connection's end.
    let (mut at_client, at_server) = connected(&listener)?;
    let mut scene = client_and_server("response", &[]);
    let ask = "GET /greeting HTTP/1.1\r\nHost: lab\r\n\r\n";
    for (name, bytes) in [("counted", COUNTED), ("chunked", CHUNKED), ("until_close", UNTIL_CLOSE)]
    {
        at_client.send(ask.as_bytes())?;
        scene.left(first_line(ask.as_bytes()), Vec::new());
        let sent = at_server.send(bytes.as_bytes())?;
        answered(&mut scene, bytes.as_bytes());
        if name == "until_close" {
            at_server.socket.shutdown(std::net::Shutdown::Write)?;
            scene.right("shutdown(SHUT_WR) = 0".into(), Vec::new());
        }
        let before = at_client.recvs;
        let reply = at_client.receive(Parser::new(Kind::ReplyTo("GET")), FEW_BYTES)?.whole()?;
        let recvs = at_client.recvs - before;
        scene.left(format!("{recvs} x recv({FEW_BYTES}): {}", quoted(&reply.body)), Vec::new());
        let figure = |what: &str| format!("{name}_{what}");
        seen.set(&figure("sent"), quoted(bytes.as_bytes()));
        seen.set(&figure("bytes"), sent);
        seen.set(&figure("head_bytes"), reply.head_bytes);
        seen.set(&figure("body_bytes_on_the_wire"), reply.body_bytes_on_the_wire());
        seen.set(&figure("version"), reply.start[0].clone());
        seen.set(&figure("code"), reply.start[1].clone());
        seen.set(&figure("reason"), reply.start[2].clone());
        let fields = reply.fields.iter().map(|(name, value)| format!("{name}: {value}"));
        seen.set(&figure("fields"), fields.collect::<Vec<_>>());
        seen.set(&figure("body"), reply.text());
        seen.set(&figure("body_bytes"), reply.body.len());
    }
    seen.scenes.push(scene);

    // The server dies in the middle of each: which of them does the client know to be cut?
    for (name, bytes) in [("counted", COUNTED), ("chunked", CHUNKED), ("until_close", UNTIL_CLOSE)]
    {
        let (mut at_client, at_server) = connected(&listener)?;
        let middle = bytes.len() - 8;
        at_server.send(&bytes.as_bytes()[..middle])?;
        drop(at_server);
        let got = at_client.receive(Parser::new(Kind::ReplyTo("GET")), FEW_BYTES)?;
        seen.set(&format!("{name}_cut_taken_for"), got.word());
        if let Got::Whole(message) | Got::Cut(message) = got {
            seen.set(&format!("{name}_cut_body"), message.text());
        }
    }

    // The words after the code are for people.
    let (mut at_client, at_server) = connected(&listener)?;
    let mut codes = Vec::new();
    let reasons = ["OK", "All is well", ""];
    for reason in reasons {
        at_server.send(format!("HTTP/1.1 200 {reason}\r\nContent-Length: 0\r\n\r\n").as_bytes())?;
        let reply = at_client.receive(Parser::new(Kind::ReplyTo("GET")), FEW_BYTES)?.whole()?;
        codes.push(reply.start[1].clone());
    }
    seen.set("reasons", reasons.to_vec());
    seen.set("codes_by_reason", codes);
    Ok(seen)
}
