//! Datagrams from outside, where other tools lose boundaries: nothing glued, nothing cut, nothing
//! sent that was not given.

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
