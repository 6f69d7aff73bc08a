//! One file a verb: from its flags to the library's options.

pub mod lab;
