//! Framings that transform bytes, written a second time and as plainly as can be: byte by byte, with
//! no regard to speed. What the framers find must be what these find.

use framecat_proto::Framing;

/// The messages in `bytes` up to the first that is broken, and whether there is one. `None`: the rule
/// has no model.
pub fn decode(rule: &Framing, bytes: &[u8]) -> Option<(Vec<Vec<u8>>, bool)> {
    match rule {
        Framing::Slip(_) => Some(slip(bytes)),
        Framing::Cobs(_) => Some(cobs(bytes)),
        Framing::Hdlc(_) => Some(hdlc(bytes)),
        Framing::Stx(rule) if rule.dle => Some(stx_dle(bytes)),
        Framing::Stx(rule) if !rule.keep => Some(stx(bytes)),
        _ => None,
    }
}

fn slip(bytes: &[u8]) -> (Vec<Vec<u8>>, bool) {
    let (mut messages, mut packet, mut escaped) = (Vec::new(), Vec::new(), false);
    for byte in bytes {
        match (escaped, byte) {
            (true, 0xdc) => packet.push(0xc0),
            (true, 0xdd) => packet.push(0xdb),
            (true, _) => return (messages, true),
            (false, 0xdb) => {}
            (false, 0xc0) if packet.is_empty() => {}
            (false, 0xc0) => messages.push(std::mem::take(&mut packet)),
            (false, byte) => packet.push(*byte),
        }
        escaped = !escaped && *byte == 0xdb;
    }
    (messages, false)
}

fn cobs(bytes: &[u8]) -> (Vec<Vec<u8>>, bool) {
    let (mut messages, mut message) = (Vec::new(), Vec::new());
    // How many bytes of the block are due, and whether a zero is meant behind it.
    let (mut due, mut zero, mut begun) = (0, false, false);
    for byte in bytes {
        match (due, byte) {
            (0, 0) if begun => {
                messages.push(std::mem::take(&mut message));
                (zero, begun) = (false, false);
            }
            (0, 0) => {}
            (_, 0) => return (messages, true),
            (0, code) => {
                if zero {
                    message.push(0);
                }
                (due, zero, begun) = (code - 1, *code < 255, true);
            }
            (_, byte) => {
                message.push(*byte);
                due -= 1;
            }
        }
    }
    (messages, false)
}

fn hdlc(bytes: &[u8]) -> (Vec<Vec<u8>>, bool) {
    let (mut messages, mut frame, mut escaped) = (Vec::new(), Vec::new(), false);
    for byte in bytes {
        match (escaped, byte) {
            (true, b'~') => return (messages, true),
            (true, byte) => frame.push(byte ^ 0x20),
            (false, b'}') => {}
            (false, b'~') if frame.is_empty() => {}
            (false, b'~') => {
                let mut fcs = 0xffffu16;
                for byte in &frame {
                    fcs ^= u16::from(*byte);
                    (0..8).for_each(|_| {
                        fcs = if fcs & 1 == 1 { fcs >> 1 ^ 0x8408 } else { fcs >> 1 }
                    });
                }
                if frame.len() < 3 || fcs != 0xf0b8 {
                    return (messages, true);
                }
                frame.truncate(frame.len() - 2);
                messages.push(std::mem::take(&mut frame));
            }
            (false, byte) => frame.push(*byte),
        }
        escaped = !escaped && *byte == b'}';
    }
    (messages, false)
}

fn stx(bytes: &[u8]) -> (Vec<Vec<u8>>, bool) {
    let (mut messages, mut message) = (Vec::new(), None::<Vec<u8>>);
    for byte in bytes {
        match (&mut message, byte) {
            (None, 2) => message = Some(Vec::new()),
            (None, _) | (Some(_), 2) => return (messages, true),
            (Some(_), 3) => messages.extend(message.take()),
            (Some(message), byte) => message.push(*byte),
        }
    }
    (messages, false)
}

fn stx_dle(bytes: &[u8]) -> (Vec<Vec<u8>>, bool) {
    let (mut messages, mut message, mut escaped) = (Vec::new(), None::<Vec<u8>>, false);
    for byte in bytes {
        match (&mut message, escaped, byte) {
            (_, false, 0x10) => {}
            (None, true, 2) => message = Some(Vec::new()),
            (None, ..) => return (messages, true),
            (Some(message), true, 0x10) | (Some(message), false, _) => message.push(*byte),
            (Some(_), true, 3) => messages.extend(message.take()),
            (Some(_), true, _) => return (messages, true),
        }
        escaped = !escaped && *byte == 0x10;
    }
    (messages, false)
}
