//! What waits for the network, content in the buffers into which it was read.

/// Content of so many bytes and more is a piece of its own: less is copied for less than it costs to send a
/// piece.
const PIECE_BYTES: usize = 4 << 10;

#[derive(Debug, Default)]
pub(super) struct Output {
    pieces: Vec<Vec<u8>>,
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

    /// Puts content behind all else.
    pub(super) fn content(&mut self, content: Vec<u8>) {
        if content.len() < PIECE_BYTES {
            return self.tail.extend_from_slice(&content);
        }
        self.close();
        self.bytes += content.len();
        self.pieces.push(content);
    }

    fn close(&mut self) {
        if !self.tail.is_empty() {
            self.bytes += self.tail.len();
            self.pieces.push(std::mem::take(&mut self.tail));
        }
    }

    pub(super) fn take(&mut self) -> Vec<Vec<u8>> {
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
        output.content(vec![b'a'; PIECE_BYTES - 1]);
        let content = vec![b'b'; PIECE_BYTES];
        let at = content.as_ptr();
        output.content(content);
        output.content(vec![b'c'; PIECE_BYTES]);
        output.tail().extend_from_slice(b"tail");
        assert_eq!(output.len(), 4 + 3 * PIECE_BYTES - 1 + 4);
        let pieces = output.take();
        assert_eq!(pieces.iter().map(|piece| piece[0]).collect::<Vec<_>>(), *b"hbct");
        assert_eq!(pieces[1].as_ptr(), at);
        assert_eq!((output.len(), output.take().len()), (0, 0));
    }
}
