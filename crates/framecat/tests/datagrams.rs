//! Datagrams from outside, where other tools lose boundaries: nothing glued, nothing cut, nothing
//! sent that was not given.

use std::io::Write;
use std::net::UdpSocket;

mod run;

use run::{PATIENCE, Run};

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

#[test]
fn a_long_datagram_is_not_glued_to_the_next() {
    let mut listener = Run::new(&["listen", "udp://:0", "--count", "4", "--out", "hex"]).start();
    let sender = socket();
    sender.connect(("127.0.0.1", listener.port())).unwrap();
    // 8192 and 16384 are the buffers of others: at and over them they cut, or read on.
    let sizes = [8192, 1, 16_385, 60_000];
    for (n, size) in sizes.into_iter().enumerate() {
        sender.send(&vec![n as u8; size]).unwrap();
    }
    for (n, size) in sizes.into_iter().enumerate() {
        assert_eq!(listener.read_line(), format!("{n:02x}").repeat(size));
    }
    assert_eq!(listener.wait().code, 0);
}

#[test]
fn nothing_is_sent_that_was_not_given() {
    let server = socket();
    let at = format!("udp://{}", server.local_addr().unwrap());
    // nc -uv probes with datagrams of its own.
    let mut client = Run::new(&["connect", &at, "-v", "--wait", "20s"]).start();
    client.told("is open");
    client.stdin_write(b"only this\n");
    let mut buf = [0; 64];
    let (len, from) = server.recv_from(&mut buf).unwrap();
    assert_eq!(&buf[..len], b"only this");
    server.send_to(b"heard", from).unwrap();
    assert_eq!(client.read_line(), "heard");
    client.close_stdin();
    // An empty datagram is a message: it ends nothing, and the next one comes as it is.
    server.send_to(b"", from).unwrap();
    server.send_to(b"last", from).unwrap();
    assert_eq!(client.read_line(), "");
    assert_eq!(client.read_line(), "last");
    server.set_nonblocking(true).unwrap();
    assert!(server.recv_from(&mut buf).is_err(), "and nothing else");
}

/// Of one size and larger than a packet of the network: a run of them is refused by the kernel, and each
/// goes by itself in fragments, as the same datagram does from any other program.
#[test]
fn datagrams_larger_than_the_network_s_packets_go_one_by_one() {
    let line = "ip link set lo mtu 1500 up; python3 -c \"
import socket, subprocess, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('127.0.0.1', 0))
s.settimeout(20)
lines = b''.join(bytes([65 + i]) * 3000 + b'\\n' for i in range(20))
command = ['framecat', 'connect', 'udp://127.0.0.1:%d' % s.getsockname()[1], '--wait', '100ms']
c = subprocess.Popen(command, stdin=subprocess.PIPE)
c.stdin.write(lines)
c.stdin.close()
got = [s.recv(65535) for _ in range(20)]
c.wait()
print(got == [bytes([65 + i]) * 3000 for i in range(20)])\"";
    if !run::have("python3") || Run::program("unshare", &["-rn", "true"]).run("").code != 0 {
        let _ = writeln!(std::io::stderr(), "skipped: no network namespace of our own here");
        return;
    }
    let ours = std::path::Path::new(run::tested()).parent().expect("a folder");
    let path = format!("{}:{}", ours.display(), std::env::var("PATH").expect("it is set"));
    let finished = Run::program("unshare", &["-rn", "sh", "-c", line]).env("PATH", &path).run("");
    finished.expect(0, "True\n");
}

#[test]
fn max_clients_bounds_datagram_peers_too() {
    for verb in ["listen", "relay"] {
        let server = socket();
        let right = format!("udp://{}", server.local_addr().unwrap());
        let args: &[&str] = match verb {
            "listen" => &["listen", "udp://:0", "--echo", "--max-clients", "2", "-v"],
            _ => &["relay", "udp://:0", &right, "--max-clients", "2", "-v"],
        };
        let listener = Run::new(args).start();
        let at = ("127.0.0.1", listener.port());
        let peers = [socket(), socket(), socket()];
        for (n, peer) in peers.iter().enumerate() {
            peer.send_to(b"hello", at).unwrap();
            listener.told(&format!("connection {} with", n + 1));
            if n == 1 {
                // The first speaks again: the second is the one silent longest.
                let before = if verb == "listen" { &peers[0] } else { &server };
                before.recv(&mut [0; 8]).unwrap();
                if verb == "relay" {
                    server.recv(&mut [0; 8]).unwrap();
                }
                peers[0].send_to(b"again", at).unwrap();
                let mut heard = [0; 8];
                assert_eq!(before.recv(&mut heard).unwrap(), 5);
                assert_eq!(&heard[..5], b"again", "{verb}");
            }
        }
        let told = listener.told("is closed");
        assert!(told.contains("connection 2 with") && told.contains("connection 3 with"), "{told}");
        let closed: Vec<_> = told.lines().filter(|line| line.contains("is closed")).collect();
        assert!(closed.len() == 1 && closed[0].contains("connection 2 with"), "{told}");
    }
}
