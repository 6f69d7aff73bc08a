//! Peers of framecat that live in the test itself: plain sockets, with patience instead of sleep.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};

use super::PATIENCE;

/// A TCP connection to framecat, or from it.
pub struct Peer(pub TcpStream);

impl Peer {
    /// Dials a port of this machine.
    pub fn dial(port: u16) -> Peer {
        Peer::of(TcpStream::connect(("127.0.0.1", port)).expect("somebody listens there"))
    }

    /// Takes a connection that is there.
    pub fn of(stream: TcpStream) -> Peer {
        stream.set_read_timeout(Some(PATIENCE)).expect("a time can be set");
        stream.set_nodelay(true).expect("the option is known");
        Peer(stream)
    }

    /// Waits for framecat to dial.
    pub fn accept(listener: &TcpListener) -> Peer {
        Peer::of(listener.accept().expect("it dials").0)
    }

    /// Sends bytes.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).expect("it reads");
    }

    /// The next line, LF included.
    pub fn line(&mut self) -> String {
        let mut line = Vec::new();
        while line.last() != Some(&b'\n') {
            let mut byte = [0];
            let taken = self.0.read(&mut byte).unwrap_or_else(|e| panic!("{e} after {line:?}"));
            assert_eq!(taken, 1, "the end after {:?}", String::from_utf8_lossy(&line));
            line.push(byte[0]);
        }
        String::from_utf8(line).expect("it is text")
    }

    /// Exactly so many bytes.
    pub fn take(&mut self, n: usize) -> Vec<u8> {
        let mut bytes = vec![0; n];
        self.0.read_exact(&mut bytes).expect("it sends as many");
        bytes
    }

    /// All that comes until the end.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.0.read_to_end(&mut bytes).expect("it ends without a reset");
        bytes
    }

    /// Ends our direction.
    pub fn end(&self) {
        self.0.shutdown(std::net::Shutdown::Write).expect("it is open");
    }

    /// Closes by a reset: unread bytes or not, the other side gets RST.
    pub fn reset(self) {
        let linger = rustix::net::sockopt::set_socket_linger(&self.0, Some(Default::default()));
        linger.expect("the option is known");
    }
}

/// A listener of this machine with a port of its own.
pub fn tcp() -> (TcpListener, u16) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("there is a free port");
    let port = listener.local_addr().expect("it is bound").port();
    (listener, port)
}

/// A port of this machine at which nobody listens.
pub fn nobody() -> u16 {
    tcp().1
}

/// A datagram socket of this machine with a port of its own.
pub fn udp() -> (UdpSocket, u16) {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).expect("there is a free port");
    socket.set_read_timeout(Some(PATIENCE)).expect("a time can be set");
    let port = socket.local_addr().expect("it is bound").port();
    (socket, port)
}

/// The next datagram.
pub fn datagram(socket: &UdpSocket) -> Vec<u8> {
    let mut buffer = vec![0; 1 << 16];
    let taken = socket.recv(&mut buffer).expect("one comes");
    buffer.truncate(taken);
    buffer
}

/// The same numbers in every run (xorshift64*).
pub struct Random(pub u64);

impl Random {
    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.number() % end as u64) as usize
    }

    /// So many bytes, of every value.
    pub fn bytes(&mut self, n: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(n + 8);
        while bytes.len() < n {
            bytes.extend_from_slice(&self.number().to_le_bytes());
        }
        bytes.truncate(n);
        bytes
    }
}
