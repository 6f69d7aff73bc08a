//! Many UDP datagrams a system call. Linux only: `UDP_SEGMENT` cuts one write into datagrams of one size on the
//! way out, `UDP_GRO` hands a run of them over as one read on the way in, with their size beside it (udp(7)).
//! The boundaries are kept: what was sent as n messages is received as n messages.
#![allow(unsafe_code)]

use std::io::IoSlice;
use std::mem::{MaybeUninit, size_of, zeroed};
use std::os::fd::{AsRawFd, BorrowedFd};

use libc::{c_int, c_void, cmsghdr, iovec, msghdr, socklen_t};
use rustix::io::Errno;
use rustix::net::SocketAddrAny;
use rustix::net::addr::SocketAddrStorage;

/// The most datagrams in one write: `UDP_MAX_SEGMENTS`, which newer kernels raised to 128.
pub(crate) const SEGMENTS: usize = 64;

/// Room for control messages: each value of ours is an int or shorter.
const CONTROL_BYTES: usize = 64;

/// Control messages, aligned as `CMSG_FIRSTHDR` and `CMSG_DATA` need it.
#[repr(C)]
union Control {
    bytes: [u8; CONTROL_BYTES],
    align: cmsghdr,
}

/// Datagrams that one receive gave, back to back.
#[derive(Debug)]
pub(crate) struct Received {
    /// Their real length together, also where the buffer was shorter.
    pub(crate) len: usize,
    /// The length of each but the last, which may be shorter. `None`: there is one.
    pub(crate) segment: Option<usize>,
    /// Who sent them.
    pub(crate) from: Option<SocketAddrAny>,
}

/// One recvmsg(2) that does not wait: a datagram, or a run of them from one sender.
pub(crate) fn receive(fd: BorrowedFd<'_>, buf: &mut [u8]) -> Result<Received, Errno> {
    let mut name = MaybeUninit::<SocketAddrStorage>::zeroed();
    let mut control = Control { bytes: [0; CONTROL_BYTES] };
    let mut slice = iovec { iov_base: buf.as_mut_ptr().cast(), iov_len: buf.len() };
    // SAFETY: a msghdr of zeros is a valid one: null pointers with lengths of 0.
    let mut header: msghdr = unsafe { zeroed() };
    header.msg_name = name.as_mut_ptr().cast();
    header.msg_namelen = size_of::<SocketAddrStorage>() as socklen_t;
    header.msg_iov = &raw mut slice;
    header.msg_iovlen = 1;
    header.msg_control = (&raw mut control).cast();
    header.msg_controllen = CONTROL_BYTES as _;
    // SAFETY: `fd` is borrowed and so open; the header points to a name, one slice and a control buffer that
    // are ours alone, live through the call, and as long as their lengths say.
    let got = unsafe {
        libc::recvmsg(fd.as_raw_fd(), &raw mut header, libc::MSG_DONTWAIT | libc::MSG_TRUNC)
    };
    if got < 0 {
        return Err(last_error());
    }
    let from = match header.msg_namelen {
        0 => None,
        // SAFETY: the kernel wrote an address of that length into `name`, which was zeroed before.
        len => Some(unsafe { SocketAddrAny::read(name.as_ptr(), len) }),
    };
    Ok(Received { len: got as usize, segment: segment(&header), from })
}

/// The size that the kernel tells with a run of datagrams.
fn segment(header: &msghdr) -> Option<usize> {
    // SAFETY: the kernel filled the control buffer that `header` points to and set its length; it is alive in
    // the caller and aligned. The macros walk it within that length, and each value is read unaligned.
    unsafe {
        let mut at = libc::CMSG_FIRSTHDR(header);
        while !at.is_null() {
            if (*at).cmsg_level == libc::SOL_UDP && (*at).cmsg_type == libc::UDP_GRO {
                let size = libc::CMSG_DATA(at).cast::<c_int>().read_unaligned();
                return usize::try_from(size).ok().filter(|size| *size > 0);
            }
            at = libc::CMSG_NXTHDR(header, at);
        }
    }
    None
}

/// One sendmsg(2) that does not wait: the slices back to back, cut into datagrams of `segment` bytes. All of
/// them go out, or none.
///
/// Errors besides those of any datagram: `EINVAL` where a segment does not fit the route's MTU or the kernel
/// knows no segments, `EIO` where the interface computes no checksums.
pub(crate) fn send(
    fd: BorrowedFd<'_>,
    to: Option<&SocketAddrAny>,
    slices: &[IoSlice<'_>],
    segment: u16,
) -> Result<(), Errno> {
    let mut control = Control { bytes: [0; CONTROL_BYTES] };
    // SAFETY: a msghdr of zeros is a valid one: null pointers with lengths of 0.
    let mut header: msghdr = unsafe { zeroed() };
    if let Some(to) = to {
        header.msg_name = to.as_ptr().cast_mut().cast::<c_void>();
        header.msg_namelen = to.addr_len() as socklen_t;
    }
    // An IoSlice is an iovec by its documentation, and sendmsg only reads through it.
    header.msg_iov = slices.as_ptr().cast_mut().cast();
    header.msg_iovlen = slices.len() as _;
    header.msg_control = (&raw mut control).cast();
    // SAFETY: these compute lengths; the control buffer holds one message of two bytes, so CMSG_FIRSTHDR points
    // into it, aligned by the union, and the value is written unaligned within it.
    unsafe {
        header.msg_controllen = libc::CMSG_SPACE(size_of::<u16>() as u32) as _;
        let first = libc::CMSG_FIRSTHDR(&header);
        (*first).cmsg_level = libc::SOL_UDP;
        (*first).cmsg_type = libc::UDP_SEGMENT;
        (*first).cmsg_len = libc::CMSG_LEN(size_of::<u16>() as u32) as _;
        libc::CMSG_DATA(first).cast::<u16>().write_unaligned(segment);
    }
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: `fd` is borrowed and so open; name, slices and control buffer are alive through the call, as long
    // as their lengths say, and the kernel only reads them.
    let sent = unsafe { libc::sendmsg(fd.as_raw_fd(), &raw const header, flags) };
    if sent < 0 { Err(last_error()) } else { Ok(()) }
}

fn last_error() -> Errno {
    Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)
}
