//! `framecat serve` on a socket that systemd, or what does as it does, has bound (sd_listen_fds(3)).

mod run;
mod served;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use run::{Folder, Run, Running, Signal, have_python, tested};
use served::{body, get};

/// Does what systemd does: binds, and becomes the program with the socket as descriptor 3.
const ACTIVATE: &str = "import os, socket, sys\n\
    kind, count, program, *args = sys.argv[1:]\n\
    if kind == 'tcp':\n\
    \x20   s = socket.socket()\n\
    \x20   s.bind(('127.0.0.1', 0))\n\
    \x20   s.listen()\n\
    elif kind == 'unix':\n\
    \x20   s = socket.socket(socket.AF_UNIX)\n\
    \x20   s.bind('s.sock')\n\
    \x20   s.listen()\n\
    elif kind == 'udp':\n\
    \x20   s = socket.socket(type=socket.SOCK_DGRAM)\n\
    \x20   s.bind(('127.0.0.1', 0))\n\
    else: s = open('/dev/null')\n\
    fd = os.dup(s.fileno()) if s.fileno() == 3 else s.fileno()\n\
    os.dup2(fd, 3, inheritable=True)\n\
    os.environ['LISTEN_FDS'] = count\n\
    os.environ['LISTEN_PID'] = '1' if kind == 'other' else str(os.getpid())\n\
    os.execv(program, [program, *args])\n";

fn activated(kind: &str, count: &str, args: &[&str]) -> (Folder, Running) {
    let folder = Folder::new();
    std::fs::write(folder.path().join("a"), "hello").unwrap();
    let all = [&["-c", ACTIVATE, kind, count, tested(), "serve", "."], args].concat();
    let server = Run::program("python3", &all).in_folder(folder.path()).start();
    (folder, server)
}

#[test]
fn a_socket_that_was_bound_by_others_is_served() {
    if !have_python(&["socket"]) {
        return;
    }
    let (_folder, server) = activated("tcp", "1", &[]);
    let told = server.told_when(|told| told.contains("read every file"));
    let (_, url) = told.split_once(" at http://").expect("it says where it was put");
    let address = url.lines().next().unwrap().trim_end_matches('/');
    // Several, so that every loop has its turn.
    for _ in 0..20 {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(get("/a").as_bytes()).unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).unwrap();
        assert_eq!(body(&said), "hello");
    }
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code, 0);

    let (folder, server) = activated("unix", "1", &[]);
    server.told("at unix://s.sock");
    let path = folder.path().join("s.sock");
    let mut stream = UnixStream::connect(&path).unwrap();
    stream.write_all(get("/a").as_bytes()).unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    assert_eq!(body(&said), "hello");
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code, 0);
    assert!(path.exists(), "the path is whose who made it");
}

#[test]
fn what_was_not_meant_for_us_is_left_alone_and_what_cannot_be_used_is_told() {
    if !have_python(&["socket"]) {
        return;
    }
    // It is another process's: we bind our own.
    let (_folder, server) = activated("other", "1", &["--listen", "127.0.0.1:0"]);
    server.told("at http://127.0.0.1:");
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code, 0);
    for (kind, count, args, told) in [
        ("udp", "1", &[][..], "descriptor 3 is no stream socket that listens"),
        ("file", "1", &[], "descriptor 3 is no stream socket that listens"),
        ("tcp", "2", &[], "2 sockets were handed over"),
        ("tcp", "1", &["--listen", "127.0.0.1:0"], "a socket was handed over"),
        ("tcp", "1", &["--self-signed"], "a socket was handed over"),
        ("tcp", "1", &["--lan"], "a socket was handed over"),
    ] {
        let (_folder, server) = activated(kind, count, args);
        let finished = server.wait();
        assert!(
            finished.code != 0 && finished.stderr.contains(told),
            "{kind} {args:?}: {finished}"
        );
    }
}
