//! HTTP: heads and bodies, valid and hostile, however they arrive.

mod bodies;
mod requests;
mod responses;
mod targets;
