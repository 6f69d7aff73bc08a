//! Whole conversations with openssl, Python's ssl, socat and ncat.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;

use crate::certs::{Certs, for_clients};
use crate::run::peer::Random;
use crate::run::{PATIENCE, Run, Signal, have};
use crate::{listen, openssl_server, python_server};

#[test]
fn openssl_talks_to_a_listener_and_changes_its_keys() {
    if !have("openssl") {
        return;
    }
    let certs = Certs::new();
    let mut listener = listen(&certs, "", &["--echo", "-f", "line"]);
    let address = format!("127.0.0.1:{}", listener.port());
    for (version, commands) in [("-tls1_2", ""), ("-tls1_3", "K\nk\n")] {
        let args = [
            "s_client",
            "-connect",
            &address,
            "-CAfile",
            &certs.ca,
            "-verify_return_error",
            version,
        ];
        let mut client = Run::program("openssl", &args).start();
        client.read_until("---\n");
        let mut updates = 0;
        for line in ["one\n", commands, "two\n"] {
            // It takes a letter for a command at the beginning of what one read gives.
            for part in line.split_inclusive('\n') {
                client.stdin_write(part);
                match part {
                    "K\n" | "k\n" => {
                        updates += 1;
                        client.told_when(|told| told.matches("KEYUPDATE").count() == updates);
                    }
                    part => drop(client.read_until(part)),
                }
            }
        }
        assert_eq!(listener.read_line(), "one");
        assert_eq!(listener.read_line(), "two");
        assert_eq!(client.finish().code, 0);
    }
}

#[test]
fn a_renegotiation_is_refused_and_harms_nobody_else() {
    if !have("openssl") {
        return;
    }
    let certs = Certs::new();
    let mut listener = listen(&certs, "", &["--echo", "-f", "line"]);
    let address = format!("127.0.0.1:{}", listener.port());
    let mut client =
        Run::program("openssl", &["s_client", "-connect", &address, "-tls1_2"]).start();
    client.stdin_write("one\n");
    assert_eq!(listener.read_line(), "one");
    client.stdin_write("R\n");
    client.told("RENEGOTIATING");
    drop(client);
    let endpoint = format!("tls://{address},ca={}", certs.ca);
    Run::new(&["ask", &endpoint, "two"]).run("").expect(0, "two\n");
}

#[test]
fn we_talk_to_openssl() {
    if !have("openssl") {
        return;
    }
    let certs = Certs::new();
    let good = certs.good();
    for version in ["-tls1_2", "-tls1_3"] {
        let (mut server, port) = openssl_server(&["-cert", &good.cert, "-key", &good.key, version]);
        let endpoint = format!("tls://127.0.0.1:{port},ca={}", certs.ca);
        let mut client = Run::new(&["connect", &endpoint]).start();
        client.stdin_write("question\n");
        server.read_until("question\n");
        server.stdin_write("answer\n");
        assert_eq!(client.read_line(), "answer");
        // Its session tickets are no bytes of anybody's.
        client.signal(Signal::INT);
        let finished = client.wait();
        assert_eq!(finished.code, 130, "{finished}");
        assert!(!finished.stderr.contains("not read"), "{finished}");
    }
}

#[test]
fn socat_and_ncat_are_served_and_serve() {
    if !have("socat") || !have("ncat") {
        return;
    }
    let certs = Certs::new();
    let good = certs.good();
    let client = certs.signed("client", for_clients);
    let listener =
        listen(&certs, &format!(",ca={}", certs.ca), &["--reply", "got {payload}", "-f", "line"]);
    let port = listener.port();
    let socat = format!(
        "OPENSSL:localhost:{port},cafile={},cert={},key={}",
        certs.ca, client.cert, client.key
    );
    let mut socat = Run::program("socat", &["-", &socat]).start();
    socat.stdin_write("hello\n");
    assert_eq!(socat.read_line(), "got hello");
    drop(socat);
    let ncat =
        ["--ssl-verify", "--ssl-trustfile", &certs.ca, "--ssl-cert", &client.cert, "--ssl-key"];
    let port = port.to_string();
    let mut ncat =
        Run::program("ncat", &[&ncat[..], &[&client.key, "localhost", &port]].concat()).start();
    ncat.stdin_write("hello\n");
    assert_eq!(ncat.read_line(), "got hello");
    drop(ncat);
    let socat = format!(
        "OPENSSL-LISTEN:0,bind=127.0.0.1,reuseaddr,cert={},key={},cafile={}",
        good.cert, good.key, certs.ca
    );
    let server = Run::program("socat", &["-d", "-d", &socat, "EXEC:cat"]).start();
    let told = server.told_when(|told| told.contains("listening on AF=2 127.0.0.1:"));
    let port = told.rsplit("127.0.0.1:").next().unwrap().lines().next().unwrap().to_string();
    let endpoint =
        format!("tls://127.0.0.1:{port},ca={},cert={},key={}", certs.ca, client.cert, client.key);
    Run::new(&["ask", &endpoint, "hello"]).run("").expect(0, "hello\n");
}

/// Answers every byte with itself, while more comes.
const ECHO: &str = r#"
import socket, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1])
while True:
    conn = context.wrap_socket(listener.accept()[0], server_side=True)
    while part := conn.recv(1 << 16):
        conn.sendall(part)
    conn.unwrap()
    conn.close()
"#;

fn big() -> Vec<u8> {
    Random(0x1234_5678_9abc).bytes(8_000_003)
}

#[test]
fn much_goes_both_ways_at_once_and_comes_back_the_same() {
    if !have("python3") {
        return;
    }
    let certs = Certs::new();
    let good = certs.good();
    let (_server, port) = python_server(ECHO, &[&good.cert, &good.key]);
    let endpoint = format!("tls://127.0.0.1:{port},ca={}", certs.ca);
    let finished = Run::new(&["connect", &endpoint]).run(big());
    assert_eq!(finished.code, 0, "{}", finished.stderr);
    assert!(finished.stdout == big());
    // And with our own other end, which answers each line with itself.
    let listener = listen(&certs, "", &["--echo", "-f", "len:u32be", "--out", "len:u32be"]);
    let endpoint = format!("tls://127.0.0.1:{},ca={}", listener.port(), certs.ca);
    let mut messages = Vec::new();
    for message in big().chunks(70_001) {
        messages.extend_from_slice(&(message.len() as u32).to_be_bytes());
        messages.extend_from_slice(message);
    }
    let rule = "len:u32be";
    let finished = Run::new(&["connect", &endpoint, "-f", rule, "--in", rule, "--out", rule])
        .run(messages.clone());
    assert_eq!(finished.code, 0, "{}", finished.stderr);
    assert!(finished.stdout == messages);
}

#[test]
fn a_relay_puts_tls_on_and_takes_it_off() {
    if !have("python3") {
        return;
    }
    let certs = Certs::new();
    let good = certs.good();
    let (_server, port) = python_server(ECHO, &[&good.cert, &good.key]);
    // tcp → tls → tcp → tls: a plain client and a server of Python's at the ends.
    let to_python = format!("tls://127.0.0.1:{port},ca={}", certs.ca);
    let third = Run::new(&["relay", ":0", &to_python]).start();
    let left = format!("tls://127.0.0.1:0,cert={},key={}", good.cert, good.key);
    let second = Run::new(&["relay", &left, &format!(":{}", third.port())]).start();
    let to_second = format!("tls://127.0.0.1:{},ca={}", second.port(), certs.ca);
    let first = Run::new(&["relay", ":0", &to_second]).start();
    let mut client = TcpStream::connect(("127.0.0.1", first.port())).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut writer = client.try_clone().unwrap();
    let sending = thread::spawn(move || {
        writer.write_all(&big()).unwrap();
        writer.shutdown(std::net::Shutdown::Write).unwrap();
    });
    let mut back = Vec::new();
    client.read_to_end(&mut back).unwrap();
    sending.join().unwrap();
    assert!(back == big(), "{} bytes came back", back.len());
    for relay in [first, second, third] {
        relay.signal(Signal::INT);
        assert_eq!(relay.finish().code, 0);
    }
}

#[test]
fn lines_are_framed_over_tls_and_reframed_by_a_relay() {
    let certs = Certs::new();
    let listener = listen(&certs, "", &["--echo", "-f", "len:u16be"]);
    let right = format!("tls://127.0.0.1:{},ca={},frame=len:u16be", listener.port(), certs.ca);
    let relay = Run::new(&["relay", ":0", &right, "-f", "line", "--show"]).start();
    let endpoint = format!(":{}", relay.port());
    Run::new(&["ask", &endpoint, "one", "two"]).run("").expect(0, "one\ntwo\n");
    relay.told("3B two");
}
