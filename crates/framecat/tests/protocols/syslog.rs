//! Syslog over TCP with rsyslogd and logger, both ways, by lengths and by lines.

use std::net::TcpStream;
use std::time::Instant;

use crate::run::{Folder, PATIENCE, Run, Running, Signal, have};

/// rsyslogd with an input of TCP that passes everything to `actions`, and its port.
///
/// Without a queue of its own, which several threads would empty, it keeps the order of messages.
/// It tells the port in a file, which is a pipe here, and listens there a moment later: so it is
/// dialled until somebody is there.
fn rsyslogd(folder: &Folder, actions: &str) -> (Running, u16) {
    let (told, work, config) = (folder.file("port"), folder.path().display(), folder.file("conf"));
    let text = format!(
        r#"global(workDirectory="{work}" parser.escapeControlCharactersOnReceive="off")
module(load="imtcp")
template(name="whole" type="string" string="%rawmsg%\n")
template(name="same" type="string" string="%rawmsg%")
input(type="imtcp" address="127.0.0.1" port="0" listenPortFileName="{told}" ruleset="all")
ruleset(name="all" queue.type="Direct") {{
  action(type="omfile" file="/dev/stdout" template="whole")
  {actions}
}}
"#
    );
    std::fs::write(&config, text).expect("the folder can be written");
    let made = Run::program("mkfifo", &[&told]).run("");
    assert_eq!(made.code, 0, "{made}");
    // Held open both ways, so that what is told does not wait for a reader, nor is lost without one.
    let pipe = std::fs::File::options().read(true).write(true).open(&told).expect("it was made");
    let args = ["-n", "-i", &folder.file("pid"), "-f", &config];
    let running = Run::program("rsyslogd", &args).stdin_null().start();
    let port = Run::program("dd", &["bs=16", "count=1", "status=none"]).stdin(pipe).run("").text();
    let port = port.trim().parse().expect("it tells its port");
    let until = Instant::now() + PATIENCE;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < until, "rsyslogd does not listen at {port}");
        std::thread::yield_now();
    }
    (running, port)
}

#[test]
fn rsyslogd_takes_what_we_send_by_length() {
    if !have("rsyslogd") {
        return;
    }
    let folder = Folder::new();
    let (mut server, port) = rsyslogd(&folder, "");
    let args = ["connect", &format!(":{port}"), "-f", "syslog"];
    Run::new(&args)
        .run("<13>1 - - - - - - hello\n<34>su: failed for h\u{e9}l\u{e8}ne\n")
        .expect(0, "");
    assert_eq!(server.read_line(), "<13>1 - - - - - - hello");
    assert_eq!(server.read_line(), "<34>su: failed for h\u{e9}l\u{e8}ne");
    // A length holds what a line does not.
    let two =
        Run::new(&[&args[..], &["--in", "quoted"]].concat()).run("<13>1 - - - - - - two\\nlines\n");
    two.expect(0, "");
    assert_eq!(server.read_line(), "<13>1 - - - - - - two");
    assert_eq!(server.read_line(), "lines");
}

#[test]
fn rsyslogd_sends_to_us_by_length_and_by_line() {
    if !have("rsyslogd") {
        return;
    }
    let listen =
        || Run::new(&["listen", ":0", "-f", "syslog", "--count", "21"]).stdin_null().start();
    let (mut counted, mut lines) = (listen(), listen());
    let forward = |port: u16, how: &str| {
        format!(
            r#"action(type="omfwd" target="127.0.0.1" port="{port}" protocol="tcp" TCP_Framing="{how}" template="same")"#
        )
    };
    let folder = Folder::new();
    let actions = [forward(counted.port(), "octet-counted"), forward(lines.port(), "traditional")]
        .join("\n  ");
    let (_server, port) = rsyslogd(&folder, &actions);
    let messages: String = (0..20).map(|i| format!("<13>1 - - - - - - message {i}\n")).collect();
    let sent = format!("{messages}<34>1 - - - - - - the last\n");
    Run::new(&["connect", &format!(":{port}"), "-f", "syslog"]).run(sent.as_str()).expect(0, "");
    for (listener, how) in [(&mut counted, "by length"), (&mut lines, "by line")] {
        for line in sent.lines() {
            assert_eq!(listener.read_line(), line, "{how}");
        }
    }
    assert_eq!((counted.wait().code, lines.wait().code), (0, 0));
}

#[test]
fn logger_is_heard_both_ways() {
    if !have("logger") {
        return;
    }
    let mut listener = Run::new(&["listen", ":0", "-f", "syslog"]).stdin_null().start();
    let port = listener.port().to_string();
    for how in [&[][..], &["--octet-count"]] {
        let args = [
            "-T",
            "-n",
            "127.0.0.1",
            "-P",
            &port,
            "-t",
            "tag",
            "--rfc5424=notime,notq,nohost",
            "hello",
            "there",
        ];
        let logger = Run::program("logger", &[how, &args].concat()).run("");
        assert_eq!(logger.code, 0, "{logger}");
        assert_eq!(listener.read_line(), "<13>1 - - tag - - - hello there", "{how:?}");
    }
    listener.signal(Signal::TERM);
    assert_eq!(listener.wait().code, 0);
}

#[test]
fn a_relay_turns_lines_into_lengths_and_keep_leaves_them() {
    let mut raw =
        Run::new(&["listen", ":0", "-f", "raw", "--out", "quoted", "-v"]).stdin_null().start();
    let there = raw.endpoint();
    for (framing, bytes) in [("syslog", "7 <13>old3 <1>"), ("syslog,keep", "<13>old\\n3 <1>")] {
        let relay = Run::new(&["relay", ":0", &there, "-f", framing, "--once"]).start();
        let sent = Run::new(&["connect", &relay.endpoint(), "-f", "raw"]).run("<13>old\n3 <1>");
        sent.expect(0, "");
        assert_eq!(relay.wait().code, 0, "{framing}");
        assert_eq!(raw.read_line(), bytes, "{framing}");
    }
}
