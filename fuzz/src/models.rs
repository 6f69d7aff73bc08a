//! Framings that transform bytes, written a second time and as plainly as can be: byte by byte, with
//! no regard to speed. What the framers find must be what these find.

use framecat_proto::Framing;

/// The messages in `bytes` up to the first that is broken, and whether there is one. `None`: the rule
/// has no model.
pub fn decode(rule: &Framing, bytes: &[u8]) -> Option<(Vec<Vec<u8>>, bool)> {
    match rule {
        Framing::Slip(_) => Some(slip(bytes)),
        Framing::Cobs(_) => Some(cobs(bytes)),
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
