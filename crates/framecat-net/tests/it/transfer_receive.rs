//! Receiving over real sockets into real folders.

mod again;
mod files;
mod hostile;
mod peer;
mod room;
mod rules;
