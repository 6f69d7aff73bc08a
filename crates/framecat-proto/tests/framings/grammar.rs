//! Words that are framings, and words that are not.

use framecat_proto::Framing;
use framecat_proto::framing::{PRESETS, TABLE};

#[test]
fn a_framing_prints_back_in_its_canonical_form() {
    for (typed, printed) in [
        ("raw", "raw"),
        ("native", "native"),
        ("eof", "eof"),
        ("line,resync,keep", "line,keep,resync"),
        ("crlf", "crlf"),
        ("nul,keep", "nul,keep"),
        (r"delim:\r\n", "crlf"),
        (r"delim:\x00,keep", "nul,keep"),
        (r"delim:\r\n,any", r"delim:\r\n,any"),
        (r"delim:\n", r"delim:\n"),
        ("delim:a,any", "delim:a"),
        ("delim:abab,any,keep", "delim:ab,keep,any"),
        (r"delim:\x2c\x41\xff é:\\", r"delim:\x2cA\xff\x20é:\\"),
        ("json", "json"),
        ("lsp,keep", "lsp,keep"),
        ("syslog,keep", "syslog,keep"),
        ("dot,keep", "dot,keep"),
        ("resp", "resp"),
        ("ndjson,resync", "ndjson,resync"),
        ("json-seq,resync", "json-seq,resync"),
        ("len:u32be", "len:u32be"),
        ("len:u32be@0,head=4,counts=payload", "len:u32be"),
        ("len:u16be@4,head=6", "len:u16be@4"),
        ("len:u16be@4,head=7,counts=rest,keep", "len:u16be@4,head=7,counts=rest,keep"),
        (
            "len:u8@2,max=9,keep,magic=0AfF,tail=CE,counts=total,head=4",
            "len:u8@2,head=4,counts=total,tail=ce,magic=0aff,keep,max=9",
        ),
        ("len:varint@1,counts=rest", "len:varint@1,counts=rest"),
        ("struct", "struct"),
        ("struct,keep", "struct,keep"),
        ("fixed:007", "fixed:7"),
        ("netstring", "netstring"),
        ("netstring,keep,keep", "netstring,keep"),
        ("slip,resync", "slip,resync"),
        ("cobs", "cobs"),
        ("hdlc,resync", "hdlc,resync"),
        ("gap:50ms", "gap:50ms"),
        ("gap:1m30s", "gap:1m30s"),
        ("gap:1500ms", "gap:1s500ms"),
        ("stx", "stx"),
        ("stx,resync,dle", "stx,dle,resync"),
        ("stx,resync,keep", "stx,keep,resync"),
        ("cobs,resync,resync", "cobs,resync"),
        ("len:varint4@1,keep", "len:varint4@1,keep"),
        ("dns", "dns"),
        ("postgres", "postgres"),
        ("git", "git"),
        ("http", "http"),
        ("guess", "guess"),
    ] {
        let rule: Framing = typed.parse().unwrap_or_else(|error| panic!("{typed}: {error}"));
        assert_eq!(rule.to_string(), printed, "{typed}");
        assert_eq!(printed.parse(), Ok(rule), "{printed}");
    }
}

/// Word, problem, and what the remedy holds.
const REFUSED: &[(&str, &str, &str)] = &[
    ("", "`` is no framing", "raw native eof line"),
    ("lines", "`lines` is no framing", "did you mean `line`?"),
    ("delm:x", "`delm:x` is no framing", "did you mean `delim`?"),
    ("u32be", "`u32be` is no framing", "see framecat help framings"),
    ("raw:1", "the framing `raw` takes no argument, but `:1` follows", "write `raw` alone"),
    (
        "eof,resync",
        "the framing `eof` cannot resynchronise",
        "leave `,resync` out; what can is: line",
    ),
    ("line:x", "the framing `line` takes no argument, but `:x` follows", "delim:BYTES"),
    ("line,", "an option is missing after a comma of the framing `line`", "line[,keep][,resync]"),
    ("line,kep", "`kep` means nothing to the framing `line`", "did you mean `keep`?"),
    (
        "line,any",
        "`any` means nothing to the framing `line`",
        "the grammar is line[,keep][,resync]",
    ),
    ("crlf:x", "the framing `crlf` takes no argument, but `:x` follows", "write crlf[,keep]"),
    ("crlf,resync", "the framing `crlf` cannot resynchronise", "leave `,resync` out"),
    ("nul,any", "`any` means nothing to the framing `nul`", "the grammar is nul[,keep]"),
    ("delim", "the framing `delim` needs its marker", r"a comma is \x2c"),
    ("delim:,keep", "the framing `delim` needs its marker", r"a comma is \x2c"),
    ("delim:a,anny", "`anny` means nothing to the framing `delim`", "did you mean `any`?"),
    (r"delim:\q", r"`\q` is no escape of the framing `delim`", r"\r \n \t \0 \xHH"),
    (r"delim:a\", r"`\` is no escape of the framing `delim`", r"\r \n \t \0 \xHH"),
    (r"delim:\x1", r"`\x1` has \x without two hex digits", r"\xHH"),
    (r"delim:\x+1", r"`\x+1` has \x without two hex digits", r"\xHH"),
    (r"delim:\xé", r"`\xé` has \x without two hex digits", r"\xHH"),
    ("json:x", "the framing `json` takes no argument, but `:x` follows", "write `json` alone"),
    ("json,resync", "the framing `json` cannot resynchronise", "what can is: line ndjson json-seq"),
    (
        "resp,keep",
        "the framing `resp` takes no argument, but `,keep` follows",
        "write `resp` alone",
    ),
    ("lsp,kep", "`kep` means nothing to the framing `lsp`", "did you mean `keep`?"),
    ("syslog:514", "the framing `syslog` takes no argument, but `:514` follows", "syslog[,keep]"),
    ("dot,resync", "the framing `dot` cannot resynchronise", "leave `,resync` out"),
    ("ndjson:x", "the framing `ndjson` takes no argument, but `:x` follows", "ndjson[,resync]"),
    ("ndjson,keep", "`keep` means nothing to the framing `ndjson`", "ndjson[,resync]"),
    ("json-seq,resyn", "`resyn` means nothing to the framing `json-seq`", "did you mean `resync`?"),
    ("jsonseq", "`jsonseq` is no framing", "did you mean `json-seq`?"),
    ("len", "in the framing `len`, the width of the length field is missing", "u8 u16be"),
    ("len:u16", "in the framing `len`, `u16` is no width", "did you mean `u16be`?"),
    ("len:uint", "in the framing `len`, `uint` is no width", "the widths are u8 u16be"),
    (
        "len:u8@x",
        "in the framing `len`, `@x` gives no number of bytes",
        "write @N, N from 0 to 4096",
    ),
    ("len:u8@4097", "in the framing `len`, `@4097` gives no number of bytes", "N from 0 to 4096"),
    ("len:u8,head=+3", "in the framing `len`, `head=+3` gives no number of bytes", "write head=N"),
    (
        "len:u32be,head=3",
        "in the framing `len`, the header has 3 bytes, the length field ends at 4",
        "write head=4 or more",
    ),
    (
        "len:u16be@2,magic=010203",
        "in the framing `len`, the magic has 3 bytes and lies over the length field",
        "len:u16be@3",
    ),
    (
        "len:varint,counts=self",
        "in the framing `len`, a varint cannot count itself (counts=self)",
        "counts=payload",
    ),
    (
        "len:qvarint,counts=total",
        "in the framing `len`, a qvarint cannot count itself (counts=total)",
        "counts=payload",
    ),
    (
        "len:varint,head=5",
        "in the framing `len`, head= has no meaning with a varint",
        "leave head= out",
    ),
    (
        "len:u8@300,counts=total",
        "in the framing `len`, a u8 that counts total holds no message",
        "an empty message would need the value 301",
    ),
    (
        "len:u8,counts=all",
        "in the framing `len`, `all` is nothing that a length counts",
        "counts=rest",
    ),
    ("len:u8,tail=0", "in the framing `len`, `tail=0` is not in hex", "as in tail=0d0a"),
    ("len:u8,tail=", "in the framing `len`, `tail=` is not in hex", "two hex digits"),
    ("len:u8@1,magic=é", "in the framing `len`, `magic=é` is not in hex", "as in magic=0d0a"),
    ("len:u8,keep,keep", "in the framing `len`, `keep` is given twice", "once is enough"),
    ("len:u8,max", "in the framing `len`, `max` needs a value", "write max=…"),
    (
        "len:u8,max=99999999999",
        "in the framing `len`, `max=99999999999` gives no number of bytes",
        "N from 0 to 1073741824",
    ),
    ("len:u8,keep=1", "`keep=1` means nothing to the framing `len`", "the grammar is len:WIDTH"),
    (
        "len:u8,count=rest",
        "`count=rest` means nothing to the framing `len`",
        "did you mean `counts`?",
    ),
    ("len:u8,resync", "the framing `len` cannot resynchronise", "leave `,resync` out"),
    (
        "struct:!QI",
        "the framing `struct` takes no argument, but `:!QI` follows",
        "write struct[,keep]",
    ),
    ("struct,keeep", "`keeep` means nothing to the framing `struct`", "did you mean `keep`?"),
    ("fixed", "the framing `fixed` needs its number of bytes, not ``", "write fixed:N"),
    ("fixed:0", "the framing `fixed` needs its number of bytes, not `0`", "N from 1 to 1073741824"),
    ("fixed:+1", "the framing `fixed` needs its number of bytes, not `+1`", "write fixed:N"),
    ("fixed:4,keep", "the framing `fixed` has no header or trailer to keep", "write fixed:N"),
    (
        "netstring:5",
        "the framing `netstring` takes no argument, but `:5` follows",
        "write netstring[,keep]",
    ),
    ("slip:x", "the framing `slip` takes no argument, but `:x` follows", "write slip[,resync]"),
    (
        "slip,keep",
        "the framing `slip` has nothing to keep around its messages",
        r"`delim:\xc0,keep` hands messages on",
    ),
    ("cobs:0", "the framing `cobs` takes no argument, but `:0` follows", "write cobs[,resync]"),
    (
        "cobs,keep",
        "the framing `cobs` has nothing to keep around its messages",
        "`nul,keep` hands messages on",
    ),
    ("hdlc:", "the framing `hdlc` takes no argument, but `:` follows", "write hdlc[,resync]"),
    (
        "hdlc,keep",
        "the framing `hdlc` has nothing to keep around its messages",
        r"`delim:\x7e,keep` hands messages on",
    ),
    ("stx:", "the framing `stx` takes no argument, but `:` follows", "write stx[,dle][,keep]"),
    (
        "stx,keep,dle",
        "the framing `stx,dle` has nothing to keep around its messages",
        r"`delim:\x10\x03,keep` hands messages on",
    ),
    ("stx,kep", "`kep` means nothing to the framing `stx`", "did you mean `keep`?"),
    ("gap", "the framing `gap` needs the time of its silence", "write gap:TIME, as in gap:50ms"),
    ("gap:", "the framing `gap` needs the time of its silence", "write gap:TIME, as in gap:50ms"),
    ("gap:50", "in the framing `gap`, `50` has no unit", "50ms for milliseconds"),
    ("gap:soon", "in the framing `gap`, `soon` is no time", "500ms"),
    ("gap:0", "in the framing `gap`, `0` is too short or too long", "TIME from 1ms to 1h"),
    ("gap:999us", "in the framing `gap`, `999us` is too short or too long", "TIME from 1ms to 1h"),
    ("gap:2h", "in the framing `gap`, `2h` is too short or too long", "TIME from 1ms to 1h"),
    ("gap:1s,keep", "the framing `gap` has no header or trailer to keep", "write gap:TIME"),
    ("gap:1s,resync", "the framing `gap` cannot resynchronise", "leave `,resync` out"),
    ("slip,rsync", "`rsync` means nothing to the framing `slip`", "did you mean `resync`?"),
    ("netstring,resync", "the framing `netstring` cannot resynchronise", "leave `,resync` out"),
    ("netstrings", "`netstrings` is no framing", "did you mean `netstring`?"),
    (
        "dns,keep",
        "`dns` is a preset and takes nothing, but `,keep` follows",
        "or what it stands for: len:u16be",
    ),
    ("mqtts", "`mqtts` is no framing", "did you mean `mqtt`?"),
    ("postgre", "`postgre` is no framing", "did you mean `postgres`?"),
    ("git:x", "the framing `git` takes no argument, but `:x` follows", "write `git` alone"),
    ("guess:x", "the framing `guess` takes no argument, but `:x` follows", "write `guess` alone"),
    ("mllp,resync", "the framing `mllp` cannot resynchronise", "leave `,resync` out"),
    (
        "len:varint4,counts=total",
        "in the framing `len`, a varint4 cannot count itself (counts=total)",
        "counts=payload",
    ),
    ("fixed:4,resync", "the framing `fixed` cannot resynchronise", "leave `,resync` out"),
];

#[test]
fn a_word_that_is_no_framing_says_what_is_wrong_and_what_to_write() {
    for (word, problem, remedy) in REFUSED {
        let error = word.parse::<Framing>().expect_err(word);
        assert_eq!(error.problem, *problem, "{word}");
        assert!(error.remedy.contains(remedy), "{word}: {}", error.remedy);
    }
}

#[test]
fn every_framing_of_the_table_parses_by_its_name() {
    for row in TABLE {
        let word = match row.name {
            "delim" => "delim:x".into(),
            "len" => "len:u8".into(),
            "fixed" => "fixed:1".into(),
            "gap" => "gap:1s".into(),
            name => name.to_string(),
        };
        assert!(word.parse::<Framing>().is_ok(), "{word}");
        assert!(row.grammar.starts_with(row.name), "{}", row.grammar);
        assert_eq!(Framing::nearest(row.name), Some(row.name));
    }
}

#[test]
fn every_preset_stands_for_a_line_that_is_printed_the_same() {
    for row in PRESETS {
        let preset: Framing = row.name.parse().unwrap();
        assert_eq!(preset.to_string(), row.name);
        let line: Framing = row.line.parse().unwrap();
        assert_eq!(preset.expanded(), &line, "{}", row.name);
        assert_eq!(line.to_string(), row.line, "{}: as the grammar prints it", row.name);
        assert_eq!(preset.tail(), line.tail(), "{}", row.name);
        assert!(!row.message.is_empty() && !row.source.is_empty(), "{}", row.name);
        assert_eq!(Framing::nearest(row.name), Some(row.name));
    }
}
