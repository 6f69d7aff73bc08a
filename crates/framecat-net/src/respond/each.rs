//! `--exec-each`: a program started for each message. The payload is its stdin, its stdout the reply.
//!
//! Where messages are lines on stdin and stdout (`Form::default_for`), they are lines for the program:
//! an LF is put behind the payload unless one is there, and the one that was put there is taken off the
//! reply; a program that writes nothing at all answers nothing. Otherwise both are exact bytes.

use framecat_proto::endpoint::{At, Command};
use framecat_proto::framing::EncodeError;
use framecat_proto::limits::{CHILD_LEAVES, CHILD_LEFT, CONNECT_WAIT};
use framecat_proto::text::Form;
use framecat_proto::{Endpoint, Framing};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use crate::child::Child;
use crate::conn::{Conn, Pair, Stream};
use crate::error::{Cause, Error, Op};
use crate::open::{self, Origin};

/// What is read of a program at a time, in bytes: a pipe holds as much (pipe(7)).
const READ_BYTES: usize = 64 << 10;

/// A program that answers, one start a message.
#[derive(Debug)]
pub struct Each {
    endpoint: Endpoint,
    running: Semaphore,
}

impl Each {
    /// At most so many of it run at once; at least one.
    pub fn new(command: Command, most: usize) -> Each {
        let running = Semaphore::new(most.clamp(1, Semaphore::MAX_PERMITS));
        Each { endpoint: At::Exec(command).into(), running }
    }

    /// Fails as starting it would, where it can be known before.
    pub(crate) fn check(&self) -> Result<(), Error> {
        open::check(&self.endpoint)
    }

    /// Starts it for a message and waits for its end. `None`: it has no answer. Not cancel safe: dropped,
    /// it kills the program.
    pub(crate) async fn answer(
        &self,
        (receive, send): (&Framing, &Framing),
        payload: &[u8],
        origin: Origin<'_>,
        max: usize,
    ) -> Result<Option<Vec<u8>>, Error> {
        let lines = |rule| Form::default_for(rule) == Form::Line;
        let ended = payload.ends_with(b"\n");
        let cr = matches!(receive, Framing::Line(_)) && payload.ends_with(b"\r");
        let mut input = payload.to_vec();
        if lines(receive) && !ended {
            // A line is given, and answered, with the ending that each side uses.
            input.truncate(payload.len() - usize::from(cr));
            input.push(b'\n');
        }
        let mut said = self.run(input, origin, max).await?;
        if !lines(send) {
            return Ok(Some(said));
        }
        if said.is_empty() {
            return Ok(None);
        }
        if !ended && said.ends_with(b"\n") {
            said.pop();
        }
        if cr && !said.ends_with(b"\r") {
            said.push(b'\r');
        }
        Ok(Some(said))
    }

    async fn run(&self, input: Vec<u8>, origin: Origin<'_>, max: usize) -> Result<Vec<u8>, Error> {
        // It is never closed.
        let _running = self.running.acquire().await;
        let program = open::connect_for(&self.endpoint, CONNECT_WAIT, Some(origin)).await?;
        let Conn::Pair(Pair { from, to: Ok(to), child: Some(mut child), .. }) = program else {
            unreachable!("a program is a pair with a child");
        };
        match talk(input, from, to, &mut child, max).await {
            Ok(said) => child.end(true).await.map(|()| said),
            Err(cause) => {
                // Whatever it comes to, this is what was wrong first.
                let _ = child.end(false).await;
                Err(self.failed(cause))
            }
        }
    }

    fn failed(&self, cause: Cause) -> Error {
        Error { op: Op::Run, endpoint: self.endpoint.to_string(), cause }
    }

    /// What it said is no message of the framing.
    pub(crate) fn does_not_fit(&self, rule: &str, error: &EncodeError) -> Error {
        let remedy = match error {
            EncodeError::DoesNotFit { .. } => TOO_LONG,
            _ => "a framing that counts holds it, such as -f len:u32be",
        };
        let problem = format!("{rule} cannot hold what it said, {error}");
        self.failed(Cause::Unfit { problem, remedy: remedy.into() })
    }
}

const TOO_LONG: &str = "--max-message SIZE allows more, but never more than a datagram holds";

/// Gives it all, and hears all. Both at once: it may say more than a pipe holds before it reads.
async fn talk(
    input: Vec<u8>,
    from: Stream,
    to: Stream,
    child: &mut Child,
    max: usize,
) -> Result<Vec<u8>, Cause> {
    let mut writing = std::pin::pin!(async {
        // One that reads no further has read enough (EPIPE): its exit code says if that was wrong.
        let _ = to.write_all(&input).await;
        drop(to);
    });
    let mut reading = std::pin::pin!(async {
        let mut said = Vec::new();
        // An LF that will be taken off is not counted.
        while said.len() <= max.saturating_add(1) {
            said.reserve(READ_BYTES);
            if from.read(&mut said).await.map_err(Cause::Io)? == 0 {
                return Ok(said);
            }
        }
        let problem = format!("it said more than the longest message has, {max} bytes");
        Err(Cause::Unfit { problem, remedy: TOO_LONG.into() })
    });
    let (mut written, mut gone_at) = (false, None);
    let said = loop {
        let left = async {
            match gone_at {
                None => child.gone().await,
                Some(at) => tokio::time::sleep_until(at + CHILD_LEFT).await,
            }
        };
        tokio::select! {
            biased;
            said = &mut reading => break said?,
            () = &mut writing, if !written => written = true,
            () = left => {
                if gone_at.is_some() {
                    let problem = "it ended, and something that it started keeps its stdout open";
                    let remedy = "what is to go on behind it needs another: COMMAND > /dev/null &";
                    return Err(Cause::Unfit { problem: problem.into(), remedy: remedy.into() });
                }
                gone_at = Some(Instant::now());
            }
        }
    };
    // One that closed its stdout may read on.
    if !written {
        tokio::select! {
            biased;
            () = &mut writing => {}
            () = child.gone() => {}
            () = sleep(CHILD_LEAVES) => {}
        }
    }
    Ok(said)
}
