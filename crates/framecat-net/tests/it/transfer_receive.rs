//! Receiving over real sockets into real folders.

mod files;
mod peer;
