use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixStream};

use framecat_proto::options::{Kind, OptionAbout};

use super::*;

const MOMENTS: [When; 3] = [When::BeforeBind, When::BeforeConnect, When::Any];

fn options(scheme: &str, words: &[&str]) -> Options {
    let mut options = Options::new();
    for word in words {
        options.add(word, scheme).unwrap();
    }
    options
}

fn socket(family: Family, kind: SocketType) -> OwnedFd {
    let domain = match family {
        Family::Inet4 | Family::Group4 => AddressFamily::INET,
        Family::Inet6 | Family::Group6 => AddressFamily::INET6,
        Family::Unix => AddressFamily::UNIX,
    };
    rustix::net::socket(domain, kind, None).unwrap()
}

/// A fresh socket of each scheme and family.
fn sockets() -> Vec<(&'static str, Family, OwnedFd)> {
    let mut sockets = vec![
        ("unix", Family::Unix, socket(Family::Unix, SocketType::STREAM)),
        ("unixgram", Family::Unix, socket(Family::Unix, SocketType::DGRAM)),
        ("unixseq", Family::Unix, socket(Family::Unix, SocketType::SEQPACKET)),
    ];
    for family in [Family::Inet4, Family::Inet6] {
        sockets.push(("tcp", family, socket(family, SocketType::STREAM)));
        sockets.push(("udp", family, socket(family, SocketType::DGRAM)));
    }
    for family in [Family::Group4, Family::Group6] {
        sockets.push(("multicast", family, socket(family, SocketType::DGRAM)));
    }
    sockets
}

fn effective(fd: BorrowedFd<'_>, family: Family, c_name: &str) -> Value {
    let read = read_back(fd, family, &Options::new());
    let row = read.into_iter().find(|row| row.c_name == c_name).unwrap_or_else(|| {
        panic!("{c_name} is not read back");
    });
    row.effective.unwrap()
}

fn tcp_pair(address: &str) -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind(address).unwrap();
    let dialled = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (dialled, listener.accept().unwrap().0)
}

#[test]
fn both_tables_have_the_same_options_with_the_same_names_and_moments() {
    for about in OPTIONS {
        let rows: Vec<&Row> = ROWS.iter().filter(|row| row.name == about.name).collect();
        if about.level == "TLS" {
            assert!(rows.is_empty() && about.schemes == ["tls"], "{}", about.name);
            continue;
        }
        if about.level == "-" {
            // The name of a call, or what joining a group is an argument of.
            let call = about.c_name.ends_with("(2)") || about.c_name == "MCAST_JOIN_SOURCE_GROUP";
            assert!(rows.is_empty() && call, "{}", about.name);
            continue;
        }
        let mut names: Vec<&str> = rows.iter().map(|row| row.c_name).collect();
        if about.kind == Kind::Keepalive {
            names.extend(["TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT"]);
        }
        names.sort_unstable();
        let mut said: Vec<&str> = about.c_name.split(", ").collect();
        said.sort_unstable();
        assert_eq!(names, said, "{}", about.name);
        assert!(rows.iter().any(|row| row.when == about.when), "{}", about.name);
        for row in rows {
            let level = match row.level {
                SOL_SOCKET => "SOL_SOCKET",
                SOL_TCP => "SOL_TCP",
                SOL_IP => "SOL_IP",
                SOL_IPV6 => "SOL_IPV6",
                other => panic!("{}: level {other} has no name", row.name),
            };
            assert!(about.level.split(", ").any(|said| said == level), "{}", about.name);
            let kinds_agree = matches!(
                (row.form, about.kind),
                (Form::Flag | Form::Queue, Kind::Flag)
                    | (Form::Int | Form::Unsigned, Kind::Int { .. })
                    | (Form::Size, Kind::Size { .. })
                    | (Form::Millis | Form::Linger, Kind::Time { .. })
                    | (Form::Text | Form::Interface, Kind::Text)
                    | (Form::Keepalive, Kind::Keepalive)
            );
            assert!(kinds_agree, "{}", about.name);
            let unix = about.schemes.contains(&"unix");
            assert_eq!(row.families.contains(&Family::Unix), unix, "{}", about.name);
        }
    }
    for row in ROWS {
        assert!(OptionAbout::of(row.name).is_some(), "{}", row.name);
    }
}

/// Options with a value other than the default, and what the kernel answers then.
const SET: &[(&str, &str, Value)] = &[
    ("reuseaddr", "SO_REUSEADDR", Value::Flag(true)),
    ("reuseport", "SO_REUSEPORT", Value::Flag(true)),
    ("v6only", "IPV6_V6ONLY", Value::Flag(true)),
    ("rcvbuf=64KiB", "SO_RCVBUF", Value::Size(128 << 10)),
    ("sndbuf=64KiB", "SO_SNDBUF", Value::Size(128 << 10)),
    ("nodelay", "TCP_NODELAY", Value::Flag(true)),
    ("keepalive=off", "SO_KEEPALIVE", Value::Flag(false)),
    (
        "keepalive=5s/2s/4",
        "SO_KEEPALIVE",
        Value::Keepalive(Keepalive {
            idle: Duration::from_secs(5),
            interval: Duration::from_secs(2),
            count: 4,
        }),
    ),
    ("usertimeout=1500ms", "TCP_USER_TIMEOUT", Value::Time(Duration::from_millis(1_500))),
    ("linger=7s", "SO_LINGER", Value::Time(Duration::from_secs(7))),
    ("linger=0", "SO_LINGER", Value::Time(Duration::ZERO)),
    ("ttl=9", "IP_TTL", Value::Int(9)),
    ("ttl=9", "IPV6_UNICAST_HOPS", Value::Int(9)),
    ("tos=0x10", "IP_TOS", Value::Int(16)),
    ("tos=0x10", "IPV6_TCLASS", Value::Int(16)),
    ("broadcast", "SO_BROADCAST", Value::Flag(true)),
    ("ttl=9", "IP_MULTICAST_TTL", Value::Int(9)),
    ("ttl=9", "IPV6_MULTICAST_HOPS", Value::Int(9)),
    ("loop=off", "IP_MULTICAST_LOOP", Value::Flag(false)),
    ("loop=off", "IPV6_MULTICAST_LOOP", Value::Flag(false)),
];

#[test]
fn what_is_set_is_what_the_kernel_answers() {
    let mut seen = 0;
    for (word, c_name, want) in SET {
        let about = OptionAbout::of(word.split('=').next().unwrap()).unwrap();
        let row = ROWS.iter().find(|row| row.c_name == *c_name).unwrap();
        for (scheme, family, fd) in sockets() {
            if !about.schemes.contains(&scheme) || !row.families.contains(&family) {
                continue;
            }
            let options = options(scheme, &[word]);
            for when in MOMENTS {
                apply(fd.as_fd(), family, &options, when).unwrap();
            }
            let got = effective(fd.as_fd(), family, c_name);
            assert_eq!(got, *want, "{word} on {scheme} {family:?}");
            seen += 1;
        }
    }
    assert!(seen >= SET.len() + 10, "only {seen} combinations were tried");
}

#[test]
fn an_option_is_set_at_its_own_moment_only() {
    let fd = socket(Family::Inet4, SocketType::STREAM);
    let options = options("tcp", &["reuseaddr", "nodelay"]);
    apply(fd.as_fd(), Family::Inet4, &options, When::BeforeBind).unwrap();
    assert_eq!(effective(fd.as_fd(), Family::Inet4, "SO_REUSEADDR"), Value::Flag(true));
    assert_eq!(effective(fd.as_fd(), Family::Inet4, "TCP_NODELAY"), Value::Flag(false));
    apply(fd.as_fd(), Family::Inet4, &options, When::Any).unwrap();
    assert_eq!(effective(fd.as_fd(), Family::Inet4, "TCP_NODELAY"), Value::Flag(true));
}

#[test]
fn options_read_back_tell_what_was_asked_and_cover_the_scheme() {
    for (scheme, family, fd) in sockets() {
        let asked = options(scheme, &["sndbuf=64KiB"]);
        for when in MOMENTS {
            apply(fd.as_fd(), family, &asked, when).unwrap();
        }
        let read = read_back(fd.as_fd(), family, &asked);
        for about in OPTIONS {
            let belongs = about.schemes.contains(&scheme)
                && about.level != "-"
                && !(about.name == "v6only" && family == Family::Inet4);
            let times = read.iter().filter(|row| row.name == about.name).count();
            assert_eq!(times > 0, belongs, "{} on {scheme} {family:?}", about.name);
        }
        for row in read {
            let effective = row.effective.unwrap_or_else(|error| panic!("{}: {error}", row.name));
            if row.name == "sndbuf" {
                assert_eq!(row.asked, Some(Value::Size(64 << 10)));
                assert_eq!(effective, Value::Size(128 << 10));
            } else {
                assert_eq!(row.asked, None, "{}", row.name);
            }
        }
    }
}

#[test]
fn tcp_is_prompt_and_kept_alive_unless_asked_otherwise() {
    for family in [Family::Inet4, Family::Inet6] {
        let fd = socket(family, SocketType::STREAM);
        defaults(fd.as_fd(), "tcp", &Options::new()).unwrap();
        assert_eq!(effective(fd.as_fd(), family, "TCP_NODELAY"), Value::Flag(true));
        assert_eq!(effective(fd.as_fd(), family, "SO_KEEPALIVE"), Value::Keepalive(KEEPALIVE));
        let never = Value::Time(Duration::ZERO);
        assert_eq!(effective(fd.as_fd(), family, "TCP_USER_TIMEOUT"), never);

        let fd = socket(family, SocketType::STREAM);
        defaults(fd.as_fd(), "tcp", &options("tcp", &["nodelay=off", "keepalive=off"])).unwrap();
        assert_eq!(effective(fd.as_fd(), family, "TCP_NODELAY"), Value::Flag(false));
        assert_eq!(effective(fd.as_fd(), family, "SO_KEEPALIVE"), Value::Flag(false));
    }
    // It would fail with EOPNOTSUPP if it touched the socket.
    let fd = socket(Family::Unix, SocketType::STREAM);
    defaults(fd.as_fd(), "unix", &Options::new()).unwrap();
}

#[test]
fn accepted_connections_inherit_what_the_listener_was_asked() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let asked = options("tcp", &["nodelay", "keepalive=5s/2s/4", "ttl=9"]);
    apply(listener.as_fd(), Family::Inet4, &asked, When::Any).unwrap();
    let _dialled = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (accepted, _) = listener.accept().unwrap();
    for row in read_back(accepted.as_fd(), Family::Inet4, &asked) {
        if let Some(asked) = row.asked {
            assert_eq!(row.effective.unwrap(), asked, "{}", row.name);
        }
    }
}

#[test]
fn options_that_need_privilege_are_set_or_refused_by_name() {
    for family in [Family::Inet4, Family::Inet6] {
        for (word, c_name, want) in [
            ("mark=0xfffffff0", "SO_MARK", Value::Int(0xffff_fff0)),
            ("dev=lo", "SO_BINDTODEVICE", Value::Text("lo".into())),
        ] {
            let fd = socket(family, SocketType::DGRAM);
            let options = options("udp", &[word]);
            match apply(fd.as_fd(), family, &options, When::BeforeBind) {
                Ok(()) => assert_eq!(effective(fd.as_fd(), family, c_name), want),
                Err(error) => {
                    assert_eq!(error.source.raw_os_error(), Some(libc::EPERM), "{error}");
                    let name = word.split('=').next().unwrap();
                    let begins = format!("the option `{name}` ({c_name}): ");
                    assert!(error.to_string().starts_with(&begins), "{error}");
                    assert!(error.remedy.contains("CAP_NET_"), "{}", error.remedy);
                }
            }
        }
    }
}

#[test]
fn a_refused_option_is_told_with_its_c_name_and_a_remedy() {
    let fd = socket(Family::Inet4, SocketType::STREAM);
    for (word, c_name, begins, remedy) in [
        (
            "congestion=nosuch",
            "TCP_CONGESTION",
            "the option `congestion` (TCP_CONGESTION): No such file or directory",
            "tcp_available_congestion_control",
        ),
        (
            "dev=nosuch0",
            "SO_BINDTODEVICE",
            "the option `dev` (SO_BINDTODEVICE): No such device",
            "ip -br link",
        ),
    ] {
        let options = options("tcp", &[word]);
        let error = MOMENTS
            .iter()
            .find_map(|when| apply(fd.as_fd(), Family::Inet4, &options, *when).err())
            .unwrap();
        assert_eq!(error.c_name, c_name);
        assert!(error.to_string().starts_with(begins), "{error}");
        assert!(error.remedy.contains(remedy), "{}", error.remedy);
    }
}

#[test]
fn a_tcp_option_on_another_socket_is_refused() {
    let fd = UnixStream::pair().unwrap().0;
    let error =
        apply(fd.as_fd(), Family::Inet4, &options("tcp", &["keepalive"]), When::Any).unwrap_err();
    assert_eq!((error.name, error.c_name), ("keepalive", "TCP_KEEPIDLE"));
    assert!(error.remedy.contains("keepalive"), "{}", error.remedy);
}

#[test]
fn the_congestion_control_can_be_chosen_among_those_there_are() {
    let fd = socket(Family::Inet4, SocketType::STREAM);
    let Value::Text(now) = effective(fd.as_fd(), Family::Inet4, "TCP_CONGESTION") else {
        panic!("a congestion control is a name");
    };
    let asked = options("tcp", &[&format!("congestion={now}")]);
    apply(fd.as_fd(), Family::Inet4, &asked, When::Any).unwrap();
    assert_eq!(effective(fd.as_fd(), Family::Inet4, "TCP_CONGESTION"), Value::Text(now));
}

#[test]
fn fastopen_is_another_option_for_who_listens_and_who_dials() {
    let asked = options("tcp", &["fastopen"]);
    let listens = socket(Family::Inet4, SocketType::STREAM);
    apply(listens.as_fd(), Family::Inet4, &asked, When::BeforeBind).unwrap();
    let Value::Int(queue) = effective(listens.as_fd(), Family::Inet4, "TCP_FASTOPEN") else {
        panic!("the queue is a number");
    };
    assert!(queue > 0 && queue <= i64::from(BACKLOG), "{queue}");
    let dials = socket(Family::Inet4, SocketType::STREAM);
    match apply(dials.as_fd(), Family::Inet4, &asked, When::BeforeConnect) {
        Ok(()) => {
            let on = effective(dials.as_fd(), Family::Inet4, "TCP_FASTOPEN_CONNECT");
            assert_eq!(on, Value::Flag(true));
        }
        Err(error) => {
            assert_eq!(error.source.raw_os_error(), Some(libc::EOPNOTSUPP), "{error}");
            assert!(error.remedy.contains("net.ipv4.tcp_fastopen"), "{}", error.remedy);
        }
    }
}

#[test]
fn a_dual_stack_socket_speaks_ipv4_with_the_same_ttl_and_tos() {
    let fd = socket(Family::Inet6, SocketType::DGRAM);
    let asked = options("udp", &["v6only=off", "ttl=7", "tos=0x20"]);
    for when in MOMENTS {
        apply(fd.as_fd(), Family::Inet6, &asked, when).unwrap();
    }
    let listener = UdpSocket::bind("127.0.0.1:0").unwrap();
    let SocketAddr::V4(to) = listener.local_addr().unwrap() else { panic!("bound to IPv4") };
    let sender = UdpSocket::from(fd);
    sender.connect((to.ip().to_ipv6_mapped(), to.port())).unwrap();
    for (c_name, want) in
        [("IP_TTL", 7), ("IP_TOS", 0x20), ("IPV6_UNICAST_HOPS", 7), ("IPV6_TCLASS", 0x20)]
    {
        assert_eq!(effective(sender.as_fd(), Family::Inet6, c_name), Value::Int(want), "{c_name}");
    }
}

#[test]
fn a_segment_with_too_small_a_time_to_live_is_dropped_and_sent_again() {
    let (mut dialled, mut accepted) = tcp_pair("127.0.0.1:0");
    set_least_ttl(accepted.as_fd(), 2).unwrap();
    dialled.set_ttl(1).unwrap();
    dialled.write_all(b"late").unwrap();
    assert_eq!(tcp_info(accepted.as_fd()).unwrap().data_segs_in, 0);
    set_least_ttl(accepted.as_fd(), 0).unwrap();
    accepted.read_exact(&mut [0; 4]).unwrap();
    assert!(tcp_info(dialled.as_fd()).unwrap().total_retrans > 0);
}

#[test]
fn tcp_info_counts_what_went_through() {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let (mut dialled, mut accepted) = tcp_pair(address);
        dialled.write_all(&[7; 1_000]).unwrap();
        accepted.read_exact(&mut [0; 1_000]).unwrap();
        let info = tcp_info(accepted.as_fd()).unwrap();
        assert_eq!(info.state, TcpState::Established);
        assert_eq!((info.bytes_received, info.bytes_sent), (1_000, 0));
        assert!(info.data_segs_in >= 1 && info.segs_in > info.data_segs_in, "{info:?}");
        assert!(info.snd_cwnd > 0 && info.snd_mss > 0 && info.pmtu > 0, "{info:?}");
        let info = tcp_info(dialled.as_fd()).unwrap();
        assert_eq!((info.bytes_received, info.bytes_sent), (0, 1_000));
        assert!(info.data_segs_out >= 1 && info.notsent_bytes == 0, "{info:?}");
        let name = effective(dialled.as_fd(), Family::Inet4, "TCP_CONGESTION");
        assert_eq!(Value::Text(info.congestion), name);

        dialled.shutdown(Shutdown::Write).unwrap();
        assert_eq!(accepted.read(&mut [0]).unwrap(), 0);
        assert_eq!(tcp_info(accepted.as_fd()).unwrap().state, TcpState::CloseWait);
        assert_eq!(TcpState::CloseWait.to_string(), "CLOSE-WAIT");
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    assert_eq!(tcp_info(listener.as_fd()).unwrap().state, TcpState::Listen);
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    assert!(tcp_info(udp.as_fd()).is_err());
}

#[test]
fn queues_tell_what_is_unread_and_unacknowledged() {
    let (mut dialled, accepted) = tcp_pair("127.0.0.1:0");
    assert_eq!(bytes_to_read(accepted.as_fd()).unwrap(), 0);
    dialled.write_all(b"hello").unwrap();
    accepted.peek(&mut [0; 5]).unwrap();
    assert_eq!(bytes_to_read(accepted.as_fd()).unwrap(), 5);

    // A reader that does not read: in the end bytes stay on our side.
    dialled.set_nonblocking(true).unwrap();
    while dialled.write(&[0; 65_536]).is_ok() {}
    let unsent = bytes_unsent(dialled.as_fd()).unwrap();
    assert!(unsent > 0, "the writer's kernel holds nothing");

    let (left, right) = UnixDatagram::pair().unwrap();
    left.send(b"abc").unwrap();
    left.send(b"defgh").unwrap();
    assert_eq!(bytes_to_read(right.as_fd()).unwrap(), 3);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let error = bytes_unsent(listener.as_fd()).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EINVAL));
}

#[test]
fn a_close_that_resets_gives_the_peer_an_error_which_is_taken_once() {
    let (dialled, mut accepted) = tcp_pair("127.0.0.1:0");
    assert!(take_error(accepted.as_fd()).unwrap().is_none());
    reset_on_close(dialled.as_fd()).unwrap();
    drop(dialled);
    let error = accepted.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    assert!(take_error(accepted.as_fd()).unwrap().is_none());

    // A refusal waits on a connected UDP socket until somebody takes it.
    let gone = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    udp.connect(gone).unwrap();
    udp.send(b"x").unwrap();
    let error = take_error(udp.as_fd()).unwrap().expect("the refusal comes with the send");
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    assert!(take_error(udp.as_fd()).unwrap().is_none());
}

#[test]
fn a_socket_tells_family_type_and_protocol() {
    let (stream, _) = tcp_pair("[::1]:0");
    assert_eq!(domain(stream.as_fd()).unwrap(), AddressFamily::INET6);
    assert_eq!(type_of(stream.as_fd()).unwrap(), SocketType::STREAM);
    assert_eq!(protocol(stream.as_fd()).unwrap(), Some(rustix::net::ipproto::TCP));
    let (left, _right) = UnixDatagram::pair().unwrap();
    assert_eq!(domain(left.as_fd()).unwrap(), AddressFamily::UNIX);
    assert_eq!(type_of(left.as_fd()).unwrap(), SocketType::DGRAM);
    assert_eq!(protocol(left.as_fd()).unwrap(), None);
}

#[test]
fn credentials_come_if_asked_for() {
    let (left, _right) = UnixDatagram::pair().unwrap();
    let on = || get_int(left.as_fd(), SOL_SOCKET, libc::SO_PASSCRED).unwrap();
    assert_eq!(on(), 0);
    pass_credentials(left.as_fd(), true).unwrap();
    assert_eq!(on(), 1);
    pass_credentials(left.as_fd(), false).unwrap();
    assert_eq!(on(), 0);
}

#[test]
fn the_interface_of_a_group_is_set_by_name_and_an_unknown_one_is_told() {
    for (family, c_name, want) in [
        (Family::Group4, "IP_MULTICAST_IF", "127.0.0.1"),
        (Family::Group6, "IPV6_MULTICAST_IF", "lo"),
    ] {
        let fd = socket(family, SocketType::DGRAM);
        apply(fd.as_fd(), family, &options("multicast", &["dev=lo"]), When::BeforeBind).unwrap();
        assert_eq!(effective(fd.as_fd(), family, c_name), Value::Text(want.into()));
        let unknown = options("multicast", &["dev=nosuch0"]);
        let error = apply(fd.as_fd(), family, &unknown, When::BeforeBind).unwrap_err();
        assert_eq!((error.name, error.c_name), ("dev", c_name));
        assert!(error.remedy.contains("ip -br link"), "{}", error.remedy);
    }
}

#[test]
fn a_group_is_joined_once_for_all_senders_or_for_one() {
    let lo = crate::interfaces::index_of("lo").unwrap();
    let fd = socket(Family::Group4, SocketType::DGRAM);
    let group = "239.77.1.2".parse().unwrap();
    cast::join(fd.as_fd(), lo, group, None).unwrap();
    let again = cast::join(fd.as_fd(), lo, group, None).unwrap_err();
    assert_eq!(again.raw_os_error(), Some(libc::EADDRINUSE));
    let fd = socket(Family::Group4, SocketType::DGRAM);
    cast::join(fd.as_fd(), lo, group, Some("127.0.0.7".parse().unwrap())).unwrap();
    let fd = socket(Family::Group6, SocketType::DGRAM);
    cast::join(fd.as_fd(), lo, "ff15::77".parse().unwrap(), None).unwrap();
    let source = Some("::1".parse().unwrap());
    cast::join(fd.as_fd(), lo, "ff15::78".parse().unwrap(), source).unwrap();
    // No group at all, and an interface that is not there.
    let fd = socket(Family::Group4, SocketType::DGRAM);
    let error = cast::join(fd.as_fd(), lo, "192.0.2.7".parse().unwrap(), None).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EINVAL));
    let error = cast::join(fd.as_fd(), 1 << 30, group, None).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::ENODEV));
}
