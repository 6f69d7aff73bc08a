//! The side that receives: the thread that hashes and writes, and what goes on around it.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::pin::pin;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use framecat_proto::limits::{TRANSFER_NAMES_SHOWN, TRANSFER_SYNC_TIME, TRANSFER_UNSENT_BYTES};
use framecat_proto::transfer::Outcome;
use framecat_proto::transfer::error::TransferError;
use framecat_proto::transfer::receiver::{Effect, Fact, Receiver, Rules, Summary, To};
use framecat_proto::transfer::record::Carries;
use framecat_proto::transfer::why::{Cause as WhyCause, Why};
use tokio::sync::{mpsc as queue, oneshot};

use super::pace::Pace;
use super::pump::{self, Desk, Turn};
use super::show::{self, Show};
use super::store::{self, Act, Job, Report, Store};
use super::{Consent, Offer, Offered, Question};
use crate::conn::Stream;
use crate::disk::Folder;
use crate::error::{Cause, Error, Op};
use crate::event::{Event, Moving, Observer, Transferred};
use crate::talk::{End, Shutdown};

/// What a worker that waits for nothing but the other side waits for.
const LONG: Duration = Duration::from_secs(3_600);

/// What a worker is told by its own side.
#[derive(Debug)]
pub(super) enum Told {
    /// Somebody ends it.
    Cancel,
    /// The person has answered.
    Answer(bool),
    /// A job is done.
    Report(Report),
    /// Of what was to be shown the next is.
    Shown(u32),
    /// It cannot be.
    Unshown(io::Error),
}

/// Receives over a connection on which both sides know each other, into a folder, or with `None` to `stdout`.
///
/// # Errors
/// [`Cause::Transfer`]; what the kernel says of a connection that broke, or of stdout.
pub(crate) async fn drive(
    stream: Stream,
    into: Option<Folder>,
    rules: Rules,
    consent: Consent,
    stdout: Stream,
    observer: Arc<dyn Observer>,
    mut shutdown: Shutdown,
) -> Result<End, Error> {
    let peer = stream.peer().to_owned();
    let to = if into.is_some() { To::Folder } else { To::Stream };
    let mut rules = Rules { to, ask: !matches!(consent, Consent::Given), ..rules };
    rules.taste.folds |= into.as_ref().is_some_and(Folder::folds);
    let (desk, tell, moving) = pump::open::<Told>(stream);
    let (show, showing) = show::open(stdout, tell.clone());
    let (wonder, mut wondered) = queue::unbounded_channel::<oneshot::Receiver<bool>>();
    let (result, mut ended) = oneshot::channel();
    let jobs = Jobs { tell: tell.clone(), line: None };
    let store = into.map(|root| Store::new(root, rules.durable, rules.conflict));
    let receiver = Receiver::new(rules);
    let worker = std::thread::Builder::new().name("framecat-receive".into());
    let begun = worker.spawn({
        let peer = peer.clone();
        move || {
            let worker = Worker {
                receiver,
                store,
                desk,
                jobs,
                show,
                wonder,
                consent,
                observer,
                peer,
                came: VecDeque::new(),
                lent: Vec::new(),
                ended: None,
                deaf: None,
                busy: HashMap::new(),
                placing: false,
                text: Vec::new(),
                names: HashMap::new(),
                sums: Sums::default(),
                weighed: false,
                pace: Pace::new(Instant::now()),
                clock: Instant::now(),
                over: None,
            };
            let _ = result.send(worker.work());
        }
    });
    let worker = begun.map_err(|error| Error::io(Op::Receive, &peer, error))?;
    let _leaving = Leaving(tell.clone());
    let mut moving = pin!(moving);
    let mut showing = pin!(async move {
        showing.await;
        std::future::pending::<()>().await;
    });
    let answers = tell.clone();
    let mut answering = pin!(async move {
        while let Some(answer) = wondered.recv().await {
            let yes = answer.await.unwrap_or(false);
            let _ = answers.send(Turn::Told(Told::Answer(yes)));
        }
        std::future::pending::<()>().await;
    });
    let (mut moved, mut asked, mut end) = (false, false, None);
    while !moved || end.is_none() {
        tokio::select! {
            () = &mut moving, if !moved => moved = true,
            result = &mut ended, if end.is_none() => end = Some(result),
            () = &mut showing, if end.is_none() => {}
            () = &mut answering, if end.is_none() => {}
            () = shutdown.requested(), if !asked => {
                asked = true;
                let _ = tell.send(Turn::Told(Told::Cancel));
            }
        }
    }
    match end {
        Some(Ok(end)) => end,
        // It panicked, and so do we.
        _ => match worker.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(()) => Ok(End::Interrupted),
        },
    }
}

/// Ends a worker whose transfer was dropped.
struct Leaving(mpsc::Sender<Turn<Told>>);

impl Drop for Leaving {
    fn drop(&mut self) {
        let _ = self.0.send(Turn::Told(Told::Cancel));
    }
}

/// The thread for what takes long, from when there is something for it.
struct Jobs {
    tell: mpsc::Sender<Turn<Told>>,
    line: Option<(mpsc::Sender<Job>, std::thread::JoinHandle<()>)>,
}

impl Jobs {
    fn give(&mut self, job: Job) {
        if self.line.is_none() {
            let (give, line) = mpsc::channel::<Job>();
            let tell = self.tell.clone();
            let thread =
                std::thread::Builder::new().name("framecat-sync".into()).spawn(move || {
                    for job in line {
                        let report = job();
                        if tell.send(Turn::Told(Told::Report(report))).is_err() {
                            return;
                        }
                    }
                });
            match thread {
                Ok(thread) => self.line = Some((give, thread)),
                // Then it is done here.
                Err(_) => {
                    let _ = self.tell.send(Turn::Told(Told::Report(job())));
                    return;
                }
            }
        }
        if let Some((line, _)) = &self.line {
            let _ = line.send(job);
        }
    }

    /// Waits for what it is at: until then it has files open, and locked.
    fn end(self) {
        if let Some((line, thread)) = self.line {
            drop(line);
            let _ = thread.join();
        }
    }
}

/// What it came to.
#[derive(Debug, Default)]
struct Sums {
    began: Option<Instant>,
    committed: u64,
    had: u64,
    skipped: u64,
    failed: u64,
    /// Of all that is there now.
    bytes: u64,
    /// Of what is offered those that need not come.
    spared: u64,
}

struct Worker {
    receiver: Receiver,
    store: Option<Store>,
    desk: Desk<Told>,
    jobs: Jobs,
    show: show::Desk,
    wonder: queue::UnboundedSender<oneshot::Receiver<bool>>,
    consent: Consent,
    observer: Arc<dyn Observer>,
    peer: String,
    /// What came of the other side, and how far it was taken.
    came: VecDeque<(Arc<Vec<u8>>, usize)>,
    /// Taken, and some of it not written yet.
    lent: Vec<Arc<Vec<u8>>>,
    /// That it ended is heard behind that.
    ended: Option<Option<io::Error>>,
    deaf: Option<io::Error>,
    /// Entries of which a job has something, and what is to be done for them behind it.
    busy: HashMap<u32, VecDeque<Effect>>,
    /// One of the jobs names small files.
    placing: bool,
    /// A text that is coming.
    text: Vec<u8>,
    /// What streams became, where that has another name than they came with.
    names: HashMap<u32, String>,
    sums: Sums,
    /// It was seen whether there is room for all of it.
    weighed: bool,
    pace: Pace,
    clock: Instant,
    over: Option<Result<End, Error>>,
}

impl Worker {
    fn work(mut self) -> Result<End, Error> {
        loop {
            self.go_on();
            if let Some(end) = self.over.take() {
                self.leave();
                return end;
            }
            let wait = if self.sums.began.is_some() { TRANSFER_SYNC_TIME / 5 } else { LONG };
            let rests = self.pace.rests(self.moving(), self.clock).unwrap_or(wait);
            if let Some(turn) = self.desk.turn(Some(rests.min(wait))) {
                self.hear(turn);
            }
            let now = Instant::now();
            self.receiver.handle_time(now.duration_since(self.clock));
            self.clock = now;
            let crossed = self.receiver.totals().bytes;
            if let Some(moving) = self.pace.tell(self.moving(), crossed, now) {
                self.observer.event(Event::Moving(moving));
            }
        }
    }

    /// How far it is, from the answer on.
    fn moving(&self) -> Moving {
        if self.sums.began.is_none() {
            return Moving::default();
        }
        let offered = self.receiver.summary();
        let Sums { committed, had, skipped, failed, spared, .. } = self.sums;
        Moving {
            bytes: self.receiver.totals().bytes.saturating_add(spared),
            of: offered.bytes,
            entries: committed + had + skipped + failed,
            of_entries: offered.count,
            more: offered.more,
            rate: 0,
        }
    }

    /// Closes what is open, so that another one can go on with it.
    fn leave(mut self) {
        if let Some(store) = &self.store {
            store.stop();
        }
        while let Some(effect) = self.receiver.poll_effect() {
            if let Effect::Close { .. } = effect {
                self.act(effect);
            }
        }
        self.jobs.end();
    }

    /// Takes what came and does what is to be done, until nothing is left of either.
    fn go_on(&mut self) {
        loop {
            self.weigh();
            let mut rests = true;
            while self.over.is_none() {
                let Some(effect) = self.receiver.poll_effect() else { break };
                rests = false;
                self.meet(effect);
            }
            self.place(true);
            self.give_back();
            self.say();
            if self.over.is_some() {
                return;
            }
            if self.receiver.is_done() {
                return self.done();
            }
            rests &= !self.take();
            if rests {
                return;
            }
        }
    }

    /// Gives back what is wholly written.
    fn give_back(&mut self) {
        for buffer in std::mem::take(&mut self.lent) {
            match Arc::try_unwrap(buffer) {
                Ok(buffer) => self.desk.give_back(buffer),
                Err(buffer) => self.lent.push(buffer),
            }
        }
    }

    /// Says what is to be said, while the network takes it.
    fn say(&mut self) {
        while self.deaf.is_some() || self.desk.unsent() < TRANSFER_UNSENT_BYTES {
            let out = self.receiver.poll_output();
            if out.is_empty() {
                return;
            }
            self.desk.say(out);
        }
    }

    /// Takes some of what came; whether anything of it was taken.
    fn take(&mut self) -> bool {
        let Some((buffer, at)) = self.came.front_mut() else { return self.take_end() };
        let taken = match self.receiver.handle_buffer(buffer, *at) {
            Ok(taken) => taken,
            Err(error) => {
                self.fail(Cause::Transfer(error));
                return true;
            }
        };
        *at += taken;
        if *at == buffer.len()
            && let Some((buffer, _)) = self.came.pop_front()
        {
            self.lent.push(buffer);
        }
        taken > 0
    }

    fn take_end(&mut self) -> bool {
        let Some(broke) = self.ended.take() else { return false };
        match self.receiver.handle_end() {
            Ok(()) => {}
            Err(error) => {
                let broke = broke.or(self.deaf.take());
                self.desk.say(self.receiver.poll_output());
                self.over = Some(Err(pump::broken(Op::Receive, &self.peer, error, broke)));
            }
        }
        true
    }

    /// It is over, and the other side may have to be told why.
    fn fail(&mut self, cause: Cause) {
        self.desk.say(self.receiver.poll_output());
        let endpoint = self.peer.clone();
        self.over = Some(Err(Error { op: Op::Receive, endpoint, cause }));
    }

    /// Ends it here.
    fn cancel(&mut self, why: Why) {
        self.receiver.cancel(why.clone());
        self.fail(Cause::Transfer(TransferError::Ended(why)));
    }

    fn refuse(&mut self, why: Why) {
        self.receiver.refuse(why.clone());
        self.fail(Cause::Transfer(TransferError::Ended(why)));
    }

    fn done(&mut self) {
        let totals = self.receiver.totals();
        let Sums { began, committed, had, skipped, failed, bytes, .. } = self.sums;
        self.observer.event(Event::Transferred(Transferred {
            carries: self.receiver.summary().carries,
            committed,
            had,
            skipped,
            failed: failed.saturating_add(totals.left_out),
            moved: totals.bytes,
            bytes,
            took: began.map(|began| began.elapsed()).unwrap_or_default(),
        }));
        let partly = totals.missing > 0 || totals.left_out > 0;
        self.over = Some(Ok(if partly { End::Partly } else { End::Done }));
    }

    fn hear(&mut self, turn: Turn<Told>) {
        match turn {
            Turn::Came(buffer) => {
                if matches!(self.consent, Consent::Given) {
                    self.sums.began.get_or_insert_with(Instant::now);
                }
                self.came.push_back((Arc::new(buffer), 0));
            }
            Turn::Sent(_) => {}
            Turn::Ended(error) => self.ended = Some(error),
            Turn::Deaf(error) => self.deaf = Some(error),
            Turn::Told(Told::Answer(true)) => {
                self.sums.began = Some(Instant::now());
                self.weighed = true;
                self.receiver.accept();
            }
            Turn::Told(Told::Answer(false)) => self.refuse(WhyCause::Declined.into()),
            Turn::Told(Told::Cancel) => {
                self.cancel(WhyCause::Cancelled.into());
                self.over = Some(Ok(End::Interrupted));
            }
            Turn::Told(Told::Report(report)) => self.report(report),
            Turn::Told(Told::Shown(entry)) => self.receiver.handle_fact(entry, Fact::Done),
            Turn::Told(Told::Unshown(error)) => self.unshown(error),
        }
    }

    /// Stdout takes no more.
    fn unshown(&mut self, error: io::Error) {
        let error = Error::io(Op::Write, "stdout", error);
        if show::has_left(&error) {
            self.cancel(WhyCause::Cancelled.into());
            self.over = Some(Ok(End::Done));
        } else if self.over.is_none() {
            if let Cause::Io(error) = &error.cause {
                self.cancel(store::why(error));
            }
            self.over = Some(Err(error));
        }
    }

    /// An effect, when what is done for its entry is.
    fn meet(&mut self, effect: Effect) {
        let line = effect.entry().and_then(|entry| self.busy.get_mut(&entry));
        match line {
            Some(line) => line.push_back(effect),
            None => self.act(effect),
        }
    }

    fn act(&mut self, effect: Effect) {
        let effect = match effect {
            Effect::Ask(summary) => return self.ask(summary),
            Effect::Resolved { entry, name, bytes, outcome } => {
                return self.resolved(entry, &name, bytes, &outcome);
            }
            effect => effect,
        };
        let shown = self.receiver.summary().carries == Carries::Text;
        let Some(store) = self.store.as_mut().filter(|_| !shown) else {
            return self.flow(effect);
        };
        let entry = effect.entry();
        match store.act(effect) {
            Act::Done(report) => self.report(report),
            Act::Slow(job) => {
                if let Some(entry) = entry {
                    self.busy.insert(entry, VecDeque::new());
                }
                self.jobs.give(job);
            }
            Act::Aside(report, job) => {
                if let Some(job) = job {
                    self.jobs.give(job);
                }
                self.report(report);
            }
            Act::Together => {
                if let Some(entry) = entry {
                    self.busy.insert(entry, VecDeque::new());
                }
                self.place(false);
            }
            Act::Silent => {}
        }
        let swept = self.store.as_mut().map_or(0, Store::swept);
        if swept > 0 {
            self.observer.event(Event::Swept { count: swept });
        }
    }

    /// Small files that are to be synced: while one lot of them is, the next one grows; where that is full too, it
    /// is synced here, for each has a descriptor open.
    fn place(&mut self, all: bool) {
        let Some(store) = &mut self.store else { return };
        let Some(job) = store.together(all && !self.placing) else { return };
        if self.placing {
            let report = Report { placed: false, ..job() };
            return self.report(report);
        }
        self.placing = true;
        self.jobs.give(job);
    }

    fn report(&mut self, report: Report) {
        let Report { facts, name, folders, placed, kept } = report;
        self.sums.spared = self.sums.spared.saturating_add(kept);
        self.placing &= !placed;
        self.names.extend(name);
        if let Some(synced) = folders {
            self.receiver.handle_folders(synced);
        }
        for (entry, fact) in facts {
            let line = self.busy.remove(&entry);
            self.receiver.handle_fact(entry, fact);
            for effect in line.into_iter().flatten() {
                self.meet(effect);
            }
        }
    }

    /// What goes to stdout: a text when all of it is there and right, everything else as it comes.
    fn flow(&mut self, effect: Effect) {
        let text = self.receiver.summary().carries == Carries::Text;
        match effect {
            Effect::Write { entry, bytes, .. } if text => {
                self.text.extend_from_slice(&bytes);
                self.receiver.handle_fact(entry, Fact::Done);
            }
            Effect::Write { entry, bytes, .. } => self.show.give(entry, Show::Bytes(bytes)),
            Effect::Finish { entry, .. } => {
                let text = text.then(|| std::mem::take(&mut self.text));
                self.show.give(entry, Show::End(text));
            }
            Effect::Discard { entry, .. } => self.receiver.handle_fact(entry, Fact::Done),
            _ => {}
        }
    }

    fn resolved(&mut self, entry: u32, name: &str, bytes: u64, outcome: &Outcome) {
        let called = self.names.remove(&entry);
        let sum = match outcome {
            Outcome::Had => &mut self.sums.had,
            Outcome::Committed => &mut self.sums.committed,
            Outcome::Skipped(_) => &mut self.sums.skipped,
            Outcome::Failed(_) => &mut self.sums.failed,
        };
        *sum += 1;
        if let Outcome::Had | Outcome::Committed = outcome {
            self.sums.bytes = self.sums.bytes.saturating_add(bytes);
        }
        if let Outcome::Had | Outcome::Skipped(_) = outcome {
            self.sums.spared = self.sums.spared.saturating_add(bytes);
        }
        let name = called.as_deref().unwrap_or(name);
        self.observer.event(Event::File { name, bytes, outcome });
    }

    fn ask(&mut self, summary: Summary) {
        let Consent::Ask(asks) = &self.consent else {
            let nobody = Why::new(WhyCause::Declined, "nobody was there to be asked");
            return self.refuse(nobody);
        };
        let entries = self.receiver.offered().take(TRANSFER_NAMES_SHOWN);
        let entries = entries.map(|offered| Offered {
            path: offered.path.to_string(),
            kind: offered.kind,
            size: offered.size,
            mode: offered.mode,
            target: String::from_utf8_lossy(offered.target).into_owned(),
        });
        let entries = entries.collect();
        // Where it cannot be known, nothing is said of it.
        let room = self
            .store
            .as_mut()
            .and_then(|store| store.room(self.receiver.offered(), summary.bytes).ok());
        let (answer, answered) = oneshot::channel();
        let question = Question { offer: Offer { summary, entries, room }, answer };
        if asks.send(question).is_err() || self.wonder.send(answered).is_err() {
            self.refuse(WhyCause::Declined.into());
        }
    }

    /// Whether there is room for all that is offered, once that is known: nobody was asked.
    fn weigh(&mut self) {
        let summary = self.receiver.summary();
        if self.weighed || summary.more || !matches!(self.consent, Consent::Given) {
            return;
        }
        self.weighed = true;
        let Some(store) = &mut self.store else { return };
        let bytes = self.receiver.offered().fold(0u64, |sum, it| sum.saturating_add(it.size));
        if let Ok(room) = store.room(self.receiver.offered(), bytes)
            && room < bytes
        {
            let says = format!("{bytes} bytes are to come, and there is room for {room}");
            self.cancel(Why::new(WhyCause::Full, &says));
        }
    }
}
