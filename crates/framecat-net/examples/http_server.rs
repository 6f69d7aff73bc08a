//! The notes' http_server: serves a folder to browsers.
//!
//! cargo run --example http_server -- [FOLDER [ADDRESS [PORT]]]

use std::io::Write;
use std::net::TcpListener;
use std::sync::Arc;

use framecat_net::event::Nobody;
use framecat_net::http::{Server, Site};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let folder = words.next().unwrap_or_else(|| ".".into());
    let address = words.next().unwrap_or_else(|| "127.0.0.1".into());
    let port: u16 = words.next().as_deref().unwrap_or("8000").parse()?;
    let listener = TcpListener::bind((address.as_str(), port))?;
    listener.set_nonblocking(true)?;
    writeln!(std::io::stdout(), "http://{}", listener.local_addr()?)?;
    // Loops of its own answer; here nothing is left to do but to live.
    let _server = Server::start(&Site::new(folder), listener.into(), Arc::new(Nobody))?;
    loop {
        std::thread::park();
    }
}
