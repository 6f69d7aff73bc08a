//! Hears what is sent to all hosts of the network, prints it and answers.
//! `cargo run -p framecat-net --example broadcast_recv -- lo 8888`, or eth0, or 192.0.2.255

use std::io::Write;

use framecat_net::open::{Accepted, ListenOptions};
use framecat_net::{Link, listen};
use framecat_proto::Framing;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let (place, port) = (args.get(1).ok_or("PLACE PORT")?, args.get(2).ok_or("PLACE PORT")?);
    let options = ListenOptions { lan: false, message_bytes: 65_507 };
    let mut listener = listen(&format!("broadcast://{place}:{port}").parse()?, &options).await?;
    writeln!(std::io::stdout(), "{}", listener.endpoint())?;
    loop {
        // Each sender is a connection of its own; its first datagram opens it.
        let Accepted::Conn(conn) = listener.accept().await? else { continue };
        tokio::spawn(async move {
            let mut link = Link::new(conn, &Framing::Native.into());
            while let Ok(Some(message)) = link.recv().await {
                let (peer, text) = (link.receiver.peer(), String::from_utf8_lossy(&message));
                // A closed stdout or a peer that is gone ends nothing here.
                let _ = writeln!(std::io::stdout(), "Receive from {peer} : {text}");
                let _ = link.send("收到你的消息".as_bytes()).await;
            }
        });
    }
}
