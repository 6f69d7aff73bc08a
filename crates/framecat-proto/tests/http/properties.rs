//! Arbitrary heads and bodies, judged by httparse too: what we take, it takes for the same.

use framecat_proto::http::head::{self, Heads};
use framecat_proto::http::{Fields, Method};
use framecat_proto::limits::HTTP_FIELDS;
use proptest::collection::vec;
use proptest::prelude::*;

/// Heads made of pieces that matter, and of any bytes.
fn head(line: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let field = proptest::sample::select(vec![
        "Host: a\r\n",
        "Host:\r\n",
        "Content-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\n",
        "X-Y:\t z \r\n",
        "A: \u{e9}\r\n",
        "Folded: a\r\n b\r\n",
        "Connection: close, x\r\n",
        "lf: x\n",
        "cr: x\ry\r\n",
        "space : x\r\n",
        ": x\r\n",
        "no colon\r\n",
    ]);
    let piece = prop_oneof![
        12 => field.prop_map(|field| field.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..4),
    ];
    let line = proptest::sample::select(line.to_vec());
    (line, vec(piece, 0..5))
        .prop_map(|(line, pieces)| [line.as_bytes(), &pieces.concat(), b"\r\n"].concat())
}

fn request() -> impl Strategy<Value = Vec<u8>> {
    head(&[
        "GET / HTTP/1.1\r\n",
        "POST /a?b HTTP/1.0\r\nHost: a\r\n",
        "\r\nOPTIONS * HTTP/1.1\r\nHost: a\r\n",
        "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n",
        "GET http://a/ HTTP/1.1\r\nHost: a\r\n",
        "GET  / HTTP/1.1\r\n",
        "GET / HTTP/1.1 \r\n",
        "GET / HTTP/2.0\r\n",
        "G\u{e9}T / HTTP/1.1\r\n",
    ])
}

fn response() -> impl Strategy<Value = Vec<u8>> {
    head(&[
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.0 404 \r\n",
        "HTTP/1.1 204\r\n",
        "HTTP/1.1 101 x\u{e9}\r\n",
        "HTTP/1.1  200 OK\r\n",
        "HTTP/1.1 20 OK\r\n",
        "HTTP/3.1 200 OK\r\n",
    ])
}

#[track_caller]
fn same(ours: &Fields<'_>, theirs: &[httparse::Header<'_>]) {
    let ours: Vec<_> = ours.iter().map(|field| (field.name, field.value)).collect();
    // It leaves the space behind a value where it is.
    let theirs: Vec<_> =
        theirs.iter().map(|header| (header.name, header.value.trim_ascii())).collect();
    assert_eq!(ours, theirs);
}

/// It knows no HTTP/1.2, which is 1.1 (RFC 9110 section 2.5).
fn known(mut bytes: Vec<u8>) -> Vec<u8> {
    if let Some(at) = memchr::memmem::find(&bytes, b"HTTP/1.") {
        bytes[at + 7] = bytes[at + 7].min(b'1');
    }
    bytes
}

fn changed(mut bytes: Vec<u8>, (at, byte): (usize, u8)) -> Vec<u8> {
    if let Some(place) = bytes.get_mut(at) {
        *place = byte;
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn a_request_that_is_taken_is_the_same_to_httparse(
        bytes in request(),
        change in (0..200_usize, any::<u8>()),
        cut in 0..200_usize,
    ) {
        let bytes = changed(bytes, change);
        let read = head::request(&bytes);
        let mut heads = Heads::default();
        let early = heads.request(&bytes[..cut.min(bytes.len())]);
        match early {
            Ok(None) => prop_assert_eq!(&heads.request(&bytes), &read),
            early => prop_assert_eq!(&early, &read),
        }
        if let Ok(Some(ours)) = read {
            let bytes = known(bytes.clone());
            let mut headers = [httparse::EMPTY_HEADER; HTTP_FIELDS];
            let mut theirs = httparse::Request::new(&mut headers);
            let status = theirs.parse(&bytes).unwrap();
            prop_assert_eq!(status, httparse::Status::Complete(ours.len));
            prop_assert_eq!(theirs.method, Some(ours.method.as_str()));
            same(&ours.fields, theirs.headers);
        }
    }

    #[test]
    fn a_response_that_is_taken_is_the_same_to_httparse(
        bytes in response(),
        change in (0..200_usize, any::<u8>()),
    ) {
        let bytes = changed(bytes, change);
        if let Ok(Some(ours)) = head::response(&bytes, Method::Get) {
            let bytes = known(bytes.clone());
            let mut headers = [httparse::EMPTY_HEADER; HTTP_FIELDS];
            let mut theirs = httparse::Response::new(&mut headers);
            let status = theirs.parse(&bytes).unwrap();
            prop_assert_eq!(status, httparse::Status::Complete(ours.len));
            prop_assert_eq!(theirs.code, Some(ours.status));
            same(&ours.fields, theirs.headers);
        }
    }

    #[test]
    fn no_bytes_make_it_fail(bytes in vec(any::<u8>(), 0..300)) {
        let _ = head::request(&bytes);
        let _ = head::response(&bytes, Method::Get);
        let mut copy = bytes.clone();
        head::unfold(&mut copy);
        prop_assert_eq!(copy.len(), bytes.len());
    }
}
