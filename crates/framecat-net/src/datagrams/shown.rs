//! Addresses of datagram peers as they print.

use std::net::SocketAddr;

use rustix::net::{SocketAddrAny, SocketAddrUnix};

/// An address as endpoints print it: `127.0.0.1:9000`, `[::1]:9000`, `/path`, `@name`.
pub(crate) fn shown(address: &SocketAddrAny) -> String {
    if let Ok(ip) = SocketAddr::try_from(address.clone()) {
        return shown_ip(ip);
    }
    match SocketAddrUnix::try_from(address.clone()) {
        Ok(unix) => shown_unix(&unix),
        Err(_) => "an unknown address".into(),
    }
}

/// An IP address as endpoints print it; IPv4 peers of a dual-stack socket as IPv4.
pub(crate) fn shown_ip(address: SocketAddr) -> String {
    SocketAddr::new(address.ip().to_canonical(), address.port()).to_string()
}

fn shown_unix(unix: &SocketAddrUnix) -> String {
    use framecat_proto::endpoint::UnixPath;
    if is_unnamed(unix) {
        return "unnamed".into();
    }
    if let Some(name) = unix.abstract_name() {
        return UnixPath::Abstract(name.to_vec()).to_string();
    }
    match unix.path_bytes() {
        Some(path) if !path.is_empty() => UnixPath::Path(path.to_vec()).to_string(),
        _ => "unnamed".into(),
    }
}

/// Whether a Unix peer bound no name. The kernel gives such a sender as an address without a path,
/// which reads as an abstract name of no bytes too.
fn is_unnamed(unix: &SocketAddrUnix) -> bool {
    unix.is_unnamed() || unix.abstract_name().is_some_and(<[u8]>::is_empty)
}
