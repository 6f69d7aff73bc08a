use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc;

use framecat_proto::limits::{HTTP_LISTING_SHORT, HTTP_LISTINGS_LONG, HTTP_SQUEEZED_A_ROUND};

use super::*;
use crate::event::Nobody;
use crate::http::Site;

/// A loop that does what it is told, and the address of its socket.
fn rounds(folder: &Path) -> (Rounds, SocketAddr) {
    rounds_of(&Site::new(folder))
}

fn rounds_of(site: &Site) -> (Rounds, SocketAddr) {
    let shared = Shared::new(site, None, Arc::new(Nobody)).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let mail = Arc::new(Mailbox::new().unwrap());
    let listener = Arc::new(OwnedFd::from(listener));
    (Rounds::new(Arc::new(shared), mail, listener).unwrap(), address)
}

fn dial(rounds: &mut Rounds, address: SocketAddr) -> (TcpStream, Name) {
    let stream = TcpStream::connect(address).unwrap();
    rounds.accept();
    let name = rounds.connections.iter_mut().map(|(name, _)| name).last().unwrap();
    (stream, name)
}

/// Says it, and has the loop hear it.
fn say(rounds: &mut Rounds, (stream, name): &mut (TcpStream, Name), words: &str) {
    stream.write_all(words.as_bytes()).unwrap();
    rounds.connections.get(*name).unwrap().readable = true;
    rounds.serve(&[*name]);
}

/// Waits for workers' next letters.
fn await_mail(rounds: &Rounds) {
    let mut bell = [rustix::event::PollFd::new(&rounds.mail.bell, rustix::event::PollFlags::IN)];
    rustix::event::poll(&mut bell, None).unwrap();
}

/// All that is said to a client that asks this, on a connection that ends then.
fn said(rounds: &mut Rounds, address: SocketAddr, words: &str) -> String {
    let mut client = dial(rounds, address);
    client.0.set_nonblocking(true).unwrap();
    say(rounds, &mut client, words);
    let mut said = Vec::new();
    loop {
        match client.0.read_to_end(&mut said) {
            Ok(_) => return String::from_utf8(said).unwrap(),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
        }
        let Some(connection) = rounds.connections.get(client.1) else { continue };
        match connection.outgoing() {
            Some(_) => rounds.serve(&[client.1]),
            None if connection.hears() => {}
            // A look at a cold name, or the listing.
            None => {
                await_mail(rounds);
                rounds.read_mail();
            }
        }
    }
}

/// A folder of its own, with `long/`, of more names than a short one has, and `short/`.
fn long_and_short(name: &str) -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
    for (below, names) in [("long", HTTP_LISTING_SHORT + 1), ("short", 1)] {
        fs::create_dir_all(folder.join(below)).unwrap();
        for n in 0..names {
            fs::write(folder.join(below).join(n.to_string()), "").unwrap();
        }
    }
    folder
}

const LONG: &str = "GET /long/?json HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

#[test]
fn long_listings_have_seats_and_short_ones_need_none() {
    let folder = long_and_short("framecat-long-listings");
    let (mut rounds, address) = rounds(&folder);
    let seats: Vec<_> = (0..HTTP_LISTINGS_LONG)
        .map(|_| rounds.shared.long_listings.take().expect("as many seats as the limit says"))
        .collect();
    let full = said(&mut rounds, address, LONG);
    assert!(full.starts_with("HTTP/1.1 503 ") && full.contains("\r\nRetry-After: 1\r\n"));
    let short = said(&mut rounds, address, &LONG.replace("long", "short"));
    assert!(short.starts_with("HTTP/1.1 200 ") && short.contains("\"0\""), "{short}");
    drop(seats);
    for _ in 0..=HTTP_LISTINGS_LONG {
        let long = said(&mut rounds, address, LONG);
        assert!(long.starts_with("HTTP/1.1 200 "), "each gives its seat back: {long}");
        assert_eq!(long.matches("\"name\"").count(), HTTP_LISTING_SHORT + 1);
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn what_waits_in_the_queue_is_not_done_for_a_connection_that_was_closed() {
    let (mut rounds, address) = rounds(&std::env::temp_dir());
    let request = "GET /?json HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    // From now on its names are in memory, and no look at them is left to a worker.
    assert!(said(&mut rounds, address, request).starts_with("HTTP/1.1 200 "));
    let (go, wait) = mpsc::channel::<()>();
    let wait = Arc::new(Mutex::new(wait));
    // No worker is free before `go` is dropped.
    for _ in 0..16 {
        let wait = wait.clone();
        assert!(rounds.shared.workers.give(move || assert!(wait.lock().unwrap().recv().is_err())));
    }
    let mut client = dial(&mut rounds, address);
    say(&mut rounds, &mut client, request);
    assert!(rounds.connections.get(client.1).unwrap().task().is_some(), "it is queued");
    rounds.close(client.1);
    drop(go);
    await_mail(&rounds);
    let letters = rounds.mail.take();
    let left = |letter: &Letter| matches!(letter, Letter::Listed(Err(Unlisted::Left)));
    assert!(letters.len() == 1 && letters.iter().all(|(_, letter)| left(letter)), "{letters:?}");
}

#[test]
fn a_connection_that_panics_ends_alone() {
    let (mut rounds, address) = rounds(&std::env::temp_dir());
    let (mut unlucky, first) = dial(&mut rounds, address);
    let mut other = dial(&mut rounds, address);
    rounds.step(first, |_, _, _| panic!("meant to panic"));
    assert!(rounds.connections.get(first).is_none() && rounds.connections.len() == 1);
    assert_eq!(unlucky.read(&mut [0]).unwrap_or(0), 0, "it is closed");
    // The other one is served by the same loop; this request needs no look at the disk.
    say(&mut rounds, &mut other, "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let mut said = [0; 12];
    other.0.read_exact(&mut said).unwrap();
    assert_eq!(&said, b"HTTP/1.1 200");
}

/// A folder of its own in which strangers may bring files, and a loop that serves it.
fn uploads(name: &str) -> (std::path::PathBuf, Rounds, SocketAddr) {
    let folder = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let mut site = Site::new(&folder);
    site.policy.rights = framecat_proto::http::write::Rights::UPLOAD;
    let (rounds, address) = rounds_of(&site);
    (folder, rounds, address)
}

const PUT: &str = "PUT /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n";

#[test]
fn an_upload_that_is_too_slow_is_told_so_and_leaves_nothing() {
    let (folder, mut rounds, address) = uploads("framecat-slow-upload");
    let mut client = dial(&mut rounds, address);
    say(&mut rounds, &mut client, &format!("{PUT}hello"));
    // While a worker has what came nobody is late.
    rounds.step(client.1, |connection, answers, _| connection.expire(answers));
    await_mail(&rounds);
    rounds.read_mail();
    let connection = rounds.connections.get(client.1).unwrap();
    let now = rounds.answers.second();
    assert!(connection.due > now && connection.due <= now + 30, "silence is not for ever");
    rounds.step(client.1, |connection, answers, _| connection.expire(answers));
    await_mail(&rounds);
    rounds.read_mail();
    let mut said = [0; 12];
    client.0.read_exact(&mut said).unwrap();
    assert_eq!(&said, b"HTTP/1.1 408");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn an_upload_whose_connection_is_gone_while_a_worker_has_it_leaves_nothing() {
    let (folder, mut rounds, address) = uploads("framecat-gone-upload");
    let mut client = dial(&mut rounds, address);
    say(&mut rounds, &mut client, &format!("{PUT}hello"));
    rounds.close(client.1);
    await_mail(&rounds);
    rounds.read_mail();
    assert_eq!((rounds.connections.len(), fs::read_dir(&folder).unwrap().count()), (0, 0));
    // And one that is gone while nobody has it.
    let mut client = dial(&mut rounds, address);
    say(&mut rounds, &mut client, &format!("{PUT}hello"));
    await_mail(&rounds);
    rounds.read_mail();
    assert!(rounds.connections.get(client.1).unwrap().wants());
    rounds.close(client.1);
    assert_eq!((rounds.connections.len(), fs::read_dir(&folder).unwrap().count()), (0, 0));
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn whoever_asks_for_much_that_is_to_be_coded_holds_nobody_up() {
    let folder = std::env::temp_dir().join(format!("framecat-coded-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("a.txt"), [b'a'; 2_000]).unwrap();
    let mut site = Site::new(&folder);
    site.policy.compress = true;
    let (mut rounds, address) = rounds_of(&site);
    let request = |n: usize, end: &str| {
        format!(
            "GET /a.txt HTTP/1.1\r\nHost: localhost\r\nX-N: {n}\r\nAccept-Encoding: gzip\r\n{end}\r\n"
        )
    };
    // From now on its name is in memory, and what was coded for it is another request's.
    said(&mut rounds, address, &request(0, "Connection: close\r\n").replace("GET", "HEAD"));
    let many: String = (1..=HTTP_SQUEEZED_A_ROUND + 9).map(|n| request(n, "")).collect();
    let mut client = dial(&mut rounds, address);
    say(&mut rounds, &mut client, &many);
    let mut came = vec![0; 256 << 10];
    let len = client.0.read(&mut came).unwrap();
    let came = String::from_utf8_lossy(&came[..len]);
    let coded = came.matches("\r\nContent-Encoding: gzip\r\n").count();
    let plain = came.matches("\r\nContent-Length: 2000\r\n").count();
    assert_eq!((coded, plain), (HTTP_SQUEEZED_A_ROUND, 9));
    fs::remove_dir_all(folder).unwrap();
}
