//! The library over real sockets of this machine: port 0, no sleeps, every wait bounded.

mod datagrams;
mod disk;
mod ends;
mod fast;
mod gap;
mod http_check;
mod links;
mod notes;
mod open;
mod runs;
mod smtp;
mod sockets;
mod transfer_receive;
mod transfer_send;
mod transfer_shake;
mod verbs;
