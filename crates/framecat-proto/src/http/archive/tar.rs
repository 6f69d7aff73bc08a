//! `?tar`: the pax format of POSIX.1-2017 (pax(1), "ustar Interchange Format" and "pax Extended Header").

use super::{Entry, Kind};

const BLOCK: usize = 512;

/// The largest number in a field of eleven octal digits.
const OCTAL_MAX: u64 = 0o777_7777_7777;

/// Where an archive is between its entries.
#[derive(Debug, Default)]
pub(super) struct Tar {
    /// Behind the content, up to the next block.
    padding: usize,
}

impl Tar {
    pub(super) fn begin(&mut self, entry: &Entry<'_>, out: &mut Vec<u8>) {
        let (path, size, mtime) = (entry.shown(), entry.size(), u64::try_from(entry.mtime).ok());
        self.padding = padding(size);
        let mut records = Vec::new();
        if path.len() > 100 || !path.is_ascii() {
            if std::str::from_utf8(&path).is_err() {
                record("hdrcharset", b"BINARY", &mut records);
            }
            record("path", &path, &mut records);
        }
        if size > OCTAL_MAX {
            record("size", size.to_string().as_bytes(), &mut records);
        }
        if mtime.is_none_or(|mtime| mtime > OCTAL_MAX) {
            record("mtime", entry.mtime.to_string().as_bytes(), &mut records);
        }
        let mtime = mtime.filter(|mtime| *mtime <= OCTAL_MAX).unwrap_or(0);
        if !records.is_empty() {
            let len = records.len() as u64;
            put_header(b"pax", b'x', 0o644, len, mtime, out);
            out.append(&mut records);
            put_zeros(padding(len), out);
        }
        let kind = if entry.kind == Kind::Folder { b'5' } else { b'0' };
        put_header(&path, kind, entry.mode(), size, mtime, out);
    }

    pub(super) fn end(&mut self, out: &mut Vec<u8>) {
        put_zeros(std::mem::take(&mut self.padding), out);
    }
}

/// Two blocks of zeros.
pub(super) fn finish(out: &mut Vec<u8>) {
    put_zeros(2 * BLOCK, out);
}

fn padding(size: u64) -> usize {
    (size.wrapping_neg() % BLOCK as u64) as usize
}

fn put_zeros(len: usize, out: &mut Vec<u8>) {
    out.resize(out.len() + len, 0);
}

/// `LENGTH KEY=VALUE` LF, where LENGTH counts its own digits too.
fn record(key: &str, value: &[u8], out: &mut Vec<u8>) {
    let rest = key.len() + value.len() + 3;
    let mut len = rest + 1;
    while rest + digits(len) != len {
        len = rest + digits(len);
    }
    out.extend_from_slice(format!("{len} {key}=").as_bytes());
    out.extend_from_slice(value);
    out.push(b'\n');
}

fn digits(n: usize) -> usize {
    n.checked_ilog10().map_or(1, |log| log as usize + 1)
}

/// A header. What does not fit stands in the pax header before it, and is cut or 0 here.
fn put_header(path: &[u8], kind: u8, mode: u32, size: u64, mtime: u64, out: &mut Vec<u8>) {
    let mut block = [0; BLOCK];
    let name = &path[..path.len().min(100)];
    block[..name.len()].copy_from_slice(name);
    put_octal(&mut block[100..108], mode.into());
    put_octal(&mut block[108..116], 0);
    put_octal(&mut block[116..124], 0);
    put_octal(&mut block[124..136], if size > OCTAL_MAX { 0 } else { size });
    put_octal(&mut block[136..148], mtime);
    block[148..156].fill(b' ');
    block[156] = kind;
    block[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    out.extend_from_slice(&block);
}

/// Octal digits and a NUL.
fn put_octal(field: &mut [u8], n: u64) {
    let width = field.len() - 1;
    field[..width].copy_from_slice(format!("{n:0width$o}").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_counts_its_own_digits() {
        for len in 0..1200 {
            let mut out = Vec::new();
            record("path", &vec![b'x'; len], &mut out);
            let told = out.split(|byte| *byte == b' ').next().unwrap();
            assert_eq!(std::str::from_utf8(told).unwrap().parse(), Ok(out.len()));
        }
    }

    #[test]
    fn everything_is_in_whole_blocks_and_what_does_not_fit_has_a_record() {
        let long = vec![b'n'; 300];
        for (path, size, mtime, pax) in [
            (&b"a"[..], 0, 0, None),
            (b"a", 511, 1, None),
            (b"a", 512, OCTAL_MAX as i64, None),
            (b"a", OCTAL_MAX + 1, 1, Some("size=8589934592\n")),
            (b"a", 1, -5, Some("mtime=-5\n")),
            (b"a", 1, i64::MAX, Some("mtime=9223372036854775807\n")),
            (&long, 1, 1, Some("310 path=nnn")),
            ("ä".as_bytes(), 1, 1, Some("11 path=ä\n")),
            (b"\xff", 1, 1, Some("21 hdrcharset=BINARY\n9 path=")),
        ] {
            let mut tar = Tar::default();
            let mut out = Vec::new();
            let kind = Kind::File { size, executable: false };
            tar.begin(&Entry { path, kind, mtime }, &mut out);
            assert_eq!(out.len() % BLOCK, 0);
            assert_eq!(out.len() > BLOCK, pax.is_some());
            let text = String::from_utf8_lossy(&out);
            assert!(pax.is_none_or(|pax| text.contains(pax)), "{pax:?}: {text}");
            tar.end(&mut out);
            assert_eq!((out.len() as u64 + size) % BLOCK as u64, 0);
        }
    }
}
