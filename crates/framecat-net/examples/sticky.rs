//! Sticky packets: three quick messages are one lump to who reads bytes, three to who reads messages.
//! `cargo run -p framecat-net --example sticky`

use std::io::Write;
use std::time::Duration;

use framecat_net::open::{Accepted, ListenOptions};
use framecat_net::{Link, connect, listen};
use framecat_proto::Framing;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    for word in ["raw", "len:u32be"] {
        let framing: Framing = word.parse()?;
        let options = ListenOptions { lan: false, message_bytes: 1 << 20 };
        let mut listener = listen(&"tcp://127.0.0.1:0".parse()?, &options).await?;
        let server = listener.endpoint().parse()?;
        let client = connect(&server, Duration::from_secs(10)).await?;
        let mut client = Link::new(client, &framing.clone().into());
        for message in ["one", "two", "three"] {
            client.send(message.as_bytes()).await?;
        }
        client.finish().await?;
        let Accepted::Conn(conn) = listener.accept().await? else { return Err("no memory".into()) };
        let mut link = Link::new(conn, &framing.into());
        while let Some(message) = link.recv().await? {
            writeln!(std::io::stdout(), "{word}: {}", String::from_utf8_lossy(&message))?;
        }
    }
    Ok(())
}
