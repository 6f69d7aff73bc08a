//! HTTP: heads and bodies, valid and hostile, however they arrive.

mod bodies;
mod forms;
mod properties;
mod requests;
mod responses;
mod targets;
