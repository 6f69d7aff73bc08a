//! Framings that transform bytes, written a second time and as plainly as can be: byte by byte, with
//! no regard to speed. What the framers find must be what these find.

use framecat_proto::Framing;

/// The messages in `bytes` up to the first that is broken, and whether there is one. `None`: the rule
/// has no model.
pub fn decode(rule: &Framing, bytes: &[u8]) -> Option<(Vec<Vec<u8>>, bool)> {
    match rule {
        Framing::Slip(_) => Some(slip(bytes)),
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
