//! The side that sends: the thread that walks, reads and hashes, and what goes on around it.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use framecat_proto::limits::{LINGER_TIME, TRANSFER_TEXT_BYTES, TRANSFER_UNSENT_BYTES};
use framecat_proto::transfer::Sizes;
use framecat_proto::transfer::error::TransferError;
use framecat_proto::transfer::record::{Carries, Entry, EntryKind, Totals};
use framecat_proto::transfer::sender::{self, Effect, Fact, Outcome, Sender};
use framecat_proto::transfer::why::{Cause as WhyCause, Why};
use rustix::fs::Advice;
use rustix::io::Errno;
use tokio::sync::oneshot;

use super::Source;
use super::feed::{self, Fed, Feed};
use super::pace::Pace;
use super::pump::{self, Desk, Turn};
use super::walk::{self, Finder, Found, Place, Step, Walk};
use crate::conn::Stream;
use crate::error::{Cause, Error, Op};
use crate::event::{Event, Moving, Observer, Transferred};
use crate::talk::{End, Shutdown};

/// So much is looked at before it is seen whether anything else is to be done.
const STEPS: usize = 64;

/// So much is read before that.
const READ_BYTES: usize = 512 << 10;

/// What a text is called.
const TEXT: &str = "text";

/// What a worker that waits for nothing but the other side waits for.
const LONG: Duration = Duration::from_secs(3_600);

/// A source that was looked at.
#[derive(Debug)]
pub(crate) enum Ready {
    /// Files and folders; with links as such.
    Paths(Vec<walk::Named>, bool),
    /// A stream.
    Stream { stream: Stream, name: String },
    /// A text.
    Text(String),
}

impl Ready {
    /// Looks at what is to be sent, before anybody is dialled.
    ///
    /// # Errors
    /// What cannot be sent: [`Cause::Address`].
    pub(crate) fn new(source: Source, links: bool) -> Result<Ready, Error> {
        Ok(match source {
            Source::Paths(paths) => Ready::Paths(walk::named(&paths)?, links),
            Source::Stream { stream, name } => Ready::Stream { stream, name },
            Source::Text(text) if text.len() as u64 > TRANSFER_TEXT_BYTES => {
                let problem = format!("it has {} bytes, and 1 MiB is the most", text.len());
                let remedy = "send it as a file, or as a stream: `framecat send -`".into();
                let cause = Cause::Address { problem, remedy };
                return Err(Error { op: Op::Open, endpoint: "the text".into(), cause });
            }
            Source::Text(text) => Ready::Text(text),
        })
    }
}

/// What a worker is told by its own side.
#[derive(Debug)]
pub(super) enum Told {
    /// Somebody ends it.
    Cancel,
    /// Of the stream that is sent.
    Fed(Fed),
}

/// Sends over a connection on which both sides know each other.
///
/// # Errors
/// [`Cause::Transfer`]; what the kernel says of a connection that broke.
pub(crate) async fn drive(
    stream: Stream,
    ready: Ready,
    observer: Arc<dyn Observer>,
    mut shutdown: Shutdown,
) -> Result<End, Error> {
    let peer = stream.peer().to_owned();
    let (desk, tell, moving) = pump::open::<Told>(stream);
    let (supply, feeding) = match ready {
        Ready::Paths(named, links) => {
            (Supply::Files(Box::new(Files::new(Walk::new(named, links)))), None)
        }
        Ready::Text(text) => (Supply::Text(text), None),
        Ready::Stream { stream, name } => {
            let (feed, feeding) = feed::open(stream, tell.clone());
            (Supply::Stream(feed, name), Some(feeding))
        }
    };
    let (answer, mut answered) = oneshot::channel();
    let worker = std::thread::Builder::new().name("framecat-send".into());
    let begun = worker.spawn({
        let peer = peer.clone();
        move || drop(answer.send(Worker::new(desk, supply, peer, observer).work()))
    });
    let worker = begun.map_err(|error| Error::io(Op::Send, &peer, error))?;
    let mut moving = pin!(moving);
    let mut feeding = pin!(async move {
        if let Some(feeding) = feeding {
            feeding.await;
        }
        std::future::pending::<()>().await;
    });
    let (mut moved, mut asked, mut ended) = (false, false, None);
    while !moved || ended.is_none() {
        tokio::select! {
            () = &mut moving, if !moved => moved = true,
            result = &mut answered, if ended.is_none() => ended = Some(result),
            () = &mut feeding, if ended.is_none() => {}
            () = shutdown.requested(), if !asked => {
                asked = true;
                let _ = tell.send(Turn::Told(Told::Cancel));
            }
        }
    }
    match ended {
        Some(Ok(end)) => end,
        // It panicked, and so do we.
        _ => match worker.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(()) => Ok(End::Interrupted),
        },
    }
}

/// Where content comes from.
enum Supply {
    Files(Box<Files>),
    Stream(Feed, String),
    Text(String),
}

impl Supply {
    fn carries(&self) -> Carries {
        match self {
            Supply::Files(_) => Carries::Files,
            Supply::Stream(..) => Carries::Stream,
            Supply::Text(_) => Carries::Text,
        }
    }
}

/// Files, and what is open of them.
struct Files {
    walk: Walk,
    walked: bool,
    finder: Finder,
    open: Option<OwnedFd>,
}

impl Files {
    fn new(walk: Walk) -> Files {
        Files { walk, walked: false, finder: Finder::default(), open: None }
    }
}

/// Something that was offered and of which it is not known yet what becomes of it.
#[derive(Debug)]
struct Item {
    /// None: it is the one that is no file.
    place: Option<Place>,
    size: u64,
    /// How much of it was read and is on its way, or is there.
    moved: u64,
}

impl Item {
    /// It is of another size than was known.
    fn resize(&mut self, size: u64, moving: &mut Moving) {
        moving.of = moving.of.wrapping_sub(self.size).wrapping_add(size);
        self.size = size;
    }
}

/// The thread's own. Sizes that files claim are added up as they are: a few sparse ones are more than 2^64.
struct Worker {
    desk: Desk<Told>,
    sender: Sender,
    supply: Supply,
    items: BTreeMap<u32, Item>,
    /// Of the stream so much is waited for.
    thirsty: Option<(u32, u32)>,
    peer: String,
    observer: Arc<dyn Observer>,
    pace: Pace,
    moving: Moving,
    sums: Sums,
    /// When the answer came.
    accepted: Option<Instant>,
    /// Why it is over.
    over: Option<TransferError>,
    /// Nothing that is said arrives, since then.
    deaf: Option<(std::io::Error, Instant)>,
    broken: Option<std::io::Error>,
    cancelled: bool,
}

/// What became of what was offered.
#[derive(Debug, Default)]
struct Sums {
    committed: u64,
    had: u64,
    skipped: u64,
    failed: u64,
    bytes: u64,
}

impl Worker {
    fn new(desk: Desk<Told>, supply: Supply, peer: String, observer: Arc<dyn Observer>) -> Worker {
        let carries = supply.carries();
        Worker {
            desk,
            sender: Sender::new(carries, Sizes::default()),
            supply,
            items: BTreeMap::new(),
            thirsty: None,
            peer,
            observer,
            pace: Pace::new(Instant::now()),
            moving: Moving { more: true, ..Moving::default() },
            sums: Sums::default(),
            accepted: None,
            over: None,
            deaf: None,
            broken: None,
            cancelled: false,
        }
    }

    fn work(mut self) -> Result<End, Error> {
        self.offer_single();
        loop {
            let walked = self.walk();
            let worked = self.act();
            self.speak();
            if let Some(end) = self.end() {
                return end;
            }
            let mut turn = match walked || worked {
                true => self.desk.turn(None),
                false => self.desk.turn(Some(self.rests())),
            };
            while let Some(told) = turn {
                self.hear(told);
                turn = self.desk.turn(None);
            }
            self.progress();
        }
    }

    fn rests(&self) -> Duration {
        let now = Instant::now();
        let rest = self.pace.rests(self.moving, now).unwrap_or(LONG);
        match &self.deaf {
            Some((_, since)) => rest.min(LINGER_TIME.saturating_sub(now.duration_since(*since))),
            None => rest,
        }
    }

    /// Offers what is no file.
    fn offer_single(&mut self) {
        let (name, size) = match &self.supply {
            Supply::Files(_) => return,
            Supply::Stream(_, name) => (name.clone(), 0),
            Supply::Text(text) => (TEXT.into(), text.len() as u64),
        };
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let entry = Entry {
            path: vec![name.clone().into_bytes()],
            kind: EntryKind::Stream,
            size: 0,
            mtime: i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
            mode: 0o666,
            target: Vec::new(),
        };
        let number = match self.sender.offer(entry, sender::Stat::default()) {
            Ok(number) => number,
            Err(why) => return self.left_out(&name, &why, true),
        };
        self.items.insert(number, Item { place: None, size, moved: 0 });
        self.moving.of = self.moving.of.wrapping_add(size);
        self.moving.of_entries += 1;
        // A stream has more until it ends.
        self.moving.more = matches!(self.supply, Supply::Stream(..));
        self.sender.walk_done();
        self.observer.event(Event::Offered { count: 1, bytes: size });
    }

    /// Offers some of what there is. Whether there may be more at once.
    fn walk(&mut self) -> bool {
        for _ in 0..STEPS {
            let Supply::Files(files) = &mut self.supply else { return false };
            if files.walked || !self.sender.can_offer() {
                return false;
            }
            match files.walk.step() {
                Step::Nothing => {}
                Step::LeftOut { path, why, missing } => self.left_out(&path, &why, missing),
                Step::Found(found) => self.offer(found),
                Step::Done => {
                    files.walked = true;
                    self.sender.walk_done();
                    self.moving.more = false;
                    let Moving { of: bytes, of_entries: count, .. } = self.moving;
                    self.observer.event(Event::Offered { count, bytes });
                }
            }
        }
        true
    }

    fn offer(&mut self, found: Found) {
        let Found { entry, stat, place } = found;
        let (kind, size) = (entry.kind, entry.size);
        match self.sender.offer(entry, stat) {
            Ok(number) => {
                self.items.insert(number, Item { place: Some(place), size, moved: 0 });
                self.moving.of = self.moving.of.wrapping_add(size);
                self.moving.of_entries += 1;
            }
            Err(why) => {
                if let (Supply::Files(files), EntryKind::Folder) = (&mut self.supply, kind) {
                    files.walk.pass_over();
                }
                self.left_out(&place.typed(), &why, true);
            }
        }
    }

    fn left_out(&mut self, path: &str, why: &Why, missing: bool) {
        if missing {
            self.sender.left_out();
        }
        self.observer.event(Event::LeftOut { path, why, missing });
    }

    /// Does some of what the sender wants done. Whether there may be more at once.
    fn act(&mut self) -> bool {
        let mut read = 0;
        for _ in 0..STEPS {
            let Some(effect) = self.sender.poll_effect() else { return false };
            let fact = match effect {
                Effect::Resolved { entry, outcome } => {
                    self.resolved(entry, &outcome);
                    continue;
                }
                Effect::Open { entry } => self.open(entry),
                Effect::Close { .. } => self.close(),
                Effect::ReadWhole { entry, size } => self.read_whole(entry, size),
                Effect::Read { entry, offset, len } => {
                    let Some(fact) = self.read(entry, offset, len) else { return false };
                    fact
                }
            };
            if let Fact::Bytes(bytes) | Fact::Whole(_, bytes, _) = &fact {
                read += bytes.len();
            }
            self.sender.handle_fact(fact);
            if read >= READ_BYTES {
                break;
            }
        }
        true
    }

    fn open(&mut self, entry: u32) -> Fact {
        let Supply::Files(files) = &mut self.supply else { return lost() };
        // The other side may have said meanwhile that it does not want it.
        let Some(item) = self.items.get_mut(&entry) else { return unwanted() };
        let Some(place) = &item.place else { return lost() };
        self.moving.bytes = self.moving.bytes.wrapping_sub(std::mem::take(&mut item.moved));
        match files.finder.open(place) {
            Ok((fd, stat)) => {
                let stat = walk::stat_of(&stat);
                item.resize(stat.size, &mut self.moving);
                // Whatever it says: it only goes faster so.
                let _ = rustix::fs::fadvise(&fd, 0, None, Advice::Sequential);
                files.open = Some(fd);
                Fact::Opened(stat)
            }
            Err(why) => Fact::Failed(why),
        }
    }

    fn close(&mut self) -> Fact {
        let Supply::Files(files) = &mut self.supply else {
            return Fact::Closed(sender::Stat::default());
        };
        let Some(fd) = files.open.take() else { return lost() };
        match rustix::fs::fstat(&fd) {
            Ok(stat) => Fact::Closed(walk::stat_of(&stat)),
            Err(error) => Fact::Failed(walk::unreadable(error)),
        }
    }

    /// `None`: it is not there yet.
    fn read(&mut self, entry: u32, offset: u64, len: u32) -> Option<Fact> {
        let bytes = match &mut self.supply {
            Supply::Files(files) => match &files.open {
                Some(fd) => {
                    let buffer = self.desk.spent().unwrap_or_default();
                    read_at(fd, offset, len as usize, buffer).map_err(walk::unreadable)
                }
                None => return Some(lost()),
            },
            Supply::Text(text) => {
                let from = usize::try_from(offset).unwrap_or(usize::MAX).min(text.len());
                let to = from.saturating_add(len as usize).min(text.len());
                Ok(text.as_bytes()[from..to].to_vec())
            }
            Supply::Stream(feed, _) => match feed.take(len as usize) {
                Some(fed) => fed.map_err(|error| unfed(&error)),
                None => {
                    self.thirsty = Some((entry, len));
                    return None;
                }
            },
        };
        Some(match bytes {
            Ok(bytes) => {
                self.moved(entry, bytes.len() as u64);
                Fact::Bytes(bytes)
            }
            Err(why) => {
                if let Supply::Files(files) = &mut self.supply {
                    files.open = None;
                }
                Fact::Failed(why)
            }
        })
    }

    fn moved(&mut self, entry: u32, bytes: u64) {
        self.moving.bytes = self.moving.bytes.wrapping_add(bytes);
        if let Some(item) = self.items.get_mut(&entry) {
            item.moved += bytes;
        }
    }

    fn read_whole(&mut self, entry: u32, size: u32) -> Fact {
        let Supply::Files(files) = &mut self.supply else { return lost() };
        let Some(item) = self.items.get_mut(&entry) else { return unwanted() };
        let Some(place) = &item.place else { return lost() };
        self.moving.bytes = self.moving.bytes.wrapping_sub(std::mem::take(&mut item.moved));
        let (fd, before) = match files.finder.open(place) {
            Ok(opened) => opened,
            Err(why) => return Fact::Failed(why),
        };
        let before = walk::stat_of(&before);
        // What it is too long or too short by is seen by its size, before or after.
        let len = before.size.min(u64::from(size)) as usize;
        let bytes = match read_at(&fd, 0, len.max(1), Vec::new()) {
            Ok(bytes) => bytes,
            Err(error) => return Fact::Failed(walk::unreadable(error)),
        };
        let after = match rustix::fs::fstat(&fd) {
            Ok(stat) => walk::stat_of(&stat),
            Err(error) => return Fact::Failed(walk::unreadable(error)),
        };
        if before == after && before.size == 0 && !bytes.is_empty() {
            // The kernel makes it up as it is read (proc(5)).
            let says = "it has no size until it is read; `framecat send - < FILE` sends it";
            return Fact::Failed(Why::new(WhyCause::Unreadable, says));
        }
        item.resize(after.size, &mut self.moving);
        self.moved(entry, bytes.len() as u64);
        Fact::Whole(before, bytes, after)
    }

    fn resolved(&mut self, entry: u32, outcome: &Outcome) {
        let Some(mut item) = self.items.remove(&entry) else { return };
        if let Supply::Stream(..) = self.supply {
            // It is as long as it was found to be.
            item.resize(item.moved, &mut self.moving);
            self.moving.more = false;
        }
        self.moving.entries += 1;
        let count = match outcome {
            Outcome::Committed => &mut self.sums.committed,
            Outcome::Had => &mut self.sums.had,
            Outcome::Skipped(_) => &mut self.sums.skipped,
            Outcome::Failed(_) => &mut self.sums.failed,
        };
        *count += 1;
        let is_there = matches!(outcome, Outcome::Committed | Outcome::Had);
        let there = if is_there { item.size } else { 0 };
        self.moving.bytes = self.moving.bytes.wrapping_sub(item.moved).wrapping_add(there);
        self.moving.of = self.moving.of.wrapping_sub(item.size - there);
        self.sums.bytes = self.sums.bytes.wrapping_add(there);
        if self.thirsty.take_if(|waiting| waiting.0 == entry).is_some() {
            // Nobody waits for what the stream may still give.
            self.sender.handle_fact(Fact::Bytes(Vec::new()));
        }
        let name = match (&item.place, &self.supply) {
            (Some(place), _) => place.offered(),
            (None, Supply::Stream(_, name)) => name.clone(),
            (None, _) => TEXT.into(),
        };
        self.observer.event(Event::File { name: &name, bytes: item.size, outcome });
    }

    /// Has said what is due, while little is unsent.
    fn speak(&mut self) {
        if self.desk.unsent() < TRANSFER_UNSENT_BYTES {
            self.say_all();
        }
    }

    fn say_all(&mut self) {
        for piece in self.sender.poll_pieces() {
            self.desk.say(piece);
        }
    }

    fn hear(&mut self, turn: Turn<Told>) {
        match turn {
            Turn::Came(bytes) => {
                if self.over.is_none() {
                    self.over = self.sender.handle_input(&bytes).err();
                }
                self.desk.give_back(bytes);
                if self.accepted.is_none() && self.sender.is_accepted() {
                    self.accepted = Some(Instant::now());
                }
            }
            Turn::Sent(_) => {}
            Turn::Ended(error) => {
                if self.over.is_none() {
                    self.over = self.sender.handle_end().err();
                    self.broken = error;
                }
            }
            Turn::Deaf(error) => {
                self.deaf.get_or_insert((error, Instant::now()));
            }
            Turn::Told(Told::Cancel) => {
                if self.over.is_none() && !self.sender.is_done() {
                    self.cancelled = true;
                    self.sender.cancel(WhyCause::Cancelled.into());
                    self.over = self.sender.handle_input(&[]).err();
                }
            }
            Turn::Told(Told::Fed(fed)) => self.fed(fed),
        }
    }

    fn fed(&mut self, fed: Fed) {
        let Supply::Stream(feed, _) = &mut self.supply else { return };
        feed.put(fed);
        if let Some((entry, len)) = self.thirsty.take()
            && let Some(fact) = self.read(entry, 0, len)
        {
            self.sender.handle_fact(fact);
        }
    }

    fn progress(&mut self) {
        let now = Instant::now();
        let crossed = self.sender.totals().bytes;
        if let Some(moving) = self.pace.tell(self.moving, crossed, now) {
            self.observer.event(Event::Moving(moving));
        }
    }

    /// How it ended, if it did.
    fn end(&mut self) -> Option<Result<End, Error>> {
        if self.sender.is_done() {
            return Some(Ok(self.done()));
        }
        if let Some((_, since)) = &self.deaf
            && self.over.is_none()
            && since.elapsed() >= LINGER_TIME
        {
            self.over = self.sender.handle_end().err();
        }
        let over = self.over.take()?;
        // The last words, however much is unsent.
        self.say_all();
        if self.cancelled {
            return Some(Ok(End::Interrupted));
        }
        let broke = self.deaf.take().map(|(error, _)| error).or(self.broken.take());
        Some(Err(pump::broken(Op::Send, &self.peer, over, broke)))
    }

    /// Both sides have said that all is done.
    fn done(&mut self) -> End {
        // The last ones may have come all at once, with the word that all is done.
        while let Some(effect) = self.sender.poll_effect() {
            if let Effect::Resolved { entry, outcome } = effect {
                self.resolved(entry, &outcome);
            }
        }
        self.say_all();
        // What became of the last of them.
        while let Some(effect) = self.sender.poll_effect() {
            if let Effect::Resolved { entry, outcome } = effect {
                self.resolved(entry, &outcome);
            }
        }
        let Sums { committed, had, skipped, failed, bytes } = self.sums;
        let Totals { missing, left_out, bytes: moved, .. } = self.sender.totals();
        self.observer.event(Event::Transferred(Transferred {
            carries: self.supply.carries(),
            committed,
            had,
            skipped,
            failed: failed + left_out,
            moved,
            bytes,
            took: self.accepted.map(|since| since.elapsed()).unwrap_or_default(),
        }));
        match missing + left_out {
            0 => End::Done,
            _ => End::Partly,
        }
    }
}

fn unwanted() -> Fact {
    Fact::Failed(WhyCause::Cancelled.into())
}

/// What nobody could have asked for.
fn lost() -> Fact {
    debug_assert!(false, "what is not there was asked for");
    Fact::Failed(WhyCause::Unreadable.into())
}

fn unfed(error: &std::io::Error) -> Why {
    Why::new(WhyCause::Unreadable, &crate::error::plain(error))
}

/// Up to `len` bytes from `offset` on; fewer only at the end. What is in `bytes` does not count.
fn read_at(fd: &OwnedFd, offset: u64, len: usize, mut bytes: Vec<u8>) -> Result<Vec<u8>, Errno> {
    bytes.resize(len, 0);
    let mut read = 0;
    while read < len {
        match rustix::io::pread(fd, &mut bytes[read..], offset + read as u64) {
            Ok(0) => break,
            Ok(n) => read += n,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(read);
    Ok(bytes)
}
