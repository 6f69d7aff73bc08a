//! framecat-lab **shows** the laws of sockets on the kernel it runs on: one experiment a law, both
//! ends on loopback, plain blocking calls in plain sight. It concludes only from what they returned.
//!
//! | the thing | where |
//! | --- | --- |
//! | the table of laws, choosing and running them | [`law`] |
//! | what an experiment saw, and what follows from it | [`evidence`] |
//! | one experiment a law, a file a group | [`receive`], [`send`], [`connection`], [`sticky`], [`udp`], [`broadcast`], [`object`], [`http`], [`program`] |
//! | a law told in full | [`page`] |
//! | a line a law, JSON, the report | [`report`] |
//! | English and Chinese | [`lang`] |
//!
//! The lab never prints: it returns text, and the program prints it.
//!
//! To add a group: one file with one fn and one `const` [`Law`] a law; then its name and its rows in
//! the two tables at the top of `law.rs`.

pub mod broadcast;
pub mod connection;
pub mod evidence;
pub mod http;
pub mod lang;
pub mod law;
pub mod object;
pub mod page;
pub mod program;
#[cfg(test)]
mod proof;
pub mod receive;
pub mod report;
pub mod send;
pub mod sticky;
pub mod udp;
mod watch;

pub use evidence::{Evidence, Verdict};
pub use lang::{Lang, Say, Text};
pub use law::{Group, Law, Outcome, UnknownLaw, groups, laws, run, select};
pub use page::{preface, tell};
pub use report::{json_line, report_markdown, summary_line};
