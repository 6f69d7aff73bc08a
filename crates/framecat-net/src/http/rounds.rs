//! A loop of the server: one thread, one epoll(7), and the connections that it took in.
//!
//! A round is: wait; **hear** all who have something to say; then **answer** them. Whatever is looked up
//! while answering was looked up after every request of the round had arrived, so one look at a file
//! is fresh for all of them: sixty busy clients share an openat2 and an fstat, and no answer is ever older
//! than its request.
//!
//! Sockets are watched edge by edge for both directions at once, so a connection costs one epoll_ctl(2)
//! in its life. What an edge told is remembered until a call says otherwise.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use framecat_proto::limits::{ACCEPT_BACKOFF_MAX, ACCEPT_BACKOFF_MIN};
use rustix::event::{EventfdFlags, Timespec, epoll};
use rustix::io::Errno;
use rustix::net::SocketFlags;

use super::answer::{self, Answers, Listed};
use super::auth::{Attempt, Verdict};
use super::connection::{Connection, Step};
use super::files::{Found, Patience, Wanted, warm};
use super::folder::{self, Unlisted};
use super::hash::{Hash, Hasher};
use super::outgoing::Maker;
use super::places::Came;
use super::receive::{Received, Receiver};
use super::server::Shared;
use super::slab::{Name, Slab};
use super::wire::Wire;

/// What one client may say in a round.
const READ_BYTES: usize = 16 << 10;
/// What all may say before they are answered.
const HEARD_BYTES: usize = 256 << 10;
/// Clients taken in before those who are here have their turn.
const ACCEPTS: usize = 64;
const EVENTS: usize = 512;

/// Names that no connection has.
const LISTENER: Name = u64::MAX;
const MAIL: Name = u64::MAX - 1;

/// What workers have done, and whether the end was asked for: seen by its loop soon.
#[derive(Debug)]
pub(super) struct Mailbox {
    bell: OwnedFd,
    letters: Mutex<Vec<(Name, Letter)>>,
}

/// What a worker has done for a connection.
#[derive(Debug)]
pub(super) enum Letter {
    Looked(Wanted, Result<Found, Errno>),
    /// What became of a password.
    Judged(Verdict),
    Warmed(u64, Result<(), Errno>),
    Listed(Result<Listed, Unlisted>),
    /// The hash of a file, or what goes on with it.
    Hashed(Result<Hash, Box<Hasher>>),
    Unhashed(Errno),
    /// A stretch of what is made on its way, and what makes the next one.
    Packed(Vec<u8>, Option<Maker>),
    /// A stretch of a request's content was taken.
    Received(Box<Receiver>, Received),
    /// Nothing: it failed, or panicked.
    Lost,
}

impl Mailbox {
    pub(super) fn new() -> io::Result<Mailbox> {
        let bell = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Mailbox { bell, letters: Mutex::default() })
    }

    /// Wakes the loop.
    pub(super) fn ring(&self) {
        // It can only fail where the bell rings already.
        let _ = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
    }

    fn post(&self, name: Name, letter: Letter) {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner).push((name, letter));
        self.ring();
    }

    fn take(&self) -> Vec<(Name, Letter)> {
        let _ = rustix::io::read(&self.bell, &mut [0; 8]);
        std::mem::take(&mut *self.letters.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// One loop.
pub(super) struct Rounds {
    epoll: OwnedFd,
    shared: Arc<Shared>,
    mail: Arc<Mailbox>,
    /// The socket on which clients come; gone once the end was asked for.
    listener: Option<Arc<OwnedFd>>,
    /// Accepting rests until then, and rests for so long the next time.
    resume_at: Option<u64>,
    backoff: Duration,
    connections: Slab<Connection>,
    /// Those who go on in the next round though nothing new came.
    again: Vec<Name>,
    heard: Vec<u8>,
    answers: Answers,
    /// When those who are silent were looked for last.
    swept: u32,
}

impl Rounds {
    pub(super) fn new(
        shared: Arc<Shared>,
        mail: Arc<Mailbox>,
        listener: Arc<OwnedFd>,
    ) -> io::Result<Rounds> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, &mail.bell, epoll::EventData::new_u64(MAIL), epoll::EventFlags::IN)?;
        let rounds = Rounds {
            epoll,
            answers: Answers::new(shared.clone()),
            shared,
            mail,
            listener: Some(listener),
            resume_at: None,
            backoff: ACCEPT_BACKOFF_MIN,
            connections: Slab::new(),
            again: Vec::new(),
            heard: vec![0; HEARD_BYTES],
            swept: 0,
        };
        rounds.watch_listener()?;
        Ok(rounds)
    }

    /// EPOLLEXCLUSIVE: a client wakes one loop, not all.
    fn watch_listener(&self) -> io::Result<()> {
        if let Some(listener) = &self.listener {
            let flags = epoll::EventFlags::IN | epoll::EventFlags::EXCLUSIVE;
            epoll::add(&self.epoll, listener, epoll::EventData::new_u64(LISTENER), flags)?;
        }
        Ok(())
    }

    /// Serves until the end was asked for and all who are here are done, or the time for that is up.
    pub(super) fn run(mut self) {
        let mut events = Vec::with_capacity(EVENTS);
        let mut ready = Vec::with_capacity(EVENTS);
        loop {
            events.clear();
            let timeout = self.timeout();
            let spare = rustix::buffer::spare_capacity(&mut events);
            match epoll::wait(&self.epoll, spare, timeout.as_ref()) {
                Ok(_) | Err(Errno::INTR) => {}
                // A loop that cannot wait cannot serve; the others can.
                Err(_) => return,
            }
            self.answers.tick();
            ready.clear();
            ready.append(&mut self.again);
            let mut mail = false;
            for event in &events {
                match event.data.u64() {
                    LISTENER => self.accept(),
                    MAIL => mail = true,
                    name => {
                        if self.notice(name, event.flags) {
                            ready.push(name);
                        }
                    }
                }
            }
            self.serve(&ready);
            if mail {
                self.read_mail();
            }
            self.sweep();
            if self.shared.is_stopping() && self.stop() {
                return;
            }
        }
    }

    /// How long nothing needs to be done if nobody says anything.
    fn timeout(&self) -> Option<Timespec> {
        if !self.again.is_empty() {
            return Some(Timespec::default());
        }
        let pause = match self.resume_at {
            Some(at) => Some(Duration::from_millis(at.saturating_sub(self.answers.now_ms()) + 1)),
            None if self.connections.len() > 0 => Some(Duration::from_secs(1)),
            None => None,
        };
        let pause = pause?.min(Duration::from_secs(1));
        Some(Timespec { tv_sec: pause.as_secs() as i64, tv_nsec: pause.subsec_nanos().into() })
    }

    /// Keeps what an edge told. Whether the connection is to go on.
    fn notice(&mut self, name: Name, flags: epoll::EventFlags) -> bool {
        use epoll::EventFlags as Flags;
        let Some(connection) = self.connections.get(name) else { return false };
        if flags.contains(Flags::ERR) {
            // It was reset: nobody reads an answer.
            self.close(name);
            return false;
        }
        // What TLS itself has to say leaves with the next read.
        let owes = flags.contains(Flags::OUT) && connection.wire().holds_unsent();
        if flags.intersects(Flags::IN | Flags::RDHUP | Flags::HUP) || owes {
            connection.readable = true;
        }
        connection.may_have_ended |= flags.intersects(Flags::RDHUP | Flags::HUP);
        let sends = flags.contains(Flags::OUT) && connection.sends();
        let go = (sends || (connection.readable && connection.wants())) && !connection.queued;
        connection.queued |= go;
        go
    }

    /// Hears those who are ready, then answers them: as many at a time as there is room for their words.
    fn serve(&mut self, ready: &[Name]) {
        let mut heard: Vec<(Name, usize, usize)> = Vec::with_capacity(ready.len());
        let mut at = 0;
        let mut next = 0;
        while next < ready.len() {
            while next < ready.len() && at + READ_BYTES <= HEARD_BYTES {
                let name = ready[next];
                next += 1;
                let room = &mut self.heard[at..at + READ_BYTES];
                if let Some(came) = self.connections.get(name).map(|c| hear(c, room)) {
                    match came {
                        Ok(came) => {
                            heard.push((name, at, came));
                            at += came;
                        }
                        Err(_) => self.close(name),
                    }
                }
            }
            self.answers.begin();
            for (name, from, len) in heard.drain(..) {
                self.step(name, |connection, answers, heard| {
                    connection.go_on(&heard[from..from + len], answers)
                });
            }
            self.answers.end();
            at = 0;
        }
    }

    /// Does something with a connection, and what it needs then. One that panics ends alone.
    fn step(&mut self, name: Name, act: impl FnOnce(&mut Connection, &mut Answers, &[u8]) -> Step) {
        let Rounds { connections, answers, heard, .. } = self;
        let Some(connection) = connections.get(name) else { return };
        connection.queued = false;
        let acted = catch_unwind(AssertUnwindSafe(|| act(connection, answers, heard)));
        let more = connection.readable && connection.wants();
        match acted {
            Ok(Step::Rest) if more => self.again(name),
            Ok(Step::Rest) => {}
            Ok(Step::Again) => self.again(name),
            Ok(Step::Close) | Err(_) => self.close(name),
            Ok(Step::Look(wanted)) => {
                let shared = self.shared.clone();
                self.work(name, move || {
                    let found = shared.root.look(&wanted, Patience::Waits);
                    Letter::Looked(wanted, found)
                });
            }
            Ok(Step::Judge(attempt)) => self.judge(name, attempt),
            Ok(Step::Warm(from, upto)) => {
                let outgoing =
                    self.connections.get(name).and_then(|c| c.outgoing()?.file().cloned());
                let Some(file) = outgoing else { return self.close(name) };
                self.work(name, move || {
                    Letter::Warmed(upto, warm(&file.fd, from, upto - from, Patience::Waits))
                });
            }
            Ok(Step::Hash) => {
                let hasher = self.connections.get(name).and_then(Connection::hasher);
                let Some(mut hasher) = hasher else { return self.close(name) };
                let shared = self.shared.clone();
                self.work(name, move || match hasher.next(&shared.known) {
                    Ok(Some(hash)) => Letter::Hashed(Ok(hash)),
                    Ok(None) => Letter::Hashed(Err(hasher)),
                    Err(error) => Letter::Unhashed(error),
                });
            }
            Ok(Step::Pack) => {
                let maker = self.connections.get(name).and_then(Connection::maker);
                let Some(mut maker) = maker else { return self.close(name) };
                let shared = self.shared.clone();
                self.work(name, move || {
                    let mut stretch = Vec::new();
                    match maker.next(&shared.root, &mut stretch) {
                        Ok(more) => Letter::Packed(stretch, more.then_some(maker)),
                        Err(_) => Letter::Lost,
                    }
                });
            }
            Ok(Step::Receive) => {
                let receiver = self.connections.get(name).and_then(Connection::receiver);
                let Some(mut receiver) = receiver else { return self.close(name) };
                let shared = self.shared.clone();
                self.work(name, move || {
                    let received = receiver.work(&shared);
                    Letter::Received(receiver, received)
                });
            }
            Ok(Step::List) => {
                let task = self.connections.get(name).and_then(|c| c.task().cloned());
                let Some(task) = task else { return self.close(name) };
                let shared = self.shared.clone();
                self.work(name, move || {
                    let (rooms, long) = (&shared.rooms, &shared.long_listings);
                    let listed = folder::list(&shared.root, &task, rooms, long);
                    Letter::Listed(listed.and_then(|listed| Listed::of(&task, listed)))
                });
            }
        }
    }

    /// Has a worker do it for the connection.
    fn work(&mut self, name: Name, job: impl FnOnce() -> Letter + Send + 'static) {
        if !self.shared.workers.give(self.posted(name, job)) {
            self.close(name);
        }
    }

    /// Has one of the few who look at passwords look at this one.
    fn judge(&mut self, name: Name, attempt: Box<Attempt>) {
        let shared = self.shared.clone();
        let job = self.posted(name, move || match &shared.guard {
            Some(guard) => Letter::Judged(guard.look(&attempt, answer::second)),
            None => Letter::Lost,
        });
        if !self.shared.guard.as_ref().is_some_and(|guard| guard.workers.give(job)) {
            self.mail.post(name, Letter::Judged(Verdict::Busy));
        }
    }

    /// The job, and the letter that tells of it.
    fn posted(
        &self,
        name: Name,
        job: impl FnOnce() -> Letter + Send + 'static,
    ) -> impl FnOnce() + Send + 'static {
        let mail = self.mail.clone();
        move || mail.post(name, catch_unwind(AssertUnwindSafe(job)).unwrap_or(Letter::Lost))
    }

    fn read_mail(&mut self) {
        let letters = self.mail.take();
        self.answers.begin();
        for (name, letter) in letters {
            let letter = match letter {
                Letter::Received(receiver, _) if self.connections.get(name).is_none() => {
                    self.let_go(receiver);
                    continue;
                }
                letter => letter,
            };
            self.step(name, |connection, answers, _| match letter {
                Letter::Looked(wanted, found) => {
                    answers.learn(wanted, found);
                    connection.looked(answers)
                }
                Letter::Judged(verdict) => connection.judged(verdict, answers),
                Letter::Warmed(upto, Ok(())) => connection.warmed(upto, answers),
                Letter::Listed(listed) => connection.listed(listed, answers),
                Letter::Hashed(Err(hasher)) => connection.hashes(hasher),
                Letter::Hashed(Ok(hash)) => connection.hashed(Ok(hash), answers),
                Letter::Unhashed(error) => connection.hashed(Err(error), answers),
                Letter::Received(receiver, received) => {
                    connection.received(receiver, received, answers)
                }
                Letter::Packed(stretch, maker) => connection.packed(&stretch, maker, answers),
                Letter::Warmed(_, Err(_)) | Letter::Lost => Step::Close,
            });
        }
        self.answers.end();
    }

    fn again(&mut self, name: Name) {
        if let Some(connection) = self.connections.get(name)
            && !connection.queued
        {
            connection.queued = true;
            self.again.push(name);
        }
    }

    fn close(&mut self, name: Name) {
        // The descriptor's end takes it out of epoll.
        let connection = self.connections.remove(name);
        if let Some(mut connection) = connection {
            connection.leave();
            if let Some(receiver) = connection.receiver() {
                self.let_go(receiver);
            }
        }
    }

    /// What came of a content whose client is gone: the disk may have to be waited for.
    fn let_go(&self, receiver: Box<Receiver>) {
        // Where there is no thread it is dropped here.
        let _ = self.shared.workers.give(move || drop(receiver));
    }

    fn accept(&mut self) {
        for _ in 0..ACCEPTS {
            let Some(listener) = &self.listener else { return };
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            match rustix::net::acceptfrom_with(listener, flags) {
                Ok((fd, peer)) => {
                    self.backoff = ACCEPT_BACKOFF_MIN;
                    let peer = peer.and_then(|peer| SocketAddr::try_from(peer).ok());
                    self.take_in(fd, peer);
                }
                Err(Errno::AGAIN) => return,
                Err(error @ (Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM)) => {
                    return self.rest(error);
                }
                // What happened to one client while it waited (accept(2)).
                Err(_) => {}
            }
        }
    }

    fn take_in(&mut self, fd: OwnedFd, peer: Option<SocketAddr>) {
        let second = self.answers.second();
        let Ok(wire) = Wire::new(fd, self.shared.tls.as_ref()) else { return };
        let connection = match self.shared.places.take(peer.map(|peer| peer.ip())) {
            Came::In(place) => Connection::new(wire, place, self.shared.client(peer), second),
            // By TLS there is nothing to be said yet.
            Came::Full(_) if self.shared.tls.is_some() => return self.shared.turned_away(peer),
            Came::Full(place) => {
                self.shared.turned_away(peer);
                let reply = self.answers.unavailable();
                Connection::turned_away(wire, place, &reply, second)
            }
            Came::Crowded => return self.shared.turned_away(peer),
        };
        use epoll::EventFlags as Flags;
        let flags = Flags::IN | Flags::OUT | Flags::RDHUP | Flags::ET;
        let name = self.connections.insert(connection);
        let Some(connection) = self.connections.get(name) else { return };
        let data = epoll::EventData::new_u64(name);
        if epoll::add(&self.epoll, connection.wire().fd(), data, flags).is_err() {
            self.close(name);
        }
    }

    /// The listener stays readable while descriptors are missing: it is not looked at for a while.
    fn rest(&mut self, error: Errno) {
        let wait = self.backoff;
        self.backoff = (wait * 2).min(ACCEPT_BACKOFF_MAX);
        self.shared.accept_delayed(error, wait);
        if let Some(listener) = &self.listener {
            let _ = epoll::delete(&self.epoll, listener);
        }
        self.resume_at = Some(self.answers.now_ms() + wait.as_millis() as u64);
    }

    /// Once a second, ends those whose time is up.
    fn sweep(&mut self) {
        if self.resume_at.is_some_and(|at| at <= self.answers.now_ms()) {
            self.resume_at = None;
            // Where even this has no memory the next round tries again.
            if self.watch_listener().is_err() {
                self.resume_at =
                    Some(self.answers.now_ms() + ACCEPT_BACKOFF_MAX.as_millis() as u64);
            }
        }
        let now = self.answers.second();
        if now == self.swept {
            return;
        }
        self.swept = now;
        let late =
            |(name, connection): (Name, &mut Connection)| (connection.due < now).then_some(name);
        let late: Vec<Name> = self.connections.iter_mut().filter_map(late).collect();
        for name in late {
            self.step(name, |connection, answers, _| connection.expire(answers));
        }
    }

    /// Nobody is let in any more, and who has no request in hand is let go. Whether all are gone, or
    /// must be.
    fn stop(&mut self) -> bool {
        if let Some(listener) = self.listener.take()
            && self.resume_at.take().is_none()
        {
            let _ = epoll::delete(&self.epoll, &listener);
        }
        let idle =
            |(name, connection): (Name, &mut Connection)| connection.is_idle().then_some(name);
        let idle: Vec<Name> = self.connections.iter_mut().filter_map(idle).collect();
        for name in idle {
            self.close(name);
        }
        self.connections.len() == 0 || self.shared.is_over()
    }
}

/// Reads what a client says, if it is its turn. The length; 0 where nothing came.
fn hear(connection: &mut Connection, room: &mut [u8]) -> Result<usize, Errno> {
    if !connection.hears() || !connection.readable {
        return Ok(0);
    }
    loop {
        match connection.wire().recv(room) {
            Ok(0) => {
                connection.readable = false;
                connection.end();
                return Ok(0);
            }
            Ok(n) => {
                // Less than there was room for: there is no more, and an edge tells of what comes
                // (epoll(7)). The end of the stream was told by an edge too, so it is looked for.
                connection.readable = n == room.len()
                    || connection.may_have_ended
                    || connection.wire().may_hold_more();
                return Ok(n);
            }
            Err(Errno::AGAIN) => {
                connection.readable = false;
                return Ok(0);
            }
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests;
