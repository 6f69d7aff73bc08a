//! Datagrams of whom nobody wants to hear (`--allow`, `--deny`).

use std::net::SocketAddr;

use framecat_proto::cidr::Access;

use super::{PacketListener, Parcel, Sender, shown};
use crate::allow::TurnedAway;

impl PacketListener {
    /// Who may talk; everybody unless this says otherwise.
    pub(crate) fn admit(&mut self, access: Access) {
        self.access = access;
    }

    pub(super) fn admits(&self, from: &Sender) -> bool {
        let ip = || SocketAddr::try_from(from.clone()?).ok().map(|from| from.ip());
        self.access.is_open() || self.access.admits(ip())
    }

    /// Forgets what somebody said who may not talk. What the kernel dropped around it may be anybody's,
    /// and is told with the next that is delivered.
    pub(super) fn turn_away(&mut self, from: Sender, parcel: Parcel) -> TurnedAway {
        self.dropped += parcel.dropped;
        let peer = from.as_ref().map_or_else(|| "unnamed".into(), shown);
        TurnedAway { peer, times: parcel.told() as u64 }
    }
}
