use super::*;

const TEXT: &[u8] = b"hello hello hello hello, and once more hello\n";

/// [`TEXT`] as `gzip -n9`, `brotli -q 11` and `zstd --check` write it.
const CODED: [(Coding, &str); 3] = [
    (
        Coding::Gzip,
        "1f8b0800000000000203cb48cdc9c957c84027751412f35214f2f392531572f38b5221825c007f2b04862d000000",
    ),
    (
        Coding::Brotli,
        "1f2c00f88d946ede34708e85166460f05f2b80b0c969457801461e7900092aedd254d6a9fde03901",
    ),
    (
        Coding::Zstd,
        "28b52ffd0458150100e068656c6c6f202c20616e64206f6e6365206d6f72652068656c6c6f0a0100994b118f0ab72e",
    ),
];

fn bytes(hex: &str) -> Vec<u8> {
    let digit = |byte: u8| (byte as char).to_digit(16).unwrap() as u8;
    hex.as_bytes().chunks(2).map(|two| digit(two[0]) << 4 | digit(two[1])).collect()
}

/// Decodes pieces. No call may give much more than it says.
fn decode(coding: Coding, pieces: &[&[u8]]) -> Result<Vec<u8>, CodingError> {
    let mut decoder = Decoder::new(coding);
    let mut all = Vec::new();
    for piece in pieces {
        let mut at = 0;
        loop {
            let mut out = Vec::new();
            let decoded = decoder.decode(&piece[at..], &mut out)?;
            assert!(out.len() <= 2 * DECODED_BYTES, "{coding:?} gives {} at once", out.len());
            all.extend_from_slice(&out);
            assert!(decoded.taken > 0 || decoded.more || at == piece.len(), "{coding:?} hangs");
            at += decoded.taken;
            if at == piece.len() && !decoded.more {
                break;
            }
        }
    }
    decoder.end(&mut all)?;
    Ok(all)
}

#[test]
fn every_coding_survives_every_split() {
    for (coding, hex) in CODED {
        let coded = bytes(hex);
        for cut in 0..=coded.len() {
            let (a, b) = coded.split_at(cut);
            assert_eq!(decode(coding, &[a, b]).as_deref(), Ok(TEXT), "{coding:?} split at {cut}");
        }
        let single: Vec<&[u8]> = coded.chunks(1).collect();
        assert_eq!(decode(coding, &single).as_deref(), Ok(TEXT), "{coding:?} byte by byte");
    }
}

#[test]
fn what_is_cut_anywhere_is_an_error_and_nothing_at_all_is_nothing() {
    for (coding, hex) in CODED {
        let coded = bytes(hex);
        for cut in 1..coded.len() {
            let cut_off = decode(coding, &[&coded[..cut]]);
            assert!(cut_off.is_err(), "{coding:?} cut at {cut} is {cut_off:?}");
        }
        assert_eq!(decode(coding, &[]).as_deref(), Ok(b"".as_slice()), "{coding:?}");
    }
}

#[test]
fn a_changed_bit_is_noticed_where_the_coding_has_a_checksum() {
    for (coding, hex) in CODED {
        let coded = bytes(hex);
        for bit in 0..coded.len() * 8 {
            let mut broken = coded.clone();
            broken[bit / 8] ^= 1 << (bit % 8);
            let decoded = decode(coding, &[&broken]);
            // br has none, and of a gzip header time, system and flags say nothing about the data.
            let free = coding == Coding::Brotli || (coding == Coding::Gzip && bit / 8 < 10);
            // That zstd's header asks for no checksum is no error either.
            let free = free || (coding == Coding::Zstd && bit / 8 < 6);
            let harmless = decoded.as_deref() == Ok(TEXT);
            assert!(decoded.is_err() || free || harmless, "{coding:?} bit {bit}: {decoded:?}");
        }
    }
}

#[test]
fn what_stands_behind_the_end_is_an_error_unless_it_is_more_of_the_same() {
    for (coding, hex) in CODED {
        let coded = bytes(hex);
        let twice = [coded.as_slice(), coded.as_slice()].concat();
        let found = decode(coding, &[&twice]);
        match coding {
            Coding::Brotli => assert!(found.is_err(), "{found:?}"),
            _ => assert_eq!(found.as_deref(), Ok([TEXT, TEXT].concat().as_slice()), "{coding:?}"),
        }
        let garbage = [coded.as_slice(), b"garbage!"].concat();
        assert!(decode(coding, &[&garbage]).is_err(), "{coding:?}");
    }
    // A frame to be skipped (RFC 8878 section 3.1.2).
    let skipped = [b"\x52\x2a\x4d\x18\x03\0\0\0abc".as_slice(), &bytes(CODED[2].1)].concat();
    let pieces: Vec<&[u8]> = skipped.chunks(2).collect();
    assert_eq!(decode(Coding::Zstd, &pieces).as_deref(), Ok(TEXT));
}

#[test]
fn a_bomb_is_given_in_small_pieces() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&vec![0; 64 << 20]).unwrap();
    let gzip = encoder.finish().unwrap();
    assert!(gzip.len() < 70 << 10, "{}", gzip.len());
    // 64 MiB of zeros, as brotli -q 9 writes them.
    let br = "cfffff7f002400e2b14072effff9ffff0f8004401c1680eefd3fffffff01900088c302d0bdffe7ffff3f001200715800baf7ff03";
    // A frame of 512 blocks of 128 KiB, each one byte repeated.
    let mut zstd = bytes("28b52ffd0068");
    for block in 0..512 {
        zstd.extend_from_slice(&[2 | u8::from(block == 511), 0, 0x10, 0]);
    }
    for (coding, coded) in [(Coding::Gzip, gzip), (Coding::Brotli, bytes(br)), (Coding::Zstd, zstd)]
    {
        let mut decoder = Decoder::new(coding);
        let (mut at, mut total) = (0, 0);
        loop {
            let mut out = Vec::new();
            let decoded = decoder.decode(&coded[at..], &mut out).expect("it is whole");
            assert!(out.len() <= 2 * DECODED_BYTES, "{coding:?} gives {} at once", out.len());
            assert!(out.iter().all(|byte| *byte == 0), "{coding:?}");
            total += out.len();
            at += decoded.taken;
            if at == coded.len() && !decoded.more {
                break;
            }
        }
        assert_eq!(total, 64 << 20, "{coding:?}");
        assert_eq!(decoder.end(&mut Vec::new()), Ok(()), "{coding:?}");
    }
}

#[test]
fn a_window_larger_than_http_has_is_refused_before_it_is_made() {
    // zstd --long=27: a window of 128 MiB.
    let error = decode(Coding::Zstd, &[&bytes("28b52ffd048864000010000002")]).unwrap_err();
    assert!(error.to_string().contains("8 MiB"), "{error}");
    // A brotli stream that asks for the large windows of RFC 9841's kind.
    assert!(decode(Coding::Brotli, &[&bytes("111e03000000")]).is_err());
}
