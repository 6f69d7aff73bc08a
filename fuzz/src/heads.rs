//! Heads and bodies of HTTP: how the bytes arrive must not matter.

use framecat_proto::http::body::{Body, Next};
use framecat_proto::http::head::{self, Heads};
use framecat_proto::http::{Length, Method, Refusal};

use super::pieces;

/// A head that arrives in pieces comes to what it comes to at once, and never later than its last byte.
pub fn check_heads(data: &[u8]) {
    let [split, bytes @ ..] = data else { return };
    let to = if split & 1 == 0 { Method::Get } else { Method::Head };
    let (request, response) = (head::request(bytes), head::response(bytes, to));
    for refusal in [request.as_ref().err(), response.as_ref().err()].into_iter().flatten() {
        assert!(refusal.at <= bytes.len(), "{refusal} of {}", bytes.len());
        assert!((400..600).contains(&refusal.status));
    }
    let mut heads = Heads::default();
    let mut ends = lengths(pieces(bytes, *split)).map(|len| heads.request(&bytes[..len]));
    let decided = ends.find(|read| *read != Ok(None));
    assert_eq!(decided.unwrap_or(Ok(None)), request);
    let mut heads = Heads::default();
    let mut ends = lengths(bytes.chunks(1)).map(|len| heads.response(&bytes[..len], to));
    let decided = ends.find(|read| *read != Ok(None));
    assert_eq!(decided.unwrap_or(Ok(None)), response);
    let mut unfolded = bytes.to_vec();
    head::unfold(&mut unfolded);
    let changed = unfolded.iter().zip(bytes).filter(|(one, other)| one != other);
    assert!(changed.into_iter().all(|(one, other)| *one == b' ' && b"\r\n".contains(other)));
}

/// What a body in chunks came to: content, where it ended, trailers, or why it is refused.
type Came = (Vec<u8>, Option<usize>, usize, Option<Refusal>);

fn came<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Came {
    let mut body = Body::new(Length::Chunked);
    let (mut content, mut taken) = (Vec::new(), 0);
    for piece in pieces {
        let mut at = 0;
        loop {
            match body.next(piece, &mut at) {
                Ok(Next::Content(range)) => content.extend_from_slice(&piece[range]),
                Ok(Next::More) => break,
                Ok(Next::End) => return (content, Some(taken + at), body.trailers().len(), None),
                Err(refusal) => return (content, None, 0, Some(refusal)),
            }
        }
        assert_eq!(at, piece.len(), "all of it is taken");
        taken += at;
    }
    (content, None, 0, None)
}

/// The same for a body in chunks.
pub fn check_chunked(data: &[u8]) {
    let [split, bytes @ ..] = data else { return };
    let whole = came([bytes]);
    assert_eq!(came(pieces(bytes, *split)), whole);
    assert_eq!(came(bytes.chunks(1)), whole);
    assert!(whole.0.len() <= bytes.len() && whole.1.is_none_or(|end| end <= bytes.len()));
}

/// Where pieces end.
fn lengths<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> impl Iterator<Item = usize> {
    let mut len = 0;
    pieces.into_iter().map(move |piece| {
        len += piece.len();
        len
    })
}
