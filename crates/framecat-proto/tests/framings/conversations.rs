//! Whole conversations of real programs, both directions, as they were captured: `conversations/NAME.txt`,
//! one message a line in the order in which they passed, `>` from the client and `<` from the server, in
//! hex. The boundaries were found by another program than ours, the lengths read as the specification
//! says them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use framecat_proto::Framing;
use framecat_proto::framing::{PRESETS, TABLE};
use framecat_proto::limits::MESSAGE_BYTES;
use framecat_proto::message::{Batch, Context, Outgoing, Spans};

use crate::laws::{decode, encode, pieces, settled};

pub struct Line {
    pub from_client: bool,
    pub bytes: Vec<u8>,
}

pub struct Conversation {
    pub file: String,
    pub rule: Framing,
    pub lines: Vec<Line>,
}

pub fn conversations() -> Vec<Conversation> {
    let folder =
        PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/framings/conversations"));
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| conversation(file)).collect()
}

fn conversation(path: &std::path::Path) -> Conversation {
    let file = path.file_stem().unwrap().to_str().unwrap().to_string();
    // `postgres-2` is the second of `postgres`.
    let name = file.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('-');
    let rule = name.parse().unwrap_or_else(|error| panic!("{file}: {error}"));
    let text = std::fs::read_to_string(path).unwrap();
    let line = |line: &str| {
        let (mark, hex) = line.split_once(' ').unwrap();
        let pairs = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16));
        Line { from_client: mark == ">", bytes: pairs.map(Result::unwrap).collect() }
    };
    let lines = text.lines().filter(|line| !line.starts_with('#')).map(line).collect();
    Conversation { file, rule, lines }
}

impl Conversation {
    /// One direction's messages, as they stand on the wire.
    pub fn side(&self, client: bool) -> Vec<&[u8]> {
        let side = self.lines.iter().filter(|line| line.from_client == client);
        side.map(|line| line.bytes.as_slice()).collect()
    }
}

#[test]
fn every_protocol_has_a_conversation_with_both_directions() {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for conversation in conversations() {
        assert!(!conversation.side(true).is_empty(), "{}", conversation.file);
        assert!(!conversation.side(false).is_empty(), "{}", conversation.file);
        *seen.entry(conversation.rule.to_string()).or_default() += 1;
    }
    let own = ["postgres", "amqp", "mllp", "fix", "git", "http"];
    let own = TABLE.iter().map(|row| row.name).filter(|name| own.contains(name));
    for name in PRESETS.iter().map(|row| row.name).chain(own) {
        assert!(seen.contains_key(name), "{name} has no conversation");
    }
}

#[test]
fn every_conversation_falls_into_its_messages_however_it_arrives() {
    for Conversation { file, rule, lines } in conversations() {
        let conversation = Conversation { file: file.clone(), rule: rule.clone(), lines };
        for client in [true, false] {
            let side = conversation.side(client);
            let wire = side.concat();
            let in_pieces = |split| pieces(&wire, split);
            let by_message = settled(&rule, decode(&rule, MESSAGE_BYTES, side.iter().copied()));
            for arriving in
                [vec![wire.as_slice()], wire.chunks(1).collect(), in_pieces(0x13), in_pieces(0x5a)]
            {
                let got = settled(&rule, decode(&rule, MESSAGE_BYTES, arriving));
                assert_eq!((&got.faults, &got.cut), (&vec![], &None), "{file}, client: {client}");
                assert_eq!(got, by_message, "{file}, client: {client}");
            }
            let got = decode(&rule, MESSAGE_BYTES, side.iter().copied()).messages;
            assert_eq!(got.len(), side.len(), "{file}, client: {client}");
            for ((message, _), wire) in got.iter().zip(&side) {
                let trailer = if rule == Framing::Mllp { 2 } else { 0 };
                let there = wire[..wire.len() - trailer].ends_with(message);
                assert!(there, "{file}: {message:02x?} in {wire:02x?}");
            }
            let (bytes, accepted) = encode(&rule, MESSAGE_BYTES, &got);
            assert!(accepted.iter().all(|accepted| *accepted), "{file}, client: {client}");
            assert_eq!(bytes, wire, "{file}, client: {client}: written back the same");
        }
    }
}

/// What a relay does: the left link decodes the client and encodes the server, the right one the other
/// way around.
#[test]
fn every_conversation_passes_through_a_relay_message_by_message() {
    for Conversation { file, rule, lines } in conversations() {
        let [mut from_client, mut to_client] = rule.pair(MESSAGE_BYTES);
        let [mut from_server, mut to_server] = rule.pair(MESSAGE_BYTES);
        for (n, line) in lines.iter().enumerate() {
            let (from, to) = match line.from_client {
                true => (&mut from_client, &mut to_server),
                false => (&mut from_server, &mut to_client),
            };
            let mut spans = Spans::new();
            let progress = from.decode(&line.bytes, &mut spans);
            assert_eq!(
                (progress.consumed, &progress.fault),
                (line.bytes.len(), &None),
                "{file} {n}"
            );
            assert_eq!(spans.len(), 1, "{file}: line {n} is one message");
            let batch = Batch { input: &line.bytes, spans: &spans };
            let mut out = Outgoing::new();
            assert_eq!(to.encode_batch(batch, 0, &Context::at(0), &mut out), Ok(()), "{file} {n}");
            assert_eq!(out.to_vec(batch), line.bytes, "{file}: line {n}");
        }
    }
}
