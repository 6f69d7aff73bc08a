//! `dump`: each message as a header line and lines like those of `hexdump -C`. Output only.
//!
//! ```text
//! 2026-11-22T04:30:00.123456789Z #1 127.0.0.1:41327 in 1, 18 bytes
//! 00000000  68 65 6c 6c 6f 20 77 6f  72 6c 64 20 e4 bd a0 e5  |hello world ....|
//! 00000010  a5 bd                                             |..|
//! ```
//! The header tells time, connection, peer, direction, number and length, and `, cut` where the end
//! of the stream closed the message.

use super::escape::hex_digits;
use super::instant::{Instants, put_decimal};
use super::quoted::quote;
use crate::framing::{EncodeError, Ending, Fault, Framer, Progress};
use crate::message::{Context, Outbound, Outgoing, Spans};

const PER_LINE: usize = 16;

pub(super) struct Dump {
    max: usize,
    instants: Instants,
}

impl Dump {
    pub(super) fn new(max: usize) -> Dump {
        Dump { max, instants: Instants::default() }
    }

    fn put_header(&mut self, message: Outbound<'_>, context: &Context<'_>, out: &mut Vec<u8>) {
        self.instants.put(message.time_ns.unwrap_or(context.now_ns), out);
        if context.conn > 0 {
            out.extend_from_slice(b" #");
            put_decimal(context.conn, out);
        }
        if !context.peer.is_empty() {
            out.push(b' ');
            // The name of an abstract Unix socket may hold any byte.
            quote(context.peer.as_bytes(), out);
        }
        out.push(b' ');
        out.extend_from_slice(context.dir.word().as_bytes());
        out.push(b' ');
        put_decimal(context.first, out);
        out.extend_from_slice(b", ");
        put_decimal(message.payload.len() as u64, out);
        out.extend_from_slice(if message.payload.len() == 1 { b" byte" } else { b" bytes" });
        out.extend_from_slice(if message.cut { b", cut\n" } else { b"\n" });
    }
}

/// Appends `bytes` as `hexdump -C` shows them, without its last line, and repeated lines in full.
pub fn put_dump(bytes: &[u8], out: &mut Vec<u8>) {
    for (i, line) in bytes.chunks(PER_LINE).enumerate() {
        for byte in ((i * PER_LINE) as u32).to_be_bytes() {
            out.extend_from_slice(&hex_digits(byte));
        }
        for at in 0..PER_LINE {
            out.extend_from_slice(if at % 8 == 0 { b"  " } else { b" " });
            out.extend_from_slice(&line.get(at).map_or(*b"  ", |&byte| hex_digits(byte)));
        }
        out.extend_from_slice(b"  |");
        out.extend(line.iter().map(|&b| if matches!(b, 0x20..=0x7e) { b } else { b'.' }));
        out.extend_from_slice(b"|\n");
    }
}

impl Framer for Dump {
    fn decode(&mut self, _: &[u8], _: &mut Spans) -> Progress {
        let fault = Fault::Broken("the form `dump` is for output only; hex reads back".into());
        Progress { fault: Some(fault), ..Progress::default() }
    }

    fn end(&mut self, rest: &[u8]) -> Ending {
        if rest.is_empty() { Ending::Clean } else { Ending::Cut { need: None } }
    }

    fn encode(
        &mut self,
        message: Outbound<'_>,
        context: &Context<'_>,
        out: &mut Outgoing,
    ) -> Result<(), EncodeError> {
        let len = message.payload.len();
        if len > self.max {
            return Err(EncodeError::DoesNotFit { len, max: self.max as u64 });
        }
        self.put_header(message, context, out.buf());
        put_dump(message.payload, out.buf());
        Ok(())
    }
}
