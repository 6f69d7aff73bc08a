//! The TCP server of the course notes: answers every message of one client until it ends.
//! `cargo run -p framecat-net --example tcp_server -- 127.0.0.1 8888 [FRAMING]`

use std::io::Write;

use framecat_net::open::{Accepted, ListenOptions};
use framecat_net::{Link, listen};
use framecat_proto::Framing;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let (host, port) = (args.get(1).ok_or("HOST PORT")?, args.get(2).ok_or("HOST PORT")?);
    // A Python client sends bytes and no messages: what one read gives is one, as recv has it.
    let framing: Framing = args.get(3).map_or("raw", String::as_str).parse()?;
    let options = ListenOptions { lan: false, message_bytes: 1 << 20 };
    let mut listener = listen(&format!("tcp://{host}:{port}").parse()?, &options).await?;
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{}", listener.endpoint())?;
    let conn = loop {
        if let Accepted::Conn(conn) = listener.accept().await? {
            break conn;
        }
    };
    let peer = conn.peer().to_string();
    let mut link = Link::new(conn, &framing.into());
    while let Some(message) = link.recv().await? {
        writeln!(stdout, "Receive from {peer} : {}", String::from_utf8_lossy(&message))?;
        link.send("收到你的消息".as_bytes()).await?;
    }
    Ok(())
}
