//! Where a JSON value ends, found as its bytes arrive: no byte is looked at twice, nothing is built.
//!
//! Checked is all that the grammar of RFC 8259 asks of one value, its UTF-8 (section 8.1) included.
//! Left to whoever reads the value: keys that appear twice, escapes of lone surrogates (`"\ud800"`,
//! which the grammar allows), the size of numbers.

use crate::limits::JSON_DEPTH;

/// How far a scan came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scan {
    /// All bytes belong to the value, and it goes on.
    More,
    /// The value ends before this byte.
    Whole(usize),
    /// It is no JSON; a sentence that says where.
    Broken(String),
}

/// What may come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Value,
    /// Behind `[`: a value or `]`.
    FirstValue,
    /// Behind `{`: a key or `}`.
    FirstKey,
    Key,
    Colon,
    /// Behind a value inside another: a comma or the end of the outer one.
    Comma,
    Text,
    Escape,
    /// So many hex digits of `\uXXXX`.
    Hex(u8),
    /// So many more bytes of a character, the next of them between these.
    Utf8(u8, u8, u8),
    /// The rest of `true`, `false` or `null`.
    Word(&'static [u8]),
    Number(Number),
}

/// The part of a number that was read last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Number {
    Minus,
    Zero,
    Digits,
    Point,
    Fraction,
    Exponent,
    Sign,
    Power,
}

impl Number {
    fn next(self, byte: u8) -> Option<Number> {
        use Number::{Digits, Exponent, Fraction, Minus, Point, Power, Sign, Zero};
        Some(match (self, byte) {
            (Minus, b'0') => Zero,
            (Minus, b'1'..=b'9') | (Digits, b'0'..=b'9') => Digits,
            (Zero | Digits, b'.') => Point,
            (Point | Fraction, b'0'..=b'9') => Fraction,
            (Zero | Digits | Fraction, b'e' | b'E') => Exponent,
            (Exponent, b'+' | b'-') => Sign,
            (Exponent | Sign | Power, b'0'..=b'9') => Power,
            _ => return None,
        })
    }

    fn may_end(self) -> bool {
        matches!(self, Number::Zero | Number::Digits | Number::Fraction | Number::Power)
    }
}

/// Bytes of a string that mean themselves: ASCII but controls, `"` and `\`.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = 0x20;
    while byte < 0x80 {
        plain[byte] = byte != b'"' as usize && byte != b'\\' as usize;
        byte += 1;
    }
    plain
};

pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// One JSON value, scanned as it arrives.
#[derive(Debug, Clone)]
pub(crate) struct Scanner {
    state: State,
    depth: usize,
    /// A bit for each level, the innermost lowest: set where it is an object.
    objects: u128,
    /// The string is a key.
    key: bool,
}

// A level is a bit of `objects`.
const _: () = assert!(JSON_DEPTH <= u128::BITS as usize);

impl Scanner {
    pub(crate) fn new() -> Scanner {
        Scanner { state: State::Value, depth: 0, objects: 0, key: false }
    }

    /// Goes on at `text[from]`, all before it having been scanned. White space before the value is
    /// passed over. A number ends at the byte behind it, all other values with their own last one.
    pub(crate) fn scan(&mut self, text: &[u8], from: usize) -> Scan {
        let mut at = from;
        while let Some(&byte) = text.get(at) {
            let ended = match self.state {
                State::Text if PLAIN[usize::from(byte)] => {
                    let plain = |byte: &u8| PLAIN[usize::from(*byte)];
                    at +=
                        text[at..].iter().position(|byte| !plain(byte)).unwrap_or(text.len() - at);
                    continue;
                }
                State::Number(number) => match number.next(byte) {
                    Some(next) => {
                        self.state = State::Number(next);
                        Ok(false)
                    }
                    None if !number.may_end() => Err("a digit"),
                    None if self.depth > 0 => {
                        self.state = State::Comma;
                        continue;
                    }
                    None if is_space(byte) || b"{[\"tfn".contains(&byte) => return Scan::Whole(at),
                    None => Err("the next value or white space"),
                },
                _ => self.step(byte),
            };
            at += 1;
            match ended {
                Ok(false) => {}
                Ok(true) if self.depth == 0 => return Scan::Whole(at),
                Ok(true) => self.state = State::Comma,
                Err(TOO_DEEP) => {
                    return Scan::Broken(format!(
                        "its arrays and objects are nested deeper than {JSON_DEPTH}"
                    ));
                }
                Err(due) => {
                    let found = byte.escape_ascii();
                    return Scan::Broken(format!(
                        "its byte {at} is `{found}`, where {due} must be"
                    ));
                }
            }
        }
        Scan::More
    }

    /// Whether the end of the text ends the value: it is a number, and stands alone.
    pub(crate) fn ends_with_text(&self) -> bool {
        self.depth == 0 && matches!(self.state, State::Number(number) if number.may_end())
    }

    /// Takes one byte outside numbers. `Ok(true)`: it is the last one of a value; `Err`: what had to
    /// come in its place.
    fn step(&mut self, byte: u8) -> Result<bool, &'static str> {
        match self.state {
            State::Value
            | State::FirstValue
            | State::FirstKey
            | State::Key
            | State::Colon
            | State::Comma
                if is_space(byte) => {}
            State::FirstValue if byte == b']' => return Ok(self.close()),
            State::FirstKey if byte == b'}' => return Ok(self.close()),
            State::Value | State::FirstValue => return self.begin(byte),
            State::FirstKey | State::Key if byte == b'"' => {
                self.key = true;
                self.state = State::Text;
            }
            State::FirstKey => return Err("a key in quotes or `}`"),
            State::Key => return Err("a key in quotes"),
            State::Colon if byte == b':' => self.state = State::Value,
            State::Colon => return Err("`:`"),
            State::Comma => {
                let object = self.objects & 1 == 1;
                match (byte, object) {
                    (b',', true) => self.state = State::Key,
                    (b',', false) => self.state = State::Value,
                    (b'}', true) | (b']', false) => return Ok(self.close()),
                    (_, true) => return Err("a comma or `}`"),
                    (_, false) => return Err("a comma or `]`"),
                }
            }
            State::Text => return self.in_text(byte),
            State::Escape => match byte {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.state = State::Text,
                b'u' => self.state = State::Hex(4),
                _ => return Err("an escape of JSON"),
            },
            State::Hex(left) if byte.is_ascii_hexdigit() => {
                self.state = if left > 1 { State::Hex(left - 1) } else { State::Text };
            }
            State::Hex(_) => return Err("a hex digit"),
            State::Utf8(left, low, high) if (low..=high).contains(&byte) => {
                self.state = if left > 1 { State::Utf8(left - 1, 0x80, 0xbf) } else { State::Text };
            }
            State::Utf8(..) => return Err("the rest of a UTF-8 character"),
            State::Word(rest) => match rest {
                [due, rest @ ..] if *due == byte => {
                    self.state = State::Word(rest);
                    return Ok(rest.is_empty());
                }
                _ => return Err("the rest of true, false or null"),
            },
            // Numbers are scanned by the caller.
            State::Number(_) => return Err("a number"),
        }
        Ok(false)
    }

    /// The first byte of a value.
    fn begin(&mut self, byte: u8) -> Result<bool, &'static str> {
        self.state = match byte {
            b'{' => return self.open(true),
            b'[' => return self.open(false),
            b'"' => {
                self.key = false;
                State::Text
            }
            b't' => State::Word(b"rue"),
            b'f' => State::Word(b"alse"),
            b'n' => State::Word(b"ull"),
            b'-' => State::Number(Number::Minus),
            b'0' => State::Number(Number::Zero),
            b'1'..=b'9' => State::Number(Number::Digits),
            _ if self.state == State::FirstValue => return Err("a value or `]`"),
            _ => return Err("a value"),
        };
        Ok(false)
    }

    fn open(&mut self, object: bool) -> Result<bool, &'static str> {
        if self.depth == JSON_DEPTH {
            return Err(TOO_DEEP);
        }
        self.depth += 1;
        self.objects = self.objects << 1 | u128::from(object);
        self.state = if object { State::FirstKey } else { State::FirstValue };
        Ok(false)
    }

    fn close(&mut self) -> bool {
        self.depth -= 1;
        self.objects >>= 1;
        true
    }

    /// A byte of a string that is not plain.
    fn in_text(&mut self, byte: u8) -> Result<bool, &'static str> {
        // The lead bytes of UTF-8, RFC 3629 section 4: no overlong form, no surrogate.
        self.state = match byte {
            b'"' if self.key => State::Colon,
            b'"' => return Ok(true),
            b'\\' => State::Escape,
            0xc2..=0xdf => State::Utf8(1, 0x80, 0xbf),
            0xe0 => State::Utf8(2, 0xa0, 0xbf),
            0xed => State::Utf8(2, 0x80, 0x9f),
            0xe1..=0xef => State::Utf8(2, 0x80, 0xbf),
            0xf0 => State::Utf8(3, 0x90, 0xbf),
            0xf1..=0xf3 => State::Utf8(3, 0x80, 0xbf),
            0xf4 => State::Utf8(3, 0x80, 0x8f),
            0x80.. => return Err("UTF-8"),
            _ => return Err("an escape (a control stands in a string)"),
        };
        Ok(false)
    }
}

const TOO_DEEP: &str = "nothing deeper";

/// Whether `text` is exactly one JSON value, with no white space around it; if not, why.
pub(crate) fn check(text: &[u8]) -> Result<(), String> {
    let Some(first) = text.first() else { return Err("it holds no JSON value".into()) };
    let mut scanner = Scanner::new();
    match scanner.scan(text, 0) {
        _ if is_space(*first) => Err("white space stands before its value".into()),
        Scan::Whole(end) if end == text.len() => Ok(()),
        Scan::Whole(end) if text[end..].iter().all(|byte| is_space(*byte)) => {
            Err("white space stands behind its value".into())
        }
        Scan::Whole(end) => Err(format!("its value ends after {end} of its {} bytes", text.len())),
        Scan::More if scanner.ends_with_text() => Ok(()),
        Scan::More => Err("its value has no end".into()),
        Scan::Broken(why) => Err(why),
    }
}
