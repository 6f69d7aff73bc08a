//! A receiver for senders to be tried with: the other side's state machine, and a disk in memory.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;

use framecat_proto::transfer::error::TransferError;
use framecat_proto::transfer::offer::Taste;
use framecat_proto::transfer::pieces::Hash;
use framecat_proto::transfer::receiver::{Effect, Fact, Found, Outcome, Receiver, Rules, To};
use framecat_proto::transfer::record::Totals;
use framecat_proto::transfer::why::Cause;

/// What has a name there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    File(Vec<u8>),
    Folder,
    Link(String),
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Taken {
    pub names: BTreeMap<String, Node>,
    /// In the order in which they came to their end.
    pub outcomes: Vec<(String, Outcome)>,
    pub totals: Totals,
    pub over: Option<TransferError>,
    /// Whether both sides said that all was done.
    pub done: bool,
    /// Bytes of the largest file, of which only the hash is kept where `hashed` was asked for.
    pub hashes: BTreeMap<String, Hash>,
}

/// How it takes.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    pub rules: Rules,
    pub refuse: bool,
    /// Content is hashed and not kept.
    pub hashed: bool,
}

impl Default for Manner {
    fn default() -> Manner {
        let taste = Taste { hidden: true, links: true, folds: false };
        let rules = Rules { taste, ask: false, ..Rules::default() };
        Manner { rules, refuse: false, hashed: false }
    }
}

/// Takes what a sender at the other end offers, to the end. `meanwhile` is told of each effect before it is done.
pub fn take(
    mut stream: TcpStream,
    manner: Manner,
    mut meanwhile: impl FnMut(&Effect) -> Option<Fact>,
) -> Taken {
    let mut receiver = Receiver::new(manner.rules);
    let mut taken = Taken::default();
    let mut parts: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
    let mut hashers: BTreeMap<u32, blake3::Hasher> = BTreeMap::new();
    let mut buffer = vec![0; 256 << 10];
    let mut rest: Vec<u8> = Vec::new();
    loop {
        while let Some(effect) = receiver.poll_effect() {
            let (entry, fact) = match (meanwhile(&effect), effect) {
                (_, Effect::Ask(_)) => {
                    match manner.refuse {
                        true => receiver.refuse(Cause::Declined.into()),
                        false => receiver.accept(),
                    }
                    continue;
                }
                (_, Effect::Resolved { name, outcome, .. }) => {
                    taken.outcomes.push((name, outcome));
                    continue;
                }
                (_, Effect::Close { entry }) => {
                    parts.remove(&entry);
                    continue;
                }
                (_, Effect::SyncFolders { .. }) => {
                    receiver.handle_folders(Ok(()));
                    continue;
                }
                (Some(fact), effect) => (entry_of(&effect), fact),
                (None, effect) => {
                    let entry = entry_of(&effect);
                    let fact = work(effect, &mut taken, &mut parts, &mut hashers, manner);
                    (entry, fact)
                }
            };
            receiver.handle_fact(entry, fact);
        }
        // What is taken of the input may free what is not.
        let unread = rest.len();
        match receiver.handle_input(&rest) {
            Ok(n) => drop(rest.drain(..n)),
            Err(error) => {
                taken.over = Some(error);
                let _ = stream.write_all(&receiver.poll_output());
                break;
            }
        }
        let said = receiver.poll_output();
        if !said.is_empty() && stream.write_all(&said).is_err() {
            taken.over = receiver.handle_end().err();
            break;
        }
        if receiver.is_done() {
            taken.done = true;
            break;
        }
        if rest.len() < unread || !said.is_empty() {
            continue;
        }
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => {
                taken.over = receiver.handle_end().err();
                break;
            }
            Ok(n) => rest.extend_from_slice(&buffer[..n]),
        }
    }
    taken.totals = receiver.totals();
    taken
}

fn work(
    effect: Effect,
    taken: &mut Taken,
    parts: &mut BTreeMap<u32, Vec<u8>>,
    hashers: &mut BTreeMap<u32, blake3::Hasher>,
    manner: Manner,
) -> Fact {
    match effect {
        Effect::Look { path, .. } => {
            let found = match taken.names.get(&path.to_string()) {
                None => Found::Nothing,
                Some(Node::Folder) => Found::Folder,
                Some(Node::Link(to)) => Found::Link { target: to.clone().into_bytes() },
                Some(Node::File(bytes)) => Found::File { size: bytes.len() as u64, mtime: 0 },
            };
            return Fact::Looked(found, None);
        }
        Effect::MakeFolder { path, .. } => {
            taken.names.insert(path.to_string(), Node::Folder);
        }
        Effect::MakeLink { path, target, .. } => {
            let target = String::from_utf8_lossy(&target).into_owned();
            taken.names.insert(path.to_string(), Node::Link(target));
        }
        Effect::Begin { entry, .. } => drop(parts.insert(entry, Vec::new())),
        Effect::Write { entry, offset, bytes } => match manner.hashed {
            true => drop(hashers.entry(entry).or_default().update(&bytes)),
            false => {
                let part = parts.entry(entry).or_default();
                let at = offset as usize;
                part.resize(part.len().max(at + bytes.len()), 0);
                part[at..at + bytes.len()].copy_from_slice(&bytes);
            }
        },
        Effect::Commit { entry, path, .. } | Effect::Finish { entry, path } => {
            let name = path.to_string();
            let hash = hashers.remove(&entry).map(|hasher| *hasher.finalize().as_bytes());
            taken.hashes.extend(hash.map(|hash| (name.clone(), hash)));
            taken.names.insert(name, Node::File(parts.remove(&entry).unwrap_or_default()));
        }
        Effect::Place { path, bytes, .. } => {
            taken.names.insert(path.to_string(), Node::File(bytes.to_vec()));
        }
        Effect::Rehash { .. } => return Fact::Rehashed(Vec::new()),
        Effect::HashNamed { .. } => return Fact::Hashed(None),
        _ => {}
    }
    Fact::Done
}

fn entry_of(effect: &Effect) -> u32 {
    match effect {
        Effect::Look { entry, .. }
        | Effect::MakeFolder { entry, .. }
        | Effect::MakeLink { entry, .. }
        | Effect::Begin { entry, .. }
        | Effect::Rehash { entry, .. }
        | Effect::Write { entry, .. }
        | Effect::Log { entry, .. }
        | Effect::Sync { entry }
        | Effect::Seal { entry, .. }
        | Effect::HashNamed { entry, .. }
        | Effect::Commit { entry, .. }
        | Effect::Place { entry, .. }
        | Effect::Finish { entry, .. }
        | Effect::Discard { entry, .. }
        | Effect::Close { entry }
        | Effect::Resolved { entry, .. } => *entry,
        Effect::Ask(_) | Effect::SyncFolders { .. } => 0,
    }
}

/// Only one file or stream is taken, as it comes.
pub fn to_stream() -> Manner {
    let manner = Manner::default();
    Manner { rules: Rules { to: To::Stream, ..manner.rules }, ..manner }
}
