//! `fetch`: beside Python's http.server and nginx, and against servers that lie, stop and never end.

#[path = "../run/mod.rs"]
mod run;

#[path = "../tls/certs.rs"]
#[allow(dead_code, reason = "each test program uses a part of it")]
mod certs;

mod codings;
mod files;
mod peers;
mod redirects;
mod replies;
mod requests;
mod secure;
mod shown;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread::JoinHandle;

use run::{Finished, PATIENCE, Run};

/// A server of the test: one answer a connection, in order. What it heard comes back when all are given.
struct Server {
    port: u16,
    thread: JoinHandle<Vec<String>>,
}

impl Server {
    /// Answers each request with these bytes and closes.
    fn answering<B: AsRef<[u8]> + Send + 'static>(answers: impl IntoIterator<Item = B>) -> Server {
        let answers: Vec<B> = answers.into_iter().collect();
        Server::of(answers.len(), move |n, _, stream| {
            // A client that has had enough leaves.
            let _ = stream.write_all(answers[n].as_ref());
        })
    }

    /// Does `what` with each of so many requests, given its number, its head and content, and closes.
    fn of(
        count: usize,
        mut what: impl FnMut(usize, &str, &mut TcpStream) + Send + 'static,
    ) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let thread = std::thread::spawn(move || {
            let mut heard = Vec::new();
            for n in 0..count {
                run::sockets::wait_readable(&listener, b"");
                let (mut stream, _) = listener.accept().unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                stream.set_nodelay(true).unwrap();
                let request = request(&mut stream);
                what(n, &request, &mut stream);
                heard.push(request);
                close(stream);
            }
            heard
        });
        Server { port, thread }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Fetches `path` with more arguments.
    fn fetch(&self, path: &str, args: &[&str]) -> Finished {
        fetch(&self.url(path), args)
    }

    /// What it heard, once it gave all its answers.
    fn heard(self) -> Vec<String> {
        self.thread.join().unwrap()
    }
}

/// Ends our direction and hears the rest, so that what was said is not lost to a reset.
fn close(mut stream: TcpStream) {
    let _ = stream.shutdown(Shutdown::Write);
    let mut rest = [0; 4096];
    while stream.read(&mut rest).is_ok_and(|read| read > 0) {}
}

/// A request: its head, and as much content as that says. Where content waits to be asked for, the head.
fn request(stream: &mut TcpStream) -> String {
    let mut heard = Vec::new();
    let mut byte = [0];
    while !heard.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => heard.push(byte[0]),
            other => panic!("{other:?} after {:?}", String::from_utf8_lossy(&heard)),
        }
    }
    let head = String::from_utf8(heard.clone()).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    if let (Some(length), false) = (length, head.contains("Expect: ")) {
        let mut content = vec![0; length.parse().unwrap()];
        stream.read_exact(&mut content).unwrap();
        heard.extend(content);
    }
    String::from_utf8_lossy(&heard).into_owned()
}

fn fetch(url: &str, args: &[&str]) -> Finished {
    let all: Vec<&str> = ["fetch", url].iter().chain(args).copied().collect();
    Run::new(&all).stdin_null().run("")
}

/// A reply of this content with its length.
fn ok(content: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{content}", content.len())
}
