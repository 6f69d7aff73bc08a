//! A thousand readers of one chat: one stalls, one is slow, one leaves, and all the others get all of
//! it, from one copy in memory.

mod run;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;

use run::peer::Peer;
use run::{PATIENCE, Run, Signal};
use rustix::event::epoll;
use rustix::process::{Resource, getrlimit, setrlimit};

const READERS: usize = 1_000;

/// What is said: lines that all differ, 1.5 MiB of them. More than the queue and the kernel hold for a
/// reader that takes nothing.
fn said() -> Vec<u8> {
    (0..24_000).flat_map(|n| format!("{n:062}\n").into_bytes()).collect()
}

/// One that reads, and compares what comes with what was said.
struct Reader {
    stream: TcpStream,
    at: usize,
    /// The most that it takes at once; reading is slow where that is little.
    most: usize,
}

impl Reader {
    /// Takes what is there. True at its end.
    fn take(&mut self, said: &[u8], buffer: &mut [u8]) -> bool {
        match self.stream.read(&mut buffer[..self.most]) {
            Ok(0) => true,
            Ok(taken) => {
                let expected = said.get(self.at..self.at + taken);
                assert!(expected == Some(&buffer[..taken]), "another byte from {} on", self.at);
                self.at += taken;
                false
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => false,
            Err(error) => panic!("{error} after {} bytes", self.at),
        }
    }
}

#[test]
fn a_thousand_hear_one_while_one_stalls_one_is_slow_and_one_leaves() {
    // Their sockets, and then some: ours, and framecat's, which inherits the limit.
    let mut limit = getrlimit(Resource::Nofile);
    let wanted = READERS as u64 + 100;
    if limit.maximum.is_some_and(|most| most < wanted) {
        let _ = writeln!(std::io::stderr(), "skipped: no {wanted} files may be open");
        return;
    }
    limit.current = limit.current.map(|current| current.max(wanted));
    setrlimit(Resource::Nofile, limit).expect("it is below the maximum");

    let args = ["listen", ":0,sndbuf=64KiB", "--chat", "-v"];
    let listener = Run::new(&args).stdout(std::fs::File::create("/dev/null").unwrap()).start();
    let port = listener.port();
    let before = listener.peak_memory();
    let mut readers: Vec<Reader> = (0..READERS)
        .map(|_| Reader { stream: Peer::dial(port).0, at: 0, most: 256 << 10 })
        .collect();
    let speaker = Peer::dial(port);
    // Who is told as open is in the chat before anything is said.
    listener.told(&format!("connection {} with", READERS + 1));

    let stalled = readers.pop().expect("there are many");
    let mut leaver = readers.pop().expect("there are many");
    readers[0].most = 4 << 10;
    let said = said();
    let speaking = thread::spawn({
        let (said, mut speaker) = (said.clone(), speaker);
        move || {
            speaker.send(&said);
            // It stays: its end would be another event.
            speaker
        }
    });
    let mut first = vec![0; 1000];
    leaver.stream.read_exact(&mut first).expect("it hears");
    assert!(said.starts_with(&first));
    drop(leaver);

    let poll = epoll::create(epoll::CreateFlags::CLOEXEC).expect("epoll is there");
    for (i, reader) in readers.iter().enumerate() {
        reader.stream.set_nonblocking(true).expect("a socket can be");
        let data = epoll::EventData::new_u64(i as u64);
        epoll::add(&poll, &reader.stream, data, epoll::EventFlags::IN).expect("it is new");
    }
    let patience = rustix::time::Timespec { tv_sec: PATIENCE.as_secs() as i64, tv_nsec: 0 };
    let (mut buffer, mut events) = (vec![0; 256 << 10], Vec::with_capacity(256));
    let mut unfinished = readers.len();
    while unfinished > 0 {
        events.clear();
        let spare = rustix::buffer::spare_capacity(&mut events);
        let ready = epoll::wait(&poll, spare, Some(&patience)).expect("epoll waits");
        assert!(ready > 0, "{unfinished} readers lack something");
        for event in &events {
            let reader = &mut readers[event.data.u64() as usize];
            let before = reader.at;
            assert!(!reader.take(&said, &mut buffer), "an end after {} bytes", reader.at);
            unfinished -= usize::from(before < said.len() && reader.at == said.len());
        }
    }
    let speaker = speaking.join().expect("it was heard");
    // A thousand copies of what waits would be a thousand times 1 MiB. It is one, and the room that it
    // grew in; what a connection costs besides is its task and a first page of its buffers.
    let grown = listener.peak_memory() - before;
    let bound = (4 << 20) + READERS as u64 * (32 << 10);
    assert!(grown < bound, "{grown} bytes more, {} a reader", grown / READERS as u64);
    let told = listener.told("took nothing for 1 s");
    let address = stalled.stream.local_addr().expect("it was connected");
    assert!(told.contains(&format!("send to {address}: ")), "{told}");
    assert_eq!(told.matches("took nothing").count(), 1, "{told}");
    drop(speaker);
    listener.signal(Signal::TERM);
    let finished = listener.wait();
    assert_eq!(finished.code, 9, "the stalled one lost something");
    for reader in &mut readers {
        reader.stream.set_nonblocking(false).expect("a socket can be");
        assert!(reader.take(&said, &mut buffer), "more than was said");
    }
    drop(stalled);
}
