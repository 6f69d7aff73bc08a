//! What the methods ask for and what the codes answer, by a server that really does it. Judged in
//! `judge.rs`, told in `told/meaning.rs`.

use std::io;
use std::net::TcpListener;
use std::os::fd::AsFd;

use framecat_net::sockopt::bytes_to_read;

use super::server::{METHODS, Server, bad_request};
use super::wire::{
    End, Got, Kind, Message, Parser, client_and_server, connected, first_line, request,
};
use super::{BUFFER_BYTES, exchange};
use crate::evidence::{Evidence, Scene, hex, quoted};
use crate::lang::{Text, say};

/// A client and a server that talk over one connection, and what they said.
struct Talk {
    at_client: End,
    at_server: End,
    server: Server,
    scene: Scene,
}

impl Talk {
    fn new(name: &'static str, listener: &TcpListener) -> io::Result<Talk> {
        let (at_client, at_server) = connected(listener)?;
        let scene = client_and_server(name, &[]);
        Ok(Talk { at_client, at_server, server: Server::new(), scene })
    }

    /// One request and its reply.
    fn ask(&mut self, request: &[u8]) -> io::Result<Message> {
        let ends = (&mut self.at_client, &mut self.at_server);
        Ok(exchange(ends, &mut self.server, request, &mut self.scene)?.reply)
    }

    /// The same without fields of its own.
    fn plain(&mut self, method: &str, target: &str, body: &str) -> io::Result<Message> {
        self.ask(&request(method, target, &[], body))
    }
}

/// Law `http-methods`: what each of them does, seen by doing it, and by doing it again.
pub(super) fn http_methods() -> io::Result<Evidence> {
    let mut seen = Evidence::new();
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut talk = Talk::new("fetch", &listener)?;
    fetch(&mut talk, &mut seen)?;
    seen.scenes.push(talk.scene);
    let mut talk = Talk::new("change", &listener)?;
    change(&mut talk, &mut seen)?;
    seen.scenes.push(talk.scene);
    let mut talk = Talk::new("about", &listener)?;
    options_and_trace(&mut talk, &mut seen)?;
    seen.scenes.push(talk.scene);
    tunnel(&listener, &mut seen)?;
    Ok(seen)
}

/// GET, and HEAD: the same head, and then nothing.
fn fetch(talk: &mut Talk, seen: &mut Evidence) -> io::Result<()> {
    let things = talk.server.count();
    let got = talk.plain("GET", "/note", "")?;
    let head = talk.plain("HEAD", "/note", "")?;
    // Nothing of a body came behind the head: what comes next is the next reply.
    let unread = bytes_to_read(talk.at_client.socket.as_fd())?;
    let again = talk.plain("GET", "/note", "")?;
    seen.set("get_status", got.status());
    seen.set("get_body", got.text());
    seen.set("get_length", got.field("Content-Length").unwrap_or("-"));
    seen.set("get_body_bytes", got.body_bytes_on_the_wire());
    seen.set("head_status", head.status());
    seen.set("head_length", head.field("Content-Length").unwrap_or("-"));
    seen.set("head_body_bytes", head.body_bytes_on_the_wire() + unread);
    seen.set("head_is_the_same", head.raw == got.raw[..got.head_bytes]);
    seen.set("get_again_is_the_same", again.raw == got.raw);
    seen.set("fetching_changed_nothing", talk.server.count() == things);
    Ok(())
}

/// What changes something, each done twice.
fn change(talk: &mut Talk, seen: &mut Evidence) -> io::Result<()> {
    seen.set("before_put_status", talk.plain("GET", "/list", "")?.status());
    let before = talk.server.count();
    let mut twice = |talk: &mut Talk, name: &str, method: &str, target: &str, body: &str| {
        for time in ["once", "twice"] {
            let reply = talk.plain(method, target, body)?;
            seen.set(&format!("{name}_{time}_status"), reply.status());
            let made = reply.field("Location").unwrap_or("-").to_string();
            seen.set(&format!("{name}_{time}_made"), made);
            seen.set(&format!("{name}_{time}_content"), talk.server.content(target));
            seen.set(&format!("{name}_{time}_things"), talk.server.count() - before);
        }
        Ok::<_, io::Error>(())
    };
    twice(talk, "put", "PUT", "/list", "milk, bread")?;
    // Another content takes the place of the whole.
    twice(talk, "replace", "PUT", "/list", "tea")?;
    twice(talk, "patch", "PATCH", "/list", ", jam")?;
    twice(talk, "delete", "DELETE", "/list", "")?;
    twice(talk, "post", "POST", "/notes", "hi")?;
    let list = talk.plain("GET", "/notes", "")?;
    seen.set("notes", list.text());
    Ok(())
}

/// OPTIONS tells what may be asked, TRACE what came, and a method that nobody knows is none.
fn options_and_trace(talk: &mut Talk, seen: &mut Evidence) -> io::Result<()> {
    let mut allowed = Vec::new();
    for (name, target) in [("thing", "/note"), ("page", "/")] {
        let told = talk.plain("OPTIONS", target, "")?;
        let allow = told.field("Allow").unwrap_or("-").to_string();
        seen.set(&format!("options_{name}_status"), told.status());
        seen.set(&format!("options_{name}_body_bytes"), told.body_bytes_on_the_wire());
        seen.set(&format!("options_{name}_allow"), allow.clone());
        allowed.push(allow);
    }
    // Every other method is tried on the page: allowed is what is not refused.
    let page = &allowed[1];
    let (mut refused, mut taken, mut allow_of_refusal) = (vec![], vec![], page.clone());
    for method in METHODS.into_iter().filter(|method| *method != "CONNECT") {
        let tried = talk.plain(method, "/", "")?;
        if tried.start[1] == "405" {
            refused.push(method);
            allow_of_refusal = tried.field("Allow").unwrap_or("-").into();
        } else {
            taken.push(method);
        }
    }
    seen.set("page_takes", taken);
    seen.set("page_refuses", refused);
    seen.set("page_refusal_allow", allow_of_refusal);

    let asked = request("TRACE", "/note", &["X-Lab: 7"], "");
    let traced = talk.ask(&asked)?;
    seen.set("trace_status", traced.status());
    seen.set("trace_kind", traced.field("Content-Type").unwrap_or("-"));
    seen.set("trace_asked", quoted(&asked));
    seen.set("trace_body", quoted(&traced.body));
    seen.set("unknown_status", talk.plain("BREW", "/note", "")?.status());
    Ok(())
}

/// CONNECT: after the answer the connection is the client's and the target's, byte for byte.
fn tunnel(listener: &TcpListener, seen: &mut Evidence) -> io::Result<()> {
    let target = TcpListener::bind("127.0.0.1:0")?;
    let address = target.local_addr()?.to_string();
    let mut talk = Talk::new("tunnel", listener)?;
    talk.scene.right = Text::new("SERVER, AND TARGET", "服务器，目标");
    let connect = |to: &str| format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n\r\n").into_bytes();
    let elsewhere = talk.ask(&connect("elsewhere:25"))?;
    seen.set("tunnel_elsewhere_status", elsewhere.status());
    talk.server.tunnel_to = Some(address.clone());
    let opened = talk.ask(&connect(&address))?;
    seen.set("tunnel_status", opened.status());
    seen.set("tunnel_reply_body_bytes", opened.body_bytes_on_the_wire());
    let (mut to_target, mut at_target) = connected(&target)?;
    let dialled = say!("server: connect({address}) = 0", "服务器：connect({address}) = 0");
    talk.scene.right_said(dialled, Vec::new());

    // No HTTP from here on, nor anything that looks like it.
    let given = [0x00, 0xff, b'\n', 0x16];
    let answered = [0xff, 0x00];
    talk.at_client.send(&given)?;
    talk.scene.left(format!("send({}) = {}", hex(&given), given.len()), Vec::new());
    let passed = pass(&mut talk.at_server, &mut to_target, given.len())?;
    let passed = say!("server: passes on {passed} B", "服务器：转发 {passed} 字节");
    talk.scene.right_said(passed, Vec::new());
    let arrived = at_target.bytes(given.len())?;
    let taken = hex(&arrived);
    talk.scene.right_said(say!("target: recv() = {taken}", "目标：recv() = {taken}"), Vec::new());
    at_target.send(&answered)?;
    let (sent, bytes) = (hex(&answered), answered.len());
    let sent = say!("target: send({sent}) = {bytes}", "目标：send({sent}) = {bytes}");
    talk.scene.right_said(sent, Vec::new());
    pass(&mut to_target, &mut talk.at_server, answered.len())?;
    let back = talk.at_client.bytes(answered.len())?;
    talk.scene.left(format!("recv() = {}", hex(&back)), Vec::new());
    seen.set("tunnel_given", hex(&given));
    seen.set("tunnel_arrived", hex(&arrived));
    seen.set("tunnel_answered", hex(&answered));
    seen.set("tunnel_came_back", hex(&back));
    seen.scenes.push(talk.scene);
    Ok(())
}

/// What the server does in a tunnel: recv here, send there.
fn pass(from: &mut End, to: &mut End, bytes: usize) -> io::Result<usize> {
    let passed = from.bytes(bytes)?;
    to.send(&passed)
}

/// Law `http-status`: what the first digit says, each class by a server that has reason to say it.
pub(super) fn http_status() -> io::Result<Evidence> {
    let mut seen = Evidence::new();
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut talk = Talk::new("continue", &listener)?;
    received(&listener, &mut talk, &mut seen)?;
    seen.scenes.push(talk.scene);
    let mut talk = Talk::new("classes", &listener)?;
    classes(&mut talk, &mut seen)?;
    seen.scenes.push(talk.scene);

    // What is no request at all.
    let (mut at_client, mut at_server) = connected(&listener)?;
    at_client.send(b"hello\r\n\r\n")?;
    let answer = match at_server.receive(Parser::new(Kind::Request), BUFFER_BYTES)? {
        Got::Wrong(why) => bad_request(why),
        got => Server::new().answer(&got.whole()?),
    };
    at_server.send(&answer.bytes("GET"))?;
    let reply = at_client.receive(Parser::new(Kind::ReplyTo("GET")), BUFFER_BYTES)?.whole()?;
    seen.set("garbage_status", reply.status());
    Ok(seen)
}

/// 1xx: a client that asks before it sends a long body, and one that is told to keep it.
fn received(listener: &TcpListener, talk: &mut Talk, seen: &mut Evidence) -> io::Result<()> {
    const BODY: &str = "a long body";
    const TOO_LONG_BYTES: usize = 5_000_000;
    let head = |length: usize| {
        format!(
            "PUT /long HTTP/1.1\r\nHost: lab\r\nContent-Length: {length}\r\n\
             Expect: 100-continue\r\n\r\n"
        )
    };
    let Talk { at_client, at_server, server, scene } = talk;
    let asked = head(BODY.len());
    at_client.send(asked.as_bytes())?;
    scene.left(first_line(asked.as_bytes()), Vec::new());
    let arrived = at_server.receive(Parser::new(Kind::RequestHead), BUFFER_BYTES)?.whole()?;
    let body_before = bytes_to_read(at_server.socket.as_fd())?;
    let interim = server.before_the_body(&arrived).bytes("PUT");
    at_server.send(&interim)?;
    scene.right(format!("send({}) = {}", quoted(&interim), interim.len()), Vec::new());
    let first = at_client.receive(Parser::new(Kind::ReplyTo("PUT")), BUFFER_BYTES)?.whole()?;
    let mut body_sent = 0;
    if first.start[1].starts_with('1') {
        body_sent = at_client.send(BODY.as_bytes())?;
        scene.left(format!("send({}) = {body_sent}", quoted(BODY.as_bytes())), Vec::new());
    }
    let parser = Parser::body_of(arrived).map_err(io::Error::other)?;
    let request = at_server.receive(parser, BUFFER_BYTES)?.whole()?;
    let answer = server.answer(&request).bytes("PUT");
    at_server.send(&answer)?;
    scene.right(first_line(&answer), Vec::new());
    let last = at_client.receive(Parser::new(Kind::ReplyTo("PUT")), BUFFER_BYTES)?.whole()?;
    seen.set("continue_status", first.status());
    seen.set("continue_body_before", body_before);
    seen.set("continue_body_sent", body_sent);
    seen.set("continue_then_status", last.status());
    seen.set("continue_body_is_kept", server.content("/long") == BODY);

    // Too long a body is refused before a byte of it is on its way.
    let (mut at_client, mut at_server) = connected(listener)?;
    let asked = head(TOO_LONG_BYTES);
    at_client.send(asked.as_bytes())?;
    scene.left(first_line(asked.as_bytes()), Vec::new());
    let arrived = at_server.receive(Parser::new(Kind::RequestHead), BUFFER_BYTES)?.whole()?;
    let refusal = server.before_the_body(&arrived).bytes("PUT");
    at_server.send(&refusal)?;
    scene.right(first_line(&refusal), Vec::new());
    let told = at_client.receive(Parser::new(Kind::ReplyTo("PUT")), BUFFER_BYTES)?.whole()?;
    seen.set("refused_status", told.status());
    seen.set("refused_body_bytes", TOO_LONG_BYTES);
    seen.set("refused_body_sent", bytes_to_read(at_server.socket.as_fd())?);
    Ok(())
}

/// 2xx to 5xx over one connection.
fn classes(talk: &mut Talk, seen: &mut Evidence) -> io::Result<()> {
    // 2xx: done.
    let done = talk.plain("GET", "/note", "")?;
    seen.set("done_status", done.status());
    seen.set("odd_status", talk.plain("GET", "/odd", "")?.status());

    // 3xx: done only when the client has gone on: to another place, or to its own copy.
    let moved = talk.plain("GET", "/old", "")?;
    let to = moved.field("Location").unwrap_or("-").to_string();
    let there = talk.plain("GET", &to, "")?;
    seen.set("moved_status", moved.status());
    seen.set("moved_to", to);
    seen.set("moved_then_status", there.status());
    seen.set("moved_then_body", there.text());
    let tag = done.field("ETag").unwrap_or("-");
    let asked = request("GET", "/note", &[&format!("If-None-Match: {tag}")], "");
    let unchanged = talk.ask(&asked)?;
    seen.set("unchanged_status", unchanged.status());
    seen.set("unchanged_body_bytes", unchanged.body_bytes_on_the_wire());
    seen.set("copy_body", done.text());

    // 4xx: the same request fails again, another one does not.
    let missing = request("GET", "/notice", &[], "");
    seen.set("missing_status", talk.ask(&missing)?.status());
    seen.set("missing_again_status", talk.ask(&missing)?.status());
    seen.set("corrected_status", talk.plain("GET", "/note", "")?.status());

    // 5xx: nothing is wrong with the request. The same bytes, once the server is repaired.
    let sum = request("GET", "/sum", &[], "");
    let broken = talk.ask(&sum)?;
    talk.server.is_repaired = true;
    talk.scene.right_said(say!("(/sum is repaired)", "（/sum 修好了）"), Vec::new());
    let works = talk.ask(&sum)?;
    seen.set("broken_status", broken.status());
    seen.set("repaired_status", works.status());
    seen.set("repaired_body", works.text());
    Ok(())
}
