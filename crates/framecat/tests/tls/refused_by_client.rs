//! Each kind of server that is not trusted has its sentence, its remedy, and exit code 6.

use std::io::Write;
use std::net::TcpStream;
use std::thread;

use rcgen::date_time_ymd;

use crate::certs::{Certs, Pair, an_authority, for_clients, for_names};
use crate::run::peer::tcp;
use crate::run::{Finished, Run, have};
use crate::{openssl_server, python_server};

/// Dials a server of openssl's with this certificate.
fn dial(certs: &Certs, pair: &Pair, server: &[&str], options: &str) -> (Finished, u16) {
    let mut args = vec!["-cert", &pair.cert, "-key", &pair.key];
    args.extend(server);
    let (server, port) = openssl_server(&args);
    let endpoint = format!("tls://127.0.0.1:{port},ca={}{options}", certs.ca);
    let finished = Run::new(&["connect", &endpoint]).run("hello\n");
    drop(server);
    (finished, port)
}

/// The told of a run with what changes taken out.
fn told(certs: &Certs, (finished, port): &(Finished, u16)) -> String {
    assert_eq!(finished.code, 6, "{finished}");
    assert!(finished.stdout.is_empty(), "{finished}");
    let folder = certs.file("");
    without_pins(&finished.told(&[(&port.to_string(), "PORT"), (folder.trim_end_matches('/'), "")]))
}

fn without_pins(text: &str) -> String {
    let mut parts = text.split("sha256:");
    let mut out = parts.next().unwrap_or_default().to_string();
    for part in parts {
        let end = part.find(|c: char| !(c.is_ascii_alphanumeric() || "+/=".contains(c)));
        out.push_str("sha256:…");
        out.push_str(&part[end.unwrap_or(part.len())..]);
    }
    out
}

#[test]
fn every_bad_certificate_has_its_sentence() {
    if !have("openssl") {
        return;
    }
    let certs = Certs::new();
    let other = Certs::of("Another Authority");
    let now = certs.signed("expired", |params| params.not_after = date_time_ymd(2024, 2, 29));
    let mut all = told(&certs, &dial(&certs, &now, &[], ""));
    let early = certs.signed("early", |params| params.not_before = date_time_ymd(2999, 1, 1));
    let (finished, port) = dial(&certs, &early, &[], "");
    // The day of today is another one every day.
    let today = finished.stderr.split("here it is ").nth(1).map(|rest| &rest[..10]);
    let today = today.unwrap_or_else(|| panic!("{finished}")).to_string();
    all += &told(&certs, &(finished, port)).replace(&today, "TODAY");
    let names: &[&str] = &["a.example", "*.b.example"];
    for (name, change) in [("names", names), ("no-name", &[])] {
        let pair = certs.signed(name, for_names(change));
        all += &told(&certs, &dial(&certs, &pair, &[], ""));
    }
    let itself = certs.self_signed("self", |_| {});
    all += &told(&certs, &dial(&certs, &itself, &[], ""));
    let itself = certs.self_signed("self-ca", an_authority);
    all += &told(&certs, &dial(&certs, &itself, &[], ""));
    all += &told(&certs, &dial(&certs, &other.good(), &[], ""));
    // Of the same name, which anybody can give himself.
    all += &told(&certs, &dial(&certs, &Certs::new().good(), &[], ""));
    let pin = ",pin=sha256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    all += &told(&certs, &dial(&certs, &certs.good(), &[], pin));
    all += &told(&certs, &dial(&certs, &certs.signed("clients", for_clients), &[], ""));
    all += &told(&certs, &dial(&certs, &certs.signed("authority", an_authority), &[], ""));
    all += &told(&certs, &dial(&certs, &certs.broken("broken"), &[], ""));
    insta::assert_snapshot!(all);
}

#[test]
fn a_weak_signature_is_refused() {
    if !have("openssl") {
        return;
    }
    let certs = Certs::new();
    let (ca, key) = (certs.file("weak-ca.pem"), certs.file("weak-ca.key"));
    let leaf = Pair { cert: certs.file("weak.pem"), key: certs.file("weak.key") };
    let request = certs.file("weak.csr");
    let openssl = |args: &str| {
        let args: Vec<&str> = args.split(' ').collect();
        let finished = Run::program("openssl", &args).run("");
        assert_eq!(finished.code, 0, "{finished}");
    };
    openssl(&format!("req -x509 -newkey rsa:2048 -nodes -keyout {key} -out {ca} -subj /CN=weak"));
    let leaf_key = &leaf.key;
    openssl(&format!(
        "req -new -newkey rsa:2048 -nodes -keyout {leaf_key} -out {request} -subj /CN=x"
    ));
    let cert = &leaf.cert;
    let names = certs.file("names.cnf");
    std::fs::write(&names, "subjectAltName=IP:127.0.0.1\n").unwrap();
    openssl(&format!(
        "x509 -req -sha1 -in {request} -CA {ca} -CAkey {key} -CAcreateserial -out {cert} -extfile {names}"
    ));
    let level = ["-cipher", "DEFAULT@SECLEVEL=0"];
    let (server, port) = openssl_server(&[&["-cert", cert, "-key", leaf_key], &level[..]].concat());
    let finished = Run::new(&["connect", &format!("tls://127.0.0.1:{port},ca={ca}")]).run("");
    drop(server);
    insta::assert_snapshot!(told(&certs, &(finished, port)));
}

#[test]
fn a_server_that_wants_a_certificate_says_so() {
    if !have("openssl") {
        return;
    }
    let certs = Certs::new();
    let other = Certs::of("Another Authority");
    let good = certs.good();
    let mut all = String::new();
    for version in ["-tls1_3", "-tls1_2"] {
        let demands = [version, "-Verify", "1", "-verify_return_error", "-CAfile", &certs.ca];
        all += &told(&certs, &dial(&certs, &good, &demands, ""));
        let theirs = other.good();
        let options = format!(",cert={},key={}", theirs.cert, theirs.key);
        let (finished, port) = dial(&certs, &good, &demands, &options);
        let folder = other.file("");
        let folder = folder.trim_end_matches('/').to_string();
        all += &told(&certs, &(finished, port)).replace(&folder, "");
        let ours = certs.signed("client", for_clients);
        let options = format!(",cert={},key={}", ours.cert, ours.key);
        let (server, port) = openssl_server(
            &[&["-cert", &good.cert, "-key", &good.key], &demands[..], &["-rev"]].concat(),
        );
        let endpoint = format!("tls://127.0.0.1:{port},ca={}{options}", certs.ca);
        Run::new(&["ask", &endpoint, "hello"]).run("").expect(0, "olleh\n");
        drop(server);
    }
    insta::assert_snapshot!(all);
}

#[test]
fn a_server_with_nothing_in_common_is_told() {
    if !have("openssl") {
        return;
    }
    let certs = Certs::new();
    let good = certs.good();
    let mut all = String::new();
    for (server, options) in [
        (&["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"][..], ""),
        (&["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256"][..], ""),
        (&["-alpn", "mqtt"][..], ",alpn=h2+http/1.1"),
    ] {
        all += &told(&certs, &dial(&certs, &good, server, options));
    }
    insta::assert_snapshot!(all);
}

/// A server that says this to whoever dials, in plain, and hangs up when the dialler has.
fn says(bytes: &'static [u8], hangs_up: bool) -> (thread::JoinHandle<()>, u16) {
    let (listener, port) = tcp();
    let said = thread::spawn(move || {
        let (mut peer, _): (TcpStream, _) = listener.accept().unwrap();
        // The dialler may be gone by then.
        let _ = peer.write_all(bytes);
        if hangs_up {
            let _ = peer.shutdown(std::net::Shutdown::Write);
        }
        let _ = std::io::copy(&mut peer, &mut std::io::sink());
    });
    (said, port)
}

#[test]
fn a_server_that_speaks_no_tls_is_quoted() {
    let certs = Certs::new();
    let mut all = String::new();
    for (bytes, hangs_up) in [
        (&b"220 mail.example ESMTP \x1b[31mready\r\n"[..], false),
        (b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", true),
        (b"!", true),
        (b"", true),
        (b"\x16\x03\x03\x00", true),
        (b"\x16\x03\x03\x00\x05hello", false),
    ] {
        let (said, port) = says(bytes, hangs_up);
        let finished = Run::new(&["connect", &format!("tls://127.0.0.1:{port}")]).run("");
        said.join().unwrap();
        all += &told(&certs, &(finished, port));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    let (said, port) = says(b"", false);
    let endpoint = format!("tls://127.0.0.1:{port}");
    let finished = Run::new(&["connect", &endpoint, "--wait", "200ms"]).run("");
    said.join().unwrap();
    assert_eq!(finished.code, 5, "{finished}");
    insta::assert_snapshot!(finished.told(&[(&port.to_string(), "PORT")]));
}

#[test]
fn the_pin_is_the_one_that_openssl_computes_and_is_enough() {
    if !have("openssl") {
        return;
    }
    let certs = Certs::new();
    // Expired, of another name, for clients, signed by itself: the key is the right one.
    let pair = certs.self_signed("pinned", |params| {
        params.not_after = date_time_ymd(2024, 2, 29);
        for_names(&["a.example"])(params);
        for_clients(params);
    });
    let line = format!(
        "openssl x509 -in {} -noout -pubkey | openssl pkey -pubin -outform der | openssl dgst -sha256",
        pair.cert
    );
    let hash = Run::shell(&line).run("").text();
    let hash = hash.trim().rsplit(' ').next().unwrap().to_string();
    for version in ["-tls1_2", "-tls1_3"] {
        let (_server, port) =
            openssl_server(&["-cert", &pair.cert, "-key", &pair.key, version, "-rev"]);
        let endpoint = format!("tls://127.0.0.1:{port},pin=sha256:{hash}");
        Run::new(&["ask", &endpoint, "abc"]).run("").expect(0, "cba\n");
        // Both are asked for, and the second does not hold.
        let both = format!("{endpoint},ca={}", certs.ca);
        let finished = Run::new(&["ask", &both, "abc"]).run("");
        assert_eq!(finished.code, 6, "{finished}");
    }
}

#[test]
fn a_self_signed_certificate_is_trusted_by_naming_it() {
    if !have("openssl") {
        return;
    }
    let certs = Certs::new();
    let plain = certs.self_signed("plain", |_| {});
    // As `openssl req -x509` makes them.
    let authority = certs.self_signed("authority", an_authority);
    for pair in [&plain, &authority] {
        let (_server, port) = openssl_server(&["-cert", &pair.cert, "-key", &pair.key, "-rev"]);
        let ca = &pair.cert;
        let ask =
            |host: &str| Run::new(&["ask", &format!("tls://{host}:{port},ca={ca}"), "abc"]).run("");
        ask("127.0.0.1").expect(0, "cba\n");
        let wrong = format!("tls://127.0.0.1:{port},ca={ca},sni=other.example");
        let finished = Run::new(&["ask", &wrong, "abc"]).run("");
        assert_eq!(finished.code, 6, "{finished}");
        assert!(finished.stderr.contains("not for other.example"), "{finished}");
    }
    let late = certs.self_signed("late", |params| {
        an_authority(params);
        params.not_after = date_time_ymd(2024, 2, 29);
    });
    let (_server, port) = openssl_server(&["-cert", &late.cert, "-key", &late.key, "-rev"]);
    let endpoint = format!("tls://127.0.0.1:{port},ca={}", late.cert);
    let finished = Run::new(&["ask", &endpoint, "abc"]).run("");
    assert_eq!(finished.code, 6, "{finished}");
    assert!(finished.stderr.contains("expired on 2024-02-29"), "{finished}");
}

#[test]
fn the_roots_of_the_system_are_those_of_ssl_cert_file() {
    if !have("openssl") {
        return;
    }
    let certs = Certs::new();
    let good = certs.good();
    let (_server, port) = openssl_server(&["-cert", &good.cert, "-key", &good.key, "-rev"]);
    let endpoint = format!("tls://:{port}");
    let ask = |file: &str| {
        Run::new(&["ask", &endpoint, "abc"])
            .env("SSL_CERT_FILE", file)
            .env("SSL_CERT_DIR", "")
            .run("")
    };
    ask(&certs.ca).expect(0, "cba\n");
    let other = Certs::of("Another Authority");
    let finished = ask(&other.ca);
    assert_eq!(finished.code, 6, "{finished}");
    let finished = ask(&certs.file("missing.pem"));
    assert_eq!(finished.code, 2, "{finished}");
    assert!(finished.stderr.contains("SSL_CERT_FILE"), "{finished}");
}

#[test]
fn what_cannot_be_used_of_the_options_is_told_before_anybody_is_called() {
    if !have("openssl") {
        return;
    }
    let certs = Certs::new();
    let (good, other) = (certs.good(), certs.signed("other", |_| {}));
    let (der, locked) = (certs.file("good.der"), certs.file("locked.key"));
    let (cert, key) = (&good.cert, &good.key);
    for line in [
        format!("openssl x509 -in {cert} -outform der -out {der}"),
        format!("openssl pkey -in {key} -aes128 -passout pass:x -out {locked}"),
    ] {
        assert_eq!(Run::shell(&line).run("").code, 0);
    }
    let broken = certs.file("broken.pem");
    std::fs::write(&broken, "-----BEGIN CERTIFICATE-----\nAA*\n-----END CERTIFICATE-----\n")
        .unwrap();
    let missing = certs.file("missing.pem");
    let other_key = &other.key;
    let mut all = String::new();
    let folder = certs.file("");
    for (verb, options) in [
        ("listen", String::new()),
        ("listen", format!("cert={cert},key={key},sni=x")),
        ("listen", format!("cert={missing}")),
        ("listen", format!("cert={cert}")),
        ("listen", format!("cert={cert},key={other_key}")),
        ("listen", format!("cert={cert},key={locked}")),
        ("listen", format!("cert={cert},key={cert}")),
        ("listen", format!("cert={key},key={key}")),
        ("listen", format!("cert={der},key={key}")),
        ("listen", format!("cert={broken},key={key}")),
        ("listen", format!("cert={folder},key={key}")),
        ("listen", "self-signed,ca=/dev/null".into()),
        ("listen", "self-signed,sni=x".into()),
        ("connect", "self-signed".into()),
        ("connect", format!("ca={missing}")),
        ("connect", format!("ca={key}")),
    ] {
        let endpoint = format!("tls://:1,{options}");
        let finished = Run::new(&[verb, endpoint.trim_end_matches(',')]).run("");
        assert_eq!(finished.code, 2, "{finished}");
        all += &finished.told(&[(folder.trim_end_matches('/'), "FOLDER")]);
    }
    insta::assert_snapshot!(all);
}

#[test]
fn the_name_asked_for_and_the_protocols_are_seen_by_the_server() {
    if !have("python3") {
        return;
    }
    const SERVER: &str = r#"
import socket, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
context.set_alpn_protocols(["http/1.1", "mqtt"])
asked = []
context.sni_callback = lambda conn, name, context: asked.append(name)
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1])
while True:
    conn = context.wrap_socket(listener.accept()[0], server_side=True)
    conn.sendall(f"{asked.pop()} {conn.selected_alpn_protocol()} {conn.version()}\n".encode())
    conn.unwrap()
"#;
    let certs = Certs::new();
    let good = certs.good();
    let (_server, port) = python_server(SERVER, &[&good.cert, &good.key]);
    for (host, options, seen) in [
        ("127.0.0.1", "", "None None TLSv1.3\n"),
        ("localhost", "", "localhost None TLSv1.3\n"),
        ("", "", "localhost None TLSv1.3\n"),
        ("127.0.0.1", ",sni=localhost", "localhost None TLSv1.3\n"),
        ("127.0.0.1", ",sni=::1", "None None TLSv1.3\n"),
        ("127.0.0.1", ",alpn=h2+mqtt+http/1.1", "None http/1.1 TLSv1.3\n"),
        ("127.0.0.1", ",alpn=mqtt", "None mqtt TLSv1.3\n"),
    ] {
        let endpoint = format!("tls://{host}:{port},ca={}{options}", certs.ca);
        Run::new(&["connect", &endpoint]).run("").expect(0, seen);
    }
}
