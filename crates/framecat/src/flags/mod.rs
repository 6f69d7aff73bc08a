//! What was typed.

pub mod nc;
