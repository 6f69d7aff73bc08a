//! The TCP client of the course notes: a line of stdin is a message, its answer is printed.
//! `cargo run -p framecat-net --example tcp_client -- 127.0.0.1 8888 [FRAMING]`

use std::io::{BufRead, Write};
use std::time::Duration;

use framecat_net::{Link, connect};
use framecat_proto::Framing;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let (host, port) = (args.get(1).ok_or("HOST PORT")?, args.get(2).ok_or("HOST PORT")?);
    let framing: Framing = args.get(3).map_or("raw", String::as_str).parse()?;
    let server = format!("tcp://{host}:{port}").parse()?;
    let mut link = Link::new(connect(&server, Duration::from_secs(10)).await?, &framing.into());
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        if line.is_empty() {
            break;
        }
        link.send(line.as_bytes()).await?;
        let Some(answer) = link.recv().await? else { break };
        writeln!(std::io::stdout(), "{}", String::from_utf8_lossy(&answer))?;
    }
    Ok(())
}
