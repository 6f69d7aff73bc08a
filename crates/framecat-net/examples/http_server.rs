//! The notes' http_server: serves a folder to browsers.
//!
//! cargo run --example http_server -- [FOLDER] [ADDRESS:PORT]

use std::io::Write;
use std::net::TcpListener;
use std::sync::Arc;

use framecat_net::event::Nobody;
use framecat_net::http::{Server, Site};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let folder = words.next().unwrap_or_else(|| ".".into());
    let listener = TcpListener::bind(words.next().as_deref().unwrap_or("127.0.0.1:8000"))?;
    listener.set_nonblocking(true)?;
    writeln!(std::io::stderr(), "http://{}/", listener.local_addr()?)?;
    // Loops of its own answer; here nothing is left to do but to live.
    let _server = Server::start(&Site::new(folder), listener.into(), Arc::new(Nobody))?;
    loop {
        std::thread::park();
    }
}
