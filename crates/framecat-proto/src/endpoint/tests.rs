use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use proptest::prelude::*;

use super::*;
use crate::options::{Kind, OPTIONS, print_size, print_time};

fn parse(word: &str) -> Endpoint {
    word.parse().unwrap_or_else(|error: ParseEndpointError| panic!("{word}: {error}"))
}

fn name(name: &str) -> Option<Host> {
    Some(Host::Name(name.into()))
}

#[test]
fn an_endpoint_prints_in_its_canonical_form() {
    for (word, canonical) in [
        ("9000", "tcp://:9000"),
        (":9000", "tcp://:9000"),
        ("tcp://9000", "tcp://:9000"),
        ("udp://:09000", "udp://:9000"),
        (":0", "tcp://:0"),
        ("db:5432", "tcp://db:5432"),
        ("my-host_1.example.org.:1", "tcp://my-host_1.example.org.:1"),
        ("127.0.0.1:65535", "tcp://127.0.0.1:65535"),
        ("[::1]:9000", "tcp://[::1]:9000"),
        ("[0:0:0:0:0:0:0:1]:9000", "tcp://[::1]:9000"),
        ("udp://[fe80::1%eth0]:9000", "udp://[fe80::1%eth0]:9000"),
        ("[fe80::1%2]:9000", "tcp://[fe80::1%2]:9000"),
        ("[fe80::1]:9000,dev=eth0", "tcp://[fe80::1]:9000,dev=eth0"),
        ("unix:///run/x.sock", "unix:///run/x.sock"),
        ("unix://x.sock", "unix://x.sock"),
        ("unixgram://@bus", "unixgram://@bus"),
        ("unixseq:///a%2cb%25c", "unixseq:///a%2Cb%25c"),
        ("unix:///a b;$", "unix:///a%20b%3B%24"),
        ("unix://%40x", "unix://%40x"),
        ("unix://%FF%00x", "error"),
        ("unix://@%FF%00x", "unix://@%FF%00x"),
        ("unix:///run/套接字", "unix:///run/套接字"),
        ("exec:cat", "exec:cat"),
        ("exec:sh -c 'a, b' ,frame=line", "exec:sh -c 'a, b' ,frame=line"),
        ("exec://x", "exec://x"),
        ("file:x.log", "file:x.log"),
        ("file:/var/log/x", "file:/var/log/x"),
        ("file:///var/log/x", "file:/var/log/x"),
        ("file:////x//y", "file:/x//y"),
        ("file:%2F%2Fx", "file:/x"),
        ("file:a%2cb c%FF", "file:a%2Cb%20c%FF"),
        ("file:@x:-", "file:@x:-"),
        ("file:x,append=on,frame=len:u16be", "file:x,append,frame=len:u16be"),
        ("file:x,create=off,replace", "file:x,create=off,replace"),
        ("-", "-"),
        ("-,frame=line", "-,frame=line"),
        ("h:1,ttl=8,nodelay=on,frame=line,keep", "tcp://h:1,nodelay,ttl=8,frame=line,keep"),
        ("udp://h:1,frame=native", "udp://h:1,frame=native"),
        ("h:1,send=line", "tcp://h:1,send=line"),
        ("h:1,send=line,keep,frame=len:u8,keep", "tcp://h:1,frame=len:u8,keep,send=line,keep"),
        ("-,frame=delim:;,any,send=crlf", "-,frame=delim:;,send=crlf"),
        ("udp://h:1,send=native", "udp://h:1,send=native"),
        ("h:1,rcvbuf=1024k,linger=0", "tcp://h:1,rcvbuf=1MiB,linger=0s"),
        ("h:1,bind=192.0.2.7", "tcp://h:1,bind=192.0.2.7:0"),
        ("broadcast://9000", "broadcast://:9000"),
        ("broadcast://:09000,dev=eth0", "broadcast://:9000,dev=eth0"),
        ("broadcast://192.0.2.255:9000", "broadcast://192.0.2.255:9000"),
        ("broadcast://255.255.255.255:1,ttl=2", "broadcast://255.255.255.255:1,ttl=2"),
        ("broadcast://eth0.100:9000", "broadcast://eth0.100:9000"),
        ("broadcast://eth0:1:9000", "broadcast://eth0:1:9000"),
        ("multicast://239.1.2.3:9000", "multicast://239.1.2.3:9000"),
        (
            "multicast://239.1.2.3:9000,ttl=4,dev=eth0,loop=off,source=192.0.2.7",
            "multicast://239.1.2.3:9000,dev=eth0,source=192.0.2.7,loop=off,ttl=4",
        ),
        (
            "multicast://[ff15:0::9]:9000,source=fd00::7",
            "multicast://[ff15::9]:9000,source=fd00::7",
        ),
        ("multicast://[ff02::1%eth0]:9000", "multicast://[ff02::1%eth0]:9000"),
        ("multicast://[ff02::1]:9000,dev=eth0", "multicast://[ff02::1]:9000,dev=eth0"),
        ("tls://:9000,self-signed,nodelay", "tls://:9000,nodelay,self-signed"),
        ("tls://h:1,key=/k%2C1,cert=a b", "tls://h:1,cert=a%20b,key=/k%2C1"),
        ("tls://h:1,sni=[::1],alpn=h2+http/1.1", "tls://h:1,sni=::1,alpn=h2+http/1.1"),
        ("tls://h:1,ca=ca.pem,frame=line", "tls://h:1,ca=ca.pem,frame=line"),
        (
            "tls://h:1,pin=sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "tls://h:1,pin=sha256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        ),
        (
            "tls://h:1,pin=sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
            "tls://h:1,pin=sha256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        ),
    ] {
        if canonical == "error" {
            assert!(word.parse::<Endpoint>().is_err(), "{word}");
            continue;
        }
        assert_eq!(parse(word).to_string(), canonical, "{word}");
        assert_eq!(parse(canonical), parse(word), "{word}");
    }
}

#[test]
fn an_endpoint_is_a_value_with_parts() {
    let endpoint = parse("h:1,nodelay=off,frame=line");
    assert_eq!(endpoint.at, At::Tcp(HostPort { host: name("h"), port: 1 }));
    assert_eq!(endpoint.options.get("nodelay"), Some(&Value::Flag(false)));
    assert_eq!(endpoint.options.get("ttl"), None);
    assert_eq!(endpoint.framing, Some(Framing::line()));
    assert_eq!(endpoint.scheme(), "tcp");
    assert_eq!(endpoint.address(), "h:1");
    assert!(endpoint.is_network() && !endpoint.keeps_boundaries());
    assert_eq!(Endpoint::tcp(name("h"), 1).to_string(), "tcp://h:1");
    assert_eq!(Endpoint::udp(None, 0).to_string(), "udp://:0");
    assert_eq!(Endpoint::stdio().to_string(), "-");
    for (word, network, boundaries) in [
        ("udp://:1", true, true),
        ("tls://:1", true, false),
        ("unix://x", false, false),
        ("unixgram://x", false, true),
        ("unixseq://x", false, true),
        ("broadcast://:1", true, true),
        ("multicast://239.1.2.3:1", true, true),
        ("-", false, false),
    ] {
        let endpoint = parse(word);
        assert_eq!(endpoint.is_network(), network, "{word}");
        assert_eq!(endpoint.keeps_boundaries(), boundaries, "{word}");
    }
}

#[test]
fn a_socket_address_becomes_a_host_and_port_with_its_zone() {
    let v6 = SocketAddrV6::new("fe80::1".parse().unwrap(), 9, 0, 3);
    assert_eq!(HostPort::from(SocketAddr::V6(v6)).to_string(), "[fe80::1%3]:9");
    assert_eq!(HostPort::from(SocketAddr::from(([127, 0, 0, 1], 9))).to_string(), "127.0.0.1:9");
}

/// The word, the problem, and a part of the remedy.
const REFUSED: &[(&str, &str, &str)] = &[
    ("", "the address is empty", "HOST:PORT"),
    ("tcp://", "the address is empty", "HOST:PORT"),
    ("db", "`db` has no port", "write db:9000"),
    ("192.0.2.7", "`192.0.2.7` has no port", "write 192.0.2.7:9000"),
    ("/run/x.sock", "`/run/x.sock` is no HOST:PORT", "unix:///run/x.sock"),
    ("db:", "the port after the colon is missing", "0 to 65535"),
    ("tcp://db:http", "`http` is no port number", "/etc/services"),
    ("db:http", "`http` is no port number, and `db` is no scheme", "0 to 65535; the schemes are"),
    ("db:65536", "there is no port 65536", "0 to 65535"),
    ("99999", "there is no port 99999", "0 to 65535"),
    ("db:+1", "`+1` is no port number, and `db` is no scheme", "0 to 65535"),
    ("tcp://db:1/x", "`1/x` is no port number", "0 to 65535"),
    ("::1", "the IPv6 address in `::1` has no brackets", "write [::1]:9000,"),
    ("tcp://::1", "the IPv6 address in `::1` has no brackets", "write [::1]:9000,"),
    (
        "::1:9999",
        "the IPv6 address in `::1:9999` has no brackets",
        "[::1]:9999 if 9999 is the port",
    ),
    ("fe80::1%eth0", "the IPv6 address in `fe80::1%eth0` has no brackets", "[fe80::1%eth0]:9000"),
    (
        "fe80:0:0:0:0:0:0:1:53",
        "the IPv6 address in `fe80:0:0:0:0:0:0:1:53` has no brackets",
        ":1]:53,",
    ),
    ("a:b:c", "`a:b:c` has more than one colon and is no HOST:PORT", "[::1]:9000"),
    ("[::1]", "`[::1]` has no port", "write [::1]:9000"),
    ("[::1", "`[::1` has no closing bracket", "[::1]:9000"),
    ("[db]:1", "`db` is no IPv6 address", "[::1]:9000"),
    ("[fe80::1%]:1", "`` is no name of an interface", "[fe80::1%eth0]:9000"),
    (
        "[fe80::1]:1",
        "the link-local address fe80::1 does not say its interface",
        "[fe80::1%eth0]:1",
    ),
    ("*:1", "`*` is no host", "0.0.0.0"),
    ("256.0.0.1:1", "`256.0.0.1` is no IPv4 address", "192.0.2.7"),
    ("127.1:1", "`127.1` is no IPv4 address", "192.0.2.7"),
    ("0x7f000001:1", "`0x7f000001` is no IPv4 address", "192.0.2.7"),
    ("a b:1", "`a b` is no host name", "letters"),
    ("user@db:1", "`user@db` is no host name", "letters"),
    ("-x:1", "`-x` is no host name", "letters"),
    ("a..b:1", "`a..b` is no host name", "letters"),
    ("bücher:1", "the host name `bücher` is not ASCII", "xn--"),
    ("broadcast://", "the address is empty", "broadcast://:9000"),
    ("broadcast://eth0", "`eth0` has no port", "write eth0:9000"),
    ("broadcast://eth0:", "the port after the colon is missing", "0 to 65535"),
    ("broadcast://:http", "`http` is no port number", "/etc/services"),
    (
        "broadcast://[ff02::1]:9",
        "`[ff02::1]:9` is no place of a broadcast: IPv6 has none",
        "multicast://[ff02::1%eth0]:9000",
    ),
    (
        "broadcast://239.1.2.3:9",
        "239.1.2.3 is a multicast group, no broadcast address",
        "write multicast://239.1.2.3:9",
    ),
    ("broadcast://0.0.0.0:9", "0.0.0.0 is no broadcast address", "write broadcast://:9 for every"),
    ("broadcast://192.0.2.256:9", "`192.0.2.256` is no IPv4 address", "192.0.2.255"),
    (
        "broadcast://a/b:9",
        "`a/b` is no IPv4 address and no name of an interface",
        "broadcast://eth0:9",
    ),
    (
        "broadcast://eth0:9,dev=eth1",
        "eth0:9 names its network, and so does dev=eth1",
        "leave one out",
    ),
    (
        "broadcast:9000",
        "in `broadcast:9000` the scheme broadcast is not followed by ://",
        "broadcast://:9000",
    ),
    ("multicast://:9", "no group is named", "multicast://239.1.2.3:9"),
    ("multicast://eth0:9", "`eth0` is no multicast group, which is an address", "dev=eth0"),
    (
        "multicast://192.0.2.7:9",
        "192.0.2.7 is no multicast group, which are 224.0.0.0 to 239.255.255.255",
        "udp://192.0.2.7:9",
    ),
    (
        "multicast://255.255.255.255:9",
        "255.255.255.255 is no multicast group, which are 224.0.0.0 to 239.255.255.255",
        "broadcast://255.255.255.255:9",
    ),
    (
        "multicast://[fd00::1]:9",
        "fd00::1 is no multicast group, which are those that begin with ff",
        "udp://[fd00::1]:9",
    ),
    (
        "multicast://[ff02::1]:9",
        "ff02::1 is another group on each link, and names no interface",
        "write [ff02::1%eth0]:9",
    ),
    (
        "multicast://[ff02::1%eth0]:9,dev=eth0",
        "the interface is named twice: %eth0 and dev=eth0",
        "leave one",
    ),
    (
        "multicast://239.1.2.3:9,source=fd00::1",
        "fd00::1 cannot send to 239.1.2.3: they are of two families",
        "IPv4",
    ),
    (
        "multicast://239.1.2.3:9,source=239.1.2.4",
        "`239.1.2.4` is no value of the option `source`: the IP address of a host",
        "source=192.0.2.7",
    ),
    (
        "udp://h:1,source=192.0.2.7",
        "the option `source` is for multicast, not for udp",
        "multicast://",
    ),
    (
        "broadcast://:9,frame=line",
        "broadcast keeps messages whole by itself, so `frame=line` has no place there",
        "leave ,frame= out",
    ),
    ("ssl://h:1", "`ssl` is no scheme known here", "tls://"),
    ("tls://", "the address is empty", "HOST:PORT"),
    ("tls://h", "`h` has no port", "write h:9000"),
    (
        "tls://h:1,key=k.pem",
        "`key=` is given without the certificate it belongs to",
        "cert=FILE,key=FILE",
    ),
    (
        "tls://:1,self-signed,cert=c.pem",
        "`self-signed` makes a certificate, and `cert=` names one",
        "leave one",
    ),
    ("tls://h:1,ca=", "the option `ca`: the path of the file is empty", "ca=ca.pem"),
    (
        "tls://h:1,ca=%0",
        "the option `ca`: in `%0` two hex digits are missing after a %",
        "ca=ca.pem",
    ),
    (
        "tls://h:1,cert=a%00b",
        "the option `cert`: a path cannot hold the byte %00",
        "cert=server.pem",
    ),
    (
        "tls://h:1,pin=sha256:abcd",
        "`sha256:abcd` is no value of the option `pin`: sha256: and 32 bytes in base64 or hex",
        "pin=sha256:47DE",
    ),
    (
        "tls://h:1,pin=sha1:abcd",
        "`sha1:abcd` is no value of the option `pin`: sha256: and 32 bytes in base64 or hex",
        "pin=sha256:47DE",
    ),
    (
        "tls://h:1,sni=a b",
        "`a b` is no value of the option `sni`: the name of a host, or an IP address",
        "sni=example.org",
    ),
    (
        "tls://h:1,sni=",
        "`` is no value of the option `sni`: the name of a host, or an IP address",
        "sni=example.org",
    ),
    (
        "tls://h:1,alpn=h2+",
        "`h2+` is no value of the option `alpn`: names with + between them",
        "alpn=h2+http/1.1",
    ),
    ("h:1,ca=x", "the option `ca` is for tls, not for tcp", "use tls://"),
    ("ws://h/x", "`ws` is no scheme known here", "the schemes are tcp://"),
    ("http://h:80/", "`http` is no scheme known here", "the schemes are tcp://"),
    ("TCP://h:1", "`TCP` is no scheme known here", "did you mean tcp://?"),
    ("unixgrm://x", "`unixgrm` is no scheme known here", "did you mean unixgram://?"),
    ("exec:", "the program to run is missing", "'exec:wc -c'"),
    ("exec:  ", "the program to run is missing", "'exec:wc -c'"),
    ("exec:'' x", "the program to run is missing", "'exec:wc -c'"),
    ("exec:echo 'x", "in `echo 'x` the quote ' at byte 5 is never closed", "close it"),
    ("exec:a\0b", "a word of a command cannot hold a NUL", "leave it out"),
    ("file:", "the path of the file is empty", "file:x.log"),
    ("file:%00", "a path cannot hold the byte %00", "leave it out"),
    ("file:%2", "in `%2` two hex digits are missing after a %", "%25"),
    ("file://host/x", "`file://host/x` names a host, and a file is on this machine", "file:host/x"),
    ("file:x,create,append", "`create` and `append` are two ways to write one file", "leave one"),
    ("file:x,nodelay", "the option `nodelay` is for tcp, tls, not for file", "use tcp://"),
    (
        ":1,append",
        "the option `append` is for file, not for tcp",
        "leave `append` out, or use file:",
    ),
    (
        "file:x,frame=native",
        "`frame=native` has no place on file, a stream has no boundaries of its own",
        "frame=line",
    ),
    ("-://x", "`-` is no scheme known here", "the schemes are"),
    (
        "unix:/run/x",
        "in `unix:/run/x` the scheme unix is not followed by ://",
        "write unix:///run/x",
    ),
    (
        "udp:9000",
        "in `udp:9000` the scheme udp is not followed by ://",
        "write udp://:9000, or tcp://udp:9000",
    ),
    ("udp:h:9", "in `udp:h:9` the scheme udp is not followed by ://", "write udp://h:9"),
    ("unix://", "the name of the Unix socket is empty", "unix:///run/x.sock"),
    ("unix://@", "the name of the Unix socket is empty", "unix://@x"),
    ("unix://a%00", "a path cannot hold the byte %00", "unix://@x"),
    ("unix://a%2", "in `a%2` two hex digits are missing after a %", "%25"),
    ("unix://a%+1", "in `a%+1` two hex digits are missing after a %", "%25"),
    ("h:1,", "an option is missing beside a comma", "the options are"),
    ("h:1,,nodelay", "an option is missing beside a comma", "the options are"),
    ("h:1,nodealy", "`nodealy` is no option of an endpoint", "did you mean `nodelay`?"),
    ("udp://h:1,nodelay", "the option `nodelay` is for tcp, tls, not for udp", "tcp://"),
    ("-,nodelay", "the option `nodelay` is for tcp, tls, not for stdin and stdout", "tcp://"),
    (
        "unix://x,rcvbuf=1k",
        "the option `rcvbuf` is for tcp, tls, udp, broadcast, multicast, not for unix",
        "tcp://",
    ),
    ("h:1,ttl=1,ttl=2", "the option `ttl` is given twice", "leave one"),
    ("1.2.3.4:1,v6only", "`v6only` has no place with the IPv4 address 1.2.3.4", "[::]:1"),
    ("h:1,frame=line,send=lime", "`lime` is no framing", "the framings are"),
    ("h:1,send=line,nodelay", "`nodelay` means nothing to the framing `line`", "line[,keep]"),
    ("h:1,frame=line,frame=crlf", "`frame=` is given twice", "send= for what goes there"),
    ("h:1,send=line,frame=nul,send=nul", "`send=` is given twice", "send= for what goes there"),
    ("h:1,send=", "`` is no framing", "the framings are"),
    (
        "h:1,send=native",
        "`send=native` has no place on tcp, a stream has no boundaries of its own",
        "send=line",
    ),
    (
        "unixgram://x,frame=native,send=line",
        "unixgram keeps messages whole by itself, so `send=line` has no place there",
        "leave ,send= out",
    ),
    ("h:1,frame=lime", "`lime` is no framing", "the framings are"),
    (
        "h:1,frame=native",
        "`frame=native` has no place on tcp, a stream has no boundaries of its own",
        "frame=line",
    ),
    (
        "udp://h:1,frame=line",
        "udp keeps messages whole by itself, so `frame=line` has no place there",
        "leave ,frame= out",
    ),
    (
        "unixseq://x,frame=raw",
        "unixseq keeps messages whole by itself, so `frame=raw` has no place there",
        "leave ,frame= out",
    ),
];

#[test]
fn what_is_no_endpoint_is_refused_with_a_remedy() {
    for (word, problem, remedy) in REFUSED {
        let error = word.parse::<Endpoint>().unwrap_err();
        assert_eq!(error.problem, *problem, "{word}");
        assert!(error.remedy.contains(remedy), "{word}: {}", error.remedy);
    }
}

#[test]
fn a_command_is_split_into_words_without_a_shell() {
    let At::Exec(command) = parse("exec:sh -c 'echo $HOME, \"x\"'  a\"b c\"d").at else { panic!() };
    assert_eq!(command.program(), "sh");
    assert_eq!(command.arguments(), ["-c", "echo $HOME, \"x\"", "ab cd"]);
}

#[test]
fn a_unix_path_has_at_most_107_bytes() {
    for (len, taken) in [(106, true), (107, true), (108, false), (110, false)] {
        for word in [format!("unix://{}", "x".repeat(len)), format!("unix://@{}", "x".repeat(len))]
        {
            assert_eq!(word.parse::<Endpoint>().is_ok(), taken, "{len}");
        }
    }
}

#[test]
fn every_scheme_of_the_table_parses_and_names_itself() {
    for row in SCHEMES {
        let word = match row.address {
            "HOST:PORT" => format!("{}://host:9000", row.name),
            "PATH or @NAME" => format!("{}://@name", row.name),
            "[ADDRESS or INTERFACE]:PORT" => format!("{}://eth0:9000", row.name),
            "GROUP:PORT" => format!("{}://239.1.2.3:9000", row.name),
            _ => row.written() + if row.name == "-" { "" } else { "x" },
        };
        assert_eq!(parse(&word).scheme(), row.name);
        assert!(row.about.ends_with('.'), "{}", row.about);
    }
}

fn host() -> impl Strategy<Value = Option<Host>> {
    let zone = prop::option::of("[a-z][a-z0-9.@:+-]{0,14}");
    prop_oneof![
        Just(None),
        "[a-zA-Z_][a-zA-Z0-9_-]{0,20}(\\.[a-zA-Z_-]{1,8}){0,3}".prop_map(|s| Some(Host::Name(s))),
        any::<[u8; 4]>().prop_map(|v4| Some(Host::V4(Ipv4Addr::from(v4)))),
        (any::<u128>(), zone).prop_map(|(bits, zone)| {
            let address = Ipv6Addr::from(bits);
            // Without an interface a link-local address is refused.
            let zone = zone.or_else(|| address.is_unicast_link_local().then(|| "eth0".into()));
            Some(Host::V6 { address, zone })
        }),
    ]
}

fn at() -> impl Strategy<Value = At> {
    let host_port = || (host(), any::<u16>()).prop_map(|(host, port)| HostPort { host, port });
    let path = prop_oneof![
        prop::collection::vec(1_u8.., 1..108).prop_map(UnixPath::Path),
        "\\PC{1,26}".prop_map(|text| UnixPath::Path(text.into_bytes())),
        prop::collection::vec(any::<u8>(), 1..108).prop_map(UnixPath::Abstract),
    ];
    let network = prop_oneof![
        Just(None),
        (1_u32..0xe000_0000).prop_map(|v4| Some(BroadcastTo::Address(Ipv4Addr::from(v4)))),
        "[a-z][a-z0-9.@:+-]{0,14}".prop_map(|name| Some(BroadcastTo::Interface(name))),
    ];
    prop_oneof![
        host_port().prop_map(At::Tcp),
        host_port().prop_map(At::Tls),
        host_port().prop_map(At::Udp),
        path.clone().prop_map(At::Unix),
        path.clone().prop_map(At::Unixgram),
        path.prop_map(At::Unixseq),
        "[a-z/] ?[^'\"\0]{0,20}".prop_map(|text| At::Exec(text.parse().unwrap())),
        prop::collection::vec(1_u8.., 1..200).prop_map(|path| {
            let text: String = path.iter().map(|byte| format!("%{byte:02x}")).collect();
            At::File(text.parse().unwrap())
        }),
        (network, any::<u16>()).prop_map(|(to, port)| At::Broadcast(BroadcastAt { to, port })),
        (any::<bool>(), any::<u128>(), any::<u16>()).prop_map(|(v4, bits, port)| {
            let group = match v4 {
                true => IpAddr::from(Ipv4Addr::from(0xe000_0000 | (bits as u32 >> 4))),
                false => IpAddr::from(Ipv6Addr::from((0xff << 120) | (bits >> 8))),
            };
            let zone = (!v4).then(|| "eth0".to_string());
            At::Multicast(GroupAt { group, zone, port })
        }),
        Just(At::Stdio),
    ]
}

/// An option as typed, with a value within its range.
fn option(row: usize, seed: u64) -> String {
    let row = &OPTIONS[row];
    let value = match row.kind {
        Kind::Flag => (if seed.is_multiple_of(2) { "on" } else { "off" }).to_owned(),
        Kind::Int { min, max } => (min + (seed % (max - min + 1) as u64) as i64).to_string(),
        Kind::Size { min, max } => print_size(min + seed % (max - min + 1)),
        Kind::Time { unit, max } => {
            let steps = (max.as_nanos() / unit.as_nanos()) as u64;
            print_time(unit * (seed % (steps + 1)) as u32)
        }
        Kind::Keepalive if seed.is_multiple_of(5) => "off".to_owned(),
        Kind::Keepalive => format!("{}s/{}s/{}", 1 + seed % 32_767, 1 + seed % 99, 1 + seed % 127),
        Kind::Text => format!("{:x}", seed % (1 << 60)),
        Kind::Address => format!("{}:{}", Ipv4Addr::from(seed as u32), seed as u16),
        Kind::Ip => Ipv4Addr::from(1 + seed as u32 % 0xdfff_ffff).to_string(),
        Kind::File => format!("/etc/{seed:x}.pem"),
        Kind::Host => format!("h{seed:x}.example"),
        Kind::Pin => format!("sha256:{seed:064x}"),
        Kind::Protocols => format!("h{}+http/{seed:x}", seed % 9),
    };
    format!("{}={value}", row.name)
}

proptest! {
    #[test]
    fn what_an_endpoint_prints_reads_back_the_same(
        at in at(),
        given in prop::collection::vec((0..OPTIONS.len(), any::<u64>()), 0..6),
        framed in any::<bool>(),
    ) {
        let mut endpoint = Endpoint::from(at);
        let scheme = endpoint.scheme();
        for (row, seed) in given {
            // Options of other schemes and repetitions are refused and leave the value as it was.
            let _ = endpoint.options.add(&option(row, seed), scheme);
        }
        prop_assume!(endpoint.check().is_ok() && endpoint.scheme() != "exec" || endpoint.options.is_empty());
        if framed && endpoint.scheme() != "exec" {
            let native = endpoint.keeps_boundaries();
            endpoint.framing = Some(if native { Framing::Native } else { Framing::line() });
        }
        let printed = endpoint.to_string();
        let again: Result<Endpoint, _> = printed.parse();
        prop_assert_eq!(again.as_ref(), Ok(&endpoint), "{}", printed);
        prop_assert_eq!(again.unwrap().to_string(), printed);
    }

    #[test]
    fn a_printed_endpoint_needs_no_quotes_unless_it_is_a_command(at in at()) {
        prop_assume!(!matches!(at, At::Exec(_)));
        let printed = Endpoint::from(at).to_string();
        let safe = |c: char| c.is_alphanumeric() || "/._-+:=@%,[]".contains(c);
        prop_assert!(printed.chars().all(safe), "{}", printed);
    }

    #[test]
    fn no_text_makes_an_endpoint_panic(text in ".*") {
        for word in [text.clone(), format!("udp://{text}"), format!("unix://{text}"),
                     format!("broadcast://{text}"), format!("multicast://{text}:1"),
                     format!(":1,{text}"), format!("file:{text}"), format!("exec:{text}"), format!("[{text}")] {
            if let Ok(endpoint) = word.parse::<Endpoint>() {
                prop_assert_eq!(endpoint.to_string().parse(), Ok(endpoint), "{}", word);
            }
        }
    }
}
