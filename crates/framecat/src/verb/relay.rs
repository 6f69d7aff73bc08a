//! `framecat relay EP EP`.

use framecat_net::relay::Allowed;
use framecat_net::shape::Shape;
use framecat_net::talk::{End, Shutdown};
use framecat_net::verb::relay::{self, Roles};
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
    roles: Roles,
    left: Ways,
    right: Ways,
    shape: Shape,
}

/// Decides what the flags mean.
pub fn plan(args: RelayArgs, standard: Standard) -> Result<Plan, Mistake> {
    let roles = roles(&args)?;
    plan::role(&args.left, roles != Roles::DialBoth, args.lan)?;
    plan::role(&args.right, roles == Roles::ListenBoth, args.lan && roles == Roles::ListenBoth)?;
    let waits: &[_] = match roles {
        Roles::ListenAndDial => &[&args.left],
        Roles::ListenBoth => &[&args.left, &args.right],
        Roles::DialBoth => &[],
    };
    plan::access(waits, &args.access, args.lan)?;
    let (shared, place) = (args.shared, (args.lan, standard.stdout));
    let [left, right] = plan::relay(&args.left, &args.right, &args.talk, place, shared)?;
    let shape = plan::shape(&args.talk, &[&args.left, &args.right])?;
    // What many hear and answer is shared by nature.
    let cast = args.right.is_cast() && !args.once && roles == Roles::ListenAndDial;
    Ok(Plan { shared: args.shared || cast, roles, args, left, right, shape })
}

/// Who waits, and who is called.
fn roles(args: &RelayArgs) -> Result<Roles, Mistake> {
    let RelayArgs { left, right, dial, .. } = args;
    let dials_both = args.dial_both || left.is_dialled();
    let dialled: &[_] = if dials_both { &[left, right] } else { &[right] };
    plan::retry(dialled, dial.retry)?;
    if !args.listen_both {
        return Ok(if dials_both { Roles::DialBoth } else { Roles::ListenAndDial });
    }
    for end in [left, right] {
        let (problem, remedy) = match end.scheme() {
            "tcp" | "tls" | "unix" | "unixseq" => continue,
            "udp" | "unixgram" | "broadcast" | "multicast" => (
                format!("--listen-both joins connections, and {} has none", end.scheme()),
                "relay EP EP dials for each peer; listen EP --chat joins all who come".to_string(),
            ),
            _ => (
                format!("--listen-both waits at both ends, and nobody comes to {end}"),
                "leave it out: relay EP EP dials the second end".to_string(),
            ),
        };
        return Err(Mistake { problem, remedy });
    }
    Ok(Roles::ListenBoth)
}

impl run::Plan for Plan {
    fn explain(&self) -> Explained {
        let mut explained = Explained::default();
        let RelayArgs { left, right, talk, .. } = &self.args;
        let act = if self.roles == Roles::DialBoth { "join" } else { "listen on" };
        explained
            .fact(act, format_args!("{left}, messages: {}", plan::ways::explained(&self.left)));
        if self.args.lan {
            explained.fact("reach", "every interface");
        }
        explained.access(&self.args.access.access());
        let act = match self.roles {
            Roles::ListenBoth => "and on",
            _ if right.is_dialled() => "join with",
            _ => "connect to",
        };
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
            ..Job::of(talk, &[&self.left.receive, &self.right.receive])
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
            access: self.args.access.access(),
            message_bytes: talk.max_message.unwrap_or(MESSAGE_BYTES),
            tail: talk.tail,
            count: talk.count,
            until: talk.until.map(String::into_bytes),
            wait: talk.wait,
            idle: talk.idle,
            deadline: talk.deadline,
            retry: self.args.dial.retry,
            shared: self.shared,
            roles: self.roles,
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
