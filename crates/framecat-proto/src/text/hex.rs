//! `hex`: one message a line, two lower-case hex digits a byte. Reading takes digits of either case,
//! spaces and tabs between bytes, and a CR before the LF.

use std::ops::Range;

use super::escape::{hex_digits, hex_value};
use super::rows::Row;
use crate::framing::Fault;
use crate::message::{Context, Outbound, Spans};

pub(super) struct Hex;

impl Row for Hex {
    fn line_max(&self, max: usize) -> usize {
        // Two digits and a space a byte, and room for indentation and a CR.
        max.saturating_mul(3).saturating_add(1 << 10)
    }

    fn read(&self, input: &[u8], line: Range<usize>, out: &mut Spans) -> Result<(), Fault> {
        out.push_built(|payload| unhex(&input[line], payload)).map_err(Fault::Broken)
    }

    fn write(&mut self, message: Outbound<'_>, _: &Context<'_>, out: &mut Vec<u8>) {
        out.reserve(2 * message.payload.len());
        message.payload.iter().for_each(|&byte| out.extend_from_slice(&hex_digits(byte)));
    }
}

/// Appends the bytes that the digits of `text` stand for. The error is a sentence that says what is
/// wrong at which column, from 1; `out` may hold part of the bytes then.
pub(super) fn unhex(text: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    out.reserve(text.len() / 2);
    let mut at = 0;
    while at < text.len() {
        if matches!(text[at], b' ' | b'\t') {
            at += 1;
            continue;
        }
        let high = hex_value(text[at]).ok_or_else(|| no_digit(text, at))?;
        match text.get(at + 1) {
            None | Some(b' ' | b'\t') => return Err(odd(at)),
            Some(&low) => {
                out.push((high << 4) | hex_value(low).ok_or_else(|| no_digit(text, at + 1))?);
            }
        }
        at += 2;
    }
    Ok(())
}

#[cold]
fn odd(at: usize) -> String {
    format!("the hex digit at column {} stands alone; write two digits a byte", at + 1)
}

#[cold]
fn no_digit(text: &[u8], at: usize) -> String {
    let found = String::from_utf8_lossy(&text[at..]).chars().next().map(String::from);
    let found = super::visible(found.unwrap_or_default().as_bytes(), 8);
    format!("`{found}` at column {} is no hex digit; write 0 to 9 and a to f, two a byte", at + 1)
}
