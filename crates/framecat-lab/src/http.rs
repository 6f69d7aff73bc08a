//! The group **http**: messages on a TCP connection, whose end is told by their head.
//!
//! One fn a law, with requests typed and replies read by hand: what a message is in `http/parts.rs`,
//! what the methods and codes mean in `http/meaning.rs`, who remembers and how long a connection lives
//! here. `http/wire.rs` takes messages apart, `http/server.rs` answers them, `http/judge.rs` concludes,
//! `http/told.rs` and what is in it tell.
//! No library for HTTP is used: what is shown is the bytes.

use std::io;
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::time::Duration;

use framecat_net::sockopt::tcp_info;
use rustix::rand::{GetRandomFlags, getrandom};

use crate::evidence::{Evidence, Scene, quoted};
use crate::lang::Text;

mod judge;
mod meaning;
mod parts;
mod server;
#[cfg(test)]
mod tests;
mod told;
mod wire;

pub(crate) use told::meaning::{HTTP_METHODS, HTTP_STATUS};
pub(crate) use told::parts::{HTTP_ON_TCP, HTTP_REQUEST, HTTP_RESPONSE};
pub(crate) use told::{HTTP_PERSISTENT, HTTP_STATELESS};

use server::{Server, bad_request, stays_open};
use wire::{End, Got, Kind, Message, Parser, client_and_server, connected, first_line, request};

/// The longest that one call waits. Never reached unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(5);

/// As much as one recv takes.
const BUFFER_BYTES: usize = 4_096;

/// What an exchange left: the request as it came to the server, and the reply as it came back.
struct Exchange {
    arrived: Message,
    reply: Message,
}

/// One request and its answer over an open connection: send, recv, send, recv.
fn exchange(
    (at_client, at_server): (&mut End, &mut End),
    server: &mut Server,
    request: &[u8],
    scene: &mut Scene,
) -> io::Result<Exchange> {
    at_client.send(request)?;
    scene.left(first_line(request), Vec::new());
    let arrived = at_server.receive(Parser::new(Kind::Request), BUFFER_BYTES)?.whole()?;
    let answer = server.answer(&arrived).bytes(&arrived.start[0]);
    at_server.send(&answer)?;
    scene.right(first_line(&answer), Vec::new());
    let method = arrived.start[0].clone();
    let reply = at_client.receive(Parser::new(Kind::ReplyTo(&method)), BUFFER_BYTES)?.whole()?;
    Ok(Exchange { arrived, reply })
}

/// Law `http-stateless`: the same bytes are the same request, whoever sent them.
fn http_stateless() -> io::Result<Evidence> {
    let mut seen = Evidence::new();
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut server = Server::new();
    for _ in 0..3 {
        server.secrets.push(secret()?);
    }
    let asked = request("GET", "/visit", &[], "");

    // Ann twice and Bob once, a connection for each visit: what can the server go by?
    let mut scene = client_and_server("strangers", &[]);
    let (mut ports, mut arrived, mut cookies, mut answers) = (vec![], vec![], vec![], vec![]);
    for who in ["Ann", "Ann", "Bob"] {
        let (mut at_client, mut at_server) = connected(&listener)?;
        let port = at_server.socket.peer_addr()?.port();
        scene.left(format!("{who}: connect() = 0"), Vec::new());
        scene.right(format!("accept() = port {port}"), Vec::new());
        let visit = exchange((&mut at_client, &mut at_server), &mut server, &asked, &mut scene)?;
        ports.push(port.to_string());
        arrived.push(visit.arrived.raw.escape_ascii().to_string());
        answers.push(visit.reply.text());
        cookies.push(visit.reply.field("Set-Cookie").unwrap_or_default().to_string());
    }
    seen.scenes.push(scene);
    seen.set("asked", quoted(&asked));
    seen.set("requests", arrived.len());
    arrived.dedup();
    seen.set("different_requests", arrived.len());
    seen.set("ports", ports.clone());
    seen.set("answers", answers);

    // They bring along what they were given. A proxy sends both on one connection: nor does that
    // say who it is.
    let (mut at_client, mut at_server) = connected(&listener)?;
    let mut scene = client_and_server("cookies", &[]);
    scene.left = Text::new("PROXY OF BOTH", "两人共用的代理");
    let (mut ports, mut answers) = (vec![], vec![]);
    for (who, cookie) in [("Ann", &cookies[1]), ("Bob", &cookies[2]), ("Ann", &cookies[1])] {
        let field = format!("Cookie: {cookie}");
        let asked = request("GET", "/visit", &[&field], "");
        let visit = exchange((&mut at_client, &mut at_server), &mut server, &asked, &mut scene)?;
        scene.right(format!("{who}: {}", visit.reply.text()), Vec::new());
        ports.push(at_server.socket.peer_addr()?.port().to_string());
        answers.push(visit.reply.text());
        let who = who.to_lowercase();
        seen.set(&format!("{who}_brought"), visit.arrived.field("Cookie").unwrap_or("-"));
        seen.set(&format!("{who}_was_given"), cookie.clone());
    }
    seen.scenes.push(scene);
    seen.set("cookie_ports", ports);
    seen.set("cookie_answers", answers);

    // Another server that has never seen this client, with the same thing in it.
    let asked = request("GET", "/note", &[], "");
    let mut replies = Vec::new();
    let mut unseen = Scene::new("unseen", &[]);
    for mut server in [Server::new(), Server::new()] {
        let (mut at_client, mut at_server) = connected(&listener)?;
        let got = exchange((&mut at_client, &mut at_server), &mut server, &asked, &mut unseen)?;
        replies.push(got.reply.raw.escape_ascii().to_string());
    }
    seen.set("servers", replies.len());
    seen.set("reply_of_one", replies[0].clone());
    seen.set("reply_of_another", replies[1].clone());
    Ok(seen)
}

/// Eight random bytes in hex, from the kernel (getrandom(2)).
fn secret() -> io::Result<String> {
    let mut bytes = [0_u8; 8];
    getrandom(&mut bytes, GetRandomFlags::empty())?;
    Ok(format!("{:016x}", u64::from_be_bytes(bytes)))
}

/// What is watched in the kernel: the state of the client's end, and the bytes that came to it (TCP_INFO).
const CONNECTION: &[Text] = &[Text::new("STATE", "状态"), Text::new("CAME", "到达字节")];

/// The requests of both runs; three of the methods are not among those of HTTP/1.0.
const REQUESTS: [(&str, &str, &str); 5] = [
    ("GET", "/note", ""),
    ("PUT", "/list", "milk"),
    ("GET", "/list", ""),
    ("OPTIONS", "/list", ""),
    ("DELETE", "/list", ""),
];

/// The methods that RFC 1945 (HTTP/1.0) defines.
const METHODS_OF_1_0: [&str; 3] = ["GET", "HEAD", "POST"];

/// Law `http-persistent`: HTTP/1.1 keeps the connection, HTTP/1.0 closes after each answer.
fn http_persistent() -> io::Result<Evidence> {
    let mut seen = Evidence::new();
    let newer = REQUESTS.iter().map(|(method, ..)| *method);
    let newer: Vec<&str> = newer.filter(|method| !METHODS_OF_1_0.contains(method)).collect();
    seen.set("requests", REQUESTS.len());
    seen.set("methods_not_in_1_0", newer);
    persist("old", "HTTP/1.0", "", &mut seen)?;
    persist("kept", "HTTP/1.1", "", &mut seen)?;
    persist("asked", "HTTP/1.0", "keep-alive", &mut seen)?;
    the_last_says_close(&mut seen)?;
    two_in_one_send(&mut seen)?;
    Ok(seen)
}

/// All requests in this version: on the connection that is open, or a new one where the server closed.
fn persist(name: &'static str, version: &str, wish: &str, seen: &mut Evidence) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut server = Server::new();
    let mut scene = client_and_server(name, CONNECTION);
    let mut open: Option<(End, End)> = None;
    let (mut ports, mut codes) = (vec![], vec![]);
    let (mut connections, mut closed, mut crossed) = (0, 0, 0);
    let (mut reply_bytes, mut came) = (0, 0);
    for (method, target, body) in REQUESTS {
        let (mut at_client, mut at_server) = match open.take() {
            Some(ends) => ends,
            None => {
                let ends = connected(&listener)?;
                connections += 1;
                let port = ends.0.socket.local_addr()?.port();
                scene.left(format!("connect() from {port}"), connection(&ends.0)?);
                ends
            }
        };
        ports.push(at_client.socket.local_addr()?.port());
        let length = body.len();
        let mut typed = format!("{method} {target} {version}\r\nHost: lab\r\n");
        if !wish.is_empty() {
            typed.push_str(&format!("Connection: {wish}\r\n"));
        }
        if length > 0 {
            typed.push_str(&format!("Content-Length: {length}\r\n"));
        }
        typed.push_str(&format!("\r\n{body}"));
        at_client.send(typed.as_bytes())?;
        scene.left(first_line(typed.as_bytes()), connection(&at_client)?);
        let arrived = at_server.receive(Parser::new(Kind::Request), BUFFER_BYTES)?.whole()?;
        let answer = server.answer(&arrived).bytes(method);
        at_server.send(&answer)?;
        let reply = at_client.receive(Parser::new(Kind::ReplyTo(method)), BUFFER_BYTES)?.whole()?;
        scene.right(first_line(&answer), connection(&at_client)?);
        codes.push(reply.start[1].clone());
        reply_bytes += answer.len() as u64;
        let so_far = tcp_info(at_client.socket.as_fd())?;
        if stays_open(&arrived) {
            open = Some((at_client, at_server));
            continue;
        }
        // The server has said that it will close, and does.
        drop(at_server);
        scene.right("close() = 0".into(), Vec::new());
        let end = at_client.receive(Parser::new(Kind::ReplyTo(method)), BUFFER_BYTES)?;
        closed += u64::from(end == Got::End);
        scene.left(format!("recv() = {}", end.word()), vec![state(&at_client)?, String::new()]);
        came += so_far.bytes_received;
        let info = tcp_info(at_client.socket.as_fd())?;
        crossed += info.segs_out + info.segs_in;
    }
    let (mut after, mut last_state) = ("-".into(), "-".into());
    if let Some((at_client, _at_server)) = &open {
        let info = tcp_info(at_client.socket.as_fd())?;
        (after, last_state) = (at_client.peek(), info.state.to_string());
        scene.left(format!("recv(MSG_DONTWAIT) = {after}"), connection(at_client)?);
        came += info.bytes_received;
        crossed += info.segs_out + info.segs_in;
    }
    ports.sort_unstable();
    ports.dedup();
    let figure = |what: &str| format!("{name}_{what}");
    seen.set(&figure("connections"), connections);
    seen.set(&figure("client_ports"), ports.len());
    seen.set(&figure("closed_by_server"), closed);
    seen.set(&figure("codes"), codes);
    seen.set(&figure("reply_bytes"), reply_bytes);
    seen.set(&figure("came_bytes"), came);
    seen.set(&figure("segments"), crossed);
    seen.set(&figure("recv_after"), after);
    seen.set(&figure("state_after"), last_state);
    seen.scenes.push(scene);
    Ok(())
}

/// What [`CONNECTION`] shows of the client's end now.
fn connection(end: &End) -> io::Result<Vec<String>> {
    let info = tcp_info(end.socket.as_fd())?;
    Ok(vec![info.state.to_string(), info.bytes_received.to_string()])
}

fn state(end: &End) -> io::Result<String> {
    Ok(tcp_info(end.socket.as_fd())?.state.to_string())
}

/// HTTP/1.1 with `Connection: close` on the second of two requests.
fn the_last_says_close(seen: &mut Evidence) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let (mut at_client, mut at_server) = connected(&listener)?;
    let mut server = Server::new();
    let mut scene = client_and_server("close", &[]);
    let first = request("GET", "/note", &[], "");
    exchange((&mut at_client, &mut at_server), &mut server, &first, &mut scene)?;
    let between = at_client.peek();
    let last = request("GET", "/note", &["Connection: close"], "");
    let said = exchange((&mut at_client, &mut at_server), &mut server, &last, &mut scene)?;
    if !stays_open(&said.arrived) {
        drop(at_server);
    }
    let end = at_client.receive(Parser::new(Kind::ReplyTo("GET")), BUFFER_BYTES)?;
    seen.set("before_close_recv", between);
    seen.set("close_was_announced", said.reply.field("Connection") == Some("close"));
    seen.set("after_close_ended", end == Got::End);
    Ok(())
}

/// The client need not wait: two requests in one send, and two answers in their order.
fn two_in_one_send(seen: &mut Evidence) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let (mut at_client, mut at_server) = connected(&listener)?;
    let mut server = Server::new();
    let mut scene = client_and_server("pipeline", &[]);
    let both = [request("GET", "/", &[], ""), request("GET", "/note", &[], "")].concat();
    at_client.send(&both)?;
    scene.left(format!("send({}) = {}", quoted(&both), both.len()), Vec::new());
    let mut targets = Vec::new();
    for _ in 0..2 {
        let arrived = match at_server.receive(Parser::new(Kind::Request), BUFFER_BYTES)? {
            Got::Wrong(why) => {
                at_server.send(&bad_request(why).bytes("GET"))?;
                break;
            }
            got => got.whole()?,
        };
        let answer = server.answer(&arrived).bytes(&arrived.start[0]);
        at_server.send(&answer)?;
        scene.right(first_line(&answer), Vec::new());
        targets.push(arrived.start[1].clone());
    }
    let mut answers = Vec::new();
    for _ in 0..targets.len() {
        let reply = at_client.receive(Parser::new(Kind::ReplyTo("GET")), BUFFER_BYTES)?.whole()?;
        scene.left(format!("{} {}", reply.status(), quoted(&reply.body)), Vec::new());
        answers.push(reply.text());
    }
    seen.set("pipelined_recvs", at_server.recvs);
    seen.set("pipelined_targets", targets);
    seen.set("pipelined_answers", answers);
    seen.scenes.push(scene);
    Ok(())
}
