//! Forms: how the bytes arrive must not matter, and a plain second reading comes to the same files.

use framecat_proto::http::Refusal;
use framecat_proto::http::multipart::{Boundary, Form, Next};
use framecat_proto::http::repr_digest::sha256;
use framecat_proto::http::resume::{Piece, asked, length};

use super::pieces;

/// Boundaries that may follow themselves, look like the end, or are as long as can be.
const BOUNDARIES: [&str; 5] = [
    "B",
    "--",
    "aaa",
    "a b",
    "0123456789012345678901234567890123456789012345678901234567890123456789",
];

/// What a form came to: its files, and that it is whole, or why it is refused.
#[derive(Debug, PartialEq, Eq)]
pub struct Came {
    /// Names and contents. The last one may be part of a file.
    pub files: Vec<(String, Vec<u8>)>,
    /// Those that were whole.
    pub whole: usize,
    /// At the end of the body.
    pub end: Result<(), Refusal>,
}

/// Reads a form that comes in pieces.
pub fn came<'a>(boundary: &str, pieces: impl IntoIterator<Item = &'a [u8]>) -> Came {
    let kind = format!("multipart/form-data; boundary=\"{boundary}\"");
    let mut form = Form::new(&Boundary::of(kind.as_bytes()).expect("a boundary"));
    let mut came = Came { files: Vec::new(), whole: 0, end: Ok(()) };
    for piece in pieces {
        let mut at = 0;
        loop {
            match form.next(piece, &mut at) {
                Ok(Next::File(name)) => came.files.push((name.to_string(), Vec::new())),
                Ok(Next::Content(bytes)) => {
                    assert!(!bytes.is_empty());
                    let (_, content) = came.files.last_mut().expect("content is of a file");
                    content.extend_from_slice(bytes);
                }
                Ok(Next::FileEnd) => came.whole += 1,
                Ok(Next::More | Next::End) => break,
                Err(refusal) => return Came { end: Err(refusal), ..came },
            }
        }
        assert_eq!(at, piece.len(), "all of it is taken");
    }
    assert_eq!(form.files(), came.files.len());
    Came { end: form.finish(), ..came }
}

/// The same of any bytes, behind an octet for the boundary and one for the pieces.
pub fn check_form(data: &[u8]) {
    let [which, split, bytes @ ..] = data else { return };
    let boundary = BOUNDARIES[usize::from(*which) % BOUNDARIES.len()];
    let whole = came(boundary, [bytes]);
    assert_eq!(came(boundary, pieces(bytes, *split)), whole);
    assert_eq!(came(boundary, bytes.chunks(1)), whole);
    let content: usize = whole.files.iter().map(|(_, content)| content.len()).sum();
    assert!(content <= bytes.len() && whole.whole <= whole.files.len());
    match &whole.end {
        Err(refusal) => assert!(refusal.at <= bytes.len(), "{refusal} of {}", bytes.len()),
        Ok(()) => {
            assert_eq!(whole.whole, whole.files.len());
            let parts = parts_plainly(boundary, bytes);
            let mut parts = parts.iter();
            for (name, content) in &whole.files {
                assert!(parts.any(|part| part == content), "{name} is no part");
            }
        }
    }
}

/// The contents of all parts of what is known to be a form.
fn parts_plainly(boundary: &str, body: &[u8]) -> Vec<Vec<u8>> {
    let delimiter = format!("\r\n--{boundary}").into_bytes();
    let body = [b"\r\n", body].concat();
    let mut rest = &body[find(&body, &delimiter) + delimiter.len()..];
    let mut parts = Vec::new();
    while !rest.starts_with(b"--") {
        let head = &rest[find(rest, b"\r\n")..];
        // The CR LF of the empty line may be that of the boundary behind it.
        let behind = &head[find(head, b"\r\n\r\n") + 2..];
        let end = find(behind, &delimiter);
        parts.push(behind[end.min(2)..end].to_vec());
        rest = &behind[end + delimiter.len()..];
    }
    parts
}

fn find(bytes: &[u8], what: &[u8]) -> usize {
    bytes.windows(what.len()).position(|window| window == what).expect("it is a form")
}

/// The fields of an upload: no value of them makes a number pass its type, or two names of one upload.
pub fn check_fields(value: &[u8]) {
    let _ = Boundary::of(value);
    let _ = sha256([value]);
    let _ = length(value);
    if let Ok(text) = std::str::from_utf8(value) {
        asked(Some(text));
    }
    let Ok(piece) = Piece::of(value) else { return };
    let end = piece.from.unwrap_or_default() + piece.len;
    assert!(
        piece.total.is_none_or(|total| end <= total) && (piece.from.is_none() == (piece.len == 0))
    );
    let due = piece.from.or(piece.total).expect("it says where it goes on");
    assert!(piece.is_due(due) && !piece.is_due(due + 1));
    assert_eq!(piece.ends(), piece.total == Some(due + piece.len));
    // Written again it is the same.
    let total = piece.total.map_or("*".into(), |total| total.to_string());
    let again = match piece.from {
        Some(from) => format!("bytes {from}-{}/{total}", from + piece.len - 1),
        None => format!("bytes */{total}"),
    };
    assert_eq!(Piece::of(again.as_bytes()), Ok(piece));
}
