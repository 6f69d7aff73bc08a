//! Peers that the tests play themselves, where it matters to the byte what they do.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::PATIENCE;

/// Fails the test unless there is something to read in time.
pub fn wait_readable(fd: &impl AsFd, until_now: &[u8]) {
    let patience = Timespec { tv_sec: PATIENCE.as_secs() as i64, tv_nsec: 0 };
    let mut polled = [PollFd::new(fd, PollFlags::IN)];
    let ready = poll(&mut polled, Some(&patience)).expect("poll does not fail");
    assert!(ready == 1, "nothing came after {:?}", String::from_utf8_lossy(until_now));
}

/// A TCP listener of the test.
pub struct Server(TcpListener);

impl Server {
    /// On a free port of 127.0.0.1.
    pub fn new() -> Server {
        Server(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free"))
    }

    /// Where it listens: `127.0.0.1:41327`.
    pub fn address(&self) -> String {
        self.0.local_addr().expect("it is bound").to_string()
    }

    /// The next connection.
    pub fn accept(&self) -> Peer {
        wait_readable(&self.0, b"");
        Peer::over(self.0.accept().expect("a connection is there").0)
    }
}

/// One end of a TCP connection.
pub struct Peer {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Peer {
    /// Connects to a port of this machine.
    pub fn connect(port: u16) -> Peer {
        Peer::over(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("it listens"))
    }

    fn over(stream: TcpStream) -> Peer {
        stream.set_read_timeout(Some(PATIENCE)).expect("it is a time");
        stream.set_write_timeout(Some(PATIENCE)).expect("it is a time");
        Peer { stream, read: Vec::new() }
    }

    /// Sends bytes.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).expect("it is read");
    }

    /// Sends bytes if the other end still takes any.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).is_ok()
    }

    /// The connection itself.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Ends its direction.
    pub fn finish(&self) {
        self.stream.shutdown(Shutdown::Write).expect("it is connected");
    }

    /// Goes away with a reset in place of an end.
    pub fn reset(self) {
        let at_once = Some(std::time::Duration::ZERO);
        rustix::net::sockopt::set_socket_linger(&self.stream, at_once).expect("it is a socket");
    }

    /// What comes, up to and with `marker`.
    pub fn read_until(&mut self, marker: impl AsRef<[u8]>) -> Vec<u8> {
        let marker = marker.as_ref();
        let mut buffer = [0; 4096];
        loop {
            let found = self.read.windows(marker.len()).position(|here| here == marker);
            if let Some(at) = found {
                return self.read.drain(..at + marker.len()).collect();
            }
            let read = self.stream.read(&mut buffer).unwrap_or_else(|e| self.fail(&e.to_string()));
            assert!(read > 0, "the peer ended after {:?}", String::from_utf8_lossy(&self.read));
            self.read.extend_from_slice(&buffer[..read]);
        }
    }

    /// All that comes until the end.
    pub fn read_to_end(&mut self) -> Vec<u8> {
        if let Err(error) = self.stream.read_to_end(&mut self.read) {
            self.fail(&error.to_string());
        }
        std::mem::take(&mut self.read)
    }

    /// Reads until the connection is gone, by an end or a reset, and says whether by a reset.
    pub fn is_reset(&mut self) -> bool {
        match self.stream.read_to_end(&mut self.read) {
            Ok(_) => false,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => true,
            Err(error) => self.fail(&error.to_string()),
        }
    }

    fn fail(&self, what: &str) -> ! {
        panic!("{what} after {:?}", String::from_utf8_lossy(&self.read))
    }
}

/// A UDP socket on a free port of 127.0.0.1 that does not wait for ever.
pub fn udp() -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    socket.set_read_timeout(Some(PATIENCE)).expect("it is a time");
    socket
}

/// An address of this machine that nothing else uses, for programs that must be told a port.
pub fn own_address() -> String {
    use std::sync::atomic::{AtomicU8, Ordering};
    static COUNT: AtomicU8 = AtomicU8::new(1);
    let [_, _, high, low] = std::process::id().to_be_bytes();
    let n = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("127.{}.{}.{n}", high.max(1), low)
}
