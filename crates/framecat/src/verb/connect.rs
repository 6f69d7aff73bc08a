//! `framecat connect EP`.

use framecat_net::error::{Error, Op};
use framecat_net::talk::{End, Shutdown, Talk};
use framecat_net::verb::connect;
use framecat_proto::Framing;
use framecat_proto::framing::guess;
use framecat_proto::text::recording::Side;

use crate::flags::ConnectArgs;
use crate::plan::{self, Explained, Mistake, Standard};
use crate::play;
use crate::run::{self, Job, Stdio};
use crate::verb;

/// What is to be done.
pub struct Plan {
    args: ConnectArgs,
    talk: Talk,
    /// Which rules would fit is asked, and nothing is said.
    guesses: bool,
}

/// Decides what the flags mean.
pub fn plan(mut args: ConnectArgs, standard: Standard) -> Result<Plan, Mistake> {
    plan::role(&args.endpoint, false, false)?;
    plan::retry(&[&args.endpoint], args.dial.retry)?;
    let play = play::load(&args.play, args.talk.record.as_deref(), Side::Connect)?;
    let send = play.as_ref().and_then(|play| play.frame(&args.endpoint, &mut args.talk));
    if args.short && play.is_some() {
        return Err(Mistake {
            problem: "--replay dials as it was recorded, --short for each message".into(),
            remedy: "leave one of them out".into(),
        });
    }
    let speaks = play.is_some() || args.short;
    let guesses = plan::guesses(&args.endpoint, &args.talk);
    if !guesses {
        plan::not_stdio(&args.endpoint)?;
    }
    if guesses {
        if let Some(mistake) = beside_guess(&args) {
            return Err(mistake);
        }
        // All of it is one message as long as no rule is known.
        args.talk.frame = vec![Framing::Eof];
        args.endpoint.framing = None;
    }
    let mut talk = plan::talk(&args.endpoint, &args.talk, &args.form, speaks, standard)?;
    plan::asks(&args.endpoint, &mut talk);
    talk.half_open = args.half_open;
    talk.retry = args.dial.retry;
    talk.send = send.unwrap_or(talk.send);
    talk.short = args.short;
    talk.replay = play.map(|play| play.script);
    let udp = args.endpoint.scheme() == "udp" || args.endpoint.is_cast();
    if args.zero && udp {
        return Err(Mistake {
            problem: format!(
                "{} has no connections: without sending, nobody can tell whether a port is open",
                args.endpoint.scheme()
            ),
            remedy: format!("ask it something: framecat ask {} MESSAGE", args.endpoint),
        });
    }
    if args.zero && args.endpoint.is_dialled() {
        return Err(Mistake {
            problem: format!(
                "-z asks whether anybody listens, and nobody listens on {}",
                args.endpoint
            ),
            remedy: "name a socket: HOST:PORT, unix://...".into(),
        });
    }
    Ok(Plan { args, talk, guesses })
}

/// What makes no sense beside `-f guess`.
fn beside_guess(args: &ConnectArgs) -> Option<Mistake> {
    let talk = &args.talk;
    let given = [
        ("-z", args.zero),
        ("--record", talk.record.is_some()),
        ("--replay", args.play.replay.is_some()),
        ("--send-frame", !talk.send_frame.is_empty() || args.endpoint.send.is_some()),
        ("--short", args.short),
        ("--count", talk.count.is_some()),
        ("--until", talk.until.is_some()),
        ("--show", talk.show.is_some()),
        ("--tail", talk.tail.is_some()),
        ("--in", args.form.input.is_some()),
        ("--out", args.form.output.is_some()),
    ];
    let (name, _) = given.into_iter().find(|(_, given)| *given)?;
    Some(Mistake {
        problem: format!(
            "{name} speaks of messages, and -f guess only looks for a rule that finds some"
        ),
        remedy: format!("leave {name} out, and give it beside the rule that was found"),
    })
}

impl run::Plan for Plan {
    fn explain(&self) -> Explained {
        let mut explained = Explained::default();
        if self.args.zero {
            explained.fact("connect to", format_args!("{}, nothing is sent", self.args.endpoint));
            return explained;
        }
        if self.guesses {
            explained.fact("connect to", format_args!("{}, nothing is sent", self.args.endpoint));
            explained.fact("look at", "what it says, up to 1MiB");
            explained.fact("stdout", "the rules that would fit, the most specific first");
            return explained;
        }
        explained.fact("connect to", &self.args.endpoint).talk(&self.talk);
        if let (Some(path), Some(script)) = (&self.args.play.replay, &self.talk.replay) {
            explained.fact("plays", plan::played("client", path, script));
        }
        explained
    }

    fn job(&self) -> Job {
        let head = plan::head(Side::Connect, &self.talk.send, &self.talk.receive);
        Job {
            caution: plan::caution([
                (&self.args.endpoint, &self.talk.receive),
                (&self.args.endpoint, &self.talk.send),
            ]),
            reads_stdin: !self.args.zero && !self.guesses && self.talk.replay.is_none(),
            writes_stdout: !self.args.zero || self.args.talk.json,
            record: self
                .args
                .talk
                .record
                .clone()
                .filter(|_| !self.args.zero)
                .map(|path| (path, head)),
            ..Job::of(&self.args.talk, &[&self.talk.receive, &self.talk.send])
        }
    }

    async fn run(self, stdio: Stdio, mut shutdown: Shutdown) -> Result<End, Error> {
        let endpoint = self.args.endpoint;
        if self.args.zero {
            return tokio::select! {
                ended = connect::probe(&endpoint, &self.talk, &*stdio.observer) => ended,
                () = shutdown.requested() => Ok(End::Interrupted),
            };
        }
        if self.guesses {
            let sample = connect::sample(&endpoint, &self.talk, &*stdio.observer, shutdown).await?;
            let guesses = guess(&sample.bytes, sample.ended);
            let more = (!sample.ended).then_some(sample.bytes.len());
            let page = verb::guess::page(&guesses, more);
            match &stdio.lines {
                Some(lines) => lines.tell(&verb::guess::lines(&guesses)),
                None if guesses.fit.is_empty() => {}
                None => {
                    match stdio.stdout.write_all(page.as_bytes()).await {
                        // A reader that left is no error.
                        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {}
                        written => {
                            written.map_err(|error| Error::io(Op::Write, "stdout", error))?
                        }
                    }
                }
            }
            return Ok(if guesses.fit.is_empty() { End::NoRule(guesses.tried) } else { End::Done });
        }
        let talk = Talk { lines: stdio.lines, record: stdio.record, ..self.talk };
        let options = connect::Connect { endpoint, talk, stdin: stdio.stdin, stdout: stdio.stdout };
        connect::run(options, stdio.observer, shutdown).await
    }
}
