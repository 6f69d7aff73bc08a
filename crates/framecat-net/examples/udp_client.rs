//! The UDP client of the course notes: a line of stdin is a datagram, its answer is printed.
//! `cargo run -p framecat-net --example udp_client -- 127.0.0.1 8888`

use std::io::{BufRead, Write};
use std::time::Duration;

use framecat_net::{Link, connect};
use framecat_proto::Framing;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let (host, port) = (args.get(1).ok_or("HOST PORT")?, args.get(2).ok_or("HOST PORT")?);
    let server = format!("udp://{host}:{port}").parse()?;
    let conn = connect(&server, Duration::from_secs(10)).await?;
    let mut link = Link::new(conn, &Framing::Native.into());
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        if line.is_empty() {
            break;
        }
        link.send(line.as_bytes()).await?;
        // A datagram can get lost on the way, and so can its answer.
        let answer = tokio::time::timeout(Duration::from_secs(10), link.recv()).await??;
        let answer = answer.unwrap_or_default();
        writeln!(std::io::stdout(), "从服务器收到： {}", String::from_utf8_lossy(&answer))?;
    }
    Ok(())
}
