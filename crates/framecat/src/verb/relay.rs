//! `framecat relay EP EP`.

use framecat_net::relay::Allowed;
use framecat_net::shape::Shape;
use framecat_net::talk::{End, Shutdown};
use framecat_net::verb::relay;
use framecat_proto::endpoint::At;
use framecat_proto::framing::Ways;
use framecat_proto::limits::MESSAGE_BYTES;
use framecat_proto::text::recording::Side;

use crate::flags::RelayArgs;
use crate::plan::{self, Explained, Mistake, Standard};
use crate::run::{self, Job, Stdio};

/// What is to be done.
pub struct Plan {
    args: RelayArgs,
    shared: bool,
    left: Ways,
    right: Ways,
    shape: Shape,
}

/// Decides what the flags mean.
pub fn plan(args: RelayArgs, standard: Standard) -> Result<Plan, Mistake> {
    plan::role(&args.left, !args.left.is_dialled(), args.lan)?;
    plan::role(&args.right, false, false)?;
    let (shared, place) = (args.shared, (args.lan, standard.stdout));
    let [left, right] = plan::relay(&args.left, &args.right, &args.talk, place, shared)?;
    let shape = plan::shape(&args.talk, &[&args.left, &args.right])?;
    // What many hear and answer is shared by nature.
    let cast = args.right.is_cast() && !args.once && !args.left.is_dialled();
    Ok(Plan { shared: args.shared || cast, args, left, right, shape })
}

impl run::Plan for Plan {
    fn explain(&self) -> Explained {
        let mut explained = Explained::default();
        let RelayArgs { left, right, talk, .. } = &self.args;
        let act = if left.is_dialled() { "join" } else { "listen on" };
        explained
            .fact(act, format_args!("{left}, messages: {}", plan::ways::explained(&self.left)));
        if self.args.lan {
            explained.fact("reach", "every interface");
        }
        let act = if right.is_dialled() { "join with" } else { "connect to" };
        explained
            .fact(act, format_args!("{right}, messages: {}", plan::ways::explained(&self.right)));
        if self.shared {
            explained.fact("dials", "once, for all clients");
        }
        explained.shape(&self.shape).times(talk.wait, talk.idle, talk.deadline);
        explained
    }

    fn job(&self) -> Job {
        let talk = &self.args.talk;
        let mut head = plan::head(Side::Listen, &self.left.receive, &self.left.send);
        head.dialled = Some(self.right.receive.clone()).filter(|_| self.right != self.left);
        let record = talk.record.clone().map(|path| (path, head));
        let stdio = [&self.args.left, &self.args.right].iter().any(|end| end.at == At::Stdio);
        Job {
            caution: plan::caution([
                (&self.args.left, &self.left.receive),
                (&self.args.left, &self.left.send),
                (&self.args.right, &self.right.receive),
                (&self.args.right, &self.right.send),
            ]),
            writes_stdout: talk.json || stdio,
            relays: true,
            record,
            ..Job::of(talk)
        }
    }

    async fn run(self, stdio: Stdio, shutdown: Shutdown) -> Result<End, framecat_net::Error> {
        let talk = self.args.talk;
        let options = relay::Relay {
            left: self.args.left,
            right: self.args.right,
            left_framing: self.left,
            right_framing: self.right,
            lan: self.args.lan,
            message_bytes: talk.max_message.unwrap_or(MESSAGE_BYTES),
            tail: talk.tail,
            count: talk.count,
            until: talk.until.map(String::into_bytes),
            wait: talk.wait,
            idle: talk.idle,
            deadline: talk.deadline,
            shared: self.shared,
            once: self.args.once,
            max_clients: self.args.max_clients,
            fast: Allowed::Fast,
            shape: self.shape,
            record: stdio.record,
            lines: stdio.lines.map(|lines| (stdio.stdout, lines)),
        };
        relay::run(options, stdio.observer, shutdown).await
    }
}
