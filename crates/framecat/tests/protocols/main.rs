//! Real protocols, spoken with real programs, both roles where there are two. A file a protocol.

#[path = "../run/mod.rs"]
mod run;

mod amqp;
mod dns;
mod fix;
mod git;
mod http;
mod json;
mod lsp;
mod mllp;
mod modbus;
mod mqtt;
mod postgres;
mod redis;
mod shown;
mod smtp;
mod syslog;
mod transfer;
