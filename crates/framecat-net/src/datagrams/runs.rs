//! Datagrams of one size that go out by one system call: which of a batch they are, and what to do where the
//! network cannot take them so.

use std::io::IoSlice;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicUsize, Ordering};

use framecat_proto::limits::DATAGRAM_BYTES;
use framecat_proto::message::Batch;
use rustix::io::Errno;
use rustix::net::SocketAddrAny;
use tokio::io::Interest;

use super::{Got, PacketSink, PacketSocket, To, Type, UDP_ROOM};
use crate::error::is_unreachable;
use crate::fast::batch;

/// What became of a run.
#[derive(Debug)]
pub(crate) enum RunSent {
    /// All of it went out.
    All,
    /// Nothing went out: each goes by itself, which also tells what is wrong.
    Singly,
    /// Nothing went out, because the host refused an earlier datagram; told once, so the run may be sent again.
    Refused(std::io::Error),
}

/// The largest datagram that a socket sends in runs: less once the network refused a run of larger ones.
#[derive(Debug)]
pub(super) struct RunLimit(AtomicUsize);

impl Default for RunLimit {
    fn default() -> RunLimit {
        RunLimit(AtomicUsize::new(DATAGRAM_BYTES))
    }
}

impl PacketSink {
    /// How many messages of `batch` from `from` on can go out by one call: as long as the first, the last
    /// perhaps shorter, none empty. 1: this one goes by itself.
    pub(crate) fn run(&self, batch: Batch<'_>, from: usize) -> usize {
        let segmented =
            self.socket.kind == Type::Udp && matches!(self.to, To::Connected | To::Address(_));
        let size = batch.get(from).len();
        if !segmented || size == 0 || size > self.socket.runs.0.load(Ordering::Relaxed) {
            return 1;
        }
        let most = (DATAGRAM_BYTES / size).clamp(1, batch::SEGMENTS).min(batch.len() - from);
        let mut run = 1;
        while run < most {
            let next = batch.get(from + run).len();
            if next > size || next == 0 {
                break;
            }
            run += 1;
            if next < size {
                break;
            }
        }
        run
    }

    /// Sends a run that [`run`](Self::run) found. Cancel safe: it went out whole or not at all.
    pub(crate) async fn send_run(&self, batch: Batch<'_>, from: usize, run: usize) -> RunSent {
        let mut slices = [IoSlice::new(&[]); batch::SEGMENTS];
        for (i, slice) in slices[..run].iter_mut().enumerate() {
            *slice = IoSlice::new(batch.get(from + i));
        }
        let size = batch.get(from).len();
        let to = match &self.to {
            To::Address(address) => Some(&**address),
            _ => None,
        };
        let Ok(segment) = u16::try_from(size) else { return RunSent::Singly };
        let send = |fd: BorrowedFd<'_>| batch::send(fd, to, &slices[..run], segment);
        let error = match self.socket.stream.until_ready(Interest::WRITABLE, send).await {
            Ok(()) => return RunSent::All,
            Err(error) => error,
        };
        let largest = &self.socket.runs.0;
        match Errno::from_io_error(&error) {
            // Larger than the route's MTU: the network would have to take them apart itself.
            Some(Errno::INVAL | Errno::MSGSIZE) => {
                largest.fetch_min(size - 1, Ordering::Relaxed);
            }
            // An interface without checksums of its own, or a kernel without segments.
            Some(Errno::IO | Errno::OPNOTSUPP | Errno::NOPROTOOPT) => {
                largest.store(0, Ordering::Relaxed);
            }
            Some(code) if is_unreachable(code.raw_os_error()) => return RunSent::Refused(error),
            _ => {}
        }
        RunSent::Singly
    }
}

impl PacketSocket {
    /// What one recvmsg(2) gives of UDP: a datagram, or a run of them.
    pub(super) fn receive_udp(
        &self,
        buf: &mut Vec<u8>,
        at: usize,
        max: usize,
    ) -> Result<(Got, Option<SocketAddrAny>), Errno> {
        if buf.len() < at + UDP_ROOM {
            buf.resize(at + UDP_ROOM, 0);
        }
        let got = batch::receive(self.stream.as_fd(), &mut buf[at..at + UDP_ROOM])?;
        let what = match got.segment {
            Some(segment) if segment < got.len => Got::Run { len: got.len, segment },
            _ if got.len > max.min(UDP_ROOM) => Got::TooLong(got.len),
            _ => Got::Message(got.len),
        };
        Ok((what, got.from))
    }

    /// How many datagrams the kernel dropped since the last call, because there was no room for them.
    /// It counts a run that was sent by one call as one.
    pub(super) fn newly_dropped(&self) -> u64 {
        if self.kind != Type::Udp {
            return 0;
        }
        let Ok(now) = crate::sockopt::drops(self.stream.as_fd()) else { return 0 };
        let before = self.dropped.swap(now, Ordering::Relaxed);
        u64::from(now.wrapping_sub(before))
    }
}
