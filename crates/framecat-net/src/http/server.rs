//! A folder on a listening socket: loops that serve it, one a core, and the way to end them.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use framecat_proto::http::plan::{Hosts, Policy, Rights};
use framecat_proto::limits::{
    CLIENTS, HTTP_ARCHIVES, HTTP_CLIENTS_PER_SOURCE, HTTP_FORMS, HTTP_FORMS_PER_SOURCE,
    HTTP_HASHES, HTTP_LISTINGS_LONG, HTTP_SQUEEZES, HTTP_UPLOAD_BYTES, HTTP_UPLOADS,
    HTTP_UPLOADS_PER_SOURCE,
};
use rustix::io::Errno;

use super::auth::{Guard, Passwords, Shown};
use super::files::Root;
use super::folder::Rooms;
use super::hash::Known;
use super::places::Places;
use super::rounds::{Mailbox, Rounds};
use super::seats::Seats;
use super::sweep;
use super::telling::Client;
use super::upload::{Begun, Uploads};
use super::workers::{FOR_DISKS, Workers};
use crate::datagrams::shown_ip;
use crate::disk::{Folder, Gone};
use crate::error::{Error, Op};
use crate::event::{Event, Observer};

/// Folders that are removed at once while their clients wait.
const REMOVALS: usize = 2;

/// What is served, and to how many.
#[derive(Debug, Clone)]
pub struct Site {
    /// The folder. Nothing outside it is ever reached.
    pub folder: PathBuf,
    /// For whom, and what is answered.
    pub policy: Policy,
    /// Connections at once. Further ones are answered with 503.
    pub max_clients: usize,
    /// Those from one address; programs on this machine are not counted.
    pub max_per_source: usize,
    /// Each request is answered with itself, and the folder is not looked at.
    pub echo: bool,
    /// Who may ask. `None`: everybody.
    pub passwords: Option<Passwords>,
    /// What is said to be there, or gone, stays so across a power cut (fsync(2)).
    pub durable: bool,
}

impl Site {
    /// A folder for reading, as `framecat serve` does it.
    pub fn new(folder: impl Into<PathBuf>) -> Site {
        Site {
            folder: folder.into(),
            policy: Policy {
                hosts: Hosts::Only(Vec::new()),
                secure: false,
                trace: false,
                hidden: false,
                precompressed: true,
                compress: false,
                sandbox: false,
                rights: Rights::READ,
                numbers: false,
                max_upload: HTTP_UPLOAD_BYTES,
            },
            max_clients: CLIENTS,
            max_per_source: HTTP_CLIENTS_PER_SOURCE,
            echo: false,
            passwords: None,
            durable: false,
        }
    }
}

/// What the loops have in common.
pub(super) struct Shared {
    pub(super) policy: Policy,
    pub(super) echo: bool,
    pub(super) guard: Option<Guard>,
    pub(super) durable: bool,
    /// Whoever changes what is in the folder has it from the last look to the change.
    turn: Mutex<()>,
    sweeper: OnceLock<Sender<Gone>>,
    /// Folders that are being removed by those who wait for it.
    pub(super) removals: Seats,
    pub(super) root: Root,
    pub(super) rooms: Rooms,
    pub(super) workers: Workers,
    pub(super) places: Places,
    pub(super) tls: Option<Arc<rustls::ServerConfig>>,
    pub(super) archives: Seats,
    pub(super) hashes: Seats,
    pub(super) forms: Places,
    pub(super) uploads: Uploads,
    pub(super) begun: Begun,
    pub(super) squeezes: Seats,
    pub(super) long_listings: Seats,
    pub(super) known: Known,
    pub(super) observer: Arc<dyn Observer>,
    /// How much of each content is told, if anything is.
    pub(super) tells: Option<usize>,
    /// Connections that are told, until now.
    told: AtomicU64,
    stopping: AtomicBool,
    over: AtomicBool,
    turned_away: AtomicUsize,
}

impl Shared {
    pub(super) fn new(
        site: &Site,
        tls: Option<Arc<rustls::ServerConfig>>,
        observer: Arc<dyn Observer>,
    ) -> Result<Shared, Errno> {
        Ok(Shared {
            echo: site.echo,
            guard: site.passwords.as_ref().map(Guard::new).transpose()?,
            durable: site.durable,
            turn: Mutex::default(),
            sweeper: OnceLock::new(),
            removals: Seats::new(REMOVALS),
            policy: Policy { secure: tls.is_some(), ..site.policy.clone() },
            root: Root::open(&site.folder, site.policy.hidden)?,
            rooms: Rooms::default(),
            workers: Workers::new(FOR_DISKS, usize::MAX),
            places: Places::new(site.max_clients, site.max_per_source),
            tls,
            archives: Seats::new(HTTP_ARCHIVES),
            hashes: Seats::new(HTTP_HASHES),
            forms: Places::new(HTTP_FORMS, HTTP_FORMS_PER_SOURCE),
            uploads: Uploads::default(),
            begun: Begun::new(HTTP_UPLOADS, HTTP_UPLOADS_PER_SOURCE),
            squeezes: Seats::new(HTTP_SQUEEZES),
            long_listings: Seats::new(HTTP_LISTINGS_LONG),
            known: Known::default(),
            tells: observer.wants_exchanges(),
            observer,
            told: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
            over: AtomicBool::new(false),
            turned_away: AtomicUsize::new(0),
        })
    }

    /// The folder that is served, to be written to.
    pub(super) fn folder(&self) -> io::Result<Folder> {
        Ok(Folder::of(self.root.folder()?))
    }

    /// The right to change what is in the folder, one after the other.
    pub(super) fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has it removed when there is time. If that is never, the next start sweeps it away.
    pub(super) fn remove_later(&self, gone: Gone) {
        if let Some(sweeper) = self.sweeper.get() {
            let _ = sweeper.send(gone);
        }
    }

    /// A client that has come.
    pub(super) fn client(&self, peer: Option<SocketAddr>) -> Client {
        let shown = Shown::of(peer.map(|peer| peer.ip()));
        Client::new(peer, shown, self.tells, || self.told.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Nobody is let in any more.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Whoever is still here is let go, whatever is in hand.
    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// One was, for want of a place: told at 1, 2, 4, 8 … of them.
    pub(super) fn turned_away(&self, peer: Option<SocketAddr>) {
        let count = self.turned_away.fetch_add(1, Ordering::Relaxed) as u64 + 1;
        if count.is_power_of_two() {
            let peer = peer.map_or_else(|| "this machine".into(), shown_ip);
            self.observer.event(Event::TurnedAway { peer: &peer, count });
        }
    }

    pub(super) fn accept_delayed(&self, error: Errno, wait: Duration) {
        self.observer.event(Event::AcceptDelayed { error: &error.into(), wait });
    }
}

/// A server at work.
pub struct Server {
    shared: Arc<Shared>,
    mail: Vec<Arc<Mailbox>>,
    loops: Vec<JoinHandle<()>>,
}

impl Server {
    /// Serves what comes to `listener`, a listening socket that does not block, with a loop for each core
    /// that this process may use.
    ///
    /// # Errors
    /// The folder cannot be opened, or the machine has no descriptors or threads left.
    pub fn start(
        site: &Site,
        listener: OwnedFd,
        observer: Arc<dyn Observer>,
    ) -> Result<Server, Error> {
        Server::start_secured(site, listener, None, observer)
    }

    /// The same by TLS, if there is any.
    pub(crate) fn start_secured(
        site: &Site,
        listener: OwnedFd,
        tls: Option<Arc<rustls::ServerConfig>>,
        observer: Arc<dyn Observer>,
    ) -> Result<Server, Error> {
        let failed =
            |error: io::Error| Error::io(Op::Open, site.folder.display().to_string(), error);
        let shared = Shared::new(site, tls, observer).map_err(|error| failed(error.into()))?;
        let shared = Arc::new(shared);
        // Where something can be left behind.
        if site.policy.rights.writes() {
            shared.sweeper.get_or_init(|| sweep::start(&Arc::downgrade(&shared)));
        }
        let mut server = Server { shared: shared.clone(), mail: Vec::new(), loops: Vec::new() };
        let listener = Arc::new(listener);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        for _ in 0..cores {
            let mail = Arc::new(Mailbox::new().map_err(failed)?);
            let rounds = Rounds::new(shared.clone(), mail.clone(), listener.clone());
            let rounds = rounds.map_err(failed)?;
            server.mail.push(mail);
            let thread = std::thread::Builder::new().name("framecat-serve".into());
            server.loops.push(thread.spawn(move || rounds.run()).map_err(failed)?);
        }
        Ok(server)
    }

    /// Why what others bring cannot be written to the folder itself, if they may bring something.
    pub(crate) fn unwritable(&self) -> Option<io::Error> {
        use rustix::fs::{Access, AtFlags};
        if !self.shared.policy.rights.writes() {
            return None;
        }
        let how = Access::WRITE_OK | Access::EXEC_OK;
        let folder = self.shared.folder().ok()?;
        rustix::fs::accessat(&folder, ".", how, AtFlags::EACCESS).err().map(Into::into)
    }

    /// Lets nobody in any more; who has no request in hand is let go.
    pub fn stop(&self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        self.ring();
    }

    /// Whether all are gone, after [`stop`](Self::stop).
    pub fn is_done(&self) -> bool {
        self.loops.iter().all(JoinHandle::is_finished)
    }

    /// How many connections there are.
    pub fn connections(&self) -> usize {
        self.shared.places.here()
    }

    fn ring(&self) {
        for mail in &self.mail {
            mail.ring();
        }
    }
}

impl Drop for Server {
    /// Ends all, whatever is in hand.
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        self.stop();
        for thread in self.loops.drain(..) {
            // One that panicked has told so itself.
            let _ = thread.join();
        }
    }
}
