//! From connect to accept: who waits for whom, and what accept gives. Judged in `queue/judge.rs`, told
//! in `queue/told.rs`.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::mpsc;
use std::thread;

use framecat_net::sockopt::tcp_info;
use rustix::net::sockopt::socket_acceptconn;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use socket2::{Domain, Socket, Type};

use super::{PATIENCE, patient, returned, wait_until, waiting};
use crate::evidence::{Evidence, Scene, quoted};
use crate::lang::Text;
use crate::watch;

mod judge;
pub(super) mod told;

/// What is watched in the kernel: the connections that wait for accept (TCP_INFO of the listening
/// socket).
const QUEUE: &[Text] = &[Text::new("QUEUE", "队列")];

/// What the scheduler says of the server's thread (`/proc/self/task/TID/stat`, proc(5)).
const THREAD: &[Text] = &[Text::new("SERVER'S THREAD", "服务器线程")];

fn client_and_server(name: &'static str, kernel: &'static [Text]) -> Scene {
    let mut scene = Scene::new(name, kernel);
    scene.left = Text::new("CLIENT", "客户端");
    scene.right = Text::new("SERVER", "服务器");
    scene
}

/// Law `accept-blocks`: accept waits for a client, and does not where one waits already.
fn accept_blocks() -> io::Result<Evidence> {
    let mut seen = Evidence::new();
    // Where the kernel tells of no thread nobody can be seen asleep.
    watch::read("/proc/thread-self/stat")?;
    let mut scene = client_and_server("blocks", THREAD);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    patient(&listener)?;
    let address = listener.local_addr()?;
    let mut serving = scene.clone();
    let (begin, begun) = mpsc::channel();
    let clients = thread::scope(|scope| {
        let server = scope.spawn(|| {
            // The name that the kernel gives this thread under /proc.
            let task = fs::read_link("/proc/thread-self")?;
            let begun_us = serving.now_us();
            serving.right("accept() ...".into(), Vec::new());
            // An error means that the other side gave up; accept is woken all the same.
            let _ = begin.send((task, begun_us));
            let accepted = listener.accept()?;
            let returned_us = serving.now_us();
            serving.right("accept() = a socket".into(), Vec::new());
            Ok::<_, io::Error>((accepted, returned_us))
        });
        let (task, begun_us) = begun.recv_timeout(PATIENCE).map_err(io::Error::other)?;
        let stat = std::path::Path::new("/proc").join(task).join("stat");
        let thread_state = || Ok::<_, io::Error>(state_of_thread(&fs::read_to_string(&stat)?));
        // Whatever goes wrong, a client comes: the server must not wait for ever.
        let mut before = String::new();
        let asleep = wait_until(|| {
            before = thread_state()?;
            Ok(before == "sleeping")
        });
        scene.left(String::new(), vec![before.clone()]);
        let connect_us = scene.now_us();
        let client = TcpStream::connect(address)?;
        scene.left_at(connect_us, "connect() = 0".into());
        let ((accepted, _), returned_us) = server.join().expect("the server does not panic")?;
        asleep?;
        seen.set("thread_before", before);
        seen.set("accept_called_us", begun_us);
        seen.set("connect_called_us", connect_us);
        seen.set("accept_returned_us", returned_us);
        Ok::<_, io::Error>((client, accepted))
    })?;
    drop(clients);
    scene.merge(serving);
    seen.scenes.push(scene);

    // Told not to wait: first with nobody there, then with a client in the queue.
    let mut scene = client_and_server("nonblocking", QUEUE);
    listener.set_nonblocking(true)?;
    let queue = || Ok::<_, io::Error>(vec![waiting(&listener)?.to_string()]);
    let empty = returned(&listener.accept());
    scene.right(format!("accept() = {empty}"), queue()?);
    let _client = TcpStream::connect(address)?;
    wait_until(|| Ok(waiting(&listener)? > 0))?;
    scene.left("connect() = 0".into(), queue()?);
    let full = returned(&listener.accept());
    scene.right(format!("accept() = {}", if full == "0" { "a socket" } else { &full }), queue()?);
    seen.set("nobody_there", empty);
    seen.set("somebody_there", full);
    seen.scenes.push(scene);
    Ok(seen)
}

/// `sleeping` for the S of `/proc/.../stat`, the letter itself for any other state.
fn state_of_thread(stat: &str) -> String {
    // The name before it stands in brackets and may hold anything.
    let letter = stat.rsplit(") ").next().and_then(|rest| rest.split(' ').next());
    match letter {
        Some("S") => "sleeping".into(),
        other => other.unwrap_or("?").into(),
    }
}

/// Law `accept-new`: accept gives a new socket for the client, and the client's address.
fn accept_new() -> io::Result<Evidence> {
    let mut seen = Evidence::new();
    let mut scene = client_and_server("new", QUEUE);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    patient(&listener)?;
    let queue = || Ok::<_, io::Error>(vec![waiting(&listener)?.to_string()]);
    let listening = listener.as_raw_fd();
    scene.right(format!("{listening}: listen() = 0"), queue()?);
    let client = TcpStream::connect(listener.local_addr()?)?;
    wait_until(|| Ok(waiting(&listener)? > 0))?;
    scene.left("connect() = 0".into(), queue()?);
    let client_name = client.local_addr()?;
    scene.left(format!("getsockname() = {client_name}"), queue()?);
    let (accepted, peer) = listener.accept()?;
    let new = accepted.as_raw_fd();
    scene.right(format!("{listening}: accept() = {new}, {peer}"), queue()?);
    patient(&client)?;
    patient(&accepted)?;
    seen.set("listening_fd", listening);
    seen.set("new_fd", new);
    seen.set("client_name", client_name.to_string());
    seen.set("address_given", peer.to_string());
    seen.set("listening_accepts", socket_acceptconn(&listener)?);
    seen.set("new_accepts", socket_acceptconn(&accepted)?);
    seen.set("same_own_name", listener.local_addr()? == accepted.local_addr()?);

    // Which of the two can talk?
    let by_listening =
        returned(&send(&listener, b"hi", SendFlags::NOSIGNAL).map_err(io::Error::from));
    scene.right(format!("{listening}: send(\"hi\") = {by_listening}"), queue()?);
    let mut room = [0; 16];
    let from_listening =
        recv(&listener, &mut room[..], RecvFlags::DONTWAIT).map_err(io::Error::from);
    let from_listening = returned(&from_listening);
    scene.right(format!("{listening}: recv(16) = {from_listening}"), queue()?);
    let sent = send(&accepted, b"hi", SendFlags::NOSIGNAL)?;
    scene.right(format!("{new}: send(\"hi\") = {sent}"), queue()?);
    let (taken, _) = recv(&client, &mut room[..], RecvFlags::empty())?;
    scene.left(format!("recv(16) = {taken} {}", quoted(&room[..taken])), queue()?);
    seen.set("send_on_listening", by_listening);
    seen.set("recv_on_listening", from_listening);
    seen.set("heard_from_new", room[..taken].escape_ascii().to_string());
    seen.scenes.push(scene);
    Ok(seen)
}

/// Law `two-sockets`: the server has two layers of socket; closing the outer one ends no conversation.
fn two_sockets() -> io::Result<Evidence> {
    let mut seen = Evidence::new();
    let mut scene = Scene::new("two", &[]);
    scene.left = Text::new("CLIENTS", "客户端");
    scene.right = Text::new("SERVER", "服务器");
    let listener = TcpListener::bind("127.0.0.1:0")?;
    patient(&listener)?;
    let address = listener.local_addr()?;
    let listening = listener.as_raw_fd();
    let mut first = TcpStream::connect(address)?;
    patient(&first)?;
    scene.left("first: connect() = 0".into(), Vec::new());
    let (mut accepted, _) = listener.accept()?;
    patient(&accepted)?;
    let new = accepted.as_raw_fd();
    scene.right(format!("{listening}: accept() = {new}"), Vec::new());
    // A second client is let in by the kernel, and never accepted.
    let mut second = TcpStream::connect(address)?;
    patient(&second)?;
    scene.left("second: connect() = 0".into(), Vec::new());
    wait_until(|| Ok(waiting(&listener)? > 0))?;
    drop(listener);
    scene.right(format!("{listening}: close() = 0"), Vec::new());

    first.write_all(b"still there?")?;
    scene.left("first: sendall(\"still there?\")".into(), Vec::new());
    let mut room = [0; 16];
    let taken = accepted.read(&mut room)?;
    scene.right(format!("{new}: recv(16) = {taken} {}", quoted(&room[..taken])), Vec::new());
    seen.set("server_heard", room[..taken].escape_ascii().to_string());
    accepted.write_all(b"yes")?;
    scene.right(format!("{new}: sendall(\"yes\")"), Vec::new());
    let taken = first.read(&mut room)?;
    scene.left(format!("first: recv(16) = {taken} {}", quoted(&room[..taken])), Vec::new());
    seen.set("client_heard", room[..taken].escape_ascii().to_string());

    let waiting_one = returned(&second.read(&mut room));
    scene.left(format!("second: recv(16) = {waiting_one}"), Vec::new());
    seen.set("not_yet_accepted", waiting_one);
    let third = returned(&TcpStream::connect(address));
    scene.left(format!("third: connect() = {third}"), Vec::new());
    seen.set("new_client", third);
    seen.set("sockets_of_the_server", vec![listening.to_string(), new.to_string()]);
    seen.set("sockets_of_the_client", vec![first.as_raw_fd().to_string()]);
    seen.scenes.push(scene);
    Ok(seen)
}

/// Law `listen-many`: one listening socket, many clients at once, and again afterwards.
fn listen_many() -> io::Result<Evidence> {
    const AT_ONCE: usize = 3;
    const LATER: usize = 4;
    let mut seen = Evidence::new();
    let mut scene = Scene::new("many", QUEUE);
    scene.left = Text::new("CLIENTS", "客户端");
    scene.right = Text::new("SERVER", "服务器");
    let listener = TcpListener::bind("127.0.0.1:0")?;
    patient(&listener)?;
    let address = listener.local_addr()?;
    let listening = listener.as_raw_fd();
    let queue = || Ok::<_, io::Error>(vec![waiting(&listener)?.to_string()]);

    // All are there before the first is served, and stay until the last is.
    let mut clients = Vec::new();
    for n in 1..=AT_ONCE {
        let client = TcpStream::connect(address)?;
        patient(&client)?;
        wait_until(|| Ok(waiting(&listener)? as usize >= n))?;
        scene.left(format!("{n}: connect() = 0"), queue()?);
        clients.push(client);
    }
    let mut served = Vec::new();
    for _ in 0..AT_ONCE {
        let (accepted, _) = listener.accept()?;
        patient(&accepted)?;
        scene.right(format!("{listening}: accept() = {}", accepted.as_raw_fd()), queue()?);
        served.push(accepted);
    }
    // The last speaks first: each conversation is its own.
    for (n, client) in clients.iter_mut().enumerate().rev() {
        write!(client, "from {}", n + 1)?;
        scene.left(format!("{}: sendall(\"from {}\")", n + 1, n + 1), Vec::new());
    }
    for accepted in &mut served {
        let mut room = [0; 16];
        let taken = accepted.read(&mut room)?;
        let fd = accepted.as_raw_fd();
        scene.right(format!("{fd}: recv(16) = {taken} {}", quoted(&room[..taken])), Vec::new());
        accepted.write_all(&room[..taken])?;
        scene.right(format!("{fd}: sendall({})", quoted(&room[..taken])), Vec::new());
    }
    let (mut given, mut came_back) = (Vec::new(), Vec::new());
    for (n, client) in clients.iter_mut().enumerate() {
        let mut room = [0; 16];
        let taken = client.read(&mut room)?;
        scene.left(format!("{}: recv(16) = {taken} {}", n + 1, quoted(&room[..taken])), Vec::new());
        given.push(format!("from {}", n + 1));
        came_back.push(room[..taken].escape_ascii().to_string());
    }
    let sockets: Vec<String> = served.iter().map(|socket| socket.as_raw_fd().to_string()).collect();
    seen.set("at_once_given", given);
    seen.set("at_once_came_back", came_back);
    seen.set("at_once_sockets", sockets);
    seen.scenes.push(scene);
    drop((clients, served));

    // And again, one after the other, by the same listening socket.
    let mut echoed = 0;
    for n in 1..=LATER {
        let mut client = TcpStream::connect(address)?;
        patient(&client)?;
        let (mut accepted, _) = listener.accept()?;
        patient(&accepted)?;
        write!(client, "again {n}")?;
        let mut room = [0; 16];
        let taken = accepted.read(&mut room)?;
        accepted.write_all(&room[..taken])?;
        let taken = client.read(&mut room)?;
        echoed += usize::from(room[..taken] == *format!("again {n}").as_bytes());
    }
    seen.set("later_clients", LATER);
    seen.set("later_echoed", echoed);
    seen.set("listening_fd", listening);
    seen.set("still_listening", socket_acceptconn(&listener)?);
    Ok(seen)
}

/// Law `handshake`: the kernel shakes hands by itself, with accept or without.
fn handshake() -> io::Result<Evidence> {
    let mut seen = Evidence::new();
    let mut scene = client_and_server("handshake", QUEUE);
    let server = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    server.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    scene.right("bind() = 0".into(), Vec::new());
    let address = server.local_addr()?;
    let early = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    let early = returned(&early.connect(&address));
    scene.left(format!("connect() = {early}"), Vec::new());
    seen.set("connect_before_listen", early);

    server.listen(8)?;
    let server = TcpListener::from(OwnedFd::from(server));
    patient(&server)?;
    let queue = || Ok::<_, io::Error>(vec![waiting(&server)?.to_string()]);
    scene.right("listen() = 0".into(), queue()?);
    let client = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    let connected = client.connect(&address);
    let mut client = TcpStream::from(client);
    let connected_us = scene.now_us();
    let word = returned(&connected);
    // Nothing will wait in the queue where there is no way to the server.
    connected?;
    wait_until(|| Ok(waiting(&server)? > 0))?;
    let info = tcp_info(client.as_fd())?;
    scene.left(format!("connect() = {word}, {}", info.state), queue()?);
    scene.left(format!("segments: {} out, {} in", info.segs_out, info.segs_in), queue()?);
    seen.set("connect_after_listen", word);
    seen.set("client_state", info.state.to_string());
    seen.set("segments_out", info.segs_out);
    seen.set("segments_in", info.segs_in);
    seen.set("segments_again", info.total_retrans);
    seen.set("queue_before_accept", waiting(&server)?);

    let sent = client.write(b"hello")?;
    scene.left(format!("send(\"hello\") = {sent}"), queue()?);
    let accept_us = scene.now_us();
    seen.set("connected_us", connected_us);
    seen.set("accept_called_us", accept_us);
    let (mut accepted, peer) = server.accept()?;
    patient(&accepted)?;
    scene.right("accept() = a socket".into(), queue()?);
    seen.set("accepted_the_client", peer == client.local_addr()?);
    seen.set("server_state", tcp_info(accepted.as_fd())?.state.to_string());
    seen.set("queue_after_accept", waiting(&server)?);
    let mut room = [0; 16];
    let taken = accepted.read(&mut room)?;
    scene.right(format!("recv(16) = {taken} {}", quoted(&room[..taken])), queue()?);
    seen.set("heard", room[..taken].escape_ascii().to_string());
    seen.scenes.push(scene);
    Ok(seen)
}
