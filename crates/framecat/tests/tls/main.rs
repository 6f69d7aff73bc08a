//! `tls://` beside openssl, Python's ssl, socat and ncat: both roles, every kind of bad certificate,
//! and streams that are cut anywhere.

#[path = "../run/mod.rs"]
mod run;

mod certs;
mod ends;
mod many;
mod peers;
mod refused_by_client;
mod refused_by_server;

use certs::Certs;
use run::{Run, Running};

/// A server of openssl's with more arguments, on a port of its own.
fn openssl_server(args: &[&str]) -> (Running, u16) {
    let mut all = vec!["s_server", "-accept", "127.0.0.1:0"];
    all.extend(args);
    let mut server = Run::program("openssl", &all).start();
    // "ACCEPT 127.0.0.1:41327"
    let line = server.read_until("ACCEPT ");
    assert!(!line.is_empty());
    let address = server.read_line();
    let port = address.trim().rsplit(':').next().and_then(|port| port.parse().ok());
    (server, port.unwrap_or_else(|| panic!("no port in {address}")))
}

/// A program in Python that prints its port in its first line.
fn python_server(program: &str, args: &[&str]) -> (Running, u16) {
    let mut all = vec!["-u", "-c", program];
    all.extend(args);
    let mut server = Run::program("python3", &all).start();
    let port = server.read_line().parse().expect("it tells its port");
    (server, port)
}

/// `listen` on a free port with a certificate of its own for this machine.
fn listen(certs: &Certs, options: &str, args: &[&str]) -> Running {
    let good = certs.good();
    let endpoint = format!("tls://127.0.0.1:0,cert={},key={}{options}", good.cert, good.key);
    let mut all = vec!["listen", &endpoint];
    all.extend(args);
    Run::new(&all).start()
}
