//! What waits for the network, content in the buffers into which it was read.

/// Content of so many bytes and more is a piece of its own: less is copied for less than it costs to send a
/// piece.
const PIECE_BYTES: usize = 4 << 10;

/// Bytes to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Where they were read, if they are content and nothing else: of which entry, from which byte on.
    pub content: Option<(u32, u64)>,
}

#[derive(Debug, Default)]
pub(super) struct Output {
    pieces: Vec<Piece>,
    /// Bytes of the pieces.
    bytes: usize,
    /// What follows them.
    tail: Vec<u8>,
}

impl Output {
    pub(super) fn len(&self) -> usize {
        self.bytes + self.tail.len()
    }

    /// Where records are put that are no content.
    pub(super) fn tail(&mut self) -> &mut Vec<u8> {
        &mut self.tail
    }

    /// Puts content behind all else, that of `entry` from `offset` on.
    pub(super) fn content(&mut self, entry: u32, offset: u64, content: Vec<u8>) {
        if content.len() < PIECE_BYTES {
            return self.tail.extend_from_slice(&content);
        }
        self.close();
        self.bytes += content.len();
        self.pieces.push(Piece { bytes: content, content: Some((entry, offset)) });
    }

    fn close(&mut self) {
        if !self.tail.is_empty() {
            self.bytes += self.tail.len();
            self.pieces.push(Piece { bytes: std::mem::take(&mut self.tail), content: None });
        }
    }

    pub(super) fn take(&mut self) -> Vec<Piece> {
        self.close();
        self.bytes = 0;
        std::mem::take(&mut self.pieces)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_come_in_order_and_content_is_not_copied() {
        let mut output = Output::default();
        output.tail().extend_from_slice(b"head");
        output.content(1, 0, vec![b'a'; PIECE_BYTES - 1]);
        let content = vec![b'b'; PIECE_BYTES];
        let at = content.as_ptr();
        output.content(2, 7, content);
        output.content(3, 9, vec![b'c'; PIECE_BYTES]);
        output.tail().extend_from_slice(b"tail");
        assert_eq!(output.len(), 4 + 3 * PIECE_BYTES - 1 + 4);
        let pieces = output.take();
        assert_eq!(pieces.iter().map(|piece| piece.bytes[0]).collect::<Vec<_>>(), *b"hbct");
        assert_eq!(pieces[1].bytes.as_ptr(), at);
        let read: Vec<_> = pieces.iter().map(|piece| piece.content).collect();
        assert_eq!(read, [None, Some((2, 7)), Some((3, 9)), None]);
        assert_eq!((output.len(), output.take().len()), (0, 0));
    }
}
