//! Real protocols, spoken with real programs, both roles where there are two. A file a protocol.

#[path = "../run/mod.rs"]
mod run;

mod json;
mod redis;
