//! The conformance table tried on servers that are wrong in ways that are known.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use framecat_net::Error;
use framecat_net::http::check::{Check, Cut, Failure, Report, Tryout, run};
use framecat_net::talk::Shutdown;
use framecat_proto::http::check::Level;

/// Longer than anything takes; reached only where a server says nothing.
const WAIT: Duration = Duration::from_secs(20);

fn file() -> Vec<u8> {
    b"a file of some length\n".repeat(10)
}

fn reply(status: &str, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nDate: Sun, 06 Nov 1994 08:50:00 GMT\r\nETag: \"x1\"\r\n\
         Content-Type: text/plain\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
         Content-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), content].concat()
}

/// A server that gives the same reply to each head, closes where no head comes, and knows nothing else.
/// Its address. It ends with the test's process.
fn serves(reply: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let reply = reply.clone();
            thread::spawn(move || answers(stream, &reply));
        }
    });
    address
}

fn answers(mut stream: TcpStream, reply: &[u8]) {
    let mut bytes = Vec::new();
    let mut buf = [0; 64 << 10];
    while let Ok(read @ 1..) = stream.read(&mut buf) {
        bytes.extend_from_slice(&buf[..read]);
        let mut answered = false;
        while let Some(end) = bytes.windows(4).position(|end| end == b"\r\n\r\n") {
            bytes.drain(..end + 4);
            answered = true;
            if stream.write_all(reply).is_err() {
                return;
            }
        }
        if !answered {
            return;
        }
    }
}

async fn tried(address: &str, split: bool) -> Result<Report, Error> {
    let check = Check {
        endpoint: address.parse().unwrap(),
        authority: address.into(),
        target: "/file.txt".into(),
        secured: false,
        wait: WAIT,
        connections: 16,
        split,
    };
    let (_switch, shutdown) = Shutdown::new();
    run(check, |_| {}, shutdown).await
}

fn by_id(report: &Report) -> HashMap<&str, &Tryout> {
    report.cases.iter().map(|tried| (tried.case.id, &tried.result)).collect()
}

#[track_caller]
fn failure<'a>(found: &HashMap<&str, &'a Tryout>, id: &str) -> &'a Failure {
    match found[id] {
        Tryout::Failed(failure) => failure,
        Tryout::Passed => panic!("{id} passed"),
        Tryout::Skipped(why) => panic!("{id} was skipped: {why}"),
        Tryout::Untried => panic!("{id} was not tried"),
    }
}

#[tokio::test]
async fn a_server_that_always_gives_its_file_is_found_out() {
    let address = serves(reply("200 OK", &file()));
    let report = tried(&address, false).await.unwrap();
    let found = by_id(&report);
    for id in ["get", "pipelined", "empty-line-between", "host-last", "range-first", "persistent"] {
        assert!(matches!(found[id], Tryout::Passed), "{id}");
    }
    let what = |id: &str| failure(&found, id).broken.what.clone();
    assert_eq!(what("host-missing"), "200");
    assert_eq!(what("close"), "the connection went on: then came 200");
    assert!(what("head").starts_with("what came is no answer: "), "{}", what("head"));
    assert_eq!(what("content-of-get"), "a further answer came: 200");
    assert_eq!(what("if-none-match"), "200");
    let missing = failure(&found, "host-missing");
    assert_eq!(missing.sent, b"GET /file.txt HTTP/1.1\r\n\r\n");
    assert!(missing.received.starts_with(b"HTTP/1.1 200 OK\r\n"));
    let must = report.breaches.iter().find(|breach| breach.law.level == Level::Must);
    assert!(must.is_none(), "{:?}", must.map(|breach| (breach.law.id, &breach.what)));
}

#[tokio::test]
async fn laws_are_looked_at_in_all_answers() {
    let reply = reply("200 OK", &file());
    let dateless = String::from_utf8(reply).unwrap().replacen("Date: Sun", "X: Sun", 1);
    let address = serves(dateless.into_bytes());
    let report = tried(&address, false).await.unwrap();
    let breach = report.breaches.iter().find(|breach| breach.law.id == "every-date").unwrap();
    assert_eq!((breach.case.id, &*breach.what), ("get", "200 without Date"));
    assert!(breach.received.starts_with(b"HTTP/1.1 200 OK\r\nX: Sun"));
    assert!(breach.count > 100, "{}", breach.count);
}

#[tokio::test]
async fn a_server_that_takes_a_read_for_a_request_is_found_out_by_cuts() {
    let address = serves(reply("200 OK", &file()));
    let report = tried(&address, true).await.unwrap();
    let found = by_id(&report);
    let get = failure(&found, "get");
    assert!(matches!(get.cut, Cut::At(_) | Cut::Bytes), "{:?} {}", get.cut, get.broken);
    assert!(get.broken.what.contains("no answer"), "{:?} {}", get.cut, get.broken);
}

#[tokio::test]
async fn what_is_no_file_is_said_at_once() {
    let address = serves(reply("404 Not Found", b"no"));
    let error = tried(&address, false).await.unwrap_err().to_string();
    assert!(error.contains("it answers a plain GET with 404"), "{error}");
    let address = serves(reply("200 OK", b"short"));
    let error = tried(&address, false).await.unwrap_err().to_string();
    assert!(error.contains("the file has 5 bytes"), "{error}");
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = tried(&gone.to_string(), false).await.unwrap_err().to_string();
    assert!(error.contains("refused"), "{error}");
}
