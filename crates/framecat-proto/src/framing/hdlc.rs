//! `hdlc` (RFC 1662): a message stands between flags (7e), with a check sequence of 16 bits behind
//! it. Within both, 7e and 7d are written as 7d and the byte with its sixth bit turned.
//!
//! ```text
//!  INPUT                                       MESSAGE
//! +----+-------+-------+-----+---------+----+   +---------------+
//! | 7e | ff 03 | 7d 5e |  a  |   FCS   | 7e | → | ff 03  7e   a |
//! +----+-------+-------+-----+---------+----+   +---------------+
//! ```
//! Address, control and protocol are the message's own first bytes: framecat neither asks for them
//! nor writes them. As on any link whose map of control characters is 0 (section 7.1), nothing else
//! is escaped, and what a peer escapes besides is read.

use std::fmt;

use super::escaped::{self, Escaping, stuff};
use super::nearest::{nothing_to_keep, options, unknown_option};
use super::{Fault, ParseFramingError};

const FLAG: u8 = 0x7e;
const ESCAPE: u8 = 0x7d;
/// What an escaped byte is combined with (section 4.2).
const TURNED: u8 = 0x20;
/// Bytes of the frame check sequence.
const FCS: usize = 2;

/// The rule `hdlc[,resync]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hdlc {
    /// After a broken message, go on behind the next flag.
    pub resync: bool,
}

impl Hdlc {
    pub(super) fn parse(rest: &str) -> Result<Hdlc, ParseFramingError> {
        if rest.starts_with(':') {
            return Err(super::takes_no_argument("hdlc", rest));
        }
        let mut rule = Hdlc::default();
        for word in options(rest) {
            match word {
                "resync" => rule.resync = true,
                "keep" => return Err(nothing_to_keep("hdlc", r"delim:\x7e,keep")),
                _ => return Err(unknown_option("hdlc", word, &["resync"])),
            }
        }
        Ok(rule)
    }
}

impl fmt::Display for Hdlc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.resync { ",resync" } else { "" })
    }
}

/// `TABLES[0]` is the table of RFC 1662 appendix C.2: what one byte makes of the check sequence.
/// `TABLES[k]` is what it makes of it with k zero bytes behind, so that eight bytes are taken at once.
const TABLES: [[u16; 256]; 8] = tables();

const fn tables() -> [[u16; 256]; 8] {
    let mut tables = [[0u16; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut fcs = byte as u16;
        let mut bit = 0;
        while bit < 8 {
            // x^16 + x^12 + x^5 + 1, the lowest bit first.
            fcs = if fcs & 1 == 1 { (fcs >> 1) ^ 0x8408 } else { fcs >> 1 };
            bit += 1;
        }
        tables[0][byte] = fcs;
        byte += 1;
    }
    let mut k = 1;
    while k < 8 {
        let mut byte = 0;
        while byte < 256 {
            let fcs = tables[k - 1][byte];
            tables[k][byte] = (fcs >> 8) ^ tables[0][(fcs & 0xff) as usize];
            byte += 1;
        }
        k += 1;
    }
    tables
}

/// The check sequence of `bytes`: 16 bits, from all ones, turned over at the end.
fn fcs(bytes: &[u8]) -> u16 {
    let at = |k: usize, byte: u8| TABLES[k][usize::from(byte)];
    let mut fcs = u16::MAX;
    let (chunks, rest) = bytes.as_chunks::<8>();
    for [a, b, c, d, e, f, g, h] in chunks {
        let [low, high] = fcs.to_le_bytes();
        fcs = at(7, a ^ low)
            ^ at(6, b ^ high)
            ^ at(5, *c)
            ^ at(4, *d)
            ^ at(3, *e)
            ^ at(2, *f)
            ^ at(1, *g)
            ^ at(0, *h);
    }
    for byte in rest {
        let [low, high] = fcs.to_le_bytes();
        fcs = u16::from(high) ^ at(0, low ^ byte);
    }
    !fcs
}

pub(super) struct Escapes;

pub(super) type Framer = escaped::Framer<Escapes>;

impl Escaping for Escapes {
    const FLAG: u8 = FLAG;
    const ESCAPE: u8 = ESCAPE;
    const TRAILER: usize = FCS;

    #[inline]
    fn read(byte: u8) -> Option<u8> {
        // Section 4.2: any byte may be escaped. Before a flag it says that the sender gave up.
        (byte != FLAG).then_some(byte ^ TURNED)
    }

    #[inline]
    fn write(byte: u8) -> u8 {
        byte ^ TURNED
    }

    fn wrong_escape(_: u8) -> String {
        "its sender gave it up (7d 7e)".into()
    }

    fn check(frame: &[u8]) -> Result<(), Fault> {
        // Section 4.3 calls shorter ones invalid, too; without FCS there must be something left.
        let Some((payload, came)) = frame.split_last_chunk::<FCS>().filter(|(p, _)| !p.is_empty())
        else {
            return Err(too_short(frame.len()));
        };
        let fcs = fcs(payload).to_le_bytes();
        if fcs == *came { Ok(()) } else { Err(wrong_fcs(*came, fcs)) }
    }

    fn put_trailer(payload: &[u8], out: &mut Vec<u8>) {
        stuff::<Escapes>(&fcs(payload).to_le_bytes(), out);
    }
}

#[cold]
fn too_short(len: usize) -> Fault {
    let bytes = if len == 1 { "byte" } else { "bytes" };
    Fault::Broken(format!("it has {len} {bytes}, too few for a check sequence and a message"))
}

#[cold]
fn wrong_fcs([a, b]: [u8; FCS], [c, d]: [u8; FCS]) -> Fault {
    Fault::Broken(format!("its check sequence is {a:02x} {b:02x}, its bytes make {c:02x} {d:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_and_the_good_sequence_are_those_of_the_rfc() {
        // Appendix C.2: the first row of the table, and its last entry.
        let row = [0x0000, 0x1189, 0x2312, 0x329b, 0x4624, 0x57ad, 0x6536, 0x74bf];
        assert_eq!(TABLES[0][..8], row);
        assert_eq!(TABLES[0][255], 0x0f78);
        // The check value of CRC-16/IBM-SDLC in every catalogue.
        assert_eq!(fcs(b"123456789"), 0x906e);
        // PPPGOODFCS16: over a message with its sequence, before it is turned over.
        for len in 0..40 {
            let mut bytes: Vec<u8> = (0..len).map(|n: u8| n.wrapping_mul(37)).collect();
            let own = fcs(&bytes).to_le_bytes();
            bytes.extend_from_slice(&own);
            assert_eq!(!fcs(&bytes), 0xf0b8, "{len}");
        }
    }
}
