//! PostgreSQL: its server and psql on both sides of a relay, and framecat in the place of each.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::{Folder, Run, Running, Signal, at_a_free_port, have, skipped};
use crate::shown::{first_letters, shown};

const REQUEST_TLS: &str = "0000000804d2162f";

/// The folder of the server's programs: Debian keeps them out of PATH.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut found: Vec<PathBuf> = versions.map(|entry| entry.unwrap().path().join("bin")).collect();
    found.retain(|bin| bin.join("postgres").exists() && bin.join("initdb").exists());
    found.sort();
    found.pop()
}

/// The server refuses to run as root: it runs as nobody there.
fn as_nobody(program: &Path, args: &[&str]) -> Run {
    let program = program.to_str().expect("its path is plain text");
    if !rustix::process::geteuid().is_root() {
        return Run::program(program, args);
    }
    let nobody = ["--reuid=nobody", "--regid=nogroup", "--clear-groups", program];
    Run::program("setpriv", &[&nobody, args].concat())
}

/// A database of its own in `folder`, with a certificate.
fn database(bin: &Path, folder: &Folder) -> String {
    let data = folder.file("data");
    let root = rustix::process::geteuid().is_root();
    if root {
        let given = Command::new("chown").args(["nobody:nogroup"]).arg(folder.path()).status();
        assert!(given.expect("chown is there").success());
    }
    let made =
        as_nobody(&bin.join("initdb"), &["-D", &data, "-A", "trust", "-U", "cat", "--no-sync"]);
    let made = made.run("");
    assert_eq!(made.code, 0, "{made}");
    let (key, certificate) = (format!("{data}/server.key"), format!("{data}/server.crt"));
    let request =
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -days 2";
    let mut args: Vec<&str> = request.split(' ').collect();
    args.extend(["-keyout", &key, "-out", &certificate]);
    let made = as_nobody(Path::new("openssl"), &args).run("");
    assert_eq!(made.code, 0, "{made}");
    data
}

/// Starts the server, on a Unix socket in `folder` and on a port.
fn server(bin: &Path, data: &str, folder: &Folder) -> (Running, u16) {
    let sockets = folder.path().to_str().expect("it is plain text");
    at_a_free_port(|port| {
        let port = port.to_string();
        let args = ["-D", data, "-k", sockets, "-p", &port, "-c", "listen_addresses=127.0.0.1"];
        let more = ["-c", "fsync=off", "-c", "ssl=on"];
        as_nobody(&bin.join("postgres"), &[&args[..], &more].concat())
            .in_folder(folder.path())
            .start()
    })
    .until("ready to accept connections")
}

fn psql(port: u16, mode: &str, query: &str) -> Run {
    let port = port.to_string();
    let args = ["-h", "127.0.0.1", "-p", &port, "-U", "cat", "-d", "postgres", "-XAtc", query];
    Run::program("psql", &args).env("PGSSLMODE", mode).env("PGGSSENCMODE", "disable")
}

fn relay(to: &str) -> Running {
    Run::new(&["relay", ":0", to, "-f", "postgres", "--show"]).stdin_null().start()
}

fn ended(running: Running) -> String {
    running.signal(Signal::TERM);
    let finished = running.wait();
    // psql closes with the server's last words unread, which resets the connection: told, and exit 9.
    assert!(!finished.stderr.contains("postgres: message"), "{finished}");
    finished.stderr
}

#[test]
fn psql_and_its_server_talk_through_a_relay_in_the_clear_refused_and_encrypted() {
    if !have("psql") || !have("openssl") || !have("setpriv") {
        return;
    }
    let Some(bin) = programs() else {
        return skipped("PostgreSQL's server is not on this machine");
    };
    let folder = Folder::new();
    let data = database(&bin, &folder);
    let (server, port) = server(&bin, &data, &folder);
    let unix = format!("unix://{}", folder.file(&format!(".s.PGSQL.{port}")));
    let tcp = format!(":{port}");

    // In the clear: both directions are messages with their types.
    let tap = relay(&unix);
    psql(tap.port(), "disable", "select 'meow', 42").run("").expect(0, "meow|42\n");
    let told = shown(&ended(tap));
    let from_client = first_letters(&told, '<');
    // The start has no type: it begins with its length.
    assert_eq!(from_client, "\\QX", "{told:?}");
    let from_server = first_letters(&told, '>');
    assert!(from_server.starts_with("RSSSSS") && from_server.ends_with("KZTDCZ"), "{from_server}");

    // A server's Unix socket has no TLS: one byte says so, and psql goes on.
    let tap = relay(&unix);
    psql(tap.port(), "prefer", "select 'again'").run("").expect(0, "again\n");
    let told = shown(&ended(tap));
    let lengths: Vec<usize> = told.iter().take(2).map(|message| message.length).collect();
    assert_eq!((lengths, told[1].text.as_str()), (vec![8, 1], "N"), "{told:?}");
    assert_eq!(first_letters(&told, '<'), "\\\\QX");
    assert!(first_letters(&told, '>').ends_with("KZTDCZ"), "{told:?}");

    // Encrypted: after S both directions are handed on as they come.
    let tap = relay(&tcp);
    psql(tap.port(), "require", "select 'secret'").run("").expect(0, "secret\n");
    let told = ended(tap);
    assert!(!told.contains("secret"), "{told}");
    let told = shown(&told);
    assert_eq!((told[0].length, told[1].length, told[1].text.as_str()), (8, 1, "S"), "{told:?}");
    assert!(told.len() > 4 && told[2].text.starts_with("\\x16\\x03"), "{told:?}");

    // Ten at once, each with states of its own.
    let tap = relay(&tcp);
    let port = tap.port();
    let many: Vec<Running> = (0..10)
        .map(|n| psql(port, if n % 2 == 0 { "require" } else { "disable" }, "select 7").start())
        .collect();
    for one in many {
        one.finish().expect(0, "7\n");
    }
    ended(tap);

    // The client's part by hand.
    let asked = Run::new(&["ask", &unix, "-f", "postgres", "--in", "hex", REQUEST_TLS]).run("");
    asked.expect(0, "N\n");
    server.signal(Signal::INT);
    server.wait();
}

/// The server's part by hand, with what a server said (tests/framings/conversations of framecat-proto).
#[test]
fn psql_is_answered_by_a_listener_that_says_what_a_server_said() {
    if !have("psql") {
        return;
    }
    let said = include_str!("../../../framecat-proto/tests/framings/conversations/postgres-1.txt");
    let said: Vec<&str> = said.lines().filter(|line| !line.starts_with('#')).collect();
    let mut listener =
        Run::new(&["listen", ":0", "-f", "postgres", "--in", "hex", "--out", "hex", "--once"])
            .start();
    let client = psql(listener.port(), "disable", "select 'meow', 42").start();
    for line in said {
        let (mark, bytes) = line.split_once(' ').unwrap();
        match mark {
            ">" => assert_eq!(listener.read_line().len(), bytes.len(), "the client's next"),
            _ => listener.stdin_write(format!("{bytes}\n")),
        }
    }
    client.finish().expect(0, "meow|42\n");
    let finished = listener.finish();
    assert_eq!(finished.code, 0, "{finished}");
}
