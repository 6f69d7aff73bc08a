//! Certificates of every kind, good and bad, made when they are asked for.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair,
};

use crate::run::Folder;

/// The paths of a certificate and its key.
pub struct Pair {
    pub cert: String,
    pub key: String,
}

/// An authority and a folder for what it signs.
pub struct Certs {
    folder: Folder,
    issuer: Issuer<'static, KeyPair>,
    /// The path of the authority's own certificate.
    pub ca: String,
}

impl Certs {
    pub fn new() -> Certs {
        Certs::of("The Test Authority")
    }

    /// Of an authority with this name.
    pub fn of(name: &str) -> Certs {
        let folder = Folder::new();
        let key = KeyPair::generate().unwrap();
        let params = authority(name);
        let ca = folder.file("ca.pem");
        write(&ca, "CERTIFICATE", params.self_signed(&key).unwrap().der());
        Certs { folder, issuer: Issuer::new(params, key), ca }
    }

    /// A path in the folder.
    pub fn file(&self, name: &str) -> String {
        self.folder.file(name)
    }

    /// A certificate of the authority, changed before it is signed.
    pub fn signed(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Pair {
        let key = KeyPair::generate().unwrap();
        let mut params = leaf();
        change(&mut params);
        let cert = params.signed_by(&key, &self.issuer).unwrap();
        self.keep(name, cert.der(), &key)
    }

    /// One that signed itself.
    pub fn self_signed(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Pair {
        let key = KeyPair::generate().unwrap();
        let mut params = leaf();
        change(&mut params);
        let cert = params.self_signed(&key).unwrap();
        self.keep(name, cert.der(), &key)
    }

    /// A good one for this machine.
    pub fn good(&self) -> Pair {
        let pair = Pair { cert: self.file("good.pem"), key: self.file("good.key") };
        match std::path::Path::new(&pair.cert).exists() {
            true => pair,
            false => self.signed("good", |_| {}),
        }
    }

    /// A good one whose signature has a bit changed.
    pub fn broken(&self, name: &str) -> Pair {
        let key = KeyPair::generate().unwrap();
        let mut der = leaf().signed_by(&key, &self.issuer).unwrap().der().to_vec();
        *der.last_mut().unwrap() ^= 1;
        self.keep(name, &der, &key)
    }

    fn keep(&self, name: &str, der: &[u8], key: &KeyPair) -> Pair {
        let pair = Pair {
            cert: self.file(&format!("{name}.pem")),
            key: self.file(&format!("{name}.key")),
        };
        write(&pair.cert, "CERTIFICATE", der);
        write(&pair.key, "PRIVATE KEY", &key.serialize_der());
        pair
    }
}

fn named(name: &str) -> DistinguishedName {
    let mut named = DistinguishedName::new();
    named.push(DnType::CommonName, name);
    named
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = named(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

fn leaf() -> CertificateParams {
    let names = ["localhost", "127.0.0.1", "::1"].map(String::from);
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name = named("a peer");
    params
}

/// For clients only.
pub fn for_clients(params: &mut CertificateParams) {
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
}

/// For the names given only.
pub fn for_names(names: &[&str]) -> impl FnOnce(&mut CertificateParams) {
    let other =
        CertificateParams::new(names.iter().map(|name| name.to_string()).collect::<Vec<_>>());
    let names = other.unwrap().subject_alt_names;
    move |params| params.subject_alt_names = names
}

/// An authority's own.
pub fn an_authority(params: &mut CertificateParams) {
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
}

fn write(path: &str, label: &str, der: &[u8]) {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    let text = format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"));
    std::fs::write(path, text).unwrap();
}
