//! What is in a folder, in few bytes, and in which order it is shown.

use std::cmp::{Ordering, Reverse};

use super::show;
use crate::http::Seconds;
use crate::limits::LISTING_NAMES;

/// What a name stands for. Links count as what they lead to; what is served as neither is not listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A folder.
    Folder,
    /// A regular file.
    File,
}

/// The column that a listing is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// As people order names: `file2` before `file10`, case aside.
    Name,
    /// The file's size.
    Size,
    /// The time of the last change.
    Time,
}

/// How a listing is sorted: `?sort=size`, `?sort=-time`. Folders stand before files in any case, and
/// what is equal stands by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort {
    /// By what.
    pub by: Order,
    /// The largest, latest or last first.
    pub down: bool,
}

impl Sort {
    /// By name, from the first to the last.
    pub const USUAL: Sort = Sort { by: Order::Name, down: false };

    /// What the query of a target asks for; [`USUAL`](Self::USUAL) where it says nothing, or nothing known.
    pub fn of_query(query: Option<&str>) -> Sort {
        let mut words = query.unwrap_or_default().split('&');
        let word = words.find_map(|word| word.strip_prefix("sort=")).unwrap_or_default();
        let (down, by) = match word.strip_prefix('-') {
            Some(by) => (true, by),
            None => (false, word),
        };
        match by {
            "name" => Sort { by: Order::Name, down },
            "size" => Sort { by: Order::Size, down },
            "time" => Sort { by: Order::Time, down },
            _ => Sort::USUAL,
        }
    }

    /// The query that asks for it: `?sort=-size`; nothing for the usual one.
    pub(super) fn query(self) -> &'static str {
        match (self.by, self.down) {
            (Order::Name, false) => "",
            (Order::Name, true) => "?sort=-name",
            (Order::Size, false) => "?sort=size",
            (Order::Size, true) => "?sort=-size",
            (Order::Time, false) => "?sort=time",
            (Order::Time, true) => "?sort=-time",
        }
    }
}

/// The names in a folder: 24 bytes each and the name itself, so 100,000 names are some 5 MB.
#[derive(Debug, Default)]
pub struct Entries {
    names: Vec<u8>,
    items: Vec<Item>,
    /// Of the files together.
    bytes: u64,
    folders: usize,
}

#[derive(Debug, Clone, Copy)]
struct Item {
    /// Where its name begins in `names`.
    at: u32,
    len: u16,
    kind: Kind,
    size: u64,
    mtime: Seconds,
}

/// A folder has more than [`LISTING_NAMES`] names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the folder has more than {LISTING_NAMES} names; ask for them by name")]
pub struct Full;

/// One of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'e> {
    pub name: &'e [u8],
    pub kind: Kind,
    pub size: u64,
    pub mtime: Seconds,
}

impl Entries {
    /// One name more: any bytes but `/` and NUL, as a folder holds them, neither `.` nor `..`. The
    /// size of a folder is passed over.
    pub fn push(&mut self, name: &[u8], kind: Kind, size: u64, mtime: Seconds) -> Result<(), Full> {
        let (at, len) = (u32::try_from(self.names.len()), u16::try_from(name.len()));
        let (Ok(at), Ok(len), true) = (at, len, self.items.len() < LISTING_NAMES) else {
            return Err(Full);
        };
        let size = if kind == Kind::File { size } else { 0 };
        self.names.extend_from_slice(name);
        self.items.push(Item { at, len, kind, size, mtime });
        self.bytes = self.bytes.saturating_add(size);
        self.folders += usize::from(kind == Kind::Folder);
        Ok(())
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether the folder is empty.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(super) fn folders(&self) -> usize {
        self.folders
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The `n`th, in the order of now.
    pub(super) fn row(&self, n: usize) -> Row<'_> {
        let Item { kind, size, mtime, .. } = self.items[n];
        Row { name: name(&self.names, &self.items[n]), kind, size, mtime }
    }

    pub(super) fn sort(&mut self, sort: Sort) {
        let names = &self.names;
        // Names first: the sort is stable, so it is the order of what is equal.
        let reading = |item: &Item| (natural(name(names, item)), item.at);
        self.items.sort_by_cached_key(reading);
        let turned = |order: Ordering| if sort.down { order.reverse() } else { order };
        match sort.by {
            Order::Name if sort.down => self.items.reverse(),
            Order::Name => {}
            Order::Size => self.items.sort_by(|a, b| turned(a.size.cmp(&b.size))),
            Order::Time => self.items.sort_by(|a, b| turned(a.mtime.cmp(&b.mtime))),
        }
        self.items.sort_by_key(|item| Reverse(item.kind == Kind::Folder));
    }

    /// The file that tells what the folder is: the first of `wanted` that is there, case aside.
    pub(super) fn first_of(&self, wanted: &[&str]) -> Option<usize> {
        let files = self.items.iter().enumerate().filter(|(_, item)| item.kind == Kind::File);
        let places = files.filter_map(|(n, item)| {
            let name = name(&self.names, item);
            let place = wanted.iter().position(|w| w.as_bytes().eq_ignore_ascii_case(name));
            place.map(|place| (place, n))
        });
        places.min().map(|(_, n)| n)
    }
}

fn name<'n>(names: &'n [u8], item: &Item) -> &'n [u8] {
    &names[item.at as usize..][..usize::from(item.len)]
}

/// What makes byte order the order of reading: small letters, and numbers told by their length before
/// their digits. The page's script makes the same key, so that both sort alike.
fn natural(name: &[u8]) -> Vec<u8> {
    let mut shown = String::with_capacity(name.len());
    show::put_plain(name, &mut shown);
    let mut key = Vec::with_capacity(shown.len() + 8);
    let mut rest = shown.as_str();
    while let Some(first) = rest.chars().next() {
        if first.is_ascii_digit() {
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let digits = rest[..end].trim_start_matches('0');
            // A name has at most 255 bytes.
            let len = char::from_u32(digits.len() as u32).unwrap_or(char::MAX);
            key.push(b'0');
            key.extend_from_slice(len.encode_utf8(&mut [0; 4]).as_bytes());
            key.extend_from_slice(digits.as_bytes());
            rest = &rest[end..];
        } else {
            for small in first.to_lowercase() {
                key.extend_from_slice(small.encode_utf8(&mut [0; 4]).as_bytes());
            }
            rest = &rest[first.len_utf8()..];
        }
    }
    key
}
