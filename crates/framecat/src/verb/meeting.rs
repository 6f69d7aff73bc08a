//! What `send` and `receive` share: where the other side is, what keeps strangers out, and how a transfer is
//! told while it runs.

use std::cell::Cell;
use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use framecat_net::conn::Stream;
use framecat_net::error::{Cause, Error, Op, plain};
use framecat_net::talk::{End, Lines, Shutdown};
use framecat_net::transfer::{Guard, Meeting, Place, Role, draw};
use framecat_proto::Endpoint;
use framecat_proto::limits::{CODE_WORDS, TRANSFER_TRIES};
use framecat_proto::quantity::print_time;
use framecat_proto::transfer::code::{Code, CodeError};
use framecat_proto::transfer::error::TransferError;

use crate::flags::meet::MeetArgs;
use crate::password;
use crate::plan::{self, Explained, Mistake};
use crate::print::{Transfer, Voice};
use crate::run::Job;
use crate::terminal::Terminal;

/// Where a code may stand for whoever starts the program.
const VARIABLE: &str = "FRAMECAT_CODE";

/// Longer than any code.
const CODE_FILE_BYTES: usize = 256;

/// How long the reader of stdout may take nothing before its lines are given up at the end.
const LAST_LINES: Duration = Duration::from_secs(2);

/// How the other side is met.
#[derive(Debug)]
pub struct Meet {
    place: Place,
    lan: bool,
    wait: Option<Duration>,
    trust: Trust,
    tries: u32,
    args: MeetArgs,
    caution: Option<Mistake>,
}

/// What tells the other side from strangers.
#[derive(Debug)]
enum Trust {
    /// Nothing.
    Plain,
    /// A code, and where it is from, in words.
    Known(Code, String),
    /// A code that we made, to be told.
    Made(Code),
    /// One that is typed there; `None`: nothing is asked, for nothing is done.
    Typed(Option<Terminal>),
}

/// Decides how the other side is met. `dial`: the option by which it is dialled, and what it says; `typed`: a
/// code among the arguments.
pub fn plan(
    dial: (&str, Option<Endpoint>),
    typed: Option<&str>,
    args: MeetArgs,
) -> Result<Meet, Mistake> {
    let (option, dialled) = dial;
    let place = place(option, dialled, &args)?;
    let listens = matches!(place, Place::Listen(_));
    if args.tries.is_some() && (!listens || args.plain) {
        return Err(Mistake {
            problem: "--tries is for who listens with a code: others come and guess".into(),
            remedy: "leave it out here".into(),
        });
    }
    let (trust, caution) = trust(listens, typed, &args)?;
    Ok(Meet {
        place,
        lan: args.lan,
        wait: args.wait,
        trust,
        tries: args.tries.unwrap_or(TRANSFER_TRIES),
        args,
        caution,
    })
}

fn place(option: &str, dialled: Option<Endpoint>, args: &MeetArgs) -> Result<Place, Mistake> {
    let (endpoint, listens) = match (dialled, args.listen.clone()) {
        (Some(_), Some(_)) => {
            return Err(Mistake {
                problem: format!(
                    "one of the two sides listens, and {option} and --listen say both"
                ),
                remedy: format!("leave one out: {option} HOST:PORT dials, --listen :PORT waits"),
            });
        }
        (Some(there), None) => (there, false),
        (None, Some(here)) => (here, true),
        (None, None) => {
            return Err(Mistake {
                problem: "it is not said where the other side is".into(),
                remedy: format!(
                    "one side listens: --listen :9000 --lan; the other dials it: {option} HOST:9000"
                ),
            });
        }
    };
    plan::role(&endpoint, listens, args.lan && listens)?;
    if !listens && args.lan {
        return Err(Mistake {
            problem: "--lan is for who listens, and this side dials".into(),
            remedy: "leave it out here".into(),
        });
    }
    if !matches!(endpoint.scheme(), "tcp" | "unix") {
        let tls = if endpoint.scheme() == "tls" { ", and TLS is spoken without it" } else { "" };
        return Err(Mistake {
            problem: format!("files are not moved over `{endpoint}`"),
            remedy: format!("HOST:PORT, :PORT or unix://PATH{tls}"),
        });
    }
    if endpoint.framing.is_some() || endpoint.send.is_some() {
        return Err(Mistake {
            problem: "a transfer says itself where its messages end".into(),
            remedy: "leave ,frame= and ,send= out".into(),
        });
    }
    Ok(match listens {
        true => Place::Listen(endpoint),
        false => Place::Dial(endpoint),
    })
}

fn trust(
    listens: bool,
    typed: Option<&str>,
    args: &MeetArgs,
) -> Result<(Trust, Option<Mistake>), Mistake> {
    let given = given(typed, args)?;
    let Some((code, from, seen)) = given else {
        return Ok(match (args.plain, listens) {
            (true, _) => (Trust::Plain, None),
            (false, true) => {
                let code = draw(CODE_WORDS).map_err(|error| Mistake {
                    problem: format!("make a code: {}", plain(&error)),
                    remedy: "--code-file FILE has one of yours".into(),
                })?;
                (Trust::Made(code), None)
            }
            (false, false) if args.explain => (Trust::Typed(None), None),
            (false, false) => {
                let terminal = Terminal::open().map_err(|error| Mistake {
                    problem: format!(
                        "there is no terminal to ask for the code at: {}",
                        plain(&error)
                    ),
                    remedy: format!(
                        "--code-file FILE, or the variable {VARIABLE}, has it without one"
                    ),
                })?;
                (Trust::Typed(Some(terminal)), None)
            }
        });
    };
    if args.plain {
        return Err(Mistake {
            problem: format!("--plain asks for no code, and {from} gives one"),
            remedy:
                "leave one of them out; without --plain nobody else can read or change anything"
                    .into(),
        });
    }
    let caution = seen.then(|| Mistake {
        problem: "other users of this machine can read the code in the command line (ps)".into(),
        remedy: format!("--code-file FILE or the variable {VARIABLE} hides it"),
    });
    Ok((Trust::Known(code, from), caution))
}

/// The code that was given, where it is from, and whether others see it.
fn given(typed: Option<&str>, args: &MeetArgs) -> Result<Option<(Code, String, bool)>, Mistake> {
    let parse = |text: &str, from: &str| {
        text.parse::<Code>().map_err(|error: CodeError| Mistake {
            problem: format!("{from}: {error}"),
            remedy: error.remedy().into(),
        })
    };
    if typed.is_some() && (args.code.is_some() || args.code_file.is_some()) {
        return Err(Mistake {
            problem: "the code is given twice".into(),
            remedy: "once is enough: --code-file FILE shows it to nobody".into(),
        });
    }
    if let Some(text) = typed {
        return Ok(Some((parse(text, "the code")?, "the command line".into(), true)));
    }
    if let Some(text) = &args.code {
        return Ok(Some((parse(text, "--code")?, "--code".into(), true)));
    }
    if let Some(path) = &args.code_file {
        let from = format!("--code-file {}", path.display());
        let bytes = password::read(path, &from, CODE_FILE_BYTES)?;
        return Ok(Some((parse(&String::from_utf8_lossy(&bytes), &from)?, from, false)));
    }
    match std::env::var_os(VARIABLE) {
        None => Ok(None),
        // What is typed says more than what stands around.
        Some(_) if args.plain => Ok(None),
        Some(text) => {
            let code = parse(&text.to_string_lossy(), VARIABLE)?;
            Ok(Some((code, format!("the variable {VARIABLE}"), false)))
        }
    }
}

impl Meet {
    /// For `--explain`.
    pub fn explain(&self, explained: &mut Explained) {
        match &self.place {
            Place::Dial(there) => explained.fact("dial", there),
            Place::Listen(here) => {
                let here = here.to_string();
                explained.fact(
                    "listen on",
                    match self.lan {
                        true => format!("{here}, on every interface"),
                        false => here.replacen("://:", "://127.0.0.1:", 1),
                    },
                )
            }
        };
        match &self.trust {
            Trust::Plain => explained.fact("trust", "whoever comes; nothing is encrypted"),
            Trust::Known(_, from) => {
                explained.fact("trust", format_args!("who knows the code of {from}"))
            }
            Trust::Made(_) => explained.fact("trust", "who knows the code that is made and told"),
            Trust::Typed(_) => {
                explained.fact("trust", "who knows the code that is typed at the terminal")
            }
        };
        if matches!(self.place, Place::Listen(_)) && !matches!(self.trust, Trust::Plain) {
            explained.fact("wrong guesses", format_args!("{} at most", self.tries));
        }
        if let Some(wait) = self.wait {
            explained.fact("wait", print_time(wait));
        }
    }

    /// What must be known before it runs.
    pub fn job(&self, role: Role, into: Option<String>) -> Job {
        let there = match role {
            Role::Send => "framecat receive --from",
            Role::Receive => "framecat send PATH --to",
        };
        let code = match &self.trust {
            Trust::Made(code) => Some(code.to_string()),
            _ => None,
        };
        Job {
            verbose: self.args.verbose,
            json: self.args.json,
            explain: self.args.explain,
            caution: self.caution.clone(),
            writes_stdout: self.args.json,
            transfer: Some(Transfer { role, code, there, into }),
            ..Job::default()
        }
    }

    /// All that is asked of the meeting; the code is asked for here where it is to be typed. `None`: a signal came.
    ///
    /// # Errors
    /// No code was typed.
    pub async fn meeting(self, mut shutdown: Shutdown) -> Result<Option<Meeting>, Error> {
        let Meet { place, lan, wait, trust, tries, .. } = self;
        let code = match trust {
            Trust::Plain => None,
            Trust::Known(code, _) | Trust::Made(code) => Some(code),
            Trust::Typed(terminal) => {
                let asked = async {
                    match terminal {
                        Some(terminal) => terminal.code().await,
                        None => Ok(None),
                    }
                };
                let typed = tokio::select! {
                    typed = asked => typed,
                    () = shutdown.requested() => return Ok(None),
                };
                let endpoint = match &place {
                    Place::Dial(endpoint) | Place::Listen(endpoint) => endpoint.to_string(),
                };
                let typed =
                    typed.map_err(|error| Error::io(Op::Connect, endpoint.clone(), error))?;
                let code = typed.ok_or_else(|| Error {
                    op: Op::Connect,
                    endpoint,
                    cause: Cause::Address {
                        problem: "no code was typed".into(),
                        remedy: "it is on the other side's screen, such as 417-blaze-otter-quilt"
                            .into(),
                    },
                })?;
                Some(code)
            }
        };
        let guard = code.map_or(Guard::Plain, |code| Guard::Code { code, tries });
        Ok(Some(Meeting { place, lan, wait, guard }))
    }
}

/// Does the work of a transfer, while the lines of `--json` are written, and says what of it is left to say.
pub async fn told(
    work: impl Future<Output = Result<End, Error>>,
    role: Role,
    lines: Option<(Arc<Lines>, &Stream)>,
    voice: &Voice,
    mut shutdown: Shutdown,
) -> Result<End, Error> {
    let work = async {
        let mut work = std::pin::pin!(work);
        tokio::select! {
            ended = &mut work => return ended,
            () = shutdown.requested() => voice.hurry(),
        }
        work.await
    };
    let ended = match lines {
        None => work.await,
        Some((lines, stdout)) => written(work, &lines, stdout).await,
    };
    voice.rest_of_transfer();
    if matches!(ended, Ok(End::Interrupted)) {
        voice.stopped();
    }
    let ended = ended.map_err(|error| nobody(error, role));
    // What was left there on purpose is not missing.
    match (ended, voice.missing_of_transfer()) {
        (Ok(End::Partly), 0) => Ok(End::Done),
        (Ok(End::Partly), missing) => match voice.unwritable() {
            Some((place, why)) => {
                let cause = Cause::Transfer(TransferError::Ended(why));
                Err(Error { op: Op::Write, endpoint: place, cause })
            }
            None => Ok(End::Incomplete(missing)),
        },
        (ended, _) => ended,
    }
}

/// Where nobody listens: what would.
fn nobody(error: Error, role: Role) -> Error {
    let nobody = matches!(error.errno(), Some(libc::ECONNREFUSED | libc::ENOENT));
    if error.op != Op::Connect || !nobody {
        return error;
    }
    let place = match error.endpoint.rsplit_once(':') {
        Some((scheme, port)) if !scheme.starts_with("unix") => format!(":{port} --lan"),
        _ => error.endpoint.clone(),
    };
    let other = match role {
        Role::Send => "framecat receive DIR",
        Role::Receive => "framecat send PATH",
    };
    let remedy = format!("nobody waits there; the other side types {other} --listen {place}");
    let cause = Cause::Missing { problem: error.cause.to_string(), remedy };
    Error { cause, ..error }
}

/// The lines are written as they are told; the work waits for who reads them, and goes on when nobody does.
async fn written(
    work: impl Future<Output = Result<End, Error>>,
    lines: &Lines,
    stdout: &Stream,
) -> Result<End, Error> {
    let done = Cell::new(false);
    let writing = async {
        let mut failed = None;
        loop {
            let bytes = lines.take();
            match bytes.is_empty() {
                false if failed.is_none() => failed = stdout.write_all(&bytes).await.err(),
                false => {}
                true if done.get() => break failed,
                true => lines.told().await,
            }
        }
    };
    let mut writing = std::pin::pin!(writing);
    let ended = tokio::select! {
        ended = work => ended,
        // It ends only when the work has.
        _ = &mut writing => Ok(End::Done),
    };
    done.set(true);
    lines.tell(b"");
    let failed = tokio::time::timeout(LAST_LINES, writing).await.unwrap_or_default();
    match (ended, failed) {
        // A reader that left is no error.
        (Ok(End::Done), Some(error)) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::io(Op::Write, "stdout", error))
        }
        (ended, _) => ended,
    }
}

/// What to type for a word that names a place, and no file or folder; `option` is for a place.
pub fn place_for(word: &Path, option: &str) -> Option<String> {
    let text = word.to_str()?;
    let (host, port) = text.rsplit_once(':')?;
    if text.contains("://") && !text.contains("://:")
        || port.parse::<u16>().is_ok() && !host.contains('/')
    {
        return Some(format!("where the other side is stands behind {option}: {option} {text}"));
    }
    if !host.is_empty() && !host.contains('/') {
        let host = host.rsplit('@').next().unwrap_or_default();
        // As scp and rsync have it.
        return Some(format!(
            "where it lies there is decided there, with framecat receive DIR --listen :9000 --lan; here {option} {host}:9000"
        ));
    }
    None
}

/// A path as it was typed, for a sentence.
pub fn shown(path: impl AsRef<OsStr>) -> String {
    Path::new(path.as_ref()).display().to_string()
}
