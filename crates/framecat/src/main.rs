//! netcat that knows where messages end.
#![allow(dead_code, reason = "the verbs call it")]

mod flags;
mod help;
mod verb;

fn main() {}
