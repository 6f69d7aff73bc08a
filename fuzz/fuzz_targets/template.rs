//! Templates: the text before the first LF is one, the rest is a message. Parsing and rendering never
//! panic, a template prints back, and what a message lacks leaves nothing behind.
#![no_main]

use framecat_proto::message::Context;
use framecat_proto::template::Template;
use framecat_proto::words;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let at = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (template, payload) = (&data[..at], data.get(at + 1..).unwrap_or_default());
    let quotes_and_spaces = |byte: &u8| matches!(byte, b' ' | b'\t' | b'"' | b'\'');
    if let Ok(found) = words::split(payload).collect::<Result<Vec<_>, _>>() {
        let kept: usize = found.iter().map(|word| word.len()).sum();
        let marks = payload.iter().filter(|byte| quotes_and_spaces(byte)).count();
        assert!(kept <= payload.len() && kept + marks >= payload.len(), "words lose nothing else");
    }
    let Ok(text) = std::str::from_utf8(template) else { return };
    let Ok(parsed) = Template::parse(text) else { return };
    assert_eq!(parsed.to_string(), text);
    let mut out = b"before".to_vec();
    let rendered = parsed.render(payload, &Context::at(0), 1, 0, &mut out);
    assert!(out.starts_with(b"before") && (rendered.is_ok() || out.len() == 6));
});
