//! What every framing promises, checked on tables, on arbitrary bytes and against Python.

#[path = "../../../../fuzz/src/lib.rs"]
mod laws;

mod cases;
mod conversations;
mod faults;
mod grammar;
mod guesses;
mod http;
mod json;
mod postgres;
mod properties;
mod python;
mod resp;
mod text;
