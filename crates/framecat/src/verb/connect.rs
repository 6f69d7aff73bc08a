//! `framecat connect EP`.

use framecat_net::talk::{End, Shutdown, Talk};
use framecat_net::verb::connect;
use framecat_proto::text::recording::Side;

use crate::flags::ConnectArgs;
use crate::plan::{self, Explained, Mistake, Standard};
use crate::play;
use crate::run::{self, Job, Stdio};

/// What is to be done.
pub struct Plan {
    args: ConnectArgs,
    talk: Talk,
}

/// Decides what the flags mean.
pub fn plan(mut args: ConnectArgs, standard: Standard) -> Result<Plan, Mistake> {
    plan::role(&args.endpoint, false, false)?;
    plan::not_stdio(&args.endpoint)?;
    let play = play::load(&args.play, args.talk.record.as_deref(), Side::Connect)?;
    let send = play.as_ref().and_then(|play| play.frame(&args.endpoint, &mut args.talk));
    let speaks = play.is_some();
    let mut talk = plan::talk(&args.endpoint, &args.talk, &args.form, speaks, standard)?;
    talk.half_open = args.half_open;
    talk.send = send.unwrap_or(talk.send);
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
    Ok(Plan { args, talk })
}

impl run::Plan for Plan {
    fn explain(&self) -> Explained {
        let mut explained = Explained::default();
        if self.args.zero {
            explained.fact("connect to", format_args!("{}, nothing is sent", self.args.endpoint));
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
            reads_stdin: !self.args.zero && self.talk.replay.is_none(),
            writes_stdout: !self.args.zero || self.args.talk.json,
            record: self
                .args
                .talk
                .record
                .clone()
                .filter(|_| !self.args.zero)
                .map(|path| (path, head)),
            ..Job::of(&self.args.talk)
        }
    }

    async fn run(self, stdio: Stdio, mut shutdown: Shutdown) -> Result<End, framecat_net::Error> {
        let endpoint = self.args.endpoint;
        if self.args.zero {
            return tokio::select! {
                ended = connect::probe(&endpoint, self.talk.wait, &*stdio.observer) => ended,
                () = shutdown.requested() => Ok(End::Interrupted),
            };
        }
        let talk = Talk { lines: stdio.lines, record: stdio.record, ..self.talk };
        let options = connect::Connect { endpoint, talk, stdin: stdio.stdin, stdout: stdio.stdout };
        connect::run(options, stdio.observer, shutdown).await
    }
}
