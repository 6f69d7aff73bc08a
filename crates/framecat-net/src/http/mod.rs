//! HTTP/1.1 at work: what [`framecat_proto::http`] decides is done here.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use framecat_net::event::Nobody;
//! use framecat_net::http::{Server, Site};
//!
//! let socket = std::net::TcpListener::bind("127.0.0.1:8000")?;
//! socket.set_nonblocking(true)?;
//! let server = Server::start(&Site::new("."), socket.into(), std::sync::Arc::new(Nobody))?;
//! # drop(server);
//! # Ok(())
//! # }
//! ```
//!
//! | the thing | where |
//! | --- | --- |
//! | loops on threads of their own, and their end | `server` |
//! | one loop: hear all who are ready, then answer them | `rounds` |
//! | one client: what it said, what is on its way, by TLS or not | `connection`, `outgoing`, `wire` |
//! | who brings no password gets no further | `auth` |
//! | from a request to its reply | `answer`, `memory` |
//! | files and folders below the root, and nothing else | `files`, `folder` |
//! | a folder in one piece; the hash of a file; gzip | `pack`, `hash`, `squeeze` |
//! | content on its way to the disk, and what becomes of it | `receive`, `put`, `form`, `upload`, `verify` |
//! | folders made, things renamed and deleted; what killed servers left | `change`, `sweep` |
//! | what may wait for a disk | `workers` |
//! | how many are let in | `places` |
//! | the conformance table, tried on a server | [`check`] |
//! | how many are let in, and have costly things done | `places`, `seats` |
//! | one request and its reply, as a client | `client` |
//! | content on its way to where it is wanted | `deliver`, `sink` |
//! | a file that is whole or not there | `part` |
//! | what is told of a request and its reply | `telling` |

mod answer;
mod auth;
mod change;
pub mod check;
pub(crate) mod client;
mod connection;
pub(crate) mod deliver;
mod files;
mod folder;
mod form;
mod hash;
mod memory;
mod outgoing;
mod pack;
pub(crate) mod part;
mod places;
mod put;
mod receive;
mod rounds;
mod seats;
mod server;
pub(crate) mod sink;
mod slab;
mod squeeze;
mod sweep;
mod telling;
mod upload;
mod verify;
mod wire;
mod workers;

pub use auth::{Account, Passwords, hash_password, make_password};
pub use server::{Server, Site};
