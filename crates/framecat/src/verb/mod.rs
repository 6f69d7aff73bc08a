//! One file a verb: from its flags to the library's options.

pub mod ask;
pub mod connect;
pub mod fetch;
pub mod guess;
pub mod lab;
pub mod listen;
pub mod meeting;
pub mod receive;
pub mod relay;
pub mod send;
pub mod serve;
