//! The two directions of one end, which may differ: what it says and what it hears.

use super::Framing;

/// The rules of one end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ways {
    /// Where messages end that come from there.
    pub receive: Framing,
    /// Where messages end that go there.
    pub send: Framing,
}

impl From<Framing> for Ways {
    /// The same rule both ways.
    fn from(framing: Framing) -> Ways {
        Ways { receive: framing.clone(), send: framing }
    }
}
