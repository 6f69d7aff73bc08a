//! `tls://HOST:PORT`: a TCP connection with TLS 1.2 or 1.3 on it (RFC 8446, RFC 5246).
//!
//! Who dials checks the other side by default. Who listens takes connections in and shakes hands with
//! each in a task of its own, so that one who says nothing, or no TLS, keeps nobody waiting; only those
//! who came through are connections. There is no resumption, so no ticket is left unread when a short
//! conversation ends.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use framecat_proto::Endpoint;
use framecat_proto::cidr::Access;
use framecat_proto::endpoint::{Host, HostPort};
use framecat_proto::limits::{HANDSHAKE_TURN, HANDSHAKE_WAIT, HANDSHAKES};
use framecat_proto::options::{Value, print_pin};
use rustls::pki_types::ServerName;
use rustls::server::NoServerSessionStorage;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, ClientConnection, ServerConfig, ServerConnection};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

use super::{Accepted, Listener, ListenerKind, Milestones, tcp};
use crate::allow::Came;
use crate::conn::{Conn, Stream};
use crate::error::{Cause, Error, Op, Untrusted};
use crate::tls::Session;
use crate::tls::told::Side;

mod files;
mod trust;

use trust::{OurCert, Trust};

/// What cannot be used of an endpoint's options: the problem and the remedy.
struct Unusable {
    problem: String,
    remedy: String,
}

impl Unusable {
    fn new(problem: impl Into<String>, remedy: impl Into<String>) -> Unusable {
        Unusable { problem: problem.into(), remedy: remedy.into() }
    }

    fn on(self, op: Op, endpoint: &Endpoint) -> Error {
        let Unusable { problem, remedy } = self;
        Error { op, endpoint: endpoint.to_string(), cause: Cause::Address { problem, remedy } }
    }
}

/// Dials and shakes hands. What is reached first is a TCP connection.
pub(super) async fn connect(
    endpoint: &Endpoint,
    at: &HostPort,
    milestones: &Milestones,
) -> Result<Conn, Error> {
    // Whatever is wrong with our own files is told before anybody is called.
    let session = dialling(endpoint, at).map_err(|wrong| wrong.on(Op::Connect, endpoint))?;
    let failed = |error: io::Error| Error::io(Op::Connect, endpoint.to_string(), error);
    let Conn::Stream(stream) = tcp::connect(endpoint, at, milestones).await? else {
        return Err(failed(io::ErrorKind::NotConnected.into()));
    };
    let _ = milestones.reached.set(Instant::now());
    let stream = stream.secured(session).ok_or_else(|| failed(io::ErrorKind::Other.into()))?;
    stream.handshake().await.map_err(failed)?;
    Ok(Conn::Stream(stream))
}

fn dialling(endpoint: &Endpoint, at: &HostPort) -> Result<Session, Unusable> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let name = name(endpoint, at)?;
    let trust = Trust::of_servers(endpoint, &provider)?;
    let cert = match file(endpoint, "cert") {
        Some(cert) => Some(Arc::new(files::identity(cert, file(endpoint, "key"), &provider)?)),
        None => None,
    };
    let asked = Arc::new(AtomicBool::new(false));
    let side =
        Side::Client { asked: asked.clone(), has_cert: cert.is_some(), alpn: alpn(endpoint).1 };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unsupported)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(trust))
        .with_client_cert_resolver(Arc::new(OurCert { cert, asked }));
    config.alpn_protocols = alpn(endpoint).0;
    config.resumption = rustls::client::Resumption::disabled();
    let tls = ClientConnection::new(Arc::new(config), name).map_err(unsupported)?;
    Ok(Session::new(tls, side))
}

/// Whom we ask for and whose name the certificate must have.
fn name(endpoint: &Endpoint, at: &HostPort) -> Result<ServerName<'static>, Unusable> {
    let text = match (endpoint.options.get("sni"), &at.host) {
        (Some(Value::Text(name)), _) => name.clone(),
        (_, None) => "localhost".into(),
        (_, Some(Host::V4(address))) => return Ok(std::net::IpAddr::from(*address).into()),
        (_, Some(Host::V6 { address, .. })) => return Ok(std::net::IpAddr::from(*address).into()),
        // A final dot says that a name is whole; it is no part of it (RFC 6066 section 3).
        (_, Some(Host::Name(name))) => name.trim_end_matches('.').into(),
    };
    ServerName::try_from(text.clone()).map_err(|_| {
        Unusable::new(
            format!("`{text}` cannot stand in a certificate as the name of a host"),
            "sni=NAME says whose certificate it should be",
        )
    })
}

fn file<'a>(endpoint: &'a Endpoint, name: &'static str) -> Option<files::Named<'a>> {
    match endpoint.options.get(name) {
        Some(Value::File(path)) => Some(files::Named { option: name, path: path.bytes() }),
        _ => None,
    }
}

/// The protocols as TLS has them, and as they were typed.
fn alpn(endpoint: &Endpoint) -> (Vec<Vec<u8>>, String) {
    match endpoint.options.get("alpn") {
        Some(Value::Protocols(names)) => {
            (names.iter().map(|name| name.clone().into_bytes()).collect(), names.join("+"))
        }
        _ => Default::default(),
    }
}

fn unsupported(error: rustls::Error) -> Unusable {
    Unusable::new(format!("TLS cannot be set up: {error}"), "look at the options of the endpoint")
}

/// Binds; who we are is settled before.
pub(super) async fn listen(
    endpoint: &Endpoint,
    at: &HostPort,
    lan: bool,
) -> Result<Listener, Error> {
    let (config, pin) = serving(endpoint, at).map_err(|wrong| wrong.on(Op::Listen, endpoint))?;
    let mut listener = tcp::listen(endpoint, at, lan).await?;
    let ListenerKind::Tcp(socket) = listener.kind else { return Ok(listener) };
    let greeter = Greeter {
        socket,
        config: Arc::new(config),
        alpn: alpn(endpoint).1,
        greeting: JoinSet::new(),
        oldest_first: VecDeque::new(),
    };
    listener.kind = ListenerKind::Tls(Box::new(greeter));
    listener.pin = Some(print_pin(&pin));
    Ok(listener)
}

fn serving(endpoint: &Endpoint, at: &HostPort) -> Result<(ServerConfig, [u8; 32]), Unusable> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let own: CertifiedKey = match (file(endpoint, "cert"), endpoint.options.get("self-signed")) {
        (Some(cert), _) => files::identity(cert, file(endpoint, "key"), &provider)?,
        (None, Some(Value::Flag(true))) => files::self_signed(at, &provider)?,
        (None, _) => {
            return Err(Unusable::new(
                "who listens for TLS shows a certificate, and none is named",
                "write ,self-signed for a fresh one whose pin is told, or ,cert=FILE,key=FILE",
            ));
        }
    };
    let leaf = own.cert.first().ok_or_else(|| Unusable::new("no certificate", "name one"))?;
    let pin = trust::pin_of(leaf).map_err(unsupported)?;
    let config = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(unsupported)?;
    let config = match Trust::of_clients(endpoint, &provider)? {
        Some(trust) => config.with_client_cert_verifier(Arc::new(trust)),
        None => config.with_no_client_auth(),
    };
    let mut config = config.with_cert_resolver(Arc::new(SingleCertAndKey::from(own)));
    config.alpn_protocols = alpn(endpoint).0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok((config, pin))
}

/// Takes TCP connections in and shakes hands with all of them at once.
#[derive(Debug)]
pub(super) struct Greeter {
    socket: Stream,
    config: Arc<ServerConfig>,
    alpn: String,
    greeting: JoinSet<Option<Accepted>>,
    oldest_first: VecDeque<(Instant, AbortHandle)>,
}

impl Greeter {
    /// How TLS is spoken here.
    pub(super) fn config(&self) -> Arc<ServerConfig> {
        self.config.clone()
    }

    /// The listening socket, for who shakes hands by other means.
    pub(super) fn into_socket(self) -> Stream {
        self.socket
    }

    /// The listening socket.
    pub(super) fn socket(&self) -> &Stream {
        &self.socket
    }

    /// The next connection that came through its handshake, or what one failed with. Cancel safe:
    /// handshakes go on meanwhile.
    pub(super) async fn accept(
        &mut self,
        endpoint: &Endpoint,
        access: &Access,
    ) -> io::Result<Came<Accepted>> {
        loop {
            self.oldest_first.retain(|(_, handle)| !handle.is_finished());
            let full = self.oldest_first.len() >= HANDSHAKES;
            let oldest = self.oldest_first.front();
            let gives_way = oldest.filter(|_| full).map(|(since, _)| *since + HANDSHAKE_TURN);
            tokio::select! {
                biased;
                Some(done) = self.greeting.join_next() => {
                    // Otherwise it gave way, or left without a word.
                    if let Ok(Some(accepted)) = done {
                        return Ok(Came::In(accepted));
                    }
                }
                came = tcp::accept(&self.socket, endpoint, access), if !full => match came? {
                    Came::In(conn) => self.greet(conn)?,
                    Came::TurnedAway(away) => return Ok(Came::TurnedAway(away)),
                },
                () = sleep_until(gives_way) => {
                    if let Some((_, oldest)) = self.oldest_first.pop_front() {
                        oldest.abort();
                    }
                }
            }
        }
    }

    fn greet(&mut self, conn: Conn) -> io::Result<()> {
        let Conn::Stream(stream) = conn else { return Ok(()) };
        let tls = ServerConnection::new(self.config.clone()).map_err(io::Error::other)?;
        let session = Session::new(tls, Side::Server { alpn: self.alpn.clone() });
        let Some(stream) = stream.secured(session) else { return Ok(()) };
        self.oldest_first.push_back((Instant::now(), self.greeting.spawn(greeted(stream))));
        Ok(())
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

async fn greeted(stream: Stream) -> Option<Accepted> {
    let peer = stream.peer().to_string();
    let cause = match tokio::time::timeout(HANDSHAKE_WAIT, stream.handshake()).await {
        Ok(Ok(())) => return Some(Accepted::Conn(Conn::Stream(stream))),
        // Whoever looks whether the port is open says nothing, and there is nothing to say of it.
        Ok(Err(_)) | Err(_) if !stream.was_spoken_to() => return None,
        Ok(Err(error)) => return Some(Accepted::Failed(Error::io(Op::Accept, peer, error))),
        Err(_) => Cause::NoHandshake(HANDSHAKE_WAIT),
    };
    Some(Accepted::Failed(Error { op: Op::Accept, endpoint: peer, cause }))
}

impl From<Untrusted> for rustls::Error {
    /// A verdict of our own inside what rustls hands on.
    fn from(said: Untrusted) -> rustls::Error {
        let other = rustls::OtherError(Arc::new(said));
        rustls::Error::InvalidCertificate(rustls::CertificateError::Other(other))
    }
}
