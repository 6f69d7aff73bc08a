//! What a browser really sends: prints each request, and answers it with itself.
//! `cargo run -p framecat-net --example http_test -- 127.0.0.1 8000`, and open <http://127.0.0.1:8000/>.

use std::io::Write;

use framecat_net::conn::Conn;
use framecat_net::open::{Accepted, ListenOptions};
use framecat_net::{Error, Link, listen};
use framecat_proto::Framing;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let (host, port) = (args.get(1).ok_or("HOST PORT")?, args.get(2).ok_or("HOST PORT")?);
    let options = ListenOptions { lan: false, message_bytes: 1 << 20 };
    let mut listener = listen(&format!("tcp://{host}:{port}").parse()?, &options).await?;
    writeln!(std::io::stdout(), "{}", listener.endpoint())?;
    loop {
        // A browser opens several connections, and keeps them.
        if let Accepted::Conn(conn) = listener.accept().await? {
            tokio::spawn(async move {
                if let Err(error) = answer(conn).await {
                    let _ = writeln!(std::io::stderr(), "{error}");
                }
            });
        }
    }
}

async fn answer(conn: Conn) -> Result<(), Error> {
    let mut link = Link::new(conn, &Framing::Http.into());
    while let Some(request) = link.recv().await? {
        let _ = writeln!(std::io::stdout(), "{}", String::from_utf8_lossy(&request));
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ";
        let head = format!("{head}{}\r\n\r\n", request.len());
        link.send(&[head.as_bytes(), &request].concat()).await?;
    }
    link.finish().await
}
