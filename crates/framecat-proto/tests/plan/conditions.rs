//! Conditions, ranges and codings: RFC 9110 sections 12 to 14, a row a rule.

use super::*;
use framecat_proto::http::Coding;
use framecat_proto::http::conditional::{self, State, Validators};

/// Fields, with `E` for the file's ETag, `=`, `<` and `>` for its date, one second before and after.
fn with(fields: &str) -> String {
    let etag = get("").get("ETag").unwrap().to_owned();
    fields
        .replace("{E}", &etag)
        .replace("{=}", "Sun, 06 Nov 1994 08:49:37 GMT")
        .replace("{<}", "Sun, 06 Nov 1994 08:49:36 GMT")
        .replace("{>}", "Sun, 06 Nov 1994 08:49:38 GMT")
}

#[test]
fn conditions_are_tried_in_their_order() {
    for (fields, status) in [
        // Section 13.1.1: strongly, and before the date.
        ("If-Match: {E}", 200),
        ("If-Match: \"x\", {E}", 200),
        ("If-Match: \"x\"\nIf-Match: {E}", 200),
        ("If-Match: *", 200),
        ("If-Match: W/{E}", 412),
        ("If-Match: \"x\"", 412),
        ("If-Match:", 412),
        ("If-Match: x", 412),
        ("If-Match: {E}\nIf-Unmodified-Since: {<}", 200),
        ("If-Match: \"x\"\nIf-None-Match: {E}", 412),
        // Section 13.1.4.
        ("If-Unmodified-Since: {=}", 200),
        ("If-Unmodified-Since: {>}", 200),
        ("If-Unmodified-Since: {<}", 412),
        ("If-Unmodified-Since: Sunday, 06-Nov-94 08:49:36 GMT", 412),
        ("If-Unmodified-Since: Sun Nov  6 08:49:36 1994", 412),
        ("If-Unmodified-Since: yesterday", 200),
        ("If-Unmodified-Since: {<}, {<}", 200),
        ("If-Unmodified-Since: {<}\nIf-Unmodified-Since: {<}", 200),
        ("If-Unmodified-Since: {<}\nIf-None-Match: {E}", 412),
        // Section 13.1.2: weakly, and before the date.
        ("If-None-Match: {E}", 304),
        ("If-None-Match: W/{E}", 304),
        ("If-None-Match: \"x\", \"y,z\" ,, W/{E}", 304),
        ("If-None-Match: \"x\"\nIf-None-Match: {E}", 304),
        ("If-None-Match: *", 304),
        ("If-None-Match: \"x\"", 200),
        ("If-None-Match: x, {E}", 200),
        ("If-None-Match: \"x\" {E}", 200),
        ("If-None-Match: \"{E}", 200),
        ("If-None-Match: \"x\"\nIf-Modified-Since: {=}", 200),
        ("If-None-Match: {E}\nIf-Modified-Since: {<}", 304),
        ("If-None-Match: \"x\"\nIf-Unmodified-Since: {>}", 200),
        // Section 13.1.3.
        ("If-Modified-Since: {=}", 304),
        ("If-Modified-Since: {>}", 304),
        ("If-Modified-Since: {<}", 200),
        ("If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT", 304),
        ("If-Modified-Since: Sun Nov  6 08:49:37 1994", 304),
        ("If-Modified-Since: Sun, 06 Nov 99994 08:49:37 GMT", 200),
        ("If-Modified-Since: {=}, {=}", 200),
        ("If-Modified-Since: {=}\nIf-Modified-Since: {=}", 200),
        // A condition comes before the range, section 13.2.2.
        ("If-None-Match: {E}\nRange: bytes=0-1", 304),
        ("If-Match: \"x\"\nRange: bytes=0-1", 412),
        ("If-Match: {E}\nRange: bytes=0-1", 206),
        ("If-Modified-Since: {=}\nRange: bytes=2000-", 304),
    ] {
        for method in ["GET", "HEAD"] {
            let text = format!("{method} /a.txt HTTP/1.1\nHost: localhost\n{}", with(fields));
            let reply = answer(&text, &found("a.txt"));
            let status = if method == "HEAD" && status == 206 { 200 } else { status };
            assert_eq!(reply.status, status, "{method} {fields}");
            if status == 304 {
                assert_eq!((reply.body, reply.fields.contains(&b':')), (Content::None, true));
                let reply = answer(&text, &found("a.txt"));
                assert!(reply.get("ETag").is_some() && reply.get("Vary").is_some());
                assert_eq!((reply.get("Last-Modified"), reply.get("Content-Type")), (None, None));
            }
        }
        // What would be no success anyhow is not asked its conditions (section 13.2.1).
        for (facts, status) in [(Facts::Missing, 404), (Facts::Denied, 403), (Facts::Folder, 301)] {
            let text = format!("GET /a.txt HTTP/1.1\nHost: localhost\n{}", with(fields));
            assert_eq!(answer(&text, &facts).status, status, "{fields}");
        }
    }
}

#[test]
fn a_page_made_anew_has_no_validators_and_is_there() {
    for (fields, status) in [
        ("If-Match: *", 200),
        ("If-Match: \"x\"", 412),
        ("If-None-Match: *", 304),
        ("If-None-Match: \"x\"", 200),
        ("If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT", 200),
        ("If-Unmodified-Since: Sun, 06 Nov 1904 08:49:37 GMT", 200),
        ("Range: bytes=0-1", 200),
    ] {
        let text = format!("GET / HTTP/1.1\nHost: localhost\n{fields}");
        assert_eq!(answer(&text, &Facts::Folder).status, status, "{fields}");
    }
}

#[test]
fn a_range_is_what_the_field_says_or_nothing() {
    for (value, status, want) in [
        ("bytes=0-0", 206, "0+1"),
        ("bytes=0-9", 206, "0+10"),
        ("BYTES=990-", 206, "990+10"),
        ("bytes=-10", 206, "990+10"),
        ("bytes=-1000", 206, "0+1000"),
        ("bytes=-5000", 206, "0+1000"),
        ("bytes=0-", 206, "0+1000"),
        ("bytes=999-5000", 206, "999+1"),
        ("bytes=5-18446744073709551616", 206, "5+995"),
        ("bytes=-99999999999999999999999999999999", 206, "0+1000"),
        ("bytes=000000000000000000000000000000001-2", 206, "1+2"),
        ("bytes=0-1,5-6", 206, "0+2 5+2"),
        ("bytes=5-6 ,\t0-1", 206, "5+2 0+2"),
        ("bytes=0-1,,2000-3000,", 206, "0+2"),
        ("bytes=0-4,3-9", 206, "0+10"),
        ("bytes=0-4,5-9", 206, "0+10"),
        ("bytes=8-9,0-1,2-7", 206, "0+10"),
        ("bytes=20-29,0-9,5-24,50-", 206, "0+30 50+950"),
        ("bytes=-1,0-0,-1,0-0", 206, "999+1 0+1"),
        // Nothing of it is there.
        ("bytes=1000-", 416, ""),
        ("bytes=1000-1001,-0", 416, ""),
        ("bytes=-0", 416, ""),
        ("bytes=18446744073709551616-", 416, ""),
        ("bytes=18446744073709551615-18446744073709551615", 416, ""),
        // No range, so no request for one.
        ("", 200, "0+1000"),
        ("bytes", 200, "0+1000"),
        ("bytes=", 200, "0+1000"),
        ("bytes=,", 200, "0+1000"),
        ("bytes=-", 200, "0+1000"),
        ("bytes=5-2", 200, "0+1000"),
        ("bytes=0-1,5-2", 200, "0+1000"),
        ("bytes=a-b", 200, "0+1000"),
        ("bytes=0x0-1", 200, "0+1000"),
        ("bytes=+0-1", 200, "0+1000"),
        ("bytes=--1", 200, "0+1000"),
        ("bytes=0-1-2", 200, "0+1000"),
        ("bytes=0 - 1", 200, "0+1000"),
        ("bytes= 0-1", 200, "0+1000"),
        ("bytes =0-1", 200, "0+1000"),
        ("bytes=0-1;2-3", 200, "0+1000"),
        ("bytes=-9223372036854775808,-26x", 200, "0+1000"),
        ("lines=0-1", 200, "0+1000"),
        ("bytes=0-1\nRange: bytes=0-1", 200, "0+1000"),
    ] {
        let reply = get(&format!("Range: {value}"));
        assert_eq!(reply.status, status, "{value}");
        match status {
            416 => assert_eq!(reply.get("Content-Range"), Some("bytes */1000"), "{value}"),
            206 if !want.contains(' ') => {
                let (from, len) = want.split_once('+').unwrap();
                let (from, len): (u64, u64) = (from.parse().unwrap(), len.parse().unwrap());
                let range = format!("bytes {from}-{}/1000", from + len - 1);
                assert_eq!(reply.get("Content-Range"), Some(&*range), "{value}");
                assert_eq!(reply.body.length(), Some(len), "{value}");
            }
            _ => assert_eq!(reply.get("Content-Range"), None, "{value}"),
        }
        if status != 416 {
            assert_eq!(content(&reply), want, "{value}");
        }
    }
}

#[test]
fn more_ranges_than_anybody_needs_are_ignored() {
    let many = |n: usize, range: &dyn Fn(usize) -> String| {
        let ranges: Vec<String> = (0..n).map(range).collect();
        get(&format!("Range: bytes={}", ranges.join(",")))
    };
    let apart = |nth: usize| format!("{}-{}", nth * 10, nth * 10 + 1);
    assert_eq!(content(&many(16, &apart)).split(' ').count(), 16);
    assert_eq!((many(17, &apart).status, &*content(&many(17, &apart))), (200, "0+1000"));
    assert_eq!(many(200, &|_| "0-".into()).status, 200);
    assert_eq!(many(5_000, &|_| "5000-".into()).status, 200);
    // However they lie, no byte is sent twice.
    let reply = many(16, &|nth| format!("{nth}-"));
    assert_eq!((&*content(&reply), reply.body.length()), ("0+1000", Some(SIZE)));
}

#[test]
fn several_ranges_are_parts_between_boundaries() {
    let reply = get("Range: bytes=0-9,-5");
    assert_eq!(reply.get("Content-Type"), Some("multipart/byteranges; boundary=THIS_SEPARATES"));
    assert_eq!(reply.get("Content-Range"), None);
    let length = reply.body.length().unwrap();
    let Content::File { parts, end, .. } = reply.body else { panic!("no file") };
    let mut bytes = Vec::new();
    for part in &parts {
        bytes.extend_from_slice(&part.before);
        bytes.extend((0..part.len).map(|_| b'.'));
    }
    bytes.extend_from_slice(&end);
    assert_eq!(bytes.len() as u64, length);
    assert_eq!(
        String::from_utf8(bytes).unwrap(),
        "--THIS_SEPARATES\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\
         Content-Range: bytes 0-9/1000\r\n\
         \r\n\
         ..........\r\n\
         --THIS_SEPARATES\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\
         Content-Range: bytes 995-999/1000\r\n\
         \r\n\
         .....\r\n\
         --THIS_SEPARATES--\r\n"
    );
}

#[test]
fn an_empty_file_has_no_range() {
    let facts = Facts::File {
        name: b"a.txt".into(),
        file: FileFacts { size: 0, ..file() },
        coded: Vec::new(),
    };
    for (value, status) in [("0-", 416), ("0-0", 416), ("-0", 416), ("-1", 200), ("0-,-5", 200)] {
        let text = format!("GET /a.txt HTTP/1.1\nHost: localhost\nRange: bytes={value}");
        let reply = answer(&text, &facts);
        assert_eq!(reply.status, status, "{value}");
        if status == 416 {
            assert_eq!(reply.get("Content-Range"), Some("bytes */0"));
        } else {
            assert_eq!(reply.body.length(), Some(0));
        }
    }
}

#[test]
fn if_range_wants_exactly_what_there_is() {
    for (value, status) in [
        ("{E}", 206),
        ("{=}", 206),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 206),
        ("W/{E}", 200),
        ("\"x\"", 200),
        ("{E}, {E}", 200),
        ("{E}x", 200),
        ("{<}", 200),
        ("{>}", 200),
        ("*", 200),
        ("", 200),
        ("x", 200),
        ("{E}\nIf-Range: {E}", 200),
    ] {
        let fields = with(&format!("Range: bytes=0-9\nIf-Range: {value}"));
        assert_eq!(get(&fields).status, status, "{value}");
        // Without a range it is not looked at; where it holds not, neither is a range behind the end.
        assert_eq!(get(&with(&format!("If-Range: {value}"))).status, 200, "{value}");
        let behind = with(&format!("Range: bytes=2000-\nIf-Range: {value}"));
        assert_eq!(get(&behind).status, if status == 206 { 416 } else { 200 }, "{value}");
    }
    // Within its own second the date is a weak validator.
    let text = with("GET /a.txt HTTP/1.1\nHost: localhost\nRange: bytes=0-9\nIf-Range: {=}");
    assert_eq!(answered(&text, &found("a.txt"), &policy(), CHANGED).1.status, 200);
    assert_eq!(answered(&text, &found("a.txt"), &policy(), CHANGED + 1).1.status, 206);
}

#[test]
fn a_file_that_may_still_change_unseen_has_a_weak_tag() {
    let facts = |settled| Facts::File {
        name: b"a.txt".into(),
        file: FileFacts { settled, ..file() },
        coded: Vec::new(),
    };
    let (fresh, old) = (facts(false), facts(true));
    let get = |fields: &str, facts| {
        answer(&format!("GET /a.txt HTTP/1.1\nHost: localhost\n{fields}"), facts)
    };
    let (weak, strong) = (get("", &fresh), get("", &old));
    let (weak, strong) = (weak.get("ETag").unwrap(), strong.get("ETag").unwrap());
    assert_eq!(weak, format!("W/{strong}"));
    for (fields, facts, status) in [
        (format!("If-None-Match: {weak}"), &fresh, 304),
        (format!("If-None-Match: {weak}"), &old, 304),
        (format!("If-None-Match: {strong}"), &fresh, 304),
        (format!("If-Match: {weak}"), &fresh, 412),
        (format!("If-Match: {weak}"), &old, 412),
        (format!("Range: bytes=0-1\nIf-Range: {weak}"), &fresh, 200),
        (format!("Range: bytes=0-1\nIf-Range: {weak}"), &old, 200),
        (format!("Range: bytes=0-1\nIf-Range: {strong}"), &old, 206),
    ] {
        assert_eq!(get(&fields, facts).status, status, "{fields}");
    }
}

#[test]
fn a_time_is_settled_once_another_change_would_show() {
    const MS: u32 = 1_000_000;
    for (mtime, nanos, now, now_nanos, settled) in [
        (100, 5 * MS, 100, 5 * MS, false),
        (100, 5 * MS, 100, 24 * MS, false),
        (100, 5 * MS, 100, 25 * MS, true),
        (100, 995 * MS, 101, 5 * MS, false),
        (100, 995 * MS, 101, 15 * MS, true),
        // Whole seconds: it may be a file system that has no others.
        (100, 0, 101, 999 * MS, false),
        (100, 0, 102, 0, true),
        (200, 5 * MS, 100, 0, false),
        (10_000, 5 * MS, 100, 0, true),
        (i64::MIN, 0, i64::MAX, 0, true),
        (i64::MAX, 0, i64::MIN, 0, true),
    ] {
        let is = FileFacts::is_settled(mtime, nanos, now, now_nanos);
        assert_eq!(is, settled, "{mtime}.{nanos} at {now}.{now_nanos}");
    }
}

#[test]
fn a_file_from_the_future_was_changed_now() {
    let text = "GET /a.txt HTTP/1.1\nHost: localhost";
    let reply = answered(text, &found("a.txt"), &policy(), CHANGED - 1).1;
    assert_eq!(reply.get("Last-Modified"), Some("Sun, 06 Nov 1994 08:49:36 GMT"));
}

/// `/a.txt`, kept in these codings as well.
fn kept(codings: &[Coding]) -> Facts {
    let facts = |at: usize| FileFacts { size: 100 + at as u64, inode: 8 + at as u64, ..file() };
    let coded = codings.iter().enumerate().map(|(at, coding)| (*coding, facts(at)));
    Facts::File { name: b"a.txt".into(), file: file(), coded: coded.collect() }
}

#[test]
fn a_coding_is_sent_where_it_is_wanted_and_there() {
    use Coding::{Brotli, Gzip, Zstd};
    for (accept, codings, status, want, named) in [
        ("", &[Brotli, Gzip][..], 200, "0+1000", None),
        ("Accept-Encoding: gzip, br", &[Brotli, Gzip], 200, "br0+100", Some("br")),
        ("Accept-Encoding: gzip, br", &[Gzip], 200, "gzip0+100", Some("gzip")),
        ("Accept-Encoding: gzip, br", &[Zstd], 200, "0+1000", None),
        ("Accept-Encoding: gzip, br;q=0.5", &[Brotli, Gzip], 200, "gzip0+101", Some("gzip")),
        ("Accept-Encoding: identity, br;q=0.5", &[Brotli], 200, "0+1000", None),
        ("Accept-Encoding: *", &[Brotli], 200, "0+1000", None),
        ("Accept-Encoding: identity;q=0, *", &[Zstd], 200, "zstd0+100", Some("zstd")),
        ("Accept-Encoding: identity;q=0", &[Zstd], 406, "", None),
        ("Accept-Encoding: *;q=0", &[Zstd], 406, "", None),
        ("Accept-Encoding: br\nRange: bytes=10-19", &[Brotli], 206, "br10+10", Some("br")),
        ("Accept-Encoding: br\nRange: bytes=1-2,5-6", &[Brotli], 200, "br0+100", Some("br")),
        ("Accept-Encoding: br\nRange: bytes=500-", &[Brotli], 416, "", None),
    ] {
        let text = format!("GET /a.txt HTTP/1.1\nHost: localhost\n{accept}");
        let reply = answer(&text, &kept(codings));
        assert_eq!((reply.status, reply.get("Content-Encoding")), (status, named), "{accept}");
        if matches!(status, 200 | 206) {
            assert_eq!(content(&reply), want, "{accept}");
            assert_eq!(reply.get("Content-Type"), Some("text/plain; charset=utf-8"));
        }
        if status != 416 {
            assert_eq!(reply.get("Vary"), Some("Accept-Encoding"), "{accept}");
        }
    }
}

#[test]
fn each_coding_has_a_tag_of_its_own() {
    let facts = kept(&Coding::ALL);
    let tag = |coding: &str| {
        let text = format!("GET /a.txt HTTP/1.1\nHost: localhost\nAccept-Encoding: {coding}");
        answer(&text, &facts).get("ETag").unwrap().to_owned()
    };
    let mut tags = ["identity", "br", "zstd", "gzip"].map(tag);
    tags.sort();
    assert!(tags.windows(2).all(|pair| pair[0] != pair[1]), "{tags:?}");
    // The tag of one says nothing of another.
    let text = format!(
        "GET /a.txt HTTP/1.1\nHost: localhost\nAccept-Encoding: gzip\nIf-None-Match: {}",
        tag("br")
    );
    assert_eq!(answer(&text, &facts).status, 200);
}

#[test]
fn codings_are_looked_for_where_they_are_worth_it() {
    for (target, precompressed, codings) in [
        ("/a.txt", true, 2),
        ("/", true, 2),
        ("/a.txt", false, 0),
        ("/a.png", true, 0),
        ("/a.txt.gz", true, 0),
        ("/?json", true, 0),
    ] {
        let policy = Policy { precompressed, ..policy() };
        let text = format!("GET {target} HTTP/1.1\nHost: localhost\nAccept-Encoding: gzip, br");
        let needs = answered(&text, &Facts::Missing, &policy, NOW).0.unwrap();
        assert_eq!(needs.accepted.codings().count(), codings, "{target} {precompressed}");
    }
}

#[test]
fn a_file_is_coded_on_its_way_where_that_is_worth_it_and_may_be() {
    let (size, small) = (40_000, 16 << 10);
    let row = |name: &str, size: u64, kept: &[Coding], line: &str, fields: &str, compress: bool| {
        let line = line.replace("NAME", name);
        let Facts::File { name, file, .. } = found(name) else { unreachable!() };
        let coded = kept.iter().map(|c| (*c, FileFacts { size: 100, inode: 8, ..file })).collect();
        let facts = Facts::File { name, file: FileFacts { size, ..file }, coded };
        let text = format!("{line}\nHost: localhost\n{fields}");
        answered(&text, &facts, &Policy { compress, ..policy() }, NOW).1
    };
    const GET: &str = "GET /NAME HTTP/1.1";
    const OLD: &str = "GET /NAME HTTP/1.0";
    const HEAD: &str = "HEAD /NAME HTTP/1.1";
    let gzip = "Accept-Encoding: gzip";
    let both = "Accept-Encoding: br, gzip";
    for (name, size, kept, line, fields, want) in [
        ("a.txt", size, &[][..], GET, gzip, "squeezed"),
        ("a.txt", size, &[], GET, "Accept-Encoding: br, gzip;q=0.1", "squeezed"),
        ("a.txt", size, &[], HEAD, gzip, "squeezed"),
        ("a.txt", size, &[], GET, "", "0+40000"),
        ("a.txt", size, &[], GET, "Accept-Encoding: br, zstd", "0+40000"),
        ("a.txt", size, &[], GET, "Accept-Encoding: gzip;q=0", "0+40000"),
        ("a.txt", size, &[], GET, "Accept-Encoding: gzip;q=0.5, identity", "0+40000"),
        ("a.txt", size, &[], GET, "Accept-Encoding: *", "0+40000"),
        // What is kept in a coding needs not be made, whichever it is.
        ("a.txt", size, &[Coding::Brotli], GET, both, "br0+100"),
        ("a.txt", size, &[Coding::Brotli], GET, gzip, "squeezed"),
        ("a.txt", size, &[Coding::Gzip], GET, both, "gzip0+100"),
        // Not of what is small, or would not become smaller.
        ("a.txt", 1_023, &[], GET, gzip, "0+1023"),
        ("a.txt", 1_024, &[], GET, gzip, "squeezed"),
        ("a.png", size, &[], GET, gzip, "0+40000"),
        ("a", size, &[], GET, gzip, "0+40000"),
        // HTTP/1.0 knows the end of what is long by its length alone.
        ("a.txt", size, &[], OLD, gzip, "0+40000"),
        ("a.txt", small, &[], OLD, gzip, "squeezed"),
        // Who wants nothing else gets it all the same.
        ("a.txt", size, &[], OLD, "Accept-Encoding: gzip, *;q=0", "squeezed"),
        ("a.txt", 0, &[], GET, "Accept-Encoding: gzip, *;q=0", "squeezed"),
        ("a.txt", size, &[], GET, "Range: bytes=0-\nAccept-Encoding: gzip, *;q=0", "squeezed"),
        // Ranges are of the file as it is.
        ("a.txt", size, &[], GET, "Accept-Encoding: gzip\nRange: bytes=5-9", "5+5"),
        ("a.txt", size, &[], GET, "Accept-Encoding: gzip\nRange: lines=1", "0+40000"),
        ("a.txt", size, &[], HEAD, "Accept-Encoding: gzip\nRange: bytes=5-9", "squeezed"),
    ] {
        let reply = row(name, size, kept, line, fields, true);
        assert_eq!(content(&reply), want, "{line} {name} {size} {kept:?} {fields}");
        let squeezed = want == "squeezed";
        let tag = reply.get("ETag").unwrap();
        if !want.contains("100") {
            assert_eq!(tag.ends_with("-gzip\""), squeezed, "{tag}");
            assert_eq!(reply.get("Content-Encoding"), squeezed.then_some("gzip"));
            assert_eq!(reply.get("Accept-Ranges"), (!squeezed).then_some("bytes"));
        }
        assert_eq!(reply.get("Vary").is_some(), name.ends_with(".txt"), "{name}");
        assert_eq!(reply.body.length().is_none(), squeezed);
        let plain = row(name, size, kept, line, fields, false);
        assert!(squeezed || plain == reply, "without --compress the rest is the same");
        assert!(content(&plain) != "squeezed");
    }
    // Its tag is known again, and says nothing of the file as it is.
    let tag =
        |fields: &str| row("a.txt", size, &[], GET, fields, true).get("ETag").unwrap().to_owned();
    let (coded, plain) = (tag(gzip), tag(""));
    let with = |field: &str, tag: &str, accept: &str| {
        let reply = row("a.txt", size, &[], GET, &format!("{accept}\n{field}: {tag}"), true);
        (reply.status, content(&reply))
    };
    assert_eq!(with("If-None-Match", &coded, gzip).0, 304);
    assert_eq!(with("If-None-Match", &plain, gzip), (200, "squeezed".into()));
    assert_eq!(with("If-None-Match", &coded, "Accept-Encoding: br"), (200, "0+40000".into()));
    assert_eq!(with("If-Match", &coded, gzip), (200, "squeezed".into()));
    assert_eq!(with("If-Match", &plain, gzip).0, 412);
    // What was begun coded is not gone on with: its rest would be of another representation.
    let ranged = format!("{gzip}\nRange: bytes=5-9");
    assert_eq!(with("If-Range", &coded, &ranged), (200, "0+40000".into()));
    assert_eq!(with("If-Range", &plain, &ranged), (206, "5+5".into()));
    // A file that was just changed has a weak one.
    let young = answered(
        &format!("{GET}\nHost: localhost\n{gzip}"),
        &Facts::File {
            name: b"a.txt".into(),
            file: FileFacts { settled: false, size, ..file() },
            coded: Vec::new(),
        },
        &Policy { compress: true, ..policy() },
        NOW,
    );
    assert!(
        young.1.get("ETag").is_some_and(|tag| tag.starts_with("W/") && tag.ends_with("-gzip\""))
    );
}

#[test]
fn a_listing_is_coded_for_whoever_accepts_it() {
    for (target, accept, want, vary) in [
        ("/", "gzip, br", "Html squeezed", "Accept-Encoding, Accept-Language"),
        ("/?json", "x-gzip", "Json squeezed", "Accept-Encoding"),
        ("/", "gzip, *;q=0", "Html squeezed", "Accept-Encoding, Accept-Language"),
        ("/", "br", "Html", "Accept-Encoding, Accept-Language"),
        ("/?json", "", "Json", "Accept-Encoding"),
        ("/", "*", "Html", "Accept-Encoding, Accept-Language"),
    ] {
        for method in ["GET", "HEAD"] {
            let text =
                format!("{method} {target} HTTP/1.1\nHost: localhost\nAccept-Encoding: {accept}");
            let reply = answer(&text, &Facts::Folder);
            assert_eq!((reply.status, content(&reply)), (200, want.into()), "{target} {accept}");
            assert_eq!(reply.get("Vary"), Some(vary));
            let coded = want.ends_with("squeezed").then_some("gzip");
            assert_eq!(reply.get("Content-Encoding"), coded, "{target} {accept}");
        }
    }
    let text = "GET / HTTP/1.1\nHost: localhost\nAccept-Encoding: br, identity;q=0";
    assert_eq!(answer(text, &Facts::Folder).status, 406);
}

#[test]
fn whoever_read_a_file_coded_on_its_way_may_change_it_if_it_is_still_the_same() {
    let holds = |field: &str, tag: &str, file: &FileFacts| {
        let bytes = bytes(&format!("PUT /a.txt HTTP/1.1\nHost: localhost\n{field}: {tag}"));
        let request = head::request(&bytes).unwrap().unwrap();
        conditional::holds(&request.fields, State::Known(file), NOW)
    };
    let changed = FileFacts { mtime_nanos: 124, ..file() };
    for coding in [None, Some(Coding::Gzip)] {
        let tag = Validators::of(&file(), coding, NOW).etag;
        assert!(holds("If-Match", &tag, &file()) && !holds("If-Match", &tag, &changed), "{tag}");
        assert!(!holds("If-None-Match", &tag, &file()) && holds("If-None-Match", &tag, &changed));
    }
    let other = Validators::of(&file(), Some(Coding::Brotli), NOW).etag;
    assert!(!holds("If-Match", &other, &file()));
}
