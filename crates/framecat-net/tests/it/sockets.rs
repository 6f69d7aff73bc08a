//! Connected pairs of every scheme, pipes, a directory of one's own, and numbers drawn from a seed.

use std::future::Future;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use framecat_net::conn::{Kind, Stream};
use framecat_net::link::{Link, LinkOptions};
use framecat_net::open::{Accepted, ListenOptions, Listener};
use framecat_net::{Conn, connect, listen};
use framecat_proto::{Endpoint, Framing};
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use rustix::pipe::{PipeFlags, pipe_with};

/// The longest that any wait may take: far more than any needs, so that only a hang fails.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits, or fails.
pub async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("it hangs")
}

/// The same numbers from the same seed (xorshift64*).
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % n
    }

    /// Letters, so that no text framing splits them.
    pub fn letters(&mut self, len: usize) -> Vec<u8> {
        let shift = self.below(26);
        (0..len).map(|i| b'a' + ((i * 7 + i / 251 + shift) % 26) as u8).collect()
    }
}

/// A directory for one test, removed when dropped.
pub struct Dir(PathBuf);

impl Dir {
    pub fn new() -> Dir {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("fc-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Dir(path)
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn endpoint(&self, scheme: &str, name: &str) -> Endpoint {
        endpoint(&format!("{scheme}://{}", self.join(name).display()))
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub fn endpoint(text: &str) -> Endpoint {
    text.parse().unwrap()
}

pub fn framing(word: &str) -> Framing {
    word.parse().unwrap()
}

pub fn options(word: &str, max: usize) -> LinkOptions {
    LinkOptions { message_bytes: max, ..framing(word).into() }
}

pub async fn listening(endpoint: &Endpoint, max: usize) -> Listener {
    within(listen(endpoint, &ListenOptions { lan: false, message_bytes: max })).await.unwrap()
}

pub async fn dial(to: &Listener) -> Conn {
    within(connect(&endpoint(to.endpoint()), PATIENCE)).await.unwrap()
}

pub async fn accepted(listener: &mut Listener) -> Conn {
    match within(listener.accept()).await.unwrap() {
        Accepted::Conn(conn) => conn,
        other => panic!("{other:?}"),
    }
}

/// Both ends of a connection, and what must live as long.
pub struct Pair {
    pub client: Link,
    pub server: Link,
    _dir: Dir,
}

/// A connection of a scheme. Where the first datagram makes the connection, one has gone through it;
/// the listener hands on what comes for as long as the runtime runs.
pub async fn pair(scheme: &str, options: &LinkOptions) -> Pair {
    let dir = Dir::new();
    let at = match scheme {
        "tcp" | "udp" => endpoint(&format!("{scheme}://127.0.0.1:0")),
        _ => dir.endpoint(scheme, "socket"),
    };
    let mut listener = listening(&at, options.message_bytes).await;
    let mut client = Link::new(dial(&listener).await, options);
    let datagrams = listener.is_datagrams();
    if datagrams {
        client.send(b"open").await.unwrap();
    }
    let mut server = Link::new(accepted(&mut listener).await, options);
    if datagrams {
        assert_eq!(within(server.recv()).await.unwrap().unwrap(), b"open");
        tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    }
    Pair { client, server, _dir: dir }
}

/// Two streams that are each other's peer.
pub async fn streams(kind: Kind) -> (Stream, Stream) {
    if kind == Kind::Tcp {
        let mut listener = listening(&endpoint("tcp://127.0.0.1:0"), 1).await;
        let client = dial(&listener).await;
        return (stream(client), stream(accepted(&mut listener).await));
    }
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let made = rustix::net::socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None);
    let (a, b) = made.unwrap();
    (wrap(a, Kind::Unix), wrap(b, Kind::Unix))
}

pub fn stream(conn: Conn) -> Stream {
    match conn {
        Conn::Stream(stream) => stream,
        Conn::Datagrams(_) | Conn::Pair(_) => panic!("a stream was asked for"),
    }
}

pub fn wrap(fd: impl Into<OwnedFd>, kind: Kind) -> Stream {
    Stream::new(fd.into(), kind, "here".into(), "there".into()).unwrap()
}

/// The reading and the writing end.
pub fn pipe() -> (Stream, Stream) {
    let (read, write) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).unwrap();
    (wrap(read, Kind::Pipe), wrap(write, Kind::Pipe))
}

/// All bytes up to the end.
pub async fn read_all(from: &Stream) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        all.reserve(64 << 10);
        if within(from.read(&mut all)).await.unwrap() == 0 {
            return all;
        }
    }
}

/// So many bytes, and no more.
pub async fn read_exactly(from: &Stream, n: usize) -> Vec<u8> {
    let mut all = Vec::new();
    while all.len() < n {
        let mut some = Vec::with_capacity(n - all.len());
        assert_ne!(within(from.read(&mut some)).await.unwrap(), 0, "it ended early");
        all.extend_from_slice(&some);
        assert!(all.len() <= n);
    }
    all
}
