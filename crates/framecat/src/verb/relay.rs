//! `framecat relay EP EP`.

use framecat_net::relay::Allowed;
use framecat_net::talk::{End, Shutdown};
use framecat_net::verb::relay;
use framecat_proto::Framing;
use framecat_proto::limits::MESSAGE_BYTES;
use framecat_proto::text::recording::Side;

use crate::flags::RelayArgs;
use crate::plan::{self, Explained, Mistake};
use crate::run::{self, Job, Stdio};

/// What is to be done.
pub struct Plan {
    args: RelayArgs,
    left: Framing,
    right: Framing,
}

/// Decides what the flags mean.
pub fn plan(args: RelayArgs) -> Result<Plan, Mistake> {
    plan::role(&args.left, true, args.lan)?;
    plan::role(&args.right, false, false)?;
    let (left, right) = plan::relay(&args.left, &args.right, &args.talk)?;
    Ok(Plan { args, left, right })
}

impl run::Plan for Plan {
    fn explain(&self) -> Explained {
        let mut explained = Explained::default();
        let RelayArgs { left, right, talk, .. } = &self.args;
        explained.fact("listen on", format_args!("{left}, messages: {}", self.left));
        if self.args.lan {
            explained.fact("reach", "every interface");
        }
        explained.fact("connect to", format_args!("{right}, messages: {}", self.right));
        explained.times(talk.wait, talk.idle, talk.deadline);
        explained
    }

    fn job(&self) -> Job {
        let talk = &self.args.talk;
        let mut head = plan::head(Side::Listen, &self.left, &self.left);
        head.dialled = Some(self.right.clone()).filter(|right| *right != self.left);
        let record = talk.record.clone().map(|path| (path, head));
        Job { writes_stdout: talk.json, relays: true, record, ..Job::of(talk) }
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
            once: self.args.once,
            max_clients: self.args.max_clients,
            fast: Allowed::Fast,
            record: stdio.record,
            lines: stdio.lines.map(|lines| (stdio.stdout, lines)),
        };
        relay::run(options, stdio.observer, shutdown).await
    }
}
