//! Histories of `listen --chat`: peers that speak, join, leave, stall, are slow or reset, by seed, and
//! a checker of what each of them got. A seed that fails is told with the command that repeats it.

mod history;
mod run;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use history::{Heard, Id, Sent, check};
use run::peer::Random;
use run::{Folder, PATIENCE, Run, Signal};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketType, sockopt};

/// Where, and with which boundaries.
#[derive(Clone, Copy)]
struct Ways {
    scheme: &'static str,
    rule: &'static str,
}

impl Ways {
    /// Whether payloads may hold every byte.
    fn any(self) -> bool {
        !matches!(self.rule, "line" | "delim:;")
    }

    fn frame(self, payload: &[u8]) -> Vec<u8> {
        let len = (payload.len() as u32).to_be_bytes();
        match self.rule {
            "line" => [payload, b"\n"].concat(),
            "delim:;" => [payload, b";"].concat(),
            "len:u32be" => [&len, payload].concat(),
            "struct" => [&[0; 8], &len[..], payload].concat(),
            _ => payload.to_vec(),
        }
    }

    /// Takes the whole messages off the front.
    fn split(self, bytes: &mut Vec<u8>, mut each: impl FnMut(&[u8])) {
        let mut at = 0;
        let ends = |byte: u8, from: &[u8]| from.iter().position(|b| *b == byte);
        loop {
            let rest = &bytes[at..];
            let (head, len) = match self.rule {
                "line" => (0, ends(b'\n', rest)),
                "delim:;" => (0, ends(b';', rest)),
                rule => {
                    let head = if rule == "struct" { 12 } else { 4 };
                    let len = rest.get(head - 4..head).and_then(|len| len.try_into().ok());
                    (head, len.map(|len| u32::from_be_bytes(len) as usize))
                }
            };
            let Some(message) = len.and_then(|len| rest.get(head..head + len)) else { break };
            each(message);
            at += head + message.len() + usize::from(head == 0);
        }
        bytes.drain(..at);
    }
}

/// A socket, whatever its kind.
struct Socket {
    fd: OwnedFd,
    packets: bool,
}

impl Socket {
    fn dial(endpoint: &str) -> Socket {
        let (scheme, address) = endpoint.split_once("://").expect("it has a scheme");
        let fd = match scheme {
            "tcp" => OwnedFd::from(TcpStream::connect(address).expect("it listens")),
            "unix" => OwnedFd::from(UnixStream::connect(address).expect("it listens")),
            _ => {
                let fd = rustix::net::socket(AddressFamily::UNIX, SocketType::SEQPACKET, None);
                let fd = fd.expect("seqpacket is known");
                let address = SocketAddrUnix::new(address).expect("it is a path");
                rustix::net::connect(&fd, &address).expect("it listens");
                fd
            }
        };
        sockopt::set_socket_timeout(&fd, sockopt::Timeout::Recv, Some(PATIENCE)).expect("a time");
        sockopt::set_socket_timeout(&fd, sockopt::Timeout::Send, Some(PATIENCE)).expect("a time");
        Socket { fd, packets: scheme == "unixseq" }
    }

    /// False: it is gone.
    fn send(&self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            match rustix::net::send(&self.fd, bytes, SendFlags::NOSIGNAL) {
                Ok(sent) => bytes = &bytes[sent..],
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => panic!("a send took longer than patience"),
                Err(_) => return false,
            }
        }
        true
    }

    /// What comes next; empty at the end, or after a reset.
    fn receive<'a>(&self, buffer: &'a mut [u8]) -> &'a [u8] {
        match rustix::net::recv(&self.fd, &mut *buffer, RecvFlags::empty()) {
            Ok((got, _)) => &buffer[..got],
            Err(rustix::io::Errno::AGAIN) => panic!("nothing came for longer than patience"),
            Err(_) => &[],
        }
    }
}

/// What a peer does besides speaking.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Manner {
    /// Reads all.
    Steady,
    /// Reads a little at a time, with pauses.
    Slow,
    /// Reads nothing until the chat is over.
    Stalled,
    /// Ends after so many messages.
    Leaves(usize),
    /// Goes away by a reset after so many messages.
    Resets(usize),
}

/// What all peers of a run share.
struct Chat {
    seed: u64,
    ways: Ways,
    /// By sender, how many messages it began to send.
    begun: Vec<AtomicU64>,
    /// What the listener printed.
    printed: Mutex<Vec<Result<Id, String>>>,
    more: Condvar,
}

impl Chat {
    fn read(&self, message: &[u8]) -> Result<Id, String> {
        Id::read(message, self.seed, self.ways.any())
            .ok_or_else(|| String::from_utf8_lossy(&message[..message.len().min(40)]).into_owned())
    }

    fn wait_printed(&self, what: &str, enough: impl Fn(&[Result<Id, String>]) -> bool) {
        let printed = self.printed.lock().unwrap();
        let waiting = |printed: &mut Vec<_>| !enough(printed);
        let (printed, late) = self.more.wait_timeout_while(printed, PATIENCE, waiting).unwrap();
        assert!(!late.timed_out(), "seed {}: {what} after {} messages", self.seed, printed.len());
    }

    /// The next message of a sender, framed.
    fn next(&self, sender: usize) -> Vec<u8> {
        let n = self.begun[sender].fetch_add(1, Ordering::SeqCst);
        Id { sender, n }.payload(self.seed, self.ways.any())
    }
}

struct Peer {
    sender: usize,
    manner: Manner,
    from: Vec<u64>,
    reading: JoinHandle<Vec<Result<Id, String>>>,
    speaking: JoinHandle<()>,
}

/// Joins, says hello, and when that was printed says so many messages more.
fn join(
    chat: &Arc<Chat>,
    endpoint: &str,
    sender: usize,
    manner: Manner,
    says: u64,
    over: mpsc::Receiver<()>,
) -> Peer {
    let socket = Arc::new(Socket::dial(endpoint));
    if matches!(manner, Manner::Stalled | Manner::Slow) {
        sockopt::set_socket_recv_buffer_size(&socket.fd, 64 << 10).expect("it is a size");
    }
    assert!(socket.send(&chat.ways.frame(&chat.next(sender))), "it has just joined");
    let hello = Id { sender, n: 0 };
    // It has joined for certain once its hello was taken: from there on nothing may pass it by.
    let joined = |printed: &[Result<Id, String>]| printed.contains(&Ok(hello));
    chat.wait_printed("no hello", joined);
    let from = chat.begun.iter().map(|begun| begun.load(Ordering::SeqCst)).collect();
    let (ours, theirs) = (chat.clone(), socket.clone());
    let speaking = thread::spawn(move || {
        for _ in 0..says {
            let message = ours.ways.frame(&ours.next(sender));
            if !theirs.send(&message) {
                break;
            }
        }
    });
    let chat = chat.clone();
    let reading = thread::spawn(move || listen(&chat, &socket, manner, &over));
    Peer { sender, manner, from, reading, speaking }
}

fn listen(
    chat: &Chat,
    socket: &Socket,
    manner: Manner,
    over: &mpsc::Receiver<()>,
) -> Vec<Result<Id, String>> {
    let (mut got, mut bytes, mut buffer) = (Vec::new(), Vec::new(), vec![0; 64 << 10]);
    if manner == Manner::Stalled {
        // Its other end is dropped then.
        let _ = over.recv();
    }
    loop {
        let room = if manner == Manner::Slow && !socket.packets { 16 << 10 } else { buffer.len() };
        let taken = socket.receive(&mut buffer[..room]);
        if taken.is_empty() {
            break;
        }
        match socket.packets {
            true => got.push(chat.read(taken)),
            false => {
                bytes.extend_from_slice(taken);
                chat.ways.split(&mut bytes, |message| got.push(chat.read(message)));
            }
        }
        match manner {
            Manner::Slow => drop(over.recv_timeout(Duration::from_millis(1))),
            Manner::Leaves(n) if got.len() >= n => return got,
            Manner::Resets(n) if got.len() >= n => {
                let at_once = Some(Duration::ZERO);
                let _ = sockopt::set_socket_linger(&socket.fd, at_once);
                return got;
            }
            _ => {}
        }
    }
    // Whoever was dropped lost the rest of a message; nobody else may.
    if !bytes.is_empty() && manner != Manner::Stalled {
        got.push(Err(String::from_utf8_lossy(&bytes[..bytes.len().min(40)]).into_owned()));
    }
    got
}

/// One run. What is wrong with it, and what the listener said.
fn play(ways: Ways, seed: u64) -> (Vec<history::Wrong>, String) {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    random.number();
    let folder = Folder::new();
    let endpoint = match ways.scheme {
        "tcp" => "tcp://:0,sndbuf=16KiB".to_string(),
        scheme => format!("{scheme}://{}", folder.file("s")),
    };
    let form = if ways.any() { "len:u32be" } else { ways.rule };
    let mut args = vec!["listen", &endpoint, "--chat", "--in", form, "--out", form];
    if ways.rule != "native" {
        args.extend(["-f", ways.rule]);
    }
    let (printed, out) = std::io::pipe().expect("a pipe");
    let mut listener = Run::new(&args).stdout(out).start();
    let endpoint = listener.endpoint();

    // Sender 0 is stdin.
    let early = 4 + random.below(5);
    let late = 1 + random.below(4);
    let chat = Arc::new(Chat {
        seed,
        ways,
        begun: (0..1 + early + late).map(|_| AtomicU64::new(0)).collect(),
        printed: Mutex::default(),
        more: Condvar::new(),
    });
    let printing = thread::spawn({
        let chat = chat.clone();
        let mut printed = printed;
        let form = Ways { rule: form, ..ways };
        move || {
            let (mut bytes, mut buffer) = (Vec::new(), vec![0; 64 << 10]);
            while let Ok(taken @ 1..) = printed.read(&mut buffer) {
                bytes.extend_from_slice(&buffer[..taken]);
                let mut all = chat.printed.lock().unwrap();
                form.split(&mut bytes, |message| all.push(chat.read(message)));
                chat.more.notify_all();
            }
            assert!(bytes.is_empty(), "half a message on stdout");
        }
    });
    let mut ends = Vec::new();
    let mut enter = |sender: usize, random: &mut Random| {
        let manner = match sender {
            // Somebody reads all, whatever else happens.
            1 => Manner::Steady,
            2 => Manner::Stalled,
            _ => match random.below(8) {
                0 | 1 => Manner::Slow,
                2 => Manner::Leaves(random.below(600)),
                3 => Manner::Resets(random.below(600)),
                _ => Manner::Steady,
            },
        };
        let says = [0, 100, 300, 500][random.below(4)];
        let (over, ended) = mpsc::channel();
        ends.push(over);
        join(&chat, &endpoint, sender, manner, says, ended)
    };
    let mut peers: Vec<Peer> = (1..=early).map(|sender| enter(sender, &mut random)).collect();
    let mut stdin = listener.take_stdin();
    let typing = thread::spawn({
        let (chat, form) = (chat.clone(), Ways { rule: form, ..ways });
        move || {
            for _ in 0..600 {
                let message = form.frame(&chat.next(0));
                stdin.write_all(&message).expect("stdin is read");
            }
            // Its end ends nothing.
        }
    });
    for sender in early + 1..=early + late {
        peers.push(enter(sender, &mut random));
    }
    typing.join().expect("stdin is typed");
    let mut heard = Vec::new();
    let mut reading = Vec::new();
    for Peer { sender, manner, from, reading: reads, speaking } in peers {
        speaking.join().expect("it speaks to its end");
        reading.push((sender, manner, from, reads));
    }
    let resets = |manner: &Manner| matches!(manner, Manner::Leaves(_) | Manner::Resets(_));
    let went: Vec<usize> =
        reading.iter().filter(|(_, manner, ..)| resets(manner)).map(|peer| peer.0).collect();
    let sent: Vec<Sent> = chat
        .begun
        .iter()
        .enumerate()
        .map(|(sender, begun)| Sent {
            messages: begun.load(Ordering::SeqCst),
            // It may have gone while it spoke.
            reset: went.contains(&sender),
        })
        .collect();
    // All that was said by those who stay is taken; then the end.
    for (sender, said) in sent.iter().enumerate().skip(1).filter(|(_, said)| !said.reset) {
        let last = Id { sender, n: said.messages - 1 };
        chat.wait_printed("not all", |printed| printed.contains(&Ok(last)));
    }
    drop(ends);
    listener.signal(Signal::TERM);
    for (sender, manner, from, reads) in reading {
        let got = reads.join().unwrap_or_else(|_| panic!("seed {seed}: peer {sender} {manner:?}"));
        let left = resets(&manner) || manner == Manner::Stalled;
        heard.push(Heard {
            name: format!("{sender} {manner:?}"),
            own: Some(sender),
            got,
            from,
            left,
        });
    }
    let finished = listener.wait();
    printing.join().expect("stdout is whole");
    // Only who stalled was dropped, and if it was, that is said; if not, it has all.
    let dropped = finished.stderr.matches("took nothing for 1 s").count();
    assert!(dropped <= 1, "seed {seed}: {finished}");
    let stalled = heard.iter_mut().find(|reader| reader.name.ends_with("Stalled"));
    stalled.expect("there is one").left = dropped == 1;
    assert!(matches!(finished.code, 0 | 9), "seed {seed}: {finished}");
    let printed = std::mem::take(&mut *chat.printed.lock().unwrap());
    // Stdout shows every peer's messages; what came in which order is the log's to say.
    let from = vec![0; sent.len()];
    let stdout = Heard { name: "stdout".into(), own: Some(0), got: printed, from, left: false };
    let mut wrong = check(&sent, &heard);
    wrong.extend(check(&sent, &[stdout]));
    (wrong, finished.stderr)
}

fn histories(test: &str, scheme: &'static str, rule: &'static str) {
    let seeds = match std::env::var("FRAMECAT_SEED") {
        Ok(seed) => vec![seed.parse().expect("FRAMECAT_SEED is a number")],
        Err(_) => (1..=3).collect::<Vec<u64>>(),
    };
    for seed in seeds {
        let command =
            format!("FRAMECAT_SEED={seed} cargo test -p framecat --test chat_histories {test}");
        let wrong = thread::spawn(move || play(Ways { scheme, rule }, seed)).join();
        match wrong {
            Ok((wrong, told)) => assert!(
                wrong.is_empty(),
                "{} of {scheme} with {rule}: {:#?}\n{told}repeat it: {command}",
                wrong.len(),
                &wrong[..wrong.len().min(5)]
            ),
            Err(_) => panic!("see above; repeat it: {command}"),
        }
    }
}

#[test]
fn lines_over_tcp() {
    histories("lines_over_tcp", "tcp", "line");
}

#[test]
fn lengths_over_tcp() {
    histories("lengths_over_tcp", "tcp", "len:u32be");
}

#[test]
fn markers_over_unix() {
    histories("markers_over_unix", "unix", "delim:;");
}

#[test]
fn structs_over_unix() {
    histories("structs_over_unix", "unix", "struct");
}

#[test]
fn packets_over_unixseq() {
    histories("packets_over_unixseq", "unixseq", "native");
}
