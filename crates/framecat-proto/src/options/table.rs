//! Every option of an endpoint, in the order in which they are set and printed.

use std::time::Duration;

use super::{Kind, OptionAbout, When};

const INET: &[&str] = &["tcp", "tls", "udp"];
const NET: &[&str] = &["tcp", "tls", "udp", "broadcast", "multicast"];
const TCP: &[&str] = &["tcp", "tls"];
const TLS: &[&str] = &["tls"];
const SOCKETS: &[&str] =
    &["tcp", "tls", "udp", "unix", "unixgram", "unixseq", "broadcast", "multicast"];
const FILES: &[&str] = &["file"];
const LISTENERS: &[&str] = &["tcp", "tls", "unix", "unixseq"];

/// The largest buffer that may be asked for; the kernel bounds it far lower (`net.core.rmem_max`).
const BUFFER: Kind = Kind::Size { min: 1, max: 1 << 30 };

/// The table of options: the reference page, and what the parser accepts.
///
/// `IP_TTL, IPV6_UNICAST_HOPS` and the like name the option for either family of address.
pub const OPTIONS: &[OptionAbout] = &[
    OptionAbout {
        name: "reuseaddr",
        kind: Kind::Flag,
        level: "SOL_SOCKET",
        c_name: "SO_REUSEADDR",
        when: When::BeforeBind,
        schemes: INET,
        about: "Bind although connections of an earlier socket on the port are in TIME_WAIT; \
                on udp, share the port, whose last binder takes the unicast datagrams.",
        default: "on for a listening tcp socket, else off",
        example: "reuseaddr=off",
    },
    OptionAbout {
        name: "reuseport",
        kind: Kind::Flag,
        level: "SOL_SOCKET",
        c_name: "SO_REUSEPORT",
        when: When::BeforeBind,
        schemes: INET,
        about: "Share the port with other sockets of the same user that ask for it too; \
                the kernel spreads connections and datagrams over them.",
        default: "off",
        example: "reuseport",
    },
    OptionAbout {
        name: "v6only",
        kind: Kind::Flag,
        level: "SOL_IPV6",
        c_name: "IPV6_V6ONLY",
        when: When::BeforeBind,
        schemes: INET,
        about: "An IPv6 socket takes IPv6 only, and leaves the IPv4 port to others.",
        default: "off",
        example: "v6only",
    },
    OptionAbout {
        name: "dev",
        kind: Kind::Text,
        level: "SOL_SOCKET, SOL_IP, SOL_IPV6",
        c_name: "SO_BINDTODEVICE, IP_MULTICAST_IF, IPV6_MULTICAST_IF",
        when: When::BeforeBind,
        schemes: NET,
        about: "Send and receive through this network interface only; on multicast, the one that \
                the group is joined on and that datagrams to it leave by.",
        default: "any interface; on multicast, the one that the route to the group names",
        example: "dev=eth0",
    },
    OptionAbout {
        name: "source",
        kind: Kind::Ip,
        level: "-",
        c_name: "MCAST_JOIN_SOURCE_GROUP",
        when: When::Any,
        schemes: &["multicast"],
        about: "Join the group for what this host sends to it, and hear no other (RFC 4607); \
                for who listens.",
        default: "every sender",
        example: "source=192.0.2.7",
    },
    OptionAbout {
        name: "broadcast",
        kind: Kind::Flag,
        level: "SOL_SOCKET",
        c_name: "SO_BROADCAST",
        when: When::Any,
        schemes: &["udp", "broadcast"],
        about: "Allow sending to broadcast addresses; without it the kernel refuses with EACCES. \
                A udp socket hears no answer but from the address dialled: broadcast:// hears all.",
        default: "off; on for broadcast",
        example: "broadcast",
    },
    OptionAbout {
        name: "loop",
        kind: Kind::Flag,
        level: "SOL_IP, SOL_IPV6",
        c_name: "IP_MULTICAST_LOOP, IPV6_MULTICAST_LOOP",
        when: When::Any,
        schemes: &["multicast"],
        about: "What is sent to the group reaches listeners of this machine too; for who dials.",
        default: "on",
        example: "loop=off",
    },
    OptionAbout {
        name: "rcvbuf",
        kind: BUFFER,
        level: "SOL_SOCKET",
        c_name: "SO_RCVBUF",
        when: When::BeforeBind,
        schemes: NET,
        about: "The receive buffer in bytes; Linux doubles it for its own bookkeeping, bounds it \
                by net.core.rmem_max and stops tuning it.",
        default: "tuned by the kernel",
        example: "rcvbuf=1MiB",
    },
    OptionAbout {
        name: "sndbuf",
        kind: BUFFER,
        level: "SOL_SOCKET",
        c_name: "SO_SNDBUF",
        when: When::BeforeBind,
        schemes: SOCKETS,
        about: "The send buffer in bytes; Linux doubles it for its own bookkeeping, bounds it \
                by net.core.wmem_max and stops tuning it.",
        default: "tuned by the kernel",
        example: "sndbuf=1MiB",
    },
    OptionAbout {
        name: "mark",
        kind: Kind::Int { min: 0, max: u32::MAX as i64 },
        level: "SOL_SOCKET",
        c_name: "SO_MARK",
        when: When::BeforeBind,
        schemes: NET,
        about: "The mark that routing rules and firewalls see on each packet; \
                setting it needs CAP_NET_ADMIN or CAP_NET_RAW.",
        default: "0",
        example: "mark=0x10",
    },
    OptionAbout {
        name: "bind",
        kind: Kind::Address,
        level: "-",
        c_name: "bind(2)",
        when: When::BeforeConnect,
        schemes: NET,
        about: "Dial from this address and port of ours; no address or port 0 leaves that part \
                to the kernel.",
        default: "chosen by the route",
        example: "bind=192.0.2.7:0",
    },
    OptionAbout {
        name: "fastopen",
        kind: Kind::Flag,
        level: "SOL_TCP",
        c_name: "TCP_FASTOPEN, TCP_FASTOPEN_CONNECT",
        when: When::BeforeConnect,
        schemes: TCP,
        about: "Carry the first bytes in the SYN (RFC 7413): a listener accepts them \
                (TCP_FASTOPEN), and a dial waits for its first write (TCP_FASTOPEN_CONNECT), \
                which then tells refusals.",
        default: "off",
        example: "fastopen",
    },
    OptionAbout {
        name: "nodelay",
        kind: Kind::Flag,
        level: "SOL_TCP",
        c_name: "TCP_NODELAY",
        when: When::Any,
        schemes: TCP,
        about: "Send small writes at once, without waiting for acknowledgements of earlier ones \
                (Nagle's algorithm).",
        default: "on",
        example: "nodelay=off",
    },
    OptionAbout {
        name: "keepalive",
        kind: Kind::Keepalive,
        level: "SOL_SOCKET, SOL_TCP",
        c_name: "SO_KEEPALIVE, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT",
        when: When::Any,
        schemes: TCP,
        about: "Ask a silent peer for a sign of life after IDLE, then every INTERVAL, and end the \
                connection after COUNT unanswered probes; whole seconds.",
        default: "30s/10s/3",
        example: "keepalive=30s/10s/3",
    },
    OptionAbout {
        name: "usertimeout",
        kind: Kind::Time {
            unit: Duration::from_millis(1),
            max: Duration::from_millis(i32::MAX as u64),
        },
        level: "SOL_TCP",
        c_name: "TCP_USER_TIMEOUT",
        when: When::Any,
        schemes: TCP,
        about: "End the connection if sent bytes stay unacknowledged this long, in milliseconds; \
                it also ends a healthy one whose reader pauses that long.",
        default: "0, the kernel's own: about 15 minutes",
        example: "usertimeout=30s",
    },
    OptionAbout {
        name: "linger",
        kind: Kind::Time { unit: Duration::from_secs(1), max: Duration::from_secs(32_767) },
        level: "SOL_SOCKET",
        c_name: "SO_LINGER",
        when: When::Any,
        schemes: TCP,
        about: "Closing waits this long, in whole seconds, for unsent bytes; \
                0 throws them away and resets the connection.",
        default: "off: the kernel sends the rest in the background",
        example: "linger=5s",
    },
    OptionAbout {
        name: "congestion",
        kind: Kind::Text,
        level: "SOL_TCP",
        c_name: "TCP_CONGESTION",
        when: When::Any,
        schemes: TCP,
        about: "The congestion control, one of net.ipv4.tcp_available_congestion_control.",
        default: "net.ipv4.tcp_congestion_control",
        example: "congestion=cubic",
    },
    OptionAbout {
        name: "ttl",
        kind: Kind::Int { min: 1, max: 255 },
        level: "SOL_IP, SOL_IPV6",
        c_name: "IP_TTL, IPV6_UNICAST_HOPS, IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS",
        when: When::Any,
        schemes: NET,
        about: "How many routers a packet may pass; on multicast, 1 keeps it in the network.",
        default: "net.ipv4.ip_default_ttl, mostly 64; on multicast 1",
        example: "ttl=8",
    },
    OptionAbout {
        name: "tos",
        kind: Kind::Int { min: 0, max: 255 },
        level: "SOL_IP, SOL_IPV6",
        c_name: "IP_TOS, IPV6_TCLASS",
        when: When::Any,
        schemes: NET,
        about: "The traffic class byte of each packet: DSCP times 4; on tcp the kernel keeps the \
                lower two bits (ECN) to itself.",
        default: "0",
        example: "tos=0x10",
    },
    OptionAbout {
        name: "backlog",
        kind: Kind::Int { min: 0, max: i32::MAX as i64 },
        level: "-",
        c_name: "listen(2)",
        when: When::Any,
        schemes: LISTENERS,
        about: "How many connections may wait to be accepted; the kernel takes the smaller of \
                this and net.core.somaxconn.",
        default: "1024",
        example: "backlog=128",
    },
    OptionAbout {
        name: "create",
        kind: Kind::Flag,
        level: "-",
        c_name: "O_CREAT | O_EXCL of open(2)",
        when: When::Opening,
        schemes: FILES,
        about: "Write a new file; one that is there already is left alone, and told.",
        default: "off: the file is read",
        example: "create",
    },
    OptionAbout {
        name: "append",
        kind: Kind::Flag,
        level: "-",
        c_name: "O_CREAT | O_APPEND of open(2)",
        when: When::Opening,
        schemes: FILES,
        about: "Write to the end of the file, which is made if it is missing; the way to write into \
                a FIFO or device.",
        default: "off: the file is read",
        example: "append",
    },
    OptionAbout {
        name: "replace",
        kind: Kind::Flag,
        level: "-",
        c_name: "O_CREAT | O_TRUNC of open(2)",
        when: When::Opening,
        schemes: FILES,
        about: "Write the file from its beginning; what it held is gone.",
        default: "off: the file is read",
        example: "replace",
    },
    OptionAbout {
        name: "ca",
        kind: Kind::File,
        level: "TLS",
        c_name: "trust anchors (RFC 5280 section 6.1)",
        when: When::Any,
        schemes: TLS,
        about: "The other side's certificate must come from an authority in this file (PEM), or be in \
                it. A listener demands one of every client then.",
        default: "the system's roots, or those of SSL_CERT_FILE; a listener demands none",
        example: "ca=ca.pem",
    },
    OptionAbout {
        name: "pin",
        kind: Kind::Pin,
        level: "TLS",
        c_name: "SHA-256 of the SubjectPublicKeyInfo (RFC 7469 section 2.4)",
        when: When::Any,
        schemes: TLS,
        about: "The other side must hold this key. Without ca= it is enough: the certificate may come \
                from anybody, be of any name and date. A listener demands one of every client then.",
        default: "any key",
        example: "pin=sha256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
    },
    OptionAbout {
        name: "cert",
        kind: Kind::File,
        level: "TLS",
        c_name: "Certificate (RFC 8446 section 4.4.2)",
        when: When::Any,
        schemes: TLS,
        about: "Our own certificate and those between it and its root (PEM): a listener shows it to \
                every client, who dials shows it if the server asks.",
        default: "none; a listener must have one",
        example: "cert=server.pem",
    },
    OptionAbout {
        name: "key",
        kind: Kind::File,
        level: "TLS",
        c_name: "CertificateVerify (RFC 8446 section 4.4.3)",
        when: When::Any,
        schemes: TLS,
        about: "The private key of cert= (PEM, not encrypted).",
        default: "in the file of cert=",
        example: "key=server.key",
    },
    OptionAbout {
        name: "self-signed",
        kind: Kind::Flag,
        level: "TLS",
        c_name: "Certificate (RFC 8446 section 4.4.2)",
        when: When::Any,
        schemes: TLS,
        about: "A listener makes itself a key and a certificate, which live as long as it does. Its pin is \
                told on stderr, for the other side to paste.",
        default: "off",
        example: "self-signed",
    },
    OptionAbout {
        name: "sni",
        kind: Kind::Host,
        level: "TLS",
        c_name: "server_name (RFC 6066 section 3)",
        when: When::Any,
        schemes: TLS,
        about: "Whom who dials asks for, and whose name the certificate must have. An IP address is not \
                sent, only checked.",
        default: "the host of the endpoint; localhost without one",
        example: "sni=example.org",
    },
    OptionAbout {
        name: "alpn",
        kind: Kind::Protocols,
        level: "TLS",
        c_name: "application_layer_protocol_negotiation (RFC 7301)",
        when: When::Any,
        schemes: TLS,
        about: "The protocols spoken inside, the preferred one first. Where both sides name some and share \
                none, there is no connection.",
        default: "none is named",
        example: "alpn=h2+http/1.1",
    },
];
