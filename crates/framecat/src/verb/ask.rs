//! `framecat ask EP [MESSAGE…]`.

use framecat_net::talk::{End, Shutdown, Talk};
use framecat_net::verb::ask;
use framecat_proto::text::recording::Side;

use crate::flags::AskArgs;
use crate::plan::{self, Explained, Mistake, Standard};
use crate::run::{self, Job, Stdio};

/// What is to be done.
pub struct Plan {
    args: AskArgs,
    talk: Talk,
    messages: Vec<Vec<u8>>,
}

/// Decides what the flags mean, and reads the messages under `--in`.
pub fn plan(args: AskArgs, standard: Standard) -> Result<Plan, Mistake> {
    plan::role(&args.endpoint, false, false)?;
    plan::not_stdio(&args.endpoint)?;
    plan::retry(&[&args.endpoint], args.dial.retry)?;
    let mut talk = plan::talk(&args.endpoint, &args.talk, &args.form, true, standard)?;
    plan::asks(&args.endpoint, &mut talk);
    talk.retry = args.dial.retry;
    talk.short = args.short;
    if talk.shape.coalesce.is_some() {
        return Err(Mistake {
            problem: "ask awaits a reply to each message, and --coalesce holds messages back"
                .into(),
            remedy: "connect sends without awaiting; --chop splits what ask sends".into(),
        });
    }
    let read = |word: &String| {
        talk.input.one(word, talk.message_bytes).map_err(|problem| Mistake {
            problem: format!("the message `{word}`: {problem}"),
            remedy: format!("messages are read as --in {}; another form: --in hex …", talk.input),
        })
    };
    let messages = args.message.iter().map(read).collect::<Result<_, _>>()?;
    Ok(Plan { args, talk, messages })
}

impl run::Plan for Plan {
    fn explain(&self) -> Explained {
        let mut explained = Explained::default();
        explained.fact("ask", &self.args.endpoint).talk(&self.talk);
        let what = match self.messages.len() {
            0 => "each message of stdin, one reply awaited for each".to_string(),
            n => format!("{n} from the command line, one reply awaited for each"),
        };
        explained.fact("messages", what);
        explained
    }

    fn job(&self) -> Job {
        let head = plan::head(Side::Connect, &self.talk.send, &self.talk.receive);
        Job {
            caution: plan::caution([
                (&self.args.endpoint, &self.talk.receive),
                (&self.args.endpoint, &self.talk.send),
            ]),
            reads_stdin: self.messages.is_empty(),
            writes_stdout: true,
            asks: true,
            record: self.args.talk.record.clone().map(|path| (path, head)),
            ..Job::of(&self.args.talk, &[&self.talk.receive, &self.talk.send])
        }
    }

    async fn run(self, stdio: Stdio, shutdown: Shutdown) -> Result<End, framecat_net::Error> {
        let options = ask::Ask {
            endpoint: self.args.endpoint,
            talk: Talk { lines: stdio.lines, record: stdio.record, ..self.talk },
            messages: self.messages,
            stdin: stdio.stdin,
            stdout: stdio.stdout,
        };
        ask::run(options, stdio.observer, shutdown).await
    }
}
