//! `len` at work. One generic framer, compiled for each width, so that the loop over a buffer holds
//! one load, one comparison and one push a message; rules with magic or trailer are compiled apart
//! (`CHECKED`), so that the others do not pay for them.

use std::marker::PhantomData;

use super::{Len, Width};
use crate::framing::{self, EncodeError, Ending, Fault, Progress};
use crate::message::{Context, Outbound, Outgoing, Spans};

/// The largest value of RFC 9000 section 16: 62 bits.
pub(super) const QVARINT_LARGEST: u64 = (1 << 62) - 1;

/// The largest value of MQTT's variable byte integer: 28 bits.
pub(super) const VARINT4_LARGEST: u64 = (1 << 28) - 1;

/// A length field.
trait Field: Send + Sync + 'static {
    /// Whether its own size depends on its value.
    const VARIES: bool;
    /// The largest value it holds.
    const LARGEST: u64;

    fn read(bytes: &[u8]) -> Read;

    /// Appends `value`, which is at most [`LARGEST`](Self::LARGEST), in its shortest form.
    fn write(value: u64, out: &mut Vec<u8>);
}

enum Read {
    /// The value and the field's bytes.
    Value(u64, usize),
    /// Not all of its bytes are there.
    Short,
    /// It is not a number in the field's notation.
    Bad(&'static str),
}

struct BigEndian<const W: usize>;
struct LittleEndian<const W: usize>;
/// LEB128 in at most so many bytes.
struct Leb128<const MOST: usize>;
struct Quic;

impl<const W: usize> Field for BigEndian<W> {
    const VARIES: bool = false;
    const LARGEST: u64 = u64::MAX >> (64 - 8 * W);

    #[inline(always)]
    fn read(bytes: &[u8]) -> Read {
        let Some(field) = bytes.first_chunk::<W>() else { return Read::Short };
        let mut value = [0; 8];
        value[8 - W..].copy_from_slice(field);
        Read::Value(u64::from_be_bytes(value), W)
    }

    #[inline(always)]
    fn write(value: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(&value.to_be_bytes()[8 - W..]);
    }
}

impl<const W: usize> Field for LittleEndian<W> {
    const VARIES: bool = false;
    const LARGEST: u64 = u64::MAX >> (64 - 8 * W);

    #[inline(always)]
    fn read(bytes: &[u8]) -> Read {
        let Some(field) = bytes.first_chunk::<W>() else { return Read::Short };
        let mut value = [0; 8];
        value[..W].copy_from_slice(field);
        Read::Value(u64::from_le_bytes(value), W)
    }

    #[inline(always)]
    fn write(value: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(&value.to_le_bytes()[..W]);
    }
}

impl<const MOST: usize> Field for Leb128<MOST> {
    const VARIES: bool = true;
    const LARGEST: u64 = if MOST == 10 { u64::MAX } else { (1 << (7 * MOST)) - 1 };

    #[inline(always)]
    fn read(bytes: &[u8]) -> Read {
        let mut value = 0;
        for (i, byte) in bytes.iter().take(MOST).enumerate() {
            // The last byte that it may have announces no further one, and holds what 64 bits leave.
            let most = if MOST == 10 { 1 } else { 0x7f };
            if i + 1 == MOST && *byte > most {
                return Read::Bad(if MOST == 10 {
                    "its length has more than the 64 bits of 10 varint bytes"
                } else {
                    "its length goes on in a fifth byte, and has four at most"
                });
            }
            value |= u64::from(byte & 0x7f) << (7 * i);
            if byte & 0x80 == 0 {
                // One length has one form, so that two readers cannot disagree.
                let overlong = i > 0 && *byte == 0;
                return if overlong {
                    Read::Bad("its length is a varint longer than it need be")
                } else {
                    Read::Value(value, i + 1)
                };
            }
        }
        Read::Short
    }

    #[inline(always)]
    fn write(mut value: u64, out: &mut Vec<u8>) {
        while value > 0x7f {
            out.push(value as u8 | 0x80);
            value >>= 7;
        }
        out.push(value as u8);
    }
}

impl Field for Quic {
    const VARIES: bool = true;
    const LARGEST: u64 = QVARINT_LARGEST;

    #[inline(always)]
    fn read(bytes: &[u8]) -> Read {
        let Some(first) = bytes.first() else { return Read::Short };
        let width = 1 << (first >> 6);
        let Some(field) = bytes.get(..width) else { return Read::Short };
        let start = u64::from(first & 0x3f);
        Read::Value(field[1..].iter().fold(start, |value, b| value << 8 | u64::from(*b)), width)
    }

    #[inline(always)]
    fn write(value: u64, out: &mut Vec<u8>) {
        let log = match value {
            0..0x40 => 0,
            0x40..0x4000 => 1,
            0x4000..0x4000_0000 => 2,
            _ => 3,
        };
        let at = out.len();
        out.extend_from_slice(&value.to_be_bytes()[8 - (1 << log)..]);
        out[at] |= log << 6;
    }
}

pub(super) fn framer(rule: &Len, max: usize) -> Box<dyn framing::Framer> {
    match rule.width {
        Width::U8 => boxed::<BigEndian<1>>(rule, max),
        Width::U16be => boxed::<BigEndian<2>>(rule, max),
        Width::U16le => boxed::<LittleEndian<2>>(rule, max),
        Width::U24be => boxed::<BigEndian<3>>(rule, max),
        Width::U24le => boxed::<LittleEndian<3>>(rule, max),
        Width::U32be => boxed::<BigEndian<4>>(rule, max),
        Width::U32le => boxed::<LittleEndian<4>>(rule, max),
        Width::U64be => boxed::<BigEndian<8>>(rule, max),
        Width::U64le => boxed::<LittleEndian<8>>(rule, max),
        Width::Varint => boxed::<Leb128<10>>(rule, max),
        Width::Varint4 => boxed::<Leb128<4>>(rule, max),
        Width::Qvarint => boxed::<Quic>(rule, max),
    }
}

fn boxed<F: Field>(rule: &Len, max: usize) -> Box<dyn framing::Framer> {
    if rule.magic.is_empty() && rule.tail.is_empty() {
        Box::new(Framer::<F, false>::new(rule, max))
    } else {
        Box::new(Framer::<F, true>::new(rule, max))
    }
}

/// All is said in terms of n, the payload's bytes without header and trailer: the field holds
/// n + `least`, the whole message has n + `around` bytes, each plus the field's own bytes where its
/// width varies.
struct Framer<F, const CHECKED: bool> {
    /// Where the field begins.
    at: usize,
    least: u64,
    around: usize,
    /// Bytes before the message that is handed on, and behind it: none of either with `keep`.
    lead: usize,
    trail: usize,
    /// An n from here on is too long. 0 where header and trailer alone are.
    too_long_from: u64,
    max: usize,
    keep: bool,
    magic: Vec<u8>,
    tail: Vec<u8>,
    /// What is written before the field, and how many zero bytes behind it.
    before: Vec<u8>,
    padding: usize,
    /// The size of the message that the unconsumed input begins with, 0 if not yet known.
    need: usize,
    /// Bytes of the unconsumed input known to agree with the magic.
    verified: usize,
    field: PhantomData<F>,
}

/// What the bytes at the beginning of a message say.
enum Measured {
    /// The whole message's bytes, and those of the field where they vary (else 0).
    Size {
        size: usize,
        varying: usize,
    },
    Short,
    Bad(Fault),
}

impl<F: Field, const CHECKED: bool> Framer<F, CHECKED> {
    fn new(rule: &Len, max: usize) -> Self {
        let around = rule.head + rule.tail.len();
        let mut before = rule.magic.clone();
        before.resize(rule.at, 0);
        let inside = if rule.keep { around } else { 0 };
        Framer {
            at: rule.at,
            least: rule.least(),
            around,
            lead: if rule.keep { 0 } else { rule.head },
            trail: if rule.keep { 0 } else { rule.tail.len() },
            too_long_from: (max + 1).saturating_sub(inside) as u64,
            max,
            keep: rule.keep,
            magic: rule.magic.clone(),
            tail: rule.tail.clone(),
            before,
            padding: rule.width.bytes().map_or(0, |width| rule.head - rule.at - width),
            need: 0,
            verified: 0,
            field: PhantomData,
        }
    }

    /// Reads a header. Nothing is believed before it is compared with the maximum.
    #[inline(always)]
    fn measure(&self, bytes: &[u8], verified: usize) -> Measured {
        if CHECKED {
            let there = bytes.len().min(self.magic.len());
            if bytes[verified..there] != self.magic[verified..there] {
                return Measured::Bad(self.wrong_magic());
            }
        }
        let Some(from_field) = bytes.get(self.at..) else { return Measured::Short };
        match F::read(from_field) {
            Read::Short => Measured::Short,
            Read::Bad(why) => Measured::Bad(Fault::Broken(why.into())),
            Read::Value(value, width) => {
                let varying = if F::VARIES { width } else { 0 };
                // A value below the least wraps around to one that is too long.
                let n = value.wrapping_sub(self.least);
                let inside = if self.keep { varying as u64 } else { 0 };
                if n >= self.too_long_from.saturating_sub(inside) {
                    return Measured::Bad(self.refuse(value, varying));
                }
                Measured::Size { size: n as usize + self.around + varying, varying }
            }
        }
    }

    #[cold]
    fn wrong_magic(&self) -> Fault {
        let magic: String = self.magic.iter().map(|byte| format!("{byte:02x}")).collect();
        Fault::Broken(format!("it does not begin with the magic {magic}"))
    }

    #[cold]
    fn wrong_tail(&self) -> Fault {
        let tail: String = self.tail.iter().map(|byte| format!("{byte:02x}")).collect();
        Fault::Broken(format!("its length does not lead to the trailer {tail}"))
    }

    #[cold]
    fn refuse(&self, value: u64, varying: usize) -> Fault {
        match value.checked_sub(self.least) {
            None => Fault::Broken(format!(
                "its length field says {value}, and no message has less than {}",
                self.least
            )),
            Some(n) => {
                let inside = if self.keep { self.around + varying } else { 0 };
                Fault::TooLong { len: Some(n.saturating_add(inside as u64)), max: self.max }
            }
        }
    }

    /// With `keep` the payload is the whole message, so its header must speak of it.
    fn check(&self, payload: &[u8]) -> Result<(), EncodeError> {
        let len = payload.len();
        if len > self.max {
            return Err(EncodeError::DoesNotFit { len, max: self.max as u64 });
        }
        match self.measure(payload, 0) {
            Measured::Bad(fault) => Err(EncodeError::Lacks(fault.to_string())),
            Measured::Short => Err(EncodeError::Lacks(format!(
                "its {len} bytes are less than the header that `keep` asks for"
            ))),
            Measured::Size { size, .. } if size > len => Err(EncodeError::Lacks(format!(
                "its header speaks of {size} bytes and it has {len}"
            ))),
            Measured::Size { size, .. } if size < len => Err(EncodeError::WouldSplit { at: size }),
            Measured::Size { .. } if CHECKED && !payload.ends_with(&self.tail) => {
                Err(EncodeError::Lacks(self.wrong_tail().to_string()))
            }
            Measured::Size { .. } => Ok(()),
        }
    }
}

impl<F: Field, const CHECKED: bool> framing::Framer for Framer<F, CHECKED> {
    fn decode(&mut self, input: &[u8], out: &mut Spans) -> Progress {
        if input.len() < self.need {
            return Progress::default();
        }
        self.need = 0;
        let mut verified = std::mem::take(&mut self.verified);
        let mut start = 0;
        let fault = loop {
            let rest = &input[start..];
            let (size, varying) = match self.measure(rest, verified) {
                Measured::Size { size, varying } => (size, varying),
                Measured::Short => {
                    self.verified = rest.len().min(self.magic.len());
                    break None;
                }
                Measured::Bad(fault) => break Some(fault),
            };
            verified = 0;
            if size > rest.len() {
                self.need = size;
                break None;
            }
            if CHECKED && !rest[..size].ends_with(&self.tail) {
                break Some(self.wrong_tail());
            }
            let lead = self.lead + if self.keep { 0 } else { varying };
            out.push(start + lead, start + size - self.trail);
            start += size;
            if out.is_full() {
                break None;
            }
        };
        Progress { consumed: start, rejected: 0, fault }
    }

    fn end(&mut self, rest: &[u8]) -> Ending {
        if rest.is_empty() {
            return Ending::Clean;
        }
        Ending::Cut { need: (self.need > 0).then_some(self.need as u64) }
    }

    #[inline]
    fn encode(
        &mut self,
        message: Outbound<'_>,
        _: &Context<'_>,
        out: &mut Outgoing,
    ) -> Result<(), EncodeError> {
        if self.keep {
            self.check(message.payload)?;
            out.put_payload(message);
            return Ok(());
        }
        let len = message.payload.len();
        let most = (F::LARGEST - self.least).min(self.max as u64);
        if len as u64 > most {
            return Err(EncodeError::DoesNotFit { len, max: most });
        }
        if !self.before.is_empty() {
            out.put(&self.before);
        }
        F::write(len as u64 + self.least, out.buf());
        if self.padding > 0 {
            let padded = out.buf().len() + self.padding;
            out.buf().resize(padded, 0);
        }
        out.put_payload(message);
        if CHECKED {
            out.put(&self.tail);
        }
        Ok(())
    }
}
