//! What the kernel knows of a TCP connection (TCP_INFO). Linux.

use std::fmt;
use std::io;
use std::os::fd::BorrowedFd;

use super::{get_bytes, int_of};

/// More than any kernel's `struct tcp_info` so far (248 bytes in Linux 6.18).
const ROOM: usize = 512;

/// The state of a TCP connection (RFC 9293 section 3.3.2, numbered as in `net/tcp_states.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TcpState {
    /// Both directions are open.
    Established,
    /// We dialled and wait for the answer.
    SynSent,
    /// A peer dialled and the last segment of the handshake is due.
    SynRecv,
    /// We ended our direction, and the peer has not acknowledged it.
    FinWait1,
    /// We ended our direction, the peer knows and has not ended its own.
    FinWait2,
    /// Both ended; the port pair stays reserved for a minute.
    TimeWait,
    /// Not connected.
    Close,
    /// The peer ended its direction, and we have not ended ours.
    CloseWait,
    /// Both ended, the peer first; it has not acknowledged ours.
    LastAck,
    /// It waits for connections.
    Listen,
    /// Both ended at once; the peer has not acknowledged ours.
    Closing,
    /// A connection request that is being answered.
    NewSynRecv,
    /// A number that this list does not have.
    Other(u8),
}

impl From<u8> for TcpState {
    fn from(number: u8) -> TcpState {
        match number {
            1 => TcpState::Established,
            2 => TcpState::SynSent,
            3 => TcpState::SynRecv,
            4 => TcpState::FinWait1,
            5 => TcpState::FinWait2,
            6 => TcpState::TimeWait,
            7 => TcpState::Close,
            8 => TcpState::CloseWait,
            9 => TcpState::LastAck,
            10 => TcpState::Listen,
            11 => TcpState::Closing,
            12 => TcpState::NewSynRecv,
            other => TcpState::Other(other),
        }
    }
}

impl fmt::Display for TcpState {
    /// As `ss` and the RFC write it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TcpState::Established => "ESTABLISHED",
            TcpState::SynSent => "SYN-SENT",
            TcpState::SynRecv => "SYN-RECEIVED",
            TcpState::FinWait1 => "FIN-WAIT-1",
            TcpState::FinWait2 => "FIN-WAIT-2",
            TcpState::TimeWait => "TIME-WAIT",
            TcpState::Close => "CLOSED",
            TcpState::CloseWait => "CLOSE-WAIT",
            TcpState::LastAck => "LAST-ACK",
            TcpState::Listen => "LISTEN",
            TcpState::Closing => "CLOSING",
            TcpState::NewSynRecv => "NEW-SYN-RECEIVED",
            TcpState::Other(number) => return write!(f, "STATE-{number}"),
        })
    }
}

/// A part of `struct tcp_info` (`linux/tcp.h`). What the kernel is too old to tell is 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TcpInfo {
    /// The state.
    pub state: TcpState,
    /// The retransmission timeout, in microseconds.
    pub rto_us: u32,
    /// The smoothed round-trip time, in microseconds.
    pub rtt_us: u32,
    /// Its mean deviation, in microseconds.
    pub rttvar_us: u32,
    /// The least round-trip time seen, in microseconds; 2^32 - 1 before the first.
    pub min_rtt_us: u32,
    /// Segments received, those without data too.
    pub segs_in: u32,
    /// Segments sent, those without data too.
    pub segs_out: u32,
    /// Segments with data received.
    pub data_segs_in: u32,
    /// Segments with data sent.
    pub data_segs_out: u32,
    /// Bytes of data sent, those sent again included.
    pub bytes_sent: u64,
    /// Bytes sent and acknowledged; the SYN and FIN count as one each.
    pub bytes_acked: u64,
    /// Bytes received in order.
    pub bytes_received: u64,
    /// Bytes sent again.
    pub bytes_retrans: u64,
    /// Segments sent again and not yet acknowledged.
    pub retrans: u32,
    /// Segments sent again, over the life of the connection.
    pub total_retrans: u32,
    /// Segments taken for lost.
    pub lost: u32,
    /// The congestion window, in segments.
    pub snd_cwnd: u32,
    /// Where slow start ends, in segments; 2^31 - 1 before the first loss.
    pub snd_ssthresh: u32,
    /// The window that the peer offers, in bytes.
    pub snd_wnd: u32,
    /// The data of one segment we send, in bytes at most.
    pub snd_mss: u32,
    /// The data of one segment we receive, in bytes, as estimated.
    pub rcv_mss: u32,
    /// The path's MTU, in bytes.
    pub pmtu: u32,
    /// Segments sent and not acknowledged. Of a listening socket, connections not yet accepted.
    pub unacked: u32,
    /// Segments that the peer acknowledged ahead of a gap. Of a listening socket, the most
    /// connections that may wait.
    pub sacked: u32,
    /// Bytes written and not yet sent for the first time.
    pub notsent_bytes: u32,
    /// The latest rate of delivery, in bytes per second.
    pub delivery_rate: u64,
    /// The rate at which segments are paced, in bytes per second; 2^64 - 1 is unlimited.
    pub pacing_rate: u64,
    /// The congestion control (TCP_CONGESTION).
    pub congestion: String,
}

/// Asks for what the kernel knows of a TCP connection.
///
/// # Errors
/// The socket is no TCP socket (EOPNOTSUPP or ENOPROTOOPT).
pub fn tcp_info(fd: BorrowedFd<'_>) -> io::Result<TcpInfo> {
    let mut room = [0; ROOM];
    // What an older kernel does not fill stays zero.
    get_bytes(fd, libc::SOL_TCP, libc::TCP_INFO, &mut room)?;
    let mut name = [0; 16];
    let len = get_bytes(fd, libc::SOL_TCP, libc::TCP_CONGESTION, &mut name)?;
    let name = name[..len].split(|byte| *byte == 0).next().unwrap_or_default();
    Ok(TcpInfo { congestion: String::from_utf8_lossy(name).into_owned(), ..read(&room)? })
}

/// Takes the fields out of the bytes of a `struct tcp_info`, whose layout is the kernel's ABI: new
/// fields come only at its end.
fn read(info: &[u8; ROOM]) -> io::Result<TcpInfo> {
    let u32_at = |at: usize| int_of(&info[at..at + 4]).map(i32::cast_unsigned);
    let u64_at = |at: usize| {
        let bytes: Result<[u8; 8], _> = info[at..at + 8].try_into();
        bytes.map(u64::from_ne_bytes).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))
    };
    Ok(TcpInfo {
        state: TcpState::from(info[0]),
        rto_us: u32_at(8)?,
        snd_mss: u32_at(16)?,
        rcv_mss: u32_at(20)?,
        unacked: u32_at(24)?,
        sacked: u32_at(28)?,
        lost: u32_at(32)?,
        retrans: u32_at(36)?,
        pmtu: u32_at(60)?,
        rtt_us: u32_at(68)?,
        rttvar_us: u32_at(72)?,
        snd_ssthresh: u32_at(76)?,
        snd_cwnd: u32_at(80)?,
        total_retrans: u32_at(100)?,
        pacing_rate: u64_at(104)?,
        bytes_acked: u64_at(120)?,
        bytes_received: u64_at(128)?,
        segs_out: u32_at(136)?,
        segs_in: u32_at(140)?,
        notsent_bytes: u32_at(144)?,
        min_rtt_us: u32_at(148)?,
        data_segs_in: u32_at(152)?,
        data_segs_out: u32_at(156)?,
        delivery_rate: u64_at(160)?,
        bytes_sent: u64_at(200)?,
        bytes_retrans: u64_at(208)?,
        snd_wnd: u32_at(228)?,
        congestion: String::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes 0 to 99 are shared with libc's shorter structure, which pins their places.
    #[test]
    fn the_layout_is_that_of_the_c_structure() {
        use std::mem::offset_of;
        for (ours, theirs) in [
            (0, offset_of!(libc::tcp_info, tcpi_state)),
            (8, offset_of!(libc::tcp_info, tcpi_rto)),
            (16, offset_of!(libc::tcp_info, tcpi_snd_mss)),
            (20, offset_of!(libc::tcp_info, tcpi_rcv_mss)),
            (24, offset_of!(libc::tcp_info, tcpi_unacked)),
            (28, offset_of!(libc::tcp_info, tcpi_sacked)),
            (32, offset_of!(libc::tcp_info, tcpi_lost)),
            (36, offset_of!(libc::tcp_info, tcpi_retrans)),
            (60, offset_of!(libc::tcp_info, tcpi_pmtu)),
            (68, offset_of!(libc::tcp_info, tcpi_rtt)),
            (72, offset_of!(libc::tcp_info, tcpi_rttvar)),
            (76, offset_of!(libc::tcp_info, tcpi_snd_ssthresh)),
            (80, offset_of!(libc::tcp_info, tcpi_snd_cwnd)),
            (100, offset_of!(libc::tcp_info, tcpi_total_retrans)),
        ] {
            assert_eq!(ours, theirs);
        }
    }

    #[test]
    fn what_an_old_kernel_does_not_fill_is_zero() {
        let mut room = [0; ROOM];
        room[..104].fill(1);
        let info = read(&room).unwrap();
        assert_eq!((info.state, info.rtt_us), (TcpState::Established, 0x0101_0101));
        assert_eq!((info.segs_in, info.bytes_sent, info.snd_wnd), (0, 0, 0));
    }
}
