//! Bytes from the peer to stdout that nobody looks at.

use framecat_proto::message::Dir;

use super::{Heard, One, Shared};
use crate::conn::Stream;
use crate::error::{Error, Op};
use crate::event::Event;
use crate::relay::{self, CopyError, Side};

impl One<'_> {
    pub(super) async fn hear_raw(&self, from: &Stream) -> Result<Heard, Error> {
        let Shared { talk, output, observer, .. } = self.shared;
        let conn = self.named.conn;
        let mut which = |path| observer.event(Event::Path { conn, dir: Dir::In, path });
        let copied =
            relay::copy(from, output.stream(), &self.moved.inward, talk.fast, &mut which).await;
        match copied {
            Ok(()) => Ok(Heard::All),
            Err(CopyError { side: Side::To, error })
                if error.raw_os_error() == Some(libc::EPIPE) =>
            {
                Ok(Heard::NoReader)
            }
            Err(CopyError { side: Side::To, error }) => Err(Error::io(Op::Write, "stdout", error)),
            Err(CopyError { side: Side::From, error }) if talk.takes_cut(&error) => Ok(Heard::All),
            Err(CopyError { side: Side::From, error }) => {
                Err(Error::io(Op::Receive, self.named.peer.clone(), error))
            }
        }
    }
}
