//! How fast framers are by themselves: messages in memory, in batches of one read buffer, no I/O.
//!
//! `cargo run --release -p framecat-proto --example decode_speed`

use std::hint::black_box;
use std::io::Write;
use std::time::{Duration, Instant};

use framecat_proto::Framing;
use framecat_proto::limits::{MESSAGE_BYTES, READ_BYTES_MAX, READ_BYTES_MIN};
use framecat_proto::message::{Batch, Context, Outgoing, Spans};

/// The best of so many runs counts: the machine may be busy with other things.
const RUNS: usize = 7;
const RUN_TIME: Duration = Duration::from_millis(150);

/// Messages of `size` bytes under `rule`, as many as fill `buffer` bytes.
fn filled(rule: &Framing, size: usize, buffer: usize) -> Vec<u8> {
    let payload = vec![b'x'; size];
    let mut one = Spans::new();
    one.push(0, size);
    let batch = Batch { input: &payload, spans: &one };
    let mut framer = rule.framer(MESSAGE_BYTES);
    let mut bytes = Vec::new();
    loop {
        let mut out = Outgoing::new();
        framer.encode_batch(batch, 0, &Context::at(0), &mut out).expect("a plain payload");
        if bytes.len() + out.len() > buffer {
            return bytes;
        }
        bytes.extend(out.to_vec(batch));
    }
}

/// Messages per second of the best run; `round` does one batch and says how many it held.
fn best(mut round: impl FnMut() -> usize) -> f64 {
    let mut best = 0_f64;
    for _ in 0..RUNS {
        let (start, mut messages) = (Instant::now(), 0);
        while start.elapsed() < RUN_TIME {
            messages += round();
        }
        best = best.max(messages as f64 / start.elapsed().as_secs_f64());
    }
    best
}

fn decode(rule: &Framing, size: usize, buffer: usize) -> f64 {
    let bytes = filled(rule, size, buffer);
    let mut framer = rule.framer(MESSAGE_BYTES);
    let mut spans = Spans::new();
    best(|| {
        spans.clear();
        let progress = framer.decode(black_box(&bytes), &mut spans);
        assert_eq!(progress.consumed, bytes.len());
        black_box(&spans).len()
    })
}

fn reframe(from: &Framing, into: &Framing, size: usize, buffer: usize) -> f64 {
    let bytes = filled(from, size, buffer);
    let (mut reader, mut writer) = (from.framer(MESSAGE_BYTES), into.framer(MESSAGE_BYTES));
    let (mut spans, mut out) = (Spans::new(), Outgoing::new());
    best(|| {
        spans.clear();
        out.clear();
        reader.decode(black_box(&bytes), &mut spans);
        let batch = Batch { input: &bytes, spans: &spans };
        let done = writer.encode_batch(batch, 0, &Context::at(0), &mut out);
        assert_eq!(done, Ok(()));
        black_box(&out);
        spans.len()
    })
}

fn main() -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    let sizes = [16, 64, 1_024];
    for buffer in [READ_BYTES_MIN, READ_BYTES_MAX] {
        writeln!(stdout, "M messages/s, {} KiB a batch       16 B    64 B   1 KiB", buffer >> 10)?;
        for word in ["line", "crlf", "nul", "len:u32be", "len:u16le", "len:varint", "struct"] {
            let rule: Framing = word.parse().expect("a framing");
            let speeds = sizes.map(|size| decode(&rule, size, buffer) / 1e6);
            let [a, b, c] = speeds;
            writeln!(stdout, "decode {word:<28} {a:>7.1} {b:>7.1} {c:>7.1}")?;
        }
        for (from, into) in [("line", "len:u32be"), ("len:u32be", "line"), ("line", "crlf")] {
            let [from_rule, into_rule] =
                [from, into].map(|word| word.parse::<Framing>().expect("a framing"));
            let [a, b, c] = sizes.map(|size| reframe(&from_rule, &into_rule, size, buffer) / 1e6);
            let name = format!("{from} to {into}");
            writeln!(stdout, "decode and encode {name:<17} {a:>7.1} {b:>7.1} {c:>7.1}")?;
        }
    }
    Ok(())
}
