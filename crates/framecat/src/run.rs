//! Runs a talking verb: the runtime, stdin and stdout, signals, and the way out.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use framecat_net::conn::{Kind, Stream};
use framecat_net::error::Op;
use framecat_net::event::Observer;
use framecat_net::open::stdio;
use framecat_net::record::{Record, Recorder};
use framecat_net::talk::{End, Lines, Shutdown};
use framecat_proto::Framing;
use framecat_proto::text::recording::Head;
use tokio::signal::unix::{SignalKind, signal};

use crate::exit::{self, Signal, Verdict};
use crate::flags::TalkArgs;
use crate::plan::{Explained, Mistake, Standard};
use crate::print::{self, Log, Manner, Show, Transfer, Voice};
use crate::stdfds;

/// What a verb is given to work with.
pub struct Stdio {
    /// Standard input.
    pub stdin: Stream,
    /// Standard output.
    pub stdout: Stream,
    /// Where events go.
    pub observer: Arc<dyn Observer>,
    /// Lines for stdout, with `--json`.
    pub lines: Option<Arc<Lines>>,
    /// The recording, with `--record`.
    pub record: Option<Arc<Record>>,
    /// What speaks on stderr.
    pub voice: Arc<Voice>,
}

/// What must be known of a verb before it runs.
#[derive(Debug, Clone, Default)]
pub struct Job {
    /// How much is told.
    pub verbose: u8,
    /// How messages are shown.
    pub show: Option<Show>,
    /// How requests are logged.
    pub log: Option<Log>,
    /// Whether stdout gets events as JSON lines.
    pub json: bool,
    /// Whether only the plan is wanted.
    pub explain: bool,
    /// Whether it reads stdin. Whoever does not must leave it to others.
    pub reads_stdin: bool,
    /// Whether it writes to stdout.
    pub writes_stdout: bool,
    /// Whether messages in both directions are news to stdout.
    pub relays: bool,
    /// Whether round trips are told.
    pub asks: bool,
    /// What is said before it begins, and what to try.
    pub caution: Option<Mistake>,
    /// How a transfer is told.
    pub transfer: Option<Transfer>,
    /// Where a recording goes, and how it begins.
    pub record: Option<(PathBuf, Head)>,
}

impl Job {
    /// What the common flags say, where `rules` find the messages.
    pub fn of(args: &TalkArgs, rules: &[&Framing]) -> Job {
        let TalkArgs { verbose, show, json, explain, .. } = args;
        let (verbose, json, explain) = (*verbose, *json, *explain);
        let show = show.map(|show| show.of(rules));
        Job { verbose, show, json, explain, ..Job::default() }
    }
}

/// A verb with its flags resolved.
pub trait Plan {
    /// For `--explain`.
    fn explain(&self) -> Explained;
    /// What must be known before it runs.
    fn job(&self) -> Job;
    /// Does it.
    async fn run(self, stdio: Stdio, shutdown: Shutdown) -> Result<End, framecat_net::Error>;
}

/// What stdin and stdout are.
pub fn standard() -> Standard {
    // A closed descriptor was reopened on /dev/null by std.
    let kind = |fd| stdio::kind_of(fd).unwrap_or(Kind::Device);
    Standard { stdin: kind(rustix::stdio::stdin()), stdout: kind(rustix::stdio::stdout()) }
}

/// Runs a verb to its end and says what there is to say. The process's exit code.
pub fn run(plan: impl Plan) -> u8 {
    let job = plan.job();
    if job.explain {
        let mut explained = plan.explain();
        if let Some((path, _)) = &job.record {
            explained.fact("recorded in", path.display());
        }
        return crate::tell(&explained.to_string());
    }
    let lines = job.json.then(Arc::<Lines>::default);
    let terminal = stdio::kind_of(rustix::stdio::stderr()).is_ok_and(|kind| kind == Kind::Terminal);
    let voice = Voice::new(Manner {
        verbose: job.verbose,
        show: job.show,
        log: job.log,
        json: lines.clone(),
        json_both_ways: job.relays,
        colour: terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        terminal,
        asking: job.asks,
        transfer: job.transfer,
    });
    if let Some(caution) = &job.caution {
        voice.say(&caution.problem, Some(&caution.remedy));
    }
    let verdict = if job.writes_stdout && !stdfds::was_open(stdfds::Standard::Out) {
        exit::stdout_not_open()
    } else {
        match job.record.map(|(path, head)| begin_record(&path, head)).transpose() {
            Ok(record) => match enter(voice.clone(), lines.clone(), record.map(Arc::new), plan) {
                Ok(verdict) => verdict,
                Err(error) => exit::cannot_start(&error),
            },
            Err(error) => exit::of_error(&error),
        }
    };
    let mut verdict = verdict;
    if let Some(lines) = lines.filter(|_| !verdict.mute) {
        // The last line of a log says how it ended.
        lines.tell(&print::end_line(verdict.code, verdict.sentence.as_deref()));
        match write_last(&lines.take()) {
            // A reader that left is no error.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
            Err(error) if verdict.code == exit::DONE => verdict = exit::stdout_failed(&error),
            _ => {}
        }
    }
    leave(&voice, verdict)
}

/// Writes to stdout as long as it takes something, and gives up when it takes nothing for a while: a
/// reader that pauses must not hold the end up, nor a signal.
fn write_last(mut bytes: &[u8]) -> std::io::Result<()> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    // What a pipe takes at once when it says that it is ready (PIPE_BUF, pipe(7)).
    const AT_ONCE: usize = 4096;
    let patience = Timespec { tv_sec: 2, tv_nsec: 0 };
    let stdout = rustix::stdio::stdout();
    while !bytes.is_empty() {
        let mut ready = [PollFd::new(&stdout, PollFlags::OUT)];
        if poll(&mut ready, Some(&patience))? == 0 {
            return Ok(());
        }
        let written = rustix::io::write(stdout, &bytes[..bytes.len().min(AT_ONCE)])?;
        bytes = &bytes[written..];
    }
    Ok(())
}

/// Says the last word.
pub fn leave(voice: &Voice, verdict: Verdict) -> u8 {
    if let Some(sentence) = &verdict.sentence {
        voice.say(sentence, verdict.remedy.as_deref());
    }
    voice.finish();
    verdict.code
}

/// Opens the file of a recording. What it holds stays until there is something to record.
fn begin_record(path: &Path, head: Head) -> Result<Record, framecat_net::Error> {
    let name = path.display().to_string();
    let file = std::fs::OpenOptions::new().write(true).create(true).truncate(false).open(path);
    file.and_then(|file| Record::begin(file, name.clone(), head))
        .map_err(|error| framecat_net::Error::io(Op::Write, name, error))
}

/// Does the work, and waits until the recording of it is written.
async fn recorded(
    verb: impl Future<Output = Result<End, framecat_net::Error>>,
    record: Option<Arc<Record>>,
) -> Result<End, framecat_net::Error> {
    let ended = verb.await;
    match record {
        Some(record) => record.flush().await.and(ended),
        None => ended,
    }
}

/// Returns once a recording has failed.
async fn failed(record: Option<&Record>) {
    match record {
        Some(record) => record.failed().await,
        None => std::future::pending().await,
    }
}

fn enter(
    voice: Arc<Voice>,
    lines: Option<Arc<Lines>>,
    record: Option<Arc<Record>>,
    plan: impl Plan,
) -> std::io::Result<Verdict> {
    let reads_stdin = plan.job().reads_stdin;
    // One thread: a message never changes it on its way.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let stdin = if reads_stdin { stdio::stdin()? } else { stdio::nothing()? };
        let stdout = stdio::stdout()?;
        let (switch, shutdown) = Shutdown::new();
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let observer: Arc<dyn Observer> = match &record {
            Some(record) => Arc::new(Recorder::new(voice.clone(), record.clone())),
            None => voice.clone(),
        };
        let (recording, mut stopped) = (record.clone(), false);
        let stdio = Stdio { stdin, stdout, observer, lines, record: record.clone(), voice };
        let mut verb = std::pin::pin!(recorded(plan.run(stdio, shutdown), record));
        let mut first = None;
        loop {
            let caught = tokio::select! {
                biased;
                ended = &mut verb => {
                    return Ok(match ended {
                        Ok(end) => exit::of_end(&end, first),
                        Err(error) => exit::of_error(&error),
                    });
                }
                () = failed(recording.as_deref()), if !stopped => {
                    // What is not recorded must not go on as if it were.
                    stopped = true;
                    switch.request();
                    continue;
                }
                Some(()) = interrupt.recv() => Signal::Interrupt,
                Some(()) = terminate.recv() => Signal::Terminate,
            };
            if first.is_some() {
                // The second one ends at once, whatever is in hand.
                return Ok(exit::of_end(&End::Interrupted, Some(caught)));
            }
            first = Some(caught);
            switch.request();
        }
    })
}
