//! A listener tells what each client failed with, and serves the others meanwhile.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::certs::{Certs, for_clients};
use crate::listen;
use crate::run::peer::{Peer, Random};
use crate::run::{Run, Running, Signal, have};

/// One client that comes through, so that what was told of the ones before is there.
fn good_client(certs: &Certs, port: u16, options: &str) {
    let endpoint = format!("tls://127.0.0.1:{port},ca={}{options}", certs.ca);
    Run::new(&["ask", &endpoint, "hello"]).run("").expect(0, "hello\n");
}

/// What a listener told of its clients until now, without what changes.
fn told(listener: Running, all: usize) -> String {
    let told = listener.told_when(|told| told.matches(": accept ").count() >= all);
    listener.signal(Signal::INT);
    let finished = listener.finish();
    assert_eq!(finished.code, 0, "{finished}");
    let lines = told.lines().skip_while(|line| !line.contains(": accept "));
    let mut out = String::new();
    for line in lines {
        // framecat: connection 3: accept 127.0.0.1:41327: …
        match line.split_once("127.0.0.1:") {
            Some((_, rest)) => {
                let said = rest.split_once(": ").map_or("", |(_, said)| said);
                out.push_str(&format!("accept PEER: {said}\n"));
            }
            None => out.push_str(&format!("{}\n", line.trim_end())),
        }
    }
    out
}

#[test]
fn every_client_that_fails_is_told_and_the_others_are_served() {
    if !have("openssl") {
        return;
    }
    let certs = Certs::new();
    let listener = listen(&certs, ",alpn=mqtt", &["--echo", "-f", "line"]);
    let port = listener.port();
    let mut plain = Peer::dial(port);
    plain.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    // An alert, and the end.
    assert_eq!(plain.rest().first(), Some(&21));
    let address = format!("127.0.0.1:{port}");
    let other = Certs::of("Another Authority");
    let s_client = |args: &[&str]| {
        let mut all = vec!["s_client", "-connect", &address];
        all.extend(args);
        let finished = Run::program("openssl", &all).run("");
        assert_ne!(finished.code, 0, "{finished}");
    };
    s_client(&["-verify_return_error", "-CAfile", &other.ca]);
    s_client(&["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"]);
    s_client(&["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"]);
    s_client(&["-alpn", "h2"]);
    let half = Peer::dial(port);
    (&half.0).write_all(b"\x16\x03\x01\x02\x00\x01").unwrap();
    half.end();
    // Whoever looks whether the port is open is no news.
    drop(TcpStream::connect(("127.0.0.1", port)).unwrap());
    let all = told_after(&certs, listener, 6);
    insta::assert_snapshot!(all);
}

fn told_after(certs: &Certs, listener: Running, all: usize) -> String {
    good_client(certs, listener.port(), "");
    told(listener, all)
}

#[test]
fn a_client_certificate_is_demanded_and_judged() {
    if !have("openssl") {
        return;
    }
    let (certs, other) = (Certs::new(), Certs::of("Another Authority"));
    let ours = certs.signed("client", for_clients);
    let theirs = other.signed("client", for_clients);
    let itself = certs.self_signed("itself", for_clients);
    let (ours, theirs, itself) = (&ours, &theirs, &itself);
    let options = format!(",ca={}", certs.ca);
    let listener = listen(&certs, &options, &["--echo", "-f", "line"]);
    let port = listener.port();
    let endpoint = format!("tls://127.0.0.1:{port},ca={}", certs.ca);
    let mut all = String::new();
    for (version, pair) in
        [("-tls1_3", None), ("-tls1_2", None), ("-tls1_3", Some(theirs)), ("-tls1_2", Some(itself))]
    {
        let mut args = vec!["s_client", "-connect", "", "-quiet", version];
        let address = format!("127.0.0.1:{port}");
        args[2] = &address;
        if let Some(pair) = pair {
            args.extend(["-cert", &pair.cert, "-key", &pair.key]);
        }
        let finished = Run::program("openssl", &args).run("hello\n");
        assert!(finished.stdout.is_empty(), "{finished}");
    }
    // Ours: in TLS 1.3 the server judges when we think that all is done.
    for options in [String::new(), format!(",cert={},key={}", theirs.cert, theirs.key)] {
        let finished = Run::new(&["ask", &format!("{endpoint}{options}"), "hello"]).run("");
        assert_eq!(finished.code, 6, "{finished}");
        let folder = other.file("");
        all += &finished.told(&[
            (folder.trim_end_matches('/'), "OTHER"),
            (certs.file("").trim_end_matches('/'), "FOLDER"),
            (&port.to_string(), "PORT"),
        ]);
    }
    good_client(&certs, port, &format!(",cert={},key={}", ours.cert, ours.key));
    all += &without_pin(&told(listener, 6));
    insta::assert_snapshot!(all);
}

fn without_pin(text: &str) -> String {
    let lines = text.lines().map(|line| match line.split_once("pin=sha256:") {
        Some((before, _)) => format!("{before}pin=…\n"),
        None => format!("{line}\n"),
    });
    lines.collect()
}

#[test]
fn a_client_is_known_by_its_pin() {
    if !have("openssl") {
        return;
    }
    let certs = Certs::new();
    let (one, other) = (certs.self_signed("one", |_| {}), certs.self_signed("other", |_| {}));
    let line = format!(
        "openssl x509 -in {} -noout -pubkey | openssl pkey -pubin -outform der | \
         openssl dgst -sha256 -binary | openssl base64",
        one.cert
    );
    let pin = Run::shell(&line).run("").text();
    let listener =
        listen(&certs, &format!(",pin=sha256:{}", pin.trim()), &["--echo", "-f", "line"]);
    let port = listener.port();
    let endpoint = format!("tls://127.0.0.1:{port},ca={}", certs.ca);
    let ask = |pair: &crate::certs::Pair| {
        let endpoint = format!("{endpoint},cert={},key={}", pair.cert, pair.key);
        Run::new(&["ask", &endpoint, "hello"]).run("")
    };
    ask(&one).expect(0, "hello\n");
    assert_eq!(ask(&other).code, 6);
    listener.told("the client's key is not the one of pin=");
}

#[test]
fn junk_harms_nothing() {
    let certs = Certs::new();
    let listener = listen(&certs, "", &["--echo", "-f", "line"]);
    let port = listener.port();
    let mut random = Random(0x7f4a_7c15);
    for round in 0..200 {
        let peer = Peer::dial(port);
        let mut bytes = random.bytes(1 + round * 7 % 900);
        // Half of them look like records, of every type and length.
        if round % 2 == 0 {
            bytes[0] = 20 + (round % 5) as u8;
            bytes.splice(1..1, [3, (round % 4) as u8]);
        }
        // It hangs up when it has seen enough.
        let _ = (&peer.0).write_all(&bytes);
        let _ = peer.0.shutdown(std::net::Shutdown::Write);
        let _ = (&peer.0).read_to_end(&mut Vec::new());
    }
    good_client(&certs, port, "");
}

#[test]
fn those_who_say_nothing_keep_nobody_out() {
    let certs = Certs::new();
    let listener = listen(&certs, "", &["--echo", "-f", "line"]);
    let port = listener.port();
    // More than may shake hands at once; each begins, and then says no more.
    let silent: Vec<Peer> = (0..200)
        .map(|_| {
            let mut peer = Peer::dial(port);
            peer.send(b"\x16\x03\x01\x02\x00");
            peer
        })
        .collect();
    let endpoint = format!("tls://127.0.0.1:{port},ca={}", certs.ca);
    Run::new(&["ask", &endpoint, "hello", "--wait", "9s"]).run("").expect(0, "hello\n");
    // The first of them gave way.
    assert_eq!((&silent[0].0).read(&mut [0]).unwrap(), 0);
}

#[test]
fn a_handshake_has_a_time_limit() {
    let certs = Certs::new();
    let listener = listen(&certs, "", &["--echo", "-f", "line"]);
    let mut peer = Peer::dial(listener.port());
    peer.send(b"\x16\x03\x01\x02\x00");
    assert_eq!(peer.rest(), b"");
    listener.told("it is there, but answered no TLS handshake within 10 s");
}

#[test]
fn a_raw_listener_waits_for_a_client_that_comes_through() {
    let certs = Certs::new();
    let mut listener = listen(&certs, "", &[]);
    let port = listener.port();
    listener.stdin_write("answer\n");
    listener.close_stdin();
    let mut junk = Peer::dial(port);
    junk.send("hello\n");
    assert_eq!(junk.rest().first(), Some(&21));
    let endpoint = format!("tls://127.0.0.1:{port},ca={}", certs.ca);
    Run::new(&["connect", &endpoint]).run("question\n").expect(0, "answer\n");
    listener.finish().expect(0, "question\n");
}

#[test]
fn a_fresh_certificate_works_with_its_pin_and_by_name() {
    let mut listener = Run::new(&["listen", "tls://:0,self-signed", "--echo", "--json"]).start();
    let line = listener.read_line();
    assert!(line.contains(r#""endpoint":"tls://127.0.0.1:"#), "{line}");
    assert!(line.contains(r#""pin":"sha256:"#), "{line}");
    let listener = Run::new(&["listen", "tls://:0,self-signed", "--echo", "-f", "line"]).start();
    let told = listener.told("pin=");
    let pin = told.split("pin=").nth(1).unwrap().lines().next().unwrap().to_string();
    let port = listener.port();
    let endpoint = format!("tls://:{port},pin={pin}");
    Run::new(&["ask", &endpoint, "hello"]).run("").expect(0, "hello\n");
    Run::new(&["connect", "-z", &endpoint]).run("").expect(0, "");
    // Each listener makes another key.
    let again = Run::new(&["listen", "tls://:0,self-signed", "--echo", "-f", "line"]).start();
    let endpoint = format!("tls://:{},pin={pin}", again.port());
    let finished = Run::new(&["ask", &endpoint, "hello"]).run("");
    assert_eq!(finished.code, 6, "{finished}");
}
