//! How messages look on stdin and stdout, and text made from them.

use framecat_proto::framing::FramingError;
use framecat_proto::message::{Batch, Context, Dir, Outgoing, Spans};
use framecat_proto::text::{Form, Look};

mod bad_input;
mod forms;
mod http;
mod law;
mod names;
mod peer_text;
mod python;
mod recording;
mod templates;
mod words;

const MAX: usize = 1 << 20;
const FILE: Look = Look { terminal: false };
const TERMINAL: Look = Look { terminal: true };

/// 2026-11-22T04:30:00.123456789Z
const NOW: u64 = 1_795_321_800_123_456_789;

fn context() -> Context<'static> {
    Context {
        now_ns: NOW,
        conn: 1,
        peer: "127.0.0.1:41327",
        local: "127.0.0.1:9000",
        dir: Dir::In,
        first: 1,
        rtt_us: None,
    }
}

/// The messages as a form writes them, in one batch.
fn written<M: AsRef<[u8]>>(form: &Form, look: Look, messages: &[M]) -> Vec<u8> {
    let (mut input, mut spans) = (Vec::new(), Spans::new());
    for message in messages {
        let start = input.len();
        input.extend_from_slice(message.as_ref());
        spans.push(start, input.len());
    }
    let batch = Batch { input: &input, spans: &spans };
    let mut out = Outgoing::new();
    form.writer(MAX, look).encode_batch(batch, 0, &context(), &mut out).expect("the form holds it");
    out.to_vec(batch)
}

/// The messages that a form reads as its text arrives in pieces, the end included.
fn read_pieces(form: &Form, max: usize, pieces: &[&[u8]]) -> Result<Vec<Vec<u8>>, FramingError> {
    let mut decoder = form.decoder(max).expect("the form reads");
    let (mut buffer, mut messages) = (Vec::new(), Vec::new());
    let mut spans = Spans::new();
    for piece in pieces {
        buffer.extend_from_slice(piece);
        spans.clear();
        let decoded = decoder.decode(&buffer, &mut spans);
        messages.extend(Batch { input: &buffer, spans: &spans }.iter().map(<[u8]>::to_vec));
        if let Some(error) = decoded.error {
            return Err(error);
        }
        buffer.drain(..decoded.consumed);
    }
    spans.clear();
    decoder.end(&buffer, &mut spans)?;
    assert!(spans.is_empty() || !spans.is_cut(spans.len() - 1), "a last line of stdin is whole");
    messages.extend(Batch { input: &buffer, spans: &spans }.iter().map(<[u8]>::to_vec));
    Ok(messages)
}

fn read(form: &Form, text: &[u8]) -> Result<Vec<Vec<u8>>, FramingError> {
    read_pieces(form, MAX, &[text])
}
