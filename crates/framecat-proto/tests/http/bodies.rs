//! Where bodies end.

use framecat_proto::http::body::{Body, LAST_CHUNK, Next, put_chunk_size};
use framecat_proto::http::{Length, Refusal};
use framecat_proto::limits::{HTTP_CHUNK_EXTENSION_BYTES, HTTP_FIELDS, HTTP_HEAD_BYTES};

/// What a body came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Came {
    content: Vec<u8>,
    /// Octets up to its end, if it has ended.
    ended: Option<usize>,
    trailers: Vec<(String, Vec<u8>)>,
    refused: Option<Refusal>,
}

/// Reads a body out of pieces of a stream.
fn came<'a>(length: Length, pieces: impl IntoIterator<Item = &'a [u8]>) -> Came {
    let mut body = Body::new(length);
    let (mut came, mut taken) = (Came::default(), 0);
    for piece in pieces {
        let mut at = 0;
        loop {
            match body.next(piece, &mut at) {
                Ok(Next::Content(range)) => came.content.extend_from_slice(&piece[range]),
                Ok(Next::More) => {
                    assert_eq!(at, piece.len());
                    taken += at;
                    break;
                }
                Ok(Next::End) => {
                    came.ended = Some(taken + at);
                    let trailers = body.trailers();
                    let owned =
                        trailers.iter().map(|field| (field.name.into(), field.value.into()));
                    came.trailers = owned.collect();
                    assert!(body.is_done());
                    return came;
                }
                Err(refusal) => {
                    came.refused = Some(refusal);
                    return came;
                }
            }
        }
    }
    came
}

/// The same, and that it does not matter how the bytes arrive.
fn read(length: Length, bytes: &[u8]) -> Came {
    let whole = came(length, [bytes]);
    assert_eq!(came(length, bytes.chunks(1)), whole, "byte by byte");
    for cut in 0..=bytes.len() {
        let (front, back) = bytes.split_at(cut);
        assert_eq!(came(length, [front, back]), whole, "cut at {cut}");
    }
    whole
}

#[test]
fn counted_until_close_and_none() {
    for length in [Length::None, Length::Bytes(0)] {
        assert_eq!(read(length, b"abc").ended, Some(0));
    }
    let counted = read(Length::Bytes(3), b"abcdef");
    assert_eq!((counted.content.as_slice(), counted.ended), (&b"abc"[..], Some(3)));
    assert_eq!(read(Length::Bytes(u64::MAX), b"abc").ended, None);
    let close = read(Length::UntilClose, b"abc");
    assert_eq!((close.content.as_slice(), close.ended), (&b"abc"[..], None));
    assert!(Body::new(Length::UntilClose).is_whole_at_end());
    assert!(!Body::new(Length::Bytes(1)).is_whole_at_end());
    assert!(!Body::new(Length::Chunked).is_whole_at_end());
    assert_eq!(Body::new(Length::Bytes(7)).due(), 7);
}

#[test]
fn chunks_that_are_taken() {
    for (bytes, content) in [
        ("0\r\n\r\n", ""),
        ("5\r\nhello\r\n0\r\n\r\n", "hello"),
        ("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789"),
        ("0000000000000005\r\nhello\r\n0000\r\n\r\n", "hello"),
        ("2\r\n\r\n\r\n0\r\n\r\n", "\r\n"),
        ("1;a\r\nx\r\n0;b=c\r\n\r\n", "x"),
        ("1;a=b;c=\"d\\\"e;\"\r\nx\r\n0\r\n\r\n", "x"),
        ("1 ; a = b ;\tc\r\nx\r\n0 ;d\r\n\r\n", "x"),
        ("1;a=\"\"\r\nx\r\n0\r\n\r\n", "x"),
    ] {
        let came = read(Length::Chunked, bytes.as_bytes());
        assert_eq!(came.refused, None, "{bytes:?}");
        assert_eq!((came.content.as_slice(), came.ended), (content.as_bytes(), Some(bytes.len())));
        let more = [bytes.as_bytes(), b"GET / HTTP/1.1"].concat();
        assert_eq!(read(Length::Chunked, &more).ended, Some(bytes.len()), "{bytes:?}");
        for cut in 0..bytes.len() {
            assert_eq!(read(Length::Chunked, &bytes.as_bytes()[..cut]).ended, None, "{bytes:?}");
        }
    }
}

#[test]
fn trailers_are_fields() {
    let came = read(Length::Chunked, b"1\r\nx\r\n0\r\nDigest: y \r\nX:\r\n\r\nGET");
    let want = [("Digest".to_string(), b"y".to_vec()), ("X".into(), b"".to_vec())];
    assert_eq!(came.trailers, want);
    for (trailers, at) in [
        ("X\r\n\r\n", 3),
        ("X : y\r\n\r\n", 4),
        (" X: y\r\n\r\n", 3),
        ("X: y\r\n z\r\n\r\n", 9),
        ("X: y\n\r\n", 7),
        ("X: y\r\n\n", 9),
        ("X: \0\r\n\r\n", 6),
        ("X: y\r\r\n\r\n", 7),
        ("\n", 3),
    ] {
        let came = read(Length::Chunked, format!("0\r\n{trailers}").as_bytes());
        let refusal = came.refused.unwrap_or_else(|| panic!("{trailers:?}"));
        assert_eq!((refusal.status, refusal.at), (400, at), "{trailers:?}: {refusal}");
    }
}

#[test]
fn chunks_that_are_none() {
    for (bytes, at) in [
        ("\r\n", 0),
        (" 5\r\n", 0),
        ("+5\r\n", 0),
        ("-5\r\n", 0),
        ("0x5\r\n", 1),
        ("5g\r\n", 1),
        ("g\r\n", 0),
        (";a\r\n", 0),
        ("5\n", 1),
        ("5\rX", 2),
        ("5\r\r\n", 2),
        ("5 \r\n", 2),
        ("5\t\r\n", 2),
        ("5 6\r\n", 2),
        ("5;\r\n", 2),
        ("5;a\n", 3),
        ("5;a=\r\n", 4),
        ("5;=b\r\n", 2),
        ("5;a b\r\n", 4),
        ("5;a \r\n", 4),
        ("5;a=b c\r\n", 6),
        ("5;a=b \r\n", 6),
        ("5;a=\"b\r\n", 6),
        ("5;a=\"b\\\r\n", 7),
        ("5;a=\"b\"c\r\n", 7),
        ("5;a=\0\r\n", 4),
        ("5;a==b\r\n", 4),
        ("5;;a\r\n", 2),
        ("5;a\r;\r\n", 4),
        ("5\r\r;\r\n", 2),
        ("1\r\nab\r\n", 4),
        ("1\r\na\n", 4),
        ("1\r\na\r\r", 5),
        ("1\r\na0\r\n\r\n", 4),
        ("10000000000000005\r\n", 16),
        ("00000000000000005\r\n", 16),
        ("ffffffffffffffff5\r\n", 16),
    ] {
        let came = read(Length::Chunked, bytes.as_bytes());
        let refusal = came.refused.unwrap_or_else(|| panic!("{bytes:?}"));
        assert_eq!((refusal.status, refusal.at), (400, at), "{bytes:?}: {refusal}");
        assert!(refusal.section.starts_with("RFC 9112 section 7.1"), "{refusal}");
    }
    // The largest size there is waits for its content.
    assert_eq!(read(Length::Chunked, b"ffffffffffffffff\r\nab").content, b"ab");
}

#[test]
fn limits_are_to_the_octet() {
    let chunk = |octets: usize| format!("1;{}\r\nx\r\n0\r\n\r\n", "a".repeat(octets - 1));
    assert!(came(Length::Chunked, [chunk(HTTP_CHUNK_EXTENSION_BYTES).as_bytes()]).ended.is_some());
    for bytes in [chunk(HTTP_CHUNK_EXTENSION_BYTES + 1), format!("1;{}", "a".repeat(5_000))] {
        let refusal = read(Length::Chunked, bytes.as_bytes()).refused.unwrap();
        assert_eq!((refusal.status, refusal.at), (400, 1 + HTTP_CHUNK_EXTENSION_BYTES));
    }
    let trailers = |octets: usize| format!("0\r\nX:{}\r\n\r\n", "y".repeat(octets - 6));
    assert!(came(Length::Chunked, [trailers(HTTP_HEAD_BYTES).as_bytes()]).ended.is_some());
    let over = trailers(HTTP_HEAD_BYTES + 1);
    let whole = came(Length::Chunked, [over.as_bytes()]);
    assert_eq!(whole, came(Length::Chunked, over.as_bytes().chunks(1)));
    let refusal = whole.refused.unwrap();
    assert_eq!((refusal.status, refusal.at), (431, 3 + HTTP_HEAD_BYTES));
    let fields = |n: usize| format!("0\r\n{}\r\n", "X:\r\n".repeat(n));
    assert_eq!(read(Length::Chunked, fields(HTTP_FIELDS).as_bytes()).trailers.len(), HTTP_FIELDS);
    let refusal = read(Length::Chunked, fields(HTTP_FIELDS + 1).as_bytes()).refused.unwrap();
    assert_eq!((refusal.status, refusal.at), (431, 3 + 4 * HTTP_FIELDS));
}

#[test]
fn what_is_written_is_read() {
    let mut bytes = Vec::new();
    for len in [1, 15, 16, 4_096, 70_000] {
        put_chunk_size(len, &mut bytes);
        bytes.resize(bytes.len() + len, b'z');
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(LAST_CHUNK);
    let came = came(Length::Chunked, [bytes.as_slice()]);
    assert_eq!((came.content.len(), came.ended), (74_128, Some(bytes.len())));
}
