//! framecat-net

pub mod sockopt;
