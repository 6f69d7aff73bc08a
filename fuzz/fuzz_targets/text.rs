//! The message forms: a message that is written reads back the same (the law of `quoted`, `hex` and
//! `jsonl`), any text can be read without a panic and alike however it is split, and nothing that
//! could act on a terminal comes out.
#![no_main]

use framecat_proto::message::{Batch, Context, Outbound, Outgoing, Spans};
use framecat_proto::text::{Form, Look, visible};
use libfuzzer_sys::fuzz_target;

const MAX: usize = 1 << 16;

fuzz_target!(|data: &[u8]| {
    for form in [Form::Quoted, Form::Hex, Form::Jsonl] {
        if data.len() <= MAX {
            let text = written(&form, false, data);
            assert_eq!(read(&form, MAX, &[&text]), Ok(vec![data.to_vec()]), "{form}");
        }
    }
    for form in [Form::Line, Form::Quoted, Form::Hex, Form::Jsonl, Form::Words] {
        let whole = read(&form, 64, &[data]);
        let (left, right) = data.split_at(data.len() / 2);
        assert_eq!(read(&form, 64, &[left, right]), whole, "{form}");
        if let Ok(messages) = whole {
            assert!(messages.iter().all(|message| message.len() <= 64), "{form}");
        }
    }
    let forms =
        [Form::Raw, Form::Line, Form::Quoted, Form::Hex, Form::Dump, Form::Jsonl, Form::Words];
    for form in forms {
        harmless(&written(&form, true, data));
    }
    harmless(visible(data, data.len() / 2).as_bytes());
});

fn written(form: &Form, terminal: bool, payload: &[u8]) -> Vec<u8> {
    let mut spans = Spans::new();
    spans.push(0, payload.len());
    let message = Outbound { payload, time_ns: None, index: 0, cut: false };
    let mut out = Outgoing::new();
    let mut writer = form.writer(usize::MAX, Look { terminal });
    writer.encode(message, &Context::at(0), &mut out).expect("no form refuses a message that fits");
    out.to_vec(Batch { input: payload, spans: &spans })
}

/// The messages, or the offset of the bad line and what is wrong with it.
fn read(form: &Form, max: usize, pieces: &[&[u8]]) -> Result<Vec<Vec<u8>>, (u64, String)> {
    let mut decoder = form.decoder(max).expect("the form reads");
    let (mut buffer, mut messages, mut spans) = (Vec::new(), Vec::new(), Spans::new());
    for piece in pieces {
        buffer.extend_from_slice(piece);
        spans.clear();
        let decoded = decoder.decode(&buffer, &mut spans);
        if let Some(error) = decoded.error {
            return Err((error.offset, error.fault.to_string()));
        }
        messages.extend(Batch { input: &buffer, spans: &spans }.iter().map(<[u8]>::to_vec));
        buffer.drain(..decoded.consumed);
    }
    spans.clear();
    decoder.end(&buffer, &mut spans).map_err(|error| (error.offset, error.fault.to_string()))?;
    messages.extend(Batch { input: &buffer, spans: &spans }.iter().map(<[u8]>::to_vec));
    Ok(messages)
}

fn harmless(shown: &[u8]) {
    let text = std::str::from_utf8(shown).expect("terminals get UTF-8");
    for character in text.chars() {
        assert!(
            matches!(character, '\t' | '\n') || !character.is_control(),
            "{character:?} reaches the terminal"
        );
        assert!(!matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'));
    }
}
