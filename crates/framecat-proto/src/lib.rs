//! framecat-proto **knows** what bytes mean and never touches the world: no socket, no file, no
//! clock, no environment, no async, no print. Time and bytes come in as arguments; what to do goes
//! out as values.
//!
//! | the thing | where |
//! | --- | --- |
//! | where to connect or listen | [`Endpoint`], with its socket [`options`] |
//! | where a message ends | [`Framing`] (the rule), [`Framer`](framing::Framer) (the rule at work) |
//! | what came out | [`Spans`](message::Spans) over the bytes that were read |
//! | how a message looks on stdin and stdout | [`text::Form`] |
//! | text made from messages | [`template::Template`] |
//! | HTTP/1.1: heads, bodies, and what is answered | [`http`] |
//! | a line split as a command line is | [`words`] |
//! | networks, and who may talk | [`cidr`] |
//! | names of files from a peer | [`path::SafePath`] |
//! | files from one machine to another | [`transfer`] |
//! | sizes and times as people write them | [`quantity`] |
//! | every bound a peer could push against | [`limits`] |

pub mod cidr;
pub mod endpoint;
pub mod framing;
pub mod http;
pub mod limits;
pub mod message;
pub mod options;
pub mod path;
pub mod quantity;
pub mod rate;
pub mod template;
pub mod text;
pub mod transfer;
pub mod words;

pub use endpoint::Endpoint;
pub use framing::Framing;
