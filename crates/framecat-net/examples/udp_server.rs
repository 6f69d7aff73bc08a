//! The UDP server of the course notes: one message, one answer, the end.
//! `cargo run -p framecat-net --example udp_server -- 127.0.0.1 8888`

use std::io::Write;

use framecat_net::open::{Accepted, ListenOptions};
use framecat_net::{Link, listen};
use framecat_proto::Framing;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let (host, port) = (args.get(1).ok_or("HOST PORT")?, args.get(2).ok_or("HOST PORT")?);
    let options = ListenOptions { lan: false, message_bytes: 65_507 };
    let mut listener = listen(&format!("udp://{host}:{port}").parse()?, &options).await?;
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{}", listener.endpoint())?;
    // The first datagram of a peer opens a connection, and waits in it.
    let Accepted::Conn(conn) = listener.accept().await? else { return Err("no memory".into()) };
    let peer = conn.peer().to_string();
    let mut link = Link::new(conn, &Framing::Native.into());
    let message = link.recv().await?.unwrap_or_default();
    writeln!(stdout, "Receive from {peer} : {}", String::from_utf8_lossy(&message))?;
    link.send("收到你的消息".as_bytes()).await?;
    Ok(())
}
