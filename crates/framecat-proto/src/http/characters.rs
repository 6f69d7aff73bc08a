//! Which octets may stand where: one table for all of HTTP's grammar.

/// A token: names of methods, fields and codings (RFC 9110 section 5.6.2).
pub(super) const TOKEN: u8 = 1;
/// The path of a target (RFC 3986 section 3.3), and what browsers leave unencoded in it.
pub(super) const PATH: u8 = 2;
/// The query of a target (RFC 3986 section 3.4), and what browsers leave unencoded in it.
pub(super) const QUERY: u8 = 4;
/// A registered name (RFC 3986 section 3.2.2).
pub(super) const NAME: u8 = 8;
/// The value of a field, a reason, a quoted text: everything but controls (RFC 9110 section 5.5).
pub(super) const VALUE: u8 = 16;
/// A hexadecimal digit.
pub(super) const HEX: u8 = 32;
/// A scheme (RFC 3986 section 3.1).
pub(super) const SCHEME: u8 = 64;

static CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let byte = i as u8;
        let mut class = 0;
        let alphanumeric = byte.is_ascii_alphanumeric();
        let unreserved = alphanumeric || matches!(byte, b'-' | b'.' | b'_' | b'~');
        let delimiter = matches!(
            byte,
            b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'='
        );
        if alphanumeric
            || matches!(byte, b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.')
            || matches!(byte, b'^' | b'_' | b'`' | b'|' | b'~')
        {
            class |= TOKEN;
        }
        if unreserved || delimiter || byte == b'%' {
            class |= NAME | PATH | QUERY;
        }
        if matches!(byte, b':' | b'@' | b'/') {
            class |= PATH | QUERY;
        }
        if byte == b'?' {
            class |= QUERY;
        }
        // RFC 3986 wants these encoded. The URL Standard, which browsers follow, does not.
        if matches!(byte, b'[' | b']' | b'|') {
            class |= PATH | QUERY;
        }
        if matches!(byte, b'{' | b'}' | b'^' | b'`' | b'\\') {
            class |= QUERY;
        }
        if byte == b'\t' || (byte >= b' ' && byte != 0x7f) {
            class |= VALUE;
        }
        if byte.is_ascii_hexdigit() {
            class |= HEX;
        }
        if alphanumeric || matches!(byte, b'+' | b'-' | b'.') {
            class |= SCHEME;
        }
        table[i] = class;
        i += 1;
    }
    table
}

/// Whether an octet is of a class.
#[inline]
pub(super) fn is(class: u8, byte: u8) -> bool {
    CLASSES[usize::from(byte)] & class != 0
}

/// The first octet that is not of a class.
#[inline]
pub(super) fn first_other(class: u8, bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|&byte| !is(class, byte))
}

/// The first octet that no value holds. Values are most of a head: this looks at many octets at once.
#[inline]
pub(super) fn first_control(bytes: &[u8]) -> Option<usize> {
    let bad = |byte: u8| (byte < b' ') & (byte != b'\t') | (byte == 0x7f);
    match bytes.iter().fold(false, |any, &byte| any | bad(byte)) {
        false => None,
        true => bytes.iter().position(|&byte| bad(byte)),
    }
}
