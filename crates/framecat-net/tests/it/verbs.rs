//! The verbs as calls: endpoints in, events out, messages through.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use framecat_net::conn::{Kind, Stream};
use framecat_net::event::{Event, Observer};
use framecat_net::link::{Link, LinkOptions};
use framecat_net::open::Listener;
use framecat_net::relay::Allowed;
use framecat_net::respond::Answer;
use framecat_net::talk::{End, Shutdown, ShutdownSwitch, Talk};
use framecat_net::verb::{ask, connect, listen, relay};
use framecat_net::{Conn, Error};
use framecat_proto::text::Form;
use framecat_proto::{Endpoint, Framing};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::sockets::{
    Dice, Dir, accepted, endpoint, framing, listening, options, pipe, read_all, read_exactly,
    stream, within,
};

/// Writes down what it is told, and where a verb listens.
pub struct Ear {
    lines: Mutex<Vec<String>>,
    bound: mpsc::UnboundedSender<String>,
}

impl Observer for Ear {
    fn event(&self, event: Event<'_>) {
        if let Event::Listening { endpoint, .. } = &event {
            self.bound.send(endpoint.to_string()).unwrap();
        }
        self.lines.lock().unwrap().push(format!("{event:?}"));
    }
}

impl Ear {
    fn new() -> (Arc<Ear>, mpsc::UnboundedReceiver<String>) {
        let (bound, told) = mpsc::unbounded_channel();
        (Arc::new(Ear { lines: Mutex::default(), bound }), told)
    }

    fn heard(&self, words: &[&str]) -> bool {
        let lines = self.lines.lock().unwrap();
        lines.iter().any(|line| words.iter().all(|word| line.contains(word)))
    }
}

/// A verb that listens, at work.
pub struct Running {
    pub at: Endpoint,
    pub ear: Arc<Ear>,
    pub switch: ShutdownSwitch,
    pub done: JoinHandle<Result<End, Error>>,
}

pub fn framings(left: &str, right: &str) -> (Framing, Framing) {
    (framing(left), framing(right))
}

pub async fn relaying(
    left: Endpoint,
    right: &Endpoint,
    (left_framing, right_framing): (Framing, Framing),
    change: impl FnOnce(&mut relay::Relay),
) -> Running {
    let mut options = relay::Relay {
        left,
        right: right.clone(),
        left_framing: left_framing.into(),
        right_framing: right_framing.into(),
        access: Default::default(),
        lan: false,
        message_bytes: 1 << 20,
        tail: None,
        count: None,
        until: None,
        wait: None,
        retry: None,
        idle: None,
        deadline: None,
        roles: Default::default(),
        shared: false,
        once: false,
        max_clients: None,
        fast: Allowed::Fast,
        shape: Default::default(),
        record: None,
        lines: None,
    };
    change(&mut options);
    let (ear, mut told) = Ear::new();
    let (switch, shutdown) = Shutdown::new();
    let done = tokio::spawn(relay::run(options, ear.clone(), shutdown));
    let at = endpoint(&within(told.recv()).await.unwrap());
    Running { at, ear, switch, done }
}

pub async fn link(to: &Endpoint, options: &LinkOptions) -> Link {
    let conn = within(framecat_net::connect(to, crate::sockets::PATIENCE)).await.unwrap();
    Link::new(conn, options)
}

async fn tcp() -> Listener {
    listening(&endpoint("tcp://127.0.0.1:0"), 1 << 20).await
}

#[tokio::test]
async fn messages_pass_two_relays_and_three_framings_and_come_back_the_same() {
    let dir = Dir::new();
    let end = endpoint("udp://127.0.0.1:0");
    let mut server = listening(&end, 1 << 20).await;
    let udp = endpoint(server.endpoint());
    let rules = framings("len:u32be", "native");
    let second = relaying(dir.endpoint("unix", "s"), &udp, rules, |_| {}).await;
    let left = endpoint("tcp://127.0.0.1:0");
    let first = relaying(left, &second.at, framings("line", "len:u32be"), |_| {}).await;
    tokio::spawn(async move {
        let mut echo = Link::new(accepted(&mut server).await, &options("native", 1 << 20));
        let echo = async {
            while let Some(message) = echo.recv().await.unwrap() {
                echo.send(&message).await.unwrap();
            }
        };
        tokio::select! {
            () = echo => {}
            _ = async { while server.accept().await.is_ok() {} } => {}
        }
    });
    let mut client = link(&first.at, &options("line", 1 << 20)).await;
    let mut dice = Dice::new(7);
    for i in 0..500 {
        let len = if i % 50 == 0 { dice.below(60_000) } else { dice.below(300) };
        let message = dice.letters(len);
        client.send(&message).await.unwrap();
        let back = within(client.recv()).await.unwrap();
        assert!(back.as_ref() == Some(&message), "message {i} of {len} bytes");
    }
    // Too long for a datagram: refused by name, and the next one passes.
    client.send(&dice.letters(100_000)).await.unwrap();
    client.send(b"still here").await.unwrap();
    assert_eq!(within(client.recv()).await.unwrap().unwrap(), b"still here");
    let words = ["Refused", "n: 501", "by: \"native\"", "len: 100000"];
    assert!(second.ear.heard(&words), "{:?}", second.ear.lines.lock().unwrap());
    second.switch.request();
    assert_eq!(within(second.done).await.unwrap().unwrap(), End::Partly);
}

#[tokio::test]
async fn a_relay_passes_half_close_in_both_directions() {
    for word in ["raw", "line"] {
        for who_ends_first in ["left", "right"] {
            let mut server = tcp().await;
            let at = endpoint(server.endpoint());
            let left = endpoint("tcp://127.0.0.1:0");
            let relay = relaying(left, &at, framings(word, word), |_| {}).await;
            let left = link(&relay.at, &options(word, 100)).await.sender.stream().cloned().unwrap();
            let right = stream(accepted(&mut server).await);
            let (first, second) = match who_ends_first {
                "left" => (left, right),
                _ => (right, left),
            };
            first.write_all(b"question\n").await.unwrap();
            first.shutdown_write().unwrap();
            assert_eq!(read_all(&second).await, b"question\n", "{word} {who_ends_first}");
            second.write_all(b"answer\n").await.unwrap();
            assert_eq!(read_exactly(&first, 7).await, b"answer\n", "{word} {who_ends_first}");
            second.shutdown_write().unwrap();
            assert_eq!(read_all(&first).await, b"", "{word} {who_ends_first}");
        }
    }
}

#[tokio::test]
async fn a_relay_passes_a_reset_on_as_a_reset() {
    for word in ["raw", "line"] {
        let mut server = tcp().await;
        let at = endpoint(server.endpoint());
        let relay =
            relaying(endpoint("tcp://127.0.0.1:0"), &at, framings(word, word), |_| {}).await;
        let left = link(&relay.at, &options(word, 100)).await.sender.stream().cloned().unwrap();
        let right = stream(accepted(&mut server).await);
        left.write_all(b"x\n").await.unwrap();
        assert_eq!(read_exactly(&right, 2).await, b"x\n");
        framecat_net::sockopt::reset_on_close(left.as_fd()).unwrap();
        drop(left);
        let error = within(right.read(&mut Vec::with_capacity(10))).await.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ECONNRESET), "{word}");
    }
}

#[tokio::test]
async fn a_paused_reader_costs_bounded_memory_and_stalls_nobody_else() {
    for word in ["raw", "line"] {
        let mut server = tcp().await;
        let at = endpoint(server.endpoint());
        let relay =
            relaying(endpoint("tcp://127.0.0.1:0"), &at, framings(word, word), |_| {}).await;
        let line = [&[b'x'; 999][..], b"\n"].concat();
        let paused = link(&relay.at, &options("raw", 100)).await.sender.stream().cloned().unwrap();
        let flood = stream(accepted(&mut server).await);
        for end in [&paused, &flood] {
            rustix::net::sockopt::set_socket_recv_buffer_size(end.as_fd(), 64 << 10).unwrap();
            rustix::net::sockopt::set_socket_send_buffer_size(end.as_fd(), 64 << 10).unwrap();
        }
        // Writes until all buffers on the way are full: ours and the kernel's bound it.
        let written = std::sync::atomic::AtomicUsize::new(0);
        let fill = async {
            loop {
                flood.write_all(&line).await.unwrap();
                let all = written.fetch_add(1_000, std::sync::atomic::Ordering::Relaxed);
                assert!(all < 64 << 20, "{word}: 64 MiB went nowhere");
            }
        };
        let other = async {
            let mut client = link(&relay.at, &options("line", 1_000)).await;
            let mut served = Link::new(accepted(&mut server).await, &options("line", 1_000));
            for i in 0..2_000u32 {
                let message = i.to_string();
                client.send(message.as_bytes()).await.unwrap();
                assert_eq!(within(served.recv()).await.unwrap().unwrap(), message.as_bytes());
                served.send(b"ok").await.unwrap();
                assert_eq!(within(client.recv()).await.unwrap().unwrap(), b"ok");
            }
        };
        within(async {
            tokio::select! {
                () = fill => {}
                () = other => {}
            }
        })
        .await;
    }
}

#[tokio::test]
async fn a_relay_ends_after_as_many_messages_as_asked() {
    let mut server = tcp().await;
    let at = endpoint(server.endpoint());
    let rules = framings("line", "len:u32be");
    let relay = relaying(endpoint("tcp://127.0.0.1:0"), &at, rules, |r| r.count = Some(2)).await;
    let client = link(&relay.at, &options("line", 100)).await;
    let stream = client.sender.stream().cloned().unwrap();
    stream.write_all(b"one\ntwo\nthree\n").await.unwrap();
    let mut served = Link::new(accepted(&mut server).await, &options("len:u32be", 100));
    assert_eq!(within(served.recv()).await.unwrap().unwrap(), b"one");
    assert_eq!(within(served.recv()).await.unwrap().unwrap(), b"two");
    assert_eq!(within(served.recv()).await.unwrap(), None);
    assert_eq!(within(relay.done).await.unwrap().unwrap(), End::Done);
}

fn talk(word: &str) -> Talk {
    let form = if word == "raw" { Form::Raw } else { Form::Line };
    let rule = framing(word);
    Talk { receive: rule.clone(), send: rule, input: form.clone(), output: form, ..Talk::default() }
}

/// A verb with pipes for stdin and stdout, and our ends of them.
struct Console {
    stdin: Stream,
    stdout: Stream,
    give: Stream,
    take: Stream,
}

impl Console {
    fn new() -> Console {
        let ((stdin, give), (take, stdout)) = (pipe(), pipe());
        Console { stdin, stdout, give, take }
    }
}

async fn listening_verb(
    talk: Talk,
    console: (Stream, Stream),
    answer: Option<Answer>,
    once: bool,
) -> Running {
    let (stdin, stdout) = console;
    let (ear, mut told) = Ear::new();
    let (switch, shutdown) = Shutdown::new();
    let endpoint_any = endpoint("tcp://127.0.0.1:0");
    let options = listen::Listen {
        endpoint: endpoint_any,
        talk,
        access: Default::default(),
        lan: false,
        answer,
        chat: false,
        patient: false,
        once,
        max_clients: None,
        stdin,
        stdout,
    };
    let done = tokio::spawn(listen::run(options, ear.clone(), shutdown));
    let at = endpoint(&within(told.recv()).await.unwrap());
    Running { at, ear, switch, done }
}

#[tokio::test]
async fn two_consoles_talk_and_end_with_each_other() {
    for word in ["raw", "line"] {
        let server = Console::new();
        let running = listening_verb(talk(word), (server.stdin, server.stdout), None, true).await;
        let client = Console::new();
        let options = connect::Connect {
            endpoint: running.at.clone(),
            talk: talk(word),
            stdin: client.stdin,
            stdout: client.stdout,
        };
        let (ear, _) = Ear::new();
        let connecting = tokio::spawn(connect::run(options, ear, Shutdown::never()));
        client.give.write_all(b"hello\n").await.unwrap();
        assert_eq!(read_exactly(&server.take, 6).await, b"hello\n", "{word}");
        server.give.write_all(b"there\n").await.unwrap();
        assert_eq!(read_exactly(&client.take, 6).await, b"there\n", "{word}");
        drop(client.give);
        drop(server.give);
        assert_eq!(within(connecting).await.unwrap().unwrap(), End::Done, "{word}");
        assert_eq!(within(running.done).await.unwrap().unwrap(), End::Done, "{word}");
        assert_eq!(read_all(&client.take).await, b"");
    }
}

#[tokio::test]
async fn each_question_is_answered_in_turn() {
    let console = Console::new();
    let answer = Some(Answer::Echo);
    let running =
        listening_verb(talk("len:u32be"), (console.stdin, console.stdout), answer, false).await;
    let asker = Console::new();
    let messages = vec![b"one".to_vec(), b"two".to_vec()];
    let options = ask::Ask {
        endpoint: running.at.clone(),
        talk: talk("len:u32be"),
        messages,
        stdin: asker.stdin,
        stdout: asker.stdout,
    };
    let (ear, _) = Ear::new();
    let ended = within(ask::run(options, ear.clone(), Shutdown::never())).await.unwrap();
    assert_eq!(ended, End::Done);
    assert_eq!(read_all(&asker.take).await, b"one\ntwo\n");
    assert_eq!(read_exactly(&console.take, 8).await, b"one\ntwo\n");
    assert!(ear.heard(&["Replied", "n: 2"]));
    running.switch.request();
    assert_eq!(within(running.done).await.unwrap().unwrap(), End::Done);
}

#[tokio::test]
async fn a_question_to_nobody_is_refused_over_udp() {
    let nobody = endpoint(listening(&endpoint("udp://127.0.0.1:0"), 100).await.endpoint());
    let asker = Console::new();
    let options = ask::Ask {
        endpoint: nobody.clone(),
        talk: talk("native"),
        messages: vec![b"anyone?".to_vec()],
        stdin: asker.stdin,
        stdout: asker.stdout,
    };
    let (ear, _) = Ear::new();
    assert!(within(ask::run(options, ear, Shutdown::never())).await.unwrap_err().is_refusal());

    // The same where stdin stays open and nothing else is sent.
    let caller = Console::new();
    let options = connect::Connect {
        endpoint: nobody,
        talk: talk("native"),
        stdin: caller.stdin,
        stdout: caller.stdout,
    };
    let (ear, _) = Ear::new();
    let connecting = tokio::spawn(connect::run(options, ear.clone(), Shutdown::never()));
    caller.give.write_all(b"anyone?\n").await.unwrap();
    let told = async {
        while !ear.heard(&["Unreachable"]) {
            tokio::task::yield_now().await;
        }
    };
    within(told).await;
    drop(caller.give);
    assert_eq!(within(connecting).await.unwrap().unwrap(), End::Refused);
}

/// A listener that echoes one message, prints it and leaves, whatever else was sent to it.
pub async fn leaves_after_one() -> (Running, Stream) {
    let console = Console::new();
    let talk = Talk { count: Some(1), deadline: Some(Duration::from_secs(50)), ..talk("line") };
    let stdio = (console.stdin, console.stdout);
    (listening_verb(talk, stdio, Some(Answer::Echo), true).await, console.take)
}

/// A plain stream to an endpoint.
pub async fn plain(to: &Endpoint) -> Stream {
    match within(framecat_net::connect(to, crate::sockets::PATIENCE)).await.unwrap() {
        Conn::Stream(stream) if stream.kind() == Kind::Tcp => stream,
        other => panic!("{other:?}"),
    }
}
