//! DNS over TCP: dig and dnsmasq on both sides of a relay, and framecat in the place of each.

use crate::run::{Run, Running, Signal, at_a_free_port, have};
use crate::shown::shown;

/// A query for the address of cat.example, and what its answer holds: 192.0.2.7.
const QUERY: &str = "51c80100000100000000000003636174076578616d706c650000010001";
const ADDRESS: &str = "c0000207";

fn dnsmasq() -> (Running, u16) {
    at_a_free_port(|port| {
        let port = format!("--port={port}");
        let args = ["-k", &port, "--listen-address=127.0.0.1", "--bind-interfaces", "--no-resolv"];
        let more = [
            "--no-hosts",
            "--address=/cat.example/192.0.2.7",
            "--pid-file=",
            "--conf-file=/dev/null",
        ];
        let last = ["--log-facility=-", "--user=root"];
        Run::program("dnsmasq", &[&args[..], &more, &last].concat()).stdin_null().start()
    })
    .until("started, version")
}

fn dig(port: u16, names: &[&str]) -> Run {
    let port = port.to_string();
    let fixed = ["+tcp", "+keepopen", "+short", "+tries=1", "+time=10", "-p", &port, "@127.0.0.1"];
    Run::program("dig", &[&fixed[..], names].concat())
}

#[test]
fn dig_asks_dnsmasq_through_a_relay_and_both_are_taken_in_hand() {
    if !have("dnsmasq") || !have("dig") {
        return;
    }
    let (server, port) = dnsmasq();
    let to = format!(":{port}");
    let relay = Run::new(&["relay", ":0", &to, "-f", "dns", "--show=hex", "--once"]).start();
    let asked = dig(relay.port(), &["cat.example", "A", "cat.example", "A"]).run("");
    asked.expect(0, "192.0.2.7\n192.0.2.7\n");
    let finished = relay.finish();
    assert_eq!(finished.code, 0, "{finished}");
    let told = shown(&finished.stderr);
    let marks: String = told.iter().map(|message| message.mark).collect();
    assert_eq!(marks, "<><>", "two queries over one connection: {told:?}");
    for answer in told.iter().filter(|message| message.mark == '>') {
        assert!(answer.text.replace(' ', "").contains(ADDRESS), "{answer:?}");
    }

    let asked = Run::new(&["ask", &to, "-f", "dns", "--in", "hex", "--out", "hex", QUERY]).run("");
    assert_eq!(asked.code, 0, "{asked}");
    assert!(asked.text().starts_with("51c8") && asked.text().contains(ADDRESS), "{asked}");
    server.signal(Signal::TERM);
    server.wait();
}

#[test]
fn dig_is_answered_by_a_listener() {
    if !have("dig") {
        return;
    }
    let mut listener =
        Run::new(&["listen", ":0", "-f", "dns", "--in", "hex", "--out", "hex", "--once"]).start();
    let client = dig(listener.port(), &["+noedns", "cat.example", "A"]).start();
    let query = listener.read_line();
    // The same number and question; one answer: the name again, A, IN, 60 s, four bytes.
    let question = &query[24..];
    let answer = format!(
        "{}818000010001000000 00{question}c00c000100010000003c0004{ADDRESS}\n",
        &query[..4]
    );
    listener.stdin_write(answer.replace(' ', ""));
    client.finish().expect(0, "192.0.2.7\n");
    assert_eq!(listener.finish().code, 0);
}
