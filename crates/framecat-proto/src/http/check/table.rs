//! The cases, a file for each part of the RFCs.

use super::{Case, Level};

mod chunked;
mod conditional;
mod connection;
mod content;
mod expect;
mod field;
mod host;
mod line;
mod message;
mod method;
mod negotiation;
mod range;
mod target;

/// All of them.
pub(super) const ALL: [&[Case]; 13] = [
    message::CASES,
    line::CASES,
    target::CASES,
    host::CASES,
    field::CASES,
    content::CASES,
    chunked::CASES,
    connection::CASES,
    method::CASES,
    expect::CASES,
    negotiation::CASES,
    conditional::CASES,
    range::CASES,
];

type Text = &'static str;

const fn must(id: Text, section: Text, sent: Text, want: Text) -> Case {
    Case { id, section, level: Level::Must, sent, want }
}

const fn should(id: Text, section: Text, sent: Text, want: Text) -> Case {
    Case { id, section, level: Level::Should, sent, want }
}

const fn may(id: Text, section: Text, sent: Text, want: Text) -> Case {
    Case { id, section, level: Level::May, sent, want }
}
