//! Law `backlog`: where clients wait until the server takes them, and what becomes of those for whom
//! there is no room. Told in `backlog/told.rs`.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use framecat_net::sockopt::{accept_with_data, tcp_info};
use socket2::{Domain, Socket, Type};

use super::{PATIENCE, all_so, patient, returned, wait_until, waiting};
use crate::evidence::{Evidence, Scene, Verdict, quoted};
use crate::lang::{Text, say};
use crate::watch;

pub(super) mod told;

/// How long a client for whom the queue has no room waits for an answer. Judged is its state, not
/// this time; one for whom there is room may take as long as a busy machine needs.
const ANSWER_WITHIN: Duration = Duration::from_millis(20);

/// What is watched in the kernel: the connections that wait for accept (TCP_INFO of the listening
/// socket), counted and with a box each.
const QUEUE: &[Text] = &[Text::new("QUEUE", "队列")];

/// The two queues: handshakes that are not finished (`/proc/net/tcp`), and what waits for accept.
const TWO_QUEUES: &[Text] = &[Text::new("SHAKING HANDS", "握手中"), Text::new("QUEUE", "队列")];

/// Law `backlog`: n + 1 wait, and no more.
fn backlog() -> io::Result<Evidence> {
    let mut seen = Evidence::new();
    too_many_clients(&mut seen)?;
    two_queues(&mut seen)?;
    several_lengths(&mut seen)?;
    Ok(seen)
}

/// Clients one after the other, and a server that does not accept.
fn too_many_clients(seen: &mut Evidence) -> io::Result<()> {
    const N: i32 = 2;
    const CLIENTS: [&str; 5] = ["A", "B", "C", "D", "E"];
    let mut scene = Scene::new("full", QUEUE);
    scene.left = Text::new("CLIENTS", "客户端");
    scene.right = Text::new("SERVER", "服务器");
    let server = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    server.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    server.listen(N)?;
    let server = TcpListener::from(OwnedFd::from(server));
    patient(&server)?;
    let boxes = || Ok::<_, io::Error>(vec![counted(waiting(&server)?)]);
    scene.right(format!("listen({N}) = 0"), boxes()?);

    let limit = tcp_info(server.as_fd())?.sacked;
    let mut clients = Vec::new();
    for name in CLIENTS {
        let (client, connected) = dial(&server, limit)?;
        scene.left(format!("{name}: connect() = {connected}"), boxes()?);
        clients.push(client);
    }
    seen.set("answer_within_ms", ANSWER_WITHIN.as_millis() as u64);
    let states = || clients.iter().map(state).collect::<io::Result<Vec<_>>>();
    seen.set("full_n", N);
    seen.set("full_limit", limit);
    seen.set("full_tried", clients.len());
    seen.set("full_queue", waiting(&server)?);
    let (mut inside, mut outside) = (Vec::new(), Vec::new());
    for (name, state) in CLIENTS.iter().zip(states()?) {
        scene.left_said(say!("{name} is {state}", "{name} 是 {state}"), boxes()?);
        match state.as_str() {
            "ESTABLISHED" => inside.push(*name),
            _ => outside.push(*name),
        }
    }
    seen.set("full_inside", inside.join(" "));
    seen.set("full_outside", outside.join(" "));
    let count = |wanted: &str, states: &[String]| states.iter().filter(|s| *s == wanted).count();
    seen.set("full_established", count("ESTABLISHED", &states()?));
    seen.set("full_no_answer", count("SYN-SENT", &states()?));

    // Nobody has accepted A, and yet it can speak.
    let first = states()?.iter().position(|state| state == "ESTABLISHED");
    let (name, mut speaker) = match first {
        Some(at) => (CLIENTS[at], &clients[at]),
        None => return Err(io::ErrorKind::NotConnected.into()),
    };
    let sent = speaker.write(b"hello")?;
    scene.left(format!("{name}: send(\"hello\") = {sent}"), boxes()?);
    seen.scenes.push(scene);

    let mut scene = Scene::new("free", QUEUE);
    scene.left = Text::new("CLIENTS", "客户端");
    scene.right = Text::new("SERVER", "服务器");
    let (mut accepted, peer) = server.accept()?;
    let who = clients.iter().position(|client| client.local_addr().ok() == Some(peer));
    let who = who.map_or("a stranger", |at| CLIENTS[at]);
    scene.right(format!("accept() = {who}"), boxes()?);
    patient(&accepted)?;
    let mut heard = [0; 16];
    let taken = accepted.read(&mut heard)?;
    scene.right(format!("recv({}) = {taken} {}", heard.len(), quoted(&heard[..taken])), boxes()?);
    seen.set("full_first", name);
    seen.set("full_accepted", who);
    seen.set("full_heard", heard[..taken].escape_ascii().to_string());

    // A place is free now, and it is the next to knock who gets it, not who waits longest.
    let (late, connected) = dial(&server, limit)?;
    scene.left(format!("F: connect() = {connected}"), boxes()?);
    let ends = clients.iter().zip(CLIENTS).skip(limit as usize + 1).chain([(&late, "F")]);
    for (client, name) in ends {
        let state = state(client)?;
        scene.left_said(say!("{name} is {state}", "{name} 是 {state}"), boxes()?);
    }
    seen.set("full_late", state(&late)?);
    seen.set("full_longest", state(&clients[limit as usize + 1])?);
    let retries = fs::read_to_string("/proc/sys/net/ipv4/tcp_syn_retries").unwrap_or_default();
    if let Ok(retries) = retries.trim().parse::<u64>() {
        seen.set("syn_retries", retries);
    }
    seen.scenes.push(scene);
    Ok(())
}

/// A handshake that stays unfinished until the client speaks (TCP_DEFER_ACCEPT), so that it can be
/// looked at.
fn two_queues(seen: &mut Evidence) -> io::Result<()> {
    let mut scene = Scene::new("two", TWO_QUEUES);
    scene.left = Text::new("CLIENT", "客户端");
    scene.right = Text::new("SERVER", "服务器");
    let server = TcpListener::bind("127.0.0.1:0")?;
    accept_with_data(server.as_fd(), PATIENCE)?;
    let address = server.local_addr()?;
    // The kernel's table is long on a busy machine: it is read where something changed.
    let queues = || Ok::<_, io::Error>((shaking_hands(address)?, waiting(&server)?));
    let boxes = |(first, second): (u32, u32)| [first, second].map(counted).to_vec();
    scene.right("listen() = 0".into(), boxes((0, 0)));
    let mut client = TcpStream::connect(address)?;
    let mut before = (0, 0);
    wait_until(|| {
        before = queues()?;
        Ok(before != (0, 0))
    })?;
    scene.left("connect() = 0".into(), boxes(before));
    server.set_nonblocking(true)?;
    let early = returned(&server.accept());
    scene.right(format!("accept() = {early}"), boxes(before));
    let sent = client.write(b"hi")?;
    wait_until(|| Ok(waiting(&server)? > 0))?;
    let after = queues()?;
    scene.left(format!("send(\"hi\") = {sent}"), boxes(after));
    let late = returned(&server.accept());
    let accepted = match late.as_str() {
        "0" => say!("accept() = the client", "accept() = 这个客户端"),
        late => say!("accept() = {late}", "accept() = {late}"),
    };
    scene.right_said(accepted, boxes((shaking_hands(address)?, waiting(&server)?)));
    seen.set("two_first_before", before.0);
    seen.set("two_second_before", before.1);
    seen.set("two_accept_before", early);
    seen.set("two_first_after", after.0);
    seen.set("two_second_after", after.1);
    seen.set("two_accept_after", late);
    seen.scenes.push(scene);
    Ok(())
}

/// The same for other lengths: how many fit, counted.
fn several_lengths(seen: &mut Evidence) -> io::Result<()> {
    let somaxconn = watch::read("/proc/sys/net/core/somaxconn")?;
    let somaxconn: i32 = somaxconn.trim().parse().map_err(io::Error::other)?;
    seen.set("somaxconn", somaxconn);
    for (name, lengths) in [("short", &[1][..]), ("long", &[4]), ("again", &[1, 3])] {
        let server = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        server.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
        for n in lengths {
            server.listen(*n)?;
        }
        let server = TcpListener::from(OwnedFd::from(server));
        let limit = tcp_info(server.as_fd())?.sacked;
        let mut clients = Vec::new();
        // Two for the answer: the one that fits beyond n, and one that does not.
        for _ in 0..limit + 2 {
            clients.push(dial(&server, limit)?.0);
        }
        let states = clients.iter().map(state).collect::<io::Result<Vec<_>>>()?;
        seen.set(&format!("{name}_n"), lengths[lengths.len() - 1]);
        if let [before, _] = lengths {
            seen.set(&format!("{name}_n_before"), *before);
        }
        seen.set(&format!("{name}_limit"), limit);
        seen.set(&format!("{name}_tried"), clients.len());
        seen.set(&format!("{name}_fit"), waiting(&server)?);
        let unanswered = states.iter().filter(|state| *state == "SYN-SENT").count();
        seen.set(&format!("{name}_no_answer"), unanswered);
    }
    let server = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    server.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    let more = somaxconn.saturating_add(1000);
    server.listen(more)?;
    seen.set("huge_n", more);
    seen.set("huge_limit", tcp_info(server.as_fd())?.sacked);
    Ok(())
}

/// A client that dials the server, and what its connect returned. connect blocks; what it is told to
/// give up waiting for (SO_SNDTIMEO) is EINPROGRESS, and the kernel goes on trying.
fn dial(server: &TcpListener, limit: u32) -> io::Result<(TcpStream, String)> {
    let before = waiting(server)?;
    let room = before <= limit;
    let client = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    client.set_write_timeout(Some(if room { PATIENCE } else { ANSWER_WITHIN }))?;
    let connected = client.connect(&server.local_addr()?.into());
    let word = returned(&connected);
    if room {
        connected?;
        // The last segment of the handshake may still be on its way.
        wait_until(|| Ok(waiting(server)? > before))?;
    }
    Ok((TcpStream::from(client), word))
}

/// How many wait, and a box for each.
fn counted(length: u32) -> String {
    match length {
        0 => "0".into(),
        _ => format!("{length} {}", "■".repeat(length as usize)),
    }
}

/// The state of a connection, as its own end has it.
fn state(of: &TcpStream) -> io::Result<String> {
    Ok(tcp_info(of.as_fd())?.state.to_string())
}

/// How many handshakes with this listener are not finished: the kernel's table of connections has
/// them as state 03 (SYN-RECEIVED), proc(5).
fn shaking_hands(server: SocketAddr) -> io::Result<u32> {
    let table = watch::read("/proc/net/tcp")?;
    let port = format!(":{:04X}", server.port());
    let ours = table.lines().filter(|line| {
        let mut cells = line.split_whitespace().skip(1);
        let local = cells.next().is_some_and(|name| name.ends_with(&port));
        local && cells.nth(1) == Some("03")
    });
    Ok(ours.count() as u32)
}

/// Counts and states alone.
fn judge(seen: &Evidence) -> Verdict {
    let count = |name: &str| seen.count(name);
    let somaxconn = count("somaxconn");
    let mut claims = Vec::new();
    for (name, fit) in [("full", "queue"), ("short", "fit"), ("long", "fit"), ("again", "fit")] {
        let of = |what: &str| count(&format!("{name}_{what}"));
        let (n, limit, tried, fit) = (of("n"), of("limit"), of("tried"), of(fit));
        let no_answer = of("no_answer");
        claims.push((
            limit == n.min(somaxconn),
            say!("listen({n}) gave a limit of {limit}", "listen({n}) 之后上限是 {limit}"),
        ));
        claims.push((
            fit == limit + 1 && no_answer > 0 && fit + no_answer == tried,
            say!(
                "limit {limit}, {tried} tried: {fit} fit, {no_answer} got no answer",
                "上限 {limit}，来了 {tried} 个：进了 {fit} 个，{no_answer} 个没有回音"
            ),
        ));
    }
    let (huge, limit) = (count("huge_n"), count("huge_limit"));
    claims.push((
        huge > somaxconn && limit == somaxconn,
        say!("listen({huge}) gave a limit of {limit}", "listen({huge}) 之后上限是 {limit}"),
    ));
    let established = count("full_established");
    claims.push((
        established == count("full_queue"),
        say!("{established} clients are connected", "有 {established} 个客户端连上了"),
    ));
    claims.push((
        seen.word("full_accepted") == seen.word("full_first"),
        say!("the first was not accepted first", "先来的没有先被 accept"),
    ));
    claims.push((
        seen.word("full_heard") == "hello",
        say!("what was sent before accept was lost", "accept 之前发的数据丢了"),
    ));
    let shaking = (count("two_first_before"), count("two_second_before"));
    let shaken = (count("two_first_after"), count("two_second_after"));
    claims.push((
        shaking == (1, 0) && shaken == (0, 1),
        say!("no connection moved from one queue to the other", "没有看到连接从一个队列进入另一个"),
    ));
    claims.push((
        seen.word("two_accept_before") == "EAGAIN" && seen.word("two_accept_after") == "0",
        say!("accept did not wait for the second queue", "accept 取的不是第二个队列"),
    ));
    let (n, queue, tried) = (count("full_n"), count("full_queue"), count("full_tried"));
    let no_answer = count("full_no_answer");
    all_so(
        claims,
        say!(
            "listen({n}), {tried} connect: {queue} fit, {no_answer} get no answer",
            "listen({n})，来 {tried} 个：进 {queue} 个，{no_answer} 个无回音"
        ),
    )
}
