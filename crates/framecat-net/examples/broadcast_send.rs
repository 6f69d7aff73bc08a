//! A line of stdin goes to all hosts of the network, and whoever answers within a second is printed.
//! `cargo run -p framecat-net --example broadcast_send -- lo 8888`, or eth0, or 192.0.2.255

use std::io::{BufRead, Write};
use std::time::Duration;

use framecat_net::{Link, connect};
use framecat_proto::Framing;
use tokio::time::{Instant, timeout_at};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let (place, port) = (args.get(1).ok_or("PLACE PORT")?, args.get(2).ok_or("PLACE PORT")?);
    let network = format!("broadcast://{place}:{port}").parse()?;
    let conn = connect(&network, Duration::from_secs(10)).await?;
    let mut link = Link::new(conn, &Framing::Native.into());
    for line in std::io::stdin().lock().lines() {
        link.send(line?.as_bytes()).await?;
        // Nobody has to answer, and many may.
        let until = Instant::now() + Duration::from_secs(1);
        while let Ok(answer) = timeout_at(until, link.recv()).await {
            let answer = answer?.unwrap_or_default();
            let peer = link.receiver.peer();
            writeln!(std::io::stdout(), "{peer} : {}", String::from_utf8_lossy(&answer))?;
        }
    }
    Ok(())
}
