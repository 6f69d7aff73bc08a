//! `framecat receive [CODE] [DIR]`.

use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use framecat_net::conn::{Kind, Stream};
use framecat_net::error::{Cause, Error, Op, plain};
use framecat_net::open::stdio;
use framecat_net::talk::{End, Shutdown};
use framecat_net::transfer::{Consent, Question, Role};
use framecat_net::verb::receive::{self, Taking};
use framecat_proto::limits::TRANSFER_TEXT_BYTES;
use framecat_proto::text::put_for_terminal;
use framecat_proto::transfer::code::Code;
use framecat_proto::transfer::error::TransferError;
use framecat_proto::transfer::offer::Taste;
use framecat_proto::transfer::receiver::{Conflict, Rules};
use framecat_proto::transfer::why;
use rustix::pipe::PipeFlags;
use tokio::sync::mpsc;

use super::meeting::{self, Meet, place_for, shown};
use crate::flags::receive::ReceiveArgs;
use crate::plan::{Explained, Mistake};
use crate::print::{self, Voice, transfer};
use crate::run::{self, Job, Stdio};
use crate::terminal::Terminal;

/// What is to be done.
#[derive(Debug)]
pub struct Plan {
    /// The folder, as it was typed; `None`: stdout.
    into: Option<PathBuf>,
    rules: Rules,
    yes: bool,
    json: bool,
    meet: Meet,
}

/// Decides what the flags mean.
pub fn plan(args: ReceiveArgs) -> Result<Plan, Mistake> {
    let ReceiveArgs { words, yes, on_conflict, durable, check, hidden, links, from, meet } = args;
    let (code, folder) = sorted(words)?;
    let into = match folder {
        None => Some(PathBuf::from(".")),
        Some(folder) if folder == "-" => None,
        Some(folder) => Some(folder.into()),
    };
    match &into {
        Some(folder) => is_folder(folder)?,
        None => {
            let unused = [
                (on_conflict.is_some(), "--on-conflict"),
                (durable, "--durable"),
                (check, "--check"),
                (hidden, "--hidden"),
                (links, "--links"),
            ];
            if let Some((_, option)) = unused.iter().find(|(said, _)| *said) {
                return Err(Mistake {
                    problem: format!("{option} is for what goes into a folder, and - is stdout"),
                    remedy: "leave one of them out".into(),
                });
            }
            to_stdout(meet.json, meet.explain)?;
        }
    }
    let (json, rules) = (
        meet.json,
        Rules {
            taste: Taste { hidden, links, ..Taste::default() },
            conflict: on_conflict.unwrap_or_default(),
            check,
            durable,
            ..Rules::default()
        },
    );
    let meet = meeting::plan(("--from", from), code.as_deref(), meet)?;
    Ok(Plan { into, rules, yes, json, meet })
}

/// The code and the folder, as far as they were typed.
fn sorted(words: Vec<OsString>) -> Result<(Option<String>, Option<OsString>), Mistake> {
    let spoken: Option<Vec<&str>> = words.iter().map(|word| word.to_str()).collect();
    let spoken = spoken.map(|words| words.join("-")).filter(|_| words.len() > 3);
    if let Some(code) = spoken.filter(|code| Code::is_shape_of(code)) {
        return Err(Mistake {
            problem: "a code is one word".into(),
            remedy: format!("write it with hyphens: {code}"),
        });
    }
    // As it is read out, with spaces, it is one too.
    let is_code = |word: &OsStr| {
        word.to_str().is_some_and(|text| Code::is_shape_of(&text.trim().replace(' ', "-")))
    };
    let (codes, folders): (Vec<_>, Vec<_>) = words.into_iter().partition(|word| is_code(word));
    let several = |what: &str, remedy: &str| {
        Err(Mistake { problem: format!("more than one {what} is named"), remedy: remedy.into() })
    };
    match (codes.as_slice(), folders.as_slice()) {
        ([_, _, ..], _) => several("code", "name one; a folder of such a name is written ./NAME"),
        (_, [_, _, ..]) => {
            several("folder", "what comes goes into one; a code is like 417-blaze-otter-quilt")
        }
        (codes, folders) => Ok((
            codes.first().and_then(|code| code.to_str().map(String::from)),
            folders.first().cloned(),
        )),
    }
}

/// Whether what comes can go there, as far as is seen before anybody is met.
fn is_folder(folder: &Path) -> Result<(), Mistake> {
    match std::fs::metadata(folder) {
        Ok(about) if about.is_dir() => Ok(()),
        Ok(_) => Err(Mistake {
            problem: format!("{} is no folder", shown(folder)),
            remedy: "name the folder that it is to lie in; - is stdout".into(),
        }),
        Err(error) => {
            let code = folder.to_str().and_then(|text| text.parse::<Code>().err());
            let begins = |text: &str| text.len() > 4 && text.as_bytes()[3] == b'-';
            let remedy = match (place_for(folder, "--from"), code, folder.to_str()) {
                (Some(remedy), ..) => remedy,
                (None, Some(error), Some(text))
                    if begins(text) && text.bytes().take(3).all(|byte| byte.is_ascii_digit()) =>
                {
                    format!("if it is a code: {error}")
                }
                _ => format!("mkdir -p {} makes it", quoted(&shown(folder))),
            };
            Err(Mistake { problem: format!("{}: {}", shown(folder), plain(&error)), remedy })
        }
    }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+@%:,=".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.into(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// What comes goes to stdout as it is, so nothing else may, and no terminal may be there.
fn to_stdout(json: bool, explain: bool) -> Result<(), Mistake> {
    if json {
        return Err(Mistake {
            problem: "--json writes lines to stdout, and - what comes".into(),
            remedy: "receive into a folder, or leave --json out".into(),
        });
    }
    let terminal = stdio::kind_of(rustix::stdio::stdout()).is_ok_and(|kind| kind == Kind::Terminal);
    if terminal && !explain {
        return Err(Mistake {
            problem: "- writes what comes to stdout as it is, and stdout is a terminal".into(),
            remedy: "send stdout elsewhere: > FILE, | less; a text is shown without -".into(),
        });
    }
    Ok(())
}

impl Plan {
    /// Where the files will be.
    fn place(&self) -> Option<String> {
        let folder = self.into.as_ref()?;
        Some(shown(std::fs::canonicalize(folder).unwrap_or_else(|_| folder.clone())))
    }
}

impl run::Plan for Plan {
    fn explain(&self) -> Explained {
        let mut explained = Explained::default();
        match self.place() {
            Some(folder) => explained.fact("receive into", folder),
            None => explained.fact("receive to", "stdout"),
        };
        self.meet.explain(&mut explained);
        let asks = match self.yes {
            true => "nobody: what is offered is taken",
            false => "whoever sits at the terminal; without one it is refused",
        };
        explained.fact("asked is", asks);
        if self.into.is_some() {
            let taken = |taken| if taken { "taken" } else { "left out, and told" };
            let conflict = match self.rules.conflict {
                Conflict::Refuse => "the file is not received",
                Conflict::Rename => "the file gets a number",
                Conflict::Overwrite => "the file takes the place of what is there",
                Conflict::Skip => "what is there stays",
                Conflict::Newer => "the file takes the place of an older one",
            };
            explained.fact("a name that is taken", conflict);
            explained.fact("hidden names", taken(self.rules.taste.hidden));
            explained.fact("links", taken(self.rules.taste.links));
            if self.rules.check {
                explained.fact("what is there", "is compared by its hash");
            }
            if self.rules.durable {
                explained.fact("told as there", "once it outlives a power cut");
            }
        }
        explained
    }

    fn job(&self) -> Job {
        let job = self.meet.job(Role::Receive, self.place());
        let nobody = (!self.yes && Terminal::open().is_err()).then(|| Mistake {
            problem: "there is nobody to ask here, so what is offered is refused".into(),
            remedy: "receive --yes takes what is offered unasked".into(),
        });
        Job {
            caution: job.caution.clone().or(nobody),
            writes_stdout: self.into.is_none() || self.json,
            ..job
        }
    }

    async fn run(self, stdio: Stdio, shutdown: Shutdown) -> Result<End, Error> {
        let place = self.place();
        let Plan { into, rules, yes, meet, .. } = self;
        let Stdio { stdout, observer, lines, voice, .. } = stdio;
        let Some(meeting) = meet.meeting(shutdown.clone()).await? else {
            return Ok(End::Interrupted);
        };
        let (ask, mut questions) = mpsc::unbounded_channel();
        let consent = match (yes, Terminal::open()) {
            (true, _) => Consent::Given,
            // It is opened again when somebody is asked: it may take long until then.
            (false, Ok(_)) => Consent::Ask(ask),
            (false, Err(_)) => Consent::Nobody,
        };
        // A text is printed here, so that nothing in it acts on a terminal.
        let held = lines.is_some() || stdout.kind() == Kind::Terminal && into.is_some();
        let (stdout, shows) = match held {
            false => (stdout, None),
            true => {
                let (text, shown) = pipe()?;
                (text, Some((shown, stdout)))
            }
        };
        let mut text = Vec::new();
        let told = lines.clone();
        let options = receive::Receive { meeting, taking: Taking { into, rules, consent, stdout } };
        let mut refused = false;
        let ended = {
            let work = async {
                let work = receive::run(options, observer, shutdown.clone());
                let mut work = std::pin::pin!(work);
                let reads = shows.as_ref().map(|(reads, _)| reads);
                let mut asked: Option<std::pin::Pin<Box<dyn Future<Output = bool>>>> = None;
                let mut open = reads.is_some();
                let ended = loop {
                    tokio::select! {
                        ended = &mut work => break ended,
                        Some(question) = questions.recv(), if asked.is_none() => {
                            asked = Some(Box::pin(ask_at_terminal(question, place.clone(), &voice)));
                        }
                        yes = async { asked.as_mut().expect("it is there").await }, if asked.is_some() => {
                            asked = None;
                            refused |= !yes;
                        }
                        more = read(reads, &mut text), if open => open = more,
                    }
                };
                drop(asked);
                // What it said last: its end of the pipe is closed by now.
                while open {
                    open = read(reads, &mut text).await;
                }
                ended
            };
            // With --json the lines go to the real stdout.
            let lines = match (told, &shows) {
                (Some(lines), Some((_, stdout))) => Some((lines, stdout)),
                _ => None,
            };
            meeting::told(work, Role::Receive, lines, &voice, shutdown.clone()).await
        };
        if !text.is_empty() {
            match (&lines, &shows) {
                (Some(lines), _) => lines.tell(&print::text_line(&text)),
                (None, Some((_, stdout))) => {
                    let mut shown = Vec::new();
                    put_for_terminal(&text, &mut shown);
                    if !shown.ends_with(b"\n") {
                        shown.push(b'\n');
                    }
                    let written = stdout.write_all(&shown).await;
                    written.map_err(|error| Error::io(Op::Write, "stdout", error))?;
                }
                (None, None) => {}
            }
        }
        match ended {
            Err(Error { cause: Cause::Transfer(TransferError::Ended(said)), .. })
                if refused && said.cause == why::Cause::Declined =>
            {
                Ok(End::Declined {
                    said: "it is not received, and the other side was told".into(),
                    remedy: "nothing was written".into(),
                })
            }
            ended => ended,
        }
    }
}

/// Asks whoever sits at the terminal. Without one, or where it is gone, it is a no.
async fn ask_at_terminal(question: Question, into: Option<String>, voice: &Voice) -> bool {
    // What was said before stands above it.
    voice.finish();
    let Question { offer, answer } = question;
    let asked = async {
        let terminal = Terminal::open()?;
        let shown = transfer::offer(&offer, into.as_deref());
        terminal.agrees(&shown, &transfer::question(&offer, into.as_deref())).await
    };
    let yes = asked.await.unwrap_or(false);
    // Where nobody waits for it any more the work has ended, and tells how.
    let _ = answer.send(yes);
    yes
}

/// A stream to write to, and one that gives what was written.
fn pipe() -> Result<(Stream, Stream), Error> {
    let stream = |fd: OwnedFd| Stream::new(fd, Kind::Pipe, "text".into(), "text".into());
    let made = || -> std::io::Result<(Stream, Stream)> {
        let (read, write) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        Ok((stream(write)?, stream(read)?))
    };
    made().map_err(|error| Error::io(Op::Open, "a pipe", error))
}

/// Reads more of a text. Whether there may be more.
async fn read(from: Option<&Stream>, text: &mut Vec<u8>) -> bool {
    let Some(from) = from else { return false };
    text.reserve(64 << 10);
    matches!(from.read(text).await, Ok(1..)) && text.len() as u64 <= TRANSFER_TEXT_BYTES
}
