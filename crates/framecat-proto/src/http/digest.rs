//! Hashes of files, for `?sha256` and `?blake3`: a line as sha256sum(1) and b3sum write and check it.

/// A hash function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Digest {
    /// FIPS 180-4.
    Sha256,
    /// BLAKE3, with 32 bytes of output and no key.
    Blake3,
}

impl Digest {
    /// All of them.
    pub const ALL: [Digest; 2] = [Digest::Sha256, Digest::Blake3];

    /// The word that asks for it.
    pub fn name(self) -> &'static str {
        match self {
            Digest::Sha256 => "sha256",
            Digest::Blake3 => "blake3",
        }
    }
}

/// The hash of the file `name`: digits, two spaces, the name. A name that would break the line has `\n`,
/// `\r` and `\\` in it, and the line begins with a backslash then, as coreutils has it.
pub fn line(hash: &[u8], name: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut line = Vec::with_capacity(2 * hash.len() + name.len() + 4);
    if name.iter().any(|byte| b"\\\n\r".contains(byte)) {
        line.push(b'\\');
    }
    for byte in hash {
        // Writing to memory cannot fail.
        let _ = write!(line, "{byte:02x}");
    }
    line.extend_from_slice(b"  ");
    for byte in name {
        match byte {
            b'\\' => line.extend_from_slice(b"\\\\"),
            b'\n' => line.extend_from_slice(b"\\n"),
            b'\r' => line.extend_from_slice(b"\\r"),
            byte => line.push(*byte),
        }
    }
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_in_its_line() {
        assert_eq!(line(&[0, 0xab], b"a b"), b"00ab  a b\n");
        assert_eq!(line(&[1], b"a\\b\nc\rd"), b"\\01  a\\\\b\\nc\\rd\n");
        assert_eq!(line(&[1], b"\xff"), b"01  \xff\n");
    }
}
