//! The homework, one way: files and folders to another machine, which knows the same code. Either side may listen.
//! `FRAMECAT_CODE=417-blaze-otter-quilt cargo run -p framecat-net --example file_send -- to HOST:9000 a.txt photo.png`,
//! or `at :9000 a.txt photo.png`.

use std::io::{Write, stdout};
use std::sync::Arc;

use framecat_net::event::{Event, Observer};
use framecat_net::talk::Shutdown;
use framecat_net::transfer::{Guard, Meeting, Place, Source};
use framecat_net::verb::send;

/// Says where it listens, and what became of each file.
struct Told;

impl Observer for Told {
    fn event(&self, event: Event<'_>) {
        let _ = match event {
            Event::Listening { endpoint, .. } => writeln!(stdout(), "{endpoint}"),
            Event::File { name, outcome, .. } => writeln!(stdout(), "{name}: {outcome:?}"),
            _ => Ok(()),
        };
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [word, place, files @ ..] = &args[..] else { return Err("to|at PLACE FILE...".into()) };
    let place = place.parse()?;
    let place = if word == "at" { Place::Listen(place) } else { Place::Dial(place) };
    let guard = Guard::Code { code: std::env::var("FRAMECAT_CODE")?.parse()?, tries: 3 };
    let meeting = Meeting { place, lan: false, wait: None, guard };
    let source = Source::Paths(files.iter().map(Into::into).collect());
    let options = send::Send { meeting, source, links: false };
    // Done once the other side has said that it has all of them, each under its name.
    let end = send::run(options, Arc::new(Told), Shutdown::never()).await?;
    Ok(writeln!(stdout(), "{end:?}")?)
}
