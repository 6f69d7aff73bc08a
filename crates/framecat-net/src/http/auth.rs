//! The guard at the connection: who brings no password gets no further, whatever was asked for.
//!
//! ```text
//!   a request ─► none, or none that can be read ──────────────────────────► 401
//!            ─► the one that this connection has shown already ───────────► in
//!            ─► its address gave many wrong ones ─────────────────────────► 429, for a while
//!            ─► one that was found right since the start (a keyed hash) ──► in
//!            ─► any other ─► a worker ─► argon2 ─► right: its keyed hash is kept ─► in
//!                                                └► wrong: counted for its address ─► 401
//! ```
//!
//! So argon2 runs once for a user, and for each guess; on as many threads as there are cores, behind a
//! queue with an end. A guess at a user that is not there takes as long as any other. What was wrong is kept
//! nowhere. The addresses of who guessed are, as many as may be.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use framecat_proto::http::auth::{self, Credentials, Hash};
use framecat_proto::http::{Reply, Request};
use framecat_proto::limits::{AUTH_PAUSE, AUTH_SOURCES, AUTH_TRIES, AUTH_WAITING};
use rustix::io::Errno;

use super::workers::Workers;
use crate::event::PasswordsAsked;

/// What one look at a password costs where we make the hash: 19 MiB and two passes, the least that OWASP's
/// "Password Storage Cheat Sheet" asks for, and some 30 ms.
const COSTS: (u32, u32, u32) = (19 * 1024, 2, 1);

/// Bytes of a salt and of a hash that we make (RFC 9106 section 4).
const SALT: usize = 16;
const OUTPUT: usize = 32;

/// Who may ask, of a site that asks for passwords.
#[derive(Clone)]
pub struct Passwords {
    /// Their names and passwords.
    pub accounts: Vec<Account>,
    /// What is read needs no password, and what changes something does.
    pub open_read: bool,
    /// The password of the first of them, where it was made for this site: told once.
    pub made: Option<String>,
}

impl Passwords {
    /// What is to be said of them. `in_clear`: they come over a network, and not by TLS.
    pub(crate) fn asked(&self, in_clear: bool) -> PasswordsAsked<'_> {
        let made =
            self.accounts.first().and_then(|first| Some((first.name(), self.made.as_deref()?)));
        PasswordsAsked { made, open_read: self.open_read, in_clear }
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Passwords({:?}, open_read: {})", self.accounts, self.open_read)
    }
}

/// A user and how its password is known.
#[derive(Clone)]
pub struct Account {
    name: String,
    secret: Secret,
}

#[derive(Clone)]
enum Secret {
    Plain(String),
    Hashed(Hash),
}

impl Account {
    /// One whose password is known as it is.
    pub fn known(name: impl Into<String>, password: impl Into<String>) -> Account {
        Account { name: name.into(), secret: Secret::Plain(password.into()) }
    }

    /// One whose password can be known again.
    pub fn hashed(name: impl Into<String>, hash: Hash) -> Account {
        Account { name: name.into(), secret: Secret::Hashed(hash) }
    }

    /// The user's name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Account({})", self.name)
    }
}

/// A password of 80 bits of chance, in four groups of letters and digits that look like nothing else.
///
/// # Errors
/// The kernel gives no chance (getrandom(2)).
pub fn make_password() -> Result<String, Errno> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut chance = [0; 16];
    fill(&mut chance)?;
    let mut password = String::with_capacity(19);
    for (nth, byte) in chance.iter().enumerate() {
        if nth > 0 && nth % 4 == 0 {
            password.push('-');
        }
        // 32 of them: each is as likely as any other.
        password.push(char::from(LETTERS[usize::from(byte % 32)]));
    }
    Ok(password)
}

/// What a server keeps of a password, with a salt of chance.
///
/// # Errors
/// The kernel gives no chance, or no memory.
pub fn hash_password(password: &[u8]) -> Result<Hash, Errno> {
    let (memory, passes, lanes) = COSTS;
    let mut hash = Hash { memory, passes, lanes, salt: vec![0; SALT], output: vec![0; OUTPUT] };
    fill(&mut hash.salt)?;
    hash.output = argon2(password, &hash)?;
    Ok(hash)
}

fn fill(bytes: &mut [u8]) -> Result<(), Errno> {
    let mut at = 0;
    while at < bytes.len() {
        at += rustix::rand::getrandom(&mut bytes[at..], rustix::rand::GetRandomFlags::empty())?;
    }
    Ok(())
}

/// The output for a password with the salt and the costs of `of`.
fn argon2(password: &[u8], of: &Hash) -> Result<Vec<u8>, Errno> {
    let params = Params::new(of.memory, of.passes, of.lanes, Some(of.output.len()));
    let params = params.map_err(|_| Errno::INVAL)?;
    let mut memory = Vec::new();
    memory.try_reserve_exact(params.block_count()).map_err(|_| Errno::NOMEM)?;
    memory.resize(params.block_count(), Block::default());
    let mut output = vec![0; of.output.len()];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(password, &of.salt, &mut output, &mut memory)
        .map_err(|_| Errno::INVAL)?;
    Ok(output)
}

/// Stands before a site: one for all loops.
pub(super) struct Guard {
    open_read: bool,
    /// Of chance: what is kept of a right password is of no use elsewhere.
    key: [u8; blake3::KEY_LEN],
    users: Vec<User>,
    /// Whose costs a guess at nobody has, too. `None`: all passwords are known as they are.
    costs: Option<Hash>,
    guesses: Guesses,
    pub(super) workers: Workers,
}

struct User {
    name: String,
    hash: Option<Hash>,
    /// The keyed hash of its name and password, once that was found right.
    right: OnceLock<blake3::Hash>,
}

/// A client as the guard knows it.
#[derive(Debug, Default)]
pub(super) struct Shown {
    source: Option<IpAddr>,
    /// What it has shown already, and whom that is.
    right: Option<(blake3::Hash, usize)>,
    /// Whom its last request is from.
    user: Option<usize>,
    /// What became of the password of the request that it waits with.
    verdict: Option<Verdict>,
}

impl Shown {
    /// One from there; `None`: of a Unix socket.
    pub(super) fn of(source: Option<IpAddr>) -> Shown {
        Shown { source: source.map(source_of), ..Shown::default() }
    }

    /// Nobody has asked yet whose the next request is.
    pub(super) fn next(&mut self) {
        self.user = None;
    }

    /// A worker has looked at its password.
    pub(super) fn learn(&mut self, verdict: Verdict) {
        self.verdict = Some(verdict);
    }
}

/// A password to be looked at.
pub(super) struct Attempt {
    credentials: Credentials,
    digest: blake3::Hash,
    source: Option<IpAddr>,
}

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Attempt")
    }
}

/// What becomes of a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is kept: the next look finds it.
    Right,
    Wrong,
    /// It was not looked at: others from there were wrong. Seconds to wait.
    TooOften(u32),
    /// It was not looked at: there are too many.
    Busy,
}

/// What becomes of a request.
#[derive(Debug)]
pub(super) enum Judged {
    In,
    Out(Reply),
    /// It has to wait for a look at its password, which may take long.
    Look(Box<Attempt>),
}

impl Guard {
    /// # Errors
    /// The kernel gives no chance.
    pub(super) fn new(passwords: &Passwords) -> Result<Guard, Errno> {
        let mut key = [0; blake3::KEY_LEN];
        fill(&mut key)?;
        let user = |account: &Account| {
            let right = OnceLock::new();
            let hash = match &account.secret {
                Secret::Hashed(hash) => Some(hash.clone()),
                Secret::Plain(password) => {
                    let both = format!("{}:{password}", account.name);
                    let _ = right.set(blake3::keyed_hash(&key, both.as_bytes()));
                    None
                }
            };
            User { name: account.name.clone(), hash, right }
        };
        let users: Vec<User> = passwords.accounts.iter().map(user).collect();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Guard {
            open_read: passwords.open_read,
            costs: users.iter().find_map(|user| user.hash.clone()),
            key,
            users,
            guesses: Guesses::default(),
            workers: Workers::new(cores, AUTH_WAITING),
        })
    }

    /// What becomes of a request of this client at this second. Nothing of the request but its method,
    /// whether it is about an upload, and its Authorization is looked at.
    pub(super) fn judge(&self, request: &Request<'_>, client: &mut Shown, now: u32) -> Judged {
        client.user = None;
        if self.open_read && auth::only_reads(request) {
            return Judged::In;
        }
        let Some(credentials) = auth::given(&request.fields) else {
            return Judged::Out(auth::asked());
        };
        match client.verdict.take() {
            Some(Verdict::Wrong) => return Judged::Out(auth::wrong()),
            Some(Verdict::TooOften(wait)) => return Judged::Out(auth::too_often(wait)),
            Some(Verdict::Busy) => return Judged::Out(auth::busy()),
            Some(Verdict::Right) | None => {}
        }
        let digest = blake3::keyed_hash(&self.key, credentials.as_bytes());
        if let Some((_, user)) = client.right.filter(|(right, _)| *right == digest) {
            client.user = Some(user);
            return Judged::In;
        }
        // Before it is compared with what is right: else that could be guessed as fast as one can ask.
        if let Some(wait) = self.guesses.wait(client.source, now) {
            return Judged::Out(auth::too_often(wait));
        }
        if let Some(user) = self.right(&digest) {
            client.right = Some((digest, user));
            client.user = Some(user);
            return Judged::In;
        }
        if self.costs.is_none() {
            self.guesses.wrong(client.source, now);
            return Judged::Out(auth::wrong());
        }
        Judged::Look(Box::new(Attempt { credentials, digest, source: client.source }))
    }

    /// The user of this client's last request, if it brought a password and that was right.
    pub(super) fn user(&self, client: &Shown) -> Option<&str> {
        client.user.map(|user| self.users[user].name.as_str())
    }

    /// Whose password it is, if it was found right before. All are compared, each in constant time.
    fn right(&self, digest: &blake3::Hash) -> Option<usize> {
        let is = |user: &User| user.right.get().is_some_and(|right| right == digest);
        self.users.iter().enumerate().filter(|(_, user)| is(user)).map(|(at, _)| at).last()
    }

    /// Looks at a password, with argon2 if need be: some 30 ms of one core. `now` tells the second.
    pub(super) fn look(&self, attempt: &Attempt, now: impl Fn() -> u32) -> Verdict {
        // Others may have come with the same one while it waited, and wrong ones from the same place.
        if self.right(&attempt.digest).is_some() {
            return Verdict::Right;
        }
        if let Some(wait) = self.guesses.wait(attempt.source, now()) {
            return Verdict::TooOften(wait);
        }
        let name = attempt.credentials.user();
        let user = self.users.iter().find(|user| user.name.as_bytes() == name);
        let own = user.and_then(|user| user.hash.as_ref());
        let Some(hash) = own.or(self.costs.as_ref()) else { return Verdict::Wrong };
        match argon2(attempt.credentials.password(), hash) {
            Ok(output) => {
                let same = is_equal(&output, &hash.output);
                if let (true, Some(user), Some(_)) = (same, user, own) {
                    let _ = user.right.set(attempt.digest);
                    return Verdict::Right;
                }
                self.guesses.wrong(attempt.source, now());
                Verdict::Wrong
            }
            Err(_) => Verdict::Busy,
        }
    }
}

/// In constant time: by their keyed hashes, which blake3 compares so.
fn is_equal(a: &[u8], b: &[u8]) -> bool {
    blake3::hash(a) == blake3::hash(b)
}

/// Whom wrong passwords are counted for: an address, or of IPv6 the network of somebody's own (RFC 6177).
fn source_of(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => IpAddr::V6((u128::from(ip) >> 64 << 64).into()),
        ip => ip,
    }
}

/// Who gave wrong passwords, and how many. `None` is who comes by a Unix socket.
#[derive(Default)]
struct Guesses(Mutex<HashMap<Option<IpAddr>, Guessed>>);

#[derive(Clone, Copy)]
struct Guessed {
    wrong: u32,
    /// The second of the last one.
    last: u32,
}

impl Guessed {
    /// How many are not forgiven.
    fn counted(self, now: u32) -> u32 {
        self.wrong.saturating_sub(now.saturating_sub(self.last) / AUTH_PAUSE.as_secs() as u32)
    }

    /// For how long none is looked at.
    fn wait(self, now: u32) -> Option<u32> {
        let beyond = self.wrong.checked_sub(AUTH_TRIES)?;
        let pause = (AUTH_PAUSE.as_secs() as u32).min(1 << beyond.min(16));
        (self.last + pause).checked_sub(now).filter(|wait| *wait > 0)
    }
}

impl Guesses {
    fn wait(&self, source: Option<IpAddr>, now: u32) -> Option<u32> {
        self.lock().get(&source)?.wait(now)
    }

    fn wrong(&self, source: Option<IpAddr>, now: u32) {
        let mut all = self.lock();
        if all.len() >= AUTH_SOURCES && !all.contains_key(&source) {
            all.retain(|_, guessed| guessed.counted(now) > 0);
            let oldest = all.iter().min_by_key(|(_, guessed)| guessed.last).map(|(at, _)| *at);
            if let (true, Some(oldest)) = (all.len() >= AUTH_SOURCES, oldest) {
                all.remove(&oldest);
            }
        }
        let guessed = all.entry(source).or_insert(Guessed { wrong: 0, last: now });
        guessed.wrong = guessed.counted(now).saturating_add(1);
        guessed.last = now;
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Option<IpAddr>, Guessed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
