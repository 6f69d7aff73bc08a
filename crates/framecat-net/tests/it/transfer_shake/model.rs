//! The handshake written a second time, plainly and with blocking sockets, from docs/security.md: by whoever
//! keeps to it, and by whoever does not.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;

use framecat_net::transfer::Role;
use framecat_proto::Endpoint;
use ring::hmac;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, ServerConfig, ServerConnection,
    SignatureScheme, StreamOwned,
};
use socket2::{Domain, Socket, Type};
use spake2::{Ed25519Group, Identity, Password, Spake2};

use crate::sockets::PATIENCE;

pub const LABEL: &[u8] = b"framecat-transfer/1";
const SENDER: &[u8] = b"framecat-transfer/1 sender";
const RECEIVER: &[u8] = b"framecat-transfer/1 receiver";

/// What a side says first.
pub fn hello(role: Role, plain: bool) -> [u8; 8] {
    let letter = match (role, plain) {
        (Role::Send, true) => b'S',
        (Role::Receive, true) => b'R',
        (Role::Send, false) => b's',
        (Role::Receive, false) => b'r',
    };
    [b'f', b'c', 1, letter, 0, 0, 0, 0]
}

/// A connection that stops sending after so many bytes.
pub struct Wire {
    pub tcp: TcpStream,
    pub may_send: usize,
    pub sent: Vec<u8>,
}

impl Wire {
    pub fn new(tcp: TcpStream) -> Wire {
        tcp.set_read_timeout(Some(PATIENCE)).unwrap();
        tcp.set_nodelay(true).unwrap();
        Wire { tcp, may_send: usize::MAX, sent: Vec::new() }
    }

    pub fn dial(at: &Endpoint) -> Wire {
        Wire::new(TcpStream::connect(at.to_string().strip_prefix("tcp://").unwrap()).unwrap())
    }

    /// From another address of this machine.
    pub fn dial_from(at: &Endpoint, from: &str) -> Wire {
        let to: SocketAddr = at.to_string().strip_prefix("tcp://").unwrap().parse().unwrap();
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::new(from.parse().unwrap(), 0).into()).unwrap();
        socket.connect(&to.into()).unwrap();
        Wire::new(socket.into())
    }

    /// All that still comes; what was not taken in makes a reset, which is an end too.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        if let Err(error) = self.tcp.read_to_end(&mut rest) {
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "it was not closed");
        }
        rest
    }

    /// Says ours and hears theirs.
    pub fn greet(&mut self, role: Role) -> io::Result<()> {
        self.write_all(&hello(role, false))?;
        let mut theirs = [0; 8];
        self.read_exact(&mut theirs)?;
        let other = if role == Role::Send { Role::Receive } else { Role::Send };
        assert_eq!(theirs, hello(other, false));
        Ok(())
    }
}

impl Read for Wire {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.tcp.read(bytes)
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let may = bytes.len().min(self.may_send);
        if may == 0 && !bytes.is_empty() {
            return Err(io::Error::other("stalls"));
        }
        let sent = self.tcp.write(&bytes[..may])?;
        self.may_send -= sent;
        self.sent.extend_from_slice(&bytes[..sent]);
        Ok(sent)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A connection on which TLS is spoken.
pub enum Peer {
    Sender(Box<StreamOwned<ClientConnection, Wire>>),
    Receiver(Box<StreamOwned<ServerConnection, Wire>>),
}

/// Who says it, and what: 33 bytes.
pub type Said = [u8; 33];

impl Peer {
    /// Greets, and shakes hands as TLS has it; the sender is TLS's client.
    pub fn meet(mut wire: Wire, role: Role) -> io::Result<Peer> {
        wire.greet(role)?;
        Peer::secure(wire, role, &[LABEL])
    }

    pub fn secure(wire: Wire, role: Role, protocols: &[&[u8]]) -> io::Result<Peer> {
        match role {
            Role::Send => Peer::sender(wire, client(protocols)),
            Role::Receive => Peer::receiver(wire, server(protocols)),
        }
    }

    pub fn sender(wire: Wire, config: ClientConfig) -> io::Result<Peer> {
        let name = ServerName::try_from("nobody.invalid").unwrap();
        let tls = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut stream = StreamOwned::new(tls, wire);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Peer::Sender(Box::new(stream)))
    }

    fn receiver(wire: Wire, config: ServerConfig) -> io::Result<Peer> {
        let tls = ServerConnection::new(Arc::new(config)).unwrap();
        let mut stream = StreamOwned::new(tls, wire);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Peer::Receiver(Box::new(stream)))
    }

    pub fn role(&self) -> Role {
        match self {
            Peer::Sender(_) => Role::Send,
            Peer::Receiver(_) => Role::Receive,
        }
    }

    pub fn wire(&mut self) -> &mut Wire {
        match self {
            Peer::Sender(stream) => &mut stream.sock,
            Peer::Receiver(stream) => &mut stream.sock,
        }
    }

    pub fn exporter(&self) -> [u8; 32] {
        let (label, context) = (b"EXPORTER-Channel-Binding", Some(&b""[..]));
        match self {
            Peer::Sender(stream) => {
                stream.conn.export_keying_material([0; 32], label, context).unwrap()
            }
            Peer::Receiver(stream) => {
                stream.conn.export_keying_material([0; 32], label, context).unwrap()
            }
        }
    }

    pub fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Peer::Sender(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
            Peer::Receiver(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        }
    }

    pub fn hear(&mut self) -> io::Result<Said> {
        let mut bytes = [0; 33];
        match self {
            Peer::Sender(stream) => stream.read_exact(&mut bytes)?,
            Peer::Receiver(stream) => stream.read_exact(&mut bytes)?,
        }
        Ok(bytes)
    }

    /// What still comes, decrypted; a closed connection is its end, however it was closed.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        let ended = match self {
            Peer::Sender(stream) => stream.read_to_end(&mut rest),
            Peer::Receiver(stream) => stream.read_to_end(&mut rest),
        };
        if let Err(error) = ended {
            let closed = [io::ErrorKind::UnexpectedEof, io::ErrorKind::ConnectionReset];
            assert!(closed.contains(&error.kind()), "{error}");
        }
        rest
    }

    /// Exchanges shares and works out both proofs.
    pub fn exchange(&mut self, code: &str) -> io::Result<Proofs> {
        let (state, ours) = start(self.role(), code);
        self.say(&ours)?;
        let theirs = self.hear()?;
        let shared = state.finish(&theirs).unwrap();
        Ok(self.proofs(&shared, &ours, &theirs))
    }

    pub fn proofs(&self, shared: &[u8], ours: &Said, theirs: &Said) -> Proofs {
        let (senders, receivers) = match self.role() {
            Role::Send => (ours, theirs),
            Role::Receive => (theirs, ours),
        };
        proofs(shared, senders, receivers, &self.exporter())
    }

    /// All of it, to the receiver's last word; whether both sides agreed.
    pub fn shake(&mut self, code: &str) -> io::Result<bool> {
        let proofs = self.exchange(code)?;
        match self.role() {
            Role::Send => {
                if self.hear()? != proofs.receivers {
                    self.say(&said(3))?;
                    return Ok(false);
                }
                self.say(&proofs.senders)?;
                Ok(self.hear()? == said(2))
            }
            Role::Receive => {
                self.say(&proofs.receivers)?;
                if self.hear()? != proofs.senders {
                    return Ok(false);
                }
                self.say(&said(2))?;
                Ok(true)
            }
        }
    }

    /// Closes without a word.
    pub fn close(mut self) {
        let _ = self.wire().tcp.shutdown(Shutdown::Both);
    }
}

pub fn start(role: Role, code: &str) -> (Spake2<Ed25519Group>, Said) {
    let (password, a, b) = (Password::new(code), Identity::new(SENDER), Identity::new(RECEIVER));
    let (state, share) = match role {
        Role::Send => Spake2::start_a(&password, &a, &b),
        Role::Receive => Spake2::start_b(&password, &a, &b),
    };
    (state, share.try_into().unwrap())
}

/// Both proofs as they are said.
#[derive(Clone, Copy)]
pub struct Proofs {
    pub senders: Said,
    pub receivers: Said,
}

/// One of the things that are said without a proof.
pub fn said(kind: u8) -> Said {
    let mut said = [0; 33];
    said[0] = kind;
    said
}

/// HKDF (RFC 5869) written out: one block of it is enough.
fn proofs(shared: &[u8], senders: &Said, receivers: &Said, exporter: &[u8]) -> Proofs {
    let mac = |key: &[u8], text: &[u8]| {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text).as_ref().to_vec()
    };
    let key = mac(LABEL, shared);
    let transcript = [LABEL, SENDER, senders, RECEIVER, receivers, exporter].concat();
    let proof = |whose: &str| {
        let own = mac(&key, &[whose.as_bytes(), &[1]].concat());
        let mut said = said(1);
        said[1..].copy_from_slice(&mac(&own, &transcript));
        said
    };
    Proofs { senders: proof("sender's proof"), receivers: proof("receiver's proof") }
}

pub fn client(protocols: &[&[u8]]) -> ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(rustls::ALL_VERSIONS)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody))
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    config
}

pub fn server(protocols: &[&[u8]]) -> ServerConfig {
    let key = rcgen::KeyPair::generate().unwrap();
    let cert = rcgen::CertificateParams::new(vec!["nobody.invalid".into()]).unwrap();
    let cert = cert.self_signed(&key).unwrap().der().clone();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(rustls::ALL_VERSIONS)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
        .unwrap();
    config.send_tls13_tickets = 0;
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    config
}

/// Takes whatever is shown, and signatures unseen.
#[derive(Debug)]
pub struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![
            SignatureScheme::ECDSA_NISTP256_SHA256,
            SignatureScheme::ECDSA_NISTP384_SHA384,
            SignatureScheme::ED25519,
            SignatureScheme::RSA_PSS_SHA256,
        ]
    }
}
