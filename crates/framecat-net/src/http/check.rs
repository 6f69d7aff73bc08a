//! Tries the conformance table on a server: what to send and how to judge is
//! [`framecat_proto::http::check`]'s, sending, waiting and closing are done here.
//!
//! Each case has a connection of its own, many at once. Whether a connection is closed is found by asking
//! on it: who is still there answers, and who has closed says so, without anybody's clock. Only a server
//! that does neither is waited for.

use std::collections::{HashSet, VecDeque};
use std::io::IoSlice;
use std::sync::Arc;
use std::time::Duration;

use framecat_proto::Endpoint;
use framecat_proto::http::check::{
    Case, Ended, Law, Next, NoSubject, Piece, Sending, Subject, Trial, Verdict, cases,
};
use framecat_proto::limits::{CHECK_ANSWERS_BYTES, CHECK_CUTS, READ_BYTES_MIN};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::conn::{Conn, Stream};
use crate::error::{Cause, Error, Op};
use crate::open::connect;
use crate::talk::Shutdown;

/// What is tried on which server.
#[derive(Debug, Clone)]
pub struct Check {
    /// Where it is.
    pub endpoint: Endpoint,
    /// Host and port for the Host field.
    pub authority: String,
    /// Path and query of a plain file that the server has.
    pub target: String,
    /// Whether the connections are TLS.
    pub secured: bool,
    /// How long an answer, or the next part of it, is waited for.
    pub wait: Duration,
    /// How many connections at once, at least 1; [`CHECK_CONNECTIONS`](framecat_proto::limits::CHECK_CONNECTIONS) unless there is a reason.
    pub connections: usize,
    /// Whether each case that passes whole is tried again in two writes, cut at every byte, and byte by
    /// byte: what comes late or in pieces means the same.
    pub split: bool,
}

/// In which writes a case was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// As few as possible.
    Whole,
    /// In two: so many bytes, and the rest.
    At(usize),
    /// Each byte alone.
    Bytes,
}

/// A case that was tried, or not.
#[derive(Debug)]
pub struct Tried {
    /// The case.
    pub case: &'static Case,
    /// What it came to.
    pub result: Tryout,
    /// Connections that it took.
    pub connections: usize,
}

/// What trying came to.
#[derive(Debug)]
pub enum Tryout {
    /// As demanded, in every way that it was sent; after a signal, until then.
    Passed,
    /// Not as demanded.
    Failed(Failure),
    /// The server does not tell what the case needs: an entity tag, say.
    Skipped(&'static str),
    /// A signal came first.
    Untried,
}

/// What was seen.
#[derive(Debug)]
pub struct Failure {
    /// What was broken.
    pub broken: framecat_proto::http::check::Broken,
    /// In which writes it was sent.
    pub cut: Cut,
    /// All that was sent, but for what asked whether the connection goes on.
    pub sent: Vec<u8>,
    /// All that came.
    pub received: Vec<u8>,
}

/// A law that an answer broke.
#[derive(Debug)]
pub struct Breach {
    /// The law.
    pub law: &'static Law,
    /// The first case in the table with an answer that broke it.
    pub case: &'static Case,
    /// What it did.
    pub what: String,
    /// What was sent and what came.
    pub sent: Vec<u8>,
    /// All that came.
    pub received: Vec<u8>,
    /// How many answers broke it.
    pub count: usize,
    /// The place of the case in the table.
    n: usize,
}

/// All that was found.
#[derive(Debug, Default)]
pub struct Report {
    /// Each case, in the order of the table.
    pub cases: Vec<Tried>,
    /// Each law that was broken, in the order of the laws.
    pub breaches: Vec<Breach>,
    /// A signal came before all was tried.
    pub interrupted: bool,
}

/// Tries all cases. `tried` hears of each way in which one was tried, for who shows how far it is.
///
/// Errors: the server cannot be reached, or what `target` names is no file that the cases can be about.
pub async fn run(
    check: Check,
    mut tried: impl FnMut(&'static Case),
    mut shutdown: Shutdown,
) -> Result<Report, Error> {
    let subject = Arc::new(learn(&check).await?);
    let check = Arc::new(check);
    let mut report = Report::default();
    let mut jobs = VecDeque::new();
    for (n, case) in cases().enumerate() {
        let result = match Trial::new(case, &subject) {
            Ok(trial) => {
                jobs.push_back(Job { n, trial: Arc::new(trial), cut: Cut::Whole });
                Tryout::Untried
            }
            Err(missing) => Tryout::Skipped(missing),
        };
        report.cases.push(Tried { case, result, connections: 0 });
    }
    let mut failed: HashSet<usize> = HashSet::new();
    let mut running: JoinSet<(Job, Outcome)> = JoinSet::new();
    loop {
        while running.len() < check.connections.max(1) {
            let Some(job) = jobs.pop_front() else { break };
            if !failed.contains(&job.n) {
                let check = check.clone();
                running.spawn(async move { attempt(&check, job).await });
            }
        }
        let done = tokio::select! {
            done = running.join_next() => done,
            () = shutdown.requested() => {
                report.interrupted = true;
                break;
            }
        };
        let Some(Ok((job, outcome))) = done else { break };
        let case = job.trial.case();
        tried(case);
        let entry = &mut report.cases[job.n];
        entry.connections += 1;
        for breach in &outcome.breaches {
            note(&mut report.breaches, breach, (job.n, case), &outcome);
        }
        match outcome.verdict {
            Verdict::Failed(broken) => {
                if failed.insert(job.n) {
                    let Outcome { sent, received, .. } = outcome;
                    entry.result = Tryout::Failed(Failure { broken, cut: job.cut, sent, received });
                }
            }
            Verdict::Passed if job.cut == Cut::Whole => {
                entry.result = Tryout::Passed;
                if check.split {
                    jobs.extend(job.cuts(outcome.sent.len()));
                }
            }
            Verdict::Passed => {}
        }
    }
    let order = |id: &str| framecat_proto::http::check::laws().iter().position(|law| law.id == id);
    report.breaches.sort_by_key(|breach| order(breach.law.id));
    Ok(report)
}

/// The first GET.
async fn learn(check: &Check) -> Result<Subject, Error> {
    let Check { authority, target, secured, .. } = check;
    let stream = dial(check).await?;
    let failed = |error| Error::io(Op::Receive, check.endpoint.to_string(), error);
    stream.write_all(&Subject::question(authority, target)).await.map_err(failed)?;
    let mut received = Vec::new();
    loop {
        received.reserve(READ_BYTES_MIN);
        match tokio::time::timeout(check.wait, stream.read(&mut received)).await {
            Ok(Ok(0)) => break,
            Ok(Ok(_)) if received.len() > CHECK_ANSWERS_BYTES => break,
            Ok(Ok(_)) if Subject::is_answered(&received) => break,
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(failed(error)),
            // What came is looked at.
            Err(_) if received.is_empty() => {
                let (op, endpoint) = (Op::Receive, check.endpoint.to_string());
                return Err(Error { op, endpoint, cause: Cause::TimedOut(check.wait) });
            }
            Err(_) => break,
        }
    }
    Subject::learn(authority, target, *secured, &received).map_err(|why| no_subject(check, &why))
}

fn no_subject(check: &Check, why: &NoSubject) -> Error {
    let remedy = "the URL must name a plain file of 100 bytes to 1 MiB that the server has".into();
    let cause = Cause::Address { problem: why.to_string(), remedy };
    Error { op: Op::Receive, endpoint: format!("{}{}", check.endpoint, check.target), cause }
}

async fn dial(check: &Check) -> Result<Stream, Error> {
    match connect(&check.endpoint, check.wait).await? {
        Conn::Stream(stream) => Ok(stream),
        Conn::Pair(_) | Conn::Datagrams(_) => {
            let (problem, remedy) = ("it is no stream".into(), "tcp, tls and unix are".into());
            let (op, endpoint) = (Op::Connect, check.endpoint.to_string());
            Err(Error { op, endpoint, cause: Cause::Address { problem, remedy } })
        }
    }
}

/// A case to be tried in one way.
#[derive(Debug)]
struct Job {
    n: usize,
    trial: Arc<Trial>,
    cut: Cut,
}

impl Job {
    /// The other ways to send so many bytes: cut behind each of them, or, where they are many, behind
    /// those at either end, which is where lines and chunks end.
    fn cuts(&self, bytes: usize) -> impl Iterator<Item = Job> + '_ {
        let edge = CHECK_CUTS / 2;
        let near = move |at: &usize| bytes <= CHECK_CUTS || *at <= edge || at + edge >= bytes;
        let cuts = (1..bytes).filter(near).map(Cut::At);
        let alone = (bytes <= CHECK_CUTS).then_some(Cut::Bytes);
        cuts.chain(alone).map(|cut| Job { n: self.n, trial: self.trial.clone(), cut })
    }
}

/// What one connection showed.
struct Outcome {
    verdict: Verdict,
    breaches: Vec<(&'static Law, String)>,
    sent: Vec<u8>,
    received: Vec<u8>,
}

async fn attempt(check: &Check, job: Job) -> (Job, Outcome) {
    let trial = &*job.trial;
    let sent = trial.sending().bytes();
    let sending = match job.cut {
        Cut::Whole => trial.sending().clone(),
        Cut::At(at) => trial.sending().cut(at),
        Cut::Bytes => (1..sent.len()).fold(trial.sending().clone(), |all, at| all.cut(at)),
    };
    let (received, ended, asked) = match dial(check).await {
        Ok(stream) => Talking::new(check, trial, sending).talk(&stream).await,
        Err(_) => (Vec::new(), Ended::Reset, false),
    };
    let verdict = trial.verdict(&received, ended, asked);
    // In pieces they would be the same ones.
    let breaches = match job.cut {
        Cut::Whole => trial.broken_laws(&received, ended),
        Cut::At(_) | Cut::Bytes => Vec::new(),
    };
    (job, Outcome { verdict, breaches, sent, received })
}

/// One case on one connection.
struct Talking<'a> {
    check: &'a Check,
    trial: &'a Trial,
    /// What is still to be done.
    left: VecDeque<Piece>,
    /// How much of the first of them is sent.
    sent: usize,
    received: Vec<u8>,
    /// How many answers the next wait is for.
    awaited: usize,
    asked: bool,
}

impl<'a> Talking<'a> {
    fn new(check: &'a Check, trial: &'a Trial, sending: Sending) -> Talking<'a> {
        let left = sending.pieces.into();
        Talking { check, trial, left, sent: 0, received: Vec::new(), awaited: 1, asked: false }
    }

    /// Sends and reads until enough is known: what came, how it ended, and whether it was asked to go on.
    async fn talk(mut self, stream: &Stream) -> (Vec<u8>, Ended, bool) {
        let ended = self.until_known(stream).await;
        (self.received, ended, self.asked)
    }

    async fn until_known(&mut self, stream: &Stream) -> Ended {
        loop {
            if let Some(ended) = self.advance(stream) {
                return ended;
            }
            self.received.reserve(READ_BYTES_MIN);
            let bytes: &[u8] = match self.left.front() {
                Some(Piece::Bytes(bytes)) => &bytes[self.sent..],
                _ => &[],
            };
            let silent_at = Instant::now() + self.check.wait;
            let slices = [IoSlice::new(bytes)];
            tokio::select! {
                written = stream.write_some(&slices), if !bytes.is_empty() => match written {
                    Ok(written) => {
                        self.sent += written;
                        // The other side gets a turn between two writes.
                        tokio::task::yield_now().await;
                    }
                    // It wants no more; what it said may still lie here.
                    Err(_) => self.left.clear(),
                },
                read = stream.read(&mut self.received) => match read {
                    Ok(0) => return Ended::Closed,
                    Ok(_) if self.received.len() > CHECK_ANSWERS_BYTES => return Ended::Silent,
                    Ok(_) => {}
                    Err(_) => return Ended::Reset,
                },
                () = tokio::time::sleep_until(silent_at) => return Ended::Silent,
            }
        }
    }

    /// Passes over what is done, and says whether all is known.
    fn advance(&mut self, stream: &Stream) -> Option<Ended> {
        loop {
            match self.left.front() {
                Some(Piece::Bytes(bytes)) if self.sent < bytes.len() => return None,
                Some(Piece::Bytes(_)) => self.sent = 0,
                Some(Piece::Wait) if self.trial.answers(&self.received) < self.awaited => {
                    return None;
                }
                Some(Piece::Wait) => self.awaited += 1,
                Some(Piece::End) => {
                    // Who has closed already is not told again.
                    let _ = stream.shutdown_write();
                }
                None => match self.trial.next(&self.received, self.asked) {
                    Next::Read => return None,
                    Next::Done => return Some(Ended::Open),
                    Next::Ask => {
                        self.asked = true;
                        let Subject { authority, path, .. } = self.trial.subject();
                        let question = Subject::question(authority, path);
                        self.left.push_back(Piece::Bytes(question));
                        continue;
                    }
                },
            }
            self.left.pop_front();
        }
    }
}

/// A law is told once, with the first case that broke it, whichever was done first.
fn note(
    breaches: &mut Vec<Breach>,
    (law, what): &(&'static Law, String),
    (n, case): (usize, &'static Case),
    outcome: &Outcome,
) {
    let (sent, received) = (outcome.sent.clone(), outcome.received.clone());
    let mut new = Breach { law, case, what: what.clone(), sent, received, count: 1, n };
    match breaches.iter_mut().find(|breach| breach.law.id == law.id) {
        None => breaches.push(new),
        Some(breach) if breach.n <= n => breach.count += 1,
        Some(breach) => {
            new.count += breach.count;
            *breach = new;
        }
    }
}
