//! Transfers without a network and without a disk: what is said byte by byte, what each side makes of a
//! hostile other, and a simulation of both with everything that can go wrong between and below them.

#![allow(
    clippy::print_stderr,
    reason = "what a simulation met, and with one seed what happens in it"
)]

mod conversations;
#[path = "../../../../fuzz/src/transfer.rs"]
mod laws;
mod python;
mod records;
mod sides;
mod sim;
mod wire;
