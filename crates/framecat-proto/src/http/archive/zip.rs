//! `?zip`: PKWARE's APPNOTE 6.3.10. Content is stored as it is, sizes and checksum stand behind it
//! (section 4.3.9), and the directory at the end has all of it once more.

use flate2::Crc;

use super::super::Seconds;
use super::super::date::civil;
use super::{Entry, Kind};

/// A number that stands for "see the zip64 field".
const ELSEWHERE: u32 = u32::MAX;

/// Made on Unix by version 4.5, which has zip64 (section 4.4.2).
const MADE_BY: u16 = 3 << 8 | 45;

/// Sizes and checksum stand behind the content (section 4.4.4, bit 3).
const BEHIND: u16 = 1 << 3;
/// The name is UTF-8 (bit 11). Other names are bytes, which readers on Unix take as they are.
const UTF8: u16 = 1 << 11;

/// An archive as far as it is written.
#[derive(Debug, Default)]
pub(super) struct Zip {
    /// Bytes before the next one.
    at: u64,
    /// The central directory so far, and how many it has.
    directory: Vec<u8>,
    count: u64,
    open: Option<Open>,
}

/// The entry whose content goes by.
#[derive(Debug)]
struct Open {
    name: Vec<u8>,
    flags: u16,
    time: [u8; 4],
    stamp: [u8; 9],
    attributes: u32,
    /// Where its header begins.
    at: u64,
    size: u64,
    crc: Crc,
}

impl Zip {
    pub(super) fn begin(&mut self, entry: &Entry<'_>, out: &mut Vec<u8>) {
        let name = entry.shown();
        let start = out.len();
        let behind = if entry.kind == Kind::Folder { 0 } else { BEHIND };
        let kind = if entry.kind == Kind::Folder { 0o040_000 } else { 0o100_000 };
        let open = Open {
            flags: behind | if std::str::from_utf8(&name).is_ok() { UTF8 } else { 0 },
            time: dos_time(entry.mtime),
            stamp: stamp(entry.mtime),
            attributes: (kind | entry.mode()) << 16 | u32::from(entry.kind == Kind::Folder) << 4,
            at: self.at,
            size: entry.size(),
            crc: Crc::new(),
            name,
        };
        let large = is_large(open.size);
        let extra = open.stamp.len() + if large { 20 } else { 0 };
        // Section 4.3.7.
        put32(0x0403_4b50, out);
        put16(if large { 45 } else { 20 }, out);
        put16(open.flags, out);
        put16(0, out);
        out.extend_from_slice(&open.time);
        put32(0, out);
        let size = if large { ELSEWHERE } else { 0 };
        put32(size, out);
        put32(size, out);
        put16(open.name.len() as u16, out);
        put16(extra as u16, out);
        out.extend_from_slice(&open.name);
        out.extend_from_slice(&open.stamp);
        if large {
            // Sizes that stand behind the content have eight bytes then (section 4.3.9.2).
            put16(1, out);
            put16(16, out);
            put64(0, out);
            put64(0, out);
        }
        self.at += (out.len() - start) as u64 + open.size;
        self.open = Some(open);
    }

    pub(super) fn content(&mut self, bytes: &[u8]) {
        if let Some(open) = &mut self.open {
            open.crc.update(bytes);
        }
    }

    pub(super) fn end(&mut self, out: &mut Vec<u8>) {
        let Some(open) = self.open.take() else { return };
        let start = out.len();
        let (crc, large) = (open.crc.sum(), is_large(open.size));
        if open.flags & BEHIND != 0 {
            put32(0x0807_4b50, out);
            put32(crc, out);
            for _ in 0..2 {
                match large {
                    true => put64(open.size, out),
                    false => put32(open.size as u32, out),
                }
            }
        }
        self.at += (out.len() - start) as u64;
        self.count += 1;
        // Section 4.3.12, and 4.5.3 for what does not fit.
        let mut far = Vec::new();
        if large {
            put64(open.size, &mut far);
            put64(open.size, &mut far);
        }
        if is_large(open.at) {
            put64(open.at, &mut far);
        }
        let zip64 = !far.is_empty();
        let extra = open.stamp.len() + if zip64 { 4 + far.len() } else { 0 };
        let size = if large { ELSEWHERE } else { open.size as u32 };
        let to = &mut self.directory;
        put32(0x0201_4b50, to);
        put16(MADE_BY, to);
        put16(if zip64 { 45 } else { 20 }, to);
        put16(open.flags, to);
        put16(0, to);
        to.extend_from_slice(&open.time);
        put32(crc, to);
        put32(size, to);
        put32(size, to);
        put16(open.name.len() as u16, to);
        put16(extra as u16, to);
        put16(0, to);
        put16(0, to);
        put16(0, to);
        put32(open.attributes, to);
        put32(if is_large(open.at) { ELSEWHERE } else { open.at as u32 }, to);
        to.extend_from_slice(&open.name);
        to.extend_from_slice(&open.stamp);
        if zip64 {
            put16(1, to);
            put16(far.len() as u16, to);
            to.append(&mut far);
        }
    }

    pub(super) fn finish(mut self, out: &mut Vec<u8>) {
        let (at, size, count) = (self.at, self.directory.len() as u64, self.count);
        out.append(&mut self.directory);
        let many = count >= u64::from(u16::MAX);
        if many || is_large(at) || is_large(size) {
            // Sections 4.3.14 and 4.3.15.
            put32(0x0606_4b50, out);
            put64(44, out);
            put16(MADE_BY, out);
            put16(45, out);
            put32(0, out);
            put32(0, out);
            put64(count, out);
            put64(count, out);
            put64(size, out);
            put64(at, out);
            put32(0x0706_4b50, out);
            put32(0, out);
            put64(at + size, out);
            put32(1, out);
        }
        // Section 4.3.16.
        put32(0x0605_4b50, out);
        put16(0, out);
        put16(0, out);
        let count = if many { u16::MAX } else { count as u16 };
        put16(count, out);
        put16(count, out);
        put32(if is_large(size) { ELSEWHERE } else { size as u32 }, out);
        put32(if is_large(at) { ELSEWHERE } else { at as u32 }, out);
        put16(0, out);
    }

    pub(super) fn kept(&self) -> usize {
        self.directory.capacity()
    }
}

fn is_large(n: u64) -> bool {
    n >= u64::from(ELSEWHERE)
}

/// When, for those who read no more than the format of 1989 has: UTC, two seconds exactly, from 1980 to
/// 2107 (section 4.4.6).
fn dos_time(mtime: Seconds) -> [u8; 4] {
    const FIRST: Seconds = 315_532_800;
    const LAST: Seconds = 4_354_819_198;
    let mtime = mtime.clamp(FIRST, LAST);
    let (year, month, day) = civil(mtime.div_euclid(86_400));
    let second = mtime.rem_euclid(86_400);
    let time = (second / 3600) << 11 | (second / 60 % 60) << 5 | (second % 60 / 2);
    let date = (year - 1980) << 9 | month << 5 | day;
    let [a, b] = (time as u16).to_le_bytes();
    let [c, d] = (date as u16).to_le_bytes();
    [a, b, c, d]
}

/// Info-ZIP's extended timestamp, whose seconds are those of 1970: in the range that it has.
fn stamp(mtime: Seconds) -> [u8; 9] {
    let seconds = mtime.clamp(i32::MIN.into(), i32::MAX.into()) as i32;
    let [a, b, c, d] = seconds.to_le_bytes();
    [b'U', b'T', 5, 0, 1, a, b, c, d]
}

fn put16(n: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(&n.to_le_bytes());
}

fn put32(n: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(&n.to_le_bytes());
}

fn put64(n: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(&n.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_dos_as_far_as_it_has_them() {
        // 2021-03-04 05:06:08: 41 years, and so on, as the section has it.
        let date = (41 << 9 | 3 << 5 | 4_u16).to_le_bytes();
        let time = (5 << 11 | 6 << 5 | 4_u16).to_le_bytes();
        assert_eq!(dos_time(1_614_834_368), [time[0], time[1], date[0], date[1]]);
        assert_eq!(dos_time(-1), [0, 0, 0x21, 0], "the first of January 1980");
        assert_eq!(dos_time(i64::MAX), [0x7d, 0xbf, 0x9f, 0xff], "the last two seconds of 2107");
    }
}
