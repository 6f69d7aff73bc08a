//! The path of a target as the name of a file below the root, and back (RFC 3986 section 2.1).

use super::Why;
use crate::path::OURS;

/// Where in the folder a target points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// Relative to the root, without a slash at either end; empty for the root itself. No component is
    /// empty, `.` or `..`, and none holds NUL. Other bytes may be anything, UTF-8 or not.
    pub bytes: Vec<u8>,
    /// The target ends in a slash (or is empty), so a folder is meant.
    pub folder: bool,
    /// A component begins with a dot.
    pub hidden: bool,
    /// A component begins with [`OURS`]: a file that has not wholly come yet, which nobody sees.
    pub ours: bool,
}

impl Path {
    /// The last component; empty for the root.
    pub fn name(&self) -> &[u8] {
        let from = self.bytes.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1);
        &self.bytes[from..]
    }

    /// The folder it is in; empty for the root, and for what is in it.
    pub fn above(&self) -> &[u8] {
        let upto = self.bytes.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        &self.bytes[..upto]
    }
}

const DOTS: Why =
    Why { rule: "a segment of the path is \".\" or \"..\"", section: "RFC 3986 section 5.2.4" };
const PERCENT: Why =
    Why { rule: "a \"%\" without two hexadecimal digits", section: "RFC 3986 section 2.1" };
const SEPARATOR: Why = Why {
    rule: "a segment of the path holds an encoded slash or NUL, which no name can",
    section: "RFC 3986 section 2.2",
};

/// `path` begins with a slash, or is empty. It is split at its slashes and then decoded, once: what is a
/// slash only after decoding never separates anything. Empty segments count for nothing.
pub fn decode(path: &str) -> Result<Path, Why> {
    let mut decoded =
        Path { bytes: Vec::with_capacity(path.len()), folder: false, hidden: false, ours: false };
    let out = &mut decoded.bytes;
    for segment in path.as_bytes().split(|byte| *byte == b'/') {
        decoded.folder = segment.is_empty();
        if segment.is_empty() {
            continue;
        }
        if !out.is_empty() {
            out.push(b'/');
        }
        let from = out.len();
        let mut bytes = segment.iter();
        while let Some(byte) = bytes.next() {
            match byte {
                b'%' => {
                    let (high, low) = (bytes.next().and_then(digit), bytes.next().and_then(digit));
                    let byte = high.zip(low).map(|(high, low)| high << 4 | low).ok_or(PERCENT)?;
                    if matches!(byte, b'/' | 0) {
                        return Err(SEPARATOR);
                    }
                    out.push(byte);
                }
                // The head's parser lets none through; whoever calls this without it is served, too.
                0 => return Err(SEPARATOR),
                byte => out.push(*byte),
            }
        }
        match &out[from..] {
            b"." | b".." => return Err(DOTS),
            name => {
                decoded.hidden |= name.first() == Some(&b'.');
                decoded.ours |= is_ours(name);
            }
        }
    }
    Ok(decoded)
}

/// Whether a name is one of our own files', in any case: some file systems do not tell them apart.
pub fn is_ours(name: &[u8]) -> bool {
    name.get(..OURS.len()).is_some_and(|head| head.eq_ignore_ascii_case(OURS.as_bytes()))
}

fn digit(byte: &u8) -> Option<u8> {
    char::from(*byte).to_digit(16).map(|digit| digit as u8)
}

/// Appends `path` so that it can stand in a target or a Location: all but unreserved characters and
/// slashes is encoded, so it leaves no attribute, header or terminal line it stands in.
pub fn encode(path: &[u8], out: &mut Vec<u8>) {
    for byte in path {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(byte) {
            out.push(*byte);
        } else {
            percent(*byte, out);
        }
    }
}

/// Appends a query as it came, with all encoded that has no place in one.
pub fn encode_query(query: &str, out: &mut Vec<u8>) {
    for byte in query.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?%".contains(&byte) {
            out.push(byte);
        } else {
            percent(byte, out);
        }
    }
}

fn percent(byte: u8, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    out.extend([b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
}

/// Whether the query has the parameter `name`, with a value or without.
pub fn asks(query: Option<&str>, name: &str) -> bool {
    let parameters = query.into_iter().flat_map(|query| query.split('&'));
    parameters.into_iter().any(|parameter| parameter.split('=').next() == Some(name))
}

/// The value of the first parameter `name` of the query, as it came; empty where it has none.
pub fn parameter<'q>(query: Option<&'q str>, name: &str) -> Option<&'q str> {
    let mut parameters = query?.split('&').map(|one| one.split_once('=').unwrap_or((one, "")));
    parameters.find(|(found, _)| *found == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_decoded_once_and_never_leaves_the_root() {
        for (path, bytes, folder, hidden) in [
            ("/", &b""[..], true, false),
            ("", b"", true, false),
            ("/a/b", b"a/b", false, false),
            ("/a/b/", b"a/b", true, false),
            ("//a///b//", b"a/b", true, false),
            ("//evil.example/a", b"evil.example/a", false, false),
            ("/%61%2Eb", b"a.b", false, false),
            ("/%252e%252e/a", b"%2e%2e/a", false, false),
            ("/%25", b"%", false, false),
            ("/%c0%ae%c0%ae/a", b"\xc0\xae\xc0\xae/a", false, false),
            ("/..%5c..%5cwin.ini", b"..\\..\\win.ini", false, true),
            ("/c:/windows", b"c:/windows", false, false),
            ("/...", b"...", false, true),
            ("/%2e.%2e", b"...", false, true),
            ("/a%0d%0aX: y", b"a\r\nX: y", false, false),
            ("/%e6%96%b0%20%e5%bb%ba.txt", "新 建.txt".as_bytes(), false, false),
            ("/.git/config", b".git/config", false, true),
            ("/a/%2egit", b"a/.git", false, true),
            ("/a+b", b"a+b", false, false),
            ("/~", b"~", false, false),
        ] {
            let want = Path { bytes: bytes.to_vec(), folder, hidden, ours: false };
            assert_eq!(decode(path), Ok(want), "{path}");
        }
        for (path, ours) in [
            ("/.framecat-0.part", true),
            ("/a/.FrameCat-x/b", true),
            ("/%2eframecat-", true),
            ("/.framecat", false),
            ("/a.framecat-0", false),
        ] {
            assert_eq!(decode(path).map(|path| path.ours), Ok(ours), "{path}");
        }
        for path in
            ["/..", "/../a", "/a/../b", "/a/..", "/.", "/a/./b", "/%2e%2e/a", "/.%2e", "/%2E/"]
        {
            assert_eq!(decode(path), Err(DOTS), "{path}");
        }
        for path in ["/..%2fa", "/a%2Fb", "/a%00", "/a.txt%00.html", "/%2f", "/a\0"] {
            assert_eq!(decode(path), Err(SEPARATOR), "{path}");
        }
        for path in ["/%", "/a%", "/a%4", "/%zz", "/%4g", "/%%41", "/%+1", "/%4/a", "/%u0041"] {
            assert_eq!(decode(path), Err(PERCENT), "{path}");
        }
    }

    #[test]
    fn what_is_encoded_is_decoded_to_itself() {
        let every: Vec<u8> = (1..=255).filter(|byte| *byte != b'/').collect();
        let mut out = b"/".to_vec();
        encode(&every, &mut out);
        let text = std::str::from_utf8(&out).unwrap();
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~/%".contains(&byte)));
        assert_eq!(decode(text).unwrap().bytes, every);
    }
}
