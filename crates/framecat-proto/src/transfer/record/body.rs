//! The bodies of records. Maps have small numbers as keys; one that is not known is passed over, one that
//! comes twice or is missing is an error, and so is anything behind the body's end.

use std::convert::Infallible;

use minicbor::decode::Decoder as Cbor;
use minicbor::encode::Encoder;

use super::{
    Carries, DATA_HEAD_BYTES, Entry, EntryKind, Fault, Need, Opening, Record, SMALL_HEAD_BYTES,
    SmallFile, Totals, VERSION, kind,
};
use crate::limits::{PATH_BYTES, TRANSFER_RANGES};
use crate::transfer::pieces::{Hash, PIECE_LOG2};
use crate::transfer::why::{Cause, Why};

impl From<minicbor::decode::Error> for Fault {
    fn from(_: minicbor::decode::Error) -> Fault {
        Fault::Body("it is no CBOR of the shape that its type has")
    }
}

const MISSING: Fault = Fault::Body("a key is missing");
const ENDLESS: Fault = Fault::Body("a map or an array does not say how long it is");
const RANGE: Fault = Fault::Body("a number is too large");

/// The pairs of a map. `each` says whether it knows a key, and if so takes its value.
fn map<'b>(
    cbor: &mut Cbor<'b>,
    mut each: impl FnMut(u64, &mut Cbor<'b>) -> Result<bool, Fault>,
) -> Result<(), Fault> {
    let pairs = cbor.map()?.ok_or(ENDLESS)?;
    let mut seen = 0_u32;
    for _ in 0..pairs {
        let key = cbor.u64()?;
        if key < 32 {
            if seen & 1 << key != 0 {
                return Err(Fault::Body("a key comes twice"));
            }
            seen |= 1 << key;
        }
        if !each(key, cbor)? {
            cbor.skip()?;
        }
    }
    Ok(())
}

/// The elements of an array. Memory grows with those that are there, whatever it claims.
fn array<'b, T>(
    cbor: &mut Cbor<'b>,
    mut each: impl FnMut(&mut Cbor<'b>) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    let len = cbor.array()?.ok_or(ENDLESS)?;
    let mut all = Vec::new();
    for _ in 0..len {
        all.push(each(cbor)?);
    }
    Ok(all)
}

fn number<'b, T: TryFrom<u64>>(cbor: &mut Cbor<'b>) -> Result<T, Fault> {
    T::try_from(cbor.u64()?).map_err(|_| RANGE)
}

fn hash(bytes: &[u8]) -> Result<Hash, Fault> {
    bytes.try_into().map_err(|_| Fault::Body("a hash has another length"))
}

/// Reads a body. Of DATA `body` is what stands before its content.
pub(super) fn decode(of: u8, len: u32, body: &[u8]) -> Result<Record, Fault> {
    match of {
        kind::DATA => return data(len, body),
        kind::SMALL => return small(body),
        _ => {}
    }
    let mut cbor = Cbor::new(body);
    let record = control(of, &mut cbor)?;
    match cbor.position() == body.len() {
        true => Ok(record),
        false => Err(Fault::Body("there is something behind its end")),
    }
}

fn data(len: u32, body: &[u8]) -> Result<Record, Fault> {
    let (Some((entry, rest)), true) = (body.split_first_chunk(), body.len() == DATA_HEAD_BYTES)
    else {
        return Err(Fault::Short);
    };
    let offset = rest.try_into().map(u64::from_be_bytes).map_err(|_| Fault::Short)?;
    let len = len - DATA_HEAD_BYTES as u32;
    if offset.checked_add(u64::from(len)).is_none() {
        return Err(RANGE);
    }
    Ok(Record::Data { entry: u32::from_be_bytes(*entry), offset, len })
}

fn small(mut body: &[u8]) -> Result<Record, Fault> {
    let mut files = Vec::new();
    while !body.is_empty() {
        let (head, rest) = body.split_first_chunk::<SMALL_HEAD_BYTES>().ok_or(Fault::Short)?;
        let [e0, e1, e2, e3, s0, s1, s2, s3, hash @ ..] = *head;
        let size = u32::from_be_bytes([s0, s1, s2, s3]) as usize;
        let (bytes, rest) = rest.split_at_checked(size).ok_or(Fault::Short)?;
        let entry = u32::from_be_bytes([e0, e1, e2, e3]);
        files.push(SmallFile { entry, hash, bytes: bytes.to_vec() });
        body = rest;
    }
    match files.is_empty() {
        true => Err(Fault::Short),
        false => Ok(Record::Small(files)),
    }
}

fn control(of: u8, cbor: &mut Cbor<'_>) -> Result<Record, Fault> {
    Ok(match of {
        kind::OFFER => Record::Offer(opening(cbor)?),
        kind::ENTRIES => Record::Entries(array(cbor, entry)?),
        kind::OFFER_END => {
            let (mut count, mut bytes, mut more) = (None, None, false);
            map(cbor, |key, cbor| {
                match key {
                    0 => count = Some(cbor.u64()?),
                    1 => bytes = Some(cbor.u64()?),
                    2 => more = cbor.bool()?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
            let (count, bytes) = (count.ok_or(MISSING)?, bytes.ok_or(MISSING)?);
            Record::OfferEnd { count, bytes, more }
        }
        kind::FILE_END => {
            let (mut entry, mut size, mut whole) = (None, None, None);
            map(cbor, |key, cbor| {
                match key {
                    0 => entry = Some(number(cbor)?),
                    1 => size = Some(cbor.u64()?),
                    2 => whole = Some(hash(cbor.bytes()?)?),
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
            let (entry, size) = (entry.ok_or(MISSING)?, size.ok_or(MISSING)?);
            Record::FileEnd { entry, size, hash: whole.ok_or(MISSING)? }
        }
        kind::CHANGED => {
            let (mut entry, mut size, mut mtime) = (None, None, None);
            map(cbor, |key, cbor| {
                match key {
                    0 => entry = Some(number(cbor)?),
                    1 => size = Some(cbor.u64()?),
                    2 => mtime = Some(cbor.i64()?),
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
            let (entry, size) = (entry.ok_or(MISSING)?, size.ok_or(MISSING)?);
            Record::Changed { entry, size, mtime: mtime.ok_or(MISSING)? }
        }
        kind::PIECES => {
            let (mut entry, mut first, mut hashes) = (None, None, None);
            map(cbor, |key, cbor| {
                match key {
                    0 => entry = Some(number(cbor)?),
                    1 => first = Some(number(cbor)?),
                    2 => {
                        hashes = Some(cbor.bytes()?.chunks(32).map(hash).collect::<Result<_, _>>()?)
                    }
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
            let (entry, first) = (entry.ok_or(MISSING)?, first.ok_or(MISSING)?);
            Record::Pieces { entry, first, hashes: hashes.ok_or(MISSING)? }
        }
        kind::ACCEPT => {
            map(cbor, |_, _| Ok(false))?;
            Record::Accept
        }
        kind::REFUSE => Record::Refuse(why(cbor)?),
        kind::NEED => Record::Need(array(cbor, need)?),
        kind::HAVE => Record::Have(array(cbor, number)?),
        kind::SKIP => Record::Skip(array(cbor, about)?),
        kind::ASK_PIECES => {
            let mut entry = None;
            map(cbor, |key, cbor| {
                match key {
                    0 => entry = Some(number(cbor)?),
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
            Record::AskPieces { entry: entry.ok_or(MISSING)? }
        }
        kind::COMMITTED => Record::Committed(array(cbor, number)?),
        kind::FAILED => Record::Failed(array(cbor, about)?),
        kind::CANCEL => Record::Cancel(why(cbor)?),
        kind::BYE => Record::Bye(totals(cbor)?),
        // The decoder asked for the limit of the type, so it is known.
        unknown => return Err(Fault::Unknown(unknown)),
    })
}

fn opening(cbor: &mut Cbor<'_>) -> Result<Opening, Fault> {
    let (mut version, mut carries, mut piece, mut small) = (None, None, None, None);
    map(cbor, |key, cbor| {
        match key {
            0 => version = Some(cbor.u64()?),
            1 => carries = Some(cbor.u64()?),
            2 => piece = Some(number(cbor)?),
            3 => small = Some(number(cbor)?),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    if version.ok_or(MISSING)? != VERSION {
        return Err(Fault::Body("it is of another version of this protocol"));
    }
    let carries = match carries.ok_or(MISSING)? {
        0 => Carries::Files,
        1 => Carries::Text,
        2 => Carries::Stream,
        _ => return Err(Fault::Body("what it carries is not known here")),
    };
    let (piece_log2, small_bytes) = (piece.ok_or(MISSING)?, small.ok_or(MISSING)?);
    if !PIECE_LOG2.contains(&piece_log2) {
        return Err(Fault::Body("its pieces are smaller or larger than pieces may be"));
    }
    // A small file is one piece, and fits in a record.
    if u64::from(small_bytes) > 1 << piece_log2.min(19) {
        return Err(Fault::Body("its small files are too large"));
    }
    Ok(Opening { carries, piece_log2, small_bytes })
}

fn entry(cbor: &mut Cbor<'_>) -> Result<Entry, Fault> {
    let (mut path, mut of, mut size, mut mtime) = (None, None, None, None);
    let (mut mode, mut target) = (0_u16, Vec::new());
    map(cbor, |key, cbor| {
        match key {
            0 => path = Some(array(cbor, |cbor| Ok(cbor.bytes()?.to_vec()))?),
            1 => of = Some(cbor.u64()?),
            2 => size = Some(cbor.u64()?),
            3 => mtime = Some(cbor.i64()?),
            4 => mode = number(cbor)?,
            5 => target = cbor.bytes()?.to_vec(),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    let of = match of.ok_or(MISSING)? {
        0 => EntryKind::File,
        1 => EntryKind::Folder,
        2 => EntryKind::Link,
        3 => EntryKind::Stream,
        _ => return Err(Fault::Body("a kind of entry is not known here")),
    };
    let size = match of {
        EntryKind::File => size.ok_or(MISSING)?,
        _ => 0,
    };
    if (of == EntryKind::Link) == target.is_empty() || target.len() > PATH_BYTES {
        return Err(Fault::Body("a link leads nowhere, or what is no link leads somewhere"));
    }
    let (path, mtime) = (path.ok_or(MISSING)?, mtime.unwrap_or(0));
    Ok(Entry { path, kind: of, size, mtime, mode: mode & 0o777, target })
}

fn need(cbor: &mut Cbor<'_>) -> Result<Need, Fault> {
    let (mut entry, mut flat) = (None, None);
    map(cbor, |key, cbor| {
        match key {
            0 => entry = Some(number(cbor)?),
            1 => flat = Some(array(cbor, number::<u32>)?),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    let pieces = match flat {
        None => None,
        Some(flat) => {
            // Ascending and apart: begins and ends all grow.
            let grows = flat.windows(2).all(|pair| pair[0] < pair[1]);
            if !grows || flat.len() % 2 != 0 || flat.len() > 2 * TRANSFER_RANGES {
                return Err(Fault::Body("its ranges are not ascending and apart, or too many"));
            }
            Some(flat.chunks_exact(2).map(|pair| pair[0]..pair[1]).collect())
        }
    };
    Ok(Need { entry: entry.ok_or(MISSING)?, pieces })
}

fn why(cbor: &mut Cbor<'_>) -> Result<Why, Fault> {
    let (mut cause, mut says) = (None, "");
    map(cbor, |key, cbor| {
        match key {
            0 => cause = Some(Cause::of(cbor.u64()?)),
            1 => says = cbor.str()?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(Why::new(cause.ok_or(MISSING)?, says))
}

fn about(cbor: &mut Cbor<'_>) -> Result<(u32, Why), Fault> {
    let (mut entry, mut cause, mut says) = (None, None, "");
    map(cbor, |key, cbor| {
        match key {
            0 => cause = Some(Cause::of(cbor.u64()?)),
            1 => says = cbor.str()?,
            2 => entry = Some(number(cbor)?),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok((entry.ok_or(MISSING)?, Why::new(cause.ok_or(MISSING)?, says)))
}

fn totals(cbor: &mut Cbor<'_>) -> Result<Totals, Fault> {
    let mut totals = Totals::default();
    map(cbor, |key, cbor| {
        match key {
            0 => totals.there = cbor.u64()?,
            1 => totals.missing = cbor.u64()?,
            2 => totals.bytes = cbor.u64()?,
            3 => totals.left_out = cbor.u64()?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(totals)
}

/// Appends a body; of DATA what stands before its content.
pub(super) fn encode(record: &Record, out: &mut Vec<u8>) {
    match record {
        Record::Data { entry, offset, .. } => {
            out.extend_from_slice(&entry.to_be_bytes());
            out.extend_from_slice(&offset.to_be_bytes());
        }
        Record::Small(files) => {
            for file in files {
                out.extend_from_slice(&file.entry.to_be_bytes());
                out.extend_from_slice(&(file.bytes.len() as u32).to_be_bytes());
                out.extend_from_slice(&file.hash);
                out.extend_from_slice(&file.bytes);
            }
        }
        _ => {
            // Writing to memory cannot fail.
            let _ = write(record, &mut Encoder::new(out));
        }
    }
}

type Written = Result<(), minicbor::encode::Error<Infallible>>;
type Out<'o> = Encoder<&'o mut Vec<u8>>;

fn write(record: &Record, cbor: &mut Out<'_>) -> Written {
    match record {
        Record::Data { .. } | Record::Small(_) => {}
        Record::Offer(Opening { carries, piece_log2, small_bytes }) => {
            let carries = match carries {
                Carries::Files => 0,
                Carries::Text => 1,
                Carries::Stream => 2,
            };
            cbor.map(4)?.u8(0)?.u64(VERSION)?.u8(1)?.u8(carries)?;
            cbor.u8(2)?.u8(*piece_log2)?.u8(3)?.u32(*small_bytes)?;
        }
        Record::Entries(entries) => {
            cbor.array(entries.len() as u64)?;
            for entry in entries {
                write_entry(entry, cbor)?;
            }
        }
        Record::OfferEnd { count, bytes, more } => {
            cbor.map(2 + u64::from(*more))?.u8(0)?.u64(*count)?.u8(1)?.u64(*bytes)?;
            if *more {
                cbor.u8(2)?.bool(true)?;
            }
        }
        Record::FileEnd { entry, size, hash } => {
            cbor.map(3)?.u8(0)?.u32(*entry)?.u8(1)?.u64(*size)?.u8(2)?.bytes(hash)?;
        }
        Record::Changed { entry, size, mtime } => {
            cbor.map(3)?.u8(0)?.u32(*entry)?.u8(1)?.u64(*size)?.u8(2)?.i64(*mtime)?;
        }
        Record::Pieces { entry, first, hashes } => {
            cbor.map(3)?.u8(0)?.u32(*entry)?.u8(1)?.u32(*first)?;
            cbor.u8(2)?.bytes(hashes.as_flattened())?;
        }
        Record::Accept => {
            cbor.map(0)?;
        }
        Record::Refuse(why) | Record::Cancel(why) => {
            let says = !why.says().is_empty();
            cbor.map(1 + u64::from(says))?.u8(0)?.u8(why.cause.number())?;
            if says {
                cbor.u8(1)?.str(why.says())?;
            }
        }
        Record::Need(needs) => {
            cbor.array(needs.len() as u64)?;
            for Need { entry, pieces } in needs {
                cbor.map(1 + u64::from(pieces.is_some()))?.u8(0)?.u32(*entry)?;
                let Some(pieces) = pieces else { continue };
                cbor.u8(1)?.array(2 * pieces.len() as u64)?;
                for range in pieces {
                    cbor.u32(range.start)?.u32(range.end)?;
                }
            }
        }
        Record::Have(entries) | Record::Committed(entries) => {
            cbor.array(entries.len() as u64)?;
            for entry in entries {
                cbor.u32(*entry)?;
            }
        }
        Record::Skip(all) | Record::Failed(all) => {
            cbor.array(all.len() as u64)?;
            for (entry, why) in all {
                let says = !why.says().is_empty();
                cbor.map(2 + u64::from(says))?.u8(0)?.u8(why.cause.number())?;
                if says {
                    cbor.u8(1)?.str(why.says())?;
                }
                cbor.u8(2)?.u32(*entry)?;
            }
        }
        Record::AskPieces { entry } => {
            cbor.map(1)?.u8(0)?.u32(*entry)?;
        }
        Record::Bye(Totals { there, missing, bytes, left_out }) => {
            cbor.map(if *left_out > 0 { 4 } else { 3 })?;
            cbor.u8(0)?.u64(*there)?.u8(1)?.u64(*missing)?.u8(2)?.u64(*bytes)?;
            if *left_out > 0 {
                cbor.u8(3)?.u64(*left_out)?;
            }
        }
    }
    Ok(())
}

fn write_entry(entry: &Entry, cbor: &mut Out<'_>) -> Written {
    let of = match entry.kind {
        EntryKind::File => 0,
        EntryKind::Folder => 1,
        EntryKind::Link => 2,
        EntryKind::Stream => 3,
    };
    let is_file = entry.kind == EntryKind::File;
    let is_link = entry.kind == EntryKind::Link;
    cbor.map(4 + u64::from(is_file) + u64::from(is_link))?;
    cbor.u8(0)?.array(entry.path.len() as u64)?;
    for component in &entry.path {
        cbor.bytes(component)?;
    }
    cbor.u8(1)?.u8(of)?;
    if is_file {
        cbor.u8(2)?.u64(entry.size)?;
    }
    cbor.u8(3)?.i64(entry.mtime)?.u8(4)?.u16(entry.mode)?;
    if is_link {
        cbor.u8(5)?.bytes(&entry.target)?;
    }
    Ok(())
}
