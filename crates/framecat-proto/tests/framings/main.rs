//! What every framing promises, checked on tables, on arbitrary bytes and against Python.

#[path = "../../../../fuzz/src/lib.rs"]
mod laws;

mod cases;
mod faults;
mod grammar;
mod json;
mod properties;
mod python;
mod resp;
