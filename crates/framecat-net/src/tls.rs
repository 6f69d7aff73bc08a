//! TLS inside a [`Stream`](crate::conn::Stream): plain bytes above, records below, no wait in
//! between.
//!
//! Every call does what can be done at once on the descriptor and says for what it waits otherwise, so
//! that a stream of TLS is read and written like any other: reading and writing at the same time, and
//! cancelled anywhere. What belongs to neither, the answer to a KeyUpdate or the end of our direction,
//! goes out with whichever call comes next.
//!
//! How the other side is judged is in `open/tls`; what went wrong is said in [`told`].

use std::io::{self, BufRead, IoSlice, Write};
use std::os::fd::BorrowedFd;
use std::sync::{Mutex, MutexGuard, PoisonError};

use framecat_proto::limits::TLS_BYTES;
use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};
use rustls::Connection;
use tokio::io::Interest;

use crate::conn::Wait;
use crate::error::Untrusted;

pub(crate) mod told;

use told::Side;

/// The first bytes of the other side that are kept until the handshake is done: to be quoted where they
/// are no TLS.
const HEARD_BYTES: usize = 64;

/// One TLS connection over a socket that somebody else owns.
pub(crate) struct Session(Mutex<State>);

struct State {
    tls: Connection,
    side: Side,
    /// Bytes that came and were not taken apart. It has no room while it is empty: a connection that rests costs
    /// nothing.
    came: Vec<u8>,
    /// How many of them were.
    taken: usize,
    /// The first bytes that came, while the handshake lasts.
    heard: Vec<u8>,
    finished: bool,
    /// A write was told that the peer reset the connection: the kernel tells it once.
    reset: bool,
    /// What the kernel said while there was still something to hand on.
    failed: Option<io::Error>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

impl Session {
    /// Nothing is sent yet: see [`handshake`](Self::handshake).
    pub(crate) fn new(tls: impl Into<Connection>, side: Side) -> Session {
        let mut tls = tls.into();
        tls.set_buffer_limit(Some(TLS_BYTES));
        Session(Mutex::new(State {
            tls,
            side,
            came: Vec::new(),
            taken: 0,
            heard: Vec::new(),
            finished: false,
            reset: false,
            failed: None,
        }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes on with the handshake until it is done and all of it is sent.
    pub(crate) fn handshake(&self, fd: BorrowedFd<'_>) -> Result<(), Wait> {
        let mut state = self.lock();
        loop {
            match state.flush(fd) {
                Ok(true) => {}
                Ok(false) => return Err(Wait::For(Interest::WRITABLE)),
                Err(error) => return Err(Wait::Error(state.better(fd, error))),
            }
            if !state.tls.is_handshaking() {
                state.heard = Vec::new();
                return Ok(());
            }
            match state.fill(fd)? {
                Came::Something => {}
                Came::Nothing => return Err(Wait::For(Interest::READABLE)),
                Came::End => {
                    return Err(Wait::Error(told::hung_up(&state.side, &state.heard).into()));
                }
            }
        }
    }

    /// A value that only the two ends of this very connection know (RFC 8446 section 7.5), with an empty
    /// context; and the protocol that both agreed on. `None` before the handshake is done.
    pub(crate) fn exported(&self, label: &[u8]) -> Option<([u8; 32], Vec<u8>)> {
        let state = self.lock();
        let value = state.tls.export_keying_material([0; 32], label, Some(&[])).ok()?;
        Some((value, state.tls.alpn_protocol().unwrap_or_default().to_vec()))
    }

    /// Reads plain bytes into the spare capacity of `buf`; 0 is the end of the other side's direction
    /// as TLS tells it. A stream that ends without that is an error of kind `UnexpectedEof`.
    pub(crate) fn read(&self, fd: BorrowedFd<'_>, buf: &mut Vec<u8>) -> Result<usize, Wait> {
        let mut state = self.lock();
        let before = buf.len();
        loop {
            let more = state.take_plain(buf);
            let read = buf.len() - before;
            match more {
                Ok(true) if read == 0 => return Ok(0),
                Ok(false) if buf.len() < buf.capacity() => {}
                _ if read > 0 => return Ok(read),
                Err(error) => return Err(Wait::Error(error)),
                Ok(_) => return Ok(0),
            }
            if let Some(error) = state.failed.take() {
                return Err(Wait::Error(error));
            }
            // If it cannot be sent, whoever writes will hear of it; what came is read all the same.
            let sent = state.flush(fd).unwrap_or(true);
            match state.fill(fd) {
                Ok(Came::Something | Came::End) => {}
                Ok(Came::Nothing) if read > 0 => return Ok(read),
                Ok(Came::Nothing) if sent => return Err(Wait::For(Interest::READABLE)),
                Ok(Came::Nothing) => {
                    return Err(Wait::For(Interest::READABLE.add(Interest::WRITABLE)));
                }
                Err(Wait::Error(error)) if read > 0 => {
                    state.failed = Some(error);
                    return Ok(read);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes some of the bytes, at most [`TLS_BYTES`], and sends as much as the socket takes; the rest
    /// goes out with the next call, or by [`flush`](Self::flush).
    pub(crate) fn write(&self, fd: BorrowedFd<'_>, slices: &[IoSlice<'_>]) -> Result<usize, Wait> {
        let mut state = self.lock();
        match state.flush(fd) {
            Ok(true) => {}
            Ok(false) => return Err(Wait::For(Interest::WRITABLE)),
            Err(error) => return Err(Wait::Error(state.better(fd, error))),
        }
        let taken = state.tls.writer().write_vectored(slices);
        let taken = taken.map_err(|error| Wait::Error(state.broken(error)))?;
        match state.flush(fd) {
            Ok(_) => Ok(taken),
            Err(error) => Err(Wait::Error(state.better(fd, error))),
        }
    }

    /// Sends what [`write`](Self::write) left.
    pub(crate) fn flush(&self, fd: BorrowedFd<'_>) -> Result<(), Wait> {
        let mut state = self.lock();
        match state.flush(fd) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Wait::For(Interest::WRITABLE)),
            Err(error) => Err(Wait::Error(state.better(fd, error))),
        }
    }

    /// Ends our direction (close_notify; RFC 8446 section 6.1: of this direction only). Where the
    /// socket takes no more now, it goes out with the next call. A peer that is gone is no error.
    pub(crate) fn finish(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        let mut state = self.lock();
        if !state.finished {
            state.finished = true;
            state.tls.send_close_notify();
        }
        match state.flush(fd) {
            Err(error) if !is_gone(&error) => Err(error),
            _ => Ok(()),
        }
    }

    /// Whether the other side said anything in a handshake that has not ended.
    pub(crate) fn has_heard(&self) -> bool {
        !self.lock().heard.is_empty()
    }

    /// Whether something waits to be sent that the socket has not taken.
    pub(crate) fn holds_unsent(&self) -> bool {
        self.lock().tls.wants_write()
    }

    /// Plain bytes that came and were not read. What the protocol itself says (a session ticket, the
    /// end) counts for nothing; behind bytes that do, records still in the socket are counted as they
    /// lie there.
    pub(crate) fn unread(&self, fd: BorrowedFd<'_>) -> usize {
        let mut state = self.lock();
        loop {
            // process_new_packets without new bytes tells what there is.
            let waiting = state.tls.process_new_packets();
            let waiting = waiting.map_or(0, |seen| seen.plaintext_bytes_to_read());
            if waiting > 0 {
                let came = state.came.len() - state.taken;
                return waiting + came + crate::sockopt::bytes_to_read(fd).unwrap_or(0);
            }
            if !matches!(state.fill(fd), Ok(Came::Something)) {
                return 0;
            }
        }
    }
}

/// What one read from the socket gave.
enum Came {
    Something,
    /// Nothing now.
    Nothing,
    /// The end of the TCP stream.
    End,
}

impl State {
    /// Moves plain bytes to `buf`, as many as it has room for. True: the other side ended.
    fn take_plain(&mut self, buf: &mut Vec<u8>) -> io::Result<bool> {
        let mut reader = self.tls.reader();
        while buf.len() < buf.capacity() {
            let chunk = match reader.fill_buf() {
                Ok([]) => return Ok(true),
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error.kind().into()),
            };
            let taken = chunk.len().min(buf.capacity() - buf.len());
            buf.extend_from_slice(&chunk[..taken]);
            reader.consume(taken);
        }
        Ok(false)
    }

    /// Takes some of what came apart, and reads more where nothing is left of it. rustls reads 4 KiB at a time,
    /// which would be a call of the kernel each.
    fn fill(&mut self, fd: BorrowedFd<'_>) -> Result<Came, Wait> {
        if self.taken == self.came.len() {
            (self.came, self.taken) = (Vec::with_capacity(TLS_BYTES), 0);
            match receive(fd, &mut self.came) {
                Ok(0) if self.reset => return Err(Wait::Error(Errno::CONNRESET.into())),
                Ok(0) => {
                    // It has to know, to tell an end that is none of TLS's.
                    let _ = self.tls.read_tls(&mut io::empty());
                    return Ok(Came::End);
                }
                Ok(_) => {}
                Err(Errno::AGAIN) => {
                    self.came = Vec::new();
                    return Ok(Came::Nothing);
                }
                Err(error) => return Err(Wait::Error(error.into())),
            }
            if self.tls.is_handshaking() {
                let room = HEARD_BYTES.saturating_sub(self.heard.len());
                self.heard.extend_from_slice(&self.came[..room.min(self.came.len())]);
            }
        }
        let read = self.tls.read_tls(&mut &self.came[self.taken..]);
        self.taken += read.map_err(Wait::Error)?;
        if self.taken == self.came.len() {
            (self.came, self.taken) = (Vec::new(), 0);
        }
        match self.tls.process_new_packets() {
            Ok(_) => Ok(Came::Something),
            Err(error) => {
                let handshaking = self.tls.is_handshaking();
                let said = told::of(&error, &self.side, handshaking, &self.heard);
                // The other side learns by an alert why; if it does not take it, it is its loss.
                let _ = self.flush(fd);
                Err(Wait::Error(said.into()))
            }
        }
    }

    /// Sends records until none is left (true) or the socket takes no more.
    fn flush(&mut self, fd: BorrowedFd<'_>) -> io::Result<bool> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut Outgoing(fd)) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => {
                    self.reset |= error.raw_os_error() == Some(libc::ECONNRESET);
                    return Err(error);
                }
            }
        }
        Ok(true)
    }

    /// Where the other side is gone, why it left: an alert that it sent before says more than EPIPE.
    fn better(&mut self, fd: BorrowedFd<'_>, error: io::Error) -> io::Error {
        while is_gone(&error) {
            match self.fill(fd) {
                Ok(Came::Something) => {}
                Err(Wait::Error(said))
                    if said.get_ref().is_some_and(|said| said.is::<Untrusted>()) =>
                {
                    return said;
                }
                // Also where more plain bytes wait than are kept unread.
                _ => break,
            }
        }
        error
    }

    /// The error of a connection that failed before.
    fn broken(&self, error: io::Error) -> io::Error {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(error) => told::of(error, &self.side, false, &self.heard).into(),
            None => error,
        }
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EPIPE | libc::ECONNRESET | libc::ENOTCONN))
}

/// Reads what is there, without waiting.
fn receive(fd: BorrowedFd<'_>, buf: &mut Vec<u8>) -> Result<usize, Errno> {
    loop {
        match rustix::net::recv(fd, spare_capacity(buf), RecvFlags::DONTWAIT) {
            Err(Errno::INTR) => {}
            read => return Ok(read?.0),
        }
    }
}

struct Outgoing<'a>(BorrowedFd<'a>);

impl Write for Outgoing<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(buf)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        loop {
            let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
            match rustix::net::sendmsg(self.0, slices, &mut Default::default(), flags) {
                Err(Errno::INTR) => {}
                sent => return Ok(sent?),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
