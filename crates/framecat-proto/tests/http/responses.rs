//! Heads of responses.

use framecat_proto::http::head::{self, Heads};
use framecat_proto::http::{Length, Method, Refusal, Response, Version};

fn read<'b>(input: &'b [u8], to: Method<'_>) -> Result<Option<Response<'b>>, Refusal> {
    let whole = head::response(input, to);
    for cut in 0..=input.len() {
        let mut heads = Heads::default();
        match heads.response(&input[..cut], to) {
            Ok(None) => assert_eq!(heads.response(input, to), whole, "cut at {cut}"),
            early => assert_eq!(early, whole, "decided at {cut}"),
        }
    }
    whole
}

#[test]
fn a_response_is_taken_apart() {
    let bytes = b"HTTP/1.1 404 Not\tFound \xe9\r\nServer: x\r\n\r\n";
    let response = read(bytes, Method::Get).unwrap().unwrap();
    assert_eq!((response.version, response.status), (Version::Http11, 404));
    assert_eq!(response.reason, b"Not\tFound \xe9");
    assert_eq!((response.length, response.len), (Length::UntilClose, bytes.len()));
    for (line, reason) in [("HTTP/1.0 200 ", ""), ("HTTP/1.1 999", ""), ("HTTP/1.2 100  x", " x")] {
        let bytes = format!("{line}\r\n\r\n");
        let response = read(bytes.as_bytes(), Method::Get).unwrap().unwrap();
        assert_eq!(response.reason, reason.as_bytes());
    }
}

#[test]
fn lines_that_are_none() {
    for (bytes, at) in [
        ("SSH-2.0-x\r\n", 0),
        ("\r\nHTTP/1.1 200 OK\r\n", 0),
        ("HTTP/2 200 OK\r\n", 6),
        ("HTTP/2.0 200 OK\r\n", 5),
        ("HTTP/1.1\r\n", 8),
        ("HTTP/1.1  200 OK\r\n", 9),
        ("HTTP/1.1 20\r\n", 11),
        ("HTTP/1.1 20x OK\r\n", 11),
        ("HTTP/1.1 099 OK\r\n", 9),
        ("HTTP/1.1 2000 OK\r\n", 12),
        ("HTTP/1.1 200OK\r\n", 12),
        ("HTTP/1.1 200 O\0K\r\n", 14),
        ("HTTP/1.1 200 O\rK\r\n", 14),
        ("HTTP/1.1 200 OK\n", 15),
        ("HTTP/1.1 200 OK\r\nX : y\r\n", 18),
        ("HTTP/1.1 200 OK\r\nX: y\r\n z\r\n", 23),
    ] {
        let refusal = read(bytes.as_bytes(), Method::Get).unwrap_err();
        assert_eq!((refusal.status, refusal.at), (502, at), "{bytes:?}: {refusal}");
    }
}

#[test]
fn where_its_body_ends() {
    let head = |status: u16, fields: &str, to| {
        let bytes = format!("HTTP/1.1 {status} x\r\n{fields}\r\n");
        read(bytes.as_bytes(), to).map(|response| response.unwrap().length)
    };
    let (get, counted) = (Method::Get, "Content-Length: 5\r\n");
    let chunked = "Transfer-Encoding: chunked\r\n";
    for (status, fields, to, want) in [
        (200, "", get, Length::UntilClose),
        (200, counted, get, Length::Bytes(5)),
        (200, chunked, get, Length::Chunked),
        (200, "Transfer-Encoding: gzip, chunked\r\n", get, Length::Chunked),
        (200, "Transfer-Encoding: gzip\r\n", get, Length::UntilClose),
        (200, counted, Method::Head, Length::None),
        (404, chunked, Method::Head, Length::None),
        (100, counted, get, Length::None),
        (103, "", Method::Head, Length::None),
        (204, counted, get, Length::None),
        (304, counted, get, Length::None),
        (205, "", get, Length::UntilClose),
        (101, "", get, Length::Tunnel),
        (101, counted, Method::Head, Length::Tunnel),
        (200, counted, Method::Connect, Length::Tunnel),
        (299, chunked, Method::Connect, Length::Tunnel),
        (407, counted, Method::Connect, Length::Bytes(5)),
    ] {
        assert_eq!(head(status, fields, to), Ok(want), "{status} {fields:?} {to:?}");
    }
    for fields in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: x\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: chunked, gzip\r\n",
    ] {
        assert_eq!(head(200, fields, get).unwrap_err().status, 502, "{fields:?}");
    }
    let old = b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(read(old, get).unwrap_err().status, 502);
}

#[test]
fn folded_fields_are_made_one_line() {
    let mut bytes = b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\td\r\nE: f\r\n\r\nbody\r\n g".to_vec();
    assert!(head::unfold(&mut bytes));
    let response = read(&bytes, Method::Get).unwrap().unwrap();
    assert_eq!(response.fields.get("a"), Some(&b"b   c  \td"[..]));
    assert_eq!(response.fields.get("e"), Some(&b"f"[..]));
    assert!(bytes.ends_with(b"\r\n\r\nbody\r\n g"), "what is behind stays");
    assert!(!head::unfold(&mut bytes));
    // What is before the first field is no field, and what ends in LF alone is no line.
    for bytes in
        ["HTTP/1.1 200 OK\r\n A: b\r\n\r\n", "HTTP/1.1 200 OK\r\nA: b\n c\r\n\r\n", "\n", ""]
    {
        let mut head = bytes.as_bytes().to_vec();
        assert!(!head::unfold(&mut head), "{bytes:?}");
        assert_eq!(head, bytes.as_bytes());
    }
}
