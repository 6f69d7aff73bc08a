//! `serve DIR`: a folder over HTTP.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use framecat_proto::Endpoint;
use framecat_proto::endpoint::At;
use framecat_proto::limits::{HTTP_DRAIN_TIME, HTTP_PORTS, MESSAGE_BYTES};
use tokio::time::Instant;

use crate::error::{Cause, Error, Op};
use crate::event::{Event, Observer, Reach};
use crate::http::{Server, Site};
use crate::open::unix::BoundPath;
use crate::open::{self, ListenOptions, Listener};
use crate::talk::{End, Shutdown};

/// How often it is looked whether those who are served at the end are done.
const LOOK: Duration = Duration::from_millis(20);

/// After how many looks it is told that some are waited for: those who wait for nothing are gone by then.
const LOOKS_BEFORE_TOLD: u32 = 10;

/// What `serve` is told.
#[derive(Debug)]
pub struct Serve {
    /// Where.
    pub endpoint: Endpoint,
    /// No host means every interface.
    pub lan: bool,
    /// Nobody chose the port: where it is taken, the next free one will do.
    pub any_port: bool,
    /// A socket that is bound and listens already, in place of the endpoint.
    pub socket: Option<OwnedFd>,
    /// What.
    pub site: Site,
}

/// Binds, serves until it is asked to end; requests in hand then have [`HTTP_DRAIN_TIME`].
///
/// # Errors
/// The endpoint cannot be bound, or is none for HTTP; the folder cannot be opened.
pub async fn run(
    options: Serve,
    observer: Arc<dyn Observer>,
    mut shutdown: Shutdown,
) -> Result<End, Error> {
    let Serve { endpoint, lan, any_port, socket, site } = options;
    let Bound { socket, shown, reach, taken, pin, tls, path: _path } = match socket {
        Some(socket) => {
            let (socket, shown, reach) = open::handed::listener(socket)?;
            Bound { socket, shown, reach, taken: None, pin: None, tls: None, path: None }
        }
        None => bound(endpoint, lan, any_port).await?,
    };
    let in_clear = tls.is_none() && matches!(reach, Reach::Network(_));
    let server = Server::start_secured(&site, socket, tls, observer.clone())?;
    let urls = urls(&shown, &reach);
    observer.event(Event::Serving {
        folder: (!site.echo).then(|| site.folder.display().to_string()).as_deref(),
        urls: &urls,
        reach: &reach,
        hidden: site.policy.hidden,
        rights: site.policy.rights,
        passwords: site.passwords.as_ref().map(|passwords| passwords.asked(in_clear)),
        taken,
        pin: pin.as_deref(),
    });
    if let Some(error) = server.unwritable() {
        let folder = site.folder.display().to_string();
        observer.event(Event::Unwritable { folder: &folder, error: &error });
    }
    shutdown.requested().await;
    server.stop();
    let end = Instant::now() + HTTP_DRAIN_TIME;
    let mut looks = 0;
    while !server.is_done() && Instant::now() < end {
        tokio::time::sleep(LOOK).await;
        looks += 1;
        let connections = server.connections();
        if looks == LOOKS_BEFORE_TOLD && connections > 0 {
            observer.event(Event::Finishing { connections, most: HTTP_DRAIN_TIME });
        }
    }
    // Whoever is not done by now is cut off.
    Ok(if server.is_done() { End::Done } else { End::Partly })
}

/// A socket that listens, and what is to be said of it.
struct Bound {
    socket: OwnedFd,
    shown: String,
    reach: Reach,
    /// The port that was meant and is somebody else's.
    taken: Option<u16>,
    pin: Option<String>,
    tls: Option<Arc<rustls::ServerConfig>>,
    /// Takes the path of a Unix socket away when dropped.
    path: Option<BoundPath>,
}

async fn bound(endpoint: Endpoint, lan: bool, any_port: bool) -> Result<Bound, Error> {
    let (listener, taken) = bind(endpoint, lan, any_port).await?;
    let (shown, reach) = (listener.endpoint().to_string(), listener.reach().clone());
    let pin = listener.pin().map(str::to_string);
    let tls = listener.tls().map(our_protocols);
    let not_here = || Error {
        op: Op::Listen,
        endpoint: shown.clone(),
        cause: Cause::Address {
            problem: "HTTP is served on tcp, tls and Unix sockets".into(),
            remedy: "--listen HOST:PORT, or --listen unix://PATH".into(),
        },
    };
    let (socket, path) = listener.into_socket().ok_or_else(not_here)?;
    Ok(Bound { socket, shown, reach, taken, pin, tls, path })
}

/// The listener, and the port that was taken by somebody else.
async fn bind(
    mut endpoint: Endpoint,
    lan: bool,
    any_port: bool,
) -> Result<(Listener, Option<u16>), Error> {
    let listen = ListenOptions { lan, message_bytes: MESSAGE_BYTES };
    let mut taken = None;
    for _ in 0..HTTP_PORTS {
        match open::listen(&endpoint, &listen).await {
            Err(error) if any_port && error.errno() == Some(libc::EADDRINUSE) => {
                let (At::Tcp(at) | At::Tls(at)) = &mut endpoint.at else { return Err(error) };
                taken.get_or_insert(at.port);
                at.port += 1;
            }
            bound => return Ok((bound?, taken)),
        }
    }
    // All of them are taken: the last word is the kernel's.
    Ok((open::listen(&endpoint, &listen).await?, taken))
}

/// Who asks which protocols there are (RFC 7301) is told what we speak, unless the endpoint names others.
fn our_protocols(config: Arc<rustls::ServerConfig>) -> Arc<rustls::ServerConfig> {
    let mut config = config;
    if config.alpn_protocols.is_empty() {
        Arc::make_mut(&mut config).alpn_protocols =
            vec![b"http/1.1".to_vec(), b"http/1.0".to_vec()];
    }
    config
}

/// What a browser takes, for each address at which the listener is reached.
fn urls(shown: &str, reach: &Reach) -> Vec<String> {
    let url = |at: &str| match at.split_once("://") {
        Some(("tcp", at)) => format!("http://{at}/"),
        Some(("tls", at)) => format!("https://{at}/"),
        _ => at.to_string(),
    };
    match reach {
        Reach::Network(addresses) if !addresses.is_empty() => {
            addresses.iter().map(|at| url(at)).collect()
        }
        _ => vec![url(shown)],
    }
}
