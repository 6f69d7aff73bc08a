use super::*;
use crate::http::Field;

fn fields<'b>(all: &[(&'b str, &'b str)]) -> Fields<'b> {
    let mut fields = Fields::default();
    for (name, value) in all {
        fields.push(Field { name, value: value.as_bytes() });
    }
    fields
}

#[test]
fn redirects_keep_the_method_where_rfc_9110_says_so() {
    use Follow::{Get, Same};
    for (status, method, follow) in [
        (301, "GET", Some(Same)),
        (301, "HEAD", Some(Same)),
        (301, "POST", Some(Get)),
        (302, "POST", Some(Get)),
        (302, "PUT", Some(Same)),
        (302, "DELETE", Some(Same)),
        (303, "POST", Some(Get)),
        (303, "PUT", Some(Get)),
        (303, "DELETE", Some(Get)),
        (303, "HEAD", Some(Same)),
        (303, "GET", Some(Same)),
        (307, "POST", Some(Same)),
        (308, "POST", Some(Same)),
        (308, "PUT", Some(Same)),
        (300, "GET", None),
        (304, "GET", None),
        (305, "GET", None),
        (306, "GET", None),
        (200, "GET", None),
        (201, "POST", None),
    ] {
        assert_eq!(redirect(status, method), follow, "{status} to {method}");
    }
}

#[test]
fn only_what_is_no_secret_goes_to_another_origin() {
    for name in ["accept", "Accept-Language", "USER-AGENT", "content-type"] {
        assert!(goes_elsewhere(name), "{name}");
    }
    for name in
        ["Authorization", "cookie", "Cookie2", "X-Api-Key", "Proxy-Authorization", "Host", ""]
    {
        assert!(!goes_elsewhere(name), "{name}");
    }
    assert!(
        is_of_content("content-type") && is_of_content("Content-MD5") && is_of_content("expect")
    );
    assert!(!is_of_content("contents") && !is_of_content("Accept") && !is_of_content("é234567x"));
}

#[test]
fn a_content_range_is_read_strictly() {
    use ContentRange::{None as Nothing, Part};
    for (value, range) in [
        ("bytes 0-4/10", Some(Part { first: 0, last: 4, size: Some(10) })),
        ("BYTES 5-9/*", Some(Part { first: 5, last: 9, size: None })),
        ("bytes */10", Some(Nothing { size: 10 })),
        ("bytes 9-9/10", Some(Part { first: 9, last: 9, size: Some(10) })),
        ("bytes 5-4/10", None),
        ("bytes 5-10/10", None),
        ("bytes +5-9/10", None),
        ("bytes 5 - 9/10", None),
        ("bytes=5-9/10", None),
        ("bytes 5-9", None),
        ("bytes */*", None),
        ("lines 5-9/10", None),
        ("bytes 18446744073709551615-18446744073709551616/*", None),
        ("bytes 0-18446744073709551615/*", None),
        ("", None),
    ] {
        assert_eq!(content_range(value.as_bytes()), range, "{value}");
    }
    assert_eq!(content_range(b"bytes 0-\xff/1"), None);
}

#[test]
fn a_part_is_gone_on_with_only_by_a_strong_validator() {
    let (old, now) = ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:50:37 GMT");
    let soon = "Sun, 06 Nov 1994 08:50:36 GMT";
    for (all, validator) in [
        (vec![("ETag", "\"a-b\"")], Some("\"a-b\"")),
        (vec![("etag", "\"\"")], Some("\"\"")),
        (vec![("ETag", "W/\"a\"")], None),
        (vec![("ETag", "a")], None),
        (vec![("ETag", "\"")], None),
        (vec![("ETag", "\"a\"b\"")], None),
        (vec![("ETag", "\"a b\"")], None),
        (vec![("ETag", "\"a\""), ("ETag", "\"b\"")], None),
        (vec![("ETag", "W/\"a\""), ("Last-Modified", old), ("Date", now)], None),
        (vec![("Last-Modified", old), ("Date", now)], Some(old)),
        (vec![("Last-Modified", old), ("Date", soon)], None),
        (vec![("Last-Modified", old), ("Date", old)], None),
        (vec![("Last-Modified", now), ("Date", old)], None),
        (vec![("Last-Modified", old)], None),
        (vec![("Last-Modified", "yesterday"), ("Date", now)], None),
        (vec![("Date", now)], None),
        (vec![], None),
    ] {
        let found = strong_validator(&fields(&all));
        assert_eq!(found.as_deref(), validator.map(str::as_bytes), "{all:?}");
    }
}

#[test]
fn the_coding_is_one_that_is_known_or_told() {
    for (all, found) in [
        (vec![], Coded::Plain),
        (vec![("Content-Encoding", "identity")], Coded::Plain),
        (vec![("Content-Encoding", "")], Coded::Plain),
        (vec![("Content-Encoding", "GZIP")], Coded::In(Coding::Gzip)),
        (vec![("Content-Encoding", "x-gzip")], Coded::In(Coding::Gzip)),
        (vec![("Content-Encoding", "br")], Coded::In(Coding::Brotli)),
        (vec![("Content-Encoding", " zstd , ")], Coded::In(Coding::Zstd)),
        (vec![("Content-Encoding", "deflate")], Coded::Unknown("deflate".into())),
        (vec![("Content-Encoding", "gzip, br")], Coded::Unknown("gzip, br".into())),
        (
            vec![("Content-Encoding", "gzip"), ("Content-Encoding", "gzip")],
            Coded::Unknown("gzip, gzip".into()),
        ),
    ] {
        assert_eq!(coded(&fields(&all)), found, "{all:?}");
    }
}
