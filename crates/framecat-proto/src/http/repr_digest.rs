//! Repr-Digest and Content-Digest (RFC 9530): what the bytes that are sent must come to.
//!
//! ```
//! use framecat_proto::http::repr_digest::sha256;
//!
//! let empty = b"sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:";
//! assert_eq!(sha256([&empty[..]]).unwrap().map(|hash| hash[..2].to_vec()), Some(vec![0xe3, 0xb0]));
//! ```

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::{Fields, Why};

const SECTION: &str = "RFC 9530 section 3";

const MALFORMED: Why = Why {
    rule: "a digest is not written as ALGORITHM=:BASE64: each, parted by commas",
    section: "RFC 9651 section 3.2",
};
const LENGTH: Why = Why {
    rule: "the sha-256 of a digest is not the base64 of 32 bytes between two colons",
    section: SECTION,
};

const CONTENT: Why = Why {
    rule: "the content that came does not have the sha-256 that Content-Digest tells",
    section: "RFC 9530 section 2",
};
const FILE: Why = Why {
    rule: "what came does not have the sha-256 that Repr-Digest tells of the whole",
    section: SECTION,
};

/// A SHA-256.
pub type Hash = [u8; 32];

/// What a request says of its content: the hashes that must be found before anything is done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Expected {
    /// Of what is sent with this request, chunks taken apart (Content-Digest).
    pub content: Option<Hash>,
    /// Of the whole that this content is, or is the end of (Repr-Digest).
    pub whole: Option<Hash>,
    /// Trailer names one of the two: it comes behind the content.
    pub behind: bool,
}

impl Expected {
    /// What the head of a request says.
    ///
    /// # Errors
    /// As for [`sha256`].
    pub fn of(fields: &Fields<'_>) -> Result<Expected, Why> {
        let behind = ["Content-Digest", "Repr-Digest"];
        Ok(Expected {
            content: sha256(fields.all("Content-Digest"))?,
            whole: sha256(fields.all("Repr-Digest"))?,
            behind: behind.iter().any(|name| fields.lists("Trailer", name)),
        })
    }

    /// Whether nothing is said, nor will be.
    pub fn is_nothing(&self) -> bool {
        *self == Expected::default()
    }

    /// With what the `trailers` say, where they were announced; others may have been put there by anybody on the
    /// way.
    ///
    /// # Errors
    /// As for [`sha256`].
    pub fn with(mut self, trailers: &Fields<'_>) -> Result<Expected, Why> {
        if self.behind {
            self.content = sha256(trailers.all("Content-Digest"))?.or(self.content);
            self.whole = sha256(trailers.all("Repr-Digest"))?.or(self.whole);
        }
        Ok(self)
    }

    /// Whether this is the hash of the content.
    ///
    /// # Errors
    /// Another one was told.
    pub fn is_content(&self, hash: &Hash) -> Result<(), Why> {
        if self.content.is_none_or(|told| told == *hash) { Ok(()) } else { Err(CONTENT) }
    }

    /// Whether this is the hash of the whole.
    ///
    /// # Errors
    /// Another one was told.
    pub fn is_whole(&self, hash: &Hash) -> Result<(), Why> {
        if self.whole.is_none_or(|told| told == *hash) { Ok(()) } else { Err(FILE) }
    }
}

/// The SHA-256 that the `values` of all fields of that name tell: of the last member of this name, as a
/// dictionary has it. Of other algorithms nothing is said. `None`: there is none.
///
/// # Errors
/// One of the fields is no dictionary (RFC 9651 section 3.2), or the sha-256 in it none. What is there to keep a
/// file from harm is not passed over because it is not understood.
pub fn sha256<'b>(values: impl IntoIterator<Item = &'b [u8]>) -> Result<Option<Hash>, Why> {
    let mut found = None;
    for value in values {
        let mut rest = Rest(value);
        rest.spaces();
        while !rest.0.is_empty() {
            let key = rest.key()?;
            let item = rest.member()?;
            if key == b"sha-256" {
                found = Some(item);
            }
            rest.whitespace();
            if rest.0.is_empty() {
                break;
            }
            rest.take(b',')?;
            rest.whitespace();
            if rest.0.is_empty() {
                return Err(MALFORMED);
            }
        }
    }
    match found {
        None => Ok(None),
        Some(Item::Bytes(bytes)) => Ok(Some(bytes.as_slice().try_into().map_err(|_| LENGTH)?)),
        Some(Item::Other) => Err(LENGTH),
    }
}

/// A value, as far as it matters here.
#[derive(Debug, PartialEq, Eq)]
enum Item {
    Bytes(Vec<u8>),
    Other,
}

/// What is still to be read of a structured field (RFC 9651 section 4.2).
struct Rest<'b>(&'b [u8]);

impl<'b> Rest<'b> {
    fn take(&mut self, byte: u8) -> Result<(), Why> {
        self.0 = self.0.strip_prefix(&[byte]).ok_or(MALFORMED)?;
        Ok(())
    }

    fn takes(&mut self, byte: u8) -> bool {
        self.take(byte).is_ok()
    }

    /// As long as they are such.
    fn run(&mut self, such: impl Fn(u8) -> bool) -> &'b [u8] {
        let len = self.0.iter().position(|byte| !such(*byte)).unwrap_or(self.0.len());
        let (run, rest) = self.0.split_at(len);
        self.0 = rest;
        run
    }

    fn spaces(&mut self) {
        self.run(|byte| byte == b' ');
    }

    fn whitespace(&mut self) {
        self.run(|byte| matches!(byte, b' ' | b'\t'));
    }

    fn key(&mut self) -> Result<&'b [u8], Why> {
        if !matches!(self.0.first(), Some(b'a'..=b'z' | b'*')) {
            return Err(MALFORMED);
        }
        let key = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'*');
        Ok(self.run(key))
    }

    /// What stands behind a key: its value, or nothing, which is "true"; and its parameters.
    fn member(&mut self) -> Result<Item, Why> {
        let mut item = Item::Other;
        if self.takes(b'=') {
            item = if self.0.first() == Some(&b'(') { self.list()? } else { self.item()? };
        }
        self.parameters()?;
        Ok(item)
    }

    fn list(&mut self) -> Result<Item, Why> {
        self.take(b'(')?;
        loop {
            self.spaces();
            if self.takes(b')') {
                return Ok(Item::Other);
            }
            self.item()?;
            self.parameters()?;
            if !matches!(self.0.first(), Some(b' ' | b')')) {
                return Err(MALFORMED);
            }
        }
    }

    fn parameters(&mut self) -> Result<(), Why> {
        while self.takes(b';') {
            self.spaces();
            self.key()?;
            if self.takes(b'=') {
                self.item()?;
            }
        }
        Ok(())
    }

    fn item(&mut self) -> Result<Item, Why> {
        match self.0.first() {
            Some(b':') => return self.bytes(),
            Some(b'"') => self.string()?,
            Some(b'%') => self.display()?,
            Some(b'?') => {
                self.take(b'?')?;
                if !self.takes(b'0') && !self.takes(b'1') {
                    return Err(MALFORMED);
                }
            }
            Some(b'@') => {
                self.take(b'@')?;
                if self.number()? {
                    return Err(MALFORMED);
                }
            }
            Some(b'-' | b'0'..=b'9') => drop(self.number()?),
            Some(b'A'..=b'Z' | b'a'..=b'z' | b'*') => {
                use super::characters::{TOKEN, is};
                self.run(|byte| is(TOKEN, byte) || matches!(byte, b':' | b'/'));
            }
            _ => return Err(MALFORMED),
        }
        Ok(Item::Other)
    }

    fn bytes(&mut self) -> Result<Item, Why> {
        // Padding may be left out, and bits that pad may be set: a parser is to take both.
        const BASE64: GeneralPurpose = GeneralPurpose::new(
            &alphabet::STANDARD,
            GeneralPurposeConfig::new()
                .with_decode_padding_mode(DecodePaddingMode::Indifferent)
                .with_decode_allow_trailing_bits(true),
        );
        self.take(b':')?;
        let text = self.run(|byte| byte != b':');
        self.take(b':')?;
        BASE64.decode(text).map(Item::Bytes).map_err(|_| MALFORMED)
    }

    fn string(&mut self) -> Result<(), Why> {
        self.take(b'"')?;
        loop {
            self.run(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\'));
            if self.takes(b'"') {
                return Ok(());
            }
            self.take(b'\\')?;
            if !self.takes(b'"') && !self.takes(b'\\') {
                return Err(MALFORMED);
            }
        }
    }

    /// A text beyond ASCII: `%"f%c3%bc"`.
    fn display(&mut self) -> Result<(), Why> {
        self.take(b'%')?;
        self.take(b'"')?;
        let mut text = Vec::new();
        loop {
            text.extend(
                self.run(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'%')),
            );
            if self.takes(b'"') {
                return std::str::from_utf8(&text).map(|_| ()).map_err(|_| MALFORMED);
            }
            self.take(b'%')?;
            let digits = self.0.split_at_checked(2).ok_or(MALFORMED)?;
            let hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or_default() as u8;
            if !digits.0.iter().all(hex) {
                return Err(MALFORMED);
            }
            text.push(digit(digits.0[0]) << 4 | digit(digits.0[1]));
            self.0 = digits.1;
        }
    }

    /// An integer of at most 15 digits, or a decimal, of at most 12 before and 3 behind the dot. Whether it
    /// is a decimal.
    fn number(&mut self) -> Result<bool, Why> {
        self.takes(b'-');
        let whole = self.run(|byte| byte.is_ascii_digit()).len();
        if !self.takes(b'.') {
            return if (1..=15).contains(&whole) { Ok(false) } else { Err(MALFORMED) };
        }
        let part = self.run(|byte| byte.is_ascii_digit()).len();
        if (1..=12).contains(&whole) && (1..=3).contains(&part) { Ok(true) } else { Err(MALFORMED) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of nothing, and of "hello\n".
    const EMPTY: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    const HELLO: &str = "WJG1tSLV3whtD/CxEPvZ0hu0/HFjrzTQgoai6EB2vgM=";

    fn of(values: &[&str]) -> Result<Option<u8>, Why> {
        let found = sha256(values.iter().map(|value| value.as_bytes()))?;
        Ok(found.map(|hash| hash[0]))
    }

    #[test]
    fn a_sha256_is_found_and_others_are_passed_over() {
        let sha = |text: &str| format!("sha-256=:{text}:");
        for (values, want) in [
            (vec![], None),
            (vec![String::new()], None),
            (vec![sha(EMPTY)], Some(0xe3)),
            (vec![sha(HELLO)], Some(0x58)),
            (vec![sha(EMPTY.trim_end_matches('='))], Some(0xe3)),
            (vec![format!(" {} ", sha(EMPTY))], Some(0xe3)),
            (vec![format!("sha-512=:YQ==:, {}", sha(HELLO))], Some(0x58)),
            (vec![format!("{}\t,\tmd5=:YQ==:", sha(HELLO))], Some(0x58)),
            (vec![format!("{};q=1;x", sha(HELLO))], Some(0x58)),
            // The last one counts, wherever it stands.
            (vec![format!("{}, {}", sha(EMPTY), sha(HELLO))], Some(0x58)),
            (vec![sha(HELLO), sha(EMPTY)], Some(0xe3)),
            (vec!["sha-512=:YQ==:".into()], None),
            (
                vec![
                    "unixsum=30637, x, y=?1;z=@0, *a=(1 2.5 \"s\\\"\" :YQ==: a/b);p=%\"f%c3%bc\""
                        .into(),
                ],
                None,
            ),
            (vec!["sha-256x=:YQ==:".into()], None),
        ] {
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            assert_eq!(of(&values), Ok(want), "{values:?}");
        }
    }

    #[test]
    fn what_is_expected_stands_in_the_head_or_was_announced_there() {
        use super::super::Field;
        let fields = |pairs: &[(&'static str, &'static str)]| {
            let mut fields = Fields::default();
            for (name, value) in pairs {
                fields.push(Field { name, value: value.as_bytes() });
            }
            fields
        };
        let told = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:";
        let empty = sha256([told.as_bytes()]).unwrap().unwrap();
        let nothing = Expected::of(&fields(&[("Repr-Digest", "md5=:YQ==:")])).unwrap();
        assert!(nothing.is_nothing() && nothing.is_whole(&[0; 32]).is_ok());
        let whole = Expected::of(&fields(&[("repr-digest", told)])).unwrap();
        assert_eq!((whole.whole, whole.content), (Some(empty), None));
        assert!(whole.is_whole(&empty).is_ok() && whole.is_content(&[0; 32]).is_ok());
        assert_eq!(whole.is_whole(&[0; 32]), Err(FILE));
        let behind = fields(&[("Content-Digest", told)]);
        assert_eq!(Expected::default().with(&behind), Ok(Expected::default()));
        let announced = Expected::of(&fields(&[("Trailer", "x, content-digest")])).unwrap();
        assert!(!announced.is_nothing());
        assert_eq!(announced.with(&behind).unwrap().is_content(&[0; 32]), Err(CONTENT));
        assert!(announced.with(&fields(&[("Content-Digest", "x=")])).is_err());
        assert!(Expected::of(&fields(&[("Content-Digest", "sha-256=x")])).is_err());
    }

    #[test]
    fn what_is_no_digest_is_refused() {
        for value in [
            "sha-256",
            "sha-256=",
            "sha-256=:YQ==",
            "sha-256=YQ==:",
            "sha-256=:Y!==:",
            "sha-256=:YQ==: x",
            "sha-256=:YQ==:,",
            ",",
            "SHA-256=:YQ==:",
            "sha-256 =:YQ==:",
            "sha-256= :YQ==:",
            "=:YQ==:",
            "sha-256=:YQ==:;",
            "sha-256=:YQ==:;=1",
            "a=\"",
            "a=\"\\x\"",
            "a=\"\u{e9}\"",
            "a=(",
            "a=(1",
            "a=(1 2",
            "a=(1\"x\")",
            "a=?2",
            "a=@",
            "a=@1.5",
            "a=1.",
            "a=.5",
            "a=1.2345",
            "a=1234567890123456",
            "a=1234567890123.5",
            "a=--1",
            "a=-",
            "a=%\"%C3\"",
            "a=%\"%c3\"",
            "a=%\"%c\"",
            "a=%x",
            "\u{e9}",
            "sha-256",
            "sha-256=1",
            "sha-256=\"YQ==\"",
            "sha-256=(:YQ==:)",
            "sha-256=:YQ==:",
            "sha-256=::",
            "sha-512=:YQ==:, sha-256=?1",
            "sha-256=::::",
            "SHA-256=47DEQpj8HBSa",
        ] {
            assert!(of(&[value]).is_err(), "{value}");
        }
        // The first one that is wrong is wrong, whatever follows.
        assert!(of(&["x=", &format!("sha-256=:{EMPTY}:")]).is_err());
    }

    #[test]
    fn no_text_makes_it_fail() {
        let text = format!("sha-256=:{EMPTY}:;a=1.5, b=(1 \"x\" %\"%c3%bc\" ?0 @1);c, d");
        for cut in 0..=text.len() {
            let _ = of(&[&text[..cut]]);
            let _ = of(&[&text[cut..]]);
            for byte in [0, b'"', b'%', b':', b'(', b',', 0xff] {
                let mut changed = text.clone().into_bytes();
                changed.insert(cut, byte);
                let _ = sha256([&changed[..]]);
            }
        }
    }
}
