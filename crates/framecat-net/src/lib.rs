//! framecat-net **moves** bytes: connections, links that know where messages end, relays, socket
//! options. It never prints and knows no flag; what happens is told as [`event`]s.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use framecat_net::{Link, connect};
//! use framecat_proto::Framing;
//!
//! let conn = connect(&"localhost:9000".parse()?, std::time::Duration::from_secs(10)).await?;
//! let mut link = Link::new(conn, &"len:u32be".parse::<Framing>()?.into());
//! link.send(b"hello").await?;
//! let reply: Option<Vec<u8>> = link.recv().await?;
//! # Ok(())
//! # }
//! ```
//!
//! Everything runs on tokio, with I/O and time enabled; one thread is enough.
//!
//! | the thing | where |
//! | --- | --- |
//! | an open connection | [`conn`]: [`Conn`], [`Stream`](conn::Stream), [`Datagrams`](conn::Datagrams) |
//! | a connection with a framer each way | [`link`]: [`Link`] |
//! | from an endpoint to a connection | [`open`]: [`connect`], [`listen`] |
//! | bytes by the shortest way | [`relay`], [`fast`] |
//! | a folder over HTTP; the conformance table, tried on any server | [`http`] |
//! | what the verbs do | [`verb`] |
//! | files from a peer, whole or not at all | [`disk`] |
//! | files from one machine to another | [`transfer`] |
//! | options of sockets, set and read back | [`sockopt`] |
//! | the interfaces of this machine, and where broadcasts go | [`interfaces`] |

mod allow;
mod child;
pub mod conn;
mod converse;
mod datagrams;
pub mod disk;
pub mod error;
pub mod event;
mod fan;
pub mod fast;
pub mod http;
pub mod interfaces;
mod join;
pub mod link;
pub mod open;
mod output;
pub mod record;
pub mod relay;
pub mod replay;
pub mod respond;
pub mod shape;
pub mod sockopt;
pub mod talk;
mod tls;
pub mod transfer;
pub mod verb;

pub use conn::Conn;
pub use error::Error;
pub use link::{Link, LinkOptions};
pub use open::{Listener, connect, listen};
