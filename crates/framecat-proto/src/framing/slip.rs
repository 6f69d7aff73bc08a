//! `slip` (RFC 1055): a message ends at END (c0). Within it, END is written as ESC ESC_END (db dc)
//! and ESC as ESC ESC_ESC (db dd).
//!
//! ```text
//!  INPUT                                        MESSAGE
//! +----+-----+-------+-----+-------+-----+----+   +-----------------+
//! | c0 |  a  | db dc |  b  | db dd |  c  | c0 | → | a  c0  b  db  c |
//! +----+-----+-------+-----+-------+-----+----+   +-----------------+
//! ```
//! Each message is written with an END in front as well, as the RFC's own sender does: it ends what
//! noise may have left before. So frames without bytes are common, and no messages.

use std::fmt;

use super::escaped::{self, Escaping};
use super::nearest::{nothing_to_keep, options, unknown_option};
use super::{Fault, ParseFramingError};

const END: u8 = 0xc0;
const ESC: u8 = 0xdb;
const ESC_END: u8 = 0xdc;
const ESC_ESC: u8 = 0xdd;

/// The rule `slip[,resync]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Slip {
    /// After a broken message, go on behind the next END.
    pub resync: bool,
}

impl Slip {
    pub(super) fn parse(rest: &str) -> Result<Slip, ParseFramingError> {
        if rest.starts_with(':') {
            return Err(super::takes_no_argument("slip", rest));
        }
        let mut rule = Slip::default();
        for word in options(rest) {
            match word {
                "resync" => rule.resync = true,
                "keep" => return Err(nothing_to_keep("slip", r"delim:\xc0,keep")),
                _ => return Err(unknown_option("slip", word, &["resync"])),
            }
        }
        Ok(rule)
    }
}

impl fmt::Display for Slip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.resync { ",resync" } else { "" })
    }
}

pub(super) struct Escapes;

pub(super) type Framer = escaped::Framer<Escapes>;

impl Escaping for Escapes {
    const FLAG: u8 = END;
    const ESCAPE: u8 = ESC;
    const TRAILER: usize = 0;

    #[inline]
    fn read(byte: u8) -> Option<u8> {
        match byte {
            ESC_END => Some(END),
            ESC_ESC => Some(ESC),
            // RFC 1055 leaves such a byte in the packet. Here nothing is made up.
            _ => None,
        }
    }

    #[inline]
    fn write(byte: u8) -> u8 {
        if byte == END { ESC_END } else { ESC_ESC }
    }

    fn wrong_escape(byte: u8) -> String {
        format!("its db is followed by {byte:02x}, which is neither dc nor dd")
    }

    #[inline]
    fn check(_: &[u8]) -> Result<(), Fault> {
        Ok(())
    }

    fn put_trailer(_: &[u8], _: &mut Vec<u8>) {}
}
