//! The little of the Telnet protocol that a server meets (RFC 854): commands among the data.

/// The byte that begins a command; twice, it is itself.
pub(super) const IAC: u8 = 255;
/// "Please use this option", or "do": with the option's number.
pub(super) const DO: u8 = 253;
/// "I would like to use this option": with the option's number.
pub(super) const WILL: u8 = 251;
/// Option 1, RFC 857.
pub(super) const ECHO: u8 = 1;
/// Interrupt process: Ctrl+C.
pub(super) const INTERRUPT: u8 = 244;
/// Option 6, RFC 860: "tell me when you have come so far".
pub(super) const TIMING_MARK: u8 = 6;
/// Subnegotiation, up to IAC SE.
const SB: u8 = 250;
const SE: u8 = 240;

/// What [`take_commands`] found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parsed {
    /// The data without commands.
    pub(super) data: Vec<u8>,
    /// The commands, each with its IAC.
    pub(super) commands: Vec<Vec<u8>>,
    /// The beginning of a command that is not all there.
    pub(super) rest: Vec<u8>,
}

/// Takes the commands out of what a telnet client sent.
pub(super) fn take_commands(bytes: &[u8]) -> Parsed {
    let mut parsed = Parsed { data: Vec::new(), commands: Vec::new(), rest: Vec::new() };
    let mut at = 0;
    while at < bytes.len() {
        let here = &bytes[at..];
        let len = match here {
            [IAC, IAC, ..] => {
                parsed.data.push(IAC);
                at += 2;
                continue;
            }
            [IAC, SB, ..] => here.windows(2).position(|two| two == [IAC, SE]).map(|end| end + 2),
            [IAC, 251..=254, _, ..] => Some(3),
            [IAC] | [IAC, 251..=254] => None,
            [IAC, ..] => Some(2),
            [byte, ..] => {
                parsed.data.push(*byte);
                at += 1;
                continue;
            }
            [] => None,
        };
        let Some(len) = len else {
            parsed.rest = here.to_vec();
            break;
        };
        parsed.commands.push(here[..len].to_vec());
        at += len;
    }
    parsed
}
