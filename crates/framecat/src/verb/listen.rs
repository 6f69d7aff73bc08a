//! `framecat listen EP`.

use framecat_net::talk::{End, Shutdown};
use framecat_net::verb::listen;
use framecat_proto::text::recording::Side;

use crate::flags::ListenArgs;
use crate::plan::{self, Explained, Mistake, Standard};
use crate::play;
use crate::run::{self, Job, Stdio};

/// What is to be done.
pub struct Plan {
    args: ListenArgs,
    talk: framecat_net::talk::Talk,
    once: bool,
}

/// Decides what the flags mean.
pub fn plan(mut args: ListenArgs, standard: Standard) -> Result<Plan, Mistake> {
    plan::role(&args.endpoint, true, args.lan)?;
    plan::access(&[&args.endpoint], &args.access, args.lan)?;
    let play = play::load(&args.play, args.talk.record.as_deref(), Side::Listen)?;
    if play.is_some() && (args.answer().is_some() || args.chat) {
        return Err(Mistake {
            problem: "--replay says what was recorded, --reply, --echo and --chat something else"
                .into(),
            remedy: "leave one of them out".into(),
        });
    }
    let send = play.as_ref().and_then(|play| play.frame(&args.endpoint, &mut args.talk));
    let speaks = args.reply.is_some() || args.exec_each.is_some() || args.chat || play.is_some();
    let mut talk = plan::talk(&args.endpoint, &args.talk, &args.form, speaks, standard)?;
    talk.half_open = args.half_open;
    talk.send = send.unwrap_or(talk.send);
    talk.replay = play.map(|play| play.script);
    let answers = args.answer().is_some() || args.chat || talk.replay.is_some();
    let one = plan::takes_one(&args.endpoint, &talk, answers)
        || (args.one && !args.endpoint.keeps_boundaries());
    let once = args.once || (one && !args.keep);
    Ok(Plan { args, talk, once })
}

impl run::Plan for Plan {
    fn explain(&self) -> Explained {
        let mut explained = Explained::default();
        explained.fact("listen on", &self.args.endpoint);
        let reach = if self.args.endpoint.is_cast() {
            "the network, by what is sent to many"
        } else if self.args.lan {
            "every interface"
        } else {
            "this machine, unless the host says more"
        };
        explained.fact("reach", reach).access(&self.args.access.access()).talk(&self.talk);
        let peers = if self.once { "one, then the end" } else { "many" };
        explained.fact("peers", peers);
        if let (Some(path), Some(script)) = (&self.args.play.replay, &self.talk.replay) {
            explained.fact("plays", plan::played("server", path, script));
            return explained;
        }
        if let Some(command) = &self.args.exec_each {
            explained
                .fact("sent to peers", format_args!("what exec:{command} says to each message"));
            return explained;
        }
        let answers = match (&self.args.reply, self.args.echo) {
            (Some(_), _) => "the template of --reply",
            (None, true) => "the message itself",
            (None, false) if self.args.chat => "what the others say, and stdin",
            (None, false) => "stdin, to all peers",
        };
        explained.fact("sent to peers", answers);
        explained
    }

    fn job(&self) -> Job {
        let head = plan::head(Side::Listen, &self.talk.receive, &self.talk.send);
        Job {
            caution: plan::caution([
                (&self.args.endpoint, &self.talk.receive),
                (&self.args.endpoint, &self.talk.send),
            ]),
            reads_stdin: self.args.answer().is_none() && self.talk.replay.is_none(),
            writes_stdout: true,
            record: self.args.talk.record.clone().map(|path| (path, head)),
            ..Job::of(&self.args.talk, &[&self.talk.receive, &self.talk.send])
        }
    }

    async fn run(self, stdio: Stdio, shutdown: Shutdown) -> Result<End, framecat_net::Error> {
        let options = listen::Listen {
            answer: self.args.answer(),
            endpoint: self.args.endpoint,
            talk: framecat_net::talk::Talk {
                lines: stdio.lines,
                record: stdio.record,
                ..self.talk
            },
            lan: self.args.lan,
            access: self.args.access.access(),
            chat: self.args.chat,
            once: self.once,
            patient: self.args.one,
            max_clients: self.args.max_clients,
            stdin: stdio.stdin,
            stdout: stdio.stdout,
        };
        listen::run(options, stdio.observer, shutdown).await
    }
}
