//! The homework, the other way round: takes what `file_send` brings. Either side may listen.
//! `FRAMECAT_CODE=417-blaze-otter-quilt cargo run -p framecat-net --example file_receive -- at :9000 FOLDER`, or
//! `from HOST:9000 FOLDER`.

use std::io::{Write, stdout};
use std::sync::Arc;

use framecat_net::event::{Event, Observer};
use framecat_net::open::stdio;
use framecat_net::talk::Shutdown;
use framecat_net::transfer::{Consent, Guard, Meeting, Place};
use framecat_net::verb::receive::{self, Receive, Taking};
use framecat_proto::transfer::receiver::Rules;

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
    let [word, place, folder] = &args[..] else { return Err("at|from PLACE FOLDER".into()) };
    let place = place.parse()?;
    let place = if word == "at" { Place::Listen(place) } else { Place::Dial(place) };
    let guard = Guard::Code { code: std::env::var("FRAMECAT_CODE")?.parse()?, tries: 3 };
    let meeting = Meeting { place, lan: false, wait: None, guard };
    let (into, rules) = (Some(folder.into()), Rules::default());
    let taking = Taking { into, rules, consent: Consent::Given, stdout: stdio::stdout()? };
    let end = receive::run(Receive { meeting, taking }, Arc::new(Told), Shutdown::never()).await?;
    Ok(writeln!(stdout(), "{end:?}")?)
}
