//! Who is at the other end: the handshake of a transfer, all of it in this file. docs/security.md says what it
//! promises and in which order to review it.
//!
//! ```text
//!   sender: TLS client, SPAKE2's A                receiver: TLS server, SPAKE2's B; whoever of them dialled
//!
//!   ClientHello                          ──►
//!                                        ◄──      ServerHello … Finished
//!   Finished                             ──►         TLS 1.3; nobody looks at the certificate
//!   'A' X                                ──►
//!                                        ◄──      'B' Y
//!                                        ◄──      01 proof that the receiver knows the code
//!   01 proof that the sender does        ──►
//!                                        ◄──      02 done
//! ```
//!
//! TLS with nobody's identity checked keeps out who only listens. Who stands between has two connections of
//! TLS, each with its own exporter value (RFC 9266), and the proofs are over that value: so none that was
//! made for one of them holds on the other. SPAKE2 makes of the code, which has 31 bits, a key that can be
//! guessed at once a run and not at all afterwards.
//!
//! Everything here has a fixed size; nothing is parsed before both proofs have been checked. How long all of it
//! may take is `meet.rs`'s, how many wrong guesses there may be `guesses.rs`'s.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use framecat_proto::transfer::code::Code;
use ring::{hkdf, hmac};
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring::{cipher_suite, default_provider, kx_group};
use rustls::crypto::{CryptoProvider, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::server::NoServerSessionStorage;
use rustls::version::TLS13;
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, ServerConfig, ServerConnection,
    SignatureScheme,
};
use spake2::{Ed25519Group, Identity, Password, Spake2};

use super::Role;
use super::guesses::{Guesses, Over, Stage};
use super::hello::room;
use crate::conn::Stream;
use crate::error::Unmet;
use crate::tls::Session;
use crate::tls::told::Side;

/// What is spoken, and its version: the protocol of TLS (ALPN), and the first part of all that is derived.
const LABEL: &[u8; 19] = b"framecat-transfer/1";

/// The sides as SPAKE2 knows them.
const SENDER: &[u8] = b"framecat-transfer/1 sender";
const RECEIVER: &[u8] = b"framecat-transfer/1 receiver";

/// "tls-exporter", RFC 9266 section 2.
const EXPORTER: &[u8] = b"EXPORTER-Channel-Binding";

/// A message of SPAKE2: the side's letter and a point.
const SHARE: usize = 33;

/// One end of the handshakes that are made with one code.
#[derive(Debug)]
pub(super) struct Handshake {
    role: Role,
    code: Code,
    tls: Tls,
}

#[derive(Debug)]
enum Tls {
    Client(Arc<ClientConfig>),
    Server(Arc<ServerConfig>),
}

impl Handshake {
    /// Who receives makes itself a certificate here, for nobody to look at.
    pub(super) fn new(role: Role, code: &Code) -> Result<Handshake, Unmet> {
        let tls = match role {
            Role::Send => client().map(Tls::Client).map_err(no_tls)?,
            Role::Receive => server().map(Tls::Server).map_err(no_tls)?,
        };
        Ok(Handshake { role, code: code.clone(), tls })
    }

    /// All of it. The stream that comes back is encrypted, and whoever is at its other end knows the code.
    ///
    /// `guesses` has one account for all handshakes with this code. Not cancel safe but for closing: a guess
    /// that is dropped is a wrong one.
    pub(super) async fn shake(
        &self,
        stream: Stream,
        guesses: &Guesses,
        stage: &Stage,
    ) -> Result<Stream, Unmet> {
        let stream = stream.secured(self.session()?).ok_or(Unmet::Broken("it is shared"))?;
        stream.handshake().await.map_err(Unmet::left)?;
        let Some((exporter, protocol)) = stream.exported(EXPORTER) else {
            return Err(Unmet::Broken("TLS has no exporter"));
        };
        if protocol != LABEL {
            return Err(Unmet::Broken("TLS was opened for another protocol"));
        }
        let proofs = self.exchange(&stream, &exporter).await?;
        match self.role {
            Role::Receive => receiver(&stream, &proofs, guesses, stage).await?,
            Role::Send => sender(&stream, &proofs, guesses, stage).await?,
        }
        Ok(stream)
    }

    fn session(&self) -> Result<Session, Unmet> {
        let alpn = String::from_utf8_lossy(LABEL).into_owned();
        let made = match &self.tls {
            Tls::Client(config) => {
                // It is not sent: there is no name to ask for.
                let name = ServerName::from(std::net::Ipv4Addr::UNSPECIFIED);
                let side =
                    Side::Client { asked: Arc::new(AtomicBool::new(false)), has_cert: false, alpn };
                ClientConnection::new(config.clone(), name).map(|tls| Session::new(tls, side))
            }
            Tls::Server(config) => ServerConnection::new(config.clone())
                .map(|tls| Session::new(tls, Side::Server { alpn })),
        };
        made.map_err(no_tls)
    }

    /// Our message for theirs, and what follows from both.
    async fn exchange(&self, stream: &Stream, exporter: &[u8; 32]) -> Result<Proofs, Unmet> {
        let (pake, ours) = Ed25519::start(self.role, &self.code.password());
        stream.write_all(&ours).await.map_err(Unmet::left)?;
        let theirs: [u8; SHARE] = read(stream).await?;
        let shared = pake.finish(&theirs).ok_or(Unmet::Broken("its key share is none"))?;
        let (senders, receivers) = match self.role {
            Role::Send => (&ours, &theirs),
            Role::Receive => (&theirs, &ours),
        };
        Ok(Proofs::of(&shared, senders, receivers, exporter))
    }
}

fn no_tls(why: impl ToString) -> Unmet {
    Unmet::NoTls(why.to_string())
}

/// The receiver proves first. From then on whoever is there can check one guess by itself, so this is where a
/// guess begins.
async fn receiver(
    stream: &Stream,
    proofs: &Proofs,
    guesses: &Guesses,
    stage: &Stage,
) -> Result<(), Unmet> {
    let guess = match guesses.begin(stage).await {
        Ok(guess) => guess,
        Err(over) => return Err(no_more(stream, over).await),
    };
    say(stream, Said::Proof(proofs.receivers())).await?;
    match hear(stream).await? {
        Said::Proof(proof) if proofs.is_senders(&proof) => {}
        Said::Proof(_) | Said::Wrong => {
            drop(guess);
            return Err(wrong(stream, guesses).await);
        }
        Said::Void => return Err(Unmet::Void),
        Said::Taken => return Err(Unmet::Taken),
        Said::Done => return Err(Unmet::Broken("it is done too early")),
    }
    match guess.right() {
        Ok(right) => {
            say(stream, Said::Done).await?;
            right.keep();
            Ok(())
        }
        Err(over) => Err(no_more(stream, over).await),
    }
}

/// The sender hears the receiver's proof, and only if that holds it gives its own.
async fn sender(
    stream: &Stream,
    proofs: &Proofs,
    guesses: &Guesses,
    stage: &Stage,
) -> Result<(), Unmet> {
    let proof = match hear(stream).await? {
        Said::Proof(proof) => proof,
        other => return Err(told(other)),
    };
    let guess = match guesses.begin(stage).await {
        Ok(guess) => guess,
        Err(over) => return Err(no_more(stream, over).await),
    };
    if !proofs.is_receivers(&proof) {
        drop(guess);
        let wrong = wrong(stream, guesses).await;
        // Where it is the receiver who counts, it says whether that was the last guess.
        return Err(match guesses.count() {
            false if matches!(hear(stream).await, Ok(Said::Void)) => Unmet::Void,
            _ => wrong,
        });
    }
    let right = match guess.right() {
        Ok(right) => right,
        Err(over) => return Err(no_more(stream, over).await),
    };
    say(stream, Said::Proof(proofs.senders())).await?;
    match hear(stream).await? {
        Said::Done => {
            right.keep();
            Ok(())
        }
        Said::Proof(_) => Err(Unmet::Broken("it proves twice")),
        other => Err(told(other)),
    }
}

fn told(said: Said) -> Unmet {
    match said {
        Said::Wrong => Unmet::WrongCode,
        Said::Void => Unmet::Void,
        Said::Taken => Unmet::Taken,
        Said::Proof(_) | Said::Done => Unmet::Broken("it is done too early"),
    }
}

/// Tells the other side that the codes differ, and whether that was the last guess.
async fn wrong(stream: &Stream, guesses: &Guesses) -> Unmet {
    let void = guesses.count() && guesses.left() == 0;
    let _ = say(stream, if void { Said::Void } else { Said::Wrong }).await;
    Unmet::WrongCode
}

/// Tells the other side that its guess is not looked at.
async fn no_more(stream: &Stream, over: Over) -> Unmet {
    let (said, unmet) = match over {
        Over::Burned => (Said::Void, Unmet::Void),
        Over::Taken => (Said::Taken, Unmet::Taken),
    };
    let _ = say(stream, said).await;
    unmet
}

/// What is said once the shares are exchanged: 33 bytes each, a kind and a proof, or zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    /// The proof of who says it.
    Proof([u8; 32]),
    /// By the receiver: your proof holds, and you are the one.
    Done,
    /// The codes differ.
    Wrong,
    /// They did so too often.
    Void,
    /// Somebody else is the one.
    Taken,
}

async fn say(stream: &Stream, said: Said) -> Result<(), Unmet> {
    let (kind, proof) = match said {
        Said::Proof(proof) => (1, proof),
        Said::Done => (2, [0; 32]),
        Said::Wrong => (3, [0; 32]),
        Said::Void => (4, [0; 32]),
        Said::Taken => (5, [0; 32]),
    };
    let mut bytes = [kind; SHARE];
    bytes[1..].copy_from_slice(&proof);
    stream.write_all(&bytes).await.map_err(Unmet::left)
}

async fn hear(stream: &Stream) -> Result<Said, Unmet> {
    let bytes: [u8; SHARE] = read(stream).await?;
    let mut proof = [0; 32];
    proof.copy_from_slice(&bytes[1..]);
    match (bytes[0], proof) {
        (1, proof) => Ok(Said::Proof(proof)),
        (2, _) if proof == [0; 32] => Ok(Said::Done),
        (3, _) if proof == [0; 32] => Ok(Said::Wrong),
        (4, _) if proof == [0; 32] => Ok(Said::Void),
        (5, _) if proof == [0; 32] => Ok(Said::Taken),
        _ => Err(Unmet::Broken("what it said is none of the five things to say")),
    }
}

/// So many bytes, and not one behind them.
async fn read<const N: usize>(stream: &Stream) -> Result<[u8; N], Unmet> {
    let mut heard = room(N);
    while heard.len() < N {
        if stream.read(&mut heard).await.map_err(Unmet::left)? == 0 {
            return Err(Unmet::Left { why: None });
        }
    }
    Ok(std::array::from_fn(|at| heard[at]))
}

/// Both proofs of one run, each with a key of its own.
struct Proofs {
    senders: hmac::Key,
    receivers: hmac::Key,
    transcript: Vec<u8>,
}

impl Proofs {
    /// The transcript holds the version, the roles, both messages and the value of this very connection of
    /// TLS; each part of it has a fixed size.
    fn of(
        shared: &[u8; 32],
        senders: &[u8; SHARE],
        receivers: &[u8; SHARE],
        exporter: &[u8; 32],
    ) -> Proofs {
        let transcript = [&LABEL[..], SENDER, senders, RECEIVER, receivers, exporter].concat();
        let key = hkdf::Salt::new(hkdf::HKDF_SHA256, LABEL).extract(shared);
        Proofs {
            senders: proof_key(&key, b"sender's proof"),
            receivers: proof_key(&key, b"receiver's proof"),
            transcript,
        }
    }

    fn senders(&self) -> [u8; 32] {
        tag(&self.senders, &self.transcript)
    }

    fn receivers(&self) -> [u8; 32] {
        tag(&self.receivers, &self.transcript)
    }

    /// In a time that does not depend on how much of it is right.
    fn is_senders(&self, proof: &[u8; 32]) -> bool {
        hmac::verify(&self.senders, &self.transcript, proof).is_ok()
    }

    /// Likewise.
    fn is_receivers(&self, proof: &[u8; 32]) -> bool {
        hmac::verify(&self.receivers, &self.transcript, proof).is_ok()
    }
}

fn proof_key(key: &hkdf::Prk, whose: &'static [u8]) -> hmac::Key {
    match key.expand(&[whose], hmac::HMAC_SHA256) {
        Ok(okm) => hmac::Key::from(okm),
        // 32 bytes; HKDF refuses more than 8,160.
        Err(ring::error::Unspecified) => unreachable!("HKDF gives a key of HMAC's size"),
    }
}

fn tag(key: &hmac::Key, transcript: &[u8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(hmac::sign(key, transcript).as_ref());
    bytes
}

/// The one door to the crate of the key exchange, which nobody has audited: whoever replaces it does it here.
trait Pake: Sized {
    /// Makes the message for the other side.
    fn start(role: Role, password: &[u8]) -> (Self, [u8; SHARE]);

    /// Takes its message. What comes out is the same on both sides if their passwords are, and is known to
    /// nobody else. `None`: it is no message, or that of our own role.
    fn finish(self, theirs: &[u8; SHARE]) -> Option<[u8; 32]>;
}

/// SPAKE2 (RFC 9382 describes the kin of it) over edwards25519, as magic-wormhole has it.
struct Ed25519(Spake2<Ed25519Group>);

impl Pake for Ed25519 {
    fn start(role: Role, password: &[u8]) -> (Ed25519, [u8; SHARE]) {
        let (password, a, b) =
            (Password::new(password), Identity::new(SENDER), Identity::new(RECEIVER));
        let (state, share) = match role {
            Role::Send => Spake2::start_a(&password, &a, &b),
            Role::Receive => Spake2::start_b(&password, &a, &b),
        };
        (Ed25519(state), std::array::from_fn(|at| share[at]))
    }

    fn finish(self, theirs: &[u8; SHARE]) -> Option<[u8; 32]> {
        self.0.finish(theirs).ok()?.try_into().ok()
    }
}

/// The cryptography of TLS: *ring*'s, with one way to exchange keys; of the ciphers the one first that moves
/// files fastest, which has keys of 128 bits.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider {
        kx_groups: vec![kx_group::X25519],
        cipher_suites: vec![
            cipher_suite::TLS13_AES_128_GCM_SHA256,
            cipher_suite::TLS13_AES_256_GCM_SHA384,
            cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
        ],
        ..default_provider()
    })
}

fn client() -> Result<Arc<ClientConfig>, rustls::Error> {
    let provider = provider();
    let mut config = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
        .with_no_client_auth();
    config.alpn_protocols = vec![LABEL.to_vec()];
    config.enable_sni = false;
    config.enable_early_data = false;
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

fn server() -> Result<Arc<ServerConfig>, Box<dyn std::error::Error + Send + Sync>> {
    let key = rcgen::KeyPair::generate()?;
    let mut params = rcgen::CertificateParams::new(Vec::new())?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    let cert = params.self_signed(&key)?.der().clone();
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .with_no_client_auth()
        .with_single_cert(vec![cert], PrivatePkcs8KeyDer::from(key.serialize_der()).into())?;
    config.alpn_protocols = vec![LABEL.to_vec()];
    config.max_early_data_size = 0;
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(Arc::new(config))
}

/// Takes every certificate: who the other side is, the code decides. That it holds the key of its certificate is
/// checked as always.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

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
        Err(rustls::Error::General("only TLS 1.3 is spoken".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests;
