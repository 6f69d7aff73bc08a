//! What went wrong in TLS, in sentences: for each kind of failure its own, and what to try.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use framecat_proto::text::visible;
use rustls::{AlertDescription, CertificateError, PeerIncompatible};

use crate::error::Untrusted;

/// Which side of a connection is ours, and what a sentence needs to know of it.
#[derive(Debug, Clone)]
pub(crate) enum Side {
    /// We dialled.
    Client {
        /// The server asked for a certificate.
        asked: Arc<AtomicBool>,
        /// We had one to show.
        has_cert: bool,
        /// The protocols that we named, as typed.
        alpn: String,
    },
    /// We listen.
    Server {
        /// The protocols that we named, as typed.
        alpn: String,
    },
}

/// What a TLS connection failed with. `handshaking`: it failed before it was open; `heard` are the first
/// bytes that came then.
pub(crate) fn of(error: &rustls::Error, side: &Side, handshaking: bool, heard: &[u8]) -> Untrusted {
    if handshaking && !heard.is_empty() && !begins_like_tls(heard) {
        return plain(side, heard);
    }
    match error {
        rustls::Error::InvalidCertificate(CertificateError::Other(other)) => {
            match other.0.downcast_ref::<Untrusted>() {
                Some(said) => said.clone(),
                None => other_error(error, side),
            }
        }
        rustls::Error::InvalidCertificate(cause) => certificate(cause, whose(side)),
        rustls::Error::AlertReceived(alert) => alerted(*alert, side),
        rustls::Error::NoCertificatesPresented => match side {
            Side::Server { .. } => Untrusted::new(
                "the client shows no certificate, and ca= or pin= demands one",
                "it has one to give: framecat connect tls://…,cert=FILE,key=FILE",
            ),
            Side::Client { .. } => Untrusted::new(
                "the server shows no certificate",
                "its configuration lacks one; nothing can be trusted without",
            ),
        },
        rustls::Error::NoApplicationProtocol => no_protocol(side),
        rustls::Error::PeerIncompatible(cause) => incompatible(cause, side),
        _ => other_error(error, side),
    }
}

/// The TCP stream ended before the handshake did.
pub(crate) fn hung_up(side: &Side, heard: &[u8]) -> Untrusted {
    if !heard.is_empty() && !begins_like_tls(heard) {
        return plain(side, heard);
    }
    match side {
        Side::Client { .. } => Untrusted::new(
            "the server hung up in the middle of the TLS handshake",
            "its own log may say why; if it speaks no TLS, dial tcp://",
        ),
        Side::Server { .. } => Untrusted::new(
            "the client left in the middle of the TLS handshake",
            "its own log may say why",
        ),
    }
}

/// A record begins with its type, 20 to 24, and the version 3.x (RFC 8446 section 5.1).
fn begins_like_tls(heard: &[u8]) -> bool {
    (20..=24).contains(&heard[0]) && heard.get(1).is_none_or(|major| *major == 3)
}

fn plain(side: &Side, heard: &[u8]) -> Untrusted {
    let said = visible(heard, 32);
    match side {
        Side::Client { .. } => Untrusted::new(
            format!("the peer does not speak TLS; it said `{said}`"),
            "dial it as tcp://, or ask for its TLS port",
        ),
        Side::Server { .. } => Untrusted::new(
            format!("the client does not speak TLS; it said `{said}`"),
            "it has to dial tls://, as here framecat connect tls://…; or listen on tcp://",
        ),
    }
}

fn whose(side: &Side) -> &'static str {
    match side {
        Side::Client { .. } => "its certificate",
        Side::Server { .. } => "the client's certificate",
    }
}

/// What is wrong with a certificate, apart from who signed it (`open/tls/trust.rs` knows more of that).
pub(crate) fn certificate(cause: &CertificateError, whose: &str) -> Untrusted {
    use CertificateError as E;
    match cause {
        E::ExpiredContext { not_after, .. } => Untrusted::new(
            format!("{whose} expired on {}", day(not_after.as_secs())),
            "whoever shows it has to renew it; pin= trusts its key whatever the date",
        ),
        E::NotValidYetContext { time, not_before } => Untrusted::new(
            format!(
                "{whose} is valid from {} on, and here it is {}",
                day(not_before.as_secs()),
                day(time.as_secs())
            ),
            "one of the two clocks may be wrong; pin= trusts its key whatever the date",
        ),
        E::NotValidForNameContext { expected, presented } => wrong_name(expected, presented, whose),
        E::InvalidPurposeContext { required, presented } => {
            let kinds: Vec<String> = presented.iter().map(|kind| kind.to_string()).collect();
            let kinds = if kinds.is_empty() { "nothing".into() } else { kinds.join(", ") };
            Untrusted::new(
                format!("{whose} is not for {required}, but for {kinds}"),
                "it was made for another use: its extendedKeyUsage says so; have one made for this",
            )
        }
        E::BadSignature => Untrusted::new(
            format!("{whose} was not signed by whom it names: the signature is wrong"),
            "it was changed on the way or badly made; nothing can be trusted here",
        ),
        E::UnsupportedSignatureAlgorithmContext { signature_algorithm_id, .. }
        | E::UnsupportedSignatureAlgorithmForPublicKeyContext { signature_algorithm_id, .. } => {
            Untrusted::new(
                format!(
                    "{whose} is signed in a way that is too weak or not known here: {}",
                    algorithm(signature_algorithm_id)
                ),
                "have it signed with SHA-256 and ECDSA, Ed25519 or RSA of 2048 bits and more",
            )
        }
        E::UnhandledCriticalExtension => Untrusted::new(
            format!("{whose} has a critical extension that is not known here"),
            "it cannot be judged without; have one made without it",
        ),
        E::BadEncoding => Untrusted::new(
            format!("{whose} cannot be read: it is no X.509 certificate of version 3"),
            "`openssl s_client -showcerts` shows it; have it made anew",
        ),
        other => Untrusted::new(
            format!("{whose} is refused: {}", first_small(&other.to_string())),
            "`openssl s_client -showcerts` shows it",
        ),
    }
}

fn wrong_name(
    expected: &rustls::pki_types::ServerName<'_>,
    presented: &[String],
    whose: &str,
) -> Untrusted {
    // DnsName("a.example") and IpAddress(…) as webpki prints them.
    let names: Vec<&str> = presented
        .iter()
        .map(|name| name.split(['(', ')']).nth(1).unwrap_or(name).trim_matches('"'))
        .collect();
    let expected = expected.to_str();
    match names.first() {
        None => Untrusted::new(
            format!("{whose} names no host, so it is not {expected}'s"),
            "a certificate needs its host as a subjectAltName; have it made anew",
        ),
        Some(first) => {
            let shown = names.iter().take(5).copied().collect::<Vec<_>>().join(", ");
            let more = if names.len() > 5 { ", …" } else { "" };
            Untrusted::new(
                format!("{whose} is for {shown}{more}, not for {expected}"),
                format!("if that is whom you mean: ,sni={}", first.trim_start_matches("*.")),
            )
        }
    }
}

fn alerted(alert: AlertDescription, side: &Side) -> Untrusted {
    use AlertDescription as A;
    let word = alert_word(alert);
    match (alert, side) {
        (A::CertificateRequired, Side::Client { .. }) => no_client_cert(),
        (A::HandshakeFailure | A::BadCertificate, Side::Client { asked, has_cert: false, .. })
            if asked.load(Ordering::Relaxed) =>
        {
            no_client_cert()
        }
        (
            A::UnknownCA
            | A::BadCertificate
            | A::CertificateUnknown
            | A::CertificateExpired
            | A::CertificateRevoked
            | A::UnsupportedCertificate
            | A::AccessDenied
            | A::DecryptError,
            Side::Server { .. },
        ) => Untrusted::new(
            format!("the client does not trust our certificate: it says {word}"),
            "give it the pin that was told when listening began, or ca=FILE with who signed ours",
        ),
        (
            A::UnknownCA
            | A::BadCertificate
            | A::CertificateUnknown
            | A::CertificateExpired
            | A::CertificateRevoked
            | A::UnsupportedCertificate
            | A::AccessDenied
            | A::DecryptError,
            Side::Client { .. },
        ) => Untrusted::new(
            format!("the server does not trust our certificate: it says {word}"),
            "cert=FILE,key=FILE must be from an authority that it knows, and in date",
        ),
        (A::NoApplicationProtocol, side) => no_protocol(side),
        (A::ProtocolVersion, _) | (A::HandshakeFailure | A::InsufficientSecurity, _) => {
            nothing_shared(&format!("it says {word}"))
        }
        (A::UnrecognisedName, Side::Client { .. }) => Untrusted::new(
            "the server knows no host of the name that we ask for",
            "sni=NAME asks for another one",
        ),
        _ => {
            Untrusted::new(format!("the peer ended TLS: it says {word}"), "its own log may say why")
        }
    }
}

fn no_client_cert() -> Untrusted {
    Untrusted::new(
        "the server demands a certificate of its clients, and it got none from us",
        "cert=FILE,key=FILE shows one",
    )
}

fn no_protocol(side: &Side) -> Untrusted {
    match side {
        Side::Client { alpn, .. } => Untrusted::new(
            format!("the server speaks no protocol of alpn={alpn}"),
            "alpn= names what it speaks; without it none is asked for",
        ),
        Side::Server { alpn } => Untrusted::new(
            format!("the client asks for none of the protocols of alpn={alpn}"),
            "alpn= has to name one that it speaks; without it any is accepted",
        ),
    }
}

fn nothing_shared(said: &str) -> Untrusted {
    Untrusted::new(
        format!("no TLS version or cipher is known to both sides: {said}"),
        "here it is TLS 1.2 and 1.3 with AES-GCM or ChaCha20; the other side has to allow one of these",
    )
}

fn incompatible(cause: &PeerIncompatible, side: &Side) -> Untrusted {
    use PeerIncompatible as P;
    let who = match side {
        Side::Client { .. } => "the server",
        Side::Server { .. } => "the client",
    };
    match cause {
        P::ServerDoesNotSupportTls12Or13
        | P::ServerTlsVersionIsDisabledByOurConfig
        | P::Tls12NotOffered
        | P::Tls12NotOfferedOrEnabled
        | P::SupportedVersionsExtensionRequired
        // TLS 1.1 has no such extension.
        | P::SignatureAlgorithmsExtensionRequired => {
            nothing_shared(&format!("{who} has older versions only"))
        }
        P::NoCipherSuitesInCommon => nothing_shared(&format!("{who} has other ciphers")),
        P::NoKxGroupsInCommon | P::NamedGroupsExtensionRequired => {
            nothing_shared(&format!("{who} agrees keys in another way"))
        }
        P::NoSignatureSchemesInCommon | P::NoCertificateRequestSignatureSchemesInCommon => {
            nothing_shared(&format!("{who} takes no signature that our key can make"))
        }
        other => nothing_shared(&format!("{other:?}")),
    }
}

fn other_error(error: &rustls::Error, side: &Side) -> Untrusted {
    let who = match side {
        Side::Client { .. } => "the server",
        Side::Server { .. } => "the client",
    };
    Untrusted::new(
        format!("{who} breaks TLS: {}", first_small(&error.to_string())),
        "something on the way changes the bytes, or its TLS is faulty; its own log may say more",
    )
}

fn first_small(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |c| c.to_lowercase().chain(letters).collect())
}

/// As RFC 8446 section 6 writes it: `unknown_ca`.
fn alert_word(alert: AlertDescription) -> String {
    let name = format!("{alert:?}").replace("CA", "Ca");
    let mut word = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !word.is_empty() {
            word.push('_');
        }
        word.extend(c.to_lowercase());
    }
    word
}

/// The day of a time in seconds since 1970, in UTC: `2026-11-25`. A certificate may name any year up to
/// 9999 (the days of 400 years of the Gregorian calendar are 146,097).
fn day(secs: u64) -> String {
    // Counted from 1 March 0000, so that a leap day is the last day of its year.
    let days = secs / 86_400 + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    format!("{:04}-{month:02}-{day:02}", era * 400 + year + u64::from(month <= 2))
}

/// A signature algorithm by the content of its AlgorithmIdentifier (RFC 8017 appendix A.2.4, RFC 5758).
fn algorithm(id: &[u8]) -> &'static str {
    const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1];
    const ECDSA_SHA1: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1];
    let has = |oid: &[u8]| id.windows(oid.len()).position(|window| window == oid);
    match has(RSA).and_then(|at| id.get(at + RSA.len())) {
        Some(2 | 4) => "MD5 and RSA",
        Some(5) => "SHA-1 and RSA",
        Some(10) => "RSA-PSS with parameters of its own",
        Some(_) => "RSA with a key of a size not taken",
        None if has(ECDSA_SHA1).is_some() => "SHA-1 and ECDSA",
        None => "an algorithm that is none of ECDSA, Ed25519 and RSA",
    }
}

impl From<Untrusted> for io::Error {
    /// How it travels through what reads and writes bytes.
    fn from(said: Untrusted) -> io::Error {
        io::Error::new(io::ErrorKind::PermissionDenied, said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_as_its_day() {
        for (secs, told) in [
            (0, "1970-01-01"),
            (951_782_399, "2000-02-28"),
            (951_782_400, "2000-02-29"),
            (1_709_164_800, "2024-02-29"),
            (4_107_542_400, "2100-03-01"),
            (253_402_300_799, "9999-12-31"),
        ] {
            assert_eq!(day(secs), told);
        }
    }

    #[test]
    fn an_alert_is_told_by_its_name_in_the_rfc() {
        for (alert, word) in [
            (AlertDescription::UnknownCA, "unknown_ca"),
            (AlertDescription::HandshakeFailure, "handshake_failure"),
            (AlertDescription::NoApplicationProtocol, "no_application_protocol"),
        ] {
            assert_eq!(alert_word(alert), word);
        }
    }
}
