//! Certificates and keys: out of files (PEM, RFC 7468), or made on the spot.

use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use framecat_proto::endpoint::{Host, HostPort};
use framecat_proto::limits::PEM_BYTES;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;

use super::Unusable;
use crate::error::plain;

/// A file with the option that names it.
#[derive(Clone, Copy)]
pub(super) struct Named<'a> {
    pub(super) option: &'static str,
    pub(super) path: &'a [u8],
}

impl Named<'_> {
    fn path(&self) -> &Path {
        Path::new(std::ffi::OsStr::from_bytes(self.path))
    }

    fn unusable(&self, problem: impl std::fmt::Display, remedy: impl Into<String>) -> Unusable {
        Unusable::new(format!("{}={}: {problem}", self.option, self.path().display()), remedy)
    }

    fn read(&self) -> Result<Vec<u8>, Unusable> {
        let mut bytes = Vec::new();
        let read = File::open(self.path())
            .and_then(|file| file.take(PEM_BYTES as u64 + 1).read_to_end(&mut bytes));
        if let Err(error) = read {
            let remedy = "name a file in PEM that can be read; `ls -l` shows it";
            return Err(self.unusable(plain(&error), remedy));
        }
        if bytes.len() > PEM_BYTES {
            let problem = format!("it has more than {} MiB", PEM_BYTES >> 20);
            return Err(self.unusable(problem, "name the file of certificates or keys"));
        }
        Ok(bytes)
    }
}

/// All certificates of a file, at least one.
pub(super) fn certificates(file: Named<'_>) -> Result<Vec<CertificateDer<'static>>, Unusable> {
    let bytes = file.read()?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) if bytes.first() == Some(&0x30) => {
            let path = file.path().display();
            let remedy =
                format!("`openssl x509 -inform der -in {path} -out {path}.pem` makes it PEM");
            Err(file.unusable("it is DER, or PKCS #12, and not PEM", remedy))
        }
        Ok(_) => {
            let remedy = "a certificate begins with the line -----BEGIN CERTIFICATE-----";
            Err(file.unusable("it holds no certificate", remedy))
        }
        Err(error) => {
            let problem = format!("its PEM is broken: {error}");
            Err(file.unusable(problem, "`openssl x509 -text -in FILE` shows what can be read"))
        }
    }
}

/// A certificate with its chain and its key. Without a file of its own the key lies with it.
pub(super) fn identity(
    cert: Named<'_>,
    key: Option<Named<'_>>,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, Unusable> {
    let chain = certificates(cert)?;
    let of_key = key.unwrap_or(cert);
    let bytes = of_key.read()?;
    let key = PrivateKeyDer::from_pem_slice(&bytes).map_err(|_| {
        let text = String::from_utf8_lossy(&bytes);
        let path = of_key.path().display();
        if text.contains("ENCRYPTED") {
            let remedy =
                format!("`openssl pkey -in {path} -out {path}.plain` takes the password off");
            return of_key.unusable("its key is locked by a password", remedy);
        }
        match key {
            Some(_) => of_key.unusable(
                "it holds no private key in PEM",
                "a key begins with the line -----BEGIN PRIVATE KEY-----",
            ),
            None => of_key.unusable(
                "it holds a certificate and no private key",
                "key=FILE names the file of the key",
            ),
        }
    })?;
    let shown = |error: rustls::Error| {
        match error {
        rustls::Error::InconsistentKeys(_) => of_key.unusable(
            format!("it is not the key of the certificate in {}", cert.path().display()),
            "the two belong together: `openssl pkey -pubout` and `openssl x509 -pubkey` print the same",
        ),
        error => of_key.unusable(
            format!("its key or certificate cannot be used: {error}"),
            "ECDSA (P-256, P-384), Ed25519 and RSA of 2048 bits and more are",
        ),
    }
    };
    CertifiedKey::from_der(chain, key, provider).map_err(shown)
}

/// A fresh key (ECDSA on P-256) and a certificate for this machine and the host of the endpoint, signed
/// by itself. It is written nowhere.
pub(super) fn self_signed(
    at: &HostPort,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, Unusable> {
    let failed = |error: &dyn std::fmt::Display| {
        Unusable::new(
            format!("no certificate can be made: {error}"),
            "name one: cert=FILE,key=FILE",
        )
    };
    let mut names = vec!["localhost".to_string(), "127.0.0.1".into(), "::1".into()];
    let own = rustix::system::uname().nodename().to_string_lossy().into_owned();
    match &at.host {
        Some(Host::Name(name)) => names.push(name.clone()),
        Some(Host::V4(address)) if !address.is_unspecified() => names.push(address.to_string()),
        Some(Host::V6 { address, .. }) if !address.is_unspecified() => {
            names.push(address.to_string());
        }
        _ if own.is_ascii() && !own.is_empty() => names.push(own),
        _ => {}
    }
    names.dedup();
    let key = rcgen::KeyPair::generate().map_err(|error| failed(&error))?;
    let mut params = rcgen::CertificateParams::new(names).map_err(|error| failed(&error))?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, "framecat, self-signed");
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let cert = params.self_signed(&key).map_err(|error| failed(&error))?;
    let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    CertifiedKey::from_der(vec![cert.der().clone()], der, provider).map_err(|error| failed(&error))
}
