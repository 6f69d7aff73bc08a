//! Heads on their way out. Who writes is trusted to keep to the grammar; in debug it is checked.

use super::super::characters::{self as of, first_control, first_other};

/// Appends `GET /path HTTP/1.1` and CR LF.
pub fn put_request_line(method: &str, target: &str, out: &mut Vec<u8>) {
    debug_assert!(first_other(of::TOKEN, method.as_bytes()).is_none(), "{method:?}");
    debug_assert!(target.bytes().all(|byte| byte.is_ascii_graphic()), "{target:?}");
    for piece in [method, " ", target, " HTTP/1.1\r\n"] {
        out.extend_from_slice(piece.as_bytes());
    }
}

/// Appends `HTTP/1.1 200 OK` and CR LF. A server answers HTTP/1.0 with its own version too
/// (RFC 9110 section 2.5).
pub fn put_status_line(status: u16, out: &mut Vec<u8>) {
    debug_assert!((100..1000).contains(&status));
    out.extend_from_slice(b"HTTP/1.1 ");
    let digit = |n: u16| b'0' + (n % 10) as u8;
    out.extend_from_slice(&[digit(status / 100), digit(status / 10), digit(status), b' ']);
    out.extend_from_slice(reason(status).as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Appends `name: value` and CR LF.
pub fn put_field(name: &str, value: &[u8], out: &mut Vec<u8>) {
    debug_assert!(
        !name.is_empty() && first_other(of::TOKEN, name.as_bytes()).is_none(),
        "{name:?}"
    );
    debug_assert!(first_control(value).is_none(), "{:?}", value.escape_ascii());
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// The words of a status (RFC 9110 section 15); empty for one that is not registered.
pub fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        305 => "Use Proxy",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",

        507 => "Insufficient Storage",
        _ => "",
    }
}
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_written_as_they_are_read() {
        let mut out = Vec::new();
        put_request_line("GET", "/a?b", &mut out);
        put_status_line(404, &mut out);
        put_status_line(299, &mut out);
        put_field("Host", b"a:80", &mut out);
        let want = "GET /a?b HTTP/1.1\r\nHTTP/1.1 404 Not Found\r\nHTTP/1.1 299 \r\nHost: a:80\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), want);
    }
}
