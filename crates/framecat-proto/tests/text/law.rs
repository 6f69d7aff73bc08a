//! The law: what one form writes, the same form reads back as the same messages, however it arrives.

use framecat_proto::text::Form;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::{FILE, MAX, read, read_pieces, written};

const LAWFUL: [Form; 3] = [Form::Quoted, Form::Hex, Form::Jsonl];

/// Arbitrary bytes; text; and pieces of both that meet the escapes, cut characters included.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        &b"\\"[..],
        b"\\x",
        b"\n",
        b"\r\n",
        b"\0",
        b"n",
        b"\"",
        b"\x1b[2J",
        b"\x7f",
        b"\xc2",
        b"\xc2\x85",
        b"\xe2\x80",
        b"\xe2\x80\xae",
        b"\xe2\x81\xa9",
        b"\xe4\xbd\xa0",
        b"\xf0\x9f\x98\x80",
        b"\xf0\x9f",
        b"\xff",
        b"a",
        b"{}",
        b" ",
    ]);
    prop_oneof![
        vec(any::<u8>(), 0..80),
        any::<String>().prop_map(String::into_bytes),
        vec(piece, 0..20).prop_map(|pieces| pieces.concat()),
    ]
}

proptest! {
    #[test]
    fn what_is_written_reads_back_however_it_is_split(
        messages in vec(message(), 0..8),
        cuts in vec(any::<prop::sample::Index>(), 0..6),
    ) {
        for form in &LAWFUL {
            let text = written(form, FILE, &messages);
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|at| &text[at[0]..at[1]]).collect();
            prop_assert_eq!(&read_pieces(form, MAX, &pieces).unwrap(), &messages, "{}", form);
        }
    }

    #[test]
    fn no_input_panics_and_what_is_read_is_within_the_maximum(text in message()) {
        for form in [Form::Line, Form::Quoted, Form::Hex, Form::Jsonl] {
            if let Ok(messages) = read_pieces(&form, 8, &[&text]) {
                prop_assert!(messages.iter().all(|message| message.len() <= 8));
            }
        }
    }
}

#[test]
fn messages_survive_every_split_and_byte_by_byte() {
    let messages: [&[u8]; 5] = [b"", "你\\好\n".as_bytes(), b"\xff\xc2", b"", b"last\r"];
    for form in &LAWFUL {
        let text = written(form, FILE, &messages);
        for cut in 0..=text.len() {
            let got = read_pieces(form, MAX, &[&text[..cut], &text[cut..]]).unwrap();
            assert_eq!(got, messages, "{form} cut at {cut}");
        }
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(read_pieces(form, MAX, &bytes).unwrap(), messages, "{form} byte by byte");
    }
}

#[test]
fn long_messages_and_all_bytes_read_back() {
    let all: Vec<u8> = (0..=255).collect();
    let binary: Vec<u8> = all.iter().copied().cycle().take(100_000).collect();
    let text = "héllo \\ 你好\u{202e}\n".repeat(5_000).into_bytes();
    let messages = [all, binary, text, vec![0; 100_000], vec![b'x'; MAX]];
    for form in &LAWFUL {
        assert!(read(form, &written(form, FILE, &messages)).unwrap() == messages, "{form}");
    }
}
