//! Presets: names for lines of the grammar. `dns` is `len:u16be`, and prints back as `dns`.
//!
//! A protocol for which one line is not enough has a file and a name of its own instead.

use std::fmt;

use super::{Framer, Framing, ParseFramingError, Tail};

/// A name for a line of the grammar.
#[derive(Clone, PartialEq, Eq)]
pub struct Preset {
    row: &'static Row,
    rule: Box<Framing>,
}

/// A row of the table of presets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The name, as typed.
    pub name: &'static str,
    /// The line of the grammar that it stands for.
    pub line: &'static str,
    /// What a message is.
    pub message: &'static str,
    /// Where its specification says so.
    pub source: &'static str,
}

/// Every preset there is, in the order of the reference page.
///
/// `keep` wherever the header says more than the length: written as zero it would be another message.
pub const PRESETS: &[Row] = &[
    Row {
        name: "dns",
        line: "len:u16be",
        message: "a DNS message over TCP",
        source: "RFC 1035 section 4.2.2",
    },
    Row {
        name: "tpkt",
        line: "len:u16be@2,counts=total,magic=03",
        message: "a TPDU: ISO transport over TCP, as in RDP and S7",
        source: "RFC 1006 section 6",
    },
    Row {
        name: "modbus",
        line: "len:u16be@4,head=7,counts=rest,keep,max=260",
        message: "a Modbus/TCP frame, MBAP header included",
        source: "MODBUS Messaging on TCP/IP V1.0b section 3.1.3",
    },
    Row {
        name: "mqtt",
        line: "len:varint4@1,keep",
        message: "an MQTT control packet",
        source: "MQTT 3.1.1 section 2.2, MQTT 5.0 section 2.1",
    },
    Row {
        name: "kafka",
        line: "len:u32be",
        message: "a Kafka request or response",
        source: "Kafka protocol guide, Protocol Primitive Types and Common Request and Response Structure",
    },
    Row {
        name: "mysql",
        line: "len:u24le,head=4,keep",
        message: "a MySQL packet; one of ffffff bytes continues in the next",
        source: "MySQL Client/Server Protocol, MySQL Packets",
    },
    Row {
        name: "mongodb",
        line: "len:u32le,counts=total",
        message: "a MongoDB message from its requestID on",
        source: "MongoDB Wire Protocol, Standard Message Header",
    },
    Row {
        name: "bgp",
        line: "len:u16be@16,head=19,counts=total,magic=ffffffffffffffffffffffffffffffff,keep",
        message: "a BGP message, marker included",
        source: "RFC 4271 section 4.1",
    },
    Row {
        name: "someip",
        line: "len:u32be@4,head=16,counts=rest,keep",
        message: "a SOME/IP message, header included",
        source: "AUTOSAR PRS_SOMEIPProtocol section 4.1.2",
    },
    Row {
        name: "tls-record",
        line: "len:u16be@3,keep,max=18437",
        message: "a TLS record, header included",
        source: "RFC 8446 section 5.1, RFC 5246 section 6.2.3",
    },
    Row {
        name: "protobuf",
        line: "len:varint",
        message: "a protobuf message as writeDelimitedTo writes it",
        source: "Protocol Buffers, Streaming Multiple Messages",
    },
    Row {
        name: "transfer",
        line: "len:u32be@4,keep,max=1048596",
        message: "a record of files on their way in the clear, head included",
        source: "docs/transfer-wire.md",
    },
];

impl Preset {
    /// Its row in the table.
    pub fn about(&self) -> &'static Row {
        self.row
    }

    /// The rule that it stands for.
    pub fn rule(&self) -> &Framing {
        &self.rule
    }

    /// The preset of that name; `None` if there is none.
    pub(super) fn named(name: &str) -> Option<Result<Preset, ParseFramingError>> {
        let row = PRESETS.iter().find(|row| row.name == name)?;
        Some(row.line.parse().map(|rule| Preset { row, rule: Box::new(rule) }))
    }

    /// The preset `name`, with `rest` behind it, which must be nothing.
    pub(super) fn parse(name: &str, rest: &str) -> Option<Result<Preset, ParseFramingError>> {
        let preset = Preset::named(name)?;
        if rest.is_empty() {
            return Some(preset);
        }
        let line = PRESETS.iter().find(|row| row.name == name).map_or("", |row| row.line);
        Some(Err(ParseFramingError {
            problem: format!("`{name}` is a preset and takes nothing, but `{rest}` follows"),
            remedy: format!("write `{name}` alone, or what it stands for: {line}"),
        }))
    }

    pub(super) fn framer(&self, max: usize) -> Box<dyn Framer> {
        self.rule.framer(max)
    }

    pub(super) fn tail(&self) -> Tail {
        self.rule.tail()
    }
}

impl fmt::Debug for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Preset({}: {})", self.row.name, self.row.line)
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.row.name)
    }
}
