//! Heads of requests.

use framecat_proto::http::head::{self, Heads};
use framecat_proto::http::{Length, Method, Refusal, Request, Target, Version};
use framecat_proto::limits::{HTTP_FIELDS, HTTP_HEAD_BYTES, HTTP_LINE_BYTES};

/// The head of `input`, which must come to the same however it arrives: at once, cut anywhere, byte by
/// byte, and with something behind it.
pub fn read(input: &[u8]) -> Result<Option<Request<'_>>, Refusal> {
    let whole = head::request(input);
    for cut in 0..=input.len() {
        let mut heads = Heads::default();
        match heads.request(&input[..cut]) {
            Ok(None) => assert_eq!(heads.request(input), whole, "cut at {cut}"),
            early => assert_eq!(early, whole, "decided at {cut}"),
        }
    }
    let mut heads = Heads::default();
    let bytes = (0..=input.len()).map(|len| heads.request(&input[..len]));
    let decided = bytes.into_iter().find(|read| *read != Ok(None)).unwrap_or(Ok(None));
    assert_eq!(decided, whole, "byte by byte");
    if whole != Ok(None) {
        for more in [&b"\n"[..], b"GET / HTTP/1.1\r\n", &[0; 40_000]] {
            let more = [input, more].concat();
            assert_eq!(head::request(&more), whole, "with something behind");
        }
    }
    whole
}

fn refused(input: impl AsRef<[u8]>) -> (u16, usize, &'static str) {
    let input = input.as_ref();
    match read(input) {
        Err(refusal) => {
            assert!(!refusal.rule.is_empty() && !refusal.rule.ends_with('.'), "{}", refusal.rule);
            assert!(refusal.at <= input.len(), "octet {} of {}", refusal.at, input.len());
            (refusal.status, refusal.at, refusal.section.trim_start_matches("RFC "))
        }
        read => panic!("{:?}: {read:?}", input.escape_ascii().to_string()),
    }
}

const GET: &str = "GET / HTTP/1.1\r\n";

#[test]
fn a_request_is_taken_apart() {
    let bytes = b"GET /a%20b?c=d HTTP/1.1\r\nHost: example.com:80\r\nAccept:\r\nX-Wide: \t\xe4\xb8\xad  x \t\r\n\r\n";
    let request = read(bytes).unwrap().unwrap();
    assert_eq!(request.method, Method::Get);
    assert_eq!(request.target, Target::Origin { path: "/a%20b", query: Some("c=d") });
    assert_eq!((request.version, request.length), (Version::Http11, Length::None));
    assert_eq!(request.len, bytes.len());
    let fields: Vec<_> = request.fields.iter().map(|field| (field.name, field.value)).collect();
    let wide = "\u{4e2d}  x".as_bytes();
    assert_eq!(fields, [("Host", &b"example.com:80"[..]), ("Accept", b""), ("X-Wide", wide)]);
}

#[test]
fn a_head_that_is_not_all_there_is_waited_for() {
    let whole = b"\r\nPOST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n";
    for cut in 0..whole.len() {
        assert_eq!(read(&whole[..cut]), Ok(None), "{cut}");
    }
    let request = read(whole).unwrap().unwrap();
    assert_eq!((request.len, request.length), (whole.len(), Length::Bytes(3)));
}

#[test]
fn request_lines() {
    for (line, want) in [
        // RFC 9112 section 3
        ("GET /\r\n", (400, 5, "9112 section 3")),
        ("GET\r\n", (400, 3, "9112 section 3")),
        ("GET  / HTTP/1.1\r\n", (400, 4, "9112 section 3")),
        ("GET / HTTP/1.1 \r\n", (400, 14, "9112 section 2.3")),
        ("GET /  HTTP/1.1\r\n", (400, 5, "9112 section 3")),
        ("GET /a b HTTP/1.1\r\n", (400, 6, "9112 section 3")),
        ("GET\t/ HTTP/1.1\r\n", (400, 3, "9112 section 3")),
        ("GET /\tHTTP/1.1\r\n", (400, 5, "9112 section 3")),
        ("G@T / HTTP/1.1\r\n", (400, 1, "9112 section 3")),
        ("G\u{e9}T / HTTP/1.1\r\n", (400, 1, "9112 section 3")),
        (" GET / HTTP/1.1\r\n", (400, 0, "9112 section 3")),
        ("\x16\x03\x01", (400, 0, "9112 section 3")),
        ("{", (400, 0, "9112 section 3")),
        // section 2.2: line ends, and one empty line before
        ("GET / HTTP/1.1\n", (400, 14, "9112 section 2.2")),
        ("GET / HTTP/1.1\r\r\n", (400, 14, "9112 section 2.3")),
        ("GET / HTTP/1.1\rX\r\n", (400, 14, "9112 section 2.3")),
        ("GET /\r HTTP/1.1\r\n", (400, 5, "9112 section 3.2")),
        ("\n", (400, 0, "9112 section 2.2")),
        ("\r\r\n", (400, 0, "9112 section 2.2")),
        ("\rGET / HTTP/1.1\r\n", (400, 0, "9112 section 2.2")),
        ("\r\n\n", (400, 2, "9112 section 2.2")),
        ("\r\n\r\n", (400, 2, "9112 section 2.2")),
        // section 2.3
        ("GET / HTTP/2.0\r\n", (505, 11, "9112 section 2.3")),
        ("PRI * HTTP/2.0\r\n", (505, 11, "9112 section 2.3")),
        ("GET / HTTP/0.9\r\n", (505, 11, "9112 section 2.3")),
        ("GET / HTTP/9.9\r\n", (505, 11, "9112 section 2.3")),
        ("GET / http/1.1\r\n", (400, 6, "9112 section 2.3")),
        ("GET / HTTP/1.10\r\n", (400, 14, "9112 section 2.3")),
        ("GET / HTTP/11.1\r\n", (400, 12, "9112 section 2.3")),
        ("GET / HTTP/1\r\n", (400, 12, "9112 section 2.3")),
        ("GET / HTTP/1.\r\n", (400, 13, "9112 section 2.3")),
        ("GET / HTTP/x.1\r\n", (400, 11, "9112 section 2.3")),
        ("GET / HTTP 1.1\r\n", (400, 5, "9112 section 3")),
        ("GET / HTTP/1.1x\r\n", (400, 14, "9112 section 2.3")),
        ("GET / HTTPS/1.1\r\n", (400, 10, "9112 section 2.3")),
        ("GET / \r\n", (400, 6, "9112 section 2.3")),
        ("GET / ICY\r\n", (400, 6, "9112 section 2.3")),
    ] {
        assert_eq!(refused(line), want, "{line:?}");
    }
    for (digits, version) in [
        ("1.0", Version::Http10),
        ("1.1", Version::Http11),
        ("1.2", Version::Http11),
        ("1.9", Version::Http11),
    ] {
        let bytes = format!("OPTIONS * HTTP/{digits}\r\nHost: a\r\n\r\n");
        let request = read(bytes.as_bytes()).unwrap().unwrap();
        assert_eq!((request.version, request.target), (version, Target::Asterisk));
    }
    let odd = read(b"!#$%&'*+-.^_`|~09az / HTTP/1.0\r\n\r\n").unwrap().unwrap();
    assert_eq!(odd.method, Method::Other("!#$%&'*+-.^_`|~09az"));
    // Case matters (RFC 9110 section 9.1).
    assert_eq!(read(b"get / HTTP/1.0\r\n\r\n").unwrap().unwrap().method, Method::Other("get"));
}

#[test]
fn field_lines() {
    for (fields, want) in [
        // RFC 9112 section 5
        ("Host: a\r\nno colon\r\n", (400, 11, "9110 section 5.1")),
        ("Host: a\r\nX\r\n", (400, 9, "9112 section 5")),
        ("Host: a\r\n: v\r\n", (400, 9, "9112 section 5")),
        // section 5.1
        ("Host : a\r\n", (400, 4, "9112 section 5.1")),
        ("Host\t: a\r\n", (400, 4, "9112 section 5.1")),
        ("Ho st: a\r\n", (400, 2, "9110 section 5.1")),
        ("H\u{f6}st: a\r\n", (400, 1, "9110 section 5.1")),
        ("H\0st: a\r\n", (400, 1, "9110 section 5.1")),
        ("H(st): a\r\n", (400, 1, "9110 section 5.1")),
        ("\"Host\": a\r\n", (400, 0, "9110 section 5.1")),
        // section 5.2
        ("Host: a\r\n b\r\n", (400, 9, "9112 section 5.2")),
        ("Host: a\r\n\tb\r\n", (400, 9, "9112 section 5.2")),
        ("Host: a\r\n \r\n", (400, 9, "9112 section 5.2")),
        // section 2.2
        (" Host: a\r\n", (400, 0, "9112 section 2.2")),
        ("\tX: a\r\n", (400, 0, "9112 section 2.2")),
        ("Host: a\n", (400, 7, "9112 section 2.2")),
        ("Host: a\r\n\n", (400, 9, "9112 section 2.2")),
        ("Host: a\r\r\n", (400, 7, "9110 section 5.5")),
        ("Host: a\rX: b\r\n", (400, 7, "9110 section 5.5")),
        ("Host: a\r\n\rX: b\r\n", (400, 9, "9110 section 5.1")),
        // RFC 9110 section 5.5
        ("Host: a\r\nX: a\0b\r\n", (400, 13, "9110 section 5.5")),
        ("Host: a\r\nX: a\x01b\r\n", (400, 13, "9110 section 5.5")),
        ("Host: a\r\nX: a\x7fb\r\n", (400, 13, "9110 section 5.5")),
        ("Host: a\r\nX: \x1b[2J\r\n", (400, 12, "9110 section 5.5")),
    ] {
        let (status, at, section) = want;
        let want = (status, GET.len() + at, section);
        assert_eq!(refused(format!("{GET}{fields}")), want, "{fields:?}");
    }
}

#[test]
fn host_is_there_once_and_is_one() {
    let at = GET.len();
    for (fields, want) in [
        ("\r\n", (400, 0)),
        ("X: y\r\n\r\n", (400, 0)),
        ("Host: a\r\nHost: a\r\n\r\n", (400, at + 15)),
        ("Host: a\r\nhost: b\r\n\r\n", (400, at + 15)),
        ("Host:\r\nHost:\r\n\r\n", (400, at + 12)),
        ("Host: a b\r\n\r\n", (400, at + 7)),
        ("Host: u@h\r\n\r\n", (400, at + 7)),
        ("Host: h/p\r\n\r\n", (400, at + 7)),
        ("Host: http://h\r\n\r\n", (400, at + 11)),
        ("Host: h?q\r\n\r\n", (400, at + 7)),
        ("Host: h#f\r\n\r\n", (400, at + 7)),
        ("Host: h\\p\r\n\r\n", (400, at + 7)),
        ("Host: \"><script>\r\n\r\n", (400, at + 6)),
        ("Host: \u{e9}\r\n\r\n", (400, at + 6)),
        ("Host: :80\r\n\r\n", (400, at + 6)),
        ("Host: :abc\r\n\r\n", (400, at + 6)),
        ("Host: h:abc\r\n\r\n", (400, at + 8)),
        ("Host: h:-1\r\n\r\n", (400, at + 8)),
        ("Host: h:80:80\r\n\r\n", (400, at + 10)),
        ("Host: h:65536\r\n\r\n", (400, at + 8)),
        ("Host: h:99999999999999999999\r\n\r\n", (400, at + 8)),
        ("Host: a, b\r\n\r\n", (400, at + 8)),
        ("Host: [::1\r\n\r\n", (400, at + 10)),
        ("Host: [::1]x\r\n\r\n", (400, at + 11)),
        ("Host: [::1]:x\r\n\r\n", (400, at + 12)),
        ("Host: [::g]\r\n\r\n", (400, at + 7)),
        ("Host: [1.2.3.4]\r\n\r\n", (400, at + 7)),
        ("Host: [v.a]\r\n\r\n", (400, at + 7)),
        ("Host: [v1.]\r\n\r\n", (400, at + 7)),
        ("Host: []\r\n\r\n", (400, at + 7)),
        ("Host: ::1\r\n\r\n", (400, at + 6)),
        ("Host: a%2\r\n\r\n", (400, at + 7)),
        ("Host: a%zz\r\n\r\n", (400, at + 7)),
    ] {
        let (status, at, section) = refused(format!("{GET}{fields}"));
        assert_eq!(((status, at), section), (want, "9112 section 3.2"), "{fields:?}");
        // HTTP/1.0 needs none, but what it has must be one too.
        let old = format!("{}{fields}", GET.replace("1.1", "1.0"));
        match fields.contains("ost") {
            true => assert_eq!(refused(old).0, 400, "{fields:?}"),
            false => assert!(read(old.as_bytes()).unwrap().is_some(), "{fields:?}"),
        }
    }
    for host in [
        "a",
        "a.",
        "A-b_c~d.example:8000",
        "127.0.0.1",
        "127.0.0.1:65535",
        "a:",
        "[::1]",
        "[::1]:80",
        "[::ffff:127.0.0.1]:0",
        "[v1.fe80:a+b]",
        "a%20b",
        "!$&'()*+,;=",
        "",
    ] {
        let bytes = format!("{GET}Host:{host}\r\n\r\n");
        assert_eq!(
            read(bytes.as_bytes()).unwrap().unwrap().fields.get("host"),
            Some(host.as_bytes())
        );
    }
    // Absolute-form does not do away with it (RFC 9112 section 3.2.2).
    assert_eq!(refused("GET http://a/ HTTP/1.1\r\n\r\n").0, 400);
}

#[test]
fn where_its_body_ends() {
    let read_length = |fields: &str| {
        let bytes = format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        read(bytes.as_bytes()).unwrap().unwrap().length
    };
    for (fields, want) in [
        ("", Length::None),
        ("Content-Length: 0\r\n", Length::Bytes(0)),
        ("content-length:007\r\n", Length::Bytes(7)),
        ("Content-Length: 18446744073709551615 \r\n", Length::Bytes(u64::MAX)),
        ("Transfer-Encoding: chunked\r\n", Length::Chunked),
        ("transfer-encoding:\tCHUNKED \r\n", Length::Chunked),
        // Empty members of a list do not count (RFC 9110 section 5.6.1.2).
        ("Transfer-Encoding: , chunked,,\r\n", Length::Chunked),
        ("TE: gzip\r\n", Length::None),
    ] {
        assert_eq!(read_length(fields), want, "{fields:?}");
    }
    let (c, t) = ("9110 section 8.6", "9112 section 6.1");
    let both = "9112 section 6.3";
    for (fields, status, at, section) in [
        ("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", 400, 38, both),
        ("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", 400, 19, both),
        ("Transfer-Encoding: gzip\r\n", 400, 19, both),
        ("Transfer-Encoding: identity\r\n", 400, 19, both),
        ("Transfer-Encoding: xchunked\r\n", 400, 19, both),
        ("Transfer-Encoding: chunked, gzip\r\n", 400, 19, t),
        ("Transfer-Encoding: chunked, chunked\r\n", 400, 19, t),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400, 47, t),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", 400, 47, t),
        ("Transfer-Encoding: chunked;a=b\r\n", 400, 19, t),
        ("Transfer-Encoding:\r\n", 400, 18, t),
        ("Transfer-Encoding: ,\r\n", 400, 19, t),
        ("Transfer-Encoding: \"chunked\"\r\n", 400, 19, t),
        ("Transfer-Encoding: chun ked\r\n", 400, 19, t),
        ("Transfer-Encoding: gzip, chunked\r\n", 501, 19, t),
        ("Transfer-Encoding: gzip;q=1\r\nTransfer-Encoding: chunked\r\n", 501, 19, t),
        ("Content-Length:\r\n", 400, 15, c),
        ("Content-Length: +5\r\n", 400, 16, c),
        ("Content-Length: -5\r\n", 400, 16, c),
        ("Content-Length: 0x5\r\n", 400, 17, c),
        ("Content-Length: 5, 5\r\n", 400, 17, c),
        ("Content-Length: 5 6\r\n", 400, 17, c),
        ("Content-Length: 5.0\r\n", 400, 17, c),
        ("Content-Length: 5\r\nContent-Length: 5\r\n", 400, 35, c),
        ("Content-Length: 5\r\ncontent-length: 6\r\n", 400, 35, c),
        ("Content-Length: \u{665}\r\n", 400, 16, c),
        ("Content-Length: 18446744073709551616\r\n", 413, 16, c),
    ] {
        let line = "POST / HTTP/1.1\r\nHost: a\r\n";
        let want = (status, line.len() + at, section);
        assert_eq!(refused(format!("{line}{fields}\r\n")), want, "{fields:?}");
    }
    let old = "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(refused(old), (400, 36, "9112 section 6.1"));
}

#[test]
fn limits_are_to_the_octet() {
    let target = |len: usize| format!("/{}", "a".repeat(len - 1));
    let line = |len: usize| format!("GET {} HTTP/1.1\r\n", target(len - "GET  HTTP/1.1".len()));
    let longest = format!("{}Host: a\r\n\r\n", line(HTTP_LINE_BYTES));
    assert!(head::request(longest.as_bytes()).unwrap().is_some());
    for line in [line(HTTP_LINE_BYTES + 1), line(20_000), line(20_000).replace("\r\n", "")] {
        let refusal = head::request(line.as_bytes()).unwrap_err();
        assert_eq!((refusal.status, refusal.at), (414, HTTP_LINE_BYTES));
    }
    let method = format!("{} / HTTP/1.1\r\n", "M".repeat(HTTP_LINE_BYTES));
    assert_eq!(head::request(method.as_bytes()).unwrap_err().status, 501);
    let head = |len: usize| {
        let around = format!("{GET}Host: a\r\nX: \r\n\r\n").len();
        format!("{GET}Host: a\r\nX: {}\r\n\r\n", "x".repeat(len - around))
    };
    assert!(head::request(head(HTTP_HEAD_BYTES).as_bytes()).unwrap().is_some());
    for head in [head(HTTP_HEAD_BYTES + 1), head(HTTP_HEAD_BYTES + 3), head(1_000_000)] {
        let refusal = head::request(head.as_bytes()).unwrap_err();
        assert_eq!(refusal.status, 431);
        assert!(refusal.at == HTTP_HEAD_BYTES - 2, "{}", refusal.at);
    }
    let fields = |n: usize| format!("{GET}Host: a\r\n{}\r\n", "X: y\r\n".repeat(n - 1));
    assert!(head::request(fields(HTTP_FIELDS).as_bytes()).unwrap().is_some());
    assert_eq!(head::request(fields(HTTP_FIELDS + 1).as_bytes()).unwrap_err().status, 431);
}

#[test]
fn bytes_one_by_one_come_to_the_same_at_the_limits() {
    for head in [
        format!("GET /{}", "a".repeat(9_000)),
        "M".repeat(9_000),
        format!("\r\nGET /{}", "a".repeat(9_000)),
        format!("{GET}X: {}", "x".repeat(33_000)),
        format!("{GET}{}", "Y:\r\n".repeat(9_000)),
        format!("{GET}Host: a\r\nX: {}\r\n\r\n", "x".repeat(20_000)),
    ] {
        let whole = head::request(head.as_bytes());
        assert_ne!(whole, Ok(None));
        let mut heads = Heads::default();
        let decided = (0..=head.len()).map(|len| heads.request(&head.as_bytes()[..len]));
        assert_eq!(decided.into_iter().find(|read| *read != Ok(None)), Some(whole));
    }
}

#[test]
fn what_the_connection_does_behind_it() {
    for (version, fields, want) in [
        ("1.1", "", true),
        ("1.1", "Connection: close\r\n", false),
        ("1.1", "Connection: Keep-Alive, CLOSE\r\n", false),
        ("1.1", "Connection: x\r\nConnection: close\r\n", false),
        ("1.1", "Connection: closed\r\n", true),
        ("1.1", "Connection: keep-alive\r\n", true),
        ("1.0", "", false),
        ("1.0", "Connection: keep-alive\r\n", true),
        ("1.0", "Connection: close, Keep-Alive\r\n", false),
    ] {
        let bytes = format!("GET / HTTP/{version}\r\nHost: a\r\n{fields}\r\n");
        let request = read(bytes.as_bytes()).unwrap().unwrap();
        assert_eq!(
            head::keeps_alive(request.version, &request.fields),
            want,
            "{version} {fields:?}"
        );
    }
    for (version, fields, want) in [
        ("1.1", "Content-Length: 1\r\n", Ok(false)),
        ("1.1", "Content-Length: 1\r\nExpect: 100-continue\r\n", Ok(true)),
        ("1.1", "Transfer-Encoding: chunked\r\nexpect: 100-Continue\r\n", Ok(true)),
        ("1.1", "Content-Length: 0\r\nExpect: 100-continue\r\n", Ok(false)),
        ("1.1", "Expect: 100-continue\r\n", Ok(false)),
        ("1.0", "Content-Length: 1\r\nExpect: 100-continue\r\n", Ok(false)),
        ("1.1", "Content-Length: 1\r\nExpect: x\r\n", Err(417)),
        ("1.1", "Expect: 100-continue, y=z\r\n", Err(417)),
    ] {
        let bytes = format!("PUT / HTTP/{version}\r\nHost: a\r\n{fields}\r\n");
        let request = read(bytes.as_bytes()).unwrap().unwrap();
        let expects = head::expects_continue(&request).map_err(|refusal| refusal.status);
        assert_eq!(expects, want, "{version} {fields:?}");
    }
}
