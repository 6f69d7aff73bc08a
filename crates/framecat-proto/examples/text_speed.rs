//! How fast the forms write and read: `cargo run --release -p framecat-proto --example text_speed`.
//!
//! Each figure is the best of several rounds over one batch of messages, on one core.

use std::hint::black_box;
use std::io::Write as _;
use std::time::{Duration, Instant};

use framecat_proto::message::{Batch, Context, Dir, Outgoing, Spans};
use framecat_proto::template::Template;
use framecat_proto::text::{Form, Look};

const BATCH_BYTES: usize = 256 << 10;
const ROUNDS: usize = 200;
const MAX: usize = 16 << 20;

fn main() -> std::io::Result<()> {
    let mut table = std::io::stdout().lock();
    writeln!(table, "{:44} {:>12} {:>10}", "what", "messages/s", "MB/s")?;
    let ascii: Vec<u8> = (0..64).map(|i| b'a' + i % 26).collect();
    let chinese = "你好，世界。“引号”".repeat(3).as_bytes()[..63].to_vec();
    let long: Vec<u8> = ascii.iter().copied().cycle().take(64 << 10).collect();
    let binary: Vec<u8> = (0..1024u32).map(|i| (i * 167 + 13) as u8).collect();
    for (name, message) in [
        ("ASCII 64 B", &ascii),
        ("Chinese 63 B", &chinese),
        ("ASCII 64 KiB", &long),
        ("binary 1 KiB", &binary),
    ] {
        let batch_of = Messages::new(message);
        let mut row = |what: String, took: Duration| {
            let count = batch_of.spans.len() as f64;
            let seconds = took.as_secs_f64();
            let mb = count * message.len() as f64 / seconds / 1e6;
            writeln!(table, "{what:44} {:>12.0} {mb:>10.0}", count / seconds)
        };
        for (form, terminal) in [
            (Form::Line, false),
            (Form::Line, true),
            (Form::Quoted, false),
            (Form::Hex, false),
            (Form::Dump, false),
            (Form::Jsonl, false),
        ] {
            let (took, text) = batch_of.write(&form, terminal);
            let place = if terminal { " on a terminal" } else { "" };
            row(format!("{name}, {form}{place}, written"), took)?;
            if !terminal && form != Form::Dump {
                row(format!("{name}, {form}, read"), read(&form, &text))?;
            }
        }
        row(
            format!("{name}, template {{n}} {{payload}}, written"),
            batch_of.render("{n} {payload}\n"),
        )?;
        row(format!("{name}, template {{0}}, written"), batch_of.render("{0}\n"))?;
    }
    Ok(())
}

/// A batch of equal messages.
struct Messages {
    input: Vec<u8>,
    spans: Spans,
}

impl Messages {
    fn new(message: &[u8]) -> Messages {
        let (mut input, mut spans) = (Vec::new(), Spans::new());
        for _ in 0..(BATCH_BYTES / message.len()).max(1) {
            spans.push(input.len(), input.len() + message.len());
            input.extend_from_slice(message);
        }
        Messages { input, spans }
    }

    fn write(&self, form: &Form, terminal: bool) -> (Duration, Vec<u8>) {
        let batch = Batch { input: &self.input, spans: &self.spans };
        let mut writer = form.writer(MAX, Look { terminal });
        let mut out = Outgoing::new();
        let best = best_of(|round| {
            out.clear();
            let context = context(round);
            let written = writer.encode_batch(black_box(batch), 0, &context, &mut out);
            assert!(written.is_ok(), "the form holds every message");
        });
        (best, out.to_vec(batch))
    }

    fn render(&self, template: &str) -> Duration {
        let batch = Batch { input: &self.input, spans: &self.spans };
        let template = Template::parse(template).expect("a template");
        let mut out = Vec::new();
        best_of(|round| {
            out.clear();
            for (i, payload) in black_box(batch).iter().enumerate() {
                let rendered = template.render(payload, &context(round), i as u64, 0, &mut out);
                assert!(rendered.is_ok(), "every message has a word");
            }
        })
    }
}

fn read(form: &Form, text: &[u8]) -> Duration {
    let mut spans = Spans::new();
    best_of(|_| {
        spans.clear();
        let mut reader = form.reader(MAX).expect("the form reads");
        assert_eq!(reader.decode(black_box(text), &mut spans).fault, None);
    })
}

fn context(round: usize) -> Context<'static> {
    Context {
        now_ns: 1_795_321_800_123_456_789 + round as u64 * 40_000_000,
        conn: 1,
        peer: "127.0.0.1:41327",
        local: "127.0.0.1:9000",
        dir: Dir::In,
        first: 1,
        rtt_us: None,
    }
}

fn best_of(mut act: impl FnMut(usize)) -> Duration {
    let timed = (0..ROUNDS).map(|round| {
        let start = Instant::now();
        act(round);
        start.elapsed()
    });
    timed.min().unwrap_or_default()
}
