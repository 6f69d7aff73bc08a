//! Whether the other side may be trusted: its key by `pin=`, its certificate by `ca=` or the system's
//! roots. The judgement of chains is webpki's; what is ours is the pin and the sentences.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use framecat_proto::Endpoint;
use framecat_proto::options::{Value, print_pin};
use framecat_proto::text::visible;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, RootCertStore, SignatureScheme,
};

use super::{Unusable, file, files};
use crate::error::Untrusted;

/// The certificate that we show a server that asks for one.
#[derive(Debug)]
pub(super) struct OurCert {
    pub(super) cert: Option<Arc<CertifiedKey>>,
    pub(super) asked: Arc<AtomicBool>,
}

impl ResolvesClientCert for OurCert {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.asked.store(true, Ordering::Relaxed);
        self.cert.clone()
    }

    /// True without one too, so that we hear that the server asks.
    fn has_certs(&self) -> bool {
        true
    }
}

/// Who is trusted.
#[derive(Debug)]
pub(super) struct Trust {
    servers: Option<Arc<WebPkiServerVerifier>>,
    clients: Option<Arc<dyn ClientCertVerifier>>,
    /// The certificates of those who are trusted, as they stand in `ca=` or in the system's store.
    listed: Arc<Vec<CertificateDer<'static>>>,
    pin: Option<[u8; 32]>,
    provider: Arc<CryptoProvider>,
}

impl Trust {
    /// For who dials: `ca=` and `pin=`, each alone or both together; the system's roots without.
    pub(super) fn of_servers(
        endpoint: &Endpoint,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Trust, Unusable> {
        let (listed, pin) = asked(endpoint)?;
        let store = match (listed, pin) {
            (Some(listed), _) => Some(Store { roots: Arc::new(anchors(&listed)?), listed }),
            (None, Some(_)) => None,
            (None, None) => Some(system_store()?),
        };
        let Some(Store { roots, listed }) = store else {
            let (listed, provider) = (Arc::default(), provider.clone());
            return Ok(Trust { servers: None, clients: None, listed, pin, provider });
        };
        let servers = WebPkiServerVerifier::builder_with_provider(roots, provider.clone());
        let servers = Some(servers.build().map_err(no_roots)?);
        Ok(Trust { servers, clients: None, listed, pin, provider: provider.clone() })
    }

    /// For who listens: `None` without `ca=` and `pin=`, then no certificate is asked for.
    pub(super) fn of_clients(
        endpoint: &Endpoint,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Option<Trust>, Unusable> {
        let (listed, pin) = asked(endpoint)?;
        let clients = match &listed {
            Some(listed) => {
                let roots = Arc::new(anchors(listed)?);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider.clone());
                Some(verifier.build().map_err(no_roots)?)
            }
            None if pin.is_none() => return Ok(None),
            None => None,
        };
        let listed = listed.unwrap_or_default();
        Ok(Some(Trust { servers: None, clients, listed, pin, provider: provider.clone() }))
    }

    /// `Ok(true)`: the key is the pinned one. `Ok(false)`: none is pinned.
    fn is_pinned(&self, cert: &CertificateDer<'_>, whose: &str) -> Result<bool, rustls::Error> {
        let Some(pin) = &self.pin else { return Ok(false) };
        let found = pin_of(cert)?;
        match found == *pin {
            true => Ok(true),
            false => Err(Untrusted::new(
                format!("{whose} key is not the one of pin=, it is {}", print_pin(&found)),
                "if its key was changed, that is the new pin; if not, somebody else answers",
            )
            .into()),
        }
    }

    /// A verdict of webpki's in the words of [`Untrusted`], where it can be said better with the
    /// certificate in hand. `Ok`: it is trusted all the same, but for its name.
    fn judge(
        &self,
        error: rustls::Error,
        cert: &CertificateDer<'_>,
        whose: &str,
    ) -> Result<(), rustls::Error> {
        let rustls::Error::InvalidCertificate(cause) = &error else { return Err(error) };
        let own = match cause {
            CertificateError::UnknownIssuer => false,
            CertificateError::Other(other) => match other.0.downcast_ref::<webpki::Error>() {
                Some(webpki::Error::CaUsedAsEndEntity) => true,
                _ => return Err(error),
            },
            _ => return Err(error),
        };
        // `openssl req -x509` makes self-signed certificates that call themselves authorities, and
        // webpki takes none for an end entity. Who names this very certificate means it. webpki looks
        // at the dates before it comes to this.
        if own && self.listed.iter().any(|listed| listed == cert) {
            return Ok(());
        }
        let pin = print_pin(&pin_of(cert)?);
        let parsed = webpki::EndEntityCert::try_from(cert)
            .map_err(|_| rustls::Error::InvalidCertificate(CertificateError::BadEncoding))?;
        let said = if parsed.issuer() == parsed.subject() {
            Untrusted::new(
                format!(
                    "{whose} certificate is self-signed, and nothing says that it may be trusted"
                ),
                format!("if it is the right one: ,pin={pin} or ,ca=FILE with it"),
            )
        } else if own {
            Untrusted::new(
                format!("{whose} certificate is an authority's own, which is for signing others"),
                format!(
                    "have one made for this; or, for this key alone and without ca=: ,pin={pin}"
                ),
            )
        } else {
            let issuer = common_name(parsed.issuer());
            let issuer =
                issuer.map_or("an authority without a name".into(), |name| format!("`{name}`"));
            Untrusted::new(
                format!("{whose} certificate comes from {issuer}, which is not trusted here"),
                format!(
                    "ca=FILE names its authority; or, for this key alone and without ca=: ,pin={pin}"
                ),
            )
        };
        Err(said.into())
    }
}

type Asked = (Option<Arc<Vec<CertificateDer<'static>>>>, Option<[u8; 32]>);

/// Who is trusted, ready for webpki and as it was read.
#[derive(Debug, Clone)]
struct Store {
    roots: Arc<RootCertStore>,
    listed: Arc<Vec<CertificateDer<'static>>>,
}

fn asked(endpoint: &Endpoint) -> Result<Asked, Unusable> {
    let listed = file(endpoint, "ca").map(files::certificates).transpose()?.map(Arc::new);
    let pin = match endpoint.options.get("pin") {
        Some(Value::Pin(pin)) => Some(*pin),
        _ => None,
    };
    Ok((listed, pin))
}

fn anchors(listed: &[CertificateDer<'static>]) -> Result<RootCertStore, Unusable> {
    let mut roots = RootCertStore::empty();
    for cert in listed {
        roots.add(cert.clone()).map_err(|error| {
            Unusable::new(
                format!("a certificate of `ca=` cannot be read: {error}"),
                "`openssl x509 -text -in FILE` shows it",
            )
        })?;
    }
    Ok(roots)
}

/// The roots of the system, or of SSL_CERT_FILE and SSL_CERT_DIR: read once, when first needed.
fn system_store() -> Result<Store, Unusable> {
    static STORE: OnceLock<Result<Store, String>> = OnceLock::new();
    let store = STORE.get_or_init(|| {
        let found = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        // A few old roots in a bundle that are no proper certificates harm nothing.
        let (taken, _) = roots.add_parsable_certificates(found.certs.iter().cloned());
        match (taken, found.errors.first()) {
            (1.., _) => Ok(Store { roots: Arc::new(roots), listed: Arc::new(found.certs) }),
            (0, Some(error)) => Err(error.to_string()),
            (0, None) => Err("none was found".into()),
        }
    });
    store.clone().map_err(|error| {
        Unusable::new(
            format!("the certificates of the system's authorities cannot be had: {error}"),
            "install ca-certificates, look at SSL_CERT_FILE, or name them: ca=FILE",
        )
    })
}

fn no_roots(error: impl std::fmt::Display) -> Unusable {
    Unusable::new(format!("nobody could be trusted: {error}"), "ca=FILE names authorities")
}

/// The SHA-256 of a certificate's SubjectPublicKeyInfo (RFC 7469 section 2.4).
pub(super) fn pin_of(cert: &CertificateDer<'_>) -> Result<[u8; 32], rustls::Error> {
    let key = ParsedCertificate::try_from(cert)?.subject_public_key_info();
    let hash = ring::digest::digest(&ring::digest::SHA256, &key);
    hash.as_ref().try_into().map_err(|_| rustls::Error::General("a hash of another length".into()))
}

/// The last commonName (or, without one, organizationName) in the content of a Name in DER, fit to be
/// shown: id-at 3 or 10, then a string of any type shorter than 128 bytes (RFC 5280 appendix A.1).
fn common_name(name: &[u8]) -> Option<String> {
    let find = |attribute: u8| {
        let oid = [0x06, 0x03, 0x55, 0x04, attribute];
        let at = name.windows(oid.len()).rposition(|window| window == oid)?;
        let [_type, len @ 0..=127, text @ ..] = name.get(at + oid.len()..)? else { return None };
        Some(visible(text.get(..usize::from(*len))?, 64))
    };
    find(3).or_else(|| find(10))
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        cert: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.is_pinned(cert, "its")?;
        let Some(webpki) = &self.servers else { return Ok(ServerCertVerified::assertion()) };
        match webpki.verify_server_cert(cert, intermediates, name, ocsp, now) {
            Ok(trusted) => Ok(trusted),
            Err(error) => {
                self.judge(error, cert, "its")?;
                verify_server_name(&ParsedCertificate::try_from(cert)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl ClientCertVerifier for Trust {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.clients.as_ref().map_or(&[], |clients| clients.root_hint_subjects())
    }

    fn verify_client_cert(
        &self,
        cert: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        self.is_pinned(cert, "the client's")?;
        let Some(webpki) = &self.clients else { return Ok(ClientCertVerified::assertion()) };
        webpki.verify_client_cert(cert, intermediates, now).or_else(|error| {
            self.judge(error, cert, "the client's").map(|()| ClientCertVerified::assertion())
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        ServerCertVerifier::verify_tls12_signature(self, message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        ServerCertVerifier::verify_tls13_signature(self, message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ServerCertVerifier::supported_verify_schemes(self)
    }
}
