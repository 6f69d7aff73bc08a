//! What the verbs do, one file each: options in, events out, and how it ended. Verbs never call
//! verbs; what they share is in [`talk`](crate::talk) and beneath.

pub mod ask;
pub mod connect;
pub mod fetch;
pub mod listen;
pub mod receive;
pub mod relay;
pub mod send;
pub mod serve;
