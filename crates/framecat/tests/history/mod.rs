//! The history of a chat, and a checker that finds what must not be in it.
//!
//! A message says who sent it, its number, and bytes that follow from both, so that the checker can
//! tell a whole message from a cut or a glued one. What each reader got is compared with what was
//! sent: every message delivered, or its reader reported, in order, once, whole, and all readers in
//! one order.

use std::collections::HashMap;
use std::fmt;

/// A message of a sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Id {
    pub sender: usize,
    /// From 0.
    pub n: u64,
}

impl Id {
    /// The message, 24 bytes to some thousand. Its bytes are letters and digits unless `any` is set.
    pub fn payload(self, seed: u64, any: bool) -> Vec<u8> {
        let Id { sender, n } = self;
        let mut text = format!("s{sender:03}n{n:08}x").into_bytes();
        let mut state = seed ^ ((sender as u64 + 1) << 40) ^ (n + 1).wrapping_mul(0x9e37_79b9);
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        // Most are small; one in sixteen is large.
        let len = match next() % 16 {
            0 => 1000 + next() % 5000,
            _ => 11 + next() % 400,
        };
        for _ in 0..len {
            let byte = (next() >> 11) as u8;
            text.push(if any {
                byte
            } else {
                b"abcdefghijklmnopqrstuvwxyz012345"[byte as usize % 32]
            });
        }
        text
    }

    /// Which message this is, if it is wholly one.
    pub fn read(message: &[u8], seed: u64, any: bool) -> Option<Id> {
        let head = std::str::from_utf8(message.get(..14)?).ok()?;
        let sender = head.strip_prefix('s')?.get(..3)?.parse().ok()?;
        let n = head.get(5..13)?.parse().ok()?;
        let id = Id { sender, n };
        (id.payload(seed, any) == message).then_some(id)
    }
}

/// What one sender did.
#[derive(Debug, Clone, Default)]
pub struct Sent {
    /// How many messages it sent, the last of them perhaps not wholly.
    pub messages: u64,
    /// It went away by a reset: messages at its end may be lost, to all alike.
    pub reset: bool,
}

/// What one reader got.
#[derive(Debug, Clone, Default)]
pub struct Heard {
    pub name: String,
    /// Its own number, if it is a sender too.
    pub own: Option<usize>,
    /// What it got, in order; bytes that are no message as `Err`.
    pub got: Vec<Result<Id, String>>,
    /// By sender, the number of the first message that it must get: those were not begun when it had
    /// joined for certain.
    pub from: Vec<u64>,
    /// It went away itself, or was reported as dropped: it need not have the last messages.
    pub left: bool,
}

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrong {
    /// Bytes that are no message: cut, glued or interleaved.
    Torn { reader: String, after: usize, head: String },
    /// A reader got its own message.
    Own { reader: String, id: Id },
    /// A reader got what nobody sent.
    Unsaid { reader: String, id: Id },
    /// A reader got a message twice, or after a later one of the same sender.
    Order { reader: String, id: Id, after: Id },
    /// A reader lacks a message between two that it has, or at its beginning or end.
    Lost { reader: String, sender: usize, from: u64, to: u64 },
    /// Two readers got two messages in two orders.
    TwoOrders { reader: String, other: String, id: Id, before: Id },
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Everything that is wrong with a history.
pub fn check(sent: &[Sent], heard: &[Heard]) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    let mut last: Vec<Option<u64>> = vec![None; sent.len()];
    for reader in heard {
        check_one(sent, reader, &mut wrong, &mut last);
    }
    // A sender that was reset: whatever of it was taken is for all who stayed.
    for (sender, end) in last.iter().enumerate().filter(|(sender, _)| sent[*sender].reset) {
        for reader in heard.iter().filter(|reader| !reader.left && reader.own != Some(sender)) {
            let (own, from) = (last_of(reader, sender), reader.from[sender]);
            if own < *end && end.is_some_and(|end| end >= from) {
                let from = own.map_or(from, |n| n + 1);
                let to = end.map_or(0, |end| end + 1);
                wrong.push(Wrong::Lost { reader: reader.name.clone(), sender, from, to });
            }
        }
    }
    check_one_order(heard, &mut wrong);
    wrong
}

fn last_of(reader: &Heard, sender: usize) -> Option<u64> {
    reader.got.iter().flatten().filter(|id| id.sender == sender).map(|id| id.n).max()
}

fn check_one(sent: &[Sent], reader: &Heard, wrong: &mut Vec<Wrong>, last: &mut [Option<u64>]) {
    let name = || reader.name.clone();
    let mut next: Vec<Option<u64>> = vec![None; sent.len()];
    for (after, got) in reader.got.iter().enumerate() {
        let id = match got {
            Ok(id) => *id,
            Err(head) => {
                wrong.push(Wrong::Torn { reader: name(), after, head: head.clone() });
                continue;
            }
        };
        let Id { sender, n } = id;
        if sender >= sent.len() || n >= sent[sender].messages {
            wrong.push(Wrong::Unsaid { reader: name(), id });
            continue;
        }
        if reader.own == Some(sender) {
            wrong.push(Wrong::Own { reader: name(), id });
        }
        match next[sender] {
            Some(due) if n < due => {
                wrong.push(Wrong::Order { reader: name(), id, after: Id { sender, n: due - 1 } });
                continue;
            }
            Some(due) if n > due => {
                wrong.push(Wrong::Lost { reader: name(), sender, from: due, to: n });
            }
            None if n > reader.from[sender] => {
                let from = reader.from[sender];
                wrong.push(Wrong::Lost { reader: name(), sender, from, to: n });
            }
            _ => {}
        }
        next[sender] = Some(n + 1);
    }
    for (sender, next) in next.iter().enumerate() {
        last[sender] = last[sender].max(next.map(|next| next - 1));
        if reader.left || reader.own == Some(sender) || sent[sender].reset {
            continue;
        }
        let (from, to) = (next.unwrap_or(reader.from[sender]), sent[sender].messages);
        if from < to {
            wrong.push(Wrong::Lost { reader: name(), sender, from, to });
        }
    }
}

/// All readers see one order: each against the one that got most.
fn check_one_order(heard: &[Heard], wrong: &mut Vec<Wrong>) {
    let Some(longest) = heard.iter().max_by_key(|reader| reader.got.len()) else { return };
    let places: HashMap<Id, usize> =
        longest.got.iter().flatten().enumerate().map(|(at, id)| (*id, at)).collect();
    for reader in heard {
        let mut before: Option<(usize, Id)> = None;
        for id in reader.got.iter().flatten() {
            let Some(&at) = places.get(id) else { continue };
            match before {
                Some((place, before)) if place > at && before.sender != id.sender => {
                    let (reader, other) = (reader.name.clone(), longest.name.clone());
                    wrong.push(Wrong::TwoOrders { reader, other, id: *id, before });
                    break;
                }
                _ => before = Some((at, *id)),
            }
        }
    }
}

/// False histories, to see that the checker finds them.
mod lies {
    use super::*;

    fn id(sender: usize, n: u64) -> Result<Id, String> {
        Ok(Id { sender, n })
    }

    /// Two senders of three messages each, a reader that got all, and a sender that reads.
    fn truth() -> (Vec<Sent>, Vec<Heard>) {
        let sent = vec![Sent { messages: 3, reset: false }, Sent { messages: 3, reset: false }];
        let got = vec![id(0, 0), id(1, 0), id(0, 1), id(1, 1), id(1, 2), id(0, 2)];
        let theirs = vec![id(1, 0), id(1, 1), id(1, 2)];
        let reader = |name: &str, own, got| Heard {
            name: name.into(),
            own,
            got,
            from: vec![0, 0],
            left: false,
        };
        (sent, vec![reader("all", None, got), reader("sender 0", Some(0), theirs)])
    }

    #[track_caller]
    fn found(change: impl FnOnce(&mut Vec<Sent>, &mut Vec<Heard>), want: &str) {
        let (mut sent, mut heard) = truth();
        change(&mut sent, &mut heard);
        let wrong = check(&sent, &heard);
        match want {
            "" => assert_eq!(wrong, []),
            want => {
                let told: Vec<String> = wrong.iter().map(|wrong| wrong.to_string()).collect();
                assert!(told.iter().any(|told| told.starts_with(want)), "{want} in {told:?}");
            }
        }
    }

    #[test]
    fn a_true_history_is_true_and_false_ones_are_found() {
        found(|_, _| {}, "");
        found(|_, heard| heard[0].got.insert(2, id(0, 0)), "Order");
        found(|_, heard| heard[0].got.swap(3, 4), "Lost");
        found(|_, heard| heard[0].got.swap(3, 4), "Order");
        found(|_, heard| heard[0].got.insert(2, Err("s000n00000000".into())), "Torn");
        for at in 0..6 {
            found(|_, heard| drop(heard[0].got.remove(at)), "Lost");
        }
        found(|_, heard| heard[1].got.insert(0, id(0, 0)), "Own");
        found(|_, heard| heard[0].got.push(id(0, 3)), "Unsaid");
        found(|_, heard| heard[0].got.push(id(7, 0)), "Unsaid");
        let two_orders = |_: &mut Vec<Sent>, heard: &mut Vec<Heard>| {
            let mut other = heard[0].clone();
            other.got.swap(0, 1);
            heard.push(other);
        };
        found(two_orders, "TwoOrders");
        // Who left, or joined late, need not have all; what it has is looked at all the same.
        found(
            |_, heard| {
                heard[0].left = true;
                heard[0].got.truncate(2);
            },
            "",
        );
        found(
            |_, heard| {
                heard[0].left = true;
                drop(heard[0].got.remove(2));
            },
            "Lost",
        );
        found(
            |_, heard| {
                heard[0].from = vec![1, 1];
                heard[0].got.drain(..2);
            },
            "",
        );
        found(
            |_, heard| {
                heard[0].from = vec![1, 1];
                heard[0].got.drain(..3);
            },
            "Lost",
        );
        // What a sender that was reset had said is for all or for nobody.
        found(
            |sent, heard| {
                sent[1].reset = true;
                heard.iter_mut().for_each(|reader| reader.got.retain(|got| *got != id(1, 2)));
            },
            "",
        );
        found(
            |sent, heard| {
                sent[1].reset = true;
                heard[1].got.pop();
            },
            "Lost",
        );
    }

    #[test]
    fn a_message_is_known_only_if_it_is_whole() {
        for any in [false, true] {
            let one = Id { sender: 3, n: 71 };
            let mut bytes = one.payload(9, any);
            assert_eq!(Id::read(&bytes, 9, any), Some(one));
            assert_eq!(Id::read(&bytes, 8, any), None);
            bytes.push(b'x');
            assert_eq!(Id::read(&bytes, 9, any), None);
            bytes.truncate(20);
            assert_eq!(Id::read(&bytes, 9, any), None);
            let glued = [one.payload(9, any), Id { sender: 3, n: 72 }.payload(9, any)].concat();
            assert_eq!(Id::read(&glued, 9, any), None);
        }
    }
}
