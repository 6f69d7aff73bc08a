//! The target of a request in its four forms (RFC 9112 section 3.2).

use framecat_proto::http::Target;

use crate::requests::read;

fn target(method: &str, target: &str) -> Result<String, (u16, usize)> {
    let bytes = format!("{method} {target} HTTP/1.1\r\nHost: a\r\n\r\n");
    match read(bytes.as_bytes()) {
        Ok(Some(request)) => Ok(match request.target {
            Target::Origin { path, query } => format!("{path} {query:?}"),
            Target::Absolute { scheme, authority, path, query } => {
                format!("{scheme} {authority} {path} {query:?}")
            }
            Target::Authority(authority) => format!("authority {authority}"),
            Target::Asterisk => "*".into(),
        }),
        Ok(None) => panic!("{target} waits"),
        Err(refusal) => Err((refusal.status, refusal.at - method.len() - 1)),
    }
}

#[test]
fn forms_that_are_taken() {
    for (method, given, want) in [
        ("GET", "/", "/ None"),
        ("GET", "//", "// None"),
        ("GET", "/?", "/ Some(\"\")"),
        ("GET", "/a/b%2Fc?d=e?/f", "/a/b%2Fc Some(\"d=e?/f\")"),
        ("GET", "/-._~!$&'()*+,;=:@", "/-._~!$&'()*+,;=:@ None"),
        // What browsers leave as it is.
        ("GET", "/a[1]|b?{x}|[^`\\]", "/a[1]|b Some(\"{x}|[^`\\\\]\")"),
        ("OPTIONS", "*", "*"),
        ("OPTIONS", "/", "/ None"),
        ("GET", "http://h", "http h  None"),
        ("GET", "HTTP://h:80/p?q", "HTTP h:80 /p Some(\"q\")"),
        ("GET", "https://[::1]:443/", "https [::1]:443 / None"),
        ("GET", "http://h?q", "http h  Some(\"q\")"),
        ("OPTIONS", "http://h", "http h  None"),
        ("GET", "ftp://h/x", "ftp h /x None"),
        ("CONNECT", "h:443", "authority h:443"),
        ("CONNECT", "[::1]:443", "authority [::1]:443"),
        // A method nobody knows is none of CONNECT and OPTIONS.
        ("connect", "/", "/ None"),
    ] {
        assert_eq!(target(method, given).as_deref(), Ok(want), "{method} {given}");
    }
}

#[test]
fn forms_that_are_none() {
    for (method, given, at) in [
        ("GET", "*", 0),
        ("options", "*", 0),
        ("OPTIONS", "**", 0),
        ("GET", "a", 0),
        ("GET", "a/b", 0),
        ("GET", "?q", 0),
        ("GET", "h:80", 0),
        ("GET", "localhost:8000/x", 0),
        ("GET", "http:/x", 0),
        ("GET", "http:x", 0),
        ("GET", "http://", 7),
        ("GET", "http:///x", 7),
        ("GET", "http://:80/", 7),
        ("GET", "http://u@h/", 8),
        ("GET", "http://u:p@h/", 10),
        ("GET", "http://h:x/", 9),
        ("GET", "http://h:70000/", 9),
        ("GET", "http://[::1/", 11),
        ("GET", "http://h%zz/", 8),
        ("GET", "1http://h/", 0),
        ("GET", "://h/", 0),
        ("GET", "/a#b", 2),
        ("GET", "http://h/#b", 9),
        ("GET", "http://h#b", 8),
        ("GET", "/%", 1),
        ("GET", "/%2", 1),
        ("GET", "/%g1", 1),
        ("GET", "/ok%20?q=%zz", 9),
        ("GET", "/<b>", 1),
        ("GET", "/\"", 1),
        ("GET", "/a{b", 2),
        ("GET", "/a\\b", 2),
        ("GET", "/a^b", 2),
        ("GET", "/?<", 2),
        ("GET", "/?a\"b", 3),
        ("GET", "/\u{e9}", 1),
        ("GET", "/?\u{e9}", 2),
        ("GET", "/\x01", 1),
        ("GET", "/\x7f", 1),
        ("GET", "/\0", 1),
        ("GET", "a\x02b", 1),
        ("CONNECT", "/", 0),
        ("CONNECT", "h", 1),
        ("CONNECT", "h:", 2),
        ("CONNECT", ":443", 0),
        ("CONNECT", "h:443/", 5),
        ("CONNECT", "http://h:443", 5),
        ("CONNECT", "u@h:443", 1),
        ("CONNECT", "*", 1),
    ] {
        assert_eq!(target(method, given), Err((400, at)), "{method} {given}");
    }
}
